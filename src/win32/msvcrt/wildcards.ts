/**
 * Wildcards in arguments, for programs whose start code asks for it. Names come in sorted order; an argument that nothing
 * matches stays as it is. Source: "Expanding wildcard arguments", Microsoft.
 */
import { STATUS_SUCCESS } from '../../base/ntstatus.js';
import { FILE_READ_DATA } from '../../nt/access.js';
import { createFile } from '../../nt/create-file.js';
import { queryDirectoryFile } from '../../nt/file-information.js';
import { FILE_DIRECTORY_FILE, FILE_OPEN, FILE_SHARE_READ, FILE_SHARE_WRITE } from '../../nt/file-object.js';
import { closeHandle } from '../../nt/object-manager.js';
import type { ServiceCall } from '../../nt/service.js';
import { ntPathOf } from '../kernel32/path.js';
import type { Argument } from './command-line.js';

/** Names in a folder that match a pattern, without . and .. ; null when the folder cannot be read. */
export function matchingNames(call: ServiceCall, folder: string, pattern: string): string[] | null {
  const path = ntPathOf(call, folder);
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
  const names: string[] = [];
  for (;;) {
    const entry = queryDirectoryFile(call.kernel, call.process, out.handle, pattern, false);
    if (typeof entry === 'number') break;
    if (entry.name !== '.' && entry.name !== '..') names.push(entry.name);
  }
  closeHandle(call.kernel, call.process, out.handle);
  return names;
}

export function expandWildcards(call: ServiceCall, { text, quoted }: Argument): string[] {
  if (quoted || !/[*?]/.test(text)) return [text];
  const cut = Math.max(text.lastIndexOf('\\'), text.lastIndexOf('/'), text.lastIndexOf(':')) + 1;
  const folder = text.slice(0, cut);
  if (/[*?]/.test(folder)) return [text];
  const names = matchingNames(call, folder === '' ? '.' : folder, text.slice(cut));
  return names === null || names.length === 0 ? [text] : names.map((name) => folder + name);
}
