/** The import and delay-import directories. Source: Microsoft, "PE Format", "The .idata Section", "Delay-Load Import Tables". */
import { IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT, IMAGE_DIRECTORY_ENTRY_IMPORT } from './pe-constants.js';
import type { PeHeaders } from './pe-headers.js';
import { type RvaReader, readName, refuseDirectory, requireRange } from './rva-reader.js';

/** More DLLs, more functions over all of them, or more bytes of names than this are refused. */
const MAX_DESCRIPTORS = 4096;
const MAX_FUNCTIONS = 65536;
const MAX_NAME_BYTES = 0x400000;

const IMPORT_DESCRIPTOR_SIZE = 20;
const DELAY_DESCRIPTOR_SIZE = 32;

export interface ImportedFunction {
  /** RVA of the import-address-table slot that the loader fills. */
  slotRva: number;
  /** Null when imported by ordinal. */
  name: string | null;
  /** The ordinal, or with a name the hint. */
  ordinal: number;
}

export interface ImportedModule {
  dll: string;
  functions: ImportedFunction[];
}

/** What may still be read of a directory, so that a hostile one cannot keep the reader busy. */
interface ImportBudget {
  functions: number;
  nameBytes: number;
}

function readImportName(reader: RvaReader, rva: number, budget: ImportBudget): string {
  const name = readName(reader, rva);
  budget.nameBytes -= name.length + 1;
  if (budget.nameBytes < 0) refuseDirectory('the import names are too long');
  return name;
}

function readThunks(
  reader: RvaReader,
  headers: PeHeaders,
  namesRva: number,
  slotsRva: number,
  budget: ImportBudget,
): ImportedFunction[] {
  const width = headers.isPe32Plus ? 8 : 4;
  const functions: ImportedFunction[] = [];
  for (let index = 0; ; index++) {
    if (budget.functions-- === 0) refuseDirectory('an import table has no end');
    const at = namesRva + index * width;
    requireRange(reader, at, width, 'an import table');
    const low = reader.readU32(at);
    const high = width === 8 ? reader.readU32(at + 4) : low;
    if (low === 0 && high === 0) return functions;
    const slotRva = slotsRva + index * width;
    requireRange(reader, slotRva, width, 'the import address table');
    if (high >= 0x8000_0000) {
      functions.push({ slotRva, name: null, ordinal: low & 0xffff });
    } else {
      const nameRva = low & 0x7fff_ffff;
      const name = readImportName(reader, nameRva + 2, budget);
      functions.push({ slotRva, name, ordinal: reader.readU16(nameRva) });
    }
  }
}

/**
 * The DLLs that the image imports, in order, each with its functions. Must be read before the import address table is
 * filled when a descriptor has no separate lookup table. Throws PeError.
 */
export function readImports(reader: RvaReader, headers: PeHeaders): ImportedModule[] {
  const { rva, size } = headers.directories[IMAGE_DIRECTORY_ENTRY_IMPORT];
  const modules: ImportedModule[] = [];
  const budget: ImportBudget = { functions: MAX_FUNCTIONS, nameBytes: MAX_NAME_BYTES };
  if (rva === 0 || size === 0) return modules;
  for (let index = 0; ; index++) {
    if (index === MAX_DESCRIPTORS) refuseDirectory('the import directory has no end');
    const at = rva + index * IMPORT_DESCRIPTOR_SIZE;
    requireRange(reader, at, IMPORT_DESCRIPTOR_SIZE, 'the import directory');
    const lookup = reader.readU32(at);
    const nameRva = reader.readU32(at + 12);
    const slots = reader.readU32(at + 16);
    if (nameRva === 0 || slots === 0) return modules;
    const functions = readThunks(reader, headers, lookup === 0 ? slots : lookup, slots, budget);
    modules.push({ dll: readImportName(reader, nameRva, budget), functions });
  }
}

/** The DLLs that the image loads at their first call. Throws PeError. */
export function readDelayImports(reader: RvaReader, headers: PeHeaders): ImportedModule[] {
  const { rva, size } = headers.directories[IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT];
  const modules: ImportedModule[] = [];
  const budget: ImportBudget = { functions: MAX_FUNCTIONS, nameBytes: MAX_NAME_BYTES };
  if (rva === 0 || size === 0) return modules;
  for (let index = 0; ; index++) {
    if (index === MAX_DESCRIPTORS) refuseDirectory('the delay-import directory has no end');
    const at = rva + index * DELAY_DESCRIPTOR_SIZE;
    requireRange(reader, at, DELAY_DESCRIPTOR_SIZE, 'the delay-import directory');
    const attributes = reader.readU32(at);
    const nameRva = reader.readU32(at + 4);
    if (nameRva === 0) return modules;
    if ((attributes & 1) === 0) refuseDirectory('the delay-import directory holds addresses, not RVAs');
    const functions = readThunks(reader, headers, reader.readU32(at + 16), reader.readU32(at + 12), budget);
    modules.push({ dll: readImportName(reader, nameRva, budget), functions });
  }
}
