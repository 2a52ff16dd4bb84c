/**
 * NtFreeVirtualMemory: decommitting and releasing private memory, and what becomes of placeholders. Source: Microsoft,
 * "NtFreeVirtualMemory function (ntifs.h)", "VirtualFree function (memoryapi.h)".
 */
import {
  MEM_COALESCE_PLACEHOLDERS,
  MEM_DECOMMIT,
  MEM_PRESERVE_PLACEHOLDER,
  MEM_RELEASE,
} from '../base/memory-constants.js';
import {
  STATUS_CONFLICTING_ADDRESSES,
  STATUS_FREE_VM_NOT_AT_BASE,
  STATUS_INSUFFICIENT_RESOURCES,
  STATUS_INVALID_PAGE_PROTECTION,
  STATUS_INVALID_PARAMETER_2,
  STATUS_INVALID_PARAMETER_3,
  STATUS_INVALID_PARAMETER_4,
  STATUS_MEMORY_NOT_ALLOCATED,
  STATUS_SUCCESS,
  STATUS_UNABLE_TO_DELETE_SECTION,
  STATUS_UNABLE_TO_FREE_VM,
} from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';
import { freeLockedRange } from './locked-range.js';
import type { MemoryManager } from './memory-manager.js';
import { coalescePlaceholders, insertPlaceholder, splitPlaceholder } from './placeholder.js';
import {
  countCommitted,
  decommitPrivatePages,
  insertPrivateVad,
  mayInsertPrivateVad,
  releasePrivatePages,
  removePrivateVad,
} from './private-memory.js';
import { isUserAddress, pageCeiling, pageFloor, type RegionRequest } from './region-request.js';
import { VAD_ORDINARY, VAD_PRIVATE, Vad } from './vad-tree.js';

const PAGE = 4096;
const RELEASE_AND_PRESERVE = MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER;
const RELEASE_AND_COALESCE = MEM_RELEASE | MEM_COALESCE_PLACEHOLDERS;
const FREE_TYPES = [MEM_DECOMMIT, MEM_RELEASE, RELEASE_AND_PRESERVE, RELEASE_AND_COALESCE];

/**
 * Decommits pages (MEM_DECOMMIT) or releases address space (MEM_RELEASE) of a private range, which is cut or split as needed.
 * Size 0 means the whole range and needs its base. With MEM_PRESERVE_PLACEHOLDER a placeholder is split, or private memory
 * that replaced one becomes one again; with MEM_COALESCE_PLACEHOLDERS placeholders that lie side by side become one.
 * NtFreeVirtualMemory.
 */
export function freeVirtualMemory(
  mm: MemoryManager,
  space: AddressSpace,
  request: RegionRequest,
  freeType: number,
): number {
  if (!FREE_TYPES.includes(freeType)) return STATUS_INVALID_PARAMETER_4;
  if (!isUserAddress(space, request.baseAddress)) return STATUS_INVALID_PARAMETER_2;
  if (request.regionSize < 0 || request.regionSize > space.highestAddress + 1 - request.baseAddress) {
    return STATUS_INVALID_PARAMETER_3;
  }
  const wantsSize = freeType === RELEASE_AND_PRESERVE || freeType === RELEASE_AND_COALESCE;
  if (wantsSize && request.regionSize === 0) return STATUS_INVALID_PARAMETER_3;
  const start = pageFloor(request.baseAddress);
  const vad = space.vads.find(start / PAGE);
  if (vad === null) return STATUS_MEMORY_NOT_ALLOCATED;
  const wholeEnd = (vad.endPage + 1) * PAGE;
  const end = request.regionSize === 0 ? wholeEnd : pageCeiling(request.baseAddress + request.regionSize);
  const status =
    freeType === RELEASE_AND_COALESCE
      ? coalescePlaceholders(mm, space, start, end)
      : freePart(mm, space, vad, start, end, freeType, request.regionSize === 0);
  if (status !== STATUS_SUCCESS) return status;
  request.baseAddress = start;
  request.regionSize = end - start;
  return STATUS_SUCCESS;
}

/** Frees a part of one range, or all of it, for which its base must have been given. */
function freePart(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  start: number,
  end: number,
  freeType: number,
  isWhole: boolean,
): number {
  if (end > (vad.endPage + 1) * PAGE) return STATUS_UNABLE_TO_FREE_VM;
  if (vad.kind !== VAD_PRIVATE) return STATUS_UNABLE_TO_DELETE_SECTION;
  if (vad.noChange) return STATUS_INVALID_PAGE_PROTECTION;
  if (isWhole && start !== vad.startPage * PAGE) return STATUS_FREE_VM_NOT_AT_BASE;
  if (vad.type !== VAD_ORDINARY) return freeLockedRange(mm, space, vad, start, end, freeType);
  if (freeType === MEM_DECOMMIT) return decommitPrivatePages(mm, space, vad, start, end);
  if (freeType === MEM_RELEASE) return release(mm, space, vad, start, end);
  return releaseToPlaceholder(mm, space, vad, start, end);
}

/** STATUS_CONFLICTING_ADDRESSES when a range is neither a placeholder nor took the place of one. */
function releaseToPlaceholder(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  start: number,
  end: number,
): number {
  if (!mayInsertPrivateVad(mm)) return STATUS_INSUFFICIENT_RESOURCES;
  if (vad.isPlaceholder) return splitPlaceholder(mm, space, vad, start, end);
  if (!vad.replacesPlaceholder) return STATUS_CONFLICTING_ADDRESSES;
  const status = release(mm, space, vad, start, end);
  if (status === STATUS_SUCCESS) insertPlaceholder(mm, space, start / PAGE, end / PAGE - 1);
  return status;
}

/** A range whose writes are watched is released as a whole: STATUS_FREE_VM_NOT_AT_BASE (not checked against Windows). */
function release(mm: MemoryManager, space: AddressSpace, vad: Vad, start: number, end: number): number {
  const first = start / PAGE;
  const last = end / PAGE - 1;
  const oldEnd = vad.endPage;
  if (vad.writeWatch !== 0 && (first !== vad.startPage || last !== oldEnd)) return STATUS_FREE_VM_NOT_AT_BASE;
  const splits = first !== vad.startPage && last !== oldEnd;
  if (splits && !mayInsertPrivateVad(mm)) return STATUS_INSUFFICIENT_RESOURCES;
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
  upper.isPlaceholder = vad.isPlaceholder;
  upper.replacesPlaceholder = vad.replacesPlaceholder;
  upper.commitCharge = commitCharge;
  vad.commitCharge -= commitCharge;
  insertPrivateVad(mm, space, upper);
}
