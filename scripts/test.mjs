// Sets up, checks format, lint and types, and runs the tests. Arguments go to vitest: npm test -- src/mm
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setUp } from './setup.mjs';
import { cache, fail, root, tool } from './tools.mjs';

const results = join(cache, 'test-results.json');
const verifyTotals = join(cache, 'verify-totals.jsonl');
rmSync(results, { force: true });
rmSync(verifyTotals, { force: true });
setUp();
if (tool('biome', ['check', '--error-on-warnings']) !== 0) fail('test: npm run format mends what it can.');
if (tool('tsc', ['-p', join(root, 'tsconfig.json')]) !== 0) fail('test: the type check failed.');
process.env.NTMM_VERIFY_TOTALS = verifyTotals;
process.exitCode = tool('vitest', [
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${results}`,
  ...process.argv.slice(2),
]);
printVerifyTotals();

/** What verify() proved in all test files together; each has added a line. */
function printVerifyTotals() {
  if (!existsSync(verifyTotals)) return;
  const sums = {};
  for (const line of readFileSync(verifyTotals, 'utf8').trim().split('\n')) {
    for (const [name, count] of Object.entries(JSON.parse(line))) sums[name] = (sums[name] ?? 0) + count;
  }
  const { passes, frames, ptes, prototypePtes, vads, checks, operations } = sums;
  console.log(
    `verify(): held ${passes} times, over ${frames} frames, ${ptes} PTEs, ${prototypePtes} prototype PTEs, ${vads} VADs; ${checks} comparisons`,
  );
  if (operations > 0) console.log(`paging model: ${operations} operations, each with what it should do`);
}
