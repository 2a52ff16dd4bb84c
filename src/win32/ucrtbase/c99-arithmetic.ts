/** Arithmetic of C99's <math.h> on doubles that JavaScript has not. Pure functions. */
import { copySign, frexp, highWord, ldexp, lowWord } from '../msvcrt/math-kernel.js';

/** MXCSR's rounding control: to nearest, down, up, towards zero. */
export type Rounding = 0 | 1 | 2 | 3;

const TWO_52 = 2 ** 52;

/** The nearest integer; a half goes away from zero. */
export function roundAway(x: number): number {
  if (!Number.isFinite(x) || Math.abs(x) >= TWO_52) return x;
  const whole = Math.trunc(x);
  return copySign(Math.abs(x - whole) >= 0.5 ? Math.abs(whole) + 1 : Math.abs(whole), x);
}

/** The nearest integer; a half goes to the even one. */
function roundEven(x: number): number {
  if (!Number.isFinite(x) || Math.abs(x) >= TWO_52) return x;
  const magnitude = Math.abs(x);
  return copySign(magnitude + TWO_52 - TWO_52, x);
}

/** An integer by the rounding that the processor is set to. */
export function roundBy(x: number, rounding: Rounding): number {
  if (rounding === 0) return roundEven(x);
  if (rounding === 1) return Math.floor(x);
  return rounding === 2 ? Math.ceil(x) : Math.trunc(x);
}

/** The exact value of a finite double as mantissa * 2^exponent. */
function exact(x: number): { mantissa: bigint; exponent: number } {
  const high = highWord(x);
  const biased = (high >>> 20) & 0x7ff;
  let mantissa = (BigInt(high & 0xfffff) << 32n) | BigInt(lowWord(x));
  if (biased !== 0) mantissa |= 1n << 52n;
  return { mantissa: high >>> 31 === 1 ? -mantissa : mantissa, exponent: Math.max(biased, 1) - 1075 };
}

/** mantissa * 2^exponent as the nearest double, halves to even. */
function nearest(mantissa: bigint, exponent: number): number {
  const magnitude = mantissa < 0n ? -mantissa : mantissa;
  const bits = magnitude.toString(2).length;
  const last = Math.max(bits + exponent - 53, -1074);
  const drop = last - exponent;
  if (drop <= 0) return Number(mantissa) * 2 ** exponent;
  if (drop > bits + 1) return mantissa < 0n ? -0 : 0;
  const half = 1n << BigInt(drop - 1);
  const rest = magnitude & ((half << 1n) - 1n);
  let kept = magnitude >> BigInt(drop);
  if (rest > half || (rest === half && kept % 2n === 1n)) kept += 1n;
  return ldexp(Number(mantissa < 0n ? -kept : kept), last);
}

/** x * y + z, rounded once. */
export function fusedMultiplyAdd(x: number, y: number, z: number): number {
  if (![x, y, z].every(Number.isFinite) || x === 0 || y === 0 || z === 0) return x * y + z;
  const [left, right, added] = [exact(x), exact(y), exact(z)];
  const exponent = Math.min(left.exponent + right.exponent, added.exponent);
  const sum =
    ((left.mantissa * right.mantissa) << BigInt(left.exponent + right.exponent - exponent)) +
    (added.mantissa << BigInt(added.exponent - exponent));
  return sum === 0n ? 0 : nearest(sum, exponent);
}

/** IEEE remainder: x - n * y with n the integer nearest to x / y; n's low bits are the quotient of remquo. */
export function remainder(x: number, y: number): { remainder: number; quotient: number } {
  if (!Number.isFinite(x) || Number.isNaN(y) || y === 0) return { remainder: Number.NaN, quotient: 0 };
  if (!Number.isFinite(y) || x === 0) return { remainder: x, quotient: 0 };
  const divisor = Math.abs(y);
  // With the rest by eight divisors the three low bits of the quotient are known, and every step is exact.
  const many = divisor * 8;
  let rest = Number.isFinite(many) ? Math.abs(x) % many : Math.abs(x);
  let quotient = 0;
  for (const bit of [4, 2, 1]) {
    const multiple = divisor * bit;
    if (rest < multiple) continue;
    rest -= multiple;
    quotient += bit;
  }
  const other = divisor - rest;
  if (rest > other || (rest === other && quotient % 2 === 1)) {
    rest = -other;
    quotient = (quotient + 1) & 7;
  }
  const isNegative = x < 0 !== y < 0;
  const signed = x < 0 ? -rest : rest;
  return { remainder: signed === 0 ? copySign(0, x) : signed, quotient: isNegative ? -quotient : quotient };
}

/** The exponent of a finite number that is not zero. */
export function exponentOf(x: number): number {
  return frexp(x).exponent - 1;
}

/** 2^x: exact for whole x. */
export function exp2(x: number): number {
  return Number.isInteger(x) ? ldexp(1, x) : 2 ** x;
}
