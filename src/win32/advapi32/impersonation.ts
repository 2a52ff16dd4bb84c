/**
 * Tokens that threads impersonate, and checks of access by them. Sources: Microsoft, "DuplicateTokenEx function", "SetThreadToken
 * function", "ImpersonateSelf function", "RevertToSelf function", "ImpersonateLoggedOnUser function", "AccessCheck function",
 * "MapGenericMask function", "PrivilegeCheck function", "SetTokenInformation function", "Impersonation Levels (Authorization)".
 */
import {
  ntSuccess,
  STATUS_BAD_IMPERSONATION_LEVEL,
  STATUS_BAD_TOKEN_TYPE,
  STATUS_CANT_OPEN_ANONYMOUS,
  STATUS_GENERIC_NOT_MAPPED,
  STATUS_INVALID_ACL,
  STATUS_INVALID_OWNER,
  STATUS_INVALID_PRIMARY_GROUP,
  STATUS_INVALID_SECURITY_DESCR,
  STATUS_NO_IMPERSONATION_TOKEN,
  STATUS_NO_TOKEN,
} from '../../base/ntstatus.js';
import {
  THREAD_QUERY_LIMITED_INFORMATION,
  THREAD_SET_THREAD_TOKEN,
  TOKEN_ADJUST_DEFAULT,
  TOKEN_DUPLICATE,
  TOKEN_IMPERSONATE,
  TOKEN_QUERY,
} from '../../nt/access.js';
import { openOrDelete, referenceByHandle } from '../../nt/object-manager.js';
import { checkClientAccess, DEFAULT_DESCRIPTOR } from '../../nt/security/access-check.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import type { Thread } from '../../nt/thread.js';
import {
  duplicateToken,
  impersonate,
  isPrivilegeEnabled,
  SECURITY_ANONYMOUS,
  SECURITY_DELEGATION,
  SECURITY_IDENTIFICATION,
  SECURITY_IMPERSONATION,
  TOKEN_IMPERSONATION,
  TOKEN_PRIMARY,
  type Token,
  type TokenDefaults,
} from '../../nt/token.js';
import { failStatus, TRUE } from '../kernel32/results.js';
import { inheritanceOf } from '../kernel32/security-attributes.js';
import { captureDescriptor, readAcl, readSid } from '../ntdll/captured-security.js';
import { ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { readPrivileges } from './privilege.js';

function tokenAt(call: ServiceCall, index: number, access: number): Token | number {
  return referenceByHandle(call.kernel, call.process, call.handle(index), 'token', access) as Token | number;
}

/** BOOL OpenThreadToken(thread, access, asSelf, *token). A thread that impersonates an anonymous user has a token that nobody opens. */
const openThreadToken: ServiceFunction = (call) => {
  const { kernel } = call;
  const access = THREAD_QUERY_LIMITED_INFORMATION;
  const thread = referenceByHandle(kernel, call.process, call.handle(0), 'thread', access);
  if (typeof thread === 'number') return failStatus(call, thread);
  const { impersonation } = thread as Thread;
  if (impersonation === null) return failStatus(call, STATUS_NO_TOKEN);
  if (impersonation.level === SECURITY_ANONYMOUS) return failStatus(call, STATUS_CANT_OPEN_ANONYMOUS);
  call.memory.probeWrite(call.address(3), 8);
  const out = { handle: 0 };
  const status = openOrDelete(kernel, call.process, impersonation, call.u32(1), 0, out);
  if (!ntSuccess(status)) return failStatus(call, status);
  call.memory.writeU64(call.address(3), out.handle, 0);
  return TRUE;
};

const isLevel = (level: number) => level >= SECURITY_ANONYMOUS && level <= SECURITY_DELEGATION;

/** Copies a token and opens a handle to the copy. */
function giveCopy(
  call: ServiceCall,
  token: Token,
  type: Token['type'],
  level: number,
  options: { access: number; flags: number; place: number },
): number {
  call.memory.probeWrite(options.place, 8);
  const copy = duplicateToken(call.kernel, token, type, level);
  if (typeof copy === 'number') return failStatus(call, copy);
  const out = { handle: 0 };
  const status = openOrDelete(call.kernel, call.process, copy, options.access, options.flags, out);
  if (!ntSuccess(status)) return failStatus(call, status);
  call.memory.writeU64(options.place, out.handle, 0);
  return TRUE;
}

/** BOOL DuplicateTokenEx(token, access, attributes, level, type, *copy): access of 0 is that of the handle. */
const duplicateTokenEx: ServiceFunction = (call) => {
  const token = tokenAt(call, 0, TOKEN_DUPLICATE);
  if (typeof token === 'number') return failStatus(call, token);
  const [level, type] = [call.i32(3), call.u32(4)];
  if (type !== TOKEN_PRIMARY && type !== TOKEN_IMPERSONATION) return call.fail(ERROR_INVALID_PARAMETER);
  if (!isLevel(level)) return failStatus(call, STATUS_BAD_IMPERSONATION_LEVEL);
  const held = call.process.handles.lookup(call.handle(0))!.grantedAccess;
  const flags = inheritanceOf(call, call.address(2));
  return giveCopy(call, token, type, level, { access: call.u32(1) || held, flags, place: call.address(5) });
};

/** BOOL DuplicateToken(token, level, *copy): an impersonation token. */
const duplicateTokenToImpersonate: ServiceFunction = (call) => {
  const token = tokenAt(call, 0, TOKEN_DUPLICATE);
  if (typeof token === 'number') return failStatus(call, token);
  const level = call.i32(1);
  if (!isLevel(level)) return failStatus(call, STATUS_BAD_IMPERSONATION_LEVEL);
  const access = TOKEN_IMPERSONATE | TOKEN_QUERY;
  return giveCopy(call, token, TOKEN_IMPERSONATION, level, { access, flags: 0, place: call.address(2) });
};

/** Has a thread impersonate a copy of a token. */
function impersonateCopy(call: ServiceCall, token: Token, level: number): number {
  const copy = duplicateToken(call.kernel, token, TOKEN_IMPERSONATION, level);
  if (typeof copy === 'number') return failStatus(call, copy);
  impersonate(call.kernel, call.thread, copy);
  return TRUE;
}

/** BOOL ImpersonateSelf(level). */
const impersonateSelf: ServiceFunction = (call) => {
  if (!isLevel(call.i32(0))) return failStatus(call, STATUS_BAD_IMPERSONATION_LEVEL);
  return impersonateCopy(call, call.process.token, call.i32(0));
};

/** BOOL ImpersonateLoggedOnUser(token): a primary token is copied, an impersonation token taken as it is. */
const impersonateLoggedOnUser: ServiceFunction = (call) => {
  const any = tokenAt(call, 0, TOKEN_QUERY);
  if (typeof any === 'number') return failStatus(call, any);
  const token = tokenAt(call, 0, any.type === TOKEN_PRIMARY ? TOKEN_DUPLICATE : TOKEN_IMPERSONATE);
  if (typeof token === 'number') return failStatus(call, token);
  if (token.type === TOKEN_PRIMARY) return impersonateCopy(call, token, SECURITY_IMPERSONATION);
  impersonate(call.kernel, call.thread, token);
  return TRUE;
};

/** BOOL RevertToSelf(). */
const revertToSelf: ServiceFunction = (call) => {
  impersonate(call.kernel, call.thread, null);
  return TRUE;
};

/** BOOL SetThreadToken(*thread, token): no thread is the caller's, no token ends its impersonation. */
const setThreadToken: ServiceFunction = (call) => {
  const { kernel } = call;
  const at = call.address(0);
  let thread = call.thread;
  if (at !== 0) {
    const handle = call.memory.readI32(at);
    const found = referenceByHandle(kernel, call.process, handle, 'thread', THREAD_SET_THREAD_TOKEN);
    if (typeof found === 'number') return failStatus(call, found);
    thread = found as Thread;
  }
  if (call.handle(1) === 0) {
    impersonate(kernel, thread, null);
    return TRUE;
  }
  const token = tokenAt(call, 1, TOKEN_IMPERSONATE);
  if (typeof token === 'number') return failStatus(call, token);
  if (token.type !== TOKEN_IMPERSONATION) return failStatus(call, STATUS_BAD_TOKEN_TYPE);
  if (thread.exitStatus === null) impersonate(kernel, thread, token);
  return TRUE;
};

/** GENERIC_MAPPING: read, write, execute, all; and the bits of a mask that mean them. */
const GENERIC_BITS = [0x80000000, 0x40000000, 0x20000000, 0x10000000] as const;

/** The function that a GENERIC_MAPPING structure is. */
function mappingAt(call: ServiceCall, at: number): (mask: number) => number {
  const rights = GENERIC_BITS.map((_, index) => call.memory.readU32(at + 4 * index));
  return (mask) =>
    GENERIC_BITS.reduce(
      (mapped, bit, index) => ((mask & bit) === 0 ? mapped : mapped | rights[index]!),
      mask & 0x0fffffff,
    );
}

/** void MapGenericMask(*mask, *mapping). */
const mapGenericMask: ServiceFunction = (call) => {
  const mapped = mappingAt(call, call.address(1))(call.memory.readU32(call.address(0)));
  call.memory.writeU32(call.address(0), mapped);
};

/** PRIVILEGE_SET without a privilege: no access comes from one. */
const PRIVILEGE_SET_BYTES = 8;
const ACCESS_DENIED = 5;

/** BOOL AccessCheck(descriptor, clientToken, access, *mapping, *privileges, *bytes, *granted, *status). */
const accessCheck: ServiceFunction = (call) => {
  const { memory } = call;
  const [asked, privilegesAt, bytesAt, grantedAt, statusAt] = [
    call.u32(2),
    call.address(4),
    call.address(5),
    call.address(6),
    call.address(7),
  ];
  const token = tokenAt(call, 1, TOKEN_QUERY);
  if (typeof token === 'number') return failStatus(call, token);
  if (token.type !== TOKEN_IMPERSONATION) return failStatus(call, STATUS_NO_IMPERSONATION_TOKEN);
  if (token.level < SECURITY_IDENTIFICATION) return failStatus(call, STATUS_BAD_IMPERSONATION_LEVEL);
  if (GENERIC_BITS.some((bit) => (asked & bit) !== 0)) return failStatus(call, STATUS_GENERIC_NOT_MAPPED);
  const room = memory.readU32(bytesAt);
  memory.writeU32(bytesAt, PRIVILEGE_SET_BYTES);
  if (room < PRIVILEGE_SET_BYTES) return call.fail(ERROR_INSUFFICIENT_BUFFER);
  const descriptor = captureDescriptor(call, call.address(0));
  if (typeof descriptor === 'number') return failStatus(call, descriptor);
  if (descriptor.owner === null || descriptor.group === null)
    return failStatus(call, STATUS_INVALID_SECURITY_DESCR);
  const granted = checkClientAccess(descriptor, token, mappingAt(call, call.address(3)), asked);
  memory.fill(privilegesAt, PRIVILEGE_SET_BYTES, 0);
  memory.writeU32(grantedAt, granted === -1 ? 0 : granted);
  memory.writeU32(statusAt, granted === -1 ? 0 : TRUE);
  if (granted === -1) call.lastError = ACCESS_DENIED;
  return TRUE;
};

const PRIVILEGE_SET_ALL_NECESSARY = 1;
const SET_CONTROL = 4;

/** BOOL PrivilegeCheck(clientToken, *set, *result): all of a PRIVILEGE_SET or any of it. */
const privilegeCheck: ServiceFunction = (call) => {
  const { memory } = call;
  const at = call.address(1);
  const token = tokenAt(call, 0, TOKEN_QUERY);
  if (typeof token === 'number') return failStatus(call, token);
  if (token.type === TOKEN_IMPERSONATION && token.level < SECURITY_IDENTIFICATION)
    return failStatus(call, STATUS_BAD_IMPERSONATION_LEVEL);
  const wanted = readPrivileges(call, at, SET_CONTROL);
  if (wanted === null) return call.fail(ERROR_INVALID_PARAMETER);
  const isHeld = ({ luid }: { luid: number }) => isPrivilegeEnabled(token, luid);
  const needsAll = (memory.readU32(at + SET_CONTROL) & PRIVILEGE_SET_ALL_NECESSARY) !== 0;
  memory.writeU32(call.address(2), (needsAll ? wanted.every(isHeld) : wanted.some(isHeld)) ? 1 : 0);
  return TRUE;
};

const TOKEN_OWNER = 4;
const TOKEN_PRIMARY_GROUP = 5;
const TOKEN_DEFAULT_DACL = 6;

/** The defaults of a token with one part replaced by what a structure points to; a number is the NTSTATUS. */
function changedDefaults(call: ServiceCall, token: Token, kind: number): TokenDefaults | number {
  const { owner, group, dacl } = DEFAULT_DESCRIPTOR;
  const before = token.defaults ?? { owner: owner!, group: group!, dacl };
  const at = call.memory.readPointer(call.address(2));
  if (kind === TOKEN_DEFAULT_DACL) {
    const acl = at === 0 ? null : readAcl(call, at);
    return at !== 0 && acl === null ? STATUS_INVALID_ACL : { ...before, dacl: acl };
  }
  const sid = readSid(call, at);
  const [user, ...groups] = token.sids;
  if (kind === TOKEN_OWNER) return sid === user ? { ...before, owner: sid! } : STATUS_INVALID_OWNER;
  const isOwn = sid !== null && (groups.includes(sid) || sid === user);
  return isOwn ? { ...before, group: sid } : STATUS_INVALID_PRIMARY_GROUP;
}

/** BOOL SetTokenInformation(token, class, information, bytes): owner, primary group and DACL of new objects. */
const setTokenInformation: ServiceFunction = (call) => {
  const kind = call.u32(1);
  if (kind !== TOKEN_OWNER && kind !== TOKEN_PRIMARY_GROUP && kind !== TOKEN_DEFAULT_DACL)
    return call.fail(ERROR_INVALID_PARAMETER);
  const token = tokenAt(call, 0, TOKEN_ADJUST_DEFAULT);
  if (typeof token === 'number') return failStatus(call, token);
  if (call.u32(3) < 8) return call.fail(ERROR_INSUFFICIENT_BUFFER);
  const defaults = changedDefaults(call, token, kind);
  if (typeof defaults === 'number') return failStatus(call, defaults);
  token.defaults = defaults;
  token.modifications++;
  return TRUE;
};

export const impersonationFunctions: Record<string, Service | ServiceFunction> = {
  OpenThreadToken: openThreadToken,
  DuplicateToken: duplicateTokenToImpersonate,
  DuplicateTokenEx: duplicateTokenEx,
  ImpersonateSelf: impersonateSelf,
  ImpersonateLoggedOnUser: impersonateLoggedOnUser,
  RevertToSelf: revertToSelf,
  SetThreadToken: setThreadToken,
  MapGenericMask: mapGenericMask,
  AccessCheck: accessCheck,
  PrivilegeCheck: privilegeCheck,
  SetTokenInformation: setTokenInformation,
  IsTokenRestricted: (call) => {
    const token = tokenAt(call, 0, TOKEN_QUERY);
    return typeof token === 'number' ? failStatus(call, token) : 0;
  },
};
