// Gets the published Windows programs that docs/programs.md runs into a folder, with the Linux programs of the same
// packages beside them: node scripts/fetch-programs.mjs FOLDER. Packages that are dependencies for development are copied;
// the others are fetched with `npm pack`, as npm would not install some of them on this system; --installed leaves them out.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const modules = fileURLToPath(new URL('../node_modules', import.meta.url));
const webp = 'bin/libwebp_';

/** Packages with their versions, and for each file in the folder its place in the package. */
const PACKAGES = [
  {
    name: 'rcedit',
    version: '4.0.1',
    installed: true,
    files: { 'rcedit.exe': 'bin/rcedit-x64.exe' },
  },
  {
    name: 'ps-list',
    version: '8.1.1',
    installed: true,
    files: { 'fastlist.exe': 'vendor/fastlist-0.3.0-x64.exe' },
  },
  {
    name: 'ect-bin',
    version: '1.0.0',
    files: { 'ect.exe': 'vendor/win/x64/ect.exe', 'linux/ect': 'vendor/linux/x64/ect' },
  },
  {
    name: '@bazel/buildifier',
    version: '8.2.1',
    files: {
      'buildifier.exe': 'buildifier-windows_amd64.exe',
      'linux/buildifier': 'buildifier-linux_amd64',
    },
  },
  { name: '@esbuild/win32-x64', version: '0.28.2', files: { 'esbuild.exe': 'esbuild.exe' } },
  {
    name: 'lightningcss-cli-win32-x64-msvc',
    version: '1.33.0',
    files: { 'lightningcss.exe': 'lightningcss.exe' },
  },
  {
    name: 'webp-converter',
    version: '3.0.1',
    files: {
      'gif2webp.exe': `${webp}win64/bin/gif2webp.exe`,
      'cwebp.exe': `${webp}win64/bin/cwebp.exe`,
      'dwebp.exe': `${webp}win64/bin/dwebp.exe`,
      'webpinfo.exe': `${webp}win64/bin/webpinfo.exe`,
      'linux/gif2webp': `${webp}linux/bin/gif2webp`,
      'linux/cwebp': `${webp}linux/bin/cwebp`,
      'linux/dwebp': `${webp}linux/bin/dwebp`,
    },
  },
  {
    name: '@ast-grep/cli-win32-x64-msvc',
    version: '0.51.1',
    files: { 'ast-grep.exe': 'ast-grep.exe' },
  },
  {
    name: 'clipboardy',
    version: '4.0.0',
    files: { 'clipboard.exe': 'fallbacks/windows/clipboard_x86_64.exe' },
  },
  { name: '@dprint/win32-x64', version: '0.54.0', files: { 'dprint.exe': 'dprint.exe' } },
];

/** Copies a package's files out of its unpacked folder. */
function copyFiles(from, { files }, folder) {
  for (const [file, place] of Object.entries(files)) {
    const to = join(folder, file);
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(join(from, place), to);
    chmodSync(to, 0o755);
  }
}

/** Copies the programs of installed packages into a folder. */
function copyInstalled(folder) {
  for (const entry of PACKAGES) {
    const from = join(modules, entry.name);
    if (entry.installed && existsSync(from)) copyFiles(from, entry, folder);
  }
}

function run(command, args, cwd) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${stderr}`);
  return stdout.trim().split('\n').at(-1);
}

function fetchPackage(entry, folder) {
  const work = mkdtempSync(join(tmpdir(), 'ntmm-programs-'));
  try {
    const archive = run('npm', ['pack', '--silent', `${entry.name}@${entry.version}`], work);
    run('tar', ['xzf', archive], work);
    copyFiles(join(work, 'package'), entry, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const args = process.argv.slice(2);
const installedOnly = args[0] === '--installed';
const [folder] = args.slice(installedOnly ? 1 : 0);
if (folder === undefined) {
  console.error('usage: node scripts/fetch-programs.mjs [--installed] FOLDER');
  process.exit(64);
}
const target = resolve(folder);
mkdirSync(target, { recursive: true });
copyInstalled(target);
for (const entry of PACKAGES) {
  if (entry.installed || installedOnly) continue;
  fetchPackage(entry, target);
  console.log(`${entry.name} ${entry.version}: ${Object.keys(entry.files).join(', ')}`);
}
