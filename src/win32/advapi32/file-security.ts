/**
 * Security descriptors of files (securitybaseapi.h). Volumes here keep none (no FILE_PERSISTENT_ACLS): everyone owns
 * everything and may do everything, and a descriptor that is set is not kept, as on FAT. Sources: Microsoft, "GetFileSecurityW
 * function", "SetFileSecurityW function", "SECURITY_DESCRIPTOR structure"; [MS-DTYP] 2.4.2 "SID", 2.4.5 "ACL", 2.4.6
 * "SECURITY_DESCRIPTOR".
 */
import {
  STATUS_INVALID_SECURITY_DESCR,
  STATUS_MEDIA_WRITE_PROTECTED,
  STATUS_PRIVILEGE_NOT_HELD,
} from '../../base/ntstatus.js';
import { FILE_ALL_ACCESS } from '../../nt/access.js';
import { queryAttributesFile } from '../../nt/file-information.js';
import { FILE_ATTRIBUTE_READONLY } from '../../nt/file-object.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { isPrivilegeEnabled } from '../../nt/token.js';
import { ntPathOf } from '../kernel32/path.js';
import { failStatus, TRUE } from '../kernel32/results.js';
import { bothForms, type TextForm } from '../kernel32/text-form.js';
import { ERROR_INSUFFICIENT_BUFFER, ERROR_PATH_NOT_FOUND } from '../ntdll/dos-error.js';

/** SECURITY_INFORMATION. */
const OWNER = 1;
const GROUP = 2;
const DACL = 4;
const SACL = 8;
const SE_SECURITY_PRIVILEGE = 8;

const HEADER_BYTES = 20;
const SE_DACL_PRESENT = 0x4;
const SE_SELF_RELATIVE = 0x8000;
/** S-1-1-0, Everyone. */
const EVERYONE = Uint8Array.of(1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0);
const ACL_HEADER_BYTES = 8;
const ACE_HEADER_BYTES = 8;
const ACL_REVISION = 2;

/** An access-control list that allows Everyone everything. */
function openAcl(): Uint8Array {
  const aceBytes = ACE_HEADER_BYTES + EVERYONE.length;
  const acl = new Uint8Array(ACL_HEADER_BYTES + aceBytes);
  const view = new DataView(acl.buffer);
  acl[0] = ACL_REVISION;
  view.setUint16(2, acl.length, true);
  view.setUint16(4, 1, true);
  view.setUint16(ACL_HEADER_BYTES + 2, aceBytes, true);
  view.setUint32(ACL_HEADER_BYTES + 4, FILE_ALL_ACCESS, true);
  acl.set(EVERYONE, ACL_HEADER_BYTES + ACE_HEADER_BYTES);
  return acl;
}

/** A self-relative descriptor with the parts that are asked for. */
export function descriptorOf(wanted: number): Uint8Array {
  const parts = [
    wanted & OWNER ? EVERYONE : null,
    wanted & GROUP ? EVERYONE : null,
    null,
    wanted & DACL ? openAcl() : null,
  ];
  const length = parts.reduce((sum, part) => sum + (part?.length ?? 0), HEADER_BYTES);
  const descriptor = new Uint8Array(length);
  const view = new DataView(descriptor.buffer);
  descriptor[0] = 1;
  view.setUint16(2, SE_SELF_RELATIVE | (wanted & DACL ? SE_DACL_PRESENT : 0), true);
  let at = HEADER_BYTES;
  parts.forEach((part, index) => {
    if (part === null) return;
    view.setUint32(4 + 4 * index, at, true);
    descriptor.set(part, at);
    at += part.length;
  });
  return descriptor;
}

/** Attributes of the file of a path, when its security may be read or set: -1 with the last error. */
function attributesFor(call: ServiceCall, form: TextForm, information: number): number {
  const path = ntPathOf(call, form.read(call, call.address(0)));
  if (path === null) return call.fail(ERROR_PATH_NOT_FOUND, -1);
  const file = queryAttributesFile(call.kernel, path);
  if (typeof file === 'number') return failStatus(call, file, -1);
  if (information & SACL && !isPrivilegeEnabled(call.process.token, SE_SECURITY_PRIVILEGE))
    return failStatus(call, STATUS_PRIVILEGE_NOT_HELD, -1);
  return file.attributes;
}

/** BOOL GetFileSecurity(name, information, descriptor, length, *needed). */
const getFileSecurity =
  (form: TextForm): ServiceFunction =>
  (call) => {
    if (attributesFor(call, form, call.u32(1)) < 0) return 0;
    const descriptor = descriptorOf(call.u32(1));
    call.memory.writeU32(call.address(4), descriptor.length);
    if (call.u32(3) < descriptor.length) return call.fail(ERROR_INSUFFICIENT_BUFFER);
    call.memory.writeBytes(call.address(2), descriptor);
    return TRUE;
  };

/** BOOL SetFileSecurity(name, information, descriptor). */
const setFileSecurity =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const attributes = attributesFor(call, form, call.u32(1));
    if (attributes < 0) return 0;
    if (call.memory.readU8(call.address(2)) !== 1) return failStatus(call, STATUS_INVALID_SECURITY_DESCR);
    return attributes & FILE_ATTRIBUTE_READONLY ? failStatus(call, STATUS_MEDIA_WRITE_PROTECTED) : TRUE;
  };

export const fileSecurityFunctions: Record<string, Service | ServiceFunction> = {
  ...bothForms('GetFileSecurity', getFileSecurity),
  ...bothForms('SetFileSecurity', setFileSecurity),
};
