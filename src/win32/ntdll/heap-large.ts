/** Large blocks: each has pages of its own (HEAP_VIRTUAL_ALLOC_ENTRY), linked in a list from the heap header. */
import { TAIL_BYTES, writeTail } from './heap-checking.js';
import {
  checkedEntry,
  ENTRY_BUSY,
  ENTRY_FILL_PATTERN,
  ENTRY_VIRTUAL_ALLOC,
  entryFlags,
  GRANULE,
  HEAP_LARGE_LIST_AT,
  type HeapContext,
  HeapCorruption,
  LARGE_COMMIT_AT,
  LARGE_HEADER_SIZE,
  LARGE_REQUEST_AT,
  LARGE_RESERVE_AT,
  setEntry,
} from './heap-layout.js';
import { alignUp, isExecutable } from './heap-segments.js';

const PAGE = 4096;
const GRANULARITY = 0x10000;
/** More large blocks than a process can have: a longer list is a circle. */
const MAXIMUM_LARGE_BLOCKS = 1 << 24;

/** The block whose entry is in front of the user's bytes. */
const blockOf = (entry: number) => entry + GRANULE - LARGE_HEADER_SIZE;

const tailOf = (form: number) => (form & ENTRY_FILL_PATTERN ? TAIL_BYTES : 0);

/** Address of the user's bytes (fresh pages: zero), 0 when memory is refused. */
export function allocateLarge(context: HeapContext, heap: number, bytes: number, form: number): number {
  const { memory, pages } = context;
  const committed = alignUp(bytes + tailOf(form) + LARGE_HEADER_SIZE, PAGE);
  const reserved = alignUp(committed, GRANULARITY);
  const executable = isExecutable(context, heap);
  const block = pages.reserve(reserved, executable);
  if (block === 0) return 0;
  if (!pages.commit(block, committed, executable)) {
    pages.release(block);
    return 0;
  }
  memory.writePointer(block + LARGE_COMMIT_AT, committed);
  memory.writePointer(block + LARGE_RESERVE_AT, reserved);
  memory.writePointer(block + LARGE_REQUEST_AT, bytes);
  const user = block + LARGE_HEADER_SIZE;
  setEntry(context, user - GRANULE, 1, ENTRY_BUSY | ENTRY_VIRTUAL_ALLOC | form);
  if (form & ENTRY_FILL_PATTERN) writeTail(context, user + bytes);
  linkLarge(context, heap, block);
  return user;
}

function linkLarge({ memory }: HeapContext, heap: number, block: number): void {
  const head = heap + HEAP_LARGE_LIST_AT;
  const first = memory.readPointer(head);
  memory.writePointer(block, first);
  memory.writePointer(block + 8, head);
  memory.writePointer(first + 8, block);
  memory.writePointer(head, block);
}

/** Checks a large block's entry and links; throws HeapCorruption. Returns the block's address. */
export function requireLarge(context: HeapContext, entry: number): number {
  const { memory } = context;
  const block = blockOf(entry);
  const kind = (checkedEntry(context, entry) >>> 16) & (ENTRY_BUSY | ENTRY_VIRTUAL_ALLOC);
  if (kind !== (ENTRY_BUSY | ENTRY_VIRTUAL_ALLOC)) throw new HeapCorruption(entry);
  const next = memory.readPointer(block);
  const previous = memory.readPointer(block + 8);
  if (memory.readPointer(next + 8) !== block || memory.readPointer(previous) !== block) {
    throw new HeapCorruption(entry);
  }
  return block;
}

export function freeLarge(context: HeapContext, entry: number): void {
  const { memory, pages } = context;
  const block = requireLarge(context, entry);
  const next = memory.readPointer(block);
  const previous = memory.readPointer(block + 8);
  memory.writePointer(previous, next);
  memory.writePointer(next + 8, previous);
  pages.release(block);
}

/** Bytes that the caller asked for. */
export function largeSize(context: HeapContext, entry: number): number {
  return context.memory.readPointer(requireLarge(context, entry) + LARGE_REQUEST_AT);
}

/** Bytes of committed and of reserved pages of a large block, by its address. */
export function largeCommitted({ memory }: HeapContext, address: number): number {
  return memory.readPointer(address - LARGE_HEADER_SIZE + LARGE_COMMIT_AT);
}

export function largeReserved({ memory }: HeapContext, address: number): number {
  return memory.readPointer(address - LARGE_HEADER_SIZE + LARGE_RESERVE_AT);
}

/** Changes the size inside the reserved pages; false when it does not fit or memory is refused. */
export function resizeLarge(context: HeapContext, heap: number, entry: number, bytes: number): boolean {
  const { memory, pages } = context;
  const block = requireLarge(context, entry);
  const committed = memory.readPointer(block + LARGE_COMMIT_AT);
  const form = entryFlags(context, entry);
  const wanted = alignUp(bytes + tailOf(form) + LARGE_HEADER_SIZE, PAGE);
  if (wanted > memory.readPointer(block + LARGE_RESERVE_AT)) return false;
  if (wanted > committed) {
    if (!pages.commit(block + committed, wanted - committed, isExecutable(context, heap))) return false;
  } else if (wanted < committed) {
    pages.decommit(block + wanted, committed - wanted);
  }
  memory.writePointer(block + LARGE_COMMIT_AT, wanted);
  memory.writePointer(block + LARGE_REQUEST_AT, bytes);
  if (form & ENTRY_FILL_PATTERN) writeTail(context, entry + GRANULE + bytes);
  return true;
}

/** Calls `visit` with the entry of each large block; a list that is broken throws HeapCorruption. */
export function forEachLarge(context: HeapContext, heap: number, visit: (entry: number) => void): void {
  const { memory } = context;
  const head = heap + HEAP_LARGE_LIST_AT;
  let block = memory.readPointer(head);
  for (let count = 0; block !== head; count++) {
    if (count > MAXIMUM_LARGE_BLOCKS) throw new HeapCorruption(head);
    const next = memory.readPointer(block);
    visit(block + LARGE_HEADER_SIZE - GRANULE);
    block = next;
  }
}
