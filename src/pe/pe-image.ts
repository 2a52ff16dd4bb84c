/**
 * A PE image file: its headers and the way from an RVA to the file's bytes. Entry point of the parser for whole files;
 * the section code works from the headers alone, the loader from guest memory.
 */

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

/** Why this machine cannot run the image as a program, or null. The sentence is for people. */
export function whyNotRunnable(headers: PeHeaders): string | null {
  if (headers.isClr) return 'it is a .NET program, which needs a .NET runtime';
  if (!headers.isPe32Plus) return 'it is a 32-bit program, which this 64-bit machine cannot run';
  if (headers.isDll) return 'it is a DLL, not a program';
  return null;
}
