/** Counted strings: UNICODE_STRING and ANSI_STRING. Source: Microsoft, "UNICODE_STRING structure", "RtlInitUnicodeString". */
import { STATUS_BUFFER_OVERFLOW, STATUS_NO_MEMORY, STATUS_SUCCESS } from '../../base/ntstatus.js';
import { foldName } from '../../host/folding.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { allocateFromHeap, freeToHeap } from './heap.js';
import { heapContext } from './heap-context.js';
import { guardHeap, processHeap } from './heap-services.js';

const LENGTH = 0;
const MAXIMUM_LENGTH = 2;
const BUFFER = 8;
/** Bytes: the longest counted strings. */
const MAXIMUM_UNICODE = 0xfffc;
const MAXIMUM_ANSI = 0xfffe;

/** Text of a UNICODE_STRING; units after a zero unit count. */
export function readUnicodeString(call: ServiceCall, address: number): string {
  const { memory } = call;
  const bytes = memory.readBytes(memory.readPointer(address + BUFFER), memory.readU16(address + LENGTH) & ~1);
  let text = '';
  for (let at = 0; at < bytes.length; at += 2)
    text += String.fromCharCode(bytes[at]! | (bytes[at + 1]! << 8));
  return text;
}

function writeCounted(
  call: ServiceCall,
  address: number,
  buffer: number,
  length: number,
  unit: number,
): void {
  call.memory.probeWrite(address, 16);
  call.memory.writeU16(address + LENGTH, length);
  call.memory.writeU16(address + MAXIMUM_LENGTH, buffer === 0 ? 0 : length + unit);
  call.memory.writePointer(address + BUFFER, buffer);
}

const rtlInitUnicodeString: ServiceFunction = (call) => {
  const source = call.address(1);
  const units = source === 0 ? 0 : call.memory.readUtf16(source).length;
  writeCounted(call, call.address(0), source, Math.min(units * 2, MAXIMUM_UNICODE), 2);
};

const rtlInitAnsiString: ServiceFunction = (call) => {
  const source = call.address(1);
  const bytes = source === 0 ? 0 : call.memory.findByte(source, 0, Number.MAX_SAFE_INTEGER);
  writeCounted(call, call.address(0), source, Math.min(bytes, MAXIMUM_ANSI), 1);
};

/** NTSTATUS RtlAnsiStringToUnicodeString(target, source, allocate): characters below 256 stand for themselves. */
const rtlAnsiStringToUnicodeString: ServiceFunction = (call) => {
  const { memory } = call;
  const length = memory.readU16(call.address(1));
  const text = memory.readAnsi(memory.readPointer(call.address(1) + BUFFER), length);
  return guardHeap(call, () => {
    let buffer = memory.readPointer(call.address(0) + BUFFER);
    if (call.u32(2) & 0xff)
      buffer = allocateFromHeap(heapContext(call), processHeap(call), 0, text.length * 2 + 2);
    else if (memory.readU16(call.address(0) + MAXIMUM_LENGTH) < text.length * 2 + 2)
      return STATUS_BUFFER_OVERFLOW;
    if (buffer === 0) return STATUS_NO_MEMORY;
    memory.writeUtf16(buffer, `${text}\0`);
    writeCounted(call, call.address(0), buffer, text.length * 2, 2);
    return STATUS_SUCCESS;
  });
};

const freeCounted: ServiceFunction = (call) =>
  guardHeap(call, () => {
    const buffer = call.memory.readPointer(call.address(0) + BUFFER);
    if (buffer !== 0) freeToHeap(heapContext(call), processHeap(call), buffer);
    call.memory.fill(call.address(0), 16, 0);
  });

/** LONG RtlCompareUnicodeString(left, right, ignoreCase). */
const rtlCompareUnicodeString: ServiceFunction = (call) => {
  const [left, right] = pair(call);
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const difference = left.charCodeAt(index) - right.charCodeAt(index);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
};

const rtlEqualUnicodeString: ServiceFunction = (call) => {
  const [left, right] = pair(call);
  return left === right ? 1 : 0;
};

function pair(call: ServiceCall): [string, string] {
  const left = readUnicodeString(call, call.address(0));
  const right = readUnicodeString(call, call.address(1));
  return call.u32(2) & 0xff ? [foldName(left), foldName(right)] : [left, right];
}

export const stringServices: Readonly<Record<string, ServiceFunction>> = {
  RtlInitUnicodeString: rtlInitUnicodeString,
  RtlInitString: rtlInitAnsiString,
  RtlInitAnsiString: rtlInitAnsiString,
  RtlAnsiStringToUnicodeString: rtlAnsiStringToUnicodeString,
  RtlFreeUnicodeString: freeCounted,
  RtlFreeAnsiString: freeCounted,
  RtlCompareUnicodeString: rtlCompareUnicodeString,
  RtlEqualUnicodeString: rtlEqualUnicodeString,
};
