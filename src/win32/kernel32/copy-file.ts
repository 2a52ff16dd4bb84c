/**
 * Copying and moving files (winbase.h). Sources: Microsoft, "CopyFileExW function", "LPPROGRESS_ROUTINE callback function",
 * "MoveFileExW function", "MoveFileWithProgressW function", "ReplaceFileW function". A copy has the attributes and the time of the last write.
 */
import {
  ntSuccess,
  STATUS_NOT_SAME_DEVICE,
  STATUS_OBJECT_NAME_COLLISION,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import { HostIoError } from '../../mm/backing-file.js';
import { readCachedFile, writeCachedFile } from '../../mm/file-cache.js';
import {
  DELETE,
  FILE_READ_ATTRIBUTES,
  FILE_READ_DATA,
  FILE_WRITE_ATTRIBUTES,
  FILE_WRITE_DATA,
} from '../../nt/access.js';
import type { FileControlBlock } from '../../nt/file-control-block.js';
import {
  queryInformationFile,
  renameFile,
  setDeleteDisposition,
  setFileAttributes,
  setFileTimes,
} from '../../nt/file-information.js';
import * as option from '../../nt/file-object.js';
import { fileOfHandle } from '../../nt/io.js';
import { closeHandle } from '../../nt/object-manager.js';
import type { Service, ServiceCall, ServiceFunction, ServiceResult } from '../../nt/service.js';
import {
  ERROR_FILE_EXISTS,
  ERROR_FILE_NOT_FOUND,
  ERROR_INVALID_PARAMETER,
  ERROR_PATH_NOT_FOUND,
} from '../ntdll/dos-error.js';
import { fileForms } from './file-apis.js';
import { removePath } from './file-name.js';
import { openForUse, withOpen } from './open-path.js';
import { ntPathOf, pathExists } from './path.js';
import { ERROR_REQUEST_ABORTED, failStatus, TRUE, truth } from './results.js';
import type { TextForm } from './text-form.js';

export const CHUNK = 0x10000;

/** Opens both files of a copy; a number is the NTSTATUS. */
export function openBoth(
  call: ServiceCall,
  from: string,
  to: string,
  failIfExists: boolean,
): { source: number; target: number } | number {
  const source = openForUse(call, from, {
    access: FILE_READ_DATA | FILE_READ_ATTRIBUTES,
    options: option.FILE_NON_DIRECTORY_FILE | option.FILE_SEQUENTIAL_ONLY,
    share: option.FILE_SHARE_READ | option.FILE_SHARE_WRITE,
  });
  if (!ntSuccess(source.status)) return source.status;
  const target = openForUse(call, to, {
    access: FILE_WRITE_DATA | FILE_WRITE_ATTRIBUTES | DELETE,
    disposition: failIfExists ? option.FILE_CREATE : option.FILE_OVERWRITE_IF,
    options: option.FILE_NON_DIRECTORY_FILE,
    share: 0,
  });
  if (ntSuccess(target.status)) return { source: source.handle, target: target.handle };
  closeHandle(call.kernel, call.process, source.handle);
  return target.status;
}

function diskFile(call: ServiceCall, handle: number): FileControlBlock | null {
  const object = fileOfHandle(call.kernel, call.process, handle, 0);
  return typeof object === 'number' ? null : object.file;
}

/** Copies the bytes from an offset on, at most CHUNK of them; returns the NTSTATUS. Devices have none. */
export function copyChunk(call: ServiceCall, source: number, target: number, at: number): number {
  const [from, to] = [diskFile(call, source), diskFile(call, target)];
  if (from === null || to === null) return STATUS_SUCCESS;
  const { mm } = call.kernel;
  const chunk = new Uint8Array(CHUNK);
  try {
    const count = readCachedFile(mm, from, at, CHUNK, (bytes, done) => chunk.set(bytes, done));
    if (count > 0) writeCachedFile(mm, to, at, chunk.subarray(0, count));
    return STATUS_SUCCESS;
  } catch (error) {
    if (error instanceof HostIoError) return error.status;
    throw error;
  }
}

/** Gives the copy the source's attributes and time of the last write; that a folder is read only is no attribute of the file. */
function copyMarks(call: ServiceCall, source: number, target: number): number {
  const { kernel, process } = call;
  const information = queryInformationFile(kernel, process, source);
  if (typeof information === 'number' || information.device !== 'disk') return STATUS_SUCCESS;
  const status = setFileTimes(kernel, process, target, { modifiedMs: information.modifiedMs });
  if (!ntSuccess(status)) return status;
  const readOnly = diskFile(call, source)?.readOnly === true ? option.FILE_ATTRIBUTE_READONLY : 0;
  const attributes = (information.attributes & ~option.FILE_ATTRIBUTE_READONLY) | readOnly;
  return setFileAttributes(kernel, process, target, attributes);
}

export const sizeOf = (call: ServiceCall, handle: number) => diskFile(call, handle)?.size ?? 0;

/** Ends a copy: what did not come to its end is deleted. Returns the NTSTATUS. */
export function endCopy(call: ServiceCall, source: number, target: number, status: number): number {
  const { kernel, process } = call;
  const result = ntSuccess(status) ? copyMarks(call, source, target) : status;
  if (!ntSuccess(result)) setDeleteDisposition(kernel, process, target, true);
  closeHandle(kernel, process, source);
  closeHandle(kernel, process, target);
  return result;
}

/** Copies a file; returns the NTSTATUS. */
function copy(call: ServiceCall, from: string, to: string, failIfExists: boolean): number {
  const files = openBoth(call, from, to, failIfExists);
  if (typeof files === 'number') return files;
  const { source, target } = files;
  let status = STATUS_SUCCESS;
  for (let at = 0; at < sizeOf(call, source) && ntSuccess(status); at += CHUNK)
    status = copyChunk(call, source, target, at);
  return endCopy(call, source, target, status);
}

function copyResult(call: ServiceCall, status: number): number {
  return status === STATUS_OBJECT_NAME_COLLISION ? call.fail(ERROR_FILE_EXISTS) : truth(call, status);
}

/** BOOL CopyFile(existing, new, failIfExists). */
const copyFile =
  (form: TextForm): ServiceFunction =>
  (call) =>
    copyResult(
      call,
      copy(call, form.read(call, call.address(0)), form.read(call, call.address(1)), call.u32(2) !== 0),
    );

export const COPY_FILE_FAIL_IF_EXISTS = 1;
/** FAIL_IF_EXISTS, RESTARTABLE, OPEN_SOURCE_FOR_WRITE, ALLOW_DECRYPTED_DESTINATION, COPY_SYMLINK, NO_BUFFERING. */
const COPY_FLAGS = 0x1 | 0x2 | 0x4 | 0x8 | 0x800 | 0x1000;

const CALLBACK_CHUNK_FINISHED = 0;
const CALLBACK_STREAM_SWITCH = 1;
const PROGRESS_CANCEL = 1;
const PROGRESS_STOP = 2;
const PROGRESS_QUIET = 3;

/** Where a copy with progress stands, as its steps get it from the program's stack. */
interface Progress {
  readonly source: number;
  readonly target: number;
  /** Bytes copied. */
  readonly done: number;
}

/** Tells the program how far the copy is; step 0 goes on. */
function tell(call: ServiceCall, { source, target, done }: Progress, reason: number): ServiceResult {
  const size = sizeOf(call, source);
  const args = [size, done, size, done, 1, reason, source, target, call.address(3)];
  return call.callGuest(call.address(2), args, 0, [source, target, done]);
}

function isCancelled(call: ServiceCall): boolean {
  return call.address(4) !== 0 && call.memory.readU32(call.address(4)) !== 0;
}

/** Copies the rest, telling the program after each part unless it wants quiet. */
function goOn(call: ServiceCall, progress: Progress, tells: boolean): ServiceResult {
  const { source, target } = progress;
  let { done } = progress;
  call.memory.commit();
  while (done < sizeOf(call, source)) {
    if (isCancelled(call)) return abort(call, source, target, true);
    const status = copyChunk(call, source, target, done);
    if (!ntSuccess(status)) return failStatus(call, endCopy(call, source, target, status));
    done = Math.min(done + CHUNK, sizeOf(call, source));
    if (tells) return tell(call, { source, target, done }, CALLBACK_CHUNK_FINISHED);
  }
  return truth(call, endCopy(call, source, target, STATUS_SUCCESS));
}

/** The program wants no more of it: what was copied goes, or stays when the copy was only stopped. */
function abort(call: ServiceCall, source: number, target: number, removes: boolean): number {
  const { kernel, process } = call;
  if (removes) setDeleteDisposition(kernel, process, target, true);
  closeHandle(kernel, process, source);
  closeHandle(kernel, process, target);
  return call.fail(ERROR_REQUEST_ABORTED);
}

/** BOOL CopyFileEx(existing, new, progress, data, *cancel, flags). */
const copyFileEx = (form: TextForm): Service => ({
  enter: (call) => {
    const flags = call.u32(5);
    if (flags & ~COPY_FLAGS) return call.fail(ERROR_INVALID_PARAMETER);
    const [from, to] = [form.read(call, call.address(0)), form.read(call, call.address(1))];
    const files = openBoth(call, from, to, (flags & COPY_FILE_FAIL_IF_EXISTS) !== 0);
    if (typeof files === 'number') return copyResult(call, files);
    const progress = { ...files, done: 0 };
    return call.address(2) === 0 ? goOn(call, progress, false) : tell(call, progress, CALLBACK_STREAM_SWITCH);
  },
  steps: [
    (call, [source, target, done]) => {
      const progress = { source: source!, target: target!, done: done! };
      const answer = call.resultLo;
      if (answer === PROGRESS_CANCEL || answer === PROGRESS_STOP)
        return abort(call, progress.source, progress.target, answer === PROGRESS_CANCEL);
      return goOn(call, progress, answer !== PROGRESS_QUIET);
    },
  ],
});

const MOVEFILE_REPLACE_EXISTING = 1;
const MOVEFILE_COPY_ALLOWED = 2;
/** Beside those: WRITE_THROUGH, CREATE_HARDLINK is refused, FAIL_IF_NOT_TRACKABLE. */
const MOVE_FLAGS = 0x1 | 0x2 | 0x8 | 0x20;

function move(call: ServiceCall, from: string, to: string, flags: number): number {
  if (flags & ~MOVE_FLAGS) return call.fail(ERROR_INVALID_PARAMETER);
  const target = ntPathOf(call, to);
  if (target === null) return call.fail(ERROR_PATH_NOT_FOUND);
  const replace = (flags & MOVEFILE_REPLACE_EXISTING) !== 0;
  const how = { access: DELETE | FILE_READ_ATTRIBUTES, options: 0 };
  const status = withOpen(call, from, how, (handle) =>
    renameFile(call.kernel, call.process, handle, target, replace),
  );
  if (status !== STATUS_NOT_SAME_DEVICE || !(flags & MOVEFILE_COPY_ALLOWED)) return truth(call, status);
  const copied = copy(call, from, to, !replace);
  if (!ntSuccess(copied)) return failStatus(call, copied);
  return truth(call, removePath(call, from, option.FILE_NON_DIRECTORY_FILE));
}

/** BOOL MoveFile(existing, new) and MoveFileEx(existing, new, flags). */
const moveFile =
  (extended: boolean) =>
  (form: TextForm): ServiceFunction =>
  (call) => {
    if (call.address(1) === 0) return call.fail(ERROR_INVALID_PARAMETER);
    const flags = extended ? call.u32(2) : MOVEFILE_COPY_ALLOWED;
    return move(call, form.read(call, call.address(0)), form.read(call, call.address(1)), flags);
  };

/** Renames a path; returns the NTSTATUS. */
function rename(call: ServiceCall, from: string, to: string): number {
  const target = ntPathOf(call, to)!;
  const how = { access: DELETE | FILE_READ_ATTRIBUTES, options: option.FILE_NON_DIRECTORY_FILE };
  return withOpen(call, from, how, (handle) => renameFile(call.kernel, call.process, handle, target, true));
}

const ERROR_UNABLE_TO_REMOVE_REPLACED = 1175;
const ERROR_UNABLE_TO_MOVE_REPLACEMENT = 1176;

/** BOOL ReplaceFile(replaced, replacement, backup, flags, exclude, reserved): the new file keeps the old one's name, attributes and time of creation. */
const replaceFile =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const [replaced, replacement] = [form.read(call, call.address(0)), form.read(call, call.address(1))];
    const backup = call.address(2) === 0 ? null : form.read(call, call.address(2));
    if (call.address(4) !== 0 || call.address(5) !== 0) return call.fail(ERROR_INVALID_PARAMETER);
    for (const path of [replaced, replacement, backup ?? replaced])
      if (ntPathOf(call, path) === null) return call.fail(ERROR_PATH_NOT_FOUND);
    if (!pathExists(call, replaced) || !pathExists(call, replacement)) return call.fail(ERROR_FILE_NOT_FOUND);
    const { kernel, process } = call;
    let old: { attributes: number; createdMs: number } | null = null;
    const looked = withOpen(call, replaced, { access: FILE_READ_ATTRIBUTES, options: 0 }, (handle) => {
      const information = queryInformationFile(kernel, process, handle);
      if (typeof information === 'number') return information;
      old = information;
      return STATUS_SUCCESS;
    });
    if (!ntSuccess(looked) || old === null) return failStatus(call, looked);
    if (backup !== null && !ntSuccess(rename(call, replaced, backup)))
      return call.fail(ERROR_UNABLE_TO_REMOVE_REPLACED);
    if (!ntSuccess(rename(call, replacement, replaced))) return call.fail(ERROR_UNABLE_TO_MOVE_REPLACEMENT);
    const { attributes, createdMs } = old;
    const status = withOpen(call, replaced, { access: FILE_WRITE_ATTRIBUTES, options: 0 }, (handle) => {
      const set = setFileAttributes(kernel, process, handle, attributes);
      return ntSuccess(set) ? setFileTimes(kernel, process, handle, { createdMs }) : set;
    });
    return ntSuccess(status) ? TRUE : failStatus(call, status);
  };

export const copyFileFunctions: Record<string, Service | ServiceFunction> = {
  ...fileForms('CopyFile', copyFile),
  ...fileForms('CopyFileEx', copyFileEx),
  ...fileForms('MoveFile', moveFile(false)),
  ...fileForms('MoveFileEx', moveFile(true)),
  ...fileForms('ReplaceFile', replaceFile),
};
