/** What lies at an address (memoryapi.h, psapi.h). Sources: Microsoft, "GetMappedFileNameW function", "QueryVirtualMemoryInformation function". */
import { ntSuccess } from '../../base/ntstatus.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { mappedFileName, storeRegion } from '../ntdll/memory-queries.js';
import { failStatus, statusOf, TRUE } from './results.js';
import { bothForms, type TextForm, writeText } from './text-form.js';

/** WIN32_MEMORY_INFORMATION_CLASS: the one class there is. */
const MEMORY_REGION_INFO = 0;

/** DWORD GetMappedFileName(process, address, buffer, units): cut to what fits. */
const getMappedFileName =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const room = call.u32(3);
    if (room === 0) return call.fail(ERROR_INSUFFICIENT_BUFFER);
    const name = mappedFileName(call, call.handle(0), call.address(1));
    if (typeof name === 'number') return failStatus(call, name);
    const text = name.slice(0, room - 1);
    writeText(call, form, call.address(2), text);
    return text.length;
  };

/** BOOL QueryVirtualMemoryInformation(process, address, class, buffer, bytes, *returned). */
function queryInformation(call: ServiceCall): number {
  if (call.u32(2) !== MEMORY_REGION_INFO) return call.fail(ERROR_INVALID_PARAMETER);
  const status = statusOf(() => storeRegion(call, call.address(3), call.size(4), false));
  return ntSuccess(status) ? TRUE : failStatus(call, status);
}

export const mappedFileNameFunctions: Record<string, Service | ServiceFunction> = {
  ...bothForms('K32GetMappedFileName', getMappedFileName),
  QueryVirtualMemoryInformation: queryInformation,
};
