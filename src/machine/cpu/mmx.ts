// MMX: its eight registers are the significands of the physical x87 registers. Packed arithmetic is that of SSE on the
// low halves of two scratch operands. Source: Intel SDM volume 1, chapter 9; volume 2 (the pages of the instructions).

import * as at from './layout';
import * as uop from './uops';
import { finish, read, write } from './memory';
import { effective } from './operands';
import { fault, isMemory } from './rm';
import { sse } from './sse';
import * as ops from './sse-ops';
import { ES, VECTOR_MF, setTop, status } from './x87-stack';

const LEFT: usize = at.FLOAT_SCRATCH + 768;
const RIGHT: usize = at.FLOAT_SCRATCH + 784;
const ALL_EMPTY: u32 = 0xffff;

// @ts-ignore: decorator
@inline
function kindOf(u: usize): u32 {
  return load<u8>(u, uop.SUB) & uop.MMX_KIND;
}

/** Bytes of the memory operand, or of what is read of a register. */
// @ts-ignore: decorator
@inline
function sizeOf(u: usize): u32 {
  return load<u16>(u, uop.IMM + 2);
}

/** Whether the x87 state takes no part. */
// @ts-ignore: decorator
@inline
function isApart(u: usize): bool {
  return (load<u8>(u, uop.SUB) & uop.MMX_APART) != 0;
}

/** Host address of the operand that may be in memory (a register is in `field`); 0 is a fault. */
function operand(u: usize, field: usize, written: bool): usize {
  if (!isMemory(u)) return <usize>load<u16>(u + field);
  const address = effective(u);
  if (sizeOf(u) == 16 && address & 15) {
    fault(13);
    return 0;
  }
  return written ? write(address, sizeOf(u)) : read(address, sizeOf(u));
}

/** Every MMX instruction makes the stack full, with its top at register 0. */
function enter(): void {
  setTop(0);
  store<u32>(at.FPU_TAG, 0);
}

/** Writes an MMX register: the exponent above it becomes all ones. Another register gets all 8 bytes, or 16 with zeros. */
function put(slot: usize, value: u64): void {
  store<u64>(slot, value);
  if (<u32>slot >= <u32>at.FPU_REGISTERS) store<u16>(slot, 0xffff, 8);
  else if (<u32>slot >= <u32>at.XMM) store<u64>(slot, 0, 8);
}

/** Reads 1 to 16 bytes (2, 4, 8 or 16) into a scratch operand, zeros above. */
function take(scratch: usize, host: usize, size: u32): void {
  if (size == 16) v128.store(scratch, v128.load(host));
  else if (size == 8) v128.store(scratch, v128.load_zero<u64>(host));
  else if (size == 4) v128.store(scratch, v128.load_zero<u32>(host));
  else v128.store(scratch, v128.replace_lane<u16>(i64x2.splat(0), 0, load<u16>(host)));
}

export function mmx(u: usize): u32 {
  const kind = kindOf(u);
  if (status() & ES && !isApart(u)) return fault(VECTOR_MF);
  if (kind == uop.MMX_EMPTY) {
    // AMD's processors move the top too, Intel's manual speaks of the tags alone.
    setTop(0);
    store<u32>(at.FPU_TAG, ALL_EMPTY);
    return uop.GO_ON;
  }
  if (kind == uop.MMX_STORE) return storeRegister(u);
  if (kind == uop.MMX_MASKED) return storeMasked(u);
  return compute(u, kind);
}

/** MOVD, MOVQ and MOVQ2DQ out of an MMX register. */
function storeRegister(u: usize): u32 {
  const host = operand(u, uop.DST, true);
  if (!host) return uop.FAULTED;
  enter();
  const value = load<u64>(load<u16>(u, uop.SRC));
  const kept = sizeOf(u) == 4 ? value & 0xffffffff : value;
  if (!isMemory(u)) put(host, kept);
  else {
    if (sizeOf(u) == 4) store<u32>(host, <u32>kept);
    else store<u64>(host, kept);
    finish(host);
  }
  return uop.GO_ON;
}

/** MASKMOVQ. */
function storeMasked(u: usize): u32 {
  const host = operand(u, uop.DST, true);
  if (!host) return uop.FAULTED;
  enter();
  take(LEFT, host, 8);
  sse(ops.SSE_MASK_MOVE, LEFT, load<u16>(u, uop.SRC), load<u16>(u, uop.IMM + 4));
  store<u64>(host, load<u64>(LEFT));
  finish(host);
  return uop.GO_ON;
}

/** Whatever has a register as destination. A SIMD exception comes when the x87 stack is full already, as on AMD's processors. */
function compute(u: usize, kind: u32): u32 {
  const host = operand(u, uop.SRC, false);
  if (!host) return uop.FAULTED;
  const dst: usize = load<u16>(u, uop.DST);
  take(RIGHT, host, sizeOf(u));
  if (kind == uop.MMX_TO_XMM) v128.store(LEFT, v128.load(dst));
  else take(LEFT, dst, 8);
  const vector = operate(u, kind);
  if (!isApart(u)) enter();
  if (vector) return fault(vector);
  if (kind == uop.MMX_TO_XMM) v128.store(dst, v128.load(LEFT));
  else put(dst, load<u64>(kind == uop.MMX_HIGH ? LEFT + 8 : LEFT));
  return uop.GO_ON;
}

/** Computes into LEFT; answers the vector of an exception, or 0. */
function operate(u: usize, kind: u32): u32 {
  const op = <u32>load<u16>(u, uop.IMM);
  const imm = load<u32>(u, uop.IMM + 4);
  switch (kind) {
    case uop.MMX_JOINED:
      // Both operands in one: what narrows or pairs neighbours then leaves the result in the low half.
      store<u64>(LEFT, load<u64>(RIGHT), 8);
      return sse(op, LEFT, LEFT, imm);
    case uop.MMX_ALIGNED: {
      store<u64>(RIGHT, load<u64>(LEFT), 8);
      v128.store(LEFT, i64x2.splat(0));
      return sse(op, LEFT, RIGHT, imm);
    }
    case uop.MMX_TO_XMM: {
      const upper = load<u64>(LEFT, 8);
      const vector = sse(op, LEFT, RIGHT, imm);
      if (!vector && op == ops.SSE_DQ_TO_PS) store<u64>(LEFT, upper, 8);
      return vector;
    }
    default:
      if (op == ops.SSE_PSHUFB) store<u64>(RIGHT, load<u64>(RIGHT) & 0x8787878787878787);
      return sse(op, LEFT, RIGHT, imm);
  }
}
