/** Rows carried out by the guest program in a machine of this project. */
import { MemoryHost } from '../../src/host/memory-host.js';
import { Machine, type MachineOptions } from '../../src/machine.js';
import { exampleBytes } from '../../src/testing/examples.js';
import { compileRows } from './guest-script.js';
import type { Row } from './row-file.js';
import { observeAll } from './runner.js';

const MOST_INSTRUCTIONS = 400_000_000;

/** What the program saw in each row; `prepare` gets every machine before it runs. verify() passes at the end. */
export function observeInMachine(
  rows: readonly Row[],
  options: Omit<MachineOptions, 'host'>,
  prepare: (machine: Machine) => void = () => {},
): Map<Row, string[]> {
  const script = new TextEncoder().encode(compileRows(rows));
  const seen = observeAll(rows.length, (first) => {
    const host = new MemoryHost();
    const machine = new Machine({ ...options, host });
    machine.mount('C:\\app', { 'conformance.exe': exampleBytes('bin/conformance.exe') });
    machine.mount('C:\\work', { 'rows.txt': script }, { writable: true });
    machine.createProcess({
      image: 'C:\\app\\conformance.exe',
      args: ['rows.txt', first.toString(16)],
      currentDirectory: 'C:\\work',
    });
    prepare(machine);
    machine.run({ maxInstructions: MOST_INSTRUCTIONS });
    machine.verify();
    return new TextDecoder('latin1').decode(host.consoleBytes(1));
  });
  return new Map(rows.map((row, index) => [row, seen.get(index) ?? []]));
}
