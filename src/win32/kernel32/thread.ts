/** Threads (processthreadsapi.h). Sources: Microsoft, "CreateRemoteThreadEx function", "SuspendThread function", "GetThreadTimes function", "SetThreadIdealProcessor function", "SetThreadDescription function". */
import {
  STATUS_NO_MEMORY,
  STATUS_PENDING,
  STATUS_PROCESS_IS_TERMINATING,
  STATUS_SUCCESS,
  STATUS_SUSPEND_COUNT_EXCEEDED,
  STATUS_THREAD_IS_TERMINATING,
} from '../../base/ntstatus.js';
import { exitThreadService } from '../../ldr/process-exit.js';
import { needAddressSpace } from '../../mm/threads/swapper.js';
import {
  PROCESS_CREATE_THREAD,
  PROCESS_QUERY_INFORMATION,
  PROCESS_VM_OPERATION,
  PROCESS_VM_READ,
  PROCESS_VM_WRITE,
  THREAD_ALL_ACCESS,
  THREAD_GET_CONTEXT,
  THREAD_QUERY_INFORMATION,
  THREAD_QUERY_LIMITED_INFORMATION,
  THREAD_SET_CONTEXT,
  THREAD_SET_INFORMATION,
  THREAD_SET_LIMITED_INFORMATION,
  THREAD_SUSPEND_RESUME,
  THREAD_TERMINATE,
} from '../../nt/access.js';
import { openHandle, referenceByHandle } from '../../nt/object-manager.js';
import type { Process } from '../../nt/process.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { THREAD_TERMINATED, type Thread } from '../../nt/thread.js';
import { createThread, imageStackSizes } from '../../nt/thread-create.js';
import { terminateThread } from '../../nt/thread-delete.js';
import {
  ERROR_INVALID_PARAMETER,
  ERROR_NOT_ENOUGH_MEMORY,
  ERROR_TOO_MANY_OPEN_FILES,
} from '../ntdll/dos-error.js';
import { MAXIMUM_SUSPEND_COUNT, readContext, writeContext } from '../ntdll/thread-services.js';
import { processOf } from './process.js';
import { failStatus, statusOf, TRUE, truth, writeU64 } from './results.js';
import { inheritanceOf, securityOf } from './security-attributes.js';
import { textInHeap, WIDE } from './text-form.js';

/** The thread of a handle; a number is the NTSTATUS. */
export function threadOf(call: ServiceCall, handle: number, access: number): Thread | number {
  return referenceByHandle(call.kernel, call.process, handle, 'thread', access) as Thread | number;
}

/** A function of a thread's handle: `use` gets the thread, `failed` is returned when the handle is refused. */
const onThread =
  (access: number, use: (call: ServiceCall, thread: Thread) => number, failed = 0): ServiceFunction =>
  (call) => {
    const thread = threadOf(call, call.handle(0), access);
    return typeof thread === 'number' ? failStatus(call, thread, failed) : use(call, thread);
  };

/** BOOL TerminateThread(thread, exitCode). */
const terminateOneThread: ServiceFunction = (call) => {
  const thread = threadOf(call, call.handle(0), THREAD_TERMINATE);
  if (typeof thread === 'number') return failStatus(call, thread);
  if (thread === call.thread) return call.terminateThread(call.u32(1));
  if (thread.state !== THREAD_TERMINATED) terminateThread(call.kernel, thread, call.u32(1));
  return TRUE;
};

/** BOOL GetExitCodeThread(thread, *code). */
function exitCode(call: ServiceCall, thread: Thread): number {
  call.memory.writeU32(call.address(1), thread.exitStatus ?? STATUS_PENDING);
  return TRUE;
}

const CREATE_SUSPENDED = 0x4;
const STACK_SIZE_PARAM_IS_A_RESERVATION = 0x10000;

/** Makes a thread in a process; the arguments are those of CreateThread from `first` on, its id goes to `idAt`. */
function newThread(call: ServiceCall, process: Process, first: number, idAt: number): number {
  const { kernel } = call;
  const [bytes, flags] = [call.size(first + 1), call.u32(first + 4)];
  if (flags & ~(CREATE_SUSPENDED | STACK_SIZE_PARAM_IS_A_RESERVATION))
    return call.fail(ERROR_INVALID_PARAMETER);
  if (idAt !== 0) call.memory.probeWrite(idAt, 4);
  const inheritance = inheritanceOf(call, call.address(first));
  const security = securityOf(call, call.address(first));
  if (typeof security === 'number') return failStatus(call, security);
  const reserving = (flags & STACK_SIZE_PARAM_IS_A_RESERVATION) !== 0;
  const usual = imageStackSizes(process);
  const creation = {
    startAddress: call.address(first + 2),
    argument: call.address(first + 3),
    stackReserve: reserving && bytes > 0 ? bytes : usual.stackReserve,
    stackCommit: reserving || bytes === 0 ? usual.stackCommit : bytes,
    suspended: (flags & CREATE_SUSPENDED) !== 0,
  };
  const made = attached(call, process, () => createThread(kernel, process, creation));
  if (typeof made === 'number') return call.fail(ERROR_NOT_ENOUGH_MEMORY);
  if (security !== undefined) made.security = security;
  const handle = openHandle(call.process, made, THREAD_ALL_ACCESS, inheritance);
  if (idAt !== 0) call.memory.writeU32(idAt, made.id);
  return handle === 0 ? call.fail(ERROR_TOO_MANY_OPEN_FILES) : handle;
}

function attached<T>(call: ServiceCall, process: Process, operation: () => T): T {
  if (process === call.process) return operation();
  call.kernel.attachProcess(process);
  try {
    return operation();
  } finally {
    call.kernel.detachProcess();
  }
}

const REMOTE_THREAD_ACCESS =
  PROCESS_CREATE_THREAD |
  PROCESS_QUERY_INFORMATION |
  PROCESS_VM_OPERATION |
  PROCESS_VM_WRITE |
  PROCESS_VM_READ;

/** HANDLE CreateRemoteThread(process, security, stackSize, start, parameter, flags, id); the Ex form has an attribute list before the id. */
const createRemoteThread =
  (idAt: (call: ServiceCall) => number): ServiceFunction =>
  (call) => {
    const process = processOf(call, call.handle(0), REMOTE_THREAD_ACCESS);
    if (typeof process === 'number') return failStatus(call, process);
    if (process.exitStatus !== null || process.peb === 0)
      return failStatus(call, STATUS_PROCESS_IS_TERMINATING);
    if (!needAddressSpace(call.kernel.mm, process.space)) return failStatus(call, STATUS_NO_MEMORY);
    return newThread(call, process, 1, idAt(call));
  };

/** HANDLE CreateRemoteThreadEx: with no attribute list, which is all that is known here, as CreateRemoteThread. */
const createRemoteThreadEx: ServiceFunction = (call) =>
  call.address(6) === 0
    ? createRemoteThread((own) => own.address(7))(call)
    : call.fail(ERROR_INVALID_PARAMETER);

const NO_COUNT = 0xffffffff;

function resume(call: ServiceCall, thread: Thread): number {
  call.memory.commit();
  return call.kernel.scheduler.resume(thread);
}

/** DWORD SuspendThread(thread): a thread that suspends itself goes on here when it is resumed. */
function suspend(call: ServiceCall, thread: Thread): number {
  if (thread.state === THREAD_TERMINATED) return failStatus(call, STATUS_THREAD_IS_TERMINATING, NO_COUNT);
  if (thread.suspendCount >= MAXIMUM_SUSPEND_COUNT)
    return failStatus(call, STATUS_SUSPEND_COUNT_EXCEEDED, NO_COUNT);
  call.memory.commit();
  return call.kernel.scheduler.suspend(thread);
}

/** BOOL SwitchToThread(): gives the processor to another ready thread for its turn; FALSE when there is none. */
const switchToThread: ServiceFunction = (call) => {
  if (call.waitStatus >= 0) return TRUE;
  if (call.kernel.scheduler.bestReady < 0) return 0;
  return call.wait({ kind: 'delay', deadline: call.kernel.clock.now100ns });
};

/** DWORD_PTR SetThreadAffinityMask(thread, mask): the one processor; the mask before. */
function setAffinity(call: ServiceCall): number {
  return call.lo(1) & 1 ? 1 : call.fail(ERROR_INVALID_PARAMETER);
}

const MAXIMUM_PROCESSORS = 64;

/** DWORD SetThreadIdealProcessor(thread, processor): MAXIMUM_PROCESSORS only asks; the one before. */
function setIdealProcessor(call: ServiceCall): number {
  const wanted = call.u32(1);
  return wanted === 0 || wanted === MAXIMUM_PROCESSORS ? 0 : call.fail(ERROR_INVALID_PARAMETER, -1);
}

/** PROCESSOR_NUMBER: group, number, reserved; GROUP_AFFINITY: mask, group. */
const PROCESSOR_NUMBER_BYTES = 4;
const GROUP_AFFINITY_BYTES = 16;

/** BOOL SetThreadIdealProcessorEx(thread, *wanted, *before). */
function setIdealProcessorEx(call: ServiceCall): number {
  const before = call.address(2);
  if (call.memory.readU32(call.address(1)) !== 0) return call.fail(ERROR_INVALID_PARAMETER);
  if (before !== 0) call.memory.fill(before, PROCESSOR_NUMBER_BYTES, 0);
  return TRUE;
}

function getIdealProcessorEx(call: ServiceCall): number {
  call.memory.fill(call.address(1), PROCESSOR_NUMBER_BYTES, 0);
  return TRUE;
}

function writeGroupAffinity(call: ServiceCall, at: number): void {
  call.memory.fill(at, GROUP_AFFINITY_BYTES, 0);
  call.memory.writeU32(at, 1);
}

function getGroupAffinity(call: ServiceCall): number {
  writeGroupAffinity(call, call.address(1));
  return TRUE;
}

/** BOOL SetThreadGroupAffinity(thread, *wanted, *before). */
function setGroupAffinity(call: ServiceCall): number {
  const [wanted, before] = [call.address(1), call.address(2)];
  const { memory } = call;
  const isOurs = memory.readU32(wanted) === 1 && memory.readU32(wanted + 4) === 0;
  if (!isOurs || memory.readU16(wanted + 8) !== 0) return call.fail(ERROR_INVALID_PARAMETER);
  if (before !== 0) writeGroupAffinity(call, before);
  return TRUE;
}

/** BOOL GetThreadTimes(thread, creation, exit, kernel, user): user time is the virtual time of the thread's instructions. */
function times(call: ServiceCall, thread: Thread): number {
  const { memory } = call;
  for (let index = 1; index <= 4; index++) memory.probeWrite(call.address(index), 8);
  memory.writeU64(call.address(1), thread.createTime.lo, thread.createTime.hi);
  memory.writeU64(call.address(2), thread.exitTime.lo, thread.exitTime.hi);
  memory.writeU64(call.address(3), 0, 0);
  writeU64(call, call.address(4), Math.floor(thread.instructions / 100));
  return TRUE;
}

/** Units of the longest description (a UNICODE_STRING of it). */
const MAXIMUM_DESCRIPTION = 0x7ffe;
/** HRESULT_FROM_NT, of success too; E_OUTOFMEMORY. */
const FACILITY_NT_BIT = 0x10000000;
const E_OUTOFMEMORY = 0x8007000e;

const hresultOf = (status: number) => (status | FACILITY_NT_BIT) >>> 0;

/** HRESULT SetThreadDescription(thread, text). */
const setDescription: ServiceFunction = (call) => {
  const thread = threadOf(call, call.handle(0), THREAD_SET_LIMITED_INFORMATION);
  if (typeof thread === 'number') return hresultOf(thread);
  const text = call.address(1) === 0 ? '' : WIDE.read(call, call.address(1), MAXIMUM_DESCRIPTION);
  call.memory.commit();
  thread.description = text;
  return hresultOf(STATUS_SUCCESS);
};

/** HRESULT GetThreadDescription(thread, **text): a block that LocalFree frees. */
const getDescription: ServiceFunction = (call) => {
  const thread = threadOf(call, call.handle(0), THREAD_QUERY_LIMITED_INFORMATION);
  if (typeof thread === 'number') return hresultOf(thread);
  call.memory.probeWrite(call.address(1), 8);
  const text = textInHeap(call, WIDE, thread.description);
  if (text === 0) return E_OUTOFMEMORY;
  call.memory.writePointer(call.address(1), text);
  return hresultOf(STATUS_SUCCESS);
};

export const threadFunctions: Record<string, Service | ServiceFunction> = {
  ExitThread: exitThreadService((call) => call.u32(0)),
  TerminateThread: terminateOneThread,
  GetExitCodeThread: onThread(THREAD_QUERY_LIMITED_INFORMATION, exitCode),
  CreateThread: (call) => newThread(call, call.process, 0, call.address(5)),
  CreateRemoteThread: createRemoteThread((call) => call.address(6)),
  CreateRemoteThreadEx: createRemoteThreadEx,
  ResumeThread: onThread(THREAD_SUSPEND_RESUME, resume, NO_COUNT),
  SuspendThread: onThread(THREAD_SUSPEND_RESUME, suspend, NO_COUNT),
  GetThreadContext: onThread(THREAD_GET_CONTEXT, (call, thread) =>
    truth(
      call,
      statusOf(() => readContext(call, thread, call.address(1))),
    ),
  ),
  SetThreadContext: onThread(THREAD_SET_CONTEXT, (call, thread) =>
    truth(
      call,
      statusOf(() => writeContext(call, thread, call.address(1))),
    ),
  ),
  GetThreadId: onThread(THREAD_QUERY_LIMITED_INFORMATION, (_call, { id }) => id),
  GetProcessIdOfThread: onThread(THREAD_QUERY_LIMITED_INFORMATION, (_call, { process }) => process.id),
  GetThreadTimes: onThread(THREAD_QUERY_LIMITED_INFORMATION, times),
  GetThreadIOPendingFlag: onThread(THREAD_QUERY_INFORMATION, (call) => {
    call.memory.writeU32(call.address(1), 0);
    return TRUE;
  }),
  SetThreadAffinityMask: onThread(THREAD_SET_LIMITED_INFORMATION, setAffinity),
  SetThreadIdealProcessor: onThread(THREAD_SET_LIMITED_INFORMATION, setIdealProcessor, -1),
  SetThreadIdealProcessorEx: onThread(THREAD_SET_LIMITED_INFORMATION, setIdealProcessorEx),
  GetThreadIdealProcessorEx: onThread(THREAD_QUERY_LIMITED_INFORMATION, getIdealProcessorEx),
  GetThreadGroupAffinity: onThread(THREAD_QUERY_LIMITED_INFORMATION, getGroupAffinity),
  SetThreadGroupAffinity: onThread(THREAD_SET_INFORMATION, setGroupAffinity),
  SetThreadDescription: setDescription,
  GetThreadDescription: getDescription,
  SwitchToThread: switchToThread,
};
