/** Modules of a process and the names that their exports give: those of the system DLLs, which the machine itself made. */
import { VAD_IMAGE } from '../../mm/vad-tree.js';
import type { Kernel } from '../../nt/kernel.js';
import { SYSTEM_DIRECTORY } from '../../nt/kernel.js';
import type { Process } from '../../nt/process.js';
import { hex } from './format.js';

const PAGE_SIZE = 4096;

export interface MappedModule {
  readonly base: number;
  /** First address behind it. */
  readonly end: number;
  /** File name without its extension, lower case: what stands before '!'. */
  readonly name: string;
  /** Guest path. */
  readonly path: string;
}

interface Export {
  readonly rva: number;
  readonly name: string;
}

function moduleName(path: string): string {
  return path
    .slice(path.lastIndexOf('\\') + 1)
    .replace(/\.[^.]*$/, '')
    .toLowerCase();
}

/** The images that are mapped, in address order. */
export function mappedModules(process: Process): MappedModule[] {
  const modules: MappedModule[] = [];
  const { vads } = process.space;
  for (let vad = vads.first(); vad !== null; vad = vads.next(vad)) {
    if (vad.kind !== VAD_IMAGE) continue;
    const path = vad.controlArea!.file!.name;
    const base = (vad.startPage - vad.sectionOffset) * PAGE_SIZE;
    modules.push({ base, end: (vad.endPage + 1) * PAGE_SIZE, name: moduleName(path), path });
  }
  return modules;
}

export class Symbols {
  /** Exports of each system DLL in address order. */
  readonly #sorted = new Map<string, readonly Export[]>();

  constructor(private readonly kernel: Kernel) {}

  /** The address of 'module', or of 'module!export'; null when the process has no such module or that no such export. */
  find(process: Process, module: string, name: string | null): number | null {
    const wanted = moduleName(module);
    const found = mappedModules(process).find((mapped) => mapped.name === wanted);
    if (found === undefined) return null;
    if (name === null) return found.base;
    const symbol = this.#exportsOf(found).find((entry) => entry.name.toLowerCase() === name.toLowerCase());
    return symbol === undefined ? null : found.base + symbol.rva;
  }

  /** ntdll!NtClose+0x8, or sort+0x1000 where there are no exports; null outside of modules. */
  nameOf(process: Process, address: number): string | null {
    const module = mappedModules(process).find(({ base, end }) => address >= base && address < end);
    if (module === undefined) return null;
    const rva = address - module.base;
    const before = this.#exportsOf(module).findLast((entry) => entry.rva <= rva);
    const name = before === undefined ? module.name : `${module.name}!${before.name}`;
    const offset = rva - (before?.rva ?? 0);
    return offset === 0 ? name : `${name}+0x${hex(offset)}`;
  }

  #exportsOf({ path }: MappedModule): readonly Export[] {
    const known = this.#sorted.get(path);
    if (known !== undefined) return known;
    const folder = `${SYSTEM_DIRECTORY}\\`.toLowerCase();
    const file = path.toLowerCase();
    const image = file.startsWith(folder)
      ? this.kernel.systemImages.get(file.slice(folder.length))
      : undefined;
    const exports = [...(image?.exports ?? [])].map(([name, rva]): Export => ({ rva, name }));
    exports.sort((left, right) => left.rva - right.rva || (left.name < right.name ? -1 : 1));
    this.#sorted.set(path, exports);
    return exports;
  }
}
