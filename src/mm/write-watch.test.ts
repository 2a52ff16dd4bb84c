import { describe, expect, it } from 'vitest';
import {
  MEM_COMMIT,
  MEM_DECOMMIT,
  MEM_RELEASE,
  MEM_RESERVE,
  MEM_WRITE_WATCH,
  PAGE_READONLY,
  PAGE_READWRITE,
} from '../base/memory-constants.js';
import {
  STATUS_COMMITMENT_LIMIT,
  STATUS_FREE_VM_NOT_AT_BASE,
  STATUS_INSUFFICIENT_RESOURCES,
  STATUS_INVALID_PARAMETER_1,
  STATUS_INVALID_PARAMETER_5,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import { createTestMachine, type TestMachine } from '../testing/small-machine.js';
import { pageOut, swapOut } from '../testing/swap-out.js';
import { deleteAddressSpace } from './address-space.js';
import { verify } from './verify.js';
import { allocateVirtualMemory, freeVirtualMemory, protectVirtualMemory } from './virtual-memory.js';
import { emptyWorkingSet } from './working-set-manager.js';
import { getWriteWatch, resetWriteWatch } from './write-watch.js';

/** 80 pages from just below a page table's border on, so that words of the bitmap span it. */
const BASE = 0x3f_0000;
const PAGES = 80;
const WATCHED = MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH;

function watchedMachine(type = WATCHED): TestMachine {
  const machine = createTestMachine(256, 256);
  const request = { baseAddress: BASE, regionSize: PAGES * 4096 };
  const status = allocateVirtualMemory(machine.mm, machine.space, request, type, PAGE_READWRITE);
  expect(status).toBe(STATUS_SUCCESS);
  return machine;
}

/** Numbers of the pages that are reported. */
function written({ mm, space }: TestMachine, resets = false, first = 0, last = PAGES - 1, room = PAGES) {
  verify(mm);
  const found = new Float64Array(room);
  const out = { count: 0 };
  const start = BASE / 4096;
  expect(getWriteWatch(mm, space, start + first, start + last, resets, found, out)).toBe(STATUS_SUCCESS);
  verify(mm);
  return [...found.subarray(0, out.count)].map((address) => (address - BASE) / 4096);
}

const write = ({ user }: TestMachine, ...pages: number[]) => {
  for (const page of pages) user.writeU8(BASE + page * 4096 + page, page + 1);
};

describe('write watch', () => {
  it('reports the pages that were written to, and not those that were read', () => {
    const machine = watchedMachine();
    expect(written(machine)).toEqual([]);
    machine.user.readU32(BASE + 5 * 4096);
    write(machine, 0, 15, 16, 31, 32, 79);
    expect(written(machine)).toEqual([0, 15, 16, 31, 32, 79]);
    expect(written(machine, false, 15, 31)).toEqual([15, 16, 31]);
    machine.user.writeBytes(BASE + 40 * 4096 - 2, new Uint8Array(4));
    expect(written(machine, false, 33, 78)).toEqual([39, 40]);
  });

  it('resets what it reports, and only that', () => {
    const machine = watchedMachine();
    write(machine, 1, 2, 3, 70);
    expect(written(machine, true, 0, PAGES - 1, 2)).toEqual([1, 2]);
    expect(written(machine)).toEqual([3, 70]);
    expect(written(machine, true)).toEqual([3, 70]);
    expect(written(machine)).toEqual([]);
    write(machine, 2);
    machine.user.readU8(BASE + 3 * 4096);
    expect(written(machine)).toEqual([2]);
    expect(resetWriteWatch(machine.mm, machine.space, BASE / 4096, BASE / 4096 + 1)).toBe(STATUS_SUCCESS);
    expect(written(machine)).toEqual([2]);
    expect(resetWriteWatch(machine.mm, machine.space, BASE / 4096 + 2, BASE / 4096 + 2)).toBe(STATUS_SUCCESS);
    expect(written(machine)).toEqual([]);
  });

  it('keeps the contents that a reset page has', () => {
    const machine = watchedMachine();
    write(machine, 7);
    written(machine, true);
    swapOut(machine.mm, machine.space);
    verify(machine.mm);
    expect(machine.user.readU8(BASE + 7 * 4096 + 7)).toBe(8);
    expect(written(machine)).toEqual([]);
  });

  it.each([
    ['trimmed', ({ mm, space }: TestMachine) => void emptyWorkingSet(mm, space)],
    ['written to the paging file', ({ mm, space }: TestMachine) => pageOut(mm, space)],
    ['out with their page tables', ({ mm, space }: TestMachine) => swapOut(mm, space)],
  ])('remembers pages that were %s', (_, leave) => {
    const machine = watchedMachine();
    write(machine, 4, 50);
    leave(machine);
    expect(written(machine)).toEqual([4, 50]);
    expect(written(machine, true)).toEqual([4, 50]);
    expect(written(machine)).toEqual([]);
    expect(machine.user.readU8(BASE + 4 * 4096 + 4)).toBe(5);
    expect(written(machine)).toEqual([]);
    write(machine, 4);
    leave(machine);
    write(machine, 5);
    expect(written(machine)).toEqual([4, 5]);
  });

  it('remembers pages that were decommitted or protected since', () => {
    const machine = watchedMachine();
    const { mm, space } = machine;
    write(machine, 1, 2, 3);
    const one = (page: number) => ({ baseAddress: BASE + page * 4096, regionSize: 4096 });
    expect(freeVirtualMemory(mm, space, one(1), MEM_DECOMMIT)).toBe(STATUS_SUCCESS);
    expect(protectVirtualMemory(mm, space, one(2), PAGE_READONLY, { oldProtect: 0 })).toBe(STATUS_SUCCESS);
    expect(written(machine)).toEqual([1, 2, 3]);
  });

  it('watches pages that are committed later', () => {
    const machine = watchedMachine(MEM_RESERVE | MEM_WRITE_WATCH);
    const request = { baseAddress: BASE + 8 * 4096, regionSize: 4 * 4096 };
    allocateVirtualMemory(machine.mm, machine.space, request, MEM_COMMIT, PAGE_READWRITE);
    write(machine, 9);
    expect(written(machine)).toEqual([9]);
  });

  it('is only for ranges that were made for it, as a whole', () => {
    const machine = watchedMachine();
    const { mm, space } = machine;
    const start = BASE / 4096;
    const plain = { baseAddress: 0x80_0000, regionSize: 4096 };
    allocateVirtualMemory(mm, space, plain, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    const found = new Float64Array(1);
    for (const [first, last] of [
      [0x800, 0x800],
      [start - 1, start],
      [start, start + PAGES],
      [0x900, 0x900],
    ] as const) {
      expect(getWriteWatch(mm, space, first, last, false, found, { count: 0 })).toBe(
        STATUS_INVALID_PARAMETER_1,
      );
      expect(resetWriteWatch(mm, space, first, last)).toBe(STATUS_INVALID_PARAMETER_1);
    }
    const part = { baseAddress: BASE, regionSize: 4096 };
    expect(freeVirtualMemory(mm, space, part, MEM_RELEASE)).toBe(STATUS_FREE_VM_NOT_AT_BASE);
    const type = MEM_COMMIT | MEM_WRITE_WATCH;
    expect(allocateVirtualMemory(mm, space, part, type, PAGE_READWRITE)).toBe(STATUS_INVALID_PARAMETER_5);
  });

  it('takes a bitmap of nonpaged pool and gives it back', () => {
    const machine = createTestMachine(256, 256);
    const { mm, space } = machine;
    const inUse = () => mm.nonpagedPool.tags.get('MmWw')?.bytes ?? 0;
    const region = (pages: number) => ({ baseAddress: BASE, regionSize: pages * 4096 });
    const type = MEM_RESERVE | MEM_WRITE_WATCH;
    const huge = { baseAddress: 0, regionSize: 2 ** 42 };
    expect(allocateVirtualMemory(mm, space, huge, type, PAGE_READWRITE)).toBe(STATUS_INSUFFICIENT_RESOURCES);
    const tooMuch = region(100_000);
    expect(allocateVirtualMemory(mm, space, tooMuch, type | MEM_COMMIT, PAGE_READWRITE)).toBe(
      STATUS_COMMITMENT_LIMIT,
    );
    expect([inUse(), space.watchedRanges]).toEqual([0, 0]);
    expect(allocateVirtualMemory(mm, space, tooMuch, type, PAGE_READWRITE)).toBe(STATUS_SUCCESS);
    verify(mm);
    expect(inUse()).toBe(4 * 4096);
    expect(freeVirtualMemory(mm, space, { baseAddress: BASE, regionSize: 0 }, MEM_RELEASE)).toBe(
      STATUS_SUCCESS,
    );
    expect(inUse()).toBe(0);
    allocateVirtualMemory(mm, space, region(8), type, PAGE_READWRITE);
    expect(inUse()).toBe(32);
    deleteAddressSpace(mm, space);
    expect(inUse()).toBe(0);
    verify(mm);
  });

  it('looks only at what there is of a range of a hundred gigabytes', () => {
    const machine = createTestMachine(2048, 4096);
    const { mm, space, user } = machine;
    const base = 2 ** 40;
    const bytes = 100 * 2 ** 30;
    const type = MEM_RESERVE | MEM_WRITE_WATCH;
    const request = { baseAddress: base, regionSize: bytes };
    expect(allocateVirtualMemory(mm, space, request, type, PAGE_READWRITE)).toBe(STATUS_SUCCESS);
    const places = [0, 4096 * 33, bytes / 2 + 4096, bytes - 4096];
    for (const place of places) {
      const page = { baseAddress: base + place, regionSize: 4096 };
      allocateVirtualMemory(mm, space, page, MEM_COMMIT, PAGE_READWRITE);
      user.writeU8(base + place, 1);
    }
    const [first, last] = [base / 4096, (base + bytes) / 4096 - 1];
    const found = new Float64Array(8);
    const out = { count: 0 };
    const ask = (resets: boolean) => {
      expect(getWriteWatch(mm, space, first, last, resets, found, out)).toBe(STATUS_SUCCESS);
      return [...found.subarray(0, out.count)].map((address) => address - base);
    };
    expect(ask(false)).toEqual(places);
    emptyWorkingSet(mm, space);
    swapOut(mm, space);
    expect(ask(true)).toEqual(places);
    expect(ask(false)).toEqual([]);
    user.writeU8(base + places[2]!, 2);
    expect(ask(false)).toEqual([places[2]]);
    expect(resetWriteWatch(mm, space, first, last)).toBe(STATUS_SUCCESS);
    expect(ask(false)).toEqual([]);
  });
});
