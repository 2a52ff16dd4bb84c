/**
 * What was written to one end of a pipe and not yet read at the other: entries in nonpaged pool, one for each write, as the
 * named pipe file system keeps them. Lengths in bytes.
 */
import type { MemoryManager } from '../mm/memory-manager.js';
import { systemWord } from '../mm/system-space.js';

const PAGE_SIZE = 4096;
const TAG = 'NpFr';
/** Bytes before those of a write: what the named pipe file system keeps of it. */
const ENTRY_HEADER = 0x30;

interface PipeEntry {
  /** System address. */
  readonly address: number;
  readonly length: number;
  /** Bytes of it that were read. */
  taken: number;
}

/** The bytes of a range of pool, page by page: `use` gets the place in ram.bytes. */
function eachPage(
  mm: MemoryManager,
  address: number,
  length: number,
  use: (page: Uint8Array, done: number) => void,
): void {
  for (let done = 0; done < length; ) {
    const at = address + done;
    const count = Math.min(PAGE_SIZE - (at % PAGE_SIZE), length - done);
    const start = systemWord(mm, at - (at % 4)) * 4 + (at % 4);
    use(mm.ram.bytes.subarray(start, start + count), done);
    done += count;
  }
}

export class PipeQueue {
  /** Bytes that can be read. */
  bytes = 0;
  readonly #entries: PipeEntry[] = [];

  constructor(readonly mm: MemoryManager) {}

  /** Writes that have not been read whole. */
  get count(): number {
    return this.#entries.length;
  }

  /** Bytes of the first entry that have not been read. */
  get firstBytes(): number {
    const first = this.#entries[0];
    return first === undefined ? 0 : first.length - first.taken;
  }

  /** Adds a write; false when the pool is used up. */
  push(source: Uint8Array): boolean {
    const { mm } = this;
    const address = mm.nonpagedPool.allocate(ENTRY_HEADER + source.length, TAG);
    if (address === 0) return false;
    eachPage(mm, address + ENTRY_HEADER, source.length, (page, done) =>
      page.set(source.subarray(done, done + page.length)),
    );
    this.#entries.push({ address, length: source.length, taken: 0 });
    this.bytes += source.length;
    return true;
  }

  /** A copy of the first bytes: of the first entry alone when `single`. */
  peek(most: number, single: boolean): Uint8Array {
    const target = new Uint8Array(Math.min(most, single ? this.firstBytes : this.bytes));
    let done = 0;
    for (const { address, length, taken } of this.#entries) {
      const count = Math.min(length - taken, target.length - done);
      const base = done;
      eachPage(this.mm, address + ENTRY_HEADER + taken, count, (page, at) => target.set(page, base + at));
      done += count;
      if (single || done === target.length) break;
    }
    return target;
  }

  /** Takes bytes out. What is left of the first entry stays; a write of no bytes is taken with a read of its own. */
  take(most: number, single: boolean): Uint8Array {
    const target = this.peek(most, single);
    let left = target.length;
    do {
      const first = this.#entries[0];
      if (first === undefined) break;
      const count = Math.min(first.length - first.taken, left);
      first.taken += count;
      left -= count;
      if (first.taken < first.length) break;
      this.#free(first);
      this.#entries.shift();
    } while (left > 0);
    this.bytes -= target.length;
    return target;
  }

  #free({ address }: PipeEntry): void {
    this.mm.nonpagedPool.free(address);
  }

  clear(): void {
    for (const entry of this.#entries.splice(0)) this.#free(entry);
    this.bytes = 0;
  }
}
