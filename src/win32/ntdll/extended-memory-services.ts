/**
 * The extended services of virtual memory: placeholders and address requirements. Sources: Microsoft, "NtAllocateVirtualMemoryEx
 * function (ntifs.h)", "VirtualAlloc2 function (memoryapi.h)", "MapViewOfFile3 function (memoryapi.h)", "UnmapViewOfFile2
 * function (memoryapi.h)"; NtMapViewOfSectionEx and NtUnmapViewOfSectionEx by the headers of the public symbols.
 */
import { ntSuccess } from '../../base/ntstatus.js';
import { allocateVirtualMemoryEx, type RegionRequest } from '../../mm/virtual-memory.js';
import { PROCESS_VM_OPERATION } from '../../nt/access.js';
import { unmapViewOfSection, type ViewRequest } from '../../nt/section-services.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { mayLockPages } from '../../nt/token.js';
import { inProcess, nativeServices, readLargeInteger, readSize, writeSize } from './arguments.js';
import { noParameters, readExtendedParameters } from './extended-parameters.js';
import { change } from './memory-services.js';
import { mapInto } from './section-services.js';

/** Allocates in the process of a handle by parameters at an address; the request says then what was done. */
export function allocateEx(
  call: ServiceCall,
  processHandle: number,
  region: RegionRequest,
  type: number,
  protect: number,
  parametersAt: number,
  count: number,
): number {
  const parameters = noParameters();
  const status = readExtendedParameters(call, parametersAt, count, parameters);
  if (!ntSuccess(status)) return status;
  const { requirements } = parameters;
  region.mayLockPages = mayLockPages(call.process);
  return inProcess(call, processHandle, PROCESS_VM_OPERATION, ({ space }) =>
    change(call, () => allocateVirtualMemoryEx(call.kernel.mm, space, region, type, protect, requirements)),
  );
}

/** (process, *base, *size, type, protect, *parameters, count). */
const allocate: ServiceFunction = (call) => {
  const [baseAt, sizeAt] = [call.address(1), call.address(2)];
  call.memory.probeWrite(baseAt, 8);
  call.memory.probeWrite(sizeAt, 8);
  const region = { baseAddress: call.memory.readPointer(baseAt), regionSize: readSize(call, sizeAt) };
  const [type, protect] = [call.u32(3), call.u32(4)];
  const status = allocateEx(call, call.handle(0), region, type, protect, call.address(5), call.u32(6));
  if (!ntSuccess(status)) return status;
  call.memory.writePointer(baseAt, region.baseAddress);
  writeSize(call, sizeAt, region.regionSize);
  return status;
};

/** Maps a view into the process of a handle by parameters at an address; the request says then what was mapped. */
export function mapEx(
  call: ServiceCall,
  sectionHandle: number,
  processHandle: number,
  request: Omit<ViewRequest, 'requirements'>,
  parametersAt: number,
  count: number,
): number {
  const parameters = noParameters();
  const status = readExtendedParameters(call, parametersAt, count, parameters);
  if (!ntSuccess(status)) return status;
  const view: ViewRequest = { ...request, requirements: parameters.requirements };
  const mapped = mapInto(call, sectionHandle, processHandle, view);
  if (ntSuccess(mapped)) Object.assign(request, view);
  return mapped;
}

/** (section, process, *base, *offset, *viewSize, type, protect, *parameters, count). */
const map: ServiceFunction = (call) => {
  const [baseAt, offsetAt, sizeAt] = [call.address(2), call.address(3), call.address(4)];
  call.memory.probeWrite(baseAt, 8);
  call.memory.probeWrite(sizeAt, 8);
  if (offsetAt !== 0) call.memory.probeWrite(offsetAt, 8);
  const request = {
    baseAddress: call.memory.readPointer(baseAt),
    viewSize: readSize(call, sizeAt),
    sectionOffset: readLargeInteger(call, offsetAt) ?? 0,
    allocationType: call.u32(5),
    protect: call.u32(6),
  };
  const status = mapEx(call, call.handle(0), call.handle(1), request, call.address(7), call.u32(8));
  if (!ntSuccess(status)) return status;
  call.memory.writePointer(baseAt, request.baseAddress);
  writeSize(call, sizeAt, request.viewSize);
  if (offsetAt !== 0) writeSize(call, offsetAt, request.sectionOffset);
  return status;
};

/** (process, address, flags). */
const unmap: ServiceFunction = (call) => {
  const [address, flags] = [call.address(1), call.u32(2)];
  return inProcess(call, call.handle(0), PROCESS_VM_OPERATION, (process) =>
    unmapViewOfSection(call.kernel, process, address, flags),
  );
};

export const extendedMemoryServices = nativeServices({
  AllocateVirtualMemoryEx: allocate,
  MapViewOfSectionEx: map,
  UnmapViewOfSectionEx: unmap,
});
