/** XCHG, XADD and the compare-and-exchange family. One processor: LOCK changes nothing. */
import * as at from './layout';
import * as uop from './uops';
import * as alu from './alu';
import { settle, sub } from './flags';
import { finish, write } from './memory';
import { RAX, RBX, RCX, RDX, effective, loadWidth, put, putWidth } from './operands';
import { fault, isMemory, setTarget, target, widthOf } from './rm';

export function exchange(u: usize): u32 {
  const width = widthOf(u);
  const host = target(u);
  if (!host) return uop.FAULTED;
  const slot: usize = load<u16>(u, uop.SRC);
  const value = loadWidth(host, width);
  const other = loadWidth(slot, width);
  putWidth(slot, width, value);
  return setTarget(u, host, other);
}

function addWidth(width: u32, a: u64, b: u64): u64 {
  if (width == 8) return alu.arithmetic<u64>(uop.ALU_ADD, a, b);
  if (width == 4) return alu.arithmetic<u32>(uop.ALU_ADD, <u32>a, <u32>b);
  if (width == 2) return alu.arithmetic<u16>(uop.ALU_ADD, <u16>a, <u16>b);
  return alu.arithmetic<u8>(uop.ALU_ADD, <u8>a, <u8>b);
}

export function exchangeAdd(u: usize): u32 {
  const width = widthOf(u);
  const host = target(u);
  if (!host) return uop.FAULTED;
  const slot: usize = load<u16>(u, uop.SRC);
  const value = loadWidth(host, width);
  const sum = addWidth(width, value, loadWidth(slot, width));
  putWidth(slot, width, value);
  return setTarget(u, host, sum);
}

export function compareExchange(u: usize): u32 {
  const width = widthOf(u);
  const host = target(u);
  if (!host) return uop.FAULTED;
  const value = loadWidth(host, width);
  const expected = loadWidth(RAX, width);
  if (width == 8) sub<u64>(expected, value);
  else if (width == 4) sub<u32>(<u32>expected, <u32>value);
  else if (width == 2) sub<u16>(<u16>expected, <u16>value);
  else sub<u8>(<u8>expected, <u8>value);
  if (expected == value) return setTarget(u, host, loadWidth(load<u16>(u, uop.SRC), width));
  putWidth(RAX, width, value);
  return isMemory(u) ? setTarget(u, host, value) : uop.GO_ON;
}

function setZero(zero: bool): void {
  settle();
  store<u32>(at.RFLAGS, (load<u32>(at.RFLAGS) & ~at.ZF) | (zero ? at.ZF : 0));
}

/** CMPXCHG8B and CMPXCHG16B, of two halves of T. The latter needs 16-byte alignment. */
export function compareExchangePair<T>(u: usize): u32 {
  const address = effective(u);
  if (sizeof<T>() == 8 && address & 15) return fault(13);
  const host = write(address, sizeof<T>() * 2);
  if (!host) return uop.FAULTED;
  const low = load<T>(host);
  const high = load<T>(host, sizeof<T>());
  const equal = low == load<T>(RAX) && high == load<T>(RDX);
  setZero(equal);
  if (equal) {
    store<T>(host, load<T>(RBX));
    store<T>(host, load<T>(RCX), sizeof<T>());
  } else {
    put<T>(RAX, low);
    put<T>(RDX, high);
  }
  finish(host);
  return uop.GO_ON;
}
