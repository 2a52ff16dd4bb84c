/** FormatMessage (winbase.h). Source: Microsoft, "FormatMessage function". */
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import {
  ERROR_INSUFFICIENT_BUFFER,
  ERROR_INVALID_PARAMETER,
  ERROR_MR_MID_NOT_FOUND,
  ERROR_NOT_ENOUGH_MEMORY,
} from '../ntdll/dos-error.js';
import { SYSTEM_MESSAGES } from './system-messages.js';
import { ANSI, bothForms, giveText, type TextForm, textInHeap, WIDE } from './text-form.js';

const ALLOCATE_BUFFER = 0x100;
const IGNORE_INSERTS = 0x200;
const FROM_STRING = 0x400;
const FROM_SYSTEM = 0x1000;
const ARGUMENT_ARRAY = 0x2000;
const MAX_WIDTH_MASK = 0xff;
/** Widest field of an insert. */
const MAXIMUM_FIELD = 0x10000;
/** Most units of a whole message: a bound of ours, as short inserts can ask for gigabytes. */
const MAXIMUM_TEXT = 0x10000;

/** Reads the text of an insert: where its value lies, its printf format, and the form of plain strings. */
type Insert = (index: number, format: string) => string;

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = { n: '\r\n', r: '\r', t: '\t', b: '\b' };

/**
 * Replaces the % sequences of a message; when `insert` is null, all that do not stand for a line break or a tab
 * stay. Null when the text becomes longer than MAXIMUM_TEXT.
 */
export function expandMessage(message: string, insert: Insert | null): string | null {
  let text = '';
  for (let at = 0; at < message.length; ) {
    if (text.length > MAXIMUM_TEXT) return null;
    const character = message[at]!;
    if (character !== '%' || at + 1 === message.length) {
      text += character;
      at++;
      continue;
    }
    const found = /^%(?:(0)|([1-9]\d?)(?:!([^!]*)!)?|(.))/s.exec(message.slice(at))!;
    const [whole, end, number, format, other] = found;
    if (end !== undefined) return text;
    if (number !== undefined) text += insert === null ? whole : insert(Number(number), format ?? 's');
    else text += SIMPLE_ESCAPES[other!] ?? (insert === null ? whole : other);
    at += whole.length;
  }
  return text;
}

function pad(text: string, flags: string, width: number): string {
  if (flags.includes('-')) return text.padEnd(width);
  if (!flags.includes('0')) return text.padStart(width);
  const sign = /^[-+ ]/.test(text) ? text[0]! : '';
  return sign + text.slice(sign.length).padStart(width - sign.length, '0');
}

/** The value at a place of 8 bytes as an integer of 32 or 64 bits. */
function integerAt(call: ServiceCall, at: number, wide: boolean, signed: boolean): bigint {
  const lo = BigInt(call.memory.readU32(at));
  if (!wide) return signed ? BigInt.asIntN(32, lo) : lo;
  const all = (BigInt(call.memory.readU32(at + 4)) << 32n) | lo;
  return signed ? BigInt.asIntN(64, all) : all;
}

/** One value by a printf format without its percent sign. */
function formatValue(call: ServiceCall, form: TextForm, format: string, at: number): string {
  const parts = /^([-+ 0#]*)(\d*)(?:\.(\d+))?(hs|ls|ws|[hlw]?[sScC]|(?:I64|I32|ll|[hlI])?[diuxXop])$/.exec(
    format,
  );
  if (parts === null) return '';
  const [, flags = '', widthText = '', precision, kind = 's'] = parts;
  const width = Math.min(Number(widthText), MAXIMUM_FIELD);
  const conversion = kind.at(-1)!;
  if (/[sS]/.test(conversion)) {
    const other = form === ANSI ? WIDE : ANSI;
    const source = kind[0] === 'h' ? ANSI : /^[lw]/.test(kind) ? WIDE : conversion === 'S' ? other : form;
    const pointer = call.memory.readPointer(at);
    const limit = precision === undefined ? undefined : Number(precision);
    const text = pointer === 0 ? '(null)' : source.read(call, pointer, limit);
    return pad(text, flags.replace('0', ''), width);
  }
  if (/[cC]/.test(conversion))
    return pad(String.fromCharCode(call.memory.readU32(at) & (form === ANSI ? 0xff : 0xffff)), flags, width);
  const wide = /^(I64|ll|I(?!3))/.test(kind) || conversion === 'p';
  const signed = /[di]/.test(conversion);
  const value = integerAt(call, at, wide, signed);
  const radix = /[xXp]/.test(conversion) ? 16 : conversion === 'o' ? 8 : 10;
  const digits = (value < 0n ? -value : value)
    .toString(radix)
    .padStart(conversion === 'p' ? 16 : Math.min(Number(precision ?? 1), MAXIMUM_FIELD), '0');
  const cased = /[Xp]/.test(conversion) ? digits.toUpperCase() : digits;
  const prefix = flags.includes('#') && radix === 16 && value !== 0n ? `0${conversion}` : '';
  const sign = value < 0n ? '-' : signed && flags.includes('+') ? '+' : '';
  return pad(sign + prefix + cased, flags, width);
}

/** Line breaks as the flags' width wants them: kept as CR LF, or turned into spaces. */
function breakLines(text: string, flags: number): string {
  const width = flags & MAX_WIDTH_MASK;
  return width === 0 ? text.replace(/\r?\n/g, '\r\n') : text.replace(/\r?\n/g, ' ');
}

/** The message before inserts; null when there is none. */
function findMessage(call: ServiceCall, form: TextForm, flags: number): string | null {
  if (flags & FROM_STRING) return form.read(call, call.address(1));
  const text = flags & FROM_SYSTEM ? SYSTEM_MESSAGES[call.u32(2)] : undefined;
  return text === undefined ? null : `${text}\r\n`;
}

/** DWORD FormatMessage(flags, source, message, language, buffer, units, arguments). */
const formatMessage =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const [flags, buffer, room, list] = [call.u32(0), call.address(4), call.u32(5), call.address(6)];
    if (buffer === 0) return call.fail(ERROR_INVALID_PARAMETER);
    const message = findMessage(call, form, flags);
    if (message === null) return call.fail(ERROR_MR_MID_NOT_FOUND);
    const ignoring = (flags & IGNORE_INSERTS) !== 0;
    const values = ignoring || list === 0 ? 0 : flags & ARGUMENT_ARRAY ? list : call.memory.readPointer(list);
    if (!ignoring && values === 0 && /%[1-9]/.test(message)) return call.fail(ERROR_INVALID_PARAMETER);
    const insert: Insert = (index, format) => formatValue(call, form, format, values + 8 * (index - 1));
    const text = expandMessage(breakLines(message, flags), ignoring ? null : insert);
    if (text === null || text.length > MAXIMUM_TEXT) return call.fail(ERROR_NOT_ENOUGH_MEMORY);
    return flags & ALLOCATE_BUFFER
      ? allocateText(call, form, text, buffer)
      : storeText(call, form, text, buffer, room);
  };

function storeText(call: ServiceCall, form: TextForm, text: string, buffer: number, room: number): number {
  const length = giveText(call, form, text, buffer, room);
  return length >= room ? call.fail(ERROR_INSUFFICIENT_BUFFER) : length;
}

/** The text in a block that LocalFree frees; its address goes to the place that `buffer` names. */
function allocateText(call: ServiceCall, form: TextForm, text: string, buffer: number): number {
  call.memory.probeWrite(buffer, 8);
  const address = textInHeap(call, form, text);
  if (address === 0) return call.fail(ERROR_NOT_ENOUGH_MEMORY);
  call.memory.writePointer(buffer, address);
  return form.encode(text).length / form.unit;
}

export const formatMessageFunctions: Record<string, Service | ServiceFunction> = bothForms(
  'FormatMessage',
  formatMessage,
);
