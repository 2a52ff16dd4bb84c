/**
 * Automatic growth of a thread's stack. The page below the committed part is a guard page; touching it commits the next page
 * as the new guard page, until only the last page of the reservation is left. The limits stand in the thread's TEB.
 * Source: Microsoft, "Thread Stack Size", "SetThreadStackGuarantee function"; published layout of TEB on x64.
 */
import {
  ntSuccess,
  STATUS_GUARD_PAGE_VIOLATION,
  STATUS_PAGE_FAULT_GUARD_PAGE,
  STATUS_STACK_OVERFLOW,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import { ACCESS_READ, ACCESS_USER, ACCESS_WRITE } from '../machine/processor.js';
import type { AddressSpace } from './address-space.js';
import { accessFault } from './fault-handler.js';
import type { MemoryManager } from './memory-manager.js';
import { commitPrivatePages } from './private-memory.js';
import { MM_GUARD_PAGE, MM_READWRITE } from './pte.js';
import { VAD_PRIVATE } from './vad-tree.js';

/** Byte offsets in the TEB of x64. */
export const TEB_STACK_BASE = 0x08;
export const TEB_STACK_LIMIT = 0x10;
export const TEB_DEALLOCATION_STACK = 0x1478;
export const TEB_GUARANTEED_STACK_BYTES = 0x1748;

/** The stack of the thread that runs: the address of its TEB, in user space. */
export interface UserStack {
  readonly tebAddress: number;
}

const UNREADABLE = -1;

/**
 * A guard page of the current address space was touched and has lost its guard. If it belongs to the thread's stack, commits
 * the next guard page and lowers StackLimit: STATUS_PAGE_FAULT_GUARD_PAGE. At the end of the reservation, or when commit is
 * refused: STATUS_STACK_OVERFLOW. Elsewhere: STATUS_GUARD_PAGE_VIOLATION. MiCheckForUserStackOverflow.
 */
export function growUserStack(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  stack: UserStack,
): number {
  mm.faultMayPend = false;
  const base = readTebAddress(mm, space, stack.tebAddress + TEB_STACK_BASE);
  const bottom = readTebAddress(mm, space, stack.tebAddress + TEB_DEALLOCATION_STACK);
  if (base < 0 || bottom < 0 || address < bottom || address >= base) return STATUS_GUARD_PAGE_VIOLATION;
  const guaranteed = readTebWord(mm, space, stack.tebAddress + TEB_GUARANTEED_STACK_BYTES);
  const page = Math.floor(address / 4096) * 4096;
  const guardBytes = (Math.ceil(Math.max(guaranteed, 0) / 4096) + 1) * 4096;
  const guard = page - guardBytes;
  const limit = guard > bottom ? page : Math.min(page, bottom + 4096);
  if (!writeTebAddress(mm, space, stack.tebAddress + TEB_STACK_LIMIT, limit))
    return STATUS_GUARD_PAGE_VIOLATION;
  if (guard > bottom) {
    return commitStackPages(mm, space, guard, page, MM_READWRITE | MM_GUARD_PAGE)
      ? STATUS_PAGE_FAULT_GUARD_PAGE
      : STATUS_STACK_OVERFLOW;
  }
  if (page > bottom + 4096) commitStackPages(mm, space, bottom + 4096, page, MM_READWRITE);
  return STATUS_STACK_OVERFLOW;
}

function commitStackPages(
  mm: MemoryManager,
  space: AddressSpace,
  start: number,
  end: number,
  protection: number,
): boolean {
  const vad = space.vads.find(start / 4096);
  if (vad === null || vad.kind !== VAD_PRIVATE || end > (vad.endPage + 1) * 4096) return false;
  return commitPrivatePages(mm, space, vad, start, end, protection) === STATUS_SUCCESS;
}

/** Byte offset in RAM of an address of the TEB, faulted in with user rights; 0 when it cannot be had. */
function tebOffset(mm: MemoryManager, space: AddressSpace, address: number, access: number): number {
  for (let attempt = 0; attempt < 3; attempt++) {
    const offset = mm.processor.translate(address, access);
    if (offset !== 0) return offset;
    if (!ntSuccess(accessFault(mm, space, address, mm.processor.faultError, true, null))) return 0;
  }
  return 0;
}

/** A 32-bit word of the TEB, or UNREADABLE. */
function readTebWord(mm: MemoryManager, space: AddressSpace, address: number): number {
  const offset = tebOffset(mm, space, address, ACCESS_READ | ACCESS_USER);
  return offset === 0 ? UNREADABLE : mm.words[offset >>> 2]!;
}

/** A pointer in the TEB, or UNREADABLE; also when it is no user address. */
function readTebAddress(mm: MemoryManager, space: AddressSpace, address: number): number {
  const offset = tebOffset(mm, space, address, ACCESS_READ | ACCESS_USER);
  if (offset === 0) return UNREADABLE;
  const hi = mm.words[(offset >>> 2) + 1]!;
  return hi > 0x7fff ? UNREADABLE : hi * 0x1_0000_0000 + mm.words[offset >>> 2]!;
}

function writeTebAddress(mm: MemoryManager, space: AddressSpace, address: number, value: number): boolean {
  const offset = tebOffset(mm, space, address, ACCESS_WRITE | ACCESS_USER);
  if (offset === 0) return false;
  mm.words[offset >>> 2] = value % 0x1_0000_0000;
  mm.words[(offset >>> 2) + 1] = Math.floor(value / 0x1_0000_0000);
  return true;
}
