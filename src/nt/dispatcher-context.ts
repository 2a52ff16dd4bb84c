/**
 * DISPATCHER_CONTEXT of x64, what a language handler is told of its frame, in guest memory. Offsets in bytes. Source:
 * Microsoft, "x64 exception handling" (language-specific handler).
 */
import type { UserMemory } from '../mm/user-memory.js';

export const DISPATCHER_CONTEXT_SIZE = 0x50;
export const DC_CONTROL_PC = 0x00;
export const DC_IMAGE_BASE = 0x08;
export const DC_FUNCTION_ENTRY = 0x10;
export const DC_ESTABLISHER = 0x18;
export const DC_TARGET_IP = 0x20;
export const DC_CONTEXT = 0x28;
export const DC_HANDLER = 0x30;
export const DC_HANDLER_DATA = 0x38;
export const DC_HISTORY = 0x40;
export const DC_SCOPE_INDEX = 0x48;

/** EXCEPTION_DISPOSITION: what a language handler answers. */
export const DISPOSITION_CONTINUE_EXECUTION = 0;
export const DISPOSITION_CONTINUE_SEARCH = 1;
export const DISPOSITION_NESTED_EXCEPTION = 2;
export const DISPOSITION_COLLIDED_UNWIND = 3;

/** EXCEPTION_RECORD.ExceptionFlags of dispatching and unwinding. */
export const EXCEPTION_UNWINDING = 0x2;
export const EXCEPTION_EXIT_UNWIND = 0x4;
export const EXCEPTION_STACK_INVALID = 0x8;
export const EXCEPTION_NESTED_CALL = 0x10;
export const EXCEPTION_TARGET_UNWIND = 0x20;
export const EXCEPTION_COLLIDED_UNWIND = 0x40;
/** Any of the bits that say that frames are being unwound. */
export const EXCEPTION_UNWIND = 0x66;

/** The frame that a handler is called for. All are guest addresses. */
export interface DispatchedFrame {
  readonly controlPc: number;
  readonly imageBase: number;
  readonly entry: number;
  readonly establisher: number;
  readonly handler: number;
  readonly handlerData: number;
}

/** Writes the record for a first call of the frame's handler. */
export function writeDispatcherContext(
  memory: UserMemory,
  address: number,
  frame: DispatchedFrame,
  targetIp: number,
  context: number,
  history: number,
): void {
  memory.writePointer(address + DC_CONTROL_PC, frame.controlPc);
  memory.writePointer(address + DC_IMAGE_BASE, frame.imageBase);
  memory.writePointer(address + DC_FUNCTION_ENTRY, frame.entry);
  memory.writePointer(address + DC_ESTABLISHER, frame.establisher);
  memory.writePointer(address + DC_TARGET_IP, targetIp);
  memory.writePointer(address + DC_CONTEXT, context);
  memory.writePointer(address + DC_HANDLER, frame.handler);
  memory.writePointer(address + DC_HANDLER_DATA, frame.handlerData);
  memory.writePointer(address + DC_HISTORY, history);
  memory.writeU64(address + DC_SCOPE_INDEX, 0, 0);
}

/** What the record says of its frame: a handler may have put another frame there. */
export function readDispatcherContext(memory: UserMemory, address: number): DispatchedFrame {
  return {
    controlPc: memory.readPointer(address + DC_CONTROL_PC),
    imageBase: memory.readPointer(address + DC_IMAGE_BASE),
    entry: memory.readPointer(address + DC_FUNCTION_ENTRY),
    establisher: memory.readPointer(address + DC_ESTABLISHER),
    handler: memory.readPointer(address + DC_HANDLER),
    handlerData: memory.readPointer(address + DC_HANDLER_DATA),
  };
}
