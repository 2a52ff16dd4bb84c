/**
 * Looking at page tables wherever they are, without bringing them back: verify(), the views and the debugger change nothing. A
 * table in transition is still in its frame; one in a paging file is read into a window beyond RAM, one page for each
 * level, which has a frame number like any other place for a table.
 */
import type { AddressSpace } from './address-space.js';
import { HostIoError } from './backing-file.js';
import type { MemoryManager } from './memory-manager.js';
import { entryWord, isLargePage, nextBoundary, type TableAccess } from './page-tables.js';
import { PTE_TRANSITION, PTE_VALID, pageFileNumber, pteFrame } from './pte.js';
import { systemWord } from './system-space.js';

const PAGE_SIZE = 4096;
const DIRECTORY_LEVEL = 4;

/** Answers of peekTable and peekPte for a table that cannot be read. */
export const UNREADABLE = -1;

/** What each page of the window shows: paging file, block, and how many pages had been written to paging files then. */
export class TableWindow {
  readonly files = [-1, -1, -1, -1];
  readonly blocks = [0, 0, 0, 0];
  readonly written = [0, 0, 0, 0];
}

/** The page of the window for tables of a level (4 to 1), as a frame number; what it shows is forgotten. */
export function takeWindow(mm: MemoryManager, level: number): number {
  mm.tableWindow.files[level - 1] = -1;
  return mm.ram.windowFrame + level - 1;
}

/** The frame, or page of the window, with the table of a level (4 to 1) that an entry names (not zero); or UNREADABLE. */
export function peekTable(mm: MemoryManager, lo: number, hi: number, level: number): number {
  if ((lo & (PTE_VALID | PTE_TRANSITION)) !== 0) return pteFrame(lo);
  const { tableWindow, pageFiles } = mm;
  const index = level - 1;
  const frame = mm.ram.windowFrame + index;
  const file = pageFileNumber(lo);
  if (
    tableWindow.files[index] === file &&
    tableWindow.blocks[index] === hi &&
    tableWindow.written[index] === pageFiles.pagesWritten
  )
    return frame;
  const start = mm.ram.offsetOf(takeWindow(mm, level));
  try {
    pageFiles.peek(file, hi, mm.ram.bytes.subarray(start, start + PAGE_SIZE));
  } catch (error) {
    if (!(error instanceof HostIoError)) throw error;
    return UNREADABLE;
  }
  tableWindow.files[index] = file;
  tableWindow.blocks[index] = hi;
  tableWindow.written[index] = pageFiles.pagesWritten;
  return frame;
}

/** The frame, or page of the window, with the directory of a process, which may be swapped out; or UNREADABLE. */
export function peekDirectory(mm: MemoryManager, space: AddressSpace): number {
  if (!space.outSwapped) return space.directoryFrame;
  const word = systemWord(mm, space.directoryEntry);
  return peekTable(mm, mm.words[word]!, mm.words[word + 1]!, DIRECTORY_LEVEL);
}

/**
 * Index in ram.words of the PTE of an address, which must be read before the next look; 0 when there is no page table, or it
 * cannot be read.
 */
export function peekPte(mm: MemoryManager, space: AddressSpace, address: number): number {
  return Math.max(look(mm, space, address), 0);
}

/** Index in ram.words of the PTE of an address, or, negated, the highest level whose entry leads to no table. */
function look(mm: MemoryManager, space: AddressSpace, address: number): number {
  let table = peekDirectory(mm, space);
  if (table === UNREADABLE) return -DIRECTORY_LEVEL;
  for (let level = DIRECTORY_LEVEL; level > 1; level--) {
    const word = entryWord(mm, table, address, level);
    const lo = mm.words[word]!;
    const hi = mm.words[word + 1]!;
    if ((lo === 0 && hi === 0) || isLargePage(lo)) return -level;
    table = peekTable(mm, lo, hi, level - 1);
    if (table === UNREADABLE) return -level;
  }
  return entryWord(mm, table, address, 1);
}

/** The lowest address at or above `address` and below `end` that has a page table, wherever it is; or `end`. */
export function nextAddressPeeked(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  end: number,
): number {
  let at = address;
  while (at < end) {
    const found = look(mm, space, at);
    if (found > 0) return at;
    at = nextBoundary(at, -found);
  }
  return end;
}

/** Reads tables without changing where they are. */
export const PEEKED: TableAccess = { pte: peekPte, next: nextAddressPeeked };
