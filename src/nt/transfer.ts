/**
 * Reads and writes as NtReadFile and NtWriteFile do them: of synchronous opens the thread waits, of the others what cannot be
 * done at once becomes a request. Source: Microsoft, "NtReadFile function", "Synchronous and Asynchronous I/O".
 */
import { STATUS_PENDING, STATUS_SUCCESS } from '../base/ntstatus.js';
import { GuestFault } from '../mm/user-memory.js';
import { FILE_APPEND_DATA, FILE_READ_DATA, FILE_WRITE_DATA } from './access.js';
import type { TransferResult } from './disk-io.js';
import type { FileObject } from './file-object.js';
import { fileOfHandle, readFile, writeFile } from './io.js';
import { announceInline, checkTarget, type IoTarget, isSynchronous, pendRequest } from './io-request.js';
import { pipeChanged, tryListen, tryReadPipe } from './pipe-io.js';
import { PENDING, type ServiceCall } from './service.js';

export interface Transfer {
  readonly operation: 'read' | 'write';
  readonly handle: number;
  readonly buffer: number;
  /** Bytes. */
  readonly length: number;
  /** Byte offset; null for the file's own position, -1 for its end. */
  readonly offset: number | null;
}

/**
 * Runs a transfer and tells `target` when it has ended at once; the NTSTATUS, STATUS_PENDING when `target` will hear of it, or
 * PENDING to return when the thread waits. An error at once is the answer alone.
 */
export function startTransfer(
  call: ServiceCall,
  { operation, handle, buffer, length, offset }: Transfer,
  target: IoTarget,
  out: TransferResult,
): number | typeof PENDING {
  const access = operation === 'read' ? FILE_READ_DATA : FILE_WRITE_DATA | FILE_APPEND_DATA;
  const file = fileOfHandle(call.kernel, call.process, handle, access);
  if (typeof file === 'number') return file;
  const refusal = checkTarget(file, target);
  if (refusal !== STATUS_SUCCESS) return refusal;
  out.information = 0;
  const isRequest = file.device === 'pipe' && !isSynchronous(file);
  const move = operation === 'read' ? readFile : writeFile;
  const status = isRequest
    ? startPipeTransfer(call, file, operation, buffer, length, target, out)
    : move(call, handle, buffer, length, offset, out);
  if (status === PENDING || status === STATUS_PENDING || status >= 0xc0000000) return status;
  announceInline(call, file, target, status, out.information);
  return status;
}

/** A write is a request at once, which mostly ends before its service: then it has been announced already. */
function startPipeTransfer(
  call: ServiceCall,
  file: FileObject,
  operation: 'read' | 'write',
  buffer: number,
  length: number,
  target: IoTarget,
  out: TransferResult,
): number {
  try {
    if (operation === 'read') {
      const status = tryReadPipe(call, file.pipe!, buffer, length, out);
      return status === STATUS_PENDING ? pendRequest(call, 'read', file, buffer, length, target) : status;
    }
    call.memory.probeRead(buffer, length);
  } catch (error) {
    if (error instanceof GuestFault) return error.status;
    throw error;
  }
  const status = pendRequest(call, 'write', file, buffer, length, target);
  if (status === STATUS_PENDING) pipeChanged(call.kernel, file.pipe!);
  return status;
}

/** ConnectNamedPipe of an asynchronous open. */
export function startListen(call: ServiceCall, file: FileObject, target: IoTarget): number {
  const status = tryListen(call.kernel, file.pipe!);
  return status === STATUS_PENDING ? pendRequest(call, 'listen', file, 0, 0, target) : status;
}
