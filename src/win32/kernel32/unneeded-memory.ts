/**
 * Memory that a program can do without for a time, or will need soon (memoryapi.h). Sources: Microsoft, "DiscardVirtualMemory
 * function", "OfferVirtualMemory function", "ReclaimVirtualMemory function", "PrefetchVirtualMemory function".
 */
import { ntSuccess, STATUS_SUCCESS } from '../../base/ntstatus.js';
import type { AddressSpace } from '../../mm/address-space.js';
import type { MemoryManager } from '../../mm/memory-manager.js';
import { discardVirtualMemory, offerVirtualMemory, reclaimVirtualMemory } from '../../mm/offer-memory.js';
import type { RegionRequest } from '../../mm/virtual-memory.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { dosErrorOf, ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { prefetch } from '../ntdll/set-virtual-memory.js';
import { statusOf, truth } from './results.js';

/** DWORD f(base, bytes): the Win32 error, 0 for success. */
function onRegion(
  call: ServiceCall,
  operation: (mm: MemoryManager, space: AddressSpace, region: RegionRequest) => number,
): number {
  const region = { baseAddress: call.address(0), regionSize: call.size(1) };
  call.memory.commit();
  const status = operation(call.kernel.mm, call.process.space, region);
  return ntSuccess(status) ? STATUS_SUCCESS : dosErrorOf(status);
}

/** DWORD OfferVirtualMemory(base, bytes, priority). */
const offer: ServiceFunction = (call) => {
  const priority = call.u32(2);
  return onRegion(call, (mm, space, region) => offerVirtualMemory(mm, space, region, priority));
};

/** BOOL PrefetchVirtualMemory(process, count, *ranges, flags). */
const prefetchRanges: ServiceFunction = (call) => {
  if (call.u32(3) !== 0) return call.fail(ERROR_INVALID_PARAMETER);
  const [handle, count, at] = [call.handle(0), call.size(1), call.address(2)];
  return truth(
    call,
    statusOf(() => prefetch(call, handle, count, at)),
  );
};

export const unneededMemoryFunctions: Record<string, ServiceFunction> = {
  DiscardVirtualMemory: (call) => onRegion(call, discardVirtualMemory),
  OfferVirtualMemory: offer,
  ReclaimVirtualMemory: (call) => onRegion(call, reclaimVirtualMemory),
  PrefetchVirtualMemory: prefetchRanges,
};
