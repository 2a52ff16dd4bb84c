/** Opening what a path names for one operation. */
import { ntSuccess, STATUS_OBJECT_PATH_NOT_FOUND } from '../../base/ntstatus.js';
import { SYNCHRONIZE } from '../../nt/access.js';
import { createFile } from '../../nt/create-file.js';
import { FILE_OPEN, FILE_SHARE_DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE } from '../../nt/file-object.js';
import { closeHandle } from '../../nt/object-manager.js';
import type { ServiceCall } from '../../nt/service.js';
import { ntPathOf } from './path.js';

const SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

export interface Open {
  readonly access: number;
  readonly disposition?: number;
  readonly options: number;
  readonly share?: number;
  readonly attributes?: number;
}

/** Opens a path; the status says whether the handle is one. */
export function openForUse(call: ServiceCall, path: string, how: Open): { handle: number; status: number } {
  const ntPath = ntPathOf(call, path);
  if (ntPath === null) return { handle: 0, status: STATUS_OBJECT_PATH_NOT_FOUND };
  const out = { handle: 0, information: 0 };
  const request = {
    path: ntPath,
    access: how.access | SYNCHRONIZE,
    share: how.share ?? SHARE_ALL,
    disposition: how.disposition ?? FILE_OPEN,
    options: how.options,
    attributes: how.attributes ?? 0,
  };
  return { status: createFile(call.kernel, call.process, request, out), handle: out.handle };
}

/** Opens a path, does something with the handle, and closes it; returns the NTSTATUS. */
export function withOpen(
  call: ServiceCall,
  path: string,
  how: Open,
  operation: (handle: number) => number,
): number {
  const { handle, status } = openForUse(call, path, how);
  if (!ntSuccess(status)) return status;
  const result = operation(handle);
  closeHandle(call.kernel, call.process, handle);
  return result;
}
