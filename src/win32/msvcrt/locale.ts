/**
 * The locale: only "C" (and what names it or the system's default, which reads the same here), and the conversions between
 * narrow and wide characters that go with it. Source: "setlocale, _wsetlocale", "localeconv", "mbstowcs", "wctomb",
 * Microsoft.
 */
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { wideBytes } from '../wide-bytes.js';
import { EILSEQ, EINVAL, ERANGE, STRUNCATE } from './errno.js';
import { block, crtState, failWith, setErrno, variable } from './state.js';
import { readNarrow, readWide, writeNarrow, writeWide } from './text.js';

const LC_MAX = 5;
const NO_VALUE = 0x7f;
const NO_VALUE_UNSIGNED = 0xff;
/** struct lconv: ten pointers to strings, eight characters, eight more pointers to wide strings. */
const POINTERS = 10;
const CHARACTERS = 8;
const WIDE_POINTERS = 8;
const WIDE_AT = POINTERS * 8 + CHARACTERS;
const CONVENTION_BYTES = WIDE_AT + WIDE_POINTERS * 8;
const NAME_BYTES = 16;
const CONVERSION_CHUNK = 4096;

function localeName(call: ServiceCall, wide: boolean): number {
  const address = block(call, wide ? 'wide locale name' : 'locale name', NAME_BYTES);
  if (wide) writeWide(call.memory, address, 'C');
  else writeNarrow(call.memory, address, 'C');
  return address;
}

const setLocale =
  (wide: boolean): ServiceFunction =>
  (call) => {
    const [category, name] = [call.i32(0), call.address(1)];
    if (category < 0 || category > LC_MAX) return failWith(call, EINVAL, 0);
    if (name === 0) return localeName(call, wide);
    const text = wide ? readWide(call.memory, name, NAME_BYTES) : readNarrow(call.memory, name, NAME_BYTES);
    return text === 'C' || text === '' || text === 'POSIX' ? localeName(call, wide) : 0;
  };

/** The conventions of "C": a point, nothing else. */
function conventions(call: ServiceCall): number {
  const { memory } = call;
  const at = block(call, 'conventions', CONVENTION_BYTES + 16);
  const [empty, point] = [at + CONVENTION_BYTES, at + CONVENTION_BYTES + 4];
  memory.writeBytes(point, wideBytes('.\0'));
  for (let index = 0; index < POINTERS; index++)
    memory.writePointer(at + 8 * index, index === 0 ? point : empty);
  memory.fill(
    at + 8 * POINTERS,
    CHARACTERS,
    crtState(call).unsignedCharacters ? NO_VALUE_UNSIGNED : NO_VALUE,
  );
  for (let index = 0; index < WIDE_POINTERS; index++)
    memory.writePointer(at + WIDE_AT + 8 * index, index === 0 ? point : empty);
  return at;
}

/** mbstowcs(to, from, count): units stored, or needed when there is no target. */
function narrowToWide(call: ServiceCall): number {
  const [to, from, count] = [call.address(0), call.address(1), call.size(2)];
  if (to === 0) return readNarrow(call.memory, from).length;
  let done = 0;
  while (done < count) {
    const step = Math.min(CONVERSION_CHUNK, count - done);
    const text = readNarrow(call.memory, from + done, step);
    call.memory.writeBytes(to + 2 * done, wideBytes(text));
    done += text.length;
    if (text.length === step) continue;
    call.memory.writeU16(to + 2 * done, 0);
    break;
  }
  return done;
}

/** wcstombs(to, from, count): bytes stored, or needed; -1 with EILSEQ for a character that has no byte. */
function wideToNarrow(call: ServiceCall): number {
  const [to, from, count] = [call.address(0), call.address(1), call.size(2)];
  const limit = to === 0 ? Number.MAX_SAFE_INTEGER : count;
  const text = readWide(call.memory, from, Math.min(limit, Number.MAX_SAFE_INTEGER));
  for (let index = 0; index < text.length; index++)
    if (text.charCodeAt(index) > 0xff) return failWith(call, EILSEQ);
  if (to === 0) return text.length;
  call.memory.writeAnsi(to, text);
  if (text.length < count) call.memory.writeU8(to + text.length, 0);
  return text.length;
}

/** mbtowc(to, from, count): 1, or 0 for the NUL, or -1. */
function oneToWide(call: ServiceCall): number {
  const [to, from, count] = [call.address(0), call.address(1), call.size(2)];
  if (from === 0 || count === 0) return 0;
  const code = call.memory.readU8(from);
  if (to !== 0) call.memory.writeU16(to, code);
  return code === 0 ? 0 : 1;
}

function oneToNarrow(call: ServiceCall): number {
  const [to, unit] = [call.address(0), call.u32(1) & 0xffff];
  if (to === 0) return 0;
  if (unit > 0xff) return failWith(call, EILSEQ);
  call.memory.writeU8(to, unit);
  return 1;
}

/** wctomb_s(length at, to, size, unit). */
function oneToNarrowSecure(call: ServiceCall): number {
  const [lengthAt, to, size, unit] = [call.address(0), call.address(1), call.size(2), call.u32(3) & 0xffff];
  if (unit > 0xff) return failWith(call, EILSEQ, EILSEQ);
  if (to !== 0 && size < 1) return failWith(call, ERANGE, ERANGE);
  if (to !== 0) call.memory.writeU8(to, unit);
  if (lengthAt !== 0) call.memory.writeU32(lengthAt, to === 0 ? 0 : 1);
  return 0;
}

const characterLength: ServiceFunction = (call) => {
  if (call.address(0) === 0 || call.size(1) === 0) return 0;
  return call.memory.readU8(call.address(0)) === 0 ? 0 : 1;
};

/** mbstowcs_s and wcstombs_s(converted at, to, size, from, count). */
const convertSecure =
  (toWide: boolean): ServiceFunction =>
  (call) => {
    const [convertedAt, to, size, from, count] = [
      call.address(0),
      call.address(1),
      call.size(2),
      call.address(3),
      call.size(4),
    ];
    const truncates = count >= 2 ** 64 - 1;
    const limit = truncates ? Number.MAX_SAFE_INTEGER : count;
    const text = toWide ? readNarrow(call.memory, from, limit) : readWide(call.memory, from, limit);
    if (!toWide && /[^\0-\xff]/.test(text)) return failWith(call, EILSEQ, EILSEQ);
    if (convertedAt !== 0) call.memory.writeU64(convertedAt, text.length + 1, 0);
    if (to === 0) return 0;
    const fits = text.length < size;
    if (!fits && !truncates) {
      if (size > 0) call.memory.writeBytes(to, new Uint8Array(toWide ? 2 : 1));
      setErrno(call, ERANGE);
      return ERANGE;
    }
    const kept = fits ? text : text.slice(0, size - 1);
    if (toWide) writeWide(call.memory, to, kept);
    else writeNarrow(call.memory, to, kept);
    return fits ? 0 : STRUNCATE;
  };

/** int __lconv_init(): the characters that say "no value" are those of unsigned char from then on. */
const useUnsignedCharacters: ServiceFunction = (call) => {
  call.memory.fill(conventions(call) + 8 * POINTERS, CHARACTERS, NO_VALUE_UNSIGNED);
  call.memory.commit();
  crtState(call).unsignedCharacters = true;
  return 0;
};

export const localeFunctions: Record<string, ServiceFunction> = {
  setlocale: setLocale(false),
  _wsetlocale: setLocale(true),
  localeconv: conventions,
  __lconv_init: useUnsignedCharacters,
  ___lc_codepage_func: () => 0,
  ___lc_collate_cp_func: () => 0,
  ___lc_handle_func: (call) => variable(call, '__lc_handle'),
  ___mb_cur_max_func: () => 1,
  ___setlc_active_func: () => 0,
  ___unguarded_readlc_active_add_func: (call) => variable(call, '__unguarded_readlc_active'),
  mbstowcs: narrowToWide,
  _mbstowcs_l: narrowToWide,
  wcstombs: wideToNarrow,
  _wcstombs_l: wideToNarrow,
  mbstowcs_s: convertSecure(true),
  wcstombs_s: convertSecure(false),
  mbtowc: oneToWide,
  _mbtowc_l: oneToWide,
  wctomb: oneToNarrow,
  _wctomb_l: oneToNarrow,
  wctomb_s: oneToNarrowSecure,
  mblen: characterLength,
  _mblen_l: characterLength,
  _getmbcp: () => 0,
  _setmbcp: () => 0,
  _mbstrlen: (call) => readNarrow(call.memory, call.address(0)).length,
};
