import {
  frameOf,
  highWord,
  lowWord,
  PTE_USER,
  PTE_VALID,
  PTE_WRITE,
  tableIndex,
} from '../machine/paging/x64.js';
import { PAGE_SIZE, PhysicalMemory } from '../machine/physical-memory.js';
import { Processor } from '../machine/processor.js';

/** Rights of a page that a user may read, write and execute. */
export const USER_PAGE = PTE_VALID | PTE_WRITE | PTE_USER;

/** A processor and RAM with page tables made by hand, for tests of the machine alone. */
export class BareMachine {
  readonly ram: PhysicalMemory;
  readonly cpu: Processor;
  private nextFrame = 2;

  /** @param byteSize RAM in bytes. @param codeCacheBytes room for decoded code, if not the usual. */
  constructor(byteSize = 4 << 20, codeCacheBytes?: number) {
    this.ram = new PhysicalMemory(byteSize, codeCacheBytes);
    this.cpu = new Processor(this.ram);
    this.cpu.setDirectory(1);
  }

  /** A frame that nothing uses yet. */
  allocate(): number {
    return this.nextFrame++;
  }

  /** Index in `ram.words` of the entry of a level (0 the PTE) for an address; makes the tables above it. */
  entry(address: number, level = 0): number {
    const { words } = this.ram;
    let table = 1;
    for (let upper = 3; upper > level; upper--) {
      const at = (this.ram.offsetOf(table) >>> 2) + tableIndex(address, upper) * 2;
      if ((words[at]! & PTE_VALID) === 0) words[at] = lowWord(this.allocate(), USER_PAGE);
      table = frameOf(words[at]!, words[at + 1]!);
    }
    return (this.ram.offsetOf(table) >>> 2) + tableIndex(address, level) * 2;
  }

  /** Maps a page to a frame (a new one if none is given); answers the frame. */
  map(address: number, bits = USER_PAGE, noExecute = false, frame = this.allocate()): number {
    const at = this.entry(address);
    this.ram.words[at] = lowWord(frame, bits);
    this.ram.words[at + 1] = highWord(frame, noExecute);
    this.cpu.invalidatePage(address);
    return frame;
  }

  /** Writes bytes to a frame, and drops what was decoded there. */
  poke(frame: number, offset: number, bytes: readonly number[]): void {
    this.ram.bytes.set(bytes, this.ram.offsetOf(frame) + offset);
    this.cpu.frameChanged(frame);
  }

  peek(frame: number, offset: number, count: number): number[] {
    const start = this.ram.offsetOf(frame) + offset;
    return [...this.ram.bytes.subarray(start, start + count)];
  }

  /** Maps code at an address, which may run on into the next pages, and sets RIP to it; answers the first frame. */
  code(address: number, bytes: readonly number[]): number {
    const first = address - (address % PAGE_SIZE);
    let frame = 0;
    for (let page = first; page < address + bytes.length; page += PAGE_SIZE) {
      const mapped = this.map(page);
      if (page === first) frame = mapped;
      const from = Math.max(page, address);
      const part = bytes.slice(from - address, page + PAGE_SIZE - address);
      this.poke(mapped, from - page, part);
    }
    this.cpu.rip = address;
    return frame;
  }
}
