import type { UserStack } from '../mm/fault-handler.js';
import type { DispatcherObject } from './object.js';
import type { Process } from './process.js';

export const THREAD_READY = 0;
export const THREAD_RUNNING = 1;
export const THREAD_WAITING = 2;
export const THREAD_TERMINATED = 3;
/** Made suspended: not ready until resumed. */
export const THREAD_SUSPENDED = 4;

/** Why a thread waits; `deadline` is virtual time in 100 ns units since the machine began, null for ever. */
export type WaitReason =
  | {
      readonly kind: 'objects';
      readonly objects: readonly DispatcherObject[];
      readonly all: boolean;
      readonly deadline: number | null;
    }
  | { readonly kind: 'delay'; readonly deadline: number }
  | { readonly kind: 'console'; readonly deadline: null };

/** Where a waiting service is entered again: the call's frame address for a step, 0 for `enter`. */
export interface PendingService {
  readonly service: number;
  readonly frame: number;
}

/** A thread (ETHREAD): plain data. Its user context lies in its kernel stack's bytes while it does not run. */
export interface Thread extends DispatcherObject {
  readonly kind: 'thread';
  readonly id: number;
  readonly process: Process;
  /** Guest address of the TEB. */
  readonly teb: number;
  readonly stack: UserStack;
  /** System address of the kernel stack's base (highest address) and limit. */
  kernelStackBase: number;
  kernelStackLimit: number;
  /** 0..31. */
  priority: number;
  basePriority: number;
  state: number;
  suspendCount: number;
  /** Instructions left of the quantum. */
  quantumLeft: number;
  wait: WaitReason | null;
  pending: PendingService | null;
  /** What the finished wait answers, -1 for none. */
  waitStatus: number;
  exitStatus: number | null;
  /** Exceptions being dispatched whose frames could not be built; a second one ends the process. */
  exceptionDepth: number;
}
