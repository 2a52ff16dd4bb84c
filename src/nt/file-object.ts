import { STATUS_SHARING_VIOLATION, STATUS_SUCCESS } from '../base/ntstatus.js';
import type { HostEntry } from '../host/host.js';
import { DELETE, FILE_APPEND_DATA, FILE_EXECUTE, FILE_READ_DATA, FILE_WRITE_DATA } from './access.js';
import type { Word64 } from './apc.js';
import type { FileControlBlock } from './file-control-block.js';
import type { DeviceName } from './file-name.js';
import type { FileLocation } from './file-system.js';
import type { IoCompletionObject } from './io-completion.js';
import type { DispatcherObject } from './object.js';
import type { PipeEnd } from './pipe.js';
import type { Thread } from './thread.js';

/** Sharing, disposition and options of NtCreateFile (Microsoft, "NtCreateFile function"). */
export const FILE_SHARE_READ = 1;
export const FILE_SHARE_WRITE = 2;
export const FILE_SHARE_DELETE = 4;

export const FILE_SUPERSEDE = 0;
export const FILE_OPEN = 1;
export const FILE_CREATE = 2;
export const FILE_OPEN_IF = 3;
export const FILE_OVERWRITE = 4;
export const FILE_OVERWRITE_IF = 5;

export const FILE_DIRECTORY_FILE = 0x1;
export const FILE_WRITE_THROUGH = 0x2;
export const FILE_SEQUENTIAL_ONLY = 0x4;
export const FILE_NO_INTERMEDIATE_BUFFERING = 0x8;
export const FILE_SYNCHRONOUS_IO_ALERT = 0x10;
export const FILE_SYNCHRONOUS_IO_NONALERT = 0x20;
export const FILE_NON_DIRECTORY_FILE = 0x40;
export const FILE_RANDOM_ACCESS = 0x800;
export const FILE_DELETE_ON_CLOSE = 0x1000;
export const FILE_OPEN_FOR_BACKUP_INTENT = 0x4000;

/** IO_STATUS_BLOCK.Information after an open. */
export const FILE_SUPERSEDED = 0;
export const FILE_OPENED = 1;
export const FILE_CREATED = 2;
export const FILE_OVERWRITTEN = 3;

export const FILE_ATTRIBUTE_READONLY = 0x1;
export const FILE_ATTRIBUTE_HIDDEN = 0x2;
export const FILE_ATTRIBUTE_SYSTEM = 0x4;
export const FILE_ATTRIBUTE_DIRECTORY = 0x10;
export const FILE_ATTRIBUTE_ARCHIVE = 0x20;
export const FILE_ATTRIBUTE_NORMAL = 0x80;
/** What programs may set beside READONLY: HIDDEN, SYSTEM, ARCHIVE, TEMPORARY, OFFLINE, NOT_CONTENT_INDEXED. */
export const SETTABLE_ATTRIBUTES = 0x3126;

/** A directory listing under way. */
export interface DirectoryCursor {
  readonly entries: readonly HostEntry[];
  readonly pattern: string;
  next: number;
}

/** FILE_COMPLETION_INFORMATION. */
export interface FileCompletion {
  readonly port: IoCompletionObject;
  readonly key: Word64;
}

/** An open of a file, directory or device (FILE_OBJECT). */
export interface FileObject extends DispatcherObject {
  readonly kind: 'file';
  readonly device: DeviceName;
  /** Host stream that a console output goes to. */
  readonly stream: 1 | 2;
  /** The open file; null for directories and devices. */
  readonly file: FileControlBlock | null;
  /** Place of a file or directory; null for devices. */
  location: FileLocation | null;
  readonly isDirectory: boolean;
  readonly access: number;
  readonly share: number;
  /** FILE_SYNCHRONOUS_IO_NONALERT and the other options of the open. */
  readonly options: number;
  deleteOnClose: boolean;
  /** Its close takes the file's name away, though others have it open (FILE_DISPOSITION_POSIX_SEMANTICS). */
  deletesName: boolean;
  /** Guest path, such as C:\work\a.txt, or a device name. */
  path: string;
  /** Byte offset of the next read or write. */
  position: number;
  /** Byte offset at which the last read ended: one that goes on there has pages read ahead. */
  lastReadEnd: number;
  cursor: DirectoryCursor | null;
  /** The port to which its I/O is reported, and the key given with it. */
  completion: FileCompletion | null;
  /** FILE_SKIP_COMPLETION_PORT_ON_SUCCESS and FILE_SKIP_SET_EVENT_ON_HANDLE. */
  notificationModes: number;
  /** The end of a pipe; null for everything else. */
  readonly pipe: PipeEnd | null;
  /** A write to the pipe that waits for room: whose, and how many bytes are written. */
  writing: { readonly thread: Thread; readonly done: number } | null;
}

interface ShareClaim {
  readonly access: number;
  readonly share: number;
}

const readsOf = ({ access }: ShareClaim) => (access & (FILE_READ_DATA | FILE_EXECUTE) ? 1 : 0);
const writesOf = ({ access }: ShareClaim) => (access & (FILE_WRITE_DATA | FILE_APPEND_DATA) ? 1 : 0);
const deletesOf = ({ access }: ShareClaim) => (access & DELETE ? 1 : 0);

/** Whether an open may stand beside those that exist (IoCheckShareAccess). Opens for attributes alone always may. */
export function checkShareAccess(file: FileControlBlock, claim: ShareClaim): number {
  const { access: counts } = file;
  const [reads, writes, deletes] = [readsOf(claim), writesOf(claim), deletesOf(claim)];
  if (reads + writes + deletes === 0) return STATUS_SUCCESS;
  const opens = file.sharingOpens;
  const refused =
    (reads && counts.shareRead < opens) ||
    (writes && counts.shareWrite < opens) ||
    (deletes && counts.shareDelete < opens) ||
    (counts.readers > 0 && !(claim.share & FILE_SHARE_READ)) ||
    (counts.writers > 0 && !(claim.share & FILE_SHARE_WRITE)) ||
    (counts.deleters > 0 && !(claim.share & FILE_SHARE_DELETE));
  return refused ? STATUS_SHARING_VIOLATION : STATUS_SUCCESS;
}

/** Adds (1) or takes away (-1) an open's share of the counts (IoUpdateShareAccess, IoRemoveShareAccess). */
export function updateShareAccess(file: FileControlBlock, claim: ShareClaim, by: 1 | -1): void {
  const { access: counts } = file;
  file.openCount += by;
  const [reads, writes, deletes] = [readsOf(claim), writesOf(claim), deletesOf(claim)];
  if (reads + writes + deletes === 0) return;
  file.sharingOpens += by;
  counts.readers += by * reads;
  counts.writers += by * writes;
  counts.deleters += by * deletes;
  if (claim.share & FILE_SHARE_READ) counts.shareRead += by;
  if (claim.share & FILE_SHARE_WRITE) counts.shareWrite += by;
  if (claim.share & FILE_SHARE_DELETE) counts.shareDelete += by;
}
