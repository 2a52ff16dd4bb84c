/**
 * Filling a buffer with the entries of a directory, and reading times as records have them. Source: Microsoft,
 * "NtQueryDirectoryFile function (ntifs.h)", [MS-FSCC] "FileBasicInformation".
 */
import { STATUS_BUFFER_OVERFLOW, STATUS_SUCCESS } from '../../base/ntstatus.js';
import { type FileTimes, queryDirectoryFile, returnDirectoryEntry } from '../../nt/file-information.js';
import type { ServiceCall } from '../../nt/service.js';
import { msOfFileTime } from '../../nt/system-time.js';
import { type DirectoryLayout, writeDirectoryEntry } from './file-records.js';

/** Most bytes of a buffer that one call fills; a bound of ours. */
export const LISTING_BYTES = 0x10000;
const ENTRY_ALIGNMENT = 8;

export interface Listing {
  /** An expression with wildcards; empty for all. It counts in the first call, and when the listing begins again. */
  readonly pattern: string;
  readonly restart: boolean;
  /** One entry alone. */
  readonly single: boolean;
}

/**
 * Writes as many entries as there is room for. STATUS_NO_SUCH_FILE and STATUS_NO_MORE_FILES when there is none;
 * STATUS_BUFFER_OVERFLOW when the name of the first one is cut. `out.information`: bytes.
 */
export function listInto(
  call: ServiceCall,
  handle: number,
  layout: DirectoryLayout,
  buffer: number,
  length: number,
  { pattern, restart, single }: Listing,
  out: { information: number },
): number {
  const { kernel, process, memory } = call;
  const room = Math.min(length, LISTING_BYTES);
  let [at, last] = [0, -1];
  do {
    const entry = queryDirectoryFile(kernel, process, handle, pattern, restart && last < 0);
    if (typeof entry === 'number') return last < 0 ? entry : STATUS_SUCCESS;
    const bytes = entry.name.length * 2;
    const units = Math.floor(Math.min(bytes, room - at - layout.name) / 2);
    if (units * 2 < bytes && last >= 0) {
      returnDirectoryEntry(kernel, process, handle);
      return STATUS_SUCCESS;
    }
    writeDirectoryEntry(call, buffer + at, layout, entry, units);
    if (last >= 0) memory.writeU32(buffer + last, at - last);
    last = at;
    out.information = at + layout.name + units * 2;
    if (units * 2 < bytes) return STATUS_BUFFER_OVERFLOW;
    at = Math.ceil(out.information / ENTRY_ALIGNMENT) * ENTRY_ALIGNMENT;
  } while (!single);
  return STATUS_SUCCESS;
}

/** A FILETIME that sets something; undefined for 0, -1 and -2, which leave a time as it is. */
export function readTime(call: ServiceCall, at: number): number | undefined {
  const [lo, hi] = [call.memory.readU64Lo(at), call.memory.readU64Hi(at)];
  return (lo === 0 && hi === 0) || hi === 0xffffffff ? undefined : msOfFileTime(lo, hi);
}

/** Creation, last access, last write. */
export function readTimes(call: ServiceCall, at: number): FileTimes {
  return {
    createdMs: readTime(call, at),
    accessedMs: readTime(call, at + 8),
    modifiedMs: readTime(call, at + 16),
  };
}
