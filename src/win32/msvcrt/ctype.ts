/**
 * Character classification in the "C" locale: the tables that _pctype and _pwctype point to, and the functions that read
 * them. Source: "Character classification", "_pctype", "isctype" and the is… pages, Microsoft.
 */
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { variable } from './state.js';

export const UPPER = 0x1;
export const LOWER = 0x2;
export const DIGIT = 0x4;
export const SPACE = 0x8;
export const PUNCT = 0x10;
export const CONTROL = 0x20;
export const BLANK = 0x40;
export const HEX = 0x80;
export const ALPHA = 0x100;

const LETTERS = ALPHA | UPPER | LOWER;

/** Entries of the tables: EOF, then the codes 0..255. */
export const TABLE_ENTRIES = 257;

function narrowClass(code: number): number {
  if (code > 127) return 0;
  if (code < 32 || code === 127) return code >= 9 && code <= 13 ? CONTROL | SPACE : CONTROL;
  if (code === 32) return SPACE | BLANK;
  const letter = String.fromCharCode(code);
  if (/[0-9]/.test(letter)) return DIGIT | HEX;
  if (/[A-F]/.test(letter)) return UPPER | HEX;
  if (/[a-f]/.test(letter)) return LOWER | HEX;
  if (/[G-Z]/.test(letter)) return UPPER;
  return /[g-z]/.test(letter) ? LOWER : PUNCT;
}

/** Classes of a UTF-16 unit, by its Unicode properties; the first 128 are those of the narrow table and ALPHA. */
export function wideClass(unit: number): number {
  if (unit < 128) {
    const narrow = narrowClass(unit);
    return narrow & (UPPER | LOWER) ? narrow | ALPHA : unit === 9 ? narrow | BLANK : narrow;
  }
  const letter = String.fromCharCode(unit);
  if (/\p{Lu}|\p{Lt}/u.test(letter)) return ALPHA | UPPER;
  if (/\p{Ll}/u.test(letter)) return ALPHA | LOWER;
  if (/\p{L}/u.test(letter)) return ALPHA;
  if (/\p{Nd}/u.test(letter)) return DIGIT;
  if (/\p{Zs}/u.test(letter)) return SPACE | BLANK;
  if (/\p{Zl}|\p{Zp}/u.test(letter) || unit === 0x85) return SPACE | CONTROL;
  if (/\p{Cc}/u.test(letter)) return CONTROL;
  return /\p{P}|\p{S}|\p{N}|\p{M}/u.test(letter) ? PUNCT : 0;
}

function tableBytes(classOf: (code: number) => number): Uint8Array {
  const bytes = new Uint8Array(TABLE_ENTRIES * 2);
  for (let code = 0; code < 256; code++) {
    const classes = classOf(code);
    bytes[2 * code + 2] = classes & 0xff;
    bytes[2 * code + 3] = classes >>> 8;
  }
  return bytes;
}

/** First bytes of _ctype: EOF's entry, then 256. */
export const NARROW_TABLE = tableBytes(narrowClass);
/** The same for the wide functions. */
export const WIDE_TABLE = tableBytes(wideClass);

/** Makes _pctype and _pwctype point behind EOF's entry. */
export function fillCharacterTables(call: ServiceCall): void {
  call.memory.writePointer(variable(call, '_pctype'), variable(call, '_ctype') + 2);
  call.memory.writePointer(variable(call, '_pwctype'), variable(call, '_wctype') + 2);
}

const NARROW_MASKS: Readonly<Record<string, number>> = {
  isalpha: LETTERS,
  isupper: UPPER,
  islower: LOWER,
  isdigit: DIGIT,
  isxdigit: HEX,
  isspace: SPACE,
  ispunct: PUNCT,
  isalnum: LETTERS | DIGIT,
  isprint: BLANK | PUNCT | LETTERS | DIGIT,
  isgraph: PUNCT | LETTERS | DIGIT,
  iscntrl: CONTROL,
};

function narrowMasked(code: number, mask: number): number {
  return code >= 0 && code <= 255 ? narrowClass(code) & mask : 0;
}

function wideMasked(unit: number, mask: number): number {
  return unit === 0xffff ? 0 : wideClass(unit) & mask;
}

/** isalpha, iswalpha, _isalpha_l, _iswalpha_l, … */
function maskedFunctions(): Record<string, ServiceFunction> {
  const functions: Record<string, ServiceFunction> = {};
  for (const [name, mask] of Object.entries(NARROW_MASKS)) {
    const narrow: ServiceFunction = (call) => narrowMasked(call.i32(0), mask);
    const wide: ServiceFunction = (call) => wideMasked(call.u32(0) & 0xffff, mask);
    functions[name] = narrow;
    functions[`_${name}_l`] = narrow;
    const wideName = `isw${name.slice(2)}`;
    functions[wideName] = wide;
    functions[`_${wideName}_l`] = wide;
  }
  return functions;
}

const isAsciiUpper = (code: number) => code >= 65 && code <= 90;
const isAsciiLower = (code: number) => code >= 97 && code <= 122;

/** In the "C" locale case has to do with the 26 letters alone, for wide characters too. */
export function toLower(code: number): number {
  return isAsciiUpper(code) ? code + 32 : code;
}

export function toUpper(code: number): number {
  return isAsciiLower(code) ? code - 32 : code;
}

const lower: ServiceFunction = (call) => toLower(call.i32(0));
const upper: ServiceFunction = (call) => toUpper(call.i32(0));
const lowerWide: ServiceFunction = (call) => toLower(call.u32(0) & 0xffff);
const upperWide: ServiceFunction = (call) => toUpper(call.u32(0) & 0xffff);
const isWide: ServiceFunction = (call) => wideMasked(call.u32(0) & 0xffff, call.u32(1));
const isIdentifier = (code: number) => /^[A-Za-z0-9_]$/.test(String.fromCharCode(code & 0xffff));
const isNarrow: ServiceFunction = (call) => narrowMasked(call.i32(0), call.u32(1));

export const ctypeFunctions: Record<string, ServiceFunction> = {
  ...maskedFunctions(),
  _tolower_l: lower,
  _toupper_l: upper,
  _tolower: (call) => call.i32(0) + 32,
  _toupper: (call) => call.i32(0) - 32,
  towlower: lowerWide,
  towupper: upperWide,
  _towlower_l: lowerWide,
  _towupper_l: upperWide,
  iswctype: isWide,
  is_wctype: isWide,
  _iswctype_l: isWide,
  _isctype: isNarrow,
  _isctype_l: isNarrow,
  iswascii: (call) => ((call.u32(0) & 0xffff) < 128 ? 1 : 0),
  __isascii: (call) => (call.u32(0) < 128 ? 1 : 0),
  __toascii: (call) => call.u32(0) & 0x7f,
  __iscsym: (call) => (isIdentifier(call.u32(0)) ? 1 : 0),
  __iscsymf: (call) => (isIdentifier(call.u32(0)) && narrowMasked(call.i32(0), DIGIT) === 0 ? 1 : 0),
  isleadbyte: () => 0,
  _isleadbyte_l: () => 0,
  __pctype_func: (call) => variable(call, '_ctype') + 2,
  __pwctype_func: (call) => variable(call, '_wctype') + 2,
};
