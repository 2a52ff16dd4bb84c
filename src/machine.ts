import { STATUS_SUCCESS } from './base/ntstatus.js';
import type { Host } from './host/host.js';
import { type FolderSpec, MemoryHost } from './host/memory-host.js';
import { createExitRecords, type Report, recordExit, report } from './inspect/report.js';
import { generateSystemDlls } from './ldr/system-dlls.js';
import type { DiskModel } from './machine/disk.js';
import { MachineProcess, NtStatusError } from './machine-process.js';
import type { EventListener } from './mm/events.js';
import type { PageFileSize, ReplacementPolicy } from './mm/memory-manager.js';
import { type VerifyCounts, verify } from './mm/verify.js';
import { quoteArguments } from './nt/command-line.js';
import { DEFAULT_BOOT_SECONDS, DEFAULT_ENVIRONMENT, TEMPORARY_DIRECTORY } from './nt/environment.js';
import { Kernel } from './nt/kernel.js';
import { closeUnusedSegments } from './nt/memory-threads.js';
import { HostPageFileStore } from './nt/page-file-store.js';
import { createProcess } from './nt/process-create.js';
import { runKernel, type StopReason } from './nt/run-loop.js';
import type { SystemDllSet } from './nt/system-module.js';
import { privilegeLuid } from './nt/token.js';
import { SYSTEM_MODULES } from './win32/modules.js';

/** How a machine is made. */
export interface MachineOptions {
  /** Bytes of RAM, a multiple of 4096 up to 3 GiB; 64 MiB when left out. */
  readonly ram?: number;
  /** Paging files, in bytes; one of 64 MiB that may double when left out. */
  readonly pageFiles?: readonly PageFileSize[];
  /** Root of the host in which the paging files are made; they are in memory when left out. */
  readonly pageFileRoot?: number;
  /** Which page a working set gives up: the one not accessed for longest (aging), or the one that came first (fifo). */
  readonly policy?: ReplacementPolicy;
  /** Frame numbers that must never be used, as if that RAM were faulty; RangeError for one that is not RAM. */
  readonly badPages?: readonly number[];
  /** How fast the disk of paging files and mapped files is: solid state (`ssd`, when left out) or a turning platter (`hdd`). */
  readonly disk?: DiskModel;
  /** Seed of all that is left to chance; 1 when left out. */
  readonly seed?: number;
  /** The outside: where the roots of mounts are, and the console. In memory when left out. */
  readonly host?: Host;
  readonly profile?: 'nt10-x64';
  /** Calendar time at the start, in whole seconds since 1970-01-01 UTC. */
  readonly bootSeconds?: number;
  /** Names of privileges that the account has beside an ordinary user's, such as SeLockMemoryPrivilege; programs enable them. */
  readonly privileges?: readonly string[];
  /** Emit a 'syscall' event for each service. */
  readonly traceServices?: boolean;
  /** Instructions of a quantum. */
  readonly quantum?: number;
}

/** What a process is made of. */
export interface ProcessOptions {
  /** Guest path of the program, such as C:\app\sort.exe. */
  readonly image?: string;
  /** The whole command line; when left out, made of the image and `args`. */
  readonly commandLine?: string;
  readonly args?: readonly string[];
  /** NAME=value; a fixed environment when left out. */
  readonly environment?: readonly string[];
  /** Guest path; the image's folder when left out. */
  readonly currentDirectory?: string;
  readonly suspended?: boolean;
  /** A bare address space without a program, for scripts. */
  readonly empty?: boolean;
}

export interface RunOptions {
  /** Stop when the machine has retired this many instructions in all. */
  readonly maxInstructions?: number;
  /** Return after about this much work (instructions; faults and services count for more), to let the host breathe. */
  readonly sliceInstructions?: number;
}

/** How a run ended. `stalled`: every thread waits for something that cannot happen any more. */
export interface RunState {
  readonly state: StopReason;
  /** Instructions that the machine has retired in all. */
  readonly instructions: number;
}

const DEFAULT_RAM = 64 * 2 ** 20;
const DEFAULT_PAGE_FILE: PageFileSize = { initial: 64 * 2 ** 20, maximum: 128 * 2 ** 20 };

let generated: SystemDllSet | undefined;

/** The system DLLs: the same for every machine, made once. */
export function systemDlls(): SystemDllSet {
  generated ??= generateSystemDlls(SYSTEM_MODULES);
  return generated;
}

/** A simulated computer that runs Windows programs on the memory manager. */
export class Machine {
  /** The executive; for inspection. */
  readonly kernel: Kernel;
  readonly host: Host;
  /** Every process made, in order; those that programs made too. */
  readonly processes: MachineProcess[] = [];
  readonly #pageFileStore: HostPageFileStore | null;
  readonly #exits = createExitRecords();

  constructor(options: MachineOptions = {}) {
    this.host = options.host ?? new MemoryHost();
    const { pageFileRoot, policy, disk, badPages } = options;
    this.#pageFileStore = pageFileRoot === undefined ? null : new HostPageFileStore(this.host, pageFileRoot);
    this.kernel = new Kernel({
      ram: options.ram ?? DEFAULT_RAM,
      pageFiles: options.pageFiles ?? [DEFAULT_PAGE_FILE],
      ...(this.#pageFileStore && { pageFileStore: this.#pageFileStore }),
      ...(policy && { policy }),
      ...(badPages && { badPages }),
      ...(disk && { disk }),
      ...(options.privileges && { privileges: options.privileges.map(privilegeLuid) }),
      seed: options.seed ?? 1,
      host: this.host,
      system: systemDlls(),
      bootSeconds: options.bootSeconds ?? DEFAULT_BOOT_SECONDS,
      quantum: options.quantum,
    });
    this.kernel.processCreated.push((made) => this.processes.push(new MachineProcess(this.kernel, made)));
    this.kernel.processExiting.push((process) => recordExit(this.kernel, process, this.#exits));
    this.kernel.traceServices = options.traceServices ?? false;
    this.mount(TEMPORARY_DIRECTORY, {}, { writable: true });
  }

  /** Shows a folder to the guest: a root of the host, or contents given here. Read only unless `writable`. */
  mount(guestPath: string, folder: number | FolderSpec, options: { writable?: boolean } = {}): void {
    const { fileSystem, bootTimeMs } = this.kernel;
    if (!/^[A-Za-z]:\\/.test(guestPath)) throw new TypeError(`${guestPath} is not a full Windows path`);
    const writable = options.writable ?? false;
    if (typeof folder === 'number') {
      fileSystem.mount(guestPath, this.host, folder, writable);
      return;
    }
    const memory = new MemoryHost({ timeMs: bootTimeMs });
    fileSystem.mount(guestPath, memory, memory.addRoot(folder), writable);
  }

  /** Makes a process; throws NtStatusError when the program cannot be loaded. */
  createProcess(options: ProcessOptions): MachineProcess {
    const { image } = options;
    if (image === undefined && !options.empty)
      throw new TypeError('a process needs an image, or to be empty');
    const imagePath = options.empty ? null : image!;
    const folder = image?.slice(0, Math.max(image.lastIndexOf('\\'), 3)) ?? 'C:\\';
    const process = createProcess(this.kernel, {
      imagePath,
      commandLine: options.commandLine ?? quoteArguments([image ?? '', ...(options.args ?? [])]),
      environment: options.environment ?? DEFAULT_ENVIRONMENT,
      currentDirectory: options.currentDirectory ?? (folder.length === 2 ? `${folder}\\` : folder),
      suspended: options.suspended ?? false,
    });
    if (typeof process === 'number') throw new NtStatusError(process, `cannot run ${image}`);
    return this.processes.at(-1)!;
  }

  /** Runs until every process has ended, input is wanted, or a limit is reached. */
  run(options: RunOptions = {}): RunState {
    const state = runKernel(this.kernel, {
      instructions: options.maxInstructions ?? Number.POSITIVE_INFINITY,
      work: options.sliceInstructions ?? Number.POSITIVE_INFINITY,
    });
    return { state, instructions: this.kernel.processor.instructions };
  }

  /** Console input arrives; null is its end. */
  consoleInput(bytes: Uint8Array | null): void {
    const { console, mm } = this.kernel;
    console.feed(bytes);
    if (mm.events.active) mm.events.emit('console-input', null, 0, -1, bytes?.length ?? 0);
  }

  /** Calls a listener for each event; returns how to stop that. */
  on(listener: EventListener): () => void {
    const { events } = this.kernel.mm;
    events.attach(listener);
    return () => events.detach(listener);
  }

  /** Calls a listener before an ending process loses its memory; for looking at it a last time. */
  onProcessExit(listener: (process: MachineProcess) => void): void {
    this.kernel.processExiting.push((ending) => {
      const process = this.processes.find(({ object }) => object === ending);
      if (process) listener(process);
    });
  }

  /** The memory report. */
  report(): Report {
    return report(this.kernel, this.#exits);
  }

  /** Proves the invariants of the memory manager; throws VerifyError naming what is wrong. */
  verify(): VerifyCounts {
    return verify(this.kernel.mm);
  }

  /** Ends every process; files are written and closed. */
  close(): void {
    for (const process of [...this.processes])
      if (process.exitStatus === null) process.terminate(STATUS_SUCCESS);
    closeUnusedSegments(this.kernel);
    this.#pageFileStore?.close();
  }
}
