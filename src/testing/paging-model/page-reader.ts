/**
 * A second way to a page's bytes, which changes nothing: from RAM, paging files and the words of page tables alone, by the
 * published layouts of page-table entries. Tables and prototype PTEs that are themselves in a paging file are read there.
 */
import type { FaultyPageFile } from '../faulty-page-file.js';

/** Bytes that one entry maps at each level, the directory first. */
const SPANS = [2 ** 39, 2 ** 30, 2 ** 21, 2 ** 12] as const;
const LAST_LEVEL = 3;
const VALID = 1;
const PROTOTYPE = 0x400;
const TRANSITION = 0x800;
const ASK_THE_VAD = 0xffff_ffff;

/** `ram`: `word` is the index of the page's first 32-bit word in `words`. `untouched`: the address descriptor decides. */
export type Place = 'ram' | 'paging-file' | 'zero' | 'file' | 'untouched' | 'decommitted';

export class PageReader {
  /** After `find`, for `ram` and `paging-file`: the words that the page is in, and the index of its first. */
  words: Uint32Array;
  word = 0;
  /** After `find`: the process's own entry is valid. */
  valid = false;
  readonly #blocks = [0, 1, 2, 3, 4, 5].map(() => new Uint32Array(1024));
  #low = 0;
  #high = 0;

  /** `base` is the byte offset of frame 0 in RAM. */
  constructor(
    private readonly ram: Uint32Array,
    private readonly base: number,
    private readonly store: FaultyPageFile,
  ) {
    this.words = ram;
  }

  /** Where the page of a user address is; an untouched page of a view is at its prototype PTE (0: private memory). */
  find(directoryFrame: number, address: number, prototypePte: number): Place {
    this.valid = false;
    const found = this.#entry(directoryFrame, address);
    if (found) this.valid = (this.#low & VALID) !== 0;
    if (!found || (this.#low === 0 && this.#high === 0)) return this.#shared(directoryFrame, prototypePte);
    if ((this.#low & (VALID | PROTOTYPE)) !== PROTOTYPE) return this.#place();
    const named = this.#high === ASK_THE_VAD ? prototypePte : this.#high * 0x1_0000 + (this.#low >>> 16);
    return this.#shared(directoryFrame, named);
  }

  #shared(directoryFrame: number, prototypePte: number): Place {
    if (prototypePte === 0 || !this.#entry(directoryFrame, prototypePte)) return 'untouched';
    const place = this.#place(4);
    if (place !== 'ram' && place !== 'paging-file') throw new Error(`prototype PTE is ${place}`);
    const at = this.word + (prototypePte % 4096) / 4;
    this.#low = this.words[at]!;
    this.#high = this.words[at + 1]!;
    if (this.#low === 0 && this.#high === 0) return 'untouched';
    return (this.#low & (VALID | PROTOTYPE)) === PROTOTYPE ? 'file' : this.#place();
  }

  /** Loads the page-table entry of an address; false when a table on the way is not there. */
  #entry(directoryFrame: number, address: number): boolean {
    let words = this.ram;
    let table = this.base / 4 + directoryFrame * 1024;
    for (let level = 0; level <= LAST_LEVEL; level++) {
      const at = table + (Math.floor(address / SPANS[level]!) % 512) * 2;
      this.#low = words[at]!;
      this.#high = words[at + 1]!;
      if (level === LAST_LEVEL) break;
      if (this.#low === 0 && this.#high === 0) return false;
      const place = this.#place(level);
      if (place === 'zero') return false;
      if (place !== 'ram' && place !== 'paging-file') throw new Error(`page table is ${place}`);
      words = this.words;
      table = this.word;
    }
    return true;
  }

  /** Where the page is that the loaded entry, not in prototype form, names. A block of a paging file is read into `room`. */
  #place(room = 5): Place {
    if ((this.#low & (VALID | TRANSITION)) !== 0) {
      this.words = this.ram;
      this.word = this.base / 4 + (this.#low >>> 12) * 1024;
      return 'ram';
    }
    if (this.#high !== 0) {
      this.words = this.#blocks[room]!;
      this.word = 0;
      this.store.peek((this.#low >>> 1) & 15, this.#high * 4096, new Uint8Array(this.words.buffer));
      return 'paging-file';
    }
    return this.#low === 0x200 ? 'decommitted' : 'zero';
  }
}
