/**
 * An independent reader of page tables: it is given only the bytes of RAM and the frame of a page directory, and knows the
 * published layouts by itself. Nothing of the memory manager is used, so that tests can hold one against the other.
 */

/** What the tables say about an address; `offset` is a byte offset in RAM where a frame holds the page, else -1. */
export interface WalkResult {
  readonly kind:
    | 'table-unread'
    | 'resident'
    | 'demand-zero'
    | 'paging-file'
    | 'file-backed'
    | 'ask-the-vad'
    | 'decommitted';
  readonly offset: number;
}

const UNREAD: WalkResult = { kind: 'table-unread', offset: -1 };
const ASK: WalkResult = { kind: 'ask-the-vad', offset: -1 };
const NO_TABLE = 'no table';
const TABLE_UNREAD = 'table in a paging file';
const LEVEL_SHIFTS = [39, 30, 21, 12];

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export class TableWalker {
  private readonly view: DataView;

  /**
   * `base` is the byte offset of frame 0 in `bytes`. `readTable` answers the 4096 bytes of a block of a paging file, where page
   * tables can be.
   */
  constructor(
    bytes: Uint8Array,
    private readonly base: number,
    private readonly directoryFrame: number,
    private readonly readTable: ((file: number, block: number) => Uint8Array) | null = null,
  ) {
    this.view = viewOf(bytes);
  }

  /** The two words of the page-table entry of a 48-bit address; NO_TABLE or TABLE_UNREAD. */
  private entry(address: number): [low: number, high: number] | typeof NO_TABLE | typeof TABLE_UNREAD {
    let table = this.table(this.directoryFrame);
    for (const shift of LEVEL_SHIFTS) {
      const at = (Math.floor(address / 2 ** shift) % 512) * 8;
      const low = table.getUint32(at, true);
      const high = table.getUint32(at + 4, true);
      if (shift === 12) return [low, high];
      if (low === 0 && high === 0) return NO_TABLE;
      if (low % 2 === 1 || (low & 0x800) !== 0) table = this.table(low >>> 12);
      else if (this.readTable === null) return TABLE_UNREAD;
      else table = viewOf(this.readTable((low >>> 1) & 15, high));
    }
    return NO_TABLE;
  }

  private table(frame: number): DataView {
    const { view } = this;
    return new DataView(view.buffer, view.byteOffset + this.base + frame * 4096, 4096);
  }

  /** The page that holds a user address. */
  walk(address: number): WalkResult {
    const entry = this.entry(address);
    if (entry === NO_TABLE) return ASK;
    if (entry === TABLE_UNREAD) return UNREAD;
    const [low, high] = entry;
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
    const page = typeof pte === 'string' ? null : this.resident(pte[0], prototypeAddress);
    if (page === null) throw new Error(`prototype PTE ${prototypeAddress.toString(16)} is not resident`);
    const low = this.view.getUint32(page.offset, true);
    const high = this.view.getUint32(page.offset + 4, true);
    const found = this.resident(low, address);
    if (found !== null) return found;
    return (low & 0x400) !== 0 ? { kind: 'file-backed', offset: -1 } : this.software(low, high);
  }
}
