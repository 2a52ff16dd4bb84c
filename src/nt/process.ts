import type { AddressSpace } from '../mm/address-space.js';
import type { HandleTable } from './handle-table.js';
import type { Job } from './job.js';
import type { DispatcherObject } from './object.js';
import type { TimeValue } from './system-time.js';
import type { Thread } from './thread.js';
import type { Token } from './token.js';

/** What an unhandled exception left behind. */
export interface CrashReport {
  /** Exception code (NTSTATUS). */
  readonly code: number;
  readonly address: number;
  /** Exception parameters: for an access violation 0 read, 1 write, 8 execute, then the address. */
  readonly parameters: readonly number[];
  readonly threadId: number;
  /** Path of the module that holds the address, and the offset in it; null outside modules. */
  readonly module: string | null;
  readonly offset: number;
  /** RAX..R15 as low and high words, in encoding order, then RIP and RFLAGS. */
  readonly registers: readonly { readonly name: string; readonly lo: number; readonly hi: number }[];
  /** Bytes at the instruction, as many as are readable, up to 16. */
  readonly code16: readonly number[];
  /** What the accessed address was: 'free', 'reserved', 'guard page', 'read-only', … ; null when no address is involved. */
  readonly target: string | null;
  /** A message of the loader or the runtime that says why, such as 'foo.dll!bar is not implemented'. */
  readonly message: string | null;
}

/** What STARTUPINFO said that goes into the process parameters. */
export interface StartupSettings {
  /** Null: as the process parameters have it without one. */
  readonly title: string | null;
  readonly desktop: string | null;
  /** dwX to dwFillAttribute: seven numbers. */
  readonly position: readonly number[];
  /** STARTF_*. */
  readonly flags: number;
  readonly showWindow: number;
  /** lpReserved2: what the C runtime tells a child of its open files. */
  readonly runtimeData: Uint8Array;
}

/** Plain data of the user-mode loader. */
export interface LoaderState {
  [key: string]: unknown;
}

/** A process (EPROCESS): plain data. */
export interface Process extends DispatcherObject {
  readonly kind: 'process';
  readonly id: number;
  /** Id of the process that made it, 0 for none. */
  readonly parentId: number;
  /** IDLE_PRIORITY_CLASS and so on (priority.ts). */
  priorityClass: number;
  /** SetProcessPriorityBoost: its new threads are not raised. */
  boostDisabled: boolean;
  /** Guest path of the program, such as C:\app\sort.exe; empty for a bare address space. */
  readonly imagePath: string;
  readonly commandLine: string;
  /** NAME=value entries in the order of the environment block; none when the process has ended. */
  environment: readonly string[];
  /** As it began, without a trailing backslash except in a root; the current one is in the process parameters. */
  readonly currentDirectory: string;
  readonly startup: StartupSettings | null;
  readonly space: AddressSpace;
  readonly handles: HandleTable;
  /** Its innermost job, which it holds a reference to; null for none. */
  job: Job | null;
  /** It is to make no processes (PROCESS_CREATION_CHILD_PROCESS_RESTRICTED). */
  isChildless: boolean;
  /** SetErrorMode: SEM_*. */
  errorMode: number;
  /** System time; when it ended is 0 while it runs. */
  readonly createTime: TimeValue;
  readonly exitTime: TimeValue;
  /** Its primary token. */
  readonly token: Token;
  readonly threads: Thread[];
  /** Handles of standard input, output and error as it began; numbers that need not be open handles. */
  readonly standardHandles: [input: number, output: number, error: number];
  /** Guest address of the PEB, 0 for a bare address space. */
  peb: number;
  /** Guest address where the program's image is mapped, 0 for none. */
  imageBase: number;
  /** Guest address of the program's entry point. */
  entryPoint: number;
  /** Lower-case module name -> base, of the system DLLs mapped in this process. ntdll.dll is there from the start. */
  readonly systemModules: Map<string, number>;
  exitStatus: number | null;
  /** Its address space is gone. */
  deleted: boolean;
  /** Why the process could not start or was stopped, in one sentence; null for none. */
  exitMessage: string | null;
  loader: LoaderState;
  /** Guest addresses of the vectored exception handlers and continue handlers, first called first: [handle, address]. */
  readonly vectoredHandlers: [handle: number, address: number][];
  readonly vectoredContinueHandlers: [handle: number, address: number][];
  /** SetUnhandledExceptionFilter's address, 0 for none. */
  unhandledFilter: number;
  crash: CrashReport | null;
  /** Plain data of user-mode libraries, by library. */
  readonly library: Record<string, unknown>;
}
