/**
 * Adds up what verify() looked at in a test run, and the operations of the paging model: each test file appends its sums to the file that
 * NTMM_VERIFY_TOTALS names, from which the test command prints the totals.
 */
import { appendFileSync } from 'node:fs';
import { afterAll } from 'vitest';
import type { VerifyCounts } from '../mm/verify.js';

const totals = { passes: 0, frames: 0, ptes: 0, prototypePtes: 0, vads: 0, checks: 0, operations: 0 };

/** Counts one call of verify() that held; returns its counts. */
export function countVerify(counts: VerifyCounts): VerifyCounts {
  totals.passes++;
  totals.frames += counts.frames;
  totals.ptes += counts.ptes;
  totals.prototypePtes += counts.prototypePtes;
  totals.vads += counts.vads;
  totals.checks += counts.checks;
  return counts;
}

/** Counts operations of the paging model after which everything held. */
export function countOperations(operations: number): void {
  totals.operations += operations;
}

afterAll(() => {
  const file = process.env['NTMM_VERIFY_TOTALS'];
  if (file !== undefined && totals.passes > 0) appendFileSync(file, `${JSON.stringify(totals)}\n`);
});
