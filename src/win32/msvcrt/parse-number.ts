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

const HEX = /^[\t-\r ]*([+-]?)0[xX]([0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP]([+-]?\d+))?/;
const WORD = /^[\t-\r ]*([+-]?)(infinity|inf|nan(?:\([0-9a-z_]*\))?)/i;

/** The double at the beginning of a text, as the Universal C Runtime reads it: hexadecimal digits, infinities and NaNs too. */
export function parseUniversalDouble(text: string): ParsedDouble {
  const word = WORD.exec(text);
  if (word !== null) {
    const value = /^n/i.test(word[2]!) ? Number.NaN : Number.POSITIVE_INFINITY;
    return { value: word[1] === '-' ? -value : value, end: word[0].length, outOfRange: false };
  }
  const hex = HEX.exec(text);
  return hex === null ? parseDouble(text) : hexDouble(hex);
}

/** Bits of a double beyond which only "there is more" counts. */
const KEPT_BITS = 64n;

function hexDouble([all, sign, digits, exponent]: RegExpExecArray): ParsedDouble {
  const point = digits!.indexOf('.');
  const fraction = point < 0 ? 0 : digits!.length - point - 1;
  let mantissa = BigInt(`0x${digits!.replace('.', '')}`);
  let scale = Math.max(Math.min(Number(exponent ?? '0'), 1e6), -1e6) - 4 * fraction;
  const surplus = BigInt(mantissa.toString(2).length) - KEPT_BITS;
  if (surplus > 0n) {
    const cut = mantissa & ((1n << surplus) - 1n);
    mantissa = (mantissa >> surplus) | (cut === 0n ? 0n : 1n);
    scale += Number(surplus);
  }
  const magnitude = roundedProduct(mantissa, scale);
  const outOfRange =
    mantissa !== 0n && (magnitude < SMALLEST_NORMAL || magnitude === Number.POSITIVE_INFINITY);
  return { value: sign === '-' ? -magnitude : magnitude, end: all!.length, outOfRange };
}

/** mantissa * 2^scale, rounded once to the nearest double. */
function roundedProduct(mantissa: bigint, scale: number): number {
  if (mantissa === 0n) return 0;
  const bits = mantissa.toString(2).length;
  if (bits + scale > 1024) return Number.POSITIVE_INFINITY;
  if (bits + scale < -1074) return 0;
  // The last bit that the result can have: 53 bits of a normal number, 2^-1074 of others.
  const last = Math.max(bits + scale - 53, -1074);
  const drop = last - scale;
  if (drop <= 0) return Number(mantissa) * 2 ** Math.max(scale, -1074);
  const half = 1n << BigInt(drop - 1);
  const rest = mantissa & ((half << 1n) - 1n);
  let kept = mantissa >> BigInt(drop);
  if (rest > half || (rest === half && kept % 2n === 1n)) kept += 1n;
  return Number(kept) * 2 ** last;
}

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
