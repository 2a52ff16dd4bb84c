/**
 * System space of x64: the page tables that all processes share and the pages that they map. Addresses are the low 48 bits.
 * Source: Windows Internals, "x64 virtual address space layouts"; Unit OS5: Memory Management 5.2, "MM: Process Support".
 */
import { COMMIT_SYSTEM } from './commit.js';
import type { MemoryManager } from './memory-manager.js';
import { releasePageFileSpace } from './page-file.js';
import { allocateZeroedFrame, deleteActiveFrame, deleteTransitionFrame, insertFree } from './page-lists.js';
import { frameOfWord, PTE_BASE, pdeAddress, pteAddress, SYSTEM_TABLE_LOW } from './page-tables.js';
import { PFN_MODIFIED, PFN_PAGE_TABLE } from './pfn-database.js';
import {
  demandZeroLow,
  MM_READWRITE,
  PTE_ACCESSED,
  PTE_DIRTY,
  PTE_GLOBAL,
  PTE_NO_EXECUTE,
  PTE_TRANSITION,
  PTE_VALID,
  PTE_WRITE,
  pteFrame,
} from './pte.js';
import { PAGED_POOL, PAGED_POOL_END } from './system-layout.js';
import { observeSystemWord } from './system-observer.js';
import {
  bringInSystemPage,
  ensureFreeSystemWsle,
  enterSystemPage,
  leaveSystemPage,
} from './system-working-set.js';

export {
  HYPERSPACE,
  HYPERSPACE_INDEX,
  NONPAGED_POOL,
  NONPAGED_POOL_END,
  PAGED_POOL,
  PAGED_POOL_END,
  SYSTEM_PTE_END,
  SYSTEM_PTE_SPACE,
  SYSTEM_SHARED_DATA,
} from './system-layout.js';

/** Index of the entry of a page directory (level 4) that maps the directory itself. */
export const SELF_MAP_INDEX = 0x1ed;
/** 512 GB: what one entry of a level-4 directory maps, in bytes. */
export const DIRECTORY_ENTRY_SPAN = 0x80_0000_0000;
const FIRST_SHARED_INDEX = 0x1ef;
const LAST_SHARED_INDEX = 0x1f6;

/** Low word of a valid system entry without its frame number, for data (never executed: use with PTE_NO_EXECUTE). */
export const SYSTEM_PTE_LOW = PTE_VALID | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY | PTE_GLOBAL;
/** The same for hyperspace, which is each process's own. */
export const HYPERSPACE_PTE_LOW = PTE_VALID | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY;

/**
 * Builds the system's own directory (it maps itself) and one level-3 table for each 512 GB of shared system space, so that
 * no directory ever has to be changed later. Takes ten pages.
 */
export function buildSystemSpace(mm: MemoryManager): void {
  const directory = allocateSystemFrame(mm);
  mm.systemDirectoryFrame = directory;
  mm.pfn.initialize(
    directory,
    pteAddress(pteAddress(pdeAddress(PTE_BASE))),
    directory,
    demandZeroLow(MM_READWRITE),
    0,
    PFN_MODIFIED | PFN_PAGE_TABLE,
  );
  mm.pfn.shareCount[directory] = 2;
  const word = mm.frameWord(directory) + SELF_MAP_INDEX * 2;
  mm.words[word] = (directory << 12) | SYSTEM_TABLE_LOW;
  mm.words[word + 1] = PTE_NO_EXECUTE;
  mm.pfn.usedPtes[directory] = 1;
  for (let index = FIRST_SHARED_INDEX; index <= LAST_SHARED_INDEX; index++) {
    makeSystemTable(
      mm,
      mm.frameWord(directory) + index * 2,
      directory,
      pteAddress(pdeAddress(pteAddress(index * DIRECTORY_ENTRY_SPAN))),
    );
  }
}

/** Copies the shared entries of the system's directory into a new process's directory. */
export function copySystemEntries(mm: MemoryManager, directory: number): void {
  const from = mm.frameWord(mm.systemDirectoryFrame);
  const to = mm.frameWord(directory);
  mm.words.copyWithin(
    to + FIRST_SHARED_INDEX * 2,
    from + FIRST_SHARED_INDEX * 2,
    from + (LAST_SHARED_INDEX + 1) * 2,
  );
}

/** True when a level-4 entry of a process is a copy of the system's. */
export function isSharedIndex(index: number): boolean {
  return index >= FIRST_SHARED_INDEX && index <= LAST_SHARED_INDEX;
}

function allocateSystemFrame(mm: MemoryManager): number {
  const frame = allocateZeroedFrame(mm);
  if (frame < 0) throw new RangeError('not enough RAM for system space');
  mm.commit.force(COMMIT_SYSTEM, 1);
  mm.systemPages++;
  return frame;
}

/** Fills an empty table entry with a new zeroed table; 0 when there is no frame. Returns the table's frame. */
function makeSystemTable(mm: MemoryManager, word: number, holder: number, entryAddress: number): number {
  const frame = allocateZeroedFrame(mm);
  if (frame < 0) return -1;
  mm.commit.force(COMMIT_SYSTEM, 1);
  mm.systemPages++;
  mm.pfn.initialize(
    frame,
    entryAddress,
    holder,
    demandZeroLow(MM_READWRITE),
    0,
    PFN_MODIFIED | PFN_PAGE_TABLE,
  );
  mm.pfn.usedPtes[holder]!++;
  mm.words[word] = (frame << 12) | SYSTEM_TABLE_LOW;
  mm.words[word + 1] = 0;
  return frame;
}

/**
 * Index in ram.words of the PTE of a system address, its tables made when missing (they stay for ever); 0 when there is no
 * frame for them. The address must lie in a shared area.
 */
export function makeSystemPte(mm: MemoryManager, address: number): number {
  let table = mm.systemDirectoryFrame;
  let entryAddress = pteAddress(pdeAddress(pteAddress(address)));
  let word = mm.frameWord(table) + (Math.floor(address / DIRECTORY_ENTRY_SPAN) & 511) * 2;
  for (let level = 3; level > 0; level--) {
    let next = pteFrame(mm.words[word]!);
    if ((mm.words[word]! & PTE_VALID) === 0) next = makeSystemTable(mm, word, table, entryAddress);
    if (next < 0) return 0;
    table = next;
    const span = level === 3 ? 0x4000_0000 : level === 2 ? 0x20_0000 : 0x1000;
    word = mm.frameWord(table) + (Math.floor(address / span) & 511) * 2;
    entryAddress = level === 3 ? pteAddress(pdeAddress(address)) : pdeAddress(address);
  }
  return word;
}

/** Index in ram.words of the PTE of a system address, or 0 when a table above it is missing. */
export function findSystemPte(mm: MemoryManager, address: number): number {
  let word = mm.frameWord(mm.systemDirectoryFrame) + (Math.floor(address / DIRECTORY_ENTRY_SPAN) & 511) * 2;
  if ((mm.words[word]! & PTE_VALID) === 0) return 0;
  word = mm.frameWord(pteFrame(mm.words[word]!)) + (Math.floor(address / 0x4000_0000) & 511) * 2;
  if ((mm.words[word]! & PTE_VALID) === 0) return 0;
  word = mm.frameWord(pteFrame(mm.words[word]!)) + (Math.floor(address / 0x20_0000) & 511) * 2;
  if ((mm.words[word]! & PTE_VALID) === 0) return 0;
  return mm.frameWord(pteFrame(mm.words[word]!)) + (Math.floor(address / 0x1000) & 511) * 2;
}

/**
 * Index in ram.words of the 32-bit word at a system address, or 0 when nothing is mapped there. A page of paged pool that is
 * out is brought in, which may take frames and trim; the word is good until the next allocation of a frame unless its page
 * is held. The last page is remembered, as a TLB would; unmapping, trimming and aging forget it.
 */
export function systemWord(mm: MemoryManager, address: number): number {
  const page = Math.floor(address / 4096);
  const inPage = (address % 4096) >>> 2;
  if (page === mm.systemWordPage) return mm.systemWordBase + inPage;
  const pte = findSystemPte(mm, address);
  if (pte === 0) return 0;
  if (mm.observer !== null)
    return (mm.words[pte]! & PTE_VALID) === 0 ? 0 : mm.frameWord(pteFrame(mm.words[pte]!)) + inPage;
  if ((mm.words[pte]! & PTE_VALID) === 0 && !bringInSystemPage(mm, address, pte)) return 0;
  mm.words[pte]! |= PTE_ACCESSED;
  mm.systemWordPage = page;
  mm.systemWordBase = mm.frameWord(pteFrame(mm.words[pte]!));
  return mm.systemWordBase + inPage;
}

/** The 32-bit word at a mapped system address. It is brought in like systemWord's, but not for verify() and the views, which change nothing. */
export function systemValue(mm: MemoryManager, address: number): number {
  if (mm.observer !== null) return observeSystemWord(mm, mm.observer, address);
  return mm.words[systemWord(mm, address)]!;
}

/** True for an address whose page the system working set has while it is valid. */
export function isPagedSystemAddress(address: number): boolean {
  return address >= PAGED_POOL && address < PAGED_POOL_END;
}

/**
 * Maps an allocated, uninitialized frame at a system address, read/write and never executable. False: no frame for a table or
 * for the system working set list.
 */
export function mapSystemFrame(mm: MemoryManager, address: number, frame: number): boolean {
  const word = makeSystemPte(mm, address);
  if (word === 0) return false;
  const isPaged = isPagedSystemAddress(address);
  if (isPaged && !ensureFreeSystemWsle(mm)) return false;
  const table = frameOfWord(mm, word);
  mm.pfn.initialize(frame, pteAddress(address), table, demandZeroLow(MM_READWRITE), 0, PFN_MODIFIED);
  mm.pfn.usedPtes[table]!++;
  mm.words[word] = (frame << 12) | SYSTEM_PTE_LOW;
  mm.words[word + 1] = PTE_NO_EXECUTE;
  if (isPaged) enterSystemPage(mm, address, frame);
  return true;
}

/** Maps fresh zeroed frames at a run of system addresses. The caller has charged commit. False, with nothing mapped: no frames. */
export function allocateSystemPages(mm: MemoryManager, address: number, pages: number): boolean {
  for (let done = 0; done < pages; done++) {
    const frame = allocateZeroedFrame(mm);
    if (frame >= 0 && mapSystemFrame(mm, address + done * 4096, frame)) continue;
    if (frame >= 0) insertFree(mm, frame);
    freeSystemPages(mm, address, done);
    return false;
  }
  return true;
}

/**
 * Unmaps a run of system pages, in memory or not, and frees their frames and paging-file blocks. The caller gives the commit
 * charge back.
 */
export function freeSystemPages(mm: MemoryManager, address: number, pages: number): void {
  for (let done = 0; done < pages; done++) {
    const at = address + done * 4096;
    const word = findSystemPte(mm, at);
    const lo = mm.words[word]!;
    const hi = mm.words[word + 1]!;
    mm.words[word] = 0;
    mm.words[word + 1] = 0;
    mm.pfn.usedPtes[frameOfWord(mm, word)]!--;
    if ((lo & PTE_VALID) !== 0) deleteValid(mm, at, pteFrame(lo));
    else if ((lo & PTE_TRANSITION) !== 0) deleteTransitionFrame(mm, pteFrame(lo));
    else releasePageFileSpace(mm, lo, hi);
  }
  mm.systemWordPage = -1;
}

function deleteValid(mm: MemoryManager, address: number, frame: number): void {
  if (isPagedSystemAddress(address)) leaveSystemPage(mm, address, frame);
  else mm.processor.invalidatePage(address);
  deleteActiveFrame(mm, frame);
}
