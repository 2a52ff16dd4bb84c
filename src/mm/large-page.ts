/**
 * Memory in large pages, and private memory of that kind: each 2 MB are 512 frames that lie together, mapped by one page-directory entry, in RAM from
 * allocation to release. They are part of the process's commitment, not of its working set. Source: Microsoft, "Large-Page
 * Support", "VirtualAlloc function" (MEM_LARGE_PAGES), "GetLargePageMinimum function"; AMD64 manual, volume 2, 5.3.4 "2-Mbyte
 * Page Translation".
 */
import {
  STATUS_ACCESS_VIOLATION,
  STATUS_COMMITMENT_LIMIT,
  STATUS_CONFLICTING_ADDRESSES,
  STATUS_INSUFFICIENT_RESOURCES,
  STATUS_INVALID_PAGE_PROTECTION,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import { checkAccess } from './access-check.js';
import type { AddressSpace } from './address-space.js';
import { COMMIT_PRIVATE } from './commit.js';
import { mayCommit } from './commit-quota.js';
import { allocateContiguousFrames } from './contiguous-frames.js';
import type { MemoryManager } from './memory-manager.js';
import { deleteActiveFrame } from './page-lists.js';
import { makePde } from './page-table-fault.js';
import {
  countUsedPte,
  frameOfWord,
  freeEmptyTable,
  holdTable,
  invalidLevel,
  isLargePage,
  pdeAddress,
  releaseTable,
  tableEntryWord,
} from './page-tables.js';
import { PFN_LARGE_PAGE, PFN_MODIFIED } from './pfn-database.js';
import { insertPrivateVad, removePrivateVad } from './private-memory.js';
import { isCopyOnWrite } from './protection.js';
import {
  canBeValid,
  demandZeroLow,
  PTE_DIRTY,
  PTE_LARGE_PAGE,
  pteFrame,
  pteProtection,
  validHigh,
  validLow,
  validProtection,
} from './pte.js';
import { residentAvailable } from './resident-available.js';
import { VAD_LARGE_PAGES, VAD_PRIVATE, Vad } from './vad-tree.js';

/** Bytes of a large page, and how many frames it has (GetLargePageMinimum). */
export const LARGE_PAGE_SIZE = 0x20_0000;
export const LARGE_PAGE_FRAMES = LARGE_PAGE_SIZE / 4096;

/** Low word of the page-directory entry that maps a large page; its high word is validHigh's. */
export function largeLow(frame: number, protection: number): number {
  return (validLow(frame, protection) | PTE_DIRTY | PTE_LARGE_PAGE) >>> 0;
}

/** True when large pages can have a protection code: there must be some access, and nothing is copied or guarded. */
export function isLargePageProtection(protection: number): boolean {
  return canBeValid(protection) && !isCopyOnWrite(protection);
}

/** Index in ram.words of the page-directory entry that maps the large page at an address; 0 when there is none. */
export function findLargePde(mm: MemoryManager, space: AddressSpace, address: number): number {
  if (invalidLevel(mm, space, address) !== 2) return 0;
  const word = tableEntryWord(mm, space, address, 2);
  return isLargePage(mm.words[word]!) ? word : 0;
}

/** Protection code of the large page at an address of a range of large pages; in views, execute-only shows as execute-read. */
export function largePageProtection(mm: MemoryManager, space: AddressSpace, address: number): number {
  const word = findLargePde(mm, space, address);
  const lo = mm.words[word]!;
  return mm.pfn.isPrototype(pteFrame(lo))
    ? validProtection(lo, mm.words[word + 1]!)
    : pteProtection(mm.pfn.originalLo[pteFrame(lo)]!);
}

/**
 * Reserves and commits `start`..`end` (addresses, multiples of 2 MB, free) in large pages. STATUS_INVALID_PAGE_PROTECTION,
 * STATUS_COMMITMENT_LIMIT, STATUS_INSUFFICIENT_RESOURCES (no frames that lie together); STATUS_NO_MEMORY or
 * STATUS_IN_PAGE_ERROR when a page table cannot be made or brought back.
 */
export function allocateLargePages(
  mm: MemoryManager,
  space: AddressSpace,
  start: number,
  end: number,
  protection: number,
): number {
  if (!isLargePageProtection(protection)) return STATUS_INVALID_PAGE_PROTECTION;
  const pages = (end - start) / 4096;
  if (pages > residentAvailable(mm)) return STATUS_INSUFFICIENT_RESOURCES;
  if (!mayCommit(mm, space, pages)) return STATUS_COMMITMENT_LIMIT;
  mm.commit.force(COMMIT_PRIVATE, pages);
  for (let address = start; address < end; address += LARGE_PAGE_SIZE) {
    const status = mapLargePage(mm, space, address, protection);
    if (status === STATUS_SUCCESS) continue;
    unmapLargePages(mm, space, start, address);
    mm.commit.release(COMMIT_PRIVATE, pages);
    return status;
  }
  const vad = new Vad(start / 4096, end / 4096 - 1, VAD_PRIVATE, protection);
  vad.type = VAD_LARGE_PAGES;
  vad.memCommit = true;
  vad.commitCharge = pages;
  space.addCommit(pages);
  space.lockedRanges++;
  insertPrivateVad(mm, space, vad);
  return STATUS_SUCCESS;
}

/** Makes the page-directory entry of an address map a new large page of zeros. */
function mapLargePage(mm: MemoryManager, space: AddressSpace, address: number, protection: number): number {
  const word = makePde(mm, space, address);
  if (word < 0) return -word;
  const directory = frameOfWord(mm, word);
  holdTable(mm, directory);
  const first = allocateContiguousFrames(mm, LARGE_PAGE_FRAMES);
  if (first >= 0) {
    enterLargePage(mm, word, pdeAddress(address), first, protection);
    mm.lockedFrames += LARGE_PAGE_FRAMES;
  }
  releaseTable(mm, space, directory);
  return first < 0 ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS;
}

/** Every frame names the page-directory entry, which counts once in the share count of its table. */
function enterLargePage(
  mm: MemoryManager,
  word: number,
  entryAt: number,
  first: number,
  protection: number,
): void {
  const { pfn } = mm;
  const directory = frameOfWord(mm, word);
  for (let frame = first; frame < first + LARGE_PAGE_FRAMES; frame++)
    pfn.initialize(frame, entryAt, directory, demandZeroLow(protection), 0, PFN_MODIFIED | PFN_LARGE_PAGE);
  pfn.shareCount[directory]! -= LARGE_PAGE_FRAMES - 1;
  mm.words[word] = largeLow(first, protection);
  mm.words[word + 1] = validHigh(protection);
  countUsedPte(mm, word);
}

/** Frees the large pages in `start`..`end` (addresses). */
function unmapLargePages(mm: MemoryManager, space: AddressSpace, start: number, end: number): void {
  for (let address = start; address < end; address += LARGE_PAGE_SIZE) {
    const word = findLargePde(mm, space, address);
    const first = pteFrame(mm.words[word]!);
    const directory = frameOfWord(mm, word);
    mm.words[word] = 0;
    mm.words[word + 1] = 0;
    mm.pfn.usedPtes[directory]!--;
    if (mm.current === space) mm.processor.invalidatePage(address);
    mm.pfn.shareCount[directory]! += LARGE_PAGE_FRAMES - 1;
    for (let frame = first; frame < first + LARGE_PAGE_FRAMES; frame++) deleteActiveFrame(mm, frame);
    mm.lockedFrames -= LARGE_PAGE_FRAMES;
    freeEmptyTable(mm, space, directory);
  }
}

/** Releases a range of large pages. */
export function releaseLargePages(mm: MemoryManager, space: AddressSpace, vad: Vad): void {
  unmapLargePages(mm, space, vad.startPage * 4096, (vad.endPage + 1) * 4096);
  mm.commit.release(COMMIT_PRIVATE, vad.commitCharge);
  space.addCommit(-vad.commitCharge);
  space.lockedRanges--;
  removePrivateVad(mm, space, vad);
}

/**
 * Protects whole large pages: STATUS_CONFLICTING_ADDRESSES when the addresses `start` and `end` are not multiples of 2 MB,
 * STATUS_INVALID_PAGE_PROTECTION for one that large pages cannot have. (The statuses are not checked against Windows.)
 */
export function protectLargePages(
  mm: MemoryManager,
  space: AddressSpace,
  start: number,
  end: number,
  protection: number,
): number {
  if (!isLargePageProtection(protection)) return STATUS_INVALID_PAGE_PROTECTION;
  if (start % LARGE_PAGE_SIZE !== 0 || end % LARGE_PAGE_SIZE !== 0) return STATUS_CONFLICTING_ADDRESSES;
  for (let address = start; address < end; address += LARGE_PAGE_SIZE) {
    const word = findLargePde(mm, space, address);
    const first = pteFrame(mm.words[word]!);
    if (!mm.pfn.isPrototype(first))
      mm.pfn.originalLo.fill(demandZeroLow(protection), first, first + LARGE_PAGE_FRAMES);
    mm.words[word] = largeLow(first, protection);
    mm.words[word + 1] = validHigh(protection);
    if (mm.current === space) mm.processor.invalidatePage(address);
  }
  return STATUS_SUCCESS;
}

/** A fault in a range of large pages: the protection refused the access, or the TLB was stale. */
export function faultOnLargePage(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  errorCode: number,
): number {
  const refusal = checkAccess(largePageProtection(mm, space, address), errorCode);
  if (refusal !== STATUS_SUCCESS) return STATUS_ACCESS_VIOLATION;
  if (mm.current === space) mm.processor.invalidatePage(address);
  return STATUS_SUCCESS;
}
