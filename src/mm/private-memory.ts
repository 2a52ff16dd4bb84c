/**
 * Private ranges: committing, decommitting and counting their pages. A page is committed when its entry says so, or when it
 * has none and the VAD was committed as a whole (MemCommit).
 */
import { STATUS_COMMITMENT_LIMIT, STATUS_NO_MEMORY, STATUS_SUCCESS } from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';
import { COMMIT_PRIVATE } from './commit.js';
import type { MemoryManager } from './memory-manager.js';
import { PAGE_RESERVED, pageState, setPageProtection } from './page-protection.js';
import {
  countUsedPte,
  findPte,
  frameOfWord,
  freeEmptyTable,
  makePte,
  nextAddressWithTable,
} from './page-tables.js';
import { DECOMMITTED_PTE, demandZeroLow } from './pte.js';
import { deletePte, deletePteRange } from './pte-deletion.js';
import type { Vad } from './vad-tree.js';

const TABLE_SPAN = 0x20_0000;
/** Bytes of MMVAD_SHORT, and the tag under which it is charged. */
export const SHORT_VAD_SIZE = 0x40;
export const SHORT_VAD_TAG = 'VadS';

/** Adds a private range to an address space and charges its descriptor to nonpaged pool. */
export function insertPrivateVad(mm: MemoryManager, space: AddressSpace, vad: Vad): void {
  mm.nonpagedPool.charge(SHORT_VAD_SIZE, SHORT_VAD_TAG);
  space.vads.insert(vad);
}

/** Takes a private range, whose pages are gone, out of an address space. */
export function removePrivateVad(mm: MemoryManager, space: AddressSpace, vad: Vad): void {
  mm.nonpagedPool.uncharge(SHORT_VAD_SIZE, SHORT_VAD_TAG);
  space.vads.remove(vad);
}

/** Committed pages in `start`..`end` (addresses, multiples of 4096, end not included) of a private range. */
export function countCommitted(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  start: number,
  end: number,
): number {
  if (!vad.memCommit && vad.commitCharge === 0) return 0;
  let count = vad.memCommit ? (end - start) / 4096 : 0;
  let at = nextAddressWithTable(mm, space, start, end);
  while (at < end) {
    const tableEnd = Math.min(end, (Math.floor(at / TABLE_SPAN) + 1) * TABLE_SPAN);
    count += countInTable(mm, space, vad, at, tableEnd);
    at = nextAddressWithTable(mm, space, tableEnd, end);
  }
  return count;
}

/** What the entries of one page table add to the count that the VAD alone gives. */
function countInTable(mm: MemoryManager, space: AddressSpace, vad: Vad, start: number, end: number): number {
  const expected = vad.memCommit ? 1 : 0;
  let word = findPte(mm, space, start);
  let change = 0;
  for (let address = start; address < end; address += 4096, word += 2) {
    const lo = mm.words[word]!;
    if (lo !== 0) change += (lo === DECOMMITTED_PTE ? 0 : 1) - expected;
  }
  return change;
}

/** Changes the commit charge of a private range, its process and the system; a rise must have been found to fit. */
function adjustCommit(mm: MemoryManager, space: AddressSpace, vad: Vad, pages: number): void {
  if (pages > 0) mm.commit.force(COMMIT_PRIVATE, pages);
  else mm.commit.release(COMMIT_PRIVATE, -pages);
  vad.commitCharge += pages;
  space.addCommit(pages);
  if (mm.events.active && pages !== 0) mm.events.emit('commit', space, vad.startPage * 4096, -1, pages);
}

/**
 * Commits the pages in `start`..`end` of a private range with a protection; pages that are committed already get it too.
 * STATUS_COMMITMENT_LIMIT, or STATUS_NO_MEMORY when there is no frame for a page table.
 */
export function commitPrivatePages(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  start: number,
  end: number,
  protection: number,
): number {
  const missing = (end - start) / 4096 - countCommitted(mm, space, vad, start, end);
  if (!mm.commit.hasRoom(missing)) return STATUS_COMMITMENT_LIMIT;
  if (coversWhole(vad, start, end) && vad.commitCharge === 0 && protection === vad.protection) {
    deletePteRange(mm, space, start, end);
    vad.memCommit = true;
    adjustCommit(mm, space, vad, missing);
    return STATUS_SUCCESS;
  }
  if (!makeTablesFor(mm, space, vad, start, end, protection)) return STATUS_NO_MEMORY;
  commitEach(mm, space, vad, start, end, protection);
  adjustCommit(mm, space, vad, missing);
  return STATUS_SUCCESS;
}

/**
 * Makes the page tables that pages of a private range need to get a protection. None when zero entries say it already, because
 * the range was committed as a whole with that protection.
 */
export function makeTablesFor(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  start: number,
  end: number,
  protection: number,
): boolean {
  return (vad.memCommit && protection === vad.protection) || makeTables(mm, space, start, end);
}

/** Makes each page committed with the protection; the page tables that this needs are there. */
function commitEach(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  start: number,
  end: number,
  protection: number,
): void {
  for (let address = start; address < end; address += 4096) {
    const word = findPte(mm, space, address);
    const state = pageState(mm, vad, address / 4096, word);
    if (state === protection) continue;
    if (state !== PAGE_RESERVED) {
      setPageProtection(mm, space, vad, word, address, protection);
      continue;
    }
    if (mm.words[word] === 0) countUsedPte(mm, word);
    mm.words[word] = demandZeroLow(protection);
  }
}

/**
 * Decommits the pages in `start`..`end` of a private range: their frames and contents go. STATUS_NO_MEMORY when there is no
 * frame for the page tables that have to say so.
 */
export function decommitPrivatePages(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  start: number,
  end: number,
): number {
  const committed = countCommitted(mm, space, vad, start, end);
  if (committed === vad.commitCharge) {
    deletePteRange(mm, space, vad.startPage * 4096, (vad.endPage + 1) * 4096);
    vad.memCommit = false;
  } else if (!vad.memCommit) deletePteRange(mm, space, start, end);
  else {
    if (!makeTables(mm, space, start, end)) return STATUS_NO_MEMORY;
    markDecommitted(mm, space, start, end);
  }
  adjustCommit(mm, space, vad, -committed);
  return STATUS_SUCCESS;
}

/** Makes the page tables of a range; when one cannot be made, frees those that hold nothing. */
function makeTables(mm: MemoryManager, space: AddressSpace, start: number, end: number): boolean {
  for (let at = start; at < end; at = (Math.floor(at / TABLE_SPAN) + 1) * TABLE_SPAN) {
    if (makePte(mm, space, at) !== 0) continue;
    freeEmptyTables(mm, space, start, at);
    return false;
  }
  return true;
}

function freeEmptyTables(mm: MemoryManager, space: AddressSpace, start: number, end: number): void {
  for (let at = start; at < end; at = (Math.floor(at / TABLE_SPAN) + 1) * TABLE_SPAN) {
    freeEmptyTable(mm, space, frameOfWord(mm, findPte(mm, space, at)));
  }
}

function markDecommitted(mm: MemoryManager, space: AddressSpace, start: number, end: number): void {
  for (let address = start; address < end; address += 4096) {
    const word = findPte(mm, space, address);
    if (mm.words[word] !== 0) deletePte(mm, space, word, address);
    mm.words[word] = DECOMMITTED_PTE;
    countUsedPte(mm, word);
  }
}

function coversWhole(vad: Vad, start: number, end: number): boolean {
  return start === vad.startPage * 4096 && end === (vad.endPage + 1) * 4096;
}

/** Deletes the pages in `start`..`end` of a private range that is about to lose them, and gives their commit charge back. */
export function releasePrivatePages(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  start: number,
  end: number,
): void {
  const committed = coversWhole(vad, start, end)
    ? vad.commitCharge
    : countCommitted(mm, space, vad, start, end);
  deletePteRange(mm, space, start, end);
  adjustCommit(mm, space, vad, -committed);
}
