/**
 * What the Universal C Runtime does with arguments that mean nothing: the program's handler is called; without one the
 * process ends. Source: Microsoft, "Parameter validation", "_set_invalid_parameter_handler", "_invalid_parameter functions".
 */
import { STATUS_STACK_BUFFER_OVERRUN } from '../../base/ntstatus.js';
import { failFast } from '../../nt/exception-dispatch.js';
import {
  PENDING,
  type Service,
  type ServiceCall,
  type ServiceFunction,
  type ServiceResult,
} from '../../nt/service.js';
import { crtState, setErrno } from '../msvcrt/state.js';

const FAST_FAIL_INVALID_ARG = 5;

/** Ends the process at once (__fastfail), as a check of the compiler does. */
export function endByFastFail(call: ServiceCall, reason: number): typeof PENDING {
  call.memory.commit();
  failFast(call.kernel, call.thread, STATUS_STACK_BUFFER_OVERRUN, [reason]);
  return PENDING;
}

/** Reports invalid arguments: errno, then the handler. `result` is what a `checked` service returns when the handler does. */
export function invalidParameter(call: ServiceCall, errno: number, result: number): ServiceResult {
  const { invalidParameterHandler } = crtState(call);
  if (invalidParameterHandler === 0) return endByFastFail(call, FAST_FAIL_INVALID_ARG);
  setErrno(call, errno);
  return call.callGuest(invalidParameterHandler, [0, 0, 0, 0, 0], 0, [result]);
}

/** A service whose `enter` may answer with invalidParameter. */
export function checked(enter: ServiceFunction): Service {
  return { enter, steps: [(_call, [result]) => result!] };
}

const setHandler: ServiceFunction = (call) => {
  const state = crtState(call);
  const before = state.invalidParameterHandler;
  call.memory.commit();
  state.invalidParameterHandler = call.address(0);
  return before;
};

const report: Service = {
  enter: (call) => {
    const { invalidParameterHandler } = crtState(call);
    if (invalidParameterHandler === 0) return endByFastFail(call, FAST_FAIL_INVALID_ARG);
    return call.callGuest(invalidParameterHandler, [0, 0, 0, 0, 0], 0, []);
  },
  steps: [() => undefined],
};

const reportAndEnd: Service = {
  enter: report.enter,
  steps: [(call) => endByFastFail(call, FAST_FAIL_INVALID_ARG)],
};

export const invalidParameterFunctions: Record<string, Service | ServiceFunction> = {
  _set_invalid_parameter_handler: setHandler,
  _get_invalid_parameter_handler: (call) => crtState(call).invalidParameterHandler,
  _invalid_parameter_noinfo: report,
  _invalid_parameter_noinfo_noreturn: reportAndEnd,
  _invoke_watson: (call) => endByFastFail(call, FAST_FAIL_INVALID_ARG),
};
