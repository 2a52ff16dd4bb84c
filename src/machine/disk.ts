/**
 * The disk that paging files and mapped files lie on, as the virtual clock sees it: one queue, first come first served, and
 * what a transfer takes. The bytes themselves are the host's business. Times in 100 ns units, positions and lengths in bytes.
 */

/** `ssd`: solid state; `hdd`: a head that moves over a platter that turns. */
export type DiskModel = 'ssd' | 'hdd';

/** 80 microseconds until the first byte, which commands that wait in the queue spend together, then 500 MB a second. */
const SSD_LATENCY = 800;
const SSD_BYTES_PER_UNIT = 50;

/** 7,200 turns a minute: half a turn on average until the sector comes by; then 150 MB a second. */
const HDD_HALF_TURN = 41_667;
const HDD_BYTES_PER_UNIT = 15;
/** From a track to the next, and from one end of the disk to the other. */
const HDD_SHORTEST_SEEK = 8_000;
const HDD_LONGEST_SEEK = 160_000;
const HDD_BYTES = 2 ** 40;

export class Disk {
  /** Time at which the last transfer of the queue ends. */
  busyUntil = 0;
  /** Position behind the last transfer of the queue. */
  head = 0;
  /** Transfers so far, and the time that they took without the time in the queue. */
  transfers = 0;
  busyTime = 0;

  constructor(readonly model: DiskModel = 'ssd') {}

  /** Puts a transfer behind those in the queue; returns the time at which it ends, never before that of an earlier one. */
  submit(now: number, position: number, bytes: number): number {
    const begin = Math.max(now, this.busyUntil);
    const end =
      this.model === 'ssd'
        ? Math.max(begin, now + SSD_LATENCY) + Math.ceil(bytes / SSD_BYTES_PER_UNIT)
        : begin + this.reachTime(position) + Math.ceil(bytes / HDD_BYTES_PER_UNIT);
    this.transfers++;
    this.busyTime += end - begin;
    this.busyUntil = end;
    this.head = position + bytes;
    return end;
  }

  /** Until the head is over a position: nothing when it is there, else a seek (growing with the square root of its way) and half a turn. */
  private reachTime(position: number): number {
    const way = Math.min(HDD_BYTES, Math.abs(position - this.head));
    if (way === 0) return 0;
    const seek = HDD_SHORTEST_SEEK + (HDD_LONGEST_SEEK - HDD_SHORTEST_SEEK) * Math.sqrt(way / HDD_BYTES);
    return Math.round(seek) + HDD_HALF_TURN;
  }
}
