import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareText, NORM_IGNORECASE } from './compare-text.js';

describe('order of texts', () => {
  it('is that of words: symbols, digits, letters; lower case first among equals', () => {
    const words = ['b', 'A', 'a', 'B', '1', '_', '\u00e4', 'az'];
    expect(words.sort((left, right) => compareText(left, right, 0))).toEqual([
      '_',
      '1',
      'a',
      'A',
      '\u00e4',
      'az',
      'b',
      'B',
    ]);
  });

  it('looks at hyphens and apostrophes last', () => {
    const words = ['co-op', 'coop', 'con', 'co-on'];
    expect(words.sort((left, right) => compareText(left, right, 0))).toEqual([
      'con',
      'co-on',
      'coop',
      'co-op',
    ]);
    expect(compareText('co-op', 'coop', 0x1000)).toBe(-1);
  });

  it('can leave case aside', () => {
    expect(compareText('Windows', 'WINDOWS', NORM_IGNORECASE)).toBe(0);
    expect(compareText('Windows', 'WINDOWS', 0)).toBe(-1);
  });

  it('is an order', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (a, b, c) => {
        expect(compareText(a, b, 0)).toBe(-compareText(b, a, 0) || 0);
        const [low = '', middle = '', high = ''] = [a, b, c].sort((x, y) => compareText(x, y, 0));
        expect(compareText(low, middle, 0) <= 0 && compareText(middle, high, 0) <= 0).toBe(true);
        expect(compareText(low, high, 0) <= 0).toBe(true);
      }),
    );
  });
});
