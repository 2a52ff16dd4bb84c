/**
 * Segments of files that no section and no view uses. Their pages stay on standby, so that a later open finds them by soft
 * faults; they are deleted when there are too many or memory runs out (by the dereference segment thread), and at once when
 * the file is deleted, cut, or written to as a file after it was an image. Source: Windows Internals, "Section objects"
 * (unused segment list); Microsoft, "MmFlushImageSection function", "MmForceSectionClosed function".
 */
import { STATUS_SUCCESS } from '../base/ntstatus.js';
import type { BackingFile } from './backing-file.js';
import { type ControlArea, deleteControlArea } from './control-area.js';
import { flushWholeControlArea } from './mapped-file-writer.js';
import type { MemoryManager } from './memory-manager.js';
import { wakeSystemThread } from './threads/system-threads.js';

/** Unused segments that are kept; each holds its file open at the host. */
export const MOST_UNUSED_SEGMENTS = 100;

/**
 * Called when a section or a view is gone: without both, what is still dirty of a data file is written, and the segment is
 * unused. One that cannot be used again is deleted: of the paging file, of a file without a name, of an image that processes
 * share for writing, which begins anew. MiCheckControlArea.
 */
export function releaseControlArea(mm: MemoryManager, controlArea: ControlArea): void {
  if (controlArea.mappedViews !== 0 || controlArea.sectionReferences !== 0) return;
  const { file, isImage, segment } = controlArea;
  controlArea.sectionPages = 0;
  if (file !== null && !isImage) flushWholeControlArea(mm, controlArea);
  if (file === null || file.orphaned === true || (isImage && segment.committedPages > 0)) {
    deleteControlArea(mm, controlArea);
    return;
  }
  addUnusedSegment(mm, controlArea);
}

/** A segment has no user any more; when there are too many of these, those that came first go. */
export function addUnusedSegment(mm: MemoryManager, controlArea: ControlArea): void {
  const { unused } = mm.sections;
  unused.push(controlArea);
  if (unused.length > MOST_UNUSED_SEGMENTS) wakeSystemThread(mm, mm.systemThreads.dereferenceSegment);
}

/** A segment that may be unused gets a section again. */
export function useControlArea(mm: MemoryManager, controlArea: ControlArea): void {
  const { unused } = mm.sections;
  const index = unused.indexOf(controlArea);
  if (index >= 0) unused.splice(index, 1);
}

/**
 * Deletes the unused segments that came first until `rest` are left; those whose pages the host refuses stay. Returns how many:
 * none in the middle of a pool operation, for which a frame is made available.
 */
export function deleteUnusedSegments(mm: MemoryManager, rest: number): number {
  if (mm.pagedPool.busy) return 0;
  let deleted = 0;
  for (const controlArea of mm.sections.unused.slice(0, Math.max(0, mm.sections.unused.length - rest))) {
    if (!controlArea.isImage && flushWholeControlArea(mm, controlArea).status !== STATUS_SUCCESS) continue;
    deleteUnused(mm, controlArea);
    deleted++;
  }
  return deleted;
}

/** Emits 'segment-delete' with the segment's pages as detail. */
function deleteUnused(mm: MemoryManager, controlArea: ControlArea): void {
  useControlArea(mm, controlArea);
  mm.sections.unusedDeleted = true;
  if (mm.events.active)
    mm.events.emit('segment-delete', null, 0, -1, controlArea.segment.pageCount, controlArea.file!.name);
  deleteControlArea(mm, controlArea);
}

/** Deletes a control area of a file if it is there and unused; false when it is in use. */
function close(mm: MemoryManager, controlArea: ControlArea | null): boolean {
  if (controlArea === null) return true;
  if (!mm.sections.unused.includes(controlArea)) return false;
  if (!controlArea.isImage) flushWholeControlArea(mm, controlArea);
  deleteUnused(mm, controlArea);
  return true;
}

/** The file will be written to: its image segment goes. False when it is in use. MmFlushImageSection. */
export function flushImageSection(mm: MemoryManager, file: BackingFile): boolean {
  return close(mm, file.imageControlArea);
}

/** The file will be cut or deleted: its segments go. False when one is in use; the other may be gone then. MmForceSectionClosed. */
export function forceSectionClosed(mm: MemoryManager, file: BackingFile): boolean {
  const isImageClosed = close(mm, file.imageControlArea);
  return close(mm, file.dataControlArea) && isImageClosed;
}
