/**
 * Image sections: the control area of a PE image. The headers and each PE section become a subsection with its own place in
 * the file and its own protection; writable data is copy-on-write. MiCreateImageFileMap.
 * Source: Windows Internals, "Section objects"; Microsoft, "PE Format"; Windows Memory Management lecture, "Loading".
 */
import {
  STATUS_COMMITMENT_LIMIT,
  STATUS_INSUFFICIENT_RESOURCES,
  STATUS_INVALID_FILE_FOR_SECTION,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import {
  IMAGE_SCN_MEM_EXECUTE,
  IMAGE_SCN_MEM_READ,
  IMAGE_SCN_MEM_SHARED,
  IMAGE_SCN_MEM_WRITE,
} from '../pe/pe-constants.js';
import { PeError } from '../pe/pe-error.js';
import {
  hasPageAlignedSections,
  MAX_HEADER_BYTES,
  type PeHeaders,
  parsePeHeaders,
} from '../pe/pe-headers.js';
import { type Relocations, readRelocations } from '../pe/pe-relocations.js';
import { type RvaReader, refuseDirectory } from '../pe/rva-reader.js';
import { type BackingFile, HostIoError } from './backing-file.js';
import { COMMIT_SECTION } from './commit.js';
import {
  type ControlArea,
  createControlArea,
  fillPrototypes,
  fillSubsectionPrototypes,
  type ImageInformation,
  type Subsection,
  type SubsectionPlan,
} from './control-area.js';
import { chooseImageBase } from './image-base.js';
import { hasFixups } from './image-fixups.js';
import type { MemoryManager } from './memory-manager.js';
import {
  demandZeroLow,
  MM_EXECUTE,
  MM_EXECUTE_READ,
  MM_EXECUTE_READWRITE,
  MM_EXECUTE_WRITECOPY,
  MM_NOACCESS,
  MM_READONLY,
  MM_READWRITE,
  MM_WRITECOPY,
} from './pte.js';

const PAGE_SIZE = 4096;
/** Byte offset of OptionalHeader.ImageBase from the PE signature (PE32+; in PE32 it is 4 bytes at 0x34). */
const IMAGE_BASE_OFFSET = 0x30;
const IMAGE_BASE_OFFSET_32 = 0x34;

/** Protection code of a PE section by its execute (1), read (2) and write (4) characteristics. */
const PRIVATE_PROTECTION = [
  MM_NOACCESS,
  MM_EXECUTE,
  MM_READONLY,
  MM_EXECUTE_READ,
  MM_WRITECOPY,
  MM_EXECUTE_WRITECOPY,
  MM_WRITECOPY,
  MM_EXECUTE_WRITECOPY,
];
const SHARED_PROTECTION = [
  MM_NOACCESS,
  MM_EXECUTE,
  MM_READONLY,
  MM_EXECUTE_READ,
  MM_READWRITE,
  MM_EXECUTE_READWRITE,
  MM_READWRITE,
  MM_EXECUTE_READWRITE,
];

function sectionProtection(characteristics: number): number {
  const index =
    ((characteristics & IMAGE_SCN_MEM_EXECUTE) !== 0 ? 1 : 0) +
    ((characteristics & IMAGE_SCN_MEM_READ) !== 0 ? 2 : 0) +
    ((characteristics & IMAGE_SCN_MEM_WRITE) !== 0 ? 4 : 0);
  return ((characteristics & IMAGE_SCN_MEM_SHARED) !== 0 ? SHARED_PROTECTION : PRIVATE_PROTECTION)[index]!;
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

/** Pages of the image, the last one rounded up. */
function imagePages(headers: PeHeaders): number {
  return Math.ceil(headers.sizeOfImage / PAGE_SIZE);
}

/** How the image's pages divide into subsections: headers, then each section; one for all when sections share pages. */
function planSubsections(headers: PeHeaders, fileSize: number): SubsectionPlan[] {
  if (!hasPageAlignedSections(headers)) {
    const fileBytes = Math.min(fileSize, headers.sizeOfImage);
    return [
      {
        startPage: 0,
        pageCount: imagePages(headers),
        fileOffset: 0,
        fileBytes,
        protection: MM_EXECUTE_WRITECOPY,
      },
    ];
  }
  const pagesOf = (bytes: number) => roundUp(bytes, headers.sectionAlignment) / PAGE_SIZE;
  const plans: SubsectionPlan[] = [
    {
      startPage: 0,
      pageCount: pagesOf(headers.sizeOfHeaders),
      fileOffset: 0,
      fileBytes: headers.sizeOfHeaders,
      protection: MM_READONLY,
    },
  ];
  for (const section of headers.sections) {
    plans.push({
      startPage: section.virtualAddress / PAGE_SIZE,
      pageCount: pagesOf(section.virtualSize),
      fileOffset: section.rawOffset,
      fileBytes: Math.min(section.rawSize, roundUp(section.virtualSize, PAGE_SIZE)),
      protection: sectionProtection(section.characteristics),
    });
  }
  return plans;
}

/** Reads of the file by RVA, through one page at a time. */
class PlannedReader implements RvaReader {
  readonly imageSize: number;
  private readonly page = new Uint8Array(PAGE_SIZE);
  private current = -1;

  constructor(
    private readonly file: BackingFile,
    headers: PeHeaders,
    private readonly plans: readonly SubsectionPlan[],
  ) {
    this.imageSize = headers.sizeOfImage;
  }

  readU8(rva: number): number {
    if (!(rva >= 0 && rva < this.imageSize)) refuseDirectory('an RVA lies outside of the image');
    const page = Math.floor(rva / PAGE_SIZE);
    if (page !== this.current) this.load(page);
    return this.page[rva % PAGE_SIZE]!;
  }

  readU16(rva: number): number {
    return this.readU8(rva) | (this.readU8(rva + 1) << 8);
  }

  readU32(rva: number): number {
    return (this.readU16(rva) | (this.readU16(rva + 2) << 16)) >>> 0;
  }

  private load(page: number): void {
    this.current = page;
    this.page.fill(0);
    const plan = this.plans.find((one) => page >= one.startPage && page < one.startPage + one.pageCount);
    if (plan === undefined) return;
    const within = (page - plan.startPage) * PAGE_SIZE;
    const bytes = Math.min(PAGE_SIZE, plan.fileBytes - within);
    if (bytes > 0) this.file.read(plan.fileOffset + within, this.page.subarray(0, bytes));
  }
}

/** The fix-ups of an image based elsewhere than it prefers, its header's own ImageBase field among them. */
function readFixups(reader: RvaReader, headers: PeHeaders): Relocations {
  const found = readRelocations(reader, headers);
  const nt = reader.readU32(0x3c);
  if (headers.isPe32Plus) return { ...found, dir64: withTarget(found.dir64, nt + IMAGE_BASE_OFFSET) };
  return { ...found, highLow: withTarget(found.highLow, nt + IMAGE_BASE_OFFSET_32) };
}

function withTarget(targets: Uint32Array, target: number): Uint32Array {
  return Uint32Array.from([target, ...targets.filter((other) => other !== target)]).sort();
}

function readHeaders(file: BackingFile): PeHeaders {
  const bytes = new Uint8Array(Math.min(file.size, MAX_HEADER_BYTES));
  const count = file.read(0, bytes);
  return parsePeHeaders(bytes.subarray(0, count), file.size);
}

/** True for a page that has contents in the file, or that fix-ups make differ from zero. */
function comesFromFile(subsection: Subsection, page: number, fixups: Relocations | null): boolean {
  const within = (page - subsection.startPage) * PAGE_SIZE;
  return within < subsection.fileBytes || (fixups !== null && hasFixups(fixups, page));
}

/** Fills the prototype PTEs: subsection form where the file has bytes, demand zero after them, no access where none is. */
function fillImagePrototypes(mm: MemoryManager, controlArea: ControlArea, fixups: Relocations | null): void {
  for (const subsection of controlArea.subsections) {
    if (subsection.protection === MM_NOACCESS) {
      const address = controlArea.prototypeAddress(subsection.startPage);
      fillPrototypes(mm, address, subsection.pageCount, demandZeroLow(MM_NOACCESS), 0);
      continue;
    }
    for (let page = subsection.startPage; page < subsection.startPage + subsection.pageCount; page++) {
      if (comesFromFile(subsection, page, fixups)) fillSubsectionPrototypes(mm, subsection, page, 1);
      else fillPrototypes(mm, controlArea.prototypeAddress(page), 1, demandZeroLow(subsection.protection), 0);
    }
  }
}

/** Pages that processes share and may write: the paging file backs them once they are in memory. */
function sharedWritablePages(plans: readonly SubsectionPlan[]): number {
  return plans.reduce(
    (sum, { protection, pageCount }) => sum + ((protection & 5) === MM_READWRITE ? pageCount : 0),
    0,
  );
}

function describeImage(
  mm: MemoryManager,
  file: BackingFile,
  headers: PeHeaders,
  plans: SubsectionPlan[],
): ImageInformation {
  const before = { random: mm.sections.randomState, next: mm.sections.nextDllBase };
  const base = chooseImageBase(mm.sections, headers);
  try {
    const reader = new PlannedReader(file, headers, plans);
    const fixups = base === headers.imageBase ? null : readFixups(reader, headers);
    return { headers, base, fixups };
  } catch (error) {
    mm.sections.randomState = before.random;
    mm.sections.nextDllBase = before.next;
    throw error;
  }
}

function buildImageControlArea(mm: MemoryManager, file: BackingFile): number {
  const headers = readHeaders(file);
  const plans = planSubsections(headers, file.size);
  const image = describeImage(mm, file, headers, plans);
  const writable = sharedWritablePages(plans);
  if (!mm.commit.charge(COMMIT_SECTION, writable)) return STATUS_COMMITMENT_LIMIT;
  const controlArea = createControlArea(mm, file, image, imagePages(headers), plans);
  if (controlArea === null) {
    mm.commit.release(COMMIT_SECTION, writable);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  controlArea.segment.committedPages = writable;
  fillImagePrototypes(mm, controlArea, image.fixups);
  file.imageControlArea = controlArea;
  return STATUS_SUCCESS;
}

/**
 * Makes the file's image control area unless it has one. Refuses what is no image with the status of PeError
 * (STATUS_INVALID_IMAGE_FORMAT, STATUS_INVALID_IMAGE_NOT_MZ, ...), an empty or unreadable file with
 * STATUS_INVALID_FILE_FOR_SECTION, and answers STATUS_COMMITMENT_LIMIT or STATUS_INSUFFICIENT_RESOURCES.
 */
export function ensureImageControlArea(mm: MemoryManager, file: BackingFile): number {
  if (file.imageControlArea !== null) return STATUS_SUCCESS;
  if (file.size === 0) return STATUS_INVALID_FILE_FOR_SECTION;
  try {
    return buildImageControlArea(mm, file);
  } catch (error) {
    if (error instanceof PeError) return error.status;
    if (error instanceof HostIoError) return error.status;
    throw error;
  }
}
