/**
 * How the low fragmentation front end of a heap lies in memory: a table of buckets, a descriptor for each subsegment (a run of
 * blocks of one size), and in front of each run a header that names its descriptor. Which blocks of a subsegment are free is one
 * 64-bit word, changed by one interlocked instruction, so that heap-front-end-code.ts needs no lock.
 * Sources: Microsoft, "Low-fragmentation Heap" (128 buckets of rising granularity, blocks below 16 KB); the published signature
 * of _HEAP_USERDATA_HEADER; that a bit map stands for Windows's list of free blocks, and the order of fields, are ours.
 */
import {
  ENTRY_BUSY,
  entryWord,
  GRANULE,
  HEAP_FRONT_END_AT,
  type HeapContext,
  HeapCorruption,
} from './heap-layout.js';

export const LAST_BUCKET = 128;
/** Buckets up to this one are for one size each, in granules. */
export const LAST_EXACT_BUCKET = 64;
const LARGEST_UNITS = 1024;

export const FRONT_SIGNATURE = 0x4c464821;
export const FRONT_SIGNATURE_AT = 0x00;
/** Where the next descriptors lie, and how many are left there. */
export const FRONT_SPARE_AT = 0x08;
export const FRONT_SPARE_COUNT_AT = 0x10;
export const FRONT_BUCKETS_AT = 0x20;
export const BUCKET_BYTES = 32;
export const FRONT_BYTES = FRONT_BUCKETS_AT + (LAST_BUCKET + 1) * BUCKET_BYTES;

/** In a bucket: the subsegment that blocks come from; how entries of its blocks begin, 0 while it is not active. */
export const BUCKET_ACTIVE_AT = 0x00;
export const BUCKET_WORD_AT = 0x08;
/** Subsegments that were made for it: later ones are larger. */
export const BUCKET_MADE_AT = 0x0c;
/** Subsegments with free blocks, and descriptors without blocks. */
export const BUCKET_PARTIAL_AT = 0x10;
export const BUCKET_IDLE_AT = 0x18;

/** In a descriptor: bit n of the first 63 is set when block n is free; the last is set while it is active or in the list. */
export const SUBSEGMENT_FREE_AT = 0x00;
export const SUBSEGMENT_FIRST_AT = 0x08;
/** Bytes from block to block. */
export const SUBSEGMENT_STRIDE_AT = 0x10;
export const SUBSEGMENT_BUCKET_AT = 0x14;
/** Address of the bucket: of one heap only. */
export const SUBSEGMENT_OWNER_AT = 0x18;
/** SUBSEGMENT_FREE_AT as it stands when every block is free. */
export const SUBSEGMENT_ALL_FREE_AT = 0x20;
export const SUBSEGMENT_NEXT_AT = 0x28;
export const SUBSEGMENT_PREVIOUS_AT = 0x30;
export const SUBSEGMENT_COUNT_AT = 0x38;
export const SUBSEGMENT_BYTES = 64;
export const MOST_BLOCKS = 63;
/** The last bit of the free word, in its upper half. */
export const LISTED = 0x80000000;

/** In front of a run of blocks. */
export const RUN_SUBSEGMENT_AT = 0x00;
export const RUN_SIGNATURE_AT = 0x08;
export const RUN_SIGNATURE = 0xf0e0d0c0;
export const RUN_HEADER_BYTES = 0x20;

/** In the entry of a block: its number in the run; bytes that the caller did not ask for, with the mark of the front end. */
export const FRONT_ENTRY_INDEX_AT = 12;
export const FRONT_ENTRY_UNUSED_AT = 14;
export const FRONT_ENTRY_MARK = 0x8000;

/** Values of ENTRY_INTERNAL_AT. */
export const INTERNAL_RUN = 1;
export const INTERNAL_TABLE = 2;

/** The bucket for blocks of so many granules, entry included; 0 when they are too large for the front end. */
export function bucketOf(units: number): number {
  if (units <= LAST_EXACT_BUCKET) return units;
  if (units > LARGEST_UNITS) return 0;
  const octave = 31 - Math.clz32(units - 1);
  return (octave - 6) * 16 + ((units - 1) >>> (octave - 4)) + 49;
}

/** Granules of the blocks of a bucket, entry included. */
export function bucketUnits(bucket: number): number {
  if (bucket <= LAST_EXACT_BUCKET) return bucket;
  const step = (bucket - LAST_EXACT_BUCKET - 1) >>> 4;
  return (16 + ((bucket - 1) & 15) + 1) << (step + 2);
}

/** How the entry of each block of a bucket begins. */
export const bucketWord = (bucket: number) => entryWord(bucketUnits(bucket), ENTRY_BUSY);

export const bucketAt = (front: number, bucket: number) => front + FRONT_BUCKETS_AT + bucket * BUCKET_BYTES;

/** The front end of a heap, 0 when it has none. */
export function frontEndOf({ memory }: HeapContext, heap: number): number {
  const front = memory.readPointer(heap + HEAP_FRONT_END_AT);
  if (front !== 0 && memory.readU32(front + FRONT_SIGNATURE_AT) !== FRONT_SIGNATURE)
    throw new HeapCorruption(front);
  return front;
}

/** Whether an entry is of the front end. */
export function isFrontEntry({ memory }: HeapContext, entry: number): boolean {
  return (memory.readU16(entry + FRONT_ENTRY_UNUSED_AT) & FRONT_ENTRY_MARK) !== 0;
}

export const runBytes = (stride: number, count: number) => RUN_HEADER_BYTES + count * stride + GRANULE / 2;
