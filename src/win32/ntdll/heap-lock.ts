/**
 * The lock of a heap (RtlLockHeap): a critical section in its header. Services are not interrupted, so a heap function takes the
 * lock only when another thread holds it across calls; the machine code of the front end looks at it too.
 */
import {
  CRITICAL_SECTION_LOCK_COUNT,
  CRITICAL_SECTION_LOCK_SEMAPHORE,
  PEB_PROCESS_HEAP,
} from '../../ldr/peb-layout.js';
import { PENDING, type ServiceCall, type ServiceFunction } from '../../nt/service.js';
import {
  deleteCriticalSection,
  enterCriticalSection,
  isOwnCriticalSection,
  leaveCriticalSection,
} from './critical-section.js';
import { heapFlags } from './heap.js';
import { heapContext } from './heap-context.js';
import { HEAP_LOCK_AT, HEAP_NO_SERIALIZE } from './heap-layout.js';

const UNLOCKED = 0xffffffff;

const isUnlocked = (call: ServiceCall, section: number) =>
  call.memory.readU32(section + CRITICAL_SECTION_LOCK_COUNT) === UNLOCKED;

const isSerialized = (call: ServiceCall, heap: number, flags: number) =>
  ((flags | heapFlags(heapContext(call), heap)) & HEAP_NO_SERIALIZE) === 0;

/** Runs an operation on a heap when no other thread has locked it; waits for that before. */
export function withHeapLock<T>(
  call: ServiceCall,
  heap: number,
  flags: number,
  operation: () => T,
): T | typeof PENDING {
  const serialized = isSerialized(call, heap, flags);
  const section = heap + HEAP_LOCK_AT;
  if (!serialized || isUnlocked(call, section) || isOwnCriticalSection(call, section)) return operation();
  if (enterCriticalSection(call, section) === PENDING) return PENDING;
  try {
    return operation();
  } finally {
    leaveCriticalSection(call, section);
  }
}

/** Locks a heap for the thread until it unlocks it as often; a heap without serialization has no lock to take. */
export function lockHeap(call: ServiceCall, heap: number): typeof PENDING | null {
  if (!isSerialized(call, heap, 0)) return null;
  return enterCriticalSection(call, heap + HEAP_LOCK_AT) === PENDING ? PENDING : null;
}

/** False when the thread does not hold the lock. */
export function unlockHeap(call: ServiceCall, heap: number): boolean {
  if (!isSerialized(call, heap, 0)) return true;
  const section = heap + HEAP_LOCK_AT;
  if (isUnlocked(call, section) || !isOwnCriticalSection(call, section)) return false;
  leaveCriticalSection(call, section);
  return true;
}

/** Gives back what the lock of a heap that goes away holds. */
export function deleteHeapLock(call: ServiceCall, heap: number): void {
  const section = heap + HEAP_LOCK_AT;
  if (call.memory.readU32(section + CRITICAL_SECTION_LOCK_SEMAPHORE) !== 0) {
    call.memory.commit();
    deleteCriticalSection(call, section);
  }
}

/** The same function, waiting while another thread has locked the process heap. */
export function underHeapLock(run: ServiceFunction): ServiceFunction {
  return (call) =>
    withHeapLock(call, call.memory.readPointer(call.process.peb + PEB_PROCESS_HEAP), 0, () => run(call));
}
