import { describe, expect, it } from 'vitest';
import {
  MEM_COMMIT,
  MEM_DECOMMIT,
  MEM_MAPPED,
  MEM_RELEASE,
  MEM_RESERVE,
  PAGE_EXECUTE_READ,
  PAGE_GUARD,
  PAGE_NOACCESS,
  PAGE_READONLY,
  PAGE_READWRITE,
  PAGE_WRITECOPY,
  SEC_COMMIT,
  SEC_RESERVE,
} from '../base/memory-constants.js';
import {
  STATUS_ACCESS_VIOLATION,
  STATUS_COMMITMENT_LIMIT,
  STATUS_GUARD_PAGE_VIOLATION,
  STATUS_NOT_COMMITTED,
  STATUS_SECTION_PROTECTION,
  STATUS_SUCCESS,
  STATUS_UNABLE_TO_DELETE_SECTION,
} from '../base/ntstatus.js';
import { createTestMachine, type TestMachine } from '../testing/small-machine.js';
import { type AddressSpace, attach, createAddressSpace, deleteAddressSpace } from './address-space.js';
import { COMMIT_COPY_ON_WRITE, COMMIT_PRIVATE, COMMIT_SECTION } from './commit.js';
import { createSection, deleteSection, type Section } from './section.js';
import { mapViewOfSection } from './section-view.js';
import { GuestFault } from './user-memory.js';
import { verify } from './verify.js';
import {
  allocateVirtualMemory,
  freeVirtualMemory,
  protectVirtualMemory,
  queryVirtualMemory,
} from './virtual-memory.js';

const PAGES = 8;

function makeSection(
  { mm }: TestMachine,
  allocationAttributes: number,
  pageProtection = PAGE_READWRITE,
): Section {
  const out: { section: Section | null } = { section: null };
  const request = { file: null, maximumSize: PAGES * 4096, pageProtection, allocationAttributes };
  expect(createSection(mm, request, out)).toBe(STATUS_SUCCESS);
  return out.section!;
}

function map({ mm }: TestMachine, space: AddressSpace, section: Section, protect: number): number {
  const request = { baseAddress: 0, viewSize: 0, sectionOffset: 0, allocationType: 0, protect };
  expect(mapViewOfSection(mm, space, section, request)).toBe(STATUS_SUCCESS);
  return request.baseAddress;
}

function protect(
  { mm, space }: TestMachine,
  address: number,
  pages: number,
  protection: number,
): [number, number] {
  const out = { oldProtect: 0 };
  const status = protectVirtualMemory(
    mm,
    space,
    { baseAddress: address, regionSize: pages * 4096 },
    protection,
    out,
  );
  return [status, out.oldProtect];
}

function commit({ mm, space }: TestMachine, address: number, pages: number, protection: number): number {
  const request = { baseAddress: address, regionSize: pages * 4096 };
  return allocateVirtualMemory(mm, space, request, MEM_COMMIT, protection);
}

function query({ mm, space }: TestMachine, address: number) {
  const out = {
    baseAddress: 0,
    allocationBase: 0,
    allocationProtect: 0,
    regionSize: 0,
    state: 0,
    protect: 0,
    type: 0,
  };
  expect(queryVirtualMemory(mm, space, address, out)).toBe(STATUS_SUCCESS);
  return out;
}

function violation(access: () => unknown): number {
  try {
    access();
    return STATUS_SUCCESS;
  } catch (error) {
    if (error instanceof GuestFault) return error.status;
    throw error;
  }
}

describe('protecting views', () => {
  it('changes pages in every state of their entries, in this process alone', () => {
    const machine = createTestMachine(256);
    const { mm, space, user } = machine;
    const section = makeSection(machine, SEC_COMMIT);
    const base = map(machine, space, section, PAGE_READWRITE);
    user.writeU32(base, 1);
    user.writeU32(base + 4096, 2);
    expect(protect(machine, base, 3, PAGE_READONLY)).toEqual([STATUS_SUCCESS, PAGE_READWRITE]);
    expect(violation(() => user.writeU8(base, 9))).toBe(STATUS_ACCESS_VIOLATION);
    expect(violation(() => user.writeU8(base + 8192, 9))).toBe(STATUS_ACCESS_VIOLATION);
    expect(query(machine, base)).toMatchObject({
      protect: PAGE_READONLY,
      regionSize: 3 * 4096,
      type: MEM_MAPPED,
    });
    verify(mm);
    expect(protect(machine, base, 1, PAGE_NOACCESS)).toEqual([STATUS_SUCCESS, PAGE_READONLY]);
    expect(violation(() => user.readU8(base))).toBe(STATUS_ACCESS_VIOLATION);
    verify(mm);
    const other = createAddressSpace(mm, 8)!;
    const otherBase = map(machine, other, section, PAGE_READWRITE);
    attach(mm, other);
    expect(user.readU32(otherBase)).toBe(1);
    user.writeU32(otherBase, 3);
    attach(mm, space);
    expect(protect(machine, base, 1, PAGE_READWRITE | PAGE_GUARD)).toEqual([STATUS_SUCCESS, PAGE_NOACCESS]);
    expect(violation(() => user.readU8(base))).toBe(STATUS_GUARD_PAGE_VIOLATION);
    expect(user.readU32(base)).toBe(3);
    expect(protect(machine, base, 3, PAGE_READWRITE)).toEqual([STATUS_SUCCESS, PAGE_READWRITE]);
    user.writeU32(base + 8192, 7);
    expect(query(machine, base)).toMatchObject({ protect: PAGE_READWRITE, regionSize: PAGES * 4096 });
    verify(mm);
    deleteAddressSpace(mm, other);
    verify(mm);
  });

  it('never goes beyond the rights of the view', () => {
    const machine = createTestMachine(256);
    const section = makeSection(machine, SEC_COMMIT);
    const base = map(machine, machine.space, section, PAGE_READONLY);
    expect(protect(machine, base, 1, PAGE_READWRITE)[0]).toBe(STATUS_SECTION_PROTECTION);
    expect(protect(machine, base, 1, PAGE_EXECUTE_READ)[0]).toBe(STATUS_SECTION_PROTECTION);
    expect(protect(machine, base, 1, PAGE_NOACCESS)[0]).toBe(STATUS_SUCCESS);
    expect(protect(machine, base, 1, PAGE_READONLY)[0]).toBe(STATUS_SUCCESS);
    verify(machine.mm);
  });

  it('charges pages that become copy-on-write, and a private copy is never copied again', () => {
    const machine = createTestMachine(256);
    const { mm, space, user } = machine;
    const charge = () => mm.commit.byUse[COMMIT_COPY_ON_WRITE];
    const section = makeSection(machine, SEC_COMMIT);
    const writer = map(machine, space, section, PAGE_READWRITE);
    const base = map(machine, space, section, PAGE_READONLY);
    user.writeU32(writer, 11);
    user.writeU32(writer + 4096, 12);
    expect(user.readU32(base)).toBe(11);
    expect(charge()).toBe(0);
    expect(protect(machine, base, 2, PAGE_WRITECOPY)).toEqual([STATUS_SUCCESS, PAGE_READONLY]);
    expect(charge()).toBe(2);
    user.writeU32(base, 21);
    expect([user.readU32(base), user.readU32(writer)]).toEqual([21, 11]);
    expect(mm.counters.copyOnWrite).toBe(1);
    expect(query(machine, base)).toMatchObject({ protect: PAGE_READWRITE, regionSize: 4096 });
    expect(protect(machine, base, 2, PAGE_READONLY)).toEqual([STATUS_SUCCESS, PAGE_READWRITE]);
    expect(charge()).toBe(1);
    verify(mm);
    protect(machine, base, 2, PAGE_WRITECOPY);
    user.writeU32(base, 22);
    expect(mm.counters.copyOnWrite).toBe(1);
    verify(mm);
    deleteSection(mm, section);
    deleteAddressSpace(mm, space);
    expect(charge()).toBe(0);
    verify(mm);
  });

  it('refuses copy-on-write past the commit limit, and changes nothing', () => {
    const machine = createTestMachine(256);
    const { mm, space } = machine;
    const base = map(machine, space, makeSection(machine, SEC_COMMIT), PAGE_READONLY);
    const taken = mm.commit.maximumLimit - mm.commit.current - 1;
    mm.commit.charge(COMMIT_PRIVATE, taken);
    expect(protect(machine, base, 2, PAGE_WRITECOPY)[0]).toBe(STATUS_COMMITMENT_LIMIT);
    expect(query(machine, base)).toMatchObject({ protect: PAGE_READONLY, regionSize: PAGES * 4096 });
    expect(protect(machine, base, 1, PAGE_WRITECOPY)[0]).toBe(STATUS_SUCCESS);
    mm.commit.release(COMMIT_PRIVATE, taken);
    verify(mm);
  });

  it('turns read/write into copy-on-write in a copy-on-write view', () => {
    const machine = createTestMachine(256);
    const { mm, space, user } = machine;
    const section = makeSection(machine, SEC_COMMIT);
    const base = map(machine, space, section, PAGE_WRITECOPY);
    const writer = map(machine, space, section, PAGE_READWRITE);
    user.writeU32(writer, 5);
    expect(mm.commit.byUse[COMMIT_COPY_ON_WRITE]).toBe(PAGES);
    expect(protect(machine, base, 1, PAGE_READONLY)).toEqual([STATUS_SUCCESS, PAGE_WRITECOPY]);
    expect(protect(machine, base, 1, PAGE_READWRITE)).toEqual([STATUS_SUCCESS, PAGE_READONLY]);
    expect(query(machine, base).protect).toBe(PAGE_WRITECOPY);
    user.writeU32(base, 6);
    expect(user.readU32(writer)).toBe(5);
    verify(mm);
  });

  it('cannot be freed with the services for private memory; committing them again protects them', () => {
    const machine = createTestMachine(256);
    const { mm, space } = machine;
    const base = map(machine, space, makeSection(machine, SEC_COMMIT), PAGE_READWRITE);
    for (const type of [MEM_RELEASE, MEM_DECOMMIT]) {
      const status = freeVirtualMemory(mm, space, { baseAddress: base, regionSize: 0 }, type);
      expect(status).toBe(STATUS_UNABLE_TO_DELETE_SECTION);
    }
    const { committedPages } = space.vads.find(base / 4096)!.controlArea!.segment;
    expect(commit(machine, base, 1, PAGE_READONLY)).toBe(STATUS_SUCCESS);
    expect(space.vads.find(base / 4096)!.controlArea!.segment.committedPages).toBe(committedPages);
    expect(query(machine, base).protect).toBe(PAGE_READONLY);
    verify(mm);
  });
});

describe('views of SEC_RESERVE sections', () => {
  it('are reserved until committed, for everybody who maps them', () => {
    const machine = createTestMachine(256);
    const { mm, space, user } = machine;
    const section = makeSection(machine, SEC_RESERVE);
    const base = map(machine, space, section, PAGE_READWRITE);
    const second = map(machine, space, section, PAGE_READWRITE);
    expect(query(machine, base)).toMatchObject({ state: MEM_RESERVE, protect: 0, regionSize: PAGES * 4096 });
    expect(violation(() => user.readU8(base))).toBe(STATUS_ACCESS_VIOLATION);
    expect(protect(machine, base, 1, PAGE_READONLY)[0]).toBe(STATUS_NOT_COMMITTED);
    expect(commit(machine, base + 4096, 2, PAGE_READONLY)).toBe(STATUS_SUCCESS);
    expect(mm.commit.byUse[COMMIT_SECTION]).toBe(2);
    expect(query(machine, base + 4096)).toMatchObject({
      state: MEM_COMMIT,
      protect: PAGE_READONLY,
      regionSize: 8192,
    });
    expect(query(machine, second + 4096)).toMatchObject({
      state: MEM_COMMIT,
      protect: PAGE_READWRITE,
      regionSize: 8192,
    });
    user.writeU32(second + 4096, 77);
    expect(user.readU32(base + 4096)).toBe(77);
    expect(violation(() => user.writeU8(base + 4096, 1))).toBe(STATUS_ACCESS_VIOLATION);
    expect(commit(machine, base, 4, PAGE_READWRITE)).toBe(STATUS_SUCCESS);
    expect(mm.commit.byUse[COMMIT_SECTION]).toBe(4);
    user.writeU32(base + 4096, 78);
    expect(user.readU32(second + 4096)).toBe(78);
    verify(mm);
  });

  it('charge pages that are committed copy-on-write to the view too', () => {
    const machine = createTestMachine(64);
    const { mm, space } = machine;
    const base = map(machine, space, makeSection(machine, SEC_RESERVE), PAGE_READWRITE);
    const before = mm.commit.current;
    expect(commit(machine, base, 3, PAGE_WRITECOPY)).toBe(STATUS_SUCCESS);
    expect(mm.commit.byUse[COMMIT_COPY_ON_WRITE]).toBe(3);
    expect(mm.commit.byUse[COMMIT_SECTION]).toBe(3);
    verify(mm);
    mm.commit.force(COMMIT_PRIVATE, mm.commit.maximumLimit - mm.commit.current - 3);
    expect(commit(machine, base + 3 * 4096, 2, PAGE_WRITECOPY)).toBe(STATUS_COMMITMENT_LIMIT);
    expect(commit(machine, base, 3, PAGE_READWRITE)).toBe(STATUS_SUCCESS);
    expect(mm.commit.byUse[COMMIT_COPY_ON_WRITE]).toBe(0);
    expect(mm.commit.current).toBeGreaterThan(before);
  });

  it('refuse commitment past the limit or beyond their rights', () => {
    const machine = createTestMachine(256);
    const { mm, space } = machine;
    const section = makeSection(machine, SEC_RESERVE);
    const base = map(machine, space, section, PAGE_READONLY);
    expect(commit(machine, base, 1, PAGE_READWRITE)).toBe(STATUS_SECTION_PROTECTION);
    const filler = { baseAddress: 0, regionSize: (mm.commit.limit - mm.commit.current - 4) * 4096 };
    allocateVirtualMemory(mm, space, filler, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    expect(commit(machine, base, PAGES, PAGE_READONLY)).toBe(STATUS_COMMITMENT_LIMIT);
    expect(commit(machine, base, 1, PAGE_READONLY)).toBe(STATUS_SUCCESS);
    verify(mm);
  });
});
