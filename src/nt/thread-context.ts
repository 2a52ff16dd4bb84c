/**
 * The user context of a thread, read and set from outside (NtGetContextThread, NtSetContextThread), and what is done before a
 * thread goes on in user mode. Source: Microsoft, "GetThreadContext function", "SetThreadContext function".
 */
import { STATUS_NO_MEMORY, STATUS_SUCCESS, STATUS_UNSUCCESSFUL } from '../base/ntstatus.js';
import { needKernelStack } from '../mm/threads/swapper.js';
import { deliverApc } from './apc.js';
import {
  CONTEXT_SIZE,
  captureContext,
  contextFlags,
  mergeContext,
  restoreContext,
} from './context-record.js';
import type { Kernel } from './kernel.js';
import { NO_PAGE } from './page-wait.js';
import { THREAD_TERMINATED, type Thread } from './thread.js';

/** Before the running thread goes on in user mode: a context that was set takes effect, then an APC. */
export function returnToUser(kernel: Kernel, thread: Thread): void {
  const { newContext } = thread;
  if (newContext !== null) {
    thread.newContext = null;
    restoreContext(kernel.processor, kernel.mm.ram.bytes, newContext);
  }
  deliverApc(kernel, thread);
}

/** Does something while the processor holds the thread's saved context. STATUS_NO_MEMORY: its kernel stack cannot come in. */
function withContext(kernel: Kernel, thread: Thread, use: () => void): number {
  const loaded = kernel.loadedThread;
  if (thread === loaded) {
    use();
    return STATUS_SUCCESS;
  }
  if (!needKernelStack(kernel.mm, thread.kernelStack)) return STATUS_NO_MEMORY;
  const { processor } = kernel;
  if (loaded !== null) processor.saveContext(kernel.contextOffset(loaded));
  processor.loadContext(kernel.contextOffset(thread));
  use();
  processor.saveContext(kernel.contextOffset(thread));
  if (loaded !== null) processor.loadContext(kernel.contextOffset(loaded));
  return STATUS_SUCCESS;
}

/** True while a service of the thread has not finished: it waits, or will be entered again. */
function isInService(thread: Thread): boolean {
  return thread.wait !== null || thread.waitStatus >= 0 || thread.pageWait.frame !== NO_PAGE;
}

/** Fills `record` with the context of a thread. STATUS_UNSUCCESSFUL: it has ended. */
export function getThreadContext(kernel: Kernel, thread: Thread, record: Uint8Array): number {
  if (thread.state === THREAD_TERMINATED) return STATUS_UNSUCCESSFUL;
  const { newContext } = thread;
  return withContext(kernel, thread, () => {
    captureContext(kernel, record);
    if (newContext !== null) mergeContext(record, newContext, contextFlags(newContext));
  });
}

/** Sets the parts of a thread's context that the record names. */
export function setThreadContext(kernel: Kernel, thread: Thread, record: Uint8Array): number {
  if (thread.state === THREAD_TERMINATED) return STATUS_UNSUCCESSFUL;
  if (!isInService(thread))
    return withContext(kernel, thread, () => restoreContext(kernel.processor, kernel.mm.ram.bytes, record));
  const pending = new Uint8Array(CONTEXT_SIZE);
  if (thread.newContext !== null) pending.set(thread.newContext);
  mergeContext(pending, record, contextFlags(record));
  thread.newContext = pending;
  thread.returnWork = true;
  return STATUS_SUCCESS;
}
