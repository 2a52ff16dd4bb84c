import { describe, expect, it } from 'vitest';
import { besselJ, besselY } from './bessel.js';

/** Values of Abramowitz and Stegun's tables 9.1, 9.2 and 9.4, to the digits given there. */
describe('Bessel functions', () => {
  it.each([
    [0, 0, 1],
    [0, 1, 0.765197686557967],
    [0, 5, -0.177596771314338],
    [0, 10, -0.245935764451348],
    [1, 1, 0.44005058574493],
    [1, 10, 0.043472746168861],
    [2, 1, 0.11490348493190049],
    [10, 10, 0.20748610663335887],
  ])('J%i(%f)', (order, x, value) => {
    expect(besselJ(order, x)).toBeCloseTo(value, 14);
  });

  it.each([
    [0, 1, 0.088256964215677],
    [0, 10, 0.055671167283599],
    [1, 1, -0.7812128213002887],
    [1, 10, 0.24901542420695388],
    [2, 1, -1.6506826068162546],
    [10, 10, -0.35981415218340274],
  ])('Y%i(%f)', (order, x, value) => {
    expect(besselY(order, x)).toBeCloseTo(value, 13);
  });

  it('obeys the Wronskian J1 Y0 - J0 Y1 = 2 / (pi x) where the methods meet', () => {
    for (const x of [0.001, 0.5, 3, 24.99, 25.01, 60, 1000]) {
      const left = besselJ(1, x) * besselY(0, x) - besselJ(0, x) * besselY(1, x);
      expect((left * Math.PI * x) / 2).toBeCloseTo(1, 12);
    }
  });

  it('has its signs and limits', () => {
    expect(besselJ(3, -2)).toBe(-besselJ(3, 2));
    expect(besselJ(-3, 2)).toBe(-besselJ(3, 2));
    expect(besselJ(2, Number.POSITIVE_INFINITY)).toBe(0);
    expect(besselY(0, 0)).toBe(Number.NEGATIVE_INFINITY);
    expect(besselY(0, -1)).toBeNaN();
  });
});
