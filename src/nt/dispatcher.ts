/**
 * Dispatcher objects: what threads wait for, and what a satisfied wait does to them.
 * Source: Microsoft, "Wait Functions" and the pages of CreateEvent, CreateMutex, CreateSemaphore.
 */
import {
  STATUS_MUTANT_NOT_OWNED,
  STATUS_SEMAPHORE_LIMIT_EXCEEDED,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import type { DispatcherObject } from './object.js';
import type { Thread } from './thread.js';
import type { TimerObject } from './timer.js';

export interface EventObject extends DispatcherObject {
  readonly kind: 'event';
  readonly manualReset: boolean;
}

export interface MutantObject extends DispatcherObject {
  readonly kind: 'mutant';
  owner: Thread | null;
  /** Times the owner has taken it. */
  recursion: number;
  /** Its owner ended without releasing it. */
  abandoned: boolean;
}

export interface SemaphoreObject extends DispatcherObject {
  readonly kind: 'semaphore';
  readonly limit: number;
}

function header<K extends DispatcherObject['kind']>(kind: K, signalState: number) {
  return { kind, name: null as string | null, handleCount: 0, referenceCount: 0, signalState };
}

export function makeEvent(manualReset: boolean, initialState: boolean): EventObject {
  return { ...header('event', initialState ? 1 : 0), manualReset };
}

export function makeMutant(owner: Thread | null): MutantObject {
  const mutant: MutantObject = { ...header('mutant', 1), owner: null, recursion: 0, abandoned: false };
  if (owner) satisfyWait(mutant, owner);
  return mutant;
}

export function makeSemaphore(count: number, limit: number): SemaphoreObject {
  return { ...header('semaphore', count), limit };
}

/** Whether a wait of the thread for the object would end now; null: a wait of no thread, for no mutant. */
export function isSignalled(object: DispatcherObject, thread: Thread | null): boolean {
  if (object.kind === 'mutant') {
    const { owner } = object as MutantObject;
    return owner === null || owner === thread;
  }
  return object.signalState > 0;
}

/** Does to the object what a satisfied wait does; true when the object was an abandoned mutant. */
export function satisfyWait(object: DispatcherObject, thread: Thread | null): boolean {
  switch (object.kind) {
    case 'event':
      if (!(object as EventObject).manualReset) object.signalState = 0;
      return false;
    case 'timer':
      if (!(object as TimerObject).manualReset) object.signalState = 0;
      return false;
    case 'semaphore':
      object.signalState--;
      return false;
    case 'mutant': {
      if (thread === null) return false;
      const mutant = object as MutantObject;
      const { abandoned } = mutant;
      mutant.owner = thread;
      if (mutant.recursion++ === 0) thread.ownedMutants.push(mutant);
      mutant.signalState = 0;
      mutant.abandoned = false;
      return abandoned;
    }
    default:
      return false;
  }
}

/** Gives a mutant back once; STATUS_MUTANT_NOT_OWNED when the thread does not own it. Signalled when the last is given back. */
export function releaseMutant(mutant: MutantObject, thread: Thread): number {
  if (mutant.owner !== thread) return STATUS_MUTANT_NOT_OWNED;
  if (--mutant.recursion === 0) {
    thread.ownedMutants.splice(thread.ownedMutants.indexOf(mutant), 1);
    mutant.owner = null;
    mutant.signalState = 1;
  }
  return STATUS_SUCCESS;
}

/** A thread ends: a mutant that it owns is abandoned. */
export function abandonMutant(mutant: MutantObject): void {
  mutant.owner = null;
  mutant.recursion = 0;
  mutant.signalState = 1;
  mutant.abandoned = true;
}

/** Adds to a semaphore's count; STATUS_SEMAPHORE_LIMIT_EXCEEDED changes nothing. */
export function releaseSemaphore(semaphore: SemaphoreObject, count: number): number {
  if (!(count > 0) || semaphore.signalState + count > semaphore.limit) return STATUS_SEMAPHORE_LIMIT_EXCEEDED;
  semaphore.signalState += count;
  return STATUS_SUCCESS;
}

/** What a wait for objects answers. */
const WAIT_OBJECT_0 = 0;
const WAIT_ABANDONED_0 = 0x80;

/** Ends a wait for objects if it can end: returns WAIT_OBJECT_0 + index or WAIT_ABANDONED_0 + index, -1 when it goes on. */
export function tryWait(objects: readonly DispatcherObject[], all: boolean, thread: Thread): number {
  if (all) {
    for (const object of objects) if (!isSignalled(object, thread)) return -1;
    let abandoned = false;
    for (const object of objects) if (satisfyWait(object, thread)) abandoned = true;
    return abandoned ? WAIT_ABANDONED_0 : WAIT_OBJECT_0;
  }
  for (let index = 0; index < objects.length; index++)
    if (isSignalled(objects[index]!, thread))
      return (satisfyWait(objects[index]!, thread) ? WAIT_ABANDONED_0 : WAIT_OBJECT_0) + index;
  return -1;
}
