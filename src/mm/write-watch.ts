/**
 * Which pages of a range made with MEM_WRITE_WATCH were written to. The truth is the dirty bit of each valid PTE together with
 * a bitmap in nonpaged pool, one bit for each page of the range: when a PTE that is dirty stops being valid (trimmed, decommitted,
 * reset) its bit is set there. NtGetWriteWatch reports both, NtResetWriteWatch clears both. Decommitted pages stay reported,
 * which the documentation leaves open. Source: Microsoft, "GetWriteWatch function (memoryapi.h)", "ResetWriteWatch function
 * (memoryapi.h)", "VirtualAlloc function" (MEM_WRITE_WATCH). The NTSTATUS values could not be checked.
 */
import { STATUS_INVALID_PARAMETER_1, STATUS_SUCCESS } from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { markModified } from './page-file.js';
import { findPte, nextAddressWithValidTable } from './page-tables.js';
import { PTE_DIRTY, PTE_VALID, pteFrame } from './pte.js';
import { systemWord } from './system-space.js';
import type { Vad } from './vad-tree.js';

const PAGE = 4096;
/** Pages that one word of the bitmap stands for. */
const GROUP = 32;
const TAG = 'MmWw';

/** Gives a new range its bitmap. False: nonpaged pool has no room. */
export function allocateWriteWatch(mm: MemoryManager, vad: Vad): boolean {
  const words = Math.ceil(vad.pageCount / GROUP);
  vad.writeWatch = mm.nonpagedPool.allocate(words * 4, TAG);
  if (vad.writeWatch === 0) return false;
  for (let index = 0; index < words; ) {
    const first = bitmapWord(mm, vad, index);
    const count = Math.min(words - index, wordsInPage(mm, first));
    mm.words.fill(0, first, first + count);
    index += count;
  }
  return true;
}

export function freeWriteWatch(mm: MemoryManager, vad: Vad): void {
  if (vad.writeWatch !== 0) mm.nonpagedPool.free(vad.writeWatch);
  vad.writeWatch = 0;
}

/** Index in ram.words of a word of the bitmap. */
function bitmapWord(mm: MemoryManager, vad: Vad, index: number): number {
  return systemWord(mm, vad.writeWatch + index * 4);
}

/** Words from one (its index in ram.words) to the end of its page of RAM. */
function wordsInPage(mm: MemoryManager, word: number): number {
  return PAGE / 4 - ((word - mm.baseWord) % (PAGE / 4));
}

/** A page that was written to (its PTE was valid and dirty) is about to lose its dirty bit. MiCaptureWriteWatchDirtyBit. */
export function noteWrite(mm: MemoryManager, space: AddressSpace, address: number): void {
  const page = Math.floor(address / PAGE);
  const vad = space.vads.find(page);
  if (vad === null || vad.writeWatch === 0) return;
  const at = page - vad.startPage;
  mm.words[bitmapWord(mm, vad, Math.floor(at / GROUP))]! |= 1 << (at % GROUP);
}

/** The range that holds the pages `first`..`last` (numbers address / 4096) and is watched, or null (STATUS_INVALID_PARAMETER_1). */
function watchedRange(space: AddressSpace, first: number, last: number): Vad | null {
  const vad = space.vads.find(first);
  return vad === null || vad.writeWatch === 0 || last > vad.endPage ? null : vad;
}

/**
 * The first word of the bitmap from `index` on, before `end`, whose pages may have been written to: it has a bit, or there is a
 * valid page table for them; or `end`. What was never touched costs little, however large.
 */
function nextGroup(mm: MemoryManager, space: AddressSpace, vad: Vad, index: number, end: number): number {
  const startOf = (group: number) => (vad.startPage + group * GROUP) * PAGE;
  const table = nextAddressWithValidTable(mm, space, startOf(index), startOf(end)) / PAGE;
  const stop = Math.min(end, Math.floor((table - vad.startPage) / GROUP));
  let at = index;
  while (at < stop) {
    const first = bitmapWord(mm, vad, at);
    const count = Math.min(stop - at, wordsInPage(mm, first));
    for (let word = first; word < first + count; word++) if (mm.words[word] !== 0) return at + word - first;
    at += count;
  }
  return at;
}

/** What is known of the pages of one word of the bitmap: a bit for each that was written to. */
function writtenBits(mm: MemoryManager, space: AddressSpace, vad: Vad, index: number): number {
  const start = vad.startPage + index * GROUP;
  const end = Math.min(start + GROUP, vad.endPage + 1);
  let bits = mm.words[bitmapWord(mm, vad, index)]!;
  let at = nextAddressWithValidTable(mm, space, start * PAGE, end * PAGE) / PAGE;
  for (; at < end; at++) {
    const word = findPte(mm, space, at * PAGE);
    if (word !== 0 && isDirty(mm.words[word]!)) bits |= 1 << (at - start);
  }
  return bits;
}

function isDirty(lo: number): boolean {
  return (lo & (PTE_VALID | PTE_DIRTY)) === (PTE_VALID | PTE_DIRTY);
}

/**
 * Stores the addresses of pages in `first`..`last` (numbers address / 4096) that were written to, lowest first, as many as `found`
 * has room for, and with `resets` takes these as not written to from then on. `out.count` is how many.
 * STATUS_INVALID_PARAMETER_1 when they are not in one watched range.
 */
export function getWriteWatch(
  mm: MemoryManager,
  space: AddressSpace,
  first: number,
  last: number,
  resets: boolean,
  found: Float64Array,
  out: { count: number },
): number {
  out.count = 0;
  const vad = watchedRange(space, first, last);
  if (vad === null) return STATUS_INVALID_PARAMETER_1;
  const end = groupOf(vad, last) + 1;
  let index = nextGroup(mm, space, vad, groupOf(vad, first), end);
  for (; index < end && out.count < found.length; index = nextGroup(mm, space, vad, index + 1, end)) {
    const start = vad.startPage + index * GROUP;
    const bits = writtenBits(mm, space, vad, index);
    const stop = Math.min(start + GROUP, last + 1);
    for (let page = Math.max(start, first); page < stop && out.count < found.length; page++) {
      if ((bits & (1 << (page - start))) === 0) continue;
      found[out.count++] = page * PAGE;
      if (resets) resetPage(mm, space, vad, page);
    }
  }
  return STATUS_SUCCESS;
}

/** The word of the bitmap that a page has its bit in. */
function groupOf(vad: Vad, page: number): number {
  return Math.floor((page - vad.startPage) / GROUP);
}

/** Takes the pages `first`..`last` as not written to from now on. STATUS_INVALID_PARAMETER_1 when they are not in one watched range. */
export function resetWriteWatch(mm: MemoryManager, space: AddressSpace, first: number, last: number): number {
  const vad = watchedRange(space, first, last);
  if (vad === null) return STATUS_INVALID_PARAMETER_1;
  const end = groupOf(vad, last) + 1;
  let index = nextGroup(mm, space, vad, groupOf(vad, first), end);
  for (; index < end; index = nextGroup(mm, space, vad, index + 1, end)) {
    const start = vad.startPage + index * GROUP;
    const stop = Math.min(start + GROUP, last + 1);
    for (let page = Math.max(start, first); page < stop; page++) resetPage(mm, space, vad, page);
  }
  return STATUS_SUCCESS;
}

/** The dirty bit of a valid page moves to its frame, so that the processor sets it again at the next write. */
function resetPage(mm: MemoryManager, space: AddressSpace, vad: Vad, page: number): void {
  const at = page - vad.startPage;
  mm.words[bitmapWord(mm, vad, Math.floor(at / GROUP))]! &= ~(1 << (at % GROUP));
  const word = findPte(mm, space, page * PAGE);
  if (word === 0 || !isDirty(mm.words[word]!)) return;
  markModified(mm, pteFrame(mm.words[word]!));
  mm.words[word]! &= ~PTE_DIRTY;
  if (mm.current === space) mm.processor.invalidatePage(page * PAGE);
}
