/**
 * Hyperspace: the part of system space that each process has for itself, where the pages of its working-set list lie.
 * Source: Windows Internals, "x64 virtual address space layouts"; Unit OS5: Memory Management 5.2, "MM: Process Support".
 */
import type { AddressSpace } from './address-space.js';
import { COMMIT_PAGE_TABLES } from './commit.js';
import type { MemoryManager } from './memory-manager.js';
import { allocateZeroedFrame } from './page-lists.js';
import { makePte } from './page-table-fault.js';
import {
  countUsedPte,
  findPte,
  frameOfWord,
  freeEmptyTable,
  nextAddressWithTable,
  pteAddress,
} from './page-tables.js';
import { PFN_MODIFIED } from './pfn-database.js';
import { demandZeroLow, MM_READWRITE, PTE_NO_EXECUTE, PTE_VALID } from './pte.js';
import { deletePte } from './pte-deletion.js';
import { DIRECTORY_ENTRY_SPAN, HYPERSPACE, HYPERSPACE_PTE_LOW } from './system-space.js';

/**
 * Maps a resident page of zeros at an address of hyperspace, charged to the process whatever the limit. Returns the index of
 * its first word in ram.words, 0 when there is no frame.
 */
export function mapHyperspacePage(mm: MemoryManager, space: AddressSpace, address: number): number {
  const word = makePte(mm, space, address);
  if (word < 0) return 0;
  const table = frameOfWord(mm, word);
  const frame = allocateZeroedFrame(mm);
  if (frame < 0) {
    freeEmptyTable(mm, space, table);
    return 0;
  }
  mm.pfn.initialize(frame, pteAddress(address), table, demandZeroLow(MM_READWRITE), 0, PFN_MODIFIED);
  mm.words[word] = (frame << 12) | HYPERSPACE_PTE_LOW;
  mm.words[word + 1] = PTE_NO_EXECUTE;
  countUsedPte(mm, word);
  mm.commit.force(COMMIT_PAGE_TABLES, 1);
  space.hyperspacePages++;
  space.addCommit(1);
  space.addResident(1);
  return mm.frameWord(frame);
}

/** Frees every page of a process's hyperspace; it has no user page any more. */
export function deleteHyperspace(mm: MemoryManager, space: AddressSpace): void {
  const end = HYPERSPACE + DIRECTORY_ENTRY_SPAN;
  let at = nextAddressWithTable(mm, space, HYPERSPACE, end);
  for (; at < end; at = nextAddressWithTable(mm, space, at + 4096, end)) {
    const word = findPte(mm, space, at);
    if ((mm.words[word]! & PTE_VALID) === 0) continue;
    const table = frameOfWord(mm, word);
    deletePte(mm, space, word, at);
    mm.commit.release(COMMIT_PAGE_TABLES, 1);
    space.hyperspacePages--;
    space.addCommit(-1);
    freeEmptyTable(mm, space, table);
  }
}
