/**
 * LdrLoadDll, LdrUnloadDll and LdrGetProcedureAddress as services that other functions are made of (LoadLibrary, FreeLibrary,
 * GetProcAddress): they run DllMain of the modules they load, and answer when that is done.
 */
import {
  ntSuccess,
  STATUS_DLL_NOT_FOUND,
  STATUS_ENTRYPOINT_NOT_FOUND,
  STATUS_HEAP_CORRUPTION,
  STATUS_ORDINAL_NOT_FOUND,
} from '../base/ntstatus.js';
import { GuestFault } from '../mm/user-memory.js';
import type { PENDING, Service, ServiceCall, ServiceResult } from '../nt/service.js';
import { PeError } from '../pe/pe-error.js';
import { HeapCorruption } from '../win32/ntdll/heap-layout.js';
import {
  acquireLoaderLock,
  attachCalls,
  beginRun,
  continueRun,
  detachCalls,
  releaseLoaderLock,
  resumeRun,
  whileLocked,
} from './initializers.js';
import { updateEntry } from './ldr-entries.js';
import { loadModule, unloadModule, unreferencedModules } from './ldr-load.js';
import { describeProcedure, findProcedure, type ProcedureRequest } from './ldr-snap.js';
import { type InitializerRun, type LoadedModule, LoaderFailure, loaderOf, moduleAt } from './loader-state.js';

/** What a request function answers instead of a request: the NTSTATUS that refuses the call. */
type Refusable<T> = (call: ServiceCall) => T | number;

/** Makes the result of a service from what the operation came to. */
export type Finish = (call: ServiceCall, status: number, value: number) => ServiceResult;

/**
 * Runs a part of the loader. What the program is to blame for comes back as a LoaderFailure: broken images, memory that
 * cannot be touched, a broken heap.
 */
export function guardLoader<T>(operation: () => T): T | LoaderFailure {
  try {
    return operation();
  } catch (error) {
    if (error instanceof LoaderFailure) return error;
    if (error instanceof PeError) return new LoaderFailure(error.status, error.message);
    if (error instanceof HeapCorruption)
      return new LoaderFailure(STATUS_HEAP_CORRUPTION, 'the process heap is corrupt');
    if (error instanceof GuestFault)
      return new LoaderFailure(error.status, `the loader cannot use address 0x${error.address.toString(16)}`);
    throw error;
  }
}

/** Unmaps modules that a failed load leaves, newest first. */
export function discard(call: ServiceCall, fresh: readonly LoadedModule[]): void {
  for (const module of [...fresh].reverse()) guardLoader(() => unloadModule(call, module));
}

/** A service that loads a DLL: `request` reads its name from the arguments, `finish` gets the status and the base. */
export function loadDllService(request: Refusable<string>, finish: Finish): Service {
  const complete = (call: ServiceCall, run: InitializerRun) =>
    continueRun(call, run, 0) ?? finish(call, settle(call, run), ntSuccess(run.status) ? run.base : 0);
  return {
    enter: (call) => {
      const name = request(call);
      if (typeof name === 'number') return finish(call, name, 0);
      const waiting = acquireLoaderLock(call);
      if (waiting !== null) return waiting;
      const run = whileLocked(call, () => beginLoad(call, name));
      return run instanceof LoaderFailure ? fail(call, run, finish) : complete(call, run);
    },
    steps: [
      (call, [id]) => {
        const run = resumeRun(call, id);
        return run === undefined ? finish(call, STATUS_DLL_NOT_FOUND, 0) : complete(call, run);
      },
    ],
  };
}

function beginLoad(call: ServiceCall, name: string): InitializerRun | LoaderFailure {
  const fresh: LoadedModule[] = [];
  const module = guardLoader(() => loadModule(call, name, '', fresh));
  if (module instanceof LoaderFailure) {
    discard(call, fresh);
    return module;
  }
  return guardLoader(() => {
    call.memory.commit();
    module.loadCount++;
    updateEntry(call, module);
    return beginRun(call, attachCalls(call, fresh, 0), module.base);
  });
}

/** A run is over: unmaps what it leaves. Returns its status. */
function settle(call: ServiceCall, run: InitializerRun): number {
  for (const base of [...run.unload].reverse()) {
    const module = moduleAt(call.process, base);
    if (module !== undefined) guardLoader(() => unloadModule(call, module));
  }
  return run.status;
}

/** A service that takes back one load of the module at the base that `request` reads. `finish` gets the status and 0. */
export function unloadDllService(request: (call: ServiceCall) => number, finish: Finish): Service {
  const complete = (call: ServiceCall, run: InitializerRun) =>
    continueRun(call, run, 0) ?? finish(call, settle(call, run), 0);
  return {
    enter: (call) => {
      const module = moduleAt(call.process, request(call));
      if (module === undefined) return finish(call, STATUS_DLL_NOT_FOUND, 0);
      const waiting = acquireLoaderLock(call);
      if (waiting !== null) return waiting;
      const run = guardLoader(() => beginUnload(call, module));
      return run instanceof LoaderFailure ? fail(call, run, finish) : complete(call, run);
    },
    steps: [
      (call, [id]) => {
        const run = resumeRun(call, id);
        return run === undefined ? finish(call, STATUS_DLL_NOT_FOUND, 0) : complete(call, run);
      },
    ],
  };
}

function beginUnload(call: ServiceCall, module: LoadedModule): InitializerRun {
  call.memory.commit();
  if (!module.pinned && module.loadCount > 0) {
    module.loadCount--;
    updateEntry(call, module);
  }
  const doomed = loaderOf(call.process).shuttingDown ? [] : unreferencedModules(call);
  const bases = doomed.map(({ base }) => base);
  return beginRun(call, detachCalls(call, doomed, 0), 0, bases);
}

/** What a procedure service looks for. */
export interface ProcedureQuery extends ProcedureRequest {
  /** Base of the module. */
  readonly base: number;
}

/**
 * A service that finds an export: `finish` gets STATUS_SUCCESS and its address, or STATUS_DLL_NOT_FOUND,
 * STATUS_ENTRYPOINT_NOT_FOUND, STATUS_ORDINAL_NOT_FOUND. A forwarder may load and initialize its DLL.
 */
export function procedureService(request: Refusable<ProcedureQuery>, finish: Finish): Service {
  return {
    enter: (call) => {
      const query = request(call);
      if (typeof query === 'number') return finish(call, query, 0);
      const waiting = acquireLoaderLock(call);
      if (waiting !== null) return waiting;
      const found = whileLocked(call, () => guardLoader(() => findInModule(call, query)));
      if (found instanceof LoaderFailure) return fail(call, found, finish);
      const { address, fresh } = found;
      if (address === 0) return fail(call, notExported(query), finish);
      const run = beginRun(call, attachCalls(call, fresh, 0), address);
      return continueProcedure(call, run, finish);
    },
    steps: [
      (call, [id]) => {
        const run = resumeRun(call, id);
        return run === undefined
          ? finish(call, STATUS_ENTRYPOINT_NOT_FOUND, 0)
          : continueProcedure(call, run, finish);
      },
    ],
  };
}

/** The run of a forwarder's DLLs keeps the address that was found as its base. */
function continueProcedure(
  call: ServiceCall,
  run: InitializerRun,
  finish: Finish,
): ServiceResult | typeof PENDING {
  const pending = continueRun(call, run, 0);
  if (pending !== null) return pending;
  const status = settle(call, run);
  return finish(call, status, ntSuccess(status) ? run.base : 0);
}

/** Gives the loader lock back and answers with the failure's status. */
function fail(call: ServiceCall, failure: LoaderFailure, finish: Finish): ServiceResult {
  releaseLoaderLock(call);
  return finish(call, failure.status, 0);
}

function notExported(query: ProcedureQuery): LoaderFailure {
  const status = query.name === null ? STATUS_ORDINAL_NOT_FOUND : STATUS_ENTRYPOINT_NOT_FOUND;
  return new LoaderFailure(status, `${describeProcedure(query)} is not exported`);
}

function findInModule(call: ServiceCall, query: ProcedureQuery): { address: number; fresh: LoadedModule[] } {
  const module = moduleAt(call.process, query.base);
  if (module === undefined)
    throw new LoaderFailure(STATUS_DLL_NOT_FOUND, `no module holds ${describeProcedure(query)}`);
  const fresh: LoadedModule[] = [];
  try {
    return { address: findProcedure(call, module, query, fresh, module), fresh };
  } catch (error) {
    discard(call, fresh);
    throw error;
  }
}
