import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Machine } from '../src/machine.js';

const examples = join(import.meta.dirname, '../examples');

/** Report of sorting the sample lines, the machine run in slices of about so much work. */
function reportWithSlices(sliceInstructions: number) {
  const machine = new Machine();
  machine.mount('C:\\app', { 'sort.exe': readFileSync(join(examples, 'bin/sort.exe')) });
  const lines = readFileSync(join(examples, 'sort/lines.txt'), 'latin1').repeat(40);
  machine.mount('C:\\work', { 'lines.txt': lines });
  machine.createProcess({
    image: 'C:\\app\\sort.exe',
    args: ['lines.txt'],
    currentDirectory: 'C:\\work',
  });
  let slices = 0;
  for (; machine.run({ sliceInstructions }).state === 'running'; slices++);
  return { slices, report: machine.report() };
}

it('shows nowhere how a run is cut into slices', () => {
  const whole = reportWithSlices(Number.POSITIVE_INFINITY);
  const cut = reportWithSlices(1000);
  expect(whole.slices).toBe(0);
  expect(cut.slices).toBeGreaterThan(100);
  expect(cut.report).toEqual(whole.report);
  expect(whole.report.instructions).toBeGreaterThan(500_000);
});
