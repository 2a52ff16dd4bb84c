import {
  STATUS_ACCESS_DENIED,
  STATUS_DIRECTORY_NOT_EMPTY,
  STATUS_DISK_FULL,
  STATUS_FILE_IS_A_DIRECTORY,
  STATUS_IO_DEVICE_ERROR,
  STATUS_MEDIA_WRITE_PROTECTED,
  STATUS_NOT_A_DIRECTORY,
  STATUS_OBJECT_NAME_COLLISION,
  STATUS_OBJECT_NAME_INVALID,
  STATUS_OBJECT_NAME_NOT_FOUND,
  STATUS_SHARING_VIOLATION,
  STATUS_SUCCESS,
  STATUS_TOO_MANY_OPENED_FILES,
} from '../base/ntstatus.js';
import { compareNames, foldName } from '../host/folding.js';
import { type Host, type HostEntry, HostError, type HostErrorCode } from '../host/host.js';
import type { FileControlBlock } from './file-control-block.js';

/** A folder of a host that appears in the guest's file system. */
export interface Mount {
  readonly drive: string;
  /** Where it appears, as components below the drive. */
  readonly components: readonly string[];
  readonly host: Host;
  readonly root: number;
  readonly writable: boolean;
}

/** A place in a mount; or a directory that exists only because a mount lies below it (`mount` null). */
export interface FileLocation {
  readonly mount: Mount | null;
  readonly drive: string;
  /** All components below the drive. */
  readonly path: readonly string[];
  /** Components below the mount. */
  readonly below: readonly string[];
}

const STATUS_OF_HOST: Readonly<Record<HostErrorCode, number>> = {
  'not-found': STATUS_OBJECT_NAME_NOT_FOUND,
  denied: STATUS_ACCESS_DENIED,
  'read-only': STATUS_MEDIA_WRITE_PROTECTED,
  busy: STATUS_SHARING_VIOLATION,
  exists: STATUS_OBJECT_NAME_COLLISION,
  'not-directory': STATUS_NOT_A_DIRECTORY,
  'is-directory': STATUS_FILE_IS_A_DIRECTORY,
  'not-empty': STATUS_DIRECTORY_NOT_EMPTY,
  'no-space': STATUS_DISK_FULL,
  io: STATUS_IO_DEVICE_ERROR,
  'name-too-long': STATUS_OBJECT_NAME_INVALID,
  link: STATUS_ACCESS_DENIED,
  'too-many-files': STATUS_TOO_MANY_OPENED_FILES,
};

/** The NTSTATUS of a failure of the host; anything else is rethrown. */
export function statusOfHostError(error: unknown): number {
  if (error instanceof HostError) return STATUS_OF_HOST[error.code];
  throw error;
}

/** Upper-case path, the key by which files are the same file. */
export function foldPath(drive: string, path: readonly string[]): string {
  return `${drive}:\\${path.map(foldName).join('\\')}`;
}

function moveBelow(notes: Map<string, unknown>, from: string, to: string): void {
  for (const [path, note] of [...notes]) {
    if (!path.startsWith(from)) continue;
    notes.delete(path);
    notes.set(to + path.slice(from.length), note);
  }
}

/** The guest's volumes: mounts in drives, and the files that are open. */
export class FileSystem {
  /** `clock`: calendar time in milliseconds since 1970. */
  constructor(private readonly clock: { readonly timeMs: number }) {}

  readonly mounts: Mount[] = [];
  /** Open files by folded path. */
  readonly openFiles = new Map<string, FileControlBlock>();
  /** Files whose name is gone while a section still uses them. */
  readonly orphans: FileControlBlock[] = [];
  /**
   * When files were written in this run, by folded path, in milliseconds since 1970: virtual time, where the host's own
   * clock would show.
   */
  readonly writtenMs = new Map<string, number>();
  /**
   * Times of creation and of the last access that this run knows, by folded path, in milliseconds since 1970: those of files that
   * programs made, and those that programs set. The host keeps the time of the last change alone.
   */
  readonly times = new Map<string, { createdMs?: number; accessedMs?: number }>();
  /** FILE_ATTRIBUTE_* that programs set in this run, by folded path; READONLY is the host's to keep. */
  readonly attributes = new Map<string, number>();
  /** Guest paths of folders where a write was refused because they are read only, in the order of the first refusal. */
  readonly refusedWrites: string[] = [];

  /** Puts a folder at a guest path such as C:\data; a mount at the same place replaces the older one. */
  mount(guestPath: string, host: Host, root: number, writable: boolean): void {
    const drive = guestPath[0]!.toUpperCase();
    const components = guestPath.slice(3).split('\\').filter(Boolean);
    const key = foldPath(drive, components);
    const old = this.mounts.findIndex((mount) => foldPath(mount.drive, mount.components) === key);
    if (old >= 0) this.mounts.splice(old, 1);
    this.mounts.push({ drive, components, host, root, writable });
    this.mounts.sort((left, right) => right.components.length - left.components.length);
  }

  /** The place of a path: in the deepest mount that holds it, else a directory above a mount; null when there is none. */
  locate(drive: string, path: readonly string[]): FileLocation | null {
    const folded = path.map(foldName);
    for (const mount of this.mounts) {
      const above = mount.components;
      if (mount.drive === drive && above.every((name, index) => foldName(name) === folded[index]))
        return { mount, drive, path, below: path.slice(above.length) };
    }
    const leads = this.mounts.some(
      (mount) =>
        mount.drive === drive &&
        folded.every((name, index) => name === foldName(mount.components[index] ?? '')),
    );
    return leads ? { mount: null, drive, path, below: [] } : null;
  }

  /** What is at a place, null for nothing; throws HostError. */
  entryAt(location: FileLocation): HostEntry | null {
    const { mount, path } = location;
    if (mount && location.below.length > 0) {
      const entry = mount.host.lookup(mount.root, location.below);
      return entry && this.#withTime(entry, foldPath(location.drive, path));
    }
    return { kind: 'directory', size: 0, modifiedMs: 0, name: path.at(-1) ?? '' };
  }

  #withTime(entry: HostEntry, key: string): HostEntry {
    const writtenMs = this.writtenMs.get(key);
    return writtenMs === undefined ? entry : { ...entry, modifiedMs: writtenMs };
  }

  /** Sorted entries of a directory, mounts inside it included; throws HostError. */
  list(location: FileLocation): HostEntry[] {
    const { mount, drive, path } = location;
    const folder = path.length === 0 ? foldPath(drive, []) : `${foldPath(drive, path)}\\`;
    const entries = (mount ? mount.host.list(mount.root, location.below) : []).map((entry) =>
      this.#withTime(entry, folder + foldName(entry.name)),
    );
    for (const { drive: other, components } of this.mounts) {
      const name = components[path.length];
      const below = other === drive && name !== undefined;
      if (!below || !path.every((part, index) => foldName(part) === foldName(components[index]!))) continue;
      if (!entries.some((entry) => foldName(entry.name) === foldName(name)))
        entries.push({ kind: 'directory', size: 0, modifiedMs: 0, name });
    }
    return entries.sort((left, right) => compareNames(left.name, right.name));
  }

  /** Forgets what this run noted of a path, whose file is gone. */
  forgetPath(key: string): void {
    this.writtenMs.delete(key);
    this.attributes.delete(key);
    this.times.delete(key);
  }

  /** Takes what this run noted of a path, and of all below a directory, to the new one. */
  movePath(from: string, to: string, isDirectory: boolean): void {
    if (from === to) return;
    for (const notes of [this.writtenMs, this.attributes, this.times] as Map<string, unknown>[]) {
      if (isDirectory) moveBelow(notes, `${from}\\`, `${to}\\`);
      const note = notes.get(from);
      notes.delete(to);
      if (note !== undefined) notes.set(to, note);
      notes.delete(from);
    }
  }

  /** The entry of a directory that a name means, as a list without the others; throws HostError. */
  listOne(folder: FileLocation, name: string): HostEntry[] {
    const location = this.locate(folder.drive, [...folder.path, name]);
    if (!location?.mount || location.below.length === 0)
      return this.list(folder).filter((entry) => foldName(entry.name) === foldName(name));
    try {
      const entry = this.entryAt(location);
      return entry === null ? [] : [entry];
    } catch (error) {
      if (error instanceof HostError && error.code === 'link') return [];
      throw error;
    }
  }

  /** The NTSTATUS that refuses a change in a read-only folder, which is noted; STATUS_SUCCESS when the folder can be written. */
  refuseWrite(location: FileLocation): number {
    if (location.mount === null) return STATUS_ACCESS_DENIED;
    if (location.mount.writable) return STATUS_SUCCESS;
    this.#noteRefusal(location);
    return STATUS_MEDIA_WRITE_PROTECTED;
  }

  #noteRefusal(location: FileLocation): void {
    const { mount, drive } = location;
    const folder = `${drive}:\\${(mount?.components ?? []).join('\\')}`;
    if (!this.refusedWrites.includes(folder)) this.refusedWrites.push(folder);
  }

  #noteWritten(key: string, file: FileControlBlock): void {
    file.modified = false;
    file.modifiedMs = this.clock.timeMs;
    this.writtenMs.set(key, file.modifiedMs);
  }

  /** An open file loses its name. */
  forget(file: FileControlBlock): void {
    for (const [key, open] of this.openFiles) if (open === file) this.openFiles.delete(key);
    file.orphaned = true;
    this.orphans.push(file);
  }

  /** Lets go of files that neither a handle nor a section uses any more. What views wrote after the last close is written now. */
  releaseUnused(): void {
    for (const [key, file] of this.openFiles) {
      if (file.openCount === 0 && file.modified) this.#noteWritten(key, file);
      if (file.isUnused) {
        file.close();
        this.openFiles.delete(key);
      }
    }
    for (let index = this.orphans.length - 1; index >= 0; index--)
      if (this.orphans[index]!.isUnused) this.orphans.splice(index, 1)[0]!.close();
  }
}
