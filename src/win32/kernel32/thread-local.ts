/** Thread-local and fiber-local storage. Sources: Microsoft, "TlsAlloc function", "TlsSetValue function", "FlsAlloc function", "FlsFree function". */
import * as peb from '../../ldr/peb-layout.js';
import type { Service, ServiceCall, ServiceFunction, ServiceResult } from '../../nt/service.js';
import { THREAD_TERMINATED } from '../../nt/thread.js';
import { ERROR_INVALID_PARAMETER, ERROR_NOT_ENOUGH_MEMORY } from '../ntdll/dos-error.js';
import { allocateFromHeap } from '../ntdll/heap.js';
import { heapContext } from '../ntdll/heap-context.js';
import { HEAP_ZERO_MEMORY } from '../ntdll/heap-layout.js';
import { processHeap } from '../ntdll/heap-services.js';
import { stateOf } from './library-state.js';
import { ERROR_NO_MORE_ITEMS, TRUE } from './results.js';

const TLS_OUT_OF_INDEXES = 0xffffffff;
const MINIMUM_SLOTS = 64;
const EXPANSION_SLOTS = 1024;
const FLS_SLOTS = 128;
const TEB_FLS_DATA = 0x17c8;

/** Zeroed bytes of the process heap; 0 when there is no memory. */
function allocateZeroed(call: ServiceCall, bytes: number): number {
  return allocateFromHeap(heapContext(call), processHeap(call), HEAP_ZERO_MEMORY, bytes);
}

/** Guest address of the 32-bit word of the PEB's bitmaps that holds an index's bit. */
function bitmapWord(call: ServiceCall, index: number): number {
  const bits =
    index < MINIMUM_SLOTS
      ? call.process.peb + peb.PEB_TLS_BITMAP_BITS + (index >>> 5) * 4
      : call.process.peb + peb.PEB_TLS_EXPANSION_BITMAP_BITS + ((index - MINIMUM_SLOTS) >>> 5) * 4;
  return bits;
}

const bitOf = (index: number) => (1 << (index & 31)) >>> 0;

function isAllocated(call: ServiceCall, index: number): boolean {
  return (call.memory.readU32(bitmapWord(call, index)) & bitOf(index)) !== 0;
}

/** Guest address of a thread's slot; 0 when its expansion slots do not exist (they are made when `make` says so). */
function slotOf(call: ServiceCall, teb: number, index: number, make: boolean): number {
  const { memory } = call;
  if (index < MINIMUM_SLOTS) return teb + peb.TEB_TLS_SLOTS + index * 8;
  let slots = memory.readPointer(teb + peb.TEB_TLS_EXPANSION_SLOTS);
  if (slots === 0 && make) {
    slots = allocateZeroed(call, EXPANSION_SLOTS * 8);
    memory.writePointer(teb + peb.TEB_TLS_EXPANSION_SLOTS, slots);
  }
  return slots === 0 ? 0 : slots + (index - MINIMUM_SLOTS) * 8;
}

/** Clears an index in every thread. */
function clearSlots(call: ServiceCall, index: number): void {
  for (const thread of call.process.threads) {
    if (thread.state === THREAD_TERMINATED) continue;
    const slot = slotOf(call, thread.teb, index, false);
    if (slot !== 0) call.memory.writeU64(slot, 0, 0);
  }
}

/** DWORD TlsAlloc(). */
const tlsAlloc: ServiceFunction = (call) => {
  for (let index = 0; index < MINIMUM_SLOTS + EXPANSION_SLOTS; index++) {
    if (isAllocated(call, index)) continue;
    if (index >= MINIMUM_SLOTS && slotOf(call, call.thread.teb, index, true) === 0) break;
    const word = bitmapWord(call, index);
    call.memory.writeU32(word, (call.memory.readU32(word) | bitOf(index)) >>> 0);
    clearSlots(call, index);
    return index;
  }
  return call.fail(ERROR_NO_MORE_ITEMS, TLS_OUT_OF_INDEXES);
};

/** BOOL TlsFree(index). */
const tlsFree: ServiceFunction = (call) => {
  const index = call.u32(0);
  if (index >= MINIMUM_SLOTS + EXPANSION_SLOTS || !isAllocated(call, index))
    return call.fail(ERROR_INVALID_PARAMETER);
  const word = bitmapWord(call, index);
  call.memory.writeU32(word, (call.memory.readU32(word) & ~bitOf(index)) >>> 0);
  clearSlots(call, index);
  return TRUE;
};

/** BOOL TlsSetValue(index, value). */
const tlsSetValue: ServiceFunction = (call) => {
  const index = call.u32(0);
  if (index >= MINIMUM_SLOTS + EXPANSION_SLOTS) return call.fail(ERROR_INVALID_PARAMETER);
  const slot = slotOf(call, call.thread.teb, index, true);
  if (slot === 0) return call.fail(ERROR_NOT_ENOUGH_MEMORY);
  call.memory.writeU64(slot, call.lo(1), call.hi(1));
  return TRUE;
};

/** Guest address of a thread's value of a fiber-local index; 0 when the thread has none. */
function flsSlot(call: ServiceCall, teb: number, index: number, make: boolean): number {
  let data = call.memory.readPointer(teb + TEB_FLS_DATA);
  if (data === 0 && make) {
    data = allocateZeroed(call, FLS_SLOTS * 8);
    call.memory.writePointer(teb + TEB_FLS_DATA, data);
  }
  return data === 0 ? 0 : data + index * 8;
}

const isFlsIndex = (call: ServiceCall, index: number) => (stateOf(call).flsCallbacks[index] ?? -1) >= 0;

/** DWORD FlsAlloc(callback). */
const flsAlloc: ServiceFunction = (call) => {
  const { flsCallbacks } = stateOf(call);
  const free = flsCallbacks.indexOf(-1);
  const index = free >= 0 ? free : flsCallbacks.length;
  if (index >= FLS_SLOTS) return call.fail(ERROR_NO_MORE_ITEMS, TLS_OUT_OF_INDEXES);
  flsCallbacks[index] = call.address(0);
  return index;
};

/** PVOID FlsGetValue(index). */
const flsGetValue: ServiceFunction = (call) => {
  const index = call.u32(0);
  if (!isFlsIndex(call, index)) return call.fail(ERROR_INVALID_PARAMETER);
  call.lastError = 0;
  const slot = flsSlot(call, call.thread.teb, index, false);
  if (slot === 0) return 0;
  call.return64(call.memory.readU32(slot), call.memory.readU32(slot + 4));
};

/** BOOL FlsSetValue(index, value). */
const flsSetValue: ServiceFunction = (call) => {
  const index = call.u32(0);
  if (!isFlsIndex(call, index)) return call.fail(ERROR_INVALID_PARAMETER);
  const slot = flsSlot(call, call.thread.teb, index, true);
  if (slot === 0) return call.fail(ERROR_NOT_ENOUGH_MEMORY);
  call.memory.writeU64(slot, call.lo(1), call.hi(1));
  return TRUE;
};

/** Calls the callback for the next thread that has a value; then the index is free. */
function freeFls(call: ServiceCall, index: number): ServiceResult {
  const { flsCallbacks } = stateOf(call);
  const callback = flsCallbacks[index]!;
  for (const thread of call.process.threads) {
    const slot = thread.state === THREAD_TERMINATED ? 0 : flsSlot(call, thread.teb, index, false);
    const value = slot === 0 ? 0 : call.memory.readPointer(slot);
    if (value === 0) continue;
    call.memory.writeU64(slot, 0, 0);
    if (callback !== 0) return call.callGuest(callback, [value], 0, []);
  }
  flsCallbacks[index] = -1;
  return TRUE;
}

/** BOOL FlsFree(index). */
const flsFree: Service = {
  enter: (call) =>
    isFlsIndex(call, call.u32(0)) ? freeFls(call, call.u32(0)) : call.fail(ERROR_INVALID_PARAMETER),
  steps: [(call) => (isFlsIndex(call, call.u32(0)) ? freeFls(call, call.u32(0)) : TRUE)],
};

export const threadLocalFunctions: Record<string, Service | ServiceFunction> = {
  TlsAlloc: tlsAlloc,
  TlsFree: tlsFree,
  BasepTlsSetExpansionValue: tlsSetValue,
  FlsAlloc: flsAlloc,
  FlsGetValue: flsGetValue,
  FlsSetValue: flsSetValue,
  FlsFree: flsFree,
};
