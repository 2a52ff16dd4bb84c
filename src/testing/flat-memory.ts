/** Memory for tests of the heap manager alone: pages with states, without a machine. */
import type { HeapContext, HeapPages } from '../win32/ntdll/heap-layout.js';

/** An access to what is not committed. */
export class FlatFault extends Error {
  constructor(address: number) {
    super(`access to ${address.toString(16)}, which is not committed`);
  }
}

export const BASE = 0x10000;

/** A flat memory with page states: what is not committed throws, released ranges are found again. */
export class FlatMemory implements HeapPages {
  readonly bytes = new Uint8Array(48 << 20);
  readonly committed = new Uint8Array(this.bytes.length >>> 12);
  readonly regions = new Map<number, number>();
  limit = Number.POSITIVE_INFINITY;
  private readonly view = new DataView(this.bytes.buffer);

  get committedPages(): number {
    return this.committed.reduce((sum, page) => sum + page, 0);
  }

  reserve(bytes: number): number {
    const size = Math.ceil(bytes / 0x10000) * 0x10000;
    for (let base = BASE; base + size <= this.bytes.length; base += 0x10000) {
      if ([...this.regions].every(([start, length]) => base + size <= start || base >= start + length)) {
        this.regions.set(base, size);
        return base;
      }
    }
    return 0;
  }

  commit(address: number, bytes: number): boolean {
    const first = address >>> 12;
    const last = (address + bytes - 1) >>> 12;
    if (this.committedPages + last - first + 1 > this.limit) return false;
    this.committed.fill(1, first, last + 1);
    return true;
  }

  decommit(address: number, bytes: number): void {
    if (address % 4096 !== 0 || bytes % 4096 !== 0) throw new Error('decommit of parts of pages');
    this.committed.fill(0, address >>> 12, (address + bytes) >>> 12);
    this.bytes.fill(0, address, address + bytes);
  }

  release(address: number): void {
    const size = this.regions.get(address)!;
    this.decommit(address, size);
    this.regions.delete(address);
  }

  extent(address: number): { committed: number; reserved: number } {
    const [base, size] = [...this.regions].find(
      ([start, length]) => address >= start && address < start + length,
    )!;
    let end = address;
    while (end < base + size && this.committed[end >>> 12] === 1) end += 4096;
    return { committed: end - address, reserved: base + size - address };
  }

  private at(address: number, length: number): number {
    for (let page = address >>> 12; page <= (address + Math.max(length, 1) - 1) >>> 12; page++) {
      if (this.committed[page] !== 1) throw new FlatFault(address);
    }
    return address;
  }

  readonly context: HeapContext = {
    pages: this,
    memory: {
      readU8: (address) => this.view.getUint8(this.at(address, 1)),
      readU16: (address) => this.view.getUint16(this.at(address, 2), true),
      readU32: (address) => this.view.getUint32(this.at(address, 4), true),
      readPointer: (address) => this.view.getUint32(this.at(address, 8), true),
      writeU8: (address, value) => this.view.setUint8(this.at(address, 1), value),
      writeU16: (address, value) => this.view.setUint16(this.at(address, 2), value, true),
      writeU32: (address, value) => this.view.setUint32(this.at(address, 4), value, true),
      writePointer: (address, value) => this.view.setUint32(this.at(address, 8), value, true),
      fill: (address, length, byte) => void this.bytes.fill(byte, this.at(address, length), address + length),
      copy: (to, from, length) => {
        this.at(from, length);
        this.bytes.copyWithin(this.at(to, length), from, from + length);
      },
      probeRead: (address, length) => void this.at(address, length),
      probeWrite: (address, length) => void this.at(address, length),
    },
  };
}
