/**
 * Job objects. Sources: Microsoft, "CreateJobObjectW function", "AssignProcessToJobObject function", "SetInformationJobObject
 * function", "QueryInformationJobObject function", "JOBOBJECT_EXTENDED_LIMIT_INFORMATION structure",
 * "JOBOBJECT_BASIC_ACCOUNTING_INFORMATION structure"; the native prototypes as published.
 */
import {
  ntSuccess,
  STATUS_ACCESS_DENIED,
  STATUS_BUFFER_OVERFLOW,
  STATUS_INFO_LENGTH_MISMATCH,
  STATUS_INVALID_INFO_CLASS,
  STATUS_INVALID_PARAMETER,
  STATUS_PROCESS_IN_JOB,
  STATUS_PROCESS_NOT_IN_JOB,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import {
  JOB_OBJECT_ASSIGN_PROCESS,
  JOB_OBJECT_QUERY,
  JOB_OBJECT_SET_ATTRIBUTES,
  JOB_OBJECT_TERMINATE,
  PROCESS_QUERY_LIMITED_INFORMATION,
  PROCESS_SET_QUOTA,
  PROCESS_TERMINATE,
} from '../../nt/access.js';
import { completionPort } from '../../nt/io-completion-services.js';
import {
  assignProcess,
  isInJob,
  JOB_OBJECT_LIMIT_ACTIVE_PROCESS,
  JOB_OBJECT_LIMIT_AFFINITY,
  JOB_OBJECT_LIMIT_JOB_MEMORY,
  JOB_OBJECT_LIMIT_JOB_TIME,
  JOB_OBJECT_LIMIT_PRESERVE_JOB_TIME,
  JOB_OBJECT_LIMIT_PRIORITY_CLASS,
  JOB_OBJECT_LIMIT_PROCESS_MEMORY,
  JOB_OBJECT_LIMIT_WORKINGSET,
  JOB_OBJECT_POST_AT_END_OF_JOB,
  type Job,
  type JobLimits,
  jobFaults,
  jobTime,
  makeJob,
  processesOf,
  setJobLimits,
  terminateJob,
} from '../../nt/job.js';
import {
  createNamedObject,
  type NamedCreation,
  openNamedObject,
  referenceByHandle,
} from '../../nt/object-manager.js';
import { isPriorityClass } from '../../nt/priority.js';
import type { Process } from '../../nt/process.js';
import { PENDING, type ServiceCall, type ServiceFunction } from '../../nt/service.js';
import { nativeServices, readObjectAttributes, readSize, writeHandle, writeSize } from './arguments.js';

/** JOBOBJECTINFOCLASS. */
const BASIC_ACCOUNTING = 1;
const BASIC_LIMITS = 2;
const PROCESS_ID_LIST = 3;
const UI_RESTRICTIONS = 4;
const END_OF_JOB_TIME = 6;
const COMPLETION_PORT = 7;
const EXTENDED_LIMITS = 9;

const ACCOUNTING_BYTES = 0x30;
const BASIC_BYTES = 0x40;
const EXTENDED_BYTES = 0x90;
const PORT_BYTES = 0x10;
const ID_LIST_HEADER = 8;

/** JOBOBJECT_BASIC_LIMIT_INFORMATION and what JOBOBJECT_EXTENDED_LIMIT_INFORMATION adds: byte offsets. */
const PROCESS_TIME = 0x00;
const JOB_TIME = 0x08;
const LIMIT_FLAGS = 0x10;
const MINIMUM_WORKING_SET = 0x18;
const MAXIMUM_WORKING_SET = 0x20;
const ACTIVE_PROCESSES = 0x28;
const AFFINITY = 0x30;
const PRIORITY_CLASS = 0x38;
const SCHEDULING_CLASS = 0x3c;
const PROCESS_MEMORY = 0x70;
const JOB_MEMORY = 0x78;
const PEAK_PROCESS_MEMORY = 0x80;
const PEAK_JOB_MEMORY = 0x88;

const BASIC_FLAGS = 0xff;
const EXTENDED_FLAGS = 0x7fff;
const UI_FLAGS = 0xff;
const MOST_SCHEDULING_CLASS = 9;
const PAGE = 4096;

/** The job of a handle; a number is the NTSTATUS. */
function jobOf(call: ServiceCall, handle: number, access: number): Job | number {
  return referenceByHandle(call.kernel, call.process, handle, 'job', access) as Job | number;
}

/** Makes or opens a job for a creation; its handle goes to `out`. */
export function createJob(call: ServiceCall, creation: NamedCreation, out: { handle: number }): number {
  return createNamedObject(call.kernel, call.process, creation, 'job', makeJob, out);
}

/** (*handle, access, attributes). */
const create: ServiceFunction = (call) => {
  const handleAt = call.address(0);
  call.memory.probeWrite(handleAt, 8);
  const { name, handleFlags, openIf, security } = readObjectAttributes(call, call.address(2));
  const out = { handle: 0 };
  const status = createJob(call, { path: name, access: call.u32(1), handleFlags, openIf, security }, out);
  if (ntSuccess(status)) writeHandle(call, handleAt, out.handle);
  return status;
};

/** (*handle, access, attributes). */
const open: ServiceFunction = (call) => {
  const handleAt = call.address(0);
  call.memory.probeWrite(handleAt, 8);
  const { name, handleFlags } = readObjectAttributes(call, call.address(2));
  const out = { handle: 0 };
  const { kernel, process } = call;
  const status = openNamedObject(kernel, process, name ?? '', 'job', call.u32(1), handleFlags, out);
  if (ntSuccess(status)) writeHandle(call, handleAt, out.handle);
  return status;
};

/** (job, process). */
export const assignProcessToJob: ServiceFunction = (call) => {
  const job = jobOf(call, call.handle(0), JOB_OBJECT_ASSIGN_PROCESS);
  if (typeof job === 'number') return job;
  const access = PROCESS_SET_QUOTA | PROCESS_TERMINATE;
  const process = referenceByHandle(call.kernel, call.process, call.handle(1), 'process', access);
  if (typeof process === 'number') return process;
  const status = assignProcess(call.kernel, job, process as Process);
  return call.process.exitStatus === null ? status : PENDING;
};

/** (job, exitStatus). */
export const terminateJobService: ServiceFunction = (call) => {
  const job = jobOf(call, call.handle(0), JOB_OBJECT_TERMINATE);
  if (typeof job === 'number') return job;
  call.memory.commit();
  terminateJob(call.kernel, job, call.u32(1));
  return call.process.exitStatus === null ? STATUS_SUCCESS : PENDING;
};

/** (process, job): a job of 0 asks for any job. STATUS_PROCESS_IN_JOB or STATUS_PROCESS_NOT_IN_JOB, both of success. */
export const isProcessInJob: ServiceFunction = (call) => {
  const access = PROCESS_QUERY_LIMITED_INFORMATION;
  const process = referenceByHandle(call.kernel, call.process, call.handle(0), 'process', access);
  if (typeof process === 'number') return process;
  const handle = call.handle(1);
  if (handle === 0)
    return (process as Process).job === null ? STATUS_PROCESS_NOT_IN_JOB : STATUS_PROCESS_IN_JOB;
  const job = jobOf(call, handle, JOB_OBJECT_QUERY);
  if (typeof job === 'number') return job;
  return isInJob(process as Process, job) ? STATUS_PROCESS_IN_JOB : STATUS_PROCESS_NOT_IN_JOB;
};

const lengthIs = (bytes: number, wanted: number) =>
  bytes === wanted ? STATUS_SUCCESS : STATUS_INFO_LENGTH_MISMATCH;

/** The limits that a structure asks for; STATUS_INVALID_PARAMETER when they contradict themselves. */
function readLimits(call: ServiceCall, at: number, extended: boolean, before: JobLimits): JobLimits | number {
  const { memory } = call;
  const flags = memory.readU32(at + LIMIT_FLAGS);
  if ((flags & ~(extended ? EXTENDED_FLAGS : BASIC_FLAGS)) !== 0) return STATUS_INVALID_PARAMETER;
  const value = (flag: number, offset: number) => (flags & flag ? readSize(call, at + offset) : 0);
  const limits: JobLimits = {
    flags,
    processTime: readSize(call, at + PROCESS_TIME),
    jobTime: readSize(call, at + JOB_TIME),
    minimumWorkingSet: value(JOB_OBJECT_LIMIT_WORKINGSET, MINIMUM_WORKING_SET),
    maximumWorkingSet: value(JOB_OBJECT_LIMIT_WORKINGSET, MAXIMUM_WORKING_SET),
    activeProcesses: flags & JOB_OBJECT_LIMIT_ACTIVE_PROCESS ? memory.readU32(at + ACTIVE_PROCESSES) : 0,
    affinity: value(JOB_OBJECT_LIMIT_AFFINITY, AFFINITY),
    priorityClass: flags & JOB_OBJECT_LIMIT_PRIORITY_CLASS ? memory.readU32(at + PRIORITY_CLASS) : 0,
    schedulingClass: memory.readU32(at + SCHEDULING_CLASS),
    processMemory: extended ? value(JOB_OBJECT_LIMIT_PROCESS_MEMORY, PROCESS_MEMORY) : before.processMemory,
    jobMemory: extended ? value(JOB_OBJECT_LIMIT_JOB_MEMORY, JOB_MEMORY) : before.jobMemory,
  };
  return isSensible(limits) ? limits : STATUS_INVALID_PARAMETER;
}

function isSensible(limits: JobLimits): boolean {
  const { flags } = limits;
  const both = JOB_OBJECT_LIMIT_JOB_TIME | JOB_OBJECT_LIMIT_PRESERVE_JOB_TIME;
  if ((flags & both) === both || limits.schedulingClass > MOST_SCHEDULING_CLASS) return false;
  if (flags & JOB_OBJECT_LIMIT_WORKINGSET) {
    const { minimumWorkingSet, maximumWorkingSet } = limits;
    if (minimumWorkingSet === 0 || maximumWorkingSet <= minimumWorkingSet) return false;
  }
  if (flags & JOB_OBJECT_LIMIT_AFFINITY && limits.affinity !== 1) return false;
  return (flags & JOB_OBJECT_LIMIT_PRIORITY_CLASS) === 0 || isPriorityClass(limits.priorityClass);
}

function setLimits(call: ServiceCall, job: Job, extended: boolean): number {
  const limits = readLimits(call, call.address(2), extended, job.limits);
  if (typeof limits === 'number') return limits;
  setJobLimits(call.kernel, job, limits);
  return STATUS_SUCCESS;
}

/** JOBOBJECT_ASSOCIATE_COMPLETION_PORT: key, port. A job gets one port for its life. */
function setPort(call: ServiceCall, job: Job): number {
  const { memory } = call;
  const at = call.address(2);
  const port = completionPort(call.kernel, call.process, memory.readI32(at + 8));
  if (typeof port === 'number') return port;
  if (job.port !== null) return STATUS_INVALID_PARAMETER;
  const key = [memory.readU32(at), memory.readU32(at + 4)] as const;
  memory.commit();
  port.referenceCount++;
  job.port = { object: port, key };
  return STATUS_SUCCESS;
}

/** (job, class, information, bytes). */
export const setInformationJob: ServiceFunction = (call) => {
  const [kind, at, bytes] = [call.u32(1), call.address(2), call.u32(3)];
  const sizes = new Map([
    [BASIC_LIMITS, BASIC_BYTES],
    [EXTENDED_LIMITS, EXTENDED_BYTES],
    [UI_RESTRICTIONS, 4],
    [END_OF_JOB_TIME, 4],
    [COMPLETION_PORT, PORT_BYTES],
  ]);
  const wanted = sizes.get(kind);
  if (wanted === undefined) return STATUS_INVALID_INFO_CLASS;
  const mismatch = lengthIs(bytes, wanted);
  if (mismatch !== STATUS_SUCCESS) return mismatch;
  const job = jobOf(call, call.handle(0), JOB_OBJECT_SET_ATTRIBUTES);
  if (typeof job === 'number') return job;
  if (kind === BASIC_LIMITS || kind === EXTENDED_LIMITS)
    return setLimits(call, job, kind === EXTENDED_LIMITS);
  if (kind === COMPLETION_PORT) return setPort(call, job);
  const value = call.memory.readU32(at);
  const most = kind === UI_RESTRICTIONS ? UI_FLAGS : JOB_OBJECT_POST_AT_END_OF_JOB;
  if ((value & ~most) !== 0) return STATUS_INVALID_PARAMETER;
  call.memory.commit();
  if (kind === UI_RESTRICTIONS) job.uiRestrictions = value;
  else job.endOfJobAction = value;
  return STATUS_SUCCESS;
};

function writeLimits(call: ServiceCall, at: number, { limits, quota }: Job, extended: boolean): void {
  const { memory } = call;
  memory.fill(at, extended ? EXTENDED_BYTES : BASIC_BYTES, 0);
  writeSize(call, at + PROCESS_TIME, limits.processTime);
  writeSize(call, at + JOB_TIME, limits.jobTime);
  memory.writeU32(at + LIMIT_FLAGS, limits.flags & (extended ? EXTENDED_FLAGS : BASIC_FLAGS));
  writeSize(call, at + MINIMUM_WORKING_SET, limits.minimumWorkingSet);
  writeSize(call, at + MAXIMUM_WORKING_SET, limits.maximumWorkingSet);
  memory.writeU32(at + ACTIVE_PROCESSES, limits.activeProcesses);
  writeSize(call, at + AFFINITY, limits.affinity);
  memory.writeU32(at + PRIORITY_CLASS, limits.priorityClass);
  memory.writeU32(at + SCHEDULING_CLASS, limits.schedulingClass);
  if (!extended) return;
  writeSize(call, at + PROCESS_MEMORY, limits.processMemory);
  writeSize(call, at + JOB_MEMORY, limits.jobMemory);
  writeSize(call, at + PEAK_PROCESS_MEMORY, quota.peakOfProcess * PAGE);
  writeSize(call, at + PEAK_JOB_MEMORY, quota.peak * PAGE);
}

/** JOBOBJECT_BASIC_ACCOUNTING_INFORMATION: all time is user time. */
function writeAccounting(call: ServiceCall, at: number, job: Job): void {
  const { memory } = call;
  const time = jobTime(job);
  memory.fill(at, ACCOUNTING_BYTES, 0);
  writeSize(call, at, time);
  writeSize(call, at + 0x10, time - job.timeBase100ns);
  memory.writeU32(at + 0x20, jobFaults(job));
  memory.writeU32(at + 0x24, job.totalProcesses);
  memory.writeU32(at + 0x28, processesOf(job).length);
  memory.writeU32(at + 0x2c, job.terminatedProcesses);
}

/** Counts, then as many ids as fit; STATUS_BUFFER_OVERFLOW when those are not all. */
function writeProcessIds(call: ServiceCall, at: number, bytes: number, job: Job): number {
  const ids = processesOf(job).map(({ id }) => id);
  const fitting = Math.min(ids.length, Math.floor((bytes - ID_LIST_HEADER) / 8));
  call.memory.writeU32(at, ids.length);
  call.memory.writeU32(at + 4, fitting);
  for (let index = 0; index < fitting; index++) writeSize(call, at + ID_LIST_HEADER + index * 8, ids[index]!);
  return fitting < ids.length ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

/** (job, class, information, bytes, *returned): a job of 0 is the caller's own. */
export const queryInformationJob: ServiceFunction = (call) => {
  const [kind, at, bytes, returnedAt] = [call.u32(1), call.address(2), call.u32(3), call.address(4)];
  const sizes = new Map([
    [BASIC_ACCOUNTING, ACCOUNTING_BYTES],
    [BASIC_LIMITS, BASIC_BYTES],
    [EXTENDED_LIMITS, EXTENDED_BYTES],
    [UI_RESTRICTIONS, 4],
    [END_OF_JOB_TIME, 4],
  ]);
  const wanted = sizes.get(kind);
  if (wanted === undefined && kind !== PROCESS_ID_LIST) return STATUS_INVALID_INFO_CLASS;
  if (wanted === undefined ? bytes < ID_LIST_HEADER : bytes !== wanted) return STATUS_INFO_LENGTH_MISMATCH;
  const handle = call.handle(0);
  const job = handle === 0 ? call.process.job : jobOf(call, handle, JOB_OBJECT_QUERY);
  if (job === null) return STATUS_ACCESS_DENIED;
  if (typeof job === 'number') return job;
  if (returnedAt !== 0) call.memory.probeWrite(returnedAt, 4);
  let status = STATUS_SUCCESS;
  let length = bytes;
  if (kind === PROCESS_ID_LIST) {
    status = writeProcessIds(call, at, bytes, job);
    length = ID_LIST_HEADER + call.memory.readU32(at + 4) * 8;
  } else if (kind === BASIC_ACCOUNTING) writeAccounting(call, at, job);
  else if (kind === UI_RESTRICTIONS) call.memory.writeU32(at, job.uiRestrictions);
  else if (kind === END_OF_JOB_TIME) call.memory.writeU32(at, job.endOfJobAction);
  else writeLimits(call, at, job, kind === EXTENDED_LIMITS);
  if (returnedAt !== 0) call.memory.writeU32(returnedAt, length);
  return status;
};

export const jobServices = nativeServices({
  CreateJobObject: create,
  OpenJobObject: open,
  AssignProcessToJobObject: assignProcessToJob,
  TerminateJobObject: terminateJobService,
  IsProcessInJob: isProcessInJob,
  SetInformationJobObject: setInformationJob,
  QueryInformationJobObject: queryInformationJob,
});
