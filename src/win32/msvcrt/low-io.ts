/**
 * Low-level files: descriptors over handles, with the translation of text mode (CR LF on disk, LF in memory).
 * Source: "Low-level I/O", "_open", "_read", "_write", "Text and binary mode file I/O", Microsoft.
 */
import { STATUS_END_OF_FILE, STATUS_PIPE_BROKEN, STATUS_SUCCESS } from '../../base/ntstatus.js';
import { type FileInformation, queryInformationFile, setFilePosition } from '../../nt/file-information.js';
import { readFile, writeFileNow } from '../../nt/io.js';
import { closeHandle } from '../../nt/object-manager.js';
import { PENDING, type ServiceCall } from '../../nt/service.js';
import { standardHandle } from '../kernel32/process-parameters.js';
import { dosErrorOf } from '../ntdll/dos-error.js';
import { EBADF, EINVAL, EMFILE, ENOSPC, ESPIPE, errnoOfWin32 } from './errno.js';
import { block, crtState, type LowFile, setErrno, THREAD_DOS_ERROR, threadData } from './state.js';

export const FOPEN = 0x01;
/** Ctrl+Z was read. */
export const FEOFLAG = 0x02;
export const FPIPE = 0x08;
export const FNOINHERIT = 0x10;
export const FAPPEND = 0x20;
export const FDEV = 0x40;
export const FTEXT = 0x80;

export const SEEK_SET = 0;
export const SEEK_CUR = 1;
export const SEEK_END = 2;

export const MAXIMUM_FILES = 2048;
const LF = 10;
const CR = 13;
const CONTROL_Z = 26;
const TRANSLATION_BYTES = 0x2000;
const ERROR_NOT_SUPPORTED_SEEK = 131;

/** Thrown when a read must wait for the console: the wait is arranged already, the service answers PENDING. */
export class Blocked extends Error {}

const transfer = { information: 0 };

/** Sets _doserrno and errno from an NTSTATUS; returns -1. */
export function failWithStatus(call: ServiceCall, status: number): number {
  const error = dosErrorOf(status);
  call.memory.writeU32(threadData(call) + THREAD_DOS_ERROR, error);
  setErrno(call, errnoOfWin32(error));
  return -1;
}

/** Sets _doserrno to 0 and errno; returns -1. */
export function failWithErrno(call: ServiceCall, errno: number): number {
  call.memory.writeU32(threadData(call) + THREAD_DOS_ERROR, 0);
  setErrno(call, errno);
  return -1;
}

/** Descriptors 0, 1 and 2 from the standard handles, where the parent handed none down. */
export function openStandardFiles(call: ServiceCall): void {
  const { files } = crtState(call);
  for (let index = 0; index < 3; index++) {
    if (files[index]) continue;
    const handle = standardHandle(call, index);
    const information = queryInformationFile(call.kernel, call.process, handle);
    if (handle === 0 || typeof information === 'number') files[index] = null;
    else files[index] = makeFile(handle, FOPEN | FTEXT | deviceFlags(information));
  }
}

/** FPIPE or FDEV of what is no file on disk. */
export function deviceFlags({ device }: FileInformation): number {
  if (device === 'pipe') return FPIPE;
  return device === 'disk' ? 0 : FDEV;
}

export function makeFile(handle: number, flags: number): LowFile {
  return { handle, flags, lookahead: -1, readStart: 0 };
}

/** The open file of a descriptor, or null with errno set. */
export function lowFile(call: ServiceCall, descriptor: number): LowFile | null {
  const file = crtState(call).files[descriptor] ?? null;
  if (file === null) failWithErrno(call, EBADF);
  return file;
}

/** A new descriptor, the lowest that is free; -1 with errno when there is none. */
export function addFile(call: ServiceCall, handle: number, flags: number): number {
  const { files } = crtState(call);
  let descriptor = 0;
  while (descriptor < files.length && files[descriptor] !== null) descriptor++;
  if (descriptor >= MAXIMUM_FILES) return failWithErrno(call, EMFILE);
  files[descriptor] = makeFile(handle, flags);
  return descriptor;
}

export function isDevice(call: ServiceCall, descriptor: number): boolean {
  return ((crtState(call).files[descriptor]?.flags ?? 0) & FDEV) !== 0;
}

/** Bytes into guest memory; how many, or -1 with errno. Throws Blocked. */
function readRaw(call: ServiceCall, file: LowFile, buffer: number, count: number): number {
  const status = readFile(call, file.handle, buffer, count, null, transfer);
  if (status === PENDING) throw new Blocked();
  if (status === STATUS_SUCCESS) return transfer.information;
  return status === STATUS_END_OF_FILE || status === STATUS_PIPE_BROKEN ? 0 : failWithStatus(call, status);
}

/** Reads up to `count` bytes into guest memory (_read): how many, 0 at the end, -1 with errno. Throws Blocked. */
export function lowRead(call: ServiceCall, descriptor: number, buffer: number, count: number): number {
  const file = lowFile(call, descriptor);
  if (file === null) return -1;
  if (count > 0x7fffffff) return failWithErrno(call, EINVAL);
  if (count === 0 || file.flags & FEOFLAG) return 0;
  const start = position(call, file);
  const ahead = file.lookahead < 0 ? 0 : 1;
  if (ahead === 1) {
    call.memory.writeU8(buffer, file.lookahead);
    call.memory.commit();
    file.lookahead = -1;
  }
  const read = readAfter(call, file, buffer + ahead, count - ahead, ahead);
  if (read < 0) return -1;
  const total = ahead + read;
  if (total > 0) file.readStart = start;
  return file.flags & FTEXT ? translateInput(call, file, buffer, total) : total;
}

/** A device gives what it has: with a byte read ahead there is no need to wait for more. */
function readAfter(call: ServiceCall, file: LowFile, buffer: number, count: number, ahead: number): number {
  if (count === 0 || (ahead === 1 && call.memory.readU8(buffer - 1) === LF)) return 0;
  return readRaw(call, file, buffer, count);
}

/** Turns CR LF into LF and stops at Ctrl+Z, in place; returns how many bytes remain. */
function translateInput(call: ServiceCall, file: LowFile, buffer: number, count: number): number {
  const bytes = call.memory.readBytes(buffer, count);
  let to = 0;
  for (let from = 0; from < count; from++) {
    const byte = bytes[from]!;
    if (byte === CONTROL_Z) {
      if (file.flags & FDEV) bytes[to++] = byte;
      else file.flags |= FEOFLAG;
      break;
    }
    if (byte !== CR) bytes[to++] = byte;
    else if (from + 1 < count) {
      if (bytes[from + 1] !== LF) bytes[to++] = CR;
    } else {
      const last = lastCarriageReturn(call, file, to === 0);
      if (last >= 0) bytes[to++] = last;
    }
  }
  call.memory.writeBytes(buffer, bytes.subarray(0, to));
  return to;
}

/** What a CR at the end of what was read stands for, after a look at the next byte: CR, LF, or -1 when LF comes next time. */
function lastCarriageReturn(call: ServiceCall, file: LowFile, isOnly: boolean): number {
  const scratch = translationBuffer(call);
  if (readRaw(call, file, scratch, 1) <= 0) return CR;
  const next = call.memory.readU8(scratch);
  if (next === LF && isOnly) return LF;
  if (file.flags & FDEV) file.lookahead = next;
  else setFilePosition(call.kernel, call.process, file.handle, position(call, file) - 1);
  return next === LF ? -1 : CR;
}

function translationBuffer(call: ServiceCall): number {
  return block(call, 'translation', TRANSLATION_BYTES);
}

/** Byte offset of the file's next read or write; 0 for a device. */
function position(call: ServiceCall, file: LowFile): number {
  const information = queryInformationFile(call.kernel, call.process, file.handle);
  return typeof information === 'number' ? 0 : information.position;
}

/** Writes from guest memory (_write): how many of the bytes, as the caller counts them, or -1 with errno. */
export function lowWrite(call: ServiceCall, descriptor: number, buffer: number, count: number): number {
  const file = lowFile(call, descriptor);
  if (file === null) return -1;
  if (count === 0) return 0;
  if (file.flags & FAPPEND) lowSeek(call, descriptor, 0, SEEK_END);
  if (!(file.flags & FTEXT)) return writeRaw(call, file, buffer, count);
  call.memory.probeRead(buffer, count);
  for (let done = 0; done < count; ) {
    const part = Math.min(TRANSLATION_BYTES, count - done);
    const written = writeText(call, file, call.memory.readBytes(buffer + done, part), buffer + done);
    if (written < 0 && done === 0) return -1;
    done += Math.max(written, 0);
    if (written < part) return done;
  }
  return count;
}

/** Bytes that are not in guest memory. */
export function lowWriteBytes(call: ServiceCall, descriptor: number, bytes: Uint8Array): number {
  const file = lowFile(call, descriptor);
  if (file === null) return -1;
  if (file.flags & FAPPEND) lowSeek(call, descriptor, 0, SEEK_END);
  return file.flags & FTEXT ? writeText(call, file, bytes, 0) : writeChunks(call, file, bytes);
}

function writeRaw(call: ServiceCall, file: LowFile, buffer: number, count: number): number {
  const status = writeFileNow(call, file.handle, buffer, count, null, transfer);
  if (status !== STATUS_SUCCESS) return failWithStatus(call, status);
  if (transfer.information === 0 && !(file.flags & FDEV)) return failWithErrno(call, ENOSPC);
  return transfer.information;
}

function writeChunks(call: ServiceCall, file: LowFile, bytes: Uint8Array): number {
  const buffer = translationBuffer(call);
  for (let done = 0; done < bytes.length; done += TRANSLATION_BYTES) {
    const part = bytes.subarray(done, done + TRANSLATION_BYTES);
    call.memory.writeBytes(buffer, part);
    if (writeRaw(call, file, buffer, part.length) < 0) return done === 0 ? -1 : done;
  }
  return bytes.length;
}

/** `buffer`: where the bytes lie in guest memory, 0 for nowhere; used when there is nothing to translate. */
function writeText(call: ServiceCall, file: LowFile, bytes: Uint8Array, buffer: number): number {
  let lines = 0;
  for (const byte of bytes) if (byte === LF) lines++;
  if (lines === 0 && buffer !== 0) return writeRaw(call, file, buffer, bytes.length);
  const translated = new Uint8Array(bytes.length + lines);
  let to = 0;
  for (const byte of bytes) {
    if (byte === LF) translated[to++] = CR;
    translated[to++] = byte;
  }
  const written = writeChunks(call, file, translated);
  if (written < 0 || written === translated.length) return written < 0 ? -1 : bytes.length;
  return Math.max(written - lines, 0);
}

/** Closes a descriptor (_close): 0, or -1 with errno. */
export function lowClose(call: ServiceCall, descriptor: number): number {
  const file = lowFile(call, descriptor);
  if (file === null) return -1;
  call.memory.commit();
  crtState(call).files[descriptor] = null;
  const status = closeHandle(call.kernel, call.process, file.handle);
  return status === STATUS_SUCCESS ? 0 : failWithStatus(call, status);
}

/** Moves a descriptor's place (_lseeki64): the new byte offset, or -1 with errno. */
export function lowSeek(call: ServiceCall, descriptor: number, offset: number, origin: number): number {
  const file = lowFile(call, descriptor);
  if (file === null) return -1;
  const information = queryInformationFile(call.kernel, call.process, file.handle);
  if (typeof information === 'number') return failWithStatus(call, information);
  if (information.device !== 'disk') {
    call.memory.writeU32(threadData(call) + THREAD_DOS_ERROR, ERROR_NOT_SUPPORTED_SEEK);
    setErrno(call, ESPIPE);
    return -1;
  }
  const base = origin === SEEK_SET ? 0 : origin === SEEK_CUR ? information.position : information.size;
  const target = base + offset;
  if (target < 0 || origin < SEEK_SET || origin > SEEK_END) return failWithErrno(call, EINVAL);
  const status = setFilePosition(call.kernel, call.process, file.handle, target);
  if (status !== STATUS_SUCCESS) return failWithStatus(call, status);
  file.flags &= ~FEOFLAG;
  file.lookahead = -1;
  return target;
}

/** Raw bytes of the file that the first `count` bytes of what was read last came from. */
export function rawLength(call: ServiceCall, file: LowFile, count: number): number {
  if (!(file.flags & FTEXT)) return count;
  const end = position(call, file);
  const raw = countRaw(call, file, count);
  setFilePosition(call.kernel, call.process, file.handle, end);
  return raw;
}

function countRaw(call: ServiceCall, file: LowFile, count: number): number {
  const scratch = translationBuffer(call);
  let raw = 0;
  let seen = 0;
  let previousWasCr = false;
  while (seen < count) {
    const status = readFile(call, file.handle, scratch, TRANSLATION_BYTES, file.readStart + raw, transfer);
    if (status !== STATUS_SUCCESS) break;
    const bytes = call.memory.readBytes(scratch, transfer.information);
    for (let index = 0; index < bytes.length && seen < count; index++) {
      raw++;
      const isPair = previousWasCr && bytes[index] === LF;
      previousWasCr = bytes[index] === CR;
      if (!isPair) seen++;
    }
    // The LF of a pair whose CR was the last counted byte belongs to it.
    if (seen === count && previousWasCr) raw += nextIsLineFeed(call, file, scratch, raw) ? 1 : 0;
  }
  return raw;
}

function nextIsLineFeed(call: ServiceCall, file: LowFile, scratch: number, raw: number): boolean {
  const status = readFile(call, file.handle, scratch, 1, file.readStart + raw, transfer);
  return status === STATUS_SUCCESS && call.memory.readU8(scratch) === LF;
}

/** Byte offset where the file's last read ended. */
export function currentPosition(call: ServiceCall, descriptor: number): number {
  return lowSeek(call, descriptor, 0, SEEK_CUR);
}
