/** Files by handle (fileapi.h). Sources: Microsoft, "CreateFileW function", "ReadFile function", "WriteFile function", "SetFilePointerEx function", "GetFileSize function". */
import {
  ntSuccess,
  STATUS_END_OF_FILE,
  STATUS_FILE_IS_A_DIRECTORY,
  STATUS_INVALID_DEVICE_REQUEST,
  STATUS_OBJECT_NAME_COLLISION,
  STATUS_PENDING,
} from '../../base/ntstatus.js';
import { DELETE, FILE_READ_ATTRIBUTES, GENERIC_WRITE, SYNCHRONIZE } from '../../nt/access.js';
import { createFile as ntCreateFile } from '../../nt/create-file.js';
import { queryInformationFile, setEndOfFile, setFilePosition } from '../../nt/file-information.js';
import * as option from '../../nt/file-object.js';
import { flushFile, readFile, writeFile } from '../../nt/io.js';
import { closeHandle } from '../../nt/object-manager.js';
import { PENDING, type Service, type ServiceCall, type ServiceFunction } from '../../nt/service.js';
import { startTransfer } from '../../nt/transfer.js';
import {
  ERROR_ACCESS_DENIED,
  ERROR_ALREADY_EXISTS,
  ERROR_FILE_EXISTS,
  ERROR_INVALID_PARAMETER,
  ERROR_IO_PENDING,
  ERROR_PATH_NOT_FOUND,
} from '../ntdll/dos-error.js';
import { fileForms } from './file-apis.js';
import { offsetOf, targetOf } from './overlapped.js';
import { ntPathOf } from './path.js';
import { ERROR_NEGATIVE_SEEK, failStatus, INVALID_HANDLE_VALUE, TRUE, truth, writeU64 } from './results.js';
import { inheritanceOf } from './security-attributes.js';
import { type TextForm, WIDE } from './text-form.js';

const CREATE_ALWAYS = 2;
const OPEN_ALWAYS = 4;
const TRUNCATE_EXISTING = 5;
const FILE_FLAG_DELETE_ON_CLOSE = 0x04000000;
const FILE_FLAG_BACKUP_SEMANTICS = 0x02000000;

/** NtCreateFile's option of each flag of CreateFile's that is one alone. */
const OPTION_OF_FLAG: readonly (readonly [flag: number, option: number])[] = [
  [0x80000000, option.FILE_WRITE_THROUGH],
  [0x20000000, option.FILE_NO_INTERMEDIATE_BUFFERING],
  [0x10000000, option.FILE_RANDOM_ACCESS],
  [0x08000000, option.FILE_SEQUENTIAL_ONLY],
  [FILE_FLAG_DELETE_ON_CLOSE, option.FILE_DELETE_ON_CLOSE],
  [FILE_FLAG_BACKUP_SEMANTICS, option.FILE_OPEN_FOR_BACKUP_INTENT],
];
const FILE_FLAG_OVERLAPPED = 0x40000000;

/** Options of an open with some FILE_FLAG_*. */
function optionsOf(flags: number): number {
  let options = flags & FILE_FLAG_OVERLAPPED ? 0 : option.FILE_SYNCHRONOUS_IO_NONALERT;
  if (!(flags & FILE_FLAG_BACKUP_SEMANTICS)) options |= option.FILE_NON_DIRECTORY_FILE;
  for (const [flag, value] of OPTION_OF_FLAG) if (flags & flag) options |= value;
  return options;
}

/** NtCreateFile's disposition of each of CreateFile's, from CREATE_NEW (1) on. */
const DISPOSITIONS = [
  option.FILE_CREATE,
  option.FILE_OVERWRITE_IF,
  option.FILE_OPEN,
  option.FILE_OPEN_IF,
  option.FILE_OVERWRITE,
];

/** FILE_ATTRIBUTE_* among the flags. */
const FILE_ATTRIBUTES = 0x7fb7;

export interface OpenRequest {
  readonly access: number;
  readonly share: number;
  /** CREATE_NEW, … */
  readonly disposition: number;
  /** FILE_FLAG_* and FILE_ATTRIBUTE_*. */
  readonly flags: number;
  readonly handleFlags: number;
}

/** CreateFile's work for a path; INVALID_HANDLE_VALUE with the last error. */
export function openPath(call: ServiceCall, path: string, request: OpenRequest): number {
  const { access, disposition, flags } = request;
  const ntDisposition = DISPOSITIONS[disposition - 1];
  if (ntDisposition === undefined || (disposition === TRUNCATE_EXISTING && !(access & GENERIC_WRITE)))
    return call.fail(ERROR_INVALID_PARAMETER, INVALID_HANDLE_VALUE);
  const ntPath = ntPathOf(call, path);
  if (ntPath === null) return call.fail(ERROR_PATH_NOT_FOUND, INVALID_HANDLE_VALUE);
  const deleting = (flags & FILE_FLAG_DELETE_ON_CLOSE) !== 0;
  const out = { handle: 0, information: 0 };
  const status = ntCreateFile(
    call.kernel,
    call.process,
    {
      path: ntPath,
      access: access | SYNCHRONIZE | FILE_READ_ATTRIBUTES | (deleting ? DELETE : 0),
      share: request.share,
      disposition: ntDisposition,
      options: optionsOf(flags),
      attributes: flags & FILE_ATTRIBUTES,
      handleFlags: request.handleFlags,
    },
    out,
  );
  if (!ntSuccess(status)) return refuseOpen(call, path, status);
  if (disposition === CREATE_ALWAYS || disposition === OPEN_ALWAYS) {
    const existed = disposition === CREATE_ALWAYS ? option.FILE_OVERWRITTEN : option.FILE_OPENED;
    call.lastError = out.information === existed ? ERROR_ALREADY_EXISTS : 0;
  }
  return out.handle;
}

function refuseOpen(call: ServiceCall, path: string, status: number): number {
  if (status === STATUS_OBJECT_NAME_COLLISION) return call.fail(ERROR_FILE_EXISTS, INVALID_HANDLE_VALUE);
  if (status === STATUS_FILE_IS_A_DIRECTORY)
    return call.fail(/[\\/]$/.test(path) ? ERROR_PATH_NOT_FOUND : ERROR_ACCESS_DENIED, INVALID_HANDLE_VALUE);
  return failStatus(call, status, INVALID_HANDLE_VALUE);
}

/** HANDLE CreateFile(name, access, share, security, disposition, flags, template). */
const createFile =
  (form: TextForm): ServiceFunction =>
  (call) => {
    if (call.address(0) === 0) return call.fail(ERROR_PATH_NOT_FOUND, INVALID_HANDLE_VALUE);
    return openPath(call, form.read(call, call.address(0)), {
      access: call.u32(1),
      share: call.u32(2),
      disposition: call.u32(4),
      flags: call.u32(5),
      handleFlags: inheritanceOf(call, call.address(3)),
    });
  };

/** CREATEFILE2_EXTENDED_PARAMETERS: byte offsets. */
const PARAMETERS_ATTRIBUTES = 0x04;
const PARAMETERS_FLAGS = 0x08;
const PARAMETERS_SECURITY = 0x10;

/** HANDLE CreateFile2(name, access, share, disposition, *parameters). */
const createFile2: ServiceFunction = (call) => {
  const at = call.address(4);
  const { memory } = call;
  if (call.address(0) === 0) return call.fail(ERROR_PATH_NOT_FOUND, INVALID_HANDLE_VALUE);
  return openPath(call, WIDE.read(call, call.address(0)), {
    access: call.u32(1),
    share: call.u32(2),
    disposition: call.u32(3),
    flags: at === 0 ? 0 : memory.readU32(at + PARAMETERS_ATTRIBUTES) | memory.readU32(at + PARAMETERS_FLAGS),
    handleFlags: at === 0 ? 0 : inheritanceOf(call, memory.readPointer(at + PARAMETERS_SECURITY)),
  });
};

/** What a transfer that was not asked to be overlapped writes: how many bytes. */
function finishSynchronous(call: ServiceCall, status: number, count: number): number {
  if (call.address(3) !== 0) call.memory.writeU32(call.address(3), count);
  return status === STATUS_END_OF_FILE ? TRUE : truth(call, status);
}

/** BOOL ReadFile(file, buffer, bytes, *count, overlapped) and WriteFile. */
const transfer =
  (operation: 'read' | 'write'): ServiceFunction =>
  (call) => {
    const [handle, buffer, length] = [call.handle(0), call.address(1), call.u32(2)];
    const [countAt, overlapped] = [call.address(3), call.address(4)];
    if (countAt !== 0 || overlapped === 0) call.memory.probeWrite(countAt, 4);
    const out = { information: 0 };
    if (overlapped === 0) {
      const move = operation === 'read' ? readFile : writeFile;
      const status = move(call, handle, buffer, length, null, out);
      return status === PENDING ? PENDING : finishSynchronous(call, status, out.information);
    }
    const target = targetOf(call, overlapped);
    if (typeof target === 'number') return failStatus(call, target);
    const offset = offsetOf(call, overlapped);
    const status = startTransfer(call, { operation, handle, buffer, length, offset }, target, out);
    if (status === PENDING) return PENDING;
    if (countAt !== 0) call.memory.writeU32(countAt, out.information);
    if (status === STATUS_PENDING) return call.fail(ERROR_IO_PENDING);
    if (status >= 0xc0000000) writeOutcome(call, overlapped, status);
    return truth(call, status);
  };

/** An error at once stands in the OVERLAPPED too. */
function writeOutcome(call: ServiceCall, overlapped: number, status: number): void {
  call.memory.writeU64(overlapped, status, 0);
  call.memory.writeU64(overlapped + 8, 0, 0);
}

const FILE_BEGIN = 0;
const FILE_CURRENT = 1;
const FILE_END = 2;

/** Moves the file pointer; the new position, or -1 with the last error. */
function seek(call: ServiceCall, distance: number, method: number): number {
  const information = queryInformationFile(call.kernel, call.process, call.handle(0));
  if (typeof information === 'number') return failStatus(call, information, -1);
  if (method > FILE_END) return call.fail(ERROR_INVALID_PARAMETER, -1);
  const start = { [FILE_BEGIN]: 0, [FILE_CURRENT]: information.position, [FILE_END]: information.size }[
    method
  ]!;
  const position = start + distance;
  if (position < 0) return call.fail(ERROR_NEGATIVE_SEEK, -1);
  const status = setFilePosition(call.kernel, call.process, call.handle(0), position);
  return ntSuccess(status) ? position : failStatus(call, status, -1);
}

const INVALID_SET_FILE_POINTER = 0xffffffff;

/** DWORD SetFilePointer(file, low, high, method). */
const setFilePointer: ServiceFunction = (call) => {
  const highAt = call.address(2);
  const distance = highAt === 0 ? call.i32(1) : call.memory.readI32(highAt) * 2 ** 32 + call.u32(1);
  if (highAt !== 0) call.memory.probeWrite(highAt, 4);
  const position = seek(call, distance, call.u32(3));
  if (position < 0) return INVALID_SET_FILE_POINTER;
  if (highAt !== 0) call.memory.writeU32(highAt, Math.floor(position / 2 ** 32));
  else if (position > 0xffffffff) return call.fail(ERROR_INVALID_PARAMETER, INVALID_SET_FILE_POINTER);
  if (position % 2 ** 32 === INVALID_SET_FILE_POINTER) call.lastError = 0;
  return position % 2 ** 32;
};

/** BOOL SetFilePointerEx(file, distance, newPosition, method). */
const setFilePointerEx: ServiceFunction = (call) => {
  const outAt = call.address(2);
  if (outAt !== 0) call.memory.probeWrite(outAt, 8);
  const position = seek(call, (call.hi(1) | 0) * 2 ** 32 + call.lo(1), call.u32(3));
  if (position < 0) return 0;
  if (outAt !== 0) writeU64(call, outAt, position);
  return TRUE;
};

/** Size of an open disk file in bytes, -1 with the last error. */
function sizeOf(call: ServiceCall): number {
  const information = queryInformationFile(call.kernel, call.process, call.handle(0));
  if (typeof information === 'number') return failStatus(call, information, -1);
  return information.device === 'disk'
    ? information.size
    : failStatus(call, STATUS_INVALID_DEVICE_REQUEST, -1);
}

const INVALID_FILE_SIZE = 0xffffffff;

/** DWORD GetFileSize(file, high). */
const getFileSize: ServiceFunction = (call) => {
  const highAt = call.address(1);
  if (highAt !== 0) call.memory.probeWrite(highAt, 4);
  const size = sizeOf(call);
  if (size < 0) return INVALID_FILE_SIZE;
  if (highAt !== 0) call.memory.writeU32(highAt, Math.floor(size / 2 ** 32));
  if (size % 2 ** 32 === INVALID_FILE_SIZE) call.lastError = 0;
  return size % 2 ** 32;
};

/** BOOL GetFileSizeEx(file, size). */
const getFileSizeEx: ServiceFunction = (call) => {
  call.memory.probeWrite(call.address(1), 8);
  const size = sizeOf(call);
  if (size < 0) return 0;
  writeU64(call, call.address(1), size);
  return TRUE;
};

/** BOOL SetEndOfFile(file): the file ends where its pointer stands. */
const endFile: ServiceFunction = (call) => {
  const information = queryInformationFile(call.kernel, call.process, call.handle(0));
  if (typeof information === 'number') return failStatus(call, information);
  return truth(call, setEndOfFile(call.kernel, call.process, call.handle(0), information.position));
};

const FILE_TYPE_UNKNOWN = 0;
const FILE_TYPE_DISK = 1;
const FILE_TYPE_CHAR = 2;
const FILE_TYPE_PIPE = 3;

/** DWORD GetFileType(file). */
const getFileType: ServiceFunction = (call) => {
  const information = queryInformationFile(call.kernel, call.process, call.handle(0));
  if (typeof information === 'number') return failStatus(call, information, FILE_TYPE_UNKNOWN);
  if (information.device === 'pipe') return FILE_TYPE_PIPE;
  return information.device === 'disk' ? FILE_TYPE_DISK : FILE_TYPE_CHAR;
};

export const fileFunctions: Record<string, Service | ServiceFunction> = {
  ...fileForms('CreateFile', createFile),
  CreateFile2: createFile2,
  ReadFile: transfer('read'),
  WriteFile: transfer('write'),
  SetFilePointer: setFilePointer,
  SetFilePointerEx: setFilePointerEx,
  GetFileSize: getFileSize,
  GetFileSizeEx: getFileSizeEx,
  SetEndOfFile: endFile,
  GetFileType: getFileType,
  FlushFileBuffers: (call) => {
    const status = flushFile(call, call.handle(0));
    return status === PENDING ? PENDING : truth(call, status);
  },
  CloseHandle: (call) => truth(call, closeHandle(call.kernel, call.process, call.handle(0))),
};
