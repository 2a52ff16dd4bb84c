import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SystemModule } from '../nt/system-module.js';
import { IMAGE_DIRECTORY_ENTRY_BASERELOC } from '../pe/pe-constants.js';
import {
  findExportByName,
  findExportByOrdinal,
  listExportNames,
  readExportDirectory,
} from '../pe/pe-exports.js';
import { describePeImage, parsePeImage } from '../pe/pe-image.js';
import { readU64 } from '../pe/rva-reader.js';
import { generateSystemDlls } from './system-dlls.js';

const RETURN_ONE = Uint8Array.of(0xb8, 1, 0, 0, 0, 0xc3);

const beta: SystemModule = {
  name: 'beta.dll',
  functions: { Zulu: () => 1, alpha: () => 2, Bravo: { enter: () => 3, steps: [() => 4] } },
  forwarders: { Forward: 'ALPHA.NtFirst' },
  data: {
    _variable: {
      size: 24,
      initial: Uint8Array.of(7, 8),
      pointers: { 8: 'one', 16: '_other' },
      writable: true,
    },
    _other: { size: 5000, writable: true },
  },
  code: { one: RETURN_ONE },
  ordinals: { Zulu: 2, one: 9 },
  onAttach: () => 1,
  description: 'The second module',
  version: '10.0.19045.1',
};
const ntdll: SystemModule = {
  name: 'ntdll.dll',
  functions: { NtFirst: () => 0, RtlSecond: () => 0 },
  description: 'The first module',
  version: '10.0.19045.2',
};

const set = generateSystemDlls([ntdll, beta]);

function imageOf(name: string) {
  const generated = set.images.find((candidate) => candidate.name === name)!;
  const image = parsePeImage(generated.bytes);
  return { generated, ...image, directory: readExportDirectory(image.reader, image.headers)! };
}

describe('generated system DLLs', () => {
  it('numbers services over modules and names in byte order, and tells kernel services from library functions', () => {
    expect(set.services.map(({ module, name, kind }) => `${module}!${name} ${kind}`)).toEqual([
      'beta.dll!Bravo library',
      'beta.dll!DllMain library',
      'beta.dll!Zulu library',
      'beta.dll!alpha library',
      'ntdll.dll!NtFirst kernel',
      'ntdll.dll!RtlSecond library',
    ]);
    expect(set.services[0]!.steps).toHaveLength(1);
  });

  it('exports names in byte order, with fixed ordinals kept and the gaps filled', () => {
    const { reader, directory } = imageOf('beta.dll');
    expect(directory.name).toBe('beta.dll');
    const names = listExportNames(reader, directory).map(({ name }) => name);
    expect(names).toEqual(['Bravo', 'Forward', 'Zulu', '_other', '_variable', 'alpha', 'one']);
    expect(findExportByName(reader, directory, 'Zulu')!.ordinal).toBe(2);
    expect(findExportByName(reader, directory, 'one')!.ordinal).toBe(9);
    expect(findExportByOrdinal(reader, directory, 1)!.rva).toBe(
      findExportByName(reader, directory, 'Bravo')!.rva,
    );
    expect(findExportByName(reader, directory, 'Forward')!.forwarder).toBe('ALPHA.NtFirst');
    expect(findExportByName(reader, directory, 'DllMain')).toBeNull();
  });

  it('gives each service a stub that enters the system with its number', () => {
    const { generated } = imageOf('ntdll.dll');
    const stub = generated.bytes.subarray(generated.exports.get('RtlSecond')!).subarray(0, 11);
    expect([...stub]).toEqual([0x4c, 0x8b, 0xd1, 0xb8, 5, 0, 0, 0, 0x0f, 0x05, 0xc3]);
  });

  it('enters DllMain through a stub of its own', () => {
    const { generated, headers } = imageOf('beta.dll');
    expect(generated.bytes[headers.entryPointRva + 4]).toBe(1);
    expect(imageOf('ntdll.dll').headers.entryPointRva).toBe(0);
  });

  it('lays out code and variables, with pointers that the relocations name', () => {
    const { generated, reader, headers } = imageOf('beta.dll');
    const one = generated.exports.get('one')!;
    const variable = generated.exports.get('_variable')!;
    expect(generated.bytes.slice(one, one + RETURN_ONE.length)).toEqual(RETURN_ONE);
    expect([reader.readU8(variable), reader.readU8(variable + 1), reader.readU8(variable + 2)]).toEqual([
      7, 8, 0,
    ]);
    expect(readU64(reader, variable + 8)).toBe(headers.imageBase + one);
    expect(readU64(reader, variable + 16)).toBe(headers.imageBase + generated.exports.get('_other')!);
    expect([...describePeImage(imageOf('beta.dll')).relocations.dir64]).toEqual([
      variable + 8,
      variable + 16,
    ]);
  });

  it('can be moved, with or without pointers', () => {
    for (const name of ['beta.dll', 'ntdll.dll']) {
      expect(imageOf(name).headers.directories[IMAGE_DIRECTORY_ENTRY_BASERELOC].size).toBeGreaterThan(0);
    }
    expect([...describePeImage(imageOf('ntdll.dll')).relocations.dir64]).toEqual([]);
  });

  it('says what it is in a version resource', () => {
    const { version } = describePeImage(imageOf('beta.dll'));
    expect(version!.get('FileDescription')).toBe('The second module');
    expect(version!.get('FileVersion')).toBe('10.0.19045.1');
  });

  it('gives the same bytes for the same modules in any order', () => {
    const again = generateSystemDlls([beta, ntdll]);
    expect(again.images.map(({ bytes }) => bytes)).toEqual(set.images.map(({ bytes }) => bytes));
  });

  it('refuses a variable that points to nothing', () => {
    const broken = {
      ...ntdll,
      data: { x: { size: 8, pointers: { 0: 'missing' }, writable: true as const } },
    };
    expect(() => generateSystemDlls([broken])).toThrow('points to missing');
  });

  it('are images to binutils too, where it is installed', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ntmm-test-'));
    try {
      const file = join(folder, 'beta.dll');
      writeFileSync(file, imageOf('beta.dll').generated.bytes);
      const { error, stdout, stderr, status } = spawnSync('objdump', ['-p', file], { encoding: 'utf8' });
      if (error !== undefined) return;
      expect(stderr).toBe('');
      expect(status).toBe(0);
      expect(stdout).toMatch(/file format pei-x86-64/);
      expect(stdout).toMatch(/Forwarder RVA -- ALPHA\.NtFirst/);
      expect(stdout).toMatch(/reloc\s+\d+ offset\s+[0-9a-f]+ \[[0-9a-f]+\] DIR64/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
