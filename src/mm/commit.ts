/**
 * Commit charge: pages that the system has promised to find room for, in RAM or in paging files, against the commit limit.
 * Source: Unit OS5: Memory Management 5.2, "Reserving & Committing Memory"; Windows Internals, "Commit charge and the system commit limit".
 */

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
export const COMMIT_USES = 8;

export class CommitLedger {
  /** Pages charged now. */
  current = 0;
  /** Largest `current` so far, in pages. */
  peak = 0;
  /** Pages: usable RAM plus the present sizes of the paging files. */
  limit: number;
  /** Pages: the limit once every paging file has grown to its maximum. */
  readonly maximumLimit: number;
  /** Pages charged for each COMMIT_* use. */
  readonly byUse = new Float64Array(COMMIT_USES);

  constructor(ramPages: number, pageFilePages: readonly { initial: number; maximum: number }[]) {
    this.limit = pageFilePages.reduce((sum, file) => sum + file.initial, ramPages);
    this.maximumLimit = pageFilePages.reduce(
      (sum, file) => sum + Math.max(file.initial, file.maximum),
      ramPages,
    );
  }

  /** True when so many pages more would stay within the limit, paging files grown to their maximum. */
  hasRoom(pages: number): boolean {
    return pages <= 0 || this.current + pages <= this.maximumLimit;
  }

  /** Charges pages for a use. False (STATUS_COMMITMENT_LIMIT) when the limit, paging files at their maximum, would be passed. */
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
    if (this.current > this.limit) this.limit = Math.min(this.current, this.maximumLimit);
  }

  release(use: number, pages: number): void {
    this.current -= pages;
    this.byUse[use]! -= pages;
  }
}
