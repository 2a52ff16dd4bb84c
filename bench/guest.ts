/** Runs the programs in bench/programs and takes the host's time at each line that they print. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostStream } from '../src/host/host.js';
import { MemoryHost } from '../src/host/memory-host.js';
import { Machine } from '../src/machine.js';

/** A moment at which the program had printed a line. */
export interface Mark {
  /** Host time in nanoseconds. */
  readonly time: number;
  /** Instructions retired until then. */
  readonly instructions: number;
}

/** A memory host that notes the time of each write to the console. */
class MarkingHost extends MemoryHost {
  readonly marks: Mark[] = [];
  instructions: () => number = () => 0;

  override writeConsole(stream: HostStream, bytes: Uint8Array): void {
    this.marks.push({ time: now(), instructions: this.instructions() });
    super.writeConsole(stream, bytes);
  }
}

export const now = () => Number(process.hrtime.bigint());

/** Folder of the guest programs; the compiled benchmarks lie two folders below the root. */
const programs = join(import.meta.dirname, '../../bench/programs');

/** Runs a program to its end; the marks begin with the start of the run. */
export function runMarked(program: string, args: readonly string[], ram: number): Mark[] {
  const host = new MarkingHost();
  const machine = new Machine({ ram, host, pageFiles: [{ initial: ram, maximum: ram }] });
  host.instructions = () => machine.kernel.processor.instructions;
  machine.mount('C:\\app', { [program]: readFileSync(join(programs, program)) });
  const guest = machine.createProcess({ image: `C:\\app\\${program}`, args });
  const start = { time: now(), instructions: 0 };
  machine.run();
  if (guest.exitStatus !== 0) {
    throw new Error(`${program} ended with ${guest.exitStatus}: ${guest.object.exitMessage ?? ''}`);
  }
  return [start, ...host.marks];
}
