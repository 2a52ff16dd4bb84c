import type { SecurityDescriptor } from './security/security-descriptor.js';

/** Kinds of objects that handles name. */
export type ObjectKind =
  | 'process'
  | 'thread'
  | 'event'
  | 'mutant'
  | 'semaphore'
  | 'timer'
  | 'io-completion'
  | 'keyed-event'
  | 'section'
  | 'file'
  | 'directory'
  | 'token'
  | 'key'
  | 'job';

/** The header of every executive object (OBJECT_HEADER). */
export interface KernelObject {
  readonly kind: ObjectKind;
  /** Name in the object directory, null for an unnamed object. */
  name: string | null;
  /** Open handles. */
  handleCount: number;
  /** References, those of handles included; at 0 the object is deleted. */
  referenceCount: number;
  /** Rights that a program can have; all when left out. */
  readonly grantable?: number;
  /** Who may open it; DEFAULT_DESCRIPTOR when left out. */
  security?: SecurityDescriptor;
}

/** An object that threads can wait for (DISPATCHER_HEADER). */
export interface DispatcherObject extends KernelObject {
  /** Above 0: signalled. */
  signalState: number;
}
