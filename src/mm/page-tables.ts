/**
 * The page tables of a process: four levels of 512 eight-byte entries in RAM, made on demand, freed when their last entry
 * is cleared, and visible to the system through the self-map. Source: AMD64 manual, volume 2, 5.3 "Long-Mode Page Translation";
 * Windows Memory Model and Its Inner Workings ("Virtual Address Descriptors"); Windows Internals, "x64 virtual address translation".
 */
import type { AddressSpace } from './address-space.js';
import { COMMIT_PAGE_TABLES } from './commit.js';
import type { MemoryManager } from './memory-manager.js';
import { allocateZeroedFrame, deleteActiveFrame } from './page-lists.js';
import { PFN_MODIFIED, PFN_PAGE_TABLE } from './pfn-database.js';
import {
  demandZeroLow,
  MM_READWRITE,
  PTE_ACCESSED,
  PTE_DIRTY,
  PTE_USER,
  PTE_VALID,
  PTE_WRITE,
  pteFrame,
} from './pte.js';

/** FFFFF680_00000000: the page tables of the current process and of the system, through the self-map. */
export const PTE_BASE = 0xf680_0000_0000;
/** Bytes that one entry maps at levels 1 (page table) to 4 (the directory that CR3 names). */
export const ENTRY_SPAN = [0, 0x1000, 0x20_0000, 0x4000_0000, 0x80_0000_0000] as const;
/** First address that user mode cannot use; half of the 48-bit space. */
export const SYSTEM_RANGE_START = 0x8000_0000_0000;
/** Low word of a valid entry that names a table of system space, without its frame number. */
export const SYSTEM_TABLE_LOW = PTE_VALID | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY;
/** Low word of a valid entry that names a table of user space, without its frame number. */
const USER_TABLE_LOW = SYSTEM_TABLE_LOW | PTE_USER;

/** System address, in the self-map, of the PTE of a 48-bit address. */
export function pteAddress(address: number): number {
  return PTE_BASE + Math.floor(address / 4096) * 8;
}

/** System address, in the self-map, of the page-directory entry of a 48-bit address. */
export function pdeAddress(address: number): number {
  return pteAddress(pteAddress(address));
}

/** The 48-bit address (a multiple of 4096) whose PTE lies at a self-map address. */
export function addressOfPte(address: number): number {
  return Math.floor((address - PTE_BASE) / 8) * 4096;
}

/** Frame of the page table that holds the entry at a word index. */
export function frameOfWord(mm: MemoryManager, word: number): number {
  return (word - mm.baseWord) >>> 10;
}

/** Index in ram.words of the low word of the PTE of a user or hyperspace address, or 0 when a table above it is missing. */
export function findPte(mm: MemoryManager, space: AddressSpace, address: number): number {
  const key = Math.floor(address / 0x20_0000);
  const slot = (Math.floor(address / 4096) & 511) * 2;
  if (key === space.cachedTable) return space.cachedTableWord + slot;
  const words = mm.words;
  let entry = words[mm.frameWord(space.directoryFrame) + (Math.floor(address / 0x80_0000_0000) & 511) * 2]!;
  if ((entry & PTE_VALID) === 0) return 0;
  entry = words[mm.frameWord(pteFrame(entry)) + (Math.floor(address / 0x4000_0000) & 511) * 2]!;
  if ((entry & PTE_VALID) === 0) return 0;
  entry = words[mm.frameWord(pteFrame(entry)) + (key & 511) * 2]!;
  if ((entry & PTE_VALID) === 0) return 0;
  space.cachedTable = key;
  space.cachedTableWord = mm.frameWord(pteFrame(entry));
  return space.cachedTableWord + slot;
}

/**
 * Index in ram.words of the PTE of a user address, its missing tables made; 0 when there is no frame for them. A new table
 * is charged to commit whatever the limit and counts in the working set.
 */
export function makePte(mm: MemoryManager, space: AddressSpace, address: number): number {
  const found = findPte(mm, space, address);
  if (found !== 0) return found;
  let table = space.directoryFrame;
  for (let level = 4; level > 1; level--) {
    const span = ENTRY_SPAN[level]!;
    const word = mm.frameWord(table) + (Math.floor(address / span) & 511) * 2;
    if ((mm.words[word]! & PTE_VALID) === 0 && !makeTable(mm, space, word, table, address, level)) {
      freeEmptyTable(mm, space, table);
      return 0;
    }
    table = pteFrame(mm.words[word]!);
  }
  return findPte(mm, space, address);
}

/** Low word of a valid entry that names a table on the way to an address. */
export function tableLow(frame: number, address: number): number {
  return (frame << 12) | (address < SYSTEM_RANGE_START ? USER_TABLE_LOW : SYSTEM_TABLE_LOW);
}

/** Self-map address of the entry at a level (4 to 1) on the way to an address. */
export function entryAddress(address: number, level: number): number {
  let at = pteAddress(address);
  for (let above = 1; above < level; above++) at = pteAddress(at);
  return at;
}

function makeTable(
  mm: MemoryManager,
  space: AddressSpace,
  word: number,
  holder: number,
  address: number,
  level: number,
): boolean {
  const frame = allocateZeroedFrame(mm);
  if (frame < 0) return false;
  mm.pfn.initialize(
    frame,
    entryAddress(address, level),
    holder,
    demandZeroLow(MM_READWRITE),
    0,
    PFN_MODIFIED | PFN_PAGE_TABLE,
  );
  mm.pfn.usedPtes[holder]!++;
  mm.words[word] = tableLow(frame, address);
  mm.words[word + 1] = 0;
  mm.commit.force(COMMIT_PAGE_TABLES, 1);
  space.pageTablePages++;
  space.addCommit(1);
  space.addResident(1);
  return true;
}

/** Counts an entry of a page table that changes from zero to something else. */
export function countUsedPte(mm: MemoryManager, word: number): void {
  mm.pfn.usedPtes[frameOfWord(mm, word)]!++;
}

/** Frees a page table without entries and then the tables above it that become empty; never the directory itself. */
export function freeEmptyTable(mm: MemoryManager, space: AddressSpace, table: number): void {
  const pfn = mm.pfn;
  while (pfn.usedPtes[table] === 0 && table !== space.directoryFrame) {
    const holder = pfn.containingFrame[table]!;
    const entry = pfn.pteAddress[table]!;
    const word = mm.frameWord(holder) + ((entry & 0xfff) >>> 2);
    mm.words[word] = 0;
    mm.words[word + 1] = 0;
    space.cachedTable = -1;
    if (mm.current === space) mm.processor.invalidatePage(addressOfPte(entry));
    deleteActiveFrame(mm, table);
    pfn.usedPtes[holder]!--;
    mm.commit.release(COMMIT_PAGE_TABLES, 1);
    space.pageTablePages--;
    space.addCommit(-1);
    space.addResident(-1);
    table = holder;
  }
}

/**
 * The lowest address at or above `address` (a multiple of 4096) and below `end` that has a page table, or `end`. Steps over
 * missing tables by what they would map, so that sparse ranges of terabytes cost little.
 */
export function nextAddressWithTable(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  end: number,
): number {
  let at = address;
  while (at < end) {
    const missing = missingLevel(mm, space, at);
    if (missing === 0) return at;
    const span = ENTRY_SPAN[missing]!;
    at = (Math.floor(at / span) + 1) * span;
  }
  return end;
}

/** Highest level whose entry for an address is not valid, 0 when the page table is there. */
export function missingLevel(mm: MemoryManager, space: AddressSpace, address: number): number {
  let table = space.directoryFrame;
  for (let level = 4; level > 1; level--) {
    const entry = mm.words[mm.frameWord(table) + (Math.floor(address / ENTRY_SPAN[level]!) & 511) * 2]!;
    if ((entry & PTE_VALID) === 0) return level;
    table = pteFrame(entry);
  }
  return 0;
}
