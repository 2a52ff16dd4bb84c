/** Walks through heaps: every region and block in order, for RtlWalkHeap, HeapSummary and validation. Sizes in bytes. */
import { requireBusy } from './heap.js';
import { blockSize } from './heap-back-end.js';
import { requireFreePattern, requireTail } from './heap-checking.js';
import { frontSize, isFree, runOfEntry, subsegmentOfRun } from './heap-front-end.js';
import {
  bucketWord,
  FRONT_ENTRY_INDEX_AT,
  INTERNAL_RUN,
  isFrontEntry,
  RUN_HEADER_BYTES,
  SUBSEGMENT_BUCKET_AT,
  SUBSEGMENT_COUNT_AT,
  SUBSEGMENT_STRIDE_AT,
} from './heap-front-end-layout.js';
import { forEachLarge, largeSize } from './heap-large.js';
import * as layout from './heap-layout.js';
import {
  ENTRY_BUSY,
  ENTRY_FILL_PATTERN,
  ENTRY_LAST,
  GRANULE,
  type HeapContext,
  HeapCorruption,
} from './heap-layout.js';
import { findSegment, firstEntry } from './heap-segments.js';

export interface HeapRegion {
  readonly kind: 'region';
  readonly index: number;
  readonly segment: number;
  /** The region's first byte. */
  readonly address: number;
  /** The address that its first block has. */
  readonly first: number;
  readonly committedEnd: number;
  readonly reservedEnd: number;
}

export interface HeapBlock {
  readonly kind: 'block';
  readonly address: number;
  readonly bytes: number;
  readonly overhead: number;
  readonly busy: boolean;
  readonly large: boolean;
  /** The flags of its entry. */
  readonly flags: number;
}

/** The part of a region that is reserved only. */
export interface HeapReserve {
  readonly kind: 'uncommitted';
  readonly address: number;
  readonly bytes: number;
}

export type HeapItem = HeapRegion | HeapBlock | HeapReserve;

/** The regions of a heap, the first one first. */
export function regionsOf(context: HeapContext, heap: number): HeapRegion[] {
  const { memory } = context;
  const segments: number[] = [];
  layout.requireHeap(context, heap);
  findSegment(context, heap, (segment) => {
    segments.push(segment);
    return false;
  });
  return segments.reverse().map((segment, index) => ({
    kind: 'region',
    index,
    segment,
    address: memory.readPointer(segment + layout.SEGMENT_BASE_AT),
    first: firstEntry(segment) + GRANULE,
    committedEnd: memory.readPointer(segment + layout.SEGMENT_COMMITTED_END_AT),
    reservedEnd: memory.readPointer(segment + layout.SEGMENT_RESERVED_END_AT),
  }));
}

/** The large blocks, in the order of their list. */
export function largeBlocks(context: HeapContext, heap: number): HeapBlock[] {
  const blocks: HeapBlock[] = [];
  forEachLarge(context, heap, (entry) =>
    blocks.push({
      kind: 'block',
      address: entry + GRANULE,
      bytes: largeSize(context, entry),
      overhead: layout.LARGE_HEADER_SIZE,
      busy: true,
      large: true,
      flags: layout.entryFlags(context, entry),
    }),
  );
  return blocks;
}

function describe(context: HeapContext, entry: number): HeapBlock {
  const word = layout.checkedEntry(context, entry);
  const total = (word & 0xffff) * GRANULE;
  const flags = word >>> 16;
  const front = isFrontEntry(context, entry);
  const busy = front ? !isFreeFront(context, entry) : (flags & ENTRY_BUSY) !== 0;
  const bytes = !busy ? total - GRANULE : front ? frontSize(context, entry) : blockSize(context, entry);
  return {
    kind: 'block',
    address: entry + GRANULE,
    bytes,
    overhead: total - bytes,
    busy,
    large: false,
    flags,
  };
}

function isFreeFront(context: HeapContext, entry: number): boolean {
  const subsegment = context.memory.readPointer(runOfEntry(context, entry));
  return isFree(context, subsegment, context.memory.readU16(entry + FRONT_ENTRY_INDEX_AT));
}

/** The first item at or after an entry of a region: a block, the reserved rest, or null at the region's end. */
function itemFrom(
  context: HeapContext,
  heap: number,
  region: HeapRegion,
  from: number,
): HeapBlock | HeapReserve | null {
  for (let entry = from; ; ) {
    if (entry < firstEntry(region.segment) || entry >= region.committedEnd) throw new HeapCorruption(entry);
    const word = layout.checkedEntry(context, entry);
    if ((word >>> 16) & ENTRY_LAST) break;
    const internal = context.memory.readU8(entry + layout.ENTRY_INTERNAL_AT);
    if (isFrontEntry(context, entry) || !((word >>> 16) & ENTRY_BUSY) || internal === 0)
      return describe(context, entry);
    if (internal === INTERNAL_RUN) {
      subsegmentOfRun(context, heap, entry + GRANULE);
      return describe(context, entry + GRANULE + RUN_HEADER_BYTES);
    }
    entry += (word & 0xffff) * GRANULE;
  }
  const { committedEnd, reservedEnd } = region;
  if (committedEnd === reservedEnd) return null;
  return { kind: 'uncommitted', address: committedEnd, bytes: reservedEnd - committedEnd };
}

/** The entry behind that of a block: the next one of its run, or what lies behind block or run. */
function entryBehind(context: HeapContext, heap: number, entry: number): number {
  const { memory } = context;
  const bytes = (layout.checkedEntry(context, entry) & 0xffff) * GRANULE;
  if (!isFrontEntry(context, entry)) return entry + bytes;
  const run = runOfEntry(context, entry);
  const subsegment = subsegmentOfRun(context, heap, run);
  const count = memory.readU32(subsegment + SUBSEGMENT_COUNT_AT);
  if (memory.readU16(entry + FRONT_ENTRY_INDEX_AT) + 1 < count) return entry + bytes;
  return run - GRANULE + (layout.checkedEntry(context, run - GRANULE) & 0xffff) * GRANULE;
}

/** What a walk finds behind an address, first for 0; null behind the last, undefined when the address is none of its. */
export function itemBehind(context: HeapContext, heap: number, address: number): HeapItem | null | undefined {
  const regions = regionsOf(context, heap);
  if (address === 0) return regions[0] ?? null;
  const region = regions.find((each) => address >= each.address && address < each.reservedEnd);
  if (region === undefined) return largeBehind(context, heap, address);
  const next = () => regions[region.index + 1] ?? largeBlocks(context, heap)[0] ?? null;
  if (address === region.committedEnd) return next();
  if (address === region.address)
    return itemFrom(context, heap, region, firstEntry(region.segment)) ?? next();
  if (address % GRANULE !== 0 || !isBlock(context, region, address)) return undefined;
  const behind = entryBehind(context, heap, address - GRANULE);
  return itemFrom(context, heap, region, behind) ?? next();
}

function isBlock(context: HeapContext, region: HeapRegion, address: number): boolean {
  try {
    const entry = address - GRANULE;
    return entry >= firstEntry(region.segment) && layout.checkedEntry(context, entry) !== 0;
  } catch (error) {
    if (error instanceof HeapCorruption) return false;
    throw error;
  }
}

function largeBehind(context: HeapContext, heap: number, address: number): HeapBlock | null | undefined {
  const large = largeBlocks(context, heap);
  const at = large.findIndex((block) => block.address === address);
  return at < 0 ? undefined : (large[at + 1] ?? null);
}

/** Calls `visit` for every block in every region, then for the large ones; contradictions throw HeapCorruption. */
export function walkHeap(context: HeapContext, heap: number, visit: (block: HeapBlock) => void): void {
  for (const region of regionsOf(context, heap)) walkRegion(context, heap, region, visit);
  for (const block of largeBlocks(context, heap)) {
    checkPattern(context, block);
    visit(block);
  }
}

function walkRegion(
  context: HeapContext,
  heap: number,
  region: HeapRegion,
  visit: (block: HeapBlock) => void,
): void {
  let previous = 0;
  for (let entry = firstEntry(region.segment); ; ) {
    const word = layout.checkedEntry(context, entry);
    const units = word & 0xffff;
    const next = entry + units * GRANULE;
    if (layout.previousUnits(context, entry) !== previous || next > region.committedEnd)
      throw new HeapCorruption(entry);
    if ((word >>> 16) & ENTRY_LAST) {
      if (next !== region.committedEnd) throw new HeapCorruption(entry);
      return;
    }
    const busy = ((word >>> 16) & ENTRY_BUSY) !== 0;
    const internal = busy ? context.memory.readU8(entry + layout.ENTRY_INTERNAL_AT) : 0;
    if (internal === INTERNAL_RUN) walkRun(context, heap, entry + GRANULE, visit);
    else if (internal === 0) {
      const block = describe(context, entry);
      checkPattern(context, block);
      visit(block);
    }
    previous = units;
    entry = next;
  }
}

function walkRun(context: HeapContext, heap: number, run: number, visit: (block: HeapBlock) => void): void {
  const { memory } = context;
  const subsegment = subsegmentOfRun(context, heap, run);
  const count = memory.readU32(subsegment + SUBSEGMENT_COUNT_AT);
  const stride = memory.readU32(subsegment + SUBSEGMENT_STRIDE_AT);
  const word = bucketWord(memory.readU32(subsegment + SUBSEGMENT_BUCKET_AT));
  for (let index = 0; index < count; index++) {
    const entry = run + RUN_HEADER_BYTES + index * stride;
    const agrees =
      memory.readU32(entry + layout.ENTRY_UNITS_AT) === word &&
      memory.readU16(entry + FRONT_ENTRY_INDEX_AT) === index &&
      isFrontEntry(context, entry);
    if (!agrees) throw new HeapCorruption(entry);
    visit(describe(context, entry));
  }
}

function checkPattern(context: HeapContext, { address, bytes, busy, flags }: HeapBlock): void {
  if ((flags & ENTRY_FILL_PATTERN) === 0) return;
  if (busy) requireTail(context, address + bytes);
  else requireFreePattern(context, address - GRANULE, bytes / GRANULE + 1);
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
