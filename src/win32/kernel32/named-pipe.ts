/**
 * Pipes (namedpipeapi.h). Sources: Microsoft, "CreatePipe function", "CreateNamedPipeA function", "ConnectNamedPipe function",
 * "PeekNamedPipe function", "TransactNamedPipe function", "CallNamedPipeA function", "SetNamedPipeHandleState function",
 * "WaitNamedPipeA function".
 */
import {
  ntSuccess,
  STATUS_INVALID_PARAMETER,
  STATUS_IO_TIMEOUT,
  STATUS_PENDING,
  STATUS_PIPE_NOT_AVAILABLE,
} from '../../base/ntstatus.js';
import { FILE_READ_DATA, FILE_WRITE_DATA } from '../../nt/access.js';
import { createFile } from '../../nt/create-file.js';
import {
  FILE_OPEN,
  FILE_SYNCHRONOUS_IO_NONALERT,
  FILE_WRITE_THROUGH,
  type FileObject,
} from '../../nt/file-object.js';
import { fileOfHandle } from '../../nt/io.js';
import { isSynchronous } from '../../nt/io-request.js';
import { closeHandle } from '../../nt/object-manager.js';
import { type PipeEnd, UNLIMITED_INSTANCES } from '../../nt/pipe.js';
import { createNamedPipe, createUnnamedPipe } from '../../nt/pipe-create.js';
import { disconnectPipe, listenPipe, peekPipe, setPipeModes, waitForPipe } from '../../nt/pipe-io.js';
import { finishTransaction, transactPipe } from '../../nt/pipe-transaction.js';
import { WAIT_TIMEOUT } from '../../nt/scheduler.js';
import { PENDING, type Service, type ServiceCall, type ServiceFunction } from '../../nt/service.js';
import { deadlineIn } from '../../nt/sync.js';
import { startListen } from '../../nt/transfer.js';
import { ERROR_INVALID_NAME, ERROR_INVALID_PARAMETER, ERROR_IO_PENDING } from '../ntdll/dos-error.js';
import { targetOf } from './overlapped.js';
import { fullPathOf } from './path.js';
import { failStatus, INVALID_HANDLE_VALUE, TRUE, truth } from './results.js';
import { inheritanceOf } from './security-attributes.js';
import { bothForms, type TextForm } from './text-form.js';

const PIPE_ACCESS_INBOUND = 1;
const PIPE_ACCESS_OUTBOUND = 2;
const PIPE_NOWAIT = 1;
const PIPE_READMODE_MESSAGE = 2;
const PIPE_TYPE_MESSAGE = 4;
const PIPE_MODES = 0xf;
const PIPE_SERVER_END = 1;
const FILE_FLAG_FIRST_PIPE_INSTANCE = 0x00080000;
const FILE_FLAG_OVERLAPPED = 0x40000000;
const FILE_FLAG_WRITE_THROUGH = 0x80000000;
/** The flags above, the access, and WRITE_DAC, WRITE_OWNER, ACCESS_SYSTEM_SECURITY. */
const OPEN_MODES = 0xc10c0003 | FILE_FLAG_FIRST_PIPE_INSTANCE;
const DEFAULT_TIMEOUT = 50;

/** The name behind \\.\pipe\ ; null when a path has none. */
function pipeName(call: ServiceCall, form: TextForm, address: number): string | null {
  if (address === 0) return null;
  const match = /^\\\\[.?]\\pipe\\(.+)$/is.exec(fullPathOf(call, form.read(call, address)));
  return match === null ? null : match[1]!;
}

/** The open pipe of a handle; a number is the NTSTATUS. */
function pipeFile(call: ServiceCall, handle: number): (FileObject & { readonly pipe: PipeEnd }) | number {
  const file = fileOfHandle(call.kernel, call.process, handle, 0);
  if (typeof file === 'number') return file;
  return file.pipe === null ? STATUS_INVALID_PARAMETER : (file as FileObject & { readonly pipe: PipeEnd });
}

/** Runs a function on the pipe of the first argument. */
function withPipe(
  run: (call: ServiceCall, file: FileObject & { readonly pipe: PipeEnd }) => ReturnType<ServiceFunction>,
): ServiceFunction {
  return (call) => {
    const file = pipeFile(call, call.handle(0));
    return typeof file === 'number' ? failStatus(call, file) : run(call, file);
  };
}

/** BOOL CreatePipe(*read, *write, security, bytes). */
const createPipe: ServiceFunction = (call) => {
  const [readAt, writeAt] = [call.address(0), call.address(1)];
  call.memory.probeWrite(readAt, 8);
  call.memory.probeWrite(writeAt, 8);
  const out = { read: 0, write: 0 };
  const flags = inheritanceOf(call, call.address(2));
  const status = createUnnamedPipe(call.kernel, call.process, call.u32(3), flags, out);
  if (!ntSuccess(status)) return failStatus(call, status);
  call.memory.writeU64(readAt, out.read, 0);
  call.memory.writeU64(writeAt, out.write, 0);
  return TRUE;
};

/** HANDLE CreateNamedPipe(name, openMode, pipeMode, instances, outBytes, inBytes, timeout, security). */
const newNamedPipe =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const [openMode, pipeMode, instances] = [call.u32(1), call.u32(2), call.u32(3)];
    const name = pipeName(call, form, call.address(0));
    if (name === null) return call.fail(ERROR_INVALID_NAME, INVALID_HANDLE_VALUE);
    const direction = openMode & (PIPE_ACCESS_INBOUND | PIPE_ACCESS_OUTBOUND);
    const isKnown = (openMode & ~OPEN_MODES) === 0 && (pipeMode & ~PIPE_MODES) === 0;
    if (!isKnown || direction === 0 || instances < 1 || instances > UNLIMITED_INSTANCES)
      return call.fail(ERROR_INVALID_PARAMETER, INVALID_HANDLE_VALUE);
    const creation = {
      serverAccess:
        (direction & PIPE_ACCESS_INBOUND ? FILE_READ_DATA : 0) |
        (direction & PIPE_ACCESS_OUTBOUND ? FILE_WRITE_DATA : 0),
      keepsMessages: (pipeMode & PIPE_TYPE_MESSAGE) !== 0,
      readsMessages: (pipeMode & PIPE_READMODE_MESSAGE) !== 0,
      noWait: (pipeMode & PIPE_NOWAIT) !== 0,
      mostInstances: instances,
      outQuota: call.u32(4),
      inQuota: call.u32(5),
      defaultTimeout: call.u32(6) || DEFAULT_TIMEOUT,
      first: (openMode & FILE_FLAG_FIRST_PIPE_INSTANCE) !== 0,
    };
    const options =
      (openMode & FILE_FLAG_OVERLAPPED ? 0 : FILE_SYNCHRONOUS_IO_NONALERT) |
      (openMode & FILE_FLAG_WRITE_THROUGH ? FILE_WRITE_THROUGH : 0);
    const flags = inheritanceOf(call, call.address(7));
    const out = { handle: 0 };
    const status = createNamedPipe(call.kernel, call.process, name, creation, options, flags, out);
    return ntSuccess(status) ? out.handle : failStatus(call, status, INVALID_HANDLE_VALUE);
  };

/** BOOL ConnectNamedPipe(pipe, overlapped). */
const connect = withPipe((call, file) => {
  const overlapped = call.address(1);
  if (overlapped !== 0 && !isSynchronous(file)) {
    const target = targetOf(call, overlapped);
    if (typeof target === 'number') return failStatus(call, target);
    const status = startListen(call, file, target);
    return status === STATUS_PENDING ? call.fail(ERROR_IO_PENDING) : truth(call, status);
  }
  const status = listenPipe(call, file.pipe);
  return status === PENDING ? PENDING : truth(call, status);
});

const disconnect = withPipe((call, file) => truth(call, disconnectPipe(call.kernel, file.pipe)));

/** BOOL PeekNamedPipe(pipe, buffer, bytes, *read, *available, *leftOfMessage). */
const peek = withPipe((call, file) => {
  const [buffer, ...places] = [call.address(1), call.address(3), call.address(4), call.address(5)];
  const found = peekPipe(file.pipe, buffer === 0 ? 0 : call.u32(2));
  if (typeof found === 'number') return failStatus(call, found);
  for (const at of places) if (at !== 0) call.memory.probeWrite(at, 4);
  call.memory.writeBytes(buffer, found.bytes);
  [found.bytes.length, found.available, found.leftOfMessage].forEach((value, index) => {
    if (places[index] !== 0) call.memory.writeU32(places[index]!, value);
  });
  return TRUE;
});

/** BOOL SetNamedPipeHandleState(pipe, *mode, *maxCollection, *timeout): the last two are for pipes of other computers. */
const setState = withPipe((call, file) => {
  if (call.address(2) !== 0 || call.address(3) !== 0) return call.fail(ERROR_INVALID_PARAMETER);
  if (call.address(1) === 0) return TRUE;
  const mode = call.memory.readU32(call.address(1));
  if (mode & ~(PIPE_NOWAIT | PIPE_READMODE_MESSAGE)) return call.fail(ERROR_INVALID_PARAMETER);
  const status = setPipeModes(
    call.kernel,
    file.pipe,
    (mode & PIPE_READMODE_MESSAGE) !== 0,
    (mode & PIPE_NOWAIT) !== 0,
  );
  return truth(call, status);
});

/** BOOL GetNamedPipeHandleState(pipe, *state, *instances, *maxCollection, *timeout, user, userUnits): the last four cannot be asked of these pipes. */
const getState = (_form: TextForm) =>
  withPipe((call, { pipe }) => {
    const [stateAt, instancesAt] = [call.address(1), call.address(2)];
    if (call.address(3) !== 0 || call.address(4) !== 0 || call.address(5) !== 0)
      return call.fail(ERROR_INVALID_PARAMETER);
    const state = (pipe.noWait ? PIPE_NOWAIT : 0) | (pipe.readsMessages ? PIPE_READMODE_MESSAGE : 0);
    if (stateAt !== 0) call.memory.writeU32(stateAt, state);
    if (instancesAt !== 0) call.memory.writeU32(instancesAt, pipe.pipe.name?.instances.length ?? 1);
    return TRUE;
  });

/** BOOL GetNamedPipeInfo(pipe, *flags, *outBytes, *inBytes, *instances). */
const getInfo = withPipe((call, { pipe }) => {
  const { server, client, keepsMessages, name } = pipe.pipe;
  const flags = (pipe.isServer ? PIPE_SERVER_END : 0) | (keepsMessages ? PIPE_TYPE_MESSAGE : 0);
  [flags, client.quota, server.quota, name?.mostInstances ?? 1].forEach((value, index) => {
    if (call.address(index + 1) !== 0) call.memory.writeU32(call.address(index + 1), value);
  });
  return TRUE;
});

/** BOOL GetNamedPipeServerProcessId(pipe, *id) and GetNamedPipeClientProcessId. */
const processIdOf = (end: 'server' | 'client') =>
  withPipe((call, { pipe }) => {
    call.memory.writeU32(call.address(1), pipe.pipe[end].processId);
    return TRUE;
  });

const NMPWAIT_USE_DEFAULT_WAIT = 0;
const NMPWAIT_NOWAIT = 1;
const NMPWAIT_WAIT_FOREVER = 0xffffffff;

/** Virtual time up to which an instance is waited for; null for ever. */
function deadlineOf(call: ServiceCall, timeout: number, defaultTimeout: number): number | null {
  if (timeout === NMPWAIT_WAIT_FOREVER) return null;
  return deadlineIn(call.kernel, timeout === NMPWAIT_USE_DEFAULT_WAIT ? defaultTimeout : timeout);
}

/** BOOL WaitNamedPipe(name, timeout). */
const waitNamedPipe =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const name = pipeName(call, form, call.address(0));
    if (name === null) return call.fail(ERROR_INVALID_NAME);
    const timeout = call.u32(1);
    const status = waitForPipe(call, name, (byDefault) => deadlineOf(call, timeout, byDefault));
    return status === PENDING ? PENDING : truth(call, status);
  };

/** BOOL TransactNamedPipe(pipe, in, inBytes, out, outBytes, *read, overlapped): overlapped ones end before the call too. */
const transact = withPipe((call, file) => {
  const [readAt, out] = [call.address(5), { information: 0 }];
  call.memory.probeWrite(readAt, 4);
  const status = transactPipe(call, file, call.address(1), call.u32(2), call.address(3), call.u32(4), out);
  if (status === PENDING) return PENDING;
  call.memory.writeU32(readAt, out.information);
  return truth(call, status);
});

/** Opens the pipe of a name for CallNamedPipe, waiting for an instance; a number below 0 is no handle but the error was set. */
function openForCall(call: ServiceCall, name: string, timeout: number): number | typeof PENDING {
  const out = { handle: 0, information: 0 };
  const request = {
    path: `\\??\\pipe\\${name}`,
    access: FILE_READ_DATA | FILE_WRITE_DATA | 0x100080,
    share: 3,
    disposition: FILE_OPEN,
    options: FILE_SYNCHRONOUS_IO_NONALERT,
  };
  const status = createFile(call.kernel, call.process, request, out);
  if (ntSuccess(status)) return out.handle;
  if (status !== STATUS_PIPE_NOT_AVAILABLE || timeout === NMPWAIT_NOWAIT) return failStatus(call, status, -1);
  if (call.waitStatus === WAIT_TIMEOUT) return failStatus(call, STATUS_IO_TIMEOUT, -1);
  const waited = waitForPipe(call, name, (byDefault) => deadlineOf(call, timeout, byDefault));
  return waited === PENDING ? PENDING : failStatus(call, waited, -1);
}

/** BOOL CallNamedPipe(name, in, inBytes, out, outBytes, *read, timeout): opens, transacts, closes. */
const callNamedPipe =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const name = pipeName(call, form, call.address(0));
    if (name === null) return call.fail(ERROR_INVALID_NAME);
    call.memory.probeWrite(call.address(5), 4);
    const { thread } = call;
    const continues = thread.pipeCall !== 0;
    const handle = continues ? thread.pipeCall : openForCall(call, name, call.u32(6));
    if (handle === PENDING) return PENDING;
    if (handle < 0) return 0;
    const file = pipeFile(call, handle);
    if (typeof file === 'number') {
      call.memory.commit();
      thread.pipeCall = 0;
      return failStatus(call, file);
    }
    file.pipe.readsMessages = true;
    const out = { information: 0 };
    const [buffer, room] = [call.address(3), call.u32(4)];
    const status = continues
      ? finishTransaction(call, file, buffer, room, out)
      : transactPipe(call, file, call.address(1), call.u32(2), buffer, room, out, false);
    thread.pipeCall = status === PENDING ? handle : 0;
    if (status === PENDING) return PENDING;
    closeHandle(call.kernel, call.process, handle);
    call.memory.writeU32(call.address(5), out.information);
    return truth(call, status);
  };

export const namedPipeFunctions: Record<string, Service | ServiceFunction> = {
  CreatePipe: createPipe,
  ...bothForms('CreateNamedPipe', newNamedPipe),
  ConnectNamedPipe: connect,
  DisconnectNamedPipe: disconnect,
  PeekNamedPipe: peek,
  SetNamedPipeHandleState: setState,
  ...bothForms('GetNamedPipeHandleState', getState),
  GetNamedPipeInfo: getInfo,
  GetNamedPipeServerProcessId: processIdOf('server'),
  GetNamedPipeClientProcessId: processIdOf('client'),
  ...bothForms('WaitNamedPipe', waitNamedPipe),
  TransactNamedPipe: transact,
  ...bothForms('CallNamedPipe', callNamedPipe),
};
