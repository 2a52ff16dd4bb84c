/**
 * Native services of processes, threads, time and system information. Sources: Microsoft, "NtQueryInformationProcess function",
 * "NtQuerySystemInformation function", "ZwTerminateProcess function"; the prototypes of the others as published.
 */
import {
  STATUS_INFO_LENGTH_MISMATCH,
  STATUS_INVALID_INFO_CLASS,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import { HIGHEST_USER_ADDRESS, LOWEST_USER_ADDRESS } from '../../mm/address-space.js';
import { PROCESS_QUERY_INFORMATION, PROCESS_TERMINATE } from '../../nt/access.js';
import { referenceByHandle } from '../../nt/object-manager.js';
import { setProcessPagePriority } from '../../nt/page-priority.js';
import { classBasePriority } from '../../nt/priority.js';
import type { Process } from '../../nt/process.js';
import { terminateProcess } from '../../nt/process-delete.js';
import type { ServiceFunction, ServiceResult } from '../../nt/service.js';
import { PERFORMANCE_FREQUENCY, TICK_100NS } from '../../nt/shared-data.js';
import type { TimeValue } from '../../nt/system-time.js';
import { THREAD_TERMINATED } from '../../nt/thread.js';
import { terminateThread } from '../../nt/thread-delete.js';
import { answer, nativeServices, writeSize } from './arguments.js';

/** Information classes. */
const PROCESS_BASIC_INFORMATION = 0;
const PROCESS_DEBUG_PORT = 7;
const PROCESS_IMAGE_FILE_NAME = 27;
const PROCESS_PAGE_PRIORITY = 39;
const SYSTEM_BASIC_INFORMATION = 0;
const SYSTEM_TIME_OF_DAY_INFORMATION = 3;

const STATUS_PENDING_EXIT = 0x103;
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
  terminateProcess(kernel, target as Process, status);
  return STATUS_SUCCESS;
};

/** (process, class, buffer, length, *returned). */
const queryProcess: ServiceFunction = (call) => {
  const target = referenceByHandle(
    call.kernel,
    call.process,
    call.handle(0),
    'process',
    PROCESS_QUERY_INFORMATION,
  );
  if (typeof target === 'number') return target;
  const process = target as Process;
  const { memory } = call;
  switch (call.u32(1)) {
    case PROCESS_BASIC_INFORMATION:
      return answer(call, 2, 0x30, (at) => {
        memory.writeU32(at, process.exitStatus ?? STATUS_PENDING_EXIT);
        memory.writePointer(at + 8, process.peb);
        memory.writeU64(at + 0x10, 1, 0);
        memory.writeU32(at + 0x18, classBasePriority(process.priorityClass));
        memory.writeU64(at + 0x20, process.id, 0);
        memory.writeU64(at + 0x28, process.parentId, 0);
      });
    case PROCESS_DEBUG_PORT:
      return answer(call, 2, 8, (at) => memory.writeU64(at, 0, 0));
    case PROCESS_IMAGE_FILE_NAME: {
      const path = `\\??\\${process.imagePath}`;
      return answer(call, 2, 16 + path.length * 2 + 2, (at) => {
        memory.writeU16(at, path.length * 2);
        memory.writeU16(at + 2, path.length * 2 + 2);
        memory.writePointer(at + 8, at + 16);
        memory.writeUtf16(at + 16, path);
      });
    }
    case PROCESS_PAGE_PRIORITY:
      return answer(call, 2, 4, (at) => memory.writeU32(at, process.space.pagePriority));
    default:
      return STATUS_INVALID_INFO_CLASS;
  }
};

/** (process, class, buffer, length). */
const setProcess: ServiceFunction = (call) => {
  if (call.u32(1) !== PROCESS_PAGE_PRIORITY) return STATUS_INVALID_INFO_CLASS;
  if (call.u32(3) !== 4) return STATUS_INFO_LENGTH_MISMATCH;
  const priority = call.memory.readU32(call.address(2));
  return setProcessPagePriority(call.kernel, call.process, call.handle(0), priority);
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
  QueryInformationProcess: queryProcess,
  SetInformationProcess: setProcess,
  QuerySystemInformation: querySystem,
  QuerySystemTime: querySystemTime,
  QueryPerformanceCounter: queryPerformanceCounter,
});
