import type { MemoryClock } from '../mm/memory-manager.js';

/** A clock that stands still until it is told to go on. */
export class TestClock implements MemoryClock {
  now100ns = 0;

  advance(units: number): void {
    this.now100ns += units;
  }
}
