// Compiles bench/ to dist-bench/ and runs each bench/*.bench.ts, or those named:   npm run bench -- cpu
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setUp } from './setup.mjs';
import { fail, filesBelow, node, root, tool } from './tools.mjs';

const SUFFIX = '.bench.ts';

function copyGenerated() {
  const target = join(root, 'dist-bench/src/generated');
  mkdirSync(target, { recursive: true });
  for (const file of filesBelow('src/generated')) {
    if (file.endsWith('.js')) copyFileSync(join(root, file), join(target, basename(file)));
  }
}

const known = filesBelow('bench')
  .filter((file) => file.endsWith(SUFFIX))
  .map((file) => basename(file, SUFFIX));
const chosen = process.argv.slice(2);
if (known.length === 0) fail('bench: there is no bench/*.bench.ts.');
const unknown = chosen.filter((name) => !known.includes(name));
if (unknown.length > 0) fail(`bench: no ${unknown.join(', ')}; there are: ${known.join(', ')}`);

setUp();
rmSync(join(root, 'dist-bench'), { recursive: true, force: true });
if (tool('tsc', ['-p', 'tsconfig.bench.json']) !== 0) fail('bench: the build failed.');
copyGenerated();
for (const name of chosen.length > 0 ? chosen : known) {
  if (node(`dist-bench/bench/${name}.bench.js`) !== 0) process.exitCode = 1;
}
