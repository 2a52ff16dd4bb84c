/** `7za.exe a` on a fixed input, on the machine and under Wine, run after run in turn; both archives must be the same bytes. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { mulberry32 } from '../src/testing/seed.js';
import { now } from './guest.js';
import { hostFacts } from './host-facts.js';
import { median, printTable } from './table.js';
import { startWine, type Wine } from './wine.js';

const ROUNDS = 3;
const FILES = 16;
const WORDS = 100_000;
const VOCABULARY = 5000;
const COMMAND = ['a', '-mx1', '-mmt1', '-bd'];
const HERE = 'here.7z';
const THERE = 'wine.7z';
/** Most times Wine's time that it may take. */
const LIMIT = 40;

const root = join(import.meta.dirname, '../..');
const program = join(
  dirname(createRequire(import.meta.url).resolve('7zip-bin/package.json')),
  'win/x64/7za.exe',
);

/** Text of words from one vocabulary, the frequent ones first; returns its bytes. */
function writeInput(folder: string): number {
  const random = mulberry32(1);
  const below = (limit: number) => random() % limit;
  const letters = 'etaoinshrdlucmfwypvbgkjqxz';
  const letter = () => letters[Math.min(below(26), below(26))]!;
  const vocabulary = Array.from({ length: VOCABULARY }, () =>
    Array.from({ length: 2 + below(9) }, letter).join(''),
  );
  let bytes = 0;
  mkdirSync(join(folder, 'in'));
  for (let file = 0; file < FILES; file++) {
    const words = Array.from(
      { length: WORDS },
      () => vocabulary[Math.min(below(VOCABULARY), below(VOCABULARY))],
    );
    const text = words.join(' ');
    const path = join(folder, 'in', `${file}.txt`);
    writeFileSync(path, text);
    utimesSync(path, 1_600_000_000, 1_600_000_000);
    bytes += text.length;
  }
  utimesSync(join(folder, 'in'), 1_600_000_000, 1_600_000_000);
  return bytes;
}

function packHere(folder: string): number {
  rmSync(join(folder, HERE), { force: true });
  const start = now();
  const args = ['run', '--dir', '.', program, ...COMMAND, HERE, 'in'];
  execFileSync(process.execPath, [join(root, 'dist/cli/main.js'), ...args], { cwd: folder, stdio: 'ignore' });
  return now() - start;
}

async function packUnder(wine: Wine, folder: string): Promise<number> {
  rmSync(join(folder, THERE), { force: true });
  const marks = await wine.run(program, [...COMMAND, THERE, 'in'], folder);
  const [ours, theirs] = [HERE, THERE].map((name) => readFileSync(join(folder, name)));
  if (!ours!.equals(theirs!)) throw new Error('the two archives differ');
  return marks.at(-1)! - marks[0]!;
}

function peerCells(ours: number, peer: number): string[] {
  return [seconds(peer), `${(ours / peer).toFixed(1)}x`, `${LIMIT}x`];
}

const seconds = (nanoseconds: number) => `${(nanoseconds / 1e9).toFixed(2)} s`;

const folder = mkdtempSync(join(tmpdir(), 'ntmm-bench-'));
const wine = startWine();
try {
  const bytes = writeInput(folder);
  console.log(hostFacts());
  if (wine === null)
    console.log('Wine is not installed (Debian: apt-get install wine64): no peer in this run.');
  const here: number[] = [];
  const there: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    here.push(packHere(folder));
    if (wine !== null) there.push(await packUnder(wine, folder));
  }
  const ours = median(here);
  const peer = wine === null ? [] : peerCells(ours, median(there));
  printTable(
    `7za.exe on ${(bytes / 1e6).toFixed(1)} MB of text, from start to end${wine === null ? '' : `; ${wine.version}`}`,
    [
      ['', 'ntmm', 'Wine', 'times its time', 'at most'],
      ['a -mx1 -mmt1', seconds(ours), ...peer],
    ],
  );
} finally {
  wine?.close();
  rmSync(folder, { recursive: true, force: true });
}
