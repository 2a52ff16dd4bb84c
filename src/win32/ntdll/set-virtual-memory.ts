/**
 * NtSetInformationVirtualMemory: what is done to a list of address ranges. Source: Microsoft, "PrefetchVirtualMemory function
 * (memoryapi.h)", "WIN32_MEMORY_RANGE_ENTRY structure (memoryapi.h)"; VIRTUAL_MEMORY_INFORMATION_CLASS of the public headers.
 */
import {
  ntSuccess,
  STATUS_INFO_LENGTH_MISMATCH,
  STATUS_INVALID_INFO_CLASS,
  STATUS_INVALID_PARAMETER,
  STATUS_INVALID_PARAMETER_3,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import { prefetchVirtualMemory } from '../../mm/prefetch-memory.js';
import { PROCESS_VM_OPERATION } from '../../nt/access.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { inProcess, nativeServices, readSize } from './arguments.js';
import { change } from './memory-services.js';

/** VmPrefetchInformation. */
const PREFETCH = 0;
const RANGE_BYTES = 16;

/**
 * Prefetches ranges (MEMORY_RANGE_ENTRY: address, bytes) of the process of a handle. What lies past user space is left out, and
 * so is everything after as many ranges and pages as RAM has frames. STATUS_INVALID_PARAMETER_3 without ranges.
 */
export function prefetch(call: ServiceCall, processHandle: number, count: number, rangesAt: number): number {
  const { kernel, memory } = call;
  if (count === 0) return STATUS_INVALID_PARAMETER_3;
  const budget = { pages: kernel.mm.pfn.frameCount };
  let status: number = STATUS_SUCCESS;
  for (let index = 0; index < count && budget.pages > 0 && ntSuccess(status); index++) {
    const start = memory.readPointer(rangesAt + index * RANGE_BYTES);
    const bytes = readSize(call, rangesAt + index * RANGE_BYTES + 8);
    budget.pages--;
    status = inProcess(call, processHandle, PROCESS_VM_OPERATION, ({ space }) =>
      change(call, () => {
        const end = Math.min(start + bytes, space.highestAddress + 1);
        prefetchVirtualMemory(kernel.mm, space, start, end, budget);
        return STATUS_SUCCESS;
      }),
    );
  }
  return status;
}

/** (process, class, count, *ranges, *information, length). */
const set: ServiceFunction = (call) => {
  if (call.u32(1) !== PREFETCH) return STATUS_INVALID_INFO_CLASS;
  if (call.u32(5) !== 4) return STATUS_INFO_LENGTH_MISMATCH;
  if (call.memory.readU32(call.address(4)) !== 0) return STATUS_INVALID_PARAMETER;
  return prefetch(call, call.handle(0), call.size(2), call.address(3));
};

export const setVirtualMemoryServices = nativeServices({ SetInformationVirtualMemory: set });
