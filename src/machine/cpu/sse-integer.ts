// Packed integer operations of SSE2. Source: Intel SDM volume 2 (the pages of the instructions).

import * as ops from './sse-ops';

/**
 * Runs one packed integer operation on two 16-byte operands; these raise no exception. `imm` is the count of
 * the immediate shifts.
 */
export function sseInteger(op: u32, dst: usize, src: usize, imm: u32): void {
  switch (op) {
    case ops.SSE_PADDB: v128.store(dst, v128.add<i8>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PADDW: v128.store(dst, v128.add<i16>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PADDD: v128.store(dst, v128.add<i32>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PADDQ: v128.store(dst, v128.add<i64>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PSUBB: v128.store(dst, v128.sub<i8>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PSUBW: v128.store(dst, v128.sub<i16>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PSUBD: v128.store(dst, v128.sub<i32>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PSUBQ: v128.store(dst, v128.sub<i64>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PADDSB: v128.store(dst, v128.add_sat<i8>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PADDSW: v128.store(dst, v128.add_sat<i16>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PADDUSB: v128.store(dst, v128.add_sat<u8>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PADDUSW: v128.store(dst, v128.add_sat<u16>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PSUBSB: v128.store(dst, v128.sub_sat<i8>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PSUBSW: v128.store(dst, v128.sub_sat<i16>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PSUBUSB: v128.store(dst, v128.sub_sat<u8>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PSUBUSW: v128.store(dst, v128.sub_sat<u16>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PCMPEQB: v128.store(dst, v128.eq<i8>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PCMPEQW: v128.store(dst, v128.eq<i16>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PCMPEQD: v128.store(dst, v128.eq<i32>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PCMPGTB: v128.store(dst, v128.gt<i8>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PCMPGTW: v128.store(dst, v128.gt<i16>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PCMPGTD: v128.store(dst, v128.gt<i32>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PMINUB: v128.store(dst, v128.min<u8>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PMINSW: v128.store(dst, v128.min<i16>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PMAXUB: v128.store(dst, v128.max<u8>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PMAXSW: v128.store(dst, v128.max<i16>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PAVGB: v128.store(dst, v128.avgr<u8>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PAVGW: v128.store(dst, v128.avgr<u16>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PMULLW: v128.store(dst, v128.mul<i16>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PMADDWD: v128.store(dst, v128.dot<i16>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PACKSSWB: v128.store(dst, v128.narrow<i16>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PACKSSDW: v128.store(dst, v128.narrow<i32>(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PACKUSWB: v128.store(dst, i8x16.narrow_i16x8_u(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PMULHW: v128.store(dst, highWords(multiplyLow<i16>(dst, src), multiplyHigh<i16>(dst, src))); return;
    case ops.SSE_PMULHUW: v128.store(dst, highWords(multiplyLow<u16>(dst, src), multiplyHigh<u16>(dst, src))); return;
    case ops.SSE_PMULUDQ: v128.store(dst, i64x2.mul(evenDwords(v128.load(dst)), evenDwords(v128.load(src)))); return;
    case ops.SSE_PSADBW: v128.store(dst, sumOfDifferences(v128.load(dst), v128.load(src))); return;
    case ops.SSE_PSLLW: shiftLeft<i16>(dst, load<u64>(src)); return;
    case ops.SSE_PSLLW_IMM: shiftLeft<i16>(dst, imm); return;
    case ops.SSE_PSRLW: shiftRight<u16>(dst, load<u64>(src)); return;
    case ops.SSE_PSRLW_IMM: shiftRight<u16>(dst, imm); return;
    case ops.SSE_PSRAW: shiftRight<i16>(dst, load<u64>(src)); return;
    case ops.SSE_PSRAW_IMM: shiftRight<i16>(dst, imm); return;
    case ops.SSE_PSLLD: shiftLeft<i32>(dst, load<u64>(src)); return;
    case ops.SSE_PSLLD_IMM: shiftLeft<i32>(dst, imm); return;
    case ops.SSE_PSRLD: shiftRight<u32>(dst, load<u64>(src)); return;
    case ops.SSE_PSRLD_IMM: shiftRight<u32>(dst, imm); return;
    case ops.SSE_PSRAD: shiftRight<i32>(dst, load<u64>(src)); return;
    case ops.SSE_PSRAD_IMM: shiftRight<i32>(dst, imm); return;
    case ops.SSE_PSLLQ: shiftLeft<i64>(dst, load<u64>(src)); return;
    case ops.SSE_PSLLQ_IMM: shiftLeft<i64>(dst, imm); return;
    case ops.SSE_PSRLQ: shiftRight<u64>(dst, load<u64>(src)); return;
    case ops.SSE_PSRLQ_IMM: shiftRight<u64>(dst, imm); return;
    case ops.SSE_PSLLDQ: shiftBytesLeft(dst, imm); return;
    case ops.SSE_PSRLDQ: shiftBytesRight(dst, imm); return;
  }
}

// @ts-ignore: decorator
@inline
function multiplyLow<T>(dst: usize, src: usize): v128 {
  return v128.extmul_low<T>(v128.load(dst), v128.load(src));
}

// @ts-ignore: decorator
@inline
function multiplyHigh<T>(dst: usize, src: usize): v128 {
  return v128.extmul_high<T>(v128.load(dst), v128.load(src));
}

// @ts-ignore: decorator
@inline
function highWords(low: v128, high: v128): v128 {
  return v128.shuffle<u16>(low, high, 1, 3, 5, 7, 9, 11, 13, 15);
}

// @ts-ignore: decorator
@inline
function evenDwords(x: v128): v128 {
  return v128.and(x, i64x2.splat(0xffffffff));
}

/** The sums of the absolute differences of the bytes of each half. */
function sumOfDifferences(a: v128, b: v128): v128 {
  const differences = v128.sub<u8>(v128.max<u8>(a, b), v128.min<u8>(a, b));
  const words = i16x8.extadd_pairwise_i8x16_u(differences);
  const dwords = i32x4.extadd_pairwise_i16x8_u(words);
  return i64x2.add(evenDwords(dwords), i64x2.shr_u(dwords, 32));
}

/** A count of the lane width or more clears the lanes. */
function shiftLeft<T>(dst: usize, count: u64): void {
  const shifted = count < sizeof<T>() * 8 ? v128.shl<T>(v128.load(dst), <i32>count) : i64x2.splat(0);
  v128.store(dst, shifted);
}

/** A count of the lane width or more clears the lanes, or fills them with the sign when `T` is signed. */
function shiftRight<T>(dst: usize, count: u64): void {
  const width: u64 = sizeof<T>() * 8;
  if (count >= width) {
    if (!isSigned<T>()) {
      v128.store(dst, i64x2.splat(0));
      return;
    }
    count = width - 1;
  }
  v128.store(dst, v128.shr<T>(v128.load(dst), <i32>count));
}

function shiftBytesLeft(dst: usize, count: u32): void {
  const low = load<u64>(dst);
  const high = load<u64>(dst, 8);
  const bits: u64 = <u64>(count & 7) << 3;
  if (count > 15) storePair(dst, 0, 0);
  else if (count > 7) storePair(dst, 0, low << bits);
  else if (count > 0) storePair(dst, low << bits, (high << bits) | (low >> (64 - bits)));
}

function shiftBytesRight(dst: usize, count: u32): void {
  const low = load<u64>(dst);
  const high = load<u64>(dst, 8);
  const bits: u64 = <u64>(count & 7) << 3;
  if (count > 15) storePair(dst, 0, 0);
  else if (count > 7) storePair(dst, high >> bits, 0);
  else if (count > 0) storePair(dst, (low >> bits) | (high << (64 - bits)), high >> bits);
}

// @ts-ignore: decorator
@inline
function storePair(dst: usize, low: u64, high: u64): void {
  store<u64>(dst, low);
  store<u64>(dst, high, 8);
}
