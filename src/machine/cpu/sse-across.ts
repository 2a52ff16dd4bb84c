// Floating point of SSE3 and SSE4.1: arithmetic across the lanes of an operand, dot products, rounding to whole numbers.
// Source: Intel SDM volume 2 (the pages of the instructions).

import { SCRATCH } from './layout';
import { IE, PE, QUIET_NAN, roundToInteger, slot } from './softfloat';
import { pack32, pack64 } from './softfloat-format';
import { packed } from './sse-arith';
import { RESULT, isNan, isSignaling, laneBits, mxcsr, raise, rounding, storeLane, unpack } from './sse-environment';
import * as ops from './sse-ops';

/** The left and right operands of a sum across lanes, and the sums. */
const LEFT: usize = SCRATCH;
const RIGHT: usize = SCRATCH + 16;
const SUMS: usize = SCRATCH + 32;

/** Runs one operation. Answers 0 or the exception vector; with one, `dst` is unchanged. */
export function sseAcross(op: u32, dst: usize, src: usize, imm: u32): u32 {
  switch (op) {
    case ops.SSE_ADDSUB_PS:
      return packed<f32>(ops.SSE_SUB, ops.SSE_ADD, dst, dst, src, 0);
    case ops.SSE_ADDSUB_PD:
      return packed<f64>(ops.SSE_SUB, ops.SSE_ADD, dst, dst, src, 0);
    case ops.SSE_HADD_PS:
      return acrossSingles(ops.SSE_ADD, dst, src);
    case ops.SSE_HADD_PD:
      return acrossDoubles(ops.SSE_ADD, dst, src);
    case ops.SSE_HSUB_PS:
      return acrossSingles(ops.SSE_SUB, dst, src);
    case ops.SSE_HSUB_PD:
      return acrossDoubles(ops.SSE_SUB, dst, src);
    case ops.SSE_DOT_PS:
      return dotSingles(dst, src, imm);
    case ops.SSE_DOT_PD:
      return dotDoubles(dst, src, imm);
    case ops.SSE_ROUND + ops.SSE_FORM_PS:
      return roundLanes<f32>(dst, src, imm, 4);
    case ops.SSE_ROUND + ops.SSE_FORM_PD:
      return roundLanes<f64>(dst, src, imm, 2);
    case ops.SSE_ROUND + ops.SSE_FORM_SS:
      return roundLanes<f32>(dst, src, imm, 1);
    default:
      return roundLanes<f64>(dst, src, imm, 1);
  }
}

/** HADDPS, HSUBPS: each pair of neighbours of both operands. */
function acrossSingles(family: u32, dst: usize, src: usize): u32 {
  const a = v128.load(dst);
  const b = v128.load(src);
  v128.store(LEFT, v128.shuffle<u32>(a, b, 0, 2, 4, 6));
  v128.store(RIGHT, v128.shuffle<u32>(a, b, 1, 3, 5, 7));
  return packed<f32>(family, family, dst, LEFT, RIGHT, 0);
}

function acrossDoubles(family: u32, dst: usize, src: usize): u32 {
  const a = v128.load(dst);
  const b = v128.load(src);
  v128.store(LEFT, v128.shuffle<u64>(a, b, 0, 2));
  v128.store(RIGHT, v128.shuffle<u64>(a, b, 1, 3));
  return packed<f64>(family, family, dst, LEFT, RIGHT, 0);
}

/** Zeroes the lanes of type `T` whose bits in `chosen` are clear. */
function keepLanes<T>(vector: usize, chosen: u32): void {
  const count: u32 = 16 / sizeof<T>();
  for (let n: u32 = 0; n < count; n++) if (!((chosen >> n) & 1)) storeLane<T>(vector, n, 0);
}

/** DPPS: products chosen by the upper four bits of the immediate, added in pairs, then both sums; to the lanes of the lower four. */
function dotSingles(dst: usize, src: usize, imm: u32): u32 {
  v128.store(LEFT, v128.load(dst));
  v128.store(RIGHT, v128.load(src));
  keepLanes<f32>(LEFT, imm >> 4);
  keepLanes<f32>(RIGHT, imm >> 4);
  let vector = packed<f32>(ops.SSE_MUL, ops.SSE_MUL, SUMS, LEFT, RIGHT, 0);
  if (vector) return vector;
  const products = v128.load(SUMS);
  v128.store(LEFT, v128.shuffle<u32>(products, i64x2.splat(0), 0, 2, 4, 4));
  v128.store(RIGHT, v128.shuffle<u32>(products, i64x2.splat(0), 1, 3, 4, 4));
  vector = packed<f32>(ops.SSE_ADD, ops.SSE_ADD, SUMS, LEFT, RIGHT, 0);
  if (vector) return vector;
  const sums = v128.load(SUMS);
  v128.store(LEFT, v128.shuffle<u32>(sums, i64x2.splat(0), 0, 4, 4, 4));
  v128.store(RIGHT, v128.shuffle<u32>(sums, i64x2.splat(0), 1, 4, 4, 4));
  vector = packed<f32>(ops.SSE_ADD, ops.SSE_ADD, SUMS, LEFT, RIGHT, 0);
  if (vector) return vector;
  v128.store(dst, v128.splat<u32>(load<u32>(SUMS)));
  keepLanes<f32>(dst, imm);
  return 0;
}

/** DPPD: the same with two doubles. */
function dotDoubles(dst: usize, src: usize, imm: u32): u32 {
  v128.store(LEFT, v128.load(dst));
  v128.store(RIGHT, v128.load(src));
  keepLanes<f64>(LEFT, imm >> 4);
  keepLanes<f64>(RIGHT, imm >> 4);
  let vector = packed<f64>(ops.SSE_MUL, ops.SSE_MUL, SUMS, LEFT, RIGHT, 0);
  if (vector) return vector;
  const products = v128.load(SUMS);
  v128.store(LEFT, v128.shuffle<u64>(products, i64x2.splat(0), 0, 2));
  v128.store(RIGHT, v128.shuffle<u64>(products, i64x2.splat(0), 1, 2));
  vector = packed<f64>(ops.SSE_ADD, ops.SSE_ADD, SUMS, LEFT, RIGHT, 0);
  if (vector) return vector;
  v128.store(dst, v128.splat<u64>(load<u64>(SUMS)));
  keepLanes<f64>(dst, imm);
  return 0;
}

/** ROUNDPS to ROUNDSD. Bits 0 and 1 of the immediate are the rounding unless bit 2 leaves it to MXCSR; bit 3 keeps inexact results quiet. */
function roundLanes<T>(dst: usize, src: usize, imm: u32, count: u32): u32 {
  const control = mxcsr();
  const mode = imm & 4 ? rounding(control) : imm & 3;
  let flags: u32 = 0;
  for (let n: u32 = 0; n < count; n++) flags |= roundLane<T>(laneBits<T>(src, n), n, mode, control);
  if (imm & 8) flags &= ~PE;
  const vector = flags ? raise(flags, control) : 0;
  if (vector) return vector;
  for (let n: u32 = 0; n < count; n++) storeLane<T>(dst, n, laneBits<T>(RESULT, n));
  return 0;
}

function roundLane<T>(bits: u64, n: u32, mode: u32, control: u32): u32 {
  const f = slot(0);
  unpack<T>(bits, control, f);
  let flags: u32 = 0;
  if (isNan(f)) {
    flags = isSignaling(f) ? IE : 0;
    f.kind = QUIET_NAN;
  } else flags = roundToInteger(f, mode) & PE;
  storeLane<T>(RESULT, n, sizeof<T>() == 8 ? pack64(f) : pack32(f));
  return flags;
}
