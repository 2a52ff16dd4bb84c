/**
 * A machine with one process whose program is nothing but a place to stand: tests set registers and memory of the guest as
 * a hostile program might, and let it run through the real path (SYSCALL, faults, exceptions).
 */
import {
  MEM_COMMIT,
  MEM_RESERVE,
  PAGE_EXECUTE_READWRITE,
  PAGE_GUARD,
  PAGE_NOACCESS,
  PAGE_READONLY,
  PAGE_READWRITE,
} from '../base/memory-constants.js';
import type { Host } from '../host/host.js';
import { MemoryHost } from '../host/memory-host.js';
import { XMM } from '../machine/cpu/layout.js';
import { Machine } from '../machine.js';
import { type MachineProcess, NtStatusError } from '../machine-process.js';
import type { Kernel } from '../nt/kernel.js';
import { closeUnusedSegments } from '../nt/memory-threads.js';
import { terminateProcess } from '../nt/process-delete.js';
import { runKernel, type StopReason } from '../nt/run-loop.js';
import { buildModule, TEXT_RVA } from './module-builder.js';
import { below, type Random } from './seed.js';

export const IMAGE_BASE = 0x140000000;
/** The program's code: a page that may be read, written and executed. */
export const CODE = IMAGE_BASE + TEXT_RVA;
/** jmp $ at the entry; syscall and jmp $ behind it. */
const SYSCALL_AT = CODE + 2;
const RESULT_AT = CODE + 4;
/** Functions that the system may call back. */
export const CALLBACKS = [CODE + 0x10, CODE + 0x20, CODE + 0x30, CODE + 0x40, CODE + 0x50] as const;

const RAX = 0;
const RSP = 4;
const ARGUMENT_REGISTERS = [10, 2, 8, 9];
const TEB_STACK_BASE = 8;
const CODE_BYTES = 0x7000;
const WARM_UP = 300_000;
const BUDGET = 100_000;

function programBytes(): Uint8Array {
  const bytes = new Uint8Array(0x100).fill(0xcc);
  bytes.set([0xeb, 0xfe, 0x0f, 0x05, 0xeb, 0xfe], 0);
  bytes.set([0x31, 0xc0, 0xc3], 0x10); // xor eax, eax; ret
  bytes.set([0x83, 0xc8, 0xff, 0xc3], 0x20); // or eax, -1; ret
  bytes.set([0x0f, 0x31, 0xd1, 0xe0, 0xc3], 0x30); // rdtsc; shl eax, 1; ret
  bytes.set([0x0f, 0x0b], 0x40); // ud2
  bytes.set([0x48, 0x83, 0xec, 0x48, 0xeb, 0xfa], 0x50); // sub rsp, 48h; jmp back: eats the stack register, no memory
  return bytes;
}

const PROGRAM = buildModule({
  name: 'x.exe',
  imageBase: IMAGE_BASE,
  entry: (code) => code.raw(...programBytes()),
  imports: { 'kernel32.dll': ['Sleep'], 'msvcrt.dll': ['exit'] },
});

/** Places of every kind in the guest's memory; addresses. */
export interface Places {
  readonly writable: number;
  readonly writableBytes: number;
  /** Readable, writable, executable, and its bytes. */
  readonly code: number;
  readonly codeBytes: number;
  readonly readOnly: number;
  readonly guard: number;
  readonly noAccess: number;
  readonly reserved: number;
  readonly free: number;
}

export class HostileGuest {
  readonly machine: Machine;
  readonly kernel: Kernel;
  process!: MachineProcess;
  places!: Places;
  /** What calls answered, newest last: handles, heaps, streams, addresses. */
  readonly results: (readonly [lo: number, hi: number])[] = [];

  constructor(options: { host?: Host; ram?: number; privileges?: readonly string[] } = {}) {
    this.machine = new Machine({
      ram: options.ram ?? 24 * 2 ** 20,
      pageFiles: [{ initial: 16 * 2 ** 20, maximum: 16 * 2 ** 20 }],
      host: options.host ?? new MemoryHost({ capacity: 2 ** 20 }),
      ...(options.privileges && { privileges: options.privileges }),
    });
    this.kernel = this.machine.kernel;
    this.machine.mount('C:\\app', { 'x.exe': PROGRAM });
    this.machine.mount(
      'C:\\work',
      { 'a.txt': 'text 12 3.5\nline two\r\n', 'b.bin': '\0\x01\x02' },
      { writable: true },
    );
  }

  /** Ends every process and begins anew with one that spins at its entry point. */
  renew(): void {
    this.endAll();
    this.results.length = 0;
    this.process = this.machine.createProcess({
      image: 'C:\\app\\x.exe',
      args: ['one', 'two words'],
      environment: ['A=1', 'TMP=C:\\work', 'PATH=C:\\app'],
      currentDirectory: 'C:\\work',
    });
    this.machine.processes.length = 0;
    this.run(WARM_UP);
    if (!this.spins) throw new Error(`the program did not start: ${this.process.object.exitMessage}`);
    this.places = this.makePlaces();
  }

  private makePlaces(): Places {
    const { process } = this;
    const reservation = process.allocate(0x40000, { type: MEM_RESERVE });
    process.allocate(0x4000, { address: reservation, type: MEM_COMMIT });
    const code = process.allocate(CODE_BYTES, { protection: PAGE_EXECUTE_READWRITE });
    process.protect(CODE, 0x1000, PAGE_EXECUTE_READWRITE);
    const page = (at: number, protection: number) =>
      process.allocate(0x1000, { address: reservation + at, type: MEM_COMMIT, protection });
    page(0x10000, PAGE_READONLY);
    page(0x18000, PAGE_READWRITE | PAGE_GUARD);
    page(0x20000, PAGE_NOACCESS);
    return {
      writable: reservation,
      writableBytes: 0x4000,
      code,
      codeBytes: CODE_BYTES,
      readOnly: reservation + 0x10000,
      guard: reservation + 0x18000,
      noAccess: reservation + 0x20000,
      reserved: reservation + 0x30000,
      free: 0x6000_0000_0000,
    };
  }

  endAll(): void {
    for (const old of [...this.kernel.processes.values()]) terminateProcess(this.kernel, old, 0);
    this.kernel.exited.length = 0;
    closeUnusedSegments(this.kernel);
  }

  run(instructions: number): StopReason {
    const limit = this.kernel.processor.instructions + instructions;
    return runKernel(this.kernel, { instructions: limit, work: instructions });
  }

  /** Whether the first thread is still there and has the processor. */
  get spins(): boolean {
    const { object } = this.process;
    return object.exitStatus === null && this.kernel.loadedThread === object.threads[0];
  }

  /** Top of the first thread's stack. */
  get stackTop(): number {
    this.kernel.attachProcess(this.process.object);
    try {
      return this.kernel.memory.readPointer(this.process.object.threads[0]!.teb + TEB_STACK_BASE);
    } finally {
      this.kernel.detachProcess();
    }
  }

  /** Calls a service with any registers and stack arguments; what it answered joins the results when it came back. */
  callService(random: Random, service: number, rsp: number, budget: number): StopReason {
    const { processor } = this.kernel;
    processor.set(RAX, service, 0);
    for (const register of ARGUMENT_REGISTERS) processor.set(register, ...this.argument(random));
    processor.setAddress(RSP, rsp);
    processor.rip = SYSCALL_AT;
    const reason = this.run(budget);
    if (this.spins && processor.rip === RESULT_AT) {
      this.results.push([processor.getLo(RAX), processor.getHi(RAX)]);
      if (this.results.length > 24) this.results.shift();
    }
    return reason;
  }

  /** The stack arguments and the call; false when the program has taken its own stack away. */
  callWithStack(random: Random, service: number, rsp: number, budget: number): boolean {
    try {
      this.fillStackArguments(random, rsp);
    } catch (error) {
      if (error instanceof NtStatusError) return false;
      throw error;
    }
    this.callService(random, service, rsp, budget);
    return true;
  }

  /** Service number of 'msvcrt.dll!strlen'. */
  serviceNumber(name: string): number {
    const number = this.kernel.services.findIndex((entry) => `${entry.module}!${entry.name}` === name);
    if (number < 0) throw new Error(`no service ${name}`);
    return number;
  }

  /** Calls a service with these arguments and enough instructions to come back; the low half of what it answered, or null. */
  call(name: string, args: readonly number[], doubles: readonly number[] = []): number | null {
    const { processor } = this.kernel;
    const rsp = this.stackTop - 0x2000;
    this.process.write(rsp, new Uint8Array(0x200));
    const words = new DataView(new ArrayBuffer(8));
    const split = (value: number): [number, number] => {
      words.setBigInt64(0, BigInt.asIntN(64, BigInt(value)));
      return [words.getUint32(4), words.getUint32(0)];
    };
    args.forEach((value, index) => {
      const [lo, hi] = split(value);
      if (index < 4) processor.set(ARGUMENT_REGISTERS[index]!, lo, hi);
      else this.process.write(rsp + 0x28 + (index - 4) * 8, new Uint8Array(Uint32Array.of(lo, hi).buffer));
    });
    doubles.forEach((value, index) => {
      new DataView(this.kernel.mm.ram.bytes.buffer).setFloat64(XMM + index * 16, value, true);
    });
    processor.set(RAX, this.serviceNumber(name), 0);
    processor.setAddress(RSP, rsp);
    processor.rip = SYSCALL_AT;
    this.run(BUDGET);
    return this.spins && processor.rip === RESULT_AT ? processor.getLo(RAX) : null;
  }

  /** Fills the stack arguments above the return address, whose place is `rsp`. */
  fillStackArguments(random: Random, rsp: number): void {
    const bytes = new Uint8Array(0x28 + 12 * 8);
    const view = new DataView(bytes.buffer);
    for (let at = 0x28; at < bytes.length; at += 8) {
      const [lo, hi] = this.argument(random);
      view.setUint32(at, lo, true);
      view.setUint32(at + 4, hi, true);
    }
    view.setUint32(0, RESULT_AT % 2 ** 32, true);
    view.setUint32(4, Math.floor(RESULT_AT / 2 ** 32), true);
    this.process.write(rsp, bytes);
  }

  /** An argument: small numbers, handles, earlier answers, pointers into memory of every kind, the edges of everything, noise. */
  argument(random: Random): [lo: number, hi: number] {
    const { places, process } = this;
    const thread = process.object.threads[0]!;
    const kinds: (() => number | readonly [number, number])[] = [
      () => below(random, 16),
      () => below(random, 64) * 4,
      () => places.writable + below(random, places.writableBytes / 16) * 16,
      () => places.writable + below(random, places.writableBytes / 16) * 16,
      () => places.writable + below(random, places.writableBytes),
      () => places.writable + places.writableBytes - below(random, 24),
      () => this.results[below(random, this.results.length)] ?? 0,
      () => this.results[below(random, this.results.length)] ?? 0,
      () => CALLBACKS[below(random, CALLBACKS.length)]!,
      () => IMAGE_BASE + below(random, 0x400),
      () => this.edge(random),
      () => thread.teb + below(random, 0x2000),
      () => process.object.peb + below(random, 0x1000),
      () => 0x7ffe0000 + below(random, 0x1000),
      () => 2 ** 47 - below(random, 0x20000),
      () => below(random, 0x10000),
      () => 2 ** below(random, 48) + below(random, 3) - 1,
      () => 2 ** below(random, 32) + below(random, 3) - 1,
      () => [0xffffffff - below(random, 16), 0xffffffff],
      () => [0xffffffff - below(random, 4), 0],
      () => [random(), random()],
      () => [random(), 0],
      () => [below(random, 0x10000), 0xfffff680 + below(random, 0x180)],
      () => [0, 0x80000000],
      () => [0, 1 << below(random, 31)],
    ];
    const value = kinds[below(random, kinds.length)]!();
    if (typeof value !== 'number') return [value[0] >>> 0, value[1] >>> 0];
    const whole = Math.max(0, value);
    return [whole % 2 ** 32, Math.floor(whole / 2 ** 32)];
  }

  private edge(random: Random): number {
    const { places } = this;
    const from = [
      places.readOnly,
      places.guard,
      places.noAccess,
      places.reserved,
      places.free,
      places.writable,
    ];
    return from[below(random, from.length)]! + below(random, 0x1010) - 8;
  }

  /** Fills the writable place with texts, pointers, small numbers and noise; some texts reach its last byte. */
  fillMemory(random: Random): void {
    const { places, process } = this;
    const bytes = new Uint8Array(places.writableBytes);
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < bytes.length; at += 16) {
      const word = WORDS[below(random, WORDS.length)]!;
      const kind = below(random, 6);
      if (kind === 0) putText(bytes, at, word, 1);
      else if (kind === 1) putText(bytes, at, word, 2);
      else if (kind === 2) view.setUint32(at, below(random, 64), true);
      else if (kind === 3) {
        const [lo, hi] = this.argument(random);
        view.setUint32(at, lo, true);
        view.setUint32(at + 4, hi, true);
      } else if (kind === 4)
        for (let byte = 0; byte < 16; byte += 4) view.setUint32(at + byte, random(), true);
    }
    if (below(random, 2) === 0) bytes.fill(0x41 + below(random, 26), bytes.length - below(random, 0x3000));
    process.write(places.writable, bytes);
  }
}

const WORDS = [
  'a.txt',
  'C:\\work\\a.txt',
  'C:\\work\\*',
  '%s%n%*d%f',
  '%99999999d',
  '%.2147483647f',
  '%*.*Lf|%s',
  '%[^]',
  '%ls%hs%S%Z',
  '*',
  'A',
  '=',
  '%A%%A%',
  '..\\..\\x',
  '',
  'kernel32.dll',
  'ntdll',
  '123456789012345678901',
  '-1e309',
  '0x7fffffffffffffff',
  'Global\\x',
  'CONOUT$',
  '\\\\?\\C:\\work\\a.txt',
  'C:nul:x',
  'r+b',
  'w',
];

function putText(bytes: Uint8Array, at: number, word: string, width: 1 | 2): void {
  for (let index = 0; index < word.length && at + index * width < bytes.length; index++) {
    bytes[at + index * width] = word.charCodeAt(index);
    if (width === 2) bytes[at + index * 2 + 1] = 0;
  }
  const end = at + word.length * width;
  if (end + width <= bytes.length) bytes.fill(0, end, end + width);
}
