/** Builds programs and DLLs of hand-assembled code with imports, exports, relocations and TLS, for tests of the loader. */
import { exportDirectory } from '../ldr/export-directory.js';
import {
  IMAGE_DIRECTORY_ENTRY_BASERELOC,
  IMAGE_DIRECTORY_ENTRY_EXPORT,
  IMAGE_DIRECTORY_ENTRY_IMPORT,
  IMAGE_DIRECTORY_ENTRY_TLS,
  IMAGE_REL_BASED_DIR64,
} from '../pe/pe-constants.js';
import { buildPe, relocationBlocks } from './pe-builder.js';

export const TEXT_RVA = 0x1000;
export const IDATA_RVA = 0x2000;
export const EDATA_RVA = 0x3000;
/** 4 KB that the code may use as it likes. */
export const DATA_RVA = 0x4000;
export const TLS_RVA = 0x5000;
const RELOC_RVA = 0x6000;
const PAGE = 0x1000;

/** Writes the code of one function: bytes, and 4-byte distances to RVAs. */
export class Assembler {
  readonly bytes: number[] = [];

  constructor(
    /** RVA of the function. */
    readonly rva: number,
    private readonly slots: ReadonlyMap<string, number>,
  ) {}

  raw(...bytes: number[]): this {
    this.bytes.push(...bytes);
    return this;
  }

  /** Four bytes: the distance from their end (`after` bytes further) to an RVA. */
  distance(rva: number, after = 0): this {
    const value = rva - (this.rva + this.bytes.length + 4 + after);
    for (let shift = 0; shift < 32; shift += 8) this.bytes.push((value >> shift) & 0xff);
    return this;
  }

  u32(value: number): this {
    for (let shift = 0; shift < 32; shift += 8) this.bytes.push((value >>> shift) & 0xff);
    return this;
  }

  /** sub rsp, 28h. */
  enter(): this {
    return this.raw(0x48, 0x83, 0xec, 0x28);
  }

  /** add rsp, 28h; ret. */
  leave(): this {
    return this.raw(0x48, 0x83, 0xc4, 0x28, 0xc3);
  }

  /** call [slot of 'dll!name']. */
  call(name: string): this {
    const slot = this.slots.get(name);
    if (slot === undefined) throw new Error(`${name} is not imported`);
    return this.raw(0xff, 0x15).distance(slot);
  }

  /** mov ecx, value. */
  first(value: number): this {
    return this.raw(0xb9).u32(value);
  }

  /** lea rcx, [rva]. */
  firstAddress(rva: number): this {
    return this.raw(0x48, 0x8d, 0x0d).distance(rva);
  }
}

export type Code = (code: Assembler) => Assembler;

export interface TestModule {
  readonly name: string;
  /** The entry point: the program's start, or DllMain. */
  readonly entry?: Code;
  readonly functions?: Readonly<Record<string, Code>>;
  /** 'name' -> 'OTHER.Name'. */
  readonly forwarders?: Readonly<Record<string, string>>;
  readonly ordinals?: Readonly<Record<string, number>>;
  /** DLL -> names, or numbers for ordinals. Slots are named 'dll!name' or 'dll!#ordinal'. */
  readonly imports?: Readonly<Record<string, readonly (string | number)[]>>;
  readonly dll?: boolean;
  readonly imageBase?: number;
  readonly dynamicBase?: boolean;
  readonly relocationsStripped?: boolean;
  /** Pointers in .data that are to be relocated: offset in .data -> RVA that it points to. */
  readonly pointers?: Readonly<Record<number, number>>;
  /** Template bytes of TLS; its callbacks are functions of the module. The index is the 32-bit word at DATA_RVA + 0xf00. */
  readonly tls?: { readonly template: readonly number[]; readonly callbacks: readonly string[] };
  /** The import address table lies in read-only memory. */
  readonly readOnlyImports?: boolean;
}

export const TLS_INDEX_RVA = DATA_RVA + 0xf00;

const CODE = 0x60000020;
const READ = 0x40000040;
const READ_WRITE = 0xc0000040;

export function buildModule(module: TestModule): Uint8Array {
  const imageBase = module.imageBase ?? (module.dll ? 0x180000000 : 0x140000000);
  const idata = new Uint8Array(PAGE);
  const slots = writeImports(module, new DataView(idata.buffer));
  const text = new Uint8Array(PAGE).fill(0xcc);
  const rvas = new Map<string, number>();
  let at = 0;
  const functions = { ...module.functions, ...(module.entry ? { $entry: module.entry } : {}) };
  for (const [name, code] of Object.entries(functions)) {
    rvas.set(name, TEXT_RVA + at);
    const { bytes } = code(new Assembler(TEXT_RVA + at, slots));
    text.set(bytes, at);
    at = Math.ceil((at + bytes.length) / 16) * 16;
  }
  const pointers = new Map(
    Object.entries(module.pointers ?? {}).map(([offset, rva]) => [Number(offset), rva]),
  );
  const relocated = [...pointers.keys()].map((offset) => DATA_RVA + offset);
  const data = new Uint8Array(PAGE);
  for (const [offset, rva] of pointers) writePointer(new DataView(data.buffer), offset, imageBase + rva);
  const tls = new Uint8Array(PAGE);
  if (module.tls) relocated.push(...writeTls(module.tls, new DataView(tls.buffer), imageBase, rvas));
  const exports = [
    ...Object.keys(module.functions ?? {}).map((name) => ({ name, rva: rvas.get(name)! })),
    ...Object.entries(module.forwarders ?? {}).map(([name, forwarder]) => ({ name, rva: 0, forwarder })),
  ].map((entry) => {
    const ordinal = module.ordinals?.[entry.name];
    return ordinal === undefined ? entry : { ...entry, ordinal };
  });
  const edata = exportDirectory(module.name, exports, EDATA_RVA);
  const reloc = relocationBlocks(relocated, IMAGE_REL_BASED_DIR64);
  const section = (name: string, characteristics: number, bytes: Uint8Array) => ({
    name,
    characteristics,
    data: bytes,
    virtualSize: PAGE,
  });
  const directories: Record<number, [number, number]> = {};
  if (exports.length > 0) directories[IMAGE_DIRECTORY_ENTRY_EXPORT] = [EDATA_RVA, edata.directorySize];
  if (slots.size > 0) directories[IMAGE_DIRECTORY_ENTRY_IMPORT] = [IDATA_RVA, 40];
  if (reloc.length > 0) directories[IMAGE_DIRECTORY_ENTRY_BASERELOC] = [RELOC_RVA, reloc.length];
  if (module.tls) directories[IMAGE_DIRECTORY_ENTRY_TLS] = [TLS_RVA, 40];
  return buildPe({
    sections: [
      section('.text', CODE, text),
      section('.idata', module.readOnlyImports ? READ : READ_WRITE, idata),
      section('.edata', READ, edata.bytes),
      section('.data', READ_WRITE, data),
      section('.tls', READ_WRITE, tls),
      section('.reloc', READ, reloc),
    ],
    imageBase,
    dll: module.dll ?? false,
    dllCharacteristics: module.dynamicBase ? 0x40 : 0,
    ...(module.relocationsStripped ? { characteristics: 0x23 + (module.dll ? 0x2000 : 0) } : {}),
    entryPointRva: rvas.get('$entry') ?? 0,
    directories,
  });
}

function writePointer(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value % 2 ** 32, true);
  view.setUint32(offset + 4, Math.floor(value / 2 ** 32), true);
}

/** Descriptors from 0, thunks from 0x200, names from 0x800. */
function writeImports(module: TestModule, view: DataView): Map<string, number> {
  const slots = new Map<string, number>();
  let thunk = 0x200;
  let text = 0x800;
  const writeText = (name: string, hint: boolean) => {
    const start = text;
    if (hint) text += 2;
    for (const character of name) view.setUint8(text++, character.charCodeAt(0));
    text++;
    return IDATA_RVA + start;
  };
  Object.entries(module.imports ?? {}).forEach(([dll, names], index) => {
    const first = thunk;
    for (const name of names) {
      slots.set(`${dll}!${typeof name === 'number' ? `#${name}` : name}`, IDATA_RVA + thunk);
      if (typeof name === 'number') {
        view.setUint32(thunk, name, true);
        view.setUint32(thunk + 4, 0x80000000, true);
      } else view.setUint32(thunk, writeText(name, true), true);
      thunk += 8;
    }
    thunk += 8;
    view.setUint32(index * 20 + 12, writeText(dll, false), true);
    view.setUint32(index * 20 + 16, IDATA_RVA + first, true);
  });
  return slots;
}

/** The directory, then the callback table at 0x100, the template at 0x200. Returns the RVAs to relocate. */
function writeTls(
  tls: NonNullable<TestModule['tls']>,
  view: DataView,
  imageBase: number,
  rvas: ReadonlyMap<string, number>,
): number[] {
  const base = imageBase + TLS_RVA;
  tls.template.forEach((byte, index) => {
    view.setUint8(0x200 + index, byte);
  });
  writePointer(view, 0, base + 0x200);
  writePointer(view, 8, base + 0x200 + tls.template.length);
  writePointer(view, 16, imageBase + TLS_INDEX_RVA);
  writePointer(view, 24, base + 0x100);
  tls.callbacks.forEach((name, index) => {
    writePointer(view, 0x100 + index * 8, imageBase + rvas.get(name)!);
  });
  const pointers = [0, 8, 16, 24, ...tls.callbacks.map((_, index) => 0x100 + index * 8)];
  return pointers.map((offset) => TLS_RVA + offset);
}
