/** Completion ports (ioapiset.h). Sources: Microsoft, "CreateIoCompletionPort function", "GetQueuedCompletionStatus function", "GetQueuedCompletionStatusEx function", "PostQueuedCompletionStatus function". */
import { ntSuccess, STATUS_SUCCESS, STATUS_USER_APC } from '../../base/ntstatus.js';
import { IO_COMPLETION_ALL_ACCESS } from '../../nt/access.js';
import type { Word64 } from '../../nt/apc.js';
import type { FileObject } from '../../nt/file-object.js';
import type { CompletionPacket } from '../../nt/io-completion.js';
import {
  completionPort,
  createIoCompletion,
  removeIoCompletion,
  setFileCompletion,
  setIoCompletion,
} from '../../nt/io-completion-services.js';
import { referenceByHandle } from '../../nt/object-manager.js';
import { WAIT_TIMEOUT } from '../../nt/scheduler.js';
import { PENDING, type ServiceCall, type ServiceFunction } from '../../nt/service.js';
import { milliseconds } from '../ntdll/address-wait.js';
import { dosErrorOf, ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { failStatus, INVALID_HANDLE_VALUE, TRUE } from './results.js';

const word = (call: ServiceCall, index: number): Word64 => [call.lo(index), call.hi(index)];

/** HANDLE CreateIoCompletionPort(file, existing, key, threads): a new port, a file of a port, or both. */
const createPort: ServiceFunction = (call) => {
  const { kernel, process } = call;
  const [fileHandle, existing] = [call.handle(0), call.handle(1)];
  if (fileHandle === INVALID_HANDLE_VALUE && existing !== 0) return call.fail(ERROR_INVALID_PARAMETER);
  const file =
    fileHandle === INVALID_HANDLE_VALUE ? null : referenceByHandle(kernel, process, fileHandle, 'file', 0);
  if (typeof file === 'number') return failStatus(call, file);
  if ((file as FileObject | null)?.completion) return call.fail(ERROR_INVALID_PARAMETER);
  const out = { handle: existing };
  if (existing === 0) {
    const creation = { path: null, access: IO_COMPLETION_ALL_ACCESS, openIf: false };
    const status = createIoCompletion(kernel, process, creation, call.u32(3), out);
    if (!ntSuccess(status)) return failStatus(call, status);
  }
  if (file === null) return out.handle;
  const port = completionPort(kernel, process, out.handle);
  if (typeof port === 'number') return failStatus(call, port);
  setFileCompletion(kernel, process, fileHandle, port, word(call, 2));
  return out.handle;
};

/** BOOL PostQueuedCompletionStatus(port, bytes, key, overlapped). */
const post: ServiceFunction = (call) => {
  const status = setIoCompletion(call.kernel, call.process, call.handle(0), {
    key: word(call, 2),
    context: word(call, 3),
    status: STATUS_SUCCESS,
    information: [call.u32(1), 0],
  });
  return ntSuccess(status) ? TRUE : failStatus(call, status);
};

/** The last error of a wait that brought no packet. */
function noPacket(call: ServiceCall, status: number): number {
  const isWaitAnswer = status === WAIT_TIMEOUT || status === STATUS_USER_APC;
  return call.fail(isWaitAnswer ? status : dosErrorOf(status));
}

/** BOOL GetQueuedCompletionStatus(port, *bytes, *key, **overlapped, milliseconds): FALSE with a packet when its I/O failed. */
const getStatus: ServiceFunction = (call) => {
  const { memory } = call;
  const [bytesAt, keyAt, overlappedAt] = [call.address(1), call.address(2), call.address(3)];
  memory.probeWrite(bytesAt, 4);
  memory.probeWrite(keyAt, 8);
  memory.probeWrite(overlappedAt, 8);
  let ioStatus = STATUS_SUCCESS;
  const give = ([packet]: readonly CompletionPacket[]) => {
    const { key, context, information, status } = packet!;
    ioStatus = status;
    memory.writeU32(bytesAt, information[0]);
    memory.writeU64(keyAt, ...key);
    memory.writeU64(overlappedAt, ...context);
  };
  const status = removeIoCompletion(call, call.handle(0), 1, milliseconds(call.u32(4)), false, give);
  if (status === PENDING) return PENDING;
  if (status === STATUS_SUCCESS) return ntSuccess(ioStatus) ? TRUE : failStatus(call, ioStatus);
  memory.writeU64(overlappedAt, 0, 0);
  return noPacket(call, status);
};

/** OVERLAPPED_ENTRY: key, overlapped, internal, bytes. */
const ENTRY_BYTES = 0x20;
const ENTRY_OVERLAPPED = 0x08;
const ENTRY_INTERNAL = 0x10;
const ENTRY_TRANSFERRED = 0x18;
/** Most entries that are taken at once; a bound of ours. */
const MOST_ENTRIES = 0x10000;

/** BOOL GetQueuedCompletionStatusEx(port, entries, count, *removed, milliseconds, alertable). */
const getStatusEx: ServiceFunction = (call) => {
  const { memory } = call;
  const [entries, count, removedAt] = [call.address(1), call.u32(2), call.address(3)];
  if (count === 0) return call.fail(ERROR_INVALID_PARAMETER);
  const most = Math.min(count, MOST_ENTRIES);
  memory.probeWrite(removedAt, 4);
  memory.probeWrite(entries, most * ENTRY_BYTES);
  const give = (packets: readonly CompletionPacket[]) => {
    packets.forEach(({ key, context, status, information }, index) => {
      const at = entries + index * ENTRY_BYTES;
      memory.writeU64(at, ...key);
      memory.writeU64(at + ENTRY_OVERLAPPED, ...context);
      memory.writeU64(at + ENTRY_INTERNAL, status, 0);
      memory.writeU64(at + ENTRY_TRANSFERRED, information[0], 0);
    });
    memory.writeU32(removedAt, packets.length);
  };
  const alertable = call.u32(5) !== 0;
  const status = removeIoCompletion(call, call.handle(0), most, milliseconds(call.u32(4)), alertable, give);
  if (status === PENDING) return PENDING;
  return status === STATUS_SUCCESS ? TRUE : noPacket(call, status);
};

export const ioCompletionFunctions: Record<string, ServiceFunction> = {
  CreateIoCompletionPort: createPort,
  PostQueuedCompletionStatus: post,
  GetQueuedCompletionStatus: getStatus,
  GetQueuedCompletionStatusEx: getStatusEx,
};
