/** Files and directories by name (fileapi.h, winbase.h). Sources: Microsoft, "DeleteFileW function", "MoveFileExW function", "CopyFileW function", "CreateDirectoryW function", "GetFileAttributesExW function". */
import { ntSuccess, STATUS_OBJECT_PATH_NOT_FOUND, STATUS_SUCCESS } from '../../base/ntstatus.js';
import {
  DELETE,
  FILE_READ_ATTRIBUTES,
  FILE_READ_DATA,
  FILE_WRITE_ATTRIBUTES,
  FILE_WRITE_DATA,
} from '../../nt/access.js';
import {
  type FileInformation,
  setFileAttributes as ntSetFileAttributes,
  queryAttributesFile,
  queryInformationFile,
  setDeleteDisposition,
} from '../../nt/file-information.js';
import * as option from '../../nt/file-object.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import {
  ERROR_ALREADY_EXISTS,
  ERROR_DIRECTORY,
  ERROR_INVALID_PARAMETER,
  ERROR_PATH_NOT_FOUND,
} from '../ntdll/dos-error.js';
import { writeThreeTimes } from '../ntdll/file-records.js';
import { fileForms } from './file-apis.js';
import { stateOf } from './library-state.js';
import { withOpen } from './open-path.js';
import { MAX_PATH, ntPathOf, pathExists } from './path.js';
import { failStatus, TRUE, truth } from './results.js';
import { type TextForm, writeText } from './text-form.js';

const INVALID_FILE_ATTRIBUTES = 0xffffffff;

/** Deletes what a path names; returns the NTSTATUS. */
export function removePath(call: ServiceCall, path: string, options: number): number {
  return withOpen(call, path, { access: DELETE, options }, (handle) =>
    setDeleteDisposition(call.kernel, call.process, handle, true),
  );
}

/** BOOL DeleteFile(name). */
const deleteFile =
  (form: TextForm): ServiceFunction =>
  (call) =>
    truth(call, removePath(call, form.read(call, call.address(0)), option.FILE_NON_DIRECTORY_FILE));

/** BOOL RemoveDirectory(name). */
const removeDirectory =
  (form: TextForm): ServiceFunction =>
  (call) =>
    truth(call, removePath(call, form.read(call, call.address(0)), option.FILE_DIRECTORY_FILE));

/** Makes a directory; returns the NTSTATUS. */
function makeDirectory(call: ServiceCall, path: string): number {
  const how = {
    access: FILE_READ_DATA,
    disposition: option.FILE_CREATE,
    options: option.FILE_DIRECTORY_FILE,
  };
  return withOpen(call, path, how, () => STATUS_SUCCESS);
}

/** BOOL CreateDirectory(name, security). */
const createDirectory =
  (form: TextForm): ServiceFunction =>
  (call) =>
    truth(call, makeDirectory(call, form.read(call, call.address(0))));

/** BOOL CreateDirectoryEx(template, name, security): the new directory has the template's attributes. */
const createDirectoryEx =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const { kernel, process } = call;
    const [template, path] = [form.read(call, call.address(0)), form.read(call, call.address(1))];
    let attributes = 0;
    const how = { access: FILE_READ_ATTRIBUTES, options: option.FILE_DIRECTORY_FILE };
    const looked = withOpen(call, template, how, (handle) => {
      const information = queryInformationFile(kernel, process, handle);
      if (typeof information === 'number') return information;
      attributes = information.attributes & ~option.FILE_ATTRIBUTE_DIRECTORY;
      return STATUS_SUCCESS;
    });
    const made = ntSuccess(looked) ? makeDirectory(call, path) : looked;
    if (!ntSuccess(made) || attributes === 0) return truth(call, made);
    const changing = { access: FILE_WRITE_ATTRIBUTES, options: option.FILE_DIRECTORY_FILE };
    const set = (handle: number) => ntSetFileAttributes(kernel, process, handle, attributes);
    return truth(call, withOpen(call, path, changing, set));
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
  data: Pick<FileInformation, 'attributes' | 'createdMs' | 'accessedMs' | 'modifiedMs' | 'size'>,
): void {
  call.memory.writeU32(at, data.attributes);
  writeThreeTimes(call, at + 4, data);
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
    if (status === STATUS_OBJECT_PATH_NOT_FOUND) return call.fail(ERROR_DIRECTORY);
    return ntSuccess(status) ? state.temporaryNames : failStatus(call, status);
  }
  return call.fail(ERROR_ALREADY_EXISTS);
}

export const fileNameFunctions: Record<string, Service | ServiceFunction> = {
  ...fileForms('DeleteFile', deleteFile),
  ...fileForms('RemoveDirectory', removeDirectory),
  ...fileForms('CreateDirectory', createDirectory),
  ...fileForms('CreateDirectoryEx', createDirectoryEx),
  ...fileForms('GetFileAttributes', getFileAttributes),
  ...fileForms('GetFileAttributesEx', getFileAttributesEx),
  ...fileForms('SetFileAttributes', setFileAttributes),
  ...fileForms('GetTempFileName', getTempFileName),
};
