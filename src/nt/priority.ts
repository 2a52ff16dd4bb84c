/** Priorities of threads by class and level. Source: Microsoft, "Scheduling Priorities", "SetPriorityClass function". */
import type { Kernel } from './kernel.js';
import type { Process } from './process.js';
import { THREAD_TERMINATED, type Thread } from './thread.js';

export const IDLE_PRIORITY_CLASS = 0x40;
export const BELOW_NORMAL_PRIORITY_CLASS = 0x4000;
export const NORMAL_PRIORITY_CLASS = 0x20;
export const ABOVE_NORMAL_PRIORITY_CLASS = 0x8000;
export const HIGH_PRIORITY_CLASS = 0x80;
export const REALTIME_PRIORITY_CLASS = 0x100;

/** Base priority of a class: that of its threads at THREAD_PRIORITY_NORMAL. */
const CLASS_BASE: ReadonlyMap<number, number> = new Map([
  [IDLE_PRIORITY_CLASS, 4],
  [BELOW_NORMAL_PRIORITY_CLASS, 6],
  [NORMAL_PRIORITY_CLASS, 8],
  [ABOVE_NORMAL_PRIORITY_CLASS, 10],
  [HIGH_PRIORITY_CLASS, 13],
  [REALTIME_PRIORITY_CLASS, 24],
]);

/** THREAD_PRIORITY_IDLE and THREAD_PRIORITY_TIME_CRITICAL: the ends of what the class allows. */
export const LEVEL_IDLE = -15;
export const LEVEL_TIME_CRITICAL = 15;
const MOST_LEVEL = 2;
/** Levels below and above the others that only real-time threads have. */
const LEAST_REALTIME_LEVEL = -7;
const MOST_REALTIME_LEVEL = 6;
const LEAST = 1;
const MOST = 15;
const LEAST_REALTIME = 16;
const MOST_REALTIME = 31;

export function isPriorityClass(priorityClass: number): boolean {
  return CLASS_BASE.has(priorityClass);
}

/** 1..31. */
export function classBasePriority(priorityClass: number): number {
  return CLASS_BASE.get(priorityClass)!;
}

/** Whether threads of a class can have a level. */
export function isPriorityLevel(priorityClass: number, level: number): boolean {
  if (level === LEVEL_IDLE || level === LEVEL_TIME_CRITICAL) return true;
  return priorityClass === REALTIME_PRIORITY_CLASS
    ? level >= LEAST_REALTIME_LEVEL && level <= MOST_REALTIME_LEVEL
    : Math.abs(level) <= MOST_LEVEL;
}

/** Base priority 1..31 of a thread with a level in a class. */
export function threadBasePriority(priorityClass: number, level: number): number {
  const isRealtime = priorityClass === REALTIME_PRIORITY_CLASS;
  const [least, most] = isRealtime ? [LEAST_REALTIME, MOST_REALTIME] : [LEAST, MOST];
  if (level === LEVEL_IDLE) return least;
  if (level === LEVEL_TIME_CRITICAL) return most;
  return Math.min(most, Math.max(least, classBasePriority(priorityClass) + level));
}

export function setThreadLevel(kernel: Kernel, thread: Thread, level: number): void {
  thread.priorityLevel = level;
  thread.basePriority = threadBasePriority(thread.process.priorityClass, level);
  kernel.scheduler.setPriority(thread, thread.basePriority);
}

/**
 * Gives a process and its threads a class. Without the privilege to raise the base priority, which no program here has,
 * REALTIME_PRIORITY_CLASS becomes HIGH_PRIORITY_CLASS.
 */
export function setPriorityClass(kernel: Kernel, process: Process, priorityClass: number): void {
  process.priorityClass = grantedClass(priorityClass);
  for (const thread of process.threads)
    if (thread.state !== THREAD_TERMINATED) setThreadLevel(kernel, thread, thread.priorityLevel);
}

function grantedClass(priorityClass: number): number {
  return priorityClass === REALTIME_PRIORITY_CLASS ? HIGH_PRIORITY_CLASS : priorityClass;
}

/** Class of a new process: what its creator asks for (0: nothing); else normal, or the creator's where that is lower. */
/** Whether the ends of waits raise a process's threads, and those that it will make (SetProcessPriorityBoost). */
export function setProcessBoost(process: Process, disabled: boolean): void {
  process.boostDisabled = disabled;
  for (const thread of process.threads) thread.boostDisabled = disabled;
}

export function classOfNewProcess(asked: number, parent: Process | null): number {
  if (asked !== 0) return grantedClass(asked);
  const inherited = parent?.priorityClass ?? NORMAL_PRIORITY_CLASS;
  const isLower = inherited === IDLE_PRIORITY_CLASS || inherited === BELOW_NORMAL_PRIORITY_CLASS;
  return isLower ? inherited : NORMAL_PRIORITY_CLASS;
}
