// Floating-point arithmetic and compares of SSE and SSE2.
//
// A lane first tries WebAssembly's own arithmetic, which agrees with the processor when rounding is to
// nearest and operands and result are zero or normal. Everything else (NaNs, infinities, denormals, other
// roundings, the first inexact result) goes through softfloat.ts. Source: Intel SDM volume 1, chapters 4.8,
// 10 and 11; volume 2 (the pages of the instructions).

import { setStatus } from './flags';
import { CF, PF, ZF } from './layout';
import { DE, IE, Float, add, compare, divide, multiply, slot, squareRoot } from './softfloat';
import {
  RESULT,
  asFloat,
  isInexactSticky,
  isNan,
  isSignaling,
  isUsual,
  laneBits,
  mxcsr,
  raise,
  roundAndStore,
  rounding,
  storeLane,
  unpack,
} from './sse-environment';
import { reciprocal, reciprocalRoot } from './sse-estimate';
import * as ops from './sse-ops';

/**
 * Runs one operation of a family in one of its four forms. Answers 0 or the exception vector; with one,
 * `dst` is unchanged.
 */
export function sseArith(op: u32, dst: usize, src: usize, imm: u32): u32 {
  const family = op & ~3;
  if (family == ops.SSE_COMI || family == ops.SSE_UCOMI) {
    return op & 1 ? compareScalars<f64>(family, dst, src) : compareScalars<f32>(family, dst, src);
  }
  switch (op & 3) {
    case ops.SSE_FORM_SD:
      return scalar<f64>(family, dst, src, imm);
    case ops.SSE_FORM_SS:
      return scalar<f32>(family, dst, src, imm);
    case ops.SSE_FORM_PD:
      return packed<f64>(family, family, dst, dst, src, imm);
    default:
      return packed<f32>(family, family, dst, dst, src, imm);
  }
}

function scalar<T>(family: u32, dst: usize, src: usize, imm: u32): u32 {
  const control = mxcsr();
  const a = laneBits<T>(dst, 0);
  const b = laneBits<T>(src, 0);
  if (isUsual(control) && quickLane<T>(family, asFloat<T>(a), asFloat<T>(b), imm, dst, control)) return 0;
  const flags = carefulLane<T>(family, a, b, imm, 0, control);
  const vector = flags ? raise(flags, control) : 0;
  if (vector == 0) storeLane<T>(dst, 0, laneBits<T>(RESULT, 0));
  return vector;
}

/** All lanes of `first` with those of `second` into `dst`: `even` is the family for lanes 0 and 2, `odd` for 1 and 3. */
export function packed<T>(even: u32, odd: u32, dst: usize, first: usize, second: usize, imm: u32): u32 {
  const control = mxcsr();
  const usual = isUsual(control);
  if (usual && isInexactSticky(control) && even == odd && quickPacked<T>(even, dst, first, second)) return 0;
  const count: u32 = 16 / sizeof<T>();
  let flags: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const a = laneBits<T>(first, i);
    const b = laneBits<T>(second, i);
    const family = i & 1 ? odd : even;
    const place = RESULT + <usize>(i * <u32>sizeof<T>());
    if (usual && quickLane<T>(family, asFloat<T>(a), asFloat<T>(b), imm, place, control)) continue;
    flags |= carefulLane<T>(family, a, b, imm, i, control);
  }
  const vector = flags ? raise(flags, control) : 0;
  if (vector == 0) v128.store(dst, v128.load(RESULT));
  return vector;
}

// ---- the usual case ----

// @ts-ignore: decorator
@inline
function leastNormal<T>(): T {
  if (sizeof<T>() == 8) return <T>reinterpret<f64>(0x0010000000000000);
  return <T>reinterpret<f32>(0x00800000);
}

// @ts-ignore: decorator
@inline
function greatest<T>(): T {
  if (sizeof<T>() == 8) return <T>f64.MAX_VALUE;
  return <T>f32.MAX_VALUE;
}

/** Zero or a normal number. */
// @ts-ignore: decorator
@inline
function isOrdinary<T>(x: T): bool {
  const magnitude = abs<T>(x);
  return (magnitude >= leastNormal<T>() && magnitude <= greatest<T>()) || magnitude == 0;
}

/** A normal number that no rounding can have brought up from the denormals. */
// @ts-ignore: decorator
@inline
function isClear<T>(x: T): bool {
  const magnitude = abs<T>(x);
  return magnitude > leastNormal<T>() && magnitude <= greatest<T>();
}

/**
 * Computes a lane by WebAssembly's arithmetic into `place`; answers false when that might not be what the
 * processor does.
 */
// @ts-ignore: decorator
@inline
function quickLane<T>(family: u32, a: T, b: T, imm: u32, place: usize, control: u32): bool {
  if (!isOrdinary<T>(b)) return false;
  if (family != ops.SSE_SQRT && !isOrdinary<T>(a)) return false;
  const sticky = isInexactSticky(control);
  let r: T;
  switch (family) {
    case ops.SSE_ADD:
      r = <T>(a + b);
      if (!isOrdinary<T>(r) || !(sticky || isExactSum<T>(a, b, r))) return false;
      break;
    case ops.SSE_SUB:
      r = <T>(a - b);
      if (!isOrdinary<T>(r) || !(sticky || isExactSum<T>(a, <T>-b, r))) return false;
      break;
    case ops.SSE_MUL:
      r = <T>(a * b);
      if (!(isClear<T>(r) || a == 0 || b == 0) || !(sticky || isExactProduct<T>(a, b, r))) return false;
      break;
    case ops.SSE_DIV:
      r = <T>(a / b);
      if (b == 0 || !(isClear<T>(r) || a == 0) || !(sticky || isExactProduct<T>(r, b, a))) return false;
      break;
    case ops.SSE_SQRT:
      r = sqrt<T>(b);
      if (b < 0 || !(sticky || isExactProduct<T>(r, r, b))) return false;
      break;
    case ops.SSE_MIN:
      r = a < b ? a : b;
      break;
    case ops.SSE_MAX:
      r = a > b ? a : b;
      break;
    case ops.SSE_CMP:
      storeLane<T>(place, 0, holds(imm, a < b ? LESS : a > b ? GREATER : EQUAL));
      return true;
    default:
      return false;
  }
  store<T>(place, r);
  return true;
}

/** Whether `sum` is a + b without rounding (Knuth's error of a sum). */
// @ts-ignore: decorator
@inline
function isExactSum<T>(a: T, b: T, sum: T): bool {
  const part = <T>(sum - a);
  return a - (sum - part) + (b - part) == 0;
}

/** Whether `product`, equal to a * b rounded, is a * b without rounding. */
// @ts-ignore: decorator
@inline
function isExactProduct<T>(a: T, b: T, product: T): bool {
  if (sizeof<T>() == 4) return <f64>a * <f64>b == <f64>product;
  if (<T>(a * b) != product) return false;
  if (product == 0) return true;
  const x = oddSignificand(reinterpret<u64>(<f64>a));
  const y = oddSignificand(reinterpret<u64>(<f64>b));
  return clz(x) + clz(y) >= 64 && x * y < 0x20000000000000;
}

function oddSignificand(bits: u64): u64 {
  const significand = (bits & 0xfffffffffffff) | 0x10000000000000;
  return significand >> ctz(significand);
}

// @ts-ignore: decorator
@inline
function ordinaryLanes<T>(x: v128): v128 {
  const magnitude = v128.abs<T>(x);
  const normal = v128.ge<T>(magnitude, v128.splat<T>(leastNormal<T>()));
  const zero = v128.eq<T>(magnitude, i64x2.splat(0));
  return v128.and(v128.or(normal, zero), v128.le<T>(magnitude, v128.splat<T>(greatest<T>())));
}

// @ts-ignore: decorator
@inline
function clearLanes<T>(x: v128): v128 {
  const magnitude = v128.abs<T>(x);
  const normal = v128.gt<T>(magnitude, v128.splat<T>(leastNormal<T>()));
  return v128.and(normal, v128.le<T>(magnitude, v128.splat<T>(greatest<T>())));
}

// @ts-ignore: decorator
@inline
function zeroLanes<T>(x: v128): v128 {
  return v128.eq<T>(x, i64x2.splat(0));
}

/**
 * Computes all lanes at once, for when the precision exception is already recorded; answers false when any
 * lane needs care.
 */
function quickPacked<T>(family: u32, dst: usize, first: usize, second: usize): bool {
  const a = v128.load(first);
  const b = v128.load(second);
  let r: v128;
  let good = ordinaryLanes<T>(b);
  if (family != ops.SSE_SQRT) good = v128.and(good, ordinaryLanes<T>(a));
  switch (family) {
    case ops.SSE_ADD:
      r = v128.add<T>(a, b);
      good = v128.and(good, ordinaryLanes<T>(r));
      break;
    case ops.SSE_SUB:
      r = v128.sub<T>(a, b);
      good = v128.and(good, ordinaryLanes<T>(r));
      break;
    case ops.SSE_MUL:
      r = v128.mul<T>(a, b);
      good = v128.and(good, v128.or(clearLanes<T>(r), v128.or(zeroLanes<T>(a), zeroLanes<T>(b))));
      break;
    case ops.SSE_DIV:
      r = v128.div<T>(a, b);
      good = v128.and(good, v128.or(clearLanes<T>(r), v128.andnot(zeroLanes<T>(a), zeroLanes<T>(b))));
      break;
    case ops.SSE_SQRT:
      r = v128.sqrt<T>(b);
      good = v128.and(good, v128.ge<T>(b, i64x2.splat(0)));
      break;
    case ops.SSE_MIN:
      r = v128.pmin<T>(b, a);
      break;
    case ops.SSE_MAX:
      r = v128.pmax<T>(b, a);
      break;
    default:
      return false;
  }
  if (!i64x2.all_true(v128.eq<i64>(good, i64x2.splat(-1)))) return false;
  v128.store(dst, r);
  return true;
}

// ---- the general case ----

function carefulLane<T>(family: u32, aBits: u64, bBits: u64, imm: u32, index: u32, control: u32): u32 {
  if (family == ops.SSE_RCP) {
    storeLane<T>(RESULT, index, reciprocal(<u32>bBits));
    return 0;
  }
  if (family == ops.SSE_RSQRT) {
    storeLane<T>(RESULT, index, reciprocalRoot(<u32>bBits));
    return 0;
  }
  const a = slot(0);
  const b = slot(1);
  unpack<T>(bBits, control, b);
  // A square root has one operand: reading it twice lets the rules for two stand.
  unpack<T>(family == ops.SSE_SQRT ? bBits : aBits, control, a);
  switch (family) {
    case ops.SSE_MIN:
    case ops.SSE_MAX:
      return selectLane<T>(family, a, b, aBits, bBits, index);
    case ops.SSE_CMP:
      return compareLane<T>(a, b, imm, index);
  }
  if (isNan(a) || isNan(b)) {
    const quiet: u64 = sizeof<T>() == 8 ? 0x0008000000000000 : 0x00400000;
    storeLane<T>(RESULT, index, (isNan(a) ? (family == ops.SSE_SQRT ? bBits : aBits) : bBits) | quiet);
    return isSignaling(a) || isSignaling(b) ? IE : 0;
  }
  const r = slot(2);
  let flags: u32 = 0;
  const denormal = a.denormal | b.denormal;
  switch (family) {
    case ops.SSE_SUB:
      b.sign ^= 1;
      flags = add(a, b, r, rounding(control));
      break;
    case ops.SSE_ADD:
      flags = add(a, b, r, rounding(control));
      break;
    case ops.SSE_MUL:
      flags = multiply(a, b, r);
      break;
    case ops.SSE_DIV:
      flags = divide(a, b, r);
      break;
    case ops.SSE_SQRT:
      flags = squareRoot(a, r);
      break;
  }
  if (flags == 0 && denormal) flags = DE;
  return flags | roundAndStore<T>(r, control, index);
}

/** The second operand wins when either is a NaN and when the two are equal (as two zeros are). */
function selectLane<T>(family: u32, a: Float, b: Float, aBits: u64, bBits: u64, index: u32): u32 {
  const unordered = isNan(a) || isNan(b);
  const order = unordered ? 0 : compare(a, b);
  const first = family == ops.SSE_MIN ? order < 0 : order > 0;
  const chosen = first ? a : b;
  storeLane<T>(
    RESULT,
    index,
    chosen.kind ? (first ? aBits : bBits) : (<u64>chosen.sign) << (sizeof<T>() * 8 - 1),
  );
  if (unordered) return IE;
  return a.denormal | b.denormal ? DE : 0;
}

const LESS: u32 = 0;
const EQUAL: u32 = 1;
const GREATER: u32 = 2;
const UNORDERED: u32 = 3;

function relation(a: Float, b: Float): u32 {
  if (isNan(a) || isNan(b)) return UNORDERED;
  return <u32>(compare(a, b) + 1);
}

/**
 * All ones when the predicate (EQ LT LE UNORD NEQ NLT NLE ORD: one digit each, a bit for each relation)
 * holds.
 */
// @ts-ignore: decorator
@inline
function holds(predicate: u32, relation: u32): u64 {
  return <u64>0 - <u64>(((<u32>0x7ced8312 >> ((predicate & 7) << 2)) >> relation) & 1);
}

function compareLane<T>(a: Float, b: Float, predicate: u32, index: u32): u32 {
  storeLane<T>(RESULT, index, holds(predicate, relation(a, b)));
  const ordering = (predicate & 3) == 1 || (predicate & 3) == 2;
  return compareFlags(a, b, ordering);
}

/** An ordering compare refuses every NaN, the others refuse signaling ones. */
function compareFlags(a: Float, b: Float, ordering: bool): u32 {
  if (isNan(a) || isNan(b)) return ordering || isSignaling(a) || isSignaling(b) ? IE : 0;
  return a.denormal | b.denormal ? DE : 0;
}

/** COMISS, COMISD, UCOMISS, UCOMISD: the relation goes to ZF, PF and CF; OF, SF and AF are cleared. */
function compareScalars<T>(family: u32, dst: usize, src: usize): u32 {
  const x = load<T>(dst);
  const y = load<T>(src);
  if (isOrdinary<T>(x) && isOrdinary<T>(y)) {
    setStatus(x > y ? 0 : x < y ? CF : ZF);
    return 0;
  }
  const control = mxcsr();
  const a = slot(0);
  const b = slot(1);
  unpack<T>(laneBits<T>(dst, 0), control, a);
  unpack<T>(laneBits<T>(src, 0), control, b);
  const flags = compareFlags(a, b, family == ops.SSE_COMI);
  const vector = flags ? raise(flags, control) : 0;
  if (vector == 0) setRelationFlags(relation(a, b));
  return vector;
}

function setRelationFlags(order: u32): void {
  setStatus(order == LESS ? CF : order == EQUAL ? ZF : order == GREATER ? 0 : ZF | PF | CF);
}
