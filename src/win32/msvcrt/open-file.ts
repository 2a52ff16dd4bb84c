/** Opening by name: _open's flags and fopen's modes. Source: "_open, _wopen", "fopen, _wfopen", Microsoft. */
import { STATUS_OBJECT_PATH_NOT_FOUND, STATUS_SUCCESS } from '../../base/ntstatus.js';
import { DELETE, GENERIC_READ, GENERIC_WRITE } from '../../nt/access.js';
import { createFile } from '../../nt/create-file.js';
import { queryInformationFile } from '../../nt/file-information.js';
import {
  FILE_CREATE,
  FILE_DELETE_ON_CLOSE,
  FILE_NON_DIRECTORY_FILE,
  FILE_OPEN,
  FILE_OPEN_IF,
  FILE_OVERWRITE,
  FILE_OVERWRITE_IF,
  FILE_SHARE_DELETE,
  FILE_SHARE_READ,
  FILE_SHARE_WRITE,
} from '../../nt/file-object.js';
import { HANDLE_FLAG_INHERIT } from '../../nt/handle-table.js';
import type { ServiceCall } from '../../nt/service.js';
import { ntPathOf } from '../kernel32/path.js';
import { EINVAL } from './errno.js';
import {
  addFile,
  deviceFlags,
  FAPPEND,
  FDEV,
  FNOINHERIT,
  FOPEN,
  FTEXT,
  failWithErrno,
  failWithStatus,
} from './low-io.js';
import { variable } from './state.js';
import { freeStream, IOREAD, IORW, IOWRT, openStream, type Stream } from './stream.js';

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_APPEND = 0x8;
export const O_TEMPORARY = 0x40;
export const O_NOINHERIT = 0x80;
export const O_CREAT = 0x100;
export const O_TRUNC = 0x200;
export const O_EXCL = 0x400;
export const O_TEXT = 0x4000;
export const O_BINARY = 0x8000;

const ACCESS_MODE = 3;
const SHARE_BOTH = FILE_SHARE_READ | FILE_SHARE_WRITE;

/** _SH_… of _sopen -> FILE_SHARE_…; others are refused. */
const SHARING: Readonly<Record<number, number>> = {
  0: SHARE_BOTH,
  16: 0,
  32: FILE_SHARE_READ,
  48: FILE_SHARE_WRITE,
  64: SHARE_BOTH,
};
export const SH_DENYNO = 0x40;

function disposition(flags: number): number {
  switch (flags & (O_CREAT | O_EXCL | O_TRUNC)) {
    case O_CREAT:
      return FILE_OPEN_IF;
    case O_CREAT | O_EXCL:
    case O_CREAT | O_EXCL | O_TRUNC:
      return FILE_CREATE;
    case O_TRUNC:
    case O_TRUNC | O_EXCL:
      return FILE_OVERWRITE;
    case O_CREAT | O_TRUNC:
      return FILE_OVERWRITE_IF;
    default:
      return FILE_OPEN;
  }
}

function desiredAccess(flags: number): number {
  const mode = flags & ACCESS_MODE;
  const access =
    mode === O_RDONLY ? GENERIC_READ : mode === O_WRONLY ? GENERIC_WRITE : GENERIC_READ | GENERIC_WRITE;
  return (flags & O_TEMPORARY ? access | DELETE : access) >>> 0;
}

function isTextMode(call: ServiceCall, flags: number): boolean {
  if (flags & O_BINARY) return false;
  return (flags & O_TEXT) !== 0 || (call.memory.readU32(variable(call, '_fmode')) & O_BINARY) === 0;
}

/** Opens a file (_sopen): its descriptor, or -1 with errno. */
export function openLow(call: ServiceCall, name: string, flags: number, sharing: number): number {
  const share = SHARING[sharing];
  if (share === undefined || (flags & ACCESS_MODE) === ACCESS_MODE) return failWithErrno(call, EINVAL);
  const path = ntPathOf(call, name);
  if (path === null) return failWithStatus(call, STATUS_OBJECT_PATH_NOT_FOUND);
  const out = { handle: 0, information: 0 };
  const status = createFile(
    call.kernel,
    call.process,
    {
      path,
      access: desiredAccess(flags),
      share: flags & O_TEMPORARY ? share | FILE_SHARE_DELETE : share,
      disposition: disposition(flags),
      options: FILE_NON_DIRECTORY_FILE | (flags & O_TEMPORARY ? FILE_DELETE_ON_CLOSE : 0),
      handleFlags: flags & O_NOINHERIT ? 0 : HANDLE_FLAG_INHERIT,
    },
    out,
  );
  if (status !== STATUS_SUCCESS) return failWithStatus(call, status);
  return addFile(call, out.handle, fileFlags(call, out.handle, flags));
}

/** The descriptor's flags for a handle and the flags of _open. */
export function fileFlags(call: ServiceCall, handle: number, flags: number): number {
  const information = queryInformationFile(call.kernel, call.process, handle);
  return (
    FOPEN |
    (isTextMode(call, flags) ? FTEXT : 0) |
    (typeof information === 'number' ? FDEV : deviceFlags(information)) |
    (flags & O_APPEND ? FAPPEND : 0) |
    (flags & O_NOINHERIT ? FNOINHERIT : 0)
  );
}

export interface StreamMode {
  /** Flags of _open. */
  readonly open: number;
  /** Flags of the stream. */
  readonly stream: number;
}

const FIRST_LETTER: Readonly<Record<string, StreamMode>> = {
  r: { open: O_RDONLY, stream: IOREAD },
  w: { open: O_WRONLY | O_CREAT | O_TRUNC, stream: IOWRT },
  a: { open: O_WRONLY | O_CREAT | O_APPEND, stream: IOWRT },
};

/** What a mode such as "r+b" asks for; null when it means nothing, or an encoding ("ccs="), which streams do not have yet. */
export function parseMode(mode: string): StreamMode | null {
  const text = mode.trimStart();
  const first = FIRST_LETTER[text[0] ?? ''];
  if (first === undefined) return null;
  let { open, stream } = first;
  for (const letter of text.slice(1)) {
    if (letter === ',') return null;
    if (letter === '+') {
      open = (open & ~ACCESS_MODE) | O_RDWR;
      stream = IORW;
    } else if (letter === 'b') open |= O_BINARY;
    else if (letter === 't') open |= O_TEXT;
    else if (letter === 'D') open |= O_TEMPORARY;
    else if (letter === 'N') open |= O_NOINHERIT;
    else if (!' cnSRTx'.includes(letter)) return null;
    else if (letter === 'x') open |= O_EXCL;
  }
  return { open, stream };
}

/** fopen into a given stream: its address, or 0 with errno. */
export function openNamed(
  call: ServiceCall,
  stream: Stream,
  name: string,
  mode: string,
  sharing: number,
): number {
  const parsed = parseMode(mode);
  if (parsed === null) {
    failWithErrno(call, EINVAL);
    return 0;
  }
  const descriptor = openLow(call, name, parsed.open, sharing);
  if (descriptor < 0) return 0;
  openStream(stream, descriptor, parsed.stream);
  return stream.address;
}

/** fopen: the stream's address, or 0 with errno. */
export function openFree(call: ServiceCall, name: string, mode: string, sharing = SH_DENYNO): number {
  const stream = freeStream(call);
  return stream === null ? 0 : openNamed(call, stream, name, mode, sharing);
}

/** _fdopen: a stream for a descriptor, or 0 with errno. */
export function openDescriptor(call: ServiceCall, descriptor: number, mode: string): number {
  const parsed = parseMode(mode);
  const stream = parsed === null ? null : freeStream(call);
  if (parsed === null) failWithErrno(call, EINVAL);
  if (parsed === null || stream === null) return 0;
  openStream(stream, descriptor, parsed.stream);
  return stream.address;
}
