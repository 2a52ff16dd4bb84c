/**
 * The heap manager (RtlCreateHeap, RtlAllocateHeap and family): blocks inside segments of the process's own memory, with
 * free lists by size class, splitting and joining; large blocks in pages of their own. Nothing about a heap is kept
 * outside of the process's memory, so everything read from it is checked: a contradiction throws HeapCorruption.
 */
import { findFree, initializeFreeLists, removeFree } from './heap-free-lists.js';
import {
  allocateLarge,
  forEachLarge,
  freeLarge,
  largeSize,
  requireLarge,
  resizeLarge,
} from './heap-large.js';
import * as layout from './heap-layout.js';
import {
  ENTRY_BUSY,
  ENTRY_LAST,
  ENTRY_UNUSED_AT,
  ENTRY_VIRTUAL_ALLOC,
  GRANULE,
  type HeapContext,
  HeapCorruption,
  MAXIMUM_BLOCK_UNITS,
} from './heap-layout.js';
import {
  alignUp,
  findSegment,
  firstEntry,
  freeBlock,
  growHeap,
  initializeSegment,
  placeFree,
  segmentOf,
} from './heap-segments.js';

const PAGE = 4096;
const GRANULARITY = 0x10000;
const DEFAULT_RESERVE = 0x100000;
const DEFAULT_COMMIT = 0x10000;
/** Heap header, first segment header, the end entry. */
const OVERHEAD = layout.HEAP_HEADER_SIZE + layout.SEGMENT_HEADER_SIZE + GRANULE;
/** A block of one granule could not hold the links of a free block. */
const MINIMUM_UNITS = 2;

/**
 * Makes a heap. Sizes in bytes: `initial` is committed, `maximum` reserved and the limit; a maximum of 0 makes a heap that
 * grows. Returns its address (the handle), 0 when memory is refused.
 */
export function createHeap(context: HeapContext, flags: number, initial: number, maximum: number): number {
  const { memory, pages } = context;
  const growable = maximum === 0;
  const committed = alignUp(Math.max(initial, growable ? DEFAULT_COMMIT : PAGE) + OVERHEAD, PAGE);
  const wanted = growable ? Math.max(DEFAULT_RESERVE, committed) : Math.max(maximum, committed);
  const reserved = alignUp(wanted, growable ? GRANULARITY : PAGE);
  const executable = (flags & layout.HEAP_CREATE_ENABLE_EXECUTE) !== 0;
  const heap = pages.reserve(reserved, executable);
  if (heap === 0) return 0;
  if (!pages.commit(heap, committed, executable)) {
    pages.release(heap);
    return 0;
  }
  memory.writeU32(heap + layout.HEAP_SIGNATURE_AT, layout.HEAP_SIGNATURE);
  memory.writeU32(heap + layout.HEAP_FLAGS_AT, (flags | (growable ? layout.HEAP_GROWABLE : 0)) >>> 0);
  const largeList = heap + layout.HEAP_LARGE_LIST_AT;
  memory.writePointer(largeList, largeList);
  memory.writePointer(largeList + 8, largeList);
  memory.writePointer(heap + layout.HEAP_MAXIMUM_SIZE_AT, maximum);
  memory.writePointer(heap + layout.HEAP_NEXT_RESERVE_AT, DEFAULT_RESERVE);
  initializeFreeLists(context, heap);
  initializeSegment(context, heap, heap, reserved, committed);
  return heap;
}

/** Gives all of a heap's pages back. */
export function destroyHeap(context: HeapContext, heap: number): void {
  layout.requireHeap(context, heap);
  const bases: number[] = [];
  forEachLarge(context, heap, (entry) => bases.push(requireLarge(context, entry)));
  findSegment(context, heap, (segment) => {
    bases.push(context.memory.readPointer(segment + layout.SEGMENT_BASE_AT));
    return false;
  });
  for (const base of bases) context.pages.release(base);
}

export function heapFlags(context: HeapContext, heap: number): number {
  layout.requireHeap(context, heap);
  return context.memory.readU32(heap + layout.HEAP_FLAGS_AT);
}

const unitsFor = (bytes: number) => Math.max(Math.ceil(bytes / GRANULE) + 1, MINIMUM_UNITS);

/** Address of `bytes` bytes, 16-byte aligned; 0 when memory is refused. Flags: HEAP_ZERO_MEMORY. */
export function allocateFromHeap(context: HeapContext, heap: number, flags: number, bytes: number): number {
  layout.requireHeap(context, heap);
  const units = unitsFor(bytes);
  if (units > MAXIMUM_BLOCK_UNITS) {
    return heapFlags(context, heap) & layout.HEAP_GROWABLE ? allocateLarge(context, heap, bytes) : 0;
  }
  let entry = findFree(context, heap, units);
  if (entry === 0) {
    if (!growHeap(context, heap, units + 1)) return 0;
    entry = findFree(context, heap, units);
    if (entry === 0) return 0;
  }
  const free = layout.entryUnits(context, entry);
  removeFree(context, heap, entry, free);
  takeFront(context, heap, entry, free, units, bytes);
  const user = entry + GRANULE;
  if (flags & layout.HEAP_ZERO_MEMORY) context.memory.fill(user, bytes, 0);
  return user;
}

/** Makes the first `units` of a block of `available` (in no list) a busy one and frees the rest when it can be a block. */
function takeFront(
  context: HeapContext,
  heap: number,
  entry: number,
  available: number,
  units: number,
  bytes: number,
): void {
  const rest = available - units;
  const taken = rest >= MINIMUM_UNITS ? units : available;
  layout.setEntry(context, entry, taken, ENTRY_BUSY);
  setUnused(context, entry, taken, bytes);
  if (rest < MINIMUM_UNITS) return;
  const second = entry + units * GRANULE;
  layout.setPreviousUnits(context, second, units);
  placeFree(context, heap, second, rest);
}

function setUnused({ memory }: HeapContext, entry: number, units: number, bytes: number): void {
  memory.writeU8(entry + ENTRY_UNUSED_AT, units * GRANULE - bytes);
}

/** The entry of a busy block of this heap; anything else throws HeapCorruption. */
function requireBusy(context: HeapContext, heap: number, address: number): number {
  layout.requireHeap(context, heap);
  if (address % GRANULE !== 0 || address < GRANULE) throw new HeapCorruption(address);
  const entry = address - GRANULE;
  const flags = layout.checkedEntry(context, entry) >>> 16;
  if ((flags & ENTRY_BUSY) === 0 || flags & ENTRY_LAST) throw new HeapCorruption(address);
  if ((flags & ENTRY_VIRTUAL_ALLOC) === 0 && segmentOf(context, heap, entry) === 0)
    throw new HeapCorruption(address);
  return entry;
}

const isLarge = (context: HeapContext, entry: number) =>
  (layout.entryFlags(context, entry) & ENTRY_VIRTUAL_ALLOC) !== 0;

/** Gives a block back; throws HeapCorruption for what is not a busy block of the heap. */
export function freeToHeap(context: HeapContext, heap: number, address: number): void {
  const entry = requireBusy(context, heap, address);
  if (isLarge(context, entry)) freeLarge(context, entry);
  else freeBlock(context, heap, entry);
}

/** Bytes that the caller asked for; throws HeapCorruption for what is not a busy block of the heap. */
export function sizeInHeap(context: HeapContext, heap: number, address: number): number {
  const entry = requireBusy(context, heap, address);
  if (isLarge(context, entry)) return largeSize(context, entry);
  return layout.entryUnits(context, entry) * GRANULE - context.memory.readU8(entry + ENTRY_UNUSED_AT);
}

/**
 * Changes a block's size, in place where it can, else by moving. Returns the block's address, 0 when memory is refused
 * (the block stays as it was). Flags: HEAP_ZERO_MEMORY clears what is added, HEAP_REALLOC_IN_PLACE_ONLY.
 */
export function reallocateInHeap(
  context: HeapContext,
  heap: number,
  flags: number,
  address: number,
  bytes: number,
): number {
  const oldBytes = sizeInHeap(context, heap, address);
  const entry = address - GRANULE;
  const inPlace = isLarge(context, entry)
    ? unitsFor(bytes) > MAXIMUM_BLOCK_UNITS && resizeLarge(context, heap, entry, bytes)
    : resizeBlock(context, heap, entry, bytes);
  if (inPlace) {
    if (flags & layout.HEAP_ZERO_MEMORY && bytes > oldBytes) {
      context.memory.fill(address + oldBytes, bytes - oldBytes, 0);
    }
    return address;
  }
  if (flags & layout.HEAP_REALLOC_IN_PLACE_ONLY) return 0;
  const moved = allocateFromHeap(context, heap, flags & ~layout.HEAP_ZERO_MEMORY, bytes);
  if (moved === 0) return 0;
  const kept = Math.min(oldBytes, bytes);
  // So that waits for pages come before writes of more than can be taken back.
  context.memory.probeRead(address, kept);
  context.memory.probeWrite(moved, kept);
  context.memory.copy(moved, address, kept);
  if (flags & layout.HEAP_ZERO_MEMORY && bytes > oldBytes)
    context.memory.fill(moved + oldBytes, bytes - oldBytes, 0);
  freeToHeap(context, heap, address);
  return moved;
}

/** Shrinks a block, or grows it into a free follower; false when it does not fit. */
function resizeBlock(context: HeapContext, heap: number, entry: number, bytes: number): boolean {
  const units = unitsFor(bytes);
  if (units > MAXIMUM_BLOCK_UNITS) return false;
  const current = layout.entryUnits(context, entry);
  const next = entry + current * GRANULE;
  if (units <= current) {
    if (current - units < MINIMUM_UNITS) {
      setUnused(context, entry, current, bytes);
      return true;
    }
    layout.setEntry(context, entry, units, ENTRY_BUSY);
    setUnused(context, entry, units, bytes);
    const rest = entry + units * GRANULE;
    layout.setEntry(context, rest, current - units, ENTRY_BUSY);
    layout.setPreviousUnits(context, rest, units);
    layout.setPreviousUnits(context, next, current - units);
    freeBlock(context, heap, rest);
    return true;
  }
  const word = layout.checkedEntry(context, next);
  const available = current + (word & 0xffff);
  if ((word >>> 16) & ENTRY_BUSY || available < units || available > MAXIMUM_BLOCK_UNITS) return false;
  removeFree(context, heap, next, word & 0xffff);
  layout.setPreviousUnits(context, entry + available * GRANULE, available);
  takeFront(context, heap, entry, available, units, bytes);
  return true;
}

/** One entry of a heap, for walks. Sizes in bytes. */
export interface HeapEntry {
  readonly address: number;
  readonly bytes: number;
  readonly overhead: number;
  readonly busy: boolean;
  readonly large: boolean;
}

/** Calls `visit` for every block in every segment, then for the large ones; contradictions throw HeapCorruption. */
export function walkHeap(context: HeapContext, heap: number, visit: (entry: HeapEntry) => void): void {
  layout.requireHeap(context, heap);
  findSegment(context, heap, (segment) => {
    walkSegment(context, segment, visit);
    return false;
  });
  for (const block of largeBlocks(context, heap)) visit(block);
}

function walkSegment(context: HeapContext, segment: number, visit: (entry: HeapEntry) => void): void {
  const end = context.memory.readPointer(segment + layout.SEGMENT_COMMITTED_END_AT);
  let previous = 0;
  for (let entry = firstEntry(segment); ; ) {
    const word = layout.checkedEntry(context, entry);
    const units = word & 0xffff;
    const flags = word >>> 16;
    const next = entry + units * GRANULE;
    if (layout.previousUnits(context, entry) !== previous || next > end) throw new HeapCorruption(entry);
    if (flags & ENTRY_LAST) {
      if (next !== end) throw new HeapCorruption(entry);
      return;
    }
    visit(describeEntry(context, entry, word));
    previous = units;
    entry = next;
  }
}

function describeEntry(context: HeapContext, entry: number, word: number): HeapEntry {
  const busy = ((word >>> 16) & ENTRY_BUSY) !== 0;
  const unused = busy ? context.memory.readU8(entry + ENTRY_UNUSED_AT) : GRANULE;
  return {
    address: entry + GRANULE,
    bytes: (word & 0xffff) * GRANULE - unused,
    overhead: unused,
    busy,
    large: false,
  };
}

/** The block of a segment behind the one at an address, its first for 0; null at the end. */
export function blockBehind(context: HeapContext, segment: number, address: number): HeapEntry | null {
  const before = address - GRANULE;
  const units = address === 0 ? 0 : layout.checkedEntry(context, before) & 0xffff;
  const entry = address === 0 ? firstEntry(segment) : before + units * GRANULE;
  if (entry >= context.memory.readPointer(segment + layout.SEGMENT_COMMITTED_END_AT))
    throw new HeapCorruption(entry);
  const word = layout.checkedEntry(context, entry);
  if (address !== 0 && layout.previousUnits(context, entry) !== units) throw new HeapCorruption(entry);
  return (word >>> 16) & ENTRY_LAST ? null : describeEntry(context, entry, word);
}

/** The large blocks, in the order of their list. */
export function largeBlocks(context: HeapContext, heap: number): HeapEntry[] {
  const blocks: HeapEntry[] = [];
  forEachLarge(context, heap, (entry) =>
    blocks.push({
      address: entry + GRANULE,
      bytes: largeSize(context, entry),
      overhead: layout.LARGE_HEADER_SIZE,
      busy: true,
      large: true,
    }),
  );
  return blocks;
}

/** True when the whole heap (address 0) or one block is sound. */
export function validateHeap(context: HeapContext, heap: number, address: number): boolean {
  try {
    if (address !== 0) requireBusy(context, heap, address);
    else walkHeap(context, heap, () => {});
    return true;
  } catch (error) {
    if (error instanceof HeapCorruption) return false;
    throw error;
  }
}
