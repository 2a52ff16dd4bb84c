/** Runs the memory manager's system threads by priority, until each has done what it was woken for. */
import type { MemoryManager } from '../memory-manager.js';
import { balanceSetManagerStep } from './balance-set-manager.js';
import { mappedPageWriterStep } from './mapped-page-writer.js';
import { modifiedPageWriterStep } from './modified-page-writer.js';
import type { SystemThread } from './system-threads.js';

/** Runs the threads that are ready and whose priority is above `priority` (-1: all); a page writer waits while enough writes are in flight. */
export function runSystemThreads(mm: MemoryManager, priority: number): void {
  const { balanceSetManager, modifiedPageWriter, mappedPageWriter } = mm.systemThreads;
  for (;;) {
    const { takesWrites } = mm.io;
    if (modifiedPageWriter.ready && takesWrites && modifiedPageWriter.priority > priority)
      run(mm, modifiedPageWriter, modifiedPageWriterStep);
    else if (mappedPageWriter.ready && takesWrites && mappedPageWriter.priority > priority)
      run(mm, mappedPageWriter, mappedPageWriterStep);
    else if (balanceSetManager.ready && balanceSetManager.priority > priority)
      run(mm, balanceSetManager, balanceSetManagerStep);
    else return;
  }
}

/** One step; events of the step name the thread. */
function run(mm: MemoryManager, thread: SystemThread, step: (mm: MemoryManager) => boolean): void {
  const before = mm.currentThreadId;
  mm.currentThreadId = thread.id;
  thread.ready = step(mm);
  mm.currentThreadId = before;
}
