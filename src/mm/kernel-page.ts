/**
 * Pages of the system's own that leave memory and come back as a whole, not by faults: kernel stacks, and the page tables and
 * working-set list of a process that is swapped. Their entries pass through the same forms as those of programs.
 */
import { STATUS_SUCCESS } from '../base/ntstatus.js';
import type { MemoryManager } from './memory-manager.js';
import { markModified } from './page-file.js';
import { readBlock } from './page-file-fault.js';
import {
  activateTransitionFrame,
  addShare,
  allocateFrame,
  releaseShare,
  returnUnusedFrame,
} from './page-lists.js';
import { frameOfWord } from './page-tables.js';
import { isBeingRead, waitForFrame } from './paging-io.js';
import { FRAME_ACTIVE } from './pfn-database.js';
import { PTE_TRANSITION, pageFileNumber, pteFrame, pteProtection, transitionLow } from './pte.js';

/** Answers of inPage: no frame could be had; the paging file could not be read (why: sections.inPageStatus). */
export const NO_FRAME = -1;
export const READ_FAILED = -2;

/**
 * The page of a valid entry (`word`: its index in ram.words) goes into transition; with nothing else in it that is in memory,
 * its frame goes to the modified list. A table whose own entries are still in transition follows when the last of them goes.
 */
export function outPage(mm: MemoryManager, word: number): void {
  const frame = pteFrame(mm.words[word]!);
  mm.words[word] = transitionLow(frame, pteProtection(mm.pfn.originalLo[frame]!));
  mm.words[word + 1] = 0;
  releaseShare(mm, frame);
}

/** True when the page of an entry that is not valid must be read from its paging file. */
export function isPagedOut(mm: MemoryManager, word: number): boolean {
  return (mm.words[word]! & PTE_TRANSITION) === 0;
}

/**
 * Brings the page of an entry in transition or in a paging file in again and returns its frame, shared once, modified; the
 * caller makes the entry valid. `at` is the entry's system address, `flags` those of its PFN entry. NO_FRAME or
 * READ_FAILED with nothing changed.
 */
export function inPage(mm: MemoryManager, word: number, at: number, flags: number): number {
  const frame = isPagedOut(mm, word) ? readPage(mm, word, at, flags) : leaveTransition(mm, word);
  if (frame >= 0) markModified(mm, frame);
  return frame;
}

/**
 * The frame of an entry in transition, which may also be active still, as a table with entries in transition. One that is being
 * read is waited for on the spot.
 */
function leaveTransition(mm: MemoryManager, word: number): number {
  const frame = pteFrame(mm.words[word]!);
  if (isBeingRead(mm, frame)) waitForFrame(mm, frame);
  if (mm.pfn.state[frame] === FRAME_ACTIVE) addShare(mm, frame);
  else activateTransitionFrame(mm, frame);
  return frame;
}

function readPage(mm: MemoryManager, word: number, at: number, flags: number): number {
  const frame = allocateFrame(mm);
  if (frame < 0) return NO_FRAME;
  const lo = mm.words[word]!;
  const block = mm.words[word + 1]!;
  const status = readBlock(mm, pageFileNumber(lo), block, frame);
  if (mm.events.active) mm.events.emit('page-in', null, 0, frame, block);
  if (status !== STATUS_SUCCESS) {
    mm.sections.inPageStatus = status;
    returnUnusedFrame(mm, frame);
    return READ_FAILED;
  }
  mm.pageFiles.pagesRead++;
  mm.pfn.initialize(frame, at, frameOfWord(mm, word), lo, block, flags);
  return frame;
}
