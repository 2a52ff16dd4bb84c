/**
 * Streams: struct _iobuf in guest memory, with the runtime's flags, so that programs that look into it find what they
 * expect. Source: "Stream I/O" and "setvbuf", Microsoft; the structure is <stdio.h>'s of the 64-bit msvcrt.dll:
 * _ptr 0, _cnt 8, _base 16, _flag 24, _file 28, _charbuf 32, _bufsiz 36, _tmpfname 40; 48 bytes.
 */
import type { ServiceCall } from '../../nt/service.js';
import { allocate, release } from './crt-heap.js';
import { EBADF, EINVAL, EMFILE } from './errno.js';
import {
  currentPosition,
  FTEXT,
  isDevice,
  lowClose,
  lowFile,
  lowRead,
  lowSeek,
  lowWrite,
  lowWriteBytes,
  rawLength,
  SEEK_CUR,
} from './low-io.js';
import { crtState, setErrno, variable } from './state.js';
import { readBlock } from './text.js';

export const IOREAD = 0x1;
export const IOWRT = 0x2;
export const IONBF = 0x4;
export const IOMYBUF = 0x8;
export const IOEOF = 0x10;
export const IOERR = 0x20;
export const IOSTRG = 0x40;
export const IORW = 0x80;
export const IOYOURBUF = 0x100;
export const IOSETVBUF = 0x400;

const IOLBF = 0x40;
const HAS_BUFFER = IOMYBUF | IONBF | IOYOURBUF;
const OPEN = IOREAD | IOWRT | IORW;

export const STREAM_BYTES = 48;
export const STREAM_COUNT = 20;
export const EOF = -1;

const PTR = 0;
const CNT = 8;
const BASE = 16;
const FLAG = 24;
const FILE = 28;
const CHARBUF = 32;
const BUFSIZ = 36;
const TEMPORARY_NAME = 40;

const BUFFER_BYTES = 4096;
const MAXIMUM_STREAMS = 512;
const LF = 10;

/** A stream of the guest, for the time of one call. */
export class Stream {
  readonly call: ServiceCall;
  /** Guest address of the structure. */
  readonly address: number;

  constructor(call: ServiceCall, address: number) {
    this.call = call;
    this.address = address;
  }

  get flag(): number {
    return this.call.memory.readU32(this.address + FLAG);
  }
  set flag(value: number) {
    this.call.memory.writeU32(this.address + FLAG, value);
  }
  get descriptor(): number {
    return this.call.memory.readI32(this.address + FILE);
  }
  /** Guest address of the next byte in the buffer. */
  get ptr(): number {
    return this.call.memory.readPointer(this.address + PTR);
  }
  set ptr(value: number) {
    this.call.memory.writePointer(this.address + PTR, value);
  }
  /** Bytes to read, or bytes of room. */
  get cnt(): number {
    return this.call.memory.readI32(this.address + CNT);
  }
  set cnt(value: number) {
    this.call.memory.writeU32(this.address + CNT, value);
  }
  get base(): number {
    return this.call.memory.readPointer(this.address + BASE);
  }
  get bufferBytes(): number {
    return this.call.memory.readU32(this.address + BUFSIZ);
  }

  get isTerminal(): boolean {
    return isDevice(this.call, this.descriptor);
  }

  /** Whether line ends are translated. */
  get isText(): boolean {
    return ((crtState(this.call).files[this.descriptor]?.flags ?? 0) & FTEXT) !== 0;
  }

  private get isStandardOutput(): boolean {
    const first = variable(this.call, '_iob');
    return this.address === first + STREAM_BYTES || this.address === first + 2 * STREAM_BYTES;
  }

  setBuffer(address: number, bytes: number): void {
    const { memory } = this.call;
    memory.writePointer(this.address + BASE, address);
    memory.writeU32(this.address + BUFSIZ, bytes);
    this.ptr = address;
    this.cnt = 0;
  }

  /** Gives the stream the buffer that it gets when nobody chose one; without memory, the one byte in the structure. */
  private makeBuffer(): void {
    const address = allocate(this.call, BUFFER_BYTES, false);
    if (address !== 0) {
      this.flag |= IOMYBUF;
      this.setBuffer(address, BUFFER_BYTES);
    } else {
      this.flag |= IONBF;
      this.setBuffer(this.address + CHARBUF, 2);
    }
  }

  private freeBuffer(): void {
    if (this.flag & IOMYBUF) release(this.call, this.base);
    this.flag &= ~(IOMYBUF | IOYOURBUF | IONBF | IOSETVBUF);
    this.setBuffer(0, 0);
  }

  /** setvbuf: 0, or -1 when the arguments mean nothing. */
  changeBuffer(address: number, mode: number, bytes: number): number {
    const isBuffered = mode === 0 || mode === IOLBF;
    if (mode !== IONBF && (!isBuffered || bytes < 2 || bytes > 0x7fffffff)) return EOF;
    this.flush();
    this.freeBuffer();
    const size = bytes & ~1;
    if (mode === IONBF) {
      this.flag |= IONBF;
      this.setBuffer(this.address + CHARBUF, 2);
    } else if (address !== 0) {
      this.flag |= IOYOURBUF | IOSETVBUF;
      this.setBuffer(address, size);
    } else {
      const own = allocate(this.call, size, false);
      if (own === 0) return EOF;
      this.flag |= IOMYBUF | IOSETVBUF;
      this.setBuffer(own, size);
    }
    return 0;
  }

  /** Fills the empty buffer; false at the end or on an error, which the flags then say. Throws Blocked. */
  fill(): boolean {
    const { flag } = this;
    if (!(flag & OPEN) || flag & IOSTRG) return false;
    if (flag & IOWRT) {
      this.flag = flag | IOERR;
      return false;
    }
    this.flag = flag | IOREAD;
    if (flag & HAS_BUFFER) this.ptr = this.base;
    else this.makeBuffer();
    const read = lowRead(this.call, this.descriptor, this.base, this.bufferBytes);
    if (read <= 0) {
      this.flag |= read === 0 ? IOEOF : IOERR;
      this.cnt = 0;
      return false;
    }
    this.cnt = read;
    return true;
  }

  /** Makes the stream one that is being written; false with errno or the error flag when it cannot be. */
  private beginWriting(): boolean {
    const { flag } = this;
    if (!(flag & (IOWRT | IORW)) || flag & IOSTRG) {
      setErrno(this.call, EBADF);
      this.flag = flag | IOERR;
      return false;
    }
    if (flag & IOREAD) {
      this.cnt = 0;
      if (!(flag & IOEOF)) {
        this.flag = flag | IOERR;
        return false;
      }
      this.ptr = this.base;
    }
    const isFresh = !(flag & IOWRT);
    this.flag = (flag | IOWRT) & ~(IOEOF | IOREAD);
    if (!(flag & HAS_BUFFER) && !(this.isStandardOutput && this.isTerminal)) this.makeBuffer();
    else if (isFresh) this.cnt = 0;
    return true;
  }

  /** Writes bytes; how many were taken, less than all on an error. */
  write(bytes: Uint8Array): number {
    if (bytes.length === 0) return 0;
    if (!this.beginWriting()) return 0;
    const size = this.bufferBytes;
    if (!(this.flag & (IOMYBUF | IOYOURBUF)) || size === 0) return this.writeThrough(bytes);
    const { base } = this;
    let done = 0;
    while (done < bytes.length) {
      const used = this.ptr - base;
      if (!(used >= 0 && used < size)) {
        if (!this.writeOut()) return done;
        continue;
      }
      const part = bytes.subarray(done, done + size - used);
      this.call.memory.writeBytes(base + used, part);
      this.ptr = base + used + part.length;
      this.cnt = size - used - part.length;
      done += part.length;
    }
    return done;
  }

  /** Without a buffer of its own: through one of the call's. */
  private writeThrough(bytes: Uint8Array): number {
    const written = lowWriteBytes(this.call, this.descriptor, bytes);
    if (written < bytes.length) this.flag |= IOERR;
    this.cnt = 0;
    return Math.max(written, 0);
  }

  /** Writes what the buffer holds, and leaves it empty; false on an error. */
  private writeOut(): boolean {
    const { base } = this;
    const count = this.ptr - base;
    this.ptr = base;
    this.cnt = 0;
    if (count <= 0 || count > this.bufferBytes) return true;
    if (lowWrite(this.call, this.descriptor, base, count) === count) return true;
    this.flag |= IOERR;
    return false;
  }

  /** fflush: writes what the buffer holds, or drops what was read ahead; false on an error. */
  flush(): boolean {
    const { flag } = this;
    if ((flag & (IOREAD | IOWRT)) === IOWRT && flag & (IOMYBUF | IOYOURBUF)) {
      const good = this.writeOut();
      if (good && flag & IORW) this.flag &= ~IOWRT;
      return good;
    }
    this.ptr = this.base;
    this.cnt = 0;
    return true;
  }

  /** Closes the stream (fclose): 0 or EOF. */
  close(): number {
    const { flag } = this;
    let result = EOF;
    if (flag & OPEN) {
      result = this.flush() ? 0 : EOF;
      this.freeBuffer();
      if (lowClose(this.call, this.descriptor) < 0) result = EOF;
      this.removeTemporary();
    }
    this.flag = 0;
    return result;
  }

  get temporaryName(): number {
    return this.call.memory.readPointer(this.address + TEMPORARY_NAME);
  }
  set temporaryName(address: number) {
    this.call.memory.writePointer(this.address + TEMPORARY_NAME, address);
  }

  private removeTemporary(): void {
    const name = this.temporaryName;
    if (name === 0) return;
    this.temporaryName = 0;
    release(this.call, name);
  }

  /** Byte offset in the file of the next byte (ftell), or -1 with errno. */
  tell(): number {
    const { call, flag } = this;
    if (this.cnt < 0) this.cnt = 0;
    const place = currentPosition(call, this.descriptor);
    if (place < 0) return -1;
    if (!(flag & (IOMYBUF | IOYOURBUF))) return place - (flag & IOREAD ? this.cnt : 0);
    const { base, ptr } = this;
    const used = Math.min(Math.max(ptr - base, 0), this.bufferBytes);
    const file = lowFile(call, this.descriptor);
    if (file === null) return -1;
    if (flag & IOWRT) return place + used + (file.flags & FTEXT ? this.lineFeeds(base, used) : 0);
    if (!(flag & IOREAD)) return place;
    if (this.cnt === 0) return place;
    return file.flags & FTEXT ? file.readStart + rawLength(call, file, used) : place - this.cnt;
  }

  private lineFeeds(from: number, count: number): number {
    return readBlock(this.call.memory, from, count).reduce((sum, byte) => sum + (byte === LF ? 1 : 0), 0);
  }

  /** Moves the stream (fseek): 0, or -1 with errno. */
  seek(offset: number, origin: number): number {
    const { call, flag } = this;
    if (!(flag & OPEN) || origin < 0 || origin > 2) {
      setErrno(call, EINVAL);
      return -1;
    }
    this.flag = flag & ~IOEOF;
    let from = origin;
    let distance = offset;
    if (origin === SEEK_CUR) {
      const place = this.tell();
      if (place < 0) return -1;
      distance += place;
      from = 0;
    }
    this.flush();
    if (this.flag & IORW) this.flag &= ~(IOREAD | IOWRT);
    return lowSeek(call, this.descriptor, distance, from) < 0 ? -1 : 0;
  }

  /** Puts a byte back (ungetc): the byte, or EOF. */
  unread(byte: number): number {
    const { flag, call } = this;
    if (!(flag & IOREAD) && !(flag & IORW && !(flag & IOWRT))) return EOF;
    if (!(flag & HAS_BUFFER)) this.makeBuffer();
    const { base } = this;
    if (this.ptr === base) {
      if (this.cnt !== 0) return EOF;
      this.ptr = base + 1;
    }
    const to = this.ptr - 1;
    call.memory.writeU8(to, byte);
    this.ptr = to;
    this.cnt += 1;
    this.flag = (this.flag & ~IOEOF) | IOREAD;
    return byte & 0xff;
  }

  /** _flsbuf: a byte for which the buffer has no room. */
  flushAndPut(byte: number): number {
    const { base, flag } = this;
    if (flag & (IOMYBUF | IOYOURBUF) && flag & IOWRT) {
      this.ptr = Math.min(this.ptr, base + this.bufferBytes);
      if (!this.writeOut()) return EOF;
    }
    return this.write(Uint8Array.of(byte)) === 1 ? byte & 0xff : EOF;
  }
}

export function standardStream(call: ServiceCall, index: number): Stream {
  return new Stream(call, variable(call, '_iob') + index * STREAM_BYTES);
}

/** Every stream that there is, open or not. */
export function allStreams(call: ServiceCall): Stream[] {
  const first = variable(call, '_iob');
  const own = Array.from({ length: STREAM_COUNT }, (_, index) => first + index * STREAM_BYTES);
  return [...own, ...crtState(call).streams].map((address) => new Stream(call, address));
}

/** Flushes the streams that are being written; how many are open. */
export function flushAll(call: ServiceCall): number {
  let open = 0;
  for (const stream of allStreams(call)) {
    const { flag } = stream;
    if (!(flag & OPEN)) continue;
    open++;
    if (flag & IOWRT) stream.flush();
  }
  return open;
}

/** A stream that is not open, made when all are; null with errno when there are too many. */
export function freeStream(call: ServiceCall): Stream | null {
  const free = allStreams(call).find((stream) => !(stream.flag & OPEN));
  if (free !== undefined) return free;
  const { streams } = crtState(call);
  const address = streams.length + STREAM_COUNT < MAXIMUM_STREAMS ? allocate(call, STREAM_BYTES, true) : 0;
  if (address === 0) {
    setErrno(call, EMFILE);
    return null;
  }
  call.memory.commit();
  streams.push(address);
  return new Stream(call, address);
}

/** Makes a free stream stand for a descriptor. */
export function openStream(stream: Stream, descriptor: number, flag: number): void {
  const { memory } = stream.call;
  memory.fill(stream.address, STREAM_BYTES, 0);
  memory.writeU32(stream.address + FILE, descriptor);
  memory.writeU32(stream.address + FLAG, flag);
}
