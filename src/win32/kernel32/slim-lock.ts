/**
 * Slim reader/writer locks, condition variables and one-time initialization (synchapi.h), whose whole state is in the
 * program's memory. A lock is 0 when free, 1 for its one writer, 16 times the readers plus 1; an INIT_ONCE holds 0, 1 while its
 * function runs, or the context plus 2. Sources: Microsoft, "Slim Reader/Writer (SRW) Locks", "Condition Variables", "One-Time
 * Initialization".
 */
import type { Service, ServiceCall, ServiceFunction, ServiceResult } from '../../nt/service.js';
import { PENDING } from '../../nt/service.js';
import { enterCriticalSection, leaveCriticalSection } from '../ntdll/critical-section.js';
import { ERROR_GEN_FAILURE, ERROR_INVALID_PARAMETER, ERROR_TIMEOUT } from '../ntdll/dos-error.js';
import { deadlineIn, WAIT_TIMEOUT, waitForAddress, wakeAddress } from './address-wait.js';
import { stateOf } from './library-state.js';
import { TRUE } from './results.js';

const EXCLUSIVE = 1;
const READER = 16;

function tryExclusive(call: ServiceCall, lock: number): boolean {
  if (call.memory.readU32(lock) !== 0) return false;
  call.memory.writeU64(lock, EXCLUSIVE, 0);
  return true;
}

function tryShared(call: ServiceCall, lock: number): boolean {
  const word = call.memory.readU32(lock);
  if (word === EXCLUSIVE) return false;
  call.memory.writeU64(lock, ((word | 1) + READER) >>> 0, 0);
  return true;
}

/** Takes a lock, or waits for a change of it. */
const acquire =
  (take: (call: ServiceCall, lock: number) => boolean): ServiceFunction =>
  (call) =>
    take(call, call.address(0)) ? undefined : waitForAddress(call, call.address(0), null);

const attempt =
  (take: (call: ServiceCall, lock: number) => boolean): ServiceFunction =>
  (call) =>
    take(call, call.address(0)) ? TRUE : 0;

function releaseExclusive(call: ServiceCall, lock: number): void {
  call.memory.writeU64(lock, 0, 0);
  wakeAddress(call, lock, true);
}

function releaseShared(call: ServiceCall, lock: number): void {
  const left = call.memory.readU32(lock) - READER;
  call.memory.writeU64(lock, left > EXCLUSIVE ? left : 0, 0);
  if (left <= EXCLUSIVE) wakeAddress(call, lock, true);
}

/** What a thread that sleeps on a condition variable is at: waiting, or taking its lock again with the result it will give. */
const WAITING = 0;
const LOCKING = 1;
const TIMED_OUT = 2;

/**
 * The sleep on a condition variable: `release` gives the lock back, `take` takes it again (null: it waits). The progress of a
 * thread that sleeps is kept by its id.
 */
function sleep(
  call: ServiceCall,
  milliseconds: number,
  release: () => void,
  take: (resumed: boolean) => typeof PENDING | null,
): ServiceResult {
  const { conditionWaits } = stateOf(call);
  const { id } = call.thread;
  const phase = call.waitStatus >= 0 ? conditionWaits[id] : undefined;
  if (phase !== undefined) call.memory.commit();
  if (phase === undefined) {
    release();
    conditionWaits[id] = WAITING;
    return waitForAddress(call, call.address(0), deadlineIn(call, milliseconds));
  }
  if (phase === WAITING) conditionWaits[id] = call.waitStatus === WAIT_TIMEOUT ? TIMED_OUT : LOCKING;
  if (take(phase !== WAITING) === PENDING) return PENDING;
  const timedOut = conditionWaits[id] === TIMED_OUT;
  delete conditionWaits[id];
  return timedOut ? call.fail(ERROR_TIMEOUT) : TRUE;
}

/** BOOL SleepConditionVariableCS(variable, section, milliseconds). */
const sleepWithSection: ServiceFunction = (call) => {
  const section = call.address(1);
  return sleep(
    call,
    call.u32(2),
    () => leaveCriticalSection(call, section),
    (resumed) => (enterCriticalSection(call, section, resumed) === PENDING ? PENDING : null),
  );
};

const CONDITION_VARIABLE_LOCKMODE_SHARED = 1;

/** BOOL SleepConditionVariableSRW(variable, lock, milliseconds, flags). */
const sleepWithLock: ServiceFunction = (call) => {
  const lock = call.address(1);
  const shared = (call.u32(3) & CONDITION_VARIABLE_LOCKMODE_SHARED) !== 0;
  const take = shared ? tryShared : tryExclusive;
  const release = shared ? releaseShared : releaseExclusive;
  return sleep(
    call,
    call.u32(2),
    () => release(call, lock),
    () => (take(call, lock) ? null : waitForAddress(call, lock, null)),
  );
};

const RUNNING = 1;
const DONE = 2;

/** Stores the context of an INIT_ONCE whose initialization is done. */
function giveContext(call: ServiceCall, once: number): number {
  const at = call.address(3);
  const lo = (call.memory.readU32(once) & ~3) >>> 0;
  if (at !== 0) call.memory.writeU64(at, lo, call.memory.readU32(once + 4));
  return TRUE;
}

/** BOOL InitOnceExecuteOnce(once, function, parameter, context): the function stores the context itself when it succeeds. */
const executeOnce: Service = {
  enter: (call) => {
    const once = call.address(0);
    const word = call.memory.readU32(once) & 3;
    if (word === DONE) return giveContext(call, once);
    if (word === RUNNING) return waitForAddress(call, once, null);
    call.memory.writeU64(once, RUNNING, 0);
    return call.callGuest(call.address(1), [once, call.address(2), call.address(3)], 0, []);
  },
  steps: [
    (call) => {
      const once = call.address(0);
      const at = call.address(3);
      const succeeded = call.resultLo !== 0;
      const lo = succeeded && at !== 0 ? (call.memory.readU32(at) & ~3) >>> 0 : 0;
      const hi = succeeded && at !== 0 ? call.memory.readU32(at + 4) : 0;
      call.memory.writeU64(once, succeeded ? lo + DONE : 0, hi);
      wakeAddress(call, once, true);
      return succeeded ? TRUE : 0;
    },
  ],
};

const CHECK_ONLY = 1;
const INIT_FAILED = 4;

/** BOOL InitOnceBeginInitialize(once, flags, pending, context): the first caller initializes, others wait for it. */
const beginOnce: ServiceFunction = (call) => {
  const [once, flags, pendingAt] = [call.address(0), call.u32(1), call.address(2)];
  if (flags & ~CHECK_ONLY) return call.fail(ERROR_INVALID_PARAMETER);
  call.memory.probeWrite(pendingAt, 4);
  const word = call.memory.readU32(once) & 3;
  if (word === DONE) {
    call.memory.writeU32(pendingAt, 0);
    return giveContext(call, once);
  }
  if (flags & CHECK_ONLY) return call.fail(ERROR_GEN_FAILURE);
  if (word === RUNNING) return waitForAddress(call, once, null);
  call.memory.writeU64(once, RUNNING, 0);
  call.memory.writeU32(pendingAt, 1);
  return TRUE;
};

/** BOOL InitOnceComplete(once, flags, context): the low two bits of the context must be 0. */
const completeOnce: ServiceFunction = (call) => {
  const [once, flags] = [call.address(0), call.u32(1)];
  const failed = (flags & INIT_FAILED) !== 0;
  if (flags & ~INIT_FAILED || call.lo(2) & 3 || (failed && call.address(2) !== 0))
    return call.fail(ERROR_INVALID_PARAMETER);
  if ((call.memory.readU32(once) & 3) !== RUNNING) return call.fail(ERROR_GEN_FAILURE);
  call.memory.writeU64(once, failed ? 0 : call.lo(2) + DONE, failed ? 0 : call.hi(2));
  wakeAddress(call, once, true);
  return TRUE;
};

const clear: ServiceFunction = (call) => call.memory.writeU64(call.address(0), 0, 0);

export const slimLockFunctions: Record<string, Service | ServiceFunction> = {
  InitializeSRWLock: clear,
  AcquireSRWLockExclusive: acquire(tryExclusive),
  AcquireSRWLockShared: acquire(tryShared),
  TryAcquireSRWLockExclusive: attempt(tryExclusive),
  TryAcquireSRWLockShared: attempt(tryShared),
  ReleaseSRWLockExclusive: (call) => releaseExclusive(call, call.address(0)),
  ReleaseSRWLockShared: (call) => releaseShared(call, call.address(0)),
  InitializeConditionVariable: clear,
  SleepConditionVariableCS: sleepWithSection,
  SleepConditionVariableSRW: sleepWithLock,
  WakeConditionVariable: (call) => wakeAddress(call, call.address(0), false),
  WakeAllConditionVariable: (call) => wakeAddress(call, call.address(0), true),
  InitOnceInitialize: clear,
  InitOnceExecuteOnce: executeOnce,
  InitOnceBeginInitialize: beginOnce,
  InitOnceComplete: completeOnce,
};
