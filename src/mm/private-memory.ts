/**
 * Private ranges: committing, decommitting and counting their pages. A page is committed when its entry says so, or when it
 * has none and the VAD was committed as a whole (MemCommit).
 */
import { STATUS_COMMITMENT_LIMIT, STATUS_SUCCESS } from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';
import { COMMIT_PRIVATE } from './commit.js';
import { mayCommit } from './commit-quota.js';
import { deleteLockedRange } from './locked-range.js';
import type { MemoryManager } from './memory-manager.js';
import { PAGE_RESERVED, pageState, setPageProtection } from './page-protection.js';
import { BROUGHT_IN, holdTables, releaseTables } from './page-table-fault.js';
import { countUsedPte, findPte, type TableAccess } from './page-tables.js';
import { DECOMMITTED_PTE, demandZeroLow } from './pte.js';
import { deletePte, deletePteRange, tryDeletePteRange } from './pte-deletion.js';
import { VAD_ORDINARY, type Vad } from './vad-tree.js';
import { freeWriteWatch } from './write-watch.js';

const TABLE_SPAN = 0x20_0000;
/** Bytes of MMVAD_SHORT, and the tag under which it is charged. */
export const SHORT_VAD_SIZE = 0x40;
export const SHORT_VAD_TAG = 'VadS';

/** Adds a private range to an address space and charges its descriptor to nonpaged pool. */
/** Whether there is pool for one more private range (STATUS_INSUFFICIENT_RESOURCES). */
export function mayInsertPrivateVad(mm: MemoryManager): boolean {
  return mm.nonpagedPool.mayCharge(SHORT_VAD_SIZE);
}

export function insertPrivateVad(mm: MemoryManager, space: AddressSpace, vad: Vad): void {
  mm.nonpagedPool.charge(SHORT_VAD_SIZE, SHORT_VAD_TAG);
  space.vads.insert(vad);
  if (vad.writeWatch !== 0) space.watchedRanges++;
}

/** Takes a private range, whose pages are gone, out of an address space. */
export function removePrivateVad(mm: MemoryManager, space: AddressSpace, vad: Vad): void {
  mm.nonpagedPool.uncharge(SHORT_VAD_SIZE, SHORT_VAD_TAG);
  space.vads.remove(vad);
  if (vad.writeWatch === 0) return;
  space.watchedRanges--;
  freeWriteWatch(mm, vad);
}

/**
 * Committed pages in `start`..`end` (addresses, multiples of 4096, end not included) of a private range; or, negated,
 * STATUS_NO_MEMORY or STATUS_IN_PAGE_ERROR when a page table cannot be reached.
 */
export function countCommitted(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  start: number,
  end: number,
  tables: TableAccess = BROUGHT_IN,
): number {
  if (!vad.memCommit && vad.commitCharge === 0) return 0;
  let count = vad.memCommit ? (end - start) / 4096 : 0;
  let at = tables.next(mm, space, start, end);
  while (at >= 0 && at < end) {
    const tableEnd = Math.min(end, (Math.floor(at / TABLE_SPAN) + 1) * TABLE_SPAN);
    count += countInTable(mm, vad, tables.pte(mm, space, at), (tableEnd - at) / 4096);
    at = tables.next(mm, space, tableEnd, end);
  }
  return at < 0 ? at : count;
}

/** What entries of one page table, the first at `first` in ram.words, add to the count that the VAD alone gives. */
function countInTable(mm: MemoryManager, vad: Vad, first: number, entries: number): number {
  const expected = vad.memCommit ? 1 : 0;
  let change = 0;
  for (let word = first; word < first + entries * 2; word += 2) {
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
 * STATUS_COMMITMENT_LIMIT; STATUS_NO_MEMORY or STATUS_IN_PAGE_ERROR when a page table cannot be made or brought back.
 */
export function commitPrivatePages(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  start: number,
  end: number,
  protection: number,
): number {
  const committed = countCommitted(mm, space, vad, start, end);
  if (committed < 0) return -committed;
  const missing = (end - start) / 4096 - committed;
  if (!mayCommit(mm, space, missing)) return STATUS_COMMITMENT_LIMIT;
  if (coversWhole(vad, start, end) && vad.commitCharge === 0 && protection === vad.protection) {
    const status = tryDeletePteRange(mm, space, start, end);
    if (status !== STATUS_SUCCESS) return status;
    vad.memCommit = true;
    adjustCommit(mm, space, vad, missing);
    return STATUS_SUCCESS;
  }
  const status = holdTablesFor(mm, space, vad, start, end, protection);
  if (status !== STATUS_SUCCESS) return status;
  commitEach(mm, space, vad, start, end, protection);
  adjustCommit(mm, space, vad, missing);
  releaseTables(mm, space, start, end);
  return STATUS_SUCCESS;
}

/**
 * Holds the page tables of pages of a private range that get a protection; releaseTables must follow success. None are made
 * when zero entries say it already, because the range was committed as a whole with that protection.
 */
export function holdTablesFor(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  start: number,
  end: number,
  protection: number,
): number {
  return holdTables(mm, space, start, end, !vad.memCommit || protection !== vad.protection);
}

/** Makes each page committed with the protection; the page tables that this needs are held. */
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
 * Decommits the pages in `start`..`end` of a private range: their frames and contents go. STATUS_NO_MEMORY or
 * STATUS_IN_PAGE_ERROR when a page table that has to say so cannot be made or brought back.
 */
export function decommitPrivatePages(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  start: number,
  end: number,
): number {
  const committed = countCommitted(mm, space, vad, start, end);
  if (committed < 0) return -committed;
  const isLast = committed === vad.commitCharge;
  const status = isLast
    ? tryDeletePteRange(mm, space, vad.startPage * 4096, (vad.endPage + 1) * 4096)
    : vad.memCommit
      ? markDecommitted(mm, space, start, end)
      : tryDeletePteRange(mm, space, start, end);
  if (status !== STATUS_SUCCESS) return status;
  if (isLast) vad.memCommit = false;
  adjustCommit(mm, space, vad, -committed);
  return STATUS_SUCCESS;
}

/** Each page's entry says that it was decommitted. */
function markDecommitted(mm: MemoryManager, space: AddressSpace, start: number, end: number): number {
  const status = holdTables(mm, space, start, end, true);
  if (status !== STATUS_SUCCESS) return status;
  for (let address = start; address < end; address += 4096) {
    const word = findPte(mm, space, address);
    if (mm.words[word] !== 0) deletePte(mm, space, word, address);
    mm.words[word] = DECOMMITTED_PTE;
    countUsedPte(mm, word);
  }
  releaseTables(mm, space, start, end);
  return STATUS_SUCCESS;
}

function coversWhole(vad: Vad, start: number, end: number): boolean {
  return start === vad.startPage * 4096 && end === (vad.endPage + 1) * 4096;
}

/**
 * Deletes the pages in `start`..`end` of a private range that is about to lose them, and gives their commit charge back.
 * STATUS_NO_MEMORY or STATUS_IN_PAGE_ERROR, with nothing changed, when a page table cannot be brought back.
 */
export function releasePrivatePages(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  start: number,
  end: number,
): number {
  const committed = coversWhole(vad, start, end)
    ? vad.commitCharge
    : countCommitted(mm, space, vad, start, end);
  if (committed < 0) return -committed;
  const status = tryDeletePteRange(mm, space, start, end);
  if (status === STATUS_SUCCESS) adjustCommit(mm, space, vad, -committed);
  return status;
}

/** Removes a private range and its pages, as the end of its process does. */
export function deletePrivateVad(mm: MemoryManager, space: AddressSpace, vad: Vad): void {
  if (vad.type !== VAD_ORDINARY) {
    deleteLockedRange(mm, space, vad);
    return;
  }
  deletePteRange(mm, space, vad.startPage * 4096, (vad.endPage + 1) * 4096);
  adjustCommit(mm, space, vad, -vad.commitCharge);
  removePrivateVad(mm, space, vad);
}
