/** Heaps (heapapi.h) beside what is forwarded to ntdll. Sources: Microsoft, "HeapCreate function", "HeapDestroy function", "HeapCompact function", "HeapWalk function". */
import { STATUS_INVALID_PARAMETER } from '../../base/ntstatus.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import {
  ERROR_INVALID_HANDLE,
  ERROR_INVALID_PARAMETER,
  ERROR_NOT_ENOUGH_MEMORY,
} from '../ntdll/dos-error.js';
import { blockBehind, destroyHeap, type HeapEntry, largeBlocks, walkHeap } from '../ntdll/heap.js';
import { heapContext } from '../ntdll/heap-context.js';
import {
  GRANULE,
  HEAP_CREATE_ENABLE_EXECUTE,
  HEAP_GENERATE_EXCEPTIONS,
  HEAP_NO_SERIALIZE,
  type HeapContext,
  requireHeap,
  SEGMENT_BASE_AT,
  SEGMENT_COMMITTED_END_AT,
  SEGMENT_RESERVED_END_AT,
} from '../ntdll/heap-layout.js';
import { findSegment, firstEntry } from '../ntdll/heap-segments.js';
import { createProcessHeap, guardHeap, heapsOf, processHeap } from '../ntdll/heap-services.js';
import { ERROR_NO_MORE_ITEMS, failStatus, TRUE, writeU64 } from './results.js';

const CREATE_FLAGS = HEAP_NO_SERIALIZE | HEAP_GENERATE_EXCEPTIONS | HEAP_CREATE_ENABLE_EXECUTE;

/** HANDLE HeapCreate(options, initial, maximum): the maximum is never below the initial size. */
const heapCreate: ServiceFunction = (call) => {
  const [initial, maximum] = [call.size(1), call.size(2)];
  const limit = maximum === 0 ? 0 : Math.max(initial, maximum);
  const heap = createProcessHeap(call, call.u32(0) & CREATE_FLAGS, initial, limit);
  return heap === 0 ? call.fail(ERROR_NOT_ENOUGH_MEMORY) : heap;
};

/** BOOL HeapDestroy(heap): the process heap stays. */
const heapDestroy: ServiceFunction = (call) =>
  guardHeap(call, () => {
    const heap = call.address(0);
    if (heap === 0 || heap === processHeap(call)) return call.fail(ERROR_INVALID_HANDLE);
    destroyHeap(heapContext(call), heap);
    const heaps = heapsOf(call.process);
    if (heaps.includes(heap)) heaps.splice(heaps.indexOf(heap), 1);
    return TRUE;
  });

/** SIZE_T HeapCompact(heap, flags): free blocks are joined at once, so this only tells the size of the largest, in bytes. */
const heapCompact: ServiceFunction = (call) =>
  guardHeap(call, () => {
    let largest = 0;
    walkHeap(heapContext(call), call.address(0), (entry) => {
      if (!entry.busy) largest = Math.max(largest, entry.bytes);
    });
    if (largest === 0) call.lastError = 0;
    return largest;
  });

/** PROCESS_HEAP_ENTRY on x64: byte offsets. */
const WALK_DATA = 0x00;
const WALK_SIZE = 0x08;
const WALK_OVERHEAD = 0x0c;
const WALK_REGION_INDEX = 0x0d;
const WALK_FLAGS = 0x0e;
const WALK_COMMITTED = 0x10;
const WALK_UNCOMMITTED = 0x14;
const WALK_FIRST_BLOCK = 0x18;
const WALK_LAST_BLOCK = 0x20;
const WALK_BYTES = 0x28;
const PROCESS_HEAP_REGION = 1;
const PROCESS_HEAP_ENTRY_BUSY = 4;
const LARGE_REGION = 0xff;

interface Region {
  readonly segment: number;
  readonly base: number;
  readonly committedEnd: number;
  readonly reservedEnd: number;
  readonly first: number;
}

function regionsOf(call: ServiceCall, heap: number): Region[] {
  const regions: Region[] = [];
  const { memory } = call;
  findSegment(heapContext(call), heap, (segment) => {
    regions.push({
      segment,
      base: memory.readPointer(segment + SEGMENT_BASE_AT),
      committedEnd: memory.readPointer(segment + SEGMENT_COMMITTED_END_AT),
      reservedEnd: memory.readPointer(segment + SEGMENT_RESERVED_END_AT),
      first: firstEntry(segment) + 16,
    });
    return false;
  });
  return regions;
}

/** What a walk finds behind an address, first for 0; null behind the last, undefined when the address is none of its. */
function itemBehind(
  context: HeapContext,
  heap: number,
  regions: readonly Region[],
  address: number,
): Region | HeapEntry | null | undefined {
  if (address === 0) return regions[0] ?? null;
  const index = regions.findIndex(({ base, committedEnd }) => address >= base && address < committedEnd);
  const region = regions[index];
  if (region === undefined) {
    const large = largeBlocks(context, heap);
    const at = large.findIndex((block) => block.address === address);
    return at < 0 ? undefined : (large[at + 1] ?? null);
  }
  const isStart = address === region.base;
  if (!isStart && (address < region.first || address % GRANULE !== 0)) return undefined;
  return (
    blockBehind(context, region.segment, isStart ? 0 : address) ??
    regions[index + 1] ??
    largeBlocks(context, heap)[0] ??
    null
  );
}

/** BOOL HeapWalk(heap, entry): each region, then its blocks; the entry's address says where the walk stands. */
const heapWalk: ServiceFunction = (call) =>
  guardHeap(call, () => {
    const [heap, at] = [call.address(0), call.address(1)];
    call.memory.probeWrite(at, WALK_BYTES);
    const context = heapContext(call);
    requireHeap(context, heap);
    const regions = regionsOf(call, heap);
    const item = itemBehind(context, heap, regions, call.memory.readPointer(at + WALK_DATA));
    if (item === undefined) return call.fail(ERROR_INVALID_PARAMETER);
    if (item === null) return call.fail(ERROR_NO_MORE_ITEMS);
    call.memory.fill(at, WALK_BYTES, 0);
    const isRegion = 'base' in item;
    const address = isRegion ? item.base : item.address;
    const index = regions.findIndex(({ base, reservedEnd }) => address >= base && address < reservedEnd);
    call.memory.writePointer(at + WALK_DATA, address);
    if (isRegion) writeRegion(call, at, item, index);
    else writeBlock(call, at, item, index);
    return TRUE;
  });

function writeRegion(call: ServiceCall, at: number, region: Region, index: number): void {
  const { memory } = call;
  memory.writeU32(at + WALK_SIZE, region.first - region.base);
  memory.writeU8(at + WALK_REGION_INDEX, index & 0xff);
  memory.writeU16(at + WALK_FLAGS, PROCESS_HEAP_REGION);
  memory.writeU32(at + WALK_COMMITTED, region.committedEnd - region.base);
  memory.writeU32(at + WALK_UNCOMMITTED, region.reservedEnd - region.committedEnd);
  memory.writePointer(at + WALK_FIRST_BLOCK, region.first);
  memory.writePointer(at + WALK_LAST_BLOCK, region.reservedEnd);
}

function writeBlock(call: ServiceCall, at: number, entry: HeapEntry, region: number): void {
  const { memory } = call;
  memory.writeU32(at + WALK_SIZE, entry.bytes);
  memory.writeU8(at + WALK_OVERHEAD, entry.overhead & 0xff);
  memory.writeU8(at + WALK_REGION_INDEX, region < 0 ? LARGE_REGION : region & 0xff);
  memory.writeU16(at + WALK_FLAGS, entry.busy ? PROCESS_HEAP_ENTRY_BUSY : 0);
}

const COMPATIBILITY_INFORMATION = 0;
const ENABLE_TERMINATION_ON_CORRUPTION = 1;
const STANDARD_HEAP = 0;

/** BOOL HeapSetInformation(heap, class, information, length): corruption always ends the program here. */
const heapSetInformation: ServiceFunction = (call) =>
  call.u32(1) === ENABLE_TERMINATION_ON_CORRUPTION ? TRUE : failStatus(call, STATUS_INVALID_PARAMETER);

/** BOOL HeapQueryInformation(heap, class, information, length, returned): a standard heap without look-aside lists. */
const heapQueryInformation: ServiceFunction = (call) => {
  if (call.u32(1) !== COMPATIBILITY_INFORMATION || call.size(3) < 4)
    return failStatus(call, STATUS_INVALID_PARAMETER);
  call.memory.writeU32(call.address(2), STANDARD_HEAP);
  if (call.address(4) !== 0) writeU64(call, call.address(4), 4);
  return TRUE;
};

export const heapFunctions: Record<string, Service | ServiceFunction> = {
  HeapCreate: heapCreate,
  HeapDestroy: heapDestroy,
  HeapCompact: heapCompact,
  HeapWalk: heapWalk,
  HeapSetInformation: heapSetInformation,
  HeapQueryInformation: heapQueryInformation,
};

/** Names that the DLL forwards, as Windows's does or could. */
export const heapForwarders: Record<string, string> = {
  HeapAlloc: 'NTDLL.RtlAllocateHeap',
  HeapReAlloc: 'NTDLL.RtlReAllocateHeap',
  HeapFree: 'NTDLL.RtlFreeHeap',
  HeapSize: 'NTDLL.RtlSizeHeap',
  HeapValidate: 'NTDLL.RtlValidateHeap',
  HeapLock: 'NTDLL.RtlLockHeap',
  HeapUnlock: 'NTDLL.RtlUnlockHeap',
  GetProcessHeaps: 'NTDLL.RtlGetProcessHeaps',
};
