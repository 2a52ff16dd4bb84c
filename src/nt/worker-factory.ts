/**
 * Worker factories: threads of a process that serve a completion port, made when packets wait, no worker does, and fewer workers
 * run than the port allows; and waits that end as packets of a port. Sources: Windows Internals, "Worker factories (thread
 * pools)"; Microsoft, "Thread Pools"; NtAssociateWaitCompletionPacket's meaning as published.
 */
import { STATUS_ABANDONED_WAIT_0 } from '../base/ntstatus.js';
import { needAddressSpace } from '../mm/threads/swapper.js';
import { isSignalled, satisfyWait } from './dispatcher.js';
import {
  type CompletionPacket,
  closeIoCompletion,
  type IoCompletionObject,
  isBusy,
  joinPort,
  queueCompletion,
} from './io-completion.js';
import type { Kernel } from './kernel.js';
import type { DispatcherObject } from './object.js';
import { dereferenceObject } from './object-manager.js';
import type { Process } from './process.js';
import { THREAD_TERMINATED, type Thread } from './thread.js';
import { createThread, imageStackSizes } from './thread-create.js';

export interface WorkerFactory {
  readonly process: Process;
  readonly port: IoCompletionObject;
  /** Guest address at which workers begin, and their argument. */
  readonly startAddress: number;
  readonly parameter: number;
  minimum: number;
  maximum: number;
  /** Bytes of a worker's stack, 0 as the image says. */
  stackReserve: number;
  stackCommit: number;
  readonly workers: Thread[];
  /** First packet of the port at the last clock tick, and for how many ticks it has been that. */
  oldest: CompletionPacket | null;
  quietTicks: number;
}

/** A wait that ends as a packet. */
export interface WaitPacket {
  readonly object: DispatcherObject;
  readonly port: IoCompletionObject;
  readonly packet: CompletionPacket;
}

/** Clock ticks after which a packet that no worker took gets one more worker: half a second. */
const PATIENCE_TICKS = 32;

export function createWorkerFactory(
  kernel: Kernel,
  process: Process,
  port: IoCompletionObject,
  startAddress: number,
  parameter: number,
  maximum: number,
): WorkerFactory {
  const factory: WorkerFactory = {
    process,
    port,
    startAddress,
    parameter,
    minimum: 0,
    maximum,
    stackReserve: 0,
    stackCommit: 0,
    workers: [],
    oldest: null,
    quietTicks: 0,
  };
  port.factory = factory;
  kernel.workerFactories.push(factory);
  return factory;
}

/** Threads that have not ended. */
export function liveWorkers(factory: WorkerFactory): number {
  const { workers } = factory;
  for (let index = workers.length - 1; index >= 0; index--)
    if (workers[index]!.state === THREAD_TERMINATED) workers.splice(index, 1);
  return workers.length;
}

/** Between instructions of programs: queues the packets of waits that have ended, and makes the workers that are wanted. */
export function serveWorkers(kernel: Kernel): void {
  const { scheduler, workersWanted } = kernel;
  for (const { port, packet, object } of scheduler.endedPackets.splice(0)) {
    queueCompletion(kernel, port, packet);
    dereferenceObject(kernel, object);
  }
  for (const factory of [...workersWanted]) {
    workersWanted.delete(factory);
    const { port } = factory;
    if (port.packets.length > 0 && !isBusy(port, null)) addWorker(kernel, factory);
  }
}

/** One more worker; none when there are enough, or there is no memory for it. */
export function addWorker(kernel: Kernel, factory: WorkerFactory): void {
  const { process } = factory;
  if (process.exitStatus !== null || liveWorkers(factory) >= factory.maximum) return;
  if (!needAddressSpace(kernel.mm, process.space)) return;
  kernel.attachProcess(process);
  const usual = imageStackSizes(process);
  const thread = createThread(kernel, process, {
    startAddress: factory.startAddress,
    argument: factory.parameter,
    stackReserve: factory.stackReserve || usual.stackReserve,
    stackCommit: factory.stackCommit || usual.stackCommit,
    suspended: false,
  });
  kernel.detachProcess();
  if (typeof thread === 'number') return;
  factory.workers.push(thread);
  joinPort(thread, factory.port);
}

/** A clock tick: a packet that has waited for long although workers run gets a worker of its own. */
export function watchWorkers(kernel: Kernel): void {
  for (const factory of kernel.workerFactories) {
    const first = factory.port.packets[0] ?? null;
    if (first === null || first !== factory.oldest) {
      factory.oldest = first;
      factory.quietTicks = 0;
    } else if (++factory.quietTicks >= PATIENCE_TICKS) {
      factory.quietTicks = 0;
      addWorker(kernel, factory);
    }
  }
}

/** Queues a packet when an object is signalled: now, or when that happens. The object is no mutant. */
export function associateWaitPacket(kernel: Kernel, waiting: WaitPacket): void {
  const { scheduler } = kernel;
  kernel.memory.commit();
  waiting.object.referenceCount++;
  scheduler.waitPackets.push(waiting);
  if (isSignalled(waiting.object, null)) {
    satisfyWait(waiting.object, null);
    scheduler.waitPackets.pop();
    scheduler.endedPackets.push(waiting);
  }
}

/** Takes a wait back; false when it has ended. */
export function cancelWaitPacket(kernel: Kernel, waiting: WaitPacket): boolean {
  const { waitPackets } = kernel.scheduler;
  const index = waitPackets.indexOf(waiting);
  if (index < 0) return false;
  waitPackets.splice(index, 1);
  dereferenceObject(kernel, waiting.object);
  return true;
}

/** The factory goes: its port is closed, and what would queue packets there does not any more. */
export function deleteWorkerFactory(kernel: Kernel, factory: WorkerFactory): void {
  const { scheduler, timers, workerFactories, workersWanted } = kernel;
  const { port } = factory;
  timers.removeThoseOf(port);
  port.factory = null;
  for (const waiting of scheduler.waitPackets.filter((each) => each.port === port))
    cancelWaitPacket(kernel, waiting);
  for (let index = scheduler.endedPackets.length - 1; index >= 0; index--) {
    const waiting = scheduler.endedPackets[index]!;
    if (waiting.port !== port) continue;
    scheduler.endedPackets.splice(index, 1);
    dereferenceObject(kernel, waiting.object);
  }
  closeIoCompletion(kernel, port, STATUS_ABANDONED_WAIT_0);
  dereferenceObject(kernel, port);
  workersWanted.delete(factory);
  workerFactories.splice(workerFactories.indexOf(factory), 1);
}

/** The process ends. */
export function deleteWorkerFactories(kernel: Kernel, process: Process): void {
  for (const factory of kernel.workerFactories.filter((each) => each.process === process))
    deleteWorkerFactory(kernel, factory);
}
