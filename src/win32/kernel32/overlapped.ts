/**
 * Overlapped I/O (ioapiset.h, fileapi.h). Sources: Microsoft, "OVERLAPPED structure", "GetOverlappedResultEx function",
 * "ReadFileEx function", "ReadFileScatter function", "CancelIoEx function", "SetFileCompletionNotificationModes function".
 */
import {
  ntSuccess,
  STATUS_END_OF_FILE,
  STATUS_INVALID_PARAMETER,
  STATUS_NOT_FOUND,
  STATUS_PENDING,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import { THREAD_TERMINATE } from '../../nt/access.js';
import { type Word64, ZERO64 } from '../../nt/apc.js';
import type { TransferResult } from '../../nt/disk-io.js';
import { FILE_NO_INTERMEDIATE_BUFFERING } from '../../nt/file-object.js';
import { fileOfHandle, readFile, writeFile } from '../../nt/io.js';
import {
  announceInline,
  cancelFileRequests,
  eventOfHandle,
  type IoTarget,
  isSynchronous,
} from '../../nt/io-request.js';
import { referenceByHandle } from '../../nt/object-manager.js';
import { WAIT_TIMEOUT } from '../../nt/scheduler.js';
import { PENDING, type Service, type ServiceCall, type ServiceFunction } from '../../nt/service.js';
import { beginWait } from '../../nt/sync.js';
import { cancelSynchronousIo } from '../../nt/synchronous-io.js';
import type { Thread } from '../../nt/thread.js';
import { startTransfer } from '../../nt/transfer.js';
import { milliseconds } from '../ntdll/address-wait.js';
import { dosErrorOf, ERROR_INVALID_PARAMETER, ERROR_IO_INCOMPLETE } from '../ntdll/dos-error.js';
import { failStatus, TRUE, truth } from './results.js';

/** OVERLAPPED: byte offsets. Internal and InternalHigh are its IO_STATUS_BLOCK. */
const OVERLAPPED_INTERNAL_HIGH = 0x08;
const OVERLAPPED_OFFSET = 0x10;
const OVERLAPPED_EVENT = 0x18;
const OVERLAPPED_BYTES = 0x20;

/** Where a transfer begins: null for the file's own position, -1 for its end (both words all ones). */
export function offsetOf(call: ServiceCall, overlapped: number): number | null {
  if (overlapped === 0) return null;
  const lo = call.memory.readU32(overlapped + OVERLAPPED_OFFSET);
  const hi = call.memory.readU32(overlapped + OVERLAPPED_OFFSET + 4);
  return lo === 0xffffffff && hi === 0xffffffff ? -1 : hi * 2 ** 32 + lo;
}

const wordOf = (address: number): Word64 => [address % 2 ** 32, Math.floor(address / 2 ** 32)];

/** What an OVERLAPPED asks for; a number is the NTSTATUS. An event handle with its lowest bit set wants no packet. */
export function targetOf(call: ServiceCall, overlapped: number): IoTarget | number {
  call.memory.probeWrite(overlapped, OVERLAPPED_BYTES);
  const handle = call.memory.readU32(overlapped + OVERLAPPED_EVENT);
  const event = eventOfHandle(call, handle & ~1);
  if (typeof event === 'number') return event;
  return { statusBlock: overlapped, event, apc: null, context: handle & 1 ? ZERO64 : wordOf(overlapped) };
}

/** The handle to wait for and the I/O's state, for GetOverlappedResult. */
function waitForResult(
  call: ServiceCall,
  overlapped: number,
  time: number,
  alertable: boolean,
): number | typeof PENDING {
  const handle = call.memory.readU32(overlapped + OVERLAPPED_EVENT) & ~1 || call.handle(0);
  return beginWait(call, [handle], false, time, alertable);
}

function finishResult(call: ServiceCall, overlapped: number, time: number, alertable: boolean) {
  const status = call.memory.readU32(overlapped);
  if (status === STATUS_PENDING) {
    if (time <= 0) return call.fail(ERROR_IO_INCOMPLETE);
    if (call.waitStatus > 0) return call.fail(waitError(call.waitStatus));
    const waited = waitForResult(call, overlapped, time, alertable);
    if (waited === PENDING) return PENDING;
    if (waited !== 0) return call.fail(waitError(waited));
  }
  call.memory.probeWrite(call.address(2), 4);
  const count = call.memory.readU32(overlapped + OVERLAPPED_INTERNAL_HIGH);
  call.memory.writeU32(call.address(2), count);
  return truth(call, call.memory.readU32(overlapped));
}

/** WAIT_TIMEOUT and WAIT_IO_COMPLETION are errors as they stand. */
function waitError(status: number): number {
  return status === WAIT_TIMEOUT || status < 0x100 ? status : dosErrorOf(status);
}

/** BOOL GetOverlappedResult(file, overlapped, *count, wait). */
const overlappedResult: ServiceFunction = (call) =>
  finishResult(call, call.address(1), call.u32(3) !== 0 ? Number.POSITIVE_INFINITY : 0, false);

/** BOOL GetOverlappedResultEx(file, overlapped, *count, milliseconds, alertable). */
const overlappedResultEx: ServiceFunction = (call) =>
  finishResult(call, call.address(1), milliseconds(call.u32(3)), call.u32(4) !== 0);

/** BOOL ReadFileEx(file, buffer, bytes, overlapped, routine) and WriteFileEx: the routine is called in an alertable wait. */
const transferEx =
  (operation: 'read' | 'write'): ServiceFunction =>
  (call) => {
    const overlapped = call.address(3);
    call.memory.probeWrite(overlapped, OVERLAPPED_BYTES);
    const target: IoTarget = {
      statusBlock: overlapped,
      event: null,
      apc: wordOf(call.symbol('kernel32.dll', 'BasepFileIoCompletion')),
      context: [call.lo(4), call.hi(4)],
    };
    const transfer = {
      operation,
      handle: call.handle(0),
      buffer: call.address(1),
      length: call.u32(2),
      offset: offsetOf(call, overlapped),
    };
    const status = startTransfer(call, transfer, target, { information: 0 });
    if (status === PENDING) return PENDING;
    call.lastError = 0;
    return status < 0xc0000000 ? TRUE : failStatus(call, status);
  };

/** The APC of ReadFileEx and WriteFileEx (routine, *overlapped): calls routine(error, bytes, overlapped). */
const fileIoCompletion: Service = {
  enter: (call) => {
    const overlapped = call.address(1);
    const status = call.memory.readU32(overlapped);
    const count = call.memory.readU32(overlapped + OVERLAPPED_INTERNAL_HIGH);
    const error = ntSuccess(status) ? 0 : dosErrorOf(status);
    return call.callGuest(call.address(0), [error, count, overlapped], 0, []);
  },
  steps: [() => {}],
};

const PAGE_SIZE = 4096;
const SEGMENT_BYTES = 8;

/** Moves whole pages between an uncached file and pages of memory that lie anywhere. Returns the NTSTATUS. */
function transferPages(
  call: ServiceCall,
  move: typeof readFile,
  offset: number,
  out: TransferResult,
): number | typeof PENDING {
  const [segments, bytes] = [call.address(1), call.u32(2)];
  const part = { information: 0 };
  for (let done = 0; done < bytes; done += PAGE_SIZE) {
    const page = call.memory.readPointer(segments + (done / PAGE_SIZE) * SEGMENT_BYTES);
    const status = move(call, call.handle(0), page, Math.min(PAGE_SIZE, bytes - done), offset + done, part);
    if (status === STATUS_END_OF_FILE && done > 0) return STATUS_SUCCESS;
    if (status !== STATUS_SUCCESS) return status;
    out.information += part.information;
    if (part.information < PAGE_SIZE) break;
  }
  return STATUS_SUCCESS;
}

/** BOOL ReadFileScatter(file, segments, bytes, reserved, overlapped) and WriteFileGather: asynchronous, uncached opens alone. */
const scattered =
  (move: typeof readFile): ServiceFunction =>
  (call) => {
    const target = targetOf(call, call.address(4));
    if (typeof target === 'number') return failStatus(call, target);
    const file = fileOfHandle(call.kernel, call.process, call.handle(0), 0);
    if (typeof file === 'number') return failStatus(call, file);
    const offset = offsetOf(call, call.address(4));
    const uncached = (file.options & FILE_NO_INTERMEDIATE_BUFFERING) !== 0;
    if (!uncached || isSynchronous(file) || offset === null || offset < 0)
      return failStatus(call, STATUS_INVALID_PARAMETER);
    const out = { information: 0 };
    const status = transferPages(call, move, offset, out);
    if (status === PENDING) return PENDING;
    if (ntSuccess(status)) announceInline(call, file, target, status, out.information);
    return truth(call, status);
  };

/** The file of the first argument, then CancelIo's work; `thread`: requests of that thread alone. */
function cancel(call: ServiceCall, overlapped: number, thread: Thread | null): number {
  const file = fileOfHandle(call.kernel, call.process, call.handle(0), 0);
  if (typeof file === 'number') return file;
  return cancelFileRequests(call.kernel, call.process, file, overlapped, thread);
}

/** BOOL CancelIo(file): that of the calling thread; it is no error when there is none. */
const cancelIo: ServiceFunction = (call) => {
  const status = cancel(call, 0, call.thread);
  return status === STATUS_NOT_FOUND ? TRUE : truth(call, status);
};

/** BOOL CancelIoEx(file, overlapped): that of all threads; ERROR_NOT_FOUND when there is none. */
const cancelIoEx: ServiceFunction = (call) => truth(call, cancel(call, call.address(1), null));

/** BOOL CancelSynchronousIo(thread). */
const cancelSynchronous: ServiceFunction = (call) => {
  const thread = referenceByHandle(call.kernel, call.process, call.handle(0), 'thread', THREAD_TERMINATE);
  if (typeof thread === 'number') return failStatus(call, thread);
  return truth(call, cancelSynchronousIo(call.kernel, thread as Thread));
};

const NOTIFICATION_MODES = 0x3;

/** BOOL SetFileCompletionNotificationModes(file, flags): modes that were set stay. */
const setNotificationModes: ServiceFunction = (call) => {
  const file = fileOfHandle(call.kernel, call.process, call.handle(0), 0);
  if (typeof file === 'number') return failStatus(call, file);
  if (call.u32(1) & 0xff & ~NOTIFICATION_MODES) return call.fail(ERROR_INVALID_PARAMETER);
  call.memory.commit();
  file.notificationModes |= call.u32(1) & NOTIFICATION_MODES;
  return TRUE;
};

export const overlappedFunctions: Record<string, Service | ServiceFunction> = {
  GetOverlappedResult: overlappedResult,
  GetOverlappedResultEx: overlappedResultEx,
  ReadFileEx: transferEx('read'),
  WriteFileEx: transferEx('write'),
  BasepFileIoCompletion: fileIoCompletion,
  ReadFileScatter: scattered(readFile),
  WriteFileGather: scattered(writeFile),
  CancelIo: cancelIo,
  CancelIoEx: cancelIoEx,
  CancelSynchronousIo: cancelSynchronous,
  SetFileCompletionNotificationModes: setNotificationModes,
};
