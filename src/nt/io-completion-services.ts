/** Services of completion ports: NtCreateIoCompletion, NtSetIoCompletion, NtRemoveIoCompletion(Ex). */
import { STATUS_INVALID_PARAMETER, STATUS_SUCCESS } from '../base/ntstatus.js';
import { IO_COMPLETION_MODIFY_STATE } from './access.js';
import { testForAlert, type Word64 } from './apc.js';
import type { FileObject } from './file-object.js';
import {
  type CompletionPacket,
  type IoCompletionObject,
  makeIoCompletion,
  queueCompletion,
  takeCompletion,
  takeMore,
} from './io-completion.js';
import { isSynchronous } from './io-request.js';
import type { Kernel } from './kernel.js';
import { createNamedObject, type NamedCreation, referenceByHandle } from './object-manager.js';
import type { Process } from './process.js';
import { WAIT_TIMEOUT } from './scheduler.js';
import type { PENDING, ServiceCall } from './service.js';
import { deadlineIn } from './sync.js';

/** NtCreateIoCompletion; `concurrency` 0: the number of processors. */
export function createIoCompletion(
  kernel: Kernel,
  process: Process,
  creation: NamedCreation,
  concurrency: number,
  out: { handle: number },
): number {
  const make = () => makeIoCompletion(concurrency);
  return createNamedObject(kernel, process, creation, 'io-completion', make, out);
}

/** The port of a handle; a number is the NTSTATUS. */
export function completionPort(
  kernel: Kernel,
  process: Process,
  handle: number,
): IoCompletionObject | number {
  const access = IO_COMPLETION_MODIFY_STATE;
  return referenceByHandle(kernel, process, handle, 'io-completion', access) as IoCompletionObject | number;
}

/** NtSetIoCompletion. */
export function setIoCompletion(
  kernel: Kernel,
  process: Process,
  handle: number,
  packet: CompletionPacket,
): number {
  const port = completionPort(kernel, process, handle);
  return typeof port === 'number' ? port : queueCompletion(kernel, port, packet);
}

/**
 * Takes up to `most` packets of a port, waiting for the first (NtRemoveIoCompletionEx). Milliseconds. `give` gets them when the
 * answer is STATUS_SUCCESS; else WAIT_TIMEOUT, STATUS_USER_APC, STATUS_ALERTED, STATUS_ABANDONED_WAIT_0 when the port was
 * closed, or an error.
 */
export function removeIoCompletion(
  call: ServiceCall,
  handle: number,
  most: number,
  milliseconds: number,
  alertable: boolean,
  give: (packets: readonly CompletionPacket[]) => void,
): number | typeof PENDING {
  const { kernel, thread } = call;
  let first: CompletionPacket | null;
  if (call.waitStatus >= 0) {
    call.memory.commit();
    first = thread.packet;
    thread.packet = null;
    if (call.waitStatus !== STATUS_SUCCESS || first === null) return call.waitStatus;
  } else {
    const port = completionPort(kernel, call.process, handle);
    if (typeof port === 'number') return port;
    call.memory.commit();
    first = takeCompletion(kernel, port, thread);
    if (first === null) {
      const alert = alertable ? testForAlert(thread) : STATUS_SUCCESS;
      if (alert !== STATUS_SUCCESS) return alert;
      if (milliseconds <= 0) return WAIT_TIMEOUT;
      return call.wait({ kind: 'queue', port, alertable, deadline: deadlineIn(kernel, milliseconds) });
    }
  }
  const more = thread.port === null ? [] : takeMore(kernel, thread.port, most - 1);
  give([first, ...more]);
  return STATUS_SUCCESS;
}

/** Why the I/O of a file cannot be told to a port: it has one already, or its services return when it is finished. */
export function checkFileCompletion(kernel: Kernel, process: Process, handle: number): number {
  const file = referenceByHandle(kernel, process, handle, 'file', 0);
  if (typeof file === 'number') return file;
  const isFree = (file as FileObject).completion === null && !isSynchronous(file as FileObject);
  return isFree ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

/** Has the end of the file's I/O told to the port with the key (FileCompletionInformation), which checkFileCompletion allowed. */
export function setFileCompletion(
  kernel: Kernel,
  process: Process,
  handle: number,
  port: IoCompletionObject,
  key: Word64,
): void {
  const file = referenceByHandle(kernel, process, handle, 'file', 0);
  if (typeof file === 'number') return;
  kernel.memory.commit();
  port.referenceCount++;
  (file as FileObject).completion = { port, key };
}
