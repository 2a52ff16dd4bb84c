import fc from 'fast-check';
import { vi } from 'vitest';
import { requestedSeed } from './seed.js';
import { countVerify } from './verify-totals.js';

const DEFAULT_SEED = 20;

fc.configureGlobal({ seed: (requestedSeed() ?? DEFAULT_SEED) | 0 });

vi.mock('../mm/verify.js', async (importOriginal) => {
  const original = await importOriginal<typeof import('../mm/verify.js')>();
  return {
    ...original,
    verify: (...args: Parameters<typeof original.verify>) => countVerify(original.verify(...args)),
  };
});
