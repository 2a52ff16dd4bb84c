/**
 * Tables of functions for the exit, and the ways to end of the Universal C Runtime. Source: Microsoft, "exit, _Exit, _exit",
 * "quick_exit", "at_quick_exit", "_set_abort_behavior"; _onexit_table_t is that of the published <process.h>: first, last,
 * end.
 */
import type { Service, ServiceCall, ServiceFunction, ServiceResult } from '../../nt/service.js';
import { allocate, reallocate, release } from '../msvcrt/crt-heap.js';
import { EINVAL } from '../msvcrt/errno.js';
import { endProcess, register } from '../msvcrt/exit.js';
import { signalFunctions } from '../msvcrt/signal.js';
import { crtState, failWith } from '../msvcrt/state.js';
import { terminate } from '../vcruntime/terminate.js';
import { endByFastFail } from './invalid-parameter.js';

const TABLE_LAST = 8;
const TABLE_END = 16;
const FIRST_ENTRIES = 32;
const CXX_EXCEPTION = 0xe06d7363;
const EXCEPTION_CONTINUE_SEARCH = 0;
const SIGABRT = 22;
const ABORT_STATUS = 3;
const CALL_REPORTFAULT = 2;
const FAST_FAIL_FATAL_APP_EXIT = 7;

/** int _initialize_onexit_table(table): an empty table. */
const initializeTable: ServiceFunction = (call) => {
  const table = call.address(0);
  if (table === 0) return -1;
  const { memory } = call;
  if (memory.readPointer(table) !== memory.readPointer(table + TABLE_END)) return 0;
  for (let at = 0; at <= TABLE_END; at += 8) memory.writePointer(table + at, 0);
  return 0;
};

/** int _register_onexit_function(table, function): the table lies in the runtime's heap. */
const registerInTable: ServiceFunction = (call) => {
  const { memory } = call;
  const [table, target] = [call.address(0), call.address(1)];
  if (table === 0) return -1;
  memory.probeWrite(table, TABLE_END + 8);
  let first = memory.readPointer(table);
  let last = memory.readPointer(table + TABLE_LAST);
  const bytes = memory.readPointer(table + TABLE_END) - first;
  if (first === 0 || last - first >= bytes) {
    const room = first === 0 ? FIRST_ENTRIES * 8 : 2 * bytes;
    const moved = first === 0 ? allocate(call, room, false) : reallocate(call, first, room);
    if (moved === 0) return -1;
    last = moved + (first === 0 ? 0 : last - first);
    first = moved;
    memory.writePointer(table, first);
    memory.writePointer(table + TABLE_END, first + room);
  }
  memory.writePointer(last, target);
  memory.writePointer(table + TABLE_LAST, last + 8);
  return 0;
};

/** Calls the next function of a table, last registered first; when there is none left, gives the table back. */
function executeNext(call: ServiceCall): ServiceResult {
  const { memory } = call;
  const table = call.address(0);
  if (table === 0) return -1;
  for (;;) {
    const first = memory.readPointer(table);
    const last = memory.readPointer(table + TABLE_LAST);
    if (first === 0 || last <= first) break;
    memory.writePointer(table + TABLE_LAST, last - 8);
    const target = memory.readPointer(last - 8);
    if (target !== 0) return call.callGuest(target, [], 0, []);
  }
  const first = memory.readPointer(table);
  if (first !== 0) release(call, first);
  for (let at = 0; at <= TABLE_END; at += 8) memory.writePointer(table + at, 0);
  return 0;
}

const quickExitNext = (call: ServiceCall): ServiceResult => {
  const { quickExitFunctions } = crtState(call);
  call.memory.commit();
  const target = quickExitFunctions.pop();
  return target === undefined ? endProcess(call, call.i32(0), 1) : call.callGuest(target, [], 0, []);
};

const quickExit: Service = {
  enter: quickExitNext,
  steps: [quickExitNext, (call) => call.terminateProcess(call.u32(0))],
};

/** int _seh_filter_exe(code, pointers): signals for hardware exceptions; terminate for a C++ exception that nobody caught. */
const filterProgram = signalFunctions['_XcptFilter']!;

/** int _seh_filter_dll(code, pointers): only C++ exceptions are the runtime's. */
const filterDll: Service = {
  enter: (call) =>
    call.u32(0) === CXX_EXCEPTION ? (filterProgram as Service).enter(call) : EXCEPTION_CONTINUE_SEARCH,
  steps: (filterProgram as Service).steps!,
};

const setThreadExitCallback: ServiceFunction = (call) => {
  call.memory.commit();
  crtState(call).threadExitCallback = call.address(0);
};

const registerQuick: ServiceFunction = (call) => {
  call.memory.commit();
  crtState(call).quickExitFunctions.push(call.address(0));
  return 0;
};

const setNewHandler: ServiceFunction = (call) => {
  const state = crtState(call);
  const before = state.newHandler;
  call.memory.commit();
  state.newHandler = call.address(0);
  return before;
};

const setNewMode: ServiceFunction = (call) => {
  const state = crtState(call);
  const before = state.newMode;
  if (call.u32(0) > 1) return failWith(call, EINVAL);
  call.memory.commit();
  state.newMode = call.u32(0);
  return before;
};

/** int _callnewh(size): whether a handler was called that says that another try is worth it. */
const callNewHandler: Service = {
  enter: (call) => {
    const { newHandler } = crtState(call);
    return newHandler === 0 ? 0 : call.callGuest(newHandler, [call.size(0)], 0, []);
  },
  steps: [(call) => (call.resultLo === 0 ? 0 : 1)],
};

/** abort: SIGABRT's handler first; then a fast fail, or exit code 3 when the program asked for no report. */
const abort: Service = {
  enter: (call) => {
    const { signals } = crtState(call);
    const handler = signals[SIGABRT] ?? 0;
    if (handler <= 1) return abortNow(call);
    call.memory.commit();
    delete signals[SIGABRT];
    return call.callGuest(handler, [SIGABRT], 0, []);
  },
  steps: [abortNow, (call) => call.terminateProcess(ABORT_STATUS)],
};

function abortNow(call: ServiceCall): ServiceResult {
  if (crtState(call).abortBehavior & CALL_REPORTFAULT) return endByFastFail(call, FAST_FAIL_FATAL_APP_EXIT);
  return endProcess(call, ABORT_STATUS, 1);
}

/** unsigned _set_abort_behavior(flags, mask): the flags before. */
const setAbortBehavior: ServiceFunction = (call) => {
  const state = crtState(call);
  const before = state.abortBehavior;
  call.memory.commit();
  state.abortBehavior = (before & ~call.u32(1)) | (call.u32(0) & call.u32(1));
  return before;
};

export const exitFunctions: Record<string, Service | ServiceFunction> = {
  _initialize_onexit_table: initializeTable,
  _register_onexit_function: registerInTable,
  _execute_onexit_table: { enter: executeNext, steps: [executeNext] },
  _crt_atexit: (call) => {
    call.memory.commit();
    register(call);
    return 0;
  },
  _crt_at_quick_exit: registerQuick,
  abort,
  _set_abort_behavior: setAbortBehavior,
  quick_exit: quickExit,
  _Exit: {
    enter: (call) => endProcess(call, call.i32(0), 0),
    steps: [(call) => call.terminateProcess(call.u32(0))],
  },
  _register_thread_local_exe_atexit_callback: setThreadExitCallback,
  _seh_filter_exe: filterProgram,
  _seh_filter_dll: filterDll,
  terminate: (call) => terminate(call),
  _set_new_handler: setNewHandler,
  _query_new_handler: (call) => crtState(call).newHandler,
  _set_new_mode: setNewMode,
  _query_new_mode: (call) => crtState(call).newMode,
  _callnewh: callNewHandler,
};
