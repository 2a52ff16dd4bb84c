/** A kernel with the real ntdll and a small kernel32 of the test's own, for tests of the loader. */
import { MemoryHost } from '../host/memory-host.js';
import { generateSystemDlls } from '../ldr/system-dlls.js';
import { Kernel } from '../nt/kernel.js';
import type { Process } from '../nt/process.js';
import { createProcess } from '../nt/process-create.js';
import { runKernel, type StopReason } from '../nt/run-loop.js';
import type { Service, ServiceFunction } from '../nt/service.js';
import { ntdll } from '../win32/ntdll/index.js';

export interface LoaderMachine {
  readonly kernel: Kernel;
  /** What the guest gave to kernel32!Note. */
  readonly notes: number[];
  /** Starts C:\app\name; a number is the NTSTATUS that refuses it. */
  start(name: string): Process | number;
  run(instructions?: number): StopReason;
}

/** `files` are those of C:\app; the current directory is C:\work, with `work` in it. */
export function makeLoaderMachine(
  files: Readonly<Record<string, Uint8Array>>,
  functions: Readonly<Record<string, Service | ServiceFunction>> = {},
  work: Readonly<Record<string, Uint8Array>> = {},
  ram = 16 * 2 ** 20,
): LoaderMachine {
  const notes: number[] = [];
  const system = generateSystemDlls([
    ntdll,
    {
      name: 'kernel32.dll',
      description: 'test',
      version: '10.0.0.0',
      functions: {
        Note: (call) => {
          notes.push(call.u32(0));
          return 1;
        },
        ...functions,
      },
      forwarders: { ExitProcess: 'NTDLL.RtlExitUserProcess', ExitThread: 'NTDLL.RtlExitUserThread' },
    },
  ]);
  const host = new MemoryHost();
  const kernel = new Kernel({
    ram,
    pageFiles: [],
    seed: 1,
    host,
    system,
    bootSeconds: 1_767_225_600,
    quantum: 5_000,
  });
  kernel.fileSystem.mount('C:\\app', host, host.addRoot(files), false);
  kernel.fileSystem.mount('C:\\work', host, host.addRoot(work), false);
  return {
    kernel,
    notes,
    start: (name) =>
      createProcess(kernel, {
        imagePath: `C:\\app\\${name}`,
        commandLine: name,
        environment: ['PATH=C:\\app', 'TEMP=C:\\temp'],
        currentDirectory: 'C:\\work',
        suspended: false,
      }),
    run: (instructions = 1_000_000) => runKernel(kernel, { instructions, work: Number.POSITIVE_INFINITY }),
  };
}
