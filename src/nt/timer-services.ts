/** Services of waitable timers: NtCreateTimer, NtSetTimer, NtCancelTimer. */
import { STATUS_INVALID_PARAMETER, STATUS_SUCCESS, STATUS_TIMER_RESUME_IGNORED } from '../base/ntstatus.js';
import { TIMER_MODIFY_STATE } from './access.js';
import type { Kernel } from './kernel.js';
import { createNamedObject, type NamedCreation, referenceByHandle } from './object-manager.js';
import type { Process } from './process.js';
import { cancelTimer, makeTimer, setTimer, type TimerApc, type TimerObject } from './timer.js';

/** NtCreateTimer. */
export function createTimer(
  kernel: Kernel,
  process: Process,
  creation: NamedCreation,
  manualReset: boolean,
  out: { handle: number },
): number {
  return createNamedObject(kernel, process, creation, 'timer', () => makeTimer(manualReset), out);
}

/** What `out` says: whether it was set and had not been signalled yet. */
interface TimerState {
  wasSet: boolean;
}

/**
 * NtSetTimer: `due` in 100 ns units of virtual time, `period` in milliseconds. STATUS_INVALID_PARAMETER for a negative period;
 * STATUS_TIMER_RESUME_IGNORED, a success, when the timer is to wake a machine that cannot sleep.
 */
export function setTimerHandle(
  kernel: Kernel,
  process: Process,
  handle: number,
  due: number,
  period: number,
  apc: TimerApc | null,
  resume: boolean,
  out: TimerState,
): number {
  if (period < 0) return STATUS_INVALID_PARAMETER;
  const timer = referenceByHandle(kernel, process, handle, 'timer', TIMER_MODIFY_STATE);
  if (typeof timer === 'number') return timer;
  kernel.memory.commit();
  out.wasSet = (timer as TimerObject).signalState > 0;
  setTimer(kernel, timer as TimerObject, due, period, apc);
  return resume ? STATUS_TIMER_RESUME_IGNORED : STATUS_SUCCESS;
}

/** NtCancelTimer: it keeps its signal state. */
export function cancelTimerHandle(kernel: Kernel, process: Process, handle: number, out: TimerState): number {
  const timer = referenceByHandle(kernel, process, handle, 'timer', TIMER_MODIFY_STATE);
  if (typeof timer === 'number') return timer;
  kernel.memory.commit();
  out.wasSet = (timer as TimerObject).signalState > 0;
  cancelTimer(kernel, timer as TimerObject);
  return STATUS_SUCCESS;
}
