/**
 * Paging: a program (bench/programs/pages.c) that stores into each page of four times RAM, pass after pass, so that every
 * page comes in from the paging file and another one goes out to it. What is measured is the work of the host: the time
 * that the simulated disk takes is virtual and not in it. The paging file is in memory, then a file of the host.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runMarked, type Span, spanOf } from './guest.js';
import { hostFacts } from './host-facts.js';
import { median, printTable, rate } from './table.js';

const RAM = 16 * 2 ** 20;
const BYTES = 4 * RAM;
const PASSES = 6;
const ROUNDS = 5;
const TARGET_US = 10;

/** Every pass but the first, which reads nothing. */
function passes(pageFileFolder?: string): Span[] {
  const marks = runMarked('pages.exe', [String(BYTES), String(PASSES)], RAM, {
    pageFile: 2 * BYTES,
    ...(pageFileFolder !== undefined && { pageFileFolder }),
  });
  return marks.slice(2).map((mark, index) => spanOf(marks[index + 1]!, mark));
}

function row(name: string, spans: readonly Span[]): string[] {
  const perSecond = (pages: (span: Span) => number) =>
    rate(median(spans.map((span) => (pages(span) * 1e9) / span.nanoseconds)));
  const cost = median(spans.map((span) => span.cpuNanoseconds / (span.pagesRead + span.pagesWritten) / 1000));
  return [
    name,
    perSecond((span) => span.pagesRead),
    perSecond((span) => span.pagesWritten),
    `${cost.toFixed(2)} us`,
    `${(TARGET_US / cost).toFixed(1)}x`,
  ];
}

const inMemory: Span[] = [];
const inFile: Span[] = [];
const folder = mkdtempSync(join(tmpdir(), 'ntmm-bench-'));
try {
  for (let round = 0; round < ROUNDS; round++) {
    inMemory.push(...passes());
    inFile.push(...passes(folder));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(hostFacts());
printTable(`Paging: stores into each page of ${BYTES >> 20} MB, RAM ${RAM >> 20} MB`, [
  ['paging file', 'pages in/s', 'pages out/s', 'CPU a page moved', `target ${TARGET_US} us / measured`],
  row('in memory', inMemory),
  row('file of the host', inFile),
]);
