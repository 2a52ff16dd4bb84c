/**
 * Pages of views: which protections they may be given, what they are charged, and the commitment of SEC_RESERVE sections.
 * Source: Microsoft, "VirtualProtect function", "CreateFileMappingA function" (SEC_RESERVE); Windows Internals, "Copy-on-write".
 */
import {
  STATUS_COMMITMENT_LIMIT,
  STATUS_NOT_COMMITTED,
  STATUS_SECTION_PROTECTION,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';
import { COMMIT_COPY_ON_WRITE, COMMIT_SECTION } from './commit.js';
import { mayCommit } from './commit-quota.js';
import type { MemoryManager } from './memory-manager.js';
import {
  isPrivateCopy,
  PAGE_RESERVED,
  pageState,
  protectPages,
  prototypeAddress,
  untouchedState,
} from './page-protection.js';
import { holdTables, releaseTables } from './page-table-fault.js';
import { findPte, type TableAccess, VALID_TABLES } from './page-tables.js';
import { isCopyOnWrite } from './protection.js';
import { demandZeroLow, MM_EXECUTE_READWRITE, MM_READWRITE } from './pte.js';
import { systemWord } from './system-space.js';
import { systemWordToWrite } from './system-working-set.js';
import { VAD_IMAGE, type Vad } from './vad-tree.js';

/**
 * For each access code of a view, a bit for every access code that its pages may be given: readable views never become
 * writable in place, and only executable ones can be executed.
 */
const NONE = 1 << 0;
const READ = NONE | (1 << 1) | (1 << 5);
const EXECUTE = NONE | (1 << 2);
const EXECUTE_READ = READ | EXECUTE | (1 << 3) | (1 << 7);
const WRITE = READ | (1 << 4);
const EVERYTHING = 0xff;
const COMPATIBLE = [NONE, READ, EXECUTE, EXECUTE_READ, WRITE, READ, EVERYTHING, EXECUTE_READ];

/** True when pages of a view may be given a protection code. */
export function isWithinView(vad: Vad, protection: number): boolean {
  return (COMPATIBLE[vad.protection & 7]! & (1 << (protection & 7))) !== 0;
}

/**
 * Protects pages of a view: STATUS_NOT_COMMITTED, STATUS_COMMITMENT_LIMIT, STATUS_SECTION_PROTECTION beyond its rights, or
 * STATUS_NO_MEMORY or STATUS_IN_PAGE_ERROR when a page table cannot be made or brought back.
 */
export function protectView(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  start: number,
  end: number,
  requested: number,
): number {
  const protection = isCopyOnWrite(vad.protection) ? copyOnWriteForm(requested) : requested;
  if (!isWithinView(vad, protection)) return STATUS_SECTION_PROTECTION;
  let status = holdTables(mm, space, start, end, false);
  if (status !== STATUS_SUCCESS) return status;
  const before = viewCharge(mm, space, vad, start / 4096, end / 4096 - 1);
  const isReserved = hasReservedPage(mm, space, vad, start, end);
  releaseTables(mm, space, start, end);
  const most = isCopyOnWrite(protection) ? (end - start) / 4096 : before;
  if (isReserved) return STATUS_NOT_COMMITTED;
  if (!mayCommit(mm, space, most - before)) return STATUS_COMMITMENT_LIMIT;
  status = holdTables(mm, space, start, end, true);
  if (status !== STATUS_SUCCESS) return status;
  protectPages(mm, space, vad, start, end, protection);
  chargeView(mm, space, vad, viewCharge(mm, space, vad, start / 4096, end / 4096 - 1) - before);
  releaseTables(mm, space, start, end);
  return STATUS_SUCCESS;
}

/** A write to a copy-on-write view always makes a private copy: READWRITE asks for WRITECOPY there. */
function copyOnWriteForm(protection: number): number {
  const access = protection & 7;
  return access === MM_READWRITE || access === MM_EXECUTE_READWRITE ? protection + 1 : protection;
}

function hasReservedPage(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  start: number,
  end: number,
): boolean {
  if (!vad.sectionMayReserve && !vad.isExtendable) return false;
  for (let address = start; address < end; address += 4096) {
    if (pageState(mm, vad, address / 4096, findPte(mm, space, address)) === PAGE_RESERVED) return true;
  }
  return false;
}

/** A page of a view is charged when it is a private copy, or its protection (now or when mapped) lets it become one. */
function isChargedPage(mm: MemoryManager, vad: Vad, page: number, word: number): boolean {
  return (
    isPrivateCopy(mm, word) ||
    isCopyOnWrite(Math.max(pageState(mm, vad, page, word), 0)) ||
    isCopyOnWrite(Math.max(untouchedState(mm, vad, page), 0))
  );
}

/**
 * Pages from `first` to `last` (page numbers) of a view that are charged to commit; their page tables, if there are any, are
 * valid or can be reached by `tables`.
 */
export function viewCharge(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  first: number = vad.startPage,
  last: number = vad.endPage,
  tables: TableAccess = VALID_TABLES,
): number {
  if (vad.kind !== VAD_IMAGE && isCopyOnWrite(vad.protection)) return last - first + 1;
  let charge = 0;
  let page = first;
  while (page <= last) {
    const word = tables.pte(mm, space, page * 4096);
    if (word === 0 && vad.kind !== VAD_IMAGE) {
      page = tables.next(mm, space, page * 4096, (last + 1) * 4096) / 4096;
      continue;
    }
    if (isChargedPage(mm, vad, page, word)) charge++;
    page++;
  }
  return charge;
}

function chargeView(mm: MemoryManager, space: AddressSpace, vad: Vad, pages: number): void {
  if (pages > 0) mm.commit.force(COMMIT_COPY_ON_WRITE, pages);
  else mm.commit.release(COMMIT_COPY_ON_WRITE, -pages);
  vad.commitCharge += pages;
  space.addCommit(pages);
}

/**
 * Commits pages of a view of a section of the paging file, for everybody who maps it, and gives them a protection in this view:
 * STATUS_SECTION_PROTECTION beyond its rights, STATUS_COMMITMENT_LIMIT, STATUS_NO_MEMORY or STATUS_IN_PAGE_ERROR.
 */
export function commitViewPages(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  start: number,
  end: number,
  protection: number,
): number {
  if (!isWithinView(vad, protection)) return STATUS_SECTION_PROTECTION;
  const status = holdTables(mm, space, start, end, true);
  if (status !== STATUS_SUCCESS) return status;
  const missing = countUncommitted(mm, vad, start / 4096, end / 4096);
  const before = viewCharge(mm, space, vad, start / 4096, end / 4096 - 1);
  const most = isCopyOnWrite(protection) ? (end - start) / 4096 : before;
  const hasRoom = mm.commit.hasRoom(missing + most - before) && mayCommit(mm, space, most - before);
  if (hasRoom) {
    mm.commit.force(COMMIT_SECTION, missing);
    const { segment, subsections } = vad.controlArea!;
    segment.committedPages += missing;
    for (let page = start / 4096; page < end / 4096; page++) {
      const at = prototypeAddress(vad, page);
      if (isZero(mm, at)) mm.words[systemWordToWrite(mm, at)] = demandZeroLow(subsections[0]!.protection);
    }
    protectPages(mm, space, vad, start, end, protection);
    chargeView(mm, space, vad, viewCharge(mm, space, vad, start / 4096, end / 4096 - 1) - before);
  }
  releaseTables(mm, space, start, end);
  return hasRoom ? STATUS_SUCCESS : STATUS_COMMITMENT_LIMIT;
}

function countUncommitted(mm: MemoryManager, vad: Vad, first: number, end: number): number {
  let count = 0;
  for (let page = first; page < end; page++) {
    if (isZero(mm, prototypeAddress(vad, page))) count++;
  }
  return count;
}

/** True for a prototype PTE of zeros. */
function isZero(mm: MemoryManager, address: number): boolean {
  const word = systemWord(mm, address);
  return mm.words[word] === 0 && mm.words[word + 1] === 0;
}
