import { describe, expect, it } from 'vitest';
import {
  bar,
  bytesText,
  canonicalAddress,
  counted,
  grouped,
  hex32,
  splitAddress,
  table,
  timeText,
} from './text.js';

describe('numbers as text', () => {
  it('extends bit 47 of addresses', () => {
    expect(canonicalAddress(0x7ff6_a000_1000)).toBe('0x00007FF6A0001000');
    expect(canonicalAddress(0xf680_0000_0000)).toBe('0xFFFFF68000000000');
    expect(splitAddress(0x7ffe_0000)).toBe('00000000`7FFE0000');
  });

  it('writes sizes, counts, times and shares', () => {
    expect([0, 1, 1023, 1024, 1536, 100.4 * 1024, 2 ** 20, 2 ** 47].map(bytesText)).toEqual([
      '0 B',
      '1 B',
      '1023 B',
      '1 KB',
      '1.5 KB',
      '100 KB',
      '1 MB',
      '128 TB',
    ]);
    expect([0, 999, 1000, 1234567].map(grouped)).toEqual(['0', '999', '1,000', '1,234,567']);
    expect([0, 1, 2000].map((count) => counted(count, 'page'))).toEqual(['0 pages', '1 page', '2,000 pages']);
    expect([1, 2].map((count) => counted(count, 'miss', 'misses'))).toEqual(['1 miss', '2 misses']);
    expect([5, 12_345, 123_456_789].map(timeText)).toEqual(['0.5 µs', '1.23 ms', '12.35 s']);
    expect(hex32(0xc0000005)).toBe('0xC0000005');
  });

  it('draws bars in eighths that show whatever is not nothing', () => {
    expect(bar(0, 10, 4)).toBe('····');
    expect(bar(1, 1_000_000, 4)).toBe('▏···');
    expect(bar(5, 10, 4)).toBe('██··');
    expect(bar(10, 10, 4)).toBe('████');
    expect(bar(0, 0, 4)).toBe('····');
  });

  it('aligns columns', () => {
    expect(
      table(
        [
          ['a', '1', 'x'],
          ['bbb', '22', ''],
        ],
        new Set([1]),
      ),
    ).toEqual(['a     1  x', 'bbb  22']);
  });
});
