/**
 * Runs of frames that lie together and are aligned, as large pages need them. Frames that are zeroed, free or on standby can be
 * taken; when no run of them is left, every process gives up its working set and what is modified is written, and the search
 * begins again. Source: Microsoft, "Large-Page Support"; Windows Internals, "Large and small pages".
 */
import type { MemoryManager } from './memory-manager.js';
import { claimFrame, relieveShortageLater } from './page-lists.js';
import { waitForNextRequest } from './paging-io.js';
import { FRAME_FREE, FRAME_STANDBY, FRAME_ZEROED } from './pfn-database.js';
import { emptyWorkingSet } from './working-set-manager.js';

const AVAILABLE_STATES = (1 << FRAME_ZEROED) | (1 << FRAME_FREE) | (1 << FRAME_STANDBY);

/** The highest frame at which an aligned run of `count` available frames begins, or -1. */
function findRun(mm: MemoryManager, count: number): number {
  const { state, frameCount } = mm.pfn;
  for (let first = Math.floor(frameCount / count) * count - count; first >= 0; first -= count) {
    let frame = first;
    while (frame < first + count && (AVAILABLE_STATES & (1 << state[frame]!)) !== 0) frame++;
    if (frame === first + count) return first;
  }
  return -1;
}

/** Every process in memory gives up its working set, and modified pages are written. */
function emptyMemory(mm: MemoryManager): void {
  const { lists } = mm;
  for (const space of mm.addressSpaces) if (!space.outSwapped) emptyWorkingSet(mm, space);
  let before: number;
  do {
    before = lists.modifiedPageFile + lists.modifiedMapped;
    relieveShortageLater(mm, 0);
    while (waitForNextRequest(mm));
  } while (lists.modifiedPageFile + lists.modifiedMapped < before);
}

/** The first of `count` frames of zeros, active, aligned to `count`, their PFN entries still to be initialized; -1: none are to be had. */
export function allocateContiguousFrames(mm: MemoryManager, count: number): number {
  let first = findRun(mm, count);
  if (first < 0) {
    emptyMemory(mm);
    first = findRun(mm, count);
  }
  if (first < 0) return first;
  for (let frame = first; frame < first + count; frame++) claimFrame(mm, frame);
  return first;
}
