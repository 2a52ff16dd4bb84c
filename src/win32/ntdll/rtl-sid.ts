/** SIDs in a program's memory. Sources: Microsoft, "RtlInitializeSid function", "RtlCopySid function", "RtlEqualSid function", "AllocateAndInitializeSid function". */
import {
  STATUS_BUFFER_TOO_SMALL,
  STATUS_INVALID_PARAMETER,
  STATUS_INVALID_SID,
  STATUS_NO_MEMORY,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import { MOST_SUB_AUTHORITIES, SID_REVISION, sidLength } from '../../nt/security/sid.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { readSid } from './captured-security.js';
import { allocateFromHeap, freeToHeap } from './heap.js';
import { heapContext } from './heap-context.js';
import { guardHeap, processHeap } from './heap-services.js';

const COUNT = 1;
const AUTHORITY = 2;
const AUTHORITY_BYTES = 6;
const SUB_AUTHORITIES = 8;

/** Bytes of the SID at an address, whether it is valid or not. */
const lengthAt = (call: ServiceCall, address: number) => sidLength(call.memory.readU8(address + COUNT));

function initialize(call: ServiceCall, sid: number, authority: number, count: number): number {
  if (count > MOST_SUB_AUTHORITIES) return STATUS_INVALID_PARAMETER;
  call.memory.writeU8(sid, SID_REVISION);
  call.memory.writeU8(sid + COUNT, count);
  call.memory.copy(sid + AUTHORITY, authority, AUTHORITY_BYTES);
  return STATUS_SUCCESS;
}

/** (*authority, count, eight subauthorities, **sid). */
const allocateAndInitialize: ServiceFunction = (call) => {
  const count = call.u32(1) & 0xff;
  if (count > 8) return STATUS_INVALID_SID;
  const place = call.address(10);
  call.memory.probeWrite(place, 8);
  const sid = allocateFromHeap(heapContext(call), processHeap(call), 0, sidLength(count));
  if (sid === 0) return STATUS_NO_MEMORY;
  initialize(call, sid, call.address(0), count);
  for (let index = 0; index < count; index++)
    call.memory.writeU32(sid + SUB_AUTHORITIES + index * 4, call.u32(2 + index));
  call.memory.writePointer(place, sid);
  return STATUS_SUCCESS;
};

/** (length, to, from). */
const copy: ServiceFunction = (call) => {
  const length = lengthAt(call, call.address(2));
  if (call.u32(0) < length) return STATUS_BUFFER_TOO_SMALL;
  call.memory.copy(call.address(1), call.address(2), length);
  return STATUS_SUCCESS;
};

function isEqual(call: ServiceCall, withoutLast: number): number {
  const [left, right] = [call.address(0), call.address(1)];
  const length = lengthAt(call, left);
  if (length !== lengthAt(call, right)) return 0;
  return call.memory.compare(left, right, Math.max(SUB_AUTHORITIES, length - withoutLast)) === 0 ? 1 : 0;
}

export const sidServices = {
  RtlInitializeSid: (call) => initialize(call, call.address(0), call.address(1), call.u32(2) & 0xff),
  RtlAllocateAndInitializeSid: allocateAndInitialize,
  RtlFreeSid: (call) => {
    const heap = processHeap(call);
    return guardHeap(call, () => {
      freeToHeap(heapContext(call), heap, call.address(0));
      return 0;
    });
  },
  RtlCopySid: copy,
  RtlEqualSid: (call) => isEqual(call, 0),
  RtlEqualPrefixSid: (call) => isEqual(call, 4),
  RtlValidSid: (call) => (call.address(0) !== 0 && readSid(call, call.address(0)) !== null ? 1 : 0),
  RtlLengthSid: (call) => lengthAt(call, call.address(0)),
  RtlLengthRequiredSid: (call) => sidLength(call.u32(0)),
  RtlSubAuthoritySid: (call) => call.address(0) + SUB_AUTHORITIES + call.u32(1) * 4,
  RtlSubAuthorityCountSid: (call) => call.address(0) + COUNT,
  RtlIdentifierAuthoritySid: (call) => call.address(0) + AUTHORITY,
} satisfies Record<string, ServiceFunction>;
