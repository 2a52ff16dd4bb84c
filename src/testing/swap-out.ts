/** Everything of a process that can leave RAM goes to its paging file, for tests. */
import type { AddressSpace } from '../mm/address-space.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import { allocateFrame, insertFree } from '../mm/page-lists.js';
import { emptyWorkingSet } from '../mm/working-set-manager.js';
import { writeModified } from './paging-io.js';

/** Empties the working set and writes the modified pages; they are on standby then. */
export function pageOut(mm: MemoryManager, space: AddressSpace): void {
  emptyWorkingSet(mm, space);
  writeModified(mm);
}

/** Gives every frame on the available lists another use, and back. */
export function repurposeAll(mm: MemoryManager): void {
  const taken: number[] = [];
  while (mm.lists.available > 0) taken.push(allocateFrame(mm));
  for (const frame of taken) insertFree(mm, frame);
}

/** Sends all but the page tables to the paging file, and gives the frames other uses. */
export function swapPages(mm: MemoryManager, space: AddressSpace): void {
  pageOut(mm, space);
  repurposeAll(mm);
}

/** Sends pages, then page tables from the lowest level up, to the paging file, and gives their frames other uses. */
export function swapOut(mm: MemoryManager, space: AddressSpace): void {
  for (let level = 0; level < 4; level++) swapPages(mm, space);
}
