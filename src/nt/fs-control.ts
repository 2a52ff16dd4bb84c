/**
 * File system controls (FSCTL codes) that programs send to files and pipes: NtFsControlFile, and DeviceIoControl for these codes.
 * Sources: Microsoft, [MS-FSCC] "FSCTL Structures", "FSCTL_SET_ZERO_DATA", "FSCTL_QUERY_ALLOCATED_RANGES", "FSCTL_PIPE_PEEK".
 */
import {
  STATUS_ACCESS_DENIED,
  STATUS_BUFFER_OVERFLOW,
  STATUS_BUFFER_TOO_SMALL,
  STATUS_INSUFFICIENT_RESOURCES,
  STATUS_INVALID_DEVICE_REQUEST,
  STATUS_INVALID_PARAMETER,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import { HostIoError } from '../mm/backing-file.js';
import { writeCachedFile } from '../mm/file-cache.js';
import { FILE_WRITE_ATTRIBUTES, FILE_WRITE_DATA } from './access.js';
import type { FileObject } from './file-object.js';
import { FILE_ATTRIBUTE_ARCHIVE } from './file-object.js';
import { foldPath } from './file-system.js';
import { disconnectPipe, listenPipe, peekPipe } from './pipe-io.js';
import type { PENDING, ServiceCall } from './service.js';

const FSCTL_IS_VOLUME_MOUNTED = 0x90028;
const FSCTL_GET_COMPRESSION = 0x9003c;
const FSCTL_SET_SPARSE = 0x900c4;
const FSCTL_QUERY_ALLOCATED_RANGES = 0x940cf;
const FSCTL_SET_ZERO_DATA = 0x980c8;
const FSCTL_PIPE_DISCONNECT = 0x110004;
const FSCTL_PIPE_LISTEN = 0x110008;
const FSCTL_PIPE_PEEK = 0x11400c;

const FILE_ATTRIBUTE_SPARSE_FILE = 0x200;
const ZERO_CHUNK = 0x10000;
/** Most bytes that one call zeroes; a bound of ours, so that a program cannot have the host write without end. */
const MOST_ZEROES = 2 ** 28;
const PEEK_DATA = 0x10;

/** The buffers of a control: addresses and bytes. */
export interface ControlBuffers {
  readonly input: number;
  readonly inputBytes: number;
  readonly output: number;
  readonly outputBytes: number;
}

type Control = (
  call: ServiceCall,
  file: FileObject,
  buffers: ControlBuffers,
  out: { information: number },
) => number | typeof PENDING;

/** A LARGE_INTEGER as a number. */
function readOffset(call: ServiceCall, at: number): number {
  return call.memory.readI32(at + 4) * 2 ** 32 + call.memory.readU32(at);
}

function writeOffset(call: ServiceCall, at: number, value: number): void {
  call.memory.writeU64(at, value % 2 ** 32, Math.floor(value / 2 ** 32));
}

/** FSCTL_SET_SPARSE: the file is marked (BOOLEAN, true when there is no input); the host's files are sparse where it makes them so. */
const setSparse: Control = (call, file, { input, inputBytes }) => {
  if (file.file === null || file.location === null) return STATUS_INVALID_PARAMETER;
  if (!(file.access & (FILE_WRITE_DATA | FILE_WRITE_ATTRIBUTES))) return STATUS_ACCESS_DENIED;
  const isSparse = inputBytes === 0 || call.memory.readU8(input) !== 0;
  call.memory.commit();
  const { attributes } = call.kernel.fileSystem;
  const key = foldPath(file.location.drive, file.location.path);
  const before = attributes.get(key) ?? FILE_ATTRIBUTE_ARCHIVE;
  attributes.set(key, isSparse ? before | FILE_ATTRIBUTE_SPARSE_FILE : before & ~FILE_ATTRIBUTE_SPARSE_FILE);
  return STATUS_SUCCESS;
};

/** FSCTL_SET_ZERO_DATA: from a byte offset to before another, within the file. */
const setZeroData: Control = (call, file, { input, inputBytes }) => {
  if (file.file === null) return STATUS_INVALID_PARAMETER;
  if (!(file.access & FILE_WRITE_DATA)) return STATUS_ACCESS_DENIED;
  if (inputBytes < 16) return STATUS_INVALID_PARAMETER;
  const [start, beyond] = [readOffset(call, input), readOffset(call, input + 8)];
  if (start < 0 || beyond < start) return STATUS_INVALID_PARAMETER;
  const end = Math.min(beyond, file.file.size);
  if (end - start > MOST_ZEROES) return STATUS_INSUFFICIENT_RESOURCES;
  call.memory.commit();
  const zeroes = new Uint8Array(ZERO_CHUNK);
  try {
    for (let at = start; at < end; at += ZERO_CHUNK)
      writeCachedFile(call.kernel.mm, file.file, at, zeroes.subarray(0, Math.min(ZERO_CHUNK, end - at)));
    return STATUS_SUCCESS;
  } catch (error) {
    if (error instanceof HostIoError) return error.status;
    throw error;
  }
};

/** FSCTL_QUERY_ALLOCATED_RANGES: what of the range asked for lies in the file, as one range. */
const queryAllocatedRanges: Control = (call, file, buffers, out) => {
  if (file.file === null || buffers.inputBytes < 16) return STATUS_INVALID_PARAMETER;
  const [start, length] = [readOffset(call, buffers.input), readOffset(call, buffers.input + 8)];
  if (start < 0 || length < 0) return STATUS_INVALID_PARAMETER;
  const end = Math.min(start + length, file.file.size);
  if (end <= start) return STATUS_SUCCESS;
  if (buffers.outputBytes < 16) return STATUS_BUFFER_TOO_SMALL;
  call.memory.probeWrite(buffers.output, 16);
  writeOffset(call, buffers.output, start);
  writeOffset(call, buffers.output + 8, end - start);
  out.information = 16;
  return STATUS_SUCCESS;
};

/** FSCTL_GET_COMPRESSION: COMPRESSION_FORMAT_NONE. */
const getCompression: Control = (call, file, { output, outputBytes }, out) => {
  if (file.device !== 'disk') return STATUS_INVALID_DEVICE_REQUEST;
  if (outputBytes < 2) return STATUS_BUFFER_TOO_SMALL;
  call.memory.writeU16(output, 0);
  out.information = 2;
  return STATUS_SUCCESS;
};

/** FSCTL_PIPE_PEEK: state, bytes that can be read, messages, bytes of the first message, then the bytes. */
const peek: Control = (call, file, { output, outputBytes }, out) => {
  if (file.pipe === null) return STATUS_INVALID_DEVICE_REQUEST;
  if (outputBytes < PEEK_DATA) return STATUS_BUFFER_TOO_SMALL;
  const found = peekPipe(file.pipe, outputBytes - PEEK_DATA);
  if (typeof found === 'number') return found;
  const { bytes, available, leftOfMessage } = found;
  call.memory.probeWrite(output, PEEK_DATA + bytes.length);
  const { keepsMessages, state } = file.pipe.pipe;
  const messages = keepsMessages ? file.pipe.incoming.count : 0;
  const length = keepsMessages ? file.pipe.incoming.firstBytes : 0;
  [state, available, messages, length].forEach((value, index) => {
    call.memory.writeU32(output + 4 * index, value);
  });
  call.memory.writeBytes(output + PEEK_DATA, bytes);
  out.information = PEEK_DATA + bytes.length;
  return leftOfMessage > 0 ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
};

const ofPipe =
  (operation: (call: ServiceCall, file: FileObject) => number | typeof PENDING): Control =>
  (call, file) =>
    file.pipe === null ? STATUS_INVALID_DEVICE_REQUEST : operation(call, file);

const CONTROLS: Readonly<Record<number, Control>> = {
  [FSCTL_IS_VOLUME_MOUNTED]: (_call, file) =>
    file.device === 'disk' ? STATUS_SUCCESS : STATUS_INVALID_DEVICE_REQUEST,
  [FSCTL_GET_COMPRESSION]: getCompression,
  [FSCTL_SET_SPARSE]: setSparse,
  [FSCTL_QUERY_ALLOCATED_RANGES]: queryAllocatedRanges,
  [FSCTL_SET_ZERO_DATA]: setZeroData,
  [FSCTL_PIPE_DISCONNECT]: ofPipe((call, { pipe }) => disconnectPipe(call.kernel, pipe!)),
  [FSCTL_PIPE_LISTEN]: ofPipe((call, { pipe }) => listenPipe(call, pipe!)),
  [FSCTL_PIPE_PEEK]: peek,
};

/** Runs a control; `out.information`: bytes of output. STATUS_INVALID_DEVICE_REQUEST for codes that are not known. */
export function fsControl(
  call: ServiceCall,
  file: FileObject,
  code: number,
  buffers: ControlBuffers,
  out: { information: number },
): number | typeof PENDING {
  out.information = 0;
  return CONTROLS[code]?.(call, file, buffers, out) ?? STATUS_INVALID_DEVICE_REQUEST;
}
