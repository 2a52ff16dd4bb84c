/**
 * Paging files: where modified private pages and pages of sections without a file go when their frames are wanted. A file is
 * a row of blocks of one page; a bitmap says which are taken, and block 0 is never used, so that a PTE with block 0 means
 * a page of zeros. Source: Unit OS5: Memory Management 5.2, "Memory Manager Components"; Windows Internals, "Page files";
 * published layouts of MMPAGING_FILE and MMPTE_SOFTWARE.
 */
import { BugCheck, MEMORY_MANAGEMENT } from './bug-check.js';
import type { MemoryManager, PageFileSize } from './memory-manager.js';
import { PFN_MODIFIED } from './pfn-database.js';
import {
  demandZeroLow,
  hasPageFileBlock,
  PTE_LOST,
  pageFileNumber,
  pteProtection,
  resetMarks,
} from './pte.js';

/** Most paging files, which is what the four bits of a PTE can name. */
export const MAX_PAGE_FILES = 16;
/** Most pages that one write takes, contiguous in the file. */
export const CLUSTER_PAGES = 16;

const PAGE_SIZE = 4096;
const FULL_WORD = 0xffff_ffff;
const PART_OF_DISK = 2 ** 35;

/** The bytes of paging files. Offsets and lengths are whole pages; failures are thrown as HostIoError. */
export interface PageFileStore {
  /** Fills `target` from a byte offset of file number `file`. */
  read(file: number, offset: number, target: Uint8Array): void;
  write(file: number, offset: number, source: Uint8Array): void;
  /** Like read, for views; left out when reading has no effect. */
  peek?(file: number, offset: number, target: Uint8Array): void;
  /** Gives back what the file holds from a byte offset on. */
  truncate(file: number, bytes: number): void;
}

/** Where a block lies on the disk, in bytes: each file has its own part of it. */
export function pageFilePosition(file: number, block: number): number {
  return (file + 1) * PART_OF_DISK + block * PAGE_SIZE;
}

/** One paging file. Sizes are in blocks of 4096 bytes. */
export class PageFile {
  readonly initial: number;
  readonly maximum: number;
  /** Blocks that the file has now: from `initial` up to `maximum`, as the dereference segment thread sees to. */
  size: number;
  /** Blocks taken, without block 0. */
  used = 0;
  peakUsed = 0;
  readonly #words: Uint32Array;
  /** Where the next search begins; the best run of the search that goes on. */
  #next = 1;
  #best = -1;
  #bestLength = 0;

  constructor(
    readonly number: number,
    bytes: PageFileSize,
  ) {
    this.initial = Math.floor(bytes.initial / PAGE_SIZE);
    this.size = this.initial;
    this.maximum = Math.max(this.size, Math.floor(bytes.maximum / PAGE_SIZE));
    this.#words = new Uint32Array((this.maximum + 31) >>> 5);
    this.#words[0] = 1;
  }

  /** Blocks that could still be taken, the file grown to its maximum. */
  get free(): number {
    return this.maximum - 1 - this.used;
  }

  isTaken(block: number): boolean {
    return (this.#words[block >>> 5]! & (1 << (block & 31))) !== 0;
  }

  /** Makes the file longer by up to so many blocks; returns by how many. */
  extend(blocks: number): number {
    const grown = Math.min(blocks, this.maximum - this.size);
    this.size += grown;
    return grown;
  }

  /** The smallest size, not below `initial`, that keeps every block in use. */
  get smallestSize(): number {
    let size = this.size;
    while (size > this.initial && !this.isTaken(size - 1)) size--;
    return size;
  }

  /** Gives the tail back, in which no block is in use; the next search begins at the front. */
  shrinkTo(size: number): void {
    this.size = size;
    this.#next = 1;
  }

  /** First block of the longest free run, up to `wanted` blocks, next after the last one taken; -1 when no block is free. */
  findRun(wanted: number): number {
    if (this.used + 1 >= this.size) return -1;
    this.#best = -1;
    this.#bestLength = 0;
    this.#search(this.#next, this.size, wanted);
    this.#search(1, Math.min(this.#next, this.size), wanted);
    return this.#best;
  }

  /** Looks in blocks `from`..`to` for a run longer than the best so far, until it is as long as wanted. */
  #search(from: number, to: number, wanted: number): void {
    for (let at = from; at < to && this.#bestLength < wanted; ) {
      if ((at & 31) === 0 && this.#words[at >>> 5] === FULL_WORD) {
        at += 32;
        continue;
      }
      const length = this.runLength(at, wanted);
      if (length > this.#bestLength) {
        this.#best = at;
        this.#bestLength = length;
      }
      at += length + 1;
    }
  }

  /** Free blocks from a block on, at most `most`. */
  runLength(block: number, most: number): number {
    let length = 0;
    while (length < most && block + length < this.size && !this.isTaken(block + length)) length++;
    return length;
  }

  take(first: number, blocks: number): void {
    for (let block = first; block < first + blocks; block++) this.#words[block >>> 5]! |= 1 << (block & 31);
    this.used += blocks;
    if (this.used > this.peakUsed) this.peakUsed = this.used;
    this.#next = first + blocks;
  }

  release(block: number): void {
    if (block === 0 || block >= this.size || !this.isTaken(block)) {
      throw new BugCheck(MEMORY_MANAGEMENT, [this.number, block], 'freed paging-file block is not taken');
    }
    this.#words[block >>> 5]! &= ~(1 << (block & 31));
    this.used--;
  }
}

/** Every paging file, the counts of the report, and the room in which a cluster is put together. */
export class PageFiles {
  readonly files: readonly PageFile[];
  pagesRead = 0;
  pagesWritten = 0;
  writeIOs = 0;
  failedWrites = 0;
  readonly cluster = new Uint8Array(CLUSTER_PAGES * PAGE_SIZE);
  /** Frames whose pages are in `cluster`. */
  readonly clusterFrames = new Int32Array(CLUSTER_PAGES);

  constructor(
    sizes: readonly PageFileSize[],
    readonly store: PageFileStore,
  ) {
    if (sizes.length > MAX_PAGE_FILES)
      throw new RangeError(`there can be ${MAX_PAGE_FILES} paging files, not ${sizes.length}`);
    this.files = sizes.map((bytes, number) => new PageFile(number, bytes));
  }

  /** Pages that paging files hold. */
  get pagesInUse(): number {
    let sum = 0;
    for (const file of this.files) sum += file.used;
    return sum;
  }

  /** Fills `target` from a block for a view: nothing is counted and no time passes. Throws HostIoError. */
  peek(file: number, block: number, target: Uint8Array): void {
    if (this.store.peek === undefined) this.store.read(file, block * PAGE_SIZE, target);
    else this.store.peek(file, block * PAGE_SIZE, target);
  }

  /** Blocks that the files have now, in all. */
  get size(): number {
    let sum = 0;
    for (const file of this.files) sum += file.size;
    return sum;
  }

  /** Blocks that they have at their largest. */
  get maximum(): number {
    let sum = 0;
    for (const file of this.files) sum += file.maximum;
    return sum;
  }

  /** True when at least one more page could be written to some paging file. */
  get hasSpace(): boolean {
    for (const file of this.files) if (file.free > 0) return true;
    return false;
  }
}

/** Frees the paging-file block that an invalid PTE or original PTE names, if it names one. MiReleasePageFileSpace. */
export function releasePageFileSpace(mm: MemoryManager, lo: number, hi: number): void {
  if (hasPageFileBlock(lo, hi)) mm.pageFiles.files[pageFileNumber(lo)]!.release(hi);
}

/**
 * The contents of a frame are newer than its backing store; a copy in a paging file is worth nothing any more and is freed. A page
 * that was reset has contents of interest again.
 */
export function markModified(mm: MemoryManager, frame: number): void {
  const { pfn } = mm;
  pfn.flags[frame]! |= PFN_MODIFIED;
  const lo = pfn.originalLo[frame]!;
  const hi = pfn.originalHi[frame]!;
  const marks = resetMarks(lo);
  if (marks === 0 && !hasPageFileBlock(lo, hi)) return;
  releasePageFileSpace(mm, lo, hi);
  pfn.originalLo[frame] = demandZeroLow(pteProtection(lo)) | (marks & PTE_LOST);
  pfn.originalHi[frame] = 0;
}

/** Paging files that are held in memory, for machines without a disk: only the blocks that were written take room. */
export class MemoryPageFileStore implements PageFileStore {
  readonly #blocks = new Map<number, Uint8Array>();

  read(file: number, offset: number, target: Uint8Array): void {
    for (let at = 0; at < target.length; at += PAGE_SIZE) {
      const block = this.#blocks.get(key(file, offset + at));
      if (block === undefined) target.fill(0, at, at + PAGE_SIZE);
      else target.set(block, at);
    }
  }

  write(file: number, offset: number, source: Uint8Array): void {
    for (let at = 0; at < source.length; at += PAGE_SIZE) {
      const block = source.subarray(at, at + PAGE_SIZE);
      const kept = this.#blocks.get(key(file, offset + at));
      if (kept === undefined) this.#blocks.set(key(file, offset + at), block.slice());
      else kept.set(block);
    }
  }

  truncate(file: number, bytes: number): void {
    for (const at of this.#blocks.keys())
      if (at % MAX_PAGE_FILES === file && at >= key(file, bytes)) this.#blocks.delete(at);
  }
}

function key(file: number, offset: number): number {
  return (offset / PAGE_SIZE) * MAX_PAGE_FILES + file;
}
