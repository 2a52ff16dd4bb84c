/**
 * Waitable timers. Sources: Microsoft, "Waitable Timer Objects", "SetWaitableTimer function", "NtSetTimer"; what
 * TIMER_BASIC_INFORMATION holds as published.
 */
import { queueUserApc, removeApc, type UserApc, type Word64 } from './apc.js';
import { type CompletionPacket, type IoCompletionObject, queueCompletion } from './io-completion.js';
import type { Kernel } from './kernel.js';
import type { DispatcherObject } from './object.js';
import { dereferenceObject } from './object-manager.js';
import type { Thread } from './thread.js';

/** A timer (KTIMER): manual-reset timers stay signalled until they are set again. */
export interface TimerObject extends DispatcherObject {
  readonly kind: 'timer';
  readonly manualReset: boolean;
  /** Virtual time, in 100 ns units, at which it is signalled next; infinity while it is not set. */
  due: number;
  /** Milliseconds between signals, 0 for one alone. */
  period: number;
  /** What is queued to a port with each signal. */
  completion: TimerCompletion | null;
  /** What is queued to the thread that set it. */
  apc: TimerApc | null;
}

interface TimerCompletion {
  readonly port: IoCompletionObject;
  readonly packet: CompletionPacket;
}

export interface TimerApc {
  readonly thread: Thread;
  readonly routine: Word64;
  readonly argument: Word64;
}

const UNITS_PER_MILLISECOND = 10_000;

export function makeTimer(manualReset: boolean): TimerObject {
  return {
    kind: 'timer',
    name: null,
    handleCount: 0,
    referenceCount: 0,
    signalState: 0,
    manualReset,
    due: Number.POSITIVE_INFINITY,
    period: 0,
    completion: null,
    apc: null,
  };
}

/** The timers that are set, the next first. */
export class TimerQueue {
  readonly #set: TimerObject[] = [];

  /** Virtual time of the next, in 100 ns units; infinity for none. */
  get nextDue(): number {
    return this.#set.length === 0 ? Number.POSITIVE_INFINITY : this.#set[0]!.due;
  }

  get first(): TimerObject | undefined {
    return this.#set[0];
  }

  /** Behind those that are due at the same time. */
  insert(timer: TimerObject): void {
    let [low, high] = [0, this.#set.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#set[middle]!.due <= timer.due) low = middle + 1;
      else high = middle;
    }
    this.#set.splice(low, 0, timer);
  }

  /** False when it is not set. */
  remove(timer: TimerObject): boolean {
    const index = this.#set.indexOf(timer);
    if (index >= 0) this.#set.splice(index, 1);
    return index >= 0;
  }

  /** Those that report to a port are not set any more. */
  removeThoseOf(port: IoCompletionObject): void {
    for (const timer of this.#set.filter(({ completion }) => completion?.port === port)) this.remove(timer);
  }

  /** Those that call back a thread. */
  ofThread(thread: Thread): TimerObject[] {
    return this.#set.filter(({ apc }) => apc?.thread === thread);
  }
}

const isApcOf =
  ({ apc }: TimerObject) =>
  (queued: UserApc) =>
    queued.routine === apc?.routine && queued.argument === apc.argument;

/** Stops a timer and takes its APC back (NtCancelTimer); true when it was set. */
export function cancelTimer(kernel: Kernel, timer: TimerObject): boolean {
  const wasSet = kernel.timers.remove(timer);
  if (timer.apc !== null) {
    removeApc(kernel, timer.apc.thread, isApcOf(timer));
    dereferenceObject(kernel, timer.apc.thread);
  }
  timer.apc = null;
  timer.due = Number.POSITIVE_INFINITY;
  return wasSet;
}

/**
 * Sets a timer anew (NtSetTimer): not signalled until `due`, in 100 ns units of virtual time. One that is due at once is
 * signalled at once.
 */
export function setTimer(
  kernel: Kernel,
  timer: TimerObject,
  due: number,
  period: number,
  apc: TimerApc | null,
): void {
  cancelTimer(kernel, timer);
  timer.signalState = 0;
  timer.period = period;
  timer.apc = apc;
  if (apc !== null) apc.thread.referenceCount++;
  timer.due = due;
  kernel.timers.insert(timer);
  if (due <= kernel.clock.now100ns) expireTimers(kernel);
}

/** Signals the timers that are due, queues their APCs and sets periodic ones again (KiTimerExpiration). */
export function expireTimers(kernel: Kernel): void {
  const { timers, clock, scheduler } = kernel;
  const now = clock.now100ns;
  while (timers.nextDue <= now) {
    const timer = timers.first!;
    timers.remove(timer);
    timer.signalState = 1;
    queueTimerApc(kernel, timer);
    queueTimerPacket(kernel, timer);
    if (timer.period > 0) {
      const step = timer.period * UNITS_PER_MILLISECOND;
      timer.due += (Math.floor((now - timer.due) / step) + 1) * step;
      timers.insert(timer);
    }
    scheduler.signal(timer);
  }
}

/** A packet that nobody has taken is not queued again. */
function queueTimerPacket(kernel: Kernel, { completion }: TimerObject): void {
  if (completion === null) return;
  const { port, packet } = completion;
  if (!port.packets.some(({ context }) => context === packet.context)) queueCompletion(kernel, port, packet);
}

/** The routine gets the argument and the time at which the timer was due. An APC that still waits is not queued again. */
function queueTimerApc(kernel: Kernel, timer: TimerObject): void {
  const { apc } = timer;
  if (apc === null || apc.thread.apcs.some(isApcOf(timer))) return;
  const time = { lo: 0, hi: 0 };
  kernel.clock.systemTime(time);
  queueUserApc(kernel, apc.thread, {
    routine: apc.routine,
    argument: apc.argument,
    systemArgument1: [time.lo, 0],
    systemArgument2: [time.hi, 0],
    special: false,
  });
}

/** A thread ends: timers do not call it any more. */
export function cancelThreadTimers(kernel: Kernel, thread: Thread): void {
  for (const timer of kernel.timers.ofThread(thread)) cancelTimer(kernel, timer);
}

/** Units until a timer is signalled, 0 or below when it is not set or has been. */
export function timeLeft(kernel: Kernel, timer: TimerObject): number {
  return Number.isFinite(timer.due) ? timer.due - kernel.clock.now100ns : 0;
}
