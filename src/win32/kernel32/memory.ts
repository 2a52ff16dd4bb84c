/** Virtual memory (memoryapi.h). Sources: Microsoft, "VirtualAlloc function", "VirtualFree function", "VirtualProtect function", "VirtualQuery function" and their Ex forms. */
import {
  ALLOCATION_GRANULARITY,
  MEM_COMMIT,
  MEM_RELEASE,
  PAGE_EXECUTE,
  PAGE_EXECUTE_READ,
  PAGE_EXECUTE_READWRITE,
} from '../../base/memory-constants.js';
import {
  ntSuccess,
  STATUS_ACCESS_VIOLATION,
  STATUS_CONFLICTING_ADDRESSES,
  STATUS_PARTIAL_COPY,
} from '../../base/ntstatus.js';
import { GuestFault } from '../../mm/user-memory.js';
import {
  allocateVirtualMemory,
  emptyBasicInformation,
  freeVirtualMemory,
  protectVirtualMemory,
  queryVirtualMemory,
} from '../../mm/virtual-memory.js';
import {
  PROCESS_QUERY_INFORMATION,
  PROCESS_VM_OPERATION,
  PROCESS_VM_READ,
  PROCESS_VM_WRITE,
} from '../../nt/access.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { mayLockPages } from '../../nt/token.js';
import { inProcess } from '../ntdll/arguments.js';
import { ERROR_BAD_LENGTH, ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { change } from '../ntdll/memory-services.js';
import { checkOutput, failStatus, TRUE, writeU64 } from './results.js';

/** MEMORY_BASIC_INFORMATION on x64: byte offsets and size. */
const INFORMATION_BASE = 0x00;
const INFORMATION_ALLOCATION_BASE = 0x08;
const INFORMATION_ALLOCATION_PROTECT = 0x10;
const INFORMATION_PARTITION = 0x14;
const INFORMATION_REGION_SIZE = 0x18;
const INFORMATION_STATE = 0x20;
const INFORMATION_PROTECT = 0x24;
const INFORMATION_TYPE = 0x28;
const INFORMATION_PADDING = 0x2c;
const INFORMATION_BYTES = 0x30;

/** Most bytes that one ReadProcessMemory or WriteProcessMemory moves at a time. */
const CHUNK = 0x10000;

const CURRENT = -1;

function allocate(call: ServiceCall, handle: number, first: number): number {
  const address = call.address(first);
  if (address !== 0 && address < ALLOCATION_GRANULARITY) return call.fail(ERROR_INVALID_PARAMETER);
  const request = {
    baseAddress: address,
    regionSize: call.size(first + 1),
    mayLockPages: mayLockPages(call.process),
  };
  const [type, protect] = [call.u32(first + 2), call.u32(first + 3)];
  const status = inProcess(call, handle, PROCESS_VM_OPERATION, (process) =>
    change(call, () => allocateVirtualMemory(call.kernel.mm, process.space, request, type, protect)),
  );
  return ntSuccess(status) ? request.baseAddress : failStatus(call, status);
}

function free(call: ServiceCall, handle: number, first: number): number {
  const [address, bytes, type] = [call.address(first), call.size(first + 1), call.u32(first + 2)];
  if (type === MEM_RELEASE && bytes !== 0) return call.fail(ERROR_INVALID_PARAMETER);
  const request = { baseAddress: address, regionSize: bytes };
  const status = inProcess(call, handle, PROCESS_VM_OPERATION, (process) =>
    change(call, () => freeVirtualMemory(call.kernel.mm, process.space, request, type)),
  );
  return ntSuccess(status) ? TRUE : failStatus(call, status);
}

function protect(call: ServiceCall, handle: number, first: number): number {
  const request = { baseAddress: call.address(first), regionSize: call.size(first + 1) };
  const [protection, oldAt] = [call.u32(first + 2), call.address(first + 3)];
  const out = { oldProtect: 0 };
  const output = checkOutput(call, oldAt, 4);
  if (!ntSuccess(output)) return failStatus(call, output);
  const status = inProcess(call, handle, PROCESS_VM_OPERATION, (process) =>
    change(call, () => protectVirtualMemory(call.kernel.mm, process.space, request, protection, out)),
  );
  if (!ntSuccess(status)) return failStatus(call, status);
  return storeOldProtection(call, oldAt, out.oldProtect);
}

/** The page that takes the old protection may be one that has just been protected. */
function storeOldProtection(call: ServiceCall, address: number, value: number): number {
  const output = checkOutput(call, address, 4);
  if (ntSuccess(output)) call.memory.writeU32(address, value);
  return TRUE;
}

function query(call: ServiceCall, handle: number, first: number): number {
  const [address, buffer, length] = [call.address(first), call.address(first + 1), call.size(first + 2)];
  if (length < INFORMATION_BYTES) return call.fail(ERROR_BAD_LENGTH);
  const information = emptyBasicInformation();
  const status = inProcess(call, handle, PROCESS_QUERY_INFORMATION, (process) =>
    queryVirtualMemory(call.kernel.mm, process.space, address, information),
  );
  if (!ntSuccess(status)) return failStatus(call, status);
  const output = checkOutput(call, buffer, INFORMATION_BYTES);
  if (!ntSuccess(output)) return failStatus(call, output);
  const { memory } = call;
  memory.writePointer(buffer + INFORMATION_BASE, information.baseAddress);
  memory.writePointer(buffer + INFORMATION_ALLOCATION_BASE, information.allocationBase);
  memory.writeU32(buffer + INFORMATION_ALLOCATION_PROTECT, information.allocationProtect);
  memory.writeU32(buffer + INFORMATION_PARTITION, 0);
  writeU64(call, buffer + INFORMATION_REGION_SIZE, information.regionSize);
  memory.writeU32(buffer + INFORMATION_STATE, information.state);
  memory.writeU32(buffer + INFORMATION_PROTECT, information.protect);
  memory.writeU32(buffer + INFORMATION_TYPE, information.type);
  memory.writeU32(buffer + INFORMATION_PADDING, 0);
  return INFORMATION_BYTES;
}

/** Moves bytes between this process and the one of a handle; stops at the first page that refuses. */
function transfer(call: ServiceCall, writing: boolean): number {
  const { memory } = call;
  const [handle, remote, local, length, countAt] = [
    call.handle(0),
    call.address(1),
    call.address(2),
    call.size(3),
    call.address(4),
  ];
  if (countAt !== 0) memory.probeWrite(countAt, 8);
  let done = 0;
  let status =
    isUserRange(call, remote, length) && isUserRange(call, local, length) ? 0 : STATUS_ACCESS_VIOLATION;
  while (done < length && ntSuccess(status)) {
    const part = Math.min(CHUNK, length - done, 4096 - ((remote + done) % 4096));
    status = writing
      ? writePart(call, handle, remote + done, local + done, part)
      : readPart(call, handle, remote + done, local + done, part);
    if (ntSuccess(status)) done += part;
  }
  if (countAt !== 0) writeU64(call, countAt, done);
  return ntSuccess(status) ? TRUE : failStatus(call, status);
}

/** Whether a range lies in user space. */
function isUserRange(call: ServiceCall, address: number, bytes: number): boolean {
  return address + bytes <= call.process.space.highestAddress + 1;
}

function readPart(call: ServiceCall, handle: number, remote: number, local: number, bytes: number): number {
  const part = new Uint8Array(bytes);
  const status = inProcess(call, handle, PROCESS_VM_READ, () =>
    partial(() => call.memory.readInto(remote, part)),
  );
  if (!ntSuccess(status)) return status;
  const output = checkOutput(call, local, bytes);
  if (ntSuccess(output)) call.memory.writeBytes(local, part);
  return output;
}

function writePart(call: ServiceCall, handle: number, remote: number, local: number, bytes: number): number {
  const part = new Uint8Array(bytes);
  const input = partial(() => call.memory.readInto(local, part));
  if (!ntSuccess(input)) return input;
  const status = inProcess(call, handle, PROCESS_VM_WRITE | PROCESS_VM_OPERATION, () =>
    partial(() => call.memory.writeBytes(remote, part)),
  );
  return status === STATUS_PARTIAL_COPY ? writeCode(call, handle, remote, part) : status;
}

/**
 * Writes to a page that refused: one with code is writable for that long. STATUS_ACCESS_VIOLATION on a read-only page,
 * STATUS_CONFLICTING_ADDRESSES where nothing is committed. Not documented; what debuggers and hooks build on.
 */
function writeCode(call: ServiceCall, handle: number, address: number, part: Uint8Array): number {
  const { mm } = call.kernel;
  return inProcess(call, handle, PROCESS_VM_OPERATION, ({ space }) => {
    const information = emptyBasicInformation();
    const status = queryVirtualMemory(mm, space, address, information);
    if (!ntSuccess(status)) return status;
    if (information.state !== MEM_COMMIT) return STATUS_CONFLICTING_ADDRESSES;
    if (information.protect !== PAGE_EXECUTE && information.protect !== PAGE_EXECUTE_READ)
      return STATUS_ACCESS_VIOLATION;
    const reprotect = (protection: number) => {
      const page = { baseAddress: address, regionSize: 1 };
      return change(call, () => protectVirtualMemory(mm, space, page, protection, { oldProtect: 0 }));
    };
    const opened = reprotect(PAGE_EXECUTE_READWRITE);
    if (!ntSuccess(opened)) return opened;
    const written = partial(() => call.memory.writeBytes(address, part));
    reprotect(information.protect);
    return written;
  });
}

function partial(operation: () => void): number {
  try {
    operation();
    return 0;
  } catch (error) {
    if (error instanceof GuestFault) return STATUS_PARTIAL_COPY;
    throw error;
  }
}

export const memoryFunctions: Record<string, ServiceFunction> = {
  VirtualAlloc: (call) => allocate(call, CURRENT, 0),
  VirtualAllocEx: (call) => allocate(call, call.handle(0), 1),
  VirtualFree: (call) => free(call, CURRENT, 0),
  VirtualFreeEx: (call) => free(call, call.handle(0), 1),
  VirtualProtect: (call) => protect(call, CURRENT, 0),
  VirtualProtectEx: (call) => protect(call, call.handle(0), 1),
  VirtualQuery: (call) => query(call, CURRENT, 0),
  VirtualQueryEx: (call) => query(call, call.handle(0), 1),
  ReadProcessMemory: (call) => transfer(call, false),
  WriteProcessMemory: (call) => transfer(call, true),
};
