import {
  STATUS_ACCESS_DENIED,
  STATUS_ACCESS_VIOLATION,
  STATUS_END_OF_FILE,
  STATUS_INVALID_DEVICE_REQUEST,
  STATUS_INVALID_PARAMETER,
  STATUS_OBJECT_TYPE_MISMATCH,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import { HostIoError } from '../mm/backing-file.js';
import { flushMappedFile, readMappedFile, writeMappedFile } from '../mm/mapped-file.js';
import { GuestFault } from '../mm/user-memory.js';
import { FILE_APPEND_DATA, FILE_READ_DATA, FILE_WRITE_DATA } from './access.js';
import type { FileControlBlock } from './file-control-block.js';
import type { FileObject } from './file-object.js';
import type { Kernel } from './kernel.js';
import { referenceByHandle } from './object-manager.js';
import type { Process } from './process.js';
import type { PENDING, ServiceCall } from './service.js';

export interface TransferResult {
  /** Bytes read or written. */
  information: number;
}

/** Bytes moved at a time. */
const CHUNK = 0x10000;
/** Largest byte offset a file may reach. */
const MAXIMUM_OFFSET = 2 ** 53 - 1;

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

function readDisk(
  call: ServiceCall,
  object: FileObject,
  buffer: number,
  length: number,
  offset: number | null,
  out: TransferResult,
): number {
  const file = object.file!;
  const start = offset ?? object.position;
  if (!(start >= 0 && start <= MAXIMUM_OFFSET)) return STATUS_INVALID_PARAMETER;
  if (length === 0) return STATUS_SUCCESS;
  const count = Math.min(length, file.size - start);
  if (count <= 0) return STATUS_END_OF_FILE;
  if (buffer + count > 2 ** 47) return STATUS_ACCESS_VIOLATION;
  call.memory.probeWrite(buffer, count);
  call.memory.commit();
  const chunk = new Uint8Array(Math.min(CHUNK, count));
  let done = 0;
  while (done < count) {
    const part = chunk.subarray(0, Math.min(chunk.length, count - done));
    const read = readThrough(call.kernel, file, start + done, part);
    call.memory.writeBytes(buffer + done, read === part.length ? part : part.subarray(0, read));
    done += read;
    if (read < part.length) break;
  }
  out.information = done;
  object.position = start + done;
  emitTransfer(call.kernel, 'file-read', object, start, done);
  return done === 0 ? STATUS_END_OF_FILE : STATUS_SUCCESS;
}

function readThrough(kernel: Kernel, file: FileControlBlock, offset: number, target: Uint8Array): number {
  if (!file.dataControlArea) return file.read(offset, target);
  readMappedFile(kernel.mm, file, offset, target);
  return Math.min(target.length, file.size - offset);
}

/** Writes from guest memory (NtWriteFile). `offset` in bytes, null for the file's own position, -1 for its end. */
export function writeFile(
  call: ServiceCall,
  handle: number,
  buffer: number,
  length: number,
  offset: number | null,
  out: TransferResult,
): number {
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

function writeDisk(
  call: ServiceCall,
  object: FileObject,
  buffer: number,
  length: number,
  offset: number | null,
  out: TransferResult,
): number {
  const file = object.file!;
  const appendOnly = (object.access & FILE_WRITE_DATA) === 0;
  const start = appendOnly || offset === -1 ? file.size : (offset ?? object.position);
  if (!(start >= 0 && start + length <= MAXIMUM_OFFSET)) return STATUS_INVALID_PARAMETER;
  if (length === 0) return STATUS_SUCCESS;
  call.memory.probeRead(buffer, length);
  call.memory.commit();
  let done = 0;
  try {
    while (done < length) {
      const part = call.memory.readBytes(buffer + done, Math.min(CHUNK, length - done));
      if (file.dataControlArea || file.imageControlArea)
        writeMappedFile(call.kernel.mm, file, start + done, part);
      else file.write(start + done, part);
      done += part.length;
    }
  } finally {
    out.information = done;
    object.position = start + done;
  }
  emitTransfer(call.kernel, 'file-write', object, start, done);
  return STATUS_SUCCESS;
}

function emitTransfer(kernel: Kernel, kind: string, object: FileObject, offset: number, bytes: number): void {
  const { mm } = kernel;
  if (mm.events.active) mm.events.emit(kind, mm.current, offset, -1, bytes, object.path);
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
