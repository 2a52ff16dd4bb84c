/** The printf family. Source: "Formatted output functions", "_snprintf", "_scprintf", "_snwprintf", Microsoft. */
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { wideBytes } from '../wide-bytes.js';
import { EILSEQ, EINVAL, ENOMEM } from './errno.js';
import {
  CLASSIC_DIALECT,
  type Fill,
  type FormatArguments,
  type Formatted,
  formatText,
  isSingleByte,
  type Piece,
} from './printf-format.js';
import { failWith, setErrno } from './state.js';
import { EOF, Stream, standardStream } from './stream.js';
import { bytesOf, readNarrow, readWide } from './text.js';

const FILL_CHUNK = 4096;
/** Most padding that one call writes to a stream: a bound of ours, as twelve characters can ask for 2 GB of it. */
const MAXIMUM_FILL = 2 ** 24;
const DOUBLE = new DataView(new ArrayBuffer(8));

abstract class GuestArguments implements FormatArguments {
  lo = 0;
  hi = 0;
  protected readonly call: ServiceCall;

  constructor(call: ServiceCall) {
    this.call = call;
  }

  abstract next(): void;

  get address(): number {
    const top = this.hi >>> 15;
    // Outside the canonical form: a place that faults when used.
    if (top !== 0 && top !== 0x1ffff) return 2 ** 52;
    return (this.hi & 0xffff) * 2 ** 32 + this.lo;
  }

  get double(): number {
    DOUBLE.setUint32(0, this.hi);
    DOUBLE.setUint32(4, this.lo);
    return DOUBLE.getFloat64(0);
  }

  narrowString(address: number, limit: number): string {
    return readNarrow(this.call.memory, address, limit);
  }

  wideString(address: number, limit: number): string {
    return readWide(this.call.memory, address, limit);
  }
}

/** The call's own arguments behind the last named one. */
class VariableArguments extends GuestArguments {
  private index: number;

  constructor(call: ServiceCall, first: number) {
    super(call);
    this.index = first - 1;
  }

  next(): void {
    this.index++;
    this.lo = this.call.lo(this.index);
    this.hi = this.call.hi(this.index);
  }
}

/** A va_list: 8 bytes for each argument. */
export class ListArguments extends GuestArguments {
  private at: number;

  constructor(call: ServiceCall, list: number) {
    super(call);
    this.at = list;
  }

  next(): void {
    this.lo = this.call.memory.readU64Lo(this.at);
    this.hi = this.call.memory.readU64Hi(this.at);
    this.at += 8;
  }
}

/** Where the arguments are: `index` is the first variable one, or that of the va_list. */
function argumentsAt(call: ServiceCall, index: number, isList: boolean): FormatArguments {
  return isList ? new ListArguments(call, call.address(index)) : new VariableArguments(call, index);
}

export function format(
  call: ServiceCall,
  formatIndex: number,
  wide: boolean,
  args: FormatArguments,
  dialect = CLASSIC_DIALECT,
): Formatted {
  const address = call.address(formatIndex);
  const text = wide ? readWide(call.memory, address) : readNarrow(call.memory, address);
  const result = formatText(text, wide, args, dialect);
  for (const store of result.stores) call.memory.probeWrite(store.address, store.bytes);
  return result;
}

export function storeCounts(call: ServiceCall, { stores }: Formatted): void {
  for (const { address, bytes, count } of stores) {
    if (bytes === 8) call.memory.writeU64(address, count, 0);
    else if (bytes === 4) call.memory.writeU32(address, count);
    else if (bytes === 1) call.memory.writeU8(address, count & 0xff);
    else call.memory.writeU16(address, count);
  }
}

function fillText({ code, count }: Fill): string {
  return String.fromCharCode(code).repeat(count);
}

/** Gives the pieces as chunks of text, long fills in several, until `visit` answers false; whether all were wanted. */
function eachChunk(pieces: readonly Piece[], visit: (text: string) => boolean): boolean {
  let text = '';
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      text += piece;
      continue;
    }
    let left = piece.count;
    for (; left > FILL_CHUNK; left -= FILL_CHUNK) {
      if (!visit(text + fillText({ code: piece.code, count: FILL_CHUNK }))) return false;
      text = '';
    }
    text += fillText({ code: piece.code, count: left });
  }
  return text === '' || visit(text);
}

/** Characters of padding in all. */
function filled(pieces: readonly Piece[]): number {
  let count = 0;
  for (const piece of pieces) if (typeof piece !== 'string') count += piece.count;
  return count;
}

/** To a stream: the count of characters, or -1. Wide text goes to a text file as bytes of the "C" locale. */
export function printTo(stream: Stream, result: Formatted, wide: boolean): number {
  const { call } = stream;
  const asUnits = wide && !stream.isText;
  if (filled(result.pieces) > MAXIMUM_FILL) return failWith(call, ENOMEM);
  const good = eachChunk(result.pieces, (text) => {
    if (!asUnits && !isSingleByte(text)) {
      setErrno(call, EILSEQ);
      return false;
    }
    const bytes = encode(text, asUnits);
    return stream.write(bytes) === bytes.length;
  });
  if (!good) return EOF;
  storeCounts(call, result);
  return result.unconvertible ? failWith(call, EILSEQ) : result.length;
}

function encode(text: string, wide: boolean): Uint8Array {
  return wide ? wideBytes(text) : bytesOf(text);
}

/** Writes at most `limit` characters to memory; how many. */
export function store(
  call: ServiceCall,
  to: number,
  result: Formatted,
  limit: number,
  wide: boolean,
): number {
  const width = wide ? 2 : 1;
  let done = 0;
  eachChunk(result.pieces, (text) => {
    const part = text.slice(0, limit - done);
    call.memory.writeBytes(to + done * width, encode(part, wide));
    done += part.length;
    return done < limit;
  });
  return done;
}

export function terminate(call: ServiceCall, at: number, wide: boolean): void {
  if (wide) call.memory.writeU16(at, 0);
  else call.memory.writeU8(at, 0);
}

/** sprintf: no limit. */
function printToString(call: ServiceCall, wide: boolean, formatIndex: number, isList: boolean): number {
  const to = call.address(0);
  const result = format(call, formatIndex, wide, argumentsAt(call, formatIndex + 1, isList));
  const length = result.unconvertible ? 0 : result.length;
  const done = store(call, to, result, length, wide);
  terminate(call, to + done * (wide ? 2 : 1), wide);
  storeCounts(call, result);
  return result.unconvertible ? failWith(call, EILSEQ) : result.length;
}

/** _snprintf: as many as fit; the NUL only when there is room; -1 when something was cut. */
function printBounded(call: ServiceCall, wide: boolean, isList: boolean): number {
  const to = call.address(0);
  const limit = call.size(1);
  const result = format(call, 2, wide, argumentsAt(call, 3, isList));
  if (to === 0) return limit === 0 ? result.length : failWith(call, EINVAL);
  const done = store(call, to, result, limit, wide);
  if (done < limit) terminate(call, to + done * (wide ? 2 : 1), wide);
  storeCounts(call, result);
  if (result.unconvertible) return failWith(call, EILSEQ);
  return result.length > limit ? -1 : result.length;
}

/** vsnprintf as the C standard has it is not msvcrt's; this is snprintf_s without the invalid-parameter handler. */
function printSecure(call: ServiceCall, wide: boolean, bounds: SecureBounds, isList: boolean): number {
  const to = call.address(0);
  const size = call.size(1);
  const width = wide ? 2 : 1;
  const most = bounds.count === null ? size : bounds.count;
  const result = format(call, bounds.formatIndex, wide, argumentsAt(call, bounds.formatIndex + 1, isList));
  if (to === 0 || size === 0) return failWith(call, EINVAL);
  if (result.length <= most && result.length < size) {
    store(call, to, result, result.length, wide);
    terminate(call, to + result.length * width, wide);
    storeCounts(call, result);
    return result.length;
  }
  if (bounds.count === null || (most < size && most < 0)) {
    terminate(call, to, wide);
    return failWith(call, EINVAL);
  }
  const done = store(call, to, result, Math.min(most, size - 1), wide);
  terminate(call, to + done * width, wide);
  return -1;
}

interface SecureBounds {
  /** Index of the format argument. */
  readonly formatIndex: number;
  /** Most characters to write, or null when only the buffer's size counts. */
  readonly count: number | null;
}

const TRUNCATE = 2 ** 64 - 1;

function boundsWithCount(call: ServiceCall): SecureBounds {
  const count = call.size(2);
  return { formatIndex: 3, count: count >= TRUNCATE ? Number.MAX_SAFE_INTEGER : count };
}

const toStream =
  (wide: boolean, isList: boolean): ServiceFunction =>
  (call) =>
    printTo(new Stream(call, call.address(0)), format(call, 1, wide, argumentsAt(call, 2, isList)), wide);

const toOutput =
  (wide: boolean, isList: boolean): ServiceFunction =>
  (call) =>
    printTo(standardStream(call, 1), format(call, 0, wide, argumentsAt(call, 1, isList)), wide);

const toBuffer =
  (wide: boolean, isList: boolean): ServiceFunction =>
  (call) =>
    printToString(call, wide, 1, isList);

const bounded =
  (wide: boolean, isList: boolean): ServiceFunction =>
  (call) =>
    printBounded(call, wide, isList);

const counted =
  (wide: boolean, isList: boolean): ServiceFunction =>
  (call) => {
    const result = format(call, 0, wide, argumentsAt(call, 1, isList));
    if (!result.unconvertible) return result.length;
    setErrno(call, EILSEQ);
    return -1;
  };

const secure =
  (wide: boolean, isList: boolean): ServiceFunction =>
  (call) =>
    printSecure(call, wide, { formatIndex: 2, count: null }, isList);

const secureBounded =
  (wide: boolean, isList: boolean): ServiceFunction =>
  (call) =>
    printSecure(call, wide, boundsWithCount(call), isList);

/** _snprintf_c: as C99's snprintf, but -1 when something was cut. */
const boundedTerminated =
  (wide: boolean, isList: boolean): ServiceFunction =>
  (call) => {
    const result = printBounded(call, wide, isList);
    const limit = call.size(1);
    if (limit > 0 && result < 0) terminate(call, call.address(0) + (limit - 1) * (wide ? 2 : 1), wide);
    return result;
  };

export const printfFunctions: Record<string, ServiceFunction> = {
  printf: toOutput(false, false),
  vprintf: toOutput(false, true),
  wprintf: toOutput(true, false),
  vwprintf: toOutput(true, true),
  printf_s: toOutput(false, false),
  vprintf_s: toOutput(false, true),
  wprintf_s: toOutput(true, false),
  vwprintf_s: toOutput(true, true),
  _cprintf: toOutput(false, false),
  fprintf: toStream(false, false),
  vfprintf: toStream(false, true),
  fwprintf: toStream(true, false),
  vfwprintf: toStream(true, true),
  fprintf_s: toStream(false, false),
  vfprintf_s: toStream(false, true),
  fwprintf_s: toStream(true, false),
  vfwprintf_s: toStream(true, true),
  sprintf: toBuffer(false, false),
  vsprintf: toBuffer(false, true),
  swprintf: toBuffer(true, false),
  vswprintf: toBuffer(true, true),
  _swprintf: toBuffer(true, false),
  _vswprintf: toBuffer(true, true),
  _snprintf: bounded(false, false),
  _vsnprintf: bounded(false, true),
  _snwprintf: bounded(true, false),
  _vsnwprintf: bounded(true, true),
  _snprintf_c: boundedTerminated(false, false),
  _vsnprintf_c: boundedTerminated(false, true),
  _swprintf_c: boundedTerminated(true, false),
  _vswprintf_c: boundedTerminated(true, true),
  _scprintf: counted(false, false),
  _vscprintf: counted(false, true),
  _scwprintf: counted(true, false),
  _vscwprintf: counted(true, true),
  sprintf_s: secure(false, false),
  vsprintf_s: secure(false, true),
  swprintf_s: secure(true, false),
  vswprintf_s: secure(true, true),
  _snprintf_s: secureBounded(false, false),
  _vsnprintf_s: secureBounded(false, true),
  vsnprintf_s: secureBounded(false, true),
  _snwprintf_s: secureBounded(true, false),
  _vsnwprintf_s: secureBounded(true, true),
};
