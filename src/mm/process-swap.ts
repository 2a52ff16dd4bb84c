/**
 * Swapping whole processes: when the kernel stacks of all threads of a process are out, its working set is emptied, and its page
 * tables, its working-set list and last its directory leave memory too. While the directory is out, the entry that names it
 * lies in a block of nonpaged pool (`directoryEntry`); as long as pages of the process are in transition, the tables that
 * hold their entries stay in RAM, and go when the last of those pages goes. Directory and working-set list come back
 * together; page tables of user space by faults, like pages, but for those that never left RAM. Source: Unit OS5: Memory
 * Management 5.2, "MM: Process Swap Support" (MmOutSwapProcess, MmInSwapProcess); Windows Internals, "Balance set manager and
 * swapper"; Microsoft, "Bug Check 0x7A: KERNEL_DATA_INPAGE_ERROR".
 */
import { type AddressSpace, detach } from './address-space.js';
import { BugCheck, KERNEL_DATA_INPAGE_ERROR } from './bug-check.js';
import { inPage, outPage, READ_FAILED } from './kernel-page.js';
import type { MemoryManager } from './memory-manager.js';
import { addShare, releaseShare } from './page-lists.js';
import {
  addressOfPte,
  ENTRY_SPAN,
  entryAddress,
  entryWord,
  frameOfWord,
  PTE_BASE,
  pteAddress,
  SYSTEM_RANGE_START,
  tableLow,
} from './page-tables.js';
import { FRAME_ACTIVE, PFN_PAGE_TABLE } from './pfn-database.js';
import { PTE_NO_EXECUTE, PTE_TRANSITION, PTE_VALID, pteFrame } from './pte.js';
import { mapSharedUserDataPage, USER_SHARED_DATA, unmapSharedUserDataPage } from './shared-user-data.js';
import { HYPERSPACE, HYPERSPACE_PTE_LOW, isSharedIndex, SELF_MAP_INDEX, systemWord } from './system-space.js';
import { insertWsle, locateWorkingSetList, removeWsle } from './working-set.js';
import { emptyWorkingSet } from './working-set-manager.js';

const DIRECTORY_LEVEL = 4;
const ENTRIES = 512;
const ENTRY_BYTES = 8;
const ENTRY_TAG = 'MmSw';

/**
 * Empties the working set of a process none of whose threads can run, whatever its minimum, and takes the process out. False
 * when locked pages keep it in memory, or pool for the entry of its directory is missing. Emits 'process-out' with the pages
 * that left its working set as detail. Nobody may be at work in the address space. MmOutSwapProcess.
 */
export function outSwapProcess(mm: MemoryManager, space: AddressSpace): boolean {
  const pages = space.workingSetPages;
  emptyWorkingSet(mm, space);
  if (space.workingSet.locked > 0) return false;
  const entry = mm.nonpagedPool.allocate(ENTRY_BYTES, ENTRY_TAG);
  if (entry === 0) return false;
  if (mm.current === space) detach(mm);
  unmapSharedUserDataPage(mm, space);
  space.directoryEntry = entry;
  const directory = space.directoryFrame;
  moveDirectory(mm, directory, entry, systemWord(mm, entry));
  outTables(mm, space);
  space.workingSet.ages.fill(0);
  space.workingSet.estimate = 0;
  if (mm.events.active) mm.events.emit('process-out', space, 0, directory, pages);
  return true;
}

/** The PFN entry of a directory names the entry (at a system address; `word` in ram.words) that leads to it now. */
function moveDirectory(mm: MemoryManager, directory: number, at: number, word: number): void {
  const { pfn } = mm;
  const holder = pfn.containingFrame[directory]!;
  pfn.pteAddress[directory] = at;
  pfn.containingFrame[directory] = frameOfWord(mm, word);
  addShare(mm, pfn.containingFrame[directory]!);
  releaseShare(mm, holder);
}

/** Takes out what the directory leads to, bottom up, and the directory. Who looks meanwhile sees the system's, without a user half. */
function outTables(mm: MemoryManager, space: AddressSpace): void {
  const directory = space.directoryFrame;
  space.cachedTable = -1;
  space.directoryFrame = mm.systemDirectoryFrame;
  outTablesBelow(mm, space, directory, DIRECTORY_LEVEL);
  const word = systemWord(mm, space.directoryEntry);
  mm.words[word] = tableLow(directory, SYSTEM_RANGE_START);
  outPage(mm, word);
  space.addResident(-space.workingSetPages);
}

/** Tables of user space leave the working-set list first, whose own pages have higher addresses. */
function outTablesBelow(mm: MemoryManager, space: AddressSpace, table: number, level: number): void {
  const first = mm.frameWord(table);
  for (let index = 0; index < ENTRIES; index++) {
    const word = first + index * 2;
    const lo = mm.words[word]!;
    if ((lo & PTE_VALID) === 0 || isSystemEntry(level, index)) continue;
    const frame = pteFrame(lo);
    if (level > 1) outTablesBelow(mm, space, frame, level - 1);
    if (mm.pfn.flink[frame]! >= 0) removeWsle(mm, space, addressOfPte(mm.pfn.pteAddress[frame]!), frame);
    outPage(mm, word);
  }
}

/** True for the entries of a directory that are not the process's own: those of the system, and the one that maps itself. */
export function isSystemEntry(level: number, index: number): boolean {
  return level === DIRECTORY_LEVEL && (isSharedIndex(index) || index === SELF_MAP_INDEX);
}

/**
 * Brings a process in again: directory, working-set list and its tables, those of the shared user data page, and the page
 * tables that are in RAM because of pages in transition; everything else comes by faults. False, with the process still out,
 * when there are too few frames. Emits 'process-in' with the pages that came as detail. Stops the machine with
 * KERNEL_DATA_INPAGE_ERROR (address of the entry, status, entry, address) when the paging file cannot be read. MmInSwapProcess.
 */
export function inSwapProcess(mm: MemoryManager, space: AddressSpace): boolean {
  const entry = space.directoryEntry;
  const directory = inTable(mm, space, systemWord(mm, entry), entry, SYSTEM_RANGE_START);
  if (directory < 0) return false;
  space.directoryFrame = directory;
  if (!inWorkingSetList(mm, space) || !inSharedUserDataTables(mm, space)) {
    outTables(mm, space);
    return false;
  }
  const selfMap = mm.frameWord(directory) + SELF_MAP_INDEX * 2;
  mm.words[selfMap] = tableLow(directory, SYSTEM_RANGE_START);
  moveDirectory(mm, directory, entryAddress(PTE_BASE, DIRECTORY_LEVEL), selfMap);
  enterResidentTables(mm, space, directory, DIRECTORY_LEVEL, 0);
  mm.pfn.usedPtes[directory] = usedEntries(mm, directory, DIRECTORY_LEVEL);
  mm.nonpagedPool.free(entry);
  space.directoryEntry = 0;
  space.wanted = false;
  mapSharedUserDataPage(mm, space);
  if (mm.events.active) mm.events.emit('process-in', space, 0, directory, space.workingSetPages);
  return true;
}

/** Brings in hyperspace; false when there are too few frames. */
function inWorkingSetList(mm: MemoryManager, space: AddressSpace): boolean {
  const word = entryWord(mm, space.directoryFrame, HYPERSPACE, DIRECTORY_LEVEL);
  const at = entryAddress(HYPERSPACE, DIRECTORY_LEVEL);
  const table = inTable(mm, space, word, at, HYPERSPACE);
  if (table < 0 || !inTablesBelow(mm, space, table, DIRECTORY_LEVEL - 1, HYPERSPACE)) return false;
  locateWorkingSetList(mm, space);
  return true;
}

/** Brings in the tables and pages of hyperspace below a table; false when there are too few frames. */
function inTablesBelow(
  mm: MemoryManager,
  space: AddressSpace,
  table: number,
  level: number,
  base: number,
): boolean {
  const first = mm.frameWord(table);
  for (let index = 0; index < ENTRIES; index++) {
    const word = first + index * 2;
    const address = base + index * ENTRY_SPAN[level]!;
    if (mm.words[word] === 0 && mm.words[word + 1] === 0) continue;
    if (level === 1) {
      if (!inListPage(mm, space, word, address)) return false;
      continue;
    }
    const below = inTable(mm, space, word, entryAddress(address, level), address);
    if (below < 0 || !inTablesBelow(mm, space, below, level - 1, address)) return false;
  }
  return true;
}

/** Brings in the page tables of the shared user data page, which stay as long as it does; false when there are too few frames. */
function inSharedUserDataTables(mm: MemoryManager, space: AddressSpace): boolean {
  let table = space.directoryFrame;
  for (let level = DIRECTORY_LEVEL; level > 1; level--) {
    const word = entryWord(mm, table, USER_SHARED_DATA, level);
    table = inTable(mm, space, word, entryAddress(USER_SHARED_DATA, level), USER_SHARED_DATA);
    if (table < 0) return false;
  }
  return true;
}

/** Page tables of user space that are in transition and active hold entries in transition: they are in the working set again. */
function enterResidentTables(
  mm: MemoryManager,
  space: AddressSpace,
  table: number,
  level: number,
  base: number,
): void {
  const first = mm.frameWord(table);
  const end = level === DIRECTORY_LEVEL ? ENTRIES / 2 : ENTRIES;
  for (let index = 0; index < end; index++) {
    const word = first + index * 2;
    const lo = mm.words[word]!;
    const frame = pteFrame(lo);
    const address = base + index * ENTRY_SPAN[level]!;
    if ((lo & PTE_VALID) === 0) {
      if ((lo & PTE_TRANSITION) === 0 || mm.pfn.state[frame] !== FRAME_ACTIVE) continue;
      inTable(mm, space, word, entryAddress(address, level), address);
    }
    if (level > 2) enterResidentTables(mm, space, frame, level - 1, address);
  }
}

/**
 * Brings in the table that an entry (at a system address) names, and makes the entry valid; its frame, or NO_FRAME. One of user
 * space is entered in the working-set list, which has room for it from before.
 */
function inTable(mm: MemoryManager, space: AddressSpace, word: number, at: number, address: number): number {
  const frame = inPage(mm, word, at, PFN_PAGE_TABLE);
  if (frame === READ_FAILED) throw readError(mm, word, at, address);
  if (frame < 0) return frame;
  mm.words[word] = tableLow(frame, address);
  mm.words[word + 1] = 0;
  mm.pfn.usedPtes[frame] = usedEntries(mm, frame, 0);
  space.addResident(1);
  if (address < SYSTEM_RANGE_START) insertWsle(mm, space, addressOfPte(at), frame);
  return frame;
}

function inListPage(mm: MemoryManager, space: AddressSpace, word: number, address: number): boolean {
  const frame = inPage(mm, word, pteAddress(address), 0);
  if (frame === READ_FAILED) throw readError(mm, word, pteAddress(address), address);
  if (frame < 0) return false;
  mm.words[word] = (frame << 12) | HYPERSPACE_PTE_LOW;
  mm.words[word + 1] = PTE_NO_EXECUTE;
  space.addResident(1);
  return true;
}

/** Entries of a table that are not zero, without those that a directory has from the system. */
function usedEntries(mm: MemoryManager, table: number, level: number): number {
  const first = mm.frameWord(table);
  let used = 0;
  for (let index = 0; index < ENTRIES; index++) {
    const word = first + index * 2;
    if (level === DIRECTORY_LEVEL && isSharedIndex(index)) continue;
    if (mm.words[word] !== 0 || mm.words[word + 1] !== 0) used++;
  }
  return used;
}

function readError(mm: MemoryManager, word: number, at: number, address: number): BugCheck {
  const entry = mm.words[word + 1]! * 2 ** 32 + mm.words[word]!;
  const parameters = [at, mm.sections.inPageStatus, entry, address];
  return new BugCheck(KERNEL_DATA_INPAGE_ERROR, parameters, 'a page table could not be read');
}
