import type { Service, ServiceEntry, ServiceFunction } from './service.js';

/** A variable of a system DLL; it lies in the image's writable .data. */
export interface DataExport {
  /** Bytes. */
  readonly size: number;
  /** First bytes of the variable; the rest is zero. */
  readonly initial?: Uint8Array;
  /** Pointers in the variable: byte offset in it -> name of another export of the same module. Relocated with the image. */
  readonly pointers?: Readonly<Record<number, string>>;
  readonly writable: true;
  /** It has no entry in the export directory: only the DLL's own functions find it. */
  readonly hidden?: true;
}

/** Machine code that calls or jumps to other functions of its module. */
export interface MachineCode {
  readonly bytes: Uint8Array;
  /** Byte offset of a 32-bit distance -> name of the function that it leads to. */
  readonly targets: Readonly<Record<number, string>>;
}

/** What one generated system DLL contains. */
export interface SystemModule {
  /** Lower-case file name, such as 'kernel32.dll'. */
  readonly name: string;
  /** Exported name -> TypeScript. Names that begin with Nt or Zw in ntdll are of kernel kind, all others of library kind. */
  readonly functions: Readonly<Record<string, Service | ServiceFunction>>;
  /** Exported name -> 'NTDLL.RtlAllocateHeap'. */
  readonly forwarders?: Readonly<Record<string, string>>;
  readonly data?: Readonly<Record<string, DataExport>>;
  /** Exports that are real machine code; position independent. */
  readonly code?: Readonly<Record<string, Uint8Array | MachineCode>>;
  /** Name of a function -> position-independent code in front of its stub, which it jumps to for what it does not do itself. */
  readonly fastPaths?: Readonly<Record<string, Uint8Array>>;
  /** Exported name -> UNWIND_INFO of its code or stub; the others are leaf functions. */
  readonly unwind?: Readonly<Record<string, Uint8Array>>;
  /** Exported name -> fixed ordinal; the others are numbered in sorted order. */
  readonly ordinals?: Readonly<Record<string, number>>;
  /** Modules that must be loaded before this one. */
  readonly dependencies?: readonly string[];
  /** DllMain of the system DLL: arguments as DllMain has them (module, reason, reserved); the result counts as its BOOL. */
  readonly onAttach?: Service | ServiceFunction;
  /** FileDescription of the version resource. */
  readonly description: string;
  /** FileVersion, such as '10.0.19045.1'. */
  readonly version: string;
}

/** A generated image: a file of C:\Windows\System32. */
export interface SystemImage {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Name of an export or hidden variable -> byte offset from the image's base (RVA); forwarders are left out. */
  readonly exports: ReadonlyMap<string, number>;
}

/** What the generator makes of all modules: the images, and the service table whose index is the service number. */
export interface SystemDllSet {
  readonly images: readonly SystemImage[];
  readonly services: readonly ServiceEntry[];
}
