/** The limits of a working set. Sizes in pages. Source: Microsoft, "SetProcessWorkingSetSizeEx function". */
import { STATUS_INVALID_PARAMETER, STATUS_SUCCESS } from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { DEFAULT_MINIMUM } from './working-set.js';
import { trimWorkingSet } from './working-set-manager.js';

export const QUOTA_LIMITS_HARDWS_MIN_ENABLE = 1;
export const QUOTA_LIMITS_HARDWS_MIN_DISABLE = 2;
export const QUOTA_LIMITS_HARDWS_MAX_ENABLE = 4;
export const QUOTA_LIMITS_HARDWS_MAX_DISABLE = 8;

const LEAST_MINIMUM = 20;
const LEAST_MAXIMUM = 13;
/** A maximum, and all minimums together, leave the system this many pages. */
const RESERVED_PAGES = 512;
const MINIMUM_FLAGS = QUOTA_LIMITS_HARDWS_MIN_ENABLE | QUOTA_LIMITS_HARDWS_MIN_DISABLE;
const MAXIMUM_FLAGS = QUOTA_LIMITS_HARDWS_MAX_ENABLE | QUOTA_LIMITS_HARDWS_MAX_DISABLE;

/**
 * Sets minimum and maximum; `flags` (QUOTA_LIMITS_*) make them hard or soft. A minimum below 20 is taken as 20.
 * STATUS_INVALID_PARAMETER: the maximum is below the minimum or 13, leaves the system fewer than 512 pages, or the flags
 * contradict each other.
 */
export function setWorkingSetLimits(
  mm: MemoryManager,
  space: AddressSpace,
  minimum: number,
  maximum: number,
  flags: number,
): number {
  if ((flags & ~(MINIMUM_FLAGS | MAXIMUM_FLAGS)) !== 0) return STATUS_INVALID_PARAMETER;
  if ((flags & MINIMUM_FLAGS) === MINIMUM_FLAGS || (flags & MAXIMUM_FLAGS) === MAXIMUM_FLAGS)
    return STATUS_INVALID_PARAMETER;
  if (minimum < 1 || maximum < minimum || maximum < LEAST_MAXIMUM) return STATUS_INVALID_PARAMETER;
  const least = Math.max(minimum, LEAST_MINIMUM);
  const most = Math.max(maximum, least);
  if (most > mm.usableFrames - RESERVED_PAGES) return STATUS_INVALID_PARAMETER;
  const set = space.workingSet;
  set.minimum = least;
  set.maximum = most;
  if ((flags & MINIMUM_FLAGS) !== 0) set.hardMinimum = (flags & QUOTA_LIMITS_HARDWS_MIN_ENABLE) !== 0;
  if ((flags & MAXIMUM_FLAGS) !== 0) set.hardMaximum = (flags & QUOTA_LIMITS_HARDWS_MAX_ENABLE) !== 0;
  if (set.hardMaximum && space.workingSetPages > most)
    trimWorkingSet(mm, space, space.workingSetPages - most);
  return STATUS_SUCCESS;
}

/**
 * Whether RAM has the minimum of one more process beside those that are promised to the others. Source: Windows Internals,
 * "Working set limits" (the minimum of a new process is charged against resident available memory).
 */
export function hasRoomForMinimum(mm: MemoryManager): boolean {
  const promised = mm.addressSpaces.reduce((sum, { workingSet }) => sum + workingSet.minimum, 0);
  return promised + DEFAULT_MINIMUM <= mm.usableFrames - RESERVED_PAGES;
}

/** The QUOTA_LIMITS_* flags that say which limits are hard. */
export function workingSetLimitFlags(space: AddressSpace): number {
  const { hardMinimum, hardMaximum } = space.workingSet;
  return (
    (hardMinimum ? QUOTA_LIMITS_HARDWS_MIN_ENABLE : QUOTA_LIMITS_HARDWS_MIN_DISABLE) |
    (hardMaximum ? QUOTA_LIMITS_HARDWS_MAX_ENABLE : QUOTA_LIMITS_HARDWS_MAX_DISABLE)
  );
}
