/** Steps of the paging model: threads that wait for pages while others go on, and time that passes meanwhile. */
import { STATUS_SUCCESS } from '../../base/ntstatus.js';
import { waitForNextRequest } from '../../mm/paging-io.js';
import { runSystemThreads } from '../../mm/threads/run-system-threads.js';
import type { LiveRange, Process, Touch } from './records.js';
import { type Access, PAGE, statusOfAccess } from './reference.js';
import type { Step } from './steps.js';
import { pattern, pick, type Target } from './targets.js';
import type { World } from './world.js';

/** Threads of a process that wait at most. */
const MOST_THREADS = 3;
const ACCESSES: readonly Access[] = ['read', 'write', 'write', 'read', 'write', 'execute'];
/** 100 ns units: less than a read takes, some reads, and as long as a slow disk needs for one. */
const TIMES = [200, 900, 2_500, 60_000, 400_000];

function newTouch(process: Process, address: number, value: number): Touch {
  const access = pick(ACCESSES, value >>> 4);
  const at = address + ((value >>> 8) % PAGE);
  return { process, address: at, access, bytes: pattern(value, 1 + (value % 16)), frame: 0, error: 0 };
}

/** A thread of a process begins an access; when all of them wait, one goes on first. */
function begin(world: World, process: Process, address: number, value: number): void {
  const own = world.waiting.filter((touch) => touch.process === process);
  if (own.length < MOST_THREADS) {
    world.begin(newTouch(process, address, value));
    return;
  }
  const next = pick(own, value);
  while (!world.canResume(next)) waitForNextRequest(world.mm);
  world.resume(next);
}

/** A page that can be read and is on disk, if the process has one and the step seeks it; else that of the step. */
function pageOnDisk(world: World, step: Step, { process, range, first }: Target): [LiveRange, number] {
  const { ranges } = process;
  const sought = step.value % 4 === 0 ? 0 : ranges.length;
  for (let skipped = 0; skipped < sought; skipped++) {
    const candidate = ranges[(ranges.indexOf(range) + skipped) % ranges.length]!;
    for (let index = skipped === 0 ? first : 0; index < candidate.pages.length; index++) {
      if (statusOfAccess(candidate, index, 'read') !== STATUS_SUCCESS) continue;
      const place = world.placeOf(process, candidate, index);
      if (place === 'paging-file' || place === 'file') return [candidate, index];
    }
  }
  return [range, first];
}

/** Threads access a page, and pages behind it that may come in with the same read. */
export function beginTouches(world: World, step: Step, target: Target): void {
  const { process } = target;
  const [range, first] = pageOnDisk(world, step, target);
  const threads = Math.min(1 + (step.value % MOST_THREADS), range.pages.length - first);
  for (let thread = 0; thread < threads; thread++)
    begin(world, process, range.base + (first + thread) * PAGE, step.value + thread * 16);
  world.lookAt(process, range, first, threads);
}

/** Another thread accesses a page that is waited for, or its neighbour: in the same process or by another view of it. */
export function collide(world: World, step: Step): void {
  const { waiting } = world;
  const other = waiting[step.range % waiting.length];
  if (other === undefined) return;
  const address = other.address - (other.address % PAGE) + (step.count % 2) * PAGE;
  const viewer = world.viewerOf(other, step.process) ?? { process: other.process, address };
  begin(world, viewer.process, viewer.address, step.value);
}

/** Time passes, requests end, and some of the threads whose page has come go on. */
export function passTime(world: World, step: Step): void {
  world.passTime(pick(TIMES, step.value) + step.count);
  if (step.value % 2 === 0) runSystemThreads(world.mm, -1);
  resumeSome(world, step);
}

/** Some of the threads whose page has come go on, in any order. */
export function resumeSome(world: World, step: Step): void {
  for (let left = 1 + (step.page % 4); left > 0; left--) {
    const ready = world.waiting.filter((touch) => world.canResume(touch));
    if (ready.length > 0) world.resume(pick(ready, step.value >>> left));
  }
}
