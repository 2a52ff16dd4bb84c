import { HANDLE_FLAG_INHERIT } from '../../nt/handle-table.js';
import type { SecurityDescriptor } from '../../nt/security/security-descriptor.js';
import type { ServiceCall } from '../../nt/service.js';
import { optionalDescriptor } from '../ntdll/captured-security.js';

/** lpSecurityDescriptor and bInheritHandle of SECURITY_ATTRIBUTES (byte offsets). */
const DESCRIPTOR = 0x08;
const INHERIT_HANDLE = 0x10;

/** Who may open the object that a SECURITY_ATTRIBUTES structure belongs to; undefined for anybody whom the default allows, a number is the NTSTATUS. */
export function securityOf(call: ServiceCall, address: number): SecurityDescriptor | number | undefined {
  return address === 0 ? undefined : optionalDescriptor(call, call.memory.readPointer(address + DESCRIPTOR));
}

/** Handle flags that a SECURITY_ATTRIBUTES structure asks for; its address may be 0. */
export function inheritanceOf(call: ServiceCall, address: number): number {
  return address !== 0 && call.memory.readU32(address + INHERIT_HANDLE) !== 0 ? HANDLE_FLAG_INHERIT : 0;
}
