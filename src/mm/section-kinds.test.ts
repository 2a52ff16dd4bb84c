/** Views beyond the ordinary: longer than their file's section, of images that are not executed, with a fixed protection. */
import { describe, expect, it } from 'vitest';
import {
  MEM_COMMIT,
  MEM_IMAGE,
  MEM_RESERVE,
  PAGE_EXECUTE_READ,
  PAGE_READONLY,
  PAGE_READWRITE,
  PAGE_WRITECOPY,
  SEC_COMMIT,
  SEC_IMAGE,
  SEC_IMAGE_NO_EXECUTE,
  SEC_NO_CHANGE,
} from '../base/memory-constants.js';
import * as nt from '../base/ntstatus.js';
import { ACCESS_EXECUTE, ACCESS_USER } from '../machine/cpu/layout.js';
import * as pe from '../pe/pe-constants.js';
import { MemoryFile } from '../testing/memory-file.js';
import { memoryMachine } from '../testing/memory-machine.js';
import { buildPe } from '../testing/pe-builder.js';
import type { BackingFile } from './backing-file.js';
import { writeCachedFile } from './file-cache.js';
import { lockVirtualMemory } from './lock-memory.js';
import { setMappedFileSize } from './mapped-file.js';
import { queryImage } from './query-region.js';
import { queryWorkingSetEx } from './query-working-set.js';
import { createSection, extendSection, querySection, type Section } from './section.js';
import { flushVirtualMemory, mapViewOfSection, unmapViewOfSection } from './section-view.js';
import { GuestFault } from './user-memory.js';
import { verify } from './verify.js';
import {
  allocateVirtualMemory,
  emptyBasicInformation,
  protectVirtualMemory,
  queryVirtualMemory,
} from './virtual-memory.js';

const PAGE = 4096;

function make() {
  const machine = memoryMachine(8);
  const { mm } = machine;
  const space = machine.newSpace();
  const create = (file: BackingFile | null, protect: number, attributes = SEC_COMMIT, size = 0) => {
    const out: { section: Section | null } = { section: null };
    const status = createSection(
      mm,
      { file, maximumSize: size, pageProtection: protect, allocationAttributes: attributes },
      out,
    );
    return out.section ?? status;
  };
  const map = (section: Section, protect: number, allocationType = 0, viewSize = 0) => {
    const request = { baseAddress: 0, viewSize, sectionOffset: 0, allocationType, protect };
    const status = mapViewOfSection(mm, space, section, request);
    return status === nt.STATUS_SUCCESS || status === nt.STATUS_IMAGE_NOT_AT_BASE
      ? request.baseAddress
      : status;
  };
  const protect = (baseAddress: number, protection: number) =>
    protectVirtualMemory(mm, space, { baseAddress, regionSize: PAGE }, protection, { oldProtect: 0 });
  const query = (address: number) => {
    const out = emptyBasicInformation();
    queryVirtualMemory(mm, space, address, out);
    return out;
  };
  return { ...machine, space, create, map, protect, query };
}

describe('a view that is longer than its file’s section', () => {
  it('shows what is added to the section', () => {
    const { mm, space, create, map, query, inside } = make();
    const file = new MemoryFile(new Uint8Array(PAGE + 100).fill(1));
    const section = create(file, PAGE_READWRITE) as Section;
    expect(map(section, PAGE_READWRITE, 0, 8 * PAGE)).toBe(nt.STATUS_INVALID_VIEW_SIZE);
    const at = map(section, PAGE_READWRITE, MEM_RESERVE, 8 * PAGE);
    const state = (page: number) => {
      const { state: kind, regionSize } = query(at + page * PAGE);
      return [kind, regionSize / PAGE];
    };
    expect([state(0), state(2)]).toEqual([
      [MEM_COMMIT, 2],
      [MEM_RESERVE, 6],
    ]);
    inside(space, (user) => {
      user.writeU32(at + PAGE, 7);
      expect(() => user.readU32(at + 2 * PAGE)).toThrow(GuestFault);
    });
    verify(mm);
    expect(extendSection(mm, section, 5 * PAGE)).toBe(nt.STATUS_SUCCESS);
    expect([state(0), state(5)]).toEqual([
      [MEM_COMMIT, 5],
      [MEM_RESERVE, 3],
    ]);
    inside(space, (user) => {
      expect(user.readU32(at + PAGE)).toBe(7);
      user.writeU32(at + 4 * PAGE, 9);
      expect(() => user.readU32(at + 5 * PAGE)).toThrow(GuestFault);
    });
    verify(mm);
    const out = { bytesWritten: 0 };
    expect(flushVirtualMemory(mm, space, { baseAddress: at, regionSize: 0 }, out)).toBe(nt.STATUS_SUCCESS);
    expect([file.bytes.length, file.bytes[PAGE], file.bytes[4 * PAGE]]).toEqual([5 * PAGE, 7, 9]);
    inside(space, (user) => user.writeU32(at, 3));
    expect(unmapViewOfSection(mm, space, at + 7 * PAGE)).toBe(nt.STATUS_SUCCESS);
    expect(file.bytes[0]).toBe(3);
    verify(mm);
  });

  it('keeps its file from being cut where the section was extended', () => {
    const { mm, space, create, map, inside } = make();
    const file = new MemoryFile(new Uint8Array(PAGE));
    const section = create(file, PAGE_READWRITE) as Section;
    expect(extendSection(mm, section, 5 * PAGE)).toBe(nt.STATUS_SUCCESS);
    const at = map(section, PAGE_READWRITE);
    inside(space, (user) => user.writeU32(at + 4 * PAGE, 9));
    expect(setMappedFileSize(mm, file, 2 * PAGE)).toBe(nt.STATUS_USER_MAPPED_FILE);
    inside(space, (user) => expect(user.readU32(at + 4 * PAGE)).toBe(9));
    verify(mm);
  });

  it('does not show what writes to the file alone add', () => {
    const { mm, space, create, map, query, inside } = make();
    const file = new MemoryFile(new Uint8Array(PAGE));
    const section = create(file, PAGE_READWRITE) as Section;
    const at = map(section, PAGE_READWRITE, MEM_RESERVE, 8 * PAGE);
    writeCachedFile(mm, file, 0, new Uint8Array(3 * PAGE).fill(5));
    expect(query(at + PAGE).state).toBe(MEM_RESERVE);
    inside(space, (user) => {
      expect(user.readU32(at)).toBe(0x05050505);
      for (const page of [1, 2, 7]) expect(() => user.readU32(at + page * PAGE)).toThrow(GuestFault);
    });
    expect(setMappedFileSize(mm, file, PAGE)).toBe(nt.STATUS_SUCCESS);
    verify(mm);
    expect(extendSection(mm, section, 2 * PAGE)).toBe(nt.STATUS_SUCCESS);
    inside(space, (user) => expect(user.readU32(at + PAGE)).toBe(0));
    verify(mm);
  });

  it('is described at once, however long it is', () => {
    const { mm, create, map, query } = make();
    const section = create(new MemoryFile(new Uint8Array(2 * PAGE)), PAGE_READWRITE) as Section;
    const bytes = 2 ** 46;
    const at = map(section, PAGE_READWRITE, MEM_RESERVE, bytes);
    expect(query(at)).toMatchObject({ state: MEM_COMMIT, regionSize: 2 * PAGE });
    const rest = { state: MEM_RESERVE, regionSize: bytes - 3 * PAGE, protect: 0 };
    expect(query(at + 3 * PAGE)).toMatchObject(rest);
    verify(mm);
  });

  it('has nothing beyond it that services could use', () => {
    const { mm, space, create, map, protect } = make();
    const section = create(new MemoryFile(new Uint8Array(PAGE)), PAGE_READWRITE) as Section;
    const at = map(section, PAGE_READWRITE, MEM_RESERVE, 4 * PAGE);
    const beyond = () => ({ baseAddress: at + 2 * PAGE, regionSize: PAGE });
    expect(protect(at + 2 * PAGE, PAGE_READONLY)).toBe(nt.STATUS_NOT_COMMITTED);
    expect(allocateVirtualMemory(mm, space, beyond(), MEM_COMMIT, PAGE_READWRITE)).toBe(
      nt.STATUS_ALREADY_COMMITTED,
    );
    expect(lockVirtualMemory(mm, space, beyond())).toBe(nt.STATUS_ACCESS_VIOLATION);
    expect(queryWorkingSetEx(mm, space, at + 2 * PAGE)).toBe(0);
    verify(mm);
  });

  it('is of a data file', () => {
    const { create, map } = make();
    const section = create(null, PAGE_READWRITE, SEC_COMMIT, PAGE) as Section;
    expect(map(section, PAGE_READWRITE, MEM_RESERVE, 4 * PAGE)).toBe(nt.STATUS_INVALID_PARAMETER_9);
  });
});

describe('an image that is not executed', () => {
  const RX = pe.IMAGE_SCN_MEM_READ | pe.IMAGE_SCN_MEM_EXECUTE;
  const RW = pe.IMAGE_SCN_MEM_READ | pe.IMAGE_SCN_MEM_WRITE;
  const image = () =>
    new MemoryFile(
      buildPe({
        sections: [
          { name: '.text', characteristics: RX, data: new Uint8Array(16).fill(0x90) },
          { name: '.data', characteristics: RW, data: new Uint8Array(16).fill(0x41) },
        ],
      }),
      'C:\\app\\a.dll',
      false,
    );

  it('is mapped as an image without the right to fetch instructions', () => {
    const { mm, space, create, map, protect, query, inside } = make();
    const file = image();
    const section = create(file, PAGE_READONLY, SEC_IMAGE_NO_EXECUTE) as Section;
    expect(querySection(section).allocationAttributes & SEC_IMAGE_NO_EXECUTE).toBe(SEC_IMAGE_NO_EXECUTE);
    const at = map(section, PAGE_READONLY);
    const text = at + PAGE;
    expect(query(text)).toMatchObject({
      type: MEM_IMAGE,
      protect: PAGE_READONLY,
      allocationProtect: PAGE_WRITECOPY,
    });
    expect(query(at + 2 * PAGE).protect).toBe(PAGE_WRITECOPY);
    inside(space, (user) => {
      expect(user.readU8(text)).toBe(0x90);
      user.writeU8(at + 2 * PAGE, 1);
      expect(mm.processor.translate(text, ACCESS_EXECUTE | ACCESS_USER)).toBe(0);
    });
    expect(query(at + 2 * PAGE).protect).toBe(PAGE_READWRITE);
    expect(protect(text, PAGE_EXECUTE_READ)).toBe(nt.STATUS_SECTION_PROTECTION);
    const about = { imageBase: 0, sizeOfImage: 0, isPartial: false, isNotExecutable: false };
    expect(queryImage(space, text, about)).toBe(nt.STATUS_SUCCESS);
    expect(about).toMatchObject({ imageBase: at, isNotExecutable: true });
    const other = create(file, PAGE_READONLY, SEC_IMAGE) as Section;
    const executable = map(other, PAGE_READONLY);
    expect(query(executable + PAGE).protect).toBe(PAGE_EXECUTE_READ);
    inside(space, (user) => {
      user.readU8(executable + PAGE);
      expect(mm.processor.translate(executable + PAGE, ACCESS_EXECUTE | ACCESS_USER)).not.toBe(0);
    });
    verify(mm);
  });

  it('is asked for with read-only protection and nothing else', () => {
    const { create } = make();
    expect(create(image(), PAGE_EXECUTE_READ, SEC_IMAGE_NO_EXECUTE)).toBe(nt.STATUS_INVALID_PAGE_PROTECTION);
    expect(create(image(), PAGE_READONLY, SEC_IMAGE_NO_EXECUTE | SEC_COMMIT)).toBe(
      nt.STATUS_INVALID_PARAMETER_6,
    );
  });
});

describe('SEC_NO_CHANGE', () => {
  it('keeps the protection of views', () => {
    const { mm, create, map, protect } = make();
    const fixed = create(null, PAGE_READWRITE, SEC_COMMIT | SEC_NO_CHANGE, PAGE) as Section;
    const free = create(null, PAGE_READWRITE, SEC_COMMIT, PAGE) as Section;
    expect(protect(map(fixed, PAGE_READWRITE), PAGE_READONLY)).toBe(nt.STATUS_INVALID_PAGE_PROTECTION);
    expect(protect(map(free, PAGE_READWRITE, SEC_NO_CHANGE), PAGE_READONLY)).toBe(
      nt.STATUS_INVALID_PAGE_PROTECTION,
    );
    expect(protect(map(free, PAGE_READWRITE), PAGE_READONLY)).toBe(nt.STATUS_SUCCESS);
    verify(mm);
  });
});
