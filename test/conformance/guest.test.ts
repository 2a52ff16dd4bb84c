/** Every row of the conformance table through real calls of a program in the machine. */
import { afterAll, describe, expect, it } from 'vitest';
import { countTable, readDocument } from './document.js';
import { observeInMachine } from './guest-machine.js';
import { readRows, rowName } from './row-file.js';
import { judge } from './verdict.js';

const RAM = 64 * 2 ** 20;

const rows = readRows();

const observed = new Map(
  [...new Set(rows.map((row) => row.needs))].flatMap((privilege) => [
    ...observeInMachine(
      rows.filter((row) => row.needs === privilege),
      { ram: RAM, privileges: privilege === null ? [] : [privilege] },
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
      if (row.gap === null && problem !== null) expect.fail(`${problem}\n    by ${row.source}`);
      if (row.gap !== null && problem === null) expect.fail(`passes now: ${row.gap}`);
    });
  }
});

it('docs/conformance.md has the counts', () => {
  expect(readDocument()).toContain(countTable(rows));
});
