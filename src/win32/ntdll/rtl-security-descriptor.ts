/** Security descriptors in a program's memory. Sources: Microsoft, "RtlCreateSecurityDescriptor function", "SetSecurityDescriptorDacl function", "GetSecurityDescriptorDacl function", "MakeSelfRelativeSD function", "MakeAbsoluteSD function". */
import {
  STATUS_BAD_DESCRIPTOR_FORMAT,
  STATUS_BUFFER_TOO_SMALL,
  STATUS_INVALID_SECURITY_DESCR,
  STATUS_SUCCESS,
  STATUS_UNKNOWN_REVISION,
} from '../../base/ntstatus.js';
import {
  DACL_SECURITY_INFORMATION,
  GROUP_SECURITY_INFORMATION,
  OWNER_SECURITY_INFORMATION,
  SACL_SECURITY_INFORMATION,
  SE_DACL_DEFAULTED,
  SE_DACL_PRESENT,
  SE_GROUP_DEFAULTED,
  SE_OWNER_DEFAULTED,
  SE_SACL_DEFAULTED,
  SE_SACL_PRESENT,
  SE_SELF_RELATIVE,
  selfRelative,
} from '../../nt/security/security-descriptor.js';
import { sidBytes } from '../../nt/security/sid.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import {
  ABSOLUTE,
  ABSOLUTE_BYTES,
  addressOfPart,
  captureDescriptor,
  DESCRIPTOR_CONTROL,
  DESCRIPTOR_REVISION,
  type Part,
} from './captured-security.js';

const ALL_PARTS =
  OWNER_SECURITY_INFORMATION |
  GROUP_SECURITY_INFORMATION |
  DACL_SECURITY_INFORMATION |
  SACL_SECURITY_INFORMATION;

const controlOf = (call: ServiceCall, descriptor: number) =>
  call.memory.readU16(descriptor + DESCRIPTOR_CONTROL);

/** (descriptor, revision). */
const create: ServiceFunction = (call) => {
  if (call.u32(1) !== DESCRIPTOR_REVISION) return STATUS_UNKNOWN_REVISION;
  call.memory.fill(call.address(0), ABSOLUTE_BYTES, 0);
  call.memory.writeU8(call.address(0), DESCRIPTOR_REVISION);
  return STATUS_SUCCESS;
};

/** Why a part of a descriptor cannot be set, or STATUS_SUCCESS: it must have the absolute form. */
function refusal(call: ServiceCall, descriptor: number): number {
  if (call.memory.readU8(descriptor) !== DESCRIPTOR_REVISION) return STATUS_UNKNOWN_REVISION;
  return controlOf(call, descriptor) & SE_SELF_RELATIVE ? STATUS_INVALID_SECURITY_DESCR : STATUS_SUCCESS;
}

/** Stores a part's pointer, and of the two control bits those that are to be set. */
function setPart(call: ServiceCall, part: Part, pointer: number, control: number, mask: number): number {
  const descriptor = call.address(0);
  const status = refusal(call, descriptor);
  if (status !== STATUS_SUCCESS) return status;
  call.memory.writePointer(descriptor + ABSOLUTE[part], pointer);
  call.memory.writeU16(descriptor + DESCRIPTOR_CONTROL, (controlOf(call, descriptor) & ~mask) | control);
  return STATUS_SUCCESS;
}

/** A BOOL or BOOLEAN argument: programs leave the upper bytes of a BOOLEAN as they were. */
const flag = (call: ServiceCall, index: number) => (call.u32(index) & 0xff) !== 0;

/** (descriptor, present, acl, defaulted). */
const settingAcl =
  (part: 'dacl' | 'sacl', present: number, defaulted: number): ServiceFunction =>
  (call) => {
    if (!flag(call, 1)) return setPart(call, part, 0, 0, present | defaulted);
    const control = present | (flag(call, 3) ? defaulted : 0);
    return setPart(call, part, call.address(2), control, present | defaulted);
  };

/** (descriptor, sid, defaulted). */
const settingSid =
  (part: 'owner' | 'group', defaulted: number): ServiceFunction =>
  (call) =>
    setPart(call, part, call.address(1), flag(call, 2) ? defaulted : 0, defaulted);

/** How wide the booleans are that a function stores: BOOLEAN or BOOL. */
type Width = 1 | 4;

function storeFlag(call: ServiceCall, at: number, width: Width, value: boolean): void {
  if (width === 1) call.memory.writeU8(at, value ? 1 : 0);
  else call.memory.writeU32(at, value ? 1 : 0);
}

/** (descriptor, *present, **acl, *defaulted); the last two are left alone when there is none. */
export const gettingAcl =
  (part: 'dacl' | 'sacl', width: Width): ServiceFunction =>
  (call) => {
    const [present, defaulted] =
      part === 'dacl' ? [SE_DACL_PRESENT, SE_DACL_DEFAULTED] : [SE_SACL_PRESENT, SE_SACL_DEFAULTED];
    const descriptor = call.address(0);
    if (call.memory.readU8(descriptor) !== DESCRIPTOR_REVISION) return STATUS_UNKNOWN_REVISION;
    const control = controlOf(call, descriptor);
    storeFlag(call, call.address(1), width, (control & present) !== 0);
    if ((control & present) === 0) return STATUS_SUCCESS;
    call.memory.writePointer(call.address(2), addressOfPart(call, descriptor, part));
    storeFlag(call, call.address(3), width, (control & defaulted) !== 0);
    return STATUS_SUCCESS;
  };

/** (descriptor, **sid, *defaulted). */
export const gettingSid =
  (part: 'owner' | 'group', width: Width): ServiceFunction =>
  (call) => {
    const defaulted = part === 'owner' ? SE_OWNER_DEFAULTED : SE_GROUP_DEFAULTED;
    const descriptor = call.address(0);
    if (call.memory.readU8(descriptor) !== DESCRIPTOR_REVISION) return STATUS_UNKNOWN_REVISION;
    call.memory.writePointer(call.address(1), addressOfPart(call, descriptor, part));
    storeFlag(call, call.address(2), width, (controlOf(call, descriptor) & defaulted) !== 0);
    return STATUS_SUCCESS;
  };

/** (descriptor, *control, *revision). */
const getControl: ServiceFunction = (call) => {
  const descriptor = call.address(0);
  const revision = call.memory.readU8(descriptor);
  call.memory.writeU32(call.address(2), revision);
  if (revision !== DESCRIPTOR_REVISION) return STATUS_UNKNOWN_REVISION;
  call.memory.writeU16(call.address(1), controlOf(call, descriptor));
  return STATUS_SUCCESS;
};

function bytesOf(call: ServiceCall): Uint8Array | number {
  const captured = captureDescriptor(call, call.address(0));
  return typeof captured === 'number' ? captured : selfRelative(captured, ALL_PARTS);
}

/** Bytes of the descriptor in one piece, or of its absolute header alone. */
const length: ServiceFunction = (call) => {
  const bytes = bytesOf(call);
  return typeof bytes === 'number' ? ABSOLUTE_BYTES : bytes.length;
};

/** (absolute, selfRelative, *bytes). */
const makeSelfRelative: ServiceFunction = (call) => {
  if (controlOf(call, call.address(0)) & SE_SELF_RELATIVE) return STATUS_BAD_DESCRIPTOR_FORMAT;
  const bytes = bytesOf(call);
  if (typeof bytes === 'number') return bytes;
  const room = call.memory.readU32(call.address(2));
  call.memory.writeU32(call.address(2), bytes.length);
  if (room < bytes.length) return STATUS_BUFFER_TOO_SMALL;
  call.memory.writeBytes(call.address(1), bytes);
  return STATUS_SUCCESS;
};

/** (selfRelative, absolute, *bytes, dacl, *bytes, sacl, *bytes, owner, *bytes, group, *bytes). */
const makeAbsolute: ServiceFunction = (call) => {
  const { memory } = call;
  if ((controlOf(call, call.address(0)) & SE_SELF_RELATIVE) === 0) return STATUS_BAD_DESCRIPTOR_FORMAT;
  const captured = captureDescriptor(call, call.address(0));
  if (typeof captured === 'number') return captured;
  const { dacl, sacl, control } = captured;
  const [owner, group] = [captured.owner, captured.group].map((sid) => (sid === null ? null : sidBytes(sid)));
  const parts = [new Uint8Array(ABSOLUTE_BYTES), dacl, sacl, owner!, group!];
  let fits = true;
  parts.forEach((part, index) => {
    const sizeAt = call.address(2 + 2 * index);
    const needed = part?.length ?? 0;
    if (memory.readU32(sizeAt) < needed) fits = false;
    memory.writeU32(sizeAt, needed);
  });
  if (!fits) return STATUS_BUFFER_TOO_SMALL;
  const header = call.address(1);
  parts.forEach((part, index) => {
    if (part !== null) memory.writeBytes(call.address(1 + 2 * index), part);
  });
  memory.writeU8(header, DESCRIPTOR_REVISION);
  memory.writeU16(header + DESCRIPTOR_CONTROL, control);
  (['dacl', 'sacl', 'owner', 'group'] as const).forEach((part, index) => {
    if (parts[index + 1]) memory.writePointer(header + ABSOLUTE[part], call.address(3 + 2 * index));
  });
  return STATUS_SUCCESS;
};

export const securityDescriptorServices = {
  RtlCreateSecurityDescriptor: create,
  RtlSetDaclSecurityDescriptor: settingAcl('dacl', SE_DACL_PRESENT, SE_DACL_DEFAULTED),
  RtlSetSaclSecurityDescriptor: settingAcl('sacl', SE_SACL_PRESENT, SE_SACL_DEFAULTED),
  RtlSetOwnerSecurityDescriptor: settingSid('owner', SE_OWNER_DEFAULTED),
  RtlSetGroupSecurityDescriptor: settingSid('group', SE_GROUP_DEFAULTED),
  RtlGetDaclSecurityDescriptor: gettingAcl('dacl', 1),
  RtlGetSaclSecurityDescriptor: gettingAcl('sacl', 1),
  RtlGetOwnerSecurityDescriptor: gettingSid('owner', 1),
  RtlGetGroupSecurityDescriptor: gettingSid('group', 1),
  RtlGetControlSecurityDescriptor: getControl,
  RtlLengthSecurityDescriptor: length,
  RtlValidSecurityDescriptor: (call) =>
    call.address(0) !== 0 && typeof captureDescriptor(call, call.address(0)) !== 'number' ? 1 : 0,
  RtlMakeSelfRelativeSD: makeSelfRelative,
  RtlAbsoluteToSelfRelativeSD: makeSelfRelative,
  RtlSelfRelativeToAbsoluteSD: makeAbsolute,
} satisfies Record<string, ServiceFunction>;
