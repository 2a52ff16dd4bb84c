import { describe, expect, it } from 'vitest';
import {
  MEM_COMMIT,
  MEM_DECOMMIT,
  MEM_LARGE_PAGES,
  MEM_PRIVATE,
  MEM_RELEASE,
  MEM_RESERVE,
  MEM_TOP_DOWN,
  PAGE_EXECUTE_READWRITE,
  PAGE_GUARD,
  PAGE_NOACCESS,
  PAGE_READONLY,
  PAGE_READWRITE,
} from '../base/memory-constants.js';
import * as nt from '../base/ntstatus.js';
import { memoryMachine } from '../testing/memory-machine.js';
import { deleteAddressSpace } from './address-space.js';
import { LARGE_PAGE_SIZE } from './large-page.js';
import { lockVirtualMemory } from './lock-memory.js';
import { availableFrames } from './page-lists.js';
import { findPte } from './page-tables.js';
import { queryWorkingSetEx } from './query-working-set.js';
import { residentAvailable } from './resident-available.js';
import { GuestFault } from './user-memory.js';
import { verify } from './verify.js';
import {
  allocateVirtualMemory,
  emptyBasicInformation,
  freeVirtualMemory,
  protectVirtualMemory,
  queryVirtualMemory,
} from './virtual-memory.js';
import { emptyWorkingSet } from './working-set-manager.js';

const LARGE = MEM_RESERVE | MEM_COMMIT | MEM_LARGE_PAGES;

function make(megabytes = 32) {
  const machine = memoryMachine(megabytes);
  const space = machine.newSpace();
  const { mm } = machine;
  const allocate = (size: number, base = 0, type = LARGE, protect = PAGE_READWRITE) => {
    const request = { baseAddress: base, regionSize: size, mayLockPages: true };
    const status = allocateVirtualMemory(mm, space, request, type, protect);
    return { status, ...request };
  };
  const free = (base: number, size: number, type: number) =>
    freeVirtualMemory(mm, space, { baseAddress: base, regionSize: size }, type);
  const protect = (base: number, size: number, protection: number) => {
    const out = { oldProtect: 0 };
    const status = protectVirtualMemory(mm, space, { baseAddress: base, regionSize: size }, protection, out);
    return [status, out.oldProtect];
  };
  const query = (address: number) => {
    const out = emptyBasicInformation();
    expect(queryVirtualMemory(mm, space, address, out)).toBe(nt.STATUS_SUCCESS);
    return out;
  };
  return { ...machine, space, allocate, free, protect, query };
}

describe('large pages', () => {
  it('are mapped by one entry, resident at once and zero', () => {
    const { mm, space, allocate, inside } = make();
    const before = availableFrames(mm);
    const { status, baseAddress, regionSize } = allocate(2 * LARGE_PAGE_SIZE);
    expect([status, baseAddress % LARGE_PAGE_SIZE, regionSize]).toEqual([0, 0, 2 * LARGE_PAGE_SIZE]);
    expect(before - availableFrames(mm)).toBeGreaterThanOrEqual(1024);
    expect(findPte(mm, space, baseAddress)).toBe(0);
    const faults = mm.counters.total;
    inside(space, (user) => {
      expect(user.readU32(baseAddress + 0x123456)).toBe(0);
      for (let at = 0; at < regionSize; at += 4096) user.writeU32(baseAddress + at, at + 1);
      for (let at = 0; at < regionSize; at += 4096) expect(user.readU32(baseAddress + at)).toBe(at + 1);
    });
    expect(mm.counters.total).toBe(faults);
    verify(mm);
  });

  it('need one entry of the TLB, which goes when the page does', () => {
    const { mm, space, allocate, free, protect, inside } = make();
    const { baseAddress } = allocate(2 * LARGE_PAGE_SIZE);
    const { processor } = mm;
    inside(space, (user) => {
      const before = processor.tlbMisses;
      for (let at = 0; at < 2 * LARGE_PAGE_SIZE; at += 4096) user.writeU32(baseAddress + at, at);
      for (let at = 0; at < 2 * LARGE_PAGE_SIZE; at += 4096) expect(user.readU32(baseAddress + at)).toBe(at);
      expect(processor.tlbMisses - before).toBe(2);
      verify(mm);
      expect(protect(baseAddress, LARGE_PAGE_SIZE, PAGE_READONLY)[0]).toBe(nt.STATUS_SUCCESS);
      expect(() => user.writeU32(baseAddress + 0x10_0000, 1)).toThrow(GuestFault);
      verify(mm);
      expect(free(baseAddress, 0, MEM_RELEASE)).toBe(nt.STATUS_SUCCESS);
      expect(() => user.readU32(baseAddress + 0x10_0000)).toThrow(GuestFault);
    });
    verify(mm);
  });

  it('are committed, not in the working set, and stay', () => {
    const { mm, space, allocate, inside } = make();
    const { commitCharge, workingSetPages } = space;
    const { baseAddress } = allocate(LARGE_PAGE_SIZE);
    inside(space, (user) => user.writeU32(baseAddress + 0x100000, 77));
    expect(space.commitCharge - commitCharge).toBeGreaterThanOrEqual(512);
    expect(space.workingSetPages - workingSetPages).toBeLessThan(4);
    const locked = { baseAddress: baseAddress + 4096, regionSize: 4096 };
    expect(lockVirtualMemory(mm, space, locked)).toBe(nt.STATUS_SUCCESS);
    emptyWorkingSet(mm, space);
    const faults = mm.counters.total;
    expect(inside(space, (user) => user.readU32(baseAddress + 0x100000))).toBe(77);
    expect(mm.counters.total).toBe(faults);
    expect(queryWorkingSetEx(mm, space, baseAddress + 0x5000) & 0xc0_0001).toBe(0xc0_0001);
    verify(mm);
  });

  it('give everything back', () => {
    const { mm, space, allocate, free } = make();
    const before = [availableFrames(mm), mm.commit.current, residentAvailable(mm), space.vads.count];
    const { baseAddress } = allocate(3 * LARGE_PAGE_SIZE);
    expect(free(baseAddress, 0, MEM_DECOMMIT)).toBe(nt.STATUS_MEMORY_NOT_ALLOCATED);
    expect(free(baseAddress, LARGE_PAGE_SIZE, MEM_RELEASE)).toBe(nt.STATUS_FREE_VM_NOT_AT_BASE);
    expect(free(baseAddress, 0, MEM_RELEASE)).toBe(nt.STATUS_SUCCESS);
    expect([availableFrames(mm), mm.commit.current, residentAvailable(mm), space.vads.count]).toEqual(before);
    verify(mm);
  });

  it('need the privilege, whole large pages and both flags', () => {
    const { mm, space, allocate } = make();
    const request = { baseAddress: 0, regionSize: LARGE_PAGE_SIZE };
    expect(allocateVirtualMemory(mm, space, request, LARGE, PAGE_READWRITE)).toBe(
      nt.STATUS_PRIVILEGE_NOT_HELD,
    );
    expect(allocate(LARGE_PAGE_SIZE, 0, MEM_RESERVE | MEM_LARGE_PAGES).status).toBe(
      nt.STATUS_INVALID_PARAMETER_5,
    );
    expect(allocate(LARGE_PAGE_SIZE, 0x10_0000_0000, MEM_COMMIT | MEM_LARGE_PAGES).status).toBe(
      nt.STATUS_INVALID_PARAMETER_5,
    );
    expect(allocate(LARGE_PAGE_SIZE, 0, MEM_COMMIT | MEM_LARGE_PAGES).status).toBe(nt.STATUS_SUCCESS);
    expect(allocate(0x10000).status).toBe(nt.STATUS_INVALID_PARAMETER_4);
    expect(allocate(LARGE_PAGE_SIZE, 0x10_0001_0000).status).toBe(nt.STATUS_INVALID_PARAMETER_2);
    for (const protect of [PAGE_NOACCESS, PAGE_READWRITE | PAGE_GUARD])
      expect(allocate(LARGE_PAGE_SIZE, 0, LARGE, protect).status).toBe(nt.STATUS_INVALID_PAGE_PROTECTION);
    expect(allocate(2 ** 40).status).toBe(nt.STATUS_INSUFFICIENT_RESOURCES);
  });

  it('are placed where asked, or at the top', () => {
    const { mm, allocate } = make();
    expect(allocate(LARGE_PAGE_SIZE, 0x10_0020_0000).baseAddress).toBe(0x10_0020_0000);
    expect(allocate(LARGE_PAGE_SIZE, 0x10_0020_0000).status).toBe(nt.STATUS_CONFLICTING_ADDRESSES);
    const top = allocate(LARGE_PAGE_SIZE, 0, LARGE | MEM_TOP_DOWN).baseAddress;
    expect(top).toBe(0x7fff_ffc0_0000);
    verify(mm);
  });

  it('are protected and described 2 MB at a time', () => {
    const { mm, space, allocate, protect, query, inside } = make();
    const { baseAddress } = allocate(2 * LARGE_PAGE_SIZE);
    const second = baseAddress + LARGE_PAGE_SIZE;
    expect(query(baseAddress + 0x3000)).toEqual({
      baseAddress: baseAddress + 0x3000,
      allocationBase: baseAddress,
      allocationProtect: PAGE_READWRITE,
      regionSize: 2 * LARGE_PAGE_SIZE - 0x3000,
      state: MEM_COMMIT,
      protect: PAGE_READWRITE,
      type: MEM_PRIVATE,
    });
    expect(protect(second, 0x1000, PAGE_READONLY)[0]).toBe(nt.STATUS_CONFLICTING_ADDRESSES);
    expect(protect(second, LARGE_PAGE_SIZE, PAGE_NOACCESS)[0]).toBe(nt.STATUS_INVALID_PAGE_PROTECTION);
    expect(protect(second, LARGE_PAGE_SIZE, PAGE_READONLY)).toEqual([0, PAGE_READWRITE]);
    expect(query(baseAddress).regionSize).toBe(LARGE_PAGE_SIZE);
    expect(query(second).protect).toBe(PAGE_READONLY);
    inside(space, (user) => {
      expect(() => user.writeU32(second + 0x100000, 1)).toThrow(GuestFault);
      expect(user.readU32(second + 0x100000)).toBe(0);
    });
    expect(protect(second, LARGE_PAGE_SIZE, PAGE_EXECUTE_READWRITE)).toEqual([0, PAGE_READONLY]);
    inside(space, (user) => user.writeU32(second + 0x100000, 1));
    verify(mm);
  });

  it('cannot be committed again or be made of parts', () => {
    const { allocate } = make();
    const { baseAddress } = allocate(LARGE_PAGE_SIZE);
    expect(allocate(0x1000, baseAddress, MEM_COMMIT).status).toBe(nt.STATUS_CONFLICTING_ADDRESSES);
  });

  it('are found after working sets were emptied, until RAM has no more', () => {
    const { mm, space, allocate, inside } = make(16);
    const small = { baseAddress: 0, regionSize: 13 * 0x10_0000 };
    allocateVirtualMemory(mm, space, small, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    inside(space, (user) => {
      // Page tables first, so that they do not lie between the pages.
      for (let at = 0; at < small.regionSize; at += LARGE_PAGE_SIZE)
        user.writeU32(small.baseAddress + at, at);
      for (let at = 0; at < small.regionSize; at += 4096) user.writeU32(small.baseAddress + at, at);
    });
    const pages: number[] = [];
    for (;;) {
      const { status, baseAddress } = allocate(LARGE_PAGE_SIZE);
      if (status !== 0) {
        expect(status).toBe(nt.STATUS_INSUFFICIENT_RESOURCES);
        break;
      }
      pages.push(baseAddress);
      verify(mm);
    }
    expect(pages.length).toBeGreaterThan(0);
    expect(mm.pageFiles.pagesWritten).toBeGreaterThan(0);
    inside(space, (user) => {
      for (let at = 0; at < small.regionSize; at += 4096)
        expect(user.readU32(small.baseAddress + at)).toBe(at);
    });
    verify(mm);
  });

  it('are freed with their process', () => {
    const { mm, space, allocate } = make();
    allocate(2 * LARGE_PAGE_SIZE);
    deleteAddressSpace(mm, space);
    expect(mm.lockedFrames).toBe(0);
    verify(mm);
  });
});
