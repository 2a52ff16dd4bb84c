/**
 * Static thread-local storage: each module with a TLS directory has an index; each thread an array of pointers to its copies
 * of the templates, named by TEB.ThreadLocalStoragePointer. Source: Microsoft, "PE Format", "The .tls Section".
 */
import type { ServiceCall } from '../nt/service.js';
import { THREAD_TERMINATED } from '../nt/thread.js';
import { readTlsDirectory } from '../pe/pe-tls.js';
import { GuestImageReader } from './guest-image.js';
import { writeImage } from './image-writer.js';
import { updateEntry } from './ldr-entries.js';
import { allocate, free } from './loader-heap.js';
import { type LoadedModule, loaderOf, moduleAt } from './loader-state.js';
import { TEB_THREAD_LOCAL_STORAGE_POINTER } from './peb-layout.js';

/** In front of a thread's array: how many pointers it has. */
const ARRAY_HEADER = 16;

/** Gives a module its index and, when threads run already, each of them its block. Throws LoaderFailure, PeError, GuestFault. */
export function prepareTls(call: ServiceCall, module: LoadedModule): void {
  const { headers, base } = module;
  const loader = loaderOf(call.process);
  const directory = readTlsDirectory(
    new GuestImageReader(call.memory, base, headers.sizeOfImage),
    headers,
    base,
  );
  if (directory === null) return;
  const free = loader.tlsOwners.indexOf(0);
  const index = free >= 0 ? free : loader.tlsOwners.length;
  loader.tlsOwners[index] = base;
  const { templateRva, templateSize, zeroFill } = directory;
  module.tls = { index, templateRva, templateSize, zeroFill };
  module.tlsCallbacks = directory.callbacks;
  writeImage(call, base, headers, [directory.indexRva], () =>
    call.memory.writeU32(base + directory.indexRva, index),
  );
  updateEntry(call, module);
  if (!loader.initialized) return;
  for (const thread of call.process.threads)
    if (thread.state !== THREAD_TERMINATED) setBlock(call, thread.teb, module);
}

/** Gives a new thread its copies of all templates. */
export function allocateThreadTls(call: ServiceCall, teb: number): void {
  for (const module of [...loaderOf(call.process).modules])
    if (module.tls !== null) setBlock(call, teb, module);
}

function setBlock(call: ServiceCall, teb: number, module: LoadedModule): void {
  const { memory } = call;
  const { index, templateRva, templateSize, zeroFill } = module.tls!;
  const array = ensureArray(call, teb, index + 1);
  const block = allocate(call, Math.max(templateSize + zeroFill, 1));
  memory.copy(block, module.base + templateRva, templateSize);
  memory.writePointer(array + index * 8, block);
}

/** The thread's array, with room for `count` pointers. */
function ensureArray(call: ServiceCall, teb: number, count: number): number {
  const { memory } = call;
  const old = memory.readPointer(teb + TEB_THREAD_LOCAL_STORAGE_POINTER);
  const room = old === 0 ? 0 : memory.readU32(old - ARRAY_HEADER);
  if (room >= count) return old;
  const wanted = Math.max(count, loaderOf(call.process).tlsOwners.length);
  const array = allocate(call, ARRAY_HEADER + wanted * 8) + ARRAY_HEADER;
  memory.writeU32(array - ARRAY_HEADER, wanted);
  if (old !== 0) {
    memory.copy(array, old, room * 8);
    free(call, old - ARRAY_HEADER);
  }
  memory.writePointer(teb + TEB_THREAD_LOCAL_STORAGE_POINTER, array);
  return array;
}

/** Frees the blocks of a module that goes, in every thread. */
export function releaseTls(call: ServiceCall, module: LoadedModule): void {
  if (module.tls === null) return;
  const { index } = module.tls;
  loaderOf(call.process).tlsOwners[index] = 0;
  module.tls = null;
  for (const thread of call.process.threads)
    if (thread.state !== THREAD_TERMINATED) freeBlock(call, thread.teb, index);
}

function freeBlock(call: ServiceCall, teb: number, index: number): void {
  const { memory } = call;
  const array = memory.readPointer(teb + TEB_THREAD_LOCAL_STORAGE_POINTER);
  if (array === 0 || memory.readU32(array - ARRAY_HEADER) <= index) return;
  free(call, memory.readPointer(array + index * 8));
  memory.writePointer(array + index * 8, 0);
}

/** Frees all that a thread that ends has. */
export function freeThreadTls(call: ServiceCall, teb: number): void {
  const { memory } = call;
  const array = memory.readPointer(teb + TEB_THREAD_LOCAL_STORAGE_POINTER);
  if (array === 0) return;
  loaderOf(call.process).tlsOwners.forEach((base, index) => {
    if (moduleAt(call.process, base)?.tls) freeBlock(call, teb, index);
  });
  memory.writePointer(teb + TEB_THREAD_LOCAL_STORAGE_POINTER, 0);
  free(call, array - ARRAY_HEADER);
}
