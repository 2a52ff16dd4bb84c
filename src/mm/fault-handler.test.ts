import { describe, expect, it } from 'vitest';
import {
  MEM_COMMIT,
  MEM_RELEASE,
  MEM_RESERVE,
  PAGE_EXECUTE_READ,
  PAGE_EXECUTE_READWRITE,
  PAGE_GUARD,
  PAGE_NOACCESS,
  PAGE_READONLY,
  PAGE_READWRITE,
} from '../base/memory-constants.js';
import {
  STATUS_ACCESS_VIOLATION,
  STATUS_GUARD_PAGE_VIOLATION,
  STATUS_NO_MEMORY,
  STATUS_PAGE_FAULT_DEMAND_ZERO,
  STATUS_PAGE_FAULT_GUARD_PAGE,
  STATUS_PAGE_FAULT_TRANSITION,
  STATUS_STACK_OVERFLOW,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import { EXIT_PAGE_FAULT, EXIT_SYSTEM_CALL, RAX, RCX } from '../machine/processor.js';
import { FaultyPageFile } from '../testing/faulty-page-file.js';
import { writeModified } from '../testing/paging-io.js';
import { createTestMachine, type TestMachine } from '../testing/small-machine.js';
import { FAULT_FETCH, FAULT_PRESENT, FAULT_USER, FAULT_WRITE } from './access-check.js';
import { BugCheck } from './bug-check.js';
import type { MemoryEvent } from './events.js';
import { accessFault } from './fault-handler.js';
import { allocateFrame, availableFrames, returnUnusedFrame } from './page-lists.js';
import { findPte, pteAddress } from './page-tables.js';
import { FRAME_ACTIVE, FRAME_FREE, FRAME_MODIFIED, FRAME_ZEROED } from './pfn-database.js';
import { DECOMMITTED_PTE, pteFrame, pteProtection } from './pte.js';
import { trimPage } from './pte-deletion.js';
import type { GuestFault } from './user-memory.js';
import {
  TEB_DEALLOCATION_STACK,
  TEB_GUARANTEED_STACK_BYTES,
  TEB_STACK_BASE,
  TEB_STACK_LIMIT,
} from './user-stack.js';
import { verify } from './verify.js';
import { allocateVirtualMemory, freeVirtualMemory, protectVirtualMemory } from './virtual-memory.js';

const READ = FAULT_USER;
const WRITE = FAULT_USER | FAULT_WRITE;
const FETCH = FAULT_USER | FAULT_FETCH;
const BASE = 0x1000_0000;

function allocate(
  { mm, space }: TestMachine,
  pages: number,
  type: number,
  protect = PAGE_READWRITE,
  base = 0,
): number {
  const request = { baseAddress: base, regionSize: pages * 4096 };
  expect(allocateVirtualMemory(mm, space, request, type, protect)).toBe(STATUS_SUCCESS);
  return request.baseAddress;
}

function fault({ mm, space }: TestMachine, address: number, errorCode: number): number {
  return accessFault(mm, space, address, errorCode, true, null);
}

function fullDisk(): FaultyPageFile {
  const store = new FaultyPageFile();
  store.failsWrites.add(0);
  return store;
}

describe('accessFault', () => {
  it('makes a page of zeros: a valid entry, a true PFN entry', () => {
    const machine = createTestMachine(128);
    const { mm, space } = machine;
    const base = allocate(machine, 4, MEM_RESERVE | MEM_COMMIT);
    expect(fault(machine, base + 0x1234, READ)).toBe(STATUS_PAGE_FAULT_DEMAND_ZERO);
    const word = findPte(mm, space, base + 0x1000);
    expect(mm.words[word]! & 0xfff).toBe(0x027);
    expect(mm.words[word + 1]).toBe(0x8000_0000);
    const frame = pteFrame(mm.words[word]!);
    expect(mm.pfn.state[frame]).toBe(FRAME_ACTIVE);
    expect(mm.pfn.originalLo[frame]).toBe(0x80);
    expect(mm.pfn.pteAddress[frame]).toBe(pteAddress(base + 0x1000));
    expect(mm.pfn.shareCount[frame]).toBe(1);
    expect(mm.counters).toMatchObject({ total: 1, soft: 1, hard: 0, demandZero: 1 });
    expect(space.counters).toMatchObject({ total: 1, soft: 1, hard: 0, demandZero: 1 });
    verify(mm);
  });

  it('sets the dirty bit when the access was a write', () => {
    const machine = createTestMachine(128);
    const base = allocate(machine, 1, MEM_RESERVE | MEM_COMMIT);
    fault(machine, base, WRITE);
    expect(machine.mm.words[findPte(machine.mm, machine.space, base)]! & 0xfff).toBe(0x067);
  });

  it('raises the violation of free, reserved, decommitted, no-access and system addresses', () => {
    const machine = createTestMachine(128);
    const { mm, space } = machine;
    const base = allocate(machine, 4, MEM_RESERVE);
    allocate(machine, 1, MEM_COMMIT, PAGE_NOACCESS, base + 0x1000);
    const committed = allocate(machine, 2, MEM_RESERVE | MEM_COMMIT);
    freeVirtualMemory(mm, space, { baseAddress: committed, regionSize: 4096 }, 0x4000);
    expect(mm.words[findPte(mm, space, committed)]).toBe(DECOMMITTED_PTE);
    const addresses = [0, BASE, base, base + 0x1000, committed, 0x7fff_ffff_0000, 0xf680_0000_0000];
    for (const address of addresses) expect(fault(machine, address, READ)).toBe(STATUS_ACCESS_VIOLATION);
    expect(mm.counters).toMatchObject({
      total: addresses.length,
      accessViolation: addresses.length,
      soft: 0,
    });
    verify(mm);
  });

  it('stops the machine when the kernel itself uses an unmapped system address', () => {
    const { mm, space } = createTestMachine(128);
    expect(() => accessFault(mm, space, 0xf8a0_1234_0000, FAULT_WRITE, false, null)).toThrow(BugCheck);
  });

  it('checks writing and executing before and after the page is resident', () => {
    const machine = createTestMachine(128);
    const data = allocate(machine, 1, MEM_RESERVE | MEM_COMMIT, PAGE_READONLY);
    expect(fault(machine, data, WRITE)).toBe(STATUS_ACCESS_VIOLATION);
    expect(fault(machine, data, FETCH)).toBe(STATUS_ACCESS_VIOLATION);
    expect(fault(machine, data, READ)).toBe(STATUS_PAGE_FAULT_DEMAND_ZERO);
    expect(fault(machine, data, WRITE | FAULT_PRESENT)).toBe(STATUS_ACCESS_VIOLATION);
    expect(fault(machine, data, FETCH | FAULT_PRESENT)).toBe(STATUS_ACCESS_VIOLATION);
    const code = allocate(machine, 1, MEM_RESERVE | MEM_COMMIT, PAGE_EXECUTE_READ);
    expect(fault(machine, code, FETCH)).toBe(STATUS_PAGE_FAULT_DEMAND_ZERO);
    expect(fault(machine, code, WRITE | FAULT_PRESENT)).toBe(STATUS_ACCESS_VIOLATION);
  });

  it('resolves a fault on a page that another access made resident meanwhile', () => {
    const machine = createTestMachine(128);
    const base = allocate(machine, 1, MEM_RESERVE | MEM_COMMIT);
    fault(machine, base, READ);
    expect(fault(machine, base, WRITE)).toBe(STATUS_SUCCESS);
    expect(machine.mm.counters).toMatchObject({ total: 2, soft: 2, demandZero: 1 });
  });

  it('brings a trimmed page back from the modified list, as the working-set experiment shows', () => {
    const machine = createTestMachine(128);
    const { mm, space, user } = machine;
    const base = allocate(machine, 1, MEM_RESERVE | MEM_COMMIT);
    user.writeU32(base, 0xabcd);
    const word = findPte(mm, space, base);
    const frame = pteFrame(mm.words[word]!);
    trimPage(mm, space, word, base, 4);
    expect(mm.pfn.state[frame]).toBe(FRAME_MODIFIED);
    expect(mm.pfn.pteAddress[frame]).toBe(pteAddress(base));
    expect(mm.pfn.originalLo[frame]).toBe(0x80);
    expect(mm.words[word]! & 0xfff).toBe(0x880);
    verify(mm);
    expect(fault(machine, base, READ)).toBe(STATUS_PAGE_FAULT_TRANSITION);
    expect(pteFrame(mm.words[word]!)).toBe(frame);
    expect(user.readU32(base)).toBe(0xabcd);
    verify(mm);
  });

  it('keeps a page of page tables by its shares, and frees tables that become empty', () => {
    const machine = createTestMachine(128);
    const { mm, space, user } = machine;
    const before = space.pageTablePages;
    const base = allocate(machine, 8, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE, 0x4000_0000_0000);
    expect(space.pageTablePages).toBe(before);
    for (let page = 0; page < 8; page++) user.writeU8(base + page * 4096, page);
    expect(space.pageTablePages).toBe(before + 3);
    const table = mm.pfn.containingFrame[pteFrame(mm.words[findPte(mm, space, base)]!)]!;
    expect(mm.pfn.shareCount[table]).toBe(1 + 8);
    freeVirtualMemory(mm, space, { baseAddress: base, regionSize: 0 }, MEM_RELEASE);
    expect(space.pageTablePages).toBe(before);
    verify(mm);
  });

  it('gives STATUS_NO_MEMORY when RAM runs out although commit allows it, and works again afterwards', () => {
    const machine = createTestMachine(128, 1000, fullDisk());
    const { mm, space, user } = machine;
    const base = allocate(machine, 600, MEM_RESERVE | MEM_COMMIT);
    let status = STATUS_SUCCESS;
    let pages = 0;
    for (; status === STATUS_SUCCESS && pages < 600; pages++) {
      try {
        user.writeU8(base + pages * 4096, 1);
      } catch (error) {
        status = (error as GuestFault).status;
      }
    }
    expect(status).toBe(STATUS_NO_MEMORY);
    expect(pages).toBeGreaterThan(60);
    expect(mm.lists.count[FRAME_FREE]! + mm.lists.count[FRAME_ZEROED]!).toBe(0);
    verify(mm);
    expect(accessFault(mm, space, base + 599 * 4096, WRITE, true, null)).toBe(STATUS_NO_MEMORY);
    verify(mm);
    freeVirtualMemory(mm, space, { baseAddress: base, regionSize: 16 * 4096 }, MEM_RELEASE);
    user.writeU8(base + 599 * 4096, 1);
    verify(mm);
  });

  it('leaves no empty page table behind when there is a frame for it and none for the page', () => {
    const machine = createTestMachine(256);
    const { mm, space, user } = machine;
    user.writeU8(allocate(machine, 1, MEM_RESERVE | MEM_COMMIT), 1);
    const request = { baseAddress: 0x20_0000, regionSize: 4096 };
    allocateVirtualMemory(mm, space, request, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    const tables = space.pageTablePages;
    const held: number[] = [];
    while (availableFrames(mm) > 1) held.push(allocateFrame(mm));
    expect(accessFault(mm, space, 0x20_0000, WRITE, true, null)).toBe(STATUS_NO_MEMORY);
    expect([space.pageTablePages, availableFrames(mm)]).toEqual([tables, 1]);
    for (const frame of held) returnUnusedFrame(mm, frame);
    verify(mm);
    user.writeU8(0x20_0000, 1);
    expect(space.pageTablePages).toBe(tables + 1);
  });

  it('commits and protects as a whole or not at all when there is no frame for page tables', () => {
    const machine = createTestMachine(128, 5000, fullDisk());
    const { mm, space, user } = machine;
    const reserved = allocate(machine, 2048, MEM_RESERVE);
    const committed = allocate(machine, 2048, MEM_RESERVE | MEM_COMMIT);
    const filler = allocate(machine, 200, MEM_RESERVE | MEM_COMMIT);
    for (let page = 0; mm.lists.count[FRAME_FREE]! + mm.lists.count[FRAME_ZEROED]! > 2; page++) {
      user.writeU8(filler + page * 4096, 1);
    }
    const tables = space.pageTablePages;
    const charge = mm.commit.current;
    const commit = { baseAddress: reserved, regionSize: 2047 * 4096 };
    expect(allocateVirtualMemory(mm, space, commit, MEM_COMMIT, PAGE_READWRITE)).toBe(STATUS_NO_MEMORY);
    const protect = { baseAddress: committed, regionSize: 2047 * 4096 };
    const out = { oldProtect: 0 };
    expect(protectVirtualMemory(mm, space, protect, PAGE_READONLY, out)).toBe(STATUS_NO_MEMORY);
    expect([space.pageTablePages, mm.commit.current]).toEqual([tables, charge]);
    verify(mm);
  });

  it('takes the oldest standby page when nothing is free, after its entry was rewritten', () => {
    const machine = createTestMachine(128, 1000);
    const { mm, space, user } = machine;
    const base = allocate(machine, 600, MEM_RESERVE | MEM_COMMIT);
    const clean = [base, base + 4096].map((address) => {
      user.readU8(address);
      const word = findPte(mm, space, address);
      trimPage(mm, space, word, address, 4);
      return word;
    });
    writeModified(mm);
    expect(mm.lists.standbyCount).toBe(2);
    let page = 2;
    while (mm.lists.count[FRAME_FREE]! + mm.lists.count[FRAME_ZEROED]! > 0)
      user.writeU8(base + page++ * 4096, 7);
    user.writeU8(base + page++ * 4096, 7);
    expect(mm.words[clean[0]!]).toBe(0x80);
    expect(mm.words[clean[1]!]! & 0x800).toBe(0x800);
    verify(mm);
    user.writeU8(base + page * 4096, 7);
    expect(mm.lists.standbyCount).toBe(0);
    verify(mm);
  });

  it('emits one event for each fault, with the status', () => {
    const machine = createTestMachine(128);
    const base = allocate(machine, 1, MEM_RESERVE | MEM_COMMIT);
    const events: MemoryEvent[] = [];
    machine.mm.events.attach((event) => events.push(event));
    fault(machine, base, READ);
    fault(machine, 0, READ);
    const faults = events.filter((event) => event.kind === 'fault');
    expect(faults.map((event) => event.detail)).toEqual([
      STATUS_PAGE_FAULT_DEMAND_ZERO,
      STATUS_ACCESS_VIOLATION,
    ]);
    expect(faults[0]).toMatchObject({ pid: 4, address: base });
    expect(faults[0]!.frame).toBeGreaterThan(0);
    expect(faults[1]!.frame).toBe(-1);
  });
});

describe('a program', () => {
  it('that stores to fresh pages is run again at the faulting instruction', () => {
    const machine = createTestMachine(256);
    const { mm, space, user } = machine;
    const { processor } = mm;
    const code = allocate(machine, 1, MEM_RESERVE | MEM_COMMIT, PAGE_EXECUTE_READWRITE);
    const data = allocate(machine, 20, MEM_RESERVE | MEM_COMMIT);
    // again: inc byte [rax]; add rax, 4096; dec rcx; jnz again; syscall
    user.writeBytes(
      code,
      Uint8Array.of(0xfe, 0x00, 0x48, 0x05, 0, 0x10, 0, 0, 0x48, 0xff, 0xc9, 0x75, 0xf3, 0x0f, 0x05),
    );
    processor.setAddress(RAX, data);
    processor.set(RCX, 20, 0);
    processor.rip = code;
    const before = mm.counters.demandZero;
    let exit = processor.run(10_000);
    for (; exit === EXIT_PAGE_FAULT; exit = processor.run(10_000)) {
      expect(fault(machine, processor.faultAddress, processor.faultError)).toBe(
        STATUS_PAGE_FAULT_DEMAND_ZERO,
      );
    }
    expect(exit).toBe(EXIT_SYSTEM_CALL);
    expect(mm.counters.demandZero - before).toBe(20);
    for (let page = 0; page < 20; page++) expect(user.readU8(data + page * 4096)).toBe(1);
    const word = findPte(mm, space, data);
    expect(mm.words[word]! & 0xfff).toBe(0x067);
    verify(mm);
  });

  it('leaves no decoded code in a frame that is used anew', () => {
    const machine = createTestMachine(256);
    const { mm, space, user } = machine;
    const code = allocate(machine, 1, MEM_RESERVE | MEM_COMMIT, PAGE_EXECUTE_READWRITE);
    user.writeBytes(code, Uint8Array.of(0x0f, 0x05)); // syscall
    mm.processor.rip = code;
    expect(mm.processor.run(10)).toBe(EXIT_SYSTEM_CALL);
    const frame = pteFrame(mm.words[findPte(mm, space, code)]!);
    const blocks = () => mm.words[(mm.ram.frameBlocks >> 2) + frame];
    expect(blocks()).not.toBe(0);
    freeVirtualMemory(mm, space, { baseAddress: code, regionSize: 0 }, MEM_RELEASE);
    const held: number[] = [];
    while (!held.includes(frame)) held.push(allocateFrame(mm));
    expect(blocks()).toBe(0);
  });
});

describe('guard pages', () => {
  const GUARD = PAGE_READWRITE | PAGE_GUARD;

  it('raise once for any access, and lose the guard in every form of the entry', () => {
    const machine = createTestMachine(128);
    const { mm, space, user } = machine;
    const base = allocate(machine, 3, MEM_RESERVE | MEM_COMMIT, GUARD);
    expect(fault(machine, base, WRITE)).toBe(STATUS_GUARD_PAGE_VIOLATION);
    expect(fault(machine, base, WRITE)).toBe(STATUS_PAGE_FAULT_DEMAND_ZERO);
    user.writeU8(base, 9);
    protectVirtualMemory(mm, space, { baseAddress: base, regionSize: 1 }, GUARD, { oldProtect: 0 });
    expect(fault(machine, base, READ)).toBe(STATUS_GUARD_PAGE_VIOLATION);
    const word = findPte(mm, space, base);
    expect(pteProtection(mm.words[word]!)).toBe(4);
    verify(mm);
    expect(fault(machine, base, READ)).toBe(STATUS_PAGE_FAULT_TRANSITION);
    expect(user.readU8(base)).toBe(9);
    expect(mm.counters.guardPage).toBe(2);
  });
});

describe('stack growth', () => {
  const RESERVE_PAGES = 16;
  const TEB = 0x2000_0000;

  /** A stack as a new thread has it: one page and one guard page committed at the top of the reservation. */
  function createStack(guaranteed = 0) {
    const machine = createTestMachine(256);
    const { mm, user } = machine;
    const guards = Math.ceil(guaranteed / 4096) + 1;
    const bottom = allocate(machine, RESERVE_PAGES, MEM_RESERVE);
    const top = bottom + RESERVE_PAGES * 4096;
    allocate(machine, 1, MEM_COMMIT, PAGE_READWRITE, top - 4096);
    allocate(machine, guards, MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD, top - 4096 - guards * 4096);
    allocate(machine, 2, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE, TEB);
    user.writePointer(TEB + TEB_STACK_BASE, top);
    user.writePointer(TEB + TEB_STACK_LIMIT, top - 4096);
    user.writePointer(TEB + TEB_DEALLOCATION_STACK, bottom);
    user.writeU32(TEB + TEB_GUARANTEED_STACK_BYTES, guaranteed);
    mm.currentStack = { tebAddress: TEB };
    return { ...machine, bottom, top };
  }

  it('commits the next guard page and lowers the limit, page by page, to the overflow', () => {
    const { mm, space, user, bottom, top } = createStack();
    const grow = (address: number) => accessFault(mm, space, address, WRITE, true, mm.currentStack);
    for (let page = top - 2 * 4096; page > bottom + 4096; page -= 4096) {
      expect(grow(page + 8)).toBe(STATUS_PAGE_FAULT_GUARD_PAGE);
      expect(user.readPointer(TEB + TEB_STACK_LIMIT)).toBe(page);
      user.writeU8(page + 8, 1);
      verify(mm);
    }
    expect(grow(bottom + 4096)).toBe(STATUS_STACK_OVERFLOW);
    expect(user.readPointer(TEB + TEB_STACK_LIMIT)).toBe(bottom + 4096);
    user.writeU8(bottom + 4096, 1);
    expect(grow(bottom)).toBe(STATUS_ACCESS_VIOLATION);
    verify(mm);
  });

  it('keeps the guaranteed bytes for the handler of the overflow', () => {
    const { mm, space, user, bottom, top } = createStack(0x2000);
    const grow = (address: number) => accessFault(mm, space, address, WRITE, true, mm.currentStack);
    let page = top - 2 * 4096;
    let status = grow(page);
    while (status === STATUS_PAGE_FAULT_GUARD_PAGE) {
      user.writeU8(page, 1);
      page -= 4096;
      status = grow(page);
    }
    expect(status).toBe(STATUS_STACK_OVERFLOW);
    expect(page).toBe(bottom + 3 * 4096);
    user.fill(bottom + 4096, 2 * 4096, 1);
    verify(mm);
  });

  it('leaves guard pages elsewhere to the program, and a hostile TEB alone', () => {
    const machine = createStack();
    const { mm, space, user, top } = machine;
    const other = allocate(machine, 1, MEM_RESERVE | MEM_COMMIT, PAGE_EXECUTE_READWRITE | PAGE_GUARD);
    expect(accessFault(mm, space, other, WRITE, true, mm.currentStack)).toBe(STATUS_GUARD_PAGE_VIOLATION);
    user.writeU64(TEB + TEB_DEALLOCATION_STACK, 0, 0xffff_8000);
    expect(accessFault(mm, space, top - 8192, WRITE, true, mm.currentStack)).toBe(
      STATUS_GUARD_PAGE_VIOLATION,
    );
    freeVirtualMemory(mm, space, { baseAddress: TEB, regionSize: 0 }, MEM_RELEASE);
    expect(accessFault(mm, space, top - 4096 - 8, READ, true, mm.currentStack)).toBe(
      STATUS_PAGE_FAULT_DEMAND_ZERO,
    );
    verify(mm);
  });
});
