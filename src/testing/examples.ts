/** The example programs of examples/ and the runs that runs.txt lists, for tests. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MemoryHost } from '../host/memory-host.js';
import { Machine, type MachineOptions } from '../machine.js';
import type { MachineProcess } from '../machine-process.js';

const folder = fileURLToPath(new URL('../../examples/', import.meta.url));

export interface ExampleRun {
  /** File below examples/ that standard output must equal. */
  readonly expected: string;
  /** Unsigned 32-bit. */
  readonly exitCode: number;
  /** The file it makes, and the one below examples/ that must be equal. */
  readonly made: { readonly name: string; readonly expected: string } | null;
  readonly program: string;
  readonly args: readonly string[];
}

/** Absolute path of a file below examples/. */
export function examplePath(name: string): string {
  return join(folder, name);
}

export function exampleBytes(name: string): Uint8Array {
  return new Uint8Array(readFileSync(examplePath(name)));
}

export function exampleRuns(): ExampleRun[] {
  const lines = readFileSync(examplePath('runs.txt'), 'utf8').split(/\r?\n/);
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [expected = '', exitCode, made = '-', program = '', ...args] = line.split(/\s+/);
      const [name = '', file = ''] = made.split('=');
      return {
        expected,
        exitCode: Number(exitCode),
        made: made === '-' ? null : { name, expected: file },
        program,
        args,
      };
    });
}

/** The input files that runs find in their current directory. */
export function exampleInputs(): Record<string, Uint8Array> {
  return { 'lines.txt': exampleBytes('sort/lines.txt'), 'ascii.txt': exampleBytes('widen/ascii.txt') };
}

export interface ExampleMachine {
  readonly machine: Machine;
  readonly process: MachineProcess;
  readonly host: MemoryHost;
}

/** A machine in memory with every example in C:\app, inputs in C:\work, and a process of one of them. */
export function makeExampleMachine(
  program: string,
  args: readonly string[] = [],
  options: Omit<MachineOptions, 'host'> = {},
): ExampleMachine {
  const host = new MemoryHost();
  const machine = new Machine({ ...options, host });
  const names = readdirSync(examplePath('bin')).filter((name) => name.endsWith('.exe'));
  machine.mount('C:\\app', Object.fromEntries(names.map((name) => [name, exampleBytes(`bin/${name}`)])));
  machine.mount('C:\\work', exampleInputs(), { writable: true });
  const process = machine.createProcess({ image: `C:\\app\\${program}`, args, currentDirectory: 'C:\\work' });
  return { machine, process, host };
}
