/**
 * Numbers and addresses as WinDbg reads them: hexadecimal unless 0n says decimal, a backtick anywhere, registers as @rip,
 * module!export, sums and differences. Values are 48-bit addresses as numbers.
 */
import { DebugError } from './debug-error.js';

/** What names in an expression stand for; null for those that are not known. */
export interface Names {
  register(name: string): number | null;
  symbol(module: string, name: string | null): number | null;
}

const TWO_48 = 2 ** 48;
const CANONICAL_DIGITS = 16;
const TERM = /\s*([+-]?)\s*([^\s+-]+)/y;
const HEXADECIMAL = /^(?:0x)?([\da-f]+)h?$/i;
const WAY_OUT = 'numbers are hexadecimal (0n for decimal), registers @rip, symbols ntdll!NtClose';

/** A hexadecimal or 0n decimal number as a 48-bit address, or null when the text is none. */
export function parseNumber(text: string): number | null {
  const plain = text.replaceAll('`', '');
  const decimal = /^0n(\d+)$/i.exec(plain);
  if (decimal !== null) return inRange(Number(decimal[1]), text);
  const match = HEXADECIMAL.exec(plain);
  if (match === null) return null;
  const digits = match[1]!.replace(/^0+(?=.)/, '');
  if (digits.length === CANONICAL_DIGITS && /^ffff[89a-f]/i.test(digits))
    return Number.parseInt(digits.slice(4), 16);
  return inRange(Number.parseInt(digits, 16), text);
}

function inRange(value: number, text: string): number {
  if (value < TWO_48) return value;
  throw new DebugError(
    `${text} is not a canonical address: the upper 16 bits are copies of bit 47 (ffff8000\`00000000 and up, or below 8000\`00000000)`,
  );
}

function termValue(text: string, names: Names): number {
  if (/^[@$]/.test(text)) {
    const name = text.replace(/^[@$]+/, '').toLowerCase();
    const value = names.register(name);
    if (value === null)
      throw new DebugError(`there is no register ${text}; 'r' lists them, $exentry, $peb, $teb are others`);
    return value;
  }
  const [module = '', name = null] = text.split('!');
  if (name === null) {
    const number = parseNumber(text);
    if (number !== null) return number;
    const register = names.register(text.toLowerCase());
    if (register !== null) return register;
  }
  const address = names.symbol(module, name);
  if (address !== null) return address;
  throw new DebugError(
    name === null
      ? `${text} is neither a number nor a register nor a module; ${WAY_OUT}`
      : `${text} is not found; 'lm' lists the modules, and only the exports of the system DLLs have names`,
  );
}

/** The value of an expression; throws DebugError. */
export function evaluate(text: string, names: Names): number {
  let sum = 0;
  TERM.lastIndex = 0;
  const end = text.trimEnd().length;
  let at = 0;
  while (at < end) {
    TERM.lastIndex = at;
    const match = TERM.exec(text);
    if (match === null || (at > 0 && match[1] === ''))
      throw new DebugError(`${text} is not an address; ${WAY_OUT}`);
    sum += match[1] === '-' ? -termValue(match[2]!, names) : termValue(match[2]!, names);
    at = TERM.lastIndex;
  }
  return ((sum % TWO_48) + TWO_48) % TWO_48;
}
