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
  STATUS_PAGE_FAULT_PAGING_FILE,
  STATUS_PAGE_FAULT_TRANSITION,
  STATUS_PENDING,
  STATUS_STACK_OVERFLOW,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import { checkAccess, FAULT_FETCH, FAULT_WRITE } from './access-check.js';
import type { AddressSpace } from './address-space.js';
import { BugCheck, PAGE_FAULT_IN_NONPAGED_AREA } from './bug-check.js';
import { breakCopyOnWrite } from './copy-on-write.js';
import { countTransition } from './counters.js';
import { resolveDemandZeroFault } from './demand-zero.js';
import { faultOnLargePage } from './large-page.js';
import type { MemoryManager } from './memory-manager.js';
import { markModified } from './page-file.js';
import { resolvePageFileFault } from './page-file-fault.js';
import { activateTransitionFrame } from './page-lists.js';
import { bringPteIn, makePte } from './page-table-fault.js';
import { countUsedPte, findPte, frameOfWord, holdTable, pteAddress, releaseTable } from './page-tables.js';
import { beginPageWait, endPageWait, isBeingRead, waitForCollided, waitForNextRequest } from './paging-io.js';
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
import { VAD_LARGE_PAGES, VAD_PRIVATE, type Vad } from './vad-tree.js';
import { insertWsle, noteNewest } from './working-set.js';
import { ensureRoomInWorkingSet, replaceOnePage } from './working-set-manager.js';

/**
 * Resolves a fault at a 48-bit address or says what to raise, waiting on the spot for what has to be read. `errorCode` has
 * the processor's FAULT_* bits; `stack` is the running thread's, or null when its stack must not grow. Counts the fault and
 * emits 'fault' with the status as detail; a fault of kernel mode on paged pool counts for the system working set instead.
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
  const status = beginFault(mm, space, address, errorCode, userMode, stack);
  return status === STATUS_PENDING ? waitOnTheSpot(mm, space, address, errorCode, userMode, stack) : status;
}

/** Finishes a fault for which beginFault answered STATUS_PENDING: nothing else of the machine runs meanwhile. */
export function waitOnTheSpot(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  errorCode: number,
  userMode: boolean,
  stack: UserStack | null,
): number {
  let status: number;
  do {
    const frame = mm.pendingFrame;
    beginPageWait(mm, frame);
    while (isBeingRead(mm, frame)) waitForNextRequest(mm);
    status = endFault(mm, space, address, errorCode, userMode, stack, frame);
  } while (status === STATUS_PENDING);
  return status;
}

/**
 * The first half of accessFault: answers STATUS_PENDING when the page has to be read, or is already, in mm.pendingFrame. The
 * thread then waits (beginPageWait) until the frame has been read (isBeingRead), and endFault does the rest.
 */
export function beginFault(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  errorCode: number,
  userMode: boolean,
  stack: UserStack | null,
): number {
  mm.faultWasHard = false;
  mm.faultMayPend = true;
  const status = resolveWithin(mm, space, address, errorCode, userMode, stack);
  mm.faultMayPend = false;
  if (status !== STATUS_PENDING) countFault(mm, space, address, status);
  return status;
}

/** The second half, after the wait for `frame`. STATUS_PENDING again when another page has to be waited for. */
export function endFault(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  errorCode: number,
  userMode: boolean,
  stack: UserStack | null,
  frame: number,
): number {
  mm.faultGoesOn = true;
  mm.faultMayPend = true;
  const status = resolveWithin(mm, space, address, errorCode, userMode, stack);
  mm.faultMayPend = false;
  mm.faultGoesOn = false;
  endPageWait(mm, frame);
  if (status === STATUS_PENDING) return status;
  mm.faultWasHard = true;
  const outcome = status === STATUS_PAGE_FAULT_TRANSITION ? STATUS_PAGE_FAULT_PAGING_FILE : status;
  countFault(mm, space, address, outcome);
  return outcome;
}

/** Resolves the fault within the working set's limits. */
function resolveWithin(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  errorCode: number,
  userMode: boolean,
  stack: UserStack | null,
): number {
  const { workingSet } = space;
  const before = space.workingSetPages;
  const status = ensureRoomInWorkingSet(mm, space)
    ? resolve(mm, space, address, errorCode, userMode, stack)
    : STATUS_NO_MEMORY;
  noteNewest(workingSet, address);
  if (workingSet.hardMaximum || mm.lists.available < mm.thresholds.plenty) {
    const added = Math.min(space.workingSetPages - before, space.workingSetPages - workingSet.maximum);
    if (added > 0) keepToMaximum(mm, space, added);
  }
  return status;
}

/** The process has its maximum and may not have more: others of its pages leave for those that came and their tables. */
function keepToMaximum(mm: MemoryManager, space: AddressSpace, pages: number): void {
  mm.keepsNewest = true;
  for (let left = pages; left > 0 && replaceOnePage(mm, space, !space.workingSet.hardMaximum); left--);
  mm.keepsNewest = false;
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
  const word = bringPteIn(mm, space, address);
  if (word < 0) return -word;
  if (word === 0) return faultWithoutPte(mm, space, address, errorCode, stack);
  const table = frameOfWord(mm, word);
  holdTable(mm, table);
  const status = resolveEntry(mm, space, word, address, errorCode, stack);
  releaseTable(mm, space, table);
  return status;
}

/** The page table is there; `word` is the index of the entry in ram.words. */
function resolveEntry(
  mm: MemoryManager,
  space: AddressSpace,
  word: number,
  address: number,
  errorCode: number,
  stack: UserStack | null,
): number {
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
  return resolvePageFileFault(mm, space, word, pteAddress(address), address, 0);
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
  if (vad.type === VAD_LARGE_PAGES) return faultOnLargePage(mm, space, address, errorCode);
  if (vad.kind === VAD_PRIVATE) {
    if (!vad.memCommit) return STATUS_ACCESS_VIOLATION;
    if (checkAccess(vad.protection, errorCode) === STATUS_ACCESS_VIOLATION) return STATUS_ACCESS_VIOLATION;
  }
  const word = makePte(mm, space, address);
  if (word < 0) return -word;
  const table = frameOfWord(mm, word);
  holdTable(mm, table);
  const status =
    vad.kind === VAD_PRIVATE
      ? touchPrivate(mm, space, vad, word, address, errorCode, stack)
      : resolvePrototypeFault(mm, space, vad, word, address, errorCode);
  releaseTable(mm, space, table);
  return status;
}

/** The first touch of a page of a private range that was committed as a whole; its entry is zero. */
function touchPrivate(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  word: number,
  address: number,
  errorCode: number,
  stack: UserStack | null,
): number {
  if (checkAccess(vad.protection, errorCode) === STATUS_SUCCESS)
    return resolveDemandZeroFault(mm, space, word, address, vad.protection, errorCode);
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
  if (isBeingRead(mm, frame)) return waitForCollided(mm, space, frame);
  activateTransitionFrame(mm, frame);
  if (isWrite) markModified(mm, frame);
  mm.words[word] = validLow(frame, protection) | (isWrite ? PTE_DIRTY : 0);
  mm.words[word + 1] = validHigh(protection);
  space.addResident(1);
  insertWsle(mm, space, address, frame);
  countTransition(mm, space);
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

function countFault(mm: MemoryManager, space: AddressSpace, address: number, status: number): void {
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
  if (mm.events.active) mm.events.emit('fault', space, address, frameAt(mm, space, address), status);
}

function frameAt(mm: MemoryManager, space: AddressSpace, address: number): number {
  const word = address > space.highestAddress ? 0 : findPte(mm, space, address);
  return word !== 0 && (mm.words[word]! & PTE_VALID) !== 0 ? pteFrame(mm.words[word]!) : -1;
}
