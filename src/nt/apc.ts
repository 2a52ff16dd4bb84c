/**
 * Asynchronous procedure calls of user mode. One that is queued runs when its thread waits alertably or tests for alerts, a
 * special one before the thread's next instruction in user mode: a CONTEXT is pushed on the thread's stack, and
 * ntdll!KiUserApcDispatcher calls the routine and continues that CONTEXT. Sources: Microsoft, "Asynchronous Procedure Calls",
 * "QueueUserAPC function", "QueueUserAPC2 function"; the frame as debuggers show it (the arguments in the context's home space).
 */
import {
  STATUS_ALERTED,
  STATUS_INSUFFICIENT_RESOURCES,
  STATUS_SUCCESS,
  STATUS_UNSUCCESSFUL,
  STATUS_USER_APC,
} from '../base/ntstatus.js';
import { GuestFault } from '../mm/user-memory.js';
import { CONTEXT_SIZE, captureContext, writeMachineFrame } from './context-record.js';
import { raiseException } from './exception-dispatch.js';
import type { Kernel } from './kernel.js';
import { THREAD_TERMINATED, THREAD_WAITING, type Thread } from './thread.js';

const RSP = 4;

/** A 64-bit value that a program gave: low and high word, unsigned. */
export type Word64 = readonly [lo: number, hi: number];

/** Pool bytes and tag of a queued APC (KAPC on x64). */
const APC_BYTES = 0x58;
const APC_TAG = 'Ps  ';

/** A queued APC (KAPC). */
export interface UserApc {
  /** What is called with the three arguments. */
  readonly routine: Word64;
  readonly argument: Word64;
  readonly systemArgument1: Word64;
  readonly systemArgument2: Word64;
  /** It interrupts the thread in user mode, alertable or not. */
  readonly special: boolean;
  /** Its place in nonpaged pool. */
  pool: number;
}

export const ZERO64: Word64 = [0, 0];

/** What KiUserApcDispatcher finds at RSP: the context, whether continuing it tests for further APCs, the machine frame. */
export const APC_TEST_ALERT = CONTEXT_SIZE;
export const APC_MACHINE_FRAME = CONTEXT_SIZE + 0x10;
const APC_FRAME_BYTES = APC_MACHINE_FRAME + 0x30;

/**
 * Queues an APC (KeInsertQueueApc) and ends an alertable wait of the thread with STATUS_USER_APC.
 * STATUS_UNSUCCESSFUL: the thread has ended; STATUS_INSUFFICIENT_RESOURCES: nonpaged pool is used up.
 */
export function queueUserApc(kernel: Kernel, thread: Thread, apc: Omit<UserApc, 'pool'>): number {
  if (thread.state === THREAD_TERMINATED) return STATUS_UNSUCCESSFUL;
  kernel.memory.commit();
  const pool = kernel.mm.nonpagedPool.allocate(APC_BYTES, APC_TAG);
  if (pool === 0) return STATUS_INSUFFICIENT_RESOURCES;
  const queued = { ...apc, pool };
  if (apc.special) {
    const behind = thread.apcs.findIndex(({ special }) => !special);
    thread.apcs.splice(behind < 0 ? thread.apcs.length : behind, 0, queued);
    thread.returnWork = true;
  } else thread.apcs.push(queued);
  if (thread.state === THREAD_WAITING && thread.wait?.alertable) {
    if (!apc.special) pend(thread);
    kernel.scheduler.endWait(thread, STATUS_USER_APC);
  }
  return STATUS_SUCCESS;
}

/** The queue is delivered when the thread returns to user mode (UserApcPending). */
function pend(thread: Thread): void {
  thread.apcPending = true;
  thread.returnWork = true;
}

/** Alerts a thread (KeAlertThread): an alertable wait ends with STATUS_ALERTED, now or when it begins. */
export function alertThread(kernel: Kernel, thread: Thread): void {
  if (thread.state === THREAD_WAITING && thread.wait?.alertable)
    kernel.scheduler.endWait(thread, STATUS_ALERTED);
  else thread.alerted = true;
}

/**
 * An alertable wait would begin (TestForAlertPending): STATUS_ALERTED, STATUS_USER_APC with the queue to be delivered, or
 * STATUS_SUCCESS when nothing is there.
 */
export function testForAlert(thread: Thread): number {
  if (thread.alerted) {
    thread.alerted = false;
    return STATUS_ALERTED;
  }
  if (thread.apcs.length === 0) return STATUS_SUCCESS;
  pend(thread);
  return STATUS_USER_APC;
}

/** Takes the first APC that is meant out of the queue; false when there is none. */
export function removeApc(kernel: Kernel, thread: Thread, isIt: (apc: UserApc) => boolean): boolean {
  const index = thread.apcs.findIndex(isIt);
  if (index < 0) return false;
  kernel.mm.nonpagedPool.free(thread.apcs.splice(index, 1)[0]!.pool);
  return true;
}

/** The thread ends: its APCs never run. */
export function flushApcs(kernel: Kernel, thread: Thread): void {
  for (const { pool } of thread.apcs.splice(0)) kernel.mm.nonpagedPool.free(pool);
}

/** The running thread is about to go on in user mode: delivers its next APC (KiDeliverApc). */
export function deliverApc(kernel: Kernel, thread: Thread): void {
  const apc = thread.apcs[0];
  const due = apc !== undefined && (apc.special || thread.apcPending);
  if (!due) {
    thread.apcPending = false;
    thread.returnWork = false;
    return;
  }
  thread.apcs.shift();
  kernel.mm.nonpagedPool.free(apc.pool);
  if (!apc.special) thread.apcPending = false;
  thread.returnWork = thread.apcs[0]?.special === true || (thread.apcPending && thread.apcs.length > 0);
  pushFrame(kernel, thread, apc);
}

/** Pushes the frame and enters the dispatcher (KiInitializeUserApc). A stack that cannot take it raises the fault. */
function pushFrame(kernel: Kernel, thread: Thread, apc: UserApc): void {
  const { memory, processor } = kernel;
  const frame = new Uint8Array(APC_FRAME_BYTES);
  const view = new DataView(frame.buffer);
  captureContext(kernel, frame);
  writeMachineFrame(view, APC_MACHINE_FRAME);
  [apc.argument, apc.systemArgument1, apc.systemArgument2, apc.routine].forEach(([lo, hi], index) => {
    view.setUint32(index * 8, lo, true);
    view.setUint32(index * 8 + 4, hi, true);
  });
  view.setUint32(APC_TEST_ALERT, apc.special ? 0 : 1, true);
  const stack = processor.getAddress(RSP);
  const at = Math.floor((stack - APC_FRAME_BYTES) / 16) * 16;
  const dispatcher = kernel.symbol(thread.process, 'ntdll.dll', 'KiUserApcDispatcher');
  memory.commit();
  try {
    memory.probeWrite(at, APC_FRAME_BYTES);
    memory.writeBytes(at, frame);
  } catch (error) {
    if (!(error instanceof GuestFault)) throw error;
    raiseException(kernel, thread, error.status, 0, processor.rip, [1, at]);
    return;
  }
  processor.setAddress(RSP, at);
  processor.rip = dispatcher;
}
