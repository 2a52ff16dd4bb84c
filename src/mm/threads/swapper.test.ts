/** Kernel stacks and processes on their way out of memory and in again. */
import { describe, expect, it } from 'vitest';
import { MEM_COMMIT, MEM_RELEASE, MEM_RESERVE, PAGE_READWRITE } from '../../base/memory-constants.js';
import { STATUS_UNEXPECTED_IO_ERROR } from '../../base/ntstatus.js';
import { FaultyPageFile } from '../../testing/faulty-page-file.js';
import { completeIo, writeModified } from '../../testing/paging-io.js';
import { createTestMachine, type TestMachine } from '../../testing/small-machine.js';
import { useAllMemory } from '../../testing/use-all-memory.js';
import { attach, createAddressSpace, deleteAddressSpace, detach } from '../address-space.js';
import { BugCheck, KERNEL_DATA_INPAGE_ERROR, KERNEL_STACK_INPAGE_ERROR } from '../bug-check.js';
import {
  createKernelStack,
  deleteKernelStack,
  inPageKernelStack,
  KERNEL_STACK_PAGES,
  type KernelStack,
  outPageKernelStack,
  signatureAddress,
} from '../kernel-stack.js';
import { lockVirtualMemory } from '../lock-memory.js';
import type { MemoryManager } from '../memory-manager.js';
import { allocateFrame, insertFree } from '../page-lists.js';
import { FRAME_MODIFIED, FRAME_STANDBY } from '../pfn-database.js';
import { PTE_TRANSITION, PTE_VALID, pteFrame } from '../pte.js';
import { findSystemPte, systemWord } from '../system-space.js';
import { verify } from '../verify.js';
import { allocateVirtualMemory, freeVirtualMemory } from '../virtual-memory.js';
import { writeCluster } from './modified-page-writer.js';
import { runSystemThreads } from './run-system-threads.js';
import { needAddressSpace } from './swapper.js';
import { systemThreadsTick, wakeSystemThread } from './system-threads.js';

const SECOND = 10_000_000;
const THREAD = 104;
/** Page tables of a process that are not of user space: its directory and three for hyperspace. */
const SYSTEM_TABLES = 4;
/** Pages with which a process comes in: those, one of its working-set list, three tables for the shared user data page. */
const PAGES_IN = SYSTEM_TABLES + 1 + 3;

function stackOf(mm: MemoryManager, space: TestMachine['space'] | null = null): KernelStack {
  const stack = createKernelStack(mm, THREAD, space)!;
  for (let at = stack.limit; at < stack.base; at += 4096) mm.words[systemWord(mm, at)] = at % 0x1_0000_0000;
  return stack;
}

function expectContents(mm: MemoryManager, stack: KernelStack): void {
  for (let at = stack.limit; at < stack.base; at += 4096)
    expect(mm.words[systemWord(mm, at)]).toBe(at % 0x1_0000_0000);
}

function ptes(mm: MemoryManager, stack: KernelStack): number[] {
  return Array.from(
    { length: KERNEL_STACK_PAGES },
    (_, page) => mm.words[findSystemPte(mm, stack.limit + page * 4096)]!,
  );
}

function setTime(mm: MemoryManager, seconds: number): void {
  detach(mm);
  (mm.clock as { now100ns: number }).now100ns = seconds * SECOND;
  systemThreadsTick(mm, seconds * SECOND);
  runSystemThreads(mm, 15);
}

function committed({ mm, space, user }: TestMachine, pages: number): number {
  const request = { baseAddress: 0, regionSize: pages * 4096 };
  expect(allocateVirtualMemory(mm, space, request, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)).toBe(0);
  for (let page = 0; page < pages; page++) user.writeU32(request.baseAddress + page * 4096, page + 7);
  return request.baseAddress;
}

function caught(action: () => void): BugCheck {
  try {
    action();
  } catch (error) {
    if (error instanceof BugCheck) return error;
    throw error;
  }
  throw new Error('the machine did not stop');
}

describe('a kernel stack', () => {
  it('goes out with its signature on top, to the modified list, and comes back from there', () => {
    const { mm } = createTestMachine(256, 256);
    const stack = stackOf(mm);
    const frames = ptes(mm, stack).map(pteFrame);
    outPageKernelStack(mm, stack);
    for (const [page, lo] of ptes(mm, stack).entries()) {
      expect(lo & (PTE_VALID | PTE_TRANSITION)).toBe(PTE_TRANSITION);
      expect(mm.pfn.state[frames[page]!]).toBe(FRAME_MODIFIED);
    }
    const top = mm.frameWord(frames.at(-1)!);
    expect(mm.words[top + ((signatureAddress(stack) % 4096) >>> 2)]).toBe(THREAD);
    verify(mm);
    expect(inPageKernelStack(mm, stack)).toBe(true);
    expect(ptes(mm, stack).map(pteFrame)).toEqual(frames);
    expectContents(mm, stack);
    verify(mm);
  });

  it('comes back from standby and from a paging file', () => {
    const { mm } = createTestMachine(256, 256);
    const stack = stackOf(mm);
    outPageKernelStack(mm, stack);
    writeModified(mm);
    for (const lo of ptes(mm, stack)) expect(mm.pfn.state[pteFrame(lo)]).toBe(FRAME_STANDBY);
    verify(mm);
    inPageKernelStack(mm, stack);
    expect(mm.pageFiles.pagesInUse).toBe(0);
    outPageKernelStack(mm, stack);
    useAllMemory(mm);
    for (const lo of ptes(mm, stack)) expect(lo & (PTE_VALID | PTE_TRANSITION)).toBe(0);
    expect(mm.pageFiles.pagesInUse).toBe(KERNEL_STACK_PAGES);
    verify(mm);
    expect(inPageKernelStack(mm, stack)).toBe(true);
    expectContents(mm, stack);
    expect(mm.pageFiles.pagesInUse).toBe(0);
    verify(mm);
  });

  it('can be deleted wherever it is', () => {
    const { mm } = createTestMachine(256, 256);
    const stacks = [stackOf(mm), stackOf(mm), stackOf(mm)];
    outPageKernelStack(mm, stacks[0]!);
    useAllMemory(mm);
    outPageKernelStack(mm, stacks[1]!);
    for (const stack of stacks) {
      deleteKernelStack(mm, stack);
      verify(mm);
    }
    expect([mm.systemPtes.reserved, mm.pageFiles.pagesInUse]).toEqual([0, 0]);
  });

  it('stops the machine when its signature is wrong, from a list (0) and from a disk (1)', () => {
    const { mm } = createTestMachine(256, 256);
    const stack = stackOf(mm);
    const at = signatureAddress(stack);
    for (const fromDisk of [0, 1]) {
      outPageKernelStack(mm, stack);
      const top = mm.frameWord(pteFrame(ptes(mm, stack).at(-1)!));
      mm.words[top + ((at % 4096) >>> 2)] = 0xbad;
      if (fromDisk === 1) useAllMemory(mm);
      const stop = caught(() => inPageKernelStack(mm, stack));
      expect([stop.code, ...stop.parameters]).toEqual([KERNEL_STACK_INPAGE_ERROR, fromDisk, 0xbad, 0, at]);
      stack.resident = true;
    }
  });

  it('stops the machine when it cannot be read', () => {
    const store = new FaultyPageFile();
    const { mm } = createTestMachine(256, 256, store);
    const stack = stackOf(mm);
    outPageKernelStack(mm, stack);
    useAllMemory(mm);
    const block = mm.words[findSystemPte(mm, stack.limit) + 1]!;
    store.failsReads = true;
    const stop = caught(() => inPageKernelStack(mm, stack));
    const status = STATUS_UNEXPECTED_IO_ERROR;
    expect([stop.code, ...stop.parameters]).toEqual([0x77, status, status, 0, block * 4096]);
  });

  it('stays out without frames for all of it', () => {
    const { mm } = createTestMachine(256, 256);
    const stack = stackOf(mm);
    outPageKernelStack(mm, stack);
    useAllMemory(mm);
    const taken: number[] = [];
    while (mm.lists.available > 3) taken.push(allocateFrame(mm));
    expect(inPageKernelStack(mm, stack)).toBe(false);
    expect(stack.resident).toBe(false);
    for (const frame of taken) insertFree(mm, frame);
    verify(mm);
    expect(inPageKernelStack(mm, stack)).toBe(true);
    expectContents(mm, stack);
  });
});

describe('the swapper', () => {
  it('looks every fourth second for threads that have waited for 3 seconds on a small machine', () => {
    const { mm, space } = createTestMachine(256, 256);
    const other = createAddressSpace(mm, 8)!;
    const [waits, runs, young] = [stackOf(mm, space), stackOf(mm, space), stackOf(mm, other)];
    waits.waitingSince = 0;
    young.waitingSince = 2 * SECOND;
    const kinds: string[] = [];
    mm.events.attach(({ kind, tid }) => kinds.push(`${kind} ${tid}`));
    for (const second of [1, 2, 3]) setTime(mm, second);
    expect(mm.systemThreads.swapper.wakeups).toBe(0);
    expect(waits.resident).toBe(true);
    setTime(mm, 4);
    expect([waits.resident, runs.resident, young.resident]).toEqual([false, true, true]);
    expect(kinds).toContain('stack-out 20');
    expect([space.outSwapped, mm.systemThreads.swapper.wakeups]).toEqual([false, 1]);
    waits.wanted = true;
    wakeSystemThread(mm, mm.systemThreads.swapper);
    runSystemThreads(mm, 22);
    expect([waits.resident, waits.wanted]).toEqual([true, false]);
    verify(mm);
  });

  it('waits for 15 seconds on a larger one', () => {
    const { mm } = createTestMachine(3072, 256);
    const stack = stackOf(mm);
    stack.waitingSince = 0;
    for (let second = 1; second <= 15; second++) setTime(mm, second);
    expect(stack.resident).toBe(true);
    setTime(mm, 16);
    expect(stack.resident).toBe(false);
  });

  it('takes a process out with its last stack, and in with the first', () => {
    const machine = createTestMachine(256, 256);
    const { mm, space, user } = machine;
    const base = committed(machine, 60);
    const stacks = [stackOf(mm, space), stackOf(mm, space)];
    for (const stack of stacks) stack.waitingSince = 0;
    const kinds: string[] = [];
    mm.events.attach(({ kind, pid }) => kinds.push(`${kind} ${pid}`));
    for (const second of [1, 2, 3, 4]) setTime(mm, second);
    expect(kinds.filter((kind) => /stack|process/.test(kind))).toEqual([
      'stack-out 4',
      'stack-out 4',
      'process-out 4',
    ]);
    expect([space.outSwapped, space.workingSetPages, mm.current]).toEqual([true, 0, null]);
    verify(mm);
    useAllMemory(mm);
    verify(mm);
    const tables = space.pageTablePages + space.hyperspacePages;
    expect(mm.pageFiles.pagesInUse).toBe(60 + tables + 2 * KERNEL_STACK_PAGES);
    stacks[1]!.wanted = true;
    wakeSystemThread(mm, mm.systemThreads.swapper);
    runSystemThreads(mm, 22);
    expect([space.outSwapped, space.workingSetPages]).toEqual([false, PAGES_IN + 1]);
    expect(stacks.map(({ resident }) => resident)).toEqual([false, true]);
    verify(mm);
    attach(mm, space);
    for (let page = 0; page < 60; page++) expect(user.readU32(base + page * 4096)).toBe(page + 7);
    expect(user.readU32(0x7ffe_0000 + 0x30)).toBe(0);
    verify(mm);
  });

  it('brings in a process whose pages are partly still in memory', () => {
    const machine = createTestMachine(256, 256);
    const { mm, space, user } = machine;
    const base = committed(machine, 60);
    const stack = stackOf(mm, space);
    stack.waitingSince = 0;
    for (let round = 0; round < 12; round++) {
      stack.waitingSince = 0;
      for (let second = 1; second <= 4; second++) setTime(mm, round * 4 + second);
      expect(space.outSwapped).toBe(true);
      for (let turn = 0; turn < round; turn++) {
        if (writeCluster(mm) === 0) break;
        if (turn % 2 === 0) completeIo(mm);
        const taken: number[] = [];
        for (let left = round * 19; left > 0 && mm.lists.available > 0; left--) taken.push(allocateFrame(mm));
        for (const frame of taken) insertFree(mm, frame);
        verify(mm);
      }
      attach(mm, space);
      expect(space.outSwapped).toBe(false);
      for (let page = round; page < 60; page++) expect(user.readU32(base + page * 4096)).toBe(page + 7);
      verify(mm);
      stack.wanted = true;
      wakeSystemThread(mm, mm.systemThreads.swapper);
      runSystemThreads(mm, 22);
      expect(stack.resident).toBe(true);
    }
  });

  it('only empties the working set of a process with locked pages', () => {
    const machine = createTestMachine(256, 256);
    const { mm, space, user } = machine;
    const base = committed(machine, 20);
    expect(lockVirtualMemory(mm, space, { baseAddress: base, regionSize: 2 * 4096 })).toBe(0);
    const stack = stackOf(mm, space);
    stack.waitingSince = 0;
    for (const second of [1, 2, 3, 4]) setTime(mm, second);
    const userTables = space.pageTablePages - SYSTEM_TABLES;
    expect([stack.resident, space.outSwapped, space.workingSet.used]).toEqual([false, false, 3 + userTables]);
    verify(mm);
    attach(mm, space);
    expect(user.readU32(base)).toBe(7);
  });

  it('does not run while somebody waits for a frame', () => {
    const machine = createTestMachine(256, 256);
    const { mm, space } = machine;
    committed(machine, 120);
    const stack = stackOf(mm, space);
    stack.waitingSince = 0;
    detach(mm);
    (mm.clock as { now100ns: number }).now100ns = 5 * SECOND;
    mm.systemThreads.swapPeriodOver = true;
    wakeSystemThread(mm, mm.systemThreads.swapper);
    const taken: number[] = [];
    while (mm.lists.available > 0) taken.push(allocateFrame(mm));
    const frame = allocateFrame(mm);
    expect(frame).toBeGreaterThanOrEqual(0);
    expect([stack.resident, space.outSwapped]).toEqual([true, false]);
    for (const one of [...taken, frame]) insertFree(mm, one);
    runSystemThreads(mm, 22);
    expect([stack.resident, space.outSwapped]).toEqual([false, true]);
    verify(mm);
  });

  it('leaves a process in memory that is attached to', () => {
    const { mm, space } = createTestMachine(256, 256);
    const stack = stackOf(mm, space);
    stack.waitingSince = 0;
    for (const second of [1, 2, 3]) setTime(mm, second);
    attach(mm, space);
    mm.systemThreads.swapPeriodOver = true;
    wakeSystemThread(mm, mm.systemThreads.swapper);
    runSystemThreads(mm, 15);
    expect([stack.resident, space.outSwapped]).toEqual([false, false]);
    for (const second of [4, 5, 6, 7, 8]) setTime(mm, second);
    expect(space.outSwapped).toBe(true);
  });

  it('lets a process that is out be used, and end', () => {
    const machine = createTestMachine(256, 256);
    const { mm, space } = machine;
    const base = committed(machine, 20);
    const stack = stackOf(mm, space);
    stack.waitingSince = 0;
    for (const second of [1, 2, 3, 4]) setTime(mm, second);
    useAllMemory(mm);
    expect(needAddressSpace(mm, space)).toBe(true);
    const request = { baseAddress: base, regionSize: 0 };
    expect(freeVirtualMemory(mm, space, request, MEM_RELEASE)).toBe(0);
    for (const second of [5, 6, 7, 8]) setTime(mm, second);
    expect(space.outSwapped).toBe(true);
    useAllMemory(mm);
    deleteKernelStack(mm, stack);
    deleteAddressSpace(mm, space);
    expect([mm.pageFiles.pagesInUse, mm.addressSpaces.length]).toEqual([0, 0]);
    verify(mm);
  });

  it('leaves a process out that there are no frames for', () => {
    const machine = createTestMachine(256, 256);
    const { mm, space } = machine;
    committed(machine, 20);
    stackOf(mm, space).waitingSince = 0;
    for (const second of [1, 2, 3, 4]) setTime(mm, second);
    useAllMemory(mm);
    for (let few = 0; few < PAGES_IN; few++) {
      const taken: number[] = [];
      while (mm.lists.available > few) taken.push(allocateFrame(mm));
      expect(needAddressSpace(mm, space)).toBe(false);
      writeModified(mm);
      for (const frame of taken) insertFree(mm, frame);
      verify(mm);
      useAllMemory(mm);
    }
    expect(needAddressSpace(mm, space)).toBe(true);
    verify(mm);
  });

  it('stops the machine when a page table cannot be read', () => {
    const store = new FaultyPageFile();
    const machine = createTestMachine(256, 256, store);
    const { mm, space } = machine;
    stackOf(mm, space).waitingSince = 0;
    for (const second of [1, 2, 3, 4]) setTime(mm, second);
    useAllMemory(mm);
    store.failsReads = true;
    const stop = caught(() => attach(mm, space));
    expect([stop.code, stop.parameters[0]]).toEqual([KERNEL_DATA_INPAGE_ERROR, space.directoryEntry]);
    expect(stop.parameters[1]).toBe(STATUS_UNEXPECTED_IO_ERROR);
  });
});
