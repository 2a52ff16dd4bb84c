/**
 * Reads of system space that change nothing, for verify() and the views: no fault, no accessed bit. What a paging file has of
 * paged pool is read from there.
 */
import type { MemoryManager } from './memory-manager.js';
import { hasPageFileBlock, PTE_TRANSITION, PTE_VALID, pageFileNumber, pteFrame } from './pte.js';
import { findSystemPte } from './system-space.js';

const PAGE_SIZE = 4096;

/** The page that was read last from a paging file. */
export class SystemObserver {
  readonly words = new Uint32Array(PAGE_SIZE / 4);
  /** Page number, -1 for none. */
  page = -1;
}

/** Runs code that reads system space without changing anything; systemWord finds only what is in RAM meanwhile. */
export function observe<T>(mm: MemoryManager, look: () => T): T {
  const before = mm.observer;
  mm.observer = new SystemObserver();
  try {
    return look();
  } finally {
    mm.observer = before;
  }
}

/** Index in ram.words of the word at a system address whose page is valid or in transition, else 0. Changes nothing. */
export function residentSystemWord(mm: MemoryManager, address: number): number {
  const pte = findSystemPte(mm, address);
  const lo = pte === 0 ? 0 : mm.words[pte]!;
  return (lo & (PTE_VALID | PTE_TRANSITION)) === 0
    ? 0
    : mm.frameWord(pteFrame(lo)) + ((address % PAGE_SIZE) >>> 2);
}

/** The 32-bit word at a system address, wherever it is; 0 where nothing is mapped. Throws HostIoError. */
export function observeSystemWord(mm: MemoryManager, observer: SystemObserver, address: number): number {
  const word = residentSystemWord(mm, address);
  if (word !== 0) return mm.words[word]!;
  const page = Math.floor(address / PAGE_SIZE);
  if (page !== observer.page && !readPage(mm, observer, page)) return 0;
  return observer.words[(address % PAGE_SIZE) >>> 2]!;
}

function readPage(mm: MemoryManager, observer: SystemObserver, page: number): boolean {
  const pte = findSystemPte(mm, page * PAGE_SIZE);
  const lo = pte === 0 ? 0 : mm.words[pte]!;
  const block = pte === 0 ? 0 : mm.words[pte + 1]!;
  if (!hasPageFileBlock(lo, block)) return false;
  mm.pageFiles.peek(pageFileNumber(lo), block, new Uint8Array(observer.words.buffer));
  observer.page = page;
  return true;
}
