import {
  STATUS_ACCESS_DENIED,
  STATUS_END_OF_FILE,
  STATUS_INVALID_DEVICE_REQUEST,
  STATUS_OBJECT_TYPE_MISMATCH,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import { HostIoError } from '../mm/backing-file.js';
import { flushMappedFile } from '../mm/mapped-file.js';
import { GuestFault } from '../mm/user-memory.js';
import { FILE_APPEND_DATA, FILE_READ_DATA, FILE_WRITE_DATA } from './access.js';
import { readDisk, type TransferResult, writeDisk } from './disk-io.js';
import type { FileObject } from './file-object.js';
import type { Kernel } from './kernel.js';
import { referenceByHandle } from './object-manager.js';
import { drainPipe, readPipe, writePipe } from './pipe-io.js';
import type { Process } from './process.js';
import type { PENDING, ServiceCall } from './service.js';

/** Bytes moved at a time. */
const CHUNK = 0x10000;

/** The file object of a handle, or the NTSTATUS that refuses it. `access`: any one of these rights is enough. */
export function fileOfHandle(
  kernel: Kernel,
  process: Process,
  handle: number,
  access: number,
): FileObject | number {
  const object = referenceByHandle(kernel, process, handle, 'file', 0);
  if (typeof object === 'number') return object;
  if (object.kind !== 'file') return STATUS_OBJECT_TYPE_MISMATCH;
  const file = object as FileObject;
  return access === 0 || file.access & access ? file : STATUS_ACCESS_DENIED;
}

/** Turns what a transfer throws into its NTSTATUS: a bad buffer of the guest, a failing host. */
function statusOfTransfer(error: unknown): number {
  if (error instanceof GuestFault) return error.status;
  if (error instanceof HostIoError) return error.status;
  throw error;
}

/**
 * Reads into guest memory (NtReadFile). `offset` in bytes, null for the file's own position. PENDING: the console has no
 * input yet; return it, and the service is entered again when there is.
 */
export function readFile(
  call: ServiceCall,
  handle: number,
  buffer: number,
  length: number,
  offset: number | null,
  out: TransferResult,
): number | typeof PENDING {
  out.information = 0;
  const object = fileOfHandle(call.kernel, call.process, handle, FILE_READ_DATA);
  if (typeof object === 'number') return object;
  if (object.isDirectory) return STATUS_INVALID_DEVICE_REQUEST;
  try {
    switch (object.device) {
      case 'null':
        return STATUS_END_OF_FILE;
      case 'console-input':
        return readConsole(call, buffer, length, out);
      case 'pipe':
        return readPipe(call, object.pipe!, buffer, length, out);
      case 'disk':
        return readDisk(call, object, buffer, length, offset, out);
      default:
        return STATUS_INVALID_DEVICE_REQUEST;
    }
  } catch (error) {
    return statusOfTransfer(error);
  }
}

function readConsole(
  call: ServiceCall,
  buffer: number,
  length: number,
  out: TransferResult,
): number | typeof PENDING {
  if (length === 0) return STATUS_SUCCESS;
  const { console } = call.kernel;
  if (!console.isReadable) return call.wait({ kind: 'console', deadline: null });
  call.memory.probeWrite(buffer, Math.min(length, console.pendingBytes));
  call.memory.commit();
  const bytes = console.read(length);
  call.memory.writeBytes(buffer, bytes);
  out.information = bytes.length;
  return STATUS_SUCCESS;
}

/**
 * Writes from guest memory (NtWriteFile). `offset` in bytes, null for the file's own position, -1 for its end. PENDING: a pipe has
 * no room yet.
 */
export function writeFile(
  call: ServiceCall,
  handle: number,
  buffer: number,
  length: number,
  offset: number | null,
  out: TransferResult,
): number | typeof PENDING {
  return transferOut(call, handle, buffer, length, offset, true, out);
}

/** The same without ever waiting: a pipe keeps what it has no room for. For library functions that cannot begin anew. */
export function writeFileNow(
  call: ServiceCall,
  handle: number,
  buffer: number,
  length: number,
  offset: number | null,
  out: TransferResult,
): number {
  return transferOut(call, handle, buffer, length, offset, false, out) as number;
}

function transferOut(
  call: ServiceCall,
  handle: number,
  buffer: number,
  length: number,
  offset: number | null,
  waits: boolean,
  out: TransferResult,
): number | typeof PENDING {
  out.information = 0;
  const object = fileOfHandle(call.kernel, call.process, handle, FILE_WRITE_DATA | FILE_APPEND_DATA);
  if (typeof object === 'number') return object;
  if (object.isDirectory) return STATUS_INVALID_DEVICE_REQUEST;
  try {
    switch (object.device) {
      case 'null':
        out.information = length;
        return STATUS_SUCCESS;
      case 'console-output':
        return writeConsole(call, object, buffer, length, out);
      case 'pipe':
        return writePipe(call, object, buffer, length, waits, out);
      case 'disk':
        return writeDisk(call, object, buffer, length, offset, out);
      default:
        return STATUS_INVALID_DEVICE_REQUEST;
    }
  } catch (error) {
    return statusOfTransfer(error);
  }
}

function writeConsole(
  call: ServiceCall,
  object: FileObject,
  buffer: number,
  length: number,
  out: TransferResult,
): number {
  call.memory.probeRead(buffer, length);
  call.memory.commit();
  for (let done = 0; done < length; done += CHUNK)
    call.kernel.console.write(
      object.stream,
      call.memory.readBytes(buffer + done, Math.min(CHUNK, length - done)),
    );
  out.information = length;
  return STATUS_SUCCESS;
}

/** The same for any open (NtFlushBuffersFile): a pipe is flushed when the other end has read all. */
export function flushFile(call: ServiceCall, handle: number): number | typeof PENDING {
  const object = fileOfHandle(call.kernel, call.process, handle, FILE_WRITE_DATA | FILE_APPEND_DATA);
  if (typeof object === 'number') return object;
  return object.pipe ? drainPipe(call, object.pipe) : flushBuffersFile(call.kernel, call.process, handle);
}

/** Writes what the host still buffers (NtFlushBuffersFile). */
export function flushBuffersFile(kernel: Kernel, process: Process, handle: number): number {
  const object = fileOfHandle(kernel, process, handle, FILE_WRITE_DATA | FILE_APPEND_DATA);
  if (typeof object === 'number') return object;
  if (!object.file) return STATUS_SUCCESS;
  kernel.memory.commit();
  const { status } = flushMappedFile(kernel.mm, object.file);
  return status === STATUS_SUCCESS ? object.file.flush() : status;
}
