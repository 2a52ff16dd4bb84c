// Brings a clone to the state in which it runs: dependencies, generated code, dist/. Does only what is not current.
//   node scripts/setup.mjs [--clean]     --clean builds dist/ anew
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cache, fail, filesBelow, hashOf, node, readJson, root } from './tools.mjs';

const OLDEST_NODE = [20, 19];
const GENERATOR = /^scripts\/build-[^/]+\.mjs$/;
const say = (message) => console.error(`setup: ${message}`);

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  fail(`Node ${OLDEST_NODE.join('.')} or later is needed; this is ${process.versions.node}.`);
}

/** Whether node_modules holds exactly what package-lock.json names (optional packages of other platforms apart). */
function dependenciesAreCurrent() {
  const installedLock = 'node_modules/.package-lock.json';
  if (!existsSync(join(root, installedLock))) return false;
  const wanted = readJson('package-lock.json').packages;
  const installed = readJson(installedLock).packages;
  const present = (path) => existsSync(join(root, path, 'package.json'));
  return (
    Object.keys(installed).every((path) => path in wanted) &&
    Object.entries(wanted).every(([path, entry]) => {
      if (path === '') return true;
      if (!(path in installed)) return entry.optional === true;
      return installed[path].integrity === entry.integrity && present(path);
    })
  );
}

function npm(args) {
  const options = { cwd: root, stdio: 'inherit' };
  const ownPath = process.env.npm_execpath;
  const result = ownPath?.endsWith('npm-cli.js')
    ? spawnSync(process.execPath, [ownPath, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' });
  return result.error ? result.error.message : result.status === 0 ? '' : `exit status ${result.status}`;
}

function installDependencies() {
  if (dependenciesAreCurrent()) return say('dependencies are current');
  say('installing dependencies (npm ci)');
  const problem = npm(['ci', '--include=dev', '--no-audit', '--no-fund']);
  if (problem) {
    fail(`setup: npm ci failed (${problem}). Is the package registry reachable? npm's own message is above.`);
  }
}

/** Each scripts/build-*.mjs writes a part of src/generated and does nothing when that is current. */
function generateCode() {
  for (const script of filesBelow('scripts').filter((file) => GENERATOR.test(file))) {
    if (node(script) !== 0) fail(`setup: ${script} failed; its message is above.`);
  }
}

/** JavaScript in src/generated is no input of the compiler: it goes to dist as it is. */
function copyGenerated() {
  const files = filesBelow('src/generated').filter((file) => file.endsWith('.js') || file.endsWith('.d.ts'));
  mkdirSync(join(root, 'dist/generated'), { recursive: true });
  return files.map((file) => {
    const target = `dist/generated/${basename(file)}`;
    copyFileSync(join(root, file), join(root, target));
    return target;
  });
}

/** Runs the compiler; returns the files that it wrote, relative to the root. */
function compile() {
  const result = spawnSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--listEmittedFiles'],
    { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  const lines = result.stdout.split(/\r?\n/);
  const emitted = lines.filter((line) => line.startsWith('TSFILE:'));
  const messages = lines.filter((line) => line !== '' && !line.startsWith('TSFILE:'));
  if (result.status !== 0) fail(`${messages.join('\n')}${result.stderr}\nsetup: the build failed.`);
  return emitted.map((line) =>
    relative(root, resolve(root, line.slice('TSFILE:'.length).trim())).replaceAll('\\', '/'),
  );
}

function buildDist(clean) {
  const stampFile = join(cache, 'dist.stamp');
  const sources = filesBelow('src').filter((file) => !file.endsWith('.test.ts'));
  const stamp = hashOf([...sources, 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json']);
  if (clean) rmSync(join(root, 'dist'), { recursive: true, force: true });
  const built = existsSync(stampFile) ? readFileSync(stampFile, 'utf8').split('\n') : [];
  const [oldStamp, ...oldFiles] = built;
  if (oldStamp === stamp && oldFiles.every((file) => existsSync(join(root, file))))
    return say('dist is current');
  say('compiling src to dist');
  mkdirSync(cache, { recursive: true });
  const files = [...compile(), ...copyGenerated()];
  const kept = new Set(files);
  for (const file of filesBelow('dist')) if (!kept.has(file)) rmSync(join(root, file));
  writeFileSync(stampFile, [stamp, ...files].join('\n'));
}

export function setUp({ clean = false } = {}) {
  checkNode();
  installDependencies();
  generateCode();
  buildDist(clean);
}

if (import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href)
  setUp({ clean: process.argv.includes('--clean') });
