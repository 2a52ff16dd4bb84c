/**
 * The one way in which services written in TypeScript touch a program's memory: in the current address space, with user
 * rights, faulting like the program itself. Addresses are 48-bit numbers, lengths bytes; 8-byte values are two 32-bit words.
 */
import {
  ntSuccess,
  STATUS_ACCESS_VIOLATION,
  STATUS_GUARD_PAGE_VIOLATION,
  STATUS_NO_MEMORY,
  STATUS_PENDING,
} from '../base/ntstatus.js';
import { ACCESS_READ, ACCESS_USER, ACCESS_WRITE } from '../machine/processor.js';
import { beginFault, waitOnTheSpot } from './fault-handler.js';
import type { MemoryManager } from './memory-manager.js';
import { waitForFrame } from './paging-io.js';
import { WriteJournal } from './write-journal.js';

/** What readPointer gives for a pointer that is not canonical; using it as an address throws GuestFault. */
export const NON_CANONICAL = 2 ** 52;

/** UserMemory.waitAddress of a wait that no fault began: the service touches no page, it wants one of a file in memory. */
export const NO_FAULT = -1;

const USER_END = 0x8000_0000_0000;
const READ = ACCESS_READ | ACCESS_USER;
const WRITE = ACCESS_WRITE | ACCESS_USER;
const TWO_32 = 0x1_0000_0000;
/** Longest text that a service takes from a program, in characters: half of what a string of the host can hold. */
const MAXIMUM_TEXT = 2 ** 28;

/** A violation that a service met at a program's address; nothing but the program is to blame. Not an Error: it has no stack trace. */
export class GuestFault {
  constructor(
    /** NTSTATUS to raise. */
    readonly status: number,
    /** 48-bit address, or NON_CANONICAL. */
    readonly address: number,
    readonly isWrite: boolean,
  ) {}
}

/**
 * Thrown by a touch of a page that has to be read first, in a service that can begin anew: mm.pendingFrame says which frame.
 * Everything that the service has written is taken back.
 */
export const PAGE_WAIT: unique symbol = Symbol('page wait');

export class UserMemory {
  /** Where the touch that threw PAGE_WAIT was, and how (FAULT_* bits). */
  waitAddress = 0;
  waitError = 0;
  /** The service that runs may begin anew when a page has to be read; `completions` counts the paging I/O at its first write. */
  private restarts = false;
  private completions = 0;
  /** The page for which it waited and whose fault ended in an exception (a page number; -1: none), and which. */
  private failedPage = -1;
  private failedStatus = 0;
  private readonly journal: WriteJournal;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  /** The units of one page that become text. */
  private readonly units = new Uint16Array(2048);

  constructor(private readonly mm: MemoryManager) {
    this.journal = new WriteJournal(mm);
    this.bytes = mm.ram.bytes;
    this.view = new DataView(mm.ram.bytes.buffer, mm.ram.bytes.byteOffset, mm.ram.bytes.byteLength);
  }

  /** Byte offset in RAM of a user address that is then good for this access up to the end of its page. */
  private locate(address: number, access: number): number {
    if (address >= 0 && address < USER_END) {
      const offset = this.mm.processor.translate(address, access);
      if (offset !== 0) return offset;
    }
    return this.fault(address, access);
  }

  /** A service begins; with `restarts` it is one that has no effect but on guest memory until it calls `commit`. */
  beginService(restarts: boolean): void {
    this.restarts = restarts;
    if (!restarts) return;
    this.journal.clear();
  }

  /** The service has had an effect that cannot be taken back: from now on it waits on the spot for pages. */
  commit(): void {
    this.restarts = false;
    this.failedPage = -1;
  }

  /** A service is about to begin anew after a wait that ended in an exception (NTSTATUS): its touch of the page meets it. */
  failTouch(address: number, status: number): void {
    this.failedPage = Math.floor(address / 4096);
    this.failedStatus = status;
  }

  /** Where a write of `length` bytes, all in one page, may go; what was there can be put back. */
  private locateWrite(address: number, length: number): number {
    const offset = this.locate(address, WRITE);
    if (!this.restarts) return offset;
    if (this.journal.isEmpty) this.completions = this.mm.io.completions;
    if (!this.journal.keep(offset, length)) this.restarts = false;
    return offset;
  }

  private fault(address: number, access: number): number {
    const { mm } = this;
    const isWrite = (access & ACCESS_WRITE) !== 0;
    if (!(address >= 0 && address < USER_END) || mm.current === null) {
      throw new GuestFault(STATUS_ACCESS_VIOLATION, address, isWrite);
    }
    if (Math.floor(address / 4096) === this.failedPage) {
      this.failedPage = -1;
      throw this.refused(this.failedStatus, address, isWrite);
    }
    for (;;) {
      const error = mm.processor.faultError;
      let status = beginFault(mm, mm.current, address, error, true, mm.currentStack);
      if (status === STATUS_PENDING) {
        if (this.mayRestart()) this.waitFor(address, error);
        mm.io.waitsOnTheSpot++;
        status = waitOnTheSpot(mm, mm.current, address, error, true, mm.currentStack);
      }
      if (!ntSuccess(status)) throw this.refused(status, address, isWrite);
      const offset = mm.processor.translate(address, access);
      if (offset !== 0) return offset;
    }
  }

  /** The fault of an address that refuses. Meeting a guard page took the guard away: the service cannot begin anew. */
  private refused(status: number, address: number, isWrite: boolean): GuestFault {
    if (status === STATUS_GUARD_PAGE_VIOLATION) this.restarts = false;
    return new GuestFault(status, address, isWrite);
  }

  /** Frames that were given up while paging I/O was waited for may have been among those written to. */
  private mayRestart(): boolean {
    return this.restarts && (this.journal.isEmpty || this.completions === this.mm.io.completions);
  }

  /** Waits for a page of a file that is being read into a frame: the service begins anew, or it waits on the spot. */
  waitForFilePage(frame: number): void {
    if (this.mayRestart()) {
      this.mm.pendingFrame = frame;
      this.waitFor(NO_FAULT, 0);
    }
    this.mm.io.waitsOnTheSpot++;
    waitForFrame(this.mm, frame);
  }

  private waitFor(address: number, error: number): never {
    this.journal.undo();
    this.mm.io.serviceRestarts++;
    this.waitAddress = address;
    this.waitError = error;
    throw PAGE_WAIT;
  }

  /** Calls nothing: true when `length` bytes from the address lie in one page. */
  private inPage(address: number, length: number): boolean {
    return (address % 4096) + length <= 4096;
  }

  readU8(address: number): number {
    return this.bytes[this.locate(address, READ)]!;
  }

  readU16(address: number): number {
    if (this.inPage(address, 2)) return this.view.getUint16(this.locate(address, READ), true);
    return this.readU8(address) | (this.readU8(address + 1) << 8);
  }

  readU32(address: number): number {
    if (this.inPage(address, 4)) return this.view.getUint32(this.locate(address, READ), true);
    return this.readU16(address) + this.readU16(address + 2) * 0x10000;
  }

  readI32(address: number): number {
    return this.readU32(address) | 0;
  }

  /** Low word of the 8 bytes at the address. */
  readU64Lo(address: number): number {
    return this.readU32(address);
  }

  /** High word of the 8 bytes at the address. */
  readU64Hi(address: number): number {
    return this.readU32(address + 4);
  }

  /** A pointer as a 48-bit number, or NON_CANONICAL. */
  readPointer(address: number): number {
    const hi = this.readU32(address + 4);
    const top = hi >>> 15;
    if (top !== 0 && top !== 0x1ffff) return NON_CANONICAL;
    return (hi & 0xffff) * TWO_32 + this.readU32(address);
  }

  readDouble(address: number): number {
    if (this.inPage(address, 8)) return this.view.getFloat64(this.locate(address, READ), true);
    const whole = this.readBytes(address, 8);
    return new DataView(whole.buffer).getFloat64(0, true);
  }

  writeU8(address: number, value: number): void {
    this.bytes[this.locateWrite(address, 1)] = value;
  }

  writeU16(address: number, value: number): void {
    if (this.inPage(address, 2)) this.view.setUint16(this.locateWrite(address, 2), value, true);
    else this.writeSplit(address, value & 0xffff, 0, 2);
  }

  writeU32(address: number, value: number): void {
    if (this.inPage(address, 4)) this.view.setUint32(this.locateWrite(address, 4), value, true);
    else this.writeSplit(address, value, 0, 4);
  }

  writeU64(address: number, lo: number, hi: number): void {
    if (!this.inPage(address, 8)) {
      this.writeSplit(address, lo, hi, 8);
      return;
    }
    const offset = this.locateWrite(address, 8);
    this.view.setUint32(offset, lo, true);
    this.view.setUint32(offset + 4, hi, true);
  }

  /** A 48-bit address as a canonical pointer: bit 47 is copied upwards. */
  writePointer(address: number, value: number): void {
    const hi = Math.floor(value / TWO_32);
    this.writeU64(address, value % TWO_32, hi >= 0x8000 ? hi + 0xffff_0000 : hi);
  }

  writeDouble(address: number, value: number): void {
    if (this.inPage(address, 8)) {
      this.view.setFloat64(this.locateWrite(address, 8), value, true);
      return;
    }
    const whole = new DataView(new ArrayBuffer(8));
    whole.setFloat64(0, value, true);
    this.writeSplit(address, whole.getUint32(0, true), whole.getUint32(4, true), 8);
  }

  /** A value across two pages: both are made writable before either changes. */
  private writeSplit(address: number, lo: number, hi: number, length: number): void {
    this.probeWrite(address, length);
    for (let done = 0; done < length; done++) {
      const word = done < 4 ? lo : hi;
      this.bytes[this.locateWrite(address + done, 1)] = word >>> ((done & 3) * 8);
    }
  }

  /** A copy of the bytes at the address. */
  readBytes(address: number, length: number): Uint8Array {
    if (length > 0x1_0000) this.probeRead(address, length);
    const target = new Uint8Array(length);
    this.readInto(address, target);
    return target;
  }

  readInto(address: number, target: Uint8Array): void {
    let done = 0;
    while (done < target.length) {
      const offset = this.locate(address + done, READ);
      const chunk = Math.min(target.length - done, 4096 - (offset & 0xfff));
      target.set(this.bytes.subarray(offset, offset + chunk), done);
      done += chunk;
    }
  }

  /** Stores bytes; when a page refuses, those before it have changed (probeWrite first where that matters). */
  writeBytes(address: number, source: Uint8Array): void {
    let done = 0;
    while (done < source.length) {
      const chunk = Math.min(source.length - done, 4096 - ((address + done) % 4096));
      const offset = this.locateWrite(address + done, chunk);
      this.bytes.set(source.subarray(done, done + chunk), offset);
      done += chunk;
    }
  }

  fill(address: number, length: number, byte: number): void {
    let done = 0;
    while (done < length) {
      const chunk = Math.min(length - done, 4096 - ((address + done) % 4096));
      const offset = this.locateWrite(address + done, chunk);
      this.bytes.fill(byte, offset, offset + chunk);
      done += chunk;
    }
  }

  /** Copies bytes within the address space; overlapping ranges come out right (memmove). */
  copy(to: number, from: number, length: number): void {
    if (to > from && to < from + length) this.copyDown(to, from, length);
    else this.copyUp(to, from, length);
  }

  private copyUp(to: number, from: number, length: number): void {
    let done = 0;
    while (done < length) {
      const chunk = Math.min(length - done, 4096 - ((from + done) % 4096), 4096 - ((to + done) % 4096));
      this.copyChunk(to + done, from + done, chunk);
      done += chunk;
    }
  }

  private copyDown(to: number, from: number, length: number): void {
    let left = length;
    while (left > 0) {
      const chunk = Math.min(left, ((from + left - 1) % 4096) + 1, ((to + left - 1) % 4096) + 1);
      left -= chunk;
      this.copyChunk(to + left, from + left, chunk);
    }
  }

  /** Both ranges lie in one page each. A fault on the target may take the source's frame: the source is asked for again then. */
  private copyChunk(to: number, from: number, length: number): void {
    let source = 0;
    let target = 0;
    do {
      this.locate(from, READ);
      target = this.locateWrite(to, length);
      source = this.mm.processor.translate(from, READ);
    } while (source === 0);
    this.bytes.copyWithin(target, source, source + length);
  }

  /** Bytes up to a zero byte, or `maxBytes` of them, as Latin-1. */
  readAnsi(address: number, maxBytes = Number.MAX_SAFE_INTEGER): string {
    let text = '';
    let at = address;
    while (at - address < maxBytes) {
      const offset = this.locate(at, READ);
      const most = Math.min(4096 - (offset & 0xfff), maxBytes - (at - address));
      const bytes = this.bytes.subarray(offset, offset + most);
      const end = bytes.indexOf(0);
      text = this.append(text, end < 0 ? bytes : bytes.subarray(0, end), at);
      if (end >= 0) return text;
      at += most;
    }
    return text;
  }

  /** UTF-16 units up to a zero unit, or `maxUnits` of them. */
  readUtf16(address: number, maxUnits = Number.MAX_SAFE_INTEGER): string {
    const { units } = this;
    let text = '';
    for (let done = 0; done < maxUnits; ) {
      const at = address + done * 2;
      const inPage = Math.min(Math.floor((4096 - (at % 4096)) / 2), maxUnits - done);
      let count = 0;
      let ended = false;
      if (inPage > 0) {
        const offset = this.locate(at, READ);
        while (count < inPage && !ended) {
          const unit = this.view.getUint16(offset + count * 2, true);
          if (unit === 0) ended = true;
          else units[count++] = unit;
        }
      } else {
        const unit = this.readU16(at);
        if (unit === 0) ended = true;
        else units[count++] = unit;
      }
      text = this.append(text, units.subarray(0, count), at);
      if (ended) return text;
      done += count;
    }
    return text;
  }

  /** A text and the next characters. No text of a program may take more of the host than MAXIMUM_TEXT characters. */
  private append(text: string, characters: Uint8Array | Uint16Array, address: number): string {
    if (text.length + characters.length > MAXIMUM_TEXT)
      throw new GuestFault(STATUS_NO_MEMORY, address, false);
    return text + String.fromCharCode(...characters);
  }

  /** Stores a string as Latin-1 without a terminator; characters above 0xFF become '?'. */
  writeAnsi(address: number, text: string): void {
    const bytes = new Uint8Array(text.length);
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      bytes[index] = unit > 0xff ? 0x3f : unit;
    }
    this.writeBytes(address, bytes);
  }

  /** Stores a string as UTF-16 without a terminator. */
  writeUtf16(address: number, text: string): void {
    const bytes = new Uint8Array(text.length * 2);
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      bytes[index * 2] = unit;
      bytes[index * 2 + 1] = unit >>> 8;
    }
    this.writeBytes(address, bytes);
  }

  /** Offset from the address of the first byte with this value within `max` bytes, or -1. Touches no page after it. */
  findByte(address: number, byte: number, max: number): number {
    let at = 0;
    while (at < max) {
      const offset = this.locate(address + at, READ);
      const end = offset + Math.min(4096 - (offset & 0xfff), max - at);
      const found = this.bytes.subarray(offset, end).indexOf(byte);
      if (found >= 0) return at + found;
      at += end - offset;
    }
    return -1;
  }

  /** Difference of the first bytes that differ (as memcmp: negative, 0, positive). */
  compare(a: number, b: number, length: number): number {
    let done = 0;
    while (done < length) {
      const chunk = Math.min(length - done, 4096 - ((a + done) % 4096), 4096 - ((b + done) % 4096));
      let left = 0;
      let right = 0;
      do {
        this.locate(a + done, READ);
        right = this.locate(b + done, READ);
        left = this.mm.processor.translate(a + done, READ);
      } while (left === 0);
      for (let index = 0; index < chunk; index++) {
        const difference = this.bytes[left + index]! - this.bytes[right + index]!;
        if (difference !== 0) return difference;
      }
      done += chunk;
    }
    return 0;
  }

  /** Faults in every page of a range for reading, before anything changes. */
  probeRead(address: number, length: number): void {
    this.probe(address, length, READ);
  }

  /** Faults in every page of a range for writing, before anything changes. */
  probeWrite(address: number, length: number): void {
    this.probe(address, length, WRITE);
  }

  private probe(address: number, length: number, access: number): void {
    let done = 0;
    while (done < length) {
      this.locate(address + done, access);
      done += 4096 - ((address + done) % 4096);
    }
  }
}
