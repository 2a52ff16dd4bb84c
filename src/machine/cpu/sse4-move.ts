// Moves, blends, insertions and extractions of SSE3 and SSE4.1. Source: Intel SDM volume 2 (the pages of the
// instructions).

import { XMM } from './layout';
import * as ops from './sse-ops';

/** Runs one operation; these raise no exception. The destination of an extraction or a store may be in memory. */
export function sse4Move(op: u32, dst: usize, src: usize, imm: u32): void {
  switch (op) {
    case ops.SSE_MOVSHDUP: v128.store(dst, v128.shuffle<u32>(v128.load(src), v128.load(src), 1, 1, 3, 3)); return;
    case ops.SSE_MOVSLDUP: v128.store(dst, v128.shuffle<u32>(v128.load(src), v128.load(src), 0, 0, 2, 2)); return;
    case ops.SSE_MOVDDUP: v128.store(dst, i64x2.splat(load<u64>(src))); return;
    case ops.SSE_PBLENDVB: blend(dst, src, v128.shr<i8>(v128.load(XMM), 7)); return;
    case ops.SSE_BLENDVPS: blend(dst, src, v128.shr<i32>(v128.load(XMM), 31)); return;
    case ops.SSE_BLENDVPD: blend(dst, src, v128.shr<i64>(v128.load(XMM), 63)); return;
    case ops.SSE_BLENDPS: blendBy<u32>(dst, src, imm); return;
    case ops.SSE_BLENDPD: blendBy<u64>(dst, src, imm); return;
    case ops.SSE_PBLENDW: blendBy<u16>(dst, src, imm); return;
    case ops.SSE_EXTRACT_1: store<u64>(dst, element<u8>(src, imm)); return;
    case ops.SSE_EXTRACT_2: store<u64>(dst, element<u16>(src, imm)); return;
    case ops.SSE_EXTRACT_4: store<u64>(dst, element<u32>(src, imm)); return;
    case ops.SSE_EXTRACT_8: store<u64>(dst, element<u64>(src, imm)); return;
    case ops.SSE_STORE_1: store<u8>(dst, element<u8>(src, imm)); return;
    case ops.SSE_STORE_2: store<u16>(dst, element<u16>(src, imm)); return;
    case ops.SSE_STORE_4: store<u32>(dst, element<u32>(src, imm)); return;
    case ops.SSE_INSERT_1: store<u8>(place<u8>(dst, imm), load<u8>(src)); return;
    case ops.SSE_INSERT_4: store<u32>(place<u32>(dst, imm), load<u32>(src)); return;
    case ops.SSE_INSERT_8: store<u64>(place<u64>(dst, imm), load<u64>(src)); return;
    case ops.SSE_INSERT_PS: insertSingle(dst, element<u32>(src, imm >> 6), imm); return;
    case ops.SSE_INSERT_PS_M: insertSingle(dst, load<u32>(src), imm); return;
  }
}

// @ts-ignore: decorator
@inline
function blend(dst: usize, src: usize, mask: v128): void {
  v128.store(dst, v128.bitselect(v128.load(src), v128.load(dst), mask));
}

/** Takes the elements of the source whose bits in the immediate are set. */
// @ts-ignore: decorator
@inline
function blendBy<T>(dst: usize, src: usize, imm: u32): void {
  for (let at: usize = 0; at < 16; at += sizeof<T>()) {
    if (imm & 1) store<T>(dst + at, load<T>(src + at));
    imm >>= 1;
  }
}

/** Where the element is that the low bits of the immediate name. */
// @ts-ignore: decorator
@inline
function place<T>(vector: usize, imm: u32): usize {
  return vector + <usize>((imm * <u32>sizeof<T>()) & 15);
}

// @ts-ignore: decorator
@inline
function element<T>(vector: usize, imm: u32): T {
  return load<T>(place<T>(vector, imm));
}

/** INSERTPS: bits 4 and 5 of the immediate say where the single goes, the low four which singles become zero then. */
function insertSingle(dst: usize, single: u32, imm: u32): void {
  store<u32>(place<u32>(dst, imm >> 4), single);
  for (let n: u32 = 0; n < 4; n++) {
    if ((imm >> n) & 1) store<u32>(place<u32>(dst, n), 0);
  }
}
