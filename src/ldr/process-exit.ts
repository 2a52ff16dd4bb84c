/**
 * How threads and processes of user mode begin their function and end: RtlUserThreadStart, RtlExitUserThread and
 * RtlExitUserProcess, which let the modules know. Source: Microsoft, "ExitProcess function", "ExitThread function".
 */
import { PENDING, type Service, type ServiceCall, type ServiceStep } from '../nt/service.js';
import { THREAD_TERMINATED } from '../nt/thread.js';
import { terminateThread } from '../nt/thread-delete.js';
import { endThreadLocals } from '../win32/ntdll/fiber-local.js';
import { guardHeap } from '../win32/ntdll/heap-services.js';
import {
  acquireLoaderLock,
  beginRun,
  continueRun,
  DLL_THREAD_DETACH,
  detachCalls,
  resumeRun,
  threadCalls,
} from './initializers.js';
import { freeThreadTls } from './ldr-tls.js';
import { guardLoader } from './load-dll.js';
import { type InitializerRun, loaderOf } from './loader-state.js';
import { LDR_DATA_SHUTDOWN_IN_PROGRESS, LDR_DATA_SHUTDOWN_THREAD_ID } from './peb-layout.js';

/** Ends the process in order: other threads first, then DLL_PROCESS_DETACH. `step` is where the calls come back. */
function beginProcessExit(call: ServiceCall, status: number, step: number): typeof PENDING {
  const { process, kernel, thread } = call;
  const loader = loaderOf(process);
  if (loader.shuttingDown || !loader.initialized) return call.terminateProcess(status);
  guardLoader(() => call.memory.probeWrite(loader.ldrData, LDR_DATA_SHUTDOWN_THREAD_ID + 8));
  call.memory.commit();
  loader.shuttingDown = true;
  for (const other of [...process.threads])
    if (other !== thread && other.state !== THREAD_TERMINATED) terminateThread(kernel, other, status);
  const waiting = acquireLoaderLock(call);
  if (waiting !== null) return waiting;
  guardLoader(() => {
    call.memory.writeU8(loader.ldrData + LDR_DATA_SHUTDOWN_IN_PROGRESS, 1);
    call.memory.writeU64(loader.ldrData + LDR_DATA_SHUTDOWN_THREAD_ID, thread.id, 0);
  });
  const run = beginRun(call, detachCalls(call, loader.modules, 1));
  run.exit = { kind: 'process', status };
  return continueExit(call, run, step);
}

/** Ends the thread in order, and the process when it is the last one. */
function beginThreadExit(call: ServiceCall, status: number, step: number): typeof PENDING {
  const { process, thread } = call;
  const others = process.threads.some((other) => other !== thread && other.state !== THREAD_TERMINATED);
  if (!others) return beginProcessExit(call, status, step);
  call.memory.commit();
  const waiting = acquireLoaderLock(call);
  if (waiting !== null) return waiting;
  const run = beginRun(call, threadCalls(call, DLL_THREAD_DETACH));
  run.exit = { kind: 'thread', status };
  return continueExit(call, run, step);
}

function continueExit(call: ServiceCall, run: InitializerRun, step: number): typeof PENDING {
  const pending = continueRun(call, run, step);
  if (pending !== null) return pending;
  const { kind, status } = run.exit ?? { kind: 'thread', status: 0 };
  if (kind === 'process') return call.terminateProcess(status);
  guardLoader(() => freeThreadTls(call, call.thread.teb));
  return call.terminateThread(status);
}

/** The step to which the calls of an exit come back. */
const exitStep =
  (step: number): ServiceStep =>
  (call, [id]) => {
    const run = resumeRun(call, id);
    return run === undefined ? call.terminateThread(0) : continueExit(call, run, step);
  };

type Begin = typeof beginThreadExit;

/** Ends a thread or process: first the callbacks of the thread's fiber-local values, which come back to step `localStep`. */
function endWithLocals(
  call: ServiceCall,
  begin: Begin,
  status: number,
  step: number,
  localStep: number,
  first = 0,
): typeof PENDING {
  const { initialized } = loaderOf(call.process);
  const pending = initialized
    ? guardHeap(call, () => endThreadLocals(call, localStep, [status], first) ?? undefined)
    : null;
  return pending === PENDING ? PENDING : begin(call, status, step);
}

const localStep =
  (begin: Begin, step: number, own: number): ServiceStep =>
  (call, [status, index]) =>
    endWithLocals(call, begin, status!, step, own, index);

/** ntdll!RtlUserThreadStart(start, argument): calls the thread's function; what it returns ends the thread. */
export const rtlUserThreadStart: Service = {
  enter: (call) => call.callGuest(call.address(0), [call.address(1)], 0, []),
  steps: [
    (call) => endWithLocals(call, beginThreadExit, call.resultLo, 1, 2),
    exitStep(1),
    localStep(beginThreadExit, 1, 2),
  ],
};

/** A service that ends the process with the status that `statusOf` reads, such as ExitProcess. */
export function exitProcessService(statusOf: (call: ServiceCall) => number): Service {
  return {
    enter: (call) => endWithLocals(call, beginProcessExit, statusOf(call), 0, 1),
    steps: [exitStep(0), localStep(beginProcessExit, 0, 1)],
  };
}

/** A service that ends the thread, such as ExitThread. */
export function exitThreadService(statusOf: (call: ServiceCall) => number): Service {
  return {
    enter: (call) => endWithLocals(call, beginThreadExit, statusOf(call), 0, 1),
    steps: [exitStep(0), localStep(beginThreadExit, 0, 1)],
  };
}
