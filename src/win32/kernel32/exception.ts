/** Exceptions and debugging (errhandlingapi.h, debugapi.h). Sources: Microsoft, "RaiseException function", "SetUnhandledExceptionFilter function", "UnhandledExceptionFilter function". */
import { MAXIMUM_PARAMETERS } from '../../nt/exception-dispatch.js';
import {
  EXCEPTION_NONCONTINUABLE,
  type Service,
  type ServiceCall,
  type ServiceFunction,
} from '../../nt/service.js';
import { stateOf } from './library-state.js';
import { bothForms, type TextForm } from './text-form.js';

/** Bit 28 of an exception code is the system's; RaiseException clears it. */
const RESERVED_BIT = 0x10000000;
const EXCEPTION_EXECUTE_HANDLER = 1;
/** Longest text of OutputDebugString that is kept, in units. */
const MAXIMUM_DEBUG_TEXT = 0x10000;

/** Numbers of a parameter array: pointers and small numbers exactly, other 64-bit values to 53 bits. */
function readParameters(call: ServiceCall, address: number, count: number): number[] {
  if (address === 0) return [];
  return Array.from({ length: Math.min(count, MAXIMUM_PARAMETERS) }, (_, index) => {
    const at = address + index * 8;
    return (call.memory.readU32(at + 4) | 0) * 2 ** 32 + call.memory.readU32(at);
  });
}

/** void RaiseException(code, flags, count, parameters). */
const raiseException: ServiceFunction = (call) =>
  call.raise(
    (call.u32(0) & ~RESERVED_BIT) >>> 0,
    readParameters(call, call.address(3), call.u32(2)),
    call.u32(1) & EXCEPTION_NONCONTINUABLE,
  );

/** LPTOP_LEVEL_EXCEPTION_FILTER SetUnhandledExceptionFilter(filter): returns the one before. */
const setUnhandledExceptionFilter: ServiceFunction = (call) => {
  const before = call.process.unhandledFilter;
  call.process.unhandledFilter = call.address(0);
  return before;
};

/** LONG UnhandledExceptionFilter(pointers): what the program's filter answers; without one the process is to end. */
const unhandledExceptionFilter: Service = {
  enter: (call) => {
    const { unhandledFilter } = call.process;
    if (unhandledFilter === 0) return EXCEPTION_EXECUTE_HANDLER;
    return call.callGuest(unhandledFilter, [call.address(0)], 0, []);
  },
  steps: [(call) => call.resultLo | 0],
};

/** void OutputDebugString(text). */
const outputDebugString =
  (form: TextForm): ServiceFunction =>
  (call) => {
    if (call.address(0) !== 0)
      call.kernel.debugOutput.push(form.read(call, call.address(0), MAXIMUM_DEBUG_TEXT));
  };

const setErrorMode: ServiceFunction = (call) => {
  const state = stateOf(call);
  const before = state.errorMode;
  state.errorMode = call.u32(0);
  return before;
};

/** void FatalAppExit(action, message): ends the process. */
const fatalAppExit = (): ServiceFunction => (call) => call.terminateProcess(1);

const checkRemoteDebugger: ServiceFunction = (call) => {
  call.memory.writeU32(call.address(1), 0);
  return 1;
};

export const exceptionFunctions: Record<string, Service | ServiceFunction> = {
  RaiseException: raiseException,
  SetUnhandledExceptionFilter: setUnhandledExceptionFilter,
  UnhandledExceptionFilter: unhandledExceptionFilter,
  ...bothForms('OutputDebugString', outputDebugString),
  ...bothForms('FatalAppExit', fatalAppExit),
  SetErrorMode: setErrorMode,
  GetErrorMode: (call) => stateOf(call).errorMode,
  CheckRemoteDebuggerPresent: checkRemoteDebugger,
};

export const exceptionForwarders: Record<string, string> = {
  AddVectoredExceptionHandler: 'NTDLL.RtlAddVectoredExceptionHandler',
  RemoveVectoredExceptionHandler: 'NTDLL.RtlRemoveVectoredExceptionHandler',
  AddVectoredContinueHandler: 'NTDLL.RtlAddVectoredContinueHandler',
  RemoveVectoredContinueHandler: 'NTDLL.RtlRemoveVectoredContinueHandler',
  RtlCaptureContext: 'NTDLL.RtlCaptureContext',
  RtlRestoreContext: 'NTDLL.RtlRestoreContext',
  RtlPcToFileHeader: 'NTDLL.RtlPcToFileHeader',
  RtlUnwind: 'NTDLL.RtlUnwind',
  RtlUnwindEx: 'NTDLL.RtlUnwindEx',
  RtlVirtualUnwind: 'NTDLL.RtlVirtualUnwind',
  RtlRaiseException: 'NTDLL.RtlRaiseException',
  RtlLookupFunctionEntry: 'NTDLL.RtlLookupFunctionEntry',
  RtlAddFunctionTable: 'NTDLL.RtlAddFunctionTable',
  RtlDeleteFunctionTable: 'NTDLL.RtlDeleteFunctionTable',
  RtlMoveMemory: 'NTDLL.RtlMoveMemory',
  RtlFillMemory: 'NTDLL.RtlFillMemory',
  RtlZeroMemory: 'NTDLL.RtlZeroMemory',
  RtlCompareMemory: 'NTDLL.RtlCompareMemory',
};
