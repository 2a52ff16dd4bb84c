/**
 * Kernel stacks: 24 KB of resident pages made from system PTEs, above one page that is never mapped, so that an overflow
 * faults. Source: Unit OS5: Memory Management 5.2, "MM: Process Swap Support" (MmCreateKernelStack, MmDeleteKernelStack);
 * Windows Internals, "Kernel stacks".
 */
import { COMMIT_KERNEL_STACK } from './commit.js';
import type { MemoryManager } from './memory-manager.js';
import { allocateSystemPages, freeSystemPages } from './system-space.js';

/** Pages of a kernel stack on x64, without its no-access page. */
export const KERNEL_STACK_PAGES = 6;
const NO_ACCESS_PAGES = 1;
const PAGE_SIZE = 4096;

export interface KernelStack {
  /** System address just above the stack; it grows down from here. */
  readonly base: number;
  /** Lowest usable system address. */
  readonly limit: number;
}

/** Makes a kernel stack of zeroed pages; null when commit or RAM are used up (STATUS_NO_MEMORY). */
export function createKernelStack(mm: MemoryManager): KernelStack | null {
  if (!mm.commit.charge(COMMIT_KERNEL_STACK, KERNEL_STACK_PAGES)) return null;
  const address = mm.systemPtes.reserve(KERNEL_STACK_PAGES + NO_ACCESS_PAGES);
  const limit = address + NO_ACCESS_PAGES * PAGE_SIZE;
  if (address !== 0 && allocateSystemPages(mm, limit, KERNEL_STACK_PAGES)) {
    return { base: limit + KERNEL_STACK_PAGES * PAGE_SIZE, limit };
  }
  if (address !== 0) mm.systemPtes.release(address, KERNEL_STACK_PAGES + NO_ACCESS_PAGES);
  mm.commit.release(COMMIT_KERNEL_STACK, KERNEL_STACK_PAGES);
  return null;
}

export function deleteKernelStack(mm: MemoryManager, stack: KernelStack): void {
  freeSystemPages(mm, stack.limit, KERNEL_STACK_PAGES);
  mm.systemPtes.release(stack.limit - NO_ACCESS_PAGES * PAGE_SIZE, KERNEL_STACK_PAGES + NO_ACCESS_PAGES);
  mm.commit.release(COMMIT_KERNEL_STACK, KERNEL_STACK_PAGES);
}
