import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { generateSystemDlls } from '../ldr/system-dlls.js';
import { PeError } from '../pe/pe-error.js';
import { buildModule, type Code } from '../testing/module-builder.js';
import { formatImports, inspectImports } from './imports.js';

const nothing: Code = (code) => code.raw(0xc3);

const system = generateSystemDlls([
  {
    name: 'kernel32.dll',
    functions: { Here: () => 0 },
    forwarders: { Forward: 'NTDLL.There', Astray: 'NTDLL.Nowhere' },
    description: 'test',
    version: '1.0.0.0',
  },
  { name: 'ntdll.dll', functions: { There: () => 0 }, description: 'test', version: '1.0.0.0' },
]);

const program = buildModule({
  name: 'test.exe',
  imports: {
    'KERNEL32.dll': ['Here', 'Forward', 'Astray', 'Gone'],
    'a.dll': ['f', 7],
    'nowhere.dll': ['x'],
  },
  entry: nothing,
});
const files: Record<string, Uint8Array> = {
  'a.dll': buildModule({
    name: 'a.dll',
    dll: true,
    functions: { f: nothing },
    imports: { 'kernel32.dll': ['Gone', 'Here'], 'a.dll': ['f'] },
  }),
};

describe('the imports of a program', () => {
  const report = inspectImports('test.exe', program, system, (name) => files[name] ?? null);

  it('tell what is there and what is missing, forwarders and DLLs beside the program included', () => {
    expect(report.missing).toEqual(['kernel32.dll!Astray', 'kernel32.dll!Gone', 'a.dll!#7', 'nowhere.dll']);
    expect(report.imports.map(({ importer, dll, source }) => `${importer} ${dll} ${source}`)).toEqual([
      'test.exe KERNEL32.dll system',
      'test.exe a.dll beside',
      'test.exe nowhere.dll missing',
      'a.dll kernel32.dll system',
      'a.dll a.dll beside',
    ]);
    expect(report.notRunnable).toBeNull();
  });

  it('read well', () => {
    expect(formatImports(report)).toContain('  a.dll (beside the program)\n      f\n    ! #7   missing\n');
    expect(formatImports(report)).toContain('10 functions; missing: kernel32.dll!Astray');
  });

  it('refuse what is no program', () => {
    expect(() => inspectImports('x', Uint8Array.of(1, 2), system, () => null)).toThrow(PeError);
    const dll = inspectImports('a.dll', files['a.dll']!, system, () => null);
    expect(dll.notRunnable).toBe('it is a DLL, not a program');
  });

  it('of a real program name its C runtime', () => {
    const hello = readFileSync(new URL('../../examples/bin/hello.exe', import.meta.url));
    const { imports } = inspectImports('hello.exe', hello, system, () => null);
    expect(imports.map(({ dll }) => dll)).toEqual(['KERNEL32.dll', 'msvcrt.dll']);
  });
});
