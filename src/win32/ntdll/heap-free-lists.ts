/**
 * Free blocks by size class: one list for each size below 128 granules, then eight lists for each power of two. Heads lie
 * in the heap header, links in the first 16 bytes of a free block; a bitmap in the header finds the next list with a
 * block in it.
 */
import {
  checkedEntry,
  ENTRY_BUSY,
  GRANULE,
  HEAP_BITMAP_AT,
  HEAP_FREE_LISTS_AT,
  type HeapContext,
  HeapCorruption,
} from './heap-layout.js';

const EXACT_LISTS = 128;
const STEPS_PER_OCTAVE = 8;
/** Sizes of 128 to 65535 granules: nine octaves. */
export const FREE_LIST_COUNT = EXACT_LISTS + 9 * STEPS_PER_OCTAVE;
/** Blocks of the request's own class that are tried before the next class, in which every block fits. */
const TRIES_IN_CLASS = 16;
const LINK_BYTES = 16;

/** The list for free blocks of a size in granules. */
export function freeListOf(units: number): number {
  if (units < EXACT_LISTS) return units;
  const octave = 31 - Math.clz32(units);
  return EXACT_LISTS + (octave - 7) * STEPS_PER_OCTAVE + ((units >>> (octave - 3)) & 7);
}

const headOf = (heap: number, list: number) => heap + HEAP_FREE_LISTS_AT + list * LINK_BYTES;

/** Makes every list of a new heap empty: each head points to itself. */
export function initializeFreeLists({ memory }: HeapContext, heap: number): void {
  for (let list = 0; list < FREE_LIST_COUNT; list++) {
    const head = headOf(heap, list);
    memory.writePointer(head, head);
    memory.writePointer(head + 8, head);
  }
}

/** Puts a free block first in its list. */
export function insertFree({ memory }: HeapContext, heap: number, entry: number, units: number): void {
  const list = freeListOf(units);
  const head = headOf(heap, list);
  const links = entry + GRANULE;
  const first = memory.readPointer(head);
  memory.writePointer(links, first);
  memory.writePointer(links + 8, head);
  memory.writePointer(first + 8, links);
  memory.writePointer(head, links);
  setListBit(memory, heap, list, true);
}

/** Takes a free block out of its list; links that do not agree throw HeapCorruption before anything is written. */
export function removeFree({ memory }: HeapContext, heap: number, entry: number, units: number): void {
  const links = entry + GRANULE;
  const next = memory.readPointer(links);
  const previous = memory.readPointer(links + 8);
  if (memory.readPointer(next + 8) !== links || memory.readPointer(previous) !== links) {
    throw new HeapCorruption(entry);
  }
  memory.writePointer(previous, next);
  memory.writePointer(next + 8, previous);
  if (next === previous) {
    const list = freeListOf(units);
    if (next === headOf(heap, list)) setListBit(memory, heap, list, false);
  }
}

/** A free block of at least `units` granules, still in its list; 0 when there is none. */
export function findFree(context: HeapContext, heap: number, units: number): number {
  const list = freeListOf(units);
  const exact = list < EXACT_LISTS;
  const own = exact ? 0 : findInClass(context, heap, list, units);
  if (own !== 0) return own;
  const larger = nextList(context, heap, exact ? list : list + 1);
  if (larger < 0) return 0;
  const links = context.memory.readPointer(headOf(heap, larger));
  if (links === headOf(heap, larger)) throw new HeapCorruption(headOf(heap, larger));
  return requireFree(context, links - GRANULE, units);
}

/** The first blocks of a class of several sizes: one that is large enough, or 0. */
function findInClass(context: HeapContext, heap: number, list: number, units: number): number {
  const head = headOf(heap, list);
  let links = context.memory.readPointer(head);
  for (let tries = 0; tries < TRIES_IN_CLASS && links !== head; tries++) {
    const entry = links - GRANULE;
    if ((checkedEntry(context, entry) & 0xffff) >= units) return requireFree(context, entry, units);
    links = context.memory.readPointer(links);
  }
  return 0;
}

function requireFree(context: HeapContext, entry: number, units: number): number {
  const word = checkedEntry(context, entry);
  if ((word >>> 16) & ENTRY_BUSY || (word & 0xffff) < units) throw new HeapCorruption(entry);
  return entry;
}

/** The first list at or after `from` with a block in it, by the bitmap; -1 for none. */
function nextList({ memory }: HeapContext, heap: number, from: number): number {
  for (let word = from >>> 5; word * 32 < FREE_LIST_COUNT; word++) {
    let bits = memory.readU32(heap + HEAP_BITMAP_AT + word * 4);
    if (word === from >>> 5) bits &= -1 << (from & 31);
    if (bits !== 0) return word * 32 + 31 - Math.clz32(bits & -bits);
  }
  return -1;
}

function setListBit(memory: HeapContext['memory'], heap: number, list: number, on: boolean): void {
  const at = heap + HEAP_BITMAP_AT + (list >>> 5) * 4;
  const bit = 1 << (list & 31);
  const bits = memory.readU32(at);
  const wanted = (on ? bits | bit : bits & ~bit) >>> 0;
  if (wanted !== bits) memory.writeU32(at, wanted);
}
