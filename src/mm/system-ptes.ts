/**
 * System PTEs: page-sized slots of system space at FFFFF880_00000000 for kernel stacks and other mappings of the system.
 * Source: Unit OS5: Memory Management 5.2, "MM: Process Swap Support" (MiReserveSystemPtes, MiReleaseSystemPtes).
 */
import { PageBitmap } from './page-bitmap.js';
import { SYSTEM_PTE_END, SYSTEM_PTE_SPACE } from './system-space.js';

const PAGE_SIZE = 4096;

export class SystemPtes {
  private readonly bitmap = new PageBitmap((SYSTEM_PTE_END - SYSTEM_PTE_SPACE) / PAGE_SIZE);

  /** Pages reserved now. */
  get reserved(): number {
    return this.bitmap.taken;
  }

  /** Reserves a run of pages, with nothing mapped; returns its system address, or 0 when no run is free. */
  reserve(pages: number): number {
    const first = this.bitmap.take(pages);
    return first < 0 ? 0 : SYSTEM_PTE_SPACE + first * PAGE_SIZE;
  }

  /** Gives a reserved run back; its pages must be unmapped. */
  release(address: number, pages: number): void {
    this.bitmap.release((address - SYSTEM_PTE_SPACE) / PAGE_SIZE, pages);
  }
}
