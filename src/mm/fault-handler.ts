/**
 * MmAccessFault: what the processor's page faults and the touches of system services end in. Each fault is one of a flat
 * list of cases, and the answer is an NTSTATUS: STATUS_SUCCESS and STATUS_PAGE_FAULT_* mean "resolved, run the instruction
 * again", everything else is raised in the thread. Nothing is allocated on this path.
 * Source: Unit OS5: Memory Management 5.2, "MM: Working Sets"; Windows Internals, "Page fault handling".
 */
import {
  STATUS_ACCESS_VIOLATION,
  STATUS_GUARD_PAGE_VIOLATION,
  STATUS_NO_MEMORY,
  STATUS_PAGE_FAULT_GUARD_PAGE,
  STATUS_PAGE_FAULT_TRANSITION,
  STATUS_STACK_OVERFLOW,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import { checkAccess, FAULT_FETCH, FAULT_WRITE } from './access-check.js';
import type { AddressSpace } from './address-space.js';
import { BugCheck, PAGE_FAULT_IN_NONPAGED_AREA } from './bug-check.js';
import { breakCopyOnWrite } from './copy-on-write.js';
import { resolveDemandZeroFault } from './demand-zero.js';
import type { MemoryManager } from './memory-manager.js';
import { markModified } from './page-file.js';
import { resolvePageFileFault } from './page-file-fault.js';
import { activateTransitionFrame } from './page-lists.js';
import { countUsedPte, findPte, frameOfWord, freeEmptyTable, makePte } from './page-tables.js';
import { resolvePrototypeFault } from './prototype-fault.js';
import {
  demandZeroLow,
  isDemandZero,
  MM_GUARD_PAGE,
  PTE_COPY_ON_WRITE,
  PTE_DIRTY,
  PTE_NO_EXECUTE,
  PTE_PROTOTYPE,
  PTE_TRANSITION,
  PTE_VALID,
  PTE_WRITE,
  pteFrame,
  pteProtection,
  validHigh,
  validLow,
  withProtection,
} from './pte.js';
import { isPagedSystemAddress, systemWord } from './system-space.js';
import { growUserStack, type UserStack } from './user-stack.js';
import { VAD_PRIVATE } from './vad-tree.js';
import { ensureFreeWsle, insertWsle } from './working-set.js';
import { replaceOnePage } from './working-set-manager.js';

/**
 * Resolves a fault at a 48-bit address or says what to raise. `errorCode` has the processor's FAULT_* bits; `stack` is the
 * running thread's, or null when its stack must not grow. Counts the fault and emits 'fault' with the status as detail; a
 * fault of kernel mode on paged pool counts for the system working set instead.
 */
export function accessFault(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  errorCode: number,
  userMode: boolean,
  stack: UserStack | null,
): number {
  if (!userMode && isPagedSystemAddress(address) && systemWord(mm, address) !== 0) return STATUS_SUCCESS;
  mm.faultWasHard = false;
  const { workingSet } = space;
  const status =
    ensureFreeWsle(mm, space) || replaceOnePage(mm, space, false)
      ? resolve(mm, space, address, errorCode, userMode, stack)
      : STATUS_NO_MEMORY;
  if (
    space.workingSetPages > workingSet.maximum &&
    (workingSet.hardMaximum || mm.lists.available < mm.thresholds.plenty)
  ) {
    keepToMaximum(mm, space, address);
  }
  countFault(mm, space, status);
  if (mm.events.active) mm.events.emit('fault', space, address, frameAt(mm, space, address), status);
  return status;
}

/** The process has its maximum and may not have more: another of its pages leaves for the one at `address`. */
function keepToMaximum(mm: MemoryManager, space: AddressSpace, address: number): void {
  mm.pinnedPte = address > space.highestAddress ? 0 : findPte(mm, space, address);
  replaceOnePage(mm, space, !space.workingSet.hardMaximum);
  mm.pinnedPte = 0;
}

function resolve(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  errorCode: number,
  userMode: boolean,
  stack: UserStack | null,
): number {
  if (address > space.highestAddress) return faultInSystemSpace(address, errorCode, userMode);
  const word = findPte(mm, space, address);
  if (word === 0) return faultWithoutPte(mm, space, address, errorCode, stack);
  const lo = mm.words[word]!;
  if ((lo & PTE_VALID) !== 0) return faultOnValidPage(mm, space, word, address, errorCode);
  if (lo === 0 && mm.words[word + 1] === 0) return faultWithoutPte(mm, space, address, errorCode, stack);
  if ((lo & PTE_PROTOTYPE) !== 0) return faultOnPrototype(mm, space, word, address, errorCode);
  const refusal = checkAccess(pteProtection(lo), errorCode);
  if (refusal === STATUS_GUARD_PAGE_VIOLATION) return faultOnGuardPage(mm, space, word, address, stack);
  if (refusal !== STATUS_SUCCESS) return refusal;
  if ((lo & PTE_TRANSITION) !== 0) return faultOnTransition(mm, space, word, address, lo, errorCode);
  if (isDemandZero(lo, mm.words[word + 1]!)) {
    return resolveDemandZeroFault(mm, space, word, address, pteProtection(lo), errorCode);
  }
  return resolvePageFileFault(mm, space, word, address, errorCode);
}

function faultInSystemSpace(address: number, errorCode: number, userMode: boolean): number {
  if (userMode) return STATUS_ACCESS_VIOLATION;
  throw new BugCheck(
    PAGE_FAULT_IN_NONPAGED_AREA,
    [address, errorCode & FAULT_WRITE],
    'system address is not mapped',
  );
}

/** No page table, or an entry of zeros: the VAD says what the page is. */
function faultWithoutPte(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  errorCode: number,
  stack: UserStack | null,
): number {
  const vad = space.vads.find(Math.floor(address / 4096));
  if (vad === null) return STATUS_ACCESS_VIOLATION;
  if (vad.kind !== VAD_PRIVATE) {
    const word = makePte(mm, space, address);
    if (word === 0) return STATUS_NO_MEMORY;
    const status = resolvePrototypeFault(mm, space, vad, word, address, errorCode);
    if (mm.words[word] === 0 && mm.words[word + 1] === 0) freeEmptyTable(mm, space, frameOfWord(mm, word));
    return status;
  }
  if (!vad.memCommit) return STATUS_ACCESS_VIOLATION;
  const refusal = checkAccess(vad.protection, errorCode);
  if (refusal === STATUS_ACCESS_VIOLATION) return refusal;
  const word = makePte(mm, space, address);
  if (word === 0) return STATUS_NO_MEMORY;
  if (refusal === STATUS_SUCCESS) {
    const status = resolveDemandZeroFault(mm, space, word, address, vad.protection, errorCode);
    if (status === STATUS_NO_MEMORY) freeEmptyTable(mm, space, frameOfWord(mm, word));
    return status;
  }
  mm.words[word] = demandZeroLow(vad.protection);
  countUsedPte(mm, word);
  return faultOnGuardPage(mm, space, word, address, stack);
}

/** The page's contents are still in the frame, on the standby or modified list or held by an I/O. MiResolveTransitionFault. */
function faultOnTransition(
  mm: MemoryManager,
  space: AddressSpace,
  word: number,
  address: number,
  lo: number,
  errorCode: number,
): number {
  const protection = pteProtection(lo);
  const frame = pteFrame(lo);
  const isWrite = (errorCode & FAULT_WRITE) !== 0;
  activateTransitionFrame(mm, frame);
  if (isWrite) markModified(mm, frame);
  mm.words[word] = validLow(frame, protection) | (isWrite ? PTE_DIRTY : 0);
  mm.words[word + 1] = validHigh(protection);
  space.addResident(1);
  insertWsle(mm, space, address, frame);
  mm.counters.transition++;
  space.counters.transition++;
  return STATUS_PAGE_FAULT_TRANSITION;
}

/** The page is resident, so its protection refused the access, or a copy is due, or the TLB was stale. */
function faultOnValidPage(
  mm: MemoryManager,
  space: AddressSpace,
  word: number,
  address: number,
  errorCode: number,
): number {
  const lo = mm.words[word]!;
  if ((errorCode & FAULT_FETCH) !== 0 && (mm.words[word + 1]! & PTE_NO_EXECUTE) !== 0)
    return STATUS_ACCESS_VIOLATION;
  if ((errorCode & FAULT_WRITE) !== 0 && (lo & PTE_WRITE) === 0) {
    if ((lo & PTE_COPY_ON_WRITE) === 0) return STATUS_ACCESS_VIOLATION;
    return breakCopyOnWrite(mm, space, word, address);
  }
  if (mm.current === space) mm.processor.invalidatePage(address);
  return STATUS_SUCCESS;
}

function faultOnPrototype(
  mm: MemoryManager,
  space: AddressSpace,
  word: number,
  address: number,
  errorCode: number,
): number {
  const vad = space.vads.find(Math.floor(address / 4096))!;
  return resolvePrototypeFault(mm, space, vad, word, address, errorCode);
}

/** The entry stops being a guard page; the access raises STATUS_GUARD_PAGE_VIOLATION unless it lets the thread's stack grow. */
function faultOnGuardPage(
  mm: MemoryManager,
  space: AddressSpace,
  word: number,
  address: number,
  stack: UserStack | null,
): number {
  const lo = mm.words[word]!;
  const protection = pteProtection(lo) & ~MM_GUARD_PAGE;
  mm.words[word] = withProtection(lo, protection);
  if ((lo & PTE_TRANSITION) !== 0) {
    const frame = pteFrame(lo);
    mm.pfn.originalLo[frame] = withProtection(mm.pfn.originalLo[frame]!, protection);
  }
  return stack === null ? STATUS_GUARD_PAGE_VIOLATION : growUserStack(mm, space, address, stack);
}

function countFault(mm: MemoryManager, space: AddressSpace, status: number): void {
  mm.counters.total++;
  space.counters.total++;
  if (status === STATUS_ACCESS_VIOLATION) {
    mm.counters.accessViolation++;
    space.counters.accessViolation++;
  } else if (
    status === STATUS_GUARD_PAGE_VIOLATION ||
    status === STATUS_PAGE_FAULT_GUARD_PAGE ||
    status === STATUS_STACK_OVERFLOW
  ) {
    mm.counters.guardPage++;
    space.counters.guardPage++;
  } else if (mm.faultWasHard) {
    mm.counters.hard++;
    space.counters.hard++;
  } else {
    mm.counters.soft++;
    space.counters.soft++;
  }
}

function frameAt(mm: MemoryManager, space: AddressSpace, address: number): number {
  const word = address > space.highestAddress ? 0 : findPte(mm, space, address);
  return word !== 0 && (mm.words[word]! & PTE_VALID) !== 0 ? pteFrame(mm.words[word]!) : -1;
}
