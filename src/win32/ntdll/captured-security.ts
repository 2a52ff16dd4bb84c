/**
 * Security descriptors, access-control lists and SIDs in a program's memory. Sources: Microsoft, "SECURITY_DESCRIPTOR
 * structure (winnt.h)", "Absolute and Self-Relative Security Descriptors".
 */
import {
  STATUS_INVALID_ACL,
  STATUS_INVALID_SECURITY_DESCR,
  STATUS_INVALID_SID,
  STATUS_UNKNOWN_REVISION,
} from '../../base/ntstatus.js';
import {
  ACL_HEADER_BYTES,
  acesOf,
  SE_DACL_PRESENT,
  SE_SACL_PRESENT,
  SE_SELF_RELATIVE,
  type SecurityDescriptor,
} from '../../nt/security/security-descriptor.js';
import { MOST_SUB_AUTHORITIES, type Sid, sidFromBytes, sidLength } from '../../nt/security/sid.js';
import type { ServiceCall } from '../../nt/service.js';

export const DESCRIPTOR_REVISION = 1;
export const DESCRIPTOR_CONTROL = 2;
/** Places of the four parts in the absolute form (pointers) and in the self-relative one (offsets). */
export const ABSOLUTE = { owner: 0x08, group: 0x10, sacl: 0x18, dacl: 0x20 } as const;
export const SELF_RELATIVE = { owner: 0x04, group: 0x08, sacl: 0x0c, dacl: 0x10 } as const;
/** Bytes of the absolute form. */
export const ABSOLUTE_BYTES = 0x28;

export type Part = keyof typeof ABSOLUTE;

/** Address of a part of a descriptor, 0 for none. */
export function addressOfPart(call: ServiceCall, descriptor: number, part: Part): number {
  const { memory } = call;
  if ((memory.readU16(descriptor + DESCRIPTOR_CONTROL) & SE_SELF_RELATIVE) === 0)
    return memory.readPointer(descriptor + ABSOLUTE[part]);
  const offset = memory.readU32(descriptor + SELF_RELATIVE[part]);
  return offset === 0 ? 0 : descriptor + offset;
}

/** The SID at an address, null when there is none. */
export function readSid(call: ServiceCall, address: number): Sid | null {
  const count = call.memory.readU8(address + 1);
  if (count > MOST_SUB_AUTHORITIES) return null;
  return sidFromBytes(call.memory.readBytes(address, sidLength(count)));
}

/** The bytes of the ACL at an address, as many as its header says; null when they are none. */
export function readAcl(call: ServiceCall, address: number): Uint8Array | null {
  const size = call.memory.readU16(address + 2);
  if (size < ACL_HEADER_BYTES) return null;
  const acl = call.memory.readBytes(address, size);
  return acesOf(acl) === null ? null : acl;
}

/**
 * What the descriptor at an address says, in either form. A number is the NTSTATUS: STATUS_UNKNOWN_REVISION,
 * STATUS_INVALID_SECURITY_DESCR, STATUS_INVALID_SID, STATUS_INVALID_ACL.
 */
export function captureDescriptor(call: ServiceCall, address: number): SecurityDescriptor | number {
  if (call.memory.readU8(address) !== DESCRIPTOR_REVISION) return STATUS_UNKNOWN_REVISION;
  const control = call.memory.readU16(address + DESCRIPTOR_CONTROL);
  const sids = (['owner', 'group'] as const).map((part) => captureSid(call, address, part));
  const [dacl, sacl] = [
    control & SE_DACL_PRESENT ? captureAcl(call, address, 'dacl') : null,
    control & SE_SACL_PRESENT ? captureAcl(call, address, 'sacl') : null,
  ];
  const [owner, group] = sids;
  if (owner === undefined || group === undefined) return STATUS_INVALID_SID;
  if (dacl === undefined || sacl === undefined) return STATUS_INVALID_ACL;
  return { owner, group, control: control & ~SE_SELF_RELATIVE, dacl, sacl };
}

function captureSid(call: ServiceCall, descriptor: number, part: 'owner' | 'group'): Sid | null | undefined {
  const at = addressOfPart(call, descriptor, part);
  return at === 0 ? null : (readSid(call, at) ?? undefined);
}

function captureAcl(
  call: ServiceCall,
  descriptor: number,
  part: 'dacl' | 'sacl',
): Uint8Array | null | undefined {
  const at = addressOfPart(call, descriptor, part);
  return at === 0 ? null : (readAcl(call, at) ?? undefined);
}

/** captureDescriptor for the pointer in a SECURITY_ATTRIBUTES or OBJECT_ATTRIBUTES; 0 means none. */
export function optionalDescriptor(
  call: ServiceCall,
  address: number,
): SecurityDescriptor | number | undefined {
  if (address === 0) return undefined;
  const captured = captureDescriptor(call, address);
  return captured === STATUS_UNKNOWN_REVISION ? STATUS_INVALID_SECURITY_DESCR : captured;
}
