/** Waiting and the objects to wait for (synchapi.h). Sources: Microsoft, "WaitForSingleObject function", "CreateEventW function", "CreateSemaphoreW function", "CreateMutexW function", "Sleep function". */
import {
  ntSuccess,
  STATUS_ALERTED,
  STATUS_OBJECT_NAME_EXISTS,
  STATUS_USER_APC,
} from '../../base/ntstatus.js';
import { EVENT_ALL_ACCESS, MUTANT_ALL_ACCESS, SEMAPHORE_ALL_ACCESS } from '../../nt/access.js';
import { HANDLE_FLAG_INHERIT } from '../../nt/handle-table.js';
import type { ObjectKind } from '../../nt/object.js';
import { baseNamedObjectPath } from '../../nt/object-directory.js';
import { type NamedCreation, openNamedObject } from '../../nt/object-manager.js';
import {
  PENDING,
  type Service,
  type ServiceCall,
  type ServiceFunction,
  type ServiceResult,
} from '../../nt/service.js';
import {
  beginDelay,
  beginWait,
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
} from '../../nt/sync.js';
import { milliseconds } from '../ntdll/address-wait.js';
import { initializeCriticalSection } from '../ntdll/critical-section.js';
import { ERROR_ALREADY_EXISTS, ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { failStatus, TRUE, truth } from './results.js';
import { inheritanceOf, securityOf } from './security-attributes.js';
import { bothForms, type TextForm } from './text-form.js';

const WAIT_FAILED = 0xffffffff;
/** What SleepEx and the waits answer when an APC ran. */
const WAIT_IO_COMPLETION = 0xc0;

/** Waits; one that was alerted (NtAlertThread) begins again. */
function wait(
  call: ServiceCall,
  handles: readonly number[],
  all: boolean,
  time: number,
  alertable: boolean,
): ServiceResult {
  for (;;) {
    const isOver = call.waitStatus >= 0 && call.waitStatus !== STATUS_ALERTED;
    const status = isOver ? call.waitStatus : beginWait(call, handles, all, milliseconds(time), alertable);
    if (status === STATUS_ALERTED) continue;
    if (status === PENDING || ntSuccess(status)) return status;
    return failStatus(call, status, WAIT_FAILED);
  }
}

/** HANDLEs in an array. */
export function readHandles(call: ServiceCall, address: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => {
    const at = address + index * 8;
    return (call.memory.readU32(at + 4) | 0) * 2 ** 32 + call.memory.readU32(at);
  });
}

/** DWORD WaitForMultipleObjects(count, handles, all, milliseconds); the Ex form has BOOL alertable too. */
const waitForMultiple =
  (isAlertable: (call: ServiceCall) => boolean): ServiceFunction =>
  (call) => {
    const count = call.u32(0);
    if (count === 0 || count > MAXIMUM_WAIT_OBJECTS) return call.fail(ERROR_INVALID_PARAMETER, WAIT_FAILED);
    const handles = readHandles(call, call.address(1), count);
    return wait(call, handles, call.u32(2) !== 0, call.u32(3), isAlertable(call));
  };

const sleep: ServiceFunction = (call) =>
  delayExecution(call, milliseconds(call.u32(0))) === PENDING ? PENDING : 0;

/** DWORD SleepEx(milliseconds, alertable): WAIT_IO_COMPLETION when an APC ran. */
const sleepEx: ServiceFunction = (call) => {
  const isAlerted = call.waitStatus === STATUS_ALERTED;
  for (;;) {
    const status = isAlerted
      ? beginDelay(call, milliseconds(call.u32(0)), call.u32(1) !== 0)
      : delayExecution(call, milliseconds(call.u32(0)), call.u32(1) !== 0);
    if (status === STATUS_ALERTED) continue;
    if (status === PENDING) return PENDING;
    return status === STATUS_USER_APC ? WAIT_IO_COMPLETION : 0;
  }
};

/** DWORD SignalObjectAndWait(toSignal, toWaitFor, milliseconds, alertable). */
const signalObjectAndWait: ServiceFunction = (call) => {
  const [time, alertable] = [milliseconds(call.u32(2)), call.u32(3) !== 0];
  const status = signalAndWait(call, call.handle(0), call.handle(1), time, alertable);
  if (status === PENDING || ntSuccess(status)) return status;
  return failStatus(call, status, WAIT_FAILED);
};

/** Makes a named or unnamed object: `make` gets the creation and the handle's place. */
export function createHandle(
  call: ServiceCall,
  creation: NamedCreation,
  make: (creation: NamedCreation, out: { handle: number }) => number,
): number {
  const out = { handle: 0 };
  call.lastError = 0;
  const status = make(creation, out);
  if (!ntSuccess(status)) return failStatus(call, status);
  if (status === STATUS_OBJECT_NAME_EXISTS) call.lastError = ERROR_ALREADY_EXISTS;
  return out.handle;
}

export function creationOf(call: ServiceCall, form: TextForm, nameAt: number, access: number): NamedCreation {
  const name = nameAt === 0 ? '' : form.read(call, nameAt);
  return {
    path: name === '' ? null : baseNamedObjectPath(name),
    access,
    handleFlags: inheritanceOf(call, call.address(0)),
    openIf: true,
    security: securityOf(call, call.address(0)),
  };
}

/** HANDLE CreateEvent(security, manualReset, initialState, name). */
const newEvent =
  (form: TextForm): ServiceFunction =>
  (call) =>
    createHandle(call, creationOf(call, form, call.address(3), EVENT_ALL_ACCESS), (creation, out) =>
      createEvent(call.kernel, call.process, creation, call.u32(1) !== 0, call.u32(2) !== 0, out),
    );

const CREATE_EVENT_MANUAL_RESET = 1;
const CREATE_EVENT_INITIAL_SET = 2;
const CREATE_MUTEX_INITIAL_OWNER = 1;

/** HANDLE CreateEventEx(security, name, flags, access). */
const newEventEx =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const flags = call.u32(2);
    return createHandle(call, creationOf(call, form, call.address(1), call.u32(3)), (creation, out) =>
      createEvent(
        call.kernel,
        call.process,
        creation,
        (flags & CREATE_EVENT_MANUAL_RESET) !== 0,
        (flags & CREATE_EVENT_INITIAL_SET) !== 0,
        out,
      ),
    );
  };

/** HANDLE CreateMutex(security, initialOwner, name). */
const newMutex =
  (form: TextForm): ServiceFunction =>
  (call) =>
    createHandle(call, creationOf(call, form, call.address(2), MUTANT_ALL_ACCESS), (creation, out) =>
      createMutant(call.kernel, call.process, creation, call.u32(1) !== 0, out),
    );

/** HANDLE CreateMutexEx(security, name, flags, access). */
const newMutexEx =
  (form: TextForm): ServiceFunction =>
  (call) =>
    createHandle(call, creationOf(call, form, call.address(1), call.u32(3)), (creation, out) =>
      createMutant(
        call.kernel,
        call.process,
        creation,
        (call.u32(2) & CREATE_MUTEX_INITIAL_OWNER) !== 0,
        out,
      ),
    );

/** HANDLE CreateSemaphore(security, initial, maximum, name). */
const newSemaphore =
  (form: TextForm): ServiceFunction =>
  (call) =>
    createHandle(call, creationOf(call, form, call.address(3), SEMAPHORE_ALL_ACCESS), (creation, out) =>
      createSemaphore(call.kernel, call.process, creation, call.i32(1), call.i32(2), out),
    );

/** HANDLE CreateSemaphoreEx(security, initial, maximum, name, flags, access). */
const newSemaphoreEx =
  (form: TextForm): ServiceFunction =>
  (call) =>
    createHandle(call, creationOf(call, form, call.address(3), call.u32(5)), (creation, out) =>
      createSemaphore(call.kernel, call.process, creation, call.i32(1), call.i32(2), out),
    );

/** HANDLE OpenEvent(access, inherit, name) and its like. */
export const open =
  (kind: ObjectKind) =>
  (form: TextForm): ServiceFunction =>
  (call) => {
    if (call.address(2) === 0) return call.fail(ERROR_INVALID_PARAMETER);
    const path = baseNamedObjectPath(form.read(call, call.address(2)));
    const flags = call.u32(1) ? HANDLE_FLAG_INHERIT : 0;
    const out = { handle: 0 };
    const status = openNamedObject(call.kernel, call.process, path, kind, call.u32(0), flags, out);
    return ntSuccess(status) ? out.handle : failStatus(call, status);
  };

/** BOOL ReleaseSemaphore(semaphore, count, previous). */
const releaseOneSemaphore: ServiceFunction = (call) => {
  const previousAt = call.address(2);
  if (previousAt !== 0) call.memory.probeWrite(previousAt, 4);
  if (call.i32(1) <= 0) return call.fail(ERROR_INVALID_PARAMETER);
  const out = { previousCount: 0 };
  const status = releaseSemaphoreHandle(call.kernel, call.process, call.handle(0), call.i32(1), out);
  if (!ntSuccess(status)) return failStatus(call, status);
  if (previousAt !== 0) call.memory.writeU32(previousAt, out.previousCount);
  return TRUE;
};

/** BOOL InitializeCriticalSectionAndSpinCount(section, spinCount); the Ex form has flags too. */
const initializeSection: ServiceFunction = (call) => {
  initializeCriticalSection(call, call.address(0), call.u32(1));
  return TRUE;
};

export const syncFunctions: Record<string, Service | ServiceFunction> = {
  WaitForSingleObject: (call) => wait(call, [call.handle(0)], false, call.u32(1), false),
  WaitForSingleObjectEx: (call) => wait(call, [call.handle(0)], false, call.u32(1), call.u32(2) !== 0),
  WaitForMultipleObjects: waitForMultiple(() => false),
  WaitForMultipleObjectsEx: waitForMultiple((call) => call.u32(4) !== 0),
  SignalObjectAndWait: signalObjectAndWait,
  Sleep: sleep,
  SleepEx: sleepEx,
  ...bothForms('CreateEvent', newEvent),
  ...bothForms('CreateEventEx', newEventEx),
  ...bothForms('CreateMutex', newMutex),
  ...bothForms('CreateMutexEx', newMutexEx),
  ...bothForms('CreateSemaphore', newSemaphore),
  ...bothForms('CreateSemaphoreEx', newSemaphoreEx),
  ...bothForms('OpenEvent', open('event')),
  ...bothForms('OpenMutex', open('mutant')),
  ...bothForms('OpenSemaphore', open('semaphore')),
  SetEvent: (call) => truth(call, setEvent(call.kernel, call.process, call.handle(0))),
  ResetEvent: (call) => truth(call, resetEvent(call.kernel, call.process, call.handle(0))),
  PulseEvent: (call) => truth(call, pulseEvent(call.kernel, call.process, call.handle(0))),
  ReleaseMutex: (call) => truth(call, releaseMutantHandle(call.kernel, call.process, call.handle(0))),
  ReleaseSemaphore: releaseOneSemaphore,
  InitializeCriticalSectionAndSpinCount: initializeSection,
  InitializeCriticalSectionEx: initializeSection,
};

export const syncForwarders: Record<string, string> = {
  InitializeCriticalSection: 'NTDLL.RtlInitializeCriticalSection',
  EnterCriticalSection: 'NTDLL.RtlEnterCriticalSection',
  TryEnterCriticalSection: 'NTDLL.RtlTryEnterCriticalSection',
  LeaveCriticalSection: 'NTDLL.RtlLeaveCriticalSection',
  DeleteCriticalSection: 'NTDLL.RtlDeleteCriticalSection',
  SetCriticalSectionSpinCount: 'NTDLL.RtlSetCriticalSectionSpinCount',
};
