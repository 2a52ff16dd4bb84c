/** The rows of native services once more, called from TypeScript without a program. */
import { afterAll, describe, expect, it } from 'vitest';
import { readRows, rowName } from './row-file.js';
import { isForServices, ServiceRunner } from './service-runner.js';
import { judge } from './verdict.js';

const LEAST_ROWS = 120;

const rows = readRows().filter((row) => row.gap === null && isForServices(row));
const runner = new ServiceRunner();

afterAll(() => {
  console.log(`conformance: ${rows.length} rows through services, ${runner.verify()} checks by verify()`);
});

describe('the conformance table through services', () => {
  for (const row of rows) {
    it(rowName(row), () => {
      const problem = judge(row, runner.observe(row));
      if (problem !== null) expect.fail(problem);
    });
  }

  it(`has ${LEAST_ROWS} rows at least`, () => {
    expect(rows.length).toBeGreaterThanOrEqual(LEAST_ROWS);
  });
});
