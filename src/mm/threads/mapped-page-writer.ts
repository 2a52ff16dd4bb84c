/**
 * The mapped page writer (priority 17): writes modified pages of mapped files to their files, which may take locks and fault;
 * a thread of its own, so that the modified page writer can go on meanwhile. Source: Unit OS5: Memory Management 5.2,
 * "Memory Manager Components"; Windows Internals, "Modified page writer".
 */
import { writeMappedCluster } from '../mapped-file-writer.js';
import type { MemoryManager } from '../memory-manager.js';

/** Begins the write of a cluster; true when the thread goes on. */
export function mappedPageWriterStep(mm: MemoryManager): boolean {
  return writeMappedCluster(mm) > 0 && wantsPagesWritten(mm, mm.lists.modifiedMapped);
}

/** Whether a writer whose part of the modified list has `modified` pages has to go on: the list is long or memory is short. */
export function wantsPagesWritten(mm: MemoryManager, modified: number): boolean {
  return modified > 0 && (mm.lists.available < mm.thresholds.enough || modified > mm.thresholds.modifiedRest);
}
