/**
 * Private ranges whose pages are always in memory: large pages, and windows for user physical pages. What allocation, release
 * and protection mean for them. Source: Microsoft, "Large-Page Support", "Address Windowing Extensions", "VirtualAlloc function".
 */
import { MEM_LARGE_PAGES, MEM_RELEASE, MEM_TOP_DOWN } from '../base/memory-constants.js';
import {
  STATUS_FREE_VM_NOT_AT_BASE,
  STATUS_INVALID_PAGE_PROTECTION,
  STATUS_INVALID_PARAMETER_2,
  STATUS_INVALID_PARAMETER_4,
  STATUS_INVALID_PARAMETER_6,
  STATUS_MEMORY_NOT_ALLOCATED,
  STATUS_SECTION_PROTECTION,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import type { PlacementLimits } from './address-requirements.js';
import type { AddressSpace } from './address-space.js';
import { allocateLargePages, LARGE_PAGE_SIZE, protectLargePages, releaseLargePages } from './large-page.js';
import type { MemoryManager } from './memory-manager.js';
import { MM_READWRITE } from './pte.js';
import { releaseWindow, reserveWindow } from './user-physical-pages.js';
import { VAD_LARGE_PAGES, VAD_PRIVATE, type Vad } from './vad-tree.js';
import { isWithinView } from './view-memory.js';
import { placeRegion, type RegionRequest } from './virtual-memory.js';

/**
 * Places a region that is aligned to 2 MB: STATUS_INVALID_PARAMETER_2 or _4 for a base or size that is not, or what placeRegion
 * answers.
 */
export function placeLargeRegion(
  space: AddressSpace,
  request: RegionRequest,
  topDown: boolean,
  limits: PlacementLimits,
): number {
  if (request.regionSize % LARGE_PAGE_SIZE !== 0) return STATUS_INVALID_PARAMETER_4;
  if (request.baseAddress % LARGE_PAGE_SIZE !== 0) return STATUS_INVALID_PARAMETER_2;
  const alignment = Math.max(limits.alignment, LARGE_PAGE_SIZE);
  return placeRegion(space, request, topDown, { ...limits, alignment });
}

/** Reserves a window (MEM_PHYSICAL), or allocates large pages (MEM_LARGE_PAGES); `protection` is a protection code. */
export function allocateLockedRange(
  mm: MemoryManager,
  space: AddressSpace,
  request: RegionRequest,
  allocationType: number,
  protection: number,
  limits: PlacementLimits,
): number {
  const isLarge = (allocationType & MEM_LARGE_PAGES) !== 0;
  if (!isLarge && protection !== MM_READWRITE) return STATUS_INVALID_PARAMETER_6;
  const topDown = (allocationType & MEM_TOP_DOWN) !== 0;
  const placed = isLarge
    ? placeLargeRegion(space, request, topDown, limits)
    : placeRegion(space, request, topDown, limits);
  if (placed !== STATUS_SUCCESS) return placed;
  const start = request.baseAddress;
  const end = start + request.regionSize;
  const status = isLarge
    ? allocateLargePages(mm, space, start, end, protection)
    : reserveWindow(mm, space, start, end);
  if (status === STATUS_SUCCESS && mm.events.active) {
    mm.events.emit('vad-insert', space, start, -1, request.regionSize / 4096);
    if (isLarge) mm.events.emit('commit', space, start, -1, request.regionSize / 4096);
  }
  return status;
}

/** Deletes a range with what its pages need. */
export function deleteLockedRange(mm: MemoryManager, space: AddressSpace, vad: Vad): void {
  if (vad.type === VAD_LARGE_PAGES) releaseLargePages(mm, space, vad);
  else releaseWindow(mm, space, vad);
}

/**
 * Frees a range: it can only be released, as a whole. STATUS_MEMORY_NOT_ALLOCATED for MEM_DECOMMIT, STATUS_FREE_VM_NOT_AT_BASE
 * for a part. (The statuses are not checked against Windows.)
 */
export function freeLockedRange(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  start: number,
  end: number,
  freeType: number,
): number {
  if (freeType !== MEM_RELEASE) return STATUS_MEMORY_NOT_ALLOCATED;
  if (start !== vad.startPage * 4096 || end !== (vad.endPage + 1) * 4096) return STATUS_FREE_VM_NOT_AT_BASE;
  const { commitCharge } = vad;
  deleteLockedRange(mm, space, vad);
  if (mm.events.active) {
    if (commitCharge > 0) mm.events.emit('commit', space, start, -1, -commitCharge);
    mm.events.emit('vad-remove', space, start, -1, (end - start) / 4096);
  }
  return STATUS_SUCCESS;
}

/**
 * Protects a part of a range. Windows are always read/write: STATUS_INVALID_PAGE_PROTECTION. STATUS_SECTION_PROTECTION beyond the
 * rights of a view.
 */
export function protectLockedRange(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  start: number,
  end: number,
  protection: number,
): number {
  if (vad.type !== VAD_LARGE_PAGES) return STATUS_INVALID_PAGE_PROTECTION;
  if (vad.kind !== VAD_PRIVATE && !isWithinView(vad, protection)) return STATUS_SECTION_PROTECTION;
  return protectLargePages(mm, space, start, end, protection);
}
