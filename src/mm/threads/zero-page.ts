/**
 * The zero page thread (priority 0): when nothing else runs, it moves pages from the free list to the zeroed list.
 * Source: Unit OS5: Memory Management 5.2, "Memory Manager Components".
 */
import type { MemoryManager } from '../memory-manager.js';
import { zeroFreeFrame } from '../page-lists.js';

/** Zeroes at most `maxPages` free pages; returns how many. */
export function zeroPageStep(mm: MemoryManager, maxPages: number): number {
  let zeroed = 0;
  while (zeroed < maxPages && zeroFreeFrame(mm)) zeroed++;
  if (zeroed > 0 && mm.events.active) mm.events.emit('zero', null, 0, -1, zeroed);
  return zeroed;
}
