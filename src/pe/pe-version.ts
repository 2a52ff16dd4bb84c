/** Strings of the version resource. Source: Microsoft, "PE Format", "The .rsrc Section"; "VS_VERSIONINFO structure". */
import { IMAGE_DIRECTORY_ENTRY_RESOURCE } from './pe-constants.js';
import type { PeHeaders } from './pe-headers.js';
import { type RvaReader, requireRange } from './rva-reader.js';

const RT_VERSION = 16;
const MAX_VERSION_BYTES = 0x10000;
const SUBDIRECTORY = 0x8000_0000;

/** The strings by their names ("FileDescription", "FileVersion", "CompanyName", ...), or null without the resource. */
export function readVersionStrings(reader: RvaReader, headers: PeHeaders): Map<string, string> | null {
  const { rva, size } = headers.directories[IMAGE_DIRECTORY_ENTRY_RESOURCE];
  if (rva === 0 || size === 0) return null;
  const byType = findEntry(reader, rva, 0, RT_VERSION);
  if (byType === null || byType < SUBDIRECTORY) return null;
  const byName = findEntry(reader, rva, byType - SUBDIRECTORY, null);
  if (byName === null || byName < SUBDIRECTORY) return null;
  const data = findEntry(reader, rva, byName - SUBDIRECTORY, null);
  if (data === null || data >= SUBDIRECTORY) return null;
  requireRange(reader, rva + data, 16, 'a resource');
  const start = reader.readU32(rva + data);
  const length = reader.readU32(rva + data + 4);
  requireRange(reader, start, length, 'the version resource');
  if (length > MAX_VERSION_BYTES) return null;
  const strings = new Map<string, string>();
  collectStrings(reader, start, start + length, 0, strings);
  return strings;
}

/** The offset field of the entry with the given id (null: the first entry) of a resource directory. */
function findEntry(reader: RvaReader, root: number, directory: number, id: number | null): number | null {
  const at = root + directory;
  requireRange(reader, at, 16, 'a resource directory');
  const count = reader.readU16(at + 12) + reader.readU16(at + 14);
  requireRange(reader, at + 16, count * 8, 'a resource directory');
  for (let index = 0; index < count; index++) {
    const entry = at + 16 + index * 8;
    if (id === null || reader.readU32(entry) === id) return reader.readU32(entry + 4);
  }
  return null;
}

const align4 = (value: number) => (value + 3) & ~3;

/** Walks the nested blocks (StringFileInfo, StringTable, String) of a version resource, at most four deep. */
function collectStrings(
  reader: RvaReader,
  start: number,
  end: number,
  depth: number,
  into: Map<string, string>,
): void {
  let at = start;
  while (at + 6 <= end) {
    const length = reader.readU16(at);
    if (length < 6 || at + length > end) return;
    const valueLength = reader.readU16(at + 2);
    const isText = reader.readU16(at + 4) === 1;
    const key = readUtf16(reader, at + 6, at + length);
    const valueAt = align4(at + 6 + (key.length + 1) * 2);
    const valueBytes = isText ? valueLength * 2 : valueLength;
    if (depth === 3) into.set(key, readUtf16(reader, valueAt, Math.min(at + length, valueAt + valueBytes)));
    else collectStrings(reader, align4(valueAt + valueBytes), at + length, depth + 1, into);
    at = align4(at + length);
  }
}

function readUtf16(reader: RvaReader, start: number, end: number): string {
  let text = '';
  for (let at = start; at + 2 <= end; at += 2) {
    const unit = reader.readU16(at);
    if (unit === 0) break;
    text += String.fromCharCode(unit);
  }
  return text;
}
