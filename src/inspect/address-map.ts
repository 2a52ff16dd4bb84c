/**
 * The address space of a process by ranges and types, as VMMap divides it. Sizes in bytes.
 * Source: Windows Memory Model and Its Inner Workings; Microsoft Sysinternals, "VMMap" (types and columns).
 */
import { MEM_COMMIT, MEM_FREE } from '../base/memory-constants.js';
import { STATUS_SUCCESS } from '../base/ntstatus.js';
import { isPrivateCopy } from '../mm/page-protection.js';
import { PEEKED } from '../mm/page-table-peek.js';
import { pageProtection } from '../mm/protection.js';
import { PTE_VALID, pteFrame } from '../mm/pte.js';
import { observe } from '../mm/system-observer.js';
import {
  VAD_AWE,
  VAD_IMAGE,
  VAD_LARGE_PAGES,
  VAD_MAPPED,
  VAD_ORDINARY,
  VAD_PRIVATE,
  type Vad,
} from '../mm/vad-tree.js';
import {
  emptyBasicInformation,
  type MemoryBasicInformation,
  queryVirtualMemory,
} from '../mm/virtual-memory.js';
import type { Kernel } from '../nt/kernel.js';
import type { Process } from '../nt/process.js';
import { nameRanges } from './range-names.js';
import { validPageTables } from './valid-tables.js';

/** In the order in which VMMap lists them. */
export const MEMORY_TYPES = [
  'Image',
  'Mapped File',
  'Shareable',
  'Heap',
  'Stack',
  'Private Data',
  'Page Table',
  'Unusable',
  'Free',
] as const;

export type MemoryType = (typeof MEMORY_TYPES)[number];

/** Bytes of a block, a range or a type. */
export interface MemoryFigures {
  size: number;
  committed: number;
  /** Committed for this process alone. */
  private: number;
  /** Valid pages. */
  workingSet: number;
  /** Valid pages that other processes can have too, and those that are mapped more than once now. */
  shareable: number;
  shared: number;
}

/** A run of pages of one state and protection. */
export interface MemoryBlock extends MemoryFigures {
  readonly address: number;
  readonly state: 'committed' | 'reserved';
  /** PAGE_* flags; 0 when reserved. */
  readonly protection: number;
}

/** What one virtual address descriptor, or the room between two, holds. */
export interface MemoryRange extends MemoryFigures {
  readonly address: number;
  type: MemoryType;
  /** File, heap, thread …, empty when there is nothing to say. */
  details: string;
  /** PAGE_* flags at the allocation. */
  readonly protection: number;
  readonly blocks: MemoryBlock[];
}

export interface TypeFigures extends MemoryFigures {
  readonly type: MemoryType;
  /** Ranges of this type, and the size of the largest. */
  blocks: number;
  largest: number;
}

const PAGE_SIZE = 4096;
const GRANULARITY = 0x10000;
const FIGURES = ['size', 'committed', 'private', 'workingSet', 'shareable', 'shared'] as const;

function noFigures(): MemoryFigures {
  return { size: 0, committed: 0, private: 0, workingSet: 0, shareable: 0, shared: 0 };
}

function addFigures(sum: MemoryFigures, figures: MemoryFigures): void {
  for (const key of FIGURES) sum[key] += figures[key];
}

function typeOf(vad: Vad): MemoryType {
  if (vad.kind === VAD_IMAGE) return 'Image';
  if (vad.kind === VAD_MAPPED) return vad.controlArea?.file ? 'Mapped File' : 'Shareable';
  return 'Private Data';
}

function detailsOf(vad: Vad): string {
  if (vad.type === VAD_LARGE_PAGES) return 'Large Pages';
  return vad.type === VAD_AWE ? 'AWE' : (vad.controlArea?.file?.name ?? '');
}

/** Counts the pages of a block that are in the working set or private copies. */
function countPages(kernel: Kernel, process: Process, vad: Vad, block: MemoryBlock): void {
  const { mm } = kernel;
  const { space } = process;
  const end = block.address + block.size;
  let at = PEEKED.next(mm, space, block.address, end);
  for (; at < end; at = PEEKED.next(mm, space, at + PAGE_SIZE, end)) {
    const word = PEEKED.pte(mm, space, at);
    if (vad.kind !== VAD_PRIVATE && isPrivateCopy(mm, word)) block.private += PAGE_SIZE;
    if ((mm.words[word]! & PTE_VALID) === 0 || vad.type !== VAD_ORDINARY) continue;
    block.workingSet += PAGE_SIZE;
    const frame = pteFrame(mm.words[word]!);
    if (!mm.pfn.isPrototype(frame)) continue;
    block.shareable += PAGE_SIZE;
    if (mm.pfn.shareCount[frame]! > 1) block.shared += PAGE_SIZE;
  }
}

function makeBlock(
  kernel: Kernel,
  process: Process,
  vad: Vad,
  information: MemoryBasicInformation,
): MemoryBlock {
  const { baseAddress, regionSize, state, protect } = information;
  const isCommitted = state === MEM_COMMIT;
  const block: MemoryBlock = {
    address: baseAddress,
    state: isCommitted ? 'committed' : 'reserved',
    protection: protect,
    ...noFigures(),
    size: regionSize,
    committed: isCommitted ? regionSize : 0,
  };
  if (isCommitted && vad.kind === VAD_PRIVATE && vad.commitCharge > 0) block.private = regionSize;
  countPages(kernel, process, vad, block);
  return block;
}

function makeRange(kernel: Kernel, process: Process, vad: Vad): MemoryRange {
  const range: MemoryRange = {
    address: vad.startPage * PAGE_SIZE,
    type: typeOf(vad),
    details: detailsOf(vad),
    protection: pageProtection(vad.protection),
    ...noFigures(),
    blocks: [],
  };
  const information = emptyBasicInformation();
  const end = (vad.endPage + 1) * PAGE_SIZE;
  for (let at = range.address; at < end; at += information.regionSize) {
    const status = observe(kernel.mm, () =>
      queryVirtualMemory(kernel.mm, process.space, at, information, PEEKED),
    );
    if (status !== STATUS_SUCCESS) break;
    if (information.state === MEM_FREE) break;
    const block = makeBlock(kernel, process, vad, information);
    range.blocks.push(block);
    addFigures(range, block);
  }
  return range;
}

function makeGap(type: 'Unusable' | 'Free', address: number, end: number): MemoryRange {
  return { address, type, details: '', protection: 0, ...noFigures(), size: end - address, blocks: [] };
}

/** The room from one range to the next: unusable up to the next multiple of 64 KB, free from there. */
function addGap(ranges: MemoryRange[], from: number, to: number): void {
  const aligned = Math.min(to, Math.ceil(from / GRANULARITY) * GRANULARITY);
  if (aligned > from) ranges.push(makeGap('Unusable', from, aligned));
  if (to > aligned) ranges.push(makeGap('Free', aligned, to));
}

/** Every range of the user's address space in address order, free ones included. */
export function describeAddressSpace(kernel: Kernel, process: Process): MemoryRange[] {
  const { space } = process;
  const ranges: MemoryRange[] = [];
  let next = space.lowestAddress;
  for (let vad = space.vads.first(); vad !== null; vad = space.vads.next(vad)) {
    addGap(ranges, next, vad.startPage * PAGE_SIZE);
    ranges.push(makeRange(kernel, process, vad));
    next = (vad.endPage + 1) * PAGE_SIZE;
  }
  addGap(ranges, next, space.highestAddress + 1);
  nameRanges(kernel, process, ranges);
  return ranges;
}

/** Sums by type; page tables are the process's own pages outside of its user space. */
export function summarizeTypes(
  { mm }: Kernel,
  process: Process,
  ranges: readonly MemoryRange[],
): TypeFigures[] {
  const types = MEMORY_TYPES.map((type): TypeFigures => ({ type, ...noFigures(), blocks: 0, largest: 0 }));
  for (const range of ranges) {
    const sum = types[MEMORY_TYPES.indexOf(range.type)]!;
    addFigures(sum, range);
    sum.blocks++;
    sum.largest = Math.max(sum.largest, range.size);
  }
  const tables = types[MEMORY_TYPES.indexOf('Page Table')]!;
  const bytes = process.deleted ? 0 : process.space.pageTablePages * PAGE_SIZE;
  for (const key of ['size', 'committed', 'private', 'largest'] as const) tables[key] = bytes;
  if (bytes > 0) tables.workingSet = validPageTables(mm, process.space) * PAGE_SIZE;
  tables.blocks = bytes / PAGE_SIZE;
  if (bytes > 0) tables.largest = PAGE_SIZE;
  return types;
}
