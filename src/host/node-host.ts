import * as fs from 'node:fs';
import * as path from 'node:path';
import { compareNames, matchName } from './folding.js';
import {
  type Host,
  type HostAccess,
  type HostCreation,
  type HostEntry,
  HostError,
  type HostErrorCode,
  type HostStream,
} from './host.js';

const ERROR_CODES: Readonly<Record<string, HostErrorCode>> = {
  ENOENT: 'not-found',
  EACCES: 'denied',
  EPERM: 'denied',
  EROFS: 'read-only',
  EBUSY: 'busy',
  ETXTBSY: 'busy',
  EEXIST: 'exists',
  ENOTDIR: 'not-directory',
  EISDIR: 'is-directory',
  ENOTEMPTY: 'not-empty',
  ENOSPC: 'no-space',
  EDQUOT: 'no-space',
  EFBIG: 'no-space',
  ENAMETOOLONG: 'name-too-long',
  ELOOP: 'link',
  EMFILE: 'too-many-files',
  ENFILE: 'too-many-files',
};

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC } = fs.constants;
/** Absent on Windows, where links are found by lstat alone. */
const O_SAFE = (fs.constants.O_NOFOLLOW ?? 0) | (fs.constants.O_NONBLOCK ?? 0);

const CREATION_FLAGS: Readonly<Record<HostCreation, number>> = {
  open: 0,
  'create-new': O_CREAT | O_EXCL,
  'open-or-create': O_CREAT,
  truncate: O_TRUNC,
  'create-or-truncate': O_CREAT | O_TRUNC,
};

/** Runs a file operation and translates what Node throws. */
function guarded<T>(operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    if (error instanceof HostError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new HostError(ERROR_CODES[code ?? ''] ?? 'io', message);
  }
}

/** A name that stays one component on this host. */
function isPlainName(name: string): boolean {
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) return false;
  return path.sep !== '\\' || !/[\\:*?"<>|]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(name);
}

/** The bit of a file's mode that lets its owner write. */
const OWNER_WRITE = 0o200;
const ALL_WRITE = 0o222;

function entryOf(name: string, stats: fs.Stats): HostEntry {
  const directory = stats.isDirectory();
  return {
    kind: directory ? 'directory' : 'file',
    size: directory ? 0 : stats.size,
    modifiedMs: Math.floor(stats.mtimeMs),
    name,
    readOnly: !directory && (stats.mode & OWNER_WRITE) === 0,
  };
}

/** The host that Node runs on: folders of the real file system, standard output and error. */
export class NodeHost implements Host {
  readonly #roots: string[] = [];
  readonly #writeConsole: (stream: HostStream, bytes: Uint8Array) => void;

  constructor(options: { writeConsole?: (stream: HostStream, bytes: Uint8Array) => void } = {}) {
    this.#writeConsole = options.writeConsole ?? writeAll;
  }

  /** Gives a folder to guests and returns its root number. The folder itself may be reached through links. */
  addRoot(folder: string): number {
    return guarded(() => {
      const real = fs.realpathSync(folder);
      if (!fs.statSync(real).isDirectory()) throw new HostError('not-directory', `${folder} is not a folder`);
      return this.#roots.push(real) - 1;
    });
  }

  lookup(root: number, components: readonly string[]): HostEntry | null {
    return guarded(() => {
      const found = this.#resolve(root, components);
      return found.stats ? entryOf(found.name, found.stats) : null;
    });
  }

  list(root: number, components: readonly string[]): HostEntry[] {
    return guarded(() => {
      const directory = this.#existing(root, components);
      const entries: HostEntry[] = [];
      for (const name of fs.readdirSync(directory)) {
        const stats = fs.lstatSync(path.join(directory, name), { throwIfNoEntry: false });
        if (stats && (stats.isFile() || stats.isDirectory())) entries.push(entryOf(name, stats));
      }
      return entries.sort((left, right) => compareNames(left.name, right.name));
    });
  }

  open(root: number, components: readonly string[], access: HostAccess, creation: HostCreation): number {
    return guarded(() => {
      const found = this.#resolve(root, components);
      if (found.stats?.isDirectory()) throw new HostError('is-directory', `${found.name} is a directory`);
      if (found.path === null) throw new HostError('not-found', 'the folder is not found');
      const flags = (access === 'write' ? O_RDWR : O_RDONLY) | CREATION_FLAGS[creation] | O_SAFE;
      return fs.openSync(found.path, flags, 0o666);
    });
  }

  read(file: number, offset: number, target: Uint8Array): number {
    return guarded(() => {
      let done = 0;
      while (done < target.length) {
        const count = fs.readSync(file, target, done, target.length - done, offset + done);
        if (count === 0) break;
        done += count;
      }
      return done;
    });
  }

  write(file: number, offset: number, source: Uint8Array): void {
    guarded(() => {
      for (let done = 0; done < source.length; )
        done += fs.writeSync(file, source, done, source.length - done, offset + done);
    });
  }

  size(file: number): number {
    return guarded(() => fs.fstatSync(file).size);
  }

  truncate(file: number, size: number): void {
    guarded(() => fs.ftruncateSync(file, size));
  }

  flush(file: number): void {
    guarded(() => fs.fsyncSync(file));
  }

  close(file: number): void {
    guarded(() => fs.closeSync(file));
  }

  remove(root: number, components: readonly string[]): void {
    guarded(() => {
      const target = this.#existing(root, components);
      if (components.length === 0) throw new HostError('denied', 'a root cannot be removed');
      if (fs.lstatSync(target).isDirectory()) fs.rmdirSync(target);
      else fs.unlinkSync(target);
    });
  }

  rename(root: number, from: readonly string[], to: readonly string[], replace: boolean): void {
    guarded(() => {
      const source = this.#existing(root, from);
      const target = this.#resolve(root, to);
      if (target.path === null) throw new HostError('not-found', 'the folder is not found');
      if (from.length === 0 || to.length === 0) throw new HostError('denied', 'a root cannot be moved');
      if (target.stats && target.path !== source) {
        if (!replace) throw new HostError('exists', `${target.name} exists`);
        if (target.stats.isDirectory()) throw new HostError('denied', `${target.name} is a directory`);
      }
      const respelled = path.join(path.dirname(target.path), to.at(-1)!);
      if (target.stats && target.path !== source) fs.unlinkSync(target.path);
      fs.renameSync(source, respelled);
    });
  }

  makeDirectory(root: number, components: readonly string[]): void {
    guarded(() => {
      const target = this.#resolve(root, components);
      if (target.path === null) throw new HostError('not-found', 'the folder is not found');
      if (target.stats) throw new HostError('exists', `${target.name} exists`);
      fs.mkdirSync(target.path);
    });
  }

  setModified(root: number, components: readonly string[], modifiedMs: number): void {
    guarded(() => {
      const target = this.#existing(root, components);
      fs.utimesSync(target, modifiedMs / 1000, modifiedMs / 1000);
    });
  }

  setReadOnly(root: number, components: readonly string[], readOnly: boolean): void {
    guarded(() => {
      const target = this.#existing(root, components);
      const { mode } = fs.lstatSync(target);
      fs.chmodSync(target, readOnly ? mode & ~ALL_WRITE : mode | OWNER_WRITE);
    });
  }

  writeConsole(stream: HostStream, bytes: Uint8Array): void {
    this.#writeConsole(stream, bytes);
  }

  /**
   * Walks from the root one component at a time, never through a link. `path` is null when a folder on the way is
   * missing; `stats` is undefined when the last component is.
   */
  #resolve(
    root: number,
    components: readonly string[],
  ): { path: string | null; name: string; stats: fs.Stats | undefined } {
    const folder = this.#roots[root];
    if (folder === undefined) throw new HostError('not-found', `root ${root} does not exist`);
    let current = folder;
    let name = '';
    let stats: fs.Stats | undefined = fs.lstatSync(folder);
    for (const component of components) {
      if (!isPlainName(component)) throw new HostError('not-found', 'a name that no folder here can hold');
      if (!stats) return { path: null, name, stats };
      if (!stats.isDirectory()) throw new HostError('not-directory', `${name} is not a directory`);
      name = component;
      stats = fs.lstatSync(path.join(current, name), { throwIfNoEntry: false });
      if (!stats) {
        name = matchName(fs.readdirSync(current), component) ?? component;
        stats = fs.lstatSync(path.join(current, name), { throwIfNoEntry: false });
      }
      current = path.join(current, name);
      if (stats?.isSymbolicLink()) throw new HostError('link', `${name} is a symbolic link`);
      if (stats && !stats.isFile() && !stats.isDirectory())
        throw new HostError('denied', `${name} is neither a file nor a directory`);
    }
    return { path: current, name, stats };
  }

  #existing(root: number, components: readonly string[]): string {
    const found = this.#resolve(root, components);
    if (!found.stats || found.path === null)
      throw new HostError('not-found', `${components.at(-1)} is not found`);
    return found.path;
  }
}

/** Writes to the process's own standard output or error; waits out a full pipe. */
function writeAll(stream: HostStream, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += fs.writeSync(stream, bytes, done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
