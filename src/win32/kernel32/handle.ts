/** Handles, and what an open file is (handleapi.h, fileapi.h). Sources: Microsoft, "DuplicateHandle function", "SetHandleInformation function", "GetFileInformationByHandle function", "SetFileTime function". */
import { ntSuccess, STATUS_INVALID_DEVICE_REQUEST, STATUS_INVALID_HANDLE } from '../../base/ntstatus.js';
import { PROCESS_DUP_HANDLE } from '../../nt/access.js';
import { queryInformationFile, setFileTimes } from '../../nt/file-information.js';
import { HANDLE_FLAG_INHERIT } from '../../nt/handle-table.js';
import { duplicateObject, referenceByHandle, setHandleFlags } from '../../nt/object-manager.js';
import type { Process } from '../../nt/process.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { fileTimeOfMs } from '../../nt/system-time.js';
import { devicePath } from '../../nt/volume-name.js';
import { readTime } from '../ntdll/directory-listing.js';
import { fileIdOf, VOLUME_SERIAL } from '../ntdll/file-records.js';
import { writeAttributeData } from './file-name.js';
import { failStatus, TRUE, truth } from './results.js';
import { bothForms, giveText, type TextForm } from './text-form.js';

function processOf(call: ServiceCall, handle: number): Process | number {
  return referenceByHandle(call.kernel, call.process, handle, 'process', PROCESS_DUP_HANDLE) as
    | Process
    | number;
}

/** BOOL DuplicateHandle(sourceProcess, source, targetProcess, target, access, inherit, options); no target process: only to close. */
const duplicateHandle: ServiceFunction = (call) => {
  const from = processOf(call, call.handle(0));
  const to = call.handle(2) === 0 ? null : processOf(call, call.handle(2));
  if (typeof from === 'number') return failStatus(call, from);
  if (typeof to === 'number') return failStatus(call, to);
  const targetAt = call.address(3);
  if (targetAt !== 0) call.memory.probeWrite(targetAt, 8);
  const flags = call.u32(5) ? HANDLE_FLAG_INHERIT : 0;
  const out = { handle: 0 };
  const [access, options] = [call.u32(4), call.u32(6)];
  const status = duplicateObject(call.kernel, from, call.handle(1), to, access, flags, options, out);
  if (!ntSuccess(status)) return failStatus(call, status);
  if (targetAt !== 0) call.memory.writeU64(targetAt, out.handle, 0);
  return TRUE;
};

/** BOOL GetHandleInformation(object, flags). */
const getHandleInformation: ServiceFunction = (call) => {
  const entry = call.process.handles.lookup(call.handle(0));
  if (entry === null) return failStatus(call, STATUS_INVALID_HANDLE);
  call.memory.writeU32(call.address(1), entry.flags);
  return TRUE;
};

const FILE_INFORMATION_BYTES = 52;

/** BOOL GetFileInformationByHandle(file, information). */
const fileInformation: ServiceFunction = (call) => {
  const information = queryInformationFile(call.kernel, call.process, call.handle(0));
  if (typeof information === 'number') return failStatus(call, information);
  if (information.device !== 'disk') return failStatus(call, STATUS_INVALID_DEVICE_REQUEST);
  const at = call.address(1);
  call.memory.probeWrite(at, FILE_INFORMATION_BYTES);
  writeAttributeData(call, at, information);
  const [indexLow, indexHigh] = fileIdOf(information.path);
  [
    VOLUME_SERIAL,
    Math.floor(information.size / 2 ** 32),
    information.size % 2 ** 32,
    1,
    indexHigh,
    indexLow,
  ].forEach((value, index) => {
    call.memory.writeU32(at + 0x1c + 4 * index, value);
  });
  return TRUE;
};

/** BOOL GetFileTime(file, creation, access, write). */
const getFileTime: ServiceFunction = (call) => {
  const information = queryInformationFile(call.kernel, call.process, call.handle(0));
  if (typeof information === 'number') return failStatus(call, information);
  const { createdMs, accessedMs, modifiedMs } = information;
  const places = [1, 2, 3].map((index) => call.address(index));
  for (const at of places) if (at !== 0) call.memory.probeWrite(at, 8);
  [createdMs, accessedMs, modifiedMs].forEach((milliseconds, index) => {
    const time = { lo: 0, hi: 0 };
    fileTimeOfMs(milliseconds, time);
    if (places[index] !== 0) call.memory.writeU64(places[index]!, time.lo, time.hi);
  });
  return TRUE;
};

/** BOOL SetFileTime(file, creation, access, write). */
const changeFileTime: ServiceFunction = (call) => {
  const timeAt = (index: number) =>
    call.address(index) === 0 ? undefined : readTime(call, call.address(index));
  const times = { createdMs: timeAt(1), accessedMs: timeAt(2), modifiedMs: timeAt(3) };
  return truth(call, setFileTimes(call.kernel, call.process, call.handle(0), times));
};

const FILE_NAME_OPENED = 8;
const VOLUME_NAME_DOS = 0;
const VOLUME_NAME_NT = 2;
const VOLUME_NAME_NONE = 4;

/** The path of an open file in the form that the flags ask for; null for one that is not to be had. */
function pathInForm(path: string, flags: number): string | null {
  switch (flags) {
    case VOLUME_NAME_DOS:
      return `\\\\?\\${path}`;
    case VOLUME_NAME_NT:
      return devicePath(path);
    case VOLUME_NAME_NONE:
      return path.slice(2);
    default:
      return null;
  }
}

/** DWORD GetFinalPathNameByHandle(file, buffer, units, flags): with a drive letter, with the volume's device, or without the volume. */
const finalPath =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const information = queryInformationFile(call.kernel, call.process, call.handle(0));
    if (typeof information === 'number') return failStatus(call, information);
    const path =
      information.device === 'disk' ? pathInForm(information.path, call.u32(3) & ~FILE_NAME_OPENED) : null;
    if (path === null) return failStatus(call, STATUS_INVALID_DEVICE_REQUEST);
    return giveText(call, form, path, call.address(1), call.u32(2));
  };

export const handleFunctions: Record<string, Service | ServiceFunction> = {
  DuplicateHandle: duplicateHandle,
  GetHandleInformation: getHandleInformation,
  SetHandleInformation: (call) =>
    truth(call, setHandleFlags(call.process, call.handle(0), call.u32(1), call.u32(2))),
  SetHandleCount: (call) => call.u32(0),
  GetFileInformationByHandle: fileInformation,
  GetFileTime: getFileTime,
  SetFileTime: changeFileTime,
  ...bothForms('GetFinalPathNameByHandle', finalPath),
};
