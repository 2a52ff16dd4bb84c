/**
 * `sweep` comes to the same result however much RAM there is, alone and four at once, by every policy, on every disk: all runs with
 * NTMM_MATRIX=1, else some of those in which memory is short.
 */
import { describe, expect, it } from 'vitest';
import type { MachineOptions } from '../src/machine.js';
import { exampleBytes, makeExampleMachine } from '../src/testing/examples.js';

const MIB = 2 ** 20;
const all = process.env['NTMM_MATRIX'] === '1';

interface Run {
  readonly megabytes: number;
  readonly processes: number;
  readonly options: Omit<MachineOptions, 'host'>;
}

function linesOf(text: Uint8Array): string[] {
  return new TextDecoder('latin1').decode(text).trimEnd().split(/\r?\n/);
}

/** `sweep` in so many processes of one machine; its lines in sorted order, and the report. */
function sweep({ megabytes, processes, options }: Run, args: readonly string[] = []) {
  const { machine, host } = makeExampleMachine('sweep.exe', [String(megabytes), ...args], {
    pageFiles: [{ initial: 64 * MIB, maximum: 512 * MIB }],
    ...options,
  });
  for (let other = 1; other < processes; other++)
    machine.createProcess({ image: 'C:\\app\\sweep.exe', args: [String(megabytes), ...args] });
  return { machine, lines: () => linesOf(host.consoleBytes(1)).sort() };
}

/** What so many processes print, sorted. */
function expectedLines(file: string, processes: number): string[] {
  const lines = linesOf(exampleBytes(`sweep/${file}`));
  return Array.from({ length: processes }, () => lines)
    .flat()
    .sort();
}

/** Runs that are made without NTMM_MATRIX too: on the smallest machine each policy and each disk, alone and four at once. */
const isChosen = ({ ram, processes, policy, disk }: (typeof matrix)[number]) =>
  ram === 16 && (processes === 1 || (policy === 'aging') === (disk === 'ssd'));

const matrix = [256, 64, 16].flatMap((ram) =>
  [1, 4].flatMap((processes) =>
    (['aging', 'fifo'] as const).flatMap((policy) =>
      (['ssd', 'hdd'] as const).map((disk) => ({ ram, processes, policy, disk })),
    ),
  ),
);

describe('sweep 48', () => {
  const chosen = matrix.filter((run) => all || isChosen(run));

  it.each(chosen)(
    'RAM $ram MB, $processes at once, $policy, $disk',
    { timeout: 300_000 },
    ({ ram, processes, policy, disk }) => {
      const run: Run = { megabytes: 48, processes, options: { ram: ram * MIB, policy, disk } };
      const { machine, lines } = sweep(run);
      expect(machine.run().state).toBe('exited');
      expect(lines()).toEqual(expectedLines('expected.txt', processes));
      expect(machine.processes.map(({ exitStatus }) => exitStatus)).toEqual(Array(processes).fill(0));
      machine.verify();
      const { pageFile } = machine.report();
      expect(pageFile.pagesRead > 0, 'reads').toBe(ram < 52 * processes);
      expect(pageFile.pagesInUse, 'blocks of ended processes').toBeLessThan(64);
    },
  );
});

/** The invariants hold at every look, several of which fall into each quantum. */
describe.each([
  { ram: 16, args: ['100'], what: 'at most 100 pages in the working set' },
  { ram: 8, args: [], what: 'half of what there is of RAM' },
])('sweep 4 with $ram MB: $what', ({ ram, args }) => {
  it.each(['aging', 'fifo'] as const)('keeps every invariant (%s)', (policy) => {
    const run: Run = { megabytes: 4, processes: 1, options: { ram: ram * MIB, policy } };
    const { machine, lines } = sweep(run, args);
    const step = 100_000;
    for (let limit = step; machine.run({ maxInstructions: limit }).state === 'limit'; limit += step)
      machine.verify();
    expect(lines()).toEqual(expectedLines('expected-4.txt', 1));
    machine.verify();
  });
});
