// Packed integer operations of SSSE3. Source: Intel SDM volume 2 (the pages of the instructions).

import { SCRATCH } from './layout';
import * as ops from './sse-ops';

/** Runs one operation on two 16-byte operands; these raise no exception. `imm` is the byte count of PALIGNR. */
export function ssse3(op: u32, dst: usize, src: usize, imm: u32): void {
  const a = v128.load(dst);
  const b = v128.load(src);
  switch (op) {
    case ops.SSE_PSHUFB: v128.store(dst, i8x16.swizzle(a, v128.and(b, i8x16.splat(<i8>0x8f)))); return;
    case ops.SSE_PHADDW: v128.store(dst, i16x8.add(evenWords(a, b), oddWords(a, b))); return;
    case ops.SSE_PHADDD: v128.store(dst, i32x4.add(evenDwords(a, b), oddDwords(a, b))); return;
    case ops.SSE_PHADDSW: v128.store(dst, i16x8.add_sat_s(evenWords(a, b), oddWords(a, b))); return;
    case ops.SSE_PHSUBW: v128.store(dst, i16x8.sub(evenWords(a, b), oddWords(a, b))); return;
    case ops.SSE_PHSUBD: v128.store(dst, i32x4.sub(evenDwords(a, b), oddDwords(a, b))); return;
    case ops.SSE_PHSUBSW: v128.store(dst, i16x8.sub_sat_s(evenWords(a, b), oddWords(a, b))); return;
    case ops.SSE_PMADDUBSW: v128.store(dst, multiplyAddBytes(a, b)); return;
    case ops.SSE_PMULHRSW: v128.store(dst, multiplyRounded(a, b)); return;
    case ops.SSE_PSIGNB: v128.store(dst, withSigns<i8>(a, b)); return;
    case ops.SSE_PSIGNW: v128.store(dst, withSigns<i16>(a, b)); return;
    case ops.SSE_PSIGND: v128.store(dst, withSigns<i32>(a, b)); return;
    case ops.SSE_PABSB: v128.store(dst, v128.abs<i8>(b)); return;
    case ops.SSE_PABSW: v128.store(dst, v128.abs<i16>(b)); return;
    case ops.SSE_PABSD: v128.store(dst, v128.abs<i32>(b)); return;
    default: alignRight(dst, a, b, imm);
  }
}

/** The words of even number of both operands. */
// @ts-ignore: decorator
@inline
function evenWords(a: v128, b: v128): v128 {
  return v128.shuffle<u16>(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
}

// @ts-ignore: decorator
@inline
function oddWords(a: v128, b: v128): v128 {
  return v128.shuffle<u16>(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
}

// @ts-ignore: decorator
@inline
function evenDwords(a: v128, b: v128): v128 {
  return v128.shuffle<u32>(a, b, 0, 2, 4, 6);
}

// @ts-ignore: decorator
@inline
function oddDwords(a: v128, b: v128): v128 {
  return v128.shuffle<u32>(a, b, 1, 3, 5, 7);
}

/** Unsigned bytes of `a` times signed bytes of `b`, added in pairs with saturation. No product leaves 16 bits. */
function multiplyAddBytes(a: v128, b: v128): v128 {
  const low = i16x8.mul(i16x8.extend_low_i8x16_u(a), i16x8.extend_low_i8x16_s(b));
  const high = i16x8.mul(i16x8.extend_high_i8x16_u(a), i16x8.extend_high_i8x16_s(b));
  return i16x8.add_sat_s(evenWords(low, high), oddWords(low, high));
}

/** (a * b + 2^14) >> 15. WebAssembly's own saturates -1 times -1, which the processor lets wrap. */
function multiplyRounded(a: v128, b: v128): v128 {
  const least = i16x8.splat(i16.MIN_VALUE);
  const wraps = v128.and(i16x8.eq(a, least), i16x8.eq(b, least));
  return v128.xor(i16x8.q15mulr_sat_s(a, b), wraps);
}

/** `a`, negated where `b` is negative, zero where it is zero. */
// @ts-ignore: decorator
@inline
function withSigns<T>(a: v128, b: v128): v128 {
  const zero = i64x2.splat(0);
  const negative = v128.lt<T>(b, zero);
  const signed = v128.sub<T>(v128.xor(a, negative), negative);
  return v128.andnot(signed, v128.eq<T>(b, zero));
}

/** The 16 bytes from byte `count` on of both operands put together, the first one above; zeros follow. */
function alignRight(dst: usize, a: v128, b: v128, count: u32): void {
  v128.store(SCRATCH, b);
  v128.store(SCRATCH + 16, a);
  v128.store(SCRATCH + 32, i64x2.splat(0));
  v128.store(dst, v128.load(SCRATCH + <usize>min<u32>(count, 32)));
}
