/**
 * What it costs to watch: first touches of fresh pages and paging, with nobody listening, with a listener that does
 * nothing, and with the complete event log written as the command line writes it (--events, to the null device).
 */

import { closeSync, openSync, writeSync } from 'node:fs';
import { devNull } from 'node:os';
import { eventFormatOf } from '../src/inspect/events-format.js';
import type { Machine } from '../src/machine.js';
import { type Mark, runMarked } from './guest.js';
import { hostFacts } from './host-facts.js';
import { median, printTable } from './table.js';

const MIB = 2 ** 20;
const ROUNDS = 5;
const GATHERED = 1 << 18;

interface Workload {
  readonly name: string;
  readonly pages: number;
  readonly run: (prepare?: (machine: Machine) => void) => Mark[];
}

const workloads: Workload[] = [
  {
    name: 'first touch, 64 MB',
    pages: 64 * 256,
    run: (prepare) => runMarked('touch.exe', [String(64 * MIB), '5'], 80 * MIB, prepare && { prepare }),
  },
  {
    name: 'paging, 64 MB in 16 MB',
    pages: 64 * 256,
    run: (prepare) =>
      runMarked('pages.exe', [String(64 * MIB), '4'], 16 * MIB, {
        pageFile: 128 * MIB,
        ...(prepare && { prepare }),
      }),
  },
];

const listeners: { name: string; prepare?: (machine: Machine) => void }[] = [
  { name: 'nobody listens' },
  { name: 'idle listener', prepare: (machine) => machine.on(() => {}) },
  { name: 'full event log', prepare: followLog },
];

let events = 0;

const file = openSync(devNull, 'w');

/** Formats every event as a line and writes the lines to the null device, in pieces. */
function followLog(machine: Machine): void {
  const writer = eventFormatOf('events.jsonl')!();
  let text = writer.begin(machine.kernel.mm.pfn);
  machine.on((event) => {
    events++;
    text += writer.event(event);
    if (text.length < GATHERED) return;
    writeSync(file, text);
    text = '';
  });
}

/** Nanoseconds of CPU time a page in each pass but the first. */
function costs({ run, pages }: Workload, prepare?: (machine: Machine) => void): number[] {
  const marks = run(prepare);
  return marks.slice(2).map((mark, index) => (mark.cpu - marks[index + 1]!.cpu) / pages);
}

console.log(hostFacts());
for (const workload of workloads) {
  const measured = listeners.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++)
    for (const [index, { prepare }] of listeners.entries())
      measured[index]!.push(...costs(workload, prepare));
  const [alone] = measured.map(median);
  printTable(`${workload.name}: CPU time a page, by who listens`, [
    ['', 'a page', 'of the time alone'],
    ...listeners.map(({ name }, index) => {
      const cost = median(measured[index]!);
      return [name, `${cost.toFixed(0)} ns`, `${(cost / alone!).toFixed(2)}x`];
    }),
  ]);
}
console.log(`\n${events} events were written.`);
closeSync(file);
