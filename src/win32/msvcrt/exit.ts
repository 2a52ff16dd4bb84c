/** The end of a process. Source: "exit, _Exit, _exit", "_cexit, _c_exit", "atexit", "_onexit", "abort", Microsoft. */
import type { Service, ServiceCall, ServiceFunction, ServiceResult, ServiceStep } from '../../nt/service.js';
import { reallocate, sizeOf } from './crt-heap.js';
import { lowWriteBytes } from './low-io.js';
import { crtState } from './state.js';
import { flushAll } from './stream.js';
import { bytesOf, readNarrow, readWide } from './text.js';

const ABORT_STATUS = 3;
const STARTUP_ERROR_STATUS = 255;
const SIGABRT = 22;
const NEVER = 1;
const DLL_PROCESS_DETACH = 0;
const ABORT_MESSAGE =
  '\nThis application has requested the Runtime to terminate it in an unusual way.\n' +
  "Please contact the application's support team for more information.\n";

/** Ends the process as ExitProcess does, so that DLLs are detached. */
export function endProcess(call: ServiceCall, status: number, step: number): ServiceResult {
  const target = call.symbol('kernel32.dll', 'ExitProcess');
  return target === 0 ? call.terminateProcess(status >>> 0) : call.callGuest(target, [status], step, []);
}

/** Calls the next registered function; when there is none left, flushes the streams and goes on with `finish`. */
function callExitFunctions(
  call: ServiceCall,
  step: number,
  finish: (call: ServiceCall) => ServiceResult,
): ServiceResult {
  const state = crtState(call);
  const { exitFunctions } = state;
  if (state.threadExitCallback !== 0) {
    call.memory.commit();
    const callback = state.threadExitCallback;
    state.threadExitCallback = 0;
    return call.callGuest(callback, [0, DLL_PROCESS_DETACH, 0], step, []);
  }
  if (exitFunctions.length > 0) {
    call.memory.commit();
    return call.callGuest(exitFunctions.pop()!, [], step, []);
  }
  flushAll(call);
  return finish(call);
}

const endWithArgument = (call: ServiceCall): ServiceResult => endProcess(call, call.i32(0), NEVER);
const stay = (): ServiceResult => undefined;
const terminateNow = (call: ServiceCall): ServiceResult => call.terminateProcess(call.u32(0));

const exit: Service = {
  enter: (call) => callExitFunctions(call, 0, endWithArgument),
  steps: [(call) => callExitFunctions(call, 0, endWithArgument), terminateNow],
};

const cleanExit: Service = {
  enter: (call) => callExitFunctions(call, 0, stay),
  steps: [(call) => callExitFunctions(call, 0, stay)],
};

const quickExit: Service = { enter: endWithArgument, steps: [terminateNow, terminateNow] };

function message(call: ServiceCall, text: string): void {
  lowWriteBytes(call, 2, bytesOf(text));
}

function abortNow(call: ServiceCall): ServiceResult {
  message(call, ABORT_MESSAGE);
  return endProcess(call, ABORT_STATUS, 1);
}

const abortSteps: readonly ServiceStep[] = [
  abortNow,
  (call: ServiceCall) => call.terminateProcess(ABORT_STATUS),
];

/** abort: SIGABRT's handler first, then the message and exit code 3; streams are not flushed. */
const abort: Service = {
  enter: (call) => {
    const handler = crtState(call).signals[SIGABRT] ?? 0;
    if (handler <= 1) return abortNow(call);
    call.memory.commit();
    delete crtState(call).signals[SIGABRT];
    return call.callGuest(handler, [SIGABRT], 0, []);
  },
  steps: abortSteps,
};

const startupError: Service = {
  enter: (call) => {
    message(call, `\nruntime error R60${String(call.u32(0) % 100).padStart(2, '0')}\n`);
    return endProcess(call, STARTUP_ERROR_STATUS, 0);
  },
  steps: [(call) => call.terminateProcess(STARTUP_ERROR_STATUS)],
};

const assertWith = (wide: boolean): Service => ({
  enter: (call) => {
    const read = wide ? readWide : readNarrow;
    const [expression, file] = [read(call.memory, call.address(0)), read(call.memory, call.address(1))];
    message(call, `Assertion failed: ${expression}, file ${file}, line ${call.u32(2)}\n`);
    return abort.enter(call);
  },
  steps: abortSteps,
});

const pureCall: Service = {
  enter: (call) => {
    message(call, '\nruntime error R6025\n- pure virtual function call\n');
    return endProcess(call, STARTUP_ERROR_STATUS, 0);
  },
  steps: [(call) => call.terminateProcess(STARTUP_ERROR_STATUS)],
};

export function register(call: ServiceCall): number {
  const target = call.address(0);
  crtState(call).exitFunctions.push(target);
  return target;
}

/** __dllonexit(function, begin, end): the table of a DLL, in a block of the runtime's heap that the DLL points to. */
function registerInTable(call: ServiceCall): number {
  const { memory } = call;
  const [target, beginAt, endAt] = [call.address(0), call.address(1), call.address(2)];
  const begin = memory.readPointer(beginAt);
  const used = memory.readPointer(endAt) - begin;
  if (begin === 0 || used < 0) return 0;
  memory.probeWrite(beginAt, 8);
  memory.probeWrite(endAt, 8);
  let table = begin;
  const size = sizeOf(call, begin);
  if (used + 8 > size) table = reallocate(call, begin, Math.max(2 * size, used + 8));
  if (table === 0) return 0;
  memory.writePointer(table + used, target);
  memory.writePointer(beginAt, table);
  memory.writePointer(endAt, table + used + 8);
  return target;
}

export const exitFunctions: Record<string, Service | ServiceFunction> = {
  exit,
  _exit: quickExit,
  _cexit: cleanExit,
  _c_exit: () => undefined,
  abort,
  _amsg_exit: startupError,
  _assert: assertWith(false),
  _wassert: assertWith(true),
  _purecall: pureCall,
  _onexit: register,
  atexit: (call) => {
    register(call);
    return 0;
  },
  __dllonexit: registerInTable,
  _set_error_mode: () => 0,
};
