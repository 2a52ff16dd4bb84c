/** Asynchronous procedure calls (processthreadsapi.h). Sources: Microsoft, "QueueUserAPC function", "QueueUserAPC2 function". */
import { THREAD_SET_CONTEXT } from '../../nt/access.js';
import { queueUserApc, ZERO64 } from '../../nt/apc.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { failStatus, truth } from './results.js';
import { threadOf } from './thread.js';

const QUEUE_USER_APC_FLAGS_SPECIAL_USER_APC = 1;

/** BOOL QueueUserAPC(routine, thread, data): the routine gets the data as its one argument. */
function queue(call: ServiceCall, special: boolean): number {
  const thread = threadOf(call, call.handle(1), THREAD_SET_CONTEXT);
  if (typeof thread === 'number') return failStatus(call, thread);
  return truth(
    call,
    queueUserApc(call.kernel, thread, {
      routine: [call.lo(0), call.hi(0)],
      argument: [call.lo(2), call.hi(2)],
      systemArgument1: ZERO64,
      systemArgument2: ZERO64,
      special,
    }),
  );
}

/** BOOL QueueUserAPC2(routine, thread, data, flags). */
const queueWithFlags: ServiceFunction = (call) => {
  const flags = call.u32(3);
  if (flags & ~QUEUE_USER_APC_FLAGS_SPECIAL_USER_APC) return call.fail(ERROR_INVALID_PARAMETER);
  return queue(call, flags !== 0);
};

export const apcFunctions: Record<string, ServiceFunction> = {
  QueueUserAPC: (call) => queue(call, false),
  QueueUserAPC2: queueWithFlags,
};
