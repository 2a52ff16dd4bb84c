/** Every row of the conformance table through real calls of a program in the machine. */
import { afterAll, describe, expect, it } from 'vitest';
import { MemoryHost } from '../../src/host/memory-host.js';
import { Machine } from '../../src/machine.js';
import { exampleBytes } from '../../src/testing/examples.js';
import { countTable, readDocument } from './document.js';
import { compileRows } from './guest-script.js';
import { type Row, readRows, rowName } from './row-file.js';
import { observeAll } from './runner.js';
import { judge } from './verdict.js';

const MOST_INSTRUCTIONS = 400_000_000;

const rows = readRows();

/** The observations of rows in a machine whose account holds their privilege. */
function observe(some: readonly Row[], privilege: string | null): Map<Row, string[]> {
  const script = new TextEncoder().encode(compileRows(some));
  const seen = observeAll(some.length, (first) => runGuest(script, first, privilege));
  return new Map(some.map((row, index) => [row, seen.get(index) ?? []]));
}

/** What the program prints for the rows from `first` on, up to its end or its crash. */
function runGuest(script: Uint8Array, first: number, privilege: string | null): string {
  const host = new MemoryHost();
  const machine = new Machine({ host, ram: 64 * 2 ** 20, privileges: privilege === null ? [] : [privilege] });
  machine.mount('C:\\app', { 'conformance.exe': exampleBytes('bin/conformance.exe') });
  machine.mount('C:\\work', { 'rows.txt': script }, { writable: true });
  machine.createProcess({
    image: 'C:\\app\\conformance.exe',
    args: ['rows.txt', first.toString(16)],
    currentDirectory: 'C:\\work',
  });
  machine.run({ maxInstructions: MOST_INSTRUCTIONS });
  machine.verify();
  return new TextDecoder('latin1').decode(host.consoleBytes(1));
}

const observed = new Map(
  [...new Set(rows.map((row) => row.needs))].flatMap((privilege) => [
    ...observe(
      rows.filter((row) => row.needs === privilege),
      privilege,
    ),
  ]),
);

afterAll(() => {
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(row.family, (counts.get(row.family) ?? 0) + 1);
  const gaps = rows.filter((row) => row.gap !== null).length;
  const table = [...counts].map(([family, count]) => `${family} ${count}`).join(', ');
  console.log(`conformance: ${rows.length} rows, ${gaps} of them known gaps: ${table}`);
});

describe('the conformance table through guest calls', () => {
  for (const row of rows) {
    it(rowName(row), () => {
      const problem = judge(row, observed.get(row)!);
      if (row.gap === null && problem !== null) expect.fail(problem);
      if (row.gap !== null && problem === null) expect.fail(`passes now: ${row.gap}`);
    });
  }
});

it('docs/conformance.md has the counts', () => {
  expect(readDocument()).toContain(countTable(rows));
});
