/** Runs the programs in bench/programs and takes the host's time at each line that they print. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryHost } from '../src/host/memory-host.js';
import { NodeHost } from '../src/host/node-host.js';
import { Machine } from '../src/machine.js';

/** A moment at which the program had printed a line. */
export interface Mark {
  /** Host time in nanoseconds. */
  readonly time: number;
  /** Host CPU time of this process in nanoseconds. */
  readonly cpu: number;
  /** Instructions retired until then. */
  readonly instructions: number;
  /** Pages read from and written to paging files until then. */
  readonly pagesRead: number;
  readonly pagesWritten: number;
}

/** A memory host that tells of each write to the console. */
class TellingHost extends MemoryHost {
  constructor(private readonly tell: () => void) {
    super();
  }

  override writeConsole(): void {
    this.tell();
  }
}

export const now = () => Number(process.hrtime.bigint());

/** Folder of the guest programs; the compiled benchmarks lie two folders below the root. */
export const programs = join(import.meta.dirname, '../../bench/programs');

export interface GuestOptions {
  /** Sees the machine before the run. */
  readonly prepare?: (machine: Machine) => void;
  /** Bytes of the paging file; as much as RAM when left out. */
  readonly pageFile?: number;
  /** Folder of the host for the paging file; it is in memory when left out. */
  readonly pageFileFolder?: string;
}

/** Runs a program to its end; the marks begin with the start of the run. */
export function runMarked(
  program: string,
  args: readonly string[],
  ram: number,
  options: GuestOptions = {},
): Mark[] {
  const marks: Mark[] = [];
  const mark = () => marks.push(markOf(machine));
  const { pageFileFolder, pageFile = ram } = options;
  const host = pageFileFolder === undefined ? new TellingHost(mark) : new NodeHost({ writeConsole: mark });
  const machine = new Machine({
    ram,
    host,
    pageFiles: [{ initial: pageFile, maximum: pageFile }],
    ...(host instanceof NodeHost && { pageFileRoot: host.addRoot(pageFileFolder!) }),
  });
  machine.mount('C:\\app', { [program]: readFileSync(join(programs, program)) });
  const guest = machine.createProcess({ image: `C:\\app\\${program}`, args });
  options.prepare?.(machine);
  mark();
  machine.run();
  if (guest.exitStatus !== 0) {
    throw new Error(`${program} ended with ${guest.exitStatus}: ${guest.object.exitMessage ?? ''}`);
  }
  machine.close();
  return marks;
}

function markOf(machine: Machine): Mark {
  const { mm, processor } = machine.kernel;
  const { pagesRead, pagesWritten } = mm.pageFiles;
  const { user, system } = process.cpuUsage();
  const cpu = (user + system) * 1000;
  return { time: now(), cpu, instructions: processor.instructions, pagesRead, pagesWritten };
}

/** What has passed between two marks. */
export interface Span {
  readonly nanoseconds: number;
  readonly cpuNanoseconds: number;
  readonly pagesRead: number;
  readonly pagesWritten: number;
}

export function spanOf(from: Mark, to: Mark): Span {
  return {
    nanoseconds: to.time - from.time,
    cpuNanoseconds: to.cpu - from.cpu,
    pagesRead: to.pagesRead - from.pagesRead,
    pagesWritten: to.pagesWritten - from.pagesWritten,
  };
}
