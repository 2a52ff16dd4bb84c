/** errno values, their messages, and what Win32 errors become. Source: "errno constants" and "_doserrno", Microsoft. */

export const EPERM = 1;
export const ENOENT = 2;
export const E2BIG = 7;
export const ENOEXEC = 8;
export const EBADF = 9;
export const ECHILD = 10;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EEXIST = 17;
export const EXDEV = 18;
export const ENOTDIR = 20;
export const EINVAL = 22;
export const EMFILE = 24;
export const ENOSPC = 28;
export const ESPIPE = 29;
export const EPIPE = 32;
export const EDOM = 33;
export const ERANGE = 34;
export const ENOTEMPTY = 41;
export const EILSEQ = 42;
export const STRUNCATE = 80;

const UNKNOWN = 'Unknown error';

/** strerror's texts by errno. */
export const ERROR_MESSAGES: readonly string[] = [
  'No error',
  'Operation not permitted',
  'No such file or directory',
  'No such process',
  'Interrupted function call',
  'Input/output error',
  'No such device or address',
  'Arg list too long',
  'Exec format error',
  'Bad file descriptor',
  'No child processes',
  'Resource temporarily unavailable',
  'Not enough space',
  'Permission denied',
  'Bad address',
  UNKNOWN,
  'Resource device',
  'File exists',
  'Improper link',
  'No such device',
  'Not a directory',
  'Is a directory',
  'Invalid argument',
  'Too many open files in system',
  'Too many open files',
  'Inappropriate I/O control operation',
  UNKNOWN,
  'File too large',
  'No space left on device',
  'Invalid seek',
  'Read-only file system',
  'Too many links',
  'Broken pipe',
  'Domain error',
  'Result too large',
  UNKNOWN,
  'Resource deadlock avoided',
  UNKNOWN,
  'Filename too long',
  'No locks available',
  'Function not implemented',
  'Directory not empty',
  'Illegal byte sequence',
  UNKNOWN,
];

export function errorMessage(errno: number): string {
  return ERROR_MESSAGES[errno] ?? UNKNOWN;
}

/** Win32 error -> errno, for the errors that are not EINVAL. */
const FROM_WIN32: Readonly<Record<number, number>> = {
  2: ENOENT,
  3: ENOENT,
  4: EMFILE,
  5: EACCES,
  6: EBADF,
  7: ENOMEM,
  8: ENOMEM,
  9: ENOMEM,
  10: E2BIG,
  11: ENOEXEC,
  15: ENOENT,
  16: EACCES,
  17: EXDEV,
  18: ENOENT,
  33: EACCES,
  53: ENOENT,
  65: EACCES,
  67: ENOENT,
  80: EEXIST,
  82: EACCES,
  83: EACCES,
  89: EAGAIN,
  108: EACCES,
  109: EPIPE,
  112: ENOSPC,
  114: EBADF,
  128: ECHILD,
  129: ECHILD,
  130: EBADF,
  132: EACCES,
  145: ENOTEMPTY,
  158: EACCES,
  161: ENOENT,
  164: EAGAIN,
  167: EACCES,
  183: EEXIST,
  206: ENOENT,
  215: EAGAIN,
  1816: ENOMEM,
};

export function errnoOfWin32(error: number): number {
  const known = FROM_WIN32[error];
  if (known !== undefined) return known;
  if (error >= 19 && error <= 36) return EACCES;
  if (error >= 188 && error <= 202) return ENOEXEC;
  return EINVAL;
}
