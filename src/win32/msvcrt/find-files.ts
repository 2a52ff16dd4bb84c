/**
 * Listing of folders: for wildcards in arguments, and _findfirst's family. Names come in sorted order.
 * Source: "_findfirst, _findfirst32, …", "_findnext …", "_findclose", Microsoft.
 */
import { STATUS_SUCCESS } from '../../base/ntstatus.js';
import { FILE_READ_DATA } from '../../nt/access.js';
import { createFile } from '../../nt/create-file.js';
import { type DirectoryEntry, queryDirectoryFile } from '../../nt/file-information.js';
import {
  FILE_ATTRIBUTE_ARCHIVE,
  FILE_DIRECTORY_FILE,
  FILE_OPEN,
  FILE_SHARE_READ,
  FILE_SHARE_WRITE,
} from '../../nt/file-object.js';
import { expressionOf } from '../../nt/name-expression.js';
import { closeHandle } from '../../nt/object-manager.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { ntPathOf } from '../kernel32/path.js';
import { EINVAL, ENOENT } from './errno.js';
import { crtState, failWith } from './state.js';
import { narrowOf, readNarrow, readWide, unicodeOf, writeNarrow, writeWide } from './text.js';

const NAME_UNITS = 260;
const TWO_32 = 2 ** 32;

/** The folder of a path, with its separator, and its last part. */
export function cutPath(path: string): { folder: string; name: string } {
  const cut = Math.max(path.lastIndexOf('\\'), path.lastIndexOf('/'), path.lastIndexOf(':')) + 1;
  return { folder: path.slice(0, cut), name: path.slice(cut) };
}

/** Entries of a folder whose names match a pattern; null when the folder cannot be read. */
export function matchingEntries(call: ServiceCall, folder: string, pattern: string): DirectoryEntry[] | null {
  const path = ntPathOf(call, folder === '' ? '.' : folder);
  if (path === null) return null;
  const out = { handle: 0, information: 0 };
  const request = {
    path,
    access: FILE_READ_DATA,
    share: FILE_SHARE_READ | FILE_SHARE_WRITE,
    disposition: FILE_OPEN,
    options: FILE_DIRECTORY_FILE,
  };
  if (createFile(call.kernel, call.process, request, out) !== STATUS_SUCCESS) return null;
  const entries: DirectoryEntry[] = [];
  for (;;) {
    const entry = queryDirectoryFile(call.kernel, call.process, out.handle, expressionOf(pattern), false);
    if (typeof entry === 'number') break;
    entries.push(entry);
  }
  closeHandle(call.kernel, call.process, out.handle);
  return entries;
}

interface FindLayout {
  readonly wide: boolean;
  /** Bytes of the size field; the name follows it. */
  readonly sizeBytes: 4 | 8;
}

/** struct _finddata…: attrib 0, three times of 8 bytes from 8, size 32, name behind it. */
function writeEntry(call: ServiceCall, at: number, entry: DirectoryEntry, layout: FindLayout): void {
  const { memory } = call;
  const seconds = Math.floor(entry.modifiedMs / 1000);
  // An ordinary file has no attribute here but that of the archive.
  memory.writeU32(at, entry.attributes === 0 ? FILE_ATTRIBUTE_ARCHIVE : entry.attributes);
  for (const offset of [8, 16, 24]) memory.writeU64(at + offset, seconds >>> 0, Math.floor(seconds / TWO_32));
  memory.writeU32(at + 32, entry.size >>> 0);
  if (layout.sizeBytes === 8) memory.writeU32(at + 36, Math.floor(entry.size / TWO_32));
  const nameAt = at + 32 + layout.sizeBytes;
  const name = entry.name.slice(0, NAME_UNITS - 1);
  if (layout.wide) writeWide(memory, nameAt, name);
  else writeNarrow(memory, nameAt, narrowOf(name));
}

const findFirst =
  (layout: FindLayout): ServiceFunction =>
  (call) => {
    const { memory } = call;
    const address = call.address(0);
    const { folder, name } = cutPath(
      layout.wide ? readWide(memory, address) : unicodeOf(readNarrow(memory, address)),
    );
    const entries = matchingEntries(call, folder, name);
    if (entries === null || entries.length === 0) return failWith(call, ENOENT);
    writeEntry(call, call.address(1), entries[0]!, layout);
    const { finds } = crtState(call);
    const handle = finds.length + 1;
    finds.push({ entries, next: 1 });
    return handle;
  };

const findNext =
  (layout: FindLayout): ServiceFunction =>
  (call) => {
    const find = crtState(call).finds[call.handle(0) - 1];
    if (!find) return failWith(call, EINVAL);
    const entry = find.entries[find.next];
    if (entry === undefined) return failWith(call, ENOENT);
    writeEntry(call, call.address(1), entry, layout);
    find.next++;
    return 0;
  };

function closeFind(call: ServiceCall): number {
  const { finds } = crtState(call);
  const index = call.handle(0) - 1;
  if (!finds[index]) return failWith(call, EINVAL);
  finds[index] = null;
  return 0;
}

const NARROW: FindLayout = { wide: false, sizeBytes: 4 };
const NARROW_64: FindLayout = { wide: false, sizeBytes: 8 };
const WIDE: FindLayout = { wide: true, sizeBytes: 4 };
const WIDE_64: FindLayout = { wide: true, sizeBytes: 8 };

export const findFunctions: Record<string, ServiceFunction> = {
  _findfirst: findFirst(NARROW),
  _findfirst64i32: findFirst(NARROW),
  _findfirst64: findFirst(NARROW_64),
  _findfirsti64: findFirst(NARROW_64),
  _wfindfirst: findFirst(WIDE),
  _wfindfirst64i32: findFirst(WIDE),
  _wfindfirst64: findFirst(WIDE_64),
  _wfindfirsti64: findFirst(WIDE_64),
  _findnext: findNext(NARROW),
  _findnext64i32: findNext(NARROW),
  _findnext64: findNext(NARROW_64),
  _findnexti64: findNext(NARROW_64),
  _wfindnext: findNext(WIDE),
  _wfindnext64i32: findNext(WIDE),
  _wfindnext64: findNext(WIDE_64),
  _wfindnexti64: findNext(WIDE_64),
  _findclose: closeFind,
};
