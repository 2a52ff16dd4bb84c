/** System services, views and the end of a process on ranges whose page tables are in a paging file, and tables that cannot be read. */
import { describe, expect, it } from 'vitest';
import {
  MEM_COMMIT,
  MEM_DECOMMIT,
  MEM_RELEASE,
  MEM_RESERVE,
  PAGE_READONLY,
  PAGE_READWRITE,
  PAGE_WRITECOPY,
  SEC_COMMIT,
} from '../base/memory-constants.js';
import {
  STATUS_IN_PAGE_ERROR,
  STATUS_NO_MEMORY,
  STATUS_NOT_LOCKED,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import type { FaultyPageFile } from '../testing/faulty-page-file.js';
import { MemoryFile } from '../testing/memory-file.js';
import type { TestMachine } from '../testing/small-machine.js';
import { swapOut } from '../testing/swap-out.js';
import {
  BASE,
  commitOne,
  expectFilled,
  fillAcross,
  GB,
  MB,
  machineWith,
  PAGES,
} from '../testing/two-tables.js';
import { deleteAddressSpace } from './address-space.js';
import { lockVirtualMemory, unlockVirtualMemory } from './lock-memory.js';
import { allocateFrame, insertFree } from './page-lists.js';
import { findPte } from './page-tables.js';
import { retryLostTables } from './pte-deletion.js';
import { createSection, deleteSection, type Section } from './section.js';
import { mapViewOfSection, unmapViewOfSection } from './section-view.js';
import { GuestFault } from './user-memory.js';
import { verify } from './verify.js';
import {
  allocateVirtualMemory,
  emptyBasicInformation,
  freeVirtualMemory,
  protectVirtualMemory,
  queryVirtualMemory,
} from './virtual-memory.js';

function statusOf(operation: () => void): number {
  try {
    operation();
    return STATUS_SUCCESS;
  } catch (error) {
    if (!(error instanceof GuestFault)) throw error;
    return error.status;
  }
}

describe('services on ranges whose page tables are out', () => {
  const outMachine = () => {
    const machine = machineWith(400);
    fillAcross(machine);
    swapOut(machine.mm, machine.space);
    return machine;
  };

  it('query them', () => {
    const { mm, space } = outMachine();
    const out = emptyBasicInformation();
    expect(queryVirtualMemory(mm, space, BASE + 4096, out)).toBe(STATUS_SUCCESS);
    expect([out.regionSize, out.protect]).toEqual([(PAGES - 1) * 4096, PAGE_READWRITE]);
    verify(mm);
  });

  it('protect and unprotect them', () => {
    const machine = outMachine();
    const { mm, space, user } = machine;
    const region = { baseAddress: GB, regionSize: PAGES * 4096 };
    const out = { oldProtect: 0 };
    expect(protectVirtualMemory(mm, space, region, PAGE_READONLY, out)).toBe(STATUS_SUCCESS);
    expect(out.oldProtect).toBe(PAGE_READWRITE);
    verify(mm);
    swapOut(machine.mm, machine.space);
    expect(() => user.writeU32(GB, 1)).toThrow();
    expectFilled(machine, GB);
    swapOut(machine.mm, machine.space);
    expect(protectVirtualMemory(mm, space, region, PAGE_READWRITE, out)).toBe(STATUS_SUCCESS);
    user.writeU32(GB, GB / 4096);
    expectFilled(machine, GB);
    verify(mm);
  });

  it('commit and decommit parts of them', () => {
    const machine = outMachine();
    const { mm, space, user } = machine;
    const half = { baseAddress: BASE + (PAGES / 2) * 4096, regionSize: PAGES * 4096 };
    expect(allocateVirtualMemory(mm, space, { ...half }, MEM_COMMIT, PAGE_READWRITE)).toBe(STATUS_SUCCESS);
    expect(space.vads.find(BASE / 4096)!.commitCharge).toBe(2.5 * PAGES);
    verify(mm);
    swapOut(machine.mm, machine.space);
    expect(freeVirtualMemory(mm, space, { ...half }, MEM_DECOMMIT)).toBe(STATUS_SUCCESS);
    expect(space.vads.find(BASE / 4096)!.commitCharge).toBe(1.5 * PAGES);
    verify(mm);
    expectFilled(machine, BASE, PAGES / 2);
    expect(() => user.readU32(half.baseAddress)).toThrow();
    swapOut(machine.mm, machine.space);
    const all = { baseAddress: BASE, regionSize: 0 };
    expect(freeVirtualMemory(mm, space, all, MEM_DECOMMIT)).toBe(STATUS_SUCCESS);
    expect([mm.pageFiles.pagesInUse, space.vads.find(BASE / 4096)!.commitCharge]).toEqual([0, 0]);
    verify(mm);
  });

  it.each([
    ['the whole of', 0, 4 * MB],
    ['the start of', 0, 2 * MB + 4096],
    ['the middle of', 4096, 2 * MB],
    ['the end of', 2 * MB - 4096, 2 * MB + 4096],
  ])('release %s them', (_part, offset, size) => {
    const machine = outMachine();
    const { mm, space } = machine;
    const region = { baseAddress: BASE + offset, regionSize: size };
    expect(freeVirtualMemory(mm, space, region, MEM_RELEASE)).toBe(STATUS_SUCCESS);
    verify(mm);
    swapOut(machine.mm, machine.space);
    verify(mm);
    for (let vad = space.vads.first(); vad !== null; vad = space.vads.first()) {
      if (vad.noChange) break;
      const rest = { baseAddress: vad.startPage * 4096, regionSize: 0 };
      expect(freeVirtualMemory(mm, space, rest, MEM_RELEASE)).toBe(STATUS_SUCCESS);
    }
    expect([mm.pageFiles.pagesInUse, space.commitCharge]).toEqual([
      0,
      space.pageTablePages + space.hyperspacePages,
    ]);
    verify(mm);
  });

  it('lock and unlock their pages', () => {
    const machine = outMachine();
    const { mm, space } = machine;
    const region = { baseAddress: BASE, regionSize: 4 * 4096 };
    expect(unlockVirtualMemory(mm, space, { ...region })).toBe(STATUS_NOT_LOCKED);
    expect(lockVirtualMemory(mm, space, { ...region })).toBe(STATUS_SUCCESS);
    swapOut(machine.mm, machine.space);
    expect(findPte(mm, space, BASE)).not.toBe(0);
    verify(mm);
    expect(unlockVirtualMemory(mm, space, { ...region })).toBe(STATUS_SUCCESS);
  });

  it('end a process', () => {
    const { mm, space } = outMachine();
    deleteAddressSpace(mm, space);
    expect([mm.pageFiles.pagesInUse, mm.commit.current, mm.lostTables.length]).toEqual([
      0,
      mm.systemPages,
      0,
    ]);
    verify(mm);
  });
});

describe('views whose page tables are out', () => {
  const PAGES_OF_SECTION = 20;

  function viewOf(
    { mm, space }: TestMachine,
    section: Section,
    protect: number,
    baseAddress: number,
  ): number {
    const view = { baseAddress, viewSize: 0, sectionOffset: 0, allocationType: 0, protect };
    expect(mapViewOfSection(mm, space, section, view)).toBe(STATUS_SUCCESS);
    return view.baseAddress;
  }

  function sectionOf({ mm }: TestMachine, file: MemoryFile | null = null, pages = PAGES_OF_SECTION): Section {
    const out: { section: Section | null } = { section: null };
    const request = {
      file,
      maximumSize: pages * 4096,
      pageProtection: PAGE_READWRITE,
      allocationAttributes: SEC_COMMIT,
    };
    expect(createSection(mm, request, out)).toBe(STATUS_SUCCESS);
    return out.section!;
  }

  it('keep shared pages and private copies', () => {
    const machine = machineWith(400);
    const { mm, space, user } = machine;
    const section = sectionOf(machine);
    const shared = viewOf(machine, section, PAGE_READWRITE, BASE);
    const copy = viewOf(machine, section, PAGE_WRITECOPY, GB + 2 * MB);
    for (let page = 0; page < PAGES_OF_SECTION; page++) user.writeU32(shared + page * 4096, page + 1);
    for (let page = 0; page < PAGES_OF_SECTION; page += 2) user.writeU32(copy + page * 4096, page + 100);
    swapOut(machine.mm, machine.space);
    expect(findPte(mm, space, copy)).toBe(0);
    verify(mm);
    for (let page = 0; page < PAGES_OF_SECTION; page++) {
      expect(user.readU32(shared + page * 4096)).toBe(page + 1);
      expect(user.readU32(copy + page * 4096)).toBe(page % 2 === 0 ? page + 100 : page + 1);
    }
    swapOut(machine.mm, machine.space);
    const region = { baseAddress: copy, regionSize: PAGES_OF_SECTION * 4096 };
    expect(protectVirtualMemory(mm, space, region, PAGE_READONLY, { oldProtect: 0 })).toBe(STATUS_SUCCESS);
    verify(mm);
    swapOut(machine.mm, machine.space);
    expect(unmapViewOfSection(mm, space, copy)).toBe(STATUS_SUCCESS);
    expect(unmapViewOfSection(mm, space, shared)).toBe(STATUS_SUCCESS);
    deleteSection(mm, section);
    expect(mm.pageFiles.pagesInUse).toBe(mm.pageFiles.files[0]!.used);
    verify(mm);
  });

  it('follow the prototype PTEs of a section that grows', () => {
    const machine = machineWith(400);
    const { mm, space, user } = machine;
    const file = new MemoryFile(new Uint8Array(PAGES_OF_SECTION * 4096).fill(7));
    const section = sectionOf(machine, file);
    const view = viewOf(machine, section, PAGE_READWRITE, BASE);
    expect(user.readU8(view + 4096)).toBe(7);
    swapOut(machine.mm, machine.space);
    expect(findPte(mm, space, view)).toBe(0);
    const before = section.controlArea.segment.prototypeBase;
    sectionOf(machine, file, 2000);
    expect(section.controlArea.segment.prototypeBase).not.toBe(before);
    verify(mm);
    expect(user.readU8(view + 4096)).toBe(7);
    verify(mm);
  });
});

describe('a page table that cannot be read', () => {
  const outMachine = () => {
    const machine = machineWith(400);
    fillAcross(machine);
    swapOut(machine.mm, machine.space);
    machine.store.failsReads = true;
    return machine;
  };
  /** verify() reads tables itself. */
  const check = ({ mm, store }: { mm: TestMachine['mm']; store: FaultyPageFile }) => {
    const { failsReads } = store;
    store.failsReads = false;
    verify(mm);
    store.failsReads = failsReads;
  };

  it('is an in-page error of the program that touches it, and nothing changes', () => {
    const machine = outMachine();
    const { mm, space, user, store } = machine;
    const { workingSetPages } = space;
    expect(statusOf(() => user.readU32(BASE))).toBe(STATUS_IN_PAGE_ERROR);
    expect(space.workingSetPages).toBe(workingSetPages);
    check(machine);
    store.failsReads = false;
    expectFilled(machine, BASE);
    verify(mm);
  });

  it('is the status of a service, before anything has changed', () => {
    const machine = outMachine();
    const { mm, space, store } = machine;
    const region = () => ({ baseAddress: GB - 4096, regionSize: 3 * 4096 });
    const information = emptyBasicInformation();
    const charge = mm.commit.current;
    const services = [
      () => queryVirtualMemory(mm, space, GB, information),
      () =>
        protectVirtualMemory(mm, space, { ...region(), baseAddress: GB }, PAGE_READONLY, { oldProtect: 0 }),
      () => allocateVirtualMemory(mm, space, region(), MEM_COMMIT, PAGE_READWRITE),
      () => freeVirtualMemory(mm, space, region(), MEM_DECOMMIT),
      () => freeVirtualMemory(mm, space, region(), MEM_RELEASE),
      () => lockVirtualMemory(mm, space, { ...region(), baseAddress: GB }),
    ];
    for (const service of services) expect(service()).toBe(STATUS_IN_PAGE_ERROR);
    expect(mm.commit.current).toBe(charge);
    check(machine);
    store.failsReads = false;
    expectFilled(machine, BASE);
    expectFilled(machine, GB);
    verify(mm);
  });

  it('keeps what it names when its process ends, until it can be read', () => {
    const machine = outMachine();
    const { mm, space, store } = machine;
    const used = mm.pageFiles.pagesInUse;
    deleteAddressSpace(mm, space);
    expect(mm.lostTables.length).toBeGreaterThan(0);
    expect(mm.pageFiles.pagesInUse).toBe(used);
    expect(mm.commit.current).toBe(mm.systemPages);
    check(machine);
    retryLostTables(mm);
    expect(mm.pageFiles.pagesInUse).toBe(used);
    store.failsReads = false;
    retryLostTables(mm);
    expect([mm.pageFiles.pagesInUse, mm.lostTables.length]).toEqual([0, 0]);
    verify(mm);
  });

  it('inside of what is released is lost alone', () => {
    const machine = machineWith(400);
    const { mm, space, user, store } = machine;
    const range = { baseAddress: 4 * GB - 2 * MB, regionSize: 2 * GB };
    const end = range.baseAddress + range.regionSize;
    expect(allocateVirtualMemory(mm, space, { ...range }, MEM_RESERVE, PAGE_READWRITE)).toBe(STATUS_SUCCESS);
    for (const at of [range.baseAddress, 4 * GB, 4 * GB + 4 * MB, 5 * GB - 2 * MB, end - 4096]) {
      commitOne(machine, at);
      user.writeU32(at, 1);
    }
    swapOut(machine.mm, machine.space);
    user.readU32(range.baseAddress);
    user.readU32(end - 4096);
    store.failsReads = true;
    const used = mm.pageFiles.pagesInUse;
    expect(freeVirtualMemory(mm, space, { ...range, regionSize: 0 }, MEM_RELEASE)).toBe(STATUS_SUCCESS);
    expect(mm.lostTables.map(({ level }) => level)).toEqual([2]);
    expect(mm.pageFiles.pagesInUse).toBeLessThanOrEqual(used);
    check(machine);
    store.failsReads = false;
    retryLostTables(mm);
    expect(mm.lostTables).toEqual([]);
    verify(mm);
    expect(space.vads.count).toBe(1);
  });

  it('for want of memory is STATUS_NO_MEMORY', () => {
    const machine = machineWith(400);
    const { mm, user } = machine;
    fillAcross(machine);
    swapOut(machine.mm, machine.space);
    const taken: number[] = [];
    for (let frame = allocateFrame(mm); frame >= 0; frame = allocateFrame(mm)) taken.push(frame);
    expect(statusOf(() => user.readU32(BASE))).toBe(STATUS_NO_MEMORY);
    for (const frame of taken) insertFree(mm, frame);
    verify(mm);
    expectFilled(machine, BASE);
    verify(mm);
  });
});
