/** The only place that knows iced-x86: code bytes in, plain records out. */
import {
  Code,
  DecoderError,
  DecoderOptions,
  Formatter,
  FormatterSyntax,
  Instruction,
  OpKind,
  Register,
  windowDecoder,
} from '../generated/iced-x86.js';
import { CODE_PAGE, FPU_REGISTERS, FS_BASE, GPR, GS_BASE, XMM, ZERO } from './cpu/layout.js';

/** The longest instruction, in bytes. */
export const LONGEST_INSTRUCTION = 15;

/** Kinds of operands. */
export const OPERAND_REGISTER = 1;
export const OPERAND_MEMORY = 2;
export const OPERAND_IMMEDIATE = 3;
export const OPERAND_BRANCH = 4;

/** Outcomes of decoding. */
export const DECODED = 0;
export const DECODE_INVALID = 1;
export const DECODE_TRUNCATED = 2;

const WINDOW = 4096;

interface RegisterPlace {
  /** Byte offset in the header, 0 when the register has none there. */
  readonly slot: number;
  /** Number within its kind: of a general, XMM, x87 or segment register. */
  readonly number: number;
  /** Bytes. */
  readonly size: number;
}

const LOW_BYTES = ['AL', 'CL', 'DL', 'BL', 'SPL', 'BPL', 'SIL', 'DIL'];
const LEGACY = ['AX', 'CX', 'DX', 'BX', 'SP', 'BP', 'SI', 'DI'];

function registerPlaces(): ReadonlyMap<number, RegisterPlace> {
  const places = new Map<number, RegisterPlace>();
  const put = (name: string, slot: number, number: number, size: number) =>
    places.set(Register[name as keyof typeof Register], { slot, number, size });
  for (let n = 0; n < 16; n++) {
    const slot = GPR + n * 8;
    const old = n < 8;
    put(old ? LOW_BYTES[n]! : `R${n}L`, slot, n, 1);
    put(old ? LEGACY[n]! : `R${n}W`, slot, n, 2);
    put(old ? `E${LEGACY[n]}` : `R${n}D`, slot, n, 4);
    put(old ? `R${LEGACY[n]}` : `R${n}`, slot, n, 8);
    put(`XMM${n}`, XMM + n * 16, n, 16);
  }
  for (const [n, name] of ['AH', 'CH', 'DH', 'BH'].entries()) put(name, GPR + n * 8 + 1, n, 1);
  for (let n = 0; n < 8; n++) {
    put(`ST${n}`, 0, n, 10);
    put(`MM${n}`, FPU_REGISTERS + n * 16, n, 8);
  }
  for (const [n, name] of ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'].entries()) put(name, 0, n, 2);
  return places;
}

const PLACES = registerPlaces();

/** One operand of an instruction. */
export class Operand {
  kind = 0;
  /** A register: its byte offset in the header, its number and its size in bytes. */
  slot = 0;
  number = 0;
  size = 0;
}

/** An instruction as the rest of the machine sees it. One record is used again and again. */
export class DecodedInstruction {
  /** iced's name of the form, such as `Add_rm64_r64`. */
  code = '';
  /** Bytes. */
  length = 0;
  operandCount = 0;
  readonly operands: readonly [Operand, Operand, Operand, Operand, Operand] = [
    new Operand(),
    new Operand(),
    new Operand(),
    new Operand(),
    new Operand(),
  ];
  /** The memory operand: header offsets of base and index, log2 of the scale, low and high words of the displacement. */
  base = ZERO;
  index = ZERO;
  scale = 0;
  displacement = 0;
  displacementHigh = 0;
  /** Header offset of the segment's base: FS, GS, or ZERO. */
  segment = ZERO;
  /** 4 when the address is formed in 32 bits. */
  addressSize = 8;
  /** The first immediate, sign-extended as the instruction does, in two words; the second one (ENTER). */
  immediate = 0;
  immediateHigh = 0;
  secondImmediate = 0;
  /** Target of a branch, in bytes from the start of the page. */
  target = 0;
  hasRep = false;
  hasRepne = false;
  /** Of an x87 instruction: the low 3 bits of its first opcode byte and its second, as the x87 keeps them. */
  x87Opcode = 0;
}

function low(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}

function high(value: bigint): number {
  return Number(BigInt.asIntN(32, value >> 32n));
}

function segmentSlot(register: number): number {
  return register === Register.FS ? FS_BASE : register === Register.GS ? GS_BASE : ZERO;
}

/** Decodes 64-bit code. One decoder and one instruction serve for all. */
export class InstructionDecoder {
  readonly decoded = new DecodedInstruction();
  private readonly window = windowDecoder(64, WINDOW, DecoderOptions.OldFpu);
  private readonly instruction = new Instruction();
  private view = this.windowView();
  private end = 0;

  private windowView(): Uint8Array {
    return new Uint8Array(this.window.memory.buffer, this.window.offset, WINDOW);
  }

  /** Takes code bytes (at most 4096) that begin `offset` bytes into a page. */
  load(bytes: Uint8Array, offset: number): void {
    if (this.view.byteLength === 0) this.view = this.windowView();
    this.end = Math.min(bytes.length, WINDOW);
    // What the decoder may not see is placed before the window's end, so that it stops where the bytes do.
    this.view.set(bytes.subarray(0, this.end), WINDOW - this.end);
    this.window.decoder.position = WINDOW - this.end;
    this.window.decoder.ip = BigInt(offset);
  }

  /** Decodes the next instruction into `decoded`; answers DECODED, DECODE_INVALID or DECODE_TRUNCATED. */
  next(): number {
    const { decoder } = this.window;
    if (!decoder.canDecode) return DECODE_TRUNCATED;
    decoder.decodeOut(this.instruction);
    if (this.instruction.code === Code.INVALID) {
      return decoder.lastError === DecoderError.NoMoreBytes ? DECODE_TRUNCATED : DECODE_INVALID;
    }
    this.fill();
    return DECODED;
  }

  private fill(): void {
    const { instruction, decoded } = this;
    decoded.code = Code[instruction.code]!;
    decoded.length = instruction.length;
    decoded.operandCount = instruction.opCount;
    decoded.hasRep = instruction.hasRepePrefix;
    decoded.hasRepne = instruction.hasRepnePrefix;
    decoded.addressSize = 8;
    decoded.segment = ZERO;
    decoded.x87Opcode = decoded.code.startsWith('F') ? this.x87Opcode() : 0;
    for (let n = 0; n < decoded.operandCount; n++) this.fillOperand(n);
  }

  /** The opcode behind the prefixes of the instruction just decoded. */
  private x87Opcode(): number {
    const { position } = this.window.decoder;
    for (let at = position - this.decoded.length; at < position - 1; at++) {
      if ((this.view[at]! & 0xf8) === 0xd8) return ((this.view[at]! & 7) << 8) | this.view[at + 1]!;
    }
    return 0;
  }

  private fillOperand(n: number): void {
    const operand = this.decoded.operands[n]!;
    const kind = this.instruction.opKind(n);
    operand.slot = 0;
    operand.size = 0;
    if (kind === OpKind.Register) this.fillRegister(operand, this.instruction.opRegister(n));
    else if (kind <= OpKind.FarBranch32) this.fillBranch(operand);
    else if (kind <= OpKind.Immediate32to64) this.fillImmediate(operand, n, kind);
    else if (kind === OpKind.Memory) this.fillMemory(operand);
    else this.fillStringMemory(operand, kind);
  }

  private fillRegister(operand: Operand, register: number): void {
    const place = PLACES.get(register);
    operand.kind = OPERAND_REGISTER;
    operand.slot = place?.slot ?? 0;
    operand.number = place?.number ?? 0;
    operand.size = place?.size ?? 0;
  }

  private fillBranch(operand: Operand): void {
    operand.kind = OPERAND_BRANCH;
    this.decoded.target = low(this.instruction.nearBranchTarget);
  }

  private fillImmediate(operand: Operand, n: number, kind: number): void {
    operand.kind = OPERAND_IMMEDIATE;
    const value = this.instruction.immediate(n);
    if (kind === OpKind.Immediate8_2nd) this.decoded.secondImmediate = low(value);
    else {
      this.decoded.immediate = low(value);
      this.decoded.immediateHigh = high(value);
    }
  }

  private fillMemory(operand: Operand): void {
    const { instruction, decoded } = this;
    const base = instruction.memoryBase;
    const index = instruction.memoryIndex;
    operand.kind = OPERAND_MEMORY;
    decoded.base = ZERO;
    decoded.index = ZERO;
    if (base === Register.RIP || base === Register.EIP) decoded.base = CODE_PAGE;
    else if (base !== Register.None) decoded.base = PLACES.get(base)!.slot;
    if (index !== Register.None) decoded.index = PLACES.get(index)!.slot;
    decoded.scale = Math.log2(instruction.memoryIndexScale);
    const displacement = instruction.memoryDisplacement;
    decoded.displacement = low(displacement);
    decoded.displacementHigh = high(displacement);
    decoded.segment = segmentSlot(instruction.memorySegment);
    const narrow = (register: number) => register === Register.EIP || PLACES.get(register)?.size === 4;
    if (narrow(base) || narrow(index) || instruction.memoryDisplSize === 4) this.narrow(base, index);
  }

  /** A 32-bit address, unless the displacement alone is that size. */
  private narrow(base: number, index: number): void {
    const wide = (register: number) => register === Register.RIP || PLACES.get(register)?.size === 8;
    if (wide(base) || wide(index)) return;
    this.decoded.addressSize = 4;
    this.decoded.displacementHigh = this.decoded.displacement >> 31;
  }

  private fillStringMemory(operand: Operand, kind: number): void {
    operand.kind = OPERAND_MEMORY;
    const { decoded } = this;
    decoded.base = kind === OpKind.MemorySegRDI || kind === OpKind.MemorySegEDI ? GPR + 7 * 8 : ZERO;
    decoded.index = ZERO;
    decoded.displacement = 0;
    decoded.displacementHigh = 0;
    const narrow =
      kind === OpKind.MemorySegESI || kind === OpKind.MemorySegEDI || kind === OpKind.MemoryESEDI;
    if (narrow) decoded.addressSize = 4;
    if (kind !== OpKind.MemoryESEDI && kind !== OpKind.MemoryESRDI) {
      decoded.segment = segmentSlot(this.instruction.memorySegment);
    }
  }

  /** The instruction in assembly language and its length; an invalid one is shown as a byte. */
  describe(bytes: Uint8Array, rip: number): { text: string; length: number } {
    this.load(bytes.subarray(0, LONGEST_INSTRUCTION), 0);
    const address = BigInt(rip);
    this.window.decoder.ip = BigInt.asUintN(64, BigInt.asIntN(48, address));
    if (this.next() !== DECODED) return { text: '(bad)', length: 1 };
    const formatter = new Formatter(FormatterSyntax.Intel);
    const text = formatter.format(this.instruction);
    formatter.free();
    return { text, length: this.instruction.length };
  }
}
