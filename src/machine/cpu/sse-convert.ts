// Conversions of SSE and SSE2 between singles, doubles and integers.
// Source: Intel SDM volume 1, 4.8.4.2 and 11.5.2; volume 2 (the pages of the instructions).

import { DE, IE, PE, TRUNCATE, fitsInteger, integerOf, roundToInteger, setInteger, slot } from './softfloat';
import {
  RESULT,
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
import * as ops from './sse-ops';

/** Runs one conversion. Answers 0 or the exception vector; with one, `dst` is unchanged. */
export function sseConvert(op: u32, dst: usize, src: usize): u32 {
  switch (op) {
    case ops.SSE_SS_TO_SD:
      return resize<f32, f64>(dst, src, 1, 8);
    case ops.SSE_SD_TO_SS:
      return resize<f64, f32>(dst, src, 1, 4);
    case ops.SSE_PS_TO_PD:
      return resize<f32, f64>(dst, src, 2, 16);
    case ops.SSE_PD_TO_PS:
      return resize<f64, f32>(dst, src, 2, 16);
    case ops.SSE_I32_TO_SD:
      store<f64>(dst, <f64>load<i32>(src));
      return 0;
    case ops.SSE_DQ_TO_PD:
      v128.store(dst, f64x2.convert_low_i32x4_s(v128.load(src)));
      return 0;
    case ops.SSE_I64_TO_SD:
      return fromInteger<i64, f64>(dst, src, 1);
    case ops.SSE_I32_TO_SS:
      return fromInteger<i32, f32>(dst, src, 1);
    case ops.SSE_I64_TO_SS:
      return fromInteger<i64, f32>(dst, src, 1);
    case ops.SSE_DQ_TO_PS:
      return fromInteger<i32, f32>(dst, src, 4);
    case ops.SSE_SS_TO_I32:
      return toGeneral<f32, i32>(dst, src, false);
    case ops.SSE_SS_TO_I64:
      return toGeneral<f32, i64>(dst, src, false);
    case ops.SSE_SD_TO_I32:
      return toGeneral<f64, i32>(dst, src, false);
    case ops.SSE_SD_TO_I64:
      return toGeneral<f64, i64>(dst, src, false);
    case ops.SSE_SS_TRUNC_I32:
      return toGeneral<f32, i32>(dst, src, true);
    case ops.SSE_SS_TRUNC_I64:
      return toGeneral<f32, i64>(dst, src, true);
    case ops.SSE_SD_TRUNC_I32:
      return toGeneral<f64, i32>(dst, src, true);
    case ops.SSE_SD_TRUNC_I64:
      return toGeneral<f64, i64>(dst, src, true);
    case ops.SSE_PS_TO_DQ:
      return toPacked<f32>(dst, src, false);
    case ops.SSE_PD_TO_DQ:
      return toPacked<f64>(dst, src, false);
    case ops.SSE_PS_TRUNC_DQ:
      return toPacked<f32>(dst, src, true);
    default:
      return toPacked<f64>(dst, src, true);
  }
}

/** Ends an operation whose result is the first `bytes` of RESULT. */
function finish(flags: u32, control: u32, dst: usize, bytes: u32): u32 {
  const vector = flags ? raise(flags, control) : 0;
  if (vector) return vector;
  if (bytes == 16) v128.store(dst, v128.load(RESULT));
  else if (bytes == 8) store<u64>(dst, load<u64>(RESULT));
  else store<u32>(dst, load<u32>(RESULT));
  return 0;
}

// @ts-ignore: decorator
@inline
function clearResult(): void {
  v128.store(RESULT, i64x2.splat(0));
}

/** Between single and double; `bytes` of the destination are written, those beyond the lanes with zeros. */
function resize<From, To>(dst: usize, src: usize, lanes: u32, bytes: u32): u32 {
  const control = mxcsr();
  let flags: u32 = 0;
  clearResult();
  for (let i: u32 = 0; i < lanes; i++) {
    const bits = laneBits<From>(src, i);
    if (quickResize<From, To>(bits, control, i)) continue;
    const f = slot(0);
    unpack<From>(bits, control, f);
    if (isSignaling(f)) flags |= IE;
    if (f.denormal) flags |= DE;
    flags |= roundAndStore<To>(f, control, i);
  }
  return finish(flags, control, dst, bytes);
}

// @ts-ignore: decorator
@inline
function quickResize<From, To>(bits: u64, control: u32, index: u32): bool {
  if (sizeof<From>() == 4) {
    const x = reinterpret<f32>(<u32>bits);
    const magnitude = abs(x);
    if (!(magnitude >= reinterpret<f32>(0x00800000) || magnitude == 0)) return false;
    store<f64>(RESULT + <usize>(index << 3), <f64>x);
    return true;
  }
  if (!isUsual(control)) return false;
  const x = reinterpret<f64>(bits);
  const r = <f32>x;
  const magnitude = abs(r);
  const inRange = magnitude > reinterpret<f32>(0x00800000) && magnitude <= f32.MAX_VALUE;
  if (!(x == 0 || (inRange && (isInexactSticky(control) || <f64>r == x)))) return false;
  store<f32>(RESULT + <usize>(index << 2), r);
  return true;
}

function fromInteger<From, To>(dst: usize, src: usize, lanes: u32): u32 {
  const control = mxcsr();
  let flags: u32 = 0;
  for (let i: u32 = 0; i < lanes; i++) {
    const value = load<From>(src + <usize>(i * <u32>sizeof<From>()));
    const bits: u32 = sizeof<To>() == 8 ? 52 : 23;
    // Integers of that many bits are exact in any rounding.
    if (
      <u64>(<i64>value + ((<i64>1) << bits)) < (<u64>2) << bits ||
      (isUsual(control) && isInexactSticky(control))
    ) {
      store<To>(RESULT + <usize>(i * <u32>sizeof<To>()), <To>value);
      continue;
    }
    const f = slot(0);
    setInteger(f, <i64>value);
    flags |= roundAndStore<To>(f, control, i);
  }
  return finish(flags, control, dst, lanes * <u32>sizeof<To>());
}

/** To a general register; a 32-bit result clears the upper half. */
function toGeneral<From, To>(dst: usize, src: usize, truncating: bool): u32 {
  const x = <f64>load<From>(src);
  const control = mxcsr();
  if (truncating || isUsual(control)) {
    const whole = truncating ? trunc(x) : nearest(x);
    const limit: f64 = sizeof<To>() == 8 ? 9223372036854775808.0 : 2147483648.0;
    const inRange = whole >= -limit && whole < limit;
    if (inRange && (whole == x || (isInexactSticky(control) && isUsual(control)))) {
      store<u64>(dst, sizeof<To>() == 8 ? <u64>(<i64>whole) : <u64>(<u32>(<i32>whole)));
      return 0;
    }
  }
  const flags = toInteger<From>(laneBits<From>(src, 0), control, truncating, sizeof<To>() * 8, 0);
  const vector = flags ? raise(flags, control) : 0;
  if (vector == 0) store<u64>(dst, sizeof<To>() == 8 ? load<u64>(RESULT) : load<u32>(RESULT));
  return vector;
}

/** To packed 32-bit integers; two doubles clear the upper half. */
function toPacked<From>(dst: usize, src: usize, truncating: bool): u32 {
  const control = mxcsr();
  const lanes: u32 = 16 / sizeof<From>();
  let flags: u32 = 0;
  clearResult();
  for (let i: u32 = 0; i < lanes; i++)
    flags |= toInteger<From>(laneBits<From>(src, i), control, truncating, 32, i);
  return finish(flags, control, dst, 16);
}

/**
 * Stores lane `index` of RESULT as an integer of `width` bits: the smallest one for a NaN or a value that
 * does not fit.
 */
function toInteger<From>(bits: u64, control: u32, truncating: bool, width: u32, index: u32): u32 {
  const f = slot(0);
  unpack<From>(bits, control, f);
  let flags: u32 = isNan(f) ? 0 : roundToInteger(f, truncating ? TRUNCATE : rounding(control)) & PE;
  if (!fitsInteger(f, width)) flags = IE;
  if (width == 64) storeLane<f64>(RESULT, index, <u64>integerOf(f, 64));
  else storeLane<f32>(RESULT, index, <u32>integerOf(f, 32));
  return flags;
}
