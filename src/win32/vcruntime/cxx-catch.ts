/**
 * __CxxCallCatchBlock: runs a catch block above the frames that were left, destroys the exception when nobody needs it any
 * more, and answers where the function goes on.
 */
import { DISPOSITION_CONTINUE_SEARCH, EXCEPTION_UNWIND } from '../../nt/dispatcher-context.js';
import { RECORD_FLAGS, RECORD_PARAMETERS } from '../../nt/exception-dispatch.js';
import type { Service, ServiceCall, ServiceFunction, ServiceResult } from '../../nt/service.js';
import { readServiceFrame } from '../../nt/service-frame.js';
import {
  CONSOLIDATE_CONTEXT,
  CONSOLIDATE_CONTINUATIONS,
  CONSOLIDATE_FRAME,
  CONSOLIDATE_HANDLER,
  CONSOLIDATE_OUTER_STATE,
  CONSOLIDATE_RECORD,
  CONSOLIDATE_TRY_FRAME,
} from './cxx-frame-handler.js';
import { type ActiveCatch, currentCatch, cxxThread } from './cxx-state.js';
import { destructorOf, readCxxException } from './throw-info.js';

const STEP_CAUGHT = 0;
const STEP_DESTROYED = 1;

const parameter = (call: ServiceCall, index: number) =>
  call.memory.readPointer(call.address(0) + RECORD_PARAMETERS + index * 8);

/** Address of the destructor of an exception that no catch block that runs needs, and that is not being thrown; else 0. */
function destructorAtEnd(call: ServiceCall, ended: ActiveCatch | undefined, thrown: number): number {
  const exception = ended?.exception;
  if (!exception || exception.object === thrown) return 0;
  const isNeeded = cxxThread(call).catches.some(
    (other) => !other.left && other.exception?.object === exception.object,
  );
  return isNeeded ? 0 : destructorOf(call.memory, exception);
}

/** Where the catch block wants to go on: an address, or the number of one of the places that the tables name. */
function continuation(call: ServiceCall): number {
  const { resultAddress } = call;
  return resultAddress < 2 ? parameter(call, CONSOLIDATE_CONTINUATIONS + resultAddress) : resultAddress;
}

/** void *__CxxCallCatchBlock(record): the callback of the frames' consolidation. */
const callCatchBlock: Service = {
  enter: (call) => {
    const { memory } = call;
    const record = parameter(call, CONSOLIDATE_RECORD);
    const thread = cxxThread(call);
    const exception = readCxxException(memory, record);
    thread.catches.push({
      stack: call.stackPointer,
      frame: parameter(call, CONSOLIDATE_TRY_FRAME),
      state: memory.readI32(call.address(0) + RECORD_PARAMETERS + CONSOLIDATE_OUTER_STATE * 8),
      record,
      context: parameter(call, CONSOLIDATE_CONTEXT),
      exception,
      left: false,
    });
    if (exception !== null && thread.uncaught > 0) thread.uncaught--;
    const handler = parameter(call, CONSOLIDATE_HANDLER);
    return call.callGuest(handler, [handler, parameter(call, CONSOLIDATE_FRAME)], STEP_CAUGHT, []);
  },
  steps: [
    (call): ServiceResult => {
      const target = continuation(call);
      const ended = cxxThread(call).catches.pop();
      const destructor = destructorAtEnd(call, ended, 0);
      if (destructor === 0) return target;
      return call.callGuest(destructor, [ended!.exception!.object], STEP_DESTROYED, [target]);
    },
    (_call, [target = 0]) => target,
  ],
  frameHandler: '__CxxCatchBlockHandler',
};

/** The handler of the calls of catch blocks: when one is left by an exception, its own exception has ended. */
const catchBlockHandler: Service = {
  enter: (call) => {
    const { memory } = call;
    const record = call.address(0);
    if (!(memory.readU32(record + RECORD_FLAGS) & EXCEPTION_UNWIND)) return DISPOSITION_CONTINUE_SEARCH;
    if (readServiceFrame(memory, call.address(1))?.step !== STEP_CAUGHT) return DISPOSITION_CONTINUE_SEARCH;
    const ended = currentCatch(call);
    if (ended === undefined) return DISPOSITION_CONTINUE_SEARCH;
    ended.left = true;
    const cause = memory.readPointer(record + RECORD_PARAMETERS + CONSOLIDATE_RECORD * 8);
    const thrown = cause === 0 ? 0 : (readCxxException(memory, cause)?.object ?? 0);
    const destructor = destructorAtEnd(call, ended, thrown);
    if (destructor === 0) return DISPOSITION_CONTINUE_SEARCH;
    return call.callGuest(destructor, [ended.exception!.object], 0, []);
  },
  steps: [() => DISPOSITION_CONTINUE_SEARCH],
};

export const catchFunctions: Readonly<Record<string, Service | ServiceFunction>> = {
  __CxxCallCatchBlock: callCatchBlock,
  __CxxCatchBlockHandler: catchBlockHandler,
};
