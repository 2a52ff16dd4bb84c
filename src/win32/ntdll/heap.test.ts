import { describe, expect, it } from 'vitest';
import { BASE, FlatMemory } from '../../testing/flat-memory.js';
import { allocateFromHeap, createHeap, freeToHeap, sizeInHeap } from './heap.js';
import { FREE_LIST_COUNT, freeListOf } from './heap-free-lists.js';
import { HeapCorruption } from './heap-layout.js';
import { validateHeap } from './heap-walk.js';

describe('heap', () => {
  it('orders free lists by size', () => {
    const lists = Array.from({ length: 0xffff }, (_, index) => freeListOf(index + 1));
    expect(lists.every((list, index) => index === 0 || [0, 1].includes(list - lists[index - 1]!))).toBe(true);
    expect([lists[0], lists.at(-1)]).toEqual([1, FREE_LIST_COUNT - 1]);
  });

  it('gives pages back when a large free block ends a segment, and takes them again', () => {
    const flat = new FlatMemory();
    const heap = createHeap(flat.context, 0, 0, 0);
    const before = flat.committedPages;
    const blocks = Array.from({ length: 12 }, () => allocateFromHeap(flat.context, heap, 0, 50_000));
    const grown = flat.committedPages;
    for (const address of blocks) freeToHeap(flat.context, heap, address);
    const after = flat.committedPages;
    expect(grown).toBeGreaterThan(before + 100);
    expect(after).toBeLessThan(before + 40);
    expect(allocateFromHeap(flat.context, heap, 0, 300_000)).not.toBe(0);
    expect(validateHeap(flat.context, heap, 0)).toBe(true);
  });

  it('limits blocks of a fixed heap to just under 1 MB and its total to its size', () => {
    const flat = new FlatMemory();
    const heap = createHeap(flat.context, 0, 0, 0x400000);
    expect(allocateFromHeap(flat.context, heap, 0, 0xfe000)).toBe(0);
    expect(allocateFromHeap(flat.context, heap, 0, 0xfdf00)).not.toBe(0);
    const small = createHeap(flat.context, 0, 0, 0x10000);
    let total = 0;
    while (allocateFromHeap(flat.context, small, 0, 1000) !== 0) total += 1000;
    expect(total).toBeGreaterThan(50_000);
    expect(total).toBeLessThan(0x10000);
  });

  it('refuses cleanly when the system refuses pages', () => {
    const flat = new FlatMemory();
    const heap = createHeap(flat.context, 0, 0, 0);
    flat.limit = flat.committedPages;
    while (allocateFromHeap(flat.context, heap, 0, 4000) !== 0);
    expect(allocateFromHeap(flat.context, heap, 0, 2_000_000)).toBe(0);
    expect(validateHeap(flat.context, heap, 0)).toBe(true);
    expect(flat.regions.size).toBe(1);
  });

  it.each([
    [
      'a block freed twice',
      (heap: number, block: number, { context }: FlatMemory) => {
        freeToHeap(context, heap, block);
        return () => freeToHeap(context, heap, block);
      },
    ],
    [
      'an address inside a block',
      (heap: number, block: number, { context }: FlatMemory) =>
        () =>
          freeToHeap(context, heap, block + 16),
    ],
    [
      'an unaligned address',
      (heap: number, block: number, { context }: FlatMemory) =>
        () =>
          sizeInHeap(context, heap, block + 1),
    ],
    [
      'a header overwritten by the block before',
      (heap: number, block: number, flat: FlatMemory) => {
        const second = allocateFromHeap(flat.context, heap, 0, 40);
        flat.bytes.fill(0x41, block, second);
        return () => freeToHeap(flat.context, heap, second);
      },
    ],
    [
      'links of a free block overwritten',
      (heap: number, block: number, flat: FlatMemory) => {
        allocateFromHeap(flat.context, heap, 0, 40);
        freeToHeap(flat.context, heap, block);
        flat.context.memory.writePointer(block, BASE + 0x500);
        return () => allocateFromHeap(flat.context, heap, 0, 40);
      },
    ],
    [
      'something that is no heap',
      (heap: number, block: number, { context }: FlatMemory) =>
        () =>
          allocateFromHeap(context, heap + 0x1000, 0, block),
    ],
  ])('detects %s', (_name, break_) => {
    const flat = new FlatMemory();
    const heap = createHeap(flat.context, 0, 0, 0);
    const block = allocateFromHeap(flat.context, heap, 0, 40);
    expect(break_(heap, block, flat)).toThrow(HeapCorruption as unknown as new () => Error);
  });
});
