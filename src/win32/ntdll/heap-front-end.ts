/**
 * The low fragmentation front end: blocks below 16 KB out of runs of blocks of one size, which the back end gives and takes
 * back. A bucket becomes active when its size was asked for often. heap-front-end-code.ts does the common cases in machine code
 * on the same bytes, between any two instructions of which this may run.
 */
import { allocateBlock, freeBlockChecked } from './heap-back-end.js';
import * as front from './heap-front-end-layout.js';
import {
  checkedEntry,
  ENTRY_INTERNAL_AT,
  ENTRY_UNITS_AT,
  GRANULE,
  HEAP_FRONT_END_AT,
  type HeapContext,
  HeapCorruption,
} from './heap-layout.js';
import { segmentOf } from './heap-segments.js';

/** Descriptors made at a time. */
const SPARE_DESCRIPTORS = 32;
/** Bytes that the blocks of a subsegment should not exceed, unless it has only four. */
const RUN_TARGET = 0x8000;
const FEWEST_BLOCKS = 4;
/** Blocks of a bucket's first subsegment; each further one has twice as many. */
const FIRST_BLOCKS = 16;
/** More subsegments than a process can have: a longer list is a circle. */
const MOST_SUBSEGMENTS = 1 << 22;

interface FrontBlock {
  readonly entry: number;
  readonly subsegment: number;
  readonly index: number;
  readonly bucket: number;
}

/** Gives the heap a front end, if it has none; false when memory is refused. */
export function makeFrontEnd(context: HeapContext, heap: number): boolean {
  const { memory } = context;
  if (front.frontEndOf(context, heap) !== 0) return true;
  const table = allocateInternal(context, heap, front.FRONT_BYTES, front.INTERNAL_TABLE);
  if (table === 0) return false;
  memory.fill(table, front.FRONT_BYTES, 0);
  memory.writeU32(table + front.FRONT_SIGNATURE_AT, front.FRONT_SIGNATURE);
  memory.writePointer(heap + HEAP_FRONT_END_AT, table);
  return true;
}

/** Has the front end serve a bucket from now on. */
export function activateBucket({ memory }: HeapContext, table: number, bucket: number): void {
  memory.writeU32(front.bucketAt(table, bucket) + front.BUCKET_WORD_AT, front.bucketWord(bucket));
}

function allocateInternal(context: HeapContext, heap: number, bytes: number, purpose: number): number {
  const address = allocateBlock(context, heap, 0, bytes);
  if (address !== 0) context.memory.writeU8(address - GRANULE + ENTRY_INTERNAL_AT, purpose);
  return address;
}

/** Address of a block's bytes from an active bucket; 0 when the back end has to serve. */
export function allocateFront(context: HeapContext, heap: number, bucket: number, bytes: number): number {
  const { memory } = context;
  const table = front.frontEndOf(context, heap);
  if (table === 0 || bucket === 0) return 0;
  const at = front.bucketAt(table, bucket);
  if (memory.readU32(at + front.BUCKET_WORD_AT) === 0) return 0;
  const subsegment = subsegmentWithBlock(context, heap, table, bucket);
  if (subsegment === 0) return 0;
  const index = lowestFree(context, subsegment);
  setFree(context, subsegment, index, false);
  const stride = memory.readU32(subsegment + front.SUBSEGMENT_STRIDE_AT);
  const entry = memory.readPointer(subsegment + front.SUBSEGMENT_FIRST_AT) + index * stride;
  setUnused(context, entry, stride - bytes);
  return entry + GRANULE;
}

function setUnused({ memory }: HeapContext, entry: number, unused: number): void {
  memory.writeU16(entry + front.FRONT_ENTRY_UNUSED_AT, (unused & 0x7fff) | front.FRONT_ENTRY_MARK);
}

/** Number of the first free block, -1 when all are busy. */
function lowestFree({ memory }: HeapContext, subsegment: number): number {
  const lo = memory.readU32(subsegment + front.SUBSEGMENT_FREE_AT);
  if (lo !== 0) return 31 - Math.clz32(lo & -lo);
  const hi = memory.readU32(subsegment + front.SUBSEGMENT_FREE_AT + 4) & ~front.LISTED;
  return hi === 0 ? -1 : 63 - Math.clz32(hi & -hi);
}

/** Sets or clears one bit of the free word; LISTED is bit 63. */
function setFree({ memory }: HeapContext, subsegment: number, index: number, free: boolean): void {
  const at = subsegment + front.SUBSEGMENT_FREE_AT + (index >>> 5) * 4;
  const bit = 1 << (index & 31);
  const word = memory.readU32(at);
  memory.writeU32(at, (free ? word | bit : word & ~bit) >>> 0);
}

const LISTED_BIT = 63;

/** The active subsegment of a bucket, replaced by another when it has no free block; 0 when memory is refused. */
function subsegmentWithBlock(context: HeapContext, heap: number, table: number, bucket: number): number {
  const { memory } = context;
  const at = front.bucketAt(table, bucket);
  const active = memory.readPointer(at + front.BUCKET_ACTIVE_AT);
  if (active !== 0 && lowestFree(context, active) >= 0) return active;
  if (active !== 0) setFree(context, active, LISTED_BIT, false);
  memory.writePointer(at + front.BUCKET_ACTIVE_AT, 0);
  const next = takePartial(context, at) || makeSubsegment(context, heap, table, bucket);
  if (next === 0) return 0;
  if (memory.readU32(next + front.SUBSEGMENT_BUCKET_AT) !== bucket || lowestFree(context, next) < 0)
    throw new HeapCorruption(next);
  memory.writePointer(at + front.BUCKET_ACTIVE_AT, next);
  return next;
}

/** Takes the first subsegment with a free block out of a bucket's list; those without lose their mark. */
function takePartial(context: HeapContext, bucketAt: number): number {
  for (let count = 0; count < MOST_SUBSEGMENTS; count++) {
    const subsegment = context.memory.readPointer(bucketAt + front.BUCKET_PARTIAL_AT);
    if (subsegment === 0) return 0;
    unlink(context, bucketAt, subsegment);
    if (lowestFree(context, subsegment) >= 0) return subsegment;
    setFree(context, subsegment, LISTED_BIT, false);
  }
  throw new HeapCorruption(bucketAt);
}

function link({ memory }: HeapContext, bucketAt: number, subsegment: number): void {
  const next = memory.readPointer(bucketAt + front.BUCKET_PARTIAL_AT);
  memory.writePointer(subsegment + front.SUBSEGMENT_NEXT_AT, next);
  memory.writePointer(subsegment + front.SUBSEGMENT_PREVIOUS_AT, 0);
  if (next !== 0) memory.writePointer(next + front.SUBSEGMENT_PREVIOUS_AT, subsegment);
  memory.writePointer(bucketAt + front.BUCKET_PARTIAL_AT, subsegment);
}

function unlink({ memory }: HeapContext, bucketAt: number, subsegment: number): void {
  const next = memory.readPointer(subsegment + front.SUBSEGMENT_NEXT_AT);
  const previous = memory.readPointer(subsegment + front.SUBSEGMENT_PREVIOUS_AT);
  const before = previous === 0 ? bucketAt + front.BUCKET_PARTIAL_AT : previous + front.SUBSEGMENT_NEXT_AT;
  const agrees = next === 0 || memory.readPointer(next + front.SUBSEGMENT_PREVIOUS_AT) === subsegment;
  if (!agrees || memory.readPointer(before) !== subsegment) throw new HeapCorruption(subsegment);
  memory.writePointer(before, next);
  if (next !== 0) memory.writePointer(next + front.SUBSEGMENT_PREVIOUS_AT, previous);
}

/** Makes a subsegment of free blocks, marked as listed. 0 when memory is refused. */
function makeSubsegment(context: HeapContext, heap: number, table: number, bucket: number): number {
  const { memory } = context;
  const at = front.bucketAt(table, bucket);
  const subsegment = takeDescriptor(context, heap, table, at);
  if (subsegment === 0) return 0;
  const stride = front.bucketUnits(bucket) * GRANULE;
  const made = memory.readU32(at + front.BUCKET_MADE_AT);
  const wanted = Math.min(
    FIRST_BLOCKS << Math.min(made, 2),
    front.MOST_BLOCKS,
    Math.floor(RUN_TARGET / stride),
  );
  const count = Math.max(wanted, FEWEST_BLOCKS);
  const run = allocateInternal(context, heap, front.runBytes(stride, count), front.INTERNAL_RUN);
  if (run === 0) {
    memory.writePointer(subsegment + front.SUBSEGMENT_NEXT_AT, memory.readPointer(at + front.BUCKET_IDLE_AT));
    memory.writePointer(at + front.BUCKET_IDLE_AT, subsegment);
    return 0;
  }
  memory.writeU32(at + front.BUCKET_MADE_AT, (made + 1) >>> 0);
  memory.writePointer(subsegment + front.SUBSEGMENT_FIRST_AT, run + front.RUN_HEADER_BYTES);
  memory.writeU32(subsegment + front.SUBSEGMENT_STRIDE_AT, stride);
  memory.writeU32(subsegment + front.SUBSEGMENT_BUCKET_AT, bucket);
  memory.writePointer(subsegment + front.SUBSEGMENT_OWNER_AT, at);
  memory.writeU32(subsegment + front.SUBSEGMENT_COUNT_AT, count);
  const lo = count >= 32 ? 0xffffffff : (1 << count) - 1;
  const hi = (front.LISTED | (count > 32 ? (1 << (count - 32)) - 1 : 0)) >>> 0;
  for (const word of [front.SUBSEGMENT_FREE_AT, front.SUBSEGMENT_ALL_FREE_AT]) {
    memory.writeU32(subsegment + word, lo);
    memory.writeU32(subsegment + word + 4, hi);
  }
  memory.writePointer(run + front.RUN_SUBSEGMENT_AT, subsegment);
  memory.writeU32(run + front.RUN_SIGNATURE_AT, front.RUN_SIGNATURE);
  writeEntries(context, run + front.RUN_HEADER_BYTES, stride, count, front.bucketWord(bucket));
  return subsegment;
}

function writeEntries(
  { memory }: HeapContext,
  first: number,
  stride: number,
  count: number,
  word: number,
): void {
  for (let index = 0; index < count; index++) {
    const entry = first + index * stride;
    memory.writeU32(entry + ENTRY_UNITS_AT, word);
    memory.writeU16(entry + front.FRONT_ENTRY_INDEX_AT, index);
    memory.writeU16(entry + front.FRONT_ENTRY_UNUSED_AT, front.FRONT_ENTRY_MARK);
  }
}

/** A descriptor of the bucket that has no blocks, else a new one; it stays the bucket's. 0 when memory is refused. */
function takeDescriptor(context: HeapContext, heap: number, table: number, bucketAt: number): number {
  const { memory } = context;
  const idle = memory.readPointer(bucketAt + front.BUCKET_IDLE_AT);
  if (idle !== 0) {
    memory.writePointer(bucketAt + front.BUCKET_IDLE_AT, memory.readPointer(idle + front.SUBSEGMENT_NEXT_AT));
    return idle;
  }
  let left = memory.readU32(table + front.FRONT_SPARE_COUNT_AT);
  if (left === 0) {
    const bytes = SPARE_DESCRIPTORS * front.SUBSEGMENT_BYTES;
    const spare = allocateInternal(context, heap, bytes, front.INTERNAL_TABLE);
    if (spare === 0) return 0;
    memory.writePointer(table + front.FRONT_SPARE_AT, spare);
    left = SPARE_DESCRIPTORS;
  }
  const subsegment = memory.readPointer(table + front.FRONT_SPARE_AT);
  memory.writePointer(table + front.FRONT_SPARE_AT, subsegment + front.SUBSEGMENT_BYTES);
  memory.writeU32(table + front.FRONT_SPARE_COUNT_AT, left - 1);
  return subsegment;
}

/** What an entry of the front end belongs to, busy or free; an entry that does not agree with it throws HeapCorruption. */
function frontBlock(context: HeapContext, heap: number, entry: number): FrontBlock {
  const { memory } = context;
  const bucket = front.bucketOf(checkedEntry(context, entry) & 0xffff);
  if (bucket === 0 || memory.readU32(entry + ENTRY_UNITS_AT) !== front.bucketWord(bucket))
    throw new HeapCorruption(entry);
  const index = memory.readU16(entry + front.FRONT_ENTRY_INDEX_AT);
  const run = runOfEntry(context, entry);
  if (segmentOf(context, heap, run) === 0) throw new HeapCorruption(entry);
  const subsegment = subsegmentOfRun(context, heap, run);
  if (
    memory.readU32(subsegment + front.SUBSEGMENT_BUCKET_AT) !== bucket ||
    index >= memory.readU32(subsegment + front.SUBSEGMENT_COUNT_AT)
  )
    throw new HeapCorruption(entry);
  return { entry, subsegment, index, bucket };
}

/** Where the run of an entry begins, by the entry's number and size. */
export function runOfEntry({ memory }: HeapContext, entry: number): number {
  const index = memory.readU16(entry + front.FRONT_ENTRY_INDEX_AT);
  return entry - index * memory.readU16(entry + ENTRY_UNITS_AT) * GRANULE - front.RUN_HEADER_BYTES;
}

/** The descriptor of a run; throws HeapCorruption when the two do not name each other. */
export function subsegmentOfRun(context: HeapContext, heap: number, run: number): number {
  const { memory } = context;
  if (memory.readU32(run + front.RUN_SIGNATURE_AT) !== front.RUN_SIGNATURE) throw new HeapCorruption(run);
  const subsegment = memory.readPointer(run + front.RUN_SUBSEGMENT_AT);
  const count = memory.readU32(subsegment + front.SUBSEGMENT_COUNT_AT);
  const bucket = memory.readU32(subsegment + front.SUBSEGMENT_BUCKET_AT);
  const owner = front.bucketAt(front.frontEndOf(context, heap), bucket);
  if (
    memory.readPointer(subsegment + front.SUBSEGMENT_FIRST_AT) !== run + front.RUN_HEADER_BYTES ||
    memory.readPointer(subsegment + front.SUBSEGMENT_OWNER_AT) !== owner ||
    count > front.MOST_BLOCKS
  )
    throw new HeapCorruption(run);
  return subsegment;
}

export function isFree({ memory }: HeapContext, subsegment: number, index: number): boolean {
  return (
    ((memory.readU32(subsegment + front.SUBSEGMENT_FREE_AT + (index >>> 5) * 4) >>> (index & 31)) & 1) !== 0
  );
}

/** The busy block of an entry of the front end; anything else throws HeapCorruption. */
export function requireFront(context: HeapContext, heap: number, entry: number): FrontBlock {
  const block = frontBlock(context, heap, entry);
  if (isFree(context, block.subsegment, block.index)) throw new HeapCorruption(entry);
  return block;
}

/** Bytes of a busy block that the caller asked for. */
export function frontSize(context: HeapContext, entry: number): number {
  const { memory } = context;
  const unused = memory.readU16(entry + front.FRONT_ENTRY_UNUSED_AT) & ~front.FRONT_ENTRY_MARK;
  return (checkedEntry(context, entry) & 0xffff) * GRANULE - unused;
}

/** Notes another size of a busy block, which must fit. */
export function setFrontSize(context: HeapContext, entry: number, bytes: number): void {
  setUnused(context, entry, (checkedEntry(context, entry) & 0xffff) * GRANULE - bytes);
}

/** Frees a busy block; a subsegment without busy blocks that is not the active one goes back to the back end. */
export function freeFront(context: HeapContext, heap: number, entry: number): void {
  const { memory } = context;
  const { subsegment, index, bucket } = requireFront(context, heap, entry);
  const at = front.bucketAt(front.frontEndOf(context, heap), bucket);
  setUnused(context, entry, 0);
  const listed = isFree(context, subsegment, LISTED_BIT);
  setFree(context, subsegment, index, true);
  if (!listed) {
    setFree(context, subsegment, LISTED_BIT, true);
    link(context, at, subsegment);
  }
  if (memory.readPointer(at + front.BUCKET_ACTIVE_AT) !== subsegment && isAllFree(context, subsegment)) {
    unlink(context, at, subsegment);
    releaseSubsegment(context, heap, at, subsegment);
  }
}

function isAllFree({ memory }: HeapContext, subsegment: number): boolean {
  const half = (at: number) =>
    memory.readU32(subsegment + front.SUBSEGMENT_FREE_AT + at) ===
    memory.readU32(subsegment + front.SUBSEGMENT_ALL_FREE_AT + at);
  return half(0) && half(4);
}

/** Gives the blocks of a subsegment that is in no list to the back end; its descriptor stays with the bucket. */
function releaseSubsegment(context: HeapContext, heap: number, bucketAt: number, subsegment: number): void {
  const { memory } = context;
  const run = memory.readPointer(subsegment + front.SUBSEGMENT_FIRST_AT) - front.RUN_HEADER_BYTES;
  memory.writeU32(subsegment + front.SUBSEGMENT_FREE_AT, 0);
  memory.writeU32(subsegment + front.SUBSEGMENT_FREE_AT + 4, 0);
  memory.writePointer(subsegment + front.SUBSEGMENT_FIRST_AT, 0);
  memory.writePointer(
    subsegment + front.SUBSEGMENT_NEXT_AT,
    memory.readPointer(bucketAt + front.BUCKET_IDLE_AT),
  );
  memory.writePointer(bucketAt + front.BUCKET_IDLE_AT, subsegment);
  memory.writeU32(run + front.RUN_SIGNATURE_AT, 0);
  freeBlockChecked(context, heap, run - GRANULE);
}

/** Gives every subsegment without busy blocks back, the active ones too. */
export function compactFrontEnd(context: HeapContext, heap: number): void {
  const { memory } = context;
  const table = front.frontEndOf(context, heap);
  if (table === 0) return;
  for (let bucket = 1; bucket <= front.LAST_BUCKET; bucket++) {
    const at = front.bucketAt(table, bucket);
    const active = memory.readPointer(at + front.BUCKET_ACTIVE_AT);
    if (active !== 0 && isAllFree(context, active)) {
      memory.writePointer(at + front.BUCKET_ACTIVE_AT, 0);
      releaseSubsegment(context, heap, at, active);
    }
    releaseEmpty(context, heap, at);
  }
}

function releaseEmpty(context: HeapContext, heap: number, bucketAt: number): void {
  let subsegment = context.memory.readPointer(bucketAt + front.BUCKET_PARTIAL_AT);
  for (let count = 0; subsegment !== 0; count++) {
    if (count > MOST_SUBSEGMENTS) throw new HeapCorruption(bucketAt);
    const next = context.memory.readPointer(subsegment + front.SUBSEGMENT_NEXT_AT);
    if (isAllFree(context, subsegment)) {
      unlink(context, bucketAt, subsegment);
      releaseSubsegment(context, heap, bucketAt, subsegment);
    }
    subsegment = next;
  }
}
