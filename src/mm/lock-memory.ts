/**
 * Pages that a program keeps in its working set: NtLockVirtualMemory and NtUnlockVirtualMemory. Addresses are 48-bit numbers,
 * sizes bytes. Source: Microsoft, "VirtualLock function", "VirtualUnlock function".
 */
import {
  ntSuccess,
  STATUS_ACCESS_VIOLATION,
  STATUS_NOT_LOCKED,
  STATUS_SUCCESS,
  STATUS_WAS_LOCKED,
  STATUS_WORKING_SET_QUOTA,
} from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';
import { accessFault } from './fault-handler.js';
import type { MemoryManager } from './memory-manager.js';
import { findPte, nextAddressWithValidTable } from './page-tables.js';
import { PTE_VALID, pteFrame } from './pte.js';
import { VAD_LARGE_PAGES, VAD_ORDINARY } from './vad-tree.js';
import type { RegionRequest } from './virtual-memory.js';
import { findWsle, WSLE_LOCKED_IN_MEMORY, WSLE_LOCKED_IN_WS, wsleWord } from './working-set.js';
import { removeFromWorkingSet } from './working-set-manager.js';

const PAGE_SIZE = 4096;
/** Pages of the minimum working set that cannot be locked: what the system needs of it. */
const OVERHEAD_PAGES = 8;

/** Rounds a request to the pages that it touches; false when it passes the end of user space. */
function roundToPages(space: AddressSpace, request: RegionRequest): boolean {
  const { baseAddress, regionSize } = request;
  if (!(baseAddress >= 0 && regionSize > 0 && baseAddress + regionSize <= space.highestAddress + 1))
    return false;
  request.baseAddress = Math.floor(baseAddress / PAGE_SIZE) * PAGE_SIZE;
  request.regionSize = Math.ceil((baseAddress + regionSize) / PAGE_SIZE) * PAGE_SIZE - request.baseAddress;
  return true;
}

/** Index in ram.words of the working-set entry of a page, -1 when it has none. */
function entryWord(mm: MemoryManager, space: AddressSpace, address: number): number {
  const pte = findPte(mm, space, address);
  const lo = pte === 0 ? 0 : mm.words[pte]!;
  if ((lo & PTE_VALID) === 0 || isAlwaysValid(mm, space, address)) return -1;
  return wsleWord(space.workingSet, findWsle(mm, space, address, pteFrame(lo)));
}

/** True for a page of large pages, and for one that a window shows: they are in memory and in no working set. */
function isAlwaysValid(mm: MemoryManager, space: AddressSpace, address: number): boolean {
  const vad = space.vads.find(address / PAGE_SIZE);
  if (vad === null || vad.type === VAD_ORDINARY) return false;
  return vad.type === VAD_LARGE_PAGES || (mm.words[findPte(mm, space, address)]! & PTE_VALID) !== 0;
}

/** Makes a page valid, as reading it would; an NTSTATUS. */
function makeValid(mm: MemoryManager, space: AddressSpace, address: number): number {
  while (entryWord(mm, space, address) < 0) {
    const status = accessFault(mm, space, address, 0, true, null);
    if (!ntSuccess(status)) return status;
  }
  return STATUS_SUCCESS;
}

/** Pages of a rounded region that are locked. */
function countLocked(mm: MemoryManager, space: AddressSpace, request: RegionRequest): number {
  const end = request.baseAddress + request.regionSize;
  let count = 0;
  for (let address = request.baseAddress; address < end; address += PAGE_SIZE) {
    const word = entryWord(mm, space, address);
    if (word >= 0 && (mm.words[word]! & WSLE_LOCKED_IN_WS) !== 0) count++;
  }
  return count;
}

/**
 * Faults the pages of a region in and keeps them valid until they are unlocked or go. STATUS_WAS_LOCKED when one was locked
 * already. STATUS_WORKING_SET_QUOTA when more would be locked than the minimum working set allows, or what touching a page raises:
 * no page is locked then that was not.
 */
export function lockVirtualMemory(mm: MemoryManager, space: AddressSpace, request: RegionRequest): number {
  if (!roundToPages(space, request)) return STATUS_ACCESS_VIOLATION;
  const set = space.workingSet;
  const pages = request.regionSize / PAGE_SIZE;
  const most = set.minimum - OVERHEAD_PAGES;
  if (pages - set.locked > most) return STATUS_WORKING_SET_QUOTA;
  const before = countLocked(mm, space, request);
  const added = pages - before;
  if (added > 0 && set.locked + added > most) return STATUS_WORKING_SET_QUOTA;
  const locked: number[] = [];
  for (let page = 0; page < pages; page++) {
    const address = request.baseAddress + page * PAGE_SIZE;
    if (isAlwaysValid(mm, space, address)) continue;
    const status = makeValid(mm, space, address);
    if (status !== STATUS_SUCCESS) {
      for (const one of locked) unlockPage(mm, space, one);
      return status;
    }
    const word = entryWord(mm, space, address);
    if ((mm.words[word]! & WSLE_LOCKED_IN_WS) !== 0) continue;
    mm.words[word]! |= WSLE_LOCKED_IN_WS;
    set.locked++;
    locked.push(address);
  }
  return before > 0 ? STATUS_WAS_LOCKED : STATUS_SUCCESS;
}

/** Unlocks the pages of a region. STATUS_NOT_LOCKED when one is not locked; those that are not leave the working set. */
export function unlockVirtualMemory(mm: MemoryManager, space: AddressSpace, request: RegionRequest): number {
  if (!roundToPages(space, request)) return STATUS_ACCESS_VIOLATION;
  let locked = 0;
  const end = request.baseAddress + request.regionSize;
  let at = nextAddressWithValidTable(mm, space, request.baseAddress, end);
  for (; at < end; at = nextAddressWithValidTable(mm, space, at + PAGE_SIZE, end))
    if (unlockPage(mm, space, at)) locked++;
  return locked === request.regionSize / PAGE_SIZE ? STATUS_SUCCESS : STATUS_NOT_LOCKED;
}

/** True when the page was locked. One that is valid and not locked leaves the working set. */
function unlockPage(mm: MemoryManager, space: AddressSpace, address: number): boolean {
  const word = entryWord(mm, space, address);
  if (word < 0) return false;
  const lo = mm.words[word]!;
  if ((lo & WSLE_LOCKED_IN_WS) === 0) {
    if ((lo & WSLE_LOCKED_IN_MEMORY) === 0) removeFromWorkingSet(mm, space, address);
    return false;
  }
  mm.words[word] = lo & ~WSLE_LOCKED_IN_WS;
  space.workingSet.locked--;
  return true;
}
