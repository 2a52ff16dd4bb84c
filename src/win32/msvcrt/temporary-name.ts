/** Names for temporary files. Source: "_tempnam, _wtempnam, tmpnam, _wtmpnam", "_mktemp", "tmpfile", Microsoft. */
import { queryAttributesFile } from '../../nt/file-information.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { ntPathOf } from '../kernel32/path.js';
import { allocate } from './crt-heap.js';
import { environmentValue } from './environment.js';
import { EEXIST, EINVAL, ENOMEM } from './errno.js';
import { openFree } from './open-file.js';
import { block, crtState, failWith } from './state.js';
import { narrowOf, readNarrow, readWide, unicodeOf, writeNarrow, writeWide } from './text.js';

const TEMPORARY_TRIES = 1000;
const TEMPORARY_NAME_BYTES = 32;

/** Whether a name that files can have names nothing yet. */
function isFree(call: ServiceCall, name: string): boolean {
  const path = ntPathOf(call, name);
  return path !== null && typeof queryAttributesFile(call.kernel, path) === 'number';
}

function isFolder(call: ServiceCall, name: string): boolean {
  const path = ntPathOf(call, name);
  const information = path === null ? 0 : queryAttributesFile(call.kernel, path);
  return typeof information !== 'number' && information.directory;
}

/** The first of the numbered names that names nothing. */
function freeName(call: ServiceCall, nameOf: (unique: string) => string): string | null {
  const state = crtState(call);
  call.memory.commit();
  for (let tries = 0; tries < TEMPORARY_TRIES; tries++) {
    const name = nameOf((++state.temporaryNames).toString(36));
    if (isFree(call, name)) return name;
  }
  return null;
}

/** A name of the form s1.tmp, s2.tmp, … in the current directory. */
const temporaryName = (call: ServiceCall) => freeName(call, (unique) => `s${unique}.tmp`);

/** tmpnam(buffer): a name that no file has; in a block of the runtime's when no place is given. */
function nameTemporary(call: ServiceCall): number {
  const name = temporaryName(call);
  if (name === null) return 0;
  const to = call.address(0) === 0 ? block(call, 'temporary name', TEMPORARY_NAME_BYTES) : call.address(0);
  writeNarrow(call.memory, to, name);
  return to;
}

/** _tempnam(folder, prefix): in the folder that TMP names, else in the one given, else in the current one; a new block. */
const nameInFolder =
  (wide: boolean): ServiceFunction =>
  (call) => {
    const textOf = (address: number) => {
      if (address === 0) return '';
      return wide ? readWide(call.memory, address) : unicodeOf(readNarrow(call.memory, address));
    };
    const prefix = textOf(call.address(1));
    const wanted = [environmentValue(call, 'TMP') ?? '', textOf(call.address(0))];
    const folder = wanted.find((name) => name !== '' && isFolder(call, name)) ?? '.';
    const base = /[\\/]$/.test(folder) ? folder : `${folder}\\`;
    const name = freeName(call, (unique) => `${base}${prefix}${unique}`);
    if (name === null) return failWith(call, EEXIST, 0);
    const to = allocate(call, (name.length + 1) * (wide ? 2 : 1), false);
    if (to === 0) return failWith(call, ENOMEM, 0);
    if (wide) writeWide(call.memory, to, name);
    else writeNarrow(call.memory, to, narrowOf(name));
    return to;
  };

/** _mktemp(template): puts a name that no file has in the place of its six X. */
function fillTemplate(call: ServiceCall): number {
  const to = call.address(0);
  const template = readNarrow(call.memory, to);
  if (!template.endsWith('XXXXXX')) return failWith(call, EINVAL, 0);
  for (let letter = 0; letter < 26; letter++) {
    const unique = String.fromCharCode(97 + letter) + String(call.process.id % 100000).padStart(5, '0');
    const name = template.slice(0, -6) + unique;
    if (!isFree(call, unicodeOf(name))) continue;
    writeNarrow(call.memory, to, name);
    return to;
  }
  return failWith(call, EEXIST, 0);
}

function temporaryFile(call: ServiceCall): number {
  const name = temporaryName(call);
  return name === null ? failWith(call, EINVAL, 0) : openFree(call, name, 'w+bD');
}

export const temporaryNameFunctions: Record<string, ServiceFunction> = {
  tmpfile: temporaryFile,
  tmpnam: nameTemporary,
  _tempnam: nameInFolder(false),
  _wtempnam: nameInFolder(true),
  _mktemp: fillTemplate,
};
