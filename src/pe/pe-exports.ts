/** The export directory. Source: Microsoft, "PE Format", "The .edata Section". */
import { IMAGE_DIRECTORY_ENTRY_EXPORT } from './pe-constants.js';
import type { PeHeaders } from './pe-headers.js';
import { type RvaReader, readName, refuseDirectory, requireRange } from './rva-reader.js';

/** Importers name ordinals, and the ordinal table indexes functions, with 16 bits. */
const MAX_EXPORTS = 65536;

export interface ExportDirectory {
  /** The DLL's own name for itself. */
  name: string;
  ordinalBase: number;
  functionCount: number;
  nameCount: number;
  functionsRva: number;
  namesRva: number;
  ordinalsRva: number;
  /** Addresses in rva .. rva+size-1 are forwarder strings. */
  rva: number;
  size: number;
}

/** An export: code or data at `rva`, or `forwarder` ("DLL.Name" or "DLL.#ordinal") when it stands for another. */
export interface ExportTarget {
  ordinal: number;
  rva: number;
  forwarder: string | null;
}

/** Reads the directory, or null when the image exports nothing. Throws PeError when tables leave the image. */
export function readExportDirectory(reader: RvaReader, headers: PeHeaders): ExportDirectory | null {
  const { rva, size } = headers.directories[IMAGE_DIRECTORY_ENTRY_EXPORT];
  if (rva === 0 || size === 0) return null;
  requireRange(reader, rva, 40, 'the export directory');
  const directory: ExportDirectory = {
    name: readName(reader, reader.readU32(rva + 12)),
    ordinalBase: reader.readU32(rva + 16),
    functionCount: reader.readU32(rva + 20),
    nameCount: reader.readU32(rva + 24),
    functionsRva: reader.readU32(rva + 28),
    namesRva: reader.readU32(rva + 32),
    ordinalsRva: reader.readU32(rva + 36),
    rva,
    size,
  };
  if (directory.functionCount > MAX_EXPORTS || directory.nameCount > MAX_EXPORTS) {
    refuseDirectory('the export directory has too many entries');
  }
  requireRange(reader, directory.functionsRva, directory.functionCount * 4, 'the export address table');
  requireRange(reader, directory.namesRva, directory.nameCount * 4, 'the export name table');
  requireRange(reader, directory.ordinalsRva, directory.nameCount * 2, 'the export ordinal table');
  return directory;
}

function exportAt(reader: RvaReader, directory: ExportDirectory, index: number): ExportTarget | null {
  if (index >= directory.functionCount) return null;
  const rva = reader.readU32(directory.functionsRva + index * 4);
  if (rva === 0) return null;
  if (rva >= reader.imageSize) refuseDirectory('an export lies outside of the image');
  const forwarded = rva >= directory.rva && rva < directory.rva + directory.size;
  return { ordinal: index + directory.ordinalBase, rva, forwarder: forwarded ? readName(reader, rva) : null };
}

/** Less than, equal to or greater than 0 as the name at `rva` sorts before, is, or sorts after `name`. */
function compareName(reader: RvaReader, rva: number, name: string): number {
  for (let index = 0; ; index++) {
    const byte = reader.readU8(rva + index);
    const wanted = index < name.length ? name.charCodeAt(index) : 0;
    if (byte !== wanted || byte === 0) return byte - wanted;
  }
}

/**
 * Finds an export by its name. `hint` is the index to try first in the name table; then the sorted table is
 * searched. Null when there is none.
 */
export function findExportByName(
  reader: RvaReader,
  directory: ExportDirectory,
  name: string,
  hint = -1,
): ExportTarget | null {
  const nameRva = (index: number) => reader.readU32(directory.namesRva + index * 4);
  const target = (index: number) =>
    exportAt(reader, directory, reader.readU16(directory.ordinalsRva + index * 2));
  if (hint >= 0 && hint < directory.nameCount && compareName(reader, nameRva(hint), name) === 0) {
    return target(hint);
  }
  let low = 0;
  let high = directory.nameCount - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const order = compareName(reader, nameRva(middle), name);
    if (order === 0) return target(middle);
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return null;
}

/** Finds an export by its biased ordinal (the number that importers use). Null when there is none. */
export function findExportByOrdinal(
  reader: RvaReader,
  directory: ExportDirectory,
  ordinal: number,
): ExportTarget | null {
  return ordinal < directory.ordinalBase
    ? null
    : exportAt(reader, directory, ordinal - directory.ordinalBase);
}

/** The names in the order of the name table, each with its export; names of empty slots are left out. */
export function listExportNames(
  reader: RvaReader,
  directory: ExportDirectory,
): { name: string; target: ExportTarget }[] {
  const names: { name: string; target: ExportTarget }[] = [];
  for (let index = 0; index < directory.nameCount; index++) {
    const target = exportAt(reader, directory, reader.readU16(directory.ordinalsRva + index * 2));
    if (target === null) continue;
    names.push({ name: readName(reader, reader.readU32(directory.namesRva + index * 4)), target });
  }
  return names;
}
