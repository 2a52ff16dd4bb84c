/** The same rows under Wine, where scripts/wine-conformance.sh names it; writes docs/conformance.md. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { examplePath } from '../../src/testing/examples.js';
import { type Disagreement, writeDocument } from './document.js';
import { compileRows } from './guest-script.js';
import { readRows, rowName } from './row-file.js';
import { observeAll } from './runner.js';
import { judge } from './verdict.js';

const wine = process.env['NTMM_WINE'];
const MOST_MILLISECONDS = 120_000;

it.skipIf(wine === undefined)(
  'every disagreement with Wine has a reason',
  () => {
    const rows = readRows();
    const folder = mkdtempSync(join(tmpdir(), 'ntmm-conformance-'));
    writeFileSync(join(folder, 'rows.txt'), compileRows(rows));
    const observed = observeAll(rows.length, (first) => {
      const args = [examplePath('bin/conformance.exe'), 'rows.txt', first.toString(16)];
      const run = spawnSync(wine!, args, { cwd: folder, timeout: MOST_MILLISECONDS, maxBuffer: 2 ** 26 });
      return run.stdout.toString('latin1');
    });
    rmSync(folder, { recursive: true, force: true });
    const disagreements = rows.flatMap((row, index): Disagreement[] => {
      const problem = judge(row, observed.get(index) ?? []);
      return problem === null ? [] : [{ row, problem }];
    });
    const version = spawnSync(wine!, ['--version']).stdout.toString().trim();
    writeDocument(rows, disagreements, version);
    const unexplained = disagreements.filter(({ row }) => row.wine === null);
    const stale = rows.filter((row) => row.wine !== null && !disagreements.some((one) => one.row === row));
    for (const { row, problem } of unexplained) console.log(`${rowName(row)}\n  ${problem}`);
    expect(unexplained.map(({ row }) => rowName(row))).toEqual([]);
    const [families, titles] = [new Set(disagreements.map(({ row }) => row.wine)), stale];
    expect(titles.filter((row) => !families.has(row.wine)).map(rowName), 'agree with Wine').toEqual([]);
  },
  600_000,
);
