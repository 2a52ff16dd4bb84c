/**
 * Job objects: processes that are limited, counted and ended together. Sources: Microsoft, "Job Objects", "Nested Jobs",
 * "JOBOBJECT_BASIC_LIMIT_INFORMATION structure", "JOBOBJECT_EXTENDED_LIMIT_INFORMATION structure",
 * "JOBOBJECT_ASSOCIATE_COMPLETION_PORT structure", "AssignProcessToJobObject function".
 */
import {
  STATUS_ACCESS_DENIED,
  STATUS_INSUFFICIENT_RESOURCES,
  STATUS_PROCESS_IS_TERMINATING,
  STATUS_QUOTA_EXCEEDED,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import { CommitQuota, joinQuota } from '../mm/commit-quota.js';
import {
  QUOTA_LIMITS_HARDWS_MAX_ENABLE,
  QUOTA_LIMITS_HARDWS_MIN_DISABLE,
  setWorkingSetLimits,
} from '../mm/working-set-limits.js';
import type { Word64 } from './apc.js';
import { type IoCompletionObject, queueCompletion } from './io-completion.js';
import type { Kernel } from './kernel.js';
import type { DispatcherObject } from './object.js';
import { setPriorityClass } from './priority.js';
import type { Process } from './process.js';
import { terminateProcess } from './process-delete.js';

export const JOB_OBJECT_LIMIT_WORKINGSET = 0x1;
export const JOB_OBJECT_LIMIT_PROCESS_TIME = 0x2;
export const JOB_OBJECT_LIMIT_JOB_TIME = 0x4;
export const JOB_OBJECT_LIMIT_ACTIVE_PROCESS = 0x8;
export const JOB_OBJECT_LIMIT_AFFINITY = 0x10;
export const JOB_OBJECT_LIMIT_PRIORITY_CLASS = 0x20;
export const JOB_OBJECT_LIMIT_PRESERVE_JOB_TIME = 0x40;
export const JOB_OBJECT_LIMIT_PROCESS_MEMORY = 0x100;
export const JOB_OBJECT_LIMIT_JOB_MEMORY = 0x200;
export const JOB_OBJECT_LIMIT_BREAKAWAY_OK = 0x800;
export const JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK = 0x1000;
export const JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE = 0x2000;

/** Messages to the completion port: what they name goes where the count of bytes would, the process id where the OVERLAPPED. */
const JOB_OBJECT_MSG_END_OF_JOB_TIME = 1;
const JOB_OBJECT_MSG_END_OF_PROCESS_TIME = 2;
const JOB_OBJECT_MSG_ACTIVE_PROCESS_LIMIT = 3;
const JOB_OBJECT_MSG_ACTIVE_PROCESS_ZERO = 4;
const JOB_OBJECT_MSG_NEW_PROCESS = 6;
const JOB_OBJECT_MSG_EXIT_PROCESS = 7;
const JOB_OBJECT_MSG_ABNORMAL_EXIT_PROCESS = 8;
const JOB_OBJECT_MSG_PROCESS_MEMORY_LIMIT = 9;
const JOB_OBJECT_MSG_JOB_MEMORY_LIMIT = 10;

/** JOB_OBJECT_POST_AT_END_OF_JOB of JOBOBJECT_END_OF_JOB_TIME_INFORMATION; 0 ends the job's processes. */
export const JOB_OBJECT_POST_AT_END_OF_JOB = 1;

const PAGE = 4096;
/** Jobs that may lie in one another: a bound of our own, the documentation names none. */
const MOST_NESTED = 256;

/** What a job limits; a value counts only while its flag is set. */
export interface JobLimits {
  /** JOB_OBJECT_LIMIT_*. */
  readonly flags: number;
  /** User time in 100 ns of one process, and of all together. */
  readonly processTime: number;
  readonly jobTime: number;
  /** Bytes. */
  readonly minimumWorkingSet: number;
  readonly maximumWorkingSet: number;
  readonly activeProcesses: number;
  /** The low word of a mask of processors. */
  readonly affinity: number;
  /** *_PRIORITY_CLASS. */
  readonly priorityClass: number;
  readonly schedulingClass: number;
  /** Bytes that one process, and all together, may commit. */
  readonly processMemory: number;
  readonly jobMemory: number;
}

export const NO_LIMITS: JobLimits = {
  flags: 0,
  processTime: 0,
  jobTime: 0,
  minimumWorkingSet: 0,
  maximumWorkingSet: 0,
  activeProcesses: 0,
  affinity: 0,
  priorityClass: 0,
  schedulingClass: 5,
  processMemory: 0,
  jobMemory: 0,
};

/** A job (EJOB). It is signalled when its time limit has ended its processes. */
export interface Job extends DispatcherObject {
  readonly kind: 'job';
  /** The job that it lies in; null for none. It holds a reference to it. */
  parent: Job | null;
  limits: JobLimits;
  readonly quota: CommitQuota;
  /** Running processes, in the order in which they came; those of jobs in it are not among them. */
  readonly processes: Process[];
  readonly jobs: Job[];
  /** Processes that were ever in it or in jobs in it, those that a limit ended, and what the ended ones have used. */
  totalProcesses: number;
  terminatedProcesses: number;
  endedTime100ns: number;
  endedFaults: number;
  /** Time that counts against the limit began at this much. */
  timeBase100ns: number;
  /** JOB_OBJECT_*_AT_END_OF_JOB. */
  endOfJobAction: number;
  /** JOB_OBJECT_UILIMIT_*; there are no windows to limit. */
  uiRestrictions: number;
  /** The port for messages, referenced, and its key. */
  port: { readonly object: IoCompletionObject; readonly key: Word64 } | null;
}

export function makeJob(): Job {
  return {
    kind: 'job',
    name: null,
    handleCount: 0,
    referenceCount: 0,
    signalState: 0,
    parent: null,
    limits: NO_LIMITS,
    quota: new CommitQuota(null),
    processes: [],
    jobs: [],
    totalProcesses: 0,
    terminatedProcesses: 0,
    endedTime100ns: 0,
    endedFaults: 0,
    timeBase100ns: 0,
    endOfJobAction: 0,
    uiRestrictions: 0,
    port: null,
  };
}

/** The job and those around it, innermost first. */
function* chain(job: Job | null): Generator<Job> {
  for (let each = job; each !== null; each = each.parent) yield each;
}

/** Running processes of the job and of the jobs in it. */
export function processesOf(job: Job): Process[] {
  return [...job.processes, ...job.jobs.flatMap(processesOf)];
}

/** Whether the job is the process's or one around that. */
export function isInJob(process: Process, job: Job): boolean {
  return [...chain(process.job)].includes(job);
}

function post(kernel: Kernel, job: Job, message: number, processId: number): void {
  if (job.port === null) return;
  queueCompletion(kernel, job.port.object, {
    key: job.port.key,
    context: [processId, 0],
    status: STATUS_SUCCESS,
    information: [message, 0],
  });
}

/** User time of a process in 100 ns: an instruction takes a nanosecond. */
export function userTime(process: Process): number {
  return Math.floor(process.threads.reduce((sum, { instructions }) => sum + instructions, 0) / 100);
}

/** User time of all processes that were in the job, 100 ns. */
export function jobTime(job: Job): number {
  return processesOf(job).reduce((sum, process) => sum + userTime(process), job.endedTime100ns);
}

/** Page faults of all processes that were in the job. */
export function jobFaults(job: Job): number {
  return processesOf(job).reduce((sum, { space }) => sum + space.counters.total, job.endedFaults);
}

/**
 * Puts a process into a job (NtAssignProcessToJobObject). A process that is in another job goes into a job that lies in that
 * one, or into one without processes, which becomes a job in that one. STATUS_ACCESS_DENIED: the two jobs have nothing to do
 * with each other, or the new one restricts the user interface; STATUS_PROCESS_IS_TERMINATING; STATUS_INSUFFICIENT_RESOURCES:
 * too many jobs in one another; STATUS_QUOTA_EXCEEDED: the job has its most processes, and the new one is ended.
 */
export function assignProcess(kernel: Kernel, job: Job, process: Process): number {
  if (process.exitStatus !== null) return STATUS_PROCESS_IS_TERMINATING;
  if (process.job === job) return STATUS_ACCESS_DENIED;
  const refusal = process.job === null ? STATUS_SUCCESS : nestFor(job, process.job);
  if (refusal !== STATUS_SUCCESS) return refusal;
  kernel.memory.commit();
  const full = [...chain(job)].find(isFull);
  if (full !== undefined) {
    post(kernel, full, JOB_OBJECT_MSG_ACTIVE_PROCESS_LIMIT, 0);
    job.terminatedProcesses++;
    terminateProcess(kernel, process, STATUS_QUOTA_EXCEEDED);
    return STATUS_QUOTA_EXCEEDED;
  }
  join(kernel, job, process);
  return STATUS_SUCCESS;
}

/** Sees to it that a job lies in the job that a process is in. */
function nestFor(job: Job, current: Job): number {
  if (job.uiRestrictions !== 0) return STATUS_ACCESS_DENIED;
  if (isInside(job, current)) return STATUS_SUCCESS;
  if (job.parent !== null || job.totalProcesses > 0 || job.jobs.length > 0) return STATUS_ACCESS_DENIED;
  if ([...chain(current)].length >= MOST_NESTED) return STATUS_INSUFFICIENT_RESOURCES;
  nest(job, current);
  return STATUS_SUCCESS;
}

const isInside = (job: Job | null, outer: Job) => [...chain(job)].includes(outer);

function isFull(job: Job): boolean {
  const { flags, activeProcesses } = job.limits;
  return (flags & JOB_OBJECT_LIMIT_ACTIVE_PROCESS) !== 0 && processesOf(job).length >= activeProcesses;
}

function nest(job: Job, parent: Job): void {
  job.parent = parent;
  job.quota.parent = parent.quota;
  parent.jobs.push(job);
  parent.referenceCount++;
}

function join(kernel: Kernel, job: Job, process: Process): void {
  const before = process.job;
  if (before !== null) {
    before.processes.splice(before.processes.indexOf(process), 1);
    before.referenceCount--;
  }
  process.job = job;
  job.processes.push(process);
  job.referenceCount++;
  joinQuota(process.space, job.quota);
  for (const each of chain(job)) {
    if (each === before) break;
    each.totalProcesses++;
    post(kernel, each, JOB_OBJECT_MSG_NEW_PROCESS, process.id);
  }
  applyLimits(kernel, process);
}

/** What a new process of a creator in a job begins in: that job, or none when it may break away. A number is the NTSTATUS. */
export function jobOfChild(parent: Process | null, breaksAway: boolean): Job | null | number {
  let job = parent?.job ?? null;
  while (job !== null && (job.limits.flags & JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK) !== 0) job = job.parent;
  if (!breaksAway) return job !== null && [...chain(job)].some(isFull) ? STATUS_QUOTA_EXCEEDED : job;
  while (job !== null && (job.limits.flags & JOB_OBJECT_LIMIT_BREAKAWAY_OK) !== 0) job = job.parent;
  return job === null ? null : STATUS_ACCESS_DENIED;
}

/** Replaces a job's limits and applies them to the processes in it. */
export function setJobLimits(kernel: Kernel, job: Job, limits: JobLimits): void {
  kernel.memory.commit();
  const keepsTime = (limits.flags & JOB_OBJECT_LIMIT_PRESERVE_JOB_TIME) !== 0;
  if (!keepsTime && limits.flags & JOB_OBJECT_LIMIT_JOB_TIME) job.timeBase100ns = jobTime(job);
  job.limits = keepsTime ? { ...limits, jobTime: job.limits.jobTime } : limits;
  job.quota.limit = memoryLimit(limits, JOB_OBJECT_LIMIT_JOB_MEMORY, limits.jobMemory);
  job.signalState = 0;
  for (const process of processesOf(job)) applyLimits(kernel, process);
  if (limits.flags & (JOB_OBJECT_LIMIT_JOB_TIME | JOB_OBJECT_LIMIT_PROCESS_TIME)) kernel.timedJobs.add(job);
  else kernel.timedJobs.delete(job);
}

/** Pages of a limit in bytes; infinity when its flag is not set. */
function memoryLimit({ flags }: JobLimits, flag: number, bytes: number): number {
  return (flags & flag) === 0 ? Number.POSITIVE_INFINITY : Math.floor(bytes / PAGE);
}

/** The strictest limits of all jobs of a process are its own. */
function applyLimits(kernel: Kernel, process: Process): void {
  const { space } = process;
  space.commitLimit = Number.POSITIVE_INFINITY;
  for (const { limits } of chain(process.job)) {
    const most = memoryLimit(limits, JOB_OBJECT_LIMIT_PROCESS_MEMORY, limits.processMemory);
    space.commitLimit = Math.min(space.commitLimit, most);
    if (limits.flags & JOB_OBJECT_LIMIT_PRIORITY_CLASS)
      setPriorityClass(kernel, process, limits.priorityClass);
    if (limits.flags & JOB_OBJECT_LIMIT_WORKINGSET) limitWorkingSet(kernel, process, limits);
  }
}

function limitWorkingSet(kernel: Kernel, { space }: Process, limits: JobLimits): void {
  const [least, most] = [limits.minimumWorkingSet, limits.maximumWorkingSet].map((bytes) =>
    Math.floor(bytes / PAGE),
  );
  const flags = QUOTA_LIMITS_HARDWS_MIN_DISABLE | QUOTA_LIMITS_HARDWS_MAX_ENABLE;
  setWorkingSetLimits(kernel.mm, space, least!, most!, flags);
}

/** Whether a job leaves a process the choice of its priority class. */
export function allowsPriorityClass(process: Process): boolean {
  return [...chain(process.job)].every(
    ({ limits }) => (limits.flags & JOB_OBJECT_LIMIT_PRIORITY_CLASS) === 0,
  );
}

/** A process has ended: its jobs count it out. Exit statuses of NTSTATUS errors are abnormal ends. */
export function leaveJob(kernel: Kernel, process: Process): void {
  const { job } = process;
  if (job === null) return;
  const isAbnormal = (process.exitStatus ?? 0) >= 0xc0000000;
  job.processes.splice(job.processes.indexOf(process), 1);
  for (const each of chain(job)) {
    each.endedTime100ns += userTime(process);
    each.endedFaults += process.space.counters.total;
    post(
      kernel,
      each,
      isAbnormal ? JOB_OBJECT_MSG_ABNORMAL_EXIT_PROCESS : JOB_OBJECT_MSG_EXIT_PROCESS,
      process.id,
    );
    if (processesOf(each).length === 0) post(kernel, each, JOB_OBJECT_MSG_ACTIVE_PROCESS_ZERO, 0);
  }
}

/** Ends all processes of a job and of the jobs in it (NtTerminateJobObject). */
export function terminateJob(kernel: Kernel, job: Job, exitStatus: number): void {
  for (const process of processesOf(job)) terminateProcess(kernel, process, exitStatus);
}

/** The last handle of a job was closed. */
export function closeJob(kernel: Kernel, job: Job): void {
  if (job.limits.flags & JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE) terminateJob(kernel, job, 0);
}

/** Tells the job whose memory limit kept a process from committing. */
export function reportMemoryLimit(kernel: Kernel, process: Process, quota: CommitQuota | null): void {
  for (const job of chain(process.job)) {
    if (quota === null ? job.limits.flags & JOB_OBJECT_LIMIT_PROCESS_MEMORY : job.quota === quota) {
      const message = quota === null ? JOB_OBJECT_MSG_PROCESS_MEMORY_LIMIT : JOB_OBJECT_MSG_JOB_MEMORY_LIMIT;
      post(kernel, job, message, process.id);
      return;
    }
  }
}

/** Ends what has used up its time; called at clock ticks while there are jobs with such limits. */
export function enforceJobTimes(kernel: Kernel): void {
  for (const job of [...kernel.timedJobs]) {
    const { flags, processTime, jobTime: mostTime } = job.limits;
    if (flags & JOB_OBJECT_LIMIT_PROCESS_TIME)
      for (const process of processesOf(job))
        if (userTime(process) >= processTime) endForTime(kernel, job, process);
    if (flags & JOB_OBJECT_LIMIT_JOB_TIME && jobTime(job) - job.timeBase100ns >= mostTime)
      endOfJob(kernel, job);
  }
}

function endForTime(kernel: Kernel, job: Job, process: Process): void {
  post(kernel, job, JOB_OBJECT_MSG_END_OF_PROCESS_TIME, process.id);
  job.terminatedProcesses++;
  terminateProcess(kernel, process, STATUS_QUOTA_EXCEEDED);
}

/** The job's time is over: with JOB_OBJECT_POST_AT_END_OF_JOB and a port it goes on, without the limit. */
function endOfJob(kernel: Kernel, job: Job): void {
  if (job.endOfJobAction === JOB_OBJECT_POST_AT_END_OF_JOB && job.port !== null) {
    post(kernel, job, JOB_OBJECT_MSG_END_OF_JOB_TIME, 0);
    setJobLimits(kernel, job, { ...job.limits, flags: job.limits.flags & ~JOB_OBJECT_LIMIT_JOB_TIME });
    return;
  }
  job.terminatedProcesses += processesOf(job).length;
  terminateJob(kernel, job, STATUS_QUOTA_EXCEEDED);
  kernel.timedJobs.delete(job);
  job.signalState = 1;
  kernel.scheduler.signal(job);
}
