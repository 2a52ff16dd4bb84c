import { describe, expect, it } from 'vitest';
import { MemoryHost } from './host/memory-host.js';
import { generateSystemDlls } from './ldr/system-dlls.js';
import { verify } from './mm/verify.js';
import { Kernel } from './nt/kernel.js';
import { closeUnusedSegments } from './nt/memory-threads.js';
import type { Process } from './nt/process.js';
import { createProcess } from './nt/process-create.js';
import { terminateProcess } from './nt/process-delete.js';
import { runKernel } from './nt/run-loop.js';
import { buildPe } from './testing/pe-builder.js';
import { below, mulberry32, type Random, seedFor } from './testing/seed.js';
import { SYSTEM_MODULES } from './win32/modules.js';

const CODE = 0x140001000;
const RAX = 0;
const RDX = 2;
const RSP = 4;
const R8 = 8;
const R9 = 9;
const R10 = 10;
/** Calls of each service, and instructions that a call may run before it is left. */
const CALLS = 6;
const BUDGET = 20_000;

/** syscall; jmp $ */
const PROGRAM = buildPe({
  sections: [
    {
      name: '.text',
      characteristics: 0xe0000020,
      data: Uint8Array.of(0xeb, 0xfe, 0x0f, 0x05, 0xeb, 0xfe),
      virtualSize: 0x4000,
    },
  ],
  imageBase: 0x140000000,
  dllCharacteristics: 0,
});

function makeKernel() {
  const host = new MemoryHost({ capacity: 2 ** 20 });
  const kernel = new Kernel({
    ram: 24 * 2 ** 20,
    pageFiles: [],
    seed: 1,
    host,
    system: generateSystemDlls(SYSTEM_MODULES),
    bootSeconds: 0,
  });
  kernel.fileSystem.mount('C:\\app', host, host.addRoot({ 'x.exe': PROGRAM }), false);
  kernel.fileSystem.mount('C:\\work', host, host.addRoot({ 'a.txt': 'text' }), true);
  return kernel;
}

/** A process that has gone through its start and spins at its entry point. */
function startProcess(kernel: Kernel): Process {
  const creation = { imagePath: 'C:\\app\\x.exe', commandLine: 'x', environment: ['A=1', 'TMP=C:\\'] };
  const process = createProcess(kernel, { ...creation, currentDirectory: 'C:\\work', suspended: false });
  if (typeof process === 'number') throw new Error(`createProcess: ${process.toString(16)}`);
  runKernel(kernel, {
    instructions: kernel.processor.instructions + 200_000,
    work: Number.POSITIVE_INFINITY,
  });
  expect(process.exitStatus, process.exitMessage ?? '').toBeNull();
  return process;
}

/** An argument: small numbers, handles, good pointers to text and structures, the edges of everything, noise. */
function argument(random: Random, process: Process): [lo: number, hi: number] {
  const stack = process.threads[0]!.teb;
  const kinds: (() => number | [number, number])[] = [
    () => below(random, 16),
    () => below(random, 300) * 4,
    () => CODE + 0x1000 + below(random, 0x1000),
    () => CODE + 0x1000 + below(random, 0x100) * 8,
    () => CODE + 0x2ff8 + below(random, 16),
    () => 0x140000000 + below(random, 0x400),
    () => stack + below(random, 0x2000),
    () => process.peb + below(random, 0x1000),
    () => 0x7ffe0000 + below(random, 0x1000),
    () => 2 ** 47 - below(random, 16),
    () => below(random, 0x10000),
    () => 2 ** below(random, 48),
    () => 2 ** below(random, 48) - 1,
    () => [0xffffffff - below(random, 4), 0xffffffff],
    () => [random(), random()],
    () => [random(), 0],
    () => [0, 0xfffff680],
    () => [0, 0x80000000],
  ];
  const value = kinds[below(random, kinds.length)]!();
  return typeof value === 'number' ? [value % 2 ** 32, Math.floor(value / 2 ** 32)] : value;
}

/** Fills the program's data with text, pointers into itself, and noise. */
function fillData(kernel: Kernel, random: Random, process: Process): void {
  kernel.attachProcess(process);
  const words = [
    'a.txt',
    'C:\\work\\a.txt',
    '%s%n%*d%f',
    '*',
    'A',
    '..\\x',
    '',
    'kernel32.dll',
    '12345',
    'Global\\x',
  ];
  try {
    for (let at = 0; at < 0x1000; at += 16) {
      const address = CODE + 0x1000 + at;
      const word = words[below(random, words.length)]!.slice(0, 7);
      const kind = below(random, 5);
      if (kind === 0) kernel.memory.writeAnsi(address, `${word}\0`);
      else if (kind === 1) kernel.memory.writeUtf16(address, `${word}\0`.slice(0, 8));
      else if (kind === 2) kernel.memory.writePointer(address, CODE + 0x1000 + below(random, 0x100) * 16);
      else if (kind === 3) kernel.memory.writeU64(address, below(random, 64), 0);
      else kernel.memory.writeU64(address, random(), random());
    }
  } finally {
    kernel.detachProcess();
  }
}

/** One call of a service with random registers; the process may end, wait, or go on spinning. */
function callService(kernel: Kernel, random: Random, process: Process, service: number): void {
  const { processor } = kernel;
  const stack = process.threads[0]!;
  processor.set(RAX, service, 0);
  for (const register of [R10, RDX, R8, R9]) processor.set(register, ...argument(random, process));
  processor.setAddress(RSP, goodStack(kernel, stack.teb) - 0x1000 - below(random, 8));
  if (below(random, 16) === 0) processor.set(RSP, ...argument(random, process));
  processor.rip = CODE + 2;
  runKernel(kernel, { instructions: processor.instructions + BUDGET, work: Number.POSITIVE_INFINITY });
}

function goodStack(kernel: Kernel, teb: number): number {
  return kernel.memory.readPointer(teb + 8);
}

describe('every service, with any arguments', () => {
  it('answers, raises, waits or ends the program, and the memory manager stays whole', {
    timeout: 240_000,
  }, () => {
    const random = mulberry32(seedFor('hostile services'));
    const kernel = makeKernel();
    let process = startProcess(kernel);
    const renew = () => {
      for (const old of [...kernel.processes.values()]) terminateProcess(kernel, old, 0);
      process = startProcess(kernel);
      fillData(kernel, random, process);
    };
    renew();
    for (let service = 0; service < kernel.services.length; service++) {
      const entry = kernel.services[service]!;
      for (let call = 0; call < CALLS; call++) {
        try {
          callService(kernel, random, process, service);
        } catch (error) {
          throw new Error(`${entry.module}!${entry.name}, call ${call}`, { cause: error });
        }
        const spins = process.exitStatus === null && kernel.loadedThread === process.threads[0];
        if (!spins || call === CALLS - 1) renew();
      }
      if (service % 32 === 0) verify(kernel.mm);
    }
    for (const old of [...kernel.processes.values()]) terminateProcess(kernel, old, 0);
    verify(kernel.mm);
    closeUnusedSegments(kernel);
    expect(kernel.fileSystem.openFiles.size).toBe(0);
  });
});
