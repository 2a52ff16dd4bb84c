/** The modules of the running process (psapi.h). Sources: Microsoft, "EnumProcessModules function", "MODULEINFO structure", "QueryFullProcessImageNameW function". */
import { STATUS_INVALID_HANDLE } from '../../base/ntstatus.js';
import { type LoadedModule, loaderOf, moduleAt } from '../../ldr/loader-state.js';
import { PROCESS_QUERY_INFORMATION } from '../../nt/access.js';
import { referenceByHandle } from '../../nt/object-manager.js';
import type { Process } from '../../nt/process.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_HANDLE } from '../ntdll/dos-error.js';
import { failStatus, TRUE } from './results.js';
import { bothForms, giveText, type TextForm, writeText } from './text-form.js';

/** Runs a function for the process of the first argument. */
const withProcess =
  (run: (call: ServiceCall, process: Process) => number): ServiceFunction =>
  (call) => {
    const { kernel, process } = call;
    const found = referenceByHandle(kernel, process, call.handle(0), 'process', PROCESS_QUERY_INFORMATION);
    if (typeof found === 'number') return failStatus(call, found);
    return run(call, found as Process);
  };

/**
 * BOOL EnumProcessModules(process, modules, bytes, needed): as many bases as fit, in load order. The Ex form's filter chooses
 * between 32-bit and 64-bit modules for 32-bit callers alone.
 */
const enumerate = withProcess((call, process) => {
  const { modules } = loaderOf(process);
  const room = Math.min(Math.floor(call.u32(2) / 8), modules.length);
  call.memory.probeWrite(call.address(3), 4);
  call.memory.probeWrite(call.address(1), room * 8);
  for (let index = 0; index < room; index++)
    call.memory.writePointer(call.address(1) + 8 * index, modules[index]!.base);
  call.memory.writeU32(call.address(3), modules.length * 8);
  return TRUE;
});

/** Runs a function for a module of a process; a handle of 0 means the program. */
const withModule = (run: (call: ServiceCall, module: LoadedModule) => number) =>
  withProcess((call, process) => {
    const module = moduleAt(process, call.address(1) === 0 ? process.imageBase : call.address(1));
    return module === undefined ? call.fail(ERROR_INVALID_HANDLE) : run(call, module);
  });

const MODULE_INFO_BYTES = 24;

/** BOOL GetModuleInformation(process, module, information, bytes). */
const information = withModule((call, { base, headers }) => {
  if (call.u32(3) < MODULE_INFO_BYTES) return call.fail(ERROR_INSUFFICIENT_BUFFER);
  const at = call.address(2);
  call.memory.probeWrite(at, MODULE_INFO_BYTES);
  call.memory.writePointer(at, base);
  call.memory.writeU64(at + 8, headers.sizeOfImage, 0);
  call.memory.writePointer(at + 16, headers.entryPointRva === 0 ? 0 : base + headers.entryPointRva);
  return TRUE;
});

/** DWORD GetModuleBaseName(process, module, buffer, units) and GetModuleFileNameEx: cut to what fits. */
const moduleName = (textOf: (module: LoadedModule) => string) => (form: TextForm) =>
  withModule((call, module) => {
    const room = call.u32(3);
    if (room === 0) return call.fail(ERROR_INSUFFICIENT_BUFFER);
    const text = textOf(module).slice(0, room - 1);
    writeText(call, form, call.address(2), text);
    return text.length;
  });

/** BOOL QueryFullProcessImageName(process, flags, buffer, units). */
const imageName = (form: TextForm) =>
  withProcess((call, process) => {
    const sizeAt = call.address(3);
    const room = call.memory.readU32(sizeAt);
    call.memory.probeWrite(sizeAt, 4);
    if (process.imagePath === '') return failStatus(call, STATUS_INVALID_HANDLE);
    const length = giveText(call, form, process.imagePath, call.address(2), room);
    if (length >= room) return call.fail(ERROR_INSUFFICIENT_BUFFER);
    call.memory.writeU32(sizeAt, length);
    return TRUE;
  });

export const processModuleFunctions: Record<string, Service | ServiceFunction> = {
  K32EnumProcessModules: enumerate,
  K32EnumProcessModulesEx: enumerate,
  K32GetModuleInformation: information,
  ...bothForms(
    'K32GetModuleBaseName',
    moduleName(({ name }) => name),
  ),
  ...bothForms(
    'K32GetModuleFileNameEx',
    moduleName(({ path }) => path),
  ),
  ...bothForms('QueryFullProcessImageName', imageName),
};
