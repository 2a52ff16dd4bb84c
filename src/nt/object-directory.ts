import {
  STATUS_OBJECT_NAME_INVALID,
  STATUS_OBJECT_NAME_NOT_FOUND,
  STATUS_OBJECT_PATH_NOT_FOUND,
  STATUS_OBJECT_PATH_SYNTAX_BAD,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import type { KernelObject } from './object.js';

/** The object directory of the session that programs run in. */
export const SESSION_NAMED_OBJECTS = '\\Sessions\\1\\BaseNamedObjects';
/** The object directory of session 0, which the prefix Global\ means. */
export const GLOBAL_NAMED_OBJECTS = '\\BaseNamedObjects';
/** The object directory of the system's own events. */
export const KERNEL_OBJECTS = '\\KernelObjects';

const DIRECTORIES = [
  '\\',
  '\\Sessions',
  '\\Sessions\\1',
  SESSION_NAMED_OBJECTS,
  GLOBAL_NAMED_OBJECTS,
  KERNEL_OBJECTS,
];

/** Most UTF-16 units of a name (MAX_PATH, Microsoft, "CreateFileMappingW function"). */
const MAXIMUM_NAME = 260;

/**
 * Full object path of a Win32 name (Microsoft, "Kernel object namespaces"): Global\x and Local\x choose the directory,
 * any other backslash names a directory that does not exist. Names compare with case.
 */
export function baseNamedObjectPath(name: string): string {
  if (name.startsWith('Global\\')) return `${GLOBAL_NAMED_OBJECTS}\\${name.slice(7)}`;
  if (name.startsWith('Local\\')) return `${SESSION_NAMED_OBJECTS}\\${name.slice(6)}`;
  return `${SESSION_NAMED_OBJECTS}\\${name}`;
}

/** The named objects, by full path. */
export class ObjectDirectory {
  readonly #objects = new Map<string, KernelObject>();

  /** STATUS_SUCCESS, or why no object can have the path. */
  checkPath(path: string): number {
    if (!path.startsWith('\\')) return STATUS_OBJECT_PATH_SYNTAX_BAD;
    const cut = path.lastIndexOf('\\');
    const name = path.slice(cut + 1);
    if (name === '' || name.length > MAXIMUM_NAME) return STATUS_OBJECT_NAME_INVALID;
    const directory = path.slice(0, cut) || '\\';
    return DIRECTORIES.includes(directory) ? STATUS_SUCCESS : STATUS_OBJECT_PATH_NOT_FOUND;
  }

  /** The object of a path, or STATUS_OBJECT_NAME_NOT_FOUND, STATUS_OBJECT_PATH_NOT_FOUND or a syntax error. */
  lookup(path: string): KernelObject | number {
    const status = this.checkPath(path);
    if (status !== STATUS_SUCCESS) return status;
    return this.#objects.get(path) ?? STATUS_OBJECT_NAME_NOT_FOUND;
  }

  /** Enters an object under a checked, free path. */
  insert(path: string, object: KernelObject): void {
    object.name = path;
    this.#objects.set(path, object);
  }

  /** An object loses its name when its last handle closes. */
  remove(object: KernelObject): void {
    if (object.name !== null && this.#objects.get(object.name) === object) this.#objects.delete(object.name);
    object.name = null;
  }

  get count(): number {
    return this.#objects.size;
  }
}
