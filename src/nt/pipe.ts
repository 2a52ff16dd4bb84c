/**
 * Pipes: named ones with their instances, and the unnamed ones of CreatePipe, which are named pipes without a name to open.
 * Sources: Microsoft, "Named Pipes", "CreateNamedPipeA function", "Named Pipe Type, Read, and Wait Modes", [MS-FSCC] pipe states.
 */
import {
  STATUS_ACCESS_DENIED,
  STATUS_INSTANCE_NOT_AVAILABLE,
  STATUS_INVALID_PARAMETER,
  STATUS_OBJECT_NAME_COLLISION,
  STATUS_OBJECT_NAME_NOT_FOUND,
  STATUS_PIPE_NOT_AVAILABLE,
} from '../base/ntstatus.js';
import { foldName } from '../host/folding.js';
import { FILE_APPEND_DATA, FILE_READ_DATA, FILE_WRITE_DATA, SYNCHRONIZE } from './access.js';
import { type EventObject, makeEvent } from './dispatcher.js';
import type { Kernel } from './kernel.js';
import { PipeQueue } from './pipe-queue.js';

export const PIPE_DISCONNECTED = 1;
export const PIPE_LISTENING = 2;
export const PIPE_CONNECTED = 3;
/** The other end is gone; what it wrote can still be read. */
export const PIPE_CLOSING = 4;

/** Most instances of a pipe, when there is no other limit. */
export const UNLIMITED_INSTANCES = 255;
/** Bytes that can wait in a pipe for which nobody gave a size, and at most. */
const DEFAULT_QUOTA = 0x1000;
const MOST_QUOTA = 0x100000;

/** The server's or the client's end. */
export interface PipeEnd {
  readonly pipe: PipeInstance;
  readonly isServer: boolean;
  /** What the other end wrote; up to `quota` bytes wait there. */
  readonly incoming: PipeQueue;
  readonly quota: number;
  /** Reads take one message (PIPE_READMODE_MESSAGE). */
  readsMessages: boolean;
  /** Nothing waits (PIPE_NOWAIT). */
  noWait: boolean;
  /** A file object has it open. */
  isOpen: boolean;
  processId: number;
}

export interface PipeInstance {
  /** Null for an unnamed pipe. */
  readonly name: PipeName | null;
  /** Writes are messages (PIPE_TYPE_MESSAGE). */
  readonly keepsMessages: boolean;
  readonly server: PipeEnd;
  /** That of the client that is or will be connected; one that was disconnected has an end of its own. */
  client: PipeEnd;
  /** PIPE_LISTENING, … as the server sees it. */
  state: number;
  /** Pulsed when anything of it has changed: what waits tries again. */
  readonly changed: EventObject;
}

/** What all instances of a name have in common. */
export interface PipeName {
  readonly path: string;
  readonly keepsMessages: boolean;
  /** FILE_READ_DATA and FILE_WRITE_DATA of the server. */
  readonly serverAccess: number;
  readonly mostInstances: number;
  /** Milliseconds that WaitNamedPipe waits by default. */
  readonly defaultTimeout: number;
  readonly instances: PipeInstance[];
  /** Pulsed when an instance begins to listen. */
  readonly available: EventObject;
}

/** Arguments of NtCreateNamedPipeFile. */
export interface PipeCreation {
  /** FILE_READ_DATA and FILE_WRITE_DATA: what the server may do. */
  readonly serverAccess: number;
  readonly keepsMessages: boolean;
  readonly readsMessages: boolean;
  readonly noWait: boolean;
  readonly mostInstances: number;
  /** Bytes. */
  readonly inQuota: number;
  readonly outQuota: number;
  /** Milliseconds. */
  readonly defaultTimeout: number;
  /** Fails when the name exists (FILE_FLAG_FIRST_PIPE_INSTANCE). */
  readonly first: boolean;
}

function makeEnd(kernel: Kernel, pipe: PipeInstance, isServer: boolean, quota: number): PipeEnd {
  return {
    pipe,
    isServer,
    incoming: new PipeQueue(kernel.mm),
    quota: Math.min(quota || DEFAULT_QUOTA, MOST_QUOTA),
    readsMessages: false,
    noWait: false,
    isOpen: false,
    processId: 0,
  };
}

/** A pipe whose server end is open; `name` null for an unnamed one. */
export function makePipe(kernel: Kernel, name: PipeName | null, creation: PipeCreation): PipeInstance {
  const pipe = {
    name,
    keepsMessages: creation.keepsMessages,
    state: PIPE_LISTENING,
    changed: makeEvent(true, false),
  } as { -readonly [K in keyof PipeInstance]: PipeInstance[K] };
  pipe.server = makeEnd(kernel, pipe, true, creation.inQuota);
  pipe.client = makeEnd(kernel, pipe, false, creation.outQuota);
  pipe.server.readsMessages = creation.readsMessages;
  pipe.server.noWait = creation.noWait;
  pipe.server.isOpen = true;
  return pipe;
}

/** PIPE_LISTENING, … as an end sees it. */
export function stateOfEnd(end: PipeEnd): number {
  return end.isServer || end.pipe.client === end ? end.pipe.state : PIPE_DISCONNECTED;
}

/** The connection is over: the client keeps an end that leads nowhere. */
export function cutConnection(kernel: Kernel, pipe: PipeInstance): void {
  pipe.state = PIPE_DISCONNECTED;
  pipe.server.incoming.clear();
  pipe.client.incoming.clear();
  pipe.client = makeEnd(kernel, pipe, false, pipe.client.quota);
}

export function otherEnd({ pipe, isServer }: PipeEnd): PipeEnd {
  return isServer ? pipe.client : pipe.server;
}

/** A new instance of a name, which the first one makes; a number is the NTSTATUS. */
export function createPipeInstance(
  kernel: Kernel,
  path: string,
  creation: PipeCreation,
): PipeInstance | number {
  const key = foldName(path);
  let name = kernel.pipeNames.get(key);
  if (creation.readsMessages && !creation.keepsMessages) return STATUS_INVALID_PARAMETER;
  if (name === undefined) {
    const { mostInstances } = creation;
    if (mostInstances < 1 || mostInstances > UNLIMITED_INSTANCES) return STATUS_INVALID_PARAMETER;
    name = { ...creation, path, instances: [], available: makeEvent(true, false) };
    kernel.pipeNames.set(key, name);
  } else if (creation.first) return STATUS_ACCESS_DENIED;
  else if (name.keepsMessages !== creation.keepsMessages || name.serverAccess !== creation.serverAccess)
    return STATUS_ACCESS_DENIED;
  else if (name.mostInstances < UNLIMITED_INSTANCES && name.instances.length >= name.mostInstances)
    return STATUS_INSTANCE_NOT_AVAILABLE;
  const pipe = makePipe(kernel, name, creation);
  name.instances.push(pipe);
  pulse(kernel, name.available);
  return pipe;
}

/** Wakes all who wait for an event that stays unsignalled. */
export function pulse(kernel: Kernel, event: EventObject): void {
  event.signalState = 1;
  kernel.scheduler.signal(event);
  event.signalState = 0;
}

/** The name of a pipe, STATUS_OBJECT_NAME_NOT_FOUND when there is none. */
export function findPipeName(kernel: Kernel, path: string): PipeName | number {
  return kernel.pipeNames.get(foldName(path)) ?? STATUS_OBJECT_NAME_NOT_FOUND;
}

const DATA_ACCESS = FILE_READ_DATA | FILE_WRITE_DATA;

/** Connects a client with `access` to an instance that listens; a number is the NTSTATUS. */
export function connectClient(
  kernel: Kernel,
  path: string,
  access: number,
  create: boolean,
): PipeEnd | number {
  const name = findPipeName(kernel, path);
  if (typeof name === 'number') return name;
  if (create) return STATUS_OBJECT_NAME_COLLISION;
  const wanted =
    (access & FILE_READ_DATA ? FILE_WRITE_DATA : 0) | (access & FILE_WRITE_DATA ? FILE_READ_DATA : 0);
  if (wanted & ~name.serverAccess & DATA_ACCESS) return STATUS_ACCESS_DENIED;
  const pipe = name.instances.find(({ state }) => state === PIPE_LISTENING);
  if (pipe === undefined) return STATUS_PIPE_NOT_AVAILABLE;
  pipe.state = PIPE_CONNECTED;
  pipe.client.isOpen = true;
  return pipe.client;
}

/** The end of a pipe is closed: the other one hears of it. An instance whose server is gone ceases to be. */
export function closePipeEnd(kernel: Kernel, end: PipeEnd): void {
  const { pipe } = end;
  end.isOpen = false;
  end.incoming.clear();
  if (stateOfEnd(end) === PIPE_CONNECTED) pipe.state = PIPE_CLOSING;
  const { name } = pipe;
  if (!end.isServer || name === null) return;
  name.instances.splice(name.instances.indexOf(pipe), 1);
  if (name.instances.length === 0) kernel.pipeNames.delete(foldName(name.path));
  pulse(kernel, name.available);
}

/** Rights of the file object of an end, from those of its server. */
export function accessOfEnd({ serverAccess }: { readonly serverAccess: number }): number {
  const writes = serverAccess & FILE_WRITE_DATA ? FILE_APPEND_DATA : 0;
  return serverAccess | writes | SYNCHRONIZE | 0x120180;
}
