import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inExampleFolder, ntmm } from '../testing/command-line.js';
import { exampleBytes, examplePath } from '../testing/examples.js';
import { type Assembler, buildModule } from '../testing/module-builder.js';

const program = (name: string) => examplePath(`bin/${name}`);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** The machine's folder is made shortly before the run begins; a check comes every 20 ms. */
const CHECKS_BEFORE_INTERRUPT = 40;

describe('ntmm kd', () => {
  it('does a script, with the program as without', () =>
    inExampleFolder(async (cwd) => {
      const script = 'g $exentry; !pte @rip; g msvcrt!exit; !vm; !explain @rsp; g; q; r';
      const { status, stdout, stderr } = await ntmm(['kd', '-c', script, program('sort.exe'), 'lines.txt'], {
        cwd,
      });
      expect(stderr).toBe('');
      expect(status).toBe(0);
      const shown = text(stdout);
      expect(shown).toMatch(/^kd> g \$exentry\nsort\+0x[\da-f]+:\n/);
      expect(shown).toMatch(/PTE at fffff6bf`\w+ {2}contains 00000000`\w{8}\n +pfn \w+ {2}----A--UREV/);
      expect(shown).toContain('kd> g msvcrt!exit\n');
      expect(shown).toContain(text(exampleBytes('sort/expected.txt')));
      expect(shown).toMatch(/Physical Memory: +16384 /);
      expect(shown).toContain('A write goes to frame');
      expect(shown).toMatch(/Process 0064 \(sort\.exe\) has ended: 0x00000000 \(STATUS_SUCCESS\)\nkd> q\n$/);
    }));

  it('reads commands from a pipe, goes on after what cannot be done, and says so', async () => {
    const { status, stdout } = await ntmm(['kd', program('states.exe'), 'crash'], {
      input: ['sxe exception\n', 'bogus\ng; g\n', '.process\n'],
    });
    const shown = text(stdout);
    expect(shown).toMatch(/^states\.exe before its first instruction; \.help lists the commands\n/);
    expect(shown).toContain("bogus: no such command; '.help' lists them");
    expect(shown).toContain('Event exception, ');
    expect(shown).toContain('Implicit process is now 0064');
    expect(status).toBe(1);
  });

  it('gives the program its input, and says what it waits for', () =>
    inExampleFolder(async (cwd) => {
      const reader = (code: Assembler) => code.enter().call('msvcrt.dll!getchar').leave();
      const key = buildModule({ name: 'key.exe', imports: { 'msvcrt.dll': ['getchar'] }, entry: reader });
      writeFileSync(join(cwd, 'key.exe'), key);
      const script = 'g; !process; .input "A;B"; g';
      const read = await ntmm(['kd', '-c', script, 'key.exe'], { cwd });
      expect(text(read.stdout)).toContain('The program waits for console input: .input TEXT');
      expect(text(read.stdout)).toContain('WAIT: for console input (.input gives it)');
      expect(text(read.stdout)).toContain('has ended: 0x00000041');
      const ended = await ntmm(['kd', '-c', '.input /eof; g', 'key.exe'], { cwd });
      expect(text(ended.stdout)).toContain('has ended: 0xFFFFFFFF');
      const sleeper = (code: Assembler) => code.enter().first(0xffff_ffff).call('kernel32.dll!Sleep').leave();
      const wait = buildModule({ name: 'wait.exe', imports: { 'kernel32.dll': ['Sleep'] }, entry: sleeper });
      writeFileSync(join(cwd, 'wait.exe'), wait);
      const stalled = await ntmm(['kd', '-c', 'g; !process 0 2; g', 'wait.exe'], { cwd });
      expect(text(stalled.stdout)).toContain('Every thread waits for what can no longer happen');
      expect(text(stalled.stdout)).toContain('WAIT: a delay');
    }));

  it('stops by itself when told to', async () => {
    const limited = await ntmm(['kd', '--max-instructions', '5000', '-c', 'g; ? $ip', program('hello.exe')]);
    expect(text(limited.stdout)).toContain('The limit of --max-instructions is reached');
    expect(limited.status).toBe(0);
    const missing = await ntmm(['kd', 'missing.exe']);
    expect(missing.status).toBe(127);
  });

  it('stops a run at Ctrl-C', () =>
    inExampleFolder(async (cwd) => {
      const lines = Array.from(
        { length: 120_000 },
        (_, index) => `${(index * 7919) % 104_729} line ${index}`,
      );
      writeFileSync(join(cwd, 'long.txt'), lines.join('\n'));
      const machineDir = join(cwd, 'machine');
      let checks = 0;
      const { status, stdout } = await ntmm(
        ['kd', '--machine-dir', machineDir, '-c', 'bp 12345; g; r', program('sort.exe'), '-n', 'long.txt'],
        { cwd, interruptWhen: () => existsSync(machineDir) && ++checks > CHECKS_BEFORE_INTERRUPT },
      );
      expect(status).toBe(130);
      expect(text(stdout)).toMatch(/^kd> bp 12345\nkd> g\nInterrupted\n/);
      expect(text(stdout)).not.toContain('kd> r');
    }));
});

describe('ntmm rammap', () => {
  it('counts every page once, at the end and before', () =>
    inExampleFolder(async (cwd) => {
      const end = await ntmm(['rammap', '--json', '--ram', '16M', program('hello.exe')], { cwd });
      expect(end.status).toBe(0);
      expect(end.stderr.replaceAll('\r\n', '\n')).toBe(
        readFileSync(examplePath('hello/expected.txt'), 'utf8').replaceAll('\r\n', '\n'),
      );
      const { uses, processes } = JSON.parse(text(end.stdout));
      const pages = uses.flatMap((use: { pages: Record<string, number> }) => Object.values(use.pages));
      expect(pages.reduce((sum: number, count: number) => sum + count, 0)).toBe(4096);
      expect(processes).toHaveLength(1);
      const early = await ntmm(['rammap', '--at', '5000', program('hello.exe')], { cwd });
      expect(early.status).toBe(0);
      expect(text(early.stdout)).toMatch(/^16,384 pages of RAM after 5,000 instructions/);
      expect(text(early.stdout)).toMatch(/^Mapped File +\d+/m);
    }));
});
