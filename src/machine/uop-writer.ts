import { ADDRESS, CODE_PAGE, PAGE_BYTES, ZERO } from './cpu/layout.js';
import * as uop from './cpu/uops.js';
import type { DecodedInstruction } from './decoder.js';

/** What the status flags are known to come from, for the conditional jump that follows in the same block. */
export const FLAGS_UNKNOWN = 0;
export const FLAGS_FROM_SUB = 1;
export const FLAGS_FROM_ADD = 2;
export const FLAGS_FROM_RESULT = 3;

/** Fields of a micro-operation beyond the operation itself; those left out are zero. */
export interface UopFields {
  dst?: number;
  src?: number;
  sub?: number;
  width?: number;
  immediate?: number;
  immediateHigh?: number;
  /** Memory accesses that the operation makes by itself (the others count theirs as they run). */
  accesses?: number;
}

const WORDS = uop.UOP_SIZE >> 2;

/** Writes the micro-operations of one block into the machine's memory. */
export class UopWriter {
  /** What the flags come from before the instruction now being written, and after it. */
  flagsBefore = FLAGS_UNKNOWN;
  flagsAfter = FLAGS_UNKNOWN;
  /** Set by an instruction after which the block ends. */
  ended = false;
  /** Instructions and micro-operations written. */
  instructions = 0;
  uops = 0;
  private start = 0;
  private offset = 0;
  /** Whether branches may go to other blocks of the page without a look-up. */
  private chainable = false;
  private accesses = new Uint8Array(uop.BLOCK_LIMIT * 3);

  constructor(
    private readonly words: Uint32Array,
    readonly decoded: DecodedInstruction,
  ) {}

  /** Begins a block at a byte offset in memory, for code at an offset in its page. */
  begin(block: number, offset: number, chainable: boolean): void {
    this.start = block >>> 2;
    this.offset = offset;
    this.chainable = chainable;
    this.instructions = 0;
    this.uops = 0;
    this.ended = false;
    this.flagsAfter = FLAGS_UNKNOWN;
  }

  /** Offset in the page of the next instruction, while one is written. */
  get next(): number {
    return this.offset + this.decoded.length;
  }

  /** Goes on to the next instruction. */
  advance(): void {
    this.offset += this.decoded.length;
    this.instructions++;
  }

  get position(): number {
    return this.offset;
  }

  /** Index of the word that holds a field of the last micro-operation. */
  private last(field: number): number {
    return this.start + this.uops * WORDS + (field >> 2);
  }

  private put(op: number, length: number, next: number, later: number, fields: UopFields): void {
    const { words } = this;
    this.accesses[this.uops++] = fields.accesses ?? 0;
    const at = this.last(0);
    words[at] = op | (length << 16);
    words[at + 1] = next | ((fields.dst ?? 0) << 16);
    words[at + 2] = (fields.src ?? 0) | (ZERO << 16);
    words[at + 3] = ZERO | ((later & 0xff) << 16) | ((fields.sub ?? 0) << 24);
    words[at + 4] = 0;
    words[at + 5] = (fields.width ?? 0) << 8;
    words[at + 6] = fields.immediate ?? 0;
    words[at + 7] = fields.immediateHigh ?? 0;
  }

  /** A plain operation. */
  plain(op: number, fields: UopFields = {}): void {
    this.put(op, this.decoded.length, this.next, this.instructions, fields);
  }

  /** An operation with the instruction's memory operand. An address that has more to it than one operation holds is formed first. */
  withMemory(op: number, fields: UopFields = {}): void {
    const { decoded } = this;
    const isFar = decoded.displacementHigh !== decoded.displacement >> 31 && decoded.base === ZERO;
    const isComplex = decoded.addressSize === 4 || decoded.segment !== ZERO;
    if (isFar) {
      const immediate = { immediate: decoded.displacement, immediateHigh: decoded.displacementHigh };
      this.plain(uop.OP_MOV + uop.RI * 4 + 3, { dst: ADDRESS, ...immediate });
    }
    if (isComplex) {
      this.plain(uop.OP_ADDRESS, { src: decoded.segment, width: decoded.addressSize });
      this.putOperandAddress(isFar);
    }
    this.plain(op, fields);
    this.words[this.last(uop.SCALE)]! |= 1 << 24;
    this.putOperandAddress(isFar || isComplex);
  }

  /** Gives the last operation its address: ADDRESS when that is formed already. */
  private putOperandAddress(isFormed: boolean): void {
    const { decoded } = this;
    if (isFormed) {
      this.putAddress(ADDRESS, ZERO, 0, 0);
      return;
    }
    // Relative to the page, a displacement just below 2 GiB may not fit: 4096 of it is taken from a constant.
    const isBeyond = decoded.base === CODE_PAGE && decoded.displacementHigh === 0 && decoded.displacement < 0;
    if (isBeyond) this.putAddress(CODE_PAGE, PAGE_BYTES, 0, decoded.displacement - 4096);
    else this.putAddress(decoded.base, decoded.index, decoded.scale, decoded.displacement);
  }

  private putAddress(base: number, index: number, scale: number, displacement: number): void {
    const { words } = this;
    const at = this.last(0);
    words[at + 2] = (words[at + 2]! & 0xffff) | (base << 16);
    words[at + 3] = (words[at + 3]! & 0xffff0000) | index;
    words[at + 4] = displacement;
    words[at + 5] = (words[at + 5]! & 0xffffff00) | scale;
  }

  /** Gives the last operation a base alone: the segment of a string instruction. */
  baseOfLast(slot: number): void {
    this.putAddress(slot, ZERO, 0, 0);
  }

  /** A branch to `decoded.target`, which ends the block. */
  branch(op: number, fields: UopFields = {}): void {
    const { target } = this.decoded;
    this.plain(op, fields);
    this.words[this.last(uop.DISP)] = target;
    const taken = target >= 0 && target < 4096 ? 1 : 0;
    const fall = this.next < 4096 ? 2 : 0;
    if (this.chainable) this.words[this.last(uop.SCALE)]! |= (taken | fall) << 16;
    this.ended = true;
  }

  /** Ends the block where no branch did: control goes on at the current offset. */
  fallThrough(): void {
    this.put(uop.OP_NEXT, 0, this.offset, -1, {});
    if (this.chainable && this.offset < 4096) this.words[this.last(uop.SCALE)]! |= 2 << 16;
  }

  /** The instruction at the current offset crosses the page: it is looked up by content when control gets there. */
  crossing(): void {
    this.put(uop.OP_CROSS, 0, this.offset, -1, {});
  }

  /** Completes the block's header and the counts that each micro-operation carries; answers the byte offset after the block. */
  finish(key: number, offset: number): number {
    const { words, start } = this;
    let later = 0;
    for (let n = this.uops - 1; n >= 0; n--) {
      const at = start + (n + 1) * WORDS;
      words[at] = (words[at]! & 0x00ffffff) | (later << 24);
      later += this.accesses[n]!;
      const index = (words[at + 3]! >>> 16) & 0xff;
      if (index !== 0xff) {
        words[at + 3] = (words[at + 3]! & 0xff00ffff) | ((this.instructions - 1 - index) << 16);
      }
    }
    words[start] = key;
    words[start + 1] = 0;
    words[start + 2] = 0;
    words[start + 3] = this.instructions | (later << 16);
    words[start + 4] = offset | (this.uops << 16);
    return (start + (this.uops + 1) * WORDS) * 4;
  }
}
