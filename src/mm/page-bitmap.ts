/**
 * Which pages of an area of system space are taken: one bit a page, searched first-fit from where the last search ended
 * (RTL_BITMAP as the pools and the system PTEs use it). Grows as far as the area is used.
 */
const FULL_WORD = 0xffffffff;

export class PageBitmap {
  private words = new Uint32Array(32);
  private hint = 0;
  /** Pages taken. */
  taken = 0;

  /** `pageCount`: pages in the area. */
  constructor(readonly pageCount: number) {}

  isTaken(page: number): boolean {
    return page >>> 5 < this.words.length && (this.words[page >>> 5]! & (1 << (page & 31))) !== 0;
  }

  /** Takes a run of pages and returns the number of its first, or -1 when no run is long enough. */
  take(pages: number): number {
    let first = this.findRun(this.hint, this.pageCount, pages);
    if (first < 0) first = this.findRun(0, Math.min(this.pageCount, this.hint + pages - 1), pages);
    if (first < 0) return -1;
    for (let page = first; page < first + pages; page++) this.set(page);
    this.taken += pages;
    this.hint = first + pages;
    return first;
  }

  /** Gives a run of taken pages back. */
  release(first: number, pages: number): void {
    for (let page = first; page < first + pages; page++) this.words[page >>> 5]! &= ~(1 << (page & 31));
    this.taken -= pages;
    if (first < this.hint) this.hint = first;
  }

  /** The first taken page at or after `page`, or -1. */
  nextTaken(page: number): number {
    for (let at = page; at < this.words.length * 32; at++) {
      if ((at & 31) === 0 && this.words[at >>> 5] === 0) at += 31;
      else if (this.isTaken(at)) return at;
    }
    return -1;
  }

  private findRun(from: number, to: number, pages: number): number {
    let run = 0;
    for (let page = from; page < to; page++) {
      if (page >>> 5 >= this.words.length) return page - run + pages <= to ? page - run : -1;
      if ((page & 31) === 0 && this.words[page >>> 5] === FULL_WORD) {
        run = 0;
        page += 31;
      } else if (this.isTaken(page)) run = 0;
      else if (++run === pages) return page - pages + 1;
    }
    return -1;
  }

  private set(page: number): void {
    if (page >>> 5 >= this.words.length) {
      const longer = new Uint32Array(Math.max(this.words.length * 2, (page >>> 5) + 1));
      longer.set(this.words);
      this.words = longer;
    }
    this.words[page >>> 5]! |= 1 << (page & 31);
  }
}
