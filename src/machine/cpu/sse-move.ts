// Moves, bitwise logic and shuffles of the SSE and SSE2 sets. Operands are addresses of register slots or of
// a scratch copy of memory; both may be the same slot, so each operation reads everything before it writes.
// Source: Intel SDM volume 2 (the pages of the instructions).

import * as ops from './sse-ops';

/**
 * Runs one move, logic or shuffle operation; these raise no exception. For MASK_MOVE `imm` is the address of
 * the mask.
 */
export function sseMove(op: u32, dst: usize, src: usize, imm: u32): void {
  switch (op) {
    case ops.SSE_MOVE_16: v128.store(dst, v128.load(src)); return;
    case ops.SSE_MOVE_LOW_8: store<u64>(dst, load<u64>(src)); return;
    case ops.SSE_MOVE_LOW_4: store<u32>(dst, load<u32>(src)); return;
    case ops.SSE_LOAD_8: v128.store(dst, v128.load_zero<u64>(src)); return;
    case ops.SSE_LOAD_4: v128.store(dst, v128.load_zero<u32>(src)); return;
    case ops.SSE_LOAD_HIGH_8: store<u64>(dst, load<u64>(src), 8); return;
    case ops.SSE_STORE_HIGH_8: store<u64>(dst, load<u64>(src, 8)); return;
    case ops.SSE_TO_GPR_4: store<u64>(dst, load<u32>(src)); return;
    case ops.SSE_MASK_MOVE: maskMove(dst, src, imm); return;
    case ops.SSE_NOTHING: return;
    case ops.SSE_AND: v128.store(dst, v128.and(v128.load(dst), v128.load(src))); return;
    case ops.SSE_ANDN: v128.store(dst, v128.andnot(v128.load(src), v128.load(dst))); return;
    case ops.SSE_OR: v128.store(dst, v128.or(v128.load(dst), v128.load(src))); return;
    case ops.SSE_XOR: v128.store(dst, v128.xor(v128.load(dst), v128.load(src))); return;
    case ops.SSE_UNPACK_LOW_1:
      v128.store(dst, v128.shuffle<u8>(v128.load(dst), v128.load(src), 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
      return;
    case ops.SSE_UNPACK_LOW_2: v128.store(dst, v128.shuffle<u16>(v128.load(dst), v128.load(src), 0, 8, 1, 9, 2, 10, 3, 11)); return;
    case ops.SSE_UNPACK_LOW_4: v128.store(dst, v128.shuffle<u32>(v128.load(dst), v128.load(src), 0, 4, 1, 5)); return;
    case ops.SSE_UNPACK_LOW_8: v128.store(dst, v128.shuffle<u64>(v128.load(dst), v128.load(src), 0, 2)); return;
    case ops.SSE_UNPACK_HIGH_1:
      v128.store(dst, v128.shuffle<u8>(v128.load(dst), v128.load(src), 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31));
      return;
    case ops.SSE_UNPACK_HIGH_2: v128.store(dst, v128.shuffle<u16>(v128.load(dst), v128.load(src), 4, 12, 5, 13, 6, 14, 7, 15)); return;
    case ops.SSE_UNPACK_HIGH_4: v128.store(dst, v128.shuffle<u32>(v128.load(dst), v128.load(src), 2, 6, 3, 7)); return;
    case ops.SSE_UNPACK_HIGH_8: v128.store(dst, v128.shuffle<u64>(v128.load(dst), v128.load(src), 1, 3)); return;
    case ops.SSE_SHUFFLE_PS: selectDwords(dst, dst, src, imm); return;
    case ops.SSE_SHUFFLE_PD: {
      const low = load<u64>(dst + <usize>((imm & 1) << 3));
      const high = load<u64>(src + <usize>((imm & 2) << 2));
      storePair(dst, low, high);
      return;
    }
    case ops.SSE_SHUFFLE_D: selectDwords(dst, src, src, imm); return;
    case ops.SSE_SHUFFLE_HW: storePair(dst, load<u64>(src), selectWords(src + 8, imm)); return;
    case ops.SSE_SHUFFLE_LW: storePair(dst, selectWords(src, imm), load<u64>(src, 8)); return;
    case ops.SSE_INSERT_W: store<u16>(dst + <usize>((imm & 7) << 1), load<u16>(src)); return;
    case ops.SSE_EXTRACT_W: store<u64>(dst, load<u16>(src + <usize>((imm & 7) << 1))); return;
    case ops.SSE_MASK_PS: store<u64>(dst, v128.bitmask<i32>(v128.load(src))); return;
    case ops.SSE_MASK_PD: store<u64>(dst, v128.bitmask<i64>(v128.load(src))); return;
    case ops.SSE_MASK_B: store<u64>(dst, v128.bitmask<i8>(v128.load(src))); return;
  }
}

// @ts-ignore: decorator
@inline
function storePair(dst: usize, low: u64, high: u64): void {
  store<u64>(dst, low);
  store<u64>(dst, high, 8);
}

// @ts-ignore: decorator
@inline
function dword(address: usize, selector: u32): u64 {
  return load<u32>(address + <usize>((selector & 3) << 2));
}

/** Two dwords of `first`, then two of `second`, chosen by the 2-bit fields of `imm`. */
function selectDwords(dst: usize, first: usize, second: usize, imm: u32): void {
  const low = dword(first, imm) | (dword(first, imm >> 2) << 32);
  const high = dword(second, imm >> 4) | (dword(second, imm >> 6) << 32);
  storePair(dst, low, high);
}

/** Four words of the 8 bytes at `address`, chosen by the 2-bit fields of `imm`. */
function selectWords(address: usize, imm: u32): u64 {
  let words: u64 = 0;
  for (let i: u32 = 0; i < 4; i++) {
    words |= <u64>load<u16>(address + <usize>(((imm >> (i << 1)) & 3) << 1)) << (i << 4);
  }
  return words;
}

function maskMove(dst: usize, src: usize, mask: usize): void {
  const chosen = v128.shr<i8>(v128.load(mask), 7);
  v128.store(dst, v128.bitselect(v128.load(src), v128.load(dst), chosen));
}
