/**
 * What the loader knows about the modules of a process: plain data. The lists in guest memory (ldr-entries.ts) are written
 * from it for programs and debuggers, and never read back: the program can write there.
 */
import { foldName } from '../host/folding.js';
import { type MutantObject, makeMutant } from '../nt/dispatcher.js';
import type { LoaderState, Process } from '../nt/process.js';
import type { ExportDirectory } from '../pe/pe-exports.js';
import type { PeHeaders } from '../pe/pe-headers.js';

/** Thread-local storage of a module (its TLS directory). */
export interface ModuleTls {
  /** Index in the arrays that TEB.ThreadLocalStoragePointer names. */
  readonly index: number;
  readonly templateRva: number;
  /** Bytes. */
  readonly templateSize: number;
  readonly zeroFill: number;
}

/** A module that is mapped. Addresses are guest addresses, sizes bytes. */
export interface LoadedModule {
  readonly base: number;
  readonly headers: PeHeaders;
  /** Full path, such as C:\app\sort.exe. */
  readonly path: string;
  /** Last component of the path as it was asked for. */
  readonly name: string;
  /** It is one of the generated images of C:\Windows\System32. */
  readonly isSystem: boolean;
  /** Address of its LDR_DATA_TABLE_ENTRY. */
  entry: number;
  /** LDRP_* bits of the entry. */
  flags: number;
  /** Bases of the modules that its imports and forwarders need. */
  readonly dependencies: number[];
  /** Calls of LdrLoadDll without one of LdrUnloadDll. */
  loadCount: number;
  /** Loaded with the program: never unloaded. */
  pinned: boolean;
  /** Its entry point has been called with DLL_PROCESS_ATTACH and returned TRUE, or it has none. */
  initialized: boolean;
  /** DisableThreadLibraryCalls. */
  threadCalls: boolean;
  tls: ModuleTls | null;
  /** RVAs of the TLS callbacks. */
  tlsCallbacks: readonly number[];
  /** The export directory once it has been read; null when there is none. */
  exports: ExportDirectory | null | undefined;
}

/** One call of a module's code. */
export interface InitializerCall {
  readonly module: number;
  readonly target: number;
  readonly reason: number;
  /** lpvReserved: not 0 when the process starts or ends, rather than LoadLibrary or FreeLibrary. */
  readonly reserved: number;
  /** 'attach' entry points must answer TRUE. */
  readonly kind: 'attach' | 'notify';
}

/** A list of calls under way in one thread. */
export interface InitializerRun {
  readonly id: number;
  readonly threadId: number;
  readonly calls: InitializerCall[];
  next: number;
  /** NTSTATUS that the operation ends with. */
  status: number;
  /** Base of the module whose load the run finishes, 0 for none. */
  readonly base: number;
  /** Bases of the modules to unmap at the end. */
  unload: number[];
  /** What ends with the run, and its exit status; null when the caller goes on. */
  exit: { readonly kind: 'process' | 'thread'; readonly status: number } | null;
}

export interface LoaderData extends LoaderState {
  /** In load order, the program first. */
  readonly modules: LoadedModule[];
  /** Bases, in the order of initialization. */
  readonly initializationOrder: number[];
  readonly runs: InitializerRun[];
  /** The loader lock: held by a thread while it loads, unloads, or runs the modules' code. */
  readonly lock: MutantObject;
  nextRun: number;
  /** Guest address of PEB_LDR_DATA. */
  ldrData: number;
  /** Guest address of the process heap. */
  heap: number;
  /** Module base of each TLS index, 0 for one that is free. */
  readonly tlsOwners: number[];
  /** 'dll!function' of each stub that stands for an import nobody implements. */
  readonly missing: string[];
  /** Guest address of the current page of such stubs, and bytes used of it. */
  missingStubs: number;
  missingStubsUsed: number;
  /** The first thread has been through LdrInitializeThunk. */
  initialized: boolean;
  shuttingDown: boolean;
}

/** The loader's data of a process, made at the first use. */
export function loaderOf(process: Process): LoaderData {
  if (process.loader['modules'] === undefined) {
    const data: LoaderData = {
      modules: [],
      initializationOrder: [],
      runs: [],
      lock: { ...makeMutant(null), referenceCount: 1 },
      nextRun: 1,
      ldrData: 0,
      heap: 0,
      tlsOwners: [],
      missing: [],
      missingStubs: 0,
      missingStubsUsed: 0,
      initialized: false,
      shuttingDown: false,
    };
    process.loader = data;
  }
  return process.loader as LoaderData;
}

export function moduleAt(process: Process, base: number): LoadedModule | undefined {
  return loaderOf(process).modules.find((module) => module.base === base);
}

/** The module whose image holds an address. */
export function moduleOfAddress(process: Process, address: number): LoadedModule | undefined {
  return loaderOf(process).modules.find(
    ({ base, headers }) => address >= base && address < base + headers.sizeOfImage,
  );
}

/** By name without folder, without regard to case. */
export function moduleByName(process: Process, name: string): LoadedModule | undefined {
  const folded = foldName(name);
  return loaderOf(process).modules.find((module) => foldName(module.name) === folded);
}

/** By full path, without regard to case. */
export function moduleByPath(process: Process, path: string): LoadedModule | undefined {
  const folded = foldName(path);
  return loaderOf(process).modules.find((module) => foldName(module.path) === folded);
}

/** Why the loader gives up; not an Error, since the program is to blame. */
export class LoaderFailure {
  constructor(
    readonly status: number,
    /** One sentence for people. */
    readonly message: string,
  ) {}
}
