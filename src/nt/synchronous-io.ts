/** Ending the synchronous I/O that a thread waits for. Source: Microsoft, "CancelSynchronousIo function". */
import { STATUS_CANCELLED, STATUS_NOT_FOUND, STATUS_SUCCESS } from '../base/ntstatus.js';
import type { Kernel } from './kernel.js';
import { THREAD_WAITING, type Thread } from './thread.js';

/** The thread's service is entered again and answers STATUS_CANCELLED. STATUS_NOT_FOUND when it waits for no I/O. */
export function cancelSynchronousIo(kernel: Kernel, thread: Thread): number {
  const { wait } = thread;
  if (thread.state !== THREAD_WAITING || wait?.kind !== 'objects' || !wait.isIo) return STATUS_NOT_FOUND;
  kernel.memory.commit();
  kernel.scheduler.endWait(thread, STATUS_CANCELLED);
  return STATUS_SUCCESS;
}
