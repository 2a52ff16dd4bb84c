/** Letters in upper and lower case (winuser.h). Sources: Microsoft, "CharUpperW function", "CharUpperBuffW function", "IsCharAlphaW function". */
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { characterType, LCMAP_LOWERCASE, LCMAP_UPPERCASE, mapCase } from '../kernel32/string.js';
import { bothForms, type TextForm } from '../kernel32/text-form.js';

/** CT_CTYPE1 bits. */
const C1_UPPER = 0x1;
const C1_LOWER = 0x2;
const C1_DIGIT = 0x4;
const C1_ALPHA = 0x100;

/** One unit as text. */
function unitText(form: TextForm, unit: number): string {
  return form.decode(form.unit === 1 ? Uint8Array.of(unit) : Uint8Array.of(unit & 0xff, unit >>> 8));
}

/** One unit in another case; a letter whose counterpart takes more than a unit stays. */
function mapUnit(form: TextForm, unit: number, flags: number): number {
  const bytes = form.encode(mapCase(unitText(form, unit), flags));
  if (bytes.length !== form.unit) return unit;
  return form.unit === 1 ? bytes[0]! : bytes[0]! | (bytes[1]! << 8);
}

/** What every unit becomes, made when first asked for, by form and case. */
const tables = new Map<string, Uint16Array>();

function tableOf(form: TextForm, flags: number): Uint16Array {
  const name = `${form.suffix}${flags}`;
  const known = tables.get(name);
  if (known !== undefined) return known;
  const table = Uint16Array.from({ length: 0x100 ** form.unit }, (_, unit) => mapUnit(form, unit, flags));
  tables.set(name, table);
  return table;
}

/** Changes units of memory in place. */
function mapInPlace(call: ServiceCall, form: TextForm, at: number, bytes: number, flags: number): void {
  const content = call.memory.readBytes(at, bytes);
  const table = tableOf(form, flags);
  for (let index = 0; index < bytes; index += form.unit) {
    const unit = form.unit === 1 ? content[index]! : content[index]! | (content[index + 1]! << 8);
    content[index] = table[unit]!;
    if (form.unit === 2) content[index + 1] = table[unit]! >>> 8;
  }
  call.memory.writeBytes(at, content);
}

const CHUNK = 0x10000;

function mapAll(call: ServiceCall, form: TextForm, at: number, units: number, flags: number): void {
  const bytes = units * form.unit;
  call.memory.probeWrite(at, bytes);
  for (let done = 0; done < bytes; done += CHUNK)
    mapInPlace(call, form, at + done, Math.min(CHUNK, bytes - done), flags);
}

/** LPTSTR CharUpper(text): a text in place, or one unit where the upper bits are 0, which is the answer then. */
const mapText =
  (flags: number) =>
  (form: TextForm): ServiceFunction =>
  (call) => {
    if (call.hi(0) === 0 && call.lo(0) <= 0xffff)
      return tableOf(form, flags)[call.lo(0) & (form.unit === 1 ? 0xff : 0xffff)]!;
    const at = call.address(0);
    const units =
      form.unit === 1
        ? call.memory.findByte(at, 0, Number.MAX_SAFE_INTEGER)
        : call.memory.readUtf16(at).length;
    mapAll(call, form, at, units, flags);
    return at;
  };

/** DWORD CharUpperBuff(text, units). */
const mapBuffer =
  (flags: number) =>
  (form: TextForm): ServiceFunction =>
  (call) => {
    mapAll(call, form, call.address(0), call.u32(1), flags);
    return call.u32(1);
  };

/** BOOL IsCharAlpha(unit) and its like. */
const isOfType =
  (types: number) =>
  (form: TextForm): ServiceFunction =>
  (call) =>
    characterType(unitText(form, call.lo(0) & (form.unit === 1 ? 0xff : 0xffff))) & types ? 1 : 0;

export const characterCaseFunctions: Record<string, Service | ServiceFunction> = {
  ...bothForms('CharUpper', mapText(LCMAP_UPPERCASE)),
  ...bothForms('CharLower', mapText(LCMAP_LOWERCASE)),
  ...bothForms('CharUpperBuff', mapBuffer(LCMAP_UPPERCASE)),
  ...bothForms('CharLowerBuff', mapBuffer(LCMAP_LOWERCASE)),
  ...bothForms('IsCharAlpha', isOfType(C1_ALPHA)),
  ...bothForms('IsCharAlphaNumeric', isOfType(C1_ALPHA | C1_DIGIT)),
  ...bothForms('IsCharUpper', isOfType(C1_UPPER)),
  ...bothForms('IsCharLower', isOfType(C1_LOWER)),
};
