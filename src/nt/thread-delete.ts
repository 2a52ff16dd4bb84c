import { MEM_RELEASE } from '../base/memory-constants.js';
import { bringInAddressSpace } from '../mm/address-space.js';
import { deleteKernelStack } from '../mm/kernel-stack.js';
import { freeVirtualMemory } from '../mm/virtual-memory.js';
import { flushApcs } from './apc.js';
import { abandonMutant } from './dispatcher.js';
import { leaveThreadPort } from './io-completion.js';
import { cancelRequests } from './io-request.js';
import type { Kernel } from './kernel.js';
import { dereferenceObject } from './object-manager.js';
import { cancelPageWait } from './page-wait.js';
import { terminateProcess } from './process-delete.js';
import { THREAD_TERMINATED, type Thread } from './thread.js';
import { cancelThreadTimers } from './timer.js';
import { impersonate } from './token.js';

/** Ends a thread (NtTerminateThread); the last one ends its process with the same status. */
export function terminateThread(kernel: Kernel, thread: Thread, exitStatus: number): void {
  if (thread.state === THREAD_TERMINATED) return;
  endThread(kernel, thread, exitStatus);
  const { process } = thread;
  if (process.threads.every(({ state }) => state === THREAD_TERMINATED)) {
    terminateProcess(kernel, process, exitStatus);
    return;
  }
  bringInAddressSpace(kernel.mm, process.space);
  const request = { baseAddress: thread.teb, regionSize: 0 };
  freeVirtualMemory(kernel.mm, process.space, request, MEM_RELEASE);
  if (thread.stackAllocation !== 0) {
    const stack = { baseAddress: thread.stackAllocation, regionSize: 0 };
    freeVirtualMemory(kernel.mm, process.space, stack, MEM_RELEASE);
  }
}

/** Takes a thread from the processor and the queues, and gives its kernel stack back. */
export function endThread(kernel: Kernel, thread: Thread, exitStatus: number): void {
  const { mm, scheduler } = kernel;
  kernel.memory.commit();
  scheduler.remove(thread);
  cancelPageWait(kernel, thread);
  cancelRequests(kernel, (request) => request.thread === thread);
  flushApcs(kernel, thread);
  cancelThreadTimers(kernel, thread);
  leaveThreadPort(kernel, thread);
  kernel.forgetContext(thread);
  thread.exitStatus = exitStatus;
  kernel.clock.systemTime(thread.exitTime);
  for (const mutant of thread.ownedMutants.splice(0)) {
    abandonMutant(mutant);
    scheduler.signal(mutant);
  }
  impersonate(kernel, thread, null);
  deleteKernelStack(mm, thread.kernelStack);
  thread.signalState = 1;
  scheduler.signal(thread);
  if (mm.events.active) mm.events.emit('thread-exit', thread.process.space, 0, -1, exitStatus);
  dereferenceObject(kernel, thread);
}
