/** How many page tables of a process are valid; the others are in transition or in a paging file. */
import type { AddressSpace } from '../mm/address-space.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import { namesTable } from '../mm/page-tables.js';
import { pteFrame } from '../mm/pte.js';
import { HYPERSPACE_INDEX } from '../mm/system-space.js';

const TOP_LEVEL = 4;
const USER_ENTRIES = 256;

/** Pages, the directory included. */
export function validPageTables(mm: MemoryManager, space: AddressSpace): number {
  return space.outSwapped ? 0 : countTables(mm, space.directoryFrame, TOP_LEVEL);
}

function countTables(mm: MemoryManager, table: number, level: number): number {
  let count = 1;
  if (level === 1) return count;
  for (let index = 0; index < 512; index++) {
    if (level === TOP_LEVEL && index >= USER_ENTRIES && index !== HYPERSPACE_INDEX) continue;
    const lo = mm.words[mm.frameWord(table) + index * 2]!;
    if (namesTable(lo)) count += countTables(mm, pteFrame(lo), level - 1);
  }
  return count;
}
