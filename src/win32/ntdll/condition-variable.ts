/**
 * Condition variables: one 64-bit word, 16 times the threads that sleep on it, so that waking nobody takes no service
 * (lock-code.ts). Source: Microsoft, "Condition Variables", "SleepConditionVariableCS function".
 */
import { STATUS_SUCCESS, STATUS_TIMEOUT } from '../../base/ntstatus.js';
import { PENDING, type ServiceCall, type ServiceFunction } from '../../nt/service.js';
import { addressWaiters, waitForAddress, wake } from './address-wait.js';
import { timeoutOf } from './arguments.js';
import { enterCriticalSection, leaveCriticalSection } from './critical-section.js';
import { acquireExclusive, acquireShared, releaseExclusive, releaseShared } from './slim-lock.js';

const SLEEPER = 0x10;

function setSleepers(call: ServiceCall, variable: number, count: number): void {
  call.memory.writeU64(variable, count * SLEEPER, 0);
}

/** What a thread that sleeps is at: waiting, or taking its lock again with the result it will give. */
const WAITING = 0;
const LOCKING = 1;
const TIMED_OUT = 2;

/** How far threads that sleep are, by thread id. */
function sleepsOf(call: ServiceCall): Record<number, number> {
  call.process.library['sleeps'] ??= {};
  return call.process.library['sleeps'] as Record<number, number>;
}

/**
 * Gives a lock back with `release`, waits so many milliseconds for the variable, and takes the lock again with `take`
 * (PENDING: it waits). STATUS_SUCCESS or STATUS_TIMEOUT.
 */
function sleep(
  call: ServiceCall,
  time: number,
  release: () => unknown,
  take: (resumed: boolean) => unknown,
): number | typeof PENDING {
  const variable = call.address(0);
  const { id } = call.thread;
  const phase = call.waitStatus >= 0 ? sleepsOf(call)[id] : undefined;
  if (phase === undefined) {
    setSleepers(call, variable, addressWaiters(call, variable).length + 1);
    if (release() === PENDING) return PENDING;
    call.memory.commit();
    sleepsOf(call)[id] = WAITING;
    return waitForAddress(call, variable, time);
  }
  call.memory.commit();
  if (phase === WAITING) {
    const timedOut = call.waitStatus === STATUS_TIMEOUT;
    sleepsOf(call)[id] = timedOut ? TIMED_OUT : LOCKING;
    if (timedOut) setSleepers(call, variable, addressWaiters(call, variable).length);
  }
  if (take(phase !== WAITING) === PENDING) return PENDING;
  const status = sleepsOf(call)[id] === TIMED_OUT ? STATUS_TIMEOUT : STATUS_SUCCESS;
  delete sleepsOf(call)[id];
  return status;
}

/** Sleeps with a critical section, which the thread owns once. */
export function sleepWithSection(call: ServiceCall, time: number): number | typeof PENDING {
  const section = call.address(1);
  return sleep(
    call,
    time,
    () => leaveCriticalSection(call, section),
    (resumed) => enterCriticalSection(call, section, resumed),
  );
}

const CONDITION_VARIABLE_LOCKMODE_SHARED = 1;

/** Sleeps with a slim lock, held as the flags say. */
export function sleepWithLock(call: ServiceCall, time: number, flags: number): number | typeof PENDING {
  const lock = call.address(1);
  const shared = (flags & CONDITION_VARIABLE_LOCKMODE_SHARED) !== 0;
  return sleep(
    call,
    time,
    () => (shared ? releaseShared(call, lock) : releaseExclusive(call, lock)),
    () => (shared ? acquireShared(call, lock) : acquireExclusive(call, lock)),
  );
}

const waking =
  (all: boolean): ServiceFunction =>
  (call) => {
    const variable = call.address(0);
    const waiters = addressWaiters(call, variable);
    const woken = all ? waiters : waiters.slice(0, 1);
    setSleepers(call, variable, waiters.length - woken.length);
    wake(call, woken);
  };

export const conditionVariableServices: Readonly<Record<string, ServiceFunction>> = {
  RtlInitializeConditionVariable: (call) => setSleepers(call, call.address(0), 0),
  RtlSleepConditionVariableCS: (call) => sleepWithSection(call, timeoutOf(call, call.address(2))),
  RtlSleepConditionVariableSRW: (call) => sleepWithLock(call, timeoutOf(call, call.address(2)), call.u32(3)),
  RtlpWakeConditionVariable: waking(false),
  RtlpWakeAllConditionVariable: waking(true),
};
