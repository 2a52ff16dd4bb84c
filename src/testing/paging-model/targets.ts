/** What a step works on. */

import type { LiveRange, Process } from './records.js';
import type { Step } from './steps.js';
import type { World } from './world.js';

/** Some pages of a range of a process. */
export interface Target {
  readonly process: Process;
  readonly range: LiveRange;
  readonly first: number;
  readonly count: number;
  /** The same as a request of a service. */
  readonly request: { baseAddress: number; regionSize: number };
}

/** The process of a step; null when there is none. */
export function processOf(world: World, step: Step): Process | null {
  return world.processes[step.process % world.processes.length] ?? null;
}

/** The pages of a step; null when the process has no range. */
export function targetOf(step: Step, process: Process): Target | null {
  const range = process.ranges[step.range % process.ranges.length];
  if (range === undefined) return null;
  const first = step.page % range.pages.length;
  const count = Math.min(step.count, range.pages.length - first);
  const request = { baseAddress: range.base + first * 4096, regionSize: count * 4096 };
  return { process, range, first, count, request };
}

/** Bytes that a number stands for. */
export function pattern(value: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = value;
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 0x915f_77f5) + 0x9e37) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

/** One of a list. */
export function pick<T>(list: readonly T[], value: number): T {
  return list[value % list.length]!;
}
