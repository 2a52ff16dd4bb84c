/** What NtQueryDirectoryFile goes through: the entries of an open directory, as they were when the listing began. */
import { STATUS_INSUFFICIENT_RESOURCES, STATUS_SUCCESS } from '../base/ntstatus.js';
import type { HostEntry } from '../host/host.js';
import type { FileObject } from './file-object.js';
import { statusOfHostError } from './file-system.js';
import type { Kernel } from './kernel.js';

/** Pool bytes and tag that each entry takes until the directory is closed. */
const ENTRY_BYTES = 0x100;
const ENTRY_TAG = 'NtfD';

/** What makes a pattern mean more than the one name that it is. */
const PATTERN = /[*?<>"\\/:|]|^\.{0,2}$|[. ]$/;

/** Entries of an open directory that can match a pattern, "." and ".." first except in a drive's root. */
function listDirectory(kernel: Kernel, object: FileObject, pattern: string): HostEntry[] {
  if (!PATTERN.test(pattern)) return kernel.fileSystem.listOne(object.location!, pattern);
  const entries = kernel.fileSystem.list(object.location!);
  if (object.location!.path.length === 0) return entries;
  const dots: HostEntry[] = ['.', '..'].map((name) => ({ kind: 'directory', size: 0, modifiedMs: 0, name }));
  return [...dots, ...entries];
}

/** Lists an open directory anew. STATUS_INSUFFICIENT_RESOURCES when the pool has no room for it, or why the host refuses. */
export function beginListing(kernel: Kernel, object: FileObject, pattern: string): number {
  const { nonpagedPool } = kernel.mm;
  dropListing(kernel, object);
  try {
    const entries = listDirectory(kernel, object, pattern);
    const bytes = entries.length * ENTRY_BYTES;
    if (!nonpagedPool.mayCharge(bytes)) return STATUS_INSUFFICIENT_RESOURCES;
    nonpagedPool.charge(bytes, ENTRY_TAG);
    object.cursor = { entries, pattern, next: 0 };
    return STATUS_SUCCESS;
  } catch (error) {
    return statusOfHostError(error);
  }
}

/** The listing of a directory is not gone through any more. */
export function dropListing({ mm }: Kernel, object: FileObject): void {
  const { cursor } = object;
  object.cursor = null;
  if (cursor !== null) mm.nonpagedPool.uncharge(cursor.entries.length * ENTRY_BYTES, ENTRY_TAG);
}
