/**
 * Critical sections: RTL_CRITICAL_SECTION in the program's memory, whose fields are the whole truth. LockCount: bit 0 is clear
 * while it is locked, the bits above bit 1 hold the negative count of waiters.
 * Source: Microsoft, "Critical Section Objects", "Displaying a Critical Section" (meaning of LockCount).
 */
import { STATUS_INVALID_PARAMETER, STATUS_SUCCESS } from '../../base/ntstatus.js';
import {
  CRITICAL_SECTION_DEBUG_INFO,
  CRITICAL_SECTION_LOCK_COUNT,
  CRITICAL_SECTION_LOCK_SEMAPHORE,
  CRITICAL_SECTION_OWNING_THREAD,
  CRITICAL_SECTION_RECURSION_COUNT,
  CRITICAL_SECTION_SIZE,
  CRITICAL_SECTION_SPIN_COUNT,
} from '../../ldr/peb-layout.js';
import { EVENT_ALL_ACCESS } from '../../nt/access.js';
import { type EventObject, tryWait } from '../../nt/dispatcher.js';
import { closeHandle, referenceByHandle } from '../../nt/object-manager.js';
import type { PENDING, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { createEvent, setEvent } from '../../nt/sync.js';

const UNLOCKED = -1;
const LOCKED_BIT = 1;
const WAITER = 4;
/** DebugInfo of a section without debug information. */
const NO_DEBUG_INFO = 0xffffffff;

/** Writes a free critical section. The spin count has no effect on one processor and is kept as 0 there. */
export function initializeCriticalSection(call: ServiceCall, section: number, _spinCount: number): void {
  const { memory } = call;
  memory.probeWrite(section, CRITICAL_SECTION_SIZE);
  memory.writeU64(section + CRITICAL_SECTION_DEBUG_INFO, NO_DEBUG_INFO, NO_DEBUG_INFO);
  memory.writeU32(section + CRITICAL_SECTION_LOCK_COUNT, UNLOCKED >>> 0);
  memory.writeU32(section + CRITICAL_SECTION_RECURSION_COUNT, 0);
  memory.writeU64(section + CRITICAL_SECTION_OWNING_THREAD, 0, 0);
  memory.writeU64(section + CRITICAL_SECTION_LOCK_SEMAPHORE, 0, 0);
  memory.writeU64(section + CRITICAL_SECTION_SPIN_COUNT, 0, 0);
}

const lockCount = (call: ServiceCall, section: number) =>
  call.memory.readI32(section + CRITICAL_SECTION_LOCK_COUNT);

function setLockCount(call: ServiceCall, section: number, count: number): void {
  call.memory.writeU32(section + CRITICAL_SECTION_LOCK_COUNT, count >>> 0);
}

/** Whether the thread holds the section. */
export function isOwnCriticalSection(call: ServiceCall, section: number): boolean {
  return (
    (lockCount(call, section) & LOCKED_BIT) === 0 &&
    call.memory.readU32(section + CRITICAL_SECTION_OWNING_THREAD) === call.thread.id
  );
}

/** Takes the section when it is free or the thread's own; true when the thread has it then. */
export function tryEnterCriticalSection(call: ServiceCall, section: number): boolean {
  const { memory, thread } = call;
  const count = lockCount(call, section);
  if (count & LOCKED_BIT) {
    setLockCount(call, section, count - LOCKED_BIT);
    memory.writeU32(section + CRITICAL_SECTION_RECURSION_COUNT, 1);
    memory.writeU64(section + CRITICAL_SECTION_OWNING_THREAD, thread.id, 0);
    return true;
  }
  if (memory.readU32(section + CRITICAL_SECTION_OWNING_THREAD) !== thread.id) return false;
  const recursion = memory.readU32(section + CRITICAL_SECTION_RECURSION_COUNT);
  memory.writeU32(section + CRITICAL_SECTION_RECURSION_COUNT, (recursion + 1) >>> 0);
  return true;
}

/**
 * Enters the section, waiting for its owner to leave; the service is entered again when that may have happened, and calls
 * with `resumed` then.
 */
export function enterCriticalSection(
  call: ServiceCall,
  section: number,
  resumed = call.waitStatus >= 0,
): number | typeof PENDING {
  if (resumed) setLockCount(call, section, lockCount(call, section) + WAITER);
  if (tryEnterCriticalSection(call, section)) return STATUS_SUCCESS;
  const handle = eventOf(call, section);
  const event = referenceByHandle(call.kernel, call.process, handle, 'event', 0);
  if (typeof event === 'number') return call.raise(event, []);
  const objects = [event as EventObject];
  call.memory.commit();
  if (tryWait(objects, false, call.thread) >= 0 && tryEnterCriticalSection(call, section))
    return STATUS_SUCCESS;
  setLockCount(call, section, lockCount(call, section) - WAITER);
  return call.wait({ kind: 'objects', objects, all: false, deadline: null });
}

/** Handle of the section's event, made at the first need; 0 when it cannot be made. */
function eventOf(call: ServiceCall, section: number): number {
  const { memory, kernel, process } = call;
  const known = memory.readU32(section + CRITICAL_SECTION_LOCK_SEMAPHORE);
  if (known !== 0) return known;
  const out = { handle: 0 };
  const creation = { path: null, access: EVENT_ALL_ACCESS, openIf: false };
  if (createEvent(kernel, process, creation, false, false, out) !== STATUS_SUCCESS) return 0;
  memory.writeU64(section + CRITICAL_SECTION_LOCK_SEMAPHORE, out.handle, 0);
  return out.handle;
}

/** Leaves the section; the last leave wakes one that waits. A section that nobody owns is left as it is. */
export function leaveCriticalSection(call: ServiceCall, section: number): void {
  const { memory } = call;
  const recursion = memory.readI32(section + CRITICAL_SECTION_RECURSION_COUNT) - 1;
  memory.writeU32(section + CRITICAL_SECTION_RECURSION_COUNT, recursion >>> 0);
  if (recursion !== 0) return;
  memory.writeU64(section + CRITICAL_SECTION_OWNING_THREAD, 0, 0);
  unlockCriticalSection(call, section);
}

/** Nobody owns the section any more: lets one that waits try again. */
function unlockCriticalSection(call: ServiceCall, section: number): void {
  const count = lockCount(call, section) | LOCKED_BIT;
  setLockCount(call, section, count);
  if (count !== UNLOCKED)
    setEvent(call.kernel, call.process, call.memory.readU32(section + CRITICAL_SECTION_LOCK_SEMAPHORE));
}

/** Gives back what a section holds and clears it. */
export function deleteCriticalSection(call: ServiceCall, section: number): void {
  const { memory } = call;
  memory.probeWrite(section, CRITICAL_SECTION_SIZE);
  const event = memory.readU32(section + CRITICAL_SECTION_LOCK_SEMAPHORE);
  if (event !== 0) closeHandle(call.kernel, call.process, event);
  memory.fill(section, CRITICAL_SECTION_SIZE, 0);
}

const initialize: ServiceFunction = (call) => {
  initializeCriticalSection(call, call.address(0), 0);
  return STATUS_SUCCESS;
};
const initializeWithSpin: ServiceFunction = (call) => {
  initializeCriticalSection(call, call.address(0), call.u32(1));
  return STATUS_SUCCESS;
};
const KNOWN_FLAGS = 0x3f000000;
const initializeEx: ServiceFunction = (call) => {
  if (call.u32(2) & ~KNOWN_FLAGS) return STATUS_INVALID_PARAMETER;
  initializeCriticalSection(call, call.address(0), call.u32(1));
  return STATUS_SUCCESS;
};

export const criticalSectionServices: Readonly<Record<string, ServiceFunction>> = {
  RtlInitializeCriticalSection: initialize,
  RtlInitializeCriticalSectionAndSpinCount: initializeWithSpin,
  RtlInitializeCriticalSectionEx: initializeEx,
  RtlpEnterCriticalSectionContended: (call) => enterCriticalSection(call, call.address(0)),
  RtlpLeaveCriticalSectionContended: (call) => {
    unlockCriticalSection(call, call.address(0));
    return STATUS_SUCCESS;
  },
  RtlDeleteCriticalSection: (call) => {
    deleteCriticalSection(call, call.address(0));
    return STATUS_SUCCESS;
  },
  RtlSetCriticalSectionSpinCount: (call) =>
    call.memory.readU32(call.address(0) + CRITICAL_SECTION_SPIN_COUNT),
  RtlIsCriticalSectionLocked: (call) => (lockCount(call, call.address(0)) & LOCKED_BIT ? 0 : 1),
  RtlIsCriticalSectionLockedByThread: (call) => (isOwnCriticalSection(call, call.address(0)) ? 1 : 0),
};
