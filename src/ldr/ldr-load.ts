/** Loads a module with everything it needs (LdrpLoadDll): map, relocate, snap imports, in depth-first order. */
import { ntSuccess, STATUS_INVALID_IMAGE_FORMAT } from '../base/ntstatus.js';
import { fullDosPath } from '../nt/dos-path.js';
import { unmapViewOfSection } from '../nt/section-services.js';
import type { ServiceCall } from '../nt/service.js';
import type { PeHeaders } from '../pe/pe-headers.js';
import { createEntry, linkInitializationOrder, removeEntry } from './ldr-entries.js';
import { mapDll } from './ldr-map.js';
import { baseNameOf, moduleFileName, openDll, SYSTEM_DIRECTORY } from './ldr-search.js';
import { snapImports } from './ldr-snap.js';
import { prepareTls, releaseTls } from './ldr-tls.js';
import {
  type LoadedModule,
  LoaderFailure,
  loaderOf,
  moduleAt,
  moduleByName,
  moduleByPath,
} from './loader-state.js';
import { LDRP_IMAGE_DLL, LDRP_IMAGE_NOT_AT_BASE } from './peb-layout.js';
import { currentDirectory } from './process-parameters.js';

/** Most modules of a process. */
const MAXIMUM_MODULES = 4096;

/** A module that is loaded under a name or path, without loading anything. */
export function findLoaded(call: ServiceCall, name: string): LoadedModule | undefined {
  const file = moduleFileName(name);
  if (!/[\\/:]/.test(file)) return moduleByName(call.process, file);
  return moduleByPath(call.process, fullDosPath(file, currentDirectory(call)));
}

/** Enters a mapped image into the loader's data and lists. */
export function addModule(
  call: ServiceCall,
  path: string,
  base: number,
  headers: PeHeaders,
  relocated: boolean,
): LoadedModule {
  const loader = loaderOf(call.process);
  const module: LoadedModule = {
    base,
    headers,
    path,
    name: baseNameOf(path),
    isSystem: isSystemImage(call, path),
    entry: 0,
    flags: (headers.isDll ? LDRP_IMAGE_DLL : 0) | (relocated ? LDRP_IMAGE_NOT_AT_BASE : 0),
    dependencies: [],
    loadCount: 0,
    pinned: !loader.initialized,
    initialized: false,
    threadCalls: true,
    tls: null,
    tlsCallbacks: [],
    exports: undefined,
  };
  loader.modules.push(module);
  createEntry(call, module);
  if (module.isSystem) call.process.systemModules.set(module.name.toLowerCase(), base);
  return module;
}

function isSystemImage(call: ServiceCall, path: string): boolean {
  const folder = `${SYSTEM_DIRECTORY}\\`;
  const inFolder = path.toLowerCase().startsWith(folder.toLowerCase());
  return inFolder && call.kernel.systemImages.has(path.slice(folder.length).toLowerCase());
}

/**
 * The module of that name, loaded with its dependencies when it is not there yet. New modules are appended to `fresh`, a
 * dependency before those that need it, unless they need each other. `wantedBy` names the importer in messages. Throws
 * LoaderFailure, PeError or GuestFault; the caller unloads `fresh` then.
 */
export function loadModule(
  call: ServiceCall,
  name: string,
  wantedBy: string,
  fresh: LoadedModule[],
): LoadedModule {
  const loaded = findLoaded(call, name);
  if (loaded) return loaded;
  if (loaderOf(call.process).modules.length >= MAXIMUM_MODULES)
    throw new LoaderFailure(STATUS_INVALID_IMAGE_FORMAT, 'the program loads too many DLLs');
  const { path, handle } = openDll(call, moduleFileName(name), wantedBy);
  const { base, headers, relocated } = mapDll(call, path, handle);
  let module: LoadedModule;
  try {
    module = addModule(call, path, base, headers, relocated);
  } catch (error) {
    abandonMapping(call, base);
    throw error;
  }
  const place = fresh.push(module) - 1;
  prepareModule(call, module, fresh);
  fresh.splice(place, 1);
  fresh.push(module);
  return module;
}

/** The entry could not be made: the module is in no list. */
function abandonMapping(call: ServiceCall, base: number): void {
  const { modules } = loaderOf(call.process);
  const index = modules.findIndex((module) => module.base === base);
  if (index >= 0) modules.splice(index, 1);
  unmapViewOfSection(call.kernel, call.process, base);
}

/** Snaps the imports of a module that is entered, and gives it its TLS index and its place in the initialization order. */
export function prepareModule(call: ServiceCall, module: LoadedModule, fresh: LoadedModule[]): void {
  snapImports(call, module, fresh);
  prepareTls(call, module);
  if (module.headers.isDll) linkInitializationOrder(call, module);
}

/** Unmaps a module and forgets it. */
export function unloadModule(call: ServiceCall, module: LoadedModule): void {
  const { process, kernel } = call;
  if (moduleAt(process, module.base) !== module) return;
  releaseTls(call, module);
  removeEntry(call, module);
  if (module.isSystem) process.systemModules.delete(module.name.toLowerCase());
  const status = unmapViewOfSection(kernel, process, module.base);
  if (!ntSuccess(status)) throw new LoaderFailure(status, `${module.path} cannot be unmapped`);
}

/** Modules that no pinned module and no call of LdrLoadDll keeps, in the order of loading. */
export function unreferencedModules(call: ServiceCall): LoadedModule[] {
  const { modules } = loaderOf(call.process);
  const kept = new Set<number>();
  const keep = (base: number) => {
    if (kept.has(base)) return;
    kept.add(base);
    for (const dependency of moduleAt(call.process, base)?.dependencies ?? []) keep(dependency);
  };
  for (const module of modules) if (module.pinned || module.loadCount > 0) keep(module.base);
  return modules.filter(({ base }) => !kept.has(base));
}
