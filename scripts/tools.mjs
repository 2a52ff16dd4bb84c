// What the other scripts share: where things are, how a child is run, and hashes of files. Node only, no package.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const cache = join(root, '.cache');

const programs = {
  tsc: 'node_modules/typescript/bin/tsc',
  biome: 'node_modules/@biomejs/biome/bin/biome',
  vitest: 'node_modules/vitest/vitest.mjs',
};

/** Ends this script with a message and status 1. */
export function fail(message) {
  console.error(message);
  process.exit(1);
}

/** Runs Node on a script of the repository, its output being ours; returns the exit status. */
export function node(script, args = [], options = {}) {
  const result = spawnSync(process.execPath, [join(root, script), ...args], {
    cwd: root,
    stdio: 'inherit',
    ...options,
  });
  if (result.error) throw result.error;
  return result.status ?? 1;
}

/** Runs an installed tool: tsc, biome or vitest; returns the exit status. */
export function tool(name, args, options) {
  return node(programs[name], args, options);
}

/** Every file below a folder of the repository, as sorted paths relative to the root with forward slashes. */
export function filesBelow(folder) {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)).replaceAll('\\', '/'))
    .sort();
}

/** One SHA-256 over the names and contents of files, as hexadecimal text. */
export function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files)
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0');
  return hash.digest('hex');
}

export function readJson(file) {
  return JSON.parse(readFileSync(join(root, file), 'utf8'));
}
