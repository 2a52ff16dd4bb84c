/**
 * Thread pools: objects whose callbacks workers of the process run. A pool is a completion port with a worker factory; what is
 * to be called is a packet there, also what a timer or an object brings. Objects are blocks of the process heap to the program
 * and records here. Sources: Microsoft, "Thread Pools", "Thread Pool API", "TP_CALLBACK_ENVIRON".
 */
import { STATUS_SUCCESS, STATUS_TIMEOUT } from '../../base/ntstatus.js';
import type { Word64 } from '../../nt/apc.js';
import type { EventObject } from '../../nt/dispatcher.js';
import {
  type CompletionPacket,
  cancelCompletions,
  makeIoCompletion,
  queueCompletion,
  takeCompletion,
} from '../../nt/io-completion.js';
import type { DispatcherObject } from '../../nt/object.js';
import { createObject, dereferenceObject } from '../../nt/object-manager.js';
import type { PENDING, Service, ServiceCall, ServiceResult } from '../../nt/service.js';
import { releaseMutantHandle, releaseSemaphoreHandle, setEvent } from '../../nt/sync.js';
import { cancelTimer, setTimer, type TimerObject } from '../../nt/timer.js';
import {
  associateWaitPacket,
  cancelWaitPacket,
  createWorkerFactory,
  deleteWorkerFactory,
  liveWorkers,
  type WaitPacket,
  type WorkerFactory,
} from '../../nt/worker-factory.js';
import { wakeAddress } from './address-wait.js';
import { leaveCriticalSection } from './critical-section.js';
import { dosErrorOf } from './dos-error.js';
import { allocateFromHeap, freeToHeap } from './heap.js';
import { heapContext } from './heap-context.js';
import { HEAP_ZERO_MEMORY } from './heap-layout.js';
import { processHeap } from './heap-services.js';

/** Most workers of a pool unless it says otherwise (Microsoft, "SetThreadpoolThreadMaximum function"). */
const DEFAULT_MAXIMUM = 500;
/** 100 ns units after which a worker that finds nothing to do ends; a time of ours. */
const IDLE_100NS = 300_000_000;
/** Bytes of the block that stands for an object. */
const BLOCK_BYTES = 0x40;

export interface Pool {
  /** 0 for the pool that every process has. */
  readonly address: number;
  readonly factory: WorkerFactory;
  /** Objects that are bound to it. */
  objects: number;
  closed: boolean;
}

/** Which arguments a callback gets. */
export type PoolObjectKind =
  | 'simple'
  | 'work'
  | 'timer'
  | 'wait'
  | 'item'
  | 'registered-wait'
  | 'queue-timer'
  | 'io'
  | 'bound';

export interface PoolObject {
  readonly address: number;
  /** The address as packets name it. */
  readonly place: Word64;
  readonly kind: PoolObjectKind;
  readonly pool: Pool;
  readonly callback: number;
  readonly context: Word64;
  /** Cleanup group, 0 for none, and what is called for callbacks that it cancels. */
  readonly group: number;
  readonly cancelCallback: number;
  readonly finalization: number;
  /** 2 high, 1 normal, 0 low. */
  readonly priority: number;
  /** Callbacks that run. */
  running: number;
  /** It goes when nothing of it runs any more. */
  closed: boolean;
  /** Its cleanup group has cancelled it. */
  cancelled: boolean;
  timer: TimerObject | null;
  /** It waits for an object, until it is taken back. */
  waiting: WaitPacket | null;
  /** Of a registered wait: the object, how long it waits (milliseconds), once or again and again. */
  waited: DispatcherObject | null;
  interval: number;
  once: boolean;
  /** Timer queue, 0 for the one that every process has. */
  queue: number;
  /** I/O that was announced and whose callback has not begun (StartThreadpoolIo). */
  started: number;
  /** Set when it is gone. */
  goneEvent: EventObject | null;
}

/** What is done when a callback returns: handles, addresses; 0 for nothing. */
interface CallbackInstance {
  readonly object: number;
  disassociated: boolean;
  section: number;
  mutant: number;
  semaphore: number;
  releases: number;
  event: number;
  library: number;
}

interface Group {
  readonly members: Set<number>;
}

interface ThreadPoolState {
  readonly pools: Record<number, Pool>;
  readonly objects: Record<number, PoolObject>;
  readonly groups: Record<number, Group>;
  /** By the address that the callback gets as its instance. */
  readonly instances: Record<number, CallbackInstance>;
  readonly timerQueues: Record<number, true>;
  /** Of BindIoCompletionCallback, by callback. */
  readonly bound: Record<number, PoolObject>;
}

export function poolState(call: ServiceCall): ThreadPoolState {
  call.process.library['threadPool'] ??= {
    pools: {},
    objects: {},
    groups: {},
    instances: {},
    timerQueues: {},
    bound: {},
  } satisfies ThreadPoolState;
  return call.process.library['threadPool'] as ThreadPoolState;
}

/** A block of the process heap whose address names something; 0 when there is no memory. */
export function allocateBlock(call: ServiceCall): number {
  const address = allocateFromHeap(heapContext(call), processHeap(call), HEAP_ZERO_MEMORY, BLOCK_BYTES);
  call.memory.commit();
  return address;
}

export function freeBlock(call: ServiceCall, address: number): void {
  freeToHeap(heapContext(call), processHeap(call), address);
}

const WORKER = 'TppWorkerThread';

function makePool(call: ServiceCall, address: number): Pool {
  const { kernel, process } = call;
  call.memory.commit();
  const port = createObject(kernel, makeIoCompletion(0));
  port.referenceCount = 1;
  const start = call.symbol('ntdll.dll', WORKER);
  const factory = createWorkerFactory(kernel, process, port, start, address, DEFAULT_MAXIMUM);
  const pool = { address, factory, objects: 0, closed: false };
  poolState(call).pools[address] = pool;
  return pool;
}

/** A pool of the program's own; 0 when there is no memory. */
export function createPool(call: ServiceCall): number {
  const address = allocateBlock(call);
  if (address !== 0) makePool(call, address);
  return address;
}

/** The pool of an address, 0 for that of the process; undefined for none. */
export function poolAt(call: ServiceCall, address: number): Pool | undefined {
  const known = poolState(call).pools[address];
  return known === undefined && address === 0 ? makePool(call, 0) : known;
}

/** No object can be bound to the pool any more; it goes with the last that is. */
export function closePool(call: ServiceCall, pool: Pool): void {
  pool.closed = true;
  releasePool(call, pool);
}

function releasePool(call: ServiceCall, pool: Pool): void {
  if (!pool.closed || pool.objects > 0) return;
  delete poolState(call).pools[pool.address];
  deleteWorkerFactory(call.kernel, pool.factory);
  freeBlock(call, pool.address);
}

/** TP_CALLBACK_ENVIRON: byte offsets. */
const ENVIRON_VERSION = 0x00;
const ENVIRON_POOL = 0x08;
const ENVIRON_GROUP = 0x10;
const ENVIRON_GROUP_CANCEL = 0x18;
const ENVIRON_FINALIZATION = 0x30;
const ENVIRON_PRIORITY = 0x3c;
const VERSION_WITH_PRIORITY = 3;
/** TP_CALLBACK_PRIORITY counts from high to low. */
const PRIORITIES = 3;
const NORMAL_PRIORITY = 1;

interface Environment {
  readonly pool: Pool;
  readonly group: number;
  readonly cancelCallback: number;
  readonly finalization: number;
  readonly priority: number;
}

/** What an environment says; null when it names no pool or group, or no priority. */
export function readEnvironment(call: ServiceCall, address: number): Environment | null {
  const { memory } = call;
  const poolAddress = address === 0 ? 0 : memory.readPointer(address + ENVIRON_POOL);
  const group = address === 0 ? 0 : memory.readPointer(address + ENVIRON_GROUP);
  const hasPriority = address !== 0 && memory.readU32(address + ENVIRON_VERSION) >= VERSION_WITH_PRIORITY;
  const priority = hasPriority ? memory.readU32(address + ENVIRON_PRIORITY) : NORMAL_PRIORITY;
  const cancelCallback = address === 0 ? 0 : memory.readPointer(address + ENVIRON_GROUP_CANCEL);
  const finalization = address === 0 ? 0 : memory.readPointer(address + ENVIRON_FINALIZATION);
  const pool = poolAt(call, poolAddress);
  if (pool === undefined || pool.closed || priority >= PRIORITIES) return null;
  if (group !== 0 && poolState(call).groups[group] === undefined) return null;
  return { pool, group, cancelCallback, finalization, priority: PRIORITIES - 1 - priority };
}

/** A new object; null when there is no memory. */
export function createPoolObject(
  call: ServiceCall,
  kind: PoolObjectKind,
  callback: number,
  context: Word64,
  environment: Environment,
): PoolObject | null {
  const address = allocateBlock(call);
  if (address === 0) return null;
  const object: PoolObject = {
    address,
    place: [address % 2 ** 32, Math.floor(address / 2 ** 32)],
    kind,
    callback,
    context,
    ...environment,
    running: 0,
    closed: false,
    cancelled: false,
    timer: null,
    waiting: null,
    waited: null,
    interval: Number.POSITIVE_INFINITY,
    once: true,
    queue: 0,
    started: 0,
    goneEvent: null,
  };
  const state = poolState(call);
  state.objects[address] = object;
  object.pool.objects++;
  state.groups[object.group]?.members.add(address);
  return object;
}

/** What a packet of an object says: called, with what a wait answers. */
export function packetOf({ place, priority }: PoolObject, result: number): CompletionPacket {
  return { key: [0, 0], context: place, status: STATUS_SUCCESS, information: [result, 0], priority };
}

/** Has a worker call the object's callback; an NTSTATUS. */
export function postObject(call: ServiceCall, object: PoolObject): number {
  return queueCompletion(call.kernel, object.pool.factory.port, packetOf(object, STATUS_SUCCESS));
}

/** Packets of I/O have their object as the key, and as context the program's OVERLAPPED. */
const isOf =
  ({ place }: PoolObject) =>
  ({ context, key }: CompletionPacket) =>
    context === place || key === place;

/** Takes back the callbacks that no worker has begun; how many. */
export function cancelPending(call: ServiceCall, object: PoolObject): number {
  call.memory.commit();
  const cancelled = cancelCompletions(call.kernel, object.pool.factory.port, isOf(object));
  if (object.kind === 'io') object.started = Math.max(0, object.started - cancelled);
  return cancelled;
}

/** Nothing of it runs or is to run, now or when its I/O ends. */
export function isIdle(call: ServiceCall, object: PoolObject): boolean {
  return object.started === 0 && isQuiet(call, object);
}

/** No callback of it runs or is queued. */
export function isQuiet(call: ServiceCall, object: PoolObject): boolean {
  const { endedPackets } = call.kernel.scheduler;
  return (
    object.running === 0 &&
    !object.pool.factory.port.packets.some(isOf(object)) &&
    !endedPackets.some(({ packet }) => packet.context === object.place)
  );
}

/** Sets the timer of an object, in 100 ns units of virtual time and milliseconds; `result` is what its packets say. */
export function armTimer(
  call: ServiceCall,
  object: PoolObject,
  due: number,
  period: number,
  result: number,
): void {
  if (object.timer === null) return;
  call.memory.commit();
  object.timer.completion = { port: object.pool.factory.port, packet: packetOf(object, result) };
  setTimer(call.kernel, object.timer, due, period, null);
}

/** Neither its timer nor what it waits for brings it to a worker any more. True when one of them would have. */
export function disarm(call: ServiceCall, object: PoolObject): boolean {
  call.memory.commit();
  const wasSet = object.timer !== null && cancelTimer(call.kernel, object.timer);
  const waited = object.waiting !== null && cancelWaitPacket(call.kernel, object.waiting);
  object.waiting = null;
  return wasSet || waited;
}

/** Waits for a dispatcher object, at most so many milliseconds. */
export function armWait(call: ServiceCall, object: PoolObject, waited: DispatcherObject, time: number): void {
  const { kernel } = call;
  disarm(call, object);
  const packet = packetOf(object, STATUS_SUCCESS);
  const waiting = { object: waited, port: object.pool.factory.port, packet };
  object.waiting = waiting;
  associateWaitPacket(kernel, waiting);
  const pends = kernel.scheduler.waitPackets.includes(waiting);
  if (pends && Number.isFinite(time))
    armTimer(call, object, kernel.clock.now100ns + Math.round(time * 10_000), 0, STATUS_TIMEOUT);
}

/** The program gives an object up: it goes now, or when its callbacks have ended. */
export function closeObject(call: ServiceCall, object: PoolObject): void {
  disarm(call, object);
  object.closed = true;
  releaseIfGone(call, object);
}

function releaseIfGone(call: ServiceCall, object: PoolObject): void {
  if (!object.closed || !isIdle(call, object)) return;
  const state = poolState(call);
  delete state.objects[object.address];
  state.groups[object.group]?.members.delete(object.address);
  object.pool.objects--;
  const { goneEvent, waited, timer } = object;
  if (waited !== null) dereferenceObject(call.kernel, waited);
  if (timer !== null) dereferenceObject(call.kernel, timer);
  if (goneEvent !== null) {
    goneEvent.signalState = 1;
    call.kernel.scheduler.signal(goneEvent);
    dereferenceObject(call.kernel, goneEvent);
  }
  freeBlock(call, object.address);
  releasePool(call, object.pool);
}

/** A number as callGuest takes it. */
const argumentOf = ([lo, hi]: Word64) => (hi | 0) * 2 ** 32 + lo;

/** `packet.information` is what a wait answers, or the bytes of I/O. */
function argumentsOf(object: PoolObject, instance: number, packet: CompletionPacket): number[] {
  const context = argumentOf(object.context);
  const [result] = packet.information;
  switch (object.kind) {
    case 'simple':
      return [instance, context];
    case 'work':
    case 'timer':
      return [instance, context, object.address];
    case 'wait':
      return [instance, context, object.address, result];
    case 'item':
      return [context];
    case 'registered-wait':
      return [context, result === STATUS_TIMEOUT ? 1 : 0];
    case 'queue-timer':
      return [context, 1];
    case 'io': {
      const bytes = argumentOf(packet.information);
      const error = dosErrorOf(packet.status);
      return [instance, context, argumentOf(packet.context), error, bytes, object.address];
    }
    case 'bound':
      return [dosErrorOf(packet.status), result, argumentOf(packet.context)];
  }
}

const STEP_RETURNED = 0;
const STEP_LIBRARY_FREED = 1;
const STEP_FINALIZED = 2;

/** Who is called for a packet; I/O that was not announced is left alone. */
function objectOfPacket({ objects }: ThreadPoolState, { key, context }: CompletionPacket) {
  const isIo = key[0] !== 0 || key[1] !== 0;
  const [lo, hi] = isIo ? key : context;
  const object = objects[hi * 2 ** 32 + lo];
  if (!isIo || object?.kind === 'bound') return object;
  return object?.kind === 'io' && object.started > 0 ? object : undefined;
}

/** Calls what a packet names; null when that is gone. */
function beginCallback(call: ServiceCall, packet: CompletionPacket): typeof PENDING | null {
  const state = poolState(call);
  const object = objectOfPacket(state, packet);
  if (object === undefined) return null;
  if (object.kind === 'io') object.started--;
  if (object.kind === 'wait' || object.kind === 'registered-wait') disarm(call, object);
  if (object.waited !== null && !object.once && !object.closed)
    armWait(call, object, object.waited, object.interval);
  const instance = call.stackPointer;
  object.running++;
  state.instances[instance] = {
    object: object.address,
    disassociated: false,
    section: 0,
    mutant: 0,
    semaphore: 0,
    releases: 0,
    event: 0,
    library: 0,
  };
  const args = argumentsOf(object, instance, packet);
  return call.callGuest(object.callback, args, STEP_RETURNED, [instance]);
}

/** The worker's next packet, or it waits for one; a worker that is not needed any more returns, which ends it. */
function nextCallback(call: ServiceCall): ServiceResult {
  const { kernel, thread } = call;
  const pool = poolState(call).pools[call.address(0)];
  if (pool === undefined) return 0;
  const { port } = pool.factory;
  call.memory.commit();
  for (;;) {
    const packet = takeCompletion(kernel, port, thread);
    if (packet === null)
      return call.wait({ kind: 'queue', port, deadline: kernel.clock.now100ns + IDLE_100NS });
    const begun = beginCallback(call, packet);
    if (begun !== null) return begun;
  }
}

/** The worker's wait has ended. */
function waited(call: ServiceCall): ServiceResult {
  const { thread } = call;
  call.memory.commit();
  const { packet } = thread;
  thread.packet = null;
  const pool = poolState(call).pools[call.address(0)];
  if (pool === undefined) return 0;
  if (packet === null) {
    const isSpare = liveWorkers(pool.factory) > pool.factory.minimum;
    return call.waitStatus !== STATUS_TIMEOUT || isSpare ? 0 : nextCallback(call);
  }
  return beginCallback(call, packet) ?? nextCallback(call);
}

/** A callback of the object is over. */
export function endCallback(call: ServiceCall, object: PoolObject): void {
  object.running--;
  if (object.kind === 'simple' || object.kind === 'item') object.closed = true;
  if (isQuiet(call, object)) wakeAddress(call, object.address, true);
  releaseIfGone(call, object);
}

/** The callback has returned: does what it has asked for, then goes on with the next. */
function callbackReturned(call: ServiceCall, [place]: readonly number[]): ServiceResult {
  if (call.waitStatus >= 0) return waited(call);
  const { kernel, process } = call;
  const instance = poolState(call).instances[place!];
  if (instance === undefined) return nextCallback(call);
  if (instance.section !== 0) leaveCriticalSection(call, instance.section);
  call.memory.commit();
  if (instance.mutant !== 0) releaseMutantHandle(kernel, process, instance.mutant);
  if (instance.semaphore !== 0)
    releaseSemaphoreHandle(kernel, process, instance.semaphore, instance.releases, { previousCount: 0 });
  if (instance.event !== 0) setEvent(kernel, process, instance.event);
  instance.section = 0;
  const freeLibrary = call.symbol('kernel32.dll', 'FreeLibrary');
  if (instance.library !== 0 && freeLibrary !== 0)
    return call.callGuest(freeLibrary, [instance.library], STEP_LIBRARY_FREED, [place!]);
  return finalize(call, [place!]);
}

function finalize(call: ServiceCall, [place]: readonly number[]): ServiceResult {
  if (call.waitStatus >= 0) return waited(call);
  const state = poolState(call);
  const object = state.objects[state.instances[place!]?.object ?? 0];
  if (object === undefined || object.finalization === 0) return finished(call, [place!]);
  return call.callGuest(object.finalization, [place!, argumentOf(object.context)], STEP_FINALIZED, [place!]);
}

function finished(call: ServiceCall, [place]: readonly number[]): ServiceResult {
  if (call.waitStatus >= 0) return waited(call);
  const state = poolState(call);
  const instance = state.instances[place!];
  call.memory.commit();
  delete state.instances[place!];
  const object = state.objects[instance?.object ?? 0];
  if (object !== undefined && instance?.disassociated === false) endCallback(call, object);
  return nextCallback(call);
}

/** ntdll!TppWorkerThread(pool): where workers begin. */
export const tppWorkerThread: Service = {
  enter: (call) => (call.waitStatus >= 0 ? waited(call) : nextCallback(call)),
  steps: [callbackReturned, finalize, finished],
};
