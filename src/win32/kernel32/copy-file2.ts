/**
 * CopyFile2 (winbase.h). Sources: Microsoft, "CopyFile2 function", "COPYFILE2_EXTENDED_PARAMETERS structure",
 * "COPYFILE2_MESSAGE structure", "COPYFILE2_MESSAGE_ACTION enumeration". A copy that was paused cannot be resumed.
 */
import { ntSuccess, STATUS_OBJECT_NAME_COLLISION, STATUS_SUCCESS } from '../../base/ntstatus.js';
import { setDeleteDisposition } from '../../nt/file-information.js';
import { closeHandle } from '../../nt/object-manager.js';
import type { Service, ServiceCall, ServiceResult, ServiceStep } from '../../nt/service.js';
import { dosErrorOf, ERROR_FILE_EXISTS, ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { CHUNK, COPY_FILE_FAIL_IF_EXISTS, copyChunk, endCopy, openBoth, sizeOf } from './copy-file.js';
import { ERROR_REQUEST_ABORTED, writeU64 } from './results.js';
import { WIDE } from './text-form.js';

/** COPYFILE2_EXTENDED_PARAMETERS: byte offsets and bytes. */
const FLAGS = 0x04;
const CANCEL = 0x08;
const ROUTINE = 0x10;
const CONTEXT = 0x18;
const PARAMETER_BYTES = 0x20;

/**
 * FAIL_IF_EXISTS, RESTARTABLE, OPEN_SOURCE_FOR_WRITE, ALLOW_DECRYPTED_DESTINATION, COPY_SYMLINK, NO_BUFFERING,
 * REQUEST_SECURITY_PRIVILEGES, NO_OFFLOAD.
 */
const COPY_FLAGS = 0x1 | 0x2 | 0x4 | 0x8 | 0x800 | 0x1000 | 0x2000 | 0x40000;

const CHUNK_STARTED = 1;
const CHUNK_FINISHED = 2;
const STREAM_STARTED = 3;
const STREAM_FINISHED = 4;
const MESSAGE_BYTES = 0x50;

const PROGRESS_CANCEL = 1;
const PROGRESS_STOP = 2;
const PROGRESS_QUIET = 3;
const PROGRESS_PAUSE = 4;

const ERROR_REQUEST_PAUSED = 3050;

/** Where a copy stands, as its steps get it from the program's stack. */
interface Progress {
  readonly source: number;
  readonly target: number;
  /** Bytes copied. */
  readonly done: number;
}

/** HRESULT_FROM_WIN32. */
const resultOf = (error: number) => (error === 0 ? 0 : 0x80070000 | error) >>> 0;

const resultOfStatus = (status: number) =>
  resultOf(
    status === STATUS_OBJECT_NAME_COLLISION ? ERROR_FILE_EXISTS : ntSuccess(status) ? 0 : dosErrorOf(status),
  );

/** Where messages lie: below the caller's frame. */
const messagePlace = (call: ServiceCall) => {
  const at = call.stackPointer - MESSAGE_BYTES;
  return at - (at % 16);
};

/** What follows the two handles of a message, 8 bytes each. */
function fieldsOf(type: number, size: number, done: number): number[] {
  const chunk = Math.max(0, Math.ceil(done / CHUNK) - 1);
  switch (type) {
    case STREAM_STARTED:
      return [size, size];
    case CHUNK_STARTED:
      return [Math.floor(done / CHUNK), Math.min(CHUNK, size - done), size, size];
    case CHUNK_FINISHED:
      return [chunk, done - chunk * CHUNK, size, done, size, done];
    default:
      return [size, done, size, done];
  }
}

/** Tells the program of the copy; the step that goes on has the number of the message's type, counted from 0. */
function tell(call: ServiceCall, type: number, { source, target, done }: Progress): ServiceResult {
  const { memory } = call;
  const [at, parameters] = [messagePlace(call), call.address(2)];
  memory.fill(at, MESSAGE_BYTES, 0);
  memory.writeU32(at, type);
  memory.writeU32(at + 0x08, 1);
  [source, target, ...fieldsOf(type, sizeOf(call, source), done)].forEach((value, index) => {
    writeU64(call, at + 0x10 + 8 * index, value);
  });
  const routine = memory.readPointer(parameters + ROUTINE);
  const context = memory.readI32(parameters + CONTEXT + 4) * 2 ** 32 + memory.readU32(parameters + CONTEXT);
  return call.callGuest(routine, [at, context], type - 1, [source, target, done], call.stackPointer - at);
}

function isCancelled(call: ServiceCall): boolean {
  const at = call.address(2) === 0 ? 0 : call.memory.readPointer(call.address(2) + CANCEL);
  return at !== 0 && call.memory.readU32(at) !== 0;
}

/** Ends a copy before its end: what was copied goes, or stays. */
function abort(call: ServiceCall, { source, target }: Progress, error: number, removes: boolean): number {
  const { kernel, process } = call;
  call.memory.commit();
  if (removes) setDeleteDisposition(kernel, process, target, true);
  closeHandle(kernel, process, source);
  closeHandle(kernel, process, target);
  return resultOf(error);
}

/** Copies one part; the NTSTATUS, or null when there was nothing left to copy. */
function copyNext(call: ServiceCall, { source, target, done }: Progress): number | null {
  call.memory.commit();
  return done < sizeOf(call, source) ? copyChunk(call, source, target, done) : null;
}

const after = (call: ServiceCall, progress: Progress): Progress => ({
  ...progress,
  done: Math.min(progress.done + CHUNK, sizeOf(call, progress.source)),
});

const end = (call: ServiceCall, { source, target }: Progress, status: number) =>
  resultOfStatus(endCopy(call, source, target, status));

/** Copies the rest without telling anybody. */
function copyQuietly(call: ServiceCall, begun: Progress): ServiceResult {
  for (let progress = begun; ; progress = after(call, progress)) {
    if (isCancelled(call)) return abort(call, progress, ERROR_REQUEST_ABORTED, true);
    const status = copyNext(call, progress);
    if (status === null) return end(call, progress, STATUS_SUCCESS);
    if (!ntSuccess(status)) return end(call, progress, status);
  }
}

/** A chunk begins, or the stream ends. */
function nextChunk(call: ServiceCall, progress: Progress): ServiceResult {
  if (isCancelled(call)) return abort(call, progress, ERROR_REQUEST_ABORTED, true);
  const isOver = progress.done >= sizeOf(call, progress.source);
  return tell(call, isOver ? STREAM_FINISHED : CHUNK_STARTED, progress);
}

function copyOne(call: ServiceCall, progress: Progress): ServiceResult {
  const status = copyNext(call, progress);
  if (status !== null && !ntSuccess(status)) return end(call, progress, status);
  return tell(call, CHUNK_FINISHED, after(call, progress));
}

/** Goes on as the program's answer to a message wants. */
const answered =
  (goOn: (call: ServiceCall, progress: Progress) => ServiceResult): ServiceStep =>
  (call, [source, target, done]) => {
    const progress = { source: source!, target: target!, done: done! };
    switch (call.resultLo) {
      case PROGRESS_CANCEL:
        return abort(call, progress, ERROR_REQUEST_ABORTED, true);
      case PROGRESS_STOP:
        return abort(call, progress, ERROR_REQUEST_ABORTED, false);
      case PROGRESS_PAUSE:
        return abort(call, progress, ERROR_REQUEST_PAUSED, false);
      case PROGRESS_QUIET:
        return copyQuietly(call, progress);
      default:
        return goOn(call, progress);
    }
  };

/** HRESULT CopyFile2(existing, new, *parameters). */
export const copyFile2: Service = {
  enter: (call) => {
    const { memory } = call;
    const parameters = call.address(2);
    if (parameters !== 0 && memory.readU32(parameters) !== PARAMETER_BYTES)
      return resultOf(ERROR_INVALID_PARAMETER);
    const flags = parameters === 0 ? 0 : memory.readU32(parameters + FLAGS);
    const tells = parameters !== 0 && memory.readPointer(parameters + ROUTINE) !== 0;
    if (flags & ~COPY_FLAGS) return resultOf(ERROR_INVALID_PARAMETER);
    const [from, to] = [WIDE.read(call, call.address(0)), WIDE.read(call, call.address(1))];
    if (tells) memory.probeWrite(messagePlace(call), MESSAGE_BYTES);
    const files = openBoth(call, from, to, (flags & COPY_FILE_FAIL_IF_EXISTS) !== 0);
    if (typeof files === 'number') return resultOfStatus(files);
    const progress = { ...files, done: 0 };
    return tells ? tell(call, STREAM_STARTED, progress) : copyQuietly(call, progress);
  },
  steps: [
    answered(copyOne),
    answered(nextChunk),
    answered(nextChunk),
    answered((call, progress) => end(call, progress, STATUS_SUCCESS)),
  ],
};
