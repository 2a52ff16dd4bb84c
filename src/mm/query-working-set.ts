/**
 * What is in a working set: NtQueryVirtualMemory, MemoryWorkingSetInformation and MemoryWorkingSetExInformation. Source:
 * Microsoft, "PSAPI_WORKING_SET_BLOCK union", "PSAPI_WORKING_SET_EX_BLOCK union"; the bits that these call reserved as in
 * the published layout of MEMORY_WORKING_SET_EX_BLOCK.
 */
import type { AddressSpace } from './address-space.js';
import { findLargePde, LARGE_PAGE_FRAMES, largePageProtection } from './large-page.js';
import type { MemoryManager } from './memory-manager.js';
import { isBeyondSection, pageState, prototypeAddress } from './page-protection.js';
import { findPte } from './page-tables.js';
import { FRAME_MODIFIED, FRAME_MODIFIED_NO_WRITE, PFN_PROTOTYPE } from './pfn-database.js';
import { pageProtection } from './protection.js';
import { hasPageFileBlock, MM_READWRITE, PTE_PROTOTYPE, PTE_TRANSITION, PTE_VALID, pteFrame } from './pte.js';
import { systemWord } from './system-space.js';
import { VAD_LARGE_PAGES, VAD_ORDINARY, VAD_PRIVATE, type Vad } from './vad-tree.js';
import {
  findWsle,
  WSLE_LOCKED_IN_MEMORY,
  WSLE_LOCKED_IN_WS,
  WSLE_VALID,
  wsleAddress,
  wsleWord,
} from './working-set.js';

const LARGEST_SHARE_COUNT = 7;

/** MEMORY_WORKING_SET_BLOCK, low word: protection code, share count, shared; bits 12-63 are the page number. */
const BLOCK_SHARE_COUNT_SHIFT = 5;
const BLOCK_SHARED = 0x100;

/** MEMORY_WORKING_SET_EX_BLOCK, low word. */
const EX_VALID = 1;
const EX_SHARE_COUNT_SHIFT = 1;
const EX_PROTECTION_SHIFT = 4;
const EX_SHARED = 0x8000;
const EX_LOCKED = 0x40_0000;
const EX_LARGE_PAGE = 0x80_0000;
const EX_PRIORITY_SHIFT = 24;
const EX_SHARED_ORIGINAL = 0x4000_0000;
/** Of a page that is not valid: where it is, and whether it has to be written before its frame can be had. */
const EX_LOCATION_RESIDENT = 1 << 22;
const EX_LOCATION_PAGE_FILE = 2 << 22;
const EX_MODIFIED_LIST = 1 << 27;

/** Processes and views that share a frame, at most 7; 0 for a private page. */
function shareCountOf(mm: MemoryManager, frame: number): number {
  return isShared(mm, frame) ? Math.min(mm.pfn.shareCount[frame]!, LARGEST_SHARE_COUNT) : 0;
}

function isShared(mm: MemoryManager, frame: number): boolean {
  return (mm.pfn.flags[frame]! & PFN_PROTOTYPE) !== 0;
}

/** A block of two words, low and high, for each page of a working set but its page tables, in the order of the list. */
export function queryWorkingSet(mm: MemoryManager, space: AddressSpace): Uint32Array {
  const set = space.workingSet;
  const blocks = new Uint32Array(set.used * 2);
  let at = 0;
  for (let index = 0; index < set.size; index++) {
    const word = wsleWord(set, index);
    const lo = mm.words[word]!;
    if ((lo & WSLE_VALID) === 0) continue;
    const address = wsleAddress(lo, mm.words[word + 1]!);
    if (address > space.highestAddress) continue;
    blocks[at++] = ((lo & ~0xfff) | blockBits(mm, space, address)) >>> 0;
    blocks[at++] = mm.words[word + 1]!;
  }
  return blocks.subarray(0, at);
}

function blockBits(mm: MemoryManager, space: AddressSpace, address: number): number {
  const pte = findPte(mm, space, address);
  const frame = pteFrame(mm.words[pte]!);
  const page = address / 4096;
  const protection = pageState(mm, space.vads.find(page)!, page, pte);
  const shared = isShared(mm, frame) ? BLOCK_SHARED : 0;
  return protection | (shareCountOf(mm, frame) << BLOCK_SHARE_COUNT_SHIFT) | shared;
}

/**
 * The low word of the extended block for any address (its high word is 0); 0 for one that is no user address, or whose page
 * has neither been touched nor is shared.
 */
export function queryWorkingSetEx(mm: MemoryManager, space: AddressSpace, address: number): number {
  if (!(address >= 0 && address <= space.highestAddress)) return 0;
  const page = Math.floor(address / 4096);
  const vad = space.vads.find(page);
  if (vad === null) return 0;
  if (vad.type !== VAD_ORDINARY) return lockedAttributes(mm, space, vad, page);
  const pte = findPte(mm, space, page * 4096);
  const lo = pte === 0 ? 0 : mm.words[pte]!;
  if ((lo & PTE_VALID) !== 0) return validAttributes(mm, space, vad, page, pte);
  return invalidAttributes(mm, vad, page, lo, pte === 0 ? 0 : mm.words[pte + 1]!);
}

function validAttributes(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  page: number,
  pte: number,
): number {
  const frame = pteFrame(mm.words[pte]!);
  const entry = mm.words[wsleWord(space.workingSet, findWsle(mm, space, page * 4096, frame))]!;
  const isLocked = (entry & (WSLE_LOCKED_IN_WS | WSLE_LOCKED_IN_MEMORY)) !== 0;
  return (
    EX_VALID |
    (shareCountOf(mm, frame) << EX_SHARE_COUNT_SHIFT) |
    (pageProtection(pageState(mm, vad, page, pte)) << EX_PROTECTION_SHIFT) |
    (isShared(mm, frame) ? EX_SHARED | EX_SHARED_ORIGINAL : 0) |
    (isLocked ? EX_LOCKED : 0) |
    (mm.pfn.priority[frame]! << EX_PRIORITY_SHIFT)
  );
}

/** A page of a range that is always in memory and in no working set; 0 where a window shows nothing. */
function lockedAttributes(mm: MemoryManager, space: AddressSpace, vad: Vad, page: number): number {
  const isLarge = vad.type === VAD_LARGE_PAGES;
  const pte = isLarge ? findLargePde(mm, space, page * 4096) : findPte(mm, space, page * 4096);
  const lo = mm.words[pte]!;
  if ((lo & PTE_VALID) === 0) return 0;
  const frame = pteFrame(lo) + (isLarge ? page % LARGE_PAGE_FRAMES : 0);
  const protection = isLarge ? largePageProtection(mm, space, page * 4096) : MM_READWRITE;
  return (
    EX_VALID |
    (shareCountOf(mm, frame) << EX_SHARE_COUNT_SHIFT) |
    (pageProtection(protection) << EX_PROTECTION_SHIFT) |
    (isShared(mm, frame) ? EX_SHARED | EX_SHARED_ORIGINAL : 0) |
    EX_LOCKED |
    (isLarge ? EX_LARGE_PAGE : 0) |
    (mm.pfn.priority[frame]! << EX_PRIORITY_SHIFT)
  );
}

/** A page that is not valid: its own entry, or that of the prototype PTE which stands for it, says where it is. */
function invalidAttributes(mm: MemoryManager, vad: Vad, page: number, lo: number, hi: number): number {
  const untouched = lo === 0 && hi === 0;
  if (untouched ? vad.kind === VAD_PRIVATE : (lo & PTE_PROTOTYPE) === 0) return locationOf(mm, lo, hi);
  if (isBeyondSection(vad, page)) return 0;
  const prototype = systemWord(mm, prototypeAddress(vad, page));
  return EX_SHARED | EX_SHARED_ORIGINAL | locationOf(mm, mm.words[prototype]!, mm.words[prototype + 1]!);
}

function locationOf(mm: MemoryManager, lo: number, hi: number): number {
  if (hasPageFileBlock(lo, hi)) return EX_LOCATION_PAGE_FILE;
  const isTransition = (lo & (PTE_PROTOTYPE | PTE_TRANSITION)) === PTE_TRANSITION;
  if ((lo & PTE_VALID) === 0 && !isTransition) return 0;
  const frame = pteFrame(lo);
  const state = mm.pfn.state[frame]!;
  const isModified = state === FRAME_MODIFIED || state === FRAME_MODIFIED_NO_WRITE;
  const priority = mm.pfn.priority[frame]! << EX_PRIORITY_SHIFT;
  return EX_LOCATION_RESIDENT | priority | (isModified ? EX_MODIFIED_LIST : 0);
}
