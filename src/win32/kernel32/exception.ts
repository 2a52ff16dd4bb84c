/** Exceptions and debugging (errhandlingapi.h, debugapi.h). Sources: Microsoft, "RaiseException function", "RaiseFailFastException function", "SetUnhandledExceptionFilter function", "UnhandledExceptionFilter function". */
import { CONTEXT_SIZE } from '../../nt/context-record.js';
import {
  EXCEPTION_RECORD_SIZE,
  endWithRecord,
  MAXIMUM_PARAMETERS,
  RECORD_ADDRESS,
  RECORD_CODE,
  RECORD_FLAGS,
  RECORD_PARAMETER_COUNT,
  RECORD_PARAMETERS,
  raiseRecord,
} from '../../nt/exception-dispatch.js';
import { EXCEPTION_NONCONTINUABLE, PENDING, type Service, type ServiceFunction } from '../../nt/service.js';
import { bothForms, type TextForm } from './text-form.js';

/** Bit 28 of an exception code is the system's; RaiseException clears it. */
const RESERVED_BIT = 0x10000000;
const EXCEPTION_EXECUTE_HANDLER = 1;
/** Longest text of OutputDebugString that is kept, in units. */
const MAXIMUM_DEBUG_TEXT = 0x10000;
/** How many texts the machine keeps, the last ones. */
const KEPT_DEBUG_TEXTS = 1000;

/** void RaiseException(code, flags, count, parameters): the parameters stand in the record with all their 64 bits. */
const raiseException: ServiceFunction = (call) => {
  const { memory } = call;
  const record = Math.floor((call.stackPointer - EXCEPTION_RECORD_SIZE) / 16) * 16;
  const count = call.address(3) === 0 ? 0 : Math.min(call.u32(2), MAXIMUM_PARAMETERS);
  memory.fill(record, EXCEPTION_RECORD_SIZE, 0);
  memory.writeU32(record + RECORD_CODE, call.u32(0) & ~RESERVED_BIT);
  memory.writeU32(record + RECORD_FLAGS, call.u32(1) & EXCEPTION_NONCONTINUABLE);
  memory.writeU32(record + RECORD_PARAMETER_COUNT, count);
  memory.copy(record + RECORD_PARAMETERS, call.address(3), count * 8);
  raiseRecord(call.kernel, call.thread, record, call.processor.rip);
  return PENDING;
};

const FAIL_FAST_GENERATE_EXCEPTION_ADDRESS = 1;
/** What the record says when the caller gives none (STATUS_FAIL_FAST_EXCEPTION). */
const STATUS_FAIL_FAST_EXCEPTION = 0xc0000602;

/** void RaiseFailFastException(record, context, flags): ends the process with the record's code; no handler is asked. */
const raiseFailFastException: ServiceFunction = (call) => {
  const { memory } = call;
  const [at, contextAt] = [call.address(0), call.address(1)];
  const record =
    at === 0 ? new Uint8Array(EXCEPTION_RECORD_SIZE) : memory.readBytes(at, EXCEPTION_RECORD_SIZE);
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  if (at === 0) {
    view.setUint32(RECORD_CODE, STATUS_FAIL_FAST_EXCEPTION, true);
    view.setUint32(RECORD_FLAGS, EXCEPTION_NONCONTINUABLE, true);
  }
  if (at === 0 || call.u32(2) & FAIL_FAST_GENERATE_EXCEPTION_ADDRESS) {
    view.setUint32(RECORD_ADDRESS, call.returnAddress % 2 ** 32, true);
    view.setUint32(RECORD_ADDRESS + 4, Math.floor(call.returnAddress / 2 ** 32), true);
  }
  const context = contextAt === 0 ? null : memory.readBytes(contextAt, CONTEXT_SIZE);
  endWithRecord(call.kernel, call.thread, record, context);
  return PENDING;
};

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
    if (call.address(0) === 0) return;
    const text = form.read(call, call.address(0), MAXIMUM_DEBUG_TEXT);
    const { debugOutput } = call.kernel;
    if (debugOutput.length === KEPT_DEBUG_TEXTS) debugOutput.shift();
    debugOutput.push(text);
  };

const setErrorMode: ServiceFunction = (call) => {
  const before = call.process.errorMode;
  call.memory.commit();
  call.process.errorMode = call.u32(0);
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
  RaiseFailFastException: raiseFailFastException,
  SetUnhandledExceptionFilter: setUnhandledExceptionFilter,
  UnhandledExceptionFilter: unhandledExceptionFilter,
  ...bothForms('OutputDebugString', outputDebugString),
  ...bothForms('FatalAppExit', fatalAppExit),
  SetErrorMode: setErrorMode,
  GetErrorMode: (call) => call.process.errorMode,
  CheckRemoteDebuggerPresent: checkRemoteDebugger,
};

export const exceptionForwarders: Record<string, string> = {
  AddVectoredExceptionHandler: 'NTDLL.RtlAddVectoredExceptionHandler',
  RemoveVectoredExceptionHandler: 'NTDLL.RtlRemoveVectoredExceptionHandler',
  AddVectoredContinueHandler: 'NTDLL.RtlAddVectoredContinueHandler',
  RemoveVectoredContinueHandler: 'NTDLL.RtlRemoveVectoredContinueHandler',
  __C_specific_handler: 'NTDLL.__C_specific_handler',
  RtlCaptureContext: 'NTDLL.RtlCaptureContext',
  RtlRestoreContext: 'NTDLL.RtlRestoreContext',
  RtlPcToFileHeader: 'NTDLL.RtlPcToFileHeader',
  RtlUnwind: 'NTDLL.RtlUnwind',
  RtlUnwindEx: 'NTDLL.RtlUnwindEx',
  RtlCaptureStackBackTrace: 'NTDLL.RtlCaptureStackBackTrace',
  RtlVirtualUnwind: 'NTDLL.RtlVirtualUnwind',
  RtlRaiseException: 'NTDLL.RtlRaiseException',
  RtlLookupFunctionEntry: 'NTDLL.RtlLookupFunctionEntry',
  RtlAddFunctionTable: 'NTDLL.RtlAddFunctionTable',
  RtlInstallFunctionTableCallback: 'NTDLL.RtlInstallFunctionTableCallback',
  RtlDeleteFunctionTable: 'NTDLL.RtlDeleteFunctionTable',
  RtlMoveMemory: 'NTDLL.RtlMoveMemory',
  RtlFillMemory: 'NTDLL.RtlFillMemory',
  RtlZeroMemory: 'NTDLL.RtlZeroMemory',
  RtlCompareMemory: 'NTDLL.RtlCompareMemory',
};
