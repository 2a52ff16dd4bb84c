/** A processor with one code page and one data page, for tests of single instructions given as bytes. */
import { FPU_CONTROL, FPU_REGISTERS, FPU_STATUS, FPU_TAG, MXCSR, XMM } from '../machine/cpu/layout.js';
import { PhysicalMemory } from '../machine/physical-memory.js';
import { EXIT_QUANTUM, Processor } from '../machine/processor.js';

const PRESENT_WRITABLE_USER = 7;
const CODE_FRAME = 5;
const DATA_FRAME = 6;
const CODE = 0x10000;
/** Address of the data page; RBX points to it. */
export const DATA = 0x20000;
const RBX = 3;

/** An 80-bit number: sign and exponent, significand. */
export type Extended = readonly [head: number, significand: bigint];

export class InstructionMachine {
  readonly ram = new PhysicalMemory(8 * 4096, 1 << 20);
  readonly cpu = new Processor(this.ram);
  readonly view = new DataView(this.ram.memory.buffer);
  /** Offset of the data page, for reading and writing operands. */
  readonly data = this.ram.offsetOf(DATA_FRAME);
  private readonly offsets = new Map<string, number>();
  private next = 0;

  constructor() {
    this.link(1, 0, 2);
    this.link(2, 0, 3);
    this.link(3, 0, 4);
    this.link(4, CODE >> 12, CODE_FRAME);
    this.link(4, DATA >> 12, DATA_FRAME);
    this.cpu.setDirectory(1);
    this.cpu.set(RBX, DATA, 0);
  }

  private link(table: number, index: number, frame: number): void {
    this.view.setUint32(this.ram.offsetOf(table) + index * 8, frame * 4096 + PRESENT_WRITABLE_USER, true);
  }

  /** Runs one instruction, given in hexadecimal. Answers 0, or the vector of the exception that it raised. */
  run(code: string): number {
    const offset = this.offsets.get(code) ?? this.place(code);
    this.cpu.rip = CODE + offset;
    return this.cpu.run(1) === EXIT_QUANTUM ? 0 : this.cpu.exceptionVector;
  }

  private place(code: string): number {
    const offset = this.next;
    const bytes = Uint8Array.from(code.split(' '), (byte) => Number.parseInt(byte, 16));
    this.ram.bytes.set(bytes, this.ram.offsetOf(CODE_FRAME) + offset);
    this.cpu.frameChanged(CODE_FRAME);
    this.offsets.set(code, offset);
    this.next += bytes.length;
    return offset;
  }

  get mxcsr(): number {
    return this.view.getUint32(MXCSR, true);
  }

  set mxcsr(value: number) {
    this.view.setUint32(MXCSR, value, true);
  }

  /** Byte offset of an XMM register. */
  xmm(register: number): number {
    return XMM + register * 16;
  }

  xmmHalf(register: number, half: number): bigint {
    return this.view.getBigUint64(this.xmm(register) + half * 8, true);
  }

  setXmm(register: number, low: bigint, high = 0n): void {
    this.view.setBigUint64(this.xmm(register), low, true);
    this.view.setBigUint64(this.xmm(register) + 8, high, true);
  }

  get controlWord(): number {
    return this.view.getUint16(FPU_CONTROL, true);
  }

  get statusWord(): number {
    return this.view.getUint16(FPU_STATUS, true);
  }

  /** Fills the x87 stack: the first number becomes ST(0); registers beyond them are empty. */
  setStack(control: number, ...numbers: Extended[]): void {
    const top = (8 - numbers.length) & 7;
    let tags = 0xffff;
    for (const [index, number] of numbers.entries()) {
      const register = (top + index) & 7;
      this.view.setBigUint64(FPU_REGISTERS + register * 16, number[1], true);
      this.view.setUint16(FPU_REGISTERS + register * 16 + 8, number[0], true);
      tags &= ~(3 << (register * 2));
    }
    this.view.setUint16(FPU_CONTROL, control, true);
    this.view.setUint16(FPU_STATUS, top << 11, true);
    this.view.setUint16(FPU_TAG, tags, true);
  }

  /** ST(i); undefined when it is empty. */
  stack(i: number): Extended | undefined {
    const register = ((this.statusWord >> 11) + i) & 7;
    if (((this.view.getUint16(FPU_TAG, true) >> (register * 2)) & 3) === 3) return undefined;
    const at = FPU_REGISTERS + register * 16;
    return [this.view.getUint16(at + 8, true), this.view.getBigUint64(at, true)];
  }
}
