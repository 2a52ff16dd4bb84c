import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDouble, parseInteger } from './parse-number.js';

describe('parseDouble', () => {
  it.each([
    ['1.5abc', 1.5, 3],
    ['  -1e3', -1000, 6],
    ['+.5', 0.5, 3],
    ['-.5e', -0.5, 3],
    ['1e+', 1, 1],
    ['1d3', 1000, 3],
    ['.', 0, 0],
    ['', 0, 0],
    ['  ', 0, 0],
    ['0x1Ap3', 0, 1],
    ['inf', 0, 0],
    ['-nan', 0, 0],
    ['123456789012345678901234567890', 1.2345678901234568e29, 30],
  ])('%j', (text, value, end) => {
    expect(parseDouble(text)).toEqual({ value, end, outOfRange: false });
  });

  it.each([
    ['1e400', Number.POSITIVE_INFINITY],
    ['-1e400', Number.NEGATIVE_INFINITY],
    ['1e-400', 0],
    ['4.9e-324', 5e-324],
  ])('%j is out of range', (text, value) => {
    expect(parseDouble(text)).toMatchObject({ value, outOfRange: true });
  });

  it('reads back what JavaScript writes', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(parseDouble(String(value)).value === value).toBe(true);
      }),
    );
  });
});

describe('parseInteger', () => {
  it.each([
    ['12abc', 0, 12n, false, 2],
    ['-0x1f', 0, 31n, true, 5],
    ['077', 0, 63n, false, 3],
    ['08', 0, 0n, false, 1],
    ['zz', 36, 1295n, false, 2],
    ['0x', 0, 0n, false, 0],
    ['0x', 36, 33n, false, 2],
    ['1f', 16, 31n, false, 2],
    ['-', 10, 0n, false, 0],
    ['18446744073709551615', 10, (1n << 64n) - 1n, false, 20],
    ['99999999999999999999999', 10, (1n << 64n) + (99999999999999999999999n % (1n << 64n)), false, 23],
    ['18446744073709551616', 10, 1n << 64n, false, 20],
  ])('%j in base %i', (text, base, magnitude, negative, end) => {
    expect(parseInteger(text, base)).toEqual({ magnitude, negative, end });
  });
});
