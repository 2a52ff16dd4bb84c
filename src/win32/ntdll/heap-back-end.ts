/**
 * The back end of a heap: blocks cut from the free blocks of its segments. Sizes of blocks are in granules, entry included;
 * `form` is the flags that an entry has beside ENTRY_BUSY.
 */
import { requireFreePattern, requireTail, TAIL_BYTES, writeFreePattern, writeTail } from './heap-checking.js';
import { findFree, removeFree } from './heap-free-lists.js';
import { allocateLarge, largeSize, requireLarge } from './heap-large.js';
import * as layout from './heap-layout.js';
import {
  ENTRY_BUSY,
  ENTRY_EXTRA_PRESENT,
  ENTRY_FILL_PATTERN,
  ENTRY_LAST,
  ENTRY_SHARED_BYTES,
  ENTRY_UNUSED_AT,
  ENTRY_VIRTUAL_ALLOC,
  GRANULE,
  type HeapContext,
  HeapCorruption,
  MAXIMUM_BLOCK_UNITS,
} from './heap-layout.js';
import { freeBlock, growHeap, placeFree, segmentOf } from './heap-segments.js';

/** A block of one granule could not hold the links of a free block. */
export const MINIMUM_UNITS = 2;
/** The extra granule, and the bytes before it that it cannot share with the next entry. */
const EXTRA_BYTES = GRANULE + ENTRY_SHARED_BYTES;

/** Bytes that a form adds to what the caller asks for. */
const slackOf = (form: number) =>
  (form & ENTRY_FILL_PATTERN ? TAIL_BYTES : 0) + (form & ENTRY_EXTRA_PRESENT ? EXTRA_BYTES : 0);

/** Granules of the block that holds so many bytes in a form. */
export const unitsFor = (bytes: number, form = 0) =>
  Math.max(Math.ceil((bytes + slackOf(form) + GRANULE - ENTRY_SHARED_BYTES) / GRANULE), MINIMUM_UNITS);

/** Address of a block's bytes; 0 when memory is refused. */
export function allocateBlock(context: HeapContext, heap: number, form: number, bytes: number): number {
  const units = unitsFor(bytes, form);
  if (units > MAXIMUM_BLOCK_UNITS) {
    const growable = context.memory.readU32(heap + layout.HEAP_FLAGS_AT) & layout.HEAP_GROWABLE;
    return growable ? allocateLarge(context, heap, bytes, form) : 0;
  }
  let entry = findFree(context, heap, units);
  if (entry === 0) {
    if (!growHeap(context, heap, units + 1)) return 0;
    entry = findFree(context, heap, units);
    if (entry === 0) return 0;
  }
  const word = layout.checkedEntry(context, entry);
  const free = word & 0xffff;
  const pattern = (word >>> 16) & ENTRY_FILL_PATTERN;
  if (pattern) requireFreePattern(context, entry, units);
  removeFree(context, heap, entry, free);
  takeFront(context, heap, entry, free, units, { form, bytes, pattern });
  return entry + GRANULE;
}

interface Taking {
  readonly form: number;
  /** What the caller asked for. */
  readonly bytes: number;
  /** ENTRY_FILL_PATTERN when the free rest has the pattern. */
  readonly pattern: number;
}

/** Makes the first `units` of a block of `available` (in no list) a busy one and frees the rest when it can be a block. */
function takeFront(
  context: HeapContext,
  heap: number,
  entry: number,
  available: number,
  units: number,
  { form, bytes, pattern }: Taking,
): void {
  const rest = available - units;
  const taken = rest >= MINIMUM_UNITS ? units : available;
  setBusy(context, entry, taken, form, bytes);
  if (rest < MINIMUM_UNITS) return;
  const second = entry + units * GRANULE;
  layout.setPreviousUnits(context, second, units);
  placeFree(context, heap, second, rest, pattern);
}

function setBusy(context: HeapContext, entry: number, units: number, form: number, bytes: number): void {
  layout.setEntry(context, entry, units, ENTRY_BUSY | form);
  context.memory.writeU8(entry + ENTRY_UNUSED_AT, units * GRANULE - bytes);
  if (form & ENTRY_FILL_PATTERN) writeTail(context, entry + GRANULE + bytes);
}

/** The entry of a busy block in front of an address; anything else throws HeapCorruption. */
export function requireBlock(context: HeapContext, heap: number, address: number): number {
  const entry = address - GRANULE;
  const flags = layout.checkedEntry(context, entry) >>> 16;
  if ((flags & ENTRY_BUSY) === 0 || flags & ENTRY_LAST) throw new HeapCorruption(address);
  if (flags & ENTRY_VIRTUAL_ALLOC) requireLarge(context, entry);
  else {
    const internal = context.memory.readU8(entry + layout.ENTRY_INTERNAL_AT);
    if (internal !== 0 || segmentOf(context, heap, entry) === 0) throw new HeapCorruption(address);
  }
  if (flags & ENTRY_FILL_PATTERN) requireTail(context, address + blockSize(context, entry));
  return entry;
}

export const isLarge = (context: HeapContext, entry: number) =>
  (layout.entryFlags(context, entry) & ENTRY_VIRTUAL_ALLOC) !== 0;

/** Bytes that the caller asked for. */
export function blockSize(context: HeapContext, entry: number): number {
  if (isLarge(context, entry)) return largeSize(context, entry);
  return layout.entryUnits(context, entry) * GRANULE - context.memory.readU8(entry + ENTRY_UNUSED_AT);
}

/** The flags of an entry beside ENTRY_BUSY and ENTRY_VIRTUAL_ALLOC. */
export function formOfEntry(context: HeapContext, entry: number): number {
  return layout.entryFlags(context, entry) & ~(ENTRY_BUSY | ENTRY_VIRTUAL_ALLOC);
}

/** Where the caller's value of a block with ENTRY_EXTRA_PRESENT lies. */
export function valueAddress(context: HeapContext, entry: number): number {
  return isLarge(context, entry)
    ? entry + GRANULE - layout.LARGE_HEADER_SIZE + layout.LARGE_VALUE_AT
    : entry + layout.entryUnits(context, entry) * GRANULE - ENTRY_SHARED_BYTES;
}

/** Frees a block of a segment, filled with the pattern when the heap checks free blocks. */
export function freeBlockChecked(context: HeapContext, heap: number, entry: number): void {
  const checking = context.memory.readU32(heap + layout.HEAP_FLAGS_AT) & layout.HEAP_FREE_CHECKING_ENABLED;
  if (checking) writeFreePattern(context, entry, layout.checkedEntry(context, entry) & 0xffff);
  freeBlock(context, heap, entry, checking ? ENTRY_FILL_PATTERN : 0);
}

/** Shrinks a block, or grows it into a free follower; false when it does not fit. */
export function resizeBlock(context: HeapContext, heap: number, entry: number, bytes: number): boolean {
  const form = formOfEntry(context, entry);
  const units = unitsFor(bytes, form);
  if (units > MAXIMUM_BLOCK_UNITS) return false;
  const current = layout.entryUnits(context, entry);
  if (units <= current) {
    shrinkBlock(context, heap, entry, units, { form, bytes, pattern: 0 });
    return true;
  }
  const next = entry + current * GRANULE;
  const word = layout.checkedEntry(context, next);
  const available = current + (word & 0xffff);
  if ((word >>> 16) & ENTRY_BUSY || available < units || available > MAXIMUM_BLOCK_UNITS) return false;
  removeFree(context, heap, next, word & 0xffff);
  layout.setPreviousUnits(context, entry + available * GRANULE, available);
  takeFront(context, heap, entry, available, units, { form, bytes, pattern: 0 });
  return true;
}

function shrinkBlock(
  context: HeapContext,
  heap: number,
  entry: number,
  units: number,
  { form, bytes }: Taking,
): void {
  const current = layout.entryUnits(context, entry);
  if (current - units < MINIMUM_UNITS) {
    setBusy(context, entry, current, form, bytes);
    return;
  }
  setBusy(context, entry, units, form, bytes);
  const rest = entry + units * GRANULE;
  layout.setEntry(context, rest, current - units, ENTRY_BUSY);
  layout.setPreviousUnits(context, rest, units);
  layout.setPreviousUnits(context, entry + current * GRANULE, current - units);
  freeBlockChecked(context, heap, rest);
}
