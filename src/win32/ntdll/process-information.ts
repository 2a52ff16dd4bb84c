/**
 * NtQueryInformationProcess and NtSetInformationProcess by class. Sources: Microsoft, "NtQueryInformationProcess function",
 * "GetProcessMitigationPolicy function"; the classes and structures that Microsoft does not document as published.
 */
import {
  STATUS_INFO_LENGTH_MISMATCH,
  STATUS_INVALID_INFO_CLASS,
  STATUS_INVALID_PARAMETER,
  STATUS_PENDING,
  STATUS_PORT_NOT_SET,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import {
  PROCESS_QUERY_INFORMATION,
  PROCESS_QUERY_LIMITED_INFORMATION,
  PROCESS_SET_INFORMATION,
} from '../../nt/access.js';
import { userTime } from '../../nt/job.js';
import { queryMitigation } from '../../nt/mitigation.js';
import { CURRENT_PROCESS, referenceByHandle } from '../../nt/object-manager.js';
import { setProcessPagePriority } from '../../nt/page-priority.js';
import { classBasePriority, setProcessBoost } from '../../nt/priority.js';
import type { Process } from '../../nt/process.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { devicePath } from '../../nt/volume-name.js';
import { wideBytes } from '../wide-bytes.js';
import { answer, nativeServices, writeSize } from './arguments.js';

/** PROCESSINFOCLASS. */
const BASIC = 0;
const QUOTA_LIMITS = 1;
const VM_COUNTERS = 3;
const TIMES = 4;
const DEBUG_PORT = 7;
const DEFAULT_HARD_ERROR_MODE = 12;
const PRIORITY_CLASS = 18;
const HANDLE_COUNT = 20;
const AFFINITY_MASK = 21;
const PRIORITY_BOOST = 22;
const SESSION = 24;
const WOW64 = 26;
const IMAGE_FILE_NAME = 27;
const BREAK_ON_TERMINATION = 29;
const DEBUG_OBJECT = 30;
const DEBUG_FLAGS = 31;
const COOKIE = 36;
const CYCLE_TIME = 38;
const PAGE_PRIORITY = 39;
const IMAGE_FILE_NAME_WIN32 = 43;
const MITIGATION_POLICY = 52;
const COMMAND_LINE = 60;
const PROTECTION = 61;

const PAGE = 4096;
const UNICODE_STRING_BYTES = 16;
const SESSION_ID = 1;
/** The native mode has this bit the other way round. */
const SEM_FAILCRITICALERRORS = 1;
/** EPROCESS.NoDebugInherit clear and no debugger: the flag that the class answers is 1. */
const NOT_DEBUGGED = 1;

/** What a class holds: its bytes, and what writes them into zeroed memory. */
interface ProcessQuery {
  readonly bytes: (process: Process) => number;
  readonly access: number;
  readonly write: (call: ServiceCall, process: Process, at: number) => void;
}

const limited = (bytes: number, write: ProcessQuery['write']): ProcessQuery => ({
  bytes: () => bytes,
  access: PROCESS_QUERY_LIMITED_INFORMATION,
  write,
});

/** A class that only those may ask for who have PROCESS_QUERY_INFORMATION. */
const full = (bytes: number, write: ProcessQuery['write']): ProcessQuery => ({
  bytes: () => bytes,
  access: PROCESS_QUERY_INFORMATION,
  write,
});

/** One ULONG. */
const number = (value: (process: Process) => number): ProcessQuery =>
  limited(4, ({ memory }, process, at) => memory.writeU32(at, value(process)));

/** UNICODE_STRING, then its text. */
const text = (of: (process: Process) => string): ProcessQuery => ({
  bytes: (process) => UNICODE_STRING_BYTES + (of(process).length + 1) * 2,
  access: PROCESS_QUERY_LIMITED_INFORMATION,
  write: ({ memory }, process, at) => {
    const bytes = wideBytes(of(process));
    memory.writeU16(at, bytes.length);
    memory.writeU16(at + 2, bytes.length + 2);
    memory.writePointer(at + 8, at + UNICODE_STRING_BYTES);
    memory.writeBytes(at + UNICODE_STRING_BYTES, bytes);
  },
});

const writeBasic: ProcessQuery['write'] = ({ memory }, process, at) => {
  memory.writeU32(at, process.exitStatus ?? STATUS_PENDING);
  memory.writePointer(at + 8, process.peb);
  memory.writeU64(at + 0x10, 1, 0);
  memory.writeU32(at + 0x18, classBasePriority(process.priorityClass));
  memory.writeU64(at + 0x20, process.id, 0);
  memory.writeU64(at + 0x28, process.parentId, 0);
};

/** QUOTA_LIMITS: pool is not limited, nor are time and paging file but by jobs. */
const writeQuotaLimits: ProcessQuery['write'] = (call, { space }, at) => {
  const all = [0xffffffff, 0xffffffff] as const;
  call.memory.writeU64(at, ...all);
  call.memory.writeU64(at + 0x08, ...all);
  writeSize(call, at + 0x10, space.workingSet.minimum * PAGE);
  writeSize(call, at + 0x18, space.workingSet.maximum * PAGE);
  call.memory.writeU64(at + 0x20, ...all);
  call.memory.writeU64(at + 0x28, ...all);
};

/** Bytes of all ranges of a process's address space. */
export function virtualSize({ space: { vads } }: Process): number {
  let pages = 0;
  for (let vad = vads.first(); vad !== null; vad = vads.next(vad)) pages += vad.endPage - vad.startPage + 1;
  return pages * PAGE;
}

/**
 * VM_COUNTERS, in its long form with PrivateUsage behind it. The peak of the virtual size is not kept: the size stands for it.
 * Pool is not charged to processes.
 */
const writeVmCounters: ProcessQuery['write'] = (call, process, at) => {
  const { space } = process;
  const size = virtualSize(process);
  const committed = space.commitCharge * PAGE;
  writeSize(call, at, size);
  writeSize(call, at + 0x08, size);
  call.memory.writeU32(at + 0x10, space.counters.total);
  writeSize(call, at + 0x18, space.peakWorkingSetPages * PAGE);
  writeSize(call, at + 0x20, space.workingSetPages * PAGE);
  writeSize(call, at + 0x48, committed);
  writeSize(call, at + 0x50, space.peakCommitCharge * PAGE);
  if (call.u32(3) >= VM_COUNTERS_EX_BYTES) writeSize(call, at + VM_COUNTERS_BYTES, committed);
};
const VM_COUNTERS_BYTES = 0x58;
const VM_COUNTERS_EX_BYTES = 0x60;

/** KERNEL_USER_TIMES: creation, exit, kernel, user. All time is user time. */
const writeTimes: ProcessQuery['write'] = (call, process, at) => {
  const { createTime, exitTime } = process;
  call.memory.writeU64(at, createTime.lo, createTime.hi);
  call.memory.writeU64(at + 8, exitTime.lo, exitTime.hi);
  writeSize(call, at + 0x18, userTime(process));
};

/** Numbers of the priority classes (PROCESS_PRIORITY_CLASS), by *_PRIORITY_CLASS. */
const CLASS_NUMBERS: ReadonlyMap<number, number> = new Map([
  [0x40, 1],
  [0x20, 2],
  [0x80, 3],
  [0x100, 4],
  [0x4000, 5],
  [0x8000, 6],
]);

const cycles = ({ threads }: Process) => threads.reduce((sum, { instructions }) => sum + instructions, 0);

const QUERIES: ReadonlyMap<number, ProcessQuery> = new Map([
  [BASIC, limited(0x30, writeBasic)],
  [QUOTA_LIMITS, limited(0x30, writeQuotaLimits)],
  [TIMES, limited(0x20, writeTimes)],
  [DEBUG_PORT, full(8, () => undefined)],
  [DEFAULT_HARD_ERROR_MODE, number(({ errorMode }) => errorMode ^ SEM_FAILCRITICALERRORS)],
  [
    PRIORITY_CLASS,
    limited(2, ({ memory }, { priorityClass }, at) =>
      memory.writeU8(at + 1, CLASS_NUMBERS.get(priorityClass) ?? 0),
    ),
  ],
  [HANDLE_COUNT, number(({ handles }) => handles.count)],
  [AFFINITY_MASK, limited(8, ({ memory }, _process, at) => memory.writeU64(at, 1, 0))],
  [PRIORITY_BOOST, number(({ boostDisabled }) => (boostDisabled ? 1 : 0))],
  [SESSION, number(() => SESSION_ID)],
  [WOW64, limited(8, () => undefined)],
  [IMAGE_FILE_NAME, text(({ imagePath }) => devicePath(imagePath))],
  [BREAK_ON_TERMINATION, full(4, () => undefined)],
  [DEBUG_FLAGS, full(4, ({ memory }, _process, at) => memory.writeU32(at, NOT_DEBUGGED))],
  [CYCLE_TIME, limited(0x10, (call, process, at) => writeSize(call, at, cycles(process)))],
  [PAGE_PRIORITY, number(({ space }) => space.pagePriority)],
  [IMAGE_FILE_NAME_WIN32, text(({ imagePath }) => imagePath)],
  [COMMAND_LINE, text(({ commandLine }) => commandLine)],
  [PROTECTION, limited(1, () => undefined)],
]);

const vmCounters = (length: number): ProcessQuery =>
  limited(length >= VM_COUNTERS_EX_BYTES ? VM_COUNTERS_EX_BYTES : VM_COUNTERS_BYTES, writeVmCounters);

/** PROCESS_MITIGATION_POLICY_INFORMATION: which policy goes in, its flags come out behind. */
const queryMitigationPolicy: ServiceFunction = (call) => {
  const access = PROCESS_QUERY_INFORMATION;
  const process = referenceByHandle(call.kernel, call.process, call.handle(0), 'process', access);
  if (typeof process === 'number') return process;
  const [at, returnedAt] = [call.address(2), call.address(4)];
  if (call.u32(3) !== 8) return STATUS_INFO_LENGTH_MISMATCH;
  const flags = queryMitigation(process as Process, call.memory.readU32(at));
  if (flags === null) return STATUS_INVALID_PARAMETER;
  call.memory.writeU32(at + 4, flags);
  if (returnedAt !== 0) call.memory.writeU32(returnedAt, 8);
  return STATUS_SUCCESS;
};

/** A number that is fixed for a process and hard to guess for others; a process can ask for its own alone. */
const queryCookie: ServiceFunction = (call) => {
  if (call.handle(0) !== CURRENT_PROCESS) return STATUS_INVALID_PARAMETER;
  const mixed = Math.imul(call.kernel.mm.seed + call.process.id * 0x9e37, 0x85ebca6b);
  return answer(call, 2, 4, (at) => call.memory.writeU32(at, (mixed ^ (mixed >>> 15)) >>> 0));
};

/** (process, class, buffer, length, *returned). */
const query: ServiceFunction = (call) => {
  const kind = call.u32(1);
  if (kind === MITIGATION_POLICY) return queryMitigationPolicy(call);
  if (kind === COOKIE) return queryCookie(call);
  if (kind === DEBUG_OBJECT) return STATUS_PORT_NOT_SET;
  const asked = kind === VM_COUNTERS ? vmCounters(call.u32(3)) : QUERIES.get(kind);
  if (asked === undefined) return STATUS_INVALID_INFO_CLASS;
  const process = referenceByHandle(call.kernel, call.process, call.handle(0), 'process', asked.access);
  if (typeof process === 'number') return process;
  const bytes = asked.bytes(process as Process);
  return answer(call, 2, bytes, (at) => asked.write(call, process as Process, at));
};

/** What setting a class does with the number in its buffer; an NTSTATUS. */
const CHANGES: ReadonlyMap<number, (call: ServiceCall, process: Process, value: number) => number> = new Map([
  [
    DEFAULT_HARD_ERROR_MODE,
    (call, process, value) => {
      call.memory.commit();
      process.errorMode = value ^ SEM_FAILCRITICALERRORS;
      return STATUS_SUCCESS;
    },
  ],
  [
    PRIORITY_BOOST,
    (call, process, value) => {
      call.memory.commit();
      setProcessBoost(process, value !== 0);
      return STATUS_SUCCESS;
    },
  ],
]);

/** (process, class, buffer, length). */
const set: ServiceFunction = (call) => {
  const { kernel, memory } = call;
  const kind = call.u32(1);
  const change = CHANGES.get(kind);
  if (change === undefined && kind !== PAGE_PRIORITY) return STATUS_INVALID_INFO_CLASS;
  if (call.u32(3) !== 4) return STATUS_INFO_LENGTH_MISMATCH;
  const value = memory.readU32(call.address(2));
  if (change === undefined) return setProcessPagePriority(kernel, call.process, call.handle(0), value);
  const process = referenceByHandle(kernel, call.process, call.handle(0), 'process', PROCESS_SET_INFORMATION);
  return typeof process === 'number' ? process : change(call, process as Process, value);
};

export const processInformationServices = nativeServices({
  QueryInformationProcess: query,
  SetInformationProcess: set,
});
