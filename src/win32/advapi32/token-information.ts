/**
 * What a token says about its bearer, and accounts by name. Sources: Microsoft, "TOKEN_INFORMATION_CLASS enumeration",
 * "CheckTokenMembership function", "GetUserNameW function", "LookupAccountSidW function".
 */
import { STATUS_NO_IMPERSONATION_TOKEN } from '../../base/ntstatus.js';
import { TOKEN_QUERY } from '../../nt/access.js';
import { referenceByHandle } from '../../nt/object-manager.js';
import { DEFAULT_DACL } from '../../nt/security/access-check.js';
import {
  ADMINISTRATORS,
  AUTHENTICATED_USERS,
  EVERYONE,
  INTERACTIVE,
  LOCAL_SYSTEM,
  LOGON_SESSION,
  MEDIUM_INTEGRITY,
  type Sid,
  sidBytes,
  USER,
  USER_GROUP,
  USERS,
} from '../../nt/security/sid.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { effectiveToken, TOKEN_IMPERSONATION, type Token } from '../../nt/token.js';
import { failStatus, TRUE } from '../kernel32/results.js';
import { bothForms, type TextForm, writeText } from '../kernel32/text-form.js';
import { readSid } from '../ntdll/captured-security.js';
import { ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_SID, ERROR_NONE_MAPPED } from '../ntdll/dos-error.js';

/** TOKEN_INFORMATION_CLASS. */
const TOKEN_USER = 1;
const TOKEN_GROUPS = 2;
const TOKEN_OWNER = 4;
const TOKEN_PRIMARY_GROUP = 5;
const TOKEN_DEFAULT_DACL = 6;
const TOKEN_INTEGRITY_LEVEL = 25;
const TOKEN_LOGON_SID = 28;

/** SE_GROUP_*: mandatory, enabled by default, enabled; the logon session's; a label of integrity. */
const ENABLED_GROUP = 0x7;
const LOGON_GROUP = 0xc0000000;
const INTEGRITY_LABEL = 0x60;

/** Pointers to what follows them in one block: first the fixed part, then the pieces, each on a multiple of 8 bytes. */
interface Layout {
  /** Bytes of the fixed part. */
  readonly head: number;
  readonly pieces: readonly Uint8Array[];
  /** Where the pointer to each piece goes. */
  readonly pointers: readonly number[];
  /** 32-bit numbers of the fixed part: offset and value. */
  readonly numbers: readonly (readonly [offset: number, value: number])[];
}

const SID_AND_ATTRIBUTES_BYTES = 16;

/** SID_AND_ATTRIBUTES, one after the other from `first` on. */
function sidList(first: number, entries: readonly (readonly [sid: Sid, attributes: number])[]): Layout {
  return {
    head: first + entries.length * SID_AND_ATTRIBUTES_BYTES,
    pieces: entries.map(([sid]) => sidBytes(sid)),
    pointers: entries.map((_, index) => first + index * SID_AND_ATTRIBUTES_BYTES),
    numbers: entries.map(([, attributes], index) => [
      first + index * SID_AND_ATTRIBUTES_BYTES + 8,
      attributes >>> 0,
    ]),
  };
}

const attributesOf = (sid: Sid) => (sid === LOGON_SESSION ? LOGON_GROUP | ENABLED_GROUP : ENABLED_GROUP);

/** The classes whose answer holds SIDs or an ACL; null for others. */
export function tokenLayout(token: Token, kind: number): Layout | null {
  const [user, ...groups] = token.sids;
  const pointerTo = (piece: Uint8Array): Layout => ({ head: 8, pieces: [piece], pointers: [0], numbers: [] });
  switch (kind) {
    case TOKEN_USER:
      return sidList(0, [[user!, 0]]);
    case TOKEN_GROUPS: {
      const list = sidList(
        8,
        groups.map((sid) => [sid, attributesOf(sid)]),
      );
      return { ...list, numbers: [[0, groups.length], ...list.numbers] };
    }
    case TOKEN_OWNER:
      return pointerTo(sidBytes(token.defaults?.owner ?? user!));
    case TOKEN_PRIMARY_GROUP:
      return pointerTo(sidBytes(token.defaults?.group ?? USER_GROUP));
    case TOKEN_DEFAULT_DACL:
      return token.defaults?.dacl === null ? NO_DACL : pointerTo(token.defaults?.dacl ?? DEFAULT_DACL);
    case TOKEN_INTEGRITY_LEVEL:
      return sidList(0, [[MEDIUM_INTEGRITY, INTEGRITY_LABEL]]);
    case TOKEN_LOGON_SID: {
      const list = sidList(8, [[LOGON_SESSION, attributesOf(LOGON_SESSION)]]);
      return { ...list, numbers: [[0, 1], ...list.numbers] };
    }
    default:
      return null;
  }
}

/** TOKEN_DEFAULT_DACL of a token without one. */
const NO_DACL: Layout = { head: 8, pieces: [], pointers: [], numbers: [] };

const aligned = (bytes: number) => Math.ceil(bytes / 8) * 8;

/** Bytes that a layout takes. */
export function layoutBytes({ head, pieces }: Layout): number {
  return pieces.reduce((sum, piece) => aligned(sum) + piece.length, head);
}

export function writeLayout(call: ServiceCall, at: number, layout: Layout): void {
  const { memory } = call;
  memory.fill(at, layout.head, 0);
  for (const [offset, value] of layout.numbers) memory.writeU32(at + offset, value);
  let place = layout.head;
  layout.pieces.forEach((piece, index) => {
    place = aligned(place);
    memory.writePointer(at + layout.pointers[index]!, at + place);
    memory.writeBytes(at + place, piece);
    place += piece.length;
  });
}

/** BOOL CheckTokenMembership(token, sid, *isMember): an impersonation token; 0 is what the caller is judged by. */
const checkTokenMembership: ServiceFunction = (call) => {
  const token =
    call.handle(0) === 0
      ? effectiveToken(call.kernel, call.process)
      : (referenceByHandle(call.kernel, call.process, call.handle(0), 'token', TOKEN_QUERY) as
          | Token
          | number);
  if (typeof token === 'number') return failStatus(call, token);
  if (call.handle(0) !== 0 && token.type !== TOKEN_IMPERSONATION)
    return failStatus(call, STATUS_NO_IMPERSONATION_TOKEN);
  const sid = readSid(call, call.address(1));
  if (sid === null) return call.fail(ERROR_INVALID_SID);
  call.memory.writeU32(call.address(2), token.sids.includes(sid) ? 1 : 0);
  return TRUE;
};

export const USER_NAME = 'user';
const COMPUTER = 'NTMM';

/** BOOL GetUserName(name, *units): units with the terminator. */
const getUserName =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const sizeAt = call.address(1);
    const room = call.memory.readU32(sizeAt);
    call.memory.writeU32(sizeAt, USER_NAME.length + 1);
    if (call.address(0) === 0 || room < USER_NAME.length + 1) return call.fail(ERROR_INSUFFICIENT_BUFFER);
    writeText(call, form, call.address(0), USER_NAME);
    return TRUE;
  };

/** SID_NAME_USE. */
const SID_TYPE_USER = 1;
const SID_TYPE_GROUP = 2;
const SID_TYPE_ALIAS = 4;
const SID_TYPE_WELL_KNOWN_GROUP = 5;

const ACCOUNTS: ReadonlyMap<Sid, readonly [name: string, domain: string, use: number]> = new Map([
  [USER, [USER_NAME, COMPUTER, SID_TYPE_USER]],
  [USER_GROUP, ['None', COMPUTER, SID_TYPE_GROUP]],
  [EVERYONE, ['Everyone', '', SID_TYPE_WELL_KNOWN_GROUP]],
  [INTERACTIVE, ['INTERACTIVE', 'NT AUTHORITY', SID_TYPE_WELL_KNOWN_GROUP]],
  [AUTHENTICATED_USERS, ['Authenticated Users', 'NT AUTHORITY', SID_TYPE_WELL_KNOWN_GROUP]],
  [LOCAL_SYSTEM, ['SYSTEM', 'NT AUTHORITY', SID_TYPE_WELL_KNOWN_GROUP]],
  [ADMINISTRATORS, ['Administrators', 'BUILTIN', SID_TYPE_ALIAS]],
  [USERS, ['Users', 'BUILTIN', SID_TYPE_ALIAS]],
]);

/** BOOL LookupAccountSid(system, sid, name, *units, domain, *units, *use). */
const lookupAccountSid =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const { memory } = call;
    const sid = readSid(call, call.address(1));
    if (sid === null) return call.fail(ERROR_INVALID_SID);
    const account = ACCOUNTS.get(sid);
    if (account === undefined) return call.fail(ERROR_NONE_MAPPED);
    const [name, domain, use] = account;
    const [nameSize, domainSize] = [call.address(3), call.address(5)];
    const fits =
      memory.readU32(nameSize) >= name.length + 1 && memory.readU32(domainSize) >= domain.length + 1;
    memory.writeU32(nameSize, fits ? name.length : name.length + 1);
    memory.writeU32(domainSize, fits ? domain.length : domain.length + 1);
    if (!fits) return call.fail(ERROR_INSUFFICIENT_BUFFER);
    writeText(call, form, call.address(2), name);
    writeText(call, form, call.address(4), domain);
    memory.writeU32(call.address(6), use);
    return TRUE;
  };

export const tokenInformationFunctions: Record<string, Service | ServiceFunction> = {
  CheckTokenMembership: checkTokenMembership,
  ...bothForms('GetUserName', getUserName),
  ...bothForms('LookupAccountSid', lookupAccountSid),
};
