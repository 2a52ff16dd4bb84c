/** Calls system services of a running process from a test, with arguments as a program would pass them. */
import type { Kernel } from '../nt/kernel.js';
import type { Process } from '../nt/process.js';
import { runKernel } from '../nt/run-loop.js';
import { makeLoaderMachine } from './loader-machine.js';
import { buildModule, DATA_RVA, TEXT_RVA } from './module-builder.js';

const IMAGE_BASE = 0x140000000;
/** Bytes of the program's code before its SYSCALL. */
const SPIN_BYTES = 2;
const ARGUMENT_REGISTERS = [10, 2, 8, 9];
const RAX = 0;
const RSP = 4;
const BUDGET = 100_000;

export class ServiceCaller {
  readonly kernel: Kernel;
  readonly process: Process;
  /** 4 KB of writable memory of the program, zeroed at the start. */
  readonly data = IMAGE_BASE + DATA_RVA;
  private readonly stack: number;

  constructor(work: Readonly<Record<string, Uint8Array>> = {}) {
    const program = buildModule({
      name: 'test.exe',
      imageBase: IMAGE_BASE,
      entry: (code) => code.raw(0xeb, 0xfe, 0x0f, 0x05, 0xeb, 0xfe), // jmp self; syscall; jmp self
    });
    const machine = makeLoaderMachine({ 'test.exe': program }, {}, work);
    this.kernel = machine.kernel;
    const process = machine.start('test.exe');
    if (typeof process === 'number') throw new Error(`createProcess: 0x${process.toString(16)}`);
    this.process = process;
    this.run();
    this.stack = this.memory.readPointer(process.threads[0]!.teb + 8) - 0x800;
  }

  get memory() {
    this.kernel.attachProcess(this.process);
    return this.kernel.memory;
  }

  private run(): void {
    const instructions = this.kernel.processor.instructions + BUDGET;
    runKernel(this.kernel, { instructions, work: Number.POSITIVE_INFINITY });
  }

  /** The low 32 bits of what a service answers; negative arguments are sign-extended. */
  call(name: string, ...args: number[]): number {
    const { kernel, memory } = this;
    const { processor } = kernel;
    const service = kernel.services.findIndex((entry) => entry.name === name);
    if (service < 0) throw new Error(`there is no service ${name}`);
    args.forEach((value, index) => {
      const [lo, hi] = [(value % 2 ** 32) >>> 0, Math.floor(value / 2 ** 32) >>> 0];
      if (index < 4) processor.set(ARGUMENT_REGISTERS[index]!, lo, hi);
      else memory.writeU64(this.stack + 0x28 + (index - 4) * 8, lo, hi);
    });
    processor.set(RAX, service, 0);
    processor.setAddress(RSP, this.stack);
    processor.rip = IMAGE_BASE + TEXT_RVA + SPIN_BYTES;
    this.run();
    return processor.getLo(RAX);
  }

  /** Writes a UNICODE_STRING with its text at an address of the program; returns the address. */
  unicodeString(at: number, text: string): number {
    this.memory.writeU16(at, text.length * 2);
    this.memory.writeU16(at + 2, text.length * 2);
    this.memory.writePointer(at + 8, at + 16);
    this.memory.writeUtf16(at + 16, text);
    return at;
  }

  /** Writes OBJECT_ATTRIBUTES with a name behind it; returns the address. */
  objectAttributes(at: number, name: string, flags = 0): number {
    this.memory.fill(at, 0x30, 0);
    this.memory.writeU32(at, 0x30);
    this.memory.writePointer(at + 0x10, this.unicodeString(at + 0x30, name));
    this.memory.writeU32(at + 0x18, flags);
    return at;
  }
}
