/** Paths and well-known folders (fileapi.h, processenv.h). Sources: Microsoft, "GetFullPathNameW function", "GetTempPathW function", "SetCurrentDirectory function". */
import {
  STATUS_NAME_TOO_LONG,
  STATUS_NOT_A_DIRECTORY,
  STATUS_OBJECT_PATH_NOT_FOUND,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import * as peb from '../../ldr/peb-layout.js';
import { currentDirectory } from '../../ldr/process-parameters.js';
import { dosPathToNtPath, dosPathType, fullDosPath } from '../../nt/dos-path.js';
import { queryAttributesFile } from '../../nt/file-information.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { ERROR_FILE_NOT_FOUND, ERROR_INVALID_PARAMETER, ERROR_PATH_NOT_FOUND } from '../ntdll/dos-error.js';
import { environmentValue } from './environment.js';
import { fileForms } from './file-apis.js';
import { processParameters, setUnicodeString } from './process-parameters.js';
import { failStatus, TRUE } from './results.js';
import { giveText, type TextForm } from './text-form.js';

/** Units of a path with its terminator, where it does not begin with \\?\ . */
export const MAX_PATH = 260;
export const SYSTEM_DIRECTORY = 'C:\\Windows\\system32';
export const WINDOWS_DIRECTORY = 'C:\\Windows';

/** Full form of a path. */
export function fullPathOf(call: ServiceCall, path: string): string {
  return fullDosPath(path, currentDirectory(call));
}

/** PEB.BitField, and its bit IsLongPathAwareProcess: paths without \\?\ may be longer than MAX_PATH. */
const PEB_BIT_FIELD = 3;
const LONG_PATH_AWARE = 0x80;

function isLongPathAware(call: ServiceCall): boolean {
  return (call.memory.readU8(call.process.peb + PEB_BIT_FIELD) & LONG_PATH_AWARE) !== 0;
}

/** The NT path of a Win32 path; null for an empty path, or one of MAX_PATH units and more that may not be so long. */
export function ntPathOf(call: ServiceCall, path: string): string | null {
  const isLong = dosPathType(path) !== 'verbatim' && fullPathOf(call, path).length >= MAX_PATH;
  if (isLong && !isLongPathAware(call)) return null;
  return dosPathToNtPath(path, currentDirectory(call));
}

/** DWORD GetFullPathName(name, units, buffer, filePart). */
const getFullPathName =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const path = call.address(0) === 0 ? '' : form.read(call, call.address(0));
    if (path === '') return call.fail(ERROR_INVALID_PARAMETER);
    const full = fullPathOf(call, path);
    const partAt = call.address(3);
    if (partAt !== 0) call.memory.probeWrite(partAt, 8);
    const length = giveText(call, form, full, call.address(2), call.u32(1));
    if (partAt !== 0 && length < call.u32(1)) {
      const folder = full.slice(0, full.lastIndexOf('\\') + 1);
      const start = call.address(2) + form.encode(folder).length;
      call.memory.writePointer(partAt, folder === full ? 0 : start);
    }
    return length;
  };

/** DWORD GetCurrentDirectory(units, buffer). */
const getCurrentDirectory =
  (form: TextForm): ServiceFunction =>
  (call) =>
    giveText(call, form, currentDirectory(call), call.address(1), call.u32(0));

/** Makes a folder the current directory; an NTSTATUS. Source: "SetCurrentDirectory function". */
export function changeDirectory(call: ServiceCall, path: string): number {
  const ntPath = ntPathOf(call, path);
  if (ntPath === null) return STATUS_OBJECT_PATH_NOT_FOUND;
  const information = queryAttributesFile(call.kernel, ntPath.replace(/([^:])\\$/, '$1'));
  if (typeof information === 'number') return information;
  if (!information.directory) return STATUS_NOT_A_DIRECTORY;
  const full = information.path.endsWith('\\') ? information.path : `${information.path}\\`;
  const at = processParameters(call) + peb.PARAMETERS_CURRENT_DIRECTORY;
  return setUnicodeString(call, at, full) ? STATUS_SUCCESS : STATUS_NAME_TOO_LONG;
}

/** BOOL SetCurrentDirectory(path). */
const setCurrentDirectory =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const status = changeDirectory(call, form.read(call, call.address(0)));
    return status === STATUS_SUCCESS ? TRUE : failStatus(call, status);
  };

/** DWORD GetTempPath(units, buffer): TMP, TEMP, USERPROFILE or the Windows folder, with a backslash at the end. */
const getTempPath =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const folder =
      environmentValue(call, 'TMP') ??
      environmentValue(call, 'TEMP') ??
      environmentValue(call, 'USERPROFILE') ??
      WINDOWS_DIRECTORY;
    const full = fullPathOf(call, folder);
    return giveText(call, form, full.endsWith('\\') ? full : `${full}\\`, call.address(1), call.u32(0));
  };

/** UINT GetSystemDirectory(buffer, units) and its like. */
const folder =
  (path: string) =>
  (form: TextForm): ServiceFunction =>
  (call) =>
    giveText(call, form, path, call.address(0), call.u32(1));

/** DWORD GetLongPathName(short, long, units): the names as they are spelled on the volume. */
const getLongPathName =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const path = form.read(call, call.address(0));
    const ntPath = ntPathOf(call, path);
    if (ntPath === null) return call.fail(ERROR_PATH_NOT_FOUND);
    const information = queryAttributesFile(call.kernel, ntPath);
    if (typeof information === 'number') return failStatus(call, information);
    const full = fullPathOf(call, path);
    const named = full === path ? information.path : path;
    return giveText(call, form, named, call.address(1), call.u32(2));
  };

/** Whether a path names something; the last error is not changed. */
export function pathExists(call: ServiceCall, path: string): boolean {
  const ntPath = ntPathOf(call, path);
  if (ntPath === null) return false;
  return typeof queryAttributesFile(call.kernel, ntPath) !== 'number';
}

/** Folders that SearchPath looks in without a path of its own: the program's, the current one, the system's, PATH. */
function defaultSearchPath(call: ServiceCall): string[] {
  const { imagePath } = call.process;
  const own = imagePath.slice(0, Math.max(imagePath.lastIndexOf('\\'), 0));
  const path = environmentValue(call, 'PATH')?.split(';') ?? [];
  return [own, currentDirectory(call), SYSTEM_DIRECTORY, WINDOWS_DIRECTORY, ...path];
}

/** The full path of the first file of a name in some folders; null when none has it. */
function searchIn(call: ServiceCall, folders: readonly string[], name: string): string | null {
  if (/[\\/:]/.test(name)) return pathExists(call, name) ? fullPathOf(call, name) : null;
  for (const folder of folders) {
    if (folder === '') continue;
    const path = `${folder.replace(/[\\/]$/, '')}\\${name}`;
    if (pathExists(call, path)) return fullPathOf(call, path);
  }
  return null;
}

/** DWORD SearchPath(path, file, extension, units, buffer, *filePart). */
const searchPath =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const name = call.address(1) === 0 ? '' : form.read(call, call.address(1));
    if (name === '') return call.fail(ERROR_INVALID_PARAMETER);
    const folders =
      call.address(0) === 0 ? defaultSearchPath(call) : form.read(call, call.address(0)).split(';');
    const last = name.slice(Math.max(name.lastIndexOf('\\'), name.lastIndexOf('/')) + 1);
    const extension = call.address(2) === 0 || last.includes('.') ? '' : form.read(call, call.address(2));
    const found = searchIn(call, folders, name + extension);
    if (found === null) return call.fail(ERROR_FILE_NOT_FOUND);
    if (call.address(5) !== 0) call.memory.probeWrite(call.address(5), 8);
    const length = giveText(call, form, found, call.address(4), call.u32(3));
    if (call.address(5) !== 0 && length < call.u32(3)) {
      const folder = found.slice(0, found.lastIndexOf('\\') + 1);
      call.memory.writePointer(call.address(5), call.address(4) + form.encode(folder).length);
    }
    return length;
  };

export const pathFunctions: Record<string, Service | ServiceFunction> = {
  ...fileForms('GetFullPathName', getFullPathName),
  ...fileForms('SearchPath', searchPath),
  ...fileForms('GetCurrentDirectory', getCurrentDirectory),
  ...fileForms('SetCurrentDirectory', setCurrentDirectory),
  ...fileForms('GetTempPath', getTempPath),
  ...fileForms('GetSystemDirectory', folder(SYSTEM_DIRECTORY)),
  ...fileForms('GetWindowsDirectory', folder(WINDOWS_DIRECTORY)),
  ...fileForms('GetSystemWindowsDirectory', folder(WINDOWS_DIRECTORY)),
  ...fileForms('GetLongPathName', getLongPathName),
  ...fileForms('GetShortPathName', getLongPathName),
};
