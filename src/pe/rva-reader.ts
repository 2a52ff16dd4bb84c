/**
 * Reads of an image by RVA. The loader has one over guest memory, tools and the section code have one over the file's
 * bytes; the directory parsers work on both.
 */
import { STATUS_INVALID_IMAGE_FORMAT } from '../base/ntstatus.js';
import { PeError } from './pe-error.js';
import { hasPageAlignedSections, type PeHeaders, type PeSection } from './pe-headers.js';

export interface RvaReader {
  /** Bytes: RVAs are below this. */
  readonly imageSize: number;
  /** One byte; an RVA outside of the image throws PeError. */
  readU8(rva: number): number;
  readU16(rva: number): number;
  readU32(rva: number): number;
}

/** The longest name (bytes) that a directory may hold; longer ones are refused. */
const MAX_NAME_BYTES = 4096;

/** Refuses a directory: STATUS_INVALID_IMAGE_FORMAT. */
export function refuseDirectory(message: string): never {
  throw new PeError(STATUS_INVALID_IMAGE_FORMAT, message);
}

/** Throws PeError unless rva .. rva+length-1 (bytes) lies in the image. */
export function requireRange(reader: RvaReader, rva: number, length: number, what: string): void {
  if (rva + length > reader.imageSize) refuseDirectory(`${what} lies outside of the image`);
}

/** A zero-terminated name of single bytes, at most 4096. */
export function readName(reader: RvaReader, rva: number): string {
  let name = '';
  for (let index = 0; index <= MAX_NAME_BYTES; index++) {
    const byte = reader.readU8(rva + index);
    if (byte === 0) return name;
    name += String.fromCharCode(byte);
  }
  refuseDirectory('a name in the image has no end');
}

/** An unsigned 64-bit value as a number; exact up to 2^53, so addresses of the low 48 bits are. */
export function readU64(reader: RvaReader, rva: number): number {
  return reader.readU32(rva) + reader.readU32(rva + 4) * 0x1_0000_0000;
}

/** Where the loader would put each byte, read straight from the file; what no section fills reads as zero. */
export class FileImageReader implements RvaReader {
  readonly imageSize: number;
  private readonly bytes: Uint8Array;
  private readonly headers: PeHeaders;
  private lastSection: PeSection | undefined;

  /** `bytes` is the whole file. */
  constructor(bytes: Uint8Array, headers: PeHeaders) {
    this.bytes = bytes;
    this.headers = headers;
    this.imageSize = headers.sizeOfImage;
  }

  readU8(rva: number): number {
    if (!(rva >= 0 && rva < this.imageSize))
      refuseDirectory(`RVA 0x${rva.toString(16)} lies outside of the image`);
    const offset = this.fileOffset(rva);
    return offset >= 0 && offset < this.bytes.length ? this.bytes[offset] : 0;
  }

  readU16(rva: number): number {
    return this.readU8(rva) | (this.readU8(rva + 1) << 8);
  }

  readU32(rva: number): number {
    return (this.readU16(rva) | (this.readU16(rva + 2) << 16)) >>> 0;
  }

  /** Bytes from the file's start to the byte at `rva`, or -1 where the file has none. */
  fileOffset(rva: number): number {
    if (!hasPageAlignedSections(this.headers) || rva < this.headers.sizeOfHeaders) return rva;
    const section = this.sectionAt(rva);
    if (section === undefined) return -1;
    const within = rva - section.virtualAddress;
    const mapped = Math.min(section.rawSize, Math.ceil(section.virtualSize / 4096) * 4096);
    return within < mapped ? section.rawOffset + within : -1;
  }

  private sectionAt(rva: number): PeSection | undefined {
    const holds = (section: PeSection) =>
      rva >= section.virtualAddress &&
      rva < section.virtualAddress + Math.ceil(section.virtualSize / 4096) * 4096;
    if (this.lastSection === undefined || !holds(this.lastSection)) {
      this.lastSection = this.headers.sections.find(holds);
    }
    return this.lastSection;
  }
}
