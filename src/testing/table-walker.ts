/**
 * An independent reader of page tables: it is given only the bytes of RAM and the frame of a page directory, and knows the
 * published layouts by itself. Nothing of the memory manager is used, so that tests can hold one against the other.
 */

/** What the tables say about an address; `offset` is a byte offset in RAM where a frame holds the page, else -1. */
export interface WalkResult {
  readonly kind: 'resident' | 'demand-zero' | 'paging-file' | 'file-backed' | 'ask-the-vad' | 'decommitted';
  readonly offset: number;
}

const ASK: WalkResult = { kind: 'ask-the-vad', offset: -1 };
const LEVEL_SHIFTS = [39, 30, 21, 12];

export class TableWalker {
  private readonly view: DataView;

  /** `base` is the byte offset of frame 0 in `bytes`. */
  constructor(
    bytes: Uint8Array,
    private readonly base: number,
    private readonly directoryFrame: number,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Byte offset of the page-table entry of a 48-bit address, or -1 when a table on the way is not there. */
  private entry(address: number): number {
    let frame = this.directoryFrame;
    for (const shift of LEVEL_SHIFTS) {
      const at = this.base + frame * 4096 + (Math.floor(address / 2 ** shift) % 512) * 8;
      if (shift === 12) return at;
      const low = this.view.getUint32(at, true);
      if (low % 2 === 0) return -1;
      frame = low >>> 12;
    }
    return -1;
  }

  /** The page that holds a user address. */
  walk(address: number): WalkResult {
    const at = this.entry(address);
    if (at < 0) return ASK;
    const low = this.view.getUint32(at, true);
    const high = this.view.getUint32(at + 4, true);
    if (low === 0 && high === 0) return ASK;
    const found = this.resident(low, address);
    if (found !== null) return found;
    if ((low & 0x400) === 0) return this.software(low, high);
    if (high === 0xffff_ffff) return ASK;
    return this.prototype(high * 0x1_0000 + (low >>> 16), address);
  }

  /** Valid, or in transition: the frame holds the page. */
  private resident(low: number, address: number): WalkResult | null {
    const isTransition = (low & 0xc01) === 0x800;
    if (low % 2 === 0 && !isTransition) return null;
    return { kind: 'resident', offset: this.base + (low >>> 12) * 4096 + (address % 4096) };
  }

  private software(low: number, high: number): WalkResult {
    if (low === 0x200 && high === 0) return { kind: 'decommitted', offset: -1 };
    const inFile = high !== 0 || (low & 0x1e) !== 0;
    return { kind: inFile ? 'paging-file' : 'demand-zero', offset: -1 };
  }

  /** A prototype PTE lies at a system address, which the same tables translate. */
  private prototype(prototypeAddress: number, address: number): WalkResult {
    const pte = this.entry(prototypeAddress);
    const page = pte < 0 ? null : this.resident(this.view.getUint32(pte, true), prototypeAddress);
    if (page === null) throw new Error(`prototype PTE ${prototypeAddress.toString(16)} is not resident`);
    const low = this.view.getUint32(page.offset, true);
    const high = this.view.getUint32(page.offset + 4, true);
    const found = this.resident(low, address);
    if (found !== null) return found;
    return (low & 0x400) !== 0 ? { kind: 'file-backed', offset: -1 } : this.software(low, high);
  }
}
