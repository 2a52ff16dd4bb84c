import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  STATUS_INVALID_IMAGE_FORMAT,
  STATUS_INVALID_IMAGE_NOT_MZ,
  STATUS_INVALID_IMAGE_PROTECT,
  STATUS_INVALID_IMAGE_WIN_16,
} from '../base/ntstatus.js';
import { buildPe, dataSection, relocationBlocks, type TestImage } from '../testing/pe-builder.js';
import { below, mulberry32, seedFor } from '../testing/seed.js';
import {
  IMAGE_REL_BASED_DIR64,
  IMAGE_SCN_MEM_EXECUTE,
  IMAGE_SCN_MEM_READ,
  IMAGE_SCN_MEM_WRITE,
} from './pe-constants.js';
import { PeError } from './pe-error.js';
import { findExportByName, findExportByOrdinal, listExportNames, readExportDirectory } from './pe-exports.js';
import { describePeImage, parsePeImage, whyNotRunnable } from './pe-image.js';
import { readDelayImports, readImports } from './pe-imports.js';
import { readRelocations } from './pe-relocations.js';
import { readTlsDirectory } from './pe-tls.js';

const RX = IMAGE_SCN_MEM_READ | IMAGE_SCN_MEM_EXECUTE;
const RW = IMAGE_SCN_MEM_READ | IMAGE_SCN_MEM_WRITE;
const BASE = 0x140000000;

function putText(view: DataView, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) view.setUint8(at + i, text.charCodeAt(i));
}

/** .text at 0x1000, .data at 0x2000 with every directory in it, .reloc at 0x4000. */
function sample(): TestImage {
  const data = dataSection(0x1000, (view) => {
    view.setUint32(12, 0x2100, true);
    view.setUint32(16, 5, true);
    view.setUint32(20, 3, true);
    view.setUint32(24, 2, true);
    view.setUint32(28, 0x2080, true);
    view.setUint32(32, 0x2090, true);
    view.setUint32(36, 0x20a0, true);
    view.setUint32(0x80, 0x1000, true);
    view.setUint32(0x88, 0x2120, true);
    view.setUint32(0x90, 0x2108, true);
    view.setUint32(0x94, 0x2110, true);
    view.setUint16(0xa0, 2, true);
    view.setUint16(0xa2, 0, true);
    putText(view, 0x100, 'me.dll');
    putText(view, 0x108, 'alias');
    putText(view, 0x110, 'run');
    putText(view, 0x120, 'other.#7');
    // Imports: one descriptor, a name and an ordinal.
    view.setUint32(0x200, 0x2240, true);
    view.setUint32(0x20c, 0x2280, true);
    view.setUint32(0x210, 0x2260, true);
    view.setUint32(0x240, 0x2290, true);
    view.setUint32(0x248, 9, true);
    view.setUint32(0x24c, 0x80000000, true);
    putText(view, 0x280, 'k.dll');
    view.setUint16(0x290, 33, true);
    putText(view, 0x292, 'Sleep');
    // Delay import of the same tables.
    view.setUint32(0x300, 1, true);
    view.setUint32(0x304, 0x2280, true);
    view.setUint32(0x30c, 0x2260, true);
    view.setUint32(0x310, 0x2240, true);
    // TLS.
    const address = (at: number, rva: number) => {
      view.setUint32(at, (BASE + rva) % 0x1_0000_0000, true);
      view.setUint32(at + 4, 1, true);
    };
    address(0x400, 0x2500);
    address(0x408, 0x2510);
    address(0x410, 0x2520);
    address(0x418, 0x2530);
    view.setUint32(0x420, 16, true);
    address(0x530, 0x1000);
    address(0x538, 0x1010);
  });
  const reloc = relocationBlocks([0x2400, 0x2408, 0x2ffc], IMAGE_REL_BASED_DIR64);
  return {
    sections: [
      { name: '.text', characteristics: RX, data: new Uint8Array(0x30).fill(0xcc) },
      { name: '.data', characteristics: RW, data, virtualSize: 0x1800 },
      { name: '.reloc', characteristics: IMAGE_SCN_MEM_READ, data: reloc },
    ],
    directories: {
      0: [0x2000, 0x200],
      1: [0x2200, 40],
      5: [0x4000, reloc.length],
      9: [0x2400, 40],
      13: [0x2300, 64],
    },
  };
}

function statusOf(bytes: Uint8Array): number {
  try {
    parsePeImage(bytes);
    return 0;
  } catch (error) {
    if (error instanceof PeError) return error.status;
    throw error;
  }
}

/** The status after one 32-bit header field, given by its offset from the PE signature, is changed. */
function withField(offset: number, value: number, width = 4): number {
  const bytes = buildPe(sample());
  const view = new DataView(bytes.buffer);
  if (width === 2) view.setUint16(0x80 + offset, value, true);
  else view.setUint32(0x80 + offset, value, true);
  return statusOf(bytes);
}

describe('PE headers', () => {
  it('describes a good image', () => {
    const { headers } = parsePeImage(buildPe(sample()));
    expect(headers.imageBase).toBe(BASE);
    expect(headers.sizeOfImage).toBe(0x5000);
    expect(headers.sections.map((section) => section.name)).toEqual(['.text', '.data', '.reloc']);
    expect(headers.sections[1]).toMatchObject({
      virtualAddress: 0x2000,
      virtualSize: 0x1800,
      rawSize: 0x1000,
    });
    expect(whyNotRunnable(headers)).toBeNull();
  });

  it('names what is not a PE image', () => {
    const text = (value: string) => Uint8Array.from(value, (char) => char.charCodeAt(0));
    expect(statusOf(text(''))).toBe(STATUS_INVALID_IMAGE_NOT_MZ);
    expect(statusOf(text('#!/bin/sh'))).toBe(STATUS_INVALID_IMAGE_NOT_MZ);
    expect(statusOf(text('MZ'))).toBe(STATUS_INVALID_IMAGE_PROTECT);
    const dos = new Uint8Array(512);
    dos.set([0x4d, 0x5a]);
    dos[0x3c] = 0x80;
    expect(statusOf(dos)).toBe(STATUS_INVALID_IMAGE_PROTECT);
    dos.set(text('NE'), 0x80);
    expect(statusOf(dos)).toBe(STATUS_INVALID_IMAGE_WIN_16);
  });

  it('refuses fields that would lead astray', () => {
    const bad = STATUS_INVALID_IMAGE_FORMAT;
    expect(withField(4, 0xaa64, 2)).toBe(bad);
    expect(withField(4, 0x14c, 2)).toBe(bad);
    expect(withField(6, 97, 2)).toBe(bad);
    expect(withField(20, 100, 2)).toBe(bad);
    expect(withField(22, 0, 2)).toBe(bad);
    expect(withField(24, 0x107, 2)).toBe(bad);
    expect(withField(24 + 16, 0x5000)).toBe(bad);
    expect(withField(24 + 24, 0x40001000)).toBe(bad);
    expect(withField(24 + 32, 0)).toBe(bad);
    expect(withField(24 + 32, 0x100)).toBe(bad);
    expect(withField(24 + 36, 0x300)).toBe(bad);
    expect(withField(24 + 56, 0)).toBe(bad);
    expect(withField(24 + 56, 0xffffffff)).toBe(bad);
    expect(withField(24 + 56, 0x3000)).toBe(bad);
    expect(withField(24 + 60, 0)).toBe(bad);
    expect(withField(24 + 60, 0x7fffffff)).toBe(bad);
    expect(withField(24 + 240 + 40 + 12, 0x3000)).toBe(bad);
    expect(withField(24 + 240 + 40 + 8, 0xffffffff)).toBe(bad);
    expect(withField(24 + 240 + 40 + 16, 0xfffffe00)).toBe(bad);
    expect(withField(24 + 240 + 40 + 20, 0xfffffe00)).toBe(bad);
  });

  it('takes an odd number of directories', () => {
    expect(withField(24 + 108, 0)).toBe(0);
    expect(withField(24 + 108, 0xffffffff)).toBe(0);
  });
});

describe('PE directories', () => {
  const image = parsePeImage(buildPe(sample()));
  const { headers, reader } = image;

  it('finds exports by name, hint and ordinal, and forwarders', () => {
    const directory = readExportDirectory(reader, headers)!;
    expect(directory.name).toBe('me.dll');
    expect(findExportByName(reader, directory, 'run')).toEqual({ ordinal: 5, rva: 0x1000, forwarder: null });
    expect(findExportByName(reader, directory, 'run', 1)?.rva).toBe(0x1000);
    expect(findExportByName(reader, directory, 'alias', 1)?.forwarder).toBe('other.#7');
    expect(findExportByName(reader, directory, 'runs')).toBeNull();
    expect(findExportByName(reader, directory, 'ru')).toBeNull();
    expect(findExportByOrdinal(reader, directory, 5)?.rva).toBe(0x1000);
    expect(findExportByOrdinal(reader, directory, 6)).toBeNull();
    expect(findExportByOrdinal(reader, directory, 4)).toBeNull();
    expect(findExportByOrdinal(reader, directory, 8)).toBeNull();
    expect(listExportNames(reader, directory).map((entry) => entry.name)).toEqual(['alias', 'run']);
  });

  it('lists imports and delay imports', () => {
    const functions = [
      { slotRva: 0x2260, name: 'Sleep', ordinal: 33 },
      { slotRva: 0x2268, name: null, ordinal: 9 },
    ];
    expect(readImports(reader, headers)).toEqual([{ dll: 'k.dll', functions }]);
    expect(readDelayImports(reader, headers)).toEqual([{ dll: 'k.dll', functions }]);
  });

  it('reads relocations in order', () => {
    const { dir64, highLow } = readRelocations(reader, headers);
    expect([...dir64]).toEqual([0x2400, 0x2408, 0x2ffc]);
    expect(highLow.length).toBe(0);
  });

  it('reads the TLS directory as RVAs', () => {
    expect(readTlsDirectory(reader, headers, BASE)).toEqual({
      templateRva: 0x2500,
      templateSize: 16,
      zeroFill: 16,
      indexRva: 0x2520,
      callbacks: [0x1000, 0x1010],
    });
    expect(() => readTlsDirectory(reader, headers, BASE + 0x10000)).toThrow(PeError);
  });
});

const EXAMPLES = new URL('../../examples/bin/', import.meta.url);

/** The built examples, when they are there, and the generated image. */
function subjects(): Uint8Array[] {
  const images = [buildPe(sample()), buildPe({ ...sample(), dll: true })];
  if (!existsSync(EXAMPLES)) return images;
  for (const name of readdirSync(EXAMPLES).sort()) {
    if (name.endsWith('.exe')) images.push(new Uint8Array(readFileSync(new URL(name, EXAMPLES))));
  }
  return images;
}

describe('hostile images', () => {
  it('describes the examples', () => {
    for (const bytes of subjects()) describePeImage(parsePeImage(bytes));
  });

  it('only ever throws PeError', () => {
    const random = mulberry32(seedFor('PE mutator'));
    const images = subjects();
    const interesting = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffff000, 0x1000, 0x77000000];
    let refused = 0;
    for (let round = 0; round < 4000; round++) {
      let bytes = images[below(random, images.length)].slice();
      const view = new DataView(bytes.buffer);
      const reach = random() % 4 === 0 ? bytes.length : Math.min(bytes.length, 0x400);
      for (let count = 1 + below(random, 8); count > 0; count--) {
        const at = below(random, reach - 4);
        if (random() % 2 === 0) view.setUint8(at, random());
        else view.setUint32(at & ~3, interesting[below(random, interesting.length)], true);
      }
      if (random() % 16 === 0) bytes = bytes.slice(0, below(random, bytes.length));
      try {
        describePeImage(parsePeImage(bytes));
      } catch (error) {
        if (!(error instanceof PeError)) throw error;
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(100);
  });
});
