// The SSE operations by number.

import { aes } from './aes';
import { sha } from './sha';
import { sseAcross } from './sse-across';
import { sseArith } from './sse-arith';
import { sseConvert } from './sse-convert';
import { sseInteger } from './sse-integer';
import { sseMove } from './sse-move';
import * as ops from './sse-ops';
import { sseState } from './sse-state';
import { sseText } from './sse-text';
import { sse4Integer } from './sse4-integer';
import { sse4Move } from './sse4-move';
import { ssse3 } from './ssse3';

/**
 * Runs operation `op` (sse-ops.ts). `dst` and `src` are the addresses of the first and second operand: a
 * 16-byte register slot, an 8-byte general register, or a scratch copy of memory; they may be the same.
 * `imm` is the immediate byte; for MASK_MOVE it is the address of the mask register. Answers 0, or the
 * vector of the exception (13 or 19); with one, no operand has changed.
 */
export function sse(op: u32, dst: usize, src: usize, imm: u32): u32 {
  if (<i32>op >= ops.SSE_LDMXCSR) return sseLater(op, dst, src, imm);
  if (<i32>op >= ops.SSE_SS_TO_SD) return sseConvert(op, dst, src);
  if (<i32>op >= ops.SSE_ADD) return sseArith(op, dst, src, imm);
  if (<i32>op >= ops.SSE_PADDB) sseInteger(op, dst, src, imm);
  else sseMove(op, dst, src, imm);
  return 0;
}

/** The state and what came after SSE2. */
function sseLater(op: u32, dst: usize, src: usize, imm: u32): u32 {
  if (<i32>op < ops.SSE_ADDSUB_PS) return sseState(op, dst);
  if (<i32>op < ops.SSE_PSHUFB) return sseAcross(op, dst, src, imm);
  if (<i32>op < ops.SSE_PMULLD) ssse3(op, dst, src, imm);
  else if (<i32>op < ops.SSE_MOVSHDUP) sse4Integer(op, dst, src, imm);
  else if (<i32>op < ops.SSE_PCMPISTRI) sse4Move(op, dst, src, imm);
  else if (<i32>op < ops.SSE_AESENC) sseText(op, dst, src, imm);
  else if (<i32>op < ops.SSE_SHA1RNDS4) aes(op, dst, src, imm);
  else sha(op, dst, src, imm);
  return 0;
}
