/** A kernel with a small ntdll and programs of hand-assembled code, for tests of the executive. */
import { MemoryHost } from '../host/memory-host.js';
import { generateSystemDlls } from '../ldr/system-dlls.js';
import type { PageFileSize } from '../mm/memory-manager.js';
import type { PageFileStore } from '../mm/page-file.js';
import { kiUserExceptionDispatcher, ntContinue, ntRaiseException } from '../nt/exception-dispatch.js';
import { Kernel } from '../nt/kernel.js';
import type { Process } from '../nt/process.js';
import { createProcess } from '../nt/process-create.js';
import { runKernel, type StopReason } from '../nt/run-loop.js';
import { KI_SERVICE_RETURN_CODE, type Service, type ServiceFunction } from '../nt/service.js';
import { buildPe } from './pe-builder.js';

export type TestFunctions = Record<string, Service | ServiceFunction>;

/** RtlUserThreadStart: calls the start address; its result is the exit status. */
const rtlUserThreadStart: Service = {
  enter: (call) => call.callGuest(call.address(0), [call.address(1)], 0, []),
  steps: [(call) => call.terminateThread(call.resultLo)],
};

export interface TestKernel {
  readonly kernel: Kernel;
  readonly host: MemoryHost;
  /** Number of a service of the test's ntdll. */
  service(name: string): number;
  /** Makes a process whose program is this code; C:\app\name holds it. */
  start(code: readonly number[], name?: string): Process;
  run(instructions?: number): StopReason;
}

export interface TestKernelOptions {
  readonly ram?: number;
  readonly quantum?: number;
  /** None when left out. */
  readonly pageFiles?: readonly PageFileSize[];
  readonly pageFileStore?: PageFileStore;
}

const CODE_AND_DATA = 0xe0000020;

export function makeTestKernel(functions: TestFunctions = {}, options: TestKernelOptions = {}): TestKernel {
  const system = generateSystemDlls([
    {
      name: 'ntdll.dll',
      description: 'test',
      version: '1.0.0.0',
      functions: {
        LdrInitializeThunk: (call) => call.continueAt(call.address(0)),
        RtlUserThreadStart: rtlUserThreadStart,
        KiUserExceptionDispatcher: kiUserExceptionDispatcher,
        NtContinue: ntContinue,
        NtRaiseException: ntRaiseException,
        ...functions,
      },
      code: { KiServiceReturn: KI_SERVICE_RETURN_CODE },
    },
  ]);
  const host = new MemoryHost();
  const kernel = new Kernel({
    ram: options.ram ?? 16 * 2 ** 20,
    pageFiles: options.pageFiles ?? [],
    ...(options.pageFileStore && { pageFileStore: options.pageFileStore }),
    seed: 1,
    host,
    system,
    bootSeconds: 1_767_225_600,
    quantum: options.quantum,
  });
  return {
    kernel,
    host,
    service: (name) => system.services.findIndex((entry) => entry.name === name),
    start(code, name = 'test.exe') {
      const image = buildPe({
        sections: [
          { name: '.text', characteristics: CODE_AND_DATA, data: Uint8Array.from(code), virtualSize: 0x2000 },
        ],
        imageBase: 0x140000000,
        dllCharacteristics: 0,
      });
      kernel.fileSystem.mount('C:\\app', host, host.addRoot({ [name]: image }), false);
      const process = createProcess(kernel, {
        imagePath: `C:\\app\\${name}`,
        commandLine: name,
        environment: [],
        currentDirectory: 'C:\\app',
        suspended: false,
      });
      if (typeof process === 'number') throw new Error(`createProcess: ${process.toString(16)}`);
      return process;
    },
    run: (instructions = 1_000_000) => runKernel(kernel, { instructions, work: Number.POSITIVE_INFINITY }),
  };
}

/** Little-endian bytes of a number. */
export function bytes32(value: number): number[] {
  return [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, (value >>> 24) & 255];
}

export function bytes64(value: number): number[] {
  return [...bytes32(value % 2 ** 32), ...bytes32(Math.floor(value / 2 ** 32))];
}

/** mov r10, rcx; mov eax, number; syscall. */
export function systemCall(number: number): number[] {
  return [0x49, 0x89, 0xca, 0xb8, ...bytes32(number), 0x0f, 0x05];
}
