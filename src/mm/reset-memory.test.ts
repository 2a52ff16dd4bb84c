import { describe, expect, it } from 'vitest';
import {
  MEM_COMMIT,
  MEM_RESERVE,
  MEM_RESET,
  MEM_RESET_UNDO,
  MEM_WRITE_WATCH,
  PAGE_NOACCESS,
  PAGE_READONLY,
  PAGE_READWRITE,
} from '../base/memory-constants.js';
import {
  STATUS_CONFLICTING_ADDRESSES,
  STATUS_DEVICE_BUSY,
  STATUS_INVALID_PAGE_PROTECTION,
  STATUS_INVALID_PARAMETER,
  STATUS_INVALID_PARAMETER_5,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import { completeIo } from '../testing/paging-io.js';
import { createTestMachine, type TestMachine } from '../testing/small-machine.js';
import { pageOut, repurposeAll, swapOut } from '../testing/swap-out.js';
import { lockVirtualMemory } from './lock-memory.js';
import { discardVirtualMemory, offerVirtualMemory, reclaimVirtualMemory } from './offer-memory.js';
import { findPte } from './page-tables.js';
import { FRAME_MODIFIED, FRAME_STANDBY } from './pfn-database.js';
import { prefetchVirtualMemory } from './prefetch-memory.js';
import { PTE_TRANSITION, PTE_VALID, pteFrame } from './pte.js';
import { verify } from './verify.js';
import { allocateVirtualMemory, protectVirtualMemory } from './virtual-memory.js';
import { emptyWorkingSet } from './working-set-manager.js';
import { getWriteWatch } from './write-watch.js';

const BASE = 0x1000_0000;
const PAGES = 24;

/** A machine whose process has written a number to each of its pages. */
function filledMachine(type = MEM_RESERVE | MEM_COMMIT): TestMachine {
  const machine = createTestMachine(256, 256);
  const { mm, space, user } = machine;
  allocateVirtualMemory(mm, space, region(0, PAGES), type, PAGE_READWRITE);
  for (let page = 0; page < PAGES; page++) user.writeU32(BASE + page * 4096, page + 1);
  return machine;
}

const region = (first: number, count: number) => ({
  baseAddress: BASE + first * 4096,
  regionSize: count * 4096,
});

function change({ mm, space }: TestMachine, type: number, first = 0, count = PAGES): number {
  const status = allocateVirtualMemory(mm, space, region(first, count), type, PAGE_NOACCESS);
  verify(mm);
  return status;
}

const values = ({ user }: TestMachine, first = 0, count = PAGES) =>
  Array.from({ length: count }, (_, page) => user.readU32(BASE + (first + page) * 4096));
const numbers = (first = 0, count = PAGES) => Array.from({ length: count }, (_, page) => first + page + 1);

/** State of the frame of a page that is valid or in transition. */
function frameState({ mm, space }: TestMachine, page: number): number {
  const lo = mm.words[findPte(mm, space, BASE + page * 4096)]!;
  expect(lo & (PTE_VALID | PTE_TRANSITION)).not.toBe(0);
  return mm.pfn.state[pteFrame(lo)]!;
}

describe('MEM_RESET', () => {
  it('lets pages leave without being written', () => {
    const machine = filledMachine();
    const { mm, space } = machine;
    expect(change(machine, MEM_RESET, 4, 20)).toBe(STATUS_SUCCESS);
    emptyWorkingSet(mm, space);
    verify(mm);
    expect(frameState(machine, 3)).toBe(FRAME_MODIFIED);
    expect(frameState(machine, 4)).toBe(FRAME_STANDBY);
    pageOut(mm, space);
    repurposeAll(mm);
    verify(mm);
    expect(mm.pageFiles.pagesWritten).toBe(4);
    expect(values(machine, 0, 4)).toEqual(numbers(0, 4));
    expect(values(machine, 4, 20)).toEqual(new Array(20).fill(0));
    verify(mm);
  });

  it('takes pages off the modified list, and frees what a paging file has of them', () => {
    const machine = filledMachine();
    const { mm, space } = machine;
    emptyWorkingSet(mm, space);
    expect(change(machine, MEM_RESET, 0, 12)).toBe(STATUS_SUCCESS);
    expect(frameState(machine, 0)).toBe(FRAME_STANDBY);
    swapOut(mm, space);
    const before = mm.pageFiles.pagesInUse;
    expect(change(machine, MEM_RESET, 12, 12)).toBe(STATUS_SUCCESS);
    expect(mm.pageFiles.pagesInUse).toBeLessThanOrEqual(before - 12);
    expect(values(machine)).toEqual(new Array(PAGES).fill(0));
  });

  it('keeps pages that are written to afterwards', () => {
    const machine = filledMachine();
    change(machine, MEM_RESET);
    machine.user.writeU32(BASE + 5 * 4096 + 8, 99);
    swapOut(machine.mm, machine.space);
    verify(machine.mm);
    expect(values(machine, 5, 1)).toEqual([6]);
    expect(machine.user.readU32(BASE + 5 * 4096 + 8)).toBe(99);
    expect(values(machine, 6, 1)).toEqual([0]);
  });

  it('touches only pages that lie wholly in the request', () => {
    const machine = filledMachine();
    const request = { baseAddress: BASE + 1, regionSize: 3 * 4096 };
    const { mm, space } = machine;
    expect(allocateVirtualMemory(mm, space, request, MEM_RESET, PAGE_NOACCESS)).toBe(STATUS_SUCCESS);
    expect(request).toEqual({ baseAddress: BASE + 4096, regionSize: 2 * 4096 });
    swapOut(mm, space);
    expect(values(machine, 0, 4)).toEqual([1, 0, 0, 4]);
  });

  it('does not take pages as not written to', () => {
    const machine = filledMachine(MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH);
    change(machine, MEM_RESET);
    const out = { count: 0 };
    const [first, last] = [BASE / 4096, BASE / 4096 + PAGES - 1];
    getWriteWatch(machine.mm, machine.space, first, last, false, new Float64Array(PAGES), out);
    expect(out.count).toBe(PAGES);
  });

  it('goes with no other flag and is for one range', () => {
    const machine = filledMachine();
    expect(change(machine, MEM_RESET | MEM_COMMIT)).toBe(STATUS_INVALID_PARAMETER_5);
    expect(change(machine, MEM_RESET | MEM_RESET_UNDO)).toBe(STATUS_INVALID_PARAMETER_5);
    expect(change(machine, MEM_RESET, 0, PAGES + 1)).toBe(STATUS_CONFLICTING_ADDRESSES);
    expect(change(machine, MEM_RESET_UNDO, -1, 1)).toBe(STATUS_CONFLICTING_ADDRESSES);
  });
});

describe('MEM_RESET_UNDO', () => {
  it('succeeds while everything is there, and has it kept', () => {
    const machine = filledMachine();
    const { mm, space } = machine;
    change(machine, MEM_RESET);
    emptyWorkingSet(mm, space);
    values(machine, 0, 8);
    expect(change(machine, MEM_RESET_UNDO)).toBe(STATUS_SUCCESS);
    expect(frameState(machine, 20)).toBe(FRAME_MODIFIED);
    swapOut(mm, space);
    verify(mm);
    expect(values(machine)).toEqual(numbers());
  });

  it('fails when a page was lost, also when it was touched or written since, and then has forgotten it', () => {
    const machine = filledMachine();
    const { mm, space, user } = machine;
    change(machine, MEM_RESET);
    emptyWorkingSet(mm, space);
    repurposeAll(mm);
    user.readU32(BASE + 4096);
    user.writeU32(BASE + 2 * 4096, 7);
    swapOut(mm, space);
    verify(mm);
    user.readU32(BASE + 2 * 4096);
    for (const page of [0, 1, 2]) {
      expect(change(machine, MEM_RESET_UNDO, page, 1)).toBe(STATUS_DEVICE_BUSY);
      expect(change(machine, MEM_RESET_UNDO, page, 1)).toBe(STATUS_SUCCESS);
    }
    expect(values(machine, 0, 3)).toEqual([0, 0, 7]);
  });

  it('has nothing to say about pages that were never reset or never touched', () => {
    const machine = filledMachine();
    allocateVirtualMemory(
      machine.mm,
      machine.space,
      { baseAddress: BASE + 0x10_0000, regionSize: 0x10000 },
      MEM_RESERVE | MEM_COMMIT,
      PAGE_READWRITE,
    );
    expect(change(machine, MEM_RESET_UNDO)).toBe(STATUS_SUCCESS);
    expect(change(machine, MEM_RESET, 256, 16)).toBe(STATUS_SUCCESS);
    expect(change(machine, MEM_RESET_UNDO, 256, 16)).toBe(STATUS_SUCCESS);
    swapOut(machine.mm, machine.space);
    expect(values(machine)).toEqual(numbers());
  });
});

describe('DiscardVirtualMemory', () => {
  it('gives frames and paging-file blocks back at once; the pages stay committed', () => {
    const machine = filledMachine();
    const { mm, space } = machine;
    swapOut(mm, space);
    values(machine, 0, 8);
    emptyWorkingSet(mm, space);
    values(machine, 0, 4);
    const before = mm.commit.byUse[0];
    const blocks = mm.pageFiles.pagesInUse;
    expect(discardVirtualMemory(mm, space, region(0, PAGES))).toBe(STATUS_SUCCESS);
    verify(mm);
    expect(mm.commit.byUse[0]).toBe(before);
    expect(mm.pageFiles.pagesInUse).toBe(blocks - PAGES);
    expect(values(machine)).toEqual(new Array(PAGES).fill(0));
  });

  it('refuses parts of pages, reserved and protected ones, and changes nothing then', () => {
    const machine = filledMachine();
    const { mm, space } = machine;
    expect(discardVirtualMemory(mm, space, { baseAddress: BASE + 1, regionSize: 4096 })).toBe(
      STATUS_INVALID_PARAMETER,
    );
    expect(discardVirtualMemory(mm, space, { baseAddress: BASE, regionSize: 4097 })).toBe(
      STATUS_INVALID_PARAMETER,
    );
    expect(discardVirtualMemory(mm, space, { baseAddress: BASE, regionSize: 0 })).toBe(
      STATUS_INVALID_PARAMETER,
    );
    expect(discardVirtualMemory(mm, space, region(-1, 1))).toBe(STATUS_CONFLICTING_ADDRESSES);
    protectVirtualMemory(mm, space, region(3, 1), PAGE_READONLY, { oldProtect: 0 });
    expect(discardVirtualMemory(mm, space, region(0, PAGES))).toBe(STATUS_INVALID_PAGE_PROTECTION);
    expect(discardVirtualMemory(mm, space, region(0, PAGES + 1))).toBe(STATUS_INVALID_PAGE_PROTECTION);
    expect(values(machine)).toEqual(numbers());
  });
});

describe('OfferVirtualMemory and ReclaimVirtualMemory', () => {
  it('put pages on the standby list of their priority, and take them back intact', () => {
    const machine = filledMachine();
    const { mm, space } = machine;
    const standby = () => [1, 2, 4, 5].map((priority) => mm.lists.standbyOf(priority));
    emptyWorkingSet(mm, space);
    values(machine, 0, 10);
    const before = standby();
    [1, 2, 3, 4].forEach((priority, index) => {
      expect(offerVirtualMemory(mm, space, region(index * 4, 4), priority)).toBe(STATUS_SUCCESS);
      verify(mm);
    });
    expect(standby().map((count, index) => count - before[index]!)).toEqual([4, 4, 4, 4]);
    expect(reclaimVirtualMemory(mm, space, region(0, 16))).toBe(STATUS_SUCCESS);
    verify(mm);
    expect(frameState(machine, 1)).toBe(FRAME_MODIFIED);
    swapOut(mm, space);
    expect(values(machine)).toEqual(numbers());
  });

  it('say that contents were discarded', () => {
    const machine = filledMachine();
    const { mm, space } = machine;
    offerVirtualMemory(mm, space, region(0, PAGES), 1);
    repurposeAll(mm);
    verify(mm);
    expect(reclaimVirtualMemory(mm, space, region(0, PAGES))).toBe(STATUS_DEVICE_BUSY);
    expect(reclaimVirtualMemory(mm, space, region(0, PAGES))).toBe(STATUS_SUCCESS);
    expect(values(machine)).toEqual(new Array(PAGES).fill(0));
  });

  it('leave locked pages where they are, and refuse priorities that there are not', () => {
    const machine = filledMachine();
    const { mm, space } = machine;
    expect(lockVirtualMemory(mm, space, region(2, 2))).toBe(STATUS_SUCCESS);
    expect(offerVirtualMemory(mm, space, region(0, 4), 2)).toBe(STATUS_SUCCESS);
    verify(mm);
    const isValid = (page: number) => (mm.words[findPte(mm, space, BASE + page * 4096)]! & PTE_VALID) !== 0;
    expect([0, 1, 2, 3].map(isValid)).toEqual([false, false, true, true]);
    for (const priority of [0, 5]) {
      expect(offerVirtualMemory(mm, space, region(0, 4), priority)).toBe(STATUS_INVALID_PARAMETER);
    }
  });
});

describe('PrefetchVirtualMemory', () => {
  it('reads pages from the paging file into frames that wait on standby', () => {
    const machine = filledMachine();
    const { mm, space } = machine;
    swapOut(mm, space);
    const { hard } = mm.counters;
    const resident = space.workingSetPages;
    const budget = { pages: 1000 };
    prefetchVirtualMemory(mm, space, BASE, BASE + 16 * 4096, budget);
    verify(mm);
    completeIo(mm);
    expect(space.workingSetPages - resident).toBeLessThanOrEqual(3);
    expect(frameState(machine, 15)).toBe(FRAME_STANDBY);
    expect(values(machine, 0, 16)).toEqual(numbers(0, 16));
    expect(mm.counters.hard).toBe(hard);
    expect(budget.pages).toBe(1000 - 16);
    values(machine, 16, 1);
    expect(mm.counters.hard).toBe(hard + 1);
  });

  it('stops when its budget is spent or memory is low', () => {
    const machine = filledMachine();
    const { mm, space } = machine;
    swapOut(mm, space);
    prefetchVirtualMemory(mm, space, 0, 2 ** 47, { pages: 0 });
    expect(mm.io.requests.length).toBe(0);
    prefetchVirtualMemory(mm, space, 0, 2 ** 47, { pages: 10_000 });
    verify(mm);
    completeIo(mm);
    expect(values(machine)).toEqual(numbers());
  });
});
