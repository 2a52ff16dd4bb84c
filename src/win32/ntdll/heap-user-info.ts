/**
 * The value and the three flags that a caller can keep beside a block: RtlSetUserValueHeap, RtlSetUserFlagsHeap and
 * RtlGetUserInfoHeap. A block has room for a value when it was allocated with HEAP_SETTABLE_USER_VALUE. Source: the published
 * declarations of these functions; that they refuse blocks of the front end, which keep none of it, is ours.
 */
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { readValue, requireBusy, writeValue } from './heap.js';
import { heapContext } from './heap-context.js';
import { isFrontEntry } from './heap-front-end-layout.js';
import {
  ENTRY_EXTRA_PRESENT,
  ENTRY_SETTABLE_FLAGS,
  entryFlags,
  entryUnits,
  HEAP_SETTABLE_USER_FLAGS,
  setEntryFlags,
} from './heap-layout.js';
import { withHeapLock } from './heap-lock.js';
import { guardHeap } from './heap-services.js';

/** A service on the entry of a busy block: arguments heap, flags, address. */
const onBlock =
  (operation: (call: ServiceCall, entry: number, flags: number) => number): ServiceFunction =>
  (call) =>
    guardHeap(call, () => {
      const [heap, flags] = [call.address(0), call.u32(1)];
      return withHeapLock(call, heap, flags, () => {
        const context = heapContext(call);
        const entry = requireBusy(context, heap, call.address(2));
        return operation(call, entry, isFrontEntry(context, entry) ? 0 : entryFlags(context, entry));
      });
    });

/** BOOLEAN RtlSetUserValueHeap(heap, flags, address, value). */
const setUserValue = onBlock((call, entry, flags) => {
  if ((flags & ENTRY_EXTRA_PRESENT) === 0) return 0;
  writeValue(heapContext(call), entry, [call.lo(3), call.hi(3)]);
  return 1;
});

/** BOOLEAN RtlGetUserInfoHeap(heap, flags, address, value, userFlags): a value that the block has no room for is not written. */
const getUserInfo = onBlock((call, entry, flags) => {
  const [valueAt, flagsAt] = [call.address(3), call.address(4)];
  if (valueAt !== 0 && flags & ENTRY_EXTRA_PRESENT) {
    const [lo, hi] = readValue(heapContext(call), entry);
    call.memory.writeU64(valueAt, lo, hi);
  }
  if (flagsAt !== 0) call.memory.writeU32(flagsAt, (flags & ENTRY_SETTABLE_FLAGS) << 4);
  return 1;
});

/** BOOLEAN RtlSetUserFlagsHeap(heap, flags, address, reset, set). */
const setUserFlags = onBlock((call, entry, flags) => {
  const context = heapContext(call);
  if (isFrontEntry(context, entry)) return 0;
  const reset = (call.u32(3) & HEAP_SETTABLE_USER_FLAGS) >>> 4;
  const set = (call.u32(4) & HEAP_SETTABLE_USER_FLAGS) >>> 4;
  setEntryFlags(context, entry, entryUnits(context, entry), (flags & ~reset) | set);
  return 1;
});

export const heapUserServices: Readonly<Record<string, ServiceFunction>> = {
  RtlSetUserValueHeap: setUserValue,
  RtlGetUserInfoHeap: getUserInfo,
  RtlSetUserFlagsHeap: setUserFlags,
};
