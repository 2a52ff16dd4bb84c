/** Lays out a resource section. Source: Microsoft, "PE Format", "The .rsrc Section". */
import type { ResourceKey } from './pe-resources.js';

export interface Resource {
  readonly type: ResourceKey;
  readonly name: ResourceKey;
  readonly language: number;
  readonly codePage: number;
  readonly data: Uint8Array;
}

const DIRECTORY_BYTES = 16;
const ENTRY_BYTES = 8;
const DATA_ENTRY_BYTES = 16;
const SUBDIRECTORY = 0x8000_0000;
const DATA_ALIGNMENT = 8;

/** A directory in the making, or a leaf. */
interface Branch {
  readonly children: Map<ResourceKey, Branch>;
  readonly leaf: Resource | null;
  offset: number;
}

const branch = (leaf: Resource | null): Branch => ({ children: new Map(), leaf, offset: 0 });

/** Texts first, in the order of their units, then numbers. */
function compareKeys(left: ResourceKey, right: ResourceKey): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  if (typeof left === 'number') return 1;
  if (typeof right === 'number') return -1;
  return left < right ? -1 : left > right ? 1 : 0;
}

const upper = (key: ResourceKey) => (typeof key === 'string' ? key.toUpperCase() : key);

function child(parent: Branch, key: ResourceKey, leaf: Resource | null): Branch {
  const known = parent.children.get(key);
  if (known !== undefined && leaf === null) return known;
  const made = branch(leaf);
  parent.children.set(key, made);
  return made;
}

function treeOf(resources: readonly Resource[]): Branch {
  const root = branch(null);
  for (const resource of resources) {
    const type = child(root, upper(resource.type), null);
    const name = child(type, upper(resource.name), null);
    child(name, resource.language, resource);
  }
  return root;
}

const entriesOf = ({ children }: Branch) => [...children].sort(([left], [right]) => compareKeys(left, right));

/** All branches, level by level. */
function levels(root: Branch): Branch[][] {
  const result: Branch[][] = [[root]];
  for (let depth = 0; depth < 3; depth++)
    result.push(result[depth]!.flatMap((parent) => entriesOf(parent).map(([, below]) => below)));
  return result;
}

const alignUp = (value: number, alignment: number) => Math.ceil(value / alignment) * alignment;

/** The section's bytes, to lie at `rva`: directories, names, data entries, data. */
export function buildResourceSection(resources: readonly Resource[], rva: number): Uint8Array {
  const root = treeOf(resources);
  const [roots, types, names, leaves] = levels(root) as [Branch[], Branch[], Branch[], Branch[]];
  const directories = [...roots, ...types, ...names];
  let at = 0;
  for (const directory of directories) {
    directory.offset = at;
    at += DIRECTORY_BYTES + directory.children.size * ENTRY_BYTES;
  }
  const texts = new Map<string, number>();
  for (const { children } of directories)
    for (const key of children.keys()) {
      if (typeof key === 'number' || texts.has(key)) continue;
      texts.set(key, at);
      at += 2 + 2 * key.length;
    }
  at = alignUp(at, 4);
  for (const leaf of leaves) {
    leaf.offset = at;
    at += DATA_ENTRY_BYTES;
  }
  const places = leaves.map(({ leaf }) => {
    const place = alignUp(at, DATA_ALIGNMENT);
    at = place + leaf!.data.length;
    return place;
  });
  const bytes = new Uint8Array(alignUp(at, 4));
  const view = new DataView(bytes.buffer);
  for (const directory of directories) writeDirectory(view, directory, texts);
  for (const [text, offset] of texts) writeText(view, text, offset);
  leaves.forEach(({ leaf, offset }, index) => {
    view.setUint32(offset, rva + places[index]!, true);
    view.setUint32(offset + 4, leaf!.data.length, true);
    view.setUint32(offset + 8, leaf!.codePage, true);
    bytes.set(leaf!.data, places[index]!);
  });
  return bytes;
}

function writeDirectory(view: DataView, directory: Branch, texts: ReadonlyMap<string, number>): void {
  const entries = entriesOf(directory);
  const named = entries.filter(([key]) => typeof key === 'string').length;
  view.setUint16(directory.offset + 12, named, true);
  view.setUint16(directory.offset + 14, entries.length - named, true);
  entries.forEach(([key, below], index) => {
    const at = directory.offset + DIRECTORY_BYTES + index * ENTRY_BYTES;
    view.setUint32(at, typeof key === 'string' ? SUBDIRECTORY + texts.get(key)! : key, true);
    view.setUint32(at + 4, below.leaf === null ? SUBDIRECTORY + below.offset : below.offset, true);
  });
}

function writeText(view: DataView, text: string, offset: number): void {
  view.setUint16(offset, text.length, true);
  for (let index = 0; index < text.length; index++)
    view.setUint16(offset + 2 + 2 * index, text.charCodeAt(index), true);
}
