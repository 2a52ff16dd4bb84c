/**
 * The state and protection of one page of a range, read from its entry and its VAD, and the change of its protection.
 * MiQueryAddressState, MiGetPageProtection, MiSetProtectionOnSection.
 */
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { countUsedPte, findPte } from './page-tables.js';
import { PFN_PROTOTYPE } from './pfn-database.js';
import { afterCopy, allowsExecute, withoutExecute } from './protection.js';
import {
  askVadLow,
  canBeValid,
  DECOMMITTED_PTE,
  demandZeroLow,
  MM_EXECUTE,
  PTE_ASK_VAD,
  PTE_DIRTY,
  PTE_PROTOTYPE,
  PTE_TRANSITION,
  PTE_VALID,
  prototypeProtection,
  pteFrame,
  pteProtection,
  validHigh,
  validLow,
  validProtection,
  withProtection,
  withPrototypeProtection,
} from './pte.js';
import { trimPage } from './pte-deletion.js';
import { systemValue } from './system-space.js';
import { VAD_IMAGE, VAD_PRIVATE, type Vad } from './vad-tree.js';

/** Answer of pageState for a page that is reserved, not committed. */
export const PAGE_RESERVED = -1;

/** System address of the prototype PTE of a page (number address / 4096) of a view. */
export function prototypeAddress(vad: Vad, page: number): number {
  return vad.firstPrototype + (page - vad.startPage) * 8;
}

/** True for a page of an extendable view that lies beyond every section of its file: there is nothing to see yet. */
export function isBeyondSection(vad: Vad, page: number): boolean {
  return page >= endOfSection(vad);
}

/** The first page of a view that lies beyond every section of its file, at most the first after the view. */
export function endOfSection(vad: Vad): number {
  const end = vad.endPage + 1;
  if (!vad.isExtendable) return end;
  return Math.min(end, vad.startPage + Math.max(0, vad.controlArea!.sectionPages - vad.sectionOffset));
}

/**
 * Protection code that a page of a range has as long as its process entry is zero, or PAGE_RESERVED: the VAD's for private
 * memory and data views, the prototype PTE's for images.
 */
export function untouchedState(mm: MemoryManager, vad: Vad, page: number): number {
  if (vad.kind === VAD_PRIVATE) return vad.memCommit ? vad.protection : PAGE_RESERVED;
  if (isBeyondSection(vad, page)) return PAGE_RESERVED;
  if (vad.kind !== VAD_IMAGE && !vad.sectionMayReserve) return vad.protection;
  const at = prototypeAddress(vad, page);
  const lo = systemValue(mm, at);
  if (lo === 0 && systemValue(mm, at + 4) === 0) return PAGE_RESERVED;
  if (vad.kind !== VAD_IMAGE) return vad.protection;
  const protection = pteProtection((lo & PTE_VALID) !== 0 ? mm.pfn.originalLo[pteFrame(lo)]! : lo);
  return allowsExecute(vad.protection) ? protection : withoutExecute(protection);
}

/** Protection code of a page, or PAGE_RESERVED. `word` is the index of its entry in ram.words, 0 when it has no page table. */
export function pageState(mm: MemoryManager, vad: Vad, page: number, word: number): number {
  const lo = word === 0 ? 0 : mm.words[word]!;
  const hi = word === 0 ? 0 : mm.words[word + 1]!;
  if (lo === 0 && hi === 0) return untouchedState(mm, vad, page);
  if ((lo & PTE_VALID) !== 0) return validState(mm, vad, lo, hi);
  if ((lo & PTE_PROTOTYPE) !== 0) {
    if (vad.sectionMayReserve && untouchedState(mm, vad, page) === PAGE_RESERVED) return PAGE_RESERVED;
    return prototypeProtection(lo, hi);
  }
  return lo === DECOMMITTED_PTE && hi === 0 ? PAGE_RESERVED : pteProtection(lo);
}

function validState(mm: MemoryManager, vad: Vad, lo: number, hi: number): number {
  const frame = pteFrame(lo);
  if ((mm.pfn.flags[frame]! & PFN_PROTOTYPE) === 0) return pteProtection(mm.pfn.originalLo[frame]!);
  const protection = validProtection(lo, hi);
  const original = vad.kind === VAD_IMAGE ? pteProtection(mm.pfn.originalLo[frame]!) : vad.protection;
  return original === MM_EXECUTE && validLow(0, original) === validLow(0, protection) && hi === 0
    ? original
    : protection;
}

/** True when a page of a view has a private copy: its entry no longer leads to the prototype PTE. */
export function isPrivateCopy(mm: MemoryManager, word: number): boolean {
  const lo = word === 0 ? 0 : mm.words[word]!;
  if (lo === 0 && (word === 0 || mm.words[word + 1] === 0)) return false;
  if ((lo & PTE_VALID) !== 0) return (mm.pfn.flags[pteFrame(lo)]! & PFN_PROTOTYPE) === 0;
  return (lo & PTE_PROTOTYPE) === 0;
}

/**
 * Gives a committed page, whose page table exists, another protection. A resident page that may no longer be used, or becomes
 * a guard page, leaves the working set and goes into transition. A private copy of a shared page is never copied again.
 */
export function setPageProtection(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  word: number,
  address: number,
  protection: number,
): void {
  const lo = mm.words[word]!;
  const hi = mm.words[word + 1]!;
  if (lo === 0 && hi === 0) setUntouched(mm, vad, word, protection);
  else if ((lo & PTE_VALID) !== 0) setValid(mm, space, word, address, protection);
  else if ((lo & PTE_PROTOTYPE) !== 0) {
    mm.words[word] =
      hi === PTE_ASK_VAD ? withProtection(lo, protection) : withPrototypeProtection(lo, protection);
  } else {
    const own = afterCopy(protection);
    mm.words[word] = withProtection(lo, own);
    if ((lo & PTE_TRANSITION) !== 0) setOriginal(mm, pteFrame(lo), own);
  }
}

function setUntouched(mm: MemoryManager, vad: Vad, word: number, protection: number): void {
  if (vad.kind === VAD_PRIVATE) mm.words[word] = demandZeroLow(protection);
  else {
    mm.words[word] = askVadLow(protection);
    mm.words[word + 1] = PTE_ASK_VAD;
  }
  countUsedPte(mm, word);
}

function setValid(
  mm: MemoryManager,
  space: AddressSpace,
  word: number,
  address: number,
  protection: number,
): void {
  const lo = mm.words[word]!;
  const frame = pteFrame(lo);
  const shared = (mm.pfn.flags[frame]! & PFN_PROTOTYPE) !== 0;
  const now = shared ? protection : afterCopy(protection);
  if (!shared) setOriginal(mm, frame, now);
  if (!canBeValid(now)) {
    trimPage(mm, space, word, address, now);
    return;
  }
  mm.words[word] = validLow(frame, now) | (lo & PTE_DIRTY);
  mm.words[word + 1] = validHigh(now);
  if (mm.current === space) mm.processor.invalidatePage(address);
}

function setOriginal(mm: MemoryManager, frame: number, protection: number): void {
  mm.pfn.originalLo[frame] = withProtection(mm.pfn.originalLo[frame]!, protection);
}

/** Gives committed pages in `start`..`end` (addresses), whose page tables are held, another protection. */
export function protectPages(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  start: number,
  end: number,
  protection: number,
): void {
  for (let address = start; address < end; address += 4096) {
    const word = findPte(mm, space, address);
    if (pageState(mm, vad, address / 4096, word) !== protection)
      setPageProtection(mm, space, vad, word, address, protection);
  }
}
