/**
 * Exceptions of user mode, as the kernel delivers them: the record and context on the guest's stack, NtContinue and
 * NtRaiseException. Source: Windows Internals, "Exception dispatching";
 * Microsoft, "EXCEPTION_RECORD structure", "Vectored Exception Handling", "SetUnhandledExceptionFilter function".
 */
import { DF, TF } from '../machine/cpu/layout.js';
import { GuestFault } from '../mm/user-memory.js';
import {
  CONTEXT_RIP,
  CONTEXT_SIZE,
  captureContext,
  contextRegister,
  restoreContext,
  writeMachineFrame,
} from './context-record.js';
import { describeCrash } from './crash.js';
import type { Kernel } from './kernel.js';
import { terminateProcess } from './process-delete.js';
import { EXCEPTION_NONCONTINUABLE, PENDING, type Service, type ServiceCall } from './service.js';
import type { Thread } from './thread.js';

const RSP = 4;

/** EXCEPTION_RECORD on x64: byte offsets and size. */
export const EXCEPTION_RECORD_SIZE = 0x98;
export const RECORD_CODE = 0x00;
export const RECORD_FLAGS = 0x04;
/** The record of the exception that this one was raised for, 0 for none. */
export const RECORD_CAUSE = 0x08;
export const RECORD_ADDRESS = 0x10;
export const RECORD_PARAMETER_COUNT = 0x18;
export const RECORD_PARAMETERS = 0x20;
export const MAXIMUM_PARAMETERS = 15;

/**
 * What lies at RSP when KiUserExceptionDispatcher is entered: the context, the record, a machine frame (RIP, CS, RFLAGS, RSP,
 * SS) by which unwinding goes on to the code that raised, and EXCEPTION_POINTERS to context and record.
 */
export const DISPATCH_CONTEXT = 0;
export const DISPATCH_RECORD = 0x4f0;
export const DISPATCH_MACHINE_FRAME = 0x590;
export const DISPATCH_POINTERS = 0x5b8;
const DISPATCH_SIZE = 0x5d0;

const TWO_32 = 2 ** 32;

/** A number as 64 bits: negative ones sign-extended, 48-bit system addresses in canonical form. */
function writeParameter(view: DataView, offset: number, value: number): void {
  const high = Math.floor(value / TWO_32);
  view.setUint32(offset, value - high * TWO_32, true);
  view.setUint32(offset + 4, high >= 0x8000 && high <= 0xffff ? high | 0xffff0000 : high, true);
}

/**
 * Raises an exception in the running thread at its present context. The record and context are written below RSP; a stack
 * that cannot take them ends the process with the exception's code. `cause`: address of the record of another exception.
 */
export function raiseException(
  kernel: Kernel,
  thread: Thread,
  code: number,
  flags: number,
  address: number,
  parameters: readonly number[],
  cause = 0,
): void {
  const frame = kernel.exceptionFrame;
  captureContext(kernel, frame);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  frame.fill(0, CONTEXT_SIZE);
  view.setUint32(DISPATCH_RECORD + RECORD_CODE, code, true);
  view.setUint32(DISPATCH_RECORD + RECORD_FLAGS, flags, true);
  writeParameter(view, DISPATCH_RECORD + RECORD_CAUSE, cause);
  writeParameter(view, DISPATCH_RECORD + RECORD_ADDRESS, address);
  const count = Math.min(parameters.length, MAXIMUM_PARAMETERS);
  view.setUint32(DISPATCH_RECORD + RECORD_PARAMETER_COUNT, count, true);
  for (let index = 0; index < count; index++)
    writeParameter(view, DISPATCH_RECORD + RECORD_PARAMETERS + index * 8, parameters[index]!);
  enterDispatcher(kernel, thread, frame);
}

/** Raises the record that lies in guest memory in the running thread at its present context, all its 64-bit values as they are. */
export function raiseRecord(kernel: Kernel, thread: Thread, record: number, address: number): void {
  const frame = kernel.exceptionFrame;
  captureContext(kernel, frame);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  frame.fill(0, CONTEXT_SIZE);
  kernel.memory.readInto(record, frame.subarray(DISPATCH_RECORD, DISPATCH_RECORD + EXCEPTION_RECORD_SIZE));
  writeParameter(view, DISPATCH_RECORD + RECORD_ADDRESS, address);
  const count = view.getUint32(DISPATCH_RECORD + RECORD_PARAMETER_COUNT, true);
  if (count > MAXIMUM_PARAMETERS)
    view.setUint32(DISPATCH_RECORD + RECORD_PARAMETER_COUNT, MAXIMUM_PARAMETERS, true);
  enterDispatcher(kernel, thread, frame);
}

/** Puts a filled frame (context and record) on the stack that its own context names and enters the dispatcher. */
function enterDispatcher(kernel: Kernel, thread: Thread, frame: Uint8Array): void {
  const { processor, memory, mm } = kernel;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const code = view.getUint32(DISPATCH_RECORD, true);
  if (mm.events.active)
    mm.events.emit(
      'exception',
      thread.process.space,
      readAddress(view, DISPATCH_RECORD + RECORD_ADDRESS),
      -1,
      code,
    );
  const at = Math.floor((readAddress(view, contextRegister(RSP)) - DISPATCH_SIZE) / 16) * 16;
  writeMachineFrame(view, DISPATCH_MACHINE_FRAME);
  writeParameter(view, DISPATCH_POINTERS, at + DISPATCH_RECORD);
  writeParameter(view, DISPATCH_POINTERS + 8, at + DISPATCH_CONTEXT);
  try {
    memory.probeWrite(at, DISPATCH_SIZE);
    memory.writeBytes(at, frame.subarray(0, DISPATCH_SIZE));
  } catch (error) {
    if (!(error instanceof GuestFault)) throw error;
    endUnhandled(kernel, thread, frame);
    return;
  }
  const dispatcher = kernel.symbol(thread.process, 'ntdll.dll', 'KiUserExceptionDispatcher');
  if (dispatcher === 0) {
    endUnhandled(kernel, thread, frame);
    return;
  }
  processor.setAddress(RSP, at);
  processor.flags &= ~(TF | DF);
  processor.rip = dispatcher;
}

/** 48 bits of a pointer in a record. */
function readAddress(view: DataView, offset: number): number {
  return (view.getUint32(offset + 4, true) & 0xffff) * TWO_32 + view.getUint32(offset, true);
}

/** Nobody handles the exception: the process ends with its code, and what happened is kept. */
function endUnhandled(kernel: Kernel, thread: Thread, frame: Uint8Array): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const code = view.getUint32(DISPATCH_RECORD, true);
  kernel.memory.commit();
  thread.process.crash ??= describeCrash(kernel, thread, frame);
  terminateProcess(kernel, thread.process, code);
}

/** Ends the process at once, without asking any handler (__fastfail). */
export function failFast(kernel: Kernel, thread: Thread, code: number, parameters: readonly number[]): void {
  const frame = kernel.exceptionFrame;
  captureContext(kernel, frame);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  frame.fill(0, CONTEXT_SIZE);
  view.setUint32(DISPATCH_RECORD + RECORD_CODE, code, true);
  view.setUint32(DISPATCH_RECORD + RECORD_FLAGS, EXCEPTION_NONCONTINUABLE, true);
  writeParameter(view, DISPATCH_RECORD + RECORD_ADDRESS, readAddress(view, CONTEXT_RIP));
  view.setUint32(DISPATCH_RECORD + RECORD_PARAMETER_COUNT, parameters.length, true);
  parameters.forEach((value, index) => {
    writeParameter(view, DISPATCH_RECORD + RECORD_PARAMETERS + index * 8, value);
  });
  endUnhandled(kernel, thread, frame);
}

/** Ends the process with a record and a context (null: the present one), without asking any handler. */
export function endWithRecord(
  kernel: Kernel,
  thread: Thread,
  record: Uint8Array,
  context: Uint8Array | null,
): void {
  const frame = kernel.exceptionFrame;
  captureContext(kernel, frame);
  frame.fill(0, CONTEXT_SIZE);
  if (context !== null) frame.set(context);
  frame.set(record, DISPATCH_RECORD);
  endUnhandled(kernel, thread, frame);
}

/** Nobody handled the exception whose frame lies in guest memory: the process ends. */
export function unhandledException(call: ServiceCall, frame: number): typeof PENDING {
  const { kernel } = call;
  call.memory.readInto(frame, kernel.exceptionFrame.subarray(0, DISPATCH_SIZE));
  endUnhandled(kernel, call.thread, kernel.exceptionFrame);
  return PENDING;
}

/** NtContinue(context, testAlert): with the latter, APCs that are queued run before the context goes on. */
export const ntContinue: Service = {
  enter: (call) => call.continueAt(call.address(0), (call.u32(1) & 0xff) !== 0),
};

/** NtRaiseException(record, context, firstChance): dispatches the caller's record with the caller's context. */
export const ntRaiseException: Service = {
  enter: (call) => {
    const { kernel, memory, thread } = call;
    const frame = kernel.exceptionFrame;
    frame.fill(0);
    memory.readInto(call.address(1), frame.subarray(0, CONTEXT_SIZE));
    memory.readInto(
      call.address(0),
      frame.subarray(DISPATCH_RECORD, DISPATCH_RECORD + EXCEPTION_RECORD_SIZE),
    );
    const isFirstChance = (call.u32(2) & 0xff) !== 0;
    memory.commit();
    restoreContext(kernel.processor, kernel.mm.ram.bytes, frame);
    if (isFirstChance) enterDispatcher(kernel, thread, frame);
    else endUnhandled(kernel, thread, frame);
    return PENDING;
  },
};

/** Adds a vectored handler; its handle is its place in the order of creation, a multiple of 16 as a pointer would be. */
export function addVectoredHandler(
  list: [handle: number, address: number][],
  kernel: Kernel,
  address: number,
  first: boolean,
): number {
  const handle = kernel.nextHandlerHandle;
  kernel.nextHandlerHandle += 16;
  if (first) list.unshift([handle, address]);
  else list.push([handle, address]);
  return handle;
}

/** Removes a vectored handler; false when there is none with the handle. */
export function removeVectoredHandler(list: [handle: number, address: number][], handle: number): boolean {
  const index = list.findIndex(([other]) => other === handle);
  if (index < 0) return false;
  list.splice(index, 1);
  return true;
}
