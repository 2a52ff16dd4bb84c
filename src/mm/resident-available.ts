/**
 * How much of RAM may be taken for good: what is left when the system's own pages, the minimum working sets and everything
 * that already stays in RAM are taken away (MmResidentAvailablePages). Pages. Source: Windows Internals, "Working set limits"
 * (what is charged against resident available memory).
 */
import { KERNEL_STACK_PAGES } from './kernel-stack.js';
import type { MemoryManager } from './memory-manager.js';

/** Pages that the system keeps for itself. */
const RESERVED_PAGES = 512;

/** Pages that can still be taken for large pages, user physical pages and the page tables that these keep in RAM. */
export function residentAvailable(mm: MemoryManager): number {
  const minimums = mm.addressSpaces.reduce((sum, { workingSet }) => sum + workingSet.minimum, 0);
  const system = mm.systemPages + mm.nonpagedPool.pages + mm.kernelStacks.length * KERNEL_STACK_PAGES;
  return mm.usableFrames - RESERVED_PAGES - minimums - system - mm.lockedFrames;
}
