/**
 * What lies at an address (memoryapi.h, psapi.h), and the drives that devices in such names stand for. Sources: Microsoft,
 * "GetMappedFileNameW function", "QueryVirtualMemoryInformation function", "QueryDosDeviceW function".
 */
import { ntSuccess } from '../../base/ntstatus.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { volumeDevice } from '../../nt/volume-name.js';
import {
  ERROR_FILE_NOT_FOUND,
  ERROR_INSUFFICIENT_BUFFER,
  ERROR_INVALID_PARAMETER,
} from '../ntdll/dos-error.js';
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

/** MS-DOS device names and the devices that they stand for: drives with a mount, and NUL. */
function dosDevices(call: ServiceCall): Map<string, string> {
  const drives = [...new Set(call.kernel.fileSystem.mounts.map(({ drive }) => drive))].sort();
  return new Map([
    ...drives.map((drive) => [`${drive}:`, volumeDevice(drive)] as const),
    ['NUL', '\\Device\\Null'],
  ]);
}

/** DWORD QueryDosDevice(name or 0, buffer, units): the target of a name, or every name; a list that an empty text ends. */
const queryDosDevice =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const [nameAt, buffer, room] = [call.address(0), call.address(1), call.u32(2)];
    const devices = dosDevices(call);
    const target = nameAt === 0 ? '' : devices.get(form.read(call, nameAt).toUpperCase());
    if (target === undefined) return call.fail(ERROR_FILE_NOT_FOUND);
    const texts = nameAt === 0 ? [...devices.keys()] : [target];
    const bytes = form.encode(`${texts.join('\0')}\0\0`);
    if (bytes.length / form.unit > room) return call.fail(ERROR_INSUFFICIENT_BUFFER);
    call.memory.writeBytes(buffer, bytes);
    return bytes.length / form.unit;
  };

/** BOOL QueryVirtualMemoryInformation(process, address, class, buffer, bytes, *returned). */
function queryInformation(call: ServiceCall): number {
  if (call.u32(2) !== MEMORY_REGION_INFO) return call.fail(ERROR_INVALID_PARAMETER);
  const status = statusOf(() => storeRegion(call, call.address(3), call.size(4), false));
  return ntSuccess(status) ? TRUE : failStatus(call, status);
}

export const mappedFileNameFunctions: Record<string, Service | ServiceFunction> = {
  ...bothForms('K32GetMappedFileName', getMappedFileName),
  ...bothForms('QueryDosDevice', queryDosDevice),
  QueryVirtualMemoryInformation: queryInformation,
};
