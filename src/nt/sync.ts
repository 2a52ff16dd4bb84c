/** Services of events, mutants and semaphores, and the wait services. */
import { STATUS_INVALID_PARAMETER, STATUS_SUCCESS } from '../base/ntstatus.js';
import { EVENT_MODIFY_STATE, SEMAPHORE_MODIFY_STATE, SYNCHRONIZE } from './access.js';
import {
  type EventObject,
  type MutantObject,
  makeEvent,
  makeMutant,
  makeSemaphore,
  releaseMutant,
  releaseSemaphore,
  type SemaphoreObject,
  tryWait,
} from './dispatcher.js';
import type { Kernel } from './kernel.js';
import type { DispatcherObject } from './object.js';
import { createNamedObject, type NamedCreation, referenceByHandle } from './object-manager.js';
import type { Process } from './process.js';
import { WAIT_TIMEOUT } from './scheduler.js';
import type { PENDING, ServiceCall } from './service.js';

/** Most handles of one wait (Microsoft, "WaitForMultipleObjects function"). */
export const MAXIMUM_WAIT_OBJECTS = 64;

interface HandleResult {
  handle: number;
}

/** NtCreateEvent; a manual-reset event stays signalled until it is reset. */
export function createEvent(
  kernel: Kernel,
  process: Process,
  creation: NamedCreation,
  manualReset: boolean,
  initialState: boolean,
  out: HandleResult,
): number {
  return createNamedObject(
    kernel,
    process,
    creation,
    'event',
    () => makeEvent(manualReset, initialState),
    out,
  );
}

/** Signals an event; returns its NTSTATUS. */
export function setEvent(kernel: Kernel, process: Process, handle: number): number {
  const event = referenceByHandle(kernel, process, handle, 'event', EVENT_MODIFY_STATE);
  if (typeof event === 'number') return event;
  kernel.memory.commit();
  (event as EventObject).signalState = 1;
  kernel.scheduler.signal(event as EventObject);
  return STATUS_SUCCESS;
}

export function resetEvent(kernel: Kernel, process: Process, handle: number): number {
  const event = referenceByHandle(kernel, process, handle, 'event', EVENT_MODIFY_STATE);
  if (typeof event === 'number') return event;
  kernel.memory.commit();
  (event as EventObject).signalState = 0;
  return STATUS_SUCCESS;
}

/** Signals an event for those who wait now, and resets it. */
export function pulseEvent(kernel: Kernel, process: Process, handle: number): number {
  const status = setEvent(kernel, process, handle);
  return status === STATUS_SUCCESS ? resetEvent(kernel, process, handle) : status;
}

/** NtCreateMutant. */
export function createMutant(
  kernel: Kernel,
  process: Process,
  creation: NamedCreation,
  initialOwner: boolean,
  out: HandleResult,
): number {
  const owner = initialOwner ? kernel.currentThread : null;
  return createNamedObject(kernel, process, creation, 'mutant', () => makeMutant(owner), out);
}

/** NtReleaseMutant, by the running thread. */
export function releaseMutantHandle(kernel: Kernel, process: Process, handle: number): number {
  const mutant = referenceByHandle(kernel, process, handle, 'mutant', 0);
  if (typeof mutant === 'number') return mutant;
  kernel.memory.commit();
  const status = releaseMutant(mutant as MutantObject, kernel.currentThread!);
  if (status === STATUS_SUCCESS) kernel.scheduler.signal(mutant as MutantObject);
  return status;
}

/** NtCreateSemaphore. */
export function createSemaphore(
  kernel: Kernel,
  process: Process,
  creation: NamedCreation,
  count: number,
  limit: number,
  out: HandleResult,
): number {
  if (!(limit > 0) || !(count >= 0) || count > limit) return STATUS_INVALID_PARAMETER;
  return createNamedObject(kernel, process, creation, 'semaphore', () => makeSemaphore(count, limit), out);
}

/** NtReleaseSemaphore; the count before goes to `out`. */
export function releaseSemaphoreHandle(
  kernel: Kernel,
  process: Process,
  handle: number,
  count: number,
  out: { previousCount: number },
): number {
  const object = referenceByHandle(kernel, process, handle, 'semaphore', SEMAPHORE_MODIFY_STATE);
  if (typeof object === 'number') return object;
  const semaphore = object as SemaphoreObject;
  const before = semaphore.signalState;
  kernel.memory.commit();
  const status = releaseSemaphore(semaphore, count);
  if (status !== STATUS_SUCCESS) return status;
  out.previousCount = before;
  kernel.scheduler.signal(semaphore);
  return STATUS_SUCCESS;
}

/**
 * Waits for objects (NtWaitForMultipleObjects; one object: NtWaitForSingleObject). `milliseconds`: Infinity for ever.
 * Answers WAIT_OBJECT_0 + index, WAIT_ABANDONED_0 + index, WAIT_TIMEOUT, an error NTSTATUS, or PENDING to return.
 */
export function waitForObjects(
  call: ServiceCall,
  handles: readonly number[],
  all: boolean,
  milliseconds: number,
): number | typeof PENDING {
  if (call.waitStatus >= 0) return call.waitStatus;
  if (handles.length === 0 || handles.length > MAXIMUM_WAIT_OBJECTS) return STATUS_INVALID_PARAMETER;
  const objects: DispatcherObject[] = [];
  for (const handle of handles) {
    const object = referenceByHandle(call.kernel, call.process, handle, null, SYNCHRONIZE);
    if (typeof object === 'number') return object;
    objects.push(object as DispatcherObject);
  }
  if (all && new Set(objects).size !== objects.length) return STATUS_INVALID_PARAMETER;
  call.memory.commit();
  const status = tryWait(objects, all, call.thread);
  if (status >= 0) return status;
  if (milliseconds <= 0) return WAIT_TIMEOUT;
  return call.wait({ kind: 'objects', objects, all, deadline: deadlineIn(call.kernel, milliseconds) });
}

/** Waits for time to pass (NtDelayExecution); 0 gives the rest of the quantum to others. */
export function delayExecution(call: ServiceCall, milliseconds: number): number | typeof PENDING {
  if (call.waitStatus >= 0) return STATUS_SUCCESS;
  const deadline = deadlineIn(call.kernel, milliseconds) ?? Number.POSITIVE_INFINITY;
  return call.wait({ kind: 'delay', deadline });
}

function deadlineIn(kernel: Kernel, milliseconds: number): number | null {
  if (!Number.isFinite(milliseconds)) return null;
  return kernel.clock.now100ns + Math.round(milliseconds * 10_000);
}
