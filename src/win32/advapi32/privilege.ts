/** Tokens and privileges (processthreadsapi.h, securitybaseapi.h, winbase.h). Sources: Microsoft, "OpenProcessToken function", "LookupPrivilegeValueW function", "AdjustTokenPrivileges function", "TOKEN_PRIVILEGES structure". */
import { ntSuccess, STATUS_NO_SUCH_PRIVILEGE } from '../../base/ntstatus.js';
import { foldName } from '../../host/folding.js';
import { PROCESS_QUERY_LIMITED_INFORMATION, TOKEN_ADJUST_PRIVILEGES, TOKEN_QUERY } from '../../nt/access.js';
import { openOrDelete, referenceByHandle } from '../../nt/object-manager.js';
import type { Process } from '../../nt/process.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import {
  PRIVILEGE_NAMES,
  type Privilege,
  planAdjustment,
  TOKEN_IMPERSONATION,
  type Token,
} from '../../nt/token.js';
import { failStatus, TRUE } from '../kernel32/results.js';
import { bothForms, type TextForm } from '../kernel32/text-form.js';

import {
  ERROR_INSUFFICIENT_BUFFER,
  ERROR_INVALID_PARAMETER,
  ERROR_NOT_ALL_ASSIGNED,
} from '../ntdll/dos-error.js';
import { layoutBytes, tokenLayout, writeLayout } from './token-information.js';

/** BOOL OpenProcessToken(process, access, *token). */
const openProcessToken: ServiceFunction = (call) => {
  const { kernel } = call;
  const [access, place] = [PROCESS_QUERY_LIMITED_INFORMATION, call.address(2)];
  const process = referenceByHandle(kernel, call.process, call.handle(0), 'process', access);
  if (typeof process === 'number') return failStatus(call, process);
  call.memory.probeWrite(place, 8);
  const out = { handle: 0 };
  const status = openOrDelete(kernel, call.process, (process as Process).token, call.u32(1), 0, out);
  if (!ntSuccess(status)) return failStatus(call, status);
  call.memory.writeU64(place, out.handle, 0);
  return TRUE;
};

/** RPC_S_SERVER_UNAVAILABLE: no other computer can be asked. */
const SERVER_UNAVAILABLE = 1722;

/** BOOL LookupPrivilegeValue(system, name, *luid). */
const lookupPrivilegeValue =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const [system, name, place] = [call.address(0), call.address(1), call.address(2)];
    if (name === 0) return call.fail(ERROR_INVALID_PARAMETER);
    const computer = system === 0 ? '' : form.read(call, system);
    if (computer !== '') return call.fail(SERVER_UNAVAILABLE);
    const wanted = foldName(form.read(call, name));
    const known = [...PRIVILEGE_NAMES].find(([, each]) => foldName(each) === wanted);
    if (known === undefined) return failStatus(call, STATUS_NO_SUCH_PRIVILEGE);
    call.memory.writeU64(place, known[0], 0);
    return TRUE;
  };

/** TOKEN_PRIVILEGES: a count, then LUID_AND_ATTRIBUTES of 12 bytes each. */
const COUNT_BYTES = 4;
const ENTRY_BYTES = 12;
const ENTRY_ATTRIBUTES = 8;
/** Most privileges that a change may name; the system refuses more with STATUS_INVALID_PARAMETER. */
const MAXIMUM_PRIVILEGES = 0x3c;

/**
 * The privileges that a structure names; one whose LUID no privilege has gets the LUID -1. `extra`: bytes between the count and
 * the first, 4 in a PRIVILEGE_SET.
 */
export function readPrivileges(call: ServiceCall, at: number, extra = 0): Privilege[] | null {
  const { memory } = call;
  const count = memory.readU32(at);
  if (count > MAXIMUM_PRIVILEGES) return null;
  return Array.from({ length: count }, (_, index) => {
    const entry = at + COUNT_BYTES + extra + index * ENTRY_BYTES;
    const luid = memory.readU32(entry + 4) === 0 ? memory.readU32(entry) : -1;
    return { luid, attributes: memory.readU32(entry + ENTRY_ATTRIBUTES) };
  });
}

const privilegeBytes = (count: number) => COUNT_BYTES + count * ENTRY_BYTES;

function writePrivileges(call: ServiceCall, at: number, privileges: readonly Privilege[]): void {
  const { memory } = call;
  memory.writeU32(at, privileges.length);
  privileges.forEach(({ luid, attributes }, index) => {
    const entry = at + COUNT_BYTES + index * ENTRY_BYTES;
    memory.writeU32(entry, luid);
    memory.writeU32(entry + 4, 0);
    memory.writeU32(entry + ENTRY_ATTRIBUTES, attributes);
  });
}

/** The token of a handle; a number is the NTSTATUS. */
export function tokenOf(call: ServiceCall, access: number): Token | number {
  return referenceByHandle(call.kernel, call.process, call.handle(0), 'token', access) as Token | number;
}

/** BOOL AdjustTokenPrivileges(token, disableAll, new, length, previous, *needed): TRUE even where not all are assigned. */
const adjustTokenPrivileges: ServiceFunction = (call) => {
  const [newAt, length, previousAt, neededAt] = [
    call.address(2),
    call.u32(3),
    call.address(4),
    call.address(5),
  ];
  const token = tokenOf(call, TOKEN_ADJUST_PRIVILEGES | (previousAt === 0 ? 0 : TOKEN_QUERY));
  if (typeof token === 'number') return failStatus(call, token);
  const disablesAll = call.u32(1) !== 0;
  if (!disablesAll && newAt === 0) return call.fail(ERROR_INVALID_PARAMETER);
  const wanted = disablesAll ? null : readPrivileges(call, newAt);
  if (!disablesAll && wanted === null) return call.fail(ERROR_INVALID_PARAMETER);
  const plan = planAdjustment(token, wanted);
  if (previousAt !== 0) {
    const needed = privilegeBytes(plan.previous.length);
    call.memory.probeWrite(neededAt, 4);
    if (length < needed) {
      call.memory.writeU32(neededAt, needed);
      return call.fail(ERROR_INSUFFICIENT_BUFFER);
    }
    call.memory.probeWrite(previousAt, needed);
    writePrivileges(call, previousAt, plan.previous);
    call.memory.writeU32(neededAt, needed);
  }
  token.privileges = plan.privileges;
  token.modifications++;
  call.lastError = plan.status === 0 ? 0 : ERROR_NOT_ALL_ASSIGNED;
  return TRUE;
};

/** TOKEN_INFORMATION_CLASS. */
const TOKEN_PRIVILEGES = 3;
const TOKEN_TYPE = 8;
const TOKEN_IMPERSONATION_LEVEL = 9;
const TOKEN_STATISTICS = 10;
const TOKEN_SESSION_ID = 12;
const TOKEN_ELEVATION_TYPE = 18;
const TOKEN_ELEVATION = 20;
const TOKEN_HAS_RESTRICTIONS = 21;
const TOKEN_UI_ACCESS = 26;
const TOKEN_IS_APP_CONTAINER = 29;
const TOKEN_ELEVATION_TYPE_DEFAULT = 1;

/** Classes whose answer is one number: an ordinary user's token, of session 1. */
const NUMBERS: ReadonlyMap<number, number> = new Map([
  [TOKEN_SESSION_ID, 1],
  [TOKEN_ELEVATION_TYPE, TOKEN_ELEVATION_TYPE_DEFAULT],
  [TOKEN_ELEVATION, 0],
  [TOKEN_HAS_RESTRICTIONS, 0],
  [TOKEN_UI_ACCESS, 0],
  [TOKEN_IS_APP_CONTAINER, 0],
]);

/** The number that a class answers; undefined for a class that answers something else. */
function numberOf({ type, level }: Token, kind: number): number | undefined {
  if (kind === TOKEN_TYPE) return type;
  if (kind === TOKEN_IMPERSONATION_LEVEL) return type === TOKEN_IMPERSONATION ? level : undefined;
  return NUMBERS.get(kind);
}

/** TOKEN_STATISTICS: bytes; the logon session that the token comes from, and memory for its defaults. */
const STATISTICS_BYTES = 0x38;
const AUTHENTICATION_ID = 0x10001;
const DYNAMIC_BYTES = 0x1000;

function writeStatistics({ memory }: ServiceCall, at: number, token: Token): void {
  memory.fill(at, STATISTICS_BYTES, 0);
  memory.writeU32(at, token.id);
  memory.writeU32(at + 0x08, AUTHENTICATION_ID);
  memory.writeU64(at + 0x10, 0xffffffff, 0x7fffffff);
  memory.writeU32(at + 0x18, token.type);
  memory.writeU32(at + 0x1c, token.level);
  memory.writeU32(at + 0x20, DYNAMIC_BYTES);
  memory.writeU32(at + 0x24, DYNAMIC_BYTES);
  memory.writeU32(at + 0x28, token.sids.length - 1);
  memory.writeU32(at + 0x2c, token.privileges.length);
  memory.writeU32(at + 0x30, token.id + token.modifications);
}

/** BOOL GetTokenInformation(token, class, information, length, *needed). */
const getTokenInformation: ServiceFunction = (call) => {
  const [kind, at, length, neededAt] = [call.u32(1), call.address(2), call.u32(3), call.address(4)];
  const token = tokenOf(call, TOKEN_QUERY);
  if (typeof token === 'number') return failStatus(call, token);
  const number = numberOf(token, kind);
  const layout = tokenLayout(token, kind);
  const isKnown = number !== undefined || layout !== null || kind === TOKEN_PRIVILEGES;
  if (!isKnown && kind !== TOKEN_STATISTICS) return call.fail(ERROR_INVALID_PARAMETER);
  const list = kind === TOKEN_STATISTICS ? STATISTICS_BYTES : privilegeBytes(token.privileges.length);
  const others = layout === null ? list : layoutBytes(layout);
  const needed = number === undefined ? others : 4;
  call.memory.probeWrite(neededAt, 4);
  call.memory.writeU32(neededAt, needed);
  if (length < needed) return call.fail(ERROR_INSUFFICIENT_BUFFER);
  call.memory.probeWrite(at, needed);
  if (number !== undefined) call.memory.writeU32(at, number);
  else if (layout !== null) writeLayout(call, at, layout);
  else if (kind === TOKEN_STATISTICS) writeStatistics(call, at, token);
  else writePrivileges(call, at, token.privileges);
  return TRUE;
};

export const privilegeFunctions: Record<string, Service | ServiceFunction> = {
  OpenProcessToken: openProcessToken,
  ...bothForms('LookupPrivilegeValue', lookupPrivilegeValue),
  AdjustTokenPrivileges: adjustTokenPrivileges,
  GetTokenInformation: getTokenInformation,
};
