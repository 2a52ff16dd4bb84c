/** Tp*: thread pools as ntdll exports them, to which kernel32 forwards. Prototypes as published; Microsoft, "Thread Pool API". */
import { STATUS_INVALID_PARAMETER, STATUS_NO_MEMORY, STATUS_SUCCESS } from '../../base/ntstatus.js';
import { createObject } from '../../nt/object-manager.js';
import {
  PENDING,
  type Service,
  type ServiceCall,
  type ServiceFunction,
  type ServiceResult,
} from '../../nt/service.js';
import { waitable } from '../../nt/sync.js';
import { makeTimer } from '../../nt/timer.js';
import { waitForAddress, wakeAddress } from './address-wait.js';
import { dueTimeOf, timeoutOf } from './arguments.js';
import {
  allocateBlock,
  armTimer,
  armWait,
  cancelPending,
  closeObject,
  closePool,
  createPool,
  createPoolObject,
  disarm,
  endCallback,
  freeBlock,
  isIdle,
  isQuiet,
  type Pool,
  type PoolObject,
  type PoolObjectKind,
  poolAt,
  poolState,
  postObject,
  readEnvironment,
  tppWorkerThread,
} from './thread-pool.js';

/** The object of an address: one of the kind that a program made; what is none raises STATUS_INVALID_PARAMETER. */
export function withObject(
  call: ServiceCall,
  kinds: readonly PoolObjectKind[],
  use: (object: PoolObject) => ServiceResult,
): ServiceResult {
  const object = poolState(call).objects[call.address(0)];
  if (object === undefined || object.closed || !kinds.includes(object.kind))
    return call.raise(STATUS_INVALID_PARAMETER, [], 1);
  return use(object);
}

const onObject =
  (kind: PoolObjectKind, use: (call: ServiceCall, object: PoolObject) => ServiceResult): ServiceFunction =>
  (call) =>
    withObject(call, [kind], (object) => use(call, object));

/** Makes an object with the callback, context and environment of three arguments; a number is the NTSTATUS. */
export function newObject(call: ServiceCall, kind: PoolObjectKind, first: number): PoolObject | number {
  const environment = readEnvironment(call, call.address(first + 2));
  if (environment === null || call.address(first) === 0) return STATUS_INVALID_PARAMETER;
  const context = [call.lo(first + 1), call.hi(first + 1)] as const;
  const object = createPoolObject(call, kind, call.address(first), context, environment);
  if (object === null) return STATUS_NO_MEMORY;
  if (kind === 'timer' || kind === 'wait') object.timer = createTimerOf(call);
  return object;
}

/** A timer without a handle, which goes with its object. */
export function createTimerOf(call: ServiceCall) {
  const timer = createObject(call.kernel, makeTimer(false));
  timer.referenceCount = 1;
  return timer;
}

/** NTSTATUS TpAllocX(*object, callback, context, environment). */
const allocating =
  (kind: PoolObjectKind): ServiceFunction =>
  (call) => {
    call.memory.probeWrite(call.address(0), 8);
    const object = newObject(call, kind, 1);
    if (typeof object === 'number') return object;
    call.memory.writePointer(call.address(0), object.address);
    return STATUS_SUCCESS;
  };

/** NTSTATUS TpSimpleTryPost(callback, context, environment). */
export function postSimple(call: ServiceCall): number {
  const object = newObject(call, 'simple', 0);
  return typeof object === 'number' ? object : postOrClose(call, object);
}

/** Posts an object that goes after its one callback. */
export function postOrClose(call: ServiceCall, object: PoolObject): number {
  const status = postObject(call, object);
  if (status !== STATUS_SUCCESS) closeObject(call, object);
  return status;
}

/** void TpPostWork(work). */
function postWork(call: ServiceCall, work: PoolObject): ServiceResult {
  const status = postObject(call, work);
  return status === STATUS_SUCCESS ? undefined : call.raise(status, [], 1);
}

/** void TpWaitForX(object, cancelPending): until no callback of it runs or is to run; I/O itself is not cancelled. */
function waitForCallbacks(call: ServiceCall, object: PoolObject): ServiceResult {
  const cancels = (call.u32(1) & 0xff) !== 0;
  if (cancels && call.waitStatus < 0) cancelPending(call, object);
  const isOver = cancels ? isQuiet(call, object) : isIdle(call, object);
  return isOver ? undefined : waitForAddress(call, object.address);
}

/** Sets or, without a time, stops the timer; true when it was set before. */
function setPoolTimer(call: ServiceCall, timer: PoolObject): boolean {
  const dueAt = call.address(1);
  const due = dueAt === 0 ? 0 : dueTimeOf(call, dueAt);
  const period = call.u32(2);
  const wasSet = disarm(call, timer);
  timer.once = dueAt === 0;
  if (dueAt !== 0) armTimer(call, timer, due, period, STATUS_SUCCESS);
  return wasSet;
}

/** Has the wait begin for the object of a handle, with a time to the end; a handle of 0 only ends the one before. */
function setPoolWait(call: ServiceCall, wait: PoolObject): ServiceResult {
  const time = timeoutOf(call, call.address(2));
  const wasSet = disarm(call, wait);
  if (call.handle(1) === 0) return wasSet ? 1 : 0;
  const object = waitable(call.kernel, call.process, call.handle(1));
  if (typeof object === 'number') return call.raise(object, [], 1);
  if (object.kind === 'mutant') return call.raise(STATUS_INVALID_PARAMETER, [], 1);
  armWait(call, wait, object, time);
  return wasSet ? 1 : 0;
}

/** void TpStartAsyncIoOperation(io): a callback is to come. */
function startIo(call: ServiceCall, io: PoolObject): void {
  call.memory.commit();
  io.started++;
}

/** void TpCancelAsyncIoOperation(io): the I/O that was announced ended at once, without a packet. */
function cancelIo(call: ServiceCall, io: PoolObject): void {
  call.memory.commit();
  if (io.started > 0) io.started--;
  if (isIdle(call, io)) wakeAddress(call, io.address, true);
}

function close(call: ServiceCall, object: PoolObject): void {
  closeObject(call, object);
}

const onPool =
  (use: (call: ServiceCall, pool: Pool) => ServiceResult): ServiceFunction =>
  (call) => {
    const pool = poolAt(call, call.address(0));
    return pool === undefined || pool.closed ? call.raise(STATUS_INVALID_PARAMETER, [], 1) : use(call, pool);
  };

/** NTSTATUS TpAllocPool(*pool, reserved). */
const allocatePool: ServiceFunction = (call) => {
  call.memory.probeWrite(call.address(0), 8);
  const address = createPool(call);
  if (address === 0) return STATUS_NO_MEMORY;
  call.memory.writePointer(call.address(0), address);
  return STATUS_SUCCESS;
};

/** NTSTATUS TpAllocCleanupGroup(*group). */
const allocateGroup: ServiceFunction = (call) => {
  call.memory.probeWrite(call.address(0), 8);
  const address = createGroup(call);
  if (address === 0) return STATUS_NO_MEMORY;
  call.memory.writePointer(call.address(0), address);
  return STATUS_SUCCESS;
};

export function createGroup(call: ServiceCall): number {
  const address = allocateBlock(call);
  if (address !== 0) poolState(call).groups[address] = { members: new Set() };
  return address;
}

const releaseGroup: ServiceFunction = (call) => {
  const { groups } = poolState(call);
  if (groups[call.address(0)] === undefined) return call.raise(STATUS_INVALID_PARAMETER, [], 1);
  call.memory.commit();
  delete groups[call.address(0)];
  freeBlock(call, call.address(0));
};

/**
 * void TpReleaseCleanupGroupMembers(group, cancelPending, cleanupContext): stops all members, takes back what has not begun (and
 * calls the cancel callback of each), waits for what runs, and closes them.
 */
function releaseMembers(call: ServiceCall): ServiceResult {
  const state = poolState(call);
  const group = state.groups[call.address(0)];
  if (group === undefined) return call.raise(STATUS_INVALID_PARAMETER, [], 1);
  const cancels = (call.u32(1) & 0xff) !== 0;
  const members = [...group.members].map((address) => state.objects[address]!);
  for (const member of members) {
    disarm(call, member);
    if (!cancels || member.cancelled) continue;
    member.cancelled = true;
    if (cancelPending(call, member) > 0 && member.kind === 'simple') member.closed = true;
    if (member.cancelCallback === 0) continue;
    const context = (member.context[1] | 0) * 2 ** 32 + member.context[0];
    const cleanup = (call.hi(2) | 0) * 2 ** 32 + call.lo(2);
    return call.callGuest(member.cancelCallback, [context, cleanup], 0, []);
  }
  const busy = members.find((member) => !isQuiet(call, member));
  if (busy !== undefined) return waitForAddress(call, busy.address);
  for (const member of members) closeObject(call, member);
}

/** What a running callback asks for; an instance that is none raises STATUS_INVALID_PARAMETER. */
const onInstance =
  (
    use: (
      call: ServiceCall,
      instance: NonNullable<ReturnType<typeof poolState>['instances'][number]>,
    ) => ServiceResult,
  ): ServiceFunction =>
  (call) => {
    const instance = poolState(call).instances[call.address(0)];
    if (instance === undefined) return call.raise(STATUS_INVALID_PARAMETER, [], 1);
    call.memory.commit();
    return use(call, instance);
  };

const pooled = (kind: PoolObjectKind, name: string): Record<string, ServiceFunction> => ({
  [`TpAlloc${name}`]: allocating(kind),
  [`TpWaitFor${name}`]: onObject(kind, waitForCallbacks),
  [`TpRelease${name}`]: onObject(kind, close),
});

export const threadPoolServices: Readonly<Record<string, Service | ServiceFunction>> = {
  TppWorkerThread: tppWorkerThread,
  TpAllocPool: allocatePool,
  TpReleasePool: onPool(closePool),
  TpSetPoolMaxThreads: onPool((call, { factory }) => {
    const most = call.u32(1);
    call.memory.commit();
    factory.maximum = Math.max(most, 1);
    factory.minimum = Math.min(factory.minimum, factory.maximum);
  }),
  TpSetPoolMinThreads: onPool((call, { factory }) => {
    const least = call.u32(1);
    if (least > factory.maximum) return STATUS_INVALID_PARAMETER;
    call.memory.commit();
    factory.minimum = least;
    return STATUS_SUCCESS;
  }),
  ...pooled('work', 'Work'),
  ...pooled('timer', 'Timer'),
  ...pooled('wait', 'Wait'),
  TpSimpleTryPost: postSimple,
  TpPostWork: onObject('work', postWork),
  TpSetTimer: onObject('timer', (call, timer) => {
    setPoolTimer(call, timer);
  }),
  TpSetTimerEx: onObject('timer', (call, timer) => (setPoolTimer(call, timer) ? 1 : 0)),
  TpIsTimerSet: onObject('timer', (_call, { once }) => (once ? 0 : 1)),
  TpSetWait: onObject('wait', (call, wait) => {
    const result = setPoolWait(call, wait);
    return result === PENDING ? PENDING : undefined;
  }),
  TpSetWaitEx: onObject('wait', setPoolWait),
  TpStartAsyncIoOperation: onObject('io', startIo),
  TpCancelAsyncIoOperation: onObject('io', cancelIo),
  TpWaitForIoCompletion: onObject('io', waitForCallbacks),
  TpReleaseIoCompletion: onObject('io', close),
  TpAllocCleanupGroup: allocateGroup,
  TpReleaseCleanupGroup: releaseGroup,
  TpReleaseCleanupGroupMembers: { enter: releaseMembers, steps: [releaseMembers] },
  TpCallbackMayRunLong: onInstance((call) => {
    const { port } = call.thread;
    port?.threads.delete(call.thread);
    call.thread.port = null;
    if (port?.factory) call.kernel.workersWanted.add(port.factory);
    return 1;
  }),
  TpDisassociateCallback: onInstance((call, instance) => {
    const object = poolState(call).objects[instance.object];
    if (instance.disassociated || object === undefined) return;
    instance.disassociated = true;
    endCallback(call, object);
    wakeAddress(call, instance.object, true);
  }),
  TpCallbackSetEventOnCompletion: onInstance((call, instance) => {
    instance.event = call.handle(1);
  }),
  TpCallbackReleaseSemaphoreOnCompletion: onInstance((call, instance) => {
    instance.semaphore = call.handle(1);
    instance.releases = call.u32(2);
  }),
  TpCallbackReleaseMutexOnCompletion: onInstance((call, instance) => {
    instance.mutant = call.handle(1);
  }),
  TpCallbackLeaveCriticalSectionOnCompletion: onInstance((call, instance) => {
    instance.section = call.address(1);
  }),
  TpCallbackUnloadDllOnCompletion: onInstance((call, instance) => {
    instance.library = call.address(1);
  }),
};
