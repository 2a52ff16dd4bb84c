import { describe, expect, it } from 'vitest';
import {
  MEM_COALESCE_PLACEHOLDERS,
  MEM_COMMIT,
  MEM_DECOMMIT,
  MEM_FREE,
  MEM_PRESERVE_PLACEHOLDER,
  MEM_RELEASE,
  MEM_REPLACE_PLACEHOLDER,
  MEM_RESERVE,
  MEM_RESERVE_PLACEHOLDER,
  MEM_TOP_DOWN,
  MEM_WRITE_WATCH,
  PAGE_NOACCESS,
  PAGE_READWRITE,
  SEC_COMMIT,
} from '../base/memory-constants.js';
import {
  STATUS_CONFLICTING_ADDRESSES,
  STATUS_INVALID_PARAMETER,
  STATUS_INVALID_PARAMETER_3,
  STATUS_INVALID_PARAMETER_4,
  STATUS_INVALID_PARAMETER_5,
  STATUS_INVALID_PARAMETER_9,
  STATUS_MAPPED_ALIGNMENT,
  STATUS_MEMORY_NOT_ALLOCATED,
  STATUS_NO_MEMORY,
  STATUS_NOT_COMMITTED,
  STATUS_NOT_MAPPED_VIEW,
  STATUS_SUCCESS,
  STATUS_UNABLE_TO_FREE_VM,
} from '../base/ntstatus.js';
import { createTestMachine, type TestMachine } from '../testing/small-machine.js';
import { NO_REQUIREMENTS } from './address-requirements.js';
import { HIGHEST_USER_ADDRESS } from './address-space.js';
import {
  queryRegion,
  REGION_MAPPED_WRITE_WATCH,
  REGION_PLACEHOLDER_RESERVATION,
  REGION_PRIVATE,
} from './query-region.js';
import { createSection, type Section } from './section.js';
import { mapViewOfSection, unmapViewOfSection, type ViewRequest } from './section-view.js';
import { verify } from './verify.js';
import {
  allocateVirtualMemory,
  allocateVirtualMemoryEx,
  emptyBasicInformation,
  freeVirtualMemory,
  protectVirtualMemory,
  queryVirtualMemory,
} from './virtual-memory.js';

const BASE = 0x1000_0000;
const RESERVE = MEM_RESERVE | MEM_RESERVE_PLACEHOLDER;
const REPLACE = MEM_RESERVE | MEM_REPLACE_PLACEHOLDER;
const PRESERVE = MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER;
const COALESCE = MEM_RELEASE | MEM_COALESCE_PLACEHOLDERS;

function allocate(
  machine: TestMachine,
  baseAddress: number,
  regionSize: number,
  type: number,
  protect = PAGE_READWRITE,
  requirements = NO_REQUIREMENTS,
) {
  const request = { baseAddress, regionSize };
  const { mm, space } = machine;
  const status = allocateVirtualMemoryEx(mm, space, request, type, protect, requirements);
  verify(mm);
  return { status, ...request };
}

function reserve(machine: TestMachine, base: number, size: number) {
  return allocate(machine, base, size, RESERVE, PAGE_NOACCESS);
}

function free(machine: TestMachine, baseAddress: number, regionSize: number, type: number): number {
  const status = freeVirtualMemory(machine.mm, machine.space, { baseAddress, regionSize }, type);
  verify(machine.mm);
  return status;
}

/** State and allocation of each page run from `base` on, as VirtualQuery tells: [first page, pages, state, allocation's first page]. */
function runs(machine: TestMachine, base: number, pages: number) {
  const found: number[][] = [];
  const out = emptyBasicInformation();
  for (let at = base; at < base + pages * 4096; at += out.regionSize) {
    queryVirtualMemory(machine.mm, machine.space, at, out);
    const size = Math.min(out.regionSize, base + pages * 4096 - at);
    found.push([(at - base) / 4096, size / 4096, out.state, (out.allocationBase - base) / 4096]);
  }
  return found;
}

function pagedSection(machine: TestMachine, pages: number): Section {
  const out: { section: Section | null } = { section: null };
  const request = {
    file: null,
    maximumSize: pages * 4096,
    pageProtection: PAGE_READWRITE,
    allocationAttributes: SEC_COMMIT,
  };
  expect(createSection(machine.mm, request, out)).toBe(STATUS_SUCCESS);
  return out.section!;
}

function replaceByView(machine: TestMachine, section: Section, view: Partial<ViewRequest>): number {
  const request: ViewRequest = {
    baseAddress: BASE,
    viewSize: 0,
    sectionOffset: 0,
    allocationType: MEM_REPLACE_PLACEHOLDER,
    protect: PAGE_READWRITE,
    requirements: NO_REQUIREMENTS,
    ...view,
  };
  const status = mapViewOfSection(machine.mm, machine.space, section, request);
  verify(machine.mm);
  return status;
}

describe('placeholders', () => {
  it('are reserved ranges in which nothing can be committed', () => {
    const machine = createTestMachine(128);
    const { mm, space } = machine;
    const placed = reserve(machine, 0, 4 * 4096);
    expect(placed).toEqual({ status: STATUS_SUCCESS, baseAddress: 0x10000, regionSize: 4 * 4096 });
    const request = { baseAddress: 0x10000, regionSize: 4096 };
    expect(allocateVirtualMemory(mm, space, request, MEM_COMMIT, PAGE_READWRITE)).toBe(
      STATUS_CONFLICTING_ADDRESSES,
    );
    expect(protectVirtualMemory(mm, space, request, PAGE_READWRITE, { oldProtect: 0 })).toBe(
      STATUS_NOT_COMMITTED,
    );
    expect(runs(machine, 0x10000, 4)).toEqual([[0, 4, MEM_RESERVE, 0]]);
    expect(free(machine, 0x10000, 0, MEM_RELEASE)).toBe(STATUS_SUCCESS);
    expect(space.vads.find(16)).toBeNull();
  });

  it('show as such, and what took their place does not', () => {
    const machine = createTestMachine(128);
    const regionType = () => {
      const out = { allocationBase: 0, allocationProtect: 0, regionType: 0, regionSize: 0, commitSize: 0 };
      expect(queryRegion(machine.space, BASE, out)).toBe(STATUS_SUCCESS);
      return out.regionType;
    };
    reserve(machine, BASE, 0x10000);
    expect(regionType()).toBe(REGION_PRIVATE | REGION_PLACEHOLDER_RESERVATION);
    allocate(machine, BASE, 0x10000, REPLACE | MEM_WRITE_WATCH);
    expect(regionType()).toBe(REGION_PRIVATE | REGION_MAPPED_WRITE_WATCH);
    free(machine, BASE, 0x10000, PRESERVE);
    allocate(machine, BASE, 0x10000, REPLACE);
    expect(regionType()).toBe(REGION_PRIVATE);
  });

  it('take whole pages, no access and no other flags', () => {
    const machine = createTestMachine(128);
    expect(allocate(machine, 0, 4096, RESERVE).status).toBe(STATUS_INVALID_PARAMETER);
    expect(allocate(machine, 0, 4096, RESERVE | MEM_COMMIT, PAGE_NOACCESS).status).toBe(
      STATUS_INVALID_PARAMETER,
    );
    expect(allocate(machine, 0, 4097, RESERVE, PAGE_NOACCESS).status).toBe(STATUS_INVALID_PARAMETER);
    expect(allocate(machine, 0, 4096, RESERVE | MEM_REPLACE_PLACEHOLDER, PAGE_NOACCESS).status).toBe(
      STATUS_INVALID_PARAMETER,
    );
    expect(allocate(machine, 0, 4096, MEM_RESERVE_PLACEHOLDER, PAGE_NOACCESS).status).toBe(
      STATUS_INVALID_PARAMETER_5,
    );
    expect(allocate(machine, 0, 4096, RESERVE | MEM_TOP_DOWN, PAGE_NOACCESS)).toMatchObject({
      status: STATUS_SUCCESS,
      baseAddress: HIGHEST_USER_ADDRESS + 1 - 0x10000,
    });
  });

  it('are not for NtAllocateVirtualMemory', () => {
    const { mm, space } = createTestMachine(128);
    const request = { baseAddress: 0, regionSize: 4096 };
    expect(allocateVirtualMemory(mm, space, request, RESERVE, PAGE_NOACCESS)).toBe(
      STATUS_INVALID_PARAMETER_5,
    );
    expect(allocateVirtualMemory(mm, space, request, REPLACE, PAGE_NOACCESS)).toBe(
      STATUS_INVALID_PARAMETER_5,
    );
  });

  it('split into three at page boundaries and coalesce again', () => {
    const machine = createTestMachine(128);
    reserve(machine, BASE, 16 * 4096);
    expect(free(machine, BASE + 5 * 4096, 3 * 4096, PRESERVE)).toBe(STATUS_SUCCESS);
    expect(runs(machine, BASE, 16)).toEqual([
      [0, 5, MEM_RESERVE, 0],
      [5, 3, MEM_RESERVE, 5],
      [8, 8, MEM_RESERVE, 8],
    ]);
    expect(free(machine, BASE + 5 * 4096, 3 * 4096, PRESERVE)).toBe(STATUS_CONFLICTING_ADDRESSES);
    expect(free(machine, BASE, 6 * 4096, PRESERVE)).toBe(STATUS_UNABLE_TO_FREE_VM);
    expect(free(machine, BASE, 7 * 4096, COALESCE)).toBe(STATUS_CONFLICTING_ADDRESSES);
    expect(free(machine, BASE, 5 * 4096, COALESCE)).toBe(STATUS_CONFLICTING_ADDRESSES);
    expect(free(machine, BASE + 4096, 15 * 4096, COALESCE)).toBe(STATUS_CONFLICTING_ADDRESSES);
    expect(free(machine, BASE, 8 * 4096, COALESCE)).toBe(STATUS_SUCCESS);
    expect(free(machine, BASE, 16 * 4096, COALESCE)).toBe(STATUS_SUCCESS);
    expect(runs(machine, BASE, 16)).toEqual([[0, 16, MEM_RESERVE, 0]]);
  });

  it('do not coalesce with what is no placeholder', () => {
    const machine = createTestMachine(128);
    reserve(machine, BASE, 0x10000);
    allocate(machine, BASE + 0x10000, 0x10000, MEM_RESERVE);
    expect(free(machine, BASE, 0x20000, COALESCE)).toBe(STATUS_CONFLICTING_ADDRESSES);
    expect(free(machine, BASE, 0x30000, COALESCE)).toBe(STATUS_CONFLICTING_ADDRESSES);
    expect(free(machine, BASE - 0x10000, 0x20000, COALESCE)).toBe(STATUS_MEMORY_NOT_ALLOCATED);
  });

  it('refuse free types that mix, and a size of 0 with the placeholder forms', () => {
    const machine = createTestMachine(128);
    reserve(machine, BASE, 0x10000);
    expect(free(machine, BASE, 0, PRESERVE)).toBe(STATUS_INVALID_PARAMETER_3);
    expect(free(machine, BASE, 0, COALESCE)).toBe(STATUS_INVALID_PARAMETER_3);
    for (const type of [
      PRESERVE | COALESCE,
      MEM_DECOMMIT | MEM_PRESERVE_PLACEHOLDER,
      MEM_COALESCE_PLACEHOLDERS,
    ])
      expect(free(machine, BASE, 4096, type)).toBe(STATUS_INVALID_PARAMETER_4);
  });

  it('are replaced by private memory of exactly their size, which may become one again', () => {
    const machine = createTestMachine(128);
    reserve(machine, BASE, 8 * 4096);
    free(machine, BASE, 3 * 4096, PRESERVE);
    const commit = REPLACE | MEM_COMMIT;
    expect(allocate(machine, BASE, 2 * 4096, commit).status).toBe(STATUS_CONFLICTING_ADDRESSES);
    expect(allocate(machine, BASE, 8 * 4096, commit).status).toBe(STATUS_CONFLICTING_ADDRESSES);
    expect(allocate(machine, BASE + 1, 3 * 4096, commit).status).toBe(STATUS_INVALID_PARAMETER);
    expect(allocate(machine, 0, 3 * 4096, commit).status).toBe(STATUS_INVALID_PARAMETER);
    expect(allocate(machine, BASE, 3 * 4096, commit).status).toBe(STATUS_SUCCESS);
    expect(allocate(machine, BASE + 3 * 4096, 5 * 4096, commit).status).toBe(STATUS_SUCCESS);
    machine.user.writeU32(BASE + 4096, 77);
    expect(runs(machine, BASE, 8)).toEqual([
      [0, 3, MEM_COMMIT, 0],
      [3, 5, MEM_COMMIT, 3],
    ]);
    expect(machine.mm.commit.byUse[0]).toBe(8);
    expect(free(machine, BASE, 3 * 4096, PRESERVE)).toBe(STATUS_SUCCESS);
    expect(free(machine, BASE + 3 * 4096, 0, MEM_RELEASE)).toBe(STATUS_SUCCESS);
    expect(runs(machine, BASE, 8)).toEqual([
      [0, 3, MEM_RESERVE, 0],
      [3, 5, MEM_FREE, -BASE / 4096],
    ]);
    expect(machine.mm.commit.byUse[0]).toBe(0);
    expect(allocate(machine, BASE, 3 * 4096, commit).status).toBe(STATUS_SUCCESS);
    expect(machine.user.readU32(BASE + 4096)).toBe(0);
  });

  it('come back for a part of the private memory that replaced one', () => {
    const machine = createTestMachine(128);
    reserve(machine, BASE, 8 * 4096);
    allocate(machine, BASE, 8 * 4096, REPLACE | MEM_COMMIT);
    machine.user.writeU32(BASE, 1);
    machine.user.writeU32(BASE + 7 * 4096, 7);
    expect(free(machine, BASE + 2 * 4096, 4 * 4096, PRESERVE)).toBe(STATUS_SUCCESS);
    expect(runs(machine, BASE, 8)).toEqual([
      [0, 2, MEM_COMMIT, 0],
      [2, 4, MEM_RESERVE, 2],
      [6, 2, MEM_COMMIT, 6],
    ]);
    expect([machine.user.readU32(BASE), machine.user.readU32(BASE + 7 * 4096)]).toEqual([1, 7]);
    expect(free(machine, BASE + 6 * 4096, 2 * 4096, PRESERVE)).toBe(STATUS_SUCCESS);
    expect(free(machine, BASE + 2 * 4096, 6 * 4096, COALESCE)).toBe(STATUS_SUCCESS);
  });

  it('cannot be made of memory that replaced none', () => {
    const machine = createTestMachine(128);
    allocate(machine, BASE, 8 * 4096, MEM_RESERVE | MEM_COMMIT);
    expect(free(machine, BASE, 8 * 4096, PRESERVE)).toBe(STATUS_CONFLICTING_ADDRESSES);
    const section = pagedSection(machine, 4);
    const view = {
      baseAddress: 0,
      viewSize: 0,
      sectionOffset: 0,
      allocationType: 0,
      protect: PAGE_READWRITE,
    };
    mapViewOfSection(machine.mm, machine.space, section, view);
    const { baseAddress } = view;
    expect(unmapViewOfSection(machine.mm, machine.space, baseAddress, MEM_PRESERVE_PLACEHOLDER)).toBe(
      STATUS_CONFLICTING_ADDRESSES,
    );
    expect(unmapViewOfSection(machine.mm, machine.space, baseAddress, 4)).toBe(STATUS_INVALID_PARAMETER_3);
  });

  it('are replaced by views at any page and offset: a ring buffer of two views of one section', () => {
    const machine = createTestMachine(128);
    const { mm, space, user } = machine;
    const section = pagedSection(machine, 3);
    reserve(machine, BASE, 6 * 4096);
    free(machine, BASE, 3 * 4096, PRESERVE);
    expect(replaceByView(machine, section, { viewSize: 4 * 4096 })).not.toBe(STATUS_SUCCESS);
    expect(replaceByView(machine, section, { viewSize: 2 * 4096 })).toBe(STATUS_CONFLICTING_ADDRESSES);
    expect(replaceByView(machine, section, { baseAddress: BASE + 1 })).toBe(STATUS_MAPPED_ALIGNMENT);
    expect(replaceByView(machine, section, {})).toBe(STATUS_SUCCESS);
    expect(replaceByView(machine, section, { baseAddress: BASE + 3 * 4096 })).toBe(STATUS_SUCCESS);
    user.writeU32(BASE + 3 * 4096 - 4, 0x1234);
    user.writeU32(BASE + 3 * 4096, 0x5678);
    expect([user.readU32(BASE + 6 * 4096 - 4), user.readU32(BASE)]).toEqual([0x1234, 0x5678]);
    expect(unmapViewOfSection(mm, space, BASE, MEM_PRESERVE_PLACEHOLDER)).toBe(STATUS_SUCCESS);
    verify(mm);
    expect(unmapViewOfSection(mm, space, BASE)).toBe(STATUS_NOT_MAPPED_VIEW);
    free(machine, BASE, 2 * 4096, PRESERVE);
    const part = { baseAddress: BASE, viewSize: 2 * 4096, sectionOffset: 4096 };
    expect(replaceByView(machine, section, part)).toBe(STATUS_SUCCESS);
    expect(user.readU32(BASE + 2 * 4096 - 4)).toBe(0x1234);
  });

  it('are not for NtMapViewOfSection', () => {
    const machine = createTestMachine(128);
    const section = pagedSection(machine, 3);
    reserve(machine, BASE, 3 * 4096);
    const view = { baseAddress: BASE, viewSize: 0, sectionOffset: 0, protect: PAGE_READWRITE };
    const request = { ...view, allocationType: MEM_REPLACE_PLACEHOLDER };
    expect(mapViewOfSection(machine.mm, machine.space, section, request)).toBe(STATUS_INVALID_PARAMETER_9);
  });
});

describe('address requirements', () => {
  const place = (
    machine: TestMachine,
    lowest: number,
    highest: number,
    alignment: number,
    type = MEM_RESERVE,
  ) => allocate(machine, 0, 0x10000, type, PAGE_READWRITE, { lowest, highest, alignment });

  it('bound and align what the system chooses, from the bottom or the top', () => {
    const machine = createTestMachine(128);
    expect(place(machine, 0x5000_0000, 0, 0).baseAddress).toBe(0x5000_0000);
    expect(place(machine, 0x5000_0000, 0, 0).baseAddress).toBe(0x5001_0000);
    expect(place(machine, 0x5000_0000, 0, 0x100_0000).baseAddress).toBe(0x5100_0000);
    expect(place(machine, 0, 0x6fff_ffff, 0x1_0000, MEM_RESERVE | MEM_TOP_DOWN).baseAddress).toBe(
      0x6fff_0000,
    );
    expect(place(machine, 0, 0x6fff_ffff, 0x100_0000, MEM_RESERVE | MEM_TOP_DOWN).baseAddress).toBe(
      0x6f00_0000,
    );
    expect(place(machine, 0x5000_0000, 0x5001_ffff, 0).status).toBe(STATUS_NO_MEMORY);
    expect(place(machine, 0, 0, 2 ** 46).baseAddress).toBe(2 ** 46);
    expect(place(machine, 0, 0, 2 ** 47).status).toBe(STATUS_NO_MEMORY);
  });

  it('find an aligned gap between ranges', () => {
    const machine = createTestMachine(128);
    for (let base = 0x1_0000; base < 0x100_0000; base += 0x2_0000)
      if (base !== 0x41_0000) allocate(machine, base, 0x1_0000, MEM_RESERVE);
    const aligned = { lowest: 0, highest: 0xff_ffff, alignment: 0x4_0000 };
    const found = allocate(machine, 0, 0x2_0000, MEM_RESERVE, PAGE_READWRITE, aligned);
    expect(found.baseAddress).toBe(0x40_0000);
    expect(allocate(machine, 0, 0x2_0000, MEM_RESERVE, PAGE_READWRITE, aligned).status).toBe(
      STATUS_NO_MEMORY,
    );
  });

  it('are refused when misaligned, out of order, past user space or beside a base', () => {
    const machine = createTestMachine(128);
    for (const [lowest, highest, alignment] of [
      [0x1000, 0, 0],
      [0, 0x6fff_fffe, 0],
      [0, HIGHEST_USER_ADDRESS + 0x1000, 0],
      [0x7000_0000, 0x6fff_ffff, 0],
      [0, 0, 0x8000],
      [0, 0, 0x1_8000],
      [HIGHEST_USER_ADDRESS + 1, 0, 0],
    ] as const)
      expect(place(machine, lowest, highest, alignment).status).toBe(STATUS_INVALID_PARAMETER);
    const some = { lowest: 0, highest: 0, alignment: 0x1_0000 };
    expect(allocate(machine, BASE, 4096, MEM_RESERVE, PAGE_READWRITE, some).status).toBe(
      STATUS_INVALID_PARAMETER,
    );
  });
});
