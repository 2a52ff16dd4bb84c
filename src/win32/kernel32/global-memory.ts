/**
 * Global and local memory (winbase.h): blocks of the process heap. A moveable block has a handle: the address of the pointer
 * to its bytes, in a 16-byte entry that is a heap block itself, so a handle is 8 more than a multiple of 16; the block's user
 * value is its handle. Sources: Microsoft, "GlobalAlloc function", "GlobalLock function", "GlobalFlags function",
 * "GlobalReAlloc function", "GlobalHandle function", "GlobalDiscard macro" and their Local peers. The last errors of discarding
 * and of flags that do not exist could not be checked.
 */
import { GuestFault } from '../../mm/user-memory.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import {
  ERROR_INVALID_HANDLE,
  ERROR_INVALID_PARAMETER,
  ERROR_NOT_ENOUGH_MEMORY,
  ERROR_NOT_LOCKED,
} from '../ntdll/dos-error.js';
import { allocateFromHeap, freeToHeap, reallocateInHeap, requireBusy, sizeInHeap } from '../ntdll/heap.js';
import { valueAddress } from '../ntdll/heap-back-end.js';
import { heapContext } from '../ntdll/heap-context.js';
import { isFrontEntry } from '../ntdll/heap-front-end-layout.js';
import {
  ENTRY_EXTRA_PRESENT,
  entryFlags,
  GRANULE,
  HEAP_REALLOC_IN_PLACE_ONLY,
  HEAP_SETTABLE_USER_VALUE,
  HEAP_ZERO_MEMORY,
  HeapCorruption,
} from '../ntdll/heap-layout.js';
import { underHeapLock } from '../ntdll/heap-lock.js';
import { processHeap } from '../ntdll/heap-services.js';
import { compactHeap } from '../ntdll/rtl-heap.js';
import { ERROR_DISCARDED } from './results.js';

const MOVEABLE = 0x2;
const ZERO_INIT = 0x40;
const MODIFY = 0x80;
/** GMEM_DISCARDABLE and LMEM_DISCARDABLE. */
const DISCARDABLE = 0xf00;
/** The flags that winbase.h has for any of these functions. */
const KNOWN_FLAGS = 0x7ff2;
const DISCARDED_FLAG = 0x4000;
const INVALID_HANDLE_FLAG = 0x8000;

/** An entry of a moveable block: lock count, attributes (DISCARDABLE), mark, then the pointer that the handle names. */
const ENTRY_BYTES = 16;
const ENTRY_LOCKS = 0;
const ENTRY_ATTRIBUTES = 2;
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

/** The bytes of a moveable block, which know its handle; 0 when memory is refused. */
function allocateMoveable(call: ServiceCall, handle: number, flags: number, bytes: number): number {
  const all = HEAP_SETTABLE_USER_VALUE | (flags & ZERO_INIT ? HEAP_ZERO_MEMORY : 0);
  const block = allocateFromHeap(heapContext(call), processHeap(call), all, bytes);
  if (block !== 0) call.memory.writePointer(valueAddress(heapContext(call), block - GRANULE), handle);
  return block;
}

/** A handle without bytes: of a discarded block. 0 when memory is refused. */
function makeHandle(call: ServiceCall, flags: number): number {
  const entry = allocateBytes(call, 0, ENTRY_BYTES);
  if (entry === 0) return 0;
  call.memory.writeU16(entry + ENTRY_LOCKS, 0);
  call.memory.writeU16(entry + ENTRY_ATTRIBUTES, flags & DISCARDABLE);
  call.memory.writeU32(entry + ENTRY_MARK, MARK);
  call.memory.writePointer(entry + HANDLE_OFFSET, 0);
  return entry + HANDLE_OFFSET;
}

/** HGLOBAL GlobalAlloc(flags, bytes). A moveable block of no bytes is a discarded one. */
const allocate: ServiceFunction = (call) => {
  const [flags, bytes] = [call.u32(0), call.size(1)];
  if (flags & ~KNOWN_FLAGS) return call.fail(ERROR_INVALID_PARAMETER);
  if ((flags & MOVEABLE) === 0)
    return allocateBytes(call, flags, bytes) || call.fail(ERROR_NOT_ENOUGH_MEMORY);
  const handle = makeHandle(call, flags);
  if (handle === 0 || bytes === 0) return handle || call.fail(ERROR_NOT_ENOUGH_MEMORY);
  const block = allocateMoveable(call, handle, flags, bytes);
  if (block === 0) {
    freeToHeap(heapContext(call), processHeap(call), handle - HANDLE_OFFSET);
    return call.fail(ERROR_NOT_ENOUGH_MEMORY);
  }
  call.memory.writePointer(handle, block);
  return handle;
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
    const locks = call.memory.readU16(entry + ENTRY_LOCKS);
    if (locks < MAXIMUM_LOCKS) call.memory.writeU16(entry + ENTRY_LOCKS, locks + 1);
    return block;
  });

/** BOOL GlobalUnlock(memory): whether it is still locked. */
const unlock: ServiceFunction = (call) =>
  guarded(call, 0, () => {
    const memory = call.address(0);
    if (!isHandle(memory)) return 1;
    const entry = entryOf(call, memory);
    const locks = call.memory.readU16(entry + ENTRY_LOCKS);
    if (locks === 0) return call.fail(ERROR_NOT_LOCKED);
    call.memory.writeU16(entry + ENTRY_LOCKS, locks - 1);
    if (locks === 1) call.lastError = 0;
    return locks === 1 ? 0 : 1;
  });

/** UINT GlobalFlags(memory): lock count, and whether the block may be discarded or is. */
const flags: ServiceFunction = (call) =>
  guarded(call, INVALID_HANDLE_FLAG, () => {
    const memory = call.address(0);
    if (!isHandle(memory)) {
      sizeInHeap(heapContext(call), processHeap(call), memory);
      return 0;
    }
    const entry = entryOf(call, memory);
    const discarded = call.memory.readPointer(memory) === 0 ? DISCARDED_FLAG : 0;
    const attributes = call.memory.readU16(entry + ENTRY_ATTRIBUTES);
    return call.memory.readU16(entry + ENTRY_LOCKS) | attributes | discarded;
  });

/** HGLOBAL GlobalReAlloc(memory, bytes, flags). A fixed block stays where it is unless GMEM_MOVEABLE lets it move. */
const reallocate: ServiceFunction = (call) =>
  guarded(call, 0, () => {
    const [memory, bytes, how] = [call.address(0), call.size(1), call.u32(2)];
    if (how & ~KNOWN_FLAGS) return call.fail(ERROR_INVALID_PARAMETER);
    if (how & MODIFY) return modify(call, memory, how);
    if (isHandle(memory)) return resizeMoveable(call, memory, bytes, how);
    const flags =
      (how & ZERO_INIT ? HEAP_ZERO_MEMORY : 0) | (how & MOVEABLE ? 0 : HEAP_REALLOC_IN_PLACE_ONLY);
    const moved = reallocateInHeap(heapContext(call), processHeap(call), flags, memory, bytes);
    return moved === 0 ? call.fail(ERROR_NOT_ENOUGH_MEMORY) : moved;
  });

/** Another size for a moveable block; none, with GMEM_MOVEABLE, discards it unless it is locked. */
function resizeMoveable(call: ServiceCall, handle: number, bytes: number, how: number): number {
  const [context, heap] = [heapContext(call), processHeap(call)];
  const entry = entryOf(call, handle);
  const block = call.memory.readPointer(handle);
  if (bytes === 0 && how & MOVEABLE) {
    if (call.memory.readU16(entry + ENTRY_LOCKS) !== 0) return call.fail(ERROR_INVALID_HANDLE);
    if (block !== 0) freeToHeap(context, heap, block);
    call.memory.writePointer(handle, 0);
    return handle;
  }
  const zero = how & ZERO_INIT ? HEAP_ZERO_MEMORY : 0;
  const moved =
    block === 0
      ? allocateMoveable(call, handle, how, bytes)
      : reallocateInHeap(context, heap, zero, block, bytes);
  if (moved === 0) return call.fail(ERROR_NOT_ENOUGH_MEMORY);
  call.memory.writePointer(handle, moved);
  return handle;
}

/** Changes attributes: a moveable block's, or a fixed one becomes a moveable one that keeps its bytes. */
function modify(call: ServiceCall, memory: number, how: number): number {
  const [context, heap] = [heapContext(call), processHeap(call)];
  if (isHandle(memory)) {
    call.memory.writeU16(entryOf(call, memory) + ENTRY_ATTRIBUTES, how & DISCARDABLE);
    return memory;
  }
  const bytes = sizeInHeap(context, heap, memory);
  if ((how & MOVEABLE) === 0) return memory;
  const handle = makeHandle(call, how);
  const block = handle === 0 ? 0 : allocateMoveable(call, handle, 0, bytes);
  if (block === 0) {
    if (handle !== 0) freeToHeap(context, heap, handle - HANDLE_OFFSET);
    return call.fail(ERROR_NOT_ENOUGH_MEMORY);
  }
  call.memory.probeRead(memory, bytes);
  call.memory.probeWrite(block, bytes);
  call.memory.copy(block, memory, bytes);
  call.memory.writePointer(handle, block);
  freeToHeap(context, heap, memory);
  return handle;
}

/** HGLOBAL GlobalHandle(address): the handle of a moveable block's bytes; a fixed block is its own. */
const handleOf: ServiceFunction = (call) =>
  guarded(call, 0, () => {
    const [context, address] = [heapContext(call), call.address(0)];
    const entry = requireBusy(context, processHeap(call), address);
    if (isFrontEntry(context, entry) || (entryFlags(context, entry) & ENTRY_EXTRA_PRESENT) === 0)
      return address;
    const handle = call.memory.readPointer(valueAddress(context, entry));
    entryOf(call, handle);
    return call.memory.readPointer(handle) === address ? handle : call.fail(ERROR_INVALID_HANDLE);
  });

/** SIZE_T GlobalCompact(bytes): the size of the largest free block of the process heap. */
const compact: ServiceFunction = (call) => compactHeap(call, processHeap(call));

const functions: Record<string, ServiceFunction> = {
  Alloc: allocate,
  Free: free,
  Size: size,
  Lock: lock,
  Unlock: unlock,
  Flags: flags,
  ReAlloc: reallocate,
  Handle: handleOf,
  Compact: compact,
};

export const globalMemoryFunctions: Record<string, Service | ServiceFunction> = {
  ...Object.fromEntries(
    Object.entries(functions).map(([name, run]) => [`Global${name}`, underHeapLock(run)]),
  ),
  ...Object.fromEntries(Object.entries(functions).map(([name, run]) => [`Local${name}`, underHeapLock(run)])),
  LocalShrink: underHeapLock(compact),
  GlobalFix: underHeapLock(lock),
  GlobalUnfix: underHeapLock(unlock),
  GlobalWire: underHeapLock(lock),
  GlobalUnWire: underHeapLock(unlock),
};
