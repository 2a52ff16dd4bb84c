/**
 * Counts of memory, of a process and of the system (psapi.h). Sources: Microsoft, "GetProcessMemoryInfo function",
 * "PROCESS_MEMORY_COUNTERS_EX structure", "PERFORMANCE_INFORMATION structure", "EnumProcesses function".
 */

import { availableFrames } from '../../mm/page-lists.js';
import { PROCESS_QUERY_LIMITED_INFORMATION } from '../../nt/access.js';
import { referenceByHandle } from '../../nt/object-manager.js';
import type { Process } from '../../nt/process.js';
import type { ServiceFunction } from '../../nt/service.js';
import { THREAD_TERMINATED } from '../../nt/thread.js';
import { ERROR_BAD_LENGTH, ERROR_INSUFFICIENT_BUFFER } from '../ntdll/dos-error.js';
import { failStatus, TRUE, writeU64 } from './results.js';

const PAGE = 4096;

/** PROCESS_MEMORY_COUNTERS on x64, and with PrivateUsage behind it: bytes. */
const COUNTERS_BYTES = 0x48;
const COUNTERS_EX_BYTES = 0x50;

/** BOOL K32GetProcessMemoryInfo(process, counters, bytes). The pool quotas are 0: pool is not charged to processes here. */
const processMemoryInfo: ServiceFunction = (call) => {
  const { kernel, memory } = call;
  const [at, length] = [call.address(1), call.u32(2)];
  const found = referenceByHandle(
    kernel,
    call.process,
    call.handle(0),
    'process',
    PROCESS_QUERY_LIMITED_INFORMATION,
  );
  if (typeof found === 'number') return failStatus(call, found);
  if (length < COUNTERS_BYTES) return call.fail(ERROR_INSUFFICIENT_BUFFER);
  const bytes = length < COUNTERS_EX_BYTES ? COUNTERS_BYTES : COUNTERS_EX_BYTES;
  const { space } = found as Process;
  memory.probeWrite(at, bytes);
  memory.fill(at, bytes, 0);
  memory.writeU32(at, bytes);
  memory.writeU32(at + 0x04, space.counters.total);
  writeU64(call, at + 0x08, space.peakWorkingSetPages * PAGE);
  writeU64(call, at + 0x10, space.workingSetPages * PAGE);
  writeU64(call, at + 0x38, space.commitCharge * PAGE);
  writeU64(call, at + 0x40, space.peakCommitCharge * PAGE);
  if (bytes === COUNTERS_EX_BYTES) writeU64(call, at + COUNTERS_BYTES, space.commitCharge * PAGE);
  return TRUE;
};

/** PERFORMANCE_INFORMATION on x64: bytes, and where the counts of 4 bytes begin. */
const PERFORMANCE_BYTES = 0x68;
const PERFORMANCE_HANDLES = 0x58;

/** BOOL K32GetPerformanceInfo(information, bytes). Sizes in pages. */
const performanceInfo: ServiceFunction = (call) => {
  const { kernel, memory } = call;
  const { commit, lists, nonpagedPool, pagedPool, usableFrames } = kernel.mm;
  const at = call.address(0);
  if (call.u32(1) < PERFORMANCE_BYTES) return call.fail(ERROR_BAD_LENGTH);
  memory.probeWrite(at, PERFORMANCE_BYTES);
  memory.fill(at, PERFORMANCE_BYTES, 0);
  memory.writeU32(at, PERFORMANCE_BYTES);
  [
    commit.current,
    commit.limit,
    commit.peak,
    usableFrames,
    availableFrames(kernel.mm),
    lists.standbyCount + pagedPool.pages,
    pagedPool.pages + nonpagedPool.pages,
    pagedPool.pages,
    nonpagedPool.pages,
    PAGE,
  ].forEach((value, index) => {
    writeU64(call, at + 8 + 8 * index, value);
  });
  const processes = [...kernel.processes.values()];
  const threads = processes.flatMap((process) => process.threads);
  [
    processes.reduce((sum, { handles }) => sum + handles.count, 0),
    processes.length,
    threads.filter(({ state }) => state !== THREAD_TERMINATED).length,
  ].forEach((value, index) => {
    memory.writeU32(at + PERFORMANCE_HANDLES + 4 * index, value);
  });
  return TRUE;
};

/** The idle process and the system process. */
const SYSTEM_IDS = [0, 4];

/** BOOL K32EnumProcesses(ids, bytes, needed): as many ids as fit. */
const enumProcesses: ServiceFunction = (call) => {
  const { kernel, memory } = call;
  const [at, neededAt] = [call.address(0), call.address(2)];
  const ids = [...SYSTEM_IDS, ...kernel.processes.keys()].slice(0, Math.floor(call.u32(1) / 4));
  memory.probeWrite(neededAt, 4);
  memory.probeWrite(at, ids.length * 4);
  ids.forEach((id, index) => {
    memory.writeU32(at + 4 * index, id);
  });
  memory.writeU32(neededAt, ids.length * 4);
  return TRUE;
};

export const performanceFunctions: Record<string, ServiceFunction> = {
  K32GetProcessMemoryInfo: processMemoryInfo,
  K32GetPerformanceInfo: performanceInfo,
  K32EnumProcesses: enumProcesses,
};
