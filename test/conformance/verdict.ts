/** Compares what a runner observed with what the rows say. */

import { CONSTANTS } from './constants.js';
import { constant } from './expression.js';
import { isSuccess, resultBits } from './functions.js';
import { queryExpressions } from './guest-script.js';
import type { Expected, Row, Step } from './row-file.js';

const ACCESS_CODE: Readonly<Record<string, bigint>> = { read: 0n, write: 1n, execute: 8n };
const QUERY_FIELDS = ['base', 'allocation', 'allocationProtect', 'size', 'state', 'protect', 'type'] as const;
const STATES = ['MEM_COMMIT', 'MEM_RESERVE', 'MEM_FREE'];
const TYPES = ['MEM_PRIVATE', 'MEM_MAPPED', 'MEM_IMAGE'];

/** The lines of each row, from a guest's output; a row that is not there has none. */
export function observationsByRow(output: string): Map<number, string[]> {
  const rows = new Map<number, string[]>();
  let current: string[] = [];
  for (const line of output.split(/\r?\n/)) {
    if (line.startsWith('R ')) rows.set(Number.parseInt(line.slice(2), 16), (current = []));
    else if (line !== '' && line !== 'done') current.push(line);
  }
  return rows;
}

/** What is wrong with a row, or null. */
export function judge(row: Row, observed: readonly string[]): string | null {
  const lines = observed[Symbol.iterator]();
  for (const step of row.steps) {
    if (step.kind === 'let') continue;
    const problem = judgeStep(step, lines);
    if (problem !== null) return `${step.text}\n    gave ${problem}`;
  }
  return null;
}

function judgeStep(step: Step, lines: Iterator<string>): string | null {
  const next = () => lines.next().value ?? '';
  const value = () => numbers(next())[0] ?? 0n;
  switch (step.kind) {
    case 'call':
      return judgeResult(next(), step.expected, step.function, value);
    case 'access':
      return judgeResult(next(), step.expected, null, value);
    case 'query':
      return judgeQuery(next(), step.items, value);
    case 'check': {
      const [left, right] = [value(), value()];
      return holds(left, step.operator, right) ? null : `${hex(left)} and ${hex(right)}`;
    }
    default:
      return null;
  }
}

function numbers(line: string): bigint[] {
  return line
    .split(' ')
    .slice(1)
    .map((word) => BigInt(`0x${word}`));
}

function holds(left: bigint, operator: string, right: bigint): boolean {
  switch (operator) {
    case '=':
      return left === right;
    case '!=':
      return left !== right;
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    default:
      return left >= right;
  }
}

function judgeResult(
  line: string,
  expected: Expected,
  name: string | null,
  value: () => bigint,
): string | null {
  const wanted = expected.kind === 'value' ? expected.values.map(value) : [];
  const at = expected.kind === 'raises' && expected.raised.at !== null ? value() : null;
  if (line === '') return 'nothing: the program ended here';
  if (line === 'missing') return 'no such function';
  if (line.startsWith('!')) return judgeException(line, expected, at);
  const bits = name === null ? 64 : resultBits(name);
  const [result = 0n, error = 0n] = numbers(line).map((number, index) =>
    index === 0 ? BigInt.asUintN(bits, number) : number,
  );
  const seen = `${named(result)}, last error ${named(error, 'ERROR_')}`;
  switch (expected.kind) {
    case 'any':
      return null;
    case 'success':
      if (name !== null && !isSuccess(name, result)) return seen;
      return expected.error === null || constant(expected.error) === error ? null : seen;
    case 'failure':
      return result === 0n && expected.errors.some((text) => constant(text) === error) ? null : seen;
    case 'value': {
      if (!wanted.some((number) => BigInt.asUintN(bits, number) === result)) return seen;
      return expected.error === null || constant(expected.error) === error ? null : seen;
    }
    case 'raises':
      return `no exception but ${seen}`;
  }
}

function judgeException(line: string, expected: Expected, at: bigint | null): string | null {
  const [code = 0n, access = 0n, address = 0n] = numbers(line);
  const seen = `exception ${named(code)} ${hex(access)} ${hex(address)}`;
  if (expected.kind !== 'raises' || constant(expected.raised.code) % 2n ** 32n !== code) return seen;
  if (expected.raised.access !== null && ACCESS_CODE[expected.raised.access] !== access) return seen;
  return at === null || at === address ? null : seen;
}

function judgeQuery(line: string, items: readonly string[], value: () => bigint): string | null {
  const fields = numbers(line);
  const seen = Object.fromEntries(QUERY_FIELDS.map((field, index) => [field, fields[index] ?? 0n]));
  const fits = (item: string): boolean => {
    const [, field, rest = ''] = /^(size|base|allocation|initial) (.*)$/.exec(item) ?? [];
    if (field === 'initial') return seen['allocationProtect'] === flags(rest);
    if (field !== undefined && queryExpressions(item).length > 0) return seen[field] === value();
    if (STATES.includes(item)) return seen['state'] === constant(item);
    if (TYPES.includes(item)) return seen['type'] === constant(item);
    return seen['protect'] === flags(item);
  };
  const wrong = items.filter((item) => !fits(item));
  if (wrong.length === 0) return null;
  const text = QUERY_FIELDS.map((field) => `${field} ${hex(seen[field]!)}`).join(', ');
  return `not ${wrong.join(', ')}: ${text}`;
}

function flags(text: string): bigint {
  return text.split('|').reduce((sum, name) => sum | (name === '0' ? 0n : constant(name)), 0n);
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}

/** A status or an error by its name, other values in hexadecimal. */
function named(value: bigint, prefix = 'STATUS_'): string {
  const known = Object.entries(CONSTANTS).find(
    ([name, number]) => name.startsWith(prefix) && BigInt(number) === value && value > 1n,
  );
  return known?.[0] ?? hex(value);
}
