/** The runtime's heap: the process heap, as msvcrt.dll has it. Blocks lie in guest memory; 0 means no memory. */
import type { ServiceCall } from '../../nt/service.js';
import { allocateFromHeap, freeToHeap, reallocateInHeap, sizeInHeap } from '../ntdll/heap.js';
import { heapContext } from '../ntdll/heap-context.js';
import { HEAP_REALLOC_IN_PLACE_ONLY, HEAP_ZERO_MEMORY } from '../ntdll/heap-layout.js';
import { processHeap } from '../ntdll/heap-services.js';
import { validateHeap } from '../ntdll/heap-walk.js';

/** A block of `bytes` bytes (at least one), 16-byte aligned. */
export function allocate(call: ServiceCall, bytes: number, zero: boolean): number {
  return allocateFromHeap(
    heapContext(call),
    processHeap(call),
    zero ? HEAP_ZERO_MEMORY : 0,
    Math.max(bytes, 1),
  );
}

export function release(call: ServiceCall, address: number): void {
  freeToHeap(heapContext(call), processHeap(call), address);
}

/** The block's new address; 0 leaves it as it was. */
export function reallocate(call: ServiceCall, address: number, bytes: number): number {
  return reallocateInHeap(heapContext(call), processHeap(call), 0, address, bytes);
}

/** Changes a block's size only where it stands; false leaves it as it was. */
export function resizeInPlace(call: ServiceCall, address: number, bytes: number): boolean {
  const flags = HEAP_REALLOC_IN_PLACE_ONLY;
  return reallocateInHeap(heapContext(call), processHeap(call), flags, address, bytes) !== 0;
}

/** Bytes that were asked for. */
export function sizeOf(call: ServiceCall, address: number): number {
  return sizeInHeap(heapContext(call), processHeap(call), address);
}

export function isHeapSound(call: ServiceCall): boolean {
  return validateHeap(heapContext(call), processHeap(call), 0);
}
