/**
 * Threads that wait for a page: for the read that a fault began or met (a collided fault), or for frames to become available.
 * Others run meanwhile. When the read has ended, the fault is finished before the thread goes on, so that the page is valid
 * when the instruction runs again, or the service that touched it.
 * Source: Windows Internals, "In-paging I/O", "Collided page faults"; KWAIT_REASON (WrPageIn, WrFreePage).
 */
import { ntSuccess, STATUS_IN_PAGE_ERROR, STATUS_PENDING, STATUS_SUCCESS } from '../base/ntstatus.js';
import { FAULT_FETCH, FAULT_WRITE } from '../mm/access-check.js';
import { endFault } from '../mm/fault-handler.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import { relieveShortageLater } from '../mm/page-lists.js';
import { beginPageWait, endPageWait, isBeingRead } from '../mm/paging-io.js';
import { NO_FAULT } from '../mm/user-memory.js';
import { raiseException } from './exception-dispatch.js';
import type { Kernel } from './kernel.js';
import { resumeListPop } from './list-pop.js';
import type { Thread, WaitReason } from './thread.js';

/** A fault that waits: where, how, and for which frame. */
export interface PageWait {
  /** Frame that is being read; NO_PAGE: the thread waits for none. */
  frame: number;
  /** 48-bit address and FAULT_* bits of the fault; NO_FAULT: a service wants a page of a file. */
  address: number;
  error: number;
  /** A service touched the page; it is entered again afterwards, with this answer of an earlier wait (-1: none). */
  inService: boolean;
  serviceWait: number;
  /** Times that the service has begun anew. */
  restarts: number;
}

export const NO_PAGE = -1;

/** Frames that must be available before a fault begins, while writes are on their way that will make some. */
const FRAMES_FOR_A_FAULT = 8;

const PAGE_IN: WaitReason = { kind: 'page', deadline: null };
const FREE_PAGE: WaitReason = { kind: 'free-page', deadline: null };

export function makePageWait(): PageWait {
  return { frame: NO_PAGE, address: 0, error: 0, inService: false, serviceWait: -1, restarts: 0 };
}

/** A fault of the running thread answered STATUS_PENDING: the thread waits for mm.pendingFrame. */
export function waitForPage(kernel: Kernel, thread: Thread, address: number, error: number): void {
  const { mm } = kernel;
  const { pageWait } = thread;
  pageWait.frame = mm.pendingFrame;
  pageWait.address = address;
  pageWait.error = error;
  beginPageWait(mm, mm.pendingFrame);
  kernel.scheduler.wait(thread, PAGE_IN);
}

/** True when frames are short and writes will make some: the thread waits for that, and its instruction runs again then. */
export function waitForFreePages(kernel: Kernel, thread: Thread): boolean {
  const { mm } = kernel;
  if (mm.lists.available >= FRAMES_FOR_A_FAULT || !relieveShortageLater(mm, FRAMES_FOR_A_FAULT)) return false;
  kernel.scheduler.wait(thread, FREE_PAGE);
  return true;
}

/** Paging I/O has ended: threads whose page has been read, and those that wait for frames, are ready. */
export function wakePageWaiters(kernel: Kernel): void {
  const { mm, scheduler } = kernel;
  kernel.completionsSeen = mm.io.completions;
  for (const thread of [...scheduler.waiting]) {
    const { kind } = thread.wait!;
    if (kind === 'free-page' || (kind === 'page' && !isBeingRead(mm, thread.pageWait.frame)))
      scheduler.endWait(thread, -1);
  }
}

/** The thread runs again and its page has been read: finishes the fault. */
export function pageArrived(kernel: Kernel, thread: Thread): void {
  const { mm } = kernel;
  const { pageWait } = thread;
  const { frame, address, error } = pageWait;
  pageWait.frame = NO_PAGE;
  const status =
    address === NO_FAULT
      ? endFileWait(mm, frame)
      : endFault(mm, thread.process.space, address, error, true, thread.stack, frame);
  if (status === STATUS_PENDING) waitForPage(kernel, thread, address, error);
  else if (pageWait.inService) {
    pageWait.inService = false;
    if (!ntSuccess(status)) kernel.memory.failTouch(address, status);
    kernel.call.dispatch(thread, pageWait.serviceWait);
  } else finishPageFault(kernel, thread, status, address, error);
}

/** A service waited for a page of a file. */
function endFileWait(mm: MemoryManager, frame: number): number {
  endPageWait(mm, frame);
  return STATUS_SUCCESS;
}

/** A fault of the program has been resolved, or is raised in its thread. */
export function finishPageFault(
  kernel: Kernel,
  thread: Thread,
  status: number,
  address: number,
  error: number,
): void {
  if (ntSuccess(status) || resumeListPop(kernel, thread)) return;
  const kind = error & FAULT_FETCH ? 8 : error & FAULT_WRITE ? 1 : 0;
  const parameters = [kind, address];
  if (status === STATUS_IN_PAGE_ERROR) parameters.push(kernel.mm.sections.inPageStatus);
  raiseException(kernel, thread, status, 0, kernel.processor.rip, parameters);
}

/** The thread ends: it waits for no page any more. */
export function cancelPageWait(kernel: Kernel, thread: Thread): void {
  const { pageWait } = thread;
  if (pageWait.frame === NO_PAGE) return;
  endPageWait(kernel.mm, pageWait.frame);
  pageWait.frame = NO_PAGE;
}
