/**
 * combase.dll and ole32.dll: the task allocator, and COM without any registered class. Sources: Microsoft, "CoTaskMemAlloc
 * function", "CoInitializeEx function", "CoCreateInstance function", "CoCreateGuid function", "StringFromGUID2 function".
 */
import { restartable, type ServiceCall, type ServiceFunction } from '../../nt/service.js';
import type { SystemModule } from '../../nt/system-module.js';
import { fillRandom } from '../advapi32/random.js';
import { allocateFromHeap, freeToHeap, reallocateInHeap } from '../ntdll/heap.js';
import { heapContext } from '../ntdll/heap-context.js';
import { usingHeap } from '../ntdll/heap-guard.js';
import { processHeap } from '../ntdll/heap-services.js';

const S_OK = 0;
const S_FALSE = 1;
const E_POINTER = 0x80004003;
const E_INVALIDARG = 0x80070057;
const REGDB_E_CLASSNOTREG = 0x80040154;
const RPC_E_CHANGED_MODE = 0x80010106;
const COINIT_APARTMENTTHREADED = 2;
const COINIT_ALL = 0xe;
const GUID_BYTES = 16;
const GUID_TEXT_UNITS = 39;

/** Initializations of each thread, and whether it is a single-threaded apartment: plain data by thread id. */
type Apartments = Record<number, { count: number; readonly single: boolean }>;

function apartmentsOf(call: ServiceCall): Apartments {
  const { library } = call.process;
  library['com'] ??= {};
  return library['com'] as Apartments;
}

function initialize(call: ServiceCall, single: boolean): number {
  const apartments = apartmentsOf(call);
  const known = apartments[call.thread.id];
  if (known !== undefined && known.single !== single) return RPC_E_CHANGED_MODE;
  call.memory.commit();
  if (known === undefined) apartments[call.thread.id] = { count: 1, single };
  else known.count++;
  return known === undefined ? S_OK : S_FALSE;
}

/** HRESULT CoInitializeEx(reserved, flags). */
const initializeEx: ServiceFunction = (call) => {
  const flags = call.u32(1);
  if (call.address(0) !== 0 || flags & ~COINIT_ALL) return E_INVALIDARG;
  return initialize(call, (flags & COINIT_APARTMENTTHREADED) !== 0);
};

const uninitialize: ServiceFunction = (call) => {
  const apartments = apartmentsOf(call);
  const known = apartments[call.thread.id];
  if (known === undefined) return;
  call.memory.commit();
  if (--known.count === 0) delete apartments[call.thread.id];
};

/** HRESULT CoCreateInstance(class, outer, context, interface, object): no class is registered here. */
const createInstance: ServiceFunction = (call) => {
  const to = call.address(4);
  if (to === 0) return E_POINTER;
  call.memory.writePointer(to, 0);
  return REGDB_E_CLASSNOTREG;
};

const allocateTask: ServiceFunction = (call) =>
  allocateFromHeap(heapContext(call), processHeap(call), 0, call.size(0));

function free(call: ServiceCall, address: number): void {
  if (address !== 0) freeToHeap(heapContext(call), processHeap(call), address);
}

/** LPVOID CoTaskMemRealloc(block, bytes): allocates for NULL, frees for 0 bytes. */
const reallocateTask: ServiceFunction = (call) => {
  const [address, bytes] = [call.address(0), call.size(1)];
  if (address === 0) return allocateFromHeap(heapContext(call), processHeap(call), 0, bytes);
  if (bytes !== 0) return reallocateInHeap(heapContext(call), processHeap(call), 0, address, bytes);
  free(call, address);
  return 0;
};

/** HRESULT CoCreateGuid(guid): random, of version 4. */
const createGuid: ServiceFunction = (call) => {
  const { memory } = call;
  const at = call.address(0);
  if (at === 0) return E_INVALIDARG;
  fillRandom(call, at, GUID_BYTES);
  memory.writeU8(at + 7, (memory.readU8(at + 7) & 0x0f) | 0x40);
  memory.writeU8(at + 8, (memory.readU8(at + 8) & 0x3f) | 0x80);
  return S_OK;
};

/** int StringFromGUID2(guid, text, units): units with the zero, 0 when they do not fit. */
const stringFromGuid: ServiceFunction = (call) => {
  const { memory } = call;
  const at = call.address(0);
  if (call.i32(2) < GUID_TEXT_UNITS) return 0;
  const hex = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, '0');
  const bytes = Array.from({ length: 8 }, (_, index) => hex(memory.readU8(at + 8 + index), 2)).join('');
  const head = `${hex(memory.readU32(at), 8)}-${hex(memory.readU16(at + 4), 4)}-${hex(memory.readU16(at + 6), 4)}`;
  memory.writeUtf16(call.address(1), `{${head}-${bytes.slice(0, 4)}-${bytes.slice(4)}}\0`);
  return GUID_TEXT_UNITS;
};

const functions = restartable(
  usingHeap({
    CoCreateGuid: createGuid,
    CoCreateInstance: createInstance,
    CoInitializeEx: initializeEx,
    CoTaskMemAlloc: allocateTask,
    CoTaskMemFree: (call) => free(call, call.address(0)),
    CoTaskMemRealloc: reallocateTask,
    CoUninitialize: uninitialize,
    StringFromGUID2: stringFromGuid,
  }),
);

export const combase: SystemModule = {
  name: 'combase.dll',
  functions,
  dependencies: ['kernel32.dll', 'ntdll.dll'],
  description: 'Microsoft COM for Windows',
  version: '10.0.19045.1',
};

/** HRESULT CoInitialize(reserved): a single-threaded apartment. */
const initializeSingle: ServiceFunction = (call) =>
  call.address(0) === 0 ? initialize(call, true) : E_INVALIDARG;

export const ole32: SystemModule = {
  name: 'ole32.dll',
  functions: restartable({ CoInitialize: initializeSingle }),
  forwarders: Object.fromEntries(Object.keys(functions).map((name) => [name, `COMBASE.${name}`])),
  dependencies: ['combase.dll'],
  description: 'Microsoft OLE for Windows',
  version: '10.0.19045.1',
};
