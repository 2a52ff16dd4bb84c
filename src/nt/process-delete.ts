import { bringInAddressSpace, deleteAddressSpace } from '../mm/address-space.js';
import { unmapAllViews } from '../mm/section-view.js';
import { leaveJob } from './job.js';
import type { Kernel } from './kernel.js';
import { closeAllHandles, dereferenceObject } from './object-manager.js';
import type { Process } from './process.js';
import { THREAD_TERMINATED } from './thread.js';
import { endThread } from './thread-delete.js';
import { deleteWorkerFactories } from './worker-factory.js';

/**
 * Ends a process (NtTerminateProcess): its threads, its handles, its views and its address space; every frame goes back.
 * The object stays until the last handle to it closes, with its exit status.
 */
export function terminateProcess(kernel: Kernel, process: Process, exitStatus: number): void {
  if (process.exitStatus !== null) return;
  const { mm } = kernel;
  kernel.memory.commit();
  bringInAddressSpace(mm, process.space);
  process.exitStatus = exitStatus >>> 0;
  kernel.clock.systemTime(process.exitTime);
  for (const thread of process.threads)
    if (thread.state !== THREAD_TERMINATED) endThread(kernel, thread, exitStatus);
  for (const listener of kernel.processExiting) listener(process);
  if (mm.events.active) mm.events.emit('process-exit', process.space, 0, -1, process.exitStatus);
  closeAllHandles(kernel, process);
  deleteWorkerFactories(kernel, process);
  deleteProcessSpace(kernel, process);
  leaveJob(kernel, process);
  process.signalState = 1;
  kernel.scheduler.signal(process);
  kernel.processes.delete(process.id);
  process.environment = [];
  kernel.exited.push(process);
  dereferenceObject(kernel, process);
}

/** Unmaps all views and takes the address space apart. */
export function deleteProcessSpace(kernel: Kernel, process: Process): void {
  const { mm } = kernel;
  const { space } = process;
  unmapAllViews(mm, space);
  deleteAddressSpace(mm, space);
  process.deleted = true;
  kernel.fileSystem.releaseUnused();
}
