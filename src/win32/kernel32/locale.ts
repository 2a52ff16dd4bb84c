/** The locale: English (United States), always. Sources: Microsoft, "GetLocaleInfoW function", "Locale Information Constants". */
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import {
  ERROR_INSUFFICIENT_BUFFER,
  ERROR_INVALID_PARAMETER,
  ERROR_NOT_ENOUGH_MEMORY,
} from '../ntdll/dos-error.js';
import { freeToHeap } from '../ntdll/heap.js';
import { heapContext } from '../ntdll/heap-context.js';
import { processHeap } from '../ntdll/heap-services.js';
import { ERROR_INVALID_FLAGS, TRUE } from './results.js';
import { bothForms, giveText, type TextForm, textInHeap, WIDE, writeText } from './text-form.js';

const LANGUAGE = 0x409;
const LOCALE_NAME = 'en-US';
const LOCALE_NAME_UNITS = LOCALE_NAME.length + 1;

/** LOCALE_* constants and what they are here. */
const INFORMATION: Readonly<Record<number, string>> = {
  1: '0409',
  2: 'English (United States)',
  3: 'ENU',
  4: 'English',
  5: '1',
  6: 'United States',
  7: 'USA',
  8: 'United States',
  9: '0409',
  10: '1',
  11: '437',
  12: ',',
  13: '1',
  14: '.',
  15: ',',
  16: '3;0',
  17: '2',
  18: '1',
  19: '0123456789',
  20: '$',
  21: 'USD',
  22: '.',
  23: ',',
  24: '3;0',
  25: '2',
  29: '/',
  30: ':',
  31: 'M/d/yyyy',
  32: 'dddd, MMMM d, yyyy',
  33: '0',
  35: '0',
  40: 'AM',
  41: 'PM',
  80: '',
  81: '-',
  89: 'en',
  90: 'US',
  92: LOCALE_NAME,
  4097: 'English',
  4098: 'United States',
  4099: 'h:mm:ss tt',
  4100: '1252',
  4105: '1',
  4112: '1',
  4113: '10000',
  4114: '037',
};

const LOCALE_SPECIFICDATA = 0x20;
const LOCALE_RETURN_NUMBER = 0x20000000;
const LOCALE_MODIFIERS = 0xf0000000;
/** Locales that mean this one: neutral, user default, system default, invariant, en-US. */
const LOCALES = [0, 0x400, 0x800, 0x7f, 0x9, LANGUAGE];

/** Names of this locale and of those that it stands in for, in lower case. */
const LOCALE_NAMES = ['', 'en-us', 'en', '!x-sys-default-locale'];
const MAXIMUM_NAME = 85;
const INVARIANT = 0x7f;

const isLocale = (id: number) => LOCALES.includes(id & 0xffff);

/** Whether an argument is a locale's identifier or, for the forms with Ex, its name. */
type LocaleCheck = (call: ServiceCall) => boolean;
const byIdentifier: LocaleCheck = (call) => isLocale(call.u32(0));

/** NULL is the user's default, the empty name the invariant locale. */
const byName: LocaleCheck = (call) => {
  if (call.address(0) === 0) return true;
  const name = WIDE.read(call, call.address(0), MAXIMUM_NAME).toLowerCase();
  return LOCALE_NAMES.includes(name);
};

/** int GetLocaleInfo(locale, kind, buffer, units). */
const localeInformation =
  (form: TextForm, isKnown: LocaleCheck = byIdentifier): ServiceFunction =>
  (call) => {
    const [kind, buffer, room] = [call.u32(1), call.address(2), call.i32(3)];
    if (!isKnown(call) || room < 0) return call.fail(ERROR_INVALID_PARAMETER);
    const text = INFORMATION[kind & ~LOCALE_MODIFIERS];
    if (text === undefined) return call.fail(ERROR_INVALID_FLAGS);
    if (kind & LOCALE_RETURN_NUMBER) {
      const units = 4 / form.unit;
      if (room === 0) return units;
      if (room < units) return call.fail(ERROR_INSUFFICIENT_BUFFER);
      call.memory.writeU32(buffer, Number.parseInt(text, (kind & 0xffff) === 1 ? 16 : 10) || 0);
      return units;
    }
    const units = form.encode(text).length / form.unit + 1;
    if (room === 0) return units;
    if (room < units) return call.fail(ERROR_INSUFFICIENT_BUFFER);
    writeText(call, form, buffer, text);
    return units;
  };

/** int GetUserDefaultLocaleName(buffer, units): with the terminator. */
const localeName: ServiceFunction = (call) => {
  if (call.i32(1) < LOCALE_NAME_UNITS) return call.fail(ERROR_INSUFFICIENT_BUFFER);
  return giveText(call, WIDE, LOCALE_NAME, call.address(0), call.i32(1)) + 1;
};

/** BOOL IsValidLocaleName(name). */
const isValidLocaleName: ServiceFunction = (call) =>
  WIDE.read(call, call.address(0)).toLowerCase() === LOCALE_NAME.toLowerCase() ? TRUE : 0;

/** LCID LocaleNameToLCID(name, flags). */
const nameToIdentifier: ServiceFunction = (call) => {
  if (!byName(call)) return call.fail(ERROR_INVALID_PARAMETER);
  const at = call.address(0);
  return at !== 0 && call.memory.readU16(at) === 0 ? INVARIANT : LANGUAGE;
};

/** int LCIDToLocaleName(locale, name, units, flags): units with the terminator. */
const identifierToName: ServiceFunction = (call) => {
  const room = call.i32(2);
  if (!byIdentifier(call) || room < 0) return call.fail(ERROR_INVALID_PARAMETER);
  const name = (call.u32(0) & 0xffff) === INVARIANT ? '' : LOCALE_NAME;
  if (room === 0) return name.length + 1;
  if (room < name.length + 1) return call.fail(ERROR_INSUFFICIENT_BUFFER);
  return giveText(call, WIDE, name, call.address(1), room) + 1;
};

/** BOOL EnumSystemLocales(function, flags): the function gets the one locale's identifier as text, eight digits. */
const enumerateLocales = (form: TextForm): Service => ({
  enter: (call) => {
    const text = textInHeap(call, form, LANGUAGE.toString(16).padStart(8, '0'));
    if (text === 0) return call.fail(ERROR_NOT_ENOUGH_MEMORY);
    return call.callGuest(call.address(0), [text], 0, [text]);
  },
  steps: [(call, [text]) => endEnumeration(call, text!)],
});

/** BOOL EnumSystemLocalesEx(function, flags, parameter, reserved): the name, its flags, the parameter. */
const enumerateLocaleNames: Service = {
  enter: (call) => {
    const text = textInHeap(call, WIDE, LOCALE_NAME);
    if (text === 0) return call.fail(ERROR_NOT_ENOUGH_MEMORY);
    return call.callGuest(call.address(0), [text, LOCALE_SPECIFICDATA, call.address(2)], 0, [text]);
  },
  steps: [(call, [text]) => endEnumeration(call, text!)],
};

function endEnumeration(call: ServiceCall, text: number): number {
  freeToHeap(heapContext(call), processHeap(call), text);
  return TRUE;
}

export const localeEnumerations: Record<string, Service> = {
  ...(bothForms('EnumSystemLocales', enumerateLocales) as Record<string, Service>),
  EnumSystemLocalesEx: enumerateLocaleNames,
};

export const localeFunctions: Record<string, Service | ServiceFunction> = {
  GetUserDefaultLCID: () => LANGUAGE,
  GetSystemDefaultLCID: () => LANGUAGE,
  GetThreadLocale: () => LANGUAGE,
  SetThreadLocale: (call) => (isLocale(call.u32(0)) ? TRUE : call.fail(ERROR_INVALID_PARAMETER)),
  GetUserDefaultLangID: () => LANGUAGE,
  GetSystemDefaultLangID: () => LANGUAGE,
  GetUserDefaultUILanguage: () => LANGUAGE,
  GetSystemDefaultUILanguage: () => LANGUAGE,
  GetUserDefaultLocaleName: localeName,
  GetSystemDefaultLocaleName: localeName,
  IsValidLocale: (call) => (isLocale(call.u32(0)) ? TRUE : 0),
  IsValidLocaleName: isValidLocaleName,
  ...bothForms('GetLocaleInfo', (form) => localeInformation(form)),
  GetLocaleInfoEx: localeInformation(WIDE, byName),
  LCIDToLocaleName: identifierToName,
  LocaleNameToLCID: nameToIdentifier,
};
