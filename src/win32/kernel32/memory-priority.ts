/**
 * The memory priority of processes and threads (processthreadsapi.h). Sources: Microsoft, "SetProcessInformation function",
 * "GetProcessInformation function", "SetThreadInformation function", "GetThreadInformation function".
 */
import { ntSuccess } from '../../base/ntstatus.js';
import { PROCESS_QUERY_INFORMATION, THREAD_QUERY_INFORMATION } from '../../nt/access.js';
import { referenceByHandle } from '../../nt/object-manager.js';
import { pagePriorityOf, setProcessPagePriority, setThreadPagePriority } from '../../nt/page-priority.js';
import type { Process } from '../../nt/process.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import type { Thread } from '../../nt/thread.js';
import { ERROR_BAD_LENGTH, ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { checkOutput, failStatus, statusOf, TRUE, truth } from './results.js';

/** ProcessMemoryPriority and ThreadMemoryPriority are both class 0; MEMORY_PRIORITY_INFORMATION is one ULONG. */
const MEMORY_PRIORITY = 0;
const INFORMATION_BYTES = 4;

/** The last error for a class or size that is not MEMORY_PRIORITY_INFORMATION's, 0 for none. */
function refusal(call: ServiceCall): number {
  if (call.u32(1) !== MEMORY_PRIORITY) return ERROR_INVALID_PARAMETER;
  return call.u32(3) === INFORMATION_BYTES ? 0 : ERROR_BAD_LENGTH;
}

/** BOOL SetProcessInformation(process, class, information, bytes) and SetThreadInformation. */
const set =
  (change: typeof setProcessPagePriority): ServiceFunction =>
  (call) => {
    const error = refusal(call);
    if (error !== 0) return call.fail(error);
    const status = statusOf(() =>
      change(call.kernel, call.process, call.handle(0), call.memory.readU32(call.address(2))),
    );
    return truth(call, status);
  };

/** BOOL GetProcessInformation(process, class, information, bytes) and GetThreadInformation. */
const get =
  (kind: 'process' | 'thread', access: number): ServiceFunction =>
  (call) => {
    const error = refusal(call);
    if (error !== 0) return call.fail(error);
    const found = referenceByHandle(call.kernel, call.process, call.handle(0), kind, access);
    if (typeof found === 'number') return failStatus(call, found);
    const output = checkOutput(call, call.address(2), INFORMATION_BYTES);
    if (!ntSuccess(output)) return failStatus(call, output);
    const priority =
      kind === 'process' ? (found as Process).space.pagePriority : pagePriorityOf(found as Thread);
    call.memory.writeU32(call.address(2), priority);
    return TRUE;
  };

export const memoryPriorityFunctions: Record<string, ServiceFunction> = {
  SetProcessInformation: set(setProcessPagePriority),
  GetProcessInformation: get('process', PROCESS_QUERY_INFORMATION),
  SetThreadInformation: set(setThreadPagePriority),
  GetThreadInformation: get('thread', THREAD_QUERY_INFORMATION),
};
