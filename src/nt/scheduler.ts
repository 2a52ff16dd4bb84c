/**
 * The dispatcher of one processor: 32 priorities, round robin by quantum within each, waits with deadlines on the virtual
 * clock. It decides only which thread runs; contexts are switched by the run loop.
 * Source: Windows Internals, "Thread scheduling"; Microsoft, "Scheduling".
 */
import { isSignalled, satisfyWait, tryWait } from './dispatcher.js';
import type { DispatcherObject, KernelObject, ObjectKind } from './object.js';
import {
  PRIORITY_COUNT,
  THREAD_READY,
  THREAD_RUNNING,
  THREAD_SUSPENDED,
  THREAD_TERMINATED,
  THREAD_TRANSITION,
  THREAD_WAITING,
  type Thread,
  type WaitReason,
} from './thread.js';
import type { WaitPacket } from './worker-factory.js';

/** Answer of a wait whose deadline passed. */
export const WAIT_TIMEOUT = 0x102;

/** Instructions of a quantum: two clock intervals of 15.625 ms at one instruction a nanosecond. */
export const QUANTUM_INSTRUCTIONS = 31_250_000;

/** What the end of a wait for an object adds to the base priority of the thread (EVENT_INCREMENT and its like). */
const INCREMENTS: Readonly<Partial<Record<ObjectKind, number>>> = { event: 1, mutant: 1, semaphore: 1 };

/** Threads of these priorities are never raised. */
const FIRST_REALTIME = 16;
const HIGHEST_DYNAMIC = 15;

/**
 * Looks of the balance set manager, one a second, after which a ready thread is starved; how many ready threads a look sees, how
 * many it raises, and the quanta that such a thread gets. Source: Windows Internals, "Priority boosts for CPU starvation".
 */
const STARVATION_LOOKS = 4;
const THREADS_SEEN = 16;
const THREADS_RAISED = 10;
const STARVED_QUANTA = 2;

/** 100 ns units: virtual time is exact for 104 days (2^53 ns); what would end later never does. */
const LAST_DEADLINE = Math.floor(2 ** 53 / 100);

const NOTHING: readonly KernelObject[] = [];

/** The objects that a wait keeps. */
function waitedFor(reason: WaitReason): readonly KernelObject[] {
  if (reason.kind === 'objects') return reason.objects;
  if (reason.kind === 'queue') return [reason.port];
  return reason.kind === 'keyed' ? [reason.event] : NOTHING;
}

export class Scheduler {
  /** Threads ready to run, by priority, first to run first. */
  readonly ready: Thread[][] = Array.from({ length: PRIORITY_COUNT }, () => []);
  /** Threads that wait, in the order in which they began. */
  readonly waiting: Thread[] = [];
  /** Threads that would be ready if their kernel stacks were in memory. */
  readonly transition: Thread[] = [];
  /** Waits that end as packets of completion ports; those that have ended and are to be queued. */
  readonly waitPackets: WaitPacket[] = [];
  readonly endedPackets: WaitPacket[] = [];
  /** Objects that only waits had kept: they are to be deleted. */
  readonly unreferenced: KernelObject[] = [];
  /** The thread that the processor runs. */
  current: Thread | null = null;
  /** Earliest deadline of a wait, in 100 ns of virtual time; infinity for none. */
  nextDeadline = Number.POSITIVE_INFINITY;
  #readyMask = 0;
  /** Looks of the balance set manager. */
  #looks = 0;

  constructor(readonly quantum: number = QUANTUM_INSTRUCTIONS) {}

  /** Makes a thread ready, behind its equals; one whose kernel stack is out has to wait for the swapper. */
  makeReady(thread: Thread): void {
    const { kernelStack } = thread;
    kernelStack.waitingSince = -1;
    if (thread.suspendCount > 0) {
      thread.state = THREAD_SUSPENDED;
      return;
    }
    if (!kernelStack.resident) {
      kernelStack.wanted = true;
      thread.state = THREAD_TRANSITION;
      this.transition.push(thread);
      return;
    }
    thread.state = THREAD_READY;
    thread.quantumLeft = thread.starved ? this.quantum * STARVED_QUANTA : this.quantum;
    thread.readySince = this.#looks;
    this.ready[thread.priority]!.push(thread);
    this.#readyMask |= 1 << thread.priority;
  }

  /** Makes those threads ready whose kernel stacks have come in. */
  admit(): void {
    for (const thread of [...this.transition]) {
      if (!thread.kernelStack.resident) continue;
      this.#leaveTransition(thread);
      this.makeReady(thread);
    }
  }

  #leaveTransition(thread: Thread): void {
    const index = this.transition.indexOf(thread);
    if (index < 0) return;
    this.transition.splice(index, 1);
    thread.kernelStack.wanted = false;
  }

  /** Priority of the best ready thread, -1 for none. */
  get bestReady(): number {
    return 31 - Math.clz32(this.#readyMask);
  }

  /** Whether the running thread must give way: to a higher priority at once, to an equal one at the end of its quantum. */
  get mustSwitch(): boolean {
    const { current } = this;
    if (current === null) return this.#readyMask !== 0;
    return (
      this.bestReady > current.priority || (current.quantumLeft <= 0 && this.bestReady >= current.priority)
    );
  }

  /** Takes the processor from the running thread; a preempted one goes to the front of its queue, one at its end to the back. */
  preempt(): void {
    const { current } = this;
    if (current === null) return;
    this.current = null;
    if (current.quantumLeft <= 0) {
      this.makeReady(current);
      return;
    }
    current.state = THREAD_READY;
    current.readySince = this.#looks;
    this.ready[current.priority]!.unshift(current);
    this.#readyMask |= 1 << current.priority;
  }

  /** The running thread has used its quantum up: it gets another one, unless one of its priority is ready (KiQuantumEnd). */
  quantumEnd(thread: Thread): void {
    this.#decay(thread);
    if (this.bestReady < thread.priority) thread.quantumLeft = this.quantum;
  }

  /** A quantum takes one level of what a wait has added, and all of what starving has. */
  #decay(thread: Thread): void {
    if (thread.priority <= thread.basePriority) return;
    thread.priority = thread.starved ? thread.basePriority : thread.priority - 1;
    thread.starved = false;
  }

  /** The end of a wait raises a thread above its base priority; its priority is not lowered by it. */
  #boost(thread: Thread, increment: number): void {
    if (thread.basePriority >= FIRST_REALTIME || thread.boostDisabled) return;
    const priority = Math.min(thread.basePriority + increment, HIGHEST_DYNAMIC);
    if (priority > thread.priority) thread.priority = priority;
  }

  /**
   * The balance set manager looks, once a second, for threads that have been ready for about four seconds: they get the highest
   * dynamic priority and two quanta, then their base priority again (KiScanReadyQueues).
   */
  raiseStarved(): void {
    this.#looks++;
    let [seen, raised] = [0, 0];
    for (let priority = 1; priority < HIGHEST_DYNAMIC; priority++)
      for (const thread of [...this.ready[priority]!]) {
        if (seen++ >= THREADS_SEEN || raised >= THREADS_RAISED) return;
        if (this.#looks - thread.readySince <= STARVATION_LOOKS) continue;
        raised++;
        this.#unready(thread);
        thread.priority = HIGHEST_DYNAMIC;
        thread.starved = true;
        this.makeReady(thread);
      }
  }

  #unready(thread: Thread): void {
    const queue = this.ready[thread.priority]!;
    const index = queue.indexOf(thread);
    if (index >= 0) queue.splice(index, 1);
    if (queue.length === 0) this.#readyMask &= ~(1 << thread.priority);
  }

  /** Gives the processor to the best ready thread; null when there is none. */
  select(): Thread | null {
    const priority = this.bestReady;
    if (priority < 0) return null;
    const queue = this.ready[priority]!;
    const thread = queue.shift()!;
    if (queue.length === 0) this.#readyMask &= ~(1 << priority);
    thread.state = THREAD_RUNNING;
    this.current = thread;
    return thread;
  }

  /** The running thread begins to wait; its objects are referenced until the wait ends. */
  wait(thread: Thread, asked: WaitReason): void {
    const endless = asked.deadline !== null && !(asked.deadline <= LAST_DEADLINE);
    const reason = endless ? ({ ...asked, deadline: Number.POSITIVE_INFINITY } as WaitReason) : asked;
    thread.wait = reason;
    thread.waitStatus = -1;
    thread.state = THREAD_WAITING;
    this.waiting.push(thread);
    if (this.current === thread) this.current = null;
    for (const object of waitedFor(reason)) object.referenceCount++;
    if (reason.deadline !== null && reason.deadline < this.nextDeadline) this.nextDeadline = reason.deadline;
  }

  /** An object became signalled: ends the waits that it ends, in the order in which they began. */
  signal(object: DispatcherObject): void {
    for (const thread of [...this.waiting]) {
      const reason = thread.wait;
      if (reason?.kind !== 'objects' || !reason.objects.includes(object)) continue;
      const status = tryWait(reason.objects, reason.all, thread);
      if (status >= 0) this.endWait(thread, status, INCREMENTS[object.kind]);
    }
    if (this.waitPackets.length > 0) this.#endPackets(object);
  }

  #endPackets(object: DispatcherObject): void {
    for (const waiting of [...this.waitPackets]) {
      if (waiting.object !== object || !isSignalled(object, null)) continue;
      satisfyWait(object, null);
      this.waitPackets.splice(this.waitPackets.indexOf(waiting), 1);
      this.endedPackets.push(waiting);
    }
  }

  /** Ends the waits whose deadline has passed. */
  expire(now100ns: number): void {
    if (now100ns < this.nextDeadline) return;
    for (const thread of [...this.waiting])
      if (thread.wait!.deadline !== null && thread.wait!.deadline <= now100ns)
        this.endWait(thread, WAIT_TIMEOUT);
  }

  /** Console input arrived: the threads that wait for it read again. */
  consoleArrived(): void {
    for (const thread of [...this.waiting]) if (thread.wait!.kind === 'console') this.endWait(thread, 0);
  }

  /** Whether some thread waits for console input. */
  get waitsForConsole(): boolean {
    return this.waiting.some((thread) => thread.wait!.kind === 'console');
  }

  /** A wait ends with an answer; the thread is ready, its priority raised by `increment`. */
  endWait(thread: Thread, status: number, increment = 0): void {
    this.#leaveWait(thread);
    if (increment > 0) this.#boost(thread, increment);
    thread.waitStatus = status;
    this.makeReady(thread);
  }

  /** Takes a thread that ends out of every queue. */
  remove(thread: Thread): void {
    if (thread.wait !== null) this.#leaveWait(thread);
    this.#leaveTransition(thread);
    this.#unready(thread);
    if (this.current === thread) this.current = null;
    thread.state = THREAD_TERMINATED;
  }

  /** Suspends a thread once more; returns the count before. A waiting thread is held back when its wait ends. */
  suspend(thread: Thread): number {
    const before = thread.suspendCount++;
    if (thread.state === THREAD_READY) {
      this.#unready(thread);
      thread.state = THREAD_SUSPENDED;
    } else if (this.current === thread) {
      this.current = null;
      thread.state = THREAD_SUSPENDED;
    } else if (thread.state === THREAD_TRANSITION) {
      this.#leaveTransition(thread);
      thread.state = THREAD_SUSPENDED;
    }
    return before;
  }

  /** Takes one suspension back; returns the count before. */
  resume(thread: Thread): number {
    const before = thread.suspendCount;
    if (before === 0) return 0;
    thread.suspendCount--;
    if (thread.suspendCount === 0 && thread.state === THREAD_SUSPENDED) this.makeReady(thread);
    return before;
  }

  /** Changes a thread's priority, 0..31. */
  setPriority(thread: Thread, priority: number): void {
    thread.starved = false;
    if (thread.state !== THREAD_READY) {
      thread.priority = priority;
      return;
    }
    this.#unready(thread);
    thread.priority = priority;
    this.ready[priority]!.push(thread);
    this.#readyMask |= 1 << priority;
  }

  #leaveWait(thread: Thread): void {
    const reason = thread.wait!;
    for (const object of waitedFor(reason))
      if (--object.referenceCount <= 0 && object.handleCount === 0) this.unreferenced.push(object);
    thread.wait = null;
    this.waiting.splice(this.waiting.indexOf(thread), 1);
    if (reason.deadline === this.nextDeadline) this.#findDeadline();
  }

  #findDeadline(): void {
    this.nextDeadline = Number.POSITIVE_INFINITY;
    for (const { wait } of this.waiting)
      if (wait!.deadline !== null && wait!.deadline < this.nextDeadline) this.nextDeadline = wait!.deadline;
  }
}
