/** Strings (winbase.h lstr functions, stringapiset.h). Sources: Microsoft, "lstrlenW function", "lstrcpynW function", "CompareStringW function", "GetStringTypeW function", "LCMapStringW function". */
import { foldName } from '../../host/folding.js';
import { GuestFault } from '../../mm/user-memory.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_PARAMETER, ERROR_NOACCESS } from '../ntdll/dos-error.js';
import { compareText, NORM_IGNORECASE } from './compare-text.js';
import { ERROR_INVALID_FLAGS, TRUE } from './results.js';
import { ANSI, bothForms, type TextForm, WIDE, writeText } from './text-form.js';

/** The lstr functions answer 0 where memory cannot be used. */
function tolerant(operation: ServiceFunction): ServiceFunction {
  return (call) => {
    try {
      return operation(call);
    } catch (error) {
      if (error instanceof GuestFault) return call.fail(ERROR_NOACCESS);
      throw error;
    }
  };
}

/** Units of a zero-terminated text. */
function lengthOf(call: ServiceCall, form: TextForm, address: number): number {
  if (form.unit === 1) return call.memory.findByte(address, 0, Number.MAX_SAFE_INTEGER);
  return call.memory.readUtf16(address).length;
}

const length = (form: TextForm) =>
  tolerant((call) => (call.address(0) === 0 ? 0 : lengthOf(call, form, call.address(0))));

/** LPTSTR lstrcpy(target, source). */
const copy = (form: TextForm) =>
  tolerant((call) => {
    const bytes = (lengthOf(call, form, call.address(1)) + 1) * form.unit;
    call.memory.probeWrite(call.address(0), bytes);
    call.memory.copy(call.address(0), call.address(1), bytes);
    return call.address(0);
  });

/** LPTSTR lstrcat(target, source). */
const append = (form: TextForm) =>
  tolerant((call) => {
    const end = call.address(0) + lengthOf(call, form, call.address(0)) * form.unit;
    const bytes = (lengthOf(call, form, call.address(1)) + 1) * form.unit;
    call.memory.probeWrite(end, bytes);
    call.memory.copy(end, call.address(1), bytes);
    return call.address(0);
  });

/** LPTSTR lstrcpyn(target, source, units): cut to what fits with the terminator. */
const copyCut = (form: TextForm) =>
  tolerant((call) => {
    const room = call.i32(2);
    if (room <= 0) return room === 0 ? call.address(0) : 0;
    const text = form.read(call, call.address(1), room - 1);
    writeText(call, form, call.address(0), text);
    return call.address(0);
  });

/** int lstrcmp(left, right) and lstrcmpi: as words sort, a missing text first. */
const compare = (flags: number) => (form: TextForm) =>
  tolerant((call) => {
    const [left, right] = [call.address(0), call.address(1)];
    if (left === 0 || right === 0) return left === right ? 0 : left === 0 ? -1 : 1;
    return compareText(form.read(call, left), form.read(call, right), flags);
  });

/** A text of a given number of units, or to its terminator when the number is negative. */
function counted(call: ServiceCall, form: TextForm, address: number, count: number): string {
  if (count < 0) return form.read(call, address);
  return form.decode(call.memory.readBytes(address, count * form.unit));
}

/** NORM_IGNORECASE, _NONSPACE, _SYMBOLS, linguistic forms, SORT_DIGITSASNUMBERS, SORT_STRINGSORT, kana and width. */
const COMPARE_FLAGS = 0x08031037;
const CSTR_LESS_THAN = 1;
const CSTR_EQUAL = 2;

/** int CompareString(locale, flags, left, leftUnits, right, rightUnits). */
const compareString =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const [left, right] = [call.address(2), call.address(4)];
    if (left === 0 || right === 0) return call.fail(ERROR_INVALID_PARAMETER);
    if (call.u32(1) & ~COMPARE_FLAGS) return call.fail(ERROR_INVALID_FLAGS);
    const order = compareText(
      counted(call, form, left, call.i32(3)),
      counted(call, form, right, call.i32(5)),
      call.u32(1),
    );
    return CSTR_EQUAL + order;
  };

/** int CompareStringOrdinal(left, leftUnits, right, rightUnits, ignoreCase). */
const compareOrdinal: ServiceFunction = (call) => {
  const [left, right] = [call.address(0), call.address(2)];
  if (left === 0 || right === 0) return call.fail(ERROR_INVALID_PARAMETER);
  let a = counted(call, WIDE, left, call.i32(1));
  let b = counted(call, WIDE, right, call.i32(3));
  if (call.u32(4) !== 0) [a, b] = [foldName(a), foldName(b)];
  if (a === b) return CSTR_EQUAL;
  return a < b ? CSTR_LESS_THAN : CSTR_EQUAL + 1;
};

export const LCMAP_LOWERCASE = 0x100;
export const LCMAP_UPPERCASE = 0x200;
const LCMAP_LINGUISTIC_CASING = 0x01000000;

/** A text in upper or lower case, one character for each. */
export function mapCase(text: string, flags: number): string {
  if (flags & LCMAP_UPPERCASE) return foldName(text);
  if (!(flags & LCMAP_LOWERCASE)) return text;
  let result = '';
  for (const character of text) {
    const lower = character.toLowerCase();
    result += lower.length === character.length ? lower : character;
  }
  return result;
}

/** int LCMapString(locale, flags, source, units, target, room): case alone; sort keys are refused. */
const mapString =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const [flags, source, count] = [call.u32(1), call.address(2), call.i32(3)];
    const [target, room] = [call.address(4), call.i32(5)];
    if (source === 0 || count === 0 || room < 0) return call.fail(ERROR_INVALID_PARAMETER);
    const both = LCMAP_LOWERCASE | LCMAP_UPPERCASE;
    if (flags & ~(both | LCMAP_LINGUISTIC_CASING) || (flags & both) === both)
      return call.fail(ERROR_INVALID_FLAGS);
    const text = counted(call, form, source, count) + (count < 0 ? '\0' : '');
    const bytes = form.encode(mapCase(text, flags));
    if (room === 0) return bytes.length / form.unit;
    if (bytes.length / form.unit > room) return call.fail(ERROR_INSUFFICIENT_BUFFER);
    call.memory.writeBytes(target, bytes);
    return bytes.length / form.unit;
  };

/** Bits of CT_CTYPE1, each with the characters that have it. */
const CTYPE1: readonly [bit: number, pattern: RegExp][] = [
  [0x001, /\p{Lu}/u],
  [0x002, /\p{Ll}/u],
  [0x004, /\p{Nd}/u],
  [0x008, /[\t-\r \x85\xa0\p{Z}]/u],
  [0x010, /[\p{P}\p{S}]/u],
  [0x020, /\p{Cc}/u],
  [0x040, /[\t \xa0\p{Zs}]/u],
  [0x080, /[0-9A-Fa-f]/],
  [0x100, /\p{L}/u],
  [0x200, /\P{Cn}/u],
];

/** CT_CTYPE1 bits of a character. */
export function characterType(character: string): number {
  return CTYPE1.reduce((type, [bit, pattern]) => (pattern.test(character) ? type | bit : type), 0);
}

const CT_CTYPE1 = 1;

/** Stores CT_CTYPE1 words of a text; other kinds are refused. */
function stringType(
  call: ServiceCall,
  form: TextForm,
  kind: number,
  source: number,
  count: number,
  target: number,
): number {
  if (kind !== CT_CTYPE1 || source === 0 || count === 0) return call.fail(ERROR_INVALID_PARAMETER);
  const text = counted(call, form, source, count) + (count < 0 ? '\0' : '');
  call.memory.probeWrite(target, text.length * 2);
  for (let index = 0; index < text.length; index++)
    call.memory.writeU16(target + 2 * index, characterType(text[index]!));
  return TRUE;
}

export const stringFunctions: Record<string, Service | ServiceFunction> = {
  ...bothForms('lstrlen', length),
  ...bothForms('lstrcpy', copy),
  ...bothForms('lstrcat', append),
  ...bothForms('lstrcpyn', copyCut),
  ...bothForms('lstrcmp', compare(0)),
  ...bothForms('lstrcmpi', compare(NORM_IGNORECASE)),
  lstrlen: length(ANSI),
  lstrcpy: copy(ANSI),
  lstrcat: append(ANSI),
  lstrcpyn: copyCut(ANSI),
  lstrcmp: compare(0)(ANSI),
  lstrcmpi: compare(NORM_IGNORECASE)(ANSI),
  ...bothForms('CompareString', compareString),
  CompareStringEx: compareString(WIDE),
  CompareStringOrdinal: compareOrdinal,
  ...bothForms('LCMapString', mapString),
  LCMapStringEx: mapString(WIDE),
  GetStringTypeW: (call) =>
    stringType(call, WIDE, call.u32(0), call.address(1), call.i32(2), call.address(3)),
  GetStringTypeA: (call) =>
    stringType(call, ANSI, call.u32(1), call.address(2), call.i32(3), call.address(4)),
  GetStringTypeExA: (call) =>
    stringType(call, ANSI, call.u32(1), call.address(2), call.i32(3), call.address(4)),
  GetStringTypeExW: (call) =>
    stringType(call, WIDE, call.u32(1), call.address(2), call.i32(3), call.address(4)),
};
