/** Native services of virtual memory. Sources: Microsoft, "NtAllocateVirtualMemory function (ntifs.h)" and its neighbours. */
import {
  ntSuccess,
  STATUS_ACCESS_VIOLATION,
  STATUS_INFO_LENGTH_MISMATCH,
  STATUS_INVALID_INFO_CLASS,
  STATUS_INVALID_PARAMETER,
  STATUS_PARTIAL_COPY,
  STATUS_PRIVILEGE_NOT_HELD,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import { lockVirtualMemory, unlockVirtualMemory } from '../../mm/lock-memory.js';
import { flushVirtualMemory } from '../../mm/section-view.js';
import { GuestFault } from '../../mm/user-memory.js';
import {
  allocateVirtualMemory,
  emptyBasicInformation,
  freeVirtualMemory,
  type MemoryBasicInformation,
  protectVirtualMemory,
  queryVirtualMemory,
  type RegionRequest,
} from '../../mm/virtual-memory.js';
import {
  PROCESS_QUERY_INFORMATION,
  PROCESS_VM_OPERATION,
  PROCESS_VM_READ,
  PROCESS_VM_WRITE,
} from '../../nt/access.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { mayLockPages } from '../../nt/token.js';
import {
  inProcess,
  nativeServices,
  probeStatusBlock,
  readSize,
  writeSize,
  writeStatusBlock,
} from './arguments.js';
import { storeImage, storeMappedFileName, storeRegion, storeSharedCommit } from './memory-queries.js';
import { storeWorkingSet, storeWorkingSetEx } from './working-set-queries.js';

/** MEMORY_INFORMATION_CLASS. */
const MEMORY_BASIC_INFORMATION = 0;
const MEMORY_WORKING_SET_INFORMATION = 1;
const MEMORY_MAPPED_FILENAME_INFORMATION = 2;
const MEMORY_REGION_INFORMATION = 3;
const MEMORY_WORKING_SET_EX_INFORMATION = 4;
const MEMORY_SHARED_COMMIT_INFORMATION = 5;
const MEMORY_IMAGE_INFORMATION = 6;
const MEMORY_REGION_INFORMATION_EX = 7;
const BASIC_INFORMATION_BYTES = 0x30;
/** Bytes that NtReadVirtualMemory and NtWriteVirtualMemory move at a time, until an address cannot be used; then page by page. */
const CHUNK = 0x10000;
const PAGE = 0x1000;

/** Reads base and size from where two pointers say, and makes sure that they can be written back. */
function readRegion(call: ServiceCall, baseAt: number, sizeAt: number): RegionRequest {
  call.memory.probeWrite(baseAt, 8);
  call.memory.probeWrite(sizeAt, 8);
  return { baseAddress: call.memory.readPointer(baseAt), regionSize: readSize(call, sizeAt) };
}

function writeRegion(call: ServiceCall, baseAt: number, sizeAt: number, region: RegionRequest): void {
  call.memory.writePointer(baseAt, region.baseAddress);
  writeSize(call, sizeAt, region.regionSize);
}

/** An operation that changes the address space: what the service has written until then stays written. */
export function change(call: ServiceCall, operation: () => number): number {
  call.memory.commit();
  return operation();
}

/** (process, *base, zeroBits, *size, type, protect). */
const allocate: ServiceFunction = (call) => {
  const [baseAt, sizeAt] = [call.address(1), call.address(3)];
  const region = { ...readRegion(call, baseAt, sizeAt), mayLockPages: mayLockPages(call.process) };
  const [zeroBits, type, protect] = [call.size(2), call.u32(4), call.u32(5)];
  const status = inProcess(call, call.handle(0), PROCESS_VM_OPERATION, ({ space }) =>
    change(call, () => allocateVirtualMemory(call.kernel.mm, space, region, type, protect, zeroBits)),
  );
  if (ntSuccess(status)) writeRegion(call, baseAt, sizeAt, region);
  return status;
};

/** (process, *base, *size, type). */
const free: ServiceFunction = (call) => {
  const [baseAt, sizeAt, type] = [call.address(1), call.address(2), call.u32(3)];
  const region = readRegion(call, baseAt, sizeAt);
  const status = inProcess(call, call.handle(0), PROCESS_VM_OPERATION, ({ space }) =>
    change(call, () => freeVirtualMemory(call.kernel.mm, space, region, type)),
  );
  if (ntSuccess(status)) writeRegion(call, baseAt, sizeAt, region);
  return status;
};

/** (process, *base, *size, protect, *oldProtect). */
const protect: ServiceFunction = (call) => {
  const [baseAt, sizeAt, protection, oldAt] = [
    call.address(1),
    call.address(2),
    call.u32(3),
    call.address(4),
  ];
  const region = readRegion(call, baseAt, sizeAt);
  call.memory.probeWrite(oldAt, 4);
  const out = { oldProtect: 0 };
  const status = inProcess(call, call.handle(0), PROCESS_VM_OPERATION, ({ space }) =>
    change(call, () => protectVirtualMemory(call.kernel.mm, space, region, protection, out)),
  );
  if (!ntSuccess(status)) return status;
  call.memory.writeU32(oldAt, out.oldProtect);
  writeRegion(call, baseAt, sizeAt, region);
  return status;
};

/** (process, address, class, buffer, length, *returned). */
const query: ServiceFunction = (call) => {
  const [kind, buffer, length] = [call.u32(2), call.address(3), call.size(4)];
  switch (kind) {
    case MEMORY_BASIC_INFORMATION:
      return queryBasic(call);
    case MEMORY_WORKING_SET_INFORMATION:
      return storeWorkingSet(call, call.handle(0), buffer, length, call.address(5));
    case MEMORY_MAPPED_FILENAME_INFORMATION:
      return storeMappedFileName(call, buffer, length);
    case MEMORY_REGION_INFORMATION:
    case MEMORY_REGION_INFORMATION_EX:
      return storeRegion(call, buffer, length, kind === MEMORY_REGION_INFORMATION_EX);
    case MEMORY_WORKING_SET_EX_INFORMATION:
      return storeWorkingSetEx(call, call.handle(0), buffer, length, call.address(5));
    case MEMORY_SHARED_COMMIT_INFORMATION:
      return storeSharedCommit(call, buffer, length);
    case MEMORY_IMAGE_INFORMATION:
      return storeImage(call, buffer, length);
    default:
      return STATUS_INVALID_INFO_CLASS;
  }
};

function queryBasic(call: ServiceCall): number {
  if (call.size(4) < BASIC_INFORMATION_BYTES) return STATUS_INFO_LENGTH_MISMATCH;
  const [address, buffer, returned] = [call.address(1), call.address(3), call.address(5)];
  call.memory.probeWrite(buffer, BASIC_INFORMATION_BYTES);
  const information = emptyBasicInformation();
  const status = inProcess(call, call.handle(0), PROCESS_QUERY_INFORMATION, ({ space }) =>
    queryVirtualMemory(call.kernel.mm, space, address, information),
  );
  if (!ntSuccess(status)) return status;
  writeBasicInformation(call, buffer, information);
  if (returned !== 0) writeSize(call, returned, BASIC_INFORMATION_BYTES);
  return status;
}

function writeBasicInformation(call: ServiceCall, at: number, information: MemoryBasicInformation): void {
  const { memory } = call;
  memory.writePointer(at, information.baseAddress);
  memory.writePointer(at + 0x08, information.allocationBase);
  memory.writeU64(at + 0x10, information.allocationProtect, 0);
  writeSize(call, at + 0x18, information.regionSize);
  memory.writeU32(at + 0x20, information.state);
  memory.writeU32(at + 0x24, information.protect);
  memory.writeU64(at + 0x28, information.type, 0);
}

/** (process, *base, *size, ioStatus). */
const flush: ServiceFunction = (call) => {
  const [baseAt, sizeAt, statusAt] = [call.address(1), call.address(2), call.address(3)];
  const region = readRegion(call, baseAt, sizeAt);
  probeStatusBlock(call, statusAt);
  const out = { bytesWritten: 0 };
  const status = inProcess(call, call.handle(0), PROCESS_VM_OPERATION, ({ space }) =>
    change(call, () => flushVirtualMemory(call.kernel.mm, space, region, out)),
  );
  if (ntSuccess(status)) writeRegion(call, baseAt, sizeAt, region);
  return writeStatusBlock(call, statusAt, status, out.bytesWritten);
};

/**
 * Moves bytes between the caller and another process in pieces, and stores how many were moved. An address that cannot be used
 * ends it with STATUS_PARTIAL_COPY, one beyond user space at once with STATUS_ACCESS_VIOLATION. (process, address, buffer, length, *count).
 */
function move(call: ServiceCall, access: number, isWrite: boolean): number {
  const [there, here, length, countAt] = [call.address(1), call.address(2), call.size(3), call.address(4)];
  const end = call.process.space.highestAddress + 1;
  if (there + length > end || here + length > end) return STATUS_ACCESS_VIOLATION;
  if (countAt !== 0) call.memory.probeWrite(countAt, 8);
  const bytes = new Uint8Array(Math.min(CHUNK, length));
  let done = 0;
  let byPages = false;
  let status = STATUS_SUCCESS;
  while (done < length && ntSuccess(status)) {
    const [to, from] = [there + done, here + done];
    const most = byPages ? Math.min(PAGE - (to % PAGE), PAGE - (from % PAGE)) : CHUNK;
    const piece = bytes.subarray(0, Math.min(most, length - done));
    status = movePiece(call, access, isWrite, to, from, piece);
    if (ntSuccess(status)) done += piece.length;
    else if (status === STATUS_PARTIAL_COPY && !byPages) {
      byPages = true;
      status = STATUS_SUCCESS;
    }
  }
  if (countAt !== 0) writeSize(call, countAt, done);
  return status;
}

function movePiece(
  call: ServiceCall,
  access: number,
  isWrite: boolean,
  there: number,
  here: number,
  piece: Uint8Array,
): number {
  try {
    if (isWrite) call.memory.readInto(here, piece);
    const status = inProcess(call, call.handle(0), access, () => {
      if (isWrite) call.memory.writeBytes(there, piece);
      else call.memory.readInto(there, piece);
      return STATUS_SUCCESS;
    });
    if (ntSuccess(status) && !isWrite) call.memory.writeBytes(here, piece);
    return status;
  } catch (error) {
    if (error instanceof GuestFault) return STATUS_PARTIAL_COPY;
    throw error;
  }
}

const read: ServiceFunction = (call) => move(call, PROCESS_VM_READ, false);
const write: ServiceFunction = (call) => move(call, PROCESS_VM_WRITE, true);

/** Nothing is cached that a store does not already drop. */
const flushInstructionCache: ServiceFunction = (call) =>
  inProcess(call, call.handle(0), PROCESS_VM_WRITE, () => STATUS_SUCCESS);

/** MAP_PROCESS and MAP_SYSTEM: in the working set, or in RAM, for which a process must be allowed to lock pages; here both are one. */
const MAP_PROCESS = 1;
const MAP_SYSTEM = 2;

/** (process, *base, *size, type). */
function lockOrUnlock(call: ServiceCall, operation: typeof lockVirtualMemory): number {
  const [baseAt, sizeAt, type] = [call.address(1), call.address(2), call.u32(3)];
  const region = readRegion(call, baseAt, sizeAt);
  if (type === 0 || (type & ~(MAP_PROCESS | MAP_SYSTEM)) !== 0) return STATUS_INVALID_PARAMETER;
  if ((type & MAP_SYSTEM) !== 0 && !mayLockPages(call.process)) return STATUS_PRIVILEGE_NOT_HELD;
  const status = inProcess(call, call.handle(0), PROCESS_VM_OPERATION, ({ space }) =>
    change(call, () => operation(call.kernel.mm, space, region)),
  );
  if (ntSuccess(status)) writeRegion(call, baseAt, sizeAt, region);
  return status;
}

export const memoryServices = nativeServices({
  AllocateVirtualMemory: allocate,
  FreeVirtualMemory: free,
  ProtectVirtualMemory: protect,
  QueryVirtualMemory: query,
  FlushVirtualMemory: flush,
  ReadVirtualMemory: read,
  WriteVirtualMemory: write,
  FlushInstructionCache: flushInstructionCache,
  LockVirtualMemory: (call) => lockOrUnlock(call, lockVirtualMemory),
  UnlockVirtualMemory: (call) => lockOrUnlock(call, unlockVirtualMemory),
});
