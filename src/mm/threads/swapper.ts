/**
 * The process and stack swapper (priority 23). Every fourth second the balance set manager has it look for threads that have
 * waited in user mode for 15 seconds (3 on a machine with less than 12 MB): their kernel stacks leave memory, and with the
 * last stack of a process the process does. It is also woken for a thread that is ready while its stack or its process is
 * out. Source: Windows Internals, "Balance set manager and swapper"; Unit OS5: Memory Management 5.2, "Memory Manager
 * Components", "MM: Process Swap Support" (KeSwapProcessOrStack).
 */
import type { AddressSpace } from '../address-space.js';
import { inPageKernelStack, type KernelStack, outPageKernelStack } from '../kernel-stack.js';
import type { MemoryManager } from '../memory-manager.js';
import { inSwapProcess, outSwapProcess } from '../process-swap.js';
import { runStep } from './run-system-threads.js';
import { wakeSystemThread } from './system-threads.js';

const PROTECT_TIME_100NS = 150_000_000;
const SMALL_PROTECT_TIME_100NS = 30_000_000;
/** Frames of 12 MB. */
const SMALL_MACHINE = 3072;

/** Brings in what is wanted, then takes out what has waited; false: the thread sleeps again. */
export function swapperStep(mm: MemoryManager): boolean {
  if (!bringInWanted(mm)) return false;
  mm.systemThreads.swapPeriodOver = false;
  const before = mm.clock.now100ns - protectTime(mm);
  for (const stack of mm.kernelStacks)
    if (isIdle(stack) && stack.waitingSince <= before) outPageKernelStack(mm, stack);
  for (const space of mm.addressSpaces) if (isIdleProcess(mm, space)) outSwapProcess(mm, space);
  return false;
}

/** True when it is also time to look for what has waited. */
function bringInWanted(mm: MemoryManager): boolean {
  for (const space of mm.addressSpaces) if (space.wanted && space.outSwapped) inSwapProcess(mm, space);
  for (const stack of mm.kernelStacks)
    if (stack.wanted && isProcessIn(mm, stack)) inPageKernelStack(mm, stack);
  return mm.systemThreads.swapPeriodOver;
}

/** Brings in the process of a stack that is wanted; false when there are too few frames. */
function isProcessIn(mm: MemoryManager, { space }: KernelStack): boolean {
  return space === null || !space.outSwapped || inSwapProcess(mm, space);
}

/** 100 ns units for which a thread must have waited. */
function protectTime(mm: MemoryManager): number {
  return mm.pfn.frameCount < SMALL_MACHINE ? SMALL_PROTECT_TIME_100NS : PROTECT_TIME_100NS;
}

/** True for a stack in memory whose thread waits in user mode: it may leave when the wait is long enough. */
export function isIdle(stack: KernelStack): boolean {
  return stack.resident && stack.waitingSince >= 0;
}

/**
 * True for a process in memory that has threads, all of them with their stacks out, and whose address space nobody uses; not for
 * one that keeps pages in memory, with the page tables that lead to them.
 */
function isIdleProcess(mm: MemoryManager, space: AddressSpace): boolean {
  if (space.outSwapped || space === mm.current || space.lockedRanges > 0) return false;
  let stacks = 0;
  for (const stack of mm.kernelStacks) {
    if (stack.space !== space) continue;
    if (stack.resident) return false;
    stacks++;
  }
  return stacks > 0;
}

/**
 * Somebody needs an address space at once and waits until the swapper has brought it in; nothing goes out meanwhile. False when
 * there are too few frames.
 */
export function needAddressSpace(mm: MemoryManager, space: AddressSpace): boolean {
  if (!space.outSwapped) return true;
  const { swapper } = mm.systemThreads;
  space.wanted = true;
  wakeSystemThread(mm, swapper);
  runStep(mm, swapper, bringInWanted);
  return !space.outSwapped;
}

/** The same for the kernel stack of a thread whose context somebody reads or sets. */
export function needKernelStack(mm: MemoryManager, stack: KernelStack): boolean {
  if (stack.resident) return true;
  const { swapper } = mm.systemThreads;
  stack.wanted = true;
  wakeSystemThread(mm, swapper);
  runStep(mm, swapper, bringInWanted);
  return stack.resident;
}
