/**
 * Global and local memory (winbase.h): blocks of the process heap. A moveable block has a handle: the address of the pointer
 * to its bytes, in a 16-byte entry that is a heap block itself, so a handle is 8 more than a multiple of 16.
 * Sources: Microsoft, "GlobalAlloc function", "GlobalLock function", "GlobalFlags function", "GlobalReAlloc function".
 */
import { GuestFault } from '../../mm/user-memory.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { ERROR_INVALID_HANDLE, ERROR_NOT_ENOUGH_MEMORY, ERROR_NOT_LOCKED } from '../ntdll/dos-error.js';
import { allocateFromHeap, freeToHeap, reallocateInHeap, sizeInHeap } from '../ntdll/heap.js';
import { heapContext } from '../ntdll/heap-context.js';
import { HEAP_REALLOC_IN_PLACE_ONLY, HEAP_ZERO_MEMORY, HeapCorruption } from '../ntdll/heap-layout.js';
import { processHeap } from '../ntdll/heap-services.js';
import { ERROR_DISCARDED } from './results.js';

const MOVEABLE = 0x2;
const ZERO_INIT = 0x40;
const MODIFY = 0x80;
const DISCARDED_FLAG = 0x4000;
const INVALID_HANDLE_FLAG = 0x8000;

/** An entry of a moveable block: lock count, mark, then the pointer that the handle names. */
const ENTRY_BYTES = 16;
const ENTRY_LOCKS = 0;
const ENTRY_MARK = 4;
const HANDLE_OFFSET = 8;
const MARK = 0x4d4f5645;
const MAXIMUM_LOCKS = 0xff;

const isHandle = (memory: number) => memory % 16 === HANDLE_OFFSET;

/** Runs an operation on a block; what is no block of the process heap gives ERROR_INVALID_HANDLE and `failed`. */
function guarded(call: ServiceCall, failed: number, operation: () => number): number {
  try {
    return operation();
  } catch (error) {
    if (error instanceof HeapCorruption || error instanceof GuestFault)
      return call.fail(ERROR_INVALID_HANDLE, failed);
    throw error;
  }
}

/** The entry of a handle; throws HeapCorruption when it is none. */
function entryOf(call: ServiceCall, handle: number): number {
  const entry = handle - HANDLE_OFFSET;
  const known = sizeInHeap(heapContext(call), processHeap(call), entry) === ENTRY_BYTES;
  if (!known || call.memory.readU32(entry + ENTRY_MARK) !== MARK) throw new HeapCorruption(handle);
  return entry;
}

function allocateBytes(call: ServiceCall, flags: number, bytes: number): number {
  const zero = flags & ZERO_INIT ? HEAP_ZERO_MEMORY : 0;
  return allocateFromHeap(heapContext(call), processHeap(call), zero, bytes);
}

/** HGLOBAL GlobalAlloc(flags, bytes). A moveable block of no bytes is a discarded one. */
const allocate: ServiceFunction = (call) => {
  const [flags, bytes] = [call.u32(0), call.size(1)];
  const moveable = (flags & MOVEABLE) !== 0;
  const block = moveable && bytes === 0 ? 0 : allocateBytes(call, flags, bytes);
  if (block === 0 && !(moveable && bytes === 0)) return call.fail(ERROR_NOT_ENOUGH_MEMORY);
  if (!moveable) return block;
  const entry = allocateBytes(call, 0, ENTRY_BYTES);
  if (entry === 0) {
    if (block !== 0) freeToHeap(heapContext(call), processHeap(call), block);
    return call.fail(ERROR_NOT_ENOUGH_MEMORY);
  }
  call.memory.writeU32(entry + ENTRY_LOCKS, 0);
  call.memory.writeU32(entry + ENTRY_MARK, MARK);
  call.memory.writePointer(entry + HANDLE_OFFSET, block);
  return entry + HANDLE_OFFSET;
};

/** HGLOBAL GlobalFree(memory): 0, or the handle when it is none. */
const free: ServiceFunction = (call) => {
  const memory = call.address(0);
  if (memory === 0) return 0;
  return guarded(call, memory, () => {
    const context = heapContext(call);
    const heap = processHeap(call);
    if (!isHandle(memory)) {
      freeToHeap(context, heap, memory);
      return 0;
    }
    const entry = entryOf(call, memory);
    const block = call.memory.readPointer(memory);
    if (block !== 0) freeToHeap(context, heap, block);
    call.memory.writeU32(entry + ENTRY_MARK, 0);
    freeToHeap(context, heap, entry);
    return 0;
  });
};

/** SIZE_T GlobalSize(memory), in bytes. */
const size: ServiceFunction = (call) =>
  guarded(call, 0, () => {
    const memory = call.address(0);
    if (memory === 0) return call.fail(ERROR_INVALID_HANDLE);
    const block = isHandle(memory) ? call.memory.readPointer(entryOf(call, memory) + HANDLE_OFFSET) : memory;
    return block === 0 ? 0 : sizeInHeap(heapContext(call), processHeap(call), block);
  });

/** LPVOID GlobalLock(memory): the address of a moveable block's bytes; a fixed block is its own. */
const lock: ServiceFunction = (call) =>
  guarded(call, 0, () => {
    const memory = call.address(0);
    if (!isHandle(memory)) {
      if (memory !== 0) sizeInHeap(heapContext(call), processHeap(call), memory);
      return memory === 0 ? call.fail(ERROR_INVALID_HANDLE) : memory;
    }
    const entry = entryOf(call, memory);
    const block = call.memory.readPointer(memory);
    if (block === 0) return call.fail(ERROR_DISCARDED);
    const locks = call.memory.readU32(entry + ENTRY_LOCKS);
    if (locks < MAXIMUM_LOCKS) call.memory.writeU32(entry + ENTRY_LOCKS, locks + 1);
    return block;
  });

/** BOOL GlobalUnlock(memory): whether it is still locked. */
const unlock: ServiceFunction = (call) =>
  guarded(call, 0, () => {
    const memory = call.address(0);
    if (!isHandle(memory)) return 1;
    const entry = entryOf(call, memory);
    const locks = call.memory.readU32(entry + ENTRY_LOCKS);
    if (locks === 0) return call.fail(ERROR_NOT_LOCKED);
    call.memory.writeU32(entry + ENTRY_LOCKS, locks - 1);
    if (locks === 1) call.lastError = 0;
    return locks === 1 ? 0 : 1;
  });

/** UINT GlobalFlags(memory): lock count, and whether the block is discarded. */
const flags: ServiceFunction = (call) =>
  guarded(call, INVALID_HANDLE_FLAG, () => {
    const memory = call.address(0);
    if (!isHandle(memory)) {
      sizeInHeap(heapContext(call), processHeap(call), memory);
      return 0;
    }
    const entry = entryOf(call, memory);
    const discarded = call.memory.readPointer(memory) === 0 ? DISCARDED_FLAG : 0;
    return call.memory.readU32(entry + ENTRY_LOCKS) | discarded;
  });

/** HGLOBAL GlobalReAlloc(memory, bytes, flags). A fixed block stays where it is unless GMEM_MOVEABLE lets it move. */
const reallocate: ServiceFunction = (call) =>
  guarded(call, 0, () => {
    const [memory, bytes, how] = [call.address(0), call.size(1), call.u32(2)];
    if (how & MODIFY) return memory;
    const context = heapContext(call);
    const heap = processHeap(call);
    const zero = how & ZERO_INIT ? HEAP_ZERO_MEMORY : 0;
    if (!isHandle(memory)) {
      const place = how & MOVEABLE ? 0 : HEAP_REALLOC_IN_PLACE_ONLY;
      const moved = reallocateInHeap(context, heap, zero | place, memory, bytes);
      return moved === 0 ? call.fail(ERROR_NOT_ENOUGH_MEMORY) : moved;
    }
    entryOf(call, memory);
    const block = call.memory.readPointer(memory);
    const moved =
      block === 0 ? allocateBytes(call, how, bytes) : reallocateInHeap(context, heap, zero, block, bytes);
    if (moved === 0) return call.fail(ERROR_NOT_ENOUGH_MEMORY);
    call.memory.writePointer(memory, moved);
    return memory;
  });

const functions: Record<string, ServiceFunction> = {
  Alloc: allocate,
  Free: free,
  Size: size,
  Lock: lock,
  Unlock: unlock,
  Flags: flags,
  ReAlloc: reallocate,
};

export const globalMemoryFunctions: Record<string, Service | ServiceFunction> = {
  ...Object.fromEntries(Object.entries(functions).map(([name, run]) => [`Global${name}`, run])),
  ...Object.fromEntries(Object.entries(functions).map(([name, run]) => [`Local${name}`, run])),
};
