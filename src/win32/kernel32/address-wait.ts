/** Waiting for an address: what slim locks, condition variables and one-time initialization are made of. */
import { type EventObject, makeEvent } from '../../nt/dispatcher.js';
import type { PENDING, ServiceCall } from '../../nt/service.js';
import { stateOf } from './library-state.js';

const INFINITE = 0xffffffff;
export const WAIT_TIMEOUT = 0x102;

/** Virtual time, in 100 ns, at which a wait of so many milliseconds ends; null for INFINITE. */
export function deadlineIn(call: ServiceCall, milliseconds: number): number | null {
  return milliseconds === INFINITE ? null : call.kernel.clock.now100ns + milliseconds * 10_000;
}

/** The thread waits until the address is woken or the deadline passes; the service is entered again then. */
export function waitForAddress(call: ServiceCall, address: number, deadline: number | null): typeof PENDING {
  const { addressWaits } = stateOf(call);
  addressWaits[address] ??= makeEvent(false, false);
  return call.wait({ kind: 'objects', objects: [addressWaits[address]], all: false, deadline });
}

/** Wakes one thread that waits for an address, or all; the event is gone when nobody waits any more. */
export function wakeAddress(call: ServiceCall, address: number, all: boolean): void {
  const { addressWaits } = stateOf(call);
  const event: EventObject | undefined = addressWaits[address];
  if (event === undefined) return;
  call.memory.commit();
  do {
    event.signalState = 1;
    call.kernel.scheduler.signal(event);
  } while (all && event.signalState === 0);
  event.signalState = 0;
  if (event.referenceCount === 0) delete addressWaits[address];
}
