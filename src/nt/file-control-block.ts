import { STATUS_SUCCESS } from '../base/ntstatus.js';
import { type HostEntry, HostError, type HostErrorCode } from '../host/host.js';
import { type BackingFile, HostIoError } from '../mm/backing-file.js';
import type { ControlArea } from '../mm/control-area.js';
import { FileLocks } from './file-locks.js';
import { type FileLocation, type FileSystem, type Mount, statusOfHostError } from './file-system.js';

/** Runs a read or write of the host for the memory manager, which knows HostIoError alone. */
function guarded<T>(operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    if (error instanceof HostError) throw new HostIoError(statusOfHostError(error), error.message);
    throw error;
  }
}

/** An open file (FCB): one for all handles and sections of the same file. */
export class FileControlBlock implements BackingFile {
  /** Guest path, such as C:\work\a.txt. */
  name: string;
  mount: Mount;
  /** Components below the mount. */
  components: readonly string[];
  /** Whether the host lets the file be written. */
  readonly writable: boolean;
  dataControlArea: ControlArea | null = null;
  imageControlArea: ControlArea | null = null;
  /** File objects whose last handle is still open. */
  openCount = 0;
  /** Of those, how many take part in sharing. */
  sharingOpens = 0;
  /** Of those, how many have read, write or delete access, and how many share each. */
  readonly access = { readers: 0, writers: 0, deleters: 0, shareRead: 0, shareWrite: 0, shareDelete: 0 };
  readonly locks = new FileLocks();
  orphaned = false;
  /** The file goes away when its last handle closes. */
  deletePending = false;
  /** Last change in milliseconds since 1970 as the host had it at the open, or as the guest set it. */
  modifiedMs: number;
  /** FILE_ATTRIBUTE_READONLY. */
  readOnly: boolean;
  /** The guest has written since the open, and not set the time itself. */
  modified = false;
  #hostFile: number;
  #size: number;
  /** The host's size and time of the file when it was last closed; null when it has been written since. */
  #hostState: { readonly size: number; readonly modifiedMs: number } | null = null;

  constructor(
    location: FileLocation & { readonly mount: Mount },
    entry: HostEntry,
    hostFile: number,
    writable: boolean,
  ) {
    this.mount = location.mount;
    this.components = location.below;
    this.name = `${location.drive}:\\${[...location.path.slice(0, -1), entry.name].join('\\')}`;
    this.writable = writable;
    this.modifiedMs = entry.modifiedMs;
    this.readOnly = entry.readOnly ?? false;
    this.#hostFile = hostFile;
    this.#size = location.mount.host.size(hostFile);
  }

  /** Bytes. */
  get size(): number {
    return this.#size;
  }

  read(offset: number, target: Uint8Array): number {
    return guarded(() => this.mount.host.read(this.#hostFile, offset, target));
  }

  write(offset: number, source: Uint8Array): void {
    guarded(() => this.mount.host.write(this.#hostFile, offset, source));
    this.modified = true;
    this.#hostState = null;
    if (offset + source.length > this.#size) this.#size = offset + source.length;
  }

  setSize(bytes: number): number {
    try {
      this.mount.host.truncate(this.#hostFile, bytes);
    } catch (error) {
      return statusOfHostError(error);
    }
    this.#size = bytes;
    this.modified = true;
    return STATUS_SUCCESS;
  }

  /** Hands what the host still holds in its buffers to its disk; returns an NTSTATUS. */
  flush(): number {
    try {
      this.mount.host.flush(this.#hostFile);
      return STATUS_SUCCESS;
    } catch (error) {
      return statusOfHostError(error);
    }
  }

  get isUnused(): boolean {
    return this.openCount === 0 && this.dataControlArea === null && this.imageControlArea === null;
  }

  /** The first of new opens: the times are those that the host has now. */
  reopen(entry: HostEntry): void {
    this.modifiedMs = entry.modifiedMs;
    this.modified = false;
  }

  #entryOfHost(): HostEntry | null {
    try {
      return this.mount.host.lookup(this.mount.root, this.components);
    } catch (error) {
      statusOfHostError(error);
      return null;
    }
  }

  /** The last handle closes: remembers how the host has the file, for pages of it that stay in memory. */
  noteHostState(): void {
    if (this.dataControlArea ?? this.imageControlArea) this.#hostState = this.#entryOfHost();
  }

  /** Whether somebody else has changed the file since: what is in memory of it is out of date. */
  hostHasChanged(): boolean {
    if (this.#hostState === null) return false;
    const entry = this.#entryOfHost();
    return entry?.size !== this.#hostState.size || entry.modifiedMs !== this.#hostState.modifiedMs;
  }

  close(): void {
    this.mount.host.close(this.#hostFile);
  }
}

/** Failures to open for writing after which the file may still be read. */
const CANNOT_BE_WRITTEN: ReadonlySet<HostErrorCode> = new Set(['denied', 'read-only', 'busy']);

/** Opens the host's file of a place that exists, for writing when it can be; throws HostError. */
export function openFileControlBlock(
  fileSystem: FileSystem,
  key: string,
  location: FileLocation & { readonly mount: Mount },
  entry: HostEntry,
): FileControlBlock {
  const { mount, below } = location;
  let writable = mount.writable;
  let hostFile = -1;
  if (writable) {
    try {
      hostFile = mount.host.open(mount.root, below, 'write', 'open');
    } catch (error) {
      if (!(error instanceof HostError) || !CANNOT_BE_WRITTEN.has(error.code)) throw error;
      writable = false;
    }
  }
  if (!writable) hostFile = mount.host.open(mount.root, below, 'read', 'open');
  const file = new FileControlBlock(location, entry, hostFile, writable);
  fileSystem.openFiles.set(key, file);
  return file;
}
