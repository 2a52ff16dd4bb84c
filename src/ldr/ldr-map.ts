/** Maps DLLs as image sections and relocates those that are not at their base (LdrpMapDll, LdrRelocateImage). */
import { PAGE_EXECUTE, PAGE_EXECUTE_WRITECOPY, SEC_IMAGE } from '../base/memory-constants.js';
import { ntSuccess, STATUS_CONFLICTING_ADDRESSES, STATUS_INVALID_IMAGE_FORMAT } from '../base/ntstatus.js';
import { closeHandle } from '../nt/object-manager.js';
import { createSection, mapViewOfSection, unmapViewOfSection } from '../nt/section-services.js';
import type { ServiceCall } from '../nt/service.js';
import type { PeHeaders } from '../pe/pe-headers.js';
import { isRelocatable, readRelocations } from '../pe/pe-relocations.js';
import { GuestImageReader, readGuestHeaders } from './guest-image.js';
import { writeImage } from './image-writer.js';
import { LoaderFailure } from './loader-state.js';

const SECTION_ALL_ACCESS = 0xf001f;
/** Byte offset of OptionalHeader.ImageBase from the PE header. */
const IMAGE_BASE_FIELD = 24 + 24;
const NT_HEADER_OFFSET = 0x3c;

export interface MappedImage {
  readonly base: number;
  readonly headers: PeHeaders;
  readonly relocated: boolean;
}

/** Maps the image of an open file and closes the file. Throws LoaderFailure, PeError or GuestFault; nothing stays mapped then. */
export function mapDll(call: ServiceCall, path: string, fileHandle: number): MappedImage {
  const base = mapImage(call, path, fileHandle);
  try {
    const headers = readGuestHeaders(call.memory, base);
    if (!headers.isPe32Plus || headers.isClr)
      throw new LoaderFailure(
        STATUS_INVALID_IMAGE_FORMAT,
        `${path} is not a 64-bit Windows DLL, so a 64-bit program cannot load it`,
      );
    return { base, headers, relocated: relocateImage(call, path, base, headers) };
  } catch (error) {
    unmapViewOfSection(call.kernel, call.process, base);
    throw error;
  }
}

function mapImage(call: ServiceCall, path: string, fileHandle: number): number {
  const { kernel, process } = call;
  const out = { handle: 0 };
  const section = { maximumSize: 0, protection: PAGE_EXECUTE, attributes: SEC_IMAGE, fileHandle };
  let status = createSection(
    kernel,
    process,
    { path: null, access: SECTION_ALL_ACCESS, openIf: false },
    section,
    out,
  );
  closeHandle(kernel, process, fileHandle);
  const request = {
    baseAddress: 0,
    viewSize: 0,
    sectionOffset: 0,
    allocationType: 0,
    protect: PAGE_EXECUTE_WRITECOPY,
  };
  if (ntSuccess(status)) {
    status = mapViewOfSection(kernel, process, out.handle, request);
    closeHandle(kernel, process, out.handle);
  }
  if (!ntSuccess(status))
    throw new LoaderFailure(status, `${path} cannot be mapped as an image (status 0x${status.toString(16)})`);
  return request.baseAddress;
}

/**
 * Fixes up an image that does not lie where its header says; the header is corrected too. True when it did so. Throws
 * LoaderFailure(STATUS_CONFLICTING_ADDRESSES) for an image without relocations.
 */
export function relocateImage(call: ServiceCall, path: string, base: number, headers: PeHeaders): boolean {
  if (headers.imageBase === base) return false;
  if (!isRelocatable(headers))
    throw new LoaderFailure(
      STATUS_CONFLICTING_ADDRESSES,
      `${path} cannot be relocated, and its address 0x${headers.imageBase.toString(16)} is taken`,
    );
  const { memory } = call;
  const { highLow, dir64 } = readRelocations(
    new GuestImageReader(memory, base, headers.sizeOfImage),
    headers,
  );
  const field = memory.readU32(base + NT_HEADER_OFFSET) + IMAGE_BASE_FIELD;
  const oldLo = memory.readU32(base + field);
  const oldHi = memory.readU32(base + field + 4);
  const distanceLo = ((base % 2 ** 32) - oldLo) >>> 0;
  const borrow = base % 2 ** 32 < oldLo ? 1 : 0;
  const distanceHi = (Math.floor(base / 2 ** 32) - oldHi - borrow) >>> 0;
  writeImage(call, base, headers, [field, ...highLow, ...dir64], () => {
    for (const rva of highLow) memory.writeU32(base + rva, (memory.readU32(base + rva) + distanceLo) >>> 0);
    for (const rva of dir64) addTo(call, base + rva, distanceLo, distanceHi);
    memory.writePointer(base + field, base);
  });
  return true;
}

function addTo({ memory }: ServiceCall, address: number, lo: number, hi: number): void {
  const sum = memory.readU32(address) + lo;
  const carry = sum >= 2 ** 32 ? 1 : 0;
  memory.writeU64(address, sum >>> 0, (memory.readU32(address + 4) + hi + carry) >>> 0);
}
