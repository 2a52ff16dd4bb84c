/**
 * Paged and nonpaged pool: the system's heaps. Blocks of up to 4064 bytes share pages; each begins with a 16-byte header in
 * RAM (POOL_HEADER: previous size, pool index, size in 16-byte units, type, tag), and free blocks are linked by size through
 * their own bytes. Larger ones get whole pages without a header. Pages of paged pool are in the system working
 * set and may be out: every touch of their bytes goes through systemWord.
 * Source: Unit OS5: Memory Management 5.2, "System Memory Pools"; Windows Internals, "Kernel-mode heaps (system memory pools)";
 * published layout of POOL_HEADER on x64.
 */
import { BAD_POOL_CALLER, BAD_POOL_HEADER, BugCheck } from './bug-check.js';
import { COMMIT_NONPAGED_POOL, COMMIT_PAGED_POOL } from './commit.js';
import type { MemoryManager } from './memory-manager.js';
import { PageBitmap } from './page-bitmap.js';
import {
  allocateSystemPages,
  freeSystemPages,
  NONPAGED_POOL,
  NONPAGED_POOL_END,
  PAGED_POOL,
  PAGED_POOL_END,
  systemValue,
} from './system-space.js';
import { systemWordToWrite } from './system-working-set.js';
import { freeUnusedSegments } from './threads/dereference-segment.js';

/** Values of POOL_HEADER.PoolType in RAM: 0 says free, else the pool type + 1. */
export const POOL_TYPE_FREE = 0;
export const POOL_TYPE_NONPAGED = 1;
export const POOL_TYPE_PAGED = 2;

const PAGE_SIZE = 4096;
/** Bytes in the unit that headers count in, and in a header. */
export const POOL_UNIT = 16;
const PAGE_UNITS = PAGE_SIZE / POOL_UNIT;
/** Bytes: the largest allocation that has a header. */
const LARGEST_SMALL_BLOCK = PAGE_SIZE - 2 * POOL_UNIT;
/** Free blocks of one unit have no room for links and are on no list. */
const SMALLEST_LISTED = 2;

const NONE: readonly number[] = [];

/** What is allocated under one four-character tag. */
export interface PoolTagUse {
  allocations: number;
  frees: number;
  /** Bytes in blocks of RAM, headers included. */
  bytes: number;
  /** Bytes charged for objects that are kept outside of RAM. */
  charged: number;
}

export interface PoolBlock {
  /** Address of the header. */
  address: number;
  /** Sizes in units of 16 bytes, header included. */
  previousUnits: number;
  units: number;
  type: number;
  tag: string;
}

interface BigAllocation {
  pages: number;
  tag: string;
}

interface PoolArea {
  type: number;
  base: number;
  end: number;
  commitUse: number;
}

const NONPAGED_AREA: PoolArea = {
  type: POOL_TYPE_NONPAGED,
  base: NONPAGED_POOL,
  end: NONPAGED_POOL_END,
  commitUse: COMMIT_NONPAGED_POOL,
};
const PAGED_AREA: PoolArea = {
  type: POOL_TYPE_PAGED,
  base: PAGED_POOL,
  end: PAGED_POOL_END,
  commitUse: COMMIT_PAGED_POOL,
};

/** Most bytes of objects that are not kept in RAM: they take about four times as much of the host. */
const MOST_CHARGED = 2 ** 28;

export class Pool {
  readonly tags = new Map<string, PoolTagUse>();
  /** Largest number of pages that the pool may have. */
  readonly limitPages: number;
  peakPages = 0;
  /** Bytes charged for objects that are not kept in RAM. */
  private charged = 0;
  private readonly area: PoolArea;
  private readonly bitmap: PageBitmap;
  /** Address of the first free block of each size in units; 0 for none. */
  private readonly freeHeads = new Float64Array(PAGE_UNITS);
  /** Allocations of whole pages by address (PoolBigPageTable). */
  private readonly big = new Map<number, BigAllocation>();

  /** Headers or free lists are being changed: what happens meanwhile, when a page of paged pool must be brought in, may not free. */
  busy = false;

  constructor(
    private readonly mm: MemoryManager,
    paged: boolean,
    limitPages: number,
  ) {
    this.area = paged ? PAGED_AREA : NONPAGED_AREA;
    this.limitPages = limitPages;
    this.bitmap = new PageBitmap((this.area.end - this.area.base) / PAGE_SIZE);
  }

  /** Pages that the pool has now, in RAM or, of paged pool, in a paging file. */
  get pages(): number {
    return this.bitmap.taken;
  }

  /**
   * Allocates bytes under a tag of four characters. Returns the system address, a multiple of 16 (of 4096 for more than
   * 4064 bytes), or 0 when limit, commit or RAM are used up (STATUS_INSUFFICIENT_RESOURCES). Contents are not zeroed
   * below 4065 bytes. ExAllocatePoolWithTag.
   */
  allocate(bytes: number, tag: string): number {
    if (bytes > LARGEST_SMALL_BLOCK) return this.allocateBig(bytes, tag);
    const units = Math.max(SMALLEST_LISTED, Math.ceil(bytes / POOL_UNIT) + 1);
    let block = this.carveListed(units, tag);
    if (block === 0) {
      block = this.takePages(1);
      if (block === 0) return 0;
      this.busy = true;
      this.carve(block, 0, PAGE_UNITS, units, tag);
      this.busy = false;
    }
    this.count(tag, units * POOL_UNIT);
    return block + POOL_UNIT;
  }

  /** Makes an allocation of a free block; 0 when none is large enough. */
  private carveListed(units: number, tag: string): number {
    this.busy = true;
    const block = this.takeListed(units);
    if (block !== 0) {
      const free = this.readBlock(block);
      this.carve(block, free.previousUnits, free.units, units, tag);
    }
    this.busy = false;
    return block;
  }

  /** Frees an allocation. An address that is not one stops the machine: BAD_POOL_CALLER or BAD_POOL_HEADER. ExFreePool. */
  free(address: number): void {
    if (address % PAGE_SIZE === 0) this.freeBig(address);
    else {
      this.busy = true;
      this.freeSmall(address - POOL_UNIT);
      this.busy = false;
    }
  }

  /**
   * Whether an object that is not kept in RAM may be made: with the pool's pages such objects stay within the pool's limit, and
   * within what the host can hold.
   */
  mayCharge(bytes: number): boolean {
    const most = Math.min(this.limitPages * PAGE_SIZE, MOST_CHARGED);
    return this.pages * PAGE_SIZE + this.charged + bytes <= most;
  }

  /** Charges bytes under a tag for an object that is not kept in RAM. */
  charge(bytes: number, tag: string): void {
    this.charged += bytes;
    const use = this.use(tag);
    use.allocations++;
    use.charged += bytes;
  }

  uncharge(bytes: number, tag: string): void {
    this.charged -= bytes;
    const use = this.use(tag);
    use.frees++;
    use.charged -= bytes;
  }

  /** The block whose header is at an address. */
  readBlock(address: number): PoolBlock {
    const low = systemValue(this.mm, address);
    return {
      address,
      previousUnits: low & 0xff,
      units: (low >>> 16) & 0xff,
      type: low >>> 24,
      tag: tagText(systemValue(this.mm, address + 4)),
    };
  }

  /** Addresses of the pages that hold blocks with headers, in order; the value after it in order, -1 at the end. */
  nextBlockPage(after: number): number {
    let page = after < 0 ? 0 : Math.floor((after - this.area.base) / PAGE_SIZE) + 1;
    for (;;) {
      page = this.bitmap.nextTaken(page);
      if (page < 0) return -1;
      const address = this.area.base + page * PAGE_SIZE;
      const big = this.big.get(address);
      if (big === undefined) return address;
      page += big.pages;
    }
  }

  /** Addresses of the blocks of a size (units) on its free list. */
  listFree(units: number): readonly number[] {
    if (this.freeHeads[units] === 0) return NONE;
    const found: number[] = [];
    for (let block = this.freeHeads[units]!; block !== 0; block = this.link(block, 0)) found.push(block);
    return found;
  }

  /** The type that headers of this pool carry when in use. */
  get blockType(): number {
    return this.area.type;
  }

  /** Pages of allocations without headers. */
  get bigPages(): number {
    let pages = 0;
    for (const big of this.big.values()) pages += big.pages;
    return pages;
  }

  /** Adds the bytes of allocations without headers to a table of bytes by tag. */
  bigBytesByTag(bytes: Map<string, number>): Map<string, number> {
    for (const big of this.big.values()) {
      bytes.set(big.tag, (bytes.get(big.tag) ?? 0) + big.pages * PAGE_SIZE);
    }
    return bytes;
  }

  private use(tag: string): PoolTagUse {
    let use = this.tags.get(tag);
    if (use === undefined) {
      use = { allocations: 0, frees: 0, bytes: 0, charged: 0 };
      this.tags.set(tag, use);
    }
    return use;
  }

  private count(tag: string, bytes: number): void {
    const use = this.use(tag);
    if (bytes > 0) use.allocations++;
    else use.frees++;
    use.bytes += bytes;
  }

  /** Takes virtual pages, commit and frames; 0 when one of them is refused. */
  private takePages(pages: number): number {
    if (!this.hasRoom(pages) && !(freeUnusedSegments(this.mm) && this.hasRoom(pages))) return 0;
    if (!this.mm.commit.charge(this.area.commitUse, pages)) return 0;
    const first = this.bitmap.take(pages);
    const address = this.area.base + first * PAGE_SIZE;
    if (first >= 0 && allocateSystemPages(this.mm, address, pages)) {
      this.peakPages = Math.max(this.peakPages, this.bitmap.taken);
      return address;
    }
    if (first >= 0) this.bitmap.release(first, pages);
    this.mm.commit.release(this.area.commitUse, pages);
    return 0;
  }

  private hasRoom(pages: number): boolean {
    return this.bitmap.taken + pages <= this.limitPages;
  }

  private releasePages(address: number, pages: number): void {
    freeSystemPages(this.mm, address, pages);
    this.bitmap.release((address - this.area.base) / PAGE_SIZE, pages);
    this.mm.commit.release(this.area.commitUse, pages);
  }

  private allocateBig(bytes: number, tag: string): number {
    const pages = Math.ceil(bytes / PAGE_SIZE);
    const address = this.takePages(pages);
    if (address === 0) return 0;
    this.big.set(address, { pages, tag });
    this.count(tag, pages * PAGE_SIZE);
    return address;
  }

  private freeBig(address: number): void {
    const big = this.big.get(address);
    if (big === undefined)
      throw new BugCheck(BAD_POOL_CALLER, [address], 'freed pool address is not an allocation');
    this.big.delete(address);
    this.count(big.tag, -big.pages * PAGE_SIZE);
    this.releasePages(address, big.pages);
  }

  /** Takes the first free block of at least `units` off its list; 0 for none. */
  private takeListed(units: number): number {
    for (let size = units; size < PAGE_UNITS; size++) {
      const block = this.freeHeads[size]!;
      if (block === 0) continue;
      this.unlinkFree(block, size);
      return block;
    }
    return 0;
  }

  /** Makes the first `units` of a block of `size` units, which is on no list, an allocation and lists the rest. */
  private carve(block: number, previousUnits: number, size: number, units: number, tag: string): void {
    this.writeHeader(block, previousUnits, units, this.area.type, tagWord(tag));
    if (size > units) this.addFree(block + units * POOL_UNIT, units, size - units);
  }

  /** Writes the header of a free block, tells the block after it, and lists it. */
  private addFree(block: number, previousUnits: number, units: number): void {
    this.writeHeader(block, previousUnits, units, POOL_TYPE_FREE, tagWord('Free'));
    const next = block + units * POOL_UNIT;
    if (next % PAGE_SIZE !== 0) {
      const word = systemWordToWrite(this.mm, next);
      this.mm.words[word] = (this.mm.words[word]! & ~0xff) | units;
    }
    if (units < SMALLEST_LISTED) return;
    const head = this.freeHeads[units]!;
    this.setLink(block, 0, head);
    this.setLink(block, 1, 0);
    if (head !== 0) this.setLink(head, 1, block);
    this.freeHeads[units] = block;
  }

  private unlinkFree(block: number, units: number): void {
    if (units < SMALLEST_LISTED) return;
    const next = this.link(block, 0);
    const previous = this.link(block, 1);
    if (previous === 0) this.freeHeads[units] = next;
    else this.setLink(previous, 0, next);
    if (next !== 0) this.setLink(next, 1, previous);
  }

  private freeSmall(header: number): void {
    const page = header - (header % PAGE_SIZE);
    const inside = page >= this.area.base && page < this.area.end && header % POOL_UNIT === 0;
    if (!inside || !this.bitmap.isTaken((page - this.area.base) / PAGE_SIZE) || this.big.has(page)) {
      throw new BugCheck(BAD_POOL_CALLER, [header + POOL_UNIT], 'freed address is not in the pool');
    }
    const block = this.readBlock(header);
    if (block.type !== this.area.type || block.units < SMALLEST_LISTED) {
      throw new BugCheck(BAD_POOL_CALLER, [header + POOL_UNIT], 'freed pool block is not in use');
    }
    this.count(block.tag, -block.units * POOL_UNIT);
    this.coalesce(header, block.previousUnits, block.units);
  }

  private coalesce(block: number, previousUnits: number, size: number): void {
    let start = block;
    let before = previousUnits;
    let units = size;
    const next = start + units * POOL_UNIT;
    if (next % PAGE_SIZE !== 0) {
      const after = this.readBlock(next);
      if (after.previousUnits !== units) {
        throw new BugCheck(BAD_POOL_HEADER, [block, next], 'pool block before it has another size');
      }
      if (after.type === POOL_TYPE_FREE) {
        this.unlinkFree(next, after.units);
        units += after.units;
      }
    }
    if (before !== 0) {
      const previous = this.readBlock(start - before * POOL_UNIT);
      if (previous.units !== before) {
        throw new BugCheck(
          BAD_POOL_HEADER,
          [block, previous.address],
          'pool block after it has another size',
        );
      }
      if (previous.type === POOL_TYPE_FREE) {
        this.unlinkFree(previous.address, previous.units);
        start = previous.address;
        before = previous.previousUnits;
        units += previous.units;
      }
    }
    if (units === PAGE_UNITS) this.releasePages(start, 1);
    else this.addFree(start, before, units);
  }

  private writeHeader(block: number, previousUnits: number, units: number, type: number, tag: number): void {
    const words = this.mm.words;
    const word = systemWordToWrite(this.mm, block);
    words[word] = previousUnits | (units << 16) | (type << 24);
    words[word + 1] = tag;
    words[word + 2] = 0;
    words[word + 3] = 0;
  }

  /** Link 0 (next) or 1 (previous) of a listed free block. */
  private link(block: number, which: number): number {
    const at = block + POOL_UNIT + which * 8;
    return (systemValue(this.mm, at + 4) & 0xffff) * 0x1_0000_0000 + systemValue(this.mm, at);
  }

  private setLink(block: number, which: number, target: number): void {
    const word = systemWordToWrite(this.mm, block) + 4 + which * 2;
    this.mm.words[word] = target % 0x1_0000_0000;
    this.mm.words[word + 1] = target === 0 ? 0 : Math.floor(target / 0x1_0000_0000) | 0xffff_0000;
  }
}

function tagWord(tag: string): number {
  return tag.charCodeAt(0) | (tag.charCodeAt(1) << 8) | (tag.charCodeAt(2) << 16) | (tag.charCodeAt(3) << 24);
}

function tagText(word: number): string {
  return String.fromCharCode(word & 0xff, (word >>> 8) & 0xff, (word >>> 16) & 0xff, word >>> 24);
}
