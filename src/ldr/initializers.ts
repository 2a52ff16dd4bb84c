/**
 * Calls of the modules' own code: TLS callbacks and DllMain (LdrpInitializeNode, LdrpCallTlsInitializers). A run of calls is
 * data; each call returns to a step of the service that began the run, which makes the next one.
 * Source: Microsoft, "DllMain entry point"; "PE Format", "TLS Callback Functions".
 */
import { STATUS_DLL_INIT_FAILED, STATUS_SUCCESS } from '../base/ntstatus.js';
import { PAGE_WAIT } from '../mm/user-memory.js';
import { releaseMutant, tryWait } from '../nt/dispatcher.js';
import type { PENDING, ServiceCall } from '../nt/service.js';
import { inInitializationOrder, updateEntry } from './ldr-entries.js';
import { unreferencedModules } from './ldr-load.js';
import {
  type InitializerCall,
  type InitializerRun,
  type LoadedModule,
  loaderOf,
  moduleAt,
} from './loader-state.js';
import { LDRP_ENTRY_PROCESSED, LDRP_PROCESS_ATTACH_CALLED } from './peb-layout.js';

export const DLL_PROCESS_DETACH = 0;
export const DLL_PROCESS_ATTACH = 1;
export const DLL_THREAD_ATTACH = 2;
export const DLL_THREAD_DETACH = 3;

/** What the calls of one module are for a reason: TLS callbacks, then the entry point of a DLL. */
function callsOf(module: LoadedModule, reason: number, reserved: number): InitializerCall[] {
  const { base, headers } = module;
  const calls: InitializerCall[] = module.tlsCallbacks.map((rva) => ({
    module: base,
    target: base + rva,
    reason,
    reserved,
    kind: 'notify',
  }));
  if (headers.isDll && headers.entryPointRva !== 0)
    calls.push({
      module: base,
      target: base + headers.entryPointRva,
      reason,
      reserved,
      kind: reason === DLL_PROCESS_ATTACH ? 'attach' : 'notify',
    });
  return calls;
}

/** DLL_PROCESS_ATTACH for modules in the order given. A module without code counts as initialized. */
export function attachCalls(
  call: ServiceCall,
  modules: readonly LoadedModule[],
  reserved: number,
): InitializerCall[] {
  const calls: InitializerCall[] = [];
  for (const module of modules) {
    if (module.initialized) continue;
    call.memory.commit();
    module.flags |= LDRP_ENTRY_PROCESSED;
    const own = callsOf(module, DLL_PROCESS_ATTACH, reserved);
    if (own.at(-1)?.kind === 'attach') calls.push(...own);
    else {
      module.initialized = true;
      calls.push(...own);
    }
    updateEntry(call, module);
  }
  return calls;
}

/** DLL_PROCESS_DETACH for modules that were initialized, last initialized first. */
export function detachCalls(
  call: ServiceCall,
  modules: readonly LoadedModule[],
  reserved: number,
): InitializerCall[] {
  const order = inInitializationOrder(loaderOf(call.process)).reverse();
  const chosen = [...order, ...modules.filter((module) => !order.includes(module))];
  return chosen
    .filter((module) => modules.includes(module) && module.initialized)
    .flatMap((module) => {
      module.initialized = false;
      return callsOf(module, DLL_PROCESS_DETACH, reserved);
    });
}

/** DLL_THREAD_ATTACH in the order of initialization, DLL_THREAD_DETACH the other way. */
export function threadCalls(call: ServiceCall, reason: number): InitializerCall[] {
  const { modules } = loaderOf(call.process);
  const dlls = inInitializationOrder(loaderOf(call.process));
  const chosen = [...dlls, ...modules.filter((module) => !dlls.includes(module))];
  if (reason === DLL_THREAD_DETACH) chosen.reverse();
  return chosen
    .filter((module) => module.initialized && module.threadCalls)
    .flatMap((module) => callsOf(module, reason, 0));
}

/**
 * Takes the loader lock for this thread (LdrpAcquireLoaderLock); PENDING when another thread has it: the service waits and is
 * entered again. Each lock taken is given back by the end of the run that follows, or by releaseLoaderLock.
 */
export function acquireLoaderLock(call: ServiceCall): typeof PENDING | null {
  const { lock } = loaderOf(call.process);
  if (call.waitStatus >= 0) {
    call.memory.commit();
    return null;
  }
  if (tryWait([lock], false, call.thread) >= 0) return null;
  return call.wait({ kind: 'objects', objects: [lock], all: false, deadline: null });
}

/** Does what follows the taking of the loader lock; a service that has to begin anew gives the lock back. */
export function whileLocked<T>(call: ServiceCall, operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    if (error === PAGE_WAIT) releaseLoaderLock(call);
    throw error;
  }
}

export function releaseLoaderLock(call: ServiceCall): void {
  const { lock } = loaderOf(call.process);
  releaseMutant(lock, call.thread);
  call.kernel.scheduler.signal(lock);
}

/** Begins a run, which gives the loader lock back at its end. `base` is the module whose load it finishes; `unload` is unmapped at its end. */
export function beginRun(
  call: ServiceCall,
  calls: InitializerCall[],
  base = 0,
  unload: readonly number[] = [],
): InitializerRun {
  const loader = loaderOf(call.process);
  call.memory.commit();
  const run: InitializerRun = {
    id: loader.nextRun++,
    threadId: call.thread.id,
    calls,
    next: 0,
    status: STATUS_SUCCESS,
    base,
    unload: [...unload],
    exit: null,
  };
  loader.runs.push(run);
  return run;
}

/** Makes the next call of a run; null when there is none left, and the run is over. `step` is where the call comes back. */
export function continueRun(call: ServiceCall, run: InitializerRun, step: number): typeof PENDING | null {
  while (run.next < run.calls.length) {
    const { module, target, reason, reserved } = run.calls[run.next++]!;
    if (moduleAt(call.process, module) === undefined) continue;
    return call.callGuest(target, [module, reason, reserved], step, [run.id]);
  }
  const { runs } = loaderOf(call.process);
  runs.splice(runs.indexOf(run), 1);
  releaseLoaderLock(call);
  return null;
}

/**
 * The run that a returning call belongs to: the id comes from the guest's stack, so it is looked up among the runs of the
 * thread. Later runs of the thread were left by a jump out of their call and are dropped. Undefined when there is no such run.
 */
export function resumeRun(call: ServiceCall, id: number | undefined): InitializerRun | undefined {
  const { runs } = loaderOf(call.process);
  call.memory.commit();
  const run = runs.find((other) => other.id === id && other.threadId === call.thread.id);
  if (run === undefined) return undefined;
  for (let index = runs.length - 1; index >= 0; index--) {
    const other = runs[index]!;
    if (other.threadId !== call.thread.id || other.id <= run.id) continue;
    runs.splice(index, 1);
    releaseLoaderLock(call);
  }
  noteReturn(call, run);
  return run;
}

/** The entry point of a DLL has answered: FALSE for DLL_PROCESS_ATTACH fails the load and takes back what it had done. */
function noteReturn(call: ServiceCall, run: InitializerRun): void {
  const done = run.calls[run.next - 1];
  if (done?.kind !== 'attach') return;
  const module = moduleAt(call.process, done.module);
  if (module === undefined) return;
  module.initialized = true;
  module.flags |= LDRP_PROCESS_ATTACH_CALLED;
  updateEntry(call, module);
  if ((call.resultLo & 0xff) !== 0) return;
  run.status = STATUS_DLL_INIT_FAILED;
  const target = moduleAt(call.process, run.base);
  if (target !== undefined && target.loadCount > 0) target.loadCount--;
  const doomed = unreferencedModules(call);
  run.calls.splice(run.next, run.calls.length, ...detachCalls(call, doomed, done.reserved));
  run.unload = doomed.map(({ base }) => base);
}
