/**
 * A PE image file: its headers and the way from an RVA to the file's bytes. Entry point of the parser for whole files;
 * the section code works from the headers alone, the loader from guest memory.
 */

import {
  IMAGE_DOS_SIGNATURE,
  IMAGE_FILE_MACHINE_I386,
  IMAGE_NT_OPTIONAL_HDR32_MAGIC,
  IMAGE_NT_SIGNATURE,
} from './pe-constants.js';
import type { PeError } from './pe-error.js';
import { readExportDirectory } from './pe-exports.js';
import { type PeHeaders, parsePeHeaders } from './pe-headers.js';
import { readDelayImports, readImports } from './pe-imports.js';
import { readLoadConfig } from './pe-load-config.js';
import { readRelocations } from './pe-relocations.js';
import { readTlsDirectory } from './pe-tls.js';
import { readVersionStrings } from './pe-version.js';
import { FileImageReader } from './rva-reader.js';

export interface PeImage {
  headers: PeHeaders;
  reader: FileImageReader;
}

/** Parses a whole file. Throws PeError. */
export function parsePeImage(bytes: Uint8Array): PeImage {
  const headers = parsePeHeaders(bytes, bytes.length);
  return { headers, reader: new FileImageReader(bytes, headers) };
}

/** All that tools show about an image. Throws PeError when any directory is broken. */
export function describePeImage(image: PeImage) {
  const { headers, reader } = image;
  return {
    headers,
    exports: readExportDirectory(reader, headers),
    imports: readImports(reader, headers),
    delayImports: readDelayImports(reader, headers),
    relocations: readRelocations(reader, headers),
    tls: readTlsDirectory(reader, headers, headers.imageBase),
    loadConfig: readLoadConfig(reader, headers, headers.imageBase),
    version: readVersionStrings(reader, headers),
  };
}

const A_32_BIT_PROGRAM = 'it is a 32-bit program; this machine runs 64-bit ones';

/** Whether the beginning of a file has the machine type or the magic of 32-bit images, whatever else is wrong with it. */
function is32Bit(head: Uint8Array): boolean {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.length < 64 || view.getUint16(0, true) !== IMAGE_DOS_SIGNATURE) return false;
  const nt = view.getUint32(0x3c, true);
  if (nt + 26 > head.length || view.getUint32(nt, true) !== IMAGE_NT_SIGNATURE) return false;
  return (
    view.getUint16(nt + 4, true) === IMAGE_FILE_MACHINE_I386 ||
    view.getUint16(nt + 24, true) === IMAGE_NT_OPTIONAL_HDR32_MAGIC
  );
}

/** Why the beginning of a file, which `error` found to be no image, is no program. The sentence is for people. */
export function whyNotReadable(head: Uint8Array, error: PeError): string {
  return is32Bit(head) ? A_32_BIT_PROGRAM : error.message;
}

/** Why this machine cannot run the image as a program, or null. The sentence is for people. */
export function whyNotRunnable(headers: PeHeaders): string | null {
  if (headers.isClr) return 'it is a .NET program, which needs a .NET runtime';
  if (!headers.isPe32Plus) return A_32_BIT_PROGRAM;
  if (headers.isDll) return 'it is a DLL, not a program';
  return null;
}
