/** The two forms in which Win32 functions take and give text: A (bytes of code page 1252) and W (UTF-16). */
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { allocateFromHeap } from '../ntdll/heap.js';
import { heapContext } from '../ntdll/heap-context.js';
import { processHeap } from '../ntdll/heap-services.js';
import { wideBytes } from '../wide-bytes.js';
import { CP_WINDOWS_1252, decode, encode } from './code-page.js';

export interface TextForm {
  readonly suffix: 'A' | 'W';
  /** Bytes of one unit: char or WCHAR. */
  readonly unit: 1 | 2;
  /** A zero-terminated text, at most `limit` units of it. */
  read(call: ServiceCall, address: number, limit?: number): string;
  /** The text's bytes without a terminator. */
  encode(text: string): Uint8Array;
  decode(bytes: Uint8Array): string;
}

export const ANSI: TextForm = {
  suffix: 'A',
  unit: 1,
  read: (call, address, limit) => fromBytes(call.memory.readAnsi(address, limit)),
  encode: (text) => encode(CP_WINDOWS_1252, text).bytes,
  decode: (bytes) => decode(CP_WINDOWS_1252, bytes)!,
};

export const WIDE: TextForm = {
  suffix: 'W',
  unit: 2,
  read: (call, address, limit) => call.memory.readUtf16(address, limit),
  encode: wideBytes,
  decode: wideText,
};

/** Characters 0..255 that stand for bytes, as Unicode. */
function fromBytes(narrow: string): string {
  if (!/[\x80-\x9f]/.test(narrow)) return narrow;
  const bytes = Uint8Array.from({ length: narrow.length }, (_, index) => narrow.charCodeAt(index));
  return decode(CP_WINDOWS_1252, bytes)!;
}

export function wideText(bytes: Uint8Array): string {
  const parts: string[] = [];
  const units = new Uint16Array(4096);
  for (let at = 0; at + 1 < bytes.length; ) {
    let count = 0;
    for (; count < units.length && at + 1 < bytes.length; at += 2)
      units[count++] = bytes[at]! | (bytes[at + 1]! << 8);
    parts.push(String.fromCharCode(...units.subarray(0, count)));
  }
  return parts.join('');
}

type Functions = Record<string, Service | ServiceFunction>;

/** The A and the W function of a name. */
export function bothForms(
  name: string,
  make: (form: TextForm) => Service | ServiceFunction,
): Record<string, Service | ServiceFunction> {
  const functions: Functions = {};
  for (const form of [ANSI, WIDE]) functions[`${name}${form.suffix}`] = make(form);
  return functions;
}

/** Stores a text with its terminator. */
export function writeText(call: ServiceCall, form: TextForm, address: number, text: string): void {
  call.memory.writeBytes(address, form.encode(`${text}\0`));
}

/**
 * Stores a text in a buffer of `room` units as most Win32 functions do: the answer is its length in units without the
 * terminator, or, when it does not fit, the length with it and nothing is stored.
 */
export function giveText(
  call: ServiceCall,
  form: TextForm,
  text: string,
  address: number,
  room: number,
): number {
  const bytes = form.encode(`${text}\0`);
  const needed = bytes.length / form.unit;
  if (needed > room) return needed;
  call.memory.writeBytes(address, bytes);
  return needed - 1;
}

/** A copy of a text with its terminator in the process heap; 0 when there is no memory. */
export function textInHeap(call: ServiceCall, form: TextForm, text: string): number {
  const bytes = form.encode(`${text}\0`);
  const address = allocateFromHeap(heapContext(call), processHeap(call), 0, bytes.length);
  if (address !== 0) call.memory.writeBytes(address, bytes);
  return address;
}
