/** RTL_USER_PROCESS_PARAMETERS: what the program was started with, in guest memory (RtlCreateProcessParameters). */
import { MEM_COMMIT, MEM_RESERVE, PAGE_READWRITE } from '../base/memory-constants.js';
import { ntSuccess } from '../base/ntstatus.js';
import { allocateVirtualMemory } from '../mm/virtual-memory.js';
import type { ServiceCall } from '../nt/service.js';
import { writeUnicodeString } from './ldr-entries.js';
import { LoaderFailure } from './loader-state.js';
import * as peb from './peb-layout.js';

/** Most UTF-16 units of a path in the parameters. */
const MAXIMUM_PATH = 32767;
/** Bytes kept for the current directory, which changes: MAX_PATH units and a zero. */
const CURRENT_DIRECTORY_BYTES = 261 * 2;
/** Where DLLs are looked for after the program's folder, as the parameters say it. */
const DLL_PATH_REST = ';;C:\\Windows\\System32;C:\\Windows;.';
const DESKTOP = 'WinSta0\\Default';

/** The current directory as the process has it now, without a trailing backslash except in a root. */
export function currentDirectory(call: ServiceCall): string {
  const { memory, process } = call;
  const parameters = memory.readPointer(process.peb + peb.PEB_PROCESS_PARAMETERS);
  const at = parameters + peb.PARAMETERS_CURRENT_DIRECTORY;
  const units = Math.min(memory.readU16(at) >>> 1, MAXIMUM_PATH);
  const path = memory.readUtf16(memory.readPointer(at + 8), units);
  return path.length > 3 && path.endsWith('\\') ? path.slice(0, -1) : path;
}

/** Writes the parameters and the environment block. Throws LoaderFailure when there is no memory for them. */
export function createProcessParameters(call: ServiceCall): void {
  const { memory, process } = call;
  const { imagePath, commandLine } = process;
  const strings: [offset: number, text: string, bytes: number][] = [
    [
      peb.PARAMETERS_CURRENT_DIRECTORY,
      withBackslash(process.currentDirectory),
      Math.max(CURRENT_DIRECTORY_BYTES, process.currentDirectory.length * 2 + 4),
    ],
    ...[
      [peb.PARAMETERS_DLL_PATH, folderOf(imagePath) + DLL_PATH_REST] as const,
      [peb.PARAMETERS_IMAGE_PATH, imagePath] as const,
      [peb.PARAMETERS_COMMAND_LINE, commandLine] as const,
      [peb.PARAMETERS_WINDOW_TITLE, imagePath] as const,
      [peb.PARAMETERS_DESKTOP_INFO, DESKTOP] as const,
      [peb.PARAMETERS_SHELL_INFO, ''] as const,
      [peb.PARAMETERS_RUNTIME_DATA, ''] as const,
    ].map(([offset, text]): [number, string, number] => [offset, text, text.length * 2 + 2]),
  ];
  const size = strings.reduce((sum, [, , bytes]) => sum + bytes, peb.PARAMETERS_SIZE);
  const parameters = allocatePages(call, size);
  memory.writeU32(parameters + peb.PARAMETERS_MAXIMUM_LENGTH, size);
  memory.writeU32(parameters + peb.PARAMETERS_LENGTH, size);
  memory.writeU32(parameters + peb.PARAMETERS_FLAGS, peb.PARAMETERS_NORMALIZED);
  process.standardHandles.forEach((handle, index) => {
    memory.writeU64(parameters + peb.PARAMETERS_STANDARD_INPUT + 8 * index, handle, 0);
  });
  let at = parameters + peb.PARAMETERS_SIZE;
  for (const [offset, text, bytes] of strings) {
    memory.writeUtf16(at, text);
    writeUnicodeString(call, parameters + offset, at, text);
    memory.writeU16(parameters + offset + 2, bytes);
    at += bytes;
  }
  writeEnvironment(call, parameters);
  memory.writePointer(process.peb + peb.PEB_PROCESS_PARAMETERS, parameters);
}

const folderOf = (path: string) => path.slice(0, Math.max(path.lastIndexOf('\\'), 0));
const withBackslash = (folder: string) => (folder.endsWith('\\') ? folder : `${folder}\\`);

/** The block of NAME=value strings, each with a zero, and one more zero at the end. */
function writeEnvironment(call: ServiceCall, parameters: number): void {
  const block = `${call.process.environment.map((entry) => `${entry}\0`).join('')}\0\0`;
  const address = allocatePages(call, block.length * 2);
  call.memory.writeUtf16(address, block);
  call.memory.writePointer(parameters + peb.PARAMETERS_ENVIRONMENT, address);
  call.memory.writeU64(parameters + peb.PARAMETERS_ENVIRONMENT_SIZE, block.length * 2, 0);
}

/** Pages of their own, committed. */
export function allocatePages(call: ServiceCall, bytes: number, protection = PAGE_READWRITE): number {
  const request = { baseAddress: 0, regionSize: bytes };
  const { kernel, process } = call;
  const status = allocateVirtualMemory(
    kernel.mm,
    process.space,
    request,
    MEM_RESERVE | MEM_COMMIT,
    protection,
  );
  if (!ntSuccess(status)) throw new LoaderFailure(status, 'there is no memory for the loader');
  return request.baseAddress;
}
