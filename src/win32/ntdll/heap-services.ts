/** The heaps of a process, and how a heap operation ends that finds a heap contradicting itself or that finds no memory. */
import { STATUS_HEAP_CORRUPTION, STATUS_NO_MEMORY } from '../../base/ntstatus.js';
import type { Process } from '../../nt/process.js';
import {
  EXCEPTION_NONCONTINUABLE,
  type PENDING,
  type ServiceCall,
  type ServiceResult,
} from '../../nt/service.js';
import { ERROR_NOT_ENOUGH_MEMORY } from './dos-error.js';
import { createHeap, createHeapAt, destroyHeap, heapFlags } from './heap.js';
import { heapContext } from './heap-context.js';
import { HEAP_GENERATE_EXCEPTIONS, HeapCorruption } from './heap-layout.js';
import { deleteHeapLock } from './heap-lock.js';

const PEB_PROCESS_HEAP_AT = 0x30;

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
export function orNoMemory(call: ServiceCall, heap: number, flags: number, address: number): ServiceResult {
  if (address !== 0) return address;
  const all = flags | heapFlags(heapContext(call), heap);
  return all & HEAP_GENERATE_EXCEPTIONS
    ? call.raise(STATUS_NO_MEMORY, [])
    : call.fail(ERROR_NOT_ENOUGH_MEMORY);
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

/** Makes a heap in memory of the program's and notes it; 0 when that is too little. */
export function createProcessHeapAt(call: ServiceCall, flags: number, base: number): number {
  const heap = createHeapAt(heapContext(call), flags, base);
  if (heap !== 0) heapsOf(call.process).push(heap);
  return heap;
}

/** Gives a heap's memory back and forgets it. */
export function destroyProcessHeap(call: ServiceCall, heap: number): void {
  heapFlags(heapContext(call), heap);
  deleteHeapLock(call, heap);
  destroyHeap(heapContext(call), heap);
  const heaps = heapsOf(call.process);
  if (heaps.includes(heap)) heaps.splice(heaps.indexOf(heap), 1);
}
