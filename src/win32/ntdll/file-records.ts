/**
 * The records of what a file is, which the native services and Win32's functions by handle both fill. Byte offsets on x64.
 * Source: Microsoft, [MS-FSCC] "File Information Classes", "FILE_BASIC_INFORMATION structure" and its siblings,
 * "FILE_ID_BOTH_DIR_INFORMATION structure".
 */
import type { DirectoryEntry, FileInformation } from '../../nt/file-information.js';
import type { ServiceCall } from '../../nt/service.js';
import { fileTimeOfMs } from '../../nt/system-time.js';
import { writeSize } from './arguments.js';

interface Times {
  readonly createdMs: number;
  readonly accessedMs: number;
  readonly modifiedMs: number;
}

function writeTime(call: ServiceCall, at: number, milliseconds: number): void {
  const time = { lo: 0, hi: 0 };
  fileTimeOfMs(milliseconds, time);
  call.memory.writeU64(at, time.lo, time.hi);
}

/** Creation, last access, last write: 24 bytes. */
export function writeThreeTimes(call: ServiceCall, at: number, times: Times): void {
  writeTime(call, at, times.createdMs);
  writeTime(call, at + 8, times.accessedMs);
  writeTime(call, at + 16, times.modifiedMs);
}

/** The same with the time of the last change of anything: 32 bytes. */
function writeFourTimes(call: ServiceCall, at: number, times: Times): void {
  writeThreeTimes(call, at, times);
  writeTime(call, at + 24, times.modifiedMs);
}

/** A number that is the same for the same path: the place of a file id on volumes of folders. */
export function fileIdOf(path: string): [lo: number, hi: number] {
  let [lo, hi] = [0x811c9dc5, 0x01000193];
  for (const character of path.toUpperCase()) {
    lo = Math.imul(lo ^ character.codePointAt(0)!, 0x01000193);
    hi = Math.imul(hi + lo, 0x85ebca6b);
  }
  return [lo >>> 0, hi & 0xffff];
}

/** How a record is filled. */
export type Fill = (call: ServiceCall, at: number, file: FileInformation) => void;
/** Bytes of a record of fixed size, and how it is filled. */
export type Recipe = readonly [bytes: number, fill: Fill];

export const BASIC: Recipe = [
  0x28,
  (call, at, file) => {
    writeFourTimes(call, at, file);
    call.memory.writeU64(at + 0x20, file.attributes, 0);
  },
];

/** Allocation size, size, links, delete pending, directory. */
export const STANDARD: Recipe = [
  0x18,
  (call, at, file) => {
    writeSize(call, at, file.allocationSize);
    writeSize(call, at + 8, file.size);
    call.memory.writeU32(at + 0x10, file.deletePending ? 0 : 1);
    call.memory.writeU32(at + 0x14, (file.deletePending ? 1 : 0) | (file.directory ? 0x100 : 0));
  },
];

export const ATTRIBUTE_TAG: Recipe = [8, (call, at, file) => call.memory.writeU64(at, file.attributes, 0)];

export const INTERNAL: Recipe = [8, (call, at, file) => call.memory.writeU64(at, ...fileIdOf(file.path))];

export const POSITION: Recipe = [8, (call, at, file) => writeSize(call, at, file.position)];

/** Nothing has extended attributes. */
export const EXTENDED_ATTRIBUTES: Recipe = [4, (call, at) => call.memory.writeU32(at, 0)];

/** FILE_BYTE_ALIGNMENT. */
export const ALIGNMENT: Recipe = [4, (call, at) => call.memory.writeU32(at, 0)];

export const NETWORK_OPEN: Recipe = [
  0x38,
  (call, at, file) => {
    writeFourTimes(call, at, file);
    writeSize(call, at + 0x20, file.allocationSize);
    writeSize(call, at + 0x28, file.size);
    call.memory.writeU64(at + 0x30, file.attributes, 0);
  },
];

/** Nothing is compressed: size, and zeros. */
export const COMPRESSION: Recipe = [
  0x10,
  (call, at, file) => {
    writeSize(call, at, file.size);
    call.memory.writeU64(at + 8, 0, 0);
  },
];

/** Serial number of every volume. */
export const VOLUME_SERIAL = 0x4e544d4d;

/** Serial number of the volume in 8 bytes, id of the file in 16. */
export const FILE_ID: Recipe = [
  0x18,
  (call, at, file) => {
    call.memory.writeU64(at, VOLUME_SERIAL, 0);
    call.memory.writeU64(at + 8, ...fileIdOf(file.path));
    call.memory.writeU64(at + 16, 0, 0);
  },
];

/** One data stream: next entry, bytes of its name, size, allocation, ::$DATA. Zero bytes for a directory. */
export function streamRecord(file: FileInformation): number {
  return file.directory ? 0 : 0x18 + STREAM_NAME.length * 2;
}

export const STREAM_NAME = '::$DATA';

export function writeStream(call: ServiceCall, at: number, file: FileInformation): void {
  call.memory.writeU64(at, 0, STREAM_NAME.length * 2);
  writeSize(call, at + 8, file.size);
  writeSize(call, at + 0x10, file.allocationSize);
  call.memory.writeUtf16(at + 0x18, STREAM_NAME);
}

/** The fields of a class of directory listings: where the name begins, its length stands, and the file id if it has one. */
export interface DirectoryLayout {
  readonly name: number;
  readonly nameLength: number;
  readonly times: boolean;
  readonly id?: number;
}

/** FileDirectoryInformation and its kin. */
export const DIRECTORY: DirectoryLayout = { name: 0x40, nameLength: 0x3c, times: true };
export const FULL_DIRECTORY: DirectoryLayout = { name: 0x44, nameLength: 0x3c, times: true };
export const BOTH_DIRECTORY: DirectoryLayout = { name: 0x5e, nameLength: 0x3c, times: true };
export const NAMES: DirectoryLayout = { name: 0x0c, nameLength: 0x08, times: false };
export const ID_BOTH_DIRECTORY: DirectoryLayout = { name: 0x68, nameLength: 0x3c, times: true, id: 0x60 };
export const ID_FULL_DIRECTORY: DirectoryLayout = { name: 0x50, nameLength: 0x3c, times: true, id: 0x48 };

const CLUSTER = 4096;

/** Writes one entry of a listing with `units` of its name; what comes between is zero: no short name, no extended attributes. */
export function writeDirectoryEntry(
  call: ServiceCall,
  at: number,
  layout: DirectoryLayout,
  entry: DirectoryEntry,
  units: number,
): void {
  const { memory } = call;
  memory.fill(at, layout.name, 0);
  if (layout.times) {
    writeFourTimes(call, at + 0x08, entry);
    writeSize(call, at + 0x28, entry.size);
    writeSize(call, at + 0x30, Math.ceil(entry.size / CLUSTER) * CLUSTER);
    memory.writeU32(at + 0x38, entry.attributes);
  }
  memory.writeU32(at + layout.nameLength, entry.name.length * 2);
  if (layout.id !== undefined) memory.writeU64(at + layout.id, ...fileIdOf(entry.path));
  memory.writeUtf16(at + layout.name, entry.name.slice(0, units));
}
