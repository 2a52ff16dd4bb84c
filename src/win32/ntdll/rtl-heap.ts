/**
 * The heap functions that ntdll exports. Sources: Microsoft, "HeapAlloc function", "HeapReAlloc function", "HeapFree function",
 * "HeapSize function", "RtlCreateHeap function" and the other RtlXxxHeap pages of the driver documentation; the published layout
 * of RTL_HEAP_WALK_ENTRY.
 */
import { STATUS_INVALID_PARAMETER, STATUS_NO_MORE_ENTRIES, STATUS_SUCCESS } from '../../base/ntstatus.js';
import { GuestFault } from '../../mm/user-memory.js';
import { PENDING, type ServiceCall, type ServiceFunction, type ServiceResult } from '../../nt/service.js';
import { allocateFromHeap, freeToHeap, heapFlags, reallocateInHeap, sizeInHeap } from './heap.js';
import { heapContext } from './heap-context.js';
import { compactFrontEnd } from './heap-front-end.js';
import { heapInformationServices } from './heap-information.js';
import { HEAP_GROWABLE } from './heap-layout.js';
import { lockHeap, unlockHeap, withHeapLock } from './heap-lock.js';
import {
  createProcessHeap,
  createProcessHeapAt,
  destroyProcessHeap,
  guardHeap,
  heapsOf,
  orNoMemory,
  processHeap,
} from './heap-services.js';
import { heapUserServices } from './heap-user-info.js';
import { type HeapItem, itemBehind, validateHeap, walkHeap } from './heap-walk.js';

/** SIZE_MAX, which RtlSizeHeap gives for what is no block. */
const SIZE_ERROR = -1;

const PARAMETERS_BYTES = 0x60;
const PARAMETERS_COMMIT_ROUTINE = 0x48;

/**
 * PVOID RtlCreateHeap(flags, base, reserve, commit, lock, parameters). At a base of the caller's the heap has what is committed
 * and reserved there. A lock of the caller's, and RTL_HEAP_PARAMETERS with a commit routine or of another length, are refused.
 */
const rtlCreateHeap: ServiceFunction = (call) => {
  const [flags, base, lock, parameters] = [call.u32(0), call.address(1), call.address(4), call.address(5)];
  if (lock !== 0) return 0;
  if (parameters !== 0) {
    if (call.memory.readU32(parameters) !== PARAMETERS_BYTES) return 0;
    if (call.memory.readPointer(parameters + PARAMETERS_COMMIT_ROUTINE) !== 0) return 0;
  }
  if (base !== 0) return createProcessHeapAt(call, flags, base);
  return createProcessHeap(call, flags, call.size(3), flags & HEAP_GROWABLE ? 0 : call.size(2));
};

/** PVOID RtlDestroyHeap(heap): NULL, or the heap when it is the process heap. */
const rtlDestroyHeap: ServiceFunction = (call) =>
  guardHeap(call, () => {
    const heap = call.address(0);
    if (heap === processHeap(call)) return heap;
    destroyProcessHeap(call, heap);
    return 0;
  });

/** A service whose first two arguments are a heap and flags: guarded, under the heap's lock. */
const onHeap =
  (operation: (call: ServiceCall, heap: number, flags: number) => ServiceResult): ServiceFunction =>
  (call) =>
    guardHeap(call, () => {
      const [heap, flags] = [call.address(0), call.u32(1)];
      return withHeapLock(call, heap, flags, () => operation(call, heap, flags));
    });

/** PVOID RtlAllocateHeap(heap, flags, size). */
const rtlAllocateHeap = onHeap((call, heap, flags) =>
  orNoMemory(call, heap, flags, allocateFromHeap(heapContext(call), heap, flags, call.size(2))),
);

/** PVOID RtlReAllocateHeap(heap, flags, address, size). */
const rtlReAllocateHeap = onHeap((call, heap, flags) => {
  const address = call.address(2);
  if (address === 0) return 0;
  const moved = reallocateInHeap(heapContext(call), heap, flags, address, call.size(3));
  return orNoMemory(call, heap, flags, moved);
});

/** BOOLEAN RtlFreeHeap(heap, flags, address). */
const freeBlock = onHeap((call, heap) => {
  freeToHeap(heapContext(call), heap, call.address(2));
  return 1;
});
const rtlFreeHeap: ServiceFunction = (call) => (call.address(2) === 0 ? 1 : freeBlock(call));

/** SIZE_T RtlSizeHeap(heap, flags, address). */
const sizeOfBlock = onHeap((call, heap) => sizeInHeap(heapContext(call), heap, call.address(2)));
const rtlSizeHeap: ServiceFunction = (call) => (call.address(2) === 0 ? SIZE_ERROR : sizeOfBlock(call));

/** BOOLEAN RtlValidateHeap(heap, flags, address): memory that cannot be read is no heap. */
const rtlValidateHeap: ServiceFunction = (call) => {
  try {
    return validateHeap(heapContext(call), call.address(0), call.address(2)) ? 1 : 0;
  } catch (error) {
    if (error instanceof GuestFault) return 0;
    throw error;
  }
};

/** The size of the largest free block in bytes; what the front end does not use is given back before. */
export function compactHeap(call: ServiceCall, heap: number): number {
  const context = heapContext(call);
  heapFlags(context, heap);
  compactFrontEnd(context, heap);
  let largest = 0;
  walkHeap(context, heap, (block) => {
    if (!block.busy) largest = Math.max(largest, block.bytes);
  });
  return largest;
}

/** SIZE_T RtlCompactHeap(heap, flags). */
const rtlCompactHeap = onHeap((call, heap) => compactHeap(call, heap));

/** BOOLEAN RtlLockHeap(heap). */
const rtlLockHeap: ServiceFunction = (call) =>
  guardHeap(call, () => (lockHeap(call, call.address(0)) === PENDING ? PENDING : 1));

/** BOOLEAN RtlUnlockHeap(heap): FALSE when the thread has not locked it. */
const rtlUnlockHeap: ServiceFunction = (call) =>
  guardHeap(call, () => (unlockHeap(call, call.address(0)) ? 1 : 0));

/** ULONG RtlGetProcessHeaps(count, heaps): how many there are; as many as fit are written. */
const rtlGetProcessHeaps: ServiceFunction = (call) => {
  const heaps = [processHeap(call), ...heapsOf(call.process).filter((heap) => heap !== processHeap(call))];
  const room = Math.min(call.u32(0), heaps.length);
  call.memory.probeWrite(call.address(1), room * 8);
  for (let index = 0; index < room; index++)
    call.memory.writePointer(call.address(1) + index * 8, heaps[index]!);
  return heaps.length;
};

/** RTL_HEAP_WALK_ENTRY on x64: byte offsets and flags. */
const WALK_DATA = 0x00;
const WALK_SIZE = 0x08;
const WALK_OVERHEAD = 0x10;
const WALK_SEGMENT = 0x11;
const WALK_FLAGS = 0x12;
const WALK_COMMITTED = 0x18;
const WALK_UNCOMMITTED = 0x20;
const WALK_FIRST = 0x28;
const WALK_LAST = 0x30;
const WALK_BYTES = 0x38;
const RTL_HEAP_BUSY = 0x01;
const RTL_HEAP_SEGMENT = 0x02;
const RTL_HEAP_UNCOMMITTED_RANGE = 0x100;

/** NTSTATUS RtlWalkHeap(heap, entry): the entry's address says where the walk stands. */
const rtlWalkHeap: ServiceFunction = (call) =>
  guardHeap(call, () => {
    const [heap, at] = [call.address(0), call.address(1)];
    return withHeapLock(call, heap, 0, () => {
      call.memory.probeWrite(at, WALK_BYTES);
      const item = itemBehind(heapContext(call), heap, call.memory.readPointer(at + WALK_DATA));
      if (item === undefined) return STATUS_INVALID_PARAMETER;
      if (item === null) return STATUS_NO_MORE_ENTRIES;
      writeItem(call, at, item);
      return STATUS_SUCCESS;
    });
  });

function writeItem({ memory }: ServiceCall, at: number, item: HeapItem): void {
  memory.fill(at, WALK_BYTES, 0);
  memory.writePointer(at + WALK_DATA, item.address);
  if (item.kind === 'region') {
    memory.writePointer(at + WALK_SIZE, item.first - item.address);
    memory.writeU8(at + WALK_SEGMENT, item.index & 0xff);
    memory.writeU16(at + WALK_FLAGS, RTL_HEAP_SEGMENT);
    memory.writePointer(at + WALK_COMMITTED, item.committedEnd - item.address);
    memory.writePointer(at + WALK_UNCOMMITTED, item.reservedEnd - item.committedEnd);
    memory.writePointer(at + WALK_FIRST, item.first);
    memory.writePointer(at + WALK_LAST, item.reservedEnd);
    return;
  }
  memory.writePointer(at + WALK_SIZE, item.bytes);
  if (item.kind === 'uncommitted') memory.writeU16(at + WALK_FLAGS, RTL_HEAP_UNCOMMITTED_RANGE);
  else {
    memory.writeU8(at + WALK_OVERHEAD, item.overhead & 0xff);
    memory.writeU16(at + WALK_FLAGS, item.busy ? RTL_HEAP_BUSY : 0);
  }
}

export const heapServices: Readonly<Record<string, ServiceFunction>> = {
  RtlCreateHeap: rtlCreateHeap,
  RtlDestroyHeap: rtlDestroyHeap,
  RtlAllocateHeap: rtlAllocateHeap,
  RtlReAllocateHeap: rtlReAllocateHeap,
  RtlFreeHeap: rtlFreeHeap,
  RtlSizeHeap: rtlSizeHeap,
  RtlValidateHeap: rtlValidateHeap,
  RtlCompactHeap: rtlCompactHeap,
  RtlLockHeap: rtlLockHeap,
  RtlUnlockHeap: rtlUnlockHeap,
  RtlGetProcessHeaps: rtlGetProcessHeaps,
  RtlWalkHeap: rtlWalkHeap,
  ...heapInformationServices,
  ...heapUserServices,
};
