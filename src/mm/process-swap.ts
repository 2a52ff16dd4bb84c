/**
 * Swapping whole processes: when the kernel stacks of all threads of a process are out, its working set is emptied, and its
 * working-set list, page tables and last its directory leave memory too. While the directory is out, the entry that names it
 * lies in a block of nonpaged pool (`directoryEntry`); as long as pages of the process are in transition, the tables that
 * hold their entries stay in RAM, and go when the last of those pages goes. Source: Unit OS5: Memory Management 5.2,
 * "MM: Process Swap Support" (MmOutSwapProcess, MmInSwapProcess); Windows Internals, "Balance set manager and swapper";
 * Microsoft, "Bug Check 0x7A: KERNEL_DATA_INPAGE_ERROR".
 */
import { type AddressSpace, detach } from './address-space.js';
import { BugCheck, KERNEL_DATA_INPAGE_ERROR } from './bug-check.js';
import { inPage, outPage, READ_FAILED } from './kernel-page.js';
import type { MemoryManager } from './memory-manager.js';
import { addShare, releaseShare } from './page-lists.js';
import {
  ENTRY_SPAN,
  entryAddress,
  frameOfWord,
  PTE_BASE,
  pteAddress,
  SYSTEM_RANGE_START,
  tableLow,
} from './page-tables.js';
import { PFN_PAGE_TABLE } from './pfn-database.js';
import { PTE_NO_EXECUTE, PTE_VALID, pteFrame } from './pte.js';
import { mapSharedUserDataPage, unmapSharedUserDataPage } from './shared-user-data.js';
import { HYPERSPACE_PTE_LOW, isSharedIndex, SELF_MAP_INDEX, systemWord } from './system-space.js';
import { locateWorkingSetList } from './working-set.js';
import { emptyWorkingSet } from './working-set-manager.js';

const DIRECTORY_LEVEL = 4;
const ENTRIES = 512;
const ENTRY_BYTES = 8;
const ENTRY_TAG = 'MmSw';

/**
 * Empties the working set of a process none of whose threads can run, whatever its minimum, and takes the process out. False
 * when locked pages keep it in memory, or pool for the entry of its directory is missing. Emits 'process-out' with the
 * pages that left its working set as detail. MmOutSwapProcess.
 */
export function outSwapProcess(mm: MemoryManager, space: AddressSpace): boolean {
  const pages = space.workingSetPages;
  emptyWorkingSet(mm, space);
  if (space.workingSet.used > 1) return false;
  const entry = mm.nonpagedPool.allocate(ENTRY_BYTES, ENTRY_TAG);
  if (entry === 0) return false;
  if (mm.current === space) detach(mm);
  unmapSharedUserDataPage(mm, space);
  space.directoryEntry = entry;
  const directory = space.directoryFrame;
  moveDirectory(mm, directory, entry, systemWord(mm, entry));
  outTables(mm, space);
  space.addResident(-space.workingSetPages);
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
  outTablesBelow(mm, directory, DIRECTORY_LEVEL);
  const word = systemWord(mm, space.directoryEntry);
  mm.words[word] = tableLow(directory, SYSTEM_RANGE_START);
  outPage(mm, word);
}

function outTablesBelow(mm: MemoryManager, table: number, level: number): void {
  const first = mm.frameWord(table);
  for (let index = 0; index < ENTRIES; index++) {
    const word = first + index * 2;
    if ((mm.words[word]! & PTE_VALID) === 0 || isSystemEntry(level, index)) continue;
    if (level > 1) outTablesBelow(mm, pteFrame(mm.words[word]!), level - 1);
    outPage(mm, word);
  }
}

/** True for the entries of a directory that are not the process's own: those of the system, and the one that maps itself. */
export function isSystemEntry(level: number, index: number): boolean {
  return level === DIRECTORY_LEVEL && (isSharedIndex(index) || index === SELF_MAP_INDEX);
}

/**
 * Brings a process in again: directory, tables and working-set list; its pages come by faults. False, with the process still
 * out, when there are too few frames. Emits 'process-in' with the pages that came as detail. Stops the machine with
 * KERNEL_DATA_INPAGE_ERROR (address of the entry, status, entry, address) when the paging file cannot be read. MmInSwapProcess.
 */
export function inSwapProcess(mm: MemoryManager, space: AddressSpace): boolean {
  const entry = space.directoryEntry;
  const directory = inTable(mm, systemWord(mm, entry), entry, SYSTEM_RANGE_START);
  if (directory < 0) return false;
  space.directoryFrame = directory;
  if (!inTablesBelow(mm, directory, DIRECTORY_LEVEL, 0)) {
    outTables(mm, space);
    return false;
  }
  const selfMap = mm.frameWord(directory) + SELF_MAP_INDEX * 2;
  mm.words[selfMap] = tableLow(directory, SYSTEM_RANGE_START);
  moveDirectory(mm, directory, entryAddress(PTE_BASE, DIRECTORY_LEVEL), selfMap);
  mm.pfn.usedPtes[directory] = usedEntries(mm, directory, DIRECTORY_LEVEL);
  mm.nonpagedPool.free(entry);
  space.directoryEntry = 0;
  space.wanted = false;
  locateWorkingSetList(mm, space);
  space.addResident(space.pageTablePages + space.hyperspacePages);
  mapSharedUserDataPage(mm, space);
  if (mm.events.active) mm.events.emit('process-in', space, 0, directory, space.workingSetPages);
  return true;
}

/** Brings in the tables below one, and the pages of the working-set list; false when there are too few frames. */
function inTablesBelow(mm: MemoryManager, table: number, level: number, base: number): boolean {
  const first = mm.frameWord(table);
  for (let index = 0; index < ENTRIES; index++) {
    const word = first + index * 2;
    const address = base + index * ENTRY_SPAN[level]!;
    if ((mm.words[word] === 0 && mm.words[word + 1] === 0) || isSystemEntry(level, index)) continue;
    if (level === 1) {
      if (!inListPage(mm, word, address)) return false;
      continue;
    }
    const below = inTable(mm, word, entryAddress(address, level), address);
    if (below < 0) return false;
    mm.pfn.usedPtes[below] = usedEntries(mm, below, level - 1);
    if (level === 2 && address < SYSTEM_RANGE_START) continue;
    if (!inTablesBelow(mm, below, level - 1, address)) return false;
  }
  return true;
}

/** Brings in the table that an entry (at a system address) names, and makes the entry valid; its frame, or NO_FRAME. */
function inTable(mm: MemoryManager, word: number, at: number, address: number): number {
  const frame = inPage(mm, word, at, PFN_PAGE_TABLE);
  if (frame === READ_FAILED) throw readError(mm, word, at, address);
  if (frame < 0) return frame;
  mm.words[word] = tableLow(frame, address);
  mm.words[word + 1] = 0;
  return frame;
}

function inListPage(mm: MemoryManager, word: number, address: number): boolean {
  const frame = inPage(mm, word, pteAddress(address), 0);
  if (frame === READ_FAILED) throw readError(mm, word, pteAddress(address), address);
  if (frame < 0) return false;
  mm.words[word] = (frame << 12) | HYPERSPACE_PTE_LOW;
  mm.words[word + 1] = PTE_NO_EXECUTE;
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
