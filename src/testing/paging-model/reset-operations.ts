/** Steps of the paging model: private memory whose contents do not matter for a time, prefetching, and watched writes. */
import { expect } from 'vitest';
import * as memory from '../../base/memory-constants.js';
import * as nt from '../../base/ntstatus.js';
import { discardVirtualMemory, offerVirtualMemory, reclaimVirtualMemory } from '../../mm/offer-memory.js';
import { prefetchVirtualMemory } from '../../mm/prefetch-memory.js';
import { allocateVirtualMemory } from '../../mm/virtual-memory.js';
import { getWriteWatch, resetWriteWatch } from '../../mm/write-watch.js';
import { isCommitted, type ModelPage, newPages, PAGE } from './reference.js';
import type { Step } from './steps.js';
import { type Target, targetOf } from './targets.js';
import type { World } from './world.js';

const PAGES_TO_PREFETCH = 20;

/** The pages of a target that can have lost or kept contents: committed private memory. */
function resettable({ range, first, count }: Target): ModelPage[] {
  if (range.section !== null) return [];
  return range.pages.slice(first, first + count).filter(({ committed }) => committed);
}

/** MEM_RESET and MEM_RESET_UNDO are not for views of files. */
function statusOfReset({ range }: Target): number {
  return range.section?.file ? nt.STATUS_CONFLICTING_ADDRESSES : nt.STATUS_SUCCESS;
}

/** Contents do not matter any more; a service that was interrupted has come to some of them. */
function markReset(target: Target): void {
  for (const page of resettable(target)) {
    page.uncertain = true;
    page.wasReset = true;
    page.lost = false;
  }
}

export function reset(world: World, _step: Step, target: Target): void {
  const { process, range, first, count, request } = target;
  const { failures } = world;
  const type = memory.MEM_RESET;
  const status = allocateVirtualMemory(world.mm, process.space, request, type, memory.PAGE_NOACCESS);
  world.wentThrough(status, statusOfReset(target), failures, 'reset');
  markReset(target);
  world.lookAt(process, range, first, count);
}

export function undo(world: World, _step: Step, target: Target): void {
  const { process, request } = target;
  const { failures } = world;
  const type = memory.MEM_RESET_UNDO;
  const status = allocateVirtualMemory(world.mm, process.space, request, type, memory.PAGE_NOACCESS);
  settleUndo(world, target, status, statusOfReset(target), failures);
}

/** What was reset counts again: all of it was there, or some was lost, which shows now at the latest. */
function settleUndo(world: World, target: Target, status: number, expected: number, failures: number): void {
  const { process, range, first, count } = target;
  const pages = resettable(target);
  if (status === nt.STATUS_DEVICE_BUSY) {
    expect(expected, 'undo').toBe(nt.STATUS_SUCCESS);
    if (!pages.some(({ wasReset }) => wasReset)) expect.fail('nothing was reset, but lost');
    world.lookAt(process, range, first, count);
  } else if (!world.wentThrough(status, expected, failures, 'undo')) {
    if (status !== expected) for (const page of pages) page.lost = false;
    return;
  } else if (pages.some(({ lost }) => lost)) expect.fail('contents were lost, which undo does not say');
  for (const page of pages) {
    page.uncertain = false;
    page.wasReset = false;
    page.lost = false;
  }
  world.lookAt(process, range, first, count);
}

/** Discarding, offering and reclaiming are for committed private memory that is PAGE_READWRITE. */
function statusOfOffer({ range, first, count }: Target): number {
  if (range.section !== null || !isCommitted(range, first)) return nt.STATUS_CONFLICTING_ADDRESSES;
  const pages = range.pages.slice(first, first + count);
  const isWritable = pages.every(({ committed, protect }) => committed && protect === memory.PAGE_READWRITE);
  return isWritable ? nt.STATUS_SUCCESS : nt.STATUS_INVALID_PAGE_PROTECTION;
}

export function discard(world: World, _step: Step, target: Target): void {
  const { process, range, first, count, request } = target;
  const { failures } = world;
  const status = discardVirtualMemory(world.mm, process.space, request);
  if (world.wentThrough(status, statusOfOffer(target), failures, 'discard')) {
    for (const page of resettable(target))
      Object.assign(page, { ...newPages(1, true, page.protect)[0], written: page.written });
  }
  world.lookAt(process, range, first, count);
}

export function offer(world: World, step: Step, target: Target): void {
  const { process, range, first, count, request } = target;
  const { failures } = world;
  const status = offerVirtualMemory(world.mm, process.space, request, 1 + (step.value % 4));
  const expected = statusOfOffer(target);
  world.wentThrough(status, expected, failures, 'offer');
  if (expected === nt.STATUS_SUCCESS) markReset(target);
  world.lookAt(process, range, first, count);
}

export function reclaim(world: World, _step: Step, target: Target): void {
  const { failures } = world;
  const status = reclaimVirtualMemory(world.mm, target.process.space, target.request);
  settleUndo(world, target, status, statusOfOffer(target), failures);
}

export function prefetch(world: World, _step: Step, target: Target): void {
  const { process, range, first, count, request } = target;
  const end = request.baseAddress + request.regionSize;
  const budget = { pages: PAGES_TO_PREFETCH };
  prefetchVirtualMemory(world.mm, process.space, request.baseAddress, end, budget);
  expect(budget.pages).toBeGreaterThanOrEqual(0);
  world.lookAt(process, range, first, count);
}

/** Asks which pages were written to, as many as there is room for, and forgets it or not; or forgets it without asking. */
export function writeWatch(world: World, step: Step, found: Target): void {
  const watched = found.process.ranges.findIndex((range) => range.watched);
  const other =
    watched >= 0 && step.value % 5 > 0 ? targetOf({ ...step, range: watched }, found.process) : null;
  askWriteWatch(world, step, other ?? found);
}

function askWriteWatch(world: World, step: Step, target: Target): void {
  const { process, range, first, count, request } = target;
  const { mm } = world;
  const start = request.baseAddress / PAGE;
  const last = start + count - 1;
  const pages = range.pages.slice(first, first + count);
  const expected = range.watched ? nt.STATUS_SUCCESS : nt.STATUS_INVALID_PARAMETER_1;
  if (step.value % 4 === 0) {
    expect(resetWriteWatch(mm, process.space, start, last), 'resetWriteWatch').toBe(expected);
    if (range.watched) for (const page of pages) page.written = false;
    return;
  }
  const room = step.value % 4 === 1 ? 3 : count;
  const resets = step.value % 8 >= 4;
  const found = new Float64Array(room);
  const out = { count: 0 };
  const status = getWriteWatch(mm, process.space, start, last, resets, found, out);
  expect(status, 'getWriteWatch').toBe(expected);
  if (!range.watched) return;
  const written = pages.map((page, index) => ({ page, address: (start + index) * PAGE }));
  const reported = written.filter(({ page }) => page.written).slice(0, room);
  expect([...found.subarray(0, out.count)], 'pages written to').toEqual(
    reported.map(({ address }) => address),
  );
  if (resets) for (const { page } of reported) page.written = false;
}
