/** _open, _read and their family, and the functions on files by name. Source: "Low-level I/O", "File handling", Microsoft. */
import { STATUS_OBJECT_PATH_NOT_FOUND, STATUS_SUCCESS } from '../../base/ntstatus.js';
import { DELETE, FILE_WRITE_ATTRIBUTES } from '../../nt/access.js';
import { createFile } from '../../nt/create-file.js';
import {
  type FileInformation,
  queryAttributesFile,
  queryInformationFile,
  renameFile,
  setDeleteDisposition,
  setEndOfFile,
  setFileAttributes,
} from '../../nt/file-information.js';
import {
  FILE_ATTRIBUTE_READONLY,
  FILE_NON_DIRECTORY_FILE,
  FILE_OPEN,
  FILE_SHARE_DELETE,
  FILE_SHARE_READ,
  FILE_SHARE_WRITE,
} from '../../nt/file-object.js';
import { flushBuffersFile } from '../../nt/io.js';
import { closeHandle, DUPLICATE_SAME_ACCESS, duplicateObject } from '../../nt/object-manager.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { ntPathOf } from '../kernel32/path.js';
import { EACCES, EBADF, EINVAL } from './errno.js';
import {
  addFile,
  currentPosition,
  FAPPEND,
  FDEV,
  FTEXT,
  failWithErrno,
  failWithStatus,
  lowClose,
  lowFile,
  lowRead,
  lowSeek,
  lowWrite,
  MAXIMUM_FILES,
  makeFile,
} from './low-io.js';
import { fileFlags, O_BINARY, O_CREAT, O_RDWR, O_TEXT, O_TRUNC, openLow, SH_DENYNO } from './open-file.js';
import { waiting } from './reader.js';
import { crtState, failWith } from './state.js';
import { readNarrow, readWide, unicodeOf } from './text.js';

export const SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
const S_IFDIR = 0x4000;
const S_IFCHR = 0x2000;
const S_IFREG = 0x8000;
const S_READ = 0x124;
const S_WRITE = 0x92;
const S_EXECUTE = 0x49;
const EXECUTABLE = /\.(exe|com|bat|cmd)$/i;
const TWO_32 = 2 ** 32;
const WRITE_ACCESS = 2;
const S_IWRITE = 0x80;

/** The name at the address in argument `index`. */
export const nameOf = (call: ServiceCall, index: number, wide: boolean) =>
  wide ? readWide(call.memory, call.address(index)) : unicodeOf(readNarrow(call.memory, call.address(index)));

const open =
  (wide: boolean): ServiceFunction =>
  (call) =>
    openLow(call, nameOf(call, 0, wide), call.u32(1), SH_DENYNO);

const openShared =
  (wide: boolean): ServiceFunction =>
  (call) =>
    openLow(call, nameOf(call, 0, wide), call.u32(1), call.i32(2));

const create =
  (wide: boolean): ServiceFunction =>
  (call) =>
    openLow(call, nameOf(call, 0, wide), O_CREAT | O_TRUNC | O_RDWR, SH_DENYNO);

/** A signed 64-bit argument as a number. */
const offset64 = (call: ServiceCall, index: number) => (call.hi(index) | 0) * TWO_32 + call.lo(index);

function setMode(call: ServiceCall): number {
  const file = lowFile(call, call.i32(0));
  const mode = call.u32(1);
  if (file === null) return -1;
  if (mode !== O_TEXT && mode !== O_BINARY) return failWithErrno(call, EINVAL);
  const before = file.flags & FTEXT ? O_TEXT : O_BINARY;
  file.flags = mode === O_TEXT ? file.flags | FTEXT : file.flags & ~FTEXT;
  return before;
}

function isAtEnd(call: ServiceCall): number {
  const file = lowFile(call, call.i32(0));
  if (file === null) return -1;
  const information = queryInformationFile(call.kernel, call.process, file.handle);
  if (typeof information === 'number') return failWithStatus(call, information);
  return information.device === 'disk' && information.position >= information.size ? 1 : 0;
}

function lengthOf(call: ServiceCall): number {
  const file = lowFile(call, call.i32(0));
  if (file === null) return -1;
  const information = queryInformationFile(call.kernel, call.process, file.handle);
  return typeof information === 'number' ? failWithStatus(call, information) : information.size;
}

function changeSize(call: ServiceCall): number {
  const file = lowFile(call, call.i32(0));
  if (file === null) return -1;
  const status = setEndOfFile(call.kernel, call.process, file.handle, call.i32(1));
  return status === STATUS_SUCCESS ? 0 : failWithStatus(call, status);
}

function commit(call: ServiceCall): number {
  const file = lowFile(call, call.i32(0));
  if (file === null) return -1;
  const status = flushBuffersFile(call.kernel, call.process, file.handle);
  return status === STATUS_SUCCESS ? 0 : failWithStatus(call, status);
}

interface StatLayout {
  /** Bytes of the size field and of each time field. */
  readonly sizeBytes: number;
  readonly timeBytes: number;
}

/** struct _stat…: dev 0, ino 4, mode 6, nlink 8, uid 10, gid 12, rdev 16, size 20 or 24, then three times. */
function writeStat(call: ServiceCall, at: number, information: FileInformation, layout: StatLayout): void {
  const { memory } = call;
  const sizeAt = layout.sizeBytes === 8 ? 24 : 20;
  const timesAt = sizeAt + layout.sizeBytes;
  const drive = Math.max(information.path.toUpperCase().charCodeAt(0) - 65, 0);
  const isDisk = information.device === 'disk';
  memory.fill(at, timesAt + 3 * layout.timeBytes, 0);
  memory.writeU32(at, isDisk ? drive : 0);
  memory.writeU16(at + 6, modeOf(information));
  memory.writeU16(at + 8, 1);
  memory.writeU32(at + 16, isDisk ? drive : 0);
  writeNumber(call, at + sizeAt, information.size, layout.sizeBytes);
  const seconds = Math.floor(information.modifiedMs / 1000);
  for (let index = 0; index < 3; index++)
    writeNumber(call, at + timesAt + index * layout.timeBytes, seconds, layout.timeBytes);
}

function writeNumber(call: ServiceCall, at: number, value: number, bytes: number): void {
  if (bytes === 8) call.memory.writeU64(at, value >>> 0, Math.floor(value / TWO_32));
  else call.memory.writeU32(at, value >>> 0);
}

function modeOf({ device, directory, attributes, path }: FileInformation): number {
  if (device !== 'disk') return S_IFCHR | S_READ | S_WRITE;
  const write = attributes & FILE_ATTRIBUTE_READONLY ? 0 : S_WRITE;
  const execute = directory || EXECUTABLE.test(path) ? S_EXECUTE : 0;
  return (directory ? S_IFDIR : S_IFREG) | S_READ | write | execute;
}

const statName =
  (layout: StatLayout, wide: boolean): ServiceFunction =>
  (call) => {
    const path = ntPathOf(call, nameOf(call, 0, wide));
    const information = path === null ? STATUS_OBJECT_PATH_NOT_FOUND : queryAttributesFile(call.kernel, path);
    if (typeof information === 'number') return failWithStatus(call, information);
    writeStat(call, call.address(1), information, layout);
    return 0;
  };

const statDescriptor =
  (layout: StatLayout): ServiceFunction =>
  (call) => {
    const file = lowFile(call, call.i32(0));
    if (file === null) return -1;
    const information = queryInformationFile(call.kernel, call.process, file.handle);
    if (typeof information === 'number') return failWithStatus(call, information);
    writeStat(call, call.address(1), information, layout);
    return 0;
  };

const LAYOUT_64: StatLayout = { sizeBytes: 8, timeBytes: 8 };
const LAYOUT_64_32: StatLayout = { sizeBytes: 4, timeBytes: 8 };

/** _access(name, mode): 0 when the file is there, and may be written when mode says so. */
const access =
  (wide: boolean): ServiceFunction =>
  (call) => {
    const path = ntPathOf(call, nameOf(call, 0, wide));
    const information = path === null ? STATUS_OBJECT_PATH_NOT_FOUND : queryAttributesFile(call.kernel, path);
    if (typeof information === 'number') return failWithStatus(call, information);
    const readOnly = !information.directory && (information.attributes & FILE_ATTRIBUTE_READONLY) !== 0;
    return readOnly && call.u32(1) & WRITE_ACCESS ? failWith(call, EACCES) : 0;
  };

/** Opens a name to change it, does so, and closes it: 0, or -1 with errno. */
function withName(
  call: ServiceCall,
  name: string,
  options: number,
  change: (handle: number) => number,
  access = DELETE,
): number {
  const path = ntPathOf(call, name);
  if (path === null) return failWithStatus(call, STATUS_OBJECT_PATH_NOT_FOUND);
  const out = { handle: 0, information: 0 };
  const request = { path, access, share: SHARE_ALL, disposition: FILE_OPEN, options };
  const opened = createFile(call.kernel, call.process, request, out);
  if (opened !== STATUS_SUCCESS) return failWithStatus(call, opened);
  const status = change(out.handle);
  closeHandle(call.kernel, call.process, out.handle);
  return status === STATUS_SUCCESS ? 0 : failWithStatus(call, status);
}

/** _chmod(name, mode): the attribute for read only is what the mode says of writing; the others stay. */
const changeMode =
  (wide: boolean): ServiceFunction =>
  (call) => {
    const readOnly = (call.u32(1) & S_IWRITE) === 0 ? FILE_ATTRIBUTE_READONLY : 0;
    const change = (handle: number) => {
      const file = queryInformationFile(call.kernel, call.process, handle);
      if (typeof file === 'number') return file;
      const attributes = (file.attributes & ~FILE_ATTRIBUTE_READONLY) | readOnly;
      return setFileAttributes(call.kernel, call.process, handle, attributes);
    };
    return withName(call, nameOf(call, 0, wide), 0, change, FILE_WRITE_ATTRIBUTES);
  };

/** Deletes a file or, with FILE_DIRECTORY_FILE, a folder: 0, or -1 with errno. */
export function removeName(call: ServiceCall, name: string, options: number): number {
  return withName(call, name, options, (handle) =>
    setDeleteDisposition(call.kernel, call.process, handle, true),
  );
}

const remove =
  (wide: boolean, options: number): ServiceFunction =>
  (call) =>
    removeName(call, nameOf(call, 0, wide), options);

const rename =
  (wide: boolean): ServiceFunction =>
  (call) => {
    const target = ntPathOf(call, nameOf(call, 1, wide));
    if (target === null) return failWithStatus(call, STATUS_OBJECT_PATH_NOT_FOUND);
    return withName(call, nameOf(call, 0, wide), 0, (handle) =>
      renameFile(call.kernel, call.process, handle, target, false),
    );
  };

function duplicateDescriptor(call: ServiceCall): number {
  const file = lowFile(call, call.i32(0));
  if (file === null) return -1;
  const out = { handle: 0 };
  const status = duplicateHandle(call, file.handle, out);
  return status === STATUS_SUCCESS ? addFile(call, out.handle, file.flags) : failWithStatus(call, status);
}

/** _dup2(from, to): the second descriptor stands for the first one's file from now on. */
function duplicateOver(call: ServiceCall): number {
  const [from, to] = [call.i32(0), call.i32(1)];
  const file = lowFile(call, from);
  if (file === null || to < 0 || to >= MAXIMUM_FILES) return failWithErrno(call, EBADF);
  if (from === to) return 0;
  const { files } = crtState(call);
  if (files[to]) lowClose(call, to);
  const out = { handle: 0 };
  const status = duplicateHandle(call, file.handle, out);
  if (status !== STATUS_SUCCESS) return failWithStatus(call, status);
  while (files.length < to) files.push(null);
  files[to] = makeFile(out.handle, file.flags);
  return 0;
}

function osHandle(call: ServiceCall): number {
  return lowFile(call, call.i32(0))?.handle ?? -1;
}

function adoptHandle(call: ServiceCall): number {
  const handle = call.handle(0);
  const information = queryInformationFile(call.kernel, call.process, handle);
  if (typeof information === 'number') return failWithErrno(call, EBADF);
  const flags = call.u32(1);
  const append = flags & 0x8 ? FAPPEND : 0;
  return addFile(call, handle, fileFlags(call, handle, flags & O_TEXT ? flags : flags | O_BINARY) | append);
}

function duplicateHandle(call: ServiceCall, handle: number, out: { handle: number }): number {
  return duplicateObject(call.kernel, call.process, handle, call.process, 0, 0, DUPLICATE_SAME_ACCESS, out);
}

const seek32: ServiceFunction = (call) => lowSeek(call, call.i32(0), call.i32(1), call.i32(2));
const file64 = statName(LAYOUT_64, false);
const descriptor64 = statDescriptor(LAYOUT_64);

export const lowIoFunctions: Record<string, ServiceFunction> = {
  _open: open(false),
  _wopen: open(true),
  _sopen: openShared(false),
  _wsopen: openShared(true),
  _creat: create(false),
  _wcreat: create(true),
  _close: (call) => lowClose(call, call.i32(0)),
  _read: waiting((call) => lowRead(call, call.i32(0), call.address(1), call.u32(2))),
  _write: (call) => lowWrite(call, call.i32(0), call.address(1), call.u32(2)),
  _lseek: seek32,
  _lseeki64: (call) => lowSeek(call, call.i32(0), offset64(call, 1), call.i32(2)),
  _tell: (call) => currentPosition(call, call.i32(0)),
  _telli64: (call) => currentPosition(call, call.i32(0)),
  _isatty: (call) => (crtState(call).files[call.i32(0)]?.flags ?? 0) & FDEV,
  _setmode: setMode,
  _eof: isAtEnd,
  _filelength: lengthOf,
  _filelengthi64: lengthOf,
  _chsize: changeSize,
  _commit: commit,
  _dup: duplicateDescriptor,
  _dup2: duplicateOver,
  _get_osfhandle: osHandle,
  _open_osfhandle: adoptHandle,
  _stat: statName(LAYOUT_64_32, false),
  _stat64i32: statName(LAYOUT_64_32, false),
  _wstat64i32: statName(LAYOUT_64_32, true),
  _wstat: statName(LAYOUT_64_32, true),
  _stat64: file64,
  _wstat64: statName(LAYOUT_64, true),
  _fstat: statDescriptor(LAYOUT_64_32),
  _fstat64i32: statDescriptor(LAYOUT_64_32),
  _fstat64: descriptor64,
  _access: access(false),
  _waccess: access(true),
  _chmod: changeMode(false),
  _wchmod: changeMode(true),
  remove: remove(false, FILE_NON_DIRECTORY_FILE),
  _unlink: remove(false, FILE_NON_DIRECTORY_FILE),
  _wremove: remove(true, FILE_NON_DIRECTORY_FILE),
  _wunlink: remove(true, FILE_NON_DIRECTORY_FILE),
  rename: rename(false),
  _wrename: rename(true),
  _stati64: file64,
  _wstati64: statName(LAYOUT_64, true),
  _fstati64: descriptor64,
  _umask: (call) => {
    const state = crtState(call);
    const before = state.umask;
    state.umask = call.u32(0) & 0x1ff;
    return before;
  },
  _getpid: (call) => call.process.id,
};
