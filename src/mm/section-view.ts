/**
 * Views of sections: NtMapViewOfSection, NtUnmapViewOfSection, NtFlushVirtualMemory. Addresses are 48-bit numbers, sizes bytes.
 * Source: Microsoft, "ZwMapViewOfSection function (wdm.h)", "MapViewOfFile function", "FlushViewOfFile function"; Unit OS5:
 * Memory Management 5.2, "Viewing Memory-Mapped Files".
 */
import {
  ALLOCATION_GRANULARITY,
  MEM_LARGE_PAGES,
  MEM_PRESERVE_PLACEHOLDER,
  MEM_REPLACE_PLACEHOLDER,
  MEM_RESERVE,
  MEM_TOP_DOWN,
  MEM_UNMAP_WITH_TRANSIENT_BOOST,
  SEC_NO_CHANGE,
  SEC_RESERVE,
} from '../base/memory-constants.js';
import {
  STATUS_COMMITMENT_LIMIT,
  STATUS_CONFLICTING_ADDRESSES,
  STATUS_IMAGE_NOT_AT_BASE,
  STATUS_INSUFFICIENT_RESOURCES,
  STATUS_INVALID_PAGE_PROTECTION,
  STATUS_INVALID_PARAMETER,
  STATUS_INVALID_PARAMETER_2,
  STATUS_INVALID_PARAMETER_3,
  STATUS_INVALID_PARAMETER_4,
  STATUS_INVALID_PARAMETER_8,
  STATUS_INVALID_PARAMETER_9,
  STATUS_INVALID_VIEW_SIZE,
  STATUS_MAPPED_ALIGNMENT,
  STATUS_NOT_MAPPED_DATA,
  STATUS_NOT_MAPPED_VIEW,
  STATUS_SECTION_PROTECTION,
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
import { COMMIT_COPY_ON_WRITE } from './commit.js';
import { mayCommit } from './commit-quota.js';
import { LARGE_PAGE_SIZE } from './large-page.js';
import { checkLargeView, mapLargeView, unmapLargeView } from './large-section.js';
import { flushControlArea, writeUnmappedPages } from './mapped-file-writer.js';
import type { MemoryManager } from './memory-manager.js';
import { insertPlaceholder, placeholderAt, removePlaceholder } from './placeholder.js';
import { protectionCode } from './protection.js';
import {
  MM_EXECUTE,
  MM_EXECUTE_READ,
  MM_EXECUTE_READWRITE,
  MM_EXECUTE_WRITECOPY,
  MM_READONLY,
  MM_READWRITE,
  MM_WRITECOPY,
} from './pte.js';
import { deletePteRange, tryDeletePteRange } from './pte-deletion.js';
import { isNeverExecuted, type Section } from './section.js';
import { releaseControlArea } from './unused-segments.js';
import { VAD_IMAGE, VAD_LARGE_PAGES, VAD_MAPPED, VAD_PRIVATE, Vad } from './vad-tree.js';
import { viewCharge } from './view-memory.js';
import { highestForZeroBits, placeRegion, type RegionRequest } from './virtual-memory.js';

const PAGE_SIZE = 4096;
/** Bytes of MMVAD, and the tag under which it is charged. */
const VAD_SIZE = 0x78;
const VAD_TAG = 'Vad ';
const ORDINARY_FLAGS = MEM_TOP_DOWN | MEM_LARGE_PAGES | MEM_RESERVE | SEC_NO_CHANGE;
const UNMAP_FLAGS = MEM_PRESERVE_PLACEHOLDER | MEM_UNMAP_WITH_TRANSIENT_BOOST;
/** Inheritance of a view by child processes. */
export const VIEW_SHARE = 1;
export const VIEW_UNMAP = 2;

/** Access codes that a view may have, as bits, by the access code of the section. Source: "CreateFileMappingA function". */
const COMPATIBLE_ACCESS = [0, 0, 0, 0, 0, 0, 0, 0];
const READ_ONLY_VIEWS = (1 << 0) | (1 << MM_READONLY) | (1 << MM_WRITECOPY);
const EXECUTE_VIEWS = (1 << MM_EXECUTE) | (1 << MM_EXECUTE_READ) | (1 << MM_EXECUTE_WRITECOPY);
COMPATIBLE_ACCESS[MM_READONLY] = READ_ONLY_VIEWS;
COMPATIBLE_ACCESS[MM_EXECUTE] = (1 << 0) | (1 << MM_EXECUTE);
COMPATIBLE_ACCESS[MM_EXECUTE_READ] = READ_ONLY_VIEWS | EXECUTE_VIEWS;
COMPATIBLE_ACCESS[MM_READWRITE] = READ_ONLY_VIEWS | (1 << MM_READWRITE);
COMPATIBLE_ACCESS[MM_WRITECOPY] = READ_ONLY_VIEWS;
COMPATIBLE_ACCESS[MM_EXECUTE_READWRITE] =
  READ_ONLY_VIEWS | EXECUTE_VIEWS | (1 << MM_READWRITE) | (1 << MM_EXECUTE_READWRITE);
COMPATIBLE_ACCESS[MM_EXECUTE_WRITECOPY] = READ_ONLY_VIEWS | EXECUTE_VIEWS;

/** Updated in place: base, offset and size say what was mapped. */
export interface ViewRequest {
  /** 0: the system chooses. */
  baseAddress: number;
  /** 0: to the end of the section. */
  viewSize: number;
  /** From the start of the section; a multiple of 64 KB. */
  sectionOffset: number;
  zeroBits?: number;
  /**
   * MEM_TOP_DOWN, MEM_LARGE_PAGES (of a section in large pages), MEM_RESERVE (of a data file: the view may be longer than the
   * section, and shows what NtExtendSection adds), SEC_NO_CHANGE (its protection stays); with `requirements` also MEM_REPLACE_PLACEHOLDER.
   */
  allocationType: number;
  /** Of NtMapViewOfSectionEx. */
  requirements?: AddressRequirements;
  /** PAGE_* flags; an image has the protections of its headers whatever is asked. */
  protect: number;
  /** VIEW_SHARE, or VIEW_UNMAP when left out. */
  inheritDisposition?: number;
}

/** True when a view with one protection code may be made of a section with another. */
export function isProtectionCompatible(section: number, view: number): boolean {
  return (COMPATIBLE_ACCESS[section & 7]! & (1 << (view & 7))) !== 0;
}

/**
 * Maps a view. Statuses, in the order in which they are found: STATUS_INVALID_PARAMETER_8 (inheritance), _9 (allocation type),
 * STATUS_INVALID_PAGE_PROTECTION, STATUS_INVALID_PARAMETER_4 (zero bits), _3 (base), STATUS_MAPPED_ALIGNMENT,
 * STATUS_SECTION_PROTECTION, STATUS_INVALID_VIEW_SIZE, STATUS_CONFLICTING_ADDRESSES, STATUS_NO_MEMORY,
 * STATUS_COMMITMENT_LIMIT. Success is STATUS_SUCCESS, or STATUS_IMAGE_NOT_AT_BASE for an image that must be relocated.
 */
export function mapViewOfSection(
  mm: MemoryManager,
  space: AddressSpace,
  section: Section,
  request: ViewRequest,
): number {
  const inherit = request.inheritDisposition ?? VIEW_UNMAP;
  if (inherit !== VIEW_SHARE && inherit !== VIEW_UNMAP) return STATUS_INVALID_PARAMETER_8;
  const replaces =
    request.requirements !== undefined && (request.allocationType & MEM_REPLACE_PLACEHOLDER) !== 0;
  const known = replaces ? MEM_REPLACE_PLACEHOLDER : ORDINARY_FLAGS;
  if ((request.allocationType & ~known) !== 0) return STATUS_INVALID_PARAMETER_9;
  const isExtendable = (request.allocationType & MEM_RESERVE) !== 0;
  if (isExtendable && !isOfDataFile(section)) return STATUS_INVALID_PARAMETER_9;
  const protection = protectionCode(request.protect);
  if (protection < 0) return STATUS_INVALID_PAGE_PROTECTION;
  const limits = limitsOfView(space, request);
  if (typeof limits === 'number') return limits;
  const { baseAddress, viewSize, sectionOffset } = request;
  if (baseAddress > space.highestAddress) return STATUS_INVALID_PARAMETER_3;
  if (viewSize < 0 || viewSize > space.highestAddress + 1 - baseAddress) return STATUS_INVALID_PARAMETER_3;
  const unit = replaces ? PAGE_SIZE : ALLOCATION_GRANULARITY;
  if (baseAddress % unit !== 0 || sectionOffset % unit !== 0) return STATUS_MAPPED_ALIGNMENT;
  const isImage = section.controlArea.isImage;
  if (isImage && replaces) return STATUS_INVALID_PARAMETER;
  if (!isImage && !isProtectionCompatible(section.protection, protection)) return STATUS_SECTION_PROTECTION;
  if (sectionOffset < 0 || sectionOffset >= section.size) return STATUS_INVALID_VIEW_SIZE;
  if (!isExtendable && viewSize > section.size - sectionOffset) return STATUS_INVALID_VIEW_SIZE;
  return isImage
    ? mapImage(mm, space, section, request, limits)
    : mapData(mm, space, section, request, protection, limits);
}

function isOfDataFile({ controlArea }: Section): boolean {
  return controlArea.file !== null && !controlArea.isImage;
}

/** Where a view may go, or the NTSTATUS that refuses the zero bits or requirements. */
function limitsOfView(space: AddressSpace, request: ViewRequest): PlacementLimits | number {
  const { requirements } = request;
  if (requirements !== undefined) {
    const status = checkRequirements(space, requirements, request.baseAddress);
    return status === STATUS_SUCCESS ? limitsOf(space, requirements) : status;
  }
  const highest = highestForZeroBits(space, request.zeroBits ?? 0);
  return highest < 0 ? STATUS_INVALID_PARAMETER_4 : limitsBelow(space, highest);
}

/** The region that a view takes, and the placeholder that it replaces. */
interface ViewRegion extends RegionRequest {
  replaced: Vad | null;
}

function viewBytes(section: Section, request: ViewRequest): number {
  const bytes = request.viewSize === 0 ? section.size - request.sectionOffset : request.viewSize;
  return Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE;
}

function mapData(
  mm: MemoryManager,
  space: AddressSpace,
  section: Section,
  request: ViewRequest,
  protection: number,
  limits: PlacementLimits,
): number {
  const { baseAddress, allocationType } = request;
  const region: ViewRegion = { baseAddress, regionSize: viewBytes(section, request), replaced: null };
  if ((allocationType & MEM_REPLACE_PLACEHOLDER) !== 0) {
    region.replaced = placeholderAt(space, baseAddress, baseAddress + region.regionSize);
    if (region.replaced === null) return STATUS_CONFLICTING_ADDRESSES;
  } else {
    const isLarge = (allocationType & MEM_LARGE_PAGES) !== 0;
    if (isLarge) {
      const { controlArea } = section;
      const { sectionOffset } = request;
      const status = checkLargeView(controlArea, baseAddress, sectionOffset, region.regionSize, protection);
      if (status !== STATUS_SUCCESS) return status;
    }
    const alignment = isLarge ? Math.max(limits.alignment, LARGE_PAGE_SIZE) : limits.alignment;
    const topDown = (allocationType & MEM_TOP_DOWN) !== 0;
    const placed = placeRegion(space, region, topDown, { ...limits, alignment });
    if (placed !== STATUS_SUCCESS) return placed;
  }
  const cacheBits = section.protection & ~7;
  return insertView(mm, space, section, request, region, VAD_MAPPED, protection | cacheBits);
}

/** An image goes to its section's base when that is free and nothing else was asked. */
function mapImage(
  mm: MemoryManager,
  space: AddressSpace,
  section: Section,
  request: ViewRequest,
  limits: PlacementLimits,
): number {
  const image = section.controlArea.segment.image!;
  const base = image.base + request.sectionOffset;
  const { baseAddress } = request;
  const region: ViewRegion = { baseAddress, regionSize: viewBytes(section, request), replaced: null };
  let placed = STATUS_CONFLICTING_ADDRESSES;
  if (baseAddress === 0 && base + region.regionSize - 1 <= limits.highest && base >= limits.lowest) {
    region.baseAddress = base;
    placed = placeRegion(space, region, false, limits);
    if (placed !== STATUS_SUCCESS) region.baseAddress = 0;
  }
  if (placed !== STATUS_SUCCESS) {
    placed = placeRegion(space, region, (request.allocationType & MEM_TOP_DOWN) !== 0, limits);
  }
  if (placed !== STATUS_SUCCESS) return placed;
  const protection = isNeverExecuted(section.allocationAttributes) ? MM_WRITECOPY : MM_EXECUTE_WRITECOPY;
  const status = insertView(mm, space, section, request, region, VAD_IMAGE, protection);
  return status === STATUS_SUCCESS && region.baseAddress !== base ? STATUS_IMAGE_NOT_AT_BASE : status;
}

function insertView(
  mm: MemoryManager,
  space: AddressSpace,
  section: Section,
  request: ViewRequest,
  region: ViewRegion,
  kind: number,
  protection: number,
): number {
  if (!mm.nonpagedPool.mayCharge(VAD_SIZE)) return STATUS_INSUFFICIENT_RESOURCES;
  const { controlArea } = section;
  const startPage = region.baseAddress / PAGE_SIZE;
  const vad = new Vad(startPage, startPage + region.regionSize / PAGE_SIZE - 1, kind, protection);
  vad.controlArea = controlArea;
  vad.sectionOffset = request.sectionOffset / PAGE_SIZE;
  vad.firstPrototype = controlArea.prototypeAddress(vad.sectionOffset);
  vad.sectionMayReserve = controlArea.file === null && (section.allocationAttributes & SEC_RESERVE) !== 0;
  vad.noChange = ((section.allocationAttributes | request.allocationType) & SEC_NO_CHANGE) !== 0;
  vad.isExtendable = (request.allocationType & MEM_RESERVE) !== 0;
  vad.inheritDisposition = request.inheritDisposition ?? VIEW_UNMAP;
  if (kind === VAD_MAPPED && (request.allocationType & MEM_LARGE_PAGES) !== 0) {
    vad.type = VAD_LARGE_PAGES;
    const status = mapLargeView(mm, space, vad);
    if (status !== STATUS_SUCCESS) return status;
  }
  const charge = viewCharge(mm, space, vad);
  if (!mayCommit(mm, space, charge)) return STATUS_COMMITMENT_LIMIT;
  mm.commit.force(COMMIT_COPY_ON_WRITE, charge);
  vad.commitCharge = charge;
  space.addCommit(charge);
  vad.replacesPlaceholder = region.replaced !== null;
  if (region.replaced !== null) removePlaceholder(mm, space, region.replaced);
  space.vads.insert(vad);
  controlArea.mappedViews++;
  mm.nonpagedPool.charge(VAD_SIZE, VAD_TAG);
  request.baseAddress = region.baseAddress;
  request.viewSize = region.regionSize;
  if (mm.events.active) {
    const name = controlArea.file === null ? '' : controlArea.file.name;
    mm.events.emit('vad-insert', space, region.baseAddress, -1, vad.pageCount);
    mm.events.emit('map', space, region.baseAddress, -1, vad.pageCount, name);
  }
  return STATUS_SUCCESS;
}

/**
 * Unmaps the view that holds an address. `flags`: MEM_PRESERVE_PLACEHOLDER leaves a placeholder again where the view replaced one,
 * MEM_UNMAP_WITH_TRANSIENT_BOOST is a hint about priorities without effect. STATUS_NOT_MAPPED_VIEW when there is none,
 * STATUS_INVALID_PARAMETER_3 for other flags, STATUS_CONFLICTING_ADDRESSES when no placeholder was replaced; STATUS_NO_MEMORY or
 * STATUS_IN_PAGE_ERROR, with nothing changed, when a page table cannot be brought back. Its private copies are freed; shared
 * pages that nobody maps any more go to the standby or modified list, dirty ones of a data file after they were written.
 */
export function unmapViewOfSection(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  flags = 0,
): number {
  if ((flags & ~UNMAP_FLAGS) !== 0) return STATUS_INVALID_PARAMETER_3;
  const vad = space.vads.find(Math.floor(address / PAGE_SIZE));
  if (vad === null || vad.kind === VAD_PRIVATE) return STATUS_NOT_MAPPED_VIEW;
  const preserves = (flags & MEM_PRESERVE_PLACEHOLDER) !== 0;
  if (preserves && !vad.replacesPlaceholder) return STATUS_CONFLICTING_ADDRESSES;
  const { startPage, endPage } = vad;
  const status = tryDeletePteRange(mm, space, startPage * PAGE_SIZE, (endPage + 1) * PAGE_SIZE);
  if (status !== STATUS_SUCCESS) return status;
  removeView(mm, space, vad);
  if (preserves) insertPlaceholder(mm, space, startPage, endPage);
  return STATUS_SUCCESS;
}

/** Removes a view whose entries are deleted. */
function removeView(mm: MemoryManager, space: AddressSpace, vad: Vad): void {
  const start = vad.startPage * PAGE_SIZE;
  if (vad.type === VAD_LARGE_PAGES) unmapLargeView(mm, space, vad);
  space.vads.remove(vad);
  mm.commit.release(COMMIT_COPY_ON_WRITE, vad.commitCharge);
  space.addCommit(-vad.commitCharge);
  if (mm.events.active) {
    mm.events.emit('unmap', space, start, -1, vad.pageCount);
    mm.events.emit('vad-remove', space, start, -1, vad.pageCount);
  }
  const controlArea = vad.controlArea!;
  controlArea.mappedViews--;
  mm.nonpagedPool.uncharge(VAD_SIZE, VAD_TAG);
  if (controlArea.file !== null && !controlArea.isImage) {
    const last = Math.min(vad.sectionOffset + vad.pageCount, controlArea.segment.pageCount) - 1;
    writeUnmappedPages(mm, controlArea, vad.sectionOffset, last);
  }
  releaseControlArea(mm, controlArea);
}

/** Unmaps every view of an address space, as the end of its process does. */
export function unmapAllViews(mm: MemoryManager, space: AddressSpace): void {
  let vad = space.vads.first();
  while (vad !== null) {
    const next = space.vads.next(vad);
    if (vad.controlArea !== null) {
      deletePteRange(mm, space, vad.startPage * PAGE_SIZE, (vad.endPage + 1) * PAGE_SIZE);
      removeView(mm, space, vad);
    }
    vad = next;
  }
}

/**
 * Writes the dirty pages of a region of a mapped file. Size 0 means to the end of the view; base and size are rounded to the
 * pages that were flushed. STATUS_INVALID_PARAMETER_2 or _3 (past user space), STATUS_NOT_MAPPED_VIEW (not one view),
 * STATUS_NOT_MAPPED_DATA (an image, or no file), or why the host refused a write. NtFlushVirtualMemory.
 */
export function flushVirtualMemory(
  mm: MemoryManager,
  space: AddressSpace,
  request: RegionRequest,
  out: { bytesWritten: number },
): number {
  const { baseAddress, regionSize } = request;
  if (!(baseAddress >= 0 && baseAddress <= space.highestAddress)) return STATUS_INVALID_PARAMETER_2;
  if (regionSize < 0 || regionSize > space.highestAddress + 1 - baseAddress)
    return STATUS_INVALID_PARAMETER_3;
  const first = Math.floor(baseAddress / PAGE_SIZE);
  const vad = space.vads.find(first);
  if (vad === null || vad.kind === VAD_PRIVATE) return STATUS_NOT_MAPPED_VIEW;
  const last = regionSize === 0 ? vad.endPage : Math.ceil((baseAddress + regionSize) / PAGE_SIZE) - 1;
  if (last > vad.endPage) return STATUS_NOT_MAPPED_VIEW;
  const controlArea = vad.controlArea!;
  if (controlArea.file === null || controlArea.isImage) return STATUS_NOT_MAPPED_DATA;
  const offset = vad.sectionOffset - vad.startPage;
  const lastOfSegment = Math.min(last + offset, controlArea.segment.pageCount - 1);
  const result = flushControlArea(mm, controlArea, first + offset, lastOfSegment);
  request.baseAddress = first * PAGE_SIZE;
  request.regionSize = (last - first + 1) * PAGE_SIZE;
  out.bytesWritten = result.bytesWritten;
  return result.status;
}
