/**
 * Kernel stacks: 24 KB of pages made from system PTEs, above one page that is never mapped, so that an overflow faults. They
 * are resident, except that the swapper takes out those of threads that wait for long. Source: Unit OS5: Memory Management 5.2,
 * "MM: Process Swap Support" (MmCreateKernelStack, MmDeleteKernelStack, MmOutPageKernelStack, MmInPageKernelStack);
 * Windows Internals, "Kernel stacks"; Microsoft, "Bug Check 0x77: KERNEL_STACK_INPAGE_ERROR".
 */
import type { AddressSpace } from './address-space.js';
import { BugCheck, KERNEL_STACK_INPAGE_ERROR } from './bug-check.js';
import { COMMIT_KERNEL_STACK } from './commit.js';
import { inPage, isPagedOut, outPage, READ_FAILED } from './kernel-page.js';
import type { MemoryManager } from './memory-manager.js';
import { pteAddress } from './page-tables.js';
import { PTE_NO_EXECUTE, pageFileNumber } from './pte.js';
import {
  allocateSystemPages,
  findSystemPte,
  freeSystemPages,
  SYSTEM_PTE_LOW,
  systemWord,
} from './system-space.js';

/** Pages of a kernel stack on x64, without its no-access page. */
export const KERNEL_STACK_PAGES = 6;
/** Bytes at the top of a stack that its thread never uses: the signature is written into the last eight. */
export const KERNEL_STACK_RESERVED = 16;
const SIGNATURE_BYTES = 8;
const NO_ACCESS_PAGES = 1;
const PAGE_SIZE = 4096;

export class KernelStack {
  /** Its pages are in memory, mapped by valid PTEs. */
  resident = true;
  /** The thread is ready and needs the stack. */
  wanted = false;
  /** Virtual time in 100 ns units since which its thread waits in user mode; -1 while it does not. */
  waitingSince = -1;

  constructor(
    /** System address just above the stack; it grows down from here. */
    readonly base: number,
    /** Lowest usable system address. */
    readonly limit: number,
    /** Of the thread: the signature. */
    readonly threadId: number,
    readonly space: AddressSpace | null,
  ) {}
}

/** Makes a kernel stack of zeroed pages for a thread; null when commit or RAM are used up (STATUS_NO_MEMORY). */
export function createKernelStack(
  mm: MemoryManager,
  threadId: number,
  space: AddressSpace | null,
): KernelStack | null {
  if (!mm.commit.charge(COMMIT_KERNEL_STACK, KERNEL_STACK_PAGES)) return null;
  const address = mm.systemPtes.reserve(KERNEL_STACK_PAGES + NO_ACCESS_PAGES);
  const limit = address + NO_ACCESS_PAGES * PAGE_SIZE;
  if (address !== 0 && allocateSystemPages(mm, limit, KERNEL_STACK_PAGES)) {
    const stack = new KernelStack(limit + KERNEL_STACK_PAGES * PAGE_SIZE, limit, threadId, space);
    mm.kernelStacks.push(stack);
    return stack;
  }
  if (address !== 0) mm.systemPtes.release(address, KERNEL_STACK_PAGES + NO_ACCESS_PAGES);
  mm.commit.release(COMMIT_KERNEL_STACK, KERNEL_STACK_PAGES);
  return null;
}

/** Frees a stack, in memory or not. */
export function deleteKernelStack(mm: MemoryManager, stack: KernelStack): void {
  freeSystemPages(mm, stack.limit, KERNEL_STACK_PAGES);
  mm.systemPtes.release(stack.limit - NO_ACCESS_PAGES * PAGE_SIZE, KERNEL_STACK_PAGES + NO_ACCESS_PAGES);
  mm.commit.release(COMMIT_KERNEL_STACK, KERNEL_STACK_PAGES);
  mm.kernelStacks.splice(mm.kernelStacks.indexOf(stack), 1);
}

/** System address of the signature of a stack that is out. */
export function signatureAddress(stack: KernelStack): number {
  return stack.base - SIGNATURE_BYTES;
}

/**
 * Takes a stack out of memory: its thread's id is written on top as signature, and its pages go into transition, to the
 * modified list. Emits 'stack-out' with the thread id as detail. MmOutPageKernelStack.
 */
export function outPageKernelStack(mm: MemoryManager, stack: KernelStack): void {
  const signature = systemWord(mm, signatureAddress(stack));
  mm.words[signature] = stack.threadId;
  mm.words[signature + 1] = 0;
  for (let address = stack.limit; address < stack.base; address += PAGE_SIZE) outStackPage(mm, address);
  stack.resident = false;
  if (mm.events.active) mm.events.emit('stack-out', stack.space, stack.limit, -1, stack.threadId);
}

function outStackPage(mm: MemoryManager, address: number): void {
  outPage(mm, findSystemPte(mm, address));
  mm.processor.invalidatePage(address);
  mm.systemWordPage = -1;
}

/**
 * Brings a stack in again and checks its signature. False, with the stack still out, when there are too few frames. Emits
 * 'stack-in'. Stops the machine with KERNEL_STACK_INPAGE_ERROR: 0 or 1 (the page came from a list, from a disk), the value found
 * in place of the signature, 0, its address; or the status of a failed read twice, the paging file's number and the byte
 * offset in it. MmInPageKernelStack.
 */
export function inPageKernelStack(mm: MemoryManager, stack: KernelStack): boolean {
  let fromDisk = false;
  for (let address = stack.limit; address < stack.base; address += PAGE_SIZE) {
    fromDisk = isPagedOut(mm, findSystemPte(mm, address));
    if (inStackPage(mm, address)) continue;
    for (let done = stack.limit; done < address; done += PAGE_SIZE) outStackPage(mm, done);
    return false;
  }
  checkSignature(mm, stack, fromDisk);
  stack.resident = true;
  stack.wanted = false;
  if (mm.events.active) mm.events.emit('stack-in', stack.space, stack.limit, -1, stack.threadId);
  return true;
}

function inStackPage(mm: MemoryManager, address: number): boolean {
  const word = findSystemPte(mm, address);
  const frame = inPage(mm, word, pteAddress(address), 0);
  if (frame === READ_FAILED) {
    const { inPageStatus } = mm.sections;
    const file = pageFileNumber(mm.words[word]!);
    const offset = mm.words[word + 1]! * PAGE_SIZE;
    const parameters = [inPageStatus, inPageStatus, file, offset];
    throw new BugCheck(KERNEL_STACK_INPAGE_ERROR, parameters, 'a kernel stack could not be read');
  }
  if (frame < 0) return false;
  mm.words[word] = (frame << 12) | SYSTEM_PTE_LOW;
  mm.words[word + 1] = PTE_NO_EXECUTE;
  return true;
}

function checkSignature(mm: MemoryManager, stack: KernelStack, fromDisk: boolean): void {
  const at = signatureAddress(stack);
  const found = mm.words[systemWord(mm, at)]!;
  if (found === stack.threadId) return;
  const parameters = [fromDisk ? 1 : 0, found, 0, at];
  throw new BugCheck(KERNEL_STACK_INPAGE_ERROR, parameters, 'a kernel stack came back without its signature');
}
