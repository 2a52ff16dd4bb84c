/** The same as paging.model.test.ts with paging files and files that fail at times: nothing that was acknowledged is lost. */
import { expect, it } from 'vitest';
import { OPERATIONS, runSequences } from '../testing/paging-model/sequences.js';
import { faultyStep } from '../testing/paging-model/steps.js';
import { verify } from './verify.js';

it(
  'a failing disk loses nothing that was acknowledged, and leaks no frame',
  () => {
    const { operations, moved, waits, diskErrors } = runSequences(faultyStep, OPERATIONS, verify);
    expect(operations).toBeGreaterThanOrEqual(OPERATIONS);
    expect(moved / operations).toBeGreaterThan(0.5);
    expect(waits / operations).toBeGreaterThan(0.03);
    expect(diskErrors).toBeGreaterThan(operations / 1000);
  },
  120_000 + OPERATIONS * 10,
);
