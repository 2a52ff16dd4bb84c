import { HANDLE_FLAG_INHERIT } from '../../nt/handle-table.js';
import type { ServiceCall } from '../../nt/service.js';

/** bInheritHandle of SECURITY_ATTRIBUTES (byte offset). */
const INHERIT_HANDLE = 0x10;

/** Handle flags that a SECURITY_ATTRIBUTES structure asks for; its address may be 0. */
export function inheritanceOf(call: ServiceCall, address: number): number {
  return address !== 0 && call.memory.readU32(address + INHERIT_HANDLE) !== 0 ? HANDLE_FLAG_INHERIT : 0;
}
