/**
 * Native services of processes, threads, time and system information. Sources: Microsoft, "NtQuerySystemInformation function", "ZwTerminateProcess function"; the prototypes of the others as published.
 */
import {
  STATUS_INVALID_INFO_CLASS,
  STATUS_PROCESS_IS_TERMINATING,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import { HIGHEST_USER_ADDRESS, LOWEST_USER_ADDRESS } from '../../mm/address-space.js';
import { PROCESS_SUSPEND_RESUME, PROCESS_TERMINATE } from '../../nt/access.js';
import { referenceByHandle } from '../../nt/object-manager.js';
import type { Process } from '../../nt/process.js';
import { terminateProcess } from '../../nt/process-delete.js';
import type { ServiceFunction, ServiceResult } from '../../nt/service.js';
import { PERFORMANCE_FREQUENCY, TICK_100NS } from '../../nt/shared-data.js';
import type { TimeValue } from '../../nt/system-time.js';
import { THREAD_TERMINATED } from '../../nt/thread.js';
import { terminateThread } from '../../nt/thread-delete.js';
import { answer, nativeServices, writeSize } from './arguments.js';
import { storeProcessList } from './system-process-information.js';
import { MAXIMUM_SUSPEND_COUNT } from './thread-services.js';

/** Information classes. */
const SYSTEM_BASIC_INFORMATION = 0;
const SYSTEM_PROCESSOR_INFORMATION = 1;
const SYSTEM_TIME_OF_DAY_INFORMATION = 3;
const SYSTEM_PROCESS_INFORMATION = 5;
const SYSTEM_KERNEL_DEBUGGER_INFORMATION = 35;

/** What GetSystemInfo says too. */
const PROCESSOR_ARCHITECTURE_AMD64 = 9;
const PROCESSOR_FAMILY = 6;
const PAGE = 4096;
const GRANULARITY = 0x10000;

/** (process, exitStatus): a handle of 0 means all other threads of this process. */
const terminate: ServiceFunction = (call): ServiceResult => {
  const { kernel, process, thread } = call;
  const [handle, status] = [call.handle(0), call.u32(1)];
  if (handle === 0) {
    for (const other of [...process.threads])
      if (other !== thread && other.state !== THREAD_TERMINATED) terminateThread(kernel, other, status);
    return STATUS_SUCCESS;
  }
  const target = referenceByHandle(kernel, process, handle, 'process', PROCESS_TERMINATE);
  if (typeof target === 'number') return target;
  if (target === process) return call.terminateProcess(status);
  if ((target as Process).exitStatus !== null) return STATUS_PROCESS_IS_TERMINATING;
  terminateProcess(kernel, target as Process, status);
  return STATUS_SUCCESS;
};

/** (process): suspends or resumes each of its threads; one that cannot be suspended more often stays as it is. */
const everyThread =
  (change: 'suspend' | 'resume'): ServiceFunction =>
  (call) => {
    const { kernel } = call;
    const found = referenceByHandle(kernel, call.process, call.handle(0), 'process', PROCESS_SUSPEND_RESUME);
    if (typeof found === 'number') return found;
    const { threads, exitStatus } = found as Process;
    if (exitStatus !== null) return STATUS_PROCESS_IS_TERMINATING;
    call.memory.commit();
    for (const thread of threads) {
      const isFull = change === 'suspend' && thread.suspendCount >= MAXIMUM_SUSPEND_COUNT;
      if (thread.state !== THREAD_TERMINATED && !isFull) kernel.scheduler[change](thread);
    }
    return STATUS_SUCCESS;
  };

/** (class, buffer, length, *returned). */
const querySystem: ServiceFunction = (call) => {
  const { memory, kernel } = call;
  switch (call.u32(0)) {
    case SYSTEM_BASIC_INFORMATION:
      return answer(call, 1, 0x40, (at) => {
        memory.writeU32(at + 0x04, TICK_100NS);
        memory.writeU32(at + 0x08, PAGE);
        memory.writeU32(at + 0x0c, kernel.mm.usableFrames);
        memory.writeU32(at + 0x10, 1);
        memory.writeU32(at + 0x14, kernel.mm.usableFrames);
        memory.writeU32(at + 0x18, GRANULARITY);
        memory.writePointer(at + 0x20, LOWEST_USER_ADDRESS);
        memory.writePointer(at + 0x28, HIGHEST_USER_ADDRESS);
        memory.writeU64(at + 0x30, 1, 0);
        memory.writeU8(at + 0x38, 1);
      });
    case SYSTEM_PROCESSOR_INFORMATION:
      return answer(call, 1, 12, (at) => {
        memory.writeU16(at, PROCESSOR_ARCHITECTURE_AMD64);
        memory.writeU16(at + 2, PROCESSOR_FAMILY);
        memory.writeU16(at + 6, 1);
      });
    case SYSTEM_PROCESS_INFORMATION:
      return storeProcessList(call, call.address(1), call.u32(2), call.address(3));
    case SYSTEM_KERNEL_DEBUGGER_INFORMATION:
      return answer(call, 1, 2, (at) => memory.writeU8(at + 1, 1));
    case SYSTEM_TIME_OF_DAY_INFORMATION:
      return answer(call, 1, 0x20, (at) => {
        const time: TimeValue = { lo: 0, hi: 0 };
        kernel.clock.systemTime(time);
        memory.writeU64(at + 8, time.lo, time.hi);
      });
    default:
      return STATUS_INVALID_INFO_CLASS;
  }
};

/** (*time). */
const querySystemTime: ServiceFunction = (call) => {
  const time: TimeValue = { lo: 0, hi: 0 };
  call.kernel.clock.systemTime(time);
  call.memory.writeU64(call.address(0), time.lo, time.hi);
  return STATUS_SUCCESS;
};

/** (*counter, *frequency). */
const queryPerformanceCounter: ServiceFunction = (call) => {
  const [counterAt, frequencyAt] = [call.address(0), call.address(1)];
  call.memory.probeWrite(counterAt, 8);
  if (frequencyAt !== 0) writeSize(call, frequencyAt, PERFORMANCE_FREQUENCY);
  writeSize(call, counterAt, call.kernel.clock.now100ns);
  return STATUS_SUCCESS;
};

export const processServices = nativeServices({
  TerminateProcess: terminate,
  SuspendProcess: everyThread('suspend'),
  ResumeProcess: everyThread('resume'),
  QuerySystemInformation: querySystem,
  QuerySystemTime: querySystemTime,
  QueryPerformanceCounter: queryPerformanceCounter,
});
