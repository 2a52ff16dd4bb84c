import type { KernelObject } from './object.js';

/** HANDLE_FLAG_INHERIT and HANDLE_FLAG_PROTECT_FROM_CLOSE (Microsoft, "SetHandleInformation function"). */
export const HANDLE_FLAG_INHERIT = 1;
export const HANDLE_FLAG_PROTECT_FROM_CLOSE = 2;

/** One open handle (HANDLE_TABLE_ENTRY). */
export interface HandleEntry {
  readonly object: KernelObject;
  readonly grantedAccess: number;
  /** HANDLE_FLAG_*. */
  flags: number;
}

/** Most handles of a process (Microsoft, "Kernel Objects": 16,777,216, less the first). */
const MAXIMUM_HANDLES = 0x1000000 - 1;

/**
 * A process's handle table. Handles are multiples of 4 from 4 up; the last closed is the first used again.
 * The two low bits of a handle are ignored, as on Windows ("Pushing the Limits of Windows: Handles").
 */
export class HandleTable {
  readonly #entries: (HandleEntry | null)[] = [null];
  readonly #free: number[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Returns the new handle, 0 when the table is full. */
  insert(object: KernelObject, grantedAccess: number, flags: number): number {
    if (this.#count >= MAXIMUM_HANDLES) return 0;
    const entry: HandleEntry = { object, grantedAccess, flags };
    this.#count++;
    const index = this.#free.pop() ?? this.#entries.length;
    this.#entries[index] = entry;
    return index * 4;
  }

  /**
   * Takes over what another table has to be inherited, at the same values; for a table without entries. The objects'
   * counts are the caller's business. `only` names the handles that come along; null for all that are inheritable.
   */
  inherit(from: HandleTable, only: readonly number[] | null = null): readonly HandleEntry[] {
    const taken: HandleEntry[] = [];
    const named = only === null ? null : new Set(only.map((handle) => handle >>> 2));
    const isInherited = (entry: HandleEntry | null, index: number) =>
      entry !== null && (entry.flags & HANDLE_FLAG_INHERIT) !== 0 && (named?.has(index) ?? true);
    const last = from.#entries.findLastIndex(isInherited);
    for (let index = 1; index <= last; index++) {
      const entry = from.#entries[index]!;
      const comes = isInherited(entry, index);
      this.#entries[index] = comes ? { ...entry } : null;
      if (comes) taken.push(entry);
    }
    for (let index = last; index >= 1; index--) if (this.#entries[index] === null) this.#free.push(index);
    this.#count = taken.length;
    return taken;
  }

  lookup(handle: number): HandleEntry | null {
    if (!(handle > 0 && handle <= 0xffffffff)) return null;
    return this.#entries[handle >>> 2] ?? null;
  }

  /** Takes the handle out and returns what it named. */
  remove(handle: number): HandleEntry | null {
    const entry = this.lookup(handle);
    if (!entry) return null;
    this.#entries[handle >>> 2] = null;
    this.#free.push(handle >>> 2);
    this.#count--;
    return entry;
  }

  /** Open handles in ascending order. */
  *handles(): Generator<[handle: number, entry: HandleEntry]> {
    for (let index = 1; index < this.#entries.length; index++) {
      const entry = this.#entries[index];
      if (entry) yield [index * 4, entry];
    }
  }
}
