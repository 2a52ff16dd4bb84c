import { MEM_COMMIT, MEM_RELEASE, MEM_RESERVE, PAGE_READWRITE, SEC_COMMIT } from './base/memory-constants.js';
import { STATUS_SUCCESS } from './base/ntstatus.js';
import { bringInAddressSpace } from './mm/address-space.js';
import { GuestFault } from './mm/user-memory.js';
import {
  allocateVirtualMemory,
  emptyBasicInformation,
  freeVirtualMemory,
  type MemoryBasicInformation,
  protectVirtualMemory,
  queryVirtualMemory,
} from './mm/virtual-memory.js';
import { GENERIC_ALL } from './nt/access.js';
import { createFile } from './nt/create-file.js';
import { dosPathToNtPath } from './nt/dos-path.js';
import {
  FILE_NON_DIRECTORY_FILE,
  FILE_OPEN_IF,
  FILE_SHARE_READ,
  FILE_SHARE_WRITE,
} from './nt/file-object.js';
import type { Kernel } from './nt/kernel.js';
import { baseNamedObjectPath } from './nt/object-directory.js';
import { closeHandle } from './nt/object-manager.js';
import type { CrashReport, Process } from './nt/process.js';
import { terminateProcess } from './nt/process-delete.js';
import { createSection, mapViewOfSection, unmapViewOfSection } from './nt/section-services.js';

/** A service refused. */
export class NtStatusError extends Error {
  constructor(
    /** NTSTATUS, unsigned. */
    readonly status: number,
    what: string,
  ) {
    super(`${what}: NTSTATUS 0x${(status >>> 0).toString(16).padStart(8, '0').toUpperCase()}`);
    this.name = 'NtStatusError';
  }
}

/** Success and information pass, warnings and errors throw. */
function check(status: number, what: string): void {
  if (status >= 0x80000000) throw new NtStatusError(status, what);
}

export interface SectionOptions {
  /** Bytes; may be left out with a file. */
  readonly size?: number;
  /** Guest path of a file; the paging file backs the section when left out. */
  readonly file?: string;
  /** Name among the session's objects. */
  readonly name?: string;
  /** PAGE_*; read and write when left out. */
  readonly protection?: number;
  /** SEC_*; SEC_COMMIT when left out. */
  readonly attributes?: number;
}

/** A process as scripts see it. Addresses are 48-bit numbers, sizes bytes; what the system refuses throws NtStatusError. */
export class MachineProcess {
  constructor(
    private readonly kernel: Kernel,
    /** The executive's process object; for inspection. */
    readonly object: Process,
  ) {}

  get id(): number {
    return this.object.id;
  }

  /** Exit status as an unsigned 32-bit number, null while the process lives. */
  get exitStatus(): number | null {
    return this.object.exitStatus;
  }

  /** What an unhandled exception left behind. */
  get crash(): CrashReport | null {
    return this.object.crash;
  }

  /** Reserves and commits memory (NtAllocateVirtualMemory); returns its address. */
  allocate(size: number, options: { address?: number; type?: number; protection?: number } = {}): number {
    const request = { baseAddress: options.address ?? 0, regionSize: size };
    const type = options.type ?? MEM_RESERVE | MEM_COMMIT;
    const status = this.#attached(() =>
      allocateVirtualMemory(
        this.kernel.mm,
        this.object.space,
        request,
        type,
        options.protection ?? PAGE_READWRITE,
      ),
    );
    check(status, 'allocate');
    return request.baseAddress;
  }

  /** Frees memory (NtFreeVirtualMemory); the whole reservation when neither size nor type is given. */
  free(address: number, size = 0, type: number = MEM_RELEASE): void {
    const request = { baseAddress: address, regionSize: size };
    check(
      this.#attached(() => freeVirtualMemory(this.kernel.mm, this.object.space, request, type)),
      'free',
    );
  }

  /** Changes the protection of pages (NtProtectVirtualMemory); returns the old one of the first. */
  protect(address: number, size: number, protection: number): number {
    const out = { oldProtect: 0 };
    const request = { baseAddress: address, regionSize: size };
    check(
      this.#attached(() => protectVirtualMemory(this.kernel.mm, this.object.space, request, protection, out)),
      'protect',
    );
    return out.oldProtect;
  }

  /** Describes the pages from an address on (NtQueryVirtualMemory). */
  query(address: number): MemoryBasicInformation {
    const out = emptyBasicInformation();
    bringInAddressSpace(this.kernel.mm, this.object.space);
    check(queryVirtualMemory(this.kernel.mm, this.object.space, address, out), 'query');
    return out;
  }

  /** Makes a section (NtCreateSection); returns its handle. */
  createSection(options: SectionOptions): number {
    const out = { handle: 0, information: 0 };
    let fileHandle = 0;
    if (options.file !== undefined) {
      const request = {
        path: dosPathToNtPath(options.file, this.object.currentDirectory) ?? '',
        access: GENERIC_ALL,
        share: FILE_SHARE_READ | FILE_SHARE_WRITE,
        disposition: FILE_OPEN_IF,
        options: FILE_NON_DIRECTORY_FILE,
      };
      check(createFile(this.kernel, this.object, request, out), `open ${options.file}`);
      fileHandle = out.handle;
    }
    const path = options.name === undefined ? null : baseNamedObjectPath(options.name);
    const status = createSection(
      this.kernel,
      this.object,
      { path, access: GENERIC_ALL, openIf: true },
      {
        maximumSize: options.size ?? 0,
        protection: options.protection ?? PAGE_READWRITE,
        attributes: options.attributes ?? SEC_COMMIT,
        fileHandle,
      },
      out,
    );
    if (fileHandle !== 0) closeHandle(this.kernel, this.object, fileHandle);
    check(status, 'createSection');
    return out.handle;
  }

  /** Maps a view of a section (NtMapViewOfSection); returns its address. */
  mapView(
    section: number,
    options: { address?: number; offset?: number; size?: number; protection?: number } = {},
  ): number {
    const request = {
      baseAddress: options.address ?? 0,
      viewSize: options.size ?? 0,
      sectionOffset: options.offset ?? 0,
      allocationType: 0,
      protect: options.protection ?? PAGE_READWRITE,
    };
    check(
      this.#attached(() => mapViewOfSection(this.kernel, this.object, section, request)),
      'mapView',
    );
    return request.baseAddress;
  }

  unmapView(address: number): void {
    check(
      this.#attached(() => unmapViewOfSection(this.kernel, this.object, address)),
      'unmapView',
    );
  }

  closeHandle(handle: number): void {
    check(
      this.#attached(() => closeHandle(this.kernel, this.object, handle)),
      'closeHandle',
    );
  }

  /** Reads memory as the process itself would: every page is faulted in. */
  read(address: number, length: number): Uint8Array {
    return this.#attached(() => this.#touching(() => this.kernel.memory.readBytes(address, length)));
  }

  /** Writes memory as the process itself would. */
  write(address: number, bytes: Uint8Array): void {
    this.#attached(() => this.#touching(() => this.kernel.memory.writeBytes(address, bytes)));
  }

  /** Ends the process. */
  terminate(exitStatus: number = STATUS_SUCCESS): void {
    this.#attached(() => terminateProcess(this.kernel, this.object, exitStatus));
  }

  /** Runs in the process's address space. */
  #attached<T>(operation: () => T): T {
    if (this.object.deleted) throw new Error(`process ${this.id} has ended`);
    this.kernel.attachProcess(this.object);
    try {
      return operation();
    } finally {
      this.kernel.detachProcess();
    }
  }

  /** Turns a violation of the touched memory into an error with its status. */
  #touching<T>(operation: () => T): T {
    try {
      return operation();
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error;
      throw new NtStatusError(error.status, `memory at 0x${error.address.toString(16).toUpperCase()}`);
    }
  }
}
