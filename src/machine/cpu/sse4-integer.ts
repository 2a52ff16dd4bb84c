// Packed integer operations of SSE4.1 and SSE4.2. Source: Intel SDM volume 2 (the pages of the instructions).

import { setStatus } from './flags';
import { CF, ZF } from './layout';
import * as ops from './sse-ops';

/** Runs one operation; these raise no exception. Of a source in memory only the bytes that the form names are read. */
export function sse4Integer(op: u32, dst: usize, src: usize, imm: u32): void {
  if (<i32>op >= ops.SSE_PMOVSXBW) {
    extend(op, dst, src);
    return;
  }
  const a = v128.load(dst);
  const b = v128.load(src);
  switch (op) {
    case ops.SSE_PMULLD: v128.store(dst, i32x4.mul(a, b)); return;
    case ops.SSE_PMULDQ: v128.store(dst, i64x2.extmul_low_i32x4_s(evenFirst(a), evenFirst(b))); return;
    case ops.SSE_PMINSB: v128.store(dst, v128.min<i8>(a, b)); return;
    case ops.SSE_PMINUW: v128.store(dst, v128.min<u16>(a, b)); return;
    case ops.SSE_PMINSD: v128.store(dst, v128.min<i32>(a, b)); return;
    case ops.SSE_PMINUD: v128.store(dst, v128.min<u32>(a, b)); return;
    case ops.SSE_PMAXSB: v128.store(dst, v128.max<i8>(a, b)); return;
    case ops.SSE_PMAXUW: v128.store(dst, v128.max<u16>(a, b)); return;
    case ops.SSE_PMAXSD: v128.store(dst, v128.max<i32>(a, b)); return;
    case ops.SSE_PMAXUD: v128.store(dst, v128.max<u32>(a, b)); return;
    case ops.SSE_PACKUSDW: v128.store(dst, i16x8.narrow_i32x4_u(a, b)); return;
    case ops.SSE_PCMPEQQ: v128.store(dst, v128.eq<i64>(a, b)); return;
    case ops.SSE_PCMPGTQ: v128.store(dst, v128.gt<i64>(a, b)); return;
    case ops.SSE_PHMINPOSUW: leastWord(dst, src); return;
    case ops.SSE_MPSADBW: sumsOfDifferences(dst, src, imm); return;
    case ops.SSE_PTEST: {
      const none: u32 = v128.any_true(v128.and(a, b)) ? 0 : ZF;
      setStatus(v128.any_true(v128.andnot(b, a)) ? none : none | CF);
      return;
    }
  }
}

/** Dwords 0 and 2 in the low half. */
// @ts-ignore: decorator
@inline
function evenFirst(x: v128): v128 {
  return v128.shuffle<u32>(x, x, 0, 2, 1, 3);
}

/** PMOVSX and PMOVZX: the low elements of the source, as many as the wider ones that fit. */
function extend(op: u32, dst: usize, src: usize): void {
  switch (op) {
    case ops.SSE_PMOVSXBW: v128.store(dst, i16x8.extend_low_i8x16_s(v128.load_zero<u64>(src))); return;
    case ops.SSE_PMOVSXBD: v128.store(dst, i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load_zero<u32>(src)))); return;
    case ops.SSE_PMOVSXBQ: v128.store(dst, i64x2(load<i8>(src), load<i8>(src, 1))); return;
    case ops.SSE_PMOVSXWD: v128.store(dst, i32x4.extend_low_i16x8_s(v128.load_zero<u64>(src))); return;
    case ops.SSE_PMOVSXWQ: v128.store(dst, i64x2.extend_low_i32x4_s(i32x4.extend_low_i16x8_s(v128.load_zero<u32>(src)))); return;
    case ops.SSE_PMOVSXDQ: v128.store(dst, i64x2.extend_low_i32x4_s(v128.load_zero<u64>(src))); return;
    case ops.SSE_PMOVZXBW: v128.store(dst, i16x8.extend_low_i8x16_u(v128.load_zero<u64>(src))); return;
    case ops.SSE_PMOVZXBD: v128.store(dst, i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load_zero<u32>(src)))); return;
    case ops.SSE_PMOVZXBQ: storePair(dst, load<u8>(src), load<u8>(src, 1)); return;
    case ops.SSE_PMOVZXWD: v128.store(dst, i32x4.extend_low_i16x8_u(v128.load_zero<u64>(src))); return;
    case ops.SSE_PMOVZXWQ: v128.store(dst, i64x2.extend_low_i32x4_u(i32x4.extend_low_i16x8_u(v128.load_zero<u32>(src)))); return;
    default: v128.store(dst, i64x2.extend_low_i32x4_u(v128.load_zero<u64>(src))); return;
  }
}

function storePair(dst: usize, low: u64, high: u64): void {
  store<u64>(dst, low);
  store<u64>(dst, high, 8);
}

/** The least word and the number of its first place. */
function leastWord(dst: usize, src: usize): void {
  let least: u32 = load<u16>(src);
  let place: u32 = 0;
  for (let n: u32 = 1; n < 8; n++) {
    const word: u32 = load<u16>(src + <usize>(n << 1));
    if (word >= least) continue;
    least = word;
    place = n;
  }
  storePair(dst, least | (place << 16), 0);
}

/** MPSADBW: four bytes of the source against each of eight places of the destination; the immediate chooses where both begin. */
function sumsOfDifferences(dst: usize, src: usize, imm: u32): void {
  const four = v128.splat<u32>(load<u32>(src + <usize>((imm & 3) << 2)));
  const from = dst + <usize>(imm & 4);
  let low: u64 = 0;
  let high: u64 = 0;
  for (let n: u32 = 0; n < 4; n++) {
    low |= differences(load<u32>(from + <usize>n), four) << (n << 4);
    high |= differences(load<u32>(from + <usize>n, 4), four) << (n << 4);
  }
  storePair(dst, low, high);
}

/** The sum of the absolute differences of four bytes. */
// @ts-ignore: decorator
@inline
function differences(bytes: u32, four: v128): u64 {
  const a = v128.splat<u32>(bytes);
  const difference = v128.sub<u8>(v128.max<u8>(a, four), v128.min<u8>(a, four));
  const words = i16x8.extadd_pairwise_i8x16_u(difference);
  return <u32>i32x4.extract_lane(i32x4.extadd_pairwise_i16x8_u(words), 0);
}
