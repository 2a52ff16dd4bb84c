/** Stream functions. Source: "Stream I/O", Microsoft, and the page of each function. */
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { EBADF, EILSEQ, EINVAL, errorMessage } from './errno.js';
import { lowWriteBytes } from './low-io.js';
import { openDescriptor, openFree, openNamed, SH_DENYNO } from './open-file.js';
import { StreamReader, waiting } from './reader.js';
import { failWith, getErrno, variable } from './state.js';
import {
  allStreams,
  EOF,
  flushAll,
  IOEOF,
  IOERR,
  IONBF,
  IOREAD,
  IOWRT,
  STREAM_BYTES,
  Stream,
  standardStream,
} from './stream.js';
import { bytesOf, readNarrow, readWide, unicodeOf } from './text.js';

const LF = 10;
const CHUNK = 0x10000;
const WEOF = 0xffff;
const BUFSIZ = 512;

const streamOf = (call: ServiceCall, index: number) => new Stream(call, call.address(index));

/** Reads with one reader, which gives back what a waiting call had taken. */
function reading<T>(stream: Stream, read: (reader: StreamReader) => T): T {
  const reader = new StreamReader(stream);
  const result = read(reader);
  reader.finish();
  return result;
}

/** One byte; straight from the buffer when there is no earlier entry of the call to go on from. */
function getByte(stream: Stream): number {
  const { call, cnt } = stream;
  if (call.waitStatus !== -1 || cnt <= 0) return reading(stream, (reader) => reader.get());
  const { ptr } = stream;
  stream.ptr = ptr + 1;
  stream.cnt = cnt - 1;
  return call.memory.readU8(ptr);
}

function putByte(stream: Stream, byte: number): number {
  return stream.write(Uint8Array.of(byte)) === 1 ? byte & 0xff : EOF;
}

/** Whether wide characters go to the file as they are; in text mode they are bytes of the "C" locale. */
const isWideFile = (stream: Stream) => !stream.isText;

function getWide(stream: Stream): number {
  return reading(stream, (reader) => getWideFrom(stream, reader));
}

function getWideFrom(stream: Stream, reader: StreamReader): number {
  const low = reader.get();
  if (low === EOF) return WEOF;
  if (!isWideFile(stream)) return low;
  const high = reader.get();
  return high === EOF ? WEOF : low | (high << 8);
}

function putWide(stream: Stream, unit: number): number {
  if (isWideFile(stream)) return stream.write(Uint8Array.of(unit & 0xff, unit >>> 8)) === 2 ? unit : WEOF;
  if (unit > 0xff) return failWith(stream.call, EILSEQ, WEOF);
  return stream.write(Uint8Array.of(unit)) === 1 ? unit : WEOF;
}

function putWideText(stream: Stream, text: string): boolean {
  for (let index = 0; index < text.length; index++)
    if (putWide(stream, text.charCodeAt(index)) === WEOF) return false;
  return true;
}

/** fgets: a line with its LF, as much as fits. */
function getLine(call: ServiceCall): number {
  const to = call.address(0);
  const size = call.i32(1);
  if (size <= 0) return failWith(call, EINVAL, 0);
  return reading(streamOf(call, 2), (reader) => {
    let done = 0;
    while (done < size - 1) {
      const bytes = reader.take(size - 1 - done, LF);
      if (bytes.length === 0) break;
      call.memory.writeBytes(to + done, bytes);
      done += bytes.length;
      if (bytes[bytes.length - 1] === LF) break;
    }
    if (done === 0 && size > 1) return 0;
    call.memory.writeU8(to + done, 0);
    return to;
  });
}

function getWideLine(call: ServiceCall): number {
  const to = call.address(0);
  const size = call.i32(1);
  const stream = streamOf(call, 2);
  if (size <= 0) return failWith(call, EINVAL, 0);
  return reading(stream, (reader) => {
    let done = 0;
    for (let unit = 0; done < size - 1 && unit !== LF; done++) {
      unit = getWideFrom(stream, reader);
      if (unit === WEOF) break;
      call.memory.writeU16(to + 2 * done, unit);
    }
    if (done === 0 && size > 1) return 0;
    call.memory.writeU16(to + 2 * done, 0);
    return to;
  });
}

/** gets: a line without its LF. */
function getInput(call: ServiceCall): number {
  const to = call.address(0);
  return reading(standardStream(call, 0), (reader) => {
    let done = 0;
    for (;;) {
      const bytes = reader.take(CHUNK, LF);
      if (bytes.length === 0) break;
      const hasEnd = bytes[bytes.length - 1] === LF;
      call.memory.writeBytes(to + done, hasEnd ? bytes.subarray(0, -1) : bytes);
      done += bytes.length - (hasEnd ? 1 : 0);
      if (!hasEnd) continue;
      call.memory.writeU8(to + done, 0);
      return to;
    }
    if (done === 0) return 0;
    call.memory.writeU8(to + done, 0);
    return to;
  });
}

function readItems(call: ServiceCall): number {
  const to = call.address(0);
  const [size, count] = [call.size(1), call.size(2)];
  const total = size * count;
  if (total === 0) return 0;
  return reading(streamOf(call, 3), (reader) => {
    let done = 0;
    while (done < total) {
      const bytes = reader.take(Math.min(total - done, CHUNK), -1);
      if (bytes.length === 0) break;
      call.memory.writeBytes(to + done, bytes);
      done += bytes.length;
    }
    return done === total ? count : Math.floor(done / size);
  });
}

function writeItems(call: ServiceCall): number {
  const from = call.address(0);
  const [size, count] = [call.size(1), call.size(2)];
  const total = size * count;
  if (total === 0) return 0;
  const stream = streamOf(call, 3);
  call.memory.probeRead(from, total);
  let done = 0;
  while (done < total) {
    const part = Math.min(CHUNK, total - done);
    const written = stream.write(call.memory.readBytes(from + done, part));
    done += written;
    if (written < part) break;
  }
  return done === total ? count : Math.floor(done / size);
}

function putText(stream: Stream, text: string): number {
  return stream.write(bytesOf(text)) === text.length ? 0 : EOF;
}

function closeAll(call: ServiceCall): number {
  const iob = variable(call, '_iob');
  let closed = 0;
  for (const stream of allStreams(call)) {
    const isStandard = stream.address < iob + 3 * STREAM_BYTES && stream.address >= iob;
    if (!isStandard && stream.flag & (IOREAD | IOWRT | 0x80) && stream.close() === 0) closed++;
  }
  return closed;
}

function flush(call: ServiceCall): number {
  if (call.address(0) === 0) {
    flushAll(call);
    return 0;
  }
  return streamOf(call, 0).flush() ? 0 : EOF;
}

const nameOf = (call: ServiceCall, index: number, wide: boolean) =>
  wide ? readWide(call.memory, call.address(index)) : unicodeOf(readNarrow(call.memory, call.address(index)));

const open =
  (wide: boolean): ServiceFunction =>
  (call) =>
    openFree(call, nameOf(call, 0, wide), nameOf(call, 1, wide));

const openShared =
  (wide: boolean): ServiceFunction =>
  (call) =>
    openFree(call, nameOf(call, 0, wide), nameOf(call, 1, wide), call.i32(2));

const openSecure =
  (wide: boolean): ServiceFunction =>
  (call) => {
    const out = call.address(0);
    if (out === 0) return failWith(call, EINVAL, EINVAL);
    call.memory.probeWrite(out, 8);
    const stream = openFree(call, nameOf(call, 1, wide), nameOf(call, 2, wide), 0x20);
    call.memory.writePointer(out, stream);
    return stream === 0 ? getErrno(call) : 0;
  };

const reopen =
  (wide: boolean): ServiceFunction =>
  (call) => {
    const [name, mode] = [nameOf(call, 0, wide), nameOf(call, 1, wide)];
    const stream = streamOf(call, 2);
    stream.close();
    return openNamed(call, stream, name, mode, SH_DENYNO);
  };

const openFromDescriptor =
  (wide: boolean): ServiceFunction =>
  (call) =>
    openDescriptor(call, call.i32(0), nameOf(call, 1, wide));

/** perror: the text, a colon, the message of errno. */
function printError(call: ServiceCall, prefix: string): void {
  const lead = prefix === '' ? '' : `${prefix}: `;
  lowWriteBytes(call, 2, bytesOf(`${lead}${errorMessage(getErrno(call))}\n`));
}

function setPosition(call: ServiceCall): number {
  const position = call.memory.readU64Lo(call.address(1)) + call.memory.readU64Hi(call.address(1)) * 2 ** 32;
  return streamOf(call, 0).seek(position, 0);
}

function getPosition(call: ServiceCall): number {
  const place = streamOf(call, 0).tell();
  if (place < 0) return -1;
  call.memory.writeU64(call.address(1), place >>> 0, Math.floor(place / 2 ** 32));
  return 0;
}

/** A signed 64-bit argument as a number. */
const offset64 = (call: ServiceCall, index: number) => (call.hi(index) | 0) * 2 ** 32 + call.lo(index);

function tell32(call: ServiceCall): number {
  const place = streamOf(call, 0).tell();
  return place > 0x7fffffff ? failWith(call, EINVAL) : place;
}

function setUnbuffered(call: ServiceCall): number {
  const address = call.address(1);
  return streamOf(call, 0).changeBuffer(address, address === 0 ? IONBF : 0, BUFSIZ);
}

function unreadWide(call: ServiceCall): number {
  const unit = call.u32(0) & 0xffff;
  const stream = streamOf(call, 1);
  if (unit === WEOF) return WEOF;
  if (isWideFile(stream) && stream.unread(unit >>> 8) === EOF) return WEOF;
  return stream.unread(unit & 0xff) === EOF ? WEOF : unit;
}

function rewind(call: ServiceCall): void {
  const stream = streamOf(call, 0);
  stream.flush();
  stream.flag &= ~(IOERR | IOEOF);
  if (stream.flag & 0x80) stream.flag &= ~(IOREAD | IOWRT);
  stream.seek(0, 0);
}

/** _filbuf: fills the buffer and takes its first byte. */
function fillBuffer(call: ServiceCall): number {
  const stream = streamOf(call, 0);
  if (!stream.fill()) return EOF;
  const { ptr } = stream;
  stream.ptr = ptr + 1;
  stream.cnt -= 1;
  return call.memory.readU8(ptr);
}

const get = waiting((call) => getByte(streamOf(call, 0)));
const getFromInput = waiting((call) => getByte(standardStream(call, 0)));
const put: ServiceFunction = (call) => putByte(streamOf(call, 1), call.u32(0) & 0xff);
const putToOutput: ServiceFunction = (call) => putByte(standardStream(call, 1), call.u32(0) & 0xff);
const getWideCharacter = waiting((call) => getWide(streamOf(call, 0)));
const getWideFromInput = waiting((call) => getWide(standardStream(call, 0)));
const putWideCharacter: ServiceFunction = (call) => putWide(streamOf(call, 1), call.u32(0) & 0xffff);
const putWideToOutput: ServiceFunction = (call) => putWide(standardStream(call, 1), call.u32(0) & 0xffff);
const descriptorOf: ServiceFunction = (call) =>
  call.address(0) === 0 ? failWith(call, EBADF) : streamOf(call, 0).descriptor;

export const stdioFunctions: Record<string, Service | ServiceFunction> = {
  __iob_func: (call) => variable(call, '_iob'),
  fopen: open(false),
  _wfopen: open(true),
  _fsopen: openShared(false),
  _wfsopen: openShared(true),
  fopen_s: openSecure(false),
  _wfopen_s: openSecure(true),
  freopen: reopen(false),
  _wfreopen: reopen(true),
  _fdopen: openFromDescriptor(false),
  _wfdopen: openFromDescriptor(true),
  fclose: (call) => (call.address(0) === 0 ? failWith(call, EINVAL) : streamOf(call, 0).close()),
  _fcloseall: closeAll,
  fflush: flush,
  _flushall: flushAll,
  fread: waiting(readItems),
  fwrite: writeItems,
  fgetc: get,
  getc: get,
  getchar: getFromInput,
  _fgetchar: getFromInput,
  fputc: put,
  putc: put,
  putchar: putToOutput,
  _fputchar: putToOutput,
  fgets: waiting(getLine),
  gets: waiting(getInput),
  fputs: (call) => putText(streamOf(call, 1), readNarrow(call.memory, call.address(0))),
  puts: (call) => putText(standardStream(call, 1), `${readNarrow(call.memory, call.address(0))}\n`),
  ungetc: (call) => (call.i32(0) === EOF ? EOF : streamOf(call, 1).unread(call.u32(0) & 0xff)),
  fgetwc: getWideCharacter,
  getwc: getWideCharacter,
  getwchar: getWideFromInput,
  _fgetwchar: getWideFromInput,
  fputwc: putWideCharacter,
  putwc: putWideCharacter,
  putwchar: putWideToOutput,
  _fputwchar: putWideToOutput,
  fgetws: waiting(getWideLine),
  fputws: (call) => (putWideText(streamOf(call, 1), readWide(call.memory, call.address(0))) ? 0 : EOF),
  _putws: (call) =>
    putWideText(standardStream(call, 1), `${readWide(call.memory, call.address(0))}\n`) ? 0 : EOF,
  ungetwc: unreadWide,
  fseek: (call) => streamOf(call, 0).seek(call.i32(1), call.i32(2)),
  _fseeki64: (call) => streamOf(call, 0).seek(offset64(call, 1), call.i32(2)),
  ftell: tell32,
  _ftelli64: (call) => streamOf(call, 0).tell(),
  fgetpos: getPosition,
  fsetpos: setPosition,
  rewind,
  feof: (call) => streamOf(call, 0).flag & IOEOF,
  ferror: (call) => streamOf(call, 0).flag & IOERR,
  clearerr: (call) => {
    const stream = streamOf(call, 0);
    stream.flag &= ~(IOERR | IOEOF);
  },
  setvbuf: (call) => streamOf(call, 0).changeBuffer(call.address(1), call.u32(2), call.size(3)),
  setbuf: (call) => {
    setUnbuffered(call);
  },
  _fileno: descriptorOf,
  fileno: descriptorOf,
  perror: (call) => {
    printError(call, call.address(0) === 0 ? '' : readNarrow(call.memory, call.address(0)));
  },
  _filbuf: waiting(fillBuffer),
  _flsbuf: (call) => streamOf(call, 1).flushAndPut(call.u32(0) & 0xff),
  _getw: waiting((call) =>
    reading(streamOf(call, 0), (reader) => {
      let value = 0;
      for (let shift = 0; shift < 32; shift += 8) {
        const byte = reader.get();
        if (byte === EOF) return EOF;
        value |= byte << shift;
      }
      return value;
    }),
  ),
};
