/**
 * The heap manager (RtlCreateHeap, RtlAllocateHeap and family): blocks inside segments of the process's own memory, large blocks
 * in pages of their own, and a front end for sizes that are asked for often. Nothing about a heap is kept outside of the
 * process's memory, so everything read from it is checked: a contradiction throws HeapCorruption.
 */
import {
  allocateBlock,
  blockSize,
  formOfEntry,
  freeBlockChecked,
  isLarge,
  requireBlock,
  resizeBlock,
  unitsFor,
  valueAddress,
} from './heap-back-end.js';
import { writeFreshPattern } from './heap-checking.js';
import { initializeFreeLists } from './heap-free-lists.js';
import {
  activateBucket,
  allocateFront,
  freeFront,
  frontSize,
  makeFrontEnd,
  requireFront,
  setFrontSize,
} from './heap-front-end.js';
import { bucketOf, frontEndOf, isFrontEntry } from './heap-front-end-layout.js';
import { forEachLarge, freeLarge, requireLarge, resizeLarge } from './heap-large.js';
import * as layout from './heap-layout.js';
import {
  ENTRY_EXTRA_PRESENT,
  ENTRY_FILL_PATTERN,
  GRANULE,
  type HeapContext,
  HeapCorruption,
  MAXIMUM_BLOCK_UNITS,
} from './heap-layout.js';
import { alignUp, findSegment, initializeSegment } from './heap-segments.js';

const PAGE = 4096;
const GRANULARITY = 0x10000;
const DEFAULT_RESERVE = 0x100000;
const DEFAULT_COMMIT = 0x10000;
/** Bytes for blocks that a heap begins with at least. */
const MINIMUM_ROOM = 64;
/** Heap header, first segment header, the end entry. */
const OVERHEAD = layout.HEAP_HEADER_SIZE + layout.SEGMENT_HEADER_SIZE + GRANULE;

/**
 * Makes a heap. Sizes in bytes: `initial` is committed, `maximum` reserved and the limit; a maximum of 0 makes a heap that
 * grows. Returns its address (the handle), 0 when memory is refused.
 */
export function createHeap(context: HeapContext, flags: number, initial: number, maximum: number): number {
  const { pages } = context;
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
  const all = (flags & ~layout.HEAP_GROWABLE) | (growable ? layout.HEAP_GROWABLE : 0);
  initializeHeap(context, heap, all >>> 0, { reserved, committed, maximum, userBase: false });
  return heap;
}

/**
 * Makes a heap in memory of the caller's, from its committed pages on into what is reserved behind them. Returns its address, 0
 * when that is no whole page or too little.
 */
export function createHeapAt(context: HeapContext, flags: number, heap: number): number {
  const { committed, reserved } = context.pages.extent(heap);
  if (heap % PAGE !== 0 || committed < alignUp(OVERHEAD + MINIMUM_ROOM, PAGE)) return 0;
  const maximum = flags & layout.HEAP_GROWABLE ? 0 : reserved;
  initializeHeap(context, heap, flags, { reserved, committed, maximum, userBase: true });
  return heap;
}

/** Bytes of a new heap's first segment; `maximum` is 0 for a heap that grows. */
interface HeapExtent {
  readonly reserved: number;
  readonly committed: number;
  readonly maximum: number;
  readonly userBase: boolean;
}

/** Writes the header of a heap over committed memory. */
export function initializeHeap(context: HeapContext, heap: number, flags: number, extent: HeapExtent): void {
  const { memory } = context;
  memory.fill(heap, layout.HEAP_HEADER_SIZE, 0);
  memory.writeU32(heap + layout.HEAP_SIGNATURE_AT, layout.HEAP_SIGNATURE);
  memory.writeU32(heap + layout.HEAP_FLAGS_AT, flags);
  const largeList = heap + layout.HEAP_LARGE_LIST_AT;
  memory.writePointer(largeList, largeList);
  memory.writePointer(largeList + 8, largeList);
  memory.writePointer(heap + layout.HEAP_MAXIMUM_SIZE_AT, extent.maximum);
  memory.writePointer(heap + layout.HEAP_NEXT_RESERVE_AT, DEFAULT_RESERVE);
  memory.writeU32(heap + layout.HEAP_USER_BASE_AT, extent.userBase ? 1 : 0);
  for (const offset of [0, 4, 8]) memory.writeU32(heap + layout.HEAP_LOCK_AT + offset, 0xffffffff);
  initializeFreeLists(context, heap);
  initializeSegment(context, heap, heap, extent.reserved, extent.committed);
}

/** Gives all of a heap's pages back, but not those that its creator gave. */
export function destroyHeap(context: HeapContext, heap: number): void {
  const { memory } = context;
  layout.requireHeap(context, heap);
  const bases: number[] = [];
  forEachLarge(context, heap, (entry) => bases.push(requireLarge(context, entry)));
  findSegment(context, heap, (segment) => {
    bases.push(memory.readPointer(segment + layout.SEGMENT_BASE_AT));
    return false;
  });
  const kept = memory.readU32(heap + layout.HEAP_USER_BASE_AT) !== 0 ? heap : 0;
  if (kept !== 0) memory.writeU32(heap + layout.HEAP_SIGNATURE_AT, 0);
  for (const base of bases) if (base !== kept) context.pages.release(base);
}

export function heapFlags(context: HeapContext, heap: number): number {
  layout.requireHeap(context, heap);
  return context.memory.readU32(heap + layout.HEAP_FLAGS_AT);
}

/** What keeps a heap from a front end. Source: Microsoft, "Low-fragmentation Heap" (no serialization, fixed size, debugging). */
const NO_FRONT_END =
  layout.HEAP_NO_SERIALIZE |
  layout.HEAP_ZERO_MEMORY |
  layout.HEAP_TAIL_CHECKING_ENABLED |
  layout.HEAP_FREE_CHECKING_ENABLED |
  layout.HEAP_DISABLE_COALESCE_ON_FREE |
  layout.HEAP_SETTABLE_USER_VALUE;

export const mayHaveFrontEnd = (flags: number) =>
  (flags & (NO_FRONT_END | layout.HEAP_GROWABLE)) === layout.HEAP_GROWABLE;

/** The flags that the entry of a block has for the flags of the heap and of the call. */
function formFor(flags: number): number {
  return (
    (flags & layout.HEAP_TAIL_CHECKING_ENABLED ? ENTRY_FILL_PATTERN : 0) |
    (flags & layout.HEAP_SETTABLE_USER_VALUE ? ENTRY_EXTRA_PRESENT : 0) |
    ((flags & layout.HEAP_SETTABLE_USER_FLAGS) >>> 4)
  );
}

/**
 * Address of `bytes` bytes, 16-byte aligned; 0 when memory is refused. Flags: HEAP_ZERO_MEMORY, HEAP_TAIL_CHECKING_ENABLED,
 * HEAP_SETTABLE_USER_VALUE, HEAP_SETTABLE_USER_FLAGS. A large block is zero because its pages are fresh.
 */
export function allocateFromHeap(context: HeapContext, heap: number, flags: number, bytes: number): number {
  const ofHeap = heapFlags(context, heap);
  const all = flags | ofHeap;
  const form = formFor(all);
  const address =
    form === 0 && mayHaveFrontEnd(ofHeap)
      ? allocateByUsage(context, heap, bytes)
      : allocateBlock(context, heap, form, bytes);
  if (address === 0) return 0;
  if (isLarge(context, address - GRANULE)) return address;
  if (all & layout.HEAP_ZERO_MEMORY) context.memory.fill(address, bytes, 0);
  else if (all & layout.HEAP_FREE_CHECKING_ENABLED) writeFreshPattern(context, address, bytes);
  return address;
}

/**
 * In the usage of a bucket, the low five bits count blocks in use and the upper ones all requests: so one is added to both. A
 * bucket becomes active above 16 blocks in use, or after 2040 requests. Source: published analyses of Windows 7's heap.
 */
const ONE_REQUEST = 0x21;
const BLOCKS_IN_USE = 0x1f;
const MANY_IN_USE = 0x10;
const MANY_REQUESTS = 0xff00;

/** A block of the front end when its bucket is active or becomes so, else one of the back end. */
function allocateByUsage(context: HeapContext, heap: number, bytes: number): number {
  const units = unitsFor(bytes);
  const bucket = units > MAXIMUM_BLOCK_UNITS ? 0 : bucketOf(units);
  const own = allocateFront(context, heap, bucket, bytes);
  if (own !== 0) return own;
  if (bucket !== 0 && countRequest(context, heap, bucket) && makeFrontEnd(context, heap)) {
    activateBucket(context, frontEndOf(context, heap), bucket);
    return allocateFront(context, heap, bucket, bytes) || allocateBlock(context, heap, 0, bytes);
  }
  return allocateBlock(context, heap, 0, bytes);
}

/** Counts a request; true when the bucket is wanted often enough. */
function countRequest({ memory }: HeapContext, heap: number, bucket: number): boolean {
  const at = heap + layout.HEAP_USAGE_AT + bucket * 2;
  const usage = memory.readU16(at);
  if ((usage & BLOCKS_IN_USE) > MANY_IN_USE || usage > MANY_REQUESTS) return true;
  memory.writeU16(at, usage + ONE_REQUEST);
  return false;
}

/** Counts a block of the back end that is not in use any more. */
function countFree({ memory }: HeapContext, heap: number, units: number): void {
  const bucket = bucketOf(units);
  const at = heap + layout.HEAP_USAGE_AT + bucket * 2;
  const usage = memory.readU16(at);
  if (bucket !== 0 && (usage & BLOCKS_IN_USE) !== 0) memory.writeU16(at, usage - 1);
}

/** The entry of a busy block of this heap; anything else throws HeapCorruption. */
export function requireBusy(context: HeapContext, heap: number, address: number): number {
  layout.requireHeap(context, heap);
  if (address % GRANULE !== 0 || address < GRANULE) throw new HeapCorruption(address);
  const entry = address - GRANULE;
  if (isFrontEntry(context, entry)) return requireFront(context, heap, entry).entry;
  return requireBlock(context, heap, address);
}

/** Gives a block back; throws HeapCorruption for what is not a busy block of the heap. */
export function freeToHeap(context: HeapContext, heap: number, address: number): void {
  const entry = requireBusy(context, heap, address);
  if (isFrontEntry(context, entry)) freeFront(context, heap, entry);
  else if (isLarge(context, entry)) freeLarge(context, entry);
  else {
    countFree(context, heap, layout.entryUnits(context, entry));
    freeBlockChecked(context, heap, entry);
  }
}

/** Bytes that the caller asked for; throws HeapCorruption for what is not a busy block of the heap. */
export function sizeInHeap(context: HeapContext, heap: number, address: number): number {
  const entry = requireBusy(context, heap, address);
  return isFrontEntry(context, entry) ? frontSize(context, entry) : blockSize(context, entry);
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
  const zero = ((flags | heapFlags(context, heap)) & layout.HEAP_ZERO_MEMORY) !== 0;
  const onlyInPlace = (flags & layout.HEAP_REALLOC_IN_PLACE_ONLY) !== 0;
  const moved = resizeInPlace(context, heap, address, bytes, onlyInPlace)
    ? address
    : onlyInPlace
      ? 0
      : moveBlock(context, heap, address, oldBytes, bytes);
  if (moved !== 0 && zero && bytes > oldBytes) context.memory.fill(moved + oldBytes, bytes - oldBytes, 0);
  return moved;
}

/** Resizes a block where it stands; false leaves it. A block of the front end stays in its bucket, or wherever it fits if it must. */
function resizeInPlace(
  context: HeapContext,
  heap: number,
  address: number,
  bytes: number,
  must: boolean,
): boolean {
  const entry = address - GRANULE;
  if (isFrontEntry(context, entry)) {
    const units = layout.entryUnits(context, entry);
    const wanted = unitsFor(bytes);
    if (wanted > units || (!must && bucketOf(wanted) !== bucketOf(units))) return false;
    setFrontSize(context, entry, bytes);
    return true;
  }
  if (isLarge(context, entry))
    return unitsFor(bytes) > MAXIMUM_BLOCK_UNITS && resizeLarge(context, heap, entry, bytes);
  if ((formOfEntry(context, entry) & ENTRY_EXTRA_PRESENT) === 0)
    return resizeBlock(context, heap, entry, bytes);
  const value = readValue(context, entry);
  if (!resizeBlock(context, heap, entry, bytes)) return false;
  writeValue(context, entry, value);
  return true;
}

/** Moves a block, with the caller's value and flags, to another of another size; 0 when memory is refused. */
function moveBlock(
  context: HeapContext,
  heap: number,
  address: number,
  oldBytes: number,
  bytes: number,
): number {
  const entry = address - GRANULE;
  const form = isFrontEntry(context, entry) ? 0 : formOfEntry(context, entry);
  const again =
    (form & ENTRY_EXTRA_PRESENT ? layout.HEAP_SETTABLE_USER_VALUE : 0) |
    (form & ENTRY_FILL_PATTERN ? layout.HEAP_TAIL_CHECKING_ENABLED : 0) |
    ((form & layout.ENTRY_SETTABLE_FLAGS) << 4);
  const moved = allocateFromHeap(context, heap, again, bytes);
  if (moved === 0) return 0;
  if (form & ENTRY_EXTRA_PRESENT) writeValue(context, moved - GRANULE, readValue(context, entry));
  const kept = Math.min(oldBytes, bytes);
  // So that waits for pages come before writes of more than can be taken back.
  context.memory.probeRead(address, kept);
  context.memory.probeWrite(moved, kept);
  context.memory.copy(moved, address, kept);
  freeToHeap(context, heap, address);
  return moved;
}

/** The two halves of the caller's value of a block with room for one. */
export function readValue(context: HeapContext, entry: number): readonly [lo: number, hi: number] {
  const at = valueAddress(context, entry);
  return [context.memory.readU32(at), context.memory.readU32(at + 4)];
}

export function writeValue(context: HeapContext, entry: number, [lo, hi]: readonly [number, number]): void {
  const at = valueAddress(context, entry);
  context.memory.writeU32(at, lo);
  context.memory.writeU32(at + 4, hi);
}
