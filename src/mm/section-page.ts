/**
 * The contents of one page of a file-backed section, as the file and, in images, the fix-ups give them. Reading is what a hard
 * fault on a mapped file or image waits for.
 */
import { STATUS_END_OF_FILE, STATUS_IN_PAGE_ERROR, STATUS_SUCCESS } from '../base/ntstatus.js';
import type { BackingFile } from './backing-file.js';
import { HostIoError } from './backing-file.js';
import type { Subsection } from './control-area.js';
import { applyFixups } from './image-fixups.js';
import type { MemoryManager } from './memory-manager.js';

const PAGE_SIZE = 4096;
/** The disk behind the paging files, in bytes; each file name has a part of it. */
const FILES_ON_DISK = 2 ** 39 + 2 ** 35;
const PART_OF_DISK = 2 ** 31;

/** Bytes of a page (number in its section) that come from the file or go to it; what follows in the page is zero. */
export function fileBytesOfPage(subsection: Subsection, page: number, file: BackingFile): number {
  const within = (page - subsection.startPage) * PAGE_SIZE;
  const inFile = file.size - (subsection.fileOffset + within);
  return Math.max(0, Math.min(PAGE_SIZE, subsection.fileBytes - within, inFile));
}

/** Bytes from the start of the file to a page (number in its section). */
export function fileOffsetOfPage(subsection: Subsection, page: number): number {
  return subsection.fileOffset + (page - subsection.startPage) * PAGE_SIZE;
}

/** Where a byte of a file lies on the disk: its name decides which part of the disk is the file's. */
export function filePosition(file: BackingFile, offset: number): number {
  let hash = 0;
  for (let index = 0; index < file.name.length; index++)
    hash = (Math.imul(hash, 31) + file.name.charCodeAt(index)) & 0xff;
  return FILES_ON_DISK + hash * PART_OF_DISK + offset;
}

/**
 * Fills a page's bytes from the file, without fix-ups. `page` is the number in the section, `target` 4096 bytes. Throws
 * HostIoError when the host fails or the file has become shorter.
 */
export function readFilePage(subsection: Subsection, page: number, target: Uint8Array): void {
  const file = subsection.controlArea.file!;
  const bytes = fileBytesOfPage(subsection, page, file);
  if (bytes > 0 && file.read(fileOffsetOfPage(subsection, page), target.subarray(0, bytes)) < bytes) {
    throw new HostIoError(STATUS_END_OF_FILE, `${file.name} ends before byte ${file.size}`);
  }
  if (bytes < PAGE_SIZE) target.fill(0, bytes);
}

/** Reads a page of a section into a frame. STATUS_IN_PAGE_ERROR (its reason in sections.inPageStatus) when the host fails. */
export function readPageIntoFrame(
  mm: MemoryManager,
  subsection: Subsection,
  page: number,
  frame: number,
): number {
  const offset = mm.ram.offsetOf(frame);
  const target = mm.ram.bytes.subarray(offset, offset + PAGE_SIZE);
  try {
    readFilePage(subsection, page, target);
    const image = subsection.controlArea.segment.image;
    if (image !== null && image.fixups !== null) applyFixups(subsection.controlArea, image, page, target);
  } catch (error) {
    if (!(error instanceof HostIoError)) throw error;
    mm.sections.inPageStatus = error.status;
    return STATUS_IN_PAGE_ERROR;
  }
  return STATUS_SUCCESS;
}
