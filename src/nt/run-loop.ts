import { EXIT_EXCEPTION, EXIT_PAGE_FAULT, EXIT_SYSTEM_CALL } from '../machine/processor.js';
import { completeDueRequests } from '../mm/paging-io.js';
import { systemThreadsTick } from '../mm/threads/system-threads.js';
import { zeroPageStep } from '../mm/threads/zero-page.js';
import { enforceJobTimes } from './job.js';
import type { Kernel } from './kernel.js';
import { idleUntil, runMemoryThreads } from './memory-threads.js';
import { deleteUnreferenced } from './object-manager.js';
import { NO_PAGE, pageArrived, wakePageWaiters } from './page-wait.js';
import { TICK_100NS, updateSharedTime } from './shared-data.js';
import type { Thread } from './thread.js';
import { returnToUser } from './thread-context.js';
import { expireTimers } from './timer.js';
import { hardwareException, pageFault } from './trap.js';
import { serveWorkers, watchWorkers } from './worker-factory.js';

/** Why the machine stopped. `stalled`: every thread waits for something that cannot happen any more. */
export type StopReason = 'exited' | 'waiting-input' | 'limit' | 'running' | 'stalled';

export interface RunLimits {
  /** Stop when the machine has retired this many instructions in all. */
  readonly instructions: number;
  /** Stop after about this much work in this call: instructions, with TRAP_WORK for each fault or service. */
  readonly work: number;
  /** Stop at this virtual time, in 100 ns units, also while every thread waits. */
  readonly time100ns?: number;
}

/** What a fault or a service counts for in a slice of work; host time alone, the guest does not see it. */
const TRAP_WORK = 250;
/**
 * Instructions between two looks at the slice of work. The processor stops at multiples of it and nowhere else, so that
 * how a run is sliced shows nowhere, not even in the TLB's counters.
 */
const STRIDE = 65_536;
/** Virtual time in 100 ns units that zeroing a page takes, and most pages zeroed between looks at the clock. */
const ZERO_PAGE_100NS = 10;
const ZERO_PAGES = 64;

/** Runs threads until a limit, the end of all processes, or a wait for input. */
export function runKernel(kernel: Kernel, limits: RunLimits): StopReason {
  const { scheduler, processor } = kernel;
  let work = limits.work;
  for (;;) {
    serveClock(kernel);
    if (scheduler.unreferenced.length > 0) deleteUnreferenced(kernel);
    if (scheduler.endedPackets.length > 0 || kernel.workersWanted.size > 0) serveWorkers(kernel);
    runMemoryThreads(kernel);
    if (scheduler.mustSwitch) scheduler.preempt();
    if (scheduler.current === null) {
      kernel.saveContext();
      if (scheduler.select() === null) {
        if (kernel.processes.size === 0) return 'exited';
        if (work <= 0) return 'running';
        const reason = idle(kernel, limits.time100ns ?? Number.POSITIVE_INFINITY);
        if (reason !== null) return reason;
        work -= TRAP_WORK;
        continue;
      }
      kernel.loadContext(scheduler.current!);
    }
    const before = processor.instructions;
    if (before >= limits.instructions) return 'limit';
    if (work <= 0) return 'running';
    const budget = Math.min(limits.instructions - before, STRIDE - (before % STRIDE));
    work -= runThread(kernel, scheduler.current!, budget, before);
  }
}

/** Runs the current thread up to its next trap, quantum end, timer or budget; returns the work done. */
function runThread(kernel: Kernel, thread: Thread, budget: number, before: number): number {
  const { processor, scheduler, clock } = kernel;
  if (thread.pageWait.frame !== NO_PAGE) {
    pageArrived(kernel, thread);
    return TRAP_WORK;
  }
  if (thread.waitStatus >= 0) {
    const { waitStatus } = thread;
    thread.waitStatus = -1;
    kernel.call.dispatch(thread, waitStatus);
    return TRAP_WORK;
  }
  if (thread.returnWork) {
    returnToUser(kernel, thread);
    return TRAP_WORK;
  }
  const nextEvent = Math.min(
    kernel.nextTick,
    scheduler.nextDeadline,
    kernel.timers.nextDue,
    kernel.mm.io.nextCompletion,
  );
  const untilTimer = nextEvent * 100 - clock.nanoseconds;
  const exit = processor.run(Math.max(1, Math.min(budget, thread.quantumLeft, untilTimer)));
  const done = processor.instructions - before;
  thread.quantumLeft -= done;
  thread.instructions += done;
  if (thread.quantumLeft <= 0) scheduler.quantumEnd(thread);
  switch (exit) {
    case EXIT_PAGE_FAULT:
      pageFault(kernel, thread);
      return done + TRAP_WORK;
    case EXIT_SYSTEM_CALL:
      kernel.call.dispatch(thread, -1);
      return done + TRAP_WORK;
    case EXIT_EXCEPTION:
      hardwareException(kernel, thread, processor.exceptionVector);
      return done + TRAP_WORK;
    default:
      return done;
  }
}

/** Clock ticks, timers and paging I/O that are due. */
function serveClock(kernel: Kernel): void {
  const { mm } = kernel;
  const now = kernel.clock.now100ns;
  if (now >= mm.io.nextCompletion) completeDueRequests(mm);
  if (mm.io.completions !== kernel.completionsSeen) wakePageWaiters(kernel);
  if (now >= kernel.nextTick) {
    updateSharedTime(kernel);
    systemThreadsTick(mm, now);
    watchWorkers(kernel);
    if (kernel.timedJobs.size > 0) enforceJobTimes(kernel);
    kernel.nextTick = (Math.floor(now / TICK_100NS) + 1) * TICK_100NS;
  }
  if (now >= kernel.timers.nextDue) expireTimers(kernel);
  if (now >= kernel.scheduler.nextDeadline) kernel.scheduler.expire(now);
}

/**
 * Nothing is ready: the zero page thread works, then time passes to the next timer or end of paging I/O. A stop reason when
 * there is none. Time stops at `limit`.
 */
function idle(kernel: Kernel, limit: number): StopReason | null {
  const { scheduler, clock } = kernel;
  if (clock.now100ns >= limit) return 'limit';
  const nextEvent = Math.min(scheduler.nextDeadline, kernel.timers.nextDue, kernel.mm.io.nextCompletion);
  if (scheduler.waitsForConsole && kernel.console.isReadable) {
    scheduler.consoleArrived();
    return null;
  }
  if (kernel.mm.systemThreads.zeroPage.ready) {
    const untilNext = Math.ceil((nextEvent - clock.now100ns) / ZERO_PAGE_100NS);
    clock.advance(zeroPageStep(kernel.mm, Math.min(ZERO_PAGES, untilNext)) * ZERO_PAGE_100NS);
    return null;
  }
  if (Number.isFinite(nextEvent)) {
    clock.advance(Math.max(0, Math.min(idleUntil(kernel, nextEvent), limit) - clock.now100ns));
    return null;
  }
  return scheduler.waitsForConsole ? 'waiting-input' : 'stalled';
}
