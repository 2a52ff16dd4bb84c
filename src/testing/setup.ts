import fc from 'fast-check';
import { requestedSeed } from './seed.js';

const DEFAULT_SEED = 20;

fc.configureGlobal({ seed: (requestedSeed() ?? DEFAULT_SEED) | 0 });
