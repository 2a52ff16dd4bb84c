/** Signals and exceptions. Source: "signal", "raise", "_XcptFilter", "__C_specific_handler", Microsoft. */
import type { Service, ServiceCall, ServiceFunction, ServiceResult } from '../../nt/service.js';
import { EINVAL } from './errno.js';
import { block, crtState, failWith } from './state.js';

const SIGINT = 2;
const SIGILL = 4;
const SIGFPE = 8;
const SIGSEGV = 11;
const SIGTERM = 15;
const SIGBREAK = 21;
const SIGABRT = 22;
const SIGABRT_COMPAT = 6;
const SIGNALS = [SIGINT, SIGILL, SIGFPE, SIGSEGV, SIGTERM, SIGBREAK, SIGABRT];

const SIG_DFL = 0;
const SIG_IGN = 1;
const SIG_GET = 2;
const SIG_ACK = 4;
const SIG_ERR = -1;
const DEFAULT_STATUS = 3;
const FPE_EXPLICITGEN = 0x8c;

const EXCEPTION_CONTINUE_SEARCH = 0;
const EXCEPTION_CONTINUE_EXECUTION = -1;
/** EXCEPTION_DISPOSITION. */
const EXCEPTION_CONTINUE_SEARCH_DISPOSITION = 1;

/** Exception code -> its signal. */
const EXCEPTION_SIGNALS: Readonly<Record<number, number>> = {
  3221225477: SIGSEGV, // C0000005 access violation
  3221225501: SIGILL, // C000001D illegal instruction
  3221225622: SIGILL, // C0000096 privileged instruction
  3221225613: SIGFPE, // C000008D denormal operand
  3221225614: SIGFPE, // C000008E division by zero
  3221225615: SIGFPE, // C000008F inexact result
  3221225616: SIGFPE, // C0000090 invalid operation
  3221225617: SIGFPE, // C0000091 overflow
  3221225618: SIGFPE, // C0000092 stack check
  3221225619: SIGFPE, // C0000093 underflow
};

const canonical = (signal: number) => (signal === SIGABRT_COMPAT ? SIGABRT : signal);

/** signal(number, handler): the handler before, or SIG_ERR. */
function setHandler(call: ServiceCall): number {
  const signal = canonical(call.i32(0));
  const handler = call.address(1);
  const special = call.hi(1) === 0 && call.lo(1) <= SIG_ACK ? call.lo(1) : -1;
  if (!SIGNALS.includes(signal) || special > SIG_GET) return failWith(call, EINVAL, SIG_ERR);
  const { signals } = crtState(call);
  const before = signals[signal] ?? SIG_DFL;
  if (special !== SIG_GET) signals[signal] = handler;
  return before;
}

/** Calls a signal's handler, which is the default again from then on, with the arguments that it takes. */
function deliver(call: ServiceCall, signal: number, handler: number, step: number): ServiceResult {
  call.memory.commit();
  if (signal !== SIGINT && signal !== SIGTERM && signal !== SIGBREAK) delete crtState(call).signals[signal];
  else crtState(call).signals[signal] = SIG_DFL;
  const args = signal === SIGFPE ? [signal, FPE_EXPLICITGEN] : [signal];
  return call.callGuest(handler, args, step, []);
}

const raiseSignal: Service = {
  enter: (call) => {
    const signal = canonical(call.i32(0));
    if (!SIGNALS.includes(signal)) return failWith(call, EINVAL);
    const handler = crtState(call).signals[signal] ?? SIG_DFL;
    if (handler === SIG_IGN) return 0;
    if (handler !== SIG_DFL) return deliver(call, signal, handler, 0);
    const exit = call.symbol('kernel32.dll', 'ExitProcess');
    return exit === 0 ? call.terminateProcess(DEFAULT_STATUS) : call.callGuest(exit, [DEFAULT_STATUS], 0, []);
  },
  steps: [() => 0],
};

/** The start code's filter: an exception that is a signal with a handler goes to it, all others go on. */
const exceptionFilter: Service = {
  enter: (call) => {
    const signal = EXCEPTION_SIGNALS[call.u32(0)];
    const handler = signal === undefined ? SIG_DFL : (crtState(call).signals[signal] ?? SIG_DFL);
    if (signal === undefined || handler === SIG_DFL) return EXCEPTION_CONTINUE_SEARCH;
    if (handler === SIG_IGN) return EXCEPTION_CONTINUE_EXECUTION;
    call.memory.writePointer(exceptionPointersAt(call), call.address(1));
    return deliver(call, signal, handler, 0);
  },
  steps: [
    (call) => {
      call.memory.writePointer(exceptionPointersAt(call), 0);
      return EXCEPTION_CONTINUE_EXECUTION;
    },
  ],
};

const exceptionPointersAt = (call: ServiceCall) => block(call, 'exception pointers', 8);

export const signalFunctions: Record<string, Service | ServiceFunction> = {
  signal: setHandler,
  raise: raiseSignal,
  _XcptFilter: exceptionFilter,
  __C_specific_handler: () => EXCEPTION_CONTINUE_SEARCH_DISPOSITION,
  __pxcptinfoptrs: exceptionPointersAt,
  __fpecode: (call) => block(call, 'floating-point code', 4),
};
