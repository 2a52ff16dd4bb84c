/**
 * The executive's side of the memory manager's system threads: which threads want their kernel stacks back, when they are ready
 * then, and how long an idle processor may sleep.
 */
import { runSystemThreads } from '../mm/threads/run-system-threads.js';
import { isIdle } from '../mm/threads/swapper.js';
import { wakeSystemThread } from '../mm/threads/system-threads.js';
import { deleteUnusedSegments } from '../mm/unused-segments.js';
import type { Kernel } from './kernel.js';
import { signalMemoryConditions } from './memory-conditions.js';

/**
 * Runs the system threads that are above the thread that runs or would, and shows the memory conditions that come of it;
 * threads whose stacks came in are ready then. When the
 * processor has been idle for a second, no process keeps it any more and each may leave memory.
 */
export function runMemoryThreads(kernel: Kernel): void {
  const { mm, scheduler } = kernel;
  if (mm.systemThreads.periodOver && kernel.loadedThread === null) kernel.detachProcess();
  runReady(kernel);
  const { length } = scheduler.transition;
  signalMemoryConditions(kernel);
  if (scheduler.transition.length > length) runReady(kernel);
}

function runReady(kernel: Kernel): void {
  const { mm, scheduler } = kernel;
  if (scheduler.transition.length > 0) wakeSystemThread(mm, mm.systemThreads.swapper);
  const { seconds } = mm.systemThreads;
  runSystemThreads(mm, scheduler.current?.priority ?? scheduler.bestReady);
  if (mm.systemThreads.seconds !== seconds) scheduler.raiseStarved();
  if (scheduler.transition.length > 0) scheduler.admit();
  if (mm.sections.unusedDeleted) closeDeletedSegments(kernel);
}

/** Closes the files of which the last segment was deleted. */
function closeDeletedSegments({ mm, fileSystem }: Kernel): void {
  mm.sections.unusedDeleted = false;
  fileSystem.releaseUnused();
}

/** Deletes every segment that nobody uses, and closes their files. */
export function closeUnusedSegments(kernel: Kernel): void {
  deleteUnusedSegments(kernel.mm, 0);
  closeDeletedSegments(kernel);
}

/**
 * Virtual time, in 100 ns units, to which an idle machine may go on: the next event, or before that the next second of the
 * balance set manager as long as some stack may still have to leave.
 */
export function idleUntil({ mm }: Kernel, nextEvent: number): number {
  const hasIdleStack = mm.kernelStacks.some(isIdle);
  return hasIdleStack ? Math.min(nextEvent, mm.systemThreads.nextBalance) : nextEvent;
}
