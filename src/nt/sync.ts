/** Services of events, mutants and semaphores, and the wait services. */
import { STATUS_INVALID_PARAMETER, STATUS_OBJECT_TYPE_MISMATCH, STATUS_SUCCESS } from '../base/ntstatus.js';
import { EVENT_MODIFY_STATE, SEMAPHORE_MODIFY_STATE, SYNCHRONIZE } from './access.js';
import { testForAlert } from './apc.js';
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
import type { DispatcherObject, ObjectKind } from './object.js';
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

/** Kinds of objects that can be waited for; STATUS_OBJECT_TYPE_MISMATCH for the others. */
const WAITABLE: ReadonlySet<ObjectKind> = new Set([
  'process',
  'thread',
  'event',
  'mutant',
  'semaphore',
  'timer',
  'io-completion',
  'file',
  'job',
]);

/** The object of a handle to wait for; a number is the NTSTATUS. */
export function waitable(kernel: Kernel, process: Process, handle: number): DispatcherObject | number {
  const object = referenceByHandle(kernel, process, handle, null, SYNCHRONIZE);
  if (typeof object === 'number') return object;
  return WAITABLE.has(object.kind) ? (object as DispatcherObject) : STATUS_OBJECT_TYPE_MISMATCH;
}

/**
 * Waits for objects (NtWaitForMultipleObjects; one object: NtWaitForSingleObject). `milliseconds`: Infinity for ever.
 * Answers WAIT_OBJECT_0 + index, WAIT_ABANDONED_0 + index, WAIT_TIMEOUT, STATUS_USER_APC or STATUS_ALERTED when alertable, an
 * error NTSTATUS, or PENDING to return.
 */
export function waitForObjects(
  call: ServiceCall,
  handles: readonly number[],
  all: boolean,
  milliseconds: number,
  alertable = false,
): number | typeof PENDING {
  if (call.waitStatus >= 0) return call.waitStatus;
  return beginWait(call, handles, all, milliseconds, alertable);
}

/** The same without regard to an earlier wait of the service. */
export function beginWait(
  call: ServiceCall,
  handles: readonly number[],
  all: boolean,
  milliseconds: number,
  alertable: boolean,
): number | typeof PENDING {
  if (handles.length === 0 || handles.length > MAXIMUM_WAIT_OBJECTS) return STATUS_INVALID_PARAMETER;
  const objects: DispatcherObject[] = [];
  for (const handle of handles) {
    const object = waitable(call.kernel, call.process, handle);
    if (typeof object === 'number') return object;
    objects.push(object);
  }
  if (all && new Set(objects).size !== objects.length) return STATUS_INVALID_PARAMETER;
  call.memory.commit();
  return waitFor(call, objects, all, milliseconds, alertable);
}

function waitFor(
  call: ServiceCall,
  objects: readonly DispatcherObject[],
  all: boolean,
  milliseconds: number,
  alertable: boolean,
): number | typeof PENDING {
  const status = tryWait(objects, all, call.thread);
  if (status >= 0) return status;
  const alert = alertable ? testForAlert(call.thread) : STATUS_SUCCESS;
  if (alert !== STATUS_SUCCESS) return alert;
  if (milliseconds <= 0) return WAIT_TIMEOUT;
  const deadline = deadlineIn(call.kernel, milliseconds);
  return call.wait({ kind: 'objects', objects, all, deadline, alertable });
}

/** Rights that signalling an object takes. */
const SIGNAL_ACCESS: Readonly<Partial<Record<ObjectKind, number>>> = {
  event: EVENT_MODIFY_STATE,
  mutant: 0,
  semaphore: SEMAPHORE_MODIFY_STATE,
};

/**
 * Signals one object and waits for another (NtSignalAndWaitForSingleObject). STATUS_OBJECT_TYPE_MISMATCH: what is to be
 * signalled is no event, mutant or semaphore.
 */
export function signalAndWait(
  call: ServiceCall,
  toSignal: number,
  toWaitFor: number,
  milliseconds: number,
  alertable: boolean,
): number | typeof PENDING {
  if (call.waitStatus >= 0) return call.waitStatus;
  const { kernel, process } = call;
  const target = referenceByHandle(kernel, process, toSignal, null, 0);
  if (typeof target === 'number') return target;
  const access = SIGNAL_ACCESS[target.kind];
  if (access === undefined) return STATUS_OBJECT_TYPE_MISMATCH;
  const object = waitable(kernel, process, toWaitFor);
  if (typeof object === 'number') return object;
  let status: number;
  if (target.kind === 'event') status = setEvent(kernel, process, toSignal);
  else if (target.kind === 'mutant') status = releaseMutantHandle(kernel, process, toSignal);
  else status = releaseSemaphoreHandle(kernel, process, toSignal, 1, { previousCount: 0 });
  if (status !== STATUS_SUCCESS) return status;
  call.memory.commit();
  return waitFor(call, [object], false, milliseconds, alertable);
}

/**
 * Waits for time to pass (NtDelayExecution); 0 gives the rest of the quantum to others. Answers STATUS_SUCCESS, or
 * STATUS_USER_APC or STATUS_ALERTED when alertable.
 */
export function delayExecution(
  call: ServiceCall,
  milliseconds: number,
  alertable = false,
): number | typeof PENDING {
  if (call.waitStatus >= 0) return call.waitStatus === WAIT_TIMEOUT ? STATUS_SUCCESS : call.waitStatus;
  return beginDelay(call, milliseconds, alertable);
}

/** The same without regard to an earlier delay of the service. */
export function beginDelay(
  call: ServiceCall,
  milliseconds: number,
  alertable: boolean,
): number | typeof PENDING {
  call.memory.commit();
  const alert = alertable ? testForAlert(call.thread) : STATUS_SUCCESS;
  if (alert !== STATUS_SUCCESS) return alert;
  const deadline = deadlineIn(call.kernel, milliseconds) ?? Number.POSITIVE_INFINITY;
  return call.wait({ kind: 'delay', deadline, alertable });
}

/** Virtual time, in 100 ns units, in so many milliseconds; null for an infinite wait. */
export function deadlineIn(kernel: Kernel, milliseconds: number): number | null {
  if (!Number.isFinite(milliseconds)) return null;
  return kernel.clock.now100ns + Math.round(milliseconds * 10_000);
}
