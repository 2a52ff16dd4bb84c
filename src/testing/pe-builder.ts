/** Builds small PE32+ images for tests: any sections, with an optional export, import, relocation and TLS directory. */
import {
  IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE,
  IMAGE_FILE_DLL,
  IMAGE_FILE_EXECUTABLE_IMAGE,
  IMAGE_FILE_LARGE_ADDRESS_AWARE,
  IMAGE_FILE_MACHINE_AMD64,
  IMAGE_SUBSYSTEM_WINDOWS_CUI,
} from '../pe/pe-constants.js';

export interface TestSection {
  name: string;
  characteristics: number;
  data: Uint8Array;
  /** Bytes; the data's length when left out. */
  virtualSize?: number;
}

export interface TestImage {
  sections: TestSection[];
  imageBase?: number;
  dll?: boolean;
  dllCharacteristics?: number;
  characteristics?: number;
  fileAlignment?: number;
  sectionAlignment?: number;
  entryPointRva?: number;
  /** Index to [rva, size]. */
  directories?: Record<number, [number, number]>;
}

const HEADER_BYTES = 0x400;
/** Bytes of stack that images ask for; not the linker's default of 1 MB, so that tests see who heeds it. */
export const STACK_RESERVE = 0x180000;

/** RVAs at which buildPe puts the sections. */
export function sectionRvas(image: TestImage): number[] {
  const alignment = image.sectionAlignment ?? 0x1000;
  let next = Math.ceil(HEADER_BYTES / alignment) * alignment;
  return image.sections.map((section) => {
    const rva = next;
    next += Math.ceil((section.virtualSize ?? section.data.length) / alignment) * alignment;
    return rva;
  });
}

export function buildPe(image: TestImage): Uint8Array {
  const fileAlignment = image.fileAlignment ?? 0x200;
  const alignment = image.sectionAlignment ?? 0x1000;
  const rvas = sectionRvas(image);
  const offsets: number[] = [];
  let fileSize = HEADER_BYTES;
  for (const section of image.sections) {
    offsets.push(fileSize);
    fileSize += Math.ceil(section.data.length / fileAlignment) * fileAlignment;
  }
  const bytes = new Uint8Array(fileSize);
  const view = new DataView(bytes.buffer);
  const nt = 0x80;
  const optional = nt + 24;
  view.setUint16(0, 0x5a4d, true);
  view.setUint32(0x3c, nt, true);
  view.setUint32(nt, 0x4550, true);
  view.setUint16(nt + 4, IMAGE_FILE_MACHINE_AMD64, true);
  view.setUint16(nt + 6, image.sections.length, true);
  view.setUint16(nt + 20, 240, true);
  const kind =
    IMAGE_FILE_EXECUTABLE_IMAGE | IMAGE_FILE_LARGE_ADDRESS_AWARE | (image.dll ? IMAGE_FILE_DLL : 0);
  view.setUint16(nt + 22, image.characteristics ?? kind, true);
  view.setUint16(optional, 0x20b, true);
  view.setUint32(optional + 16, image.entryPointRva ?? rvas[0] ?? 0, true);
  const base = image.imageBase ?? 0x140000000;
  view.setUint32(optional + 24, base % 0x1_0000_0000, true);
  view.setUint32(optional + 28, Math.floor(base / 0x1_0000_0000), true);
  view.setUint32(optional + 32, alignment, true);
  view.setUint32(optional + 36, fileAlignment, true);
  view.setUint16(optional + 40, 6, true);
  view.setUint16(optional + 48, 6, true);
  const last = image.sections.length - 1;
  const end =
    last < 0 ? 0x2000 : rvas[last] + (image.sections[last].virtualSize ?? image.sections[last].data.length);
  view.setUint32(optional + 56, Math.ceil(end / alignment) * alignment, true);
  view.setUint32(optional + 60, HEADER_BYTES, true);
  view.setUint16(optional + 68, IMAGE_SUBSYSTEM_WINDOWS_CUI, true);
  view.setUint16(optional + 70, image.dllCharacteristics ?? IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE, true);
  view.setUint32(optional + 72, STACK_RESERVE, true);
  view.setUint32(optional + 80, 0x1000, true);
  view.setUint32(optional + 88, 0x100000, true);
  view.setUint32(optional + 96, 0x1000, true);
  view.setUint32(optional + 108, 16, true);
  for (const [index, [rva, size]] of Object.entries(image.directories ?? {})) {
    view.setUint32(optional + 112 + Number(index) * 8, rva, true);
    view.setUint32(optional + 116 + Number(index) * 8, size, true);
  }
  image.sections.forEach((section, index) => {
    const at = optional + 240 + index * 40;
    for (let i = 0; i < Math.min(8, section.name.length); i++) bytes[at + i] = section.name.charCodeAt(i);
    view.setUint32(at + 8, section.virtualSize ?? section.data.length, true);
    view.setUint32(at + 12, rvas[index], true);
    view.setUint32(at + 16, Math.ceil(section.data.length / fileAlignment) * fileAlignment, true);
    view.setUint32(at + 20, section.data.length === 0 ? 0 : offsets[index], true);
    view.setUint32(at + 36, section.characteristics, true);
    bytes.set(section.data, offsets[index]);
  });
  return bytes;
}

/** The bytes of a relocation directory with the given targets (RVAs) of one type. */
export function relocationBlocks(targets: number[], type: number): Uint8Array {
  const words: number[] = [];
  const pages = new Map<number, number[]>();
  for (const target of targets) {
    const page = target - (target % 0x1000);
    pages.set(page, [...(pages.get(page) ?? []), target - page]);
  }
  for (const [page, offsets] of pages) {
    const entries = offsets.map((offset) => (type << 12) | offset);
    if (entries.length % 2 === 1) entries.push(0);
    const size = 8 + entries.length * 2;
    words.push(page & 0xffff, page >>> 16, size, 0, ...entries);
  }
  return new Uint8Array(Uint16Array.from(words).buffer);
}

/** A section whose words are set by a callback, for directories. */
export function dataSection(length: number, fill: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(length);
  fill(new DataView(bytes.buffer));
  return bytes;
}
