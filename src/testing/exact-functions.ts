/**
 * Elementary functions in fixed point on BigInts, with 320 bits behind the point: the reference for the x87 transcendental functions.
 * Numbers are integers in units of 2^-320.
 */
import { type Rational, squareRootOf } from './exact-float.js';

export const FRACTION_BITS = 320n;
export const ONE = 1n << FRACTION_BITS;

export const fromRational = (a: Rational) => (a.numerator << FRACTION_BITS) / a.denominator;
export const toRational = (a: bigint): Rational => ({ numerator: a, denominator: ONE });
const multiply = (a: bigint, b: bigint) => (a * b) >> FRACTION_BITS;
const divide = (a: bigint, b: bigint) => (a << FRACTION_BITS) / b;

/** The sum of first, first * factor(1), first * factor(1) * factor(2) ... until a term vanishes. */
function sum(first: bigint, factor: (term: bigint, k: bigint) => bigint): bigint {
  let total = 0n;
  let term = first;
  for (let k = 1n; term !== 0n && term !== -1n; k++) {
    total += term;
    term = factor(term, k);
  }
  return total;
}

/** e^x - 1. */
export const expMinus1 = (x: bigint) => sum(x, (term, k) => multiply(term, x) / (k + 1n));

export function sine(x: bigint): bigint {
  const square = multiply(x, x);
  return sum(x, (term, k) => -multiply(term, square) / (2n * k * (2n * k + 1n)));
}

export function cosine(x: bigint): bigint {
  const square = multiply(x, x);
  return sum(ONE, (term, k) => -multiply(term, square) / ((2n * k - 1n) * 2n * k));
}

function artanh(x: bigint): bigint {
  const square = multiply(x, x);
  let total = 0n;
  let odd = x;
  for (let k = 1n; odd !== 0n && odd !== -1n; k += 2n) {
    total += odd / k;
    odd = multiply(odd, square);
  }
  return total;
}

/** ln(1 + x) for x from -1/2 to 1. */
export const logOf1Plus = (x: bigint) => 2n * artanh(divide(x, 2n * ONE + x));
export const LN2 = logOf1Plus(ONE);

/** log2(a) for a positive rational. */
export function log2(a: Rational): bigint {
  let { numerator, denominator } = a;
  let exponent = numerator.toString(2).length - denominator.toString(2).length;
  if (exponent > 0) denominator <<= BigInt(exponent);
  else numerator <<= BigInt(-exponent);
  if (numerator < denominator) {
    numerator <<= 1n;
    exponent--;
  }
  return (
    BigInt(exponent) * ONE + log2Of1Plus(fromRational({ numerator: numerator - denominator, denominator }))
  );
}

export const log2Of1Plus = (x: bigint) => divide(logOf1Plus(x), LN2);

/** arctan(x) for x from 0 to 1: halved three times, then the series. */
export function arctan(x: bigint): bigint {
  let t = x;
  for (let n = 0; n < 3; n++) t = divide(t, ONE + squareRootOf((ONE + multiply(t, t)) << FRACTION_BITS));
  const square = multiply(t, t);
  let total = 0n;
  let odd = t;
  for (let k = 1n; odd !== 0n && odd !== -1n; k += 2n) {
    total += odd / k;
    odd = -multiply(odd, square);
  }
  return total * 8n;
}

export const PI = 4n * arctan(ONE);
