/** Thread-local and fiber-local storage. Sources: Microsoft, "TlsAlloc function", "TlsSetValue function", "FlsAlloc function", "FlsFree function". */
import * as peb from '../../ldr/peb-layout.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { THREAD_TERMINATED } from '../../nt/thread.js';
import { ERROR_INVALID_PARAMETER, ERROR_NOT_ENOUGH_MEMORY } from '../ntdll/dos-error.js';
import { allocateFls, flsSlot, freeingFls, isFlsIndex } from '../ntdll/fiber-local.js';
import { allocateFromHeap } from '../ntdll/heap.js';
import { heapContext } from '../ntdll/heap-context.js';
import { HEAP_ZERO_MEMORY } from '../ntdll/heap-layout.js';
import { processHeap } from '../ntdll/heap-services.js';
import { ERROR_NO_MORE_ITEMS, TRUE } from './results.js';

const TLS_OUT_OF_INDEXES = 0xffffffff;
const MINIMUM_SLOTS = 64;
const EXPANSION_SLOTS = 1024;

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

/** DWORD FlsAlloc(callback). */
const flsAlloc: ServiceFunction = (call) => {
  const index = allocateFls(call, call.address(0));
  return index < 0 ? call.fail(ERROR_NO_MORE_ITEMS, TLS_OUT_OF_INDEXES) : index;
};

/** BOOL FlsSetValue(index, value), the first time in a fiber; the rest is machine code (fiber.ts). */
const flsSetValue: ServiceFunction = (call) => {
  const index = call.u32(0);
  if (!isFlsIndex(call, index)) return call.fail(ERROR_INVALID_PARAMETER);
  const slot = flsSlot(call, index);
  if (slot === 0) return call.fail(ERROR_NOT_ENOUGH_MEMORY);
  call.memory.writeU64(slot, call.lo(1), call.hi(1));
  return TRUE;
};

export const threadLocalFunctions: Record<string, Service | ServiceFunction> = {
  TlsAlloc: tlsAlloc,
  TlsFree: tlsFree,
  BasepTlsSetExpansionValue: tlsSetValue,
  FlsAlloc: flsAlloc,
  BasepFlsSetValue: flsSetValue,
  FlsFree: freeingFls(TRUE, (call) => call.fail(ERROR_INVALID_PARAMETER)),
};
