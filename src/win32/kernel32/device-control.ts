/**
 * File system controls, and what volumes without reparse points, compressed files, links and named streams answer (ioapiset.h, winbase.h,
 * fileapi.h). Sources: Microsoft, "DeviceIoControl function", "CreateHardLinkW function", "CreateSymbolicLinkW function",
 * "FindFirstStreamW function", "GetCompressedFileSizeW function".
 */
import {
  ntSuccess,
  STATUS_INVALID_DEVICE_REQUEST,
  STATUS_OBJECT_PATH_NOT_FOUND,
  STATUS_PRIVILEGE_NOT_HELD,
} from '../../base/ntstatus.js';
import { queryAttributesFile } from '../../nt/file-information.js';
import { fsControl } from '../../nt/fs-control.js';
import { fileOfHandle } from '../../nt/io.js';
import { announceInline } from '../../nt/io-request.js';
import { PENDING, type Service, type ServiceCall, type ServiceFunction } from '../../nt/service.js';
import { ERROR_ALREADY_EXISTS, ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { fileForms } from './file-apis.js';
import { targetOf } from './overlapped.js';
import { ntPathOf, pathExists } from './path.js';
import { failStatus, INVALID_HANDLE_VALUE, truth } from './results.js';
import type { TextForm } from './text-form.js';

/** BOOL DeviceIoControl(device, code, in, inBytes, out, outBytes, *returned, overlapped): the file system's codes; no driver here knows others. */
const deviceIoControl: ServiceFunction = (call) => {
  const [returnedAt, overlapped] = [call.address(6), call.address(7)];
  if (returnedAt !== 0 || overlapped === 0) call.memory.writeU32(returnedAt, 0);
  const target = overlapped === 0 ? null : targetOf(call, overlapped);
  if (typeof target === 'number') return failStatus(call, target);
  const file = fileOfHandle(call.kernel, call.process, call.handle(0), 0);
  if (typeof file === 'number') return failStatus(call, file);
  const buffers = {
    input: call.address(2),
    inputBytes: call.u32(3),
    output: call.address(4),
    outputBytes: call.u32(5),
  };
  const out = { information: 0 };
  const status = fsControl(call, file, call.u32(1), buffers, out);
  if (status === PENDING) return PENDING;
  if (returnedAt !== 0) call.memory.writeU32(returnedAt, out.information);
  if (target !== null && status < 0xc0000000) announceInline(call, file, target, status, out.information);
  return truth(call, status);
};

/** The NTSTATUS of a path that must name something. */
function statusOfPath(call: ServiceCall, path: string): number {
  const ntPath = ntPathOf(call, path);
  if (ntPath === null) return STATUS_OBJECT_PATH_NOT_FOUND;
  const information = queryAttributesFile(call.kernel, ntPath);
  return typeof information === 'number' ? information : 0;
}

/** BOOL CreateHardLink(new, existing, security): the volumes have none. */
const createHardLink =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const [link, existing] = [call.address(0), call.address(1)];
    if (link === 0 || existing === 0) return call.fail(ERROR_INVALID_PARAMETER);
    const status = statusOfPath(call, form.read(call, existing));
    if (!ntSuccess(status)) return failStatus(call, status);
    if (pathExists(call, form.read(call, link))) return call.fail(ERROR_ALREADY_EXISTS);
    return failStatus(call, STATUS_INVALID_DEVICE_REQUEST);
  };

/** BOOLEAN CreateSymbolicLink(link, target, flags): needs a privilege that ordinary users do not hold. */
const createSymbolicLink =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const [link, target] = [call.address(0), call.address(1)];
    if (link === 0 || target === 0) return call.fail(ERROR_INVALID_PARAMETER);
    if (pathExists(call, form.read(call, link))) return call.fail(ERROR_ALREADY_EXISTS);
    return failStatus(call, STATUS_PRIVILEGE_NOT_HELD);
  };

const INVALID_FILE_SIZE = 0xffffffff;

/** DWORD GetCompressedFileSize(name, high): the size itself, for nothing is compressed or sparse. */
const getCompressedFileSize =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const ntPath = ntPathOf(call, form.read(call, call.address(0)));
    const file = ntPath === null ? STATUS_OBJECT_PATH_NOT_FOUND : queryAttributesFile(call.kernel, ntPath);
    if (typeof file === 'number') return failStatus(call, file, INVALID_FILE_SIZE);
    if (call.address(1) !== 0) call.memory.writeU32(call.address(1), Math.floor(file.size / 2 ** 32));
    if (file.size % 2 ** 32 === INVALID_FILE_SIZE) call.lastError = 0;
    return file.size % 2 ** 32;
  };

export const deviceControlFunctions: Record<string, Service | ServiceFunction> = {
  DeviceIoControl: deviceIoControl,
  ...fileForms('CreateHardLink', createHardLink),
  ...fileForms('CreateSymbolicLink', createSymbolicLink),
  ...fileForms('GetCompressedFileSize', getCompressedFileSize),
  FindFirstStreamW: (call) => call.fail(ERROR_INVALID_PARAMETER, INVALID_HANDLE_VALUE),
  FindNextStreamW: (call) => call.fail(ERROR_INVALID_PARAMETER),
};
