/**
 * The memory manager's system threads as data: what wakes each, and at which priority it then runs. Their work is done in
 * steps, before any thread of lower priority goes on. Source: Unit OS5: Memory Management 5.2, "Memory Manager Components".
 */
import type { MemoryManager } from '../memory-manager.js';

export class SystemThread {
  /** It was woken and has not finished what it was woken for. */
  ready = false;
  /** A step of it is under way; what it needs of other threads runs inside. */
  running = false;
  /** Times that it was woken. */
  wakeups = 0;

  constructor(
    readonly name: string,
    readonly id: number,
    readonly priority: number,
  ) {}
}

export class SystemThreads {
  readonly balanceSetManager = new SystemThread('balance set manager', 8, 16);
  readonly modifiedPageWriter = new SystemThread('modified page writer', 12, 17);
  readonly mappedPageWriter = new SystemThread('mapped page writer', 16, 17);
  readonly swapper = new SystemThread('swapper', 20, 23);
  readonly dereferenceSegment = new SystemThread('dereference segment', 24, 18);
  readonly zeroPage = new SystemThread('zero page', 28, 0);
  /** Seconds that the balance set manager has dealt with; every fourth, the swapper looks for threads that have waited. */
  seconds = 0;
  swapPeriodOver = false;
  /** Pages of commit that a requester waits for, beyond what is charged. */
  commitWanted = 0;
  /** Unused segments may not stay: memory or pool has run out. */
  segmentsUnwanted = false;
  /** Blocks by which the page writer wants the paging files extended. */
  blocksWanted = 0;
  /** Virtual time, in 100 ns units, at which the balance set manager wakes next. */
  nextBalance = BALANCE_PERIOD_100NS;
  /** A second has passed that the balance set manager has not dealt with. */
  periodOver = false;
  /** The last look found nothing to trim: shortage alone does not wake the balance set manager until a second has passed. */
  nothingToTrim = false;
}

/** The balance set manager wakes every second. */
export const BALANCE_PERIOD_100NS = 10_000_000;

/** Wakes a thread that sleeps. Emits 'thread-wake' with its name, the available pages as detail. */
export function wakeSystemThread(mm: MemoryManager, thread: SystemThread): void {
  if (thread.ready) return;
  thread.ready = true;
  thread.wakeups++;
  if (mm.events.active) mm.events.emit('thread-wake', null, 0, -1, mm.lists.available, thread.name);
}

/** Wakes the balance set manager when a second has passed; `now` in 100 ns units of virtual time. */
export function systemThreadsTick(mm: MemoryManager, now: number): void {
  const { systemThreads } = mm;
  if (now < systemThreads.nextBalance) return;
  systemThreads.nextBalance = (Math.floor(now / BALANCE_PERIOD_100NS) + 1) * BALANCE_PERIOD_100NS;
  systemThreads.periodOver = true;
  systemThreads.nothingToTrim = false;
  wakeSystemThread(mm, systemThreads.balanceSetManager);
}
