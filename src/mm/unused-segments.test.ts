/** Segments of files between their last use and the next. */
import { describe, expect, it } from 'vitest';
import {
  PAGE_EXECUTE_READ,
  PAGE_READONLY,
  PAGE_READWRITE,
  SEC_COMMIT,
  SEC_IMAGE,
} from '../base/memory-constants.js';
import { STATUS_SUCCESS, STATUS_USER_MAPPED_FILE } from '../base/ntstatus.js';
import { MemoryFile } from '../testing/memory-file.js';
import { buildPe } from '../testing/pe-builder.js';
import { createTestMachine, type TestMachine } from '../testing/small-machine.js';
import { readMappedFile, setMappedFileSize, writeMappedFile } from './mapped-file.js';
import { allocateFrame, returnUnusedFrame } from './page-lists.js';
import { createSection, deleteSection, type Section } from './section.js';
import { mapViewOfSection, unmapViewOfSection } from './section-view.js';
import { runSystemThreads } from './threads/run-system-threads.js';
import {
  deleteUnusedSegments,
  flushImageSection,
  forceSectionClosed,
  MOST_UNUSED_SEGMENTS,
} from './unused-segments.js';
import { verify } from './verify.js';

const PAGES = 5;
const content = () => new Uint8Array(PAGES * 4096).map((_, at) => (at >>> 12) * 16 + (at & 15));

function sectionOf({ mm }: TestMachine, file: MemoryFile, image = false): Section {
  const out: { section: Section | null } = { section: null };
  const request = {
    file,
    maximumSize: 0,
    pageProtection: image ? PAGE_EXECUTE_READ : PAGE_READWRITE,
    allocationAttributes: image ? SEC_IMAGE : SEC_COMMIT,
  };
  expect(createSection(mm, request, out)).toBe(STATUS_SUCCESS);
  return out.section!;
}

function mapped({ mm, space }: TestMachine, section: Section): number {
  const request = {
    baseAddress: 0,
    viewSize: 0,
    sectionOffset: 0,
    allocationType: 0,
    protect: section.controlArea.isImage ? PAGE_READONLY : PAGE_READWRITE,
  };
  expect(mapViewOfSection(mm, space, section, request)).toBe(STATUS_SUCCESS);
  return request.baseAddress;
}

/** Maps the file, touches its pages and lets go of it. */
function useFile(machine: TestMachine, file: MemoryFile, write = -1, image = false): void {
  const { mm, space, user } = machine;
  const section = sectionOf(machine, file, image);
  const at = mapped(machine, section);
  for (let page = 0; page < Math.min(PAGES, section.controlArea.segment.pageCount); page++)
    user.readU8(at + page * 4096);
  if (write >= 0) user.writeU8(at + write, 0xee);
  deleteSection(mm, section);
  expect(unmapViewOfSection(mm, space, at)).toBe(STATUS_SUCCESS);
}

const image = () =>
  new MemoryFile(
    buildPe({
      sections: [{ name: '.text', characteristics: 0x6000_0020, data: new Uint8Array(0x1800).fill(0xcc) }],
      imageBase: 0x1_4000_0000,
      dllCharacteristics: 0,
    }),
  );

describe('a segment that nobody uses', () => {
  it('stays with its pages on standby, so that the next use has soft faults', () => {
    const machine = createTestMachine(256);
    const { mm } = machine;
    const file = new MemoryFile(content());
    useFile(machine, file, 0x1234);
    expect(file.bytes[0x1234]).toBe(0xee);
    const first = file.dataControlArea;
    expect([mm.sections.unused.length, mm.lists.standbyCount]).toEqual([1, PAGES]);
    verify(mm);
    const { reads } = file;
    const { hard } = mm.counters;
    useFile(machine, file);
    expect([file.reads, mm.counters.hard]).toEqual([reads, hard]);
    expect(file.dataControlArea).toBe(first);
    expect(mm.sections.unused).toEqual([first]);
    verify(mm);
  });

  it('is an image too, based where it was', () => {
    const machine = createTestMachine(256);
    const { mm } = machine;
    const file = image();
    useFile(machine, file, -1, true);
    const { hard } = mm.counters;
    const base = file.imageControlArea!.segment.image!.base;
    useFile(machine, file, -1, true);
    expect(mm.counters.hard).toBe(hard);
    expect(file.imageControlArea!.segment.image!.base).toBe(base);
    verify(mm);
  });

  it('agrees with reads and writes of the file', () => {
    const machine = createTestMachine(256);
    const { mm } = machine;
    const file = new MemoryFile(content());
    useFile(machine, file);
    writeMappedFile(mm, file, 0x2010, Uint8Array.of(1, 2, 3));
    const read = new Uint8Array(3);
    readMappedFile(mm, file, 0x2010, read);
    expect([...read]).toEqual([1, 2, 3]);
    const at = mapped(machine, sectionOf(machine, file));
    expect(machine.user.readU8(at + 0x2011)).toBe(2);
    verify(mm);
  });

  it('loses the pages that are cut off, which a used one prevents', () => {
    const machine = createTestMachine(256);
    const { mm } = machine;
    const file = new MemoryFile(content());
    useFile(machine, file);
    const section = sectionOf(machine, file);
    expect(setMappedFileSize(mm, file, 100)).toBe(STATUS_USER_MAPPED_FILE);
    expect(forceSectionClosed(mm, file)).toBe(false);
    deleteSection(mm, section);
    expect(setMappedFileSize(mm, file, 100)).toBe(STATUS_SUCCESS);
    expect([file.size, mm.lists.standbyCount]).toEqual([100, 1]);
    verify(mm);
    expect(forceSectionClosed(mm, file)).toBe(true);
    expect(mm.sections.controlAreas).toEqual([]);
    verify(mm);
  });

  it('of an image goes when the file is written to', () => {
    const machine = createTestMachine(256);
    const { mm, space } = machine;
    const file = image();
    const section = sectionOf(machine, file, true);
    expect(flushImageSection(mm, file)).toBe(false);
    deleteSection(mm, section);
    const data = sectionOf(machine, file);
    const at = mapped(machine, data);
    expect(file.imageControlArea).not.toBeNull();
    machine.user.writeU8(at + 0x60, 7);
    expect(unmapViewOfSection(mm, space, at)).toBe(STATUS_SUCCESS);
    expect(file.imageControlArea).toBeNull();
    useFile(machine, file, -1, true);
    writeMappedFile(mm, file, 0x61, Uint8Array.of(8));
    expect(file.imageControlArea).toBeNull();
    verify(mm);
  });

  it('goes when there are too many, the oldest first', () => {
    const machine = createTestMachine(512);
    const { mm } = machine;
    const files = Array.from({ length: MOST_UNUSED_SEGMENTS + 1 }, () => new MemoryFile(content()));
    const deleted: string[] = [];
    mm.events.attach(({ kind, tid }) => {
      if (kind === 'segment-delete') deleted.push(`${kind} ${tid}`);
    });
    for (const file of files.slice(0, -1)) useFile(machine, file);
    expect(mm.systemThreads.dereferenceSegment.ready).toBe(false);
    useFile(machine, files.at(-1)!);
    expect(mm.systemThreads.dereferenceSegment.ready).toBe(true);
    runSystemThreads(mm, 17);
    expect(deleted).toEqual(['segment-delete 24']);
    expect(files.map((file) => file.dataControlArea === null).indexOf(false)).toBe(1);
    expect(mm.sections.unusedDeleted).toBe(true);
    verify(mm);
  });

  it('goes when no frame and no pool is left', () => {
    const machine = createTestMachine(256);
    const { mm } = machine;
    useFile(machine, new MemoryFile(content()));
    const taken: number[] = [];
    while (mm.sections.unused.length > 0) taken.push(allocateFrame(mm));
    expect(taken.at(-1)).toBeGreaterThan(0);
    for (const frame of taken) returnUnusedFrame(mm, frame);
    verify(mm);
    useFile(machine, new MemoryFile(content()));
    const pool: number[] = [];
    for (let at = -1; at !== 0; ) {
      at = mm.nonpagedPool.allocate(4096, 'Test');
      if (at !== 0) pool.push(at);
    }
    expect(mm.sections.unused).toEqual([]);
    for (const at of pool) mm.nonpagedPool.free(at);
    verify(mm);
  });

  it('keeps what the host refused to take until it takes it', () => {
    const machine = createTestMachine(256);
    const { mm, space, user } = machine;
    const file = new MemoryFile(content());
    const section = sectionOf(machine, file);
    const at = mapped(machine, section);
    user.writeU8(at + 0x1003, 0xee);
    file.failing = true;
    deleteSection(mm, section);
    unmapViewOfSection(mm, space, at);
    expect(deleteUnusedSegments(mm, 0)).toBe(0);
    expect(mm.lists.modifiedMapped).toBe(1);
    verify(mm);
    file.failing = false;
    expect(deleteUnusedSegments(mm, 0)).toBe(1);
    expect(file.bytes[0x1003]).toBe(0xee);
    verify(mm);
  });
});
