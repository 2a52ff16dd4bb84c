/**
 * A machine with a few processes beside the reference of their memory, and the comparison of both: by accesses of the processes
 * themselves, and by a reader that knows only RAM, paging files and the words of page tables.
 */
import { expect } from 'vitest';
import {
  STATUS_ACCESS_VIOLATION,
  STATUS_GUARD_PAGE_VIOLATION,
  STATUS_IN_PAGE_ERROR,
  STATUS_NO_MEMORY,
  STATUS_PENDING,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import { ACCESS_EXECUTE, ACCESS_READ, ACCESS_USER, ACCESS_WRITE } from '../../machine/processor.js';
import { type AddressSpace, attach, createAddressSpace } from '../../mm/address-space.js';
import { type BugCheck, KERNEL_DATA_INPAGE_ERROR, NO_PAGES_AVAILABLE } from '../../mm/bug-check.js';
import { COMMIT_COPY_ON_WRITE, COMMIT_PRIVATE, COMMIT_SECTION } from '../../mm/commit.js';
import { accessFault, beginFault, endFault } from '../../mm/fault-handler.js';
import type { MemoryManager } from '../../mm/memory-manager.js';
import { peekDirectory } from '../../mm/page-table-peek.js';
import {
  beginPageWait,
  completeDueRequests,
  endPageWait,
  isBeingRead,
  waitForNextRequest,
} from '../../mm/paging-io.js';
import { needAddressSpace } from '../../mm/threads/swapper.js';
import { deleteUnusedSegments } from '../../mm/unused-segments.js';
import { FLUID_PAGES } from '../../mm/working-set.js';
import { FaultyPageFile } from '../faulty-page-file.js';
import { MemoryFile } from '../memory-file.js';
import { completeIo } from '../paging-io.js';
import { createMemoryManager } from '../small-machine.js';
import { TestClock } from '../test-clock.js';
import { PageReader, type Place } from './page-reader.js';
import type { File, LiveRange, LiveSection, MachineShape, Process, Touch } from './records.js';
import {
  type Access,
  contentOf,
  dropGuard,
  fileBytes,
  isCommitted,
  type ModelSection,
  newSharedPages,
  statusOfAccess,
  store,
  viewCharge,
} from './reference.js';

/** Working-set limits with which a process begins: the default minimum is more than small machines have. */
const MINIMUM = 20;
const MAXIMUM = 60;
const FILE_PAGES = [9, 21.3];
/** A fault that is resolved and comes back more often than this never ends. */
const MOST_FAULTS = 12;
/** Waits after which an access must have ended when nothing else happens: three page tables and the page, twice. */
const MOST_WAITS = 8;
const PAGE = 4096;
/** Pages that a new address space needs at most. */
const PAGES_OF_PROCESS = 10;
/** Frames that a wait can keep from others: the page and its tables. */
const FRAMES_OF_WAIT = 4;
/** The part of its size with which a paging file that grows begins. */
const FIRST_SHARE = 0.25;
/** Frames that may be left over when memory is short: what tables were given back. */
const LEFT_OVER = 12;
const FAILURE = 0x8000_0000;
const ACCESS_BITS = { read: ACCESS_READ, write: ACCESS_WRITE, execute: ACCESS_EXECUTE };

const NOTHING = Buffer.alloc(PAGE);
const ZEROS: Uint8Array = NOTHING;

export class World {
  readonly store = new FaultyPageFile();
  readonly clock = new TestClock();
  readonly mm: MemoryManager;
  /** Threads that wait for pages. */
  readonly waiting: Touch[] = [];
  readonly processes: Process[] = [];
  readonly sections: LiveSection[] = [];
  readonly files: readonly File[];
  /** Accesses and services that were refused for want of memory, and for failures of the disk. */
  shortages = 0;
  diskErrors = 0;
  /** Accesses that had to wait. */
  waits = 0;
  readonly #reader: PageReader;
  readonly #ram: Buffer;
  readonly #framesAtStart: number;
  readonly #commitAtStart: number;
  #nextId = 4;
  /** Where in RAM the last access that succeeded went. */
  #offset = 0;

  constructor(readonly shape: MachineShape) {
    const { clock } = this;
    const { disk, pagingFiles } = shape;
    const share = shape.grows ? FIRST_SHARE : 1;
    const pageFileBytes = pagingFiles.map((pages) => ({
      initial: Math.ceil(pages * share) * PAGE,
      maximum: pages * PAGE,
    }));
    const settings = { clock, disk, pageFileBytes };
    this.mm = createMemoryManager(shape.frames, pagingFiles, this.store, shape.policy, settings);
    this.#reader = new PageReader(this.mm.words, this.mm.ram.base, this.store);
    this.#ram = Buffer.from(this.mm.ram.memory.buffer);
    this.#framesAtStart = this.#freeFrames();
    this.#commitAtStart = this.#systemCommit();
    this.files = FILE_PAGES.map((pages, index) => {
      const size = Math.floor(pages * PAGE);
      const host = new MemoryFile(new Uint8Array(size), `C:\\work\\file${index}.dat`);
      return { host, pages: newSharedPages(Math.ceil(pages), true), size, segmentPages: 0, references: 0 };
    });
    for (let count = 0; count < shape.processes; count++) this.createProcess();
  }

  #freeFrames(): number {
    return this.mm.lists.available + this.mm.systemPages;
  }

  #systemCommit(): number {
    return this.mm.commit.current - this.mm.systemPages;
  }

  createProcess(): void {
    const space = createAddressSpace(this.mm, this.#nextId);
    this.#nextId += 4;
    if (space === null) {
      this.expectRefusal(PAGES_OF_PROCESS);
      return;
    }
    space.workingSet.minimum = MINIMUM;
    space.workingSet.maximum = MAXIMUM;
    this.processes.push({ space, ranges: [] });
  }

  attachTo(process: Process): void {
    if (this.mm.current !== process.space) attach(this.mm, process.space);
  }

  /** Has a process brought in that may be swapped out; false when there are no frames for it. */
  bringIn(process: Process): boolean {
    const isIn = needAddressSpace(this.mm, process.space);
    if (!isIn) this.#expectNoFrame();
    return isIn;
  }

  /** Failures of paging files and files so far. */
  get failures(): number {
    return this.files.reduce((sum, { host }) => sum + host.failures, this.store.failures);
  }

  /** Pages that could still be charged to commit. */
  get room(): number {
    return this.mm.commit.maximumLimit - this.mm.commit.current;
  }

  /** Something new was refused: there is no commit for so many pages more, or no frame. */
  expectRefusal(pages: number): void {
    if (this.room >= pages) this.#expectNoFrame();
    else this.shortages++;
  }

  /** There was no frame for committed memory: only failing disks, hard minimums and tables beyond the commit limit excuse that. */
  #expectNoFrame(): void {
    this.shortages++;
    const { lists, pageFiles } = this.mm;
    if (lists.available > LEFT_OVER) expect.fail(`there was no frame, with ${lists.available} available`);
    const failing = this.store.failsWrites.size > 0 || this.files.some(({ host }) => host.failing !== false);
    const hard = this.processes.some(({ space }) => space.workingSet.hardMinimum);
    const held = this.waiting.length * FRAMES_OF_WAIT;
    if (!failing && !hard && this.room > pageFiles.files.length + LEFT_OVER + held)
      expect.fail(`there was no frame for memory that is committed, ${this.room} pages below the limit`);
  }

  /** Whether the machine may stop so: paged pool could not be read, or there was no frame for it. */
  excuses({ code }: BugCheck): boolean {
    if (code === NO_PAGES_AVAILABLE) this.#expectNoFrame();
    return code === NO_PAGES_AVAILABLE || (code === KERNEL_DATA_INPAGE_ERROR && this.store.failsReads);
  }

  /** A status that the rules of memory alone do not give: there is no frame, or a read has failed since `failures`. */
  expectExcuse(status: number, failures: number, what: string): void {
    if (status === STATUS_NO_MEMORY) this.#expectNoFrame();
    else if (status === STATUS_IN_PAGE_ERROR && this.failures > failures) this.diskErrors++;
    else expect.fail(`${what}: ${status.toString(16)}`);
  }

  /**
   * An access of a process to a user address, as far as it gets: every touch of the model goes through here. What must be
   * read is waited for on the spot, unless it `mayWait`: then the answer can be STATUS_PENDING. An NTSTATUS.
   */
  #access(process: Process, address: number, access: Access, mayWait: boolean): number {
    const { mm } = this;
    if (!needAddressSpace(mm, process.space)) return STATUS_NO_MEMORY;
    this.attachTo(process);
    const begin = mayWait ? beginFault : accessFault;
    for (let faults = 0; faults < MOST_FAULTS; faults++) {
      this.#offset = mm.processor.translate(address, ACCESS_BITS[access] | ACCESS_USER);
      if (this.#offset !== 0) return STATUS_SUCCESS;
      const status = begin(mm, process.space, address, mm.processor.faultError, true, null);
      if (status >= FAILURE || status === STATUS_PENDING) return status;
    }
    return expect.fail(`an access to ${address.toString(16)} faults without end`);
  }

  /** An access to a page of a range, with the status that it should have; true when it went through. */
  touch(process: Process, range: LiveRange, index: number, access: Access, offset = 0): boolean {
    const { failures } = this;
    const before = process.space.workingSet.used;
    const status = this.#access(process, range.base + index * PAGE + offset, access, false);
    expectMaximum(process.space, before);
    return this.#settle(range, index, access, status, failures);
  }

  /** An access has ended: with the status that it should have, or that a shortage or failing disk excuses. True when it went through. */
  #settle(range: LiveRange, index: number, access: Access, status: number, failures: number): boolean {
    const expected = statusOfAccess(range, index, access);
    if (status !== expected) {
      const what = `${access} of page ${index}, which should be ${expected.toString(16)}`;
      this.expectExcuse(status, failures, what);
    } else if (status === STATUS_GUARD_PAGE_VIOLATION) dropGuard(range.pages[index]!);
    const wentThrough = status === STATUS_SUCCESS && expected === STATUS_SUCCESS;
    if (wentThrough && access === 'write') range.pages[index]!.written = true;
    return wentThrough;
  }

  /** A thread accesses a page and waits if it must be read. */
  begin(touch: Touch): void {
    const { failures } = this;
    const before = touch.process.space.workingSet.used;
    const status = this.#access(touch.process, touch.address, touch.access, true);
    touch.error = this.mm.processor.faultError;
    this.#waitOrEnd(touch, status, before, failures);
  }

  /** A thread that waits goes on: its page has been read. */
  resume(touch: Touch): void {
    const { mm, failures } = this;
    const { process, address, access, error, frame } = touch;
    const before = process.space.workingSet.used;
    this.waiting.splice(this.waiting.indexOf(touch), 1);
    this.attachTo(process);
    let status = endFault(mm, process.space, address, error, true, null, frame);
    if (status < FAILURE && status !== STATUS_PENDING) {
      status = this.#access(process, address, access, true);
      touch.error = mm.processor.faultError;
    }
    this.#waitOrEnd(touch, status, before, failures);
  }

  #waitOrEnd(touch: Touch, status: number, before: number, failures: number): void {
    const { mm } = this;
    expectMaximum(touch.process.space, before);
    if (status !== STATUS_PENDING) {
      this.#end(touch, status, failures);
      return;
    }
    touch.frame = mm.pendingFrame;
    beginPageWait(mm, touch.frame);
    this.waiting.push(touch);
    this.waits++;
  }

  /** An access has ended. What is at its address may have changed since it began. */
  #end({ process, address, access, bytes }: Touch, status: number, failures: number): void {
    const range = rangeAt(process, address);
    if (range === undefined) {
      expect(status, `${access} of an address where nothing is`).toBe(STATUS_ACCESS_VIOLATION);
      return;
    }
    const index = Math.floor((address - range.base) / PAGE);
    if (!this.#settle(range, index, access, status, failures)) return;
    if (access === 'write') this.#put(range, index, address % PAGE, bytes);
    else this.#compare(range, index, this.#ram, this.#offset - (address % PAGE), 'after a wait');
  }

  /** Leaves bytes where the last access went, as far as the page has room for them. */
  #put(range: LiveRange, index: number, at: number, bytes: Uint8Array): void {
    const page = range.pages[index]!;
    if (page.uncertain) this.#compare(range, index, this.#ram, this.#offset - at, 'before it is written to');
    page.uncertain = false;
    const part = bytes.subarray(0, Math.max(0, this.#roomInPage(range, index) - at));
    this.mm.ram.bytes.set(part, this.#offset);
    store(range, index, at, part);
  }

  /** Time passes (100 ns units); the requests that are due end, and no others. */
  passTime(units: number): void {
    const { mm, clock } = this;
    clock.advance(units);
    const { completions, requests } = mm.io;
    const due = requests.filter(({ completesAt }) => completesAt <= clock.now100ns).length;
    completeDueRequests(mm);
    expect(mm.io.completions - completions, 'requests that ended').toBe(due);
  }

  /** Whether a thread that waits can go on. */
  canResume({ frame }: Touch): boolean {
    return !isBeingRead(this.mm, frame);
  }

  /** Another view of the page for which a thread waits, of those that there are the one that a number gives. */
  viewerOf({ process, address }: Touch, number: number): Pick<Touch, 'process' | 'address'> | null {
    const range = rangeAt(process, address);
    if (range === undefined || range.section === null) return null;
    const page = range.firstPage + Math.floor((address - range.base) / PAGE);
    const views = this.processes.flatMap((other) =>
      other.ranges
        .filter(
          ({ section, firstPage, pages }) =>
            section?.pages === range.section!.pages && page >= firstPage && page < firstPage + pages.length,
        )
        .map((view) => ({ process: other, address: view.base + (page - view.firstPage) * PAGE })),
    );
    return views[number % views.length]!;
  }

  /** The threads of a process end. */
  cancelWaits(process: Process): void {
    for (const touch of this.waiting.filter((one) => one.process === process)) {
      endPageWait(this.mm, touch.frame);
      this.waiting.splice(this.waiting.indexOf(touch), 1);
    }
  }

  /** No thread waits for ever: paging I/O ends request by request, and with it, in an order that a number gives, every wait. */
  endWaits(order: number): void {
    const { io } = this.mm;
    let rounds = io.requests.length + this.waiting.length * MOST_WAITS;
    for (; this.waiting.length > 0; rounds--) {
      if (rounds === 0) expect.fail('a thread waits without end');
      const ready = this.waiting.filter((touch) => this.canResume(touch));
      if (ready.length > 0) this.resume(ready[order % ready.length]!);
      else if (!waitForNextRequest(this.mm)) expect.fail('a thread waits for a page that nobody reads');
    }
  }

  write(process: Process, range: LiveRange, index: number, offset: number, bytes: Uint8Array): void {
    const at = offset % this.#roomInPage(range, index);
    if (this.touch(process, range, index, 'write', at)) this.#put(range, index, at, bytes);
  }

  /** Bytes of a page that may be written: what lies behind the end of a file is nobody's. */
  #roomInPage(range: LiveRange, index: number): number {
    const file = range.section?.file ?? null;
    if (file === null || range.pages[index]!.copied) return PAGE;
    return fileBytes(file, range.firstPage + index);
  }

  /** Reads a whole page as the process does and compares it. */
  read(process: Process, range: LiveRange, index: number): void {
    if (!this.touch(process, range, index, 'read')) return;
    this.#compare(range, index, this.#ram, this.#offset, 'as the process reads it');
  }

  #compare(range: LiveRange, index: number, bytes: Buffer, start: number, how: string): void {
    const content = contentOf(range, index) ?? ZEROS;
    if (bytes.compare(content, 0, PAGE, start, start + PAGE) === 0) return;
    const page = range.pages[index]!;
    if (page.uncertain && bytes.compare(NOTHING, 0, PAGE, start, start + PAGE) === 0) {
      page.content = null;
      page.lost = true;
      return;
    }
    const at = content.findIndex((byte, offset) => bytes[start + offset] !== byte);
    const name = `page ${index} of the range at ${range.base.toString(16)}, byte ${at}, ${how}`;
    expect.fail(`${name}: ${bytes[start + at]!.toString(16)}, expected ${content[at]!.toString(16)}`);
  }

  /** Whether a service, which began with so many `failures`, went through; a status not `expected` must have an excuse. */
  wentThrough(status: number, expected: number, failures: number, what: string): boolean {
    if (status !== expected) this.expectExcuse(status, failures, what);
    return status === STATUS_SUCCESS;
  }

  /** Where a page is, by the page tables. */
  placeOf(process: Process, range: LiveRange, index: number): Place {
    const prototype =
      range.live === null ? 0 : range.live.section.controlArea.prototypeAddress(range.firstPage + index);
    return this.#reader.find(peekDirectory(this.mm, process.space), range.base + index * PAGE, prototype);
  }

  /** Compares a page without touching it. */
  look(process: Process, range: LiveRange, index: number): void {
    const reader = this.#reader;
    const place = this.placeOf(process, range, index);
    const how = `by the page tables (${place})`;
    if (range.pages[index]!.locked && !reader.valid) expect.fail(`locked page is not valid, ${how}`);
    if (place === 'ram') this.#compare(range, index, this.#ram, reader.word * 4, how);
    else if (place === 'paging-file')
      this.#compare(range, index, Buffer.from(reader.words.buffer), reader.word * 4, how);
    else if (place === 'file') this.#lookInFile(range, index, how);
    else this.#compare(range, index, NOTHING, 0, how);
    const mayBeUncommitted = place === 'untouched' || place === 'decommitted';
    if (!isCommitted(range, index) && !mayBeUncommitted)
      expect.fail(`page that is not committed is there, ${how}`);
  }

  #lookInFile(range: LiveRange, index: number, how: string): void {
    const page = range.firstPage + index;
    this.#compare(range, index, pageOf(range.live!.file!.host, page), 0, how);
  }

  lookAt(process: Process, range: LiveRange, first = 0, count = range.pages.length): void {
    for (let index = first; index < Math.min(first + count, range.pages.length); index++)
      this.look(process, range, index);
  }

  /** Pages in the working set of each process with a hard minimum. */
  hardSets(): Map<Process, number> {
    const hard = this.processes.filter(({ space }) => space.workingSet.hardMinimum);
    return new Map(hard.map((process) => [process, process.space.workingSetPages]));
  }

  /** What others did has taken no page from a working set that had no more than its hard minimum. */
  expectMinimums(before: ReadonlyMap<Process, number>, actor: Process | null): void {
    for (const [process, pages] of before) {
      const { workingSet, workingSetPages } = process.space;
      if (process === actor || !this.processes.includes(process) || process.space.outSwapped) continue;
      if (workingSetPages < Math.min(pages, workingSet.minimum))
        expect.fail(`hard minimum of ${workingSet.minimum}: from ${pages} pages to ${workingSetPages}`);
    }
  }

  /** Compares every page without touching it, and what the model charges to commit. */
  lookAtEverything(): void {
    for (const process of this.processes) {
      for (const range of process.ranges) this.lookAt(process, range);
    }
    this.#compareCommit();
  }

  #compareCommit(): void {
    let privatePages = 0;
    let viewPages = 0;
    for (const { ranges } of this.processes) {
      for (const range of ranges) {
        if (range.section === null) privatePages += range.pages.filter(({ committed }) => committed).length;
        else viewPages += viewCharge(range);
      }
    }
    const { byUse } = this.mm.commit;
    const found = [byUse[COMMIT_PRIVATE], byUse[COMMIT_COPY_ON_WRITE], byUse[COMMIT_SECTION]];
    expect(found, 'commit charge').toEqual([privatePages, viewPages, this.#sectionPages()]);
  }

  #sectionPages(): number {
    const models = new Set<ModelSection>(this.sections.map(({ model }) => model));
    for (const { ranges } of this.processes)
      for (const { section } of ranges) if (section !== null) models.add(section);
    let pages = 0;
    for (const { file, pages: shared } of models)
      if (file === null) pages += shared.filter(({ committed }) => committed).length;
    return pages;
  }

  /** The disks work from now on. */
  heal(): void {
    this.store.failsReads = false;
    this.store.failsWrites.clear();
    for (const { host } of this.files) host.failing = false;
  }

  /** Reads every page as its process does. */
  readEverything(): void {
    for (const process of this.processes) {
      for (const range of process.ranges)
        for (let index = 0; index < range.pages.length; index++) this.read(process, range, index);
    }
  }

  /** Everybody is gone: frames, commit and blocks of paging files are back, files hold what was written to them. */
  expectNothingLeft(): void {
    const { mm } = this;
    completeIo(mm);
    deleteUnusedSegments(mm, 0);
    expect(mm.pageFiles.pagesInUse, 'blocks of paging files').toBe(0);
    expect(mm.pagedPool.pages + mm.nonpagedPool.pages, 'pages of pool').toBe(0);
    expect(this.#freeFrames(), 'available frames').toBe(this.#framesAtStart);
    expect(this.#systemCommit(), 'commit charge').toBe(this.#commitAtStart);
    for (const file of this.files) this.compareFile(file, 0, file.size);
  }

  /** Compares bytes of the host's file. */
  compareFile(file: File, from: number, to: number): void {
    expect(file.host.size, 'size of the file').toBe(file.size);
    for (let page = Math.floor(from / PAGE); page * PAGE < to; page++) {
      if (pageOf(file.host, page).compare(file.pages[page]!.content ?? ZEROS) !== 0)
        expect.fail(`${file.host.name} is not what was written, page ${page}`);
    }
  }
}

/**
 * A fault does not take a working set, which had `before` pages, past its hard maximum, unless all others are locked, tables or
 * the newest and cannot leave for the new one.
 */
function expectMaximum({ workingSet, pageTablePages }: AddressSpace, before: number): void {
  const { maximum, hardMaximum, used, locked } = workingSet;
  const canLeave = used - locked - pageTablePages;
  if (hardMaximum && used > Math.max(before, maximum) && canLeave > FLUID_PAGES)
    expect.fail(`hard maximum of ${maximum}: from ${before} pages to ${used}`);
}

/** The range of a process in which an address lies. */
function rangeAt({ ranges }: Process, address: number): LiveRange | undefined {
  return ranges.find(({ base, pages }) => address >= base && address < base + pages.length * PAGE);
}

/** A page of the host's file, with zeros behind its end. */
function pageOf({ bytes }: MemoryFile, page: number): Buffer {
  const whole = Buffer.alloc(PAGE);
  whole.set(bytes.subarray(page * PAGE, (page + 1) * PAGE));
  return whole;
}
