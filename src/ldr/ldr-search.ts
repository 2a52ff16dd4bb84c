/** Where DLLs are looked for (LdrpResolveDllName). Source: Microsoft, "Dynamic-link library search order". */
import {
  STATUS_DLL_NOT_FOUND,
  STATUS_NO_SUCH_FILE,
  STATUS_NOT_A_DIRECTORY,
  STATUS_OBJECT_NAME_INVALID,
  STATUS_OBJECT_NAME_NOT_FOUND,
  STATUS_OBJECT_PATH_NOT_FOUND,
  STATUS_OBJECT_PATH_SYNTAX_BAD,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import { FILE_EXECUTE, FILE_READ_DATA } from '../nt/access.js';
import { createFile } from '../nt/create-file.js';
import { fullDosPath } from '../nt/dos-path.js';
import { FILE_NON_DIRECTORY_FILE, FILE_OPEN, FILE_SHARE_DELETE, FILE_SHARE_READ } from '../nt/file-object.js';
import type { ServiceCall } from '../nt/service.js';
import { apiSetHost } from './api-sets.js';
import { LoaderFailure } from './loader-state.js';
import { currentDirectory } from './process-parameters.js';

export const SYSTEM_DIRECTORY = 'C:\\Windows\\System32';

/** Most UTF-16 units of a path. */
const MAXIMUM_PATH = 32767;

/** Statuses of an open that mean: look further. */
const NOT_THERE = [
  STATUS_OBJECT_NAME_NOT_FOUND,
  STATUS_OBJECT_PATH_NOT_FOUND,
  STATUS_OBJECT_NAME_INVALID,
  STATUS_OBJECT_PATH_SYNTAX_BAD,
  STATUS_NO_SUCH_FILE,
  STATUS_NOT_A_DIRECTORY,
];

/** A DLL's file that was found and opened to be executed. */
export interface OpenDll {
  readonly path: string;
  readonly handle: number;
}

export function baseNameOf(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('\\'), path.lastIndexOf('/')) + 1);
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('\\'), 2));
}

const hasFolder = (name: string) => /[\\/:]/.test(name);

/** The file that a DLL's name means: the host of an API set; else the name with its extension. */
export function moduleFileName(name: string): string {
  return apiSetHost(name) ?? withExtension(name);
}

/** The name with .dll where it has no extension; a final dot says that it has none and wants none. */
function withExtension(name: string): string {
  const base = baseNameOf(name);
  if (base.endsWith('.')) return name.slice(0, -1);
  return base.includes('.') ? name : `${name}.dll`;
}

/** The full paths at which a DLL may be, best first. */
export function candidatePaths(call: ServiceCall, name: string): string[] {
  const current = currentDirectory(call);
  if (hasFolder(name)) return [fullDosPath(name, current)];
  const folders = [SYSTEM_DIRECTORY, folderOf(call.process.imagePath), current];
  const paths = folders.map((folder) => (folder.endsWith('\\') ? folder + name : `${folder}\\${name}`));
  return paths.filter((path, index) => paths.indexOf(path) === index);
}

/** Opens the first file of that name. Throws LoaderFailure: STATUS_DLL_NOT_FOUND, or why a file that is there cannot be opened. */
export function openDll(call: ServiceCall, name: string, wantedBy: string): OpenDll {
  if (name === '' || name.length > MAXIMUM_PATH) throw notFound(name, wantedBy);
  for (const path of candidatePaths(call, name)) {
    const out = { handle: 0, information: 0 };
    const status = createFile(
      call.kernel,
      call.process,
      {
        path: `\\??\\${path}`,
        access: FILE_EXECUTE | FILE_READ_DATA,
        share: FILE_SHARE_READ | FILE_SHARE_DELETE,
        disposition: FILE_OPEN,
        options: FILE_NON_DIRECTORY_FILE,
      },
      out,
    );
    if (status === STATUS_SUCCESS) return { path, handle: out.handle };
    if (!NOT_THERE.includes(status))
      throw new LoaderFailure(status, `${path} cannot be opened (status 0x${status.toString(16)})`);
  }
  throw notFound(name, wantedBy);
}

function notFound(name: string, wantedBy: string): LoaderFailure {
  return new LoaderFailure(
    STATUS_DLL_NOT_FOUND,
    wantedBy === '' ? `${name} was not found` : `${name}, which ${wantedBy} needs, was not found`,
  );
}
