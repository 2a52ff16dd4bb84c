/**
 * Makes the system DLLs: real PE32+ images whose code exports enter the system, so that export walks, GetProcAddress and
 * the sharing of image pages are what they are on Windows. The same modules always give the same bytes.
 */
import type { Service, ServiceEntry, ServiceFunction, ServiceKind } from '../nt/service.js';
import type { SystemDllSet, SystemImage, SystemModule } from '../nt/system-module.js';
import * as pe from '../pe/pe-constants.js';
import { ByteWriter } from './byte-writer.js';
import { exportDirectory, type ImageExport } from './export-directory.js';
import { versionResource } from './version-resource.js';

const IMAGE_BASE = 0x1_8000_0000;
const ALIGNMENT = 0x1000;
const HEADER_BYTES = 0x1000;
const CODE_ALIGNMENT = 16;
const INT3 = 0xcc;
const DLL_MAIN = 'DllMain';

const CODE = pe.IMAGE_SCN_CNT_CODE | pe.IMAGE_SCN_MEM_EXECUTE | pe.IMAGE_SCN_MEM_READ;
const READ_ONLY = pe.IMAGE_SCN_CNT_INITIALIZED_DATA | pe.IMAGE_SCN_MEM_READ;
const READ_WRITE = READ_ONLY | pe.IMAGE_SCN_MEM_WRITE;
const DISCARDABLE = READ_ONLY | pe.IMAGE_SCN_MEM_DISCARDABLE;

interface Section {
  readonly name: string;
  readonly rva: number;
  readonly bytes: Uint8Array;
  readonly characteristics: number;
}

/** Places of an image's parts while it is made. */
interface Part {
  readonly bytes: Uint8Array;
  /** Exported name -> byte offset in the part. */
  readonly offsets: ReadonlyMap<string, number>;
}

/** Images and service table of all modules; a service's number is its index over modules and names in byte order. */
export function generateSystemDlls(modules: readonly SystemModule[]): SystemDllSet {
  const sorted = [...modules].sort((left, right) => (left.name < right.name ? -1 : 1));
  const services: ServiceEntry[] = [];
  const images = sorted.map((module) => generateImage(module, addServices(module, services)));
  return { images, services };
}

/** Adds a module's services to the table; exported name -> service number. */
function addServices(module: SystemModule, services: ServiceEntry[]): Map<string, number> {
  const functions: [string, Service | ServiceFunction][] = Object.entries(module.functions);
  if (module.onAttach) functions.push([DLL_MAIN, module.onAttach]);
  functions.sort(([left], [right]) => (left < right ? -1 : 1));
  return new Map(
    functions.map(([name, service]) => [name, services.push(serviceEntry(module.name, name, service)) - 1]),
  );
}

function serviceEntry(module: string, name: string, service: Service | ServiceFunction): ServiceEntry {
  const kind: ServiceKind = module === 'ntdll.dll' && /^(Nt|Zw)/.test(name) ? 'kernel' : 'library';
  if (typeof service === 'function')
    return { module, name, kind, enter: service, steps: [], restarts: false };
  const { enter, steps = [], restarts = false, frameHandler } = service;
  return { module, name, kind, enter, steps, restarts, frameHandler };
}

function generateImage(module: SystemModule, numbers: ReadonlyMap<string, number>): SystemImage {
  const code = codePart(module, numbers);
  const data = dataPart(module);
  const textRva = HEADER_BYTES;
  const dataRva = textRva + alignUp(code.bytes.length);
  const exports = listExports(module, code, textRva, data, dataRva);
  const edataRva = dataRva + alignUp(data.bytes.length);
  const isVisible = ({ name }: ImageExport) => module.data?.[name]?.hidden !== true;
  const edata = exportDirectory(module.name, exports.filter(isVisible), edataRva);
  const rsrcRva = edataRva + alignUp(edata.bytes.length);
  const rsrc = versionResource({ fileName: module.name, ...pick(module) }, rsrcRva);
  const pdataRva = rsrcRva + alignUp(rsrc.length);
  const pdata = functionTable(module, code, textRva, pdataRva);
  const relocRva = pdataRva + alignUp(pdata.bytes.length);
  const reloc = applyPointers(module, data, dataRva, exports);

  const sections: Section[] = [
    { name: '.text', rva: textRva, bytes: code.bytes, characteristics: CODE },
    { name: '.data', rva: dataRva, bytes: data.bytes, characteristics: READ_WRITE },
    { name: '.rdata', rva: edataRva, bytes: edata.bytes, characteristics: READ_ONLY },
    { name: '.rsrc', rva: rsrcRva, bytes: rsrc, characteristics: READ_ONLY },
    { name: '.pdata', rva: pdataRva, bytes: pdata.bytes, characteristics: READ_ONLY },
    { name: '.reloc', rva: relocRva, bytes: reloc, characteristics: DISCARDABLE },
  ].filter((section) => section.bytes.length > 0);
  const dllMain = code.offsets.get(DLL_MAIN);
  const entryRva = module.onAttach && dllMain !== undefined ? textRva + dllMain : 0;
  const directories: [number, number, number][] = [
    [pe.IMAGE_DIRECTORY_ENTRY_EXPORT, edataRva, edata.directorySize],
    [pe.IMAGE_DIRECTORY_ENTRY_RESOURCE, rsrcRva, rsrc.length],
    [pe.IMAGE_DIRECTORY_ENTRY_EXCEPTION, pdataRva, pdata.tableSize],
    [pe.IMAGE_DIRECTORY_ENTRY_BASERELOC, relocRva, reloc.length],
  ];
  const located = exports.filter((entry) => entry.forwarder === undefined);
  return {
    name: module.name,
    bytes: layOut(sections, entryRva, directories),
    exports: new Map(located.map((entry) => [entry.name, entry.rva])),
  };
}

const pick = ({ description, version }: SystemModule) => ({ description, version });

const alignUp = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Service stubs, some behind code that does the common cases, then the exports that are machine code themselves, each at a multiple of 16 bytes. */
function codePart(module: SystemModule, numbers: ReadonlyMap<string, number>): Part {
  const writer = new ByteWriter();
  const offsets = new Map<string, number>();
  for (const [name, number] of numbers) {
    place(writer, offsets, name, module.fastPaths?.[name] ?? new Uint8Array());
    writer.bytes(serviceStub(number));
  }
  const linked: [name: string, targets: Readonly<Record<number, string>>][] = [];
  for (const [name, code] of sortedEntries(module.code)) {
    if (code instanceof Uint8Array) place(writer, offsets, name, code);
    else {
      place(writer, offsets, name, code.bytes);
      linked.push([name, code.targets]);
    }
  }
  const bytes = writer.result();
  for (const [name, targets] of linked) link(module.name, bytes, offsets, name, targets);
  return { bytes, offsets };
}

/** Fills in the distances from a function's code to others of the module. */
function link(
  module: string,
  bytes: Uint8Array,
  offsets: ReadonlyMap<string, number>,
  name: string,
  targets: Readonly<Record<number, string>>,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const [offset, target] of Object.entries(targets)) {
    const at = offsets.get(name)! + Number(offset);
    const to = offsets.get(target);
    if (to === undefined)
      throw new Error(`${module}!${name} leads to ${target}, which the module does not have`);
    view.setInt32(at, to - (at + 4), true);
  }
}

function place(writer: ByteWriter, offsets: Map<string, number>, name: string, code: Uint8Array): void {
  writer.align(CODE_ALIGNMENT, INT3);
  offsets.set(name, writer.length);
  writer.bytes(code);
}

/** mov r10, rcx; mov eax, number; syscall; ret: the shape of a system service stub on x64. */
function serviceStub(number: number): Uint8Array {
  const writer = new ByteWriter();
  writer.bytes(Uint8Array.of(0x4c, 0x8b, 0xd1, 0xb8));
  writer.u32(number);
  writer.bytes(Uint8Array.of(0x0f, 0x05, 0xc3));
  return writer.result();
}

/** The RUNTIME_FUNCTION entries in order of address, then the UNWIND_INFO of each. */
function functionTable(
  module: SystemModule,
  code: Part,
  textRva: number,
  rva: number,
): { bytes: Uint8Array; tableSize: number } {
  const functions = Object.entries(module.unwind ?? {})
    .map(([name, unwind]) => ({ unwind, offset: code.offsets.get(name)! }))
    .sort((left, right) => left.offset - right.offset);
  const starts = [...code.offsets.values()].sort((left, right) => left - right);
  const writer = new ByteWriter();
  const tableSize = functions.length * 12;
  let unwindAt = rva + tableSize;
  for (const { unwind, offset } of functions) {
    writer.u32(textRva + offset);
    writer.u32(textRva + (starts.find((start) => start > offset) ?? code.bytes.length));
    writer.u32(unwindAt);
    unwindAt += unwind.length;
  }
  for (const { unwind } of functions) writer.bytes(unwind);
  return { bytes: writer.result(), tableSize };
}

function dataPart(module: SystemModule): Part {
  const writer = new ByteWriter();
  const offsets = new Map<string, number>();
  for (const [name, variable] of sortedEntries(module.data)) {
    writer.align(CODE_ALIGNMENT);
    offsets.set(name, writer.length);
    const content = new Uint8Array(variable.size);
    if (variable.initial) content.set(variable.initial);
    writer.bytes(content);
  }
  return { bytes: writer.result(), offsets };
}

function sortedEntries<T>(record: Readonly<Record<string, T>> | undefined): [string, T][] {
  return Object.entries(record ?? {}).sort(([left], [right]) => (left < right ? -1 : 1));
}

function listExports(
  module: SystemModule,
  code: Part,
  textRva: number,
  data: Part,
  dataRva: number,
): ImageExport[] {
  const exports: ImageExport[] = [];
  const add = (name: string, rva: number, forwarder?: string) => {
    const ordinal = module.ordinals?.[name];
    exports.push({
      name,
      rva,
      ...(ordinal === undefined ? {} : { ordinal }),
      ...(forwarder ? { forwarder } : {}),
    });
  };
  for (const [name, offset] of code.offsets) {
    if (name !== DLL_MAIN) add(name, textRva + offset);
  }
  for (const [name, offset] of data.offsets) add(name, dataRva + offset);
  for (const [name, target] of sortedEntries(module.forwarders)) add(name, 0, target);
  return exports;
}

/** Stores the pointers that variables begin with (for the preferred base) and returns the relocation section for them. */
function applyPointers(
  module: SystemModule,
  data: Part,
  dataRva: number,
  exports: readonly ImageExport[],
): Uint8Array {
  const rvaOf = new Map(exports.map((entry) => [entry.name, entry.rva]));
  const view = new DataView(data.bytes.buffer, data.bytes.byteOffset, data.bytes.length);
  const places: number[] = [];
  for (const [name, variable] of sortedEntries(module.data)) {
    for (const [offset, target] of Object.entries(variable.pointers ?? {})) {
      const rva = rvaOf.get(target);
      if (rva === undefined)
        throw new Error(`${module.name}!${name} points to ${target}, which is not exported`);
      const at = (data.offsets.get(name) ?? 0) + Number(offset);
      view.setUint32(at, (IMAGE_BASE + rva) % 2 ** 32, true);
      view.setUint32(at + 4, Math.floor((IMAGE_BASE + rva) / 2 ** 32), true);
      places.push(dataRva + at);
    }
  }
  return relocationBlocks(places.sort((left, right) => left - right));
}

/**
 * Base relocation blocks, one for each page with DIR64 fix-ups at the given RVAs (ascending). Without any, one block of
 * padding: an image with the directory can be moved.
 */
function relocationBlocks(rvas: readonly number[]): Uint8Array {
  const writer = new ByteWriter();
  if (rvas.length === 0) {
    for (const word of [0, 12, 0]) writer.u32(word);
  }
  for (let first = 0; first < rvas.length; ) {
    const page = Math.floor((rvas[first] ?? 0) / ALIGNMENT) * ALIGNMENT;
    const start = writer.length;
    writer.u32(page);
    writer.u32(0);
    for (; first < rvas.length && (rvas[first] ?? 0) < page + ALIGNMENT; first++) {
      writer.u16(pe.IMAGE_REL_BASED_DIR64 * 0x1000 + ((rvas[first] ?? 0) - page));
    }
    writer.align(4);
    writer.patchU32(start + 4, writer.length - start);
  }
  return writer.result();
}

/** Headers and sections as the bytes of the file; file alignment is section alignment, so offsets are RVAs. */
function layOut(
  sections: readonly Section[],
  entryRva: number,
  directories: readonly (readonly [number, number, number])[],
): Uint8Array {
  const writer = new ByteWriter();
  dosHeader(writer);
  fileHeader(writer, sections.length);
  optionalHeader(writer, sections, entryRva, directories);
  for (const section of sections) sectionHeader(writer, section);
  for (const section of sections) {
    writer.align(ALIGNMENT);
    writer.bytes(section.bytes);
  }
  writer.align(ALIGNMENT);
  return writer.result();
}

function dosHeader(writer: ByteWriter): void {
  writer.u16(pe.IMAGE_DOS_SIGNATURE);
  for (let word = 1; word < 30; word++) writer.u16(0);
  writer.u32(0x40);
}

function fileHeader(writer: ByteWriter, sectionCount: number): void {
  writer.u32(pe.IMAGE_NT_SIGNATURE);
  writer.u16(pe.IMAGE_FILE_MACHINE_AMD64);
  writer.u16(sectionCount);
  for (let word = 0; word < 3; word++) writer.u32(0);
  writer.u16(0xf0);
  writer.u16(pe.IMAGE_FILE_EXECUTABLE_IMAGE | pe.IMAGE_FILE_LARGE_ADDRESS_AWARE | pe.IMAGE_FILE_DLL);
}

function optionalHeader(
  writer: ByteWriter,
  sections: readonly Section[],
  entryRva: number,
  directories: readonly (readonly [number, number, number])[],
): void {
  const bytesOf = (flag: number) =>
    sections.reduce(
      (sum, { bytes, characteristics }) => sum + (characteristics & flag ? alignUp(bytes.length) : 0),
      0,
    );
  const last = sections.at(-1);
  writer.u16(pe.IMAGE_NT_OPTIONAL_HDR64_MAGIC);
  writer.u16(14);
  writer.u32(bytesOf(pe.IMAGE_SCN_CNT_CODE));
  writer.u32(bytesOf(pe.IMAGE_SCN_CNT_INITIALIZED_DATA));
  writer.u32(0);
  writer.u32(entryRva);
  writer.u32(HEADER_BYTES);
  writer.u64(IMAGE_BASE);
  writer.u32(ALIGNMENT);
  writer.u32(ALIGNMENT);
  for (const version of [10, 0, 10, 0, 10, 0]) writer.u16(version);
  writer.u32(0);
  writer.u32(last ? last.rva + alignUp(last.bytes.length) : HEADER_BYTES);
  writer.u32(HEADER_BYTES);
  writer.u32(0);
  writer.u16(pe.IMAGE_SUBSYSTEM_WINDOWS_CUI);
  writer.u16(
    pe.IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA |
      pe.IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE |
      pe.IMAGE_DLLCHARACTERISTICS_NX_COMPAT,
  );
  for (const size of [0x40000, 0x1000, 0x100000, 0x1000]) writer.u64(size);
  writer.u32(0);
  writer.u32(16);
  for (let index = 0; index < 16; index++) {
    const [, rva, size] = directories.find(([entry]) => entry === index) ?? [index, 0, 0];
    writer.u32(size > 0 ? rva : 0);
    writer.u32(size);
  }
}

function sectionHeader(writer: ByteWriter, { name, rva, bytes, characteristics }: Section): void {
  writer.ascii(name.padEnd(8, '\0'));
  writer.u32(bytes.length);
  writer.u32(rva);
  writer.u32(alignUp(bytes.length));
  writer.u32(rva);
  for (let word = 0; word < 3; word++) writer.u32(0);
  writer.u32(characteristics);
}
