/**
 * The zero page thread (priority 0): when nothing else runs, it moves pages from the free list to the zeroed list. Woken when
 * eight pages are free, it goes on until none is. Source: Unit OS5: Memory Management 5.2, "Memory Manager Components";
 * Windows Internals, "Page list dynamics" (zero page thread).
 */
import type { MemoryManager } from '../memory-manager.js';
import { zeroFreeFrame } from '../page-lists.js';
import { FRAME_FREE } from '../pfn-database.js';

/** Free pages that wake the thread. */
export const FREE_PAGES_TO_ZERO = 8;

/** Zeroes at most `maxPages` free pages; returns how many. */
export function zeroPageStep(mm: MemoryManager, maxPages: number): number {
  const { zeroPage } = mm.systemThreads;
  const before = mm.currentThreadId;
  mm.currentThreadId = zeroPage.id;
  let zeroed = 0;
  while (zeroed < maxPages && zeroFreeFrame(mm)) zeroed++;
  if (zeroed > 0 && mm.events.active) mm.events.emit('zero', null, 0, -1, zeroed);
  zeroPage.ready = mm.lists.count[FRAME_FREE]! > 0;
  mm.currentThreadId = before;
  return zeroed;
}
