/**
 * Notifications of low and high memory (memoryapi.h). Sources: Microsoft, "CreateMemoryResourceNotification function",
 * "QueryMemoryResourceNotification function".
 */
import { ntSuccess, STATUS_OBJECT_TYPE_MISMATCH } from '../../base/ntstatus.js';
import { EVENT_QUERY_STATE, SYNCHRONIZE } from '../../nt/access.js';
import { HIGH_MEMORY_CONDITION, LOW_MEMORY_CONDITION } from '../../nt/memory-conditions.js';
import { openNamedObject, referenceByHandle } from '../../nt/object-manager.js';
import type { ServiceFunction } from '../../nt/service.js';
import { ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { checkOutput, failStatus, TRUE } from './results.js';

/** By MEMORY_RESOURCE_NOTIFICATION_TYPE. */
const CONDITIONS = [LOW_MEMORY_CONDITION, HIGH_MEMORY_CONDITION];

/** HANDLE CreateMemoryResourceNotification(type). */
const create: ServiceFunction = (call) => {
  const path = CONDITIONS[call.u32(0)];
  if (path === undefined) return call.fail(ERROR_INVALID_PARAMETER);
  const out = { handle: 0 };
  const access = EVENT_QUERY_STATE | SYNCHRONIZE;
  const status = openNamedObject(call.kernel, call.process, path, 'event', access, 0, out);
  return ntSuccess(status) ? out.handle : failStatus(call, status);
};

/** BOOL QueryMemoryResourceNotification(notification, state). */
const query: ServiceFunction = (call) => {
  const { low, high } = call.kernel.memoryConditions;
  const found = referenceByHandle(call.kernel, call.process, call.handle(0), 'event', EVENT_QUERY_STATE);
  if (typeof found === 'number') return failStatus(call, found);
  if (found !== low && found !== high) return failStatus(call, STATUS_OBJECT_TYPE_MISMATCH);
  const output = checkOutput(call, call.address(1), 4);
  if (!ntSuccess(output)) return failStatus(call, output);
  call.memory.writeU32(call.address(1), (found === low ? low : high).signalState);
  return TRUE;
};

export const memoryNotificationFunctions: Record<string, ServiceFunction> = {
  CreateMemoryResourceNotification: create,
  QueryMemoryResourceNotification: query,
};
