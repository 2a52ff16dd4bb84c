import { STATUS_INVALID_IMAGE_FORMAT } from '../base/ntstatus.js';
import type { UserMemory } from '../mm/user-memory.js';
import { PeError } from '../pe/pe-error.js';
import { MAX_HEADER_BYTES, type PeHeaders, parsePeHeaders } from '../pe/pe-headers.js';
import { type RvaReader, refuseDirectory } from '../pe/rva-reader.js';

const NT_HEADER_OFFSET = 0x3c;
const SIZE_OF_HEADERS = 24 + 60;

/** Reads a mapped image by RVA, with user rights. Throws PeError outside of the image, GuestFault on pages it may not read. */
export class GuestImageReader implements RvaReader {
  constructor(
    private readonly memory: UserMemory,
    readonly base: number,
    /** Bytes. */
    readonly imageSize: number,
  ) {}

  private check(rva: number, length: number): number {
    if (!(rva >= 0 && rva + length <= this.imageSize))
      refuseDirectory(`RVA 0x${rva.toString(16)} lies outside of the image`);
    return this.base + rva;
  }

  readU8(rva: number): number {
    return this.memory.readU8(this.check(rva, 1));
  }

  readU16(rva: number): number {
    return this.memory.readU16(this.check(rva, 2));
  }

  readU32(rva: number): number {
    return this.memory.readU32(this.check(rva, 4));
  }
}

/** The headers of a mapped image, read from guest memory (RtlImageNtHeader). Throws PeError or GuestFault. */
export function readGuestHeaders(memory: UserMemory, base: number): PeHeaders {
  const ntHeader = memory.readU32(base + NT_HEADER_OFFSET);
  if (ntHeader > MAX_HEADER_BYTES)
    throw new PeError(STATUS_INVALID_IMAGE_FORMAT, 'the PE header lies outside of the headers');
  const size = memory.readU32(base + ntHeader + SIZE_OF_HEADERS);
  const bytes = memory.readBytes(
    base,
    Math.min(Math.max(size, ntHeader + SIZE_OF_HEADERS), MAX_HEADER_BYTES),
  );
  return parsePeHeaders(bytes, Number.MAX_SAFE_INTEGER);
}
