/** What a program imports and what of it is missing, found without running it. */

import { moduleFileName } from '../ldr/ldr-search.js';
import { parseForwarder } from '../ldr/ldr-snap.js';
import type { SystemDllSet } from '../nt/system-module.js';
import {
  type ExportDirectory,
  findExportByName,
  findExportByOrdinal,
  readExportDirectory,
} from '../pe/pe-exports.js';
import { type PeImage, parsePeImage, whyNotRunnable } from '../pe/pe-image.js';
import {
  type ImportedFunction,
  type ImportedModule,
  readDelayImports,
  readImports,
} from '../pe/pe-imports.js';

/** Where a DLL comes from: generated, beside the program, or nowhere. */
export type ImportSource = 'system' | 'beside' | 'missing';

export interface FunctionImport {
  /** The name, or '#7' for an ordinal. */
  readonly name: string;
  readonly found: boolean;
}

export interface DllImport {
  readonly dll: string;
  /** The program, or the DLL beside it, that imports. */
  readonly importer: string;
  readonly source: ImportSource;
  /** Loaded at the first call, not with the program. */
  readonly delayed: boolean;
  readonly functions: readonly FunctionImport[];
}

export interface ImportReport {
  /** Why the program cannot run here, in one sentence; null when it can. */
  readonly notRunnable: string | null;
  /** In the order in which the loader meets them; a DLL beside the program after the one that needs it. */
  readonly imports: readonly DllImport[];
  /** 'dll!function' of what nobody provides, and the names of DLLs that are nowhere; each once, DLLs in lower case. */
  readonly missing: readonly string[];
}

/** An image whose exports can be asked for. */
interface Provider {
  readonly source: ImportSource;
  readonly image: PeImage;
  readonly exports: ExportDirectory | null;
}

/** Longest chain of forwarders that is followed. */
const MAXIMUM_FORWARDS = 32;

class ImportWalk {
  readonly imports: DllImport[] = [];
  readonly #providers = new Map<string, Provider | null>();

  constructor(
    private readonly system: SystemDllSet,
    private readonly beside: (name: string) => Uint8Array | null,
  ) {}

  /** Lists what an image imports, then what the DLLs beside the program import. */
  visit(importer: string, image: PeImage): void {
    const { reader, headers } = image;
    const next: [string, PeImage][] = [];
    const list = (modules: ImportedModule[], delayed: boolean) => {
      for (const { dll, functions } of modules) {
        const known = this.#providers.has(keyOf(dll));
        const provider = this.#provider(dll);
        if (!known && provider?.source === 'beside') next.push([dll, provider.image]);
        this.imports.push({
          dll,
          importer,
          source: provider?.source ?? 'missing',
          delayed,
          functions: functions.map((wanted) => this.#describe(provider, wanted)),
        });
      }
    };
    list(readImports(reader, headers), false);
    list(readDelayImports(reader, headers), true);
    for (const [name, dependency] of next) this.visit(name, dependency);
  }

  #describe(provider: Provider | null, { name, ordinal }: ImportedFunction): FunctionImport {
    return { name: name ?? `#${ordinal}`, found: this.#exports(provider, name, ordinal, 0) };
  }

  #exports(provider: Provider | null, name: string | null, ordinal: number, depth: number): boolean {
    if (provider?.exports == null || depth === MAXIMUM_FORWARDS) return false;
    const { image, exports } = provider;
    const target =
      name === null
        ? findExportByOrdinal(image.reader, exports, ordinal)
        : findExportByName(image.reader, exports, name);
    if (target === null) return false;
    if (target.forwarder === null) return true;
    const forwarded = parseForwarder(target.forwarder);
    if (forwarded === null) return false;
    return this.#exports(this.#provider(forwarded.dll), forwarded.name, forwarded.ordinal, depth + 1);
  }

  #provider(dll: string): Provider | null {
    const key = keyOf(dll);
    const known = this.#providers.get(key);
    if (known !== undefined) return known;
    const generated = this.system.images.find(({ name }) => name === key);
    const bytes = generated?.bytes ?? this.beside(key);
    const provider = bytes === null ? null : makeProvider(generated ? 'system' : 'beside', bytes);
    this.#providers.set(key, provider);
    return provider;
  }
}

const keyOf = (dll: string) => moduleFileName(dll).toLowerCase();

function makeProvider(source: ImportSource, bytes: Uint8Array): Provider {
  const image = parsePeImage(bytes);
  return { source, image, exports: readExportDirectory(image.reader, image.headers) };
}

/**
 * Lists the imports of a program. `beside` gives the bytes of a file in the program's folder by its lower-case name, null when
 * there is none. Throws PeError when the program, or a DLL beside it, is not a well-formed image.
 */
export function inspectImports(
  name: string,
  program: Uint8Array,
  system: SystemDllSet,
  beside: (name: string) => Uint8Array | null,
): ImportReport {
  const image = parsePeImage(program);
  const walk = new ImportWalk(system, beside);
  walk.visit(name, image);
  const missing = new Set<string>();
  for (const { dll, source, functions } of walk.imports) {
    if (source === 'missing') missing.add(keyOf(dll));
    else for (const { name: what, found } of functions) if (!found) missing.add(`${keyOf(dll)}!${what}`);
  }
  return { notRunnable: whyNotRunnable(image.headers), imports: walk.imports, missing: [...missing] };
}

/** The report as text for people: a block for each importer, missing ones marked. */
export function formatImports(report: ImportReport): string {
  const lines: string[] = [];
  let importer = '';
  for (const entry of report.imports) {
    if (entry.importer !== importer) lines.push(`${(importer = entry.importer)} imports`);
    const from = { system: '', beside: ' (beside the program)', missing: ' (not found)' }[entry.source];
    lines.push(`  ${entry.dll}${from}${entry.delayed ? ' (at the first call)' : ''}`);
    for (const { name, found } of entry.functions)
      lines.push(
        `    ${found ? ' ' : '!'} ${name}${found || entry.source === 'missing' ? '' : '   missing'}`,
      );
  }
  const count = report.imports.reduce((sum, { functions }) => sum + functions.length, 0);
  lines.push(
    report.missing.length === 0
      ? `${count} functions, all there`
      : `${count} functions; missing: ${report.missing.join(', ')}`,
  );
  if (report.notRunnable !== null) lines.push(`It cannot run here: ${report.notRunnable}`);
  return `${lines.join('\n')}\n`;
}
