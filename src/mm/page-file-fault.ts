/**
 * Faults on pages that are in a paging file: the block is read into a frame, and with it the blocks of the next pages when
 * they follow it in the file. Until the read ends the pages are in transition, and whoever faults on one waits for it. The
 * block stays the page's backing store until the page is written to. MiResolvePageFileFault.
 * Source: Windows Internals, "Page fault handling", "In-paging I/O", "Clustered page faults", "Page files".
 */
import { STATUS_IN_PAGE_ERROR, STATUS_NO_MEMORY, STATUS_PENDING, STATUS_SUCCESS } from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';
import { HostIoError } from './backing-file.js';
import type { MemoryManager } from './memory-manager.js';
import { pageFilePosition } from './page-file.js';
import { allocateFrame, returnUnusedFrame } from './page-lists.js';
import { frameOfWord } from './page-tables.js';
import { submitRequest } from './paging-io.js';
import { PFN_PAGE_TABLE } from './pfn-database.js';
import {
  hasPageFileBlock,
  PTE_PROTOTYPE,
  PTE_TRANSITION,
  PTE_VALID,
  pageFileNumber,
  pteProtection,
  transitionLow,
} from './pte.js';

const PAGE_SIZE = 4096;
/** Most pages that one fault reads. */
export const READ_CLUSTER_PAGES = 8;
const NOT_IN_PAGE_FILE = PTE_VALID | PTE_PROTOTYPE | PTE_TRANSITION;

/**
 * Begins to read the page of an entry (`word`: its index in ram.words; `at`: its system address) that names a paging-file
 * block, and neighbours. `flags`: PFN_PROTOTYPE when it is a prototype PTE, PFN_PAGE_TABLE when the page is a page table, which is read
 * alone. STATUS_PENDING, with mm.pendingFrame the frame
 * to wait for; STATUS_NO_MEMORY or STATUS_IN_PAGE_ERROR with nothing changed.
 */
export function resolvePageFileFault(
  mm: MemoryManager,
  space: AddressSpace,
  word: number,
  at: number,
  address: number,
  flags: number,
): number {
  const wanted = allocateFrame(mm);
  if (wanted < 0) return STATUS_NO_MEMORY;
  const { clusterFrames } = mm.pageFiles;
  clusterFrames[0] = wanted;
  const isTable = (flags & PFN_PAGE_TABLE) !== 0;
  let pages = 1 + (isTable ? 0 : allocateNeighbours(mm, neighbours(mm, word), 1));
  let status = readBlocks(mm, word, pages);
  if (status !== STATUS_SUCCESS && pages > 1) {
    for (; pages > 1; pages--) returnUnusedFrame(mm, clusterFrames[pages - 1]!);
    status = readBlocks(mm, word, 1);
  }
  mm.faultWasHard = true;
  if (status !== STATUS_SUCCESS) {
    mm.sections.inPageStatus = status;
    returnUnusedFrame(mm, wanted);
    return STATUS_IN_PAGE_ERROR;
  }
  const position = pageFilePosition(pageFileNumber(mm.words[word]!), mm.words[word + 1]!);
  for (let index = 0; index < pages; index++) {
    const frame = clusterFrames[index]!;
    if (mm.events.active)
      mm.events.emit('page-in', space, address + index * PAGE_SIZE, frame, mm.words[word + index * 2 + 1]!);
    makeTransition(mm, word + index * 2, at + index * 8, frame, flags);
  }
  submitRequest(mm, true, clusterFrames, pages, position);
  mm.pageFiles.pagesRead += pages;
  mm.counters.pageFileRead++;
  space.counters.pageFileRead++;
  mm.pendingFrame = wanted;
  return STATUS_PENDING;
}

/** Entries after `word`, in the same page, that name the blocks after its own. */
function neighbours(mm: MemoryManager, word: number): number {
  const { words } = mm;
  const file = pageFileNumber(words[word]!);
  const block = words[word + 1]!;
  const most = Math.min(READ_CLUSTER_PAGES, 512 - (((word - mm.baseWord) & 1023) >>> 1));
  let count = 1;
  for (; count < most; count++) {
    const lo = words[word + count * 2]!;
    if ((lo & NOT_IN_PAGE_FILE) !== 0 || pageFileNumber(lo) !== file) break;
    if (words[word + count * 2 + 1] !== block + count || !hasPageFileBlock(lo, block + count)) break;
  }
  return count - 1;
}

/**
 * Allocates frames for up to `most` neighbours, into clusterFrames from `first` on, while there is plenty of them: pages that
 * may not be wanted drive out no others. Returns how many.
 */
export function allocateNeighbours(mm: MemoryManager, most: number, first: number): number {
  let count = 0;
  while (count < most && mm.lists.available > mm.thresholds.low)
    mm.pageFiles.clusterFrames[first + count++] = allocateFrame(mm);
  return count;
}

/** The entry of a page that is being read is in transition; the frame remembers what it was. */
function makeTransition(mm: MemoryManager, word: number, at: number, frame: number, flags: number): void {
  const lo = mm.words[word]!;
  mm.pfn.initializeTransition(frame, at, frameOfWord(mm, word), lo, mm.words[word + 1]!, flags);
  mm.words[word] = transitionLow(frame, pteProtection(lo));
  mm.words[word + 1] = 0;
}

/** Fills the first `pages` frames of clusterFrames with the blocks that entries from `word` on name. STATUS_SUCCESS, or the host's reason. */
function readBlocks(mm: MemoryManager, word: number, pages: number): number {
  const { cluster, clusterFrames, store } = mm.pageFiles;
  const file = pageFileNumber(mm.words[word]!);
  const bytes = cluster.subarray(0, pages * PAGE_SIZE);
  try {
    store.read(file, mm.words[word + 1]! * PAGE_SIZE, bytes);
  } catch (error) {
    if (!(error instanceof HostIoError)) throw error;
    return error.status;
  }
  for (let index = 0; index < pages; index++) {
    const start = index * PAGE_SIZE;
    mm.ram.bytes.set(bytes.subarray(start, start + PAGE_SIZE), mm.ram.offsetOf(clusterFrames[index]!));
  }
  return STATUS_SUCCESS;
}

/** Reads one block into a page of RAM, waiting on the spot. STATUS_SUCCESS, or the host's reason. */
export function readBlock(mm: MemoryManager, file: number, block: number, frame: number): number {
  const { clock, io, pageFiles, ram } = mm;
  const now = clock.now100ns;
  const start = ram.offsetOf(frame);
  clock.advance?.(io.disk.submit(now, pageFilePosition(file, block), PAGE_SIZE) - now);
  try {
    pageFiles.store.read(file, block * PAGE_SIZE, ram.bytes.subarray(start, start + PAGE_SIZE));
    return STATUS_SUCCESS;
  } catch (error) {
    if (!(error instanceof HostIoError)) throw error;
    return error.status;
  }
}
