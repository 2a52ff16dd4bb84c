/** Steps of the paging model: sections, views, and files that are read and written beside their views. */
import { expect } from 'vitest';
import * as memory from '../../base/memory-constants.js';
import * as nt from '../../base/ntstatus.js';
import { HostIoError } from '../../mm/backing-file.js';
import { readCachedFile, writeCachedFile } from '../../mm/file-cache.js';
import { readMappedFile, setMappedFileSize, writeMappedFile } from '../../mm/mapped-file.js';
import { createSection, deleteSection, type Section } from '../../mm/section.js';
import { flushVirtualMemory, mapViewOfSection, unmapViewOfSection } from '../../mm/section-view.js';
import type { File, LiveRange, LiveSection, Process } from './records.js';
import {
  isAllowed,
  isCopyOnWrite,
  type ModelSection,
  newPages,
  newSharedPages,
  PAGE,
  resizeFile,
  writeFile as writeModelFile,
} from './reference.js';
import type { Step } from './steps.js';
import { pattern, pick, type Target } from './targets.js';
import type { World } from './world.js';

const MOST_FILE_PAGES = 40;
const SECTION_PROTECTIONS = [
  memory.PAGE_READWRITE,
  memory.PAGE_READWRITE,
  memory.PAGE_EXECUTE_READWRITE,
  memory.PAGE_READONLY,
  memory.PAGE_WRITECOPY,
] as const;
const VIEW_PROTECTIONS = [
  memory.PAGE_READWRITE,
  memory.PAGE_READWRITE,
  memory.PAGE_WRITECOPY,
  memory.PAGE_WRITECOPY,
  memory.PAGE_READONLY,
  memory.PAGE_EXECUTE_READWRITE,
  memory.PAGE_EXECUTE_WRITECOPY,
] as const;
/** Pages of pool that a new section may need. */
const POOL_PAGES = 4;

export function create(world: World, step: Step): void {
  const protect = pick(SECTION_PROTECTIONS, step.value);
  const reserves = step.value % 4 === 1;
  if (step.value % 2 === 0) createFileSection(world, step, pick(world.files, step.range), protect);
  else createPagingFileSection(world, step, protect, reserves);
}

function createPagingFileSection(world: World, step: Step, protect: number, reserves: boolean): void {
  const size = step.count * PAGE - (step.value % PAGE);
  const attributes = reserves ? memory.SEC_RESERVE : memory.SEC_COMMIT;
  const out: { section: Section | null } = { section: null };
  const request = {
    file: null,
    maximumSize: size,
    pageProtection: protect,
    allocationAttributes: attributes,
  };
  const expected = !reserves && step.count > world.room ? nt.STATUS_COMMITMENT_LIMIT : nt.STATUS_SUCCESS;
  const { failures } = world;
  const status = createSection(world.mm, request, out);
  const charged = reserves ? 0 : step.count;
  if (isRefused(world, status, expected, charged, failures) || out.section === null) return;
  const pages = newSharedPages(step.count, !reserves);
  const model: ModelSection = { pages, size: step.count * PAGE, protect, reserves, file: null };
  world.sections.push({ section: out.section, model, file: null });
}

/**
 * True when the section, which commits so many pages, was refused: as it should be, for want of pool, or because a page of pool
 * could not be read, a failure more than `failures`.
 */
function isRefused(world: World, status: number, expected: number, pages: number, failures: number): boolean {
  if (status === nt.STATUS_INSUFFICIENT_RESOURCES && world.failures > failures) world.diskErrors++;
  else if (status === nt.STATUS_INSUFFICIENT_RESOURCES) world.expectRefusal(pages + POOL_PAGES);
  else expect(status, 'createSection').toBe(expected);
  return status !== nt.STATUS_SUCCESS;
}

function createFileSection(world: World, step: Step, file: File, protect: number): void {
  const pages = step.count % 3 === 0 ? 0 : step.count % MOST_FILE_PAGES;
  const asked = pages === 0 ? 0 : pages * PAGE - (step.page % PAGE);
  const size = asked === 0 ? file.size : asked;
  const isWritable = (protect & (memory.PAGE_READWRITE | memory.PAGE_EXECUTE_READWRITE)) !== 0;
  let expected: number = nt.STATUS_SUCCESS;
  if (size === 0) expected = nt.STATUS_MAPPED_FILE_SIZE_ZERO;
  else if (size > file.size && !isWritable) expected = nt.STATUS_SECTION_TOO_BIG;
  const out: { section: Section | null } = { section: null };
  const request = {
    file: file.host,
    maximumSize: asked,
    pageProtection: protect,
    allocationAttributes: memory.SEC_COMMIT,
  };
  const { failures } = world;
  const status = createSection(world.mm, request, out);
  const grows = size > file.size && isWritable;
  if (grows && (status === nt.STATUS_SUCCESS || status === nt.STATUS_INSUFFICIENT_RESOURCES))
    resizeFile(file, size);
  if (isRefused(world, status, expected, 0, failures) || out.section === null) return;
  file.references++;
  file.segmentPages = Math.max(file.segmentPages, Math.ceil(size / PAGE));
  const model: ModelSection = { pages: file.pages, size, protect, reserves: false, file };
  world.sections.push({ section: out.section, model, file });
}

export function close(world: World, live: LiveSection): void {
  prepareToDrop(live.file, 1);
  deleteSection(world.mm, live.section);
  world.sections.splice(world.sections.indexOf(live), 1);
  drop(world, live.file);
}

/**
 * A section or view of a file goes. With the last one the segment is unused; it may be deleted at any time, and what a failing
 * disk does not take is lost then: nobody has been told that it was written. The model has no such losses; the disk works before.
 */
function prepareToDrop(file: File | null, references: number): void {
  if (file !== null && file.references <= references) file.host.failing = false;
}

function drop({ mm }: World, file: File | null): void {
  if (file === null) return;
  file.references--;
  if (file.references === 0) file.segmentPages = 0;
  const controlArea = file.host.dataControlArea;
  const isUsed = controlArea !== null && !mm.sections.unused.includes(controlArea);
  expect(isUsed, 'the file has a control area in use').toBe(file.references > 0);
}

export function map(world: World, step: Step, process: Process, live: LiveSection): void {
  const { section, model, file } = live;
  const protect = pick(VIEW_PROTECTIONS, step.value);
  const sectionOffset = (step.page % 3) * 0x10000;
  const asked = step.count % 2 === 0 ? 0 : (step.count >>> 1) * PAGE;
  const size = asked === 0 ? model.size - sectionOffset : asked;
  const pageCount = Math.ceil(size / PAGE);
  const view = { baseAddress: 0, viewSize: asked, sectionOffset, allocationType: 0, protect };
  let expected: number = nt.STATUS_SUCCESS;
  if (!isAllowed(model.protect, protect)) expected = nt.STATUS_SECTION_PROTECTION;
  else if (sectionOffset >= model.size || sectionOffset + size > model.size)
    expected = nt.STATUS_INVALID_VIEW_SIZE;
  else if (isCopyOnWrite(protect) && pageCount > world.room) expected = nt.STATUS_COMMITMENT_LIMIT;
  const { failures } = world;
  const status = mapViewOfSection(world.mm, process.space, section, view);
  if (!world.wentThrough(status, expected, failures, 'mapViewOfSection')) return;
  expect([view.baseAddress % 0x10000, view.viewSize]).toEqual([0, pageCount * PAGE]);
  const pages = newPages(pageCount, true, protect);
  const firstPage = sectionOffset / PAGE;
  const range = { base: view.baseAddress, pages, protect, section: model, firstPage, live, watched: false };
  process.ranges.push(range);
  if (file !== null) file.references++;
  world.lookAt(process, range);
}

export function unmap(world: World, _step: Step, target: Target): void {
  const { process, range, request } = target;
  if (range.live !== null) prepareToDrop(range.live.file, 1);
  const expected = range.live === null ? nt.STATUS_NOT_MAPPED_VIEW : nt.STATUS_SUCCESS;
  const { failures } = world;
  const status = unmapViewOfSection(world.mm, process.space, request.baseAddress);
  if (world.wentThrough(status, expected, failures, 'unmap') && range.live !== null)
    forget(world, process, range);
}

function forget(world: World, process: Process, range: LiveRange): void {
  process.ranges.splice(process.ranges.indexOf(range), 1);
  drop(world, range.live!.file);
}

/** The end of a process: its views go with it. */
export function forgetViews(process: Process, end: () => void): void {
  const views = process.ranges.filter(({ live }) => live !== null);
  for (const { live } of views) {
    const ofFile = views.filter((view) => view.live!.file === live!.file).length;
    prepareToDrop(live!.file, ofFile);
  }
  end();
  for (const { live } of views) {
    const file = live!.file;
    if (file !== null && --file.references === 0) file.segmentPages = 0;
  }
}

/** After a flush that succeeded, the file holds what the view shows. */
export function flush(world: World, _step: Step, target: Target): void {
  const { process, range, first, count, request } = target;
  const file = range.live?.file ?? null;
  const { failures } = world;
  const status = flushVirtualMemory(world.mm, process.space, request, { bytesWritten: 0 });
  if (range.live === null) expect(status).toBe(nt.STATUS_NOT_MAPPED_VIEW);
  else if (file === null) expect(status).toBe(nt.STATUS_NOT_MAPPED_DATA);
  else if (status === nt.STATUS_SUCCESS) {
    const from = (range.firstPage + first) * PAGE;
    world.compareFile(file, from, Math.min(file.size, from + count * PAGE));
  } else {
    expect([status, world.failures > failures]).toEqual([nt.STATUS_FILE_CORRUPT_ERROR, true]);
    world.diskErrors++;
  }
  world.lookAt(process, range, first, count);
}

/** Runs a read or write of a file; false when the host failed. */
function tryFile(world: World, operation: () => void): boolean {
  const { failures } = world;
  try {
    operation();
    return true;
  } catch (error) {
    if (!(error instanceof HostIoError) || world.failures === failures) throw error;
    world.diskErrors++;
    return false;
  }
}

export function readFile(world: World, step: Step): void {
  const file = pick(world.files, step.range);
  const offset = (step.page * PAGE + (step.value % PAGE)) % (file.size + 1);
  const bytes = new Uint8Array(step.count * 512);
  let count = 0;
  const take = (part: Uint8Array, done: number) => bytes.set(part, done);
  const read = () =>
    step.page & 1
      ? readCachedFile(world.mm, file.host, offset, bytes.length, take)
      : readMappedFile(world.mm, file.host, offset, bytes);
  if (!tryFile(world, () => (count = read()))) return;
  expect(count, 'bytes read').toBe(Math.min(bytes.length, file.size - offset));
  for (let done = 0; done < count; done++) {
    const at = offset + done;
    const byte = file.pages[Math.floor(at / PAGE)]!.content?.[at % PAGE] ?? 0;
    if (bytes[done] !== byte) expect.fail(`byte ${at} of the file is ${bytes[done]}, expected ${byte}`);
  }
}

export function writeFile(world: World, step: Step): void {
  const file = pick(world.files, step.range);
  const offset = (step.page * PAGE + (step.value % PAGE)) % (file.size + 100);
  const room = MOST_FILE_PAGES * PAGE - offset;
  const bytes = pattern(step.value, Math.max(1, Math.min(step.count * 400, room)));
  const write = step.page & 1 ? writeCachedFile : writeMappedFile;
  if (tryFile(world, () => write(world.mm, file.host, offset, bytes))) writeModelFile(file, offset, bytes);
}

export function resize(world: World, step: Step): void {
  const file = pick(world.files, step.range);
  const size = (step.count % MOST_FILE_PAGES) * PAGE + (step.value % PAGE);
  const isCut = size < file.size && Math.ceil(size / PAGE) < file.segmentPages;
  const expected = isCut ? nt.STATUS_USER_MAPPED_FILE : nt.STATUS_SUCCESS;
  expect(setMappedFileSize(world.mm, file.host, size), 'setMappedFileSize').toBe(expected);
  if (expected === nt.STATUS_SUCCESS) resizeFile(file, size);
}
