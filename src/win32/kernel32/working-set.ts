/**
 * Working sets (memoryapi.h, psapi.h). Sources: Microsoft, "SetProcessWorkingSetSize function", "SetProcessWorkingSetSizeEx
 * function", "GetProcessWorkingSetSizeEx function", "EmptyWorkingSet function", "QueryWorkingSet function", "QueryWorkingSetEx
 * function", "VirtualLock function".
 */
import { ntSuccess, STATUS_SUCCESS } from '../../base/ntstatus.js';
import type { AddressSpace } from '../../mm/address-space.js';
import { lockVirtualMemory, unlockVirtualMemory } from '../../mm/lock-memory.js';
import { setWorkingSetLimits, workingSetLimitFlags } from '../../mm/working-set-limits.js';
import { emptyWorkingSet } from '../../mm/working-set-manager.js';
import { PROCESS_QUERY_INFORMATION, PROCESS_SET_QUOTA } from '../../nt/access.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { inProcess } from '../ntdll/arguments.js';
import { change } from '../ntdll/memory-services.js';
import { storeWorkingSet, storeWorkingSetEx } from '../ntdll/working-set-queries.js';
import { failStatus, statusOf, TRUE, truth, writeU64 } from './results.js';

const PAGE = 4096;
/** (SIZE_T)-1, to the precision of a number. */
const ALL_ONES = 2 ** 64;

/** (process, minimum, maximum[, flags]): both sizes all ones empty the working set. */
function setSize(call: ServiceCall, flags: number): number {
  const [minimum, maximum] = [call.size(1), call.size(2)];
  const status = inProcess(call, call.handle(0), PROCESS_SET_QUOTA, ({ space }) => {
    if (minimum === ALL_ONES && maximum === ALL_ONES) return empty(call, space);
    const pages = (bytes: number) => Math.floor(bytes / PAGE);
    return change(call, () =>
      setWorkingSetLimits(call.kernel.mm, space, pages(minimum), pages(maximum), flags),
    );
  });
  return truth(call, status);
}

function empty(call: ServiceCall, space: AddressSpace): number {
  return change(call, () => {
    emptyWorkingSet(call.kernel.mm, space);
    return STATUS_SUCCESS;
  });
}

/** (process, *minimum, *maximum[, *flags]). */
function getSize(call: ServiceCall, withFlags: boolean): number {
  const limits = { minimum: 0, maximum: 0, flags: 0 };
  const status = inProcess(call, call.handle(0), PROCESS_QUERY_INFORMATION, ({ space }) => {
    limits.minimum = space.workingSet.minimum * PAGE;
    limits.maximum = space.workingSet.maximum * PAGE;
    limits.flags = workingSetLimitFlags(space);
    return STATUS_SUCCESS;
  });
  if (!ntSuccess(status)) return failStatus(call, status);
  writeU64(call, call.address(1), limits.minimum);
  writeU64(call, call.address(2), limits.maximum);
  if (withFlags) call.memory.writeU32(call.address(3), limits.flags);
  return TRUE;
}

/** BOOL K32EmptyWorkingSet(process). */
const emptySet: ServiceFunction = (call) =>
  truth(
    call,
    inProcess(call, call.handle(0), PROCESS_SET_QUOTA, ({ space }) => empty(call, space)),
  );

/** BOOL K32QueryWorkingSet(process, buffer, bytes) and K32QueryWorkingSetEx. */
const querySet =
  (store: typeof storeWorkingSet): ServiceFunction =>
  (call) =>
    truth(
      call,
      statusOf(() => store(call, call.handle(0), call.address(1), call.u32(2), 0)),
    );

/** (address, bytes). */
const locking =
  (operation: typeof lockVirtualMemory): ServiceFunction =>
  (call) => {
    const request = { baseAddress: call.address(0), regionSize: call.size(1) };
    return truth(
      call,
      change(call, () => operation(call.kernel.mm, call.process.space, request)),
    );
  };

export const workingSetFunctions: Record<string, ServiceFunction> = {
  SetProcessWorkingSetSize: (call) => setSize(call, 0),
  SetProcessWorkingSetSizeEx: (call) => setSize(call, call.u32(3)),
  GetProcessWorkingSetSize: (call) => getSize(call, false),
  GetProcessWorkingSetSizeEx: (call) => getSize(call, true),
  K32EmptyWorkingSet: emptySet,
  K32QueryWorkingSet: querySet(storeWorkingSet),
  K32QueryWorkingSetEx: querySet(storeWorkingSetEx),
  VirtualLock: locking(lockVirtualMemory),
  VirtualUnlock: locking(unlockVirtualMemory),
};
