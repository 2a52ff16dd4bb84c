/** Texts of the OEM code page (winuser.h). Sources: Microsoft, "CharToOemW function", "CharToOemBuffW function", "OemToCharA function". */
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { CP_OEM_437, decode, encode } from '../kernel32/code-page.js';
import { FALSE, TRUE } from '../kernel32/results.js';
import { bothForms, type TextForm } from '../kernel32/text-form.js';

/** Converts whole texts, so that source and target may be the same place. */
function convert(call: ServiceCall, bytes: Uint8Array): number {
  call.memory.writeBytes(call.address(1), bytes);
  return TRUE;
}

/** One byte for each UTF-16 unit: halves of surrogate pairs have no counterpart. */
const toOem = (text: string) => encode(CP_OEM_437, text.replace(/[\ud800-\udfff]/g, '?')).bytes;
const fromOem = (bytes: Uint8Array) => decode(CP_OEM_437, bytes)!;

/** BOOL CharToOem(source, target). */
const charToOem =
  (form: TextForm): ServiceFunction =>
  (call) => {
    if (call.address(0) === 0 || call.address(1) === 0) return FALSE;
    return convert(call, toOem(`${form.read(call, call.address(0))}\0`));
  };

/** BOOL OemToChar(source, target). */
const oemToChar =
  (form: TextForm): ServiceFunction =>
  (call) => {
    if (call.address(0) === 0 || call.address(1) === 0) return FALSE;
    const length = call.memory.findByte(call.address(0), 0, Number.MAX_SAFE_INTEGER);
    return convert(call, form.encode(`${fromOem(call.memory.readBytes(call.address(0), length))}\0`));
  };

/** Bytes of a part that is converted at a time: a code page of single bytes keeps no state between parts. */
const CHUNK = 0x10000;

/** Converts a number of units part by part. */
function convertBuffer(
  call: ServiceCall,
  sourceUnit: number,
  targetUnit: number,
  change: (bytes: Uint8Array) => Uint8Array,
): number {
  const [source, target, units] = [call.address(0), call.address(1), call.u32(2)];
  call.memory.probeRead(source, units * sourceUnit);
  call.memory.probeWrite(target, units * targetUnit);
  for (let done = 0; done < units; done += CHUNK) {
    const count = Math.min(CHUNK, units - done);
    const bytes = call.memory.readBytes(source + done * sourceUnit, count * sourceUnit);
    call.memory.writeBytes(target + done * targetUnit, change(bytes));
  }
  return TRUE;
}

/** BOOL CharToOemBuff(source, target, units). */
const charToOemBuffer =
  (form: TextForm): ServiceFunction =>
  (call) =>
    convertBuffer(call, form.unit, 1, (bytes) => toOem(form.decode(bytes)));

/** BOOL OemToCharBuff(source, target, units). */
const oemToCharBuffer =
  (form: TextForm): ServiceFunction =>
  (call) =>
    convertBuffer(call, 1, form.unit, (bytes) => form.encode(fromOem(bytes)));

export const oemTextFunctions: Record<string, Service | ServiceFunction> = {
  ...bothForms('CharToOem', charToOem),
  ...bothForms('OemToChar', oemToChar),
  ...bothForms('CharToOemBuff', charToOemBuffer),
  ...bothForms('OemToCharBuff', oemToCharBuffer),
};
