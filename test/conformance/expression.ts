/**
 * Expressions of the row files: numbers (decimal, 0x; K, M and G behind them), constants of the Windows headers in capitals,
 * variables in small letters, &variable for its address, "narrow" and L"wide" strings, + - * / % |, parentheses. They become
 * the reverse Polish form that the guest program reads.
 */
import { CONSTANTS } from './constants.js';

const PRECEDENCE: Readonly<Record<string, number>> = { '|': 1, '+': 2, '-': 2, '*': 3, '/': 3, '%': 3 };
const UNIT: Readonly<Record<string, bigint>> = { K: 1024n, M: 1024n ** 2n, G: 1024n ** 3n, '': 1n };
const TOKEN =
  /\s*(?:(0x[0-9a-fA-F]+|\d+)([KMG]?)\b|(L?)"([^"]*)"|&([a-z]\w*)|([a-z]\w*)|([A-Z]\w*)|([-+*/%|()]))/y;

/** The strings of a script: narrow "S text" and wide "W text", each once. */
export class StringTable {
  readonly lines: string[] = [];

  indexOf(text: string, isWide: boolean): number {
    const line = `${isWide ? 'W' : 'S'} ${text}`;
    const known = this.lines.indexOf(line);
    return known >= 0 ? known : this.lines.push(line) - 1;
  }
}

/** The variables of a row by name; slot 0 is `buffer`, 64 KB of zeroes at the row's start. */
export class Variables {
  private readonly slots = new Map<string, number>([['buffer', 0]]);

  has(name: string): boolean {
    return this.slots.has(name);
  }

  /** The slot of a variable that a step sets. */
  define(name: string): number {
    const slot = this.slots.get(name) ?? this.slots.size;
    this.slots.set(name, slot);
    return slot;
  }

  slotOf(name: string): number {
    const slot = this.slots.get(name);
    if (slot === undefined) throw new Error(`nothing has set ${name}`);
    return slot;
  }
}

/** The value of a constant of the headers, as the 64-bit pattern that an argument has. */
export function constant(name: string): bigint {
  const value = CONSTANTS[name];
  if (value === undefined) throw new Error(`no value is known for ${name}`);
  return BigInt.asUintN(64, BigInt(value));
}

export class ExpressionCompiler {
  constructor(
    readonly variables: Variables,
    readonly strings: StringTable,
  ) {}

  /** Reverse Polish form, blanks between the tokens. */
  compile(text: string): string {
    const output: string[] = [];
    const operators: string[] = [];
    let expectOperand = true;
    TOKEN.lastIndex = 0;
    while (TOKEN.lastIndex < text.trimEnd().length) {
      const match = TOKEN.exec(text);
      if (!match) throw new Error(`no expression: ${text}`);
      const operator = match[8];
      if (operator === undefined) {
        output.push(this.operand(match));
        expectOperand = false;
      } else if (operator === '-' && expectOperand) {
        output.push('0');
        operators.push('-');
      } else {
        this.operator(operator, output, operators);
        expectOperand = operator !== ')';
      }
    }
    while (operators.length > 0) output.push(operators.pop()!);
    if (output.length === 0) throw new Error(`an expression is missing in ${text}`);
    return output.join(' ');
  }

  private operand([, digits, unit, prefix, quoted, address, variable, name]: RegExpExecArray): string {
    if (digits !== undefined) return (BigInt(digits) * UNIT[unit!]!).toString(16);
    if (quoted !== undefined) return `@${this.strings.indexOf(quoted, prefix === 'L').toString(16)}`;
    if (address !== undefined) return `&${this.variables.define(address).toString(16)}`;
    if (variable !== undefined) return `v${this.variables.slotOf(variable).toString(16)}`;
    return constant(name!).toString(16);
  }

  private operator(operator: string, output: string[], operators: string[]): void {
    if (operator === '(') {
      operators.push(operator);
      return;
    }
    const least = operator === ')' ? 0 : PRECEDENCE[operator]!;
    while (operators.length > 0 && operators.at(-1) !== '(' && PRECEDENCE[operators.at(-1)!]! >= least)
      output.push(operators.pop()!);
    if (operator !== ')') operators.push(operator);
    else if (operators.pop() !== '(') throw new Error('a parenthesis is closed that was not opened');
  }
}
