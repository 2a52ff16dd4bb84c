/** Page tables under pressure: trimmed when nothing in them has a frame, written to a paging file, and brought back first. */
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
import { FaultyPageFile } from '../testing/faulty-page-file.js';
import { MemoryFile } from '../testing/memory-file.js';
import { writeModified } from '../testing/paging-io.js';
import { createTestMachine, type TestMachine } from '../testing/small-machine.js';
import { pageOut, repurposeAll, swapOut } from '../testing/swap-out.js';
import { attach, createAddressSpace, deleteAddressSpace } from './address-space.js';
import type { MemoryEvent } from './events.js';
import { lockVirtualMemory, unlockVirtualMemory } from './lock-memory.js';
import { allocateFrame, insertFree } from './page-lists.js';
import { PEEKED } from './page-table-peek.js';
import {
  addressOfPte,
  findPte,
  frameOfWord,
  invalidLevel,
  pdeAddress,
  pteAddress,
  tableEntryWord,
} from './page-tables.js';
import { FRAME_MODIFIED, FRAME_STANDBY, PFN_PAGE_TABLE } from './pfn-database.js';
import { hasPageFileBlock, PTE_TRANSITION, PTE_VALID, pteFrame } from './pte.js';
import { retryLostTables } from './pte-deletion.js';
import { createSection, deleteSection, type Section } from './section.js';
import { mapViewOfSection, unmapViewOfSection } from './section-view.js';
import { GuestFault } from './user-memory.js';
import { verify } from './verify.js';
import { VerifyError } from './verify-error.js';
import {
  allocateVirtualMemory,
  emptyBasicInformation,
  freeVirtualMemory,
  protectVirtualMemory,
  queryVirtualMemory,
} from './virtual-memory.js';
import { emptyWorkingSet, replaceOnePage } from './working-set-manager.js';

const MB = 0x10_0000;
const GB = 0x4000_0000;
/** Two page tables, in two page directories, under one level-3 table. */
const BASE = GB - 2 * MB;
const PAGES = 16;

function machineWith(pages: number, store = new FaultyPageFile()): TestMachine & { store: FaultyPageFile } {
  return { ...createTestMachine(pages, 600, store), store };
}

/** Commits 16 pages on each side of a 1 GB boundary, inside one range of 4 MB, and fills them. */
function fillAcross({ mm, space, user }: TestMachine): void {
  const range = { baseAddress: BASE, regionSize: 4 * MB };
  expect(allocateVirtualMemory(mm, space, range, MEM_RESERVE, PAGE_READWRITE)).toBe(STATUS_SUCCESS);
  for (const start of [BASE, GB]) {
    const region = { baseAddress: start, regionSize: PAGES * 4096 };
    expect(allocateVirtualMemory(mm, space, region, MEM_COMMIT, PAGE_READWRITE)).toBe(STATUS_SUCCESS);
    for (let page = 0; page < PAGES; page++) user.writeU32(start + page * 4096, start / 4096 + page);
  }
}

function expectFilled({ user }: TestMachine, start: number, pages = PAGES): void {
  for (let page = 0; page < pages; page++)
    expect(user.readU32(start + page * 4096)).toBe(start / 4096 + page);
}

function commitOne({ mm, space }: TestMachine, address: number): void {
  const page = { baseAddress: address, regionSize: 4096 };
  expect(allocateVirtualMemory(mm, space, page, MEM_COMMIT, PAGE_READWRITE)).toBe(STATUS_SUCCESS);
}

/** Sends pages to the paging file, so that their tables can be trimmed. */
function swapPagesOut(machine: TestMachine): void {
  const { mm, space } = machine;
  for (const start of [BASE, GB]) {
    for (let page = 0; page < PAGES; page++) {
      expect(findPte(mm, space, start + page * 4096)).not.toBe(0);
    }
  }
  pageOut(machine.mm, machine.space);
  repurposeAll(machine.mm);
}

function statusOf(operation: () => void): number {
  try {
    operation();
    return STATUS_SUCCESS;
  } catch (error) {
    if (!(error instanceof GuestFault)) throw error;
    return error.status;
  }
}

/** The entry of a level for an address, whose tables above are valid. */
function entry({ mm, space }: TestMachine, address: number, level: number): [number, number] {
  const word = tableEntryWord(mm, space, address, level);
  return [mm.words[word]!, mm.words[word + 1]!];
}

describe('a page table', () => {
  it('stays as long as one of its pages is valid or in transition', () => {
    const machine = machineWith(400);
    const { mm, space } = machine;
    fillAcross(machine);
    const table = frameOfWord(mm, findPte(mm, space, BASE));
    expect(mm.pfn.shareCount[table]).toBe(1 + PAGES);
    pageOut(machine.mm, machine.space);
    expect(mm.pfn.shareCount[table]).toBe(1 + PAGES);
    emptyWorkingSet(mm, space);
    expect(frameOfWord(mm, findPte(mm, space, BASE))).toBe(table);
    repurposeAll(machine.mm);
    expect(mm.pfn.shareCount[table]).toBe(1);
    verify(mm);
  });

  it('goes into transition, still names its entry, and comes back before its page is read', () => {
    const machine = machineWith(400);
    const { mm, space, user } = machine;
    fillAcross(machine);
    swapPagesOut(machine);
    const table = frameOfWord(mm, findPte(mm, space, BASE));
    const { workingSetPages, pageTablePages } = space;
    expect(emptyWorkingSet(mm, space)).toBe(2);
    expect(space.workingSetPages).toBe(workingSetPages - 2);
    expect(space.pageTablePages).toBe(pageTablePages);
    expect(findPte(mm, space, BASE)).toBe(0);
    expect(invalidLevel(mm, space, BASE)).toBe(2);
    const [lo] = entry(machine, BASE, 2);
    expect(lo & (PTE_VALID | PTE_TRANSITION)).toBe(PTE_TRANSITION);
    expect(pteFrame(lo)).toBe(table);
    expect(mm.pfn.state[table]).toBe(FRAME_MODIFIED);
    expect(mm.pfn.pteAddress[table]).toBe(pdeAddress(BASE));
    expect(addressOfPte(mm.pfn.pteAddress[table]!)).toBe(pteAddress(BASE));
    verify(mm);
    const { soft, hard, transition, pageFileRead } = space.counters;
    expect(user.readU32(BASE)).toBe(BASE / 4096);
    expect(frameOfWord(mm, findPte(mm, space, BASE))).toBe(table);
    expect(space.counters.transition).toBe(transition + 1);
    expect([space.counters.hard, space.counters.pageFileRead]).toEqual([hard + 1, pageFileRead + 1]);
    expect(space.counters.soft).toBe(soft);
    verify(mm);
  });

  it('on standby comes back modified, and its block is free', () => {
    const machine = machineWith(400);
    const { mm, space, user } = machine;
    fillAcross(machine);
    swapPagesOut(machine);
    const used = mm.pageFiles.pagesInUse;
    const table = frameOfWord(mm, findPte(mm, space, BASE));
    pageOut(machine.mm, machine.space);
    expect(mm.pfn.state[table]).toBe(FRAME_STANDBY);
    expect(mm.pfn.flags[table]).toBe(PFN_PAGE_TABLE);
    expect(mm.pageFiles.pagesInUse).toBe(used + 2);
    verify(mm);
    user.readU32(BASE);
    expect(mm.pageFiles.pagesInUse).toBe(used + 1);
    verify(mm);
  });

  it('is written, its frame has another use, and a fault brings back each level before the page', () => {
    const machine = machineWith(400);
    const { mm, space, user } = machine;
    fillAcross(machine);
    const before = space.pageTablePages;
    const charge = mm.commit.current;
    swapOut(machine.mm, machine.space);
    expect([space.pageTablePages, mm.commit.current]).toEqual([before, charge]);
    expect(invalidLevel(mm, space, BASE)).toBe(3);
    expect(hasPageFileBlock(...entry(machine, BASE, 3))).toBe(true);
    verify(mm);
    const events: MemoryEvent[] = [];
    mm.events.attach((event) => events.push(event));
    const { hard, total, pageFileRead } = space.counters;
    expect(user.readU32(BASE + 4096)).toBe(BASE / 4096 + 1);
    const reads = events.filter(({ kind }) => kind === 'page-in').map(({ address }) => address);
    expect(reads.slice(0, 3)).toEqual([
      pdeAddress(BASE) - (pdeAddress(BASE) % 4096),
      pteAddress(BASE),
      BASE + 4096,
    ]);
    expect([space.counters.total, space.counters.hard]).toEqual([total + 1, hard + 1]);
    expect(space.counters.pageFileRead).toBe(pageFileRead + 3);
    verify(mm);
    expectFilled(machine, BASE);
    expectFilled(machine, GB);
    verify(mm);
  });

  it('is trimmed with its process far below what its tables alone would take', () => {
    const machine = machineWith(160);
    const { mm, space, user } = machine;
    const range = { baseAddress: 16 * GB, regionSize: GB };
    expect(allocateVirtualMemory(mm, space, range, MEM_RESERVE, PAGE_READWRITE)).toBe(STATUS_SUCCESS);
    const places = Array.from({ length: 200 }, (_, index) => 16 * GB + ((index * 37) % 200) * 2 * MB);
    for (const [index, at] of places.entries()) {
      commitOne(machine, at);
      user.writeU32(at, index + 1);
    }
    expect(space.pageTablePages).toBeGreaterThan(200);
    verify(mm);
    for (const [index, at] of places.entries()) expect(user.readU32(at)).toBe(index + 1);
    verify(mm);
    deleteAddressSpace(mm, space);
    expect([mm.pageFiles.pagesInUse, mm.commit.current]).toEqual([0, mm.systemPages]);
    verify(mm);
  });

  it('is looked at where it is without coming back', () => {
    const machine = machineWith(400);
    const { mm, space } = machine;
    fillAcross(machine);
    swapOut(machine.mm, machine.space);
    const out = emptyBasicInformation();
    const read = mm.pageFiles.pagesRead;
    expect(queryVirtualMemory(mm, space, BASE, out, PEEKED)).toBe(STATUS_SUCCESS);
    expect([out.regionSize, out.protect]).toEqual([PAGES * 4096, PAGE_READWRITE]);
    expect(queryVirtualMemory(mm, space, GB, out, PEEKED)).toBe(STATUS_SUCCESS);
    expect(out.regionSize).toBe(PAGES * 4096);
    expect(invalidLevel(mm, space, BASE)).toBe(3);
    expect(mm.pageFiles.pagesRead).toBe(read);
  });
});

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

describe('page tables in transition', () => {
  /** Pages in the paging file, their tables on the modified list, or with `written` on standby. */
  const trimmed = (written: boolean) => {
    const machine = machineWith(400);
    fillAcross(machine);
    swapPagesOut(machine);
    expect(emptyWorkingSet(machine.mm, machine.space)).toBe(2);
    if (written) writeModified(machine.mm);
    return machine;
  };

  it.each([false, true])('go with their process (written: %s)', (written) => {
    const { mm, space } = trimmed(written);
    deleteAddressSpace(mm, space);
    expect([mm.pageFiles.pagesInUse, mm.commit.current]).toEqual([0, mm.systemPages]);
    verify(mm);
  });

  it.each([false, true])('go with the range (written: %s)', (written) => {
    const { mm, space } = trimmed(written);
    const { pageTablePages } = space;
    const region = { baseAddress: BASE, regionSize: 2 * MB };
    expect(freeVirtualMemory(mm, space, region, MEM_RELEASE)).toBe(STATUS_SUCCESS);
    expect(space.pageTablePages).toBeLessThan(pageTablePages);
    verify(mm);
    expect(freeVirtualMemory(mm, space, { baseAddress: GB, regionSize: 0 }, MEM_RELEASE)).toBe(
      STATUS_SUCCESS,
    );
    expect(mm.pageFiles.pagesInUse).toBe(0);
    verify(mm);
  });

  it('stay in RAM without a paging file, and come back with a soft fault', () => {
    const machine = createTestMachine(300);
    const { mm, space, user } = machine;
    const range = { baseAddress: BASE, regionSize: 2 * MB };
    expect(allocateVirtualMemory(mm, space, range, MEM_RESERVE, PAGE_READWRITE)).toBe(STATUS_SUCCESS);
    commitOne(machine, BASE);
    expect(replaceOnePage(mm, space, true)).toBe(false);
    expect(emptyWorkingSet(mm, space)).toBe(1);
    expect(findPte(mm, space, BASE)).toBe(0);
    repurposeAll(mm);
    verify(mm);
    const { soft } = space.counters;
    user.writeU32(BASE, 5);
    expect(space.counters.soft).toBe(soft + 1);
    expect(user.readU32(BASE)).toBe(5);
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

describe('the tables of another process', () => {
  it('go and come while it does not run', () => {
    const machine = machineWith(500);
    const { mm, space } = machine;
    fillAcross(machine);
    const other = createAddressSpace(mm, 8)!;
    attach(mm, other);
    fillAcross({ ...machine, space: other });
    swapOut(mm, space);
    swapOut(mm, other);
    verify(mm);
    for (const one of [space, other]) {
      attach(mm, one);
      expectFilled(machine, BASE);
      expectFilled(machine, GB);
    }
    deleteAddressSpace(mm, space);
    deleteAddressSpace(mm, other);
    expect(mm.pageFiles.pagesInUse).toBe(0);
    verify(mm);
  });
});

describe('verify()', () => {
  const blockOf = (machine: TestMachine, address: number) => {
    const word = PEEKED.pte(machine.mm, machine.space, address);
    return machine.mm.words[word + 1]!;
  };

  it.each<[string, (machine: TestMachine) => void]>([
    [
      'another block',
      (machine) => machine.mm.words[tableEntryWord(machine.mm, machine.space, BASE, 3) + 1]!--,
    ],
    ['the block of a page', (machine) => machine.mm.pageFiles.files[0]!.release(blockOf(machine, BASE))],
    ['a count', ({ space }) => space.pageTablePages--],
    ['a lost table', ({ mm }) => mm.lostTables.push({ lo: 0x80, hi: 1, level: 1, owner: null })],
  ])('finds damage to tables in a paging file: %s', (_name, damage) => {
    const machine = machineWith(400);
    fillAcross(machine);
    swapOut(machine.mm, machine.space);
    verify(machine.mm);
    damage(machine);
    expect(() => verify(machine.mm)).toThrow(VerifyError);
  });

  it('finds a table that is trimmed though a page of it is valid', () => {
    const machine = machineWith(400);
    const { mm, space } = machine;
    fillAcross(machine);
    const word = tableEntryWord(mm, space, BASE, 2);
    verify(mm);
    mm.words[word] = (mm.words[word]! & ~0xfff) | PTE_TRANSITION;
    expect(() => verify(mm)).toThrow(VerifyError);
  });
});
