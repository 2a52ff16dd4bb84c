/** Directory listings (fileapi.h). A find handle is a block of the process heap that holds the directory's handle. Sources: Microsoft, "FindFirstFileExW function", "FindNextFileW function", "WIN32_FIND_DATAW structure". */
import { ntSuccess, STATUS_OBJECT_NAME_NOT_FOUND } from '../../base/ntstatus.js';
import { GuestFault } from '../../mm/user-memory.js';
import { FILE_READ_DATA, SYNCHRONIZE } from '../../nt/access.js';
import { createFile } from '../../nt/create-file.js';
import { dosPathType } from '../../nt/dos-path.js';
import { type DirectoryEntry, queryDirectoryFile } from '../../nt/file-information.js';
import {
  FILE_DIRECTORY_FILE,
  FILE_OPEN,
  FILE_SHARE_DELETE,
  FILE_SHARE_READ,
  FILE_SHARE_WRITE,
} from '../../nt/file-object.js';
import { expressionOf } from '../../nt/name-expression.js';
import { closeHandle } from '../../nt/object-manager.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import {
  dosErrorOf,
  ERROR_FILE_NOT_FOUND,
  ERROR_INVALID_HANDLE,
  ERROR_INVALID_PARAMETER,
  ERROR_NOT_ENOUGH_MEMORY,
  ERROR_PATH_NOT_FOUND,
} from '../ntdll/dos-error.js';
import { allocateFromHeap, freeToHeap, sizeInHeap } from '../ntdll/heap.js';
import { heapContext } from '../ntdll/heap-context.js';
import { HeapCorruption } from '../ntdll/heap-layout.js';
import { processHeap } from '../ntdll/heap-services.js';
import { fileForms } from './file-apis.js';
import { writeAttributeData } from './file-name.js';
import { fullPathOf, ntPathOf } from './path.js';
import { failStatus, INVALID_HANDLE_VALUE, TRUE } from './results.js';
import { type TextForm, writeText } from './text-form.js';

const SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

/** The block behind a find handle: a mark, then the directory's handle. */
const FIND_BYTES = 16;
const FIND_MARK = 0x46494e44;
const FIND_HANDLE = 8;

/** WIN32_FIND_DATA: where the name lies, its units, and those of the short name behind it. */
const FIND_DATA_NAME = 0x2c;
const NAME_UNITS = 260;
const SHORT_NAME_UNITS = 14;

const findDataBytes = (form: TextForm) => FIND_DATA_NAME + (NAME_UNITS + SHORT_NAME_UNITS) * form.unit;

function writeFindData(call: ServiceCall, form: TextForm, at: number, entry: DirectoryEntry): void {
  call.memory.fill(at, findDataBytes(form), 0);
  writeAttributeData(call, at, entry);
  writeText(call, form, at + FIND_DATA_NAME, entry.name);
}

/** Opens the folder of a pattern; a number is the Win32 error. */
function openFolder(call: ServiceCall, path: string): { handle: number; pattern: string } | number {
  if (path === '') return ERROR_PATH_NOT_FOUND;
  const full = dosPathType(path) === 'verbatim' ? path : fullPathOf(call, path);
  const cut = full.lastIndexOf('\\');
  const pattern = full.slice(cut + 1) + (/\*\.$/.test(path) ? '.' : '');
  if (pattern === '') return ERROR_FILE_NOT_FOUND;
  const ntPath = ntPathOf(call, full.slice(0, cut + 1));
  if (ntPath === null) return ERROR_PATH_NOT_FOUND;
  const out = { handle: 0, information: 0 };
  const status = createFile(
    call.kernel,
    call.process,
    {
      path: /:\\$/.test(ntPath) ? ntPath : ntPath.slice(0, -1),
      access: FILE_READ_DATA | SYNCHRONIZE,
      share: SHARE_ALL,
      disposition: FILE_OPEN,
      options: FILE_DIRECTORY_FILE,
    },
    out,
  );
  if (ntSuccess(status)) return { handle: out.handle, pattern };
  return status === STATUS_OBJECT_NAME_NOT_FOUND ? ERROR_PATH_NOT_FOUND : dosErrorOf(status);
}

function find(call: ServiceCall, form: TextForm, path: string, data: number): number {
  call.memory.probeWrite(data, findDataBytes(form));
  const folder = openFolder(call, path);
  if (typeof folder === 'number') return call.fail(folder, INVALID_HANDLE_VALUE);
  const { kernel, process } = call;
  const entry = queryDirectoryFile(kernel, process, folder.handle, expressionOf(folder.pattern), true);
  const block =
    typeof entry === 'number' ? 0 : allocateFromHeap(heapContext(call), processHeap(call), 0, FIND_BYTES);
  if (typeof entry === 'number' || block === 0) {
    closeHandle(kernel, process, folder.handle);
    if (typeof entry === 'number') return failStatus(call, entry, INVALID_HANDLE_VALUE);
    return call.fail(ERROR_NOT_ENOUGH_MEMORY, INVALID_HANDLE_VALUE);
  }
  call.memory.writeU64(block, FIND_MARK, 0);
  call.memory.writeU64(block + FIND_HANDLE, folder.handle, 0);
  writeFindData(call, form, data, entry);
  return block;
}

/** HANDLE FindFirstFile(name, data). */
const findFirst =
  (form: TextForm): ServiceFunction =>
  (call) =>
    find(call, form, form.read(call, call.address(0)), call.address(1));

/** HANDLE FindFirstFileEx(name, level, data, search, filter, flags): both levels, searches by name alone. */
const findFirstEx =
  (form: TextForm): ServiceFunction =>
  (call) => {
    if (call.u32(1) > 1 || call.u32(3) > 1) return call.fail(ERROR_INVALID_PARAMETER, INVALID_HANDLE_VALUE);
    return find(call, form, form.read(call, call.address(0)), call.address(2));
  };

/** The directory's handle of a find handle; 0 with the last error. */
function directoryOf(call: ServiceCall, block: number): number {
  try {
    const known = sizeInHeap(heapContext(call), processHeap(call), block) === FIND_BYTES;
    if (known && call.memory.readU32(block) === FIND_MARK) return call.memory.readU32(block + FIND_HANDLE);
  } catch (error) {
    if (!(error instanceof HeapCorruption || error instanceof GuestFault)) throw error;
  }
  return call.fail(ERROR_INVALID_HANDLE);
}

/** BOOL FindNextFile(find, data). */
const findNext =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const directory = directoryOf(call, call.address(0));
    if (directory === 0) return 0;
    call.memory.probeWrite(call.address(1), findDataBytes(form));
    const entry = queryDirectoryFile(call.kernel, call.process, directory, '', false);
    if (typeof entry === 'number') return failStatus(call, entry);
    writeFindData(call, form, call.address(1), entry);
    return TRUE;
  };

/** BOOL FindClose(find). */
const findClose: ServiceFunction = (call) => {
  const block = call.address(0);
  const directory = directoryOf(call, block);
  if (directory === 0) return 0;
  closeHandle(call.kernel, call.process, directory);
  call.memory.writeU32(block, 0);
  freeToHeap(heapContext(call), processHeap(call), block);
  return TRUE;
};

export const findFileFunctions: Record<string, Service | ServiceFunction> = {
  ...fileForms('FindFirstFile', findFirst),
  ...fileForms('FindFirstFileEx', findFirstEx),
  ...fileForms('FindNextFile', findNext),
  FindClose: findClose,
};
