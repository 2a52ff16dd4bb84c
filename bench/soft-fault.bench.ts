/**
 * Soft faults: how long a load from a page takes that is on the standby list (bench/programs/soft.c empties its working set and
 * reads everything again), beside the host's own kernel mapping pages that it has in memory (bench/soft-fault.c).
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runMarked } from './guest.js';
import { hostFacts } from './host-facts.js';
import { median, printTable, rate } from './table.js';

const BYTES = 64 * 2 ** 20;
const PAGES = BYTES / 4096;
const RAM = 128 * 2 ** 20;
const SWEEPS = 8;
const ROUNDS = 5;

/** Nanoseconds of CPU time a page; without the first sweeps, before which the page writer makes the pages clean. */
function guestFaults(): number[] {
  const marks = runMarked('soft.exe', [String(BYTES), String(SWEEPS + 2)], RAM).slice(1);
  const costs: number[] = [];
  for (let at = 4; at + 1 < marks.length; at += 2) costs.push((marks[at + 1]!.cpu - marks[at]!.cpu) / PAGES);
  return costs;
}

/** Nanoseconds of CPU time a page, and faults a page. */
function kernelPages(program: string): { cost: number; faults: number }[] {
  const output = execFileSync(program, [String(BYTES), String(SWEEPS)], { encoding: 'utf8' });
  return output
    .trim()
    .split('\n')
    .map((line) => {
      const [faults, nanoseconds] = line.split(' ').map(Number);
      return { cost: nanoseconds! / PAGES, faults: faults! / PAGES };
    });
}

const folder = mkdtempSync(join(tmpdir(), 'ntmm-bench-'));
try {
  const build = (name: string, ...flags: string[]) => {
    const program = join(folder, name);
    const source = join(import.meta.dirname, '../../bench/soft-fault.c');
    execFileSync('gcc', ['-O2', ...flags, '-o', program, source]);
    return program;
  };
  const oneByOne = build('one-by-one', '-DONE_BY_ONE');
  const neighbours = build('neighbours');
  const ours: number[] = [];
  const single: ReturnType<typeof kernelPages> = [];
  const around: typeof single = [];
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(...guestFaults());
    single.push(...kernelPages(oneByOne));
    around.push(...kernelPages(neighbours));
  }
  const here = median(ours);
  const row = (name: string, faults: number, cost: number) => [
    name,
    faults.toFixed(2),
    `${cost.toFixed(0)} ns`,
    rate(1e9 / cost),
    `${(cost / here).toFixed(2)}x`,
  ];
  const kernelRow = (name: string, pages: typeof single) =>
    row(name, median(pages.map(({ faults }) => faults)), median(pages.map(({ cost }) => cost)));
  console.log(hostFacts());
  printTable(`Soft faults: ${BYTES >> 20} MB touched again, every page still in memory (CPU time)`, [
    ['', 'faults a page', 'a page', 'pages/s', 'ntmm / this'],
    row('ntmm', 1, here),
    kernelRow('host kernel, page by page', single),
    kernelRow('host kernel, with neighbours', around),
  ]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
