/**
 * How a heap lies in the process's memory. Everything a heap knows is in these bytes: the heap header at the base of its
 * first segment, segment headers, and 16-byte entries in front of blocks.
 * Sources: published layouts of HEAP, HEAP_SEGMENT, HEAP_ENTRY and HEAP_VIRTUAL_ALLOC_ENTRY on x64 (entry fields, flags,
 * signatures, limits); the order of fields in the heap header is ours.
 */
import type { UserMemory } from '../../mm/user-memory.js';

/** HeapCreate and HeapAlloc flags. Source: Microsoft, "HeapCreate function", "HeapAlloc function". */
export const HEAP_NO_SERIALIZE = 0x1;
export const HEAP_GENERATE_EXCEPTIONS = 0x4;
export const HEAP_ZERO_MEMORY = 0x8;
export const HEAP_REALLOC_IN_PLACE_ONLY = 0x10;
export const HEAP_CREATE_ENABLE_EXECUTE = 0x40000;
/** The flag by which the header says that the heap grows (HEAP_GROWABLE). */
export const HEAP_GROWABLE = 0x2;

/** Bytes: blocks are multiples of it, and the entry in front of each takes one. */
export const GRANULE = 16;
/** Largest block in granules, entry included; larger requests get pages of their own or fail in a fixed heap. */
export const MAXIMUM_BLOCK_UNITS = 0xfe00;

export const HEAP_SIGNATURE = 0xeeffeeff;
export const SEGMENT_SIGNATURE = 0xffeeffee;

/** Byte offsets in the heap header. */
export const HEAP_SIGNATURE_AT = 0x10;
export const HEAP_FLAGS_AT = 0x14;
export const HEAP_FIRST_SEGMENT_AT = 0x18;
export const HEAP_LARGE_LIST_AT = 0x20;
/** Bytes that a fixed heap may use in all, 0 for a growable one. */
export const HEAP_MAXIMUM_SIZE_AT = 0x30;
/** Bytes that the next segment reserves. */
export const HEAP_NEXT_RESERVE_AT = 0x38;
/** One bit for each free list that is not empty. */
export const HEAP_BITMAP_AT = 0x80;
export const HEAP_FREE_LISTS_AT = 0x100;
export const HEAP_HEADER_SIZE = 0xe00;

/** Byte offsets in a segment header. */
export const SEGMENT_SIGNATURE_AT = 0x00;
export const SEGMENT_HEAP_AT = 0x08;
export const SEGMENT_BASE_AT = 0x10;
export const SEGMENT_RESERVED_END_AT = 0x18;
export const SEGMENT_COMMITTED_END_AT = 0x20;
export const SEGMENT_NEXT_AT = 0x28;
export const SEGMENT_HEADER_SIZE = 0x40;

/** Byte offsets in an entry: sizes in granules. */
export const ENTRY_UNITS_AT = 8;
export const ENTRY_FLAGS_AT = 10;
/** Exclusive or of the two size bytes, the flags and a constant: a stray write shows, even of one byte repeated. */
export const ENTRY_CHECK_AT = 11;
export const ENTRY_PREVIOUS_UNITS_AT = 12;
/** Bytes of the block that the caller did not ask for, entry included. */
export const ENTRY_UNUSED_AT = 15;

export const ENTRY_BUSY = 0x01;
export const ENTRY_VIRTUAL_ALLOC = 0x08;
/** The last entry in the committed part of a segment. */
export const ENTRY_LAST = 0x10;

/** A large block: list links, committed bytes, reserved bytes, requested bytes, then its entry; the user's bytes follow. */
export const LARGE_COMMIT_AT = 0x10;
export const LARGE_RESERVE_AT = 0x18;
export const LARGE_REQUEST_AT = 0x20;
export const LARGE_HEADER_SIZE = 0x40;

/** Pages for heaps; sizes in bytes, addresses of the process. */
export interface HeapPages {
  /** Reserves, 64 KB aligned; 0 when refused. */
  reserve(bytes: number, executable: boolean): number;
  commit(address: number, bytes: number, executable: boolean): boolean;
  decommit(address: number, bytes: number): void;
  release(address: number): void;
}

/** Reads and writes with the program's rights. */
export type HeapMemory = Pick<
  UserMemory,
  | 'readU8'
  | 'readU16'
  | 'readU32'
  | 'readPointer'
  | 'writeU8'
  | 'writeU16'
  | 'writeU32'
  | 'writePointer'
  | 'fill'
  | 'copy'
  | 'probeRead'
  | 'probeWrite'
>;

/** What heap functions work on: the memory of the running process. */
export interface HeapContext {
  readonly memory: HeapMemory;
  readonly pages: HeapPages;
}

/** A heap whose bytes contradict each other; `address` is where. */
export class HeapCorruption {
  constructor(readonly address: number) {}
}

/** Throws HeapCorruption unless `heap` is the address of a heap header. */
export function requireHeap({ memory }: HeapContext, heap: number): void {
  if (memory.readU32(heap + HEAP_SIGNATURE_AT) !== HEAP_SIGNATURE) throw new HeapCorruption(heap);
}

export function entryUnits({ memory }: HeapContext, entry: number): number {
  return memory.readU16(entry + ENTRY_UNITS_AT);
}

export function entryFlags({ memory }: HeapContext, entry: number): number {
  return memory.readU8(entry + ENTRY_FLAGS_AT);
}

const CHECK_SEED = 0x5a;
const checkByte = (units: number, flags: number) => (units ^ (units >>> 8) ^ flags ^ CHECK_SEED) & 0xff;

/** Writes size (granules), flags and check byte of an entry. */
export function setEntry({ memory }: HeapContext, entry: number, units: number, flags: number): void {
  memory.writeU32(entry + ENTRY_UNITS_AT, (units | (flags << 16) | (checkByte(units, flags) << 24)) >>> 0);
}

/** Size (granules, low 16 bits) and flags (next 8) of an entry whose check byte is right; else throws HeapCorruption. */
export function checkedEntry({ memory }: HeapContext, entry: number): number {
  const word = memory.readU32(entry + ENTRY_UNITS_AT);
  const units = word & 0xffff;
  const flags = (word >>> 16) & 0xff;
  if (word >>> 24 !== checkByte(units, flags) || units === 0) throw new HeapCorruption(entry);
  return word & 0xffffff;
}

export function previousUnits({ memory }: HeapContext, entry: number): number {
  return memory.readU16(entry + ENTRY_PREVIOUS_UNITS_AT);
}

export function setPreviousUnits({ memory }: HeapContext, entry: number, units: number): void {
  memory.writeU16(entry + ENTRY_PREVIOUS_UNITS_AT, units);
}
