/**
 * The row files, test/conformance/rows/*.rows. README.md beside them says how they read. A row with `cases` or `each` stands
 * for as many rows as it lists.
 */
import { readdirSync, readFileSync } from 'node:fs';

export interface Raised {
  readonly code: string;
  /** What the program did there: read, write or execute; null when it does not matter. */
  readonly access: string | null;
  readonly at: string | null;
}

/** What a call or an access should give. */
export type Expected =
  | { readonly kind: 'any' }
  | { readonly kind: 'success'; readonly error: string | null }
  | { readonly kind: 'failure'; readonly errors: readonly string[] }
  | { readonly kind: 'value'; readonly values: readonly string[]; readonly error: string | null }
  | { readonly kind: 'raises'; readonly raised: Raised };

export type Step = { readonly text: string } & (
  | { readonly kind: 'let'; readonly name: string; readonly value: string }
  | {
      readonly kind: 'call';
      readonly name: string | null;
      readonly function: string;
      readonly args: readonly string[];
      readonly expected: Expected;
    }
  | { readonly kind: 'check'; readonly left: string; readonly operator: string; readonly right: string }
  | {
      readonly kind: 'access';
      readonly access: 'read' | 'write' | 'run';
      readonly bytes: number;
      readonly operands: readonly string[];
      readonly expected: Expected;
    }
  | { readonly kind: 'query'; readonly address: string; readonly items: readonly string[] }
);

export interface Row {
  readonly family: string;
  readonly title: string;
  /** Microsoft's page that says so, or "rule, not checked: ...". */
  readonly source: string;
  readonly steps: readonly Step[];
  /** Why it does not pass yet; null when it must. */
  readonly gap: string | null;
  /** Why Wine answers otherwise; null when it should not. */
  readonly wine: string | null;
  /** A privilege that the program's account must hold. */
  readonly needs: string | null;
}

const BYTES: Readonly<Record<string, number>> = { u8: 1, u16: 2, u32: 4, u64: 8 };
const FOLDER = new URL('./rows/', import.meta.url);

/** What the variables of `cases` and `each` stand for. */
type Variant = [variable: string, value: string][];

interface Draft {
  title: string;
  source: string;
  gap: string | null;
  wine: string | null;
  needs: string | null;
  readonly lines: string[];
  columns: string[];
  cases: string[][];
  readonly each: [string, string[]][];
}

/** Every row of every file, in the order of the files' names. */
export function readRows(): Row[] {
  const rows = readdirSync(FOLDER)
    .filter((name) => name.endsWith('.rows'))
    .sort()
    .flatMap((name) => parseRows(readFileSync(new URL(name, FOLDER), 'utf8'), name));
  const names = rows.map(rowName);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`two rows are called ${twice}`);
  return rows;
}

export function rowName(row: Row): string {
  return `${row.family}: ${row.title}`;
}

export function parseRows(text: string, name: string): Row[] {
  const rows: Row[] = [];
  let [family, source] = ['', ''];
  let draft: Draft | null = null;
  const finish = () => {
    if (draft) rows.push(...expand(draft, family));
    draft = null;
  };
  text.split('\n').forEach((line, index) => {
    try {
      const words = line.trim();
      if (words === '' || words.startsWith('#')) return;
      if (draft && line.startsWith(' ')) {
        addLine(draft, line);
        return;
      }
      finish();
      const [, key, rest] = /^(family|source|row) (.*)$/.exec(words) ?? [];
      if (key === 'family') family = rest!;
      else if (key === 'source') source = rest!;
      else if (key === 'row') draft = emptyDraft(rest!, source);
      else throw new Error(`a line that says nothing: ${words}`);
    } catch (error) {
      throw new Error(`${name}:${index + 1}: ${(error as Error).message}`);
    }
  });
  finish();
  return rows;
}

function emptyDraft(title: string, source: string): Draft {
  return { title, source, gap: null, wine: null, needs: null, lines: [], columns: [], cases: [], each: [] };
}

function addLine(draft: Draft, line: string): void {
  const words = line.trim();
  const [, key, rest] = /^(source|gap|wine|needs|cases|each) (.*)$/.exec(words) ?? [];
  if (line.startsWith('    ')) draft.cases.push(words.split(/\s+/));
  else if (key === 'cases') draft.columns = rest!.split(/\s+/);
  else if (key === 'each') {
    const [variable, values] = rest!.split(': ');
    draft.each.push([variable!, values!.split(/\s+/)]);
  } else if (key === undefined) draft.lines.push(words);
  else draft[key as 'source' | 'gap' | 'wine' | 'needs'] = rest!;
}

function expand(draft: Draft, family: string): Row[] {
  let variants: Variant[] = [[]];
  if (draft.columns.length > 0) {
    variants = draft.cases.map((values) => {
      if (values.length !== draft.columns.length) throw new Error(`a case of ${draft.title}: ${values}`);
      return draft.columns.map((column, index): [string, string] => [column, values[index]!]);
    });
  }
  for (const [variable, values] of draft.each)
    variants = variants.flatMap((variant) => values.map((value): Variant => [...variant, [variable, value]]));
  return variants.map((variant) => {
    const replaced = (text: string) =>
      variant
        .toSorted(([a], [b]) => b.length - a.length)
        .reduce((result, [variable, value]) => result.replaceAll(variable, value), text);
    return {
      family,
      title: replaced(draft.title),
      source: draft.source,
      gap: draft.gap,
      wine: draft.wine,
      needs: draft.needs,
      steps: draft.lines.map((line) => parseStep(replaced(line))),
    };
  });
}

function parseStep(text: string): Step {
  const [, left = text, right] = /^(.*?) -> (.*)$/.exec(text) ?? [];
  const [, word, rest] = /^(query|check|read|write|run) (.*)$/.exec(left) ?? [];
  if (word === 'query') return { kind: 'query', text, address: rest!, items: (right ?? '').split(/,\s*/) };
  if (word === 'check') {
    const [, a, operator, b] = /^(.*?) (=|!=|<|<=|>|>=) (.*)$/.exec(rest!) ?? [];
    if (operator === undefined) throw new Error(`no check: ${text}`);
    return { kind: 'check', text, left: a!, operator, right: b! };
  }
  if (word !== undefined) return parseAccess(text, word as 'read' | 'write' | 'run', rest!, right);
  const [, , name, target, args] = /^((\w+) = )?([A-Z]\w+)\((.*)\)$/.exec(left) ?? [];
  if (target !== undefined)
    return {
      kind: 'call',
      text,
      name: name ?? null,
      function: target,
      args: splitArguments(args!),
      expected: parseExpected(right, 'success'),
    };
  const [, variable, value] = /^([a-z]\w*) = (.*)$/.exec(left) ?? [];
  if (variable === undefined) throw new Error(`no step: ${text}`);
  return { kind: 'let', text, name: variable, value: value! };
}

/** read u32 ADDRESS -> VALUE; write u32 ADDRESS VALUE; run ADDRESS. An address and a value have no blanks in them. */
function parseAccess(text: string, access: 'read' | 'write' | 'run', rest: string, right?: string): Step {
  const words = rest.split(/\s+/);
  const bytes = access === 'run' ? 0 : BYTES[words.shift()!];
  if (bytes === undefined || words.length !== (access === 'write' ? 2 : 1))
    throw new Error(`no access: ${text}`);
  return { kind: 'access', text, access, bytes, operands: words, expected: parseExpected(right, 'any') };
}

function splitArguments(text: string): string[] {
  const parts: string[] = [];
  let [depth, quoted, current] = [0, false, ''];
  for (const letter of text) {
    if (letter === '"') quoted = !quoted;
    if (!quoted && letter === '(') depth++;
    if (!quoted && letter === ')') depth--;
    if (letter === ',' && depth === 0 && !quoted) {
      parts.push(current.trim());
      current = '';
    } else current += letter;
  }
  if (current.trim() !== '') parts.push(current.trim());
  return parts;
}

function parseExpected(text: string | undefined, otherwise: 'success' | 'any'): Expected {
  if (text === undefined) return otherwise === 'any' ? { kind: 'any' } : { kind: 'success', error: null };
  if (text === 'anything') return { kind: 'any' };
  const [isSuccess, successError] = /^succeeds(?: error (\w+))?$/.exec(text) ?? [];
  if (isSuccess !== undefined) return { kind: 'success', error: successError ?? null };
  if (text.startsWith('fails ')) return { kind: 'failure', errors: text.slice(6).split(' or ') };
  const [, code, access, at] = /^raises (\w+)(?: (read|write|execute))?(?: at (.*))?$/.exec(text) ?? [];
  if (code !== undefined) return { kind: 'raises', raised: { code, access: access ?? null, at: at ?? null } };
  const [, values, error] = /^(.*?)(?: error (\w+))?$/.exec(text)!;
  return { kind: 'value', values: values!.split(' or '), error: error ?? null };
}
