/**
 * What an access may do by a page's protection code. MiAccessCheck. Source: Microsoft, "Memory Protection Constants".
 */
import { STATUS_ACCESS_VIOLATION, STATUS_GUARD_PAGE_VIOLATION, STATUS_SUCCESS } from '../base/ntstatus.js';
import { allowsExecute, allowsWrite } from './protection.js';
import { MM_GUARD_PAGE, MM_NOACCESS } from './pte.js';

/** Bits of the processor's page-fault error code (AMD64 manual, volume 2, 8.2.15). */
export const FAULT_PRESENT = 1;
export const FAULT_WRITE = 2;
export const FAULT_USER = 4;
export const FAULT_FETCH = 16;

/**
 * Whether a protection code allows an access: STATUS_SUCCESS, STATUS_GUARD_PAGE_VIOLATION (any access to a guard page), or
 * STATUS_ACCESS_VIOLATION. Source: Microsoft, "Memory Protection Constants".
 */
export function checkAccess(protection: number, errorCode: number): number {
  if ((protection & 7) === 0) return STATUS_ACCESS_VIOLATION;
  if ((protection & MM_NOACCESS) === MM_GUARD_PAGE) return STATUS_GUARD_PAGE_VIOLATION;
  if ((errorCode & FAULT_WRITE) !== 0 && !allowsWrite(protection)) return STATUS_ACCESS_VIOLATION;
  if ((errorCode & FAULT_FETCH) !== 0 && !allowsExecute(protection)) return STATUS_ACCESS_VIOLATION;
  return STATUS_SUCCESS;
}
