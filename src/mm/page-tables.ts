/**
 * The page tables of a process: four levels of 512 eight-byte entries in RAM, made on demand, freed when their last entry
 * is cleared, and visible to the system through the self-map. Those of user space are pages of the working set and can be
 * trimmed; a table whose entry is neither valid nor zero exists, and page-table-fault.ts brings it back. Source: AMD64 manual, volume 2, 5.3 "Long-Mode Page Translation";
 * Windows Memory Model and Its Inner Workings ("Virtual Address Descriptors"); Windows Internals, "x64 virtual address translation".
 */
import type { AddressSpace } from './address-space.js';
import { COMMIT_PAGE_TABLES } from './commit.js';
import type { MemoryManager } from './memory-manager.js';
import { deleteActiveFrame } from './page-lists.js';
import { PTE_ACCESSED, PTE_DIRTY, PTE_LARGE_PAGE, PTE_USER, PTE_VALID, PTE_WRITE, pteFrame } from './pte.js';
import { removeWsle } from './working-set.js';

/** FFFFF680_00000000: the page tables of the current process and of the system, through the self-map. */
export const PTE_BASE = 0xf680_0000_0000;
/** Bytes that one entry maps at levels 1 (page table) to 4 (the directory that CR3 names). */
export const ENTRY_SPAN = [0, 0x1000, 0x20_0000, 0x4000_0000, 0x80_0000_0000] as const;
/** First address that user mode cannot use; half of the 48-bit space. */
export const SYSTEM_RANGE_START = 0x8000_0000_0000;
/** Bits of an entry of level 4 to 2; only Valid is set of them when the entry names a table that is there. */
const TABLE_BITS = PTE_VALID | PTE_LARGE_PAGE;
/** Low word of a valid entry that names a table of system space, without its frame number. */
export const SYSTEM_TABLE_LOW = PTE_VALID | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY;
/** Low word of a valid entry that names a table of user space, without its frame number. */
export const USER_TABLE_LOW = SYSTEM_TABLE_LOW | PTE_USER;

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

/** Self-map address of the entry at a level (4 to 1) on the way to an address. */
export function entryAddress(address: number, level: number): number {
  let at = pteAddress(address);
  for (let above = 1; above < level; above++) at = pteAddress(at);
  return at;
}

/** Frame of the page table that holds the entry at a word index. */
export function frameOfWord(mm: MemoryManager, word: number): number {
  return (word - mm.baseWord) >>> 10;
}

/**
 * Index in ram.words of the low word of the PTE of a user or hyperspace address, or 0 when a table above it is not valid, or a
 * large page lies there.
 */
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
  if ((entry & TABLE_BITS) !== PTE_VALID) return 0;
  space.cachedTable = key;
  space.cachedTableWord = mm.frameWord(pteFrame(entry));
  return space.cachedTableWord + slot;
}

/** Low word of a valid entry that names a table on the way to an address. */
export function tableLow(frame: number, address: number): number {
  return (frame << 12) | (address < SYSTEM_RANGE_START ? USER_TABLE_LOW : SYSTEM_TABLE_LOW);
}

/** Counts an entry of a page table that changes from zero to something else. */
export function countUsedPte(mm: MemoryManager, word: number): void {
  mm.pfn.usedPtes[frameOfWord(mm, word)]!++;
}

/** A way to reach page tables that may not be valid. */
export interface TableAccess {
  /** Index in ram.words of the PTE of an address; 0 when it has no page table; or an NTSTATUS, negated. */
  readonly pte: (mm: MemoryManager, space: AddressSpace, address: number) => number;
  /** The lowest address at or above `address` and below `end` that has a page table, or `end`; or an NTSTATUS, negated. */
  readonly next: (mm: MemoryManager, space: AddressSpace, address: number, end: number) => number;
}

/** Keeps a valid table, and those above it, from being trimmed or freed until it is released. */
export function holdTable(mm: MemoryManager, table: number): void {
  mm.pfn.shareCount[table]!++;
}

/** Ends what holdTable began; a table that has no entry then is freed. */
export function releaseTable(mm: MemoryManager, space: AddressSpace, table: number): void {
  mm.pfn.shareCount[table]!--;
  if (mm.pfn.usedPtes[table] === 0) freeEmptyTable(mm, space, table);
}

/** A table does not exist any more: its process is no longer charged for it. */
export function unchargeTable(mm: MemoryManager, space: AddressSpace): void {
  mm.commit.release(COMMIT_PAGE_TABLES, 1);
  space.pageTablePages--;
  space.addCommit(-1);
}

/** Frees a valid page table without entries and then those above it that become empty; never the directory, nor one that is held. */
export function freeEmptyTable(mm: MemoryManager, space: AddressSpace, table: number): void {
  const pfn = mm.pfn;
  let empty = table;
  while (pfn.usedPtes[empty] === 0 && empty !== space.directoryFrame && pfn.shareCount[empty] === 1) {
    const holder = pfn.containingFrame[empty]!;
    const entry = pfn.pteAddress[empty]!;
    if (pfn.flink[empty]! >= 0) removeWsle(mm, space, addressOfPte(entry), empty);
    const word = mm.frameWord(holder) + ((entry & 0xfff) >>> 2);
    mm.words[word] = 0;
    mm.words[word + 1] = 0;
    pfn.usedPtes[holder]!--;
    unchargeTable(mm, space);
    space.addResident(-1);
    forgetTable(mm, space, addressOfPte(entry));
    deleteActiveFrame(mm, empty);
    empty = holder;
  }
}

/** A table, which the self-map shows at an address, is not valid any more: nothing may remember it. */
export function forgetTable(mm: MemoryManager, space: AddressSpace, address: number): void {
  space.cachedTable = -1;
  if (mm.current === space) mm.processor.invalidatePage(address);
}

/** True for the invalid entry of a table that exists: it is in transition or in a paging file. */
export function isTableOut(lo: number, hi: number): boolean {
  return (lo & PTE_VALID) === 0 && (lo !== 0 || hi !== 0);
}

/**
 * The lowest address at or above `address` (a multiple of 4096) and below `end` that has a page table, or may have one because a
 * table above it is not valid; or `end`. Steps over missing tables by what they would map, so that sparse ranges of
 * terabytes cost little.
 */
export function nextAddressWithTable(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  end: number,
): number {
  return skipTables(mm, space, address, end, false);
}

/** The same for page tables that are valid; only they can have valid entries. */
export function nextAddressWithValidTable(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  end: number,
): number {
  return skipTables(mm, space, address, end, true);
}

/** Sees valid tables only. */
export const VALID_TABLES: TableAccess = { pte: findPte, next: nextAddressWithValidTable };

function skipTables(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  end: number,
  validOnly: boolean,
): number {
  if (address < end && findPte(mm, space, address) !== 0) return address;
  let at = address;
  while (at < end) {
    const level = invalidLevel(mm, space, at);
    if (level === 0) return at;
    if (!validOnly) {
      const word = tableEntryWord(mm, space, at, level);
      if (isTableOut(mm.words[word]!, mm.words[word + 1]!)) return at;
    }
    at = nextBoundary(at, level);
  }
  return end;
}

/** The first address above `address` that another entry of a level maps. */
export function nextBoundary(address: number, level: number): number {
  const span = ENTRY_SPAN[level]!;
  return (Math.floor(address / span) + 1) * span;
}

/** True for a valid entry of level 2 that maps 2 MB itself. */
export function isLargePage(lo: number): boolean {
  return (lo & TABLE_BITS) === TABLE_BITS;
}

/** True for an entry of level 4 to 2 that names a table in memory, not a large page. */
export function namesTable(lo: number): boolean {
  return (lo & TABLE_BITS) === PTE_VALID;
}

/** Highest level whose entry for an address names no table in memory, 0 when the page table is there. */
export function invalidLevel(mm: MemoryManager, space: AddressSpace, address: number): number {
  let table = space.directoryFrame;
  for (let level = 4; level > 1; level--) {
    const entry = mm.words[entryWord(mm, table, address, level)]!;
    if (!namesTable(entry)) return level;
    table = pteFrame(entry);
  }
  return 0;
}

/** Index in ram.words of the entry for an address in a table of a level (4 to 1). */
export function entryWord(mm: MemoryManager, table: number, address: number, level: number): number {
  return mm.frameWord(table) + (Math.floor(address / ENTRY_SPAN[level]!) & 511) * 2;
}

/** Index in ram.words of the entry of a level (4 to 1) for an address, whose tables above are valid. */
export function tableEntryWord(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  level: number,
): number {
  let table = space.directoryFrame;
  for (let above = 4; above > level; above--)
    table = pteFrame(mm.words[entryWord(mm, table, address, above)]!);
  return entryWord(mm, table, address, level);
}
