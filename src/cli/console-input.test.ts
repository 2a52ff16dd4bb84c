import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inExampleFolder, ntmm } from '../testing/command-line.js';
import { type Assembler, buildModule, DATA_RVA } from '../testing/module-builder.js';

const BUFFER = DATA_RVA;
const BUFFER_BYTES = 0x200;
const COUNT = DATA_RVA + 0x800;
const STD_INPUT_HANDLE = -10;
const STD_OUTPUT_HANDLE = -11;

/** lea rdx, [buffer]; lea r9, [count]; mov qword ptr [rsp+20h], 0. */
const bufferAndCount = (code: Assembler) =>
  code
    .raw(0x48, 0x8d, 0x15)
    .distance(BUFFER)
    .raw(0x4c, 0x8d, 0x0d)
    .distance(COUNT)
    .raw(0x48, 0xc7, 0x44, 0x24, 0x20, 0, 0, 0, 0);

/** A program that writes what it reads, piece by piece, and ends with the number of pieces. */
const echo = buildModule({
  name: 'echo.exe',
  imports: { 'kernel32.dll': ['GetStdHandle', 'ReadFile', 'WriteFile', 'ExitProcess'] },
  entry: (code) => {
    code.raw(0x48, 0x83, 0xec, 0x38, 0x31, 0xdb);
    code.first(STD_INPUT_HANDLE).call('kernel32.dll!GetStdHandle').raw(0x48, 0x89, 0xc6);
    code.first(STD_OUTPUT_HANDLE).call('kernel32.dll!GetStdHandle').raw(0x48, 0x89, 0xc7);
    const loop = code.bytes.length;
    code.raw(0x48, 0x89, 0xf1, 0x41, 0xb8).u32(BUFFER_BYTES);
    bufferAndCount(code).call('kernel32.dll!ReadFile');
    code.raw(0x44, 0x8b, 0x05).distance(COUNT).raw(0x45, 0x85, 0xc0, 0x74, 0);
    const toEnd = code.bytes.length;
    code.raw(0xff, 0xc3, 0x48, 0x89, 0xf9);
    bufferAndCount(code).call('kernel32.dll!WriteFile').raw(0xeb, 0);
    const end = code.bytes.length;
    code.bytes[end - 1] = (loop - end) & 0xff;
    code.bytes[toEnd - 1] = end - toEnd;
    return code.raw(0x89, 0xd9).call('kernel32.dll!ExitProcess');
  },
});

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Runs the program in a new folder; answers also the events. */
function runEcho(input: string | readonly (string | null)[], ...options: string[]) {
  return inExampleFolder(async (cwd) => {
    writeFileSync(join(cwd, 'echo.exe'), echo);
    const result = await ntmm(['run', '--events', 'e.jsonl', ...options, 'echo.exe'], { cwd, input });
    return { ...result, events: readFileSync(join(cwd, 'e.jsonl'), 'utf8') };
  });
}

describe('standard input as console input', () => {
  it('comes line by line, with CR LF, to its end', async () => {
    const { status, stdout, stderr } = await runEcho('one\ntwo\r\n\nthree');
    expect(stderr).toBe('');
    expect(text(stdout)).toBe('one\r\ntwo\r\n\r\nthree');
    expect(status).toBe(4);
  });

  it('may be empty', async () => {
    expect(await runEcho('')).toMatchObject({ status: 0, stderr: '' });
  });

  it('takes lines longer than the buffer of the program', async () => {
    const line = 'x'.repeat(BUFFER_BYTES + 10);
    const { status, stdout } = await runEcho(`${line}\nend\n`);
    expect(text(stdout)).toBe(`${line}\r\nend\r\n`);
    expect(status).toBe(3);
  });

  it('is the same however the pipe cuts it', async () => {
    const whole = await runEcho('one\ntwo\nthree\n');
    const cut = await runEcho(['on', 'e\ntwo', '\nthr', 'ee\n']);
    expect(text(cut.stdout)).toBe(text(whole.stdout));
    expect(cut.events).toBe(whole.events);
    expect(cut.events).toContain('"kind":"console-input"');
  });

  it('can be waited for until a limit', async () => {
    const { status, stdout, stderr } = await runEcho(['one\n', null], '--timeout', '2');
    expect(text(stdout)).toBe('one\r\n');
    expect(stderr).toContain('echo.exe stopped by --timeout');
    expect(status).toBe(124);
  });
});
