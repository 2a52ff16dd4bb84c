/** Rows as the guest program examples/conformance/conformance.c reads them; the comment at its head tells the form. */
import { ExpressionCompiler, StringTable, Variables } from './expression.js';
import { madeThrough, undoing } from './functions.js';
import { type Expected, type Row, rowName, type Step } from './row-file.js';

const ACCESS_LETTER = { read: 'G', write: 'P', run: 'X' } as const;

/** The whole script: string table first, row n under "R n". */
export function compileRows(rows: readonly Row[]): string {
  const strings = new StringTable();
  const lines = rows.flatMap((row, index) => [`R ${index.toString(16)}`, ...compileRow(row, strings)]);
  return `${[...strings.lines, ...lines].join('\n')}\n`;
}

/** The lines of one row without its head; they print one line for each observation. */
export function compileRow(row: Row, strings: StringTable): string[] {
  const compiler = new ExpressionCompiler(new Variables(), strings);
  const undo: string[] = [];
  const lines = row.steps.flatMap((step) => {
    try {
      const compiled = compileStep(step, compiler);
      if (step.kind === 'call') undo.unshift(...undoLines(step, compiler, row));
      return compiled;
    } catch (error) {
      throw new Error(`${rowName(row)}: ${step.text}: ${(error as Error).message}`);
    }
  });
  return [...lines, ...undo];
}

function compileStep(step: Step, compiler: ExpressionCompiler): string[] {
  const compile = (text: string) => compiler.compile(text);
  const evaluate = (text: string) => `E ${compile(text)}`;
  switch (step.kind) {
    case 'let': {
      const value = compile(step.value);
      return [`L ${compiler.variables.define(step.name).toString(16)} ${value}`];
    }
    case 'call': {
      const args = step.args.map(compile).join(',');
      const slot = step.name === null ? 0 : compiler.variables.define(step.name);
      const mustBe = step.expected.kind === 'success' && step.name !== null ? [`N ${slot.toString(16)}`] : [];
      return [
        `C ${slot.toString(16)} ${step.function} ${args}`,
        ...expressionsOf(step.expected).map(evaluate),
        ...mustBe,
      ];
    }
    case 'check':
      return [evaluate(step.left), evaluate(step.right)];
    case 'query':
      return [`Q ${compile(step.address)}`, ...step.items.flatMap(queryExpressions).map(evaluate)];
    case 'access': {
      const operands = step.operands.map(compile).join(',');
      const bytes = step.access === 'run' ? '' : `${step.bytes} `;
      const line = `${ACCESS_LETTER[step.access]} ${bytes}${operands}`;
      return [line, ...expressionsOf(step.expected).map(evaluate)];
    }
  }
}

/** The expressions whose values the guest prints behind an observation, to compare with. */
function expressionsOf(expected: Expected): string[] {
  switch (expected.kind) {
    case 'value':
      return [...expected.values];
    case 'raises':
      return expected.raised.at === null ? [] : [expected.raised.at];
    default:
      return [];
  }
}

/** "size 8K", "base p", "allocation p" have an expression; protections and states are names. */
export function queryExpressions(item: string): string[] {
  const [, , expression] = /^(size|base|allocation) (.*)$/.exec(item) ?? [];
  return expression === undefined ? [] : [expression];
}

function undoLines(step: Step & { kind: 'call' }, compiler: ExpressionCompiler, row: Row): string[] {
  const template = undoing(step.function);
  if (template === null) return [];
  const through = madeThrough(step.function);
  const variable = through === null ? step.name : /^&(\w+)$/.exec(step.args[through] ?? '')?.[1];
  if (!variable || isDestroyed(row, variable)) return [];
  const lines = [`D ${template.replace('$', compiler.compile(variable))}`];
  if (step.function === 'Child') lines.push(`D CloseHandle ${compiler.compile(variable)}`);
  return lines;
}

/** A heap that the row itself destroys must not be destroyed twice. */
function isDestroyed(row: Row, variable: string): boolean {
  return row.steps.some(
    (step) => step.kind === 'call' && step.function === 'HeapDestroy' && step.args[0] === variable,
  );
}
