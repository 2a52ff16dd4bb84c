/**
 * Copy-on-write: the first write to a shared page of such a view gives the process a private copy. The commit for it was
 * charged when the view was mapped. Source: Unit OS5: Memory Management 5.2, "Copy-On-Write Pages"; Windows Internals,
 * "Copy-on-write" (MiCopyOnWrite).
 */
import { STATUS_NO_MEMORY, STATUS_PAGE_FAULT_COPY_ON_WRITE } from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { markModified } from './page-file.js';
import { allocateFrame, releaseShare } from './page-lists.js';
import { frameOfWord, pteAddress } from './page-tables.js';
import { PFN_MODIFIED } from './pfn-database.js';
import { afterCopy } from './protection.js';
import { demandZeroLow, PTE_DIRTY, pteFrame, validHigh, validLow, validProtection } from './pte.js';
import { makeWslePrivate } from './working-set.js';

/**
 * Replaces the shared page of a valid copy-on-write entry (`word`: its index in ram.words) by a private copy, which is
 * writable. What the entry wrote before it became copy-on-write stays with the shared page. STATUS_PAGE_FAULT_COPY_ON_WRITE, or STATUS_NO_MEMORY.
 */
export function breakCopyOnWrite(
  mm: MemoryManager,
  space: AddressSpace,
  word: number,
  address: number,
): number {
  mm.pinnedPte = word;
  const frame = allocateFrame(mm);
  mm.pinnedPte = 0;
  if (frame < 0) return STATUS_NO_MEMORY;
  const words = mm.words;
  const shared = pteFrame(words[word]!);
  if ((words[word]! & PTE_DIRTY) !== 0) markModified(mm, shared);
  const protection = afterCopy(validProtection(words[word]!, words[word + 1]!));
  const table = frameOfWord(mm, word);
  mm.processor.copyFrame(frame, shared);
  mm.pfn.initialize(frame, pteAddress(address), table, demandZeroLow(protection), 0, PFN_MODIFIED);
  words[word] = validLow(frame, protection) | PTE_DIRTY;
  words[word + 1] = validHigh(protection);
  if (mm.current === space) mm.processor.invalidatePage(address);
  makeWslePrivate(mm, space, address, shared, frame);
  releaseShare(mm, shared);
  releaseShare(mm, table);
  mm.counters.copyOnWrite++;
  space.counters.copyOnWrite++;
  if (mm.events.active) mm.events.emit('cow', space, address, frame, shared);
  return STATUS_PAGE_FAULT_COPY_ON_WRITE;
}
