/**
 * KiUserExceptionDispatcher and RtlDispatchException: vectored handlers, then the language handlers of the frames on the
 * stack, then the unhandled-exception filter. Progress lies on the guest's stack: below the exception's frame the context of
 * the walk and the DISPATCHER_CONTEXT. Source: Microsoft, "Vectored Exception Handling", "x64 exception handling",
 * "SetUnhandledExceptionFilter function", "EXCEPTION_RECORD structure".
 */
import { STATUS_INVALID_DISPOSITION, STATUS_NONCONTINUABLE_EXCEPTION } from '../../base/ntstatus.js';
import { GuestFault } from '../../mm/user-memory.js';
import { CONTEXT_RIP, CONTEXT_SIZE } from '../../nt/context-record.js';
import {
  DC_CONTEXT,
  DC_ESTABLISHER,
  DISPATCHER_CONTEXT_SIZE,
  DISPOSITION_COLLIDED_UNWIND,
  DISPOSITION_CONTINUE_EXECUTION,
  DISPOSITION_CONTINUE_SEARCH,
  DISPOSITION_NESTED_EXCEPTION,
  EXCEPTION_NESTED_CALL,
  EXCEPTION_STACK_INVALID,
  EXCEPTION_UNWIND,
  readDispatcherContext,
  writeDispatcherContext,
} from '../../nt/dispatcher-context.js';
import {
  DISPATCH_CONTEXT,
  DISPATCH_POINTERS,
  DISPATCH_RECORD,
  RECORD_CODE,
  RECORD_FLAGS,
  unhandledException,
} from '../../nt/exception-dispatch.js';
import {
  EXCEPTION_NONCONTINUABLE,
  type PENDING,
  type Service,
  type ServiceCall,
  type ServiceFunction,
} from '../../nt/service.js';
import { readServiceFrame } from '../../nt/service-frame.js';
import { CONTEXT_RSP, contextAddress } from '../../nt/virtual-unwind.js';
import { UNW_FLAG_EHANDLER, UNW_FLAG_NHANDLER } from '../../pe/unwind-info.js';
import {
  type FoundEntry,
  FRAMES_AT_ONCE,
  isFrame,
  isOnStack,
  tableToAsk,
  unwindFunction,
  walkFrame,
} from './stack-walk.js';

/** Answers of vectored handlers and of the unhandled-exception filter. */
const EXCEPTION_CONTINUE_EXECUTION = -1;
const EXCEPTION_EXECUTE_HANDLER = 1;

/** What lies below the exception's frame: byte offsets from it. */
const WALK_CONTEXT = -CONTEXT_SIZE;
const DISPATCHER = WALK_CONTEXT - DISPATCHER_CONTEXT_SIZE;
const GAP = -DISPATCHER;

const STEP_VECTORED = 0;
const STEP_FILTER = 1;
const STEP_CONTINUE_HANDLER = 2;
const STEP_HANDLER = 3;
const STEP_WALK = 4;
const STEP_ASKED = 5;

type Pending = typeof PENDING;

/** ntdll!KiUserExceptionDispatcher: RSP points to the frame that the kernel wrote. */
export const kiUserExceptionDispatcher: Service = {
  enter: (call) => callVectored(call, call.stackPointer, 0),
  frameHandler: 'RtlpExceptionHandler',
  steps: [
    (call, [frame = 0, index = 0, handle = 0]) => {
      if ((call.resultLo | 0) === EXCEPTION_CONTINUE_EXECUTION) return callContinueHandlers(call, frame, 0);
      return callVectored(call, frame, indexBehind(call.process.vectoredHandlers, index, handle));
    },
    (call, [frame = 0]) => {
      const answer = call.resultLo | 0;
      if (answer === EXCEPTION_CONTINUE_EXECUTION) return callContinueHandlers(call, frame, 0);
      if (answer === EXCEPTION_EXECUTE_HANDLER)
        return call.terminateProcess(call.memory.readU32(frame + DISPATCH_RECORD + RECORD_CODE));
      return unhandledException(call, frame);
    },
    (call, [frame = 0, index = 0, handle = 0]) => {
      if ((call.resultLo | 0) === EXCEPTION_CONTINUE_EXECUTION) return continueExecution(call, frame);
      const next = indexBehind(call.process.vectoredContinueHandlers, index, handle);
      return callContinueHandlers(call, frame, next);
    },
    (call, [frame = 0, , flags = 0, nested = 0, establisher = 0]) =>
      afterHandler(call, frame, flags, nested, establisher),
    (call, [frame = 0, , flags = 0, nested = 0]) => searchFrames(call, frame, flags, nested),
    (call, [frame = 0, imageBase = 0, flags = 0, nested = 0]) =>
      searchFrames(call, frame, flags, nested, { imageBase, entry: call.resultAddress }),
  ],
};

type Handler = readonly [handle: number, address: number];

/** Calls a handler of a list; which one it is tells how the walk goes on, even if the handler changes the list. */
function callInList(
  call: ServiceCall,
  frame: number,
  handler: Handler,
  index: number,
  step: number,
): Pending {
  const [handle, address] = handler;
  return call.callGuest(address, [frame + DISPATCH_POINTERS], step, [frame, index, handle]);
}

/** Where a list goes on behind a handler; one that is not in it any more has left its place to the next. */
function indexBehind(list: readonly Handler[], index: number, handle: number): number {
  const now = list.findIndex(([other]) => other === handle);
  return now < 0 ? index : now + 1;
}

function callVectored(call: ServiceCall, frame: number, index: number): Pending {
  const handler = call.process.vectoredHandlers[index];
  if (handler) return callInList(call, frame, handler, index, STEP_VECTORED);
  const { memory } = call;
  const flags = memory.readU32(frame + DISPATCH_RECORD + RECORD_FLAGS) & EXCEPTION_NONCONTINUABLE;
  try {
    memory.copy(frame + WALK_CONTEXT, frame + DISPATCH_CONTEXT, CONTEXT_SIZE);
  } catch (error) {
    if (!(error instanceof GuestFault)) throw error;
    return unhandledException(call, frame);
  }
  return searchFrames(call, frame, flags, 0);
}

/** Walks up from the context below the frame to the next language handler and calls it. */
function searchFrames(
  call: ServiceCall,
  frame: number,
  flags: number,
  nested: number,
  answered: FoundEntry | null = null,
): Pending {
  let invalid = 0;
  try {
    const pending = callNextHandler(call, frame, flags, nested, answered);
    if (pending !== null) return pending;
  } catch (error) {
    if (!(error instanceof GuestFault)) throw error;
    invalid = EXCEPTION_STACK_INVALID;
  }
  return noHandler(call, frame, flags | invalid);
}

/** null at the top of the stack; throws GuestFault when the frames make no sense. */
function callNextHandler(
  call: ServiceCall,
  frame: number,
  flags: number,
  nested: number,
  answered: FoundEntry | null,
): Pending | null {
  const { memory } = call;
  const bytes = memory.readBytes(frame + WALK_CONTEXT, CONTEXT_SIZE);
  const context = new DataView(bytes.buffer);
  for (let walked = 0; walked < FRAMES_AT_ONCE; walked++) {
    if (!isOnStack(call, contextAddress(context, CONTEXT_RSP))) return null;
    if (contextAddress(context, CONTEXT_RIP) === 0) return null;
    const answer = walked === 0 ? answered : null;
    const table = answer === null ? tableToAsk(call, context) : undefined;
    if (table !== undefined) {
      memory.writeBytes(frame + WALK_CONTEXT, bytes);
      const args = [contextAddress(context, CONTEXT_RIP), table.context];
      return call.callGuest(table.callback, args, STEP_ASKED, [frame, table.base, flags, nested], GAP);
    }
    const found = walkFrame(call, context, UNW_FLAG_EHANDLER, answer);
    if (found === null) continue;
    if (!isFrame(call, found.establisher)) return noHandler(call, frame, flags | EXCEPTION_STACK_INVALID);
    if (found.handler === 0) continue;
    memory.writeBytes(frame + WALK_CONTEXT, bytes);
    writeDispatcherContext(memory, frame + DISPATCHER, found, 0, frame + WALK_CONTEXT, 0);
    return callHandler(call, frame, flags, nested, found.handler, found.establisher);
  }
  memory.writeBytes(frame + WALK_CONTEXT, bytes);
  const pause = call.symbol('ntdll.dll', 'RtlpPause');
  return call.callGuest(pause, [], STEP_WALK, [frame, 0, flags, nested], GAP);
}

function callHandler(
  call: ServiceCall,
  frame: number,
  flags: number,
  nested: number,
  handler: number,
  establisher: number,
): Pending {
  call.memory.writeU32(frame + DISPATCH_RECORD + RECORD_FLAGS, flags);
  return call.callGuest(
    handler,
    [frame + DISPATCH_RECORD, establisher, frame + DISPATCH_CONTEXT, frame + DISPATCHER],
    STEP_HANDLER,
    [frame, frame + DISPATCHER, flags, nested, establisher],
    GAP,
  );
}

function afterHandler(
  call: ServiceCall,
  frame: number,
  oldFlags: number,
  oldNested: number,
  establisher: number,
): Pending {
  const { memory } = call;
  let flags = oldFlags | (memory.readU32(frame + DISPATCH_RECORD + RECORD_FLAGS) & EXCEPTION_NONCONTINUABLE);
  let nested = oldNested;
  if (nested === establisher) {
    flags &= ~EXCEPTION_NESTED_CALL;
    nested = 0;
  }
  switch (call.resultLo | 0) {
    case DISPOSITION_CONTINUE_EXECUTION:
      return callContinueHandlers(call, frame, 0);
    case DISPOSITION_CONTINUE_SEARCH:
      return searchFrames(call, frame, flags, nested);
    case DISPOSITION_NESTED_EXCEPTION: {
      const inner = memory.readPointer(frame + DISPATCHER + DC_ESTABLISHER);
      return searchFrames(call, frame, flags | EXCEPTION_NESTED_CALL, Math.max(inner, nested));
    }
    case DISPOSITION_COLLIDED_UNWIND:
      return collided(call, frame, flags, nested);
    default:
      return raiseFor(call, frame, STATUS_INVALID_DISPOSITION);
  }
}

/** Raises an exception that cannot be continued, because of the one of the frame. */
function raiseFor(call: ServiceCall, frame: number, status: number): Pending {
  return call.raise(status, [], EXCEPTION_NONCONTINUABLE, frame + DISPATCH_RECORD);
}

/** The walk met an unwinding under way: it goes on at the frame that was being unwound, where its handler left off. */
function collided(call: ServiceCall, frame: number, flags: number, nested: number): Pending {
  const { memory } = call;
  const found = readDispatcherContext(memory, frame + DISPATCHER);
  const bytes = memory.readBytes(memory.readPointer(frame + DISPATCHER + DC_CONTEXT), CONTEXT_SIZE);
  unwindFunction(
    call,
    UNW_FLAG_NHANDLER,
    found.imageBase,
    found.controlPc,
    found.entry,
    new DataView(bytes.buffer),
  );
  memory.writeBytes(frame + WALK_CONTEXT, bytes);
  memory.writePointer(frame + DISPATCHER + DC_CONTEXT, frame + WALK_CONTEXT);
  return callHandler(call, frame, flags, nested, found.handler, found.establisher);
}

/** No frame handles the exception; a stack that makes no sense leaves not even the filter. */
function noHandler(call: ServiceCall, frame: number, flags: number): Pending {
  call.memory.writeU32(frame + DISPATCH_RECORD + RECORD_FLAGS, flags);
  const { unhandledFilter } = call.process;
  if (unhandledFilter === 0 || flags & EXCEPTION_STACK_INVALID) return unhandledException(call, frame);
  return call.callGuest(unhandledFilter, [frame + DISPATCH_POINTERS], STEP_FILTER, [frame]);
}

function callContinueHandlers(call: ServiceCall, frame: number, index: number): Pending {
  const handler = call.process.vectoredContinueHandlers[index];
  if (!handler) return continueExecution(call, frame);
  return callInList(call, frame, handler, index, STEP_CONTINUE_HANDLER);
}

/** Continues with the context as the handlers left it, unless the exception may not be continued. */
function continueExecution(call: ServiceCall, frame: number): Pending {
  const flags = call.memory.readU32(frame + DISPATCH_RECORD + RECORD_FLAGS);
  if (flags & EXCEPTION_NONCONTINUABLE) return raiseFor(call, frame, STATUS_NONCONTINUABLE_EXCEPTION);
  return call.continueAt(frame + DISPATCH_CONTEXT);
}

/**
 * The language handler of the frames in which the dispatcher calls language handlers: an exception that comes through is
 * nested, and the dispatcher context says up to which frame.
 */
export const rtlpExceptionHandler: ServiceFunction = (call) => {
  const { memory } = call;
  const flags = memory.readU32(call.address(0) + RECORD_FLAGS);
  const serviceFrame = readServiceFrame(memory, call.address(1));
  if (flags & EXCEPTION_UNWIND || serviceFrame?.step !== STEP_HANDLER) return DISPOSITION_CONTINUE_SEARCH;
  const inner = memory.readPointer((serviceFrame.saved[1] ?? 0) + DC_ESTABLISHER);
  memory.writePointer(call.address(3) + DC_ESTABLISHER, inner);
  return DISPOSITION_NESTED_EXCEPTION;
};
