/**
 * The working set manager: which pages processes and the system's paged pool give up. Pages are aged by their accessed bits, or taken in the order in which
 * they came (policy `fifo`); when memory is short, working sets with the lowest fault rates are trimmed first, down to
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
import { HYPERSPACE } from './system-layout.js';
import { findSystemPte } from './system-space.js';
import { SystemWorkingSet, systemPageIsHeld, trimSystemPage } from './system-working-set.js';
import {
  ensureFreeWsle,
  findWsle,
  type WorkingSet,
  type WorkingSetOwner,
  wsleAddress,
  wsleWord,
} from './working-set.js';
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
  for (const space of mm.addressSpaces) if (!space.outSwapped) ageWorkingSet(mm, space);
  ageWorkingSet(mm, mm.systemWorkingSet);
}

function ageWorkingSet(mm: MemoryManager, owner: WorkingSetOwner): void {
  const set = owner.workingSet;
  set.faultsSeen = owner.counters.total;
  if (mm.policy !== 'aging') return;
  set.ages.fill(0);
  for (let index = 0; index < set.size; index++) {
    const word = wsleWord(set, index);
    const lo = mm.words[word]!;
    if ((lo & WSLE_VALID) === 0) continue;
    if (!rejuvenate(mm, owner, index) && (lo & WSLE_AGE) !== OLDEST) mm.words[word] = lo + WSLE_AGE_ONE;
    if ((lo & STAYS) === 0 && !isPageTable(mm.words[word + 1]!))
      set.ages[(mm.words[word]! & WSLE_AGE) / WSLE_AGE_ONE]!++;
  }
  const old = set.ages[1]! + set.ages[2]! + set.ages[3]!;
  set.estimate = Math.max(0, Math.min(old, owner.workingSetPages - set.minimum));
  forgetTranslations(mm, owner);
}

/** Whether the high word of an entry's address is that of a page table, in the self-map. */
function isPageTable(high: number): boolean {
  return high >= PTE_BASE / TWO_32 && high < HYPERSPACE / TWO_32;
}

/** Index in ram.words of the PTE of a page in a working set. */
export function findEntryPte(mm: MemoryManager, owner: WorkingSetOwner, address: number): number {
  return owner instanceof SystemWorkingSet ? findSystemPte(mm, address) : findPte(mm, owner, address);
}

/** True when the page of an entry was accessed: its accessed bit is cleared and it is young. */
function rejuvenate(mm: MemoryManager, owner: WorkingSetOwner, index: number): boolean {
  const word = wsleWord(owner.workingSet, index);
  const pte = findEntryPte(mm, owner, wsleAddress(mm.words[word]!, mm.words[word + 1]!));
  if ((mm.words[pte]! & PTE_ACCESSED) === 0) return false;
  mm.words[pte]! &= ~PTE_ACCESSED;
  mm.words[word]! &= ~WSLE_AGE;
  return true;
}

/** The processor has to walk the tables again to set the accessed bits that were cleared. */
function forgetTranslations(mm: MemoryManager, owner: WorkingSetOwner): void {
  if (owner instanceof SystemWorkingSet) mm.systemWordPage = -1;
  else if (mm.current === owner) mm.processor.setDirectory(owner.directoryFrame);
}

/**
 * Trims working sets, lowest fault rate since the last second first, down to their minimum, or `toMaximum` only those that are
 * past their maximum; returns how many pages left.
 */
export function trimWorkingSets(mm: MemoryManager, pages: number, toMaximum: boolean): number {
  const { addressSpaces, systemWorkingSet } = mm;
  for (const space of addressSpaces) space.workingSet.trimmed = space.outSwapped;
  systemWorkingSet.workingSet.trimmed = false;
  let trimmed = 0;
  while (trimmed < pages) {
    const owner = leastFaulting(mm);
    if (owner === null) break;
    owner.workingSet.trimmed = true;
    const { minimum, maximum } = owner.workingSet;
    const surplus = owner.workingSetPages - (toMaximum ? maximum : minimum);
    if (surplus > 0) trimmed += trimWorkingSet(mm, owner, Math.min(pages - trimmed, surplus));
  }
  return trimmed;
}

/** The owner that has not been trimmed in this round and has the lowest rate, the system after processes with the same; null for none. */
function leastFaulting(mm: MemoryManager): WorkingSetOwner | null {
  let least: WorkingSetOwner | null = null;
  let leastRate = Number.POSITIVE_INFINITY;
  for (const space of mm.addressSpaces) {
    if (space.workingSet.trimmed || faultRate(space) >= leastRate) continue;
    least = space;
    leastRate = faultRate(space);
  }
  const { systemWorkingSet } = mm;
  const isSystems = !systemWorkingSet.workingSet.trimmed && faultRate(systemWorkingSet) < leastRate;
  return isSystems ? systemWorkingSet : least;
}

/** Faults since the working set manager last looked. */
function faultRate({ counters, workingSet }: WorkingSetOwner): number {
  return counters.total - workingSet.faultsSeen;
}

/** Trims up to `pages` pages of one working set: the oldest first, or by `fifo` those that came first. Returns how many. MiTrimWorkingSet. */
export function trimWorkingSet(mm: MemoryManager, owner: WorkingSetOwner, pages: number): number {
  if (mm.policy === 'fifo') return sweep(mm, owner, pages, 0, true, HIGHEST_PRIORITY);
  let trimmed = 0;
  for (let age = OLDEST; age >= 0 && trimmed < pages; age -= WSLE_AGE_ONE)
    trimmed += sweepByPriority(mm, owner, pages - trimmed, age, true);
  forgetTranslations(mm, owner);
  return trimmed;
}

/**
 * Sweeps for the pages of each priority that there is, the lowest first. Source: Microsoft, "SetProcessInformation function":
 * of pages otherwise equal, those of lower priority are trimmed first.
 */
function sweepByPriority(
  mm: MemoryManager,
  owner: WorkingSetOwner,
  pages: number,
  age: number,
  toFree: boolean,
): number {
  const { priorities } = owner.workingSet;
  let trimmed = 0;
  for (let priority = 0; priorities >>> (priority + 1) !== 0 && trimmed < pages; priority++) {
    if ((priorities & (1 << priority)) !== 0)
      trimmed += sweep(mm, owner, pages - trimmed, age, toFree, priority);
  }
  return trimmed + sweep(mm, owner, pages - trimmed, age, toFree, HIGHEST_PRIORITY);
}

/**
 * Goes once round the list from the hand on and trims pages of at least an age and at most a priority, those not accessed since
 * the last sweep. With `toFree`, only pages whose frames can then be had.
 */
function sweep(
  mm: MemoryManager,
  owner: WorkingSetOwner,
  pages: number,
  age: number,
  toFree: boolean,
  priority: number,
): number {
  const set = owner.workingSet;
  let trimmed = 0;
  for (let left = set.size; left > 0 && trimmed < pages; left--) {
    const index = takeHand(set);
    if (!canGiveUp(mm, owner, index, toFree, priority)) continue;
    if (mm.policy === 'aging') {
      if (rejuvenate(mm, owner, index)) continue;
      if ((mm.words[wsleWord(set, index)]! & WSLE_AGE) < age) continue;
    }
    trimEntry(mm, owner, index);
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
 * Replacement: one page of the working set itself leaves for the one that came; with `toFree` one whose frame can then be had.
 * False when none can. MiReplaceWorkingSetEntry.
 */
export function replaceOnePage(mm: MemoryManager, owner: WorkingSetOwner, toFree: boolean): boolean {
  if (mm.policy === 'fifo') return sweep(mm, owner, 1, 0, toFree, HIGHEST_PRIORITY) > 0;
  const replaced =
    sweepByPriority(mm, owner, 1, 0, toFree) > 0 || sweepByPriority(mm, owner, 1, 0, toFree) > 0;
  forgetTranslations(mm, owner);
  return replaced;
}

/**
 * No frame is left and every working set has its minimum: takes pages all the same, of the current process first, of the
 * system last, but none from a minimum that is hard. False: there are none.
 */
export function trimBelowMinimum(mm: MemoryManager): boolean {
  if (mm.current !== null && takeLastResort(mm, mm.current)) return true;
  for (const space of mm.addressSpaces) if (takeLastResort(mm, space)) return true;
  return takeLastResort(mm, mm.systemWorkingSet);
}

function takeLastResort(mm: MemoryManager, owner: WorkingSetOwner): boolean {
  if (!(owner instanceof SystemWorkingSet) && owner.outSwapped) return false;
  const { hardMinimum, minimum } = owner.workingSet;
  const pages = hardMinimum
    ? Math.min(LAST_RESORT_PAGES, owner.workingSetPages - minimum)
    : LAST_RESORT_PAGES;
  return pages > 0 && trimWorkingSet(mm, owner, pages) > 0;
}

/**
 * Makes room in a working-set list for a page and its page tables, if need be by having pages leave. False when none can
 * (STATUS_NO_MEMORY).
 */
export function ensureRoomInWorkingSet(mm: MemoryManager, owner: WorkingSetOwner): boolean {
  while (!ensureFreeWsle(mm, owner)) if (!replaceOnePage(mm, owner, false)) return false;
  return true;
}

/**
 * Whether a page may leave: its entry is in use and not locked, it has at most a priority, and, `toFree`, its contents have
 * somewhere to go. A page table stays as long as it has a valid or transition entry, or is held, and so does a page of the
 * system.
 */
function canGiveUp(
  mm: MemoryManager,
  owner: WorkingSetOwner,
  index: number,
  toFree: boolean,
  priority: number,
): boolean {
  const word = wsleWord(owner.workingSet, index);
  const lo = mm.words[word]!;
  if ((lo & WSLE_VALID) === 0 || (lo & STAYS) !== 0) return false;
  const address = wsleAddress(lo, mm.words[word + 1]!);
  if (mm.keepsNewest && owner.workingSet.newest.includes(address)) return false;
  const pte = findEntryPte(mm, owner, address);
  if (pte === mm.pinnedPte) return false;
  const frame = pteFrame(mm.words[pte]!);
  if (mm.pfn.priority[frame]! > priority) return false;
  const flags = mm.pfn.flags[frame]!;
  if ((flags & PFN_PAGE_TABLE) !== 0 && mm.pfn.shareCount[frame]! > 1) return false;
  if (owner instanceof SystemWorkingSet && systemPageIsHeld(mm, frame)) return false;
  if (!toFree) return true;
  const isDirty = (flags & PFN_MODIFIED) !== 0 || (mm.words[pte]! & PTE_DIRTY) !== 0;
  return !isDirty || isMappedFilePage(mm.pfn, frame) || mm.pageFiles.hasSpace;
}

/** Takes the page, or page table, of an entry out of its working set. Emits 'trim' with the state of its frame afterwards as detail. */
function trimEntry(mm: MemoryManager, owner: WorkingSetOwner, index: number): void {
  const word = wsleWord(owner.workingSet, index);
  const address = wsleAddress(mm.words[word]!, mm.words[word + 1]!);
  const pte = findEntryPte(mm, owner, address);
  const frame = pteFrame(mm.words[pte]!);
  if (owner instanceof SystemWorkingSet) trimSystemPage(mm, pte, address);
  else trimUserPage(mm, owner, pte, address, frame);
  if (!mm.events.active) return;
  const space = owner instanceof SystemWorkingSet ? null : owner;
  mm.events.emit('trim', space, address, frame, mm.pfn.state[frame]!);
}

function trimUserPage(
  mm: MemoryManager,
  space: AddressSpace,
  pte: number,
  address: number,
  frame: number,
): void {
  let protection = 0;
  if ((mm.pfn.flags[frame]! & PFN_PROTOTYPE) !== 0) {
    const page = address / 4096;
    protection = pageState(mm, space.vads.find(page)!, page, pte);
  }
  trimPage(mm, space, pte, address, protection);
}

/** Takes one valid user page out of its working set. */
export function removeFromWorkingSet(mm: MemoryManager, space: AddressSpace, address: number): void {
  const frame = pteFrame(mm.words[findPte(mm, space, address)]!);
  trimEntry(mm, space, findWsle(mm, space, address, frame));
}

/** Takes every page that is not locked or held out of a working set (EmptyWorkingSet); returns how many left. */
export function emptyWorkingSet(mm: MemoryManager, owner: WorkingSetOwner): number {
  const set = owner.workingSet;
  let left = 0;
  for (let index = 0; index < set.size; index++) {
    if (!canGiveUp(mm, owner, index, false, HIGHEST_PRIORITY)) continue;
    trimEntry(mm, owner, index);
    left++;
  }
  return left;
}
