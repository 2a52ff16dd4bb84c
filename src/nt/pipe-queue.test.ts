import { describe, expect, it } from 'vitest';
import { verify } from '../mm/verify.js';
import { memoryMachine } from '../testing/memory-machine.js';
import { below, mulberry32, seedFor } from '../testing/seed.js';
import { PipeQueue } from './pipe-queue.js';

describe('the bytes in a pipe', () => {
  it('come out as they went in, as bytes or by message, and pool is given back', () => {
    const random = mulberry32(seedFor('pipe queue'));
    const { mm } = memoryMachine(2);
    const before = mm.nonpagedPool.pages;
    const queue = new PipeQueue(mm);
    const expected: number[][] = [];
    for (let step = 0; step < 800; step++) {
      const single = (random() & 1) !== 0;
      if (below(random, 5) < 2) {
        const message = Array.from(
          { length: below(random, 12) === 0 ? 9000 : below(random, 40) },
          () => random() & 0xff,
        );
        if (expected.length < 12 && queue.push(Uint8Array.from(message))) expected.push(message);
      } else {
        const most = below(random, 60);
        const wanted = expected
          .slice(0, single ? 1 : undefined)
          .flat()
          .slice(0, most);
        expect([...queue.peek(most, single)]).toEqual(wanted);
        expect([...queue.take(most, single)]).toEqual(wanted);
        let left = wanted.length;
        do {
          const first = expected[0];
          if (first === undefined) break;
          left -= first.splice(0, left).length;
          if (first.length > 0) break;
          expected.shift();
        } while (left > 0);
      }
      const bytes = expected.reduce((sum, { length }) => sum + length, 0);
      expect([queue.bytes, queue.count]).toEqual([bytes, expected.length]);
      if (step % 100 === 0) verify(mm);
    }
    queue.clear();
    expect(queue.bytes).toBe(0);
    expect(mm.nonpagedPool.pages).toBeLessThanOrEqual(before + 1);
  });

  it('are refused when pool is used up', () => {
    const { mm } = memoryMachine(1);
    const queue = new PipeQueue(mm);
    let pushed = 0;
    while (queue.push(new Uint8Array(0x10000))) pushed++;
    expect([queue.bytes, pushed > 0]).toEqual([pushed * 0x10000, true]);
    verify(mm);
    queue.clear();
    verify(mm);
  });

  it('take pool also when a write has no bytes', () => {
    const { mm } = memoryMachine(1);
    const queue = new PipeQueue(mm);
    const most = 2 ** 20 / 0x30;
    while (queue.count <= most && queue.push(new Uint8Array(0)));
    expect(queue.count).toBeLessThan(most);
    queue.clear();
    verify(mm);
  });
});
