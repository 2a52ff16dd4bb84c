/**
 * Reading pages before they are touched (PrefetchVirtualMemory): pages of a paging file or a mapped file are read into frames that
 * wait on standby; the working set stays as it is. Only while memory is not low, and no more pages are looked at than RAM has frames.
 * Source: Microsoft, "PrefetchVirtualMemory function (memoryapi.h)".
 */
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { resolvePageFileFault } from './page-file-fault.js';
import { bringPteIn, nextAddressBroughtIn } from './page-table-fault.js';
import { findPte, frameOfWord, holdTable, pteAddress, releaseTable } from './page-tables.js';
import { beginPrototypeRead } from './prototype-fault.js';
import { hasPageFileBlock, PTE_PROTOTYPE, PTE_VALID } from './pte.js';
import { VAD_ORDINARY, VAD_PRIVATE, type Vad } from './vad-tree.js';

const PAGE = 4096;

/** Pages that may still be looked at. */
export interface PrefetchBudget {
  pages: number;
}

/**
 * Begins to read the pages of `start`..`end` (addresses, end not included) that are on a disk. Nothing is waited for but page tables;
 * what cannot be read is left for the fault that wants it.
 */
export function prefetchVirtualMemory(
  mm: MemoryManager,
  space: AddressSpace,
  start: number,
  end: number,
  budget: PrefetchBudget,
): void {
  let at = Math.floor(start / PAGE) * PAGE;
  while (at < end && mayGoOn(mm, budget)) {
    const vad = space.vads.atOrAfter(at / PAGE);
    if (vad === null || vad.startPage * PAGE >= end) return;
    const first = Math.max(at, vad.startPage * PAGE);
    at = Math.min(end, (vad.endPage + 1) * PAGE);
    if (vad.type !== VAD_ORDINARY) continue;
    if (vad.kind === VAD_PRIVATE) prefetchPrivate(mm, space, first, at, budget);
    else prefetchView(mm, space, vad, first, at, budget);
  }
}

function mayGoOn(mm: MemoryManager, budget: PrefetchBudget): boolean {
  return budget.pages > 0 && mm.lists.available > mm.thresholds.low;
}

function prefetchPrivate(
  mm: MemoryManager,
  space: AddressSpace,
  start: number,
  end: number,
  budget: PrefetchBudget,
): void {
  let at = nextAddressBroughtIn(mm, space, start, end);
  for (; at >= 0 && at < end && mayGoOn(mm, budget); at = nextAddressBroughtIn(mm, space, at + PAGE, end)) {
    budget.pages--;
    readPrivatePage(mm, space, at);
  }
}

/** Begins to read the private page of an address, whose page table is valid, when a paging file has it. */
function readPrivatePage(mm: MemoryManager, space: AddressSpace, address: number): void {
  const word = findPte(mm, space, address);
  const lo = mm.words[word]!;
  if ((lo & PTE_PROTOTYPE) !== 0 || !hasPageFileBlock(lo, mm.words[word + 1]!)) return;
  const table = frameOfWord(mm, word);
  holdTable(mm, table);
  resolvePageFileFault(mm, space, word, pteAddress(address), address, 0);
  releaseTable(mm, space, table);
}

function prefetchView(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  start: number,
  end: number,
  budget: PrefetchBudget,
): void {
  for (let at = start; at < end && mayGoOn(mm, budget); at += PAGE) {
    budget.pages--;
    const word = bringPteIn(mm, space, at);
    if (word < 0) return;
    const isShared = word === 0 || (mm.words[word] === 0 && mm.words[word + 1] === 0);
    if (isShared || (mm.words[word]! & (PTE_VALID | PTE_PROTOTYPE)) === PTE_PROTOTYPE)
      beginPrototypeRead(mm, space, vad, at);
    else readPrivatePage(mm, space, at);
  }
}
