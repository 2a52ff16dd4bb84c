/**
 * Proves large pages and user physical pages: each large page lies in a range of such and its 512 frames name its entry; each
 * user physical page is owned by one process and shown at most once, in a window; windows hold their page tables. Part of
 * verify().
 */
import type { AddressSpace } from './address-space.js';
import { COMMIT_USER_PHYSICAL } from './commit.js';
import { findLargePde, LARGE_PAGE_FRAMES, LARGE_PAGE_SIZE, largePageProtection } from './large-page.js';
import type { MemoryManager } from './memory-manager.js';
import { prototypeAddress } from './page-protection.js';
import { findPte, frameOfWord, nextBoundary, pdeAddress } from './page-tables.js';
import { FRAME_ACTIVE, PFN_AWE, PFN_LARGE_PAGE } from './pfn-database.js';
import { PTE_DIRTY, PTE_LARGE_PAGE, PTE_VALID, pteFrame, pteProtection, validHigh, validLow } from './pte.js';
import { tablesOf } from './user-physical-pages.js';
import { VAD_AWE, VAD_LARGE_PAGES, VAD_ORDINARY, VAD_PRIVATE, type Vad } from './vad-tree.js';
import type { VerifyTally } from './verify.js';

/** The page-directory entry at `word`, in the table `holder`, maps a large page at the address `base`. */
export function verifyLargePage(
  mm: MemoryManager,
  space: AddressSpace,
  word: number,
  holder: number,
  base: number,
  tally: VerifyTally,
): void {
  const { pfn } = mm;
  const vad = space.vads.find(base / 4096);
  tally.holds(vad !== null && vad.type === VAD_LARGE_PAGES, 'large page outside such a range, at', base);
  const first = pteFrame(mm.words[word]!);
  tally.equal(first % LARGE_PAGE_FRAMES, 0, 'alignment of the large page at', base);
  const protection = largePageProtection(mm, space, base);
  const low = (validLow(first, protection) | PTE_DIRTY | PTE_LARGE_PAGE) >>> 0;
  tally.equal(mm.words[word]!, low, 'entry of the large page at', base);
  tally.equal(mm.words[word + 1]!, validHigh(protection) >>> 0, 'no-execute bit of the large page at', base);
  tally.shares[holder]!++;
  for (let frame = first; frame < first + LARGE_PAGE_FRAMES; frame++) {
    tally.shares[frame]!++;
    tally.equal(pfn.state[frame]!, FRAME_ACTIVE, 'state of the frame of a large page', frame);
    tally.holds((pfn.flags[frame]! & PFN_LARGE_PAGE) !== 0, 'frame of a large page is not marked', frame);
    if (vad!.kind === VAD_PRIVATE) verifyPrivateFrame(mm, frame, holder, base, protection, tally);
    else {
      const prototype = prototypeAddress(vad!, base / 4096 + frame - first);
      tally.equal(pfn.pteAddress[frame]!, prototype, 'prototype PTE of the frame of a large page', frame);
    }
  }
  tally.largePages++;
}

function verifyPrivateFrame(
  mm: MemoryManager,
  frame: number,
  holder: number,
  base: number,
  protection: number,
  tally: VerifyTally,
): void {
  const { pfn } = mm;
  tally.equal(pfn.pteAddress[frame]!, pdeAddress(base), 'entry that the frame of a large page names', frame);
  tally.equal(pfn.containingFrame[frame]!, holder, 'table that the frame of a large page names', frame);
  tally.equal(pteProtection(pfn.originalLo[frame]!), protection, 'protection of frame', frame);
}

/** After the walk of all page tables. */
export function verifyLockedRanges(mm: MemoryManager, tally: VerifyTally): void {
  const owned = new Uint8Array(mm.pfn.frameCount);
  let mapped = 0;
  let tables = 0;
  let largePages = 0;
  for (const { segment } of mm.sections.controlAreas) largePages += segment.largePages;
  for (const space of mm.addressSpaces) {
    let ranges = 0;
    for (let vad = space.vads.first(); vad !== null; vad = space.vads.next(vad)) {
      if (vad.type === VAD_ORDINARY) continue;
      ranges++;
      if (vad.type === VAD_AWE) {
        verifyWindow(mm, space, vad, tally);
        tables += tablesOf(vad.startPage, vad.pageCount);
      } else {
        const pages = verifyLargeRange(mm, space, vad, tally);
        mapped += pages;
        if (vad.kind === VAD_PRIVATE) largePages += pages;
      }
    }
    tally.equal(space.lockedRanges, ranges, 'ranges that stay in memory, of process', space.processId);
    verifyOwned(mm, space, owned, tally);
  }
  tally.equal(tally.largePages, mapped, 'large pages', 0);
  const pages = verifyMarks(mm, owned, tally);
  tally.equal(mm.commit.byUse[COMMIT_USER_PHYSICAL]!, pages, 'commit charge of user physical pages', 0);
  tally.equal(
    mm.lockedFrames,
    pages + tables + largePages * LARGE_PAGE_FRAMES,
    'frames that stay in memory',
    0,
  );
}

/** Each 2 MB of the range are a large page; how many. */
function verifyLargeRange(mm: MemoryManager, space: AddressSpace, vad: Vad, tally: VerifyTally): number {
  const [start, end] = [vad.startPage * 4096, (vad.endPage + 1) * 4096];
  for (let address = start; address < end; address += LARGE_PAGE_SIZE)
    tally.holds(findLargePde(mm, space, address) !== 0, 'no large page at', address);
  return (end - start) / LARGE_PAGE_SIZE;
}

/** A window shows nothing but pages that its process owns, and holds each of its page tables. */
function verifyWindow(mm: MemoryManager, space: AddressSpace, vad: Vad, tally: VerifyTally): void {
  const end = (vad.endPage + 1) * 4096;
  for (let at = vad.startPage * 4096; at < end; at = nextBoundary(at, 2)) {
    const first = findPte(mm, space, at);
    tally.holds(first !== 0, 'window without a page table at', at);
    tally.shares[frameOfWord(mm, first)]!++;
    for (let page = at; page < Math.min(end, nextBoundary(at, 2)); page += 4096) {
      const lo = mm.words[findPte(mm, space, page)]!;
      const isOwned = (lo & PTE_VALID) !== 0 && space.userPhysicalPages?.owns(pteFrame(lo)) === true;
      tally.holds(lo === 0 || isOwned, 'window that shows no page of its process, at', page);
    }
  }
}

/** Nobody else owns what a process does. */
function verifyOwned(mm: MemoryManager, space: AddressSpace, owned: Uint8Array, tally: VerifyTally): void {
  let count = 0;
  space.userPhysicalPages?.forEach((frame) => {
    tally.equal(owned[frame]!, 0, 'owner of user physical page', frame);
    owned[frame] = 1;
    tally.shares[frame]!++;
    const isShown = mm.pfn.pteAddress[frame] !== 0;
    tally.equal(
      isShown ? 1 : 0,
      mm.pfn.containingFrame[frame]! >= 0 ? 1 : 0,
      'table that shows frame',
      frame,
    );
    count++;
  });
  tally.equal(space.userPhysicalPages?.count ?? 0, count, 'user physical pages of process', space.processId);
}

/** The PFN entries say the same; how many user physical pages there are. */
function verifyMarks(mm: MemoryManager, owned: Uint8Array, tally: VerifyTally): number {
  let pages = 0;
  for (let frame = 0; frame < owned.length; frame++) {
    const isMarked = (mm.pfn.flags[frame]! & PFN_AWE) !== 0;
    tally.equal(isMarked ? 1 : 0, owned[frame]!, 'mark of user physical page', frame);
    pages += owned[frame]!;
  }
  return pages;
}
