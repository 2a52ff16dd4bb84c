import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Host } from '../host/host.js';
import { MemoryHost } from '../host/memory-host.js';
import { NodeHost } from '../host/node-host.js';
import { below, mulberry32, seedFor } from '../testing/seed.js';
import { makeTestKernel } from '../testing/test-kernel.js';
import { DELETE, GENERIC_READ, GENERIC_WRITE } from './access.js';
import { closeFileObject, openFileObject } from './create-file.js';
import { dosPathToNtPath } from './dos-path.js';
import { queryAttributesFile } from './file-information.js';
import type { FileObject } from './file-object.js';

const NOT_FOUND = 0xc0000034;
const PATH_NOT_FOUND = 0xc000003a;
const NAME_INVALID = 0xc0000033;
const NOT_A_DIRECTORY = 0xc0000103;
const ACCESS_DENIED = 0xc0000022;
const WRITE_PROTECTED = 0xc00000a2;
const BAD_NETWORK_PATH = 0xc00000be;
const TOO_LONG = 0xc0000106;

let outside = '';
let folder = '';

/** A folder to give, beside a secret; in it links of every kind. */
beforeAll(() => {
  outside = fs.mkdtempSync(path.join(os.tmpdir(), 'ntmm-outside-'));
  folder = path.join(outside, 'given');
  fs.mkdirSync(path.join(folder, 'sub'), { recursive: true });
  fs.writeFileSync(path.join(outside, 'secret.txt'), 'secret');
  fs.writeFileSync(path.join(folder, 'plain.txt'), 'plain');
  fs.writeFileSync(path.join(folder, 'sub', 'inner.txt'), 'inner');
  fs.symlinkSync(path.join(outside, 'secret.txt'), path.join(folder, 'link.txt'));
  fs.symlinkSync('../secret.txt', path.join(folder, 'relative-link.txt'));
  fs.symlinkSync(outside, path.join(folder, 'link-folder'));
  fs.symlinkSync('plain.txt', path.join(folder, 'inside-link.txt'));
  fs.symlinkSync('nowhere', path.join(folder, 'dangling.txt'));
  fs.writeFileSync(path.join(folder, '..\\secret.txt'), 'a name with a backslash');
});

afterAll(() => fs.rmSync(outside, { recursive: true, force: true }));

function makeWorld(writable = true) {
  const { kernel } = makeTestKernel();
  const host = new NodeHost();
  kernel.fileSystem.mount('C:\\work', host, host.addRoot(folder), writable);
  const open = (ntPath: string, access = GENERIC_READ, disposition = 1, options = 0) =>
    openFileObject(kernel, { path: ntPath, access, share: 7, disposition, options }, { information: 0 });
  const openDos = (dosPath: string, access?: number, disposition?: number, options?: number) => {
    const ntPath = dosPathToNtPath(dosPath, 'C:\\work');
    return ntPath === null ? 'empty' : open(ntPath, access, disposition, options);
  };
  return { kernel, open, openDos };
}

/** What an open gives: the guest path, or the status in hexadecimal. */
function outcome(opened: FileObject | number | string): string {
  if (typeof opened === 'number') return opened.toString(16);
  return typeof opened === 'string' ? opened : opened.path;
}

describe('a guest cannot leave its folders', () => {
  it.each<[string, number | string]>([
    ['plain.txt', 'C:\\work\\plain.txt'],
    ['PLAIN.TXT', 'C:\\work\\plain.txt'],
    ['.\\sub\\..\\plain.txt', 'C:\\work\\plain.txt'],
    ['sub/inner.txt', 'C:\\work\\sub\\inner.txt'],
    ['C:/work//sub\\\\inner.txt', 'C:\\work\\sub\\inner.txt'],
    ['plain.txt.', 'C:\\work\\plain.txt'],
    ['plain.txt. . ', 'C:\\work\\plain.txt'],
    ['plain.txt::$DATA', 'C:\\work\\plain.txt'],
    ['\\\\?\\C:\\work\\plain.txt', 'C:\\work\\plain.txt'],
    ['\\\\.\\C:\\work\\plain.txt', 'C:\\work\\plain.txt'],
    ['..\\secret.txt', NOT_FOUND],
    ['..\\..\\..\\..\\etc\\passwd', PATH_NOT_FOUND],
    ['sub\\..\\..\\secret.txt', NOT_FOUND],
    ['\\etc\\passwd', PATH_NOT_FOUND],
    ['/etc/passwd', PATH_NOT_FOUND],
    ['C:\\etc\\passwd', PATH_NOT_FOUND],
    ['D:\\secret.txt', PATH_NOT_FOUND],
    ['Z:\\', PATH_NOT_FOUND],
    ['\\\\?\\C:\\work\\..\\secret.txt', NAME_INVALID],
    ['\\\\?\\C:\\work\\.\\plain.txt', NAME_INVALID],
    ['\\\\?\\C:\\work\\sub/../../secret.txt', NAME_INVALID],
    ['\\\\?\\C:\\work\\\\plain.txt', NAME_INVALID],
    ['\\\\?\\C:\\work\\plain.txt.', NAME_INVALID],
    ['\\\\?\\C:\\work\\plain.txt ', NAME_INVALID],
    ['\\\\?\\C:', NAME_INVALID],
    ['\\\\.\\C:\\work\\..\\..\\secret.txt', NOT_FOUND],
    ['\\\\.\\C:\\..\\etc\\passwd', PATH_NOT_FOUND],
    ['\\\\localhost\\c$\\work\\plain.txt', BAD_NETWORK_PATH],
    ['\\\\?\\UNC\\localhost\\c$\\x', BAD_NETWORK_PATH],
    ['\\\\?\\GLOBALROOT\\Device\\HarddiskVolume1\\x', PATH_NOT_FOUND],
    ['\\\\.\\PhysicalDrive0', NOT_FOUND],
    ['\\\\.\\GLOBALROOT', NOT_FOUND],
    ['\\\\.\\pipe\\x', NOT_FOUND],
    ['COM1', NOT_FOUND],
    ['sub\\lpt1.txt', NOT_FOUND],
    ['aux', NOT_FOUND],
    ['plain.txt:stream', NAME_INVALID],
    ['plain.txt:stream:$DATA', NAME_INVALID],
    ['sub::$INDEX_ALLOCATION', NAME_INVALID],
    ['link.txt', ACCESS_DENIED],
    ['relative-link.txt', ACCESS_DENIED],
    ['inside-link.txt', ACCESS_DENIED],
    ['dangling.txt', ACCESS_DENIED],
    ['LINK.TXT', ACCESS_DENIED],
    ['link-folder\\secret.txt', ACCESS_DENIED],
    ['link-folder\\given\\plain.txt', ACCESS_DENIED],
    ['link-folder', ACCESS_DENIED],
    ['plain.txt\\x', NOT_A_DIRECTORY],
    ['plain.txt\\', NAME_INVALID],
    ['nowhere.txt', NOT_FOUND],
    ['nowhere\\x.txt', PATH_NOT_FOUND],
    ['pl?in.txt', NAME_INVALID],
    ['*.txt', NAME_INVALID],
    ['pl\u0000ain.txt', NAME_INVALID],
    ['pl\u0001ain.txt', NAME_INVALID],
    ['pl\ud800ain.txt', NAME_INVALID],
    ['"plain.txt"', NAME_INVALID],
    ['<plain.txt', NAME_INVALID],
    ['', 'empty'],
    [`${'x'.repeat(256)}.txt`, NAME_INVALID],
    ['\u00e4'.repeat(200), NAME_INVALID],
    [`\\\\?\\C:\\work\\${'x\\'.repeat(20_000)}`, TOO_LONG],
    ['NUL', '\\Device\\Null'],
    ['C:\\work\\nul.txt', '\\Device\\Null'],
    ['CONIN$', 'CONIN$'],
  ])('%j', (dosPath, expected) => {
    const { kernel, openDos } = makeWorld();
    expect(outcome(openDos(dosPath))).toBe(typeof expected === 'number' ? expected.toString(16) : expected);
    const written = openDos(dosPath, GENERIC_READ | GENERIC_WRITE | DELETE);
    if (typeof expected === 'number') expect(outcome(written)).toBe(expected.toString(16));
    const ntPath = dosPathToNtPath(dosPath, 'C:\\work');
    if (ntPath !== null && typeof expected === 'number')
      expect(typeof queryAttributesFile(kernel, ntPath)).toBe('number');
    expect(fs.readFileSync(path.join(outside, 'secret.txt'), 'utf8')).toBe('secret');
  });

  it.each<[string, number]>([
    ['..\\new.txt', ACCESS_DENIED],
    ['C:\\new.txt', ACCESS_DENIED],
    ['C:\\Windows\\System32\\new.dll', WRITE_PROTECTED],
    ['link-folder\\new.txt', ACCESS_DENIED],
    ['dangling.txt', ACCESS_DENIED],
    ['link.txt', ACCESS_DENIED],
    ['new.txt:stream', NAME_INVALID],
    ['\\\\?\\C:\\work\\new.txt\\', NAME_INVALID],
  ])('nor create %j', (dosPath, expected) => {
    const before = fs.readdirSync(outside, { recursive: true }).sort();
    for (const disposition of [0, 2, 3, 5]) {
      const { openDos } = makeWorld();
      const status = outcome(openDos(dosPath, GENERIC_WRITE, disposition));
      expect([expected.toString(16), 'c0000035']).toContain(status);
    }
    expect(fs.readdirSync(outside, { recursive: true }).sort()).toEqual(before);
    expect(fs.readFileSync(path.join(outside, 'secret.txt'), 'utf8')).toBe('secret');
  });

  it('in a read-only folder it changes nothing, and the refusal is noted', () => {
    const { kernel, openDos } = makeWorld(false);
    for (const [name, access, disposition, options] of [
      ['plain.txt', GENERIC_WRITE, 1, 0],
      ['plain.txt', DELETE, 1, 0x1000],
      ['plain.txt', GENERIC_READ, 5, 0],
      ['new.txt', GENERIC_WRITE, 2, 0],
      ['new-folder', GENERIC_READ, 2, 1],
      ['sub', DELETE, 1, 1],
    ] as const)
      expect(outcome(openDos(name, access, disposition, options))).toBe(WRITE_PROTECTED.toString(16));
    expect(kernel.fileSystem.refusedWrites).toEqual(['C:\\work']);
    expect(kernel.fileSystem.openFiles.size).toBe(0);
    expect(fs.readFileSync(path.join(folder, 'plain.txt'), 'utf8')).toBe('plain');
  });

  it('with 20,000 random paths it sees nothing but what is in its folders', () => {
    const random = mulberry32(seedFor('random paths'));
    const pieces = [
      '..',
      '.',
      '\\',
      '/',
      'C:',
      'c:\\',
      '\\\\?\\',
      '\\\\.\\',
      'sub',
      'plain.txt',
      'link-folder',
      'link.txt',
    ];
    pieces.push(
      'GLOBALROOT',
      ':',
      '::$DATA',
      ' ',
      'secret.txt',
      'given',
      'etc',
      'passwd',
      '*',
      'NUL',
      'work',
      '\u0000',
    );
    const { openDos, kernel } = makeWorld();
    for (let round = 0; round < 20_000; round++) {
      const length = 1 + below(random, 8);
      const text = Array.from({ length }, () => pieces[below(random, pieces.length)]).join('');
      const opened = openDos(text);
      if (typeof opened !== 'object') continue;
      if (opened.file) {
        const bytes = new Uint8Array(6);
        const content = new TextDecoder().decode(bytes.subarray(0, opened.file.read(0, bytes)));
        expect(['plain', 'inner'], JSON.stringify(text)).toContain(content);
      }
      closeFileObject(kernel, opened);
    }
    expect(kernel.fileSystem.openFiles.size).toBe(0);
  });
});

describe.each<[string, () => { host: Host; root: number }]>([
  [
    'Node host',
    () => {
      const host = new NodeHost();
      return { host, root: host.addRoot(fs.mkdtempSync(path.join(outside, 'h-'))) };
    },
  ],
  [
    'memory host',
    () => {
      const host = new MemoryHost();
      return { host, root: host.addRoot() };
    },
  ],
])('%s', (_name, make) => {
  it('keeps, finds, lists, moves and removes files alike', () => {
    const { host, root } = make();
    host.makeDirectory(root, ['Dir']);
    const file = host.open(root, ['dir', 'b.txt'], 'write', 'create-new');
    host.write(file, 4, Uint8Array.of(1, 2, 3));
    const target = new Uint8Array(10);
    expect(host.read(file, 0, target)).toBe(7);
    expect([...target]).toEqual([0, 0, 0, 0, 1, 2, 3, 0, 0, 0]);
    host.truncate(file, 5);
    expect(host.size(file)).toBe(5);
    host.flush(file);
    host.close(file);
    host.close(host.open(root, ['DIR', 'A.txt'], 'write', 'open-or-create'));
    expect(host.list(root, ['dir']).map(({ name, size }) => [name, size])).toEqual([
      ['A.txt', 0],
      ['b.txt', 5],
    ]);
    host.setReadOnly(root, ['dir', 'a.txt'], true);
    expect(host.lookup(root, ['dir', 'a.txt'])?.readOnly).toBe(true);
    host.setReadOnly(root, ['dir', 'a.txt'], false);
    host.setModified(root, ['dir', 'a.TXT'], 1_000_000_000_000);
    expect(host.lookup(root, ['dir', 'a.txt'])).toEqual({
      kind: 'file',
      size: 0,
      modifiedMs: 1_000_000_000_000,
      name: 'A.txt',
      readOnly: false,
    });
    expect(() => host.open(root, ['dir', 'a.txt'], 'read', 'create-new')).toThrow(/exists/i);
    expect(() => host.rename(root, ['dir', 'a.txt'], ['dir', 'b.txt'], false)).toThrow(/exists/);
    host.rename(root, ['dir', 'b.txt'], ['c.txt'], false);
    expect(() => host.remove(root, ['dir'])).toThrow();
    host.remove(root, ['dir', 'a.txt']);
    host.remove(root, ['dir']);
    expect(host.list(root, []).map(({ name }) => name)).toEqual(['c.txt']);
    expect(host.lookup(root, ['dir'])).toBeNull();
  });
});
