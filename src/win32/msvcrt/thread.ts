/**
 * Threads of the C runtime: CreateThread and ExitThread of kernel32, with what the runtime adds.
 * Source: "_beginthread, _beginthreadex", "_endthread, _endthreadex", Microsoft.
 */
import { closeHandle } from '../../nt/object-manager.js';
import type { Service, ServiceCall, ServiceFunction, ServiceResult } from '../../nt/service.js';
import { allocate, release } from './crt-heap.js';
import { EAGAIN, EINVAL, ENOMEM } from './errno.js';
import { failWith, runtimeOf, THREAD_HANDLE, threadData } from './state.js';

/** What _beginthread leaves for its thread, in a block of the runtime's heap. Byte offsets. */
const START_FUNCTION = 0;
const START_ARGUMENT = 8;
const START_HANDLE = 16;
const START_BYTES = 24;

const CREATE_SUSPENDED = 4;
const TWO_32 = 2 ** 32;

/** A thread's argument as callGuest takes it: exact where it is a pointer or an integer below 2^53. */
const signed64 = (lo: number, hi: number) => (hi | 0) * TWO_32 + lo;

function callKernel(
  call: ServiceCall,
  name: string,
  args: readonly number[],
  step: number,
  saved: readonly number[] = [],
): ServiceResult {
  return call.callGuest(call.symbol('kernel32.dll', name), args, step, saved);
}

function exitThread(call: ServiceCall, code: number, step: number): ServiceResult {
  return callKernel(call, 'ExitThread', [code], step);
}

const endWithArgument = (call: ServiceCall): ServiceResult => call.terminateThread(call.u32(0));
const endWithZero = (call: ServiceCall): ServiceResult => call.terminateThread(0);

/** uintptr_t _beginthreadex(security, stack size, start, argument, flags, id): a handle, or 0 with errno. */
const beginThreadEx: Service = {
  enter: (call) => {
    if (call.address(2) === 0) return failWith(call, EINVAL, 0);
    const argument = signed64(call.lo(3), call.hi(3));
    const args = [call.address(0), call.u32(1), call.address(2), argument, call.u32(4), call.address(5)];
    return callKernel(call, 'CreateThread', args, 0);
  },
  steps: [(call) => (call.resultLo === 0 ? failWith(call, EAGAIN, 0) : call.resultLo)],
};

/** void _endthreadex(code). */
const endThreadEx: Service = {
  enter: (call) => exitThread(call, call.u32(0), 0),
  steps: [endWithArgument],
};

/** uintptr_t _beginthread(start, stack size, argument): a handle that the thread closes when it ends, or -1 with errno. */
const beginThread: Service = {
  enter: (call) => {
    if (call.address(0) === 0) return failWith(call, EINVAL);
    const start = allocate(call, START_BYTES, true);
    if (start === 0) return failWith(call, ENOMEM);
    call.memory.writePointer(start + START_FUNCTION, call.address(0));
    call.memory.writeU64(start + START_ARGUMENT, call.lo(2), call.hi(2));
    const routine = call.symbol(runtimeOf(call), THREAD_START);
    return callKernel(call, 'CreateThread', [0, call.u32(1), routine, start, CREATE_SUSPENDED, 0], 0, [
      start,
    ]);
  },
  steps: [
    (call, [start]) => {
      const handle = call.resultLo;
      if (handle === 0) {
        release(call, start!);
        return failWith(call, EAGAIN);
      }
      call.memory.writeU32(start! + START_HANDLE, handle);
      return callKernel(call, 'ResumeThread', [handle], 1, [handle]);
    },
    (_call, [handle]) => handle!,
  ],
};

/** Where a thread of _beginthread begins; its argument is what _beginthread left. */
const startThread: Service = {
  enter: (call) => {
    const { memory } = call;
    const start = call.address(0);
    const target = memory.readPointer(start + START_FUNCTION);
    const at = start + START_ARGUMENT;
    const argument = signed64(memory.readU64Lo(at), memory.readU64Hi(at));
    memory.writeU32(threadData(call) + THREAD_HANDLE, memory.readU32(start + START_HANDLE));
    release(call, start);
    return call.callGuest(target, [argument], 0, []);
  },
  steps: [(call) => endThread(call, 1), endWithZero],
};

/** Closes the handle that _beginthread returned, and ends the thread with code 0. */
function endThread(call: ServiceCall, step: number): ServiceResult {
  const at = threadData(call) + THREAD_HANDLE;
  const handle = call.memory.readU32(at);
  call.memory.writeU32(at, 0);
  if (handle !== 0) closeHandle(call.kernel, call.process, handle);
  return exitThread(call, 0, step);
}

const THREAD_START = '_threadstart';

export const threadFunctions: Record<string, Service | ServiceFunction> = {
  _beginthread: beginThread,
  _beginthreadex: beginThreadEx,
  _endthread: { enter: (call) => endThread(call, 0), steps: [endWithZero] },
  _endthreadex: endThreadEx,
  [THREAD_START]: startThread,
};
