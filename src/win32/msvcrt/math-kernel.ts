/** Mathematics on doubles that JavaScript has not, or not as exactly. Pure functions. */

const BITS = new DataView(new ArrayBuffer(8));
const SMALLEST_NORMAL = 2.2250738585072014e-308;
const TWO_54 = 2 ** 54;

export function highWord(x: number): number {
  BITS.setFloat64(0, x);
  return BITS.getUint32(0);
}

export function lowWord(x: number): number {
  BITS.setFloat64(0, x);
  return BITS.getUint32(4);
}

export function fromWords(high: number, low: number): number {
  BITS.setUint32(0, high);
  BITS.setUint32(4, low);
  return BITS.getFloat64(0);
}

/** What an invalid operation gives on this processor: a quiet NaN with the sign set, which prints as -1.#IND. */
export const INDEFINITE_HIGH = 0xfff80000;

export function isNegativeZeroOrLess(x: number): boolean {
  return highWord(x) >>> 31 === 1;
}

/** x = fraction * 2^exponent with 0.5 <= |fraction| < 1. */
export function frexp(x: number): { fraction: number; exponent: number } {
  if (x === 0 || !Number.isFinite(x)) return { fraction: x, exponent: 0 };
  if (Math.abs(x) < SMALLEST_NORMAL) {
    const scaled = frexp(x * TWO_54);
    return { fraction: scaled.fraction, exponent: scaled.exponent - 54 };
  }
  const high = highWord(x);
  const exponent = ((high >>> 20) & 0x7ff) - 1022;
  return { fraction: fromWords((high & 0x800fffff) | 0x3fe00000, lowWord(x)), exponent };
}

/** x * 2^exponent, rounded once. */
export function ldexp(x: number, exponent: number): number {
  if (x === 0 || !Number.isFinite(x)) return x;
  const parts = frexp(x);
  const total = parts.exponent + Math.max(Math.min(exponent, 5000), -5000);
  if (total > 1024) return x > 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  if (total >= -1021) return parts.fraction * 2 * 2 ** (total - 1);
  if (total < -1080) return x > 0 ? 0 : -0;
  // Exact above the smallest normal, then rounded by one multiplication.
  return parts.fraction * 2 ** -1000 * 2 ** (total + 1000);
}

/** Square of x as a sum of two doubles (Dekker). */
function squareTail(x: number, square: number): number {
  const c = 134217729 * x;
  const high = c - (c - x);
  const low = x - high;
  return high * high - square + 2 * high * low + low * low;
}

/** sqrt(x² + y²) without overflow on the way, within one unit in the last place. */
export function hypot(x: number, y: number): number {
  if (!Number.isFinite(x) || !Number.isFinite(y)) {
    return Math.abs(x) === Number.POSITIVE_INFINITY || Math.abs(y) === Number.POSITIVE_INFINITY
      ? Number.POSITIVE_INFINITY
      : Number.NaN;
  }
  const large = Math.max(Math.abs(x), Math.abs(y));
  const small = Math.min(Math.abs(x), Math.abs(y));
  if (small === 0 || small < large * 1e-17) return large;
  const { exponent } = frexp(large);
  const [a, b] = [ldexp(large, -exponent), ldexp(small, -exponent)];
  const [a2, b2] = [a * a, b * b];
  const sum = a2 + b2;
  const tail = a2 - sum + b2 + squareTail(a, a2) + squareTail(b, b2);
  const root = Math.sqrt(sum);
  const correction = (sum - root * root - squareTail(root, root * root) + tail) / (2 * root);
  return ldexp(root + correction, exponent);
}

/** log10 that is exact for powers of ten. */
export function log10(x: number): number {
  const value = Math.log10(x);
  const whole = Math.round(value);
  return Math.abs(value - whole) < 1e-12 && Number(`1e${whole}`) === x ? whole : value;
}

/** The neighbour of x towards y. */
export function nextAfter(x: number, y: number): number {
  if (Number.isNaN(x) || Number.isNaN(y)) return x + y;
  if (x === y) return y;
  if (x === 0) return y > 0 ? Number.MIN_VALUE : -Number.MIN_VALUE;
  BITS.setFloat64(0, x);
  const bits = BITS.getBigUint64(0);
  BITS.setBigUint64(0, x < y === x > 0 ? bits + 1n : bits - 1n);
  return BITS.getFloat64(0);
}

export function nextAfterFloat(x: number, y: number): number {
  if (Number.isNaN(x) || Number.isNaN(y)) return x + y;
  if (x === y) return y;
  if (x === 0) return y > 0 ? 2 ** -149 : -(2 ** -149);
  BITS.setFloat32(0, x);
  const bits = BITS.getUint32(0);
  BITS.setUint32(0, x < y === x > 0 ? bits + 1 : bits - 1);
  return BITS.getFloat32(0);
}

/** Exponent of x as a floating-point number. */
export function logb(x: number): number {
  if (x === 0) return Number.NEGATIVE_INFINITY;
  if (!Number.isFinite(x)) return x * x;
  return frexp(x).exponent - 1;
}

export function copySign(x: number, sign: number): number {
  return fromWords(((highWord(x) & 0x7fffffff) | (highWord(sign) & 0x80000000)) >>> 0, lowWord(x));
}

/** _FPCLASS_… */
export function classify(x: number): number {
  const negative = isNegativeZeroOrLess(x);
  if (Number.isNaN(x)) return highWord(x) & 0x80000 ? 2 : 1;
  if (x === 0) return negative ? 0x20 : 0x40;
  if (!Number.isFinite(x)) return negative ? 4 : 0x200;
  if (Math.abs(x) < SMALLEST_NORMAL) return negative ? 0x10 : 0x80;
  return negative ? 8 : 0x100;
}
