/** What fits nowhere else: errno's place, invalid parameters, paths, the version of the system. */
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { fullPathOf } from '../kernel32/path.js';
import { allocate } from './crt-heap.js';
import { EINVAL, ERANGE } from './errno.js';
import { failWith, THREAD_DOS_ERROR, THREAD_ERRNO, threadData } from './state.js';
import { narrowOf, readNarrow, readWide, unicodeOf, writeNarrow, writeWide } from './text.js';

const MAX_PATH = 260;

interface PathParts {
  readonly drive: string;
  readonly folder: string;
  readonly name: string;
  readonly extension: string;
}

/** A path in the four parts of _splitpath; each may be empty. */
export function splitPath(path: string): PathParts {
  const drive = path[1] === ':' ? path.slice(0, 2) : '';
  const rest = path.slice(drive.length);
  const cut = Math.max(rest.lastIndexOf('\\'), rest.lastIndexOf('/')) + 1;
  const last = rest.slice(cut);
  const dot = last.lastIndexOf('.');
  return {
    drive,
    folder: rest.slice(0, cut),
    name: dot < 0 ? last : last.slice(0, dot),
    extension: dot < 0 ? '' : last.slice(dot),
  };
}

/** _makepath's way of putting the parts together. */
export function makePath({ drive, folder, name, extension }: PathParts): string {
  const start = drive === '' ? '' : `${drive[0]}:`;
  const slash = folder === '' || /[\\/]$/.test(folder) ? '' : '\\';
  const dot = extension === '' || extension.startsWith('.') ? '' : '.';
  return start + folder + slash + name + dot + extension;
}

const splitService =
  (wide: boolean): ServiceFunction =>
  (call) => {
    const read = wide ? readWide : readNarrow;
    const write = wide ? writeWide : writeNarrow;
    const { drive, folder, name, extension } = splitPath(read(call.memory, call.address(0)));
    [drive, folder, name, extension].forEach((text, index) => {
      const to = call.address(index + 1);
      if (to !== 0) write(call.memory, to, text.slice(0, 255));
    });
  };

const makeService =
  (wide: boolean): ServiceFunction =>
  (call) => {
    const read = (index: number) => {
      const address = call.address(index);
      if (address === 0) return '';
      return wide ? readWide(call.memory, address) : readNarrow(call.memory, address);
    };
    const path = makePath({ drive: read(1), folder: read(2), name: read(3), extension: read(4) });
    if (wide) writeWide(call.memory, call.address(0), path);
    else writeNarrow(call.memory, call.address(0), path);
  };

/** _fullpath(to, path, size): a block of the heap when no place is given. */
const fullPath =
  (wide: boolean): ServiceFunction =>
  (call) => {
    const [to, from, size] = [call.address(0), call.address(1), call.size(2)];
    if (from === 0) return failWith(call, EINVAL, 0);
    const path = fullPathOf(
      call,
      wide ? readWide(call.memory, from) : unicodeOf(readNarrow(call.memory, from)),
    );
    if (to !== 0 && path.length >= size) return failWith(call, ERANGE, 0);
    const place = to !== 0 ? to : allocate(call, Math.max(path.length + 1, MAX_PATH) * (wide ? 2 : 1), false);
    if (place === 0) return 0;
    if (wide) writeWide(call.memory, place, path);
    else writeNarrow(call.memory, place, narrowOf(path));
    return place;
  };

function getVersion(call: ServiceCall, major: number): number {
  if (call.address(0) === 0) return failWith(call, EINVAL, EINVAL);
  call.memory.writeU32(call.address(0), major);
  return 0;
}

export const miscellaneousFunctions: Record<string, ServiceFunction> = {
  _errno: (call) => threadData(call) + THREAD_ERRNO,
  __doserrno: (call) => threadData(call) + THREAD_DOS_ERROR,
  _set_errno: (call) => {
    call.memory.writeU32(threadData(call) + THREAD_ERRNO, call.u32(0));
    return 0;
  },
  _get_errno: (call) => {
    if (call.address(0) === 0) return EINVAL;
    call.memory.writeU32(call.address(0), call.memory.readU32(threadData(call) + THREAD_ERRNO));
    return 0;
  },
  _get_winmajor: (call) => getVersion(call, 10),
  _get_winminor: (call) => getVersion(call, 0),
  _splitpath: splitService(false),
  _wsplitpath: splitService(true),
  _makepath: makeService(false),
  _wmakepath: makeService(true),
  _fullpath: fullPath(false),
  _wfullpath: fullPath(true),
};
