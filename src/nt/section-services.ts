/** Services of section objects: NtCreateSection, NtOpenSection, NtMapViewOfSection and their kin. */
import {
  PAGE_EXECUTE,
  PAGE_EXECUTE_READ,
  PAGE_EXECUTE_READWRITE,
  PAGE_EXECUTE_WRITECOPY,
  PAGE_NOACCESS,
  PAGE_READONLY,
  PAGE_READWRITE,
  PAGE_WRITECOPY,
  SEC_IMAGE,
  SECTION_EXTEND_SIZE,
  SECTION_MAP_EXECUTE,
  SECTION_MAP_READ,
  SECTION_MAP_WRITE,
} from '../base/memory-constants.js';
import {
  STATUS_ACCESS_DENIED,
  STATUS_INVALID_FILE_FOR_SECTION,
  STATUS_INVALID_PAGE_PROTECTION,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import {
  createSection as createMmSection,
  extendSection as extendMmSection,
  type Section,
} from '../mm/section.js';
import {
  mapViewOfSection as mapMmView,
  unmapViewOfSection as unmapMmView,
  type ViewRequest,
} from '../mm/section-view.js';
import { FILE_EXECUTE, FILE_READ_DATA, FILE_WRITE_DATA } from './access.js';
import type { FileObject } from './file-object.js';
import type { Kernel } from './kernel.js';
import type { KernelObject } from './object.js';
import {
  createNamedObject,
  type NamedCreation,
  openNamedObject,
  referenceByHandle,
} from './object-manager.js';
import type { Process } from './process.js';
import { mayLockPages } from './token.js';

/** A section object: the name, the handles, and the memory manager's section. */
export interface SectionObject extends KernelObject {
  readonly kind: 'section';
  readonly section: Section;
}

/** Arguments of NtCreateSection beside the name. */
export interface SectionCreation {
  /** Bytes; 0 with a file means its size. */
  readonly maximumSize: number;
  /** PAGE_*. */
  readonly protection: number;
  /** SEC_*. */
  readonly attributes: number;
  /** Handle of the file, 0 for the paging file. */
  readonly fileHandle: number;
}

/** Creates a section and its first handle. STATUS_OBJECT_NAME_EXISTS when a section of the name was opened instead. */
export function createSection(
  kernel: Kernel,
  process: Process,
  creation: NamedCreation,
  section: SectionCreation,
  out: { handle: number },
): number {
  const make = () => makeSection(kernel, process, section);
  return createNamedObject(kernel, process, creation, 'section', make, out);
}

function makeSection(kernel: Kernel, process: Process, creation: SectionCreation): SectionObject | number {
  const file = creation.fileHandle === 0 ? null : backingFileOf(kernel, process, creation);
  if (typeof file === 'number') return file;
  return sectionOf(kernel, file, { ...creation, mayLockPages: mayLockPages(process) });
}

function sectionOf(
  kernel: Kernel,
  file: FileObject | null,
  creation: Omit<SectionCreation, 'fileHandle'> & { readonly mayLockPages?: boolean },
): SectionObject | number {
  const out: { section: Section | null } = { section: null };
  const status = createMmSection(
    kernel.mm,
    {
      file: file?.file ?? null,
      maximumSize: creation.maximumSize,
      pageProtection: creation.protection,
      allocationAttributes: creation.attributes,
      mayLockPages: creation.mayLockPages === true,
    },
    out,
  );
  if (status !== STATUS_SUCCESS || !out.section) return status;
  return { kind: 'section', name: null, handleCount: 0, referenceCount: 0, section: out.section };
}

/** The section of an open image file, without a handle; a number is the NTSTATUS. The caller lets it go. */
export function createImageSection(kernel: Kernel, file: FileObject): Section | number {
  const object = sectionOf(kernel, file, { maximumSize: 0, protection: PAGE_EXECUTE, attributes: SEC_IMAGE });
  return typeof object === 'number' ? object : object.section;
}

/** The file of a new section, with the rights that the protection needs. */
function backingFileOf(kernel: Kernel, process: Process, creation: SectionCreation): FileObject | number {
  const needed = fileAccessFor(creation.protection);
  if (needed < 0) return STATUS_INVALID_PAGE_PROTECTION;
  const object = referenceByHandle(kernel, process, creation.fileHandle, 'file', needed);
  if (typeof object === 'number') return object;
  const file = object as FileObject;
  return file.file ? file : STATUS_INVALID_FILE_FOR_SECTION;
}

/** FILE_* rights that a section protection needs (Microsoft, "CreateFileMappingA function"); -1 for no protection. */
function fileAccessFor(protection: number): number {
  switch (protection & 0xff) {
    case PAGE_READONLY:
    case PAGE_WRITECOPY:
      return FILE_READ_DATA;
    case PAGE_READWRITE:
      return FILE_READ_DATA | FILE_WRITE_DATA;
    case PAGE_EXECUTE:
      return FILE_EXECUTE;
    case PAGE_EXECUTE_READ:
    case PAGE_EXECUTE_WRITECOPY:
      return FILE_EXECUTE | FILE_READ_DATA;
    case PAGE_EXECUTE_READWRITE:
      return FILE_EXECUTE | FILE_READ_DATA | FILE_WRITE_DATA;
    default:
      return -1;
  }
}

/** Opens a section by its object path. */
export function openSection(
  kernel: Kernel,
  process: Process,
  path: string,
  access: number,
  handleFlags: number,
  out: { handle: number },
): number {
  return openNamedObject(kernel, process, path, 'section', access, handleFlags, out);
}

/** SECTION_MAP_* rights that a view's protection needs; the right to write brings reading along ("OpenFileMappingA function"). */
function mapAccessFor(protection: number): number {
  switch (protection & 0xff) {
    case PAGE_NOACCESS:
    case PAGE_READONLY:
    case PAGE_WRITECOPY:
      return SECTION_MAP_READ;
    case PAGE_READWRITE:
      return SECTION_MAP_WRITE;
    case PAGE_EXECUTE:
      return SECTION_MAP_EXECUTE;
    case PAGE_EXECUTE_READ:
    case PAGE_EXECUTE_WRITECOPY:
      return SECTION_MAP_EXECUTE | SECTION_MAP_READ;
    case PAGE_EXECUTE_READWRITE:
      return SECTION_MAP_EXECUTE | SECTION_MAP_WRITE;
    default:
      return -1;
  }
}

/** The section of a process's handle, when the handle's rights allow a view with a protection; a number is the NTSTATUS. */
export function sectionToMap(
  kernel: Kernel,
  process: Process,
  sectionHandle: number,
  protection: number,
): Section | number {
  const access = mapAccessFor(protection);
  if (access < 0) return STATUS_INVALID_PAGE_PROTECTION;
  const object = referenceByHandle(kernel, process, sectionHandle, 'section', 0);
  if (typeof object === 'number') return object;
  const entry = process.handles.lookup(sectionHandle)!;
  const { section } = object as SectionObject;
  const isImage = section.controlArea.isImage;
  if (!isImage && (entry.grantedAccess & access) !== access) return STATUS_ACCESS_DENIED;
  if (isImage && !(entry.grantedAccess & (SECTION_MAP_READ | SECTION_MAP_EXECUTE)))
    return STATUS_ACCESS_DENIED;
  return section;
}

/** Maps a view of a section that a process has a handle of into that process (NtMapViewOfSection). */
export function mapViewOfSection(
  kernel: Kernel,
  process: Process,
  sectionHandle: number,
  request: ViewRequest,
): number {
  const section = sectionToMap(kernel, process, sectionHandle, request.protect);
  return typeof section === 'number' ? section : mapView(kernel, process, section, request);
}

/** Maps a view of a section into a process whose address space is in memory. */
export function mapView(kernel: Kernel, process: Process, section: Section, request: ViewRequest): number {
  kernel.memory.commit();
  return mapMmView(kernel.mm, process.space, section, request);
}

/**
 * Makes a section longer (NtExtendSection); `out.size` is its size in bytes then. The handle needs SECTION_EXTEND_SIZE.
 */
export function extendSection(
  kernel: Kernel,
  process: Process,
  sectionHandle: number,
  size: number,
  out: { size: number },
): number {
  const object = referenceByHandle(kernel, process, sectionHandle, 'section', SECTION_EXTEND_SIZE);
  if (typeof object === 'number') return object;
  const { section } = object as SectionObject;
  kernel.memory.commit();
  const status = extendMmSection(kernel.mm, section, size);
  out.size = section.size;
  return status;
}

/** Unmaps the view that holds an address (NtUnmapViewOfSection); `flags` as NtUnmapViewOfSectionEx has them. */
export function unmapViewOfSection(kernel: Kernel, process: Process, address: number, flags = 0): number {
  kernel.memory.commit();
  const status = unmapMmView(kernel.mm, process.space, address, flags);
  kernel.fileSystem.releaseUnused();
  return status;
}

export { flushVirtualMemory } from '../mm/section-view.js';
export type { ViewRequest };
