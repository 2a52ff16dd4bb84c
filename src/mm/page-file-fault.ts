/**
 * Faults on pages that are in a paging file: the block is read into a frame. The block stays the page's backing store until
 * the page is written to. MiResolvePageFileFault. Source: Windows Internals, "Page fault handling", "Page files".
 */
import {
  STATUS_IN_PAGE_ERROR,
  STATUS_NO_MEMORY,
  STATUS_PAGE_FAULT_PAGING_FILE,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import { FAULT_WRITE } from './access-check.js';
import type { AddressSpace } from './address-space.js';
import { HostIoError } from './backing-file.js';
import type { MemoryManager } from './memory-manager.js';
import { markModified } from './page-file.js';
import { allocateFrame, returnUnusedFrame } from './page-lists.js';
import { frameOfWord, pteAddress } from './page-tables.js';
import { PFN_PROTOTYPE } from './pfn-database.js';
import { PTE_DIRTY, pageFileNumber, pteProtection, validHigh, validLow } from './pte.js';
import { insertWsle } from './working-set.js';

const PAGE_SIZE = 4096;

/**
 * Makes a private page valid whose entry (`word`: its index in ram.words) names a paging-file block.
 * STATUS_PAGE_FAULT_PAGING_FILE, or STATUS_NO_MEMORY or STATUS_IN_PAGE_ERROR with nothing changed.
 */
export function resolvePageFileFault(
  mm: MemoryManager,
  space: AddressSpace,
  word: number,
  address: number,
  errorCode: number,
): number {
  const frame = readIntoNewFrame(mm, space, word, address);
  if (frame === NO_FRAME) return STATUS_NO_MEMORY;
  if (frame === READ_FAILED) return STATUS_IN_PAGE_ERROR;
  const { words } = mm;
  const lo = words[word]!;
  const protection = pteProtection(lo);
  mm.pfn.initialize(frame, pteAddress(address), frameOfWord(mm, word), lo, words[word + 1]!, 0);
  const isWrite = (errorCode & FAULT_WRITE) !== 0;
  if (isWrite) markModified(mm, frame);
  words[word] = validLow(frame, protection) | (isWrite ? PTE_DIRTY : 0);
  words[word + 1] = validHigh(protection);
  space.addResident(1);
  insertWsle(mm, space, address, frame);
  return STATUS_PAGE_FAULT_PAGING_FILE;
}

/** The same for a shared page; `word` is the index of its prototype PTE, which lies at `at`. The frame has one share then. */
export function resolvePageFilePrototype(
  mm: MemoryManager,
  space: AddressSpace,
  word: number,
  at: number,
  address: number,
): number {
  const frame = readIntoNewFrame(mm, space, word, address);
  if (frame === NO_FRAME) return STATUS_NO_MEMORY;
  if (frame === READ_FAILED) return STATUS_IN_PAGE_ERROR;
  const lo = mm.words[word]!;
  mm.pfn.initialize(frame, at, frameOfWord(mm, word), lo, mm.words[word + 1]!, PFN_PROTOTYPE);
  mm.words[word] = validLow(frame, pteProtection(lo));
  mm.words[word + 1] = validHigh(pteProtection(lo));
  return STATUS_PAGE_FAULT_PAGING_FILE;
}

const NO_FRAME = -1;
const READ_FAILED = -2;

/** The frame with the contents of the block that an entry names, or NO_FRAME or READ_FAILED. */
function readIntoNewFrame(mm: MemoryManager, space: AddressSpace, word: number, address: number): number {
  const frame = allocateFrame(mm);
  if (frame < 0) return NO_FRAME;
  mm.faultWasHard = true;
  const file = pageFileNumber(mm.words[word]!);
  const block = mm.words[word + 1]!;
  const status = readBlock(mm, file, block, frame);
  if (mm.events.active) mm.events.emit('page-in', space, address, frame, block);
  if (status !== STATUS_SUCCESS) {
    mm.sections.inPageStatus = status;
    returnUnusedFrame(mm, frame);
    return READ_FAILED;
  }
  mm.pageFiles.pagesRead++;
  mm.counters.pageFileRead++;
  space.counters.pageFileRead++;
  return frame;
}

/** STATUS_SUCCESS, or why the host could not read the block. */
export function readBlock(mm: MemoryManager, file: number, block: number, frame: number): number {
  const start = mm.ram.offsetOf(frame);
  mm.waitForDisk(PAGE_SIZE);
  try {
    mm.pageFiles.store.read(file, block * PAGE_SIZE, mm.ram.bytes.subarray(start, start + PAGE_SIZE));
    return STATUS_SUCCESS;
  } catch (error) {
    if (!(error instanceof HostIoError)) throw error;
    return error.status;
  }
}
