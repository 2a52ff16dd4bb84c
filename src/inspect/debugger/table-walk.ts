/**
 * The entries of the four levels that lead to an address, as the processor reads them, or where they are when a table is out;
 * and what lies at an address.
 */
import type { AddressSpace } from '../../mm/address-space.js';
import type { MemoryManager } from '../../mm/memory-manager.js';
import { peekDirectory, peekTable, UNREADABLE } from '../../mm/page-table-peek.js';
import { ENTRY_SPAN, isLargePage, isTableOut, pteAddress, SYSTEM_RANGE_START } from '../../mm/page-tables.js';
import { bytesInFrames, frameOfAddress, residentFrame } from '../peek.js';

export const LEVEL_NAMES = ['', 'PTE', 'PDE', 'PPE', 'PXE'] as const;
const TOP_LEVEL = 4;

/** One entry on the way. */
export interface WalkEntry {
  /** 4 (the directory) to 1 (the page table). */
  readonly level: number;
  /** System address of the entry in the self-map. */
  readonly address: number;
  /** Frame of the table that holds it, or where it was read to from a paging file. */
  readonly table: number;
  readonly lo: number;
  readonly hi: number;
}

/** Entries from the directory down, to a large page or as far as there are tables that can be read, in transition and in paging files too. */
export function walkTables(mm: MemoryManager, space: AddressSpace, address: number): WalkEntry[] {
  const selfMap = selfMapAddresses(address);
  const entries: WalkEntry[] = [];
  let table = peekDirectory(mm, space);
  if (table === UNREADABLE) return entries;
  for (let level = TOP_LEVEL; level >= 1; level--) {
    const word = mm.frameWord(table) + (Math.floor(address / ENTRY_SPAN[level]!) & 511) * 2;
    const lo = mm.words[word]!;
    const hi = mm.words[word + 1]!;
    entries.push({ level, address: selfMap[level]!, table, lo, hi });
    if (level === 1 || (lo === 0 && hi === 0) || (level === 2 && isLargePage(lo))) break;
    table = peekTable(mm, lo, hi, level - 1);
    if (table === UNREADABLE) break;
  }
  return entries;
}

/** True for an entry of a walk that names a table which is in transition or in a paging file. */
export function namesTableOut({ level, lo, hi }: WalkEntry): boolean {
  return level > 1 && isTableOut(lo, hi);
}

/** Address in the self-map of the entry of each level, by level. */
export function selfMapAddresses(address: number): number[] {
  const addresses = [0, pteAddress(address)];
  for (let level = 2; level <= TOP_LEVEL; level++) addresses.push(pteAddress(addresses[level - 1]!));
  return addresses;
}

/** Frame that holds a page of user or system space, or -1 when it is not in memory. */
export function frameAt(mm: MemoryManager, space: AddressSpace, address: number): number {
  if (address < SYSTEM_RANGE_START) return frameOfAddress(mm, space, address);
  const last = walkTables(mm, space, address).at(-1)!;
  return last.level === 1 ? residentFrame(last.lo) : -1;
}

/** Bytes from an address on, of user or system space; as many as are in memory without a gap, at most `length`. */
export function readBytes(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  length: number,
): Uint8Array {
  return bytesInFrames(mm, (at) => frameAt(mm, space, at), address, length);
}
