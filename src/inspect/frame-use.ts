/**
 * What each page of RAM is used for, read from its PFN entry alone: the PTE it names, the frame that holds that, and its
 * flags. Source: Microsoft Sysinternals, "RAMMap" (the uses); published layout of MMPFN.
 */
import type { ControlArea } from '../mm/control-area.js';
import { LARGE_PAGE_FRAMES } from '../mm/large-page.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import { addressOfPte, PTE_BASE, SYSTEM_RANGE_START } from '../mm/page-tables.js';
import {
  FRAME_BAD,
  FRAME_FREE,
  FRAME_ZEROED,
  PFN_AWE,
  PFN_LARGE_PAGE,
  PFN_PAGE_TABLE,
  PFN_PROTOTYPE,
} from '../mm/pfn-database.js';
import {
  DIRECTORY_ENTRY_SPAN,
  HYPERSPACE,
  NONPAGED_POOL,
  NONPAGED_POOL_END,
  PAGED_POOL,
  PAGED_POOL_END,
  SYSTEM_PTE_END,
  SYSTEM_PTE_SPACE,
  systemWord,
} from '../mm/system-space.js';
import type { Kernel } from '../nt/kernel.js';
import type { Process } from '../nt/process.js';
import type { Thread } from '../nt/thread.js';
import { residentFrame } from './peek.js';

/** In the order in which RAMMap lists them. 'System PTE' has the other mappings of the system, the shared user data page too. */
export const FRAME_USES = [
  'Process Private',
  'Mapped File',
  'Shareable',
  'Page Table',
  'Paged Pool',
  'Nonpaged Pool',
  'System PTE',
  'Kernel Stack',
  'AWE',
  'Large Page',
  'Unused',
] as const;

export type FrameUse = (typeof FRAME_USES)[number];

export interface FrameDescription {
  readonly use: FrameUse;
  /** Whose page or page table it is; null for the system's and for shared pages. */
  readonly process: Process | null;
  /** Virtual address of the page, or the first that a page table maps; -1 for shared and unused pages. */
  readonly address: number;
  /** Shared pages: what they belong to, and which page of its section they are. */
  readonly controlArea: ControlArea | null;
  readonly sectionPage: number;
}

const UNUSED: FrameDescription = {
  use: 'Unused',
  process: null,
  address: -1,
  controlArea: null,
  sectionPage: -1,
};
const UNUSED_STATES = (1 << FRAME_ZEROED) | (1 << FRAME_FREE) | (1 << FRAME_BAD);
/** A page table is at most four tables below the directory, which holds itself. */
const LEVELS = 5;
const PTE_BYTES = 8;
const PAGE_SIZE = 4096;
const PTE_END = PTE_BASE + DIRECTORY_ENTRY_SPAN;
const HYPERSPACE_END = HYPERSPACE + DIRECTORY_ENTRY_SPAN;

/** Describes frames of a machine as it stands; make a new one when it has run on. */
export class FrameUses {
  readonly #mm: MemoryManager;
  readonly #byDirectory = new Map<number, Process>();
  readonly #controlAreas: readonly ControlArea[];
  readonly #threads: readonly Thread[];

  constructor(kernel: Kernel) {
    this.#mm = kernel.mm;
    const processes = [...kernel.processes.values()];
    for (const process of processes)
      if (!process.deleted) this.#byDirectory.set(directoryOf(kernel.mm, process), process);
    this.#controlAreas = [...kernel.mm.sections.controlAreas].sort(
      (left, right) => left.segment.prototypeBase - right.segment.prototypeBase,
    );
    this.#threads = processes.flatMap(({ threads }) => threads);
  }

  describe(frame: number): FrameDescription {
    const { pfn } = this.#mm;
    if ((UNUSED_STATES & (1 << pfn.state[frame]!)) !== 0) return UNUSED;
    const pte = pfn.pteAddress[frame]!;
    const flags = pfn.flags[frame]!;
    if ((flags & PFN_PROTOTYPE) !== 0) {
      const shared = this.#describeShared(pte);
      if (shared !== null) return shared;
    }
    if ((flags & PFN_AWE) !== 0) return this.#describeUserPhysical(frame, pte);
    if ((flags & PFN_LARGE_PAGE) !== 0) return this.#describeLarge(frame, pte);
    const address = addressOfPte(pte);
    const use = (flags & PFN_PAGE_TABLE) !== 0 ? 'Page Table' : this.#useOfAddress(address);
    const mapped = use === 'Page Table' ? firstMapped(address) : address;
    return { use, process: this.#ownerOf(frame), address: mapped, controlArea: null, sectionPage: -1 };
  }

  /** A page of Address Windowing Extensions, shown in a window or not. */
  #describeUserPhysical(frame: number, pte: number): FrameDescription {
    const owner = [...this.#byDirectory.values()].find(({ space }) => space.userPhysicalPages?.owns(frame));
    const address = pte === 0 ? -1 : addressOfPte(pte);
    return { use: 'AWE', process: owner ?? null, address, controlArea: null, sectionPage: -1 };
  }

  /** A frame of a large page, whose PFN entry names the page-directory entry. */
  #describeLarge(frame: number, pde: number): FrameDescription {
    const address = addressOfPte(addressOfPte(pde)) + (frame % LARGE_PAGE_FRAMES) * PAGE_SIZE;
    const process = this.#ownerOf(frame);
    return { use: 'Large Page', process, address, controlArea: null, sectionPage: -1 };
  }

  /** The control area whose prototype PTEs include a system address. */
  #describeShared(prototype: number): FrameDescription | null {
    let low = 0;
    let high = this.#controlAreas.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const controlArea = this.#controlAreas[middle]!;
      const { prototypeBase, pageCount } = controlArea.segment;
      if (prototype < prototypeBase) high = middle - 1;
      else if (prototype >= prototypeBase + pageCount * PTE_BYTES) low = middle + 1;
      else {
        const use = controlArea.file === null ? 'Shareable' : 'Mapped File';
        const sectionPage = controlArea.pageOfPrototype(prototype);
        return { use, process: null, address: -1, controlArea, sectionPage };
      }
    }
    return null;
  }

  #useOfAddress(address: number): FrameUse {
    if (address >= PAGED_POOL && address < PAGED_POOL_END) return 'Paged Pool';
    if (address >= NONPAGED_POOL && address < NONPAGED_POOL_END) return 'Nonpaged Pool';
    if (address < SYSTEM_PTE_SPACE || address >= SYSTEM_PTE_END)
      return this.#isProcessSpace(address) ? 'Process Private' : 'System PTE';
    const inStack = ({ kernelStack }: Thread) => address >= kernelStack.limit && address < kernelStack.base;
    return this.#threads.some(inStack) ? 'Kernel Stack' : 'System PTE';
  }

  /** User space and hyperspace are each process's own. */
  #isProcessSpace(address: number): boolean {
    return address < SYSTEM_RANGE_START || (address >= HYPERSPACE && address < HYPERSPACE_END);
  }

  /** The process whose directory is at the top of the tables that lead to a frame. */
  #ownerOf(frame: number): Process | null {
    const { containingFrame } = this.#mm.pfn;
    let at = frame;
    for (let level = 0; level < LEVELS; level++) {
      if (this.#byDirectory.has(at)) break;
      const holder = containingFrame[at]!;
      if (holder < 0 || holder === at) break;
      at = holder;
    }
    return this.#byDirectory.get(at) ?? null;
  }
}

/** Frame of a process's directory; that of one which is swapped out may still be in RAM, else -1. */
function directoryOf(mm: MemoryManager, { space }: Process): number {
  if (!space.outSwapped) return space.directoryFrame;
  return residentFrame(mm.words[systemWord(mm, space.directoryEntry)]!);
}

/** The first address that the table at a self-map address maps. The tables of tables lie in the self-map themselves. */
function firstMapped(table: number): number {
  let at = table;
  for (let level = 1; level < LEVELS && at >= PTE_BASE && at < PTE_END; level++) {
    const below = addressOfPte(at);
    if (below === at) break;
    at = below;
  }
  return at;
}
