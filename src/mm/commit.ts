/**
 * Commit charge: pages that the system has promised to find room for, in RAM or in paging files, against the commit limit.
 * Source: Unit OS5: Memory Management 5.2, "Reserving & Committing Memory"; Windows Internals, "Commit charge and the system commit limit".
 */
import type { MemoryManager } from './memory-manager.js';
import { makeCommitRoom } from './threads/dereference-segment.js';
import { wakeSystemThread } from './threads/system-threads.js';

/** What a charge is for; `byUse` is indexed by these. */
export const COMMIT_PRIVATE = 0;
/** Page tables and the other pages that an address space itself is made of. */
export const COMMIT_PAGE_TABLES = 1;
/** Views with a copy-on-write protection, one page for each page that may be copied. */
export const COMMIT_COPY_ON_WRITE = 2;
/** Sections backed by the paging file. */
export const COMMIT_SECTION = 3;
export const COMMIT_PAGED_POOL = 4;
export const COMMIT_NONPAGED_POOL = 5;
export const COMMIT_KERNEL_STACK = 6;
/** The page tables of system space and the shared user data page. */
export const COMMIT_SYSTEM = 7;
/** Pages that AllocateUserPhysicalPages gave to programs. */
export const COMMIT_USER_PHYSICAL = 8;
export const COMMIT_USES = 9;

/** Part of the limit beyond which the paging files are extended before somebody has to wait for it. */
export const COMMIT_HIGH = 0.9;

export class CommitLedger {
  /** Pages charged now. */
  current = 0;
  /** Largest `current` so far, in pages. */
  peak = 0;
  /** Pages charged for each COMMIT_* use. */
  readonly byUse = new Float64Array(COMMIT_USES);

  constructor(
    private readonly mm: MemoryManager,
    private readonly ramPages: number,
  ) {}

  /** Pages: RAM plus the present sizes of the paging files. */
  get limit(): number {
    return this.ramPages + this.mm.pageFiles.size;
  }

  /** Pages: the limit once every paging file has grown to its maximum. */
  get maximumLimit(): number {
    return this.ramPages + this.mm.pageFiles.maximum;
  }

  /** True when so many pages more stay within the limit; if they must be, paging files are extended at once. */
  hasRoom(pages: number): boolean {
    return pages <= 0 || this.current + pages <= this.limit || makeCommitRoom(this.mm, pages);
  }

  /** Charges pages for a use. False (STATUS_COMMITMENT_LIMIT) when they pass the limit and no paging file can grow enough. */
  charge(use: number, pages: number): boolean {
    if (!this.hasRoom(pages)) return false;
    this.force(use, pages);
    return true;
  }

  /** Charges pages whatever the limit: for page tables, so that committed memory can always be touched. */
  force(use: number, pages: number): void {
    this.current += pages;
    this.byUse[use]! += pages;
    if (this.current > this.peak) this.peak = this.current;
    if (this.isHigh && this.limit < this.maximumLimit)
      wakeSystemThread(this.mm, this.mm.systemThreads.dereferenceSegment);
  }

  /** More than nine tenths of the limit are charged. */
  get isHigh(): boolean {
    return this.current > this.limit * COMMIT_HIGH;
  }

  release(use: number, pages: number): void {
    this.current -= pages;
    this.byUse[use]! -= pages;
  }
}
