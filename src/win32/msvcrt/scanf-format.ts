/**
 * The engine of the scanf family. Source: "Format specification fields: scanf and wscanf functions", "scanf type field
 * characters", "scanf width specification", Microsoft.
 */
import { digitValue, parseDouble, parseInteger } from './parse-number.js';
import type { CharacterSource } from './reader.js';

/** Where the results go: next() moves to the following pointer argument. */
export interface ScanTarget {
  /** Guest address that the current argument points to. */
  readonly address: number;
  next(): void;
  /** The unsigned value of the argument, as a size. */
  readonly value: number;
  storeInteger(address: number, bytes: number, value: bigint): void;
  storeDouble(address: number, value: number): void;
  storeFloat(address: number, value: number): void;
  /** Characters, with a terminator when asked. */
  storeText(address: number, text: string, wide: boolean, terminated: boolean): void;
}

export interface ScanOptions {
  /** The format and the input are UTF-16 units. */
  readonly wide: boolean;
  /** The _s functions: a size argument follows each pointer to characters. */
  readonly secure: boolean;
}

const EOF = -1;
const NO_LIMIT = 0x7fffffff;
const SIZE_PREFIX = /^(I64|I32|hh|ll|[hlLwzjtI])/;
/** Longest number that is kept; what follows is read and dropped. */
const MAXIMUM_NUMBER = 2048;

interface Directive {
  readonly assign: boolean;
  readonly width: number;
  readonly size: string;
}

function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}

class Scanner {
  private readonly format: string;
  private readonly source: CharacterSource;
  private readonly target: ScanTarget;
  private readonly options: ScanOptions;
  private at = 0;
  private assigned = 0;
  private consumed = 0;
  /** Some directive has matched, so that the end of the input is no longer EOF. */
  private matched = false;

  constructor(format: string, source: CharacterSource, target: ScanTarget, options: ScanOptions) {
    this.format = format;
    this.source = source;
    this.target = target;
    this.options = options;
  }

  run(): number {
    const { format } = this;
    while (this.at < format.length) {
      if (!this.step()) {
        const ended = !this.matched && this.assigned === 0 && this.peek() === EOF;
        return ended ? EOF : this.assigned;
      }
    }
    return this.assigned;
  }

  private get(): number {
    const code = this.source.get();
    if (code !== EOF) this.consumed++;
    return code;
  }

  private unget(code: number): void {
    if (code === EOF) return;
    this.consumed--;
    this.source.unget(code);
  }

  private peek(): number {
    const code = this.get();
    this.unget(code);
    return code;
  }

  private skipSpace(): void {
    let code = this.get();
    while (isSpace(code)) code = this.get();
    this.unget(code);
  }

  private step(): boolean {
    const code = this.format.charCodeAt(this.at);
    if (isSpace(code)) {
      while (isSpace(this.format.charCodeAt(this.at))) this.at++;
      this.skipSpace();
      return true;
    }
    this.at++;
    if (code !== 37 || this.format[this.at] === '%') {
      if (code === 37) this.at++;
      return this.literal(code);
    }
    return this.conversion();
  }

  private literal(code: number): boolean {
    const got = this.get();
    if (got === code) return true;
    this.unget(got);
    return false;
  }

  private conversion(): boolean {
    const directive = this.directive();
    const letter = this.format[this.at++] ?? '';
    if (letter === 'n') return this.count(directive);
    if (letter !== 'c' && letter !== 'C' && letter !== '[') this.skipSpace();
    const done = this.convert(letter, directive);
    if (done) this.matched = true;
    return done;
  }

  private directive(): Directive {
    let assign = true;
    if (this.format[this.at] === '*') {
      assign = false;
      this.at++;
    }
    let width = 0;
    for (; ; this.at++) {
      const digit = this.format.charCodeAt(this.at) - 48;
      if (!(digit >= 0 && digit <= 9)) break;
      width = Math.min(width * 10 + digit, NO_LIMIT);
    }
    const size = SIZE_PREFIX.exec(this.format.slice(this.at, this.at + 3))?.[0] ?? '';
    this.at += size.length;
    return { assign, width: width === 0 ? NO_LIMIT : width, size };
  }

  private convert(letter: string, directive: Directive): boolean {
    switch (letter) {
      case 'd':
      case 'u':
        return this.integer(directive, 10);
      case 'i':
        return this.integer(directive, 0);
      case 'o':
        return this.integer(directive, 8);
      case 'x':
      case 'X':
        return this.integer(directive, 16);
      case 'p':
        return this.integer({ ...directive, size: 'I64' }, 16);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
      case 'a':
      case 'A':
        return this.float(directive);
      case 's':
      case 'S':
        return this.text(directive, letter, (code) => !isSpace(code), true);
      case 'c':
      case 'C':
        return this.characters(directive, letter);
      case '[':
        return this.text(directive, 's', this.characterSet(), true);
      default:
        return letter !== '' && this.literal(letter.charCodeAt(0));
    }
  }

  private integerBytes(size: string): number {
    if (size === 'hh') return 1;
    if (size === 'h') return 2;
    return size === '' || size === 'l' || size === 'L' || size === 'I32' || size === 'w' ? 4 : 8;
  }

  private integer({ assign, width, size }: Directive, base: number): boolean {
    const text = this.take(width, integerState(base));
    const { magnitude, negative, end } = parseInteger(text, base);
    if (end === 0) return false;
    if (!assign) return true;
    this.target.next();
    this.target.storeInteger(this.target.address, this.integerBytes(size), negative ? -magnitude : magnitude);
    this.assigned++;
    return true;
  }

  private float({ assign, width, size }: Directive): boolean {
    const text = this.take(width, floatState());
    if (!/\d/.test(text)) return false;
    if (!assign) return true;
    const { value } = parseDouble(text);
    this.target.next();
    const { address } = this.target;
    if (size === 'l' || size === 'L' || size === 'll') this.target.storeDouble(address, value);
    else this.target.storeFloat(address, value);
    this.assigned++;
    return true;
  }

  /** Characters as long as `accept` wants them. */
  private take(width: number, accept: (code: number) => boolean): string {
    let text = '';
    for (let left = width; left > 0; left--) {
      const code = this.get();
      if (code === EOF || !accept(code)) {
        this.unget(code);
        break;
      }
      if (text.length < MAXIMUM_NUMBER) text += String.fromCharCode(code);
    }
    return text;
  }

  private isWide(letter: string, size: string): boolean {
    if (size === 'h' || size === 'hh') return false;
    if (size === 'l' || size === 'll' || size === 'w') return true;
    return (letter === 's' || letter === 'c') === this.options.wide;
  }

  private text(
    { assign, width, size }: Directive,
    letter: string,
    accept: (code: number) => boolean,
    terminated: boolean,
  ): boolean {
    let taken = '';
    let count = 0;
    for (; count < width; count++) {
      const code = this.get();
      if (code === EOF || !accept(code)) {
        this.unget(code);
        break;
      }
      if (assign) taken += String.fromCharCode(code);
    }
    if (count === 0) return false;
    return !assign || this.storeText(taken, this.isWide(letter, size), terminated);
  }

  private characters(directive: Directive, letter: string): boolean {
    const width = directive.width === NO_LIMIT ? 1 : directive.width;
    return this.text({ ...directive, width }, letter, () => true, false);
  }

  private storeText(text: string, wide: boolean, terminated: boolean): boolean {
    this.target.next();
    const { address } = this.target;
    if (this.options.secure) {
      this.target.next();
      if (text.length + (terminated ? 1 : 0) > (this.target.value & 0xffffffff) >>> 0) {
        if (terminated) this.target.storeText(address, '', wide, true);
        return false;
      }
    }
    this.target.storeText(address, text, wide, terminated);
    this.assigned++;
    return true;
  }

  /** The set behind [: a ] right at its beginning belongs to it, a-z is a range, ^ means all others. */
  private characterSet(): (code: number) => boolean {
    const { format } = this;
    const inverted = format[this.at] === '^';
    if (inverted) this.at++;
    const start = this.at;
    if (format[this.at] === ']') this.at++;
    while (this.at < format.length && format[this.at] !== ']') this.at++;
    const members = format.slice(start, this.at);
    this.at++;
    const set = new Set<number>();
    for (let index = 0; index < members.length; index++) {
      const first = members.charCodeAt(index);
      set.add(first);
      if (members[index + 1] !== '-' || index + 2 >= members.length) continue;
      const last = members.charCodeAt(index + 2);
      for (let code = Math.min(first, last); code <= Math.max(first, last); code++) set.add(code);
      index += 2;
    }
    return (code) => set.has(code) !== inverted;
  }

  private count({ assign, size }: Directive): boolean {
    if (!assign) return true;
    this.target.next();
    this.target.storeInteger(this.target.address, this.integerBytes(size), BigInt(this.consumed));
    return true;
  }
}

/** Accepts the characters of an integer: sign, prefix, digits. */
function integerState(base: number): (code: number) => boolean {
  let radix = base;
  let digits = 0;
  let isFirst = true;
  return (code) => {
    const wasFirst = isFirst;
    isFirst = false;
    if (wasFirst && (code === 43 || code === 45)) return true;
    if (digits === 1 && (code | 0x20) === 120 && (radix === 16 || radix === -8)) {
      radix = 16;
      digits = 2;
      return true;
    }
    if (radix === 0) radix = code === 48 ? -8 : 10;
    // The first 0 may begin 0x.
    const value = digitValue(code);
    digits = digits === 0 && value === 0 ? 1 : 2;
    return value < Math.abs(radix);
  };
}

/** Accepts the characters of a floating-point number. */
function floatState(): (code: number) => boolean {
  let stage: 'sign' | 'whole' | 'fraction' | 'exponent-sign' | 'exponent' = 'sign';
  let digits = 0;
  return (code) => {
    const isSign = code === 43 || code === 45;
    const isDigit = code >= 48 && code <= 57;
    if (stage === 'sign') {
      stage = 'whole';
      if (isSign) return true;
    }
    if (stage === 'exponent-sign') {
      stage = 'exponent';
      if (isSign) return true;
    }
    if (isDigit) {
      digits++;
      return true;
    }
    if (stage === 'whole' && code === 46) {
      stage = 'fraction';
      return true;
    }
    if ((stage === 'whole' || stage === 'fraction') && digits > 0 && (code | 0x20) === 101) {
      stage = 'exponent-sign';
      return true;
    }
    return false;
  };
}

/** Reads by the format: how many fields were assigned, or EOF when the input ended before the first. */
export function scanText(
  format: string,
  source: CharacterSource,
  target: ScanTarget,
  options: ScanOptions,
): number {
  return new Scanner(format, source, target, options).run();
}
