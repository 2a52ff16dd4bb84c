/** The memory services and heaps as a Windows program calls them, on the machine and under Wine, run after run in turn; second passes. */
import { join } from 'node:path';
import { programs, runMarked } from './guest.js';
import { hostFacts } from './host-facts.js';
import { median, printTable } from './table.js';
import { startWine } from './wine.js';

const PROGRAM = 'services.exe';
const SCALE = 50;
const ROUNDS = 3;
/** Hardly more than the first touches need: after the first pass every frame has been used. */
const RAM = 160 * 2 ** 20;

interface Job {
  readonly name: string;
  /** How often the program does it. */
  readonly count: number;
  /** How many times Wine's speed it should have; 0 for no bound. */
  readonly target: number;
}

/** In the program's order. */
const JOBS: readonly Job[] = [
  { name: 'reserve + commit + touch + free', count: 1000 * SCALE, target: 2 },
  { name: 'protect pair', count: 1000 * SCALE, target: 2 },
  { name: 'query', count: 1000 * SCALE, target: 0 },
  { name: 'map + touch + unmap of 1 MB', count: 20 * SCALE, target: 2 },
  { name: 'first touch of a page, 128 MB', count: (128 * 2 ** 20) / 4096, target: 2 },
  { name: 'heap pair', count: 10_000 * SCALE, target: 0 },
];

/** Nanoseconds of one, for each job of the second pass, from the moments of the program's marks. */
function perJob(marks: readonly number[]): number[] {
  const first = 1 + JOBS.length;
  return JOBS.map(({ count }, job) => (marks[first + job + 1]! - marks[first + job]!) / count);
}

const time = (nanoseconds: number) =>
  nanoseconds < 10_000 ? `${nanoseconds.toFixed(0)} ns` : `${(nanoseconds / 1000).toFixed(1)} us`;

console.log(hostFacts());
const wine = startWine();
if (wine === null)
  console.log('Wine is not installed (Debian: apt-get install wine64): no peer in this run.');
try {
  const here: number[][] = [];
  const there: number[][] = [];
  for (let round = 0; round < ROUNDS; round++) {
    here.push(perJob(runMarked(PROGRAM, [String(SCALE)], RAM).map((mark) => mark.time)));
    if (wine !== null) there.push(perJob(await wine.run(join(programs, PROGRAM), [String(SCALE)], programs)));
  }
  const middle = (runs: number[][], job: number) => median(runs.map((run) => run[job]!));
  printTable(`Memory services, called by a Windows program${wine === null ? '' : `; ${wine.version}`}`, [
    ['', 'ntmm', 'Wine', 'speed / Wine', 'target'],
    ...JOBS.map(({ name, target }, job) => {
      const ours = middle(here, job);
      const bound = target === 0 ? '' : `${target}x`;
      if (wine === null) return [name, time(ours), '', '', bound];
      const peer = middle(there, job);
      return [name, time(ours), time(peer), `${(peer / ours).toFixed(2)}x`, bound];
    }),
  ]);
} finally {
  wine?.close();
}
