// x87 arithmetic, compares, remainders and the operations on the top of the stack.
// Source: Intel SDM volume 1, chapter 8; volume 2 (the pages of the instructions).

import { setStatus } from './flags';
import {
  EXPONENT_WRAP,
  FINITE,
  IE,
  INFINITE,
  NEAREST,
  OE,
  PE,
  QUIET_NAN,
  ROUNDED_UP,
  TRUNCATE,
  UE,
  ZE,
  ZERO,
  Float,
  add,
  compare,
  copy,
  divide,
  integerOf,
  multiply,
  normalize,
  roundToInteger,
  setFinite,
  setIndefinite,
  setInteger,
  setSpecial,
  slot,
  squareRoot,
} from './softfloat';
import { unpack32, unpack64 } from './softfloat-format';
import * as ops from './x87-ops';
import {
  C0,
  C1,
  C2,
  C3,
  SF,
  deliver,
  denormalFlag,
  isEmpty,
  isNan,
  isUnmasked,
  pop,
  precision,
  preparePush,
  propagateNan,
  raise,
  readRegister,
  registerOf,
  rotate,
  rounding,
  setC1,
  setConditions,
  setStatusWord,
  stackUnderflow,
  status,
  unmasked,
  writeRegister,
} from './x87-stack';

// ---- two operands ----

/** The operations X87_FROM_I to X87_FROM_I16 with their kinds. */
export function arithmetic(op: u32, memory: usize, i: u32): void {
  const kind = op & 7;
  const source = op & ~7;
  if (<i32>source > ops.X87_TO_I_POP) {
    const operand = slot(1);
    readMemory(source, memory, operand);
    if (kind == ops.X87_COM || kind == ops.X87_COMP) {
      if (compareTop(operand, false, false, false) && kind == ops.X87_COMP) pop();
    } else if (isEmpty(0)) stackUnderflow(0);
    else calculate(kind, operand, 0);
    return;
  }
  if (kind == ops.X87_COM || kind == ops.X87_COMP) {
    compareRegister(i, false, false, kind == ops.X87_COMP ? 1 : 0);
    return;
  }
  const to: u32 = source == ops.X87_FROM_I ? 0 : i;
  const from: u32 = source == ops.X87_FROM_I ? i : 0;
  const done = calculateRegister(kind, from, to);
  if (done && source == ops.X87_TO_I_POP) pop();
}

function calculateRegister(kind: u32, from: u32, to: u32): bool {
  if (isEmpty(to) || isEmpty(from)) return stackUnderflow(to);
  const operand = slot(1);
  readRegister(from, operand);
  return calculate(kind, operand, to);
}

function readMemory(source: u32, memory: usize, f: Float): void {
  switch (source) {
    case ops.X87_FROM_M32:
      unpack32(load<u32>(memory), f);
      return;
    case ops.X87_FROM_M64:
      unpack64(load<u64>(memory), f);
      return;
    case ops.X87_FROM_I32:
      setInteger(f, load<i32>(memory));
      return;
    default:
      setInteger(f, load<i16>(memory));
  }
}

/** ST(to) = ST(to) op operand, or the reverse. Answers whether a result was written. */
function calculate(kind: u32, operand: Float, to: u32): bool {
  const target = slot(0);
  const r = slot(2);
  readRegister(to, target);
  if (isNan(target) || isNan(operand)) return deliver(r, to, 64, propagateNan(target, operand, r));
  let flags: u32;
  const denormal = denormalFlag(target, operand);
  switch (kind) {
    case ops.X87_ADD:
      flags = add(target, operand, r, rounding());
      break;
    case ops.X87_MUL:
      flags = multiply(target, operand, r);
      break;
    case ops.X87_SUB:
      operand.sign ^= 1;
      flags = add(target, operand, r, rounding());
      break;
    case ops.X87_SUBR:
      target.sign ^= 1;
      flags = add(operand, target, r, rounding());
      break;
    case ops.X87_DIV:
      flags = divide(target, operand, r);
      break;
    default:
      flags = divide(operand, target, r);
  }
  return deliver(r, to, precision(), flags ? flags : denormal);
}

// ---- compares ----

/**
 * Compares ST(0) with a number (`missing`: it comes from an empty register). The relation goes to C3, C2, C0
 * or, with `toFlags`, to ZF, PF, CF. A quiet compare accepts quiet NaNs. Answers whether the instruction's
 * pops happen.
 */
function compareTop(operand: Float, missing: bool, quiet: bool, toFlags: bool): bool {
  let relation: u32 = C3 | C2 | C0;
  let flags: u32 = IE | SF;
  const kept: u32 = toFlags ? status() & C1 : 0;
  if (!missing && !isEmpty(0)) {
    const a = slot(0);
    readRegister(0, a);
    if (isNan(a) || isNan(operand)) flags = quiet && isQuiet(a) && isQuiet(operand) ? 0 : IE;
    else {
      flags = denormalFlag(a, operand);
      const order = compare(a, operand);
      relation = order < 0 ? C0 : order == 0 ? C3 : 0;
    }
  }
  raise(flags);
  if (!(flags & SF)) setC1(kept);
  // The three bits lie where CF, PF and ZF do, eight places up.
  if (toFlags) setStatus(relation >> 8);
  else setConditions(relation);
  return !isUnmasked(flags);
}

function isQuiet(f: Float): bool {
  return f.kind <= QUIET_NAN;
}

/** Compares ST(0) with ST(i), then pops. */
export function compareRegister(i: u32, quiet: bool, toFlags: bool, pops: u32): void {
  const operand = slot(1);
  readRegister(i, operand);
  if (!compareTop(operand, isEmpty(i), quiet, toFlags)) return;
  for (let n: u32 = 0; n < pops; n++) pop();
}

/** FTST: compares ST(0) with zero. */
export function test(): void {
  const zero = slot(1);
  setSpecial(zero, ZERO, 0);
  compareTop(zero, false, false, false);
}

/** FXAM: the class of ST(0) to C3, C2, C0, its sign to C1, empty or not. */
export function examine(): void {
  const address = registerOf(0);
  const sign: u32 = load<u16>(address, 8) & 0x8000 ? C1 : 0;
  setConditions(sign | (isEmpty(0) ? C3 | C0 : classOf(address)));
}

function classOf(address: usize): u32 {
  const significand = load<u64>(address);
  const exp: u32 = load<u16>(address, 8) & 0x7fff;
  if (exp == 0) return significand == 0 ? C3 : C3 | C2;
  if (<i64>significand >= 0) return 0;
  if (exp != 0x7fff) return C2;
  return significand << 1 == 0 ? C2 | C0 : C0;
}

// ---- the top of the stack ----

/** FCHS and FABS touch only the sign. */
export function changeSign(absolute: bool): void {
  if (isEmpty(0)) {
    stackUnderflow(0);
    return;
  }
  const address = registerOf(0);
  const head: u32 = load<u16>(address, 8);
  store<u16>(address, absolute ? head & 0x7fff : head ^ 0x8000, 8);
  setC1(0);
}

/**
 * Reads ST(0) for an operation on it alone; when it is empty or a NaN the operation is already over and the
 * answer is false.
 */
export function readTop(f: Float): bool {
  if (isEmpty(0)) {
    stackUnderflow(0);
    return false;
  }
  readRegister(0, f);
  if (!isNan(f)) return true;
  const r = slot(2);
  deliver(r, 0, 64, propagateNan(f, f, r));
  return false;
}

/** Reads ST(0) and ST(1) for an operation that leaves its result in ST(0); like readTop(). */
function readTopTwo(a: Float, b: Float): bool {
  if (isEmpty(0) || isEmpty(1)) {
    stackUnderflow(0);
    return false;
  }
  readRegister(0, a);
  readRegister(1, b);
  if (!isNan(a) && !isNan(b)) return true;
  const r = slot(2);
  deliver(r, 0, 64, propagateNan(a, b, r));
  return false;
}

export function squareRootOfTop(): void {
  const a = slot(0);
  const r = slot(2);
  if (!readTop(a)) return;
  const flags = squareRoot(a, r);
  deliver(r, 0, precision(), flags ? flags : denormalFlag(a, a));
}

export function roundTop(): void {
  const a = slot(0);
  if (!readTop(a)) return;
  const before = denormalFlag(a, a);
  if (isUnmasked(before)) raise(before);
  else {
    const flags = before | roundToInteger(a, rounding());
    writeRegister(0, a);
    raise(flags);
  }
}

/** FSCALE: ST(0) times two to the whole part of ST(1). */
export function scale(): void {
  const a = slot(0);
  const b = slot(1);
  if (!readTopTwo(a, b)) return;
  const flags = denormalFlag(a, b);
  if (b.kind == INFINITE) {
    // Two to plus infinity is infinite, to minus infinity zero.
    setSpecial(b, b.sign ? ZERO : INFINITE, 0);
    const invalid = multiply(a, b, slot(2));
    deliver(slot(2), 0, 64, invalid ? invalid : flags);
    return;
  }
  roundToInteger(b, TRUNCATE);
  const limit: i64 = 0x10000;
  a.exp += <i32>max(-limit, min(limit, b.kind == ZERO ? 0 : wholeValue(b)));
  if (!isUnmasked(flags) && isBeyondWrap(a)) {
    const high = a.exp > 0;
    setSpecial(a, high ? INFINITE : ZERO, a.sign);
    writeRegister(0, a);
    raise(flags | PE | (high ? OE | ROUNDED_UP : UE));
  } else deliver(a, 0, 64, flags);
}

/** Whether an overflow or underflow that is not masked is too large for the wrapped exponent. */
function isBeyondWrap(f: Float): bool {
  if (f.kind != FINITE) return false;
  if (f.exp > 16383 + EXPONENT_WRAP) return (unmasked() & OE) != 0;
  return f.exp < -16382 - EXPONENT_WRAP && (unmasked() & UE) != 0;
}

function wholeValue(f: Float): i64 {
  if (f.exp < 62) return integerOf(f, 64);
  return f.sign ? i64.MIN_VALUE : i64.MAX_VALUE;
}

/** FXTRACT: the exponent replaces ST(0), the significand is pushed. */
export function extract(): void {
  const a = slot(0);
  if (isEmpty(0) || !isEmpty(7)) {
    extractFault(isEmpty(0));
    return;
  }
  readRegister(0, a);
  const exponent = slot(2);
  let flags = denormalFlag(a, a);
  if (isNan(a)) {
    flags = propagateNan(a, a, exponent);
    copy(exponent, a);
  } else if (a.kind == INFINITE) setSpecial(exponent, INFINITE, 0);
  else if (a.kind == ZERO) {
    setSpecial(exponent, INFINITE, 1);
    flags = ZE;
  } else {
    setInteger(exponent, a.exp);
    a.exp = 0;
  }
  raise(flags);
  if (isUnmasked(flags)) return;
  writeRegister(0, exponent);
  preparePush();
  writeRegister(0, a);
}

/** Masked, a stack fault leaves two indefinites. */
function extractFault(underflow: bool): void {
  const flags = underflow ? IE | SF : IE | SF | C1;
  raise(flags);
  if (isUnmasked(flags)) return;
  const f = slot(2);
  setIndefinite(f);
  writeRegister(0, f);
  rotate(7);
  writeRegister(0, f);
}

// ---- remainders ----

/**
 * FPREM (quotient cut) and FPREM1 (quotient to nearest): ST(0) modulo ST(1), in steps of at most 63 bits of
 * quotient.
 */
export function remainder(nearest: bool): void {
  const a = slot(0);
  const b = slot(1);
  setStatusWord(status() & ~C2);
  if (!readTopTwo(a, b)) return;
  const flags = denormalFlag(a, b);
  if (a.kind == INFINITE || b.kind == ZERO) {
    setIndefinite(a);
    deliver(a, 0, 64, IE);
    return;
  }
  if (a.kind == ZERO || b.kind == INFINITE) {
    if (deliver(a, 0, 64, flags)) setConditions(0);
    return;
  }
  const distance = a.exp - b.exp;
  if (distance >= 64) {
    reduce(a, b, a.exp - ((distance & 31) | 32));
    if (deliver(a, 0, 64, flags)) setConditions(C2);
    return;
  }
  let quotient: u64 = 0;
  if (distance >= 0) quotient = reduce(a, b, b.exp);
  if (nearest && isPastHalf(a, b, quotient)) {
    quotient++;
    const r = slot(2);
    b.sign = a.sign ^ 1;
    add(a, b, r, NEAREST);
    if (r.kind == ZERO) r.sign = a.sign;
    copy(r, a);
  }
  if (!deliver(a, 0, 64, flags)) return;
  setConditions((quotient & 1 ? C1 : 0) | (quotient & 2 ? C3 : 0) | (quotient & 4 ? C0 : 0));
}

/**
 * a modulo (b with exponent `exp`), by shifting and subtracting; answers the quotient. A zero keeps the sign
 * of `a`.
 */
function reduce(a: Float, b: Float, exp: i32): u64 {
  let rest = a.hi;
  let quotient: u64 = 0;
  let carry = false;
  for (let n = a.exp - exp; ; n--) {
    quotient <<= 1;
    if (carry || rest >= b.hi) {
      rest -= b.hi;
      quotient |= 1;
    }
    if (n == 0) break;
    carry = (rest & 0x8000000000000000) != 0;
    rest <<= 1;
  }
  if (rest == 0) setSpecial(a, ZERO, a.sign);
  else {
    setFinite(a, a.sign, exp, rest, 0);
    normalize(a);
  }
  return quotient;
}

/** Whether the rest is more than half of |b|, or just half with an odd quotient. */
function isPastHalf(rest: Float, b: Float, quotient: u64): bool {
  if (rest.kind == ZERO || rest.exp < b.exp - 1) return false;
  if (rest.exp >= b.exp) return true;
  return rest.hi > b.hi || (rest.hi == b.hi && (quotient & 1) != 0);
}
