/** A paging file in memory that can be told to fail, for tests. */
import { STATUS_DISK_FULL, STATUS_UNEXPECTED_IO_ERROR } from '../base/ntstatus.js';
import { HostIoError } from '../mm/backing-file.js';
import { MemoryPageFileStore } from '../mm/page-file.js';

export class FaultyPageFile extends MemoryPageFileStore {
  failsReads = false;
  /** Numbers of the paging files whose writes fail. */
  readonly failsWrites = new Set<number>();
  /** Reads and writes that failed. */
  failures = 0;

  override read(file: number, offset: number, target: Uint8Array): void {
    if (this.failsReads) {
      this.failures++;
      throw new HostIoError(STATUS_UNEXPECTED_IO_ERROR, 'the disk cannot be read');
    }
    super.read(file, offset, target);
  }

  override write(file: number, offset: number, source: Uint8Array): void {
    if (this.failsWrites.has(file)) {
      this.failures++;
      throw new HostIoError(STATUS_DISK_FULL, 'the disk is full');
    }
    super.write(file, offset, source);
  }

  /** Reads as if the disk worked, for looking from outside. */
  peek(file: number, offset: number, target: Uint8Array): void {
    super.read(file, offset, target);
  }
}
