import { describe, expect, it } from 'vitest';
import { below, mulberry32, seedFor } from '../../testing/seed.js';
import { indexOfText } from './text-search.js';

describe("strstr's search", () => {
  it('finds what the plain search finds, in texts too long for that', () => {
    const random = mulberry32(seedFor('text search'));
    for (let round = 0; round < 20; round++) {
      const letters = (count: number) =>
        Array.from({ length: count }, () => (below(random, 40) === 0 ? 'b' : 'a')).join('');
      const text = letters(9000);
      const at = below(random, 6000);
      const wanted = round % 4 === 0 ? letters(2500) : text.slice(at, at + 2500);
      expect(indexOfText(text, wanted)).toBe(text.indexOf(wanted));
    }
  });

  it('takes time linear in the lengths when every place almost matches', () => {
    expect(indexOfText('a'.repeat(4_000_000), `b${'a'.repeat(2_000_000)}`)).toBe(-1);
    expect(indexOfText(`${'a'.repeat(4_000_000)}b`, `${'a'.repeat(2_000_000)}b`)).toBe(2_000_000);
  });
});
