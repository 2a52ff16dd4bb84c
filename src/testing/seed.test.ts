import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { below, mulberry32, requestedSeed, seedFor } from './seed.js';

describe('seeds of random tests', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('gives the published mulberry32 sequence', () => {
    const random = mulberry32(0);
    expect([random(), random(), random()]).toEqual([1144304738, 1416247, 958946056]);
  });

  it('stays below the limit', () => {
    const random = mulberry32(seedFor('below'));
    for (let round = 0; round < 1000; round++) expect(below(random, 7)).toBeLessThan(7);
  });

  it('takes NTMM_SEED over the seed of the name', () => {
    vi.stubEnv('NTMM_SEED', '');
    expect(seedFor('a name')).toBe(seedFor('a name'));
    expect(seedFor('a name')).not.toBe(seedFor('another'));
    vi.stubEnv('NTMM_SEED', '0x10');
    expect(seedFor('a name')).toBe(16);
    vi.stubEnv('NTMM_SEED', 'soon');
    expect(() => requestedSeed()).toThrow("not 'soon'");
  });

  it('makes fast-check name its seed when a property fails', () => {
    const failing = () => fc.assert(fc.property(fc.nat(), (value) => value < 0));
    expect(failing).toThrow(/seed: -?\d+/);
  });
});
