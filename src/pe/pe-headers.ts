/**
 * The headers of a PE image, checked as the kernel checks them before it makes an image section. Nothing past this
 * file has to doubt a header field: every offset lies in the file, every section in the image, in order and without
 * gaps or overlap. Source: Microsoft, "PE Format"; the checks are those a Windows image section needs to be built.
 */
import {
  STATUS_INVALID_IMAGE_FORMAT,
  STATUS_INVALID_IMAGE_NOT_MZ,
  STATUS_INVALID_IMAGE_PROTECT,
  STATUS_INVALID_IMAGE_WIN_16,
} from '../base/ntstatus.js';
import {
  IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR,
  IMAGE_DOS_SIGNATURE,
  IMAGE_FILE_DLL,
  IMAGE_FILE_EXECUTABLE_IMAGE,
  IMAGE_FILE_MACHINE_AMD64,
  IMAGE_FILE_MACHINE_I386,
  IMAGE_NT_OPTIONAL_HDR32_MAGIC,
  IMAGE_NT_OPTIONAL_HDR64_MAGIC,
  IMAGE_NT_SIGNATURE,
  IMAGE_OS2_SIGNATURE,
  IMAGE_VXD_SIGNATURE,
} from './pe-constants.js';
import { PeError } from './pe-error.js';

/** Bytes at the start of the file in which all headers must lie. */
export const MAX_HEADER_BYTES = 0x10000;
/** The most sections that Windows maps. */
export const MAX_IMAGE_SECTIONS = 96;
/** Bytes: the largest image that Windows maps. */
export const MAX_IMAGE_SIZE = 0x77000000;

const PAGE_SIZE = 0x1000;
const SECTOR_SIZE = 0x200;
const SECTION_HEADER_SIZE = 40;
const MAX_DIRECTORIES = 16;

export interface PeDirectory {
  /** Bytes from the image base; 0 when the directory is absent. */
  rva: number;
  /** Bytes. */
  size: number;
}

export interface PeSection {
  name: string;
  /** Bytes from the image base. */
  virtualAddress: number;
  /** Bytes; the raw size where the header has 0, as Windows takes it. */
  virtualSize: number;
  /** Bytes from the start of the file, a multiple of 512 in images with page-aligned sections. */
  rawOffset: number;
  /** Bytes of the file that belong to the section. */
  rawSize: number;
  characteristics: number;
}

export interface PeHeaders {
  machine: number;
  timeDateStamp: number;
  characteristics: number;
  isPe32Plus: boolean;
  isDll: boolean;
  /** A .NET image (it has a COM descriptor directory). */
  isClr: boolean;
  entryPointRva: number;
  /** The preferred base, a multiple of 64 KB: exact in a number although it may use all 64 bits. */
  imageBase: number;
  sectionAlignment: number;
  fileAlignment: number;
  operatingSystemVersion: { major: number; minor: number };
  subsystemVersion: { major: number; minor: number };
  /** Bytes, as the header says (not rounded). */
  sizeOfImage: number;
  sizeOfHeaders: number;
  checkSum: number;
  subsystem: number;
  dllCharacteristics: number;
  stackReserve: number;
  stackCommit: number;
  heapReserve: number;
  heapCommit: number;
  /** Always 16 entries; those that the header does not have are empty. */
  directories: PeDirectory[];
  sections: PeSection[];
}

/** Bounds-checked little-endian reads of the header bytes. */
class HeaderReader {
  private readonly view: DataView;

  constructor(bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  require(offset: number, length: number, what: string): void {
    if (offset + length > this.view.byteLength) refuse(`${what} lies past the end of the file`);
  }

  u16(offset: number): number {
    return this.view.getUint16(offset, true);
  }

  u32(offset: number): number {
    return this.view.getUint32(offset, true);
  }

  /** An unsigned 64-bit value; exact up to 2^53. */
  u64(offset: number): number {
    return this.u32(offset) + this.u32(offset + 4) * 0x1_0000_0000;
  }
}

function refuse(message: string): never {
  throw new PeError(STATUS_INVALID_IMAGE_FORMAT, message);
}

function isPowerOfTwo(value: number): boolean {
  return value !== 0 && (value & (value - 1)) === 0;
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

/** Bytes from the file's start to the PE signature. Files that are not PE get the status that Windows gives them. */
function findNtHeader(reader: HeaderReader, length: number): number {
  if (length < 2 || reader.u16(0) !== IMAGE_DOS_SIGNATURE) {
    throw new PeError(STATUS_INVALID_IMAGE_NOT_MZ, 'not an executable image (no MZ signature)');
  }
  if (length < 64) throw new PeError(STATUS_INVALID_IMAGE_PROTECT, 'an MS-DOS program, or a truncated image');
  const offset = reader.u32(0x3c);
  if (offset + 2 > length)
    throw new PeError(STATUS_INVALID_IMAGE_PROTECT, 'an MS-DOS program (no PE header)');
  const signature16 = reader.u16(offset);
  if (signature16 === IMAGE_OS2_SIGNATURE || signature16 === IMAGE_VXD_SIGNATURE) {
    throw new PeError(STATUS_INVALID_IMAGE_WIN_16, 'a 16-bit Windows program');
  }
  if (offset + 4 > length || reader.u32(offset) !== IMAGE_NT_SIGNATURE) {
    throw new PeError(STATUS_INVALID_IMAGE_PROTECT, 'an MS-DOS program (no PE signature)');
  }
  if (offset % 4 !== 0) refuse('the PE header is not aligned to 4 bytes');
  return offset;
}

function checkAlignments(sectionAlignment: number, fileAlignment: number): void {
  if (!isPowerOfTwo(sectionAlignment) || !isPowerOfTwo(fileAlignment)) {
    refuse('an alignment is not a power of two');
  }
  if (sectionAlignment < fileAlignment) refuse('SectionAlignment is below FileAlignment');
  if (fileAlignment % SECTOR_SIZE !== 0 && fileAlignment !== sectionAlignment) {
    refuse('FileAlignment is neither a multiple of 512 nor SectionAlignment');
  }
}

function checkMachine(machine: number, magic: number): void {
  const pe32 = magic === IMAGE_NT_OPTIONAL_HDR32_MAGIC;
  if (!pe32 && magic !== IMAGE_NT_OPTIONAL_HDR64_MAGIC) refuse('the optional header has an unknown magic');
  if (machine === IMAGE_FILE_MACHINE_I386 && pe32) return;
  if (machine === IMAGE_FILE_MACHINE_AMD64 && !pe32) return;
  refuse(`machine type 0x${machine.toString(16)} with ${pe32 ? 'PE32' : 'PE32+'} headers cannot run here`);
}

function parseDirectories(reader: HeaderReader, offset: number, count: number, end: number): PeDirectory[] {
  const directories: PeDirectory[] = [];
  for (let index = 0; index < MAX_DIRECTORIES; index++) {
    const at = offset + index * 8;
    const present = index < count && at + 8 <= end;
    directories.push(present ? { rva: reader.u32(at), size: reader.u32(at + 4) } : { rva: 0, size: 0 });
  }
  return directories;
}

function sectionName(bytes: Uint8Array, offset: number): string {
  let name = '';
  for (let index = 0; index < 8 && bytes[offset + index] !== 0; index++) {
    name += String.fromCharCode(bytes[offset + index]);
  }
  return name;
}

function parseSections(
  bytes: Uint8Array,
  reader: HeaderReader,
  offset: number,
  count: number,
  pageAligned: boolean,
): PeSection[] {
  const sections: PeSection[] = [];
  for (let index = 0; index < count; index++) {
    const at = offset + index * SECTION_HEADER_SIZE;
    const virtualSize = reader.u32(at + 8);
    const rawSize = reader.u32(at + 16);
    const rawOffset = reader.u32(at + 20);
    sections.push({
      name: sectionName(bytes, at),
      virtualAddress: reader.u32(at + 12),
      virtualSize: virtualSize === 0 ? rawSize : virtualSize,
      rawOffset: pageAligned ? rawOffset - (rawOffset % SECTOR_SIZE) : rawOffset,
      rawSize: rawOffset === 0 ? 0 : rawSize,
      characteristics: reader.u32(at + 36),
    });
  }
  return sections;
}

/** Sections must follow the headers and each other without a gap, and their file bytes must exist. */
function checkSections(headers: PeHeaders, fileSize: number): void {
  let next = roundUp(headers.sizeOfHeaders, headers.sectionAlignment);
  for (const section of headers.sections) {
    if (section.virtualSize === 0) refuse(`section '${section.name}' is empty`);
    if (section.virtualAddress !== next) {
      refuse(`section '${section.name}' does not start where the one before it ends`);
    }
    next += roundUp(section.virtualSize, headers.sectionAlignment);
    if (next > roundUp(headers.sizeOfImage, headers.sectionAlignment)) {
      refuse(`section '${section.name}' ends past SizeOfImage`);
    }
    if (section.rawSize !== 0 && section.rawOffset + section.rawSize > fileSize) {
      refuse(`section '${section.name}' has data past the end of the file`);
    }
  }
}

/** Images whose sections are not page-aligned are mapped as they lie in the file, so both layouts must be one. */
function checkFlatSections(headers: PeHeaders, fileSize: number): void {
  if (headers.sizeOfHeaders > fileSize) refuse('SizeOfHeaders is past the end of the file');
  for (const section of headers.sections) {
    if (section.rawSize !== 0 && section.rawOffset !== section.virtualAddress) {
      refuse(`section '${section.name}' of an image with small alignment is not at its own file offset`);
    }
    if (section.virtualAddress + Math.max(section.virtualSize, section.rawSize) > headers.sizeOfImage) {
      refuse(`section '${section.name}' ends past SizeOfImage`);
    }
    if (section.rawOffset + section.rawSize > fileSize) {
      refuse(`section '${section.name}' has data past the end of the file`);
    }
  }
}

function checkSizes(headers: PeHeaders, sectionTableEnd: number, fileSize: number): void {
  if (headers.sizeOfImage === 0 || headers.sizeOfImage > MAX_IMAGE_SIZE)
    refuse('SizeOfImage is out of range');
  if (headers.sizeOfHeaders === 0 || headers.sizeOfHeaders >= headers.sizeOfImage) {
    refuse('SizeOfHeaders is out of range');
  }
  if (sectionTableEnd > headers.sizeOfHeaders) refuse('the section table ends past SizeOfHeaders');
  if (headers.sizeOfHeaders > fileSize) refuse('SizeOfHeaders is past the end of the file');
  if (headers.imageBase % 0x10000 !== 0) refuse('ImageBase is not a multiple of 64 KB');
  if (headers.entryPointRva >= headers.sizeOfImage) refuse('the entry point lies outside of the image');
}

/**
 * True when sections start at page boundaries, so that each gets its own subsection; otherwise the whole file is
 * mapped as one.
 */
export function hasPageAlignedSections(headers: PeHeaders): boolean {
  return headers.sectionAlignment >= PAGE_SIZE;
}

/**
 * Checks and reads the headers. `bytes` is the file's beginning, at least min(fileSize, MAX_HEADER_BYTES) bytes of it;
 * `fileSize` is in bytes. Throws PeError: STATUS_INVALID_IMAGE_NOT_MZ, _PROTECT (an MS-DOS program), _WIN_16 or
 * _FORMAT. 32-bit and .NET images and DLLs are described, not refused: the caller decides what it can run.
 */
export function parsePeHeaders(bytes: Uint8Array, fileSize: number): PeHeaders {
  const reader = new HeaderReader(bytes);
  const nt = findNtHeader(reader, Math.min(bytes.length, fileSize));
  reader.require(nt, 26, 'the file header');
  const machine = reader.u16(nt + 4);
  const sectionCount = reader.u16(nt + 6);
  const optionalSize = reader.u16(nt + 20);
  const characteristics = reader.u16(nt + 22);
  const optional = nt + 24;
  if ((characteristics & IMAGE_FILE_EXECUTABLE_IMAGE) === 0) refuse('the image is not marked executable');
  const magic = reader.u16(optional);
  checkMachine(machine, magic);
  const wide = magic === IMAGE_NT_OPTIONAL_HDR64_MAGIC;
  const fixedSize = wide ? 112 : 96;
  if (optionalSize < fixedSize) refuse('the optional header is too short');
  reader.require(optional, optionalSize, 'the optional header');
  if (sectionCount > MAX_IMAGE_SECTIONS) refuse('too many sections');
  const sectionTable = optional + optionalSize;
  const sectionTableEnd = sectionTable + sectionCount * SECTION_HEADER_SIZE;
  reader.require(sectionTable, sectionCount * SECTION_HEADER_SIZE, 'the section table');

  const sectionAlignment = reader.u32(optional + 32);
  const fileAlignment = reader.u32(optional + 36);
  checkAlignments(sectionAlignment, fileAlignment);
  const word = wide ? 8 : 4;
  const sized = (index: number) => {
    const at = optional + 72 + index * word;
    return wide ? reader.u64(at) : reader.u32(at);
  };
  const directoryCount = reader.u32(optional + fixedSize - 4);
  const directories = parseDirectories(reader, optional + fixedSize, directoryCount, sectionTable);
  const headers: PeHeaders = {
    machine,
    timeDateStamp: reader.u32(nt + 8),
    characteristics,
    isPe32Plus: wide,
    isDll: (characteristics & IMAGE_FILE_DLL) !== 0,
    isClr: directories[IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR].size !== 0,
    entryPointRva: reader.u32(optional + 16),
    imageBase: wide ? reader.u64(optional + 24) : reader.u32(optional + 28),
    sectionAlignment,
    fileAlignment,
    operatingSystemVersion: { major: reader.u16(optional + 40), minor: reader.u16(optional + 42) },
    subsystemVersion: { major: reader.u16(optional + 48), minor: reader.u16(optional + 50) },
    sizeOfImage: reader.u32(optional + 56),
    sizeOfHeaders: reader.u32(optional + 60),
    checkSum: reader.u32(optional + 64),
    subsystem: reader.u16(optional + 68),
    dllCharacteristics: reader.u16(optional + 70),
    stackReserve: sized(0),
    stackCommit: sized(1),
    heapReserve: sized(2),
    heapCommit: sized(3),
    directories,
    sections: parseSections(bytes, reader, sectionTable, sectionCount, sectionAlignment >= PAGE_SIZE),
  };
  checkSizes(headers, sectionTableEnd, fileSize);
  if (hasPageAlignedSections(headers)) checkSections(headers, fileSize);
  else checkFlatSections(headers, fileSize);
  return headers;
}
