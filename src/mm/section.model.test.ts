import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  PAGE_GUARD,
  PAGE_NOACCESS,
  PAGE_READONLY,
  PAGE_READWRITE,
  PAGE_WRITECOPY,
  SEC_COMMIT,
} from '../base/memory-constants.js';
import {
  STATUS_ACCESS_VIOLATION,
  STATUS_GUARD_PAGE_VIOLATION,
  STATUS_SECTION_PROTECTION,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import { MemoryFile } from '../testing/memory-file.js';
import { type MemoryMachine, memoryMachine } from '../testing/memory-machine.js';
import { type AddressSpace, attach, deleteAddressSpace } from './address-space.js';
import { flushMappedFile, readMappedFile, writeMappedFile } from './mapped-file.js';
import { allocateFrame, availableFrames, returnUnusedFrame } from './page-lists.js';
import { findPte } from './page-tables.js';
import { protectVirtualMemory } from './protect-virtual-memory.js';
import { PTE_VALID, validProtection } from './pte.js';
import { trimPage } from './pte-deletion.js';
import { queryVirtualMemory } from './query-virtual-memory.js';
import { createSection, deleteSection, type Section } from './section.js';
import { flushVirtualMemory, mapViewOfSection, unmapAllViews, unmapViewOfSection } from './section-view.js';
import { deleteUnusedSegments } from './unused-segments.js';
import { GuestFault } from './user-memory.js';
import { verify } from './verify.js';

const PAGE = 4096;
const PROTECTIONS = [PAGE_READONLY, PAGE_READWRITE, PAGE_WRITECOPY];
const PAGE_PROTECTIONS = [
  ...PROTECTIONS,
  PAGE_NOACCESS,
  PAGE_READONLY | PAGE_GUARD,
  PAGE_READWRITE | PAGE_GUARD,
  PAGE_WRITECOPY | PAGE_GUARD,
];

/** What the bytes behind sections should be: of a file (whole pages, zero past its end), or of one section of the paging file. */
interface Content {
  bytes: Uint8Array;
  file: MemoryFile | null;
}

interface ModelSection {
  section: Section;
  content: Content;
}

interface ModelView {
  space: AddressSpace;
  base: number;
  size: number;
  offset: number;
  protect: number;
  content: Content;
  /** Private copies by page of the view. */
  copies: Map<number, Uint8Array>;
  /** PAGE_* flags of pages that were given others than the view's. */
  protections: Map<number, number>;
}

function statusOf(action: () => void): number {
  try {
    action();
    return STATUS_SUCCESS;
  } catch (error) {
    if (error instanceof GuestFault) return error.status;
    throw error;
  }
}

/** The obvious reference beside the machine. */
class Model {
  readonly spaces: [AddressSpace, AddressSpace];
  readonly files: Content[];
  sections: ModelSection[] = [];
  views: ModelView[] = [];

  constructor(readonly machine: MemoryMachine) {
    this.spaces = [machine.newSpace(), machine.newSpace()];
    this.files = [5000, 20000].map((size, index) => {
      const file = new MemoryFile(
        Uint8Array.from({ length: size }, (_, at) => at * 3 + index),
        `f${index}`,
      );
      const content = { bytes: new Uint8Array(0x10000), file };
      content.bytes.set(file.bytes);
      return content;
    });
  }

  create(kind: number, pages: number): void {
    const file = kind < 2 ? this.files[kind]! : null;
    const size = file === null ? pages * PAGE : kind === 0 && pages > 4 ? pages * PAGE + 77 : 0;
    const out: { section: Section | null } = { section: null };
    const request = {
      file: file === null ? null : file.file,
      maximumSize: size,
      pageProtection: PAGE_READWRITE,
      allocationAttributes: SEC_COMMIT,
    };
    expect(createSection(this.machine.mm, request, out)).toBe(STATUS_SUCCESS);
    const content = file ?? { bytes: new Uint8Array(pages * PAGE), file: null };
    this.sections.push({ section: out.section!, content });
  }

  map(pick: number, where: number, protect: number): void {
    if (this.sections.length === 0 || this.views.length > 8) return;
    const { section, content } = this.sections[pick % this.sections.length]!;
    const space = this.spaces[where & 1]!;
    const request = {
      baseAddress: 0,
      viewSize: 0,
      sectionOffset: 0,
      allocationType: 0,
      protect: PROTECTIONS[protect % 3]!,
    };
    expect(mapViewOfSection(this.machine.mm, space, section, request)).toBe(STATUS_SUCCESS);
    this.views.push({
      space,
      base: request.baseAddress,
      size: request.viewSize,
      offset: 0,
      protect: request.protect,
      content,
      copies: new Map(),
      protections: new Map(),
    });
  }

  private view(pick: number): ModelView | undefined {
    const view = this.views[pick % Math.max(1, this.views.length)];
    if (view !== undefined) attach(this.machine.mm, view.space);
    return view;
  }

  private pageOf(view: ModelView, page: number): Uint8Array {
    return view.copies.get(page) ?? view.content.bytes.subarray(page * PAGE, (page + 1) * PAGE);
  }

  /** PAGE_* flags of a page; a private copy is never copied again. */
  private protectionOf(view: ModelView, page: number): number {
    const protect = view.protections.get(page) ?? view.protect;
    const copied = view.copies.has(page) && (protect & PAGE_WRITECOPY) !== 0;
    return copied ? (protect & ~PAGE_WRITECOPY) | PAGE_READWRITE : protect;
  }

  /** The status that an access gets; a guard is gone after it. */
  private access(view: ModelView, page: number, isWrite: boolean): number {
    const protect = this.protectionOf(view, page);
    if (protect === PAGE_NOACCESS) return STATUS_ACCESS_VIOLATION;
    if ((protect & PAGE_GUARD) !== 0) {
      view.protections.set(page, protect & ~PAGE_GUARD);
      return STATUS_GUARD_PAGE_VIOLATION;
    }
    return isWrite && protect === PAGE_READONLY ? STATUS_ACCESS_VIOLATION : STATUS_SUCCESS;
  }

  read(pick: number, at: number): void {
    const view = this.view(pick);
    if (view === undefined) return;
    const offset = at % view.size;
    const page = Math.floor(offset / PAGE);
    let byte = 0;
    const status = statusOf(() => {
      byte = this.machine.user.readU8(view.base + offset);
    });
    expect(status).toBe(this.access(view, page, false));
    if (status === STATUS_SUCCESS) expect(byte).toBe(this.pageOf(view, page)[offset % PAGE]);
  }

  write(pick: number, at: number, value: number): void {
    const view = this.view(pick);
    if (view === undefined) return;
    const offset = at % Math.min(view.size, view.content.file?.size ?? view.size);
    const page = Math.floor(offset / PAGE);
    const status = statusOf(() => this.machine.user.writeU8(view.base + offset, value));
    expect(status).toBe(this.access(view, page, true));
    if (status !== STATUS_SUCCESS) return;
    if (this.protectionOf(view, page) === PAGE_WRITECOPY)
      view.copies.set(page, this.pageOf(view, page).slice());
    this.pageOf(view, page)[offset % PAGE] = value;
  }

  protect(pick: number, at: number, which: number): void {
    const view = this.view(pick);
    if (view === undefined) return;
    const { mm } = this.machine;
    const page = Math.floor((at % view.size) / PAGE);
    let protect = PAGE_PROTECTIONS[which % PAGE_PROTECTIONS.length]!;
    const request = { baseAddress: view.base + page * PAGE, regionSize: 1 };
    const out = { oldProtect: 0 };
    const status = protectVirtualMemory(mm, view.space, request, protect, out);
    if (view.protect === PAGE_READONLY && (protect & PAGE_READWRITE) !== 0) {
      expect(status).toBe(STATUS_SECTION_PROTECTION);
      return;
    }
    expect([status, out.oldProtect]).toEqual([STATUS_SUCCESS, this.protectionOf(view, page)]);
    if (view.protect === PAGE_WRITECOPY && (protect & PAGE_READWRITE) !== 0) {
      protect = (protect & ~PAGE_READWRITE) | PAGE_WRITECOPY;
    }
    view.protections.set(page, protect);
    const information = { ...EMPTY_INFORMATION };
    queryVirtualMemory(mm, view.space, request.baseAddress, information);
    expect(information.protect).toBe(this.protectionOf(view, page));
  }

  unmap(pick: number): void {
    const view = this.view(pick);
    if (view === undefined) return;
    expect(unmapViewOfSection(this.machine.mm, view.space, view.base)).toBe(STATUS_SUCCESS);
    this.views.splice(this.views.indexOf(view), 1);
  }

  flush(pick: number): void {
    const view = this.view(pick);
    if (view === undefined || view.content.file === null) return;
    const request = { baseAddress: view.base, regionSize: 0 };
    const { mm } = this.machine;
    expect(flushVirtualMemory(mm, view.space, request, { bytesWritten: 0 })).toBe(STATUS_SUCCESS);
    const end = Math.min(view.size, view.content.file.size);
    expect(view.content.file.bytes.subarray(0, end)).toEqual(view.content.bytes.subarray(0, end));
  }

  close(pick: number): void {
    const target = this.sections[pick % Math.max(1, this.sections.length)];
    if (target === undefined) return;
    this.sections.splice(this.sections.indexOf(target), 1);
    deleteSection(this.machine.mm, target.section);
  }

  writeFile(which: number, at: number, value: number): void {
    const content = this.files[which & 1]!;
    const offset = at % (content.file!.size + 100);
    const source = Uint8Array.of(value, value + 1, value + 2);
    writeMappedFile(this.machine.mm, content.file!, offset, source);
    content.bytes.set(source, offset);
  }

  readFile(which: number): void {
    const content = this.files[which & 1]!;
    const target = new Uint8Array(content.file!.size + 10);
    expect(readMappedFile(this.machine.mm, content.file!, 0, target)).toBe(content.file!.size);
    const same = target.every((byte, at) => at >= content.file!.size || byte === content.bytes[at]);
    expect(same).toBe(true);
  }

  /** Takes a page out of a working set, as trimming does. */
  trim(pick: number, at: number): void {
    const view = this.view(pick);
    if (view === undefined) return;
    const { mm } = this.machine;
    const address = view.base + Math.floor((at % view.size) / PAGE) * PAGE;
    const word = findPte(mm, view.space, address);
    if (word === 0) return;
    const lo = mm.words[word]!;
    if ((lo & PTE_VALID) !== 0)
      trimPage(mm, view.space, word, address, validProtection(lo, mm.words[word + 1]!));
  }

  /** Uses every frame that can be had, and gives them back: standby pages are lost, dirty file pages written before. */
  pressure(): void {
    const { mm } = this.machine;
    const frames: number[] = [];
    for (let frame = allocateFrame(mm); frame >= 0; frame = allocateFrame(mm)) frames.push(frame);
    for (const frame of frames) returnUnusedFrame(mm, frame);
  }

  end(): void {
    const { mm } = this.machine;
    for (const space of this.spaces) {
      unmapAllViews(mm, space);
      deleteAddressSpace(mm, space);
    }
    for (const { section } of this.sections) deleteSection(mm, section);
    for (const { file, bytes } of this.files) expect(file!.bytes).toEqual(bytes.subarray(0, file!.size));
    deleteUnusedSegments(mm, 0);
    expect(mm.sections.controlAreas).toEqual([]);
    expect(mm.pagedPool.pages + mm.nonpagedPool.pages).toBe(0);
    verify(mm);
  }
}

const EMPTY_INFORMATION = {
  baseAddress: 0,
  allocationBase: 0,
  allocationProtect: 0,
  regionSize: 0,
  state: 0,
  protect: 0,
  type: 0,
};

const number = fc.nat({ max: 0xffff });
const operation = fc.tuple(fc.nat({ max: 34 }), number, number, fc.nat({ max: 255 }));

function apply(model: Model, [kind, a, b, c]: [number, number, number, number]): void {
  if (kind < 3) model.create(a % 3, 1 + (b % 8));
  else if (kind < 7) model.map(a, b, c);
  else if (kind < 13) model.read(a, b);
  else if (kind < 20) model.write(a, b, c);
  else if (kind < 22) model.unmap(a);
  else if (kind < 23) model.flush(a);
  else if (kind < 24) model.close(a);
  else if (kind < 26) model.writeFile(a, b, c);
  else if (kind < 27) model.readFile(a);
  else if (kind < 30) model.trim(a, b);
  else if (kind < 31) model.pressure();
  else if (kind < 34) model.protect(a, b, c);
  else flushMappedFile(model.machine.mm, model.files[a & 1]!.file!);
}

describe('sections against a plain model', () => {
  it('agree after any sequence of operations', () => {
    fc.assert(
      fc.property(fc.array(operation, { minLength: 30, maxLength: 120 }), (operations) => {
        const machine = memoryMachine(1);
        const free = availableFrames(machine.mm) + machine.mm.systemPages;
        const model = new Model(machine);
        for (const step of operations) {
          apply(model, step);
          verify(machine.mm);
        }
        model.end();
        expect(availableFrames(machine.mm) + machine.mm.systemPages).toBe(free);
      }),
      { numRuns: 60, endOnFailure: true },
    );
  });
});
