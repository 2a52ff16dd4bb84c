// Arithmetic that keeps all 128 bits of its operands, and power series: what the transcendental functions are
// made of. Results are within 2^-124 of the true ones.

import {
  FINITE,
  NEAREST,
  Float,
  add,
  copy,
  divide,
  multiply,
  multiplyHigh,
  normalize,
  setFinite,
  shiftRightSticky,
  slot,
} from './softfloat';

/** a - b, or a + b; `r` may be an operand. */
export function addWide(a: Float, b: Float, minus: bool, r: Float): void {
  const other = slot(22);
  const sum = slot(23);
  copy(b, other);
  if (minus) other.sign ^= 1;
  add(a, other, sum, NEAREST);
  copy(sum, r);
}

/**
 * a / b for a divisor with all 128 bits, within 2^-124: the quotient by its upper half, corrected for the
 * lower.
 */
export function divideWide(a: Float, b: Float, r: Float): void {
  if (b.lo == 0) {
    divide(a, b, r);
    return;
  }
  const rest = slot(20);
  const divisor = slot(21);
  copy(b, divisor);
  divisor.lo = 0;
  setFinite(rest, 0, b.exp - 64, b.lo, 0);
  normalize(rest);
  divide(rest, divisor, rest);
  rest.sign = 0;
  divide(a, divisor, r);
  multiply(r, rest, rest);
  addWide(r, rest, true, r);
}

/** The sum of coefficient(k) * z^k, with alternating signs or not, for 0 <= z < 1. `z` is destroyed. */
export function sumSeries(table: usize, terms: u32, z: Float, alternating: bool, r: Float): void {
  let zHigh: u64 = 0;
  let zLow: u64 = 0;
  if (z.kind == FINITE) {
    shiftRightSticky(z, <u32>(-1 - z.exp));
    zHigh = z.hi;
    zLow = z.lo;
  }
  let at = table + <usize>((terms - 1) << 4);
  let high = load<u64>(at);
  let low = load<u64>(at, 8);
  while (at > table) {
    at -= 16;
    let product = high * zHigh;
    let carried = multiplyHigh(high, zHigh);
    const first = multiplyHigh(high, zLow);
    const second = multiplyHigh(low, zHigh);
    product += first;
    if (product < first) carried++;
    product += second;
    if (product < second) carried++;
    const coefficient = load<u64>(at, 8);
    if (alternating) {
      low = coefficient - product;
      high = load<u64>(at) - carried - (coefficient < product ? 1 : 0);
    } else {
      low = coefficient + product;
      high = load<u64>(at) + carried + (low < product ? 1 : 0);
    }
  }
  // What the last place cannot show still makes an alternating sum smaller than its first term.
  if (alternating && z.kind == FINITE) {
    if (low == 0) high--;
    low--;
  }
  setFinite(r, 0, 0, high, low);
  normalize(r);
}

/** x times the series in powers of x^2; `r` is not `x`. */
export function oddSeries(table: usize, terms: u32, x: Float, alternating: bool, r: Float): void {
  const square = slot(19);
  multiply(x, x, square);
  sumSeries(table, terms, square, alternating, r);
  multiply(x, r, r);
}
