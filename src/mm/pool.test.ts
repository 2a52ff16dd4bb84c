import { describe, expect, it } from 'vitest';
import { memoryMachine } from '../testing/memory-machine.js';
import { below, mulberry32, seedFor } from '../testing/seed.js';
import { BugCheck } from './bug-check.js';
import { COMMIT_PAGED_POOL } from './commit.js';
import {
  createKernelStack,
  deleteKernelStack,
  KERNEL_STACK_PAGES,
  type KernelStack,
} from './kernel-stack.js';
import type { Pool } from './pool.js';
import { findSystemPte, systemWord } from './system-space.js';
import { systemWordToWrite } from './system-working-set.js';
import { verify } from './verify.js';

const counts = (pool: Pool) => ({ pages: pool.pages, tags: [...pool.tags.values()].map((use) => use.bytes) });

describe('pool', () => {
  it('writes POOL_HEADER before each block', () => {
    const { mm } = memoryMachine(2);
    const first = mm.pagedPool.allocate(100, 'MmSt');
    const second = mm.pagedPool.allocate(8, 'Vad ');
    expect(first.toString(16)).toBe('f8a000000010');
    expect(mm.pagedPool.readBlock(first - 16)).toMatchObject({
      previousUnits: 0,
      units: 8,
      type: 2,
      tag: 'MmSt',
    });
    expect(mm.pagedPool.readBlock(second - 16)).toMatchObject({
      previousUnits: 8,
      units: 2,
      type: 2,
      tag: 'Vad ',
    });
    expect(mm.nonpagedPool.allocate(1, 'Tst1').toString(16)).toBe('fb0000000010');
    expect(mm.words[systemWord(mm, first - 12)]).toBe(0x74536d4d);
    verify(mm);
  });

  it('gives whole pages above 4064 bytes and takes them back', () => {
    const { mm } = memoryMachine(2);
    const pool = mm.pagedPool;
    const largestSmall = pool.allocate(4064, 'Tst1');
    const page = pool.allocate(4065, 'Tst1');
    const three = pool.allocate(3 * 4096, 'Tst1');
    expect([largestSmall % 4096, page % 4096, three % 4096]).toEqual([16, 0, 0]);
    expect(pool.pages).toBe(5);
    verify(mm);
    for (const address of [page, largestSmall, three]) pool.free(address);
    expect(counts(pool)).toEqual({ pages: 0, tags: [0] });
    expect(mm.commit.byUse[COMMIT_PAGED_POOL]).toBe(0);
    verify(mm);
  });

  it('stops the machine on a bad free', () => {
    const { mm } = memoryMachine(2);
    const address = mm.pagedPool.allocate(40, 'Tst1');
    const keep = mm.pagedPool.allocate(40, 'Tst1');
    mm.pagedPool.free(address);
    expect(() => mm.pagedPool.free(address)).toThrow(BugCheck);
    expect(() => mm.pagedPool.free(keep + 8)).toThrow(BugCheck);
    expect(() => mm.pagedPool.free(0xf8a0_1000_0000)).toThrow(BugCheck);
    expect(() => mm.nonpagedPool.free(keep)).toThrow(BugCheck);
    mm.words[systemWord(mm, keep - 16)] = 0x02030009;
    expect(() => mm.pagedPool.free(keep)).toThrow(BugCheck);
  });

  it('refuses past its limit and past the commit limit', () => {
    const { mm } = memoryMachine(2, 1, 0);
    expect(mm.nonpagedPool.limitPages).toBe(384);
    expect(mm.nonpagedPool.allocate(385 * 4096, 'Tst1')).toBe(0);
    expect(mm.pagedPool.allocate(600 * 4096, 'Tst1')).toBe(0);
    expect(mm.pagedPool.allocate(400 * 4096, 'Tst1')).not.toBe(0);
    expect(mm.commit.byUse[COMMIT_PAGED_POOL]).toBe(400);
    verify(mm);
  });

  it('charges objects that are kept elsewhere', () => {
    const { mm } = memoryMachine(2);
    mm.nonpagedPool.charge(0x78, 'Vad ');
    expect(mm.nonpagedPool.tags.get('Vad ')).toEqual({ allocations: 1, frees: 0, bytes: 0, charged: 0x78 });
    mm.nonpagedPool.uncharge(0x78, 'Vad ');
    expect(mm.nonpagedPool.tags.get('Vad ')).toEqual({ allocations: 1, frees: 1, bytes: 0, charged: 0 });
  });

  it('survives random use with its blocks intact', () => {
    const { mm } = memoryMachine(4);
    const random = mulberry32(seedFor('pool'));
    const pools = [mm.pagedPool, mm.nonpagedPool];
    const live: { pool: Pool; address: number; mark: number; words: number }[] = [];
    for (let step = 0; step < 3000; step++) {
      if (live.length < 60 && random() % 5 < 3) {
        const pool = pools[random() % 2]!;
        const bytes = random() % 10 === 0 ? below(random, 20000) : below(random, 500);
        const address = pool.allocate(bytes, ['AAAA', 'BBBB'][random() % 2]!);
        const mark = random();
        const words = bytes >>> 2;
        for (let word = 0; word < words; word++)
          mm.words[systemWordToWrite(mm, address + word * 4)] = mark + word;
        live.push({ pool, address, mark, words });
      } else if (live.length > 0) {
        const [{ pool, address, mark, words }] = live.splice(below(random, live.length), 1) as [
          (typeof live)[0],
        ];
        let changed = 0;
        for (let word = 0; word < words; word++) {
          if (mm.words[systemWord(mm, address + word * 4)] !== (mark + word) >>> 0) changed++;
        }
        expect(changed).toBe(0);
        pool.free(address);
      }
      if (step % 100 === 0) verify(mm);
    }
    for (const { pool, address } of live) pool.free(address);
    expect([mm.pagedPool.pages, mm.nonpagedPool.pages]).toEqual([0, 0]);
    verify(mm);
  });
});

describe('kernel stacks', () => {
  it('have six pages above one that is never mapped', () => {
    const { mm } = memoryMachine(2);
    const stack = createKernelStack(mm, 4, null)!;
    expect(stack.base - stack.limit).toBe(KERNEL_STACK_PAGES * 4096);
    expect(systemWord(mm, stack.base - 4)).not.toBe(0);
    expect(systemWord(mm, stack.limit)).not.toBe(0);
    expect(systemWord(mm, stack.limit - 4)).toBe(0);
    expect(mm.words[findSystemPte(mm, stack.limit - 4096)]).toBe(0);
    const second = createKernelStack(mm, 4, null)!;
    expect(second.limit - 4096).toBe(stack.base);
    verify(mm);
    deleteKernelStack(mm, stack);
    deleteKernelStack(mm, second);
    expect(mm.systemPtes.reserved).toBe(0);
    verify(mm);
  });

  it('are refused when memory is used up, without a loss', () => {
    const { mm } = memoryMachine(1, 1, 0);
    const stacks: KernelStack[] = [];
    for (let stack = createKernelStack(mm, 4, null); stack !== null; stack = createKernelStack(mm, 4, null))
      stacks.push(stack);
    expect(stacks.length).toBeGreaterThan(30);
    verify(mm);
    for (const stack of stacks) deleteKernelStack(mm, stack);
    verify(mm);
  });
});
