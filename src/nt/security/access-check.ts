/**
 * Who may have which access to an object (SeAccessCheck). Sources: Microsoft, "How AccessCheck Works", "DACLs and ACEs",
 * "Order of ACEs in a DACL", "Privilege Constants".
 */
import { MAXIMUM_ALLOWED, mapGenericMask, READ_CONTROL } from '../access.js';
import type { ObjectKind } from '../object.js';
import { isPrivilegeEnabled, type Token, type TokenDefaults } from '../token.js';
import {
  ACCESS_ALLOWED_ACE_TYPE,
  ACCESS_DENIED_ACE_TYPE,
  acesOf,
  INHERIT_ONLY_ACE,
  makeAcl,
  SE_DACL_PRESENT,
  type SecurityDescriptor,
} from './security-descriptor.js';
import { LOCAL_SYSTEM, LOGON_SESSION, OWNER_RIGHTS, USER, USER_GROUP } from './sid.js';

const ACCESS_SYSTEM_SECURITY = 0x1000000;
const WRITE_DAC = 0x40000;
const WRITE_OWNER = 0x80000;
const GENERIC_ALL = 0x10000000;
const GENERIC_READ_EXECUTE = 0xa0000000;
const SE_SECURITY_PRIVILEGE = 8;
const SE_TAKE_OWNERSHIP_PRIVILEGE = 9;
const SE_DEBUG_PRIVILEGE = 20;

/** What objects get whose creator said nothing: the default DACL of an interactive user's token. */
export const DEFAULT_DACL = makeAcl([
  [ACCESS_ALLOWED_ACE_TYPE, GENERIC_ALL, USER],
  [ACCESS_ALLOWED_ACE_TYPE, GENERIC_ALL, LOCAL_SYSTEM],
  [ACCESS_ALLOWED_ACE_TYPE, GENERIC_READ_EXECUTE, LOGON_SESSION],
]);

export const DEFAULT_DESCRIPTOR: SecurityDescriptor = {
  owner: USER,
  group: USER_GROUP,
  control: SE_DACL_PRESENT,
  dacl: DEFAULT_DACL,
  sacl: null,
};

/** The descriptor of an object whose creator's token has defaults of its own; null for DEFAULT_DESCRIPTOR. */
export function descriptorOfDefaults(defaults: TokenDefaults | null): SecurityDescriptor | null {
  return defaults === null ? null : { ...defaults, control: SE_DACL_PRESENT, sacl: null };
}

/** Access that a token's privileges give whatever the DACL says. */
function privilegedAccess(token: Token, kind: ObjectKind, asked: number): number {
  if ((kind === 'process' || kind === 'thread') && isPrivilegeEnabled(token, SE_DEBUG_PRIVILEGE))
    return mapGenericMask(kind, GENERIC_ALL);
  let access = 0;
  if (isPrivilegeEnabled(token, SE_SECURITY_PRIVILEGE)) access |= asked & ACCESS_SYSTEM_SECURITY;
  if (isPrivilegeEnabled(token, SE_TAKE_OWNERSHIP_PRIVILEGE)) access |= WRITE_OWNER;
  return access;
}

/** Replaces generic rights by those of a kind of object. */
type GenericMap = (mask: number) => number;

/** Access that the DACL gives: an entry decides about the rights that none before it has decided about. */
function accessOfDacl(descriptor: SecurityDescriptor, token: Token, map: GenericMap): number {
  const { dacl, owner } = descriptor;
  if ((descriptor.control & SE_DACL_PRESENT) === 0 || dacl === null) return map(GENERIC_ALL);
  const aces = (acesOf(dacl) ?? []).filter(({ flags }) => (flags & INHERIT_ONLY_ACE) === 0);
  const isOwner = owner !== null && token.sids.includes(owner);
  const limitsOwner = aces.some(({ sid }) => sid === OWNER_RIGHTS);
  let allowed = isOwner && !limitsOwner ? READ_CONTROL | WRITE_DAC : 0;
  let denied = 0;
  for (const { type, mask, sid } of aces) {
    const concerns = sid === OWNER_RIGHTS ? isOwner : sid !== null && token.sids.includes(sid);
    if (!concerns) continue;
    const rights = map(mask);
    if (type === ACCESS_ALLOWED_ACE_TYPE) allowed |= rights & ~denied;
    else if (type === ACCESS_DENIED_ACE_TYPE) denied |= rights & ~allowed;
  }
  return allowed;
}

/**
 * The access mask that opening an object gives, generic rights mapped, all that is allowed for MAXIMUM_ALLOWED; -1
 * (STATUS_ACCESS_DENIED) when one right that is asked for is not to be had.
 */
export function checkAccess(
  descriptor: SecurityDescriptor,
  token: Token,
  kind: ObjectKind,
  access: number,
): number {
  const asked = mapGenericMask(kind, access & ~MAXIMUM_ALLOWED) | (access & ACCESS_SYSTEM_SECURITY);
  const allowed =
    accessOfDacl(descriptor, token, (mask) => mapGenericMask(kind, mask)) |
    privilegedAccess(token, kind, asked);
  if ((asked & ~allowed) !== 0) return -1;
  if ((access & MAXIMUM_ALLOWED) === 0) return asked;
  return allowed === 0 ? -1 : allowed;
}

/**
 * The same for an object that the system knows nothing of but its descriptor and generic mapping (NtAccessCheck). `asked` has
 * no generic rights.
 */
export function checkClientAccess(
  descriptor: SecurityDescriptor,
  token: Token,
  map: GenericMap,
  asked: number,
): number {
  const security = isPrivilegeEnabled(token, SE_SECURITY_PRIVILEGE) ? ACCESS_SYSTEM_SECURITY : 0;
  const ownership = isPrivilegeEnabled(token, SE_TAKE_OWNERSHIP_PRIVILEGE) ? WRITE_OWNER : 0;
  const allowed = accessOfDacl(descriptor, token, map) | (asked & security) | ownership;
  const wanted = asked & ~MAXIMUM_ALLOWED;
  if ((wanted & ~allowed) !== 0) return -1;
  if ((asked & MAXIMUM_ALLOWED) === 0) return wanted;
  return allowed === 0 ? -1 : allowed;
}
