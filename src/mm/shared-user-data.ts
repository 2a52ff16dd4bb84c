/**
 * KUSER_SHARED_DATA: one page that the system writes at FFFFF780_00000000 and every process reads at 7FFE0000. Offsets are
 * in bytes. Source: Microsoft, "KUSER_SHARED_DATA structure (ntddk.h)".
 */
import type { AddressSpace } from './address-space.js';
import { COMMIT_SYSTEM } from './commit.js';
import type { MemoryManager } from './memory-manager.js';
import { addShare, releaseShare } from './page-lists.js';
import { makePte } from './page-table-fault.js';
import { countUsedPte, findPte, frameOfWord } from './page-tables.js';
import { PFN_PROTOTYPE } from './pfn-database.js';
import { insertPrivateVad } from './private-memory.js';
import { demandZeroLow, MM_READONLY, validHigh, validLow } from './pte.js';
import { allocateSystemPages, SYSTEM_SHARED_DATA, systemWord } from './system-space.js';
import { VAD_PRIVATE, Vad } from './vad-tree.js';
import { insertWsle, removeWsle, WSLE_LOCKED_IN_MEMORY, wsleWord } from './working-set.js';

/** Where user mode sees the page. */
export const USER_SHARED_DATA = 0x7ffe_0000;

/** Maps the page in system space, zeroed; its fields are the kernel's to write. */
export function createSharedUserData(mm: MemoryManager): void {
  if (!allocateSystemPages(mm, SYSTEM_SHARED_DATA, 1))
    throw new RangeError('not enough RAM for the shared user data page');
  mm.commit.force(COMMIT_SYSTEM, 1);
  mm.systemPages++;
  mm.sharedUserDataFrame = (systemWord(mm, SYSTEM_SHARED_DATA) - mm.baseWord) >>> 10;
  mm.pfn.flags[mm.sharedUserDataFrame]! |= PFN_PROTOTYPE;
}

/** Byte offset in ram.bytes of a field of the page. */
export function sharedUserDataOffset(mm: MemoryManager, field: number): number {
  return mm.ram.offsetOf(mm.sharedUserDataFrame) + field;
}

/**
 * Maps the page into a process, read-only, as a range that cannot be changed or freed. The system PTE serves as the
 * prototype PTE of the shared frame. False when there is no frame for the page tables.
 */
export function mapSharedUserData(mm: MemoryManager, space: AddressSpace): boolean {
  const word = makePte(mm, space, USER_SHARED_DATA);
  if (word < 0) return false;
  const page = USER_SHARED_DATA / 4096;
  const vad = new Vad(page, page, VAD_PRIVATE, MM_READONLY);
  vad.memCommit = true;
  vad.noChange = true;
  insertPrivateVad(mm, space, vad);
  countUsedPte(mm, word);
  mapSharedUserDataPage(mm, space);
  return true;
}

/** Makes the page valid in a process that has the range for it, locked in its working set. */
export function mapSharedUserDataPage(mm: MemoryManager, space: AddressSpace): void {
  const word = findPte(mm, space, USER_SHARED_DATA);
  mm.words[word] = validLow(mm.sharedUserDataFrame, MM_READONLY);
  mm.words[word + 1] = validHigh(MM_READONLY);
  addShare(mm, mm.sharedUserDataFrame);
  addShare(mm, frameOfWord(mm, word));
  space.addResident(1);
  const entry = insertWsle(mm, space, USER_SHARED_DATA, mm.sharedUserDataFrame);
  mm.words[wsleWord(space.workingSet, entry)]! |= WSLE_LOCKED_IN_MEMORY;
}

/** Takes the page from a process that leaves memory; the entry keeps its protection until the page is mapped again. */
export function unmapSharedUserDataPage(mm: MemoryManager, space: AddressSpace): void {
  const word = findPte(mm, space, USER_SHARED_DATA);
  removeWsle(mm, space, USER_SHARED_DATA, mm.sharedUserDataFrame);
  mm.words[word] = demandZeroLow(MM_READONLY);
  mm.words[word + 1] = 0;
  space.addResident(-1);
  releaseShare(mm, mm.sharedUserDataFrame);
  releaseShare(mm, frameOfWord(mm, word));
}
