/**
 * The root of the memory manager's state: everything it knows is reachable from here, as bytes of RAM, typed arrays and
 * plain objects.
 */
import type { DiskModel } from '../machine/disk.js';
import type { PhysicalMemory } from '../machine/physical-memory.js';
import type { Processor } from '../machine/processor.js';
import type { AddressSpace } from './address-space.js';
import { CommitLedger } from './commit.js';
import type { CommitRefusal } from './commit-quota.js';
import { SectionTable } from './control-area.js';
import { FaultCounters } from './counters.js';
import { EventSink } from './events.js';
import type { KernelStack } from './kernel-stack.js';
import { MemoryPageFileStore, type PageFileStore, PageFiles } from './page-file.js';
import { PageLists, retireFrame } from './page-lists.js';
import { TableWindow } from './page-table-peek.js';
import { PagingIo } from './paging-io.js';
import { PfnDatabase } from './pfn-database.js';
import { Pool } from './pool.js';
import type { LostTable } from './pte-deletion.js';
import { createSharedUserData } from './shared-user-data.js';
import type { SystemObserver } from './system-observer.js';
import { SystemPtes } from './system-ptes.js';
import { buildSystemSpace, PAGED_POOL, PAGED_POOL_END } from './system-space.js';
import { SystemWorkingSet } from './system-working-set.js';
import { SystemThreads } from './threads/system-threads.js';
import { type Thresholds, thresholdsFor } from './thresholds.js';
import type { UserStack } from './user-stack.js';

/** Nonpaged pool may take three quarters of RAM. */
const NONPAGED_SHARE = 0.75;
/** Frames with which the system itself can begin. */
const LEAST_FRAMES = 32;

export interface PageFileSize {
  /** Bytes. */
  readonly initial: number;
  readonly maximum: number;
}

export interface MemoryManagerOptions {
  readonly ram: PhysicalMemory;
  readonly processor: Processor;
  readonly pageFileBytes: readonly PageFileSize[];
  readonly seed: number;
  readonly clock: MemoryClock;
  /** The bytes of the paging files; in memory when left out. */
  readonly pageFileStore?: PageFileStore;
  /** Which page a working set gives up; by age when left out. */
  readonly policy?: ReplacementPolicy;
  /** Frame numbers that must never be used. RangeError for one that is not RAM, or when too few are left. */
  readonly badPages?: readonly number[];
  /** The disk of paging files and mapped files; `ssd` when left out. */
  readonly disk?: DiskModel;
}

/** Virtual time in 100 ns units; `advance` lets it pass while the disk is waited for. */
export interface MemoryClock {
  readonly now100ns: number;
  advance?(units: number): void;
}

/** `aging`: the page that was not accessed for longest; `fifo`: the page that came first. */
export type ReplacementPolicy = 'aging' | 'fifo';

export class MemoryManager {
  readonly ram: PhysicalMemory;
  readonly processor: Processor;
  /** RAM as 32-bit words, header included. */
  readonly words: Uint32Array;
  /** Index in `words` of frame 0. */
  readonly baseWord: number;
  readonly pfn: PfnDatabase;
  readonly lists: PageLists;
  /** Frames that are not bad. */
  readonly usableFrames: number;
  readonly commit: CommitLedger;
  /** Told when a limit of a process or of its jobs keeps it from committing. */
  commitRefused: CommitRefusal | null = null;
  readonly nonpagedPool: Pool;
  readonly pagedPool: Pool;
  readonly systemPtes = new SystemPtes();
  readonly sections: SectionTable;
  readonly counters = new FaultCounters();
  readonly events: EventSink;
  readonly pageFiles: PageFiles;
  readonly io: PagingIo;
  readonly tableWindow = new TableWindow();
  /** Deleted page tables that could not be read; what their entries name is still taken. */
  readonly lostTables: LostTable[] = [];
  readonly systemThreads = new SystemThreads();
  readonly systemWorkingSet: SystemWorkingSet;
  readonly thresholds: Thresholds;
  readonly policy: ReplacementPolicy;
  readonly clock: MemoryClock;
  readonly seed: number;
  /** Every address space that exists, in order of creation. */
  readonly addressSpaces: AddressSpace[] = [];
  /** Every kernel stack, in order of creation. */
  readonly kernelStacks: KernelStack[] = [];
  /** The address space that the processor uses, and the stack of the thread that runs. */
  current: AddressSpace | null = null;
  currentStack: UserStack | null = null;
  /** Directory that holds the system's half; no process runs on it. */
  systemDirectoryFrame = 0;
  /** Frames of large pages, user physical pages, and the page tables that both need: they stay in RAM. */
  lockedFrames = 0;
  /** Pages charged for system page tables and the shared user data page. */
  systemPages = 0;
  /** Frame of KUSER_SHARED_DATA. */
  sharedUserDataFrame = 0;
  /** The fault waits for a disk read; it is counted as hard. */
  faultWasHard = false;
  /** The frame that is being read for a fault that answered STATUS_PENDING; -1: it waits for frames to become available. */
  pendingFrame = -1;
  /** A fault is being resolved that can answer STATUS_PENDING; else what must be read is waited for on the spot. */
  faultMayPend = false;
  /** The fault goes on after a wait: what it found first has been counted. */
  faultGoesOn = false;
  /** Index in `words` of the PTE that a fault is about to replace, which is not trimmed meanwhile; 0 for none. */
  pinnedPte = 0;
  /** Set while a fault keeps to the maximum: the newest pages of the working set stay. */
  keepsNewest = false;
  /** The page that systemWord found last, as page number (-1: none) and word index. */
  systemWordPage = -1;
  systemWordBase = 0;
  /** Set while verify() or a view reads system space, which then changes nothing. */
  observer: SystemObserver | null = null;

  constructor(options: MemoryManagerOptions) {
    this.ram = options.ram;
    this.processor = options.processor;
    this.words = options.ram.words;
    this.baseWord = options.ram.base >>> 2;
    this.clock = options.clock;
    this.seed = options.seed;
    this.events = new EventSink(options.clock);
    this.pfn = new PfnDatabase(options.ram.frameCount);
    this.lists = new PageLists(this.pfn);
    this.usableFrames = retireBadPages(this, options.badPages ?? []);
    this.commit = new CommitLedger(this, this.usableFrames);
    this.sections = new SectionTable(options.seed);
    this.pageFiles = new PageFiles(options.pageFileBytes, options.pageFileStore ?? new MemoryPageFileStore());
    this.io = new PagingIo(options.disk ?? 'ssd');
    this.thresholds = thresholdsFor(this.usableFrames);
    this.policy = options.policy ?? 'aging';
    this.systemWorkingSet = new SystemWorkingSet(options.ram.frameCount);
    buildSystemSpace(this);
    this.nonpagedPool = new Pool(this, false, Math.floor(this.usableFrames * NONPAGED_SHARE));
    this.pagedPool = new Pool(this, true, (PAGED_POOL_END - PAGED_POOL) / 4096);
    createSharedUserData(this);
  }

  /** Index in `words` of a frame's first word. */
  frameWord(frame: number): number {
    return this.baseWord + frame * 1024;
  }

  /** Thread named in events; 0 when none runs. */
  get currentThreadId(): number {
    return this.events.threadId;
  }

  set currentThreadId(threadId: number) {
    this.events.threadId = threadId;
  }
}

/** Puts frames on the bad list before anything can use them; returns how many are left. */
function retireBadPages(mm: MemoryManager, frames: readonly number[]): number {
  const { frameCount } = mm.pfn;
  const bad = new Set(frames);
  for (const frame of bad) {
    if (!Number.isInteger(frame) || frame < 0 || frame >= frameCount)
      throw new RangeError(`frame ${frame} is not RAM: the last is ${frameCount - 1}`);
    retireFrame(mm, frame);
  }
  if (frameCount - bad.size < LEAST_FRAMES)
    throw new RangeError(`${frameCount - bad.size} usable pages of RAM are not enough: ${LEAST_FRAMES} are`);
  return frameCount - bad.size;
}
