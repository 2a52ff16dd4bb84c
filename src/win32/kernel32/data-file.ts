/**
 * DLLs and programs that are loaded for their resources alone: the file mapped as data, with a handle that is one more than
 * its address, or as an image, with one that is two more. Source: Microsoft, "LoadLibraryExW function".
 */
import { PAGE_READONLY, SEC_COMMIT, SEC_IMAGE } from '../../base/memory-constants.js';
import { ntSuccess, STATUS_INVALID_IMAGE_FORMAT } from '../../base/ntstatus.js';
import { GuestImageReader, readGuestHeaders } from '../../ldr/guest-image.js';
import { moduleFileName, openDll } from '../../ldr/ldr-search.js';
import { guardLoader } from '../../ldr/load-dll.js';
import { LoaderFailure, moduleAt } from '../../ldr/loader-state.js';
import { closeHandle } from '../../nt/object-manager.js';
import { createSection, mapViewOfSection, unmapViewOfSection } from '../../nt/section-services.js';
import type { ServiceCall } from '../../nt/service.js';
import { hasPageAlignedSections, type PeHeaders } from '../../pe/pe-headers.js';
import { type RvaReader, refuseDirectory } from '../../pe/rva-reader.js';
import { failStatus } from './results.js';

const SECTION_ACCESS = 0x5;
const AS_FILE = 1;
const AS_IMAGE = 2;
const KIND_BITS = 3;
const PAGE = 4096;

/** Files that are mapped this way, by handle: the bytes of each view. */
function dataFilesOf(call: ServiceCall): Record<number, number> {
  return (call.process.library['data files'] ?? {}) as Record<number, number>;
}

export const isDataHandle = (handle: number) => (handle & KIND_BITS) !== 0;

/** An image in guest memory, mapped as one or as a plain file. */
export interface ImageView {
  readonly headers: PeHeaders;
  readonly reader: RvaReader;
  /** Guest address of the byte at an RVA. */
  addressOf(rva: number): number;
}

/** Reads a file that is mapped as data by RVA. */
class FileViewReader implements RvaReader {
  readonly imageSize: number;

  constructor(
    private readonly call: ServiceCall,
    private readonly base: number,
    private readonly bytes: number,
    private readonly headers: PeHeaders,
  ) {
    this.imageSize = headers.sizeOfImage;
  }

  addressOf(rva: number): number {
    const { sections, sizeOfHeaders } = this.headers;
    if (!hasPageAlignedSections(this.headers) || rva < sizeOfHeaders) return this.#check(rva);
    const section = sections.find(
      ({ virtualAddress, rawSize }) =>
        rva >= virtualAddress && rva < virtualAddress + Math.ceil(rawSize / PAGE) * PAGE,
    );
    if (section === undefined) refuseDirectory(`the file has nothing at RVA 0x${rva.toString(16)}`);
    return this.#check(section.rawOffset + rva - section.virtualAddress);
  }

  #check(offset: number): number {
    if (offset >= this.bytes) refuseDirectory(`offset 0x${offset.toString(16)} lies outside of the file`);
    return this.base + offset;
  }

  readU8(rva: number): number {
    return this.call.memory.readU8(this.addressOf(rva));
  }

  readU16(rva: number): number {
    return this.readU8(rva) | (this.readU8(rva + 1) << 8);
  }

  readU32(rva: number): number {
    return (this.readU16(rva) | (this.readU16(rva + 2) << 16)) >>> 0;
  }
}

/** The image of a module handle, 0 for the program; null for a handle that is none. Throws PeError or GuestFault. */
export function imageOfHandle(call: ServiceCall, handle: number): ImageView | null {
  const base = handle - (handle % 4);
  const bytes = dataFilesOf(call)[handle];
  if (isDataHandle(handle) && bytes === undefined) return null;
  if (bytes !== undefined && handle % 4 === AS_FILE) {
    const headers = readGuestHeaders(call.memory, base);
    const reader = new FileViewReader(call, base, bytes, headers);
    return { headers, reader, addressOf: (rva) => reader.addressOf(rva) };
  }
  const module =
    bytes === undefined ? moduleAt(call.process, base === 0 ? call.process.imageBase : base) : null;
  if (module === undefined) return null;
  const headers = module?.headers ?? readGuestHeaders(call.memory, base);
  const at = module?.base ?? base;
  return {
    headers,
    reader: new GuestImageReader(call.memory, at, headers.sizeOfImage),
    addressOf: (rva) => at + rva,
  };
}

/** Maps a file as data or as an image; the handle, or 0 with the last error. */
export function loadAsData(call: ServiceCall, name: string, asImage: boolean): number {
  const handle = guardLoader(() => mapFile(call, name, asImage));
  return handle instanceof LoaderFailure ? failStatus(call, handle.status) : handle;
}

function mapFile(call: ServiceCall, name: string, asImage: boolean): number {
  const { kernel, process } = call;
  const { path, handle: fileHandle } = openDll(call, moduleFileName(name), '');
  const out = { handle: 0 };
  const attributes = asImage ? SEC_IMAGE : SEC_COMMIT;
  const creation = { path: null, access: SECTION_ACCESS, openIf: false };
  const section = { maximumSize: 0, protection: PAGE_READONLY, attributes, fileHandle };
  let status = createSection(kernel, process, creation, section, out);
  closeHandle(kernel, process, fileHandle);
  if (!ntSuccess(status)) throw new LoaderFailure(status, `${path} cannot be mapped`);
  const request = {
    baseAddress: 0,
    viewSize: 0,
    sectionOffset: 0,
    allocationType: 0,
    protect: PAGE_READONLY,
  };
  status = mapViewOfSection(kernel, process, out.handle, request);
  closeHandle(kernel, process, out.handle);
  if (!ntSuccess(status)) throw new LoaderFailure(status, `${path} cannot be mapped`);
  const { baseAddress, viewSize } = request;
  try {
    if (readGuestHeaders(call.memory, baseAddress).sizeOfHeaders > viewSize)
      throw new LoaderFailure(STATUS_INVALID_IMAGE_FORMAT, `${path} is cut off`);
  } catch (error) {
    unmapViewOfSection(kernel, process, baseAddress);
    throw error;
  }
  const handle = baseAddress + (asImage ? AS_IMAGE : AS_FILE);
  process.library['data files'] = { ...dataFilesOf(call), [handle]: viewSize };
  return handle;
}

/** Unmaps what loadAsData mapped; false for a handle that it did not give. */
export function freeDataFile(call: ServiceCall, handle: number): boolean {
  const files = dataFilesOf(call);
  if (files[handle] === undefined) return false;
  call.memory.commit();
  delete files[handle];
  unmapViewOfSection(call.kernel, call.process, handle - (handle % 4));
  return true;
}
