import { INSTRUCTIONS, TIME_ADDED } from './cpu/layout.js';
import type { PhysicalMemory } from './physical-memory.js';

/** Virtual nanoseconds that one instruction takes. */
export const NANOSECONDS_PER_INSTRUCTION = 1;

/**
 * Virtual time: instructions retired, and what devices added. RDTSC counts it in nanoseconds, Windows in units of 100 ns.
 * All of it stands in the machine's memory.
 */
export class Clock {
  private readonly words: Uint32Array;

  constructor(ram: PhysicalMemory) {
    this.words = ram.words;
  }

  /** Nanoseconds since the machine began. */
  get nanoseconds(): number {
    return this.read(INSTRUCTIONS) * NANOSECONDS_PER_INSTRUCTION + this.read(TIME_ADDED);
  }

  /** 100 ns units since the machine began, rounded down. */
  get time100ns(): number {
    return Math.floor(this.nanoseconds / 100);
  }

  /** Lets time pass without instructions: a device was waited for. */
  add100ns(units: number): void {
    const total = this.read(TIME_ADDED) + units * 100;
    this.words[TIME_ADDED >> 2] = total % 2 ** 32;
    this.words[(TIME_ADDED >> 2) + 1] = Math.floor(total / 2 ** 32);
  }

  private read(offset: number): number {
    return this.words[offset >> 2]! + this.words[(offset >> 2) + 1]! * 2 ** 32;
  }
}
