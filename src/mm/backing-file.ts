/**
 * What the memory manager needs of a file that is mapped: its bytes. One object stands for one file, however often it is
 * open (the file's SECTION_OBJECT_POINTERS hang on it).
 */
import type { ControlArea } from './control-area.js';

/** A read or write of the host failed. `status` is the NTSTATUS that STATUS_IN_PAGE_ERROR carries as its reason. */
export class HostIoError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = 'HostIoError';
  }
}

export interface BackingFile {
  /** Guest path, for people. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** The file may be written and extended. */
  readonly writable: boolean;
  /** The file has lost its name: nothing will open it again. */
  readonly orphaned?: boolean;
  /** The control area of the file's data sections, null while there are none (DataSectionObject). */
  dataControlArea: ControlArea | null;
  /** The control area of its image sections (ImageSectionObject). */
  imageControlArea: ControlArea | null;
  /** Reads at a byte offset; returns how many bytes were read, less than asked only at the end. Throws HostIoError. */
  read(offset: number, target: Uint8Array): number;
  /** Writes all bytes at a byte offset, extending the file when they end past its size. Throws HostIoError. */
  write(offset: number, source: Uint8Array): void;
  /** Cuts or extends (with zeros) to a size in bytes; returns an NTSTATUS. */
  setSize(bytes: number): number;
}
