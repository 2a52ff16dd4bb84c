/** Segments: reserved ranges that a heap commits from the bottom up and gives back from the top. */
import { mendFreePattern } from './heap-checking.js';
import { insertFree, removeFree } from './heap-free-lists.js';
import {
  checkedEntry,
  ENTRY_BUSY,
  ENTRY_LAST,
  entryFlags,
  entryUnits,
  GRANULE,
  HEAP_CREATE_ENABLE_EXECUTE,
  HEAP_DISABLE_COALESCE_ON_FREE,
  HEAP_FIRST_SEGMENT_AT,
  HEAP_FLAGS_AT,
  HEAP_GROWABLE,
  HEAP_HEADER_SIZE,
  HEAP_NEXT_RESERVE_AT,
  type HeapContext,
  HeapCorruption,
  MAXIMUM_BLOCK_UNITS,
  previousUnits,
  SEGMENT_BASE_AT,
  SEGMENT_COMMITTED_END_AT,
  SEGMENT_HEADER_SIZE,
  SEGMENT_HEAP_AT,
  SEGMENT_NEXT_AT,
  SEGMENT_RESERVED_END_AT,
  SEGMENT_SIGNATURE,
  SEGMENT_SIGNATURE_AT,
  setEntry,
  setPreviousUnits,
} from './heap-layout.js';

const PAGE = 4096;
/** Bytes committed at a time. */
const COMMIT_STEP = 0x10000;
/** Bytes: a free block at a segment's end this large is decommitted. */
const DECOMMIT_THRESHOLD = 0x20000;
/** Bytes: segments double in size up to this. */
const MAXIMUM_SEGMENT_RESERVE = 0x1000000;
/** More segments than a process can have: a longer chain is a circle. */
const MAXIMUM_SEGMENTS = 1 << 16;

export const alignUp = (bytes: number, alignment: number) => Math.ceil(bytes / alignment) * alignment;

export function isExecutable({ memory }: HeapContext, heap: number): boolean {
  return (memory.readU32(heap + HEAP_FLAGS_AT) & HEAP_CREATE_ENABLE_EXECUTE) !== 0;
}

/** Writes a segment header and makes what is committed after it free. The heap header of the first one is written before. */
export function initializeSegment(
  context: HeapContext,
  heap: number,
  base: number,
  reserved: number,
  committed: number,
): number {
  const { memory } = context;
  const segment = base === heap ? heap + HEAP_HEADER_SIZE : base;
  memory.writeU32(segment + SEGMENT_SIGNATURE_AT, SEGMENT_SIGNATURE);
  memory.writePointer(segment + SEGMENT_HEAP_AT, heap);
  memory.writePointer(segment + SEGMENT_BASE_AT, base);
  memory.writePointer(segment + SEGMENT_RESERVED_END_AT, base + reserved);
  memory.writePointer(segment + SEGMENT_COMMITTED_END_AT, base + committed);
  memory.writePointer(segment + SEGMENT_NEXT_AT, memory.readPointer(heap + HEAP_FIRST_SEGMENT_AT));
  memory.writePointer(heap + HEAP_FIRST_SEGMENT_AT, segment);
  addFreeRange(context, heap, firstEntry(segment), base + committed, 0);
  return segment;
}

export const firstEntry = (segment: number) => segment + SEGMENT_HEADER_SIZE;

/**
 * Makes start..end free blocks of at most the largest size and ends them with a busy entry of one granule (the end of the
 * committed part), so that every block has a follower.
 */
function addFreeRange(
  context: HeapContext,
  heap: number,
  start: number,
  end: number,
  previous: number,
): void {
  let before = previous;
  let entry = start;
  for (const stop = end - GRANULE; entry < stop; ) {
    const units = Math.min((stop - entry) / GRANULE, MAXIMUM_BLOCK_UNITS);
    setEntry(context, entry, units, 0);
    setPreviousUnits(context, entry, before);
    insertFree(context, heap, entry, units);
    before = units;
    entry += units * GRANULE;
  }
  setEnd(context, entry, before);
}

/** Writes the entry that ends the committed part of a segment. */
function setEnd(context: HeapContext, entry: number, previous: number): void {
  setEntry(context, entry, 1, ENTRY_BUSY | ENTRY_LAST);
  setPreviousUnits(context, entry, previous);
}

/** Calls `visit` for each segment until it gives true; a chain that is broken or a circle throws HeapCorruption. */
export function findSegment(context: HeapContext, heap: number, visit: (segment: number) => boolean): number {
  const { memory } = context;
  let segment = memory.readPointer(heap + HEAP_FIRST_SEGMENT_AT);
  for (let count = 0; segment !== 0; count++) {
    if (count > MAXIMUM_SEGMENTS || memory.readU32(segment) !== SEGMENT_SIGNATURE) {
      throw new HeapCorruption(segment);
    }
    if (visit(segment)) return segment;
    segment = memory.readPointer(segment + SEGMENT_NEXT_AT);
  }
  return 0;
}

/** The segment whose committed part holds an address; 0 for none. */
export function segmentOf(context: HeapContext, heap: number, address: number): number {
  const { memory } = context;
  return findSegment(
    context,
    heap,
    (segment) =>
      address >= firstEntry(segment) && address < memory.readPointer(segment + SEGMENT_COMMITTED_END_AT),
  );
}

/** Makes room for a block of `units`: commits more of a segment, or reserves another. False when memory is refused. */
export function growHeap(context: HeapContext, heap: number, units: number): boolean {
  const { memory } = context;
  const bytes = units * GRANULE;
  const room = (segment: number) =>
    memory.readPointer(segment + SEGMENT_RESERVED_END_AT) -
    memory.readPointer(segment + SEGMENT_COMMITTED_END_AT);
  const segment = findSegment(context, heap, (candidate) => room(candidate) >= bytes);
  if (segment !== 0) return commitMore(context, heap, segment, bytes);
  if ((memory.readU32(heap + HEAP_FLAGS_AT) & HEAP_GROWABLE) === 0) return false;
  return addSegment(context, heap, bytes);
}

function commitMore(context: HeapContext, heap: number, segment: number, bytes: number): boolean {
  const { memory, pages } = context;
  const start = memory.readPointer(segment + SEGMENT_COMMITTED_END_AT);
  const room = memory.readPointer(segment + SEGMENT_RESERVED_END_AT) - start;
  const step = Math.min(alignUp(bytes, COMMIT_STEP), room);
  const end = start - GRANULE;
  if (checkedEntry(context, end) >>> 16 !== (ENTRY_BUSY | ENTRY_LAST)) throw new HeapCorruption(end);
  const before = previousUnits(context, end);
  if (!pages.commit(start, step, isExecutable(context, heap))) return false;
  memory.writePointer(segment + SEGMENT_COMMITTED_END_AT, start + step);
  addFreeRange(context, heap, end, start + step, before);
  joinWithPrevious(context, heap, end);
  return true;
}

function addSegment(context: HeapContext, heap: number, bytes: number): boolean {
  const { memory, pages } = context;
  const executable = isExecutable(context, heap);
  const needed = alignUp(bytes + SEGMENT_HEADER_SIZE + GRANULE, COMMIT_STEP);
  const wanted = Math.max(memory.readPointer(heap + HEAP_NEXT_RESERVE_AT), needed);
  let reserved = wanted;
  let base = pages.reserve(reserved, executable);
  if (base === 0) {
    reserved = needed;
    base = pages.reserve(reserved, executable);
  }
  if (base === 0) return false;
  if (!pages.commit(base, needed, executable)) {
    pages.release(base);
    return false;
  }
  memory.writePointer(heap + HEAP_NEXT_RESERVE_AT, Math.min(wanted * 2, MAXIMUM_SEGMENT_RESERVE));
  initializeSegment(context, heap, base, reserved, needed);
  return true;
}

/** Joins a free block with a free one before it, if both fit in one block; returns the entry of the result. */
function joinWithPrevious(context: HeapContext, heap: number, entry: number): number {
  const before = previousUnits(context, entry);
  if (before === 0) return entry;
  const previous = entry - before * GRANULE;
  const word = checkedEntry(context, previous);
  if ((word & 0xffff) !== before) throw new HeapCorruption(entry);
  if ((word >>> 16) & ENTRY_BUSY) return entry;
  return join(context, heap, previous, before, entry) ? previous : entry;
}

/** Makes two neighbouring free blocks one; false if they are too large together. Its pattern stays when both have it. */
function join(
  context: HeapContext,
  heap: number,
  first: number,
  firstUnits: number,
  second: number,
): boolean {
  const word = checkedEntry(context, second);
  const secondUnits = word & 0xffff;
  if (firstUnits + secondUnits > MAXIMUM_BLOCK_UNITS) return false;
  const pattern = (checkedEntry(context, first) & word) >>> 16;
  removeFree(context, heap, first, firstUnits);
  removeFree(context, heap, second, secondUnits);
  if (pattern) mendFreePattern(context, second);
  placeFree(context, heap, first, firstUnits + secondUnits, pattern);
  return true;
}

/** Writes a free block, tells its follower, and lists it. `pattern`: ENTRY_FILL_PATTERN when it is filled, else 0. */
export function placeFree(
  context: HeapContext,
  heap: number,
  entry: number,
  units: number,
  pattern: number,
): void {
  setEntry(context, entry, units, pattern);
  setPreviousUnits(context, entry + units * GRANULE, units);
  insertFree(context, heap, entry, units);
}

/** Frees a block in a segment: joined with free neighbours; a large free end goes back to the system. */
export function freeBlock(context: HeapContext, heap: number, entry: number, pattern: number): void {
  const units = checkedEntry(context, entry) & 0xffff;
  const next = entry + units * GRANULE;
  if (previousUnits(context, next) !== units) throw new HeapCorruption(entry);
  const nextFree = ((checkedEntry(context, next) >>> 16) & ENTRY_BUSY) === 0;
  placeFree(context, heap, entry, units, pattern);
  if (context.memory.readU32(heap + HEAP_FLAGS_AT) & HEAP_DISABLE_COALESCE_ON_FREE) return;
  if (nextFree) join(context, heap, entry, units, next);
  const free = joinWithPrevious(context, heap, entry);
  if (entryUnits(context, free) * GRANULE >= DECOMMIT_THRESHOLD) shrinkSegment(context, heap, free);
}

/** When a free block is the last of its segment, decommits its whole pages but one commit step. */
function shrinkSegment(context: HeapContext, heap: number, entry: number): void {
  const { memory, pages } = context;
  const units = entryUnits(context, entry);
  const last = entry + units * GRANULE;
  if (checkedEntry(context, last) >>> 16 !== (ENTRY_BUSY | ENTRY_LAST)) return;
  const segment = segmentOf(context, heap, entry);
  if (segment === 0) throw new HeapCorruption(entry);
  const end = last + GRANULE;
  const newEnd = alignUp(entry + COMMIT_STEP, PAGE);
  const kept = (newEnd - GRANULE - entry) / GRANULE;
  const pattern = entryFlags(context, entry);
  removeFree(context, heap, entry, units);
  setEntry(context, entry, kept, pattern);
  insertFree(context, heap, entry, kept);
  setEnd(context, newEnd - GRANULE, kept);
  memory.writePointer(segment + SEGMENT_COMMITTED_END_AT, newEnd);
  pages.decommit(newEnd, end - newEnd);
}
