import { ByteWriter } from './byte-writer.js';

/** One export of an image that is being made: where it is, or what it forwards to. */
export interface ImageExport {
  readonly name: string;
  /** Fixed ordinal, if it has one. */
  readonly ordinal?: number;
  /** Byte offset from the image's base; 0 for a forwarder. */
  readonly rva: number;
  /** 'NTDLL.RtlAllocateHeap'. */
  readonly forwarder?: string;
}

export interface ExportSection {
  readonly bytes: Uint8Array;
  /** Bytes of the export directory with its strings, from the section's start: forwarder strings must lie inside. */
  readonly directorySize: number;
}

/**
 * An export directory to be placed at `rva`: addresses by ordinal, names in byte order with their ordinals, strings.
 * Source: Microsoft, "PE Format", "The .edata Section".
 */
export function exportDirectory(
  moduleName: string,
  exports: readonly ImageExport[],
  rva: number,
): ExportSection {
  const byName = [...exports].sort((left, right) => compareBytes(left.name, right.name));
  const byOrdinal = assignOrdinals(byName);
  const ordinalOf = new Map(byOrdinal.flatMap((entry, index) => (entry ? [[entry.name, index]] : [])));

  const header = 40;
  const addresses = header;
  const names = addresses + byOrdinal.length * 4;
  const ordinals = names + byName.length * 4;
  const strings = new ByteWriter();
  const stringsAt = rva + ordinals + byName.length * 2;
  const stringRva = (text: string) => {
    const at = stringsAt + strings.length;
    strings.asciiZ(text);
    return at;
  };

  const writer = new ByteWriter();
  for (let word = 0; word < 3; word++) writer.u32(0);
  writer.u32(stringRva(moduleName));
  writer.u32(1);
  writer.u32(byOrdinal.length);
  writer.u32(byName.length);
  writer.u32(rva + addresses);
  writer.u32(rva + names);
  writer.u32(rva + ordinals);
  for (const entry of byOrdinal)
    writer.u32(entry?.forwarder ? stringRva(entry.forwarder) : (entry?.rva ?? 0));
  for (const entry of byName) writer.u32(stringRva(entry.name));
  for (const entry of byName) writer.u16(ordinalOf.get(entry.name) ?? 0);
  writer.bytes(strings.result());
  return { bytes: writer.result(), directorySize: writer.length };
}

/** The order in which GetProcAddress searches: byte values, not the host's collation. */
function compareBytes(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Index = ordinal - 1: fixed ordinals first, the other exports fill the gaps in the order of their names. */
function assignOrdinals(exports: readonly ImageExport[]): (ImageExport | undefined)[] {
  const table: (ImageExport | undefined)[] = [];
  for (const entry of exports) {
    if (entry.ordinal !== undefined) table[entry.ordinal - 1] = entry;
  }
  let next = 0;
  for (const entry of exports) {
    if (entry.ordinal !== undefined) continue;
    while (table[next] !== undefined) next++;
    table[next] = entry;
  }
  return Array.from(table);
}
