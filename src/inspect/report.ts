/** The memory report: counts since the machine began, and how memory stood when the last process ended, or stands now. */
import type { FaultCounters } from '../mm/counters.js';
import { FRAME_STATE_NAMES } from '../mm/pfn-database.js';
import type { Kernel } from '../nt/kernel.js';
import type { Process } from '../nt/process.js';
import { describeAddressSpace, type MemoryType, summarizeTypes } from './address-map.js';

/** Numbers of faults. */
export interface FaultReport {
  total: number;
  soft: number;
  hard: number;
  demandZero: number;
  transition: number;
  copyOnWrite: number;
  pageFileRead: number;
  mappedFileRead: number;
  imageRead: number;
  prototype: number;
  guardPage: number;
  accessViolation: number;
}

/** Bytes of one type of memory. */
export interface TypeReport {
  type: MemoryType;
  size: number;
  committed: number;
  private: number;
  workingSet: number;
  shareable: number;
  shared: number;
}

export interface WorkingSetReport {
  currentPages: number;
  peakPages: number;
}

export interface ProcessReport {
  pid: number;
  /** Guest path, empty for a bare address space. */
  image: string;
  exitCode: number | null;
  faults: FaultReport;
  workingSet: WorkingSetReport;
  /** Bytes. */
  commit: { current: number; peak: number };
  types: TypeReport[];
}

export type FrameStateName = (typeof FRAME_STATE_NAMES)[number];

/** Bytes unless named pages; the top level is the machine's, exit code and types are the first program's. */
export interface Report {
  /** Unsigned 32-bit, null while the program runs. */
  exitCode: number | null;
  instructions: number;
  virtualTime100ns: number;
  faults: FaultReport;
  /** Sums over the processes; the peak is that of each one, summed. */
  workingSet: WorkingSetReport;
  commit: { current: number; peak: number; limit: number };
  /** Pages; their sum is the machine's RAM. */
  lists: Record<FrameStateName, number>;
  pageFile: { pagesRead: number; pagesWritten: number; pagesInUse: number; writeIOs: number };
  mappedFile: { pagesRead: number; pagesWritten: number };
  types: TypeReport[];
  tlb: { hits: number; misses: number; flushes: number };
  processes: ProcessReport[];
}

type Gauges = Pick<Report, 'commit' | 'lists'> & { readonly pagesInUse: number };
type ProcessGauges = Pick<ProcessReport, 'workingSet' | 'commit' | 'types'>;

/** How memory stood as processes ended: what a report shows of them afterwards. */
export interface ExitRecords {
  /** By process id. */
  readonly processes: Map<number, ProcessGauges>;
  /** The machine when the last process that there was ended. */
  machine: Gauges | null;
}

const PAGE_SIZE = 4096;

export function createExitRecords(): ExitRecords {
  return { processes: new Map(), machine: null };
}

/** Keeps how memory stands now, before an ending process loses its own. */
export function recordExit(kernel: Kernel, process: Process, records: ExitRecords): void {
  records.processes.set(process.id, processGauges(kernel, process));
  if (kernel.processes.size === 1) records.machine = machineGauges(kernel);
}

function machineGauges(kernel: Kernel): Gauges {
  const { commit, pfn } = kernel.mm;
  const lists = Object.fromEntries(FRAME_STATE_NAMES.map((name) => [name, 0])) as Record<
    FrameStateName,
    number
  >;
  for (const state of pfn.state) lists[FRAME_STATE_NAMES[state]!]++;
  return {
    commit: {
      current: commit.current * PAGE_SIZE,
      peak: commit.peak * PAGE_SIZE,
      limit: commit.limit * PAGE_SIZE,
    },
    lists,
    pagesInUse: kernel.mm.pageFiles.pagesInUse,
  };
}

function processGauges(kernel: Kernel, process: Process): ProcessGauges {
  const { space } = process;
  const types = summarizeTypes(kernel, process, describeAddressSpace(kernel, process));
  return {
    workingSet: { currentPages: space.workingSetPages, peakPages: space.peakWorkingSetPages },
    commit: { current: space.commitCharge * PAGE_SIZE, peak: space.peakCommitCharge * PAGE_SIZE },
    types: types.map(({ blocks: _, largest: __, ...figures }) => figures),
  };
}

function faultReport(counters: FaultCounters): FaultReport {
  return { ...counters };
}

/** Processes in the order in which they were made. */
function allProcesses(kernel: Kernel): Process[] {
  return [...kernel.exited, ...kernel.processes.values()].sort((left, right) => left.id - right.id);
}

function processReport(kernel: Kernel, process: Process, records: ExitRecords): ProcessReport {
  const { space } = process;
  return {
    pid: process.id,
    image: process.imagePath,
    exitCode: process.exitStatus,
    faults: faultReport(space.counters),
    ...(records.processes.get(process.id) ?? processGauges(kernel, process)),
  };
}

/** The report as it stands. With every process ended it shows memory as it was before the last one gave its own back. */
export function report(kernel: Kernel, records: ExitRecords = createExitRecords()): Report {
  const { mm, processor } = kernel;
  const { pageFiles } = mm;
  const processes = allProcesses(kernel).map((process) => processReport(kernel, process, records));
  const sum = (pages: (process: ProcessReport) => number) =>
    processes.reduce((total, process) => total + pages(process), 0);
  const last = processes.filter(({ pid }) => kernel.processes.has(pid));
  const counted = last.length > 0 ? last : processes.slice(-1);
  const gauges = (kernel.processes.size === 0 && records.machine) || machineGauges(kernel);
  return {
    exitCode: processes[0]?.exitCode ?? null,
    instructions: processor.instructions,
    virtualTime100ns: kernel.clock.now100ns,
    faults: faultReport(mm.counters),
    workingSet: {
      currentPages: counted.reduce((total, { workingSet }) => total + workingSet.currentPages, 0),
      peakPages: sum(({ workingSet }) => workingSet.peakPages),
    },
    commit: { ...gauges.commit, peak: mm.commit.peak * PAGE_SIZE },
    lists: gauges.lists,
    pageFile: {
      pagesRead: pageFiles.pagesRead,
      pagesWritten: pageFiles.pagesWritten,
      pagesInUse: gauges.pagesInUse,
      writeIOs: pageFiles.writeIOs,
    },
    mappedFile: { pagesRead: mm.sections.pagesRead, pagesWritten: mm.sections.pagesWritten },
    types: processes[0]?.types ?? [],
    tlb: { hits: processor.tlbHits, misses: processor.tlbMisses, flushes: processor.tlbFlushes },
    processes,
  };
}
