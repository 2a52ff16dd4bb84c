/**
 * Keyed events: a release and a wait of one process meet at a key, whichever comes first waits for the other. Sources: the
 * prototypes of NtCreateKeyedEvent, NtWaitForKeyedEvent and NtReleaseKeyedEvent as published; Windows Internals, "Keyed events".
 */
import { STATUS_SUCCESS } from '../base/ntstatus.js';
import type { Kernel } from './kernel.js';
import type { KernelObject } from './object.js';
import { KERNEL_OBJECTS } from './object-directory.js';
import { createObject } from './object-manager.js';
import type { Thread } from './thread.js';

/** The keyed event that every process uses with a handle of 0. */
export const CRIT_SEC_OUT_OF_MEMORY_EVENT = `${KERNEL_OBJECTS}\\CritSecOutOfMemoryEvent`;

export interface KeyedEventObject extends KernelObject {
  readonly kind: 'keyed-event';
}

export function makeKeyedEvent(): KeyedEventObject {
  return { kind: 'keyed-event', name: null, handleCount: 0, referenceCount: 0 };
}

/** Makes the system's own. */
export function createSystemKeyedEvent(kernel: Kernel): KeyedEventObject {
  const event = createObject(kernel, { ...makeKeyedEvent(), handleCount: 1, referenceCount: 1 });
  kernel.objectDirectory.insert(CRIT_SEC_OUT_OF_MEMORY_EVENT, event);
  return event;
}

/** Ends the wait of the partner that came first; false when there is none. */
export function meetAtKey(
  kernel: Kernel,
  thread: Thread,
  event: KeyedEventObject,
  key: number,
  releases: boolean,
): boolean {
  const partner = kernel.scheduler.waiting.find(
    ({ wait, process }) =>
      wait?.kind === 'keyed' &&
      wait.event === event &&
      wait.key === key &&
      wait.releases !== releases &&
      process === thread.process,
  );
  if (partner === undefined) return false;
  kernel.scheduler.endWait(partner, STATUS_SUCCESS);
  return true;
}
