/** The TLS directory. Source: Microsoft, "PE Format", "The .tls Section". */
import { IMAGE_DIRECTORY_ENTRY_TLS } from './pe-constants.js';
import type { PeHeaders } from './pe-headers.js';
import { type RvaReader, readU64, refuseDirectory, requireRange } from './rva-reader.js';

const MAX_CALLBACKS = 1024;
/** Bytes: a larger per-thread block is refused. */
const MAX_TLS_BYTES = 0x1000_0000;

/** All addresses as RVAs, whatever base the image has been relocated to. */
export interface TlsDirectory {
  /** RVA and bytes of the initialized part of a thread's block. */
  templateRva: number;
  templateSize: number;
  /** Bytes of zeros after it. */
  zeroFill: number;
  /** RVA of the 32-bit variable that receives the module's TLS index. */
  indexRva: number;
  /** RVAs of the callbacks, in order. */
  callbacks: number[];
}

function pointerAt(reader: RvaReader, headers: PeHeaders, rva: number): number {
  return headers.isPe32Plus ? readU64(reader, rva) : reader.readU32(rva);
}

function toRva(reader: RvaReader, address: number, base: number, what: string): number {
  const rva = address - base;
  if (!(rva >= 0 && rva < reader.imageSize)) refuseDirectory(`${what} lies outside of the image`);
  return rva;
}

/**
 * Reads the directory, or null when the image has none. `base` is the address that the pointers in it are relative
 * to: the preferred base in a file, the actual base in a relocated image. Throws PeError.
 */
export function readTlsDirectory(reader: RvaReader, headers: PeHeaders, base: number): TlsDirectory | null {
  const { rva, size } = headers.directories[IMAGE_DIRECTORY_ENTRY_TLS];
  if (rva === 0 || size === 0) return null;
  const width = headers.isPe32Plus ? 8 : 4;
  requireRange(reader, rva, 4 * width + 8, 'the TLS directory');
  const start = pointerAt(reader, headers, rva);
  const end = pointerAt(reader, headers, rva + width);
  const callbackTable = pointerAt(reader, headers, rva + 3 * width);
  const zeroFill = reader.readU32(rva + 4 * width);
  const templateSize = end - start;
  if (!(templateSize >= 0 && templateSize + zeroFill <= MAX_TLS_BYTES))
    refuseDirectory('the TLS block has a bad size');
  const templateRva = templateSize === 0 ? 0 : toRva(reader, start, base, 'the TLS template');
  requireRange(reader, templateRva, templateSize, 'the TLS template');
  const indexRva = toRva(reader, pointerAt(reader, headers, rva + 2 * width), base, 'the TLS index');
  requireRange(reader, indexRva, 4, 'the TLS index');
  return {
    templateRva,
    templateSize,
    zeroFill,
    indexRva,
    callbacks: readCallbacks(reader, headers, callbackTable, base),
  };
}

function readCallbacks(reader: RvaReader, headers: PeHeaders, table: number, base: number): number[] {
  const callbacks: number[] = [];
  if (table === 0) return callbacks;
  const width = headers.isPe32Plus ? 8 : 4;
  let at = toRva(reader, table, base, 'the TLS callback table');
  for (; ; at += width) {
    if (callbacks.length === MAX_CALLBACKS) refuseDirectory('the TLS callback table has no end');
    requireRange(reader, at, width, 'the TLS callback table');
    const address = pointerAt(reader, headers, at);
    if (address === 0) return callbacks;
    callbacks.push(toRva(reader, address, base, 'a TLS callback'));
  }
}
