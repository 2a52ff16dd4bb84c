/**
 * The heap functions that ntdll exports. Sources: Microsoft, "HeapAlloc function", "HeapReAlloc function", "HeapFree
 * function", "HeapSize function" and their RtlXxxHeap pages in the driver documentation.
 */
import { STATUS_HEAP_CORRUPTION, STATUS_NO_MEMORY } from '../../base/ntstatus.js';
import { GuestFault } from '../../mm/user-memory.js';
import type { Process } from '../../nt/process.js';
import {
  EXCEPTION_NONCONTINUABLE,
  type PENDING,
  type ServiceCall,
  type ServiceFunction,
  type ServiceResult,
} from '../../nt/service.js';
import {
  allocateFromHeap,
  createHeap,
  destroyHeap,
  freeToHeap,
  heapFlags,
  reallocateInHeap,
  sizeInHeap,
  validateHeap,
} from './heap.js';
import { heapContext } from './heap-context.js';
import { HEAP_GENERATE_EXCEPTIONS, HeapCorruption } from './heap-layout.js';

const PEB_PROCESS_HEAP_AT = 0x30;

/** SIZE_MAX, which RtlSizeHeap gives for what is no block. */
const SIZE_ERROR = -1;

/** Address of the process heap, from the PEB. */
export function processHeap(call: ServiceCall): number {
  return call.memory.readPointer(call.process.peb + PEB_PROCESS_HEAP_AT);
}

/** Heaps of a process in the order of creation, for GetProcessHeaps and views. */
export function heapsOf(process: Process): number[] {
  const known = process.library['heaps'] as number[] | undefined;
  if (known) return known;
  const heaps: number[] = [];
  process.library['heaps'] = heaps;
  return heaps;
}

/** Runs a heap operation; a heap that contradicts itself ends the program with STATUS_HEAP_CORRUPTION, as on Windows. */
export function guardHeap<T extends ServiceResult>(
  call: ServiceCall,
  operation: () => T,
): T | typeof PENDING {
  try {
    return operation();
  } catch (error) {
    if (!(error instanceof HeapCorruption)) throw error;
    return call.raise(STATUS_HEAP_CORRUPTION, [error.address], EXCEPTION_NONCONTINUABLE);
  }
}

/** The result of an allocation; a failed one raises STATUS_NO_MEMORY when the heap or the call asks for exceptions. */
function orNoMemory(call: ServiceCall, heap: number, flags: number, address: number): ServiceResult {
  if (address !== 0) return address;
  const all = flags | heapFlags(heapContext(call), heap);
  return all & HEAP_GENERATE_EXCEPTIONS ? call.raise(STATUS_NO_MEMORY, []) : 0;
}

/** Makes a heap and notes it. Sizes in bytes; 0 when memory is refused. */
export function createProcessHeap(
  call: ServiceCall,
  flags: number,
  initial: number,
  maximum: number,
): number {
  const heap = createHeap(heapContext(call), flags, initial, maximum);
  if (heap !== 0) heapsOf(call.process).push(heap);
  return heap;
}

/** PVOID RtlCreateHeap(flags, base, reserve, commit, lock, parameters); a heap at a given base is refused. */
const rtlCreateHeap: ServiceFunction = (call) => {
  if (call.address(1) !== 0) return 0;
  return createProcessHeap(call, call.u32(0), call.size(3), growable(call.u32(0)) ? 0 : call.size(2));
};

const growable = (flags: number) => (flags & 2) !== 0;

/** PVOID RtlDestroyHeap(heap): NULL, or the heap when it is the process heap. */
const rtlDestroyHeap: ServiceFunction = (call) =>
  guardHeap(call, () => {
    const heap = call.address(0);
    if (heap === processHeap(call)) return heap;
    destroyHeap(heapContext(call), heap);
    const heaps = heapsOf(call.process);
    if (heaps.includes(heap)) heaps.splice(heaps.indexOf(heap), 1);
    return 0;
  });

/** PVOID RtlAllocateHeap(heap, flags, size). */
const rtlAllocateHeap: ServiceFunction = (call) =>
  guardHeap(call, () => {
    const heap = call.address(0);
    const flags = call.u32(1);
    return orNoMemory(call, heap, flags, allocateFromHeap(heapContext(call), heap, flags, call.size(2)));
  });

/** PVOID RtlReAllocateHeap(heap, flags, address, size). */
const rtlReAllocateHeap: ServiceFunction = (call) =>
  guardHeap(call, () => {
    const heap = call.address(0);
    const flags = call.u32(1);
    const address = call.address(2);
    if (address === 0) return 0;
    const moved = reallocateInHeap(heapContext(call), heap, flags, address, call.size(3));
    return orNoMemory(call, heap, flags, moved);
  });

/** BOOLEAN RtlFreeHeap(heap, flags, address). */
const rtlFreeHeap: ServiceFunction = (call) =>
  guardHeap(call, () => {
    const address = call.address(2);
    if (address !== 0) freeToHeap(heapContext(call), call.address(0), address);
    return 1;
  });

/** SIZE_T RtlSizeHeap(heap, flags, address). */
const rtlSizeHeap: ServiceFunction = (call) =>
  guardHeap(call, () => {
    const address = call.address(2);
    return address === 0 ? SIZE_ERROR : sizeInHeap(heapContext(call), call.address(0), address);
  });

/** BOOLEAN RtlValidateHeap(heap, flags, address): memory that cannot be read is no heap. */
const rtlValidateHeap: ServiceFunction = (call) => {
  try {
    return validateHeap(heapContext(call), call.address(0), call.address(2)) ? 1 : 0;
  } catch (error) {
    if (error instanceof GuestFault) return 0;
    throw error;
  }
};

/** BOOLEAN RtlLockHeap(heap): services are not interrupted, so there is nothing to lock; a handle that is no heap is refused. */
const rtlLockHeap: ServiceFunction = (call) =>
  guardHeap(call, () => {
    heapFlags(heapContext(call), call.address(0));
    return 1;
  });

/** ULONG RtlGetProcessHeaps(count, heaps): how many there are; as many as fit are written. */
const rtlGetProcessHeaps: ServiceFunction = (call) => {
  const heaps = [processHeap(call), ...heapsOf(call.process).filter((heap) => heap !== processHeap(call))];
  const room = Math.min(call.u32(0), heaps.length);
  call.memory.probeWrite(call.address(1), room * 8);
  for (let index = 0; index < room; index++)
    call.memory.writePointer(call.address(1) + index * 8, heaps[index]!);
  return heaps.length;
};

export const heapServices: Readonly<Record<string, ServiceFunction>> = {
  RtlCreateHeap: rtlCreateHeap,
  RtlDestroyHeap: rtlDestroyHeap,
  RtlAllocateHeap: rtlAllocateHeap,
  RtlReAllocateHeap: rtlReAllocateHeap,
  RtlFreeHeap: rtlFreeHeap,
  RtlSizeHeap: rtlSizeHeap,
  RtlValidateHeap: rtlValidateHeap,
  RtlLockHeap: rtlLockHeap,
  RtlUnlockHeap: rtlLockHeap,
  RtlGetProcessHeaps: rtlGetProcessHeaps,
};
