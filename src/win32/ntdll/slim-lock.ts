/**
 * Slim reader/writer locks when somebody has to wait or is to be woken; the rest is machine code (lock-code.ts). A lock is one
 * 64-bit word: bit 0 locked, bit 1 threads wait, from bit 4 on the number of readers, 0 for a writer. Who waits is in the
 * dispatcher; bits 0 and 1 mean what they mean on Windows, where the rest then is the address of a wait block.
 * Sources: Microsoft, "Slim Reader/Writer (SRW) Locks"; STATUS_RESOURCE_NOT_OWNED as Windows raises it.
 */
import { STATUS_RESOURCE_NOT_OWNED } from '../../base/ntstatus.js';
import type { PENDING, ServiceCall, ServiceFunction, ServiceResult } from '../../nt/service.js';
import { addressWaiters, waitForAddress, wake } from './address-wait.js';

const LOCKED = 1;
const WAITED_FOR = 2;
const READER = 0x10;

function setWord(call: ServiceCall, lock: number, word: number): void {
  call.memory.writeU64(lock, word, 0);
}

/** Takes a lock for writing, or waits; null when it is taken. */
export function acquireExclusive(call: ServiceCall, lock: number): typeof PENDING | null {
  const word = call.memory.readU32(lock);
  if ((word & LOCKED) === 0) {
    setWord(call, lock, (word & WAITED_FOR) | LOCKED);
    return null;
  }
  setWord(call, lock, (word | WAITED_FOR) >>> 0);
  return waitForAddress(call, lock);
}

/** The same for reading. Readers queue behind those that wait, unless they have just been woken. */
export function acquireShared(call: ServiceCall, lock: number): typeof PENDING | null {
  const word = call.memory.readU32(lock);
  const isFree = (word & LOCKED) === 0;
  const isOpen = word >= READER && ((word & WAITED_FOR) === 0 || call.waitStatus >= 0);
  if (isFree || isOpen) {
    setWord(call, lock, (word | LOCKED) + READER);
    return null;
  }
  setWord(call, lock, (word | WAITED_FOR) >>> 0);
  return waitForAddress(call, lock, Number.POSITIVE_INFINITY, true);
}

/** Nobody holds the lock any more: wakes the first writer that waits, or the readers before it; they try again. */
function letGo(call: ServiceCall, lock: number): void {
  const waiters = addressWaiters(call, lock);
  const isReader = (index: number) => {
    const reason = waiters[index]?.wait;
    return reason?.kind === 'address' && reason.shared;
  };
  let woken = waiters.length > 0 ? 1 : 0;
  if (isReader(0)) while (isReader(woken)) woken++;
  setWord(call, lock, woken < waiters.length ? WAITED_FOR : 0);
  wake(call, waiters.slice(0, woken));
}

export function releaseExclusive(call: ServiceCall, lock: number): ServiceResult {
  const word = call.memory.readU32(lock);
  if ((word & LOCKED) === 0 || word >= READER) return call.raise(STATUS_RESOURCE_NOT_OWNED, [], 1);
  letGo(call, lock);
}

export function releaseShared(call: ServiceCall, lock: number): ServiceResult {
  const word = call.memory.readU32(lock);
  if ((word & LOCKED) === 0 || word < READER) return call.raise(STATUS_RESOURCE_NOT_OWNED, [], 1);
  if (word - READER >= READER) setWord(call, lock, word - READER);
  else letGo(call, lock);
}

const acquiring =
  (acquire: typeof acquireExclusive): ServiceFunction =>
  (call) =>
    acquire(call, call.address(0)) ?? undefined;

export const slimLockServices: Readonly<Record<string, ServiceFunction>> = {
  RtlInitializeSRWLock: (call) => setWord(call, call.address(0), 0),
  RtlpAcquireSRWLockExclusiveContended: acquiring(acquireExclusive),
  RtlpAcquireSRWLockSharedContended: acquiring(acquireShared),
  RtlpReleaseSRWLockExclusiveContended: (call) => releaseExclusive(call, call.address(0)),
  RtlpReleaseSRWLockSharedContended: (call) => releaseShared(call, call.address(0)),
};
