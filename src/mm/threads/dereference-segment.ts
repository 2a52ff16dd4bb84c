/**
 * The dereference segment thread (priority 18): extends paging files when commit nears its limit or the page writer finds no
 * free block, shrinks them again, and deletes segments of files that nobody uses when there are too many of them or memory or
 * pool have run out. Source: Unit OS5: Memory Management 5.2, "Memory Manager Components"; Windows
 * Internals, "Commit charge and the system commit limit", "Page files".
 */
import { HostIoError } from '../backing-file.js';
import { COMMIT_HIGH } from '../commit.js';
import type { MemoryManager } from '../memory-manager.js';
import type { PageFile } from '../page-file.js';
import { deleteUnusedSegments, MOST_UNUSED_SEGMENTS } from '../unused-segments.js';
import { runStep } from './run-system-threads.js';
import { wakeSystemThread } from './system-threads.js';

const PAGE_SIZE = 4096;
/** Paging files grow and shrink by at least this many blocks: 1 MB. */
export const GROWTH_BLOCKS = 256;
/** Part of the limit that commit stays below when paging files shrink. */
const COMMIT_LOW = 0.75;

/** One look; false: the thread sleeps again. */
export function dereferenceSegmentStep(mm: MemoryManager): boolean {
  const { commit, systemThreads } = mm;
  const { commitWanted, blocksWanted } = systemThreads;
  systemThreads.commitWanted = 0;
  systemThreads.blocksWanted = 0;
  if (systemThreads.segmentsUnwanted || commit.current + commitWanted > commit.maximumLimit)
    deleteUnusedSegments(mm, 0);
  else deleteUnusedSegments(mm, MOST_UNUSED_SEGMENTS);
  systemThreads.segmentsUnwanted = false;
  const charge = commit.current + commitWanted;
  const missing = charge > commit.maximumLimit ? 0 : Math.ceil(charge / COMMIT_HIGH) - commit.limit;
  if (missing > 0 || blocksWanted > 0) extendPageFiles(mm, Math.max(missing, blocksWanted));
  else if (canShrinkPageFiles(mm)) shrinkPageFiles(mm);
  return false;
}

/** The requester of a charge that passes the limit waits for the extension. False when the limit cannot become high enough. */
export function makeCommitRoom(mm: MemoryManager, pages: number): boolean {
  const { commit, systemThreads } = mm;
  if (systemThreads.dereferenceSegment.running) return false;
  systemThreads.commitWanted = pages;
  runNow(mm);
  return commit.current + pages <= commit.limit;
}

/** Pool or frames have run out: unused segments give theirs back. False when there are none. */
export function freeUnusedSegments(mm: MemoryManager): boolean {
  const { sections, systemThreads } = mm;
  const before = sections.unused.length;
  if (before === 0 || systemThreads.dereferenceSegment.running) return false;
  systemThreads.segmentsUnwanted = true;
  runNow(mm);
  return sections.unused.length < before;
}

/** The page writer waits for free blocks. False when no paging file can grow. */
export function makePageFileRoom(mm: MemoryManager, blocks: number): boolean {
  const before = mm.pageFiles.size;
  if (before === mm.pageFiles.maximum) return false;
  mm.systemThreads.blocksWanted = blocks;
  runNow(mm);
  return mm.pageFiles.size > before;
}

function runNow(mm: MemoryManager): void {
  const { dereferenceSegment } = mm.systemThreads;
  wakeSystemThread(mm, dereferenceSegment);
  runStep(mm, dereferenceSegment, dereferenceSegmentStep);
}

/** Extends paging files in their order, by so many blocks or a little more. MiExtendPagingFiles. */
function extendPageFiles(mm: MemoryManager, blocks: number): void {
  let left = blocks;
  for (const file of mm.pageFiles.files) {
    if (left <= 0) return;
    const grown = file.extend(Math.max(left, GROWTH_BLOCKS));
    left -= grown;
    if (grown > 0 && mm.events.active) emitSize(mm, 'page-file-extend', file);
  }
}

/** The file's new size in pages as detail. */
function emitSize(mm: MemoryManager, kind: string, file: PageFile): void {
  mm.events.emit(kind, null, 0, -1, file.size, `paging file ${file.number}`);
}

/** Blocks that may leave a paging file, its free tail above `initial`, so that commit stays well below the limit. */
function surplusBlocks(mm: MemoryManager, file: PageFile): number {
  if (file.size === file.initial) return 0;
  const spare = mm.commit.limit - Math.ceil(mm.commit.current / COMMIT_LOW);
  const blocks = Math.min(spare, file.size - file.smallestSize);
  return blocks >= Math.min(GROWTH_BLOCKS, file.size - file.initial) ? blocks : 0;
}

/** True when commit has fallen so far that a paging file can give a tail back. */
export function canShrinkPageFiles(mm: MemoryManager): boolean {
  for (const file of mm.pageFiles.files) if (surplusBlocks(mm, file) > 0) return true;
  return false;
}

/** Gives the free tails of paging files back to the host. What the host refuses to take back is of no use to it only. */
function shrinkPageFiles(mm: MemoryManager): void {
  for (const file of mm.pageFiles.files) {
    const blocks = surplusBlocks(mm, file);
    if (blocks <= 0) continue;
    file.shrinkTo(file.size - blocks);
    try {
      mm.pageFiles.store.truncate(file.number, file.size * PAGE_SIZE);
    } catch (error) {
      if (!(error instanceof HostIoError)) throw error;
    }
    if (mm.events.active) emitSize(mm, 'page-file-shrink', file);
  }
}
