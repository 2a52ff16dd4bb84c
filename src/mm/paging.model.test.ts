/**
 * Two to four processes on machines of 128 to 768 frames, against a plain record of what each page holds: random operations on
 * private memory, sections, files and working sets, with verify() after each of them.
 */
import { expect, it } from 'vitest';
import { OPERATIONS, runSequences } from '../testing/paging-model/sequences.js';
import { plainStep } from '../testing/paging-model/steps.js';
import { verify } from './verify.js';

it(
  'memory holds what was written to it, whatever is paged',
  () => {
    const { operations, moved, waits, diskErrors } = runSequences(plainStep, OPERATIONS, verify);
    expect(operations).toBeGreaterThanOrEqual(OPERATIONS);
    expect(moved / operations).toBeGreaterThan(0.5);
    expect(waits / operations).toBeGreaterThan(0.05);
    expect(diskErrors).toBe(0);
  },
  120_000 + OPERATIONS * 10,
);
