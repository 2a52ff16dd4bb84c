/** Condition variables, one-time initialization, barriers and waits for an address (synchapi.h). An INIT_ONCE holds 0, 1 while its function runs, 3 while some may run, or the context plus 2. Sources: Microsoft, "Condition Variables", "One-Time Initialization", "WaitOnAddress function". */
import { STATUS_SUCCESS, STATUS_TIMEOUT } from '../../base/ntstatus.js';
import type { Service, ServiceCall, ServiceFunction, ServiceResult } from '../../nt/service.js';
import { PENDING } from '../../nt/service.js';
import { milliseconds, waitForAddress, waitOnAddress, wakeAddress } from '../ntdll/address-wait.js';
import { sleepWithLock, sleepWithSection } from '../ntdll/condition-variable.js';
import { ERROR_GEN_FAILURE, ERROR_INVALID_PARAMETER, ERROR_TIMEOUT } from '../ntdll/dos-error.js';
import { failStatus, TRUE } from './results.js';

/** TRUE, or FALSE with ERROR_TIMEOUT or the status's error. */
function answer(call: ServiceCall, status: number | typeof PENDING): ServiceResult {
  if (status === PENDING) return PENDING;
  if (status === STATUS_SUCCESS) return TRUE;
  return status === STATUS_TIMEOUT ? call.fail(ERROR_TIMEOUT) : failStatus(call, status);
}

const RUNNING = 1;
const DONE = 2;
const RUNNING_ASYNC = 3;

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
    if (word === RUNNING) return waitForAddress(call, once);
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
const ASYNC = 2;
const INIT_FAILED = 4;

/** BOOL InitOnceBeginInitialize(once, flags, pending, context): the first caller initializes, others wait for it. */
const beginOnce: ServiceFunction = (call) => {
  const [once, flags, pendingAt] = [call.address(0), call.u32(1), call.address(2)];
  if (flags & ~(CHECK_ONLY | ASYNC) || flags === (CHECK_ONLY | ASYNC))
    return call.fail(ERROR_INVALID_PARAMETER);
  call.memory.probeWrite(pendingAt, 4);
  const word = call.memory.readU32(once) & 3;
  if (word === DONE) {
    call.memory.writeU32(pendingAt, 0);
    return giveContext(call, once);
  }
  if (flags & CHECK_ONLY) return call.fail(ERROR_GEN_FAILURE);
  const asked = flags & ASYNC ? RUNNING_ASYNC : RUNNING;
  if (word !== 0 && word !== asked) return call.fail(ERROR_INVALID_PARAMETER);
  if (word === RUNNING) return waitForAddress(call, once);
  call.memory.writeU64(once, asked, 0);
  call.memory.writeU32(pendingAt, 1);
  return TRUE;
};

/** BOOL InitOnceComplete(once, flags, context): the low two bits of the context must be 0; of those that may run, the first wins. */
const completeOnce: ServiceFunction = (call) => {
  const [once, flags] = [call.address(0), call.u32(1)];
  const failed = (flags & INIT_FAILED) !== 0;
  const isAsync = (flags & ASYNC) !== 0;
  if (flags & ~(INIT_FAILED | ASYNC) || (failed && isAsync)) return call.fail(ERROR_INVALID_PARAMETER);
  if (call.lo(2) & 3 || (failed && call.address(2) !== 0)) return call.fail(ERROR_INVALID_PARAMETER);
  const word = call.memory.readU32(once) & 3;
  if (word !== (isAsync ? RUNNING_ASYNC : RUNNING)) return call.fail(ERROR_GEN_FAILURE);
  call.memory.writeU64(once, failed ? 0 : call.lo(2) + DONE, failed ? 0 : call.hi(2));
  wakeAddress(call, once, true);
  return TRUE;
};

/** SYNCHRONIZATION_BARRIER: threads that are still to come, threads in all, how often it has opened. Byte offsets. */
const BARRIER_LEFT = 0x00;
const BARRIER_TOTAL = 0x04;
const BARRIER_PHASE = 0x08;
const BARRIER_BYTES = 0x20;

/** BOOL InitializeSynchronizationBarrier(barrier, threads, spinCount). */
const initializeBarrier: ServiceFunction = (call) => {
  const [barrier, total, spin] = [call.address(0), call.i32(1), call.i32(2)];
  if (total <= 0 || spin < -1) return call.fail(ERROR_INVALID_PARAMETER);
  call.memory.fill(barrier, BARRIER_BYTES, 0);
  call.memory.writeU32(barrier + BARRIER_LEFT, total);
  call.memory.writeU32(barrier + BARRIER_TOTAL, total);
  return TRUE;
};

/** BOOL EnterSynchronizationBarrier(barrier, flags): waits for the last thread, whose call alone returns TRUE. */
const enterBarrier: ServiceFunction = (call) => {
  if (call.waitStatus >= 0) return 0;
  const { memory } = call;
  const barrier = call.address(0);
  const left = memory.readU32(barrier + BARRIER_LEFT);
  if (left > 1) {
    memory.writeU32(barrier + BARRIER_LEFT, left - 1);
    return waitForAddress(call, barrier + BARRIER_PHASE);
  }
  memory.writeU32(barrier + BARRIER_LEFT, memory.readU32(barrier + BARRIER_TOTAL));
  memory.writeU32(barrier + BARRIER_PHASE, (memory.readU32(barrier + BARRIER_PHASE) + 1) >>> 0);
  wakeAddress(call, barrier + BARRIER_PHASE, true);
  return TRUE;
};

const clear: ServiceFunction = (call) => call.memory.writeU64(call.address(0), 0, 0);

const wakes =
  (all: boolean): ServiceFunction =>
  (call) =>
    wakeAddress(call, call.address(0), all);

export const slimLockFunctions: Record<string, Service | ServiceFunction> = {
  SleepConditionVariableCS: (call) => answer(call, sleepWithSection(call, milliseconds(call.u32(2)))),
  SleepConditionVariableSRW: (call) =>
    answer(call, sleepWithLock(call, milliseconds(call.u32(2)), call.u32(3))),
  InitOnceInitialize: clear,
  BasepInitOnceExecuteOnce: executeOnce,
  InitOnceBeginInitialize: beginOnce,
  InitOnceComplete: completeOnce,
  InitializeSynchronizationBarrier: initializeBarrier,
  EnterSynchronizationBarrier: enterBarrier,
  DeleteSynchronizationBarrier: () => TRUE,
  WaitOnAddress: (call) => {
    const time = milliseconds(call.u32(3));
    return answer(call, waitOnAddress(call, call.address(0), call.address(1), call.size(2), time));
  },
  WakeByAddressSingle: wakes(false),
  WakeByAddressAll: wakes(true),
};

export const slimLockForwarders: Record<string, string> = {
  InitializeSRWLock: 'NTDLL.RtlInitializeSRWLock',
  AcquireSRWLockExclusive: 'NTDLL.RtlAcquireSRWLockExclusive',
  AcquireSRWLockShared: 'NTDLL.RtlAcquireSRWLockShared',
  TryAcquireSRWLockExclusive: 'NTDLL.RtlTryAcquireSRWLockExclusive',
  TryAcquireSRWLockShared: 'NTDLL.RtlTryAcquireSRWLockShared',
  ReleaseSRWLockExclusive: 'NTDLL.RtlReleaseSRWLockExclusive',
  ReleaseSRWLockShared: 'NTDLL.RtlReleaseSRWLockShared',
  InitializeConditionVariable: 'NTDLL.RtlInitializeConditionVariable',
  WakeConditionVariable: 'NTDLL.RtlWakeConditionVariable',
  WakeAllConditionVariable: 'NTDLL.RtlWakeAllConditionVariable',
  InitializeSListHead: 'NTDLL.RtlInitializeSListHead',
  InterlockedFlushSList: 'NTDLL.RtlInterlockedFlushSList',
  InterlockedPopEntrySList: 'NTDLL.RtlInterlockedPopEntrySList',
  InterlockedPushEntrySList: 'NTDLL.RtlInterlockedPushEntrySList',
  InterlockedPushListSListEx: 'NTDLL.RtlInterlockedPushListSListEx',
  QueryDepthSList: 'NTDLL.RtlQueryDepthSList',
};
