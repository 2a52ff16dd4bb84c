/**
 * NtQueryVirtualMemory for working sets: MemoryWorkingSetInformation and MemoryWorkingSetExInformation. Source: Microsoft,
 * "QueryWorkingSet function", "QueryWorkingSetEx function", "PSAPI_WORKING_SET_INFORMATION structure".
 */
import {
  STATUS_INFO_LENGTH_MISMATCH,
  STATUS_NO_MEMORY,
  STATUS_PROCESS_IS_TERMINATING,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import { queryWorkingSet, queryWorkingSetEx } from '../../mm/query-working-set.js';
import { needAddressSpace } from '../../mm/threads/swapper.js';
import { PROCESS_QUERY_INFORMATION } from '../../nt/access.js';
import { referenceByHandle } from '../../nt/object-manager.js';
import type { Process } from '../../nt/process.js';
import type { ServiceCall } from '../../nt/service.js';
import { writeSize } from './arguments.js';

const COUNT_BYTES = 8;
const BLOCK_BYTES = 8;
const EX_BYTES = 16;

/** The process of a handle, brought in if it is swapped out, or the NTSTATUS that refuses it. */
function processOf(call: ServiceCall, handle: number): Process | number {
  const found = referenceByHandle(call.kernel, call.process, handle, 'process', PROCESS_QUERY_INFORMATION);
  if (typeof found === 'number') return found;
  const process = found as Process;
  if (process.deleted) return STATUS_PROCESS_IS_TERMINATING;
  return needAddressSpace(call.kernel.mm, process.space) ? process : STATUS_NO_MEMORY;
}

/**
 * Stores the number of pages in a working set and a block for each. STATUS_INFO_LENGTH_MISMATCH: the number alone is stored,
 * where there is room for it. `returnedAt`: where the bytes stored go, 0 for nowhere.
 */
export function storeWorkingSet(
  call: ServiceCall,
  handle: number,
  buffer: number,
  length: number,
  returnedAt: number,
): number {
  const { memory, kernel } = call;
  if (length < COUNT_BYTES) return STATUS_INFO_LENGTH_MISMATCH;
  const process = processOf(call, handle);
  if (typeof process === 'number') return process;
  const { workingSet } = process.space;
  const bytes = () => COUNT_BYTES + workingSet.used * BLOCK_BYTES;
  memory.probeWrite(buffer, COUNT_BYTES);
  // The buffer's own pages come into the working set before it is counted.
  if (bytes() <= length) memory.probeWrite(buffer, bytes());
  if (bytes() > length) {
    writeSize(call, buffer, workingSet.used);
    return STATUS_INFO_LENGTH_MISMATCH;
  }
  const blocks = queryWorkingSet(kernel.mm, process.space);
  writeSize(call, buffer, blocks.byteLength / BLOCK_BYTES);
  memory.writeBytes(buffer + COUNT_BYTES, new Uint8Array(blocks.buffer, 0, blocks.byteLength));
  if (returnedAt !== 0) writeSize(call, returnedAt, COUNT_BYTES + blocks.byteLength);
  return STATUS_SUCCESS;
}

/** Stores the attributes of the page behind each address of an array of PSAPI_WORKING_SET_EX_INFORMATION. */
export function storeWorkingSetEx(
  call: ServiceCall,
  handle: number,
  buffer: number,
  length: number,
  returnedAt: number,
): number {
  const { memory, kernel } = call;
  if (length < EX_BYTES || length % EX_BYTES !== 0) return STATUS_INFO_LENGTH_MISMATCH;
  const process = processOf(call, handle);
  if (typeof process === 'number') return process;
  memory.probeWrite(buffer, length);
  for (let at = buffer; at < buffer + length; at += EX_BYTES) {
    const attributes = queryWorkingSetEx(kernel.mm, process.space, memory.readPointer(at));
    memory.writeU64(at + 8, attributes, 0);
  }
  if (returnedAt !== 0) writeSize(call, returnedAt, length);
  return STATUS_SUCCESS;
}
