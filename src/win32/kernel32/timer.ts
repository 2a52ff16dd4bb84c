/** Waitable timers (synchapi.h). Sources: Microsoft, "CreateWaitableTimerExW function", "SetWaitableTimer function", "SetWaitableTimerEx function". */
import { ntSuccess, STATUS_TIMER_RESUME_IGNORED } from '../../base/ntstatus.js';
import { TIMER_ALL_ACCESS } from '../../nt/access.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { cancelTimerHandle, createTimer, setTimerHandle } from '../../nt/timer-services.js';
import { dueTimeOf } from '../ntdll/arguments.js';
import { ERROR_INVALID_PARAMETER, ERROR_NOT_SUPPORTED } from '../ntdll/dos-error.js';
import { failStatus, TRUE, truth } from './results.js';
import { createHandle, creationOf, open } from './sync.js';
import { bothForms, type TextForm } from './text-form.js';

const CREATE_WAITABLE_TIMER_MANUAL_RESET = 1;
const CREATE_WAITABLE_TIMER_HIGH_RESOLUTION = 2;

function make(
  call: ServiceCall,
  form: TextForm,
  nameAt: number,
  access: number,
  manualReset: boolean,
): number {
  return createHandle(call, creationOf(call, form, nameAt, access), (creation, out) =>
    createTimer(call.kernel, call.process, creation, manualReset, out),
  );
}

/** HANDLE CreateWaitableTimer(security, manualReset, name). */
const newTimer =
  (form: TextForm): ServiceFunction =>
  (call) =>
    make(call, form, call.address(2), TIMER_ALL_ACCESS, call.u32(1) !== 0);

/** HANDLE CreateWaitableTimerEx(security, name, flags, access). Every timer here is of high resolution. */
const newTimerEx =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const flags = call.u32(2);
    if (flags & ~(CREATE_WAITABLE_TIMER_MANUAL_RESET | CREATE_WAITABLE_TIMER_HIGH_RESOLUTION))
      return call.fail(ERROR_INVALID_PARAMETER);
    const manualReset = (flags & CREATE_WAITABLE_TIMER_MANUAL_RESET) !== 0;
    return make(call, form, call.address(1), call.u32(3), manualReset);
  };

/** Sets a timer; the last error becomes ERROR_NOT_SUPPORTED when it was asked to wake the machine, which has no sleep. */
function set(call: ServiceCall, resume: boolean): number {
  const apc =
    call.address(3) === 0
      ? null
      : {
          thread: call.thread,
          routine: [call.lo(3), call.hi(3)] as const,
          argument: [call.lo(4), call.hi(4)] as const,
        };
  const due = dueTimeOf(call, call.address(1));
  const status = setTimerHandle(call.kernel, call.process, call.handle(0), due, call.i32(2), apc, resume, {
    wasSet: false,
  });
  if (!ntSuccess(status)) return failStatus(call, status);
  call.lastError = status === STATUS_TIMER_RESUME_IGNORED ? ERROR_NOT_SUPPORTED : 0;
  return TRUE;
}

export const timerFunctions: Record<string, Service | ServiceFunction> = {
  ...bothForms('CreateWaitableTimer', newTimer),
  ...bothForms('CreateWaitableTimerEx', newTimerEx),
  ...bothForms('OpenWaitableTimer', open('timer')),
  SetWaitableTimer: (call) => set(call, call.u32(5) !== 0),
  SetWaitableTimerEx: (call) => set(call, call.address(5) !== 0),
  CancelWaitableTimer: (call) =>
    truth(call, cancelTimerHandle(call.kernel, call.process, call.handle(0), { wasSet: false })),
};
