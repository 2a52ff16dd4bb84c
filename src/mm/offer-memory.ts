/**
 * Memory whose contents a program can do without: DiscardVirtualMemory gives its frames back at once, OfferVirtualMemory when the
 * system wants them, and ReclaimVirtualMemory takes it back. Offered pages are reset ones (MEM_RESET) that leave the working set at
 * a lower page priority. Addresses are 48-bit numbers, sizes bytes. Source: Microsoft, "DiscardVirtualMemory function (memoryapi.h)",
 * "OfferVirtualMemory function (memoryapi.h)", "ReclaimVirtualMemory function (memoryapi.h)". Which error refuses what could not
 * be checked.
 */
import { MEM_COMMIT, MEM_PRIVATE, PAGE_READWRITE } from '../base/memory-constants.js';
import {
  STATUS_CONFLICTING_ADDRESSES,
  STATUS_INVALID_PAGE_PROTECTION,
  STATUS_INVALID_PARAMETER,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { holdTables, releaseTables } from './page-table-fault.js';
import { countUsedPte } from './page-tables.js';
import { isBeingRead } from './paging-io.js';
import { DEFAULT_PRIORITY } from './pfn-database.js';
import { demandZeroLow, isDemandZero, MM_READWRITE, PTE_TRANSITION, PTE_VALID, pteFrame } from './pte.js';
import { deletePte } from './pte-deletion.js';
import { emptyBasicInformation, queryVirtualMemory } from './query-virtual-memory.js';
import { forEachEntry, relist, resetPrivatePages, undoReset } from './reset-memory.js';
import { VAD_ORDINARY } from './vad-tree.js';
import type { RegionRequest } from './virtual-memory.js';
import { findWsle, WSLE_LOCKED_IN_MEMORY, WSLE_LOCKED_IN_WS, wsleWord } from './working-set.js';
import { removeFromWorkingSet } from './working-set-manager.js';

const PAGE = 4096;
/** Page priorities of OFFER_PRIORITY: very low, low, below normal, normal (1 to 4). */
const PRIORITIES = [1, 2, 4, DEFAULT_PRIORITY] as const;

/** STATUS_SUCCESS when the region is whole pages of one private range, all committed and PAGE_READWRITE. */
function checkRegion(mm: MemoryManager, space: AddressSpace, { baseAddress, regionSize }: RegionRequest) {
  const isAligned = baseAddress % PAGE === 0 && regionSize % PAGE === 0 && regionSize > 0;
  if (!isAligned || regionSize > space.highestAddress + 1 - baseAddress) return STATUS_INVALID_PARAMETER;
  const found = emptyBasicInformation();
  const status = queryVirtualMemory(mm, space, baseAddress, found);
  if (status !== STATUS_SUCCESS) return status;
  const vad = space.vads.find(baseAddress / PAGE);
  if (vad === null || vad.type !== VAD_ORDINARY) return STATUS_CONFLICTING_ADDRESSES;
  if (found.type !== MEM_PRIVATE || found.state !== MEM_COMMIT) return STATUS_CONFLICTING_ADDRESSES;
  const isWhole = found.protect === PAGE_READWRITE && found.regionSize >= regionSize;
  return isWhole ? STATUS_SUCCESS : STATUS_INVALID_PAGE_PROTECTION;
}

/**
 * Frees the frames and paging-file blocks of a region; its pages stay committed and are zeros. STATUS_INVALID_PARAMETER (not whole
 * pages), STATUS_CONFLICTING_ADDRESSES, STATUS_INVALID_PAGE_PROTECTION; STATUS_NO_MEMORY or STATUS_IN_PAGE_ERROR when a page table
 * cannot be brought back. After a failure nothing has changed.
 */
export function discardVirtualMemory(mm: MemoryManager, space: AddressSpace, region: RegionRequest): number {
  const refusal = checkRegion(mm, space, region);
  if (refusal !== STATUS_SUCCESS) return refusal;
  const start = region.baseAddress;
  const end = start + region.regionSize;
  const status = holdTables(mm, space, start, end, false);
  if (status !== STATUS_SUCCESS) return status;
  forEachEntry(mm, space, start, end, discardEntry);
  releaseTables(mm, space, start, end);
  return STATUS_SUCCESS;
}

function discardEntry(mm: MemoryManager, space: AddressSpace, word: number, address: number): void {
  if (!isDemandZero(mm.words[word]!, mm.words[word + 1]!)) {
    deletePte(mm, space, word, address);
    countUsedPte(mm, word);
  }
  mm.words[word] = demandZeroLow(MM_READWRITE);
}

/**
 * Offers a region to the system with a priority of OFFER_PRIORITY. Pages that are locked stay in the working set. Statuses as
 * discardVirtualMemory's, STATUS_INVALID_PARAMETER for a priority that there is not.
 */
export function offerVirtualMemory(
  mm: MemoryManager,
  space: AddressSpace,
  region: RegionRequest,
  offerPriority: number,
): number {
  const priority = PRIORITIES[offerPriority - 1];
  if (priority === undefined) return STATUS_INVALID_PARAMETER;
  const refusal = checkRegion(mm, space, region);
  if (refusal !== STATUS_SUCCESS) return refusal;
  const start = region.baseAddress;
  const end = start + region.regionSize;
  const status = resetPrivatePages(mm, space, start, end);
  if (status !== STATUS_SUCCESS) return status;
  return forEachEntry(mm, space, start, end, (_mm, _space, word, address) =>
    lowerPage(mm, space, word, address, priority),
  );
}

/** A page leaves the working set, its frame at a priority. */
function lowerPage(
  mm: MemoryManager,
  space: AddressSpace,
  word: number,
  address: number,
  priority: number,
): void {
  const lo = mm.words[word]!;
  if ((lo & (PTE_VALID | PTE_TRANSITION)) === 0) return;
  const frame = pteFrame(lo);
  if ((lo & PTE_VALID) === 0) {
    if (!isBeingRead(mm, frame)) setPriority(mm, frame, priority);
    return;
  }
  const entry = wsleWord(space.workingSet, findWsle(mm, space, address, frame));
  if ((mm.words[entry]! & (WSLE_LOCKED_IN_WS | WSLE_LOCKED_IN_MEMORY)) !== 0) return;
  mm.pfn.priority[frame] = priority;
  removeFromWorkingSet(mm, space, address);
}

function setPriority(mm: MemoryManager, frame: number, priority: number): void {
  relist(mm, frame, () => {
    mm.pfn.priority[frame] = priority;
  });
}

/**
 * Takes offered memory back: it is kept from then on. STATUS_DEVICE_BUSY when the contents of a page are gone; else as
 * discardVirtualMemory.
 */
export function reclaimVirtualMemory(mm: MemoryManager, space: AddressSpace, region: RegionRequest): number {
  const refusal = checkRegion(mm, space, region);
  if (refusal !== STATUS_SUCCESS) return refusal;
  const start = region.baseAddress;
  const end = start + region.regionSize;
  const status = undoReset(mm, space, start, end);
  const { pagePriority } = space;
  forEachEntry(mm, space, start, end, (_mm, _space, word) => {
    const lo = mm.words[word]!;
    if ((lo & (PTE_VALID | PTE_TRANSITION)) !== PTE_TRANSITION) return;
    const frame = pteFrame(lo);
    if (!isBeingRead(mm, frame) && mm.pfn.priority[frame]! < pagePriority)
      setPriority(mm, frame, pagePriority);
  });
  return status;
}
