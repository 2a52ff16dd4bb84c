/** The operands that a micro-operation names. */
import * as at from './layout';
import * as uop from './uops';

/** Effective address of the memory operand. */
// @ts-ignore: decorator
@inline
export function effective(u: usize): u64 {
  return (
    load<u64>(load<u16>(u, uop.BASE)) +
    (load<u64>(load<u16>(u, uop.INDEX)) << <u64>load<u8>(u, uop.SCALE)) +
    <u64>(<i64>load<i32>(u, uop.DISP))
  );
}

// @ts-ignore: decorator
@inline
export function dst<T>(u: usize): T {
  return load<T>(load<u16>(u, uop.DST));
}

// @ts-ignore: decorator
@inline
export function src<T>(u: usize): T {
  return load<T>(load<u16>(u, uop.SRC));
}

// @ts-ignore: decorator
@inline
export function imm<T>(u: usize): T {
  return load<T>(u, uop.IMM);
}

/** Writes a register slot: 32 bits clear the upper half, 8 and 16 bits leave the rest. */
// @ts-ignore: decorator
@inline
export function put<T>(slot: usize, value: T): void {
  if (sizeof<T>() == 4) store<u64>(slot, <u32>value);
  else store<T>(slot, value);
}

// @ts-ignore: decorator
@inline
export function setDst<T>(u: usize, value: T): void {
  put<T>(load<u16>(u, uop.DST), value);
}

/** A register, sign not extended, by width in bytes. */
export function loadWidth(slot: usize, width: u32): u64 {
  if (width == 8) return load<u64>(slot);
  if (width == 4) return load<u32>(slot);
  if (width == 2) return load<u16>(slot);
  return load<u8>(slot);
}

/** Stores to memory by width in bytes. */
export function storeWidth(host: usize, width: u32, value: u64): void {
  if (width == 8) store<u64>(host, value);
  else if (width == 4) store<u32>(host, <u32>value);
  else if (width == 2) store<u16>(host, <u16>value);
  else store<u8>(host, <u8>value);
}

/** Writes a register slot by width in bytes. */
export function putWidth(slot: usize, width: u32, value: u64): void {
  storeWidth(slot, width == 4 ? 8 : width, width == 4 ? value & 0xffffffff : value);
}

// @ts-ignore: decorator
@inline
export function register(number: u32): usize {
  return at.GPR + (number << 3);
}

export const RAX = at.GPR;
export const RCX = at.GPR + 8;
export const RDX = at.GPR + 16;
export const RBX = at.GPR + 24;
export const RSP = at.GPR + 32;
export const RBP = at.GPR + 40;
export const RSI = at.GPR + 48;
export const RDI = at.GPR + 56;
