/**
 * The services on regions of an address space: allocate, free, protect and query, with the status codes of Windows in the
 * order in which it reports them. Addresses are 48-bit numbers, sizes bytes. Source: Microsoft, "NtAllocateVirtualMemory function
 * (ntifs.h)", "NtFreeVirtualMemory function (ntifs.h)", "VirtualAlloc function", "VirtualFree function", "VirtualProtect function",
 * "VirtualQuery function"; Unit OS5: Memory Management 5.2, "Reserving & Committing Memory".
 */
import {
  ALLOCATION_GRANULARITY,
  MEM_COMMIT,
  MEM_DECOMMIT,
  MEM_LARGE_PAGES,
  MEM_PHYSICAL,
  MEM_RELEASE,
  MEM_RESERVE,
  MEM_RESET,
  MEM_RESET_UNDO,
  MEM_TOP_DOWN,
  MEM_WRITE_WATCH,
} from '../base/memory-constants.js';
import {
  STATUS_ALREADY_COMMITTED,
  STATUS_COMMITMENT_LIMIT,
  STATUS_CONFLICTING_ADDRESSES,
  STATUS_FREE_VM_NOT_AT_BASE,
  STATUS_INVALID_PAGE_PROTECTION,
  STATUS_INVALID_PARAMETER_2,
  STATUS_INVALID_PARAMETER_3,
  STATUS_INVALID_PARAMETER_4,
  STATUS_INVALID_PARAMETER_5,
  STATUS_MEMORY_NOT_ALLOCATED,
  STATUS_NO_MEMORY,
  STATUS_NOT_SUPPORTED,
  STATUS_PRIVILEGE_NOT_HELD,
  STATUS_SUCCESS,
  STATUS_UNABLE_TO_DELETE_SECTION,
  STATUS_UNABLE_TO_FREE_VM,
} from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';
import { COMMIT_PRIVATE } from './commit.js';
import type { MemoryManager } from './memory-manager.js';
import {
  commitPrivatePages,
  countCommitted,
  decommitPrivatePages,
  insertPrivateVad,
  releasePrivatePages,
  removePrivateVad,
} from './private-memory.js';
import { isCopyOnWrite, protectionCode } from './protection.js';
import { VAD_PRIVATE, Vad } from './vad-tree.js';
import { commitViewPages } from './view-memory.js';

export { protectVirtualMemory } from './protect-virtual-memory.js';
export {
  emptyBasicInformation,
  type MemoryBasicInformation,
  queryVirtualMemory,
} from './query-virtual-memory.js';

const PAGE = 4096;
const ALLOCATION_FLAGS = MEM_COMMIT | MEM_RESERVE | MEM_RESET | MEM_RESET_UNDO;
const KNOWN_FLAGS = ALLOCATION_FLAGS | MEM_TOP_DOWN | MEM_WRITE_WATCH | MEM_PHYSICAL | MEM_LARGE_PAGES;
/** Address windows and write watching need parts that are not built: STATUS_NOT_SUPPORTED. */
const UNSUPPORTED_FLAGS = MEM_WRITE_WATCH | MEM_PHYSICAL;
const RESERVE_AND_COMMIT = MEM_RESERVE | MEM_COMMIT;

/** Base address and size in bytes; a service rounds them to what it did. */
export interface RegionRequest {
  baseAddress: number;
  regionSize: number;
}

function pageFloor(address: number): number {
  return Math.floor(address / PAGE) * PAGE;
}

function pageCeiling(address: number): number {
  return Math.ceil(address / PAGE) * PAGE;
}

/** True for a 48-bit number that is not past the last address of a region. */
function isUserAddress(space: AddressSpace, address: number): boolean {
  return address >= 0 && address <= space.highestAddress;
}

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

/** The status that refuses AllocationType flags, or STATUS_SUCCESS. */
function checkAllocationType(type: number): number {
  if ((type & ~KNOWN_FLAGS) !== 0 || (type & ALLOCATION_FLAGS) === 0) return STATUS_INVALID_PARAMETER_5;
  const action = type & ALLOCATION_FLAGS;
  if ((action & (MEM_RESET | MEM_RESET_UNDO)) !== 0 && action !== MEM_RESET && action !== MEM_RESET_UNDO) {
    return STATUS_INVALID_PARAMETER_5;
  }
  if ((type & MEM_WRITE_WATCH) !== 0 && (type & MEM_RESERVE) === 0) return STATUS_INVALID_PARAMETER_5;
  if ((type & MEM_PHYSICAL) !== 0 && (type & ~MEM_TOP_DOWN) !== (MEM_PHYSICAL | MEM_RESERVE)) {
    return STATUS_INVALID_PARAMETER_5;
  }
  if ((type & MEM_LARGE_PAGES) !== 0 && (type & RESERVE_AND_COMMIT) !== RESERVE_AND_COMMIT) {
    return STATUS_INVALID_PARAMETER_5;
  }
  return STATUS_SUCCESS;
}

/**
 * Reserves, commits or both. Reserving rounds the base down to 64 KB and the end up to a page; committing rounds both to pages.
 * A base of 0 lets the system choose, the lowest free range that is aligned to 64 KB, or with MEM_TOP_DOWN the highest. No
 * process holds the privilege that MEM_LARGE_PAGES needs: STATUS_PRIVILEGE_NOT_HELD.
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
  const typeStatus = checkAllocationType(allocationType);
  if (typeStatus !== STATUS_SUCCESS) return typeStatus;
  const protection = protectionCode(protect);
  if (protection < 0) return STATUS_INVALID_PAGE_PROTECTION;
  if (!isUserAddress(space, request.baseAddress)) return STATUS_INVALID_PARAMETER_2;
  const room = space.highestAddress + 1 - request.baseAddress;
  if (request.regionSize <= 0 || request.regionSize > room) return STATUS_INVALID_PARAMETER_4;
  if ((allocationType & MEM_LARGE_PAGES) !== 0) return STATUS_PRIVILEGE_NOT_HELD;
  if ((allocationType & UNSUPPORTED_FLAGS) !== 0) return STATUS_NOT_SUPPORTED;
  if ((allocationType & (MEM_RESET | MEM_RESET_UNDO)) !== 0) return resetPages(space, request);
  if (request.baseAddress !== 0 && (allocationType & MEM_RESERVE) === 0) {
    return commitPages(mm, space, request, protection);
  }
  return reserve(mm, space, request, allocationType, protection, highest);
}

function reserve(
  mm: MemoryManager,
  space: AddressSpace,
  request: RegionRequest,
  allocationType: number,
  protection: number,
  highest: number,
): number {
  if (isCopyOnWrite(protection)) return STATUS_INVALID_PAGE_PROTECTION;
  const placed = placeRegion(space, request, (allocationType & MEM_TOP_DOWN) !== 0, highest);
  if (placed !== STATUS_SUCCESS) return placed;
  const vad = new Vad(
    request.baseAddress / PAGE,
    (request.baseAddress + request.regionSize) / PAGE - 1,
    VAD_PRIVATE,
    protection,
  );
  if ((allocationType & MEM_COMMIT) !== 0) {
    if (!mm.commit.charge(COMMIT_PRIVATE, vad.pageCount)) return STATUS_COMMITMENT_LIMIT;
    vad.memCommit = true;
    vad.commitCharge = vad.pageCount;
    space.addCommit(vad.pageCount);
  }
  insertPrivateVad(mm, space, vad);
  if (mm.events.active) {
    mm.events.emit('vad-insert', space, request.baseAddress, -1, vad.pageCount);
    if (vad.memCommit) mm.events.emit('commit', space, request.baseAddress, -1, vad.pageCount);
  }
  return STATUS_SUCCESS;
}

/**
 * Rounds the request to the region that a reservation or view takes, and checks that it is free: STATUS_CONFLICTING_ADDRESSES,
 * or STATUS_NO_MEMORY when the system was to choose and no free range is large enough. `highest` is the last address allowed.
 */
export function placeRegion(
  space: AddressSpace,
  request: RegionRequest,
  topDown: boolean,
  highest: number,
): number {
  if (request.baseAddress === 0) {
    const pages = Math.ceil(request.regionSize / PAGE);
    const lowPage = space.lowestAddress / PAGE;
    const highPage = Math.floor((Math.min(highest, space.highestAddress) + 1) / PAGE) - 1;
    const page = topDown
      ? space.vads.findTopDown(pages, lowPage, highPage)
      : space.vads.findBottomUp(pages, lowPage, highPage);
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
  if (vad === null) return STATUS_CONFLICTING_ADDRESSES;
  if (vad.noChange) return STATUS_CONFLICTING_ADDRESSES;
  let status = STATUS_ALREADY_COMMITTED;
  if (vad.kind === VAD_PRIVATE) {
    if (isCopyOnWrite(protection)) return STATUS_INVALID_PAGE_PROTECTION;
    status = commitPrivatePages(mm, space, vad, start, end, protection);
  } else if (vad.sectionMayReserve) {
    status = commitViewPages(mm, space, vad, start, end, protection);
  }
  if (status !== STATUS_SUCCESS) return status;
  request.baseAddress = start;
  request.regionSize = end - start;
  return STATUS_SUCCESS;
}

/**
 * MEM_RESET and MEM_RESET_UNDO are hints about contents; the pages keep theirs, which both allow. STATUS_CONFLICTING_ADDRESSES
 * outside one range, and on views of files and images.
 */
function resetPages(space: AddressSpace, request: RegionRequest): number {
  const requestEnd = request.baseAddress + request.regionSize;
  const vad = rangeOf(space, pageFloor(request.baseAddress), pageCeiling(requestEnd));
  if (vad === null || (vad.controlArea !== null && vad.controlArea.file !== null))
    return STATUS_CONFLICTING_ADDRESSES;
  const start = pageCeiling(request.baseAddress);
  const end = pageFloor(requestEnd);
  request.baseAddress = start;
  request.regionSize = Math.max(end - start, 0);
  return STATUS_SUCCESS;
}

/**
 * Decommits pages (MEM_DECOMMIT) or releases address space (MEM_RELEASE) of a private range, which is cut or split as needed.
 * Size 0 means the whole range and needs its base. NtFreeVirtualMemory.
 */
export function freeVirtualMemory(
  mm: MemoryManager,
  space: AddressSpace,
  request: RegionRequest,
  freeType: number,
): number {
  if (freeType !== MEM_DECOMMIT && freeType !== MEM_RELEASE) return STATUS_INVALID_PARAMETER_4;
  if (!isUserAddress(space, request.baseAddress)) return STATUS_INVALID_PARAMETER_2;
  if (request.regionSize < 0 || request.regionSize > space.highestAddress + 1 - request.baseAddress) {
    return STATUS_INVALID_PARAMETER_3;
  }
  const start = pageFloor(request.baseAddress);
  const vad = space.vads.find(start / PAGE);
  if (vad === null) return STATUS_MEMORY_NOT_ALLOCATED;
  const wholeEnd = (vad.endPage + 1) * PAGE;
  const end = request.regionSize === 0 ? wholeEnd : pageCeiling(request.baseAddress + request.regionSize);
  if (end > wholeEnd) return STATUS_UNABLE_TO_FREE_VM;
  if (vad.kind !== VAD_PRIVATE) return STATUS_UNABLE_TO_DELETE_SECTION;
  if (vad.noChange) return STATUS_INVALID_PAGE_PROTECTION;
  if (request.regionSize === 0 && start !== vad.startPage * PAGE) return STATUS_FREE_VM_NOT_AT_BASE;
  const status =
    freeType === MEM_DECOMMIT
      ? decommitPrivatePages(mm, space, vad, start, end)
      : release(mm, space, vad, start, end);
  if (status !== STATUS_SUCCESS) return status;
  request.baseAddress = start;
  request.regionSize = end - start;
  return STATUS_SUCCESS;
}

function release(mm: MemoryManager, space: AddressSpace, vad: Vad, start: number, end: number): number {
  const first = start / PAGE;
  const last = end / PAGE - 1;
  const oldEnd = vad.endPage;
  const splits = first !== vad.startPage && last !== oldEnd;
  const upperCommit = splits ? countCommitted(mm, space, vad, end, (oldEnd + 1) * PAGE) : 0;
  if (upperCommit < 0) return -upperCommit;
  const status = releasePrivatePages(mm, space, vad, start, end);
  if (status !== STATUS_SUCCESS) return status;
  if (first === vad.startPage && last === oldEnd) removePrivateVad(mm, space, vad);
  else if (first === vad.startPage) space.vads.resize(vad, last + 1, oldEnd);
  else {
    space.vads.resize(vad, vad.startPage, first - 1);
    if (splits) splitOff(mm, space, vad, last + 1, oldEnd, upperCommit);
  }
  if (mm.events.active) mm.events.emit('vad-remove', space, start, -1, last - first + 1);
  return STATUS_SUCCESS;
}

/** The part of a range above a released middle becomes a range of its own. */
function splitOff(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  startPage: number,
  endPage: number,
  commitCharge: number,
): void {
  const upper = new Vad(startPage, endPage, VAD_PRIVATE, vad.protection);
  upper.memCommit = vad.memCommit;
  upper.commitCharge = commitCharge;
  vad.commitCharge -= commitCharge;
  insertPrivateVad(mm, space, upper);
}
