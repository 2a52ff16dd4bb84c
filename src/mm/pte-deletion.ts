/**
 * Taking pages out of an address space: deleting the entries of a range, and trimming one page so that its entry is in
 * transition or names its prototype PTE. MiDeletePte, MiFreeWsle.
 */
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { markModified, releasePageFileSpace } from './page-file.js';
import { deleteActiveFrame, deleteTransitionFrame, releaseShare } from './page-lists.js';
import { findPte, frameOfWord, freeEmptyTable, nextAddressWithTable } from './page-tables.js';
import { PFN_PROTOTYPE } from './pfn-database.js';
import {
  addressHigh,
  PTE_DIRTY,
  PTE_PROTOTYPE,
  PTE_TRANSITION,
  PTE_VALID,
  prototypeLow,
  pteFrame,
} from './pte.js';
import { removeWsle } from './working-set.js';

const TABLE_SPAN = 0x20_0000;

/** Deletes every entry in `start`..`end` (addresses, multiples of 4096, end not included) and the tables that become empty. */
export function deletePteRange(mm: MemoryManager, space: AddressSpace, start: number, end: number): void {
  let at = nextAddressWithTable(mm, space, start, end);
  while (at < end) {
    const tableEnd = Math.min(end, (Math.floor(at / TABLE_SPAN) + 1) * TABLE_SPAN);
    deleteInTable(mm, space, at, tableEnd);
    at = nextAddressWithTable(mm, space, tableEnd, end);
  }
}

function deleteInTable(mm: MemoryManager, space: AddressSpace, start: number, end: number): void {
  let word = findPte(mm, space, start);
  const table = frameOfWord(mm, word);
  for (let address = start; address < end; address += 4096, word += 2) {
    if (mm.words[word] !== 0 || mm.words[word + 1] !== 0) deletePte(mm, space, word, address);
  }
  freeEmptyTable(mm, space, table);
}

/** Clears one entry that is not zero; its frame is freed, or loses a share when the page has a prototype PTE. */
export function deletePte(mm: MemoryManager, space: AddressSpace, word: number, address: number): void {
  const lo = mm.words[word]!;
  const hi = mm.words[word + 1]!;
  const table = frameOfWord(mm, word);
  mm.words[word] = 0;
  mm.words[word + 1] = 0;
  mm.pfn.usedPtes[table]!--;
  if ((lo & PTE_VALID) !== 0) deleteValid(mm, space, lo, table, address);
  else if ((lo & (PTE_PROTOTYPE | PTE_TRANSITION)) === PTE_TRANSITION)
    deleteTransitionFrame(mm, pteFrame(lo));
  else releasePageFileSpace(mm, lo, hi);
}

function deleteValid(
  mm: MemoryManager,
  space: AddressSpace,
  lo: number,
  table: number,
  address: number,
): void {
  const frame = pteFrame(lo);
  space.addResident(-1);
  if (address <= space.highestAddress) removeWsle(mm, space, address, frame);
  if (mm.current === space) mm.processor.invalidatePage(address);
  if ((mm.pfn.flags[frame]! & PFN_PROTOTYPE) === 0) {
    deleteActiveFrame(mm, frame);
    return;
  }
  if ((lo & PTE_DIRTY) !== 0) markModified(mm, frame);
  releaseShare(mm, frame);
  releaseShare(mm, table);
}

/**
 * Takes a valid page out of its process. A private page goes into transition, on the modified or standby list, and still
 * names this entry; the entry of a shared page names the prototype PTE again. `protection` is a protection code.
 */
export function trimPage(
  mm: MemoryManager,
  space: AddressSpace,
  word: number,
  address: number,
  protection: number,
): void {
  const lo = mm.words[word]!;
  const frame = pteFrame(lo);
  if ((lo & PTE_DIRTY) !== 0) markModified(mm, frame);
  space.addResident(-1);
  removeWsle(mm, space, address, frame);
  if (mm.current === space) mm.processor.invalidatePage(address);
  if ((mm.pfn.flags[frame]! & PFN_PROTOTYPE) !== 0) {
    const prototype = mm.pfn.pteAddress[frame]!;
    mm.words[word] = prototypeLow(prototype, protection);
    mm.words[word + 1] = addressHigh(prototype);
    releaseShare(mm, frameOfWord(mm, word));
  }
  releaseShare(mm, frame);
}
