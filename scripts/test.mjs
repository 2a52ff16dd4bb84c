// Sets up, checks format, lint and types, and runs the tests. Arguments go to vitest: npm test -- src/mm
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setUp } from './setup.mjs';
import { cache, fail, root, tool } from './tools.mjs';

const results = join(cache, 'test-results.json');
rmSync(results, { force: true });
setUp();
if (tool('biome', ['check', '--error-on-warnings']) !== 0) fail('test: npm run format mends what it can.');
if (tool('tsc', ['-p', join(root, 'tsconfig.json')]) !== 0) fail('test: the type check failed.');
process.exitCode = tool('vitest', [
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${results}`,
  ...process.argv.slice(2),
]);
