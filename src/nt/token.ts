import {
  STATUS_BAD_IMPERSONATION_LEVEL,
  STATUS_INSUFFICIENT_RESOURCES,
  STATUS_NOT_ALL_ASSIGNED,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import type { Kernel } from './kernel.js';
import type { KernelObject } from './object.js';
import { createObject, dereferenceObject, mayCreateObject } from './object-manager.js';
import type { Process } from './process.js';
import {
  AUTHENTICATED_USERS,
  EVERYONE,
  INTERACTIVE,
  LOGON_SESSION,
  type Sid,
  USER,
  USER_GROUP,
  USERS,
} from './security/sid.js';

import type { Thread } from './thread.js';

/** SE_PRIVILEGE_* (Microsoft, "LUID_AND_ATTRIBUTES structure"). */
export const SE_PRIVILEGE_ENABLED_BY_DEFAULT = 1;
export const SE_PRIVILEGE_ENABLED = 2;
export const SE_PRIVILEGE_REMOVED = 4;

/** One privilege: the low word of its LUID, whose high word is 0, and SE_PRIVILEGE_*. */
export interface Privilege {
  readonly luid: number;
  readonly attributes: number;
}

/** An access token (TOKEN): who its bearer is and what it may do. */
export interface Token extends KernelObject {
  readonly kind: 'token';
  /** The user, then the groups. */
  readonly sids: readonly Sid[];
  privileges: Privilege[];
  /** A low word that no other token has, and how often it was changed (TokenId, ModifiedId). */
  readonly id: number;
  modifications: number;
  readonly type: typeof TOKEN_PRIMARY | typeof TOKEN_IMPERSONATION;
  /** SECURITY_IMPERSONATION_LEVEL of an impersonation token. */
  readonly level: number;
  /** What objects get whose creator says nothing; null for what an ordinary user's get. */
  defaults: TokenDefaults | null;
}

/** TOKEN_TYPE. */
export const TOKEN_PRIMARY = 1;
export const TOKEN_IMPERSONATION = 2;

/** SECURITY_IMPERSONATION_LEVEL. */
export const SECURITY_ANONYMOUS = 0;
export const SECURITY_IDENTIFICATION = 1;
export const SECURITY_IMPERSONATION = 2;
export const SECURITY_DELEGATION = 3;

/** Owner, primary group and default DACL; a DACL of null gives everybody everything. */
export interface TokenDefaults {
  readonly owner: Sid;
  readonly group: Sid;
  readonly dacl: Uint8Array | null;
}

/** Names of the privileges by LUID. Source: Microsoft, "Privilege Constants (Authorization)"; the LUIDs are those of wdm.h. */
export const PRIVILEGE_NAMES: ReadonlyMap<number, string> = new Map([
  [2, 'SeCreateTokenPrivilege'],
  [3, 'SeAssignPrimaryTokenPrivilege'],
  [4, 'SeLockMemoryPrivilege'],
  [5, 'SeIncreaseQuotaPrivilege'],
  [6, 'SeMachineAccountPrivilege'],
  [7, 'SeTcbPrivilege'],
  [8, 'SeSecurityPrivilege'],
  [9, 'SeTakeOwnershipPrivilege'],
  [10, 'SeLoadDriverPrivilege'],
  [11, 'SeSystemProfilePrivilege'],
  [12, 'SeSystemtimePrivilege'],
  [13, 'SeProfileSingleProcessPrivilege'],
  [14, 'SeIncreaseBasePriorityPrivilege'],
  [15, 'SeCreatePagefilePrivilege'],
  [16, 'SeCreatePermanentPrivilege'],
  [17, 'SeBackupPrivilege'],
  [18, 'SeRestorePrivilege'],
  [19, 'SeShutdownPrivilege'],
  [20, 'SeDebugPrivilege'],
  [21, 'SeAuditPrivilege'],
  [22, 'SeSystemEnvironmentPrivilege'],
  [23, 'SeChangeNotifyPrivilege'],
  [24, 'SeRemoteShutdownPrivilege'],
  [25, 'SeUndockPrivilege'],
  [26, 'SeSyncAgentPrivilege'],
  [27, 'SeEnableDelegationPrivilege'],
  [28, 'SeManageVolumePrivilege'],
  [29, 'SeImpersonatePrivilege'],
  [30, 'SeCreateGlobalPrivilege'],
  [31, 'SeTrustedCredManAccessPrivilege'],
  [32, 'SeRelabelPrivilege'],
  [33, 'SeIncreaseWorkingSetPrivilege'],
  [34, 'SeTimeZonePrivilege'],
  [35, 'SeCreateSymbolicLinkPrivilege'],
]);

/** The LUID of a privilege; TypeError for a name that Windows does not have. */
export function privilegeLuid(name: string): number {
  const known = [...PRIVILEGE_NAMES].find(([, each]) => each === name);
  if (known === undefined) throw new TypeError(`there is no privilege ${name}`);
  return known[0];
}

/** SeLockMemoryPrivilege: large pages and user physical pages need it enabled. */
export const SE_LOCK_MEMORY = 4;

/** What a user who is no administrator holds: only traversing folders is enabled from the start. */
const USER_PRIVILEGES: readonly Privilege[] = [
  { luid: 19, attributes: 0 },
  { luid: 23, attributes: SE_PRIVILEGE_ENABLED | SE_PRIVILEGE_ENABLED_BY_DEFAULT },
  { luid: 25, attributes: 0 },
  { luid: 33, attributes: 0 },
  { luid: 34, attributes: 0 },
];

/** An ordinary user who sits at the computer. */
const USER_SIDS: readonly Sid[] = [
  USER,
  USER_GROUP,
  EVERYONE,
  USERS,
  INTERACTIVE,
  AUTHENTICATED_USERS,
  LOGON_SESSION,
];

/** An ordinary user's privileges and those that the machine's account was given beside, disabled, by LUID. */
function accountPrivileges(granted: readonly number[]): Privilege[] {
  const added = granted.filter((luid) => !USER_PRIVILEGES.some((held) => held.luid === luid));
  return [...USER_PRIVILEGES, ...added.map((luid) => ({ luid, attributes: 0 }))].sort(
    (one, other) => one.luid - other.luid,
  );
}

/** The primary token of a new process: a copy of its creator's, else the account's. It holds one reference to it. */
export function createPrimaryToken(kernel: Kernel, parent: Process | null): Token {
  return createObject(kernel, {
    kind: 'token',
    name: null,
    handleCount: 0,
    referenceCount: 1,
    sids: parent?.token.sids ?? USER_SIDS,
    privileges: [...(parent?.token.privileges ?? accountPrivileges(kernel.privileges))],
    id: ++kernel.tokensMade,
    modifications: 0,
    type: TOKEN_PRIMARY,
    level: SECURITY_ANONYMOUS,
    defaults: parent?.token.defaults ?? null,
  });
}

/**
 * A copy of a token (NtDuplicateToken), without references. STATUS_BAD_IMPERSONATION_LEVEL: an impersonation token is to be
 * copied to a higher level, or one of less than SecurityImpersonation to a primary token; STATUS_INSUFFICIENT_RESOURCES: no pool.
 */
export function duplicateToken(
  kernel: Kernel,
  token: Token,
  type: Token['type'],
  level: number,
): Token | number {
  const wanted = type === TOKEN_PRIMARY ? SECURITY_IMPERSONATION : level;
  if (token.type === TOKEN_IMPERSONATION && wanted > token.level) return STATUS_BAD_IMPERSONATION_LEVEL;
  if (!mayCreateObject(kernel, 'token')) return STATUS_INSUFFICIENT_RESOURCES;
  return createObject(kernel, {
    ...token,
    handleCount: 0,
    referenceCount: 0,
    privileges: [...token.privileges],
    id: ++kernel.tokensMade,
    modifications: 0,
    type,
    level: type === TOKEN_PRIMARY ? SECURITY_ANONYMOUS : level,
  });
}

/** The token by which a process's running thread is judged: the one that it impersonates, else the process's own. */
export function effectiveToken({ currentThread }: Kernel, process: Process): Token {
  return (currentThread?.process === process && currentThread.impersonation) || process.token;
}

/** Has a thread impersonate, null for no longer (PsImpersonateClient). The thread holds a reference to the token. */
export function impersonate(kernel: Kernel, thread: Thread, token: Token | null): void {
  const before = thread.impersonation;
  if (token !== null) token.referenceCount++;
  thread.impersonation = token;
  if (before !== null) dereferenceObject(kernel, before);
}

/** Whether a process may keep pages in memory. */
export function mayLockPages({ token }: Process): boolean {
  return isPrivilegeEnabled(token, SE_LOCK_MEMORY);
}

/** Whether a token holds a privilege and has it enabled. */
export function isPrivilegeEnabled(token: Token, luid: number): boolean {
  return token.privileges.some(
    (held) => held.luid === luid && (held.attributes & SE_PRIVILEGE_ENABLED) !== 0,
  );
}

/** The privilege as a change leaves it; null when it is gone. */
function changed(held: Privilege, attributes: number): Privilege | null {
  if (attributes & SE_PRIVILEGE_REMOVED) return null;
  const kept = held.attributes & ~SE_PRIVILEGE_ENABLED;
  return { luid: held.luid, attributes: kept | (attributes & SE_PRIVILEGE_ENABLED) };
}

/** The token's privileges behind a change, what the change finds to do, and whether the token holds all that it names. */
export interface Adjustment {
  readonly privileges: Privilege[];
  /** The held privileges that the change alters, as they were; removed ones are not among them. */
  readonly previous: Privilege[];
  readonly status: number;
}

/**
 * Plans a change of privileges (NtAdjustPrivilegesToken) without making it. `wanted` null disables all.
 * STATUS_NOT_ALL_ASSIGNED, a success, when the token does not hold one of them. Source: "AdjustTokenPrivileges function".
 */
export function planAdjustment(token: Token, wanted: readonly Privilege[] | null): Adjustment {
  const changes = wanted ?? token.privileges.map(({ luid }) => ({ luid, attributes: 0 }));
  const byLuid = new Map(changes.map(({ luid, attributes }) => [luid, attributes]));
  const [privileges, previous]: [Privilege[], Privilege[]] = [[], []];
  for (const held of token.privileges) {
    const attributes = byLuid.get(held.luid);
    byLuid.delete(held.luid);
    const after = attributes === undefined ? held : changed(held, attributes);
    if (after === null) continue;
    if (after.attributes !== held.attributes) previous.push(held);
    privileges.push(after);
  }
  return { privileges, previous, status: byLuid.size === 0 ? STATUS_SUCCESS : STATUS_NOT_ALL_ASSIGNED };
}
