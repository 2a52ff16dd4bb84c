/** A process whose program calls the functions of msvcrt or ucrtbase as the test asks, for tests of the C runtime. */
import { MemoryHost } from '../host/memory-host.js';
import { generateSystemDlls } from '../ldr/system-dlls.js';
import { MachineProcess } from '../machine-process.js';
import { Kernel, type KernelOptions } from '../nt/kernel.js';
import { createProcess } from '../nt/process-create.js';
import { runKernel, type StopReason } from '../nt/run-loop.js';
import type { SystemDllSet } from '../nt/system-module.js';
import { SYSTEM_MODULES } from '../win32/modules.js';
import { buildModule, DATA_RVA, TEXT_RVA } from './module-builder.js';

const IMAGE_BASE = 0x140000000;
/** The block that the program looks at: target, ten arguments, then the results. */
const BLOCK = IMAGE_BASE + DATA_RVA;
const ARGUMENTS = 13;
const RESULT_AT = 8 + 8 * ARGUMENTS;
const SCRATCH_BYTES = 0x100000;
const SLICE = 5000;
const MOST_SLICES = 4000;

/** Calls what the block says, for ever: integer arguments also stand in XMM0 to XMM3, as varargs have them. */
// biome-ignore format: one instruction a line
const DRIVER = [
  0x48, 0x81, 0xec, 0x88, 0x00, 0x00, 0x00, // sub rsp, 88h
  0x48, 0xbb, 0x00, 0x40, 0x00, 0x40, 0x01, 0x00, 0x00, 0x00, // mov rbx, BLOCK
  0x48, 0x8b, 0x03, // loop: mov rax, [rbx]
  0x48, 0x85, 0xc0, // test rax, rax
  0x74, 0xf8, // jz loop
  0x48, 0x8d, 0x73, 0x28, // lea rsi, [rbx+28h]
  0x48, 0x8d, 0x7c, 0x24, 0x20, // lea rdi, [rsp+20h]
  0xb9, 0x09, 0x00, 0x00, 0x00, // mov ecx, 9
  0xf3, 0x48, 0xa5, // rep movsq
  0x48, 0x8b, 0x4b, 0x08, // mov rcx, [rbx+8]
  0x48, 0x8b, 0x53, 0x10, // mov rdx, [rbx+10h]
  0x4c, 0x8b, 0x43, 0x18, // mov r8, [rbx+18h]
  0x4c, 0x8b, 0x4b, 0x20, // mov r9, [rbx+20h]
  0x66, 0x48, 0x0f, 0x6e, 0xc1, // movq xmm0, rcx
  0x66, 0x48, 0x0f, 0x6e, 0xca, // movq xmm1, rdx
  0x66, 0x49, 0x0f, 0x6e, 0xd0, // movq xmm2, r8
  0x66, 0x49, 0x0f, 0x6e, 0xd9, // movq xmm3, r9
  0xff, 0xd0, // call rax
  0x48, 0x89, 0x43, RESULT_AT, // mov [rbx+RESULT_AT], rax
  0x66, 0x0f, 0xd6, 0x43, RESULT_AT + 8, // movq [rbx+RESULT_AT+8], xmm0
  0x48, 0xc7, 0x03, 0x00, 0x00, 0x00, 0x00, // mov qword [rbx], 0
  0xeb, 0xaf, // jmp loop
];

/** int compare(const int *a, const int *b). */
const COMPARE = [0x8b, 0x01, 0x2b, 0x02, 0xc3];

let system: SystemDllSet | undefined;

export type CrtArgument = number | bigint | string | { readonly double: number } | { readonly wide: string };

function systemDlls(): SystemDllSet {
  system ??= generateSystemDlls(SYSTEM_MODULES);
  return system;
}

export class CrtMachine {
  readonly host = new MemoryHost();
  readonly kernel: Kernel;
  readonly process: MachineProcess;
  /** Guest address of a function that compares two ints, for qsort. */
  readonly compare: number;
  readonly work: number;
  private readonly runtime: string;
  private scratch = 0;
  private used = 0;

  constructor(
    options: {
      /** 'msvcrt.dll' when left out. */
      runtime?: string;
      commandLine?: string;
      environment?: readonly string[];
      files?: Record<string, string>;
      kernel?: Partial<KernelOptions>;
    } = {},
  ) {
    this.runtime = options.runtime ?? 'msvcrt.dll';
    this.kernel = new Kernel({
      ram: 32 * 2 ** 20,
      pageFiles: [],
      seed: 1,
      host: this.host,
      system: systemDlls(),
      bootSeconds: 1_767_225_600,
      ...options.kernel,
    });
    const { fileSystem } = this.kernel;
    this.work = this.host.addRoot(options.files ?? {});
    fileSystem.mount('C:\\app', this.host, this.host.addRoot({ 'crt.exe': program(this.runtime) }), false);
    fileSystem.mount('C:\\work', this.host, this.work, true);
    const process = createProcess(this.kernel, {
      imagePath: 'C:\\app\\crt.exe',
      commandLine: options.commandLine ?? 'crt.exe',
      environment: options.environment ?? ['PATH=C:\\app', 'TEMP=C:\\temp'],
      currentDirectory: 'C:\\work',
      suspended: false,
    });
    if (typeof process === 'number') throw new Error(`createProcess: ${process.toString(16)}`);
    this.process = new MachineProcess(this.kernel, process);
    this.compare = IMAGE_BASE + TEXT_RVA;
    this.slice(200_000);
    this.scratch = this.process.allocate(SCRATCH_BYTES);
  }

  /** The next free bytes of a megabyte that the tests share, 16-byte aligned. */
  space(bytes: number): number {
    const address = this.scratch + this.used;
    this.used += Math.ceil(bytes / 16) * 16;
    return address;
  }

  /** The bytes that the tests have taken. */
  get taken(): Uint8Array {
    return this.process.read(this.scratch, this.used);
  }

  /** Bytes of that megabyte that nobody has taken. */
  get spaceLeft(): number {
    return SCRATCH_BYTES - this.used;
  }

  /** Puts bytes or a NUL-terminated text into memory. */
  put(content: string | Uint8Array | { readonly wide: string }): number {
    const bytes = bytesOf(content);
    const address = this.space(bytes.length);
    this.process.write(address, bytes);
    return address;
  }

  text(address: number, limit = 4096): string {
    const bytes = this.process.read(address, Math.min(limit, 4096 - (address % 4096)));
    const end = bytes.indexOf(0);
    return String.fromCharCode(...(end < 0 ? bytes : bytes.subarray(0, end)));
  }

  u32(address: number): number {
    return new DataView(this.process.read(address, 4).buffer).getUint32(0, true);
  }

  double(address: number): number {
    return new DataView(this.process.read(address, 8).buffer).getFloat64(0, true);
  }

  pointer(address: number): number {
    return Number(new DataView(this.process.read(address, 8).buffer).getBigUint64(0, true));
  }

  /** Guest address of a function or variable of the runtime. */
  symbol(name: string): number {
    const address = this.kernel.symbol(this.process.object, this.runtime, name);
    if (address === 0) throw new Error(`${this.runtime} has no ${name}`);
    return address;
  }

  /** Begins a call; it is done when `run` has come back to the loop. */
  begin(name: string, ...args: CrtArgument[]): void {
    const block = new DataView(new ArrayBuffer(RESULT_AT));
    args.forEach((argument, index) => {
      const at = 8 + 8 * index;
      if (typeof argument === 'object' && 'double' in argument) block.setFloat64(at, argument.double, true);
      else if (typeof argument === 'bigint') block.setBigUint64(at, BigInt.asUintN(64, argument), true);
      else if (typeof argument === 'number') block.setBigInt64(at, BigInt(argument), true);
      else block.setBigInt64(at, BigInt(this.put(argument)), true);
    });
    this.process.write(BLOCK + 8, new Uint8Array(block.buffer, 8));
    block.setBigUint64(0, BigInt(this.symbol(name)), true);
    this.process.write(BLOCK, new Uint8Array(block.buffer, 0, 8));
  }

  /** Whether the call that began has ended. */
  get isDone(): boolean {
    return this.pointer(BLOCK) === 0;
  }

  /** Runs until the call has ended, the process has, or the machine waits. */
  run(): StopReason {
    for (let slices = 0; slices < MOST_SLICES; slices++) {
      const reason = this.slice(SLICE);
      if (reason !== 'limit' || this.isDone) return reason;
    }
    throw new Error('the call does not end');
  }

  private slice(instructions: number): StopReason {
    const limit = this.kernel.processor.instructions + instructions;
    return runKernel(this.kernel, { instructions: limit, work: Number.POSITIVE_INFINITY });
  }

  /** Calls a function; its result as an unsigned 64-bit number. */
  call64(name: string, ...args: CrtArgument[]): bigint {
    this.begin(name, ...args);
    const reason = this.run();
    if (reason !== 'limit')
      throw new Error(`${name}: ${reason}, status ${this.process.exitStatus?.toString(16)}`);
    return this.result64;
  }

  /** What the last call returned, as an unsigned 64-bit number. */
  get result64(): bigint {
    return new DataView(this.process.read(BLOCK + RESULT_AT, 8).buffer).getBigUint64(0, true);
  }

  /** The result as an int. */
  call(name: string, ...args: CrtArgument[]): number {
    return Number(BigInt.asIntN(32, this.call64(name, ...args)));
  }

  /** The result as an address or size. */
  callAddress(name: string, ...args: CrtArgument[]): number {
    return Number(this.call64(name, ...args));
  }

  /** The result as a double. */
  callDouble(name: string, ...args: CrtArgument[]): number {
    this.call64(name, ...args);
    return this.double(BLOCK + RESULT_AT + 8);
  }

  get errno(): number {
    return this.u32(this.callAddress('_errno'));
  }

  /** What the program wrote to standard output (1) or error (2). */
  output(stream: 1 | 2 = 1): string {
    return this.host.consoleText(stream);
  }

  file(name: string): string {
    return String.fromCharCode(...this.host.fileBytes(this.work, [name]));
  }
}

function bytesOf(content: string | Uint8Array | { readonly wide: string }): Uint8Array {
  if (content instanceof Uint8Array) return content;
  if (typeof content === 'string') return Uint8Array.from(`${content}\0`, (letter) => letter.charCodeAt(0));
  const units = Uint16Array.from(`${content.wide}\0`, (letter) => letter.charCodeAt(0));
  return new Uint8Array(units.buffer);
}

function program(runtime: string): Uint8Array {
  return buildModule({
    name: 'crt.exe',
    functions: { compare: (code) => code.raw(...COMPARE) },
    entry: (code) => code.raw(...DRIVER),
    imports: { [runtime]: ['exit'], 'kernel32.dll': ['ExitProcess'] },
    imageBase: IMAGE_BASE,
  });
}
