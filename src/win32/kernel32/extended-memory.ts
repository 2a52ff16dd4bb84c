/**
 * Virtual memory with extended parameters, and write watch (memoryapi.h). Sources: Microsoft, "VirtualAlloc2 function",
 * "VirtualAllocExNuma function", "VirtualAllocFromApp function", "VirtualProtectFromApp function", "MapViewOfFile3 function",
 * "MapViewOfFileNuma2 function", "UnmapViewOfFile2 function", "UnmapViewOfFileEx function", "GetWriteWatch function".
 */
import {
  ALLOCATION_GRANULARITY,
  MEM_REPLACE_PLACEHOLDER,
  PAGE_EXECUTE,
  PAGE_EXECUTE_READ,
  PAGE_EXECUTE_READWRITE,
  PAGE_EXECUTE_WRITECOPY,
} from '../../base/memory-constants.js';
import { ntSuccess } from '../../base/ntstatus.js';
import { PROCESS_VM_OPERATION } from '../../nt/access.js';
import { CURRENT_PROCESS } from '../../nt/object-manager.js';
import { unmapViewOfSection } from '../../nt/section-services.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { inProcess } from '../ntdll/arguments.js';
import { ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { allocateEx, mapEx } from '../ntdll/extended-memory-services.js';
import { isKnownNode } from '../ntdll/extended-parameters.js';
import { forgetWrites, reportWrites } from '../ntdll/write-watch-services.js';
import { memoryFunctions } from './memory.js';
import { failStatus, statusOf, truth } from './results.js';

const EXECUTE_PROTECTIONS =
  PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
/** What GetWriteWatch and ResetWriteWatch answer when they fail. */
const WATCH_FAILED = 0xffff_ffff;

/** A handle of which 0 means the calling process. */
function processOf(call: ServiceCall, index: number): number {
  const handle = call.handle(index);
  return handle === 0 ? CURRENT_PROCESS : handle;
}

/** PVOID VirtualAlloc2(process, base, size, type, protect, *parameters, count). */
const allocate2: ServiceFunction = (call) => {
  const base = call.address(1);
  if (base !== 0 && base < ALLOCATION_GRANULARITY) return call.fail(ERROR_INVALID_PARAMETER);
  const region = { baseAddress: base, regionSize: call.size(2) };
  const [type, protect, at, count] = [call.u32(3), call.u32(4), call.address(5), call.u32(6)];
  const status = statusOf(() => allocateEx(call, processOf(call, 0), region, type, protect, at, count));
  return ntSuccess(status) ? region.baseAddress : failStatus(call, status);
};

/** A protection that lets instructions run is refused: apps allocate first and then ask VirtualProtectFromApp. */
function withoutExecution(protectIndex: number, allocate: ServiceFunction): ServiceFunction {
  return (call) =>
    (call.u32(protectIndex) & EXECUTE_PROTECTIONS) !== 0
      ? call.fail(ERROR_INVALID_PARAMETER)
      : allocate(call);
}

/** LPVOID VirtualAllocExNuma(process, base, size, type, protect, node). */
const allocateOnNode: ServiceFunction = (call) =>
  isKnownNode(call.u32(5)) ? memoryFunctions['VirtualAllocEx']!(call) : call.fail(ERROR_INVALID_PARAMETER);

/** Views of MapViewOfFile3 begin at the 64 KB boundary below the base, but for those that replace placeholders. */
function viewBase(base: number, type: number): number {
  const isExact = (type & MEM_REPLACE_PLACEHOLDER) !== 0;
  return isExact ? base : Math.floor(base / ALLOCATION_GRANULARITY) * ALLOCATION_GRANULARITY;
}

/** PVOID MapViewOfFile3(mapping, process, base, offset, size, type, protect, *parameters, count). */
const mapView3: ServiceFunction = (call) => {
  const type = call.u32(5);
  const request = {
    baseAddress: viewBase(call.address(2), type),
    sectionOffset: call.size(3),
    viewSize: call.size(4),
    allocationType: type,
    protect: call.u32(6),
  };
  const [section, at, count] = [call.handle(0), call.address(7), call.u32(8)];
  const status = statusOf(() => mapEx(call, section, processOf(call, 1), request, at, count));
  return ntSuccess(status) ? request.baseAddress : failStatus(call, status);
};

/** PVOID MapViewOfFileNuma2(mapping, process, offset, base, size, type, protect, node). */
const mapViewNuma2: ServiceFunction = (call) => {
  if (!isKnownNode(call.u32(7))) return call.fail(ERROR_INVALID_PARAMETER);
  const request = {
    baseAddress: call.address(3),
    sectionOffset: call.size(2),
    viewSize: call.size(4),
    allocationType: call.u32(5),
    protect: call.u32(6),
  };
  const status = mapEx(call, call.handle(0), processOf(call, 1), request, 0, 0);
  return ntSuccess(status) ? request.baseAddress : failStatus(call, status);
};

/** Unmaps in the process of a handle, with MEM_PRESERVE_PLACEHOLDER or MEM_UNMAP_WITH_TRANSIENT_BOOST. */
function unmapView(call: ServiceCall, handle: number, address: number, flags: number): number {
  return truth(
    call,
    inProcess(call, handle, PROCESS_VM_OPERATION, (process) =>
      unmapViewOfSection(call.kernel, process, address, flags),
    ),
  );
}

/** UINT GetWriteWatch(flags, base, bytes, *addresses, *count, *granularity). */
const getWatch: ServiceFunction = (call) => {
  const output = { arrayAt: call.address(3), countAt: call.address(4), granularityAt: call.address(5) };
  const [flags, base, bytes] = [call.u32(0), call.address(1), call.size(2)];
  const status = statusOf(() => reportWrites(call, CURRENT_PROCESS, flags, base, bytes, output));
  return ntSuccess(status) ? 0 : failStatus(call, status, WATCH_FAILED);
};

/** UINT ResetWriteWatch(base, bytes). */
const resetWatch: ServiceFunction = (call) => {
  const status = forgetWrites(call, CURRENT_PROCESS, call.address(0), call.size(1));
  return ntSuccess(status) ? 0 : failStatus(call, status, WATCH_FAILED);
};

export const extendedMemoryFunctions: Record<string, ServiceFunction> = {
  VirtualAlloc2: allocate2,
  VirtualAlloc2FromApp: withoutExecution(4, allocate2),
  VirtualAllocExNuma: allocateOnNode,
  VirtualAllocFromApp: withoutExecution(3, memoryFunctions['VirtualAlloc']!),
  VirtualProtectFromApp: memoryFunctions['VirtualProtect']!,
  MapViewOfFile3: mapView3,
  MapViewOfFile3FromApp: withoutExecution(6, mapView3),
  MapViewOfFileNuma2: mapViewNuma2,
  UnmapViewOfFile2: (call) => unmapView(call, processOf(call, 0), call.address(1), call.u32(2)),
  UnmapViewOfFileEx: (call) => unmapView(call, CURRENT_PROCESS, call.address(0), call.u32(1)),
  GetWriteWatch: getWatch,
  ResetWriteWatch: resetWatch,
};
