/** Base relocations. Source: Microsoft, "PE Format", "The .reloc Section". */
import {
  IMAGE_DIRECTORY_ENTRY_BASERELOC,
  IMAGE_FILE_RELOCS_STRIPPED,
  IMAGE_REL_BASED_ABSOLUTE,
  IMAGE_REL_BASED_DIR64,
  IMAGE_REL_BASED_HIGHLOW,
} from './pe-constants.js';
import type { PeHeaders } from './pe-headers.js';
import { type RvaReader, refuseDirectory, requireRange } from './rva-reader.js';

/** Bytes: a block describes one page, so longer ones make no sense. */
const MAX_BLOCK_SIZE = 0x10000;

/** Fix-ups of an image, sorted by RVA: 4-byte ones at `highLow`, 8-byte ones at `dir64` (RVAs, in bytes). */
export interface Relocations {
  highLow: Uint32Array;
  dir64: Uint32Array;
}

/** True when the image can be moved: its relocations are not stripped. */
export function isRelocatable(headers: PeHeaders): boolean {
  return (headers.characteristics & IMAGE_FILE_RELOCS_STRIPPED) === 0;
}

/**
 * Reads all fix-ups. An image without the directory has none (it is position-independent, or stripped). Types other
 * than ABSOLUTE, HIGHLOW and DIR64, and targets outside of the image, throw PeError.
 */
export function readRelocations(reader: RvaReader, headers: PeHeaders): Relocations {
  const { rva, size } = headers.directories[IMAGE_DIRECTORY_ENTRY_BASERELOC];
  const highLow: number[] = [];
  const dir64: number[] = [];
  if (rva !== 0 && size !== 0) {
    requireRange(reader, rva, size, 'the relocation directory');
    const end = rva + size;
    let block = rva;
    while (block + 8 <= end) {
      const blockSize = reader.readU32(block + 4);
      if (blockSize === 0) break;
      if (blockSize < 8 || blockSize > MAX_BLOCK_SIZE || block + blockSize > end) {
        refuseDirectory('a relocation block has a bad size');
      }
      readBlock(reader, block, blockSize, highLow, dir64);
      block += blockSize;
    }
  }
  return { highLow: Uint32Array.from(highLow).sort(), dir64: Uint32Array.from(dir64).sort() };
}

function readBlock(reader: RvaReader, block: number, size: number, highLow: number[], dir64: number[]): void {
  const page = reader.readU32(block);
  for (let at = block + 8; at + 2 <= block + size; at += 2) {
    const entry = reader.readU16(at);
    const type = entry >>> 12;
    if (type === IMAGE_REL_BASED_ABSOLUTE) continue;
    const target = page + (entry & 0xfff);
    if (type === IMAGE_REL_BASED_HIGHLOW) {
      requireRange(reader, target, 4, 'a relocation');
      highLow.push(target);
    } else if (type === IMAGE_REL_BASED_DIR64) {
      requireRange(reader, target, 8, 'a relocation');
      dir64.push(target);
    } else {
      refuseDirectory(`relocation type ${type} is not one of x86 or x64`);
    }
  }
}
