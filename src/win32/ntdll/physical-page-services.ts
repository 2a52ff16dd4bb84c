/**
 * Services of Address Windowing Extensions: NtAllocateUserPhysicalPages and its kin. Sources: Microsoft,
 * "AllocateUserPhysicalPages function", "FreeUserPhysicalPages function", "MapUserPhysicalPages function",
 * "MapUserPhysicalPagesScatter function".
 */
import {
  ntSuccess,
  STATUS_INVALID_PARAMETER_2,
  STATUS_PRIVILEGE_NOT_HELD,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import { residentAvailable } from '../../mm/resident-available.js';
import {
  allocateUserPhysicalPages,
  freeUserPhysicalPages,
  mapUserPhysicalPages,
  mapUserPhysicalPagesScatter,
} from '../../mm/user-physical-pages.js';
import { PROCESS_VM_OPERATION } from '../../nt/access.js';
import type { ServiceCall } from '../../nt/service.js';
import { mayLockPages } from '../../nt/token.js';
import { inProcess, nativeServices, readSize, writeSize } from './arguments.js';
import { checkNodeParameter } from './node-parameter.js';

const ENTRY_BYTES = 8;

/** Numbers of an array of ULONG_PTR. */
function readNumbers(call: ServiceCall, at: number, count: number): Float64Array {
  const numbers = new Float64Array(count);
  for (let index = 0; index < count; index++) numbers[index] = readSize(call, at + index * ENTRY_BYTES);
  return numbers;
}

/** Addresses of an array of pointers. */
function readAddresses(call: ServiceCall, at: number, count: number): Float64Array {
  const addresses = new Float64Array(count);
  for (let index = 0; index < count; index++)
    addresses[index] = call.memory.readPointer(at + index * ENTRY_BYTES);
  return addresses;
}

/** (process, *count, *frames): as many as there are go to the array, their number to the count. */
export function allocatePhysicalPages(call: ServiceCall): number {
  const { kernel, memory } = call;
  const [countAt, framesAt] = [call.address(1), call.address(2)];
  memory.probeWrite(countAt, 8);
  const wanted = readSize(call, countAt);
  if (!mayLockPages(call.process)) return STATUS_PRIVILEGE_NOT_HELD;
  const most = Math.min(wanted, Math.max(0, residentAvailable(kernel.mm)));
  memory.probeWrite(framesAt, most * ENTRY_BYTES);
  const frames: number[] = [];
  const status = inProcess(call, call.handle(0), PROCESS_VM_OPERATION, ({ space }) => {
    memory.commit();
    return allocateUserPhysicalPages(kernel.mm, space, most, frames);
  });
  if (!ntSuccess(status)) return status;
  frames.forEach((frame, index) => {
    writeSize(call, framesAt + index * ENTRY_BYTES, frame);
  });
  writeSize(call, countAt, frames.length);
  return STATUS_SUCCESS;
}

/** (process, *count, *frames): the count says then how many were freed. */
export function freePhysicalPages(call: ServiceCall): number {
  const { kernel, memory } = call;
  const [countAt, framesAt] = [call.address(1), call.address(2)];
  memory.probeWrite(countAt, 8);
  const count = Math.min(readSize(call, countAt), kernel.mm.pfn.frameCount + 1);
  const frames = readNumbers(call, framesAt, count);
  const out = { freed: 0 };
  const status = inProcess(call, call.handle(0), PROCESS_VM_OPERATION, ({ space }) => {
    memory.commit();
    return freeUserPhysicalPages(kernel.mm, space, frames, out);
  });
  writeSize(call, countAt, out.freed);
  return status;
}

/** (address, count, *frames or 0). STATUS_INVALID_PARAMETER_2: more frames than the process owns. */
export function mapPhysicalPages(call: ServiceCall): number {
  const { space } = call.process;
  const [count, framesAt] = [call.size(1), call.address(2)];
  if (framesAt !== 0 && count > (space.userPhysicalPages?.count ?? 0)) return STATUS_INVALID_PARAMETER_2;
  const frames = framesAt === 0 ? null : readNumbers(call, framesAt, count);
  call.memory.commit();
  return mapUserPhysicalPages(call.kernel.mm, space, call.address(0), count, frames);
}

/** (*addresses, count, *frames or 0). STATUS_INVALID_PARAMETER_2: more than RAM has pages. */
export function scatterPhysicalPages(call: ServiceCall): number {
  const { mm } = call.kernel;
  const [count, framesAt] = [call.size(1), call.address(2)];
  if (count > mm.pfn.frameCount) return STATUS_INVALID_PARAMETER_2;
  const addresses = readAddresses(call, call.address(0), count);
  const frames = framesAt === 0 ? null : readNumbers(call, framesAt, count);
  call.memory.commit();
  return mapUserPhysicalPagesScatter(mm, call.process.space, addresses, frames);
}

/** The same as allocatePhysicalPages, then (*parameters, count): MEM_EXTENDED_PARAMETER. */
export function allocatePhysicalPagesEx(call: ServiceCall): number {
  const status = checkNodeParameter(call, call.address(3), call.u32(4));
  return status === STATUS_SUCCESS ? allocatePhysicalPages(call) : status;
}

export const physicalPageServices = nativeServices({
  AllocateUserPhysicalPages: allocatePhysicalPages,
  AllocateUserPhysicalPagesEx: allocatePhysicalPagesEx,
  FreeUserPhysicalPages: freePhysicalPages,
  MapUserPhysicalPages: mapPhysicalPages,
  MapUserPhysicalPagesScatter: scatterPhysicalPages,
});
