/**
 * Address Windowing Extensions: a program owns pages of RAM, as many as the machine can spare, and shows them by turns in windows
 * of its address space. A page is shown at one address at most; neither pages nor windows are ever paged. Which pages a process
 * owns says a bitmap, where a page is shown its PFN entry. Source: Microsoft, "Address Windowing Extensions",
 * "AllocateUserPhysicalPages function", "MapUserPhysicalPages function", "MapUserPhysicalPagesScatter function",
 * "FreeUserPhysicalPages function"; Unit OS5: Memory Management 5.2, "Address Windowing Extensions". Which status refuses what is
 * not documented and was not checked against Windows.
 */
import {
  STATUS_INSUFFICIENT_RESOURCES,
  STATUS_INVALID_PARAMETER_1,
  STATUS_INVALID_PARAMETER_3,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';
import { COMMIT_USER_PHYSICAL } from './commit.js';
import type { MemoryManager } from './memory-manager.js';
import { allocateZeroedFrame, insertFree } from './page-lists.js';
import { holdTables, releaseTables } from './page-table-fault.js';
import {
  addressOfPte,
  countUsedPte,
  ENTRY_SPAN,
  findPte,
  frameOfWord,
  nextBoundary,
  pteAddress,
} from './page-tables.js';
import { FRAME_ACTIVE, PFN_AWE, PFN_MODIFIED } from './pfn-database.js';
import { insertPrivateVad, removePrivateVad } from './private-memory.js';
import { demandZeroLow, MM_READWRITE, PTE_DIRTY, PTE_VALID, pteFrame, validHigh, validLow } from './pte.js';
import { residentAvailable } from './resident-available.js';
import { VAD_AWE, VAD_PRIVATE, Vad } from './vad-tree.js';

const PAGE_SIZE = 4096;

/** The pages that a process owns (AweInfo). */
export class UserPhysicalPages {
  /** One bit a frame of RAM. */
  private readonly bits: Uint32Array;
  count = 0;

  constructor(frameCount: number) {
    this.bits = new Uint32Array(Math.ceil(frameCount / 32));
  }

  owns(frame: number): boolean {
    return (this.bits[frame >>> 5]! & (1 << (frame & 31))) !== 0;
  }

  add(frame: number): void {
    this.bits[frame >>> 5]! |= 1 << (frame & 31);
    this.count++;
  }

  remove(frame: number): void {
    this.bits[frame >>> 5]! &= ~(1 << (frame & 31));
    this.count--;
  }

  /** Calls `visit` with each frame, lowest first. */
  forEach(visit: (frame: number) => void): void {
    for (let index = 0; index < this.bits.length; index++) {
      if (this.bits[index] === 0) continue;
      for (let bit = 0; bit < 32; bit++) if (this.owns(index * 32 + bit)) visit(index * 32 + bit);
    }
  }
}

/** True when a process owns the page of a number that it gave, which may be any number. */
function owns(mm: MemoryManager, space: AddressSpace, frame: number): boolean {
  if (!(frame >= 0 && frame < mm.pfn.frameCount) || space.userPhysicalPages === null) return false;
  return space.userPhysicalPages.owns(frame);
}

/**
 * Gives a process up to `wanted` pages of zeros; their frame numbers are appended to `frames`. Fewer come when RAM or commitment are
 * short; STATUS_INSUFFICIENT_RESOURCES when none does. NtAllocateUserPhysicalPages.
 */
export function allocateUserPhysicalPages(
  mm: MemoryManager,
  space: AddressSpace,
  wanted: number,
  frames: number[],
): number {
  space.userPhysicalPages ??= new UserPhysicalPages(mm.pfn.frameCount);
  const most = Math.min(wanted, Math.max(0, residentAvailable(mm)));
  while (frames.length < most) {
    const frame = allocateUserFrame(mm);
    if (frame < 0) break;
    space.userPhysicalPages.add(frame);
    frames.push(frame);
  }
  return frames.length === 0 && wanted > 0 ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS;
}

/** A page that a process will own, shown nowhere yet; -1 when none is to be had. */
function allocateUserFrame(mm: MemoryManager): number {
  if (!mm.commit.charge(COMMIT_USER_PHYSICAL, 1)) return -1;
  const frame = allocateZeroedFrame(mm);
  if (frame < 0) {
    mm.commit.release(COMMIT_USER_PHYSICAL, 1);
    return frame;
  }
  const { pfn } = mm;
  pfn.pteAddress[frame] = 0;
  pfn.containingFrame[frame] = -1;
  pfn.originalLo[frame] = demandZeroLow(MM_READWRITE);
  pfn.originalHi[frame] = 0;
  pfn.flags[frame] = PFN_MODIFIED | PFN_AWE;
  pfn.shareCount[frame] = 1;
  pfn.referenceCount[frame] = 1;
  pfn.state[frame] = FRAME_ACTIVE;
  mm.lockedFrames++;
  return frame;
}

/**
 * Takes pages from a process, out of their windows where they are shown. STATUS_INVALID_PARAMETER_3 at the first that it does not
 * own. `out.freed`: how many it gave back. NtFreeUserPhysicalPages.
 */
export function freeUserPhysicalPages(
  mm: MemoryManager,
  space: AddressSpace,
  frames: ArrayLike<number>,
  out: { freed: number },
): number {
  for (let index = 0; index < frames.length; index++) {
    const frame = frames[index]!;
    if (!owns(mm, space, frame)) return STATUS_INVALID_PARAMETER_3;
    freeUserFrame(mm, space, frame);
    out.freed++;
  }
  return STATUS_SUCCESS;
}

function freeUserFrame(mm: MemoryManager, space: AddressSpace, frame: number): void {
  const { pfn } = mm;
  if (pfn.pteAddress[frame] !== 0) unmapPage(mm, space, addressOfPte(pfn.pteAddress[frame]!));
  space.userPhysicalPages!.remove(frame);
  pfn.shareCount[frame] = 0;
  pfn.referenceCount[frame] = 0;
  insertFree(mm, frame);
  mm.commit.release(COMMIT_USER_PHYSICAL, 1);
  mm.lockedFrames--;
}

/** The process ends: its pages are free. Its windows are gone. */
export function deleteUserPhysicalPages(mm: MemoryManager, space: AddressSpace): void {
  space.userPhysicalPages?.forEach((frame) => {
    freeUserFrame(mm, space, frame);
  });
}

/** Page tables that lead to `pages` pages from a page on, all levels, at most. */
export function tablesOf(startPage: number, pages: number): number {
  let tables = 0;
  for (let level = 2; level <= 4; level++) {
    const span = ENTRY_SPAN[level]! / PAGE_SIZE;
    tables += Math.floor((startPage + pages - 1) / span) - Math.floor(startPage / span) + 1;
  }
  return tables;
}

/**
 * Reserves a window at `start`..`end` (addresses, free). Its page tables are made at once and stay in RAM, so that showing pages
 * never waits. STATUS_INSUFFICIENT_RESOURCES when RAM has no room for them, STATUS_NO_MEMORY or STATUS_IN_PAGE_ERROR.
 */
export function reserveWindow(mm: MemoryManager, space: AddressSpace, start: number, end: number): number {
  const vad = new Vad(start / PAGE_SIZE, end / PAGE_SIZE - 1, VAD_PRIVATE, MM_READWRITE);
  const tables = tablesOf(vad.startPage, vad.pageCount);
  if (tables > residentAvailable(mm)) return STATUS_INSUFFICIENT_RESOURCES;
  const status = holdTables(mm, space, start, end, true);
  if (status !== STATUS_SUCCESS) return status;
  vad.type = VAD_AWE;
  mm.lockedFrames += tables;
  space.lockedRanges++;
  insertPrivateVad(mm, space, vad);
  return STATUS_SUCCESS;
}

/** Releases a window; the process keeps the pages that it showed. */
export function releaseWindow(mm: MemoryManager, space: AddressSpace, vad: Vad): void {
  const [start, end] = [vad.startPage * PAGE_SIZE, (vad.endPage + 1) * PAGE_SIZE];
  unmapRange(mm, space, start, end);
  releaseTables(mm, space, start, end);
  mm.lockedFrames -= tablesOf(vad.startPage, vad.pageCount);
  space.lockedRanges--;
  removePrivateVad(mm, space, vad);
}

/** The window shows nothing any more in `start`..`end` (addresses). Page tables without entries are stepped over. */
function unmapRange(mm: MemoryManager, space: AddressSpace, start: number, end: number): void {
  for (let at = start; at < end; ) {
    const next = Math.min(nextBoundary(at, 2), end);
    const table = frameOfWord(mm, findPte(mm, space, at));
    for (; at < next && mm.pfn.usedPtes[table]! > 0; at += PAGE_SIZE) unmapPage(mm, space, at);
    at = next;
  }
}

/** The window shows nothing any more at an address. */
function unmapPage(mm: MemoryManager, space: AddressSpace, address: number): void {
  const word = findPte(mm, space, address);
  const lo = mm.words[word]!;
  if ((lo & PTE_VALID) === 0) return;
  const { pfn } = mm;
  const frame = pteFrame(lo);
  const table = frameOfWord(mm, word);
  mm.words[word] = 0;
  mm.words[word + 1] = 0;
  pfn.usedPtes[table]!--;
  pfn.shareCount[table]!--;
  pfn.shareCount[frame]!--;
  pfn.pteAddress[frame] = 0;
  pfn.containingFrame[frame] = -1;
  if (mm.current === space) mm.processor.invalidatePage(address);
}

/** The window shows a page, which is shown nowhere, at an address where it shows nothing. */
function mapPage(mm: MemoryManager, space: AddressSpace, address: number, frame: number): void {
  const { pfn } = mm;
  const word = findPte(mm, space, address);
  const table = frameOfWord(mm, word);
  mm.words[word] = validLow(frame, MM_READWRITE) | PTE_DIRTY;
  mm.words[word + 1] = validHigh(MM_READWRITE);
  countUsedPte(mm, word);
  pfn.shareCount[table]!++;
  pfn.shareCount[frame]!++;
  pfn.pteAddress[frame] = pteAddress(address);
  pfn.containingFrame[frame] = table;
}

/** The window that holds every page from an address on, or null. */
function windowAt(space: AddressSpace, address: number, pages: number): Vad | null {
  if (!(address >= 0 && address <= space.highestAddress)) return null;
  const page = Math.floor(address / PAGE_SIZE);
  const vad = space.vads.find(page);
  return vad === null || vad.type !== VAD_AWE || page + pages - 1 > vad.endPage ? null : vad;
}

/**
 * Shows pages in a window from an address on, in place of what it showed there, or with `frames` null nothing.
 * STATUS_INVALID_PARAMETER_1 when the pages do not lie in one window, STATUS_INVALID_PARAMETER_3, with nothing changed, when
 * a frame is not the process's own, comes twice, or is shown elsewhere. NtMapUserPhysicalPages.
 */
export function mapUserPhysicalPages(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  pages: number,
  frames: Float64Array | null,
): number {
  if (windowAt(space, address, pages) === null) return STATUS_INVALID_PARAMETER_1;
  const start = Math.floor(address / PAGE_SIZE) * PAGE_SIZE;
  const end = start + pages * PAGE_SIZE;
  if (frames !== null) {
    const isOurs = (frame: number) => canShow(mm, space, frame, (at) => at >= start && at < end);
    if (!frames.every(isOurs) || new Set(frames).size < pages) return STATUS_INVALID_PARAMETER_3;
  }
  unmapRange(mm, space, start, end);
  frames?.forEach((frame, index) => {
    mapPage(mm, space, start + index * PAGE_SIZE, frame);
  });
  return STATUS_SUCCESS;
}

/** True for a page of the process that is shown nowhere, or at an address that its new place takes the place of. */
function canShow(
  mm: MemoryManager,
  space: AddressSpace,
  frame: number,
  isReplaced: (address: number) => boolean,
): boolean {
  if (!owns(mm, space, frame)) return false;
  const pte = mm.pfn.pteAddress[frame]!;
  return pte === 0 || isReplaced(addressOfPte(pte));
}

/**
 * The same for an address of its own for each page; a frame number of 0 shows nothing there. STATUS_INVALID_PARAMETER_1 when an
 * address lies in no window, or comes twice. NtMapUserPhysicalPagesScatter.
 */
export function mapUserPhysicalPagesScatter(
  mm: MemoryManager,
  space: AddressSpace,
  addresses: Float64Array,
  frames: Float64Array | null,
): number {
  const places = addresses.map((address) => Math.floor(address / PAGE_SIZE) * PAGE_SIZE);
  if (!places.every((at) => windowAt(space, at, 1) !== null)) return STATUS_INVALID_PARAMETER_1;
  const replaced = new Set(places);
  if (replaced.size < places.length) return STATUS_INVALID_PARAMETER_1;
  const shown = (frames ?? new Float64Array()).filter((frame) => frame !== 0);
  const isOurs = (frame: number) => canShow(mm, space, frame, (at) => replaced.has(at));
  if (!shown.every(isOurs) || new Set(shown).size < shown.length) return STATUS_INVALID_PARAMETER_3;
  for (const at of places) unmapPage(mm, space, at);
  frames?.forEach((frame, index) => {
    if (frame !== 0) mapPage(mm, space, places[index]!, frame);
  });
  return STATUS_SUCCESS;
}
