/** malloc and its family on the runtime's heap, which is the process heap. Source: "Memory allocation", Microsoft. */
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { heapContext } from '../ntdll/heap-context.js';
import { compactFrontEnd } from '../ntdll/heap-front-end.js';
import { underHeapLock } from '../ntdll/heap-lock.js';
import { processHeap } from '../ntdll/heap-services.js';
import { itemBehind } from '../ntdll/heap-walk.js';
import { allocate, isHeapSound, reallocate, release, resizeInPlace, sizeOf } from './crt-heap.js';
import { EINVAL, ENOMEM } from './errno.js';
import { failWith } from './state.js';

/** Largest request: _HEAP_MAXREQ of the 64-bit runtime. */
const MAXIMUM_REQUEST = 2 ** 64 - 32;
const HEAP_OK = -2;
const HEAP_BAD_NODE = -4;
const POINTER = 8;

function allocateOrFail(call: ServiceCall, bytes: number, zero: boolean): number {
  const address = bytes > MAXIMUM_REQUEST ? 0 : allocate(call, bytes, zero);
  return address === 0 ? failWith(call, ENOMEM, 0) : address;
}

function resize(call: ServiceCall): number {
  const [address, bytes] = [call.address(0), call.size(1)];
  if (address === 0) return allocateOrFail(call, bytes, false);
  if (bytes === 0) {
    release(call, address);
    return 0;
  }
  const moved = bytes > MAXIMUM_REQUEST ? 0 : reallocate(call, address, bytes);
  return moved === 0 ? failWith(call, ENOMEM, 0) : moved;
}

/** An aligned block: the address that malloc gave lies in the 8 bytes below it. */
function allocateAligned(call: ServiceCall, bytes: number, alignment: number, offset: number): number {
  const isPowerOfTwo = alignment > 0 && Number.isInteger(Math.log2(alignment));
  if (!isPowerOfTwo || (offset !== 0 && offset >= bytes)) return failWith(call, EINVAL, 0);
  const unit = Math.max(alignment, POINTER);
  const raw = allocateOrFail(call, bytes + unit + POINTER, false);
  if (raw === 0) return 0;
  const address = Math.ceil((raw + POINTER + offset) / unit) * unit - offset;
  call.memory.writePointer(Math.floor((address - POINTER) / POINTER) * POINTER, raw);
  return address;
}

const rawOf = (call: ServiceCall, address: number) =>
  call.memory.readPointer(Math.floor((address - POINTER) / POINTER) * POINTER);

function resizeAligned(
  call: ServiceCall,
  address: number,
  bytes: number,
  alignment: number,
  offset: number,
): number {
  if (address === 0) return allocateAligned(call, bytes, alignment, offset);
  const raw = rawOf(call, address);
  if (bytes === 0) {
    release(call, raw);
    return 0;
  }
  const old = raw + sizeOf(call, raw) - address;
  const moved = allocateAligned(call, bytes, alignment, offset);
  if (moved === 0) return 0;
  call.memory.copy(moved, address, Math.min(old, bytes));
  release(call, raw);
  return moved;
}

/** An array of another size, cleared where it grows; a product that 64 bits cannot hold is refused. */
function resizeCleared(call: ServiceCall, address: number, count: number, bytes: number): number {
  const total = count * bytes;
  if (address === 0) return allocateOrFail(call, total, true);
  if (total === 0) {
    release(call, address);
    return 0;
  }
  const old = sizeOf(call, address);
  const moved = total > MAXIMUM_REQUEST ? 0 : reallocate(call, address, total);
  if (moved === 0) return failWith(call, ENOMEM, 0);
  if (total > old) call.memory.fill(moved + old, total - old, 0);
  return moved;
}

/** Bytes that were asked for with an aligned block. */
function alignedSize(call: ServiceCall, address: number, alignment: number): number {
  return sizeOf(call, rawOf(call, address)) - Math.max(alignment, POINTER) - POINTER;
}

function resizeAlignedCleared(
  call: ServiceCall,
  address: number,
  bytes: number,
  alignment: number,
  offset: number,
): number {
  const old = address === 0 ? 0 : alignedSize(call, address, alignment);
  const moved = resizeAligned(call, address, bytes, alignment, offset);
  if (moved !== 0 && bytes > old) call.memory.fill(moved + old, bytes - old, 0);
  return moved;
}

function free(call: ServiceCall): void {
  const address = call.address(0);
  if (address !== 0) release(call, address);
}

/** _HEAPINFO on x64: entry, size, whether it is used. */
const INFO_ENTRY = 0;
const INFO_SIZE = 8;
const INFO_USED = 16;
const INFO_BYTES = 24;
const HEAP_END = -5;
const HEAP_BAD_POINTER = -6;

/** int _heapwalk(info): the next block of the heap, the first for an entry of NULL. Regions are left out. */
function heapWalk(call: ServiceCall): number {
  const { memory } = call;
  const info = call.address(0);
  memory.probeWrite(info, INFO_BYTES);
  let address = memory.readPointer(info + INFO_ENTRY);
  for (;;) {
    const item = itemBehind(heapContext(call), processHeap(call), address);
    if (item === undefined) return HEAP_BAD_POINTER;
    if (item === null) return HEAP_END;
    address = item.address;
    if (item.kind !== 'block') continue;
    memory.writePointer(info + INFO_ENTRY, address);
    memory.writePointer(info + INFO_SIZE, item.bytes);
    memory.writeU32(info + INFO_USED, item.busy ? 1 : 0);
    return HEAP_OK;
  }
}

const functions: Record<string, ServiceFunction> = {
  malloc: (call) => allocateOrFail(call, call.size(0), false),
  calloc: (call) => allocateOrFail(call, call.size(0) * call.size(1), true),
  realloc: resize,
  free,
  _msize: (call) => (call.address(0) === 0 ? failWith(call, EINVAL) : sizeOf(call, call.address(0))),
  _expand: (call) => (resizeInPlace(call, call.address(0), call.size(1)) ? call.address(0) : 0),
  _aligned_malloc: (call) => allocateAligned(call, call.size(0), call.size(1), 0),
  _aligned_offset_malloc: (call) => allocateAligned(call, call.size(0), call.size(1), call.size(2)),
  _aligned_realloc: (call) => resizeAligned(call, call.address(0), call.size(1), call.size(2), 0),
  _aligned_offset_realloc: (call) =>
    resizeAligned(call, call.address(0), call.size(1), call.size(2), call.size(3)),
  _aligned_free: (call) => {
    if (call.address(0) !== 0) release(call, rawOf(call, call.address(0)));
  },
  _recalloc: (call) => resizeCleared(call, call.address(0), call.size(1), call.size(2)),
  _aligned_recalloc: (call) =>
    resizeAlignedCleared(call, call.address(0), call.size(1) * call.size(2), call.size(3), 0),
  _aligned_offset_recalloc: (call) =>
    resizeAlignedCleared(call, call.address(0), call.size(1) * call.size(2), call.size(3), call.size(4)),
  _aligned_msize: (call) =>
    call.address(0) === 0 ? failWith(call, EINVAL) : alignedSize(call, call.address(0), call.size(1)),
  _heapchk: (call) => (isHeapSound(call) ? HEAP_OK : HEAP_BAD_NODE),
  _heapwalk: heapWalk,
  _heapmin: (call) => {
    compactFrontEnd(heapContext(call), processHeap(call));
    return 0;
  },
  _get_heap_handle: processHeap,
  '??2@YAPEAX_K@Z': (call) => allocateOrFail(call, call.size(0), false),
  '??3@YAXPEAX@Z': free,
  '??_U@YAPEAX_K@Z': (call) => allocateOrFail(call, call.size(0), false),
  '??_V@YAXPEAX@Z': free,
};

/** All wait while another thread has locked the process heap. */
export const memoryFunctions: Record<string, ServiceFunction> = Object.fromEntries(
  Object.entries(functions).map(([name, run]) => [name, underHeapLock(run)]),
);
