/**
 * Waiting for an address: WaitOnAddress, and what slim locks, condition variables, one-time initialization and barriers are
 * made of. Source: Microsoft, "WaitOnAddress function", "WakeByAddressSingle function".
 */
import { STATUS_INVALID_PARAMETER, STATUS_SUCCESS, STATUS_TIMEOUT } from '../../base/ntstatus.js';
import type { PENDING, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { deadlineIn } from '../../nt/sync.js';
import type { Thread } from '../../nt/thread.js';
import { timeoutOf } from './arguments.js';

const INFINITE = 0xffffffff;

/** DWORD milliseconds of a Win32 function as a number, infinity for INFINITE. */
export function milliseconds(value: number): number {
  return value === INFINITE ? Number.POSITIVE_INFINITY : value;
}

/** The threads of the process that wait for an address, in the order in which they began. */
export function addressWaiters(call: ServiceCall, address: number): Thread[] {
  return call.kernel.scheduler.waiting.filter(
    ({ wait, process }) => wait?.kind === 'address' && wait.address === address && process === call.process,
  );
}

/** The thread waits until the address is woken or the time, in milliseconds, is over; the service is entered again then. */
export function waitForAddress(
  call: ServiceCall,
  address: number,
  time = Number.POSITIVE_INFINITY,
  shared = false,
): typeof PENDING {
  return call.wait({ kind: 'address', address, shared, deadline: deadlineIn(call.kernel, time) });
}

/** Ends the waits of threads. */
export function wake(call: ServiceCall, threads: readonly Thread[]): void {
  if (threads.length === 0) return;
  call.memory.commit();
  for (const thread of threads) call.kernel.scheduler.endWait(thread, STATUS_SUCCESS);
}

/** Wakes the thread that has waited longest for an address, or all. */
export function wakeAddress(call: ServiceCall, address: number, all: boolean): void {
  const waiters = addressWaiters(call, address);
  wake(call, all ? waiters : waiters.slice(0, 1));
}

const SIZES = [1, 2, 4, 8];

/** Waits while the value of 1, 2, 4 or 8 bytes at an address is what another place says. Milliseconds. */
export function waitOnAddress(
  call: ServiceCall,
  address: number,
  compareAt: number,
  size: number,
  time: number,
): number | typeof PENDING {
  if (call.waitStatus >= 0) return call.waitStatus;
  if (!SIZES.includes(size)) return STATUS_INVALID_PARAMETER;
  const value = call.memory.readBytes(address, size);
  const compared = call.memory.readBytes(compareAt, size);
  if (value.some((byte, index) => byte !== compared[index])) return STATUS_SUCCESS;
  return time <= 0 ? STATUS_TIMEOUT : waitForAddress(call, address, time);
}

const wakes =
  (all: boolean): ServiceFunction =>
  (call) =>
    wakeAddress(call, call.address(0), all);

export const addressWaitServices: Readonly<Record<string, ServiceFunction>> = {
  RtlWaitOnAddress: (call) =>
    waitOnAddress(call, call.address(0), call.address(1), call.size(2), timeoutOf(call, call.address(3))),
  RtlWakeAddressSingle: wakes(false),
  RtlWakeAddressAll: wakes(true),
};
