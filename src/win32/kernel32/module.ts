/** Modules (libloaderapi.h). Sources: Microsoft, "GetModuleHandleExW function", "GetModuleFileNameW function", "LoadLibraryExW function", "GetProcAddress function". */
import { ntSuccess, STATUS_INVALID_PARAMETER } from '../../base/ntstatus.js';
import { updateEntry } from '../../ldr/ldr-entries.js';
import { findLoaded } from '../../ldr/ldr-load.js';
import { type Finish, loadDllService, procedureService, unloadDllService } from '../../ldr/load-dll.js';
import { type LoadedModule, moduleAt, moduleOfAddress } from '../../ldr/loader-state.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import {
  ERROR_INSUFFICIENT_BUFFER,
  ERROR_INVALID_HANDLE,
  ERROR_INVALID_PARAMETER,
  ERROR_MOD_NOT_FOUND,
} from '../ntdll/dos-error.js';
import { freeDataFile, isDataHandle, loadAsData } from './data-file.js';
import { failStatus, TRUE } from './results.js';
import { bothForms, type TextForm, writeText } from './text-form.js';

/** The base or address on success, else 0 and the last error. */
const valueOrError: Finish = (call, status, value) => (ntSuccess(status) ? value : failStatus(call, status));

/** The module of a handle; 0 means the program. */
function moduleOf(call: ServiceCall, handle: number): LoadedModule | undefined {
  return moduleAt(call.process, handle === 0 ? call.process.imageBase : handle);
}

/** HMODULE GetModuleHandle(name). */
const getModuleHandle =
  (form: TextForm): ServiceFunction =>
  (call) => {
    if (call.address(0) === 0) return call.process.imageBase;
    return findLoaded(call, form.read(call, call.address(0)))?.base ?? call.fail(ERROR_MOD_NOT_FOUND);
  };

const PIN = 1;
const UNCHANGED_REFCOUNT = 2;
const FROM_ADDRESS = 4;

/** BOOL GetModuleHandleEx(flags, name, module). */
const getModuleHandleEx =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const [flags, name, out] = [call.u32(0), call.address(1), call.address(2)];
    call.memory.probeWrite(out, 8);
    const both = PIN | UNCHANGED_REFCOUNT;
    if (flags & ~(both | FROM_ADDRESS) || (flags & both) === both) return call.fail(ERROR_INVALID_PARAMETER);
    const module =
      flags & FROM_ADDRESS
        ? moduleOfAddress(call.process, name)
        : name === 0
          ? moduleOf(call, 0)
          : findLoaded(call, form.read(call, name));
    call.memory.writePointer(out, module?.base ?? 0);
    if (module === undefined) return call.fail(ERROR_MOD_NOT_FOUND);
    call.memory.commit();
    if (flags & PIN) module.pinned = true;
    else if (!(flags & UNCHANGED_REFCOUNT)) module.loadCount++;
    updateEntry(call, module);
    return TRUE;
  };

/** DWORD GetModuleFileName(module, buffer, units): a path that does not fit is cut, and the answer is `units`. */
const getModuleFileName =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const module = moduleOf(call, call.address(0));
    if (module === undefined) return call.fail(ERROR_MOD_NOT_FOUND);
    const [buffer, room] = [call.address(1), call.u32(2)];
    const bytes = form.encode(module.path);
    const units = bytes.length / form.unit;
    if (units < room) {
      writeText(call, form, buffer, module.path);
      call.lastError = 0;
      return units;
    }
    if (room > 0) {
      const cut = new Uint8Array(room * form.unit);
      cut.set(bytes.subarray(0, (room - 1) * form.unit));
      call.memory.writeBytes(buffer, cut);
    }
    return call.fail(ERROR_INSUFFICIENT_BUFFER, room);
  };

const loadLibrary = (form: TextForm): Service =>
  loadDllService(
    (call) => (call.address(0) === 0 ? STATUS_INVALID_PARAMETER : form.read(call, call.address(0))),
    valueOrError,
  );

const LOAD_LIBRARY_AS_DATAFILE = 0x2;
const LOAD_LIBRARY_AS_IMAGE_RESOURCE = 0x20;
const LOAD_LIBRARY_AS_DATAFILE_EXCLUSIVE = 0x40;
const AS_DATA =
  LOAD_LIBRARY_AS_DATAFILE | LOAD_LIBRARY_AS_IMAGE_RESOURCE | LOAD_LIBRARY_AS_DATAFILE_EXCLUSIVE;

/** HMODULE LoadLibraryEx(name, file, flags). As data, a file that is mapped as an image too reads as one. */
const loadLibraryEx = (form: TextForm): Service => {
  const isRefused = (call: ServiceCall) => call.address(0) === 0 || call.handle(1) !== 0;
  const load = loadDllService(
    (call) => (isRefused(call) ? STATUS_INVALID_PARAMETER : form.read(call, call.address(0))),
    valueOrError,
  );
  return {
    ...load,
    enter: (call) => {
      const flags = call.u32(2);
      if (isRefused(call) || !(flags & AS_DATA)) return load.enter(call);
      const name = form.read(call, call.address(0));
      return loadAsData(call, name, (flags & LOAD_LIBRARY_AS_IMAGE_RESOURCE) !== 0);
    },
  };
};

/** Names at addresses below this are ordinals. */
const FIRST_NAME = 0x10000;

/** FARPROC GetProcAddress(module, name). */
const getProcAddress = procedureService((call) => {
  const name = call.address(1);
  const base = call.address(0) === 0 ? call.process.imageBase : call.address(0);
  if (name < FIRST_NAME) return { base, name: null, ordinal: name };
  return { base, name: call.memory.readAnsi(name), ordinal: -1 };
}, valueOrError);

const unloadLibrary = unloadDllService(
  (call) => call.address(0),
  (call, status) => (ntSuccess(status) ? TRUE : failStatus(call, status)),
);

/** BOOL FreeLibrary(module). */
const freeLibrary: Service = {
  ...unloadLibrary,
  enter: (call) => {
    if (!isDataHandle(call.address(0))) return unloadLibrary.enter(call);
    return freeDataFile(call, call.address(0)) ? TRUE : call.fail(ERROR_INVALID_HANDLE);
  },
};

/** void FreeLibraryAndExitThread(module, code). */
const freeLibraryAndExitThread: Service = {
  enter: (call) => call.callGuest(call.symbol('kernel32.dll', 'FreeLibrary'), [call.address(0)], 0, []),
  steps: [
    (call) => call.callGuest(call.symbol('kernel32.dll', 'ExitThread'), [call.u32(1)], 1, []),
    (call) => call.terminateThread(call.u32(1)),
  ],
};

/** BOOL DisableThreadLibraryCalls(module). */
const disableThreadCalls: ServiceFunction = (call) => {
  const module = moduleAt(call.process, call.address(0));
  if (module === undefined || module.tls !== null) return call.fail(ERROR_MOD_NOT_FOUND);
  module.threadCalls = false;
  return TRUE;
};

export const moduleFunctions: Record<string, Service | ServiceFunction> = {
  ...bothForms('GetModuleHandle', getModuleHandle),
  ...bothForms('GetModuleHandleEx', getModuleHandleEx),
  ...bothForms('GetModuleFileName', getModuleFileName),
  ...bothForms('LoadLibrary', loadLibrary),
  ...bothForms('LoadLibraryEx', loadLibraryEx),
  GetProcAddress: getProcAddress,
  FreeLibrary: freeLibrary,
  FreeLibraryAndExitThread: freeLibraryAndExitThread,
  DisableThreadLibraryCalls: disableThreadCalls,
};
