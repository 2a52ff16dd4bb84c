import { describe, expect, it } from 'vitest';
import {
  MEM_COMMIT,
  MEM_TOP_DOWN,
  PAGE_EXECUTE_READ,
  PAGE_GUARD,
  PAGE_NOACCESS,
  PAGE_READONLY,
  PAGE_READWRITE,
  PAGE_WRITECOPY,
  SEC_COMMIT,
  SEC_FILE,
  SEC_IMAGE,
  SEC_LARGE_PAGES,
  SEC_RESERVE,
} from '../base/memory-constants.js';
import * as nt from '../base/ntstatus.js';
import { MemoryFile } from '../testing/memory-file.js';
import { type MemoryMachine, memoryMachine } from '../testing/memory-machine.js';
import { type AddressSpace, attach, deleteAddressSpace, detach } from './address-space.js';
import type { BackingFile } from './backing-file.js';
import { readMappedFile, setMappedFileSize, writeMappedFile } from './mapped-file.js';
import type { MemoryManager } from './memory-manager.js';
import { availableFrames } from './page-lists.js';
import { findPte } from './page-tables.js';
import { FRAME_MODIFIED, FRAME_STANDBY } from './pfn-database.js';
import { protectVirtualMemory } from './protect-virtual-memory.js';
import { MM_READWRITE, pteFrame, subsectionLow } from './pte.js';
import { trimPage } from './pte-deletion.js';
import { createSection, deleteSection, querySection, type Section } from './section.js';
import {
  flushVirtualMemory,
  mapViewOfSection,
  unmapAllViews,
  unmapViewOfSection,
  type ViewRequest,
} from './section-view.js';
import { systemWord } from './system-space.js';
import { deleteUnusedSegments } from './unused-segments.js';
import { GuestFault } from './user-memory.js';
import { verify } from './verify.js';
import { allocateVirtualMemory } from './virtual-memory.js';

function create(
  mm: MemoryManager,
  file: BackingFile | null,
  maximumSize: number,
  pageProtection = PAGE_READWRITE,
  allocationAttributes = SEC_COMMIT,
): Section | number {
  const out: { section: Section | null } = { section: null };
  const status = createSection(mm, { file, maximumSize, pageProtection, allocationAttributes }, out);
  return out.section ?? status;
}

function section(
  mm: MemoryManager,
  file: BackingFile | null,
  size = 0,
  protection = PAGE_READWRITE,
): Section {
  const made = create(mm, file, size, protection);
  if (typeof made === 'number') throw new Error(made.toString(16));
  return made;
}

function view(changes: Partial<ViewRequest> = {}): ViewRequest {
  return {
    baseAddress: 0,
    viewSize: 0,
    sectionOffset: 0,
    allocationType: 0,
    protect: PAGE_READWRITE,
    ...changes,
  };
}

function map(
  mm: MemoryManager,
  space: AddressSpace,
  target: Section,
  changes: Partial<ViewRequest> = {},
): number {
  const request = view(changes);
  const status = mapViewOfSection(mm, space, target, request);
  if (status !== nt.STATUS_SUCCESS) throw new Error(status.toString(16));
  return request.baseAddress;
}

function numbered(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) & 0xff);
}

function faultStatus(action: () => unknown): number {
  try {
    action();
    return 0;
  } catch (error) {
    if (error instanceof GuestFault) return error.status;
    throw error;
  }
}

function close(machine: MemoryMachine, space: AddressSpace): void {
  unmapAllViews(machine.mm, space);
  deleteAddressSpace(machine.mm, space);
}

describe('creating sections', () => {
  const { mm } = memoryMachine(4);
  const status = (file: BackingFile | null, size: number, protection?: number, attributes?: number) => {
    const made = create(mm, file, size, protection, attributes);
    return typeof made === 'number' ? made : nt.STATUS_SUCCESS;
  };

  it('checks attributes before the protection', () => {
    expect(status(null, 4096, 0, 0)).toBe(nt.STATUS_INVALID_PARAMETER_6);
    expect(status(null, 4096, 0, 1)).toBe(nt.STATUS_INVALID_PARAMETER_6);
    expect(status(null, 4096, 0, SEC_COMMIT | SEC_RESERVE)).toBe(nt.STATUS_INVALID_PARAMETER_6);
    expect(status(null, 4096, 0, SEC_COMMIT | SEC_IMAGE)).toBe(nt.STATUS_INVALID_PARAMETER_6);
    expect(status(null, 4096, 0)).toBe(nt.STATUS_INVALID_PAGE_PROTECTION);
    expect(status(null, 4096, PAGE_NOACCESS)).toBe(nt.STATUS_INVALID_PAGE_PROTECTION);
    expect(status(null, 4096, PAGE_READWRITE | PAGE_GUARD)).toBe(nt.STATUS_INVALID_PAGE_PROTECTION);
    expect(status(null, 4096, PAGE_READWRITE, (SEC_COMMIT | SEC_LARGE_PAGES) >>> 0)).toBe(
      nt.STATUS_PRIVILEGE_NOT_HELD,
    );
  });

  it('checks sizes', () => {
    const empty = new MemoryFile(new Uint8Array(0));
    const readOnly = new MemoryFile(new Uint8Array(10), 'r', false);
    expect(status(null, 0)).toBe(nt.STATUS_INVALID_PARAMETER_4);
    expect(status(null, 2 ** 50)).toBe(nt.STATUS_SECTION_TOO_BIG);
    expect(status(null, 2 ** 30)).toBe(nt.STATUS_COMMITMENT_LIMIT);
    expect(status(null, 4096, PAGE_READONLY, SEC_IMAGE)).toBe(nt.STATUS_INVALID_FILE_FOR_SECTION);
    expect(status(empty, 0)).toBe(nt.STATUS_MAPPED_FILE_SIZE_ZERO);
    expect(status(new MemoryFile(new Uint8Array(10)), 11, PAGE_READONLY)).toBe(nt.STATUS_SECTION_TOO_BIG);
    expect(status(new MemoryFile(new Uint8Array(10)), 11, PAGE_WRITECOPY)).toBe(nt.STATUS_SECTION_TOO_BIG);
    expect(status(readOnly, 11, PAGE_READWRITE)).toBe(nt.STATUS_SECTION_TOO_BIG);
    verify(mm);
  });

  it('extends a writable file and tells its size', () => {
    const file = new MemoryFile(new Uint8Array(10));
    const made = section(mm, file, 5000);
    expect(file.size).toBe(5000);
    expect(querySection(made)).toEqual({
      allocationAttributes: SEC_COMMIT | SEC_FILE,
      maximumSize: 5000,
      image: null,
    });
    expect(querySection(section(mm, null, 100)).maximumSize).toBe(4096);
    deleteSection(mm, made);
    expect(mm.sections.unused).toEqual([file.dataControlArea]);
  });
});

describe('mapping views', () => {
  const machine = memoryMachine(4);
  const { mm } = machine;
  const space = machine.newSpace();
  const target = section(mm, null, 0x30000);
  const readable = section(mm, null, 0x1000, PAGE_READONLY);
  const code = section(mm, null, 0x1000, PAGE_EXECUTE_READ);
  const status = (changes: Partial<ViewRequest>, of = target) => {
    const request = view(changes);
    const result = mapViewOfSection(mm, space, of, request);
    if (result === nt.STATUS_SUCCESS) unmapViewOfSection(mm, space, request.baseAddress);
    return result;
  };

  it('checks parameters in order', () => {
    expect(status({ inheritDisposition: 3, allocationType: 1, protect: 0 })).toBe(
      nt.STATUS_INVALID_PARAMETER_8,
    );
    expect(status({ allocationType: MEM_COMMIT, protect: 0 })).toBe(nt.STATUS_INVALID_PARAMETER_9);
    expect(status({ protect: 0, zeroBits: 30 })).toBe(nt.STATUS_INVALID_PAGE_PROTECTION);
    expect(status({ zeroBits: 30, baseAddress: 2 ** 47 })).toBe(nt.STATUS_INVALID_PARAMETER_4);
    expect(status({ baseAddress: 2 ** 47 })).toBe(nt.STATUS_INVALID_PARAMETER_3);
    expect(status({ baseAddress: 0x7fff_fffe_0000, viewSize: 0x20000 })).toBe(nt.STATUS_INVALID_PARAMETER_3);
    expect(status({ baseAddress: 0x11000 })).toBe(nt.STATUS_MAPPED_ALIGNMENT);
    expect(status({ sectionOffset: 0x1000 })).toBe(nt.STATUS_MAPPED_ALIGNMENT);
    expect(status({ protect: PAGE_EXECUTE_READ, sectionOffset: 0x40000 })).toBe(nt.STATUS_SECTION_PROTECTION);
    expect(status({ sectionOffset: 0x30000 })).toBe(nt.STATUS_INVALID_VIEW_SIZE);
    expect(status({ viewSize: 0x30001 })).toBe(nt.STATUS_INVALID_VIEW_SIZE);
    expect(status({ sectionOffset: 0x20000, viewSize: 0x10001 })).toBe(nt.STATUS_INVALID_VIEW_SIZE);
    expect(status({ sectionOffset: 0x20000, viewSize: 0x10000 })).toBe(nt.STATUS_SUCCESS);
  });

  it('keeps views within the protection of the section', () => {
    expect(status({ protect: PAGE_READWRITE }, readable)).toBe(nt.STATUS_SECTION_PROTECTION);
    expect(status({ protect: PAGE_WRITECOPY }, readable)).toBe(nt.STATUS_SUCCESS);
    expect(status({ protect: PAGE_NOACCESS }, readable)).toBe(nt.STATUS_SUCCESS);
    expect(status({ protect: PAGE_EXECUTE_READ }, code)).toBe(nt.STATUS_SUCCESS);
    expect(status({ protect: PAGE_READWRITE }, code)).toBe(nt.STATUS_SECTION_PROTECTION);
  });

  it('places views', () => {
    const first = view({ viewSize: 100 });
    expect(mapViewOfSection(mm, space, target, first)).toBe(nt.STATUS_SUCCESS);
    expect(first.viewSize).toBe(4096);
    expect(first.baseAddress % 0x10000).toBe(0);
    expect(status({ baseAddress: first.baseAddress })).toBe(nt.STATUS_CONFLICTING_ADDRESSES);
    const high = map(mm, space, target, { allocationType: MEM_TOP_DOWN });
    expect(high).toBeGreaterThan(0x7fff_0000_0000);
    expect(map(mm, space, target, { baseAddress: 0x5000_0000 })).toBe(0x5000_0000);
    expect(unmapViewOfSection(mm, space, first.baseAddress + 4000)).toBe(nt.STATUS_SUCCESS);
    expect(unmapViewOfSection(mm, space, first.baseAddress)).toBe(nt.STATUS_NOT_MAPPED_VIEW);
    unmapAllViews(mm, space);
    verify(mm);
  });
});

describe('sections backed by the paging file', () => {
  it('share zeroed pages between processes, one frame for both', () => {
    const machine = memoryMachine(4);
    const { mm } = machine;
    const one = machine.newSpace();
    const two = machine.newSpace();
    const shared = section(mm, null, 0x3000);
    const at = map(mm, one, shared);
    const there = map(mm, two, shared, { baseAddress: 0x7000_0000, protect: PAGE_READONLY });
    machine.inside(one, (user) => {
      expect(user.readU32(at + 8)).toBe(0);
      user.writeU32(at + 8, 0x12345678);
    });
    machine.inside(two, (user) => {
      expect(user.readU32(there + 8)).toBe(0x12345678);
      expect(faultStatus(() => user.writeU32(there + 8, 1))).toBe(nt.STATUS_ACCESS_VIOLATION);
    });
    const frame = pteFrame(mm.words[findPte(mm, one, at)]!);
    expect(pteFrame(mm.words[findPte(mm, two, there)]!)).toBe(frame);
    expect(mm.pfn.shareCount[frame]).toBe(2);
    expect([mm.counters.demandZero, mm.counters.prototype]).toEqual([1, 1]);
    verify(mm);
    deleteSection(mm, shared);
    close(machine, one);
    machine.inside(two, (user) => expect(user.readU32(there + 8)).toBe(0x12345678));
    close(machine, two);
    expect(mm.sections.controlAreas).toEqual([]);
    verify(mm);
  });

  it('keep their contents while nobody maps them', () => {
    const machine = memoryMachine(4);
    const { mm } = machine;
    const space = machine.newSpace();
    const kept = section(mm, null, 0x2000);
    const at = map(mm, space, kept);
    machine.inside(space, (user) => user.writeU32(at + 0x1000, 99));
    const frame = pteFrame(mm.words[findPte(mm, space, at + 0x1000)]!);
    unmapViewOfSection(mm, space, at);
    expect(mm.pfn.state[frame]).toBe(FRAME_MODIFIED);
    expect([mm.pfn.originalLo[frame], mm.pfn.originalHi[frame]]).toEqual([0x80, 0]);
    verify(mm);
    const again = map(mm, space, kept);
    machine.inside(space, (user) => expect(user.readU32(again + 0x1000)).toBe(99));
    expect(pteFrame(mm.words[findPte(mm, space, again + 0x1000)]!)).toBe(frame);
    expect(mm.counters.transition).toBe(1);
    close(machine, space);
    const free = availableFrames(mm);
    deleteSection(mm, kept);
    expect(mm.pfn.state[frame]).toBeLessThan(FRAME_STANDBY);
    expect(availableFrames(mm)).toBeGreaterThan(free);
    verify(mm);
  });

  it('commit the pages of a reserved section for everybody', () => {
    const machine = memoryMachine(4);
    const { mm } = machine;
    const one = machine.newSpace();
    const two = machine.newSpace();
    const reserved = create(mm, null, 0x20000, PAGE_READWRITE, SEC_RESERVE) as Section;
    const at = map(mm, one, reserved);
    const there = map(mm, two, reserved);
    const touch = (space: AddressSpace, address: number) =>
      machine.inside(space, (user) => faultStatus(() => user.writeU8(address, 1)));
    expect(touch(one, at + 0x5000)).toBe(nt.STATUS_ACCESS_VIOLATION);
    const request = { baseAddress: at + 0x5000, regionSize: 0x2000 };
    expect(allocateVirtualMemory(mm, one, request, MEM_COMMIT, PAGE_READWRITE)).toBe(nt.STATUS_SUCCESS);
    expect([touch(one, at + 0x5000), touch(two, there + 0x6000)]).toEqual([0, 0]);
    expect(touch(two, there + 0x7000)).toBe(nt.STATUS_ACCESS_VIOLATION);
    expect(reserved.controlArea.segment.committedPages).toBe(2);
    verify(mm);
  });
});

describe('mapped files', () => {
  const content = numbered(0x2345);

  it('are read on demand and shared; bytes past the end are zero', () => {
    const machine = memoryMachine(4);
    const { mm } = machine;
    const file = new MemoryFile(content.slice());
    const one = machine.newSpace();
    const two = machine.newSpace();
    const target = section(mm, file, 0, PAGE_READONLY);
    const subsection = target.controlArea.subsections[0]!;
    expect(mm.words[systemWord(mm, target.controlArea.prototypeAddress(0))]).toBe(
      subsectionLow(subsection.address, 1),
    );
    const at = map(mm, one, target, { protect: PAGE_READONLY });
    const there = map(mm, two, target, { protect: PAGE_READONLY });
    machine.inside(one, (user) => {
      expect(user.readBytes(at, 0x2345)).toEqual(content);
      expect(user.readBytes(at + 0x2345, 0xcbb)).toEqual(new Uint8Array(0xcbb));
    });
    machine.inside(two, (user) => expect(user.readBytes(there, 0x2345)).toEqual(content));
    expect(file.reads).toBe(1);
    expect(mm.counters).toMatchObject({ hard: 1, mappedFileRead: 1, transition: 2, prototype: 3, soft: 5 });
    expect([mm.counters.total, mm.sections.pagesRead, mm.io.disk.transfers]).toEqual([6, 3, 1]);
    verify(mm);
    unmapViewOfSection(mm, one, at);
    unmapViewOfSection(mm, two, there);
    expect(mm.lists.standbyCount).toBe(3);
    deleteSection(mm, target);
    expect(mm.lists.standbyCount).toBe(3);
    expect(deleteUnusedSegments(mm, 0)).toBe(1);
    expect(mm.lists.standbyCount).toBe(0);
    verify(mm);
  });

  it('are written at unmap, without what lies past the end', () => {
    const machine = memoryMachine(4);
    const { mm } = machine;
    const file = new MemoryFile(content.slice());
    const space = machine.newSpace();
    const target = section(mm, file);
    const at = map(mm, space, target);
    machine.inside(space, (user) => {
      user.writeU32(at + 0x10, 0x01020304);
      user.fill(at + 0x2340, 0x100, 0xee);
    });
    expect(file.bytes).toEqual(content);
    deleteSection(mm, target);
    unmapViewOfSection(mm, space, at);
    const expected = content.slice();
    expected.set([4, 3, 2, 1], 0x10);
    expected.fill(0xee, 0x2340);
    expect(file.bytes).toEqual(expected);
    expect(file.writes).toBe(2);
    expect(mm.sections.pagesWritten).toBe(2);
    expect(mm.sections.unused).toEqual([file.dataControlArea]);
    verify(mm);
  });

  it('are flushed with the writes of every process, once', () => {
    const machine = memoryMachine(4);
    const { mm } = machine;
    const file = new MemoryFile(content.slice());
    const one = machine.newSpace();
    const two = machine.newSpace();
    const target = section(mm, file);
    const at = map(mm, one, target);
    const there = map(mm, two, target);
    machine.inside(one, (user) => user.writeU8(at, 0xaa));
    machine.inside(two, (user) => user.writeU8(there + 0x1000, 0xbb));
    const out = { bytesWritten: 0 };
    const flush = (baseAddress: number, regionSize: number) =>
      flushVirtualMemory(mm, one, { baseAddress, regionSize }, out);
    expect(flush(at + 5, 1)).toBe(nt.STATUS_SUCCESS);
    expect([out.bytesWritten, file.bytes[0], file.bytes[0x1000]]).toEqual([4096, 0xaa, content[0x1000]]);
    expect(flush(at, 0)).toBe(nt.STATUS_SUCCESS);
    expect([out.bytesWritten, file.bytes[0x1000]]).toEqual([4096, 0xbb]);
    expect([flush(at, 0), out.bytesWritten]).toEqual([nt.STATUS_SUCCESS, 0]);
    machine.inside(one, (user) => user.writeU8(at, 0xcc));
    expect([flush(at, 0), out.bytesWritten, file.bytes[0]]).toEqual([nt.STATUS_SUCCESS, 4096, 0xcc]);
    expect(flush(at, 0x4000)).toBe(nt.STATUS_NOT_MAPPED_VIEW);
    expect(flush(0x6000_0000, 0)).toBe(nt.STATUS_NOT_MAPPED_VIEW);
    expect(flush(2 ** 47, 0)).toBe(nt.STATUS_INVALID_PARAMETER_2);
    expect(flush(map(mm, one, section(mm, null, 4096)), 0)).toBe(nt.STATUS_NOT_MAPPED_DATA);
    verify(mm);
  });

  it('give private copies to writers of a copy-on-write view', () => {
    const machine = memoryMachine(4);
    const { mm } = machine;
    const file = new MemoryFile(content.slice());
    const one = machine.newSpace();
    const two = machine.newSpace();
    const target = section(mm, file);
    const copy = map(mm, one, target, { protect: PAGE_WRITECOPY });
    const other = map(mm, two, target);
    expect(one.vads.find(copy / 4096)?.commitCharge).toBe(3);
    machine.inside(one, (user) => {
      user.writeU8(copy, 0xaa);
      expect(user.readU8(copy + 1)).toBe(content[1]);
      expect(user.readU8(copy + 0x1000)).toBe(content[0x1000]);
      user.writeU8(copy + 0x1000, 0xab);
    });
    machine.inside(two, (user) => {
      expect(user.readU8(other)).toBe(content[0]);
      user.writeU8(other + 2, 0x55);
      expect(user.readU8(other + 0x1000)).toBe(content[0x1000]);
    });
    machine.inside(one, (user) => expect(user.readU8(copy + 2)).toBe(content[2]));
    const frame = pteFrame(mm.words[findPte(mm, one, copy)]!);
    expect([mm.pfn.originalLo[frame], mm.pfn.originalHi[frame]]).toEqual([MM_READWRITE << 5, 0]);
    expect(mm.counters.copyOnWrite).toBe(2);
    verify(mm);
    close(machine, one);
    close(machine, two);
    const expected = content.slice();
    expected[2] = 0x55;
    expect(file.bytes).toEqual(expected);
    verify(mm);
  });

  it('keep what was written before a page became copy-on-write', () => {
    const machine = memoryMachine(4);
    const { mm, user } = machine;
    const file = new MemoryFile(content.slice());
    const space = machine.newSpace();
    attach(mm, space);
    const at = map(mm, space, section(mm, file));
    user.writeU8(at, 0xaa);
    const request = { baseAddress: at, regionSize: 1 };
    expect(protectVirtualMemory(mm, space, request, PAGE_WRITECOPY, { oldProtect: 0 })).toBe(
      nt.STATUS_SUCCESS,
    );
    user.writeU8(at, 0xbb);
    unmapViewOfSection(mm, space, at);
    expect(file.bytes[0]).toBe(0xaa);
    verify(mm);
  });

  it('agree with reads and writes of the file', () => {
    const machine = memoryMachine(4);
    const { mm } = machine;
    const file = new MemoryFile(content.slice());
    const space = machine.newSpace();
    const target = section(mm, file);
    const at = map(mm, space, target);
    const read = (offset: number, length: number) => {
      const target = new Uint8Array(length);
      return target.subarray(0, readMappedFile(mm, file, offset, target));
    };
    machine.inside(space, (user) => {
      user.writeU16(at + 0xfff, 0xbeef);
      expect(read(0xffe, 4)).toEqual(Uint8Array.of(content[0xffe]!, 0xef, 0xbe, content[0x1001]!));
      expect(read(0x2300, 1000)).toEqual(content.subarray(0x2300));
      writeMappedFile(mm, file, 0x1fff, Uint8Array.of(1, 2, 3));
      expect(user.readBytes(at + 0x1fff, 3)).toEqual(Uint8Array.of(1, 2, 3));
      user.fill(at + 0x2345, 0x20, 0x99);
      writeMappedFile(mm, file, 0x2350, Uint8Array.of(7));
      expect(user.readBytes(at + 0x2344, 13)).toEqual(
        Uint8Array.of(content[0x2344]!, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7),
      );
    });
    expect(file.size).toBe(0x2351);
    expect(setMappedFileSize(mm, file, 0x1000)).toBe(nt.STATUS_USER_MAPPED_FILE);
    expect(setMappedFileSize(mm, file, 0x2348)).toBe(nt.STATUS_SUCCESS);
    expect(setMappedFileSize(mm, file, 0x6000)).toBe(nt.STATUS_SUCCESS);
    machine.inside(space, (user) => expect(user.readU8(at + 0x2350)).toBe(0));
    verify(mm);
    close(machine, space);
    expect([...file.bytes.subarray(0xffe, 0x1002)]).toEqual([content[0xffe], 0xef, 0xbe, content[0x1001]]);
    expect(file.bytes[0x2350]).toBe(0);
  });

  it('move their prototype PTEs when the file grows under existing views', () => {
    const machine = memoryMachine(4);
    const { mm } = machine;
    const file = new MemoryFile(content.slice());
    const space = machine.newSpace();
    const small = section(mm, file);
    const at = map(mm, space, small);
    attach(mm, space);
    machine.user.writeU8(at, 0x11);
    machine.user.writeU8(at + 0x1000, 0x22);
    trimPage(mm, space, findPte(mm, space, at), at, MM_READWRITE);
    verify(mm);
    const large = section(mm, file, 0x300000);
    verify(mm);
    expect(large.controlArea).toBe(small.controlArea);
    const there = map(mm, space, large);
    expect([machine.user.readU8(at), machine.user.readU8(there + 0x1000)]).toEqual([0x11, 0x22]);
    machine.user.writeU8(there + 0x2fffff, 0x33);
    verify(mm);
    close(machine, space);
    expect([file.bytes[0], file.bytes[0x1000], file.bytes[0x2fffff]]).toEqual([0x11, 0x22, 0x33]);
    deleteSection(mm, small);
    deleteSection(mm, large);
    detach(mm);
    verify(mm);
  });

  it('raise an in-page error when the host cannot read, and keep what it cannot write', () => {
    const machine = memoryMachine(4);
    const { mm } = machine;
    const file = new MemoryFile(content.slice());
    const space = machine.newSpace();
    const target = section(mm, file);
    const at = map(mm, space, target);
    attach(mm, space);
    file.failing = true;
    expect(faultStatus(() => machine.user.writeU8(at, 1))).toBe(nt.STATUS_IN_PAGE_ERROR);
    expect(mm.sections.inPageStatus).toBe(nt.STATUS_FILE_CORRUPT_ERROR);
    verify(mm);
    file.failing = false;
    machine.user.writeU8(at, 1);
    file.failing = true;
    unmapViewOfSection(mm, space, at);
    expect(mm.lists.count[FRAME_MODIFIED]).toBe(1);
    verify(mm);
    file.failing = false;
    deleteSection(mm, target);
    expect(file.bytes[0]).toBe(1);
  });

  it('are written page by page as their last view goes, whatever else is mapped', () => {
    const machine = memoryMachine(4);
    const { mm } = machine;
    const file = new MemoryFile(new Uint8Array(0x30000));
    const space = machine.newSpace();
    attach(mm, space);
    const target = section(mm, file);
    const whole = map(mm, space, target);
    const part = map(mm, space, target, { sectionOffset: 0x10000, viewSize: 0x10000 });
    machine.user.writeU8(part, 1);
    machine.user.writeU8(part + 0x1000, 2);
    machine.user.readU8(whole + 0x10000);
    unmapViewOfSection(mm, space, part);
    expect([file.bytes[0x10000], file.bytes[0x11000], file.writes]).toEqual([0, 2, 1]);
    unmapViewOfSection(mm, space, whole);
    expect([file.bytes[0x10000], file.writes]).toEqual([1, 2]);
    expect(mm.nonpagedPool.tags.get('Vad ')).toMatchObject({ allocations: 2, frees: 2, charged: 0 });
    verify(mm);
  });

  it('larger than RAM can be written through moving views', () => {
    const machine = memoryMachine(2, 1, 0);
    const { mm } = machine;
    const file = new MemoryFile(new Uint8Array(4 << 20));
    const target = section(mm, file);
    const space = machine.newSpace();
    attach(mm, space);
    for (let offset = 0; offset < 4 << 20; offset += 0x40000) {
      const at = map(mm, space, target, { sectionOffset: offset, viewSize: 0x40000 });
      for (let page = 0; page < 64; page++) machine.user.writeU32(at + page * 4096, offset + page);
      const keep = map(mm, space, target, { viewSize: 0x10000, sectionOffset: 0 });
      unmapViewOfSection(mm, space, at);
      unmapViewOfSection(mm, space, keep);
    }
    close(machine, space);
    const words = new Uint32Array(file.bytes.buffer);
    for (let page = 0; page < 1024; page++) {
      expect(words[page * 1024]).toBe((page >> 6) * 0x40000 + (page & 63));
    }
    verify(mm);
  });
});
