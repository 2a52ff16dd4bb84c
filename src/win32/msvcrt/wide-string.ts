/** Functions on wide strings (UTF-16). Source: "String manipulation (CRT)", Microsoft, and the page of each function. */
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { wideBytes } from '../wide-bytes.js';
import { allocate } from './crt-heap.js';
import { toLower, toUpper } from './ctype.js';
import { EINVAL, ENOMEM, ERANGE, STRUNCATE } from './errno.js';
import { failWith, THREAD_WCSTOK, threadData } from './state.js';
import { readWide, writeWide } from './text.js';
import { indexOfText } from './text-search.js';

const NO_LIMIT = Number.MAX_SAFE_INTEGER;

const textAt = (call: ServiceCall, index: number, limit?: number) =>
  readWide(call.memory, call.address(index), limit);

function compareText(left: string, right: string): number {
  return left === right ? 0 : left < right ? -1 : 1;
}

function mapUnits(text: string, change: (unit: number) => number): string {
  let result = '';
  for (let index = 0; index < text.length; index++)
    result += String.fromCharCode(change(text.charCodeAt(index)));
  return result;
}

const compare =
  (bounded: boolean, folded: boolean): ServiceFunction =>
  (call) => {
    const limit = bounded ? call.size(2) : NO_LIMIT;
    const [left, right] = [textAt(call, 0, limit), textAt(call, 1, limit)];
    return folded ? compareText(mapUnits(left, toLower), mapUnits(right, toLower)) : compareText(left, right);
  };

function copy(call: ServiceCall): number {
  writeWide(call.memory, call.address(0), textAt(call, 1));
  return call.address(0);
}

function append(call: ServiceCall): number {
  const to = call.address(0);
  writeWide(call.memory, to + 2 * textAt(call, 0).length, textAt(call, 1));
  return to;
}

function copyBounded(call: ServiceCall): number {
  const [to, limit] = [call.address(0), call.size(2)];
  const text = textAt(call, 1, limit);
  call.memory.writeBytes(to, wideBytes(text));
  if (text.length < limit) call.memory.fill(to + 2 * text.length, 2 * (limit - text.length), 0);
  return to;
}

function appendBounded(call: ServiceCall): number {
  const to = call.address(0);
  writeWide(call.memory, to + 2 * textAt(call, 0).length, textAt(call, 1, call.size(2)));
  return to;
}

function find(call: ServiceCall, last: boolean): number {
  const unit = String.fromCharCode(call.u32(1) & 0xffff);
  const text = `${textAt(call, 0)}\0`;
  const found = last ? text.lastIndexOf(unit) : text.indexOf(unit);
  return found < 0 ? 0 : call.address(0) + 2 * found;
}

function findText(call: ServiceCall): number {
  const found = indexOfText(textAt(call, 0), textAt(call, 1));
  return found < 0 ? 0 : call.address(0) + 2 * found;
}

function span(call: ServiceCall, wanted: boolean): number {
  const text = textAt(call, 0);
  const set = new Set(textAt(call, 1).split(''));
  for (let index = 0; index < text.length; index++) if (set.has(text[index]!) === wanted) return index;
  return text.length;
}

function findAny(call: ServiceCall): number {
  const index = span(call, true);
  return index === textAt(call, 0).length ? 0 : call.address(0) + 2 * index;
}

function token(call: ServiceCall, stateAt: number): number {
  const { memory } = call;
  const start = call.address(0) === 0 ? memory.readPointer(stateAt) : call.address(0);
  if (start === 0) return 0;
  const delimiters = new Set(textAt(call, 1).split(''));
  const text = readWide(memory, start);
  let begin = 0;
  while (begin < text.length && delimiters.has(text[begin]!)) begin++;
  let end = begin;
  while (end < text.length && !delimiters.has(text[end]!)) end++;
  if (end < text.length) memory.writeU16(start + 2 * end, 0);
  memory.writePointer(stateAt, start + 2 * Math.min(end + 1, text.length));
  return begin === text.length ? 0 : start + 2 * begin;
}

function duplicate(call: ServiceCall): number {
  if (call.address(0) === 0) return 0;
  const text = textAt(call, 0);
  const to = allocate(call, 2 * (text.length + 1), false);
  if (to === 0) return failWith(call, ENOMEM, 0);
  writeWide(call.memory, to, text);
  return to;
}

const mapped =
  (change: (unit: number) => number): ServiceFunction =>
  (call) => {
    call.memory.writeBytes(call.address(0), wideBytes(mapUnits(textAt(call, 0), change)));
    return call.address(0);
  };

function reverse(call: ServiceCall): number {
  const text = textAt(call, 0);
  let reversed = '';
  for (let index = text.length - 1; index >= 0; index--) reversed += text[index];
  call.memory.writeBytes(call.address(0), wideBytes(reversed));
  return call.address(0);
}

function setUnits(call: ServiceCall, limit: number): number {
  const text = textAt(call, 0, limit);
  const unit = call.u32(1) & 0xffff;
  call.memory.writeBytes(call.address(0), wideBytes(mapUnits(text, () => unit)));
  return call.address(0);
}

const copySecure =
  (appending: boolean, bounded: boolean): ServiceFunction =>
  (call) => {
    const [to, size, from] = [call.address(0), call.size(1), call.address(2)];
    const limit = bounded ? call.size(3) : NO_LIMIT;
    if (to === 0 || size === 0) return failWith(call, EINVAL, EINVAL);
    const used = appending ? textAt(call, 0, size).length : 0;
    if ((from === 0 && limit > 0) || used >= size) {
      call.memory.writeU16(to, 0);
      return failWith(call, EINVAL, EINVAL);
    }
    const text = from === 0 ? '' : textAt(call, 2, limit);
    const fits = used + text.length < size;
    if (!fits && limit < 2 ** 64 - 1) {
      call.memory.writeU16(to, 0);
      return failWith(call, ERANGE, ERANGE);
    }
    writeWide(call.memory, to + 2 * used, fits ? text : text.slice(0, size - used - 1));
    return fits ? 0 : STRUNCATE;
  };

const foldedAll = compare(false, true);
const foldedSome = compare(true, true);

export const wideStringFunctions: Record<string, ServiceFunction> = {
  wcscpy: copy,
  wcscat: append,
  wcsncpy: copyBounded,
  wcsncat: appendBounded,
  wcscmp: compare(false, false),
  wcsncmp: compare(true, false),
  wcscoll: compare(false, false),
  _wcsicmp: foldedAll,
  _wcsicoll: foldedAll,
  _wcsicmp_l: foldedAll,
  _wcsnicmp: foldedSome,
  _wcsnicoll: foldedSome,
  wcschr: (call) => find(call, false),
  wcsrchr: (call) => find(call, true),
  wcsstr: findText,
  wcsspn: (call) => span(call, false),
  wcscspn: (call) => span(call, true),
  wcspbrk: findAny,
  wcstok: (call) => token(call, threadData(call) + THREAD_WCSTOK),
  wcstok_s: (call) => token(call, call.address(2)),
  wcsnlen: (call) => textAt(call, 0, call.size(1)).length,
  wcsxfrm: (call) => {
    const text = textAt(call, 1);
    if (text.length < call.size(2)) writeWide(call.memory, call.address(0), text);
    return text.length;
  },
  _wcsdup: duplicate,
  _wcslwr: mapped(toLower),
  _wcsupr: mapped(toUpper),
  _wcsrev: reverse,
  _wcsset: (call) => setUnits(call, NO_LIMIT),
  _wcsnset: (call) => setUnits(call, call.size(2)),
  wcscpy_s: copySecure(false, false),
  wcscat_s: copySecure(true, false),
  wcsncpy_s: copySecure(false, true),
  wcsncat_s: copySecure(true, true),
};
