/**
 * SIDs, access-control lists and security descriptors (securitybaseapi.h): the run-time library's functions with Win32's way
 * of failing. Sources: Microsoft, "AllocateAndInitializeSid function", "AddAccessAllowedAceEx function",
 * "GetSecurityDescriptorDacl function", "CreateWellKnownSid function", "IsWellKnownSid function".
 */
import { STATUS_INVALID_PARAMETER, STATUS_INVALID_SID } from '../../base/ntstatus.js';
import {
  ADMINISTRATORS,
  AUTHENTICATED_USERS,
  CREATOR_OWNER,
  EVERYONE,
  INTERACTIVE,
  LOCAL_SYSTEM,
  MEDIUM_INTEGRITY,
  OWNER_RIGHTS,
  type Sid,
  sidBytes,
  USERS,
} from '../../nt/security/sid.js';
import type { Service, ServiceFunction } from '../../nt/service.js';
import { failStatus, TRUE, truth } from '../kernel32/results.js';
import { readSid } from '../ntdll/captured-security.js';
import { ERROR_INSUFFICIENT_BUFFER } from '../ntdll/dos-error.js';
import { aclServices } from '../ntdll/rtl-acl.js';
import { gettingAcl, gettingSid, securityDescriptorServices } from '../ntdll/rtl-security-descriptor.js';
import { sidServices } from '../ntdll/rtl-sid.js';

/** BOOL in place of an NTSTATUS. */
const asBool =
  (service: ServiceFunction): ServiceFunction =>
  (call) =>
    truth(call, service(call) as number);

/** BOOL of a check, with the error that a FALSE has. */
const asCheck =
  (service: ServiceFunction, status: number): ServiceFunction =>
  (call) =>
    service(call) === 0 ? failStatus(call, status) : TRUE;

/** WELL_KNOWN_SID_TYPE. */
const WELL_KNOWN: ReadonlyMap<number, Sid> = new Map([
  [0, 'S-1-0-0'],
  [1, EVERYONE],
  [2, 'S-1-2-0'],
  [3, CREATOR_OWNER],
  [4, 'S-1-3-1'],
  [7, 'S-1-5'],
  [9, 'S-1-5-2'],
  [11, INTERACTIVE],
  [12, 'S-1-5-6'],
  [13, 'S-1-5-7'],
  [17, AUTHENTICATED_USERS],
  [22, LOCAL_SYSTEM],
  [23, 'S-1-5-19'],
  [24, 'S-1-5-20'],
  [25, 'S-1-5-32'],
  [26, ADMINISTRATORS],
  [27, USERS],
  [28, 'S-1-5-32-546'],
  [66, 'S-1-16-4096'],
  [67, MEDIUM_INTEGRITY],
  [68, 'S-1-16-12288'],
  [69, 'S-1-16-16384'],
  [71, OWNER_RIGHTS],
]);

/** BOOL CreateWellKnownSid(type, domain, sid, *bytes). */
const createWellKnownSid: ServiceFunction = (call) => {
  const sid = WELL_KNOWN.get(call.u32(0));
  if (sid === undefined) return failStatus(call, STATUS_INVALID_PARAMETER);
  const bytes = sidBytes(sid);
  const room = call.memory.readU32(call.address(3));
  call.memory.writeU32(call.address(3), bytes.length);
  if (call.address(2) === 0 || room < bytes.length) return call.fail(ERROR_INSUFFICIENT_BUFFER);
  call.memory.writeBytes(call.address(2), bytes);
  return TRUE;
};

/** BOOL IsWellKnownSid(sid, type). */
const isWellKnownSid: ServiceFunction = (call) =>
  readSid(call, call.address(0)) === WELL_KNOWN.get(call.u32(1)) ? TRUE : 0;

export const securityStructureFunctions: Record<string, Service | ServiceFunction> = {
  InitializeSid: asBool(sidServices.RtlInitializeSid),
  AllocateAndInitializeSid: asBool(sidServices.RtlAllocateAndInitializeSid),
  FreeSid: sidServices.RtlFreeSid,
  CopySid: asBool(sidServices.RtlCopySid),
  EqualSid: sidServices.RtlEqualSid,
  EqualPrefixSid: sidServices.RtlEqualPrefixSid,
  IsValidSid: asCheck(sidServices.RtlValidSid, STATUS_INVALID_SID),
  GetLengthSid: sidServices.RtlLengthSid,
  GetSidLengthRequired: sidServices.RtlLengthRequiredSid,
  GetSidSubAuthority: sidServices.RtlSubAuthoritySid,
  GetSidSubAuthorityCount: sidServices.RtlSubAuthorityCountSid,
  GetSidIdentifierAuthority: sidServices.RtlIdentifierAuthoritySid,
  CreateWellKnownSid: createWellKnownSid,
  IsWellKnownSid: isWellKnownSid,
  InitializeAcl: asBool(aclServices.RtlCreateAcl),
  IsValidAcl: aclServices.RtlValidAcl,
  AddAccessAllowedAce: asBool(aclServices.RtlAddAccessAllowedAce),
  AddAccessAllowedAceEx: asBool(aclServices.RtlAddAccessAllowedAceEx),
  AddAccessDeniedAce: asBool(aclServices.RtlAddAccessDeniedAce),
  AddAccessDeniedAceEx: asBool(aclServices.RtlAddAccessDeniedAceEx),
  AddAce: asBool(aclServices.RtlAddAce),
  GetAce: asBool(aclServices.RtlGetAce),
  DeleteAce: asBool(aclServices.RtlDeleteAce),
  GetAclInformation: asBool(aclServices.RtlQueryInformationAcl),
  FindFirstFreeAce: aclServices.RtlFirstFreeAce,
  InitializeSecurityDescriptor: asBool(securityDescriptorServices.RtlCreateSecurityDescriptor),
  IsValidSecurityDescriptor: securityDescriptorServices.RtlValidSecurityDescriptor,
  GetSecurityDescriptorLength: securityDescriptorServices.RtlLengthSecurityDescriptor,
  GetSecurityDescriptorControl: asBool(securityDescriptorServices.RtlGetControlSecurityDescriptor),
  GetSecurityDescriptorDacl: asBool(gettingAcl('dacl', 4)),
  GetSecurityDescriptorSacl: asBool(gettingAcl('sacl', 4)),
  GetSecurityDescriptorOwner: asBool(gettingSid('owner', 4)),
  GetSecurityDescriptorGroup: asBool(gettingSid('group', 4)),
  SetSecurityDescriptorDacl: asBool(securityDescriptorServices.RtlSetDaclSecurityDescriptor),
  SetSecurityDescriptorSacl: asBool(securityDescriptorServices.RtlSetSaclSecurityDescriptor),
  SetSecurityDescriptorOwner: asBool(securityDescriptorServices.RtlSetOwnerSecurityDescriptor),
  SetSecurityDescriptorGroup: asBool(securityDescriptorServices.RtlSetGroupSecurityDescriptor),
  MakeSelfRelativeSD: asBool(securityDescriptorServices.RtlMakeSelfRelativeSD),
  MakeAbsoluteSD: asBool(securityDescriptorServices.RtlSelfRelativeToAbsoluteSD),
};
