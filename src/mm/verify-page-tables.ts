/** Walks the page tables of the system and of a process and proves each entry against the PFN database and the VADs. Part of verify(). */
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { prototypeAddress } from './page-protection.js';
import { ENTRY_SPAN, pteAddress } from './page-tables.js';
import {
  FRAME_ACTIVE,
  FRAME_MODIFIED,
  FRAME_MODIFIED_NO_WRITE,
  FRAME_STANDBY,
  FRAME_TRANSITION,
  PFN_PAGE_TABLE,
  PFN_PROTOTYPE,
} from './pfn-database.js';
import {
  canBeValid,
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
import { HYPERSPACE_INDEX, isSharedIndex, SELF_MAP_INDEX } from './system-space.js';
import { VAD_PRIVATE, type Vad } from './vad-tree.js';
import type { VerifyTally } from './verify.js';
import { verifyPageFileEntry } from './verify-page-files.js';
import { verifyOutSwapped } from './verify-swap.js';

/** First level-4 entry of system space. */
const SYSTEM_HALF = 256;

/** Valid pages and tables met in one walk. */
interface Walk {
  readonly space: AddressSpace | null;
  tables: number;
  pages: number;
}

export function verifySystemSpace(mm: MemoryManager, tally: VerifyTally): void {
  const walk: Walk = { space: null, tables: 1, pages: 0 };
  verifyDirectory(mm, mm.systemDirectoryFrame, walk, tally);
}

export function verifyAddressSpace(mm: MemoryManager, space: AddressSpace, tally: VerifyTally): void {
  if (space.outSwapped) {
    verifyOutSwapped(mm, space, tally);
    return;
  }
  const walk: Walk = { space, tables: 1, pages: 0 };
  verifyDirectory(mm, space.directoryFrame, walk, tally);
  tally.equal(space.pageTablePages, walk.tables, 'page tables of process', space.processId);
  tally.equal(space.workingSetPages, walk.tables + walk.pages, 'working set of process', space.processId);
}

/** A level-4 directory: it maps itself, its shared entries are the system's, the rest is its own. */
function verifyDirectory(mm: MemoryManager, directory: number, walk: Walk, tally: VerifyTally): void {
  const word = mm.frameWord(directory);
  const systemWord = mm.frameWord(mm.systemDirectoryFrame);
  let used = 0;
  for (let index = 0; index < 512; index++) {
    const lo = mm.words[word + index * 2]!;
    const shared = isSharedIndex(index) && walk.space !== null;
    if (shared) tally.equal(lo, mm.words[systemWord + index * 2]!, 'shared directory entry', index);
    if (lo === 0 || shared) continue;
    used++;
    tally.holds((lo & PTE_VALID) !== 0, 'directory entry is not valid', index);
    if (index === SELF_MAP_INDEX) {
      tally.equal(pteFrame(lo), directory, 'self-map of directory', directory);
      tally.shares[directory]! += 2;
      continue;
    }
    const known =
      walk.space === null ? isSharedIndex(index) : index < SYSTEM_HALF || index === HYPERSPACE_INDEX;
    tally.holds(known, 'directory entry outside the map', index);
    verifyTable(mm, pteFrame(lo), directory, 3, index * ENTRY_SPAN[4], walk, tally);
  }
  tally.equal(mm.pfn.usedPtes[directory]!, used, 'used entries of directory', directory);
  tally.equal(mm.pfn.state[directory]!, FRAME_ACTIVE, 'state of directory', directory);
}

/** A table at level 3, 2 or 1 that maps from `base` on. */
function verifyTable(
  mm: MemoryManager,
  table: number,
  holder: number,
  level: number,
  base: number,
  walk: Walk,
  tally: VerifyTally,
): void {
  const { pfn } = mm;
  walk.tables++;
  tally.shares[table]!++;
  tally.shares[holder]!++;
  tally.equal(pfn.state[table]!, FRAME_ACTIVE, 'state of page table', table);
  tally.equal(pfn.containingFrame[table]!, holder, 'containing frame of page table', table);
  tally.equal(pfn.pteAddress[table]!, tableEntryAddress(base, level), 'PTE address of page table', table);
  tally.holds((pfn.flags[table]! & PFN_PAGE_TABLE) !== 0, 'page table is not marked', table);
  let used = 0;
  const word = mm.frameWord(table);
  for (let index = 0; index < 512; index++) {
    const lo = mm.words[word + index * 2]!;
    const hi = mm.words[word + index * 2 + 1]!;
    if (lo === 0 && hi === 0) continue;
    used++;
    const address = base + index * ENTRY_SPAN[level]!;
    if (level === 1) verifyPte(mm, word + index * 2, table, address, walk, tally);
    else {
      tally.holds((lo & PTE_VALID) !== 0, 'table entry is not valid, for', address);
      verifyTable(mm, pteFrame(lo), table, level - 1, address, walk, tally);
    }
  }
  tally.equal(pfn.usedPtes[table]!, used, 'used entries of page table', table);
  tally.holds(used > 0 || walk.space === null, 'empty page table', table);
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
    walk.pages++;
    verifyValid(mm, word, table, address, walk, tally);
  } else if ((lo & (PTE_PROTOTYPE | PTE_TRANSITION)) === PTE_TRANSITION) {
    verifyTransition(mm, lo, table, address, tally);
  } else verifyPageFileEntry(mm, lo, mm.words[word + 1]!, address, tally);
  if (walk.space === null || address > walk.space.highestAddress) return;
  const vad = walk.space.vads.find(address / 4096);
  tally.holds(vad !== null, 'entry outside every range, for', address);
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
  const state = pfn.state[frame]!;
  tally.shares[table]!++;
  tally.holds(
    state === FRAME_STANDBY ||
      state === FRAME_MODIFIED ||
      state === FRAME_MODIFIED_NO_WRITE ||
      state === FRAME_TRANSITION,
    'frame in transition is on no such list, for',
    address,
  );
  tally.equal(pfn.pteAddress[frame]!, pteAddress(address), 'PTE address of the transition frame of', address);
  tally.equal(pfn.containingFrame[frame]!, table, 'containing frame of the transition frame of', address);
  tally.equal(pteProtection(lo), pteProtection(pfn.originalLo[frame]!), 'original protection of', address);
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
