/**
 * Rewrites the resource section of an image file, as UpdateResource does: the section grows or shrinks where it stands, with
 * the relocations behind it moved, or a new section takes its place. Source: Microsoft, "PE Format".
 */
import { STATUS_INVALID_IMAGE_FORMAT } from '../base/ntstatus.js';
import {
  IMAGE_DIRECTORY_ENTRY_BASERELOC,
  IMAGE_DIRECTORY_ENTRY_DEBUG,
  IMAGE_DIRECTORY_ENTRY_RESOURCE,
  IMAGE_DIRECTORY_ENTRY_SECURITY,
  IMAGE_SCN_CNT_INITIALIZED_DATA,
  IMAGE_SCN_MEM_READ,
} from './pe-constants.js';
import { PeError } from './pe-error.js';
import { type PeHeaders, type PeSection, parsePeHeaders } from './pe-headers.js';
import { type ResourceKey, resourceData, resourceNodes, resourceRoot, sameKey } from './pe-resources.js';
import { buildResourceSection, type Resource } from './resource-section.js';
import { FileImageReader, requireRange } from './rva-reader.js';

/** A resource to store, or with null to remove. */
export interface ResourceChange {
  readonly type: ResourceKey;
  readonly name: ResourceKey;
  readonly language: number;
  readonly data: Uint8Array | null;
}

const PE_OFFSET = 0x3c;
/** Offsets from the PE signature. */
const SECTION_COUNT = 6;
const SYMBOL_TABLE = 12;
const OPTIONAL_HEADER_SIZE = 20;
const OPTIONAL_HEADER = 24;
const SIZE_OF_INITIALIZED_DATA = OPTIONAL_HEADER + 8;
const SIZE_OF_IMAGE = OPTIONAL_HEADER + 56;
const CHECK_SUM = OPTIONAL_HEADER + 64;
const DIRECTORIES_32 = OPTIONAL_HEADER + 96;
const DIRECTORIES_64 = OPTIONAL_HEADER + 112;
const SECTION_HEADER_BYTES = 40;
const DEBUG_ENTRY_BYTES = 28;
const DEBUG_FILE_OFFSET = 24;

/** Bounds of ours: directories of a hostile image can overlap. */
const MOST_RESOURCES = 0x10000;
const MOST_BYTES = 2 ** 28;

const alignUp = (value: number, alignment: number) => Math.ceil(value / alignment) * alignment;

function refuse(message: string): never {
  throw new PeError(STATUS_INVALID_IMAGE_FORMAT, message);
}

/** Every resource of a file. */
export function listResources(reader: FileImageReader, headers: PeHeaders, file: Uint8Array): Resource[] {
  const root = resourceRoot(headers);
  if (root === 0) return [];
  const directories = (offset: number) =>
    resourceNodes(reader, root, offset).filter(({ isDirectory }) => isDirectory);
  const resources: Resource[] = [];
  let total = 0;
  for (const type of directories(0))
    for (const name of directories(type.offset))
      for (const language of resourceNodes(reader, root, name.offset)) {
        if (language.isDirectory || typeof language.key === 'string') continue;
        const { rva, size, codePage } = resourceData(reader, root, language.offset);
        requireRange(reader, rva, size, 'a resource');
        total += size;
        if (resources.length >= MOST_RESOURCES || total > MOST_BYTES)
          refuse('the image has too many resources');
        const offset = reader.fileOffset(rva);
        const data = offset < 0 ? new Uint8Array(size) : file.slice(offset, offset + size);
        resources.push({ type: type.key, name: name.key, language: language.key, codePage, data });
      }
  return resources;
}

function applyChanges(resources: readonly Resource[], changes: readonly ResourceChange[]): Resource[] {
  let result = [...resources];
  for (const { type, name, language, data } of changes) {
    const isOther = (resource: Resource) =>
      !(sameKey(resource.type, type) && sameKey(resource.name, name) && resource.language === language);
    result = result.filter(isOther);
    if (data !== null) result.push({ type, name, language, codePage: 0, data });
  }
  return result;
}

/** The file with its resources changed; `removeOthers` drops those that it had. Throws PeError for what is no image. */
export function updateResources(
  file: Uint8Array,
  changes: readonly ResourceChange[],
  removeOthers: boolean,
): Uint8Array {
  const headers = parsePeHeaders(file, file.length);
  const kept = removeOthers ? [] : listResources(new FileImageReader(file, headers), headers, file);
  return new ImageEdit(file, headers).replaceResources(applyChanges(kept, changes));
}

class ImageEdit {
  #file: Uint8Array;
  #view: DataView;
  readonly #pe: number;

  constructor(
    file: Uint8Array,
    private readonly headers: PeHeaders,
  ) {
    this.#file = file.slice();
    this.#view = new DataView(this.#file.buffer);
    this.#pe = this.#u32(PE_OFFSET);
  }

  replaceResources(resources: readonly Resource[]): Uint8Array {
    const index = this.#resourceSection();
    if (index < 0 || !this.#fitsAt(index, resources)) this.#append(resources);
    else this.#replace(index, resources);
    this.#setCheckSum();
    return this.#file;
  }

  #u32(at: number): number {
    return this.#view.getUint32(at, true);
  }

  #setU32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  #add(at: number, delta: number): void {
    this.#setU32(at, this.#u32(at) + delta);
  }

  /** File offset of a directory's entry. */
  #directory(index: number): number {
    return this.#pe + (this.headers.isPe32Plus ? DIRECTORIES_64 : DIRECTORIES_32) + 8 * index;
  }

  /** File offset of a section's header. */
  #sectionHeader(index: number): number {
    const optional = this.#view.getUint16(this.#pe + OPTIONAL_HEADER_SIZE, true);
    return this.#pe + OPTIONAL_HEADER + optional + index * SECTION_HEADER_BYTES;
  }

  /** The section that begins with the resources, or -1. */
  #resourceSection(): number {
    const root = resourceRoot(this.headers);
    return root === 0 ? -1 : this.headers.sections.findIndex(({ virtualAddress }) => virtualAddress === root);
  }

  #virtualBytes(section: PeSection): number {
    return alignUp(section.virtualSize, this.headers.sectionAlignment);
  }

  /** Whether a section behind the resources is the one of the relocations, which can be moved. */
  #isMovable({ virtualAddress }: PeSection): boolean {
    return this.headers.directories[IMAGE_DIRECTORY_ENTRY_BASERELOC]!.rva === virtualAddress;
  }

  #fitsAt(index: number, resources: readonly Resource[]): boolean {
    const { sections, sectionAlignment } = this.headers;
    const section = sections[index]!;
    if (sections.slice(index + 1).every((other) => this.#isMovable(other))) return true;
    const bytes = buildResourceSection(resources, section.virtualAddress).length;
    return alignUp(bytes, sectionAlignment) <= this.#virtualBytes(section);
  }

  #replace(index: number, resources: readonly Resource[]): void {
    const { sections, sectionAlignment, fileAlignment, directories } = this.headers;
    const section = sections[index]!;
    const content = buildResourceSection(resources, section.virtualAddress);
    const behind = sections.slice(index + 1);
    const isMoving = behind.every((other) => this.#isMovable(other));
    const virtualDelta = isMoving
      ? alignUp(content.length, sectionAlignment) - this.#virtualBytes(section)
      : 0;
    const rawBytes = alignUp(content.length, fileAlignment);
    const header = this.#sectionHeader(index);
    this.#setU32(header + 8, isMoving ? content.length : Math.max(section.virtualSize, content.length));
    this.#setU32(header + 16, rawBytes);
    behind.forEach((_, place) => {
      this.#add(this.#sectionHeader(index + 1 + place) + 12, virtualDelta);
    });
    if (virtualDelta !== 0 && behind.length > 0 && directories[IMAGE_DIRECTORY_ENTRY_BASERELOC]!.size > 0)
      this.#add(this.#directory(IMAGE_DIRECTORY_ENTRY_BASERELOC), virtualDelta);
    this.#finishHeaders(section.virtualAddress, content.length, virtualDelta, rawBytes - section.rawSize);
    this.#spliceFile(section.rawOffset, section.rawSize, content, rawBytes);
  }

  /** A section of its own behind all others: for an image without resources, or with something else behind them. */
  #append(resources: readonly Resource[]): void {
    const { sections, sectionAlignment, fileAlignment, sizeOfHeaders } = this.headers;
    const header = this.#sectionHeader(sections.length);
    const firstRaw = Math.min(
      ...sections.filter(({ rawSize }) => rawSize > 0).map(({ rawOffset }) => rawOffset),
    );
    if (header + SECTION_HEADER_BYTES > Math.min(sizeOfHeaders, firstRaw))
      refuse('the headers have no room for another section');
    const last = sections.at(-1);
    if (last === undefined) refuse('the image has no section');
    const rva = last.virtualAddress + this.#virtualBytes(last);
    const content = buildResourceSection(resources, rva);
    const rawBytes = alignUp(content.length, fileAlignment);
    const end = Math.max(...sections.map(({ rawOffset, rawSize }) => rawOffset + rawSize));
    const rawOffset = alignUp(end, fileAlignment);
    this.#file.fill(0, header, header + SECTION_HEADER_BYTES);
    this.#file.set(new TextEncoder().encode('.rsrc'), header);
    [content.length, rva, rawBytes, rawOffset].forEach((value, place) => {
      this.#setU32(header + 8 + 4 * place, value);
    });
    this.#setU32(header + 36, IMAGE_SCN_CNT_INITIALIZED_DATA | IMAGE_SCN_MEM_READ);
    this.#view.setUint16(this.#pe + SECTION_COUNT, sections.length + 1, true);
    this.#setU32(this.#directory(IMAGE_DIRECTORY_ENTRY_RESOURCE), rva);
    const grown = rawOffset - end + rawBytes;
    this.#finishHeaders(rva, content.length, alignUp(content.length, sectionAlignment), grown);
    const padded = new Uint8Array(grown);
    padded.set(content, rawOffset - end);
    this.#spliceFile(end, 0, padded, grown);
  }

  /** What the headers say of the whole; `rawDelta` bytes are put in before whatever lies behind the resources. */
  #finishHeaders(rva: number, size: number, virtualDelta: number, rawDelta: number): void {
    this.#setU32(this.#directory(IMAGE_DIRECTORY_ENTRY_RESOURCE) + 4, size);
    this.#add(this.#pe + SIZE_OF_IMAGE, virtualDelta);
    this.#add(this.#pe + SIZE_OF_INITIALIZED_DATA, rawDelta);
    const { sections } = this.headers;
    const own = sections.find(({ virtualAddress }) => virtualAddress === rva);
    const moved = own === undefined ? Number.POSITIVE_INFINITY : own.rawOffset + own.rawSize;
    sections.forEach(({ rawOffset, rawSize }, index) => {
      if (rawSize > 0 && rawOffset >= moved) this.#add(this.#sectionHeader(index) + 20, rawDelta);
    });
    const overlay = Math.max(...sections.map(({ rawOffset, rawSize }) => rawOffset + rawSize));
    const from = Math.min(moved, overlay);
    for (const at of [this.#pe + SYMBOL_TABLE, this.#directory(IMAGE_DIRECTORY_ENTRY_SECURITY)])
      if (this.#u32(at) >= from) this.#add(at, rawDelta);
    this.#moveDebugOffsets(from, rawDelta);
  }

  /** The debug directory names its data by file offset too. */
  #moveDebugOffsets(from: number, rawDelta: number): void {
    const { rva, size } = this.headers.directories[IMAGE_DIRECTORY_ENTRY_DEBUG]!;
    const start = size === 0 ? -1 : new FileImageReader(this.#file, this.headers).fileOffset(rva);
    if (start < 0) return;
    for (
      let at = start;
      at + DEBUG_ENTRY_BYTES <= Math.min(start + size, this.#file.length);
      at += DEBUG_ENTRY_BYTES
    )
      if (this.#u32(at + DEBUG_FILE_OFFSET) >= from) this.#add(at + DEBUG_FILE_OFFSET, rawDelta);
  }

  /** Puts content, filled up with zeroes, where `oldBytes` bytes were. */
  #spliceFile(at: number, oldBytes: number, content: Uint8Array, newBytes: number): void {
    const result = new Uint8Array(this.#file.length - oldBytes + newBytes);
    result.set(this.#file.subarray(0, at));
    result.set(content, at);
    result.set(this.#file.subarray(at + oldBytes), at + newBytes);
    this.#file = result;
    this.#view = new DataView(result.buffer);
  }

  /** An image that had a checksum gets the right one: the 16-bit words added with carry, and the length. */
  #setCheckSum(): void {
    const at = this.#pe + CHECK_SUM;
    if (this.#u32(at) === 0) return;
    this.#setU32(at, 0);
    let sum = 0;
    for (let index = 0; index < this.#file.length; index += 2) {
      sum += this.#file[index]! | ((this.#file[index + 1] ?? 0) << 8);
      sum = (sum & 0xffff) + (sum >>> 16);
    }
    this.#setU32(at, sum + this.#file.length);
  }
}
