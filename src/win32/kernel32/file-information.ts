/** What an open file is, by class (winbase.h). Sources: Microsoft, "GetFileInformationByHandleEx function", "SetFileInformationByHandle function", "FILE_INFO_BY_HANDLE_CLASS enumeration". */
import {
  STATUS_INVALID_DEVICE_REQUEST,
  STATUS_NO_MORE_FILES,
  STATUS_NO_SUCH_FILE,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import {
  type FileInformation,
  queryInformationFile,
  renameFile,
  setDeleteDisposition,
  setEndOfFile,
  setFileAttributes,
  setFileTimes,
} from '../../nt/file-information.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { LISTING_BYTES, listInto, readTimes } from '../ntdll/directory-listing.js';
import {
  ERROR_BAD_LENGTH,
  ERROR_HANDLE_EOF,
  ERROR_INVALID_PARAMETER,
  ERROR_MORE_DATA,
  ERROR_PATH_NOT_FOUND,
} from '../ntdll/dos-error.js';
import {
  ALIGNMENT,
  ATTRIBUTE_TAG,
  BASIC,
  COMPRESSION,
  type DirectoryLayout,
  FILE_ID,
  FULL_DIRECTORY,
  ID_BOTH_DIRECTORY,
  type Recipe,
  STANDARD,
  streamRecord,
  writeStream,
} from '../ntdll/file-records.js';
import { directoryClass, giveDirectoryEntries } from './directory-information.js';
import { ntPathOf } from './path.js';
import { failStatus, TRUE, truth } from './results.js';

/** FILE_INFO_BY_HANDLE_CLASS. */
const FILE_BASIC_INFO = 0;
const FILE_STANDARD_INFO = 1;
const FILE_NAME_INFO = 2;
const FILE_RENAME_INFO = 3;
const FILE_DISPOSITION_INFO = 4;
const FILE_ALLOCATION_INFO = 5;
const FILE_END_OF_FILE_INFO = 6;
const FILE_STREAM_INFO = 7;
const FILE_COMPRESSION_INFO = 8;
const FILE_ATTRIBUTE_TAG_INFO = 9;
const FILE_ID_BOTH_DIRECTORY_INFO = 10;
const FILE_ID_BOTH_DIRECTORY_RESTART_INFO = 11;
const FILE_IO_PRIORITY_HINT_INFO = 12;
const FILE_FULL_DIRECTORY_INFO = 14;
const FILE_FULL_DIRECTORY_RESTART_INFO = 15;
const FILE_ALIGNMENT_INFO = 17;
const FILE_ID_INFO = 18;
const FILE_DISPOSITION_INFO_EX = 21;
const FILE_RENAME_INFO_EX = 22;

/** Classes of a fixed size. */
const FIXED: Readonly<Record<number, Recipe>> = {
  [FILE_BASIC_INFO]: BASIC,
  [FILE_STANDARD_INFO]: STANDARD,
  [FILE_COMPRESSION_INFO]: COMPRESSION,
  [FILE_ATTRIBUTE_TAG_INFO]: ATTRIBUTE_TAG,
  [FILE_ALIGNMENT_INFO]: ALIGNMENT,
  [FILE_ID_INFO]: FILE_ID,
};

/** Classes of directory listings, and whether each begins anew. */
const LISTINGS: Readonly<Record<number, readonly [layout: DirectoryLayout, restart: boolean]>> = {
  [FILE_ID_BOTH_DIRECTORY_INFO]: [ID_BOTH_DIRECTORY, false],
  [FILE_ID_BOTH_DIRECTORY_RESTART_INFO]: [ID_BOTH_DIRECTORY, true],
  [FILE_FULL_DIRECTORY_INFO]: [FULL_DIRECTORY, false],
  [FILE_FULL_DIRECTORY_RESTART_INFO]: [FULL_DIRECTORY, true],
};

const NAME_LENGTH_BYTES = 4;

/** FILE_NAME_INFO: bytes of the path without its drive, then as much of it as there is room for. */
function writeName(call: ServiceCall, at: number, room: number, file: FileInformation): number {
  const name = file.path.slice(2);
  const fits = Math.min(name.length, Math.floor((room - NAME_LENGTH_BYTES) / 2));
  call.memory.probeWrite(at, NAME_LENGTH_BYTES + 2 * fits);
  call.memory.writeU32(at, name.length * 2);
  call.memory.writeUtf16(at + NAME_LENGTH_BYTES, name.slice(0, fits));
  return fits < name.length ? call.fail(ERROR_MORE_DATA) : TRUE;
}

function listDirectory(
  call: ServiceCall,
  at: number,
  room: number,
  layout: DirectoryLayout,
  restart: boolean,
): number {
  if (room < layout.name + 2) return call.fail(ERROR_BAD_LENGTH);
  call.memory.probeWrite(at, Math.min(room, LISTING_BYTES));
  const listing = { pattern: '', restart, single: false };
  const status = listInto(call, call.handle(0), layout, at, room, listing, { information: 0 });
  return status === STATUS_SUCCESS
    ? TRUE
    : failStatus(call, status === STATUS_NO_SUCH_FILE ? STATUS_NO_MORE_FILES : status);
}

function streamInformation(call: ServiceCall, at: number, room: number): number {
  const file = queryInformationFile(call.kernel, call.process, call.handle(0));
  if (typeof file === 'number') return failStatus(call, file);
  if (file.device !== 'disk') return failStatus(call, STATUS_INVALID_DEVICE_REQUEST);
  const bytes = streamRecord(file);
  if (bytes === 0) return call.fail(ERROR_HANDLE_EOF);
  if (room < bytes) return call.fail(ERROR_MORE_DATA);
  call.memory.probeWrite(at, bytes);
  writeStream(call, at, file);
  return TRUE;
}

/** BOOL GetFileInformationByHandleEx(file, class, information, bytes). */
const getInformation: ServiceFunction = (call) => {
  const [kind, at, room] = [call.u32(1), call.address(2), call.u32(3)];
  const directory = directoryClass(kind);
  if (directory !== undefined) return giveDirectoryEntries(call, directory, at, room);
  const listing = LISTINGS[kind];
  if (listing !== undefined) return listDirectory(call, at, room, ...listing);
  if (kind === FILE_STREAM_INFO) return streamInformation(call, at, room);
  const [bytes, fill] = FIXED[kind] ?? [NAME_LENGTH_BYTES + 2, null];
  if (fill === null && kind !== FILE_NAME_INFO) return call.fail(ERROR_INVALID_PARAMETER);
  if (room < bytes) return call.fail(ERROR_BAD_LENGTH);
  const file = queryInformationFile(call.kernel, call.process, call.handle(0));
  if (typeof file === 'number') return failStatus(call, file);
  if (file.device !== 'disk') return failStatus(call, STATUS_INVALID_DEVICE_REQUEST);
  if (fill === null) return writeName(call, at, room, file);
  call.memory.probeWrite(at, bytes);
  fill(call, at, file);
  return TRUE;
};

const readSize = (call: ServiceCall, at: number) =>
  call.memory.readI32(at + 4) * 2 ** 32 + call.memory.readU32(at);

/** FILE_BASIC_INFO: 0 and -1 leave a time, 0 the attributes. */
function setBasic(call: ServiceCall, at: number): number {
  const { kernel, process, memory } = call;
  const [times, attributes] = [readTimes(call, at), memory.readU32(at + 0x20)];
  const handle = call.handle(0);
  const status = attributes === 0 ? STATUS_SUCCESS : setFileAttributes(kernel, process, handle, attributes);
  return status === STATUS_SUCCESS ? setFileTimes(kernel, process, handle, times) : status;
}

/** FILE_ALLOCATION_INFO: a size below the file's cuts it; more is not kept apart from the size. */
function setAllocation(call: ServiceCall, bytes: number): number {
  const file = queryInformationFile(call.kernel, call.process, call.handle(0));
  if (typeof file === 'number') return file;
  const size = bytes >= 0 ? Math.min(bytes, file.size) : bytes;
  return setEndOfFile(call.kernel, call.process, call.handle(0), size);
}

const RENAME_NAME = 0x14;
const MAXIMUM_NAME_BYTES = 0xfffe;

/** FILE_RENAME_INFO: replace, no root directory, bytes of the name, the name. */
function rename(call: ServiceCall, at: number, room: number, replace: boolean): number {
  const bytes = call.memory.readU32(at + 0x10);
  if (bytes > Math.min(room - RENAME_NAME, MAXIMUM_NAME_BYTES) || call.memory.readPointer(at + 8) !== 0)
    return call.fail(ERROR_INVALID_PARAMETER);
  const units = new Uint16Array(call.memory.readBytes(at + RENAME_NAME, bytes & ~1).slice().buffer);
  const path = ntPathOf(call, String.fromCharCode(...units));
  if (path === null) return call.fail(ERROR_PATH_NOT_FOUND);
  return truth(call, renameFile(call.kernel, call.process, call.handle(0), path, replace));
}

/** Flags of FILE_DISPOSITION_INFO_EX and FILE_RENAME_INFO_EX, and the number of I/O priorities that can be hinted at. */
const DISPOSITION_DELETE = 1;
const DISPOSITION_POSIX = 2;
const DISPOSITION_IGNORE_READ_ONLY = 0x10;
const RENAME_REPLACE_IF_EXISTS = 1;
const IO_PRIORITIES = 3;

/** FILE_DISPOSITION_INFO_EX: a file that is deleted the POSIX way loses its name when this handle closes. */
function setDisposition(call: ServiceCall, flags: number): number {
  return setDeleteDisposition(call.kernel, call.process, call.handle(0), (flags & DISPOSITION_DELETE) !== 0, {
    posix: (flags & DISPOSITION_POSIX) !== 0,
    ignoreReadOnly: (flags & DISPOSITION_IGNORE_READ_ONLY) !== 0,
  });
}

/** Least bytes of the classes that may be set. */
const SETTABLE: ReadonlyMap<number, number> = new Map([
  [FILE_BASIC_INFO, 0x28],
  [FILE_RENAME_INFO, 0x18],
  [FILE_DISPOSITION_INFO, 1],
  [FILE_ALLOCATION_INFO, 8],
  [FILE_END_OF_FILE_INFO, 8],
  [FILE_IO_PRIORITY_HINT_INFO, 4],
  [FILE_DISPOSITION_INFO_EX, 4],
  [FILE_RENAME_INFO_EX, 0x18],
]);

/** BOOL SetFileInformationByHandle(file, class, information, bytes). */
const setInformation: ServiceFunction = (call) => {
  const { kernel, process } = call;
  const [handle, kind, at, room] = [call.handle(0), call.u32(1), call.address(2), call.u32(3)];
  const bytes = SETTABLE.get(kind);
  if (bytes === undefined) return call.fail(ERROR_INVALID_PARAMETER);
  if (room < bytes) return call.fail(ERROR_BAD_LENGTH);
  switch (kind) {
    case FILE_BASIC_INFO:
      return truth(call, setBasic(call, at));
    case FILE_RENAME_INFO:
      return rename(call, at, room, call.memory.readU8(at) !== 0);
    case FILE_RENAME_INFO_EX:
      return rename(call, at, room, (call.memory.readU32(at) & RENAME_REPLACE_IF_EXISTS) !== 0);
    case FILE_DISPOSITION_INFO_EX:
      return truth(call, setDisposition(call, call.memory.readU32(at)));
    case FILE_IO_PRIORITY_HINT_INFO:
      return call.memory.readU32(at) < IO_PRIORITIES ? TRUE : call.fail(ERROR_INVALID_PARAMETER);
    case FILE_DISPOSITION_INFO:
      return truth(call, setDeleteDisposition(kernel, process, handle, call.memory.readU8(at) !== 0));
    case FILE_ALLOCATION_INFO:
      return truth(call, setAllocation(call, readSize(call, at)));
    default:
      return truth(call, setEndOfFile(kernel, process, handle, readSize(call, at)));
  }
};

export const fileInformationFunctions: Record<string, Service | ServiceFunction> = {
  GetFileInformationByHandleEx: getInformation,
  SetFileInformationByHandle: setInformation,
};
