/**
 * The usual case of common SSE operations, inlined into the main loop: round to nearest, inexact results recorded already and
 * not trapped, zero or normal operands, a result well inside the normal numbers. WebAssembly's arithmetic is the processor's there.
 */
import * as at from './layout';
import * as uop from './uops';
import { finish, reading, writing } from './memory';
import { dst, effective, src } from './operands';
import * as ops from './sse-ops';
import { sseMemory, sseRegisters } from './vector-operands';

/** MXCSR with all exceptions masked, the default rounding, no flush to zero, and the precision flag set; other flags aside. */
const USUAL: u32 = 0x1fa0;
const OTHER_FLAGS: u32 = 0x1f;

// @ts-ignore: decorator
@inline
function isNormal<T>(x: T): bool {
  const magnitude = abs<T>(x);
  if (sizeof<T>() == 8) return <f64>magnitude > reinterpret<f64>(0x0010000000000000) && <f64>magnitude <= f64.MAX_VALUE;
  return <f32>magnitude > reinterpret<f32>(0x00800000) && <f32>magnitude <= f32.MAX_VALUE;
}

// @ts-ignore: decorator
@inline
function isOrdinary<T>(x: T): bool {
  return isNormal<T>(x) || x == <T>0;
}

/** dst = dst op b, if that is the usual case. */
// @ts-ignore: decorator
@inline
function quickly<T>(op: i32, u: usize, b: T): bool {
  if ((load<u32>(at.MXCSR) & ~OTHER_FLAGS) != USUAL) return false;
  const a = dst<T>(u);
  let r: T;
  if (op == ops.SSE_ADD) r = <T>(a + b);
  else if (op == ops.SSE_SUB) r = <T>(a - b);
  else if (op == ops.SSE_MUL) r = <T>(a * b);
  else r = <T>(a / b);
  const isSum = op == ops.SSE_ADD || op == ops.SSE_SUB;
  if (!(isNormal<T>(r) || (isSum && r == <T>0)) || !isOrdinary<T>(a) || !isOrdinary<T>(b)) return false;
  store<T>(load<u16>(u, uop.DST), r);
  return true;
}

/** dst = dst op src, of scalars. False: a fault. */
// @ts-ignore: decorator
@inline
export function scalar<T>(op: i32, u: usize): bool {
  return quickly<T>(op, u, src<T>(u)) || sseRegisters(u);
}

/** The same from memory. Where that cannot be read, the careful way reports it. */
// @ts-ignore: decorator
@inline
export function scalarMemory<T>(op: i32, u: usize): bool {
  const host = reading<T>(effective(u));
  return (host != 0 && quickly<T>(op, u, load<T>(host))) || sseMemory(u);
}

// @ts-ignore: decorator
@inline
export function xmmDst(u: usize): v128 {
  return v128.load(load<u16>(u, uop.DST));
}

// @ts-ignore: decorator
@inline
export function xmmSrc(u: usize): v128 {
  return v128.load(load<u16>(u, uop.SRC));
}

// @ts-ignore: decorator
@inline
export function setXmm(u: usize, value: v128): void {
  v128.store(load<u16>(u, uop.DST), value);
}

/** Whether the operand lies at a multiple of 16; the header holds the fault if not. */
// @ts-ignore: decorator
@inline
export function isAligned(u: usize): bool {
  if (!(<u32>effective(u) & 15)) return true;
  store<u32>(at.EXCEPTION_VECTOR, 13);
  return false;
}

// @ts-ignore: decorator
@inline
export function loadsXmm(u: usize): bool {
  const host = reading<v128>(effective(u));
  if (!host) return false;
  setXmm(u, v128.load(host));
  return true;
}

// @ts-ignore: decorator
@inline
export function storesXmm(u: usize): bool {
  const host = writing<v128>(effective(u));
  if (!host) return false;
  v128.store(host, xmmSrc(u));
  finish(host);
  return true;
}

/** Loads the low part of a register and clears the rest. */
// @ts-ignore: decorator
@inline
export function loadsScalar<T>(u: usize): bool {
  const host = reading<T>(effective(u));
  if (!host) return false;
  const slot: usize = load<u16>(u, uop.DST);
  store<u64>(slot, <u64>load<T>(host));
  store<u64>(slot, 0, 8);
  return true;
}
