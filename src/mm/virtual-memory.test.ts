import { describe, expect, it } from 'vitest';
import {
  MEM_COMMIT,
  MEM_DECOMMIT,
  MEM_FREE,
  MEM_LARGE_PAGES,
  MEM_PRIVATE,
  MEM_RELEASE,
  MEM_RESERVE,
  MEM_RESET,
  MEM_TOP_DOWN,
  PAGE_EXECUTE,
  PAGE_EXECUTE_READ,
  PAGE_EXECUTE_READWRITE,
  PAGE_EXECUTE_WRITECOPY,
  PAGE_GUARD,
  PAGE_NOACCESS,
  PAGE_NOCACHE,
  PAGE_READONLY,
  PAGE_READWRITE,
  PAGE_WRITECOMBINE,
  PAGE_WRITECOPY,
} from '../base/memory-constants.js';
import {
  STATUS_ACCESS_VIOLATION,
  STATUS_COMMITMENT_LIMIT,
  STATUS_CONFLICTING_ADDRESSES,
  STATUS_FREE_VM_NOT_AT_BASE,
  STATUS_GUARD_PAGE_VIOLATION,
  STATUS_INVALID_PAGE_PROTECTION,
  STATUS_INVALID_PARAMETER,
  STATUS_INVALID_PARAMETER_2,
  STATUS_INVALID_PARAMETER_3,
  STATUS_INVALID_PARAMETER_4,
  STATUS_INVALID_PARAMETER_5,
  STATUS_MEMORY_NOT_ALLOCATED,
  STATUS_NO_MEMORY,
  STATUS_NOT_COMMITTED,
  STATUS_PRIVILEGE_NOT_HELD,
  STATUS_SUCCESS,
  STATUS_UNABLE_TO_FREE_VM,
} from '../base/ntstatus.js';
import { createTestMachine, type TestMachine } from '../testing/small-machine.js';
import { HIGHEST_USER_ADDRESS } from './address-space.js';
import { GuestFault } from './user-memory.js';
import { verify } from './verify.js';
import {
  allocateVirtualMemory,
  freeVirtualMemory,
  type MemoryBasicInformation,
  protectVirtualMemory,
  queryVirtualMemory,
} from './virtual-memory.js';

const BASE = 0x1000_0000;

function allocate(machine: TestMachine, base: number, size: number, type: number, protect = PAGE_READWRITE) {
  const request = { baseAddress: base, regionSize: size };
  const status = allocateVirtualMemory(machine.mm, machine.space, request, type, protect);
  return { status, ...request };
}

function free(machine: TestMachine, base: number, size: number, type: number) {
  const request = { baseAddress: base, regionSize: size };
  const status = freeVirtualMemory(machine.mm, machine.space, request, type);
  return { status, ...request };
}

function protect(machine: TestMachine, base: number, size: number, protection: number) {
  const request = { baseAddress: base, regionSize: size };
  const out = { oldProtect: 0 };
  const status = protectVirtualMemory(machine.mm, machine.space, request, protection, out);
  return { status, ...request, ...out };
}

function query(machine: TestMachine, address: number): MemoryBasicInformation {
  const out = {
    baseAddress: 0,
    allocationBase: 0,
    allocationProtect: 0,
    regionSize: 0,
    state: 0,
    protect: 0,
    type: 0,
  };
  expect(queryVirtualMemory(machine.mm, machine.space, address, out)).toBe(STATUS_SUCCESS);
  return out;
}

/** Status of the violation that an access meets, or 0. */
function violation(access: () => void): number {
  try {
    access();
    return STATUS_SUCCESS;
  } catch (error) {
    if (error instanceof GuestFault) return error.status;
    throw error;
  }
}

describe('reserving and committing', () => {
  it('rounds as Unit OS5 5.2 shows: 120,000 bytes are 30 pages, 7 KB at +6 KB commit three pages', () => {
    const machine = createTestMachine(128);
    expect(allocate(machine, 0, 120_000, MEM_RESERVE)).toEqual({
      status: STATUS_SUCCESS,
      baseAddress: 0x10000,
      regionSize: 30 * 4096,
    });
    expect(allocate(machine, 0, 1, MEM_RESERVE).baseAddress).toBe(0x30000);
    expect(allocate(machine, 0x10000 + 6 * 1024, 7 * 1024, MEM_COMMIT)).toEqual({
      status: STATUS_SUCCESS,
      baseAddress: 0x11000,
      regionSize: 3 * 4096,
    });
    expect(query(machine, 0x10000)).toMatchObject({ state: MEM_RESERVE, protect: 0, regionSize: 4096 });
    expect(query(machine, 0x12345)).toEqual({
      baseAddress: 0x12000,
      allocationBase: 0x10000,
      allocationProtect: PAGE_READWRITE,
      regionSize: 2 * 4096,
      state: MEM_COMMIT,
      protect: PAGE_READWRITE,
      type: MEM_PRIVATE,
    });
    expect(query(machine, 0x14000)).toMatchObject({ state: MEM_RESERVE, regionSize: 26 * 4096 });
    expect(machine.mm.commit.byUse[0]).toBe(3);
    verify(machine.mm);
  });

  it('rounds a reservation down to 64 KB and up to a page', () => {
    const machine = createTestMachine(128);
    expect(allocate(machine, BASE + 0xffff, 2, MEM_RESERVE)).toEqual({
      status: STATUS_SUCCESS,
      baseAddress: BASE,
      regionSize: 0x11000,
    });
    expect(allocate(machine, BASE + 0x10000, 1, MEM_RESERVE).status).toBe(STATUS_CONFLICTING_ADDRESSES);
    expect(allocate(machine, BASE + 0x20000, 1, MEM_RESERVE).status).toBe(STATUS_SUCCESS);
  });

  it('refuses what Windows refuses', () => {
    const machine = createTestMachine(128);
    const statusOf = (base: number, size: number, type: number, protection = PAGE_READWRITE) =>
      allocate(machine, base, size, type, protection).status;
    expect(statusOf(0, 0x1000, 0)).toBe(STATUS_INVALID_PARAMETER_5);
    expect(statusOf(0, 0x1000, MEM_TOP_DOWN)).toBe(STATUS_INVALID_PARAMETER_5);
    expect(statusOf(0, 0x1000, MEM_RESERVE | 1)).toBe(STATUS_INVALID_PARAMETER_5);
    expect(statusOf(0, 0x1000, MEM_RESERVE | MEM_RESET)).toBe(STATUS_INVALID_PARAMETER_5);
    expect(statusOf(0, 0x1000, MEM_RESERVE | MEM_LARGE_PAGES)).toBe(STATUS_INVALID_PARAMETER_5);
    expect(statusOf(0, 0x20_0000, MEM_RESERVE | MEM_COMMIT | MEM_LARGE_PAGES)).toBe(
      STATUS_PRIVILEGE_NOT_HELD,
    );
    expect(statusOf(0, 0x1000, MEM_RESERVE, 0)).toBe(STATUS_INVALID_PAGE_PROTECTION);
    expect(statusOf(0, 0x1000, MEM_RESERVE, PAGE_READONLY | PAGE_READWRITE)).toBe(
      STATUS_INVALID_PAGE_PROTECTION,
    );
    expect(statusOf(0, 0x1000, MEM_RESERVE, PAGE_NOACCESS | PAGE_GUARD)).toBe(STATUS_INVALID_PAGE_PROTECTION);
    expect(statusOf(0, 0x1000, MEM_RESERVE, PAGE_WRITECOPY)).toBe(STATUS_INVALID_PAGE_PROTECTION);
    expect(statusOf(0, 0x1000, MEM_RESERVE, PAGE_EXECUTE_WRITECOPY)).toBe(STATUS_INVALID_PAGE_PROTECTION);
    expect(statusOf(HIGHEST_USER_ADDRESS + 1, 0x1000, MEM_RESERVE)).toBe(STATUS_INVALID_PARAMETER_2);
    expect(statusOf(0, 0, MEM_RESERVE)).toBe(STATUS_INVALID_PARAMETER_4);
    expect(statusOf(0, 2 ** 47, MEM_RESERVE)).toBe(STATUS_INVALID_PARAMETER_4);
    expect(statusOf(0, 2 ** 47 - 0x20000, MEM_RESERVE)).toBe(STATUS_NO_MEMORY);
    expect(statusOf(BASE, 0x1000, MEM_COMMIT)).toBe(STATUS_CONFLICTING_ADDRESSES);
    expect(statusOf(0x7ffe_0000, 0x1000, MEM_COMMIT)).toBe(STATUS_CONFLICTING_ADDRESSES);
    const request = { baseAddress: 0, regionSize: 0x1000 };
    const bad = allocateVirtualMemory(machine.mm, machine.space, request, MEM_RESERVE, PAGE_READWRITE, 22);
    expect(bad).toBe(STATUS_INVALID_PARAMETER_3);
  });

  it('accepts all protections that private memory can have', () => {
    const machine = createTestMachine(128);
    const bases = [
      PAGE_NOACCESS,
      PAGE_READONLY,
      PAGE_READWRITE,
      PAGE_EXECUTE,
      PAGE_EXECUTE_READ,
      PAGE_EXECUTE_READWRITE,
    ];
    for (const base of bases) {
      for (const modifier of base === PAGE_NOACCESS
        ? [0]
        : [0, PAGE_GUARD, PAGE_NOCACHE, PAGE_WRITECOMBINE]) {
        const { baseAddress } = allocate(machine, 0, 4096, MEM_RESERVE | MEM_COMMIT, base | modifier);
        expect(query(machine, baseAddress).protect).toBe(base | modifier);
        violation(() => machine.user.readU8(baseAddress));
        expect(query(machine, baseAddress).protect).toBe(base | (modifier & ~PAGE_GUARD));
      }
    }
    verify(machine.mm);
  });

  it('commits without MEM_RESERVE when the system chooses the address', () => {
    const machine = createTestMachine(128);
    const { status, baseAddress } = allocate(machine, 0, 4096, MEM_COMMIT);
    expect(status).toBe(STATUS_SUCCESS);
    machine.user.writeU32(baseAddress, 7);
    expect(machine.user.readU32(baseAddress)).toBe(7);
  });

  it('allocates top-down and under a zero-bits limit', () => {
    const machine = createTestMachine(128);
    expect(allocate(machine, 0, 0x1000, MEM_RESERVE | MEM_TOP_DOWN).baseAddress).toBe(0x7fff_fffe_0000);
    const request = { baseAddress: 0, regionSize: 0x1000 };
    const type = MEM_RESERVE | MEM_TOP_DOWN;
    expect(allocateVirtualMemory(machine.mm, machine.space, request, type, PAGE_READWRITE, 4)).toBe(
      STATUS_SUCCESS,
    );
    expect(request.baseAddress).toBe(0x0fff_0000);
  });

  it('recommits with another protection and keeps the contents', () => {
    const machine = createTestMachine(128);
    allocate(machine, BASE, 0x4000, MEM_RESERVE | MEM_COMMIT);
    machine.user.writeU32(BASE, 0x1234);
    expect(allocate(machine, BASE, 0x2000, MEM_COMMIT, PAGE_READONLY).status).toBe(STATUS_SUCCESS);
    expect(query(machine, BASE)).toMatchObject({ protect: PAGE_READONLY, regionSize: 0x2000 });
    expect(machine.user.readU32(BASE)).toBe(0x1234);
    expect(violation(() => machine.user.writeU8(BASE, 1))).toBe(STATUS_ACCESS_VIOLATION);
    expect(machine.mm.commit.byUse[0]).toBe(4);
    verify(machine.mm);
  });

  it('refuses commitment past the limit and changes nothing', () => {
    const machine = createTestMachine(128, 128);
    const before = machine.mm.commit.current;
    expect(allocate(machine, BASE, 256 * 4096, MEM_RESERVE | MEM_COMMIT).status).toBe(
      STATUS_COMMITMENT_LIMIT,
    );
    expect(query(machine, BASE).state).toBe(MEM_FREE);
    expect(machine.mm.commit.current).toBe(before);
    allocate(machine, BASE, 256 * 4096, MEM_RESERVE);
    expect(allocate(machine, BASE, 256 * 4096, MEM_COMMIT).status).toBe(STATUS_COMMITMENT_LIMIT);
    expect(allocate(machine, BASE, 16 * 4096, MEM_COMMIT).status).toBe(STATUS_SUCCESS);
    verify(machine.mm);
  });

  it('reserves terabytes without page tables', () => {
    const machine = createTestMachine(128);
    const tables = machine.space.pageTablePages;
    expect(allocate(machine, 0, 2 ** 46, MEM_RESERVE).status).toBe(STATUS_SUCCESS);
    expect(query(machine, 0x10000).regionSize + 0x10000).toBeGreaterThan(0);
    expect(machine.space.pageTablePages).toBe(tables);
    verify(machine.mm);
  });
});

describe('freeing', () => {
  it('decommits: the contents go, the address stays reserved', () => {
    const machine = createTestMachine(128);
    allocate(machine, BASE, 0x4000, MEM_RESERVE | MEM_COMMIT);
    machine.user.fill(BASE, 0x4000, 0xaa);
    expect(free(machine, BASE + 0x1800, 0x1000, MEM_DECOMMIT)).toEqual({
      status: STATUS_SUCCESS,
      baseAddress: BASE + 0x1000,
      regionSize: 0x2000,
    });
    expect(query(machine, BASE + 0x1000)).toMatchObject({ state: MEM_RESERVE, regionSize: 0x2000 });
    expect(violation(() => machine.user.readU8(BASE + 0x1000))).toBe(STATUS_ACCESS_VIOLATION);
    expect(machine.mm.commit.byUse[0]).toBe(2);
    verify(machine.mm);
    allocate(machine, BASE + 0x1000, 0x1000, MEM_COMMIT);
    expect(machine.user.readU32(BASE + 0x1000)).toBe(0);
    verify(machine.mm);
    expect(free(machine, BASE, 0, MEM_DECOMMIT).status).toBe(STATUS_SUCCESS);
    expect(machine.mm.commit.byUse[0]).toBe(0);
    expect(query(machine, BASE)).toMatchObject({ state: MEM_RESERVE, regionSize: 0x4000 });
    verify(machine.mm);
  });

  it('releases wholes, ends and middles', () => {
    const machine = createTestMachine(128);
    allocate(machine, BASE, 0x10000, MEM_RESERVE | MEM_COMMIT);
    machine.user.fill(BASE, 0x10000, 1);
    expect(free(machine, BASE + 0x4000, 0x2000, MEM_RELEASE).status).toBe(STATUS_SUCCESS);
    expect(query(machine, BASE)).toMatchObject({ allocationBase: BASE, regionSize: 0x4000 });
    expect(query(machine, BASE + 0x4000)).toMatchObject({
      state: MEM_FREE,
      regionSize: 0x2000,
      protect: PAGE_NOACCESS,
    });
    expect(query(machine, BASE + 0x6000)).toMatchObject({
      allocationBase: BASE + 0x6000,
      regionSize: 0xa000,
    });
    verify(machine.mm);
    free(machine, BASE, 0x1000, MEM_RELEASE);
    free(machine, BASE + 0xf000, 0x1000, MEM_RELEASE);
    expect(machine.mm.commit.byUse[0]).toBe(12);
    verify(machine.mm);
    expect(free(machine, BASE + 0x1000, 0, MEM_RELEASE).status).toBe(STATUS_SUCCESS);
    expect(free(machine, BASE + 0x6000, 0, MEM_RELEASE).status).toBe(STATUS_SUCCESS);
    expect(machine.mm.commit.byUse[0]).toBe(0);
    verify(machine.mm);
  });

  it('refuses what Windows refuses', () => {
    const machine = createTestMachine(128);
    allocate(machine, BASE, 0x4000, MEM_RESERVE | MEM_COMMIT);
    expect(free(machine, BASE, 0, 0).status).toBe(STATUS_INVALID_PARAMETER_4);
    expect(free(machine, BASE, 0, MEM_RELEASE | MEM_DECOMMIT).status).toBe(STATUS_INVALID_PARAMETER_4);
    expect(free(machine, 2 ** 47, 0, MEM_RELEASE).status).toBe(STATUS_INVALID_PARAMETER_2);
    expect(free(machine, BASE, 2 ** 47, MEM_RELEASE).status).toBe(STATUS_INVALID_PARAMETER_3);
    expect(free(machine, BASE + 0x100000, 0, MEM_RELEASE).status).toBe(STATUS_MEMORY_NOT_ALLOCATED);
    expect(free(machine, BASE, 0x5000, MEM_RELEASE).status).toBe(STATUS_UNABLE_TO_FREE_VM);
    expect(free(machine, BASE + 0x1000, 0, MEM_RELEASE).status).toBe(STATUS_FREE_VM_NOT_AT_BASE);
    expect(free(machine, BASE + 0x1000, 0, MEM_DECOMMIT).status).toBe(STATUS_FREE_VM_NOT_AT_BASE);
    expect(free(machine, 0x7ffe_0000, 0, MEM_RELEASE).status).toBe(STATUS_INVALID_PAGE_PROTECTION);
  });
});

describe('protecting', () => {
  it('changes pages, reports the old protection of the first, and merges runs in queries', () => {
    const machine = createTestMachine(128);
    allocate(machine, BASE, 0x8000, MEM_RESERVE | MEM_COMMIT);
    machine.user.fill(BASE, 0x4000, 5);
    expect(protect(machine, BASE + 0x1fff, 2, PAGE_READONLY)).toEqual({
      status: STATUS_SUCCESS,
      baseAddress: BASE + 0x1000,
      regionSize: 0x2000,
      oldProtect: PAGE_READWRITE,
    });
    expect(violation(() => machine.user.writeU8(BASE + 0x1000, 1))).toBe(STATUS_ACCESS_VIOLATION);
    expect(machine.user.readU8(BASE + 0x1000)).toBe(5);
    expect(query(machine, BASE + 0x1000)).toMatchObject({ protect: PAGE_READONLY, regionSize: 0x2000 });
    expect(query(machine, BASE + 0x3000)).toMatchObject({ protect: PAGE_READWRITE, regionSize: 0x5000 });
    expect(protect(machine, BASE + 0x2000, 0x2000, PAGE_READWRITE).oldProtect).toBe(PAGE_READONLY);
    machine.user.writeU8(BASE + 0x2000, 6);
    verify(machine.mm);
  });

  it('takes a page without access out of the working set; it comes back with a soft fault', () => {
    const machine = createTestMachine(128);
    allocate(machine, BASE, 0x1000, MEM_RESERVE | MEM_COMMIT);
    machine.user.writeU32(BASE, 99);
    const resident = machine.space.workingSetPages;
    expect(protect(machine, BASE, 1, PAGE_NOACCESS).oldProtect).toBe(PAGE_READWRITE);
    expect(machine.space.workingSetPages).toBe(resident - 1);
    expect(machine.mm.lists.count[3]).toBe(1);
    verify(machine.mm);
    expect(violation(() => machine.user.readU8(BASE))).toBe(STATUS_ACCESS_VIOLATION);
    expect(protect(machine, BASE, 1, PAGE_READONLY).oldProtect).toBe(PAGE_NOACCESS);
    expect(machine.user.readU32(BASE)).toBe(99);
    expect(machine.mm.counters.transition).toBe(1);
    verify(machine.mm);
  });

  it('raises the guard once', () => {
    const machine = createTestMachine(128);
    allocate(machine, BASE, 0x2000, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD);
    expect(violation(() => machine.user.readU8(BASE))).toBe(STATUS_GUARD_PAGE_VIOLATION);
    expect(violation(() => machine.user.readU8(BASE))).toBe(STATUS_SUCCESS);
    expect(query(machine, BASE)).toMatchObject({ protect: PAGE_READWRITE, regionSize: 0x1000 });
    expect(query(machine, BASE + 0x1000).protect).toBe(PAGE_READWRITE | PAGE_GUARD);
    machine.user.writeU8(BASE, 3);
    protect(machine, BASE, 1, PAGE_READWRITE | PAGE_GUARD);
    expect(violation(() => machine.user.readU8(BASE))).toBe(STATUS_GUARD_PAGE_VIOLATION);
    expect(machine.user.readU8(BASE)).toBe(3);
    expect(machine.mm.counters.guardPage).toBe(2);
    verify(machine.mm);
  });

  it('refuses what Windows refuses', () => {
    const machine = createTestMachine(128);
    allocate(machine, BASE, 0x4000, MEM_RESERVE);
    allocate(machine, BASE, 0x2000, MEM_COMMIT);
    expect(protect(machine, BASE, 1, 0).status).toBe(STATUS_INVALID_PAGE_PROTECTION);
    expect(protect(machine, 2 ** 47, 1, PAGE_READONLY).status).toBe(STATUS_INVALID_PARAMETER_2);
    expect(protect(machine, BASE, 0, PAGE_READONLY).status).toBe(STATUS_INVALID_PARAMETER_3);
    expect(protect(machine, BASE, 0x5000, PAGE_READONLY).status).toBe(STATUS_CONFLICTING_ADDRESSES);
    expect(protect(machine, BASE, 0x3000, PAGE_READONLY).status).toBe(STATUS_NOT_COMMITTED);
    expect(protect(machine, BASE, 0x2000, PAGE_WRITECOPY).status).toBe(STATUS_INVALID_PARAMETER_4);
    expect(protect(machine, BASE + 0x100000, 1, PAGE_READONLY).status).toBe(STATUS_CONFLICTING_ADDRESSES);
    expect(query(machine, BASE)).toMatchObject({ protect: PAGE_READWRITE, regionSize: 0x2000 });
  });
});

describe('querying', () => {
  it('describes free space and its ends', () => {
    const machine = createTestMachine(128);
    expect(query(machine, 0)).toEqual({
      baseAddress: 0,
      allocationBase: 0,
      allocationProtect: 0,
      regionSize: 0x7ffe_0000,
      state: MEM_FREE,
      protect: PAGE_NOACCESS,
      type: 0,
    });
    expect(query(machine, 0x7ffe_0000)).toMatchObject({
      state: MEM_COMMIT,
      protect: PAGE_READONLY,
      regionSize: 0x1000,
    });
    expect(query(machine, HIGHEST_USER_ADDRESS).regionSize).toBe(0x1000);
    const out = query(machine, 0);
    const status = queryVirtualMemory(machine.mm, machine.space, HIGHEST_USER_ADDRESS + 1, out);
    expect(status).toBe(STATUS_INVALID_PARAMETER);
  });
});
