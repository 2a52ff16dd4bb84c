/** Processes and threads by id (PsLookupProcessByProcessId, PsLookupThreadByThreadId): one that has ended counts while a handle names it. */
import type { Kernel } from './kernel.js';
import type { Process } from './process.js';
import type { Thread } from './thread.js';

/** The system process, which no program may open. */
export const SYSTEM_PROCESS_ID = 4;

export function processOfId(kernel: Kernel, id: number): Process | undefined {
  const ended = () => kernel.exited.find((process) => process.id === id && process.handleCount > 0);
  return kernel.processes.get(id) ?? ended();
}

export function threadOfId(kernel: Kernel, id: number): Thread | undefined {
  for (const { threads } of kernel.processes.values()) {
    const thread = threads.find((other) => other.id === id);
    if (thread !== undefined)
      return thread.exitStatus === null || thread.handleCount > 0 ? thread : undefined;
  }
  return undefined;
}
