// Binary floating point in integers: the arithmetic that SSE's rare cases and the whole x87 share.
//
// A Float is an unpacked number. A finite one is (-1)^sign * (hi:lo / 2^127) * 2^exp with the top bit of `hi`
// set; where a result has more than 128 bits, the lowest bit of `lo` stands for all that was cut ("sticky"),
// so that a later rounding to 64 bits or fewer is exact. A NaN keeps its payload left-aligned in `hi`, with
// the top bit set. Floats live in fixed slots of the header's scratch: nothing is allocated and nothing
// outlives an instruction.
// Source: IEEE 754-2008; Intel SDM volume 1, chapters 4.8, 4.9 and 8.

import { FLOAT_SCRATCH } from './layout';

export const ZERO: u32 = 0;
export const FINITE: u32 = 1;
export const INFINITE: u32 = 2;
export const QUIET_NAN: u32 = 3;
export const SIGNALING_NAN: u32 = 4;
/** An 80-bit encoding that no processor since the 387 accepts: unnormal, pseudo-infinity, pseudo-NaN. */
export const UNSUPPORTED: u32 = 5;

/** Exception flags, as in MXCSR and in the x87 status word. */
export const IE: u32 = 0x01;
export const DE: u32 = 0x02;
export const ZE: u32 = 0x04;
export const OE: u32 = 0x08;
export const UE: u32 = 0x10;
export const PE: u32 = 0x20;
/** Not an exception: the rounding made the magnitude larger (C1 of the x87 status word). */
export const ROUNDED_UP: u32 = 0x200;

/** Rounding control, as in MXCSR and in the x87 control word. */
export const NEAREST: u32 = 0;
export const DOWN: u32 = 1;
export const UP: u32 = 2;
export const TRUNCATE: u32 = 3;

export const TOP_BIT: u64 = 0x8000000000000000;
/** What an unmasked x87 overflow or underflow takes from or adds to the exponent. */
export const EXPONENT_WRAP: i32 = 24576;

@unmanaged
export class Float {
  kind: u32;
  sign: u32;
  exp: i32;
  /** 1 when the encoding was a denormal (or an x87 pseudo-denormal). */
  denormal: u32;
  hi: u64;
  lo: u64;
}

/**
 * Scratch slot `index` (0 to 25). Slots 0 to 7 are for instructions, the rest for the routines below and the
 * transcendentals.
 */
// @ts-ignore: decorator
@inline
export function slot(index: u32): Float {
  return changetype<Float>(<usize>(FLOAT_SCRATCH + (index << 5)));
}

// ---- setting ----

export function copy(from: Float, to: Float): void {
  memory.copy(changetype<usize>(to), changetype<usize>(from), 32);
}

export function setSpecial(f: Float, kind: u32, sign: u32): void {
  f.kind = kind;
  f.sign = sign;
  f.exp = 0;
  f.denormal = 0;
  f.hi = 0;
  f.lo = 0;
}

export function setFinite(f: Float, sign: u32, exp: i32, hi: u64, lo: u64): void {
  f.kind = FINITE;
  f.sign = sign;
  f.exp = exp;
  f.denormal = 0;
  f.hi = hi;
  f.lo = lo;
}

/** The negative quiet NaN that answers an invalid operation. */
export function setIndefinite(f: Float): void {
  setSpecial(f, QUIET_NAN, 1);
  f.hi = 0xc000000000000000;
}

export function setInteger(f: Float, value: i64): void {
  if (value == 0) {
    setSpecial(f, ZERO, 0);
    return;
  }
  const sign: u32 = value < 0 ? 1 : 0;
  const magnitude: u64 = sign ? <u64>0 - <u64>value : <u64>value;
  const shift = clz(magnitude);
  setFinite(f, sign, 63 - <i32>shift, magnitude << shift, 0);
}

// ---- 128-bit pieces ----

/** The upper 64 bits of a 64 x 64 bit product. */
export function multiplyHigh(a: u64, b: u64): u64 {
  const a0 = a & 0xffffffff;
  const a1 = a >> 32;
  const b0 = b & 0xffffffff;
  const b1 = b >> 32;
  const middle = a1 * b0 + ((a0 * b0) >> 32);
  const other = a0 * b1 + (middle & 0xffffffff);
  return a1 * b1 + (middle >> 32) + (other >> 32);
}

/**
 * high:low / divisor, where high < divisor and the divisor's top bit is set. Knuth, volume 2, algorithm D
 * with 32-bit digits.
 */
function divide128(high: u64, low: u64, divisor: u64): u64 {
  const d1 = divisor >> 32;
  const d0 = divisor & 0xffffffff;
  const q1 = quotientDigit(high, low >> 32, d1, d0);
  const rest = (high << 32) + (low >> 32) - q1 * divisor;
  const q0 = quotientDigit(rest, low & 0xffffffff, d1, d0);
  return (q1 << 32) | q0;
}

function quotientDigit(high: u64, next: u64, d1: u64, d0: u64): u64 {
  let digit = high / d1;
  let rest = high - digit * d1;
  while (digit >> 32 || digit * d0 > ((rest << 32) | next)) {
    digit--;
    rest += d1;
    if (rest >> 32) break;
  }
  return digit;
}

/** Shifts hi:lo right; what falls out is kept as the sticky lowest bit. */
export function shiftRightSticky(f: Float, count: u32): void {
  if (count == 0) return;
  const hi = f.hi;
  const lo = f.lo;
  let lost: bool;
  if (count < 64) {
    lost = lo << (64 - count) != 0;
    f.lo = (hi << (64 - count)) | (lo >> count);
    f.hi = hi >> count;
  } else if (count < 128) {
    const rest = count - 64;
    lost = lo != 0 || (rest != 0 && hi << (64 - rest) != 0);
    f.lo = hi >> rest;
    f.hi = 0;
  } else {
    lost = (hi | lo) != 0;
    f.lo = 0;
    f.hi = 0;
  }
  if (lost) f.lo |= 1;
}

/** Brings the top bit of hi:lo to bit 127; hi:lo is not zero. */
export function normalize(f: Float): void {
  if (f.hi == 0) {
    f.hi = f.lo;
    f.lo = 0;
    f.exp -= 64;
  }
  const shift = clz(f.hi);
  if (shift == 0) return;
  f.hi = (f.hi << shift) | (f.lo >> (64 - shift));
  f.lo <<= shift;
  f.exp -= <i32>shift;
}

// ---- arithmetic on numbers that are not NaNs; the answer's flags hold IE or ZE at most ----

function invalid(r: Float): u32 {
  setIndefinite(r);
  return IE;
}

/** a + b. `r` may be neither operand. */
export function add(a: Float, b: Float, r: Float, rounding: u32): u32 {
  if (a.kind == INFINITE) {
    if (b.kind == INFINITE && a.sign != b.sign) return invalid(r);
    copy(a, r);
  } else if (b.kind == INFINITE) copy(b, r);
  else if (a.kind == ZERO && b.kind == ZERO)
    setSpecial(r, ZERO, a.sign == b.sign ? a.sign : zeroSign(rounding));
  else if (b.kind == ZERO) copy(a, r);
  else if (a.kind == ZERO) copy(b, r);
  else if (isSmaller(a, b)) addFinite(b, a, r, rounding);
  else addFinite(a, b, r, rounding);
  return 0;
}

// @ts-ignore: decorator
@inline
function zeroSign(rounding: u32): u32 {
  return rounding == DOWN ? 1 : 0;
}

/** |a| < |b|, both finite and not zero. */
function isSmaller(a: Float, b: Float): bool {
  if (a.exp != b.exp) return a.exp < b.exp;
  if (a.hi != b.hi) return a.hi < b.hi;
  return a.lo < b.lo;
}

function addFinite(big: Float, small: Float, r: Float, rounding: u32): void {
  const sign = big.sign;
  const opposite = sign != small.sign;
  setFinite(r, sign, big.exp, small.hi, small.lo);
  shiftRightSticky(r, <u32>(big.exp - small.exp));
  if (opposite) {
    const low = big.lo - r.lo;
    r.hi = big.hi - r.hi - (big.lo < r.lo ? 1 : 0);
    r.lo = low;
    if ((r.hi | low) == 0) setSpecial(r, ZERO, zeroSign(rounding));
    else normalize(r);
    return;
  }
  const low = big.lo + r.lo;
  const carry: u64 = low < r.lo ? 1 : 0;
  const high = big.hi + r.hi;
  r.lo = low;
  r.hi = high + carry;
  if (high < big.hi || r.hi < high) {
    shiftRightSticky(r, 1);
    r.hi |= TOP_BIT;
    r.exp++;
  }
}

/**
 * a * b; `r` may be an operand. Exact but for the sticky bit when both have 64-bit significands; else within
 * 2^-125.
 */
export function multiply(a: Float, b: Float, r: Float): u32 {
  const sign = a.sign ^ b.sign;
  if (a.kind == INFINITE || b.kind == INFINITE) {
    if (a.kind == ZERO || b.kind == ZERO) return invalid(r);
    setSpecial(r, INFINITE, sign);
  } else if (a.kind == ZERO || b.kind == ZERO) setSpecial(r, ZERO, sign);
  else {
    let high = multiplyHigh(a.hi, b.hi);
    let low = a.hi * b.hi;
    if (a.lo | b.lo) {
      const first = multiplyHigh(a.hi, b.lo);
      const second = multiplyHigh(a.lo, b.hi);
      low += first;
      if (low < first) high++;
      low += second;
      if (low < second) high++;
    }
    setFinite(r, sign, a.exp + b.exp + 1, high, low);
    normalize(r);
  }
  return 0;
}

/** a / b; `r` may be an operand. `b` has a 64-bit significand. */
export function divide(a: Float, b: Float, r: Float): u32 {
  const sign = a.sign ^ b.sign;
  if (a.kind == INFINITE) {
    if (b.kind == INFINITE) return invalid(r);
    setSpecial(r, INFINITE, sign);
  } else if (b.kind == ZERO) {
    if (a.kind == ZERO) return invalid(r);
    setSpecial(r, INFINITE, sign);
    return ZE;
  } else if (a.kind == ZERO || b.kind == INFINITE) setSpecial(r, ZERO, sign);
  else divideFinite(a, b, r, sign);
  return 0;
}

function divideFinite(a: Float, b: Float, r: Float, sign: u32): void {
  const divisor = b.hi;
  let high = a.hi;
  let low = a.lo;
  let exp = a.exp - b.exp - 1;
  if (high >= divisor) {
    low = (low >> 1) | (high << 63) | (low & 1);
    high >>= 1;
    exp++;
  }
  const first = divide128(high, low, divisor);
  const rest = low - first * divisor;
  const second = divide128(rest, 0, divisor);
  const sticky: u64 = second * divisor != 0 ? 1 : 0;
  setFinite(r, sign, exp, first, second | sticky);
}

/**
 * The square root of a number that is not negative; `r` may be the operand. The significand of `a` has 64
 * bits.
 */
export function squareRoot(a: Float, r: Float): u32 {
  if (a.kind == ZERO || (a.kind == INFINITE && !a.sign)) {
    copy(a, r);
    return 0;
  }
  if (a.sign) return invalid(r);
  const odd = <u64>(a.exp & 1);
  // The radicand is a.hi << 62 or << 63, taken two bits a step: 64 steps give 64 bits of root, then the
  // remainder decides two more.
  let restHigh: u64 = 0;
  let rest: u64 = 0;
  let root: u64 = 0;
  let bitsHigh = odd ? a.hi : a.hi >> 1;
  let bitsLow = odd ? 0 : a.hi << 63;
  let guard: u64 = 0;
  for (let i = 0; i < 66; i++) {
    restHigh = (restHigh << 2) | (rest >> 62);
    rest = (rest << 2) | (bitsHigh >> 62);
    bitsHigh = (bitsHigh << 2) | (bitsLow >> 62);
    bitsLow <<= 2;
    // The trial subtrahend is root * 4 + 1, in 66 bits at most for the first 64 steps, 68 after.
    let trialHigh = root >> 62;
    let trial = (root << 2) | 1;
    if (i == 65) {
      trialHigh = root >> 61;
      trial = (root << 3) | (guard << 2) | 1;
    }
    const fits = restHigh > trialHigh || (restHigh == trialHigh && rest >= trial);
    if (fits) {
      restHigh -= trialHigh + (rest < trial ? 1 : 0);
      rest -= trial;
    }
    if (i < 64) root = (root << 1) | (fits ? 1 : 0);
    else guard = (guard << 1) | (fits ? 1 : 0);
  }
  setFinite(r, 0, a.exp >> 1, root, (guard << 62) | ((rest | restHigh) != 0 ? 1 : 0));
  return 0;
}

/** -1, 0 or 1 as a is below, equal to or above b; neither is a NaN. */
export function compare(a: Float, b: Float): i32 {
  if (a.kind == ZERO && b.kind == ZERO) return 0;
  const aBelow = a.sign ? -1 : 1;
  if (a.kind == ZERO) return b.sign ? 1 : -1;
  if (b.kind == ZERO || a.sign != b.sign) return aBelow;
  if (a.kind == INFINITE) return b.kind == INFINITE ? 0 : aBelow;
  if (b.kind == INFINITE || isSmaller(a, b)) return -aBelow;
  return isSmaller(b, a) ? aBelow : 0;
}

// ---- rounding ----

/** Rounds hi:lo to its upper `bits` (1 to 64) bits. Answers PE and ROUNDED_UP. */
function roundSignificand(f: Float, bits: u32, rounding: u32): u32 {
  const tail = bits == 64 ? f.lo : (f.hi << bits) | (f.lo != 0 ? 1 : 0);
  f.lo = 0;
  if (tail == 0) return 0;
  const unit = (<u64>1) << (64 - bits);
  f.hi &= ~(unit - 1);
  if (!roundsUp(f.sign, tail, (f.hi & unit) != 0, rounding)) return PE;
  f.hi += unit;
  if (f.hi < unit) {
    f.hi = TOP_BIT;
    f.exp++;
  }
  return PE | ROUNDED_UP;
}

/**
 * Whether a magnitude with `tail` (not zero, left-aligned) beyond its last place is rounded away from zero.
 */
function roundsUp(sign: u32, tail: u64, odd: bool, rounding: u32): bool {
  if (rounding == NEAREST) return tail > TOP_BIT || (tail == TOP_BIT && odd);
  return rounding == (sign ? DOWN : UP);
}

/** Whether rounding to `bits` bits carries to the next power of two. */
function carries(f: Float, bits: u32, rounding: u32): bool {
  if (~f.hi >> (64 - bits)) return false;
  const tail = bits == 64 ? f.lo : (f.hi << bits) | (f.lo != 0 ? 1 : 0);
  return tail != 0 && roundsUp(f.sign, tail, true, rounding);
}

/**
 * Rounds to `bits` bits within the exponents `least` to `greatest`, as denormals below. `unmasked` names the
 * exceptions that are not masked: for overflow and underflow the exponent then wraps instead. Answers flags
 * and ROUNDED_UP. Tininess is found after rounding.
 */
export function round(f: Float, bits: u32, least: i32, greatest: i32, rounding: u32, unmasked: u32): u32 {
  if (f.kind != FINITE) return 0;
  if (f.exp < least) {
    const tiny = f.exp < least - 1 || !carries(f, bits, rounding);
    if (!(tiny && unmasked & UE)) {
      shiftRightSticky(f, <u32>(least - f.exp));
      f.exp = least;
      const flags = roundSignificand(f, bits, rounding);
      if (f.hi == 0) f.kind = ZERO;
      return tiny && flags ? flags | UE : flags;
    }
    f.exp += EXPONENT_WRAP;
    return UE | roundSignificand(f, bits, rounding);
  }
  const flags = roundSignificand(f, bits, rounding);
  if (f.exp <= greatest) return flags;
  if (unmasked & OE) {
    f.exp -= EXPONENT_WRAP;
    return OE | flags;
  }
  if (rounding == NEAREST || rounding == (f.sign ? DOWN : UP)) {
    setSpecial(f, INFINITE, f.sign);
    return OE | PE | ROUNDED_UP;
  }
  f.exp = greatest;
  f.hi = bits == 64 ? ~(<u64>0) : ~(~(<u64>0) >> bits);
  return OE | PE;
}

/** Whether round() with these limits finds the number tiny. */
export function isTiny(f: Float, bits: u32, least: i32, rounding: u32): bool {
  return f.kind == FINITE && f.exp < least && (f.exp < least - 1 || !carries(f, bits, rounding));
}

/** Rounds to a whole number, which stays a Float (zero keeps its sign). Answers PE and ROUNDED_UP. */
export function roundToInteger(f: Float, rounding: u32): u32 {
  if (f.kind != FINITE || f.exp >= 63) return 0;
  shiftRightSticky(f, <u32>(63 - f.exp));
  f.exp = 63;
  const flags = roundSignificand(f, 64, rounding);
  if (f.hi == 0) f.kind = ZERO;
  else normalize(f);
  return flags;
}

/**
 * The value of a whole Float as a signed integer of `width` bits; the smallest integer when it does not fit.
 */
export function integerOf(f: Float, width: u32): i64 {
  if (f.kind == ZERO) return 0;
  const magnitude = f.kind == FINITE && f.exp <= 63 ? f.hi >> (63 - f.exp) : ~(<u64>0);
  const least = (<u64>1) << (width - 1);
  if (magnitude < least) return f.sign ? -(<i64>magnitude) : <i64>magnitude;
  return -(<i64>least);
}

/** Whether integerOf() gives the number's own value. */
export function fitsInteger(f: Float, width: u32): bool {
  if (f.kind == ZERO) return true;
  if (f.kind != FINITE || f.exp > 63) return false;
  const magnitude = f.hi >> (63 - f.exp);
  const least = (<u64>1) << (width - 1);
  return magnitude < least || (f.sign != 0 && magnitude == least);
}
