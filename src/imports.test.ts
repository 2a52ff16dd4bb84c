import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const source = dirname(fileURLToPath(import.meta.url));

/** What each folder of src/ may import beside itself; '.' is the files directly in src/. */
const BELOW: Record<string, string[]> = {
  base: [],
  generated: [],
  host: ['base'],
  pe: ['base'],
  machine: ['base', 'generated'],
  mm: ['base', 'machine', 'pe'],
  nt: ['base', 'machine', 'pe', 'mm', 'host'],
  ldr: ['base', 'machine', 'pe', 'mm', 'nt', 'host', 'win32', 'generated'],
  win32: ['base', 'machine', 'pe', 'mm', 'nt', 'host', 'ldr', 'generated'],
  inspect: ['base', 'machine', 'pe', 'mm', 'nt', 'host', 'win32', 'ldr'],
  '.': ['base', 'machine', 'pe', 'mm', 'nt', 'host', 'win32', 'ldr', 'inspect'],
  cli: ['base', 'machine', 'pe', 'mm', 'nt', 'host', 'win32', 'ldr', 'inspect', '.'],
};

const FOLDERS = Object.keys(BELOW);
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\b[^'";]*?\bfrom\s*['"]([^'"]+)['"]|\bimport\s*\(?\s*['"]([^'"]+)['"]/g;
const HOST_DEPENDENT =
  /\bMath\.random\b|\bDate\.now\b|(?<!new )\bDate\(|\bnew Date\(\)|\bperformance\.now\b|\blocaleCompare\b|\btoLocale|\bIntl\./;

interface SourceFile {
  name: string;
  text: string;
  imports: string[];
}

function importsOf(text: string): string[] {
  return [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2]!);
}

function readSources(): SourceFile[] {
  return readdirSync(source, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.ts') && !name.startsWith('generated/') && !name.startsWith('testing/'))
    .sort()
    .map((name) => {
      const text = readFileSync(join(source, name), 'utf8');
      return { name, text, imports: importsOf(text) };
    });
}

function folderOf(name: string): string {
  return name.includes('/') ? name.slice(0, name.indexOf('/')) : '.';
}

function targetOf(file: string, specifier: string): string {
  return relative(source, join(source, dirname(file), specifier)).replaceAll('\\', '/');
}

const isTest = (file: SourceFile) => file.name.endsWith('.test.ts');
const touchesHost = (name: string) => name.startsWith('cli/') || /^host\/node[^/]*\.ts$/.test(name);
const isNodeModule = (specifier: string) =>
  specifier.startsWith('node:') || builtinModules.includes(specifier);

const files = readSources();
const product = files.filter((file) => !isTest(file));

/** 'file -> import' for each import of the files for which the check answers false. */
function offending(chosen: SourceFile[], allowed: (file: string, specifier: string) => boolean): string[] {
  return chosen.flatMap(({ name, imports }) =>
    imports.filter((specifier) => !allowed(name, specifier)).map((specifier) => `${name} -> ${specifier}`),
  );
}

describe('imports under src/', () => {
  it('are found in every form', () => {
    const text = `import a from 'a';\nimport { b,\n c } from "b";\nexport * from 'c';\nimport 'd';\nawait import('e');`;
    expect(importsOf(text)).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('reach Node only from the Node host and the command line', () => {
    expect(offending(product, (file, name) => touchesHost(file) || !isNodeModule(name))).toEqual([]);
  });

  it('reach the Node host only from the command line and src/node.ts', () => {
    const mayUse = (name: string) => touchesHost(name) || name === 'node.ts';
    const isNodeHost = (target: string) => /^host\/node[^/]*\.js$/.test(target);
    expect(offending(product, (file, name) => mayUse(file) || !isNodeHost(targetOf(file, name)))).toEqual([]);
  });

  it('go down only', () => {
    const downwards = (file: string, specifier: string) => {
      if (!specifier.startsWith('.')) return true;
      const from = folderOf(file);
      const to = folderOf(targetOf(file, specifier));
      return from === to || (BELOW[from] ?? []).includes(to);
    };
    expect(product.map(({ name }) => folderOf(name)).filter((folder) => !FOLDERS.includes(folder))).toEqual(
      [],
    );
    expect(offending(product, downwards)).toEqual([]);
  });

  it('name packages only where they belong: iced-x86 in one file, commander in the command line', () => {
    const packages = (pattern: RegExp) =>
      product.filter(({ imports }) => imports.some((name) => pattern.test(name))).map(({ name }) => name);
    expect(packages(/iced[-_]x86/).length).toBeLessThanOrEqual(1);
    expect(packages(/^commander$/).filter((name) => !name.startsWith('cli/'))).toEqual([]);
    const isExpected = (file: string, name: string) =>
      name.startsWith('.') || name === 'commander' || (touchesHost(file) && isNodeModule(name));
    expect(offending(product, isExpected)).toEqual([]);
  });

  it('keep the time, chance and locale of the host out of the core', () => {
    const core = product.filter(({ name }) => !touchesHost(name));
    expect(core.filter(({ text }) => HOST_DEPENDENT.test(text)).map(({ name }) => name)).toEqual([]);
  });

  it('keep tests out of the folder that the AssemblyScript compiler reads', () => {
    expect(files.filter((file) => isTest(file) && file.name.startsWith('machine/cpu/'))).toEqual([]);
  });
});
