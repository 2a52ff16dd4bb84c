/**
 * Locks of byte ranges of a file. Source: Microsoft, "LockFileEx function", "UnlockFileEx function", "NtLockFile function": a
 * shared lock lets all read, an exclusive one its owner alone read and write; the owner is the process with its file object and key.
 */
import {
  STATUS_CANCELLED,
  STATUS_FILE_LOCK_CONFLICT,
  STATUS_INSUFFICIENT_RESOURCES,
  STATUS_INVALID_DEVICE_REQUEST,
  STATUS_INVALID_PARAMETER,
  STATUS_LOCK_NOT_GRANTED,
  STATUS_RANGE_NOT_LOCKED,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import { FILE_READ_DATA, FILE_WRITE_DATA } from './access.js';
import { type EventObject, makeEvent } from './dispatcher.js';
import type { FileObject } from './file-object.js';
import { fileOfHandle } from './io.js';
import type { Kernel } from './kernel.js';
import { pulse } from './pipe.js';
import type { Process } from './process.js';
import type { PENDING, ServiceCall } from './service.js';

/** Pool bytes and tag of a lock. */
const LOCK_BYTES = 0x60;
const LOCK_TAG = 'FLex';

/** A locked range; bytes. */
export interface FileLock {
  readonly start: number;
  readonly length: number;
  readonly exclusive: boolean;
  readonly file: FileObject;
  readonly process: Process;
  readonly key: number;
}

/** The locks of a file. */
export class FileLocks {
  readonly held: FileLock[] = [];
  /** Pulsed when one is given up. */
  readonly released: EventObject = makeEvent(true, false);
}

/** A lock of no bytes conflicts with those that it lies within. */
function overlap(left: { start: number; length: number }, right: { start: number; length: number }): boolean {
  if (left.length === 0 && right.length === 0) return false;
  return left.start < right.start + right.length && right.start < left.start + left.length;
}

const isOwner = (lock: FileLock, file: FileObject, process: Process, key: number) =>
  lock.file === file && lock.process === process && lock.key === key;

/** Whether the locks of others let a transfer be: STATUS_FILE_LOCK_CONFLICT when not. */
export function checkTransfer(
  file: FileObject,
  process: Process,
  start: number,
  length: number,
  isWrite: boolean,
): number {
  const locks = file.file!.locks.held;
  if (locks.length === 0 || length === 0) return STATUS_SUCCESS;
  const range = { start, length };
  const isRefused = locks.some(
    (lock) => overlap(lock, range) && (lock.exclusive ? !isOwner(lock, file, process, 0) : isWrite),
  );
  return isRefused ? STATUS_FILE_LOCK_CONFLICT : STATUS_SUCCESS;
}

export interface LockRequest {
  readonly handle: number;
  readonly start: number;
  readonly length: number;
  readonly exclusive: boolean;
  readonly key: number;
  /** Answer STATUS_LOCK_NOT_GRANTED instead of waiting. */
  readonly immediately: boolean;
}

/**
 * Locks a range (NtLockFile), waiting for those that stand against it. STATUS_INSUFFICIENT_RESOURCES when the pool is used up.
 */
export function lockFile(call: ServiceCall, request: LockRequest): number | typeof PENDING {
  const { kernel, process } = call;
  const file = fileOfHandle(kernel, process, request.handle, FILE_READ_DATA | FILE_WRITE_DATA);
  if (typeof file === 'number') return file;
  if (file.file === null) return STATUS_INVALID_DEVICE_REQUEST;
  if (call.waitStatus === STATUS_CANCELLED) return STATUS_CANCELLED;
  const { start, length, exclusive, key } = request;
  if (!(start >= 0 && length >= 0)) return STATUS_INVALID_PARAMETER;
  const { held, released } = file.file.locks;
  const range = { start, length };
  const isRefused = held.some((lock) => overlap(lock, range) && (exclusive || lock.exclusive));
  call.memory.commit();
  if (!isRefused) {
    if (!kernel.mm.nonpagedPool.mayCharge(LOCK_BYTES)) return STATUS_INSUFFICIENT_RESOURCES;
    kernel.mm.nonpagedPool.charge(LOCK_BYTES, LOCK_TAG);
    held.push({ start, length, exclusive, file, process, key });
    return STATUS_SUCCESS;
  }
  if (request.immediately) return STATUS_LOCK_NOT_GRANTED;
  return call.wait({ kind: 'objects', objects: [released], all: false, deadline: null, isIo: true });
}

/** Gives up one lock of exactly this range (NtUnlockFile). */
export function unlockFile(
  kernel: Kernel,
  process: Process,
  handle: number,
  start: number,
  length: number,
  key: number,
): number {
  const file = fileOfHandle(kernel, process, handle, FILE_READ_DATA | FILE_WRITE_DATA);
  if (typeof file === 'number') return file;
  if (file.file === null) return STATUS_INVALID_DEVICE_REQUEST;
  const { held, released } = file.file.locks;
  const isIt = (lock: FileLock) =>
    isOwner(lock, file, process, key) && lock.start === start && lock.length === length;
  const index = held.findIndex((lock) => isIt(lock) && lock.exclusive);
  const found = index >= 0 ? index : held.findIndex(isIt);
  if (found < 0) return STATUS_RANGE_NOT_LOCKED;
  kernel.memory.commit();
  held.splice(found, 1);
  kernel.mm.nonpagedPool.uncharge(LOCK_BYTES, LOCK_TAG);
  pulse(kernel, released);
  return STATUS_SUCCESS;
}

/** A handle's file object is closed, or a process loses its handles: its locks go. */
export function releaseLocks(kernel: Kernel, file: FileObject, process: Process | null): void {
  const locks = file.file?.locks;
  if (locks === undefined || locks.held.length === 0) return;
  const rest = locks.held.filter(
    (lock) => lock.file !== file || (process !== null && lock.process !== process),
  );
  const count = locks.held.length - rest.length;
  if (count === 0) return;
  for (let each = 0; each < count; each++) kernel.mm.nonpagedPool.uncharge(LOCK_BYTES, LOCK_TAG);
  locks.held.splice(0, locks.held.length, ...rest);
  pulse(kernel, locks.released);
}
