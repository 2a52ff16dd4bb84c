/** Processes and threads (processthreadsapi.h). Sources: Microsoft, "GetStartupInfoW function", "ExitProcess function", "CreateThread function", "STARTUPINFOW structure". */
import {
  STATUS_INVALID_HANDLE,
  STATUS_NO_MEMORY,
  STATUS_PROCESS_IS_TERMINATING,
} from '../../base/ntstatus.js';
import * as peb from '../../ldr/peb-layout.js';
import { exitProcessService, exitThreadService } from '../../ldr/process-exit.js';
import { needAddressSpace } from '../../mm/threads/swapper.js';
import {
  PROCESS_CREATE_THREAD,
  PROCESS_QUERY_INFORMATION,
  PROCESS_QUERY_LIMITED_INFORMATION,
  PROCESS_TERMINATE,
  PROCESS_VM_OPERATION,
  PROCESS_VM_READ,
  PROCESS_VM_WRITE,
  THREAD_ALL_ACCESS,
  THREAD_QUERY_LIMITED_INFORMATION,
  THREAD_SUSPEND_RESUME,
  THREAD_TERMINATE,
} from '../../nt/access.js';
import { processOfId, threadOfId } from '../../nt/client-id.js';
import { HANDLE_FLAG_INHERIT } from '../../nt/handle-table.js';
import type { Kernel } from '../../nt/kernel.js';
import { openHandle, referenceByHandle } from '../../nt/object-manager.js';
import type { Process } from '../../nt/process.js';
import { terminateProcess } from '../../nt/process-delete.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { THREAD_TERMINATED, type Thread } from '../../nt/thread.js';
import { createThread, imageStackSizes } from '../../nt/thread-create.js';
import { terminateThread } from '../../nt/thread-delete.js';
import {
  ERROR_INVALID_PARAMETER,
  ERROR_NOT_ENOUGH_MEMORY,
  ERROR_TOO_MANY_OPEN_FILES,
} from '../ntdll/dos-error.js';
import { blockOnce } from './library-state.js';
import { processParameters, unicodeBuffer, unicodeString } from './process-parameters.js';
import { failStatus, TRUE } from './results.js';
import { inheritanceOf } from './security-attributes.js';
import { ANSI, textInHeap } from './text-form.js';

const STILL_ACTIVE = 259;

/** STARTUPINFO on x64: byte offsets and size. */
const STARTUP_DESKTOP = 0x10;
const STARTUP_TITLE = 0x18;
const STARTUP_POSITION = 0x20;
const STARTUP_FLAGS = 0x3c;
const STARTUP_SHOW_WINDOW = 0x40;
const STARTUP_STANDARD_HANDLES = 0x50;
const STARTUP_BYTES = 0x68;
const STARTF_USESTDHANDLES = 0x100;
const POSITION_BYTES = 0x1c;

function startupInfo(call: ServiceCall, text: (call: ServiceCall, at: number, name: string) => number): void {
  const { memory } = call;
  const info = call.address(0);
  const parameters = processParameters(call);
  memory.probeWrite(info, STARTUP_BYTES);
  const desktop = text(call, parameters + peb.PARAMETERS_DESKTOP_INFO, 'desktop');
  const title = text(call, parameters + peb.PARAMETERS_WINDOW_TITLE, 'title');
  memory.fill(info, STARTUP_BYTES, 0);
  memory.writeU32(info, STARTUP_BYTES);
  memory.writePointer(info + STARTUP_DESKTOP, desktop);
  memory.writePointer(info + STARTUP_TITLE, title);
  memory.copy(info + STARTUP_POSITION, parameters + peb.PARAMETERS_STARTING_X, POSITION_BYTES);
  const flags = memory.readU32(parameters + peb.PARAMETERS_WINDOW_FLAGS);
  memory.writeU32(info + STARTUP_FLAGS, flags);
  memory.writeU16(info + STARTUP_SHOW_WINDOW, memory.readU16(parameters + peb.PARAMETERS_SHOW_WINDOW));
  if (flags & STARTF_USESTDHANDLES)
    memory.copy(info + STARTUP_STANDARD_HANDLES, parameters + peb.PARAMETERS_STANDARD_INPUT, 24);
}

const ansiCopy = (call: ServiceCall, at: number, name: string) => {
  return blockOnce(call, name, () => textInHeap(call, ANSI, unicodeString(call, at)));
};

/** The process of a handle; a number is the NTSTATUS. */
export function processOf(call: ServiceCall, handle: number, access: number): Process | number {
  return referenceByHandle(call.kernel, call.process, handle, 'process', access) as Process | number;
}

export function threadOf(call: ServiceCall, handle: number, access: number): Thread | number {
  return referenceByHandle(call.kernel, call.process, handle, 'thread', access) as Thread | number;
}

/** BOOL TerminateProcess(process, exitCode). */
const terminate: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), PROCESS_TERMINATE);
  if (typeof process === 'number') return failStatus(call, process);
  if (process === call.process) return call.terminateProcess(call.u32(1));
  terminateProcess(call.kernel, process, call.u32(1));
  return TRUE;
};

/** BOOL TerminateThread(thread, exitCode). */
const terminateOneThread: ServiceFunction = (call) => {
  const thread = threadOf(call, call.handle(0), THREAD_TERMINATE);
  if (typeof thread === 'number') return failStatus(call, thread);
  if (thread === call.thread) return call.terminateThread(call.u32(1));
  if (thread.state !== THREAD_TERMINATED) terminateThread(call.kernel, thread, call.u32(1));
  return TRUE;
};

const exitCodeProcess: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), PROCESS_QUERY_LIMITED_INFORMATION);
  if (typeof process === 'number') return failStatus(call, process);
  call.memory.writeU32(call.address(1), process.exitStatus ?? STILL_ACTIVE);
  return TRUE;
};

const exitCodeThread: ServiceFunction = (call) => {
  const thread = threadOf(call, call.handle(0), THREAD_QUERY_LIMITED_INFORMATION);
  if (typeof thread === 'number') return failStatus(call, thread);
  call.memory.writeU32(call.address(1), thread.exitStatus ?? STILL_ACTIVE);
  return TRUE;
};

/** HANDLE OpenProcess(access, inherit, id) and OpenThread. */
const opening =
  (find: (kernel: Kernel, id: number) => Process | Thread | undefined): ServiceFunction =>
  (call) => {
    const object = find(call.kernel, call.u32(2));
    if (object === undefined) return call.fail(ERROR_INVALID_PARAMETER);
    const handle = openHandle(call.process, object, call.u32(0), call.u32(1) ? HANDLE_FLAG_INHERIT : 0);
    return handle === 0 ? call.fail(ERROR_TOO_MANY_OPEN_FILES) : handle;
  };

const CREATE_SUSPENDED = 0x4;
const STACK_SIZE_PARAM_IS_A_RESERVATION = 0x10000;

/** Makes a thread in a process; the arguments are those of CreateThread from `first` on. */
function newThread(call: ServiceCall, process: Process, first: number): number {
  const { kernel } = call;
  const [bytes, flags, idAt] = [call.size(first + 1), call.u32(first + 4), call.address(first + 5)];
  if (flags & ~(CREATE_SUSPENDED | STACK_SIZE_PARAM_IS_A_RESERVATION))
    return call.fail(ERROR_INVALID_PARAMETER);
  if (idAt !== 0) call.memory.probeWrite(idAt, 4);
  const inheritance = inheritanceOf(call, call.address(first));
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

/** HANDLE CreateThread(security, stackSize, start, parameter, flags, id). */
const createOneThread: ServiceFunction = (call) => newThread(call, call.process, 0);

const REMOTE_THREAD_ACCESS =
  PROCESS_CREATE_THREAD |
  PROCESS_QUERY_INFORMATION |
  PROCESS_VM_OPERATION |
  PROCESS_VM_WRITE |
  PROCESS_VM_READ;

/** HANDLE CreateRemoteThread(process, security, stackSize, start, parameter, flags, id). */
const createRemoteThread: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), REMOTE_THREAD_ACCESS);
  if (typeof process === 'number') return failStatus(call, process);
  if (process.exitStatus !== null || process.peb === 0)
    return failStatus(call, STATUS_PROCESS_IS_TERMINATING);
  if (!needAddressSpace(call.kernel.mm, process.space)) return failStatus(call, STATUS_NO_MEMORY);
  return newThread(call, process, 1);
};

const NO_COUNT = 0xffffffff;

const resumeOneThread: ServiceFunction = (call) => {
  const thread = threadOf(call, call.handle(0), THREAD_SUSPEND_RESUME);
  if (typeof thread === 'number') return failStatus(call, thread, NO_COUNT);
  return call.kernel.scheduler.resume(thread);
};

/** DWORD SuspendThread(thread): a thread that suspends itself goes on here when it is resumed. */
const suspendOneThread: ServiceFunction = (call) => {
  const thread = threadOf(call, call.handle(0), THREAD_SUSPEND_RESUME);
  if (typeof thread === 'number') return failStatus(call, thread, NO_COUNT);
  return call.kernel.scheduler.suspend(thread);
};

const processId: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), PROCESS_QUERY_LIMITED_INFORMATION);
  return typeof process === 'number' ? failStatus(call, process) : process.id;
};

const threadId: ServiceFunction = (call) => {
  const thread = threadOf(call, call.handle(0), THREAD_QUERY_LIMITED_INFORMATION);
  return typeof thread === 'number' ? failStatus(call, thread) : thread.id;
};

/** BOOL FlushInstructionCache(process, base, bytes): the processor sees stores to code by itself, as x64 does. */
const flushInstructionCache: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), 0);
  return typeof process === 'number' ? failStatus(call, STATUS_INVALID_HANDLE) : TRUE;
};

/** BOOL IsWow64Process(process, answer). */
const isWow64Process: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), PROCESS_QUERY_INFORMATION);
  if (typeof process === 'number') return failStatus(call, process);
  call.memory.writeU32(call.address(1), 0);
  return TRUE;
};

/** BOOL GetProcessAffinityMask(process, processMask, systemMask). */
const affinityMask: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), PROCESS_QUERY_INFORMATION);
  if (typeof process === 'number') return failStatus(call, process);
  call.memory.probeWrite(call.address(1), 8);
  call.memory.probeWrite(call.address(2), 8);
  call.memory.writeU64(call.address(1), 1, 0);
  call.memory.writeU64(call.address(2), 1, 0);
  return TRUE;
};

/** DWORD_PTR SetThreadAffinityMask(thread, mask): the one processor; the mask before. */
const setThreadAffinity: ServiceFunction = (call) => {
  const thread = threadOf(call, call.handle(0), 0);
  if (typeof thread === 'number') return failStatus(call, thread);
  return call.lo(1) & 1 ? 1 : call.fail(ERROR_INVALID_PARAMETER);
};

/** BOOL SetProcessAffinityMask(process, mask). */
const setProcessAffinity: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), 0);
  if (typeof process === 'number') return failStatus(call, process);
  return call.lo(1) === 1 && call.hi(1) === 0 ? TRUE : call.fail(ERROR_INVALID_PARAMETER);
};

/** BOOL SwitchToThread(): gives the processor to another ready thread for its turn; FALSE when there is none. */
const switchToThread: ServiceFunction = (call) => {
  if (call.waitStatus >= 0) return TRUE;
  if (call.kernel.scheduler.bestReady < 0) return 0;
  return call.wait({ kind: 'delay', deadline: call.kernel.clock.now100ns });
};

export const processFunctions: Record<string, Service | ServiceFunction> = {
  GetStartupInfoA: (call) => startupInfo(call, ansiCopy),
  GetStartupInfoW: (call) => startupInfo(call, unicodeBuffer),
  ExitProcess: exitProcessService((call) => call.u32(0)),
  ExitThread: exitThreadService((call) => call.u32(0)),
  TerminateProcess: terminate,
  TerminateThread: terminateOneThread,
  GetExitCodeProcess: exitCodeProcess,
  GetExitCodeThread: exitCodeThread,
  OpenProcess: opening(processOfId),
  OpenThread: opening(threadOfId),
  CreateThread: createOneThread,
  CreateRemoteThread: createRemoteThread,
  ResumeThread: resumeOneThread,
  SuspendThread: suspendOneThread,
  GetProcessId: processId,
  GetThreadId: threadId,
  FlushInstructionCache: flushInstructionCache,
  IsWow64Process: isWow64Process,
  GetProcessAffinityMask: affinityMask,
  SetThreadAffinityMask: setThreadAffinity,
  SetProcessAffinityMask: setProcessAffinity,
  FlushProcessWriteBuffers: () => undefined,
  SwitchToThread: switchToThread,
};
