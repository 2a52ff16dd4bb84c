/** Runs random sequences of steps until enough operations were done; a sequence that fails shrinks and is printed with its seed. */
import fc from 'fast-check';
import { BugCheck } from '../../mm/bug-check.js';
import { requestedSeed } from '../seed.js';
import { countOperations } from '../verify-totals.js';
import type { MachineShape } from './records.js';
import { close } from './section-operations.js';
import { shrinkSequence } from './shrink.js';
import { machineShape, perform, type Step } from './steps.js';
import { exit } from './system-operations.js';
import { processOf } from './targets.js';
import { World } from './world.js';

const LONGEST = 1500;
const SEQUENCES_AT_ONCE = 10;
/** Every page is compared after so many operations. */
const FULL_LOOK = 50;
const DEFAULT_SEED = 20;
const SHRINK_MILLISECONDS = 25_000;

type Verify = (mm: World['mm']) => void;

/** What happened in all sequences together. */
export interface Tally {
  operations: number;
  /** Pages that moved between RAM and disks. */
  moved: number;
  shortages: number;
  diskErrors: number;
  /** Accesses that waited while others went on. */
  waits: number;
  sequences: number;
  /** Sequences that ended with a bug check because paged pool could not be read. */
  stops: number;
}

function newTally(): Tally {
  return { operations: 0, moved: 0, shortages: 0, diskErrors: 0, waits: 0, sequences: 0, stops: 0 };
}

/** Operations that each of the two tests does: NTMM_OPERATIONS=N asks for more (or fewer) in all. */
export const OPERATIONS = Math.ceil(Number(process.env['NTMM_OPERATIONS'] ?? 200_000) / 2);

/** How a sequence ended: -1, or the step at which it failed and why. */
interface Outcome {
  failedAt: number;
  error: unknown;
}

/** Does sequences of steps, with `verify` after each operation, until `operations` were done. A failure is thrown, made short. */
export function runSequences(step: fc.Arbitrary<Step>, operations: number, verify: Verify): Tally {
  const tally = newTally();
  const steps = fc.array(step, { maxLength: LONGEST, size: 'max' });
  for (let seed = (requestedSeed() ?? DEFAULT_SEED) | 0; tally.operations < operations; seed++) {
    for (const [shape, sequence] of fc.sample(fc.tuple(machineShape, steps), {
      seed,
      numRuns: SEQUENCES_AT_ONCE,
    })) {
      if (tally.operations >= operations) break;
      const { failedAt, error } = runSequence(shape, sequence, verify, tally);
      if (failedAt >= 0) throw describe(seed, shape, sequence, verify, error);
    }
  }
  countOperations(tally.operations);
  return tally;
}

/** The error with the seed, and the shortest sequence that was found to fail, which `replay` does again. */
function describe(
  seed: number,
  shape: MachineShape,
  sequence: readonly Step[],
  verify: Verify,
  cause: unknown,
): Error {
  const tally = newTally();
  const end = performance.now() + SHRINK_MILLISECONDS;
  const failure = (steps: readonly Step[]) => runSequence(shape, steps, verify, tally).failedAt;
  const short = shrinkSequence(sequence, failure, () => performance.now() > end);
  const { error } = runSequence(shape, short, verify, tally);
  const steps = short.map((one) => JSON.stringify(one)).join(',\n');
  const text = `NTMM_SEED=${seed} fails: ${(cause as Error).message}
It needs no more than these steps, which end in: ${(error as Error).message}
replay(${JSON.stringify(shape)}, [
${steps}
], verify);`;
  return new Error(text, { cause: error });
}

/** Does one sequence again, as a failure printed it. */
export function replay(shape: MachineShape, sequence: readonly Step[], verify: Verify): void {
  const tally = newTally();
  const { failedAt, error } = runSequence(shape, sequence, verify, tally);
  if (failedAt >= 0) throw error;
}

function runSequence(shape: MachineShape, sequence: readonly Step[], verify: Verify, tally: Tally): Outcome {
  const world = new World(shape);
  const { mm } = world;
  let at = 0;
  try {
    for (; at < sequence.length; at++) {
      const step = sequence[at]!;
      const hardSets = world.hardSets();
      const actor = processOf(world, step);
      perform(world, step);
      verify(mm);
      world.expectMinimums(hardSets, actor);
      tally.operations++;
      if (at % FULL_LOOK === FULL_LOOK - 1) lookAtAll(world, step.value, verify);
    }
    finish(world, sequence.length, verify);
  } catch (error) {
    if (!stopsAsItMay(world, error)) return { failedAt: at, error };
    tally.stops++;
  }
  const { pageFiles, sections } = mm;
  tally.moved += pageFiles.pagesRead + pageFiles.pagesWritten + sections.pagesRead + sections.pagesWritten;
  tally.shortages += world.shortages;
  tally.diskErrors += world.diskErrors;
  tally.waits += world.waits;
  tally.sequences++;
  return { failedAt: -1, error: null };
}

/** The machine has stopped with a bug check, and there is an excuse for it. The sequence ends there. */
function stopsAsItMay(world: World, error: unknown): boolean {
  return error instanceof BugCheck && world.excuses(error);
}

/** Every page by the page tables, and some of everybody as their processes read them. */
function lookAtAll(world: World, value: number, verify: Verify): void {
  world.lookAtEverything();
  for (const process of world.processes)
    for (const range of process.ranges) world.read(process, range, value % range.pages.length);
  verify(world.mm);
}

/** With disks that work every page is read; then everything goes, and nothing is left. */
function finish(world: World, value: number, verify: Verify): void {
  const { mm } = world;
  world.heal();
  world.endWaits(value);
  world.lookAtEverything();
  world.readEverything();
  verify(mm);
  for (const process of [...world.processes]) exit(world, process);
  for (const section of [...world.sections]) close(world, section);
  verify(mm);
  world.expectNothingLeft();
}
