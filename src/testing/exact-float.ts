/**
 * Binary floating point by exact rational arithmetic on BigInts: the reference that tests compare the processor's arithmetic with.
 * It shares nothing with the processor's own. Source: IEEE 754-2008; tininess is found after rounding, as x86 does.
 */

export interface Format {
  /** Bits of significand. */
  readonly precision: number;
  /** Exponent of the largest and of the smallest normal number. */
  readonly greatest: number;
  readonly least: number;
  /** Bits of the exponent field. */
  readonly exponentBits: number;
}

export const SINGLE: Format = { precision: 24, greatest: 127, least: -126, exponentBits: 8 };
export const DOUBLE: Format = { precision: 53, greatest: 1023, least: -1022, exponentBits: 11 };
export const EXTENDED: Format = { precision: 64, greatest: 16383, least: -16382, exponentBits: 15 };

export const NEAREST = 0;
export const DOWN = 1;
export const UP = 2;
export const TRUNCATE = 3;

export const IE = 1;
export const DE = 2;
export const ZE = 4;
export const OE = 8;
export const UE = 16;
export const PE = 32;

/** numerator / denominator; the denominator is positive. */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

export function rational(numerator: bigint, denominator = 1n): Rational {
  return denominator < 0n ? { numerator: -numerator, denominator: -denominator } : { numerator, denominator };
}

const power = (exponent: number) => 1n << BigInt(exponent);

/** significand * 2^exponent. */
export function scaled(significand: bigint, exponent: number): Rational {
  return exponent >= 0 ? rational(significand * power(exponent)) : rational(significand, power(-exponent));
}

export const plus = (a: Rational, b: Rational) =>
  rational(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator);
export const times = (a: Rational, b: Rational) =>
  rational(a.numerator * b.numerator, a.denominator * b.denominator);
export const over = (a: Rational, b: Rational) =>
  rational(a.numerator * b.denominator, a.denominator * b.numerator);
export const negate = (a: Rational) => rational(-a.numerator, a.denominator);
export const isLess = (a: Rational, b: Rational) => a.numerator * b.denominator < b.numerator * a.denominator;

export function squareRootOf(n: bigint): bigint {
  if (n < 2n) return n;
  let x = power((n.toString(2).length + 1) >> 1);
  for (;;) {
    const y = (x + n / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
}

/** The square root, cut at 200 bits, with a last bit that says whether anything was cut: enough to round to 64 bits. */
export function rootOf(a: Rational): Rational {
  const radicand = ((a.numerator * a.denominator) << 2000n) as bigint;
  const root = squareRootOf(radicand);
  const sticky = root * root === radicand ? 0n : 1n;
  return rational(root * 2n + sticky, (a.denominator << 1001n) as bigint);
}

function exponentOf(a: Rational): number {
  const magnitude = a.numerator < 0n ? -a.numerator : a.numerator;
  const guess = magnitude.toString(2).length - a.denominator.toString(2).length;
  return isLess(rational(magnitude, a.denominator), scaled(1n, guess)) ? guess - 1 : guess;
}

/** a in units of 2^unit, rounded to a whole number of them. */
export function roundToUnit(a: Rational, unit: number, rounding: number): { units: bigint; exact: boolean } {
  const negative = a.numerator < 0n;
  const magnitude = over(rational(negative ? -a.numerator : a.numerator, a.denominator), scaled(1n, unit));
  const whole = magnitude.numerator / magnitude.denominator;
  const twice = (magnitude.numerator - whole * magnitude.denominator) * 2n;
  if (twice === 0n) return { units: negative ? -whole : whole, exact: true };
  const isHalf = twice === magnitude.denominator;
  const nearestUp = twice > magnitude.denominator || (isHalf && whole % 2n === 1n);
  const up = rounding === NEAREST ? nearestUp : rounding === (negative ? DOWN : UP);
  const units = up ? whole + 1n : whole;
  return { units: negative ? -units : units, exact: false };
}

export interface Rounded {
  /** Biased exponent, and the significand with its leading bit. */
  readonly exponent: number;
  readonly significand: bigint;
  readonly flags: number;
}

/** Rounds a number that is not zero to `bits` bits in a format, all exceptions masked. */
export function roundTo(a: Rational, format: Format, rounding: number, bits = format.precision): Rounded {
  const bias = format.greatest;
  const negative = a.numerator < 0n;
  let exponent = exponentOf(a);
  const free = roundToUnit(a, exponent - bits + 1, rounding);
  const carried = free.units === (negative ? -power(bits) : power(bits));
  const tiny = exponent + (carried ? 1 : 0) < format.least;
  const unit = Math.max(exponent, format.least) - bits + 1;
  const { units, exact } = roundToUnit(a, unit, rounding);
  let significand = units < 0n ? -units : units;
  exponent = Math.max(exponent, format.least);
  if (significand === power(bits)) {
    significand >>= 1n;
    exponent++;
  }
  const flags = exact ? 0 : PE | (tiny ? UE : 0);
  if (exponent > format.greatest) {
    const away = rounding === NEAREST || rounding === (negative ? DOWN : UP);
    if (away) return { exponent: 2 * bias + 1, significand: power(bits - 1), flags: OE | PE };
    return { exponent: 2 * bias, significand: power(bits) - 1n, flags: OE | PE };
  }
  const isNormal = significand >= power(bits - 1);
  return { exponent: isNormal ? exponent + bias : 0, significand, flags };
}

/** The bits of a single or double. */
export function encode(a: Rational, format: Format, rounding: number): { bits: bigint; flags: number } {
  const { exponent, significand, flags } = roundTo(a, format, rounding);
  const fractionBits = BigInt(format.precision - 1);
  const sign = a.numerator < 0n ? 1n << (fractionBits + BigInt(format.exponentBits)) : 0n;
  const fraction = significand & ((1n << fractionBits) - 1n);
  return { bits: sign | (BigInt(exponent) << fractionBits) | fraction, flags };
}

/** The value of the bits of a finite single or double; undefined for infinities and NaNs. */
export function decode(bits: bigint, format: Format): Rational | undefined {
  const fractionBits = BigInt(format.precision - 1);
  const exponent = Number((bits >> fractionBits) & ((1n << BigInt(format.exponentBits)) - 1n));
  if (exponent === (1 << format.exponentBits) - 1) return undefined;
  const fraction = bits & ((1n << fractionBits) - 1n);
  const significand = exponent === 0 ? fraction : fraction | (1n << fractionBits);
  const negative = bits >> (fractionBits + BigInt(format.exponentBits)) === 1n;
  const unit = Math.max(exponent, 1) - format.greatest - (format.precision - 1);
  return scaled(negative ? -significand : significand, unit);
}

/** Whether the bits are a denormal. */
export function isDenormal(bits: bigint, format: Format): boolean {
  const fractionBits = BigInt(format.precision - 1);
  const exponent = (bits >> fractionBits) & ((1n << BigInt(format.exponentBits)) - 1n);
  return exponent === 0n && (bits & ((1n << fractionBits) - 1n)) !== 0n;
}
