/**
 * Reader of recorded instruction vectors: what a real processor made of instructions from known states.
 * The format is described in vectors/README.md. Nothing here allocates per vector beyond its small record.
 */

/** Bytes of the image of one state. */
export const IMAGE_BYTES = 864;
/** Byte offsets in the image. All numbers are little-endian. */
export const IMAGE_FLAGS = 128;
export const IMAGE_MXCSR = 132;
export const IMAGE_FPU_CONTROL = 136;
export const IMAGE_FPU_STATUS = 138;
/** Bit n: physical x87 register n is not empty. */
export const IMAGE_FPU_VALID = 140;
export const IMAGE_XMM = 144;
/** Eight physical x87 registers of 10 bytes. */
export const IMAGE_FPU_REGISTERS = 400;
export const IMAGE_DATA = 480;
export const IMAGE_STACK = 736;

/** Addresses of the recorded runs. */
export const CODE_PAGE = 0x10010000;
export const DATA_PAGES = 0x10000000;
export const DATA_WINDOW = 0x10000f80;
export const DATA_BYTES = 256;
export const STACK_WINDOW = 0x10003fc0;
export const STACK_BYTES = 128;
export const SCRATCH_PAGE = 0x10006000;

/** How results compare: bit for bit, single-precision lanes within 1.5 * 2^-12, x87 registers within 2 units in the last place. */
export const CHECK_EXACT = 0;
export const CHECK_APPROXIMATE = 1;
export const CHECK_ULP = 2;

/** The vector of a run that reached the breakpoint after its code. */
export const RAN_TO_END = 3;

/** The vector of a run that ended in a page fault. */
export const PAGE_FAULT = 14;

/** What is special about the second page of the data window. */
export const SECOND_PAGE_WRITABLE = 0;
export const SECOND_PAGE_ABSENT = 1;
export const SECOND_PAGE_READ_ONLY = 2;

const MAGIC = 'NTMMVEC2';

/** One run. */
export interface InstructionVector {
  /** Index into the form's codes. */
  readonly code: number;
  readonly base: number;
  /** Bits the manuals leave undefined: RFLAGS in the low half, the x87 status word in the high half. */
  readonly undefinedBits: number;
  /** Exception vector that ended the run. */
  readonly exception: number;
  /** Byte offset from CODE_PAGE of the next instruction: the faulting one, or the end of the code. */
  readonly stop: number;
  /** Of a page fault: the processor's error code and the address. */
  readonly faultError: number;
  readonly faultAddress: number;
  /** Byte offset of the two deltas in the file. */
  readonly deltas: number;
}

/** One instruction form (or sequence) with all its encodings and runs. */
export interface InstructionForm {
  readonly name: string;
  /** CHECK_* */
  readonly check: number;
  /** SECOND_PAGE_* */
  readonly secondPage: number;
  readonly codes: readonly Uint8Array[];
  readonly vectors: readonly InstructionVector[];
}

export class VectorFile {
  readonly forms: InstructionForm[] = [];
  readonly #bytes: Uint8Array;
  readonly #bases: number;
  #at = 0;

  /** @param bytes the decompressed file. @throws Error when it is not a vector file. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    if (this.#text(MAGIC.length) !== MAGIC) throw new Error('not a vector file');
    if (this.#word() !== IMAGE_BYTES) throw new Error('vector file with another state image');
    const baseCount = this.#word();
    const formCount = this.#word();
    this.#bases = this.#at;
    this.#at += baseCount * IMAGE_BYTES;
    for (let i = 0; i < formCount; i++) this.forms.push(this.#form());
  }

  /** Writes the states before and after a run into two images of IMAGE_BYTES. */
  images(vector: InstructionVector, before: Uint8Array, after: Uint8Array): void {
    const base = this.#bases + vector.base * IMAGE_BYTES;
    before.set(this.#bytes.subarray(base, base + IMAGE_BYTES));
    this.#at = vector.deltas;
    this.#applyDelta(before);
    after.set(before);
    this.#applyDelta(after);
  }

  #form(): InstructionForm {
    const name = this.#text(this.#byte());
    const check = this.#byte();
    const secondPage = this.#byte();
    const codes = Array.from({ length: this.#byte() }, () => this.#take(this.#byte()));
    const vectors = Array.from({ length: this.#varint() }, () => this.#vector());
    return { name, check, secondPage, codes, vectors };
  }

  #vector(): InstructionVector {
    const code = this.#byte();
    const base = this.#varint();
    const undefinedBits = this.#varint();
    const exception = this.#byte();
    const stop = this.#varint();
    const faultError = exception === PAGE_FAULT ? this.#byte() : 0;
    const faultAddress = exception === PAGE_FAULT ? DATA_PAGES + this.#varint() : 0;
    const deltas = this.#at;
    this.#skipDelta();
    this.#skipDelta();
    return { code, base, undefinedBits, exception, stop, faultError, faultAddress, deltas };
  }

  #skipDelta(): void {
    for (let runs = this.#varint(); runs > 0; runs--) {
      this.#varint();
      this.#take(this.#varint());
    }
  }

  #applyDelta(image: Uint8Array): void {
    let to = 0;
    for (let runs = this.#varint(); runs > 0; runs--) {
      to += this.#varint();
      const length = this.#varint();
      for (let i = 0; i < length; i++) image[to + i] = this.#bytes[this.#at + i];
      to += length;
      this.#at += length;
    }
  }

  #take(length: number): Uint8Array {
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new Error('vector file ends early');
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #byte(): number {
    return this.#take(1)[0];
  }

  #word(): number {
    const [a, b, c, d] = this.#take(4);
    return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#byte();
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
  }

  #text(length: number): string {
    return String.fromCharCode(...this.#take(length));
  }
}
