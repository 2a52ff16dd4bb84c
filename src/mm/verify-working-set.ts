/**
 * Proves a working-set list: each entry in use names a valid user page or page table and is found from it, there is one for
 * every valid user page and table of user space, and the others are chained as free. Part of verify(), after the walk of the page tables.
 */
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { findPte } from './page-tables.js';
import { PFN_PROTOTYPE } from './pfn-database.js';
import { PTE_VALID, pteFrame } from './pte.js';
import type { VerifyTally } from './verify.js';
import {
  findWsle,
  WSLE_DIRECT,
  WSLE_HASHED,
  WSLE_LOCKED_IN_WS,
  WSLE_VALID,
  wsleAddress,
  wsleWord,
} from './working-set.js';

/** `systemTables`: valid page tables that are not in the list. */
export function verifyWorkingSet(
  mm: MemoryManager,
  space: AddressSpace,
  systemTables: number,
  tally: VerifyTally,
): void {
  const set = space.workingSet;
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
    verifyEntry(mm, space, index, tally);
  }
  const system = systemTables + space.hyperspacePages;
  tally.equal(used, space.workingSetPages - system, 'entries of the working set of process', space.processId);
  tally.equal(set.used, used, 'count of the working set of process', space.processId);
  tally.equal(set.locked, locked, 'locked pages of process', space.processId);
  tally.equal(set.hashed, hashed, 'hashed pages of process', space.processId);
  let free = 0;
  for (let next = set.firstFree; next !== 0; free++) {
    const word = set.listWords[(next - 1) >>> 9]! + ((next - 1) & 511) * 2;
    tally.equal(words[word]!, 0, 'free entry of the working set', next - 1);
    next = words[word + 1]!;
  }
  tally.equal(free + used, set.size, 'free entries of the working set of process', space.processId);
}

function verifyEntry(mm: MemoryManager, space: AddressSpace, index: number, tally: VerifyTally): void {
  const set = space.workingSet;
  const word = wsleWord(set, index);
  const lo = mm.words[word]!;
  const address = wsleAddress(lo, mm.words[word + 1]!);
  const pte = findPte(mm, space, address);
  tally.holds(pte !== 0 && (mm.words[pte]! & PTE_VALID) !== 0, 'entry of a page that is not valid,', address);
  const frame = pteFrame(mm.words[pte]!);
  const shared = (mm.pfn.flags[frame]! & PFN_PROTOTYPE) !== 0;
  tally.holds(shared === ((lo & WSLE_DIRECT) === 0), 'kind of the entry of page', address);
  tally.holds(
    ((lo & WSLE_HASHED) !== 0) === (shared && set.slots !== 0),
    'hash mark of the entry of page',
    address,
  );
  tally.equal(findWsle(mm, space, address, frame), index, 'working-set index of page', address);
}
