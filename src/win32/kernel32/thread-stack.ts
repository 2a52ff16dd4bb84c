/** The stack of the running thread. Sources: Microsoft, "SetThreadStackGuarantee function", "GetCurrentThreadStackLimits function". */
import { TEB_DEALLOCATION_STACK, TEB_GUARANTEED_STACK_BYTES, TEB_STACK_BASE } from '../../mm/user-stack.js';
import type { ServiceFunction } from '../../nt/service.js';
import { ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { TRUE } from './results.js';

const PAGE = 4096;

/** BOOL SetThreadStackGuarantee(bytes): what a stack overflow leaves for its handler; it only grows. The old size is stored. */
const setGuarantee: ServiceFunction = (call) => {
  const { memory, thread } = call;
  const at = call.address(0);
  memory.probeWrite(at, 4);
  const field = thread.teb + TEB_GUARANTEED_STACK_BYTES;
  const before = memory.readU32(field);
  const wanted = Math.ceil(memory.readU32(at) / PAGE) * PAGE;
  const stack =
    memory.readPointer(thread.teb + TEB_STACK_BASE) - memory.readPointer(thread.teb + TEB_DEALLOCATION_STACK);
  if (wanted >= stack) return call.fail(ERROR_INVALID_PARAMETER);
  if (wanted > before) memory.writeU32(field, wanted);
  memory.writeU32(at, before);
  return TRUE;
};

/** void GetCurrentThreadStackLimits(low, high). */
const stackLimits: ServiceFunction = (call) => {
  const { memory, thread } = call;
  memory.probeWrite(call.address(0), 8);
  memory.probeWrite(call.address(1), 8);
  memory.writePointer(call.address(0), memory.readPointer(thread.teb + TEB_DEALLOCATION_STACK));
  memory.writePointer(call.address(1), memory.readPointer(thread.teb + TEB_STACK_BASE));
};

export const threadStackFunctions: Record<string, ServiceFunction> = {
  SetThreadStackGuarantee: setGuarantee,
  GetCurrentThreadStackLimits: stackLimits,
};
