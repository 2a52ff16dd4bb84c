/**
 * __CxxFrameHandler, 3 and 4: the language handler of C++ functions. In the search it finds the catch block and copies the
 * exception for it; in the unwinding it runs the destructors of the states that are left. The catch block itself runs above
 * the frames that were left, from __CxxCallCatchBlock, which RtlUnwindEx calls when it has consolidated them. Source:
 * Microsoft, "x64 exception handling", "RtlRestoreContext function"; the published layout of the tables (ehdata.h).
 */
import { STATUS_UNWIND_CONSOLIDATE } from '../../base/ntstatus.js';
import type { UserMemory } from '../../mm/user-memory.js';
import {
  DC_CONTEXT,
  DC_CONTROL_PC,
  DC_FUNCTION_ENTRY,
  DC_HANDLER_DATA,
  DC_HISTORY,
  DC_IMAGE_BASE,
  DISPOSITION_CONTINUE_SEARCH,
  EXCEPTION_TARGET_UNWIND,
  EXCEPTION_UNWIND,
} from '../../nt/dispatcher-context.js';
import {
  EXCEPTION_RECORD_SIZE,
  RECORD_CODE,
  RECORD_FLAGS,
  RECORD_PARAMETER_COUNT,
  RECORD_PARAMETERS,
} from '../../nt/exception-dispatch.js';
import {
  EXCEPTION_NONCONTINUABLE,
  type Service,
  type ServiceCall,
  type ServiceFunction,
  type ServiceResult,
} from '../../nt/service.js';
import { readServiceFrame } from '../../nt/service-frame.js';
import {
  type CatchHandler,
  EMPTY_STATE,
  type FuncInfo,
  MAXIMUM_ENTRIES,
  type RvaMemory,
  readFuncInfo,
  type TryBlock,
} from '../../pe/cxx-func-info.js';
import { readFuncInfo4 } from '../../pe/cxx-func-info4.js';
import { cxxThread } from './cxx-state.js';
import { terminate } from './terminate.js';
import {
  buildCatchObject,
  type CatchableType,
  CXX_EXCEPTION,
  CXX_MAGIC,
  type CxxException,
  matchHandler,
  readCxxException,
  type TypeNames,
} from './throw-info.js';

const RECORD_CHAIN = 8;
const STEP_COPIED = 0;
const STEP_NOT_UNWOUND = 1;
const STEP_LEFT = 2;
const STEP_TRANSLATED = 3;
/** EXCEPTION_POINTERS. */
const POINTERS_BYTES = 16;

/** Parameters of the record with which frames are consolidated, behind the callback. */
export const CONSOLIDATE_FRAME = 1;
export const CONSOLIDATE_HANDLER = 2;
const CONSOLIDATE_STATE = 3;
export const CONSOLIDATE_CONTEXT = 4;
export const CONSOLIDATE_TRY_FRAME = 6;
const CONSOLIDATE_MAGIC = 8;
export const CONSOLIDATE_RECORD = 9;
export const CONSOLIDATE_OUTER_STATE = 10;
export const CONSOLIDATE_CONTINUATIONS = 11;
const CONSOLIDATE_COUNT = 15;

type Form = 3 | 4;

/** The frame that the handler is called for. */
interface CxxFrame {
  readonly info: FuncInfo;
  readonly imageBase: number;
  /** The frame on the stack: of the function, or of its catch block. */
  readonly own: number;
  /** The frame that the function's variables are in. */
  readonly function: number;
  readonly state: number;
  /** The try block whose catch block the state is in (form 3, where they share their tables). */
  readonly inCatchOf: number;
}

export function rvaMemory(memory: UserMemory, imageBase: number): RvaMemory {
  return {
    u8: (rva) => memory.readU8(imageBase + rva),
    u32: (rva) => memory.readU32(imageBase + rva),
  };
}

const dispatcher = (call: ServiceCall, offset: number) => call.memory.readPointer(call.address(3) + offset);
const parameter = (record: number, index: number) => record + RECORD_PARAMETERS + index * 8;

function readInfo(call: ServiceCall, form: Form): FuncInfo | null {
  const { memory } = call;
  const image = rvaMemory(memory, dispatcher(call, DC_IMAGE_BASE));
  const rva = memory.readU32(dispatcher(call, DC_HANDLER_DATA));
  if (form === 3) return readFuncInfo(image, rva);
  return readFuncInfo4(image, rva, memory.readU32(dispatcher(call, DC_FUNCTION_ENTRY)));
}

function readFrame(call: ServiceCall, form: Form): CxxFrame | null {
  const info = readInfo(call, form);
  if (info === null) return null;
  const imageBase = dispatcher(call, DC_IMAGE_BASE);
  const own = call.address(1);
  const ipState = info.stateAt(dispatcher(call, DC_CONTROL_PC) - imageBase);
  const active = cxxThread(call).catches.findLast(({ frame }) => frame === own);
  const state = active?.state ?? ipState;
  const frame = { info, imageBase, own, state };
  if (info.catchFrame !== null)
    return { ...frame, function: call.memory.readPointer(own + info.catchFrame), inCatchOf: -1 };
  const begin = call.memory.readU32(dispatcher(call, DC_FUNCTION_ENTRY));
  for (let index = info.tryBlocks.length - 1; index >= 0; index--) {
    const block = info.tryBlocks[index]!;
    if (ipState <= block.high || ipState > block.catchHigh) continue;
    const handler = block.handlers.find((candidate) => candidate.handler === begin);
    if (handler === undefined) continue;
    return { ...frame, function: call.memory.readPointer(own + handler.frame), inCatchOf: index };
  }
  return { ...frame, function: own, inCatchOf: -1 };
}

/** The first try block around the state, innermost first, that a catch block's own frame may deal with, and its handler. */
function findCatch(
  call: ServiceCall,
  frame: CxxFrame,
  exception: CxxException | null,
): { block: TryBlock; handler: CatchHandler; type: CatchableType | 'any' } | null {
  const { tryBlocks } = frame.info;
  const names: TypeNames = new Map();
  const outer = tryBlocks[frame.inCatchOf];
  for (const block of tryBlocks) {
    if (frame.state < block.low || frame.state > block.high) continue;
    if (outer !== undefined && (block.low <= outer.high || block.catchHigh > outer.catchHigh)) continue;
    for (const handler of block.handlers) {
      const type = matchHandler(call.memory, handler, frame.imageBase, exception, names);
      if (type !== null) return { block, handler, type };
    }
  }
  return null;
}

function search(call: ServiceCall, form: Form): ServiceResult {
  const { memory } = call;
  const frame = readFrame(call, form);
  if (frame === null) return DISPOSITION_CONTINUE_SEARCH;
  const exception = readCxxException(memory, call.address(0));
  if (exception === null && frame.info.synchronous) return DISPOSITION_CONTINUE_SEARCH;
  const translator = exception === null && frame.info.tryBlocks.length > 0 ? cxxThread(call).translator : 0;
  return translator === 0 ? searchTranslated(call, form) : translate(call, translator);
}

/** Lets the program's translator throw a C++ exception for another; when it returns, the search goes on as it was. */
function translate(call: ServiceCall, translator: number): ServiceResult {
  const { memory } = call;
  const pointers = Math.floor((call.stackPointer - POINTERS_BYTES) / 16) * 16;
  memory.probeWrite(pointers, POINTERS_BYTES);
  memory.writePointer(pointers, call.address(0));
  memory.writePointer(pointers + 8, call.address(2));
  const code = memory.readU32(call.address(0) + RECORD_CODE);
  return call.callGuest(translator, [code, pointers], STEP_TRANSLATED, [], call.stackPointer - pointers);
}

function searchTranslated(call: ServiceCall, form: Form): ServiceResult {
  const { memory } = call;
  const frame = readFrame(call, form);
  if (frame === null) return DISPOSITION_CONTINUE_SEARCH;
  const exception = readCxxException(memory, call.address(0));
  const found = findCatch(call, frame, exception);
  if (found === null) {
    if (exception !== null && frame.info.noexcept) return terminate(call);
    return DISPOSITION_CONTINUE_SEARCH;
  }
  const saved = [frame.info.tryBlocks.indexOf(found.block), found.block.handlers.indexOf(found.handler)];
  if (exception !== null && found.type !== 'any' && found.handler.object !== 0) {
    const place = frame.function + found.handler.object;
    const copy = buildCatchObject(memory, found.handler, found.type, exception.object, place);
    if (copy !== null) return call.callGuest(copy.target, copy.args, STEP_COPIED, saved);
  }
  return enterCatch(call, form, saved);
}

/** Unwinds to the frame; what follows is __CxxCallCatchBlock. */
function enterCatch(call: ServiceCall, form: Form, saved: readonly number[]): ServiceResult {
  const { memory } = call;
  const frame = readFrame(call, form);
  const block = frame?.info.tryBlocks[saved[0] ?? -1];
  const handler = block?.handlers[saved[1] ?? -1];
  if (!frame || !block || !handler) return terminate(call);
  const record = Math.floor((call.stackPointer - EXCEPTION_RECORD_SIZE) / 16) * 16;
  const put = (index: number, value: number) => memory.writePointer(parameter(record, index), value);
  memory.fill(record, EXCEPTION_RECORD_SIZE, 0);
  memory.writeU32(record + RECORD_CODE, STATUS_UNWIND_CONSOLIDATE);
  memory.writeU32(record + RECORD_FLAGS, EXCEPTION_NONCONTINUABLE);
  memory.writePointer(record + RECORD_CHAIN, call.address(0));
  memory.writeU32(record + RECORD_PARAMETER_COUNT, CONSOLIDATE_COUNT);
  put(0, call.symbol(call.name.split('!')[0]!, '__CxxCallCatchBlock'));
  put(CONSOLIDATE_FRAME, frame.function);
  put(CONSOLIDATE_HANDLER, frame.imageBase + handler.handler);
  put(CONSOLIDATE_CONTEXT, call.address(2));
  put(CONSOLIDATE_TRY_FRAME, frame.own);
  put(CONSOLIDATE_MAGIC, CXX_MAGIC);
  put(CONSOLIDATE_RECORD, call.address(0));
  memory.writeU32(parameter(record, CONSOLIDATE_STATE), block.low);
  const outer = frame.info.unwindAction(block.low)?.toState ?? EMPTY_STATE;
  memory.writeU32(parameter(record, CONSOLIDATE_OUTER_STATE), outer);
  handler.continuations.slice(0, 2).forEach((rva, index) => {
    put(CONSOLIDATE_CONTINUATIONS + index, frame.imageBase + rva);
  });
  return call.callGuest(
    call.symbol('ntdll.dll', 'RtlUnwindEx'),
    [
      frame.own,
      dispatcher(call, DC_CONTROL_PC),
      record,
      0,
      dispatcher(call, DC_CONTEXT),
      dispatcher(call, DC_HISTORY),
    ],
    STEP_NOT_UNWOUND,
    [],
    call.stackPointer - record,
  );
}

/** The state that unwinding this frame ends with: that of the try block when it is the target, else what its owner leaves. */
function finalState(call: ServiceCall, frame: CxxFrame): number {
  const { memory } = call;
  const record = call.address(0);
  const isTarget = (memory.readU32(record + RECORD_FLAGS) & EXCEPTION_TARGET_UNWIND) !== 0;
  const isOurs =
    memory.readU32(record + RECORD_CODE) === STATUS_UNWIND_CONSOLIDATE &&
    memory.readU32(record + RECORD_PARAMETER_COUNT) === CONSOLIDATE_COUNT &&
    memory.readU32(parameter(record, CONSOLIDATE_MAGIC)) === CXX_MAGIC;
  if (isTarget && isOurs) return memory.readI32(parameter(record, CONSOLIDATE_STATE));
  return frame.info.tryBlocks[frame.inCatchOf]?.high ?? EMPTY_STATE;
}

/** Leaves states one by one; what a state has to be left with runs in the guest, and the next step goes on after it. */
function leaveStates(call: ServiceCall, frame: CxxFrame, from: number, to: number): ServiceResult {
  let state = from;
  for (let left = 0; state > to; left++) {
    const action = frame.info.unwindAction(state);
    if (action === null || action.toState >= state || left > MAXIMUM_ENTRIES) return terminate(call);
    state = action.toState;
    if (action.action === 0) continue;
    const target = frame.imageBase + action.action;
    const object = frame.function + action.object;
    const args =
      action.kind === 'funclet'
        ? [target, frame.function]
        : [action.kind === 'object' ? object : call.memory.readPointer(object)];
    return call.callGuest(target, args, STEP_LEFT, [state, to]);
  }
  return DISPOSITION_CONTINUE_SEARCH;
}

function unwind(call: ServiceCall, form: Form): ServiceResult {
  const frame = readFrame(call, form);
  if (frame === null) return DISPOSITION_CONTINUE_SEARCH;
  return leaveStates(call, frame, frame.state, finalState(call, frame));
}

const frameHandler = (form: Form): Service => ({
  enter: (call) => {
    const isUnwinding = call.memory.readU32(call.address(0) + RECORD_FLAGS) & EXCEPTION_UNWIND;
    return isUnwinding ? unwind(call, form) : search(call, form);
  },
  steps: [
    (call, saved) => enterCatch(call, form, saved),
    () => DISPOSITION_CONTINUE_SEARCH,
    (call, [state = EMPTY_STATE, to = EMPTY_STATE]) => {
      const frame = readFrame(call, form);
      return frame === null ? DISPOSITION_CONTINUE_SEARCH : leaveStates(call, frame, state, to);
    },
    (call) => searchTranslated(call, form),
  ],
  frameHandler: '__FrameUnwindHandler',
});

/** The handler of the calls of destructors: a C++ exception that leaves one ends the program. */
const frameUnwindHandler: ServiceFunction = (call) => {
  const { memory } = call;
  const isUnwinding = memory.readU32(call.address(0) + RECORD_FLAGS) & EXCEPTION_UNWIND;
  const isCxx = memory.readU32(call.address(0) + RECORD_CODE) === CXX_EXCEPTION;
  if (isUnwinding || !isCxx) return DISPOSITION_CONTINUE_SEARCH;
  const step = readServiceFrame(memory, call.address(1))?.step;
  return step === STEP_COPIED || step === STEP_LEFT ? terminate(call) : DISPOSITION_CONTINUE_SEARCH;
};

export const frameHandlers3: Readonly<Record<string, Service | ServiceFunction>> = {
  __CxxFrameHandler: frameHandler(3),
  __CxxFrameHandler2: frameHandler(3),
  __CxxFrameHandler3: frameHandler(3),
  __FrameUnwindHandler: frameUnwindHandler,
};

export const frameHandlers4: Readonly<Record<string, Service | ServiceFunction>> = {
  __CxxFrameHandler4: frameHandler(4),
  __FrameUnwindHandler: frameUnwindHandler,
};
