/**
 * Reads and writes of a file beside its mappings: pages of its data section that are in memory are what counts, so that
 * ReadFile, WriteFile and views always agree. Offsets and sizes in bytes.
 * Source: Unit OS5: Memory Management 5.2, "Shared Memory and Memory-Mapped Files" (coherence of mapped files).
 */
import { STATUS_SUCCESS, STATUS_USER_MAPPED_FILE } from '../base/ntstatus.js';
import type { BackingFile } from './backing-file.js';
import { frameOfPrototype, purgePages } from './control-area.js';
import { type FlushResult, flushWholeControlArea } from './mapped-file-writer.js';
import type { MemoryManager } from './memory-manager.js';
import { flushImageSection } from './unused-segments.js';

const PAGE_SIZE = 4096;

/** The frame that holds a page of the file's data section, or -1 when it is not in memory. */
function residentFrame(mm: MemoryManager, file: BackingFile, page: number): number {
  const controlArea = file.dataControlArea;
  if (controlArea === null || page >= controlArea.segment.pageCount) return -1;
  return frameOfPrototype(mm, controlArea.prototypeAddress(page));
}

/** The end (a byte offset) of the run from `offset` to `end` that is not in memory. */
function absentUntil(mm: MemoryManager, file: BackingFile, offset: number, end: number): number {
  if (file.dataControlArea === null) return end;
  let at = offset;
  while (at < end && residentFrame(mm, file, Math.floor(at / PAGE_SIZE)) < 0) {
    at = (Math.floor(at / PAGE_SIZE) + 1) * PAGE_SIZE;
  }
  return Math.min(at, end);
}

/** Reads from a byte offset; returns how many bytes, less than asked only at the end of the file. Throws HostIoError. */
export function readMappedFile(
  mm: MemoryManager,
  file: BackingFile,
  offset: number,
  target: Uint8Array,
): number {
  const end = Math.min(offset + target.length, file.size);
  let at = offset;
  while (at < end) {
    const frame = residentFrame(mm, file, Math.floor(at / PAGE_SIZE));
    if (frame >= 0) {
      const within = at % PAGE_SIZE;
      const count = Math.min(PAGE_SIZE - within, end - at);
      const from = mm.ram.offsetOf(frame) + within;
      target.set(mm.ram.bytes.subarray(from, from + count), at - offset);
      at += count;
    } else {
      const until = absentUntil(mm, file, at, end);
      const count = file.read(at, target.subarray(at - offset, until - offset));
      at += count;
      if (at < until) break;
    }
  }
  return Math.max(0, at - offset);
}

/**
 * Writes at a byte offset, to the file and to the pages in memory, extending the file when it ends past its size. Throws
 * HostIoError, with pages in memory unchanged.
 */
export function writeMappedFile(
  mm: MemoryManager,
  file: BackingFile,
  offset: number,
  source: Uint8Array,
): void {
  const oldSize = file.size;
  flushImageSection(mm, file);
  file.write(offset, source);
  if (file.dataControlArea === null) return;
  if (offset > oldSize) clearInMemory(mm, file, oldSize, offset);
  const end = offset + source.length;
  for (let at = offset; at < end; ) {
    const within = at % PAGE_SIZE;
    const count = Math.min(PAGE_SIZE - within, end - at);
    const frame = residentFrame(mm, file, Math.floor(at / PAGE_SIZE));
    if (frame >= 0) {
      mm.ram.bytes.set(source.subarray(at - offset, at - offset + count), mm.ram.offsetOf(frame) + within);
      mm.processor.frameChanged(frame);
    }
    at += count;
  }
}

/** Zeroes bytes `from`..`to` of the file where pages in memory hold them; within the last page before a gap. */
function clearInMemory(mm: MemoryManager, file: BackingFile, from: number, to: number): void {
  const within = from % PAGE_SIZE;
  if (within === 0) return;
  const frame = residentFrame(mm, file, Math.floor(from / PAGE_SIZE));
  if (frame < 0) return;
  const start = mm.ram.offsetOf(frame) + within;
  mm.ram.bytes.fill(0, start, start + Math.min(PAGE_SIZE - within, to - from));
  mm.processor.frameChanged(frame);
}

/**
 * Changes the file's size. What views may have written past the old end does not become part of the file. A size that
 * would cut off pages of an existing data section, or any cut of a mapped image, is STATUS_USER_MAPPED_FILE (MmCanFileBeTruncated).
 */
export function setMappedFileSize(mm: MemoryManager, file: BackingFile, size: number): number {
  const oldSize = file.size;
  const pages = Math.ceil(size / PAGE_SIZE);
  if (size < oldSize) {
    if (!flushImageSection(mm, file)) return STATUS_USER_MAPPED_FILE;
    const { dataControlArea } = file;
    if (dataControlArea !== null && pages < dataControlArea.sectionPages) return STATUS_USER_MAPPED_FILE;
  }
  const status = file.setSize(size);
  if (status !== STATUS_SUCCESS) return status;
  if (size < oldSize && file.dataControlArea !== null) purgePages(mm, file.dataControlArea, pages);
  clearInMemory(mm, file, Math.min(size, oldSize), Number.POSITIVE_INFINITY);
  return STATUS_SUCCESS;
}

/** Writes every dirty page of the file's mappings, as FlushFileBuffers and the last close do. */
export function flushMappedFile(mm: MemoryManager, file: BackingFile): FlushResult {
  if (file.dataControlArea === null) return { status: STATUS_SUCCESS, bytesWritten: 0 };
  return flushWholeControlArea(mm, file.dataControlArea);
}
