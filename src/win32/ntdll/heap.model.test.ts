import { describe, expect, it } from 'vitest';
import { FlatFault, FlatMemory } from '../../testing/flat-memory.js';
import { below, mulberry32, type Random, seedFor } from '../../testing/seed.js';
import {
  allocateFromHeap,
  createHeap,
  destroyHeap,
  freeToHeap,
  readValue,
  reallocateInHeap,
  sizeInHeap,
  writeValue,
} from './heap.js';
import { compactFrontEnd } from './heap-front-end.js';
import { frontEndOf } from './heap-front-end-layout.js';
import * as layout from './heap-layout.js';
import { itemBehind, validateHeap, walkHeap } from './heap-walk.js';

const OPERATIONS = 1500;
const CHECK_EVERY = 25;
const MOST_BLOCKS = 400;

/** What the test knows of a block: nothing but what it wrote. */
interface Known {
  readonly address: number;
  readonly content: Uint8Array;
  /** The caller's value, when the block has room for one. */
  readonly value: number | null;
}

interface Kind {
  readonly name: string;
  readonly flags: number;
  readonly maximum: number;
}

const KINDS: readonly Kind[] = [
  { name: 'grows', flags: 0, maximum: 0 },
  { name: 'has a fixed size', flags: 0, maximum: 0x80000 },
  { name: 'is not serialized', flags: layout.HEAP_NO_SERIALIZE, maximum: 0 },
  { name: 'checks tails', flags: layout.HEAP_TAIL_CHECKING_ENABLED, maximum: 0 },
  { name: 'checks free blocks', flags: layout.HEAP_FREE_CHECKING_ENABLED, maximum: 0 },
  {
    name: 'checks both and has values',
    flags:
      layout.HEAP_TAIL_CHECKING_ENABLED | layout.HEAP_FREE_CHECKING_ENABLED | layout.HEAP_SETTABLE_USER_VALUE,
    maximum: 0,
  },
  { name: 'has values', flags: layout.HEAP_SETTABLE_USER_VALUE, maximum: 0x100000 },
  { name: 'does not join', flags: layout.HEAP_DISABLE_COALESCE_ON_FREE, maximum: 0 },
  { name: 'clears', flags: layout.HEAP_ZERO_MEMORY, maximum: 0 },
];

/** Few sizes often, so that buckets become active; others rarely. */
function pickSize(random: Random): number {
  const kind = below(random, 20);
  if (kind < 11) return [0, 8, 24, 24, 40, 100, 1000, 5000][below(random, 8)]!;
  if (kind < 16) return below(random, 300);
  if (kind < 19) return below(random, 20_000);
  return below(random, 10) === 0 ? 900_000 + below(random, 400_000) : below(random, 70_000);
}

class Model {
  readonly flat = new FlatMemory();
  readonly heap: number;
  readonly blocks: Known[] = [];

  constructor(
    readonly kind: Kind,
    readonly random: Random,
  ) {
    this.heap = createHeap(this.flat.context, kind.flags, 0x1000, kind.maximum);
  }

  pattern(bytes: number): Uint8Array {
    const seed = this.random();
    return Uint8Array.from({ length: bytes }, (_, index) => (seed + index * 7) & 0xff);
  }

  bytesAt(address: number, length: number): Uint8Array {
    return this.flat.bytes.subarray(address, address + length);
  }

  allocate(): void {
    const { flat, heap, random } = this;
    const bytes = pickSize(random);
    const zero = below(random, 3) === 0;
    const address = allocateFromHeap(flat.context, heap, zero ? layout.HEAP_ZERO_MEMORY : 0, bytes);
    if (address === 0) return;
    expect(address % 16).toBe(0);
    if (zero || this.kind.flags & layout.HEAP_ZERO_MEMORY)
      expect(this.bytesAt(address, bytes).every((byte) => byte === 0)).toBe(true);
    const content = this.pattern(bytes);
    flat.bytes.set(content, address);
    const value = this.kind.flags & layout.HEAP_SETTABLE_USER_VALUE ? random() : null;
    if (value !== null) writeValue(flat.context, address - 16, [value, 1]);
    this.blocks.push({ address, content, value });
  }

  free(index: number): void {
    freeToHeap(this.flat.context, this.heap, this.blocks[index]!.address);
    this.blocks.splice(index, 1);
  }

  resize(index: number): void {
    const { flat, heap, random } = this;
    const old = this.blocks[index]!;
    const bytes = below(random, 2)
      ? pickSize(random)
      : Math.max(0, old.content.length + below(random, 64) - 32);
    const inPlace = below(random, 4) === 0;
    const flags = layout.HEAP_ZERO_MEMORY | (inPlace ? layout.HEAP_REALLOC_IN_PLACE_ONLY : 0);
    const address = reallocateInHeap(flat.context, heap, flags, old.address, bytes);
    if (address === 0) return;
    if (inPlace) expect(address).toBe(old.address);
    const content = new Uint8Array(bytes);
    content.set(old.content.subarray(0, bytes));
    this.blocks[index] = { address, content, value: old.value };
  }

  step(): void {
    const { blocks, random } = this;
    const many = blocks.length > MOST_BLOCKS || below(random, 300) === 0;
    if (many) while (blocks.length > MOST_BLOCKS / 8) this.free(below(random, blocks.length));
    const what = below(random, 100);
    if (blocks.length === 0 || what < 50) this.allocate();
    else if (what < 80) this.free(below(random, blocks.length));
    else if (what < 99) this.resize(below(random, blocks.length));
    else compactFrontEnd(this.flat.context, this.heap);
  }

  check(): void {
    const { flat, heap } = this;
    for (const { address, content, value } of this.blocks) {
      expect(sizeInHeap(flat.context, heap, address)).toBe(content.length);
      expect(Buffer.compare(this.bytesAt(address, content.length), content)).toBe(0);
      if (value !== null) expect(readValue(flat.context, address - 16)).toEqual([value, 1]);
    }
    expect(validateHeap(flat.context, heap, 0)).toBe(true);
    const busy = new Map<number, number>();
    walkHeap(flat.context, heap, (block) => {
      if (block.busy) busy.set(block.address, block.bytes);
    });
    expect(busy).toEqual(new Map(this.blocks.map(({ address, content }) => [address, content.length])));
  }

  /** The busy blocks that a walk from item to item finds. */
  walkedBlocks(): number[] {
    const found: number[] = [];
    for (let address = 0; ; ) {
      const item = itemBehind(this.flat.context, this.heap, address);
      if (item === null) return found;
      if (item === undefined) throw new Error(`the walk does not know ${address.toString(16)}`);
      if (item.kind === 'block' && item.busy) found.push(item.address);
      address = item.address;
    }
  }
}

describe('a heap under random operations', () => {
  it.each(KINDS)('that $name keeps every block and its bytes', (kind) => {
    const model = new Model(kind, mulberry32(seedFor(`heap ${kind.name}`)));
    for (let operation = 0; operation < OPERATIONS; operation++) {
      model.step();
      if (operation % CHECK_EVERY === 0) model.check();
    }
    model.check();
    const addresses = model.blocks.map(({ address }) => address);
    expect(model.walkedBlocks().toSorted((a, b) => a - b)).toEqual(addresses.toSorted((a, b) => a - b));
    expect(frontEndOf(model.flat.context, model.heap) !== 0).toBe(kind.name === 'grows');
    while (model.blocks.length > 0) model.free(0);
    model.check();
    destroyHeap(model.flat.context, model.heap);
    expect(model.flat.regions.size).toBe(0);
  });

  it('gives all blocks of the front end back when it is compacted', () => {
    const model = new Model(KINDS[0]!, mulberry32(seedFor('heap compaction')));
    const { context } = model.flat;
    const blocks = Array.from({ length: 20_000 }, () => allocateFromHeap(context, model.heap, 0, 24));
    for (const address of blocks) freeToHeap(context, model.heap, address);
    compactFrontEnd(context, model.heap);
    const sizes: number[] = [];
    walkHeap(context, model.heap, (block) => void sizes.push(block.bytes));
    expect(Math.max(...sizes)).toBeGreaterThan(60_000);
    expect(sizes.length).toBeLessThan(30);
    expect(validateHeap(context, model.heap, 0)).toBe(true);
  });

  it('whose bytes were changed finds a contradiction, faults or goes on, but no more', () => {
    const random = mulberry32(seedFor('heap corruption'));
    let found = 0;
    for (let round = 0; round < 60; round++) {
      const model = new Model(KINDS[round % KINDS.length]!, random);
      for (let operation = 0; operation < 150; operation++) model.step();
      for (let change = 0; change < 4; change++) corrupt(model, random);
      found += countContradictions(model);
    }
    expect(found).toBeGreaterThan(30);
  });

  /** Changes a byte in front of a block, of a free one's links, or of the heap's own tables. */
  function corrupt(model: Model, random: Random): void {
    const { blocks, heap, flat } = model;
    const near = blocks.length === 0 ? heap : blocks[below(random, blocks.length)]!.address - 24;
    const at = below(random, 3) === 0 ? heap + 0x14 + below(random, 0x1200) : near + below(random, 24);
    if (flat.committed[at >>> 12] === 1) flat.bytes[at] = below(random, 2) ? 0xff : random() & 0xff;
  }

  function countContradictions(model: Model): number {
    let count = 0;
    for (let operation = 0; operation < 100; operation++) {
      try {
        const index = below(model.random, Math.max(model.blocks.length, 1));
        const [{ context }, { heap }] = [model.flat, model];
        switch (below(model.random, 6)) {
          case 0:
            allocateFromHeap(context, heap, 0, pickSize(model.random));
            break;
          case 1:
            if (model.blocks.length > 0) freeToHeap(context, heap, model.blocks[index]!.address);
            break;
          case 2:
            if (model.blocks.length > 0)
              reallocateInHeap(context, heap, 0, model.blocks[index]!.address, pickSize(model.random));
            break;
          case 3:
            if (!validateHeap(context, heap, 0)) count++;
            break;
          case 4:
            for (let at = 0, steps = 0; steps < 2000; steps++) {
              const item = itemBehind(context, heap, at);
              if (!item) break;
              at = item.address;
            }
            break;
          default:
            compactFrontEnd(context, heap);
        }
      } catch (error) {
        if (!(error instanceof layout.HeapCorruption) && !(error instanceof FlatFault)) throw error;
        count++;
      }
    }
    return count > 0 ? 1 : 0;
  }
});
