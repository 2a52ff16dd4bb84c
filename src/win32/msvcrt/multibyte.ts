/**
 * Multibyte characters of the "C" locale, where each is one byte: the restartable conversions of C99, and the _mbs functions
 * that are those of strings then. Source: Microsoft, "mbrtowc", "wcrtomb", "mbsrtowcs", "wcsrtombs", "btowc", "_mbslen", "_mbsinc".
 */
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { wideBytes } from '../wide-bytes.js';
import { EILSEQ } from './errno.js';
import { failWith } from './state.js';
import { stringFunctions } from './string.js';
import { readNarrow, readWide, writeNarrow } from './text.js';

const EOF = -1;
const WEOF = 0xffff;

/** size_t mbrtowc(to, from, count, state): 1, 0 for the NUL, -2 for nothing to read. */
const toWide: ServiceFunction = (call) => {
  const [to, from, count] = [call.address(0), call.address(1), call.size(2)];
  if (from === 0) return 0;
  if (count === 0) return -2;
  const byte = call.memory.readU8(from);
  if (to !== 0) call.memory.writeU16(to, byte);
  return byte === 0 ? 0 : 1;
};

/** size_t wcrtomb(to, unit, state): 1, or -1 with EILSEQ. */
const toNarrow: ServiceFunction = (call) => {
  const [to, unit] = [call.address(0), call.u32(1) & 0xffff];
  if (to === 0) return 1;
  if (unit > 0xff) return failWith(call, EILSEQ);
  call.memory.writeU8(to, unit);
  return 1;
};

const length: ServiceFunction = (call) => {
  if (call.address(0) === 0) return 0;
  if (call.size(1) === 0) return -2;
  return call.memory.readU8(call.address(0)) === 0 ? 0 : 1;
};

/** Moves the source's pointer to NULL when its end was reached, else behind what was read. */
function advance(call: ServiceCall, at: number, behind: number, ended: boolean): void {
  call.memory.writePointer(at, ended ? 0 : behind);
}

/** size_t mbsrtowcs(to, from at, count, state). */
const stringToWide: ServiceFunction = (call) => {
  const [to, at, count] = [call.address(0), call.address(1), call.size(2)];
  const from = call.memory.readPointer(at);
  if (to === 0) return readNarrow(call.memory, from).length;
  const text = readNarrow(call.memory, from, Math.min(count, Number.MAX_SAFE_INTEGER));
  const ended = text.length < count;
  call.memory.writeBytes(to, wideBytes(ended ? `${text}\0` : text));
  advance(call, at, from + text.length, ended);
  return text.length;
};

/** size_t wcsrtombs(to, from at, count, state). */
const stringToNarrow: ServiceFunction = (call) => {
  const [to, at, count] = [call.address(0), call.address(1), call.size(2)];
  const from = call.memory.readPointer(at);
  const limit = to === 0 ? Number.MAX_SAFE_INTEGER : Math.min(count, Number.MAX_SAFE_INTEGER);
  const text = readWide(call.memory, from, limit);
  if (/[^\0-\xff]/.test(text)) return failWith(call, EILSEQ);
  if (to === 0) return text.length;
  const ended = text.length < count;
  if (ended) writeNarrow(call.memory, to, text);
  else call.memory.writeAnsi(to, text);
  advance(call, at, from + 2 * text.length, ended);
  return text.length;
};

/** Names of _mbs functions -> the string functions that they are with one byte to a character. */
const STRINGS: Readonly<Record<string, string>> = {
  _mbscspn: 'strcspn',
  _mbsdup: '_strdup',
  _mbsicmp: '_stricmp',
  _mbsicoll: '_stricoll',
  _mbslwr: '_strlwr',
  _mbsnbcpy: 'strncpy',
  _mbsncat: 'strncat',
  _mbsncpy: 'strncpy',
  _mbsnbicmp: '_strnicmp',
  _mbsnicmp: '_strnicmp',
  _mbsnset: '_strnset',
  _mbspbrk: 'strpbrk',
  _mbsrchr: 'strrchr',
  _mbsrev: '_strrev',
  _mbsset: '_strset',
  _mbsspn: 'strspn',
  _mbsstr: 'strstr',
  _mbstok: 'strtok',
  _mbsupr: '_strupr',
  _mbscpy_s: 'strcpy_s',
  _mbscat_s: 'strcat_s',
};

function stringForms(): Record<string, ServiceFunction> {
  return Object.fromEntries(Object.entries(STRINGS).map(([name, plain]) => [name, stringFunctions[plain]!]));
}

export const multibyteFunctions: Record<string, Service | ServiceFunction> = {
  ...stringForms(),
  btowc: (call) => (call.i32(0) === EOF || call.u32(0) > 0xff ? WEOF : call.u32(0)),
  wctob: (call) => ((call.u32(0) & 0xffff) > 0xff ? EOF : call.u32(0) & 0xff),
  mbrlen: length,
  mbrtowc: toWide,
  mbsrtowcs: stringToWide,
  wcrtomb: toNarrow,
  wcsrtombs: stringToNarrow,
  _mbslen: (call) => readNarrow(call.memory, call.address(0)).length,
  _mbsinc: (call) => (call.address(0) === 0 ? 0 : call.address(0) + 1),
  /** unsigned char *_mbsdec(start, current): the character before, NULL at the start. */
  _mbsdec: (call) => {
    const [start, current] = [call.address(0), call.address(1)];
    return start === 0 || current === 0 || start >= current ? 0 : current - 1;
  },
  _mbclen: () => 1,
  _ismbblead: () => 0,
  _ismbbtrail: () => 0,
};
