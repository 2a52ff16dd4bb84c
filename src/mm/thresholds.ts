/**
 * How many pages are few and how many are enough, scaled to RAM. Source: Windows Internals, "Balance set manager and
 * swapper", "Modified page writer"; Unit OS5: Memory Management 5.2, "MM: Working Sets"; Microsoft,
 * "CreateMemoryResourceNotification function" (low memory: about 32 MB for each 4 GB, at most 64 MB; high memory: three
 * times that).
 */
export interface Thresholds {
  /** Available pages (zeroed, free, standby) below which memory is short: the balance set manager wakes. */
  readonly low: number;
  /** Available pages at which trimming and writing may stop. */
  readonly enough: number;
  /** Available pages from which on a working set may grow beyond its maximum. */
  readonly plenty: number;
  /** Modified pages above which the page writers wake, and the number down to which they write. */
  readonly modified: number;
  readonly modifiedRest: number;
  /** Available pages down to which programs are told that memory is low, and from which on that it is high. */
  readonly lowMemory: number;
  readonly highMemory: number;
}

const LOW_MEMORY_SHARE = 128;
const MOST_LOW_MEMORY = 16_384;

/** Thresholds for a number of frames. */
export function thresholdsFor(frames: number): Thresholds {
  const low = Math.min(1024, Math.max(16, Math.floor(frames / 64)));
  const modified = Math.min(16_384, Math.max(32, Math.floor(frames / 16)));
  const lowMemory = Math.min(MOST_LOW_MEMORY, Math.ceil(frames / LOW_MEMORY_SHARE));
  return {
    low,
    enough: low * 2,
    plenty: low * 4,
    modified,
    modifiedRest: Math.floor(modified / 2),
    lowMemory,
    highMemory: lowMemory * 3,
  };
}
