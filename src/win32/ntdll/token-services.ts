/**
 * Tokens: opening and copying them. Sources: Microsoft, "NtOpenProcessTokenEx function", "NtOpenThreadTokenEx function",
 * "NtDuplicateToken function", "SECURITY_QUALITY_OF_SERVICE structure".
 */
import {
  ntSuccess,
  STATUS_BAD_IMPERSONATION_LEVEL,
  STATUS_CANT_OPEN_ANONYMOUS,
  STATUS_INVALID_PARAMETER,
  STATUS_NO_TOKEN,
} from '../../base/ntstatus.js';
import {
  PROCESS_QUERY_LIMITED_INFORMATION,
  THREAD_QUERY_LIMITED_INFORMATION,
  TOKEN_DUPLICATE,
} from '../../nt/access.js';
import { openOrDelete, referenceByHandle } from '../../nt/object-manager.js';
import type { Process } from '../../nt/process.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import type { Thread } from '../../nt/thread.js';
import {
  duplicateToken,
  SECURITY_ANONYMOUS,
  SECURITY_DELEGATION,
  TOKEN_IMPERSONATION,
  TOKEN_PRIMARY,
  type Token,
} from '../../nt/token.js';
import { nativeServices, readObjectAttributes, writeHandle } from './arguments.js';

const OBJ_INHERIT = 2;

/** Opens a token and stores its handle. */
function give(call: ServiceCall, token: Token, access: number, flags: number, handleAt: number): number {
  const out = { handle: 0 };
  const status = openOrDelete(call.kernel, call.process, token, access, flags, out);
  if (ntSuccess(status)) writeHandle(call, handleAt, out.handle);
  return status;
}

/** (process, access, [attributes,] *handle). */
const openProcessToken =
  (takesAttributes: boolean): ServiceFunction =>
  (call) => {
    const handleAt = call.address(takesAttributes ? 3 : 2);
    call.memory.probeWrite(handleAt, 8);
    const access = PROCESS_QUERY_LIMITED_INFORMATION;
    const process = referenceByHandle(call.kernel, call.process, call.handle(0), 'process', access);
    if (typeof process === 'number') return process;
    const flags = takesAttributes && call.u32(2) & OBJ_INHERIT ? 1 : 0;
    return give(call, (process as Process).token, call.u32(1), flags, handleAt);
  };

/** (thread, access, asSelf, [attributes,] *handle). */
const openThreadToken =
  (takesAttributes: boolean): ServiceFunction =>
  (call) => {
    const handleAt = call.address(takesAttributes ? 4 : 3);
    call.memory.probeWrite(handleAt, 8);
    const access = THREAD_QUERY_LIMITED_INFORMATION;
    const thread = referenceByHandle(call.kernel, call.process, call.handle(0), 'thread', access);
    if (typeof thread === 'number') return thread;
    const { impersonation } = thread as Thread;
    if (impersonation === null) return STATUS_NO_TOKEN;
    if (impersonation.level === SECURITY_ANONYMOUS) return STATUS_CANT_OPEN_ANONYMOUS;
    const flags = takesAttributes && call.u32(3) & OBJ_INHERIT ? 1 : 0;
    return give(call, impersonation, call.u32(1), flags, handleAt);
  };

/** OBJECT_ATTRIBUTES.SecurityQualityOfService, and the level in what it points to. */
const QUALITY_OF_SERVICE = 0x28;
const IMPERSONATION_LEVEL = 4;

/** The level that OBJECT_ATTRIBUTES ask for; that of the token when they do not. */
function levelOf(call: ServiceCall, attributes: number, token: Token): number {
  const quality = attributes === 0 ? 0 : call.memory.readPointer(attributes + QUALITY_OF_SERVICE);
  return quality === 0 ? token.level : call.memory.readU32(quality + IMPERSONATION_LEVEL);
}

/** (token, access, attributes, effectiveOnly, type, *copy): access of 0 is that of the handle. */
const duplicate: ServiceFunction = (call) => {
  const { kernel, process } = call;
  const [attributes, type, handleAt] = [call.address(2), call.u32(4), call.address(5)];
  call.memory.probeWrite(handleAt, 8);
  const found = referenceByHandle(kernel, process, call.handle(0), 'token', TOKEN_DUPLICATE);
  if (typeof found === 'number') return found;
  const token = found as Token;
  if (type !== TOKEN_PRIMARY && type !== TOKEN_IMPERSONATION) return STATUS_INVALID_PARAMETER;
  const level = levelOf(call, attributes, token);
  if (level > SECURITY_DELEGATION) return STATUS_BAD_IMPERSONATION_LEVEL;
  const { handleFlags } = readObjectAttributes(call, attributes);
  const held = process.handles.lookup(call.handle(0))!.grantedAccess;
  call.memory.commit();
  const copy = duplicateToken(kernel, token, type, level);
  return typeof copy === 'number' ? copy : give(call, copy, call.u32(1) || held, handleFlags, handleAt);
};

export const tokenServices = nativeServices({
  OpenProcessToken: openProcessToken(false),
  OpenProcessTokenEx: openProcessToken(true),
  OpenThreadToken: openThreadToken(false),
  OpenThreadTokenEx: openThreadToken(true),
  DuplicateToken: duplicate,
});
