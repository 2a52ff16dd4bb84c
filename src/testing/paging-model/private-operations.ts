/** Steps of the paging model: accesses, and the services on regions of private memory and views. */
import { expect } from 'vitest';
import * as memory from '../../base/memory-constants.js';
import * as nt from '../../base/ntstatus.js';
import {
  allocateVirtualMemory,
  emptyBasicInformation,
  freeVirtualMemory,
  protectVirtualMemory,
  queryVirtualMemory,
} from '../../mm/virtual-memory.js';
import type { LiveRange, Process } from './records.js';
import {
  inCopyOnWriteView,
  isAllowed,
  isCommitted,
  isCopyOnWrite,
  newPages,
  PAGE,
  protectPage,
  sharedPage,
  viewCharge,
} from './reference.js';
import type { Step } from './steps.js';
import { pattern, pick, type Target } from './targets.js';
import type { World } from './world.js';

/** Every protection, most often the one with which memory can be written. */
const PRIVATE_PROTECTIONS = [
  ...new Array<number>(10).fill(memory.PAGE_READWRITE),
  memory.PAGE_READONLY,
  memory.PAGE_NOACCESS,
  memory.PAGE_EXECUTE_READWRITE,
  memory.PAGE_EXECUTE_READ,
  memory.PAGE_EXECUTE,
  memory.PAGE_READWRITE | memory.PAGE_GUARD,
  memory.PAGE_READONLY | memory.PAGE_GUARD,
  memory.PAGE_WRITECOPY,
];
const VIEW_PROTECTIONS = [
  ...new Array<number>(5).fill(memory.PAGE_READWRITE),
  memory.PAGE_READONLY,
  memory.PAGE_WRITECOPY,
  memory.PAGE_NOACCESS,
  memory.PAGE_EXECUTE_READ,
  memory.PAGE_EXECUTE_READWRITE,
  memory.PAGE_EXECUTE_WRITECOPY,
  memory.PAGE_READWRITE | memory.PAGE_GUARD,
  memory.PAGE_READONLY | memory.PAGE_GUARD,
];

/** Pages of pool that a bitmap of watched writes may need: its own, and for a page table of the pool. */
const POOL_PAGES = 2;
/** Page tables that pages of a view may need, which are charged before the pages are. */
const TABLES_OF_VIEW = 4;

export function write(world: World, step: Step, target: Target): void {
  const { process, range, first } = target;
  const bytes = pattern(step.value, 1 + (step.value % 16));
  world.write(process, range, first, (step.value >>> 8) % PAGE, bytes);
  world.lookAt(process, range, first, 1);
}

/** Writes the whole first page and a few bytes of those that follow. */
export function fill(world: World, step: Step, target: Target): void {
  const { process, range, first, count } = target;
  world.write(process, range, first, 0, pattern(step.value, PAGE));
  for (let index = first + 1; index < first + count; index++)
    world.write(process, range, index, (step.value >>> 8) % PAGE, pattern(step.value + index, 8));
  world.lookAt(process, range, first, count);
}

export function read(world: World, _step: Step, target: Target): void {
  const { process, range, first, count } = target;
  for (let index = first; index < first + count; index++) world.read(process, range, index);
}

export function execute(world: World, _step: Step, target: Target): void {
  world.touch(target.process, target.range, target.first, 'execute');
  world.lookAt(target.process, target.range, target.first, 1);
}

/** Reserves a range, and commits it or not. */
export function allocate(world: World, step: Step, process: Process): void {
  const protect = pick(PRIVATE_PROTECTIONS, step.value);
  const committed = step.value % 3 !== 0;
  const topDown = step.value % 5 === 0 ? memory.MEM_TOP_DOWN : 0;
  const watched = step.value % 4 === 1;
  const type =
    memory.MEM_RESERVE |
    topDown |
    (committed ? memory.MEM_COMMIT : 0) |
    (watched ? memory.MEM_WRITE_WATCH : 0);
  const count = step.count * 2;
  const request = { baseAddress: 0, regionSize: count * PAGE - (step.value % PAGE) };
  const expected =
    protect === memory.PAGE_WRITECOPY
      ? nt.STATUS_INVALID_PAGE_PROTECTION
      : committed && count > world.room
        ? nt.STATUS_COMMITMENT_LIMIT
        : nt.STATUS_SUCCESS;
  const { failures } = world;
  const hasLittle = watched && world.room < count + 1;
  const status = allocateVirtualMemory(world.mm, process.space, request, type, protect);
  if (watched && expected !== nt.STATUS_INVALID_PAGE_PROTECTION) {
    if (status === nt.STATUS_INSUFFICIENT_RESOURCES) {
      world.expectRefusal(POOL_PAGES);
      return;
    }
    if (status === nt.STATUS_COMMITMENT_LIMIT && committed && hasLittle) return;
  }
  if (!world.wentThrough(status, expected, failures, 'allocate')) return;
  expect([request.baseAddress % 0x10000, request.regionSize]).toEqual([0, count * PAGE]);
  const pages = newPages(count, committed, protect);
  const range = {
    base: request.baseAddress,
    pages,
    protect,
    section: null,
    firstPage: 0,
    live: null,
    watched,
  };
  process.ranges.push(range);
  world.lookAt(process, range);
}

export function commit(world: World, step: Step, target: Target): void {
  const { mm } = world;
  const { process, range, first, count, request } = target;
  const protect = pick(range.section === null ? PRIVATE_PROTECTIONS : VIEW_PROTECTIONS, step.value);
  const expected = statusOfCommit(world, target, protect);
  const isTight = range.section !== null && missingPages(target, protect) > world.room - TABLES_OF_VIEW;
  const { failures, room } = world;
  const missing = missingPages(target, protect);
  const status = allocateVirtualMemory(mm, process.space, request, memory.MEM_COMMIT, protect);
  const madeRoom = expected === nt.STATUS_COMMITMENT_LIMIT && world.room + missing > room;
  if (status === nt.STATUS_COMMITMENT_LIMIT && isTight) world.shortages++;
  else if (status !== expected && !(status === nt.STATUS_SUCCESS && madeRoom)) {
    world.expectExcuse(status, failures, 'commit');
    if (range.section !== null) adoptProtections(world, target);
  } else if (status === nt.STATUS_SUCCESS) {
    for (let index = first; index < first + count; index++) {
      const shared = sharedPage(range, index);
      if (shared === null) range.pages[index]!.committed = true;
      else shared.committed = true;
      protectPage(range, index, protect);
    }
  }
  world.lookAt(process, range, first, count);
}

function statusOfCommit(world: World, target: Target, protect: number): number {
  const { range } = target;
  if (range.section !== null && range.section.file !== null) return nt.STATUS_ALREADY_COMMITTED;
  if (range.section === null) {
    if (isCopyOnWrite(protect)) return nt.STATUS_INVALID_PAGE_PROTECTION;
  } else if (!isAllowed(range.protect, protect)) return nt.STATUS_SECTION_PROTECTION;
  const missing = missingPages(target, protect);
  return missing > 0 && missing > world.room ? nt.STATUS_COMMITMENT_LIMIT : nt.STATUS_SUCCESS;
}

/** Pages that are charged when the target is committed with a protection. */
function missingPages({ range, first, count }: Target, protect: number): number {
  let missing = 0;
  for (let index = first; index < first + count; index++) if (!isCommitted(range, index)) missing++;
  if (range.section !== null && isCopyOnWrite(protect)) missing += count - viewCharge(range, first, count);
  return missing;
}

/** A service was interrupted by a shortage of frames or a failing disk: pages have the old protection or the new one. */
function adoptProtections(world: World, { process, range, first, count }: Target): void {
  const information = emptyBasicInformation();
  const { store } = world;
  const { failsReads } = store;
  store.failsReads = false;
  for (let index = first; index < first + count; index++) {
    queryVirtualMemory(world.mm, process.space, range.base + index * PAGE, information);
    protectPage(range, index, information.protect);
  }
  store.failsReads = failsReads;
}

export function decommit(world: World, _step: Step, target: Target): void {
  const { process, range, first, count, request } = target;
  const expected = range.section === null ? nt.STATUS_SUCCESS : nt.STATUS_UNABLE_TO_DELETE_SECTION;
  const { failures } = world;
  const status = freeVirtualMemory(world.mm, process.space, request, memory.MEM_DECOMMIT);
  if (world.wentThrough(status, expected, failures, 'decommit')) {
    const pages = newPages(count, false, range.protect);
    pages.forEach((page, index) => {
      page.written = range.pages[first + index]!.written;
    });
    range.pages.splice(first, count, ...pages);
  }
  world.lookAt(process, range, first, count);
}

/** Gives back a part of a range: it becomes shorter, or two. */
export function release(world: World, _step: Step, target: Target): void {
  const { process, range, first, count, request } = target;
  const isPart = count < range.pages.length;
  let expected: number = nt.STATUS_SUCCESS;
  if (range.section !== null) expected = nt.STATUS_UNABLE_TO_DELETE_SECTION;
  else if (range.watched && isPart) expected = nt.STATUS_FREE_VM_NOT_AT_BASE;
  const { failures } = world;
  const status = freeVirtualMemory(world.mm, process.space, request, memory.MEM_RELEASE);
  if (!world.wentThrough(status, expected, failures, 'release')) return;
  const rest: LiveRange[] = [
    { ...range, pages: range.pages.slice(0, first) },
    { ...range, base: range.base + (first + count) * PAGE, pages: range.pages.slice(first + count) },
  ];
  const at = process.ranges.indexOf(range);
  process.ranges.splice(at, 1, ...rest.filter(({ pages }) => pages.length > 0));
  for (const part of process.ranges.slice(at, at + 2)) world.lookAt(process, part);
}

export function protect(world: World, step: Step, target: Target): void {
  const { process, range, first, count, request } = target;
  const wanted = pick(range.section === null ? PRIVATE_PROTECTIONS : VIEW_PROTECTIONS, step.value);
  const old = range.pages[first]!.protect;
  const out = { oldProtect: 0 };
  const expected = statusOfProtect(world, target, wanted);
  const { failures } = world;
  const lockedBefore = range.pages.filter(({ locked }) => locked).length;
  const status = protectVirtualMemory(world.mm, process.space, request, wanted, out);
  if (status !== expected && status !== nt.STATUS_WAS_UNLOCKED) {
    world.expectExcuse(status, failures, 'protect');
    adoptProtections(world, target);
  } else if (nt.ntSuccess(status)) {
    expect(out.oldProtect, 'old protection').toBe(old);
    for (let index = first; index < first + count; index++) protectPage(range, index, wanted);
    const unlocked = range.pages.filter(({ locked }) => locked).length < lockedBefore;
    expect(status, 'protect').toBe(unlocked ? nt.STATUS_WAS_UNLOCKED : expected);
  }
  world.lookAt(process, range, first, count);
}

function statusOfProtect(world: World, { range, first, count }: Target, protect: number): number {
  const pages = Array.from({ length: count }, (_, index) => first + index);
  const reserved = pages.some((index) => !isCommitted(range, index));
  if (range.section === null) {
    if (isCopyOnWrite(protect)) return nt.STATUS_INVALID_PARAMETER_4;
    return reserved ? nt.STATUS_NOT_COMMITTED : nt.STATUS_SUCCESS;
  }
  const wanted = isCopyOnWrite(range.protect) ? inCopyOnWriteView(protect) : protect;
  if (!isAllowed(range.protect, wanted)) return nt.STATUS_SECTION_PROTECTION;
  if (reserved) return nt.STATUS_NOT_COMMITTED;
  const more = isCopyOnWrite(wanted) ? count - viewCharge(range, first, count) : 0;
  return more > 0 && more > world.room ? nt.STATUS_COMMITMENT_LIMIT : nt.STATUS_SUCCESS;
}

/** What VirtualQuery tells of the pages from one on. */
export function query(world: World, _step: Step, target: Target): void {
  const { process, range, first, request } = target;
  const found = emptyBasicInformation();
  const { failures } = world;
  const status = queryVirtualMemory(world.mm, process.space, request.baseAddress, found);
  if (!world.wentThrough(status, nt.STATUS_SUCCESS, failures, 'query')) return;
  const protectOf = (index: number) => (isCommitted(range, index) ? range.pages[index]!.protect : 0);
  let end = first + 1;
  while (end < range.pages.length && protectOf(end) === protectOf(first)) end++;
  expect(found).toEqual({
    baseAddress: request.baseAddress,
    allocationBase: range.base,
    allocationProtect: range.protect,
    regionSize: (end - first) * PAGE,
    state: isCommitted(range, first) ? memory.MEM_COMMIT : memory.MEM_RESERVE,
    protect: protectOf(first),
    type: range.section === null ? memory.MEM_PRIVATE : memory.MEM_MAPPED,
  });
}
