/**
 * What a C runtime (msvcrt.dll or ucrtbase.dll, each for itself) knows of a process beside its variables in guest memory: plain data in Process.library. Per-thread
 * data (errno, strtok's place, rand's state, result buffers) is a block in the runtime's heap, as the real one has it.
 */

import type { DirectoryEntry } from '../../nt/file-information.js';
import type { ServiceCall } from '../../nt/service.js';
import { allocate, release } from './crt-heap.js';

const UNIVERSAL = 'ucrtbase.dll';
const CLASSIC = 'msvcrt.dll';

/** The runtime DLL whose function runs. */
export function runtimeOf(call: ServiceCall): string {
  return call.name.startsWith(UNIVERSAL) ? UNIVERSAL : CLASSIC;
}

/** An open low-level file (ioinfo). */
export interface LowFile {
  handle: number;
  /** FOPEN, FTEXT, … of low-io.ts. */
  flags: number;
  /** A byte that was read ahead of a CR, or -1. */
  lookahead: number;
  /** Byte offset in the file where the last read began. */
  readStart: number;
}

export function isUniversal(call: ServiceCall): boolean {
  return runtimeOf(call) === UNIVERSAL;
}

export interface CrtState {
  /** Guest address of the runtime's variables, by name. */
  readonly variables: Record<string, number>;
  /** Guest address of each thread's block, by thread id. */
  readonly threads: Record<number, number>;
  readonly files: (LowFile | null)[];
  /** Guest addresses of the streams beyond _iob. */
  readonly streams: number[];
  /** Functions of _onexit, last registered last. */
  readonly exitFunctions: number[];
  /** Functions of _crt_at_quick_exit, last registered last. */
  readonly quickExitFunctions: number[];
  /** _register_thread_local_exe_atexit_callback's function, 0 for none. */
  threadExitCallback: number;
  /** _set_invalid_parameter_handler's function, 0 for none. */
  invalidParameterHandler: number;
  /** _set_new_handler's function and _set_new_mode's value. */
  newHandler: number;
  newMode: number;
  /** __lconv_init was called. */
  unsignedCharacters: boolean;
  /** _set_abort_behavior's flags. */
  abortBehavior: number;
  /** Signal number -> handler; absent: SIG_DFL. */
  readonly signals: Record<number, number>;
  /** __setusermatherr's function, 0 for none. */
  userMathError: number;
  /** __set_app_type's value: 1 console, 2 graphical. */
  appType: number;
  /** Guest address of the CRITICAL_SECTIONs of _lock, 0 until needed. */
  locks: number;
  /** Bytes that a waiting read has already taken, by thread id. */
  readonly taken: Record<number, string>;
  /** Sequence number of temporary names. */
  temporaryNames: number;
  umask: number;
  /** Listings that _findfirst began; a handle is the index and 1. */
  readonly finds: ({ readonly entries: readonly DirectoryEntry[]; next: number } | null)[];
  /** Guest address of each block that a getter returns, by name. */
  readonly blocks: Record<string, number>;
}

function create(): CrtState {
  return {
    variables: {},
    threads: {},
    files: [],
    streams: [],
    exitFunctions: [],
    quickExitFunctions: [],
    threadExitCallback: 0,
    invalidParameterHandler: 0,
    newHandler: 0,
    newMode: 0,
    unsignedCharacters: false,
    abortBehavior: 3,
    signals: {},
    userMathError: 0,
    appType: 0,
    locks: 0,
    taken: {},
    temporaryNames: 0,
    umask: 0,
    finds: [],
    blocks: {},
  };
}

export function crtState(call: ServiceCall): CrtState {
  const { library } = call.process;
  const runtime = runtimeOf(call);
  library[runtime] ??= create();
  return library[runtime] as CrtState;
}

/** Guest address of one of the runtime's variables. */
export function variable(call: ServiceCall, name: string): number {
  const { variables } = crtState(call);
  variables[name] ??= call.symbol(runtimeOf(call), name);
  return variables[name];
}

/** A zeroed block of the runtime's heap that lives as long as the process. */
export function block(call: ServiceCall, name: string, bytes: number): number {
  const { blocks } = crtState(call);
  const known = blocks[name];
  if (known !== undefined) return known;
  const address = allocate(call, bytes, true);
  call.memory.commit();
  blocks[name] = address;
  return address;
}

/** Offsets in a thread's block. */
export const THREAD_ERRNO = 0;
export const THREAD_DOS_ERROR = 4;
export const THREAD_RANDOM = 8;
/** Handle that _beginthread returned for the thread, 0 for none. */
export const THREAD_HANDLE = 12;
export const THREAD_STRTOK = 16;
export const THREAD_WCSTOK = 24;
export const THREAD_TM = 32;
export const THREAD_MATH_EXCEPTION = 80;
export const THREAD_TIME_TEXT = 128;
export const THREAD_WIDE_TIME_TEXT = 192;
export const THREAD_ERROR_TEXT = 320;
export const THREAD_WIDE_ERROR_TEXT = 576;
export const THREAD_DIGITS = 1088;
const THREAD_BYTES = 2048;

/** Guest address of the running thread's block (_tiddata). */
export function threadData(call: ServiceCall): number {
  const { threads } = crtState(call);
  const known = threads[call.thread.id];
  if (known !== undefined) return known;
  const address = allocate(call, THREAD_BYTES, true);
  call.memory.writeU32(address + THREAD_RANDOM, 1);
  call.memory.commit();
  threads[call.thread.id] = address;
  return address;
}

/** Gives back the running thread's block. */
export function freeThreadData(call: ServiceCall): void {
  const { threads } = crtState(call);
  const address = threads[call.thread.id];
  if (address === undefined) return;
  call.memory.commit();
  delete threads[call.thread.id];
  release(call, address);
}

export function setErrno(call: ServiceCall, errno: number): void {
  call.memory.writeU32(threadData(call) + THREAD_ERRNO, errno);
}

export function getErrno(call: ServiceCall): number {
  return call.memory.readU32(threadData(call) + THREAD_ERRNO);
}

/** Sets errno and returns the value that the function fails with. */
export function failWith(call: ServiceCall, errno: number, value = -1): number {
  setErrno(call, errno);
  return value;
}
