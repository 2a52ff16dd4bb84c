/**
 * Bits of the x64 paging entries, for TypeScript: an entry is two 32-bit words. The walk itself is cpu/paging.ts.
 * Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 3, "Paging"; the software bits (9 and 10) as in
 * "Unit OS5: Memory Management 5.2".
 */

/** Bits of the low word. */
export const PTE_VALID = 0x001;
/** Writing is allowed and the page is not copy-on-write; the bit that the processor checks. */
export const PTE_WRITE = 0x002;
/** User-mode code may use the page (Owner). */
export const PTE_USER = 0x004;
export const PTE_WRITE_THROUGH = 0x008;
export const PTE_CACHE_DISABLE = 0x010;
export const PTE_ACCESSED = 0x020;
export const PTE_DIRTY = 0x040;
export const PTE_LARGE_PAGE = 0x080;
export const PTE_GLOBAL = 0x100;
/** Software bit: a write gives the process its private copy. */
export const PTE_COPY_ON_WRITE = 0x200;
/** Software bit of invalid entries: the entry names a prototype PTE, or (in a prototype PTE) a subsection. */
export const PTE_PROTOTYPE = 0x400;

/** Bit of the high word: instructions cannot be fetched (bit 63). */
export const PTE_NO_EXECUTE = 0x80000000;

/** Entries in a table of any level, and bits of a virtual address that each level uses. */
const ENTRIES_PER_TABLE = 512;
const LEVEL_BITS = 9;

/** Frame number of an entry: bits 12-51. */
export function frameOf(low: number, high: number): number {
  return (low >>> 12) + (high & 0xfffff) * 0x100000;
}

/** Low word of an entry for a frame with the given low bits. */
export function lowWord(frame: number, bits: number): number {
  return ((frame << 12) | bits) >>> 0;
}

/** High word of an entry for a frame. */
export function highWord(frame: number, noExecute: boolean): number {
  return (Math.floor(frame / 0x100000) | (noExecute ? PTE_NO_EXECUTE : 0)) >>> 0;
}

/** Index in the table of a level (0 the page table, 3 the top) for a 48-bit address. */
export function tableIndex(address: number, level: number): number {
  return Math.floor(address / 2 ** (12 + LEVEL_BITS * level)) & (ENTRIES_PER_TABLE - 1);
}
