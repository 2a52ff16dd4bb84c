/** Shifts, bit tests and bit scans outside the main loop. */
import * as at from './layout';
import * as uop from './uops';
import * as alu from './alu';
import { logic, settle } from './flags';
import { read, write } from './memory';
import { RCX, effective, loadWidth, putWidth } from './operands';
import { isMemory, setTarget, target, widthOf } from './rm';

/** Sets CF alone. */
export function setCarry(bit: u32): void {
  settle();
  store<u32>(at.RFLAGS, (load<u32>(at.RFLAGS) & ~at.CF) | (bit & 1));
}

/** A shift count: the immediate, or CL where SRC names it. */
function countOf(u: usize): u32 {
  const slot = load<u16>(u, uop.SRC);
  return slot ? <u32>load<u8>(slot) : load<u32>(u, uop.IMM);
}

export function shift(u: usize): u32 {
  const host = target(u);
  if (!host) return uop.FAULTED;
  const kind = <u32>load<u8>(u, uop.SUB);
  const count = countOf(u);
  switch (widthOf(u)) {
    case 1:
      return setTarget(u, host, alu.shift<u8>(kind, load<u8>(host), count));
    case 2:
      return setTarget(u, host, alu.shift<u16>(kind, load<u16>(host), count));
    case 4:
      return setTarget(u, host, alu.shift<u32>(kind, load<u32>(host), count));
    default:
      return setTarget(u, host, alu.shift<u64>(kind, load<u64>(host), count));
  }
}

/** SHLD and SHRD (SUB 0 and 1): the second operand is the SRC register; the count is the immediate, or CL when that is negative. */
export function shiftDouble(u: usize): u32 {
  const host = target(u);
  if (!host) return uop.FAULTED;
  const given = load<i32>(u, uop.IMM);
  const count: u32 = given < 0 ? <u32>load<u8>(RCX) : <u32>given;
  const from: usize = load<u16>(u, uop.SRC);
  const right = load<u8>(u, uop.SUB) != 0;
  switch (widthOf(u)) {
    case 2: {
      const a = load<u16>(host);
      const b = load<u16>(from);
      return setTarget(u, host, right ? alu.shrd<u16>(a, b, count) : alu.shld<u16>(a, b, count));
    }
    case 4: {
      const a = load<u32>(host);
      const b = load<u32>(from);
      return setTarget(u, host, right ? alu.shrd<u32>(a, b, count) : alu.shld<u32>(a, b, count));
    }
    default: {
      const a = load<u64>(host);
      const b = load<u64>(from);
      return setTarget(u, host, right ? alu.shrd<u64>(a, b, count) : alu.shld<u64>(a, b, count));
    }
  }
}

/** BT, BTS, BTR, BTC: the index is the immediate or the SRC register, which reaches beyond a memory operand. */
export function bit(u: usize): u32 {
  const width = widthOf(u);
  const kind = load<u8>(u, uop.SUB);
  const slot: usize = load<u16>(u, uop.SRC);
  const logBits: u64 = width == 8 ? 6 : width == 4 ? 5 : 4;
  let index = load<i64>(u, uop.IMM);
  if (slot) {
    index = width == 8 ? load<i64>(slot) : width == 4 ? <i64>load<i32>(slot) : <i64>load<i16>(slot);
  }
  let host: usize = load<u16>(u, uop.DST);
  if (isMemory(u)) {
    const address = effective(u) + (slot ? (<u64>(index >> logBits)) * width : 0);
    host = kind == uop.BIT_TEST ? read(address, width) : write(address, width);
    if (!host) return uop.FAULTED;
  }
  const value = loadWidth(host, width);
  const mask = (<u64>1) << (<u64>index & ((1 << logBits) - 1));
  setCarry(u32((value & mask) != 0));
  if (kind == uop.BIT_TEST) return uop.GO_ON;
  return setTarget(u, host, kind == uop.BIT_SET ? value | mask : kind == uop.BIT_RESET ? value & ~mask : value ^ mask);
}

/** BSF and BSR: DST is the register; the source is SRC or memory. A zero source sets ZF and leaves the register. */
export function scan(u: usize, forward: bool): u32 {
  const width = widthOf(u);
  const host: usize = isMemory(u) ? read(effective(u), width) : <usize>load<u16>(u, uop.SRC);
  if (!host) return uop.FAULTED;
  const value = loadWidth(host, width);
  logic<u64>(value);
  if (value != 0) putWidth(load<u16>(u, uop.DST), width, forward ? ctz<u64>(value) : 63 - clz<u64>(value));
  return uop.GO_ON;
}
