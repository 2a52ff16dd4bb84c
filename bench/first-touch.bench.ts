/**
 * First touches: how long a fresh 4 KB page takes from the guest's store to the restarted instruction, beside the host's
 * own kernel doing the same for a C program (bench/first-touch.c), in one run, sweep after sweep in turn.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runMarked } from './guest.js';
import { hostFacts } from './host-facts.js';
import { median, printTable, rate } from './table.js';

const SWEEP = 256 * 2 ** 20;
const PAGES = SWEEP / 4096;
/** Hardly more than a sweep: after the first one every frame has been used. */
const RAM = SWEEP + 16 * 2 ** 20;
const SWEEPS = 6;
const ROUNDS = 3;

/** Nanoseconds a page, for each sweep. */
function guestSweeps(): number[] {
  const marks = runMarked('touch.exe', [String(SWEEP), String(SWEEPS)], RAM);
  return marks.slice(1).map((mark, index) => (mark.time - marks[index]!.time) / PAGES);
}

function kernelSweeps(program: string): number[] {
  const output = execFileSync(program, [String(SWEEP), String(SWEEPS)], { encoding: 'utf8' });
  return output
    .trim()
    .split('\n')
    .map((line) => Number(line.split(' ')[1]) / PAGES);
}

const folder = mkdtempSync(join(tmpdir(), 'ntmm-bench-'));
try {
  const peer = join(folder, 'first-touch');
  execFileSync('gcc', ['-O2', '-o', peer, join(import.meta.dirname, '../../bench/first-touch.c')]);
  const ours: number[][] = [];
  const kernel: number[][] = [];
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(guestSweeps());
    kernel.push(kernelSweeps(peer));
  }
  const first = (sweeps: number[][]) => median(sweeps.map((all) => all[0]!));
  const steady = (sweeps: number[][]) => median(sweeps.flatMap((all) => all.slice(1)));
  const row = (name: string, here: number, there: number) => [
    name,
    `${here.toFixed(0)} ns`,
    `${there.toFixed(0)} ns`,
    rate(1e9 / here),
    rate(1e9 / there),
    `${(there / here).toFixed(2)}x`,
  ];
  console.log(hostFacts());
  printTable('First touch of a fresh 4 KB page (256 MB a sweep, mapping and freeing included)', [
    ['', 'ntmm', 'host kernel', 'ntmm pages/s', 'kernel pages/s', 'ntmm / kernel'],
    row('steady state', steady(ours), steady(kernel)),
    row('first sweep', first(ours), first(kernel)),
  ]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
