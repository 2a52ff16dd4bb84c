import type { Host } from '../host/host.js';
import { MemoryHost } from '../host/memory-host.js';
import { Clock } from '../machine/clock.js';
import {
  CONTEXT,
  CONTEXT_SIZE,
  FPU_CONTROL,
  FPU_TAG,
  GPR,
  GS_BASE,
  MXCSR,
  RFLAGS,
  RIP,
} from '../machine/cpu/layout.js';
import type { DiskModel } from '../machine/disk.js';
import { PhysicalMemory } from '../machine/physical-memory.js';
import { Processor } from '../machine/processor.js';
import { attach, detach } from '../mm/address-space.js';
import { KERNEL_STACK_RESERVED } from '../mm/kernel-stack.js';
import { MemoryManager, type PageFileSize, type ReplacementPolicy } from '../mm/memory-manager.js';
import type { PageFileStore } from '../mm/page-file.js';
import { systemWord } from '../mm/system-space.js';
import { UserMemory } from '../mm/user-memory.js';
import { Console } from './console.js';
import { FileSystem } from './file-system.js';
import type { IoRequest } from './io-request.js';
import { type Job, reportMemoryLimit } from './job.js';
import { createSystemKeyedEvent, type KeyedEventObject } from './keyed-event.js';
import {
  createMemoryConditions,
  type MemoryConditions,
  signalMemoryConditions,
} from './memory-conditions.js';
import { ObjectDirectory } from './object-directory.js';
import { pagePriorityOf } from './page-priority.js';
import type { PipeName } from './pipe.js';
import type { Process } from './process.js';
import { Scheduler } from './scheduler.js';
import type { ServiceEntry } from './service.js';
import { SystemServiceCall } from './service-call.js';
import { initializeSharedData, TICK_100NS } from './shared-data.js';
import type { SystemDllSet, SystemImage } from './system-module.js';
import { SystemClock, type TimeValue } from './system-time.js';
import { type Thread, waitsInUserMode } from './thread.js';
import { TimerQueue } from './timer.js';
import type { WorkerFactory } from './worker-factory.js';

export interface KernelOptions {
  /** Bytes of RAM, a multiple of 4096. */
  readonly ram: number;
  readonly pageFiles: readonly PageFileSize[];
  /** The bytes of the paging files; in memory when left out. */
  readonly pageFileStore?: PageFileStore;
  readonly policy?: ReplacementPolicy;
  /** Frame numbers that must never be used. */
  readonly badPages?: readonly number[];
  /** The disk of paging files and mapped files; `ssd` when left out. */
  readonly disk?: DiskModel;
  readonly seed: number;
  readonly host: Host;
  readonly system: SystemDllSet;
  /** Calendar time at the start, in whole seconds since 1970-01-01 UTC. */
  readonly bootSeconds: number;
  /** Privileges of the account beside an ordinary user's, by LUID (token.ts). */
  readonly privileges?: readonly number[];
  /** Instructions of a quantum; the scheduler's default when left out. */
  readonly quantum?: number;
}

/** Registers that a new thread begins with; addresses. */
export interface FirstRegisters {
  readonly rip: number;
  readonly rsp: number;
  readonly rcx: number;
  readonly rdx: number;
}

export const SYSTEM_DIRECTORY = 'C:\\Windows\\System32';

const MXCSR_DEFAULT = 0x1f80;
const FLAGS_DEFAULT = 0x202;
const FPU_CONTROL_DEFAULT = 0x27f;
const FPU_TAGS_EMPTY = 0xffff;
const FIRST_ID = 100;
const EXCEPTION_FRAME_BYTES = 0x5d0;
const FIRST_HANDLER_HANDLE = 0x1000;

/** System address of a thread's saved user context, at the top of its kernel stack. */
export function contextAddress({ kernelStack }: Thread): number {
  return kernelStack.base - KERNEL_STACK_RESERVED - CONTEXT_SIZE;
}

/** The root of the executive's state. */
export class Kernel {
  readonly mm: MemoryManager;
  readonly processor: Processor;
  readonly clock: SystemClock;
  /** Guest memory of the attached process, with user rights. */
  readonly memory: UserMemory;
  readonly scheduler: Scheduler;
  readonly fileSystem = new FileSystem(this);
  readonly objectDirectory = new ObjectDirectory();
  readonly console: Console;
  readonly memoryConditions: MemoryConditions;
  /** Waitable timers that are set. */
  readonly timers = new TimerQueue();
  readonly keyedEvent: KeyedEventObject;
  readonly workerFactories: WorkerFactory[] = [];
  /** Those that may need one more worker. */
  readonly workersWanted = new Set<WorkerFactory>();
  /** Jobs that limit time. */
  readonly timedJobs = new Set<Job>();
  /** I/O that waits for something, in the order in which it was asked for. */
  readonly pendingIo = new Set<IoRequest>();
  /** Named pipes by folded name. */
  readonly pipeNames = new Map<string, PipeName>();
  /** The service table: index is the service number. */
  readonly services: readonly ServiceEntry[];
  /** Access tokens made since the machine began. */
  tokensMade = 0;
  /** Privileges of the account that programs run under, beside an ordinary user's, by LUID. */
  readonly privileges: readonly number[];
  /** Lower-case name -> generated image. */
  readonly systemImages = new Map<string, SystemImage>();
  /** Processes that have not ended, by id. */
  readonly processes = new Map<number, Process>();
  /** Processes that have ended, in that order. */
  readonly exited: Process[] = [];
  /** Called for each process that was made. */
  readonly processCreated: ((process: Process) => void)[] = [];
  /** Called before an ending process loses its handles and memory; for reports. */
  readonly processExiting: ((process: Process) => void)[] = [];
  /** Emit a 'syscall' event for each service. */
  traceServices = false;
  /** What programs gave to OutputDebugString last, in order. */
  readonly debugOutput: string[] = [];
  /** Virtual time of the next clock tick, 100 ns units. */
  nextTick = TICK_100NS;
  /** Requests of paging I/O whose end the scheduler has been told. */
  completionsSeen = 0;
  /** Handle that the next vectored handler gets. */
  nextHandlerHandle = FIRST_HANDLER_HANDLE;
  /** Scratch for building exception frames and for times. */
  readonly exceptionFrame = new Uint8Array(EXCEPTION_FRAME_BYTES);
  readonly timeScratch: TimeValue = { lo: 0, hi: 0 };
  readonly call: SystemServiceCall;
  /** The thread whose context the processor holds. */
  #loaded: Thread | null = null;
  #nextId = FIRST_ID;

  constructor(options: KernelOptions) {
    const ram = new PhysicalMemory(options.ram);
    this.processor = new Processor(ram);
    this.clock = new SystemClock(new Clock(ram), options.bootSeconds);
    this.mm = new MemoryManager({
      ram,
      processor: this.processor,
      pageFileBytes: options.pageFiles,
      ...(options.pageFileStore && { pageFileStore: options.pageFileStore }),
      ...(options.policy && { policy: options.policy }),
      ...(options.badPages && { badPages: options.badPages }),
      ...(options.disk && { disk: options.disk }),
      seed: options.seed,
      clock: this.clock,
    });
    this.memory = new UserMemory(this.mm);
    this.mm.commitRefused = (space, quota) => {
      const process = this.processes.get(space.processId);
      if (process?.job) reportMemoryLimit(this, process, quota);
    };
    this.scheduler = new Scheduler(options.quantum);
    this.console = new Console(options.host);
    this.services = options.system.services;
    this.privileges = options.privileges ?? [];
    this.#mountSystemDirectory(options.system, options.bootSeconds);
    initializeSharedData(this);
    this.memoryConditions = createMemoryConditions(this);
    signalMemoryConditions(this);
    this.keyedEvent = createSystemKeyedEvent(this);
    this.call = new SystemServiceCall(this);
  }

  /** The generated images are files of a volume in memory. */
  #mountSystemDirectory(system: SystemDllSet, bootSeconds: number): void {
    const host = new MemoryHost({ timeMs: bootSeconds * 1000 });
    const files: Record<string, Uint8Array> = {};
    for (const image of system.images) {
      files[image.name] = image.bytes;
      this.systemImages.set(image.name, image);
    }
    this.fileSystem.mount(SYSTEM_DIRECTORY, host, host.addRoot(files), false);
  }

  /** The thread that runs, or whose service runs. */
  get currentThread(): Thread | null {
    return this.scheduler.current;
  }

  /** Milliseconds since 1970-01-01 UTC, now and at the machine's start. */
  get timeMs(): number {
    return this.clock.timeMs;
  }

  get bootTimeMs(): number {
    return this.clock.bootSeconds * 1000;
  }

  /** A new process or thread id. */
  takeId(): number {
    const id = this.#nextId;
    this.#nextId += 4;
    return id;
  }

  /** Address of a system DLL's export in a process; 0 when the module is not mapped there or has no such export. */
  symbol(process: Process, module: string, name: string): number {
    const base = process.systemModules.get(module);
    const rva = this.systemImages.get(module)?.exports.get(name);
    return base === undefined || rva === undefined ? 0 : base + rva;
  }

  /** Makes the processor and UserMemory use a process's address space (KeStackAttachProcess). */
  attachProcess(process: Process): void {
    if (this.mm.current !== process.space) attach(this.mm, process.space);
    this.memory.commit();
    this.mm.currentStack = null;
    this.mm.currentThreadId = 0;
    if (this.#loaded === null) this.mm.pfn.pagePriority = process.space.pagePriority;
  }

  /** Back to the running thread's process, or to none. */
  detachProcess(): void {
    const thread = this.#loaded;
    if (thread === null) {
      if (this.mm.current !== null) detach(this.mm);
      return;
    }
    this.#use(thread);
  }

  #use(thread: Thread): void {
    if (this.mm.current !== thread.process.space) attach(this.mm, thread.process.space);
    this.mm.currentStack = thread.stack;
    this.mm.currentThreadId = thread.id;
    this.mm.pfn.pagePriority = pagePriorityOf(thread);
  }

  /** Byte offset in RAM of a thread's saved user context; its kernel stack must be in memory. */
  contextOffset(thread: Thread): number {
    return systemWord(this.mm, contextAddress(thread)) * 4;
  }

  /** Writes the context with which a new thread begins. */
  initializeContext(thread: Thread, first: FirstRegisters): void {
    const offset = this.contextOffset(thread) - CONTEXT;
    const { bytes } = this.mm.ram;
    const view = new DataView(bytes.buffer, offset);
    const setAddress = (at: number, address: number) => {
      view.setUint32(at, address % 2 ** 32, true);
      view.setUint32(at + 4, Math.floor(address / 2 ** 32), true);
    };
    bytes.fill(0, offset + CONTEXT, offset + CONTEXT + CONTEXT_SIZE);
    setAddress(GPR + 1 * 8, first.rcx);
    setAddress(GPR + 2 * 8, first.rdx);
    setAddress(GPR + 4 * 8, first.rsp);
    setAddress(RIP, first.rip);
    setAddress(GS_BASE, thread.teb);
    view.setUint32(RFLAGS, FLAGS_DEFAULT, true);
    view.setUint32(MXCSR, MXCSR_DEFAULT, true);
    view.setUint32(FPU_CONTROL, FPU_CONTROL_DEFAULT, true);
    view.setUint32(FPU_TAG, FPU_TAGS_EMPTY, true);
  }

  /** Gives the processor to a thread: its address space, stack and context (KiSwapContext). */
  loadContext(thread: Thread): void {
    if (this.#loaded !== thread) {
      this.processor.loadContext(this.contextOffset(thread));
      this.#loaded = thread;
    }
    this.#use(thread);
  }

  /**
   * No thread runs any more: keeps the context of the one that had the processor, if it has not ended, in its kernel stack. One
   * that waits in user mode does so from now on for the swapper.
   */
  saveContext(): void {
    this.mm.currentThreadId = 0;
    const thread = this.#loaded;
    if (thread === null) return;
    this.processor.saveContext(this.contextOffset(thread));
    this.#loaded = null;
    if (waitsInUserMode(thread)) thread.kernelStack.waitingSince = this.clock.now100ns;
  }

  /** The thread ends: its context is of no use any more. */
  forgetContext(thread: Thread): void {
    if (this.#loaded === thread) this.#loaded = null;
  }

  /** The thread whose context the processor holds. */
  get loadedThread(): Thread | null {
    return this.#loaded;
  }

  threadCreated(thread: Thread): void {
    if (this.mm.events.active)
      this.mm.events.emit('thread-create', thread.process.space, thread.teb, -1, thread.id);
  }
}
