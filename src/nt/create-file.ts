import {
  STATUS_ACCESS_DENIED,
  STATUS_CANNOT_DELETE,
  STATUS_DELETE_PENDING,
  STATUS_FILE_IS_A_DIRECTORY,
  STATUS_INSUFFICIENT_RESOURCES,
  STATUS_INVALID_PARAMETER,
  STATUS_NOT_A_DIRECTORY,
  STATUS_OBJECT_NAME_COLLISION,
  STATUS_OBJECT_NAME_INVALID,
  STATUS_OBJECT_NAME_NOT_FOUND,
  STATUS_OBJECT_PATH_NOT_FOUND,
  STATUS_SUCCESS,
  STATUS_TOO_MANY_OPENED_FILES,
  STATUS_USER_MAPPED_FILE,
} from '../base/ntstatus.js';
import type { HostEntry } from '../host/host.js';
import { flushImageSection, forceSectionClosed } from '../mm/unused-segments.js';
import {
  DELETE,
  FILE_APPEND_DATA,
  FILE_WRITE_ATTRIBUTES,
  FILE_WRITE_DATA,
  mapGenericMask,
} from './access.js';
import { dropListing } from './directory-listing.js';
import { type FileControlBlock, openFileControlBlock } from './file-control-block.js';
import { releaseLocks } from './file-locks.js';
import { type DeviceName, type ParsedName, parseNtPath } from './file-name.js';
import {
  checkShareAccess,
  FILE_ATTRIBUTE_ARCHIVE,
  FILE_ATTRIBUTE_HIDDEN,
  FILE_ATTRIBUTE_READONLY,
  FILE_ATTRIBUTE_SYSTEM,
  FILE_CREATE,
  FILE_CREATED,
  FILE_DELETE_ON_CLOSE,
  FILE_DIRECTORY_FILE,
  FILE_NON_DIRECTORY_FILE,
  FILE_OPEN,
  FILE_OPEN_IF,
  FILE_OPENED,
  FILE_OVERWRITE,
  FILE_OVERWRITE_IF,
  FILE_OVERWRITTEN,
  FILE_SUPERSEDE,
  FILE_SUPERSEDED,
  FILE_SYNCHRONOUS_IO_NONALERT,
  type FileObject,
  SETTABLE_ATTRIBUTES,
  updateShareAccess,
} from './file-object.js';
import {
  type FileLocation,
  type FileSystem,
  foldPath,
  type Mount,
  statusOfHostError,
} from './file-system.js';
import { cancelRequests } from './io-request.js';
import type { Kernel } from './kernel.js';
import { createObject, mayCreateObject, openHandle, releaseUnopened } from './object-manager.js';
import { closePipeEnd, connectClient, type PipeEnd } from './pipe.js';
import { pipeChanged } from './pipe-io.js';
import type { Process } from './process.js';

/** Arguments of NtCreateFile. */
export interface FileOpenRequest {
  /** NT path, such as \??\C:\work\a.txt (dos-path.ts makes them). */
  readonly path: string;
  /** Desired access; generic rights are allowed. */
  readonly access: number;
  /** FILE_SHARE_*. */
  readonly share: number;
  /** FILE_OPEN, FILE_CREATE, … */
  readonly disposition: number;
  /** FILE_DIRECTORY_FILE, FILE_NON_DIRECTORY_FILE, FILE_DELETE_ON_CLOSE; others have no effect. */
  readonly options: number;
  /** FILE_ATTRIBUTE_* of a file that is made or emptied; 0 when left out. */
  readonly attributes?: number;
  /** HANDLE_FLAG_* of the new handle. */
  readonly handleFlags?: number;
}

export interface FileOpenResult {
  handle: number;
  /** FILE_OPENED, FILE_CREATED, … */
  information: number;
}

const WRITE_DATA_ACCESS = FILE_WRITE_DATA | FILE_APPEND_DATA;
const WRITE_ACCESS = FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_ATTRIBUTES | DELETE | 0x10;

/** Opens or creates a file, directory or device (NtCreateFile); returns an NTSTATUS. */
export function createFile(
  kernel: Kernel,
  process: Process,
  request: FileOpenRequest,
  out: FileOpenResult,
): number {
  if (!mayCreateObject(kernel, 'file')) return STATUS_INSUFFICIENT_RESOURCES;
  kernel.memory.commit();
  const opened = openFileObject(kernel, request, out);
  if (typeof opened === 'number') return opened;
  createObject(kernel, opened);
  out.handle = openHandle(process, opened, opened.access, request.handleFlags ?? 0);
  if (out.handle !== 0) return STATUS_SUCCESS;
  closeFileObject(kernel, opened);
  releaseUnopened(kernel, opened);
  return STATUS_TOO_MANY_OPENED_FILES;
}

/** The open without a handle; a number is the NTSTATUS that refuses it. */
export function openFileObject(
  kernel: Kernel,
  request: FileOpenRequest,
  out: { information: number },
): FileObject | number {
  if (request.disposition > FILE_OVERWRITE_IF || request.disposition < FILE_SUPERSEDE)
    return STATUS_INVALID_PARAMETER;
  const both = FILE_DIRECTORY_FILE | FILE_NON_DIRECTORY_FILE;
  if ((request.options & both) === both) return STATUS_INVALID_PARAMETER;
  const parsed = parseNtPath(request.path);
  if (typeof parsed === 'number') return parsed;
  if (parsed.device === 'pipe') return openPipeClient(kernel, parsed.components[0]!, request, out);
  if (parsed.device !== 'disk') {
    out.information = FILE_OPENED;
    return openDevice(parsed.device, mapGenericMask('file', request.access), request.share);
  }
  try {
    return openOnDisk(kernel, parsed, request, out);
  } catch (error) {
    return statusOfHostError(error);
  }
}

/** Connects a client to a named pipe. */
function openPipeClient(
  kernel: Kernel,
  name: string,
  request: FileOpenRequest,
  out: { information: number },
): FileObject | number {
  const access = mapGenericMask('file', request.access);
  const end = connectClient(kernel, name, access, request.disposition === FILE_CREATE);
  if (typeof end === 'number') return end;
  end.processId = kernel.currentThread?.process.id ?? 0;
  out.information = FILE_OPENED;
  pipeChanged(kernel, end);
  return makePipeFile(end, access, request.options);
}

/** The file object of an end of a pipe. */
export function makePipeFile(pipe: PipeEnd, access: number, options: number): FileObject {
  const path = pipe.pipe.name === null ? '' : `\\Device\\NamedPipe\\${pipe.pipe.name.path}`;
  return makeFileObject({ device: 'pipe', pipe, access, share: 3, options, path });
}

/** An open of the console or the null device. */
export function openDevice(device: DeviceName, access: number, share: number, stream: 1 | 2 = 1): FileObject {
  const writing = access & (FILE_WRITE_DATA | FILE_APPEND_DATA);
  const actual = device === 'console' ? (writing ? 'console-output' : 'console-input') : device;
  const path = {
    null: '\\Device\\Null',
    console: 'CON',
    'console-input': 'CONIN$',
    'console-output': 'CONOUT$',
    pipe: '',
  };
  return makeFileObject({
    device: actual,
    stream,
    access,
    share,
    path: actual === 'disk' ? '' : path[actual],
  });
}

function makeFileObject(
  fields: Pick<FileObject, 'device' | 'access' | 'share' | 'path'> & Partial<FileObject>,
): FileObject {
  return {
    kind: 'file',
    name: null,
    handleCount: 0,
    referenceCount: 0,
    signalState: 1,
    stream: 1,
    file: null,
    location: null,
    isDirectory: false,
    options: FILE_SYNCHRONOUS_IO_NONALERT,
    deleteOnClose: false,
    deletesName: false,
    position: 0,
    lastReadEnd: 0,
    cursor: null,
    completion: null,
    notificationModes: 0,
    pipe: null,
    writing: null,
    ...fields,
  };
}

type DiskLocation = FileLocation & { readonly mount: Mount };

function openOnDisk(
  kernel: Kernel,
  parsed: ParsedName,
  request: FileOpenRequest,
  out: { information: number },
): FileObject | number {
  const { fileSystem } = kernel;
  const location = fileSystem.locate(parsed.drive, parsed.components);
  const entry = location && fileSystem.entryAt(location);
  const { disposition } = request;
  if (!location || !entry) {
    const parent = fileSystem.locate(parsed.drive, parsed.components.slice(0, -1));
    const folder = parent && fileSystem.entryAt(parent);
    if (!parent || folder?.kind !== 'directory') return STATUS_OBJECT_PATH_NOT_FOUND;
    if (disposition === FILE_OPEN || disposition === FILE_OVERWRITE) return STATUS_OBJECT_NAME_NOT_FOUND;
    if (!location?.mount) return STATUS_ACCESS_DENIED;
    return createOnDisk(kernel, location as DiskLocation, parsed, request, out);
  }
  if (disposition === FILE_CREATE) return STATUS_OBJECT_NAME_COLLISION;
  if (entry.kind === 'directory') return openDirectory(kernel, location, entry, request, out);
  if (request.options & FILE_DIRECTORY_FILE) return STATUS_NOT_A_DIRECTORY;
  if (parsed.directoryOnly) return STATUS_OBJECT_NAME_INVALID;
  return openExisting(kernel, location as DiskLocation, entry, request, out);
}

function createOnDisk(
  kernel: Kernel,
  location: DiskLocation,
  parsed: ParsedName,
  request: FileOpenRequest,
  out: { information: number },
): FileObject | number {
  const { mount, below } = location;
  const directory = (request.options & FILE_DIRECTORY_FILE) !== 0;
  if (parsed.directoryOnly && !directory) return STATUS_OBJECT_NAME_INVALID;
  const refusal = kernel.fileSystem.refuseWrite(location);
  if (refusal !== STATUS_SUCCESS) return refusal;
  if (directory) mount.host.makeDirectory(mount.root, below);
  else mount.host.close(mount.host.open(mount.root, below, 'write', 'create-new'));
  const entry: HostEntry = {
    kind: directory ? 'directory' : 'file',
    size: 0,
    modifiedMs: kernel.timeMs,
    name: below.at(-1)!,
  };
  const key = foldPath(location.drive, location.path);
  kernel.fileSystem.attributes.delete(key);
  kernel.fileSystem.writtenMs.set(key, kernel.timeMs);
  kernel.fileSystem.times.set(key, { createdMs: kernel.timeMs });
  const opened = directory
    ? openDirectory(kernel, location, entry, { ...request, disposition: FILE_OPEN }, out)
    : openExisting(kernel, location, entry, { ...request, disposition: FILE_OPEN }, out);
  if (typeof opened === 'number') return opened;
  out.information = FILE_CREATED;
  if (opened.file) giveAttributes(kernel.fileSystem, key, location, opened.file, request.attributes ?? 0);
  return opened;
}

/** Whether a file with some attributes would lose HIDDEN or SYSTEM when it is made anew with others. */
function loses(has: number, gets: number): boolean {
  return (has & ~gets & (FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM)) !== 0;
}

/** Gives a new or emptied file its attributes; it counts as changed since the last backup. */
function giveAttributes(
  fileSystem: FileSystem,
  key: string,
  { mount, below }: DiskLocation,
  file: FileControlBlock,
  attributes: number,
): void {
  const kept = (attributes & SETTABLE_ATTRIBUTES) | FILE_ATTRIBUTE_ARCHIVE;
  if (kept === FILE_ATTRIBUTE_ARCHIVE) fileSystem.attributes.delete(key);
  else fileSystem.attributes.set(key, kept);
  if ((attributes & FILE_ATTRIBUTE_READONLY) === 0) return;
  mount.host.setReadOnly(mount.root, below, true);
  file.readOnly = true;
}

function openDirectory(
  kernel: Kernel,
  location: FileLocation,
  entry: HostEntry,
  request: FileOpenRequest,
  out: { information: number },
): FileObject | number {
  if (request.options & FILE_NON_DIRECTORY_FILE) return STATUS_FILE_IS_A_DIRECTORY;
  if (request.disposition !== FILE_OPEN && request.disposition !== FILE_OPEN_IF)
    return request.options & FILE_DIRECTORY_FILE ? STATUS_INVALID_PARAMETER : STATUS_FILE_IS_A_DIRECTORY;
  const access = mapGenericMask('file', request.access);
  const deleting = (access & DELETE) !== 0 || (request.options & FILE_DELETE_ON_CLOSE) !== 0;
  const refusal = deleting ? kernel.fileSystem.refuseWrite(location) : STATUS_SUCCESS;
  if (refusal !== STATUS_SUCCESS) return refusal;
  out.information = FILE_OPENED;
  const names = location.below.length > 0 ? [...location.path.slice(0, -1), entry.name] : location.path;
  return makeFileObject({
    device: 'disk',
    location,
    isDirectory: true,
    access,
    share: request.share,
    options: request.options,
    deleteOnClose: (request.options & FILE_DELETE_ON_CLOSE) !== 0,
    path: `${location.drive}:\\${names.join('\\')}`,
  });
}

function openExisting(
  kernel: Kernel,
  location: DiskLocation,
  entry: HostEntry,
  request: FileOpenRequest,
  out: { information: number },
): FileObject | number {
  const { fileSystem, mm } = kernel;
  const access = mapGenericMask('file', request.access);
  const { disposition, share } = request;
  const emptying = disposition !== FILE_OPEN && disposition !== FILE_OPEN_IF;
  const deleteOnClose = (request.options & FILE_DELETE_ON_CLOSE) !== 0;
  const real = { ...location, path: [...location.path.slice(0, -1), entry.name] };
  const key = foldPath(location.drive, real.path);
  const file = findOpenFile(kernel, key, real, entry) ?? openFileControlBlock(fileSystem, key, real, entry);
  const refuse = (status: number) => {
    fileSystem.releaseUnused();
    return status;
  };
  const changing = emptying || deleteOnClose || (access & WRITE_ACCESS) !== 0;
  const refusal = changing ? fileSystem.refuseWrite(location) : STATUS_SUCCESS;
  if (refusal !== STATUS_SUCCESS) return refuse(refusal);
  const writing = emptying || (access & WRITE_DATA_ACCESS) !== 0;
  if (writing && (file.readOnly || !file.writable)) return refuse(STATUS_ACCESS_DENIED);
  if (deleteOnClose && file.readOnly) return refuse(STATUS_CANNOT_DELETE);
  if (emptying && loses(fileSystem.attributes.get(key) ?? 0, request.attributes ?? 0))
    return refuse(STATUS_ACCESS_DENIED);
  if (file.deletePending) return refuse(STATUS_DELETE_PENDING);
  if (deleteOnClose && !(access & DELETE)) return refuse(STATUS_INVALID_PARAMETER);
  const claim = { access: emptying ? access | FILE_WRITE_DATA : access, share };
  const sharing = checkShareAccess(file, claim);
  if (sharing !== STATUS_SUCCESS) return refuse(sharing);
  if (access & FILE_WRITE_DATA && !flushImageSection(mm, file)) return refuse(STATUS_ACCESS_DENIED);
  if (deleteOnClose && !flushImageSection(mm, file)) return refuse(STATUS_CANNOT_DELETE);
  if (emptying) {
    if (!forceSectionClosed(mm, file)) return refuse(STATUS_USER_MAPPED_FILE);
    const status = file.setSize(0);
    if (status !== STATUS_SUCCESS) return refuse(status);
    giveAttributes(fileSystem, key, real, file, request.attributes ?? 0);
  }
  out.information = emptying
    ? disposition === FILE_SUPERSEDE
      ? FILE_SUPERSEDED
      : FILE_OVERWRITTEN
    : FILE_OPENED;
  updateShareAccess(file, { access, share }, 1);
  return makeFileObject({
    device: 'disk',
    file,
    location: real,
    access,
    share,
    options: request.options,
    deleteOnClose,
    path: file.name,
  });
}

/**
 * The file of a place if it is open or a segment of it is left. One that belongs to a folder which has been replaced keeps its
 * users and loses its name; what is left of one that the host has changed meanwhile is forgotten.
 */
function findOpenFile(
  kernel: Kernel,
  key: string,
  location: DiskLocation,
  entry: HostEntry,
): FileControlBlock | undefined {
  const { fileSystem, mm } = kernel;
  const file = fileSystem.openFiles.get(key);
  if (file === undefined) return undefined;
  if (file.mount !== location.mount) {
    forceSectionClosed(mm, file);
    fileSystem.forget(file);
    return undefined;
  }
  if (file.openCount > 0) return file;
  file.reopen(entry);
  if (!file.hostHasChanged() || !forceSectionClosed(mm, file)) return file;
  fileSystem.releaseUnused();
  return undefined;
}

/** What closing the last handle of an open does (IRP_MJ_CLEANUP): sharing ends, and a deleted file goes away. */
export function closeFileObject(kernel: Kernel, object: FileObject): void {
  const { file, location, pipe } = object;
  cancelRequests(kernel, (request) => request.file === object);
  releaseLocks(kernel, object, null);
  if (pipe) {
    closePipeEnd(kernel, pipe);
    pipeChanged(kernel, pipe);
  }
  if (object.isDirectory) closeDirectory(kernel, object);
  if (!file) return;
  updateShareAccess(file, object, -1);
  if (object.deleteOnClose) file.deletePending = true;
  if (file.openCount > 0 && object.deletesName && file.deletePending) deleteName(kernel, object, file);
  if (file.openCount > 0 || file.orphaned) {
    if (file.openCount === 0) forceSectionClosed(kernel.mm, file);
    kernel.fileSystem.releaseUnused();
    return;
  }
  const key = foldPath(location!.drive, [...file.mount.components, ...file.components]);
  if (file.modified) {
    file.modifiedMs = kernel.timeMs;
    kernel.fileSystem.writtenMs.set(key, kernel.timeMs);
    const attributes = kernel.fileSystem.attributes.get(key);
    if (attributes !== undefined) kernel.fileSystem.attributes.set(key, attributes | FILE_ATTRIBUTE_ARCHIVE);
  }
  file.modified = false;
  file.noteHostState();
  if (file.deletePending) deleteName(kernel, object, file);
  kernel.fileSystem.releaseUnused();
}

function closeDirectory(kernel: Kernel, object: FileObject): void {
  const { location } = object;
  dropListing(kernel, object);
  if (!location?.mount || !object.deleteOnClose) return;
  kernel.fileSystem.forgetPath(foldPath(location.drive, location.path));
  removeEntry(location as DiskLocation);
}

/** Takes a file's name away; those who have it open keep it. */
function deleteName({ fileSystem, mm }: Kernel, { location }: FileObject, file: FileControlBlock): void {
  forceSectionClosed(mm, file);
  fileSystem.forgetPath(foldPath(location!.drive, [...file.mount.components, ...file.components]));
  removeEntry({ ...(location as DiskLocation), mount: file.mount, below: file.components });
  fileSystem.forget(file);
}

/** Removes a name; a host that refuses at this late point leaves the file. */
function removeEntry({ mount, below }: DiskLocation): void {
  try {
    if (below.length > 0) mount.host.remove(mount.root, below);
  } catch (error) {
    statusOfHostError(error);
  }
}
