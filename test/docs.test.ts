/**
 * The documents say what is true: each ```console block is a command and what it prints. NTMM_UPDATE_DOCS=1 writes what
 * the commands print now into the documents.
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const BLOCK = /```console\n\$ ([^\n]+)\n([\s\S]*?)```/g;
const update = process.env['NTMM_UPDATE_DOCS'] === '1';

const documents = [
  'README.md',
  'bench/README.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name.replaceAll('\\', '/')}`)
    .sort(),
];

/** Cuts a command at its spaces, as a shell does; quotes hold words together. */
function wordsOf(command: string): string[] {
  const words = command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g);
  return [...words].map(([, double, single, plain]) => double ?? single ?? plain!);
}

/** A folder for the commands of one document, where `examples` is the repository's and files can be made. */
function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ntmm-docs-'));
  symlinkSync(join(root, 'examples'), join(folder, 'examples'), 'junction');
  return folder;
}

/** What ntmm prints, on both streams, in order. */
function ntmm(folder: string, args: readonly string[]): string {
  const file = join(folder, 'output.txt');
  const descriptor = openSync(file, 'w');
  spawnSync(process.execPath, [join(root, 'dist/cli/main.js'), ...args], {
    cwd: folder,
    stdio: ['ignore', descriptor, descriptor],
  });
  closeSync(descriptor);
  const text = readFileSync(file, 'utf8');
  rmSync(file);
  return text;
}

/** `grep [-m COUNT] TEXT FILE`: the lines of a file that an earlier command has made which contain a text. */
function grep(folder: string, args: readonly string[]): string {
  const count = args[0] === '-m' ? Number(args[1]) : Number.POSITIVE_INFINITY;
  const [text, file] = args.slice(-2);
  const lines = readFileSync(join(folder, file!), 'utf8').split('\n');
  return lines
    .filter((line) => line.includes(text!))
    .slice(0, count)
    .join('\n');
}

/** What a command of the documents prints. */
function outputOf(folder: string, command: string): string {
  const [first, second, ...rest] = wordsOf(command);
  if (first !== 'grep')
    expect([first, second], `only ntmm and grep are run here, not: ${command}`).toEqual(['npx', 'ntmm']);
  const text = first === 'grep' ? grep(folder, [second!, ...rest]) : ntmm(folder, rest);
  return text.replaceAll('\r\n', '\n').replace(/^\n+|\n+$/g, '');
}

describe.each(documents)('%s', (document) => {
  const path = join(root, document);
  const text = readFileSync(path, 'utf8');
  const blocks = [...text.matchAll(BLOCK)].map(([, command, output]) => ({
    command: command!,
    output: output!,
  }));

  const folder = makeFolder();
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(blocks)('$command', ({ command, output }) => {
    const printed = `${outputOf(folder, command)}\n`;
    if (update) {
      const current = readFileSync(path, 'utf8');
      const before = `$ ${command}\n${output}\`\`\``;
      writeFileSync(
        path,
        current.replace(before, () => `$ ${command}\n${printed}\`\`\``),
      );
      return;
    }
    expect(printed).toBe(output);
  });

  it('asks !pfn in the guide only for frames that another answer has named', () => {
    for (const { command, output } of blocks.filter(() => document.startsWith('docs/guide/'))) {
      for (const [, frame] of command.matchAll(/!pfn ([0-9a-f]+)/g))
        expect(output, command).toMatch(new RegExp(`(Frame|Transition:|PTE at .*\\n {6}pfn) ${frame}\\b`));
    }
  });

  it('names only files that exist', () => {
    for (const [, file] of text.matchAll(/\]\(([^)#:]+)\)/g)) {
      expect(() => openSync(join(path, '..', file!), 'r'), file).not.toThrow();
    }
  });
});

it('features.md counts its rows and names sources and tests that exist', () => {
  const text = readFileSync(join(root, 'docs/features.md'), 'utf8');
  const named = [...text.matchAll(/`((?:[a-z0-9-]+\/)+[A-Za-z0-9.-]+)`/g)].map(([, path]) => path!);
  const states = [...text.matchAll(/^\| [A-L]\d+ \| .*? \| (works|partly|not yet) \|/gm)].map(
    ([, state]) => state,
  );
  const count = (state: string) => states.filter((each) => each === state).length;
  expect(text).toContain(
    `Of ${states.length} rows, ${count('works')} work, ${count('partly')} work in part, ${count('not yet')} are`,
  );
  expect(named.length).toBeGreaterThan(50);
  expect(
    named.filter((path) => !existsSync(join(root, 'src', path)) && !existsSync(join(root, path))),
  ).toEqual([]);
});

it('shows the library example that the tests run', () => {
  const code = /```js\n([\s\S]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8'))![1]!;
  expect(code).toBe(readFileSync(join(root, 'examples/library/example.mjs'), 'utf8'));
});
