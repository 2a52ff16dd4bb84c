/**
 * The working set manager: which pages processes give up. Pages are aged by their accessed bits, or taken in the order in which
 * they came (policy `fifo`); when memory is short, processes with the lowest fault rates are trimmed first, down to
 * their minimum. Source: Unit OS5: Memory Management 5.2, "MM: Working Sets"; Windows Internals, "Working sets".
 */
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { isMappedFilePage } from './page-lists.js';
import { pageState } from './page-protection.js';
import { findPte, PTE_BASE } from './page-tables.js';
import { PFN_MODIFIED, PFN_PAGE_TABLE, PFN_PROTOTYPE } from './pfn-database.js';
import { PTE_ACCESSED, PTE_DIRTY, pteFrame } from './pte.js';
import { trimPage } from './pte-deletion.js';
import { HYPERSPACE } from './system-space.js';
import { ensureFreeWsle, findWsle, type WorkingSet, wsleAddress, wsleWord } from './working-set.js';
import { WSLE_AGE, WSLE_AGE_ONE, WSLE_LOCKED_IN_MEMORY, WSLE_LOCKED_IN_WS, WSLE_VALID } from './wsle.js';

const OLDEST = WSLE_AGE;
/** Pages that are taken at once when every process has its minimum and still no frame is left. */
const LAST_RESORT_PAGES = 16;
const HIGHEST_PRIORITY = 7;
const TWO_32 = 2 ** 32;
const STAYS = WSLE_LOCKED_IN_WS | WSLE_LOCKED_IN_MEMORY;

/**
 * Ages every page: one that was accessed since the last time is young again, the others are a step older; and estimates what
 * could be removed. MiAgeWorkingSet.
 */
export function ageWorkingSets(mm: MemoryManager): void {
  for (const space of mm.addressSpaces) {
    if (mm.policy === 'aging' && !space.outSwapped) ageWorkingSet(mm, space);
    space.workingSet.faultsSeen = space.counters.total;
  }
}

function ageWorkingSet(mm: MemoryManager, space: AddressSpace): void {
  const set = space.workingSet;
  set.ages.fill(0);
  for (let index = 0; index < set.size; index++) {
    const word = wsleWord(set, index);
    const lo = mm.words[word]!;
    if ((lo & WSLE_VALID) === 0) continue;
    if (!rejuvenate(mm, space, index) && (lo & WSLE_AGE) !== OLDEST) mm.words[word] = lo + WSLE_AGE_ONE;
    if ((lo & STAYS) === 0 && !isPageTable(mm.words[word + 1]!))
      set.ages[(mm.words[word]! & WSLE_AGE) / WSLE_AGE_ONE]!++;
  }
  const old = set.ages[1]! + set.ages[2]! + set.ages[3]!;
  set.estimate = Math.max(0, Math.min(old, space.workingSetPages - set.minimum));
  forgetTranslations(mm, space);
}

/** Whether the high word of an entry's address is that of a page table, in the self-map. */
function isPageTable(high: number): boolean {
  return high >= PTE_BASE / TWO_32 && high < HYPERSPACE / TWO_32;
}

/** True when the page of an entry was accessed: its accessed bit is cleared and it is young. */
function rejuvenate(mm: MemoryManager, space: AddressSpace, index: number): boolean {
  const word = wsleWord(space.workingSet, index);
  const pte = findPte(mm, space, wsleAddress(mm.words[word]!, mm.words[word + 1]!));
  if ((mm.words[pte]! & PTE_ACCESSED) === 0) return false;
  mm.words[pte]! &= ~PTE_ACCESSED;
  mm.words[word]! &= ~WSLE_AGE;
  return true;
}

/** The processor has to walk the tables again to set the accessed bits that were cleared. */
function forgetTranslations(mm: MemoryManager, space: AddressSpace): void {
  if (mm.current === space) mm.processor.setDirectory(space.directoryFrame);
}

/** Trims working sets, lowest fault rate since the last second first, down to their minimum; returns how many pages left. */
export function trimWorkingSets(mm: MemoryManager, pages: number): number {
  for (const space of mm.addressSpaces) space.workingSet.trimmed = space.outSwapped;
  let trimmed = 0;
  while (trimmed < pages) {
    const space = leastFaulting(mm);
    if (space === null) break;
    space.workingSet.trimmed = true;
    const surplus = space.workingSetPages - space.workingSet.minimum;
    if (surplus > 0) trimmed += trimWorkingSet(mm, space, Math.min(pages - trimmed, surplus));
  }
  return trimmed;
}

function leastFaulting(mm: MemoryManager): AddressSpace | null {
  let least: AddressSpace | null = null;
  let leastRate = Number.POSITIVE_INFINITY;
  for (const space of mm.addressSpaces) {
    const rate = space.counters.total - space.workingSet.faultsSeen;
    if (space.workingSet.trimmed || rate >= leastRate) continue;
    least = space;
    leastRate = rate;
  }
  return least;
}

/** Trims up to `pages` pages of one working set: the oldest first, or by `fifo` those that came first. Returns how many. MiTrimWorkingSet. */
export function trimWorkingSet(mm: MemoryManager, space: AddressSpace, pages: number): number {
  if (mm.policy === 'fifo') return sweep(mm, space, pages, 0, true, HIGHEST_PRIORITY);
  let trimmed = 0;
  for (let age = OLDEST; age >= 0 && trimmed < pages; age -= WSLE_AGE_ONE)
    trimmed += sweepByPriority(mm, space, pages - trimmed, age, true);
  forgetTranslations(mm, space);
  return trimmed;
}

/**
 * Sweeps for the pages of each priority that there is, the lowest first. Source: Microsoft, "SetProcessInformation function":
 * of pages otherwise equal, those of lower priority are trimmed first.
 */
function sweepByPriority(
  mm: MemoryManager,
  space: AddressSpace,
  pages: number,
  age: number,
  toFree: boolean,
): number {
  const { priorities } = space.workingSet;
  let trimmed = 0;
  for (let priority = 0; priorities >>> (priority + 1) !== 0 && trimmed < pages; priority++) {
    if ((priorities & (1 << priority)) !== 0)
      trimmed += sweep(mm, space, pages - trimmed, age, toFree, priority);
  }
  return trimmed + sweep(mm, space, pages - trimmed, age, toFree, HIGHEST_PRIORITY);
}

/**
 * Goes once round the list from the hand on and trims pages of at least an age and at most a priority, those not accessed since
 * the last sweep. With `toFree`, only pages whose frames can then be had.
 */
function sweep(
  mm: MemoryManager,
  space: AddressSpace,
  pages: number,
  age: number,
  toFree: boolean,
  priority: number,
): number {
  const set = space.workingSet;
  let trimmed = 0;
  for (let left = set.size; left > 0 && trimmed < pages; left--) {
    const index = takeHand(set);
    if (!canGiveUp(mm, space, index, toFree, priority)) continue;
    if (mm.policy === 'aging') {
      if (rejuvenate(mm, space, index)) continue;
      if ((mm.words[wsleWord(set, index)]! & WSLE_AGE) < age) continue;
    }
    trimEntry(mm, space, index);
    trimmed++;
  }
  return trimmed;
}

function takeHand(set: WorkingSet): number {
  const index = set.hand < set.size ? set.hand : 0;
  set.hand = index + 1;
  return index;
}

/**
 * Replacement: one page of the process itself leaves for the one that came; with `toFree` one whose frame can then be had.
 * False when none can. MiReplaceWorkingSetEntry.
 */
export function replaceOnePage(mm: MemoryManager, space: AddressSpace, toFree: boolean): boolean {
  if (mm.policy === 'fifo') return sweep(mm, space, 1, 0, toFree, HIGHEST_PRIORITY) > 0;
  const replaced =
    sweepByPriority(mm, space, 1, 0, toFree) > 0 || sweepByPriority(mm, space, 1, 0, toFree) > 0;
  forgetTranslations(mm, space);
  return replaced;
}

/**
 * No frame is left and every process has its minimum: takes pages all the same, of the current process first, but none from a
 * minimum that is hard. False: there are none.
 */
export function trimBelowMinimum(mm: MemoryManager): boolean {
  if (mm.current !== null && takeLastResort(mm, mm.current)) return true;
  for (const space of mm.addressSpaces) if (takeLastResort(mm, space)) return true;
  return false;
}

function takeLastResort(mm: MemoryManager, space: AddressSpace): boolean {
  if (space.outSwapped) return false;
  const { hardMinimum, minimum } = space.workingSet;
  const pages = hardMinimum
    ? Math.min(LAST_RESORT_PAGES, space.workingSetPages - minimum)
    : LAST_RESORT_PAGES;
  return pages > 0 && trimWorkingSet(mm, space, pages) > 0;
}

/**
 * Makes room in a working-set list for a page and its page tables, if need be by having pages leave. False when none can
 * (STATUS_NO_MEMORY).
 */
export function ensureRoomInWorkingSet(mm: MemoryManager, space: AddressSpace): boolean {
  while (!ensureFreeWsle(mm, space)) if (!replaceOnePage(mm, space, false)) return false;
  return true;
}

/**
 * Whether a page may leave: its entry is in use and not locked, it has at most a priority, and, `toFree`, its contents have
 * somewhere to go. A page table stays as long as it has a valid or transition entry, or is held.
 */
function canGiveUp(
  mm: MemoryManager,
  space: AddressSpace,
  index: number,
  toFree: boolean,
  priority: number,
): boolean {
  const word = wsleWord(space.workingSet, index);
  const lo = mm.words[word]!;
  if ((lo & WSLE_VALID) === 0 || (lo & STAYS) !== 0) return false;
  const pte = findPte(mm, space, wsleAddress(lo, mm.words[word + 1]!));
  if (pte === mm.pinnedPte) return false;
  const frame = pteFrame(mm.words[pte]!);
  if (mm.pfn.priority[frame]! > priority) return false;
  const flags = mm.pfn.flags[frame]!;
  if ((flags & PFN_PAGE_TABLE) !== 0 && mm.pfn.shareCount[frame]! > 1) return false;
  if (!toFree) return true;
  const isDirty = (flags & PFN_MODIFIED) !== 0 || (mm.words[pte]! & PTE_DIRTY) !== 0;
  return !isDirty || isMappedFilePage(mm.pfn, frame) || mm.pageFiles.hasSpace;
}

/** Takes the page, or page table, of an entry out of its working set. Emits 'trim' with the state of its frame afterwards as detail. */
function trimEntry(mm: MemoryManager, space: AddressSpace, index: number): void {
  const word = wsleWord(space.workingSet, index);
  const address = wsleAddress(mm.words[word]!, mm.words[word + 1]!);
  const pte = findPte(mm, space, address);
  const frame = pteFrame(mm.words[pte]!);
  let protection = 0;
  if ((mm.pfn.flags[frame]! & PFN_PROTOTYPE) !== 0) {
    const page = address / 4096;
    protection = pageState(mm, space.vads.find(page)!, page, pte);
  }
  trimPage(mm, space, pte, address, protection);
  if (mm.events.active) mm.events.emit('trim', space, address, frame, mm.pfn.state[frame]!);
}

/** Takes one valid user page out of its working set. */
export function removeFromWorkingSet(mm: MemoryManager, space: AddressSpace, address: number): void {
  const frame = pteFrame(mm.words[findPte(mm, space, address)]!);
  trimEntry(mm, space, findWsle(mm, space, address, frame));
}

/** Takes every page that is not locked out of a working set (EmptyWorkingSet); returns how many left. */
export function emptyWorkingSet(mm: MemoryManager, space: AddressSpace): number {
  const set = space.workingSet;
  let left = 0;
  for (let index = 0; index < set.size; index++) {
    if (!canGiveUp(mm, space, index, false, HIGHEST_PRIORITY)) continue;
    trimEntry(mm, space, index);
    left++;
  }
  return left;
}
