/**
 * Placeholders: reserved ranges, aligned to pages, that wait to be replaced by private memory or a view as a whole. They can be split
 * and coalesced, and what replaced one can become one again. Source: Microsoft, "VirtualAlloc2 function (memoryapi.h)",
 * "VirtualFree function (memoryapi.h)", "MapViewOfFile3 function (memoryapi.h)", "UnmapViewOfFile2 function (memoryapi.h)". Which
 * NTSTATUS refuses what is not documented: those here become the last errors that programs know from Windows.
 */
import { STATUS_CONFLICTING_ADDRESSES, STATUS_SUCCESS } from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { insertPrivateVad, removePrivateVad } from './private-memory.js';
import { MM_NOACCESS } from './pte.js';
import { VAD_PRIVATE, Vad } from './vad-tree.js';

const PAGE = 4096;

/** Adds a placeholder of pages that are free (numbers address / 4096, both included). */
export function insertPlaceholder(
  mm: MemoryManager,
  space: AddressSpace,
  startPage: number,
  endPage: number,
): void {
  const vad = new Vad(startPage, endPage, VAD_PRIVATE, MM_NOACCESS);
  vad.isPlaceholder = true;
  insertPrivateVad(mm, space, vad);
  if (mm.events.active) mm.events.emit('vad-insert', space, startPage * PAGE, -1, vad.pageCount);
}

/** The placeholder that lies exactly at `start`..`end` (addresses, end not included), or null. */
export function placeholderAt(space: AddressSpace, start: number, end: number): Vad | null {
  const vad = space.vads.find(Math.floor(start / PAGE));
  if (vad === null || !vad.isPlaceholder) return null;
  return vad.startPage * PAGE === start && (vad.endPage + 1) * PAGE === end ? vad : null;
}

/** Takes a placeholder out, for what replaces it. */
export function removePlaceholder(mm: MemoryManager, space: AddressSpace, vad: Vad): void {
  removePrivateVad(mm, space, vad);
  if (mm.events.active) mm.events.emit('vad-remove', space, vad.startPage * PAGE, -1, vad.pageCount);
}

/**
 * Splits a placeholder so that `start`..`end` (addresses of pages within it, end not included) is one of its own.
 * STATUS_CONFLICTING_ADDRESSES when that is all of it.
 */
export function splitPlaceholder(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  start: number,
  end: number,
): number {
  const first = start / PAGE;
  const last = end / PAGE - 1;
  const { startPage, endPage } = vad;
  if (first === startPage && last === endPage) return STATUS_CONFLICTING_ADDRESSES;
  space.vads.resize(vad, first, last);
  if (first > startPage) insertPlaceholder(mm, space, startPage, first - 1);
  if (last < endPage) insertPlaceholder(mm, space, last + 1, endPage);
  return STATUS_SUCCESS;
}

/**
 * Makes one placeholder of those that fill `start`..`end` (addresses, end not included) exactly. STATUS_CONFLICTING_ADDRESSES when
 * something else is there, or only one.
 */
export function coalescePlaceholders(
  mm: MemoryManager,
  space: AddressSpace,
  start: number,
  end: number,
): number {
  const parts: Vad[] = [];
  let at = start / PAGE;
  while (at < end / PAGE) {
    const vad = space.vads.find(at);
    if (vad === null || !vad.isPlaceholder || vad.startPage !== at) return STATUS_CONFLICTING_ADDRESSES;
    parts.push(vad);
    at = vad.endPage + 1;
  }
  if (at !== end / PAGE || parts.length < 2) return STATUS_CONFLICTING_ADDRESSES;
  for (const part of parts) removePlaceholder(mm, space, part);
  insertPlaceholder(mm, space, start / PAGE, end / PAGE - 1);
  return STATUS_SUCCESS;
}
