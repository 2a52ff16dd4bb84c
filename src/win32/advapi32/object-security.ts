/**
 * The security of objects, and descriptors as text. Sources: Microsoft, "GetKernelObjectSecurity function",
 * "SetKernelObjectSecurity function", "GetSecurityInfo function", "SetSecurityInfo function",
 * "ConvertStringSecurityDescriptorToSecurityDescriptorW function", "ConvertSidToStringSidW function".
 */
import { STATUS_INVALID_SID } from '../../base/ntstatus.js';
import { parseSddl, sddlOf } from '../../nt/security/sddl.js';
import {
  DACL_SECURITY_INFORMATION,
  GROUP_SECURITY_INFORMATION,
  OWNER_SECURITY_INFORMATION,
  SACL_SECURITY_INFORMATION,
  SE_DACL_PRESENT,
  SE_SACL_PRESENT,
  selfRelative,
} from '../../nt/security/security-descriptor.js';
import { parseSid, type Sid, sidBytes } from '../../nt/security/sid.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { failStatus, TRUE, truth } from '../kernel32/results.js';
import { bothForms, type TextForm, textInHeap } from '../kernel32/text-form.js';
import { captureDescriptor, readAcl, readSid, SELF_RELATIVE } from '../ntdll/captured-security.js';
import {
  dosErrorOf,
  ERROR_INSUFFICIENT_BUFFER,
  ERROR_INVALID_ACL,
  ERROR_INVALID_PARAMETER,
  ERROR_INVALID_SID,
  ERROR_NOT_ENOUGH_MEMORY,
  ERROR_SUCCESS,
  ERROR_UNKNOWN_REVISION,
} from '../ntdll/dos-error.js';
import { allocateFromHeap } from '../ntdll/heap.js';
import { heapContext } from '../ntdll/heap-context.js';
import { processHeap } from '../ntdll/heap-services.js';
import { querySecurity, setSecurity } from '../ntdll/security-services.js';

const ALL_PARTS =
  OWNER_SECURITY_INFORMATION |
  GROUP_SECURITY_INFORMATION |
  DACL_SECURITY_INFORMATION |
  SACL_SECURITY_INFORMATION;
const SDDL_REVISION = 1;
/** Most characters of a text that describes a descriptor: what one can hold is far less. */
const MAXIMUM_SDDL = 0x40000;
/** SE_FILE_OBJECT and SE_KERNEL_OBJECT of SE_OBJECT_TYPE. */
const SE_FILE_OBJECT = 1;
const SE_KERNEL_OBJECT = 6;

/** Bytes in a block of the process heap that the program frees (LocalFree); 0 when there is no memory. */
function blockOf(call: ServiceCall, bytes: Uint8Array): number {
  const at = allocateFromHeap(heapContext(call), processHeap(call), 0, bytes.length);
  if (at !== 0) call.memory.writeBytes(at, bytes);
  return at;
}

/** BOOL GetKernelObjectSecurity(handle, information, descriptor, length, *needed). */
const getKernelObjectSecurity: ServiceFunction = (call) => {
  const found = querySecurity(call, call.handle(0), call.u32(1));
  if (typeof found === 'number') return failStatus(call, found);
  const bytes = selfRelative(found, call.u32(1));
  call.memory.writeU32(call.address(4), bytes.length);
  if (call.u32(3) < bytes.length) return call.fail(ERROR_INSUFFICIENT_BUFFER);
  call.memory.writeBytes(call.address(2), bytes);
  return TRUE;
};

/** BOOL SetKernelObjectSecurity(handle, information, descriptor). */
const setKernelObjectSecurity: ServiceFunction = (call) => {
  const parts = captureDescriptor(call, call.address(2));
  return truth(
    call,
    typeof parts === 'number' ? parts : setSecurity(call, call.handle(0), call.u32(1), parts),
  );
};

const isKnownType = (type: number) => type === SE_FILE_OBJECT || type === SE_KERNEL_OBJECT;

/** DWORD GetSecurityInfo(handle, type, information, **owner, **group, **dacl, **sacl, **descriptor). */
const getSecurityInfo: ServiceFunction = (call) => {
  const [information, { memory }] = [call.u32(2), call];
  if (!isKnownType(call.u32(1))) return ERROR_INVALID_PARAMETER;
  const found = querySecurity(call, call.handle(0), information);
  if (typeof found === 'number') return dosErrorOf(found);
  const places = [3, 4, 5, 6, 7].map((index) => call.address(index));
  for (const place of places) if (place !== 0) memory.probeWrite(place, 8);
  const block = blockOf(call, selfRelative(found, information));
  if (block === 0) return ERROR_NOT_ENOUGH_MEMORY;
  (['owner', 'group', 'dacl', 'sacl'] as const).forEach((part, index) => {
    const offset = memory.readU32(block + SELF_RELATIVE[part]);
    if (places[index] !== 0) memory.writePointer(places[index]!, offset === 0 ? 0 : block + offset);
  });
  if (places[4] !== 0) memory.writePointer(places[4]!, block);
  return ERROR_SUCCESS;
};

/** DWORD SetSecurityInfo(handle, type, information, owner, group, dacl, sacl). */
const setSecurityInfo: ServiceFunction = (call) => {
  const information = call.u32(2);
  if (!isKnownType(call.u32(1))) return ERROR_INVALID_PARAMETER;
  const [owner, group] = [3, 4].map((index) => sidAt(call, call.address(index)));
  const [dacl, sacl] = [5, 6].map((index) => aclAt(call, call.address(index)));
  if (owner === undefined || group === undefined) return ERROR_INVALID_SID;
  if (dacl === undefined || sacl === undefined) return ERROR_INVALID_ACL;
  const parts = { owner, group, dacl, sacl, control: SE_DACL_PRESENT | SE_SACL_PRESENT };
  return dosErrorOf(setSecurity(call, call.handle(0), information, parts));
};

const sidAt = (call: ServiceCall, at: number): Sid | null | undefined =>
  at === 0 ? null : (readSid(call, at) ?? undefined);

const aclAt = (call: ServiceCall, at: number): Uint8Array | null | undefined =>
  at === 0 ? null : (readAcl(call, at) ?? undefined);

/** BOOL ConvertStringSecurityDescriptorToSecurityDescriptor(text, revision, **descriptor, *bytes). */
const descriptorFromText =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const [textAt, place, sizeAt] = [call.address(0), call.address(2), call.address(3)];
    if (call.u32(1) !== SDDL_REVISION) return call.fail(ERROR_UNKNOWN_REVISION);
    if (textAt === 0 || place === 0) return call.fail(ERROR_INVALID_PARAMETER);
    const parsed = parseSddl(form.read(call, textAt, MAXIMUM_SDDL));
    if (parsed === null) return call.fail(ERROR_INVALID_PARAMETER);
    call.memory.probeWrite(place, 8);
    const bytes = selfRelative(parsed, ALL_PARTS);
    const block = blockOf(call, bytes);
    if (block === 0) return call.fail(ERROR_NOT_ENOUGH_MEMORY);
    call.memory.writePointer(place, block);
    if (sizeAt !== 0) call.memory.writeU32(sizeAt, bytes.length);
    return TRUE;
  };

/** BOOL ConvertSecurityDescriptorToStringSecurityDescriptor(descriptor, revision, information, **text, *units). */
const descriptorToText =
  (form: TextForm): ServiceFunction =>
  (call) => {
    if (call.u32(1) !== SDDL_REVISION) return call.fail(ERROR_UNKNOWN_REVISION);
    const captured = captureDescriptor(call, call.address(0));
    if (typeof captured === 'number') return failStatus(call, captured);
    const text = sddlOf(captured, call.u32(2));
    return giveBlock(call, form, text, call.address(3), call.address(4));
  };

/** Hands out a text in a block of its own, and its length in units with the terminator. */
function giveBlock(call: ServiceCall, form: TextForm, text: string, place: number, lengthAt: number): number {
  call.memory.probeWrite(place, 8);
  const block = textInHeap(call, form, text);
  if (block === 0) return call.fail(ERROR_NOT_ENOUGH_MEMORY);
  call.memory.writePointer(place, block);
  if (lengthAt !== 0) call.memory.writeU32(lengthAt, text.length + 1);
  return TRUE;
}

/** BOOL ConvertSidToStringSid(sid, **text). */
const sidToText =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const sid = call.address(0) === 0 ? null : readSid(call, call.address(0));
    if (sid === null) return failStatus(call, STATUS_INVALID_SID);
    return giveBlock(call, form, sid, call.address(1), 0);
  };

/** BOOL ConvertStringSidToSid(text, **sid). */
const sidFromText =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const [textAt, place] = [call.address(0), call.address(1)];
    if (textAt === 0 || place === 0) return call.fail(ERROR_INVALID_PARAMETER);
    const text = form.read(call, textAt, MAXIMUM_SDDL);
    const sid = parseSid(text) ?? parseSddl(`O:${text}`)?.owner;
    if (!sid) return call.fail(ERROR_INVALID_SID);
    call.memory.probeWrite(place, 8);
    const block = blockOf(call, sidBytes(sid));
    if (block === 0) return call.fail(ERROR_NOT_ENOUGH_MEMORY);
    call.memory.writePointer(place, block);
    return TRUE;
  };

export const objectSecurityFunctions: Record<string, Service | ServiceFunction> = {
  GetKernelObjectSecurity: getKernelObjectSecurity,
  SetKernelObjectSecurity: setKernelObjectSecurity,
  GetSecurityInfo: getSecurityInfo,
  SetSecurityInfo: setSecurityInfo,
  ...bothForms('ConvertStringSecurityDescriptorToSecurityDescriptor', descriptorFromText),
  ...bothForms('ConvertSecurityDescriptorToStringSecurityDescriptor', descriptorToText),
  ...bothForms('ConvertSidToStringSid', sidToText),
  ...bothForms('ConvertStringSidToSid', sidFromText),
};
