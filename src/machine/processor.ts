import { CPU_WASM } from '../generated/cpu-wasm.js';
import * as at from './cpu/layout.js';
import { BlockDecoder } from './decoder-block.js';
import type { PhysicalMemory } from './physical-memory.js';
import { PAGE_SIZE } from './physical-memory.js';

export {
  ACCESS_EXECUTE,
  ACCESS_READ,
  ACCESS_USER,
  ACCESS_WRITE,
  EXIT_EXCEPTION,
  EXIT_PAGE_FAULT,
  EXIT_QUANTUM,
  EXIT_SYSTEM_CALL,
} from './cpu/layout.js';

/** Numbers of the general registers. */
export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RBX = 3;
export const RSP = 4;
export const RBP = 5;
export const RSI = 6;
export const RDI = 7;

/** What the compiled processor (cpu/index.ts) exports. */
interface Core {
  reset(ramBase: number, frameCount: number, frameBlocks: number, codeStart: number, codeEnd: number): void;
  execute(budget: number): number;
  translate(low: number, high: number, access: number): number;
  invalidatePage(low: number, high: number): void;
  flush(global: number): void;
  setDirectory(frame: number): void;
  addBlock(end: number): void;
  dropAll(): void;
  dropFrame(frame: number): void;
}

/** A translation that the TLB holds. */
export interface CachedTranslation {
  /** 48-bit address of the page. */
  readonly address: number;
  readonly frame: number;
  readonly writable: boolean;
  readonly executable: boolean;
  /** It comes of the entry of a large page. */
  readonly isLarge: boolean;
}

const WORD = 2 ** 32;
/** Instructions in one stay in the compiled loop: the engine replaces its code by better code only between two. */
const LONGEST_STAY = 0x40000;
const SINGLE_STEP = 1;

/** The TLB as words, for the accesses of the system's services: most of them hit it. */
const USER_READ = at.ACCESS_READ | at.ACCESS_USER;
const USER_WRITE = at.ACCESS_WRITE | at.ACCESS_USER;
const PAGE_MASK = ~(PAGE_SIZE - 1);
const TLB_LAST = at.TLB_ENTRIES - 1;
const TLB_WORDS = 8;
const READ_TAG = at.TLB_READ >> 2;
const WRITE_TAG = at.TLB_WRITE >> 2;
const ADDEND = at.TLB_ADDEND >> 2;
const ACCESSES = at.TLB_ACCESSES >> 2;

/** Where the rights of the TLB's entries are, and their bits that say which entries are pages. */
const TLB_RIGHTS = at.TLB_SUPERVISOR;
const TLB_VALID = at.TLB_VALID;
const LARGE_PAGE_BYTES = 0x20_0000;

let compiled: WebAssembly.Module | undefined;

function compile(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(
    Uint8Array.from(atob(CPU_WASM), (character) => character.charCodeAt(0)),
  );
  return compiled;
}

/**
 * A processor in user mode, 64-bit: what it does is in cpu/ (AssemblyScript), its state in the header of the machine's memory.
 * Addresses are numbers that hold the low 48 bits.
 */
export class Processor {
  /** Byte offset and size of the user context: registers, RIP, flags, segment bases, XMM, MXCSR, x87. */
  readonly contextOffset = at.CONTEXT;
  readonly contextSize = at.CONTEXT_SIZE;
  readonly tlbEntries = at.TLB_ENTRIES;
  readonly largeTlbEntries = at.LARGE_TLB_ENTRIES;
  private readonly core: Core;
  private readonly words: Uint32Array;
  private readonly decoder: BlockDecoder;

  constructor(private readonly ram: PhysicalMemory) {
    this.words = ram.words;
    const instance = new WebAssembly.Instance(compile(), { env: { memory: ram.memory } });
    this.core = instance.exports as unknown as Core;
    this.core.reset(ram.base, ram.frameCount, ram.frameBlocks, ram.codeCache, ram.base);
    this.decoder = new BlockDecoder(ram);
  }

  /**
   * Runs user-mode code until an exit, at most the given number of instructions (exactly that many for EXIT_QUANTUM).
   * After EXIT_PAGE_FAULT and faulting exceptions RIP is at the instruction, after EXIT_SYSTEM_CALL and traps behind it.
   */
  run(maxInstructions: number): number {
    let left = maxInstructions;
    this.words[at.NON_CANONICAL >> 2] = 0;
    while (left > 0) {
      const isStepping = (this.words[at.RFLAGS >> 2]! & at.TF) !== 0;
      const slice = isStepping ? 1 : Math.min(left, LONGEST_STAY);
      const exit = this.core.execute(slice);
      const done = slice - this.words[at.BUDGET >> 2]!;
      left -= done;
      if (exit === at.EXIT_DECODE) this.decode();
      else if (exit !== at.EXIT_QUANTUM) return exit;
      else if (isStepping && done > 0) {
        this.words[at.EXCEPTION_VECTOR >> 2] = SINGLE_STEP;
        return at.EXIT_EXCEPTION;
      }
    }
    return at.EXIT_QUANTUM;
  }

  /** Serves the interpreter's request for code. */
  private decode(): void {
    const to = this.words[at.DECODE_TO >> 2]!;
    if (to !== 0) {
      this.decoder.decodeCrossing(to);
      return;
    }
    if (this.decoder.isFull) this.core.dropAll();
    this.core.addBlock(this.decoder.decode(this.words[at.DECODE_FROM >> 2]!));
  }

  /** Address of the last page fault, and whether the last general protection fault was for an address that is not canonical. */
  get faultAddress(): number {
    return this.address(at.FAULT_ADDRESS);
  }

  get faultIsNonCanonical(): boolean {
    return this.words[at.NON_CANONICAL >> 2] !== 0;
  }

  /** Bits of the last page fault's error code: 1 present, 2 write, 4 user, 8 reserved bit, 16 instruction fetch. */
  get faultError(): number {
    return this.words[at.FAULT_ERROR >> 2]!;
  }

  /** 0 #DE, 1 #DB, 3 #BP, 6 #UD, 13 #GP, 14 #PF, 16 #MF, 19 #XM, or the number of an INT that user mode may use. */
  get exceptionVector(): number {
    return this.words[at.EXCEPTION_VECTOR >> 2]!;
  }

  /**
   * Translates as the processor does, with the same TLB and walk; sets accessed and dirty bits.
   * @param address 48-bit linear address.
   * @param access ACCESS_* bits; without ACCESS_USER the U bit is ignored.
   * @returns byte offset in the machine's memory, or 0 for a page fault (faultAddress, faultError).
   */
  translate(address: number, access: number): number {
    const { words } = this;
    const low = address | 0;
    const high = (address / WORD) | 0;
    const entry = (at.TLB >> 2) + ((low >>> 12) & TLB_LAST) * TLB_WORDS;
    const tag = entry + (access === USER_WRITE ? WRITE_TAG : READ_TAG);
    const isHit = words[tag] === (low & PAGE_MASK) >>> 0 && words[tag + 1] === high;
    if (!isHit || (access !== USER_WRITE && access !== USER_READ)) {
      return this.core.translate(low, high, access) >>> 0;
    }
    words[ACCESSES] = words[ACCESSES]! + 1;
    if (words[ACCESSES] === 0) words[ACCESSES + 1] = words[ACCESSES + 1]! + 1;
    return (words[entry + ADDEND]! + low) >>> 0;
  }

  /** Frame of the top paging table: CR3. Setting it flushes translations that are not global. */
  get directory(): number {
    return this.words[at.DIRECTORY >> 2]!;
  }

  setDirectory(frame: number): void {
    this.core.setDirectory(frame);
  }

  /** Drops the translation of one page. */
  invalidatePage(address: number): void {
    this.core.invalidatePage(address | 0, (address / WORD) | 0);
  }

  /** Drops every translation, global ones too. */
  flushTlb(): void {
    this.core.flush(1);
  }

  /** What an entry of the TLB holds, from 0 to `tlbEntries` - 1; null when it is empty. For inspection. */
  cachedTranslation(entry: number): CachedTranslation | null {
    const rights = TLB_RIGHTS + entry * 8;
    const low = this.words[rights >> 2]!;
    if ((low & TLB_VALID) === 0) return null;
    const page = (low & ~(PAGE_SIZE - 1)) >>> 0;
    const offset = (this.words[(at.TLB + entry * 32 + at.TLB_ADDEND) >> 2]! + page) >>> 0;
    return {
      address: this.address(rights) - (low - page),
      frame: (offset - this.ram.base) / PAGE_SIZE,
      writable: (low & at.TLB_WRITABLE) !== 0,
      executable: (low & at.TLB_EXECUTABLE) !== 0,
      isLarge: (low & at.TLB_LARGE_PAGE) !== 0,
    };
  }

  /** The same of an entry for large pages, from 0 to `largeTlbEntries` - 1. */
  cachedLargeTranslation(entry: number): CachedTranslation | null {
    const place = at.LARGE_TLB + entry * 16;
    const low = this.words[place >> 2]!;
    if ((low & TLB_VALID) === 0) return null;
    return {
      address: this.address(place) - (low & (LARGE_PAGE_BYTES - 1)),
      frame: this.words[(place + 8) >> 2]!,
      writable: (low & at.TLB_WRITABLE) !== 0,
      executable: (low & at.TLB_EXECUTABLE) !== 0,
      isLarge: true,
    };
  }

  zeroFrame(frame: number): void {
    const offset = this.ram.offsetOf(frame);
    this.ram.bytes.fill(0, offset, offset + PAGE_SIZE);
    this.frameChanged(frame);
  }

  copyFrame(to: number, from: number): void {
    const source = this.ram.offsetOf(from);
    this.ram.bytes.copyWithin(this.ram.offsetOf(to), source, source + PAGE_SIZE);
    this.frameChanged(to);
  }

  /** Drops decoded code of a frame that was written other than by the processor. */
  frameChanged(frame: number): void {
    if (this.words[(this.ram.frameBlocks >> 2) + frame] !== 0) this.core.dropFrame(frame);
  }

  /** Low and high 32-bit words of a general register. */
  getLo(register: number): number {
    return this.words[(at.GPR >> 2) + register * 2]!;
  }

  getHi(register: number): number {
    return this.words[(at.GPR >> 2) + register * 2 + 1]!;
  }

  set(register: number, lo: number, hi: number): void {
    this.words[(at.GPR >> 2) + register * 2] = lo;
    this.words[(at.GPR >> 2) + register * 2 + 1] = hi;
  }

  /** A general register as an address: its low 48 bits. */
  getAddress(register: number): number {
    return this.address(at.GPR + register * 8);
  }

  /** Sets a general register to an address, bit 47 extended. */
  setAddress(register: number, address: number): void {
    this.putAddress(at.GPR + register * 8, address);
  }

  get rip(): number {
    return this.address(at.RIP);
  }

  set rip(address: number) {
    this.putAddress(at.RIP, address);
  }

  /** RFLAGS, low 32 bits. */
  get flags(): number {
    return this.words[at.RFLAGS >> 2]!;
  }

  set flags(value: number) {
    this.words[at.RFLAGS >> 2] = value;
  }

  get fsBase(): number {
    return this.address(at.FS_BASE);
  }

  set fsBase(address: number) {
    this.putAddress(at.FS_BASE, address);
  }

  get gsBase(): number {
    return this.address(at.GS_BASE);
  }

  set gsBase(address: number) {
    this.putAddress(at.GS_BASE, address);
  }

  get mxcsr(): number {
    return this.words[at.MXCSR >> 2]!;
  }

  set mxcsr(value: number) {
    this.words[at.MXCSR >> 2] = value;
  }

  /** Copies the user context to a byte offset in RAM. */
  saveContext(toByteOffset: number): void {
    this.ram.bytes.copyWithin(toByteOffset, at.CONTEXT, at.CONTEXT + at.CONTEXT_SIZE);
  }

  /** Copies the user context from a byte offset in RAM. */
  loadContext(fromByteOffset: number): void {
    this.ram.bytes.copyWithin(at.CONTEXT, fromByteOffset, fromByteOffset + at.CONTEXT_SIZE);
  }

  /** Instructions retired. */
  get instructions(): number {
    return this.counter(at.INSTRUCTIONS);
  }

  get tlbHits(): number {
    return this.counter(at.TLB_ACCESSES) - this.counter(at.TLB_MISSES);
  }

  get tlbMisses(): number {
    return this.counter(at.TLB_MISSES);
  }

  get tlbFlushes(): number {
    return this.counter(at.TLB_FLUSHES);
  }

  /** An instruction in assembly language and its length in bytes, from the bytes at `rip`. */
  describeInstruction(bytes: Uint8Array, rip: number): { text: string; length: number } {
    return this.decoder.describe(bytes, rip);
  }

  private counter(offset: number): number {
    return this.words[offset >> 2]! + this.words[(offset >> 2) + 1]! * WORD;
  }

  private address(offset: number): number {
    return this.words[offset >> 2]! + (this.words[(offset >> 2) + 1]! & 0xffff) * WORD;
  }

  private putAddress(offset: number, address: number): void {
    this.words[offset >> 2] = address % WORD;
    this.words[(offset >> 2) + 1] = ((Math.floor(address / WORD) & 0xffff) << 16) >> 16;
  }
}
