import type { Clock } from '../machine/clock.js';

/** Seconds from 1601-01-01 to 1970-01-01. */
const EPOCH_SECONDS = 11_644_473_600;
const UNITS_PER_SECOND = 10_000_000;

/** A FILETIME or LARGE_INTEGER as two unsigned 32-bit words. */
export interface TimeValue {
  lo: number;
  hi: number;
}

/** Virtual time for the executive: 100 ns units since the machine began, and the calendar time that this stands for. */
export class SystemClock {
  constructor(
    private readonly clock: Clock,
    /** Calendar time when the machine began, in whole seconds since 1970-01-01 UTC. */
    readonly bootSeconds: number,
  ) {}

  /** Nanoseconds since the machine began. */
  get nanoseconds(): number {
    return this.clock.nanoseconds;
  }

  /** 100 ns units since the machine began. */
  get now100ns(): number {
    return this.clock.time100ns;
  }

  /** Lets time pass while nothing runs; 100 ns units. */
  advance(units: number): void {
    this.clock.add100ns(units);
  }

  /** System time in 100 ns units since 1601-01-01 UTC (NtQuerySystemTime). */
  systemTime(out: TimeValue): void {
    toFileTime(this.bootSeconds + EPOCH_SECONDS, this.now100ns, out);
  }

  /** Milliseconds since 1970-01-01 UTC, rounded down. */
  get timeMs(): number {
    return this.bootSeconds * 1000 + Math.floor(this.now100ns / 10_000);
  }
}

/** seconds * 10^7 + units as two words; the sum passes 2^53, so the words are computed apart. */
function toFileTime(seconds: number, units: number, out: TimeValue): void {
  const total = seconds + Math.floor(units / UNITS_PER_SECOND);
  const rest = units % UNITS_PER_SECOND;
  const highPart = Math.floor(total / 65536) * UNITS_PER_SECOND;
  const low = (highPart % 65536) * 65536 + (total % 65536) * UNITS_PER_SECOND + rest;
  out.lo = low % 2 ** 32;
  out.hi = Math.floor(highPart / 65536) + Math.floor(low / 2 ** 32);
}

/** The FILETIME of a time in milliseconds since 1970-01-01 UTC. */
export function fileTimeOfMs(milliseconds: number, out: TimeValue): void {
  const seconds = Math.floor(milliseconds / 1000);
  toFileTime(seconds + EPOCH_SECONDS, (milliseconds - seconds * 1000) * 10_000, out);
}

/** Milliseconds since 1970-01-01 UTC of a FILETIME, rounded down. */
export function msOfFileTime(lo: number, hi: number): number {
  return Math.floor(hi * 429_496.7296 + lo / 10_000 - EPOCH_SECONDS * 1000);
}
