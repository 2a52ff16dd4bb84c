/** What the C++ runtime knows of a thread's exceptions: plain data in Process.library. */
import type { ServiceCall } from '../../nt/service.js';
import type { CxxException } from './throw-info.js';

/** A catch block that runs. */
export interface ActiveCatch {
  /** Guest address of the frame of __CxxCallCatchBlock: below RSP once it is gone. */
  readonly stack: number;
  /** The frame that the try block is in, and the state that it is in meanwhile. */
  readonly frame: number;
  readonly state: number;
  /** Guest address of the exception's record, and of the context. */
  readonly record: number;
  readonly context: number;
  /** null for an exception that is none of C++. */
  readonly exception: CxxException | null;
  /** An exception has left the catch block; its frame's state still counts while the frame is being unwound. */
  left: boolean;
}

export interface CxxThread {
  /** Innermost last. */
  readonly catches: ActiveCatch[];
  /** Exceptions that are thrown and not yet caught. */
  uncaught: number;
  /** The function of set_terminate, 0 for none. */
  terminate: number;
  /** The function of _set_se_translator, 0 for none. */
  translator: number;
}

/** The running thread's exceptions. Catch blocks whose stack has gone (by longjmp, say) are forgotten. */
export function cxxThread(call: ServiceCall): CxxThread {
  const { library } = call.process;
  library['cxx'] ??= {};
  const threads = library['cxx'] as Record<number, CxxThread>;
  threads[call.thread.id] ??= { catches: [], uncaught: 0, terminate: 0, translator: 0 };
  const thread = threads[call.thread.id]!;
  while (thread.catches.length > 0 && thread.catches.at(-1)!.stack < call.stackPointer) thread.catches.pop();
  return thread;
}

/** The catch block that runs innermost. */
export function currentCatch(call: ServiceCall): ActiveCatch | undefined {
  return cxxThread(call).catches.findLast(({ left }) => !left);
}
