/** The first user-mode code of a process and of each thread: LdrInitializeThunk (PEB, process heap, modules, TLS, DllMain). */
import { STATUS_INVALID_IMAGE_FORMAT, STATUS_NO_MEMORY, STATUS_SUCCESS } from '../base/ntstatus.js';
import type { PENDING, Service, ServiceCall } from '../nt/service.js';
import { BUILD_NUMBER } from '../nt/shared-data.js';
import type { PeHeaders } from '../pe/pe-headers.js';
import { initializeCriticalSection } from '../win32/ntdll/critical-section.js';
import { HEAP_GROWABLE } from '../win32/ntdll/heap-layout.js';
import { createProcessHeap } from '../win32/ntdll/heap-services.js';
import { readGuestHeaders } from './guest-image.js';
import {
  acquireLoaderLock,
  attachCalls,
  beginRun,
  continueRun,
  DLL_THREAD_ATTACH,
  resumeRun,
  threadCalls,
  whileLocked,
} from './initializers.js';
import { createLoaderData } from './ldr-entries.js';
import { addModule, loadModule, prepareModule } from './ldr-load.js';
import { relocateImage } from './ldr-map.js';
import { SYSTEM_DIRECTORY } from './ldr-search.js';
import { allocateThreadTls } from './ldr-tls.js';
import { guardLoader } from './load-dll.js';
import { allocate } from './loader-heap.js';
import { type InitializerRun, type LoadedModule, LoaderFailure, loaderOf } from './loader-state.js';
import * as peb from './peb-layout.js';
import { createProcessParameters } from './process-parameters.js';

const VER_PLATFORM_WIN32_NT = 2;
const NO_MUTANT = 0xffffffff;
/** Bits of the bitmaps that dynamic TLS indexes are taken from: 64 in the TEB, 1024 more. */
const TLS_BITS = 64;
const TLS_EXPANSION_BITS = 1024;
const BITMAP_SIZE = 16;
/** Index 0 is never given out: programs take it for none. */
const FIRST_INDEX_TAKEN = 1;
const MAXIMUM_HEAPS = 16;
/** Timeout of a critical section, in 100 ns units below zero: 30 days. */
const CRITICAL_SECTION_TIMEOUT_LO = 0x0bc06000;
const CRITICAL_SECTION_TIMEOUT_HI = 0xffffe86d;
const HEAP_SEGMENT_RESERVE = 0x100000;
const HEAP_SEGMENT_COMMIT = 0x2000;
const HEAP_DECOMMIT_TOTAL = 0x10000;
const HEAP_DECOMMIT_BLOCK = 0x1000;
const LOCALE_EN_US = 0x409;
/** DLLs that every program gets, needed or not. */
const ALWAYS_LOADED = ['kernel32.dll'];
/** The same, where this Windows has it: from version 6.1 on. */
const KERNEL_BASE = 'kernelbase.dll';

const STEP_INITIALIZER = 0;

/** ntdll!LdrInitializeThunk(context, ntdll): prepares the process or the thread, then goes on at the context. */
export const ldrInitializeThunk: Service = {
  enter: (call) => {
    const waiting = acquireLoaderLock(call);
    if (waiting !== null) return waiting;
    const begun = whileLocked(call, () =>
      guardLoader(() => (loaderOf(call.process).initialized ? beginThread(call) : beginProcess(call))),
    );
    return begun instanceof LoaderFailure ? refuse(call, begun) : continueStart(call, begun);
  },
  steps: [
    (call, [id]) => {
      const run = resumeRun(call, id);
      return run === undefined ? call.continueAt(call.address(0), true) : continueStart(call, run);
    },
  ],
};

function continueStart(call: ServiceCall, run: InitializerRun): typeof PENDING {
  if (run.status !== STATUS_SUCCESS) {
    const failed = loaderOf(call.process).modules.find(
      ({ base }) => base === run.calls[run.next - 1]?.module,
    );
    return refuse(call, new LoaderFailure(run.status, `${failed?.name ?? 'a DLL'} could not be initialized`));
  }
  return continueRun(call, run, STEP_INITIALIZER) ?? call.continueAt(call.address(0), true);
}

/** The process cannot start: it ends with the status, and the message says why. */
function refuse(call: ServiceCall, failure: LoaderFailure): typeof PENDING {
  call.process.exitMessage = failure.message;
  return call.terminateProcess(failure.status);
}

/** LdrpInitializeProcess. */
function beginProcess(call: ServiceCall): InitializerRun {
  const { process } = call;
  const loader = loaderOf(process);
  const headers = readGuestHeaders(call.memory, process.imageBase);
  if (!headers.isPe32Plus || headers.isClr || headers.isDll)
    throw new LoaderFailure(STATUS_INVALID_IMAGE_FORMAT, `${process.imagePath} is not a 64-bit program`);
  createHeapOfProcess(call, headers);
  fillPeb(call, headers);
  createProcessParameters(call);
  initializeTeb(call);
  createLoaderData(call);
  const relocated = relocateImage(call, process.imagePath, process.imageBase, headers);
  const program = addModule(call, process.imagePath, process.imageBase, headers, relocated);
  const modules = loadAll(call, program);
  loader.initialized = true;
  allocateThreadTls(call, call.thread.teb);
  call.memory.writeU8(loader.ldrData + peb.LDR_DATA_INITIALIZED, 1);
  return beginRun(call, attachCalls(call, modules, 1));
}

/** Enters ntdll, loads what the program needs; the modules in the order of initialization, the program last. */
function loadAll(call: ServiceCall, program: LoadedModule): LoadedModule[] {
  const { process, memory } = call;
  const ntdllBase = process.systemModules.get('ntdll.dll') ?? call.address(1);
  const ntdllHeaders = readGuestHeaders(memory, ntdllBase);
  const ntdll = addModule(call, `${SYSTEM_DIRECTORY}\\ntdll.dll`, ntdllBase, ntdllHeaders, false);
  const fresh: LoadedModule[] = [ntdll];
  prepareModule(call, ntdll, fresh);
  for (const name of ALWAYS_LOADED) loadModule(call, name, program.name, fresh);
  if (call.kernel.systemImages.has(KERNEL_BASE)) loadModule(call, KERNEL_BASE, program.name, fresh);
  prepareModule(call, program, fresh);
  return [...fresh, program];
}

function createHeapOfProcess(call: ServiceCall, headers: PeHeaders): void {
  const { memory, process } = call;
  const heap = createProcessHeap(call, HEAP_GROWABLE, Math.min(headers.heapCommit, headers.heapReserve), 0);
  if (heap === 0) throw new LoaderFailure(STATUS_NO_MEMORY, 'there is no memory for the process heap');
  loaderOf(process).heap = heap;
  memory.writePointer(process.peb + peb.PEB_PROCESS_HEAP, heap);
  const heaps = allocate(call, MAXIMUM_HEAPS * 8);
  memory.writePointer(heaps, heap);
  memory.writeU32(process.peb + peb.PEB_NUMBER_OF_HEAPS, 1);
  memory.writeU32(process.peb + peb.PEB_MAXIMUM_NUMBER_OF_HEAPS, MAXIMUM_HEAPS);
  memory.writePointer(process.peb + peb.PEB_PROCESS_HEAPS, heaps);
}

function fillPeb(call: ServiceCall, headers: PeHeaders): void {
  const { memory, process } = call;
  const at = process.peb;
  memory.writeU64(at + peb.PEB_MUTANT, NO_MUTANT, NO_MUTANT);
  memory.writePointer(at + peb.PEB_IMAGE_BASE_ADDRESS, process.imageBase);
  memory.writeU32(at + peb.PEB_NUMBER_OF_PROCESSORS, 1);
  memory.writeU64(
    at + peb.PEB_CRITICAL_SECTION_TIMEOUT,
    CRITICAL_SECTION_TIMEOUT_LO,
    CRITICAL_SECTION_TIMEOUT_HI,
  );
  memory.writeU64(at + peb.PEB_HEAP_SEGMENT_RESERVE, HEAP_SEGMENT_RESERVE, 0);
  memory.writeU64(at + peb.PEB_HEAP_SEGMENT_COMMIT, HEAP_SEGMENT_COMMIT, 0);
  memory.writeU64(at + peb.PEB_HEAP_DECOMMIT_TOTAL_FREE_THRESHOLD, HEAP_DECOMMIT_TOTAL, 0);
  memory.writeU64(at + peb.PEB_HEAP_DECOMMIT_FREE_BLOCK_THRESHOLD, HEAP_DECOMMIT_BLOCK, 0);
  memory.writeU32(at + peb.PEB_OS_MAJOR_VERSION, 10);
  memory.writeU32(at + peb.PEB_OS_MINOR_VERSION, 0);
  memory.writeU16(at + peb.PEB_OS_BUILD_NUMBER, BUILD_NUMBER);
  memory.writeU32(at + peb.PEB_OS_PLATFORM_ID, VER_PLATFORM_WIN32_NT);
  memory.writeU32(at + peb.PEB_IMAGE_SUBSYSTEM, headers.subsystem);
  memory.writeU32(at + peb.PEB_IMAGE_SUBSYSTEM_MAJOR, headers.subsystemVersion.major);
  memory.writeU32(at + peb.PEB_IMAGE_SUBSYSTEM_MINOR, headers.subsystemVersion.minor);
  memory.writeU64(at + peb.PEB_ACTIVE_PROCESS_AFFINITY_MASK, 1, 0);
  memory.writeU32(at + peb.PEB_SESSION_ID, 1);
  const bitmaps = allocate(call, 2 * BITMAP_SIZE);
  writeBitmap(call, bitmaps, TLS_BITS, at + peb.PEB_TLS_BITMAP_BITS);
  memory.writeU32(at + peb.PEB_TLS_BITMAP_BITS, FIRST_INDEX_TAKEN);
  writeBitmap(call, bitmaps + BITMAP_SIZE, TLS_EXPANSION_BITS, at + peb.PEB_TLS_EXPANSION_BITMAP_BITS);
  memory.writePointer(at + peb.PEB_TLS_BITMAP, bitmaps);
  memory.writePointer(at + peb.PEB_TLS_EXPANSION_BITMAP, bitmaps + BITMAP_SIZE);
  for (const field of [peb.PEB_FAST_PEB_LOCK, peb.PEB_LOADER_LOCK]) {
    const section = allocate(call, peb.CRITICAL_SECTION_SIZE);
    initializeCriticalSection(call, section, 0);
    memory.writePointer(at + field, section);
  }
}

/** RTL_BITMAP: how many bits, and where they are. */
function writeBitmap(call: ServiceCall, address: number, bits: number, buffer: number): void {
  call.memory.writeU32(address, bits);
  call.memory.writePointer(address + 8, buffer);
}

function initializeTeb(call: ServiceCall): void {
  const { memory } = call;
  const { teb } = call.thread;
  memory.writeU32(teb + peb.TEB_CURRENT_LOCALE, LOCALE_EN_US);
  memory.writeU16(teb + peb.TEB_STATIC_UNICODE_STRING + 2, peb.STATIC_UNICODE_BYTES);
  memory.writePointer(teb + peb.TEB_STATIC_UNICODE_STRING + 8, teb + peb.TEB_STATIC_UNICODE_BUFFER);
}

/** LdrpInitializeThread. */
function beginThread(call: ServiceCall): InitializerRun {
  initializeTeb(call);
  allocateThreadTls(call, call.thread.teb);
  return beginRun(call, threadCalls(call, DLL_THREAD_ATTACH));
}
