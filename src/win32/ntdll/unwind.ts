/**
 * RtlUnwindEx, RtlUnwind and RtlRestoreContext: frames are left one by one, their termination handlers called, until the
 * target's context is restored. Progress lies on the guest's stack: below the caller's frame the unwound context, the
 * DISPATCHER_CONTEXT, and a record or context when the caller gave none. Source: Microsoft, "RtlUnwindEx function",
 * "RtlRestoreContext function", "x64 exception handling".
 */
import {
  STATUS_BAD_STACK,
  STATUS_INVALID_DISPOSITION,
  STATUS_LONGJUMP,
  STATUS_UNWIND,
  STATUS_UNWIND_CONSOLIDATE,
} from '../../base/ntstatus.js';
import {
  CONTEXT_MXCSR,
  CONTEXT_RAX,
  CONTEXT_RIP,
  CONTEXT_SIZE,
  captureContext,
  contextRegister,
} from '../../nt/context-record.js';
import {
  DC_CONTEXT,
  DC_TARGET_IP,
  DISPATCHER_CONTEXT_SIZE,
  DISPOSITION_COLLIDED_UNWIND,
  DISPOSITION_CONTINUE_SEARCH,
  type DispatchedFrame,
  EXCEPTION_COLLIDED_UNWIND,
  EXCEPTION_EXIT_UNWIND,
  EXCEPTION_TARGET_UNWIND,
  EXCEPTION_UNWINDING,
  readDispatcherContext,
  writeDispatcherContext,
} from '../../nt/dispatcher-context.js';
import {
  EXCEPTION_RECORD_SIZE,
  RECORD_ADDRESS,
  RECORD_CODE,
  RECORD_FLAGS,
  RECORD_PARAMETER_COUNT,
  RECORD_PARAMETERS,
} from '../../nt/exception-dispatch.js';
import {
  EXCEPTION_NONCONTINUABLE,
  type PENDING,
  type Service,
  type ServiceCall,
  type ServiceFunction,
  type ServiceStep,
} from '../../nt/service.js';
import { FRAME_RIP, FRAME_RSP, HOME_BYTES, readServiceFrame } from '../../nt/service-frame.js';
import { CONTEXT_RSP, CONTEXT_XMM, contextAddress, setContextAddress } from '../../nt/virtual-unwind.js';
import { UNW_FLAG_NHANDLER, UNW_FLAG_UHANDLER } from '../../pe/unwind-info.js';
import { rtlCaptureStackBackTrace } from './stack-back-trace.js';
import {
  type FoundEntry,
  FRAMES_AT_ONCE,
  isFrame,
  isOnStack,
  tableToAsk,
  unwindFunction,
  walkFrame,
} from './stack-walk.js';

const RSP = 4;

/** What lies below the caller's frame: byte offsets from a multiple of 16. */
const CURRENT = -CONTEXT_SIZE;
const DISPATCHER = CURRENT - DISPATCHER_CONTEXT_SIZE;
const OWN_RECORD = DISPATCHER - Math.ceil(EXCEPTION_RECORD_SIZE / 16) * 16;
const OWN_CONTEXT = OWN_RECORD - CONTEXT_SIZE;
/** The copy of the context into which frames are consolidated; the service's frame must follow at once. */
const CONSOLIDATED = OWN_CONTEXT - CONTEXT_SIZE;

const STEP_HANDLER = 0;
const STEP_WALK = 1;
const STEP_CONSOLIDATED = 2;
const STEP_FAILED = 3;
const STEP_ASKED = 4;

/** _JUMP_BUFFER of <setjmp.h>: byte offsets. */
const JUMP_REGISTERS: readonly (readonly [offset: number, register: number])[] = [
  [8, 3],
  [16, 4],
  [24, 5],
  [32, 6],
  [40, 7],
  [48, 12],
  [56, 13],
  [64, 14],
  [72, 15],
];
const JUMP_RIP = 80;
const JUMP_MXCSR = 88;
const JUMP_XMM6 = 96;

type Pending = typeof PENDING;

const base = (call: ServiceCall) => Math.floor(call.stackPointer / 16) * 16;
const gapTo = (call: ServiceCall, offset: number) => call.stackPointer - (base(call) + offset);
/** Bytes below the caller's frame that are in use: the stack may be nearly at its end. */
const gapOf = (call: ServiceCall, { original }: Places) =>
  gapTo(call, original === base(call) + OWN_CONTEXT ? OWN_CONTEXT : OWN_RECORD);

/** Where the contexts and the record of an unwinding lie: guest addresses. */
interface Places {
  readonly original: number;
  readonly record: number;
}

/** Both forms keep their first four arguments alike; RtlUnwind has no context of the caller's. */
function places(call: ServiceCall, extended: boolean): Places {
  const given = extended ? call.address(4) : 0;
  return {
    original: given === 0 ? base(call) + OWN_CONTEXT : given,
    record: call.address(2) === 0 ? base(call) + OWN_RECORD : call.address(2),
  };
}

const unwindService = (extended: boolean): Service => {
  const at = (call: ServiceCall) => places(call, extended);
  const steps: ServiceStep[] = [
    (call, [flags = 0, , establisher = 0]) => afterHandler(call, at(call), flags, establisher),
    (call, [flags = 0]) => unwindFrames(call, at(call), flags),
    restoreConsolidated,
    (call) => call.raise(STATUS_BAD_STACK, [], EXCEPTION_NONCONTINUABLE),
    (call, [flags = 0, imageBase = 0]) =>
      unwindFrames(call, at(call), flags, { imageBase, entry: call.resultAddress }),
  ];
  return { enter: (call) => beginUnwind(call, at(call)), steps, frameHandler: 'RtlpUnwindHandler' };
};

function beginUnwind(call: ServiceCall, { original, record }: Places): Pending {
  const { memory } = call;
  const bytes = new Uint8Array(CONTEXT_SIZE);
  captureContext(call.kernel, bytes);
  const context = new DataView(bytes.buffer);
  setContextAddress(context, CONTEXT_RIP, call.returnAddress);
  setContextAddress(context, contextRegister(RSP), call.stackPointer + 8);
  memory.writeBytes(original, bytes);
  if (call.address(2) === 0) {
    memory.fill(record, EXCEPTION_RECORD_SIZE, 0);
    memory.writeU32(record + RECORD_CODE, STATUS_UNWIND);
    memory.writePointer(record + RECORD_ADDRESS, call.returnAddress);
  }
  const exit = call.address(0) === 0 ? EXCEPTION_EXIT_UNWIND : 0;
  return unwindFrames(call, { original, record }, EXCEPTION_UNWINDING | exit);
}

/** Leaves frames up to the next termination handler, or to the target. */
function unwindFrames(
  call: ServiceCall,
  at: Places,
  flags: number,
  answered: FoundEntry | null = null,
): Pending {
  const { memory } = call;
  const target = call.address(0);
  let original = memory.readBytes(at.original, CONTEXT_SIZE);
  for (let walked = 0; walked < FRAMES_AT_ONCE; walked++) {
    const view = new DataView(original.buffer);
    if (!isOnStack(call, contextAddress(view, CONTEXT_RSP)) || contextAddress(view, CONTEXT_RIP) === 0) {
      memory.writeBytes(at.original, original);
      return endOfStack(call, at);
    }
    const answer = walked === 0 ? answered : null;
    const table = answer === null ? tableToAsk(call, view) : undefined;
    if (table !== undefined) {
      memory.writeBytes(at.original, original);
      const args = [contextAddress(view, CONTEXT_RIP), table.context];
      return call.callGuest(table.callback, args, STEP_ASKED, [flags, table.base], gapOf(call, at));
    }
    const current = original.slice();
    const found = walkFrame(call, new DataView(current.buffer), UNW_FLAG_UHANDLER, answer);
    if (found !== null) {
      if (!isFrame(call, found.establisher) || (target !== 0 && target < found.establisher))
        return call.raise(STATUS_BAD_STACK, [], EXCEPTION_NONCONTINUABLE);
      if (found.handler !== 0 || found.establisher === target) memory.writeBytes(at.original, original);
      if (found.handler !== 0) {
        memory.writeBytes(base(call) + CURRENT, current);
        const [targetIp, history] = [call.address(1), 0];
        writeDispatcherContext(memory, base(call) + DISPATCHER, found, targetIp, at.original, history);
        return callHandler(call, at, flags, found);
      }
      if (found.establisher === target) return restoreTarget(call, at);
    }
    original = current;
  }
  memory.writeBytes(at.original, original);
  return call.callGuest(call.symbol('ntdll.dll', 'RtlpPause'), [], STEP_WALK, [flags], gapOf(call, at));
}

/** All frames are left: the exception goes to the system for good. */
function endOfStack(call: ServiceCall, at: Places): Pending {
  const raise = call.symbol('ntdll.dll', 'NtRaiseException');
  return call.callGuest(raise, [at.record, at.original, 0], STEP_FAILED, [], gapOf(call, at));
}

function callHandler(call: ServiceCall, at: Places, flags: number, frame: DispatchedFrame): Pending {
  const { memory } = call;
  const { establisher, handler } = frame;
  const isTarget = establisher === call.address(0) ? EXCEPTION_TARGET_UNWIND : 0;
  const dispatcher = base(call) + DISPATCHER;
  memory.writeU32(at.record + RECORD_FLAGS, flags | isTarget);
  memory.writeU64(at.original + CONTEXT_RAX, call.lo(3), call.hi(3));
  return call.callGuest(
    handler,
    [at.record, establisher, at.original, dispatcher],
    STEP_HANDLER,
    [flags, dispatcher, establisher],
    gapOf(call, at),
  );
}

function afterHandler(call: ServiceCall, at: Places, oldFlags: number, establisher: number): Pending {
  const flags = oldFlags & ~EXCEPTION_COLLIDED_UNWIND;
  switch (call.resultLo | 0) {
    case DISPOSITION_CONTINUE_SEARCH:
      if (establisher === call.address(0)) return restoreTarget(call, at);
      call.memory.copy(at.original, base(call) + CURRENT, CONTEXT_SIZE);
      return unwindFrames(call, at, flags);
    case DISPOSITION_COLLIDED_UNWIND:
      return collided(call, at, flags);
    default:
      return call.raise(STATUS_INVALID_DISPOSITION, [], EXCEPTION_NONCONTINUABLE);
  }
}

/** The unwinding met another under way: it takes that one's frame over, where its handler left off. */
function collided(call: ServiceCall, at: Places, flags: number): Pending {
  const { memory } = call;
  const dispatcher = base(call) + DISPATCHER;
  const frame = readDispatcherContext(memory, dispatcher);
  const bytes = memory.readBytes(memory.readPointer(dispatcher + DC_CONTEXT), CONTEXT_SIZE);
  memory.writeBytes(at.original, bytes);
  unwindFunction(
    call,
    UNW_FLAG_NHANDLER,
    frame.imageBase,
    frame.controlPc,
    frame.entry,
    new DataView(bytes.buffer),
  );
  memory.writeBytes(base(call) + CURRENT, bytes);
  memory.writePointer(dispatcher + DC_CONTEXT, at.original);
  memory.writePointer(dispatcher + DC_TARGET_IP, call.address(1));
  return callHandler(call, at, flags | EXCEPTION_COLLIDED_UNWIND, frame);
}

/** The target is reached: its context, with the return value, goes on at the target address. */
function restoreTarget(call: ServiceCall, at: Places): Pending {
  const { memory } = call;
  memory.writeU64(at.original + CONTEXT_RAX, call.lo(3), call.hi(3));
  if (memory.readU32(at.record + RECORD_CODE) !== STATUS_UNWIND_CONSOLIDATE)
    memory.writeU64(at.original + CONTEXT_RIP, call.lo(1), call.hi(1));
  return restore(call, at.original, at.record, STEP_CONSOLIDATED);
}

/** RtlRestoreContext's three ways, by the record: longjmp's buffer, a callback that says where to go on, or just the context. */
function restore(call: ServiceCall, context: number, record: number, step: number): Pending {
  const { memory } = call;
  if (record !== 0 && memory.readU32(record + RECORD_PARAMETER_COUNT) > 0) {
    const code = memory.readU32(record + RECORD_CODE);
    if (code === STATUS_LONGJUMP)
      applyJumpBuffer(call, context, memory.readPointer(record + RECORD_PARAMETERS));
    if (code === STATUS_UNWIND_CONSOLIDATE) return consolidate(call, context, record, step);
  }
  return call.continueAt(context);
}

function applyJumpBuffer(call: ServiceCall, context: number, buffer: number): void {
  const { memory } = call;
  for (const [offset, register] of JUMP_REGISTERS)
    memory.copy(context + contextRegister(register), buffer + offset, 8);
  memory.copy(context + CONTEXT_RIP, buffer + JUMP_RIP, 8);
  memory.copy(context + CONTEXT_MXCSR, buffer + JUMP_MXCSR, 4);
  memory.copy(context + CONTEXT_XMM + 6 * 16, buffer + JUMP_XMM6, 160);
}

/**
 * Calls the record's callback on the stack as it is, so that what lies on it stays, while unwinding sees the target's frame
 * as the caller: the stub RcFrameConsolidation has unwind codes that load the copy of the context.
 */
function consolidate(call: ServiceCall, context: number, record: number, step: number): Pending {
  const { memory, processor } = call;
  const copy = base(call) + CONSOLIDATED;
  memory.copy(copy, context, CONTEXT_SIZE);
  const callback = memory.readPointer(record + RECORD_PARAMETERS);
  const pending: Pending = call.callGuest(callback, [record], step, [copy], gapTo(call, CONSOLIDATED));
  const returnAt = processor.getAddress(RSP);
  const frame = returnAt + 8 + HOME_BYTES;
  memory.writePointer(returnAt, call.symbol('ntdll.dll', 'RcFrameConsolidation'));
  memory.copy(frame + FRAME_RIP, copy + CONTEXT_RIP, 8);
  memory.copy(frame + FRAME_RSP, copy + CONTEXT_RSP, 8);
  return pending;
}

/** The callback has answered where to go on. */
function restoreConsolidated(call: ServiceCall, [copy = 0]: readonly number[]): Pending {
  call.memory.writeU64(copy + CONTEXT_RIP, call.resultLo, call.resultHi);
  return call.continueAt(copy);
}

/** void RtlRestoreContext(context, record). */
const rtlRestoreContext: Service = {
  enter: (call) => restore(call, call.address(0), call.address(1), 0),
  steps: [restoreConsolidated],
};

/**
 * The language handler of the frames in which unwinding calls termination handlers: what comes through takes that
 * unwinding's frame over.
 */
const rtlpUnwindHandler: ServiceFunction = (call) => {
  const { memory } = call;
  const serviceFrame = readServiceFrame(memory, call.address(1));
  if (serviceFrame?.step !== STEP_HANDLER) return DISPOSITION_CONTINUE_SEARCH;
  memory.copy(call.address(3), serviceFrame.saved[1] ?? 0, DISPATCHER_CONTEXT_SIZE);
  return DISPOSITION_COLLIDED_UNWIND;
};

/** PEXCEPTION_ROUTINE RtlVirtualUnwind(type, base, pc, entry, context, *data, *establisher, pointers). */
const rtlVirtualUnwind: ServiceFunction = (call) => {
  const { memory } = call;
  const context = memory.readBytes(call.address(4), CONTEXT_SIZE);
  memory.probeWrite(call.address(4), CONTEXT_SIZE);
  const frame = unwindFunction(
    call,
    call.u32(0),
    call.address(1),
    call.address(2),
    call.address(3),
    new DataView(context.buffer),
    call.address(7),
  );
  memory.writePointer(call.address(5), frame.handlerData);
  memory.writePointer(call.address(6), frame.establisher);
  memory.writeBytes(call.address(4), context);
  return frame.handler;
};

export const unwindServices: Readonly<Record<string, Service | ServiceFunction>> = {
  RtlUnwindEx: unwindService(true),
  RtlUnwind: unwindService(false),
  RtlRestoreContext: rtlRestoreContext,
  RtlVirtualUnwind: rtlVirtualUnwind,
  RtlCaptureStackBackTrace: rtlCaptureStackBackTrace,
  RtlpUnwindHandler: rtlpUnwindHandler,
};
