/** Native services of timers. Sources: prototypes and TIMER_BASIC_INFORMATION as published; Microsoft, "SetWaitableTimer function". */
import { ntSuccess, STATUS_INVALID_PARAMETER_4, STATUS_SUCCESS } from '../../base/ntstatus.js';
import { TIMER_QUERY_STATE } from '../../nt/access.js';
import { referenceByHandle } from '../../nt/object-manager.js';
import type { ServiceFunction } from '../../nt/service.js';
import { type TimerObject, timeLeft } from '../../nt/timer.js';
import { cancelTimerHandle, createTimer, setTimerHandle } from '../../nt/timer-services.js';
import { answerBasic, dueTimeOf, nativeServices, writeLargeInteger } from './arguments.js';
import { creation, opening } from './object-services.js';

const NOTIFICATION_TIMER = 0;
const SYNCHRONIZATION_TIMER = 1;

/** (*handle, access, attributes, type). */
const create: ServiceFunction = (call) => {
  const type = call.u32(3);
  if (type !== NOTIFICATION_TIMER && type !== SYNCHRONIZATION_TIMER) return STATUS_INVALID_PARAMETER_4;
  return creation(call, (named, out) =>
    createTimer(call.kernel, call.process, named, type === NOTIFICATION_TIMER, out),
  );
};

/** (timer, *due, routine, context, resume, period, *previousState): the routine gets the context and the time. */
const set: ServiceFunction = (call) => {
  const previousAt = call.address(6);
  if (previousAt !== 0) call.memory.probeWrite(previousAt, 1);
  const due = dueTimeOf(call, call.address(1));
  const routine = [call.lo(2), call.hi(2)] as const;
  const argument = [call.lo(3), call.hi(3)] as const;
  const apc = routine[0] === 0 && routine[1] === 0 ? null : { thread: call.thread, routine, argument };
  const [resume, period] = [(call.u32(4) & 0xff) !== 0, call.i32(5)];
  const out = { wasSet: false };
  const status = setTimerHandle(call.kernel, call.process, call.handle(0), due, period, apc, resume, out);
  if (ntSuccess(status) && previousAt !== 0) call.memory.writeU8(previousAt, out.wasSet ? 1 : 0);
  return status;
};

/** (timer, *currentState). */
const cancel: ServiceFunction = (call) => {
  const stateAt = call.address(1);
  if (stateAt !== 0) call.memory.probeWrite(stateAt, 1);
  const out = { wasSet: false };
  const status = cancelTimerHandle(call.kernel, call.process, call.handle(0), out);
  if (status === STATUS_SUCCESS && stateAt !== 0) call.memory.writeU8(stateAt, out.wasSet ? 1 : 0);
  return status;
};

/** (timer, class, buffer, length, *returned): the time left, and whether it is signalled. */
const query: ServiceFunction = (call) => {
  const timer = referenceByHandle(call.kernel, call.process, call.handle(0), 'timer', TIMER_QUERY_STATE);
  if (typeof timer === 'number') return timer;
  return answerBasic(call, 0x10, (at) => {
    writeLargeInteger(call, at, timeLeft(call.kernel, timer as TimerObject));
    call.memory.writeU8(at + 8, (timer as TimerObject).signalState > 0 ? 1 : 0);
  });
};

export const timerServices = nativeServices({
  CreateTimer: create,
  OpenTimer: opening('timer'),
  SetTimer: set,
  CancelTimer: cancel,
  QueryTimer: query,
});
