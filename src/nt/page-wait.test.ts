import { describe, expect, it } from 'vitest';
import {
  MEM_COMMIT,
  MEM_DECOMMIT,
  MEM_RESERVE,
  PAGE_GUARD,
  PAGE_READWRITE,
  SEC_COMMIT,
} from '../base/memory-constants.js';
import {
  STATUS_GUARD_PAGE_VIOLATION,
  STATUS_IN_PAGE_ERROR,
  STATUS_UNEXPECTED_IO_ERROR,
} from '../base/ntstatus.js';
import type { MemoryEvent } from '../mm/events.js';
import { allocateFrame, insertFree } from '../mm/page-lists.js';
import { verify } from '../mm/verify.js';
import { allocateVirtualMemory, freeVirtualMemory } from '../mm/virtual-memory.js';
import { emptyWorkingSet } from '../mm/working-set-manager.js';
import { FaultyPageFile } from '../testing/faulty-page-file.js';
import { writeModified } from '../testing/paging-io.js';
import { bytes32, bytes64, makeTestKernel, systemCall, type TestKernel } from '../testing/test-kernel.js';
import type { Process } from './process.js';
import { terminateProcess } from './process-delete.js';
import { createSection, mapViewOfSection } from './section-services.js';
import { restartable } from './service.js';

const RET = 0xc3;
const DATA = 0x2000_0000;
const SPIN = [0xeb, 0xfe];
/** What zeroing one page takes. */
const ZERO_PAGE_100NS = 10;
/** mov rax, DATA; mov eax, [rax]; ret */
const READ = [0x48, 0xb8, ...bytes64(DATA), 0x8b, 0x00, RET];

function machine(functions = {}, pageFileStore?: FaultyPageFile): TestKernel {
  return makeTestKernel(functions, {
    ram: 4 * 2 ** 20,
    quantum: 10_000,
    pageFiles: [{ initial: 2 ** 22, maximum: 2 ** 22 }],
    ...(pageFileStore && { pageFileStore }),
  });
}

/** Commits pages at DATA in a process, each filled with its number + 1. */
function giveData(test: TestKernel, process: Process, pages: number): void {
  const { kernel } = test;
  const request = { baseAddress: DATA, regionSize: pages * 4096 };
  expect(
    allocateVirtualMemory(kernel.mm, process.space, request, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE),
  ).toBe(0);
  fill(test, process, pages);
}

function fill({ kernel }: TestKernel, process: Process, pages: number): void {
  kernel.attachProcess(process);
  for (let page = 0; page < pages; page++)
    for (let at = 0; at < 4096; at += 512) kernel.memory.writeU32(DATA + page * 4096 + at, page + 1);
  kernel.detachProcess();
}

/** Every page of the processes is in the paging file and nowhere else. */
function pageOut({ kernel: { mm } }: TestKernel, ...processes: Process[]): void {
  for (const { space } of processes) emptyWorkingSet(mm, space);
  writeModified(mm);
  const taken: number[] = [];
  while (mm.lists.available > 0) taken.push(allocateFrame(mm));
  for (const frame of taken) insertFree(mm, frame);
}

/** Runs in small steps until something holds. */
function runUntil(test: TestKernel, holds: () => boolean): void {
  for (let step = 0; step < 100_000 && !holds(); step++) test.run(test.kernel.processor.instructions + 50);
  expect(holds()).toBe(true);
}

describe('a hard fault', () => {
  it('blocks its thread until the disk has read; others run meanwhile', () => {
    const test = machine();
    const { mm } = test.kernel;
    const reader = test.start(READ, 'reader.exe');
    giveData(test, reader, 3);
    pageOut(test, reader);
    const spinner = test.start(SPIN, 'spinner.exe');
    const seen: { event: MemoryEvent; others: number }[] = [];
    mm.events.attach((event) => {
      if (event.address === DATA) seen.push({ event, others: spinner.threads[0]!.instructions });
    });
    runUntil(test, () => reader.exitStatus !== null);
    expect(reader.exitStatus).toBe(1);
    const [begun, ended] = [seen[0]!, seen.find(({ event }) => event.kind === 'fault')!];
    expect(begun.event.kind).toBe('page-in');
    expect(ended.event.time - begun.event.time).toBeGreaterThanOrEqual(800);
    expect(ended.others - begun.others).toBeGreaterThan(50_000);
    expect(reader.space.counters.hard).toBeGreaterThan(0);
    verify(mm);
  });

  it('goes on when the disk has read, whatever the zero page thread still has to do', () => {
    const test = machine();
    const { mm, clock } = test.kernel;
    const reader = test.start(READ, 'reader.exe');
    giveData(test, reader, 1);
    pageOut(test, reader);
    const late: number[] = [];
    mm.events.attach(({ kind }) => {
      if (kind === 'read-complete') late.push(clock.now100ns - mm.io.disk.busyUntil);
    });
    runUntil(test, () => reader.exitStatus !== null);
    expect(late.length).toBeGreaterThan(3);
    expect(Math.max(...late)).toBeLessThanOrEqual(ZERO_PAGE_100NS);
    verify(mm);
  });

  it('reads neighbours with it, which are soft faults then', () => {
    const test = machine();
    const code = [0x48, 0xb8, ...bytes64(DATA), 0x8b, 0x88, ...bytes32(0), 0x03, 0x88, ...bytes32(4096)];
    const reader = test.start([...code, 0x03, 0x88, ...bytes32(8192), 0x89, 0xc8, RET], 'reader.exe');
    giveData(test, reader, 3);
    pageOut(test, reader);
    const { pagesRead } = test.kernel.mm.pageFiles;
    const faults: number[] = [];
    test.kernel.mm.events.attach((event) => {
      if (event.kind === 'fault' && event.address >= DATA && event.address < DATA + 3 * 4096)
        faults.push(event.detail);
    });
    runUntil(test, () => reader.exitStatus !== null);
    expect(reader.exitStatus).toBe(6);
    expect(faults).toEqual([0x114, 0x110, 0x110]);
    expect(test.kernel.mm.pageFiles.pagesRead).toBeGreaterThanOrEqual(pagesRead + 3);
    verify(test.kernel.mm);
  });

  it('on a page that another reads already waits for the same read', () => {
    const test = machine();
    const { kernel } = test;
    const { mm } = kernel;
    const readers = [test.start(READ, 'a.exe'), test.start(READ, 'b.exe')];
    const name = { path: '\\BaseNamedObjects\\shared', access: 0xf001f, openIf: true };
    for (const reader of readers) {
      const out = { handle: 0, information: 0 };
      const what = { maximumSize: 4096, protection: PAGE_READWRITE, attributes: SEC_COMMIT, fileHandle: 0 };
      createSection(kernel, reader, name, what, out);
      const view = {
        baseAddress: DATA,
        viewSize: 0,
        sectionOffset: 0,
        allocationType: 0,
        protect: PAGE_READWRITE,
      };
      kernel.attachProcess(reader);
      expect(mapViewOfSection(kernel, reader, out.handle, view)).toBe(0);
      kernel.detachProcess();
    }
    fill(test, readers[0]!, 1);
    pageOut(test, ...readers);
    let reads = 0;
    mm.events.attach((event) => {
      if (event.kind === 'page-in' && event.address === DATA) reads++;
    });
    runUntil(test, () => readers.every(({ exitStatus }) => exitStatus !== null));
    expect(readers.map(({ exitStatus }) => exitStatus)).toEqual([1, 1]);
    expect(reads).toBe(1);
    expect(mm.io.collidedFaults).toBeGreaterThan(0);
    expect(mm.io.waited).toEqual([]);
    verify(mm);
  });

  it('ends with its thread: the frame comes back when the disk is done', () => {
    const test = machine();
    const { kernel } = test;
    const reader = test.start(READ, 'reader.exe');
    giveData(test, reader, 1);
    pageOut(test, reader);
    test.start(SPIN, 'spinner.exe');
    const thread = reader.threads[0]!;
    runUntil(test, () => thread.wait?.kind === 'page' && thread.pageWait.address === DATA);
    verify(kernel.mm);
    terminateProcess(kernel, reader, 9);
    verify(kernel.mm);
    runUntil(test, () => kernel.mm.io.requests.length === 0);
    expect(kernel.mm.pageFiles.pagesInUse).toBe(0);
    verify(kernel.mm);
  });

  it('on a page that is decommitted meanwhile is a violation', () => {
    const test = machine();
    const { kernel } = test;
    const reader = test.start(READ, 'reader.exe');
    giveData(test, reader, 1);
    pageOut(test, reader);
    const thread = reader.threads[0]!;
    test.start(SPIN, 'spinner.exe');
    runUntil(test, () => thread.wait?.kind === 'page' && thread.pageWait.address === DATA);
    freeVirtualMemory(kernel.mm, reader.space, { baseAddress: DATA, regionSize: 4096 }, MEM_DECOMMIT);
    verify(kernel.mm);
    runUntil(test, () => reader.exitStatus !== null);
    expect(reader.crash).toMatchObject({ code: 0xc0000005, parameters: [0, DATA] });
    verify(kernel.mm);
  });

  it('that the disk cannot serve is an in-page error, for its thread only', () => {
    const store = new FaultyPageFile();
    const test = machine({}, store);
    const reader = test.start(READ, 'reader.exe');
    giveData(test, reader, 1);
    pageOut(test, reader);
    const thread = reader.threads[0]!;
    while (thread.instructions === 0) test.run(test.kernel.processor.instructions + 1);
    store.failsReads = true;
    runUntil(test, () => reader.exitStatus !== null);
    const parameters = [0, expect.any(Number), STATUS_UNEXPECTED_IO_ERROR];
    expect(reader.crash).toMatchObject({ code: STATUS_IN_PAGE_ERROR, parameters });
    verify(test.kernel.mm);
  });
});

describe('a service', () => {
  const PAGES = 41;
  const [FIRST, SECOND, TARGET] = [DATA, DATA + 20 * 4096, DATA + 40 * 4096];
  let entered = 0;
  /** Counts itself at TARGET + 512, and adds the numbers at FIRST and SECOND into TARGET. */
  const sum = restartable({
    Sum: ({ memory }) => {
      entered++;
      memory.writeU32(TARGET + 512, memory.readU32(TARGET + 512) + 1);
      const total = memory.readU32(FIRST) + memory.readU32(SECOND);
      memory.writeU32(TARGET, total);
      return total;
    },
  });

  /** Runs a program that calls Sum with its pages paged out, beside one that spins; what lies at TARGET + 512 at its end. */
  function runSum(test: TestKernel) {
    const { kernel } = test;
    entered = 0;
    const caller = test.start([...systemCall(test.service('Sum')), RET], 'caller.exe');
    giveData(test, caller, PAGES);
    pageOut(test, caller);
    const spinner = test.start(SPIN, 'spinner.exe');
    const others: number[] = [];
    kernel.mm.events.attach(({ kind, address }) => {
      if (kind === 'page-in' && [FIRST, SECOND, TARGET + 512].includes(address))
        others.push(spinner.threads[0]!.instructions);
    });
    let count = 0;
    kernel.processExiting.push((process) => {
      kernel.attachProcess(process);
      count = kernel.memory.readU32(TARGET + 512);
      kernel.detachProcess();
    });
    runUntil(test, () => caller.exitStatus !== null);
    expect(caller.exitStatus).toBe(1 + 21);
    verify(kernel.mm);
    return { count, others };
  }

  it('begins anew after each wait for a page, its writes taken back; others run meanwhile', () => {
    const { count, others } = runSum(machine(sum));
    expect(entered).toBe(4);
    expect(count).toBe(41 + 1);
    expect(others).toHaveLength(3);
    expect(others[1]! - others[0]!).toBeGreaterThan(50_000);
    expect(others[2]! - others[1]!).toBeGreaterThan(50_000);
  });

  it('meets what the fault that waited ended in', () => {
    const [GUARD, TABLES] = [0x3000_0000, 4];
    let faults = 0;
    const touch = restartable({ Touch: ({ memory }) => memory.readU32(GUARD) });
    const test = machine(touch);
    const { mm } = test.kernel;
    const caller = test.start([...systemCall(test.service('Touch')), RET], 'caller.exe');
    const request = { baseAddress: GUARD, regionSize: 0x10000 };
    allocateVirtualMemory(mm, caller.space, request, MEM_RESERVE, PAGE_READWRITE);
    const guarded = { baseAddress: GUARD, regionSize: 4096 };
    allocateVirtualMemory(mm, caller.space, guarded, MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD);
    for (let level = 0; level < TABLES; level++) pageOut(test, caller);
    mm.events.attach(({ kind, address }) => {
      if (kind === 'fault' && address === GUARD) faults++;
    });
    runUntil(test, () => caller.exitStatus !== null);
    expect(mm.io.serviceRestarts).toBeGreaterThan(0);
    expect(caller.crash).toMatchObject({ code: STATUS_GUARD_PAGE_VIOLATION });
    expect(faults).toBe(1);
    verify(mm);
  });

  it('that did not say that it may begin anew waits on the spot', () => {
    const { count, others } = runSum(machine({ Sum: sum.Sum.enter }));
    expect(entered).toBe(1);
    expect(count).toBe(41 + 1);
    expect(others[2]).toBe(others[0]);
  });
});
