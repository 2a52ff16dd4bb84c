/**
 * Native services of handles, events, mutants, semaphores and waits. Sources: Microsoft, "NtClose function",
 * "NtWaitForSingleObject function", "ZwDuplicateObject function"; the prototypes of the others as published.
 */
import { ntSuccess, STATUS_INVALID_PARAMETER, STATUS_INVALID_PARAMETER_1 } from '../../base/ntstatus.js';
import {
  EVENT_QUERY_STATE,
  MUTANT_QUERY_STATE,
  PROCESS_DUP_HANDLE,
  SEMAPHORE_QUERY_STATE,
} from '../../nt/access.js';
import type { EventObject, MutantObject, SemaphoreObject } from '../../nt/dispatcher.js';
import { HANDLE_FLAG_INHERIT } from '../../nt/handle-table.js';
import type { ObjectKind } from '../../nt/object.js';
import {
  closeHandle,
  duplicateObject,
  type NamedCreation,
  openNamedObject,
  referenceByHandle,
} from '../../nt/object-manager.js';
import type { Process } from '../../nt/process.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import {
  createEvent,
  createMutant,
  createSemaphore,
  delayExecution,
  MAXIMUM_WAIT_OBJECTS,
  pulseEvent,
  releaseMutantHandle,
  releaseSemaphoreHandle,
  resetEvent,
  setEvent,
  signalAndWait,
  waitForObjects,
} from '../../nt/sync.js';
import { answerBasic, nativeServices, readObjectAttributes, timeoutOf, writeHandle } from './arguments.js';

const OBJ_INHERIT = 2;
/** The first three arguments of all creations: where the handle goes, access, OBJECT_ATTRIBUTES. */
export function creation(
  call: ServiceCall,
  make: (creation: NamedCreation, out: { handle: number }) => number,
): number {
  const handleAt = call.address(0);
  call.memory.probeWrite(handleAt, 8);
  const { name, handleFlags, openIf, security } = readObjectAttributes(call, call.address(2));
  const out = { handle: 0 };
  const status = make({ path: name, access: call.u32(1), handleFlags, openIf, security }, out);
  if (ntSuccess(status)) writeHandle(call, handleAt, out.handle);
  return status;
}

const NOTIFICATION_EVENT = 0;
const SYNCHRONIZATION_EVENT = 1;

/** (*handle, access, attributes, type, initialState). */
const createEventService: ServiceFunction = (call) => {
  const [type, initial] = [call.u32(3), (call.u32(4) & 0xff) !== 0];
  if (type !== NOTIFICATION_EVENT && type !== SYNCHRONIZATION_EVENT) return STATUS_INVALID_PARAMETER;
  return creation(call, (named, out) =>
    createEvent(call.kernel, call.process, named, type === NOTIFICATION_EVENT, initial, out),
  );
};

/** (*handle, access, attributes, initialOwner). */
const createMutantService: ServiceFunction = (call) => {
  const owned = (call.u32(3) & 0xff) !== 0;
  return creation(call, (named, out) => createMutant(call.kernel, call.process, named, owned, out));
};

/** (*handle, access, attributes, count, limit). */
const createSemaphoreService: ServiceFunction = (call) => {
  const [count, limit] = [call.i32(3), call.i32(4)];
  return creation(call, (named, out) => createSemaphore(call.kernel, call.process, named, count, limit, out));
};

/** (*handle, access, attributes). */
export const opening =
  (kind: ObjectKind): ServiceFunction =>
  (call) =>
    creation(call, ({ path, access, handleFlags }, out) =>
      openNamedObject(call.kernel, call.process, path ?? '', kind, access, handleFlags ?? 0, out),
    );

/** (event, *previousState): runs a change of an event and stores what it was. */
const eventChange =
  (change: typeof setEvent): ServiceFunction =>
  (call) => {
    const [handle, previousAt] = [call.handle(0), call.address(1)];
    if (previousAt !== 0) call.memory.probeWrite(previousAt, 4);
    const object = referenceByHandle(call.kernel, call.process, handle, 'event', 0);
    const before = typeof object === 'number' ? 0 : (object as { signalState?: number }).signalState;
    const status = change(call.kernel, call.process, handle);
    if (ntSuccess(status) && previousAt !== 0) call.memory.writeU32(previousAt, before ?? 0);
    return status;
  };

/** (semaphore, count, *previousCount). */
const releaseSemaphore: ServiceFunction = (call) => {
  const previousAt = call.address(2);
  if (previousAt !== 0) call.memory.probeWrite(previousAt, 4);
  const out = { previousCount: 0 };
  const status = releaseSemaphoreHandle(call.kernel, call.process, call.handle(0), call.i32(1), out);
  if (ntSuccess(status) && previousAt !== 0) call.memory.writeU32(previousAt, out.previousCount);
  return status;
};

/** (mutant, *previousCount). */
const releaseMutant: ServiceFunction = (call) => {
  const previousAt = call.address(1);
  if (previousAt !== 0) call.memory.probeWrite(previousAt, 4);
  const object = referenceByHandle(call.kernel, call.process, call.handle(0), 'mutant', 0);
  const before = typeof object === 'number' ? 0 : 1 - ((object as { recursion?: number }).recursion ?? 0);
  const status = releaseMutantHandle(call.kernel, call.process, call.handle(0));
  if (ntSuccess(status) && previousAt !== 0) call.memory.writeU32(previousAt, before >>> 0);
  return status;
};

/** A BOOLEAN argument. */
const isAlertable = (call: ServiceCall, index: number) => (call.u32(index) & 0xff) !== 0;

/** (handle, alertable, *timeout). */
const waitForSingleObject: ServiceFunction = (call) =>
  waitForObjects(call, [call.handle(0)], false, timeoutOf(call, call.address(2)), isAlertable(call, 1));

const WAIT_ALL = 0;
const WAIT_ANY = 1;

/** (count, *handles, waitType, alertable, *timeout). */
const waitForMultipleObjects: ServiceFunction = (call) => {
  const [count, type] = [call.u32(0), call.u32(2)];
  if (count === 0 || count > MAXIMUM_WAIT_OBJECTS) return STATUS_INVALID_PARAMETER_1;
  if (type !== WAIT_ALL && type !== WAIT_ANY) return STATUS_INVALID_PARAMETER;
  const handles: number[] = [];
  for (let index = 0; index < count; index++) handles.push(call.memory.readI32(call.address(1) + index * 8));
  return waitForObjects(
    call,
    handles,
    type === WAIT_ALL,
    timeoutOf(call, call.address(4)),
    isAlertable(call, 3),
  );
};

/** (alertable, *interval). */
const delay: ServiceFunction = (call) =>
  delayExecution(call, timeoutOf(call, call.address(1)), isAlertable(call, 0));

/** (toSignal, toWaitFor, alertable, *timeout). */
const signalAndWaitService: ServiceFunction = (call) =>
  signalAndWait(call, call.handle(0), call.handle(1), timeoutOf(call, call.address(3)), isAlertable(call, 2));

/** (sourceProcess, sourceHandle, targetProcess, *targetHandle, access, attributes, options). */
const duplicate: ServiceFunction = (call) => {
  const { kernel, process } = call;
  const targetAt = call.address(3);
  if (targetAt !== 0) call.memory.probeWrite(targetAt, 8);
  const source = referenceByHandle(kernel, process, call.handle(0), 'process', PROCESS_DUP_HANDLE);
  if (typeof source === 'number') return source;
  const targetHandle = call.handle(2);
  const target =
    targetHandle === 0
      ? null
      : referenceByHandle(kernel, process, targetHandle, 'process', PROCESS_DUP_HANDLE);
  if (typeof target === 'number') return target;
  const flags = call.u32(5) & OBJ_INHERIT ? HANDLE_FLAG_INHERIT : 0;
  const out = { handle: 0 };
  const status = duplicateObject(
    kernel,
    source as Process,
    call.handle(1),
    target as Process | null,
    call.u32(4),
    flags,
    call.u32(6),
    out,
  );
  if (ntSuccess(status) && targetAt !== 0) writeHandle(call, targetAt, out.handle);
  return status;
};

/** (event, class, buffer, length, *returned): EVENT_BASIC_INFORMATION, type and state. */
const queryEvent: ServiceFunction = (call) => {
  const event = referenceByHandle(call.kernel, call.process, call.handle(0), 'event', EVENT_QUERY_STATE);
  if (typeof event === 'number') return event;
  const { manualReset, signalState } = event as EventObject;
  return answerBasic(call, 8, (at) => {
    call.memory.writeU32(at, manualReset ? NOTIFICATION_EVENT : SYNCHRONIZATION_EVENT);
    call.memory.writeU32(at + 4, signalState > 0 ? 1 : 0);
  });
};

/** The same of a mutant: MUTANT_BASIC_INFORMATION, count (1 when free), owned by the caller, abandoned. */
const queryMutant: ServiceFunction = (call) => {
  const mutant = referenceByHandle(call.kernel, call.process, call.handle(0), 'mutant', MUTANT_QUERY_STATE);
  if (typeof mutant === 'number') return mutant;
  const { owner, recursion, abandoned } = mutant as MutantObject;
  return answerBasic(call, 8, (at) => {
    call.memory.writeU32(at, (1 - recursion) >>> 0);
    call.memory.writeU8(at + 4, owner === call.thread ? 1 : 0);
    call.memory.writeU8(at + 5, abandoned ? 1 : 0);
  });
};

/** The same of a semaphore: SEMAPHORE_BASIC_INFORMATION, count and limit. */
const querySemaphore: ServiceFunction = (call) => {
  const access = SEMAPHORE_QUERY_STATE;
  const semaphore = referenceByHandle(call.kernel, call.process, call.handle(0), 'semaphore', access);
  if (typeof semaphore === 'number') return semaphore;
  const { signalState, limit } = semaphore as SemaphoreObject;
  return answerBasic(call, 8, (at) => {
    call.memory.writeU32(at, signalState);
    call.memory.writeU32(at + 4, limit);
  });
};

export const objectServices = nativeServices({
  Close: (call) => closeHandle(call.kernel, call.process, call.handle(0)),
  DuplicateObject: duplicate,
  CreateEvent: createEventService,
  OpenEvent: opening('event'),
  SetEvent: eventChange(setEvent),
  ResetEvent: eventChange(resetEvent),
  PulseEvent: eventChange(pulseEvent),
  ClearEvent: (call) => resetEvent(call.kernel, call.process, call.handle(0)),
  QueryEvent: queryEvent,
  QueryMutant: queryMutant,
  QuerySemaphore: querySemaphore,
  CreateMutant: createMutantService,
  OpenMutant: opening('mutant'),
  ReleaseMutant: releaseMutant,
  CreateSemaphore: createSemaphoreService,
  OpenSemaphore: opening('semaphore'),
  ReleaseSemaphore: releaseSemaphore,
  WaitForSingleObject: waitForSingleObject,
  WaitForMultipleObjects: waitForMultipleObjects,
  SignalAndWaitForSingleObject: signalAndWaitService,
  DelayExecution: delay,
});
