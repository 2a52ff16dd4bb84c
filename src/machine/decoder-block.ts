import { CODE_END, CODE_NEXT, SCRATCH } from './cpu/layout.js';
import * as uop from './cpu/uops.js';
import { DECODE_TRUNCATED, DECODED, InstructionDecoder, LONGEST_INSTRUCTION } from './decoder.js';
import { bitHandler } from './decoder-bits.js';
import type { Handler } from './decoder-integer.js';
import { integerHandler } from './decoder-integer.js';
import { vectorHandler } from './decoder-vector.js';
import type { PhysicalMemory } from './physical-memory.js';
import { PAGE_SIZE } from './physical-memory.js';
import { FLAGS_UNKNOWN, UopWriter } from './uop-writer.js';

interface Form {
  readonly handler: Handler;
  readonly width: number;
}

function undefinedInstruction(writer: UopWriter): void {
  writer.plain(uop.OP_UNDEFINED);
  writer.ended = true;
}

const UNDEFINED: Form = { handler: undefinedInstruction, width: 0 };

/** Most micro-operations of one instruction. */
const UOPS_PER_INSTRUCTION = 3;
/** Bytes that a block takes at most. */
const LONGEST_BLOCK = (2 + uop.BLOCK_LIMIT * UOPS_PER_INSTRUCTION) * uop.UOP_SIZE;

/** Turns code in RAM into blocks of micro-operations in the code cache. */
export class BlockDecoder {
  private readonly decoder = new InstructionDecoder();
  private readonly writer: UopWriter;
  private readonly forms = new Map<string, Form>();

  constructor(private readonly ram: PhysicalMemory) {
    this.writer = new UopWriter(ram.words, this.decoder.decoded);
  }

  /** Whether the code cache has no room for another block. */
  get isFull(): boolean {
    const { words } = this.ram;
    return words[CODE_NEXT >> 2]! + LONGEST_BLOCK > words[CODE_END >> 2]!;
  }

  /**
   * Decodes a block from a byte offset in memory to the end of its page at most, at the place where the cache goes on;
   * answers the byte offset after it.
   */
  decode(from: number): number {
    const { ram, writer, decoder } = this;
    const offset = (from - ram.base) % PAGE_SIZE;
    decoder.load(ram.bytes.subarray(from, from + PAGE_SIZE - offset), offset);
    writer.begin(ram.words[CODE_NEXT >> 2]!, offset, true);
    while (!writer.ended && writer.instructions < uop.BLOCK_LIMIT && writer.position < PAGE_SIZE) {
      const outcome = decoder.next();
      if (outcome === DECODE_TRUNCATED) break;
      this.write(outcome);
    }
    if (!writer.ended) {
      if (writer.instructions === 0) writer.crossing();
      else writer.fallThrough();
    }
    return writer.finish(from, offset);
  }

  /** Decodes the one instruction that the header's scratch area holds, which crosses a page, into a block at `to`. */
  decodeCrossing(to: number): void {
    const { ram, writer, decoder } = this;
    const offset = ram.words[(to - uop.CROSSING_BLOCK + uop.CROSSING_OFFSET) >> 2]!;
    decoder.load(ram.bytes.subarray(SCRATCH, SCRATCH + LONGEST_INSTRUCTION), offset);
    writer.begin(to, offset, false);
    this.write(decoder.next());
    if (!writer.ended) writer.fallThrough();
    writer.finish(0, offset);
  }

  private write(outcome: number): void {
    const { writer, decoder } = this;
    if (outcome !== DECODED) decoder.decoded.length = 1;
    const form = outcome === DECODED ? this.formOf(decoder.decoded.code) : UNDEFINED;
    writer.flagsBefore = writer.flagsAfter;
    writer.flagsAfter = FLAGS_UNKNOWN;
    form.handler(writer, form.width);
    writer.advance();
  }

  private formOf(code: string): Form {
    let form = this.forms.get(code);
    if (!form) {
      const handler = vectorHandler(code) ?? bitHandler(code);
      form = handler ? { handler, width: 0 } : (integerHandler(code) ?? UNDEFINED);
      this.forms.set(code, form);
    }
    return form;
  }

  /** The instruction at the start of some bytes in assembly language, and its length. */
  describe(bytes: Uint8Array, rip: number): { text: string; length: number } {
    return this.decoder.describe(bytes, rip);
  }
}
