/**
 * Reads and writes of files on disk: through the cache, or past it (FILE_NO_INTERMEDIATE_BUFFERING). Offsets and lengths in
 * bytes. Source: Microsoft, "NtReadFile function", "NtWriteFile function", "File Buffering", "File Caching".
 */
import {
  STATUS_ACCESS_VIOLATION,
  STATUS_END_OF_FILE,
  STATUS_INVALID_PARAMETER,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import {
  beginCachedRead,
  readCachedFile,
  readUncached,
  writeCachedFile,
  writeUncached,
} from '../mm/file-cache.js';
import { FILE_WRITE_DATA } from './access.js';
import type { FileControlBlock } from './file-control-block.js';
import { checkTransfer } from './file-locks.js';
import {
  FILE_NO_INTERMEDIATE_BUFFERING,
  FILE_RANDOM_ACCESS,
  FILE_SEQUENTIAL_ONLY,
  FILE_WRITE_THROUGH,
  type FileObject,
} from './file-object.js';
import type { ServiceCall } from './service.js';

export interface TransferResult {
  /** Bytes read or written. */
  information: number;
}

/** Bytes moved at a time. */
const CHUNK = 0x10000;
/** Bytes that one read has brought in at once at most, and that are read ahead of one that goes on where the last ended. */
const READ_WINDOW = 0x100000;
const READ_AHEAD = 0x20000;
/** Part of the available memory that a window may take. */
const SHARE_OF_MEMORY = 4;
/** Largest byte offset a file may reach. */
const MAXIMUM_OFFSET = 2 ** 53 - 1;
const PAGE_SIZE = 4096;
/** What offset, length and buffer of a transfer past the cache are multiples of: a sector, and the device's alignment. */
const SECTOR = 512;
const BUFFER_ALIGNMENT = 4;

function isUncached({ options }: FileObject): boolean {
  return (options & FILE_NO_INTERMEDIATE_BUFFERING) !== 0;
}

function isAligned(offset: number, length: number, buffer: number): boolean {
  return offset % SECTOR === 0 && length % SECTOR === 0 && buffer % BUFFER_ALIGNMENT === 0;
}

/** Reads into guest memory; `offset` null for the file's own position. Throws HostIoError. */
export function readDisk(
  call: ServiceCall,
  object: FileObject,
  buffer: number,
  length: number,
  offset: number | null,
  out: TransferResult,
): number {
  const file = object.file!;
  const start = offset ?? object.position;
  if (!(start >= 0 && start <= MAXIMUM_OFFSET)) return STATUS_INVALID_PARAMETER;
  if (isUncached(object) && !isAligned(start, length, buffer)) return STATUS_INVALID_PARAMETER;
  if (length === 0) return STATUS_SUCCESS;
  const count = Math.min(length, file.size - start);
  if (count <= 0) return STATUS_END_OF_FILE;
  if (buffer + count > 2 ** 47) return STATUS_ACCESS_VIOLATION;
  const locked = checkTransfer(object, call.process, start, count, false);
  if (locked !== STATUS_SUCCESS) return locked;
  if (isUncached(object)) readPastCache(call, file, start, buffer, count);
  else readThroughCache(call, object, start, buffer, count);
  out.information = count;
  object.position = start + count;
  object.lastReadEnd = start + count;
  emitTransfer(call, 'file-read', object, start, count);
  return STATUS_SUCCESS;
}

function readPastCache(
  call: ServiceCall,
  file: FileControlBlock,
  start: number,
  buffer: number,
  count: number,
): void {
  const { memory, kernel } = call;
  memory.probeWrite(buffer, count);
  memory.commit();
  for (let done = 0; done < count; done += CHUNK) {
    const part = Math.min(CHUNK, count - done);
    memory.writeBytes(buffer + done, readUncached(kernel.mm, file, start + done, part));
  }
}

function readThroughCache(
  call: ServiceCall,
  object: FileObject,
  start: number,
  buffer: number,
  count: number,
): void {
  const { memory, kernel } = call;
  const { mm } = kernel;
  const file = object.file!;
  const window = Math.min(READ_WINDOW, Math.ceil(mm.lists.available / SHARE_OF_MEMORY) * PAGE_SIZE);
  bringIn(call, file, start, Math.min(count, window));
  memory.probeWrite(buffer, count);
  memory.commit();
  for (let at = 0; at < count; at += window) {
    const part = Math.min(window, count - at);
    if (at > 0) bringIn(call, file, start + at, part);
    readCachedFile(mm, file, start + at, part, (bytes, done) => memory.writeBytes(buffer + at + done, bytes));
  }
  if (readsOn(object, start) && mm.lists.available > mm.thresholds.plenty)
    beginCachedRead(mm, file, start + count, READ_AHEAD);
}

/** Has pages of a file brought in, and waits for them. */
function bringIn({ memory, kernel }: ServiceCall, file: FileControlBlock, at: number, count: number): void {
  const frame = beginCachedRead(kernel.mm, file, at, count);
  if (frame >= 0) memory.waitForFilePage(frame);
}

/** Whether a read that begins at `start` goes through the file in order. */
function readsOn({ options, lastReadEnd }: FileObject, start: number): boolean {
  if (options & FILE_RANDOM_ACCESS) return false;
  return start === lastReadEnd && (start > 0 || (options & FILE_SEQUENTIAL_ONLY) !== 0);
}

/** Writes from guest memory; `offset` null for the file's own position, -1 for its end. Throws HostIoError. */
export function writeDisk(
  call: ServiceCall,
  object: FileObject,
  buffer: number,
  length: number,
  offset: number | null,
  out: TransferResult,
): number {
  const file = object.file!;
  const { mm } = call.kernel;
  const appendOnly = (object.access & FILE_WRITE_DATA) === 0;
  const start = appendOnly || offset === -1 ? file.size : (offset ?? object.position);
  if (!(start >= 0 && start + length <= MAXIMUM_OFFSET)) return STATUS_INVALID_PARAMETER;
  const uncached = isUncached(object);
  if (uncached && !isAligned(start, length, buffer)) return STATUS_INVALID_PARAMETER;
  if (length === 0) return STATUS_SUCCESS;
  const locked = checkTransfer(object, call.process, start, length, true);
  if (locked !== STATUS_SUCCESS) return locked;
  call.memory.probeRead(buffer, length);
  call.memory.commit();
  const writePart = uncached || object.options & FILE_WRITE_THROUGH ? writeUncached : writeCachedFile;
  let done = 0;
  try {
    while (done < length) {
      const part = call.memory.readBytes(buffer + done, Math.min(CHUNK, length - done));
      writePart(mm, file, start + done, part);
      done += part.length;
    }
  } finally {
    out.information = done;
    object.position = start + done;
  }
  emitTransfer(call, 'file-write', object, start, done);
  return STATUS_SUCCESS;
}

function emitTransfer(
  { kernel: { mm } }: ServiceCall,
  kind: string,
  object: FileObject,
  offset: number,
  bytes: number,
): void {
  if (mm.events.active) mm.events.emit(kind, mm.current, offset, -1, bytes, object.path);
}
