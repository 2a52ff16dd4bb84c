/** A solid-state disk, as the virtual clock sees it: a wait for each transfer, and time for each byte. */
const LATENCY_100NS = 800;
const BYTES_PER_100NS = 50;

/** Time that a transfer of so many bytes takes, in 100 ns units: 80 microseconds and 500 MB a second. */
export function transferTime100ns(bytes: number): number {
  return LATENCY_100NS + Math.ceil(bytes / BYTES_PER_100NS);
}
