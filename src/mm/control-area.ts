/**
 * What stands behind a section object: the control area (one for the data sections and one for the image sections of a
 * file, one for each section of the paging file), its segment with the prototype PTEs, and the subsections that say where
 * in the file each run of pages lies. Control areas and subsections have their structures in nonpaged pool, prototype PTEs
 * are words in paged pool. Source: Windows Internals, "Section objects", "Prototype PTEs"; Unit OS5: Memory Management 5.2,
 * "Shared Memory and Memory-Mapped Files"; published layouts of CONTROL_AREA and SUBSECTION on x64.
 */
import type { PeHeaders } from '../pe/pe-headers.js';
import type { Relocations } from '../pe/pe-relocations.js';
import type { BackingFile } from './backing-file.js';
import { BugCheck, MEMORY_MANAGEMENT } from './bug-check.js';
import { COMMIT_SECTION } from './commit.js';
import { freeLargeSegment } from './large-section.js';
import type { MemoryManager } from './memory-manager.js';
import { releasePageFileSpace } from './page-file.js';
import { deleteTransitionFrame } from './page-lists.js';
import { addressHigh, PTE_PROTOTYPE, PTE_TRANSITION, PTE_VALID, pteFrame, subsectionLow } from './pte.js';
import { findSystemPte, systemWord } from './system-space.js';
import { systemWordToWrite } from './system-working-set.js';

const PAGE_SIZE = 4096;
/** Bytes of the structures on x64, and the offsets of the fields that are kept in RAM. */
const CONTROL_AREA_SIZE = 0x80;
const CONTROL_AREA_SEGMENT = 0x00;
const SUBSECTION_SIZE = 0x38;
const SUBSECTION_CONTROL_AREA = 0x00;
const SUBSECTION_BASE = 0x08;
const SUBSECTION_NEXT = 0x10;
const SUBSECTION_PTES = 0x18;
const SUBSECTION_FLAGS = 0x28;
const SUBSECTION_STARTING_SECTOR = 0x2c;
const SUBSECTION_FULL_SECTORS = 0x30;
const SECTOR_SIZE = 512;

/** A run of pages of a segment that lie together in the file and have one protection. */
export interface Subsection {
  /** System address of the structure in nonpaged pool: what prototype PTEs in subsection form name. */
  readonly address: number;
  readonly controlArea: ControlArea;
  /** First page of the section that it describes, and how many. */
  readonly startPage: number;
  pageCount: number;
  /** Bytes from the start of the file to its first page. */
  readonly fileOffset: number;
  /** Bytes of the file that belong to it, the rest is zero; Infinity in data files: as far as the file goes. */
  readonly fileBytes: number;
  /** Protection code. */
  readonly protection: number;
}

/** What a segment knows of its image (MMSECTION image information). Addresses are 48-bit numbers. */
export interface ImageInformation {
  readonly headers: PeHeaders;
  /** Where the section is based: the preferred base, or the one that address-space layout randomization chose. */
  readonly base: number;
  /** Fix-ups that pages need because `base` is not the preferred base; null when there are none. */
  readonly fixups: Relocations | null;
}

export interface Segment {
  /** System address, in paged pool, of the first prototype PTE; the others follow, 8 bytes each. */
  prototypeBase: number;
  /** While they move to a longer array: how many have, and where the first of them is now. */
  moved: number;
  movedBase: number;
  /** Prototype PTEs. */
  pageCount: number;
  /** Pages charged to commit for the segment itself. */
  committedPages: number;
  /** Large pages that it consists of; 0 for a segment of ordinary pages. */
  largePages: number;
  readonly image: ImageInformation | null;
}

export class ControlArea {
  readonly subsections: Subsection[] = [];
  /** Section objects that exist. */
  sectionReferences = 0;
  /** Views of any process. */
  mappedViews = 0;
  /** Pages of the longest section of a data file while sections or views exist; beyond them prototype PTEs serve cached I/O alone. */
  sectionPages = 0;

  constructor(
    /** System address of the structure in nonpaged pool. */
    readonly address: number,
    readonly segment: Segment,
    /** Null when the paging file backs the section. */
    readonly file: BackingFile | null,
  ) {}

  get isImage(): boolean {
    return this.segment.image !== null;
  }

  /** System address of the prototype PTE of a page of the section. */
  prototypeAddress(page: number): number {
    const { moved, movedBase, prototypeBase } = this.segment;
    return (page < moved ? movedBase : prototypeBase) + page * 8;
  }

  /** The page of the section whose prototype PTE lies at a system address. */
  pageOfPrototype(address: number): number {
    const { moved, movedBase, prototypeBase } = this.segment;
    const hasMoved = address >= movedBase && address < movedBase + moved * 8;
    return (address - (hasMoved ? movedBase : prototypeBase)) / 8;
  }

  /** The subsection that a page belongs to; undefined in the gap after the last section of an image. */
  subsectionOf(page: number): Subsection | undefined {
    let low = 0;
    let high = this.subsections.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const subsection = this.subsections[middle]!;
      if (page < subsection.startPage) high = middle - 1;
      else if (page >= subsection.startPage + subsection.pageCount) low = middle + 1;
      else return subsection;
    }
    return undefined;
  }
}

/** Everything about sections that the memory manager keeps, and the counts of the report. */
export class SectionTable {
  /** In order of creation. */
  readonly controlAreas: ControlArea[] = [];
  /** Control areas of files without sections and views, those that became unused first first. */
  readonly unused: ControlArea[] = [];
  /** Some were deleted: their files may be closed. */
  unusedDeleted = false;
  /** Subsections by the address of their structure. */
  readonly subsections = new Map<number, Subsection>();
  /** Pages read from and written to mapped data files. */
  pagesRead = 0;
  pagesWritten = 0;
  /** Writes to mapped files that the host refused. */
  failedWrites = 0;
  /** Why the last STATUS_IN_PAGE_ERROR happened: an NTSTATUS. */
  inPageStatus = 0;
  /** State of the generator that chooses image bases; the next DLL goes below `nextDllBase` (0: none chosen yet). */
  randomState: number;
  nextDllBase = 0;

  constructor(seed: number) {
    this.randomState = seed >>> 0;
  }
}

/** A subsection to be: its place in the section, in the file, and its protection code. */
export interface SubsectionPlan {
  readonly startPage: number;
  readonly pageCount: number;
  readonly fileOffset: number;
  readonly fileBytes: number;
  readonly protection: number;
}

/**
 * Makes a control area with its subsections and a segment of `pageCount` prototype PTEs, all zero. Null when the pools are
 * used up (STATUS_INSUFFICIENT_RESOURCES). The caller fills the prototype PTEs.
 */
export function createControlArea(
  mm: MemoryManager,
  file: BackingFile | null,
  image: ImageInformation | null,
  pageCount: number,
  plans: readonly SubsectionPlan[],
): ControlArea | null {
  const tag = image === null ? 'MmCa' : 'MmCi';
  const address = mm.nonpagedPool.allocate(CONTROL_AREA_SIZE + plans.length * SUBSECTION_SIZE, tag);
  if (address === 0) return null;
  const prototypeBase = allocatePrototypes(mm, pageCount);
  if (prototypeBase === 0) {
    mm.nonpagedPool.free(address);
    return null;
  }
  const segment = {
    prototypeBase,
    moved: 0,
    movedBase: 0,
    pageCount,
    committedPages: 0,
    largePages: 0,
    image,
  };
  const controlArea = new ControlArea(address, segment, file);
  for (let offset = 0; offset < CONTROL_AREA_SIZE; offset += 4)
    mm.words[systemWord(mm, address + offset)] = 0;
  plans.forEach((plan, index) => {
    const at = address + CONTROL_AREA_SIZE + index * SUBSECTION_SIZE;
    const subsection = { address: at, controlArea, ...plan };
    controlArea.subsections.push(subsection);
    mm.sections.subsections.set(at, subsection);
  });
  writeStructures(mm, controlArea);
  mm.sections.controlAreas.push(controlArea);
  return controlArea;
}

/** Pool for prototype PTEs, zeroed; 0 when the pool is used up. */
export function allocatePrototypes(mm: MemoryManager, pageCount: number): number {
  const address = mm.pagedPool.allocate(pageCount * 8, 'MmSt');
  if (address !== 0) fillPrototypes(mm, address, pageCount, 0, 0);
  return address;
}

/** Sets a run of prototype PTEs to one value. */
export function fillPrototypes(
  mm: MemoryManager,
  address: number,
  count: number,
  lo: number,
  hi: number,
): void {
  for (let index = 0; index < count; index++) {
    const word = systemWordToWrite(mm, address + index * 8);
    mm.words[word] = lo;
    mm.words[word + 1] = hi;
  }
}

/** Sets the prototype PTEs of pages of a subsection to the subsection form: their contents are to be read from the file. */
export function fillSubsectionPrototypes(
  mm: MemoryManager,
  subsection: Subsection,
  firstPage: number,
  count: number,
): void {
  const address = subsection.controlArea.prototypeAddress(firstPage);
  const lo = subsectionLow(subsection.address, subsection.protection);
  fillPrototypes(mm, address, count, lo, addressHigh(subsection.address));
}

function writePointer(mm: MemoryManager, address: number, value: number): void {
  const word = systemWord(mm, address);
  mm.words[word] = value % 0x1_0000_0000;
  mm.words[word + 1] = value === 0 ? 0 : Math.floor(value / 0x1_0000_0000) | 0xffff_0000;
}

/** The fields of SUBSECTION that say what the JavaScript object says, by offset: pointers first, then 32-bit values. */
export function subsectionFields(subsection: Subsection): {
  pointers: [number, number][];
  words: [number, number][];
} {
  const { controlArea } = subsection;
  const next = controlArea.subsections[controlArea.subsections.indexOf(subsection) + 1];
  const sectors = Number.isFinite(subsection.fileBytes) ? Math.floor(subsection.fileBytes / SECTOR_SIZE) : 0;
  return {
    pointers: [
      [SUBSECTION_CONTROL_AREA, controlArea.address],
      [SUBSECTION_BASE, controlArea.prototypeAddress(subsection.startPage)],
      [SUBSECTION_NEXT, next === undefined ? 0 : next.address],
    ],
    words: [
      [SUBSECTION_PTES, subsection.pageCount],
      [SUBSECTION_FLAGS, subsection.protection << 1],
      [SUBSECTION_STARTING_SECTOR, Math.floor(subsection.fileOffset / SECTOR_SIZE)],
      [SUBSECTION_FULL_SECTORS, sectors],
    ],
  };
}

/** Writes what control area and subsections say to their structures in pool. */
export function writeStructures(mm: MemoryManager, controlArea: ControlArea): void {
  writePointer(mm, controlArea.address + CONTROL_AREA_SEGMENT, controlArea.segment.prototypeBase);
  for (const subsection of controlArea.subsections) {
    for (let at = 0; at < SUBSECTION_SIZE; at += 4) mm.words[systemWord(mm, subsection.address + at)] = 0;
    const { pointers, words } = subsectionFields(subsection);
    for (const [offset, value] of pointers) writePointer(mm, subsection.address + offset, value);
    for (const [offset, value] of words) mm.words[systemWord(mm, subsection.address + offset)] = value;
  }
}

/** Frame of the page of a prototype PTE, -1 when it has none. A page of prototype PTEs that is not valid itself is left out: no entry in it has a frame. */
export function frameOfPrototype(mm: MemoryManager, address: number): number {
  const pte = findSystemPte(mm, address);
  if ((mm.words[pte]! & PTE_VALID) === 0) return -1;
  const lo = mm.words[mm.frameWord(pteFrame(mm.words[pte]!)) + ((address % PAGE_SIZE) >>> 2)]!;
  return isResident(lo) ? pteFrame(lo) : -1;
}

/** True for a prototype PTE whose page has a frame: valid, or in transition. */
export function isResident(lo: number): boolean {
  return (lo & PTE_VALID) !== 0 || (lo & (PTE_PROTOTYPE | PTE_TRANSITION)) === PTE_TRANSITION;
}

/** Cuts the cached pages of a data file from page `first` on, which no section has: their frames are free, their contents gone. */
export function purgePages(mm: MemoryManager, controlArea: ControlArea, first: number): void {
  const subsection = controlArea.subsections[0]!;
  for (let page = first; page < controlArea.segment.pageCount; page++) {
    const frame = frameOfPrototype(mm, controlArea.prototypeAddress(page));
    if (frame < 0) continue;
    fillSubsectionPrototypes(mm, subsection, page, 1);
    deleteTransitionFrame(mm, frame);
  }
}

/**
 * Deletes a control area without sections and views: its pages go to the free list, its structures to the pools. Dirty pages
 * must have been written before. MiSegmentDelete.
 */
export function deleteControlArea(mm: MemoryManager, controlArea: ControlArea): void {
  const { segment, file } = controlArea;
  freeLargeSegment(mm, controlArea);
  for (let page = 0; page < segment.pageCount; page++) {
    const word = systemWordToWrite(mm, controlArea.prototypeAddress(page));
    const lo = mm.words[word]!;
    if ((lo & PTE_VALID) !== 0) {
      throw new BugCheck(MEMORY_MANAGEMENT, [controlArea.address, page], 'deleted segment has a mapped page');
    }
    if (isResident(lo)) deleteTransitionFrame(mm, pteFrame(lo));
    else releasePageFileSpace(mm, lo, mm.words[word + 1]!);
    mm.words[word] = 0;
    mm.words[word + 1] = 0;
  }
  for (const subsection of controlArea.subsections) mm.sections.subsections.delete(subsection.address);
  mm.pagedPool.free(segment.prototypeBase);
  mm.nonpagedPool.free(controlArea.address);
  mm.commit.release(COMMIT_SECTION, segment.committedPages);
  mm.sections.controlAreas.splice(mm.sections.controlAreas.indexOf(controlArea), 1);
  if (file === null) return;
  if (controlArea.isImage) file.imageControlArea = null;
  else file.dataControlArea = null;
}
