import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ntmm } from '../src/testing/command-line.js';
import { mulberry32 } from '../src/testing/seed.js';

/** The npm package 7zip-bin: NTMM_7ZIP names its folder where it is not installed. */
function packageFolder(): string {
  const named = process.env['NTMM_7ZIP'];
  return named ?? dirname(createRequire(import.meta.url).resolve('7zip-bin/package.json'));
}

/** The package's program for this host; null where the only one is the Windows program itself. */
function hostProgram(folder: string): string | null {
  const system = { linux: `linux/${process.arch}`, darwin: `mac/${process.arch}` }[
    process.platform as string
  ];
  const program = system === undefined ? '' : join(folder, system, '7za');
  return existsSync(program) ? program : null;
}

const SLOW = 600_000;
let work = '';
let guest = '';
let host: string | null = null;

beforeAll(() => {
  const folder = packageFolder();
  work = mkdtempSync(join(tmpdir(), 'ntmm-sevenzip-'));
  guest = join(folder, 'win/x64/7za.exe');
  const program = hostProgram(folder);
  if (program !== null) {
    host = join(work, '7za');
    copyFileSync(program, host);
    chmodSync(host, 0o755);
  }
  makeInput(join(work, 'in'));
});

afterAll(() => rmSync(work, { recursive: true, force: true }));

/** A folder with sources, noise, an empty file, an empty folder, names beyond ASCII and times of their own. */
function makeInput(folder: string): void {
  mkdirSync(join(folder, 'sub/deep'), { recursive: true });
  mkdirSync(join(folder, 'nothing'));
  const examples = join(import.meta.dirname, '../src/win32/msvcrt');
  for (const name of readdirSync(examples).slice(0, 12))
    cpSync(join(examples, name), join(folder, 'sub', name));
  const random = mulberry32(7);
  writeFileSync(
    join(folder, 'noise.bin'),
    Uint8Array.from({ length: 30_000 }, () => random() & 0xff),
  );
  writeFileSync(join(folder, 'empty'), '');
  writeFileSync(join(folder, 'sub/deep/größe ☃.txt'), 'snow\n'.repeat(1000));
  for (const [index, name] of ['noise.bin', 'empty', 'sub/deep/größe ☃.txt'].entries())
    utimesSync(join(folder, name), 1_600_000_000 + index * 12_345, 1_600_000_000 + index * 12_345);
}

/** Runs the Windows program on a machine of ours, in the work folder; what it printed. */
async function packWithGuest(args: readonly string[], options: readonly string[] = []) {
  const result = await ntmm(['run', ...options, '--dir', '.', guest, ...args], { cwd: work });
  return { ...result, output: new TextDecoder().decode(result.stdout) };
}

/** Runs the program of the host, which must succeed. */
function runHost(...args: string[]): string {
  const result = spawnSync(host!, args, { cwd: work, encoding: 'utf8' });
  expect(result.status, result.stdout + result.stderr).toBe(0);
  return result.stdout;
}

/** Every file and folder below a folder: relative path, time of the last change in seconds, contents. */
function contentsOf(folder: string): Record<string, string> {
  const contents: Record<string, string> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length + 1);
    contents[name] = entry.isDirectory()
      ? 'folder'
      : `${Math.floor(statSync(path).mtimeMs / 1000)} ${readFileSync(path, 'latin1')}`;
  }
  return contents;
}

describe('7za.exe of the npm package 7zip-bin', () => {
  it.each([
    ['a.7z', '-mx1', '-mmt1'],
    ['a.7z', '-mx5', '-mmt4'],
    ['a.7z', '-m0=bzip2', '-mmt3'],
    ['a.7z', '-m0=ppmd'],
    ['a.zip'],
    ['a.tar'],
  ])('packs %s %s %s, and its peer unpacks the same files', { timeout: SLOW }, async (name, ...switches) => {
    const archive = `packed${switches.join('')}${name}`;
    const { status, output, stderr } = await packWithGuest(['a', ...switches, archive, 'in']);
    expect(stderr).toBe('');
    expect(output).toContain('Everything is Ok');
    expect(status).toBe(0);
    if (host === null) return;
    expect(runHost('t', archive)).toContain('Everything is Ok');
    runHost('x', '-y', `-oout-${archive}`, archive);
    expect(contentsOf(join(work, `out-${archive}`, 'in'))).toEqual(contentsOf(join(work, 'in')));
  });

  it.each(['b.7z', 'b.zip', 'b.tar'])(
    'lists, tests and unpacks %s of its peer',
    { timeout: SLOW },
    async (archive) => {
      if (host === null) expect((await packWithGuest(['a', archive, 'in'])).status).toBe(0);
      else runHost('a', archive, 'in');
      const listed = await packWithGuest(['l', '-sccUTF-8', archive]);
      expect(listed.output).toContain('in\\sub\\deep\\größe ☃.txt');
      expect(listed.output).toContain('in\\noise.bin');
      const tested = await packWithGuest(['t', archive]);
      expect(tested.output).toContain('Everything is Ok');
      const { status, stderr } = await packWithGuest(['x', '-y', `-oguest-${archive}`, archive]);
      expect([status, stderr]).toEqual([0, '']);
      expect(contentsOf(join(work, `guest-${archive}`, 'in'))).toEqual(contentsOf(join(work, 'in')));
    },
  );
});
