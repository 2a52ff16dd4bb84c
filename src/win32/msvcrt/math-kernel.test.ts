import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  classify,
  copySign,
  frexp,
  hypot,
  ldexp,
  log10,
  logb,
  nextAfter,
  nextAfterFloat,
} from './math-kernel.js';

const finite = () => fc.double({ noNaN: true, noDefaultInfinity: true });

describe('mathematics', () => {
  it('takes numbers apart and puts them together', () => {
    fc.assert(
      fc.property(finite(), (x) => {
        const { fraction, exponent } = frexp(x);
        expect(x === 0 || (Math.abs(fraction) >= 0.5 && Math.abs(fraction) < 1)).toBe(true);
        expect(ldexp(fraction, exponent)).toBe(x);
      }),
    );
  });

  it('scales with one rounding', () => {
    expect(ldexp(1, -1074)).toBe(Number.MIN_VALUE);
    expect(ldexp(1.5, -1074)).toBe(2 * Number.MIN_VALUE);
    expect(ldexp(0.5, -1074)).toBe(0);
    expect(ldexp(0.75, -1074)).toBe(Number.MIN_VALUE);
    expect(ldexp(1, 1024)).toBe(Number.POSITIVE_INFINITY);
    expect(ldexp(-1, 2000)).toBe(Number.NEGATIVE_INFINITY);
    expect(ldexp(Number.MIN_VALUE, 2097)).toBe(2 ** 1023);
  });

  it('finds neighbours', () => {
    expect(nextAfter(1, 2)).toBe(1 + Number.EPSILON);
    expect(nextAfter(1, 0)).toBe(1 - Number.EPSILON / 2);
    expect(nextAfter(-1, 0)).toBe(-1 + Number.EPSILON / 2);
    expect(nextAfter(0, -1)).toBe(-Number.MIN_VALUE);
    expect(nextAfterFloat(1, 2)).toBe(1 + 2 ** -23);
  });

  it('knows right triangles', () => {
    expect(hypot(3, 4)).toBe(5);
    expect(hypot(3e300, 4e300)).toBe(5e300);
    expect(hypot(3e-320, 4e-320)).toBe(5e-320);
    expect(hypot(1, 1)).toBe(Math.SQRT2);
    expect(hypot(Number.NaN, Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
  });

  it('gives whole logarithms of powers of ten', () => {
    for (let power = -300; power <= 308; power++) expect(log10(Number(`1e${power}`))).toBe(power);
  });

  it('classifies', () => {
    expect([1, -1, 0, -0, 1e-310, -1e-310].map(classify)).toEqual([0x100, 8, 0x40, 0x20, 0x80, 0x10]);
    expect([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN].map(classify)).toEqual([
      0x200, 4, 2,
    ]);
    expect(logb(8)).toBe(3);
    expect(copySign(3, -0)).toBe(-3);
  });
});
