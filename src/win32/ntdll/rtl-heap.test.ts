import { describe, expect, it } from 'vitest';
import { ModuleMachine } from '../../testing/win32-machine.js';

const GROWABLE = 2;
const SETTABLE_VALUE = 0x100;
const NO_MORE_ENTRIES = 0x8000001a | 0;

const machine = () => new ModuleMachine('ntdll.dll');

describe("ntdll's heap functions", () => {
  it('keep a value and flags beside a block, over resizes', () => {
    const guest = machine();
    const [value, flags] = [guest.space(8), guest.space(4)];
    const heap = guest.callAddress('RtlCreateHeap', GROWABLE, 0, 0, 0, 0, 0);
    const info = (block: number) => {
      expect(guest.call('RtlGetUserInfoHeap', heap, 0, block, value, flags)).toBe(1);
      return [guest.pointer(value), guest.u32(flags)];
    };
    let block = guest.callAddress('RtlAllocateHeap', heap, SETTABLE_VALUE | 0x400, 40);
    expect(guest.call('RtlSetUserValueHeap', heap, 0, block, 0x123456789ab)).toBe(1);
    guest.fill(block, 40, 0xff);
    expect(info(block)).toEqual([0x123456789ab, 0x400]);
    expect(guest.call('RtlSetUserFlagsHeap', heap, 0, block, 0x400, 0xa00)).toBe(1);
    for (const bytes of [45, 20, 3000, 0x180000, 100]) {
      block = guest.callAddress('RtlReAllocateHeap', heap, 0, block, bytes);
      guest.fill(block, bytes, 0xff);
      expect(guest.call('RtlSizeHeap', heap, 0, block)).toBe(bytes);
      expect(info(block)).toEqual([0x123456789ab, 0xa00]);
      expect(guest.call('RtlValidateHeap', heap, 0, 0)).toBe(1);
    }
    const plain = guest.callAddress('RtlAllocateHeap', heap, 0, 40);
    expect(guest.call('RtlSetUserValueHeap', heap, 0, plain, 1)).toBe(0);
  });

  it('walk what a heap has, as RTL_HEAP_WALK_ENTRY says', () => {
    const guest = machine();
    const entry = guest.space(0x38);
    guest.fill(entry, 0x38);
    const heap = guest.callAddress('RtlCreateHeap', GROWABLE, 0, 0, 0, 0, 0);
    const blocks = [10, 700, 0x200000].map((bytes) => guest.callAddress('RtlAllocateHeap', heap, 0, bytes));
    const seen: [flags: number, address: number, bytes: number][] = [];
    while (guest.call('RtlWalkHeap', heap, entry) === 0)
      seen.push([guest.u16(entry + 0x12), guest.pointer(entry), guest.pointer(entry + 8)]);
    expect(guest.call('RtlWalkHeap', heap, entry)).toBe(NO_MORE_ENTRIES);
    expect(seen.map(([flags]) => flags)).toEqual([2, 1, 1, 0, 0x100, 1]);
    expect(seen.filter(([flags]) => flags === 1).map(([, address, bytes]) => [address, bytes])).toEqual([
      [blocks[0], 10],
      [blocks[1], 700],
      [blocks[2], 0x200000],
    ]);
    expect(seen[0]![1]).toBe(heap);
  });

  it('make a heap in memory of the caller, and leave that alone when it goes', () => {
    const guest = machine();
    const base = guest.process.allocate(0x8000);
    expect(guest.callAddress('RtlCreateHeap', 0, base + 8, 0, 0, 0, 0)).toBe(0);
    const heap = guest.callAddress('RtlCreateHeap', 0, base, 0, 0, 0, 0);
    expect(heap).toBe(base);
    const blocks: number[] = [];
    for (let block = 1; block !== 0; ) {
      block = guest.callAddress('RtlAllocateHeap', heap, 0, 1000);
      if (block !== 0) blocks.push(block);
    }
    expect(blocks.length).toBeGreaterThan(26);
    expect(blocks.every((block) => block > base && block + 1000 <= base + 0x8000)).toBe(true);
    expect(guest.call('RtlDestroyHeap', heap)).toBe(0);
    expect(guest.u32(base + 0x10)).toBe(0);
    expect(guest.callAddress('RtlCreateHeap', 0, base, 0, 0, 1, 0)).toBe(0);
  });
});
