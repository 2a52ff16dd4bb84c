/**
 * Writing the dirty pages of mapped data files to their files: at flush, when the last view of a page is unmapped (also by the
 * exit of its process), at close, and when frames run out. Source: Unit OS5: Memory Management 5.2, "Memory Manager Components" (mapped page writer);
 * Microsoft, "FlushViewOfFile function".
 */
import { STATUS_SUCCESS } from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';
import { HostIoError } from './backing-file.js';
import { type ControlArea, frameOfPrototype, type Subsection } from './control-area.js';
import type { MemoryManager } from './memory-manager.js';
import { addReference, releaseReference } from './page-lists.js';
import { findPte, nextAddressWithValidTable } from './page-tables.js';
import { REQUEST_PAGES, submitRequest } from './paging-io.js';
import { FRAME_ACTIVE, FRAME_MODIFIED, PFN_MODIFIED, PFN_PROTOTYPE } from './pfn-database.js';
import { PTE_DIRTY, PTE_PROTOTYPE, PTE_VALID, pteAddressField, pteFrame } from './pte.js';
import { fileBytesOfPage, fileOffsetOfPage, filePosition } from './section-page.js';
import { flushImageSection } from './unused-segments.js';

const PAGE_SIZE = 4096;

/**
 * Writes a dirty page to its file; it is clean then, and on the standby list when nobody maps it. On failure it stays dirty.
 * Returns STATUS_SUCCESS or the host's reason.
 */
function writePage(mm: MemoryManager, subsection: Subsection, page: number, frame: number): number {
  const isMapped = mm.pfn.state[frame] === FRAME_ACTIVE;
  if (!isMapped) addReference(mm, frame);
  const status = writeBytes(mm, subsection, page, frame);
  if (!isMapped) releaseReference(mm, frame);
  return status;
}

/** Gives a page's bytes to its file; the page is clean then. STATUS_SUCCESS or the host's reason. */
function writeBytes(mm: MemoryManager, subsection: Subsection, page: number, frame: number): number {
  const file = subsection.controlArea.file!;
  const bytes = fileBytesOfPage(subsection, page, file);
  flushImageSection(mm, file);
  let status = STATUS_SUCCESS;
  try {
    const start = mm.ram.offsetOf(frame);
    if (bytes > 0)
      file.write(fileOffsetOfPage(subsection, page), mm.ram.bytes.subarray(start, start + bytes));
    mm.pfn.flags[frame]! &= ~PFN_MODIFIED;
    mm.sections.pagesWritten++;
  } catch (error) {
    if (!(error instanceof HostIoError)) throw error;
    status = error.status;
    mm.sections.failedWrites++;
  }
  if (mm.events.active)
    mm.events.emit('file-write', null, fileOffsetOfPage(subsection, page), frame, status, file.name);
  return status;
}

/** The subsection of a data file that an original PTE in subsection form names, or undefined. */
function dataSubsection(mm: MemoryManager, frame: number): Subsection | undefined {
  const lo = mm.pfn.originalLo[frame]!;
  if ((mm.pfn.flags[frame]! & PFN_PROTOTYPE) === 0 || (lo & PTE_PROTOTYPE) === 0) return undefined;
  const subsection = mm.sections.subsections.get(pteAddressField(lo, mm.pfn.originalHi[frame]!));
  return subsection === undefined || subsection.controlArea.isImage ? undefined : subsection;
}

/** Bytes and outcome of a flush. */
export interface FlushResult {
  status: number;
  bytesWritten: number;
}

/**
 * Writes the dirty pages `first`..`last` (numbers in the section) of a data file's control area, those that processes
 * have mapped included. Stops at the first failure. MmFlushSection.
 */
export function flushControlArea(
  mm: MemoryManager,
  controlArea: ControlArea,
  first: number,
  last: number,
): FlushResult {
  const result: FlushResult = { status: STATUS_SUCCESS, bytesWritten: 0 };
  collectDirtyBits(mm, controlArea, first, last);
  const subsection = controlArea.subsections[0]!;
  for (let page = first; page <= last; page++) {
    const frame = frameOfPrototype(mm, controlArea.prototypeAddress(page));
    if (frame < 0) continue;
    if ((mm.pfn.flags[frame]! & PFN_MODIFIED) === 0) continue;
    const status = writePage(mm, subsection, page, frame);
    if (status === STATUS_SUCCESS) result.bytesWritten += PAGE_SIZE;
    else if (result.status === STATUS_SUCCESS) result.status = status;
  }
  return result;
}

/**
 * A view of pages `first`..`last` (numbers in the section) of a data file is gone: writes the dirty ones among them that
 * nobody maps any more. What the host refuses stays on the modified list.
 */
export function writeUnmappedPages(
  mm: MemoryManager,
  controlArea: ControlArea,
  first: number,
  last: number,
): void {
  const subsection = controlArea.subsections[0]!;
  for (let page = first; page <= last; page++) {
    const frame = frameOfPrototype(mm, controlArea.prototypeAddress(page));
    if (frame < 0 || mm.pfn.state[frame] === FRAME_ACTIVE) continue;
    if ((mm.pfn.flags[frame]! & PFN_MODIFIED) !== 0) writePage(mm, subsection, page, frame);
  }
}

/** Moves the dirty bits of all views of pages `first`..`last` to the PFN entries, so that a later write is seen again. */
function collectDirtyBits(mm: MemoryManager, controlArea: ControlArea, first: number, last: number): void {
  if (controlArea.mappedViews === 0) return;
  for (const space of mm.addressSpaces) {
    for (let vad = space.vads.first(); vad !== null; vad = space.vads.next(vad)) {
      if (vad.controlArea !== controlArea) continue;
      const from = vad.startPage + Math.max(0, first - vad.sectionOffset);
      const to = Math.min(vad.endPage, vad.startPage + last - vad.sectionOffset);
      if (from <= to) collectFromView(mm, space, from * PAGE_SIZE, (to + 1) * PAGE_SIZE);
    }
  }
}

function collectFromView(mm: MemoryManager, space: AddressSpace, start: number, end: number): void {
  let at = nextAddressWithValidTable(mm, space, start, end);
  for (; at < end; at = nextAddressWithValidTable(mm, space, at + PAGE_SIZE, end)) {
    const word = findPte(mm, space, at);
    const lo = mm.words[word]!;
    if ((lo & (PTE_VALID | PTE_DIRTY)) !== (PTE_VALID | PTE_DIRTY)) continue;
    const frame = pteFrame(lo);
    if ((mm.pfn.flags[frame]! & PFN_PROTOTYPE) === 0) continue;
    mm.pfn.flags[frame]! |= PFN_MODIFIED;
    mm.words[word] = lo & ~PTE_DIRTY;
    if (mm.current === space) mm.processor.invalidatePage(at);
  }
}

/** Writes every dirty page of a data file's control area. */
export function flushWholeControlArea(mm: MemoryManager, controlArea: ControlArea): FlushResult {
  return flushControlArea(mm, controlArea, 0, controlArea.segment.pageCount - 1);
}

/**
 * Begins to write the oldest modified page of a mapped data file, with modified pages that follow it in the file; they go to
 * standby when the write ends. Returns how many. A page that the host refuses stays modified, and the next is tried.
 */
export function writeMappedCluster(mm: MemoryManager): number {
  let frame = mm.lists.head[FRAME_MODIFIED]!;
  while (frame >= 0) {
    const next = mm.pfn.flink[frame]!;
    const subsection = dataSubsection(mm, frame);
    if (subsection !== undefined) {
      const page = subsection.controlArea.pageOfPrototype(mm.pfn.pteAddress[frame]!);
      const pages = beginWrite(mm, subsection, page, frame);
      if (pages > 0) return pages;
    }
    frame = next;
  }
  return 0;
}

function beginWrite(mm: MemoryManager, subsection: Subsection, first: number, frame: number): number {
  const { clusterFrames } = mm.pageFiles;
  let pages = 0;
  for (
    let next = frame;
    next >= 0 && pages < REQUEST_PAGES;
    next = listedModified(mm, subsection, first + pages)
  ) {
    if (writeBytes(mm, subsection, first + pages, next) !== STATUS_SUCCESS) break;
    clusterFrames[pages++] = next;
    addReference(mm, next);
  }
  if (pages === 0) return 0;
  const position = filePosition(subsection.controlArea.file!, fileOffsetOfPage(subsection, first));
  submitRequest(mm, false, clusterFrames, pages, position);
  return pages;
}

/** The frame of a page of the subsection if it is on the modified list, else -1. */
function listedModified(mm: MemoryManager, subsection: Subsection, page: number): number {
  const { controlArea } = subsection;
  if (page >= subsection.startPage + subsection.pageCount) return -1;
  const frame = frameOfPrototype(mm, controlArea.prototypeAddress(page));
  return frame >= 0 && mm.pfn.state[frame] === FRAME_MODIFIED ? frame : -1;
}
