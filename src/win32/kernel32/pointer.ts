/**
 * Pointers: probing them and encoding them (winbase.h, utilapiset.h). Sources: Microsoft, "IsBadReadPtr function",
 * "EncodePointer function".
 */
import { GuestFault } from '../../mm/user-memory.js';
import type { Service, ServiceFunction } from '../../nt/service.js';
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
  MulDiv: mulDiv,
};
