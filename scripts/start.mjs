// The main job: 7za.exe, as published, packs this repository's own sources on a machine of 64 MB; what it made is unpacked
// again and compared, and the memory report shown.
import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setUp } from './setup.mjs';
import { cache, fail, filesBelow, node, root } from './tools.mjs';

const folder = join(cache, 'start');
const archive = 'sources.7z';
const report = join(folder, 'report.txt');
const unpacked = join(folder, 'unpacked');

/** Runs 7za.exe with the sources at C:\sources, to be read only, and a folder of its own at C:\work. */
function sevenZip(options, args, stdio) {
  const program = join(
    dirname(createRequire(import.meta.url).resolve('7zip-bin/package.json')),
    'win/x64/7za.exe',
  );
  const folders = ['--dir', folder, '--dir', `${join(root, 'src')}=C:/sources:ro`];
  const status = node('dist/cli/main.js', ['run', '--ram', '64M', ...folders, ...options, program, ...args], {
    stdio,
  });
  if (status !== 0) fail(`start: 7za.exe ${args[0]} ended with ${status}.`);
}

function checkUnpacked(sources) {
  const below = join(unpacked, 'sources');
  const differs = sources.find((file) => {
    const name = file.slice('src/'.length);
    return !readFileSync(join(root, file)).equals(readFileSync(join(below, name)));
  });
  if (differs !== undefined) fail(`start: ${differs} came out of the archive with other bytes.`);
}

setUp();
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const sources = filesBelow('src').filter((file) => !file.startsWith('src/generated/'));
const bytes = sources.reduce((sum, file) => sum + statSync(join(root, file)).size, 0);
console.log(
  `\n7za.exe packs ${sources.length} files, ${(bytes / 1e6).toFixed(1)} MB, on a machine of 64 MB\n`,
);
sevenZip(
  ['--report', '--report-file', report],
  ['a', '-mx1', '-xr!generated', archive, 'C:/sources'],
  ['ignore', 'inherit', 'inherit'],
);
sevenZip([], ['x', '-bd', '-ounpacked', archive], ['ignore', 'ignore', 'inherit']);
checkUnpacked(sources);
console.log(
  `\nUnpacked again by 7za.exe: the ${sources.length} files have the same bytes. The memory report of the packing:\n`,
);
process.stdout.write(readFileSync(report, 'utf8'));
