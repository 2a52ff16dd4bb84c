/** Instructions a second on three loops (bench/programs/loops.c) and on the sort example. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Machine } from '../src/machine.js';
import { now, runMarked } from './guest.js';
import { hostFacts } from './host-facts.js';
import { median, printTable, rate } from './table.js';

const ROUNDS = 3;
const NAMES = ['integer loop', 'memory loop with TLB misses', 'SSE2 loop'];
const root = join(import.meta.dirname, '../..');

/** Instructions a second of each loop. */
function loops(): number[] {
  const marks = runMarked('loops.exe', [], 64 * 2 ** 20).slice(1);
  return marks.slice(1).map((mark, index) => {
    const before = marks[index]!;
    return ((mark.instructions - before.instructions) * 1e9) / (mark.time - before.time);
  });
}

/** A deterministic text of about a megabyte, in no order. */
function sampleText(): string {
  let state = 12345;
  const next = () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state;
  };
  return Array.from(
    { length: 30_000 },
    () => `${next().toString(36)} ${next().toString(36)} ${next().toString(36)} text`,
  ).join('\r\n');
}

function sort(text: string): { perSecond: number; seconds: number; instructions: number } {
  const machine = new Machine();
  machine.mount('C:\\app', { 'sort.exe': readFileSync(join(root, 'examples/bin/sort.exe')) });
  machine.mount('C:\\work', { 'text.txt': text });
  const program = machine.createProcess({
    image: 'C:\\app\\sort.exe',
    args: ['text.txt'],
    currentDirectory: 'C:\\work',
  });
  const start = now();
  const { instructions } = machine.run();
  const seconds = (now() - start) / 1e9;
  if (program.exitStatus !== 0) throw new Error(`sort.exe ended with ${program.exitStatus}`);
  return { perSecond: instructions / seconds, seconds, instructions };
}

const measured = Array.from({ length: ROUNDS }, loops);
const text = sampleText();
const sorts = Array.from({ length: ROUNDS }, () => sort(text));
const sortRate = median(sorts.map(({ perSecond }) => perSecond));
console.log(hostFacts());
printTable('Guest instructions a second', [
  ['', 'instructions/s', 'of the target'],
  ...NAMES.map((name, index) => {
    const speed = median(measured.map((round) => round[index]!));
    return [name, rate(speed), index === 0 ? `${(speed / 100e6).toFixed(2)}x of 100 M` : ''];
  }),
  [
    `sort.exe, ${(text.length / 1e6).toFixed(2)} MB, ${(sorts[0]!.instructions / 1e6).toFixed(0)} M instructions`,
    rate(sortRate),
    '',
  ],
]);
