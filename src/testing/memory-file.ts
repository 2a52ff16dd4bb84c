/** A file in memory that can be mapped, for tests; reads and writes can be made to fail. */
import { STATUS_ACCESS_DENIED, STATUS_FILE_CORRUPT_ERROR, STATUS_SUCCESS } from '../base/ntstatus.js';
import { type BackingFile, HostIoError } from '../mm/backing-file.js';
import type { ControlArea } from '../mm/control-area.js';

export class MemoryFile implements BackingFile {
  dataControlArea: ControlArea | null = null;
  imageControlArea: ControlArea | null = null;
  reads = 0;
  writes = 0;
  /** Reads, writes, or both fail. */
  failing: boolean | 'reads' | 'writes' = false;
  /** How many have failed. */
  failures = 0;

  constructor(
    public bytes: Uint8Array,
    readonly name = 'C:\\work\\file.dat',
    readonly writable = true,
  ) {}

  get size(): number {
    return this.bytes.length;
  }

  read(offset: number, target: Uint8Array): number {
    this.fail('reads');
    this.reads++;
    const part = this.bytes.subarray(offset, offset + target.length);
    target.set(part);
    return part.length;
  }

  write(offset: number, source: Uint8Array): void {
    this.fail('writes');
    this.writes++;
    if (offset + source.length > this.bytes.length) this.resize(offset + source.length);
    this.bytes.set(source, offset);
  }

  setSize(bytes: number): number {
    if (!this.writable) return STATUS_ACCESS_DENIED;
    this.resize(bytes);
    return STATUS_SUCCESS;
  }

  private resize(bytes: number): void {
    const next = new Uint8Array(bytes);
    next.set(this.bytes.subarray(0, bytes));
    this.bytes = next;
  }

  private fail(operation: 'reads' | 'writes'): void {
    if (this.failing !== true && this.failing !== operation) return;
    this.failures++;
    throw new HostIoError(STATUS_FILE_CORRUPT_ERROR, 'the host refuses');
  }
}
