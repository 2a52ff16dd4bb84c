import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import {
  addMachineOptions,
  completeOptionalValues,
  type MachineFlags,
  optionalValue,
  parseAlso,
  parseCount,
  parseDirectory,
  parsePageFile,
  parseRam,
  parseSeconds,
  parseSeed,
  parseSize,
} from './options.js';

const MIB = 2 ** 20;

describe('sizes', () => {
  it.each([
    ['65536', 65536],
    ['64K', 65536],
    ['64M', 64 * MIB],
    ['64mb', 64 * MIB],
    ['64MiB', 64 * MIB],
    ['1G', 1024 * MIB],
    ['1.5G', 1536 * MIB],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['', 'M', '-1M', '64X', '64 M', '0x100', '1e6', 'Infinity', '100'])('%j is refused', (text) => {
    expect(() => parseSize(text)).toThrow();
  });

  it('of RAM lie between 8M and 3G', () => {
    expect(parseRam('8M')).toBe(8 * MIB);
    expect(parseRam('3G')).toBe(3072 * MIB);
    expect(() => parseRam('4M')).toThrow(/at least 8M/);
    expect(() => parseRam('4G')).toThrow(/at most 3G/);
  });
});

describe('--also', () => {
  it('takes a program and the rest of its command line as it is, and gathers', () => {
    const first = parseAlso('sort.exe  -n "a b.txt"', undefined);
    expect(first).toEqual([{ program: 'sort.exe', rest: '  -n "a b.txt"' }]);
    expect(parseAlso(' "my programs/b.exe" x', first)).toEqual([
      ...first,
      { program: 'my programs/b.exe', rest: ' x' },
    ]);
    expect(parseAlso('b.exe', undefined)).toEqual([{ program: 'b.exe', rest: '' }]);
  });

  it.each(['', '  ', '"', '""', '"a.exe', 'a"b".exe', '"a.exe"x'])('%j is refused', (text) => {
    expect(() => parseAlso(text, undefined)).toThrow(/its arguments in quotes/);
  });
});

describe('--pagefile', () => {
  it('takes an initial size and a maximum, and gathers', () => {
    const first = parsePageFile('16M:1G', undefined);
    expect(parsePageFile('8M', first)).toEqual([
      { initial: 16 * MIB, maximum: 1024 * MIB },
      { initial: 8 * MIB, maximum: 8 * MIB },
    ]);
  });

  it('takes none, alone', () => {
    expect(parsePageFile('none', undefined)).toEqual([]);
    expect(() => parsePageFile('8M', [])).toThrow(/'none'/);
    expect(() => parsePageFile('none', parsePageFile('8M', undefined))).toThrow(/'none'/);
  });

  it('refuses what cannot be', () => {
    expect(() => parsePageFile('16M:8M', undefined)).toThrow(/below/);
    expect(() => parsePageFile('1M:2M:3M', undefined)).toThrow(/INITIAL:MAXIMUM/);
    expect(() => parsePageFile('64K', undefined)).toThrow(/at least 1M/);
    const sixteen = Array.from({ length: 16 }, () => ({ initial: MIB, maximum: MIB }));
    expect(() => parsePageFile('1M', sixteen)).toThrow(/16/);
  });
});

describe('--dir', () => {
  it.each([
    ['.', '.', 'C:\\work', true],
    ['data:ro', 'data', 'C:\\work', false],
    ['/a/b=C:\\data', '/a/b', 'C:\\data', true],
    ['x=c:/data/in/:ro', 'x', 'C:\\data\\in', false],
    ['x=D:/', 'x', 'D:\\', true],
    ['a=b=C:/d/../e', 'a=b', 'C:\\e', true],
  ])('%s', (text, host, guest, writable) => {
    expect(parseDirectory(text, undefined)).toEqual([{ host, guest, writable }]);
  });

  it.each([
    ['=C:/x', /Name a folder|Windows path/],
    ['', /Name a folder/],
    ['x=C:data', /has its drive and a slash/],
    ['x=D:', /has its drive and a slash: HOST=C:\/data, HOST=D:\//],
    ['x=C:/a*b', /not a Windows path/],
    ['x=C:/Windows/System32', /made by the machine/],
    ['x=C:/app/../windows', /made by the machine/],
  ])('%j is refused', (text, message) => {
    expect(() => parseDirectory(text, undefined)).toThrow(message);
  });

  it.each([
    ['a', 'b', /Only one folder can be the current directory/],
    ['a', 'b=c:/WORK', /Only one folder can be C:\\WORK/],
    ['a=C:/data', 'b=C:/Data/:ro', /Only one folder can be C:\\Data/],
  ])('%s and %s are one place for two folders', (first, second, message) => {
    expect(() => parseDirectory(second, parseDirectory(first, undefined))).toThrow(message);
  });

  it('takes folders for several places', () => {
    const folders = parseDirectory('b=C:/work/b', parseDirectory('a', undefined));
    expect(folders.map(({ guest }) => guest)).toEqual(['C:\\work', 'C:\\work\\b']);
  });
});

describe('numbers', () => {
  it('count instructions and quanta', () => {
    expect(parseCount('5000000')).toBe(5_000_000);
    expect(parseCount('5M')).toBe(5_000_000);
    expect(parseCount('1.5k')).toBe(1500);
    for (const text of ['0', '-1', 'x', '', '1e3', '9999999T']) expect(() => parseCount(text)).toThrow();
  });

  it('give seeds and seconds', () => {
    expect(parseSeed('0')).toBe(0);
    expect(parseSeed('0xff')).toBe(255);
    expect(() => parseSeed('4294967296')).toThrow();
    expect(() => parseSeed('1.5')).toThrow();
    expect(parseSeconds('0.5')).toBe(0.5);
    for (const text of ['0', '-1', 'ten', '1e2']) expect(() => parseSeconds(text)).toThrow();
  });
});

describe('options that may stand without a value', () => {
  const command = addMachineOptions(
    new Command('run')
      .addOption(optionalValue('--report', 'form', 'a report').choices(['text', 'json']))
      .addOption(optionalValue('--verify', 'n', 'prove').argParser(parseCount)),
  );
  const completed = (args: string[]) =>
    completeOptionalValues(command, args, { '--report': 'text', '--verify': '1' });
  const complete = (args: string[]) => completed(args).args;

  it('do not take the program for their value', () => {
    expect(complete(['--report', 'a.exe', '--report'])).toEqual(['--report=text', 'a.exe', '--report']);
    expect(complete(['--ram', '64M', '--verify', 'a.exe'])).toEqual(['--ram', '64M', '--verify=1', 'a.exe']);
  });

  it('keep a value that is written', () => {
    expect(complete(['--report=json', '--verify=8', 'a.exe'])).toEqual([
      '--report=json',
      '--verify=8',
      'a.exe',
    ]);
  });

  it('end where the program or -- begins', () => {
    expect(complete(['--', '--report'])).toEqual(['--', '--report']);
    expect(complete(['--machine-dir', '--report', 'a.exe'])).toEqual(['--machine-dir', '--report', 'a.exe']);
  });

  it('tell a value of its own from a program', () => {
    const detached = (line: string) => completed(line.split(' ')).detached;
    expect(detached('--verify 1 a.exe')).toEqual({ option: '--verify', word: '1' });
    expect(detached('--ram 8M --report json a.exe')).toEqual({ option: '--report', word: 'json' });
    for (const line of [
      '--verify a.exe 1',
      '--report 1 a.exe',
      '--verify=1 1',
      '--report --ram 8M json',
      '--ram 8M 1',
    ])
      expect(detached(line), line).toBeNull();
  });

  it('stand in the help as they are written', () => {
    const help = command.helpInformation();
    expect(help).toContain('--report[=form]');
    expect(help).toContain('--verify[=n]');
  });

  it('leave the defaults of a machine', () => {
    const flags = addMachineOptions(new Command()).parse([], { from: 'user' }).opts<MachineFlags>();
    expect(flags).toEqual({ profile: 'nt10-x64', ram: 64 * MIB, disk: 'ssd', policy: 'aging', seed: 1 });
  });
});
