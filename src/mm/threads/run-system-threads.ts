/** Runs the memory manager's system threads by priority, until each has done what it was woken for. */
import type { MemoryManager } from '../memory-manager.js';
import { WRITES_WITH_MAPPED_FILES, WRITES_WITH_PAGE_FILE } from '../paging-io.js';
import { balanceSetManagerStep } from './balance-set-manager.js';
import { dereferenceSegmentStep } from './dereference-segment.js';
import { mappedPageWriterStep } from './mapped-page-writer.js';
import { modifiedPageWriterStep } from './modified-page-writer.js';
import { swapperStep } from './swapper.js';
import type { SystemThread } from './system-threads.js';

type Step = (mm: MemoryManager) => boolean;

/** Runs the threads that are ready and whose priority is above `priority` (-1: all); a page writer waits while enough writes are in flight. */
export function runSystemThreads(mm: MemoryManager, priority: number): void {
  const { swapper } = mm.systemThreads;
  for (;;) {
    if (canRun(swapper, priority)) runStep(mm, swapper, swapperStep);
    else if (!runOther(mm, priority)) return;
  }
}

/** Somebody waits for a frame: runs the threads that are ready, but for the swapper, which would change processes under his hands. */
export function runThreadsForFrame(mm: MemoryManager): void {
  while (runOther(mm, -1));
}

/** One step of the best thread after the swapper; false when none can run. */
function runOther(mm: MemoryManager, priority: number): boolean {
  const threads = mm.systemThreads;
  const { writesInFlight } = mm.io;
  if (canRun(threads.dereferenceSegment, priority))
    runStep(mm, threads.dereferenceSegment, dereferenceSegmentStep);
  else if (writesInFlight < WRITES_WITH_PAGE_FILE && canRun(threads.modifiedPageWriter, priority))
    runStep(mm, threads.modifiedPageWriter, modifiedPageWriterStep);
  else if (writesInFlight < WRITES_WITH_MAPPED_FILES && canRun(threads.mappedPageWriter, priority))
    runStep(mm, threads.mappedPageWriter, mappedPageWriterStep);
  else if (canRun(threads.balanceSetManager, priority))
    runStep(mm, threads.balanceSetManager, balanceSetManagerStep);
  else return false;
  return true;
}

/** A thread whose step is under way goes on when that step does. */
function canRun(thread: SystemThread, priority: number): boolean {
  return thread.ready && !thread.running && thread.priority > priority;
}

/** One step; events of the step name the thread. */
export function runStep(mm: MemoryManager, thread: SystemThread, step: Step): void {
  const before = mm.currentThreadId;
  mm.currentThreadId = thread.id;
  thread.running = true;
  try {
    thread.ready = step(mm);
  } finally {
    thread.running = false;
    mm.currentThreadId = before;
  }
}
