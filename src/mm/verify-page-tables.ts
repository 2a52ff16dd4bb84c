/** Walks the page tables of the system and of a process and proves each entry against the PFN database and the VADs. Part of verify(). */
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { prototypeAddress } from './page-protection.js';
import { peekTable, UNREADABLE } from './page-table-peek.js';
import { ENTRY_SPAN, isLargePage, pteAddress, SYSTEM_RANGE_START } from './page-tables.js';
import {
  FRAME_ACTIVE,
  FRAME_MODIFIED,
  FRAME_MODIFIED_NO_WRITE,
  FRAME_STANDBY,
  FRAME_TRANSITION,
  PFN_AWE,
  PFN_PAGE_TABLE,
  PFN_PROTOTYPE,
} from './pfn-database.js';
import {
  canBeValid,
  hasPageFileBlock,
  PTE_ACCESSED,
  PTE_ASK_VAD,
  PTE_DIRTY,
  PTE_PROTOTYPE,
  PTE_TRANSITION,
  PTE_VALID,
  pteAddressField,
  pteFrame,
  pteProtection,
  validHigh,
  validLow,
} from './pte.js';
import { HYPERSPACE_INDEX, isPagedSystemAddress, isSharedIndex, SELF_MAP_INDEX } from './system-space.js';
import { VAD_PRIVATE, type Vad } from './vad-tree.js';
import type { VerifyTally } from './verify.js';
import { VerifyError } from './verify-error.js';
import { verifyLargePage } from './verify-locked-ranges.js';
import { verifyPageFileEntry } from './verify-page-files.js';

/** First level-4 entry of system space. */
const SYSTEM_HALF = 256;
const WORDS_PER_TABLE = 1024;

/** What one walk met. */
interface Walk {
  readonly space: AddressSpace | null;
  /** Tables, those of them that are valid, and valid ones that are not of user space. */
  tables: number;
  validTables: number;
  systemTables: number;
  /** Valid pages. */
  pages: number;
  /** The range found last. */
  vad: Vad | null;
}

function newWalk(space: AddressSpace | null): Walk {
  return { space, tables: 1, validTables: 1, systemTables: 1, pages: 0, vad: null };
}

export function verifySystemSpace(mm: MemoryManager, tally: VerifyTally): void {
  const walk = newWalk(null);
  verifyDirectory(mm, mm.systemDirectoryFrame, walk, tally);
}

/** Answers how many valid page tables are not of user space. */
export function verifyAddressSpace(mm: MemoryManager, space: AddressSpace, tally: VerifyTally): number {
  const walk = newWalk(space);
  verifyDirectory(mm, space.directoryFrame, walk, tally);
  walk.tables += verifyLostTables(mm, space, tally);
  tally.equal(space.pageTablePages, walk.tables, 'page tables of process', space.processId);
  const valid = walk.validTables + walk.pages;
  tally.equal(space.workingSetPages, valid, 'working set of process', space.processId);
  return walk.systemTables;
}

/** Lost tables of which those below are charged to a process, or to nobody; how many are below. */
export function verifyLostTables(mm: MemoryManager, space: AddressSpace | null, tally: VerifyTally): number {
  const walk: Walk = { ...newWalk(space), tables: 0 };
  for (const { lo, hi, level, owner } of mm.lostTables)
    if (owner === space) verifyLost(mm, lo, hi, level, walk, tally);
  return walk.tables;
}

/** Counts the tables below a lost one, and the paging-file blocks that it and they name. */
function verifyLost(
  mm: MemoryManager,
  lo: number,
  hi: number,
  level: number,
  walk: Walk,
  tally: VerifyTally,
): void {
  verifyPageFileEntry(mm, lo, hi, 0, tally);
  const word = mm.frameWord(readTable(mm, lo, hi, level, 0));
  for (let at = word; at < word + 1024; at += 2) {
    const below = mm.words[at]!;
    const belowHi = mm.words[at + 1]!;
    if (level === 1) verifyPageFileEntry(mm, below, belowHi, 0, tally);
    else if (below !== 0 || belowHi !== 0) {
      walk.tables++;
      verifyLost(mm, below, belowHi, level - 1, walk, tally);
    }
  }
}

/** Frame, or page of the window, with the table of a level that an entry names. */
export function readTable(mm: MemoryManager, lo: number, hi: number, level: number, address: number): number {
  const table = peekTable(mm, lo, hi, level);
  if (table === UNREADABLE)
    throw new VerifyError(`page table of ${address.toString(16)} cannot be read from its paging file`);
  return table;
}

/** A level-4 directory: it maps itself, its shared entries are the system's, the rest is its own. */
function verifyDirectory(mm: MemoryManager, directory: number, walk: Walk, tally: VerifyTally): void {
  const { words } = mm;
  const word = mm.frameWord(directory);
  const systemWord = mm.frameWord(mm.systemDirectoryFrame);
  let used = 0;
  for (let index = 0; index < 512; index++) {
    const lo = words[word + index * 2]!;
    const hi = words[word + index * 2 + 1]!;
    if (lo === 0 && hi === 0 && words[systemWord + index * 2] === 0) continue;
    const shared = isSharedIndex(index) && walk.space !== null;
    if (shared) tally.equal(lo, words[systemWord + index * 2]!, 'shared directory entry', index);
    if ((lo === 0 && hi === 0) || shared) continue;
    used++;
    if (index === SELF_MAP_INDEX) {
      tally.equal(pteFrame(lo), directory, 'self-map of directory', directory);
      tally.shares[directory]! += 2;
      continue;
    }
    const known =
      walk.space === null ? isSharedIndex(index) : index < SYSTEM_HALF || index === HYPERSPACE_INDEX;
    tally.holds(known, 'directory entry outside the map', index);
    verifyEntry(mm, word + index * 2, directory, 3, index * ENTRY_SPAN[4], walk, tally);
  }
  tally.equal(mm.pfn.usedPtes[directory]!, used, 'used entries of directory', directory);
  tally.equal(mm.pfn.state[directory]!, FRAME_ACTIVE, 'state of directory', directory);
}

/** An entry, not zero, that names the table of a level 3, 2 or 1 that maps from `base` on: valid, or of a table of user space that is out. */
function verifyEntry(
  mm: MemoryManager,
  word: number,
  holder: number,
  level: number,
  base: number,
  walk: Walk,
  tally: VerifyTally,
): void {
  const { pfn } = mm;
  const lo = mm.words[word]!;
  const hi = mm.words[word + 1]!;
  if (level === 1 && isLargePage(lo)) {
    tally.holds(walk.space !== null, 'large page in system space, at', base);
    if (walk.space !== null) verifyLargePage(mm, walk.space, word, holder, base, tally);
    return;
  }
  walk.tables++;
  if ((lo & PTE_VALID) !== 0) {
    const table = pteFrame(lo);
    walk.validTables++;
    if (base >= SYSTEM_RANGE_START) walk.systemTables++;
    tally.shares[table]!++;
    tally.shares[holder]!++;
    tally.equal(pfn.state[table]!, FRAME_ACTIVE, 'state of page table', table);
    verifyTableFrame(mm, table, holder, level, base, tally);
    verifyTable(mm, table, true, level, base, walk, tally);
    return;
  }
  tally.holds(walk.space !== null && base < SYSTEM_RANGE_START, 'table entry is not valid, for', base);
  if ((lo & PTE_TRANSITION) !== 0) {
    tally.shares[holder]!++;
    verifyPageableState(mm, pteFrame(lo), base, tally);
    verifyTableFrame(mm, pteFrame(lo), holder, level, base, tally);
  } else {
    tally.holds(hasPageFileBlock(lo, hi), 'table entry that names nothing, for', base);
    verifyPageFileEntry(mm, lo, hi, base, tally);
  }
  verifyTable(mm, readTable(mm, lo, hi, level, base), false, level, base, walk, tally);
}

/** The PFN entry of a table's frame. */
function verifyTableFrame(
  mm: MemoryManager,
  table: number,
  holder: number,
  level: number,
  base: number,
  tally: VerifyTally,
): void {
  const { pfn } = mm;
  tally.equal(pfn.containingFrame[table]!, holder, 'containing frame of page table', table);
  tally.equal(pfn.pteAddress[table]!, tableEntryAddress(base, level), 'PTE address of page table', table);
  tally.holds((pfn.flags[table]! & PFN_PAGE_TABLE) !== 0, 'page table is not marked', table);
}

/** The entries of a table. One that is not valid itself has none that are valid or in transition. */
function verifyTable(
  mm: MemoryManager,
  table: number,
  isValid: boolean,
  level: number,
  base: number,
  walk: Walk,
  tally: VerifyTally,
): void {
  let used = 0;
  const { words } = mm;
  const first = mm.frameWord(table);
  const end = first + WORDS_PER_TABLE;
  for (let word = nextEntry(words, first, end); word < end; word = nextEntry(words, word + 2, end)) {
    used++;
    const lo = words[word]!;
    const address = base + ((word - first) >>> 1) * ENTRY_SPAN[level]!;
    const resident = (lo & PTE_VALID) !== 0 || (lo & (PTE_PROTOTYPE | PTE_TRANSITION)) === PTE_TRANSITION;
    tally.holds(isValid || !resident, 'page with a frame in a table that is out, at', address);
    if (level === 1) verifyPte(mm, word, table, address, walk, tally);
    else verifyEntry(mm, word, table, level - 1, address, walk, tally);
  }
  if (table < mm.pfn.frameCount)
    tally.equal(mm.pfn.usedPtes[table]!, used, 'used entries of page table', table);
  const isHeld = isValid && mm.pfn.shareCount[table]! > 1;
  tally.holds(used > 0 || isHeld || walk.space === null, 'empty page table', table);
}

/** Index of the first word of the next entry from `word` to `end` that is not zero, or `end`. Most are, so four are looked at together. */
function nextEntry(words: Uint32Array, word: number, end: number): number {
  let at = word;
  while (at < end) {
    if (words[at]! !== 0 || words[at + 1]! !== 0) return at;
    at += 2;
    while (
      at + 8 <= end &&
      (words[at]! |
        words[at + 1]! |
        words[at + 2]! |
        words[at + 3]! |
        words[at + 4]! |
        words[at + 5]! |
        words[at + 6]! |
        words[at + 7]!) ===
        0
    )
      at += 8;
  }
  return end;
}

/** Self-map address of the entry that names a table of level 3, 2 or 1. */
function tableEntryAddress(base: number, level: number): number {
  let at = pteAddress(base);
  for (let above = 0; above < level; above++) at = pteAddress(at);
  return at;
}

function verifyPte(
  mm: MemoryManager,
  word: number,
  table: number,
  address: number,
  walk: Walk,
  tally: VerifyTally,
): void {
  const lo = mm.words[word]!;
  tally.counts.ptes++;
  if ((lo & PTE_VALID) !== 0) {
    if ((mm.pfn.flags[pteFrame(lo)]! & PFN_AWE) === 0) walk.pages++;
    if (walk.space === null && isPagedSystemAddress(address)) tally.pagedPoolPages++;
    verifyValid(mm, word, table, address, walk, tally);
  } else if ((lo & (PTE_PROTOTYPE | PTE_TRANSITION)) === PTE_TRANSITION) {
    verifyTransition(mm, lo, table, address, tally);
  } else verifyPageFileEntry(mm, lo, mm.words[word + 1]!, address, tally);
  if (walk.space === null || address > walk.space.highestAddress) return;
  const page = address / 4096;
  let { vad } = walk;
  if (vad === null || page > vad.endPage || page < vad.startPage) vad = walk.space.vads.find(page);
  walk.vad = vad;
  tally.holds(vad !== null && !vad.isPlaceholder, 'entry outside every range, for', address);
  if ((lo & (PTE_VALID | PTE_PROTOTYPE)) === PTE_PROTOTYPE)
    verifyPrototypeForm(mm, word, vad!, address, tally);
}

function verifyValid(
  mm: MemoryManager,
  word: number,
  table: number,
  address: number,
  walk: Walk,
  tally: VerifyTally,
): void {
  const { pfn } = mm;
  const lo = mm.words[word]!;
  const frame = pteFrame(lo);
  tally.shares[frame]!++;
  tally.shares[table]!++;
  tally.equal(pfn.state[frame]!, FRAME_ACTIVE, 'state of the frame mapped at', address);
  if ((pfn.flags[frame]! & PFN_PROTOTYPE) !== 0 && walk.space !== null) return;
  tally.equal(pfn.pteAddress[frame]!, pteAddress(address), 'PTE address of the frame mapped at', address);
  tally.equal(pfn.containingFrame[frame]!, table, 'containing frame of the frame mapped at', address);
  if (walk.space === null || address > walk.space.highestAddress) return;
  const protection = pteProtection(pfn.originalLo[frame]!);
  tally.holds(canBeValid(protection), 'valid page without access at', address);
  const touched = PTE_ACCESSED | PTE_DIRTY;
  tally.equal(
    (lo | touched) >>> 0,
    (validLow(frame, protection) | touched) >>> 0,
    'protection of the page at',
    address,
  );
  tally.equal(mm.words[word + 1]!, validHigh(protection) >>> 0, 'no-execute bit of the page at', address);
}

export function verifyTransition(
  mm: MemoryManager,
  lo: number,
  table: number,
  address: number,
  tally: VerifyTally,
): void {
  const { pfn } = mm;
  const frame = pteFrame(lo);
  tally.shares[table]!++;
  verifyPageableState(mm, frame, address, tally);
  tally.equal(pfn.pteAddress[frame]!, pteAddress(address), 'PTE address of the transition frame of', address);
  tally.equal(pfn.containingFrame[frame]!, table, 'containing frame of the transition frame of', address);
  tally.equal(pteProtection(lo), pteProtection(pfn.originalLo[frame]!), 'original protection of', address);
}

/** A frame whose entry is in transition is on a list that such frames are on, or held. */
function verifyPageableState(mm: MemoryManager, frame: number, address: number, tally: VerifyTally): void {
  const state = mm.pfn.state[frame]!;
  tally.holds(
    state === FRAME_STANDBY ||
      state === FRAME_MODIFIED ||
      state === FRAME_MODIFIED_NO_WRITE ||
      state === FRAME_TRANSITION,
    'frame in transition is on no such list, for',
    address,
  );
}

/** The entry of a view's page names the prototype PTE that the VAD gives, or says to ask the VAD. */
function verifyPrototypeForm(
  mm: MemoryManager,
  word: number,
  vad: Vad,
  address: number,
  tally: VerifyTally,
): void {
  tally.holds(vad.kind !== VAD_PRIVATE, 'prototype entry in a private range, for', address);
  const hi = mm.words[word + 1]!;
  if (hi === PTE_ASK_VAD) return;
  const named = pteAddressField(mm.words[word]!, hi);
  tally.equal(named, prototypeAddress(vad, address / 4096), 'prototype PTE of', address);
}
