/** Native services of files. Sources: Microsoft, "NtCreateFile function (winternl.h)", "NtReadFile function", "File information classes". */
import {
  ntSuccess,
  STATUS_BUFFER_OVERFLOW,
  STATUS_INFO_LENGTH_MISMATCH,
  STATUS_INVALID_INFO_CLASS,
  STATUS_INVALID_PARAMETER,
  STATUS_NOT_FOUND,
  STATUS_OBJECT_NAME_INVALID,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import { createFile, type FileOpenRequest } from '../../nt/create-file.js';
import {
  queryAttributesFile,
  queryInformationFile,
  renameFile,
  setDeleteDisposition,
  setEndOfFile,
  setFileAttributes,
  setFilePosition,
  setFileTimes,
} from '../../nt/file-information.js';
import { lockFile, unlockFile } from '../../nt/file-locks.js';
import {
  FILE_DELETE_ON_CLOSE,
  FILE_OPEN,
  FILE_SHARE_DELETE,
  FILE_SHARE_READ,
  FILE_SHARE_WRITE,
  type FileObject,
} from '../../nt/file-object.js';
import { fsControl } from '../../nt/fs-control.js';
import { fileOfHandle, flushFile } from '../../nt/io.js';
import { announceInline, cancelFileRequests, eventOfHandle, type IoTarget } from '../../nt/io-request.js';
import { closeHandle, referenceByHandle } from '../../nt/object-manager.js';
import { PENDING, type ServiceCall, type ServiceFunction, type ServiceResult } from '../../nt/service.js';
import { startTransfer } from '../../nt/transfer.js';
import {
  nativeServices,
  probeStatusBlock,
  readLargeInteger,
  readObjectAttributes,
  writeHandle,
  writeStatusBlock,
} from './arguments.js';
import { LISTING_BYTES, listInto, readTimes } from './directory-listing.js';
import {
  ALIGNMENT,
  ATTRIBUTE_TAG,
  BASIC,
  BOTH_DIRECTORY,
  COMPRESSION,
  DIRECTORY,
  type DirectoryLayout,
  EXTENDED_ATTRIBUTES,
  FILE_ID,
  FULL_DIRECTORY,
  ID_BOTH_DIRECTORY,
  ID_FULL_DIRECTORY,
  INTERNAL,
  NAMES,
  NETWORK_OPEN,
  POSITION,
  type Recipe,
  STANDARD,
} from './file-records.js';
import { readUnicodeString } from './strings.js';

const SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
const DELETE_ACCESS = 0x10000;

/** FILE_INFORMATION_CLASS. */
const FILE_DIRECTORY_INFORMATION = 1;
const FILE_FULL_DIRECTORY_INFORMATION = 2;
const FILE_BOTH_DIRECTORY_INFORMATION = 3;
const FILE_BASIC_INFORMATION = 4;
const FILE_STANDARD_INFORMATION = 5;
const FILE_INTERNAL_INFORMATION = 6;
const FILE_EA_INFORMATION = 7;
const FILE_NAME_INFORMATION = 9;
const FILE_RENAME_INFORMATION = 10;
const FILE_NAMES_INFORMATION = 12;
const FILE_DISPOSITION_INFORMATION = 13;
const FILE_POSITION_INFORMATION = 14;
const FILE_ALIGNMENT_INFORMATION = 17;
const FILE_END_OF_FILE_INFORMATION = 20;
const FILE_COMPRESSION_INFORMATION = 28;
const FILE_NETWORK_OPEN_INFORMATION = 34;
const FILE_ATTRIBUTE_TAG_INFORMATION = 35;
const FILE_ID_BOTH_DIRECTORY_INFORMATION = 37;
const FILE_ID_FULL_DIRECTORY_INFORMATION = 38;
const FILE_ID_INFORMATION = 59;
const MINIMUM_NAME_BYTES = 8;

/** Offsets that mean: the end of the file, the file's own position. */
const WRITE_TO_END = -1;
const USE_FILE_POSITION = -2;

function open(
  call: ServiceCall,
  attributes: number,
  share: number,
  disposition: number,
  options: number,
): ServiceResult {
  const [handleAt, statusAt] = [call.address(0), call.address(3)];
  call.memory.probeWrite(handleAt, 8);
  probeStatusBlock(call, statusAt);
  const { name, rootDirectory, handleFlags } = readObjectAttributes(call, call.address(2));
  const path = name === null ? null : fullName(call, rootDirectory, name);
  if (path === null) return STATUS_OBJECT_NAME_INVALID;
  const request: FileOpenRequest = {
    path,
    access: call.u32(1),
    share,
    disposition,
    options,
    attributes,
    handleFlags,
  };
  const out = { handle: 0, information: 0 };
  const status = createFile(call.kernel, call.process, request, out);
  if (!ntSuccess(status)) return status;
  writeHandle(call, handleAt, out.handle);
  return writeStatusBlock(call, statusAt, status, out.information);
}

/** The NT path of a name that may begin in an open directory; null when that is none. */
function fullName(call: ServiceCall, rootDirectory: number, name: string): string | null {
  if (rootDirectory === 0) return name;
  const object = referenceByHandle(call.kernel, call.process, rootDirectory, 'file', 0);
  if (typeof object === 'number' || !(object as FileObject).isDirectory) return null;
  const { path } = object as FileObject;
  return `\\??\\${path}${path.endsWith('\\') ? '' : '\\'}${name}`;
}

/** (*handle, access, attributes, ioStatus, *allocationSize, attributes, share, disposition, options, ea, eaLength). */
const create: ServiceFunction = (call) => open(call, call.u32(5), call.u32(6), call.u32(7), call.u32(8));

/** (*handle, access, attributes, ioStatus, share, options). */
const openFile: ServiceFunction = (call) => open(call, 0, call.u32(4), FILE_OPEN, call.u32(5));

/** Where a transfer begins: null for the file's own position. */
function transferOffset(call: ServiceCall, address: number): number | null {
  const offset = readLargeInteger(call, address);
  return offset === USE_FILE_POSITION ? null : offset;
}

/** What a service that may end later is told of where to tell its end: (file, event, apc, apcContext, ioStatus, …); a number is the NTSTATUS. */
function targetOf(call: ServiceCall): IoTarget | number {
  probeStatusBlock(call, call.address(4));
  const event = eventOfHandle(call, call.handle(1));
  if (typeof event === 'number') return event;
  const apc = call.address(2) === 0 ? null : ([call.lo(2), call.hi(2)] as const);
  return { statusBlock: call.address(4), event, apc, context: [call.lo(3), call.hi(3)] };
}

/** (file, event, apc, apcContext, ioStatus, buffer, length, *offset, *key). */
const transfer =
  (operation: 'read' | 'write'): ServiceFunction =>
  (call) => {
    const target = targetOf(call);
    if (typeof target === 'number') return target;
    const offset = transferOffset(call, call.address(7));
    if (offset !== null && offset < (operation === 'read' ? 0 : WRITE_TO_END))
      return STATUS_INVALID_PARAMETER;
    const [handle, buffer, length] = [call.handle(0), call.address(5), call.u32(6)];
    const out = { information: 0 };
    const status = startTransfer(call, { operation, handle, buffer, length, offset }, target, out);
    if (status !== PENDING && status >= 0xc0000000)
      writeStatusBlock(call, target.statusBlock, status, out.information);
    return status;
  };

/** (file, ioStatus). */
const flush: ServiceFunction = (call) => {
  probeStatusBlock(call, call.address(1));
  const status = flushFile(call, call.handle(0));
  return status === PENDING ? PENDING : writeStatusBlock(call, call.address(1), status, 0);
};

/** (file, ioStatus): requests of the calling thread. (file, *request, ioStatus): of all threads, or one alone. */
const cancelIo =
  (extended: boolean): ServiceFunction =>
  (call) => {
    const statusAt = call.address(extended ? 2 : 1);
    probeStatusBlock(call, statusAt);
    const file = fileOfHandle(call.kernel, call.process, call.handle(0), 0);
    if (typeof file === 'number') return file;
    const request = extended ? call.address(1) : 0;
    const thread = extended ? null : call.thread;
    const status = cancelFileRequests(call.kernel, call.process, file, request, thread);
    const answer = status === STATUS_NOT_FOUND && !extended ? STATUS_SUCCESS : status;
    return writeStatusBlock(call, statusAt, answer, 0);
  };

/** Writers of what classes answer. */
const QUERIES: Readonly<Record<number, Recipe>> = {
  [FILE_BASIC_INFORMATION]: BASIC,
  [FILE_STANDARD_INFORMATION]: STANDARD,
  [FILE_INTERNAL_INFORMATION]: INTERNAL,
  [FILE_EA_INFORMATION]: EXTENDED_ATTRIBUTES,
  [FILE_POSITION_INFORMATION]: POSITION,
  [FILE_ALIGNMENT_INFORMATION]: ALIGNMENT,
  [FILE_COMPRESSION_INFORMATION]: COMPRESSION,
  [FILE_NETWORK_OPEN_INFORMATION]: NETWORK_OPEN,
  [FILE_ATTRIBUTE_TAG_INFORMATION]: ATTRIBUTE_TAG,
  [FILE_ID_INFORMATION]: FILE_ID,
};

/** (file, ioStatus, buffer, length, class). */
const queryInformation: ServiceFunction = (call) => {
  const [statusAt, buffer, length, kind] = [call.address(1), call.address(2), call.u32(3), call.u32(4)];
  probeStatusBlock(call, statusAt);
  const [bytes, fill] = QUERIES[kind] ?? [MINIMUM_NAME_BYTES, null];
  if (fill === null && kind !== FILE_NAME_INFORMATION) return STATUS_INVALID_INFO_CLASS;
  if (length < bytes) return STATUS_INFO_LENGTH_MISMATCH;
  const file = queryInformationFile(call.kernel, call.process, call.handle(0));
  if (typeof file === 'number') return file;
  if (fill === null) return writeName(call, statusAt, buffer, length, file.path.slice(2));
  call.memory.probeWrite(buffer, bytes);
  fill(call, buffer, file);
  return writeStatusBlock(call, statusAt, STATUS_SUCCESS, bytes);
};

/** FILE_NAME_INFORMATION: length of the whole name, and as much of it as there is room for. */
function writeName(
  call: ServiceCall,
  statusAt: number,
  buffer: number,
  length: number,
  name: string,
): number {
  const bytes = name.length * 2;
  const fits = Math.min(bytes, length - 4) & ~1;
  call.memory.probeWrite(buffer, 4 + fits);
  call.memory.writeU32(buffer, bytes);
  call.memory.writeUtf16(buffer + 4, name.slice(0, fits / 2));
  return writeStatusBlock(call, statusAt, fits < bytes ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS, 4 + fits);
}

/** (attributes, *information): FILE_BASIC_INFORMATION of a path. */
const queryAttributes: ServiceFunction = (call) => queryPath(call, FILE_BASIC_INFORMATION);
/** (attributes, *information): FILE_NETWORK_OPEN_INFORMATION of a path. */
const queryFullAttributes: ServiceFunction = (call) => queryPath(call, FILE_NETWORK_OPEN_INFORMATION);

function queryPath(call: ServiceCall, kind: number): number {
  const [bytes, fill] = QUERIES[kind]!;
  call.memory.probeWrite(call.address(1), bytes);
  const { name, rootDirectory } = readObjectAttributes(call, call.address(0));
  const path = name === null ? null : fullName(call, rootDirectory, name);
  if (path === null) return STATUS_OBJECT_NAME_INVALID;
  const file = queryAttributesFile(call.kernel, path);
  if (typeof file === 'number') return file;
  fill(call, call.address(1), file);
  return STATUS_SUCCESS;
}

/** (file, ioStatus, buffer, length, class). */
const setInformation: ServiceFunction = (call) => {
  const statusAt = call.address(1);
  probeStatusBlock(call, statusAt);
  return writeStatusBlock(call, statusAt, setByClass(call), 0);
};

function setByClass(call: ServiceCall): number {
  const { kernel, process, memory } = call;
  const [handle, buffer, length, kind] = [call.handle(0), call.address(2), call.u32(3), call.u32(4)];
  switch (kind) {
    case FILE_POSITION_INFORMATION:
      if (length < 8) return STATUS_INFO_LENGTH_MISMATCH;
      return setFilePosition(kernel, process, handle, readLargeInteger(call, buffer) ?? -1);
    case FILE_END_OF_FILE_INFORMATION:
      if (length < 8) return STATUS_INFO_LENGTH_MISMATCH;
      return setEndOfFile(kernel, process, handle, readLargeInteger(call, buffer) ?? -1);
    case FILE_DISPOSITION_INFORMATION:
      if (length < 1) return STATUS_INFO_LENGTH_MISMATCH;
      return setDeleteDisposition(kernel, process, handle, memory.readU8(buffer) !== 0);
    case FILE_BASIC_INFORMATION:
      return length < 0x28 ? STATUS_INFO_LENGTH_MISMATCH : setBasic(call, handle, buffer);
    case FILE_RENAME_INFORMATION:
      return length < 0x18 ? STATUS_INFO_LENGTH_MISMATCH : rename(call, handle, buffer, length);
    default:
      return STATUS_INVALID_INFO_CLASS;
  }
}

/** 0 and -1 leave a time, 0 the attributes. */
function setBasic(call: ServiceCall, handle: number, buffer: number): number {
  const attributes = call.memory.readU32(buffer + 0x20);
  const times = readTimes(call, buffer);
  if (attributes !== 0) {
    const status = setFileAttributes(call.kernel, call.process, handle, attributes);
    if (!ntSuccess(status)) return status;
  }
  return setFileTimes(call.kernel, call.process, handle, times);
}

/** FILE_RENAME_INFORMATION: replace, root directory, length of the name, name. */
function rename(call: ServiceCall, handle: number, buffer: number, length: number): number {
  const { memory } = call;
  const bytes = memory.readU32(buffer + 0x10);
  if (bytes > length - 0x14) return STATUS_INVALID_PARAMETER;
  let name = '';
  for (let at = 0; at + 2 <= bytes; at += 2) name += String.fromCharCode(memory.readU16(buffer + 0x14 + at));
  const path = fullName(call, memory.readU32(buffer + 8), name);
  if (path === null) return STATUS_OBJECT_NAME_INVALID;
  return renameFile(call.kernel, call.process, handle, path, memory.readU8(buffer) !== 0);
}

/** Classes of directory listings. */
const LISTINGS: Readonly<Record<number, DirectoryLayout>> = {
  [FILE_DIRECTORY_INFORMATION]: DIRECTORY,
  [FILE_FULL_DIRECTORY_INFORMATION]: FULL_DIRECTORY,
  [FILE_BOTH_DIRECTORY_INFORMATION]: BOTH_DIRECTORY,
  [FILE_NAMES_INFORMATION]: NAMES,
  [FILE_ID_BOTH_DIRECTORY_INFORMATION]: ID_BOTH_DIRECTORY,
  [FILE_ID_FULL_DIRECTORY_INFORMATION]: ID_FULL_DIRECTORY,
};

/** (file, event, apc, apcContext, ioStatus, buffer, length, class, single, *pattern, restart). */
const queryDirectory: ServiceFunction = (call) => {
  const [statusAt, buffer, length] = [call.address(4), call.address(5), call.u32(6)];
  probeStatusBlock(call, statusAt);
  const layout = LISTINGS[call.u32(7)];
  if (layout === undefined) return STATUS_INVALID_INFO_CLASS;
  const pattern = call.address(9) === 0 ? '' : readUnicodeString(call, call.address(9));
  if (length < layout.name + 2) return STATUS_INFO_LENGTH_MISMATCH;
  const single = (call.u32(8) & 0xff) !== 0;
  const restart = (call.u32(10) & 0xff) !== 0;
  call.memory.probeWrite(buffer, Math.min(length, LISTING_BYTES));
  const out = { information: 0 };
  const status = listInto(call, call.handle(0), layout, buffer, length, { pattern, restart, single }, out);
  return writeStatusBlock(call, statusAt, status, out.information);
};

/** (file, event, apc, apcContext, ioStatus, code, in, inBytes, out, outBytes). */
const control: ServiceFunction = (call) => {
  const target = targetOf(call);
  if (typeof target === 'number') return target;
  const file = fileOfHandle(call.kernel, call.process, call.handle(0), 0);
  if (typeof file === 'number') return file;
  const buffers = {
    input: call.address(6),
    inputBytes: call.u32(7),
    output: call.address(8),
    outputBytes: call.u32(9),
  };
  const out = { information: 0 };
  const status = fsControl(call, file, call.u32(5), buffers, out);
  if (status !== PENDING && status < 0xc0000000) announceInline(call, file, target, status, out.information);
  return status;
};

/** (file, event, apc, apcContext, ioStatus, *offset, *length, key, immediately, exclusive). */
const lock: ServiceFunction = (call) => {
  const target = targetOf(call);
  if (typeof target === 'number') return target;
  const [start, length] = [readLargeInteger(call, call.address(5)), readLargeInteger(call, call.address(6))];
  const status = lockFile(call, {
    handle: call.handle(0),
    start: start ?? -1,
    length: length ?? -1,
    key: call.u32(7),
    immediately: (call.u32(8) & 0xff) !== 0,
    exclusive: (call.u32(9) & 0xff) !== 0,
  });
  if (status === PENDING) return PENDING;
  const file = fileOfHandle(call.kernel, call.process, call.handle(0), 0);
  if (status === STATUS_SUCCESS && typeof file !== 'number') announceInline(call, file, target, status, 0);
  return status;
};

/** (file, ioStatus, *offset, *length, key). */
const unlock: ServiceFunction = (call) => {
  probeStatusBlock(call, call.address(1));
  const [start, length] = [readLargeInteger(call, call.address(2)), readLargeInteger(call, call.address(3))];
  const { kernel, process } = call;
  const status = unlockFile(kernel, process, call.handle(0), start ?? -1, length ?? -1, call.u32(4));
  return writeStatusBlock(call, call.address(1), status, 0);
};

/** (attributes): opens to delete, and closes. */
const deleteFile: ServiceFunction = (call) => {
  const { name, rootDirectory } = readObjectAttributes(call, call.address(0));
  const path = name === null ? null : fullName(call, rootDirectory, name);
  if (path === null) return STATUS_OBJECT_NAME_INVALID;
  const out = { handle: 0, information: 0 };
  const request = {
    path,
    access: DELETE_ACCESS,
    share: SHARE_ALL,
    disposition: FILE_OPEN,
    options: FILE_DELETE_ON_CLOSE,
  };
  const status = createFile(call.kernel, call.process, request, out);
  return ntSuccess(status) ? closeHandle(call.kernel, call.process, out.handle) : status;
};

export const fileServices = nativeServices({
  FsControlFile: control,
  LockFile: lock,
  UnlockFile: unlock,
  CreateFile: create,
  OpenFile: openFile,
  ReadFile: transfer('read'),
  WriteFile: transfer('write'),
  CancelIoFile: cancelIo(false),
  CancelIoFileEx: cancelIo(true),
  FlushBuffersFile: flush,
  QueryInformationFile: queryInformation,
  SetInformationFile: setInformation,
  QueryAttributesFile: queryAttributes,
  QueryFullAttributesFile: queryFullAttributes,
  QueryDirectoryFile: queryDirectory,
  DeleteFile: deleteFile,
});
