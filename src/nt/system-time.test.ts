import { describe, expect, it } from 'vitest';
import { sharedUserDataOffset } from '../mm/shared-user-data.js';
import { makeTestKernel } from '../testing/test-kernel.js';
import { fileTimeOfMs, msOfFileTime } from './system-time.js';

const big = ({ lo, hi }: { lo: number; hi: number }) => (BigInt(hi) << 32n) | BigInt(lo);
/** The definition: 100 ns units from 1601-01-01, 11644473600 seconds before 1970-01-01. */
const expected = (ms: number) => BigInt(ms) * 10_000n + 116_444_736_000_000_000n;

describe('system time', () => {
  it.each([0, 1, 999, 1_767_225_600_000, 1_767_225_600_123, 4_102_444_799_999, -1, -11_644_473_600_000])(
    'of %d ms is exact, and back',
    (ms) => {
      const out = { lo: 0, hi: 0 };
      fileTimeOfMs(ms, out);
      expect(big(out)).toBe(expected(ms));
      expect(msOfFileTime(out.lo, out.hi)).toBe(ms);
    },
  );

  it('stands in the shared page after each tick, with the tick count', () => {
    const test = makeTestKernel();
    test.start([0xeb, 0xfe]);
    test.run(40_000_000);
    const view = new DataView(test.kernel.mm.ram.bytes.buffer, sharedUserDataOffset(test.kernel.mm, 0));
    const read = (at: number) => big({ lo: view.getUint32(at, true), hi: view.getUint32(at + 4, true) });
    expect(read(0x320)).toBe(2n);
    expect(read(0x08)).toBe(312_500n);
    expect(read(0x14)).toBe(expected(1_767_225_600_000) + 312_500n);
    expect(view.getUint32(0x260, true) & 0xffff).toBe(19045);
    const text = Array.from({ length: 10 }, (_, index) => view.getUint16(0x30 + index * 2, true));
    expect(String.fromCharCode(...text)).toBe('C:\\Windows');
  });
});
