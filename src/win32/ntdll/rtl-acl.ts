/** Access-control lists in a program's memory. Sources: Microsoft, "RtlCreateAcl function", "RtlAddAccessAllowedAce function", "AddAce function", "GetAclInformation function", "DeleteAce function". */
import {
  STATUS_ALLOTTED_SPACE_EXCEEDED,
  STATUS_BUFFER_TOO_SMALL,
  STATUS_INVALID_ACL,
  STATUS_INVALID_INFO_CLASS,
  STATUS_INVALID_PARAMETER,
  STATUS_INVALID_SID,
  STATUS_REVISION_MISMATCH,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import {
  ACCESS_ALLOWED_ACE_TYPE,
  ACCESS_DENIED_ACE_TYPE,
  ACE_HEADER_BYTES,
  ACL_HEADER_BYTES,
  ACL_REVISION,
  acesOf,
  makeAce,
} from '../../nt/security/security-descriptor.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { readAcl, readSid } from './captured-security.js';

const NEWEST_REVISION = 4;
/** Most bytes of an ACL. */
const MOST_BYTES = 0xfffc;
const SIZE = 2;
const COUNT = 4;

/** AclRevisionInformation and AclSizeInformation. */
const REVISION_INFORMATION = 1;
const SIZE_INFORMATION = 2;

/** Bytes in use of the ACL at an address; -1 when it is none. */
function usedBytes(call: ServiceCall, address: number): number {
  const acl = readAcl(call, address);
  const last = acl && acesOf(acl)!.at(-1);
  if (acl === null) return -1;
  return last ? last.offset + last.length : ACL_HEADER_BYTES;
}

/** (acl, bytes, revision). */
const create: ServiceFunction = (call) => {
  const [at, bytes, revision] = [call.address(0), call.u32(1), call.u32(2)];
  if (bytes < ACL_HEADER_BYTES) return STATUS_BUFFER_TOO_SMALL;
  if (revision < ACL_REVISION || revision > NEWEST_REVISION || bytes > 0xffff)
    return STATUS_INVALID_PARAMETER;
  call.memory.writeU32(at, revision);
  call.memory.writeU16(at + SIZE, Math.min(bytes & ~3, MOST_BYTES));
  call.memory.writeU32(at + COUNT, 0);
  return STATUS_SUCCESS;
};

/** Puts entries before the one at `index` (past the last: at the end). Nothing changes when they do not fit. */
function insert(
  call: ServiceCall,
  at: number,
  revision: number,
  index: number,
  entries: Uint8Array,
  count: number,
): number {
  const { memory } = call;
  if (revision > NEWEST_REVISION) return STATUS_REVISION_MISMATCH;
  const acl = readAcl(call, at);
  if (acl === null) return STATUS_INVALID_ACL;
  const used = usedBytes(call, at);
  if (used + entries.length > memory.readU16(at + SIZE)) return STATUS_ALLOTTED_SPACE_EXCEEDED;
  const place = acesOf(acl)![index]?.offset ?? used;
  memory.copy(at + place + entries.length, at + place, used - place);
  memory.writeBytes(at + place, entries);
  memory.writeU16(at + COUNT, memory.readU16(at + COUNT) + count);
  if (revision > memory.readU8(at)) memory.writeU8(at, revision);
  return STATUS_SUCCESS;
}

/** (acl, revision, [flags,] mask, sid). */
const adding =
  (type: number, hasFlags: boolean): ServiceFunction =>
  (call) => {
    const mask = hasFlags ? 3 : 2;
    const sid = readSid(call, call.address(mask + 1));
    if (sid === null) return STATUS_INVALID_SID;
    const ace = makeAce(type, hasFlags ? call.u32(2) & 0xff : 0, call.u32(mask), sid);
    return insert(call, call.address(0), call.u32(1), Number.MAX_SAFE_INTEGER, ace, 1);
  };

/** (acl, revision, index, list, bytes): entries as they are. */
const addAce: ServiceFunction = (call) => {
  const bytes = call.u32(4);
  if (bytes > MOST_BYTES) return STATUS_INVALID_PARAMETER;
  const entries = call.memory.readBytes(call.address(3), bytes);
  let count = 0;
  for (let at = 0; at < bytes; count++) {
    const length = at + ACE_HEADER_BYTES > bytes ? 0 : entries[at + 2]! | (entries[at + 3]! << 8);
    if (length < ACE_HEADER_BYTES || at + length > bytes) return STATUS_INVALID_PARAMETER;
    at += length;
  }
  return insert(call, call.address(0), call.u32(1), call.u32(2), entries, count);
};

/** (acl, index, **ace). */
const getAce: ServiceFunction = (call) => {
  const acl = readAcl(call, call.address(0));
  const ace = acl && acesOf(acl)![call.u32(1)];
  if (!ace) return STATUS_INVALID_PARAMETER;
  call.memory.writePointer(call.address(2), call.address(0) + ace.offset);
  return STATUS_SUCCESS;
};

/** (acl, index). */
const deleteAce: ServiceFunction = (call) => {
  const [at, { memory }] = [call.address(0), call];
  const acl = readAcl(call, at);
  const ace = acl && acesOf(acl)![call.u32(1)];
  if (!ace) return STATUS_INVALID_PARAMETER;
  const used = usedBytes(call, at);
  const behind = ace.offset + ace.length;
  memory.copy(at + ace.offset, at + behind, used - behind);
  memory.fill(at + used - ace.length, ace.length, 0);
  memory.writeU16(at + COUNT, memory.readU16(at + COUNT) - 1);
  return STATUS_SUCCESS;
};

/** (acl, information, bytes, class). */
const queryInformation: ServiceFunction = (call) => {
  const [at, to, bytes, kind] = [call.address(0), call.address(1), call.u32(2), call.u32(3)];
  const used = usedBytes(call, at);
  if (used < 0) return STATUS_INVALID_PARAMETER;
  const { memory } = call;
  const values =
    kind === REVISION_INFORMATION
      ? [memory.readU8(at)]
      : [memory.readU16(at + COUNT), used, memory.readU16(at + SIZE) - used];
  if (kind !== REVISION_INFORMATION && kind !== SIZE_INFORMATION) return STATUS_INVALID_INFO_CLASS;
  if (bytes < values.length * 4) return STATUS_BUFFER_TOO_SMALL;
  values.forEach((value, index) => {
    memory.writeU32(to + index * 4, value);
  });
  return STATUS_SUCCESS;
};

/** (acl, **place): TRUE; the place is null when not even a header fits. */
const firstFree: ServiceFunction = (call) => {
  const used = usedBytes(call, call.address(0));
  if (used < 0) return 0;
  const isFull = used + ACE_HEADER_BYTES > call.memory.readU16(call.address(0) + SIZE);
  call.memory.writePointer(call.address(1), isFull ? 0 : call.address(0) + used);
  return 1;
};

export const aclServices = {
  RtlCreateAcl: create,
  RtlValidAcl: (call) => (call.address(0) !== 0 && readAcl(call, call.address(0)) !== null ? 1 : 0),
  RtlAddAccessAllowedAce: adding(ACCESS_ALLOWED_ACE_TYPE, false),
  RtlAddAccessAllowedAceEx: adding(ACCESS_ALLOWED_ACE_TYPE, true),
  RtlAddAccessDeniedAce: adding(ACCESS_DENIED_ACE_TYPE, false),
  RtlAddAccessDeniedAceEx: adding(ACCESS_DENIED_ACE_TYPE, true),
  RtlAddAce: addAce,
  RtlGetAce: getAce,
  RtlDeleteAce: deleteAce,
  RtlQueryInformationAcl: queryInformation,
  RtlFirstFreeAce: firstFree,
} satisfies Record<string, ServiceFunction>;
