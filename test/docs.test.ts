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
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const BLOCK = /```console\n\$ ([^\n]+)\n([\s\S]*?)```/g;
const update = process.env['NTMM_UPDATE_DOCS'] === '1';

const documents = [
  'README.md',
  'bench/README.md',
  ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`),
];

/** Cuts a command at its spaces, as a shell does; quotes hold words together. */
function wordsOf(command: string): string[] {
  const words = command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g);
  return [...words].map(([, double, single, plain]) => double ?? single ?? plain!);
}

/** What a command of the documents prints, on both streams, in order; run in the repository's folder. */
function outputOf(command: string): string {
  const [npx, ntmm, ...args] = wordsOf(command);
  expect([npx, ntmm], `only ntmm is run here, not: ${command}`).toEqual(['npx', 'ntmm']);
  const folder = mkdtempSync(join(tmpdir(), 'ntmm-docs-'));
  const file = join(folder, 'output.txt');
  const descriptor = openSync(file, 'a');
  spawnSync(process.execPath, [join(root, 'dist/cli/main.js'), ...args], {
    cwd: root,
    stdio: ['ignore', descriptor, descriptor],
  });
  closeSync(descriptor);
  const text = readFileSync(file, 'utf8')
    .replaceAll('\r\n', '\n')
    .replace(/^\n+|\n+$/g, '');
  rmSync(folder, { recursive: true });
  return text;
}

describe.each(documents)('%s', (document) => {
  const path = join(root, document);
  const text = readFileSync(path, 'utf8');
  const blocks = [...text.matchAll(BLOCK)].map(([, command, output]) => ({
    command: command!,
    output: output!,
  }));

  it.each(blocks)('$command', ({ command, output }) => {
    const printed = `${outputOf(command)}\n`;
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
