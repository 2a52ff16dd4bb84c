/** Reserve, commit, touch and release of a region through the library, beside mmap, touch and munmap on the host's kernel. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Machine } from '../src/machine.js';
import { now } from './guest.js';
import { hostFacts } from './host-facts.js';
import { median, printTable, rate } from './table.js';

const PAIRS = 20_000;
const ROUNDS = 5;
const REGION = 64 * 1024;

/** Cycles a second: 64 KB reserved and committed, its first page written, all released. */
function cycles(): number {
  const machine = new Machine();
  const space = machine.createProcess({ empty: true });
  const bytes = new Uint8Array([1]);
  const start = now();
  for (let pair = 0; pair < PAIRS; pair++) {
    const address = space.allocate(REGION);
    space.write(address, bytes);
    space.free(address);
  }
  return (PAIRS * 1e9) / (now() - start);
}

function kernelCycles(program: string): number {
  const nanoseconds = execFileSync(program, [String(REGION), String(PAIRS)], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .reduce((sum, line) => sum + Number(line.split(' ')[1]), 0);
  return (PAIRS * 1e9) / nanoseconds;
}

const folder = mkdtempSync(join(tmpdir(), 'ntmm-bench-'));
try {
  const peer = join(folder, 'region-cycle');
  execFileSync('gcc', [
    '-O2',
    '-DFIRST_PAGE_ONLY',
    '-o',
    peer,
    join(import.meta.dirname, '../../bench/first-touch.c'),
  ]);
  const ours = median(Array.from({ length: ROUNDS }, cycles));
  const kernel = median(Array.from({ length: ROUNDS }, () => kernelCycles(peer)));
  console.log(hostFacts());
  printTable('Reserve + commit + touch one page + release, 64 KB regions, from TypeScript', [
    ['', 'ntmm', 'host kernel', 'ntmm / kernel'],
    ['cycles/s', rate(ours), rate(kernel), `${(ours / kernel).toFixed(2)}x`],
  ]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
