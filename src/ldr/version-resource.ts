import { ByteWriter } from './byte-writer.js';

const RT_VERSION = 16;
const LANGUAGE_EN_US = 0x0409;
const CODE_PAGE_UNICODE = 0x04b0;
const VFT_DLL = 2;
const VOS_NT_WINDOWS32 = 0x40004;
const FIXED_FILE_INFO_SIGNATURE = 0xfeef04bd;

/** Strings and number of a version resource. */
export interface VersionInfo {
  readonly fileName: string;
  readonly description: string;
  /** Four numbers with dots, such as '10.0.19045.1'. */
  readonly version: string;
}

/**
 * A .rsrc section with one RT_VERSION resource, to be placed at `rva`.
 * Source: Microsoft, "PE Format", "The .rsrc Section"; "VS_VERSIONINFO structure".
 */
export function versionResource(info: VersionInfo, rva: number): Uint8Array {
  const data = versionInfo(info);
  const writer = new ByteWriter();
  directory(writer, RT_VERSION, 0x8000_0000 + 24);
  directory(writer, 1, 0x8000_0000 + 48);
  directory(writer, LANGUAGE_EN_US, 72);
  writer.u32(rva + 88);
  writer.u32(data.length);
  writer.u32(0);
  writer.u32(0);
  writer.bytes(data);
  return writer.result();
}

/** A resource directory with one entry: 24 bytes. */
function directory(writer: ByteWriter, id: number, offset: number): void {
  for (let word = 0; word < 3; word++) writer.u32(0);
  writer.u16(0);
  writer.u16(1);
  writer.u32(id);
  writer.u32(offset);
}

function versionInfo(info: VersionInfo): Uint8Array {
  const writer = new ByteWriter();
  block(writer, 'VS_VERSION_INFO', 52, 0, () => {
    fixedFileInfo(writer, info.version);
    writer.align(4);
    block(writer, 'StringFileInfo', 0, 1, () =>
      block(writer, hex4(LANGUAGE_EN_US) + hex4(CODE_PAGE_UNICODE), 0, 1, () => {
        for (const [name, value] of versionStrings(info)) {
          writer.align(4);
          block(writer, name, value.length + 1, 1, () => writer.utf16Z(value));
        }
      }),
    );
    writer.align(4);
    block(writer, 'VarFileInfo', 0, 1, () =>
      block(writer, 'Translation', 4, 0, () => {
        writer.u16(LANGUAGE_EN_US);
        writer.u16(CODE_PAGE_UNICODE);
      }),
    );
  });
  return writer.result();
}

function versionStrings(info: VersionInfo): [string, string][] {
  return [
    ['CompanyName', 'ntmm'],
    ['FileDescription', info.description],
    ['FileVersion', info.version],
    ['InternalName', info.fileName],
    ['OriginalFilename', info.fileName],
    ['ProductName', 'ntmm'],
    ['ProductVersion', info.version],
  ];
}

const hex4 = (value: number) => value.toString(16).padStart(4, '0');

/** One block of the tree: length, value length, type, key, then the value and the children that `body` writes. */
function block(writer: ByteWriter, key: string, valueLength: number, type: number, body: () => void): void {
  const start = writer.length;
  writer.u16(0);
  writer.u16(valueLength);
  writer.u16(type);
  writer.utf16Z(key);
  writer.align(4);
  body();
  writer.patchU16(start, writer.length - start);
}

function fixedFileInfo(writer: ByteWriter, version: string): void {
  const [major = 0, minor = 0, build = 0, revision = 0] = version.split('.').map(Number);
  writer.u32(FIXED_FILE_INFO_SIGNATURE);
  writer.u32(0x10000);
  for (let copy = 0; copy < 2; copy++) {
    writer.u32(major * 0x10000 + minor);
    writer.u32(build * 0x10000 + revision);
  }
  writer.u32(0x3f);
  writer.u32(0);
  writer.u32(VOS_NT_WINDOWS32);
  writer.u32(VFT_DLL);
  for (let word = 0; word < 3; word++) writer.u32(0);
}
