/**
 * I/O completion ports: packets in the order in which they came, threads that wait for them last come first served, and never
 * more of them running than the port's concurrency allows. Sources: Microsoft, "I/O Completion Ports",
 * "CreateIoCompletionPort function", "GetQueuedCompletionStatusEx function"; KQUEUE as Windows Internals describes it.
 */
import { STATUS_INSUFFICIENT_RESOURCES, STATUS_SUCCESS } from '../base/ntstatus.js';
import type { Word64 } from './apc.js';
import type { Kernel } from './kernel.js';
import type { DispatcherObject } from './object.js';
import { THREAD_TERMINATED, THREAD_WAITING, type Thread } from './thread.js';
import type { WorkerFactory } from './worker-factory.js';

/** Pool bytes and tag of a packet (IOP_MINI_COMPLETION_PACKET on x64). */
const PACKET_BYTES = 0x50;
const PACKET_TAG = 'Icp ';

/** A completion packet. */
export interface CompletionPacket {
  readonly key: Word64;
  /** The caller's own value: for I/O the address of its OVERLAPPED. */
  readonly context: Word64;
  readonly status: number;
  readonly information: Word64;
  /** Before packets of a lower one; 0 when left out. */
  readonly priority?: number;
}

interface QueuedPacket extends CompletionPacket {
  readonly pool: number;
}

/** A completion port (KQUEUE). Its signal state is the count of packets. */
export interface IoCompletionObject extends DispatcherObject {
  readonly kind: 'io-completion';
  /** Most threads that may run with packets of it. */
  readonly concurrency: number;
  /** Those of higher priority first. */
  readonly packets: QueuedPacket[];
  /** What makes threads for it. */
  factory: WorkerFactory | null;
  /** Threads that took a packet and have not waited for a packet of another port since. */
  readonly threads: Set<Thread>;
}

/** `concurrency` 0: as many as there are processors. */
export function makeIoCompletion(concurrency: number): IoCompletionObject {
  return {
    kind: 'io-completion',
    name: null,
    handleCount: 0,
    referenceCount: 0,
    signalState: 0,
    concurrency: concurrency > 0 ? concurrency : 1,
    packets: [],
    factory: null,
    threads: new Set(),
  };
}

/** Queues a packet (NtSetIoCompletion); STATUS_INSUFFICIENT_RESOURCES when nonpaged pool is used up. */
export function queueCompletion(kernel: Kernel, port: IoCompletionObject, packet: CompletionPacket): number {
  kernel.memory.commit();
  const pool = kernel.mm.nonpagedPool.allocate(PACKET_BYTES, PACKET_TAG);
  if (pool === 0) return STATUS_INSUFFICIENT_RESOURCES;
  insertPacket(port, { ...packet, pool });
  port.signalState++;
  releaseWaiters(kernel, port);
  kernel.scheduler.signal(port);
  return STATUS_SUCCESS;
}

function insertPacket(port: IoCompletionObject, packet: QueuedPacket): void {
  const { packets } = port;
  const priority = packet.priority ?? 0;
  let at = packets.length;
  while (at > 0 && (packets[at - 1]!.priority ?? 0) < priority) at--;
  packets.splice(at, 0, packet);
}

/** Takes packets back that nobody has taken; how many. */
export function cancelCompletions(
  kernel: Kernel,
  port: IoCompletionObject,
  isIt: (packet: CompletionPacket) => boolean,
): number {
  const kept = port.packets.filter((packet) => !isIt(packet));
  const cancelled = port.packets.filter(isIt);
  for (const { pool } of cancelled) kernel.mm.nonpagedPool.free(pool);
  port.packets.splice(0, port.packets.length, ...kept);
  port.signalState = kept.length;
  return cancelled.length;
}

function takeFirst(kernel: Kernel, port: IoCompletionObject): CompletionPacket {
  const packet = port.packets.shift()!;
  port.signalState--;
  kernel.mm.nonpagedPool.free(packet.pool);
  return packet;
}

const runs = ({ state }: Thread) => state !== THREAD_WAITING && state !== THREAD_TERMINATED;

export function isBusy(port: IoCompletionObject, but: Thread | null): boolean {
  let running = 0;
  for (const thread of port.threads) if (thread !== but && runs(thread)) running++;
  return running >= port.concurrency;
}

/** A thread that asks for packets belongs to the port from then on. */
export function joinPort(thread: Thread, port: IoCompletionObject): void {
  if (thread.port === port) return;
  thread.port?.threads.delete(thread);
  thread.port = port;
  port.threads.add(thread);
}

function leavePort(thread: Thread): void {
  thread.port?.threads.delete(thread);
  thread.port = null;
}

/** The thread ends: another may run in its place. */
export function leaveThreadPort(kernel: Kernel, thread: Thread): void {
  const { port } = thread;
  leavePort(thread);
  if (port !== null) releaseWaiters(kernel, port);
}

/** A packet for the running thread, null when it has to wait: there is none, or enough threads of the port run. */
export function takeCompletion(
  kernel: Kernel,
  port: IoCompletionObject,
  thread: Thread,
): CompletionPacket | null {
  joinPort(thread, port);
  if (port.packets.length === 0 || isBusy(port, thread)) return null;
  return takeFirst(kernel, port);
}

/** Further packets for a thread that has one, without regard of the concurrency. */
export function takeMore(kernel: Kernel, port: IoCompletionObject, most: number): CompletionPacket[] {
  const taken: CompletionPacket[] = [];
  while (taken.length < most && port.packets.length > 0) taken.push(takeFirst(kernel, port));
  return taken;
}

/** Gives packets to the threads that wait, those that began last first, as long as the concurrency allows. */
export function releaseWaiters(kernel: Kernel, port: IoCompletionObject): void {
  const { scheduler } = kernel;
  while (port.packets.length > 0 && !isBusy(port, null)) {
    const thread = scheduler.waiting.findLast(({ wait }) => wait?.kind === 'queue' && wait.port === port);
    if (thread === undefined) {
      if (port.factory !== null) kernel.workersWanted.add(port.factory);
      return;
    }
    thread.packet = takeFirst(kernel, port);
    scheduler.endWait(thread, STATUS_SUCCESS);
  }
}

/** The last handle is closed: waits end with `status`, packets are lost. */
export function closeIoCompletion(kernel: Kernel, port: IoCompletionObject, status: number): void {
  const { scheduler } = kernel;
  for (const thread of [...scheduler.waiting])
    if (thread.wait?.kind === 'queue' && thread.wait.port === port) scheduler.endWait(thread, status);
  for (const thread of port.threads) leavePort(thread);
  discardCompletions(kernel, port);
}

/** Packets that nobody can take any more: also those that came after the last handle was closed. */
export function discardCompletions(kernel: Kernel, port: IoCompletionObject): void {
  while (port.packets.length > 0) takeFirst(kernel, port);
}
