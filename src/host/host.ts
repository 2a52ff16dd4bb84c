/**
 * The one interface to the outside: folders, the console, nothing else. Synchronous; failures are thrown as HostError.
 * A folder given to the guest is a root, a small integer; a path is the list of its components below a root.
 */

export type HostErrorCode =
  | 'not-found'
  | 'denied'
  /** The folder lies on a volume that cannot be written. */
  | 'read-only'
  /** Somebody else uses the file in a way that stands against it. */
  | 'busy'
  | 'exists'
  | 'not-directory'
  | 'is-directory'
  | 'not-empty'
  | 'no-space'
  | 'io'
  | 'name-too-long'
  | 'link'
  | 'too-many-files';

export class HostError extends Error {
  readonly code: HostErrorCode;

  constructor(code: HostErrorCode, message: string) {
    super(message);
    this.name = 'HostError';
    this.code = code;
  }
}

export type HostEntryKind = 'file' | 'directory';

export interface HostEntry {
  readonly kind: HostEntryKind;
  /** Bytes; 0 for a directory. */
  readonly size: number;
  /** Last change, in milliseconds since 1970-01-01 UTC. */
  readonly modifiedMs: number;
  /** The name as the host spells it. */
  readonly name: string;
  /** A file that its owner must not write. */
  readonly readOnly?: boolean;
}

export type HostAccess = 'read' | 'write';

/** What open does about existence: the file must exist, must not exist, is made when missing, is emptied, or is made or emptied. */
export type HostCreation = 'open' | 'create-new' | 'open-or-create' | 'truncate' | 'create-or-truncate';

/** Standard output or standard error of the host. */
export type HostStream = 1 | 2;

export interface Host {
  /**
   * Finds an entry. Names compare without case on every host: an exact match first, else the first in sorted order.
   * Null when it does not exist; a symbolic link on the way or at the end throws 'link'. Never leaves the root.
   */
  lookup(root: number, components: readonly string[]): HostEntry | null;
  /** Entries of a directory in sorted order; symbolic links and other non-files are left out. */
  list(root: number, components: readonly string[]): HostEntry[];
  /** Opens a file and returns its host file id. A 'write' access also reads. */
  open(root: number, components: readonly string[], access: HostAccess, creation: HostCreation): number;
  /** Reads at a byte offset; returns how many bytes were read, less than asked only at the end of the file. */
  read(file: number, offset: number, target: Uint8Array): number;
  /** Writes all bytes at a byte offset; a gap before it reads as zeroes. */
  write(file: number, offset: number, source: Uint8Array): void;
  /** Bytes. */
  size(file: number): number;
  /** Cuts or extends (with zeroes) to a size in bytes. */
  truncate(file: number, size: number): void;
  flush(file: number): void;
  close(file: number): void;
  /** Removes a file or an empty directory. */
  remove(root: number, components: readonly string[]): void;
  /** Moves within one root; the target must not exist unless `replace`. */
  rename(root: number, from: readonly string[], to: readonly string[], replace: boolean): void;
  makeDirectory(root: number, components: readonly string[]): void;
  /** Sets the last change, in milliseconds since 1970-01-01 UTC. */
  setModified(root: number, components: readonly string[], modifiedMs: number): void;
  /** Says whether a file's owner must not write it. */
  setReadOnly(root: number, components: readonly string[], readOnly: boolean): void;
  writeConsole(stream: HostStream, bytes: Uint8Array): void;
}
