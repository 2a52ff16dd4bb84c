/**
 * Taking pages out of an address space: deleting the entries of a range, and trimming one page so that its entry is in
 * transition or names its prototype PTE. MiDeletePte, MiFreeWsle.
 */
import { STATUS_SUCCESS } from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { markModified, releasePageFileSpace } from './page-file.js';
import { readBlock } from './page-file-fault.js';
import { deleteActiveFrame, deleteTransitionFrame, releaseShare } from './page-lists.js';
import { bringPteIn, holdPath } from './page-table-fault.js';
import { takeWindow, UNREADABLE } from './page-table-peek.js';
import {
  ENTRY_SPAN,
  findPte,
  forgetTable,
  frameOfWord,
  freeEmptyTable,
  invalidLevel,
  nextAddressWithTable,
  nextBoundary,
  releaseTable,
  tableEntryWord,
  unchargeTable,
} from './page-tables.js';
import { PFN_PAGE_TABLE, PFN_PROTOTYPE } from './pfn-database.js';
import {
  addressHigh,
  PTE_DIRTY,
  PTE_PROTOTYPE,
  PTE_TRANSITION,
  PTE_VALID,
  pageFileNumber,
  prototypeLow,
  pteFrame,
} from './pte.js';
import { removeWsle } from './working-set.js';
import { noteWrite } from './write-watch.js';

/**
 * Deletes every entry in `start`..`end` (addresses, multiples of 4096, end not included) and the tables that become empty.
 * STATUS_NO_MEMORY or STATUS_IN_PAGE_ERROR, with nothing changed, when a table that maps other addresses too cannot be
 * brought back.
 */
export function tryDeletePteRange(
  mm: MemoryManager,
  space: AddressSpace,
  start: number,
  end: number,
): number {
  if (nextAddressWithTable(mm, space, start, end) === end) return STATUS_SUCCESS;
  if (end <= nextBoundary(start, 2)) {
    const word = bringPteIn(mm, space, start);
    if (word < 0) return -word;
    if (word > 0) deleteInTable(mm, space, start, end);
    return STATUS_SUCCESS;
  }
  const first = holdPath(mm, space, start);
  if (first < 0) return -first;
  const last = holdPath(mm, space, end - 4096);
  if (last >= 0) {
    deletePteRange(mm, space, start, end);
    releaseTable(mm, space, last);
  }
  releaseTable(mm, space, first);
  return last < 0 ? -last : STATUS_SUCCESS;
}

/**
 * The same as far as it goes: a table that maps other addresses too and cannot be brought back keeps its entries. One that is
 * out and maps nothing else goes without coming back.
 */
export function deletePteRange(mm: MemoryManager, space: AddressSpace, start: number, end: number): void {
  let at = nextAddressWithTable(mm, space, start, end);
  while (at < end) {
    const level = findPte(mm, space, at) !== 0 ? 0 : invalidLevel(mm, space, at);
    const next = nextBoundary(at, Math.max(level, 2));
    let done = Math.min(next, end);
    if (level === 0) deleteInTable(mm, space, at, done);
    else if (start <= next - ENTRY_SPAN[level]! && next <= end) deleteTableOut(mm, space, at, level);
    else if (bringPteIn(mm, space, at) >= 0) done = at;
    at = nextAddressWithTable(mm, space, done, end);
  }
}

function deleteInTable(mm: MemoryManager, space: AddressSpace, start: number, end: number): void {
  let word = findPte(mm, space, start);
  const table = frameOfWord(mm, word);
  for (let address = start; address < end; address += 4096, word += 2) {
    if (mm.words[word] !== 0 || mm.words[word + 1] !== 0) deletePte(mm, space, word, address);
  }
  freeEmptyTable(mm, space, table);
}

/** A deleted page table of a level (3 to 1) that could not be read: the entry that named it. */
export interface LostTable {
  readonly lo: number;
  readonly hi: number;
  readonly level: number;
  /** Who is still charged for the tables below it; null: nobody. */
  owner: AddressSpace | null;
}

/** Deletes the table whose entry of a level (4 to 2) is in transition or names a paging-file block. */
function deleteTableOut(mm: MemoryManager, space: AddressSpace, address: number, level: number): void {
  const word = tableEntryWord(mm, space, address, level);
  const holder = frameOfWord(mm, word);
  const lo = mm.words[word]!;
  const hi = mm.words[word + 1]!;
  mm.words[word] = 0;
  mm.words[word + 1] = 0;
  mm.pfn.usedPtes[holder]!--;
  releaseTableOut(mm, space, lo, hi, level - 1);
  freeEmptyTable(mm, space, holder);
}

/** Frees a table of a level (3 to 1) that is out, and everything below, which is all in paging files. */
function releaseTableOut(
  mm: MemoryManager,
  owner: AddressSpace | null,
  lo: number,
  hi: number,
  level: number,
): void {
  if (owner !== null) unchargeTable(mm, owner);
  const table = readTableOut(mm, lo, hi, level);
  if (table < 0) {
    mm.lostTables.push({ lo, hi, level, owner });
    return;
  }
  releaseEntries(mm, owner, table, level);
  if ((lo & PTE_TRANSITION) !== 0) deleteTransitionFrame(mm, table);
  else releasePageFileSpace(mm, lo, hi);
}

function releaseEntries(mm: MemoryManager, owner: AddressSpace | null, table: number, level: number): void {
  const first = mm.frameWord(table);
  for (let word = first; word < first + 1024; word += 2) {
    const lo = mm.words[word]!;
    const hi = mm.words[word + 1]!;
    if (level === 1) releasePageFileSpace(mm, lo, hi);
    else if (lo !== 0 || hi !== 0) releaseTableOut(mm, owner, lo, hi, level - 1);
  }
}

/** Where the table that an entry names can be read: its frame, or the page of the window that it was read into; UNREADABLE. */
function readTableOut(mm: MemoryManager, lo: number, hi: number, level: number): number {
  if ((lo & PTE_TRANSITION) !== 0) return pteFrame(lo);
  const page = takeWindow(mm, level);
  if (readBlock(mm, pageFileNumber(lo), hi, page) !== STATUS_SUCCESS) return UNREADABLE;
  mm.pageFiles.pagesRead++;
  mm.counters.pageFileRead++;
  return page;
}

/** Tries again to read the lost tables and to free what their entries name. */
export function retryLostTables(mm: MemoryManager): void {
  for (const lost of mm.lostTables.splice(0)) {
    const table = readTableOut(mm, lost.lo, lost.hi, lost.level);
    if (table === UNREADABLE) {
      mm.lostTables.push(lost);
      continue;
    }
    releaseEntries(mm, lost.owner, table, lost.level);
    releasePageFileSpace(mm, lost.lo, lost.hi);
  }
}

/** An address space is gone, and its charge for tables below lost ones with it. */
export function disownLostTables(mm: MemoryManager, space: AddressSpace): void {
  for (const lost of mm.lostTables) if (lost.owner === space) lost.owner = null;
}

/** Clears one entry that is not zero; its frame is freed, or loses a share when the page has a prototype PTE. */
export function deletePte(mm: MemoryManager, space: AddressSpace, word: number, address: number): void {
  const lo = mm.words[word]!;
  const hi = mm.words[word + 1]!;
  const table = frameOfWord(mm, word);
  mm.words[word] = 0;
  mm.words[word + 1] = 0;
  mm.pfn.usedPtes[table]!--;
  if ((lo & PTE_VALID) !== 0) deleteValid(mm, space, lo, table, address);
  else if ((lo & (PTE_PROTOTYPE | PTE_TRANSITION)) === PTE_TRANSITION)
    deleteTransitionFrame(mm, pteFrame(lo));
  else releasePageFileSpace(mm, lo, hi);
}

function deleteValid(
  mm: MemoryManager,
  space: AddressSpace,
  lo: number,
  table: number,
  address: number,
): void {
  const frame = pteFrame(lo);
  space.addResident(-1);
  if (address <= space.highestAddress) removeWsle(mm, space, address, frame);
  if (mm.current === space) mm.processor.invalidatePage(address);
  if ((mm.pfn.flags[frame]! & PFN_PROTOTYPE) === 0) {
    if (space.watchedRanges !== 0 && (lo & PTE_DIRTY) !== 0) noteWrite(mm, space, address);
    deleteActiveFrame(mm, frame);
    return;
  }
  if ((lo & PTE_DIRTY) !== 0) markModified(mm, frame);
  releaseShare(mm, frame);
  releaseShare(mm, table);
}

/**
 * Takes a valid page, or page table without valid and transition entries, out of its process. A private page or a table goes into transition, on the modified or standby list, and still
 * names this entry; the entry of a shared page names the prototype PTE again. `protection` is a protection code.
 */
export function trimPage(
  mm: MemoryManager,
  space: AddressSpace,
  word: number,
  address: number,
  protection: number,
): void {
  const lo = mm.words[word]!;
  const frame = pteFrame(lo);
  if ((lo & PTE_DIRTY) !== 0) {
    markModified(mm, frame);
    if (space.watchedRanges !== 0) noteWrite(mm, space, address);
  }
  space.addResident(-1);
  removeWsle(mm, space, address, frame);
  if ((mm.pfn.flags[frame]! & PFN_PAGE_TABLE) !== 0) forgetTable(mm, space, address);
  else if (mm.current === space) mm.processor.invalidatePage(address);
  if ((mm.pfn.flags[frame]! & PFN_PROTOTYPE) !== 0) {
    const prototype = mm.pfn.pteAddress[frame]!;
    mm.words[word] = prototypeLow(prototype, protection);
    mm.words[word + 1] = addressHigh(prototype);
    releaseShare(mm, frameOfWord(mm, word));
  }
  releaseShare(mm, frame);
}
