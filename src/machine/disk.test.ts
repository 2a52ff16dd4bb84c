import { describe, expect, it } from 'vitest';
import { Disk } from './disk.js';

describe('disk', () => {
  it('takes latency and transfer time on an idle solid-state disk', () => {
    expect(new Disk('ssd').submit(1000, 0, 4096)).toBe(1000 + 800 + 82);
  });

  it('serves a queue in order; waiting commands spend their latency together', () => {
    const disk = new Disk('ssd');
    const first = disk.submit(0, 0, 65_536);
    const second = disk.submit(0, 2 ** 30, 4096);
    expect(first).toBe(800 + 1311);
    expect(second).toBe(first + 82);
  });

  it('makes a moving head seek and wait for the platter, unless it is there already', () => {
    const disk = new Disk('hdd');
    const first = disk.submit(0, 2 ** 39, 4096);
    const next = disk.submit(first, 2 ** 39 + 4096, 4096);
    const far = disk.submit(next, 0, 4096);
    expect(next - first).toBe(274);
    expect(far - next).toBeGreaterThan(41_667 + 8_000);
    expect(far - next).toBeLessThan(41_667 + 160_000 + 274);
  });

  it('never ends a transfer before an earlier one', () => {
    for (const model of ['ssd', 'hdd'] as const) {
      const disk = new Disk(model);
      let last = 0;
      for (let step = 0; step < 200; step++) {
        const end = disk.submit(step * 37, (step * 7919 * 4096) % 2 ** 38, ((step % 16) + 1) * 4096);
        expect(end).toBeGreaterThanOrEqual(last);
        last = end;
      }
      expect(disk.transfers).toBe(200);
    }
  });
});
