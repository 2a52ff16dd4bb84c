/**
 * The working set of a process or of the system: a list with an entry (WSLE) of 8 bytes for each valid pageable page and each
 * valid page table of user space (under its address in the self-map), in pages of hyperspace (the system's: in system space)
 * that stay resident. The PFN entry of a private page or table holds its entry's index (the union of the
 * forward link of listed frames); the entries of shared pages are found by a hash of their addresses, also in hyperspace,
 * as soon as the list is longer than a page. Free entries are chained. Source: published layouts of MMWSLE and MMWSL;
 * Windows Internals, "Working sets"; Unit OS5: Memory Management 5.2, "MM: Working Sets".
 */
import type { AddressSpace } from './address-space.js';
import { BugCheck, MEMORY_MANAGEMENT } from './bug-check.js';
import { mapHyperspacePage } from './hyperspace.js';
import type { MemoryManager } from './memory-manager.js';
import { findPte } from './page-tables.js';
import { PFN_PROTOTYPE } from './pfn-database.js';
import { pteFrame } from './pte.js';
import { HYPERSPACE } from './system-layout.js';
import { mapSystemListPage, SystemWorkingSet } from './system-working-set.js';
import { WSLE_DIRECT, WSLE_HASHED, WSLE_LOCKED_IN_WS, WSLE_VALID } from './wsle.js';

export {
  WSLE_AGE,
  WSLE_AGE_ONE,
  WSLE_DIRECT,
  WSLE_HASHED,
  WSLE_LOCKED_IN_MEMORY,
  WSLE_LOCKED_IN_WS,
  WSLE_VALID,
} from './wsle.js';

/** Pages that a working set may count on and pages to which it is held when memory is short, unless a process asks for others. */
export const DEFAULT_MINIMUM = 50;
export const DEFAULT_MAXIMUM = 345;

/** Pages that one instruction can need, each of which may cross a page: itself, what it reads, what it writes; and some to spare. */
export const FLUID_PAGES = 8;
/** Entries that one fault can need: three page tables and the page. */
const ENTRIES_PER_FAULT = 4;
const ENTRIES_PER_PAGE = 512;
/** Where in hyperspace the hash begins: at 128 MB. */
const HASH_OFFSET = 0x800_0000;
const LIST_PAGES = 0x8000;
const SLOTS_PER_PAGE = 1024;
const PAGE_MASK = ~0xfff;
const TWO_32 = 0x1_0000_0000;

export class WorkingSet {
  /** Pages. */
  minimum = DEFAULT_MINIMUM;
  maximum = DEFAULT_MAXIMUM;
  /** The limits hold whatever memory there is (QUOTA_LIMITS_HARDWS_*_ENABLE). */
  hardMinimum = false;
  hardMaximum = false;
  /** Entries that exist and entries in use. */
  size = 0;
  used = 0;
  /** Index + 1 of the first free entry, 0 for none. */
  firstFree = 0;
  /** Entry at which the search for a page to give up goes on. */
  hand = 0;
  /** Entries locked by VirtualLock. */
  locked = 0;
  /** Addresses of the pages that came last, in a ring: replacement leaves them, so that an instruction gets all that it needs. */
  readonly newest = new Float64Array(FLUID_PAGES).fill(-1);
  newestIndex = 0;
  /** Faults of the process when the working set manager last looked. */
  faultsSeen = 0;
  /** Pages that are not locked, by age (0: just accessed, 3: the oldest), when the working set manager last looked. */
  readonly ages = new Uint32Array(4);
  /** How many of those could then have left: not just accessed, and beyond the minimum. */
  estimate = 0;
  /** A bit for each page priority with which a page has come in. */
  priorities = 0;
  /** Set while one round of trimming has dealt with this working set. */
  trimmed = false;
  /** For each page of the list and of the hash, the index of its first word in ram.words. */
  readonly listWords: number[] = [];
  readonly hashWords: number[] = [];
  /** Slots of the hash in use; slots there are (a power of 2, 0: no hash); `hashed` at which it must grow. */
  hashed = 0;
  slots = 0;
  hashLimit = Number.POSITIVE_INFINITY;
}

/** A fault has brought the page of an address in. */
export function noteNewest(set: WorkingSet, address: number): void {
  set.newest[set.newestIndex] = address - (address % 4096);
  set.newestIndex = (set.newestIndex + 1) % FLUID_PAGES;
}

/** Whose pages a working set has: a process's, or the system's (paged pool). */
export type WorkingSetOwner = AddressSpace | SystemWorkingSet;

/** Maps page number `page` of the list; the index of its first word in ram.words, 0 when there is no frame. */
function mapListPage(mm: MemoryManager, owner: WorkingSetOwner, page: number): number {
  if (owner instanceof SystemWorkingSet) return mapSystemListPage(mm, page);
  return mapHyperspacePage(mm, owner, HYPERSPACE + page * 4096);
}

/** Index in ram.words of an entry's low word. */
export function wsleWord(set: WorkingSet, index: number): number {
  return set.listWords[index >>> 9]! + (index & 511) * 2;
}

/** The page address of an entry in use, from its two words. */
export function wsleAddress(lo: number, hi: number): number {
  return hi * TWO_32 + ((lo & PAGE_MASK) >>> 0);
}

/** Adds a page of free entries to the list. False when there is no frame for it. */
export function growWorkingSetList(mm: MemoryManager, owner: WorkingSetOwner): boolean {
  const set = owner.workingSet;
  const page = set.listWords.length;
  if (page === LIST_PAGES) return false;
  const base = mapListPage(mm, owner, page);
  if (base === 0) return false;
  set.listWords.push(base);
  const first = set.size;
  set.size += ENTRIES_PER_PAGE;
  for (let slot = 0; slot < ENTRIES_PER_PAGE; slot++) mm.words[base + slot * 2 + 1] = first + slot + 2;
  mm.words[base + ENTRIES_PER_PAGE * 2 - 1] = set.firstFree;
  set.firstFree = first + 1;
  if (page > 0 && set.slots === 0) growHash(mm, owner);
  return true;
}

/** Notes where the pages of the list and of the hash are, after they came in again in other frames. */
export function locateWorkingSetList(mm: MemoryManager, space: AddressSpace): void {
  const { listWords, hashWords } = space.workingSet;
  for (let page = 0; page < listWords.length; page++)
    listWords[page] = firstWordAt(mm, space, HYPERSPACE + page * 4096);
  for (let page = 0; page < hashWords.length; page++)
    hashWords[page] = firstWordAt(mm, space, HYPERSPACE + HASH_OFFSET + page * 4096);
}

function firstWordAt(mm: MemoryManager, space: AddressSpace, address: number): number {
  return mm.frameWord(pteFrame(mm.words[findPte(mm, space, address)]!));
}

/** Sees to it that one more page can be entered, and its page tables. False when there is no frame for a longer list. */
export function ensureFreeWsle(mm: MemoryManager, owner: WorkingSetOwner): boolean {
  const set = owner.workingSet;
  if (set.hashed >= set.hashLimit && !growHash(mm, owner)) dropHash(mm, set);
  return set.size - set.used >= ENTRIES_PER_FAULT || growWorkingSetList(mm, owner);
}

/** Enters a page that has just become valid; ensureFreeWsle has succeeded before. Returns the index. MiAddValidPageToWorkingSet. */
export function insertWsle(
  mm: MemoryManager,
  owner: WorkingSetOwner,
  address: number,
  frame: number,
): number {
  const set = owner.workingSet;
  const index = set.firstFree - 1;
  if (index < 0) throw new BugCheck(MEMORY_MANAGEMENT, [address, frame], 'working set list is full');
  const { words } = mm;
  const word = wsleWord(set, index);
  set.firstFree = words[word + 1]!;
  set.used++;
  raisePriority(mm, set, frame);
  words[word + 1] = Math.floor(address / TWO_32);
  mm.pfn.flink[frame] = index;
  if ((mm.pfn.flags[frame]! & PFN_PROTOTYPE) === 0) {
    words[word] = (address & PAGE_MASK) | WSLE_VALID | WSLE_DIRECT;
  } else {
    words[word] = (address & PAGE_MASK) | WSLE_VALID;
    if (set.slots !== 0) insertInHash(mm, set, index);
  }
  return index;
}

/** A page has at least the priority of the thread that brought it in. Source: Microsoft, "SetThreadInformation function". */
function raisePriority(mm: MemoryManager, set: WorkingSet, frame: number): void {
  const { priority, pagePriority } = mm.pfn;
  if (priority[frame]! < pagePriority) priority[frame] = pagePriority;
  set.priorities |= 1 << priority[frame]!;
}

/** Index of the entry of a valid page; of a shared one the PFN entry tells where it was last entered, be it in this set or another. MiLocateWsle. */
export function findWsle(mm: MemoryManager, owner: WorkingSetOwner, address: number, frame: number): number {
  if ((mm.pfn.flags[frame]! & PFN_PROTOTYPE) === 0) return mm.pfn.flink[frame]!;
  const set = owner.workingSet;
  const page = address - (address % 4096);
  const hint = mm.pfn.flink[frame]!;
  if (hint >= 0 && hint < set.size && isEntryOf(mm, set, hint, page)) return hint;
  const index = set.slots === 0 ? searchList(mm, set, page) : searchHash(mm, set, page);
  if (index < 0) throw new BugCheck(MEMORY_MANAGEMENT, [address, frame], 'page is not in its working set');
  return index;
}

/** Takes out the entry of a page that is about to stop being valid. */
export function removeWsle(mm: MemoryManager, owner: WorkingSetOwner, address: number, frame: number): void {
  const set = owner.workingSet;
  const index = findWsle(mm, owner, address, frame);
  const word = wsleWord(set, index);
  const lo = mm.words[word]!;
  if ((lo & WSLE_HASHED) !== 0) removeFromHash(mm, set, index);
  else if ((lo & WSLE_DIRECT) !== 0) mm.pfn.flink[frame] = -1;
  if ((lo & WSLE_LOCKED_IN_WS) !== 0) set.locked--;
  mm.words[word] = 0;
  mm.words[word + 1] = set.firstFree;
  set.firstFree = index + 1;
  set.used--;
}

/** The shared page of an entry was replaced by a private copy in `frame`. */
export function makeWslePrivate(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  shared: number,
  frame: number,
): void {
  const set = space.workingSet;
  const index = findWsle(mm, space, address, shared);
  const word = wsleWord(set, index);
  if ((mm.words[word]! & WSLE_HASHED) !== 0) removeFromHash(mm, set, index);
  mm.words[word] = (mm.words[word]! & ~WSLE_HASHED) | WSLE_DIRECT;
  mm.pfn.flink[frame] = index;
  raisePriority(mm, set, frame);
}

/** Whether an entry is in use for the page of an address. */
function isEntryOf(mm: MemoryManager, set: WorkingSet, index: number, address: number): boolean {
  const word = wsleWord(set, index);
  const lo = mm.words[word]!;
  return (lo & WSLE_VALID) !== 0 && wsleAddress(lo, mm.words[word + 1]!) === address;
}

function searchList(mm: MemoryManager, set: WorkingSet, address: number): number {
  for (let index = 0; index < set.size; index++) if (isEntryOf(mm, set, index, address)) return index;
  return -1;
}

/** Slot at which the search for an address begins. */
function firstSlot(set: WorkingSet, address: number): number {
  return (Math.imul(Math.floor(address / 4096), 0x9e37_79b1) >>> 12) & (set.slots - 1);
}

/** Index in ram.words of a slot, which holds an index + 1 or 0. */
function slotWord(set: WorkingSet, slot: number): number {
  return set.hashWords[slot >>> 10]! + (slot & (SLOTS_PER_PAGE - 1));
}

function addressOfEntry(mm: MemoryManager, set: WorkingSet, index: number): number {
  const word = wsleWord(set, index);
  return wsleAddress(mm.words[word]!, mm.words[word + 1]!);
}

/** The slot that holds an address, or the free one at which its search ends. */
function slotOf(mm: MemoryManager, set: WorkingSet, address: number): number {
  let slot = firstSlot(set, address);
  for (;;) {
    const entry = mm.words[slotWord(set, slot)]!;
    if (entry === 0 || addressOfEntry(mm, set, entry - 1) === address) return slot;
    slot = (slot + 1) & (set.slots - 1);
  }
}

function searchHash(mm: MemoryManager, set: WorkingSet, address: number): number {
  return mm.words[slotWord(set, slotOf(mm, set, address))]! - 1;
}

function insertInHash(mm: MemoryManager, set: WorkingSet, index: number): void {
  const slot = slotOf(mm, set, addressOfEntry(mm, set, index));
  mm.words[slotWord(set, slot)] = index + 1;
  mm.words[wsleWord(set, index)]! |= WSLE_HASHED;
  set.hashed++;
}

/** Empties an entry's slot and moves up those after it that would not be found any more. */
function removeFromHash(mm: MemoryManager, set: WorkingSet, index: number): void {
  const mask = set.slots - 1;
  let hole = slotOf(mm, set, addressOfEntry(mm, set, index));
  for (let slot = (hole + 1) & mask; ; slot = (slot + 1) & mask) {
    const entry = mm.words[slotWord(set, slot)]!;
    if (entry === 0) break;
    const wanted = firstSlot(set, addressOfEntry(mm, set, entry - 1));
    if (((slot - wanted) & mask) < ((slot - hole) & mask)) continue;
    mm.words[slotWord(set, hole)] = entry;
    hole = slot;
  }
  mm.words[slotWord(set, hole)] = 0;
  set.hashed--;
}

/** Makes the hash, or doubles it. False when there is no frame; what was made is used the next time. The system has no shared pages. */
function growHash(mm: MemoryManager, owner: WorkingSetOwner): boolean {
  if (owner instanceof SystemWorkingSet) return false;
  const set = owner.workingSet;
  const pages = set.slots === 0 ? 1 : (set.slots / SLOTS_PER_PAGE) * 2;
  while (set.hashWords.length < pages) {
    const base = mapHyperspacePage(mm, owner, HYPERSPACE + HASH_OFFSET + set.hashWords.length * 4096);
    if (base === 0) return false;
    set.hashWords.push(base);
  }
  for (const base of set.hashWords) mm.words.fill(0, base, base + SLOTS_PER_PAGE);
  set.slots = pages * SLOTS_PER_PAGE;
  set.hashLimit = set.slots * 0.75;
  set.hashed = 0;
  for (let index = 0; index < set.size; index++) {
    if ((mm.words[wsleWord(set, index)]! & (WSLE_VALID | WSLE_DIRECT)) === WSLE_VALID)
      insertInHash(mm, set, index);
  }
  return true;
}

/** Without frames for a larger hash, shared pages are searched in the list. */
function dropHash(mm: MemoryManager, set: WorkingSet): void {
  for (let index = 0; index < set.size; index++) {
    const word = wsleWord(set, index);
    if ((mm.words[word]! & WSLE_VALID) !== 0) mm.words[word]! &= ~WSLE_HASHED;
  }
  set.hashed = 0;
  set.slots = 0;
  set.hashLimit = Number.POSITIVE_INFINITY;
}
