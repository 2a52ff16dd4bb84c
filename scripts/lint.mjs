// Format and lint:   node scripts/lint.mjs [--write]
import { setUp } from './setup.mjs';
import { tool } from './tools.mjs';

setUp();
process.exitCode = tool('biome', ['check', '--error-on-warnings', ...process.argv.slice(2)]);
