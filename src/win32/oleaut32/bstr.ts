/**
 * BSTRs (oleauto.h): counted UTF-16 texts in the process heap, their length in bytes before them. Sources: Microsoft, "BSTR",
 * "SysAllocString function", "SysAllocStringLen function", "SysReAllocString function", "SysFreeString function".
 */
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { FALSE, TRUE } from '../kernel32/results.js';
import { allocateFromHeap, freeToHeap } from '../ntdll/heap.js';
import { heapContext } from '../ntdll/heap-context.js';
import { processHeap } from '../ntdll/heap-services.js';

/** Bytes before the text: padding to the heap's alignment of pointers, then the length in bytes. */
const HEADER_BYTES = 8;
const LENGTH_BEFORE = 4;
const TERMINATOR_BYTES = 2;
/** Lengths are 32 bits, and the block must be one too. */
const MAXIMUM_BYTES = 0x7fff_fff0;

/** A BSTR with a copy of `bytes` bytes at `source`, or with whatever the heap holds when that is 0; 0 without memory. */
export function allocateBstr(call: ServiceCall, source: number, bytes: number): number {
  const { memory } = call;
  if (bytes > MAXIMUM_BYTES) return 0;
  if (source !== 0) memory.probeRead(source, bytes);
  const block = allocateFromHeap(
    heapContext(call),
    processHeap(call),
    0,
    HEADER_BYTES + bytes + TERMINATOR_BYTES,
  );
  if (block === 0) return 0;
  const text = block + HEADER_BYTES;
  memory.writeU32(block, 0);
  memory.writeU32(text - LENGTH_BEFORE, bytes);
  if (source !== 0) memory.copy(text, source, bytes);
  memory.writeU16(text + bytes, 0);
  return text;
}

/** Gives a BSTR back; a null one is an empty text. */
export function freeBstr(call: ServiceCall, text: number): void {
  if (text !== 0) freeToHeap(heapContext(call), processHeap(call), text - HEADER_BYTES);
}

/** Bytes of a BSTR's text. */
export function bstrBytes(call: ServiceCall, text: number): number {
  return text === 0 ? 0 : call.memory.readU32(text - LENGTH_BEFORE);
}

/** Bytes of a zero-terminated UTF-16 text. */
function wideBytesAt(call: ServiceCall, source: number): number {
  return call.memory.readUtf16(source).length * 2;
}

/** BSTR SysAllocString(text). */
const sysAllocString: ServiceFunction = (call) => {
  const source = call.address(0);
  return source === 0 ? 0 : allocateBstr(call, source, wideBytesAt(call, source));
};

/** BSTR SysAllocStringLen(text, units): without a text, the units are not set. */
const sysAllocStringLen: ServiceFunction = (call) => allocateBstr(call, call.address(0), call.u32(1) * 2);

/** BSTR SysAllocStringByteLen(text, bytes). */
const sysAllocStringByteLen: ServiceFunction = (call) => allocateBstr(call, call.address(0), call.u32(1));

/** Puts a new BSTR in place of one: the old one is freed last, for the text may lie in it. */
function replaceBstr(call: ServiceCall, place: number, source: number, bytes: number): number {
  call.memory.probeWrite(place, 8);
  const text = allocateBstr(call, source, bytes);
  if (text === 0) return FALSE;
  freeBstr(call, call.memory.readPointer(place));
  call.memory.writePointer(place, text);
  return TRUE;
}

/** INT SysReAllocString(*string, text). */
const sysReAllocString: ServiceFunction = (call) => {
  const [place, source] = [call.address(0), call.address(1)];
  if (source !== 0) return replaceBstr(call, place, source, wideBytesAt(call, source));
  freeBstr(call, call.memory.readPointer(place));
  call.memory.writePointer(place, 0);
  return TRUE;
};

/** INT SysReAllocStringLen(*string, text, units): without a text, as much of the old one stays as fits. */
const sysReAllocStringLen: ServiceFunction = (call) => {
  const [place, source, bytes] = [call.address(0), call.address(1), call.u32(2) * 2];
  if (source !== 0) return replaceBstr(call, place, source, bytes);
  call.memory.probeWrite(place, 8);
  const old = call.memory.readPointer(place);
  const kept = Math.min(bstrBytes(call, old), bytes);
  const text = allocateBstr(call, 0, bytes);
  if (text === 0) return FALSE;
  if (old !== 0) call.memory.copy(text, old, kept);
  freeBstr(call, old);
  call.memory.writePointer(place, text);
  return TRUE;
};

export const bstrFunctions: Record<string, Service | ServiceFunction> = {
  SysAllocString: sysAllocString,
  SysReAllocString: sysReAllocString,
  SysAllocStringLen: sysAllocStringLen,
  SysReAllocStringLen: sysReAllocStringLen,
  SysFreeString: (call) => freeBstr(call, call.address(0)),
  SysStringLen: (call) => bstrBytes(call, call.address(0)) >>> 1,
  SysStringByteLen: (call) => bstrBytes(call, call.address(0)),
  SysAllocStringByteLen: sysAllocStringByteLen,
};
