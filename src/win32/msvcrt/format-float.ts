/**
 * Decimal and hexadecimal texts of doubles, from their exact values; a digit that lies half-way rounds away from zero, or to
 * an even one. Forms as the C runtime of msvcrt.dll writes them, with at least three exponent digits, and 1.#INF, 1.#QNAN,
 * 1.#IND for what is no number; the Universal C Runtime asks for two exponent digits, and has words of its own instead. Source: "Format specification syntax: printf and wprintf functions", Microsoft.
 */

const BITS = new DataView(new ArrayBuffer(8));
const FRACTION_BITS = 52;
const EXPONENT_BIAS = 1075;
const HIGH_FRACTION_MASK = 0xfffff;
const DEFAULT_PRECISION = 6;
const DEFAULT_HEX_PRECISION = 13;

interface Parts {
  readonly negative: boolean;
  /** Biased exponent, 0..2047. */
  readonly biased: number;
  readonly fractionHigh: number;
  readonly fractionLow: number;
}

/** value = 0.d1d2d3... * 10^point: the digits without leading zeroes (but at least one), and where the point stands. */
export interface Decimal {
  readonly digits: string;
  readonly point: number;
}

export interface FloatFormat {
  /** The conversion: one of e E f F g G a A. */
  readonly conversion: string;
  /** Digits, -1 for the default. */
  readonly precision: number;
  /** The # flag: the point is always there, and %g keeps its zeroes. */
  readonly alternate: boolean;
  /** Least digits of a decimal exponent, 3 when left out. */
  readonly exponentDigits?: number;
  /** A half rounds to an even digit. */
  readonly tiesToEven?: boolean;
}

function split(value: number): Parts {
  BITS.setFloat64(0, value);
  const high = BITS.getUint32(0);
  return {
    negative: high >>> 31 === 1,
    biased: (high >>> 20) & 0x7ff,
    fractionHigh: high & HIGH_FRACTION_MASK,
    fractionLow: BITS.getUint32(4),
  };
}

/** Whether the sign bit is set, also for zero and for what is no number. */
export function isNegative(value: number): boolean {
  return split(value).negative;
}

/** numerator / denominator rounded to an integer. */
function divideRounded(numerator: bigint, denominator: bigint, tiesToEven = false): bigint {
  const sum = 2n * numerator + denominator;
  const rounded = sum / (2n * denominator);
  const isTie = tiesToEven && sum % (2n * denominator) === 0n;
  return isTie && rounded % 2n === 1n ? rounded - 1n : rounded;
}

/** |value| * 10^scale rounded to an integer. */
function scaled(value: number, scale: number, tiesToEven: boolean): bigint {
  const { biased, fractionHigh, fractionLow } = split(value);
  let numerator = (BigInt(fractionHigh) << 32n) | BigInt(fractionLow);
  if (biased !== 0) numerator |= 1n << BigInt(FRACTION_BITS);
  const power = Math.max(biased, 1) - EXPONENT_BIAS;
  let denominator = 1n;
  if (power >= 0) numerator <<= BigInt(power);
  else denominator <<= BigInt(-power);
  if (scale >= 0) numerator *= 10n ** BigInt(scale);
  else denominator *= 10n ** BigInt(-scale);
  return divideRounded(numerator, denominator, tiesToEven);
}

/** The texts that stand for the digits of infinities and of what is no number. */
function specialDigits(value: number): string | null {
  const { negative, biased, fractionHigh, fractionLow } = split(value);
  if (biased !== 0x7ff) return null;
  if (fractionHigh === 0 && fractionLow === 0) return '1#INF';
  const isDefault = fractionHigh === 0x80000 && fractionLow === 0;
  return negative && isDefault ? '1#IND' : '1#QNAN';
}

/** Cuts or fills to `count` digits; the runtime rounds these texts by their characters' codes as if they were digits. */
function roundSpecial(digits: string, count: number): string {
  if (count >= digits.length) return digits.padEnd(count, '0');
  if (count === 0) return '';
  const kept = digits.slice(0, count);
  if (digits[count]! < '5') return kept;
  return kept.slice(0, -1) + String.fromCharCode(kept.charCodeAt(count - 1) + 1);
}

/** |value| to `count` significant digits (at least 1). */
export function significantDigits(value: number, count: number, tiesToEven = false): Decimal {
  const special = specialDigits(value);
  if (special !== null) return { digits: roundSpecial(special, count), point: 1 };
  if (value === 0) return { digits: '0'.repeat(count), point: 1 };
  let point = Math.floor(Math.log10(Math.abs(value))) + 1;
  for (;;) {
    const text = scaled(value, count - point, tiesToEven).toString();
    if (text.length === count) return { digits: text, point };
    // The guess was one off; rounding up to the next power of ten looks the same and ends the same.
    point += text.length > count ? 1 : -1;
  }
}

/** |value| to `decimals` digits behind the point: at least one digit before it, then the decimals. */
export function fixedDigits(
  value: number,
  decimals: number,
  tiesToEven = false,
): { whole: string; fraction: string } {
  const special = specialDigits(value);
  const text =
    special === null ? scaled(value, decimals, tiesToEven).toString() : roundSpecial(special, decimals + 1);
  const all = text.padStart(decimals + 1, '0');
  return { whole: all.slice(0, all.length - decimals), fraction: all.slice(all.length - decimals) };
}

/** The details of a FloatFormat, decided. */
interface Style {
  readonly precision: number;
  readonly alternate: boolean;
  readonly exponentDigits: number;
  readonly tiesToEven: boolean;
}

function exponentText(exponent: number, letter: string, { exponentDigits }: Style): string {
  return letter + (exponent < 0 ? '-' : '+') + String(Math.abs(exponent)).padStart(exponentDigits, '0');
}

function join(whole: string, fraction: string, alternate: boolean): string {
  return fraction === '' && !alternate ? whole : `${whole}.${fraction}`;
}

function formatFixed(value: number, { precision, alternate, tiesToEven }: Style): string {
  const { whole, fraction } = fixedDigits(value, precision, tiesToEven);
  return join(whole, fraction, alternate);
}

function formatExponent(value: number, style: Style, letter: string): string {
  const { digits, point } = significantDigits(value, style.precision + 1, style.tiesToEven);
  const exponent = value === 0 ? 0 : point - 1;
  return join(digits[0]!, digits.slice(1), style.alternate) + exponentText(exponent, letter, style);
}

function withoutTrailingZeroes(digits: string): string {
  return digits.replace(/0+$/, '');
}

function formatGeneral(value: number, style: Style, letter: string): string {
  const { alternate } = style;
  const count = Math.max(style.precision, 1);
  const { digits, point } = significantDigits(value, count, style.tiesToEven);
  const isExponent = point - 1 < -4 || point - 1 >= count;
  let whole = digits[0]!;
  let fraction = digits.slice(1);
  if (!isExponent && point > 0) {
    whole = digits.slice(0, point);
    fraction = digits.slice(point);
  } else if (!isExponent) {
    whole = '0';
    fraction = '0'.repeat(-point) + digits;
  }
  if (!alternate) fraction = withoutTrailingZeroes(fraction);
  return join(whole, fraction, alternate) + (isExponent ? exponentText(point - 1, letter, style) : '');
}

/** Rounds the 52 fraction bits to `digits` hexadecimal digits; the result may carry into the leading 1. */
function roundedHex(parts: Parts, digits: number): bigint {
  let bits = (BigInt(parts.fractionHigh) << 32n) | BigInt(parts.fractionLow);
  if (parts.biased !== 0) bits |= 1n << BigInt(FRACTION_BITS);
  const dropped = DEFAULT_HEX_PRECISION - digits;
  if (dropped <= 0) return bits << BigInt(-4 * dropped);
  return divideRounded(bits, 1n << BigInt(4 * dropped));
}

function formatHex(value: number, precision: number, alternate: boolean): string {
  const special = specialDigits(value);
  if (special !== null) {
    const text = roundSpecial(special, precision + 1);
    return `0x${join(text[0]!, text.slice(1), alternate)}p+0`;
  }
  const parts = split(value);
  const digits = roundedHex(parts, precision)
    .toString(16)
    .padStart(precision + 1, '0');
  const whole = digits.slice(0, digits.length - precision);
  const exponent = value === 0 ? 0 : Math.max(parts.biased, 1) - 1023;
  const sign = exponent < 0 ? '-' : '+';
  return `0x${join(whole, digits.slice(digits.length - precision), alternate)}p${sign}${Math.abs(exponent)}`;
}

/** Digits behind the point that a double can have; what is asked beyond them is zeroes. */
export const EXACT_DECIMALS = 1074;

/** The text of |value|: no sign. The precision is at most EXACT_DECIMALS. */
export function formatFloat(value: number, format: FloatFormat): string {
  const { conversion, precision, alternate, exponentDigits = 3, tiesToEven = false } = format;
  const style = {
    precision: precision < 0 ? DEFAULT_PRECISION : precision,
    alternate,
    exponentDigits,
    tiesToEven,
  };
  switch (conversion) {
    case 'e':
    case 'E':
      return formatExponent(value, style, conversion);
    case 'g':
      return formatGeneral(value, style, 'e');
    case 'G':
      return formatGeneral(value, style, 'E');
    case 'a':
    case 'A': {
      const text = formatHex(value, precision < 0 ? DEFAULT_HEX_PRECISION : precision, alternate);
      return conversion === 'A' ? text.toUpperCase() : text;
    }
    default:
      return formatFixed(value, style);
  }
}
