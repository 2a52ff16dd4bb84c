/** The security of objects. Sources: Microsoft, "NtQuerySecurityObject function", "NtSetSecurityObject function". */
import {
  STATUS_ACCESS_DENIED,
  STATUS_BUFFER_TOO_SMALL,
  STATUS_INVALID_OWNER,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import { READ_CONTROL } from '../../nt/access.js';
import type { KernelObject } from '../../nt/object.js';
import { referenceByHandle } from '../../nt/object-manager.js';
import { DEFAULT_DESCRIPTOR } from '../../nt/security/access-check.js';
import {
  DACL_SECURITY_INFORMATION,
  GROUP_SECURITY_INFORMATION,
  OWNER_SECURITY_INFORMATION,
  SACL_SECURITY_INFORMATION,
  type SecurityDescriptor,
  selfRelative,
  withParts,
} from '../../nt/security/security-descriptor.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { nativeServices } from './arguments.js';
import { captureDescriptor } from './captured-security.js';

const WRITE_DAC = 0x40000;
const WRITE_OWNER = 0x80000;
const ACCESS_SYSTEM_SECURITY = 0x1000000;
const OWNER_OR_GROUP = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION;

function accessToQuery(information: number): number {
  const named = information & (OWNER_OR_GROUP | DACL_SECURITY_INFORMATION) ? READ_CONTROL : 0;
  return named | (information & SACL_SECURITY_INFORMATION ? ACCESS_SYSTEM_SECURITY : 0);
}

function accessToSet(information: number): number {
  return (
    (information & OWNER_OR_GROUP ? WRITE_OWNER : 0) |
    (information & DACL_SECURITY_INFORMATION ? WRITE_DAC : 0) |
    (information & SACL_SECURITY_INFORMATION ? ACCESS_SYSTEM_SECURITY : 0)
  );
}

/** The object of a handle that has been opened for reading its security; a number is the NTSTATUS. */
export function querySecurity(
  call: ServiceCall,
  handle: number,
  information: number,
): SecurityDescriptor | number {
  const object = referenceByHandle(call.kernel, call.process, handle, null, accessToQuery(information));
  return typeof object === 'number' ? object : (object.security ?? DEFAULT_DESCRIPTOR);
}

/** Replaces parts of an object's security; the owner must be one of the caller's own SIDs. */
export function setSecurity(
  call: ServiceCall,
  handle: number,
  information: number,
  parts: SecurityDescriptor,
): number {
  const object = referenceByHandle(call.kernel, call.process, handle, null, accessToSet(information));
  if (typeof object === 'number') return object;
  const owner = information & OWNER_SECURITY_INFORMATION ? parts.owner : null;
  if (information & OWNER_SECURITY_INFORMATION && !(owner && call.process.token.sids.includes(owner)))
    return STATUS_INVALID_OWNER;
  return replaceSecurity(call, object, information, parts);
}

/** Files lie on volumes that keep no descriptors; a system object of which programs have few rights keeps its own. */
function replaceSecurity(
  call: ServiceCall,
  object: KernelObject,
  information: number,
  parts: SecurityDescriptor,
): number {
  if (object.grantable !== undefined) return STATUS_ACCESS_DENIED;
  if (object.kind === 'file') return STATUS_SUCCESS;
  call.memory.commit();
  object.security = withParts(object.security ?? DEFAULT_DESCRIPTOR, parts, information);
  return STATUS_SUCCESS;
}

/** (handle, information, descriptor, length, *needed). */
const querySecurityObject: ServiceFunction = (call) => {
  const [information, length, neededAt] = [call.u32(1), call.u32(3), call.address(4)];
  call.memory.probeWrite(neededAt, 4);
  const found = querySecurity(call, call.handle(0), information);
  if (typeof found === 'number') return found;
  const bytes = selfRelative(found, information);
  call.memory.writeU32(neededAt, bytes.length);
  if (length < bytes.length) return STATUS_BUFFER_TOO_SMALL;
  call.memory.probeWrite(call.address(2), bytes.length);
  call.memory.writeBytes(call.address(2), bytes);
  return STATUS_SUCCESS;
};

/** (handle, information, descriptor). */
const setSecurityObject: ServiceFunction = (call) => {
  const parts = captureDescriptor(call, call.address(2));
  return typeof parts === 'number' ? parts : setSecurity(call, call.handle(0), call.u32(1), parts);
};

export const securityServices = nativeServices({
  QuerySecurityObject: querySecurityObject,
  SetSecurityObject: setSecurityObject,
});
