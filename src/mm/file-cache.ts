/**
 * Cached file I/O: reads and writes of files go through the pages of the file's data section, which views map too, so that
 * all see one content. The pages are found by their prototype PTEs and stay on standby afterwards, also when the file has
 * been closed. What is written goes to the host at once, so that nothing is ever lost and a full disk shows at the write:
 * unlike Windows's, the cache never holds bytes that only a lazy writer would write.
 * Source: Windows Internals, "Cache manager" (copy interface, read-ahead), "Section objects".
 */
import { STATUS_NO_MEMORY, STATUS_PENDING, STATUS_SUCCESS } from '../base/ntstatus.js';
import { type BackingFile, HostIoError } from './backing-file.js';
import { type ControlArea, frameOfPrototype, isResident } from './control-area.js';
import { extendSegment } from './extend-segment.js';
import { beginFileRead } from './file-read.js';
import { readMappedFile, writeMappedFile } from './mapped-file.js';
import type { MemoryManager } from './memory-manager.js';
import { makeTransition } from './page-file-fault.js';
import { addReference, allocateFrame, releaseReference } from './page-lists.js';
import { frameOfWord } from './page-tables.js';
import { isBeingRead, REQUEST_PAGES, waitForFrame } from './paging-io.js';
import { PFN_PROTOTYPE, PFN_READ_IN_PROGRESS } from './pfn-database.js';
import { MM_READWRITE, pteFrame } from './pte.js';
import { ensureDataControlArea } from './section.js';
import { filePosition } from './section-page.js';
import { systemWord } from './system-space.js';
import { makeSystemPageValid, markSystemPageWritten } from './system-working-set.js';
import { addUnusedSegment, useControlArea } from './unused-segments.js';

const PAGE_SIZE = 4096;
/** Prototype PTEs that a file which grows has at least, and at most beyond its end. */
const LEAST_PAGES = 16;
const MOST_SPARE_PAGES = 1024;
/** A file whose prototype PTEs would take more than this part of paged pool is not cached. */
const SHARE_OF_POOL = 8;

const pagesOf = (bytes: number) => Math.ceil(bytes / PAGE_SIZE);

/** Takes the next bytes of a read, `done` bytes after its beginning. */
export type TakeBytes = (bytes: Uint8Array, done: number) => void;

/**
 * The file's data control area for cached I/O on its first `bytes` bytes, made or lengthened when needed; null when there is
 * no room for its prototype PTEs. Between operations it is one that nobody uses: its pages may be given up at any time.
 */
function cacheOf(mm: MemoryManager, file: BackingFile, bytes: number): ControlArea | null {
  const pages = pagesOf(bytes);
  if (pages * 8 * SHARE_OF_POOL > mm.pagedPool.limitPages * PAGE_SIZE) return file.dataControlArea;
  const existing = file.dataControlArea;
  if (existing === null) {
    if (!ensureDataControlArea(mm, file, pages, MM_READWRITE)) return null;
    addUnusedSegment(mm, file.dataControlArea!);
  } else if (existing.segment.pageCount < pages) {
    const spare = Math.min(MOST_SPARE_PAGES, Math.max(LEAST_PAGES, pages));
    hold(mm, existing);
    extendSegment(mm, existing, pages + spare);
    letGo(mm, existing);
  }
  return file.dataControlArea;
}

/** While an operation uses a control area nobody deletes it. */
function hold(mm: MemoryManager, controlArea: ControlArea): void {
  useControlArea(mm, controlArea);
  controlArea.sectionReferences++;
}

function letGo(mm: MemoryManager, controlArea: ControlArea): void {
  controlArea.sectionReferences--;
  if (controlArea.sectionReferences + controlArea.mappedViews === 0) addUnusedSegment(mm, controlArea);
}

/**
 * Begins to read those pages of a range (bytes) that are not in memory. Returns the frame that arrives last, -1 when all are
 * there, or as many as there is room for. Throws HostIoError.
 */
export function beginCachedRead(
  mm: MemoryManager,
  file: BackingFile,
  offset: number,
  length: number,
): number {
  const end = Math.min(offset + length, file.size);
  if (offset >= end) return -1;
  const controlArea = cacheOf(mm, file, file.size);
  if (controlArea === null) return -1;
  hold(mm, controlArea);
  try {
    return bringIn(mm, controlArea, Math.floor(offset / PAGE_SIZE), pagesOf(end) - 1);
  } finally {
    letGo(mm, controlArea);
  }
}

function bringIn(mm: MemoryManager, controlArea: ControlArea, first: number, last: number): number {
  let frame = -1;
  for (let page = first; page <= Math.min(last, controlArea.segment.pageCount - 1); page++) {
    if (page > first && mm.lists.available <= mm.thresholds.low) break;
    const status = bringInPage(mm, controlArea, page);
    if (status === STATUS_NO_MEMORY) break;
    if (status === STATUS_PENDING) frame = mm.pendingFrame;
    else if (status !== STATUS_SUCCESS) throw new HostIoError(mm.sections.inPageStatus, 'cannot be read');
  }
  return frame;
}

/** STATUS_SUCCESS: the page is in memory; STATUS_PENDING: mm.pendingFrame is being read; or why it cannot be read. */
function bringInPage(mm: MemoryManager, controlArea: ControlArea, page: number): number {
  const at = controlArea.prototypeAddress(page);
  const valid = makeSystemPageValid(mm, at);
  if (valid !== STATUS_SUCCESS) return valid;
  const prototype = systemWord(mm, at);
  const lo = mm.words[prototype]!;
  if (isResident(lo)) {
    mm.pendingFrame = pteFrame(lo);
    return isBeingRead(mm, mm.pendingFrame) ? STATUS_PENDING : STATUS_SUCCESS;
  }
  const holder = frameOfWord(mm, prototype);
  addReference(mm, holder);
  markSystemPageWritten(mm, holder);
  const most = Math.min(REQUEST_PAGES, pagesOf(controlArea.file!.size) - page);
  const status = beginFileRead(mm, mm.current, controlArea, prototype, at, page * PAGE_SIZE, most);
  releaseReference(mm, holder);
  return status;
}

/**
 * Reads from a byte offset, waiting on the spot for what beginCachedRead has not brought in; returns how many bytes, less than
 * asked only at the end of the file. Throws HostIoError, and what `take` throws.
 */
export function readCachedFile(
  mm: MemoryManager,
  file: BackingFile,
  offset: number,
  length: number,
  take: TakeBytes,
): number {
  const count = Math.max(0, Math.min(length, file.size - offset));
  for (let done = 0; done < count; ) {
    const at = offset + done;
    const part = Math.min(PAGE_SIZE - (at % PAGE_SIZE), count - done);
    const frame = pageInMemory(mm, file, at);
    if (frame >= 0) takeFromFrame(mm, frame, at % PAGE_SIZE, part, done, take);
    else take(readUncached(mm, file, at, part), done);
    done += part;
  }
  return count;
}

function takeFromFrame(
  mm: MemoryManager,
  frame: number,
  within: number,
  count: number,
  done: number,
  take: TakeBytes,
): void {
  const start = mm.ram.offsetOf(frame) + within;
  addReference(mm, frame);
  try {
    take(mm.ram.bytes.subarray(start, start + count), done);
  } finally {
    releaseReference(mm, frame);
  }
}

/** The frame of the page at a byte offset, brought in if need be; -1 when there is no room for it. */
function pageInMemory(mm: MemoryManager, file: BackingFile, at: number): number {
  for (;;) {
    const frame = residentFrame(mm, file, Math.floor(at / PAGE_SIZE));
    if (frame >= 0 && !isBeingRead(mm, frame)) return frame;
    if (frame >= 0) waitOnTheSpot(mm, frame);
    else if (beginCachedRead(mm, file, at, 1) < 0) return -1;
  }
}

function residentFrame(mm: MemoryManager, { dataControlArea }: BackingFile, page: number): number {
  if (dataControlArea === null || page >= dataControlArea.segment.pageCount) return -1;
  return frameOfPrototype(mm, dataControlArea.prototypeAddress(page));
}

function waitOnTheSpot(mm: MemoryManager, frame: number): void {
  mm.io.waitsOnTheSpot++;
  waitForFrame(mm, frame);
}

/** Bytes of a file past the cache, pages in memory counting all the same; the disk's time passes. Throws HostIoError. */
export function readUncached(
  mm: MemoryManager,
  file: BackingFile,
  offset: number,
  count: number,
): Uint8Array {
  const bytes = new Uint8Array(count);
  passDiskTime(mm, file, offset, count);
  readMappedFile(mm, file, offset, bytes);
  return bytes;
}

/** Writes past the cache, as readUncached reads. */
export function writeUncached(
  mm: MemoryManager,
  file: BackingFile,
  offset: number,
  source: Uint8Array,
): void {
  writeMappedFile(mm, file, offset, source);
  passDiskTime(mm, file, offset, source.length);
}

function passDiskTime({ clock, io }: MemoryManager, file: BackingFile, offset: number, bytes: number): void {
  const now = clock.now100ns;
  clock.advance?.(io.disk.submit(now, filePosition(file, offset), bytes) - now);
}

/**
 * Writes at a byte offset, extending the file when it ends past its size. A page that is written whole comes into memory if
 * there is room for it. Throws HostIoError, with pages in memory unchanged.
 */
export function writeCachedFile(
  mm: MemoryManager,
  file: BackingFile,
  offset: number,
  source: Uint8Array,
): void {
  writeMappedFile(mm, file, offset, source);
  const controlArea = cacheOf(mm, file, file.size);
  if (controlArea === null) return;
  hold(mm, controlArea);
  const end = offset + source.length;
  for (let page = Math.floor(offset / PAGE_SIZE); page * PAGE_SIZE < end; page++) {
    const start = page * PAGE_SIZE;
    const isWhole = offset <= start && end >= Math.min(start + PAGE_SIZE, file.size);
    if (isWhole && residentFrame(mm, file, page) < 0)
      keepPage(mm, controlArea, page, source.subarray(start - offset, end - offset));
  }
  letGo(mm, controlArea);
}

/** Makes a page that has been written whole one in memory, on standby, unless memory is short. `source` begins with its bytes. */
function keepPage(mm: MemoryManager, controlArea: ControlArea, page: number, source: Uint8Array): void {
  if (page >= controlArea.segment.pageCount || mm.lists.available <= mm.thresholds.enough) return;
  const at = controlArea.prototypeAddress(page);
  if (makeSystemPageValid(mm, at) !== STATUS_SUCCESS) return;
  const prototype = systemWord(mm, at);
  const holder = frameOfWord(mm, prototype);
  addReference(mm, holder);
  markSystemPageWritten(mm, holder);
  const frame = allocateFrame(mm);
  const bytes = Math.min(source.length, PAGE_SIZE);
  const start = mm.ram.offsetOf(frame);
  mm.ram.bytes.set(source.subarray(0, bytes), start);
  mm.ram.bytes.fill(0, start + bytes, start + PAGE_SIZE);
  const { words } = mm;
  makeTransition(mm, prototype, at, frame, words[prototype]!, words[prototype + 1]!, PFN_PROTOTYPE);
  mm.pfn.flags[frame]! &= ~PFN_READ_IN_PROGRESS;
  releaseReference(mm, frame);
  releaseReference(mm, holder);
}
