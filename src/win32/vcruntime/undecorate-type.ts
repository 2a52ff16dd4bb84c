/**
 * The name of a type in C++ from the decorated one of its TypeDescriptor, as type_info::name gives it. Functions, arrays and
 * members have no form here: their decorated name stands. Source: Microsoft, "Decorated names", "type_info class"; the
 * published descriptions of the scheme.
 */

const FUNDAMENTAL: Readonly<Record<string, string>> = {
  C: 'signed char',
  D: 'char',
  E: 'unsigned char',
  F: 'short',
  G: 'unsigned short',
  H: 'int',
  I: 'unsigned int',
  J: 'long',
  K: 'unsigned long',
  M: 'float',
  N: 'double',
  O: 'long double',
  X: 'void',
  _J: '__int64',
  _K: 'unsigned __int64',
  _N: 'bool',
  _Q: 'char8_t',
  _S: 'char16_t',
  _U: 'char32_t',
  _W: 'wchar_t',
};
const QUALIFIERS: Readonly<Record<string, string>> = {
  A: '',
  B: ' const',
  C: ' volatile',
  D: ' const volatile',
};
const POINTERS: Readonly<Record<string, string>> = {
  A: ' &',
  P: ' *',
  Q: ' * const',
  R: ' * volatile',
  S: ' * const volatile',
};
const CLASSES: Readonly<Record<string, string>> = { T: 'union ', U: 'struct ', V: 'class ' };
const DEEPEST = 64;

/** The decorated name is of a form that is left as it is. */
class Unknown {}

class Parser {
  private at = 1;
  private depth = 0;
  private names: string[] = [];

  constructor(private readonly text: string) {}

  whole(): string {
    const name = this.type();
    if (this.at !== this.text.length) throw new Unknown();
    return name;
  }

  private take(prefix: string): boolean {
    if (!this.text.startsWith(prefix, this.at)) return false;
    this.at += prefix.length;
    return true;
  }

  private next(): string {
    const character = this.text[this.at];
    if (character === undefined) throw new Unknown();
    this.at++;
    return character;
  }

  private qualifier(): string {
    const qualifier = QUALIFIERS[this.next()];
    if (qualifier === undefined) throw new Unknown();
    return qualifier;
  }

  private type(): string {
    if (++this.depth > DEEPEST) throw new Unknown();
    const name = this.typeInside();
    this.depth--;
    return name;
  }

  private typeInside(): string {
    if (this.take('?')) {
      const qualifier = this.qualifier();
      return this.type() + qualifier;
    }
    if (this.take('$$Q')) return this.pointer(' &&');
    if (this.take('W4')) return `enum ${this.qualifiedName()}`;
    const first = this.next();
    const code = first === '_' ? `_${this.next()}` : first;
    const fundamental = FUNDAMENTAL[code];
    if (fundamental !== undefined) return fundamental;
    if (code in CLASSES) return CLASSES[code] + this.qualifiedName();
    const pointer = POINTERS[code];
    if (pointer === undefined) throw new Unknown();
    return this.pointer(pointer);
  }

  private pointer(symbol: string): string {
    const size = this.take('E') ? ' __ptr64' : '';
    const qualifier = this.qualifier();
    return this.type() + qualifier + symbol + size;
  }

  private qualifiedName(): string {
    const parts: string[] = [];
    while (!this.take('@')) parts.unshift(this.namePart());
    if (parts.length === 0) throw new Unknown();
    return parts.join('::');
  }

  private namePart(): string {
    if (this.take('?$')) return this.remember(this.template());
    if (this.take('?A')) {
      this.identifier();
      return this.remember("`anonymous namespace'");
    }
    const digit = this.text.charCodeAt(this.at) - 48;
    if (digit >= 0 && digit <= 9) {
      this.at++;
      const known = this.names[digit];
      if (known === undefined) throw new Unknown();
      return known;
    }
    return this.remember(this.identifier());
  }

  private remember(name: string): string {
    if (this.names.length < 10 && !this.names.includes(name)) this.names.push(name);
    return name;
  }

  private identifier(): string {
    const end = this.text.indexOf('@', this.at);
    const name = this.text.slice(this.at, end < 0 ? this.at : end);
    if (end < 0 || !/^[\w$<>-]*$/.test(name)) throw new Unknown();
    this.at = end + 1;
    return name;
  }

  /** A template's names are counted for themselves. */
  private template(): string {
    if (++this.depth > DEEPEST) throw new Unknown();
    const outside = this.names;
    this.names = [];
    const name = this.remember(this.identifier());
    const parameters: string[] = [];
    while (!this.take('@')) {
      if (this.take('$$V')) continue;
      parameters.push(this.take('$0') ? this.number() : this.type());
    }
    this.names = outside;
    this.depth--;
    const list = parameters.join(',');
    return `${name}<${list}${list.endsWith('>') ? ' ' : ''}>`;
  }

  private number(): string {
    const sign = this.take('?') ? '-' : '';
    const digit = this.text.charCodeAt(this.at) - 48;
    if (digit >= 0 && digit <= 9) {
      this.at++;
      return `${sign}${digit + 1}`;
    }
    const digits = this.identifier();
    if (!/^[A-P]{1,13}$/.test(digits)) throw new Unknown();
    let value = 0;
    for (const letter of digits) value = value * 16 + letter.charCodeAt(0) - 65;
    return `${sign}${value}`;
  }
}

/** '.?AVrange@std@@' to 'class std::range'; a form that is not known comes back as it is. */
export function undecorateType(decorated: string): string {
  if (!decorated.startsWith('.')) return decorated;
  try {
    return new Parser(decorated).whole();
  } catch (error) {
    if (!(error instanceof Unknown)) throw error;
    return decorated;
  }
}
