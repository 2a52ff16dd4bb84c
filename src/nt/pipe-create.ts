/** Making pipes: NtCreateNamedPipeFile, and the two ends of CreatePipe. */
import {
  STATUS_INSUFFICIENT_RESOURCES,
  STATUS_SUCCESS,
  STATUS_TOO_MANY_OPENED_FILES,
} from '../base/ntstatus.js';
import { FILE_READ_DATA, FILE_WRITE_DATA } from './access.js';
import { closeFileObject, makePipeFile } from './create-file.js';
import { FILE_SYNCHRONOUS_IO_NONALERT, type FileObject } from './file-object.js';
import type { Kernel } from './kernel.js';
import { closeHandle, createObject, mayCreateObject, openHandle, releaseUnopened } from './object-manager.js';
import { accessOfEnd, createPipeInstance, makePipe, PIPE_CONNECTED, type PipeCreation } from './pipe.js';
import type { Process } from './process.js';

function openEnd(kernel: Kernel, process: Process, file: FileObject, handleFlags: number): number {
  createObject(kernel, file);
  const handle = openHandle(process, file, file.access, handleFlags);
  if (handle !== 0) return handle;
  closeFileObject(kernel, file);
  releaseUnopened(kernel, file);
  return 0;
}

/** Makes an instance of a named pipe, which listens, and a handle to its server end. */
export function createNamedPipe(
  kernel: Kernel,
  process: Process,
  path: string,
  creation: PipeCreation,
  options: number,
  handleFlags: number,
  out: { handle: number },
): number {
  if (!mayCreateObject(kernel, 'file')) return STATUS_INSUFFICIENT_RESOURCES;
  kernel.memory.commit();
  const pipe = createPipeInstance(kernel, path, creation);
  if (typeof pipe === 'number') return pipe;
  pipe.server.processId = process.id;
  out.handle = openEnd(
    kernel,
    process,
    makePipeFile(pipe.server, accessOfEnd(creation), options),
    handleFlags,
  );
  return out.handle === 0 ? STATUS_TOO_MANY_OPENED_FILES : STATUS_SUCCESS;
}

/** Makes an unnamed pipe of bytes for which `quota` bytes may wait, and a handle to each end. */
export function createUnnamedPipe(
  kernel: Kernel,
  process: Process,
  quota: number,
  handleFlags: number,
  out: { read: number; write: number },
): number {
  if (!mayCreateObject(kernel, 'file', 2)) return STATUS_INSUFFICIENT_RESOURCES;
  kernel.memory.commit();
  const creation = {
    serverAccess: FILE_READ_DATA,
    keepsMessages: false,
    readsMessages: false,
    noWait: false,
    mostInstances: 1,
    inQuota: quota,
    outQuota: quota,
    defaultTimeout: 0,
    first: true,
  };
  const pipe = makePipe(kernel, null, creation);
  pipe.state = PIPE_CONNECTED;
  pipe.client.isOpen = true;
  const reader = makePipeFile(pipe.server, accessOfEnd(creation), FILE_SYNCHRONOUS_IO_NONALERT);
  const writer = makePipeFile(
    pipe.client,
    accessOfEnd({ serverAccess: FILE_WRITE_DATA }),
    FILE_SYNCHRONOUS_IO_NONALERT,
  );
  out.read = openEnd(kernel, process, reader, handleFlags);
  out.write = out.read === 0 ? 0 : openEnd(kernel, process, writer, handleFlags);
  if (out.write !== 0) return STATUS_SUCCESS;
  if (out.read !== 0) closeHandle(kernel, process, out.read);
  return STATUS_TOO_MANY_OPENED_FILES;
}
