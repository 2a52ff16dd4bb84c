/**
 * Proves the sections, their prototype PTEs and views, the pools and the system PTEs. Part of verify(): the walk of the page
 * tables has counted the mappings of each frame before.
 */
import type { AddressSpace } from './address-space.js';
import { COMMIT_KERNEL_STACK, COMMIT_NONPAGED_POOL, COMMIT_PAGED_POOL, COMMIT_SECTION } from './commit.js';
import { type ControlArea, isResident, type Subsection, subsectionFields } from './control-area.js';
import { KERNEL_STACK_PAGES } from './kernel-stack.js';
import type { MemoryManager } from './memory-manager.js';
import { prototypeAddress } from './page-protection.js';
import { findPte, frameOfWord, nextAddressWithValidTable } from './page-tables.js';
import {
  FRAME_ACTIVE,
  FRAME_MODIFIED,
  FRAME_STANDBY,
  FRAME_TRANSITION,
  PFN_DELETED,
  PFN_MODIFIED,
  PFN_PROTOTYPE,
} from './pfn-database.js';
import { PTE_PROTOTYPE, PTE_VALID, pteAddressField, pteFrame, pteProtection } from './pte.js';
import { systemValue, systemWord } from './system-space.js';
import type { Vad } from './vad-tree.js';
import type { VerifyTally } from './verify.js';
import { verifyPageFileEntry } from './verify-page-files.js';
import { verifyPools } from './verify-pool.js';

export function verifySections(mm: MemoryManager, tally: VerifyTally): void {
  const views = new Map<ControlArea, number>();
  for (const space of mm.addressSpaces) {
    for (let vad = space.vads.first(); vad !== null; vad = space.vads.next(vad)) {
      if (vad.controlArea === null) continue;
      views.set(vad.controlArea, (views.get(vad.controlArea) ?? 0) + 1);
      verifyView(mm, space, vad, tally);
    }
  }
  let resident = 0;
  let committed = 0;
  let subsections = 0;
  for (const controlArea of mm.sections.controlAreas) {
    resident += verifyControlArea(mm, controlArea, views.get(controlArea) ?? 0, tally);
    committed += controlArea.segment.committedPages;
    subsections += controlArea.subsections.length;
    views.delete(controlArea);
  }
  for (const controlArea of mm.sections.unused)
    tally.holds(mm.sections.controlAreas.includes(controlArea), 'deleted control area', controlArea.address);
  tally.equal(views.size, 0, 'views of deleted control areas', 0);
  tally.equal(mm.sections.subsections.size, subsections, 'number of subsections', 0);
  tally.equal(mm.commit.byUse[COMMIT_SECTION]!, committed, 'commit charge of sections', 0);
  verifySharedFrames(mm, resident, tally);
  verifySystemMemory(mm, tally);
}

/** Every frame that is marked as a prototype PTE's, unless that is deleted already, was found through one; the shared user data page has the system's PTE for it. */
function verifySharedFrames(mm: MemoryManager, resident: number, tally: VerifyTally): void {
  let marked = 0;
  for (let frame = 0; frame < mm.pfn.frameCount; frame++) {
    if ((mm.pfn.flags[frame]! & (PFN_PROTOTYPE | PFN_DELETED)) === PFN_PROTOTYPE) marked++;
  }
  tally.equal(marked, resident + 1, 'frames of prototype PTEs', 0);
}

function verifySystemMemory(mm: MemoryManager, tally: VerifyTally): void {
  tally.counts.checks += verifyPools(mm);
  tally.equal(mm.commit.byUse[COMMIT_PAGED_POOL]!, mm.pagedPool.pages, 'commit charge of paged pool', 0);
  tally.equal(
    mm.commit.byUse[COMMIT_NONPAGED_POOL]!,
    mm.nonpagedPool.pages,
    'commit charge of nonpaged pool',
    0,
  );
  const stacks = mm.commit.byUse[COMMIT_KERNEL_STACK]! / KERNEL_STACK_PAGES;
  tally.equal(mm.kernelStacks.length, stacks, 'number of kernel stacks', 0);
  tally.equal(mm.systemPtes.reserved, stacks * (KERNEL_STACK_PAGES + 1), 'system PTEs of kernel stacks', 0);
}

/** Pages of a control area that views can show. */
function mostPages({ file, isImage, segment, sectionPages }: ControlArea): number {
  return file === null || isImage ? segment.pageCount : sectionPages;
}

/** A view lies in its section, and what it maps are that section's pages or private copies. */
function verifyView(mm: MemoryManager, space: AddressSpace, vad: Vad, tally: VerifyTally): void {
  const controlArea = vad.controlArea!;
  tally.equal(
    vad.firstPrototype,
    controlArea.prototypeAddress(vad.sectionOffset),
    'first prototype PTE of view',
    vad.startPage,
  );
  tally.holds(
    vad.isExtendable || vad.sectionOffset + vad.pageCount <= mostPages(controlArea),
    'view passes its section',
    vad.startPage,
  );
  const end = (vad.endPage + 1) * 4096;
  let at = nextAddressWithValidTable(mm, space, vad.startPage * 4096, end);
  for (; at < end; at = nextAddressWithValidTable(mm, space, at + 4096, end)) {
    const lo = mm.words[findPte(mm, space, at)]!;
    if ((lo & PTE_VALID) === 0) continue;
    const frame = pteFrame(lo);
    if ((mm.pfn.flags[frame]! & PFN_PROTOTYPE) === 0) continue;
    tally.equal(
      mm.pfn.pteAddress[frame]!,
      prototypeAddress(vad, at / 4096),
      'prototype PTE of the frame at',
      at,
    );
  }
}

/** Returns how many of its pages have frames. */
function verifyControlArea(
  mm: MemoryManager,
  controlArea: ControlArea,
  views: number,
  tally: VerifyTally,
): number {
  const { file, address } = controlArea;
  tally.equal(controlArea.mappedViews, views, 'views of control area', address);
  const isUnused = controlArea.sectionReferences + views === 0;
  tally.holds(mm.sections.unused.includes(controlArea) === isUnused, 'use of control area', address);
  if (file !== null) {
    const own = controlArea.isImage ? file.imageControlArea : file.dataControlArea;
    tally.holds(own === controlArea, 'control area that its file does not know', address);
  }
  for (const subsection of controlArea.subsections) verifySubsection(mm, subsection, tally);
  let resident = 0;
  for (let page = 0; page < controlArea.segment.pageCount; page++) {
    if (verifyPrototype(mm, controlArea, page, tally)) resident++;
  }
  tally.counts.prototypePtes += controlArea.segment.pageCount;
  return resident;
}

/** The structure in pool says what the object says. */
function verifySubsection(mm: MemoryManager, subsection: Subsection, tally: VerifyTally): void {
  tally.holds(
    mm.sections.subsections.get(subsection.address) === subsection,
    'unknown subsection',
    subsection.address,
  );
  const { pointers, words } = subsectionFields(subsection);
  for (const [offset, value] of pointers) {
    const at = subsection.address + offset;
    const found = (systemValue(mm, at + 4) & 0xffff) * 0x1_0000_0000 + systemValue(mm, at);
    tally.equal(found, value, 'pointer of subsection', subsection.address + offset);
  }
  for (const [offset, value] of words) {
    const found = systemValue(mm, subsection.address + offset);
    tally.equal(found, value, 'field of subsection', subsection.address + offset);
  }
}

/** True when the page has a frame. */
function verifyPrototype(
  mm: MemoryManager,
  controlArea: ControlArea,
  page: number,
  tally: VerifyTally,
): boolean {
  const address = controlArea.prototypeAddress(page);
  const lo = systemValue(mm, address);
  if (!isResident(lo)) {
    const hi = systemValue(mm, address + 4);
    verifyPageFileEntry(mm, lo, hi, address, tally);
    if ((lo & PTE_PROTOTYPE) !== 0) {
      const named = pteAddressField(lo, hi);
      tally.equal(named, controlArea.subsectionOf(page)!.address, 'subsection of prototype PTE', address);
    }
    return false;
  }
  const word = systemWord(mm, address);
  tally.holds(word !== 0, 'page of prototype PTEs that is out while it is held,', address);
  verifyResident(mm, word, address, tally);
  if (controlArea.segment.largePages > 0) tally.shares[pteFrame(mm.words[word]!)]!++;
  return true;
}

function verifyResident(mm: MemoryManager, word: number, address: number, tally: VerifyTally): void {
  const { pfn } = mm;
  const lo = mm.words[word]!;
  const frame = pteFrame(lo);
  const holder = frameOfWord(mm, word);
  const state = pfn.state[frame]!;
  tally.shares[holder]!++;
  tally.equal(pfn.pteAddress[frame]!, address, 'prototype PTE address of frame', frame);
  tally.equal(pfn.containingFrame[frame]!, holder, 'pool frame of prototype PTE', address);
  tally.holds((pfn.flags[frame]! & PFN_PROTOTYPE) !== 0, 'shared frame is not marked', frame);
  if ((lo & PTE_VALID) !== 0) {
    tally.equal(state, FRAME_ACTIVE, 'state of the frame of prototype PTE', address);
    return;
  }
  tally.equal(
    pteProtection(lo),
    pteProtection(pfn.originalLo[frame]!),
    'protection of prototype PTE',
    address,
  );
  const modified = (pfn.flags[frame]! & PFN_MODIFIED) !== 0;
  if (state === FRAME_TRANSITION) return;
  tally.equal(
    state,
    modified ? FRAME_MODIFIED : FRAME_STANDBY,
    'list of the frame of prototype PTE',
    address,
  );
}
