/**
 * The system working set: the pages of paged pool that are valid. Its list lies in system space, behind the shared user data
 * page; otherwise it is one like those of processes, and the working set manager ages and trims it with them. A page is held
 * there as long as a prototype PTE in it is valid or in transition, or while kernel code that works on it has a reference to
 * its frame. With nothing else pageable in system space, this is what later versions of Windows call the paged pool working set.
 * Source: Windows Internals, "Working sets" (system working sets), "Prototype PTEs"; Unit OS5: Memory Management 5.2, "MM: Working Sets".
 */
import {
  STATUS_IN_PAGE_ERROR,
  STATUS_NO_MEMORY,
  STATUS_PAGE_FAULT_PAGING_FILE,
  STATUS_PAGE_FAULT_TRANSITION,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import { BugCheck, KERNEL_DATA_INPAGE_ERROR, NO_PAGES_AVAILABLE } from './bug-check.js';
import { COMMIT_SYSTEM } from './commit.js';
import { FaultCounters } from './counters.js';
import type { MemoryManager } from './memory-manager.js';
import { markModified } from './page-file.js';
import { readBlock } from './page-file-fault.js';
import {
  activateTransitionFrame,
  addReference,
  allocateFrame,
  pteWordOfFrame,
  releaseReference,
  releaseShare,
  returnUnusedFrame,
} from './page-lists.js';
import { frameOfWord, pteAddress } from './page-tables.js';
import { PFN_MODIFIED } from './pfn-database.js';
import { PTE_DIRTY, PTE_NO_EXECUTE, PTE_TRANSITION, PTE_VALID, pageFileNumber, pteFrame } from './pte.js';
import { SYSTEM_WORKING_SET_LIST } from './system-layout.js';
import { allocateSystemPages, findSystemPte, SYSTEM_PTE_LOW, systemWord } from './system-space.js';
import { ensureFreeWsle, insertWsle, removeWsle, WorkingSet } from './working-set.js';
import { replaceOnePage } from './working-set-manager.js';

/**
 * Minimum and maximum in pages for RAM of up to so many pages (19 MB, 32 MB, more). Source: Inside Microsoft Windows 2000, "System
 * Working Set" (small, medium and large systems).
 */
const LIMITS = [
  { ram: 4864, minimum: 388, maximum: 500 },
  { ram: 8192, minimum: 688, maximum: 1150 },
  { ram: Number.POSITIVE_INFINITY, minimum: 1188, maximum: 2050 },
] as const;
/** Pages: the smallest RAM that these figures are for (16 MB); a machine with less has its share of them. */
const LEAST_RAM = 4096;

export class SystemWorkingSet {
  readonly workingSet = new WorkingSet();
  /** Faults on paged pool. */
  readonly counters = new FaultCounters();
  /** Valid pages of paged pool. */
  workingSetPages = 0;
  peakWorkingSetPages = 0;

  /** For a machine of so many pages of RAM. */
  constructor(frames: number) {
    const { minimum, maximum } = LIMITS.find(({ ram }) => frames <= ram)!;
    const share = Math.min(1, frames / LEAST_RAM);
    this.workingSet.minimum = Math.floor(minimum * share);
    this.workingSet.maximum = Math.floor(maximum * share);
  }

  addResident(pages: number): void {
    this.workingSetPages += pages;
    if (this.workingSetPages > this.peakWorkingSetPages) this.peakWorkingSetPages = this.workingSetPages;
  }
}

/** Maps page number `page` of the list, resident for ever; the index of its first word in ram.words, 0 when there is no frame. */
export function mapSystemListPage(mm: MemoryManager, page: number): number {
  const address = SYSTEM_WORKING_SET_LIST + page * 4096;
  if (!allocateSystemPages(mm, address, 1)) return 0;
  mm.commit.force(COMMIT_SYSTEM, 1);
  mm.systemPages++;
  return mm.frameWord(pteFrame(mm.words[findSystemPte(mm, address)]!));
}

/** True when one page more can be entered. */
export function ensureFreeSystemWsle(mm: MemoryManager): boolean {
  return ensureFreeWsle(mm, mm.systemWorkingSet) || replaceOnePage(mm, mm.systemWorkingSet, false);
}

/** Enters a page of paged pool that has just become valid. Past the maximum, which counts unless memory is plentiful, another leaves. */
export function enterSystemPage(mm: MemoryManager, address: number, frame: number): void {
  const { systemWorkingSet } = mm;
  systemWorkingSet.addResident(1);
  insertWsle(mm, systemWorkingSet, address, frame);
  const { maximum, hardMaximum } = systemWorkingSet.workingSet;
  if (systemWorkingSet.workingSetPages <= maximum) return;
  if (!hardMaximum && mm.lists.available >= mm.thresholds.plenty) return;
  addReference(mm, frame);
  replaceOnePage(mm, systemWorkingSet, !hardMaximum);
  releaseReference(mm, frame);
}

/** Takes out a page of paged pool that is about to stop being valid. */
export function leaveSystemPage(mm: MemoryManager, address: number, frame: number): void {
  mm.systemWorkingSet.addResident(-1);
  removeWsle(mm, mm.systemWorkingSet, address, frame);
  mm.systemWordPage = -1;
  mm.processor.invalidatePage(address);
}

/** True while an entry in the page is valid or in transition, or kernel code has it locked: it cannot be trimmed. */
export function systemPageIsHeld(mm: MemoryManager, frame: number): boolean {
  return mm.pfn.shareCount[frame]! > 1 || mm.pfn.referenceCount[frame]! > 1;
}

/** Takes a valid page (PTE at index `pte` in ram.words) out of the system working set; it goes into transition. */
export function trimSystemPage(mm: MemoryManager, pte: number, address: number): void {
  const frame = pteFrame(mm.words[pte]!);
  leaveSystemPage(mm, address, frame);
  releaseShare(mm, frame);
}

/** The bytes of a system page change: what a paging file has of it is out of date. */
export function markSystemPageWritten(mm: MemoryManager, frame: number): void {
  if ((mm.pfn.flags[frame]! & PFN_MODIFIED) !== 0) return;
  markModified(mm, frame);
  mm.words[pteWordOfFrame(mm, frame)]! |= PTE_DIRTY;
}

/** Like systemWord, for a word that is then written. */
export function systemWordToWrite(mm: MemoryManager, address: number): number {
  const word = systemWord(mm, address);
  markSystemPageWritten(mm, frameOfWord(mm, word));
  return word;
}

/**
 * Makes the page of a mapped system address valid, before anything else has changed. STATUS_SUCCESS, or STATUS_NO_MEMORY or
 * STATUS_IN_PAGE_ERROR with nothing changed.
 */
export function makeSystemPageValid(mm: MemoryManager, address: number): number {
  if (Math.floor(address / 4096) === mm.systemWordPage) return STATUS_SUCCESS;
  const pte = findSystemPte(mm, address);
  if ((mm.words[pte]! & PTE_VALID) !== 0) return STATUS_SUCCESS;
  const status = resolveSystemFault(mm, address, pte);
  return status === STATUS_NO_MEMORY || status === STATUS_IN_PAGE_ERROR ? status : STATUS_SUCCESS;
}

/**
 * Brings the page of a system address in for kernel code that cannot go on without it. `pte`: index of its entry. False when
 * nothing is mapped there. A page that cannot be had stops the machine: KERNEL_DATA_INPAGE_ERROR or NO_PAGES_AVAILABLE.
 */
export function bringInSystemPage(mm: MemoryManager, address: number, pte: number): boolean {
  const lo = mm.words[pte]!;
  const hi = mm.words[pte + 1]!;
  if (lo === 0 && hi === 0) return false;
  const status = resolveSystemFault(mm, address, pte);
  if (status === STATUS_NO_MEMORY) throw noPagesAvailable(mm);
  if (status === STATUS_IN_PAGE_ERROR) {
    throw new BugCheck(
      KERNEL_DATA_INPAGE_ERROR,
      [pteAddress(address), mm.sections.inPageStatus, hi * 0x1_0000_0000 + lo, address],
      'paged pool could not be read from the paging file',
    );
  }
  return true;
}

function noPagesAvailable({ lists, nonpagedPool }: MemoryManager): BugCheck {
  const poolLeft = nonpagedPool.limitPages - nonpagedPool.pages;
  const parameters = [lists.modifiedMapped + lists.modifiedPageFile, lists.modifiedPageFile, poolLeft];
  return new BugCheck(NO_PAGES_AVAILABLE, parameters, 'no frame for a page of paged pool');
}

/** Resolves, counts and reports a fault on paged pool: its entry is in transition or names a paging-file block. */
function resolveSystemFault(mm: MemoryManager, address: number, pte: number): number {
  const status = ensureFreeSystemWsle(mm) ? makeValid(mm, address, pte) : STATUS_NO_MEMORY;
  countFault(mm.counters, status);
  countFault(mm.systemWorkingSet.counters, status);
  if (mm.events.active) {
    const lo = mm.words[pte]!;
    mm.events.emit('fault', null, address, (lo & PTE_VALID) !== 0 ? pteFrame(lo) : -1, status);
  }
  return status;
}

function countFault(counters: FaultCounters, status: number): void {
  counters.total++;
  if (status === STATUS_PAGE_FAULT_PAGING_FILE || status === STATUS_IN_PAGE_ERROR) counters.hard++;
  else counters.soft++;
  if (status === STATUS_PAGE_FAULT_PAGING_FILE) counters.pageFileRead++;
  if (status === STATUS_PAGE_FAULT_TRANSITION) counters.transition++;
}

function makeValid(mm: MemoryManager, address: number, pte: number): number {
  const { words } = mm;
  for (;;) {
    const lo = words[pte]!;
    const hi = words[pte + 1]!;
    if ((lo & PTE_VALID) !== 0) return STATUS_PAGE_FAULT_TRANSITION;
    if ((lo & PTE_TRANSITION) !== 0) {
      activateTransitionFrame(mm, pteFrame(lo));
      return enterValid(mm, address, pte, pteFrame(lo), STATUS_PAGE_FAULT_TRANSITION);
    }
    const frame = allocateFrame(mm);
    if (frame < 0) return STATUS_NO_MEMORY;
    if (words[pte] === lo && words[pte + 1] === hi) {
      const status = readPage(mm, address, pte, frame);
      return status === STATUS_PAGE_FAULT_PAGING_FILE ? enterValid(mm, address, pte, frame, status) : status;
    }
    // Segments were deleted to make the frame available, and their prototype PTEs lay in the same page.
    returnUnusedFrame(mm, frame);
  }
}

/** Makes the entry valid for the frame with its contents. */
function enterValid(mm: MemoryManager, address: number, pte: number, frame: number, status: number): number {
  const dirty = (mm.pfn.flags[frame]! & PFN_MODIFIED) !== 0 ? PTE_DIRTY : 0;
  mm.words[pte] = (frame << 12) | (SYSTEM_PTE_LOW & ~PTE_DIRTY) | dirty;
  mm.words[pte + 1] = PTE_NO_EXECUTE;
  enterSystemPage(mm, address - (address % 4096), frame);
  return status;
}

/** Fills a frame from the block that an entry names; the block stays the page's backing store until the page is written to. */
function readPage(mm: MemoryManager, address: number, pte: number, frame: number): number {
  const lo = mm.words[pte]!;
  const block = mm.words[pte + 1]!;
  const read = readBlock(mm, pageFileNumber(lo), block, frame);
  if (mm.events.active) mm.events.emit('page-in', null, address, frame, block);
  if (read !== STATUS_SUCCESS) {
    mm.sections.inPageStatus = read;
    returnUnusedFrame(mm, frame);
    return STATUS_IN_PAGE_ERROR;
  }
  mm.pageFiles.pagesRead++;
  mm.pfn.initialize(frame, pteAddress(address), frameOfWord(mm, pte), lo, block, 0);
  return STATUS_PAGE_FAULT_PAGING_FILE;
}
