/** RTL_USER_PROCESS_PARAMETERS: what the program was started with, in guest memory (RtlCreateProcessParameters). */
import { MEM_COMMIT, MEM_RESERVE, PAGE_READWRITE } from '../base/memory-constants.js';
import { ntSuccess } from '../base/ntstatus.js';
import { allocateVirtualMemory } from '../mm/virtual-memory.js';
import type { StartupSettings } from '../nt/process.js';
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
  const { imagePath, commandLine, startup } = process;
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
      [peb.PARAMETERS_WINDOW_TITLE, startup?.title ?? imagePath] as const,
      [peb.PARAMETERS_DESKTOP_INFO, startup?.desktop ?? DESKTOP] as const,
      [peb.PARAMETERS_SHELL_INFO, ''] as const,
    ].map(([offset, text]): [number, string, number] => [offset, text, text.length * 2 + 2]),
  ];
  const runtimeData = startup?.runtimeData ?? new Uint8Array(0);
  const size = strings.reduce((sum, [, , bytes]) => sum + bytes, peb.PARAMETERS_SIZE + runtimeData.length);
  const parameters = allocatePages(call, size);
  memory.writeU32(parameters + peb.PARAMETERS_MAXIMUM_LENGTH, size);
  memory.writeU32(parameters + peb.PARAMETERS_LENGTH, size);
  memory.writeU32(parameters + peb.PARAMETERS_FLAGS, peb.PARAMETERS_NORMALIZED);
  process.standardHandles.forEach((handle, index) => {
    const at = parameters + peb.PARAMETERS_STANDARD_INPUT + 8 * index;
    memory.writeU64(at, handle >>> 0, handle < 0 ? 0xffffffff : 0);
  });
  if (startup !== null) writeWindowSettings(call, parameters, startup);
  let at = parameters + peb.PARAMETERS_SIZE;
  for (const [offset, text, bytes] of strings) {
    memory.writeUtf16(at, text);
    writeUnicodeString(call, parameters + offset, at, text);
    memory.writeU16(parameters + offset + 2, bytes);
    at += bytes;
  }
  memory.writeBytes(at, runtimeData);
  memory.writeU16(parameters + peb.PARAMETERS_RUNTIME_DATA, runtimeData.length);
  memory.writeU16(parameters + peb.PARAMETERS_RUNTIME_DATA + 2, runtimeData.length);
  memory.writePointer(parameters + peb.PARAMETERS_RUNTIME_DATA + 8, runtimeData.length === 0 ? 0 : at);
  writeEnvironment(call, parameters);
  memory.writePointer(process.peb + peb.PEB_PROCESS_PARAMETERS, parameters);
}

const folderOf = (path: string) => path.slice(0, Math.max(path.lastIndexOf('\\'), 0));
const withBackslash = (folder: string) => (folder.endsWith('\\') ? folder : `${folder}\\`);

/** What STARTUPINFO said of the window. */
function writeWindowSettings(call: ServiceCall, parameters: number, startup: StartupSettings): void {
  const { memory } = call;
  startup.position.forEach((value, index) => {
    memory.writeU32(parameters + peb.PARAMETERS_STARTING_X + 4 * index, value);
  });
  memory.writeU32(parameters + peb.PARAMETERS_WINDOW_FLAGS, startup.flags);
  memory.writeU32(parameters + peb.PARAMETERS_SHOW_WINDOW, startup.showWindow);
}

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
