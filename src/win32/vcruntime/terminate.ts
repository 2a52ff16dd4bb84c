/**
 * std::terminate: the program's own function, then abort; the functions that a thread sets. Source: Microsoft, "terminate (CRT)",
 * "set_terminate (CRT)", "abort", "_set_se_translator".
 */
import { STATUS_STACK_BUFFER_OVERRUN } from '../../base/ntstatus.js';
import { failFast } from '../../nt/exception-dispatch.js';
import { PENDING, type Service, type ServiceCall, type ServiceFunction } from '../../nt/service.js';
import { cxxThread } from './cxx-state.js';

const FAST_FAIL_FATAL_APP_EXIT = 7;

/** What goes on: __std_terminate of the module that runs. */
export function terminate(call: ServiceCall): typeof PENDING {
  const module = call.name.split('!')[0]!;
  const target = call.symbol(module, '__std_terminate');
  if (target === 0) return abortNow(call);
  return call.jump(target, call.stackPointer);
}

function abortNow(call: ServiceCall): typeof PENDING {
  failFast(call.kernel, call.thread, STATUS_STACK_BUFFER_OVERRUN, [FAST_FAIL_FATAL_APP_EXIT]);
  return PENDING;
}

/** abort of the C runtime that is loaded. */
function callAbort(call: ServiceCall): typeof PENDING {
  const abort = ['ucrtbase.dll', 'msvcrt.dll']
    .map((name) => call.symbol(name, 'abort'))
    .find((at) => at !== 0);
  return abort === undefined ? abortNow(call) : call.callGuest(abort, [], 1, []);
}

const stdTerminate: Service = {
  enter: (call) => {
    const handler = cxxThread(call).terminate;
    return handler === 0 ? callAbort(call) : call.callGuest(handler, [], 0, []);
  },
  steps: [(call) => callAbort(call), (call) => abortNow(call)],
};

const setTerminate: ServiceFunction = (call) => {
  const thread = cxxThread(call);
  const before = thread.terminate;
  thread.terminate = call.address(0);
  return before;
};

/** _se_translator_function _set_se_translator(function): called for exceptions that are none of C++, to throw one that is. */
const setTranslator: ServiceFunction = (call) => {
  const thread = cxxThread(call);
  const before = thread.translator;
  thread.translator = call.address(0);
  return before;
};

export const terminateFunctions: Readonly<Record<string, Service | ServiceFunction>> = {
  __std_terminate: stdTerminate,
  set_terminate: setTerminate,
  '?set_terminate@@YAP6AXXZP6AXXZ@Z': setTerminate,
  '?terminate@@YAXXZ': stdTerminate,
  _set_se_translator: setTranslator,
  '?_set_se_translator@@YAP6AXIPEAU_EXCEPTION_POINTERS@@@ZP6AXI0@Z@Z': setTranslator,
};
