/** What an open file is, by class (winbase.h). Sources: Microsoft, "GetFileInformationByHandleEx function", "SetFileInformationByHandle function", "FILE_INFO_BY_HANDLE_CLASS enumeration". */
import { STATUS_INVALID_DEVICE_REQUEST, STATUS_SUCCESS } from '../../base/ntstatus.js';
import {
  type FileInformation,
  queryInformationFile,
  renameFile,
  setDeleteDisposition,
  setEndOfFile,
  setFileAttributes,
  setFileTime,
} from '../../nt/file-information.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { fileTimeOfMs, msOfFileTime } from '../../nt/system-time.js';
import {
  ERROR_BAD_LENGTH,
  ERROR_INVALID_PARAMETER,
  ERROR_MORE_DATA,
  ERROR_PATH_NOT_FOUND,
} from '../ntdll/dos-error.js';
import { directoryClass, giveDirectoryEntries } from './directory-information.js';
import { ntPathOf } from './path.js';
import { failStatus, TRUE, truth, writeU64 } from './results.js';

/** FILE_INFO_BY_HANDLE_CLASS. */
const FILE_BASIC_INFO = 0;
const FILE_STANDARD_INFO = 1;
const FILE_NAME_INFO = 2;
const FILE_RENAME_INFO = 3;
const FILE_DISPOSITION_INFO = 4;
const FILE_ALLOCATION_INFO = 5;
const FILE_END_OF_FILE_INFO = 6;
const FILE_ATTRIBUTE_TAG_INFO = 9;

function writeTimes(call: ServiceCall, at: number, modifiedMs: number): void {
  const time = { lo: 0, hi: 0 };
  fileTimeOfMs(modifiedMs, time);
  for (let index = 0; index < 4; index++) call.memory.writeU64(at + 8 * index, time.lo, time.hi);
}

type Fill = (call: ServiceCall, at: number, file: FileInformation) => void;

/** Classes of a fixed size: bytes, and how they are filled. */
const FIXED: Readonly<Record<number, readonly [bytes: number, fill: Fill]>> = {
  [FILE_BASIC_INFO]: [
    0x28,
    (call, at, file) => {
      writeTimes(call, at, file.modifiedMs);
      call.memory.writeU64(at + 0x20, file.attributes, 0);
    },
  ],
  [FILE_STANDARD_INFO]: [
    0x18,
    (call, at, file) => {
      writeU64(call, at, file.allocationSize);
      writeU64(call, at + 8, file.size);
      call.memory.writeU32(at + 0x10, file.deletePending ? 0 : 1);
      call.memory.writeU32(at + 0x14, (file.deletePending ? 1 : 0) | (file.directory ? 0x100 : 0));
    },
  ],
  [FILE_ATTRIBUTE_TAG_INFO]: [8, (call, at, file) => call.memory.writeU64(at, file.attributes, 0)],
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

/** BOOL GetFileInformationByHandleEx(file, class, information, bytes). */
const getInformation: ServiceFunction = (call) => {
  const [kind, at, room] = [call.u32(1), call.address(2), call.u32(3)];
  const directory = directoryClass(kind);
  if (directory !== undefined) return giveDirectoryEntries(call, directory, at, room);
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
  const [lo, hi, attributes] = [
    memory.readU32(at + 0x10),
    memory.readU32(at + 0x14),
    memory.readU32(at + 0x20),
  ];
  const handle = call.handle(0);
  const status = attributes === 0 ? STATUS_SUCCESS : setFileAttributes(kernel, process, handle, attributes);
  if (status !== STATUS_SUCCESS || (lo === 0 && hi === 0) || hi === 0xffffffff) return status;
  return setFileTime(kernel, process, handle, msOfFileTime(lo, hi));
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
function rename(call: ServiceCall, at: number, room: number): number {
  const bytes = call.memory.readU32(at + 0x10);
  if (bytes > Math.min(room - RENAME_NAME, MAXIMUM_NAME_BYTES) || call.memory.readPointer(at + 8) !== 0)
    return call.fail(ERROR_INVALID_PARAMETER);
  const units = new Uint16Array(call.memory.readBytes(at + RENAME_NAME, bytes & ~1).slice().buffer);
  const path = ntPathOf(call, String.fromCharCode(...units));
  if (path === null) return call.fail(ERROR_PATH_NOT_FOUND);
  const replace = call.memory.readU8(at) !== 0;
  return truth(call, renameFile(call.kernel, call.process, call.handle(0), path, replace));
}

/** Least bytes of the classes that may be set. */
const SETTABLE: ReadonlyMap<number, number> = new Map([
  [FILE_BASIC_INFO, 0x28],
  [FILE_RENAME_INFO, 0x18],
  [FILE_DISPOSITION_INFO, 1],
  [FILE_ALLOCATION_INFO, 8],
  [FILE_END_OF_FILE_INFO, 8],
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
      return rename(call, at, room);
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
