/**
 * Pointers: probing them, encoding them, and lists that they link (winbase.h, utilapiset.h, interlockedapi.h). Sources: Microsoft,
 * "IsBadReadPtr function", "EncodePointer function", "InterlockedPushEntrySList function"; SLIST_HEADER of x64: depth 16 bits,
 * sequence 48 bits, then the address of the first entry, whose low four bits are 0.
 */
import { GuestFault } from '../../mm/user-memory.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { TRUE } from './results.js';
import { bothForms, type TextForm } from './text-form.js';

/** 1 when the probe faults, as the IsBad functions answer. */
function isBad(probe: () => void): number {
  try {
    probe();
    return 0;
  } catch (error) {
    if (error instanceof GuestFault) return TRUE;
    throw error;
  }
}

/** BOOL IsBadStringPtr(text, units). */
const isBadString =
  (form: TextForm): ServiceFunction =>
  (call) =>
    isBad(() => {
      if (call.size(1) > 0) form.read(call, call.address(0), call.size(1));
    });

/** Exclusive-or of both words with a number that is fixed for the machine's seed; its own inverse. */
const encodePointer: ServiceFunction = (call) => {
  const cookie = Math.imul(call.kernel.mm.seed + 0x9e37, 0x85ebca6b) >>> 0;
  call.return64((call.lo(0) ^ cookie) >>> 0, (call.hi(0) ^ Math.imul(cookie, 0xc2b2ae35)) >>> 0);
};

const SLIST_NEXT = 8;
const SLIST_BYTES = 16;

function initializeList(call: ServiceCall): void {
  call.memory.probeWrite(call.address(0), SLIST_BYTES);
  call.memory.fill(call.address(0), SLIST_BYTES, 0);
}

/** First entry of a list, 0 for none. */
function firstEntry(call: ServiceCall, list: number): number {
  const at = call.memory.readPointer(list + SLIST_NEXT);
  return at - (at % 16);
}

/** Sets first entry and depth, and counts the sequence up. */
function setFirst(call: ServiceCall, list: number, entry: number, depth: number): void {
  const { memory } = call;
  const sequence = (memory.readU16(list + 2) + 1) & 0xffff;
  memory.writePointer(list + SLIST_NEXT, entry);
  memory.writeU16(list, depth & 0xffff);
  memory.writeU16(list + 2, sequence);
}

/** PSLIST_ENTRY InterlockedPushEntrySList(list, entry): the entry that was first. */
const pushEntry: ServiceFunction = (call) => {
  const [list, entry] = [call.address(0), call.address(1)];
  call.memory.probeWrite(list, SLIST_BYTES);
  const before = firstEntry(call, list);
  call.memory.writePointer(entry, before);
  setFirst(call, list, entry, call.memory.readU16(list) + 1);
  return before;
};

/** PSLIST_ENTRY InterlockedPopEntrySList(list). */
const popEntry: ServiceFunction = (call) => {
  const list = call.address(0);
  call.memory.probeWrite(list, SLIST_BYTES);
  const entry = firstEntry(call, list);
  if (entry !== 0) setFirst(call, list, call.memory.readPointer(entry), call.memory.readU16(list) - 1);
  return entry;
};

/** PSLIST_ENTRY InterlockedFlushSList(list). */
const flushList: ServiceFunction = (call) => {
  const list = call.address(0);
  call.memory.probeWrite(list, SLIST_BYTES);
  const entry = firstEntry(call, list);
  if (entry !== 0) setFirst(call, list, 0, 0);
  return entry;
};

/** int MulDiv(number, numerator, denominator): rounded half away from zero; -1 when it cannot be. */
const mulDiv: ServiceFunction = (call) => {
  const denominator = BigInt(call.i32(2));
  if (denominator === 0n) return -1;
  const product = BigInt(call.i32(0)) * BigInt(call.i32(1));
  const negative = product < 0n !== denominator < 0n;
  const size = (value: bigint) => (value < 0n ? -value : value);
  const quotient = (size(product) + size(denominator) / 2n) / size(denominator);
  const result = negative ? -quotient : quotient;
  return result === BigInt.asIntN(32, result) ? Number(result) : -1;
};

export const pointerFunctions: Record<string, Service | ServiceFunction> = {
  IsBadReadPtr: (call) => isBad(() => call.memory.probeRead(call.address(0), call.size(1))),
  IsBadWritePtr: (call) => isBad(() => call.memory.probeWrite(call.address(0), call.size(1))),
  IsBadCodePtr: (call) => isBad(() => call.memory.probeRead(call.address(0), 1)),
  ...bothForms('IsBadStringPtr', isBadString),
  EncodePointer: encodePointer,
  DecodePointer: encodePointer,
  EncodeSystemPointer: encodePointer,
  DecodeSystemPointer: encodePointer,
  InitializeSListHead: initializeList,
  InterlockedPushEntrySList: pushEntry,
  InterlockedPopEntrySList: popEntry,
  InterlockedFlushSList: flushList,
  QueryDepthSList: (call) => call.memory.readU16(call.address(0)),
  MulDiv: mulDiv,
};
