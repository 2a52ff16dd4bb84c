/**
 * Resources of modules. Sources: Microsoft, "FindResourceExW function", "LoadResource function", "SizeofResource function",
 * "EnumResourceNamesW function", "Multilingual User Interface: resource search order".
 */
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { PeError } from '../../pe/pe-error.js';
import {
  type ResourceKey,
  type ResourceNode,
  resourceNodes,
  resourceRoot,
  sameKey,
} from '../../pe/pe-resources.js';
import {
  ERROR_INVALID_HANDLE,
  ERROR_INVALID_PARAMETER,
  ERROR_NOT_ENOUGH_MEMORY,
} from '../ntdll/dos-error.js';
import { freeToHeap } from '../ntdll/heap.js';
import { heapContext } from '../ntdll/heap-context.js';
import { processHeap } from '../ntdll/heap-services.js';
import { type ImageView, imageOfHandle } from './data-file.js';
import { ERROR_RESOURCE_NAME_NOT_FOUND, FALSE, TRUE } from './results.js';
import { bothForms, type TextForm, textInHeap } from './text-form.js';

const ERROR_RESOURCE_DATA_NOT_FOUND = 1812;
const ERROR_RESOURCE_TYPE_NOT_FOUND = 1813;
const ERROR_RESOURCE_LANG_NOT_FOUND = 1815;
const ERROR_RESOURCE_ENUM_USER_STOP = 15106;
const ERROR_BAD_EXE_FORMAT = 193;
/** Keys below this are numbers, above it addresses of texts. */
const FIRST_TEXT = 0x10000;
const MAXIMUM_KEY = 256;
/** Languages tried in turn when the one asked for is not there: neutral, English (United States), English. */
const FALLBACK_LANGUAGES = [0, 0x409, 0x9];

/** A type or name as an argument gives it: a number, a text, or a text of # and a number. */
export function readKey(call: ServiceCall, form: TextForm, value: number): ResourceKey {
  if (value < FIRST_TEXT) return value;
  const text = form.read(call, value, MAXIMUM_KEY);
  return /^#\d{1,5}$/.test(text) ? Number(text.slice(1)) & 0xffff : text.toUpperCase();
}

/** The entry of a key below a directory. */
function below(image: ImageView, directory: ResourceNode | null, key: ResourceKey): ResourceNode | undefined {
  const nodes = nodesOf(image, directory);
  return nodes.find((node) => sameKey(node.key, key));
}

/** The entries of a directory, null for the root. */
function nodesOf({ headers, reader }: ImageView, directory: ResourceNode | null): ResourceNode[] {
  const root = resourceRoot(headers);
  if (root === 0 || directory?.isDirectory === false) return [];
  return resourceNodes(reader, root, directory?.offset ?? 0);
}

/** Runs an operation on the image of a handle; what is no image fails with its error. */
function withImage(call: ServiceCall, handle: number, operation: (image: ImageView) => number): number {
  try {
    const image = imageOfHandle(call, handle);
    if (image === null) return call.fail(ERROR_INVALID_HANDLE);
    if (resourceRoot(image.headers) === 0) return call.fail(ERROR_RESOURCE_DATA_NOT_FOUND);
    return operation(image);
  } catch (error) {
    if (error instanceof PeError) return call.fail(ERROR_BAD_EXE_FORMAT);
    throw error;
  }
}

/** The language's entry, or the best of the others. */
function chooseLanguage(nodes: readonly ResourceNode[], language: number): ResourceNode | undefined {
  for (const wanted of [language, language & 0x3ff, ...FALLBACK_LANGUAGES]) {
    const found = nodes.find(({ key }) => key === wanted);
    if (found !== undefined) return found;
  }
  return nodes[0];
}

/** HRSRC: the guest address of the data entry, or 0 with the last error. */
function find(call: ServiceCall, type: ResourceKey, name: ResourceKey, language: number): number {
  return withImage(call, call.address(0), (image) => {
    const byType = below(image, null, type);
    if (byType === undefined) return call.fail(ERROR_RESOURCE_TYPE_NOT_FOUND);
    const byName = below(image, byType, name);
    if (byName === undefined) return call.fail(ERROR_RESOURCE_NAME_NOT_FOUND);
    const entry = chooseLanguage(nodesOf(image, byName), language);
    if (entry === undefined || entry.isDirectory) return call.fail(ERROR_RESOURCE_LANG_NOT_FOUND);
    return image.addressOf(resourceRoot(image.headers) + entry.offset);
  });
}

/** HRSRC FindResource(module, name, type). */
const findResource =
  (form: TextForm): ServiceFunction =>
  (call) =>
    find(call, readKey(call, form, call.address(2)), readKey(call, form, call.address(1)), 0);

/** HRSRC FindResourceEx(module, type, name, language). */
const findResourceEx =
  (form: TextForm): ServiceFunction =>
  (call) =>
    find(
      call,
      readKey(call, form, call.address(1)),
      readKey(call, form, call.address(2)),
      call.u32(3) & 0xffff,
    );

/** HGLOBAL LoadResource(module, resource): the address of its bytes. */
const loadResource: ServiceFunction = (call) => {
  const entry = call.address(1);
  if (entry === 0) return call.fail(ERROR_INVALID_PARAMETER);
  const rva = call.memory.readU32(entry);
  return withImage(call, call.address(0), (image) => image.addressOf(rva));
};

/** DWORD SizeofResource(module, resource). */
const sizeOfResource: ServiceFunction = (call) =>
  call.address(1) === 0 ? call.fail(ERROR_INVALID_PARAMETER) : call.memory.readU32(call.address(1) + 4);

/** What an enumeration walks: the entries of one directory, with the arguments that its function gets before each. */
interface Enumeration {
  /** Index of the function's argument; its parameter follows. */
  readonly callback: number;
  /** Indexes of the arguments that are handed on: the type, the name. */
  readonly passed: readonly number[];
  readonly missing: number;
}

/** The keys that an enumeration gives, or the error. */
function keysOf(call: ServiceCall, form: TextForm, { passed, missing }: Enumeration): ResourceKey[] | number {
  let keys: ResourceKey[] = [];
  let error = 0;
  withImage(call, call.address(0), (image) => {
    let directory: ResourceNode | null = null;
    for (const argument of passed) {
      const next = below(image, directory, readKey(call, form, call.address(argument)));
      if (next === undefined) {
        error = argument === 1 ? ERROR_RESOURCE_TYPE_NOT_FOUND : ERROR_RESOURCE_NAME_NOT_FOUND;
        return call.fail(error);
      }
      directory = next;
    }
    keys = nodesOf(image, directory).map(({ key }) => key);
    return TRUE;
  });
  if (error !== 0) return error;
  return keys.length === 0 ? missing : keys;
}

/** Calls the function for the entry at an index. */
function giveNext(call: ServiceCall, form: TextForm, enumeration: Enumeration, index: number) {
  const keys = keysOf(call, form, enumeration);
  if (typeof keys === 'number') return call.fail(keys);
  const key = keys[index];
  if (key === undefined) return TRUE;
  const text = typeof key === 'string' ? textInHeap(call, form, key) : 0;
  if (typeof key === 'string' && text === 0) return call.fail(ERROR_NOT_ENOUGH_MEMORY);
  const args = [
    call.address(0),
    ...enumeration.passed.map((argument) => call.address(argument)),
    typeof key === 'string' ? text : key,
    call.address(enumeration.callback + 1),
  ];
  return call.callGuest(call.address(enumeration.callback), args, 0, [index, text]);
}

const enumerate =
  (enumeration: Enumeration) =>
  (form: TextForm): Service => ({
    enter: (call) => giveNext(call, form, enumeration, 0),
    steps: [
      (call, saved) => {
        const [index, text] = saved as [number, number];
        if (text !== 0) release(call, text);
        if (call.resultLo === 0) return call.fail(ERROR_RESOURCE_ENUM_USER_STOP, FALSE);
        return giveNext(call, form, enumeration, index + 1);
      },
    ],
  });

function release(call: ServiceCall, text: number): void {
  freeToHeap(heapContext(call), processHeap(call), text);
}

const TYPES: Enumeration = { callback: 1, passed: [], missing: ERROR_RESOURCE_TYPE_NOT_FOUND };
const NAMES: Enumeration = { callback: 2, passed: [1], missing: ERROR_RESOURCE_NAME_NOT_FOUND };
const LANGUAGES: Enumeration = { callback: 3, passed: [1, 2], missing: ERROR_RESOURCE_LANG_NOT_FOUND };

export const resourceFunctions: Record<string, Service | ServiceFunction> = {
  ...bothForms('FindResource', findResource),
  ...bothForms('FindResourceEx', findResourceEx),
  LoadResource: loadResource,
  SizeofResource: sizeOfResource,
  LockResource: (call) => call.address(0),
  /** FreeResource: nothing to free in 64-bit Windows. */
  FreeResource: () => FALSE,
  ...bothForms('EnumResourceTypes', enumerate(TYPES)),
  ...bothForms('EnumResourceNames', enumerate(NAMES)),
  ...bothForms('EnumResourceLanguages', enumerate(LANGUAGES)),
};
