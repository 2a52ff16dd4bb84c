import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Report } from '../inspect/report.js';
import { inExampleFolder, ntmm } from '../testing/command-line.js';
import { exampleBytes, examplePath, exampleRuns } from '../testing/examples.js';
import { type Assembler, buildModule } from '../testing/module-builder.js';

const program = (name: string) => examplePath(`bin/${name}`);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'));

/** Some megabytes of lines: work for seconds. */
function writeLongInput(folder: string): string {
  const lines = Array.from({ length: 120_000 }, (_, index) => `${(index * 7919) % 104_729} line ${index}`);
  writeFileSync(join(folder, 'long.txt'), `${lines.join('\n')}\n`);
  return 'long.txt';
}

describe('ntmm run', () => {
  it.each(exampleRuns())('runs $program $args as expected', ({ program: name, args, ...run }) =>
    inExampleFolder(async (cwd) => {
      const { status, stdout, stderr } = await ntmm(['run', '--dir', '.', program(name), ...args], { cwd });
      expect(text(stdout)).toBe(text(exampleBytes(run.expected)));
      expect(status).toBe(run.exitCode > 255 ? 255 : run.exitCode);
      const code = `0x${run.exitCode.toString(16).toUpperCase()}`;
      if (run.exitCode > 255) expect(stderr).toContain(`${name} ended with ${code} (STATUS_`);
      else expect(stderr).toBe('');
      if (run.made !== null)
        expect(new Uint8Array(readFileSync(join(cwd, run.made.name)))).toEqual(
          exampleBytes(run.made.expected),
        );
    }),
  );

  it('writes a report to stderr, as text and as JSON, or to a file', () =>
    inExampleFolder(async (cwd) => {
      const human = await ntmm(['run', '--report', program('hello.exe')], { cwd });
      expect(human.stderr).toContain('Memory report: hello.exe');
      expect(text(human.stdout)).toBe(text(exampleBytes('hello/expected.txt')));
      const machine = await ntmm(['run', '--report=json', '--ram', '16M', program('hello.exe')], { cwd });
      const report = JSON.parse(machine.stderr) as Report;
      expect(report.exitCode).toBe(0);
      expect(Object.values(report.lists).reduce((sum, pages) => sum + pages, 0)).toBe(4096);
      const args = ['--report-file', 'r.json', '--pagefile', 'none', program('states.exe'), 'crash'];
      const crashed = await ntmm(['run', ...args], { cwd });
      expect(crashed.status).toBe(255);
      expect(json(join(cwd, 'r.json'))).toMatchObject({
        exitCode: 0xc0000005,
        commit: { limit: 64 * 2 ** 20 },
      });
      expect(crashed.stderr).not.toContain('Memory report');
    }));

  it('writes the same events in every run', () =>
    inExampleFolder(async (cwd) => {
      for (const ending of ['jsonl', 'json']) {
        const files = [`one.${ending}`, `two.${ending}`];
        for (const file of files) {
          const args = ['run', '--events', file, program('sort.exe'), 'lines.txt'];
          expect((await ntmm(args, { cwd })).status).toBe(0);
        }
        const [one, two] = files.map((file) => readFileSync(join(cwd, file), 'utf8'));
        expect(one!.length).toBeGreaterThan(10_000);
        expect(two).toBe(one);
      }
    }));

  it('writes events in both forms at once', () =>
    inExampleFolder(async (cwd) => {
      const files = ['--events', 'e.jsonl', '--events', 'e.json'];
      expect((await ntmm(['run', ...files, program('hello.exe')], { cwd })).status).toBe(0);
      const lines = readFileSync(join(cwd, 'e.jsonl'), 'utf8').trimEnd().split('\n');
      expect(JSON.parse(lines.at(-1)!)).toHaveProperty('kind');
      expect(json(join(cwd, 'e.json')).traceEvents.length).toBeGreaterThan(100);
      const twice = ['--events', 'e.json', '--events', 'e.json'];
      const { status, stderr } = await ntmm(['run', ...twice, program('hello.exe')], { cwd });
      expect(stderr).toContain('The same file is named twice');
      expect(status).toBe(64);
    }));

  it('pages to a file of the run when RAM is short, by either policy', () =>
    inExampleFolder(async (cwd) => {
      const input = writeLongInput(cwd);
      const { stdout } = await ntmm(['run', '--ram', '256M', program('sort.exe'), input], { cwd });
      for (const policy of ['aging', 'fifo']) {
        const flags = ['--ram', '8M', '--policy', policy, '--machine-dir', 'm', '--report=json'];
        const paged = await ntmm(['run', ...flags, program('sort.exe'), input], { cwd });
        expect(text(paged.stdout) === text(stdout)).toBe(true);
        expect(paged.status).toBe(0);
        expect(JSON.parse(paged.stderr).pageFile.pagesWritten).toBeGreaterThan(100);
        expect(existsSync(join(cwd, 'm'))).toBe(false);
      }
    }));

  it('proves the invariants while it runs', () =>
    inExampleFolder(async (cwd) => {
      const { status, stderr } = await ntmm(['run', '--verify', program('sort.exe'), 'lines.txt'], { cwd });
      expect(stderr).toMatch(/^ntmm: verify: [\d,]+ checks held in [2-9] passes$/m);
      expect(status).toBe(0);
    }));

  it('says what a program needs that is not there', () =>
    inExampleFolder(async (cwd) => {
      const entry = (code: Assembler) => code.enter().call('other.dll!Something').leave();
      const needy = buildModule({ name: 'needy.exe', imports: { 'other.dll': ['Something'] }, entry });
      writeFileSync(join(cwd, 'needy.exe'), needy);
      const { status, stderr } = await ntmm(['run', 'needy.exe'], { cwd });
      expect(stderr).toMatch(/other\.dll.*not found; 'ntmm imports needy\.exe' lists all that is missing/);
      expect(stderr).toContain('0xC0000135 (STATUS_DLL_NOT_FOUND)');
      expect(status).toBe(255);
      const imports = await ntmm(['imports', 'needy.exe'], { cwd });
      expect(imports.status).toBe(1);
      expect(text(imports.stdout)).toContain('missing: other.dll');
    }));

  it('ends a program that waits for ever', () =>
    inExampleFolder(async (cwd) => {
      const entry = (code: Assembler) => code.enter().first(0xffff_ffff).call('kernel32.dll!Sleep').leave();
      writeFileSync(
        join(cwd, 'wait.exe'),
        buildModule({ name: 'wait.exe', imports: { 'kernel32.dll': ['Sleep'] }, entry }),
      );
      const { status, stderr } = await ntmm(['run', 'wait.exe'], { cwd });
      expect(stderr).toMatch(/wait\.exe stopped after .*: every thread waits for what can no longer happen/);
      expect(status).toBe(124);
    }));

  it('places images by the seed', () =>
    inExampleFolder(async (cwd) => {
      const bases = [];
      for (const seed of ['1', '2', '1']) {
        const args = ['vmmap', '--json', '--seed', seed, '--at', '15000', program('hello.exe')];
        const { ranges } = JSON.parse(text((await ntmm(args, { cwd })).stdout));
        const image = ranges.find(({ details }: { details: string }) => details === 'C:\\app\\hello.exe');
        bases.push(image.address);
      }
      expect(bases[0]).toBe(bases[2]);
      expect(bases[0]).not.toBe(bases[1]);
    }));

  it('stops at a limit, with the report', () =>
    inExampleFolder(async (cwd) => {
      const args = ['--report-file', 'r.json', program('sort.exe'), 'lines.txt'];
      const limited = await ntmm(['run', '--max-instructions', '20k', ...args], { cwd });
      expect(limited.status).toBe(124);
      expect(limited.stderr).toContain('sort.exe stopped by --max-instructions after 20,000 instructions');
      expect(json(join(cwd, 'r.json'))).toMatchObject({ exitCode: null, instructions: 20_000 });
      const timed = await ntmm(['run', '--timeout', '0.3', program('sort.exe'), writeLongInput(cwd)], {
        cwd,
      });
      expect(timed.status).toBe(124);
      expect(timed.stderr).toMatch(/stopped by --timeout after [\d,]+ instructions/);
    }));

  it('stops at Ctrl-C, with the report', () =>
    inExampleFolder(async (cwd) => {
      const events = 'log.jsonl';
      const args = ['run', '--report', '--events', events, program('sort.exe'), writeLongInput(cwd)];
      const hasBegun = () => existsSync(join(cwd, events)) && statSync(join(cwd, events)).size > 0;
      const { status, signal, stderr } = await ntmm(args, { cwd, interruptWhen: hasBegun });
      expect(signal).toBeNull();
      expect(status).toBe(130);
      expect(stderr).toMatch(/sort\.exe stopped by SIGINT after/);
      expect(stderr).toContain('still running');
    }));

  it('ends quietly when nobody reads its output any more', () =>
    inExampleFolder(async (cwd) => {
      const args = ['run', program('sort.exe'), writeLongInput(cwd)];
      const { status, stderr } = await ntmm(args, { cwd, closeStdout: true });
      expect(status).toBe(141);
      expect(stderr).toBe('');
    }));

  it('leaves no folder behind and removes those of dead runs', () =>
    inExampleFolder(async (cwd) => {
      const machines = join(cwd, 'machines');
      mkdirSync(machines);
      const args = ['run', '--machine-dir', 'machines', program('hello.exe')];
      expect((await ntmm(args, { cwd })).status).toBe(0);
      expect(readdirSync(machines)).toEqual([]);
      const host = hostname().replaceAll(/[^\w.-]/g, '_') || 'host';
      mkdirSync(join(machines, `ntmm-${host}-2147483646-abc123`));
      mkdirSync(join(machines, `ntmm-${host}-${process.pid}-abc123`));
      mkdirSync(join(machines, 'ntmm-notes'));
      expect((await ntmm(args, { cwd })).status).toBe(0);
      expect(readdirSync(machines).sort()).toEqual(
        [`ntmm-${host}-${process.pid}-abc123`, 'ntmm-notes'].sort(),
      );
    }));
});

describe('the folders of a run', () => {
  it('refuse writes unless --dir allows them, and say which option would', () =>
    inExampleFolder(async (cwd) => {
      const widen = [program('widen.exe'), 'ascii.txt', 'wide.txt'];
      const refused = await ntmm(['run', ...widen], { cwd });
      expect(refused.status).not.toBe(0);
      expect(refused.stderr).toMatch(/a write to C:\\work was refused: .*--dir \./);
      expect(existsSync(join(cwd, 'wide.txt'))).toBe(false);
      const readOnly = await ntmm(['run', '--dir', '.:ro', ...widen], { cwd });
      expect(readOnly.stderr).toContain("leave ':ro' out");
      expect(existsSync(join(cwd, 'wide.txt'))).toBe(false);
    }));

  it('appear where --dir puts them', () =>
    inExampleFolder(async (cwd) => {
      mkdirSync(join(cwd, 'in'));
      mkdirSync(join(cwd, 'out'));
      writeFileSync(join(cwd, 'in', 'Text.TXT'), 'abc');
      const dirs = ['--dir', 'in=C:/in:ro', '--dir', 'out=D:\\out'];
      const args = ['run', ...dirs, program('widen.exe'), 'c:\\IN\\text.txt', 'D:/out/wide.txt'];
      const { status, stderr } = await ntmm(args, { cwd });
      expect(stderr).toBe('');
      expect(status).toBe(0);
      expect([...readFileSync(join(cwd, 'out', 'wide.txt'))].slice(-6)).toEqual([97, 0, 98, 0, 99, 0]);
    }));

  it('replace the current directory', () =>
    inExampleFolder(async (cwd) => {
      mkdirSync(join(cwd, 'other'));
      writeFileSync(join(cwd, 'other', 'only-here.txt'), 'b\na\n');
      const args = ['run', '--dir', 'other:ro', program('sort.exe'), 'only-here.txt'];
      const { status, stdout } = await ntmm(args, { cwd });
      expect(status).toBe(0);
      expect(text(stdout)).toMatch(/^a\r?\nb\r?\n/);
    }));
});

describe('refusals', () => {
  const image = exampleBytes('bin/hello.exe');
  const header = new DataView(image.buffer).getUint32(0x3c, true);

  /** hello.exe with a 16-bit field of its headers changed; the offset counts from the PE signature. */
  function changed(offset: number, value: number): Uint8Array {
    const bytes = image.slice();
    new DataView(bytes.buffer).setUint16(header + offset, value, true);
    return bytes;
  }

  it.each<[string, string[], number, RegExp]>([
    ['no program', ['run'], 64, /missing required argument 'program\.exe'/],
    [
      'an unknown option',
      ['run', '--rma', '64M', 'a.exe'],
      64,
      /unknown option '--rma'[^\n]*\n\(Did you mean --ram\?\)/,
    ],
    ['a bad size', ['run', '--ram', '64X', 'a.exe'], 64, /'64X' is invalid. Write a size such as 64M/],
    ['an unknown command', ['rum', 'a.exe'], 64, /unknown command 'rum'/],
    ['an unknown profile', ['run', '--profile', 'dos', 'a.exe'], 64, /nt10-x64/],
    ['a form of report', ['run', '--report=xml', 'a.exe'], 64, /text, json/],
    ['a kind of event file', ['run', '--events', 'a.txt', program('hello.exe')], 64, /\.jsonl/],
    ['a count apart from --verify', ['run', '--verify', '1', 'a.exe'], 127, /perhaps --verify=1\n/],
    ['a form apart from --report', ['run', '--report', 'json', 'a.exe'], 127, /perhaps --report=json\n/],
    [
      'a guest path without a drive',
      ['run', '--dir', '.=foo', program('hello.exe')],
      127,
      /\.=foo is not found; a Windows path after '=' begins with its drive: \.=C:\/foo/,
    ],
    [
      'a program that --dir hides',
      ['run', '--dir', '.=C:/APP', program('hello.exe')],
      126,
      /hello\.exe: a --dir hides its folder, C:\\app\n/,
    ],
    ['a missing program', ['run', 'nowhere.exe'], 127, /nowhere\.exe is not found/],
    [
      'a missing folder',
      ['run', '--dir', 'nowhere', program('hello.exe')],
      127,
      /folder nowhere is not found/,
    ],
    ['a folder as program', ['run', '.'], 126, /not a file/],
    ['a text as program', ['run', 'lines.txt'], 126, /cannot run lines\.txt: not an executable image/],
    ['a program of this host', ['run', process.execPath], 126, /Linux|macOS|cannot run/],
    [
      'a report nobody can write',
      ['run', '--report-file', 'no/r', program('hello.exe')],
      73,
      /^ntmm: cannot write no\/r[^\n]*\n$/,
    ],
    [
      'a command line that is too long',
      ['run', program('hello.exe'), 'x'.repeat(40_000)],
      64,
      /would have 40,0\d\d characters .* takes at most 32,767/,
    ],
    ['imports of a text', ['imports', 'lines.txt'], 126, /not an executable image/],
  ])('of %s', (_, args, status, message) =>
    inExampleFolder(async (cwd) => {
      const result = await ntmm(args, { cwd });
      expect(result.stderr).toMatch(message);
      expect(result.status).toBe(status);
    }),
  );

  it.each<[string, Uint8Array, RegExp]>([
    ['a GUI program', changed(24 + 68, 2), /it has windows/],
    ['a driver', changed(24 + 68, 1), /subsystem 1/],
    ['a DLL', changed(22, 0x2022), /it is a DLL/],
    ['a 32-bit program', changed(24, 0x10b), /it is a 32-bit program; this machine runs 64-bit ones/],
    ['a program for a 32-bit processor', changed(4, 0x14c), /it is a 32-bit program/],
    ['a truncated program', image.slice(0, 0x300), /cannot run p\.exe/],
    ['a program for another processor', changed(4, 0xaa64), /machine type 0xaa64/],
    ['an MS-DOS program', Uint8Array.of(0x4d, 0x5a, ...new Array<number>(100).fill(0)), /MS-DOS/],
    ['a script', new TextEncoder().encode('#!/bin/sh\n'), /it is a script/],
  ])('of %s, in one sentence', (_, bytes, message) =>
    inExampleFolder(async (cwd) => {
      writeFileSync(join(cwd, 'p.exe'), bytes);
      const { status, stderr } = await ntmm(['run', 'p.exe'], { cwd });
      expect(stderr).toMatch(message);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
      expect(status).toBe(126);
    }),
  );

  it('of the imports of a 32-bit program whose headers are odd', () =>
    inExampleFolder(async (cwd) => {
      writeFileSync(join(cwd, 'p.exe'), changed(4, 0x14c));
      const { status, stderr } = await ntmm(['imports', 'p.exe'], { cwd });
      expect(stderr).toMatch(/^ntmm: the imports of p\.exe cannot be read: it is a 32-bit program/);
      expect(status).toBe(126);
    }));

  it('do not mistake a program for a value', () =>
    inExampleFolder(async (cwd) => {
      writeFileSync(join(cwd, '1'), image);
      const { status, stderr } = await ntmm(['run', '--verify', '1'], { cwd });
      expect(stderr).toMatch(/checks held/);
      expect(status).toBe(0);
    }));
});

describe('ntmm imports and ntmm vmmap', () => {
  it('list what a program imports', () =>
    inExampleFolder(async (cwd) => {
      const { status, stdout } = await ntmm(['imports', program('sort.exe')], { cwd });
      expect(status).toBe(0);
      expect(text(stdout)).toMatch(/KERNEL32\.dll\n(.*\n)* +HeapCreate\n(.*\n)*.* all there/i);
      const { stdout: machine } = await ntmm(['imports', '--json', program('sort.exe')], { cwd });
      expect(JSON.parse(text(machine))).toMatchObject({ notRunnable: null, missing: [] });
    }));

  it('show an address space, the output of the program apart', () =>
    inExampleFolder(async (cwd) => {
      const { status, stdout, stderr } = await ntmm(['vmmap', program('hello.exe')], { cwd });
      expect(status).toBe(0);
      expect(stderr).toBe(text(exampleBytes('hello/expected.txt')));
      expect(text(stdout)).toMatch(/^Total +[\d,]+/m);
      expect(text(stdout)).toContain('C:\\app\\hello.exe');
    }));

  it('say when a program ended before --at', () =>
    inExampleFolder(async (cwd) => {
      const { status, stdout, stderr } = await ntmm(['vmmap', '--at', '1G', program('hello.exe')], { cwd });
      expect(status).toBe(0);
      expect(stderr).toMatch(/hello\.exe ended before --at, after [\d,]+ instructions; this is how it was/);
      expect(text(stdout)).toMatch(/^Total +[\d,]+/m);
    }));

  it('show it in the middle of a run as JSON', () =>
    inExampleFolder(async (cwd) => {
      const args = ['vmmap', '--at', '20k', '--json', program('sort.exe'), 'lines.txt'];
      const { status, stdout } = await ntmm(args, { cwd });
      expect(status).toBe(0);
      const map = JSON.parse(text(stdout));
      expect(map.instructions).toBe(20_000);
      const sizes = map.types.filter(({ type }: { type: string }) => type !== 'Page Table');
      expect(sizes.reduce((sum: number, { size }: { size: number }) => sum + size, 0)).toBe(0x7fff_fffe_0000);
    }));

  it('have a help that shows how', async () => {
    for (const args of [
      ['help'],
      ['help', 'run'],
      ['run', '--help'],
      ['help', 'imports'],
      ['help', 'vmmap'],
      ['help', 'rammap'],
      ['help', 'kd'],
    ]) {
      const { status, stdout } = await ntmm(args);
      expect(status).toBe(0);
      expect(text(stdout)).toMatch(/Examples:/);
    }
    expect((await ntmm([])).status).toBe(64);
    expect(text((await ntmm(['--version'])).stdout)).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
