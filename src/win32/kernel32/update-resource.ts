/**
 * Changing the resources of a file. The changes lie in a list in the process heap until the end; then the file is read, its
 * resource section built anew, and the file written. Sources: Microsoft, "BeginUpdateResourceW function", "UpdateResourceW
 * function", "EndUpdateResourceW function".
 */
import { PAGE_READONLY, SEC_COMMIT } from '../../base/memory-constants.js';
import { ntSuccess, STATUS_NO_MEMORY, STATUS_SUCCESS } from '../../base/ntstatus.js';
import { FILE_READ_DATA, FILE_WRITE_DATA } from '../../nt/access.js';
import { createFile } from '../../nt/create-file.js';
import { setEndOfFile } from '../../nt/file-information.js';
import { FILE_NON_DIRECTORY_FILE, FILE_OPEN, FILE_SHARE_READ } from '../../nt/file-object.js';
import { writeFile } from '../../nt/io.js';
import { closeHandle } from '../../nt/object-manager.js';
import { createSection, mapViewOfSection, unmapViewOfSection } from '../../nt/section-services.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { PeError } from '../../pe/pe-error.js';
import type { ResourceKey } from '../../pe/pe-resources.js';
import { type ResourceChange, updateResources } from '../../pe/resource-update.js';
import {
  ERROR_INVALID_HANDLE,
  ERROR_INVALID_PARAMETER,
  ERROR_NOT_ENOUGH_MEMORY,
  ERROR_PATH_NOT_FOUND,
} from '../ntdll/dos-error.js';
import { allocateFromHeap, freeToHeap } from '../ntdll/heap.js';
import { heapContext } from '../ntdll/heap-context.js';
import { processHeap } from '../ntdll/heap-services.js';
import { ntPathOf } from './path.js';
import { readKey } from './resource.js';
import { failStatus, TRUE } from './results.js';
import { bothForms, type TextForm } from './text-form.js';

const ERROR_BAD_EXE_FORMAT = 193;
const SECTION_MAP_READ = 0x4;
/** The update: mark, whether other resources go, first change, units of the path, path. */
const MARK = 0x52534355;
const UPDATE_REMOVES = 4;
const UPDATE_FIRST = 8;
const UPDATE_PATH_UNITS = 16;
const UPDATE_PATH = 20;
/** A change: next, language, whether there is data, units of both texts, numbers of both keys, bytes of data; then texts, data. */
const CHANGE_LANGUAGE = 8;
const CHANGE_HAS_DATA = 10;
const CHANGE_TYPE = 12;
const CHANGE_NAME = 16;
const CHANGE_SIZE = 20;
const CHANGE_CONTENT = 24;
/** Units of a text key; a number has none. */
const IS_NUMBER = 0xffff;
/** Bounds of ours: what one update may hold, and the largest file. */
const MOST_CHANGES = 0x10000;
const MOST_BYTES = 2 ** 28;
const CHUNK = 0x10000;

function allocate(call: ServiceCall, bytes: number): number {
  return allocateFromHeap(heapContext(call), processHeap(call), 0, bytes);
}

function release(call: ServiceCall, address: number): void {
  freeToHeap(heapContext(call), processHeap(call), address);
}

const ACCESS = FILE_READ_DATA | FILE_WRITE_DATA;

/** Opens the file to be read and written; a number below zero is minus the NTSTATUS. */
function openFile(call: ServiceCall, path: string): number {
  const out = { handle: 0, information: 0 };
  const request = {
    path,
    access: ACCESS,
    share: FILE_SHARE_READ,
    disposition: FILE_OPEN,
    options: FILE_NON_DIRECTORY_FILE,
  };
  const status = createFile(call.kernel, call.process, request, out);
  return ntSuccess(status) ? out.handle : -status;
}

/** HANDLE BeginUpdateResource(file, removeOthers). */
const begin =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const { memory } = call;
    if (call.address(0) === 0) return call.fail(ERROR_INVALID_PARAMETER);
    const path = ntPathOf(call, form.read(call, call.address(0)));
    if (path === null) return call.fail(ERROR_PATH_NOT_FOUND);
    const block = allocate(call, UPDATE_PATH + 2 * path.length);
    if (block === 0) return call.fail(ERROR_NOT_ENOUGH_MEMORY);
    memory.writeU32(block, MARK);
    memory.writeU32(block + UPDATE_REMOVES, call.u32(1));
    memory.writePointer(block + UPDATE_FIRST, 0);
    memory.writeU32(block + UPDATE_PATH_UNITS, path.length);
    memory.writeUtf16(block + UPDATE_PATH, path);
    const file = openFile(call, path);
    if (file < 0) {
      release(call, block);
      return failStatus(call, -file);
    }
    closeHandle(call.kernel, call.process, file);
    return block;
  };

const unitsOf = (key: ResourceKey) => (typeof key === 'string' ? key.length : 0);

/** BOOL UpdateResource(update, type, name, language, data, bytes): the newest change comes first in the list. */
const update =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const { memory } = call;
    const [handle, data, size] = [call.address(0), call.address(4), call.u32(5)];
    if (handle === 0 || memory.readU32(handle) !== MARK) return call.fail(ERROR_INVALID_HANDLE);
    if ((data === 0) !== (size === 0)) return call.fail(ERROR_INVALID_PARAMETER);
    const type = readKey(call, form, call.address(1));
    const name = readKey(call, form, call.address(2));
    memory.probeRead(data, size);
    const texts = 2 * (unitsOf(type) + unitsOf(name));
    const block = allocate(call, CHANGE_CONTENT + texts + size);
    if (block === 0) return call.fail(ERROR_NOT_ENOUGH_MEMORY);
    memory.writePointer(block, memory.readPointer(handle + UPDATE_FIRST));
    memory.writeU16(block + CHANGE_LANGUAGE, call.u32(3) & 0xffff);
    memory.writeU16(block + CHANGE_HAS_DATA, data === 0 ? 0 : 1);
    memory.writeU32(block + CHANGE_SIZE, size);
    let at = block + CHANGE_CONTENT;
    for (const [field, key] of [
      [CHANGE_TYPE, type],
      [CHANGE_NAME, name],
    ] as const) {
      memory.writeU16(block + field, typeof key === 'string' ? key.length : IS_NUMBER);
      memory.writeU16(block + field + 2, typeof key === 'string' ? 0 : key);
      if (typeof key === 'string') memory.writeUtf16(at, key);
      at += 2 * unitsOf(key);
    }
    memory.copy(at, data, size);
    memory.writePointer(handle + UPDATE_FIRST, block);
    return TRUE;
  };

/** The changes in the order in which they were made; null when there is more than one update may hold. */
function readChanges(call: ServiceCall, handle: number): ResourceChange[] | null {
  const { memory } = call;
  const changes: ResourceChange[] = [];
  let total = 0;
  for (
    let block = memory.readPointer(handle + UPDATE_FIRST);
    block !== 0;
    block = memory.readPointer(block)
  ) {
    let at = block + CHANGE_CONTENT;
    const [type, name] = [CHANGE_TYPE, CHANGE_NAME].map((field): ResourceKey => {
      const units = memory.readU16(block + field);
      if (units === IS_NUMBER) return memory.readU16(block + field + 2);
      const text = memory.readUtf16(at, units);
      at += 2 * units;
      return text;
    }) as [ResourceKey, ResourceKey];
    const size = memory.readU32(block + CHANGE_SIZE);
    total += size;
    if (changes.length >= MOST_CHANGES || total > MOST_BYTES) return null;
    const hasData = memory.readU16(block + CHANGE_HAS_DATA) !== 0;
    memory.probeRead(at, size);
    const data = hasData ? memory.readBytes(at, size) : null;
    changes.push({ type, name, language: memory.readU16(block + CHANGE_LANGUAGE), data });
  }
  return changes.reverse();
}

function releaseAll(call: ServiceCall, handle: number): void {
  const { memory } = call;
  let block = memory.readPointer(handle + UPDATE_FIRST);
  memory.writeU32(handle, 0);
  release(call, handle);
  while (block !== 0) {
    const next = memory.readPointer(block);
    release(call, block);
    block = next;
  }
}

/** The file's bytes through a view of it; a number is the NTSTATUS. */
function readWhole(call: ServiceCall, fileHandle: number): Uint8Array | number {
  const { kernel, process } = call;
  const out = { handle: 0 };
  const creation = { path: null, access: SECTION_MAP_READ, openIf: false };
  const section = { maximumSize: 0, protection: PAGE_READONLY, attributes: SEC_COMMIT, fileHandle };
  let status = createSection(kernel, process, creation, section, out);
  if (!ntSuccess(status)) return status;
  const request = {
    baseAddress: 0,
    viewSize: 0,
    sectionOffset: 0,
    allocationType: 0,
    protect: PAGE_READONLY,
  };
  status = mapViewOfSection(kernel, process, out.handle, request);
  closeHandle(kernel, process, out.handle);
  if (!ntSuccess(status)) return status;
  try {
    return request.viewSize > MOST_BYTES
      ? STATUS_NO_MEMORY
      : call.memory.readBytes(request.baseAddress, request.viewSize);
  } finally {
    unmapViewOfSection(kernel, process, request.baseAddress);
  }
}

/** Writes the whole file through a buffer in the process heap. */
function writeWhole(call: ServiceCall, fileHandle: number, bytes: Uint8Array): number {
  const buffer = allocate(call, CHUNK);
  if (buffer === 0) return STATUS_NO_MEMORY;
  let status: number = STATUS_SUCCESS;
  for (let at = 0; at < bytes.length && status === STATUS_SUCCESS; at += CHUNK) {
    const part = bytes.subarray(at, at + CHUNK);
    call.memory.writeBytes(buffer, part);
    const written = writeFile(call, fileHandle, buffer, part.length, at, { information: 0 });
    status = typeof written === 'number' ? written : STATUS_NO_MEMORY;
  }
  release(call, buffer);
  if (status !== STATUS_SUCCESS) return status;
  return setEndOfFile(call.kernel, call.process, fileHandle, bytes.length);
}

/** Reads, changes and writes the file; 0 with the last error, or TRUE. */
function rewrite(call: ServiceCall, handle: number, fileHandle: number): number {
  const changes = readChanges(call, handle);
  if (changes === null) return call.fail(ERROR_NOT_ENOUGH_MEMORY);
  const file = readWhole(call, fileHandle);
  if (typeof file === 'number') return failStatus(call, file);
  const removes = call.memory.readU32(handle + UPDATE_REMOVES) !== 0;
  try {
    const status = writeWhole(call, fileHandle, updateResources(file, changes, removes));
    return ntSuccess(status) ? TRUE : failStatus(call, status);
  } catch (error) {
    if (error instanceof PeError) return call.fail(ERROR_BAD_EXE_FORMAT);
    throw error;
  }
}

/** BOOL EndUpdateResource(update, discard). */
const end: ServiceFunction = (call) => {
  const { memory, kernel, process } = call;
  const handle = call.address(0);
  if (handle === 0 || memory.readU32(handle) !== MARK) return call.fail(ERROR_INVALID_HANDLE);
  memory.commit();
  let result = TRUE;
  if (call.u32(1) === 0) {
    const path = memory.readUtf16(handle + UPDATE_PATH, memory.readU32(handle + UPDATE_PATH_UNITS));
    const fileHandle = openFile(call, path);
    if (fileHandle < 0) result = failStatus(call, -fileHandle);
    else {
      try {
        result = rewrite(call, handle, fileHandle);
      } finally {
        closeHandle(kernel, process, fileHandle);
      }
    }
  }
  releaseAll(call, handle);
  return result;
};

export const updateResourceFunctions: Record<string, Service | ServiceFunction> = {
  ...bothForms('BeginUpdateResource', begin),
  ...bothForms('UpdateResource', update),
  EndUpdateResourceA: end,
  EndUpdateResourceW: end,
};
