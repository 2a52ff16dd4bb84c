/** Heaps (heapapi.h) beside what is forwarded to ntdll. Sources: Microsoft, "HeapCreate function", "HeapDestroy function", "HeapCompact function", "HeapWalk function". */
import { PENDING, type Service, type ServiceCall, type ServiceFunction } from '../../nt/service.js';
import {
  ERROR_INVALID_HANDLE,
  ERROR_INVALID_PARAMETER,
  ERROR_NOT_ENOUGH_MEMORY,
} from '../ntdll/dos-error.js';
import { heapContext } from '../ntdll/heap-context.js';
import { queryHeapInformation, setHeapInformation } from '../ntdll/heap-information.js';
import { largeCommitted, largeReserved } from '../ntdll/heap-large.js';
import {
  HEAP_CREATE_ENABLE_EXECUTE,
  HEAP_FREE_CHECKING_ENABLED,
  HEAP_GENERATE_EXCEPTIONS,
  HEAP_NO_SERIALIZE,
  HEAP_TAIL_CHECKING_ENABLED,
} from '../ntdll/heap-layout.js';
import { withHeapLock } from '../ntdll/heap-lock.js';
import { createProcessHeap, destroyProcessHeap, guardHeap, processHeap } from '../ntdll/heap-services.js';
import { type HeapItem, type HeapRegion, itemBehind, regionsOf, walkHeap } from '../ntdll/heap-walk.js';
import { compactHeap } from '../ntdll/rtl-heap.js';
import { ERROR_NO_MORE_ITEMS, TRUE, truth } from './results.js';

const CREATE_FLAGS =
  HEAP_NO_SERIALIZE |
  HEAP_GENERATE_EXCEPTIONS |
  HEAP_TAIL_CHECKING_ENABLED |
  HEAP_FREE_CHECKING_ENABLED |
  HEAP_CREATE_ENABLE_EXECUTE;

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
    destroyProcessHeap(call, heap);
    return TRUE;
  });

/** SIZE_T HeapCompact(heap, flags): the size of the largest free block in bytes. */
const heapCompact: ServiceFunction = (call) =>
  guardHeap(call, () => {
    const [heap, flags] = [call.address(0), call.u32(1)];
    return withHeapLock(call, heap, flags, () => {
      const largest = compactHeap(call, heap);
      if (largest === 0) call.lastError = 0;
      return largest;
    });
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
const PROCESS_HEAP_UNCOMMITTED_RANGE = 2;
const PROCESS_HEAP_ENTRY_BUSY = 4;
const LARGE_REGION = 0xff;
const MAXIMUM_U32 = 0xffffffff;

/** BOOL HeapWalk(heap, entry): each region, then its blocks; the entry's address says where the walk stands. */
const heapWalk: ServiceFunction = (call) =>
  guardHeap(call, () => {
    const [heap, at] = [call.address(0), call.address(1)];
    return withHeapLock(call, heap, 0, () => {
      call.memory.probeWrite(at, WALK_BYTES);
      const context = heapContext(call);
      const item = itemBehind(context, heap, call.memory.readPointer(at + WALK_DATA));
      if (item === undefined) return call.fail(ERROR_INVALID_PARAMETER);
      if (item === null) return call.fail(ERROR_NO_MORE_ITEMS);
      writeItem(call, at, item, regionIndex(regionsOf(context, heap), item.address));
      return TRUE;
    });
  });

function regionIndex(regions: readonly HeapRegion[], address: number): number {
  const index = regions.findIndex((region) => address >= region.address && address < region.reservedEnd);
  return index < 0 ? LARGE_REGION : index & 0xff;
}

/** Sizes that 32 bits cannot hold are given as the largest that they can. */
function writeItem({ memory }: ServiceCall, at: number, item: HeapItem, index: number): void {
  memory.fill(at, WALK_BYTES, 0);
  memory.writePointer(at + WALK_DATA, item.address);
  memory.writeU8(at + WALK_REGION_INDEX, index);
  if (item.kind === 'region') {
    memory.writeU32(at + WALK_SIZE, item.first - item.address);
    memory.writeU16(at + WALK_FLAGS, PROCESS_HEAP_REGION);
    memory.writeU32(at + WALK_COMMITTED, item.committedEnd - item.address);
    memory.writeU32(at + WALK_UNCOMMITTED, item.reservedEnd - item.committedEnd);
    memory.writePointer(at + WALK_FIRST_BLOCK, item.first);
    memory.writePointer(at + WALK_LAST_BLOCK, item.reservedEnd);
    return;
  }
  memory.writeU32(at + WALK_SIZE, Math.min(item.bytes, MAXIMUM_U32));
  if (item.kind === 'uncommitted') memory.writeU16(at + WALK_FLAGS, PROCESS_HEAP_UNCOMMITTED_RANGE);
  else {
    memory.writeU8(at + WALK_OVERHEAD, item.overhead & 0xff);
    memory.writeU16(at + WALK_FLAGS, item.busy ? PROCESS_HEAP_ENTRY_BUSY : 0);
  }
}

/** HEAP_SUMMARY on x64: byte offsets. */
const SUMMARY_ALLOCATED = 0x08;
const SUMMARY_COMMITTED = 0x10;
const SUMMARY_RESERVED = 0x18;
const SUMMARY_MAXIMUM_RESERVE = 0x20;
const SUMMARY_BYTES = 0x28;

/** BOOL HeapSummary(heap, flags, summary): bytes of busy blocks, and of pages committed and reserved. */
const heapSummary: ServiceFunction = (call) =>
  guardHeap(call, () => {
    const [heap, flags, at] = [call.address(0), call.u32(1), call.address(2)];
    if (call.memory.readU32(at) !== SUMMARY_BYTES) return call.fail(ERROR_INVALID_PARAMETER);
    return withHeapLock(call, heap, flags, () => {
      const context = heapContext(call);
      let [allocated, committed, reserved] = [0, 0, 0];
      for (const region of regionsOf(context, heap)) {
        committed += region.committedEnd - region.address;
        reserved += region.reservedEnd - region.address;
      }
      walkHeap(context, heap, (block) => {
        if (block.busy) allocated += block.bytes;
        if (block.large) {
          committed += largeCommitted(context, block.address);
          reserved += largeReserved(context, block.address);
        }
      });
      call.memory.writePointer(at + SUMMARY_ALLOCATED, allocated);
      call.memory.writePointer(at + SUMMARY_COMMITTED, committed);
      call.memory.writePointer(at + SUMMARY_RESERVED, reserved);
      call.memory.writePointer(at + SUMMARY_MAXIMUM_RESERVE, reserved);
      return TRUE;
    });
  });

/** BOOL of an NTSTATUS that may have ended in an exception. */
const succeeded = (call: ServiceCall, status: ReturnType<typeof setHeapInformation>) =>
  status === PENDING ? PENDING : truth(call, status);

const heapSetInformation: ServiceFunction = (call) => succeeded(call, setHeapInformation(call));
const heapQueryInformation: ServiceFunction = (call) => succeeded(call, queryHeapInformation(call));

export const heapFunctions: Record<string, Service | ServiceFunction> = {
  HeapCreate: heapCreate,
  HeapDestroy: heapDestroy,
  HeapCompact: heapCompact,
  HeapSummary: heapSummary,
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
