/** Conversions, arithmetic and random numbers of <stdlib.h>. Source: the page of each function, Microsoft. */
import type { ServiceCall, ServiceFunction, ServiceResult } from '../../nt/service.js';
import { EINVAL, ENOENT, ERANGE } from './errno.js';
import { fixedDigits, formatFloat, isNegative, significantDigits } from './format-float.js';
import {
  type ParsedDouble,
  type ParsedInteger,
  parseDouble,
  parseInteger,
  parseUniversalDouble,
} from './parse-number.js';
import { failWith, isUniversal, setErrno, THREAD_DIGITS, THREAD_RANDOM, threadData } from './state.js';
import { readNarrow, readWide, writeNarrow, writeWide } from './text.js';

/** Characters looked at first, and how many behind a number must have been seen to be sure of its end. */
const WINDOW = 64;
const MARGIN = 16;
const RANDOM_FACTOR = 214013;
const RANDOM_TERM = 2531011;
const DIGITS_LIMIT = 400;
const SMALLEST_FLOAT = 2 ** -126;

/** Parses the number at an address without reading more of a long text than it takes. */
function parseAt<T extends { readonly end: number }>(
  call: ServiceCall,
  address: number,
  wide: boolean,
  parse: (text: string) => T,
): T {
  for (let limit = WINDOW; ; limit *= 4) {
    const text = wide ? readWide(call.memory, address, limit) : readNarrow(call.memory, address, limit);
    const parsed = parse(text);
    const isSure = parsed.end > 0 ? parsed.end + MARGIN < limit : /\S/.test(text.slice(0, limit - MARGIN));
    if (text.length < limit || isSure) return parsed;
  }
}

function storeEnd(call: ServiceCall, endAt: number, start: number, end: number, wide: boolean): void {
  if (endAt !== 0) call.memory.writePointer(endAt, start + end * (wide ? 2 : 1));
}

function doubleAt(call: ServiceCall, wide: boolean): ParsedDouble {
  const parse = isUniversal(call) ? parseUniversalDouble : parseDouble;
  return parseAt(call, call.address(0), wide, parse);
}

const toDouble =
  (wide: boolean): ServiceFunction =>
  (call) => {
    const parsed = doubleAt(call, wide);
    storeEnd(call, call.address(1), call.address(0), parsed.end, wide);
    if (parsed.outOfRange) setErrno(call, ERANGE);
    call.returnDouble(parsed.value);
  };

/** strtof and wcstof: rounded to a float, ERANGE when that is infinite or less than the smallest normal one. */
const toFloat =
  (wide: boolean): ServiceFunction =>
  (call) => {
    const parsed = doubleAt(call, wide);
    storeEnd(call, call.address(1), call.address(0), parsed.end, wide);
    const value = Math.fround(parsed.value);
    const isSmall = parsed.value !== 0 && Math.abs(value) < SMALLEST_FLOAT;
    if (parsed.outOfRange || isSmall || (Number.isFinite(parsed.value) && !Number.isFinite(value)))
      setErrno(call, ERANGE);
    call.returnFloat(value);
  };

const simpleDouble =
  (wide: boolean): ServiceFunction =>
  (call) => {
    call.returnDouble(doubleAt(call, wide).value);
  };

function integerAt(call: ServiceCall, base: number, wide: boolean): ParsedInteger {
  return parseAt(call, call.address(0), wide, (text) => parseInteger(text, base));
}

interface IntegerForm {
  readonly bits: 32 | 64;
  readonly unsigned: boolean;
  readonly wide: boolean;
}

/** The value as the function returns it: cut to its range with ERANGE; an unsigned one is negated after that. */
function limited(call: ServiceCall, { magnitude, negative }: ParsedInteger, form: IntegerForm): bigint {
  const bits = BigInt(form.bits);
  const top = 1n << (form.unsigned ? bits : bits - 1n);
  const largest = !form.unsigned && negative ? top : top - 1n;
  if (magnitude > largest) setErrno(call, ERANGE);
  const kept = magnitude > largest ? largest : magnitude;
  return negative ? -kept : kept;
}

function returnInteger(call: ServiceCall, value: bigint, bits: 32 | 64): ServiceResult {
  if (bits === 32) return Number(BigInt.asIntN(32, value));
  const whole = BigInt.asUintN(64, value);
  call.return64(Number(whole & 0xffffffffn), Number(whole >> 32n));
}

const toInteger =
  (form: IntegerForm): ServiceFunction =>
  (call) => {
    const base = call.i32(2);
    if (call.address(0) === 0 || base < 0 || base === 1 || base > 36) return failWith(call, EINVAL, 0);
    const parsed = integerAt(call, base, form.wide);
    storeEnd(call, call.address(1), call.address(0), parsed.end, form.wide);
    return returnInteger(call, limited(call, parsed, form), form.bits);
  };

/** atoi and its family: what overflows is cut to its low bits. */
const simpleInteger =
  (bits: 32 | 64, wide: boolean): ServiceFunction =>
  (call) => {
    const { magnitude, negative } = integerAt(call, 10, wide);
    return returnInteger(call, negative ? -magnitude : magnitude, bits);
  };

interface DigitsForm {
  readonly bits: 32 | 64;
  readonly unsigned: boolean;
  readonly wide: boolean;
}

function integerText(call: ServiceCall, form: DigitsForm, radix: number): string {
  const raw = form.bits === 64 ? call.i64(0) : BigInt(call.u32(0));
  // Only base 10 has a sign.
  const isSigned = !form.unsigned && radix === 10;
  return (isSigned ? BigInt.asIntN(form.bits, raw) : BigInt.asUintN(form.bits, raw)).toString(radix);
}

const toDigits =
  (form: DigitsForm): ServiceFunction =>
  (call) => {
    const [to, radix] = [call.address(1), call.i32(2)];
    if (radix < 2 || radix > 36) return failWith(call, EINVAL, 0);
    const text = integerText(call, form, radix);
    if (form.wide) writeWide(call.memory, to, text);
    else writeNarrow(call.memory, to, text);
    return to;
  };

/** _itoa_s(value, buffer, size, radix). */
const toDigitsSecure =
  (form: DigitsForm): ServiceFunction =>
  (call) => {
    const [to, size, radix] = [call.address(1), call.size(2), call.i32(3)];
    if (to === 0 || size === 0) return failWith(call, EINVAL, EINVAL);
    const isGood = radix >= 2 && radix <= 36;
    const text = isGood ? integerText(call, form, radix) : '';
    const error = !isGood ? EINVAL : text.length >= size ? ERANGE : 0;
    const kept = error === 0 ? text : '';
    if (form.wide) writeWide(call.memory, to, kept);
    else writeNarrow(call.memory, to, kept);
    return error === 0 ? 0 : failWith(call, error, error);
  };

function digitFunctions(): Record<string, ServiceFunction> {
  const functions: Record<string, ServiceFunction> = {};
  const forms: [name: string, bits: 32 | 64, unsigned: boolean][] = [
    ['_i', 32, false],
    ['_l', 32, false],
    ['_ul', 32, true],
    ['_i64', 64, false],
    ['_ui64', 64, true],
  ];
  for (const [name, bits, unsigned] of forms) {
    for (const wide of [false, true]) {
      const full = `${name}to${wide ? 'w' : 'a'}`;
      functions[full] = toDigits({ bits, unsigned, wide });
      functions[`${full}_s`] = toDigitsSecure({ bits, unsigned, wide });
    }
  }
  return functions;
}

function absolute(call: ServiceCall): number {
  const value = call.i32(0);
  return (value < 0 ? -value : value) | 0;
}

function absolute64(call: ServiceCall): void {
  const value = BigInt.asIntN(64, call.i64(0));
  const whole = BigInt.asUintN(64, value < 0n ? -value : value);
  call.return64(Number(whole & 0xffffffffn), Number(whole >> 32n));
}

/** div and ldiv: quotient in the low word, remainder in the high one. */
function divide(call: ServiceCall): ServiceResult {
  const [numerator, denominator] = [call.i32(0), call.i32(1)];
  if (denominator === 0) return call.raise(0xc0000094, []);
  call.return64((numerator / denominator) >>> 0, (numerator % denominator) >>> 0);
}

function random(call: ServiceCall): number {
  const at = threadData(call) + THREAD_RANDOM;
  const next = (Math.imul(call.memory.readU32(at), RANDOM_FACTOR) + RANDOM_TERM) >>> 0;
  call.memory.writeU32(at, next);
  return (next >>> 16) & 0x7fff;
}

function seedRandom(call: ServiceCall): void {
  call.memory.writeU32(threadData(call) + THREAD_RANDOM, call.u32(0));
}

const rotate32 = (left: boolean): ServiceFunction => {
  return (call) => {
    const value = call.u32(0);
    const count = (left ? call.u32(1) : -call.u32(1)) & 31;
    return ((value << count) | (value >>> ((32 - count) & 31))) >>> 0;
  };
};

const rotate64 = (left: boolean): ServiceFunction => {
  return (call) => {
    const value = BigInt.asUintN(64, call.i64(0));
    const count = BigInt((left ? call.u32(1) : -call.u32(1)) & 63);
    const turned = BigInt.asUintN(64, (value << count) | (value >> (64n - count)));
    call.return64(Number(turned & 0xffffffffn), Number(turned >> 32n));
  };
};

/** Digits for _ecvt and _fcvt in the thread's buffer, with the place of the point and the sign stored. */
function convertDigits(call: ServiceCall, fixed: boolean): number {
  const value = call.double(0);
  const count = Math.min(Math.max(call.i32(1), 0), DIGITS_LIMIT);
  let digits = '';
  let point = 0;
  if (fixed) {
    const { whole, fraction } = fixedDigits(value, count);
    const all = whole + fraction;
    const zeroes = /^0*/.exec(all)![0].length;
    digits = all.slice(zeroes);
    point = value === 0 ? 0 : whole.length - zeroes;
  } else if (count > 0) {
    ({ digits, point } = significantDigits(value, count));
    if (value === 0) point = 0;
  }
  call.memory.writeU32(call.address(2), point >>> 0);
  call.memory.writeU32(call.address(3), isNegative(value) ? 1 : 0);
  const to = threadData(call) + THREAD_DIGITS;
  writeNarrow(call.memory, to, digits);
  return to;
}

function convertGeneral(call: ServiceCall): number {
  const [value, to] = [call.double(0), call.address(2)];
  const precision = Math.min(Math.max(call.i32(1), 0), DIGITS_LIMIT);
  const text = formatFloat(value, { conversion: 'g', precision, alternate: false });
  writeNarrow(call.memory, to, (isNegative(value) ? '-' : '') + text);
  return to;
}

const long = (unsigned: boolean, wide: boolean) => toInteger({ bits: 32, unsigned, wide });
const long64 = (unsigned: boolean, wide: boolean) => toInteger({ bits: 64, unsigned, wide });

export const stdlibFunctions: Record<string, ServiceFunction> = {
  ...digitFunctions(),
  strtod: toDouble(false),
  _strtod_l: toDouble(false),
  wcstod: toDouble(true),
  strtof: toFloat(false),
  wcstof: toFloat(true),
  atof: simpleDouble(false),
  _atof_l: simpleDouble(false),
  _wtof: simpleDouble(true),
  strtol: long(false, false),
  _strtol_l: long(false, false),
  strtoul: long(true, false),
  _strtoul_l: long(true, false),
  wcstol: long(false, true),
  wcstoul: long(true, true),
  _strtoi64: long64(false, false),
  _strtoui64: long64(true, false),
  _wcstoi64: long64(false, true),
  _wcstoui64: long64(true, true),
  strtoll: long64(false, false),
  strtoull: long64(true, false),
  atoi: simpleInteger(32, false),
  atol: simpleInteger(32, false),
  _atoi64: simpleInteger(64, false),
  _wtoi: simpleInteger(32, true),
  _wtol: simpleInteger(32, true),
  _wtoi64: simpleInteger(64, true),
  abs: absolute,
  labs: absolute,
  _abs64: absolute64,
  div: divide,
  ldiv: divide,
  rand: random,
  srand: seedRandom,
  _rotl: rotate32(true),
  _rotr: rotate32(false),
  _lrotl: rotate32(true),
  _lrotr: rotate32(false),
  _rotl64: rotate64(true),
  _rotr64: rotate64(false),
  _ecvt: (call) => convertDigits(call, false),
  _fcvt: (call) => convertDigits(call, true),
  _gcvt: convertGeneral,
  system: (call) => (call.address(0) === 0 ? 0 : failWith(call, ENOENT)),
  _wsystem: (call) => (call.address(0) === 0 ? 0 : failWith(call, ENOENT)),
};
