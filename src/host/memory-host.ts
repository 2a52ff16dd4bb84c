import { compareNames, matchName } from './folding.js';
import {
  type Host,
  type HostAccess,
  type HostCreation,
  type HostEntry,
  HostError,
  type HostStream,
} from './host.js';

interface MemoryFile {
  readonly kind: 'file';
  bytes: Uint8Array;
  /** Bytes in use of `bytes`. */
  size: number;
  modifiedMs: number;
  readOnly?: boolean;
}

interface MemoryDirectory {
  readonly kind: 'directory';
  readonly children: Map<string, MemoryNode>;
  modifiedMs: number;
}

type MemoryNode = MemoryFile | MemoryDirectory;

/** Contents of a folder: text, bytes, or a folder in it. */
export interface FolderSpec {
  readonly [name: string]: string | Uint8Array | FolderSpec;
}

function makeDirectoryNode(modifiedMs: number): MemoryDirectory {
  return { kind: 'directory', children: new Map(), modifiedMs };
}

/** Folders and a console in memory, for tests, for browsers and for the volume of the system DLLs. */
export class MemoryHost implements Host {
  readonly #roots: MemoryDirectory[] = [];
  readonly #open: ({ file: MemoryFile; writable: boolean } | null)[] = [];
  readonly #output: Record<HostStream, Uint8Array[]> = { 1: [], 2: [] };
  /** Time stamp of everything made here, in milliseconds since 1970. */
  readonly #timeMs: number;
  /** Bytes that all files together may hold; 1 GiB when left out. */
  readonly #capacity: number;
  #used = 0;

  constructor(options: { timeMs?: number; capacity?: number } = {}) {
    this.#timeMs = options.timeMs ?? 0;
    this.#capacity = options.capacity ?? 2 ** 30;
  }

  /** Adds a folder and returns its root number. */
  addRoot(contents: FolderSpec = {}): number {
    const root = makeDirectoryNode(this.#timeMs);
    this.#fill(root, contents);
    return this.#roots.push(root) - 1;
  }

  /** What the guest has written to a stream, as bytes. */
  consoleBytes(stream: HostStream): Uint8Array {
    const chunks = this.#output[stream];
    const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let at = 0;
    for (const chunk of chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    this.#output[stream] = [all];
    return all;
  }

  consoleText(stream: HostStream = 1): string {
    return new TextDecoder().decode(this.consoleBytes(stream));
  }

  /** Bytes of a file, for looking at results. */
  fileBytes(root: number, components: readonly string[]): Uint8Array {
    const file = this.#file(root, components);
    return file.bytes.slice(0, file.size);
  }

  lookup(root: number, components: readonly string[]): HostEntry | null {
    let node: MemoryNode = this.#root(root);
    let name = '';
    for (const component of components) {
      if (node.kind !== 'directory') return null;
      const match = matchName([...node.children.keys()], component);
      if (match === null) return null;
      name = match;
      node = node.children.get(match)!;
    }
    return this.#entry(name, node);
  }

  list(root: number, components: readonly string[]): HostEntry[] {
    const { children } = this.#directory(root, components);
    return [...children.keys()].sort(compareNames).map((name) => this.#entry(name, children.get(name)!));
  }

  open(root: number, components: readonly string[], access: HostAccess, creation: HostCreation): number {
    const parent = this.#directory(root, components.slice(0, -1));
    const wanted = components.at(-1);
    if (wanted === undefined) throw new HostError('is-directory', 'a root is a directory');
    const name = matchName([...parent.children.keys()], wanted);
    let node = name === null ? undefined : parent.children.get(name);
    if (node?.kind === 'directory') throw new HostError('is-directory', `${wanted} is a directory`);
    if (node && creation === 'create-new') throw new HostError('exists', `${wanted} exists`);
    if (!node && (creation === 'open' || creation === 'truncate'))
      throw new HostError('not-found', `${wanted} is not found`);
    if (!node) {
      node = { kind: 'file', bytes: new Uint8Array(0), size: 0, modifiedMs: this.#timeMs };
      parent.children.set(wanted, node);
    }
    if (creation === 'truncate' || creation === 'create-or-truncate') this.#resize(node, 0);
    const free = this.#open.indexOf(null);
    const entry = { file: node, writable: access === 'write' };
    if (free < 0) return this.#open.push(entry) - 1;
    this.#open[free] = entry;
    return free;
  }

  read(file: number, offset: number, target: Uint8Array): number {
    const { bytes, size } = this.#opened(file, false);
    const length = Math.max(0, Math.min(target.length, size - offset));
    if (length > 0) target.set(bytes.subarray(offset, offset + length));
    return length;
  }

  write(file: number, offset: number, source: Uint8Array): void {
    const node = this.#opened(file, true);
    if (offset + source.length > node.size) this.#resize(node, offset + source.length);
    node.bytes.set(source, offset);
  }

  size(file: number): number {
    return this.#opened(file, false).size;
  }

  truncate(file: number, size: number): void {
    this.#resize(this.#opened(file, true), size);
  }

  flush(file: number): void {
    this.#opened(file, false);
  }

  close(file: number): void {
    this.#opened(file, false);
    this.#open[file] = null;
  }

  remove(root: number, components: readonly string[]): void {
    const parent = this.#directory(root, components.slice(0, -1));
    const name = this.#existing(parent, components.at(-1));
    const node = parent.children.get(name)!;
    if (node.kind === 'directory' && node.children.size > 0)
      throw new HostError('not-empty', `${name} is not empty`);
    if (node.kind === 'file') this.#used -= node.size;
    parent.children.delete(name);
  }

  rename(root: number, from: readonly string[], to: readonly string[], replace: boolean): void {
    const source = this.#directory(root, from.slice(0, -1));
    const name = this.#existing(source, from.at(-1));
    const target = this.#directory(root, to.slice(0, -1));
    const wanted = to.at(-1);
    if (wanted === undefined) throw new HostError('denied', 'a root cannot be replaced');
    const node = source.children.get(name)!;
    const match = matchName([...target.children.keys()], wanted);
    const present = match === null ? undefined : target.children.get(match);
    if (present && present !== node) {
      if (!replace) throw new HostError('exists', `${wanted} exists`);
      if (present.kind === 'directory') throw new HostError('denied', `${wanted} is a directory`);
      this.#used -= present.size;
      target.children.delete(match!);
    }
    source.children.delete(name);
    target.children.set(wanted, node);
  }

  makeDirectory(root: number, components: readonly string[]): void {
    const parent = this.#directory(root, components.slice(0, -1));
    const wanted = components.at(-1);
    if (wanted === undefined || matchName([...parent.children.keys()], wanted) !== null)
      throw new HostError('exists', `${wanted ?? 'the root'} exists`);
    parent.children.set(wanted, makeDirectoryNode(this.#timeMs));
  }

  setModified(root: number, components: readonly string[], modifiedMs: number): void {
    this.#node(root, components).modifiedMs = modifiedMs;
  }

  setReadOnly(root: number, components: readonly string[], readOnly: boolean): void {
    this.#file(root, components).readOnly = readOnly;
  }

  writeConsole(stream: HostStream, bytes: Uint8Array): void {
    this.#output[stream].push(bytes.slice());
  }

  #fill(directory: MemoryDirectory, contents: FolderSpec): void {
    for (const [name, value] of Object.entries(contents)) {
      if (typeof value === 'string' || value instanceof Uint8Array) {
        const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value.slice();
        this.#used += bytes.length;
        directory.children.set(name, { kind: 'file', bytes, size: bytes.length, modifiedMs: this.#timeMs });
      } else {
        const child = makeDirectoryNode(this.#timeMs);
        this.#fill(child, value);
        directory.children.set(name, child);
      }
    }
  }

  #resize(file: MemoryFile, size: number): void {
    if (this.#used - file.size + size > this.#capacity) throw new HostError('no-space', 'the volume is full');
    this.#used += size - file.size;
    if (size > file.bytes.length) {
      const grown = new Uint8Array(Math.max(size, file.bytes.length * 2));
      grown.set(file.bytes.subarray(0, file.size));
      file.bytes = grown;
    } else if (size < file.size) {
      file.bytes.fill(0, size, file.size);
    }
    file.size = size;
  }

  #entry(name: string, node: MemoryNode): HostEntry {
    const size = node.kind === 'file' ? node.size : 0;
    const readOnly = node.kind === 'file' && node.readOnly === true;
    return { kind: node.kind, size, modifiedMs: node.modifiedMs, name, readOnly };
  }

  #root(root: number): MemoryDirectory {
    const directory = this.#roots[root];
    if (!directory) throw new HostError('not-found', `root ${root} does not exist`);
    return directory;
  }

  #node(root: number, components: readonly string[]): MemoryNode {
    let node: MemoryNode = this.#root(root);
    for (const component of components) {
      if (node.kind !== 'directory')
        throw new HostError('not-directory', `${component} is not in a directory`);
      node = node.children.get(this.#existing(node, component))!;
    }
    return node;
  }

  #directory(root: number, components: readonly string[]): MemoryDirectory {
    const node = this.#node(root, components);
    if (node.kind !== 'directory') throw new HostError('not-directory', `${components.at(-1)} is a file`);
    return node;
  }

  #file(root: number, components: readonly string[]): MemoryFile {
    const node = this.#node(root, components);
    if (node.kind !== 'file') throw new HostError('is-directory', `${components.at(-1)} is a directory`);
    return node;
  }

  #existing(directory: MemoryDirectory, name: string | undefined): string {
    const match = name === undefined ? null : matchName([...directory.children.keys()], name);
    if (match === null) throw new HostError('not-found', `${name ?? 'the root'} is not found`);
    return match;
  }

  #opened(file: number, writing: boolean): MemoryFile {
    const entry = this.#open[file];
    if (!entry) throw new HostError('io', `file ${file} is not open`);
    if (writing && !entry.writable) throw new HostError('denied', 'the file is open for reading');
    return entry.file;
  }
}
