/**
 * Sections in large pages: every page of the segment is in RAM from its creation on, 512 frames that lie together for each
 * 2 MB, named by valid prototype PTEs. A view is mapped by page-directory entries when it asks for that, else by page tables as
 * any other. Source: Microsoft, "CreateFileMappingA function" (SEC_LARGE_PAGES), "MapViewOfFile function" (FILE_MAP_LARGE_PAGES),
 * "Creating a File Mapping Using Large Pages". Which status refuses what is not documented and was not checked against Windows.
 */
import {
  STATUS_INSUFFICIENT_RESOURCES,
  STATUS_INVALID_PAGE_PROTECTION,
  STATUS_INVALID_PARAMETER_9,
  STATUS_INVALID_VIEW_SIZE,
  STATUS_MAPPED_ALIGNMENT,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';
import { allocateContiguousFrames } from './contiguous-frames.js';
import type { ControlArea } from './control-area.js';
import {
  findLargePde,
  isLargePageProtection,
  LARGE_PAGE_FRAMES,
  LARGE_PAGE_SIZE,
  largeLow,
} from './large-page.js';
import type { MemoryManager } from './memory-manager.js';
import { addShare, deleteActiveFrame, releaseShare } from './page-lists.js';
import { makePde } from './page-table-fault.js';
import { countUsedPte, frameOfWord, freeEmptyTable } from './page-tables.js';
import { PFN_LARGE_PAGE, PFN_MODIFIED, PFN_PROTOTYPE } from './pfn-database.js';
import { demandZeroLow, pteFrame, validHigh, validLow } from './pte.js';
import { residentAvailable } from './resident-available.js';
import { systemWordToWrite } from './system-working-set.js';
import type { Vad } from './vad-tree.js';

/**
 * Gives every prototype PTE of a new control area a frame of zeros. STATUS_INSUFFICIENT_RESOURCES when RAM has too few that lie
 * together; the prototype PTEs are zero then.
 */
export function allocateLargeSegment(
  mm: MemoryManager,
  controlArea: ControlArea,
  protection: number,
): number {
  const { segment } = controlArea;
  if (segment.pageCount > residentAvailable(mm)) return STATUS_INSUFFICIENT_RESOURCES;
  for (let page = 0; page < segment.pageCount; page += LARGE_PAGE_FRAMES) {
    const first = allocateContiguousFrames(mm, LARGE_PAGE_FRAMES);
    if (first < 0) {
      freeLargeSegment(mm, controlArea);
      return STATUS_INSUFFICIENT_RESOURCES;
    }
    for (let index = 0; index < LARGE_PAGE_FRAMES; index++)
      enterFrame(mm, controlArea.prototypeAddress(page + index), first + index, protection);
    segment.largePages++;
    mm.lockedFrames += LARGE_PAGE_FRAMES;
  }
  return STATUS_SUCCESS;
}

/** The prototype PTE at an address names a frame, which it holds by a share of its own. */
function enterFrame(mm: MemoryManager, at: number, frame: number, protection: number): void {
  const word = systemWordToWrite(mm, at);
  const flags = PFN_PROTOTYPE | PFN_MODIFIED | PFN_LARGE_PAGE;
  mm.pfn.initialize(frame, at, frameOfWord(mm, word), demandZeroLow(protection), 0, flags);
  mm.words[word] = validLow(frame, protection);
  mm.words[word + 1] = validHigh(protection);
}

/** Frees the frames of a segment without views. */
export function freeLargeSegment(mm: MemoryManager, controlArea: ControlArea): void {
  const { segment } = controlArea;
  for (let page = 0; page < segment.largePages * LARGE_PAGE_FRAMES; page++) {
    const word = systemWordToWrite(mm, controlArea.prototypeAddress(page));
    const frame = pteFrame(mm.words[word]!);
    mm.words[word] = 0;
    mm.words[word + 1] = 0;
    deleteActiveFrame(mm, frame);
  }
  mm.lockedFrames -= segment.largePages * LARGE_PAGE_FRAMES;
  segment.largePages = 0;
}

/**
 * The status that refuses a view in large pages, or STATUS_SUCCESS: the section must be in large pages, base, offset and size
 * multiples of 2 MB, and the protection (a code) one that large pages can have.
 */
export function checkLargeView(
  controlArea: ControlArea,
  baseAddress: number,
  sectionOffset: number,
  bytes: number,
  protection: number,
): number {
  if (controlArea.segment.largePages === 0) return STATUS_INVALID_PARAMETER_9;
  if (!isLargePageProtection(protection)) return STATUS_INVALID_PAGE_PROTECTION;
  if (baseAddress % LARGE_PAGE_SIZE !== 0 || sectionOffset % LARGE_PAGE_SIZE !== 0)
    return STATUS_MAPPED_ALIGNMENT;
  return bytes % LARGE_PAGE_SIZE === 0 ? STATUS_SUCCESS : STATUS_INVALID_VIEW_SIZE;
}

/** Maps a new view by page-directory entries; STATUS_NO_MEMORY or STATUS_IN_PAGE_ERROR with nothing changed. */
export function mapLargeView(mm: MemoryManager, space: AddressSpace, vad: Vad): number {
  const [start, end] = [vad.startPage * 4096, (vad.endPage + 1) * 4096];
  for (let address = start; address < end; address += LARGE_PAGE_SIZE) {
    const word = makePde(mm, space, address);
    if (word < 0) {
      unmapLargeEntries(mm, space, start, address);
      return -word;
    }
    const page = vad.sectionOffset + (address - start) / 4096;
    enterView(mm, word, vad.controlArea!.prototypeAddress(page), vad.protection);
  }
  space.lockedRanges++;
  return STATUS_SUCCESS;
}

/** Makes a page-directory entry map the large page whose first prototype PTE lies at an address. */
function enterView(mm: MemoryManager, word: number, prototype: number, protection: number): void {
  const first = pteFrame(mm.words[systemWordToWrite(mm, prototype)]!);
  for (let frame = first; frame < first + LARGE_PAGE_FRAMES; frame++) addShare(mm, frame);
  mm.words[word] = largeLow(first, protection);
  mm.words[word + 1] = validHigh(protection);
  countUsedPte(mm, word);
  mm.pfn.shareCount[frameOfWord(mm, word)]!++;
}

/** Takes out the entries of a view; the segment keeps its frames. */
export function unmapLargeView(mm: MemoryManager, space: AddressSpace, vad: Vad): void {
  unmapLargeEntries(mm, space, vad.startPage * 4096, (vad.endPage + 1) * 4096);
  space.lockedRanges--;
}

function unmapLargeEntries(mm: MemoryManager, space: AddressSpace, start: number, end: number): void {
  for (let address = start; address < end; address += LARGE_PAGE_SIZE) {
    const word = findLargePde(mm, space, address);
    const first = pteFrame(mm.words[word]!);
    const directory = frameOfWord(mm, word);
    mm.words[word] = 0;
    mm.words[word + 1] = 0;
    mm.pfn.usedPtes[directory]!--;
    if (mm.current === space) mm.processor.invalidatePage(address);
    for (let frame = first; frame < first + LARGE_PAGE_FRAMES; frame++) releaseShare(mm, frame);
    mm.pfn.shareCount[directory]!--;
    freeEmptyTable(mm, space, directory);
  }
}
