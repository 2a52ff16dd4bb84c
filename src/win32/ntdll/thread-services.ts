/**
 * Native services of threads. Sources: Microsoft, "NtQueryInformationThread function", "ZwSetInformationThread function",
 * "NtQueueApcThread"; the prototypes and structures of the others as published.
 */
import {
  ntSuccess,
  STATUS_ACCESS_DENIED,
  STATUS_ALERTED,
  STATUS_DATATYPE_MISALIGNMENT,
  STATUS_INVALID_CID,
  STATUS_INVALID_HANDLE,
  STATUS_INVALID_PARAMETER,
  STATUS_NO_MEMORY,
  STATUS_PROCESS_IS_TERMINATING,
  STATUS_SUCCESS,
  STATUS_SUSPEND_COUNT_EXCEEDED,
  STATUS_THREAD_IS_TERMINATING,
  STATUS_TOO_MANY_OPENED_FILES,
} from '../../base/ntstatus.js';
import { needAddressSpace } from '../../mm/threads/swapper.js';
import {
  PROCESS_CREATE_THREAD,
  THREAD_ALERT,
  THREAD_ALL_ACCESS,
  THREAD_GET_CONTEXT,
  THREAD_SET_CONTEXT,
  THREAD_SUSPEND_RESUME,
  THREAD_TERMINATE,
} from '../../nt/access.js';
import { alertThread, queueUserApc, testForAlert, type Word64 } from '../../nt/apc.js';
import { threadOfId } from '../../nt/client-id.js';
import { CONTEXT_SIZE, contextFlags, mergeContext } from '../../nt/context-record.js';
import { openHandle, referenceByHandle } from '../../nt/object-manager.js';
import type { Process } from '../../nt/process.js';
import type { ServiceCall, ServiceFunction, ServiceResult } from '../../nt/service.js';
import { deadlineIn } from '../../nt/sync.js';
import { THREAD_TERMINATED, type Thread } from '../../nt/thread.js';
import { getThreadContext, setThreadContext } from '../../nt/thread-context.js';
import { createThread, imageStackSizes } from '../../nt/thread-create.js';
import { terminateThread } from '../../nt/thread-delete.js';
import { nativeServices, readObjectAttributes, readSize, timeoutOf, writeHandle } from './arguments.js';

/** Most suspensions of a thread (Microsoft, "SuspendThread function"). */
export const MAXIMUM_SUSPEND_COUNT = 127;

const CONTEXT_ALIGNMENT = 16;

/** The thread of a handle; a number is the NTSTATUS. */
function threadOf(call: ServiceCall, handle: number, access: number): Thread | number {
  return referenceByHandle(call.kernel, call.process, handle, 'thread', access) as Thread | number;
}

/** (thread, exitStatus): a handle of 0 means the caller. */
const terminate: ServiceFunction = (call): ServiceResult => {
  const target = threadOf(call, call.handle(0) || -2, THREAD_TERMINATE);
  if (typeof target === 'number') return target;
  if (target === call.thread) return call.terminateThread(call.u32(1));
  if (target.state === THREAD_TERMINATED) return STATUS_THREAD_IS_TERMINATING;
  terminateThread(call.kernel, target, call.u32(1));
  return STATUS_SUCCESS;
};

/** (thread, *previousCount). */
const suspension =
  (change: 'suspend' | 'resume'): ServiceFunction =>
  (call) => {
    const { kernel } = call;
    const previousAt = call.address(1);
    if (previousAt !== 0) call.memory.probeWrite(previousAt, 4);
    const thread = threadOf(call, call.handle(0), THREAD_SUSPEND_RESUME);
    if (typeof thread === 'number') return thread;
    if (change === 'suspend') {
      if (thread.state === THREAD_TERMINATED) return STATUS_THREAD_IS_TERMINATING;
      if (thread.suspendCount >= MAXIMUM_SUSPEND_COUNT) return STATUS_SUSPEND_COUNT_EXCEEDED;
    }
    call.memory.commit();
    const before = kernel.scheduler[change](thread);
    if (previousAt !== 0) call.memory.writeU32(previousAt, before);
    return STATUS_SUCCESS;
  };

/** Fills the parts that the ContextFlags of a record in guest memory name. STATUS_DATATYPE_MISALIGNMENT: not at a multiple of 16. */
export function readContext(call: ServiceCall, thread: Thread, address: number): number {
  if (address % CONTEXT_ALIGNMENT !== 0) return STATUS_DATATYPE_MISALIGNMENT;
  const record = new Uint8Array(CONTEXT_SIZE);
  call.memory.readInto(address, record);
  call.memory.probeWrite(address, CONTEXT_SIZE);
  call.memory.commit();
  const current = new Uint8Array(CONTEXT_SIZE);
  const status = getThreadContext(call.kernel, thread, current);
  if (!ntSuccess(status)) return status;
  mergeContext(record, current, contextFlags(record));
  call.memory.writeBytes(address, record);
  return status;
}

/** Sets the parts of a thread's context that a record in guest memory names. */
export function writeContext(call: ServiceCall, thread: Thread, address: number): number {
  if (address % CONTEXT_ALIGNMENT !== 0) return STATUS_DATATYPE_MISALIGNMENT;
  const record = new Uint8Array(CONTEXT_SIZE);
  call.memory.readInto(address, record);
  call.memory.commit();
  if (thread !== call.thread) return setThreadContext(call.kernel, thread, record);
  thread.newContext = record;
  thread.returnWork = true;
  return STATUS_SUCCESS;
}

/** (thread, *context). */
const contextService =
  (access: number, move: (call: ServiceCall, thread: Thread, address: number) => number): ServiceFunction =>
  (call) => {
    const thread = threadOf(call, call.handle(0), access);
    return typeof thread === 'number' ? thread : move(call, thread, call.address(1));
  };

const word = (call: ServiceCall, index: number): Word64 => [call.lo(index), call.hi(index)];

const QUEUE_USER_APC_FLAGS_SPECIAL_USER_APC = 1;

/** Queues the routine that is argument `first`, with the three arguments behind it. */
function queueApc(call: ServiceCall, first: number, special: boolean): number {
  const thread = threadOf(call, call.handle(0), THREAD_SET_CONTEXT);
  if (typeof thread === 'number') return thread;
  return queueUserApc(call.kernel, thread, {
    routine: word(call, first),
    argument: word(call, first + 1),
    systemArgument1: word(call, first + 2),
    systemArgument2: word(call, first + 3),
    special,
  });
}

/**
 * NtQueueApcThreadEx(thread, reserve, routine, …): the handle of a reserve object, which there is none of here, 0, or the flag
 * of a special APC. NtQueueApcThreadEx2(thread, reserve, flags, routine, …).
 */
const queueApcEx: ServiceFunction = (call) => {
  const reserve = call.handle(1);
  if (reserve !== 0 && reserve !== QUEUE_USER_APC_FLAGS_SPECIAL_USER_APC) return STATUS_INVALID_HANDLE;
  return queueApc(call, 2, reserve !== 0);
};
const queueApcEx2: ServiceFunction = (call) => {
  if (call.handle(1) !== 0) return STATUS_INVALID_HANDLE;
  if (call.u32(2) & ~QUEUE_USER_APC_FLAGS_SPECIAL_USER_APC) return STATUS_INVALID_PARAMETER;
  return queueApc(call, 3, call.u32(2) !== 0);
};

/** NtTestAlert(): takes an alert, or has the APCs run that are queued. */
const testAlert: ServiceFunction = (call) => {
  call.memory.commit();
  return testForAlert(call.thread) === STATUS_ALERTED ? STATUS_ALERTED : STATUS_SUCCESS;
};

/** (thread). */
const alert: ServiceFunction = (call) => {
  const thread = threadOf(call, call.handle(0), THREAD_ALERT);
  if (typeof thread === 'number') return thread;
  call.memory.commit();
  alertThread(call.kernel, thread);
  return STATUS_SUCCESS;
};

/** NtAlertThreadByThreadId(id): a thread of the same process. */
const alertById: ServiceFunction = (call) => {
  const thread = threadOfId(call.kernel, call.size(0));
  if (thread === undefined) return STATUS_INVALID_CID;
  if (thread.process !== call.process) return STATUS_ACCESS_DENIED;
  call.memory.commit();
  if (thread.wait?.kind === 'alert') call.kernel.scheduler.endWait(thread, STATUS_ALERTED);
  else thread.alertedById = true;
  return STATUS_SUCCESS;
};

/** NtWaitForAlertByThreadId(address, *timeout): the address only tells debuggers what is waited for. STATUS_ALERTED or STATUS_TIMEOUT. */
const waitForAlertById: ServiceFunction = (call) => {
  if (call.waitStatus >= 0) return call.waitStatus;
  const { thread, kernel } = call;
  const deadline = deadlineIn(kernel, timeoutOf(call, call.address(1)));
  call.memory.commit();
  if (!thread.alertedById) return call.wait({ kind: 'alert', deadline });
  thread.alertedById = false;
  return STATUS_ALERTED;
};

/** Flags of NtCreateThreadEx, and the attributes that it fills. */
const THREAD_CREATE_FLAGS_CREATE_SUSPENDED = 1;
const THREAD_CREATE_FLAGS_HIDE_FROM_DEBUGGER = 4;
const KNOWN_CREATE_FLAGS = THREAD_CREATE_FLAGS_CREATE_SUSPENDED | THREAD_CREATE_FLAGS_HIDE_FROM_DEBUGGER;
const PS_ATTRIBUTE_CLIENT_ID = 0x10003;
const PS_ATTRIBUTE_TEB_ADDRESS = 0x10004;
/** PS_ATTRIBUTE_LIST: total bytes, then entries of attribute, bytes, value, *returned. */
const LIST_HEADER = 8;
const ATTRIBUTE_BYTES = 0x20;
const MOST_ATTRIBUTES = 32;

interface AttributePlace {
  readonly attribute: number;
  readonly at: number;
  readonly bytes: number;
}

/** Where results go; null for a list that is none, or an attribute that is not known. */
function readAttributes(call: ServiceCall, list: number): AttributePlace[] | null {
  if (list === 0) return [];
  const count = (readSize(call, list) - LIST_HEADER) / ATTRIBUTE_BYTES;
  if (!Number.isInteger(count) || count < 0 || count > MOST_ATTRIBUTES) return null;
  const places: AttributePlace[] = [];
  for (let index = 0; index < count; index++) {
    const entry = list + LIST_HEADER + index * ATTRIBUTE_BYTES;
    const attribute = readSize(call, entry);
    const needed = attribute === PS_ATTRIBUTE_CLIENT_ID ? 16 : 8;
    if (attribute !== PS_ATTRIBUTE_CLIENT_ID && attribute !== PS_ATTRIBUTE_TEB_ADDRESS) return null;
    const bytes = readSize(call, entry + 8);
    if (bytes < needed) return null;
    const at = call.memory.readPointer(entry + 0x10);
    call.memory.probeWrite(at, needed);
    places.push({ attribute, at, bytes });
  }
  return places;
}

function writeAttributes(call: ServiceCall, places: readonly AttributePlace[], thread: Thread): void {
  for (const { attribute, at } of places)
    if (attribute === PS_ATTRIBUTE_CLIENT_ID) {
      call.memory.writeU64(at, thread.process.id, 0);
      call.memory.writeU64(at + 8, thread.id, 0);
    } else call.memory.writePointer(at, thread.teb);
}

/** (*handle, access, attributes, process, start, argument, flags, zeroBits, stackSize, maximumStackSize, attributeList). */
const create: ServiceFunction = (call) => {
  const { kernel, memory } = call;
  const handleAt = call.address(0);
  memory.probeWrite(handleAt, 8);
  const { handleFlags } = readObjectAttributes(call, call.address(2));
  const flags = call.u32(6);
  const places = readAttributes(call, call.address(10));
  if (flags & ~KNOWN_CREATE_FLAGS || places === null) return STATUS_INVALID_PARAMETER;
  const process = referenceByHandle(kernel, call.process, call.handle(3), 'process', PROCESS_CREATE_THREAD);
  if (typeof process === 'number') return process;
  const made = makeThread(call, process as Process, {
    start: call.address(4),
    argument: call.address(5),
    commit: call.size(8),
    reserve: call.size(9),
    suspended: (flags & THREAD_CREATE_FLAGS_CREATE_SUSPENDED) !== 0,
  });
  if (typeof made === 'number') return made;
  made.hiddenFromDebugger = (flags & THREAD_CREATE_FLAGS_HIDE_FROM_DEBUGGER) !== 0;
  const handle = openHandle(call.process, made, call.u32(1), handleFlags);
  if (handle === 0) return STATUS_TOO_MANY_OPENED_FILES;
  writeHandle(call, handleAt, handle);
  writeAttributes(call, places, made);
  return STATUS_SUCCESS;
};

interface NewThread {
  readonly start: number;
  readonly argument: number;
  /** Bytes of stack; 0 as the image says. */
  readonly commit: number;
  readonly reserve: number;
  readonly suspended: boolean;
}

/** Makes a thread in a process; a number is the NTSTATUS. */
function makeThread(call: ServiceCall, process: Process, wanted: NewThread): Thread | number {
  const { kernel } = call;
  if (process.exitStatus !== null || process.peb === 0) return STATUS_PROCESS_IS_TERMINATING;
  if (!needAddressSpace(kernel.mm, process.space)) return STATUS_NO_MEMORY;
  const isOther = process !== call.process;
  if (isOther) kernel.attachProcess(process);
  try {
    const usual = imageStackSizes(process);
    return createThread(kernel, process, {
      startAddress: wanted.start,
      argument: wanted.argument,
      stackReserve: wanted.reserve || usual.stackReserve,
      stackCommit: wanted.commit || usual.stackCommit,
      suspended: wanted.suspended,
    });
  } finally {
    if (isOther) kernel.detachProcess();
  }
}

/** NTSTATUS RtlCreateUserThread(process, security, suspended, zeroBits, reserve, commit, start, argument, *handle, *clientId). */
const rtlCreateUserThread: ServiceFunction = (call) => {
  const { kernel, memory } = call;
  const [handleAt, clientAt] = [call.address(8), call.address(9)];
  if (handleAt !== 0) memory.probeWrite(handleAt, 8);
  if (clientAt !== 0) memory.probeWrite(clientAt, 16);
  const process = referenceByHandle(kernel, call.process, call.handle(0), 'process', PROCESS_CREATE_THREAD);
  if (typeof process === 'number') return process;
  const made = makeThread(call, process as Process, {
    start: call.address(6),
    argument: call.address(7),
    reserve: call.size(4),
    commit: call.size(5),
    suspended: (call.u32(2) & 0xff) !== 0,
  });
  if (typeof made === 'number') return made;
  if (handleAt !== 0) {
    const handle = openHandle(call.process, made, THREAD_ALL_ACCESS, 0);
    if (handle === 0) return STATUS_TOO_MANY_OPENED_FILES;
    writeHandle(call, handleAt, handle);
  }
  if (clientAt !== 0)
    writeAttributes(call, [{ attribute: PS_ATTRIBUTE_CLIENT_ID, at: clientAt, bytes: 16 }], made);
  return STATUS_SUCCESS;
};

/** NtYieldExecution(): STATUS_NO_YIELD_PERFORMED when no other thread is ready. */
const STATUS_NO_YIELD_PERFORMED = 0x40000024;
const yieldExecution: ServiceFunction = (call) => {
  if (call.waitStatus >= 0) return STATUS_SUCCESS;
  if (call.kernel.scheduler.bestReady < 0) return STATUS_NO_YIELD_PERFORMED;
  return call.wait({ kind: 'delay', deadline: call.kernel.clock.now100ns });
};

export const threadServices: Readonly<Record<string, ServiceFunction>> = {
  ...nativeServices({
    CreateThreadEx: create,
    TerminateThread: terminate,
    SuspendThread: suspension('suspend'),
    ResumeThread: suspension('resume'),
    AlertResumeThread: (call) => {
      const status = alert(call);
      return status === STATUS_SUCCESS ? suspension('resume')(call) : status;
    },
    GetContextThread: contextService(THREAD_GET_CONTEXT, readContext),
    SetContextThread: contextService(THREAD_SET_CONTEXT, writeContext),
    QueueApcThread: (call) => queueApc(call, 1, false),
    QueueApcThreadEx: queueApcEx,
    QueueApcThreadEx2: queueApcEx2,
    TestAlert: testAlert,
    AlertThread: alert,
    AlertThreadByThreadId: alertById,
    WaitForAlertByThreadId: waitForAlertById,
    YieldExecution: yieldExecution,
    GetCurrentProcessorNumber: () => 0,
  }),
  RtlCreateUserThread: rtlCreateUserThread,
};
