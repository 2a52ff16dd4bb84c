/** Files and directories by name (fileapi.h, winbase.h). Sources: Microsoft, "DeleteFileW function", "MoveFileExW function", "CopyFileW function", "CreateDirectoryW function", "GetFileAttributesExW function". */
import {
  ntSuccess,
  STATUS_NOT_SAME_DEVICE,
  STATUS_OBJECT_NAME_COLLISION,
  STATUS_OBJECT_PATH_NOT_FOUND,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import { HostIoError } from '../../mm/backing-file.js';
import { readCachedFile, writeCachedFile } from '../../mm/file-cache.js';
import {
  DELETE,
  FILE_READ_ATTRIBUTES,
  FILE_READ_DATA,
  FILE_WRITE_ATTRIBUTES,
  FILE_WRITE_DATA,
  SYNCHRONIZE,
} from '../../nt/access.js';
import { createFile } from '../../nt/create-file.js';
import type { FileControlBlock } from '../../nt/file-control-block.js';
import {
  type FileInformation,
  setFileAttributes as ntSetFileAttributes,
  queryAttributesFile,
  renameFile,
  setDeleteDisposition,
} from '../../nt/file-information.js';
import * as option from '../../nt/file-object.js';
import { fileOfHandle } from '../../nt/io.js';
import { closeHandle } from '../../nt/object-manager.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { fileTimeOfMs } from '../../nt/system-time.js';
import {
  ERROR_ALREADY_EXISTS,
  ERROR_FILE_EXISTS,
  ERROR_INVALID_PARAMETER,
  ERROR_PATH_NOT_FOUND,
} from '../ntdll/dos-error.js';
import { fileForms } from './file-apis.js';
import { stateOf } from './library-state.js';
import { MAX_PATH, ntPathOf, pathExists } from './path.js';
import { failStatus, TRUE, truth } from './results.js';
import { type TextForm, writeText } from './text-form.js';

const SHARE_ALL = option.FILE_SHARE_READ | option.FILE_SHARE_WRITE | option.FILE_SHARE_DELETE;
const INVALID_FILE_ATTRIBUTES = 0xffffffff;
const CHUNK = 0x10000;

interface Open {
  readonly access: number;
  readonly disposition?: number;
  readonly options: number;
  readonly share?: number;
}

/** Opens a path; the status says whether the handle is one. */
function open(call: ServiceCall, path: string, how: Open): { handle: number; status: number } {
  const ntPath = ntPathOf(call, path);
  if (ntPath === null) return { handle: 0, status: STATUS_OBJECT_PATH_NOT_FOUND };
  const out = { handle: 0, information: 0 };
  const request = {
    path: ntPath,
    access: how.access | SYNCHRONIZE,
    share: how.share ?? SHARE_ALL,
    disposition: how.disposition ?? option.FILE_OPEN,
    options: how.options,
  };
  return { status: createFile(call.kernel, call.process, request, out), handle: out.handle };
}

/** Opens a path, does something with the handle, and closes it; returns the NTSTATUS. */
function withOpen(call: ServiceCall, path: string, how: Open, operation: (handle: number) => number): number {
  const { handle, status } = open(call, path, how);
  if (!ntSuccess(status)) return status;
  const result = operation(handle);
  closeHandle(call.kernel, call.process, handle);
  return result;
}

function remove(call: ServiceCall, path: string, options: number): number {
  return withOpen(call, path, { access: DELETE, options }, (handle) =>
    setDeleteDisposition(call.kernel, call.process, handle, true),
  );
}

/** BOOL DeleteFile(name). */
const deleteFile =
  (form: TextForm): ServiceFunction =>
  (call) =>
    truth(call, remove(call, form.read(call, call.address(0)), option.FILE_NON_DIRECTORY_FILE));

/** BOOL RemoveDirectory(name). */
const removeDirectory =
  (form: TextForm): ServiceFunction =>
  (call) =>
    truth(call, remove(call, form.read(call, call.address(0)), option.FILE_DIRECTORY_FILE));

/** BOOL CreateDirectory(name, security). */
const createDirectory =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const how = {
      access: FILE_READ_DATA,
      disposition: option.FILE_CREATE,
      options: option.FILE_DIRECTORY_FILE,
    };
    return truth(
      call,
      withOpen(call, form.read(call, call.address(0)), how, () => STATUS_SUCCESS),
    );
  };

const MOVEFILE_REPLACE_EXISTING = 1;
const MOVEFILE_COPY_ALLOWED = 2;
const MOVEFILE_WRITE_THROUGH = 8;

function move(call: ServiceCall, from: string, to: string, flags: number): number {
  const known = MOVEFILE_REPLACE_EXISTING | MOVEFILE_COPY_ALLOWED | MOVEFILE_WRITE_THROUGH;
  if (flags & ~known) return call.fail(ERROR_INVALID_PARAMETER);
  const target = ntPathOf(call, to);
  if (target === null) return call.fail(ERROR_PATH_NOT_FOUND);
  const replace = (flags & MOVEFILE_REPLACE_EXISTING) !== 0;
  const how = { access: DELETE | FILE_READ_ATTRIBUTES, options: 0 };
  const status = withOpen(call, from, how, (handle) =>
    renameFile(call.kernel, call.process, handle, target, replace),
  );
  if (status !== STATUS_NOT_SAME_DEVICE || !(flags & MOVEFILE_COPY_ALLOWED)) return truth(call, status);
  const copied = copy(call, from, to, !replace);
  if (!ntSuccess(copied)) return failStatus(call, copied);
  return truth(call, remove(call, from, option.FILE_NON_DIRECTORY_FILE));
}

/** BOOL MoveFile(existing, new) and MoveFileEx(existing, new, flags). */
const moveFile =
  (extended: boolean) =>
  (form: TextForm): ServiceFunction =>
  (call) => {
    if (call.address(1) === 0) return call.fail(ERROR_INVALID_PARAMETER);
    const flags = extended ? call.u32(2) : MOVEFILE_COPY_ALLOWED;
    return move(call, form.read(call, call.address(0)), form.read(call, call.address(1)), flags);
  };

/** Copies a file; returns the NTSTATUS. */
function copy(call: ServiceCall, from: string, to: string, failIfExists: boolean): number {
  const reading = {
    access: FILE_READ_DATA,
    options: option.FILE_NON_DIRECTORY_FILE,
    share: option.FILE_SHARE_READ | option.FILE_SHARE_WRITE,
  };
  const writing = {
    access: FILE_WRITE_DATA,
    disposition: failIfExists ? option.FILE_CREATE : option.FILE_OVERWRITE_IF,
    options: option.FILE_NON_DIRECTORY_FILE,
    share: 0,
  };
  return withOpen(call, from, reading, (source) =>
    withOpen(call, to, writing, (target) => copyContents(call, source, target)),
  );
}

function diskFile(call: ServiceCall, handle: number): FileControlBlock | null {
  const object = fileOfHandle(call.kernel, call.process, handle, 0);
  return typeof object === 'number' ? null : object.file;
}

function copyContents(call: ServiceCall, source: number, target: number): number {
  const [from, to] = [diskFile(call, source), diskFile(call, target)];
  if (from === null || to === null) return STATUS_SUCCESS;
  const { mm } = call.kernel;
  const chunk = new Uint8Array(CHUNK);
  try {
    for (let at = 0; at < from.size; at += CHUNK) {
      const count = readCachedFile(mm, from, at, CHUNK, (bytes, done) => chunk.set(bytes, done));
      writeCachedFile(mm, to, at, chunk.subarray(0, count));
    }
    return STATUS_SUCCESS;
  } catch (error) {
    if (error instanceof HostIoError) return error.status;
    throw error;
  }
}

/** BOOL CopyFile(existing, new, failIfExists). */
const copyFile =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const [from, to] = [form.read(call, call.address(0)), form.read(call, call.address(1))];
    const status = copy(call, from, to, call.u32(2) !== 0);
    return status === STATUS_OBJECT_NAME_COLLISION ? call.fail(ERROR_FILE_EXISTS) : truth(call, status);
  };

/** What a path names, or null with the last error. */
function attributesOf(call: ServiceCall, path: string): FileInformation | null {
  const ntPath = ntPathOf(call, path);
  if (ntPath === null) {
    call.lastError = ERROR_PATH_NOT_FOUND;
    return null;
  }
  const information = queryAttributesFile(call.kernel, ntPath);
  if (typeof information !== 'number') return information;
  failStatus(call, information);
  return null;
}

/** DWORD GetFileAttributes(name). */
const getFileAttributes =
  (form: TextForm): ServiceFunction =>
  (call) =>
    attributesOf(call, form.read(call, call.address(0)))?.attributes ?? INVALID_FILE_ATTRIBUTES;

/** Writes attributes, three times and size as WIN32_FILE_ATTRIBUTE_DATA and WIN32_FIND_DATA begin (36 bytes). */
export function writeAttributeData(
  call: ServiceCall,
  at: number,
  data: { readonly attributes: number; readonly modifiedMs: number; readonly size: number },
): void {
  const time = { lo: 0, hi: 0 };
  fileTimeOfMs(data.modifiedMs, time);
  call.memory.writeU32(at, data.attributes);
  for (let index = 0; index < 3; index++) call.memory.writeU64(at + 4 + 8 * index, time.lo, time.hi);
  call.memory.writeU32(at + 0x1c, Math.floor(data.size / 2 ** 32));
  call.memory.writeU32(at + 0x20, data.size % 2 ** 32);
}

const ATTRIBUTE_DATA_BYTES = 36;

/** BOOL GetFileAttributesEx(name, level, information). */
const getFileAttributesEx =
  (form: TextForm): ServiceFunction =>
  (call) => {
    if (call.u32(1) !== 0) return call.fail(ERROR_INVALID_PARAMETER);
    const information = attributesOf(call, form.read(call, call.address(0)));
    if (information === null) return 0;
    call.memory.probeWrite(call.address(2), ATTRIBUTE_DATA_BYTES);
    writeAttributeData(call, call.address(2), information);
    return TRUE;
  };

/** BOOL SetFileAttributes(name, attributes). */
const setFileAttributes =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const how = { access: FILE_WRITE_ATTRIBUTES, options: 0 };
    const status = withOpen(call, form.read(call, call.address(0)), how, (handle) =>
      ntSetFileAttributes(call.kernel, call.process, handle, call.u32(1)),
    );
    return truth(call, status);
  };

/** Most tries for a free temporary name. */
const TEMPORARY_TRIES = 0xffff;

/** UINT GetTempFileName(folder, prefix, unique, buffer): with unique 0 the file is created. */
const getTempFileName =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const folder = form.read(call, call.address(0));
    const prefix = call.address(1) === 0 ? '' : form.read(call, call.address(1)).slice(0, 3);
    const base = folder.endsWith('\\') ? folder : `${folder}\\`;
    call.memory.probeWrite(call.address(3), MAX_PATH * form.unit);
    if (base.length > MAX_PATH - 14) return call.fail(ERROR_PATH_NOT_FOUND);
    const nameOf = (unique: number) => `${base}${prefix}${unique.toString(16).toUpperCase()}.tmp`;
    const wanted = call.u32(2) & 0xffff;
    if (wanted !== 0) {
      writeText(call, form, call.address(3), nameOf(wanted));
      return wanted;
    }
    const unique = createTemporary(call, nameOf);
    if (unique !== 0) writeText(call, form, call.address(3), nameOf(unique));
    return unique;
  };

/** Creates the first name that is free, and returns its number; 0 with the last error. */
function createTemporary(call: ServiceCall, nameOf: (unique: number) => string): number {
  const state = stateOf(call);
  const how = {
    access: FILE_WRITE_DATA,
    disposition: option.FILE_CREATE,
    options: option.FILE_NON_DIRECTORY_FILE,
  };
  call.memory.commit();
  for (let tries = 0; tries < TEMPORARY_TRIES; tries++) {
    state.temporaryNames = (state.temporaryNames % 0xffff) + 1;
    const name = nameOf(state.temporaryNames);
    if (pathExists(call, name)) continue;
    const status = withOpen(call, name, how, () => STATUS_SUCCESS);
    return ntSuccess(status) ? state.temporaryNames : failStatus(call, status);
  }
  return call.fail(ERROR_ALREADY_EXISTS);
}

export const fileNameFunctions: Record<string, Service | ServiceFunction> = {
  ...fileForms('DeleteFile', deleteFile),
  ...fileForms('RemoveDirectory', removeDirectory),
  ...fileForms('CreateDirectory', createDirectory),
  ...fileForms('MoveFile', moveFile(false)),
  ...fileForms('MoveFileEx', moveFile(true)),
  ...fileForms('CopyFile', copyFile),
  ...fileForms('GetFileAttributes', getFileAttributes),
  ...fileForms('GetFileAttributesEx', getFileAttributesEx),
  ...fileForms('SetFileAttributes', setFileAttributes),
  ...fileForms('GetTempFileName', getTempFileName),
};
