/**
 * Virtual address descriptors: the ranges of a process's address space that are not free, in a balanced (AVL) tree ordered
 * by page number. Each node knows the largest 64 KB-aligned gap below it, so that a free range is found in logarithmic time,
 * bottom-up or top-down. Source: Unit OS5: Memory Management 5.2; Windows Memory Model and Its Inner Workings ("Virtual Address
 * Descriptors"); Windows Internals, "Virtual address descriptors".
 */
import type { ControlArea } from './control-area.js';

export const VAD_PRIVATE = 0;
export const VAD_MAPPED = 1;
export const VAD_IMAGE = 2;

/** Vad.type: ordinary, of large pages, or a window for user physical pages. */
export const VAD_ORDINARY = 0;
export const VAD_LARGE_PAGES = 1;
export const VAD_AWE = 2;

/** Pages in the 64 KB allocation granularity. */
const GRANULARITY_PAGES = 16;

/** One range. Page numbers are address / 4096, both ends included. */
export class Vad {
  left: Vad | null = null;
  right: Vad | null = null;
  height = 1;
  /** First and last page of the subtree, and its largest inner gap in pages, counted from the next 64 KB boundary. */
  subtreeStart: number;
  subtreeEnd: number;
  subtreeGap = 0;
  /** Private: pages that are zero in the page table are committed with `protection`. */
  memCommit = false;
  /** Reserved for what will replace it: nothing can be committed, it can be split and coalesced (MEM_RESERVE_PLACEHOLDER). */
  isPlaceholder = false;
  /** Took the place of a placeholder, and may become one again (MEM_PRESERVE_PLACEHOLDER). */
  replacesPlaceholder = false;
  /** Address in nonpaged pool of the bitmap of pages written to since the range was made or reset (MEM_WRITE_WATCH); else 0. */
  writeWatch = 0;
  /** Protection may not be changed and the range not be freed (SEC_NO_CHANGE; the shared user data page). */
  noChange = false;
  /** Views of a SEC_RESERVE section: a page whose prototype PTE is zero is reserved, not committed. */
  sectionMayReserve = false;
  /** Views that were mapped longer than their file's section may get (MEM_RESERVE): pages beyond its segment are reserved. */
  isExtendable = false;
  /** VAD_LARGE_PAGES and VAD_AWE: the pages are always in memory, in no working set, and never written to a paging file. */
  type = VAD_ORDINARY;
  /** Pages charged to commit for this range. Views: pages that are, or by their protection may become, private copies. */
  commitCharge = 0;
  /** Views: what is mapped. */
  controlArea: ControlArea | null = null;
  /** Views: system address of the prototype PTE of the first page; the others follow, 8 bytes each. 0 for private memory. */
  firstPrototype = 0;
  /** Views: offset of the first page in the section, in pages. */
  sectionOffset = 0;
  /** Views: ViewShare (1) is inherited by child processes, ViewUnmap (2) is not. */
  inheritDisposition = 0;

  constructor(
    public startPage: number,
    public endPage: number,
    readonly kind: number,
    /** Protection code at allocation or mapping (AllocationProtect). */
    readonly protection: number,
  ) {
    this.subtreeStart = startPage;
    this.subtreeEnd = endPage;
  }

  get pageCount(): number {
    return this.endPage - this.startPage + 1;
  }
}

function alignUp(page: number, alignment = GRANULARITY_PAGES): number {
  return Math.ceil(page / alignment) * alignment;
}

function alignDown(page: number, alignment: number): number {
  return Math.floor(page / alignment) * alignment;
}

function heightOf(node: Vad | null): number {
  return node === null ? 0 : node.height;
}

function update(node: Vad): Vad {
  const { left, right } = node;
  node.height = Math.max(heightOf(left), heightOf(right)) + 1;
  let gap = 0;
  node.subtreeStart = node.startPage;
  node.subtreeEnd = node.endPage;
  if (left !== null) {
    gap = Math.max(left.subtreeGap, node.startPage - alignUp(left.subtreeEnd + 1));
    node.subtreeStart = left.subtreeStart;
  }
  if (right !== null) {
    gap = Math.max(gap, right.subtreeGap, right.subtreeStart - alignUp(node.endPage + 1));
    node.subtreeEnd = right.subtreeEnd;
  }
  node.subtreeGap = gap;
  return node;
}

function rotateRight(node: Vad): Vad {
  const top = node.left!;
  node.left = top.right;
  top.right = update(node);
  return update(top);
}

function rotateLeft(node: Vad): Vad {
  const top = node.right!;
  node.right = top.left;
  top.left = update(node);
  return update(top);
}

function balance(node: Vad): Vad {
  const tilt = heightOf(node.left) - heightOf(node.right);
  if (tilt > 1) {
    if (heightOf(node.left!.left) < heightOf(node.left!.right)) node.left = rotateLeft(node.left!);
    return rotateRight(node);
  }
  if (tilt < -1) {
    if (heightOf(node.right!.right) < heightOf(node.right!.left)) node.right = rotateRight(node.right!);
    return rotateLeft(node);
  }
  return update(node);
}

function insertUnder(node: Vad | null, vad: Vad): Vad {
  if (node === null) return update(vad);
  if (vad.startPage < node.startPage) node.left = insertUnder(node.left, vad);
  else node.right = insertUnder(node.right, vad);
  return balance(node);
}

function removeFirst(node: Vad): Vad | null {
  if (node.left === null) return node.right;
  node.left = removeFirst(node.left);
  return balance(node);
}

function removeUnder(node: Vad, vad: Vad): Vad | null {
  if (node !== vad) {
    if (vad.startPage < node.startPage) node.left = removeUnder(node.left!, vad);
    else node.right = removeUnder(node.right!, vad);
    return balance(node);
  }
  if (node.left === null) return node.right;
  if (node.right === null) return node.left;
  let successor = node.right;
  while (successor.left !== null) successor = successor.left;
  const right = removeFirst(node.right);
  successor.left = node.left;
  successor.right = right;
  return balance(successor);
}

function refresh(node: Vad, vad: Vad): void {
  if (node !== vad) refresh(vad.startPage < node.startPage ? node.left! : node.right!, vad);
  update(node);
}

/** Lowest aligned page from `floor` on where `pages` fit below or between the ranges of a subtree, or -1. */
function lowestFit(node: Vad, floor: number, pages: number, alignment: number): number {
  const base = alignUp(floor, alignment);
  if (node.subtreeStart - base < pages && node.subtreeGap < pages) return -1;
  let from = floor;
  if (node.left !== null) {
    if (node.left.subtreeEnd >= floor) {
      const fit = lowestFit(node.left, floor, pages, alignment);
      if (fit >= 0) return fit;
    }
    from = Math.max(floor, node.left.subtreeEnd + 1);
  }
  const here = alignUp(from, alignment);
  if (here + pages <= node.startPage) return here;
  if (node.right === null) return -1;
  return lowestFit(node.right, Math.max(floor, node.endPage + 1), pages, alignment);
}

/** Highest aligned page where `pages` fit, ending before `ceiling`, between or above the ranges of a subtree, or -1. */
function highestFit(node: Vad, ceiling: number, pages: number, alignment: number): number {
  if (ceiling - alignUp(node.subtreeEnd + 1) < pages && node.subtreeGap < pages) return -1;
  let to = ceiling;
  if (node.right !== null) {
    if (node.right.subtreeStart < ceiling) {
      const fit = highestFit(node.right, ceiling, pages, alignment);
      if (fit >= 0) return fit;
    }
    to = Math.min(ceiling, node.right.subtreeStart);
  }
  const here = alignDown(to - pages, alignment);
  if (here > node.endPage) return here;
  if (node.left === null) return -1;
  return highestFit(node.left, Math.min(ceiling, node.startPage), pages, alignment);
}

export class VadTree {
  root: Vad | null = null;
  count = 0;
  /** The range found last (VadHint). */
  private hint: Vad | null = null;

  /** The range that holds a page, or null. */
  find(page: number): Vad | null {
    const hint = this.hint;
    if (hint !== null && page >= hint.startPage && page <= hint.endPage) return hint;
    let node = this.root;
    while (node !== null) {
      if (page < node.startPage) node = node.left;
      else if (page > node.endPage) node = node.right;
      else {
        this.hint = node;
        return node;
      }
    }
    return null;
  }

  /** The lowest range that overlaps the pages from `start` to `end` (included), or null. */
  findOverlap(start: number, end: number): Vad | null {
    const next = this.atOrAfter(start);
    return next !== null && next.startPage <= end ? next : null;
  }

  /** The lowest range that ends at a page or after it, or null. */
  atOrAfter(page: number): Vad | null {
    let node = this.root;
    let best: Vad | null = null;
    while (node !== null) {
      if (node.endPage < page) node = node.right;
      else {
        best = node;
        node = node.left;
      }
    }
    return best;
  }

  /** The highest range that starts at a page or before it, or null. */
  atOrBefore(page: number): Vad | null {
    let node = this.root;
    let best: Vad | null = null;
    while (node !== null) {
      if (node.startPage > page) node = node.left;
      else {
        best = node;
        node = node.right;
      }
    }
    return best;
  }

  /** The lowest range, or null. With next(): the walk in address order. */
  first(): Vad | null {
    return this.atOrAfter(0);
  }

  next(vad: Vad): Vad | null {
    return this.atOrAfter(vad.endPage + 1);
  }

  previous(vad: Vad): Vad | null {
    return this.atOrBefore(vad.startPage - 1);
  }

  /** Adds a range; it must not overlap another. */
  insert(vad: Vad): void {
    vad.left = null;
    vad.right = null;
    this.root = insertUnder(this.root, vad);
    this.count++;
  }

  remove(vad: Vad): void {
    this.root = removeUnder(this.root!, vad);
    vad.left = null;
    vad.right = null;
    this.count--;
    this.hint = null;
  }

  /** Shrinks a range in place, without passing another. */
  resize(vad: Vad, startPage: number, endPage: number): void {
    vad.startPage = startPage;
    vad.endPage = endPage;
    refresh(this.root!, vad);
    this.hint = null;
  }

  /**
   * Lowest start page in `lowest`..`highest` (pages, both included) of a free run of `pages`, or -1. `alignment`: pages, a power of
   * two from 16 on.
   */
  findBottomUp(pages: number, lowest: number, highest: number, alignment = GRANULARITY_PAGES): number {
    let base = -1;
    if (this.root !== null) base = lowestFit(this.root, lowest, pages, alignment);
    if (base < 0)
      base = alignUp(this.root === null ? lowest : Math.max(lowest, this.root.subtreeEnd + 1), alignment);
    return base + pages - 1 <= highest ? base : -1;
  }

  /** Highest start page in `lowest`..`highest` (pages, both included) of a free run of `pages`, or -1. */
  findTopDown(pages: number, lowest: number, highest: number, alignment = GRANULARITY_PAGES): number {
    const ceiling = highest + 1;
    let base = -1;
    if (this.root !== null) base = highestFit(this.root, ceiling, pages, alignment);
    if (base < 0) {
      const below = this.root === null ? ceiling : Math.min(ceiling, this.root.subtreeStart);
      base = alignDown(below - pages, alignment);
    }
    return base >= lowest ? base : -1;
  }
}
