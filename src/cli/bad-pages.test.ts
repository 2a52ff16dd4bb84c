import { describe, expect, it } from 'vitest';
import { inExampleFolder, ntmm } from '../testing/command-line.js';
import { examplePath } from '../testing/examples.js';
import { badPages, parseBadPage } from './bad-pages.js';

const MIB = 2 ** 20;
const program = (name: string) => examplePath(`bin/${name}`);

describe('--bad-page', () => {
  it('takes numbers and ranges, each page once', () => {
    const ranges = parseBadPage('0x10-17', parseBadPage('100', parseBadPage('16', undefined)));
    expect(ranges).toEqual([
      { first: 16, last: 16 },
      { first: 100, last: 100 },
      { first: 16, last: 17 },
    ]);
    expect(badPages(ranges, 8 * MIB)).toEqual([16, 100, 17]);
  });

  it.each(['', 'x', '-1', '1-', '-', '1.5', '1-2-3', '0x', '1e3', '12345678901'])('%j is refused', (text) => {
    expect(() => parseBadPage(text, undefined)).toThrow(/number of a page of RAM or a range/);
  });

  it('has its range in order, in RAM, and leaves enough of that', () => {
    expect(() => parseBadPage('9-3', undefined)).toThrow(/ends before it begins/);
    expect(badPages([{ first: 2047, last: 2047 }], 8 * MIB)).toEqual([2047]);
    expect(() => badPages([{ first: 2000, last: 2048 }], 8 * MIB)).toThrow(
      '--bad-page 2048: the RAM has 2,048 pages, 0 to 2047',
    );
    expect(() => badPages([{ first: 0, last: 999_999_999 }], 8 * MIB)).toThrow(/the RAM has/);
    expect(() => badPages([{ first: 0, last: 1024 }], 8 * MIB)).toThrow(
      '--bad-page leaves 1,023 of 2,048 pages of RAM; the machine needs at least 1,024',
    );
  });

  it('is shown as bad RAM, and the program runs as ever', () =>
    inExampleFolder(async (cwd) => {
      const flags = ['--ram', '8M', '--bad-page', '0-499', '--bad-page', '2047', '--report=json', '--verify'];
      const run = await ntmm(['run', ...flags, program('sort.exe'), 'lines.txt'], { cwd });
      expect(run.status).toBe(0);
      const plain = await ntmm(['run', '--ram', '8M', '--report=json', program('sort.exe'), 'lines.txt'], {
        cwd,
      });
      expect(run.stdout).toEqual(plain.stdout);
      const report = JSON.parse(run.stderr.slice(run.stderr.indexOf('{')));
      expect(report.lists.bad).toBe(501);
      expect(JSON.parse(plain.stderr).commit.limit - report.commit.limit).toBe(501 * 4096);
      const flagsOfMap = ['--ram', '8M', '--bad-page', '0-499', '--json'];
      const map = await ntmm(['rammap', ...flagsOfMap, program('hello.exe')], { cwd });
      const { uses } = JSON.parse(new TextDecoder().decode(map.stdout));
      expect(uses.find(({ use }: { use: string }) => use === 'Unused').pages.bad).toBe(500);
    }));

  it('that cannot be is a usage error', () =>
    inExampleFolder(async (cwd) => {
      for (const [flag, message] of [
        ['20000', '--bad-page 20000: the RAM has 16,384 pages, 0 to 16383'],
        ['0-16000', '--bad-page leaves 383 of 16,384 pages of RAM'],
        ['x', 'number of a page of RAM'],
      ] as const) {
        const { status, stderr } = await ntmm(['run', '--bad-page', flag, program('hello.exe')], { cwd });
        expect(stderr).toContain(message);
        expect(status).toBe(64);
      }
    }));

  it('may leave as little as a machine needs', () =>
    inExampleFolder(async (cwd) => {
      const { status } = await ntmm(['run', '--bad-page', '0-15359', program('hello.exe')], { cwd });
      expect(status).toBe(0);
    }));
});
