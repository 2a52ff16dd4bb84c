/**
 * Numbers in text, as the strto… functions and scanf read them. Decimal texts become the nearest double; hexadecimal
 * digits, infinities and NaNs came with the Universal C Runtime, so msvcrt.dll stops before them.
 * Source: "strtod, _strtod_l, wcstod, _wcstod_l (Visual Studio 2013)", "strtol", "strtoul", Microsoft.
 */

export interface ParsedDouble {
  readonly value: number;
  /** Index behind the last character used; 0 when there is no number. */
  readonly end: number;
  /** Too large, or too small for a normalized double: ERANGE. */
  readonly outOfRange: boolean;
}

export interface ParsedInteger {
  /** Without the sign. Of 2^64 and more only that and the low 64 bits are kept: 2^64 + (value modulo 2^64). */
  readonly magnitude: bigint;
  readonly negative: boolean;
  readonly end: number;
}

const SMALLEST_NORMAL = 2.2250738585072014e-308;
const DECIMAL = /^[\t-\r ]*([+-]?)(\d+\.?\d*|\.\d+)(?:[eEdD]([+-]?\d+))?/;
const PREFIX = /^[\t-\r ]*([+-]?)/;
const NONE: ParsedDouble = { value: 0, end: 0, outOfRange: false };

/** The double at the beginning of a text, behind white space. */
export function parseDouble(text: string): ParsedDouble {
  const match = DECIMAL.exec(text);
  if (match === null) return NONE;
  const [all, sign, digits, exponent] = match;
  const magnitude = Number(`${digits}e${exponent ?? '0'}`);
  const isNonzero = /[1-9]/.test(digits!);
  const outOfRange = isNonzero && (magnitude < SMALLEST_NORMAL || magnitude === Number.POSITIVE_INFINITY);
  return { value: sign === '-' ? -magnitude : magnitude, end: all.length, outOfRange };
}

/** Value of a digit in bases up to 36; 99 for what is none. */
export function digitValue(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const upper = code & ~0x20;
  return upper >= 65 && upper <= 90 ? upper - 55 : 99;
}

/** The integer at the beginning of a text, behind white space; base 0 takes it from the prefix 0x or 0. */
export function parseInteger(text: string, base: number): ParsedInteger {
  const prefix = PREFIX.exec(text)!;
  let at = prefix[0].length;
  const isHex = text[at] === '0' && (text[at + 1] === 'x' || text[at + 1] === 'X');
  const radix = base !== 0 ? base : isHex ? 16 : text[at] === '0' ? 8 : 10;
  if (radix === 16 && isHex) at += 2;
  const start = at;
  while (digitValue(text.charCodeAt(at)) < radix) at++;
  const negative = prefix[1] === '-';
  if (at === start) return { magnitude: 0n, negative: false, end: 0 };
  return { magnitude: magnitudeOf(text, start, at, radix), negative, end: at };
}

const SAFE_DIGITS = 10;

function magnitudeOf(text: string, start: number, end: number, radix: number): bigint {
  if (end - start <= SAFE_DIGITS) return BigInt(Number.parseInt(text.slice(start, end), radix));
  const limit = 1n << 64n;
  let value = 0n;
  for (let at = start; at < end; at++) {
    value = value * BigInt(radix) + BigInt(digitValue(text.charCodeAt(at)));
    if (value >= limit) value = limit + (value % limit);
  }
  return value;
}
