/** The loader functions that ntdll exports. Names and arguments as in the published prototypes of Ldr functions. */
import { ntSuccess, STATUS_DLL_NOT_FOUND, STATUS_SUCCESS } from '../../base/ntstatus.js';
import { findLoaded } from '../../ldr/ldr-load.js';
import { loadDllService, procedureService, unloadDllService } from '../../ldr/load-dll.js';
import { moduleAt, moduleOfAddress } from '../../ldr/loader-state.js';
import { MISSING_IMPORT_SERVICE, missingImport } from '../../ldr/missing-import.js';
import { exitProcessService, exitThreadService, rtlUserThreadStart } from '../../ldr/process-exit.js';
import { ldrInitializeThunk } from '../../ldr/process-startup.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { readUnicodeString } from './strings.js';

/** Stores the base or address where the last argument points, when the operation succeeded. */
const storeAt = (argument: number) => (call: ServiceCall, status: number, value: number) => {
  if (ntSuccess(status)) call.memory.writePointer(call.address(argument), value);
  return status;
};

/** NTSTATUS LdrLoadDll(path, flags, name, base). */
const ldrLoadDll = loadDllService((call) => {
  call.memory.probeWrite(call.address(3), 8);
  return readUnicodeString(call, call.address(2));
}, storeAt(3));

/** NTSTATUS LdrUnloadDll(base). */
const ldrUnloadDll = unloadDllService(
  (call) => call.address(0),
  (_call, status) => status,
);

/** NTSTATUS LdrGetProcedureAddress(base, name, ordinal, address). The name is an ANSI_STRING. */
const ldrGetProcedureAddress = procedureService((call) => {
  call.memory.probeWrite(call.address(3), 8);
  const name = call.address(1);
  if (name === 0) return { base: call.address(0), name: null, ordinal: call.u32(2) };
  const length = call.memory.readU16(name);
  const text = call.memory.readAnsi(call.memory.readPointer(name + 8), length);
  return { base: call.address(0), name: text, ordinal: -1 };
}, storeAt(3));

/** NTSTATUS LdrGetDllHandle(path, characteristics, name, base): no load count changes. */
const ldrGetDllHandle: ServiceFunction = (call) => {
  const module = findLoaded(call, readUnicodeString(call, call.address(2)));
  if (module === undefined) return STATUS_DLL_NOT_FOUND;
  call.memory.writePointer(call.address(3), module.base);
  return STATUS_SUCCESS;
};

/** NTSTATUS LdrDisableThreadCalloutsForDll(base). */
const ldrDisableThreadCalloutsForDll: ServiceFunction = (call) => {
  const module = moduleAt(call.process, call.address(0));
  if (module === undefined) return STATUS_DLL_NOT_FOUND;
  if (module.tls === null) module.threadCalls = false;
  return STATUS_SUCCESS;
};

/** PVOID RtlPcToFileHeader(pc, base): the module that holds an address, stored and returned; NULL for none. */
const rtlPcToFileHeader: ServiceFunction = (call) => {
  const base = moduleOfAddress(call.process, call.address(0))?.base ?? 0;
  call.memory.writePointer(call.address(1), base);
  return base;
};

export const loaderServices: Readonly<Record<string, Service | ServiceFunction>> = {
  LdrInitializeThunk: ldrInitializeThunk,
  RtlUserThreadStart: rtlUserThreadStart,
  RtlExitUserProcess: exitProcessService((call) => call.u32(0)),
  RtlExitUserThread: exitThreadService((call) => call.u32(0)),
  LdrLoadDll: ldrLoadDll,
  LdrUnloadDll: ldrUnloadDll,
  LdrGetProcedureAddress: ldrGetProcedureAddress,
  LdrGetDllHandle: ldrGetDllHandle,
  LdrDisableThreadCalloutsForDll: ldrDisableThreadCalloutsForDll,
  RtlPcToFileHeader: rtlPcToFileHeader,
  [MISSING_IMPORT_SERVICE]: missingImport,
};
