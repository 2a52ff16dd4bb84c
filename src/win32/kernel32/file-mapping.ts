/** File mappings (memoryapi.h). Sources: Microsoft, "CreateFileMappingA function", "MapViewOfFile function", "FlushViewOfFile function", "UnmapViewOfFile function". */
import {
  PAGE_EXECUTE,
  PAGE_EXECUTE_READ,
  PAGE_EXECUTE_READWRITE,
  PAGE_EXECUTE_WRITECOPY,
  PAGE_NOACCESS,
  PAGE_READONLY,
  PAGE_READWRITE,
  PAGE_WRITECOPY,
  SEC_COMMIT,
  SECTION_MAP_EXECUTE,
  SECTION_MAP_READ,
  SECTION_MAP_WRITE,
  SECTION_QUERY,
} from '../../base/memory-constants.js';
import { ntSuccess, STATUS_NOT_MAPPED_DATA, STATUS_OBJECT_NAME_EXISTS } from '../../base/ntstatus.js';
import { HANDLE_FLAG_INHERIT } from '../../nt/handle-table.js';
import { baseNamedObjectPath } from '../../nt/object-directory.js';
import {
  createSection,
  flushVirtualMemory,
  mapViewOfSection,
  openSection,
  unmapViewOfSection,
} from '../../nt/section-services.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { ERROR_ALREADY_EXISTS, ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { failStatus, INVALID_HANDLE_VALUE, TRUE, truth } from './results.js';
import { inheritanceOf } from './security-attributes.js';
import { bothForms, type TextForm } from './text-form.js';

const STANDARD_RIGHTS_REQUIRED = 0xf0000;
const FILE_MAP_COPY = 0x1;
const FILE_MAP_WRITE = 0x2;
const FILE_MAP_READ = 0x4;
const FILE_MAP_EXECUTE = 0x20;
/** FILE_MAP_LARGE_PAGES, FILE_MAP_TARGETS_INVALID, FILE_MAP_RESERVE: they do not change the protection. */
const FILE_MAP_MODIFIERS = 0xe0000000;
/** The bits of flProtect that are SEC_*, not PAGE_*. */
const SECTION_FLAGS = 0xff800000;

/** Access that the handle of a new mapping has, by page protection. */
function handleAccess(protection: number): number {
  const base = STANDARD_RIGHTS_REQUIRED | SECTION_QUERY | SECTION_MAP_READ;
  switch (protection & 0xff) {
    case PAGE_READWRITE:
      return base | SECTION_MAP_WRITE;
    case PAGE_EXECUTE_READ:
    case PAGE_EXECUTE_WRITECOPY:
      return base | SECTION_MAP_EXECUTE;
    case PAGE_EXECUTE_READWRITE:
      return base | SECTION_MAP_WRITE | SECTION_MAP_EXECUTE;
    default:
      return base;
  }
}

/** HANDLE CreateFileMapping(file, security, protect, sizeHigh, sizeLow, name). */
const createFileMapping =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const file = call.handle(0);
    const [flags, high, low, nameAt] = [call.u32(2), call.u32(3), call.u32(4), call.address(5)];
    const protection = flags & ~SECTION_FLAGS;
    const kind = (flags & SECTION_FLAGS) >>> 0;
    const maximumSize = high * 2 ** 32 + low;
    if (protection === PAGE_EXECUTE || (file === INVALID_HANDLE_VALUE && maximumSize === 0))
      return call.fail(ERROR_INVALID_PARAMETER);
    const name = nameAt === 0 ? '' : form.read(call, nameAt);
    const out = { handle: 0 };
    call.lastError = 0;
    const status = createSection(
      call.kernel,
      call.process,
      {
        path: name === '' ? null : baseNamedObjectPath(name),
        access: handleAccess(protection),
        handleFlags: inheritanceOf(call, call.address(1)),
        openIf: true,
      },
      {
        maximumSize,
        protection,
        attributes: kind === 0 ? SEC_COMMIT : kind,
        fileHandle: file === INVALID_HANDLE_VALUE ? 0 : file,
      },
      out,
    );
    if (!ntSuccess(status)) return failStatus(call, status);
    if (status === STATUS_OBJECT_NAME_EXISTS) call.lastError = ERROR_ALREADY_EXISTS;
    return out.handle;
  };

/** HANDLE OpenFileMapping(access, inherit, name). */
const openFileMapping =
  (form: TextForm): ServiceFunction =>
  (call) => {
    if (call.address(2) === 0) return call.fail(ERROR_INVALID_PARAMETER);
    const access = call.u32(0);
    const rights = access === FILE_MAP_COPY ? SECTION_MAP_READ : access & ~FILE_MAP_EXECUTE;
    const execute = access & FILE_MAP_EXECUTE ? SECTION_MAP_EXECUTE : 0;
    const flags = call.u32(1) ? HANDLE_FLAG_INHERIT : 0;
    const path = baseNamedObjectPath(form.read(call, call.address(2)));
    const out = { handle: 0 };
    const status = openSection(call.kernel, call.process, path, rights | execute, flags, out);
    return ntSuccess(status) ? out.handle : failStatus(call, status);
  };

/** PAGE_* of a view from FILE_MAP_*. */
function viewProtection(access: number): number {
  const execute = (access & FILE_MAP_EXECUTE) !== 0;
  const kind = (access & ~FILE_MAP_EXECUTE & ~FILE_MAP_MODIFIERS) >>> 0;
  if (kind === FILE_MAP_COPY) return execute ? PAGE_EXECUTE_WRITECOPY : PAGE_WRITECOPY;
  if (kind & FILE_MAP_WRITE) return execute ? PAGE_EXECUTE_READWRITE : PAGE_READWRITE;
  if (kind & FILE_MAP_READ) return execute ? PAGE_EXECUTE_READ : PAGE_READONLY;
  return execute ? PAGE_EXECUTE : PAGE_NOACCESS;
}

/** LPVOID MapViewOfFileEx(mapping, access, offsetHigh, offsetLow, bytes, base). */
function mapView(call: ServiceCall, baseAddress: number): number {
  const request = {
    baseAddress,
    viewSize: call.size(4),
    sectionOffset: call.u32(2) * 2 ** 32 + call.u32(3),
    allocationType: 0,
    protect: viewProtection(call.u32(1)),
  };
  const status = mapViewOfSection(call.kernel, call.process, call.handle(0), request);
  return ntSuccess(status) ? request.baseAddress : failStatus(call, status);
}

function flushView(call: ServiceCall): number {
  const request = { baseAddress: call.address(0), regionSize: call.size(1) };
  call.memory.commit();
  const status = flushVirtualMemory(call.kernel.mm, call.process.space, request, { bytesWritten: 0 });
  return status === STATUS_NOT_MAPPED_DATA ? TRUE : truth(call, status);
}

export const fileMappingFunctions: Record<string, Service | ServiceFunction> = {
  ...bothForms('CreateFileMapping', createFileMapping),
  ...bothForms('OpenFileMapping', openFileMapping),
  MapViewOfFile: (call) => mapView(call, 0),
  MapViewOfFileEx: (call) => mapView(call, call.address(5)),
  FlushViewOfFile: flushView,
  UnmapViewOfFile: (call) => truth(call, unmapViewOfSection(call.kernel, call.process, call.address(0))),
};
