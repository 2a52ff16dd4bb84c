/**
 * The module lists that programs and debuggers walk: PEB_LDR_DATA and one LDR_DATA_TABLE_ENTRY for each module, in guest
 * memory. Written only: what the loader believes is in loader-state.ts.
 */
import type { ServiceCall } from '../nt/service.js';
import { allocate, free } from './loader-heap.js';
import { type LoadedModule, type LoaderData, loaderOf } from './loader-state.js';
import * as peb from './peb-layout.js';

/** LoadCount of a module that stays for the life of the process. */
const PINNED = 0xffff;
const INITIALIZATION_LINKS = peb.ENTRY_INITIALIZATION_ORDER_LINKS;
const INITIALIZATION_LIST = peb.LDR_DATA_INITIALIZATION_ORDER_LIST;

/** Writes a UNICODE_STRING whose characters lie at `buffer`. */
export function writeUnicodeString(call: ServiceCall, address: number, buffer: number, text: string): void {
  call.memory.writeU16(address, text.length * 2);
  call.memory.writeU16(address + 2, text.length * 2 + 2);
  call.memory.writePointer(address + 8, buffer);
}

export function createLoaderData(call: ServiceCall): void {
  const loader = loaderOf(call.process);
  const { memory } = call;
  loader.ldrData = allocate(call, peb.LDR_DATA_SIZE);
  memory.writeU32(loader.ldrData + peb.LDR_DATA_LENGTH, peb.LDR_DATA_SIZE);
  for (const list of [
    peb.LDR_DATA_LOAD_ORDER_LIST,
    peb.LDR_DATA_MEMORY_ORDER_LIST,
    peb.LDR_DATA_INITIALIZATION_ORDER_LIST,
  ]) {
    memory.writePointer(loader.ldrData + list, loader.ldrData + list);
    memory.writePointer(loader.ldrData + list + 8, loader.ldrData + list);
  }
  memory.writePointer(call.process.peb + peb.PEB_LDR, loader.ldrData);
}

/** Makes the entry of a module that stands last in the load order, and links it there and in memory order. */
export function createEntry(call: ServiceCall, module: LoadedModule): void {
  const { memory } = call;
  const { headers, path, name } = module;
  const entry = allocate(call, peb.ENTRY_SIZE + path.length * 2 + 2);
  const text = entry + peb.ENTRY_SIZE;
  module.entry = entry;
  memory.writeUtf16(text, path);
  writeUnicodeString(call, entry + peb.ENTRY_FULL_DLL_NAME, text, path);
  writeUnicodeString(call, entry + peb.ENTRY_BASE_DLL_NAME, text + (path.length - name.length) * 2, name);
  memory.writePointer(entry + peb.ENTRY_DLL_BASE, module.base);
  const entryPoint = headers.entryPointRva === 0 ? 0 : module.base + headers.entryPointRva;
  memory.writePointer(entry + peb.ENTRY_ENTRY_POINT, entryPoint);
  memory.writeU32(entry + peb.ENTRY_SIZE_OF_IMAGE, headers.sizeOfImage);
  memory.writeU32(entry + peb.ENTRY_TIME_DATE_STAMP, headers.timeDateStamp);
  memory.writePointer(entry + peb.ENTRY_HASH_LINKS, entry + peb.ENTRY_HASH_LINKS);
  memory.writePointer(entry + peb.ENTRY_HASH_LINKS + 8, entry + peb.ENTRY_HASH_LINKS);
  memory.writePointer(entry + peb.ENTRY_ORIGINAL_BASE, headers.imageBase % 2 ** 48);
  updateEntry(call, module);
  const { modules } = loaderOf(call.process);
  relink(call, modules, peb.ENTRY_LOAD_ORDER_LINKS, peb.LDR_DATA_LOAD_ORDER_LIST, modules.length - 1);
  relink(call, modules, peb.ENTRY_MEMORY_ORDER_LINKS, peb.LDR_DATA_MEMORY_ORDER_LIST, modules.length - 1);
}

/** Writes what changes in the life of a module: flags, counts, TLS. */
export function updateEntry(call: ServiceCall, module: LoadedModule): void {
  const { memory } = call;
  const count = module.pinned ? PINNED : Math.min(module.loadCount, PINNED - 1);
  memory.writeU32(module.entry + peb.ENTRY_FLAGS, module.flags);
  memory.writeU16(module.entry + peb.ENTRY_LOAD_COUNT, count);
  memory.writeU32(module.entry + peb.ENTRY_REFERENCE_COUNT, Math.max(module.loadCount, 1));
  memory.writeU16(module.entry + peb.ENTRY_TLS_INDEX, module.tls === null ? 0 : 0xffff);
}

/** Appends a module to the initialization order. */
export function linkInitializationOrder(call: ServiceCall, module: LoadedModule): void {
  const loader = loaderOf(call.process);
  loader.initializationOrder.push(module.base);
  const order = inInitializationOrder(loader);
  relink(call, order, INITIALIZATION_LINKS, INITIALIZATION_LIST, order.length - 1);
}

export function inInitializationOrder(loader: LoaderData): LoadedModule[] {
  return loader.initializationOrder.flatMap(
    (base) => loader.modules.find((module) => module.base === base) ?? [],
  );
}

/** Links the module at a place with its neighbours. */
function relink(
  call: ServiceCall,
  modules: readonly LoadedModule[],
  linksAt: number,
  headAt: number,
  place: number,
): void {
  linkNeighbours(call, modules, linksAt, headAt, place);
  linkNeighbours(call, modules, linksAt, headAt, place + 1);
}

/** Takes a module out of the lists and the loader's data, and gives its entry back. */
export function removeEntry(call: ServiceCall, module: LoadedModule): void {
  const loader = loaderOf(call.process);
  const place = loader.modules.indexOf(module);
  loader.modules.splice(place, 1);
  linkNeighbours(call, loader.modules, peb.ENTRY_LOAD_ORDER_LINKS, peb.LDR_DATA_LOAD_ORDER_LIST, place);
  linkNeighbours(call, loader.modules, peb.ENTRY_MEMORY_ORDER_LINKS, peb.LDR_DATA_MEMORY_ORDER_LIST, place);
  const turn = loader.initializationOrder.indexOf(module.base);
  if (turn >= 0) {
    loader.initializationOrder.splice(turn, 1);
    const order = inInitializationOrder(loader);
    linkNeighbours(call, order, INITIALIZATION_LINKS, INITIALIZATION_LIST, turn);
  }
  free(call, module.entry);
}

/** Links the modules at places `place - 1` and `place`; the list's head stands at both ends. */
function linkNeighbours(
  call: ServiceCall,
  modules: readonly LoadedModule[],
  linksAt: number,
  headAt: number,
  place: number,
): void {
  const { memory } = call;
  const head = loaderOf(call.process).ldrData + headAt;
  const before = modules[place - 1];
  const after = modules[place];
  const from = before === undefined ? head : before.entry + linksAt;
  const to = after === undefined ? head : after.entry + linksAt;
  memory.writePointer(from, to);
  memory.writePointer(to + 8, from);
}
