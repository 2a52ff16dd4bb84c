/**
 * The priority of the pages that processes and threads bring in, 0 to 7: to which standby list they go, and that they are
 * trimmed before others of higher priority. Source: Microsoft, "SetProcessInformation function", "SetThreadInformation
 * function", "MEMORY_PRIORITY_INFORMATION structure"; Windows Internals, "Page priority".
 */
import { STATUS_INVALID_PARAMETER, STATUS_PRIVILEGE_NOT_HELD, STATUS_SUCCESS } from '../base/ntstatus.js';
import { DEFAULT_PRIORITY } from '../mm/pfn-database.js';
import { PROCESS_SET_INFORMATION, THREAD_SET_INFORMATION } from './access.js';
import type { Kernel } from './kernel.js';
import { referenceByHandle } from './object-manager.js';
import type { Process } from './process.js';
import type { Thread } from './thread.js';

const HIGHEST = 7;

/** The priority that a thread's pages get: its own, or that of its process. */
export function pagePriorityOf(thread: Thread): number {
  return thread.pagePriority < 0 ? thread.process.space.pagePriority : thread.pagePriority;
}

/** Above normal, a privilege is needed that no process here has. */
function checkPriority(priority: number): number {
  if (priority > HIGHEST) return STATUS_INVALID_PARAMETER;
  return priority > DEFAULT_PRIORITY ? STATUS_PRIVILEGE_NOT_HELD : STATUS_SUCCESS;
}

/** Pages that the running thread brings in from now on get the priority that holds for it. */
function applyToRunning(kernel: Kernel): void {
  if (kernel.loadedThread !== null) kernel.mm.pfn.pagePriority = pagePriorityOf(kernel.loadedThread);
}

/** Sets the priority of a process's threads that have none of their own. An NTSTATUS. */
export function setProcessPagePriority(
  kernel: Kernel,
  process: Process,
  handle: number,
  priority: number,
): number {
  const target = referenceByHandle(kernel, process, handle, 'process', PROCESS_SET_INFORMATION);
  if (typeof target === 'number') return target;
  const status = checkPriority(priority);
  if (status !== STATUS_SUCCESS) return status;
  (target as Process).space.pagePriority = priority;
  applyToRunning(kernel);
  return STATUS_SUCCESS;
}

/** Sets the priority of a thread's pages. An NTSTATUS. */
export function setThreadPagePriority(
  kernel: Kernel,
  process: Process,
  handle: number,
  priority: number,
): number {
  const target = referenceByHandle(kernel, process, handle, 'thread', THREAD_SET_INFORMATION);
  if (typeof target === 'number') return target;
  const status = checkPriority(priority);
  if (status !== STATUS_SUCCESS) return status;
  (target as Thread).pagePriority = priority;
  applyToRunning(kernel);
  return STATUS_SUCCESS;
}
