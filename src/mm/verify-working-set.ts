/**
 * Proves a working-set list: each entry in use names a valid page or page table and is found from it, there is one for every
 * valid user page and table of user space, in the system's for every valid page of paged pool, and the others are chained as
 * free. Part of verify(), after the walk of the page tables.
 */
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { PFN_MODIFIED, PFN_PROTOTYPE } from './pfn-database.js';
import { hasPageFileBlock, PTE_DIRTY, PTE_VALID, pageFileNumber, pteFrame } from './pte.js';
import type { VerifyTally } from './verify.js';
import {
  findWsle,
  type WorkingSetOwner,
  WSLE_DIRECT,
  WSLE_HASHED,
  WSLE_LOCKED_IN_WS,
  WSLE_VALID,
  wsleAddress,
  wsleWord,
} from './working-set.js';
import { findEntryPte } from './working-set-manager.js';

/** `systemTables`: valid page tables that are not in the list. */
export function verifyProcessWorkingSet(
  mm: MemoryManager,
  space: AddressSpace,
  systemTables: number,
  tally: VerifyTally,
): void {
  const system = systemTables + space.hyperspacePages;
  verifyWorkingSet(mm, space, space.processId, space.workingSetPages - system, tally);
}

/** After the walk of the system's page tables. */
export function verifySystemWorkingSet(mm: MemoryManager, tally: VerifyTally): void {
  const { systemWorkingSet } = mm;
  verifyWorkingSet(mm, systemWorkingSet, 0, systemWorkingSet.workingSetPages, tally);
  tally.equal(systemWorkingSet.workingSetPages, tally.pagedPoolPages, 'valid pages of paged pool', 0);
  for (let index = 0; index < systemWorkingSet.workingSet.size; index++) {
    const word = wsleWord(systemWorkingSet.workingSet, index);
    const lo = mm.words[word]!;
    if ((lo & WSLE_VALID) !== 0) verifyPoolPage(mm, wsleAddress(lo, mm.words[word + 1]!), tally);
  }
}

/** A page of paged pool is dirty when its frame is modified; what a paging file has of a clean one is what it holds. */
function verifyPoolPage(mm: MemoryManager, address: number, tally: VerifyTally): void {
  const { pfn } = mm;
  const lo = mm.words[findEntryPte(mm, mm.systemWorkingSet, address)]!;
  const frame = pteFrame(lo);
  const modified = (pfn.flags[frame]! & PFN_MODIFIED) !== 0;
  tally.equal((lo & PTE_DIRTY) !== 0 ? 1 : 0, modified ? 1 : 0, 'dirty bit of pool page', address);
  const block = pfn.originalHi[frame]!;
  const hasBlock = hasPageFileBlock(pfn.originalLo[frame]!, block);
  tally.equal(hasBlock ? 1 : 0, modified ? 0 : 1, 'backing store of pool page', address);
  if (!hasBlock) return;
  const copy = new Uint32Array(1024);
  mm.pageFiles.peek(pageFileNumber(pfn.originalLo[frame]!), block, new Uint8Array(copy.buffer));
  const word = mm.frameWord(frame);
  for (let index = 0; index < copy.length; index++)
    tally.equal(mm.words[word + index]!, copy[index]!, 'word of clean pool page', address + index * 4);
}

function verifyWorkingSet(
  mm: MemoryManager,
  owner: WorkingSetOwner,
  id: number,
  pages: number,
  tally: VerifyTally,
): void {
  const set = owner.workingSet;
  let used = 0;
  let hashed = 0;
  let locked = 0;
  const { words } = mm;
  let base = 0;
  for (let index = 0; index < set.size; index++) {
    if ((index & 511) === 0) base = set.listWords[index >>> 9]!;
    const lo = words[base + (index & 511) * 2]!;
    if (lo === 0) continue;
    tally.holds((lo & WSLE_VALID) !== 0, 'mark of the working-set entry', index);
    used++;
    if ((lo & WSLE_HASHED) !== 0) hashed++;
    if ((lo & WSLE_LOCKED_IN_WS) !== 0) locked++;
    verifyEntry(mm, owner, index, tally);
  }
  tally.equal(used, pages, 'entries of the working set of process', id);
  tally.equal(set.used, used, 'count of the working set of process', id);
  tally.equal(set.locked, locked, 'locked pages of process', id);
  tally.equal(set.hashed, hashed, 'hashed pages of process', id);
  let free = 0;
  for (let next = set.firstFree; next !== 0; free++) {
    const word = set.listWords[(next - 1) >>> 9]! + ((next - 1) & 511) * 2;
    tally.equal(words[word]!, 0, 'free entry of the working set', next - 1);
    next = words[word + 1]!;
  }
  tally.equal(free + used, set.size, 'free entries of the working set of process', id);
}

function verifyEntry(mm: MemoryManager, owner: WorkingSetOwner, index: number, tally: VerifyTally): void {
  const set = owner.workingSet;
  const word = wsleWord(set, index);
  const lo = mm.words[word]!;
  const address = wsleAddress(lo, mm.words[word + 1]!);
  const pte = findEntryPte(mm, owner, address);
  tally.holds(pte !== 0 && (mm.words[pte]! & PTE_VALID) !== 0, 'entry of a page that is not valid,', address);
  const frame = pteFrame(mm.words[pte]!);
  const shared = (mm.pfn.flags[frame]! & PFN_PROTOTYPE) !== 0;
  tally.holds(shared === ((lo & WSLE_DIRECT) === 0), 'kind of the entry of page', address);
  tally.holds(
    ((lo & WSLE_HASHED) !== 0) === (shared && set.slots !== 0),
    'hash mark of the entry of page',
    address,
  );
  tally.equal(findWsle(mm, owner, address, frame), index, 'working-set index of page', address);
}
