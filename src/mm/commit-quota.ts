/**
 * What the processes of a job may commit together, and the check that a process asks before it commits. Pages. Source:
 * Microsoft, "JOBOBJECT_EXTENDED_LIMIT_INFORMATION structure (winnt.h)"; jobs within jobs: "Nested Jobs".
 */
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';

export class CommitQuota {
  /** Commit charge of all processes of the job and of the jobs in it. */
  current = 0;
  peak = 0;
  /** Infinity for none. */
  limit = Number.POSITIVE_INFINITY;
  /** The largest charge that one process has had. */
  peakOfProcess = 0;

  constructor(
    /** The quota of the job that this one is in. */
    public parent: CommitQuota | null,
  ) {}
}

/** A limit that kept a process from committing: its own, or that of a job. */
export type CommitRefusal = (space: AddressSpace, quota: CommitQuota | null) => void;

/**
 * Whether a process may have so many pages more: its own limit, those of its jobs, and what the system has room for.
 * STATUS_COMMITMENT_LIMIT is the answer to give when not.
 */
export function mayCommit(mm: MemoryManager, space: AddressSpace, pages: number): boolean {
  if (pages <= 0) return true;
  if (space.commitCharge + pages > space.commitLimit) {
    mm.commitRefused?.(space, null);
    return false;
  }
  for (let quota = space.quota; quota !== null; quota = quota.parent) {
    if (quota.current + pages <= quota.limit) continue;
    mm.commitRefused?.(space, quota);
    return false;
  }
  return mm.commit.hasRoom(pages);
}

/** A process's charge has changed by so many pages: its jobs are told. */
export function noteCommit(space: AddressSpace, pages: number): void {
  for (let quota = space.quota; quota !== null; quota = quota.parent) {
    quota.current += pages;
    if (quota.current > quota.peak) quota.peak = quota.current;
    if (space.commitCharge > quota.peakOfProcess) quota.peakOfProcess = space.commitCharge;
  }
}

/** Puts a process into a job's quota, with all that it has committed. */
export function joinQuota(space: AddressSpace, quota: CommitQuota): void {
  const before = space.quota;
  for (let each: CommitQuota | null = quota; each !== null && each !== before; each = each.parent) {
    each.current += space.commitCharge;
    if (each.current > each.peak) each.peak = each.current;
    if (space.commitCharge > each.peakOfProcess) each.peakOfProcess = space.commitCharge;
  }
  space.quota = quota;
}
