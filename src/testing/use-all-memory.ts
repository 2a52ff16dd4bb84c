/** Drives everything that may leave memory out of it, for tests. */
import type { MemoryManager } from '../mm/memory-manager.js';
import { allocateFrame, insertFree } from '../mm/page-lists.js';
import { writeModified } from './paging-io.js';

/**
 * Writes every modified page to the paging files and gives every available frame another use, and back; page tables that
 * can go then follow. Working sets are left alone.
 */
export function useAllMemory(mm: MemoryManager): void {
  do {
    writeModified(mm);
    const taken: number[] = [];
    while (mm.lists.available > 0) taken.push(allocateFrame(mm));
    for (const frame of taken) insertFree(mm, frame);
  } while (mm.lists.modifiedPageFile > 0);
}
