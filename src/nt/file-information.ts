import {
  STATUS_ACCESS_DENIED,
  STATUS_CANNOT_DELETE,
  STATUS_DIRECTORY_NOT_EMPTY,
  STATUS_INVALID_DEVICE_REQUEST,
  STATUS_INVALID_PARAMETER,
  STATUS_NO_MORE_FILES,
  STATUS_NO_SUCH_FILE,
  STATUS_NOT_SAME_DEVICE,
  STATUS_OBJECT_NAME_COLLISION,
  STATUS_OBJECT_NAME_INVALID,
  STATUS_OBJECT_NAME_NOT_FOUND,
  STATUS_OBJECT_PATH_NOT_FOUND,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import type { HostEntry } from '../host/host.js';
import { setMappedFileSize } from '../mm/mapped-file.js';
import { forceSectionClosed } from '../mm/unused-segments.js';
import { DELETE, FILE_READ_DATA, FILE_WRITE_ATTRIBUTES, FILE_WRITE_DATA } from './access.js';
import { beginListing } from './directory-listing.js';
import { parseNtPath } from './file-name.js';
import {
  FILE_ATTRIBUTE_ARCHIVE,
  FILE_ATTRIBUTE_DIRECTORY,
  FILE_ATTRIBUTE_NORMAL,
  FILE_ATTRIBUTE_READONLY,
  type FileObject,
  SETTABLE_ATTRIBUTES,
} from './file-object.js';
import { type FileLocation, foldPath, type Mount, statusOfHostError } from './file-system.js';
import { fileOfHandle } from './io.js';
import type { Kernel } from './kernel.js';
import { isNameInExpression } from './name-expression.js';
import type { Process } from './process.js';

/** What a program can learn of a file or directory. */
export interface FileInformation {
  readonly device: FileObject['device'];
  readonly directory: boolean;
  /** FILE_ATTRIBUTE_*. */
  readonly attributes: number;
  /** Bytes. */
  readonly size: number;
  /** Bytes, in clusters of 4 KB. */
  readonly allocationSize: number;
  /** Times in milliseconds since 1970-01-01 UTC; those of creation and access are that of the last change unless the run knows better. */
  readonly modifiedMs: number;
  readonly createdMs: number;
  readonly accessedMs: number;
  /** Guest path, such as C:\work\a.txt; a device name for devices. */
  readonly path: string;
  /** Byte offset of the next read or write; 0 when there is no open file. */
  readonly position: number;
  readonly deletePending: boolean;
}

/** One entry of a directory listing. */
export interface DirectoryEntry {
  readonly name: string;
  readonly attributes: number;
  readonly size: number;
  readonly modifiedMs: number;
  readonly createdMs: number;
  readonly accessedMs: number;
  /** Guest path of the entry, by which its file id is found. */
  readonly path: string;
}

const CLUSTER = 4096;

/** FILE_ATTRIBUTE_* of an entry at a folded path. Files that cannot be written are read only. */
function attributesOf(
  { fileSystem }: Kernel,
  entry: { readonly kind: HostEntry['kind']; readonly readOnly?: boolean },
  mount: Mount | null,
  key: string,
): number {
  const set = fileSystem.attributes.get(key);
  if (entry.kind === 'directory') return FILE_ATTRIBUTE_DIRECTORY | (set ?? 0);
  const readOnly = entry.readOnly || !mount?.writable ? FILE_ATTRIBUTE_READONLY : 0;
  return (set ?? FILE_ATTRIBUTE_ARCHIVE) | readOnly || FILE_ATTRIBUTE_NORMAL;
}

/** The three times of a file at a folded path that was last changed at `modifiedMs`. */
function timesOf({ fileSystem }: Kernel, key: string, modifiedMs: number) {
  const known = fileSystem.times.get(key);
  return {
    modifiedMs,
    createdMs: known?.createdMs ?? modifiedMs,
    accessedMs: known?.accessedMs ?? modifiedMs,
  };
}

/** What an open file is (NtQueryInformationFile); a number is the NTSTATUS that refuses the handle. */
export function queryInformationFile(
  kernel: Kernel,
  process: Process,
  handle: number,
): FileInformation | number {
  const object = fileOfHandle(kernel, process, handle, 0);
  return typeof object === 'number' ? object : informationOf(kernel, object);
}

/** When a directory was last changed; devices and directories that are none of the host's were when the machine began. */
function modifiedOf({ fileSystem, bootTimeMs }: Kernel, { location }: FileObject): number {
  if (!location?.mount) return bootTimeMs;
  try {
    return fileSystem.entryAt(location)?.modifiedMs || bootTimeMs;
  } catch (error) {
    statusOfHostError(error);
    return bootTimeMs;
  }
}

function informationOf(kernel: Kernel, object: FileObject): FileInformation {
  const { file, location } = object;
  const size = file?.size ?? 0;
  const key = location ? foldPath(location.drive, location.path) : '';
  const modifiedMs = file ? (file.modified ? kernel.timeMs : file.modifiedMs) : modifiedOf(kernel, object);
  return {
    device: object.device,
    directory: object.isDirectory,
    attributes:
      object.device === 'disk'
        ? attributesOf(
            kernel,
            { kind: object.isDirectory ? 'directory' : 'file', readOnly: file?.readOnly ?? false },
            location?.mount ?? null,
            key,
          )
        : 0,
    size,
    allocationSize: Math.ceil(size / CLUSTER) * CLUSTER,
    ...timesOf(kernel, key, modifiedMs),
    path: object.path,
    position: object.position,
    deletePending: file?.deletePending ?? false,
  };
}

/** What a path names, without opening it (NtQueryFullAttributesFile); a number is the NTSTATUS. */
export function queryAttributesFile(kernel: Kernel, path: string): FileInformation | number {
  const parsed = parseNtPath(path);
  if (typeof parsed === 'number') return parsed;
  if (parsed.device !== 'disk') return STATUS_OBJECT_NAME_INVALID;
  const { fileSystem } = kernel;
  try {
    const location = fileSystem.locate(parsed.drive, parsed.components);
    const entry = location && fileSystem.entryAt(location);
    if (!location || !entry) {
      const parent = fileSystem.locate(parsed.drive, parsed.components.slice(0, -1));
      const folder = parent && fileSystem.entryAt(parent);
      return folder?.kind === 'directory' ? STATUS_OBJECT_NAME_NOT_FOUND : STATUS_OBJECT_PATH_NOT_FOUND;
    }
    if (parsed.directoryOnly && entry.kind === 'file') return STATUS_OBJECT_NAME_INVALID;
    const key = foldPath(location.drive, location.path);
    const open = fileSystem.openFiles.get(key);
    const size = open?.size ?? entry.size;
    const names = location.below.length > 0 ? [...location.path.slice(0, -1), entry.name] : location.path;
    return {
      device: 'disk',
      directory: entry.kind === 'directory',
      attributes: attributesOf(kernel, entry, location.mount, key),
      size,
      allocationSize: Math.ceil(size / CLUSTER) * CLUSTER,
      ...timesOf(
        kernel,
        key,
        open?.modified ? kernel.timeMs : (open?.modifiedMs ?? (entry.modifiedMs || kernel.bootTimeMs)),
      ),
      path: `${location.drive}:\\${names.join('\\')}`,
      position: 0,
      deletePending: open?.deletePending ?? false,
    };
  } catch (error) {
    return statusOfHostError(error);
  }
}

/** Sets the byte offset of the next read or write (FilePositionInformation). */
export function setFilePosition(kernel: Kernel, process: Process, handle: number, position: number): number {
  const object = fileOfHandle(kernel, process, handle, 0);
  if (typeof object === 'number') return object;
  if (!(position >= 0)) return STATUS_INVALID_PARAMETER;
  if (object.device !== 'disk') return STATUS_INVALID_DEVICE_REQUEST;
  kernel.memory.commit();
  object.position = position;
  return STATUS_SUCCESS;
}

/** Cuts or extends a file to a size in bytes (FileEndOfFileInformation). */
export function setEndOfFile(kernel: Kernel, process: Process, handle: number, size: number): number {
  const object = fileOfHandle(kernel, process, handle, FILE_WRITE_DATA);
  if (typeof object === 'number') return object;
  if (!object.file) return STATUS_INVALID_DEVICE_REQUEST;
  if (!(size >= 0 && Number.isSafeInteger(size))) return STATUS_INVALID_PARAMETER;
  kernel.memory.commit();
  return setMappedFileSize(kernel.mm, object.file, size);
}

/** Times in milliseconds since 1970; what is left out stays. */
export interface FileTimes {
  readonly modifiedMs?: number | undefined;
  readonly createdMs?: number | undefined;
  readonly accessedMs?: number | undefined;
}

/** Sets the times of a file or directory (FileBasicInformation). The host keeps that of the last change, the run the others. */
export function setFileTimes(kernel: Kernel, process: Process, handle: number, times: FileTimes): number {
  const object = fileOfHandle(kernel, process, handle, FILE_WRITE_ATTRIBUTES);
  if (typeof object === 'number') return object;
  const { location } = object;
  if (!location?.mount) return STATUS_INVALID_DEVICE_REQUEST;
  kernel.memory.commit();
  const key = foldPath(location.drive, location.path);
  const { modifiedMs, createdMs, accessedMs } = times;
  if (modifiedMs !== undefined) {
    const status = setModified(kernel, object, location.mount, key, modifiedMs);
    if (status !== STATUS_SUCCESS) return status;
  }
  if (createdMs === undefined && accessedMs === undefined) return STATUS_SUCCESS;
  const known = kernel.fileSystem.times.get(key);
  kernel.fileSystem.times.set(key, {
    ...known,
    ...(createdMs !== undefined && { createdMs }),
    ...(accessedMs !== undefined && { accessedMs }),
  });
  return STATUS_SUCCESS;
}

function setModified(
  { fileSystem }: Kernel,
  { file, location }: FileObject,
  mount: Mount,
  key: string,
  modifiedMs: number,
): number {
  try {
    mount.host.setModified(mount.root, file?.components ?? location!.below, modifiedMs);
  } catch (error) {
    return statusOfHostError(error);
  }
  fileSystem.writtenMs.delete(key);
  if (file) {
    file.modified = false;
    file.modifiedMs = modifiedMs;
  }
  return STATUS_SUCCESS;
}

/** Sets FILE_ATTRIBUTE_* (FileBasicInformation); NORMAL stands for none. A directory's READONLY is not kept. */
export function setFileAttributes(
  kernel: Kernel,
  process: Process,
  handle: number,
  attributes: number,
): number {
  const object = fileOfHandle(kernel, process, handle, FILE_WRITE_ATTRIBUTES);
  if (typeof object === 'number') return object;
  const { location, file } = object;
  if (!location?.mount) return STATUS_INVALID_DEVICE_REQUEST;
  if (!object.isDirectory && attributes & FILE_ATTRIBUTE_DIRECTORY) return STATUS_INVALID_PARAMETER;
  const refusal = kernel.fileSystem.refuseWrite(location);
  if (refusal !== STATUS_SUCCESS) return refusal;
  kernel.memory.commit();
  const readOnly = (attributes & FILE_ATTRIBUTE_READONLY) !== 0;
  if (file && file.readOnly !== readOnly) {
    try {
      location.mount.host.setReadOnly(location.mount.root, file.components, readOnly);
    } catch (error) {
      return statusOfHostError(error);
    }
    file.readOnly = readOnly;
  }
  const key = foldPath(location.drive, location.path);
  kernel.fileSystem.attributes.set(key, attributes & SETTABLE_ATTRIBUTES);
  return STATUS_SUCCESS;
}

export interface DeleteOptions {
  /** The name goes when this handle closes, whoever else has the file open. */
  readonly posix?: boolean;
  readonly ignoreReadOnly?: boolean;
}

/** Marks a file or an empty directory to go away when its last handle closes (FileDispositionInformation). */
export function setDeleteDisposition(
  kernel: Kernel,
  process: Process,
  handle: number,
  remove: boolean,
  { posix, ignoreReadOnly }: DeleteOptions = {},
): number {
  const object = fileOfHandle(kernel, process, handle, DELETE);
  if (typeof object === 'number') return object;
  const { file, location } = object;
  if (!location?.mount) return STATUS_INVALID_DEVICE_REQUEST;
  kernel.memory.commit();
  const refusal = kernel.fileSystem.refuseWrite(location);
  if (refusal !== STATUS_SUCCESS) return refusal;
  if (object.isDirectory) {
    if (location.below.length === 0) return STATUS_CANNOT_DELETE;
    try {
      if (remove && kernel.fileSystem.list(location).length > 0) return STATUS_DIRECTORY_NOT_EMPTY;
    } catch (error) {
      return statusOfHostError(error);
    }
    object.deleteOnClose = remove;
    return STATUS_SUCCESS;
  }
  if (remove && file!.readOnly && !ignoreReadOnly) return STATUS_CANNOT_DELETE;
  if (remove && !forceSectionClosed(kernel.mm, file!)) return STATUS_CANNOT_DELETE;
  file!.deletePending = remove;
  object.deletesName = remove && posix === true;
  return STATUS_SUCCESS;
}

/** Moves a file or directory to another NT path in the same folder tree (FileRenameInformation). */
export function renameFile(
  kernel: Kernel,
  process: Process,
  handle: number,
  newPath: string,
  replace: boolean,
): number {
  const object = fileOfHandle(kernel, process, handle, DELETE);
  if (typeof object === 'number') return object;
  const { fileSystem } = kernel;
  const { location, file } = object;
  if (!location?.mount) return STATUS_INVALID_DEVICE_REQUEST;
  const parsed = parseNtPath(newPath);
  if (typeof parsed === 'number') return parsed;
  const target = parsed.device === 'disk' ? fileSystem.locate(parsed.drive, parsed.components) : null;
  if (!target?.mount || target.mount !== location.mount) return STATUS_NOT_SAME_DEVICE;
  if (location.below.length === 0 || target.below.length === 0) return STATUS_ACCESS_DENIED;
  const oldKey = foldPath(location.drive, location.path);
  const newKey = foldPath(target.drive, target.path);
  closeUnusedBelow(kernel, newKey);
  if (object.isDirectory) closeUnusedBelow(kernel, oldKey);
  if (oldKey !== newKey && fileSystem.openFiles.has(newKey))
    return replace ? STATUS_ACCESS_DENIED : STATUS_OBJECT_NAME_COLLISION;
  if (object.isDirectory && hasOpenBelow(kernel, oldKey)) return STATUS_ACCESS_DENIED;
  kernel.memory.commit();
  try {
    location.mount.host.rename(
      location.mount.root,
      file?.components ?? location.below,
      target.below,
      replace,
    );
  } catch (error) {
    return statusOfHostError(error);
  }
  fileSystem.movePath(oldKey, newKey, object.isDirectory);
  object.location = target;
  object.path = `${target.drive}:\\${target.path.join('\\')}`;
  if (file) {
    fileSystem.openFiles.delete(oldKey);
    fileSystem.openFiles.set(newKey, file);
    file.components = target.below;
    file.name = object.path;
  }
  return STATUS_SUCCESS;
}

/** Closes a file, or those in a directory, that nobody has open while a segment is left that nobody uses either. */
function closeUnusedBelow({ fileSystem, mm }: Kernel, key: string): void {
  for (const [open, file] of fileSystem.openFiles)
    if (file.openCount === 0 && (open === key || open.startsWith(`${key}\\`))) forceSectionClosed(mm, file);
  fileSystem.releaseUnused();
}

function hasOpenBelow(kernel: Kernel, key: string): boolean {
  for (const open of kernel.fileSystem.openFiles.keys()) if (open.startsWith(`${key}\\`)) return true;
  return false;
}

/**
 * The next entry of a directory (NtQueryDirectoryFile); a number is the NTSTATUS: STATUS_NO_SUCH_FILE when nothing
 * matches at all, STATUS_NO_MORE_FILES after the last, STATUS_INSUFFICIENT_RESOURCES. The pattern of the first call stays until `restart`.
 */
export function queryDirectoryFile(
  kernel: Kernel,
  process: Process,
  handle: number,
  expression: string,
  restart: boolean,
): DirectoryEntry | number {
  const pattern = expression === '' ? '*' : expression;
  const object = fileOfHandle(kernel, process, handle, FILE_READ_DATA);
  if (typeof object === 'number') return object;
  if (!object.isDirectory || !object.location) return STATUS_INVALID_PARAMETER;
  const first = object.cursor === null;
  kernel.memory.commit();
  if (first || restart) {
    const status = beginListing(kernel, object, pattern);
    if (status !== STATUS_SUCCESS) return status;
  }
  const cursor = object.cursor!;
  while (cursor.next < cursor.entries.length) {
    const entry = cursor.entries[cursor.next++]!;
    if (isNameInExpression(entry.name, cursor.pattern)) return directoryEntry(kernel, object.location, entry);
  }
  return first ? STATUS_NO_SUCH_FILE : STATUS_NO_MORE_FILES;
}

/** The entry that queryDirectoryFile gave last is given again: it had no room. */
export function returnDirectoryEntry(kernel: Kernel, process: Process, handle: number): void {
  const object = fileOfHandle(kernel, process, handle, FILE_READ_DATA);
  if (typeof object !== 'number' && object.cursor !== null) object.cursor.next--;
}

function directoryEntry(
  kernel: Kernel,
  { mount, drive, path }: FileLocation,
  entry: HostEntry,
): DirectoryEntry {
  const key = foldPath(drive, [...path, entry.name]);
  const { name, size } = entry;
  return {
    name,
    size,
    attributes: attributesOf(kernel, entry, mount, key),
    ...timesOf(kernel, key, entry.modifiedMs || kernel.bootTimeMs),
    path: key,
  };
}
