/**
 * Requests of programs that are not finished when their service returns (IRPs), and how the end of I/O is told: status block,
 * event, file object, APC, completion port. Sources: Microsoft, "Synchronous and Asynchronous I/O", "NtReadFile function",
 * "SetFileCompletionNotificationModes function", "CancelIoEx function".
 */
import {
  STATUS_CANCELLED,
  STATUS_INSUFFICIENT_RESOURCES,
  STATUS_INVALID_PARAMETER,
  STATUS_NOT_FOUND,
  STATUS_PENDING,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import { needAddressSpace } from '../mm/threads/swapper.js';
import { GuestFault } from '../mm/user-memory.js';
import { EVENT_MODIFY_STATE } from './access.js';
import { queueUserApc, type Word64, ZERO64 } from './apc.js';
import type { EventObject } from './dispatcher.js';
import { FILE_SYNCHRONOUS_IO_ALERT, FILE_SYNCHRONOUS_IO_NONALERT, type FileObject } from './file-object.js';
import { queueCompletion } from './io-completion.js';
import type { Kernel } from './kernel.js';
import { dereferenceObject, referenceByHandle } from './object-manager.js';
import type { Process } from './process.js';
import type { ServiceCall } from './service.js';
import type { Thread } from './thread.js';

/** Pool bytes and tag of a request (IRP with one stack location on x64). */
const IRP_BYTES = 0x118;
const IRP_TAG = 'Irp ';

/** Where a program wants to hear of the end of its I/O. */
export interface IoTarget {
  /** Address of the IO_STATUS_BLOCK. */
  readonly statusBlock: number;
  readonly event: EventObject | null;
  /** APC routine, null for none. */
  readonly apc: Word64 | null;
  /** The routine's argument, or what a completion port's packet has; zero: no packet. */
  readonly context: Word64;
}

/** I/O that waits for something. */
export interface IoRequest {
  readonly operation: 'read' | 'write' | 'listen' | 'transceive' | 'notify' | 'lock';
  readonly file: FileObject;
  readonly process: Process;
  readonly thread: Thread;
  readonly target: IoTarget;
  /** The program's buffer, and how many bytes of it have been dealt with. */
  readonly buffer: number;
  readonly length: number;
  done: number;
}

/** FILE_SKIP_COMPLETION_PORT_ON_SUCCESS, FILE_SKIP_SET_EVENT_ON_HANDLE. */
export const SKIP_PORT_ON_SUCCESS = 1;
export const SKIP_SET_EVENT = 2;

/** Whether the I/O of an open is finished when its services return. */
export function isSynchronous({ options }: FileObject): boolean {
  return (options & (FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT)) !== 0;
}

/** The event of a handle, null for handle 0; a number is the NTSTATUS. */
export function eventOfHandle(call: ServiceCall, handle: number): EventObject | null | number {
  if (handle === 0) return null;
  const event = referenceByHandle(call.kernel, call.process, handle, 'event', EVENT_MODIFY_STATE);
  return typeof event === 'number' ? event : (event as EventObject);
}

/** An APC and a completion port exclude each other. */
export function checkTarget(file: FileObject, target: IoTarget): number {
  return file.completion !== null && target.apc !== null ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}

/**
 * Keeps a request until it can be finished; the answer of its service: STATUS_PENDING, or STATUS_INSUFFICIENT_RESOURCES when
 * nonpaged pool is used up.
 */
export function pendRequest(
  call: ServiceCall,
  operation: IoRequest['operation'],
  file: FileObject,
  buffer: number,
  length: number,
  target: IoTarget,
): number {
  const { kernel, process, thread } = call;
  const { nonpagedPool } = kernel.mm;
  if (!nonpagedPool.mayCharge(IRP_BYTES)) return STATUS_INSUFFICIENT_RESOURCES;
  kernel.memory.commit();
  nonpagedPool.charge(IRP_BYTES, IRP_TAG);
  const request = { operation, file, process, thread, target, buffer, length, done: 0 };
  file.referenceCount++;
  file.signalState = 0;
  if (target.event !== null) {
    target.event.referenceCount++;
    target.event.signalState = 0;
  }
  call.memory.writeU64(target.statusBlock, STATUS_PENDING, 0);
  kernel.pendingIo.add(request);
  return STATUS_PENDING;
}

/** Runs something in the address space of a process; false when it is gone or its pages refuse. */
export function inProcessOf(kernel: Kernel, process: Process, action: () => void): boolean {
  if (process.deleted || !needAddressSpace(kernel.mm, process.space)) return false;
  const before = kernel.mm.current;
  kernel.memory.commit();
  kernel.attachProcess(process);
  try {
    action();
    return true;
  } catch (error) {
    if (error instanceof GuestFault) return false;
    throw error;
  } finally {
    if (before !== process.space) kernel.detachProcess();
  }
}

/** A request that was kept is finished: its program is told. */
export function finishRequest(kernel: Kernel, request: IoRequest, status: number, information: number): void {
  const { target, process, file } = request;
  kernel.pendingIo.delete(request);
  kernel.mm.nonpagedPool.uncharge(IRP_BYTES, IRP_TAG);
  inProcessOf(kernel, process, () => writeOutcome(kernel, target.statusBlock, status, information));
  announce(kernel, file, request.thread, target, status, information);
  if (target.event !== null) dereferenceObject(kernel, target.event);
  dereferenceObject(kernel, file);
}

function writeOutcome(kernel: Kernel, at: number, status: number, information: number): void {
  kernel.memory.writeU64(at + 8, information >>> 0, Math.floor(information / 2 ** 32));
  kernel.memory.writeU64(at, status, 0);
}

/** I/O that its service finished itself: the same signals, but for what the file's notification modes leave out. */
export function announceInline(
  call: ServiceCall,
  file: FileObject,
  target: IoTarget,
  status: number,
  information: number,
): void {
  call.memory.commit();
  writeOutcome(call.kernel, target.statusBlock, status, information);
  const skipsPort = (file.notificationModes & SKIP_PORT_ON_SUCCESS) !== 0 && status < 0x80000000;
  announce(call.kernel, file, call.thread, target, status, information, skipsPort);
}

function announce(
  kernel: Kernel,
  file: FileObject,
  thread: Thread,
  { event, apc, context, statusBlock }: IoTarget,
  status: number,
  information: number,
  skipsPort = false,
): void {
  if (event !== null) signal(kernel, event);
  if (event === null && !(file.notificationModes & SKIP_SET_EVENT)) signal(kernel, file);
  if (apc !== null) {
    const systemArgument1: Word64 = [statusBlock % 2 ** 32, Math.floor(statusBlock / 2 ** 32)];
    queueUserApc(kernel, thread, {
      routine: apc,
      argument: context,
      systemArgument1,
      systemArgument2: ZERO64,
      special: false,
    });
  } else if (file.completion !== null && !skipsPort && (context[0] !== 0 || context[1] !== 0)) {
    const { port, key } = file.completion;
    const bytes: Word64 = [information >>> 0, Math.floor(information / 2 ** 32)];
    queueCompletion(kernel, port, { key, context, status, information: bytes });
  }
}

function signal(kernel: Kernel, object: EventObject | FileObject): void {
  object.signalState = 1;
  kernel.scheduler.signal(object);
}

/** Ends the requests that are meant with STATUS_CANCELLED; returns how many. */
export function cancelRequests(kernel: Kernel, isIt: (request: IoRequest) => boolean): number {
  const cancelled = [...kernel.pendingIo].filter(isIt);
  for (const request of cancelled) finishRequest(kernel, request, STATUS_CANCELLED, 0);
  return cancelled.length;
}

/** CancelIoEx and CancelIo: those of a file, of one status block or of one thread alone. STATUS_NOT_FOUND when there is none. */
export function cancelFileRequests(
  kernel: Kernel,
  process: Process,
  file: FileObject,
  statusBlock: number,
  thread: Thread | null,
): number {
  kernel.memory.commit();
  const count = cancelRequests(
    kernel,
    (request) =>
      request.file === file &&
      request.process === process &&
      (statusBlock === 0 || request.target.statusBlock === statusBlock) &&
      (thread === null || request.thread === thread),
  );
  return count > 0 ? STATUS_SUCCESS : STATUS_NOT_FOUND;
}
