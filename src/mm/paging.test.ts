/** Pages on their way between working sets, the lists and paging files. */
import { describe, expect, it } from 'vitest';
import {
  MEM_COMMIT,
  MEM_RELEASE,
  MEM_RESERVE,
  PAGE_READWRITE,
  PAGE_WRITECOPY,
  SEC_COMMIT,
} from '../base/memory-constants.js';
import { STATUS_IN_PAGE_ERROR, STATUS_UNEXPECTED_IO_ERROR } from '../base/ntstatus.js';
import { FaultyPageFile } from '../testing/faulty-page-file.js';
import { MemoryFile } from '../testing/memory-file.js';
import { completeIo, writeModified } from '../testing/paging-io.js';
import { createTestMachine, type TestMachine } from '../testing/small-machine.js';
import { attach, createAddressSpace, deleteAddressSpace } from './address-space.js';
import type { MemoryEvent } from './events.js';
import { lockVirtualMemory } from './lock-memory.js';
import { allocateFrame, insertFree } from './page-lists.js';
import { findPte, pteAddress } from './page-tables.js';
import { FRAME_ACTIVE, FRAME_MODIFIED, FRAME_STANDBY, type PfnDatabase } from './pfn-database.js';
import { PTE_DIRTY, PTE_TRANSITION, PTE_VALID, pteFrame } from './pte.js';
import { createSection, deleteSection } from './section.js';
import { mapViewOfSection, unmapViewOfSection } from './section-view.js';
import { writeCluster } from './threads/modified-page-writer.js';
import { runSystemThreads } from './threads/run-system-threads.js';
import { systemThreadsTick } from './threads/system-threads.js';
import type { GuestFault } from './user-memory.js';
import { verify } from './verify.js';
import { allocateVirtualMemory, freeVirtualMemory } from './virtual-memory.js';
import { FLUID_PAGES, WSLE_LOCKED_IN_WS, wsleWord } from './working-set.js';
import { emptyWorkingSet, replaceOnePage } from './working-set-manager.js';

const DEMAND_ZERO_READ_WRITE = 0x80;
const HYPERSPACE_TABLES = 3;

function committed({ mm, space }: TestMachine, pages: number): number {
  const request = { baseAddress: 0, regionSize: pages * 4096 };
  expect(allocateVirtualMemory(mm, space, request, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)).toBe(0);
  return request.baseAddress;
}

function fill({ user }: TestMachine, base: number, pages: number, seed = 1): void {
  for (let page = 0; page < pages; page++) user.writeU32(base + page * 4096 + 8, page * 7 + seed);
}

function expectFilled({ user }: TestMachine, base: number, pages: number, seed = 1): void {
  for (let page = 0; page < pages; page++) expect(user.readU32(base + page * 4096 + 8)).toBe(page * 7 + seed);
}

/** Gives every frame on the available lists another use, and back. */
function repurposeAll({ mm }: TestMachine): void {
  const taken: number[] = [];
  while (mm.lists.available > 0) taken.push(allocateFrame(mm));
  for (const frame of taken) insertFree(mm, frame);
}

function original(pfn: PfnDatabase, frame: number): [number, number] {
  return [pfn.originalLo[frame]!, pfn.originalHi[frame]!];
}

describe('the experiment of the working-set chapter', () => {
  const PAGES = 40;
  const machine = createTestMachine(256, 256);
  const { mm, space, user } = machine;
  const base = committed(machine, PAGES);
  const word = (page: number) => findPte(mm, space, base + page * 4096);
  const frames = () => Array.from({ length: PAGES }, (_, page) => pteFrame(mm.words[word(page)]!));

  it('an emptied working set lies on the modified list and still names its PTEs', () => {
    fill(machine, base, PAGES);
    emptyWorkingSet(mm, space);
    frames().forEach((frame, page) => {
      expect(mm.words[word(page)]! & (PTE_VALID | PTE_TRANSITION)).toBe(PTE_TRANSITION);
      expect(mm.pfn.state[frame]).toBe(FRAME_MODIFIED);
      expect(mm.pfn.pteAddress[frame]).toBe(pteAddress(base + page * 4096));
      expect(original(mm.pfn, frame)).toEqual([DEMAND_ZERO_READ_WRITE, 0]);
    });
    expect(space.workingSet.used).toBe(1 + space.pageTablePages - HYPERSPACE_TABLES - 1);
    verify(mm);
  });

  it('touching a page there is a soft fault', () => {
    const { soft, hard, transition } = space.counters;
    expect(user.readU32(base + 8)).toBe(1);
    expect([space.counters.soft, space.counters.hard]).toEqual([soft + 1, hard]);
    expect(space.counters.transition).toBe(transition + 1);
    expect(mm.pfn.state[frames()[0]!]).toBe(FRAME_ACTIVE);
    emptyWorkingSet(mm, space);
  });

  it('the modified page writer moves them to standby, in clusters of contiguous blocks', () => {
    writeModified(mm);
    expect([mm.pageFiles.pagesWritten, mm.pageFiles.writeIOs]).toEqual([PAGES, 3]);
    for (const frame of frames()) {
      const [lo, hi] = original(mm.pfn, frame);
      expect(mm.pfn.state[frame]).toBe(FRAME_STANDBY);
      expect(lo).toBe(DEMAND_ZERO_READ_WRITE);
      expect(mm.pageFiles.files[0]!.isTaken(hi)).toBe(true);
    }
    verify(mm);
  });

  it('touching a page there is a soft fault too, and writing to it frees its block', () => {
    const { hard } = space.counters;
    const used = mm.pageFiles.pagesInUse;
    expect(user.readU32(base + 4096 + 8)).toBe(8);
    expect(mm.pageFiles.pagesInUse).toBe(used);
    user.writeU32(base + 2 * 4096 + 8, 15);
    expect(mm.pageFiles.pagesInUse).toBe(used - 1);
    expect(space.counters.hard).toBe(hard);
    verify(mm);
  });

  it('after its frame has another use the PTE names the block, and touching it is a hard fault', () => {
    repurposeAll(machine);
    const at = word(5);
    expect(mm.words[at]).toBe(DEMAND_ZERO_READ_WRITE);
    expect(mm.words[at + 1]).toBeGreaterThan(0);
    verify(mm);
    const { hard, pageFileRead } = space.counters;
    expect(user.readU32(base + 5 * 4096 + 8)).toBe(36);
    expect([space.counters.hard, space.counters.pageFileRead]).toEqual([hard + 1, pageFileRead + 1]);
    expectFilled(machine, base, PAGES);
    verify(mm);
  });

  it('a page that was only read goes back to standby without a write; one written to frees its block then', () => {
    const written = mm.pageFiles.pagesWritten;
    user.writeU32(base + 6 * 4096 + 8, 43);
    const used = mm.pageFiles.pagesInUse;
    emptyWorkingSet(mm, space);
    expect(mm.pfn.state[frames()[5]!]).toBe(FRAME_STANDBY);
    expect(mm.pfn.state[frames()[6]!]).toBe(FRAME_MODIFIED);
    expect(mm.pageFiles.pagesInUse).toBe(used - 1);
    expect(mm.pageFiles.pagesWritten).toBe(written);
    verify(mm);
  });

  it('freeing the memory frees the blocks', () => {
    repurposeAll(machine);
    freeVirtualMemory(mm, space, { baseAddress: base, regionSize: 0 }, MEM_RELEASE);
    expect(mm.pageFiles.pagesInUse).toBe(0);
    verify(mm);
  });
});

describe('memory larger than RAM', () => {
  it.each(['aging', 'fifo'] as const)('keeps its contents (%s)', (policy) => {
    const machine = createTestMachine(200, 1200, undefined, policy);
    const { mm, space } = machine;
    const base = committed(machine, 1000);
    fill(machine, base, 1000);
    verify(mm);
    expectFilled(machine, base, 1000);
    fill(machine, base, 1000, 5);
    expectFilled(machine, base, 1000, 5);
    verify(mm);
    expect(space.counters.pageFileRead).toBeGreaterThan(2000);
    expect(mm.pageFiles.pagesWritten / mm.pageFiles.writeIOs).toBeGreaterThan(8);
    deleteAddressSpace(mm, space);
    expect(mm.pageFiles.pagesInUse).toBe(0);
    verify(mm);
  });

  it('uses several paging files', () => {
    const machine = createTestMachine(200, [100, 300, 400]);
    const { mm } = machine;
    const base = committed(machine, 800);
    fill(machine, base, 800);
    expectFilled(machine, base, 800);
    expect(mm.pageFiles.files.every(({ peakUsed }) => peakUsed > 50)).toBe(true);
    verify(mm);
  });

  it('two processes share pages of a section through the paging file', () => {
    const machine = createTestMachine(256, 1000);
    const { mm, space } = machine;
    const out: Parameters<typeof createSection>[2] = { section: null };
    const request = {
      file: null,
      maximumSize: 60 * 4096,
      pageProtection: PAGE_READWRITE,
      allocationAttributes: SEC_COMMIT,
    };
    expect(createSection(mm, request, out)).toBe(0);
    const other = createAddressSpace(mm, 8)!;
    const views = [space, other].map((where) => {
      const view = {
        baseAddress: 0,
        viewSize: 0,
        sectionOffset: 0,
        allocationType: 0,
        protect: PAGE_READWRITE,
      };
      expect(mapViewOfSection(mm, where, out.section!, view)).toBe(0);
      return view.baseAddress;
    });
    fill(machine, views[0]!, 60);
    attach(mm, other);
    expectFilled(machine, views[1]!, 60);
    const first = pteFrame(mm.words[findPte(mm, other, views[1]!)]!);
    expect(mm.pfn.shareCount[first]).toBe(2);
    for (const where of [space, other]) emptyWorkingSet(mm, where);
    expect(mm.pfn.state[first]).toBe(FRAME_MODIFIED);
    writeModified(mm);
    repurposeAll(machine);
    verify(mm);
    const { hard } = other.counters;
    expectFilled(machine, views[1]!, 60);
    expect(other.counters.hard).toBeGreaterThanOrEqual(hard + 60 / 8);
    expect(other.counters.hard + other.counters.transition).toBe(hard + 60);
    fill(machine, views[1]!, 60, 9);
    attach(mm, space);
    expectFilled(machine, views[0]!, 60, 9);
    verify(mm);
    unmapViewOfSection(mm, space, views[0]!);
    unmapViewOfSection(mm, other, views[1]!);
    repurposeAll(machine);
    deleteSection(mm, out.section!);
    expect(mm.pageFiles.pagesInUse).toBe(0);
    verify(mm);
  });
});

describe('a minimum', () => {
  it.each([
    [false, true],
    [true, false],
  ])('that is hard (%s) is given up when no frame is left: %s', (hard, given) => {
    const machine = createTestMachine(128, 200);
    const { mm, space, user } = machine;
    space.workingSet.minimum = 1000;
    space.workingSet.hardMinimum = hard;
    const base = committed(machine, 150);
    const touchAll = () => {
      for (let page = 0; page < 150; page++) user.writeU8(base + page * 4096, 1);
    };
    if (given) touchAll();
    else expect(touchAll).toThrow();
    expect(mm.pageFiles.pagesWritten > 0).toBe(given);
    verify(mm);
  });
});

describe('a working set at its maximum', () => {
  it.each(['aging', 'fifo'] as const)('keeps the pages that an instruction needs together (%s)', (policy) => {
    const LOCKED = 100;
    const machine = createTestMachine(192, 0, undefined, policy);
    const { mm, space, user } = machine;
    space.workingSet.minimum = 1000;
    const locked = committed(machine, LOCKED);
    expect(lockVirtualMemory(mm, space, { baseAddress: locked, regionSize: LOCKED * 4096 })).toBe(0);
    Object.assign(space.workingSet, { minimum: 20, maximum: 20, hardMaximum: true });
    const base = committed(machine, 20);
    fill(machine, base, 20);
    const needed = [0, 5, 9, 12, 15, 19].map((page) => base + page * 4096);
    for (const address of needed) user.readU32(address);
    for (const address of needed) expect(mm.words[findPte(mm, space, address)]! & PTE_VALID).toBe(PTE_VALID);
    expect(space.workingSet.used - LOCKED - space.pageTablePages).toBeLessThanOrEqual(FLUID_PAGES);
  });
});

describe('a copy-on-write fault', () => {
  it('never takes the frame of the page that it is about to copy', () => {
    const machine = createTestMachine(128, 200);
    const { mm, space, user } = machine;
    const out: Parameters<typeof createSection>[2] = { section: null };
    const request = {
      file: null,
      maximumSize: 4096,
      pageProtection: PAGE_READWRITE,
      allocationAttributes: SEC_COMMIT,
    };
    expect(createSection(mm, request, out)).toBe(0);
    const view = {
      baseAddress: 0,
      viewSize: 0,
      sectionOffset: 0,
      allocationType: 0,
      protect: PAGE_WRITECOPY,
    };
    expect(mapViewOfSection(mm, space, out.section!, view)).toBe(0);
    expect(user.readU32(view.baseAddress)).toBe(0);
    const taken: number[] = [];
    for (let frame = allocateFrame(mm); frame >= 0; frame = allocateFrame(mm)) taken.push(frame);
    for (let needed = 4; needed > 0; needed--) insertFree(mm, taken.pop()!);
    expect(user.readU32(view.baseAddress)).toBe(0);
    expect(mm.lists.available).toBe(0);
    expect(() => user.writeU32(view.baseAddress, 7)).toThrow();
    expect(mm.words[findPte(mm, space, view.baseAddress)]! & PTE_VALID).toBe(PTE_VALID);
    for (const frame of taken) insertFree(mm, frame);
    verify(mm);
    user.writeU32(view.baseAddress, 7);
    expect(user.readU32(view.baseAddress)).toBe(7);
    verify(mm);
  });
});

describe('a disk that fails', () => {
  it('leaves a page modified when it cannot be written, and another paging file takes it', () => {
    const store = new FaultyPageFile();
    store.failsWrites.add(0);
    const machine = createTestMachine(256, [100, 100], store);
    const { mm, space } = machine;
    const base = committed(machine, 20);
    fill(machine, base, 20);
    emptyWorkingSet(mm, space);
    expect(writeCluster(mm)).toBe(16);
    expect(mm.pageFiles.files.map(({ used }) => used)).toEqual([0, 16]);
    store.failsWrites.add(1);
    expect(writeCluster(mm)).toBe(0);
    expect(mm.lists.modifiedPageFile).toBe(4);
    expect(mm.pageFiles.failedWrites).toBe(3);
    verify(mm);
    expectFilled(machine, base, 20);
  });

  it('is an in-page error of the program that touches the page', () => {
    const store = new FaultyPageFile();
    const machine = createTestMachine(256, 100, store);
    const { mm, space, user } = machine;
    const base = committed(machine, 20);
    fill(machine, base, 20);
    emptyWorkingSet(mm, space);
    writeModified(mm);
    repurposeAll(machine);
    store.failsReads = true;
    let fault: GuestFault | null = null;
    try {
      user.readU32(base);
    } catch (error) {
      fault = error as GuestFault;
    }
    expect(fault).toMatchObject({ status: STATUS_IN_PAGE_ERROR, address: base });
    expect(mm.sections.inPageStatus).toBe(STATUS_UNEXPECTED_IO_ERROR);
    verify(mm);
    store.failsReads = false;
    expectFilled(machine, base, 20);
  });
});

describe('the balance set manager', () => {
  it('wakes every second and ages what was not accessed', () => {
    const machine = createTestMachine(512, 100);
    const { mm, space, user } = machine;
    const base = committed(machine, 3);
    fill(machine, base, 3);
    const age = (page: number) =>
      (mm.words[
        wsleWord(space.workingSet, mm.pfn.flink[pteFrame(mm.words[findPte(mm, space, base + page * 4096)]!)]!)
      ]! >>>
        10) &
      3;
    const ages: number[][] = [];
    for (let second = 1; second <= 5; second++) {
      user.readU32(base);
      systemThreadsTick(mm, second * 10_000_000 - 1);
      expect(mm.systemThreads.balanceSetManager.ready).toBe(false);
      systemThreadsTick(mm, second * 10_000_000);
      runSystemThreads(mm, 15);
      ages.push([age(0), age(1)]);
    }
    expect(ages).toEqual([
      [0, 0],
      [0, 1],
      [0, 2],
      [0, 3],
      [0, 3],
    ]);
    expect(mm.systemThreads.balanceSetManager.wakeups).toBe(5);
    verify(mm);
  });

  it('takes back, second by second, what an idle process grew past its maximum when there is no plenty any more', () => {
    const machine = createTestMachine(800, 2000);
    const { mm, space } = machine;
    space.workingSet.maximum = 120;
    const idle = committed(machine, 400);
    fill(machine, idle, 400);
    expect(space.workingSetPages).toBeGreaterThan(380);
    systemThreadsTick(mm, 10_000_000);
    runSystemThreads(mm, 15);
    const busy = createAddressSpace(mm, 8)!;
    const other = { mm, space: busy, user: machine.user };
    attach(mm, busy);
    const trimmed = new Map<number, number>();
    mm.events.attach(({ kind, pid, tid }) => {
      if (kind === 'trim' && tid === mm.systemThreads.balanceSetManager.id)
        trimmed.set(pid, (trimmed.get(pid) ?? 0) + 1);
    });
    const base = committed(other, 900);
    for (let page = 0; page < 900; page++) {
      machine.user.writeU32(base + page * 4096, page);
      runSystemThreads(mm, 15);
      if (page % 40 === 0) systemThreadsTick(mm, (2 + page / 40) * 10_000_000);
    }
    expect(space.workingSetPages).toBe(space.workingSet.maximum);
    expect(trimmed.get(space.processId)).toBeGreaterThan(250);
    verify(mm);
  });

  it('trims the process with the lowest fault rate first, to its minimum, and says so', () => {
    const machine = createTestMachine(400, 1000);
    const { mm, space } = machine;
    const idle = committed(machine, 100);
    fill(machine, idle, 100);
    const busy = createAddressSpace(mm, 8)!;
    const other = { mm, space: busy, user: machine.user };
    attach(mm, busy);
    systemThreadsTick(mm, 10_000_000);
    runSystemThreads(mm, 15);
    const events: MemoryEvent[] = [];
    mm.events.attach((event) => events.push(event));
    const base = committed(other, 400);
    const atFirst = space.workingSetPages;
    for (let page = 0; page < 400 && space.workingSetPages === atFirst; page++) {
      machine.user.writeU32(base + page * 4096, page);
      runSystemThreads(mm, 15);
    }
    expect(space.workingSetPages).toBeLessThan(atFirst);
    expect(space.workingSetPages).toBeGreaterThanOrEqual(space.workingSet.minimum);
    const trims = events.filter(({ kind }) => kind === 'trim');
    expect(new Set(trims.map(({ pid, tid }) => `${pid} ${tid}`))).toEqual(new Set(['4 8']));
    const wakes = events.filter(({ kind }) => kind === 'thread-wake').map(({ text }) => text);
    expect(wakes.slice(0, 2)).toEqual(['balance set manager', 'modified page writer']);
    expect(events.some(({ kind }) => kind === 'page-out')).toBe(true);
    verify(mm);
  });
});

describe('replacement', () => {
  it('passes over locked pages and, by age, over those just accessed', () => {
    const machine = createTestMachine(512, 500);
    const { mm, space, user } = machine;
    const base = committed(machine, 10);
    fill(machine, base, 10);
    const pte = (page: number) => mm.words[findPte(mm, space, base + page * 4096)]!;
    const lock = wsleWord(space.workingSet, mm.pfn.flink[pteFrame(pte(0))]!);
    mm.words[lock]! |= WSLE_LOCKED_IN_WS;
    space.workingSet.locked = 1;
    expect(replaceOnePage(mm, space, true)).toBe(true);
    user.readU32(base + 2 * 4096);
    expect(replaceOnePage(mm, space, true)).toBe(true);
    expect([0, 1, 2, 3, 4].map((page) => pte(page) & PTE_VALID)).toEqual([1, 0, 1, 0, 1]);
    expect(pte(4) & PTE_DIRTY).toBe(PTE_DIRTY);
    verify(mm);
  });
});

describe('the mapped page writer', () => {
  it('writes dirty pages of a mapped file when their list is long, and the modified page writer does not', () => {
    const machine = createTestMachine(512, 100);
    const { mm, space } = machine;
    const file = new MemoryFile(new Uint8Array(80 * 4096));
    const out: Parameters<typeof createSection>[2] = { section: null };
    const request = {
      file,
      maximumSize: 0,
      pageProtection: PAGE_READWRITE,
      allocationAttributes: SEC_COMMIT,
    };
    expect(createSection(mm, request, out)).toBe(0);
    const view = {
      baseAddress: 0,
      viewSize: 0,
      sectionOffset: 0,
      allocationType: 0,
      protect: PAGE_READWRITE,
    };
    expect(mapViewOfSection(mm, space, out.section!, view)).toBe(0);
    fill(machine, view.baseAddress, 80);
    emptyWorkingSet(mm, space);
    const { mappedPageWriter, modifiedPageWriter } = mm.systemThreads;
    expect([mappedPageWriter.ready, modifiedPageWriter.ready]).toEqual([true, false]);
    expect([mm.lists.modifiedMapped, file.writes]).toEqual([80, 0]);
    runSystemThreads(mm, 16);
    completeIo(mm, 16);
    expect(mappedPageWriter.ready).toBe(false);
    expect(mm.lists.modifiedMapped).toBeLessThanOrEqual(mm.thresholds.modifiedRest);
    expect(file.bytes[8]).toBe(1);
    expect(writeCluster(mm)).toBe(0);
    verify(mm);
    file.failing = true;
    fill(machine, view.baseAddress, 80, 3);
    emptyWorkingSet(mm, space);
    runSystemThreads(mm, 16);
    expect(mm.lists.modifiedMapped).toBe(80);
    verify(mm);
    file.failing = false;
    unmapViewOfSection(mm, space, view.baseAddress);
    expect(file.bytes[8]).toBe(3);
    deleteSection(mm, out.section!);
    verify(mm);
  });
});
