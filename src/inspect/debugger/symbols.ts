/** Modules of a process and the names that their exports give: those of the system DLLs, which the machine itself made. */
import { VAD_IMAGE } from '../../mm/vad-tree.js';
import type { Kernel } from '../../nt/kernel.js';
import { SYSTEM_DIRECTORY } from '../../nt/kernel.js';
import type { Process } from '../../nt/process.js';
import { SYSTEM_MODULES } from '../../win32/modules.js';
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

/** What an export of a system DLL stands for when it is in another: 'NTDLL.RtlAllocateHeap'. `name` is in lower case. */
function forwarderOf(module: MappedModule, name: string): { module: string; name: string } | null {
  if (!isSystemFile(module.path)) return null;
  const table = SYSTEM_MODULES.find((each) => moduleName(each.name) === module.name)?.forwarders ?? {};
  const target = Object.entries(table).find(([from]) => from.toLowerCase() === name)?.[1];
  if (target === undefined) return null;
  const dot = target.lastIndexOf('.');
  return { module: target.slice(0, dot), name: target.slice(dot + 1) };
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

function isSystemFile(path: string): boolean {
  return path.toLowerCase().startsWith(`${SYSTEM_DIRECTORY}\\`.toLowerCase());
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
    const folded = name.toLowerCase();
    const symbol = this.#exportsOf(found).find((entry) => entry.name.toLowerCase() === folded);
    if (symbol !== undefined) return found.base + symbol.rva;
    const target = forwarderOf(found, folded);
    return target === null ? null : this.find(process, target.module, target.name);
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
    const image = isSystemFile(path)
      ? this.kernel.systemImages.get(path.slice(SYSTEM_DIRECTORY.length + 1).toLowerCase())
      : undefined;
    const exports = [...(image?.exports ?? [])].map(([name, rva]): Export => ({ rva, name }));
    exports.sort((left, right) => left.rva - right.rva || (left.name < right.name ? -1 : 1));
    this.#sorted.set(path, exports);
    return exports;
  }
}
