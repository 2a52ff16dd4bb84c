/** Paged pool on its way between the system working set, the page lists and paging files. */
import { describe, expect, it } from 'vitest';
import {
  MEM_COMMIT,
  MEM_RESERVE,
  PAGE_READWRITE,
  SEC_COMMIT,
  SEC_RESERVE,
} from '../base/memory-constants.js';
import { STATUS_IN_PAGE_ERROR, STATUS_SUCCESS, STATUS_UNEXPECTED_IO_ERROR } from '../base/ntstatus.js';
import { FaultyPageFile } from '../testing/faulty-page-file.js';
import { MemoryFile } from '../testing/memory-file.js';
import { writeModified } from '../testing/paging-io.js';
import { below, mulberry32, seedFor } from '../testing/seed.js';
import { createTestMachine, type TestMachine } from '../testing/small-machine.js';
import { attach, createAddressSpace, deleteAddressSpace } from './address-space.js';
import { BugCheck, KERNEL_DATA_INPAGE_ERROR, NO_PAGES_AVAILABLE } from './bug-check.js';
import { COMMIT_PAGED_POOL } from './commit.js';
import type { MemoryEvent } from './events.js';
import { accessFault } from './fault-handler.js';
import type { MemoryManager } from './memory-manager.js';
import { allocateFrame, insertFree } from './page-lists.js';
import { frameOfWord, pteAddress } from './page-tables.js';
import { FRAME_MODIFIED, FRAME_STANDBY, PFN_MODIFIED } from './pfn-database.js';
import { PTE_ACCESSED, PTE_DIRTY, PTE_TRANSITION, PTE_VALID, pteFrame } from './pte.js';
import { queryVirtualMemory } from './query-virtual-memory.js';
import { createSection, deleteSection, type Section } from './section.js';
import { flushVirtualMemory, mapViewOfSection, unmapViewOfSection } from './section-view.js';
import { SYSTEM_WORKING_SET_LIST } from './system-layout.js';
import { observe, residentSystemWord } from './system-observer.js';
import { findSystemPte, PAGED_POOL, systemValue, systemWord } from './system-space.js';
import { SystemWorkingSet, systemWordToWrite } from './system-working-set.js';
import { GuestFault } from './user-memory.js';
import { verify } from './verify.js';
import { allocateVirtualMemory } from './virtual-memory.js';
import { WSLE_AGE, WSLE_DIRECT, WSLE_VALID, wsleAddress, wsleWord } from './working-set.js';
import { ageWorkingSets, emptyWorkingSet, trimWorkingSet, trimWorkingSets } from './working-set-manager.js';

const TAG = 'Test';
const FRAMES_LEFT = 2;
const EMPTY_INFORMATION = {
  baseAddress: 0,
  allocationBase: 0,
  allocationProtect: 0,
  regionSize: 0,
  state: 0,
  protect: 0,
  type: 0,
};

/** Paged pool of whole pages, each with its number and a seed in its third word. */
function poolPages(mm: MemoryManager, pages: number, seed = 1): number {
  const address = mm.pagedPool.allocate(pages * 4096, TAG);
  expect(address).not.toBe(0);
  for (let page = 0; page < pages; page++)
    mm.words[systemWordToWrite(mm, address + page * 4096 + 8)] = page * 5 + seed;
  return address;
}

function poolWord(mm: MemoryManager, address: number, page: number): number {
  return mm.words[systemWord(mm, address + page * 4096 + 8)]!;
}

function entry(mm: MemoryManager, address: number): [number, number] {
  const word = findSystemPte(mm, address);
  return [mm.words[word]!, mm.words[word + 1]!];
}

/** Everything that can leave the system working set is written and its frame used for something else. */
function pageOutPool(mm: MemoryManager): number {
  const left = emptyWorkingSet(mm, mm.systemWorkingSet);
  writeModified(mm);
  repurposeAll(mm);
  return left;
}

function repurposeAll(mm: MemoryManager): void {
  const taken: number[] = [];
  while (mm.lists.available > 0) taken.push(allocateFrame(mm));
  for (const frame of taken) insertFree(mm, frame);
}

function makeSection({ mm }: TestMachine, pages: number, allocationAttributes = SEC_COMMIT): Section {
  const out: { section: Section | null } = { section: null };
  const request = {
    file: null,
    maximumSize: pages * 4096,
    pageProtection: PAGE_READWRITE,
    allocationAttributes,
  };
  expect(createSection(mm, request, out)).toBe(STATUS_SUCCESS);
  return out.section!;
}

function mapWhole({ mm, space }: TestMachine, section: Section): number {
  const view = { baseAddress: 0, viewSize: 0, sectionOffset: 0, allocationType: 0, protect: PAGE_READWRITE };
  expect(mapViewOfSection(mm, space, section, view)).toBe(STATUS_SUCCESS);
  return view.baseAddress;
}

describe('the system working set list', () => {
  it('has an entry for each valid page of paged pool, found from the PFN entry', () => {
    const { mm } = createTestMachine(300, 300);
    const { workingSet } = mm.systemWorkingSet;
    expect(workingSet.size).toBe(0);
    const address = poolPages(mm, 3);
    const small = mm.pagedPool.allocate(100, TAG);
    expect([mm.systemWorkingSet.workingSetPages, workingSet.used, workingSet.size]).toEqual([4, 4, 512]);
    expect(workingSet.listWords).toEqual([residentSystemWord(mm, SYSTEM_WORKING_SET_LIST)]);
    for (let page = 0; page < 3; page++) {
      const frame = pteFrame(entry(mm, address + page * 4096)[0]);
      const word = wsleWord(workingSet, mm.pfn.flink[frame]!);
      expect(mm.words[word]! & 0xfff).toBe(WSLE_VALID | WSLE_DIRECT);
      expect(wsleAddress(mm.words[word]!, mm.words[word + 1]!)).toBe(address + page * 4096);
    }
    verify(mm);
    mm.pagedPool.free(address);
    mm.pagedPool.free(small);
    expect([mm.systemWorkingSet.workingSetPages, workingSet.used]).toEqual([0, 0]);
    expect(mm.systemWorkingSet.peakWorkingSetPages).toBe(4);
    verify(mm);
  });

  it('grows by pages that stay', () => {
    const { mm } = createTestMachine(1500, 100);
    const address = poolPages(mm, 1100);
    expect(mm.systemWorkingSet.workingSet.size).toBe(1536);
    verify(mm);
    mm.pagedPool.free(address);
    expect(mm.systemWorkingSet.workingSet.size).toBe(1536);
    verify(mm);
  });

  it.each([
    [256, 24, 31],
    [4096, 388, 500],
    [8192, 688, 1150],
    [65536, 1188, 2050],
  ])('has the limits of a machine of %i pages', (frames, minimum, maximum) => {
    const { workingSet } = new SystemWorkingSet(frames);
    expect([workingSet.minimum, workingSet.maximum]).toEqual([minimum, maximum]);
  });

  it('keeps to a hard maximum', () => {
    const { mm } = createTestMachine(300, 300);
    Object.assign(mm.systemWorkingSet.workingSet, { maximum: 4, hardMaximum: true });
    const address = poolPages(mm, 40);
    expect(mm.systemWorkingSet.workingSetPages).toBe(4);
    for (let page = 0; page < 40; page++) expect(poolWord(mm, address, page)).toBe(page * 5 + 1);
    expect([mm.systemWorkingSet.workingSetPages, mm.pagedPool.pages]).toEqual([4, 40]);
    verify(mm);
  });
});

describe('a page of paged pool', () => {
  const machine = createTestMachine(300, 300);
  const { mm, space } = machine;
  const address = poolPages(mm, 20);
  const { counters } = mm.systemWorkingSet;
  const frames = () => Array.from({ length: 20 }, (_, page) => pteFrame(entry(mm, address + page * 4096)[0]));

  it('that is trimmed is in transition, on the modified list', () => {
    expect(emptyWorkingSet(mm, mm.systemWorkingSet)).toBe(20);
    frames().forEach((frame, page) => {
      expect(entry(mm, address + page * 4096)[0] & (PTE_VALID | PTE_TRANSITION)).toBe(PTE_TRANSITION);
      expect(mm.pfn.state[frame]).toBe(FRAME_MODIFIED);
      expect(mm.pfn.pteAddress[frame]).toBe(pteAddress(address + page * 4096));
    });
    expect([mm.systemWorkingSet.workingSetPages, mm.pagedPool.pages]).toEqual([0, 20]);
    verify(mm);
  });

  it('comes back by a soft fault of the system working set', () => {
    const before = [mm.counters.soft, mm.counters.transition, space.counters.total];
    expect(poolWord(mm, address, 3)).toBe(16);
    expect([counters.soft, counters.hard, counters.transition]).toEqual([1, 0, 1]);
    expect([mm.counters.soft - 1, mm.counters.transition - 1, space.counters.total]).toEqual(before);
    expect(entry(mm, address + 3 * 4096)[0] & (PTE_VALID | PTE_DIRTY)).toBe(PTE_VALID | PTE_DIRTY);
    expect(mm.systemWorkingSet.workingSetPages).toBe(1);
    emptyWorkingSet(mm, mm.systemWorkingSet);
    verify(mm);
  });

  it('is written by the modified page writer, and then clean until it is written to', () => {
    writeModified(mm);
    expect(frames().every((frame) => mm.pfn.state[frame] === FRAME_STANDBY)).toBe(true);
    const used = mm.pageFiles.pagesInUse;
    expect(poolWord(mm, address, 4)).toBe(21);
    expect(entry(mm, address + 4 * 4096)[0] & PTE_DIRTY).toBe(0);
    expect(mm.pageFiles.pagesInUse).toBe(used);
    verify(mm);
    mm.words[systemWordToWrite(mm, address + 4 * 4096 + 8)] = 99;
    expect(mm.pageFiles.pagesInUse).toBe(used - 1);
    expect(mm.pfn.flags[frames()[4]!]! & PFN_MODIFIED).toBe(PFN_MODIFIED);
    verify(mm);
  });

  it('is read from the paging file after its frame had another use', () => {
    const events: MemoryEvent[] = [];
    pageOutPool(mm);
    const [, block] = entry(mm, address + 5 * 4096);
    expect(block).toBeGreaterThan(0);
    verify(mm);
    const listener = (event: MemoryEvent) => events.push(event);
    mm.events.attach(listener);
    const { hard, pageFileRead } = counters;
    expect(poolWord(mm, address, 5)).toBe(26);
    mm.events.detach(listener);
    expect([counters.hard - hard, counters.pageFileRead - pageFileRead]).toEqual([1, 1]);
    expect(events.filter(({ kind }) => kind === 'page-in')).toMatchObject([{ pid: 0, detail: block }]);
    expect(events.filter(({ kind }) => kind === 'fault')).toMatchObject([
      { pid: 0, address: address + 5 * 4096 + 8 },
    ]);
    expect(poolWord(mm, address, 4)).toBe(99);
    verify(mm);
  });

  it('can be looked at where it is, without a change', () => {
    pageOutPool(mm);
    const { total } = counters;
    expect(observe(mm, () => systemValue(mm, address + 6 * 4096 + 8))).toBe(31);
    expect(observe(mm, () => systemWord(mm, address + 6 * 4096 + 8))).toBe(0);
    expect(residentSystemWord(mm, address + 6 * 4096 + 8)).toBe(0);
    expect([counters.total, mm.systemWorkingSet.workingSetPages]).toEqual([total, 0]);
  });

  it('comes in for an access of kernel mode', () => {
    const { total } = space.counters;
    expect(accessFault(mm, space, address + 7 * 4096, 0, false, null)).toBe(STATUS_SUCCESS);
    expect(entry(mm, address + 7 * 4096)[0] & PTE_VALID).toBe(PTE_VALID);
    expect(space.counters.total).toBe(total);
    expect(() => accessFault(mm, space, address + 20 * 4096, 0, false, null)).toThrow(BugCheck);
  });

  it('gives its block or frame back when it is freed, wherever it is', () => {
    poolWord(mm, address, 8);
    emptyWorkingSet(mm, mm.systemWorkingSet);
    poolWord(mm, address, 9);
    mm.pagedPool.free(address);
    expect([mm.pageFiles.pagesInUse, mm.commit.byUse[COMMIT_PAGED_POOL]]).toEqual([0, 0]);
    verify(mm);
  });
});

describe('trimming', () => {
  it('passes over pool pages in which a prototype PTE is valid or in transition', () => {
    const machine = createTestMachine(300, 900);
    const { mm, space, user } = machine;
    const section = makeSection(machine, 600);
    const base = mapWhole(machine, section);
    user.writeU32(base + 4096, 7);
    const held = frameOfWord(mm, systemWord(mm, section.controlArea.prototypeAddress(1)));
    expect(mm.pfn.shareCount[held]).toBe(2);
    expect(emptyWorkingSet(mm, mm.systemWorkingSet)).toBe(1);
    emptyWorkingSet(mm, space);
    expect(mm.words[systemWord(mm, section.controlArea.prototypeAddress(1))]! & PTE_TRANSITION).not.toBe(0);
    expect(emptyWorkingSet(mm, mm.systemWorkingSet)).toBe(0);
    writeModified(mm);
    repurposeAll(mm);
    expect(mm.pfn.shareCount[held]).toBe(1);
    expect(pageOutPool(mm)).toBe(1);
    expect(mm.systemWorkingSet.workingSetPages).toBe(0);
    verify(mm);
    const { hard } = mm.systemWorkingSet.counters;
    expect(user.readU32(base + 4096)).toBe(7);
    expect([mm.systemWorkingSet.counters.hard, space.counters.pageFileRead]).toEqual([hard + 1, 1]);
    verify(mm);
    deleteAddressSpace(mm, space);
    deleteSection(mm, section);
    verify(mm);
    expect([mm.pagedPool.pages, mm.pageFiles.pagesInUse]).toEqual([0, 0]);
  });

  it('pages out the idle prototype PTEs of a section larger than RAM', () => {
    const machine = createTestMachine(700, 3000);
    const { mm, space, user } = machine;
    const PAGES = 1 << 20;
    const section = makeSection(machine, PAGES, SEC_RESERVE);
    expect(mm.pagedPool.pages).toBe(2048);
    expect(mm.systemWorkingSet.workingSetPages).toBeLessThan(mm.pfn.frameCount);
    const base = mapWhole(machine, section);
    const touched = Array.from({ length: 40 }, (_, index) => base + index * 26_000 * 4096);
    for (const address of touched) {
      const region = { baseAddress: address, regionSize: 4096 };
      expect(allocateVirtualMemory(mm, space, region, MEM_COMMIT, PAGE_READWRITE)).toBe(STATUS_SUCCESS);
      user.writeU32(address, address / 4096);
    }
    verify(mm);
    emptyWorkingSet(mm, space);
    pageOutPool(mm);
    expect(pageOutPool(mm) + mm.systemWorkingSet.workingSetPages).toBeLessThan(50);
    for (const address of touched) expect(user.readU32(address)).toBe(address / 4096);
    verify(mm);
    unmapViewOfSection(mm, space, base);
    deleteSection(mm, section);
    expect([mm.pagedPool.pages, mm.systemWorkingSet.workingSetPages, mm.pageFiles.pagesInUse]).toEqual([
      0, 0, 0,
    ]);
    verify(mm);
  });

  it('goes by fault rate, the system among the processes, and to the minimum', () => {
    const machine = createTestMachine(600, 600);
    const { mm, space, user } = machine;
    const request = { baseAddress: 0, regionSize: 100 * 4096 };
    allocateVirtualMemory(mm, space, request, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    poolPages(mm, 100);
    for (let page = 0; page < 100; page++) user.writeU8(request.baseAddress + page * 4096, 1);
    const { minimum } = mm.systemWorkingSet.workingSet;
    const before = space.workingSetPages;
    expect(trimWorkingSets(mm, 10, false)).toBe(10);
    expect([mm.systemWorkingSet.workingSetPages, space.workingSetPages]).toEqual([90, before]);
    expect(trimWorkingSets(mm, 60, false)).toBe(60);
    expect(mm.systemWorkingSet.workingSetPages).toBe(minimum);
    expect(space.workingSetPages).toBe(before - (60 - (90 - minimum)));
    verify(mm);
  });

  it('goes by age: the pages that were touched last stay', () => {
    const { mm } = createTestMachine(600, 600);
    const address = poolPages(mm, 10);
    for (let second = 0; second < 3; second++) {
      ageWorkingSets(mm);
      poolWord(mm, address, 4);
    }
    const [young] = entry(mm, address + 4 * 4096);
    const [old] = entry(mm, address);
    expect([young & PTE_ACCESSED, old & PTE_ACCESSED]).toEqual([PTE_ACCESSED, 0]);
    const { workingSet } = mm.systemWorkingSet;
    expect(mm.words[wsleWord(workingSet, mm.pfn.flink[pteFrame(old)]!)]! & WSLE_AGE).not.toBe(0);
    expect(trimWorkingSet(mm, mm.systemWorkingSet, 9)).toBe(9);
    expect(entry(mm, address + 4 * 4096)[0] & PTE_VALID).toBe(PTE_VALID);
    verify(mm);
  });
});

describe('a disk that cannot be read', () => {
  function brokenMachine() {
    const store = new FaultyPageFile();
    const machine = createTestMachine(300, 900, store);
    const { mm, space, user } = machine;
    const section = makeSection(machine, 600);
    const base = mapWhole(machine, section);
    user.writeU32(base, 5);
    emptyWorkingSet(mm, space);
    writeModified(mm);
    repurposeAll(mm);
    pageOutPool(mm);
    return { ...machine, store, section, base };
  }

  it('is an in-page error of the program whose view needs the prototype PTE', () => {
    const { mm, space, user, store, base } = brokenMachine();
    store.failsReads = true;
    const before = [mm.lists.available, space.workingSetPages, mm.systemWorkingSet.workingSetPages];
    let status = 0;
    try {
      user.readU32(base);
    } catch (error) {
      if (error instanceof GuestFault) status = error.status;
    }
    expect([status, mm.sections.inPageStatus]).toEqual([STATUS_IN_PAGE_ERROR, STATUS_UNEXPECTED_IO_ERROR]);
    expect([mm.lists.available, space.workingSetPages, mm.systemWorkingSet.workingSetPages]).toEqual(before);
    verify(mm);
    store.failsReads = false;
    expect(user.readU32(base)).toBe(5);
    verify(mm);
  });

  it('stops the machine when kernel code needs the page', () => {
    const { mm, store, section } = brokenMachine();
    const at = section.controlArea.prototypeAddress(0);
    const [lo, hi] = entry(mm, at);
    store.failsReads = true;
    let stop: unknown;
    try {
      deleteAddressSpace(mm, mm.addressSpaces[0]!);
      deleteSection(mm, section);
    } catch (error) {
      stop = error;
    }
    expect(stop).toBeInstanceOf(BugCheck);
    const { code, parameters } = stop as BugCheck;
    expect([code, ...parameters]).toEqual([
      KERNEL_DATA_INPAGE_ERROR,
      pteAddress(at),
      STATUS_UNEXPECTED_IO_ERROR,
      hi * 2 ** 32 + lo,
      at,
    ]);
  });
});

describe('without a frame', () => {
  it('a page of paged pool that is needed stops the machine only when nothing can be trimmed or written', () => {
    const { mm } = createTestMachine(128, 20);
    const address = poolPages(mm, 1);
    pageOutPool(mm);
    const taken: number[] = [];
    for (let frame = allocateFrame(mm); frame >= 0; frame = allocateFrame(mm)) taken.push(frame);
    expect(() => poolWord(mm, address, 0)).toThrow(
      expect.objectContaining({ name: 'BugCheck', code: NO_PAGES_AVAILABLE }),
    );
    insertFree(mm, taken.pop()!);
    expect(poolWord(mm, address, 0)).toBe(1);
    for (const frame of taken) insertFree(mm, frame);
    verify(mm);
  });
});

describe('a query', () => {
  it('of a view brings the prototype PTEs in, an observer sees the same without', () => {
    const machine = createTestMachine(300, 300);
    const { mm, space } = machine;
    const base = mapWhole(machine, makeSection(machine, 64, SEC_RESERVE));
    const region = { baseAddress: base + 4096, regionSize: 8192 };
    allocateVirtualMemory(mm, space, region, MEM_COMMIT, PAGE_READWRITE);
    pageOutPool(mm);
    const seen = { ...EMPTY_INFORMATION };
    const asked = { ...EMPTY_INFORMATION };
    observe(mm, () => queryVirtualMemory(mm, space, base + 4096, seen));
    expect(mm.systemWorkingSet.workingSetPages).toBe(0);
    queryVirtualMemory(mm, space, base + 4096, asked);
    expect(mm.systemWorkingSet.workingSetPages).toBe(1);
    expect(seen).toEqual(asked);
    expect(seen).toMatchObject({ regionSize: 8192, state: MEM_COMMIT });
  });
});

describe('paged pool under pressure', () => {
  it.each(['aging', 'fifo'] as const)(
    'keeps its blocks at random use with two pages resident (%s)',
    (policy) => {
      const random = mulberry32(seedFor(`system working set ${policy}`));
      const { mm } = createTestMachine(160, 400, undefined, policy);
      Object.assign(mm.systemWorkingSet.workingSet, { minimum: 0, maximum: 2, hardMaximum: true });
      const live: { address: number; mark: number; words: number }[] = [];
      const holds = ({ address, mark, words }: (typeof live)[0]) => {
        for (let word = 0; word < words; word++)
          if (mm.words[systemWord(mm, address + word * 4)] !== (mark + word) >>> 0) return false;
        return true;
      };
      for (let step = 0; step < 1500; step++) {
        if (live.length < 120 && random() % 5 < 3) {
          const bytes = random() % 20 === 0 ? below(random, 20000) : below(random, 900);
          const address = mm.pagedPool.allocate(bytes, TAG);
          expect(address).not.toBe(0);
          const one = { address, mark: random(), words: bytes >>> 2 };
          for (let word = 0; word < one.words; word++)
            mm.words[systemWordToWrite(mm, address + word * 4)] = one.mark + word;
          live.push(one);
        } else if (live.length > 0) {
          const at = below(random, live.length);
          expect(holds(live[at]!)).toBe(true);
          if (random() % 2 === 0) mm.pagedPool.free(live.splice(at, 1)[0]!.address);
        }
        if (random() % 16 === 0) writeModified(mm);
        if (random() % 16 === 0) repurposeAll(mm);
        if (step % 25 === 0) verify(mm);
      }
      expect(mm.systemWorkingSet.counters.hard).toBeGreaterThan(20);
      for (const one of live) {
        expect(holds(one)).toBe(true);
        mm.pagedPool.free(one.address);
      }
      verify(mm);
      expect([mm.pagedPool.pages, mm.pageFiles.pagesInUse]).toEqual([0, 0]);
    },
  );

  it('serves the views of two processes with one page of prototype PTEs resident', () => {
    const random = mulberry32(seedFor('system working set views'));
    const machine = createTestMachine(192, 13_000);
    const { mm, user } = machine;
    Object.assign(mm.systemWorkingSet.workingSet, { minimum: 0, maximum: 1, hardMaximum: true });
    const second = createAddressSpace(mm, 8)!;
    const spaces = [machine.space, second];
    const section = makeSection(machine, 24 * 512);
    const bases = spaces.map((space) => mapWhole({ ...machine, space }, section));
    const values = new Map<number, number>();
    for (let step = 0; step < 3000; step++) {
      const which = random() % 2;
      if (mm.current !== spaces[which]) attach(mm, spaces[which]!);
      const page = below(random, 24) * 512 + below(random, 4);
      const address = bases[which]! + page * 4096;
      if (random() % 2 === 0) {
        values.set(page, step);
        user.writeU32(address, step);
      } else expect(user.readU32(address)).toBe(values.get(page) ?? 0);
      if (random() % 20 === 0) emptyWorkingSet(mm, [...spaces, mm.systemWorkingSet][random() % 3]!);
      if (random() % 20 === 0) writeModified(mm);
      if (random() % 20 === 0) repurposeAll(mm);
      if (step % 100 === 0) verify(mm);
    }
    expect(mm.systemWorkingSet.counters.hard).toBeGreaterThan(20);
    expect(mm.pagedPool.pages).toBe(24);
    for (const space of spaces) deleteAddressSpace(mm, space);
    deleteSection(mm, section);
    verify(mm);
    expect([mm.pagedPool.pages, mm.pageFiles.pagesInUse]).toEqual([0, 0]);
  });
});

describe('a data file that grows', () => {
  it('keeps its prototype PTEs when two frames are left to move them, and one page of pool may be resident', () => {
    const machine = createTestMachine(300, 400, undefined, 'fifo');
    const { mm, space, user } = machine;
    Object.assign(mm.systemWorkingSet.workingSet, { minimum: 0, maximum: 1, hardMaximum: true });
    const file = new MemoryFile(new Uint8Array(1200 * 4096), 'grows');
    const section = (maximumSize: number) => {
      const out: { section: Section | null } = { section: null };
      const request = {
        file,
        maximumSize,
        pageProtection: PAGE_READWRITE,
        allocationAttributes: SEC_COMMIT,
      };
      expect(createSection(mm, request, out)).toBe(STATUS_SUCCESS);
      return out.section!;
    };
    const first = section(0);
    const base = mapWhole(machine, first);
    for (let page = 0; page < 1200; page += 100) user.writeU32(base + page * 4096, page + 1);
    flushVirtualMemory(mm, space, { baseAddress: base, regionSize: 0 }, { bytesWritten: 0 });
    emptyWorkingSet(mm, space);
    repurposeAll(mm);
    pageOutPool(mm);
    const taken: number[] = [];
    while (mm.lists.available > FRAMES_LEFT) taken.push(allocateFrame(mm));
    const second = section(2400 * 4096);
    for (const frame of taken) insertFree(mm, frame);
    verify(mm);
    expect(second.controlArea).toBe(first.controlArea);
    expect(mm.systemWorkingSet.counters.hard).toBeGreaterThan(2);
    for (let page = 0; page < 1200; page += 100) expect(user.readU32(base + page * 4096)).toBe(page + 1);
    verify(mm);
  });
});

it('paged pool begins at its place in system space', () => {
  const { mm } = createTestMachine(300);
  expect(poolPages(mm, 1)).toBe(PAGED_POOL);
});
