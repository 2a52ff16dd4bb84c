/** Folders. Source: "Directory Control", Microsoft. */
import { STATUS_OBJECT_PATH_NOT_FOUND, STATUS_SUCCESS } from '../../base/ntstatus.js';
import { currentDirectory } from '../../ldr/process-parameters.js';
import { SYNCHRONIZE } from '../../nt/access.js';
import { createFile } from '../../nt/create-file.js';
import { FILE_CREATE, FILE_DIRECTORY_FILE } from '../../nt/file-object.js';
import { closeHandle } from '../../nt/object-manager.js';
import type { ServiceFunction } from '../../nt/service.js';
import { changeDirectory, ntPathOf } from '../kernel32/path.js';
import { allocate } from './crt-heap.js';
import { EINVAL, ENOMEM, ERANGE } from './errno.js';
import { failWithStatus } from './low-io.js';
import { nameOf, removeName, SHARE_ALL } from './low-io-functions.js';
import { failWith } from './state.js';
import { narrowOf, writeNarrow, writeWide } from './text.js';

const makeDirectory =
  (wide: boolean): ServiceFunction =>
  (call) => {
    const path = ntPathOf(call, nameOf(call, 0, wide));
    if (path === null) return failWithStatus(call, STATUS_OBJECT_PATH_NOT_FOUND);
    const out = { handle: 0, information: 0 };
    const request = {
      path,
      access: SYNCHRONIZE,
      share: SHARE_ALL,
      disposition: FILE_CREATE,
      options: FILE_DIRECTORY_FILE,
    };
    const status = createFile(call.kernel, call.process, request, out);
    if (status !== STATUS_SUCCESS) return failWithStatus(call, status);
    closeHandle(call.kernel, call.process, out.handle);
    return 0;
  };

/** _getcwd(buffer, size): a buffer of the heap when none is given. */
const getDirectory =
  (wide: boolean): ServiceFunction =>
  (call) => {
    const path = currentDirectory(call);
    const [given, size] = [call.address(0), call.i32(1)];
    const needed = path.length + 1;
    if (given !== 0 && size < needed) return failWith(call, ERANGE, 0);
    const to = given !== 0 ? given : allocate(call, Math.max(needed, size, 0) * (wide ? 2 : 1), false);
    if (to === 0) return failWith(call, ENOMEM, 0);
    if (wide) writeWide(call.memory, to, path);
    else writeNarrow(call.memory, to, narrowOf(path));
    return to;
  };

/** _chdir(name). */
const setDirectory =
  (wide: boolean): ServiceFunction =>
  (call) => {
    if (call.address(0) === 0) return failWith(call, EINVAL);
    const status = changeDirectory(call, nameOf(call, 0, wide));
    return status === STATUS_SUCCESS ? 0 : failWithStatus(call, status);
  };

const removeDirectory =
  (wide: boolean): ServiceFunction =>
  (call) =>
    removeName(call, nameOf(call, 0, wide), FILE_DIRECTORY_FILE);

export const directoryFunctions: Record<string, ServiceFunction> = {
  _chdir: setDirectory(false),
  _wchdir: setDirectory(true),
  _getcwd: getDirectory(false),
  _wgetcwd: getDirectory(true),
  _mkdir: makeDirectory(false),
  _wmkdir: makeDirectory(true),
  _rmdir: removeDirectory(false),
  _wrmdir: removeDirectory(true),
};
