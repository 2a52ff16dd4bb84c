import type { Processor } from '../machine/processor.js';
import type { UserMemory } from '../mm/user-memory.js';
import type { Kernel } from './kernel.js';
import type { Process } from './process.js';
import type { Thread, WaitReason } from './thread.js';

/** Answer of a service that has arranged itself how the thread goes on. */
export const PENDING: unique symbol = Symbol('pending');

/**
 * number: to RAX, as a 64-bit integer (negative numbers are sign-extended; 48-bit addresses and unsigned 32-bit values
 * stand as they are, so an NTSTATUS leaves EAX right). void: RAX stays as return64, returnDouble or returnFloat set it.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a service that sets its result itself just returns.
export type ServiceResult = number | void | typeof PENDING;

export type ServiceFunction = (call: ServiceCall) => ServiceResult;

/** Entered when the guest code that callGuest called has returned; `saved` comes back from the guest's stack: untrusted. */
export type ServiceStep = (call: ServiceCall, saved: readonly number[]) => ServiceResult;

export interface Service {
  readonly enter: ServiceFunction;
  readonly steps?: readonly ServiceStep[];
  /**
   * It and its steps have no effect but on guest memory and their result until they call memory.commit(): when one touches a
   * page that must be read, its writes are taken back, the thread waits, and it begins anew. What can be called from such a
   * service and changes anything else calls memory.commit() before it does, and a service sets XMM0 after its last touch.
   */
  readonly restarts?: boolean;
  /**
   * Name of an export of the same module that is the language handler of the frames of its calls of guest code: it is asked
   * when an exception or an unwinding comes through.
   */
  readonly frameHandler?: string;
}

type Functions<Names extends string> = Readonly<Record<Names, Service | ServiceFunction>>;

function marked<Names extends string>(
  functions: Functions<Names>,
  restarts: boolean,
): Record<Names, Service> {
  const services = {} as Record<Names, Service>;
  for (const name of Object.keys(functions) as Names[]) {
    const service: Service | ServiceFunction = functions[name];
    services[name] = typeof service === 'function' ? { enter: service, restarts } : { ...service, restarts };
  }
  return services;
}

/** The same functions as services that may begin anew. */
export function restartable<Names extends string>(functions: Functions<Names>): Record<Names, Service> {
  return marked(functions, true);
}

/** The same functions as services that wait on the spot for pages. */
export function waitingOnTheSpot<Names extends string>(functions: Functions<Names>): Record<Names, Service> {
  return marked(functions, false);
}

/** What a fault on a guest address does: a kernel service returns the status, a library function raises it in the guest. */
export type ServiceKind = 'kernel' | 'library';

/** One entry of the service table; its index is the number in EAX at SYSCALL. */
export interface ServiceEntry {
  readonly module: string;
  readonly name: string;
  readonly kind: ServiceKind;
  readonly enter: ServiceFunction;
  readonly steps: readonly ServiceStep[];
  readonly restarts: boolean;
  readonly frameHandler?: string | undefined;
}

/** Number of the service by which guest code returns to a step; below it are the numbers of the table. */
export const KI_SERVICE_RETURN = 0xffff;

/**
 * ntdll!KiServiceReturn (a `code` export): mov r10, rax; mov eax, KI_SERVICE_RETURN; syscall; int3.
 * The return address of every guest function that callGuest calls.
 */
export const KI_SERVICE_RETURN_CODE = Uint8Array.of(
  0x49,
  0x89,
  0xc2,
  0xb8,
  0xff,
  0xff,
  0x00,
  0x00,
  0x0f,
  0x05,
  0xcc,
);

/** EXCEPTION_NONCONTINUABLE of EXCEPTION_RECORD.ExceptionFlags. */
export const EXCEPTION_NONCONTINUABLE = 1;

/** One call of a service; a single reused object, valid only while the service function runs. */
export interface ServiceCall {
  readonly kernel: Kernel;
  readonly process: Process;
  readonly thread: Thread;
  readonly memory: UserMemory;
  readonly processor: Processor;
  /** Name of the running service, for messages. */
  readonly name: string;

  /**
   * Integer arguments by the x64 calling convention: 0..3 in RCX (R10 at SYSCALL), RDX, R8, R9, then the caller's stack.
   * They are the service's own arguments in every step too.
   */
  u32(index: number): number;
  i32(index: number): number;
  /** Low and high 32-bit words, unsigned. */
  lo(index: number): number;
  hi(index: number): number;
  /** A pointer as a 48-bit number; a non-canonical one gives a number that faults when used. */
  address(index: number): number;
  /** SIZE_T as a number: exact below 2^53. */
  size(index: number): number;
  /** HANDLE as a signed number (pseudo handles are -1, -2; values past 32 bits give a number no table holds). */
  handle(index: number): number;
  /** For formatting only. */
  i64(index: number): bigint;
  /** Floating arguments: XMM register of that index, or the stack from index 4. Only in `enter`, not in steps. */
  double(index: number): number;
  float(index: number): number;

  /** What the guest function returned (RAX), in a step. */
  readonly resultLo: number;
  readonly resultHi: number;
  /** The same as a 48-bit address. */
  readonly resultAddress: number;
  /** XMM0 in a step. */
  readonly resultDouble: number;

  return64(lo: number, hi: number): void;
  returnDouble(value: number): void;
  returnFloat(value: number): void;

  /** TEB.LastErrorValue of the thread. */
  lastError: number;
  /** Sets the last error and returns `value`, 0 when left out. */
  fail(lastError: number, value?: number): number;

  /**
   * Calls guest code: its return runs steps[step] of this service. Integer or pointer arguments (up to 16, any number of
   * which the low 64 bits count; negative ones are sign-extended). At most MAXIMUM_SAVED saved numbers, kept as doubles.
   * `gap`: bytes of guest stack to leave untouched below the caller's frame (space the service itself uses).
   */
  callGuest(
    target: number,
    args: readonly number[],
    step: number,
    saved: readonly number[],
    gap?: number,
  ): typeof PENDING;
  /**
   * Raises an exception at this call; continuing it returns from the function with RAX as it stands in the context. `cause`:
   * address of the EXCEPTION_RECORD that the new one is to name.
   */
  raise(code: number, parameters: readonly number[], flags?: number, cause?: number): typeof PENDING;
  /** The thread waits; then the service is entered again at the same place (`enter`, or the step with its saved numbers). */
  wait(reason: WaitReason): typeof PENDING;
  /** -1 when not entered after a wait; else WAIT_OBJECT_0 + index, WAIT_ABANDONED_0 + index, or WAIT_TIMEOUT (0x102). */
  readonly waitStatus: number;
  terminateProcess(exitStatus: number): typeof PENDING;
  terminateThread(exitStatus: number): typeof PENDING;
  /** The thread goes on at an address, with another stack pointer when given; the service returns nothing. */
  jump(rip: number, rsp?: number): typeof PENDING;
  /** Loads a CONTEXT record (x64 layout) from guest memory into the thread; `testAlert`: APCs that are queued run first. */
  continueAt(contextAddress: number, testAlert?: boolean): typeof PENDING;

  /** RSP as the caller has it: the address of the return address. */
  readonly stackPointer: number;
  /** The caller's return address. */
  readonly returnAddress: number;
  /** Address of a system DLL's export in this process; 0 when the module is not mapped or has no such export. */
  symbol(module: string, name: string): number;
}
