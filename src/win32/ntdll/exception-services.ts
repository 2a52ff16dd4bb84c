/** Exceptions as ntdll exports them: the dispatcher, RtlRaiseException, contexts, vectored handlers. */
import {
  CONTEXT_FLAGS,
  CONTEXT_RIP,
  CONTEXT_SIZE,
  captureContext,
  contextRegister,
} from '../../nt/context-record.js';
import {
  addVectoredHandler,
  ntContinue,
  ntRaiseException,
  raiseRecord,
  removeVectoredHandler,
} from '../../nt/exception-dispatch.js';
import { KI_SERVICE_RETURN_CODE, PENDING, type Service, type ServiceFunction } from '../../nt/service.js';
import { cSpecificHandler } from './c-specific-handler.js';
import { kiUserExceptionDispatcher, rtlpExceptionHandler } from './exception-dispatcher.js';

const RSP = 4;
/** The parts that RtlCaptureContext fills: all but the debug registers. */
const CAPTURED = 0x10000f;

/** void RtlCaptureContext(context): the caller's registers, as they are when the function returns. */
const rtlCaptureContext: ServiceFunction = (call) => {
  const record = new Uint8Array(CONTEXT_SIZE);
  captureContext(call.kernel, record);
  const view = new DataView(record.buffer);
  const setAddress = (at: number, address: number) => {
    view.setUint32(at, address % 2 ** 32, true);
    view.setUint32(at + 4, Math.floor(address / 2 ** 32), true);
  };
  view.setUint32(CONTEXT_FLAGS, CAPTURED, true);
  setAddress(CONTEXT_RIP, call.returnAddress);
  setAddress(contextRegister(RSP), call.stackPointer + 8);
  call.memory.writeBytes(call.address(0), record);
};

/** void RtlRaiseException(record): raises what the record says at this call. */
const rtlRaiseException: ServiceFunction = (call) => {
  raiseRecord(call.kernel, call.thread, call.address(0), call.processor.rip);
  return PENDING;
};

/** void RtlRaiseStatus(status): a noncontinuable exception. */
const rtlRaiseStatus: ServiceFunction = (call) => call.raise(call.u32(0), [], 1);

export const exceptionServices: Readonly<Record<string, Service | ServiceFunction>> = {
  KiUserExceptionDispatcher: kiUserExceptionDispatcher,
  RtlpExceptionHandler: rtlpExceptionHandler,
  __C_specific_handler: cSpecificHandler,
  NtContinue: ntContinue,
  ZwContinue: ntContinue,
  NtRaiseException: ntRaiseException,
  ZwRaiseException: ntRaiseException,
  RtlCaptureContext: rtlCaptureContext,
  RtlRaiseException: rtlRaiseException,
  RtlRaiseStatus: rtlRaiseStatus,
  RtlAddVectoredExceptionHandler: (call) =>
    addVectoredHandler(call.process.vectoredHandlers, call.kernel, call.address(1), call.u32(0) !== 0),
  RtlRemoveVectoredExceptionHandler: (call) =>
    removeVectoredHandler(call.process.vectoredHandlers, call.address(0)) ? 1 : 0,
  RtlAddVectoredContinueHandler: (call) =>
    addVectoredHandler(
      call.process.vectoredContinueHandlers,
      call.kernel,
      call.address(1),
      call.u32(0) !== 0,
    ),
  RtlRemoveVectoredContinueHandler: (call) =>
    removeVectoredHandler(call.process.vectoredContinueHandlers, call.address(0)) ? 1 : 0,
};

/**
 * Real code: where guest functions return to that a service called, the same for a callback that decides where unwinding
 * goes on, and a function that only returns (ret), which gives the machine a pause in a long walk.
 */
export const exceptionCode: Readonly<Record<string, Uint8Array>> = {
  KiServiceReturn: KI_SERVICE_RETURN_CODE,
  RcFrameConsolidation: KI_SERVICE_RETURN_CODE,
  RtlpPause: Uint8Array.of(0xc3),
};
