/**
 * NtQueryVirtualMemory for whole ranges: regions, images, mapped files, shared commitment. Source: Microsoft,
 * "WIN32_MEMORY_REGION_INFORMATION structure", "GetMappedFileNameW function"; published layouts of MEMORY_REGION_INFORMATION,
 * MEMORY_IMAGE_INFORMATION and MEMORY_SHARED_COMMIT_INFORMATION.
 */
import {
  ntSuccess,
  STATUS_BUFFER_OVERFLOW,
  STATUS_INFO_LENGTH_MISMATCH,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import type { AddressSpace } from '../../mm/address-space.js';
import { mappedFileAt, queryImage, queryRegion, sharedCommitOf } from '../../mm/query-region.js';
import { PROCESS_QUERY_INFORMATION } from '../../nt/access.js';
import type { ServiceCall } from '../../nt/service.js';
import { devicePath } from '../../nt/volume-name.js';
import { inProcess, writeSize } from './arguments.js';

/** Bytes of WIN32_MEMORY_REGION_INFORMATION, and of MEMORY_REGION_INFORMATION, which ends with partition and preferred node. */
const REGION_BYTES = 0x20;
const REGION_EX_BYTES = 0x30;
const IMAGE_BYTES = 0x18;
const SHARED_COMMIT_BYTES = 8;
const UNICODE_STRING_BYTES = 0x10;
/** MEMORY_IMAGE_INFORMATION.ImageFlags. */
const IMAGE_PARTIAL_MAP = 1;
const IMAGE_NOT_EXECUTABLE = 2;

/** The class's information about an address in the process of the call's first argument. */
function ask(call: ServiceCall, operation: (space: AddressSpace, address: number) => number): number {
  return inProcess(call, call.handle(0), PROCESS_QUERY_INFORMATION, ({ space }) =>
    operation(space, call.address(1)),
  );
}

function storeLength(call: ServiceCall, bytes: number): void {
  if (call.address(5) !== 0) writeSize(call, call.address(5), bytes);
}

/** Describes an allocation (MemoryRegionInformation; with `extended` MemoryRegionInformationEx) in `length` bytes at `at`. */
export function storeRegion(call: ServiceCall, at: number, length: number, extended: boolean): number {
  const { memory } = call;
  if (length < (extended ? REGION_EX_BYTES : REGION_BYTES)) return STATUS_INFO_LENGTH_MISMATCH;
  const bytes = length < REGION_EX_BYTES ? REGION_BYTES : REGION_EX_BYTES;
  memory.probeWrite(at, bytes);
  const region = { allocationBase: 0, allocationProtect: 0, regionType: 0, regionSize: 0, commitSize: 0 };
  const status = ask(call, (space, address) => queryRegion(space, address, region));
  if (!ntSuccess(status)) return status;
  memory.writePointer(at, region.allocationBase);
  memory.writeU32(at + 0x08, region.allocationProtect);
  memory.writeU32(at + 0x0c, region.regionType);
  writeSize(call, at + 0x10, region.regionSize);
  writeSize(call, at + 0x18, region.commitSize);
  if (bytes === REGION_EX_BYTES) memory.fill(at + REGION_BYTES, bytes - REGION_BYTES, 0);
  storeLength(call, bytes);
  return STATUS_SUCCESS;
}

/** Describes the image view that holds an address (MemoryImageInformation). */
export function storeImage(call: ServiceCall, at: number, length: number): number {
  const { memory } = call;
  if (length < IMAGE_BYTES) return STATUS_INFO_LENGTH_MISMATCH;
  memory.probeWrite(at, IMAGE_BYTES);
  const image = { imageBase: 0, sizeOfImage: 0, isPartial: false, isNotExecutable: false };
  const status = ask(call, (space, address) => queryImage(space, address, image));
  if (!ntSuccess(status)) return status;
  memory.writePointer(at, image.imageBase);
  writeSize(call, at + 0x08, image.sizeOfImage);
  const flags =
    (image.isPartial ? IMAGE_PARTIAL_MAP : 0) | (image.isNotExecutable ? IMAGE_NOT_EXECUTABLE : 0);
  memory.writeU64(at + 0x10, flags, 0);
  storeLength(call, IMAGE_BYTES);
  return STATUS_SUCCESS;
}

/** Stores the bytes of paging-file sections that a process has mapped (MemorySharedCommitInformation). */
export function storeSharedCommit(call: ServiceCall, at: number, length: number): number {
  if (length < SHARED_COMMIT_BYTES) return STATUS_INFO_LENGTH_MISMATCH;
  call.memory.probeWrite(at, SHARED_COMMIT_BYTES);
  const out = { bytes: 0 };
  const status = ask(call, (space) => {
    out.bytes = sharedCommitOf(space);
    return STATUS_SUCCESS;
  });
  if (!ntSuccess(status)) return status;
  writeSize(call, at, out.bytes);
  storeLength(call, SHARED_COMMIT_BYTES);
  return STATUS_SUCCESS;
}

/** The name, from its device on, of the file that a view of a process shows; a number is the NTSTATUS. */
export function mappedFileName(call: ServiceCall, handle: number, address: number): string | number {
  let name = '';
  const status = inProcess(call, handle, PROCESS_QUERY_INFORMATION, ({ space }) => {
    const file = mappedFileAt(space, address);
    if (typeof file === 'number') return file;
    name = devicePath(file.name);
    return STATUS_SUCCESS;
  });
  return ntSuccess(status) ? name : status;
}

/**
 * Stores a UNICODE_STRING with the file's name behind it (MemoryMappedFilenameInformation). STATUS_INFO_LENGTH_MISMATCH when not
 * even the structure fits, STATUS_BUFFER_OVERFLOW, with the length that is needed, when the name does not.
 */
export function storeMappedFileName(call: ServiceCall, at: number, length: number): number {
  const { memory } = call;
  if (length < UNICODE_STRING_BYTES) return STATUS_INFO_LENGTH_MISMATCH;
  const name = mappedFileName(call, call.handle(0), call.address(1));
  if (typeof name === 'number') return name;
  const bytes = UNICODE_STRING_BYTES + name.length * 2 + 2;
  memory.probeWrite(at, Math.min(length, bytes));
  storeLength(call, bytes);
  if (length < bytes) return STATUS_BUFFER_OVERFLOW;
  memory.writeU64(at, (name.length * 2) | ((name.length * 2 + 2) << 16), 0);
  memory.writePointer(at + 8, at + UNICODE_STRING_BYTES);
  memory.writeUtf16(at + UNICODE_STRING_BYTES, name);
  return STATUS_SUCCESS;
}
