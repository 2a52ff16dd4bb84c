/**
 * __C_specific_handler: __try with __except and __finally, by the scope table behind the handler's address in the unwind
 * information. Source: Microsoft, "x64 exception handling", "__C_specific_handler function", "try-except statement",
 * "try-finally statement".
 */
import {
  DC_CONTEXT,
  DC_CONTROL_PC,
  DC_HANDLER_DATA,
  DC_HISTORY,
  DC_IMAGE_BASE,
  DC_SCOPE_INDEX,
  DC_TARGET_IP,
  DISPOSITION_CONTINUE_EXECUTION,
  DISPOSITION_CONTINUE_SEARCH,
  EXCEPTION_TARGET_UNWIND,
  EXCEPTION_UNWIND,
} from '../../nt/dispatcher-context.js';
import { RECORD_CODE, RECORD_FLAGS } from '../../nt/exception-dispatch.js';
import type { Service, ServiceCall, ServiceResult } from '../../nt/service.js';

/** One scope of the table: RVAs. */
interface Scope {
  readonly begin: number;
  readonly end: number;
  /** The filter, or EXCEPTION_EXECUTE_HANDLER; the termination handler when there is no target. */
  readonly handler: number;
  /** Where the __except block begins, 0 for __finally. */
  readonly target: number;
}

const SCOPE_BYTES = 16;
/** Most scopes of a function that are looked at. */
const MAXIMUM_SCOPES = 0x4000;
const EXCEPTION_EXECUTE_HANDLER = 1;
const ABNORMAL = 1;

const STEP_FILTER = 0;
const STEP_FINALLY = 1;
const STEP_NOT_UNWOUND = 2;

/** The arguments: a record, an establisher frame, a context and a dispatcher context. */
const record = (call: ServiceCall) => call.address(0);
const establisher = (call: ServiceCall) => call.address(1);
const dispatcher = (call: ServiceCall, offset: number) => call.memory.readPointer(call.address(3) + offset);

function scopeCount(call: ServiceCall): number {
  return Math.min(call.memory.readU32(dispatcher(call, DC_HANDLER_DATA)), MAXIMUM_SCOPES);
}

function readScope(call: ServiceCall, index: number): Scope {
  const { memory } = call;
  const at = dispatcher(call, DC_HANDLER_DATA) + 4 + index * SCOPE_BYTES;
  return {
    begin: memory.readU32(at),
    end: memory.readU32(at + 4),
    handler: memory.readU32(at + 8),
    target: memory.readU32(at + 12),
  };
}

const holds = (scope: Scope, rva: number) => rva >= scope.begin && rva < scope.end;

/** The first scope from `first` on that guards the code and is none of the kind that is left out; -1 for none. */
function findExcept(call: ServiceCall, first: number): number {
  const rva = dispatcher(call, DC_CONTROL_PC) - dispatcher(call, DC_IMAGE_BASE);
  const count = scopeCount(call);
  for (let index = first; index < count; index++) {
    const scope = readScope(call, index);
    if (holds(scope, rva) && scope.target !== 0) return index;
  }
  return -1;
}

/** Asks the filters of the __except blocks around the code, innermost first. */
function search(call: ServiceCall, first: number): ServiceResult {
  const index = findExcept(call, first);
  if (index < 0) return DISPOSITION_CONTINUE_SEARCH;
  const { handler } = readScope(call, index);
  if (handler === EXCEPTION_EXECUTE_HANDLER) return execute(call, index);
  const pointers = Math.floor((call.stackPointer - 16) / 16) * 16;
  call.memory.writePointer(pointers, record(call));
  call.memory.writePointer(pointers + 8, call.address(2));
  const filter = dispatcher(call, DC_IMAGE_BASE) + handler;
  const gap = call.stackPointer - pointers;
  return call.callGuest(filter, [pointers, establisher(call)], STEP_FILTER, [index], gap);
}

/** Unwinds to the frame and goes on at the __except block with the exception's code in EAX. */
function execute(call: ServiceCall, index: number): ServiceResult {
  const unwind = call.symbol('ntdll.dll', 'RtlUnwindEx');
  const target = dispatcher(call, DC_IMAGE_BASE) + readScope(call, index).target;
  const code = call.memory.readU32(record(call) + RECORD_CODE);
  const [context, history] = [dispatcher(call, DC_CONTEXT), dispatcher(call, DC_HISTORY)];
  return call.callGuest(
    unwind,
    [establisher(call), target, record(call), code, context, history],
    STEP_NOT_UNWOUND,
    [],
  );
}

/** Calls the termination handlers of the __finally blocks that are left, innermost first. */
function terminate(call: ServiceCall): ServiceResult {
  const { memory } = call;
  const imageBase = dispatcher(call, DC_IMAGE_BASE);
  const rva = dispatcher(call, DC_CONTROL_PC) - imageBase;
  const isTarget = (memory.readU32(record(call) + RECORD_FLAGS) & EXCEPTION_TARGET_UNWIND) !== 0;
  const targetRva = dispatcher(call, DC_TARGET_IP) - imageBase;
  const count = scopeCount(call);
  const indexAt = call.address(3) + DC_SCOPE_INDEX;
  for (let index = memory.readU32(indexAt); index < count; index++) {
    const scope = readScope(call, index);
    if (!holds(scope, rva)) continue;
    if (isTarget && (holds(scope, targetRva) || scope.target === targetRva)) break;
    if (scope.target !== 0) continue;
    memory.writeU32(indexAt, index + 1);
    return call.callGuest(imageBase + scope.handler, [ABNORMAL, establisher(call)], STEP_FINALLY, []);
  }
  return DISPOSITION_CONTINUE_SEARCH;
}

/** EXCEPTION_DISPOSITION __C_specific_handler(record, establisher, context, dispatcherContext). */
export const cSpecificHandler: Service = {
  enter: (call) => {
    if (call.memory.readU32(record(call) + RECORD_FLAGS) & EXCEPTION_UNWIND) return terminate(call);
    return search(call, call.memory.readU32(call.address(3) + DC_SCOPE_INDEX));
  },
  steps: [
    (call, [index = 0]) => {
      const answer = call.resultLo | 0;
      if (answer < 0) return DISPOSITION_CONTINUE_EXECUTION;
      return answer > 0 ? execute(call, index) : search(call, index + 1);
    },
    (call) => terminate(call),
    () => DISPOSITION_CONTINUE_SEARCH,
  ],
};
