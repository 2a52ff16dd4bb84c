/**
 * NtGetWriteWatch and NtResetWriteWatch. Source: Microsoft, "GetWriteWatch function (memoryapi.h)", "ResetWriteWatch function
 * (memoryapi.h)". The NTSTATUS values could not be checked.
 */
import {
  ntSuccess,
  STATUS_INVALID_PARAMETER_2,
  STATUS_INVALID_PARAMETER_3,
  STATUS_INVALID_PARAMETER_4,
  STATUS_INVALID_PARAMETER_5,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import { getWriteWatch, resetWriteWatch } from '../../mm/write-watch.js';
import { PROCESS_VM_OPERATION } from '../../nt/access.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { inProcess, nativeServices, readSize, writeSize } from './arguments.js';
import { change } from './memory-services.js';

const WRITE_WATCH_FLAG_RESET = 1;
const PAGE = 4096;
/** Addresses that are gathered before they are written to the caller's array. */
const CHUNK = 512;

/** Where the answer of GetWriteWatch goes. */
interface WatchOutput {
  readonly arrayAt: number;
  readonly countAt: number;
  readonly granularityAt: number;
}

/**
 * Reports the pages of a region that were written to: as many addresses as the caller's array has room for, how many they
 * are, and the page size. With `resets` these, and only these, are taken as not written to from then on.
 */
export function reportWrites(
  call: ServiceCall,
  processHandle: number,
  flags: number,
  base: number,
  bytes: number,
  { arrayAt, countAt, granularityAt }: WatchOutput,
): number {
  const { memory, kernel } = call;
  if ((flags & ~WRITE_WATCH_FLAG_RESET) !== 0) return STATUS_INVALID_PARAMETER_2;
  const { highestAddress } = call.process.space;
  if (!(base >= 0 && base <= highestAddress)) return STATUS_INVALID_PARAMETER_3;
  if (bytes <= 0 || bytes > highestAddress + 1 - base) return STATUS_INVALID_PARAMETER_4;
  memory.probeWrite(countAt, 8);
  memory.probeWrite(granularityAt, 4);
  const last = Math.ceil((base + bytes) / PAGE) - 1;
  let page = Math.floor(base / PAGE);
  const capacity = Math.min(readSize(call, countAt), last - page + 1);
  if (capacity === 0) return STATUS_INVALID_PARAMETER_5;
  memory.probeWrite(arrayAt, capacity * 8);
  const resets = (flags & WRITE_WATCH_FLAG_RESET) !== 0;
  const found = new Float64Array(Math.min(capacity, CHUNK));
  const out = { count: 0 };
  let stored = 0;
  let goesOn = true;
  while (goesOn && page <= last && stored < capacity) {
    const room = found.subarray(0, Math.min(capacity - stored, CHUNK));
    const status = inProcess(call, processHandle, PROCESS_VM_OPERATION, ({ space }) =>
      change(call, () => getWriteWatch(kernel.mm, space, page, last, resets, room, out)),
    );
    if (!ntSuccess(status)) return status;
    for (let index = 0; index < out.count; index++, stored++)
      memory.writePointer(arrayAt + stored * 8, found[index]!);
    goesOn = out.count === room.length;
    if (goesOn) page = found[out.count - 1]! / PAGE + 1;
  }
  writeSize(call, countAt, stored);
  memory.writeU32(granularityAt, PAGE);
  return STATUS_SUCCESS;
}

/** Takes the pages of a region in the process of a handle as not written to from now on. */
export function forgetWrites(call: ServiceCall, processHandle: number, base: number, bytes: number): number {
  const { highestAddress } = call.process.space;
  if (!(base >= 0 && base <= highestAddress)) return STATUS_INVALID_PARAMETER_2;
  if (bytes <= 0 || bytes > highestAddress + 1 - base) return STATUS_INVALID_PARAMETER_3;
  const first = Math.floor(base / PAGE);
  const last = Math.ceil((base + bytes) / PAGE) - 1;
  return inProcess(call, processHandle, PROCESS_VM_OPERATION, ({ space }) =>
    change(call, () => resetWriteWatch(call.kernel.mm, space, first, last)),
  );
}

/** (process, flags, base, bytes, *addresses, *count, *granularity). */
const get: ServiceFunction = (call) =>
  reportWrites(call, call.handle(0), call.u32(1), call.address(2), call.size(3), {
    arrayAt: call.address(4),
    countAt: call.address(5),
    granularityAt: call.address(6),
  });

/** (process, base, bytes). */
const reset: ServiceFunction = (call) => forgetWrites(call, call.handle(0), call.address(1), call.size(2));

export const writeWatchServices = nativeServices({ GetWriteWatch: get, ResetWriteWatch: reset });
