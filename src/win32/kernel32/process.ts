/** Processes and threads (processthreadsapi.h). Sources: Microsoft, "GetStartupInfoW function", "ExitProcess function", "CreateThread function", "STARTUPINFOW structure". */
import { STATUS_INVALID_HANDLE, STATUS_INVALID_PARAMETER } from '../../base/ntstatus.js';
import * as peb from '../../ldr/peb-layout.js';
import { exitProcessService, exitThreadService } from '../../ldr/process-exit.js';
import {
  PROCESS_QUERY_INFORMATION,
  PROCESS_TERMINATE,
  THREAD_ALL_ACCESS,
  THREAD_SUSPEND_RESUME,
  THREAD_TERMINATE,
} from '../../nt/access.js';
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
import { stateOf } from './library-state.js';
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

/** Fields of RTL_USER_PROCESS_PARAMETERS that become the window's: StartingX to FillAttribute (7 words), flags, show. */
const PARAMETERS_STARTING_X = 0x88;
const POSITION_BYTES = 0x1c;
const PARAMETERS_WINDOW_FLAGS = 0xa4;
const PARAMETERS_SHOW_WINDOW = 0xa8;

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
  memory.copy(info + STARTUP_POSITION, parameters + PARAMETERS_STARTING_X, POSITION_BYTES);
  const flags = memory.readU32(parameters + PARAMETERS_WINDOW_FLAGS);
  memory.writeU32(info + STARTUP_FLAGS, flags);
  memory.writeU16(info + STARTUP_SHOW_WINDOW, memory.readU16(parameters + PARAMETERS_SHOW_WINDOW));
  if (flags & STARTF_USESTDHANDLES)
    memory.copy(info + STARTUP_STANDARD_HANDLES, parameters + peb.PARAMETERS_STANDARD_INPUT, 24);
}

const ansiCopy = (call: ServiceCall, at: number, name: string) => {
  const { blocks } = stateOf(call);
  blocks[name] ??= textInHeap(call, ANSI, unicodeString(call, at));
  return blocks[name];
};

/** The process of a handle; a number is the NTSTATUS. */
function processOf(call: ServiceCall, handle: number, access: number): Process | number {
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
  const process = processOf(call, call.handle(0), PROCESS_QUERY_INFORMATION);
  if (typeof process === 'number') return failStatus(call, process);
  call.memory.writeU32(call.address(1), process.exitStatus ?? STILL_ACTIVE);
  return TRUE;
};

const exitCodeThread: ServiceFunction = (call) => {
  const thread = threadOf(call, call.handle(0), 0);
  if (typeof thread === 'number') return failStatus(call, thread);
  call.memory.writeU32(call.address(1), thread.exitStatus ?? STILL_ACTIVE);
  return TRUE;
};

/** HANDLE OpenProcess(access, inherit, id). */
const openProcess: ServiceFunction = (call) => {
  const process = call.kernel.processes.get(call.u32(2));
  if (process === undefined) return call.fail(ERROR_INVALID_PARAMETER);
  const handle = openHandle(call.process, process, call.u32(0), call.u32(1) ? 1 : 0);
  return handle === 0 ? call.fail(ERROR_TOO_MANY_OPEN_FILES) : handle;
};

const CREATE_SUSPENDED = 0x4;
const STACK_SIZE_PARAM_IS_A_RESERVATION = 0x10000;

/** HANDLE CreateThread(security, stackSize, start, parameter, flags, id). */
const createOneThread: ServiceFunction = (call) => {
  const { kernel, process } = call;
  const [bytes, flags, idAt] = [call.size(1), call.u32(4), call.address(5)];
  if (flags & ~(CREATE_SUSPENDED | STACK_SIZE_PARAM_IS_A_RESERVATION))
    return call.fail(ERROR_INVALID_PARAMETER);
  if (idAt !== 0) call.memory.probeWrite(idAt, 4);
  const reserving = (flags & STACK_SIZE_PARAM_IS_A_RESERVATION) !== 0;
  const usual = imageStackSizes(process);
  const thread = createThread(kernel, process, {
    startAddress: call.address(2),
    argument: call.address(3),
    stackReserve: reserving && bytes > 0 ? bytes : usual.stackReserve,
    stackCommit: reserving || bytes === 0 ? usual.stackCommit : bytes,
    suspended: (flags & CREATE_SUSPENDED) !== 0,
  });
  if (typeof thread === 'number') return call.fail(ERROR_NOT_ENOUGH_MEMORY);
  const handle = openHandle(process, thread, THREAD_ALL_ACCESS, inheritanceOf(call, call.address(0)));
  if (idAt !== 0) call.memory.writeU32(idAt, thread.id);
  return handle === 0 ? call.fail(ERROR_TOO_MANY_OPEN_FILES) : handle;
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

/** Relative thread priorities, and the differences that they stand for at normal class ("Scheduling Priorities"). */
const PRIORITY_IDLE = -15;
const PRIORITY_TIME_CRITICAL = 15;
const PRIORITY_ERROR_RETURN = 0x7fffffff;
const NORMAL_BASE = 8;
const LOWEST = 1;
const HIGHEST = 15;

const setPriority: ServiceFunction = (call) => {
  const thread = threadOf(call, call.handle(0), 0);
  if (typeof thread === 'number') return failStatus(call, thread);
  const level = call.i32(1);
  const known = Math.abs(level) <= 2 || level === PRIORITY_IDLE || level === PRIORITY_TIME_CRITICAL;
  if (!known) return failStatus(call, STATUS_INVALID_PARAMETER);
  const priority = Math.min(HIGHEST, Math.max(LOWEST, NORMAL_BASE + level));
  thread.basePriority = priority;
  call.kernel.scheduler.setPriority(thread, priority);
  return TRUE;
};

const getPriority: ServiceFunction = (call) => {
  const thread = threadOf(call, call.handle(0), 0);
  if (typeof thread === 'number') return failStatus(call, thread, PRIORITY_ERROR_RETURN);
  if (thread.basePriority === LOWEST) return PRIORITY_IDLE;
  return thread.basePriority === HIGHEST ? PRIORITY_TIME_CRITICAL : thread.basePriority - NORMAL_BASE;
};

const NORMAL_PRIORITY_CLASS = 0x20;

const priorityClass: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), PROCESS_QUERY_INFORMATION);
  return typeof process === 'number' ? failStatus(call, process) : NORMAL_PRIORITY_CLASS;
};

const processId: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), 0);
  return typeof process === 'number' ? failStatus(call, process) : process.id;
};

const threadId: ServiceFunction = (call) => {
  const thread = threadOf(call, call.handle(0), 0);
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
  OpenProcess: openProcess,
  CreateThread: createOneThread,
  ResumeThread: resumeOneThread,
  SuspendThread: suspendOneThread,
  SetThreadPriority: setPriority,
  GetThreadPriority: getPriority,
  GetPriorityClass: priorityClass,
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
