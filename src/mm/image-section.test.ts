import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  PAGE_EXECUTE,
  PAGE_EXECUTE_READ,
  PAGE_READONLY,
  PAGE_READWRITE,
  SEC_FILE,
  SEC_IMAGE,
} from '../base/memory-constants.js';
import * as nt from '../base/ntstatus.js';
import * as pe from '../pe/pe-constants.js';
import { parsePeImage } from '../pe/pe-image.js';
import { MemoryFile } from '../testing/memory-file.js';
import { memoryMachine } from '../testing/memory-machine.js';
import { buildPe, relocationBlocks, STACK_RESERVE, type TestImage } from '../testing/pe-builder.js';
import { below, mulberry32, seedFor } from '../testing/seed.js';
import { attach, deleteAddressSpace, detach } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { availableFrames } from './page-lists.js';
import { findPte } from './page-tables.js';
import { protectVirtualMemory } from './protect-virtual-memory.js';
import { pteFrame } from './pte.js';
import { createSection, deleteSection, querySection, type Section } from './section.js';
import { mapViewOfSection, unmapAllViews, unmapViewOfSection, type ViewRequest } from './section-view.js';
import { deleteUnusedSegments } from './unused-segments.js';
import { GuestFault } from './user-memory.js';
import { verify } from './verify.js';

const RX = pe.IMAGE_SCN_MEM_READ | pe.IMAGE_SCN_MEM_EXECUTE;
const RW = pe.IMAGE_SCN_MEM_READ | pe.IMAGE_SCN_MEM_WRITE;
const BASE = 0x140000000;
const HIGH_ENTROPY = pe.IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE | pe.IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA;

/** Fix-ups at 0x1008, 0x1ffc (over a page end) and in .data. */
function sample(changes: Partial<TestImage> = {}): TestImage {
  const text = new Uint8Array(0x1800).fill(0x90);
  const view = new DataView(text.buffer);
  view.setBigUint64(8, BigInt(BASE + 0x1234), true);
  view.setBigUint64(0xffc, BigInt(BASE + 0x3456), true);
  const data = new Uint8Array(0x220).fill(0x41);
  new DataView(data.buffer).setBigUint64(0, BigInt(BASE + 0x5678), true);
  const reloc = relocationBlocks([0x1008, 0x1ffc, 0x3000], pe.IMAGE_REL_BASED_DIR64);
  return {
    sections: [
      { name: '.text', characteristics: RX, data: text },
      { name: '.data', characteristics: RW, data, virtualSize: 0x2800 },
      { name: '.share', characteristics: RW | pe.IMAGE_SCN_MEM_SHARED, data: Uint8Array.of(5, 6) },
      { name: '.reloc', characteristics: pe.IMAGE_SCN_MEM_READ, data: reloc },
    ],
    directories: { 5: [0x7000, reloc.length] },
    dllCharacteristics: 0,
    ...changes,
  };
}

function imageSection(mm: MemoryManager, file: MemoryFile): Section | number {
  const out: { section: Section | null } = { section: null };
  const request = { file, maximumSize: 0, pageProtection: PAGE_EXECUTE, allocationAttributes: SEC_IMAGE };
  const status = createSection(mm, request, out);
  return out.section ?? status;
}

function open(mm: MemoryManager, image: TestImage, name = 'a.exe'): Section {
  const made = imageSection(mm, new MemoryFile(buildPe(image), name, false));
  if (typeof made === 'number') throw new Error(made.toString(16));
  return made;
}

function view(changes: Partial<ViewRequest> = {}): ViewRequest {
  return {
    baseAddress: 0,
    viewSize: 0,
    sectionOffset: 0,
    allocationType: 0,
    protect: PAGE_READONLY,
    ...changes,
  };
}

function isViolation(action: () => unknown): boolean {
  try {
    action();
    return false;
  } catch (error) {
    if (error instanceof GuestFault) return error.status === nt.STATUS_ACCESS_VIOLATION;
    throw error;
  }
}

describe('image sections', () => {
  it('map headers and sections with their own protections and contents', () => {
    const machine = memoryMachine(4);
    const { mm, user } = machine;
    const target = open(mm, sample());
    const space = machine.newSpace();
    attach(mm, space);
    const request = view();
    expect(mapViewOfSection(mm, space, target, request)).toBe(nt.STATUS_SUCCESS);
    expect([request.baseAddress, request.viewSize]).toEqual([BASE, 0x8000]);
    expect(user.readU16(BASE)).toBe(0x5a4d);
    expect(user.readPointer(BASE + 0x1008)).toBe(BASE + 0x1234);
    expect(user.readPointer(BASE + 0x1ffc)).toBe(BASE + 0x3456);
    expect(user.readU8(BASE + 0x27ff)).toBe(0x90);
    expect(user.readU8(BASE + 0x2800)).toBe(0);
    expect(user.readU8(BASE + 0x321f)).toBe(0x41);
    expect(user.readBytes(BASE + 0x3400, 0x2400)).toEqual(new Uint8Array(0x2400));
    expect(isViolation(() => user.writeU8(BASE + 0x1000, 1))).toBe(true);
    expect(isViolation(() => user.writeU8(BASE, 1))).toBe(true);
    expect(space.vads.find(BASE / 4096)?.commitCharge).toBe(3);
    user.writeU8(BASE + 0x3008, 7);
    user.writeU8(BASE + 0x4008, 8);
    user.writeU8(BASE + 0x5008, 9);
    expect([user.readU8(BASE + 0x3008), user.readU8(BASE + 0x3009)]).toEqual([7, 0x41]);
    verify(mm);
    const before = mm.counters.imageRead;
    const second = machine.newSpace();
    attach(mm, second);
    mapViewOfSection(mm, second, target, view());
    expect([user.readU8(BASE + 0x3008), user.readU8(BASE + 0x4008), user.readU8(BASE + 0x1000)]).toEqual([
      0x41, 0, 0x90,
    ]);
    expect(mm.counters.imageRead).toBe(before);
    verify(mm);
  });

  it('give a private copy of code that is made writable', () => {
    const machine = memoryMachine(4);
    const { mm, user } = machine;
    const target = open(mm, sample());
    const spaces = [machine.newSpace(), machine.newSpace()] as const;
    for (const space of spaces) mapViewOfSection(mm, space, target, view());
    attach(mm, spaces[0]);
    expect(user.readU8(BASE + 0x1100)).toBe(0x90);
    const protect = (newProtect: number) => {
      const out = { oldProtect: 0 };
      const request = { baseAddress: BASE + 0x1000, regionSize: 0x1000 };
      expect(protectVirtualMemory(mm, spaces[0], request, newProtect, out)).toBe(nt.STATUS_SUCCESS);
      return out.oldProtect;
    };
    const charge = () => spaces[0].vads.find(BASE / 4096)?.commitCharge;
    expect([protect(PAGE_READWRITE), charge()]).toEqual([PAGE_EXECUTE_READ, 4]);
    user.writeU8(BASE + 0x1100, 0xc3);
    verify(mm);
    expect([protect(PAGE_EXECUTE_READ), charge()]).toEqual([PAGE_READWRITE, 4]);
    expect(isViolation(() => user.writeU8(BASE + 0x1100, 1))).toBe(true);
    expect(user.readU8(BASE + 0x1100)).toBe(0xc3);
    attach(mm, spaces[1]);
    expect(user.readU8(BASE + 0x1100)).toBe(0x90);
    verify(mm);
    unmapAllViews(mm, spaces[0]);
    verify(mm);
  });

  it('share the writable pages of shared sections', () => {
    const machine = memoryMachine(4);
    const { mm, user } = machine;
    const target = open(mm, sample());
    const spaces = [machine.newSpace(), machine.newSpace()] as const;
    for (const space of spaces) mapViewOfSection(mm, space, target, view());
    attach(mm, spaces[0]);
    user.writeU8(BASE + 0x6000, 0x77);
    unmapViewOfSection(mm, spaces[0], BASE);
    verify(mm);
    attach(mm, spaces[1]);
    expect([user.readU8(BASE + 0x6000), user.readU8(BASE + 0x6001)]).toEqual([0x77, 6]);
    expect(target.controlArea.segment.committedPages).toBe(1);
    verify(mm);
    unmapAllViews(mm, spaces[1]);
    deleteSection(mm, target);
    expect(mm.sections.controlAreas.length).toBe(0);
    verify(mm);
  });

  it('describe themselves', () => {
    const { mm } = memoryMachine(4);
    const target = open(mm, sample());
    expect(querySection(target)).toMatchObject({
      allocationAttributes: SEC_IMAGE | SEC_FILE,
      maximumSize: 0x8000,
      image: { transferAddress: BASE + 0x1000, stackReserve: STACK_RESERVE, subsystem: 3, machine: 0x8664 },
    });
    expect(imageSection(mm, target.controlArea.file as MemoryFile)).toMatchObject({
      controlArea: target.controlArea,
    });
  });

  it('go elsewhere when their base is taken, and say so', () => {
    const machine = memoryMachine(4);
    const { mm, user } = machine;
    const target = open(mm, sample());
    const space = machine.newSpace();
    attach(mm, space);
    expect(mapViewOfSection(mm, space, target, view())).toBe(nt.STATUS_SUCCESS);
    const second = view();
    expect(mapViewOfSection(mm, space, target, second)).toBe(nt.STATUS_IMAGE_NOT_AT_BASE);
    expect(user.readPointer(second.baseAddress + 0x1008)).toBe(BASE + 0x1234);
    const third = view({ baseAddress: 0x2000_0000 });
    expect(mapViewOfSection(mm, space, target, third)).toBe(nt.STATUS_IMAGE_NOT_AT_BASE);
    expect(mapViewOfSection(mm, space, target, third)).toBe(nt.STATUS_CONFLICTING_ADDRESSES);
    verify(mm);
  });

  it('are relocated when read in, across page ends and in the header, and shared so', () => {
    const machine = memoryMachine(4, 7);
    const { mm, user } = machine;
    const target = open(mm, sample({ dllCharacteristics: HIGH_ENTROPY }));
    const base = target.controlArea.segment.image!.base;
    expect(Math.floor(base / 0x1_0000_0000)).toBeGreaterThanOrEqual(0x7ff6);
    expect(Math.floor(base / 0x1_0000_0000)).toBeLessThanOrEqual(0x7ff7);
    expect(base % 0x10000).toBe(0);
    const spaces = [machine.newSpace(), machine.newSpace()] as const;
    for (const space of spaces) {
      expect(mapViewOfSection(mm, space, target, view())).toBe(nt.STATUS_SUCCESS);
      attach(mm, space);
      expect(user.readPointer(base + 0x1ffc)).toBe(base + 0x3456);
      expect(user.readPointer(base + 0x1008)).toBe(base + 0x1234);
      expect(user.readPointer(base + 0x3000)).toBe(base + 0x5678);
      expect(user.readPointer(base + 0x80 + 0x30)).toBe(base);
      expect(user.readU8(base + 0x1010)).toBe(0x90);
    }
    const frames = spaces.map((space) => pteFrame(mm.words[findPte(mm, space, base + 0x1000)]!));
    expect(frames[0]).toBe(frames[1]);
    verify(mm);
    expect(querySection(target).image?.transferAddress).toBe(base + 0x1000);
  });

  it('get bases from the seed, DLLs below one another', () => {
    const bases = (seed: number) => {
      const { mm } = memoryMachine(4, seed);
      const dll = sample({ dll: true, dllCharacteristics: HIGH_ENTROPY, imageBase: 0x180000000 });
      return ['a.dll', 'b.dll'].map((name) => open(mm, dll, name).controlArea.segment.image!.base);
    };
    const [first, second] = bases(3) as [number, number];
    expect(second).toBe(first - 0x10000);
    expect(first).toBeGreaterThan(0x7ff8_0000_0000);
    expect(first).toBeLessThan(0x7fff_ffff_0000);
    expect(bases(3)).toEqual([first, second]);
    expect(bases(4)).not.toEqual([first, second]);
    const { mm } = memoryMachine(4);
    const low = open(mm, sample({ dllCharacteristics: HIGH_ENTROPY, imageBase: 0x400000 }));
    expect(low.controlArea.segment.image!.base).toBeLessThan(0x1400000);
    const stripped = sample({ dllCharacteristics: HIGH_ENTROPY, characteristics: 0x23 });
    expect(open(mm, stripped).controlArea.segment.image!.base).toBe(BASE);
  });

  it('are refused by what is wrong with them', () => {
    const { mm } = memoryMachine(4);
    const refusal = (bytes: Uint8Array) => imageSection(mm, new MemoryFile(bytes));
    expect(refusal(new Uint8Array(0))).toBe(nt.STATUS_INVALID_FILE_FOR_SECTION);
    expect(refusal(new Uint8Array(600))).toBe(nt.STATUS_INVALID_IMAGE_NOT_MZ);
    expect(refusal(buildPe(sample()).slice(0, 0x600))).toBe(nt.STATUS_INVALID_IMAGE_FORMAT);
    const failing = new MemoryFile(buildPe(sample()));
    failing.failing = true;
    expect(imageSection(mm, failing)).toBe(nt.STATUS_FILE_CORRUPT_ERROR);
    expect(mm.sections.controlAreas.length).toBe(0);
    verify(mm);
  });

  it('with small alignment are mapped as they lie in the file', () => {
    const machine = memoryMachine(4);
    const { mm, user } = machine;
    const image: TestImage = {
      sections: [{ name: 'all', characteristics: RX, data: new Uint8Array(0x20).fill(0xc3) }],
      sectionAlignment: 0x200,
      fileAlignment: 0x200,
      dllCharacteristics: 0,
    };
    const target = open(mm, image);
    const space = machine.newSpace();
    attach(mm, space);
    mapViewOfSection(mm, space, target, view());
    expect([user.readU16(BASE), user.readU8(BASE + 0x400)]).toEqual([0x5a4d, 0xc3]);
    user.writeU8(BASE + 0x400, 1);
    verify(mm);
  });
});

const EXAMPLES = new URL('../../examples/bin/', import.meta.url);
const examples = existsSync(EXAMPLES) ? readdirSync(EXAMPLES).filter((name) => name.endsWith('.exe')) : [];

describe('the examples', () => {
  it.each(examples)('%s reads the same through its pages as through the parser', (name) => {
    const machine = memoryMachine(8, 5);
    const { mm, user } = machine;
    const bytes = new Uint8Array(readFileSync(new URL(name, EXAMPLES)));
    const { headers, reader } = parsePeImage(bytes);
    const target = imageSection(mm, new MemoryFile(bytes, name, false)) as Section;
    const { base, fixups } = target.controlArea.segment.image!;
    const space = machine.newSpace();
    attach(mm, space);
    expect(mapViewOfSection(mm, space, target, view())).toBe(nt.STATUS_SUCCESS);
    const expected = new Uint8Array(headers.sizeOfImage);
    for (let rva = 0; rva < expected.length; rva++) expected[rva] = reader.readU8(rva);
    const words = new DataView(expected.buffer);
    for (const rva of fixups?.dir64 ?? []) {
      words.setBigUint64(rva, words.getBigUint64(rva, true) + BigInt(base - headers.imageBase), true);
    }
    let differing = 0;
    const actual = user.readBytes(base, expected.length);
    for (let rva = 0; rva < expected.length; rva++) if (actual[rva] !== expected[rva]) differing++;
    expect(differing).toBe(0);
    verify(mm);
  });
});

describe('hostile images', () => {
  it('are mapped and read, or refused, and leave no frame behind', () => {
    const machine = memoryMachine(4);
    const { mm, user } = machine;
    const random = mulberry32(seedFor('image sections'));
    const original = buildPe(sample({ dllCharacteristics: HIGH_ENTROPY }));
    const keep = machine.newSpace();
    const run = (bytes: Uint8Array): boolean => {
      const made = imageSection(mm, new MemoryFile(bytes));
      if (typeof made === 'number') return false;
      const space = machine.newSpace();
      attach(mm, space);
      const request = view();
      if (mapViewOfSection(mm, space, made, request) < 0x8000_0000) {
        for (let page = 0; page < Math.min(64, request.viewSize / 4096); page++) {
          isViolation(() => user.readU8(request.baseAddress + page * 4096));
          isViolation(() => user.writeU8(request.baseAddress + page * 4096, 1));
        }
      }
      verify(mm);
      unmapAllViews(mm, space);
      deleteAddressSpace(mm, space);
      deleteSection(mm, made);
      return true;
    };
    run(original);
    deleteUnusedSegments(mm, 0);
    attach(mm, keep);
    const free = availableFrames(mm) + mm.systemPages;
    let mapped = 0;
    for (let round = 0; round < 1500; round++) {
      const bytes = original.slice();
      const view = new DataView(bytes.buffer);
      for (let count = 1 + below(random, 4); count > 0; count--) {
        const at = random() % 4 === 0 ? below(random, bytes.length - 4) : 0x80 + below(random, 0x1b0);
        if (random() % 2 === 0) view.setUint8(at, random());
        else view.setUint32(at & ~3, [0, 1, 0x1000, 0x10000, 0x7fffffff, 0xffffffff][random() % 6]!, true);
      }
      if (run(bytes)) mapped++;
    }
    expect(mapped).toBeGreaterThan(100);
    detach(mm);
    deleteUnusedSegments(mm, 0);
    const report = verify(mm);
    expect(report.prototypePtes).toBe(0);
    expect(availableFrames(mm) + mm.systemPages).toBe(free);
  });
});
