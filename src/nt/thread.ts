import type { KernelStack } from '../mm/kernel-stack.js';
import type { UserStack } from '../mm/user-stack.js';
import type { UserApc, Word64 } from './apc.js';
import type { MutantObject } from './dispatcher.js';
import type { CompletionPacket, IoCompletionObject } from './io-completion.js';
import type { KeyedEventObject } from './keyed-event.js';
import type { DispatcherObject } from './object.js';
import type { PageWait } from './page-wait.js';
import type { Process } from './process.js';
import type { TimeValue } from './system-time.js';
import type { Token } from './token.js';

export const THREAD_READY = 0;
export const THREAD_RUNNING = 1;
export const THREAD_WAITING = 2;
export const THREAD_TERMINATED = 3;
/** Made suspended: not ready until resumed. */
export const THREAD_SUSPENDED = 4;

/** Ready, but its kernel stack is out of memory: the swapper brings it in first. */
export const THREAD_TRANSITION = 6;

interface Deadline {
  /** Virtual time in 100 ns units since the machine began, null for ever. */
  readonly deadline: number | null;
  /** An APC or an alert ends the wait. */
  readonly alertable?: boolean;
  /** Synchronous I/O, which CancelSynchronousIo can end. */
  readonly isIo?: boolean;
}

/** Why a thread waits. */
export type WaitReason =
  | ({
      readonly kind: 'objects';
      readonly objects: readonly DispatcherObject[];
      readonly all: boolean;
    } & Deadline)
  | ({ readonly kind: 'delay' } & Deadline)
  /** A packet of a completion port. */
  | ({ readonly kind: 'queue'; readonly port: IoCompletionObject } & Deadline)
  /** The partner of a keyed event: a release waits for a waiter, a waiter for a release. */
  | ({
      readonly kind: 'keyed';
      readonly event: KeyedEventObject;
      readonly key: number;
      readonly releases: boolean;
    } & Deadline)
  /** NtAlertThreadByThreadId. */
  | ({ readonly kind: 'alert' } & Deadline)
  /** A change that another thread of the process announces for an address; `shared` when readers of a slim lock wait. */
  | ({ readonly kind: 'address'; readonly address: number; readonly shared: boolean } & Deadline)
  | { readonly kind: 'console'; readonly deadline: null; readonly alertable?: false }
  /** A page that is being read, or frames that will become available. */
  | { readonly kind: 'page' | 'free-page'; readonly deadline: null; readonly alertable?: false };

/** Priorities 0..31 (Microsoft, "Scheduling Priorities"). */
export const PRIORITY_COUNT = 32;

/** A thread (ETHREAD): plain data. Its user context lies in its kernel stack's bytes while it does not run. */
export interface Thread extends DispatcherObject {
  readonly kind: 'thread';
  readonly id: number;
  readonly process: Process;
  /** Guest address of the TEB. */
  readonly teb: number;
  readonly stack: UserStack;
  /** Guest address of the stack's reservation, 0 when the program made its own. */
  readonly stackAllocation: number;
  readonly kernelStack: KernelStack;
  /** 0..31. */
  priority: number;
  basePriority: number;
  /** Page priority 0..7, -1 for that of its process. */
  pagePriority: number;
  /** SetThreadPriorityBoost: the end of a wait does not raise it. */
  boostDisabled: boolean;
  /** It has the highest dynamic priority until its quantum ends, because it had waited for the processor too long. */
  starved: boolean;
  /** Look of the balance set manager since which it has been ready. */
  readySince: number;
  /** THREAD_PRIORITY_*: what SetThreadPriority gave, within the class of the process. */
  priorityLevel: number;
  state: number;
  suspendCount: number;
  /** Instructions left of the quantum. */
  quantumLeft: number;
  wait: WaitReason | null;
  readonly pageWait: PageWait;
  /** What the finished wait answers, -1 for none; at 0 or above the thread's service is entered again before it runs. */
  waitStatus: number;
  exitStatus: number | null;
  /** System time. */
  readonly createTime: TimeValue;
  exitTime: TimeValue;
  /** Guest address at which user code began, or what it was set to. */
  startAddress: Word64;
  /** SetThreadDescription. */
  description: string;
  hiddenFromDebugger: boolean;
  /** APCs of user mode that have not run, special ones first. */
  readonly apcs: UserApc[];
  /** The queue runs when the thread returns to user mode. */
  apcPending: boolean;
  /** NtAlertThread: the next alertable wait ends at once. */
  alerted: boolean;
  /** NtAlertThreadByThreadId has come that no wait has taken. */
  alertedById: boolean;
  /** Something is to be done before its next instruction in user mode. */
  returnWork: boolean;
  /** A context that was set while a service of the thread was not finished: it holds from the return to user mode on. */
  newContext: Uint8Array | null;
  /** The completion port whose packets it handles; what it has been given and not fetched. */
  port: IoCompletionObject | null;
  packet: CompletionPacket | null;
  /** The token that it impersonates, which it holds a reference to; null for its process's. */
  impersonation: Token | null;
  /** The handle of the pipe whose answer CallNamedPipe waits for, 0 for none. */
  pipeCall: number;
  /** Mutants that it owns. */
  readonly ownedMutants: MutantObject[];
  /** Instructions retired by the thread. */
  instructions: number;
}

/** Waits that are not a program's own: the thread's kernel stack stays in memory. */
const KERNEL_MODE_WAITS: readonly string[] = ['page', 'free-page'];

/** True while a thread waits so. */
export function waitsInUserMode({ state, wait }: Thread): boolean {
  return state === THREAD_WAITING && wait !== null && !KERNEL_MODE_WAITS.includes(wait.kind);
}
