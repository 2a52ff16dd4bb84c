/** The first touch of a private page: a frame of zeros. Source: Windows Internals, "Page fault handling". */
import { STATUS_NO_MEMORY, STATUS_PAGE_FAULT_DEMAND_ZERO } from '../base/ntstatus.js';
import { FAULT_WRITE } from './access-check.js';
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { allocateZeroedFrame } from './page-lists.js';
import { frameOfWord, pteAddress } from './page-tables.js';
import { PFN_MODIFIED } from './pfn-database.js';
import { demandZeroLow, PTE_DIRTY, PTE_LOST, resetMarks, validHigh, validLow } from './pte.js';
import { insertWsle } from './working-set.js';

/**
 * Makes an entry (`word`: its index in ram.words) that is zero, demand zero, or names the prototype PTE of an untouched page
 * that is to be copied, valid for a private page of zeros; one that was reset has lost its contents with it. STATUS_PAGE_FAULT_DEMAND_ZERO, or STATUS_NO_MEMORY with nothing
 * changed. MiResolveDemandZeroFault.
 */
export function resolveDemandZeroFault(
  mm: MemoryManager,
  space: AddressSpace,
  word: number,
  address: number,
  protection: number,
  errorCode: number,
): number {
  const frame = allocateZeroedFrame(mm);
  if (frame < 0) return STATUS_NO_MEMORY;
  const { words } = mm;
  const table = frameOfWord(mm, word);
  const before = words[word]!;
  if (before === 0) mm.pfn.usedPtes[table]!++;
  const original = demandZeroLow(protection) | (resetMarks(before) !== 0 ? PTE_LOST : 0);
  mm.pfn.initialize(frame, pteAddress(address), table, original, 0, PFN_MODIFIED);
  words[word] = validLow(frame, protection) | ((errorCode & FAULT_WRITE) !== 0 ? PTE_DIRTY : 0);
  words[word + 1] = validHigh(protection);
  space.addResident(1);
  insertWsle(mm, space, address, frame);
  mm.counters.demandZero++;
  space.counters.demandZero++;
  return STATUS_PAGE_FAULT_DEMAND_ZERO;
}
