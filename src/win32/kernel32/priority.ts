/** Priorities of processes and threads (processthreadsapi.h). Sources: Microsoft, "SetPriorityClass function", "SetThreadPriority function". */
import { STATUS_INVALID_PARAMETER, STATUS_PROCESS_IS_TERMINATING } from '../../base/ntstatus.js';
import {
  PROCESS_QUERY_LIMITED_INFORMATION,
  PROCESS_SET_INFORMATION,
  THREAD_QUERY_LIMITED_INFORMATION,
  THREAD_SET_LIMITED_INFORMATION,
} from '../../nt/access.js';
import { allowsPriorityClass } from '../../nt/job.js';
import {
  isPriorityClass,
  isPriorityLevel,
  setPriorityClass,
  setProcessBoost,
  setThreadLevel,
} from '../../nt/priority.js';
import type { ServiceFunction } from '../../nt/service.js';
import { THREAD_TERMINATED } from '../../nt/thread.js';
import { processOf } from './process.js';
import { failStatus, TRUE } from './results.js';
import { threadOf } from './thread.js';

const PRIORITY_ERROR_RETURN = 0x7fffffff;

/** BOOL SetThreadPriority(thread, level). */
const setLevel: ServiceFunction = (call) => {
  const thread = threadOf(call, call.handle(0), THREAD_SET_LIMITED_INFORMATION);
  if (typeof thread === 'number') return failStatus(call, thread);
  const level = call.i32(1);
  if (!isPriorityLevel(thread.process.priorityClass, level))
    return failStatus(call, STATUS_INVALID_PARAMETER);
  if (thread.state !== THREAD_TERMINATED) setThreadLevel(call.kernel, thread, level);
  return TRUE;
};

/** int GetThreadPriority(thread). */
const getLevel: ServiceFunction = (call) => {
  const thread = threadOf(call, call.handle(0), THREAD_QUERY_LIMITED_INFORMATION);
  return typeof thread === 'number' ? failStatus(call, thread, PRIORITY_ERROR_RETURN) : thread.priorityLevel;
};

/** BOOL SetPriorityClass(process, class). */
const setClass: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), PROCESS_SET_INFORMATION);
  if (typeof process === 'number') return failStatus(call, process);
  if (!isPriorityClass(call.u32(1))) return failStatus(call, STATUS_INVALID_PARAMETER);
  if (process.exitStatus !== null) return failStatus(call, STATUS_PROCESS_IS_TERMINATING);
  if (allowsPriorityClass(process)) setPriorityClass(call.kernel, process, call.u32(1));
  return TRUE;
};

/** DWORD GetPriorityClass(process). */
const getClass: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), PROCESS_QUERY_LIMITED_INFORMATION);
  return typeof process === 'number' ? failStatus(call, process) : process.priorityClass;
};

/** BOOL SetThreadPriorityBoost(thread, disable). */
const setThreadBoost: ServiceFunction = (call) => {
  const thread = threadOf(call, call.handle(0), THREAD_SET_LIMITED_INFORMATION);
  if (typeof thread === 'number') return failStatus(call, thread);
  call.memory.commit();
  thread.boostDisabled = call.u32(1) !== 0;
  return TRUE;
};

/** BOOL GetThreadPriorityBoost(thread, *disabled). */
const getThreadBoost: ServiceFunction = (call) => {
  const thread = threadOf(call, call.handle(0), THREAD_QUERY_LIMITED_INFORMATION);
  if (typeof thread === 'number') return failStatus(call, thread);
  call.memory.writeU32(call.address(1), thread.boostDisabled ? 1 : 0);
  return TRUE;
};

/** BOOL SetProcessPriorityBoost(process, disable): for its threads, and those that it makes. */
const setBoost: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), PROCESS_SET_INFORMATION);
  if (typeof process === 'number') return failStatus(call, process);
  call.memory.commit();
  setProcessBoost(process, call.u32(1) !== 0);
  return TRUE;
};

/** BOOL GetProcessPriorityBoost(process, *disabled). */
const getProcessBoost: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), PROCESS_QUERY_LIMITED_INFORMATION);
  if (typeof process === 'number') return failStatus(call, process);
  call.memory.writeU32(call.address(1), process.boostDisabled ? 1 : 0);
  return TRUE;
};

export const priorityFunctions: Record<string, ServiceFunction> = {
  SetThreadPriority: setLevel,
  GetThreadPriority: getLevel,
  SetPriorityClass: setClass,
  GetPriorityClass: getClass,
  SetThreadPriorityBoost: setThreadBoost,
  GetThreadPriorityBoost: getThreadBoost,
  SetProcessPriorityBoost: setBoost,
  GetProcessPriorityBoost: getProcessBoost,
};
