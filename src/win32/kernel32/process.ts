/** Processes and threads (processthreadsapi.h). Sources: Microsoft, "GetStartupInfoW function", "ExitProcess function", "CreateThread function", "STARTUPINFOW structure". */
import {
  STATUS_ACCESS_DENIED,
  STATUS_INVALID_HANDLE,
  STATUS_PROCESS_IS_TERMINATING,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import * as peb from '../../ldr/peb-layout.js';
import { exitProcessService } from '../../ldr/process-exit.js';
import { PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_TERMINATE } from '../../nt/access.js';
import { processOfId, SYSTEM_PROCESS_ID, threadOfId } from '../../nt/client-id.js';
import { HANDLE_FLAG_INHERIT } from '../../nt/handle-table.js';
import type { Kernel } from '../../nt/kernel.js';
import { openOrDelete, referenceByHandle } from '../../nt/object-manager.js';
import type { Process } from '../../nt/process.js';
import { terminateProcess } from '../../nt/process-delete.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import type { Thread } from '../../nt/thread.js';
import { ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { blockOnce } from './library-state.js';
import { processParameters, unicodeBuffer, unicodeString } from './process-parameters.js';
import { failStatus, TRUE } from './results.js';
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

/** BOOL TerminateProcess(process, exitCode): a process that has ended is refused. */
const terminate: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), PROCESS_TERMINATE);
  if (typeof process === 'number') return failStatus(call, process);
  if (process === call.process) return call.terminateProcess(call.u32(1));
  if (process.exitStatus !== null) return failStatus(call, STATUS_PROCESS_IS_TERMINATING);
  terminateProcess(call.kernel, process, call.u32(1));
  return TRUE;
};

const exitCodeProcess: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), PROCESS_QUERY_LIMITED_INFORMATION);
  if (typeof process === 'number') return failStatus(call, process);
  call.memory.writeU32(call.address(1), process.exitStatus ?? STILL_ACTIVE);
  return TRUE;
};

/** HANDLE OpenProcess(access, inherit, id) and OpenThread. */
const opening =
  (find: (kernel: Kernel, id: number) => Process | Thread | undefined): ServiceFunction =>
  (call) => {
    const id = call.u32(2);
    if (find === processOfId && id === SYSTEM_PROCESS_ID) return failStatus(call, STATUS_ACCESS_DENIED);
    const object = find(call.kernel, id);
    if (object === undefined) return call.fail(ERROR_INVALID_PARAMETER);
    const out = { handle: 0 };
    const flags = call.u32(1) ? HANDLE_FLAG_INHERIT : 0;
    const status = openOrDelete(call.kernel, call.process, object, call.u32(0), flags, out);
    return status === STATUS_SUCCESS ? out.handle : failStatus(call, status);
  };

const processId: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), PROCESS_QUERY_LIMITED_INFORMATION);
  return typeof process === 'number' ? failStatus(call, process) : process.id;
};

/** BOOL FlushInstructionCache(process, base, bytes): the processor sees stores to code by itself, as x64 does. */
const flushInstructionCache: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), 0);
  return typeof process === 'number' ? failStatus(call, STATUS_INVALID_HANDLE) : TRUE;
};

/** BOOL IsWow64Process(process, answer). */
const isWow64Process: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), PROCESS_QUERY_LIMITED_INFORMATION);
  if (typeof process === 'number') return failStatus(call, process);
  call.memory.writeU32(call.address(1), 0);
  return TRUE;
};

/** BOOL GetProcessAffinityMask(process, processMask, systemMask). */
const affinityMask: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), PROCESS_QUERY_LIMITED_INFORMATION);
  if (typeof process === 'number') return failStatus(call, process);
  call.memory.probeWrite(call.address(1), 8);
  call.memory.probeWrite(call.address(2), 8);
  call.memory.writeU64(call.address(1), 1, 0);
  call.memory.writeU64(call.address(2), 1, 0);
  return TRUE;
};

/** BOOL SetProcessAffinityMask(process, mask). */
const setProcessAffinity: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), 0);
  if (typeof process === 'number') return failStatus(call, process);
  return call.lo(1) === 1 && call.hi(1) === 0 ? TRUE : call.fail(ERROR_INVALID_PARAMETER);
};

export const processFunctions: Record<string, Service | ServiceFunction> = {
  GetStartupInfoA: (call) => startupInfo(call, ansiCopy),
  GetStartupInfoW: (call) => startupInfo(call, unicodeBuffer),
  ExitProcess: exitProcessService((call) => call.u32(0)),
  TerminateProcess: terminate,
  GetExitCodeProcess: exitCodeProcess,
  OpenProcess: opening(processOfId),
  OpenThread: opening(threadOfId),
  GetProcessId: processId,
  FlushInstructionCache: flushInstructionCache,
  IsWow64Process: isWow64Process,
  GetProcessAffinityMask: affinityMask,
  SetProcessAffinityMask: setProcessAffinity,
  FlushProcessWriteBuffers: () => undefined,
};
