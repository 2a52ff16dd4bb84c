/** Steps of the paging model: working sets, the system's threads, processes, and disks that fail. */
import { expect } from 'vitest';
import * as nt from '../../base/ntstatus.js';
import { deleteAddressSpace } from '../../mm/address-space.js';
import { lockVirtualMemory, unlockVirtualMemory } from '../../mm/lock-memory.js';
import { writeMappedCluster } from '../../mm/mapped-file-writer.js';
import { allocateFrame, returnUnusedFrame } from '../../mm/page-lists.js';
import { findPte } from '../../mm/page-tables.js';
import { outSwapProcess } from '../../mm/process-swap.js';
import { writeCluster } from '../../mm/threads/modified-page-writer.js';
import { runSystemThreads } from '../../mm/threads/run-system-threads.js';
import { systemThreadsTick } from '../../mm/threads/system-threads.js';
import { zeroPageStep } from '../../mm/threads/zero-page.js';
import {
  QUOTA_LIMITS_HARDWS_MAX_DISABLE,
  QUOTA_LIMITS_HARDWS_MAX_ENABLE,
  QUOTA_LIMITS_HARDWS_MIN_DISABLE,
  QUOTA_LIMITS_HARDWS_MIN_ENABLE,
  setWorkingSetLimits,
} from '../../mm/working-set-limits.js';
import {
  emptyWorkingSet,
  removeFromWorkingSet,
  replaceOnePage,
  trimWorkingSets,
} from '../../mm/working-set-manager.js';
import type { Process } from './records.js';
import { dropGuard, PAGE, statusOfAccess } from './reference.js';
import { forgetViews } from './section-operations.js';
import type { Step } from './steps.js';
import { processOf, type Target } from './targets.js';
import type { World } from './world.js';

/** Pages of the minimum working set that cannot be locked ("VirtualLock function": overhead). */
const LOCK_OVERHEAD = 8;
const SECOND = 10_000_000;
const MOST_LOCKED_AT_ONCE = 6;
/** RAM that SetProcessWorkingSetSizeEx leaves the system, in pages. */
const LEFT_TO_SYSTEM = 512;
/** The part of RAM that hard minimums may take together. */
const HARD_SHARE = 4;

function lockedPages({ ranges }: Process): number {
  return ranges.reduce((sum, { pages }) => sum + pages.filter(({ locked }) => locked).length, 0);
}

export function lock(world: World, _step: Step, target: Target): void {
  const { process, range, first } = target;
  const count = Math.min(target.count, MOST_LOCKED_AT_ONCE);
  const request = { baseAddress: range.base + first * PAGE, regionSize: count * PAGE };
  const { failures } = world;
  const status = lockVirtualMemory(world.mm, process.space, request);
  const run = range.pages.slice(first, first + count);
  const added = run.filter(({ locked }) => !locked).length;
  if (added > 0 && lockedPages(process) + added > process.space.workingSet.minimum - LOCK_OVERHEAD) {
    expect(status, 'lock').toBe(nt.STATUS_WORKING_SET_QUOTA);
    return;
  }
  const end = first + count;
  let index = first;
  while (index < end && statusOfAccess(range, index, 'read') === nt.STATUS_SUCCESS) index++;
  const done = added < count ? nt.STATUS_WAS_LOCKED : nt.STATUS_SUCCESS;
  const expected = index === end ? done : statusOfAccess(range, index, 'read');
  if (status === expected) {
    if (index === end) for (const page of run) page.locked = true;
    if (status === nt.STATUS_GUARD_PAGE_VIOLATION) dropGuard(range.pages[index]!);
  } else {
    world.expectExcuse(status, failures, 'lock');
  }
  world.lookAt(process, range, first, count);
}

export function unlock(world: World, _step: Step, target: Target): void {
  const { process, range, first, count, request } = target;
  const run = range.pages.slice(first, first + count);
  const expected = run.every(({ locked }) => locked) ? nt.STATUS_SUCCESS : nt.STATUS_NOT_LOCKED;
  expect(unlockVirtualMemory(world.mm, process.space, request), 'unlock').toBe(expected);
  for (const page of run) page.locked = false;
  world.lookAt(process, range, first, count);
}

/**
 * New limits of a working set, hard or soft. Small machines have fewer pages than SetProcessWorkingSetSizeEx leaves the
 * system; there the limits are set as they are.
 */
export function limits(world: World, step: Step, process: Process): void {
  const { mm } = world;
  const { workingSet } = process.space;
  const minimum = 20 + (step.page % 24);
  const maximum = minimum + step.count * 2;
  const others = world.processes.filter((other) => other !== process && other.space.workingSet.hardMinimum);
  const taken = others.reduce((sum, { space }) => sum + space.workingSet.minimum, 0);
  const hardMinimum = step.value % 4 === 0 && taken + minimum <= mm.pfn.frameCount / HARD_SHARE;
  const hardMaximum = step.value % 3 === 0;
  if (maximum > mm.pfn.frameCount - LEFT_TO_SYSTEM) {
    expect(setWorkingSetLimits(mm, process.space, minimum, maximum, 0)).toBe(nt.STATUS_INVALID_PARAMETER);
    Object.assign(workingSet, { minimum, maximum, hardMinimum, hardMaximum });
  } else {
    const flags =
      (hardMinimum ? QUOTA_LIMITS_HARDWS_MIN_ENABLE : QUOTA_LIMITS_HARDWS_MIN_DISABLE) |
      (hardMaximum ? QUOTA_LIMITS_HARDWS_MAX_ENABLE : QUOTA_LIMITS_HARDWS_MAX_DISABLE);
    expect(setWorkingSetLimits(mm, process.space, minimum, maximum, flags)).toBe(nt.STATUS_SUCCESS);
  }
  lookAtProcess(world, process);
}

function lookAtProcess(world: World, process: Process): void {
  for (const range of process.ranges) world.lookAt(process, range);
}

export function empty(world: World, _step: Step, process: Process): void {
  emptyWorkingSet(world.mm, process.space);
  lookAtProcess(world, process);
}

/**
 * The process leaves memory as a whole, unless it has locked pages; while page tables cannot be read, or a thread waits for a
 * page, it only loses its pages.
 */
export function swap(world: World, step: Step, process: Process): void {
  const hasFault = world.waiting.some((touch) => touch.process === process);
  if (world.store.failsReads || hasFault) empty(world, step, process);
  else if (!outSwapProcess(world.mm, process.space)) {
    if (lockedPages(process) === 0) world.expectRefusal(1);
  }
  lookAtProcess(world, process);
}

/** The working set manager takes pages from everybody. */
export function trim(world: World, step: Step): void {
  trimWorkingSets(world.mm, step.count, false);
  for (const process of world.processes) lookAtProcess(world, process);
}

export function replace(world: World, step: Step, process: Process): void {
  for (let left = step.count; left > 0; left--)
    if (!replaceOnePage(world.mm, process.space, step.value % 2 === 0)) break;
  lookAtProcess(world, process);
}

/** Takes the valid ones of some pages out of the working set. */
export function trimOne(world: World, _step: Step, target: Target): void {
  const { process, range, first, count } = target;
  for (let index = first; index < first + count; index++) {
    const address = range.base + index * PAGE;
    const pte = findPte(world.mm, process.space, address);
    if (pte === 0 || (world.mm.words[pte]! & 1) === 0 || range.pages[index]!.locked) continue;
    removeFromWorkingSet(world.mm, process.space, address);
  }
  world.lookAt(process, range, first, count);
}

export function pageOut(world: World, step: Step): void {
  for (let left = step.count; left > 0 && writeCluster(world.mm) > 0; left -= 8);
  lookAtSome(world, step);
}

export function writeMapped(world: World, step: Step): void {
  for (let left = step.count; left > 0 && writeMappedCluster(world.mm) > 0; left -= 8);
  lookAtSome(world, step);
}

function lookAtSome(world: World, step: Step): void {
  const process = processOf(world, step);
  if (process !== null) lookAtProcess(world, process);
}

/** Paged pool leaves the system working set; while it could not be read again, the machine would stop. */
export function trimSystem(world: World, step: Step): void {
  const { mm, store } = world;
  if (!store.failsReads) emptyWorkingSet(mm, mm.systemWorkingSet);
  lookAtSome(world, step);
}

/** Memory is short: a process gives up its pages, they are written, and other uses take all frames that are then available. */
export function press(world: World, step: Step, process: Process): void {
  const { mm } = world;
  emptyWorkingSet(mm, process.space);
  while (writeCluster(mm) > 0);
  while (writeMappedCluster(mm) > 0);
  world.passTime(step.value % SECOND);
  const taken: number[] = [];
  while (mm.lists.available > 0) taken.push(allocateFrame(mm));
  for (const frame of taken) returnUnusedFrame(mm, frame);
  lookAtProcess(world, process);
}

/** Other uses take frames, the oldest standby pages among them (in half of the steps after all others), and give them back. */
export function repurpose(world: World, step: Step): void {
  const { mm } = world;
  const taken: number[] = [];
  const spared = step.value % 2 === 0 ? mm.lists.standbyCount - step.count : mm.lists.available - step.count;
  while (mm.lists.available > Math.max(0, spared)) taken.push(allocateFrame(mm));
  for (const frame of taken) returnUnusedFrame(mm, frame);
  lookAtSome(world, step);
}

export function zero(world: World, step: Step): void {
  zeroPageStep(world.mm, step.count);
}

/** The next second begins, and whatever was in flight has ended. */
export function tick(world: World, step: Step): void {
  const { mm, clock } = world;
  world.passTime(SECOND - (clock.now100ns % SECOND));
  systemThreadsTick(mm, clock.now100ns);
  runSystemThreads(mm, -1);
  lookAtSome(world, step);
}

/** The end of a process. */
export function exit(world: World, process: Process): void {
  world.cancelWaits(process);
  forgetViews(process, () => deleteAddressSpace(world.mm, process.space));
  world.processes.splice(world.processes.indexOf(process), 1);
}

export function failPageWrites(world: World, step: Step): void {
  const files = Math.max(1, world.shape.pagingFiles.length);
  for (let file = 0; file < files; file++)
    if ((step.value & (1 << file)) !== 0) world.store.failsWrites.add(file);
}

/** Every process is in before: the machine stops when the page tables of one that is swapped out cannot be read. */
export function failPageReads(world: World): void {
  world.store.failsReads = world.processes.every((process) => world.bringIn(process));
}

export function failFile(world: World, step: Step): void {
  const { host } = world.files[step.range % world.files.length]!;
  host.failing = step.value % 3 === 0 ? 'reads' : step.value % 3 === 1 ? 'writes' : true;
}

export function heal(world: World): void {
  world.heal();
}
