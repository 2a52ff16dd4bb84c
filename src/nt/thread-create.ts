import {
  MEM_COMMIT,
  MEM_RELEASE,
  MEM_RESERVE,
  PAGE_GUARD,
  PAGE_READWRITE,
} from '../base/memory-constants.js';
import { STATUS_NO_MEMORY, STATUS_SUCCESS } from '../base/ntstatus.js';
import { createKernelStack } from '../mm/kernel-stack.js';
import { GuestFault } from '../mm/user-memory.js';
import { TEB_DEALLOCATION_STACK, TEB_STACK_BASE, TEB_STACK_LIMIT } from '../mm/user-stack.js';
import { allocateVirtualMemory, freeVirtualMemory } from '../mm/virtual-memory.js';
import {
  CONTEXT_ALL,
  CONTEXT_EFLAGS,
  CONTEXT_FLAGS,
  CONTEXT_MXCSR,
  CONTEXT_RIP,
  CONTEXT_SIZE,
  contextRegister,
} from './context-record.js';
import type { Kernel } from './kernel.js';
import { createObject } from './object-manager.js';
import { makePageWait } from './page-wait.js';
import { classBasePriority } from './priority.js';
import type { Process } from './process.js';
import type { TimeValue } from './system-time.js';
import { THREAD_SUSPENDED, type Thread } from './thread.js';
import { terminateThread } from './thread-delete.js';

/* Offsets in the TEB and its size (published layout of TEB on x64). */

/** The running fiber; in a thread that is none, a version of the subsystem. */
const TEB_VERSION = 0x20;
const NO_FIBER = 0x1e00;
export const TEB_SELF = 0x30;
export const TEB_PROCESS_ID = 0x40;
export const TEB_THREAD_ID = 0x48;
export const TEB_PEB = 0x60;
const TEB_BYTES = 0x2000;

const PAGE = 4096;
const GRANULARITY = 0x10000;
const MEGABYTE = 0x10_0000;
const RCX = 1;
const RDX = 2;
const RSP = 4;
/** Least space below the stack's base at the start: the context and room for the first call. */
const FIRST_COMMIT = 4 * PAGE;
const MXCSR_DEFAULT = 0x1f80;
const FLAGS_DEFAULT = 0x202;
const FPU_CONTROL_DEFAULT = 0x27f;

export interface ThreadCreation {
  /** Guest address at which user code begins, and its argument. */
  readonly startAddress: number;
  readonly argument: number;
  /** Bytes: as the image's headers or the caller of CreateThread say. */
  readonly stackReserve: number;
  readonly stackCommit: number;
  readonly suspended: boolean;
}

/** System time. */
export function timeNow(kernel: Kernel): TimeValue {
  const time = { lo: 0, hi: 0 };
  kernel.clock.systemTime(time);
  return time;
}

/**
 * Makes a thread in the address space that is attached: kernel stack, TEB, user stack with its guard page, and a first
 * CONTEXT on it. The thread begins at ntdll!LdrInitializeThunk with RCX = that CONTEXT and RDX = ntdll's base, as on Windows;
 * the CONTEXT names ntdll!RtlUserThreadStart with RCX = startAddress and RDX = argument. A number is the NTSTATUS.
 */
export function createThread(kernel: Kernel, process: Process, creation: ThreadCreation): Thread | number {
  const { mm } = kernel;
  kernel.memory.commit();
  const teb = { baseAddress: 0, regionSize: TEB_BYTES };
  let status = allocateVirtualMemory(mm, process.space, teb, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  if (status !== STATUS_SUCCESS) return status;
  const stack = { base: 0, limit: 0, allocation: 0 };
  status = createUserStack(kernel, process, creation, stack);
  const id = kernel.takeId();
  const kernelStack = status === STATUS_SUCCESS ? createKernelStack(mm, id, process.space) : null;
  if (kernelStack === null) {
    freeVirtualMemory(mm, process.space, { baseAddress: teb.baseAddress, regionSize: 0 }, MEM_RELEASE);
    if (stack.allocation !== 0)
      freeVirtualMemory(mm, process.space, { baseAddress: stack.allocation, regionSize: 0 }, MEM_RELEASE);
    return status === STATUS_SUCCESS ? STATUS_NO_MEMORY : status;
  }
  const thread: Thread = createObject(kernel, {
    kind: 'thread',
    name: null,
    handleCount: 0,
    referenceCount: 1,
    signalState: 0,
    id,
    process,
    teb: teb.baseAddress,
    stack: { tebAddress: teb.baseAddress },
    stackAllocation: stack.allocation,
    kernelStack,
    priority: classBasePriority(process.priorityClass),
    basePriority: classBasePriority(process.priorityClass),
    pagePriority: -1,
    boostDisabled: process.boostDisabled,
    starved: false,
    readySince: 0,
    priorityLevel: 0,
    state: THREAD_SUSPENDED,
    suspendCount: creation.suspended ? 1 : 0,
    quantumLeft: 0,
    wait: null,
    pageWait: makePageWait(),
    waitStatus: -1,
    exitStatus: null,
    createTime: timeNow(kernel),
    exitTime: { lo: 0, hi: 0 },
    startAddress: [creation.startAddress % 2 ** 32, Math.floor(creation.startAddress / 2 ** 32)],
    description: '',
    hiddenFromDebugger: false,
    apcs: [],
    apcPending: false,
    alerted: false,
    alertedById: false,
    returnWork: false,
    newContext: null,
    port: null,
    packet: null,
    impersonation: null,
    pipeCall: 0,
    ownedMutants: [],
    instructions: 0,
  });
  const context = Math.floor((stack.base - CONTEXT_SIZE - 0x40) / 16) * 16;
  try {
    writeTeb(kernel, thread, stack);
    writeFirstContext(kernel, process, creation, context);
  } catch (error) {
    if (!(error instanceof GuestFault)) throw error;
    status = error.status;
  }
  kernel.initializeContext(thread, {
    rip: kernel.symbol(process, 'ntdll.dll', 'LdrInitializeThunk'),
    rsp: context - 0x28,
    rcx: context,
    rdx: process.systemModules.get('ntdll.dll') ?? 0,
  });
  process.threads.push(thread);
  kernel.threadCreated(thread);
  if (status !== STATUS_SUCCESS) {
    terminateThread(kernel, thread, status);
    return status;
  }
  kernel.scheduler.makeReady(thread);
  return thread;
}

/** Bytes of stack that the headers of the process's program ask for; nothing when it has unmapped its image. */
export function imageStackSizes(process: Process): { stackReserve: number; stackCommit: number } {
  const image = process.space.vads.find(process.imageBase / PAGE)?.controlArea?.segment.image;
  return image?.headers ?? { stackReserve: 0, stackCommit: 0 };
}

/**
 * Reserves the stack, commits its top and sets the guard page below that. A reservation that cannot hold what is to be
 * committed becomes a multiple of 1 MB that can. Source: Microsoft, "Thread Stack Size".
 */
export function createUserStack(
  kernel: Kernel,
  process: Process,
  creation: Pick<ThreadCreation, 'stackReserve' | 'stackCommit'>,
  out: { base: number; limit: number; allocation: number },
): number {
  const { mm } = kernel;
  const roundUp = (bytes: number, unit: number) => Math.ceil(bytes / unit) * unit;
  const commit = roundUp(Math.max(creation.stackCommit, FIRST_COMMIT), PAGE);
  const least = commit + PAGE;
  const reserve =
    creation.stackReserve < least ? roundUp(least, MEGABYTE) : roundUp(creation.stackReserve, GRANULARITY);
  const region = { baseAddress: 0, regionSize: reserve };
  let status = allocateVirtualMemory(mm, process.space, region, MEM_RESERVE, PAGE_READWRITE);
  if (status !== STATUS_SUCCESS) return status;
  out.allocation = region.baseAddress;
  out.base = region.baseAddress + reserve;
  out.limit = out.base - commit;
  const top = { baseAddress: out.limit, regionSize: commit };
  status = allocateVirtualMemory(mm, process.space, top, MEM_COMMIT, PAGE_READWRITE);
  if (status !== STATUS_SUCCESS) return status;
  const guard = { baseAddress: out.limit - PAGE, regionSize: PAGE };
  return allocateVirtualMemory(mm, process.space, guard, MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD);
}

function writeTeb(
  kernel: Kernel,
  thread: Thread,
  stack: { base: number; limit: number; allocation: number },
): void {
  const { memory } = kernel;
  const { teb, process } = thread;
  memory.writePointer(teb + TEB_STACK_BASE, stack.base);
  memory.writePointer(teb + TEB_STACK_LIMIT, stack.limit);
  memory.writePointer(teb + TEB_SELF, teb);
  memory.writeU32(teb + TEB_VERSION, NO_FIBER);
  memory.writeU64(teb + TEB_PROCESS_ID, process.id, 0);
  memory.writeU64(teb + TEB_THREAD_ID, thread.id, 0);
  memory.writePointer(teb + TEB_PEB, process.peb);
  memory.writePointer(teb + TEB_DEALLOCATION_STACK, stack.allocation);
}

function writeFirstContext(
  kernel: Kernel,
  process: Process,
  creation: ThreadCreation,
  address: number,
): void {
  const { memory } = kernel;
  memory.writeU32(address + CONTEXT_FLAGS, CONTEXT_ALL);
  memory.writeU32(address + CONTEXT_MXCSR, MXCSR_DEFAULT);
  memory.writeU32(address + CONTEXT_EFLAGS, FLAGS_DEFAULT);
  memory.writeU16(address + 0x100, FPU_CONTROL_DEFAULT);
  memory.writeU32(address + 0x118, MXCSR_DEFAULT);
  memory.writePointer(address + contextRegister(RCX), creation.startAddress);
  memory.writePointer(address + contextRegister(RDX), creation.argument);
  memory.writePointer(address + contextRegister(RSP), address - 0x28);
  memory.writePointer(address + CONTEXT_RIP, kernel.symbol(process, 'ntdll.dll', 'RtlUserThreadStart'));
}
