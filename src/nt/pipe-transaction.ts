/** A message written and the answer read in one operation (FSCTL_PIPE_TRANSCEIVE). Source: Microsoft, "TransactNamedPipe function". */
import {
  STATUS_ACCESS_DENIED,
  STATUS_INVALID_READ_MODE,
  STATUS_PIPE_BUSY,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import { GuestFault } from '../mm/user-memory.js';
import { FILE_READ_DATA, FILE_WRITE_DATA } from './access.js';
import type { TransferResult } from './disk-io.js';
import type { FileObject } from './file-object.js';
import { readPipe, writePipe } from './pipe-io.js';
import type { PENDING, ServiceCall } from './service.js';

/**
 * Writes a message and waits for the answer. STATUS_INVALID_READ_MODE: the end does not read messages; STATUS_PIPE_BUSY: there is
 * something to be read before. When the service is entered again after a wait, the message has been written; `resumes` false: it
 * waited for something else then.
 */
export function transactPipe(
  call: ServiceCall,
  file: FileObject,
  message: number,
  bytes: number,
  buffer: number,
  room: number,
  out: TransferResult,
  resumes = true,
): number | typeof PENDING {
  const end = file.pipe!;
  if (resumes && call.waitStatus >= 0) return finishTransaction(call, file, buffer, room, out);
  const both = FILE_READ_DATA | FILE_WRITE_DATA;
  if ((file.access & both) !== both) return STATUS_ACCESS_DENIED;
  if (!end.readsMessages || !end.pipe.keepsMessages) return STATUS_INVALID_READ_MODE;
  if (end.incoming.count > 0) return STATUS_PIPE_BUSY;
  try {
    const status = writePipe(call, file, message, bytes, false, out);
    return status === STATUS_SUCCESS ? finishTransaction(call, file, buffer, room, out) : status;
  } catch (error) {
    if (error instanceof GuestFault) return error.status;
    throw error;
  }
}

/** Waits for the answer and reads it. */
export function finishTransaction(
  call: ServiceCall,
  file: FileObject,
  buffer: number,
  room: number,
  out: TransferResult,
): number | typeof PENDING {
  out.information = 0;
  return readPipe(call, file.pipe!, buffer, room, out);
}
