/**
 * How a heap lies in the process's memory. Everything a heap knows is in these bytes: the heap header at the base of its
 * first segment, segment headers, and 16-byte entries in front of blocks.
 * Sources: published layouts of HEAP, HEAP_SEGMENT, HEAP_ENTRY and HEAP_VIRTUAL_ALLOC_ENTRY on x64 (entry fields, flags,
 * signatures, limits); the order of fields in the heap header is ours.
 */
import type { UserMemory } from '../../mm/user-memory.js';

/** HeapCreate and HeapAlloc flags. Source: Microsoft, "HeapCreate function", "HeapAlloc function". */
export const HEAP_NO_SERIALIZE = 0x1;
/** The flag by which the header says that the heap grows (HEAP_GROWABLE). */
export const HEAP_GROWABLE = 0x2;
export const HEAP_GENERATE_EXCEPTIONS = 0x4;
export const HEAP_ZERO_MEMORY = 0x8;
export const HEAP_REALLOC_IN_PLACE_ONLY = 0x10;
export const HEAP_TAIL_CHECKING_ENABLED = 0x20;
export const HEAP_FREE_CHECKING_ENABLED = 0x40;
export const HEAP_DISABLE_COALESCE_ON_FREE = 0x80;
/** Room for a value of the caller's beside the block. */
export const HEAP_SETTABLE_USER_VALUE = 0x100;
/** Three flags of the caller's; four bits above where the entry keeps them. */
export const HEAP_SETTABLE_USER_FLAGS = 0xe00;
export const HEAP_CREATE_ENABLE_EXECUTE = 0x40000;

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
/** RTL_CRITICAL_SECTION of RtlLockHeap. */
export const HEAP_LOCK_AT = 0x40;
/** Address of the low fragmentation front end, 0 until it is there. */
export const HEAP_FRONT_END_AT = 0x68;
/** Not 0 when the memory of the first segment is the caller's. */
export const HEAP_USER_BASE_AT = 0x70;
/** One bit for each free list that is not empty. */
export const HEAP_BITMAP_AT = 0x80;
export const HEAP_FREE_LISTS_AT = 0x100;
/** How much each bucket of the front end is asked for: 16 bits each. */
export const HEAP_USAGE_AT = 0xd80;
export const HEAP_HEADER_SIZE = 0xe90;

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
/** Not 0 in a block that the front end uses for itself. */
export const ENTRY_INTERNAL_AT = 14;
/** Bytes of the block that the caller did not ask for: those of the entry that are the block's own, and slack. */
export const ENTRY_UNUSED_AT = 15;

/**
 * Bytes at the start of an entry that belong to the block before it, which uses them for its last bytes: so a block costs
 * eight bytes more than what it holds.
 */
export const ENTRY_SHARED_BYTES = 8;

export const ENTRY_BUSY = 0x01;
/** A busy block ends with a granule whose upper half is the caller's value. */
export const ENTRY_EXTRA_PRESENT = 0x02;
/** A pattern lies behind the caller's bytes, or fills a free block. */
export const ENTRY_FILL_PATTERN = 0x04;
export const ENTRY_VIRTUAL_ALLOC = 0x08;
/** The last entry in the committed part of a segment. */
export const ENTRY_LAST = 0x10;
/** The caller's flags. */
export const ENTRY_SETTABLE_FLAGS = 0xe0;

/** A large block: list links, committed, reserved and requested bytes, the caller's value, its entry; the user's bytes follow. */
export const LARGE_COMMIT_AT = 0x10;
export const LARGE_RESERVE_AT = 0x18;
export const LARGE_REQUEST_AT = 0x20;
export const LARGE_VALUE_AT = 0x28;
export const LARGE_HEADER_SIZE = 0x40;

/** Pages for heaps; sizes in bytes, addresses of the process. */
export interface HeapPages {
  /** Reserves, 64 KB aligned; 0 when refused. */
  reserve(bytes: number, executable: boolean): number;
  commit(address: number, bytes: number, executable: boolean): boolean;
  decommit(address: number, bytes: number): void;
  release(address: number): void;
  /** Bytes from an address that are committed alike, and to the end of what is reserved behind them; 0 where nothing is. */
  extent(address: number): { readonly committed: number; readonly reserved: number };
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

/** Size (granules), flags and check byte of an entry, as they stand in it. */
export function entryWord(units: number, flags: number): number {
  return (units | (flags << 16) | (checkByte(units, flags) << 24)) >>> 0;
}

/** Writes size (granules), flags and check byte of an entry; it is nobody's own and has no unused bytes then. */
export function setEntry({ memory }: HeapContext, entry: number, units: number, flags: number): void {
  memory.writeU32(entry + ENTRY_UNITS_AT, entryWord(units, flags));
  memory.writeU16(entry + ENTRY_INTERNAL_AT, 0);
}

/** Writes the flags of an entry that stays what it is. */
export function setEntryFlags({ memory }: HeapContext, entry: number, units: number, flags: number): void {
  memory.writeU32(entry + ENTRY_UNITS_AT, entryWord(units, flags));
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
