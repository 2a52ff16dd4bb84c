/**
 * Private pages whose contents are of no interest for a time: MEM_RESET and MEM_RESET_UNDO. A page that is reset is clean and its
 * copy in a paging file freed, so that its frame goes to standby and may be given another use without having been written; the
 * page is one of zeros then. A write makes its contents count again. What was lost is marked in the PTE or original PTE until
 * MEM_RESET_UNDO asks. Pages of sections keep their contents, which both flags allow. Source: Microsoft, "VirtualAlloc function"
 * (MEM_RESET, MEM_RESET_UNDO). That a failing undo is STATUS_DEVICE_BUSY (ERROR_BUSY, as of ReclaimVirtualMemory) is not documented.
 */
import { STATUS_DEVICE_BUSY, STATUS_SUCCESS } from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { releasePageFileSpace } from './page-file.js';
import { addReference, releaseReference } from './page-lists.js';
import { nextAddressBroughtIn } from './page-table-fault.js';
import { findPte, nextBoundary } from './page-tables.js';
import { isBeingRead } from './paging-io.js';
import { PFN_MODIFIED, PFN_PROTOTYPE } from './pfn-database.js';
import {
  demandZeroLow,
  hasPageFileBlock,
  PTE_DIRTY,
  PTE_LOST,
  PTE_RESET,
  PTE_TRANSITION,
  PTE_VALID,
  pteFrame,
  pteProtection,
  resetMarks,
} from './pte.js';
import { noteWrite } from './write-watch.js';

type EntryAction = (mm: MemoryManager, space: AddressSpace, word: number, address: number) => void;

/**
 * Does something with each entry that is not zero in `start`..`end` (addresses, end not included) of a private range.
 * STATUS_SUCCESS, or STATUS_NO_MEMORY or STATUS_IN_PAGE_ERROR when a page table cannot be brought back.
 */
export function forEachEntry(
  mm: MemoryManager,
  space: AddressSpace,
  start: number,
  end: number,
  action: EntryAction,
): number {
  let at = nextAddressBroughtIn(mm, space, start, end);
  while (at >= 0 && at < end) {
    const tableEnd = Math.min(end, nextBoundary(at, 2));
    let word = findPte(mm, space, at);
    for (; at < tableEnd; at += 4096, word += 2) if (mm.words[word] !== 0) action(mm, space, word, at);
    at = nextAddressBroughtIn(mm, space, tableEnd, end);
  }
  return at < 0 ? -at : STATUS_SUCCESS;
}

/** Resets the pages in `start`..`end` of a private range. STATUS_NO_MEMORY or STATUS_IN_PAGE_ERROR when a page table cannot be brought back. */
export function resetPrivatePages(
  mm: MemoryManager,
  space: AddressSpace,
  start: number,
  end: number,
): number {
  return forEachEntry(mm, space, start, end, resetEntry);
}

function resetEntry(mm: MemoryManager, space: AddressSpace, word: number, address: number): void {
  const lo = mm.words[word]!;
  const hi = mm.words[word + 1]!;
  if ((lo & PTE_VALID) !== 0) {
    if ((lo & PTE_DIRTY) !== 0) {
      noteWrite(mm, space, address);
      mm.words[word] = lo & ~PTE_DIRTY;
      if (mm.current === space) mm.processor.invalidatePage(address);
    }
    forgetContents(mm, pteFrame(lo));
  } else if ((lo & PTE_TRANSITION) !== 0) {
    const frame = pteFrame(lo);
    if (!isBeingRead(mm, frame)) relist(mm, frame, forgetContents);
  } else if (hasPageFileBlock(lo, hi)) {
    releasePageFileSpace(mm, lo, hi);
    mm.words[word] = demandZeroLow(pteProtection(lo)) | PTE_RESET;
    mm.words[word + 1] = 0;
  }
}

/** A frame's contents need not be kept any more. */
function forgetContents(mm: MemoryManager, frame: number): void {
  const { pfn } = mm;
  if ((pfn.flags[frame]! & PFN_PROTOTYPE) !== 0) return;
  const lo = pfn.originalLo[frame]!;
  releasePageFileSpace(mm, lo, pfn.originalHi[frame]!);
  pfn.originalLo[frame] = demandZeroLow(pteProtection(lo)) | PTE_RESET;
  pfn.originalHi[frame] = 0;
  pfn.flags[frame]! &= ~PFN_MODIFIED;
}

/** Changes what is known of a frame in transition, which then goes to the list where it belongs. */
export function relist(
  mm: MemoryManager,
  frame: number,
  change: (mm: MemoryManager, frame: number) => void,
): void {
  addReference(mm, frame);
  change(mm, frame);
  releaseReference(mm, frame);
}

/**
 * The contents of the pages in `start`..`end` of a private range count again. STATUS_DEVICE_BUSY when those of a page were lost since
 * it was reset; STATUS_NO_MEMORY or STATUS_IN_PAGE_ERROR when a page table cannot be brought back.
 */
export function undoReset(mm: MemoryManager, space: AddressSpace, start: number, end: number): number {
  let isLost = false;
  const status = forEachEntry(mm, space, start, end, (_mm, _space, word) => {
    if (undoEntry(mm, word)) isLost = true;
  });
  return status === STATUS_SUCCESS && isLost ? STATUS_DEVICE_BUSY : status;
}

/** True when the contents that the page had at the reset are lost. */
function undoEntry(mm: MemoryManager, word: number): boolean {
  const lo = mm.words[word]!;
  if ((lo & (PTE_VALID | PTE_TRANSITION)) === 0) {
    const marks = resetMarks(lo);
    mm.words[word] = lo & ~marks;
    return marks !== 0;
  }
  const frame = pteFrame(lo);
  const marks = resetMarks(mm.pfn.originalLo[frame]!);
  if (marks === 0) return false;
  if ((lo & PTE_VALID) !== 0 || isBeingRead(mm, frame)) keepContents(mm, frame);
  else relist(mm, frame, keepContents);
  return (marks & PTE_LOST) !== 0;
}

/** A frame's contents have to be kept again: they are nowhere else, unless a paging file has them. */
function keepContents(mm: MemoryManager, frame: number): void {
  const { pfn } = mm;
  const marks = resetMarks(pfn.originalLo[frame]!);
  pfn.originalLo[frame]! &= ~marks;
  if ((marks & PTE_RESET) !== 0) pfn.flags[frame]! |= PFN_MODIFIED;
}
