/** Random steps of the paging model: records that shrink well, and what they do. */
import fc from 'fast-check';
import * as privateMemory from './private-operations.js';
import type { LiveSection, MachineShape, Process } from './records.js';
import * as reset from './reset-operations.js';
import * as sections from './section-operations.js';
import * as system from './system-operations.js';
import { processOf, type Target, targetOf } from './targets.js';
import * as waiting from './waiting-operations.js';
import type { World } from './world.js';

/** What a step works on: each number picks one of what there is. */
export interface Step {
  readonly kind: Kind;
  readonly process: number;
  readonly range: number;
  readonly page: number;
  /** Pages, at least 1. */
  readonly count: number;
  readonly value: number;
}

type Operation = (world: World, step: Step) => void;

const MOST_RANGES = 7;
const MOST_SECTIONS = 4;

/** A step on a process, which comes in for it if it is swapped out; one begins when there is none. */
function onProcess(operation: (world: World, step: Step, process: Process) => void): Operation {
  return (world, step) => {
    const process = processOf(world, step);
    if (process === null) world.createProcess();
    else if (world.bringIn(process)) operation(world, step, process);
  };
}

/** A step on pages of a range; a range is made when there is none. */
function onPages(operation: (world: World, step: Step, target: Target) => void): Operation {
  return onProcess((world, step, process) => {
    const target = targetOf(step, process);
    if (target === null) privateMemory.allocate(world, step, process);
    else operation(world, step, target);
  });
}

/** A step that adds a range; when a process has enough of them, one is left instead. */
function onRoom(
  operation: (world: World, step: Step, process: Process) => void,
  leave: (world: World, step: Step, target: Target) => void,
): Operation {
  const leaveOne = onPages(leave);
  return onProcess((world, step, process) => {
    if (process.ranges.length < MOST_RANGES) operation(world, step, process);
    else leaveOne(world, step);
  });
}

/** A step on a section; one is made when there is none. */
function onSection(operation: (world: World, step: Step, live: LiveSection) => void): Operation {
  return (world, step) => {
    const live = world.sections[step.range % world.sections.length];
    if (live === undefined) sections.create(world, step);
    else operation(world, step, live);
  };
}

const closeSection = onSection((world, _step, live) => sections.close(world, live));
const mapSection = onRoom((world, step, process) => {
  onSection((_, __, live) => sections.map(world, step, process, live))(world, step);
}, sections.unmap);

function createSection(world: World, step: Step): void {
  if (world.sections.length < MOST_SECTIONS) sections.create(world, step);
  else closeSection(world, step);
}

function startProcess(world: World, step: Step): void {
  if (world.processes.length < world.shape.processes) world.createProcess();
  else system.tick(world, step);
}

/** The last process stays. */
function exitProcess(world: World, step: Step, process: Process): void {
  if (world.processes.length > 1) system.exit(world, process);
  else system.empty(world, step, process);
}

/** Each kind of step with how often it is taken. */
const OPERATIONS = {
  beginTouches: [22, onPages(waiting.beginTouches)],
  collide: [4, waiting.collide],
  passTime: [6, waiting.passTime],
  resumeSome: [3, waiting.resumeSome],
  write: [6, onPages(privateMemory.write)],
  fill: [10, onPages(privateMemory.fill)],
  read: [3, onPages(privateMemory.read)],
  execute: [1, onPages(privateMemory.execute)],
  allocate: [4, onRoom(privateMemory.allocate, privateMemory.release)],
  commit: [6, onPages(privateMemory.commit)],
  decommit: [1, onPages(privateMemory.decommit)],
  release: [1, onPages(privateMemory.release)],
  protect: [4, onPages(privateMemory.protect)],
  query: [2, onPages(privateMemory.query)],
  reset: [2, onPages(reset.reset)],
  undoReset: [1, onPages(reset.undo)],
  discard: [1, onPages(reset.discard)],
  offer: [1, onPages(reset.offer)],
  reclaim: [1, onPages(reset.reclaim)],
  prefetch: [1, onPages(reset.prefetch)],
  writeWatch: [1, onPages(reset.writeWatch)],
  createSection: [2, createSection],
  closeSection: [1, closeSection],
  map: [4, mapSection],
  unmap: [1, onPages(sections.unmap)],
  flush: [1, onPages(sections.flush)],
  readFile: [1, sections.readFile],
  writeFile: [1, sections.writeFile],
  resizeFile: [1, sections.resize],
  lock: [2, onPages(system.lock)],
  unlock: [1, onPages(system.unlock)],
  limits: [1, onProcess(system.limits)],
  empty: [1, onProcess(system.empty)],
  swap: [1, onProcess(system.swap)],
  trim: [1, system.trim],
  replace: [1, onProcess(system.replace)],
  trimOne: [2, onPages(system.trimOne)],
  pageOut: [3, system.pageOut],
  writeMapped: [1, system.writeMapped],
  repurpose: [3, system.repurpose],
  trimSystem: [1, system.trimSystem],
  press: [2, onProcess(system.press)],
  zero: [1, system.zero],
  tick: [2, system.tick],
  start: [1, startProcess],
  exit: [1, onProcess(exitProcess)],
} satisfies Record<string, [number, Operation]>;

/** The same, of the steps that make disks fail and work again. */
const FAULTS = {
  failPageWrites: [1, system.failPageWrites],
  failPageReads: [1, system.failPageReads],
  failFile: [1, system.failFile],
  heal: [2, system.heal],
} satisfies Record<string, [number, Operation]>;

type Kind = keyof typeof OPERATIONS | keyof typeof FAULTS;

const ALL: Readonly<Record<Kind, [number, Operation]>> = { ...OPERATIONS, ...FAULTS };

function kindsOf(table: Partial<typeof ALL>): Kind[] {
  return Object.entries(table).flatMap(([kind, [weight]]) => new Array<Kind>(weight).fill(kind as Kind));
}

export function perform(world: World, step: Step): void {
  ALL[step.kind][1](world, step);
}

/** Machines of 128 to 768 frames, most of them small. */
const SHAPES: readonly MachineShape[] = [
  { frames: 128, processes: 2, policy: 'aging', disk: 'ssd', pagingFiles: [100, 300], grows: false },
  { frames: 128, processes: 2, policy: 'fifo', disk: 'ssd', pagingFiles: [], grows: false },
  { frames: 128, processes: 2, policy: 'aging', disk: 'hdd', pagingFiles: [400], grows: true },
  { frames: 128, processes: 3, policy: 'aging', disk: 'hdd', pagingFiles: [200, 200], grows: false },
  { frames: 144, processes: 2, policy: 'fifo', disk: 'hdd', pagingFiles: [40, 40, 40, 200], grows: false },
  { frames: 144, processes: 2, policy: 'aging', disk: 'ssd', pagingFiles: [600], grows: true },
  { frames: 160, processes: 3, policy: 'fifo', disk: 'ssd', pagingFiles: [300, 60], grows: true },
  { frames: 192, processes: 3, policy: 'aging', disk: 'ssd', pagingFiles: [60], grows: false },
  { frames: 192, processes: 3, policy: 'fifo', disk: 'ssd', pagingFiles: [700], grows: false },
  { frames: 256, processes: 4, policy: 'aging', disk: 'hdd', pagingFiles: [], grows: false },
  { frames: 256, processes: 4, policy: 'aging', disk: 'ssd', pagingFiles: [300, 300], grows: true },
  { frames: 384, processes: 4, policy: 'fifo', disk: 'ssd', pagingFiles: [20, 900], grows: false },
  { frames: 768, processes: 4, policy: 'aging', disk: 'hdd', pagingFiles: [500, 500], grows: false },
];

export const machineShape: fc.Arbitrary<MachineShape> = fc.constantFrom(...SHAPES);

function stepOf(kinds: readonly Kind[]): fc.Arbitrary<Step> {
  return fc.record({
    kind: fc.constantFrom(...kinds),
    process: fc.nat(3),
    range: fc.nat(7),
    page: fc.nat(127),
    count: fc.integer({ min: 1, max: 64 }),
    value: fc.nat(0xffff_ffff),
  });
}

/** Steps on disks that work, and steps on disks that fail at times. */
export const plainStep: fc.Arbitrary<Step> = stepOf(kindsOf(OPERATIONS));
export const faultyStep: fc.Arbitrary<Step> = stepOf(kindsOf(ALL));
