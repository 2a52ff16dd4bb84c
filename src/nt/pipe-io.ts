/**
 * Reading, writing, connecting and asking pipes: at once, after a wait of the thread, or as requests that wait. Lengths in
 * bytes. Sources: Microsoft, "Named Pipe Operations", "ReadFile function", "WriteFile function", "ConnectNamedPipe function",
 * "PeekNamedPipe function".
 */
import {
  STATUS_BUFFER_OVERFLOW,
  STATUS_CANCELLED,
  STATUS_INSUFFICIENT_RESOURCES,
  STATUS_INVALID_PARAMETER,
  STATUS_IO_TIMEOUT,
  STATUS_PENDING,
  STATUS_PIPE_BROKEN,
  STATUS_PIPE_CLOSING,
  STATUS_PIPE_CONNECTED,
  STATUS_PIPE_DISCONNECTED,
  STATUS_PIPE_EMPTY,
  STATUS_PIPE_LISTENING,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import type { TransferResult } from './disk-io.js';
import type { FileObject } from './file-object.js';
import { finishRequest, type IoRequest, inProcessOf } from './io-request.js';
import type { Kernel } from './kernel.js';
import {
  cutConnection,
  findPipeName,
  otherEnd,
  PIPE_CLOSING,
  PIPE_CONNECTED,
  PIPE_DISCONNECTED,
  PIPE_LISTENING,
  type PipeEnd,
  pulse,
  stateOfEnd,
} from './pipe.js';
import { WAIT_TIMEOUT } from './scheduler.js';
import type { PENDING, ServiceCall } from './service.js';
import { THREAD_TERMINATED } from './thread.js';

/** Bytes of the program that one step of a write takes. */
const CHUNK = 0x10000;
/** Longest message. */
const MOST_MESSAGE = 0x1000000;

/** Why nothing can be read now: STATUS_PENDING while something may come, STATUS_SUCCESS when there is something. */
function readable(end: PipeEnd): number {
  if (end.incoming.count > 0) return STATUS_SUCCESS;
  switch (stateOfEnd(end)) {
    case PIPE_DISCONNECTED:
      return STATUS_PIPE_DISCONNECTED;
    case PIPE_LISTENING:
      return STATUS_PIPE_LISTENING;
    case PIPE_CLOSING:
      return STATUS_PIPE_BROKEN;
    default:
      return end.noWait ? STATUS_PIPE_EMPTY : STATUS_PENDING;
  }
}

/** Why nothing of `length` bytes can be written now. */
function writable(end: PipeEnd, length: number): number {
  switch (stateOfEnd(end)) {
    case PIPE_DISCONNECTED:
      return STATUS_PIPE_DISCONNECTED;
    case PIPE_LISTENING:
      return STATUS_PIPE_LISTENING;
    case PIPE_CLOSING:
      return STATUS_PIPE_CLOSING;
    default:
      return end.pipe.keepsMessages && length > MOST_MESSAGE ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS;
  }
}

/** How many of `length` bytes a read takes, and whether a part of a message is left then. */
function extentOfRead(end: PipeEnd, length: number): { count: number; cut: boolean } {
  const { incoming, readsMessages } = end;
  const there = readsMessages || incoming.firstBytes === 0 ? incoming.firstBytes : incoming.bytes;
  return { count: Math.min(length, there), cut: readsMessages && length < there };
}

/** How many of `length` bytes there is room for at the other end; a message is written whole or not at all. */
function roomFor(end: PipeEnd, length: number): number {
  const { incoming, quota } = otherEnd(end);
  const room = Math.max(0, quota - incoming.bytes);
  if (!end.pipe.keepsMessages) return Math.min(room, length);
  return length <= room || incoming.count === 0 ? length : 0;
}

/** Something about a pipe has changed: requests that can be finished are, and threads that wait try again. */
export function pipeChanged(kernel: Kernel, end: PipeEnd): void {
  const { pipe } = end;
  for (let served = true; served; ) {
    served = false;
    for (const request of kernel.pendingIo)
      if (request.file.pipe?.pipe === pipe && serve(kernel, request)) served = true;
  }
  pulse(kernel, pipe.changed);
}

/** Goes on with a request; true when something has changed by it. */
function serve(kernel: Kernel, request: IoRequest): boolean {
  switch (request.operation) {
    case 'read':
    case 'transceive':
      return serveRead(kernel, request);
    case 'write':
      return serveWrite(kernel, request);
    default:
      return serveListen(kernel, request);
  }
}

function serveRead(kernel: Kernel, request: IoRequest): boolean {
  const end = request.file.pipe!;
  const status = readable(end);
  if (status === STATUS_PENDING) return false;
  if (status !== STATUS_SUCCESS) {
    finishRequest(kernel, request, status, 0);
    return true;
  }
  const { count, cut } = extentOfRead(end, request.length);
  const bytes = end.incoming.take(count, end.readsMessages);
  inProcessOf(kernel, request.process, () => kernel.memory.writeBytes(request.buffer, bytes));
  finishRequest(kernel, request, cut ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS, count);
  return true;
}

function serveWrite(kernel: Kernel, request: IoRequest): boolean {
  const end = request.file.pipe!;
  let status = writable(end, request.length);
  if (status === STATUS_SUCCESS) {
    const left = request.length - request.done;
    const count = roomFor(end, end.pipe.keepsMessages ? left : Math.min(left, CHUNK));
    if (count === 0 && left > 0) return false;
    let pushed = false;
    inProcessOf(kernel, request.process, () => {
      pushed = otherEnd(end).incoming.push(kernel.memory.readBytes(request.buffer + request.done, count));
    });
    request.done += count;
    if (!pushed) status = STATUS_INSUFFICIENT_RESOURCES;
    else if (request.done < request.length) return true;
  }
  finishRequest(kernel, request, status, request.done);
  return true;
}

function serveListen(kernel: Kernel, request: IoRequest): boolean {
  const { state } = request.file.pipe!.pipe;
  if (state === PIPE_LISTENING) return false;
  finishRequest(kernel, request, state === PIPE_CONNECTED ? STATUS_SUCCESS : STATUS_PIPE_DISCONNECTED, 0);
  return true;
}

/** The thread waits until something about the pipe changes; its service is entered again then. */
function waitForChange(call: ServiceCall, end: PipeEnd): typeof PENDING {
  return call.wait({ kind: 'objects', objects: [end.pipe.changed], all: false, deadline: null, isIo: true });
}

const wasCancelled = (call: ServiceCall) => call.waitStatus === STATUS_CANCELLED;

/** Reads what is there, up to `length` bytes; STATUS_PENDING when the program has to wait for it. */
export function tryReadPipe(
  call: ServiceCall,
  end: PipeEnd,
  buffer: number,
  length: number,
  out: TransferResult,
): number {
  const status = readable(end);
  if (status !== STATUS_SUCCESS) return status;
  const { count, cut } = extentOfRead(end, length);
  call.memory.probeWrite(buffer, count);
  call.memory.commit();
  call.memory.writeBytes(buffer, end.incoming.take(count, end.readsMessages));
  out.information = count;
  pipeChanged(call.kernel, end);
  return cut ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

/** The same, waiting. */
export function readPipe(
  call: ServiceCall,
  end: PipeEnd,
  buffer: number,
  length: number,
  out: TransferResult,
): number | typeof PENDING {
  if (wasCancelled(call)) return STATUS_CANCELLED;
  const status = tryReadPipe(call, end, buffer, length, out);
  return status === STATUS_PENDING ? waitForChange(call, end) : status;
}

/** Bytes that the running thread has written with its call before it waited; the others wait for it to end. */
function progressOf(call: ServiceCall, file: FileObject): number {
  const { writing } = file;
  if (writing === null || writing.thread.state === THREAD_TERMINATED) return 0;
  return writing.thread === call.thread && call.waitStatus >= 0 ? writing.done : -1;
}

/**
 * Writes, waiting while there is no room; `waits` false: what has no room is kept all the same, as far as the pool goes. A pipe
 * in nowait mode takes what there is room for.
 */
export function writePipe(
  call: ServiceCall,
  file: FileObject,
  buffer: number,
  length: number,
  waits: boolean,
  out: TransferResult,
): number | typeof PENDING {
  const end = file.pipe!;
  let done = progressOf(call, file);
  if (wasCancelled(call)) {
    file.writing = null;
    out.information = Math.max(0, done);
    return STATUS_CANCELLED;
  }
  if (done < 0) return waitForChange(call, end);
  if (done === 0) call.memory.probeRead(buffer, length);
  call.memory.commit();
  file.writing = null;
  let status = writable(end, length);
  while (status === STATUS_SUCCESS) {
    const left = length - done;
    const part = end.pipe.keepsMessages ? left : Math.min(left, CHUNK);
    const count = waits ? roomFor(end, part) : part;
    if (count === 0 && left > 0) break;
    if (!otherEnd(end).incoming.push(call.memory.readBytes(buffer + done, count)))
      status = STATUS_INSUFFICIENT_RESOURCES;
    else done += count;
    pipeChanged(call.kernel, end);
    if (done >= length) break;
    if (status === STATUS_SUCCESS) status = writable(end, length);
  }
  out.information = done;
  if (status !== STATUS_SUCCESS || done >= length || end.noWait) return status;
  file.writing = { thread: call.thread, done };
  return waitForChange(call, end);
}

/** Waits until the other end has read all that was written (FlushFileBuffers). */
export function drainPipe(call: ServiceCall, end: PipeEnd): number | typeof PENDING {
  if (wasCancelled(call)) return STATUS_CANCELLED;
  const status = writable(end, 0);
  if (status !== STATUS_SUCCESS || otherEnd(end).incoming.count === 0) return status;
  return waitForChange(call, end);
}

/** Why ConnectNamedPipe need not wait, or STATUS_PENDING. The pipe listens afterwards unless it is connected. */
export function tryListen(kernel: Kernel, end: PipeEnd): number {
  const { pipe } = end;
  if (!end.isServer || pipe.name === null) return STATUS_INVALID_PARAMETER;
  if (pipe.state === PIPE_CONNECTED) return STATUS_PIPE_CONNECTED;
  if (pipe.state === PIPE_CLOSING) return STATUS_PIPE_CLOSING;
  kernel.memory.commit();
  if (pipe.state === PIPE_DISCONNECTED) {
    pipe.state = PIPE_LISTENING;
    pulse(kernel, pipe.name.available);
    if (end.noWait) return STATUS_SUCCESS;
  }
  return end.noWait ? STATUS_PIPE_LISTENING : STATUS_PENDING;
}

/** Waits for a client (FSCTL_PIPE_LISTEN). */
export function listenPipe(call: ServiceCall, end: PipeEnd): number | typeof PENDING {
  if (wasCancelled(call)) return STATUS_CANCELLED;
  if (call.waitStatus >= 0 && end.pipe.state === PIPE_CONNECTED) return STATUS_SUCCESS;
  const status = tryListen(call.kernel, end);
  return status === STATUS_PENDING ? waitForChange(call, end) : status;
}

/** Forces a client off; what it has not read is lost (FSCTL_PIPE_DISCONNECT). */
export function disconnectPipe(kernel: Kernel, end: PipeEnd): number {
  const { pipe } = end;
  if (!end.isServer) return STATUS_INVALID_PARAMETER;
  if (pipe.state === PIPE_DISCONNECTED) return STATUS_PIPE_DISCONNECTED;
  kernel.memory.commit();
  cutConnection(kernel, pipe);
  pipeChanged(kernel, end);
  return STATUS_SUCCESS;
}

/** What PeekNamedPipe tells. */
export interface PipePeek {
  readonly bytes: Uint8Array;
  /** Bytes that can be read in all, and those of the first message that `bytes` does not have. */
  readonly available: number;
  readonly leftOfMessage: number;
}

/** Looks at what could be read (FSCTL_PIPE_PEEK); a number is the NTSTATUS. */
export function peekPipe(end: PipeEnd, most: number): PipePeek | number {
  const status = readable(end);
  if (status !== STATUS_SUCCESS && status !== STATUS_PENDING && status !== STATUS_PIPE_EMPTY) return status;
  const { incoming, readsMessages, pipe } = end;
  const bytes = incoming.peek(most, readsMessages);
  const left = pipe.keepsMessages ? Math.max(0, incoming.firstBytes - bytes.length) : 0;
  return { bytes, available: incoming.bytes, leftOfMessage: left };
}

/** Sets how an end reads and whether it waits. A pipe of bytes has no messages to read. */
export function setPipeModes(kernel: Kernel, end: PipeEnd, readsMessages: boolean, noWait: boolean): number {
  if (readsMessages && !end.pipe.keepsMessages) return STATUS_INVALID_PARAMETER;
  kernel.memory.commit();
  end.readsMessages = readsMessages;
  end.noWait = noWait;
  pipeChanged(kernel, end);
  return STATUS_SUCCESS;
}

/**
 * Waits until an instance of a name listens (FSCTL_PIPE_WAIT). `deadline` gets the milliseconds that the name has by default.
 * STATUS_OBJECT_NAME_NOT_FOUND, STATUS_IO_TIMEOUT.
 */
export function waitForPipe(
  call: ServiceCall,
  path: string,
  deadline: (byDefault: number) => number | null,
): number | typeof PENDING {
  const name = findPipeName(call.kernel, path);
  if (typeof name === 'number') return name;
  if (name.instances.some(({ state }) => state === PIPE_LISTENING)) return STATUS_SUCCESS;
  if (call.waitStatus === WAIT_TIMEOUT) return STATUS_IO_TIMEOUT;
  if (wasCancelled(call)) return STATUS_CANCELLED;
  const until = deadline(name.defaultTimeout);
  return call.wait({ kind: 'objects', objects: [name.available], all: false, deadline: until, isIo: true });
}
