/**
 * Seeds for randomized tests. A run without NTMM_SEED uses one fixed seed per test name, so that every run is
 * the same; NTMM_SEED=N replays another. A test that fails prints the seed it used.
 */
import { onTestFailed } from 'vitest';

/** A generator of unsigned 32-bit integers in 0 .. 2^32-1. */
export type Random = () => number;

/** The mulberry32 generator: 32 bits of state, period 2^32, the same sequence on every host. */
export function mulberry32(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** An integer in 0 .. limit-1; limit is at most 2^32. */
export function below(random: Random, limit: number): number {
  return Math.floor((random() / 0x1_0000_0000) * limit);
}

/** The integers 0 .. count-1 in any order. */
export function shuffled(random: Random, count: number): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = below(random, last + 1);
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}

/** FNV-1a over the UTF-16 code units of a name, 32 bits. */
function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index++) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

/** The seed that NTMM_SEED gives (decimal or 0x hexadecimal), or undefined. */
export function requestedSeed(): number | undefined {
  const text = globalThis.process?.env.NTMM_SEED;
  if (text === undefined || text === '') return undefined;
  const seed = Number(text);
  if (!Number.isInteger(seed)) throw new Error(`NTMM_SEED must be an integer, not '${text}'`);
  return seed >>> 0;
}

/** The 32-bit seed of a randomized test. Call it inside the test: if the test fails, the seed is printed. */
export function seedFor(name: string): number {
  const seed = requestedSeed() ?? hashName(name);
  onTestFailed(() => console.error(`${name}: replay with NTMM_SEED=${seed}`));
  return seed;
}
