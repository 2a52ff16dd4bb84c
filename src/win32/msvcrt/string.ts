/**
 * Functions on narrow strings. Those that programs call most are machine code (memory-code.ts).
 * Source: "String manipulation (CRT)", "Buffer manipulation", Microsoft, and the page of each function.
 */
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { allocate } from './crt-heap.js';
import { toLower, toUpper } from './ctype.js';
import { EINVAL, ENOMEM, ERANGE, STRUNCATE } from './errno.js';
import { failWith, THREAD_STRTOK, threadData } from './state.js';
import { bytesOf, readBlock, readNarrow, writeNarrow } from './text.js';
import { indexOfText } from './text-search.js';

/** -1, 0 or 1. */
export function order(left: number, right: number): number {
  return left === right ? 0 : left < right ? -1 : 1;
}

/** Bytes compared at a time by functions that look at two strings. */
const STEP = 64;
/** Length of the C library's "no limit". */
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

function compareText(left: string, right: string): number {
  return left === right ? 0 : left < right ? -1 : 1;
}

export function fold(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Compares NUL-terminated strings without case, at most `limit` characters, piece by piece. */
function compareFolded(call: ServiceCall, a: number, b: number, limit: number): number {
  for (let at = 0; at < limit; at += STEP) {
    const length = Math.min(STEP, limit - at);
    const left = fold(readNarrow(call.memory, a + at, length));
    const right = fold(readNarrow(call.memory, b + at, length));
    if (left !== right) return compareText(left, right);
    if (left.length < length) return 0;
  }
  return 0;
}

function compareExact(call: ServiceCall, a: number, b: number, limit: number): number {
  for (let at = 0; at < limit; at += STEP) {
    const length = Math.min(STEP, limit - at);
    const left = readNarrow(call.memory, a + at, length);
    const right = readNarrow(call.memory, b + at, length);
    if (left !== right) return compareText(left, right);
    if (left.length < length) return 0;
  }
  return 0;
}

/** Length of a string, at most `limit`. */
export function lengthOf(call: ServiceCall, address: number, limit = NO_LIMIT): number {
  const found = call.memory.findByte(address, 0, limit);
  return found < 0 ? limit : found;
}

const textAt = (call: ServiceCall, index: number) => readNarrow(call.memory, call.address(index));

function copyBounded(call: ServiceCall): number {
  const [to, from, limit] = [call.address(0), call.address(1), call.size(2)];
  const length = lengthOf(call, from, limit);
  call.memory.copy(to, from, length);
  if (length < limit) call.memory.fill(to + length, limit - length, 0);
  return to;
}

function appendBounded(call: ServiceCall): number {
  const [to, from] = [call.address(0), call.address(1)];
  const end = to + lengthOf(call, to);
  const length = lengthOf(call, from, call.size(2));
  call.memory.copy(end, from, length);
  call.memory.writeU8(end + length, 0);
  return to;
}

/** Offset of the first character that is in the set (or, inverted, is not), or the length. */
function span(call: ServiceCall, wanted: boolean): number {
  const text = textAt(call, 0);
  const set = new Set(textAt(call, 1));
  for (let index = 0; index < text.length; index++) if (set.has(text[index]!) === wanted) return index;
  return text.length;
}

function findAny(call: ServiceCall): number {
  const text = textAt(call, 0);
  const set = new Set(textAt(call, 1));
  for (let index = 0; index < text.length; index++) if (set.has(text[index]!)) return call.address(0) + index;
  return 0;
}

function findText(call: ServiceCall): number {
  const found = indexOfText(textAt(call, 0), textAt(call, 1));
  return found < 0 ? 0 : call.address(0) + found;
}

/** The next token from `start`; the place to go on is stored at `stateAt`. */
function token(call: ServiceCall, start: number, delimiters: string, stateAt: number): number {
  const { memory } = call;
  if (start === 0) return 0;
  const set = new Set(bytesOf(delimiters));
  let begin = start;
  let code = memory.readU8(begin);
  while (code !== 0 && set.has(code)) code = memory.readU8(++begin);
  if (code === 0) {
    memory.writePointer(stateAt, begin);
    return 0;
  }
  let end = begin;
  while (code !== 0 && !set.has(code)) code = memory.readU8(++end);
  if (code !== 0) memory.writeU8(end++, 0);
  memory.writePointer(stateAt, end);
  return begin;
}

function tokenOfThread(call: ServiceCall): number {
  const stateAt = threadData(call) + THREAD_STRTOK;
  const start = call.address(0) === 0 ? call.memory.readPointer(stateAt) : call.address(0);
  return token(call, start, textAt(call, 1), stateAt);
}

function tokenWithContext(call: ServiceCall): number {
  const stateAt = call.address(2);
  const start = call.address(0) === 0 ? call.memory.readPointer(stateAt) : call.address(0);
  return token(call, start, textAt(call, 1), stateAt);
}

function duplicate(call: ServiceCall): number {
  const from = call.address(0);
  if (from === 0) return 0;
  const length = lengthOf(call, from);
  const to = allocate(call, length + 1, false);
  if (to === 0) return failWith(call, ENOMEM, 0);
  call.memory.copy(to, from, length + 1);
  return to;
}

/** Changes each character of a string in place. */
const mapped =
  (change: (code: number) => number): ServiceFunction =>
  (call) => {
    const to = call.address(0);
    const bytes = readBlock(call.memory, to, lengthOf(call, to));
    call.memory.writeBytes(to, bytes.map(change));
    return to;
  };

const mappedSecure =
  (change: (code: number) => number): ServiceFunction =>
  (call) => {
    const [to, size] = [call.address(0), call.size(1)];
    if (to === 0 || lengthOf(call, to, size) >= size) return failWith(call, EINVAL, EINVAL);
    mapped(change)(call);
    return 0;
  };

function reverse(call: ServiceCall): number {
  const to = call.address(0);
  call.memory.writeBytes(to, readBlock(call.memory, to, lengthOf(call, to)).reverse());
  return to;
}

function setCharacters(call: ServiceCall, limit: number): number {
  const to = call.address(0);
  call.memory.fill(to, lengthOf(call, to, limit), call.u32(1) & 0xff);
  return to;
}

function findLast(call: ServiceCall): number {
  const address = call.address(0);
  const code = call.u32(1) & 0xff;
  if (code === 0) return address + lengthOf(call, address);
  const found = textAt(call, 0).lastIndexOf(String.fromCharCode(code));
  return found < 0 ? 0 : address + found;
}

function findInBlock(call: ServiceCall): number {
  const [address, limit] = [call.address(0), call.size(2)];
  const found = limit === 0 ? -1 : call.memory.findByte(address, call.u32(1) & 0xff, limit);
  return found < 0 ? 0 : address + found;
}

/** _memccpy: copies up to and including a byte; the place behind it, or NULL. */
function copyUpTo(call: ServiceCall): number {
  const [to, from, limit] = [call.address(0), call.address(1), call.size(3)];
  const found = limit === 0 ? -1 : call.memory.findByte(from, call.u32(2) & 0xff, limit);
  call.memory.copy(to, from, found < 0 ? limit : found + 1);
  return found < 0 ? 0 : to + found + 1;
}

function compareBlocksFolded(call: ServiceCall): number {
  const [a, b, length] = [call.address(0), call.address(1), call.size(2)];
  for (let at = 0; at < length; at++) {
    const left = toLower(call.memory.readU8(a + at));
    const right = toLower(call.memory.readU8(b + at));
    if (left !== right) return order(left, right);
  }
  return 0;
}

function swapBytes(call: ServiceCall): void {
  const [from, to] = [call.address(0), call.address(1)];
  const count = Math.max(call.i32(2), 0) & ~1;
  const bytes = readBlock(call.memory, from, count);
  for (let index = 0; index < count; index += 2)
    [bytes[index], bytes[index + 1]] = [bytes[index + 1]!, bytes[index]!];
  call.memory.writeBytes(to, bytes);
}

/** strcpy_s, strcat_s, strncpy_s, strncat_s: what does not fit is an error that empties the target. */
const copySecure =
  (append: boolean, bounded: boolean): ServiceFunction =>
  (call) => {
    const [to, size, from] = [call.address(0), call.size(1), call.address(2)];
    const limit = bounded ? call.size(3) : NO_LIMIT;
    if (to === 0 || size === 0) return failWith(call, EINVAL, EINVAL);
    const used = append ? lengthOf(call, to, size) : 0;
    const failure = from === 0 && limit > 0 ? EINVAL : used >= size ? EINVAL : 0;
    if (failure !== 0) {
      call.memory.writeU8(to, 0);
      return failWith(call, failure, failure);
    }
    const truncates = limit >= 2 ** 64 - 1;
    const length = lengthOf(call, from, Math.min(limit, NO_LIMIT));
    const fits = used + length < size;
    if (!fits && !truncates) {
      call.memory.writeU8(to, 0);
      return failWith(call, ERANGE, ERANGE);
    }
    const copied = fits ? length : size - used - 1;
    call.memory.copy(to + used, from, copied);
    call.memory.writeU8(to + used + copied, 0);
    return fits ? 0 : STRUNCATE;
  };

/** strxfrm in the "C" locale: the string itself. */
function transform(call: ServiceCall): number {
  const [to, text, limit] = [call.address(0), textAt(call, 1), call.size(2)];
  if (text.length < limit) writeNarrow(call.memory, to, text);
  return text.length;
}

const compareAll: ServiceFunction = (call) => compareExact(call, call.address(0), call.address(1), NO_LIMIT);
const compareAllFolded: ServiceFunction = (call) =>
  compareFolded(call, call.address(0), call.address(1), NO_LIMIT);
const compareSome: ServiceFunction = (call) =>
  compareExact(call, call.address(0), call.address(1), call.size(2));
const compareSomeFolded: ServiceFunction = (call) =>
  compareFolded(call, call.address(0), call.address(1), call.size(2));

export const stringFunctions: Record<string, ServiceFunction> = {
  strncpy: copyBounded,
  strncat: appendBounded,
  strcspn: (call) => span(call, true),
  strspn: (call) => span(call, false),
  strpbrk: findAny,
  strstr: findText,
  strrchr: findLast,
  strtok: tokenOfThread,
  strtok_s: tokenWithContext,
  strcoll: compareAll,
  strxfrm: transform,
  _strcoll_l: compareAll,
  _strncoll: compareSome,
  _stricmp: compareAllFolded,
  _strcmpi: compareAllFolded,
  _stricoll: compareAllFolded,
  _stricmp_l: compareAllFolded,
  _strnicmp: compareSomeFolded,
  _strnicoll: compareSomeFolded,
  _strnicmp_l: compareSomeFolded,
  _strdup: duplicate,
  _strlwr: mapped(toLower),
  _strupr: mapped(toUpper),
  _strlwr_s: mappedSecure(toLower),
  _strupr_s: mappedSecure(toUpper),
  _strrev: reverse,
  _strset: (call) => setCharacters(call, NO_LIMIT),
  _strnset: (call) => setCharacters(call, call.size(2)),
  strnlen: (call) => lengthOf(call, call.address(0), call.size(1)),
  strcpy_s: copySecure(false, false),
  strcat_s: copySecure(true, false),
  strncpy_s: copySecure(false, true),
  strncat_s: copySecure(true, true),
  memchr: findInBlock,
  _memccpy: copyUpTo,
  _memicmp: compareBlocksFolded,
  _swab: swapBytes,
};
