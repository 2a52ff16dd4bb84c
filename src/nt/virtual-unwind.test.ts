import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GuestFault } from '../mm/user-memory.js';
import { CONTEXT_RIP, CONTEXT_SIZE, contextRegister } from './context-record.js';
import {
  CONTEXT_RSP,
  CONTEXT_XMM,
  contextAddress,
  setContextAddress,
  type UnwindMemory,
  virtualUnwind,
} from './virtual-unwind.js';

const IMAGE = 0x1_4000_0000;
const FUNCTION = 0x1000;
const FUNCTION_END = 0x1100;
const ENTRY = 0x2000;
const INFO = 0x2100;
const CALLER = IMAGE + 0x1800;
const STACK = 0x20_0000;
const STACK_BYTES = 0x4000;
const RBP = 5;

/** An image of 16 KB and a stack. */
class FakeMemory implements UnwindMemory {
  readonly image = new Uint8Array(0x4000);
  readonly stack = new Uint8Array(STACK_BYTES);
  readonly written = new Map<number, number>();

  private find(address: number, length: number): [Uint8Array, number] {
    for (const [base, bytes] of [[IMAGE, this.image] as const, [STACK, this.stack] as const])
      if (address >= base && address + length <= base + bytes.length) return [bytes, address - base];
    throw new GuestFault(0xc0000005, address, false);
  }

  readU32(address: number): number {
    const [bytes, at] = this.find(address, 4);
    return new DataView(bytes.buffer).getUint32(at, true);
  }

  writeU32(address: number, value: number): void {
    const [bytes, at] = this.find(address, 4);
    new DataView(bytes.buffer).setUint32(at, value, true);
  }

  write64(address: number, value: number): void {
    this.writeU32(address, value % 2 ** 32);
    this.writeU32(address + 4, Math.floor(value / 2 ** 32));
  }

  readBytes(address: number, length: number): Uint8Array {
    const [bytes, at] = this.find(address, length);
    return bytes.slice(at, at + length);
  }

  readInto(address: number, target: Uint8Array): void {
    target.set(this.readBytes(address, target.length));
  }

  writePointer(address: number, value: number): void {
    this.written.set(address, value);
  }

  put(rva: number, bytes: readonly number[]): void {
    this.image.set(bytes, rva);
  }

  /** The function's entry, its unwind information and nothing but INT3 in it. */
  describe(flags: number, prologSize: number, frame: number, slots: readonly number[], tail: number[] = []) {
    this.image.fill(0xcc, FUNCTION, FUNCTION_END);
    for (const [index, value] of [FUNCTION, FUNCTION_END, INFO].entries())
      this.writeU32(IMAGE + ENTRY + index * 4, value);
    const count = slots.length / 2;
    this.put(INFO, [
      1 | (flags << 3),
      prologSize,
      count,
      frame,
      ...slots,
      ...(count & 1 ? [0, 0] : []),
      ...tail,
    ]);
  }
}

function contextOf(registers: readonly number[], rip: number): DataView {
  const context = new DataView(new ArrayBuffer(CONTEXT_SIZE));
  registers.forEach((value, register) => {
    setContextAddress(context, contextRegister(register), value);
  });
  setContextAddress(context, CONTEXT_RIP, rip);
  return context;
}

const registersOf = (context: DataView) =>
  Array.from({ length: 16 }, (_, register) => contextAddress(context, contextRegister(register)));

const unwind = (memory: FakeMemory, offset: number, context: DataView, type = 0, pointers = 0) =>
  virtualUnwind(memory, type, IMAGE, IMAGE + FUNCTION + offset, IMAGE + ENTRY, context, pointers);

type Instruction =
  | { readonly kind: 'push'; readonly register: number }
  | { readonly kind: 'alloc'; readonly bytes: number }
  | { readonly kind: 'save'; readonly register: number; readonly slot: number }
  | { readonly kind: 'frame'; readonly offset: number };

const NONVOLATILE = [3, 6, 7, 12, 13, 14, 15];

const prologue: fc.Arbitrary<Instruction[]> = fc
  .record({
    pushes: fc.uniqueArray(fc.constantFrom(...NONVOLATILE), { maxLength: 5 }),
    bytes: fc.integer({ min: 16, max: 0x100 }).map((units) => units * 8),
    frame: fc.option(fc.integer({ min: 0, max: 15 })),
    saves: fc.uniqueArray(fc.constantFrom(...NONVOLATILE), { maxLength: 4 }),
  })
  .map(({ pushes, bytes, frame, saves }) => [
    ...(frame === null ? [] : [{ kind: 'push' as const, register: RBP }]),
    ...pushes.map((register) => ({ kind: 'push' as const, register })),
    { kind: 'alloc' as const, bytes },
    ...(frame === null ? [] : [{ kind: 'frame' as const, offset: Math.min(frame * 16, bytes) & ~15 }]),
    ...saves
      .filter((register) => !pushes.includes(register))
      .map((register, index) => ({ kind: 'save' as const, register, slot: index * 8 })),
  ]);

/** Each instruction counts four bytes. */
function encode(instructions: readonly Instruction[]): { slots: number[]; frame: number } {
  let frame = 0;
  const slots = instructions.flatMap((instruction, index) => {
    const end = (index + 1) * 4;
    switch (instruction.kind) {
      case 'push':
        return [[end, instruction.register << 4]];
      case 'alloc':
        return [[end, 1, (instruction.bytes / 8) & 0xff, (instruction.bytes / 8) >>> 8]];
      case 'save':
        return [[end, 4 | (instruction.register << 4), instruction.slot / 8, 0]];
      default:
        frame = RBP | instruction.offset;
        return [[end, 3]];
    }
  });
  return { slots: slots.reverse().flat(), frame };
}

function execute(memory: FakeMemory, registers: number[], instruction: Instruction): void {
  switch (instruction.kind) {
    case 'push':
      registers[4]! -= 8;
      memory.write64(registers[4]!, registers[instruction.register]!);
      break;
    case 'alloc':
      registers[4]! -= instruction.bytes;
      break;
    case 'save':
      memory.write64(registers[4]! + instruction.slot, registers[instruction.register]!);
      registers[instruction.register] = 0xdead;
      break;
    default:
      registers[RBP] = registers[4]! + instruction.offset;
  }
}

describe('virtual unwinding', () => {
  it('gives the caller back from any place in a prologue and from the body', () => {
    fc.assert(
      fc.property(prologue, (instructions) => {
        const memory = new FakeMemory();
        const { slots, frame } = encode(instructions);
        memory.describe(0, instructions.length * 4, frame, slots);
        const top = STACK + STACK_BYTES - 0x100;
        const registers = Array.from({ length: 16 }, (_, register) => 0x1000 + register);
        registers[4] = top;
        const before = registers.with(4, top + 8);
        memory.write64(top, CALLER);
        for (let done = 0; done <= instructions.length; done++) {
          const context = contextOf(registers, 0);
          const frameSet = instructions.slice(0, done).some(({ kind }) => kind === 'frame');
          const rsp = registers[4]!;
          if (frameSet) setContextAddress(context, CONTEXT_RSP, rsp - 64);
          const { establisher } = unwind(memory, done * 4, context);
          expect(registersOf(context).map((value, index) => [index, value])).toEqual(
            before.map((value, index) => [index, value]),
          );
          expect(contextAddress(context, CONTEXT_RIP)).toBe(CALLER);
          expect(establisher).toBe(rsp);
          if (done < instructions.length) execute(memory, registers, instructions[done]!);
        }
      }),
    );
  });

  it('carries an epilogue out', () => {
    const memory = new FakeMemory();
    memory.describe(1, 5, 0, [5, 0x32, 1, 0x30], [0x34, 0x12, 0, 0]); // sub rsp, 20h; push rbx
    memory.put(FUNCTION + 0x20, [0x48, 0x83, 0xc4, 0x20, 0x5b, 0xc3]);
    const rsp = STACK + 0x1000;
    memory.write64(rsp + 0x20, 0x77);
    memory.write64(rsp + 0x28, CALLER);
    for (const [offset, at] of [
      [0x20, rsp],
      [0x24, rsp + 0x20],
      [0x25, rsp + 0x28],
    ] as const) {
      const context = contextOf(Array(16).fill(0x77).with(4, at), 0);
      const frame = unwind(memory, offset, context, 1);
      expect(frame.handler).toBe(0);
      expect(registersOf(context)).toEqual(
        Array(16)
          .fill(0x77)
          .with(4, rsp + 0x30),
      );
      expect(contextAddress(context, CONTEXT_RIP)).toBe(CALLER);
    }
  });

  it('names the handler in the body only, by its kind, and notes where registers were saved', () => {
    const memory = new FakeMemory();
    memory.describe(1, 5, 0, [5, 0x32, 1, 0x30], [0x34, 0x12, 0, 0]);
    const rsp = STACK + 0x1000;
    const handlerAt = (offset: number, type: number, pointers = 0) =>
      unwind(memory, offset, contextOf(Array(16).fill(0).with(4, rsp), 0), type, pointers);
    expect(handlerAt(8, 1, 0x9000)).toEqual({
      handler: IMAGE + 0x1234,
      handlerData: IMAGE + INFO + 12,
      establisher: rsp,
    });
    expect(memory.written.get(0x9080 + 3 * 8)).toBe(rsp + 0x20);
    expect(handlerAt(8, 2).handler).toBe(0);
    expect(handlerAt(3, 1).handler).toBe(0);
  });

  it('follows chained information to the function it is part of', () => {
    const memory = new FakeMemory();
    const primary = INFO + 0x80;
    memory.describe(4, 0, 0, [], [0, 0x0f, 0, 0, 0, 0x10, 0, 0, primary & 0xff, primary >>> 8, 0, 0]);
    memory.put(primary, [1 | (1 << 3), 5, 2, 0, 5, 0x32, 1, 0x30, 0x78, 0x56, 0, 0]);
    const rsp = STACK + 0x1000;
    memory.write64(rsp + 0x20, 0x77);
    memory.write64(rsp + 0x28, CALLER);
    const context = contextOf(Array(16).fill(0).with(4, rsp), 0);
    expect(unwind(memory, 0x10, context, 1).handler).toBe(IMAGE + 0x5678);
    expect(contextAddress(context, contextRegister(3))).toBe(0x77);
    expect(contextAddress(context, CONTEXT_RSP)).toBe(rsp + 0x30);
  });

  it('takes RIP and RSP of a machine frame, with and without an error code', () => {
    for (const withCode of [0, 1]) {
      const memory = new FakeMemory();
      memory.describe(0, 1, 0, [0, 10 | (withCode << 4)]);
      const rsp = STACK + 0x1000;
      memory.write64(rsp + withCode * 8, CALLER);
      memory.write64(rsp + withCode * 8 + 24, 0x5000);
      const context = contextOf(Array(16).fill(0).with(4, rsp), 0);
      unwind(memory, 0, context);
      expect([contextAddress(context, CONTEXT_RIP), contextAddress(context, CONTEXT_RSP)]).toEqual([
        CALLER,
        0x5000,
      ]);
    }
  });

  it('restores XMM registers, near and far', () => {
    const memory = new FakeMemory();
    memory.describe(0, 0, 0, [0, 0x68, 2, 0, 0, 0x79, 0x40, 0, 0, 0]);
    const rsp = STACK + 0x1000;
    for (let word = 0; word < 4; word++) {
      memory.writeU32(rsp + 0x20 + word * 4, 0x600 + word);
      memory.writeU32(rsp + 0x40 + word * 4, 0x700 + word);
    }
    const context = contextOf(Array(16).fill(0).with(4, rsp), 0);
    unwind(memory, 0, context);
    const words = (register: number) =>
      [0, 1, 2, 3].map((word) => context.getUint32(CONTEXT_XMM + register * 16 + word * 4, true));
    expect(words(6)).toEqual([0x600, 0x601, 0x602, 0x603]);
    expect(words(7)).toEqual([0x700, 0x701, 0x702, 0x703]);
  });

  it('of any unwind information ends, or faults in the program', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 0x300, maxLength: 0x300 }),
        fc.integer({ min: 0, max: 0x100 }),
        fc.integer({ min: 0, max: STACK_BYTES }),
        (bytes, offset, depth) => {
          const memory = new FakeMemory();
          memory.describe(0, 0, 0, []);
          memory.put(INFO, [...bytes]);
          memory.image[INFO] = (bytes[0]! & 0xf8) | 1;
          const context = contextOf(Array(16).fill(STACK + depth), 0);
          try {
            unwind(memory, offset, context, 3);
          } catch (error) {
            expect(error).toBeInstanceOf(GuestFault);
          }
        },
      ),
    );
    const memory = new FakeMemory();
    memory.describe(4, 0, 0, [], [0, 0x10, 0, 0, 0, 0x11, 0, 0, INFO & 0xff, INFO >>> 8, 0, 0]);
    const context = contextOf(Array(16).fill(STACK), 0);
    expect(() => unwind(memory, 8, context)).toThrow(GuestFault);
  });
});
