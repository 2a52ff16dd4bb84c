import { HEADER_END } from './cpu/layout.js';

/** Bytes in a page and in a frame. */
export const PAGE_SIZE = 4096;
/** Bytes of RAM at most: with the header it has to fit in one 4 GiB WebAssembly memory. */
export const MAXIMUM_RAM = 3 * 1024 ** 3;

const WASM_PAGE = 65536;
/** Pages beyond RAM: a 16-byte load at the end of the last frame may look past it; then the window. */
const GUARD_PAGES = 1;
const WINDOW_PAGES = 4;
const CODE_CACHE_BYTES = 16 * 1024 ** 2;

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

/**
 * The machine's RAM with the processor's header below it, in one WebAssembly memory that never grows.
 * The header is the fixed part of cpu/layout.ts, four bytes for each frame, and the cache of decoded code.
 */
export class PhysicalMemory {
  /** Pages of RAM. */
  readonly frameCount: number;
  /**
   * Number that the first of four pages beyond RAM would have as a frame. The processor cannot reach them; the host looks there
   * at page tables that are in a paging file.
   */
  readonly windowFrame: number;
  readonly memory: WebAssembly.Memory;
  /** Byte offset of frame 0, a multiple of 4096. */
  readonly base: number;
  /** The whole memory, header included. */
  readonly bytes: Uint8Array;
  /** The same, as 32-bit words. */
  readonly words: Uint32Array;
  /** Byte offset of the table with the first decoded block of each frame, and of the cache of decoded code. */
  readonly frameBlocks: number;
  readonly codeCache: number;

  /**
   * @param byteSize RAM in bytes, a multiple of 4096 up to 3 GiB.
   * @param codeCacheBytes room for decoded code in bytes (an instruction takes 32, a block 32 to 64 more).
   * @throws RangeError when the size is none of these.
   */
  constructor(byteSize: number, codeCacheBytes = CODE_CACHE_BYTES) {
    if (!Number.isInteger(byteSize / PAGE_SIZE) || byteSize < PAGE_SIZE || byteSize > MAXIMUM_RAM) {
      throw new RangeError(`RAM of ${byteSize} bytes: not a multiple of 4096 up to 3 GiB`);
    }
    this.frameCount = byteSize / PAGE_SIZE;
    this.frameBlocks = HEADER_END;
    this.codeCache = roundUp(HEADER_END + this.frameCount * 4, 64);
    this.base = roundUp(this.codeCache + codeCacheBytes, PAGE_SIZE);
    this.windowFrame = this.frameCount + GUARD_PAGES;
    const beyond = (GUARD_PAGES + WINDOW_PAGES) * PAGE_SIZE;
    const pages = roundUp(this.base + byteSize + beyond, WASM_PAGE) / WASM_PAGE;
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.bytes = new Uint8Array(this.memory.buffer);
    this.words = new Uint32Array(this.memory.buffer);
  }

  /** Byte offset of a frame in `bytes`. */
  offsetOf(frame: number): number {
    return this.base + frame * PAGE_SIZE;
  }
}
