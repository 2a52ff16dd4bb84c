/**
 * Beginning to read pages of a file into frames: for a hard fault on a view, and for cached reads. Until the read ends the
 * pages' prototype PTEs are in transition. Source: Windows Internals, "In-paging I/O", "Clustered page faults".
 */
import { STATUS_NO_MEMORY, STATUS_PENDING, STATUS_SUCCESS } from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';
import { HostIoError } from './backing-file.js';
import type { ControlArea, Subsection } from './control-area.js';
import type { MemoryManager } from './memory-manager.js';
import { allocateNeighbours, entriesFrom, makeTransition } from './page-file-fault.js';
import { allocateFrame, returnUnusedFrame } from './page-lists.js';
import { submitRequest } from './paging-io.js';
import { PFN_MODIFIED, PFN_PROTOTYPE } from './pfn-database.js';
import {
  demandZeroLow,
  MM_READWRITE,
  PTE_PROTOTYPE,
  PTE_VALID,
  pteAddressField,
  pteProtection,
} from './pte.js';
import { fileOffsetOfPage, filePosition, readPageIntoFrame } from './section-page.js';

const PAGE_SIZE = 4096;

/**
 * Begins to read the page whose prototype PTE (index `prototype` in ram.words, its page held) lies at `at`, and up to `most`
 * pages together with it that are only in the file. STATUS_PENDING, with mm.pendingFrame the frame of the first; STATUS_NO_MEMORY, or
 * STATUS_IN_PAGE_ERROR when the host cannot read it. `address` is for the events: where the page will be seen.
 */
export function beginFileRead(
  mm: MemoryManager,
  space: AddressSpace | null,
  controlArea: ControlArea,
  prototype: number,
  at: number,
  address: number,
  most: number,
): number {
  const page = controlArea.pageOfPrototype(at);
  const subsection = controlArea.subsectionOf(page)!;
  const wanted = allocateFrame(mm);
  if (wanted < 0) return STATUS_NO_MEMORY;
  const { clusterFrames } = mm.pageFiles;
  clusterFrames[0] = wanted;
  const allocated = 1 + allocateNeighbours(mm, neighbours(mm, subsection, prototype, page, most));
  let pages = readCluster(mm, subsection, page, allocated) ? allocated : 0;
  let status = STATUS_SUCCESS;
  for (; pages < allocated && status === STATUS_SUCCESS; pages++) {
    status = readPageIntoFrame(mm, subsection, page + pages, clusterFrames[pages]!);
    if (status !== STATUS_SUCCESS) break;
  }
  emitReads(mm, space, controlArea, address, Math.max(1, pages), pages === 0 ? status : STATUS_SUCCESS);
  for (let index = pages; index < allocated; index++) returnUnusedFrame(mm, clusterFrames[index]!);
  if (pages === 0) return status;
  for (let index = 0; index < pages; index++)
    beginPage(mm, controlArea, prototype + index * 2, at + index * 8, clusterFrames[index]!);
  const position = filePosition(controlArea.file!, fileOffsetOfPage(subsection, page));
  submitRequest(mm, true, clusterFrames, pages, position);
  if (!controlArea.isImage) mm.sections.pagesRead += pages;
  mm.pendingFrame = wanted;
  return STATUS_PENDING;
}

/** Reads pages that lie together in a data file into the frames of clusterFrames at once; false when that does not succeed. */
function readCluster(mm: MemoryManager, subsection: Subsection, page: number, pages: number): boolean {
  const { file, isImage } = subsection.controlArea;
  if (isImage || pages === 1) return false;
  const { cluster, clusterFrames } = mm.pageFiles;
  const start = fileOffsetOfPage(subsection, page);
  const bytes = Math.max(0, Math.min(pages * PAGE_SIZE, file!.size - start));
  try {
    if (bytes > 0 && file!.read(start, cluster.subarray(0, bytes)) < bytes) return false;
  } catch (error) {
    if (error instanceof HostIoError) return false;
    throw error;
  }
  cluster.fill(0, bytes, pages * PAGE_SIZE);
  for (let index = 0; index < pages; index++) {
    const part = cluster.subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE);
    mm.ram.bytes.set(part, mm.ram.offsetOf(clusterFrames[index]!));
  }
  return true;
}

function emitReads(
  mm: MemoryManager,
  space: AddressSpace | null,
  { isImage, file }: ControlArea,
  address: number,
  pages: number,
  status: number,
): void {
  if (!mm.events.active) return;
  const { clusterFrames } = mm.pageFiles;
  const kind = isImage ? 'image-read' : 'file-read';
  for (let index = 0; index < pages; index++)
    mm.events.emit(kind, space, address + index * PAGE_SIZE, clusterFrames[index]!, status, file!.name);
}

/** Pages of the subsection after `page` whose prototype PTEs lie in the same page and say that they are still only in the file. */
function neighbours(
  mm: MemoryManager,
  subsection: Subsection,
  prototype: number,
  page: number,
  mostPages: number,
): number {
  const { words } = mm;
  const most = Math.min(
    mostPages,
    entriesFrom(mm, prototype),
    subsection.startPage + subsection.pageCount - page,
  );
  let count = 1;
  for (; count < most; count++) {
    const lo = words[prototype + count * 2]!;
    if ((lo & (PTE_VALID | PTE_PROTOTYPE)) !== PTE_PROTOTYPE) break;
    if (pteAddressField(lo, words[prototype + count * 2 + 1]!) !== subsection.address) break;
  }
  return count - 1;
}

/** The prototype PTE of a page of a file that is being read goes into transition. */
function beginPage(
  mm: MemoryManager,
  controlArea: ControlArea,
  prototype: number,
  at: number,
  frame: number,
): void {
  const lo = mm.words[prototype]!;
  const hi = mm.words[prototype + 1]!;
  const protection = pteProtection(lo);
  // A shared writable page of an image is never written to the image: from now on the paging file backs it.
  if (controlArea.isImage && (protection & 5) === MM_READWRITE) {
    const flags = PFN_PROTOTYPE | PFN_MODIFIED;
    makeTransition(mm, prototype, at, frame, demandZeroLow(protection), 0, flags);
  } else makeTransition(mm, prototype, at, frame, lo, hi, PFN_PROTOTYPE);
}
