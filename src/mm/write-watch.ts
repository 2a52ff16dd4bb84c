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
  for (let index = 0; index < words; index++) mm.words[bitmapWord(mm, vad, index)] = 0;
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
  let page = first;
  while (page <= last && out.count < found.length) {
    const index = Math.floor((page - vad.startPage) / GROUP);
    const groupStart = vad.startPage + index * GROUP;
    const end = Math.min(groupStart + GROUP, last + 1);
    const bits = writtenBits(mm, space, vad, index);
    for (; page < end && bits !== 0 && out.count < found.length; page++) {
      if ((bits & (1 << (page - groupStart))) === 0) continue;
      found[out.count++] = page * PAGE;
      if (resets) resetPage(mm, space, vad, page);
    }
    if (bits === 0) page = end;
  }
  return STATUS_SUCCESS;
}

/** Takes the pages `first`..`last` as not written to from now on. STATUS_INVALID_PARAMETER_1 when they are not in one watched range. */
export function resetWriteWatch(mm: MemoryManager, space: AddressSpace, first: number, last: number): number {
  const vad = watchedRange(space, first, last);
  if (vad === null) return STATUS_INVALID_PARAMETER_1;
  for (let page = first; page <= last; ) {
    const index = Math.floor((page - vad.startPage) / GROUP);
    const end = Math.min(vad.startPage + (index + 1) * GROUP, last + 1);
    if (writtenBits(mm, space, vad, index) === 0) page = end;
    else for (; page < end; page++) resetPage(mm, space, vad, page);
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
