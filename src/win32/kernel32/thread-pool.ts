/** Thread pools, registered waits and timer queues (threadpoolapiset.h, threadpoollegacyapiset.h). Sources: Microsoft, "CreateThreadpoolWork function", "RegisterWaitForSingleObject function", "UnregisterWaitEx function", "CreateTimerQueueTimer function", "DeleteTimerQueueTimer function", "CreateThreadpoolIo function", "BindIoCompletionCallback function". */
import {
  ntSuccess,
  STATUS_INVALID_PARAMETER,
  STATUS_NO_MEMORY,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import { EVENT_MODIFY_STATE } from '../../nt/access.js';
import { ZERO64 } from '../../nt/apc.js';
import type { EventObject } from '../../nt/dispatcher.js';
import { checkFileCompletion, setFileCompletion } from '../../nt/io-completion-services.js';
import { referenceByHandle } from '../../nt/object-manager.js';
import {
  PENDING,
  type Service,
  type ServiceCall,
  type ServiceFunction,
  type ServiceResult,
} from '../../nt/service.js';
import { waitable } from '../../nt/sync.js';
import { milliseconds, waitForAddress } from '../ntdll/address-wait.js';
import {
  ERROR_INVALID_HANDLE,
  ERROR_INVALID_PARAMETER,
  ERROR_NOT_ENOUGH_MEMORY,
} from '../ntdll/dos-error.js';
import {
  allocateBlock,
  armTimer,
  armWait,
  cancelPending,
  closeObject,
  createPool,
  createPoolObject,
  disarm,
  freeBlock,
  isIdle,
  type PoolObject,
  type PoolObjectKind,
  poolAt,
  poolState,
  readEnvironment,
} from '../ntdll/thread-pool.js';
import {
  createGroup,
  createTimerOf,
  newObject,
  postOrClose,
  postSimple,
} from '../ntdll/thread-pool-services.js';
import { failStatus, INVALID_HANDLE_VALUE, TRUE } from './results.js';

const ERROR_IO_PENDING = 997;
const WT_EXECUTEONLYONCE = 0x8;

/** PTP_X CreateThreadpoolX(callback, context, environment). */
const creating =
  (kind: PoolObjectKind): ServiceFunction =>
  (call) => {
    const object = newObject(call, kind, 0);
    return typeof object === 'number' ? failStatus(call, object) : object.address;
  };

/** PTP_POOL CreateThreadpool(reserved). */
const newPool: ServiceFunction = (call) => {
  if (call.address(0) !== 0) return call.fail(ERROR_INVALID_PARAMETER);
  return createPool(call) || call.fail(ERROR_NOT_ENOUGH_MEMORY);
};

/** BOOL SetThreadpoolThreadMinimum(pool, threads). */
const setMinimum: ServiceFunction = (call) => {
  const pool = poolAt(call, call.address(0));
  const least = call.u32(1);
  if (pool === undefined || pool.closed || least > pool.factory.maximum)
    return failStatus(call, STATUS_INVALID_PARAMETER);
  call.memory.commit();
  pool.factory.minimum = least;
  return TRUE;
};

/** TP_POOL_STACK_INFORMATION: reserve and commit, bytes. */
const stackInformation =
  (write: boolean): ServiceFunction =>
  (call) => {
    const { memory } = call;
    const [pool, at] = [poolAt(call, call.address(0)), call.address(1)];
    if (pool === undefined || pool.closed) return failStatus(call, STATUS_INVALID_PARAMETER);
    const { factory } = pool;
    if (write) {
      const [reserve, commit] = [memory.readPointer(at), memory.readPointer(at + 8)];
      memory.commit();
      factory.stackReserve = reserve;
      factory.stackCommit = commit;
    } else {
      memory.probeWrite(at, 16);
      memory.writePointer(at, factory.stackReserve);
      memory.writePointer(at + 8, factory.stackCommit);
    }
    return TRUE;
  };

/** BOOL TrySubmitThreadpoolCallback(callback, context, environment). */
const trySubmit: ServiceFunction = (call) => {
  const status = postSimple(call);
  return ntSuccess(status) ? TRUE : failStatus(call, status);
};

/** An object of the process's own pool; null with the last error when there is no memory. */
function inDefaultPool(
  call: ServiceCall,
  kind: PoolObjectKind,
  callback: number,
  contextIndex: number,
): PoolObject | null {
  const context = [call.lo(contextIndex), call.hi(contextIndex)] as const;
  const object = createPoolObject(call, kind, callback, context, readEnvironment(call, 0)!);
  if (object === null) call.fail(ERROR_NOT_ENOUGH_MEMORY);
  return object;
}

/** BOOL QueueUserWorkItem(function, context, flags): a worker calls function(context). */
const queueWorkItem: ServiceFunction = (call) => {
  if (call.address(0) === 0) return call.fail(ERROR_INVALID_PARAMETER);
  const object = inDefaultPool(call, 'item', call.address(0), 1);
  if (object === null) return 0;
  const status = postOrClose(call, object);
  return status === STATUS_SUCCESS ? TRUE : failStatus(call, status);
};

/** BOOL RegisterWaitForSingleObject(*wait, object, callback, context, milliseconds, flags). No mutexes: no thread would own them. */
const registerWait: ServiceFunction = (call) => {
  const { kernel, process, memory } = call;
  memory.probeWrite(call.address(0), 8);
  const waited = waitable(kernel, process, call.handle(1));
  if (typeof waited === 'number') return failStatus(call, waited);
  if (waited.kind === 'mutant' || call.address(2) === 0) return call.fail(ERROR_INVALID_PARAMETER);
  const [time, flags] = [milliseconds(call.u32(4)), call.u32(5)];
  const object = inDefaultPool(call, 'registered-wait', call.address(2), 3);
  if (object === null) return 0;
  object.timer = createTimerOf(call);
  object.once = (flags & WT_EXECUTEONLYONCE) !== 0;
  object.interval = time;
  object.waited = waited;
  waited.referenceCount++;
  memory.writePointer(call.address(0), object.address);
  armWait(call, object, waited, time);
  return TRUE;
};

/** PTP_IO CreateThreadpoolIo(file, callback, context, environment). */
const createIo: ServiceFunction = (call) => {
  const { kernel, process } = call;
  const refused = checkFileCompletion(kernel, process, call.handle(0));
  if (refused !== STATUS_SUCCESS) return failStatus(call, refused);
  const io = newObject(call, 'io', 1);
  if (typeof io === 'number') return failStatus(call, io);
  setFileCompletion(kernel, process, call.handle(0), io.pool.factory.port, io.place);
  return io.address;
};

/** What calls a callback with the I/O of the files that are bound to it, as long as the process lives; null without memory. */
function boundTo(call: ServiceCall, callback: number): PoolObject | null {
  const { bound } = poolState(call);
  const environment = readEnvironment(call, 0)!;
  const object = bound[callback] ?? createPoolObject(call, 'bound', callback, ZERO64, environment);
  if (object !== null) bound[callback] = object;
  return object;
}

/** BOOL BindIoCompletionCallback(file, callback, flags): the last error is the NTSTATUS. */
const bindCallback: ServiceFunction = (call) => {
  const { kernel, process } = call;
  if (call.address(1) === 0 || call.u32(2) !== 0) return call.fail(STATUS_INVALID_PARAMETER);
  const refused = checkFileCompletion(kernel, process, call.handle(0));
  if (refused !== STATUS_SUCCESS) return call.fail(refused);
  const object = boundTo(call, call.address(1));
  if (object === null) return call.fail(STATUS_NO_MEMORY);
  setFileCompletion(kernel, process, call.handle(0), object.pool.factory.port, object.place);
  return TRUE;
};

/** The object of an argument; undefined with the last error when it is none of the kind. */
function objectOf(call: ServiceCall, index: number, kind: PoolObjectKind): PoolObject | undefined {
  const object = poolState(call).objects[call.address(index)];
  if (object !== undefined && !object.closed && object.kind === kind) return object;
  call.fail(ERROR_INVALID_HANDLE);
  return undefined;
}

/**
 * Stops an object that calls again and again and closes it. `completion`: 0 does not wait (ERROR_IO_PENDING while a callback
 * runs), -1 waits for callbacks, an event is signalled when they have ended.
 */
function unregister(call: ServiceCall, object: PoolObject, completion: number): ServiceResult {
  disarm(call, object);
  cancelPending(call, object);
  if (completion === INVALID_HANDLE_VALUE) {
    if (!isIdle(call, object)) return waitForAddress(call, object.address);
    closeObject(call, object);
    return TRUE;
  }
  if (completion !== 0) {
    const event = referenceByHandle(call.kernel, call.process, completion, 'event', EVENT_MODIFY_STATE);
    if (typeof event === 'number') return failStatus(call, event);
    event.referenceCount++;
    object.goneEvent = event as EventObject;
  }
  const idle = isIdle(call, object);
  closeObject(call, object);
  return idle ? TRUE : call.fail(ERROR_IO_PENDING);
}

const unregisterWait =
  (completion: (call: ServiceCall) => number): ServiceFunction =>
  (call) => {
    const object = objectOf(call, 0, 'registered-wait');
    return object === undefined ? 0 : unregister(call, object, completion(call));
  };

/** HANDLE CreateTimerQueue(). */
const createTimerQueue: ServiceFunction = (call) => {
  const address = allocateBlock(call);
  if (address === 0) return call.fail(ERROR_NOT_ENOUGH_MEMORY);
  poolState(call).timerQueues[address] = true;
  return address;
};

const isQueue = (call: ServiceCall, address: number) =>
  address === 0 || poolState(call).timerQueues[address] === true;

/** Milliseconds from now as virtual time. */
const dueIn = (call: ServiceCall, time: number) => call.kernel.clock.now100ns + time * 10_000;

/** BOOL CreateTimerQueueTimer(*timer, queue, callback, parameter, due, period, flags): the callback gets the parameter and TRUE. */
const createQueueTimer: ServiceFunction = (call) => {
  const queue = call.address(1);
  call.memory.probeWrite(call.address(0), 8);
  const [due, period, flags] = [call.u32(4), call.u32(5), call.u32(6)];
  if (!isQueue(call, queue)) return call.fail(ERROR_INVALID_HANDLE);
  if (call.address(2) === 0) return call.fail(ERROR_INVALID_PARAMETER);
  const object = inDefaultPool(call, 'queue-timer', call.address(2), 3);
  if (object === null) return 0;
  object.timer = createTimerOf(call);
  object.queue = queue;
  call.memory.writePointer(call.address(0), object.address);
  armTimer(call, object, dueIn(call, due), flags & WT_EXECUTEONLYONCE ? 0 : period, STATUS_SUCCESS);
  return TRUE;
};

/** A timer of a queue by two arguments. */
function queueTimerOf(call: ServiceCall): PoolObject | undefined {
  const object = objectOf(call, 1, 'queue-timer');
  if (object === undefined || object.queue === call.address(0)) return object;
  call.fail(ERROR_INVALID_HANDLE);
  return undefined;
}

/** BOOL ChangeTimerQueueTimer(queue, timer, due, period): one that was to be signalled once, and was, stays as it is. */
const changeQueueTimer: ServiceFunction = (call) => {
  const object = queueTimerOf(call);
  if (object === undefined) return 0;
  const isOver = object.timer!.period === 0 && object.timer!.signalState > 0;
  if (!isOver) armTimer(call, object, dueIn(call, call.u32(2)), call.u32(3), STATUS_SUCCESS);
  return TRUE;
};

/** BOOL DeleteTimerQueueTimer(queue, timer, completionEvent). */
const deleteQueueTimer: ServiceFunction = (call) => {
  const object = queueTimerOf(call);
  return object === undefined ? 0 : unregister(call, object, call.handle(2));
};

/** BOOL DeleteTimerQueueEx(queue, completionEvent): all its timers with it. */
function deleteQueue(call: ServiceCall, completion: number): ServiceResult {
  const queue = call.address(0);
  if (queue === 0 || !isQueue(call, queue)) return call.fail(ERROR_INVALID_HANDLE);
  const state = poolState(call);
  const timers = Object.values(state.objects).filter((object) => object.queue === queue);
  let pending = false;
  for (const timer of timers) {
    if (timer.closed) continue;
    const isLast = timer === timers.at(-1);
    const result = unregister(call, timer, isLast || completion === INVALID_HANDLE_VALUE ? completion : 0);
    if (result === PENDING) return PENDING;
    pending ||= result !== TRUE;
  }
  call.memory.commit();
  delete state.timerQueues[queue];
  freeBlock(call, queue);
  return pending ? call.fail(ERROR_IO_PENDING) : TRUE;
}

export const threadPoolFunctions: Record<string, Service | ServiceFunction> = {
  CreateThreadpool: newPool,
  SetThreadpoolThreadMinimum: setMinimum,
  SetThreadpoolStackInformation: stackInformation(true),
  QueryThreadpoolStackInformation: stackInformation(false),
  CreateThreadpoolWork: creating('work'),
  CreateThreadpoolTimer: creating('timer'),
  CreateThreadpoolWait: creating('wait'),
  CreateThreadpoolIo: createIo,
  BindIoCompletionCallback: bindCallback,
  CreateThreadpoolCleanupGroup: (call) => createGroup(call) || call.fail(ERROR_NOT_ENOUGH_MEMORY),
  TrySubmitThreadpoolCallback: trySubmit,
  QueueUserWorkItem: queueWorkItem,
  RegisterWaitForSingleObject: registerWait,
  UnregisterWait: unregisterWait(() => 0),
  UnregisterWaitEx: unregisterWait((call) => call.handle(1)),
  CreateTimerQueue: createTimerQueue,
  CreateTimerQueueTimer: createQueueTimer,
  ChangeTimerQueueTimer: changeQueueTimer,
  DeleteTimerQueueTimer: deleteQueueTimer,
  DeleteTimerQueueEx: (call) => deleteQueue(call, call.handle(1)),
  DeleteTimerQueue: (call) => deleteQueue(call, 0),
};

export const threadPoolForwarders: Record<string, string> = {
  CloseThreadpool: 'NTDLL.TpReleasePool',
  SetThreadpoolThreadMaximum: 'NTDLL.TpSetPoolMaxThreads',
  SubmitThreadpoolWork: 'NTDLL.TpPostWork',
  WaitForThreadpoolWorkCallbacks: 'NTDLL.TpWaitForWork',
  CloseThreadpoolWork: 'NTDLL.TpReleaseWork',
  SetThreadpoolTimer: 'NTDLL.TpSetTimer',
  SetThreadpoolTimerEx: 'NTDLL.TpSetTimerEx',
  IsThreadpoolTimerSet: 'NTDLL.TpIsTimerSet',
  WaitForThreadpoolTimerCallbacks: 'NTDLL.TpWaitForTimer',
  CloseThreadpoolTimer: 'NTDLL.TpReleaseTimer',
  SetThreadpoolWait: 'NTDLL.TpSetWait',
  SetThreadpoolWaitEx: 'NTDLL.TpSetWaitEx',
  WaitForThreadpoolWaitCallbacks: 'NTDLL.TpWaitForWait',
  CloseThreadpoolWait: 'NTDLL.TpReleaseWait',
  StartThreadpoolIo: 'NTDLL.TpStartAsyncIoOperation',
  CancelThreadpoolIo: 'NTDLL.TpCancelAsyncIoOperation',
  WaitForThreadpoolIoCallbacks: 'NTDLL.TpWaitForIoCompletion',
  CloseThreadpoolIo: 'NTDLL.TpReleaseIoCompletion',
  CloseThreadpoolCleanupGroup: 'NTDLL.TpReleaseCleanupGroup',
  CloseThreadpoolCleanupGroupMembers: 'NTDLL.TpReleaseCleanupGroupMembers',
  CallbackMayRunLong: 'NTDLL.TpCallbackMayRunLong',
  DisassociateCurrentThreadFromCallback: 'NTDLL.TpDisassociateCallback',
  SetEventWhenCallbackReturns: 'NTDLL.TpCallbackSetEventOnCompletion',
  ReleaseSemaphoreWhenCallbackReturns: 'NTDLL.TpCallbackReleaseSemaphoreOnCompletion',
  ReleaseMutexWhenCallbackReturns: 'NTDLL.TpCallbackReleaseMutexOnCompletion',
  LeaveCriticalSectionWhenCallbackReturns: 'NTDLL.TpCallbackLeaveCriticalSectionOnCompletion',
  FreeLibraryWhenCallbackReturns: 'NTDLL.TpCallbackUnloadDllOnCompletion',
};
