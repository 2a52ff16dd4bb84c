/** How Win32 functions say that they failed: the last error from an NTSTATUS. */
import { ntSuccess, STATUS_SUCCESS } from '../../base/ntstatus.js';
import { GuestFault } from '../../mm/user-memory.js';
import type { ServiceCall } from '../../nt/service.js';
import { dosErrorOf } from '../ntdll/dos-error.js';

export const TRUE = 1;
export const FALSE = 0;
export const INVALID_HANDLE_VALUE = -1;

/** Win32 errors beyond those that statuses map to (Microsoft, "System Error Codes"). */
export const ERROR_NEGATIVE_SEEK = 131;
export const ERROR_BUFFER_OVERFLOW = 111;
export const ERROR_ENVVAR_NOT_FOUND = 203;
export const ERROR_INVALID_FLAGS = 1004;
export const ERROR_NO_UNICODE_TRANSLATION = 1113;
export const ERROR_DISCARDED = 157;
export const ERROR_NO_TOKEN = 1008;
export const ERROR_NO_MORE_ITEMS = 259;
export const ERROR_NO_DATA = 232;
export const ERROR_REQUEST_ABORTED = 1235;
export const ERROR_RESOURCE_NAME_NOT_FOUND = 1814;

/** Sets the last error of a status; returns `value`, 0 when left out (BaseSetLastNTError). */
export function failStatus(call: ServiceCall, status: number, value = 0): number {
  return call.fail(dosErrorOf(status), value);
}

/** TRUE for a status of success, else FALSE with the last error. */
export function truth(call: ServiceCall, status: number): number {
  return ntSuccess(status) ? TRUE : failStatus(call, status);
}

/** Does what a system call does with the caller's pointers: a bad one gives its status, not an exception. */
export function statusOf(operation: () => number): number {
  try {
    return operation();
  } catch (error) {
    if (error instanceof GuestFault) return error.status;
    throw error;
  }
}

/** The status with which the system would refuse an output buffer, or STATUS_SUCCESS. Bytes. */
export function checkOutput(call: ServiceCall, address: number, length: number): number {
  return statusOf(() => {
    call.memory.probeWrite(address, length);
    return STATUS_SUCCESS;
  });
}

/** Writes a number of up to 53 bits as 8 bytes. */
export function writeU64(call: ServiceCall, address: number, value: number): void {
  call.memory.writeU64(address, value % 2 ** 32, Math.floor(value / 2 ** 32));
}
