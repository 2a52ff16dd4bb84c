import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Report } from '../inspect/report.js';
import { inExampleFolder, ntmm } from '../testing/command-line.js';
import { exampleBytes, examplePath } from '../testing/examples.js';

const program = (name: string) => examplePath(`bin/${name}`);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const expected = (name: string) => text(exampleBytes(name));
/** Which program's line comes first depends on whose pages are read first. */
const lines = (output: string) => output.split('\n').sort();
const also = (...programs: string[]) => programs.flatMap((line) => ['--also', line]);

describe('ntmm run --also', () => {
  it('runs four programs at once on one console; the status is the first one’s', () =>
    inExampleFolder(async (cwd) => {
      const others = also(
        `${program('sort.exe')} lines.txt`,
        `"${program('reserve.exe')}"`,
        `${program('states.exe')} crash`,
      );
      const args = ['run', '--verify', '--report-file', 'r.json', ...others, program('hello.exe')];
      const { status, stdout, stderr } = await ntmm(args, { cwd });
      const outputs = ['hello', 'sort', 'reserve', 'states'].map((name) => expected(`${name}/expected.txt`));
      expect(lines(text(stdout))).toEqual(lines(outputs.join('')));
      expect(status).toBe(0);
      expect(stderr).toContain('states.exe: unhandled exception 0xC0000005');
      expect(stderr).toMatch(/states\.exe ended with 0xC0000005 .*\nntmm: verify: [\d,]+ checks held/);
      const report = JSON.parse(readFileSync(join(cwd, 'r.json'), 'utf8')) as Report;
      expect(report.exitCode).toBe(0);
      expect(report.processes.map(({ image, exitCode }) => [image, exitCode])).toEqual([
        ['C:\\app\\hello.exe', 0],
        ['C:\\app\\sort.exe', 0],
        ['C:\\app\\reserve.exe', 0],
        ['C:\\app\\states.exe', 0xc0000005],
      ]);
      const total = report.processes.reduce((sum, { faults }) => sum + faults.total, 0);
      expect(total).toBeGreaterThan(0);
      expect(report.types).toEqual(report.processes[0]!.types);
    }));

  it('pages four programs that together need four times what there is', () =>
    inExampleFolder(async (cwd) => {
      const alone = await ntmm(['run', '--ram', '256M', program('sweep.exe'), '16'], { cwd });
      const sweep = `${program('sweep.exe')} 16`;
      const flags = ['--ram', '16M', '--report', ...also(sweep, sweep, sweep)];
      const { status, stdout, stderr } = await ntmm(['run', ...flags, program('sweep.exe'), '16'], { cwd });
      expect(status).toBe(0);
      const lines = (output: string) => output.trimEnd().split('\n').sort();
      expect(lines(text(stdout))).toEqual(lines(text(alone.stdout).repeat(4)));
      expect(stderr).toContain('Memory report: sweep.exe and 3 other processes');
      const rows = stderr.matchAll(/^ +\d+ {2}sweep\.exe +0 +[\d,]+ +([\d,]+) /gm);
      const hard = [...rows].map(([, faults]) => Number(faults!.replace(',', '')));
      expect(hard).toHaveLength(4);
      expect(Math.min(...hard)).toBeGreaterThan(1000);
    }));

  it('shows a program of another folder in C:\\app2', () =>
    inExampleFolder(async (cwd) => {
      mkdirSync(join(cwd, 'other programs'));
      copyFileSync(program('hello.exe'), join(cwd, 'other programs', 'b.exe'));
      copyFileSync(program('hello.exe'), join(cwd, 'c.exe'));
      const flags = ['--report-file', 'r.json', ...also('"other programs/b.exe" "one two"', 'c.exe')];
      const { stdout } = await ntmm(['run', ...flags, program('hello.exe'), 'three'], { cwd });
      expect(text(stdout)).toContain('argument 1: three\r\n');
      expect(text(stdout)).toContain('argument 1: one two\r\n');
      const { processes } = JSON.parse(readFileSync(join(cwd, 'r.json'), 'utf8')) as Report;
      expect(processes.map(({ image }) => image)).toEqual([
        'C:\\app\\hello.exe',
        'C:\\app2\\b.exe',
        'C:\\app3\\c.exe',
      ]);
    }));

  it('names the program that cannot be run', () =>
    inExampleFolder(async (cwd) => {
      const run = (line: string) => ntmm(['run', ...also(line), program('hello.exe')], { cwd });
      const missing = await run('nothing.exe x');
      expect(missing.stderr).toBe('ntmm: nothing.exe is not found\n');
      expect(missing.status).toBe(127);
      const noProgram = await run('lines.txt');
      expect(noProgram.stderr).toMatch(/^ntmm: cannot run lines\.txt: not an executable/);
      expect(noProgram.status).toBe(126);
      expect(text(noProgram.stdout)).toBe('');
      const many = also(...Array<string>(40).fill(program('hello.exe')));
      const full = await ntmm(['run', '--ram', '8M', ...many, program('hello.exe')], { cwd });
      expect(full.stderr).toMatch(/^ntmm: cannot run .*hello\.exe: .*STATUS_NO_MEMORY.*a larger --ram/);
      expect(full.status).toBe(126);
      const empty = await run(' ');
      expect(empty.stderr).toContain('Write a program and its arguments in quotes');
      expect(empty.status).toBe(64);
    }));

  it('names the programs that a limit stopped', () =>
    inExampleFolder(async (cwd) => {
      const flags = ['--max-instructions', '90M', ...also(`${program('sweep.exe')} 48`)];
      const { status, stderr } = await ntmm(['run', ...flags, program('hello.exe')], { cwd });
      expect(stderr).toContain('ntmm: sweep.exe stopped by --max-instructions after 90,000,000 instructions');
      expect(status).toBe(124);
    }));

  it('reports the processes that a program makes', () =>
    inExampleFolder(async (cwd) => {
      const flags = ['--report-file', 'r.json', '--verify', '--ram', '8M', '--events', 'e.json'];
      const { status, stdout } = await ntmm(['run', ...flags, program('spawn.exe')], { cwd });
      expect(text(stdout)).toBe(expected('spawn/expected.txt'));
      expect(status).toBe(0);
      const { processes } = JSON.parse(readFileSync(join(cwd, 'r.json'), 'utf8')) as Report;
      expect(processes.map(({ image, exitCode }) => [image, exitCode])).toEqual([
        ['C:\\app\\spawn.exe', 0],
        ['C:\\app\\spawn.exe', 30],
        ['C:\\app\\spawn.exe', 77],
      ]);
      const trace = JSON.parse(readFileSync(join(cwd, 'e.json'), 'utf8'));
      const names = trace.traceEvents.filter(({ name }: { name: string }) => name === 'process_name');
      for (const { pid } of processes)
        expect(names.some((event: { pid: number }) => event.pid === pid)).toBe(true);
    }));

  it('is seen by vmmap, rammap and kd', () =>
    inExampleFolder(async (cwd) => {
      const other = also(`${program('hello.exe')}`);
      const longer = also(`${program('sweep.exe')} 40`);
      const views = ['vmmap', 'rammap'].map((view) => [view, ...longer, program('sort.exe'), 'lines.txt']);
      const [vmmap, rammap] = await Promise.all(views.map((args) => ntmm(args, { cwd })));
      expect(text(vmmap!.stdout)).toContain('C:\\app\\sort.exe');
      expect(text(rammap!.stdout)).toContain('sort.exe');
      expect(text(rammap!.stdout)).toContain('sweep.exe');
      const script = '!process 0 0; g; !process 0 0';
      const { stdout } = await ntmm(['kd', '-c', script, ...other, program('sort.exe'), 'lines.txt'], {
        cwd,
      });
      expect(text(stdout).match(/Image: C:\\app\\hello\.exe/g)).toHaveLength(2);
      expect(text(stdout)).toContain('Process 006c (hello.exe) has ended: 0x00000000');
    }));

  it('gives the same events in every run', () =>
    inExampleFolder(async (cwd) => {
      const logs = [];
      for (const file of ['a.jsonl', 'b.jsonl']) {
        const flags = ['--events', file, '--ram', '8M', ...also(`${program('sort.exe')} lines.txt`)];
        expect((await ntmm(['run', ...flags, program('sweep.exe'), '4'], { cwd })).status).toBe(0);
        logs.push(readFileSync(join(cwd, file), 'utf8'));
      }
      expect(logs[1]).toBe(logs[0]);
      expect(new Set([...logs[0]!.matchAll(/"pid":(\d+)/g)].map(([, pid]) => pid)).size).toBeGreaterThan(2);
    }));
});
