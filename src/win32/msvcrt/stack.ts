/** The stack after an overflow. Source: "_resetstkoflw", Microsoft. */
import { PAGE_GUARD, PAGE_READWRITE } from '../../base/memory-constants.js';
import { ntSuccess } from '../../base/ntstatus.js';
import { TEB_DEALLOCATION_STACK, TEB_GUARANTEED_STACK_BYTES, TEB_STACK_LIMIT } from '../../mm/user-stack.js';
import { protectVirtualMemory } from '../../mm/virtual-memory.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';

const PAGE = 4096;

/**
 * int _resetstkoflw(): puts the guard page, and those that SetThreadStackGuarantee asked for, back above the last page of the
 * reservation. 1 when the stack has its guard, 0 when it still reaches down to where that would be.
 */
function resetStackOverflow(call: ServiceCall): number {
  const { memory, thread } = call;
  const bottom = memory.readPointer(thread.teb + TEB_DEALLOCATION_STACK);
  const guard = bottom + PAGE;
  if (memory.readPointer(thread.teb + TEB_STACK_LIMIT) > guard) return 1;
  const guaranteed = memory.readU32(thread.teb + TEB_GUARANTEED_STACK_BYTES);
  const bytes = (Math.ceil(guaranteed / PAGE) + 1) * PAGE;
  if (call.stackPointer < guard + bytes) return 0;
  const region = { baseAddress: guard, regionSize: bytes };
  const protection = PAGE_READWRITE | PAGE_GUARD;
  memory.commit();
  const status = protectVirtualMemory(call.kernel.mm, call.process.space, region, protection, {
    oldProtect: 0,
  });
  if (!ntSuccess(status)) return 0;
  memory.writePointer(thread.teb + TEB_STACK_LIMIT, guard + bytes);
  return 1;
}

export const stackFunctions: Record<string, ServiceFunction> = { _resetstkoflw: resetStackOverflow };
