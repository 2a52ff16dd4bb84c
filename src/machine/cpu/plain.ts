/**
 * Bodies of the main loop's operations, inlined into it. Those on memory answer false for a fault, with nothing changed.
 * The kind of an arithmetic operation is a constant at each use, so that only one of the cases is left.
 */
import * as at from './layout';
import * as uop from './uops';
import * as alu from './alu';
import { add, logic, sub } from './flags';
import { finish, reading, writing } from './memory';
import { RBP, RSP, dst, effective, imm, setDst, src } from './operands';

// @ts-ignore: decorator
@inline
function operate<T>(kind: i32, a: T, b: T): T {
  if (kind == uop.ALU_ADD) return add<T>(a, b);
  if (kind == uop.ALU_OR) return logic<T>(<T>(a | b));
  if (kind == uop.ALU_ADC) return alu.adc<T>(a, b);
  if (kind == uop.ALU_SBB) return alu.sbb<T>(a, b);
  if (kind == uop.ALU_AND || kind == uop.ALU_TEST) return logic<T>(<T>(a & b));
  if (kind == uop.ALU_XOR) return logic<T>(<T>(a ^ b));
  return sub<T>(a, b);
}

/** CMP and TEST set flags only. */
// @ts-ignore: decorator
@inline
function isQuiet(kind: i32): bool {
  return kind >= uop.ALU_CMP;
}

// @ts-ignore: decorator
@inline
export function aluRR<T>(kind: i32, u: usize): void {
  const value = operate<T>(kind, dst<T>(u), src<T>(u));
  if (!isQuiet(kind)) setDst<T>(u, value);
}

// @ts-ignore: decorator
@inline
export function aluRI<T>(kind: i32, u: usize): void {
  const value = operate<T>(kind, dst<T>(u), imm<T>(u));
  if (!isQuiet(kind)) setDst<T>(u, value);
}

// @ts-ignore: decorator
@inline
export function aluRM<T>(kind: i32, u: usize): bool {
  const host = reading<T>(effective(u));
  if (!host) return false;
  const value = operate<T>(kind, dst<T>(u), load<T>(host));
  if (!isQuiet(kind)) setDst<T>(u, value);
  return true;
}

// @ts-ignore: decorator
@inline
function aluMemory<T>(kind: i32, u: usize, b: T): bool {
  if (isQuiet(kind)) {
    const host = reading<T>(effective(u));
    if (!host) return false;
    operate<T>(kind, load<T>(host), b);
    return true;
  }
  const host = writing<T>(effective(u));
  if (!host) return false;
  store<T>(host, operate<T>(kind, load<T>(host), b));
  finish(host);
  return true;
}

// @ts-ignore: decorator
@inline
export function aluMR<T>(kind: i32, u: usize): bool {
  return aluMemory<T>(kind, u, src<T>(u));
}

// @ts-ignore: decorator
@inline
export function aluMI<T>(kind: i32, u: usize): bool {
  return aluMemory<T>(kind, u, imm<T>(u));
}

/** 8 and 16 bits: the kind is in SUB. */
// @ts-ignore: decorator
@inline
export function narrowRegister<T>(u: usize, b: T): void {
  setDst<T>(u, alu.arithmetic<T>(load<u8>(u, uop.SUB), dst<T>(u), b));
}

// @ts-ignore: decorator
@inline
export function narrowRM<T>(u: usize): bool {
  const host = reading<T>(effective(u));
  if (!host) return false;
  narrowRegister<T>(u, load<T>(host));
  return true;
}

// @ts-ignore: decorator
@inline
export function narrowMemory<T>(u: usize, b: T): bool {
  const kind = <i32>load<u8>(u, uop.SUB);
  const host = isQuiet(kind) ? reading<T>(effective(u)) : writing<T>(effective(u));
  if (!host) return false;
  const value = alu.arithmetic<T>(kind, load<T>(host), b);
  if (!isQuiet(kind)) {
    store<T>(host, value);
    finish(host);
  }
  return true;
}

/** Loads From, sign- or zero-extended as its type says, into a register as To. */
// @ts-ignore: decorator
@inline
export function loads<From, To>(u: usize): bool {
  const host = reading<From>(effective(u));
  if (!host) return false;
  setDst<To>(u, <To>load<From>(host));
  return true;
}

// @ts-ignore: decorator
@inline
export function stores<T>(u: usize, value: T): bool {
  const host = writing<T>(effective(u));
  if (!host) return false;
  store<T>(host, value);
  finish(host);
  return true;
}

// @ts-ignore: decorator
@inline
export function push(value: u64): bool {
  const stack = load<u64>(RSP) - 8;
  const host = writing<u64>(stack);
  if (!host) return false;
  store<u64>(host, value);
  finish(host);
  store<u64>(RSP, stack);
  return true;
}

// @ts-ignore: decorator
@inline
export function pushMemory(u: usize): bool {
  const host = reading<u64>(effective(u));
  return host ? push(load<u64>(host)) : false;
}

// @ts-ignore: decorator
@inline
export function pop(u: usize): bool {
  const stack = load<u64>(RSP);
  const host = reading<u64>(stack);
  if (!host) return false;
  store<u64>(RSP, stack + 8);
  setDst<u64>(u, load<u64>(host));
  return true;
}

// @ts-ignore: decorator
@inline
export function leaveFrame(): bool {
  const frame = load<u64>(RBP);
  const host = reading<u64>(frame);
  if (!host) return false;
  store<u64>(RBP, load<u64>(host));
  store<u64>(RSP, frame + 8);
  return true;
}

// @ts-ignore: decorator
@inline
export function multiplyMemory<T>(u: usize): bool {
  const host = reading<T>(effective(u));
  if (!host) return false;
  setDst<T>(u, alu.imul<T>(dst<T>(u), load<T>(host)));
  return true;
}

/** Jumps to an address unless that is not canonical. */
// @ts-ignore: decorator
@inline
export function jumpTo(target: u64): bool {
  if (<u64>((<i64>(target << 16)) >> 16) != target) {
    store<u32>(at.EXCEPTION_VECTOR, 13);
    store<u32>(at.NON_CANONICAL, 1);
    return false;
  }
  store<u64>(at.RIP, target);
  return true;
}

// @ts-ignore: decorator
@inline
export function jumpMemory(u: usize): bool {
  const host = reading<u64>(effective(u));
  return host ? jumpTo(load<u64>(host)) : false;
}

/** Pushes the address of the next instruction. */
// @ts-ignore: decorator
@inline
export function pushReturn(u: usize): bool {
  return push(load<u64>(at.CODE_PAGE) + load<u16>(u, uop.NEXT));
}

/** Calls an address: the stack's fault comes before that of the target. */
export function callTo(u: usize, target: u64): bool {
  return writing<u64>(load<u64>(RSP) - 8) != 0 && jumpTo(target) && pushReturn(u);
}

// @ts-ignore: decorator
@inline
export function callMemory(u: usize): bool {
  const host = reading<u64>(effective(u));
  return host ? callTo(u, load<u64>(host)) : false;
}

/** Returns, and drops `bytes` of arguments. */
// @ts-ignore: decorator
@inline
export function returnAndDrop(bytes: u64): bool {
  const stack = load<u64>(RSP);
  const host = reading<u64>(stack);
  if (!host || !jumpTo(load<u64>(host))) return false;
  store<u64>(RSP, stack + 8 + bytes);
  return true;
}
