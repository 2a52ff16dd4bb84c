/**
 * Whether a fault costs the same however large the machine and however many ranges the process has: first touches and soft
 * faults in RAM of 16 MB to 2 GB, and first touches among 10 to 100,000 VADs.
 * All of RAM was touched before, so that the host backs it. The target: flat within 1.5x.
 */
import { type Mark, runMarked } from './guest.js';
import { hostFacts } from './host-facts.js';
import { median, printTable } from './table.js';

const MIB = 2 ** 20;
const RANGES_RAM = 128 * MIB;
const RAM_SIZES = [16, 64, 256, 1024, 2048];
const RANGE_COUNTS = [10, 100, 1000, 10_000, 100_000];
const BYTES = 4 * MIB;
const PAGES = BYTES / 4096;
const SWEEPS = 40;
/** What is not touched before the measurement: room for the program and the system. */
const RESERVED = 4 * MIB;
const ROUNDS = 5;
/** What bench/programs/ranges.c touches between two marks. */
const RANGE_PAGES = 5 * 256;

function firstTouches(ram: number): number[] {
  const args = [BYTES, SWEEPS, ram - RESERVED].map(String);
  const marks = runMarked('touch.exe', args, ram);
  return marks.slice(2).map((mark, index) => (mark.cpu - marks[index + 1]!.cpu) / PAGES);
}

/** Every second span, from a mark to the next one, from mark number `first` on, a page. */
function alternate(marks: readonly Mark[], first: number, pages: number): number[] {
  const costs: number[] = [];
  for (let at = first; at + 1 < marks.length; at += 2)
    costs.push((marks[at + 1]!.cpu - marks[at]!.cpu) / pages);
  return costs;
}

const softFaults = (ram: number) =>
  alternate(runMarked('soft.exe', [BYTES, SWEEPS].map(String), ram), 5, PAGES);

function amongRanges(count: number): number[] {
  const args = [count, SWEEPS, RANGES_RAM - RESERVED].map(String);
  return alternate(runMarked('ranges.exe', args, RANGES_RAM), 5, RANGE_PAGES);
}

/** A row for each size: the median, and how it compares with the first row. */
function table(
  title: string,
  head: string,
  rows: readonly { name: string; costs: number[][] }[],
  names: string[],
) {
  const medians = rows.map(({ costs }) => costs.map(median));
  printTable(title, [
    [head, ...names.flatMap((name) => [name, 'of the first'])],
    ...rows.map(({ name }, row) => [
      name,
      ...medians[row]!.flatMap((cost, column) => [
        `${cost.toFixed(0)} ns`,
        `${(cost / medians[0]![column]!).toFixed(2)}x`,
      ]),
    ]),
  ]);
}

const byRam = RAM_SIZES.map((size) => ({ name: `${size} MB`, costs: [[], []] as number[][] }));
const byRanges = RANGE_COUNTS.map((count) => ({
  name: count.toLocaleString('en-US'),
  costs: [[]] as number[][],
}));
for (let round = 0; round < ROUNDS; round++) {
  for (const [index, size] of RAM_SIZES.entries()) {
    byRam[index]!.costs[0]!.push(...firstTouches(size * MIB));
    byRam[index]!.costs[1]!.push(...softFaults(size * MIB));
  }
  for (const [index, count] of RANGE_COUNTS.entries()) byRanges[index]!.costs[0]!.push(...amongRanges(count));
}
console.log(hostFacts());
table('CPU time of a fault, by RAM', 'RAM', byRam, ['first touch', 'soft fault']);
table('CPU time of a fault, by VADs', 'VADs', byRanges, ['first touch']);
