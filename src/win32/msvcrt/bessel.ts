/**
 * Bessel functions of integer order, by Miller's backward recurrence for small arguments and Hankel's asymptotic series for
 * large ones. Source: "Bessel functions: _j0, _j1, _jn, _y0, _y1, _yn", Microsoft; Abramowitz and Stegun, "Handbook of
 * Mathematical Functions", 9.1.88, 9.2.5 and 9.12.
 */

const EULER_GAMMA = 0.5772156649015329;
/** From here on Hankel's series gives all digits. */
const LARGE = 25;
const RESCALE = 1e250;

/** J_0 .. J_count at x > 0, normalized by J0 + 2 J2 + 2 J4 + ... = 1. */
function recurrence(count: number, x: number): Float64Array {
  const start = 2 * Math.ceil((Math.max(count, x) + 40 + 2 * Math.sqrt(40 * Math.max(count, x))) / 2);
  const values = new Float64Array(start + 2);
  values[start] = 1e-300;
  let sum = 0;
  for (let order = start; order > 0; order--) {
    const lower = (2 * order * values[order]!) / x - values[order + 1]!;
    values[order - 1] = lower;
    if (Math.abs(lower) > RESCALE) {
      // The terms of higher orders fall away to zero: behind two zeros all are.
      for (let index = order - 1; index <= start && (values[index] !== 0 || values[index + 1] !== 0); index++)
        values[index]! /= RESCALE;
      sum /= RESCALE;
    }
    if ((order - 1) % 2 === 0 && order > 1) sum += 2 * values[order - 1]!;
  }
  sum += values[0]!;
  return values.map((value) => value / sum);
}

/** Hankel's series: the modulus parts P and Q. */
function hankel(order: number, x: number): { p: number; q: number } {
  const mu = 4 * order * order;
  let term = 1;
  let [p, q] = [0, 0];
  for (let k = 0; k < 60; k++) {
    const sign = k % 4 < 2 ? 1 : -1;
    if (k % 2 === 0) p += sign * term;
    else q += sign * term;
    const next = (term * (mu - (2 * k + 1) ** 2)) / ((k + 1) * 8 * x);
    if (Math.abs(next) >= Math.abs(term) || Math.abs(next) < 1e-18) break;
    term = next;
  }
  return { p, q };
}

/** cos and sin of x - order * pi/2 - pi/4, without losing digits of x to the subtraction. */
function shiftedAngle(order: number, x: number): { cosine: number; sine: number } {
  const [c, s] = [Math.cos(x), Math.sin(x)];
  const [cosine, sine] = [(c + s) * Math.SQRT1_2, (s - c) * Math.SQRT1_2];
  switch (order % 4) {
    case 1:
      return { cosine: sine, sine: -cosine };
    case 2:
      return { cosine: -cosine, sine: -sine };
    case 3:
      return { cosine: -sine, sine: cosine };
    default:
      return { cosine, sine };
  }
}

function largeFirst(order: number, x: number): number {
  const { p, q } = hankel(order, x);
  const { cosine, sine } = shiftedAngle(order, x);
  return Math.sqrt(2 / (Math.PI * x)) * (p * cosine - q * sine);
}

function largeSecond(order: number, x: number): number {
  const { p, q } = hankel(order, x);
  const { cosine, sine } = shiftedAngle(order, x);
  return Math.sqrt(2 / (Math.PI * x)) * (p * sine + q * cosine);
}

/** Largest order whose recurrence is worked out term by term. */
const MAXIMUM_ORDER = 100000;

/** J_n(x). */
export function besselJ(n: number, x: number): number {
  if (Number.isNaN(x)) return x;
  const order = Math.abs(n);
  const sign = ((n < 0 ? 1 : 0) + (x < 0 ? 1 : 0)) % 2 === 1 && order % 2 === 1 ? -1 : 1;
  const z = Math.abs(x);
  if (z === 0) return order === 0 ? 1 : 0;
  if (z === Number.POSITIVE_INFINITY || order > MAXIMUM_ORDER) return 0;
  if (z > LARGE && order * order < z) return sign * largeFirst(order, z);
  if (z <= Math.max(MAXIMUM_ORDER, order)) return sign * recurrence(order, z)[order]!;
  return sign * upward(order, z, largeFirst(0, z), largeFirst(1, z));
}

/** The recurrence from orders 0 and 1 upwards. */
function upward(order: number, x: number, zero: number, one: number): number {
  let [previous, current] = [zero, one];
  if (order === 0) return zero;
  for (let index = 1; index < order; index++)
    [previous, current] = [current, ((2 * index) / x) * current - previous];
  return current;
}

/** Y_0 and Y_1 by Neumann's series over the J of higher order (Abramowitz and Stegun, 9.1.88 and 9.1.89). */
function smallSecond(x: number): [zero: number, one: number] {
  const values = recurrence(2, x);
  let sum = 0;
  for (let k = 1; 2 * k < values.length - 1; k++) sum += ((k % 2 === 1 ? 1 : -1) * values[2 * k]!) / k;
  const zero = (2 / Math.PI) * ((Math.log(x / 2) + EULER_GAMMA) * values[0]!) + (4 / Math.PI) * sum;
  return [zero, neumannFirst(x, values)];
}

function neumannFirst(x: number, values: Float64Array): number {
  let sum = 0;
  for (let k = 1; 2 * k + 1 < values.length - 1; k++) {
    const weight = (2 * k + 1) / (k * (k + 1));
    sum += (k % 2 === 1 ? 1 : -1) * weight * values[2 * k + 1]!;
  }
  const lead = (Math.log(x / 2) + EULER_GAMMA - 1) * values[1]!;
  return (-2 * values[0]!) / (Math.PI * x) + (2 / Math.PI) * lead + (2 / Math.PI) * sum;
}

/** Y_n(x); NaN for x < 0, minus infinity at 0. */
export function besselY(n: number, x: number): number {
  if (Number.isNaN(x) || x < 0) return Number.NaN;
  const order = Math.abs(n);
  const sign = n < 0 && order % 2 === 1 ? -1 : 1;
  if (x === 0) return Number.NEGATIVE_INFINITY;
  if (x === Number.POSITIVE_INFINITY) return 0;
  if (order > MAXIMUM_ORDER) return sign * Number.NEGATIVE_INFINITY;
  const [zero, one] = x > LARGE ? [largeSecond(0, x), largeSecond(1, x)] : smallSecond(x);
  return sign * upward(order, x, zero, one);
}
