/**
 * The resource directory: three levels of entries (type, name, language), then the data. Source: Microsoft, "PE Format",
 * "The .rsrc Section".
 */
import { IMAGE_DIRECTORY_ENTRY_RESOURCE } from './pe-constants.js';
import type { PeHeaders } from './pe-headers.js';
import { type RvaReader, requireRange } from './rva-reader.js';

/** What names an entry: a number of 16 bits, or a text in upper case. */
export type ResourceKey = number | string;

/** An entry of a directory. */
export interface ResourceNode {
  readonly key: ResourceKey;
  /** Byte offset in the resource section of what it leads to. */
  readonly offset: number;
  readonly isDirectory: boolean;
}

/** A resource's data. */
export interface ResourceData {
  readonly rva: number;
  /** Bytes. */
  readonly size: number;
  readonly codePage: number;
}

const SUBDIRECTORY = 0x8000_0000;
const DIRECTORY_BYTES = 16;
const ENTRY_BYTES = 8;
const DATA_ENTRY_BYTES = 16;

/** RVA of the resource section's root, 0 for an image without resources. */
export function resourceRoot({ directories }: PeHeaders): number {
  const { rva, size } = directories[IMAGE_DIRECTORY_ENTRY_RESOURCE]!;
  return size === 0 ? 0 : rva;
}

/** The entries of the directory at a byte offset of the resource section. Throws PeError for one outside of the image. */
export function resourceNodes(reader: RvaReader, root: number, directory: number): ResourceNode[] {
  const at = root + directory;
  requireRange(reader, at, DIRECTORY_BYTES, 'a resource directory');
  const count = reader.readU16(at + 12) + reader.readU16(at + 14);
  requireRange(reader, at + DIRECTORY_BYTES, count * ENTRY_BYTES, 'a resource directory');
  return Array.from({ length: count }, (_, index) => {
    const entry = at + DIRECTORY_BYTES + index * ENTRY_BYTES;
    const [name, offset] = [reader.readU32(entry), reader.readU32(entry + 4)];
    return {
      key: name >= SUBDIRECTORY ? readKey(reader, root + name - SUBDIRECTORY) : name & 0xffff,
      offset: offset >= SUBDIRECTORY ? offset - SUBDIRECTORY : offset,
      isDirectory: offset >= SUBDIRECTORY,
    };
  });
}

/** A counted UTF-16 text. */
function readKey(reader: RvaReader, at: number): string {
  requireRange(reader, at, 2, 'the name of a resource');
  const length = reader.readU16(at);
  requireRange(reader, at + 2, length * 2, 'the name of a resource');
  let text = '';
  for (let index = 0; index < length; index++)
    text += String.fromCharCode(reader.readU16(at + 2 + 2 * index));
  return text;
}

/** The data entry at a byte offset of the resource section. */
export function resourceData(reader: RvaReader, root: number, offset: number): ResourceData {
  const at = root + offset;
  requireRange(reader, at, DATA_ENTRY_BYTES, 'the data entry of a resource');
  return { rva: reader.readU32(at), size: reader.readU32(at + 4), codePage: reader.readU32(at + 8) };
}

/** Whether two keys name the same entry: texts without regard to case. */
export function sameKey(left: ResourceKey, right: ResourceKey): boolean {
  if (typeof left === 'number' || typeof right === 'number') return left === right;
  return left.toUpperCase() === right.toUpperCase();
}
