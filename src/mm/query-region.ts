/**
 * What a whole range of an address space is: NtQueryVirtualMemory with MemoryRegionInformation, MemoryImageInformation,
 * MemorySharedCommitInformation and MemoryMappedFilenameInformation. Source: Microsoft, "WIN32_MEMORY_REGION_INFORMATION
 * structure", "QueryVirtualMemoryInformation function"; published layouts of MEMORY_REGION_INFORMATION and
 * MEMORY_IMAGE_INFORMATION.
 */
import {
  STATUS_CONFLICTING_ADDRESSES,
  STATUS_FILE_INVALID,
  STATUS_INVALID_ADDRESS,
  STATUS_INVALID_PARAMETER,
  STATUS_NOT_SAME_DEVICE,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';
import type { BackingFile } from './backing-file.js';
import { allowsExecute, pageProtection } from './protection.js';
import { VAD_AWE, VAD_IMAGE, VAD_LARGE_PAGES, VAD_PRIVATE, type Vad } from './vad-tree.js';

const PAGE_SIZE = 4096;

/** MEMORY_REGION_INFORMATION.RegionType. */
export const REGION_PRIVATE = 0x1;
export const REGION_MAPPED_DATA_FILE = 0x2;
export const REGION_MAPPED_IMAGE = 0x4;
export const REGION_MAPPED_PAGE_FILE = 0x8;
export const REGION_PLACEHOLDER_RESERVATION = 0x100;
export const REGION_MAPPED_AWE = 0x200;
export const REGION_MAPPED_WRITE_WATCH = 0x400;
export const REGION_PAGE_SIZE_LARGE = 0x800;

/** MEMORY_REGION_INFORMATION: an address, PAGE_* flags, REGION_* flags, bytes. */
export interface MemoryRegionInformation {
  allocationBase: number;
  allocationProtect: number;
  regionType: number;
  regionSize: number;
  commitSize: number;
}

/** MEMORY_IMAGE_INFORMATION: an address, bytes, and whether the view leaves out a part of the image. */
export interface MemoryImageInformation {
  imageBase: number;
  sizeOfImage: number;
  isPartial: boolean;
  /** Of a SEC_IMAGE_NO_EXECUTE section. */
  isNotExecutable: boolean;
}

/** The range that holds an address; a number is the NTSTATUS: past user space, or free. */
function rangeAt(space: AddressSpace, address: number): Vad | number {
  if (!(address >= 0 && address <= space.highestAddress)) return STATUS_INVALID_PARAMETER;
  return space.vads.find(Math.floor(address / PAGE_SIZE)) ?? STATUS_INVALID_ADDRESS;
}

function regionTypeOf(vad: Vad): number {
  if (vad.kind === VAD_PRIVATE) return REGION_PRIVATE | privateTypeOf(vad);
  if (vad.kind === VAD_IMAGE) return REGION_MAPPED_IMAGE;
  return vad.controlArea!.file === null ? REGION_MAPPED_PAGE_FILE : REGION_MAPPED_DATA_FILE;
}

function privateTypeOf(vad: Vad): number {
  if (vad.isPlaceholder) return REGION_PLACEHOLDER_RESERVATION;
  if (vad.type === VAD_AWE) return REGION_MAPPED_AWE;
  if (vad.type === VAD_LARGE_PAGES) return REGION_PAGE_SIZE_LARGE;
  return vad.writeWatch !== 0 ? REGION_MAPPED_WRITE_WATCH : 0;
}

/** Describes the allocation that holds an address. STATUS_INVALID_ADDRESS in a free region, STATUS_INVALID_PARAMETER past user space. */
export function queryRegion(space: AddressSpace, address: number, out: MemoryRegionInformation): number {
  const vad = rangeAt(space, address);
  if (typeof vad === 'number') return vad;
  out.allocationBase = vad.startPage * PAGE_SIZE;
  out.allocationProtect = pageProtection(vad.protection);
  out.regionType = regionTypeOf(vad);
  out.regionSize = vad.pageCount * PAGE_SIZE;
  out.commitSize = vad.commitCharge * PAGE_SIZE;
  return STATUS_SUCCESS;
}

/** Describes the view of an image that holds an address: where its first byte would be. STATUS_INVALID_ADDRESS elsewhere. */
export function queryImage(space: AddressSpace, address: number, out: MemoryImageInformation): number {
  const vad = rangeAt(space, address);
  if (typeof vad === 'number') return vad;
  if (vad.kind !== VAD_IMAGE) return STATUS_INVALID_ADDRESS;
  const { pageCount } = vad.controlArea!.segment;
  out.imageBase = (vad.startPage - vad.sectionOffset) * PAGE_SIZE;
  out.sizeOfImage = pageCount * PAGE_SIZE;
  out.isPartial = vad.pageCount < pageCount;
  out.isNotExecutable = !allowsExecute(vad.protection);
  return STATUS_SUCCESS;
}

/** The file that a view shows. STATUS_INVALID_ADDRESS outside views, STATUS_FILE_INVALID when the paging file backs it. */
export function mappedFileAt(space: AddressSpace, address: number): BackingFile | number {
  const vad = rangeAt(space, address);
  if (typeof vad === 'number') return vad;
  if (vad.controlArea === null) return STATUS_INVALID_ADDRESS;
  return vad.controlArea.file ?? STATUS_FILE_INVALID;
}

/** Bytes of sections backed by the paging file that an address space has mapped: each counts once, however many views it has. */
export function sharedCommitOf(space: AddressSpace): number {
  const seen = new Set<object>();
  let pages = 0;
  for (let vad = space.vads.first(); vad !== null; vad = space.vads.next(vad)) {
    const { controlArea } = vad;
    if (controlArea === null || seen.has(controlArea)) continue;
    seen.add(controlArea);
    pages += controlArea.segment.committedPages;
  }
  return pages * PAGE_SIZE;
}

/**
 * NtAreMappedFilesTheSame: STATUS_SUCCESS when two addresses lie in views of one file. STATUS_NOT_SAME_DEVICE when not,
 * STATUS_INVALID_ADDRESS for a free address, STATUS_CONFLICTING_ADDRESSES for private memory. (Not checked against Windows.)
 */
export function areMappedFilesTheSame(space: AddressSpace, first: number, second: number): number {
  const [one, other] = [rangeAt(space, first), rangeAt(space, second)];
  if (typeof one === 'number' || typeof other === 'number') return STATUS_INVALID_ADDRESS;
  const [area, otherArea] = [one.controlArea, other.controlArea];
  if (area === null || otherArea === null) return STATUS_CONFLICTING_ADDRESSES;
  const isSame = area === otherArea || (area.file !== null && area.file === otherArea.file);
  return isSame ? STATUS_SUCCESS : STATUS_NOT_SAME_DEVICE;
}
