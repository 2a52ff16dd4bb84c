/**
 * Page tables that are not there: made at the first touch of what they map, brought back, from the top down, when they were
 * trimmed. MiMakePdeExistAndMakeValid, MiDoesPdeExistAndMakeValid, MiMakeSystemAddressValid. A table is always modified: what
 * is written to it is not watched, so that its copy in a paging file is freed as soon as it is back.
 * Source: Windows Internals, "Page fault handling", "x64 virtual address translation".
 */
import { STATUS_NO_MEMORY, STATUS_PENDING, STATUS_SUCCESS } from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';
import { COMMIT_PAGE_TABLES } from './commit.js';
import { countTransition } from './counters.js';
import type { MemoryManager } from './memory-manager.js';
import { markModified } from './page-file.js';
import { resolvePageFileFault } from './page-file-fault.js';
import { activateTransitionFrame, allocateZeroedFrame, releaseShare } from './page-lists.js';
import {
  addressOfPte,
  entryAddress,
  entryWord,
  findPte,
  frameOfWord,
  freeEmptyTable,
  holdTable,
  namesTable,
  nextAddressWithTable,
  nextAddressWithValidTable,
  nextBoundary,
  releaseTable,
  SYSTEM_RANGE_START,
  SYSTEM_TABLE_LOW,
  type TableAccess,
  USER_TABLE_LOW,
} from './page-tables.js';
import { isBeingRead, waitForCollided, waitForFrame } from './paging-io.js';
import { PFN_MODIFIED, PFN_PAGE_TABLE } from './pfn-database.js';
import { demandZeroLow, MM_READWRITE, PTE_TRANSITION, PTE_VALID, pteFrame } from './pte.js';
import { insertWsle } from './working-set.js';
import { ensureRoomInWorkingSet } from './working-set-manager.js';

/**
 * Index in ram.words of the PTE of an address, its tables brought back; 0 when one was never made; or, negated,
 * STATUS_NO_MEMORY or STATUS_IN_PAGE_ERROR.
 */
export function bringPteIn(mm: MemoryManager, space: AddressSpace, address: number): number {
  const found = findPte(mm, space, address);
  return found !== 0 ? found : descend(mm, space, address, 1, false);
}

/**
 * Index in ram.words of the PTE of a user or hyperspace address, its tables brought back or made; or, negated,
 * STATUS_NO_MEMORY or STATUS_IN_PAGE_ERROR. A new table is charged to commit whatever the limit.
 */
export function makePte(mm: MemoryManager, space: AddressSpace, address: number): number {
  const found = findPte(mm, space, address);
  return found !== 0 ? found : descend(mm, space, address, 1, true);
}

/** The same for the entry of level 2, which can name a large page. */
export function makePde(mm: MemoryManager, space: AddressSpace, address: number): number {
  return descend(mm, space, address, 2, true);
}

/** The entry of a level for an address; 0 also where a large page has no page table. */
function descend(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  lowest: number,
  makes: boolean,
): number {
  if (address < SYSTEM_RANGE_START && !ensureRoomInWorkingSet(mm, space)) return -STATUS_NO_MEMORY;
  let table = space.directoryFrame;
  for (let level = 4; level > lowest; level--) {
    const word = entryWord(mm, table, address, level);
    const lo = mm.words[word]!;
    if ((lo & PTE_VALID) === 0) {
      const isMissing = lo === 0 && mm.words[word + 1] === 0;
      if (isMissing && !makes) return 0;
      const at = entryAddress(address, level);
      const status = isMissing
        ? makeTable(mm, space, word, table, at, address)
        : bringTableIn(mm, space, word, at, address);
      if (status !== STATUS_SUCCESS) {
        freeEmptyTable(mm, space, table);
        return -status;
      }
    }
    table = pteFrame(mm.words[word]!);
  }
  return lowest === 1 ? findPte(mm, space, address) : entryWord(mm, table, address, lowest);
}

/** Fills an entry of zeros, which lies in `holder` at the self-map address `at`, with a new table. */
function makeTable(
  mm: MemoryManager,
  space: AddressSpace,
  word: number,
  holder: number,
  at: number,
  address: number,
): number {
  holdTable(mm, holder);
  const frame = allocateZeroedFrame(mm);
  releaseShare(mm, holder);
  if (frame < 0) return STATUS_NO_MEMORY;
  initializeTable(mm, frame, holder, at);
  mm.pfn.usedPtes[holder]!++;
  mm.commit.force(COMMIT_PAGE_TABLES, 1);
  space.pageTablePages++;
  space.addCommit(1);
  enterTable(mm, space, word, frame, at, address);
  return STATUS_SUCCESS;
}

function initializeTable(mm: MemoryManager, frame: number, holder: number, at: number): void {
  mm.pfn.initialize(frame, at, holder, demandZeroLow(MM_READWRITE), 0, PFN_MODIFIED | PFN_PAGE_TABLE);
}

/** Makes the entry valid. A table of user space gets an entry in the working-set list, under its address in the self-map. */
function enterTable(
  mm: MemoryManager,
  space: AddressSpace,
  word: number,
  frame: number,
  at: number,
  address: number,
): void {
  const isUser = address < SYSTEM_RANGE_START;
  mm.words[word] = (frame << 12) | (isUser ? USER_TABLE_LOW : SYSTEM_TABLE_LOW);
  mm.words[word + 1] = 0;
  space.addResident(1);
  if (isUser) insertWsle(mm, space, addressOfPte(at), frame);
}

/** Makes a table valid; what must be read is waited for on the spot, unless a fault can wait for it (STATUS_PENDING). */
function bringTableIn(
  mm: MemoryManager,
  space: AddressSpace,
  word: number,
  at: number,
  address: number,
): number {
  for (;;) {
    const status = makeTableValid(mm, space, word, at, address);
    if (status !== STATUS_PENDING || mm.faultMayPend) return status;
    waitForFrame(mm, mm.pendingFrame);
  }
}

/** Brings a table back whose entry is in transition or names a paging-file block. Counts and shows it like a page. */
function makeTableValid(
  mm: MemoryManager,
  space: AddressSpace,
  word: number,
  at: number,
  address: number,
): number {
  const lo = mm.words[word]!;
  if ((lo & PTE_TRANSITION) === 0) return readTable(mm, space, word, at);
  const frame = pteFrame(lo);
  if (isBeingRead(mm, frame)) return waitForCollided(mm, space, frame);
  activateTransitionFrame(mm, frame);
  markModified(mm, frame);
  enterTable(mm, space, word, frame, at, address);
  countTransition(mm, space);
  return STATUS_SUCCESS;
}

/** Begins to read a table whose entry names a paging-file block. STATUS_PENDING, or what went wrong, with nothing changed. */
function readTable(mm: MemoryManager, space: AddressSpace, word: number, at: number): number {
  const holder = frameOfWord(mm, word);
  holdTable(mm, holder);
  const status = resolvePageFileFault(mm, space, word, at, addressOfPte(at), PFN_PAGE_TABLE);
  releaseShare(mm, holder);
  if (status === STATUS_PENDING) mm.pfn.usedPtes[mm.pendingFrame] = countEntries(mm, mm.pendingFrame);
  return status;
}

/** Entries of a table that are not zero. */
function countEntries(mm: MemoryManager, table: number): number {
  const first = mm.frameWord(table);
  let count = 0;
  for (let word = first; word < first + 1024; word += 2)
    if (mm.words[word] !== 0 || mm.words[word + 1] !== 0) count++;
  return count;
}

/**
 * The lowest address at or above `address` and below `end` that has a page table, which is brought back, or `end`; or, negated,
 * STATUS_NO_MEMORY or STATUS_IN_PAGE_ERROR.
 */
export function nextAddressBroughtIn(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  end: number,
): number {
  let at = nextAddressWithTable(mm, space, address, end);
  while (at < end) {
    const word = bringPteIn(mm, space, at);
    if (word < 0) return word;
    if (word > 0) return at;
    at = nextAddressWithTable(mm, space, at, end);
  }
  return end;
}

/** Brings tables back, as a system service does. */
export const BROUGHT_IN: TableAccess = { pte: bringPteIn, next: nextAddressBroughtIn };

/**
 * Brings in every page table of `start`..`end` (addresses) and holds it, missing ones made when `makes` says so. releaseTables
 * must follow. STATUS_NO_MEMORY or STATUS_IN_PAGE_ERROR, with nothing held.
 */
export function holdTables(
  mm: MemoryManager,
  space: AddressSpace,
  start: number,
  end: number,
  makes: boolean,
): number {
  for (let at = start; at < end; at = nextBoundary(at, 2)) {
    const next = makes ? at : nextAddressBroughtIn(mm, space, at, end);
    if (next >= end) break;
    const word = next < 0 ? next : makePte(mm, space, next);
    if (word < 0) {
      releaseTables(mm, space, start, at);
      return -word;
    }
    holdTable(mm, frameOfWord(mm, word));
    at = next;
  }
  return STATUS_SUCCESS;
}

/** Ends what holdTables began for the same addresses; tables without entries are freed. */
export function releaseTables(mm: MemoryManager, space: AddressSpace, start: number, end: number): void {
  let at = nextAddressWithValidTable(mm, space, start, end);
  while (at < end) {
    releaseTable(mm, space, frameOfWord(mm, findPte(mm, space, at)));
    at = nextAddressWithValidTable(mm, space, nextBoundary(at, 2), end);
  }
}

function lowestTable(mm: MemoryManager, space: AddressSpace, address: number): number {
  let table = space.directoryFrame;
  for (let level = 4; level > 1; level--) {
    const entry = mm.words[entryWord(mm, table, address, level)]!;
    if (!namesTable(entry)) break;
    table = pteFrame(entry);
  }
  return table;
}

/**
 * Brings in and holds the lowest table there is on the way to an address; releaseTable must follow. Its frame number, or,
 * negated, STATUS_NO_MEMORY or STATUS_IN_PAGE_ERROR.
 */
export function holdPath(mm: MemoryManager, space: AddressSpace, address: number): number {
  const word = bringPteIn(mm, space, address);
  if (word < 0) return word;
  const table = word > 0 ? frameOfWord(mm, word) : lowestTable(mm, space, address);
  holdTable(mm, table);
  return table;
}
