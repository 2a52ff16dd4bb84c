// The x87 transcendental functions, computed with 128-bit significands and rounded once.
//
// Each is an argument reduction and one short power series, evaluated in fixed point. FSIN, FCOS, FSINCOS and
// FPTAN reduce by the 66-bit pi that the processors use, so that large arguments give the processors' answers
// and not the true ones.
// Source: Intel SDM volume 1, 8.3.8 (approximation of pi) and 8.3.10; volume 2 (special cases in the pages of
// the instructions).

import {
  FINITE,
  IE,
  INFINITE,
  PE,
  TOP_BIT,
  ZE,
  ZERO,
  Float,
  compare,
  copy,
  divide,
  multiply,
  normalize,
  setFinite,
  setIndefinite,
  setInteger,
  setSpecial,
  slot,
} from './softfloat';
import { addWide, divideWide, oddSeries, sumSeries } from './softfloat-wide';
import { readTop } from './x87-arith';
import {
  ARCTAN,
  COS_SERIES,
  COS_SERIES_TERMS,
  EXP_SERIES,
  EXP_SERIES_TERMS,
  ODD_SERIES,
  ODD_SERIES_TERMS,
  SIN_SERIES,
  SIN_SERIES_TERMS,
} from './x87-constants';
import * as ops from './x87-ops';
import {
  C1,
  C2,
  SF,
  deliver,
  denormalFlag,
  isEmpty,
  isNan,
  isUnmasked,
  pop,
  preparePush,
  propagateNan,
  raise,
  readRegister,
  rotate,
  setC1,
  setStatusWord,
  stackUnderflow,
  status,
  writeRegister,
} from './x87-stack';
import { setConstant } from './x87-transfer';

/** Terms of ODD_SERIES that arguments below 1/31 need. */
const SHORT_SERIES_TERMS: u32 = 9;

export function transcendental(op: u32): void {
  switch (op) {
    case ops.X87_F2XM1:
      exponential();
      return;
    case ops.X87_YL2X:
    case ops.X87_YL2XP1:
    case ops.X87_PATAN:
      twoOperands(op);
      return;
    case ops.X87_SIN:
    case ops.X87_COS:
      sineOrCosine(op == ops.X87_COS);
      return;
    default:
      pair(op == ops.X87_PTAN);
  }
}

/**
 * A slot for a number of the functions below; the two operands and the results of an instruction lie in
 * others.
 */
// @ts-ignore: decorator
@inline
function work(index: u32): Float {
  return slot(8 + index);
}

// ---- endings ----

/** Results of these functions count as inexact, unless they are zero, infinite or NaNs. */
function inexact(r: Float): u32 {
  if (r.kind != FINITE) return 0;
  r.lo |= 1;
  return PE;
}

// ---- 2^x - 1 ----

/**
 * F2XM1. The results for 1 and -1 are exact; outside, where the manual leaves the result open, the operand
 * stays.
 */
function exponential(): void {
  const x = slot(0);
  if (!readTop(x)) return;
  const r = slot(2);
  const denormal = denormalFlag(x, x);
  if (x.kind != FINITE || x.exp >= 0) {
    copy(x, r);
    if (x.exp == 0 && x.hi == TOP_BIT && x.sign) r.exp = -1;
    if (x.kind == INFINITE && x.sign) setInteger(r, -1);
    deliver(r, 0, 64, x.kind == FINITE ? PE : 0);
    return;
  }
  const w = work(0);
  const z = work(1);
  setConstant(ops.X87_LDLN2, w);
  multiply(x, w, w);
  copy(w, z);
  sumSeries(EXP_SERIES, EXP_SERIES_TERMS, z, x.sign != 0, r);
  multiply(w, r, r);
  deliver(r, 0, 64, denormal | inexact(r));
}

// ---- logarithms and the arc tangent: two operands, one result after a pop ----

function twoOperands(op: u32): void {
  if (isEmpty(0) || isEmpty(1)) {
    if (stackUnderflow(1)) pop();
    return;
  }
  const x = slot(0);
  const y = slot(1);
  const r = slot(2);
  readRegister(0, x);
  readRegister(1, y);
  let flags: u32;
  if (isNan(x) || isNan(y)) flags = propagateNan(x, y, r);
  else if (op == ops.X87_PATAN) flags = arcTangent(x, y, r);
  else flags = logarithm(x, y, op == ops.X87_YL2XP1, r);
  if (deliver(r, 1, 64, flags)) pop();
}

/** y * log2(x) or y * log2(x + 1). */
function logarithm(x: Float, y: Float, plusOne: bool, r: Float): u32 {
  const denormal = denormalFlag(x, y);
  const log = work(0);
  if (x.kind == ZERO) {
    if (plusOne) setSpecial(log, ZERO, x.sign);
    else {
      setSpecial(log, INFINITE, 1);
      if (multiply(y, log, r)) return IE;
      return y.kind == FINITE ? ZE : 0;
    }
  } else if (x.sign && (!plusOne || x.kind == INFINITE)) {
    setIndefinite(r);
    return IE;
  } else if (x.kind == INFINITE) setSpecial(log, INFINITE, 0);
  else if (plusOne) {
    // No logarithm exists from -1 down, and the manual leaves the result open: the processors answer x, or
    // its product with zero or infinity.
    if (!x.sign || x.exp < 0) log2OfSum(x, log);
    else if (y.kind == FINITE) {
      copy(x, r);
      return denormal | PE;
    } else copy(x, log);
  } else log2(x, log);
  // A whole logarithm, of a power of two, is exact, and so is its product; the processors report it as
  // inexact all the same.
  const whole = log.lo == 0;
  const flags = multiply(y, log, r);
  if (flags) return flags;
  if (r.kind == FINITE && whole && r.exp >= -16382) return denormal | PE;
  return denormal | inexact(r);
}

/** log2(x) of a positive number of up to 128 bits; zero only for 1. */
function log2(x: Float, r: Float): void {
  const one = work(1);
  const m = work(2);
  const difference = work(3);
  setInteger(one, 1);
  copy(x, m);
  // x = m * 2^exp with m from 1/sqrt(2) to sqrt(2).
  let exp = x.exp;
  m.exp = 0;
  if (m.hi > 0xb504f333f9de6484) {
    m.exp = -1;
    exp++;
  }
  addWide(m, one, true, difference);
  addWide(m, one, false, m);
  logOfRatio(difference, m, r);
  setInteger(one, exp);
  addWide(one, r, false, r);
}

/** log2(1 + x); where 1 + x is near 1, from x itself. */
function log2OfSum(x: Float, r: Float): void {
  const m = work(4);
  setInteger(m, x.exp < -2 ? 2 : 1);
  addWide(x, m, false, m);
  if (x.exp < -2) logOfRatio(x, m, r);
  else log2(m, r);
}

/** log2((sum + difference) / (sum - difference)) from the two; r may be neither. */
function logOfRatio(difference: Float, sum: Float, r: Float): void {
  setSpecial(r, ZERO, 0);
  if (difference.kind == ZERO) return;
  const s = work(5);
  divideWide(difference, sum, s);
  oddSeries(ODD_SERIES, ODD_SERIES_TERMS, s, false, r);
  const factor = work(6);
  setFinite(factor, 0, 1, 0xb8aa3b295c17f0bb, 0xbe87fed0691d3e88);
  multiply(r, factor, r);
}

/** The angle of the point (x, y). */
function arcTangent(x: Float, y: Float, r: Float): u32 {
  const flags = denormalFlag(x, y);
  const angle = work(0);
  if (y.kind == ZERO || (x.kind == INFINITE && y.kind != INFINITE)) setSpecial(angle, ZERO, 0);
  else if (x.kind == ZERO || (y.kind == INFINITE && x.kind != INFINITE)) setHalfPi(angle, 0);
  else if (y.kind == INFINITE) setHalfPi(angle, -1);
  else firstQuadrant(x, y, angle);
  if (x.sign) {
    const pi = work(1);
    setHalfPi(pi, 1);
    addWide(pi, angle, true, angle);
  }
  copy(angle, r);
  r.sign = y.sign;
  return flags | inexact(r);
}

/** Pi times 2^(scale - 1). */
function setHalfPi(f: Float, scale: i32): void {
  setConstant(ops.X87_LDPI, f);
  f.exp += scale - 1;
}

/** arctan(|y| / |x|) of two finite numbers. */
function firstQuadrant(x: Float, y: Float, r: Float): void {
  const a = work(1);
  const b = work(2);
  copy(x, a);
  copy(y, b);
  a.sign = 0;
  b.sign = 0;
  const steep = compare(b, a) > 0;
  const t = work(3);
  divide(steep ? a : b, steep ? b : a, t);
  arcTangentOfRatio(t, r);
  if (!steep) return;
  setHalfPi(a, 0);
  addWide(a, r, true, r);
}

/** arctan(t) for 0 < t <= 1: the nearest sixteenth's from a table, and the rest by the series. */
function arcTangentOfRatio(t: Float, r: Float): void {
  const sixteenths = t.exp == 0 ? 16 : t.exp < -6 ? 0 : <u32>((((t.hi >> (-1 - t.exp)) >> 59) + 1) >> 1);
  const u = work(4);
  copy(t, u);
  if (sixteenths) {
    const step = work(5);
    const scaled = work(6);
    setInteger(step, sixteenths);
    step.exp -= 4;
    multiply(t, step, scaled);
    addWide(t, step, true, u);
    setInteger(step, 1);
    addWide(step, scaled, false, scaled);
    if (u.kind == FINITE) divideWide(u, scaled, u);
  }
  setSpecial(r, ZERO, 0);
  if (u.kind == FINITE) oddSeries(ODD_SERIES, SHORT_SERIES_TERMS, u, true, r);
  if (sixteenths) {
    const base = work(5);
    const entry = ARCTAN + <usize>(sixteenths << 4);
    setFinite(base, 0, 0, load<u64>(entry), load<u64>(entry, 8));
    normalize(base);
    addWide(base, r, false, r);
  }
}

// ---- sine, cosine, tangent ----

/** Pi / 2 to 66 bits. */
const HALF_PI_HIGH: u64 = 0xc90fdaa22168c234;
const HALF_PI_LOW: u64 = 0xc000000000000000;

/**
 * Replaces a positive finite angle by its distance (perhaps negative) from the nearest multiple of pi / 2;
 * answers the multiple.
 */
function reduceAngle(x: Float): u64 {
  if (x.exp < -1) return 0;
  let high = x.hi;
  let low: u64 = 0;
  if (x.exp < 0) {
    low = high << 63;
    high >>= 1;
  }
  let multiple: u64 = 0;
  let carry = false;
  for (let n = x.exp; ; n--) {
    multiple <<= 1;
    if (carry || high > HALF_PI_HIGH || (high == HALF_PI_HIGH && low >= HALF_PI_LOW)) {
      high = high - HALF_PI_HIGH - (low < HALF_PI_LOW ? 1 : 0);
      low -= HALF_PI_LOW;
      multiple |= 1;
    }
    if (n <= 0) break;
    carry = (high & TOP_BIT) != 0;
    high = (high << 1) | (low >> 63);
    low <<= 1;
  }
  let sign: u32 = 0;
  if (high > HALF_PI_HIGH >> 1) {
    high = HALF_PI_HIGH - high - (HALF_PI_LOW < low ? 1 : 0);
    low = HALF_PI_LOW - low;
    sign = 1;
    multiple++;
  }
  if (high | low) {
    setFinite(x, sign, 0, high, low);
    normalize(x);
  } else setSpecial(x, ZERO, sign);
  return multiple;
}

/** sin(r + multiple * pi / 2) for |r| up to pi / 4. */
function sineOf(r: Float, multiple: u64, result: Float): void {
  if (multiple & 1) {
    const square = work(2);
    multiply(r, r, square);
    sumSeries(COS_SERIES, COS_SERIES_TERMS, square, true, result);
  } else if (r.kind == ZERO) copy(r, result);
  else oddSeries(SIN_SERIES, SIN_SERIES_TERMS, r, true, result);
  if (multiple & 2) result.sign ^= 1;
}

/** What begins FSIN, FCOS, FSINCOS and FPTAN on a number: a magnitude of 2^63 or more is refused with C2. */
function isOutOfRange(x: Float): bool {
  const outside = x.kind == FINITE && x.exp >= 63;
  setStatusWord((status() & ~(C1 | C2)) | (outside ? C2 : 0));
  return outside;
}

function sineOrCosine(cosine: bool): void {
  const x = slot(0);
  setStatusWord(status() & ~C2);
  if (!readTop(x) || isOutOfRange(x)) return;
  const r = slot(2);
  if (x.kind == INFINITE) {
    setIndefinite(r);
    deliver(r, 0, 64, IE);
    return;
  }
  const denormal = denormalFlag(x, x);
  const sign = x.sign;
  x.sign = 0;
  const multiple = reduceAngle(x);
  sineOf(x, cosine ? multiple + 1 : multiple, r);
  if (!cosine) r.sign ^= sign;
  deliver(r, 0, 64, denormal | (x.kind == ZERO && cosine ? 0 : inexact(r)));
}

/** FSINCOS and FPTAN: the first result replaces ST(0), the second (cosine, or 1) is pushed. */
function pair(tangent: bool): void {
  setStatusWord(status() & ~C2);
  if (isEmpty(0) || !isEmpty(7)) {
    pairFault(isEmpty(0) ? IE | SF : IE | SF | C1);
    return;
  }
  const x = slot(0);
  const first = slot(2);
  const second = slot(3);
  readRegister(0, x);
  let flags: u32;
  if (isNan(x) || x.kind == INFINITE) {
    if (isNan(x)) flags = propagateNan(x, x, first);
    else {
      setIndefinite(first);
      flags = IE;
    }
    copy(first, second);
  } else {
    if (isOutOfRange(x)) return;
    flags = denormalFlag(x, x);
    sineAndCosine(x, first, second);
    if (tangent) {
      divideWide(first, second, first);
      setInteger(second, 1);
    }
    flags |= inexact(first);
    if (!tangent && x.kind != ZERO) inexact(second);
  }
  if (!deliver(first, 0, 64, flags)) return;
  pushSecond(second);
}

function sineAndCosine(x: Float, sine: Float, cosine: Float): void {
  const sign = x.sign;
  x.sign = 0;
  const multiple = reduceAngle(x);
  sineOf(x, multiple, sine);
  sine.sign ^= sign;
  sineOf(x, multiple + 1, cosine);
}

/** Pushes the second result; its exceptions join those of the first, which alone decides C1. */
function pushSecond(f: Float): void {
  const rounded = status() & C1;
  preparePush();
  deliver(f, 0, 64, 0);
  setC1(rounded);
}

/** A stack fault, when masked, leaves two indefinites. */
function pairFault(flags: u32): void {
  raise(flags);
  if (isUnmasked(flags)) return;
  const f = slot(2);
  setIndefinite(f);
  writeRegister(0, f);
  rotate(7);
  writeRegister(0, f);
}
