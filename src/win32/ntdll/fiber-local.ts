/**
 * Fiber-local storage: 128 indexes, whose bits stand in the PEB, with callbacks; values in a block that the TEB names and that
 * changes with the fiber. Sources: Microsoft, "FlsAlloc function", "FlsFree function", "FlsCallback"; the fields of PEB and TEB
 * as published.
 */
import { STATUS_INVALID_PARAMETER, STATUS_NO_MEMORY, STATUS_SUCCESS } from '../../base/ntstatus.js';
import { FIBER_FLS_DATA, PEB_FLS_BITMAP_BITS, TEB_FIBER_DATA, TEB_FLS_DATA } from '../../ldr/peb-layout.js';
import type { PENDING, Service, ServiceCall, ServiceFunction, ServiceResult } from '../../nt/service.js';
import { THREAD_TERMINATED } from '../../nt/thread.js';
import { allocateFromHeap, freeToHeap } from './heap.js';
import { heapContext } from './heap-context.js';
import { HEAP_ZERO_MEMORY } from './heap-layout.js';
import { processHeap } from './heap-services.js';

/** FLS_MAXIMUM_AVAILABLE. */
export const FLS_SLOTS = 128;

interface FiberLocalState {
  /** Callback of each index, 0 for none. */
  readonly callbacks: number[];
  /** Addresses of the process's fibers. */
  readonly fibers: Set<number>;
}

export function fiberLocalState(call: ServiceCall): FiberLocalState {
  call.process.library['fls'] ??= { callbacks: [], fibers: new Set() } satisfies FiberLocalState;
  return call.process.library['fls'] as FiberLocalState;
}

const bitOf = (index: number) => (1 << (index & 31)) >>> 0;
const wordOf = (call: ServiceCall, index: number) =>
  call.process.peb + PEB_FLS_BITMAP_BITS + (index >>> 5) * 4;

export function isFlsIndex(call: ServiceCall, index: number): boolean {
  return index < FLS_SLOTS && (call.memory.readU32(wordOf(call, index)) & bitOf(index)) !== 0;
}

/** A free index, now taken; -1 for none. */
export function allocateFls(call: ServiceCall, callback: number): number {
  for (let index = 0; index < FLS_SLOTS; index++) {
    if (isFlsIndex(call, index)) continue;
    const word = wordOf(call, index);
    call.memory.writeU32(word, (call.memory.readU32(word) | bitOf(index)) >>> 0);
    call.memory.commit();
    fiberLocalState(call).callbacks[index] = callback;
    return index;
  }
  return -1;
}

/** Guest address of the running fiber's value; 0 when it has none and none can be made. */
export function flsSlot(call: ServiceCall, index: number): number {
  const { memory, thread } = call;
  let data = memory.readPointer(thread.teb + TEB_FLS_DATA);
  if (data === 0) {
    data = allocateFromHeap(heapContext(call), processHeap(call), HEAP_ZERO_MEMORY, FLS_SLOTS * 8);
    if (data === 0) return 0;
    memory.writePointer(thread.teb + TEB_FLS_DATA, data);
  }
  return data + index * 8;
}

/** Addresses of the blocks of all threads and of all fibers that do not run now. */
function allBlocks(call: ServiceCall): number[] {
  const { memory, process } = call;
  const tebs = process.threads.filter(({ state }) => state !== THREAD_TERMINATED).map(({ teb }) => teb);
  const running = tebs.map((teb) => memory.readPointer(teb + TEB_FIBER_DATA));
  const others = [...fiberLocalState(call).fibers].filter((fiber) => !running.includes(fiber));
  const blocks = [
    ...tebs.map((teb) => memory.readPointer(teb + TEB_FLS_DATA)),
    ...others.map((fiber) => memory.readPointer(fiber + FIBER_FLS_DATA)),
  ];
  return blocks.filter((block) => block !== 0);
}

/** Takes a value out of a block and calls the callback of its index; null when there is no value, or no callback. */
function callBack(
  call: ServiceCall,
  block: number,
  index: number,
  step: number,
  saved: readonly number[],
): typeof PENDING | null {
  const value = call.memory.readPointer(block + index * 8);
  if (value === 0) return null;
  call.memory.writeU64(block + index * 8, 0, 0);
  const callback = fiberLocalState(call).callbacks[index] ?? 0;
  return callback === 0 ? null : call.callGuest(callback, [value], step, saved);
}

/** Frees an index: its callback is called for each value that is left. */
function freeIndex(call: ServiceCall, index: number, done: number): ServiceResult {
  for (const block of allBlocks(call)) {
    const pending = callBack(call, block, index, 0, []);
    if (pending !== null) return pending;
  }
  const word = wordOf(call, index);
  call.memory.writeU32(word, (call.memory.readU32(word) & ~bitOf(index)) >>> 0);
  call.memory.commit();
  fiberLocalState(call).callbacks[index] = 0;
  return done;
}

/** A service that frees the index of its first argument. */
export function freeingFls(done: number, refuse: (call: ServiceCall) => number): Service {
  const free = (call: ServiceCall) =>
    isFlsIndex(call, call.u32(0)) ? freeIndex(call, call.u32(0), done) : refuse(call);
  return { enter: free, steps: [free] };
}

/**
 * A fiber ends: calls the callbacks for its values, in the order of the indexes from `first` on, then frees the block. Null when
 * all is done; `step` gets `saved` and the next index.
 */
export function endFiberLocals(
  call: ServiceCall,
  block: number,
  step: number,
  saved: readonly number[],
  first: number,
): typeof PENDING | null {
  if (block === 0) return null;
  for (let index = first; index < FLS_SLOTS; index++) {
    if (!isFlsIndex(call, index)) continue;
    const pending = callBack(call, block, index, step, [...saved, index + 1]);
    if (pending !== null) return pending;
  }
  freeToHeap(heapContext(call), processHeap(call), block);
  return null;
}

/** The same for the running thread; its TEB names no block any more then. */
export function endThreadLocals(
  call: ServiceCall,
  step: number,
  saved: readonly number[],
  first: number,
): typeof PENDING | null {
  const field = call.thread.teb + TEB_FLS_DATA;
  const pending = endFiberLocals(call, call.memory.readPointer(field), step, saved, first);
  if (pending === null) call.memory.writeU64(field, 0, 0);
  return pending;
}

/** NTSTATUS RtlFlsAlloc(callback, *index). */
const rtlFlsAlloc: ServiceFunction = (call) => {
  call.memory.probeWrite(call.address(1), 4);
  const index = allocateFls(call, call.address(0));
  if (index < 0) return STATUS_NO_MEMORY;
  call.memory.writeU32(call.address(1), index);
  return STATUS_SUCCESS;
};

/** NTSTATUS RtlFlsGetValue(index, *value). */
const rtlFlsGetValue: ServiceFunction = (call) => {
  const { memory } = call;
  if (!isFlsIndex(call, call.u32(0))) return STATUS_INVALID_PARAMETER;
  const slot = flsSlot(call, call.u32(0));
  if (slot === 0) return STATUS_NO_MEMORY;
  memory.writeU64(call.address(1), memory.readU64Lo(slot), memory.readU64Hi(slot));
  return STATUS_SUCCESS;
};

/** NTSTATUS RtlFlsSetValue(index, value). */
const rtlFlsSetValue: ServiceFunction = (call) => {
  if (!isFlsIndex(call, call.u32(0))) return STATUS_INVALID_PARAMETER;
  const slot = flsSlot(call, call.u32(0));
  if (slot === 0) return STATUS_NO_MEMORY;
  call.memory.writeU64(slot, call.lo(1), call.hi(1));
  return STATUS_SUCCESS;
};

export const fiberLocalServices: Readonly<Record<string, Service | ServiceFunction>> = {
  RtlFlsAlloc: rtlFlsAlloc,
  RtlFlsFree: freeingFls(STATUS_SUCCESS, () => STATUS_INVALID_PARAMETER),
  RtlFlsGetValue: rtlFlsGetValue,
  RtlFlsSetValue: rtlFlsSetValue,
};
