/**
 * docs/programs.md: its ```shell blocks are commands and what they print, its blocks with a file's name are inputs. The programs
 * come from installed packages and, where NTMM_PROGRAMS names the folder that scripts/fetch-programs.mjs has filled, from
 * there; blocks whose program is nowhere are left out. NTMM_UPDATE_DOCS=1 writes what the commands print now.
 */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const document = join(root, 'docs/programs.md');
const COMMAND = /```shell\n\$ npx ntmm ([^\n]+)\n([\s\S]*?)```/g;
const INPUT = /```\w+ (\S+)\n([\s\S]*?)```/g;
const PROGRAM = /programs\/([\w-]+\.exe)/;
const update = process.env['NTMM_UPDATE_DOCS'] === '1';
const SLOW = 600_000;

let folder = '';

/** Cuts a command at its spaces, as a shell does; quotes hold words together. */
function wordsOf(command: string): string[] {
  const words = command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g);
  return [...words].map(([, double, single, plain]) => double ?? single ?? plain!);
}

function run(command: string, args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8', input: '' });
  return { status, output: stdout + stderr };
}

const ntmm = (args: readonly string[]) => run(process.execPath, [join(root, 'dist/cli/main.js'), ...args]);

/** A PNG chunk. */
function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const bytes = Buffer.alloc(body.length + 8);
  bytes.writeUInt32BE(data.length, 0);
  body.copy(bytes, 4);
  bytes.writeUInt32BE(crc32(body), body.length + 4);
  return bytes;
}

/** A picture of 64 by 64 pixels, badly compressed. */
function png(): Uint8Array {
  const size = 64;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const rows = Buffer.alloc(size * (1 + 3 * size));
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++)
      rows.set([(x * 4 + y) & 255, (x * y) & 255, 128], y * (1 + 3 * size) + 1 + 3 * x);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const data = deflateSync(rows, { level: 1 });
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', data),
    chunk('IEND', new Uint8Array(0)),
  ]);
}

/** An animation of three frames, 48 by 48 pixels of 128 colours, each pixel a code of eight bits. */
function gif(): Uint8Array {
  const size = 48;
  const out: number[] = [...Buffer.from('GIF89a'), size, 0, size, 0, 0xf6, 0, 0];
  for (let index = 0; index < 128; index++) out.push(2 * index, 255 - 2 * index, (5 * index) & 255);
  for (let frame = 0; frame < 3; frame++) {
    out.push(0x21, 0xf9, 4, 4, 10, 0, 0, 0, 0x2c, 0, 0, 0, 0, size, 0, size, 0, 0, 7);
    const codes: number[] = [];
    for (let pixel = 0; pixel < size * size; pixel++) {
      // Clearing the table again and again keeps the codes at eight bits.
      if (pixel % 60 === 0) codes.push(128);
      codes.push(((pixel % size) * 3 + Math.floor(pixel / size) * 2 + frame * 9) % 128);
    }
    codes.push(129);
    for (let at = 0; at < codes.length; at += 255) {
      const part = codes.slice(at, at + 255);
      out.push(part.length, ...part);
    }
    out.push(0);
  }
  return Uint8Array.from([...out, 0x3b]);
}

/** 32 by 32 pixels of planar YUV. */
const yuv = () =>
  Uint8Array.from({ length: 32 * 32 * 1.5 }, (_, index) => (index < 1024 ? index & 255 : 128));

const has = (program: string) => existsSync(join(folder, 'programs', program));

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ntmm-programs-'));
  const programs = join(folder, 'programs');
  mkdirSync(programs);
  run(process.execPath, [join(root, 'scripts/fetch-programs.mjs'), '--installed', programs]);
  const fetched = process.env['NTMM_PROGRAMS'];
  if (fetched !== undefined) cpSync(fetched, programs, { recursive: true });
  copyFileSync(join(root, 'examples/bin/hello.exe'), join(folder, 'hello.exe'));
  const text = readFileSync(document, 'utf8');
  for (const [, name, content] of text.matchAll(INPUT)) writeFileSync(join(folder, name!), content!);
  for (const [name, content] of [
    ['picture.png', png()],
    ['animation.gif', gif()],
    ['gray.yuv', yuv()],
  ] as const)
    writeFileSync(join(folder, name), content);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Whether a program's Linux peer is there and makes the same of the same input. */
function agreesWithPeer(program: string, args: readonly string[], made: string, input?: string): void {
  const peer = join(folder, 'programs/linux', program);
  if (!existsSync(peer) || process.platform !== 'linux' || process.arch !== 'x64') return;
  const ours = readFileSync(join(folder, made));
  if (input !== undefined) copyFileSync(join(folder, input), join(folder, made));
  expect(run(peer, args).status).toBe(0);
  expect(ours.equals(readFileSync(join(folder, made)))).toBe(true);
}

describe('published programs', () => {
  it('print what docs/programs.md says', { timeout: SLOW }, () => {
    const text = readFileSync(document, 'utf8');
    copyFileSync(join(folder, 'picture.png'), join(folder, 'original.png'));
    let ran = 0;
    const found = text.replace(COMMAND, (block, command: string, output: string) => {
      const program = PROGRAM.exec(command)?.[1] ?? '';
      if (!has(program)) return block;
      ran++;
      const printed = ntmm(wordsOf(command)).output.replace(/\r\n/g, '\n');
      const closed = printed === '' || printed.endsWith('\n') ? printed : `${printed}\n`;
      if (!update) expect(closed, command).toBe(output);
      return `\`\`\`shell\n$ npx ntmm ${command}\n${closed}\`\`\``;
    });
    if (update) writeFileSync(document, found);
    expect(ran).toBeGreaterThan(0);
  });

  it('have done their jobs as their Linux peers do them', { timeout: SLOW }, () => {
    if (has('rcedit.exe'))
      expect(readFileSync(join(folder, 'hello.exe')).includes('FileDescription', 0, 'utf16le')).toBe(true);
    if (has('ect.exe'))
      agreesWithPeer('ect', ['-9', '--strict', 'picture.png'], 'picture.png', 'original.png');
    if (has('gif2webp.exe'))
      agreesWithPeer('gif2webp', ['-quiet', 'animation.gif', '-o', 'animation.webp'], 'animation.webp');
    if (has('cwebp.exe'))
      agreesWithPeer('cwebp', ['-quiet', '-s', '32', '32', 'gray.yuv', '-o', 'gray.webp'], 'gray.webp');
    if (has('dwebp.exe'))
      agreesWithPeer('dwebp', ['-quiet', 'gray.webp', '-ppm', '-o', 'gray.ppm'], 'gray.ppm');
    if (!has('buildifier.exe')) return;
    expect(ntmm(['run', '--dir', '.', 'programs/buildifier.exe', 'BUILD']).status).toBe(0);
    agreesWithPeer('buildifier', ['BUILD'], 'BUILD');
  });
});
