/** Binds imports: each slot of the import address table gets the address of its export (LdrpSnapIAT, LdrpSnapThunk). */
import { STATUS_ENTRYPOINT_NOT_FOUND, STATUS_ORDINAL_NOT_FOUND } from '../base/ntstatus.js';
import type { ServiceCall } from '../nt/service.js';
import {
  type ExportTarget,
  findExportByName,
  findExportByOrdinal,
  readExportDirectory,
} from '../pe/pe-exports.js';
import { type ImportedFunction, readImports } from '../pe/pe-imports.js';
import { GuestImageReader } from './guest-image.js';
import { writeImage } from './image-writer.js';
import { loadModule } from './ldr-load.js';
import { type LoadedModule, LoaderFailure } from './loader-state.js';
import { missingImportStub } from './missing-import.js';

/** Longest chain of forwarders that is followed. */
const MAXIMUM_FORWARDS = 32;

/** What an importer asks for: a name, with the index to try first, or an ordinal. */
export interface ProcedureRequest {
  readonly name: string | null;
  /** Ordinal, or with a name the hint (-1 for none). */
  readonly ordinal: number;
}

export function describeProcedure({ name, ordinal }: ProcedureRequest): string {
  return name ?? `ordinal ${ordinal}`;
}

/** Loads the DLLs that a module imports and fills its import address table. Throws LoaderFailure, PeError or GuestFault. */
export function snapImports(call: ServiceCall, module: LoadedModule, fresh: LoadedModule[]): void {
  const { headers, base } = module;
  const reader = new GuestImageReader(call.memory, base, headers.sizeOfImage);
  const slots: [rva: number, address: number][] = [];
  for (const { dll, functions } of readImports(reader, headers)) {
    const provider = loadModule(call, dll, module.name, fresh);
    addDependency(module, provider);
    for (const wanted of functions)
      slots.push([wanted.slotRva, importAddress(call, module, provider, wanted, fresh)]);
  }
  const rvas = slots.map(([rva]) => rva);
  writeImage(call, base, headers, rvas, () => {
    for (const [rva, address] of slots) call.memory.writePointer(base + rva, address);
  });
}

function addDependency(module: LoadedModule, provider: LoadedModule): void {
  if (provider !== module && !module.dependencies.includes(provider.base))
    module.dependencies.push(provider.base);
}

/** The address for a slot; a stub that stops the program where a system DLL lacks the function. */
function importAddress(
  call: ServiceCall,
  module: LoadedModule,
  provider: LoadedModule,
  wanted: ImportedFunction,
  fresh: LoadedModule[],
): number {
  const address = findProcedure(call, provider, wanted, fresh, module);
  if (address !== 0) return address;
  const what = describeProcedure(wanted);
  if (provider.isSystem) return missingImportStub(call, `${provider.name}!${what}`);
  throw new LoaderFailure(
    wanted.name === null ? STATUS_ORDINAL_NOT_FOUND : STATUS_ENTRYPOINT_NOT_FOUND,
    `${what}, which ${module.name} needs, was not found in ${provider.name}`,
  );
}

/**
 * Address of an export, forwarders followed; 0 when there is none. `dependent` is the module that comes to need the modules
 * of forwarders.
 */
export function findProcedure(
  call: ServiceCall,
  provider: LoadedModule,
  wanted: ProcedureRequest,
  fresh: LoadedModule[],
  dependent: LoadedModule,
): number {
  let module = provider;
  let request = wanted;
  for (let step = 0; step < MAXIMUM_FORWARDS; step++) {
    const target = lookup(call, module, request);
    if (target === null) return 0;
    if (target.forwarder === null) return module.base + target.rva;
    const forwarded = parseForwarder(target.forwarder);
    if (forwarded === null) return 0;
    module = loadModule(call, forwarded.dll, module.name, fresh);
    if (!dependent.dependencies.includes(module.base)) call.memory.commit();
    addDependency(dependent, module);
    request = forwarded;
  }
  return 0;
}

function lookup(call: ServiceCall, module: LoadedModule, wanted: ProcedureRequest): ExportTarget | null {
  const reader = new GuestImageReader(call.memory, module.base, module.headers.sizeOfImage);
  module.exports ??= readExportDirectory(reader, module.headers);
  if (module.exports === null) return null;
  return wanted.name === null
    ? findExportByOrdinal(reader, module.exports, wanted.ordinal)
    : findExportByName(reader, module.exports, wanted.name, wanted.ordinal);
}

/** 'NTDLL.RtlAllocateHeap' or 'FOO.#7': the last dot parts the DLL's name from the export's. Null when malformed. */
export function parseForwarder(text: string): (ProcedureRequest & { readonly dll: string }) | null {
  const dot = text.lastIndexOf('.');
  if (dot <= 0 || dot === text.length - 1) return null;
  const dll = `${text.slice(0, dot)}.dll`;
  const name = text.slice(dot + 1);
  if (!name.startsWith('#')) return { dll, name, ordinal: -1 };
  return /^#\d{1,5}$/.test(name) ? { dll, name: null, ordinal: Number(name.slice(1)) } : null;
}
