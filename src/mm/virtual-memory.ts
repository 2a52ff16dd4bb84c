/**
 * The services on regions of an address space, with the status codes of Windows in the order in which it reports them: here
 * allocating, in the files beside freeing, protecting and querying. Addresses are 48-bit numbers, sizes bytes. Source: Microsoft,
 * "NtAllocateVirtualMemory function (ntifs.h)", "VirtualAlloc function", "VirtualAlloc2 function"; Unit OS5: Memory Management
 * 5.2, "Reserving & Committing Memory".
 */
import {
  ALLOCATION_GRANULARITY,
  MEM_COMMIT,
  MEM_LARGE_PAGES,
  MEM_PHYSICAL,
  MEM_REPLACE_PLACEHOLDER,
  MEM_RESERVE,
  MEM_RESERVE_PLACEHOLDER,
  MEM_RESET,
  MEM_RESET_UNDO,
  MEM_TOP_DOWN,
  MEM_WRITE_WATCH,
} from '../base/memory-constants.js';
import {
  STATUS_ALREADY_COMMITTED,
  STATUS_COMMITMENT_LIMIT,
  STATUS_CONFLICTING_ADDRESSES,
  STATUS_INSUFFICIENT_RESOURCES,
  STATUS_INVALID_PAGE_PROTECTION,
  STATUS_INVALID_PARAMETER,
  STATUS_INVALID_PARAMETER_2,
  STATUS_INVALID_PARAMETER_3,
  STATUS_INVALID_PARAMETER_4,
  STATUS_INVALID_PARAMETER_5,
  STATUS_NO_MEMORY,
  STATUS_PRIVILEGE_NOT_HELD,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import {
  type AddressRequirements,
  checkRequirements,
  limitsBelow,
  limitsOf,
  type PlacementLimits,
} from './address-requirements.js';
import type { AddressSpace } from './address-space.js';
import { COMMIT_PRIVATE } from './commit.js';
import { mayCommit } from './commit-quota.js';
import { allocateLockedRange } from './locked-range.js';
import type { MemoryManager } from './memory-manager.js';
import { placeholderAt, removePlaceholder } from './placeholder.js';
import { commitPrivatePages, insertPrivateVad, mayInsertPrivateVad } from './private-memory.js';
import { isCopyOnWrite, protectionCode } from './protection.js';
import { MM_NOACCESS } from './pte.js';
import { isUserAddress, pageCeiling, pageFloor, type RegionRequest } from './region-request.js';
import { resetPrivatePages, undoReset } from './reset-memory.js';
import { VAD_MAPPED, VAD_ORDINARY, VAD_PRIVATE, Vad } from './vad-tree.js';
import { commitViewPages } from './view-memory.js';
import { allocateWriteWatch, freeWriteWatch } from './write-watch.js';

export { freeVirtualMemory } from './free-virtual-memory.js';
export { protectVirtualMemory } from './protect-virtual-memory.js';
export {
  emptyBasicInformation,
  type MemoryBasicInformation,
  queryVirtualMemory,
} from './query-virtual-memory.js';
export type { RegionRequest } from './region-request.js';

const PAGE = 4096;
const ALLOCATION_FLAGS = MEM_COMMIT | MEM_RESERVE | MEM_RESET | MEM_RESET_UNDO;
const KNOWN_FLAGS = ALLOCATION_FLAGS | MEM_TOP_DOWN | MEM_WRITE_WATCH | MEM_PHYSICAL | MEM_LARGE_PAGES;
const PLACEHOLDER_FLAGS = MEM_RESERVE_PLACEHOLDER | MEM_REPLACE_PLACEHOLDER;
const RESERVE_AND_COMMIT = MEM_RESERVE | MEM_COMMIT;

/**
 * Highest address that ZeroBits allows: a count below 32 is of zero bits from bit 31 down (or of the 64, when 0, none); a
 * larger value is a mask whose highest set bit bounds the address. -1 when it is not legal.
 */
export function highestForZeroBits(space: AddressSpace, zeroBits: number): number {
  if (zeroBits === 0) return space.highestAddress;
  if (zeroBits <= 21) return 2 ** (32 - zeroBits) - 1;
  if (zeroBits < 32) return -1;
  return Math.min(space.highestAddress, 2 ** (Math.floor(Math.log2(zeroBits)) + 1) - 1);
}

/**
 * The status that refuses AllocationType flags, of which `known` may be set, or STATUS_SUCCESS. Large pages are reserved and
 * committed at once; where the system chooses the address, committing means both (7-Zip's -slp asks so; not checked otherwise).
 */
function checkAllocationType(type: number, known: number, base: number): number {
  if ((type & ~known) !== 0 || (type & ALLOCATION_FLAGS) === 0) return STATUS_INVALID_PARAMETER_5;
  const action = type & ALLOCATION_FLAGS;
  if ((action & (MEM_RESET | MEM_RESET_UNDO)) !== 0 && action !== MEM_RESET && action !== MEM_RESET_UNDO) {
    return STATUS_INVALID_PARAMETER_5;
  }
  if ((type & MEM_WRITE_WATCH) !== 0 && (type & MEM_RESERVE) === 0) return STATUS_INVALID_PARAMETER_5;
  if ((type & MEM_PHYSICAL) !== 0 && (type & ~MEM_TOP_DOWN) !== (MEM_PHYSICAL | MEM_RESERVE)) {
    return STATUS_INVALID_PARAMETER_5;
  }
  const largeNeeds = base === 0 ? MEM_COMMIT : RESERVE_AND_COMMIT;
  if ((type & MEM_LARGE_PAGES) !== 0 && (type & largeNeeds) !== largeNeeds) {
    return STATUS_INVALID_PARAMETER_5;
  }
  if ((type & MEM_LARGE_PAGES) !== 0 && (type & MEM_WRITE_WATCH) !== 0) return STATUS_INVALID_PARAMETER_5;
  return STATUS_SUCCESS;
}

/**
 * Reserves, commits or both. Reserving rounds the base down to 64 KB and the end up to a page; committing rounds both to pages.
 * A base of 0 lets the system choose, the lowest free range that is aligned to 64 KB, or with MEM_TOP_DOWN the highest.
 * STATUS_PRIVILEGE_NOT_HELD for MEM_LARGE_PAGES without SeLockMemoryPrivilege.
 * NtAllocateVirtualMemory.
 */
export function allocateVirtualMemory(
  mm: MemoryManager,
  space: AddressSpace,
  request: RegionRequest,
  allocationType: number,
  protect: number,
  zeroBits = 0,
): number {
  const highest = highestForZeroBits(space, zeroBits);
  if (highest < 0) return STATUS_INVALID_PARAMETER_3;
  const typeStatus = checkAllocationType(allocationType, KNOWN_FLAGS, request.baseAddress);
  if (typeStatus !== STATUS_SUCCESS) return typeStatus;
  return allocate(mm, space, request, allocationType, protect, limitsBelow(space, highest));
}

/**
 * The same with requirements for the address, and with placeholders: MEM_RESERVE_PLACEHOLDER reserves one, without access, its size
 * in whole pages; MEM_REPLACE_PLACEHOLDER puts private memory in the place of one that has exactly this base and size.
 * NtAllocateVirtualMemoryEx.
 */
export function allocateVirtualMemoryEx(
  mm: MemoryManager,
  space: AddressSpace,
  request: RegionRequest,
  allocationType: number,
  protect: number,
  requirements: AddressRequirements,
): number {
  const typeStatus = checkAllocationType(
    allocationType & ~PLACEHOLDER_FLAGS,
    KNOWN_FLAGS,
    request.baseAddress,
  );
  if (typeStatus !== STATUS_SUCCESS) return typeStatus;
  const status = checkRequirements(space, requirements, request.baseAddress);
  if (status !== STATUS_SUCCESS) return status;
  if ((allocationType & PLACEHOLDER_FLAGS) !== 0) {
    const refusal = checkPlaceholderRequest(request, allocationType, protect);
    if (refusal !== STATUS_SUCCESS) return refusal;
  }
  return allocate(mm, space, request, allocationType, protect, limitsOf(space, requirements));
}

/** STATUS_INVALID_PARAMETER for flags that do not go with those of placeholders, and sizes and bases that are not whole pages. */
function checkPlaceholderRequest({ baseAddress, regionSize }: RegionRequest, type: number, protect: number) {
  const others = type & ~(PLACEHOLDER_FLAGS | MEM_RESERVE);
  const isNew = (type & PLACEHOLDER_FLAGS) === MEM_RESERVE_PLACEHOLDER;
  const isReplaced = (type & PLACEHOLDER_FLAGS) === MEM_REPLACE_PLACEHOLDER;
  const isValid =
    (type & MEM_RESERVE) !== 0 &&
    regionSize % PAGE === 0 &&
    ((isNew && (others & ~MEM_TOP_DOWN) === 0 && protectionCode(protect) === MM_NOACCESS) ||
      (isReplaced &&
        (others & ~(MEM_COMMIT | MEM_WRITE_WATCH)) === 0 &&
        baseAddress !== 0 &&
        baseAddress % PAGE === 0));
  return isValid ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

function allocate(
  mm: MemoryManager,
  space: AddressSpace,
  request: RegionRequest,
  allocationType: number,
  protect: number,
  limits: PlacementLimits,
): number {
  const protection = protectionCode(protect);
  if (protection < 0) return STATUS_INVALID_PAGE_PROTECTION;
  if (!isUserAddress(space, request.baseAddress)) return STATUS_INVALID_PARAMETER_2;
  const room = space.highestAddress + 1 - request.baseAddress;
  if (request.regionSize <= 0 || request.regionSize > room) return STATUS_INVALID_PARAMETER_4;
  if ((allocationType & MEM_LARGE_PAGES) !== 0 && request.mayLockPages !== true)
    return STATUS_PRIVILEGE_NOT_HELD;
  if ((allocationType & (MEM_RESET | MEM_RESET_UNDO)) !== 0) {
    return resetPages(mm, space, request, allocationType);
  }
  if (request.baseAddress !== 0 && (allocationType & MEM_RESERVE) === 0) {
    return commitPages(mm, space, request, protection);
  }
  return reserve(mm, space, request, allocationType, protection, limits);
}

function reserve(
  mm: MemoryManager,
  space: AddressSpace,
  request: RegionRequest,
  allocationType: number,
  protection: number,
  limits: PlacementLimits,
): number {
  if (isCopyOnWrite(protection)) return STATUS_INVALID_PAGE_PROTECTION;
  if (!mayInsertPrivateVad(mm)) return STATUS_INSUFFICIENT_RESOURCES;
  if ((allocationType & (MEM_LARGE_PAGES | MEM_PHYSICAL)) !== 0)
    return allocateLockedRange(mm, space, request, allocationType, protection, limits);
  const { baseAddress, regionSize } = request;
  const isReplaced = (allocationType & MEM_REPLACE_PLACEHOLDER) !== 0;
  const replaced = isReplaced ? placeholderAt(space, baseAddress, baseAddress + regionSize) : null;
  if (isReplaced && replaced === null) return STATUS_CONFLICTING_ADDRESSES;
  const isTopDown = (allocationType & MEM_TOP_DOWN) !== 0;
  const placed = isReplaced ? STATUS_SUCCESS : placeRegion(space, request, isTopDown, limits);
  if (placed !== STATUS_SUCCESS) return placed;
  const startPage = request.baseAddress / PAGE;
  const vad = new Vad(startPage, startPage + request.regionSize / PAGE - 1, VAD_PRIVATE, protection);
  vad.isPlaceholder = (allocationType & MEM_RESERVE_PLACEHOLDER) !== 0;
  vad.replacesPlaceholder = isReplaced;
  if ((allocationType & MEM_WRITE_WATCH) !== 0 && !allocateWriteWatch(mm, vad))
    return STATUS_INSUFFICIENT_RESOURCES;
  if ((allocationType & MEM_COMMIT) !== 0 && !commitWhole(mm, space, vad)) {
    freeWriteWatch(mm, vad);
    return STATUS_COMMITMENT_LIMIT;
  }
  if (replaced !== null) removePlaceholder(mm, space, replaced);
  insertPrivateVad(mm, space, vad);
  if (mm.events.active) {
    mm.events.emit('vad-insert', space, request.baseAddress, -1, vad.pageCount);
    if (vad.memCommit) mm.events.emit('commit', space, request.baseAddress, -1, vad.pageCount);
  }
  return STATUS_SUCCESS;
}

/** Charges a new range for all its pages. False: commit has no room. */
function commitWhole(mm: MemoryManager, space: AddressSpace, vad: Vad): boolean {
  if (!mayCommit(mm, space, vad.pageCount)) return false;
  mm.commit.force(COMMIT_PRIVATE, vad.pageCount);
  vad.memCommit = true;
  vad.commitCharge = vad.pageCount;
  space.addCommit(vad.pageCount);
  return true;
}

/**
 * Rounds the request to the region that a reservation or view takes, and checks that it is free: STATUS_CONFLICTING_ADDRESSES,
 * or STATUS_NO_MEMORY when the system was to choose and no free range within the limits is large enough.
 */
export function placeRegion(
  space: AddressSpace,
  request: RegionRequest,
  topDown: boolean,
  { lowest, highest, alignment }: PlacementLimits,
): number {
  if (request.baseAddress === 0) {
    const pages = Math.ceil(request.regionSize / PAGE);
    const lowPage = lowest / PAGE;
    const highPage = Math.floor((highest + 1) / PAGE) - 1;
    const page = topDown
      ? space.vads.findTopDown(pages, lowPage, highPage, alignment / PAGE)
      : space.vads.findBottomUp(pages, lowPage, highPage, alignment / PAGE);
    if (page < 0) return STATUS_NO_MEMORY;
    request.baseAddress = page * PAGE;
    request.regionSize = pages * PAGE;
    return STATUS_SUCCESS;
  }
  const base = Math.floor(request.baseAddress / ALLOCATION_GRANULARITY) * ALLOCATION_GRANULARITY;
  const end = pageCeiling(request.baseAddress + request.regionSize);
  if (base < space.lowestAddress) return STATUS_INVALID_PARAMETER_2;
  if (space.vads.findOverlap(base / PAGE, end / PAGE - 1) !== null) return STATUS_CONFLICTING_ADDRESSES;
  request.baseAddress = base;
  request.regionSize = end - base;
  return STATUS_SUCCESS;
}

/** The range that holds every page of a request, or null. */
function rangeOf(space: AddressSpace, start: number, end: number): Vad | null {
  const vad = space.vads.find(start / PAGE);
  return vad === null || end / PAGE - 1 > vad.endPage ? null : vad;
}

function commitPages(
  mm: MemoryManager,
  space: AddressSpace,
  request: RegionRequest,
  protection: number,
): number {
  const start = pageFloor(request.baseAddress);
  const end = pageCeiling(request.baseAddress + request.regionSize);
  const vad = rangeOf(space, start, end);
  if (vad === null || vad.type !== VAD_ORDINARY) return STATUS_CONFLICTING_ADDRESSES;
  if (vad.noChange || vad.isPlaceholder) return STATUS_CONFLICTING_ADDRESSES;
  let status = STATUS_ALREADY_COMMITTED;
  if (vad.kind === VAD_PRIVATE) {
    if (isCopyOnWrite(protection)) return STATUS_INVALID_PAGE_PROTECTION;
    status = commitPrivatePages(mm, space, vad, start, end, protection);
  } else if (vad.kind === VAD_MAPPED && vad.controlArea?.file === null) {
    status = commitViewPages(mm, space, vad, start, end, protection);
  }
  if (status !== STATUS_SUCCESS) return status;
  request.baseAddress = start;
  request.regionSize = end - start;
  return STATUS_SUCCESS;
}

/**
 * MEM_RESET and MEM_RESET_UNDO, for the pages that lie wholly in the request. STATUS_CONFLICTING_ADDRESSES outside one range,
 * in placeholders, and on views of files and images.
 */
function resetPages(mm: MemoryManager, space: AddressSpace, request: RegionRequest, type: number): number {
  const requestEnd = request.baseAddress + request.regionSize;
  const vad = rangeOf(space, pageFloor(request.baseAddress), pageCeiling(requestEnd));
  if (
    vad === null ||
    vad.isPlaceholder ||
    vad.type !== VAD_ORDINARY ||
    (vad.controlArea !== null && vad.controlArea.file !== null)
  )
    return STATUS_CONFLICTING_ADDRESSES;
  const start = pageCeiling(request.baseAddress);
  const end = Math.max(start, pageFloor(requestEnd));
  const change = (type & MEM_RESET) !== 0 ? resetPrivatePages : undoReset;
  const status = vad.kind === VAD_PRIVATE ? change(mm, space, start, end) : STATUS_SUCCESS;
  if (status !== STATUS_SUCCESS) return status;
  request.baseAddress = start;
  request.regionSize = end - start;
  return STATUS_SUCCESS;
}
