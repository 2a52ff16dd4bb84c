/** Memory of the loader's own structures: blocks of the process heap, as on Windows. */
import { STATUS_NO_MEMORY } from '../base/ntstatus.js';
import type { ServiceCall } from '../nt/service.js';
import { allocateFromHeap, freeToHeap } from '../win32/ntdll/heap.js';
import { heapContext } from '../win32/ntdll/heap-context.js';
import { HEAP_ZERO_MEMORY } from '../win32/ntdll/heap-layout.js';
import { LoaderFailure, loaderOf } from './loader-state.js';

/** Guest address of zeroed bytes. Throws LoaderFailure. */
export function allocate(call: ServiceCall, bytes: number): number {
  const { heap } = loaderOf(call.process);
  const address = allocateFromHeap(heapContext(call), heap, HEAP_ZERO_MEMORY, bytes);
  if (address === 0) throw new LoaderFailure(STATUS_NO_MEMORY, 'there is no memory for the loader');
  return address;
}

export function free(call: ServiceCall, address: number): void {
  if (address !== 0) freeToHeap(heapContext(call), loaderOf(call.process).heap, address);
}
