import type { KernelStack } from '../mm/kernel-stack.js';
import type { UserStack } from '../mm/user-stack.js';
import type { MutantObject } from './dispatcher.js';
import type { DispatcherObject } from './object.js';
import type { PageWait } from './page-wait.js';
import type { Process } from './process.js';

export const THREAD_READY = 0;
export const THREAD_RUNNING = 1;
export const THREAD_WAITING = 2;
export const THREAD_TERMINATED = 3;
/** Made suspended: not ready until resumed. */
export const THREAD_SUSPENDED = 4;

/** Ready, but its kernel stack is out of memory: the swapper brings it in first. */
export const THREAD_TRANSITION = 6;

/** Why a thread waits; `deadline` is virtual time in 100 ns units since the machine began, null for ever. */
export type WaitReason =
  | {
      readonly kind: 'objects';
      readonly objects: readonly DispatcherObject[];
      readonly all: boolean;
      readonly deadline: number | null;
    }
  | { readonly kind: 'delay'; readonly deadline: number }
  | { readonly kind: 'console'; readonly deadline: null }
  /** A page that is being read, or frames that will become available. */
  | { readonly kind: 'page' | 'free-page'; readonly deadline: null };

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
  /** Mutants that it owns. */
  readonly ownedMutants: MutantObject[];
  /** Instructions retired by the thread. */
  instructions: number;
}

/** Waits of a program's own, during which the thread's kernel stack may leave memory. */
const USER_MODE_WAITS: readonly string[] = ['objects', 'delay', 'console'];

/** True while a thread waits so. */
export function waitsInUserMode({ state, wait }: Thread): boolean {
  return state === THREAD_WAITING && wait !== null && USER_MODE_WAITS.includes(wait.kind);
}
