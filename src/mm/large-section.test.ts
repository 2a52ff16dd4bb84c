import { describe, expect, it } from 'vitest';
import {
  MEM_LARGE_PAGES,
  MEM_MAPPED,
  PAGE_NOACCESS,
  PAGE_READONLY,
  PAGE_READWRITE,
  PAGE_WRITECOPY,
  SEC_COMMIT,
  SEC_LARGE_PAGES,
  SEC_RESERVE,
} from '../base/memory-constants.js';
import * as nt from '../base/ntstatus.js';
import { MemoryFile } from '../testing/memory-file.js';
import { memoryMachine } from '../testing/memory-machine.js';
import { type AddressSpace, deleteAddressSpace } from './address-space.js';
import type { BackingFile } from './backing-file.js';
import { LARGE_PAGE_SIZE } from './large-page.js';
import { availableFrames } from './page-lists.js';
import { findPte } from './page-tables.js';
import { queryWorkingSetEx } from './query-working-set.js';
import { createSection, deleteSection, type Section } from './section.js';
import { mapViewOfSection, unmapViewOfSection } from './section-view.js';
import { GuestFault } from './user-memory.js';
import { verify } from './verify.js';
import { emptyBasicInformation, protectVirtualMemory, queryVirtualMemory } from './virtual-memory.js';
import { emptyWorkingSet } from './working-set-manager.js';

const LARGE = SEC_COMMIT | SEC_LARGE_PAGES;
const TWO = 2 * LARGE_PAGE_SIZE;

function make() {
  const machine = memoryMachine(24);
  const { mm } = machine;
  const create = (
    size: number,
    attributes = LARGE,
    protect = PAGE_READWRITE,
    file: BackingFile | null = null,
    mayLockPages = true,
  ) => {
    const out: { section: Section | null } = { section: null };
    const request = {
      file,
      maximumSize: size,
      pageProtection: protect,
      allocationAttributes: attributes,
      mayLockPages,
    };
    return createSection(mm, request, out) || out.section!;
  };
  const section = (size = TWO) => create(size) as Section;
  const map = (
    space: AddressSpace,
    of: Section,
    protect = PAGE_READWRITE,
    type = MEM_LARGE_PAGES,
    changes: { baseAddress?: number; viewSize?: number; sectionOffset?: number } = {},
  ) => {
    const request = {
      baseAddress: 0,
      viewSize: 0,
      sectionOffset: 0,
      allocationType: type,
      protect,
      ...changes,
    };
    return mapViewOfSection(mm, space, of, request) || request.baseAddress;
  };
  return { ...machine, create, section, map };
}

describe('sections in large pages', () => {
  it('are shared by views in large pages and in small ones', () => {
    const { mm, newSpace, section, map, inside } = make();
    const [one, other] = [newSpace(), newSpace()];
    const of = section();
    const large = map(one, of);
    const again = map(other, of, PAGE_READONLY, MEM_LARGE_PAGES, {
      sectionOffset: LARGE_PAGE_SIZE,
      viewSize: LARGE_PAGE_SIZE,
    });
    const small = map(other, of, PAGE_READWRITE, 0);
    expect([large % LARGE_PAGE_SIZE, again % LARGE_PAGE_SIZE, findPte(mm, one, large)]).toEqual([0, 0, 0]);
    const faults = mm.counters.total;
    inside(one, (user) => user.writeU32(large + LARGE_PAGE_SIZE + 0x5000, 77));
    expect(inside(other, (user) => user.readU32(again + 0x5000))).toBe(77);
    expect(mm.counters.total).toBe(faults);
    inside(other, (user) => {
      expect(user.readU32(small + LARGE_PAGE_SIZE + 0x5000)).toBe(77);
      user.writeU32(small + 0x3000, 33);
      expect(() => user.writeU32(again, 1)).toThrow(GuestFault);
    });
    verify(mm);
    emptyWorkingSet(mm, other);
    verify(mm);
    expect(inside(one, (user) => user.readU32(large + 0x3000))).toBe(33);
    expect(queryWorkingSetEx(mm, one, large + 0x1000) & 0xc0_8001).toBe(0xc0_8001);
  });

  it('give everything back with the last view', () => {
    const { mm, newSpace, section, map } = make();
    const space = newSpace();
    deleteSection(mm, section()); // the pools have grown
    const before = [availableFrames(mm), mm.commit.current, mm.lockedFrames];
    const of = section();
    const view = map(space, of);
    deleteSection(mm, of);
    verify(mm);
    expect(mm.lockedFrames).toBe(1024);
    expect(unmapViewOfSection(mm, space, view + 0x1234)).toBe(nt.STATUS_SUCCESS);
    expect([availableFrames(mm), mm.commit.current, mm.lockedFrames]).toEqual(before);
    verify(mm);
  });

  it('outlive a process that has views', () => {
    const { mm, newSpace, section, map, inside } = make();
    const [one, other] = [newSpace(), newSpace()];
    const of = section();
    inside(one, (user) => user.writeU32(map(one, of) + 0x7000, 5));
    deleteAddressSpace(mm, one);
    verify(mm);
    expect(inside(other, (user) => user.readU32(map(other, of) + 0x7000))).toBe(5);
  });

  it('are refused without the privilege, in parts, for files, and beyond RAM', () => {
    const { mm, create } = make();
    expect(create(TWO, LARGE, PAGE_READWRITE, null, false)).toBe(nt.STATUS_PRIVILEGE_NOT_HELD);
    expect(create(TWO, SEC_RESERVE | SEC_LARGE_PAGES)).toBe(nt.STATUS_INVALID_PARAMETER_6);
    expect(create(TWO + 4096)).toBe(nt.STATUS_INVALID_PARAMETER_4);
    expect(create(TWO, LARGE, PAGE_WRITECOPY)).toBe(nt.STATUS_INVALID_PAGE_PROTECTION);
    expect(create(TWO, LARGE, PAGE_READWRITE, new MemoryFile(new Uint8Array(8)))).toBe(
      nt.STATUS_INVALID_PARAMETER_6,
    );
    create(11 * LARGE_PAGE_SIZE);
    const before = [availableFrames(mm), mm.commit.current];
    expect(create(11 * LARGE_PAGE_SIZE)).toBe(nt.STATUS_INSUFFICIENT_RESOURCES);
    expect([availableFrames(mm), mm.commit.current]).toEqual(before);
    verify(mm);
  });

  it('refuse views that large pages cannot make', () => {
    const { newSpace, section, create, map } = make();
    const space = newSpace();
    const of = section();
    const small = create(TWO, SEC_COMMIT) as Section;
    expect(map(space, small)).toBe(nt.STATUS_INVALID_PARAMETER_9);
    for (const protect of [PAGE_NOACCESS, PAGE_WRITECOPY])
      expect(map(space, of, protect)).toBe(nt.STATUS_INVALID_PAGE_PROTECTION);
    const mapAt = (changes: object) => map(space, of, PAGE_READWRITE, MEM_LARGE_PAGES, changes);
    expect(mapAt({ sectionOffset: 0x10000 })).toBe(nt.STATUS_MAPPED_ALIGNMENT);
    expect(mapAt({ baseAddress: 0x10_0001_0000 })).toBe(nt.STATUS_MAPPED_ALIGNMENT);
    expect(mapAt({ viewSize: 0x1000 })).toBe(nt.STATUS_INVALID_VIEW_SIZE);
    expect(mapAt({ baseAddress: 0x10_0020_0000 })).toBe(0x10_0020_0000);
  });

  it('are protected within the rights of the view', () => {
    const { mm, newSpace, section, map, inside } = make();
    const space = newSpace();
    const of = section();
    const view = map(space, of);
    const readOnly = map(space, of, PAGE_READONLY);
    const protect = (baseAddress: number, protection: number) =>
      protectVirtualMemory(mm, space, { baseAddress, regionSize: LARGE_PAGE_SIZE }, protection, {
        oldProtect: 0,
      });
    expect(protect(view, PAGE_READONLY)).toBe(nt.STATUS_SUCCESS);
    expect(protect(readOnly, PAGE_READWRITE)).toBe(nt.STATUS_SECTION_PROTECTION);
    const out = emptyBasicInformation();
    queryVirtualMemory(mm, space, view, out);
    expect([out.type, out.protect, out.allocationProtect, out.regionSize]).toEqual([
      MEM_MAPPED,
      PAGE_READONLY,
      PAGE_READWRITE,
      LARGE_PAGE_SIZE,
    ]);
    inside(space, (user) => {
      expect(() => user.writeU32(view, 1)).toThrow(GuestFault);
      user.writeU32(view + LARGE_PAGE_SIZE, 1);
    });
    verify(mm);
  });
});
