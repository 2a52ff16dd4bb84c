/**
 * A segment gets longer with its file: its prototype PTEs move to a longer array, and everything that names them follows.
 * MmExtendSection.
 */
import { STATUS_SUCCESS } from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';
import {
  allocatePrototypes,
  type ControlArea,
  fillSubsectionPrototypes,
  isResident,
  type Segment,
  writeStructures,
} from './control-area.js';
import type { MemoryManager } from './memory-manager.js';
import { addReference, addShare, releaseReference, releaseShare } from './page-lists.js';
import { holdTables, releaseTables } from './page-table-fault.js';
import { findPte, frameOfWord, nextAddressWithValidTable } from './page-tables.js';
import {
  addressHigh,
  PTE_ASK_VAD,
  PTE_PROTOTYPE,
  PTE_VALID,
  prototypeLow,
  prototypeProtection,
  pteFrame,
} from './pte.js';
import { systemWord } from './system-space.js';
import { markSystemPageWritten } from './system-working-set.js';
import { needAddressSpace } from './threads/swapper.js';
import type { Vad } from './vad-tree.js';

const PAGE_SIZE = 4096;

/**
 * Lengthens the segment of a data file that has grown: the prototype PTEs move to a longer array, and everything that names
 * them follows. False when the pool is used up or a page table cannot be brought back (STATUS_INSUFFICIENT_RESOURCES).
 */
export function extendSegment(mm: MemoryManager, controlArea: ControlArea, pageCount: number): boolean {
  const { segment } = controlArea;
  const oldBase = segment.prototypeBase;
  const oldCount = segment.pageCount;
  const views = viewsOf(mm, controlArea);
  if (!holdViews(mm, views)) return false;
  const base = allocatePrototypes(mm, pageCount);
  if (base === 0) {
    releaseViews(mm, views);
    return false;
  }
  movePrototypes(mm, segment, base);
  segment.pageCount = pageCount;
  const subsection = controlArea.subsections[0]!;
  subsection.pageCount = pageCount;
  writeStructures(mm, controlArea);
  fillSubsectionPrototypes(mm, subsection, oldCount, pageCount - oldCount);
  for (const { space, vad } of views) moveView(mm, space, vad, base);
  releaseViews(mm, views);
  mm.pagedPool.free(oldBase);
  return true;
}

interface View {
  readonly space: AddressSpace;
  readonly vad: Vad;
}

/** Every view of a control area. */
function viewsOf(mm: MemoryManager, controlArea: ControlArea): View[] {
  const views: View[] = [];
  for (const space of mm.addressSpaces) {
    for (let vad = space.vads.first(); vad !== null; vad = space.vads.next(vad))
      if (vad.controlArea === controlArea) views.push({ space, vad });
  }
  return views;
}

/** Brings in the processes that have views, and holds the views' page tables; false, with nothing held, when one cannot be brought back. */
function holdViews(mm: MemoryManager, views: readonly View[]): boolean {
  for (const [index, { space, vad }] of views.entries()) {
    if (holdView(mm, space, vad)) continue;
    releaseViews(mm, views.slice(0, index));
    return false;
  }
  return true;
}

function holdView(mm: MemoryManager, space: AddressSpace, vad: Vad): boolean {
  if (!needAddressSpace(mm, space)) return false;
  const { startPage, endPage } = vad;
  return holdTables(mm, space, startPage * PAGE_SIZE, (endPage + 1) * PAGE_SIZE, false) === STATUS_SUCCESS;
}

function releaseViews(mm: MemoryManager, views: readonly View[]): void {
  for (const { space, vad } of views)
    releaseTables(mm, space, vad.startPage * PAGE_SIZE, (vad.endPage + 1) * PAGE_SIZE);
}

/**
 * Moves every prototype PTE of a segment to a new array. Frames may have to be made available for pages of the arrays
 * meanwhile, by writing pages of this very segment: where each prototype PTE is stands in the segment all the time.
 */
function movePrototypes(mm: MemoryManager, segment: Segment, base: number): void {
  const { prototypeBase, pageCount } = segment;
  segment.movedBase = base;
  for (let page = 0; page < pageCount; page++) {
    movePrototype(mm, prototypeBase + page * 8, base + page * 8);
    segment.moved = page + 1;
  }
  segment.prototypeBase = base;
  segment.moved = 0;
}

function movePrototype(mm: MemoryManager, from: number, to: number): void {
  const target = systemWord(mm, to);
  const holder = frameOfWord(mm, target);
  addReference(mm, holder);
  const source = systemWord(mm, from);
  releaseReference(mm, holder);
  markSystemPageWritten(mm, holder);
  const oldHolder = frameOfWord(mm, source);
  const lo = mm.words[source]!;
  mm.words[target] = lo;
  mm.words[target + 1] = mm.words[source + 1]!;
  if (!isResident(lo)) return;
  const frame = pteFrame(lo);
  mm.pfn.pteAddress[frame] = to;
  mm.pfn.containingFrame[frame] = holder;
  addShare(mm, holder);
  releaseShare(mm, oldHolder);
}

/** Entries of a view that name prototype PTEs by address name them at their new place. */
function moveView(mm: MemoryManager, space: AddressSpace, vad: Vad, base: number): void {
  vad.firstPrototype = base + vad.sectionOffset * 8;
  const end = (vad.endPage + 1) * PAGE_SIZE;
  let at = nextAddressWithValidTable(mm, space, vad.startPage * PAGE_SIZE, end);
  for (; at < end; at = nextAddressWithValidTable(mm, space, at + PAGE_SIZE, end)) {
    const word = findPte(mm, space, at);
    const lo = mm.words[word]!;
    if ((lo & (PTE_VALID | PTE_PROTOTYPE)) !== PTE_PROTOTYPE || mm.words[word + 1] === PTE_ASK_VAD) continue;
    const prototype = vad.firstPrototype + (at / PAGE_SIZE - vad.startPage) * 8;
    mm.words[word] = prototypeLow(prototype, prototypeProtection(lo, mm.words[word + 1]!));
    mm.words[word + 1] = addressHigh(prototype);
  }
}
