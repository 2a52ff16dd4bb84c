/** Locks of byte ranges (fileapi.h). Sources: Microsoft, "LockFile function", "LockFileEx function", "UnlockFileEx function". */
import { STATUS_SUCCESS } from '../../base/ntstatus.js';
import { lockFile, unlockFile } from '../../nt/file-locks.js';
import { fileOfHandle } from '../../nt/io.js';
import { announceInline } from '../../nt/io-request.js';
import { PENDING, type ServiceCall, type ServiceFunction } from '../../nt/service.js';
import { ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { offsetOf, targetOf } from './overlapped.js';
import { failStatus, truth } from './results.js';

const LOCKFILE_FAIL_IMMEDIATELY = 1;
const LOCKFILE_EXCLUSIVE_LOCK = 2;

const wide = (call: ServiceCall, low: number) => call.u32(low + 1) * 2 ** 32 + call.u32(low);

/** BOOL LockFile(file, offsetLow, offsetHigh, bytesLow, bytesHigh): exclusive, at once or not at all. */
const lock: ServiceFunction = (call) => {
  const status = lockFile(call, {
    handle: call.handle(0),
    start: wide(call, 1),
    length: wide(call, 3),
    exclusive: true,
    key: 0,
    immediately: true,
  });
  return status === PENDING ? PENDING : truth(call, status);
};

/** BOOL LockFileEx(file, flags, reserved, bytesLow, bytesHigh, overlapped). */
const lockEx: ServiceFunction = (call) => {
  const [flags, overlapped] = [call.u32(1), call.address(5)];
  if (call.u32(2) !== 0) return call.fail(ERROR_INVALID_PARAMETER);
  const target = targetOf(call, overlapped);
  if (typeof target === 'number') return failStatus(call, target);
  const status = lockFile(call, {
    handle: call.handle(0),
    start: offsetOf(call, overlapped)!,
    length: wide(call, 3),
    exclusive: (flags & LOCKFILE_EXCLUSIVE_LOCK) !== 0,
    key: 0,
    immediately: (flags & LOCKFILE_FAIL_IMMEDIATELY) !== 0,
  });
  if (status === PENDING) return PENDING;
  const file = fileOfHandle(call.kernel, call.process, call.handle(0), 0);
  if (status === STATUS_SUCCESS && typeof file !== 'number') announceInline(call, file, target, status, 0);
  return truth(call, status);
};

/** BOOL UnlockFile(file, offsetLow, offsetHigh, bytesLow, bytesHigh). */
const unlock: ServiceFunction = (call) =>
  truth(call, unlockFile(call.kernel, call.process, call.handle(0), wide(call, 1), wide(call, 3), 0));

/** BOOL UnlockFileEx(file, reserved, bytesLow, bytesHigh, overlapped). */
const unlockEx: ServiceFunction = (call) => {
  if (call.u32(1) !== 0) return call.fail(ERROR_INVALID_PARAMETER);
  const start = offsetOf(call, call.address(4)) ?? 0;
  return truth(call, unlockFile(call.kernel, call.process, call.handle(0), start, wide(call, 2), 0));
};

export const fileLockFunctions: Record<string, ServiceFunction> = {
  LockFile: lock,
  LockFileEx: lockEx,
  UnlockFile: unlock,
  UnlockFileEx: unlockEx,
};
