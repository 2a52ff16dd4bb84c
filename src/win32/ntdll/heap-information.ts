/**
 * RtlSetHeapInformation and RtlQueryHeapInformation. Sources: Microsoft, "HeapSetInformation function", "HeapQueryInformation
 * function", "HEAP_OPTIMIZE_RESOURCES_INFORMATION structure", "HEAP_INFORMATION_CLASS enumeration".
 */
import {
  STATUS_BUFFER_TOO_SMALL,
  STATUS_INVALID_PARAMETER,
  STATUS_SUCCESS,
  STATUS_UNSUCCESSFUL,
} from '../../base/ntstatus.js';
import type { PENDING, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { heapFlags, mayHaveFrontEnd } from './heap.js';
import { heapContext } from './heap-context.js';
import { compactFrontEnd, makeFrontEnd } from './heap-front-end.js';
import { frontEndOf } from './heap-front-end-layout.js';
import { guardHeap, heapsOf } from './heap-services.js';

const COMPATIBILITY_INFORMATION = 0;
const ENABLE_TERMINATION_ON_CORRUPTION = 1;
const OPTIMIZE_RESOURCES = 3;

/** Values of the compatibility information. */
const STANDARD_HEAP = 0;
const LOW_FRAGMENTATION_HEAP = 2;

const OPTIMIZE_RESOURCES_BYTES = 8;
const OPTIMIZE_RESOURCES_VERSION = 1;

/** Only the low fragmentation front end can be asked for; a heap keeps it. */
function setCompatibility(call: ServiceCall): number {
  if (call.size(3) < 4) return STATUS_BUFFER_TOO_SMALL;
  const [context, heap] = [heapContext(call), call.address(0)];
  const wanted = call.memory.readU32(call.address(2));
  const may = mayHaveFrontEnd(heapFlags(context, heap));
  if (wanted !== LOW_FRAGMENTATION_HEAP || !may || !makeFrontEnd(context, heap)) return STATUS_UNSUCCESSFUL;
  return STATUS_SUCCESS;
}

/** Gives what is cached back to the system, of one heap or of all. */
function optimizeResources(call: ServiceCall): number {
  if (call.size(3) < OPTIMIZE_RESOURCES_BYTES) return STATUS_BUFFER_TOO_SMALL;
  const information = call.address(2);
  const version = call.memory.readU32(information);
  if (version !== OPTIMIZE_RESOURCES_VERSION || call.memory.readU32(information + 4) !== 0)
    return STATUS_INVALID_PARAMETER;
  const heaps = call.address(0) === 0 ? heapsOf(call.process) : [call.address(0)];
  for (const heap of heaps) {
    heapFlags(heapContext(call), heap);
    compactFrontEnd(heapContext(call), heap);
  }
  return STATUS_SUCCESS;
}

/** NTSTATUS RtlSetHeapInformation(heap, class, information, length): corruption always ends the program here. */
export function setHeapInformation(call: ServiceCall): number | typeof PENDING {
  return guardHeap(call, () => {
    switch (call.u32(1)) {
      case COMPATIBILITY_INFORMATION:
        return setCompatibility(call);
      case ENABLE_TERMINATION_ON_CORRUPTION:
        return STATUS_SUCCESS;
      case OPTIMIZE_RESOURCES:
        return optimizeResources(call);
      default:
        return STATUS_INVALID_PARAMETER;
    }
  });
}

/** NTSTATUS RtlQueryHeapInformation(heap, class, information, length, returned): which front end the heap has. */
export function queryHeapInformation(call: ServiceCall): number | typeof PENDING {
  return guardHeap(call, () => {
    if (call.u32(1) !== COMPATIBILITY_INFORMATION) return STATUS_INVALID_PARAMETER;
    const [context, heap, returned] = [heapContext(call), call.address(0), call.address(4)];
    heapFlags(context, heap);
    if (returned !== 0) call.memory.writeU64(returned, 4, 0);
    if (call.size(3) < 4) return STATUS_BUFFER_TOO_SMALL;
    const front = frontEndOf(context, heap) === 0 ? STANDARD_HEAP : LOW_FRAGMENTATION_HEAP;
    call.memory.writeU32(call.address(2), front);
    return STATUS_SUCCESS;
  });
}

export const heapInformationServices: Readonly<Record<string, ServiceFunction>> = {
  RtlSetHeapInformation: setHeapInformation,
  RtlQueryHeapInformation: queryHeapInformation,
};
