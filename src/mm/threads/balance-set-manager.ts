/**
 * The balance set manager (priority 16): every second, and when available pages become few, it has the working set manager
 * age and trim working sets; every fourth second it wakes the swapper. Source: Unit OS5: Memory Management 5.2, "Memory Manager Components"; Windows Internals,
 * "Balance set manager and swapper".
 */
import type { MemoryManager } from '../memory-manager.js';
import { retryLostTables } from '../pte-deletion.js';
import { ageWorkingSets, trimWorkingSets } from '../working-set-manager.js';
import { canShrinkPageFiles } from './dereference-segment.js';
import { wakeSystemThread } from './system-threads.js';

/** The swapper is woken with every fourth second. */
const SWAP_PERIOD_SECONDS = 4;

/** One look; false: the thread sleeps again. */
export function balanceSetManagerStep(mm: MemoryManager): boolean {
  const { systemThreads } = mm;
  if (systemThreads.periodOver) {
    systemThreads.periodOver = false;
    takeBackGrowth(mm);
    ageWorkingSets(mm);
    retryLostTables(mm);
    if (canShrinkPageFiles(mm)) wakeSystemThread(mm, systemThreads.dereferenceSegment);
    if (++systemThreads.seconds % SWAP_PERIOD_SECONDS === 0) {
      systemThreads.swapPeriodOver = true;
      wakeSystemThread(mm, systemThreads.swapper);
    }
  }
  if (mm.lists.available < mm.thresholds.low) relieve(mm);
  return false;
}

/** There is no plenty any more: working sets that grew past their maximum give pages back, those that fault least first. */
function takeBackGrowth(mm: MemoryManager): void {
  const missing = mm.thresholds.plenty - mm.lists.available;
  if (missing > 0) trimWorkingSets(mm, missing, true);
}

/** Has modified pages written; when those and what is being written would not be enough, has working sets trimmed before. */
function relieve(mm: MemoryManager): void {
  const { io, lists, thresholds, systemThreads, pageFiles } = mm;
  const writable = lists.modifiedMapped + (pageFiles.hasSpace ? lists.modifiedPageFile : 0);
  const missing = thresholds.enough - lists.available - io.pagesBeingWritten - writable;
  if (missing > 0) systemThreads.nothingToTrim = trimWorkingSets(mm, missing, false) === 0;
  if (lists.modifiedPageFile > 0) wakeSystemThread(mm, systemThreads.modifiedPageWriter);
  if (lists.modifiedMapped > 0) wakeSystemThread(mm, systemThreads.mappedPageWriter);
}
