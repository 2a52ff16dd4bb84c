/**
 * Section objects: memory that can be mapped, backed by the paging file, a data file or an image. NtCreateSection,
 * NtQuerySection. Source: Unit OS5: Memory Management 5.2, "Shared Memory and Memory-Mapped Files"; Microsoft,
 * "NtCreateSection function (ntifs.h)", "CreateFileMappingA function".
 */
import {
  PAGE_GUARD,
  PAGE_NOACCESS,
  PAGE_NOCACHE,
  PAGE_WRITECOMBINE,
  SEC_COMMIT,
  SEC_FILE,
  SEC_IMAGE,
  SEC_IMAGE_NO_EXECUTE,
  SEC_LARGE_PAGES,
  SEC_NO_CHANGE,
  SEC_NOCACHE,
  SEC_RESERVE,
  SEC_WRITECOMBINE,
} from '../base/memory-constants.js';
import {
  STATUS_COMMITMENT_LIMIT,
  STATUS_INSUFFICIENT_RESOURCES,
  STATUS_INVALID_FILE_FOR_SECTION,
  STATUS_INVALID_PAGE_PROTECTION,
  STATUS_INVALID_PARAMETER_4,
  STATUS_INVALID_PARAMETER_6,
  STATUS_MAPPED_FILE_SIZE_ZERO,
  STATUS_PRIVILEGE_NOT_HELD,
  STATUS_SECTION_NOT_EXTENDED,
  STATUS_SECTION_TOO_BIG,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import type { BackingFile } from './backing-file.js';
import { COMMIT_SECTION } from './commit.js';
import {
  type ControlArea,
  createControlArea,
  deleteControlArea,
  fillPrototypes,
  fillSubsectionPrototypes,
} from './control-area.js';
import { extendSegment } from './extend-segment.js';
import { ensureImageControlArea } from './image-section.js';
import { isLargePageProtection, LARGE_PAGE_SIZE } from './large-page.js';
import { allocateLargeSegment } from './large-section.js';
import { setMappedFileSize } from './mapped-file.js';
import { flushWholeControlArea } from './mapped-file-writer.js';
import type { MemoryManager } from './memory-manager.js';
import { allowsWrite, isCopyOnWrite, protectionCode } from './protection.js';
import { demandZeroLow, MM_NOCACHE, MM_READONLY, MM_WRITECOMBINE } from './pte.js';
import { releaseControlArea, useControlArea } from './unused-segments.js';

const PAGE_SIZE = 4096;
/** Bytes of SECTION_OBJECT and SECTION, and the tag under which they are charged. */
const SECTION_SIZE = 0x30 + 0x40;
const SECTION_TAG = 'Sect';
/** Bytes: sections are below 16 TB. */
const MAX_SECTION_SIZE = 0x1000_0000_0000 - 0x10000;
const KIND_FLAGS = SEC_COMMIT | SEC_RESERVE | SEC_IMAGE;
const KNOWN_FLAGS = KIND_FLAGS | SEC_NOCACHE | SEC_WRITECOMBINE | SEC_LARGE_PAGES;

export interface SectionRequest {
  /** Null: backed by the paging file. */
  readonly file: BackingFile | null;
  /** Bytes; 0 means the size of the file. */
  readonly maximumSize: number;
  /** PAGE_* flags. */
  readonly pageProtection: number;
  /** SEC_* flags. */
  readonly allocationAttributes: number;
  /** The caller has SeLockMemoryPrivilege enabled. */
  readonly mayLockPages?: boolean;
}

/** A section object's body (SECTION). */
export class Section {
  constructor(
    readonly controlArea: ControlArea,
    /** Bytes; extendSection makes it more. */
    public size: number,
    /** Protection code of the whole section: what views may not exceed. */
    readonly protection: number,
    /** SEC_* flags. */
    readonly allocationAttributes: number,
  ) {}
}

/** What NtQuerySection tells (SECTION_BASIC_INFORMATION, and for images what its other classes have). Sizes in bytes. */
export interface SectionInformation {
  /** SEC_* flags, with SEC_FILE when a file backs the section. */
  allocationAttributes: number;
  maximumSize: number;
  image: SectionImageInformation | null;
}

export interface SectionImageInformation {
  /** Address of the entry point when the image is at `base`. */
  transferAddress: number;
  base: number;
  /** The base that the file prefers (SectionOriginalBaseInformation). */
  originalBase: number;
  stackReserve: number;
  stackCommit: number;
  subsystem: number;
  subsystemMajor: number;
  subsystemMinor: number;
  operatingSystemMajor: number;
  operatingSystemMinor: number;
  characteristics: number;
  dllCharacteristics: number;
  machine: number;
  containsCode: boolean;
  checkSum: number;
  fileSize: number;
}

/** True for an image section (SEC_IMAGE_NO_EXECUTE) whose views let no instruction be fetched. */
export function isNeverExecuted(attributes: number): boolean {
  return (attributes & SEC_IMAGE_NO_EXECUTE) === SEC_IMAGE_NO_EXECUTE;
}

function hasLargePages(attributes: number): boolean {
  return attributes >>> 0 >= SEC_LARGE_PAGES;
}

function checkAttributes(attributes: number): number {
  const flags = (attributes & ~SEC_NO_CHANGE) >>> 0;
  if ((flags & ~KNOWN_FLAGS) !== 0 || (flags & KIND_FLAGS) === 0) return STATUS_INVALID_PARAMETER_6;
  const image = (flags & SEC_IMAGE) !== 0;
  if (image && flags !== SEC_IMAGE && flags !== SEC_IMAGE_NO_EXECUTE) return STATUS_INVALID_PARAMETER_6;
  if ((flags & SEC_COMMIT) !== 0 && (flags & SEC_RESERVE) !== 0) return STATUS_INVALID_PARAMETER_6;
  if ((flags & SEC_NOCACHE) !== 0 && (flags & SEC_WRITECOMBINE) !== 0) return STATUS_INVALID_PARAMETER_6;
  if (hasLargePages(flags) && (flags & SEC_COMMIT) === 0) return STATUS_INVALID_PARAMETER_6;
  return STATUS_SUCCESS;
}

/**
 * Creates a section: `out.section` is set on success. Statuses: STATUS_INVALID_PARAMETER_6 (attributes),
 * STATUS_INVALID_PAGE_PROTECTION, STATUS_PRIVILEGE_NOT_HELD (large pages), STATUS_INVALID_PARAMETER_4 (no file and size 0, or
 * no whole large pages),
 * STATUS_INVALID_FILE_FOR_SECTION, STATUS_MAPPED_FILE_SIZE_ZERO, STATUS_SECTION_TOO_BIG, STATUS_COMMITMENT_LIMIT,
 * STATUS_INSUFFICIENT_RESOURCES, and for images what the PE headers give. NtCreateSection, MmCreateSection.
 */
export function createSection(
  mm: MemoryManager,
  request: SectionRequest,
  out: { section: Section | null },
): number {
  const { file, maximumSize, pageProtection, allocationAttributes } = request;
  const attributeStatus = checkAttributes(allocationAttributes);
  if (attributeStatus !== STATUS_SUCCESS) return attributeStatus;
  const modifiers = PAGE_GUARD | PAGE_NOACCESS | PAGE_NOCACHE | PAGE_WRITECOMBINE;
  let protection = protectionCode(pageProtection);
  if ((pageProtection & modifiers) !== 0 || protection < 0) return STATUS_INVALID_PAGE_PROTECTION;
  const image = (allocationAttributes & SEC_IMAGE) !== 0;
  if (isNeverExecuted(allocationAttributes) && protection !== MM_READONLY)
    return STATUS_INVALID_PAGE_PROTECTION;
  if (!image && (allocationAttributes & SEC_NOCACHE) !== 0) protection |= MM_NOCACHE;
  if ((allocationAttributes & SEC_WRITECOMBINE) !== 0) protection |= MM_WRITECOMBINE;
  if (hasLargePages(allocationAttributes)) {
    if (request.mayLockPages !== true) return STATUS_PRIVILEGE_NOT_HELD;
    if (file !== null) return STATUS_INVALID_PARAMETER_6;
    if (maximumSize % LARGE_PAGE_SIZE !== 0) return STATUS_INVALID_PARAMETER_4;
    if (!isLargePageProtection(protection)) return STATUS_INVALID_PAGE_PROTECTION;
  }
  if (!(maximumSize <= MAX_SECTION_SIZE)) return STATUS_SECTION_TOO_BIG;
  if (image) return createImageSection(mm, request, protection, out);
  return file === null
    ? createPagingFileSection(mm, request, protection, out)
    : createFileSection(mm, file, request, protection, out);
}

function finish(
  mm: MemoryManager,
  controlArea: ControlArea,
  size: number,
  protection: number,
  attributes: number,
  out: { section: Section | null },
): number {
  useControlArea(mm, controlArea);
  controlArea.sectionReferences++;
  mm.pagedPool.charge(SECTION_SIZE, SECTION_TAG);
  out.section = new Section(controlArea, size, protection, attributes >>> 0);
  if (mm.events.active) {
    const name = controlArea.file === null ? '' : controlArea.file.name;
    mm.events.emit('section-create', null, 0, -1, controlArea.segment.pageCount, name);
  }
  return STATUS_SUCCESS;
}

function createImageSection(
  mm: MemoryManager,
  request: SectionRequest,
  protection: number,
  out: { section: Section | null },
): number {
  const { file } = request;
  if (file === null) return STATUS_INVALID_FILE_FOR_SECTION;
  if (file.dataControlArea !== null) flushWholeControlArea(mm, file.dataControlArea);
  const status = ensureImageControlArea(mm, file);
  if (status !== STATUS_SUCCESS) return status;
  const controlArea = file.imageControlArea!;
  const size = controlArea.segment.pageCount * PAGE_SIZE;
  if (request.maximumSize > size) {
    useControlArea(mm, controlArea);
    releaseControlArea(mm, controlArea);
    return STATUS_SECTION_TOO_BIG;
  }
  return finish(mm, controlArea, size, protection, request.allocationAttributes, out);
}

function createPagingFileSection(
  mm: MemoryManager,
  request: SectionRequest,
  protection: number,
  out: { section: Section | null },
): number {
  if (request.maximumSize === 0) return STATUS_INVALID_PARAMETER_4;
  const pageCount = Math.ceil(request.maximumSize / PAGE_SIZE);
  const committed = (request.allocationAttributes & SEC_COMMIT) !== 0;
  if (committed && !mm.commit.charge(COMMIT_SECTION, pageCount)) return STATUS_COMMITMENT_LIMIT;
  const plan = { startPage: 0, pageCount, fileOffset: 0, fileBytes: 0, protection };
  const controlArea = createControlArea(mm, null, null, pageCount, [plan]);
  if (controlArea === null) {
    if (committed) mm.commit.release(COMMIT_SECTION, pageCount);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  if (hasLargePages(request.allocationAttributes)) {
    controlArea.segment.committedPages = pageCount;
    const status = allocateLargeSegment(mm, controlArea, protection);
    if (status !== STATUS_SUCCESS) {
      deleteControlArea(mm, controlArea);
      return status;
    }
  } else if (committed) {
    controlArea.segment.committedPages = pageCount;
    fillPrototypes(mm, controlArea.prototypeAddress(0), pageCount, demandZeroLow(protection), 0);
  }
  return finish(mm, controlArea, pageCount * PAGE_SIZE, protection, request.allocationAttributes, out);
}

function createFileSection(
  mm: MemoryManager,
  file: BackingFile,
  request: SectionRequest,
  protection: number,
  out: { section: Section | null },
): number {
  if (request.maximumSize === 0 && file.size === 0) return STATUS_MAPPED_FILE_SIZE_ZERO;
  const size = request.maximumSize === 0 ? file.size : request.maximumSize;
  if (size > file.size) {
    if (!allowsWrite(protection) || isCopyOnWrite(protection) || !file.writable)
      return STATUS_SECTION_TOO_BIG;
    const status = setMappedFileSize(mm, file, size);
    if (status !== STATUS_SUCCESS) return status;
  }
  const pageCount = Math.ceil(size / PAGE_SIZE);
  if (!ensureDataControlArea(mm, file, pageCount, protection)) return STATUS_INSUFFICIENT_RESOURCES;
  const controlArea = file.dataControlArea!;
  controlArea.sectionPages = Math.max(controlArea.sectionPages, pageCount);
  return finish(mm, controlArea, size, protection, request.allocationAttributes, out);
}

/** Makes the file's data control area, or lengthens it, so that it has at least `pageCount` prototype PTEs. */
export function ensureDataControlArea(
  mm: MemoryManager,
  file: BackingFile,
  pageCount: number,
  protection: number,
): boolean {
  const existing = file.dataControlArea;
  if (existing !== null) {
    if (existing.segment.pageCount >= pageCount) return true;
    useControlArea(mm, existing);
    if (extendSegment(mm, existing, pageCount)) return true;
    releaseControlArea(mm, existing);
    return false;
  }
  const plan = { startPage: 0, pageCount, fileOffset: 0, fileBytes: Number.POSITIVE_INFINITY, protection };
  const controlArea = createControlArea(mm, file, null, pageCount, [plan]);
  if (controlArea === null) return false;
  fillSubsectionPrototypes(mm, controlArea.subsections[0]!, 0, pageCount);
  file.dataControlArea = controlArea;
  return true;
}

/**
 * Makes a section of a data file longer, and the file with it when it is shorter than `size` bytes; a smaller size changes
 * nothing. STATUS_SECTION_NOT_EXTENDED for images and for sections that the paging file backs, STATUS_SECTION_TOO_BIG,
 * STATUS_INSUFFICIENT_RESOURCES, or why the file cannot grow. NtExtendSection, MmExtendSection.
 */
export function extendSection(mm: MemoryManager, section: Section, size: number): number {
  const { file, isImage } = section.controlArea;
  if (file === null || isImage) return STATUS_SECTION_NOT_EXTENDED;
  if (size <= section.size) return STATUS_SUCCESS;
  if (!(size <= MAX_SECTION_SIZE)) return STATUS_SECTION_TOO_BIG;
  if (size > file.size) {
    if (!file.writable) return STATUS_SECTION_NOT_EXTENDED;
    const status = setMappedFileSize(mm, file, size);
    if (status !== STATUS_SUCCESS) return status;
  }
  const pageCount = Math.ceil(size / PAGE_SIZE);
  if (!ensureDataControlArea(mm, file, pageCount, section.protection)) return STATUS_INSUFFICIENT_RESOURCES;
  section.controlArea.sectionPages = Math.max(section.controlArea.sectionPages, pageCount);
  section.size = size;
  return STATUS_SUCCESS;
}

/** NtQuerySection. */
export function querySection(section: Section): SectionInformation {
  const { controlArea } = section;
  const { image } = controlArea.segment;
  const fileFlag = controlArea.file === null ? 0 : SEC_FILE;
  const information: SectionInformation = {
    allocationAttributes: (section.allocationAttributes | fileFlag) >>> 0,
    maximumSize: section.size,
    image: null,
  };
  if (image !== null) {
    const { headers, base } = image;
    information.image = {
      transferAddress: base + headers.entryPointRva,
      base,
      originalBase: headers.imageBase,
      stackReserve: headers.stackReserve,
      stackCommit: headers.stackCommit,
      subsystem: headers.subsystem,
      subsystemMajor: headers.subsystemVersion.major,
      subsystemMinor: headers.subsystemVersion.minor,
      operatingSystemMajor: headers.operatingSystemVersion.major,
      operatingSystemMinor: headers.operatingSystemVersion.minor,
      characteristics: headers.characteristics,
      dllCharacteristics: headers.dllCharacteristics,
      machine: headers.machine,
      containsCode: headers.entryPointRva !== 0,
      checkSum: headers.checkSum,
      fileSize: controlArea.file!.size,
    };
  }
  return information;
}

/** The section object is gone; without views its segment is unused then, dirty pages written. MiSectionDelete. */
export function deleteSection(mm: MemoryManager, section: Section): void {
  section.controlArea.sectionReferences--;
  mm.pagedPool.uncharge(SECTION_SIZE, SECTION_TAG);
  releaseControlArea(mm, section.controlArea);
}
