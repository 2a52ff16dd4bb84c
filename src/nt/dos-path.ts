/**
 * Win32 paths (Microsoft, "Naming Files, Paths, and Namespaces" and "File path formats on Windows systems").
 * Pure functions over strings; they model RtlGetFullPathName_U, RtlIsDosDeviceName_U and RtlDosPathNameToNtPathName_U.
 */

export type DosPathType =
  | 'verbatim' // \\?\
  | 'device' // \\.\
  | 'unc' // \\server\share
  | 'absolute' // C:\
  | 'drive-relative' // C:name
  | 'rooted' // \name
  | 'relative';

const isSeparator = (character: string | undefined) => character === '\\' || character === '/';

export function dosPathType(path: string): DosPathType {
  if (path.startsWith('\\\\?\\') || path.startsWith('\\??\\')) return 'verbatim';
  if (isSeparator(path[0])) {
    if (!isSeparator(path[1])) return 'rooted';
    if ((path[2] === '.' || path[2] === '?') && (isSeparator(path[3]) || path.length === 3)) return 'device';
    return 'unc';
  }
  if (path[1] === ':') return isSeparator(path[2]) ? 'absolute' : 'drive-relative';
  return 'relative';
}

/** A text without those of the given characters that it ends with; linear in its length, as a program chooses it. */
function withoutEnd(text: string, characters: string): string {
  let length = text.length;
  while (length > 0 && characters.includes(text[length - 1]!)) length--;
  return text.slice(0, length);
}

const DEVICE_NAME = /^(con|prn|aux|nul|com[1-9¹²³]|lpt[1-9¹²³]|conin\$|conout\$)$/i;

/** The device that the last component of a path names ('NUL', 'con', …), as it is spelled, or null. */
export function dosDeviceName(path: string): string | null {
  const type = dosPathType(path);
  if (type === 'verbatim' || type === 'device' || type === 'unc') return null;
  const last = path.slice(Math.max(path.lastIndexOf('\\'), path.lastIndexOf('/')) + 1);
  const bare = /^[A-Za-z]:/.test(last) ? last.slice(2) : last;
  const stem = withoutEnd(bare.replace(/[.:].*$/s, ''), ' ');
  return DEVICE_NAME.test(stem) ? stem : null;
}

/** Resolves . and .., drops empty components, and strips what Win32 strips from the ends of names. */
function normalizeComponents(path: string): string {
  const parts = path.split(/[\\/]+/);
  const kept: string[] = [];
  const trailing = /[\\/]$/.test(path);
  parts.forEach((part, index) => {
    if (part === '' || part === '.') return;
    if (part === '..') kept.pop();
    else if (index === parts.length - 1) kept.push(withoutEnd(part, '. '));
    else kept.push(part.replace(/([^.])\.$/, '$1'));
  });
  if (kept.at(-1) === '') kept.pop();
  return kept.join('\\') + (trailing && kept.length > 0 ? '\\' : '');
}

/** \\server\share, which .. does not go above, and what lies behind it. */
const UNC_PARTS = /^[\\/]{2}([^\\/]*)[\\/]*([^\\/]*)(.*)$/s;

function fullUncPath(path: string): string {
  const [, server = '', share = '', rest = ''] = UNC_PARTS.exec(path) ?? [];
  const below = normalizeComponents(rest);
  if (share === '') return `\\\\${server}`;
  const separator = below !== '' || isSeparator(rest[0]) ? '\\' : '';
  return `\\\\${server}\\${share}${separator}${below}`;
}

/**
 * Full form of a path against a current directory such as C:\work (GetFullPathName); device names become \\.\NUL. Letters keep
 * their case, but for a drive whose current directory is asked for.
 */
export function fullDosPath(path: string, currentDirectory: string): string {
  const device = dosDeviceName(path);
  if (device !== null) return `\\\\.\\${device}`;
  const drive = currentDirectory.slice(0, 2);
  switch (dosPathType(path)) {
    case 'verbatim':
    case 'device':
      return `${path.slice(0, 4).replaceAll('/', '\\')}${normalizeComponents(path.slice(4))}`;
    case 'unc':
      return fullUncPath(path);
    case 'absolute':
      return `${path[0]}:\\${normalizeComponents(path.slice(3))}`;
    case 'drive-relative': {
      const letter = path[0]!.toUpperCase();
      const base = letter === drive[0]?.toUpperCase() ? currentDirectory.slice(3) : '';
      return `${letter}:\\${normalizeComponents(`${base}\\${path.slice(2)}`)}`;
    }
    case 'rooted':
      return `${drive}\\${normalizeComponents(path)}`;
    case 'relative':
      return `${drive}\\${normalizeComponents(`${currentDirectory.slice(3)}\\${path}`)}`;
  }
}

/** The NT path of a Win32 path: \??\C:\work\a.txt. Null for an empty path. */
export function dosPathToNtPath(path: string, currentDirectory: string): string | null {
  if (path === '') return null;
  if (dosPathType(path) === 'verbatim') return `\\??\\${path.slice(4)}`;
  const full = fullDosPath(path, currentDirectory);
  switch (dosPathType(full)) {
    case 'device':
      return `\\??\\${full.slice(4)}`;
    case 'unc':
      return `\\??\\UNC\\${full.slice(2)}`;
    default:
      return `\\??\\${full}`;
  }
}
