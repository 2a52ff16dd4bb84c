/**
 * What a program says of how its errors are reported. Sources: Microsoft, "WerSetFlags function", "WerGetFlags function",
 * "SetThreadErrorMode function".
 */
import { PROCESS_QUERY_LIMITED_INFORMATION } from '../../nt/access.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { processOf } from './process.js';
import { TRUE } from './results.js';

const S_OK = 0;
const E_INVALIDARG = 0x80070057;
const E_HANDLE = 0x80070006;
/** WER_FAULT_REPORTING_… flags that exist. */
const WER_FLAGS = 0x7f;
/** SEM_FAILCRITICALERRORS, SEM_NOGPFAULTERRORBOX, SEM_NOOPENFILEERRORBOX. */
const THREAD_ERROR_MODES = 0x8003;

interface ReportingState {
  flags: number;
  /** SetThreadErrorMode, by thread id. */
  readonly threadModes: Record<number, number>;
}

function stateOf({ library }: ServiceCall['process']): ReportingState {
  library['error reporting'] ??= { flags: 0, threadModes: {} } satisfies ReportingState;
  return library['error reporting'] as ReportingState;
}

/** HRESULT WerSetFlags(flags). */
const setFlags: ServiceFunction = (call) => {
  if (call.u32(0) & ~WER_FLAGS) return E_INVALIDARG;
  call.memory.commit();
  stateOf(call.process).flags = call.u32(0);
  return S_OK;
};

/** HRESULT WerGetFlags(process, flags). */
const getFlags: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), PROCESS_QUERY_LIMITED_INFORMATION);
  if (typeof process === 'number') return E_HANDLE;
  call.memory.writeU32(call.address(1), stateOf(process).flags);
  return S_OK;
};

/** BOOL SetThreadErrorMode(mode, mode before). */
const setThreadMode: ServiceFunction = (call) => {
  const [mode, to] = [call.u32(0), call.address(1)];
  if (mode & ~THREAD_ERROR_MODES) return call.fail(ERROR_INVALID_PARAMETER);
  const { threadModes } = stateOf(call.process);
  if (to !== 0) call.memory.writeU32(to, threadModes[call.thread.id] ?? 0);
  call.memory.commit();
  threadModes[call.thread.id] = mode;
  return TRUE;
};

export const errorReportingFunctions: Record<string, ServiceFunction> = {
  WerSetFlags: setFlags,
  WerGetFlags: getFlags,
  SetThreadErrorMode: setThreadMode,
  GetThreadErrorMode: (call) => stateOf(call.process).threadModes[call.thread.id] ?? 0,
};
