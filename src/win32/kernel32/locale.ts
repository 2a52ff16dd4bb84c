/** The locale: English (United States), always. Sources: Microsoft, "GetLocaleInfoW function", "Locale Information Constants". */
import type { Service, ServiceFunction } from '../../nt/service.js';
import { ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { ERROR_INVALID_FLAGS, TRUE } from './results.js';
import { bothForms, giveText, type TextForm, WIDE, writeText } from './text-form.js';

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

const LOCALE_RETURN_NUMBER = 0x20000000;
const LOCALE_MODIFIERS = 0xf0000000;
/** Locales that mean this one: neutral, user default, system default, invariant, en-US. */
const LOCALES = [0, 0x400, 0x800, 0x7f, 0x9, LANGUAGE];

const isLocale = (id: number) => LOCALES.includes(id & 0xffff);

/** int GetLocaleInfo(locale, kind, buffer, units). */
const localeInformation =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const [kind, buffer, room] = [call.u32(1), call.address(2), call.i32(3)];
    if (!isLocale(call.u32(0)) || room < 0) return call.fail(ERROR_INVALID_PARAMETER);
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
  ...bothForms('GetLocaleInfo', localeInformation),
};
