/**
 * Paging I/O in flight: reads that faults wait for and writes of modified pages, in the order in which the disk ends them.
 * The bytes move when a request is made; that the pages may be used (read) or reused (written) shows when it ends on the
 * virtual clock. Every frame of a request, and every frame that a thread waits for, holds a reference.
 * Source: Windows Internals, "In-paging I/O", "Collided page faults", "Modified page writer".
 */
import { STATUS_PENDING } from '../base/ntstatus.js';
import { Disk, type DiskModel } from '../machine/disk.js';
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { addReference, releaseReference } from './page-lists.js';
import { PFN_READ_IN_PROGRESS } from './pfn-database.js';

/** Pages of the largest request. */
export const REQUEST_PAGES = 16;
/**
 * Writes that may be in flight together when a page writer begins one more, so that reads do not wait behind a long row of
 * them; the modified page writer leaves one to the mapped page writer.
 */
export const WRITES_WITH_PAGE_FILE = 3;
export const WRITES_WITH_MAPPED_FILES = 4;

/** One transfer (an in-page support block, or an entry of the page writer's list). */
export interface PagingRequest {
  isRead: boolean;
  /** Virtual time in 100 ns units. */
  completesAt: number;
  /** Frames, of which the first `pages` count. */
  readonly frames: Int32Array;
  pages: number;
}

export class PagingIo {
  readonly disk: Disk;
  /** In flight, first to end first. */
  readonly requests: PagingRequest[] = [];
  /** Requests that have ended, for the next use. */
  readonly spare: PagingRequest[] = [];
  /** Frames that threads wait for, one entry a waiter. */
  readonly waited: number[] = [];
  /** Virtual time at which the first request ends, infinity for none. */
  nextCompletion = Number.POSITIVE_INFINITY;
  writesInFlight = 0;
  /** Pages that they write. */
  pagesBeingWritten = 0;
  /** Requests that have ended. */
  completions = 0;
  /** Faults that waited for a read which another had begun. */
  collidedFaults = 0;
  /** Waits for pages that services touched: those after which the service began anew, and those on the spot. */
  serviceRestarts = 0;
  waitsOnTheSpot = 0;
  /** Most requests that were in flight together. */
  peakRequests = 0;

  constructor(model: DiskModel) {
    this.disk = new Disk(model);
  }
}

/**
 * Begins a transfer of `pages` pages at a position of the disk (bytes); the frames have been given a reference each for it.
 */
export function submitRequest(
  mm: MemoryManager,
  isRead: boolean,
  frames: Int32Array,
  pages: number,
  position: number,
): void {
  const { io } = mm;
  const request = io.spare.pop() ?? { isRead, completesAt: 0, frames: new Int32Array(REQUEST_PAGES), pages };
  request.isRead = isRead;
  request.pages = pages;
  for (let index = 0; index < pages; index++) request.frames[index] = frames[index]!;
  request.completesAt = io.disk.submit(mm.clock.now100ns, position, pages * 4096);
  io.requests.push(request);
  io.nextCompletion = io.requests[0]!.completesAt;
  if (!isRead) {
    io.writesInFlight++;
    io.pagesBeingWritten += pages;
  }
  if (io.requests.length > io.peakRequests) io.peakRequests = io.requests.length;
}

/** Ends the requests whose time has come. */
export function completeDueRequests(mm: MemoryManager): void {
  const { io, clock } = mm;
  while (io.nextCompletion <= clock.now100ns) completeFirst(mm);
}

/** Lets time pass until the first request ends. False: none is in flight. Nothing else of the machine runs meanwhile. */
export function waitForNextRequest(mm: MemoryManager): boolean {
  const { io, clock } = mm;
  if (io.requests.length === 0) return false;
  clock.advance?.(Math.max(0, io.nextCompletion - clock.now100ns));
  completeFirst(mm);
  return true;
}

function completeFirst(mm: MemoryManager): void {
  const { io } = mm;
  const request = io.requests.shift()!;
  io.nextCompletion = io.requests[0]?.completesAt ?? Number.POSITIVE_INFINITY;
  io.completions++;
  if (mm.events.active) {
    const kind = request.isRead ? 'read-complete' : 'write-complete';
    mm.events.emit(kind, null, 0, request.frames[0]!, request.pages);
  }
  for (let index = 0; index < request.pages; index++) {
    const frame = request.frames[index]!;
    mm.pfn.flags[frame]! &= ~PFN_READ_IN_PROGRESS;
    releaseReference(mm, frame);
  }
  io.spare.push(request);
  if (!request.isRead) {
    io.writesInFlight--;
    io.pagesBeingWritten -= request.pages;
  }
}

/** Whether a frame's contents are still on their way from the disk. */
export function isBeingRead(mm: MemoryManager, frame: number): boolean {
  return (mm.pfn.flags[frame]! & PFN_READ_IN_PROGRESS) !== 0;
}

/** A thread begins to wait for a frame: it stays this page's until endPageWait, even if its PTE goes. */
export function beginPageWait(mm: MemoryManager, frame: number): void {
  addReference(mm, frame);
  mm.io.waited.push(frame);
}

export function endPageWait(mm: MemoryManager, frame: number): void {
  const { waited } = mm.io;
  waited.splice(waited.indexOf(frame), 1);
  releaseReference(mm, frame);
}

/** Waits on the spot until a frame has been read. */
export function waitForFrame(mm: MemoryManager, frame: number): void {
  beginPageWait(mm, frame);
  while (isBeingRead(mm, frame)) waitForNextRequest(mm);
  endPageWait(mm, frame);
}

/** A fault on a page that is being read already waits for the same read: STATUS_PENDING. */
export function waitForCollided(mm: MemoryManager, space: AddressSpace, frame: number): number {
  mm.faultWasHard = true;
  mm.pendingFrame = frame;
  mm.io.collidedFaults++;
  if (mm.events.active) mm.events.emit('collided-fault', space, 0, frame, mm.io.requests.length);
  return STATUS_PENDING;
}
