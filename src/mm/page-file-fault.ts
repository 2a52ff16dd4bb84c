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
import { type PageFileStore, pageFilePosition } from './page-file.js';
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
 * block, and neighbours. `flags`: PFN_PROTOTYPE when it is a prototype PTE, PFN_PAGE_TABLE when the page is a page table,
 * which is read alone. STATUS_PENDING, with mm.pendingFrame the frame to wait for; STATUS_NO_MEMORY or STATUS_IN_PAGE_ERROR with nothing changed.
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
  let pages = 1 + (isTable ? 0 : allocateNeighbours(mm, neighbours(mm, word)));
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
    const entry = word + index * 2;
    const block = mm.words[entry + 1]!;
    if (mm.events.active) mm.events.emit('page-in', space, address + index * PAGE_SIZE, frame, block);
    makeTransition(mm, entry, at + index * 8, frame, mm.words[entry]!, block, flags);
  }
  submitRequest(mm, true, clusterFrames, pages, position);
  mm.pageFiles.pagesRead += pages;
  mm.counters.pageFileRead++;
  space.counters.pageFileRead++;
  mm.pendingFrame = wanted;
  return STATUS_PENDING;
}

/** Entries of a page of PTEs or prototype PTEs from the one at an index of ram.words on. */
export function entriesFrom(mm: MemoryManager, word: number): number {
  return 512 - (((word - mm.baseWord) & 1023) >>> 1);
}

/** Entries after `word`, in the same page, that name the blocks after its own. */
function neighbours(mm: MemoryManager, word: number): number {
  const { words } = mm;
  const file = pageFileNumber(words[word]!);
  const block = words[word + 1]!;
  const most = Math.min(READ_CLUSTER_PAGES, entriesFrom(mm, word));
  let count = 1;
  for (; count < most; count++) {
    const lo = words[word + count * 2]!;
    if ((lo & NOT_IN_PAGE_FILE) !== 0 || pageFileNumber(lo) !== file) break;
    if (words[word + count * 2 + 1] !== block + count || !hasPageFileBlock(lo, block + count)) break;
  }
  return count - 1;
}

/**
 * Allocates frames for up to `most` neighbours, into clusterFrames behind the first, while memory is not low: pages that may
 * not be wanted drive out no others. Returns how many.
 */
export function allocateNeighbours(mm: MemoryManager, most: number): number {
  let count = 0;
  while (count < most && mm.lists.available > mm.thresholds.low)
    mm.pageFiles.clusterFrames[++count] = allocateFrame(mm);
  return count;
}

/** The entry (or prototype PTE) of a page that is being read is in transition; the frame has its original PTE. */
export function makeTransition(
  mm: MemoryManager,
  word: number,
  at: number,
  frame: number,
  originalLo: number,
  originalHi: number,
  flags: number,
): void {
  mm.pfn.initializeTransition(frame, at, frameOfWord(mm, word), originalLo, originalHi, flags);
  mm.words[word] = transitionLow(frame, pteProtection(originalLo));
  mm.words[word + 1] = 0;
}

/** Fills the first `pages` frames of clusterFrames with the blocks that entries from `word` on name. STATUS_SUCCESS, or the host's reason. */
function readBlocks(mm: MemoryManager, word: number, pages: number): number {
  const { cluster, clusterFrames, store } = mm.pageFiles;
  const file = pageFileNumber(mm.words[word]!);
  const bytes = cluster.subarray(0, pages * PAGE_SIZE);
  const status = readStore(store, file, mm.words[word + 1]!, bytes);
  if (status !== STATUS_SUCCESS) return status;
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
  return readStore(pageFiles.store, file, block, ram.bytes.subarray(start, start + PAGE_SIZE));
}

/** STATUS_SUCCESS, or why the host cannot read. */
function readStore(store: PageFileStore, file: number, block: number, target: Uint8Array): number {
  try {
    store.read(file, block * PAGE_SIZE, target);
    return STATUS_SUCCESS;
  } catch (error) {
    if (!(error instanceof HostIoError)) throw error;
    return error.status;
  }
}
