import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  allocateFromHeap,
  createHeap,
  destroyHeap,
  freeToHeap,
  reallocateInHeap,
  sizeInHeap,
} from './heap.js';
import { FREE_LIST_COUNT, freeListOf } from './heap-free-lists.js';
import {
  HEAP_REALLOC_IN_PLACE_ONLY,
  HEAP_ZERO_MEMORY,
  type HeapContext,
  HeapCorruption,
  type HeapPages,
} from './heap-layout.js';
import { validateHeap, walkHeap } from './heap-walk.js';

const BASE = 0x10000;

/** A flat memory with page states: what is not committed throws, released ranges are found again. */
class FlatMemory implements HeapPages {
  readonly bytes = new Uint8Array(48 << 20);
  readonly committed = new Uint8Array(this.bytes.length >>> 12);
  readonly regions = new Map<number, number>();
  limit = Number.POSITIVE_INFINITY;
  private readonly view = new DataView(this.bytes.buffer);

  reserve(bytes: number): number {
    const size = Math.ceil(bytes / 0x10000) * 0x10000;
    for (let base = BASE; base + size <= this.bytes.length; base += 0x10000) {
      if ([...this.regions].every(([start, length]) => base + size <= start || base >= start + length)) {
        this.regions.set(base, size);
        return base;
      }
    }
    return 0;
  }

  commit(address: number, bytes: number): boolean {
    const first = address >>> 12;
    const last = (address + bytes - 1) >>> 12;
    if (this.committed.reduce((sum, page) => sum + page, 0) + last - first + 1 > this.limit) return false;
    this.committed.fill(1, first, last + 1);
    return true;
  }

  decommit(address: number, bytes: number): void {
    expect([address % 4096, bytes % 4096]).toEqual([0, 0]);
    this.committed.fill(0, address >>> 12, (address + bytes) >>> 12);
    this.bytes.fill(0, address, address + bytes);
  }

  release(address: number): void {
    const size = this.regions.get(address)!;
    this.decommit(address, size);
    this.regions.delete(address);
  }

  private at(address: number, length: number): number {
    for (let page = address >>> 12; page <= (address + Math.max(length, 1) - 1) >>> 12; page++) {
      if (this.committed[page] !== 1)
        throw new Error(`access to ${address.toString(16)}, which is not committed`);
    }
    return address;
  }

  readonly context: HeapContext = {
    pages: this,
    memory: {
      readU8: (address) => this.view.getUint8(this.at(address, 1)),
      readU16: (address) => this.view.getUint16(this.at(address, 2), true),
      readU32: (address) => this.view.getUint32(this.at(address, 4), true),
      readPointer: (address) => this.view.getUint32(this.at(address, 8), true),
      writeU8: (address, value) => this.view.setUint8(this.at(address, 1), value),
      writeU16: (address, value) => this.view.setUint16(this.at(address, 2), value, true),
      writeU32: (address, value) => this.view.setUint32(this.at(address, 4), value, true),
      writePointer: (address, value) => this.view.setUint32(this.at(address, 8), value, true),
      fill: (address, length, byte) => void this.bytes.fill(byte, this.at(address, length), address + length),
      copy: (to, from, length) => {
        this.at(from, length);
        this.bytes.copyWithin(this.at(to, length), from, from + length);
      },
      probeRead: (address, length) => void this.at(address, length),
      probeWrite: (address, length) => void this.at(address, length),
    },
  };
}

/** The bytes of a block by a pattern of its own. */
function pattern(seed: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (seed * 31 + index * 7) & 0xff);
}

const size = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 3, arbitrary: fc.integer({ min: 300, max: 70_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 900_000, max: 1_400_000 }) },
);
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('allocate' as const), size, zero: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('free' as const), which: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('resize' as const),
      which: fc.nat(),
      size,
      inPlace: fc.boolean(),
    }),
  },
);

describe('heap', () => {
  it('keeps every block and its bytes, whatever is done', () => {
    fc.assert(
      fc.property(
        fc.array(operation, { minLength: 20, maxLength: 120 }),
        fc.boolean(),
        (operations, fixed) => {
          const flat = new FlatMemory();
          const heap = createHeap(flat.context, 0, 0x1000, fixed ? 0x80000 : 0);
          const live: { address: number; content: Uint8Array }[] = [];
          operations.forEach((step, index) => {
            apply(flat, heap, live, step, index);
            for (const { address, content } of live) {
              expect(sizeInHeap(flat.context, heap, address)).toBe(content.length);
              expect(Buffer.compare(flat.bytes.subarray(address, address + content.length), content)).toBe(0);
            }
            expect(validateHeap(flat.context, heap, 0)).toBe(true);
          });
          let busy = 0;
          walkHeap(flat.context, heap, (entry) => {
            if (entry.busy) busy++;
          });
          expect(busy).toBe(live.length);
          destroyHeap(flat.context, heap);
          expect(flat.regions.size).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  function apply(
    flat: FlatMemory,
    heap: number,
    live: { address: number; content: Uint8Array }[],
    step: typeof operation extends fc.Arbitrary<infer T> ? T : never,
    index: number,
  ): void {
    if (step.kind === 'allocate') {
      const address = allocateFromHeap(flat.context, heap, step.zero ? HEAP_ZERO_MEMORY : 0, step.size);
      if (address === 0) return;
      expect(address % 16).toBe(0);
      if (step.zero)
        expect(flat.bytes.subarray(address, address + step.size).every((byte) => byte === 0)).toBe(true);
      const content = pattern(index, step.size);
      flat.bytes.set(content, address);
      live.push({ address, content });
      return;
    }
    if (live.length === 0) return;
    const block = live[step.which % live.length]!;
    if (step.kind === 'free') {
      freeToHeap(flat.context, heap, block.address);
      live.splice(live.indexOf(block), 1);
      return;
    }
    const flags = HEAP_ZERO_MEMORY | (step.inPlace ? HEAP_REALLOC_IN_PLACE_ONLY : 0);
    const moved = reallocateInHeap(flat.context, heap, flags, block.address, step.size);
    if (moved === 0) return;
    if (step.inPlace) expect(moved).toBe(block.address);
    const content = new Uint8Array(step.size);
    content.set(block.content.subarray(0, Math.min(step.size, block.content.length)));
    live[live.indexOf(block)] = { address: moved, content };
  }

  it('orders free lists by size', () => {
    let last = 0;
    for (let units = 1; units < 0x10000; units++) {
      const list = freeListOf(units);
      expect(list === last || list === last + 1).toBe(true);
      last = list;
    }
    expect(last).toBe(FREE_LIST_COUNT - 1);
  });

  it('gives pages back when a large free block ends a segment, and takes them again', () => {
    const flat = new FlatMemory();
    const heap = createHeap(flat.context, 0, 0, 0);
    const before = flat.committed.reduce((sum, page) => sum + page, 0);
    const blocks = Array.from({ length: 12 }, () => allocateFromHeap(flat.context, heap, 0, 50_000));
    const grown = flat.committed.reduce((sum, page) => sum + page, 0);
    for (const address of blocks) freeToHeap(flat.context, heap, address);
    const after = flat.committed.reduce((sum, page) => sum + page, 0);
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
    flat.limit = flat.committed.reduce((sum, page) => sum + page, 0);
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
