/**
 * The engine of the printf family. It knows no memory: arguments and strings come through FormatArguments, and the result
 * is a list of pieces, so that everything has been read before anything is written.
 * Source: "Format specification syntax: printf and wprintf functions", Microsoft; the older forms that msvcrt.dll has
 * (%hs, %S, I64, three exponent digits, hh no other than h) are described there too, and those of the Universal C Runtime.
 */
import { EXACT_DECIMALS, formatFloat, isNegative } from './format-float.js';

/** The variable arguments: next() moves to the following one, lo and hi are its 32-bit words. */
export interface FormatArguments {
  readonly lo: number;
  readonly hi: number;
  next(): void;
  /** The current argument as a guest address. */
  readonly address: number;
  readonly double: number;
  /** Characters up to a NUL, at most `limit`, as codes 0..255. */
  narrowString(address: number, limit: number): string;
  /** UTF-16 units up to a NUL, at most `limit`. */
  wideString(address: number, limit: number): string;
}

/** A character code many times over. */
export interface Fill {
  readonly code: number;
  readonly count: number;
}

export type Piece = string | Fill;

/** A %n: where to store how many characters came before it, and in how many bytes. */
export interface CountStore {
  readonly address: number;
  readonly bytes: number;
  readonly count: number;
}

export interface Formatted {
  readonly pieces: readonly Piece[];
  /** Characters in all pieces. */
  readonly length: number;
  readonly stores: readonly CountStore[];
  /** A wide character had no narrow form: the function fails with EILSEQ. */
  readonly unconvertible: boolean;
}

/** How the runtimes differ, and what the Universal C Runtime's options say. */
export interface PrintfDialect {
  /** hh is a size of its own, and what is no number reads inf, nan, nan(ind) and nan(snan). */
  readonly universal: boolean;
  /** Least digits of a decimal exponent. */
  readonly exponentDigits: number;
  /** A half rounds to an even digit, not away from zero. */
  readonly tiesToEven: boolean;
  /** In a wide function %s and %c are narrow, as the C standard has it. */
  readonly standardWidths: boolean;
}

export const CLASSIC_DIALECT: PrintfDialect = {
  universal: false,
  exponentDigits: 3,
  tiesToEven: false,
  standardWidths: false,
};

interface Specification {
  left: boolean;
  plus: boolean;
  space: boolean;
  alternate: boolean;
  zero: boolean;
  width: number;
  /** -1: none given. */
  precision: number;
  size: Size;
}

type Size = '' | 'hh' | 'h' | 'l' | 'll' | 'w' | 'pointer' | '32';

const NO_LIMIT = 0x7fffffff;
const ZERO = 48;
const SPACE = 32;
const POINTER_DIGITS = 16;
const SIZE_PREFIXES: readonly [text: string, size: Size][] = [
  ['I64', 'll'],
  ['I32', '32'],
  ['ll', 'll'],
  ['l', 'l'],
  ['h', 'h'],
  ['w', 'w'],
  ['L', ''],
  ['z', 'pointer'],
  ['t', 'pointer'],
  ['j', 'll'],
];

/** One formatting of one format string. */
class Formatter {
  private readonly format: string;
  private readonly wide: boolean;
  private readonly args: FormatArguments;
  private readonly dialect: PrintfDialect;
  private position = 0;
  private readonly pieces: Piece[] = [];
  private readonly stores: CountStore[] = [];
  private length = 0;
  private unconvertible = false;

  constructor(format: string, wide: boolean, args: FormatArguments, dialect: PrintfDialect) {
    this.dialect = dialect;
    this.format = format;
    this.wide = wide;
    this.args = args;
  }

  run(): Formatted {
    const { format } = this;
    while (this.position < format.length && !this.unconvertible) {
      const percent = format.indexOf('%', this.position);
      const end = percent < 0 ? format.length : percent;
      this.text(format.slice(this.position, end));
      this.position = end + 1;
      if (percent >= 0) this.conversion();
    }
    const { pieces, length, stores, unconvertible } = this;
    return { pieces, length, stores, unconvertible };
  }

  private text(text: string): void {
    if (text === '') return;
    this.pieces.push(text);
    this.length += text.length;
  }

  private fill(code: number, count: number): void {
    if (count <= 0) return;
    this.pieces.push({ code, count });
    this.length += count;
  }

  private conversion(): void {
    const spec = this.specification();
    const letter = this.format[this.position];
    if (letter === undefined) return;
    this.position++;
    switch (letter) {
      case 'd':
      case 'i':
        this.signed(spec);
        break;
      case 'u':
        this.unsigned(spec, 10, '');
        break;
      case 'o':
        this.unsigned(spec, 8, '');
        break;
      case 'x':
        this.unsigned(spec, 16, '0x');
        break;
      case 'X':
        this.unsigned(spec, 16, '0X');
        break;
      case 'p':
        this.unsigned({ ...spec, size: 'll', precision: POINTER_DIGITS }, 16, '0X');
        break;
      case 'c':
      case 'C':
        this.character(spec, letter);
        break;
      case 's':
      case 'S':
        this.string(spec, letter);
        break;
      case 'n':
        this.count(spec);
        break;
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
      case 'a':
      case 'A':
        this.float(spec, letter);
        break;
      default:
        this.text(letter);
    }
  }

  private specification(): Specification {
    const spec: Specification = {
      left: false,
      plus: false,
      space: false,
      alternate: false,
      zero: false,
      width: 0,
      precision: -1,
      size: '',
    };
    this.flags(spec);
    const width = this.number();
    if (width !== null) {
      spec.width = Math.abs(width);
      if (width < 0) spec.left = true;
    }
    if (this.format[this.position] === '.') {
      this.position++;
      spec.precision = Math.max(this.number() ?? 0, -1);
    }
    spec.size = this.size();
    return spec;
  }

  private flags(spec: Specification): void {
    for (; ; this.position++) {
      switch (this.format[this.position]) {
        case '-':
          spec.left = true;
          break;
        case '+':
          spec.plus = true;
          break;
        case ' ':
          spec.space = true;
          break;
        case '#':
          spec.alternate = true;
          break;
        case '0':
          spec.zero = true;
          break;
        default:
          return;
      }
    }
  }

  /** Digits, or * for the next argument; null when there is neither. */
  private number(): number | null {
    if (this.format[this.position] === '*') {
      this.position++;
      this.args.next();
      return this.args.lo | 0;
    }
    const start = this.position;
    let value = 0;
    for (; ; this.position++) {
      const digit = this.format.charCodeAt(this.position) - ZERO;
      if (!(digit >= 0 && digit <= 9)) break;
      value = Math.min(value * 10 + digit, NO_LIMIT);
    }
    return this.position === start ? null : value;
  }

  private size(): Size {
    let size: Size = '';
    for (;;) {
      const prefix = SIZE_PREFIXES.find(([text]) => this.format.startsWith(text, this.position));
      if (prefix !== undefined) {
        this.position += prefix[0].length;
        size = size === 'h' && prefix[1] === 'h' && this.dialect.universal ? 'hh' : prefix[1];
      } else if (/^I[diouxX]/.test(this.format.slice(this.position, this.position + 2))) {
        this.position++;
        return 'pointer';
      } else {
        return size;
      }
    }
  }

  private is64Bit(size: Size): boolean {
    return size === 'll' || size === 'pointer';
  }

  private signed(spec: Specification): void {
    this.args.next();
    const { lo, hi } = this.args;
    let value = lo | 0;
    if (spec.size === 'h') value = (value << 16) >> 16;
    else if (spec.size === 'hh') value = (value << 24) >> 24;
    const negative = this.is64Bit(spec.size) ? hi >>> 31 === 1 : value < 0;
    const digits = this.is64Bit(spec.size) ? absolute64(lo, hi, negative) : String(Math.abs(value));
    this.integer(spec, negative, digits);
  }

  private unsigned(spec: Specification, radix: number, prefix: string): void {
    this.args.next();
    const { lo, hi } = this.args;
    let value = lo >>> 0;
    if (spec.size === 'h') value &= 0xffff;
    else if (spec.size === 'hh') value &= 0xff;
    let text = this.is64Bit(spec.size) ? unsigned64(lo, hi, radix) : value.toString(radix);
    if (prefix === '0X') text = text.toUpperCase();
    const isZero = text === '0';
    if (isZero && spec.precision === 0) text = '';
    let precision = spec.precision;
    if (spec.alternate && radix === 8 && text[0] !== '0') precision = Math.max(precision, text.length + 1);
    const shown = spec.alternate && (!isZero || spec.precision === POINTER_DIGITS) ? prefix : '';
    this.digits(spec, shown, text, precision);
  }

  private integer(spec: Specification, negative: boolean, digits: string): void {
    const text = digits === '0' && spec.precision === 0 ? '' : digits;
    this.digits(spec, this.sign(spec, negative), text, spec.precision);
  }

  private digits(spec: Specification, prefix: string, text: string, precision: number): void {
    const zeroes = Math.max(precision - text.length, 0);
    this.padded(spec, spec.zero && spec.precision < 0, prefix, zeroes, text);
  }

  private sign(spec: Specification, negative: boolean): string {
    if (negative) return '-';
    if (spec.plus) return '+';
    return spec.space ? ' ' : '';
  }

  /** Prefix, zeroes and text in the field; `zeroPad` fills the field with zeroes behind the prefix. */
  private padded(spec: Specification, zeroPad: boolean, prefix: string, zeroes: number, text: string): void {
    const padding = spec.width - prefix.length - zeroes - text.length;
    const inner = zeroPad && !spec.left;
    if (!spec.left && !inner) this.fill(SPACE, padding);
    this.text(prefix);
    this.fill(ZERO, zeroes + (inner ? Math.max(padding, 0) : 0));
    this.text(text);
    if (spec.left) this.fill(SPACE, padding);
  }

  private float(spec: Specification, letter: string): void {
    this.args.next();
    const value = this.args.double;
    if (this.dialect.universal && !Number.isFinite(value)) {
      const word = specialWord(this.args.lo, this.args.hi);
      const isUpper = letter < 'a';
      const shown = isUpper ? word.toUpperCase() : word;
      this.padded(spec, false, this.sign(spec, this.args.hi >>> 31 === 1), 0, shown);
      return;
    }
    const { alternate } = spec;
    const { exponentDigits, tiesToEven } = this.dialect;
    const precision = Math.min(spec.precision, EXACT_DECIMALS);
    let text = formatFloat(value, { conversion: letter, precision, alternate, exponentDigits, tiesToEven });
    let prefix = this.sign(spec, isNegative(value));
    if (letter === 'a' || letter === 'A') {
      prefix += text.slice(0, 2);
      text = text.slice(2);
    }
    const missing = spec.precision - precision;
    const isGeneral = letter === 'g' || letter === 'G';
    if (missing === 0 || (isGeneral && !alternate)) {
      this.padded(spec, spec.zero, prefix, 0, text);
      return;
    }
    const exponentAt = text.search(/[epEP]/);
    const cut = exponentAt < 0 ? text.length : exponentAt;
    this.longFloat(spec, prefix, text.slice(0, cut), missing, text.slice(cut));
  }

  /** A float whose digits end long before its precision. */
  private longFloat(spec: Specification, prefix: string, head: string, zeroes: number, tail: string): void {
    const whole = { ...spec, width: spec.left ? 0 : spec.width - zeroes - tail.length };
    this.padded(whole, spec.zero, prefix, 0, head);
    this.fill(ZERO, zeroes);
    this.text(tail);
    if (spec.left) this.fill(SPACE, spec.width - prefix.length - head.length - zeroes - tail.length);
  }

  /** Whether the argument is wide: the lower-case letter means the function's own width, the upper-case one the other. */
  private isWide(spec: Specification, letter: string): boolean {
    if (spec.size === 'h' || spec.size === 'hh') return false;
    if (spec.size === 'l' || spec.size === 'll' || spec.size === 'w') return true;
    const ownWidth = this.dialect.standardWidths ? false : this.wide;
    return (letter === 'c' || letter === 's') === ownWidth;
  }

  private character(spec: Specification, letter: string): void {
    this.args.next();
    const isWide = this.isWide(spec, letter);
    const code = this.args.lo & (isWide ? 0xffff : 0xff);
    if (isWide && !this.wide && code > 0xff) return;
    this.padded(spec, spec.zero, '', 0, String.fromCharCode(code));
  }

  private string(spec: Specification, letter: string): void {
    this.args.next();
    const isWide = this.isWide(spec, letter);
    const limit = spec.precision < 0 ? NO_LIMIT : spec.precision;
    const { address } = this.args;
    let text = '(null)'.slice(0, limit);
    if (address !== 0)
      text = isWide ? this.args.wideString(address, limit) : this.args.narrowString(address, limit);
    if (isWide && !this.wide && !isSingleByte(text)) {
      this.unconvertible = true;
      return;
    }
    this.padded(spec, spec.zero, '', 0, text);
  }

  private count(spec: Specification): void {
    this.args.next();
    const bytes = this.is64Bit(spec.size) ? 8 : spec.size === 'h' ? 2 : spec.size === 'hh' ? 1 : 4;
    this.stores.push({ address: this.args.address, bytes, count: this.length });
  }
}

const QUIET_BIT = 0x80000;
const FRACTION_HIGH = 0xfffff;

/** What the Universal C Runtime writes for a double that is no finite number, from its words. */
function specialWord(lo: number, hi: number): string {
  const fraction = hi & FRACTION_HIGH;
  if (fraction === 0 && lo === 0) return 'inf';
  if (!(fraction & QUIET_BIT)) return 'nan(snan)';
  return hi >>> 31 === 1 && fraction === QUIET_BIT && lo === 0 ? 'nan(ind)' : 'nan';
}

/** Whether the "C" locale has a byte for each character: it maps the first 256 to themselves. */
export function isSingleByte(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0xff) return false;
  return true;
}

function unsigned64(lo: number, hi: number, radix: number): string {
  if (hi === 0) return (lo >>> 0).toString(radix);
  return ((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)).toString(radix);
}

function absolute64(lo: number, hi: number, negative: boolean): string {
  if (!negative) return unsigned64(lo, hi, 10);
  return (-BigInt.asIntN(64, (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0))).toString();
}

/** Formats; `wide` says that the format string and the result are UTF-16 units, else character codes 0..255. */
export function formatText(
  format: string,
  wide: boolean,
  args: FormatArguments,
  dialect: PrintfDialect = CLASSIC_DIALECT,
): Formatted {
  return new Formatter(format, wide, args, dialect).run();
}
