/**
 * What a process is asked about itself and others (processthreadsapi.h, winbase.h, psapi.h). Sources: Microsoft, "GetProcessTimes
 * function", "GetProcessHandleCount function", "GetProcessMitigationPolicy function", "SetProcessMitigationPolicy function",
 * "GetProcessDEPPolicy function", "GetSystemDEPPolicy function", "IsWow64Process2 function", "SetProcessShutdownParameters
 * function", "GetProcessImageFileNameW function".
 */
import { PROCESS_QUERY_INFORMATION, PROCESS_QUERY_LIMITED_INFORMATION } from '../../nt/access.js';
import { processOfId } from '../../nt/client-id.js';
import { userTime } from '../../nt/job.js';
import {
  PROCESS_DEP_POLICY,
  PROCESS_MITIGATION_OPTIONS_MASK,
  queryMitigation,
  setMitigation,
} from '../../nt/mitigation.js';
import type { Process } from '../../nt/process.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { devicePath } from '../../nt/volume-name.js';
import {
  ERROR_INSUFFICIENT_BUFFER,
  ERROR_INVALID_PARAMETER,
  ERROR_NOT_SUPPORTED,
} from '../ntdll/dos-error.js';
import { processOf } from './process.js';
import { failStatus, TRUE, truth, writeU64 } from './results.js';
import { bothForms, type TextForm, writeText } from './text-form.js';

/** Runs a function for the process of the first argument, opened for PROCESS_QUERY_LIMITED_INFORMATION. */
const limited =
  (run: (call: ServiceCall, process: Process) => number): ServiceFunction =>
  (call) => {
    const process = processOf(call, call.handle(0), PROCESS_QUERY_LIMITED_INFORMATION);
    return typeof process === 'number' ? failStatus(call, process) : run(call, process);
  };

/** BOOL GetProcessTimes(process, creation, exit, kernel, user): user time is the virtual time of instructions. */
const processTimes = limited((call, process) => {
  const { memory } = call;
  const { createTime, exitTime } = process;
  for (let index = 1; index <= 4; index++) memory.probeWrite(call.address(index), 8);
  memory.writeU64(call.address(1), createTime.lo, createTime.hi);
  memory.writeU64(call.address(2), exitTime.lo, exitTime.hi);
  memory.writeU64(call.address(3), 0, 0);
  writeU64(call, call.address(4), userTime(process));
  return TRUE;
});

/** BOOL GetProcessHandleCount(process, *count). */
const handleCount = limited((call, { handles }) => {
  call.memory.writeU32(call.address(1), handles.count);
  return TRUE;
});

const IMAGE_FILE_MACHINE_UNKNOWN = 0;
const IMAGE_FILE_MACHINE_AMD64 = 0x8664;

/** BOOL IsWow64Process2(process, *machine, *nativeMachine): the native one may be left out. */
const isWow64Process2 = limited((call) => {
  call.memory.writeU16(call.address(1), IMAGE_FILE_MACHINE_UNKNOWN);
  if (call.address(2) !== 0) call.memory.writeU16(call.address(2), IMAGE_FILE_MACHINE_AMD64);
  return TRUE;
});

/** DWORD GetProcessImageFileName(process, buffer, units): the path with its volume's device. */
const imageFileName = (form: TextForm) =>
  limited((call, { imagePath }) => {
    const path = devicePath(imagePath);
    if (path.length + 1 > call.u32(2)) return call.fail(ERROR_INSUFFICIENT_BUFFER);
    writeText(call, form, call.address(1), path);
    return path.length;
  });

/** Bytes of the structures of the policies: flags, and for DEP whether that is for good. */
const POLICY_BYTES = 4;
const DEP_POLICY_BYTES = 8;
const bytesOfPolicy = (policy: number) => (policy === PROCESS_DEP_POLICY ? DEP_POLICY_BYTES : POLICY_BYTES);

/** BOOL GetProcessMitigationPolicy(process, policy, buffer, bytes). */
const getMitigationPolicy: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), PROCESS_QUERY_INFORMATION);
  if (typeof process === 'number') return failStatus(call, process);
  const [policy, at] = [call.u32(1), call.address(2)];
  if (policy === PROCESS_MITIGATION_OPTIONS_MASK) return call.fail(ERROR_NOT_SUPPORTED);
  const flags = queryMitigation(process, policy);
  if (flags === null || call.size(3) !== bytesOfPolicy(policy)) return call.fail(ERROR_INVALID_PARAMETER);
  call.memory.probeWrite(at, bytesOfPolicy(policy));
  call.memory.writeU32(at, flags);
  if (policy === PROCESS_DEP_POLICY) call.memory.writeU32(at + 4, TRUE);
  return TRUE;
};

/** BOOL SetProcessMitigationPolicy(policy, buffer, bytes): for the caller. */
const setMitigationPolicy: ServiceFunction = (call) => {
  const policy = call.u32(0);
  if (call.size(2) !== bytesOfPolicy(policy)) return call.fail(ERROR_INVALID_PARAMETER);
  const flags = call.memory.readU32(call.address(1));
  call.memory.commit();
  return truth(call, setMitigation(call.process, policy, flags));
};

/** DEP_SYSTEM_POLICY_TYPE: on for system programs and those that ask; 64-bit processes have it always. */
const DEP_POLICY_OPT_IN = 2;

/** Level at which a process is told of a shutdown, unless it says another; it may choose 0x100 to 0x3ff. */
const SHUTDOWN_LEVEL = 0x280;
const LOWEST_SHUTDOWN_LEVEL = 0x100;
const HIGHEST_SHUTDOWN_LEVEL = 0x3ff;
const SHUTDOWN_NORETRY = 1;

interface ShutdownState {
  level: number;
  flags: number;
}

function shutdownOf({ library }: Process): ShutdownState {
  library['shutdown'] ??= { level: SHUTDOWN_LEVEL, flags: 0 } satisfies ShutdownState;
  return library['shutdown'] as ShutdownState;
}

const getShutdownParameters: ServiceFunction = (call) => {
  const { level, flags } = shutdownOf(call.process);
  call.memory.probeWrite(call.address(1), 4);
  call.memory.writeU32(call.address(0), level);
  call.memory.writeU32(call.address(1), flags);
  return TRUE;
};

const setShutdownParameters: ServiceFunction = (call) => {
  const [level, flags] = [call.u32(0), call.u32(1)];
  if (level < LOWEST_SHUTDOWN_LEVEL || level > HIGHEST_SHUTDOWN_LEVEL || flags & ~SHUTDOWN_NORETRY)
    return call.fail(ERROR_INVALID_PARAMETER);
  call.memory.commit();
  Object.assign(shutdownOf(call.process), { level, flags });
  return TRUE;
};

const SESSION_ID = 1;

/** BOOL ProcessIdToSessionId(id, *session). */
const processIdToSessionId: ServiceFunction = (call) => {
  if (processOfId(call.kernel, call.u32(0)) === undefined) return call.fail(ERROR_INVALID_PARAMETER);
  call.memory.writeU32(call.address(1), SESSION_ID);
  return TRUE;
};

/** BOOL IsProcessCritical(process, *critical): none of them brings the system down. */
const isProcessCritical = limited((call) => {
  call.memory.writeU32(call.address(1), 0);
  return TRUE;
});

export const processInformationFunctions: Record<string, Service | ServiceFunction> = {
  GetProcessTimes: processTimes,
  GetProcessHandleCount: handleCount,
  IsWow64Process2: isWow64Process2,
  IsProcessCritical: isProcessCritical,
  ...bothForms('K32GetProcessImageFileName', imageFileName),
  GetProcessMitigationPolicy: getMitigationPolicy,
  SetProcessMitigationPolicy: setMitigationPolicy,
  GetProcessDEPPolicy: (call) => call.fail(ERROR_NOT_SUPPORTED),
  SetProcessDEPPolicy: (call) => call.fail(ERROR_NOT_SUPPORTED),
  GetSystemDEPPolicy: () => DEP_POLICY_OPT_IN,
  GetProcessShutdownParameters: getShutdownParameters,
  SetProcessShutdownParameters: setShutdownParameters,
  ProcessIdToSessionId: processIdToSessionId,
};
