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
  writeFileSync(join(folder, 'read only.txt'), 'not to be written', { mode: 0o444 });
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

  it('keeps a file read only on the way through an archive', { timeout: SLOW }, async () => {
    expect((await packWithGuest(['a', 'ro.7z', 'in'])).status).toBe(0);
    expect((await packWithGuest(['x', '-oro', 'ro.7z'])).status).toBe(0);
    expect(statSync(join(work, 'ro/in/read only.txt')).mode & 0o222).toBe(0);
    expect(statSync(join(work, 'ro/in/empty')).mode & 0o200).toBe(0o200);
  });

  it('packs the same with large pages, which are refused as an ordinary user is refused', {
    timeout: SLOW,
  }, async () => {
    expect((await packWithGuest(['a', '-mx1', 'small-pages.7z', 'in'])).status).toBe(0);
    expect((await packWithGuest(['a', '-mx1', '-slp', 'large-pages.7z', 'in'])).status).toBe(0);
    const [small, large] = ['small-pages.7z', 'large-pages.7z'].map((name) => readFileSync(join(work, name)));
    expect(large!.equals(small!)).toBe(true);
  });

  it('packs the same in large pages when the account may lock memory', { timeout: SLOW }, async () => {
    const pack = async (archive: string, options: readonly string[]) => {
      const report = join(work, `${archive}.json`);
      const reporting = ['--ram', '256M', '--report=json', '--report-file', report, ...options];
      const { status } = await packWithGuest(['a', '-mx5', '-mmt1', '-slp', archive, 'in'], reporting);
      expect(status).toBe(0);
      return (JSON.parse(readFileSync(report, 'utf8')) as Report).faults.demandZero;
    };
    const small = await pack('small.7z', []);
    const large = await pack('large.7z', ['--privilege', 'lock-memory']);
    expect(readFileSync(join(work, 'large.7z')).equals(readFileSync(join(work, 'small.7z')))).toBe(true);
    expect(large).toBeLessThan(small / 2);
  });

  it('encrypts, and opens with the right password alone', { timeout: SLOW }, async () => {
    expect((await packWithGuest(['a', '-mx1', '-psecret', '-mhe=on', 'locked.7z', 'in/sub'])).status).toBe(0);
    expect((await packWithGuest(['t', '-psecret', 'locked.7z'])).output).toContain('Everything is Ok');
    const wrong = await packWithGuest(['t', '-pwrong', 'locked.7z']);
    expect([wrong.status, wrong.stderr.includes('Wrong password')]).toEqual([2, true]);
    if (host !== null) expect(runHost('t', '-psecret', 'locked.7z')).toContain('Everything is Ok');
  });

  it('adds to, updates and deletes from an archive', { timeout: SLOW }, async () => {
    for (const args of [
      ['a', 'changed.7z', 'in/empty'],
      ['a', 'changed.7z', 'in/sub/deep'],
      ['u', 'changed.7z', 'in'],
      ['d', 'changed.7z', 'in/noise.bin'],
    ])
      expect((await packWithGuest(args)).status, args.join(' ')).toBe(0);
    const { output } = await packWithGuest(['l', '-sccUTF-8', 'changed.7z']);
    expect(output).toContain('größe ☃.txt');
    expect(output).not.toContain('noise.bin');
  });
});

/** The whole benchmark is 34 thousand million instructions: NTMM_SLOW=1 lets it end, else its beginning runs. */
describe('7za.exe b', () => {
  it('measures a machine that runs an instruction each nanosecond', { timeout: 3 * SLOW }, async () => {
    const whole = process.env['NTMM_SLOW'] !== undefined;
    const { status, output } = await packWithGuest(
      ['b', '1', '-md18'],
      whole ? [] : ['--max-instructions', '3000000000'],
    );
    expect(output).toMatch(/CPU Freq \(MHz\): +98\d/);
    if (!whole) return;
    expect(status).toBe(0);
    expect(output).toMatch(/^Tot: +100 +\d+ +\d+/m);
  });
});

/** What a report says of the machine's memory. */
interface Report {
  readonly instructions: number;
  readonly faults: { readonly pageFileRead: number; readonly demandZero: number };
  readonly pageFile: { readonly pagesRead: number; readonly pagesWritten: number };
}

describe('7za.exe with little memory', () => {
  async function pack(ram: string, archive: string, ...switches: string[]): Promise<Report> {
    const report = join(work, `${archive}.json`);
    const options = ['--ram', ram, '--report=json', '--report-file', report];
    const { status, stderr } = await packWithGuest(
      ['a', '-mmt1', ...switches, archive, 'in', 'text'],
      options,
    );
    expect([status, stderr]).toEqual([0, '']);
    return JSON.parse(readFileSync(report, 'utf8')) as Report;
  }

  const same = (left: string, right: string) =>
    readFileSync(join(work, left)).equals(readFileSync(join(work, right)));

  beforeAll(() => {
    const random = mulberry32(11);
    const words = Array.from({ length: 4000 }, () => random().toString(36));
    const text = Array.from({ length: 160_000 }, () => words[random() % words.length]).join(' ');
    writeFileSync(join(work, 'text'), text);
  });

  it('packs with 24 MB as with 256 MB', { timeout: SLOW }, async () => {
    await pack('24M', 'fast-24.7z', '-mx1');
    await pack('256M', 'fast-256.7z', '-mx1');
    expect(same('fast-24.7z', 'fast-256.7z')).toBe(true);
  });

  it('packs the same when its dictionary does not fit, and the report shows the paging', {
    timeout: SLOW,
  }, async () => {
    const paged = await pack('10M', 'paged.7z', '-mx5');
    const roomy = await pack('256M', 'roomy.7z', '-mx5');
    expect(same('paged.7z', 'roomy.7z')).toBe(true);
    expect(roomy.pageFile.pagesWritten).toBe(0);
    expect(paged.pageFile.pagesWritten).toBeGreaterThan(100);
    expect(paged.faults.pageFileRead).toBeGreaterThan(100);
  });
});
