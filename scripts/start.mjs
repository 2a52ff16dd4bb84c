// The main job: sorts a real text with a Windows program on a machine of 64 MB, and shows its memory report.
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setUp } from './setup.mjs';
import { cache, fail, node, root } from './tools.mjs';

const LEAST_BYTES = 1 << 20;
const SHOWN_LINES = 5;
const folder = join(cache, 'start');
const input = join(folder, 'words.txt');
const output = join(folder, 'sorted.txt');

/** The text: the description of the browser's interfaces that comes with the compiler, its lines trimmed. */
function writeInput() {
  const compilers = join(root, 'node_modules/@typescript');
  const [compiler] = readdirSync(compilers).filter((name) => name.startsWith('typescript-'));
  const text = readFileSync(join(compilers, compiler, 'lib/lib.dom.d.ts'), 'latin1');
  const lines = text.split('\n').map((line) => line.trim());
  const words = `${lines.filter((line) => line !== '').join('\n')}\n`;
  if (words.length < LEAST_BYTES) fail(`start: the text has only ${words.length} bytes.`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(input, words, 'latin1');
}

function linesOf(file) {
  const lines = readFileSync(file, 'latin1').split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function runSort() {
  const descriptor = openSync(output, 'w');
  const program = join(root, 'examples/bin/sort.exe');
  const args = ['run', '--ram', '64M', '--report', program, 'words.txt'];
  const status = node('dist/cli/main.js', args, { cwd: folder, stdio: ['ignore', descriptor, 'inherit'] });
  closeSync(descriptor);
  return status;
}

/** Node's own sort of the same bytes says what the program must have written. */
function checkOutput() {
  const sorted = linesOf(output);
  const expected = linesOf(input).sort();
  const wrong = expected.findIndex((line, index) => line !== sorted[index]);
  if (wrong >= 0 || sorted.length !== expected.length) {
    fail(
      `start: line ${wrong < 0 ? expected.length + 1 : wrong + 1} of ${output} is not what Node's sort gives.`,
    );
  }
  return sorted;
}

function show(sorted) {
  console.log(
    `\n${relative(process.cwd(), output)}: ${sorted.length} lines, in the order that Node's sort gives. Some of them:`,
  );
  for (let shown = 1; shown <= SHOWN_LINES; shown++) {
    console.log(`    ${sorted[Math.floor((shown * sorted.length) / (SHOWN_LINES + 1))]}`);
  }
}

setUp();
writeInput();
console.log(`\nexamples/bin/sort.exe on ${statSync(input).size} bytes of text, --ram 64M\n`);
const status = runSort();
if (status !== 0) fail(`start: sort.exe ended with ${status}.`);
show(checkOutput());
