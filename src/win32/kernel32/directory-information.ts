/**
 * The entries of an open directory by GetFileInformationByHandleEx. Sources: Microsoft, "FILE_FULL_DIR_INFO structure",
 * "FILE_ID_BOTH_DIR_INFO structure".
 */
import { FILE_READ_DATA } from '../../nt/access.js';
import { type DirectoryEntry, queryDirectoryFile } from '../../nt/file-information.js';
import { fileOfHandle } from '../../nt/io.js';
import type { ServiceCall } from '../../nt/service.js';
import { fileTimeOfMs } from '../../nt/system-time.js';
import { ERROR_BAD_LENGTH } from '../ntdll/dos-error.js';
import { failStatus, TRUE, writeU64 } from './results.js';

/** Of a class: whether it begins anew, and where an entry's name lies in it. */
interface DirectoryClass {
  readonly restart: boolean;
  /** Byte offset of the name: what is before it and not filled is zero (extended attributes, short names, file ids). */
  readonly name: number;
}

const FULL_NAME = 68;
const ID_BOTH_NAME = 104;
const CLASSES: Readonly<Record<number, DirectoryClass>> = {
  10: { restart: false, name: ID_BOTH_NAME },
  11: { restart: true, name: ID_BOTH_NAME },
  14: { restart: false, name: FULL_NAME },
  15: { restart: true, name: FULL_NAME },
};

export function directoryClass(kind: number): DirectoryClass | undefined {
  return CLASSES[kind];
}

const CLUSTER = 4096;
const alignUp = (bytes: number, unit: number) => Math.ceil(bytes / unit) * unit;

function writeEntry(call: ServiceCall, at: number, name: number, entry: DirectoryEntry): void {
  const { memory } = call;
  const time = { lo: 0, hi: 0 };
  fileTimeOfMs(entry.modifiedMs, time);
  memory.fill(at, name, 0);
  for (let index = 0; index < 4; index++) memory.writeU64(at + 8 + 8 * index, time.lo, time.hi);
  writeU64(call, at + 40, entry.size);
  writeU64(call, at + 48, alignUp(entry.size, CLUSTER));
  memory.writeU32(at + 56, entry.attributes);
  memory.writeU32(at + 60, 2 * entry.name.length);
  memory.writeUtf16(at + name, entry.name);
}

/** Fills a buffer with as many of the next entries as fit, each with the way to the one behind it. */
export function giveDirectoryEntries(
  call: ServiceCall,
  { restart, name }: DirectoryClass,
  to: number,
  room: number,
): number {
  const { kernel, process, memory } = call;
  const handle = call.handle(0);
  if (room < name + 2) return call.fail(ERROR_BAD_LENGTH);
  memory.probeWrite(to, room);
  let last = -1;
  for (let at = 0; ; ) {
    const entry = queryDirectoryFile(kernel, process, handle, '*', restart && last < 0);
    if (typeof entry === 'number') return last < 0 ? failStatus(call, entry) : TRUE;
    const end = at + name + 2 * entry.name.length;
    if (end > room) {
      putBack(call, handle);
      return last < 0 ? call.fail(ERROR_BAD_LENGTH) : TRUE;
    }
    if (last >= 0) memory.writeU32(to + last, at - last);
    writeEntry(call, to + at, name, entry);
    last = at;
    at = alignUp(end, 8);
  }
}

/** The entry that was read last is read again next time. */
function putBack(call: ServiceCall, handle: number): void {
  const object = fileOfHandle(call.kernel, call.process, handle, FILE_READ_DATA);
  if (typeof object !== 'number' && object.cursor !== null) object.cursor.next--;
}
