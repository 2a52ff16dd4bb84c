/**
 * File mappings (memoryapi.h). Sources: Microsoft, "CreateFileMappingA function", "MapViewOfFile function", "FlushViewOfFile
 * function", "UnmapViewOfFile function", "CreateFileMapping2 function", "CreateFileMappingFromApp function".
 */
import {
  MEM_LARGE_PAGES,
  MEM_RESERVE,
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
import { checkNodeParameter, isKnownNode } from '../ntdll/node-parameter.js';
import { failStatus, INVALID_HANDLE_VALUE, statusOf, TRUE, truth } from './results.js';
import { inheritanceOf, securityOf } from './security-attributes.js';
import { bothForms, type TextForm, WIDE } from './text-form.js';

const STANDARD_RIGHTS_REQUIRED = 0xf0000;
const FILE_MAP_COPY = 0x1;
const FILE_MAP_WRITE = 0x2;
const FILE_MAP_READ = 0x4;
const FILE_MAP_EXECUTE = 0x20;
/** FILE_MAP_LARGE_PAGES, FILE_MAP_TARGETS_INVALID, FILE_MAP_RESERVE: they do not change the protection. */
const FILE_MAP_MODIFIERS = 0xe0000000;
const FILE_MAP_LARGE_PAGES = 0x20000000;
const FILE_MAP_RESERVE = 0x80000000;
const EXECUTE_PROTECTIONS =
  PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
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

/** What the forms of CreateFileMapping have in common. */
interface Mapping {
  readonly file: number;
  /** Address of SECURITY_ATTRIBUTES, or 0. */
  readonly security: number;
  /** PAGE_*. */
  readonly protection: number;
  /** SEC_*, 0 for SEC_COMMIT. */
  readonly attributes: number;
  /** Bytes. */
  readonly maximumSize: number;
  /** '' for none. */
  readonly name: string;
  /** SECTION_* and standard rights of the handle. */
  readonly access: number;
}

/** Creates or opens the mapping; the answer is its handle, or 0 with the last error. */
function createMapping(call: ServiceCall, mapping: Mapping): number {
  const { file, protection, attributes, maximumSize, name } = mapping;
  if (protection === PAGE_EXECUTE || (file === INVALID_HANDLE_VALUE && maximumSize === 0))
    return call.fail(ERROR_INVALID_PARAMETER);
  const out = { handle: 0 };
  call.lastError = 0;
  const status = createSection(
    call.kernel,
    call.process,
    {
      path: name === '' ? null : baseNamedObjectPath(name),
      access: mapping.access,
      handleFlags: inheritanceOf(call, mapping.security),
      openIf: true,
      security: securityOf(call, mapping.security),
    },
    {
      maximumSize,
      protection,
      attributes: attributes === 0 ? SEC_COMMIT : attributes,
      fileHandle: file === INVALID_HANDLE_VALUE ? 0 : file,
    },
    out,
  );
  if (!ntSuccess(status)) return failStatus(call, status);
  if (status === STATUS_OBJECT_NAME_EXISTS) call.lastError = ERROR_ALREADY_EXISTS;
  return out.handle;
}

/** HANDLE CreateFileMapping(file, security, protect, sizeHigh, sizeLow, name), and the Numa form with a node behind. */
const createFileMapping =
  (withNode: boolean) =>
  (form: TextForm): ServiceFunction =>
  (call) => {
    const [flags, nameAt] = [call.u32(2), call.address(5)];
    if (withNode && !isKnownNode(call.u32(6))) return call.fail(ERROR_INVALID_PARAMETER);
    const protection = flags & ~SECTION_FLAGS;
    return createMapping(call, {
      file: call.handle(0),
      security: call.address(1),
      protection,
      attributes: (flags & SECTION_FLAGS) >>> 0,
      maximumSize: call.u32(3) * 2 ** 32 + call.u32(4),
      name: nameAt === 0 ? '' : form.read(call, nameAt),
      access: handleAccess(protection),
    });
  };

/** HANDLE CreateFileMappingFromApp(file, security, protect, size, name): never executable. */
const createFileMappingFromApp: ServiceFunction = (call) => {
  const [flags, nameAt] = [call.u32(2), call.address(4)];
  const protection = flags & ~SECTION_FLAGS;
  if ((protection & EXECUTE_PROTECTIONS) !== 0) return call.fail(ERROR_INVALID_PARAMETER);
  return createMapping(call, {
    file: call.handle(0),
    security: call.address(1),
    protection,
    attributes: (flags & SECTION_FLAGS) >>> 0,
    maximumSize: call.size(3),
    name: nameAt === 0 ? '' : WIDE.read(call, nameAt),
    access: handleAccess(protection),
  });
};

/** HANDLE CreateFileMapping2(file, security, access, protect, attributes, size, name, *parameters, count). */
const createFileMapping2: ServiceFunction = (call) => {
  const nameAt = call.address(6);
  const status = statusOf(() => checkNodeParameter(call, call.address(7), call.u32(8)));
  if (!ntSuccess(status)) return failStatus(call, status);
  return createMapping(call, {
    file: call.handle(0),
    security: call.address(1),
    protection: call.u32(3),
    attributes: call.u32(4),
    maximumSize: call.size(5),
    name: nameAt === 0 ? '' : WIDE.read(call, nameAt),
    access: call.u32(2),
  });
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

/** MEM_* of a view from FILE_MAP_*. */
function viewAllocationType(access: number): number {
  return (
    (access & FILE_MAP_LARGE_PAGES ? MEM_LARGE_PAGES : 0) | (access & FILE_MAP_RESERVE ? MEM_RESERVE : 0)
  );
}

/** Maps a view of the mapping in the call's first argument, as the access in its second says. Offset and size in bytes. */
function mapView(call: ServiceCall, sectionOffset: number, viewSize: number, baseAddress: number): number {
  const access = call.u32(1);
  const request = {
    baseAddress,
    viewSize,
    sectionOffset,
    allocationType: viewAllocationType(access),
    protect: viewProtection(access),
  };
  const status = mapViewOfSection(call.kernel, call.process, call.handle(0), request);
  return ntSuccess(status) ? request.baseAddress : failStatus(call, status);
}

/** LPVOID MapViewOfFileEx(mapping, access, offsetHigh, offsetLow, bytes, base). */
function mapViewEx(call: ServiceCall, baseAddress: number): number {
  return mapView(call, call.u32(2) * 2 ** 32 + call.u32(3), call.size(4), baseAddress);
}

/** The same with a node behind. */
const mapViewNuma: ServiceFunction = (call) =>
  isKnownNode(call.u32(6)) ? mapViewEx(call, call.address(5)) : call.fail(ERROR_INVALID_PARAMETER);

/** LPVOID MapViewOfFileFromApp(mapping, access, offset, bytes): never executable. */
const mapViewFromApp: ServiceFunction = (call) =>
  call.u32(1) & FILE_MAP_EXECUTE
    ? call.fail(ERROR_INVALID_PARAMETER)
    : mapView(call, call.size(2), call.size(3), 0);

function flushView(call: ServiceCall): number {
  const request = { baseAddress: call.address(0), regionSize: call.size(1) };
  call.memory.commit();
  const status = flushVirtualMemory(call.kernel.mm, call.process.space, request, { bytesWritten: 0 });
  return status === STATUS_NOT_MAPPED_DATA ? TRUE : truth(call, status);
}

export const fileMappingFunctions: Record<string, Service | ServiceFunction> = {
  ...bothForms('CreateFileMapping', createFileMapping(false)),
  ...bothForms('CreateFileMappingNuma', createFileMapping(true)),
  CreateFileMappingFromApp: createFileMappingFromApp,
  CreateFileMapping2: createFileMapping2,
  ...bothForms('OpenFileMapping', openFileMapping),
  MapViewOfFile: (call) => mapViewEx(call, 0),
  MapViewOfFileEx: (call) => mapViewEx(call, call.address(5)),
  MapViewOfFileExNuma: mapViewNuma,
  MapViewOfFileFromApp: mapViewFromApp,
  FlushViewOfFile: flushView,
  UnmapViewOfFile: (call) => truth(call, unmapViewOfSection(call.kernel, call.process, call.address(0))),
};
