/** Which file CreateProcess runs. Source: Microsoft, "CreateProcessW function", lpApplicationName and lpCommandLine. */
import {
  STATUS_FILE_IS_A_DIRECTORY,
  STATUS_OBJECT_NAME_INVALID,
  STATUS_OBJECT_NAME_NOT_FOUND,
  STATUS_OBJECT_PATH_NOT_FOUND,
} from '../../base/ntstatus.js';
import { currentDirectory } from '../../ldr/process-parameters.js';
import { queryAttributesFile } from '../../nt/file-information.js';
import type { ServiceCall } from '../../nt/service.js';
import { environmentValue } from './environment.js';
import { MAX_PATH, ntPathOf, SYSTEM_DIRECTORY, WINDOWS_DIRECTORY } from './path.js';

const hasFolder = (name: string) => /[\\/:]/.test(name);

/** The full path of a file as it is spelled on the volume; a number is the NTSTATUS for which it cannot be a program. */
export function programPath(call: ServiceCall, name: string): string | number {
  const ntPath = ntPathOf(call, name);
  if (ntPath === null) return STATUS_OBJECT_PATH_NOT_FOUND;
  const information = queryAttributesFile(call.kernel, ntPath);
  if (typeof information === 'number') return information;
  return information.directory ? STATUS_FILE_IS_A_DIRECTORY : information.path;
}

/** Folders in which a name without one is looked for, those that exist: the program's own, the current one, the system's, PATH. */
function searchFolders(call: ServiceCall): string[] {
  const { imagePath } = call.process;
  const own = imagePath.slice(0, Math.max(imagePath.lastIndexOf('\\'), 0));
  const path = environmentValue(call, 'PATH')?.split(';') ?? [];
  const folders = [own, currentDirectory(call), SYSTEM_DIRECTORY, WINDOWS_DIRECTORY, ...path];
  return [...new Set(folders)].filter((folder) => {
    const ntPath = folder === '' ? null : ntPathOf(call, folder);
    const information = ntPath === null ? null : queryAttributesFile(call.kernel, ntPath);
    return typeof information === 'object' && information?.directory === true;
  });
}

/** The name with .exe first where its last part has no extension. */
function spellings(name: string): string[] {
  const last = name.slice(Math.max(name.lastIndexOf('\\'), name.lastIndexOf('/')) + 1);
  return last.includes('.') ? [name] : [`${name}.exe`, name];
}

/** What a command line may begin with: what stands in quotes, or everything up to each blank in turn. */
function* programNames(commandLine: string): Generator<string> {
  const line = commandLine.trimStart();
  if (line.startsWith('"')) {
    const end = line.indexOf('"', 1);
    yield line.slice(1, end < 0 ? line.length : end);
    return;
  }
  for (const { index } of line.matchAll(/[ \t]+|$/g)) {
    if (index >= MAX_PATH) return;
    yield line.slice(0, index);
  }
}

/** Finds the program that a command line names; a number is the NTSTATUS that the first possible name has met. */
export function findProgram(call: ServiceCall, commandLine: string): string | number {
  let folders: string[] | null = null;
  let refusal = -1;
  for (const name of programNames(commandLine)) {
    let status = STATUS_OBJECT_NAME_NOT_FOUND;
    if (name === '') continue;
    for (const spelling of spellings(name)) {
      folders ??= hasFolder(name) ? null : searchFolders(call);
      const places = hasFolder(name) ? [spelling] : folders!.map((folder) => inFolder(folder, spelling));
      for (const place of places) {
        const path = programPath(call, place);
        if (typeof path === 'string') return path;
        if (hasFolder(name) || path === STATUS_OBJECT_NAME_INVALID) status = path;
      }
    }
    if (refusal < 0) refusal = status;
  }
  return refusal < 0 ? STATUS_OBJECT_PATH_NOT_FOUND : refusal;
}

const inFolder = (folder: string, name: string) =>
  folder.endsWith('\\') ? folder + name : `${folder}\\${name}`;
