/**
 * What a system service has written to its program's memory since it began, so that it can be taken back when the service has
 * to begin anew because a page that it touched must be read first. Holds a few kilobytes; a service that writes more cannot
 * be taken back.
 */
import type { MemoryManager } from './memory-manager.js';
import { markModified } from './page-file.js';

const ENTRIES = 64;
const BYTES = 8192;
/** Up to so many bytes are copied one by one: most writes are of a word. */
const SHORT = 16;

export class WriteJournal {
  readonly #offsets = new Float64Array(ENTRIES);
  readonly #lengths = new Int32Array(ENTRIES);
  readonly #bytes = new Uint8Array(BYTES);
  #entries = 0;
  #used = 0;

  constructor(private readonly mm: MemoryManager) {}

  get isEmpty(): boolean {
    return this.#entries === 0;
  }

  clear(): void {
    this.#entries = 0;
    this.#used = 0;
  }

  /** Keeps the bytes at an offset of RAM that are about to change. False when there is no room. */
  keep(offset: number, length: number): boolean {
    if (this.#entries === ENTRIES || this.#used + length > BYTES) return false;
    this.#offsets[this.#entries] = offset;
    this.#lengths[this.#entries++] = length;
    const { bytes } = this.mm.ram;
    if (length > SHORT) this.#bytes.set(bytes.subarray(offset, offset + length), this.#used);
    else for (let at = 0; at < length; at++) this.#bytes[this.#used + at] = bytes[offset + at]!;
    this.#used += length;
    return true;
  }

  /** Puts everything back, last first. No frame may have been given another use meanwhile. */
  undo(): void {
    const { mm } = this;
    while (this.#entries > 0) {
      const offset = this.#offsets[--this.#entries]!;
      const length = this.#lengths[this.#entries]!;
      this.#used -= length;
      mm.ram.bytes.set(this.#bytes.subarray(this.#used, this.#used + length), offset);
      const frame = Math.floor((offset - mm.ram.base) / 4096);
      markModified(mm, frame);
      mm.processor.frameChanged(frame);
    }
  }
}
