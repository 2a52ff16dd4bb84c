import type { MemoryManager } from '../mm/memory-manager.js';
import { waitForNextRequest } from '../mm/paging-io.js';
import { writeCluster } from '../mm/threads/modified-page-writer.js';
import { runSystemThreads } from '../mm/threads/run-system-threads.js';

/** Ends all paging I/O; system threads above a priority go on with what they do meanwhile. */
export function completeIo(mm: MemoryManager, priority = 31): void {
  while (waitForNextRequest(mm)) runSystemThreads(mm, priority);
}

/** Writes every modified page that belongs into a paging file; its frame is on standby then. */
export function writeModified(mm: MemoryManager): void {
  while (writeCluster(mm) > 0);
  completeIo(mm);
}
